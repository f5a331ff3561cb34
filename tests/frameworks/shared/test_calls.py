"""Test that errors of every framework's functions name the arguments of the call, and not those of our layers."""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmatrix.core.errors import WrongTypeError
from convmatrix.frameworks import jax, onnx, tensorflow, torch
from convmatrix.frameworks.legacy import caffe, mxnet, theano
from convmatrix.frameworks.shared.calls import argument_names, in_our_names
from convmatrix.layers import ConvTranspose
from framework_calls import CALLS, calls
from helpers import assert_refused
from strategies import share

ARGUMENTS = set(inspect.signature(ConvTranspose).parameters) - {"padding", "ndim"}
"""Arguments of our layers with other names in some framework; `padding` is a name of every framework as well."""


def names_in(message):
    return set(re.findall(r"[A-Za-z_]\w*", message))


def message_of(function, arguments):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  what it says is compared by the callers
        function(**arguments)
    message = str(caught.value)
    other_names = ARGUMENTS - set(inspect.signature(function).parameters)
    assert not names_in(message) & other_names, message
    assert "\n" not in message
    assert not message.endswith(".")
    return message


# -- drawn calls with one bad argument -------------------------------------------------------------------------------

NUMBERS = (
    "stride",
    "strides",
    "window_strides",
    "subsample",
    "dilation",
    "dilations",
    "dilation_rate",
    "rhs_dilation",
    "kernel_dilation",
    "filter_dilation",
    "dilate",
    "kernel",
    "kernel_size",
)
GROUPS = ("groups", "num_groups", "num_group", "group", "feature_group_count")
CHANNELS = ("in_channels", "out_channels", "in_features", "out_features", "num_filter", "num_output")
SHAPES = (
    "input",
    "filters",
    "filter",
    "input_shape",
    "filter_shape",
    "output_grad",
    "lhs",
    "rhs",
    "X",
    "W",
    "data",
    "bottom",
)


@st.composite
def spoilt(draw, name):
    """Draw a call with one bad argument; return the function, the arguments and the name of the bad one."""
    drawn = draw(calls(name))
    arguments = dict(drawn.arguments)
    known = (*NUMBERS, *GROUPS, *CHANNELS, *SHAPES)
    which = draw(st.sampled_from([argument for argument in arguments if argument in known]))
    value = arguments[which]
    if isinstance(value, int):
        arguments[which] = draw(st.sampled_from([0, -1, 1.5, True, "2", None]))
    elif which in SHAPES:
        skipped = 2 if (name, which) == ("theano.conv_transpose", "input_shape") else len(value) > 2  # batch, channels
        place = draw(st.integers(int(skipped), len(value) - 1))
        arguments[which] = (*value[:place], draw(st.sampled_from([0, -1, 1.5, "2"])), *value[place + 1 :])
    else:
        place = draw(st.integers(0, len(value) - 1))
        bad = draw(st.sampled_from([0, -1, 1.5, True, "2", None]))
        arguments[which] = draw(
            st.sampled_from([(*value[:place], bad, *value[place + 1 :]), (*value, 1), (*value, 1, 1, 1, 1)])
        )
    return drawn.function, arguments, which


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
def test_a_bad_argument_is_named_as_the_call_names_it(name, data):
    function, arguments, which = data.draw(spoilt(name))
    assert which in names_in(message_of(function, arguments))


LARGE_KERNELS = {
    "torch.conv": ("kernel_size", 0, {"padding": 0}, "input_size kernel_size dilation padding"),
    "tensorflow.conv": ("filters", 0, {"padding": "VALID"}, "input filters dilations padding"),
    "tensorflow.conv3d": ("filters", 0, {"padding": "VALID"}, "input filters dilations padding"),
    "tensorflow.depthwise_conv": ("filter", 0, {"padding": "VALID"}, "input filter dilations padding"),
    "keras_conv": ("kernel_size", 0, {"padding": "valid"}, "input_shape kernel_size dilation_rate padding"),
    "keras_depthwise_conv": ("kernel_size", 0, {"padding": "valid"}, "input_shape kernel_size dilation_rate padding"),
    "jax.conv": ("rhs", None, {}, "lhs rhs rhs_dilation padding"),
    "flax_conv": ("kernel_size", 0, {"padding": "VALID"}, "input_size kernel_size kernel_dilation padding"),
    "onnx.conv": ("W", 2, {"auto_pad": "NOTSET"}, "X kernel_shape dilations pads"),
    "theano.conv": (
        "filter_shape",
        2,
        {"border_mode": "valid"},
        "input_shape filter_shape filter_dilation border_mode",
    ),
    "mxnet.conv": ("kernel", 0, {"pad": None}, "data kernel dilate pad"),
    "caffe.conv": ("kernel_size", 0, {"pad": 0}, "bottom kernel_size dilation pad"),
}
"""The argument and the index in it of the kernel's first size, arguments without padding, and names in the error."""


