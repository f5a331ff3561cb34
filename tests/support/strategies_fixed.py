"""Drawn layers whose weights are fixed: every configuration is valid because the slack is drawn."""

from fractions import Fraction

from hypothesis import strategies as st

from convmatrix import AvgPool, Fold, MaxPool, PixelShuffle, PixelUnshuffle, Unfold, Upsample
from strategies import conv_arguments

# The largest kernel, slack and channels for each number of axes: small, since everything is walked through in loops.
LARGEST = {0: (1, 0, 3), 1: (5, 9, 3), 2: (3, 5, 2), 3: (3, 2, 2)}
NAMES = ("valid", "full", "half", "causal", "anticausal", "same", "same_lower")


@st.composite
def pool_arguments(draw, ndims=(0, 1, 2, 3), dilation=False, half=False, style=None):
    """Arguments of a valid pool; with `half`, pads that PyTorch accepts, which are the same at both ends."""
    ndim = draw(st.sampled_from([n for n in ndims for _ in range(5 if n else 1)]))
    kernel, slack, channels = LARGEST[ndim]
    style = style or draw(st.sampled_from(("ints", "pairs", "names")))
    ceil_mode = draw(st.booleans())
    columns = {name: [] for name in ("input_size", "kernel_size", "stride", "padding", "dilation")}
    for _ in range(ndim):
        k = draw(st.integers(1, kernel))
        s = draw(st.integers(1, 4))
        d = draw(st.integers(1, 3)) if dilation else 1
        span = d * (k - 1) + 1
        pads = st.integers(0, k // 2 if half else span - 1)
        if style == "names":
            pad, pair = draw(st.sampled_from(NAMES)), (0, 0)
        else:
            before = draw(pads)
            pair = (before, before if style == "ints" else draw(pads))
            pad = before if style == "ints" else pair
        fits = max(span - sum(pair) - (s - 1 if ceil_mode else 0), d, 1)
        for name, entry in zip(columns, (fits + draw(st.integers(0, slack)), k, s, pad, d), strict=True):
            columns[name].append(entry)
    arguments = {name: tuple(column) for name, column in columns.items()}
    if not dilation:
        del arguments["dilation"]
    if ndim and draw(st.booleans()):
        del arguments["stride"]  # a kernel that fitted with a wide stride and ceil_mode may fit no longer
        arguments["input_size"] = tuple(map(max, arguments["input_size"], arguments["kernel_size"]))
        if dilation:
            spans = (d * (k - 1) + 1 for k, d in zip(arguments["kernel_size"], arguments["dilation"], strict=True))
            arguments["input_size"] = tuple(map(max, arguments["input_size"], spans))
    return arguments | {"ceil_mode": ceil_mode, "channels": draw(st.integers(1, channels))}


@st.composite
def avg_pool_arguments(draw, dilation=True, **limits):
    """Arguments of a valid `AvgPool`; PyTorch's have no dilation."""
    divisor = draw(st.sampled_from((None, None, None, 1, 5, -3)))
    return draw(pool_arguments(dilation=dilation, **limits)) | {
        "count_include_pad": draw(st.booleans()),
        "divisor_override": divisor,
    }


@st.composite
def upsample_arguments(draw, ndims=(0, 1, 2, 3), largest=8, modes=("nearest", "nearest-exact", "linear")):
    """Arguments of a valid `Upsample`, by scale or by size; some scales are whole, some make smaller."""
    ndim = draw(st.sampled_from([n for n in ndims for _ in range(5 if n else 1)]))
    largest = {0: 1, 1: largest, 2: largest, 3: min(largest, 3)}[ndim]
    sizes = draw(st.lists(st.integers(1, largest), min_size=ndim, max_size=ndim))
    arguments = {"input_size": tuple(sizes), "channels": draw(st.integers(1, LARGEST[ndim][2]))}
    if draw(st.booleans()):
        arguments["output_size"] = tuple(draw(st.integers(1, 3 * largest)) for _ in sizes)
    else:
        arguments["scale"] = tuple(draw(_scales(n)) for n in sizes)
    mode = draw(st.sampled_from(modes))
    return arguments | {"mode": mode, "align_corners": mode == "linear" and draw(st.booleans())}


def _scales(size):
    """Scales that leave at least one output of `size` inputs: whole numbers, tenths, and others."""
    tenths = st.integers(-(-10 // size), 40).map(lambda tenths: tenths / 10)
    others = st.floats(1 / size, 4).filter(lambda scale: size * scale >= 1)
    return st.one_of(st.integers(1, 4), tenths.filter(lambda scale: size * scale >= 1), others)


@st.composite
def shuffle_arguments(draw, ndims=(0, 1, 2, 3)):
    """Arguments of a valid `PixelShuffle`."""
    ndim = draw(st.sampled_from([n for n in ndims for _ in range(5 if n else 1)]))
    axes = st.lists(st.integers(1, 3), min_size=ndim, max_size=ndim).map(tuple)
    return {"input_size": draw(axes), "factor": draw(axes), "channels": draw(st.integers(1, 3))}


@st.composite
def unfold_arguments(draw, **limits):
    """Arguments of a valid `Unfold`."""
    arguments = draw(conv_arguments(**limits))
    return {name: value for name, value in arguments.items() if name not in ("groups", "out_channels")}


def made(kind, arguments):
    """A strategy of layers from one of arguments."""
    return arguments.map(lambda drawn: kind(**drawn))


def avg_pools(**limits):
    return made(AvgPool, avg_pool_arguments(**limits))


def max_pools(**limits):
    return made(MaxPool, pool_arguments(dilation=True, **limits))


def upsamples(**limits):
    return made(Upsample, upsample_arguments(**limits))


def unfolds(**limits):
    return made(Unfold, unfold_arguments(**limits))


def shuffles(**limits):
    return made(PixelShuffle, shuffle_arguments(**limits))


def fixed_layers():
    """Valid layers of every kind that has a matrix without an input, and their transposes."""
    one = st.one_of(avg_pools(), upsamples(), unfolds(), shuffles())
    return st.one_of(one, one.map(lambda layer: layer.T))


def fraction(scale):
    """Return the fraction that a scale stands for."""
    return Fraction(scale).limit_denominator(2**31)


KINDS = (AvgPool, Fold, PixelShuffle, PixelUnshuffle, Unfold, Upsample)
