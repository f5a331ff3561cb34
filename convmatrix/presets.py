"""Named kernels, weights and settings of layers, as they occur in lectures.

Kernels are correlation kernels, as the layers use them: `sobel` gives a positive number where the image is
brighter at the top. Integer kernels stay integers; only what is defined by its sum or its norm is scaled.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import comb, isfinite, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.array_files import is_file_name, read_array_of
from convmatrix.core.errors import pluralize, short, short_name
from convmatrix.core.memory import require_memory
from convmatrix.core.numbers import require_finite
from convmatrix.layers import Conv, ConvTranspose, Layer, WeightedLayer
from convmatrix.layers.arguments import check_kind, check_text, positive

__all__ = [
    "bilinear_size",
    "kernel",
    "kernels",
    "numerical_data",
    "parse_input",
    "parse_weight",
    "setting",
    "settings",
    "weight_for",
]

Sizes = tuple[int, ...]
Array = NDArray[Any]

_FILLINGS = ("ones", "arange", "random:SEED")


# -- kernels by name -------------------------------------------------------------------------------------------------


def kernel(name: str, kernel_size: int | Sequence[int] | None = None, *, ndim: int | None = None) -> Array:
    """Return the kernel, or the bank of kernels, that has a name.

    Parameters
    ----------
    name : str
        One of `kernels`; capitals and hyphens will do.
    kernel_size : int or sequence of int, optional
        For the kernels that come in sizes; the others have one shape.
    ndim : int, optional
        Number of axes, where `kernel_size` does not tell it; 2 by default.

    Returns
    -------
    (*kernel_size) ndarray, or (n, 1, *kernel_size) ndarray for a bank of n kernels
        int64 where every entry is an integer by definition, else float64.

    Raises
    ------
    ValueError
        If there is no such kernel, or none of this size or number of axes.

    Examples
    --------
    >>> kernel("sobel")
    array([[ 1,  2,  1],
           [ 0,  0,  0],
           [-1, -2, -1]])
    >>> kernel("binomial", 5, ndim=1)
    array([1, 4, 6, 4, 1])
    """
    name = _known(name, _KERNELS, "kernel")
    preset = _KERNELS[name]
    # A layer whose window always fits: sizes are checked, and refused, in one place.
    sizes = Conv(1, preset.size if kernel_size is None else kernel_size, padding="full", ndim=ndim).kernel_size
    least, most = preset.axes
    if not least <= len(sizes) <= most:
        need = f"{'has' if least == most else 'needs at least'} {least} {'axis' if least == 1 else 'axes'}"
        raise ValueError(f"kernel {short(name)} {need}, got {len(sizes)}")
    require_memory(8 * prod(sizes), f"a kernel of kernel_size {short(sizes)}", "use a smaller one")
    array = preset.make(sizes)
    shape = array.shape[array.ndim - len(sizes) :]
    if kernel_size is not None and shape != sizes:
        raise ValueError(
            f"kernel {short(name)} has kernel_size {shape}, got {sizes}: it comes in no other size, as box, binomial "
            "or gaussian do"
        )
    return array


def kernels() -> dict[str, str]:
    """List the kernels.

    Returns
    -------
    dict
        From each name to what it is, in one line.

    Examples
    --------
    >>> kernels()["laplacian"]
    'sum of second differences: 4 neighbours of 2 axes, 2n of n axes'
    """
    return {name: preset.about for name, preset in _KERNELS.items()}


def bilinear_size(factor: int) -> int:
    """Size of the bilinear kernel that upsamples by a factor.

    Returns
    -------
    int
        ``2*factor - factor % 2``

    Raises
    ------
    ValueError
        If the factor is no integer of at least 1.

    Examples
    --------
    >>> [bilinear_size(factor) for factor in (1, 2, 3, 32)]
    [1, 4, 5, 64]
    """
    factor = positive("factor", factor)
    return 2 * factor - factor % 2


@dataclass(frozen=True)
class _Kernel:
    """A named kernel: a function that makes it, from sizes where there are several, and its description."""

    make: Callable[[Sizes], Array]
    about: str
    size: int = 3
    axes: tuple[float, float] = (0, float("inf"))


def _outer(rows: Iterable[Sequence[float] | Array]) -> Array:
    """The product of one row for each axis."""
    return reduce(np.multiply.outer, map(np.asarray, rows), np.asarray(1))


def _fixed(rows: Sequence[Sequence[int]], about: str) -> _Kernel:
    return _Kernel(lambda _: np.array(rows, dtype=np.int64), about, size=len(rows), axes=(2, 2))


def _edges(smoothing: Sequence[int], axis: int, about: str) -> _Kernel:
    """A central difference along one axis, smoothing along the others."""

    def make(sizes: Sizes) -> Array:
        along = axis % len(sizes)
        return _outer([(1, 0, -1) if other == along else smoothing for other in range(len(sizes))])

    return _Kernel(make, about, axes=(2 if axis == -2 else 1, float("inf")))


def _difference(sizes: Sizes) -> Array:
    return _outer([*[(1,)] * (len(sizes) - 1), (-1, 1)])


_LARGEST_BINOMIAL = 100
"""Upper bound of the size of a row of binomial coefficients that fit in int64."""


def _binomial(sizes: Sizes) -> Array:
    # Beyond this size one axis alone is too large, in numbers that take long to compute.
    largest = prod(comb(size - 1, (size - 1) // 2) for size in (min(size, _LARGEST_BINOMIAL) for size in sizes))
    if largest > np.iinfo(np.int64).max:
        raise ValueError(
            f"kernel 'binomial' of kernel_size {sizes} has an entry of {largest:.3g}, which int64 cannot hold (it ends "
            f"at {np.iinfo(np.int64).max:.3g}): use a smaller one, or gaussian"
        )
    return _outer([[comb(size - 1, tap) for tap in range(size)] for size in sizes])


def _gaussian(sizes: Sizes) -> Array:
    return _outer(map(_gaussian_row, sizes))


def _gaussian_row(size: int) -> Array:
    sigma = 0.3 * ((size - 1) / 2 - 1) + 0.8
    row = np.exp(-(((np.arange(size) - (size - 1) / 2) / sigma) ** 2) / 2)
    return np.asarray(row / row.sum())


def _bilinear(sizes: Sizes) -> Array:
    return _outer(map(_bilinear_row, sizes))


def _bilinear_row(size: int) -> Array:
    factor = (size + 1) // 2
    return np.asarray((factor - np.abs(np.arange(size) - (size - 1) / 2)) / factor)


def _delta(sizes: Sizes) -> Array:
    array = np.zeros(sizes, dtype=np.int64)
    array[tuple((size - 1) // 2 for size in sizes)] = 1
    return array


def _laplacian(sizes: Sizes) -> Array:
    axes = range(len(sizes))
    return reduce(np.add, [_outer([(1, -2, 1) if other == axis else (0, 1, 0) for other in axes]) for axis in axes])


def _sharpen(sizes: Sizes) -> Array:
    return _delta((3,) * len(sizes)) - _laplacian(sizes)


def _haar(sizes: Sizes) -> Array:
    signs = reduce(np.kron, [np.array([[1, 1], [1, -1]])] * len(sizes))
    return np.asarray(signs.reshape(-1, 1, *(2,) * len(sizes)) * 2 ** (-len(sizes) / 2))


def _space_to_depth(sizes: Sizes) -> Array:
    return np.eye(prod(sizes), dtype=np.int64).reshape(-1, 1, *sizes)


_SOME = (1, float("inf"))
_KERNELS: Mapping[str, _Kernel] = {
    "delta": _Kernel(_delta, "one at the centre, zero elsewhere; any size"),
    "identity": _Kernel(_delta, "delta by its other name: with padding `same`, C is the identity"),
    "box": _Kernel(lambda sizes: np.ones(sizes, dtype=np.int64), "ones; any size"),
    "average": _Kernel(lambda sizes: np.full(sizes, 1 / prod(sizes)), "box divided by its sum; any size"),
    "binomial": _Kernel(_binomial, "rows of Pascal's triangle, as integers; any size"),
    "gaussian": _Kernel(_gaussian, "sum 1, sigma = 0.3*((k-1)/2 - 1) + 0.8; any size"),
    "bilinear": _Kernel(_bilinear, "upsamples by f where k = 2f - f%2 and the stride is f (FCN); any size", size=4),
    "difference": _Kernel(_difference, "next minus this, along the last axis", axes=_SOME),
    "sobel": _edges((1, 2, 1), 0, "difference along the first axis (top minus bottom), smoothed 1, 2, 1"),
    "sobel_x": _edges((1, 2, 1), -1, "sobel along the last axis: left minus right"),
    "sobel_y": _edges((1, 2, 1), -2, "sobel along the last axis but one: top minus bottom"),
    "prewitt": _edges((1, 1, 1), 0, "difference along the first axis, smoothed 1, 1, 1"),
    "prewitt_x": _edges((1, 1, 1), -1, "prewitt along the last axis"),
    "prewitt_y": _edges((1, 1, 1), -2, "prewitt along the last axis but one"),
    "scharr": _edges((3, 10, 3), 0, "difference along the first axis, smoothed 3, 10, 3"),
    "scharr_x": _edges((3, 10, 3), -1, "scharr along the last axis"),
    "scharr_y": _edges((3, 10, 3), -2, "scharr along the last axis but one"),
    "roberts": _fixed([[1, 0], [0, -1]], "difference along the diagonal, 2x2"),
    "laplacian": _Kernel(_laplacian, "sum of second differences: 4 neighbours of 2 axes, 2n of n axes", axes=_SOME),
    "laplacian_8": _fixed([[1, 1, 1], [1, -8, 1], [1, 1, 1]], "laplacian with all 8 neighbours, 3x3"),
    "outline": _fixed([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], "8 times the pixel minus its 8 neighbours, 3x3"),
    "sharpen": _Kernel(_sharpen, "delta minus laplacian", axes=_SOME),
    "emboss": _fixed([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], "light from one corner, 3x3"),
    "guide": _fixed([[0, 1, 2], [2, 2, 0], [0, 1, 2]], "the kernel of the guide's numerical examples, 3x3"),
    "haar": _Kernel(_haar, "orthonormal bank: 2^n kernels of size 2, for stride 2", size=2, axes=_SOME),
    "space_to_depth": _Kernel(_space_to_depth, "bank: one kernel for each place of the window; any size", size=2),
}


# -- weights ---------------------------------------------------------------------------------------------------------


def weight_for(layer: WeightedLayer, name: str) -> Array:
    """Return the weight of a layer whose kernels are a named kernel.

    One kernel serves every channel of the output, if each reads one channel. A bank of n kernels serves each group,
    if it turns one channel into n. A transposed convolution takes the weight that its forward convolution has.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    name : str
        One of `kernels`.

    Returns
    -------
    layer.weight_shape ndarray

    Raises
    ------
    ValueError
        If there is no such kernel of the layer's kernel_size, or the layer's channels leave open how to use it.

    Examples
    --------
    >>> weight_for(Conv((3,), 2, groups=2, in_channels=2, out_channels=2), "box")
    array([[[1, 1]],
    <BLANKLINE>
           [[1, 1]]])
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    name = _known(name, _KERNELS, "kernel")
    array = kernel(name, layer.kernel_size)
    rows, reads, *_ = layer.weight_shape
    inner, outer = ("out", "in") if isinstance(layer, ConvTranspose) else ("in", "out")
    if reads != 1:
        channels = reads * layer.groups
        grouped = f"use groups={channels}, one kernel for each channel, or " if rows % channels == 0 else ""
        raise ValueError(
            f"kernel {short(name)} is for one channel but {inner}_channels // groups = {channels} // {layer.groups} = "
            f"{reads}: {grouped}give a whole weight, of shape {layer.weight_shape}"
        )
    if array.ndim == layer.ndim:
        return np.broadcast_to(array, layer.weight_shape).copy()
    if len(array) * layer.groups != rows:
        raise ValueError(
            f"kernel {short(name)} is a bank of {len(array)} kernels but {outer}_channels // groups = {rows} // "
            f"{layer.groups} = {rows // layer.groups}: use {outer}_channels={len(array) * layer.groups}"
        )
    return np.concatenate([array] * layer.groups)


