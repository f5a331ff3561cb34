"""Drawn layers: every configuration is valid because the slack is drawn, and what a run has covered is counted."""

from collections import Counter
from functools import wraps
from typing import NamedTuple

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from convmatrix import Conv, ConvTranspose

MODES = ("zeros", "reflect", "replicate", "circular", "symmetric")
NAMES = ("valid", "full", "half", "causal", "anticausal", "same", "same_lower")

ONE_CHANNEL = {"in_channels": 1, "out_channels": 1, "groups": 1}
"""Changes for `dataclasses.replace`, after which a layer has one channel on either side."""

# The largest numbers for each number of axes: small, since the reference walks through everything in plain loops.
LARGEST = {
    1: {"kernel": 5, "stride": 4, "dilation": 4, "spread": 4, "crop": 4, "pad": 6, "slack": 8, "groups": 3},
    2: {"kernel": 3, "stride": 3, "dilation": 3, "spread": 3, "crop": 2, "pad": 4, "slack": 3, "groups": 3},
    3: {"kernel": 3, "stride": 2, "dilation": 3, "spread": 2, "crop": 1, "pad": 2, "slack": 2, "groups": 2},
}


def seeds():
    """Seeds for `integers`."""
    return st.integers(0, 2**32 - 1)


def integers(shape, seed, dtype=np.int64):
    """Small integers, zero among them: exact in every dtype and in every sum of a drawn layer."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype).kind
    numbers = rng.integers(0 if kind in "bu" else -9, 2 if kind == "b" else 10, shape)
    if kind == "c":
        numbers = numbers + 1j * rng.integers(-9, 10, shape)
    return numbers.astype(dtype)


def share(fraction):
    """Settings for a law that is slow, or drawn beside others: a fraction of the profile's examples."""
    return settings(max_examples=max(int(settings().max_examples * fraction), 1))


# -- valid layers --------------------------------------------------------------------------------------------------


class Numbers(NamedTuple):
    """Numbers drawn for one axis; the style of the layer's padding determines their meaning."""

    kernel: int
    stride: int
    dilation: int
    spread: int
    before: int
    after: int
    slack: int
    name: int
    output_padding: int

    @property
    def span(self):
        return self.dilation * (self.kernel - 1) + 1


@st.composite
def conv_arguments(draw, modes=MODES, ndims=(0, 1, 2, 3), spread=True):
    """Arguments of a valid `Conv`; `spread` says whether some have input dilation."""
    common, numbers = draw(_layers(modes, ndims, spread))
    style = draw(st.sampled_from(("pairs", "pairs", "ints", "names")))
    axes = [_conv_axis(axis, style) for axis in numbers]
    return common | _columns(axes, ("input_size", "kernel_size", "stride", "padding", "dilation", "input_dilation"))


@st.composite
def transpose_arguments(draw, modes=MODES, ndims=(0, 1, 2, 3), spread=True):
    """Arguments of a valid `ConvTranspose`, with output_padding, with names, or with output_size."""
    common, numbers = draw(_layers(modes, ndims, spread))
    style = draw(st.sampled_from(("pairs", "pairs", "ints", "names", "names", "output_size")))
    if style == "output_size":
        style = draw(st.sampled_from(("pairs", "names")))
        axes = [_conv_axis(axis, style) for axis in numbers]
        names = ("input_size", "kernel_size", "stride", "padding", "dilation", "input_dilation")
        conv = Conv(**common, **_columns(axes, names))
        return common | _columns(axes, names) | {"input_size": conv.output_size, "output_size": conv.input_size}
    axes = [_transpose_axis(axis, style if axis.spread == 1 else "pairs") for axis in numbers]
    names = ("input_size", "kernel_size", "stride", "padding", "dilation", "input_dilation", "output_padding")
    return common | _columns(axes, names)


def convs(**limits):
    """Valid `Conv` layers."""
    return conv_arguments(**limits).map(lambda arguments: Conv(**arguments))


def transposes(**limits):
    """Valid `ConvTranspose` layers."""
    return transpose_arguments(**limits).map(lambda arguments: ConvTranspose(**arguments))


def layers(**limits):
    """Valid layers of both kinds."""
    return st.one_of(convs(**limits), transposes(**limits))


