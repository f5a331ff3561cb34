"""Conv and ConvTranspose: convolution layers, described by their sizes without any data.

A layer is frozen and valid from the moment it exists: its fields hold resolved numbers, one for each axis, its sizes
are integer arithmetic, and shapes are not checked again. The matrix, the operator and the transpose come from it.
"""

import operator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from convmatrix.core.axis import Axis
from convmatrix.core.errors import short, shortens_errors
from convmatrix.core.pattern import (
    Pattern,
    gram_pattern_of,
    pattern_of,
    transposed_gram_pattern_of,
    transposed_pattern_of,
)
from convmatrix.layers.arguments import Padding, PerAxis, array_of, integer, per_axis
from convmatrix.layers.resolve import axes_and_pads, check_fit, columns_of, conv_padding, transposed_padding
from convmatrix.layers.rules import LEAST
from convmatrix.layers.weighted import WeightedLayer

__all__ = ["Conv", "ConvTranspose", "Layer", "flip"]


@dataclass(frozen=True, init=False, repr=False)
class Conv(WeightedLayer):
    """A convolution layer (cross-correlation, as in deep-learning frameworks), described by its sizes.

    Parameters
    ----------
    input_size, kernel_size : int or sequence of int
        One int for all axes, or one for each. The first sequence among the arguments determines the number of axes;
        if there is none, 2.
    stride, dilation : int or sequence of int, default 1
    padding : int, str, or sequence, default 0
        An int for both ends of every axis, or one entry for each axis: an int or a (before, after) pair; negative
        numbers crop. Or a name: ``valid`` (0, 0), ``full`` (k_e-1 twice), ``half`` (k_e//2 twice), ``causal``
        (k_e-1, 0), ``anticausal`` (0, k_e-1), ``same`` (ceil(input_size/stride) outputs, the odd element at the end),
        ``same_lower`` (at the start); k_e = dilation*(kernel_size-1)+1.
    groups, in_channels, out_channels : int, default 1
    padding_mode : str, default "zeros"
        ``zeros``, ``reflect``, ``replicate``, ``circular`` (named as in PyTorch) or ``symmetric``. All but zeros
        extend the axis endlessly; `padding` determines the part of it that the windows cover.
    input_dilation : int or sequence of int, default 1
        Inserts ``input_dilation - 1`` zeros between inputs; 1 if the padding mode is not zeros or the padding ``same``.
    ndim : int, optional
        Number of axes, where no argument determines it.

    Raises
    ------
    ValueError
        For arguments of which there is no layer, with the arithmetic; a TypeError as well where an argument is not an
        integer.

    Notes
    -----
    A name of a padding becomes numbers when the layer is made: `dataclasses.replace` keeps these, not the name.

    References
    ----------
    .. [1] Dumoulin & Visin, arXiv:1603.07285, relationships 6 and 15.

    Examples
    --------
    >>> conv = Conv(input_size=(4, 4), kernel_size=(3, 3))
    >>> conv.output_size, conv.matrix_shape, conv.nnz
    ((2, 2), (4, 16), 36)
    >>> conv.T
    ConvTranspose(input_size=(2, 2), kernel_size=(3, 3))
    >>> import dataclasses
    >>> dataclasses.replace(Conv((5,), 3, padding="same"), kernel_size=5)  # the padding is that of a kernel of 3
    Conv(input_size=(5,), kernel_size=(5,), padding=((1, 1),))
    """

    @shortens_errors
    def __init__(
        self,
        input_size: PerAxis,
        kernel_size: PerAxis,
        *,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        in_channels: int = 1,
        out_channels: int = 1,
        padding_mode: str = "zeros",
        input_dilation: PerAxis = 1,
        ndim: int | None = None,
    ) -> None:
        numbers = {
            "input_size": input_size,
            "kernel_size": kernel_size,
            "stride": stride,
            "dilation": dilation,
            "input_dilation": input_dilation,
        }
        axes, pads = axes_and_pads(numbers, padding, ndim, padding_mode, groups, in_channels, out_channels)
        pairs = tuple(map(conv_padding, axes, pads))
        for number, (axis, pair) in enumerate(zip(axes, pairs, strict=True)):
            check_fit(number, axis, *pair)
        self._set(
            **columns_of(axes),
            padding=pairs,
            groups=operator.index(groups),
            padding_mode=padding_mode,
            in_channels=operator.index(in_channels),
            out_channels=operator.index(out_channels),
        )

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the convolution, outermost first."""
        return tuple(
            Axis(n, k, s, before, after, d, a, self.padding_mode)
            for n, k, s, (before, after), d, a in zip(
                self.input_size,
                self.kernel_size,
                self.stride,
                self.padding,
                self.dilation,
                self.input_dilation,
                strict=True,
            )
        )

    @property
    def output_size(self) -> tuple[int, ...]:
        """Size of the output on each axis: floor((padded - k_e) / stride) + 1."""
        return tuple(axis.output_size for axis in self.axes)

    @property
    def leftover(self) -> tuple[int, ...]:
        """Positions at the end of each axis that no window reaches, the guide's ``a = (i + 2p - k) mod s``."""
        return tuple(axis.leftover for axis in self.axes)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(out_channels, in_channels // groups, *kernel_size)."""
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    @property
    def convolution(self) -> "Conv":
        """The layer itself; of a `ConvTranspose` the convolution that it transposes.

        Examples
        --------
        >>> conv = Conv(4, 3)
        >>> conv.convolution == conv == conv.T.convolution
        True
        """
        return self

    @property
    def T(self) -> "ConvTranspose":
        """The transposed convolution, whose matrix is this layer's transposed; ``conv.T.T == conv``."""
        return ConvTranspose(
            self.output_size,
            self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            in_channels=self.out_channels,
            out_channels=self.in_channels,
            padding_mode=self.padding_mode,
            input_dilation=self.input_dilation,
            output_padding=self.leftover,
        )

    def _patterns(self) -> list[Pattern]:
        return [pattern_of(axis) for axis in self.axes]

    def _gram_patterns(self) -> list[Pattern]:
        return [gram_pattern_of(axis) for axis in self.axes]

    def _by_rows(self, weight: NDArray[Any]) -> NDArray[Any]:
        return weight

    def _in_our_direction(self, matrix: sparse.csr_array) -> sparse.csr_array:
        return matrix

    def _wrong_shape(self, shape: tuple[int, ...]) -> str:
        return _shape_sentence(self, shape, "out_channels", "in_channels")


@dataclass(frozen=True, init=False, repr=False)
class ConvTranspose(WeightedLayer):
    """A transposed convolution layer: the matrix of the forward convolution, transposed.

    Every keyword describes the forward convolution that it transposes, but sizes and channels are the layer's own:
    `input_size` is what the forward convolution gives. On each axis
    D = (input_size-1)*stride + k_e - before - after + output_padding, output_size = (D-1)/input_dilation + 1.

    Parameters
    ----------
    input_size, kernel_size, stride, dilation, groups, in_channels, out_channels, padding_mode, input_dilation, ndim
        As for `Conv`.
    padding : int, str, or sequence, default 0
        As for `Conv`, of the forward convolution. ``valid`` adds output_padding max(stride-k_e, 0); ``same`` and
        ``same_lower`` give input_size*stride (Keras' sizes). With `output_size`, the pads of a name come from it
        (TensorFlow's rule). ``causal`` makes the forward convolution causal, and this layer not: its outputs read
        inputs that come later. ``anticausal`` is the causal trim: it crops at the end alone, to input_size*stride
        outputs, none of which reads an input that comes later.
    output_padding : int or sequence of int, default 0
        Selects one of the sizes that the forward convolution maps to the same output size; it adds no zeros. Less than
        max(stride, dilation).
    output_size : int or sequence of int, optional
        Selects the same by the output size itself.

    Raises
    ------
    ValueError
        For numbers that make no layer, in one sentence with the arithmetic; a TypeError as well where an argument is
        not an integer.

    Notes
    -----
    `dataclasses.replace` keeps the resolved numbers: of a padding not its name, and the output_padding also where a
    name or `output_size` decided it. Beside a new `output_size`, or a name that decides the size, give
    ``output_padding=0``.

    References
    ----------
    .. [1] Dumoulin & Visin, arXiv:1603.07285, relationship 14.
    .. [2] PyTorch, documentation of ConvTranspose2d: the size formula and the bound of output_padding.

    Examples
    --------
    >>> up = ConvTranspose(input_size=(2, 2), kernel_size=(3, 3))
    >>> up.output_size, up.matrix_shape
    ((4, 4), (16, 4))
    >>> ConvTranspose(3, 3, stride=2, padding=1, output_size=6).output_padding
    (1, 1)
    >>> print(ConvTranspose((3,), 3, padding="anticausal").matrix([1, 2, 3]).toarray())
    [[1 0 0]
     [2 1 0]
     [3 2 1]]
    """

    output_padding: tuple[int, ...]
    _transposed = True

    @shortens_errors
    def __init__(
        self,
        input_size: PerAxis,
        kernel_size: PerAxis,
        *,
        stride: PerAxis = 1,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        in_channels: int = 1,
        out_channels: int = 1,
        padding_mode: str = "zeros",
        input_dilation: PerAxis = 1,
        output_padding: PerAxis = 0,
        output_size: PerAxis | None = None,
        ndim: int | None = None,
    ) -> None:
        numbers = {
            "input_size": input_size,
            "kernel_size": kernel_size,
            "stride": stride,
            "dilation": dilation,
            "input_dilation": input_dilation,
            "output_padding": output_padding,
        }
        if output_size is not None:
            numbers["output_size"] = output_size
        axes, pads = axes_and_pads(numbers, padding, ndim, padding_mode, groups, in_channels, out_channels)
        extra = per_axis("output_padding", output_padding, len(axes), LEAST["output_padding"])
        sizes = [None] * len(axes) if output_size is None else per_axis("output_size", output_size, len(axes))
        resolved = [
            transposed_padding(number, axis, pad, op, size)
            for number, (axis, pad, op, size) in enumerate(zip(axes, pads, extra, sizes, strict=True))
        ]
        self._set(
            **columns_of(axes),
            padding=tuple(pair for pair, _ in resolved),
            groups=operator.index(groups),
            padding_mode=padding_mode,
            in_channels=operator.index(in_channels),
            out_channels=operator.index(out_channels),
            output_padding=tuple(op for _, op in resolved),
        )

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the forward convolution, outermost first.

        An output_padding of a stride or more would make the forward convolution's output larger than this layer's
        input; the windows end earlier instead.
        """
        return tuple(
            Axis(n, k, s, before, after - (op if op >= s else 0), d, a, self.padding_mode)
            for n, k, s, (before, after), d, a, op in zip(
                self.output_size,
                self.kernel_size,
                self.stride,
                self.padding,
                self.dilation,
                self.input_dilation,
                self.output_padding,
                strict=True,
            )
        )

    @property
    def output_size(self) -> tuple[int, ...]:
        """Size of the output on each axis."""
        return tuple(
            ((n - 1) * s + d * (k - 1) - before - after + op) // a + 1
            for n, k, s, (before, after), d, a, op in zip(
                self.input_size,
                self.kernel_size,
                self.stride,
                self.padding,
                self.dilation,
                self.input_dilation,
                self.output_padding,
                strict=True,
            )
        )

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(in_channels, out_channels // groups, *kernel_size): the array that the forward convolution has."""
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    @property
    def convolution(self) -> Conv:
        """The convolution that this layer transposes, `T`; of a `Conv` the layer itself."""
        return self.T

    @property
    def T(self) -> Conv:
        """The convolution that this layer transposes: its matrix is this layer's transposed.

        ``up.T.T == up`` but where output_padding is a stride or more: then the trailing padding of ``up.T`` is less by
        it, and ``up.T.T`` has this layer's matrix but not its fields.
        """
        return Conv(
            self.output_size,
            self.kernel_size,
            stride=self.stride,
            padding=[(axis.before, axis.after) for axis in self.axes],
            dilation=self.dilation,
            groups=self.groups,
            in_channels=self.out_channels,
            out_channels=self.in_channels,
            padding_mode=self.padding_mode,
            input_dilation=self.input_dilation,
        )

    def as_conv(self) -> Conv:
        """Return the convolution with the same matrix: with zero insertion, and with a kernel flipped on all axes.

        Returns
        -------
        Conv
            ``up.as_conv().matrix(up.direct_weight(weight))`` equals ``up.matrix(weight)``.

        Raises
        ------
        ValueError
            If the padding mode is not zeros: then there is no such convolution in general.

        References
        ----------
        .. [1] Dumoulin & Visin, arXiv:1603.07285, relationships 8 to 14, with k_e for k, any padding, and groups.

        Examples
        --------
        >>> ConvTranspose(2, 3).as_conv()
        Conv(input_size=(2, 2), kernel_size=(3, 3), padding=((2, 2), (2, 2)))
        """
        if self.padding_mode != "zeros":
            raise ValueError(
                f"padding_mode {self.padding_mode!r} has no direct convolution for its transpose in general: border "
                "entries of the matrix add up several taps (replicate, kernel_size 3, padding 1: its first row is "
                "(w0+w1, w0, 0, ...), which no window gives); use the layer with padding_mode 'zeros' onto the "
                "padded frame, and fold the border back"
            )
        return Conv(
            self.input_size,
            self.kernel_size,
            stride=self.input_dilation,
            padding=[
                (axis.span - 1 - before, axis.span - 1 - after + op)
                for axis, (before, after), op in zip(self.axes, self.padding, self.output_padding, strict=True)
            ],
            dilation=self.dilation,
            groups=self.groups,
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            input_dilation=self.stride,
        )

    def direct_weight(self, weight: ArrayLike) -> NDArray[Any]:
        """Flip a weight on all axes and swap its channels within the groups: the weight of `as_conv`.

        Parameters
        ----------
        weight : (in_channels, out_channels // groups, *kernel_size) array_like

        Returns
        -------
        (out_channels, in_channels // groups, *kernel_size) ndarray

        Raises
        ------
        ValueError
            If the weight's shape or dtype is not the layer's.

        Examples
        --------
        >>> ConvTranspose((2,), 3).direct_weight([1, 2, 3])
        array([[[3, 2, 1]]])
        """
        channels_swapped = self._by_rows(self.checked_weight(weight))
        return flip(channels_swapped, ndim=self.ndim)

    def _patterns(self) -> list[Pattern]:
        return [transposed_pattern_of(axis) for axis in self.axes]

    def _gram_patterns(self) -> list[Pattern]:
        return [transposed_gram_pattern_of(axis) for axis in self.axes]

    def _by_rows(self, weight: NDArray[Any]) -> NDArray[Any]:
        # Inputs are the first axis of this weight, and outputs the second; a row of the matrix is an output. So the two
        # change places, but within each group: outputs of a group read its own inputs only.
        ins, outs = self.in_channels // self.groups, self.out_channels // self.groups  # of one group
        kernel_axes = weight.shape[2:]
        by_group = weight.reshape(self.groups, ins, outs, *kernel_axes)
        outputs_first = np.swapaxes(by_group, 1, 2)  # shape (groups, outs, ins, *kernel_axes)
        return outputs_first.reshape(self.out_channels, ins, *kernel_axes)

    def _in_our_direction(self, matrix: sparse.csr_array) -> sparse.csr_array:
        return sparse.csr_array(matrix.T)

    def _wrong_shape(self, shape: tuple[int, ...]) -> str:
        return _shape_sentence(self, shape, "in_channels", "out_channels")


Layer = Conv | ConvTranspose
"""A convolution or a transposed one: a layer that has a `convolution`."""


def flip(weight: ArrayLike, *, ndim: int | None = None) -> NDArray[Any]:
    """Reverse a weight along its spatial axes: the layer with the flipped weight is mathematical convolution.

    Parameters
    ----------
    weight : (out_channels, in_channels // groups, *kernel_size) or (*kernel_size) array_like
    ndim : int, optional
        Number of spatial axes, the last ones. Without it an array of one or two axes is a bare kernel, and a larger
        one has two channel axes first; use ``ndim=3`` for a bare kernel of three axes.

    Returns
    -------
    ndarray
        Of the shape of `weight`.

    Raises
    ------
    ValueError
        If the weight has fewer axes than `ndim`, or if an argument is of a kind that does not do (also a TypeError).

    Examples
    --------
    >>> flip([[1, 2], [3, 4]])
    array([[4, 3],
           [2, 1]])
    """
    weight = array_of("weight", weight)
    if ndim is None:
        ndim = weight.ndim if weight.ndim <= 2 else weight.ndim - 2
    elif not 0 <= integer("ndim", ndim) <= weight.ndim:
        raise ValueError(
            f"ndim is {short(integer('ndim', ndim))} but the weight has shape {weight.shape}: give the "
            "number of its spatial axes, the last ones"
        )
    return np.flip(weight, axis=tuple(range(weight.ndim - ndim, weight.ndim)))


def _shape_sentence(layer: WeightedLayer, shape: tuple[int, ...], first: str, second: str) -> str:
    """Describe the mismatch of a weight's shape and a layer; `first` and `second` are the names of its channels."""
    expected = layer.weight_shape
    if len(shape) != len(expected) or shape[1] != expected[1]:
        numbers = f"groups={layer.groups} and {second}={getattr(layer, second)} need"
        form = f"({first}, {expected[1]}, *kernel_size)"
    elif shape[0] != expected[0]:
        numbers, form = f"{first}={expected[0]} needs", f"({expected[0]}, {second} // groups, *kernel_size)"
    else:
        numbers = f"kernel_size={layer.kernel_size} needs"
        form = f"({first}, {second} // groups, *kernel_size)"
    return f"weight has shape {shape} but {numbers} {form} = {expected}"
