"""Calls of Flax, by hand: borders, transposed layers, layers by the names of attributes, errors."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.frameworks import jax


def dense(layer, w):
    return layer.matrix(w).toarray().tolist()


# -- calls -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kernel", "pads"), [(1, (0, 0)), (2, (0, 1)), (3, (1, 1)), (4, (1, 2))])
@pytest.mark.parametrize(("name", "mode"), [("CIRCULAR", "circular"), ("REFLECT", "reflect")])
def test_borders_of_flax(name, mode, kernel, pads):
    layer = jax.flax_conv((5,), 1, 1, (kernel,), 2, padding=name)
    assert layer == Conv((5,), kernel, stride=2, padding=(pads,), padding_mode=mode)


def test_borders_see_the_dilated_kernel():
    assert jax.flax_conv(9, 1, 1, (2,), padding="CIRCULAR", kernel_dilation=3).padding == ((1, 2),)
    assert jax.flax_conv(9, 1, 1, (2,), padding="CAUSAL", kernel_dilation=3).padding == ((3, 0),)


def test_the_kernel_of_flax_determines_the_number_of_axes():
    layer = jax.flax_conv(
        6,
        4,
        6,
        (3, 2, 1),
        None,
        padding=[1, (0, 2), -1],
        kernel_dilation=(1, 2, 1),
        input_dilation=None,
        feature_group_count=2,
    )
    assert layer == Conv(
        (6, 6, 6),
        (3, 2, 1),
        padding=((1, 1), (0, 2), (-1, -1)),
        dilation=(1, 2, 1),
        groups=2,
        in_channels=4,
        out_channels=6,
    )
    assert jax.flax_conv(6, 1, 1, 3, padding=2, input_dilation=2) == Conv((6,), 3, padding=2, input_dilation=2)
    assert jax.flax_weight(np.zeros((3, 2, 1, 2, 6))).shape == layer.weight_shape


def test_the_documentation_of_a_circular_transposed_layer():
    layer = jax.flax_conv_transpose((15, 15), 3, 4, (6, 6), (2, 2), padding="CIRCULAR", transpose_kernel=True)
    assert layer.output_size == (30, 30)
    assert (
        jax.flax_weight(np.zeros((6, 6, 4, 3)), transpose=True, transpose_kernel=True, padding="CIRCULAR").shape
        == layer.weight_shape
    )
    assert jax.flax_conv_transpose(8, 3, 4, (3,), padding="VALID").output_size == (10,)


def test_a_circular_transposed_layer_by_hand():
    """VALID gives (1, 2, 3, 0) and (0, 1, 2, 3), wrapped around two places, one beginning at the odd element."""
    w = np.array([1, 2, 3]).reshape(3, 1, 1)
    plain = jax.flax_conv_transpose(2, 1, 1, (3,), padding="CIRCULAR")
    assert plain == ConvTranspose((2,), 3, padding=1, padding_mode="circular")
    assert dense(plain, jax.flax_weight(w, transpose=True, transpose_kernel=False, padding="CIRCULAR")) == [
        [2, 4],
        [4, 2],
    ]
    for flipped, pads in ((False, (1, 2)), (True, (2, 1))):
        layer = jax.flax_conv_transpose(5, 1, 1, (4,), padding="CIRCULAR", transpose_kernel=flipped)
        assert layer == ConvTranspose((5,), 4, padding=(pads,), padding_mode="circular")
    beyond = jax.flax_conv_transpose(2, 1, 1, (1,), 3, padding="CIRCULAR")
    assert beyond == ConvTranspose((2,), 1, stride=3, output_padding=2, padding_mode="circular")


def test_numbers_of_a_transposed_layer_are_added():
    layer = jax.flax_conv_transpose(4, 2, 3, (3,), 2, padding=1, kernel_dilation=(2,))
    assert layer == Conv((4,), 3, padding=1, dilation=2, input_dilation=2, in_channels=2, out_channels=3)
    flipped = jax.flax_conv_transpose(4, 2, 3, (3,), 2, padding=[1], transpose_kernel=True)
    assert flipped == ConvTranspose((4,), 3, stride=2, padding=1, in_channels=2, out_channels=3)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            {"padding": "circular"},
            "padding 'circular' is not one of SAME, SAME_LOWER, VALID, CIRCULAR, REFLECT, "
            "CAUSAL: write 'CIRCULAR', in capital letters",
        ),
        ({"padding": "FULL"}, "padding 'FULL' is not one of SAME, SAME_LOWER, VALID, CIRCULAR, REFLECT, CAUSAL$"),
        ({"padding": "CAUSAL"}, r"padding 'CAUSAL' is for one axis in Flax, got 2: give \(low, high\) pairs"),
        ({"padding": "CIRCULAR", "input_dilation": (1, 2)}, "padding 'CIRCULAR' needs input_dilation 1 in JAX, got 2"),
        ({"padding": None}, "padding must be a name, an int or a sequence of one entry for each axis in Flax, got"),
        ({"padding": (1, 2, 3)}, r"padding has 3 entries, \(1, 2, 3\), but the kernel has 2 spatial axes"),
        ({"padding": [[1, 2], 0]}, r"padding on axis 0 must be an int or a \(low, high\) tuple in nnx, got \[1, 2\]"),
        ({"padding": [0, (1, 2, 3)]}, r"padding on axis 1 must be an int or a \(low, high\) tuple in nnx, got \(1,"),
        ({"padding": True}, r"padding on axis 0, low, must be an integer, got True \(a bool\)"),
        ({"kernel_size": (9, 9), "padding": "VALID"}, "kernel does not fit on axis 0: it spans 9"),
        ({"kernel_size": (0, 3)}, "kernel_size on axis 0 must be at least 1, got 0"),
        ({"input_size": (5,)}, r"input_size has 1 entry, \(5,\), but kernel_size has 2, \(3, 3\): give one for each"),
        ({"strides": (1, 1, 1)}, r"strides has 3 entries, \(1, 1, 1\), but kernel_size has 2, \(3, 3\)"),
        ({"feature_group_count": 3}, r"feature_group_count 3 does not divide in_features 4 \(remainder 1\): give a"),
        ({"feature_group_count": 4}, r"feature_group_count 4 does not divide out_features 6 \(remainder 2\): give a"),
        ({"in_features": 0}, "in_features must be at least 1, got 0"),
    ],
)
def test_refused_arguments_of_flax_conv(kwargs, message):
    call = {"input_size": 5, "in_features": 4, "out_features": 6, "kernel_size": (3, 3), **kwargs}
    with pytest.raises(ValueError, match=message):
        jax.flax_conv(**call)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"padding": "REFLECT"}, "padding 'REFLECT' is none of a transposed convolution in Flax, which knows SAME,"),
        ({"padding": "CAUSAL"}, "padding 'CAUSAL' is none of a transposed convolution in Flax, which knows SAME,"),
        ({"padding": "circular"}, "padding 'circular' is not one of SAME, SAME_LOWER, VALID"),
        ({"padding": "same"}, "padding 'SAME' needs strides 1 in JAX, got 2 on axis 0"),
        ({"padding": -4}, "kernel does not fit on axis 0"),
        ({"kernel_size": (1,) * 4}, "kernel_size has 4 entries, one for each axis, but JAX's conv_transpose has"),
        ({"transpose_kernel": None}, "transpose_kernel must be True or False, got None"),
    ],
)
def test_refused_arguments_of_flax_conv_transpose(kwargs, message):
    call = {"input_size": 3, "in_features": 1, "out_features": 1, "kernel_size": 3, "strides": 2, **kwargs}
    with pytest.raises(ValueError, match=message):
        jax.flax_conv_transpose(**call)


# -- layer objects ---------------------------------------------------------------------------------------------------


class Variable:
    """Make a variable of nnx, or with `old` one as before version 0.12."""

    def __init__(self, array, old=False):
        if old:
            self.value = array
        else:
            self.get_value = lambda: array


def conv_like(**kwargs):
    kernel = np.arange(12).reshape(3, 2, 2)
    fields = {
        "kernel_size": (3,),
        "strides": 1,
        "padding": "SAME",
        "kernel_dilation": 1,
        "input_dilation": 1,
        "feature_group_count": 2,
        "kernel": Variable(kernel),
        "bias": Variable(np.array([1, 2])),
        **kwargs,
    }
    return SimpleNamespace(**{name: value for name, value in fields.items() if value is not KeyError})


def transpose_like(**kwargs):
    kernel = np.arange(18).reshape(3, 2, 3)
    fields = {
        "kernel_size": (3,),
        "strides": None,
        "padding": "SAME",
        "kernel_dilation": None,
        "transpose_kernel": False,
        "kernel": Variable(kernel, old=True),
        "bias": None,
        **kwargs,
    }
    return SimpleNamespace(**fields)


def test_from_a_convolution():
    layer, w, bias = jax.from_layer(conv_like(), 6)
    assert layer == Conv((6,), 3, padding=1, groups=2, in_channels=4, out_channels=2)
    assert_array_equal(w, np.arange(12).reshape(3, 2, 2).transpose(2, 1, 0))
    assert_array_equal(bias, [1, 2])


def test_from_transposed_convolutions():
    layer, w, bias = jax.from_layer(transpose_like(), (4,))
    assert layer == Conv((4,), 3, padding=1, in_channels=2, out_channels=3)
    assert_array_equal(w, np.arange(18).reshape(3, 2, 3).transpose(2, 1, 0))
    assert bias is None
    layer, flipped, _ = jax.from_layer(transpose_like(transpose_kernel=True), 4)
    assert layer == ConvTranspose((4,), 3, padding=1, in_channels=3, out_channels=2)
    assert_array_equal(flipped, w)
    layer, wrapped, _ = jax.from_layer(transpose_like(padding="CIRCULAR"), 4)
    assert layer == ConvTranspose((4,), 3, padding=1, in_channels=2, out_channels=3, padding_mode="circular")
    assert_array_equal(wrapped, w.swapaxes(0, 1)[..., ::-1])


def test_a_mask_is_on_the_weight_and_what_is_read_is_a_copy():
    kernel = np.ones((3, 2, 2))
    mask = np.arange(12).reshape(3, 2, 2) % 2
    read = jax.from_layer(conv_like(kernel=kernel, mask=mask), 6)
    assert_array_equal(read.weight, mask.transpose(2, 1, 0))
    read = jax.from_layer(conv_like(kernel=kernel), 6)
    kernel[:] = 7
    assert_array_equal(read.weight, np.ones((2, 2, 3)))


@pytest.mark.parametrize("apart", [{"variables": True}, {"params": True}, {"variables": False}])
def test_parameters_that_are_apart(apart):
    """Variables may have the name of the collection; linen's kernel_size may be an int, and its boxes are opened."""
    boxed = SimpleNamespace(unbox=lambda: np.arange(6).reshape(3, 1, 2))
    params = {"kernel": boxed, "bias": np.array([1, 2])}
    ((name, nested),) = apart.items()
    given = {name: {"params": params} if name == "variables" and nested else params}
    module = conv_like(kernel_size=3, feature_group_count=1, kernel=KeyError, bias=KeyError, use_bias=True)
    layer, w, bias = jax.from_layer(module, 5, **given)
    assert layer == Conv((5,), 3, padding=1, out_channels=2)
    assert_array_equal(w, np.arange(6).reshape(3, 1, 2).transpose(2, 1, 0))
    assert_array_equal(bias, [1, 2])
    module.use_bias = False
    assert jax.from_layer(module, 5, **given).bias is None
    module.scope, module.variables = object(), {"params": params}  # bound
    assert jax.from_layer(module, 5).layer == layer


