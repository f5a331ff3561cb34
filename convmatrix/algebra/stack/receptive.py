"""Receptive fields of a stack, true and arithmetic ones, and its coordinate maps and crops."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, prod

import numpy as np
from numpy.typing import NDArray

from convmatrix.algebra.stack.arguments import Stack, as_network
from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.steps import Step, Window
from convmatrix.core.errors import pluralize
from convmatrix.core.memory import require_memory
from convmatrix.layers import NetworkLayer, Transposed, Unfold, WeightedLayer
from convmatrix.layers.arguments import entries_of, integer

__all__ = [
    "CoordinateMap",
    "ReceptiveField",
    "coordinate_map",
    "crop_offset",
    "outputs_without_input",
    "receptive_field",
]


# -- receptive fields ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReceptiveField:
    """The inputs that one output reads, in any channel.

    The field is a product: an input is read where its position on every axis is.

    Parameters
    ----------
    output : tuple of int
        Position of the output.
    inputs : tuple of tuple of int
        On each axis, the positions that it reads, in order.
    input_size : tuple of int
    windows : tuple of Window
        On each axis, the arithmetic field of all outputs; see `Network.windows`.
    """

    output: tuple[int, ...]
    inputs: tuple[tuple[int, ...], ...]
    input_size: tuple[int, ...]
    windows: tuple[Window, ...]

    @property
    def extent(self) -> tuple[range, ...]:
        """On each axis, from the first input that is read to the last; empty where none is."""
        return tuple(range(axis[0], axis[-1] + 1) if axis else range(0) for axis in self.inputs)

    @property
    def count(self) -> int:
        """Number of positions that are read."""
        return prod(map(len, self.inputs))

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The field as an image, of shape input_size."""
        image = np.zeros(self.input_size, dtype=bool)
        image[np.ix_(*self.inputs)] = True
        return image

    @property
    def size(self) -> tuple[Fraction, ...]:
        """The arithmetic size on each axis: positions that the output looks at, borders and holes included."""
        return tuple(window.size for window in self.windows)

    @property
    def stride(self) -> tuple[Fraction, ...]:
        """The arithmetic stride on each axis: how far the field moves from one output to the next."""
        return tuple(window.stride for window in self.windows)

    @property
    def start(self) -> tuple[Fraction, ...]:
        """The arithmetic start on each axis: the first position that this output looks at; may lie in the padding."""
        return tuple(window.at(o)[0] for window, o in zip(self.windows, self.output, strict=True))

    @property
    def differences(self) -> tuple[str, ...]:
        """Differences of the arithmetic field and the true one, a sentence for each axis with some; () without."""
        axes = zip(self.inputs, self.input_size, self.windows, self.output, strict=True)
        sentences = []
        for axis, (reads, size, window, o) in enumerate(axes):
            first, last = window.at(o)
            window_range = range(ceil(first), floor(last) + 1)
            clauses = " and ".join(_differences(reads, window_range, size))
            if clauses:
                positions = (
                    f"{window_range[0]} to {window_range[-1]} ({len(window_range)} inputs)" if window_range else "none"
                )
                sentences.append(f"axis {axis}: arithmetic says {positions}, but {clauses}")
        return tuple(sentences)


def _differences(reads: Sequence[int], window_range: range, size: int) -> list[str]:
    """Differences of the inputs that are read and the positions that are looked at, as clauses."""
    if not reads:
        return ["no input is read"] if window_range else []
    clauses = []
    on_input = range(max(window_range.start, 0), min(window_range.stop, size))
    beyond = len(window_range) - len(on_input)
    if beyond:
        clauses.append(f"{beyond} of them {'lies' if beyond == 1 else 'lie'} beyond the input's {size}")
    extent = range(reads[0], reads[-1] + 1)
    if extent != on_input:
        clauses.append(f"inputs {extent.start} to {extent.stop - 1} are read ({_reason(extent, on_input)})")
    if len(reads) < len(extent):
        clauses.append(f"{len(extent) - len(reads)} of the {len(extent)} inputs between are holes")
    return clauses


def _reason(extent: range, on_input: range) -> str:
    if extent.start < on_input.start or extent.stop > on_input.stop:
        return "the padding mode folds the border back"
    return "between the layers a border or a stride cuts the field off"


