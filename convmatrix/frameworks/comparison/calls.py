"""One set of words as each framework says it: the call, and where its kernel's axes stand.

Nothing is translated but spelling and order. A number stays the number that it is, whatever the framework takes it for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from numpy.typing import NDArray

from convmatrix.core.errors import short
from convmatrix.frameworks import jax, onnx, tensorflow, torch
from convmatrix.frameworks.legacy import caffe, mxnet, theano
from convmatrix.frameworks.shared.calls import WithWeight
from convmatrix.frameworks.shared.layouts import moved
from convmatrix.layers import Conv, ConvTranspose, Layer

__all__ = ["FORWARD", "OURS", "TRANSPOSED", "Call", "Words"]

OURS = "convmatrix"

Array = NDArray[Any]

_COMMON = frozenset({"dilation", "groups"})


@dataclass(frozen=True)
class Words:
    """The words, one entry for each axis: the fields of a layer, with paddings as they were said."""

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

    def unusual(self) -> dict[str, Any]:
        """The words that are not what they are without being said."""
        ones, zeros = (1,) * len(self.input_size), (0,) * len(self.input_size)
        usual = {
            "dilation": ones,
            "input_dilation": ones,
            "output_padding": zeros,
            "output_size": None,
            "groups": 1,
            "padding_mode": "zeros",
        }
        return {name: getattr(self, name) for name, value in usual.items() if getattr(self, name) != value}

    def weight_shape(self, transpose: bool = False) -> tuple[int, ...]:
        """Shape of the kernel in our layout."""
        rows, cols = self.out_channels, self.in_channels
        rows, cols = (cols, rows) if transpose else (rows, cols)
        return (rows, cols // self.groups, *self.kernel_size)

    def name(self, spelling: Mapping[str, str]) -> str | None:
        """The one name of all axes' padding, as the framework spells it; None where there are numbers."""
        names = {entry for entry in self.padding if isinstance(entry, str)}
        if len(names) != 1 or not all(isinstance(entry, str) for entry in self.padding):
            return None
        (name,) = names
        return spelling.get(name, name)

    @property
    def numbers(self) -> tuple[Any, ...]:
        """The pads as one number for each axis, and a pair where it has two."""
        return tuple(entry[0] if entry[0] == entry[1] else entry for entry in self.padding)

    @property
    def no_padding(self) -> bool:
        """Whether all pads are zero."""
        return all(entry == (0, 0) for entry in self.padding)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.input_size)

    @property
    def weight_last(self) -> tuple[int, ...]:
        """Shape of the kernel of a convolution, with its channels last."""
        return (*self.kernel_size, self.in_channels // self.groups, self.out_channels)

    @property
    def image(self) -> tuple[int, ...]:
        """Shape of one input, channels first."""
        return (1, self.in_channels, *self.input_size)

    @property
    def image_last(self) -> tuple[int, ...]:
        """Shape of one input, channels last."""
        return (1, *self.input_size, self.in_channels)


class Call(NamedTuple):
    """The words as one framework says them.

    Parameters
    ----------
    says : str
        How the call is written, with braces where the words stand.
    make : callable
        Our function of that name, which takes `words`.
    words : dict
        The framework's keywords.
    weight : callable
        Lays our kernel out as the framework has it.
    knows : set of str
        Which of the words that are not always said it has an argument for.
    shapes : tuple of (int, ...)
        What the framework has as shapes of the input and of the weight.
    aside : set of str
        Which of the keywords are not written, since they say what the framework sees in its arrays.
    names : bool
        Whether there are names for paddings at all, and pads that differ at the two ends.
    needs_size : str
        The keyword by which it has to be told the output size; empty where it need not.
    """

    says: str
    make: Callable[..., Layer]
    words: dict[str, Any]
    weight: Callable[[NDArray[Any]], NDArray[Any]]
    knows: frozenset[str]
    shapes: tuple[tuple[int, ...], ...]
    aside: frozenset[str] = frozenset()
    names: bool = True
    needs_size: str = ""

    def layer_and_weight(self, kernel: Array) -> tuple[Layer, Array]:
        """The layer of the call, and a kernel in our layout as that layer's weight."""
        if self.make in (Conv, ConvTranspose):
            return self.make(**self.words), kernel
        layer, weight = cast("WithWeight[Layer]", self.make(**self.words, weight=self.weight(kernel)))
        return layer, weight

    @property
    def text(self) -> str:
        """The call as it is written."""
        said = (f"{name}={short(value)}" for name, value in self.words.items() if name not in self.aside)
        return self.says.format(", ".join(said))

    @property
    def arrays(self) -> str:
        """What x and w are in the call."""
        return ", ".join(f"{name} {shape}" for name, shape in zip("xw", self.shapes, strict=True))

    def check_supported(self, words: Words) -> None:
        """Refuse words that the framework has no argument for."""
        for name, value in words.unusual().items():
            if name not in self.knows:
                raise ValueError(f"there is no argument for {name}={short(value)}")
        if self.make not in (Conv, ConvTranspose):
            self._refuse_padding(words)
        if self.needs_size and words.output_size is None:
            raise ValueError(
                f"there is no output size but the one that is asked for: say output_size, its "
                f"{self.needs_size}, which the forward rule then checks"
            )

    def _refuse_padding(self, words: Words) -> None:
        name = words.name({})
        if name is None and any(isinstance(entry, str) for entry in words.padding):
            raise ValueError(
                f"there is one name of a padding for all axes, got {words.numbers}: say the pads in numbers"
            )
        if self.names:
            return
        if name is not None:
            raise ValueError(f"there are no names for paddings, got {short(name)}: say the pads in numbers")
        for axis, entry in enumerate(words.numbers):
            if isinstance(entry, tuple):
                raise ValueError(
                    f"both ends of an axis are padded alike, got {entry} on axis {axis}: pad the input "
                    "by itself where they differ"
                )


# -- a convolution ---------------------------------------------------------------------------------------------------


def _ours(words: Words) -> Call:
    said = {
        "input_size": words.input_size,
        "kernel_size": words.kernel_size,
        "stride": words.stride,
        "padding": words.name({}) or words.padding,
        **words.unusual(),
        "in_channels": words.in_channels,
        "out_channels": words.out_channels,
    }
    said = _without(said, stride=(1,) * words.ndim, padding=((0, 0),) * words.ndim, in_channels=1, out_channels=1)
    knows = frozenset(words.unusual()) - {"output_padding", "output_size"}
    return Call("Conv({})", Conv, said, _as_it_is, knows, (words.image, words.weight_shape()))


def _torch(words: Words) -> Call:
    said = {**_modules(words), "padding": words.name({}) or words.numbers}
    knows = _COMMON | {"padding_mode"}
    return Call(
        f"torch.nn.Conv{words.ndim}d({{}})(x)",
        torch.conv,
        _said(said, words, knows),
        _as_it_is,
        knows,
        (words.image, words.weight_shape()),
        frozenset({"input_size"}),
    )


def _tensorflow(words: Words) -> Call:
    rows, cols = words.out_channels, words.in_channels // words.groups
    said = {
        "input": words.image_last,
        "filters": (*words.kernel_size, cols, rows),
        "strides": words.stride,
        "padding": _explicit(words),
        "dilations": words.dilation,
    }
    said = _without(said, dilations=(1,) * words.ndim)
    functions: Mapping[int, Callable[..., Conv]]
    functions = {1: tensorflow.conv1d, 2: tensorflow.conv2d, 3: tensorflow.conv3d}
    function = functions.get(words.ndim, tensorflow.conv)
    if words.ndim == 1:
        said = {{"strides": "stride"}.get(name, name): value for name, value in said.items()}
    name = f"conv{words.ndim}d" if words.ndim in _LAST else "convolution"
    return Call(
        f"tf.nn.{name}(x, w, {{}})",
        function,
        said,
        _as("*IO"),
        _COMMON,
        (said["input"], said["filters"]),
        frozenset({"input", "filters"}),
    )


def _keras(words: Words) -> Call:
    said = {
        "input_shape": words.image_last[1:],
        "filters": words.out_channels,
        "kernel_size": words.kernel_size,
        "strides": words.stride,
        "padding": _keras_padding(words),
        "dilation_rate": words.dilation,
        "groups": words.groups,
    }
    said = _without(said, dilation_rate=(1,) * words.ndim, groups=1)
    return Call(
        f"keras.layers.Conv{words.ndim}D({{}})(x)",
        tensorflow.keras_conv,
        said,
        _as("*IO"),
        _COMMON,
        (words.image_last, words.weight_last),
        frozenset({"input_shape"}),
    )


def _jax(words: Words) -> Call:
    said: dict[str, Any]
    said = {
        "lhs": words.image,
        "rhs": words.weight_shape(),
        "window_strides": words.stride,
        "padding": words.name(_CAPITALS) or words.padding,
        "lhs_dilation": words.input_dilation,
        "rhs_dilation": words.dilation,
        "feature_group_count": words.groups,
    }
    ones = (1,) * words.ndim
    said = _without(said, lhs_dilation=ones, rhs_dilation=ones, feature_group_count=1)
    return Call(
        "jax.lax.conv_general_dilated(x, w, {})",
        jax.conv,
        said,
        _as_it_is,
        _COMMON | {"input_dilation"},
        (said["lhs"], said["rhs"]),
        frozenset({"lhs", "rhs"}),
    )


def _flax(words: Words) -> Call:
    padding: Any = words.name({**_CAPITALS, "causal": "CAUSAL"}) or words.padding
    if words.padding_mode in ("circular", "reflect"):  # which stand in the place of SAME
        padding = words.padding_mode.upper() if padding == "SAME" else padding
    said = {
        "input_size": words.input_size,
        "in_features": words.in_channels,
        "out_features": words.out_channels,
        "kernel_size": words.kernel_size,
        "strides": words.stride,
        "padding": padding,
        "input_dilation": words.input_dilation,
        "kernel_dilation": words.dilation,
        "feature_group_count": words.groups,
    }
    ones = (1,) * words.ndim
    said = _without(said, input_dilation=ones, kernel_dilation=ones, feature_group_count=1)
    knows = _COMMON | {"input_dilation"} | ({"padding_mode"} if padding in ("CIRCULAR", "REFLECT") else set())
    return Call(
        "flax.nnx.Conv({}, rngs=rngs)(x)",
        jax.flax_conv,
        said,
        _as("*IO"),
        knows,
        (words.image_last, words.weight_last),
        frozenset({"input_size"}),
    )


def _onnx(words: Words) -> Call:
    said = {"X": words.image, "W": words.weight_shape(), **_onnx_words(words)}
    return Call("onnx Conv({})", onnx.conv, said, _as_it_is, _COMMON, (said["X"], said["W"]), frozenset("XW"))


def _theano(words: Words) -> Call:
    shapes = (words.image, words.weight_shape())
    said = {"input_shape": words.image, "filter_shape": words.weight_shape(), **_theano_words(words)}
    if words.ndim == 1 and said["border_mode"] == "causal":  # its one convolution of one axis, in single numbers
        said = {
            name: value[0] if name in ("subsample", "filter_dilation") else value
            for name, value in said.items()
            if name != "border_mode"
        }
        return Call(
            "theano.tensor.nnet.abstract_conv.causal_conv1d(x, w, {})",
            theano.causal_conv1d,
            said,
            _as_it_is,
            _COMMON,
            shapes,
            frozenset({"input_shape"}),
        )
    return Call(
        f"theano.tensor.nnet.conv{words.ndim}d(x, w, {{}})",
        theano.conv,
        said,
        _as_it_is,
        _COMMON,
        shapes,
        frozenset({"input_shape", "filter_shape"}),
    )


def _mxnet(words: Words) -> Call:
    said = {**_mxnet_words(words), "no_bias": True}
    return Call(
        "mxnet.nd.Convolution(x, w, {})",
        mxnet.conv,
        said,
        _as_it_is,
        _COMMON,
        (words.image, words.weight_shape()),
        frozenset({"data"}),
        names=False,
    )


def _caffe(words: Words) -> Call:
    return Call(
        "caffe.layers.Convolution(x, {})",
        caffe.conv,
        _caffe_words(words),
        _as_it_is,
        _COMMON,
        (words.image, words.weight_shape()),
        frozenset({"bottom"}),
        names=False,
    )


FORWARD: Mapping[str, Callable[[Words], Call]] = {
    OURS: _ours,
    "torch": _torch,
    "tensorflow": _tensorflow,
    "keras": _keras,
    "jax": _jax,
    "flax": _flax,
    "onnx": _onnx,
    "theano": _theano,
    "mxnet": _mxnet,
    "caffe": _caffe,
}
"""How each framework says a convolution."""


# -- a transposed convolution ----------------------------------------------------------------------------------------


def _ours_transposed(words: Words) -> Call:
    call = _ours(words)
    return call._replace(
        says="ConvTranspose({})",
        make=ConvTranspose,
        knows=frozenset(words.unusual()),
        shapes=(words.image, words.weight_shape(transpose=True)),
    )


def _torch_transposed(words: Words) -> Call:
    said = {
        **_modules(words),
        "padding": words.name({}) or words.numbers,
        "output_padding": words.output_padding,
        "output_size": words.output_size,
    }
    knows = _COMMON | {"output_padding", "output_size", "padding_mode"}
    asked = "" if words.output_size is None else f", output_size={list(words.output_size)}"
    return Call(
        f"torch.nn.ConvTranspose{words.ndim}d({{}})(x{asked})",
        torch.conv_transpose,
        _said(said, words, knows),
        _as_it_is,
        knows,
        (words.image, words.weight_shape(transpose=True)),
        frozenset({"input_size", "output_size"}),
    )


def _tensorflow_transposed(words: Words) -> Call:
    output = None if words.output_size is None else (1, *words.output_size, words.out_channels)
    said = {
        "input": words.image_last,
        "filters": (*words.kernel_size, words.out_channels, words.in_channels),
        "output_shape": output,
        "strides": words.stride,
        "padding": _explicit(words),
        "dilations": words.dilation,
    }
    said = _without(said, output_shape=None, dilations=(1,) * words.ndim)
    name = f"conv{words.ndim}d" if words.ndim in _LAST else "conv"
    return Call(
        f"tf.nn.{name}_transpose(x, w, {{}})",
        tensorflow.conv_transpose,
        said,
        _as("*OI", "IO*"),
        frozenset({"dilation", "output_size"}),
        (said["input"], said["filters"]),
        frozenset({"input", "filters"}),
        needs_size="output_shape",
    )


def _keras_transposed(words: Words) -> Call:
    said = {
        "input_shape": words.image_last[1:],
        "filters": words.out_channels,
        "kernel_size": words.kernel_size,
        "strides": words.stride,
        "padding": _keras_padding(words),
        "output_padding": words.output_padding,
        "dilation_rate": words.dilation,
    }
    said = _without(said, dilation_rate=(1,) * words.ndim, output_padding=(0,) * words.ndim)
    return Call(
        f"keras.layers.Conv{words.ndim}DTranspose({{}})(x)",
        tensorflow.keras_conv_transpose,
        said,
        _as("*OI", "IO*"),
        frozenset({"dilation", "output_padding"}),
        (words.image_last, (*words.kernel_size, words.out_channels, words.in_channels)),
        frozenset({"input_shape"}),
    )


def _jax_transposed(words: Words, transpose_kernel: bool = False) -> Call:
    channels = (words.out_channels, words.in_channels) if transpose_kernel else (words.in_channels, words.out_channels)
    said: dict[str, Any] = {
        "lhs": words.image_last,
        "rhs": (*words.kernel_size, *channels),
        "strides": words.stride,
        "padding": words.name(_CAPITALS) or words.padding,
        "rhs_dilation": words.dilation,
    }
    said = _without(said, rhs_dilation=(1,) * words.ndim)
    if transpose_kernel:
        said["transpose_kernel"] = True
    weight = _as("*OI" if transpose_kernel else "*IO", "IO*")
    return Call(
        "jax.lax.conv_transpose(x, w, {})",
        jax.conv_transpose,
        said,
        weight,
        frozenset({"dilation"}),
        (said["lhs"], said["rhs"]),
        frozenset({"lhs", "rhs"}),
    )


def _jax_turned(words: Words) -> Call:
    return _jax_transposed(words, transpose_kernel=True)


def _flax_transposed(words: Words) -> Call:
    padding: Any = words.name(_CAPITALS) or words.padding
    if words.padding_mode == "circular" and padding == "SAME":
        padding = "CIRCULAR"
    said = {
        "input_size": words.input_size,
        "in_features": words.in_channels,
        "out_features": words.out_channels,
        "kernel_size": words.kernel_size,
        "strides": words.stride,
        "padding": padding,
        "kernel_dilation": words.dilation,
    }
    said = _without(said, kernel_dilation=(1,) * words.ndim)
    knows = frozenset({"dilation"} | ({"padding_mode"} if padding == "CIRCULAR" else set()))
    return Call(
        "flax.nnx.ConvTranspose({}, rngs=rngs)(x)",
        jax.flax_conv_transpose,
        said,
        _as("*IO", "IO*"),
        knows,
        (words.image_last, (*words.kernel_size, words.in_channels, words.out_channels)),
        frozenset({"input_size"}),
    )


def _onnx_transposed(words: Words) -> Call:
    said = {
        "X": words.image,
        "W": words.weight_shape(transpose=True),
        **_onnx_words(words),
        "output_padding": words.output_padding,
        "output_shape": words.output_size,
    }
    said = _without(said, output_padding=(0,) * words.ndim, output_shape=None)
    knows = _COMMON | {"output_padding", "output_size"}
    return Call(
        "onnx ConvTranspose({})", onnx.conv_transpose, said, _as_it_is, knows, (said["X"], said["W"]), frozenset("XW")
    )


def _theano_transposed(words: Words) -> Call:
    shapes = (words.image, words.weight_shape(transpose=True))
    output = None if words.output_size is None else (1, words.out_channels, *words.output_size)
    said = {
        "output_grad": words.image,
        "filters": words.weight_shape(transpose=True),
        "input_shape": output,
        **_theano_words(words),
    }
    said = _without(said, input_shape=None)
    return Call(
        f"theano.tensor.nnet.abstract_conv.conv{words.ndim}d_grad_wrt_inputs(x, w, {{}})",
        theano.conv_transpose,
        said,
        _as_it_is,
        _COMMON | {"output_size"},
        shapes,
        frozenset({"output_grad", "filters"}),
        needs_size="input_shape",
    )


def _mxnet_transposed(words: Words) -> Call:
    said = {**_mxnet_words(words), "adj": words.output_padding, "target_shape": words.output_size}
    said = _without(said, adj=(0,) * words.ndim, target_shape=None)
    return Call(
        "mxnet.nd.Deconvolution(x, w, {})",
        mxnet.conv_transpose,
        said,
        _as_it_is,
        _COMMON | {"output_padding", "output_size"},
        (words.image, words.weight_shape(transpose=True)),
        frozenset({"data"}),
        names=False,
    )


def _caffe_transposed(words: Words) -> Call:
    return Call(
        "caffe.layers.Deconvolution(x, convolution_param=dict({}))",
        caffe.conv_transpose,
        _caffe_words(words),
        _as_it_is,
        _COMMON,
        (words.image, words.weight_shape(transpose=True)),
        frozenset({"bottom"}),
        names=False,
    )


TRANSPOSED: Mapping[str, Callable[[Words], Call]] = {
    OURS: _ours_transposed,
    "torch": _torch_transposed,
    "tensorflow": _tensorflow_transposed,
    "keras": _keras_transposed,
    "jax": _jax_transposed,
    "jax, transpose_kernel": _jax_turned,
    "flax": _flax_transposed,
    "onnx": _onnx_transposed,
    "theano": _theano_transposed,
    "mxnet": _mxnet_transposed,
    "caffe": _caffe_transposed,
}
"""How each framework says a transposed convolution."""


# -- what several calls share ----------------------------------------------------------------------------------------

_CAPITALS = {"same": "SAME", "same_lower": "SAME_LOWER", "valid": "VALID"}
_LAST = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}


