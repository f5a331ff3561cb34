"""Drawn calls of PyTorch: layers have the same values, in exact integers, and raise errors where PyTorch does."""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.algebra.stack.network import Network
from convmatrix.frameworks import torch as torch_layers
from convmatrix.layers import MaxPool
from recording import filled
from torch_modules import filled_module, of, random_input

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning"),
    pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning"),
]

MODES = ("zeros", "reflect", "replicate", "circular")
ERRORS = (ValueError, RuntimeError, TypeError, IndexError)
LARGEST = {1: 9, 2: 6, 3: 4}


def outcome(call):
    """Return the result of a call, or None if it raises an error."""
    try:
        return call()
    except ERRORS:
        return None


REASONS = (
    "needs stride 1",
    "is not one of same, valid",
    "padding_mode 'symmetric' is not one of",
    "is negative",
    "too large for padding_mode 'reflect'",
    "too large for padding_mode 'circular'",
    "kernel does not fit",
    "does not divide",
    "but padding has 1 entry",
)
TRANSPOSE_REASONS = (
    "is too large: it must be less than max",
    "cannot come from",
    "output is empty",
    "does not divide",
    "takes numbers only",
    "is negative",
    "must be a sequence",
    "only 'zeros'",
    "output_padding on axis",
    "output_size has",
    "output_size on axis",
)


def layer_or_none(call, seen, reasons=()):
    """Return the layer of a call; None if it raises a ValueError, whose reasons are counted."""
    try:
        return call()
    except ValueError as error:
        seen.update(reason for reason in reasons if reason in str(error))
        return None