def receptive_field(layer: Stack, output: int | Sequence[int] | None = None) -> ReceptiveField:
    """Find the inputs that one output reads: the nonzero pattern of its row, channels collapsed.

    It is a product over the axes, found by walking back each axis, layer by layer: no matrix of the size of an image
    is built. Two layers that move pixels into channels, with none between that mixes all channels, raise an error.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers
        Such as what ``from_model`` returns; no weight is needed.
    output : int or sequence of int, optional
        One index for each axis; the middle of the output by default.

    Returns
    -------
    ReceptiveField

    Raises
    ------
    ValueError
        If the field is no product over the axes, or if there is no such output (a TypeError as well for an index that
        is no integer).

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> field = receptive_field(Network([Conv((9,), 3, padding=1), Conv((9,), 3, dilation=3, padding=3)]), (1,))
    >>> field.inputs, field.size
    (((0, 1, 2, 3, 4, 5),), (Fraction(9, 1),))
    >>> print(*field.differences)
    axis 0: arithmetic says -3 to 5 (9 inputs), but 3 of them lie beyond the input's 9
    """
    network = as_network(layer)
    _require_product(network)
    position = _checked_output(network, output)
    inputs = tuple(_reads(steps, o) for steps, o in zip(network.steps, position, strict=True))
    return ReceptiveField(position, inputs, network.input_size, network.windows)


def _reads(steps: Sequence[Step], output: int) -> tuple[int, ...]:
    reached = np.array([output])
    for step in reversed(steps):
        reached = np.unique(step.taps[reached].indices)
    return tuple(reached.tolist())