def _as_it_is(kernel: Array) -> Array:
    return kernel


def _as(layout: str, ours: str = "OI*") -> Callable[[Array], Array]:
    """Lay a kernel of ours out as a framework has it."""
    return lambda kernel: moved(kernel, ours, layout)


def _without(words: dict[str, Any], **usual: Any) -> dict[str, Any]:
    """Words, but those that are as they are without being said."""
    return {name: value for name, value in words.items() if name not in usual or value != usual[name]}


def _modules(words: Words) -> dict[str, Any]:
    """The words that torch's modules begin with."""
    return {
        "input_size": words.input_size,
        "in_channels": words.in_channels,
        "out_channels": words.out_channels,
        "kernel_size": words.kernel_size,
        "stride": words.stride,
    }


def _said(said: dict[str, Any], words: Words, knows: frozenset[str]) -> dict[str, Any]:
    """A module's words and those that are unusual and known to it; not what says nothing."""
    unusual = {name: value for name, value in words.unusual().items() if name in knows}
    ndim = words.ndim
    return _without(
        {**said, **unusual}, stride=(1,) * ndim, padding=(0,) * ndim, output_padding=(0,) * ndim, output_size=None
    )


def _explicit(words: Words) -> Any:
    """TensorFlow's padding: a name, or pairs for all four axes."""
    if words.no_padding:
        return "VALID"
    return words.name(_CAPITALS) or [[0, 0], *map(_listed, words.padding), [0, 0]]


