"""Arguments of a convolution, and the call that a framework makes of them.

Only the spelling and the order of arguments are translated. Numbers are passed on unchanged, even where the framework
gives them another meaning.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from numpy.typing import NDArray

from convmatrix.core.errors import short
from convmatrix.frameworks.shared.calls import WithWeight
from convmatrix.frameworks.shared.layouts import moved
from convmatrix.layers import Conv, ConvTranspose, Layer

__all__ = [
    "CAPITALS",
    "CHANNELS_LAST",
    "COMMON",
    "Call",
    "ConvArguments",
    "caffe_kwargs",
    "convmatrix_kwargs",
    "keep_layout",
    "keras_padding",
    "mxnet_kwargs",
    "omit",
    "onnx_kwargs",
    "tensorflow_padding",
    "theano_kwargs",
    "to_layout",
    "torch_kwargs",
    "torch_module_kwargs",
]

Array = NDArray[Any]

COMMON = frozenset({"dilation", "groups"})
"""Optional arguments that most frameworks have."""

CAPITALS = {"same": "SAME", "same_lower": "SAME_LOWER", "valid": "VALID"}
"""Names of paddings in TensorFlow, JAX and Flax."""

CHANNELS_LAST = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}
"""Layouts of input, kernel and output with channels last, by the number of axes."""


@dataclass(frozen=True)
class ConvArguments:
    """The arguments of a layer with one entry for each axis; paddings are numbers or names, as given."""

    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[str | tuple[int, int], ...]
    dilation: tuple[int, ...]
    input_dilation: tuple[int, ...]
    output_padding: tuple[int, ...]
    output_size: tuple[int, ...] | None
    groups: int
    in_channels: int
    out_channels: int
    padding_mode: str

    def non_default(self) -> dict[str, Any]:
        """Optional arguments whose values differ from the defaults."""
        ones, zeros = (1,) * len(self.input_size), (0,) * len(self.input_size)
        defaults = {
            "dilation": ones,
            "input_dilation": ones,
            "output_padding": zeros,
            "output_size": None,
            "groups": 1,
            "padding_mode": "zeros",
        }
        return {name: getattr(self, name) for name, value in defaults.items() if getattr(self, name) != value}

    def weight_shape(self, transpose: bool = False) -> tuple[int, ...]:
        """Shape of the kernel in our layout."""
        rows, cols = self.out_channels, self.in_channels
        rows, cols = (cols, rows) if transpose else (rows, cols)
        return (rows, cols // self.groups, *self.kernel_size)

    def padding_name(self, spelling: Mapping[str, str]) -> str | None:
        """The name of the padding of all axes in the framework's spelling; None if there are numbers, or several."""
        names = {entry for entry in self.padding if isinstance(entry, str)}
        if len(names) != 1 or not all(isinstance(entry, str) for entry in self.padding):
            return None
        (name,) = names
        return spelling.get(name, name)

    @property
    def padding_numbers(self) -> tuple[Any, ...]:
        """For each axis one number, or a pair where the pads before and after differ."""
        return tuple(entry[0] if entry[0] == entry[1] else entry for entry in self.padding)

    @property
    def no_padding(self) -> bool:
        """True if all pads are zero."""
        return all(entry == (0, 0) for entry in self.padding)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.input_size)

    @property
    def weight_shape_channels_last(self) -> tuple[int, ...]:
        """Shape of the kernel of a convolution, with its channels last."""
        return (*self.kernel_size, self.in_channels // self.groups, self.out_channels)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, channels first."""
        return (1, self.in_channels, *self.input_size)

    @property
    def input_shape_channels_last(self) -> tuple[int, ...]:
        """Shape of one input, channels last."""
        return (1, *self.input_size, self.in_channels)


class Call(NamedTuple):
    """A call of one framework's function.

    Parameters
    ----------
    template : str
        The source text of the call, with braces in place of the keyword arguments.
    function : callable
        The function of convmatrix that takes `kwargs`.
    kwargs : dict
        Keyword arguments in the framework's spelling.
    weight : callable
        Converts a kernel from our layout to the framework's.
    supported : set of str
        Optional arguments of `ConvArguments` that the framework has as well.
    shapes : tuple of (int, ...)
        Shapes of the input and of the weight in the framework's layout.
    hidden : set of str
        Keyword arguments that are left out of the text, since the framework reads them from its arrays.
    padding_names : bool
        Whether the framework has names for paddings, and pads that differ at the two ends of an axis.
    size_keyword : str
        The keyword of the output size where the framework requires one; else empty.
    """

    template: str
    function: Callable[..., Layer]
    kwargs: dict[str, Any]
    weight: Callable[[NDArray[Any]], NDArray[Any]]
    supported: frozenset[str]
    shapes: tuple[tuple[int, ...], ...]
    hidden: frozenset[str] = frozenset()
    padding_names: bool = True
    size_keyword: str = ""

    def layer_and_weight(self, kernel: Array) -> tuple[Layer, Array]:
        """Return the layer of the call, and a kernel given in our layout as the weight of that layer."""
        if self.function in (Conv, ConvTranspose):
            return self.function(**self.kwargs), kernel
        layer, weight = cast("WithWeight[Layer]", self.function(**self.kwargs, weight=self.weight(kernel)))
        return layer, weight

    @property
    def text(self) -> str:
        """Source text of the call."""
        parts = (f"{name}={short(value)}" for name, value in self.kwargs.items() if name not in self.hidden)
        return self.template.format(", ".join(parts))

    @property
    def arrays(self) -> str:
        """Shapes of x and w in the call."""
        return ", ".join(f"{name} {shape}" for name, shape in zip("xw", self.shapes, strict=True))

    def check_supported(self, arguments: ConvArguments) -> None:
        """Raise a ValueError for arguments that the framework does not have."""
        for name, value in arguments.non_default().items():
            if name not in self.supported:
                raise ValueError(f"there is no argument for {name}={short(value)}")
        if self.function not in (Conv, ConvTranspose):
            self._check_padding(arguments)
        if self.size_keyword and arguments.output_size is None:
            raise ValueError(
                f"there is no default output size: give output_size, its {self.size_keyword}, which the forward "
                "rule then checks"
            )

    def _check_padding(self, arguments: ConvArguments) -> None:
        name = arguments.padding_name({})
        if name is None and any(isinstance(entry, str) for entry in arguments.padding):
            raise ValueError(
                f"there is one name of a padding for all axes, got {arguments.padding_numbers}: say the pads in numbers"
            )
        if self.padding_names:
            return
        if name is not None:
            raise ValueError(f"there are no names for paddings, got {short(name)}: say the pads in numbers")
        for axis, entry in enumerate(arguments.padding_numbers):
            if isinstance(entry, tuple):
                raise ValueError(
                    f"both ends of an axis are padded alike, got {entry} on axis {axis}: pad the input "
                    "by itself where they differ"
                )


# -- layouts and keyword arguments of several calls ------------------------------------------------------------------


def keep_layout(kernel: Array) -> Array:
    """Return the kernel unchanged, for frameworks with our layout."""
    return kernel


def to_layout(layout: str, source: str = "OI*") -> Callable[[Array], Array]:
    """Return a function that converts a kernel from our layout, `source`, to a framework's."""
    return lambda kernel: moved(kernel, source, layout)


def omit(kwargs: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    """Leave out keyword arguments that have their default values."""
    return {name: value for name, value in kwargs.items() if name not in defaults or value != defaults[name]}


def convmatrix_kwargs(arguments: ConvArguments) -> dict[str, Any]:
    """Return the keyword arguments of our layers, without defaults."""
    kwargs = {
        "input_size": arguments.input_size,
        "kernel_size": arguments.kernel_size,
        "stride": arguments.stride,
        "padding": arguments.padding_name({}) or arguments.padding,
        **arguments.non_default(),
        "in_channels": arguments.in_channels,
        "out_channels": arguments.out_channels,
    }
    return omit(kwargs, stride=(1,) * arguments.ndim, padding=((0, 0),) * arguments.ndim, in_channels=1, out_channels=1)


def torch_module_kwargs(arguments: ConvArguments) -> dict[str, Any]:
    """Arguments that all convolutions of torch.nn have."""
    return {
        "input_size": arguments.input_size,
        "in_channels": arguments.in_channels,
        "out_channels": arguments.out_channels,
        "kernel_size": arguments.kernel_size,
        "stride": arguments.stride,
    }


def torch_kwargs(kwargs: dict[str, Any], arguments: ConvArguments, supported: frozenset[str]) -> dict[str, Any]:
    """Add the supported optional arguments to those of a module of torch.nn, and leave out defaults."""
    optional = {name: value for name, value in arguments.non_default().items() if name in supported}
    ndim = arguments.ndim
    return omit(
        {**kwargs, **optional}, stride=(1,) * ndim, padding=(0,) * ndim, output_padding=(0,) * ndim, output_size=None
    )


def tensorflow_padding(arguments: ConvArguments) -> Any:
    """Return the padding of tf.nn functions: a name, or pairs for all axes of the input."""
    if arguments.no_padding:
        return "VALID"
    return arguments.padding_name(CAPITALS) or [[0, 0], *map(_as_list, arguments.padding), [0, 0]]


def _as_list(entry: Any) -> Any:
    return list(entry) if isinstance(entry, tuple) else entry


def keras_padding(arguments: ConvArguments) -> Any:
    """Return the padding of Keras layers: a name; numbers are passed on, and cause an error."""
    return "valid" if arguments.no_padding else arguments.padding_name({}) or arguments.padding_numbers


def onnx_kwargs(arguments: ConvArguments) -> dict[str, Any]:
    """Return the keyword arguments of ONNX nodes, without defaults."""
    name = arguments.padding_name({"same": "SAME_UPPER", "same_lower": "SAME_LOWER", "valid": "VALID"})
    kwargs: dict[str, Any] = {"strides": arguments.stride, "dilations": arguments.dilation, "group": arguments.groups}
    kwargs = omit(kwargs, strides=(1,) * arguments.ndim, dilations=(1,) * arguments.ndim, group=1)
    if name is not None:
        return {"auto_pad": name, **kwargs}
    if not arguments.no_padding:
        # The pads before all axes, then those after; onnx.conv raises an error for a name among numbers.
        ends = [entry if isinstance(entry, tuple) else (entry, entry) for entry in arguments.padding]
        kwargs["pads"] = [*(before for before, _ in ends), *(after for _, after in ends)]
    return kwargs


def theano_kwargs(arguments: ConvArguments) -> dict[str, Any]:
    """Return the keyword arguments of Theano's functions, without defaults."""
    kwargs = {
        "border_mode": arguments.padding_name({}) or ("valid" if arguments.no_padding else arguments.padding_numbers),
        "subsample": arguments.stride,
        "filter_dilation": arguments.dilation,
        "num_groups": arguments.groups,
    }
    return omit(kwargs, subsample=(1,) * arguments.ndim, filter_dilation=(1,) * arguments.ndim, num_groups=1)


def mxnet_kwargs(arguments: ConvArguments) -> dict[str, Any]:
    """Return the keyword arguments of MXNet's operators, without defaults."""
    kwargs = {
        "data": arguments.input_shape,
        "kernel": arguments.kernel_size,
        "num_filter": arguments.out_channels,
        "stride": arguments.stride,
        "dilate": arguments.dilation,
        "pad": arguments.padding_name({}) or arguments.padding_numbers,
        "num_group": arguments.groups,
    }
    ones = (1,) * arguments.ndim
    return omit(kwargs, stride=ones, dilate=ones, pad=(0,) * arguments.ndim, num_group=1)


def caffe_kwargs(arguments: ConvArguments) -> dict[str, Any]:
    """Return the keyword arguments of Caffe's layers, without defaults."""
    kwargs = {
        "bottom": arguments.input_shape,
        "num_output": arguments.out_channels,
        "kernel_size": list(arguments.kernel_size),
        "stride": list(arguments.stride),
        "pad": arguments.padding_name({}) or list(arguments.padding_numbers),
        "dilation": list(arguments.dilation),
        "group": arguments.groups,
    }
    ones = [1] * arguments.ndim
    return omit(kwargs, stride=ones, dilation=ones, pad=[0] * arguments.ndim, group=1)