def _checked_output(network: Network, output: int | Sequence[int] | None) -> tuple[int, ...]:
    sizes = network.output_size
    if output is None:
        return tuple(size // 2 for size in sizes)
    entries = entries_of(output)
    entries = [output] if entries is None else entries
    output = tuple(integer(f"output on axis {axis}", entry) for axis, entry in enumerate(entries))
    if len(output) != len(sizes):
        raise ValueError(
            f"output {output} has {len(output)} indices but the network's output {sizes} has {len(sizes)} axes"
        )
    for axis, (index, size) in enumerate(zip(output, sizes, strict=True)):
        if not 0 <= index < size:
            raise ValueError(f"there is no output {index} on axis {axis}: it has {size}, from 0 to {size - 1}")
    return output


def outputs_without_input(layer: Stack) -> tuple[tuple[int, ...], ...]:
    """Find the outputs that read no input at all, but only zeros of some padding.

    Do the pixels that a network crops at its end "come from the padding"? In FCN-32s, 500 inputs padded by 100 become
    544 outputs, of which 19 are cropped at the start and 25 at the end. None of the 544 reads padding only: the very
    first one reads inputs 0 to 214, the same as the first that stays, and the last one 291 to 499. The padding is all
    that 196 of the 698 outputs of conv1_1 see, still 6 of 44 behind pool4, and none behind pool5.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers

    Returns
    -------
    tuple of tuple of int
        On each axis, their positions; an output reads padding only if its position on any axis is among them.

    Raises
    ------
    ValueError
        If the field of an output is no product over the axes.

    Examples
    --------
    >>> from convmatrix.layers import Conv
    >>> conv = Conv((4,), 3, padding=4)
    >>> outputs_without_input(Network([conv])), conv.output_size
    (((0, 1, 8, 9),), (10,))
    """
    network = as_network(layer)
    _require_product(network)
    return tuple(_empty_outputs(size, steps) for size, steps in zip(network.input_size, network.steps, strict=True))


def _empty_outputs(size: int, steps: Sequence[Step]) -> tuple[int, ...]:
    require_memory(2 * 8 * size, f"what is read of an axis of {size} inputs", "use a smaller layer")
    sees = np.ones(size, dtype=np.int64)
    for step in steps:
        sees = np.minimum(np.asarray(step.taps @ sees), 1)  # whether, not how often: that could outgrow 64 bits
    return tuple(np.flatnonzero(sees == 0).tolist())


def _require_product(network: Network) -> None:
    """Raise an error if the inputs read on one axis can depend on the channel, and so on the other axes."""
    last: int | None = None
    for number, layer in enumerate(network.layers):
        if layer.input_shape[0] == 1 or (isinstance(layer, WeightedLayer) and layer.groups == 1):
            last = None
        if not _moves_channels(layer):
            continue
        if last is not None:
            earlier, later = type(network.layers[last]).__name__, type(layer).__name__
            raise ValueError(
                f"layers {last}, {earlier}, and {number}, {later}, both move pixels between channels and axes, and no "
                "layer between them mixes all channels, so that a receptive field need not be a product over the axes: "
                "take the rows of .pattern()"
            )
        last = number


def _moves_channels(layer: NetworkLayer) -> bool:
    """Check whether channels and axes are connected: im2col, pixel shuffles, and their transposes."""
    return isinstance(layer.layer if isinstance(layer, Transposed) else layer, Unfold)


# -- coordinates -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CoordinateMap:
    """Positions of outputs as a function of input positions: ``output = scale * input + shift`` on each axis.

    Parameters
    ----------
    scale, shift : tuple of Fraction

    References
    ----------
    .. [1] BVLC/caffe, python/caffe/coord_map.py: the same two numbers.
    """

    scale: tuple[Fraction, ...]
    shift: tuple[Fraction, ...]

    def then(self, later: "CoordinateMap") -> "CoordinateMap":
        """Follow this map with a later one.

        Returns
        -------
        CoordinateMap
        """
        scale = tuple(a * b for a, b in zip(self.scale, later.scale, strict=True))
        shift = tuple(a * t + u for a, t, u in zip(later.scale, self.shift, later.shift, strict=True))
        return CoordinateMap(scale, shift)

    def inverse(self) -> "CoordinateMap":
        """The map from output positions to input positions."""
        return CoordinateMap(
            tuple(1 / a for a in self.scale), tuple(-t / a for a, t in zip(self.scale, self.shift, strict=True))
        )


def coordinate_map(layer: Stack) -> CoordinateMap:
    """Compose the coordinate maps of a stack, from the settings of its layers.

    A convolution has scale 1/stride and shift (before - (k_e - 1)/2)/stride, a transposed one scale stride and shift
    (k_e - 1)/2 - before: the inverse of the map from an output to the centre of its window.

    Parameters
    ----------
    layer : layer, Network, or sequence of layers

    Returns
    -------
    CoordinateMap

    References
    ----------
    .. [1] BVLC/caffe, python/caffe/coord_map.py.

    Examples
    --------
    >>> from convmatrix.layers import Conv, ConvTranspose
    >>> coordinate_map(Network([Conv((8,), 2, stride=2), ConvTranspose((4,), 4, stride=2)]))
    CoordinateMap(scale=(Fraction(1, 1),), shift=(Fraction(1, 1),))
    """
    windows = as_network(layer).windows
    return CoordinateMap(tuple(1 / w.stride for w in windows), tuple(-w.centre / w.stride for w in windows))


def crop_offset(source: Stack, reference: Stack | None = None) -> tuple[int, ...]:
    """Find where to crop the outputs of one stack, so that they align with those of another on the same input.

    The crop itself is a layer: a `Conv` with kernel_size 1 and negative padding.

    Parameters
    ----------
    source : Network, layer, or sequence of layers
        The stack to crop.
    reference : Network, layer, or sequence of layers, optional
        The stack to align with; the input itself by default.

    Returns
    -------
    tuple of int
        On each axis, the first output that stays; as many stay as the reference has.

    Raises
    ------
    ValueError
        If the two have different inputs, if their scales differ, if the offset is no integer or negative, or if the
        source ends before the reference does.

    References
    ----------
    .. [1] BVLC/caffe, python/caffe/coord_map.py: `crop`, which does not look at the sizes.

    Examples
    --------
    >>> from convmatrix.layers import Conv, ConvTranspose
    >>> crop_offset(Network([Conv((8,), 2, stride=2), ConvTranspose((4,), 4, stride=2)]))
    (1,)
    """
    source = as_network(source)
    reference = None if reference is None else as_network(reference)
    inputs = source.input_size
    if reference is not None and reference.input_size != inputs:
        raise ValueError(
            f"source has input_size {inputs} but reference has {reference.input_size}: they must start from one input"
        )
    sizes = inputs if reference is None else reference.output_size
    here = coordinate_map(source)
    identity = here.then(here.inverse())
    there = identity if reference is None else coordinate_map(reference)
    over = there.inverse().then(here)
    return tuple(
        _checked_offset(axis, a, b, t, size, available)
        for axis, (a, b, t, size, available) in enumerate(
            zip(here.scale, there.scale, over.shift, sizes, source.output_size, strict=True)
        )
    )


def _checked_offset(
    axis: int, scale: Fraction, reference_scale: Fraction, offset: Fraction, size: int, available: int
) -> int:
    if scale != reference_scale:
        raise ValueError(
            f"scales differ on axis {axis}: the source has {scale} outputs for each input, the reference "
            f"{reference_scale}; no crop fits before the source is scaled by {reference_scale / scale}"
        )
    if offset.denominator != 1:
        raise ValueError(
            f"crop offset on axis {axis} is {offset}, no integer: the source stands between the reference's outputs; "
            "a kernel of odd size instead of even, or the other way round, moves it by a fraction"
        )
    if offset < 0:
        raise ValueError(
            f"crop offset on axis {axis} is {offset}, negative: the source begins {pluralize(int(-offset), 'output')} "
            "after the reference; pad a convolution of the source more at the start, or a transposed convolution, "
            "whose padding crops, less"
        )
    if offset + size > available:
        raise ValueError(
            f"crop on axis {axis} needs outputs {offset} to {offset + size} (= offset {offset} + size {size}) but the "
            f"source has {available}: {offset + size - available} are missing; pad a "
            "convolution of the source more at the end, or a transposed convolution, whose padding crops, less, or let "
            "pools round up"
        )
    return int(offset)