def _listed(entry: Any) -> Any:
    return list(entry) if isinstance(entry, tuple) else entry


def _keras_padding(words: Words) -> Any:
    """Keras' padding: a name, and numbers as they are, which it refuses."""
    return "valid" if words.no_padding else words.name({}) or words.numbers


def _onnx_words(words: Words) -> dict[str, Any]:
    name = words.name({"same": "SAME_UPPER", "same_lower": "SAME_LOWER", "valid": "VALID"})
    said: dict[str, Any] = {"strides": words.stride, "dilations": words.dilation, "group": words.groups}
    said = _without(said, strides=(1,) * words.ndim, dilations=(1,) * words.ndim, group=1)
    if name is not None:
        return {"auto_pad": name, **said}
    if not words.no_padding:
        # Begins of all axes, then their ends; a name that stands among numbers is refused as what it is.
        ends = [entry if isinstance(entry, tuple) else (entry, entry) for entry in words.padding]
        said["pads"] = [*(before for before, _ in ends), *(after for _, after in ends)]
    return said


def _theano_words(words: Words) -> dict[str, Any]:
    said = {
        "border_mode": words.name({}) or ("valid" if words.no_padding else words.numbers),
        "subsample": words.stride,
        "filter_dilation": words.dilation,
        "num_groups": words.groups,
    }
    return _without(said, subsample=(1,) * words.ndim, filter_dilation=(1,) * words.ndim, num_groups=1)


def _mxnet_words(words: Words) -> dict[str, Any]:
    said = {
        "data": words.image,
        "kernel": words.kernel_size,
        "num_filter": words.out_channels,
        "stride": words.stride,
        "dilate": words.dilation,
        "pad": words.name({}) or words.numbers,
        "num_group": words.groups,
    }
    ones = (1,) * words.ndim
    return _without(said, stride=ones, dilate=ones, pad=(0,) * words.ndim, num_group=1)


def _caffe_words(words: Words) -> dict[str, Any]:
    said = {
        "bottom": words.image,
        "num_output": words.out_channels,
        "kernel_size": list(words.kernel_size),
        "stride": list(words.stride),
        "pad": words.name({}) or list(words.numbers),
        "dilation": list(words.dilation),
        "group": words.groups,
    }
    ones = [1] * words.ndim
    return _without(said, stride=ones, dilation=ones, pad=[0] * words.ndim, group=1)