@st.composite
def _layers(draw, modes, ndims, spread):
    """Draw the arguments of all axes, and the numbers of each axis; rarely there is no axis."""
    ndim = draw(st.sampled_from([n for n in ndims for _ in range(5 if n else 1)]))
    numbers = [draw(_numbers(**LARGEST[ndim])) for _ in range(ndim)]
    groups = draw(st.sampled_from((1, 1, 1, 2, LARGEST[ndim]["groups"] if ndim else 3)))
    channels = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    kinds = [(mode, False) for mode in modes]
    if spread and "zeros" in modes:
        kinds.append(("zeros", True))
    # Hypothesis repeats most examples with one number changed. With the sum of all numbers in the choice, such
    # repetitions differ in kind as well: drawn alone, a kind of five is often rarer than one in ten.
    total = draw(st.integers(0, len(kinds) - 1)) + groups + sum(channels) + sum(map(sum, numbers))
    mode, is_spread = kinds[total % len(kinds)]
    if not is_spread:
        numbers = [axis._replace(spread=1) for axis in numbers]
    elif all(axis.spread == 1 for axis in numbers):
        numbers = [axis._replace(spread=2) for axis in numbers]
    common = {"padding_mode": mode, "groups": groups}
    common |= {"in_channels": groups * channels[0], "out_channels": groups * channels[1]}
    return common | ({} if ndim else {"ndim": 0}), numbers


def _numbers(*, kernel, stride, dilation, spread, crop, pad, slack, **_):
    pads = st.integers(-crop, pad)
    return st.builds(
        Numbers,
        kernel=st.integers(1, kernel),
        stride=st.integers(1, stride),
        dilation=st.integers(1, dilation),
        spread=st.integers(1, spread),
        before=pads,
        after=pads,
        slack=st.integers(0, slack),
        name=st.integers(0, len(NAMES) - 1),
        output_padding=st.integers(0, 5),
    )


def _columns(axes, names):
    """The axes' numbers as one tuple for each argument."""
    return {name: tuple(axis[position] for axis in axes) for position, name in enumerate(names)}