def parse_weight(layer: WeightedLayer, text: str) -> Array:
    """Read the weight of a layer from a text, as on the command line.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    text : str
        ``ones``; ``arange`` (1, 2, 3, ... in C order); ``random:SEED`` (integers from -9 to 9 without 0); a name of
        `kernels`; numbers in C order, ``1,0,-1``, as integers, floats or complex; or the path of a file:
        ``.npy``, ``.npz``, ``.csv``, ``.mtx``, ``.mat``, ``.json``, ``.png`` or ``.jpg``.

    Returns
    -------
    layer.weight_shape ndarray

    Raises
    ------
    ValueError
        If the text is none of these, or does not fit the layer, or the file cannot be read.

    Examples
    --------
    >>> layer = Conv(4, 2)
    >>> parse_weight(layer, "arange").ravel()
    array([1, 2, 3, 4])
    >>> parse_weight(layer, "1,0,0,-1").ravel()
    array([ 1,  0,  0, -1])
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    check_text("text", text)
    text, word = text.strip(), text.strip().lower()
    shape = layer.weight_shape
    if (filled := _filled("weight", text, shape)) is not None:
        return filled
    if is_file_name(text):
        return _read("weight", text, shape, layer.kernel_size if layer.in_channels == layer.out_channels == 1 else None)
    if word[:1].isalpha() and "," not in word:
        return weight_for(layer, _known(text, _KERNELS, "weight", _FILLINGS))
    return _numbers("weight", text, shape)


def parse_input(layer: WeightedLayer, text: str) -> Array:
    """Read an input of the layer from a text, as on the command line.

    Parameters
    ----------
    layer : Conv or ConvTranspose
    text : str
        ``ones``, ``arange``, ``random:SEED``, numbers or a file, as for `parse_weight`; or ``guide``, the
        input of `numerical_data`.

    Returns
    -------
    layer.input_shape ndarray

    Raises
    ------
    ValueError
        As for `parse_weight`.

    Examples
    --------
    >>> parse_input(Conv((3,), 2), "1,0,-1")
    array([[ 1,  0, -1]])
    """
    check_kind("layer", layer, Conv, ConvTranspose)
    check_text("text", text)
    text, word = text.strip(), text.strip().lower()
    shape = layer.input_shape
    if (filled := _filled("input", text, shape)) is not None:
        return filled
    if is_file_name(text):
        return _read("input", text, shape, layer.input_size if layer.in_channels == 1 else None)
    if word[:1].isalpha() and "," not in word:
        _known(text, {"guide": None}, "input", _FILLINGS)
        image, _ = numerical_data()
        if shape != (1, *image.shape):
            raise ValueError(
                f"input 'guide' has shape {image.shape} but the layer needs {shape}: it fits the "
                "settings whose names begin with 'numerical'"
            )
        return image.reshape(shape)
    return _numbers("input", text, shape)


def _filled(what: str, text: str, shape: Sizes) -> Array | None:
    """Return the array that one of `_FILLINGS` describes, None for another text."""
    word = text.lower()
    require_memory(8 * prod(shape), f"{what} of shape {shape}", "take a smaller layer")
    if word == "ones":
        return np.ones(shape, dtype=np.int64)
    if word == "arange":
        return np.arange(1, prod(shape) + 1).reshape(shape)
    if word.partition(":")[0] == "random":
        return _random(what, text, shape)
    return None


_LONGEST_SEED = 1000
"""Digits of a seed; Python reads a few thousand."""


def _random(what: str, text: str, shape: Sizes) -> Array:
    seed = text.partition(":")[2]
    if not seed.isdecimal():
        raise ValueError(f"{what} {short(text)} needs a seed, a whole number of at least 0: write random:0")
    if len(seed) > _LONGEST_SEED:
        raise ValueError(
            f"{what} {short(text)} has a seed of {len(seed)} digits, but seeds have at most "
            f"{_LONGEST_SEED}: write random:0"
        )
    numbers = np.random.default_rng(int(seed)).integers(-9, 9, size=shape)
    return numbers + (numbers >= 0)


def _numbers(what: str, text: str, shape: Sizes) -> Array:
    numbers = [_number(what, place, word.strip()) for place, word in enumerate(text.split(","), start=1)]
    if len(numbers) != prod(shape):
        raise ValueError(
            f"{what} has {pluralize(len(numbers), 'number')} but the layer's {what} {shape} needs "
            f"{prod(shape)} (= {' * '.join(map(str, shape))}), in C order"
        )
    return np.array(numbers).reshape(shape)


def _number(what: str, place: int, word: str) -> int | float | complex:
    for kind in (int, float, complex):
        try:
            number: int | float | complex = kind(word)
        except ValueError:
            continue
        if "_" in word:
            break
        if isinstance(number, int) and not np.iinfo(np.int64).min <= number <= np.iinfo(np.int64).max:
            raise ValueError(
                f"number {place} of the {what} is {short(number)}, beyond int64: write it as a float, {short(number)}.0"
            )
        if not (isfinite(number.real) and isfinite(number.imag)):
            raise ValueError(f"number {place} of the {what} is {short_name(word)}, which is not a finite float64")
        return number
    raise ValueError(
        f"number {place} of the {what} is {short(word)}, which is no integer, float or complex number: write them as "
        "1,-0.5,2+1j"
    )


def _read(what: str, path: str, shape: Sizes, bare: Sizes | None) -> Array:
    """Read the array of a file, of the full shape or of the shape `bare`, without channels."""
    array = read_array_of(path, f"the {what}", shape, bare)
    require_finite(f"{what} in {short_name(path)}", array)
    return array


# -- settings by name ------------------------------------------------------------------------------------------------


def setting(name: str) -> Layer:
    """Return the layer of a published setting.

    Parameters
    ----------
    name : str
        One of `settings`; capitals and hyphens will do.

    Returns
    -------
    Conv or ConvTranspose

    Raises
    ------
    ValueError
        If there is no such setting.

    References
    ----------
    .. [1] Dumoulin & Visin, arXiv:1603.07285, chapters 2, 4 and 5; the names are those of its animations.

    Examples
    --------
    >>> setting("padding_strides_odd_transposed").output_size
    (6, 6)
    """
    return _SETTINGS[_known(name, _SETTINGS, "setting")][0]


def settings() -> dict[str, str]:
    """List the settings.

    Returns
    -------
    dict
        From each name to what it is, in one line.

    Examples
    --------
    >>> settings()["no_padding_strides_transposed"]
    'guide: the transpose of no_padding_strides'
    """
    return {name: about for name, (_, about) in _SETTINGS.items()}


def numerical_data() -> tuple[Array, Array]:
    """Input and kernel of the guide's numerical examples.

    Returns
    -------
    x : (5, 5) ndarray
    weight : (3, 3) ndarray

    Examples
    --------
    >>> x, weight = numerical_data()
    >>> layer = setting("numerical_no_padding_no_strides")
    >>> layer.unvec(layer.matrix(weight) @ layer.vec(x))
    array([[[12, 12, 17],
            [10, 17, 19],
            [ 9,  6, 14]]])
    """
    x = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
    return np.array(x), kernel("guide")


_GUIDE: Mapping[str, tuple[Conv, str]] = {
    "no_padding_no_strides": (Conv(4, 3), "guide: no padding, stride 1"),
    "arbitrary_padding_no_strides": (Conv(5, 4, padding=2), "guide: some padding, stride 1"),
    "same_padding_no_strides": (Conv(5, 3, padding="half"), "guide: half padding, stride 1: the size stays"),
    "full_padding_no_strides": (Conv(5, 3, padding="full"), "guide: full padding, stride 1: the size grows"),
    "no_padding_strides": (Conv(5, 3, stride=2), "guide: no padding, stride 2"),
    "padding_strides": (Conv(5, 3, stride=2, padding=1), "guide: padding 1, stride 2"),
    "padding_strides_odd": (Conv(6, 3, stride=2, padding=1), "guide: as padding_strides, with a leftover position"),
    "dilation": (Conv(7, 3, dilation=2), "guide: dilated kernel"),
}

_SETTINGS: Mapping[str, tuple[Layer, str]] = {
    **_GUIDE,
    # The guide has no animation of the transposed dilation.
    **{
        f"{name}_transposed": (layer.T, f"guide: the transpose of {name}")
        for name, (layer, _) in _GUIDE.items()
        if name != "dilation"
    },
    "numerical_no_padding_no_strides": (Conv(5, 3), "guide: in numbers, no padding, stride 1"),
    "numerical_padding_strides": (Conv(5, 3, stride=2, padding=1), "guide: in numbers, padding 1, stride 2"),
    "alexnet_conv2": (
        Conv(27, 5, padding=2, groups=2, in_channels=96, out_channels=256),
        "AlexNet: two groups, one for each of its two GPUs",
    ),
    "resnet_conv1": (
        Conv(224, 7, stride=2, padding=3, in_channels=3, out_channels=64),
        "ResNet: the first layer, with a leftover position",
    ),
    "mobilenet_depthwise": (
        Conv(112, 3, padding=1, groups=32, in_channels=32, out_channels=32),
        "MobileNet: the first depthwise layer, one kernel for each channel",
    ),
    "wavenet_causal": (Conv((16,), 2, dilation=8, padding="causal"), "WaveNet: dilated and causal, one axis"),
    "dcgan_up": (
        ConvTranspose(4, 4, stride=2, padding=1, in_channels=512, out_channels=256),
        "DCGAN generator: from 4x4 to 8x8",
    ),
    "unet_up": (
        ConvTranspose(28, 2, stride=2, in_channels=1024, out_channels=512),
        "U-Net: the first up-convolution, without overlap",
    ),
    "fcn32s_up": (
        ConvTranspose(16, bilinear_size(32), stride=32, in_channels=21, out_channels=21),
        "FCN-32s: upsampling of 21 class maps by 32",
    ),
}


_LONGEST_NAME = 40
"""Number of letters of a wrong name that are compared with the known names."""


def _known(name: str, table: Mapping[str, object], what: str, others: Sequence[str] = ()) -> str:
    """Return a name as it is spelled in the table; an error that suggests known ones, also `others`, if it is not."""
    check_text(f"the name of a {what}", name)
    plain = name.lower().replace("-", "_")
    if plain in table:
        return plain
    names = [*others, *table]
    close = difflib.get_close_matches(plain[:_LONGEST_NAME], names, n=3)
    numbers = ", numbers such as 1,0,-1 or a file such as w.npy" if others else ""
    known = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(names)}{numbers}"
    raise ValueError(f"there is no {what} {short(name)}: {known}")


def __dir__() -> list[str]:
    return __all__