@pytest.mark.parametrize("name", LARGE_KERNELS)
@given(data=st.data(), more=st.integers(1, 3))
@share(0.5)
def test_the_arithmetic_of_a_kernel_that_does_not_fit_has_the_arguments_of_the_call(name, data, more):
    drawn = data.draw(calls(name))
    argument, place, without_padding, names = LARGE_KERNELS[name]
    value = list(drawn.arguments[argument])
    if place is None:
        place = 2 if drawn.at(0, 1, (2,)) == (0, 1, 2) else 0
    value[place] = 40 + more
    message = message_of(drawn.function, {**drawn.arguments, argument: tuple(value), **without_padding})
    assert message.startswith("kernel does not fit on axis 0: it spans "), message
    assert set(names.split()) <= names_in(message), message


def pairs(arguments, low):
    return [(-low, 0)] * (len(arguments.get("kernel_size", arguments.get("rhs", (0, 0))[2:])))


TOO_MUCH_CROPPED = {
    "torch.conv_transpose": (
        lambda arguments: {"padding": 40},
        "output is empty",
        "input_size stride dilation kernel_size padding output_padding",
    ),
    "onnx.conv_transpose": (
        lambda arguments: {"pads": [40] * 2 * (len(arguments["X"]) - 2)},
        "output is empty",
        "X strides dilations kernel_shape pads output_padding",
    ),
    "mxnet.conv_transpose": (
        lambda arguments: {"pad": (40,) * len(arguments["kernel"])},
        "output is empty",
        "data stride dilate kernel pad adj",
    ),
    "caffe.conv_transpose": (
        lambda arguments: {"pad": 40},
        "output is empty",
        "bottom stride dilation kernel_size pad",
    ),
    "theano.deconvolution_layer": (
        lambda arguments: {"padding": 40},
        "output is empty",
        "input_shape filter_shape stride padding",
    ),
    "theano.conv_transpose": (
        lambda arguments: {"border_mode": 40},
        "input_shape has ",
        "input_shape border_mode subsample output_grad",
    ),
    "jax.conv_transpose": (
        lambda arguments: {"padding": pairs(arguments, 40)},
        "kernel does not fit",
        "strides padding",
    ),
    "flax_conv_transpose": (
        lambda arguments: {"padding": pairs(arguments, 40)},
        "kernel does not fit",
        "strides padding",
    ),
}


@pytest.mark.parametrize("name", TOO_MUCH_CROPPED)
@given(data=st.data())
@share(0.5)
def test_the_arithmetic_of_an_empty_transposed_layer_has_the_arguments_of_the_call(name, data):
    drawn = data.draw(calls(name))
    spoil, begins, names = TOO_MUCH_CROPPED[name]
    message = message_of(drawn.function, {**drawn.arguments, **spoil(drawn.arguments)})
    assert message.startswith(begins), message
    assert set(names.split()) <= names_in(message), message
    if name.startswith("caffe"):
        assert "output_padding" not in message  # Caffe has none


# -- by hand ---------------------------------------------------------------------------------------------------------

UP, V = (1, 4, 5, 4), (3, 3, 2, 4)