def _conv_axis(axis, style):
    """The smallest input that the kernel fits on, and the slack."""
    if style == "names":
        names = NAMES if axis.spread == 1 else NAMES[:5]  # "same" has no meaning on a spread input
        padding = names[axis.name % len(names)]
        pads = 0 if padding == "valid" else axis.span  # with all others the kernel fits
    else:
        padding = axis.before if style == "ints" else (axis.before, axis.after)
        pads = 2 * axis.before if style == "ints" else axis.before + axis.after
    smallest = max(-(-(axis.span - 1 - pads) // axis.spread) + 1, 1)
    return smallest + axis.slack, axis.kernel, axis.stride, padding, axis.dilation, axis.spread


def _transpose_axis(axis, style):
    """The padding is what remains between the positions that the windows cover and the output."""
    outputs = axis.slack // 2 + 1
    most = max(axis.stride, axis.dilation) - 1
    output_padding = min(axis.output_padding, most)
    if style == "names":
        padding = NAMES[axis.name]
        pads = {
            "full": 2 * (axis.span - 1),
            "half": axis.span // 2 * 2,
            "causal": axis.span - 1,
            "anticausal": axis.span - 1,
        }.get(padding, 0)
        if padding in ("valid", "anticausal", "same", "same_lower"):
            output_padding = 0
        smallest = max(-(-(1 + pads - axis.span - output_padding) // axis.stride) + 1, 1)
        return smallest + outputs - 1, axis.kernel, axis.stride, padding, axis.dilation, axis.spread, output_padding
    covered = (outputs - 1) * axis.stride + axis.span + output_padding
    before = min(axis.before, (covered - 1) // 2)
    if style == "ints":
        return outputs, axis.kernel, axis.stride, before, axis.dilation, axis.spread, output_padding
    output_size = max((covered - 1 - before - axis.after) // axis.spread + 1, 1)
    after = covered - before - ((output_size - 1) * axis.spread + 1)
    return outputs, axis.kernel, axis.stride, (before, after), axis.dilation, axis.spread, output_padding


# -- invalid layers ------------------------------------------------------------------------------------------------


@st.composite
def invalid_conv_arguments(draw):
    """Arguments that make no `Conv`, valid ones of which one is spoilt, and a word for what is wrong with them."""
    arguments = draw(conv_arguments(ndims=(1, 2, 3)))
    conv = Conv(**arguments)
    axis = draw(st.integers(0, conv.ndim - 1))
    slack = conv.axes[axis].padded_size - conv.axes[axis].span
    before, after = conv.padding[axis]
    special = {"kernel too large": lambda n: {"padding": _put(conv.padding, axis, (before, after - slack - 1 - n))}}
    return draw(_spoilt(arguments, axis, special))


@st.composite
def invalid_transpose_arguments(draw):
    """Arguments that make no `ConvTranspose`, valid ones of which one is spoilt, and a word for what is wrong."""
    arguments = draw(st.one_of(transpose_arguments(modes, (1, 2, 3)) for modes in (MODES, ("zeros",))))
    up = ConvTranspose(**arguments)
    arguments = {name: value for name, value in arguments.items() if name != "output_size"}
    arguments |= {"padding": up.padding, "output_padding": up.output_padding}  # resolved, so that each can be spoilt
    axis = draw(st.integers(0, up.ndim - 1))
    most, spread, (before, after) = max(up.stride[axis], up.dilation[axis]), up.input_dilation[axis], up.padding[axis]
    dilated = (up.output_size[axis] - 1) * spread + 1
    smallest = dilated - up.output_padding[axis]
    largest = smallest + up.stride[axis] - 1

    def size(number):
        return {"output_padding": 0, "output_size": _put(up.output_size, axis, number)}

    def pads(*pair):
        return {"padding": _put(up.padding, axis, pair)}

    def extra(number, others=up.output_padding):
        return {"output_padding": _put(others, axis, number)}

    zeros = (0,) * up.ndim
    special = {
        "output_padding too large": lambda n: extra(most + n),
        "output_padding negative": lambda n: extra(-1 - n),
        "empty": lambda n: pads(before, after + dilated + n),
        "output_size too large": lambda n: size((largest - 1) // spread + 2 + n),
        "beside": lambda n: (
            extra(1, zeros) | {"padding": ("valid", "same", "same_lower", "anticausal")[n], "input_dilation": 1}
        ),
        "beside output_size": lambda n: extra(1, zeros) | {"padding": up.T.padding, "output_size": up.output_size},
    }
    if smallest > 1:
        special["output_size too small"] = lambda n: size(max((smallest - 2) // spread + 1 - n, 1))
    if spread > 1:
        special["between"] = lambda n: pads(before - 1 - n % (spread - 1), after)
    return draw(_spoilt(arguments, axis, special))


@st.composite
def _spoilt(draw, arguments, axis, special):
    """Make one of the special changes, or one that either layer refuses; each knows four ways."""
    ndim = len(arguments["input_size"])
    name = draw(st.sampled_from(("input_size", "kernel_size", "stride", "dilation", "input_dilation")))
    channels = draw(st.sampled_from(("in_channels", "out_channels")))
    two = _put((1,) * ndim, axis, 2)
    general = {
        "not positive": lambda n: {name: _put(arguments[name], axis, -n)},
        "no integer": lambda n: {name: _put(arguments[name], axis, (2.0, "3", None, True)[n])},
        "lengths": lambda n: {name: (*arguments[name], 1)},
        "ndim": lambda n: {"ndim": ndim + (-1) ** n},
        "pad": lambda n: {"padding": _put(arguments["padding"], axis, ((1, 2, 3), (1,), 1.0, None)[n])},
        "name": lambda n: {"padding": ("SAME", "sames", "", "zeros")[n]},
        "mode": lambda n: {"padding_mode": ("wrap", "Zeros", "", None)[n]},
        "mode and input_dilation": lambda n: {"padding_mode": MODES[1 + n], "input_dilation": two},
        "same and input_dilation": lambda n: {"padding_mode": "zeros", "padding": "same", "input_dilation": two},
        "groups": lambda n: {"groups": arguments[channels] + 1 + n},
        "channels": lambda n: {channels: (0, -1, 1.0, True)[n]},
    }
    kind = draw(st.sampled_from([*special, *special, *general]))
    return kind, arguments | (special | general)[kind](draw(st.integers(0, 3)))


def _put(entries, axis, entry):
    return (*entries[:axis], entry, *entries[axis + 1 :])


# -- what a run has covered ----------------------------------------------------------------------------------------


def _named(arguments):
    return any(isinstance(pad, str) for pad in arguments["padding"])


# Heading of the column: what a layer of this kind is.
FEATURES = {
    "1-D": lambda layer: layer.ndim == 1,
    "2-D": lambda layer: layer.ndim == 2,
    "3-D": lambda layer: layer.ndim == 3,
    "zero": lambda layer: layer.padding_mode == "zeros",
    "refl": lambda layer: layer.padding_mode == "reflect",
    "repl": lambda layer: layer.padding_mode == "replicate",
    "circ": lambda layer: layer.padding_mode == "circular",
    "symm": lambda layer: layer.padding_mode == "symmetric",
    "chan": lambda layer: layer.in_channels > 1 or layer.out_channels > 1,
    "grps": lambda layer: layer.groups > 1,
    "strd": lambda layer: any(s > 1 for s in layer.stride),
    "dil": lambda layer: any(d > 1 for d in layer.dilation),
    "indl": lambda layer: any(a > 1 for a in layer.input_dilation),
    "asym": lambda layer: any(before != after for before, after in layer.padding),
    "neg": lambda layer: any(min(pair) < 0 for pair in layer.padding),
    "left": lambda layer: any(axis.leftover > 0 for axis in layer.axes),
    "k>i": lambda layer: any(axis.span > axis.input_size for axis in layer.axes),
    "opad": lambda layer: isinstance(layer, ConvTranspose) and any(layer.output_padding),
    "op>s": lambda layer: isinstance(layer, ConvTranspose) and any(map(int.__ge__, layer.output_padding, layer.stride)),
}
BORDERS = ("refl", "repl", "circ", "symm")


class Coverage:
    """Counts of features among the layers of a drawn run.

    Parameters
    ----------
    without : collection of str
        Features that this run does not have.
    """

    def __init__(self, without=()):
        self.without = frozenset(without)
        self.drawn = 0
        self.counts = Counter()

    def add(self, layer, arguments=None):
        """Count one layer, and the arguments that made it where they are known."""
        self.drawn += 1
        self.counts.update(name for name, has in FEATURES.items() if has(layer))
        self.counts["name"] += arguments is not None and _named(arguments)
        self.counts["has names"] += arguments is not None
        self.counts["transposes"] += isinstance(layer, ConvTranspose)

    @property
    def expected(self):
        """The features that this run must have covered."""
        names = [*FEATURES, "name"] if self.counts["has names"] else list(FEATURES)
        share = self.counts["transposes"] / max(self.drawn, 1)
        absent = self.without.union(() if share == 1 else ("op>s",) if share else ("opad", "op>s"))
        return [name for name in names if name not in absent]

    LEAST = 300
    """Examples below which a run proves nothing about its coverage, either way."""

    def require(self, percent=10):
        """Assert that each expected feature occurs often enough."""
        rare = {name: f"{self.counts[name]} of {self.drawn}" for name in self.expected if self._percent(name) < percent}
        assert not rare or self.drawn < self.LEAST, f"drawn in less than {percent}%: {rare}"

    @staticmethod
    def heading():
        """The table's first line."""
        return " drawn " + "".join(f"{name:>5}" for name in [*FEATURES, "name"]) + "   (percent of the drawn)"

    def row(self):
        """The table's line of this run."""
        cells = [f"{self._percent(name):.0f}" if name in self.expected else "-" for name in [*FEATURES, "name"]]
        return f"{self.drawn:6} " + "".join(f"{cell:>5}" for cell in cells)

    def _percent(self, name):
        return 100 * self.counts[name] / max(self.drawn, 1)


def covers(*, without=()):
    """Count what a drawn test covers; stands below ``@given``, whose ``layer`` or ``arguments`` it counts.

    ``plugin_coverage`` asserts after the last example that nothing is rare, and prints the table.
    """

    def decorate(test):
        coverage = Coverage(without)

        @wraps(test)
        def pluralize(*args, **kwargs):
            arguments = kwargs.get("arguments")
            coverage.add(kwargs["layer"] if arguments is None else built(arguments), arguments)
            return test(*args, **kwargs)

        pluralize.coverage = coverage
        return pluralize

    return decorate


def built(arguments):
    """The layer that drawn arguments make."""
    is_transposed = "output_padding" in arguments or "output_size" in arguments
    return (ConvTranspose if is_transposed else Conv)(**arguments)
