"""Record results of aesara, Theano's successor, for drawn arguments: `python tests/oracles/record_theano.py`.

Runs in an environment with aesara, and writes data/theano.json.gz. Its operations compute by their own definition in
Python (the linker "py", no rewrites), since what they are rewritten to needs a BLAS and does not build with it today.
"""

import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
warnings.simplefilter("ignore")

import aesara  # noqa: E402  after the path and the filter
import aesara.tensor as at  # noqa: E402
from aesara.tensor.nnet import abstract_conv  # noqa: E402

from recording import filled, outcome, write  # noqa: E402

MODE = aesara.compile.mode.Mode(linker="py", optimizer=None)
CALLS = {
    ("conv", 2): abstract_conv.conv2d,
    ("conv", 3): abstract_conv.conv3d,
    ("conv", 1): abstract_conv.causal_conv1d,
    ("conv_transpose", 2): abstract_conv.conv2d_grad_wrt_inputs,
    ("conv_transpose", 3): abstract_conv.conv3d_grad_wrt_inputs,
}


def tuples(value):
    """Convert the lists of JSON to tuples, which Theano needs."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def run(case):
    """Run one case on aesara."""
    kwargs = {name: tuples(value) for name, value in case["words"].items()}
    x = filled(case["x_shape"], case["seed"]).astype(np.float64)
    w = filled(case["w_shape"], case["seed"] + 1).astype(np.float64)
    given = [at.as_tensor_variable(x), at.as_tensor_variable(w)]
    if case["call"] == "conv_transpose":
        given.append(kwargs.pop("input_shape"))
    if case["axes"] == 1:
        kwargs["filter_shape"] = tuple(case["w_shape"])
    y = aesara.function([], CALLS[case["call"], case["axes"]](*given, **kwargs), mode=MODE)()
    # In 3-D its definition goes through SciPy's FFT, whose results are integers but for the last digits.
    return np.rint(y) if case["axes"] == 3 and np.allclose(y, np.rint(y), rtol=0, atol=1e-9) else y


def some(rng, *values, share=0.5):
    """Return the first value, or another one with a probability of `share`."""
    return values[0] if rng.random() > share else values[1 + int(rng.integers(len(values) - 1))]


def border_mode(rng, axes):
    """Draw a border mode of any kind; Theano refuses a few."""
    kind = rng.integers(20)
    if kind < 9:
        return ("valid", "half", "full")[kind % 3]
    if kind < 12:
        return int(rng.integers(0, 3))
    if kind < 15:
        return [int(rng.integers(0, 4)) for _ in range(axes)]
    if kind < 18:
        return [
            [int(rng.integers(0, 4)), int(rng.integers(0, 4))] if rng.random() < 0.7 else int(rng.integers(0, 3))
            for _ in range(axes)
        ]
    return ("same", -1, [1], [1, -1, 0][:axes], [[1, 2, 3]] * axes)[rng.integers(5)]


def span(k, d):
    return d * (k - 1) + 1


def pads(mode, number, spans):
    """Return (before, after) of a mode that Theano accepts."""
    k = spans[number]
    if isinstance(mode, str):
        return {"valid": (0, 0), "half": (k // 2, k // 2), "full": (k - 1, k - 1)}.get(mode, (0, 0))
    if isinstance(mode, int):
        return (mode, mode)
    entry = mode[number % len(mode)]
    return tuple(entry[:2]) if isinstance(entry, list) else (entry, entry)


def drawn(rng, number):
    axes = (2, 2, 2, 3, 2, 2, 3, 1)[number % 8]
    call = "conv" if axes == 1 or rng.random() < 0.5 else "conv_transpose"
    groups = some(rng, 1, 2, 3, share=0.4)
    into, out = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 3))
    kernel = [int(rng.integers(1, 4)) for _ in range(axes)]
    stride = [some(rng, 1, 2, 3, share=0.6) for _ in range(axes)]
    dilation = [some(rng, 1, 2, 3, share=0.3) for _ in range(axes)]
    mode = border_mode(rng, axes)
    spans = [span(k, d) for k, d in zip(kernel, dilation, strict=True)]
    size = [int(rng.integers(1, 10 - 2 * axes)) for _ in range(axes)]
    kwargs = {"num_groups": groups}
    if axes == 1:
        kwargs.update(subsample=stride[0], filter_dilation=dilation[0])
    else:
        kwargs.update(border_mode=mode, subsample=stride, filter_dilation=dilation)
    if rng.random() < 0.4:
        kwargs["filter_flip"] = bool(rng.random() < 0.3)
    w_shape = [out, into // groups, *kernel]
    if rng.random() < 0.05:  # channels that do not fit the groups, or the filters
        w_shape[rng.integers(2)] += 1
    if call == "conv_transpose":
        # What the layer gives: a size with so many windows, a little more, or too much.
        wanted = []
        for axis in range(axes):
            smallest = (size[axis] - 1) * stride[axis] + spans[axis] - sum(pads(mode, axis, spans))
            slack = int(rng.integers(stride[axis])) if rng.random() < 0.96 else int(some(rng, stride[axis], -1))
            wanted.append(max(smallest + slack, 1))
        known = rng.random() < 0.5
        kwargs["input_shape"] = [2 if known else None, into if known else None, *wanted]
        if rng.random() < 0.1:  # hints that are wrong
            kwargs["input_shape"][1] = into + 1
            kwargs["filter_shape"] = [*w_shape[:-1], some(rng, w_shape[-1] + 1, None)]
        x_shape = [2, out, *size]
    else:
        x_shape = [2, into, *(n + int(rng.integers(3)) for n in size)]
    return {"call": call, "axes": axes, "words": kwargs, "seed": number, "x_shape": x_shape, "w_shape": w_shape}


def main():
    rng = np.random.default_rng(2018)
    cases = [drawn(rng, number) for number in range(520)]
    for case in cases:
        case.update(outcome(lambda case=case: run(case)))
        if "error" in case:
            case["error"] = case["error"].split("\nApply node")[0][:160]
    versions = {"aesara": aesara.__version__, "numpy": np.__version__, "python": sys.version.split()[0]}
    write("theano", versions, cases)
    print(len(cases), sum("error" in case for case in cases), sum(0 in case.get("y_shape", ()) for case in cases))


main()