class Draw:
    """Random arguments."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def one_of(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def number(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def rarely(self, percent):
        return self.rng.random() < percent / 100

    def numbers(self, low, high, ndim, *, alone=0):
        """Draw one number for all axes, or one for each; sometimes in a sequence of one."""
        if self.rarely(alone):
            return (self.number(low, high),)
        if self.rarely(35):
            return self.number(low, high)
        entries = [self.number(low, high) for _ in range(ndim)]
        return self.one_of(tuple, list)(entries)

    def channels(self):
        """Draw groups, and channels that they divide, with few exceptions."""
        groups = self.one_of(1, 1, 2, 3)
        first, second = groups * self.number(1, 2), groups * self.number(1, 2)
        if self.rarely(6):
            second += 1
        return groups, first, second


def conv_arguments(draw):
    ndim = draw.number(1, 3)
    groups, first, second = draw.channels()
    most = LARGEST[ndim]
    named = draw.one_of("same", "same", "valid", "full") if draw.rarely(30) else None
    mode = draw.one_of(*MODES, "zeros", *MODES[1:], *(["symmetric"] if draw.rarely(20) else []))
    kwargs = {
        "in_channels": first,
        "out_channels": second,
        "groups": groups,
        "padding_mode": mode,
        "kernel_size": draw.numbers(1, 4 if ndim < 3 else 3, ndim),
        "stride": 1 if named == "same" and draw.rarely(85) else draw.numbers(1, 3, ndim, alone=5),
        "padding": named or draw.numbers(-1 if draw.rarely(14 if mode == "zeros" else 40) else 0, 4, ndim, alone=8),
        "dilation": draw.numbers(1, 3 if draw.rarely(50) else 1, ndim, alone=5),
        "bias": draw.rarely(50),
    }
    return tuple(draw.number(1, most) for _ in range(ndim)), kwargs


def is_alone_and_same(kwargs, ndim):
    """Check for `same` with one dilation for all axes and a border mode: PyTorch pads the first axis alone."""
    lone = isinstance(kwargs["dilation"], tuple | list) and len(kwargs["dilation"]) == 1 < ndim
    return lone and kwargs["padding"] == "same" and kwargs["padding_mode"] != "zeros"


def test_convolutions():
    draw, seen, slips = Draw(0), Counter(), 0
    for number in range(1300):
        size, kwargs = conv_arguments(draw)
        ndim, x_seed = len(size), 1000 + number
        layer = layer_or_none(lambda: torch_layers.conv(size, **kwargs), seen, REASONS)  # noqa: B023
        x, tensor = random_input(kwargs["in_channels"], size, x_seed)

        def run():
            module = filled_module(of("Conv", ndim)(**kwargs), number)  # noqa: B023
            return module, module(tensor)  # noqa: B023

        expected = outcome(run)
        if is_alone_and_same(kwargs, ndim):
            slips += 1
            assert layer is None
            continue
        assert (layer is None) == (expected is None), (size, kwargs)
        seen["refused" if layer is None else "taken"] += 1
        if layer is None:
            continue
        module, y = expected
        assert isinstance(layer, Conv)
        w = torch_layers.weight(module.weight)
        got = layer.matrix(w) @ layer.vec(x)
        if kwargs["bias"]:
            got = got + layer.bias_vector(module.bias.numpy())[:, None]
        assert_array_equal(layer.unvec(got), y.numpy())
        loaded = torch_layers.from_layer(module, size)
        assert loaded.layer == layer
        assert_array_equal(loaded.weight, w)
        assert (loaded.bias is None) == (not kwargs["bias"])
        padding = kwargs["padding"]
        seen[kwargs["padding_mode"]] += 1
        seen[f"{ndim}-D"] += 1
        seen["names"] += isinstance(padding, str)
        seen["same, odd"] += padding == "same" and any(before != after for before, after in layer.padding)
        seen["same beyond zeros"] += padding == "same" and kwargs["padding_mode"] != "zeros" and layer.nnz > 0
        seen["crops"] += any(before < 0 for before, _ in layer.padding)
        seen["groups"] += kwargs["groups"] > 1
        seen["depthwise"] += 1 < kwargs["groups"] == kwargs["in_channels"]
        seen["dilation"] += any(d > 1 for d in layer.dilation)
        seen["one for all"] += any(isinstance(v, tuple | list) and len(v) == 1 < ndim for v in kwargs.values())
    assert seen["refused"] > 150
    assert seen["taken"] > 450
    rare = {name: seen[name] for name in (*seen, *REASONS) if seen[name] < 8}
    assert not rare
    assert slips < 15
    print(dict(seen), slips)


def transpose_arguments(draw):
    ndim = draw.number(1, 3)
    groups, first, second = draw.channels()
    size = tuple(draw.number(1, LARGEST[ndim] - 1) for _ in range(ndim))
    kwargs = {
        "in_channels": first,
        "out_channels": second,
        "groups": groups,
        "kernel_size": draw.numbers(1, 4 if ndim < 3 else 3, ndim),
        "stride": draw.numbers(1, 4 if ndim == 1 else 3, ndim, alone=5),
        "padding": "same" if draw.rarely(3) else draw.numbers(-1 if draw.rarely(8) else 0, 2, ndim, alone=5),
        "dilation": draw.numbers(1, 3, ndim, alone=5),
        "output_padding": draw.numbers(-1 if draw.rarely(8) else 0, draw.one_of(0, 0, 1, 2), ndim, alone=5),
        "padding_mode": draw.one_of(*MODES) if draw.rarely(5) else "zeros",
        "bias": draw.rarely(50),
    }
    return size, kwargs


def output_size_for(draw, size, kwargs):
    """Draw a size near those that fit, spatial or with more axes in front."""

    def entry(name, axis):
        value = kwargs[name]
        return value if isinstance(value, int) else value[axis % len(value)]

    fits = []
    for axis, n in enumerate(size):
        k, s, p, d = (entry(name, axis) for name in ("kernel_size", "stride", "padding", "dilation"))
        low = (n - 1) * s - 2 * p + d * (k - 1) + 1
        fits.append(draw.number(low - draw.rarely(15), low + s - 1 + draw.rarely(15)))
    front = draw.one_of((), (), (), (2, 7), (2, 7), (7,), (7,), (1, 1, 1))
    return draw.one_of(tuple, list, torch.Size)([*front, *fits]) if draw.rarely(95) else fits[0], front


def test_transposed_convolutions():
    draw, seen = Draw(1), Counter()
    for number in range(900):
        size, kwargs = transpose_arguments(draw)
        ndim, output_size, front = len(size), None, ()
        if draw.rarely(45) and not isinstance(kwargs["padding"], str):
            try:
                output_size, front = output_size_for(draw, size, kwargs)
            except (RuntimeError, TypeError, ValueError):  # torch.Size of nothing that is a size
                output_size = None
        layer = layer_or_none(
            lambda: torch_layers.conv_transpose(size, **kwargs, output_size=output_size),  # noqa: B023
            seen,
            TRANSPOSE_REASONS,
        )
        # PyTorch's module takes channels in front of the size for an input without a batch only.
        x, tensor = random_input(kwargs["in_channels"], size, 5000 + number, batch=1 if len(front) == 1 else 2)

        def run():
            module = filled_module(of("ConvTranspose", ndim)(**kwargs), number)  # noqa: B023
            return module, module(tensor[0] if len(front) == 1 else tensor, output_size=output_size)  # noqa: B023

        expected = outcome(run)
        assert (layer is None) == (expected is None), (size, kwargs, output_size)
        kind = "with output_size" if output_size is not None else "without"
        seen[f"{'refused' if layer is None else 'taken'} {kind}"] += 1
        if layer is None:
            continue
        module, y = expected
        assert isinstance(layer, ConvTranspose)
        w = torch_layers.weight(module.weight, transpose=True)
        got = layer.matrix(w) @ layer.vec(x)
        if kwargs["bias"]:
            got = got + layer.bias_vector(module.bias.numpy())[:, None]
        assert_array_equal(layer.unvec(got), y.numpy().reshape(-1, *layer.output_shape))
        if output_size is None:
            loaded = torch_layers.from_layer(module, size)
            assert loaded.layer == layer
            assert_array_equal(loaded.weight, w)
        seen[f"{ndim}-D"] += 1
        seen["output_padding"] += any(layer.output_padding)
        seen["a stride or more"] += any(map(int.__ge__, layer.output_padding, layer.stride))
        seen["larger than the smallest"] += output_size is not None and any(layer.output_padding)
        seen["axes in front"] += bool(front)
        seen["output_padding not looked at"] += output_size is not None and kwargs["output_padding"] not in (
            0,
            (0,) * ndim,
        )
        seen["groups"] += kwargs["groups"] > 1
        seen["dilation"] += any(d > 1 for d in layer.dilation)
        seen["one for all"] += any(isinstance(v, tuple | list) and len(v) == 1 < ndim for v in kwargs.values())
    assert seen["taken without"] > 250
    assert seen["refused without"] > 50
    assert seen["taken with output_size"] > 100
    assert seen["refused with output_size"] > 50
    rare = {name: seen[name] for name in (*seen, *TRANSPOSE_REASONS) if seen[name] < 8}
    assert not rare
    print(dict(seen))


# -- models ----------------------------------------------------------------------------------------------------------


def block(draw, ndim, channels):
    """Draw a module that takes these channels; return it, its output channels, and its kind."""
    kind = draw.one_of("conv", "conv", "transpose", "avg", "max", "adaptive", "up", "pad", "shuffle", "unshuffle")
    if kind == "conv":
        groups = draw.one_of(1, channels)
        mode = draw.one_of(*MODES)
        out = groups * draw.number(1, 2)
        return nn_conv(draw, ndim, channels, out, groups, mode), out, kind
    if kind == "transpose":
        out = draw.number(1, 3)
        stride = draw.number(1, 2)
        module = of("ConvTranspose", ndim)(
            channels,
            out,
            draw.number(1, 3),
            stride,
            draw.number(0, 1),
            output_padding=draw.number(0, stride - 1),
            bias=False,
        )
        return module, out, kind
    pool = {
        "kernel_size": draw.numbers(1, 4, ndim),
        "stride": draw.one_of(None, draw.numbers(1, 3, ndim)),
        "padding": draw.number(0, 1) + draw.rarely(20),
        "ceil_mode": draw.rarely(50),
    }
    if kind == "avg":
        more = {"count_include_pad": draw.rarely(50)}
        if ndim > 1 and draw.rarely(30):
            more["divisor_override"] = draw.number(1, 5)
        return of("AvgPool", ndim)(**pool, **more), channels, "ceil" if pool["ceil_mode"] else kind
    if kind == "max":
        module = of("MaxPool", ndim)(**pool, dilation=draw.number(1, 2))
        return module, channels, "ceil" if pool["ceil_mode"] else kind
    if kind == "adaptive":
        output_size = draw.one_of(1, 2, tuple(draw.one_of(None, 1, 2) for _ in range(ndim)))
        return of("AdaptiveAvgPool", ndim)(output_size), channels, kind
    if kind == "up":
        linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[ndim]
        mode = draw.one_of("nearest", "nearest-exact", linear, linear, "area" if draw.rarely(20) else "nearest")
        size = draw.rarely(40)
        how = (
            {"size": draw.numbers(1, 6, ndim)}
            if size
            else {
                "scale_factor": draw.one_of(2, 1.5, tuple(draw.one_of(1, 2, 3, 0.5) for _ in range(ndim))),
                "recompute_scale_factor": draw.one_of(None, True),
            }
        )
        align = draw.one_of(None, True, False) if mode == linear else None
        return nn.Upsample(**how, mode=mode, align_corners=align), channels, kind
    if kind == "pad":
        name = draw.one_of("ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad")
        low = draw.one_of(0, 0, -1)
        pads = tuple(draw.number(low, 2) for _ in range(2 * ndim))
        if name == "CircularPad":
            pads = tuple(map(abs, pads))  # with both signs on an axis its own values are no extension
        return of(name, ndim)(draw.one_of(pads, draw.number(low, 2))), channels, name
    factor = draw.number(1, 2)
    if kind == "shuffle":
        return nn.PixelShuffle(factor), channels // factor**2, kind
    return nn.PixelUnshuffle(factor), channels * factor**2, kind


def nn_conv(draw, ndim, channels, out, groups, mode):
    return of("Conv", ndim)(
        channels,
        out,
        draw.number(1, 3),
        draw.number(1, 2),
        draw.number(0, 2),
        draw.number(1, 2),
        groups,
        bias=False,
        padding_mode=mode,
    )


def run_by_hand(chain, x):
    """Apply the matrices to an input; the matrix of a max pool has the entries that it selects."""
    flat = x.ravel()
    for layer, weight in zip(chain, chain.weights, strict=True):
        matrix = (
            layer.matrix(flat.reshape(layer.input_shape))
            if isinstance(layer, MaxPool)
            else (layer.matrix() if weight is None else layer.matrix(weight))
        )
        flat = matrix @ flat
    return flat.reshape(chain[-1].output_shape)


def test_models():
    draw, seen = Draw(2), Counter()
    for number in range(1000):
        ndim = draw.one_of(1, 2, 2, 3)
        channels = first = draw.one_of(1, 2, 4)
        size = tuple(draw.number(2, {1: 12, 2: 8, 3: 5}[ndim]) for _ in range(ndim))
        modules, kinds = [], []
        for _ in range(draw.number(1, 4)):
            if channels < 1 or channels > 12:
                break
            module, channels, kind = block(draw, ndim, channels)
            modules.append(module)
            kinds.append(kind)
        if draw.rarely(40):
            modules = [nn.Sequential(*modules[:1]), *modules[1:]]
        model = filled_module(nn.Sequential(*modules), number)
        x, tensor = random_input(first, size, 9000 + number, batch=1)
        expected = outcome(lambda: model(tensor))  # noqa: B023
        refused = expected is None or expected.numel() == 0
        if ndim != 2 and any(kind in ("shuffle", "unshuffle") for kind in kinds):
            refused = True  # they take two axes of what has more, or fewer, for an image
        if any(getattr(module, "mode", "") == "area" for module in model.modules()):
            refused = True
        if any("Adaptive" in type(m).__name__ for m in model.modules()) and not adaptive_are_plain(model, tensor):
            refused = True
        if expected is not None and not torch.isfinite(expected).all():
            refused = True  # a window of a max pool that sees no input
        chain = layer_or_none(lambda: torch_layers.from_model(model, size, first), seen)  # noqa: B023
        assert (chain is None) == refused, (size, model)
        seen["refused" if refused else "taken"] += 1
        if refused:
            continue
        if kinds[0] in ("conv", "transpose"):
            assert torch_layers.from_model(model, size) == chain  # which says its channels
            seen["channels said"] += 1
        exact = not any(kind in ("avg", "ceil", "up", "adaptive") for kind in kinds)
        compare = assert_array_equal if exact else lambda a, b: assert_allclose(a, b, rtol=1e-12, atol=1e-9)
        compare(run_by_hand(chain, x), expected.numpy()[0])
        network = Network(chain)
        assert network.output_shape == tuple(expected.shape[1:])
        if not any(isinstance(layer, MaxPool) for layer in chain):
            compare(network.matrix(chain.weights) @ x.ravel(), expected.numpy().ravel())
            seen["by one product"] += 1
        seen["exact"] += exact
        seen.update(set(kinds))
    print(dict(seen))
    assert seen["taken"] > 300
    assert seen["refused"] > 50
    assert seen["by one product"] > 200
    assert seen["exact"] > 80
    rare = {name: count for name, count in seen.items() if count < 15}
    assert not rare


def adaptive_are_plain(model, tensor):
    """Check whether the output size of each adaptive pool of a model divides its input size."""
    plain = []

    def look(module, inputs, _):
        kwargs = module.output_size
        size = inputs[0].shape[2:]
        kwargs = [kwargs] * len(size) if isinstance(kwargs, int) else kwargs
        plain.append(all(n % (o or n) == 0 for n, o in zip(size, kwargs, strict=True)))

    hooks = [m.register_forward_hook(look) for m in model.modules() if "Adaptive" in type(m).__name__]
    outcome(lambda: model(tensor))
    for hook in hooks:
        hook.remove()
    return all(plain)


def test_every_pad_of_one_axis():
    """Crops and pads of all sizes; a CircularPad with both signs has other values, and raises an error."""
    seen = Counter()
    for name in ("ZeroPad1d", "ConstantPad1d", "ReflectionPad1d", "ReplicationPad1d", "CircularPad1d"):
        for n, before, after in np.ndindex(4, 10, 10):
            size, pads = n + 1, (before - 4, after - 4)
            module = getattr(nn, name)(pads, *([0.0] if name == "ConstantPad1d" else []))
            x, tensor = random_input(3, (size,), n, batch=1)
            expected = outcome(lambda: module(tensor))  # noqa: B023
            chain = layer_or_none(lambda: torch_layers.from_model(module, size, 3), seen, ("crops one end and wraps",))  # noqa: B023
            if name == "CircularPad1d" and min(pads) < 0 < max(pads):
                assert chain is None
                continue
            assert (chain is None) == (expected is None or expected.numel() == 0), (name, size, pads)
            seen["refused" if chain is None else "taken"] += 1
            if chain is not None:
                assert_array_equal(chain[0].matrix(chain.weights[0]) @ x.ravel(), expected.numpy().ravel())
    assert seen["refused"] > 500
    assert seen["taken"] > 800
    assert seen["crops one end and wraps"] > 50


def test_functions_that_ask_for_padding_by_name():
    draw, seen = Draw(3), Counter()
    for number in range(150):
        ndim = draw.number(1, 3)
        size = tuple(draw.number(3, 6) for _ in range(ndim))
        kwargs = {
            "stride": draw.one_of(1, 1, 1, 2),
            "padding": draw.one_of("same", "valid", 1),
            "dilation": draw.number(1, 2),
        }
        kernel = tuple(draw.number(1, 3) for _ in range(ndim))
        x, tensor = random_input(2, size, number)
        w = filled((3, 2, *kernel), number + 1)
        function = getattr(nn.functional, f"conv{ndim}d")
        expected = outcome(lambda: function(tensor, torch.from_numpy(w.astype(float)), **kwargs))  # noqa: B023
        layer = layer_or_none(lambda: torch_layers.conv(size, 2, 3, kernel, **kwargs), seen)  # noqa: B023
        assert (layer is None) == (expected is None)
        seen["refused" if layer is None else "taken"] += 1
        if layer is not None:
            assert_array_equal(layer.unvec(layer.matrix(torch_layers.weight(w)) @ layer.vec(x)), expected.numpy())
    assert seen["refused"] > 10
    assert seen["taken"] > 100