FlaxConv = type("Conv", (), {"__module__": "flax.nnx.nn.linear", "__call__": lambda self, x: x})


class WithItsOwnCall(FlaxConv):
    def __init__(self):
        vars(self).update(vars(conv_like()))

    def __call__(self, x):
        return 2 * x


def own(*args):
    return args


@pytest.mark.parametrize(
    ("layer", "kwargs", "message"),
    [
        (object(), {}, "object is not a Flax convolution: it has no attribute 'kernel_size'; give the layer object"),
        (conv_like(kernel=KeyError), {}, "keeps its parameters apart, as linen's modules do: give variables="),
        (conv_like(), {"variables": {"params": {"Conv_0": {}}}}, "have no 'kernel' among 'Conv_0': give those of"),
        (conv_like(), {"params": {}}, "have no 'kernel' among them"),
        (conv_like(kernel_size=(3, 3)), {}, r"has shape \(3, 2, 2\), but kernel_size \(3, 3\) needs that and two axes"),
        (conv_like(kernel_size=4), {}, r"has shape \(3, 2, 2\), but kernel_size \(4,\) needs that and two axes"),
        (conv_like(mask=np.ones((3, 2))), {}, r"the mask of SimpleNamespace has shape \(3, 2\), but its kernel \(3,"),
        (conv_like(bias=np.ones(3)), {}, r"the bias of SimpleNamespace has shape \(3,\), but the layer has 2"),
        (conv_like(shared_weights=False), {}, "has a kernel of its own for each place, and is no convolution"),
        (conv_like(conv_general_dilated=own), {}, "has a conv_general_dilated of its own, which may compute anything"),
        (conv_like(conv_general_dilated_cls=own), {}, "has a conv_general_dilated of its own"),
        (WithItsOwnCall(), {}, "WithItsOwnCall has a __call__ of its own, which may compute anything"),
        (conv_like(padding="VALID", kernel_dilation=4), {}, "kernel does not fit on axis 0: it spans 9"),
    ],
)
def test_refused_layers(layer, kwargs, message):
    with pytest.raises(ValueError, match=message):
        jax.from_layer(layer, 6, **kwargs)