SENTENCES = {
    "theano: channels": (
        lambda: theano.conv((1, 4, 5, 5), (6, 4, 3, 3), num_groups=2),
        "filters of shape (6, 4, 3, 3) are for 4 channels but a group has 2 (= 4 channels of "
        "input_shape / num_groups 2): give filters of shape (6, 2, 3, 3)",
    ),
    "theano: many sizes": (
        lambda: theano.conv_transpose((1, 1, 2, 2), (1, 1, 3, 3), (1, 1, 9, 9), subsample=(9, 9)),
        "input_shape has 9 on axis 0, of which the convolution makes 1 (= (9 + border_mode 0 + 0 - "
        "3) // subsample 9 + 1), but output_grad has 2: give a size from 12 to 20",
    ),
    "theano: small input": (
        lambda: theano.conv_transpose((1, 3, 1, 1), (3, 2, 3, 3), (1, 2, 2, 3)),
        "kernel does not fit on axis 0: it spans 3 (= filter_dilation 1 * (filters 3 - 1) + 1) "
        "but the padded input has 2 (= input_shape 2 + border_mode 0 + 0); add 1 to the "
        "border_mode, or use a smaller kernel or filter_dilation",
    ),
    "theano: deconvolution": (
        lambda: theano.deconvolution_layer((1, 2, 3, 3), (3, 1, 3, 3)),
        "input_shape has 2 channels but filter_shape, of shape (3, 1, 3, 3), give 3: their first "
        "axis is that of the channels of input_shape",
    ),
    "jax: dilation": (
        lambda: jax.conv((1, 1, 4), (1, 1, 3), (1,), "VALID", rhs_dilation=(2,)),
        "kernel does not fit on axis 0: it spans 5 (= rhs_dilation 2 * (size of rhs 3 - 1) + 1) but the "
        "padded input has 4 (= size of lhs 4 + padding 0 + 0); add 1 to the padding, or use a smaller "
        "kernel or rhs_dilation",
    ),
    "jax: spread": (
        lambda: jax.conv((1, 1, 2), (1, 1, 9), (1,), [(1, 1)], lhs_dilation=(3,)),
        "the padded input has 6 (= lhs_dilation 3 * (size of lhs 2 - 1) + 1 + padding 1 + 1)",
    ),
    "tensorflow: output_shape": (
        lambda: tensorflow.conv_transpose(UP, V, (1, 9, 10, 2), 2),
        "output_shape 9 on axis 0 is none of the sizes that a convolution with size of "
        "filters 3, strides 2 and padding 'SAME' maps to the 4 of input: with 'SAME' those "
        "are 7 to 8, with 'VALID' 9 to 10",
    ),
    "tensorflow: conv1d": (
        lambda: tensorflow.conv1d((1, 5, 1), (3, 1, 1), (1, 2), "SAME"),
        "stride must have 1 or 3 entries, got 2, (1, 2)",
    ),
    "keras: output_padding": (
        lambda: tensorflow.keras_conv_transpose((4, 1), 1, 3, 2, output_padding=3),
        "output_padding 3 on axis 0 must be less than strides, 2: give 0 to 1, or larger strides, or leave it out",
    ),
    "keras: no output_padding": (
        lambda: tensorflow.keras_conv_transpose((4, 1), 1, 3, 1, output_padding=1),
        "output_padding 1 on axis 0 must be less than strides, 1: give 0, or larger strides, or leave it out",
    ),
    "keras: groups": (
        lambda: tensorflow.keras_conv((8, 3), 4, 3, groups=2),
        "groups=2 does not divide the channels of input_shape, 3 (remainder 1): every group "
        "needs as many channels, so that it must be a multiple of 2",
    ),
    "mxnet: num_group": (
        lambda: mxnet.conv((1, 4, 5, 5), (3, 3), 3, num_group=2),
        "num_group=2 does not divide num_filter, 3 (remainder 1)",
    ),
    "caffe: group": (lambda: caffe.conv((1, 4, 5, 5), 3, 3, group=2), "group=2 does not divide num_output, 3"),
    "onnx: group": (lambda: onnx.conv((1, 4, 5), (3, 2, 3), group=2), "group=2 does not divide the first axis of W, 3"),
    "torch: 1-D": (lambda: torch.conv((5,), 1, 1, 3, padding=-1), "crop the input beforehand, as nn.ZeroPad1d does"),
    "torch: 3-D": (
        lambda: torch.conv((5,) * 3, 1, 1, 3, padding=((0, 1),) * 3),
        "pad beforehand where the ends differ, as nn.ZeroPad3d does",
    ),
    "torch: transposed": (
        lambda: torch.conv_transpose((5,), 1, 1, 3, padding=-1),
        "padding -1 on axis 0 is negative, which PyTorch refuses: pad the result by 1 afterwards, as nn.ZeroPad1d does",
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences(name):
    assert_refused(*SENTENCES[name])


@pytest.mark.parametrize(
    ("pairs", "consistent"), [([(-9, 0)], False), ([(0, -9)], False), ([(4, 5)], True), ([(9, 9)], True)]
)
@pytest.mark.parametrize("flipped", [False, True])
def test_the_remedy_of_an_empty_transposed_layer_of_jax_is_a_remedy(pairs, consistent, flipped):
    """Test that pads added to the dilated input grow, and that pads cropped from the result shrink."""

    def call(first):
        return jax.conv_transpose(
            (1, 4, 1),
            (3, 1, 1),
            (2,),
            [(first, pairs[0][1])],
            transpose_kernel=flipped,
            use_consistent_padding=consistent,
        )

    message = message_of(call, {"first": pairs[0][0]})
    by = int(re.search(r"(?:add (\d+) to|reduce the padding by (\d+))", message)[2 if consistent else 1])
    assert call(pairs[0][0] + (-by if consistent else by)).output_size == (1,)


def test_errors_keep_their_class():
    with (
        pytest.raises(
            WrongTypeError, match=r"^subsample must be an integer, got 'stride' \(not a strider\)$"
        ) as caught,
        argument_names({"stride": "subsample", "'stride'": "'stride'"}),
    ):
        raise WrongTypeError("stride must be an integer, got 'stride' (not a strider)")
    assert caught.value.__cause__ is None
    assert in_our_names(caught.value) == "stride must be an integer, got 'stride' (not a strider)"
    assert in_our_names(ValueError("as it is")) == "as it is"


def test_no_other_names_in_the_traceback():
    with pytest.raises(ValueError, match="filter_shape") as caught:
        theano.conv((1, 1, 2, 2), (1, 1, 3, 3))
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


# -- remedies that the call can take ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (tensorflow.keras_conv, {"input_shape": (6, 6, 2), "filters": 4, "kernel_size": 9, "strides": 2}, "same"),
        (tensorflow.keras_depthwise_conv, {"input_shape": (6, 6, 2), "kernel_size": 9}, "same"),
        (tensorflow.conv, {"input": (1, 6, 6, 2), "filters": (9, 9, 2, 4), "strides": 1}, "SAME"),
        (tensorflow.conv2d, {"input": (1, 6, 6, 2), "filters": (9, 9, 2, 4), "strides": 3}, "SAME"),
        (tensorflow.depthwise_conv, {"input": (1, 6, 6, 2), "filter": (9, 9, 2, 1), "strides": (1, 1, 1, 1)}, "SAME"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_padding_that_is_a_name_is_not_to_be_added_to(function, arguments, name):
    valid = "valid" if name == "same" else "VALID"
    with pytest.raises(
        ValueError, match=rf"^kernel does not fit .*; use padding '{name}', or use a smaller kernel or "
    ):
        function(**arguments, padding=valid)
    function(**arguments, padding=name)


@share(0.5)
@given(
    size=st.integers(1, 6),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    wanted=st.integers(1, 40),
)
def test_the_padding_that_torch_is_advised_is_one_that_it_takes(size, kernel, stride, padding, wanted):
    kwargs = {"input_size": (size,), "in_channels": 1, "out_channels": 1, "kernel_size": kernel, "stride": stride}
    message = ""
    try:
        torch.conv_transpose(**kwargs, padding=padding, output_size=(wanted,))
    except ValueError as error:
        message = str(error)
    advised = re.search(r"; padding (\S+) on this axis would make it", message)
    if advised:
        assert torch.conv_transpose(**kwargs, padding=int(advised[1]), output_size=(wanted,)).output_size == (wanted,)
    elif wanted > (size - 1) * stride + kernel + stride:
        assert message.endswith(f"; pad the result to {wanted} afterwards, as nn.ZeroPad1d does")
