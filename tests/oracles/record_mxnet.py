"""Record MXNet's results for drawn arguments: `python tests/oracles/record_mxnet.py`.

Runs in an environment with mxnet, and writes data/mxnet.json.gz. A case is `native` where it runs without oneDNN, in a
separate process: oneDNN computes a target_shape only if pad and adj agree with it. MXNet's own code has no
Deconvolution of three axes, and one whose stride and dilate are both more than 1 on an axis is not the transpose of its
Convolution: such cases run with oneDNN.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from recording import filled, outcome, write

SWITCH = "MXNET_MKLDNN_ENABLED"
LAYOUTS = {1: ("NCW",), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}
SCALE = 216
"""Averages over 1 to 3 x 3 x 3 cells of multiples of it are integers."""


# -- running ---------------------------------------------------------------------------------------------------------


def given(mx, case):
    x = filled(case["x_shape"], case["seed"]) * case.get("scale", 1)
    return [mx.nd.array(each, dtype="float32") for each in (x, filled(case["w_shape"], case["seed"] + 1))]


def run(mx, case):
    """Run one case on MXNet."""
    kwargs = {name: tuple(value) if isinstance(value, list) else value for name, value in case["words"].items()}
    call = case["call"]
    if call == "shape":  # of the weight and the output, which channels last have on a CPU too
        operator = getattr(mx.sym, case["operator"])(mx.sym.var("data"), name="layer", no_bias=True, **kwargs)
        shapes, outputs, _ = operator.infer_shape(data=tuple(case["x_shape"]))
        return [shapes[1], outputs[0]]
    if call == "bilinear":
        w = mx.nd.zeros(tuple(case["w_shape"]))
        mx.init.Bilinear()._init_weight("weight", w)
        return np.rint(w.asnumpy().astype(np.float64) * (2 * -(-case["w_shape"][3] // 2)) ** 2)
    x, w = given(mx, case)
    if call == "upsampling":
        channels = case["x_shape"][1]
        return mx.nd.UpSampling(x, w, sample_type="bilinear", num_filter=channels, **kwargs).asnumpy()
    if call == "block":
        return run_block(mx, case, kwargs, x)
    operator = {"conv": mx.nd.Convolution, "conv_transpose": mx.nd.Deconvolution}[call]
    return operator(x, w, no_bias=True, **kwargs).asnumpy()


def run_block(mx, case, kwargs, x):
    """Run a block of Gluon, and add its attributes to the case."""
    if case["kind"].startswith("PixelShuffle"):
        block = getattr(mx.gluon.contrib.nn, case["kind"])(**kwargs)
        case["attributes"] = {name: getattr(block, name) for name in ("_factor", "_factors") if hasattr(block, name)}
        return block(x).asnumpy()
    block = getattr(mx.gluon.nn, case["kind"])(**kwargs)
    block.initialize()
    case["attributes"] = {"_kwargs": block._kwargs}
    if hasattr(block, "weight"):
        case["attributes"]["_op_name"] = block._op_name
        case["w_shape"] = list(block.weight.shape)
        block.weight.set_data(mx.nd.array(filled(case["w_shape"], case["seed"] + 1)))
        block.bias.set_data(mx.nd.array(filled(block.bias.shape, case["seed"] + 2)))
    y = block(x).asnumpy()
    if "ceil_mode" in kwargs:
        refuse_windows_beyond(y.shape[2:], x.shape[2:], kwargs)
    return np.rint(y) if np.allclose(y, np.rint(y), rtol=0, atol=1e-4) else y


def refuse_windows_beyond(outputs, size, kwargs):
    """Raise an error for a last window without input, whose maximum is -FLT_MAX and whose average is undefined."""
    for o, n, s, p in zip(outputs, size, kwargs["strides"], kwargs["padding"], strict=True):
        if (o - 1) * s - p >= n:
            raise ValueError("the last window sees no input")


def answers(native):
    """Return the outcomes of the cases of one process."""
    import mxnet as mx

    found = []
    for case in drawn_cases():
        if case.get("native", False) != native:
            found.append(None)
            continue
        got = outcome(lambda case=case: run(mx, case))
        if "error" in got:
            lines = [line for line in got["error"].split("\n") if "Error" in line]
            got["error"] = lines[-1][-160:]
        found.append({**case, **got})
    return {"cases": found, "versions": {"mxnet": mx.__version__, "numpy": np.__version__}}


# -- drawing ---------------------------------------------------------------------------------------------------------


def some(rng, *values, share=0.5):
    """Return the first value, or another one with a probability of `share`."""
    return values[0] if rng.random() > share else values[1 + int(rng.integers(len(values) - 1))]


def maybe(rng, kwargs, name, value, share):
    if rng.random() < share:
        kwargs[name] = value


def drawn(rng, number, call):
    axes = (2, 1, 2, 3)[number % 4]
    groups = some(rng, 1, 2, 3, share=0.4)
    into, out = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 3))
    if rng.random() < 0.04:  # a count that the groups do not divide
        into, out = into + int(rng.integers(2)), out + int(rng.integers(2))
    kernel = [int(rng.integers(1, 5 - axes // 3)) for _ in range(axes)]
    stride = [some(rng, 1, 2, 3, share=0.6) for _ in range(axes)]
    dilate = [some(rng, 1, 2, 3, share=0.4) for _ in range(axes)]
    size = [int(rng.integers(1, 9 - 2 * axes + axes // 3)) for _ in range(axes)]
    kwargs = {"kernel": kernel, "num_filter": out}
    maybe(rng, kwargs, "num_group", groups, 1.0 if groups > 1 else 0.2)
    maybe(rng, kwargs, "stride", stride, 0.8)
    maybe(rng, kwargs, "dilate", dilate, 0.6)
    maybe(rng, kwargs, "pad", [int(rng.integers(0, 3)) for _ in range(axes)], 0.6)
    maybe(rng, kwargs, "layout", LAYOUTS[axes][0], 0.2)
    if rng.random() < 0.04:  # one entry where there are several axes, or one too many
        kwargs["stride"] = [2] * int(rng.integers(1, 5))
    case = {"call": call, "axes": axes, "words": kwargs, "seed": number}
    if call == "conv":
        case["x_shape"] = [2, into, *(n + int(rng.integers(0, 4)) for n in size)]
        case["w_shape"] = [out, max(into // groups, 1), *kernel]
        return case
    case["x_shape"], case["w_shape"] = [2, into, *size], [into, max(out // groups, 1), *kernel]
    step, spread = kwargs.get("stride", [1] * axes), kwargs.get("dilate", [1] * axes)
    if rng.random() < 0.4:
        kwargs["adj"] = [int(rng.integers(0, s)) if rng.random() < 0.93 else s for s in step][:axes]
    case["native"] = axes < 3 and bool(rng.random() < 0.5)
    if case["native"] and rng.random() < 0.7:
        full = [s * (n - 1) + d * (k - 1) + 1 for s, n, d, k in zip(step, size, spread, kernel, strict=False)]
        kwargs["target_shape"] = [max(f + int(rng.random() < 0.04) - int(rng.integers(0, 6)), 0) for f in full]
        totals = [f - target for f, target in zip(full, kwargs["target_shape"], strict=True)]
    if case["native"] and any(a > 1 and b > 1 for a, b in zip(step, spread, strict=False)):
        case["native"] = False
        if "target_shape" in kwargs:
            kwargs.update(pad=[max(total + 1, 0) // 2 for total in totals], adj=[total % 2 for total in totals])
    return case


def drawn_block(rng, number):
    axes = 1 + number % 3
    size = [int(rng.integers(4, 8 - axes // 2)) for _ in range(axes)]
    case = {"call": "block", "seed": number, "scale": SCALE, "x_shape": [2, 4, *size], "w_shape": [1]}
    numbers = {
        "strides": [int(rng.integers(1, 4)) for _ in range(axes)],
        "padding": [int(rng.integers(0, 2)) for _ in range(axes)],
    }
    if number % 2:
        kind = some(rng, "Conv{}D", "Conv{}DTranspose", share=0.6)
        kwargs = {
            "in_channels": 4,
            "channels": 2 * int(rng.integers(1, 3)),
            "kernel_size": [int(rng.integers(1, 4)) for _ in range(axes)],
            "groups": some(rng, 1, 2),
            "dilation": [some(rng, 1, 2) for _ in range(axes)],
            **numbers,
        }
        if "Transpose" in kind:
            kwargs["dilation"] = (
                [1] * 3 if axes == 3 else kwargs["dilation"]
            )  # more of it is refused without attributes
            kwargs["output_padding"] = [int(rng.integers(s)) for s in numbers["strides"]]
        return {**case, "kind": kind.format(axes), "scale": 1, "words": kwargs}
    kind = ("MaxPool{}D", "MaxPool{}D", "AvgPool{}D", "AvgPool{}D", "GlobalAvgPool{}D", "GlobalMaxPool{}D")[
        rng.integers(6)
    ]
    if "Global" in kind:
        case["x_shape"][2:] = [int(rng.integers(1, 4)) for _ in range(axes)]
        return {**case, "kind": kind.format(axes), "words": {}}
    kwargs = {
        "pool_size": [int(rng.integers(2, 4)) for _ in range(axes)],
        "ceil_mode": bool(rng.random() < 0.6),
        **numbers,
    }
    if "Avg" in kind:
        kwargs["count_include_pad"] = bool(rng.random() < 0.5)
        kwargs["pool_size"] = [2, 3, 2][:axes] if axes < 3 else [2, 3, 3]
    return {**case, "kind": kind.format(axes), "words": kwargs}


def drawn_shape(rng, number):
    axes = 1 + number % 3
    layout = LAYOUTS[axes][-1]
    size, kernel = ([int(n) for n in rng.integers(low, high, axes)] for low, high in ((5, 8), (1, 4)))
    last = layout.endswith("C")
    kwargs = {"kernel": kernel, "num_filter": 6, "num_group": 2, "layout": layout, "stride": [2] * axes}
    return {
        "call": "shape",
        "axes": axes,
        "operator": ("Convolution", "Deconvolution")[number % 2],
        "words": kwargs,
        "x_shape": [2, *size, 4] if last else [2, 4, *size],
        "w_shape": [1],
        "seed": number,
    }


def drawn_cases():
    rng = np.random.default_rng(2017)
    cases = [drawn(rng, number, "conv") for number in range(240)]
    cases += [drawn(rng, number, "conv_transpose") for number in range(360)]
    cases += [drawn_block(rng, number) for number in range(120)]
    cases += [drawn_shape(rng, number) for number in range(12)]
    for scale in (1, 2, 3, 4, 5):
        k, channels = 2 * scale - scale % 2, int(rng.integers(1, 4))
        cases.append(
            {
                "call": "upsampling",
                "words": {"scale": scale},
                "seed": scale,
                "x_shape": [2, channels, 3, 2],
                "w_shape": [channels, 1, k, k],
            }
        )
    shuffles = ((1, 2), (1, 3), (2, [2, 3]), (2, 2), (3, [1, 2, 2]), (3, [2, 1, 3]))
    for number, (axes, factor) in enumerate(shuffles):
        channels = 2 * int(np.prod(factor)) ** (1 if isinstance(factor, list) else axes)
        cases.append(
            {
                "call": "block",
                "kind": f"PixelShuffle{axes}D",
                "words": {"factor": factor},
                "seed": number,
                "scale": 1,
                "x_shape": [2, channels, *(3, 2, 2)[:axes]],
                "w_shape": [1],
            }
        )
    for shape in ([1, 1, 2, 2], [2, 1, 3, 3], [3, 1, 4, 4], [1, 1, 5, 5], [1, 1, 6, 6], [1, 1, 3, 4], [1, 2, 8, 7]):
        cases.append({"call": "bilinear", "words": {}, "seed": 0, "w_shape": shape})
    return cases


def main():
    parts = []
    for enabled in ("1", "0"):
        completed = subprocess.run(
            [sys.executable, __file__, enabled],
            env={**os.environ, SWITCH: enabled},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        parts.append(json.loads(completed.stdout.splitlines()[-1]))
    cases = [with_it or without for with_it, without in zip(*(part["cases"] for part in parts), strict=True)]
    write("mxnet", {**parts[0]["versions"], "python": sys.version.split()[0]}, cases)
    print(len(cases), sum("error" in case for case in cases), sum(0 in case.get("y_shape", ()) for case in cases))


if len(sys.argv) > 1:
    print(json.dumps(answers(native=sys.argv[1] == "0")), flush=True)
    os._exit(0)  # MXNet reports errors of its threads once more when it is shut down
main()
