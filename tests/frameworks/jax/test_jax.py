"""JAX's and Flax's words, by hand: cases from their documentation, layers by the names of attributes, refusals."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.core.errors import WrongTypeError
from convmatrix.frameworks import jax

NWC = ("NWC", "WIO", "NWC")
NHWC = ("NHWC", "HWIO", "NHWC")


def dense(layer, w):
    return layer.matrix(w).toarray().tolist()


# -- conv_general_dilated --------------------------------------------------------------------------------------------


def test_the_default_layout_is_channels_first():
    layer = jax.conv((2, 3, 5, 4), (6, 3, 2, 3), (1, 2), "VALID")
    assert layer == Conv((5, 4), (2, 3), stride=(1, 2), in_channels=3, out_channels=6)
    w = np.arange(2 * 3 * 2 * 3).reshape(2, 3, 2, 3)
    assert_array_equal(jax.weight(w, ("NCHW", "OIHW", "NCHW")), w)


def test_arrays_and_shapes_say_the_same_and_a_batch_may_be_unknown():
    lhs, rhs = np.zeros((2, 5, 4, 3)), np.zeros((2, 3, 3, 6))
    layer = jax.conv(lhs, rhs, (1, 1), "SAME", dimension_numbers=NHWC)
    assert layer == jax.conv((None, 5, 4, 3), rhs.shape, [1, 1], "same", None, None, NHWC, 1, 1)
    assert layer == Conv((5, 4), (2, 3), padding=((0, 1), (1, 1)), in_channels=3, out_channels=6)


def test_the_kernel_says_the_order_of_axes():
    """window_strides[0] belongs to the first letter of rhs that is neither I nor O (the documentation's words)."""
    numbers = ("WNHC", "IHOW", "CWHN")
    layer = jax.conv((7, 1, 5, 4), (2, 3, 6, 1), (1, 2), [(0, 0), (-1, 3)], None, (2, 1), numbers, 2)
    assert layer == Conv((5, 7), (3, 1), stride=(1, 2), padding=((0, 0), (-1, 3)), dilation=(2, 1), groups=2,
                         in_channels=4, out_channels=6)  # fmt: skip
    w = np.arange(36).reshape(2, 3, 6, 1)
    assert_array_equal(jax.weight(w, numbers), w.transpose(2, 0, 1, 3))
    like = SimpleNamespace(lhs_spec=(1, 3, 2, 0), rhs_spec=(2, 0, 1, 3), out_spec=(3, 0, 2, 1))
    assert layer == jax.conv((7, 1, 5, 4), (2, 3, 6, 1), (1, 2), [(0, 0), (-1, 3)], None, (2, 1), like, 2)
    assert_array_equal(jax.weight(w, like), jax.weight(w, numbers))


@pytest.mark.parametrize(
    ("name", "size", "kernel", "stride", "pads"),
    [
        ("SAME", 224, 7, 2, (2, 3)),
        ("SAME_LOWER", 224, 7, 2, (3, 2)),
        ("SAME", 6, 3, 2, (0, 1)),
        ("SAME_LOWER", 6, 3, 2, (1, 0)),
        ("SAME", 4, 1, 3, (0, 0)),
        ("VALID", 6, 3, 2, (0, 0)),
    ],
)
def test_names_of_paddings(name, size, kernel, stride, pads):
    assert jax.conv((1, 1, size), (1, 1, kernel), (stride,), name).padding == (pads,)
    assert jax.flax_conv(size, 1, 1, kernel, stride, padding=name.lower()).padding == (pads,)


def test_same_sees_the_dilated_kernel():
    assert jax.conv((1, 1, 9), (1, 1, 3), (1,), "SAME", rhs_dilation=(3,)).padding == ((3, 3),)


def test_the_input_may_be_dilated():
    layer = jax.conv((1, 1, 3), (1, 1, 3), (2,), [(2, -1)], lhs_dilation=(3,))
    assert layer == Conv((3,), 3, stride=2, padding=((2, -1),), input_dilation=3)
    assert dense(layer, [1, 2, 3]) == [[3, 0, 0], [1, 0, 0], [0, 2, 0]]


def test_how_it_is_computed_is_not_looked_at():
    assert jax.conv((1, 1, 3), (1, 1, 2), (1,), "VALID", precision="highest", preferred_element_type="float32",
                    out_sharding=object()) == Conv((3,), 2)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"lhs": 4}, r"lhs must be an array or a shape, got 4 \(int\)"),
        ({"lhs": (1, 4, 5)}, r"lhs has shape \(1, 4, 5\) but rhs \(2, 4, 3, 3\): JAX needs as many axes in both"),
        ({"lhs": (1,), "rhs": (1,)}, "lhs and rhs have 1 axes in all, but need 2 at least, for batch and channels"),
        ({"lhs": (1, 4, None, 5)}, r"lhs\[2\] is None, but the matrix depends on it: give a number"),
        ({"lhs": (1, 4, 2, 5)}, r"kernel does not fit on axis 0: it spans 3 .* but the padded input has 2"),
        ({"lhs": (1, 4, 0, 5)}, r"lhs\[2\] must be at least 1, got 0"),
        ({"lhs": (1, 3, 5, 5)}, "rhs has length 4 on its axis I, but lhs has 3 channels: JAX needs 3 "
                                r"\(= 3 / feature_group_count 1\)"),
        ({"feature_group_count": 2}, r"rhs has length 4 on its axis I, but lhs has 4 channels: JAX needs 2 \(= 4 /"),
        ({"feature_group_count": 3}, r"feature_group_count 3 does not divide the 4 channels of lhs \(remainder 1\)"),
        ({"feature_group_count": 4, "rhs": (2, 1, 3, 3)}, "rhs has length 2 on its axis O, which feature_group_count "
                                                          r"4 does not divide \(remainder 2\): give a multiple of 4"),
        ({"feature_group_count": 0}, "feature_group_count must be at least 1, got 0"),
        ({"batch_group_count": 2}, "batch_group_count 2 makes one image of 2 of the batch, so that there is no matrix "
                                   "of one image: stack the channels of these 2 images, and give"),
        ({"batch_group_count": 0}, "batch_group_count must be at least 1, got 0"),
        ({"window_strides": 2}, "window_strides must be a sequence of one integer for each axis in JAX, got 2: write "
                                r"\(2, 2\)"),
        ({"window_strides": None}, "window_strides must be a sequence of one integer for each axis in JAX, got None"),
        ({"window_strides": (2,)}, r"window_strides has 1 entry, \(2,\), but the kernel has 2 spatial axes"),
        ({"window_strides": (1, 0)}, "window_strides on axis 1 must be at least 1, got 0"),
        ({"window_strides": (1, 1.5)}, r"window_strides on axis 1 must be an integer, got 1.5 \(float\)"),
        ({"rhs_dilation": (1, 1, 1)}, r"rhs_dilation has 3 entries, \(1, 1, 1\), but the kernel has 2 spatial axes"),
        ({"lhs_dilation": (1, 0)}, "lhs_dilation on axis 1 must be at least 1, got 0"),
        ({"lhs_dilation": (1, 2)}, "padding 'VALID' needs lhs_dilation 1 in JAX, got 2 on axis 1: give the padding as "
                                   r"\(low, high\) pairs"),
        ({"padding": "FULL"}, "padding 'FULL' is not one of SAME, SAME_LOWER, VALID$"),
        ({"padding": "CIRCULAR"}, "padding 'CIRCULAR' is not one of SAME, SAME_LOWER, VALID$"),
        ({"padding": 1}, r"padding must be a name or a sequence of \(low, high\) pairs, one for each axis, in JAX,"),
        ({"padding": [1, 2]}, r"padding on axis 0 must be a \(low, high\) pair in JAX, got 1: write \(1, 1\)"),
        ({"padding": [(1, 2, 3), (0, 0)]}, r"padding on axis 0 must be a \(low, high\) pair in JAX, got \(1, 2, 3\)"),
        ({"padding": [(1, 2)]}, r"padding has 1 entry, \(\(1, 2\),\), but the kernel has 2 spatial axes"),
        ({"padding": [(1, 2), (0, 0.5)]}, r"padding on axis 1, high, must be an integer, got 0.5 \(float\)"),
        ({"dimension_numbers": "NCHW"}, "dimension_numbers must be three words for lhs, rhs and the output"),
        ({"dimension_numbers": ("NCHW", "OIHW")}, "dimension_numbers must be three words for lhs, rhs and the output"),
        ({"dimension_numbers": ("NCH", "OIHW", "NCHW")}, "dimension_numbers say 'NCH' of lhs, 3 letters, but the "
                                                         "arrays have 4 axes"),
        ({"dimension_numbers": ("NCHW", "OJHW", "NCHW")}, "say 'OJHW' of rhs, which needs O and I, and no letter"),
        ({"dimension_numbers": ("NCHW", "OIHW", "NCHH")}, "say 'NCHH' of the output, which needs N and C, and no"),
        ({"dimension_numbers": ("NCHW", "OIHD", "NCHW")}, r"\('NCHW', 'OIHD', 'NCHW'\) have other letters for the"),
        ({"dimension_numbers": SimpleNamespace(lhs_spec=(0, 1, 2, 2), rhs_spec=(0, 1, 2, 3), out_spec=(0, 1, 2, 3))},
         r"lhs_spec of dimension_numbers is \(0, 1, 2, 2\), but the arrays have 4 axes: give each of 0 to 3 once"),
        ({"dimension_numbers": SimpleNamespace(lhs_spec=3, rhs_spec=(0, 1, 2, 3), out_spec=(0, 1, 2, 3))},
         "lhs_spec of dimension_numbers is 3, but the arrays have 4 axes"),
        ({"dimension_numbers": SimpleNamespace(lhs_spec=(0, 1, 2, 3))}, "it has no attribute 'rhs_spec'"),
    ],
)  # fmt: skip
def test_refused_convolutions(words, message):
    call = {"lhs": (1, 4, 5, 5), "rhs": (2, 4, 3, 3), "window_strides": (1, 1), "padding": "VALID", **words}
    with pytest.raises(ValueError, match=message):
        jax.conv(**call)


# -- conv_transpose --------------------------------------------------------------------------------------------------


def test_the_kernel_is_turned_only_if_asked_for():
    """The same shape, and other values: what the words of JAX are known for."""
    w = np.array([1, 2, 3]).reshape(3, 1, 1)
    plain, turned = (jax.conv_transpose((1, 2, 1), w, (2,), "VALID", transpose_kernel=flag) for flag in (False, True))
    assert plain.output_size == turned.output_size == (5,)
    assert dense(plain, jax.weight_transpose(w, NWC)) == [[3, 0], [2, 0], [1, 3], [0, 2], [0, 1]]
    assert dense(turned, jax.weight_transpose(w, NWC, transpose_kernel=True)) == [
        [1, 0],
        [2, 0],
        [3, 1],
        [0, 2],
        [0, 3],
    ]


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["SAME", "VALID"])
def test_names_have_the_sizes_of_keras(name, kernel, stride, size):
    """The documentation: output padding follows keras.layers.Conv2DTranspose, and so does ConvTranspose."""
    layer = jax.conv_transpose((1, size, 1), (kernel, 1, 1), (stride,), name, transpose_kernel=True)
    assert layer == ConvTranspose((size,), kernel, stride=stride, padding=name.lower())
    again = jax.conv_transpose((1, size, 1), (kernel, 1, 1), (stride,), name, None, None, True, None, None, True)
    assert again == layer
    plain = jax.conv_transpose((1, size, 1), (kernel, 1, 1), (stride,), name)
    assert plain == layer.as_conv()


def test_pairs_are_added_to_the_spread_input_or_cropped_from_the_result():
    call = {"lhs": (1, 3, 1), "rhs": (3, 1, 1), "strides": (2,), "padding": [(1, 0)]}
    assert jax.conv_transpose(**call) == Conv((3,), 3, padding=((1, 0),), input_dilation=2)
    assert jax.conv_transpose(**call, use_consistent_padding=True) == Conv((3,), 3, padding=((1, 2),), input_dilation=2)
    call["transpose_kernel"] = True
    assert jax.conv_transpose(**call) == ConvTranspose((3,), 3, stride=2, padding=((1, 2),))
    layer = jax.conv_transpose(**call, use_consistent_padding=True)
    assert layer == ConvTranspose((3,), 3, stride=2, padding=((1, 0),))


def test_what_stands_beyond_the_last_stamp_is_an_output_padding():
    layer = jax.conv_transpose((1, 3, 1), (2, 1, 1), (3,), [(1, 5)], transpose_kernel=True)
    assert layer == ConvTranspose((3,), 2, stride=3, padding=((0, -2),), output_padding=2)
    assert layer == layer.T.T
    layer = jax.conv_transpose((1, 3, 1), (2, 1, 1), (1,), [(1, 3)], transpose_kernel=True)
    assert layer == ConvTranspose((3,), 2, padding=((0, -2),))


def test_names_of_the_direct_convolution_pass_without_strides():
    """JAX hands on what it does not know itself to conv_general_dilated."""
    layer = jax.conv_transpose((1, 5, 1), (4, 1, 1), (1,), "SAME_LOWER")
    assert layer == Conv((5,), 4, padding=((2, 1),))
    assert jax.conv_transpose((1, 5, 1), (4, 1, 1), (1,), "same") == Conv((5,), 4, padding=((1, 2),))
    assert jax.conv_transpose((1, 5, 1), (4, 1, 1), (1,), "SAME") == Conv((5,), 4, padding=((2, 1),))


def test_channels_are_swapped_with_the_kernel():
    plain = jax.conv_transpose((1, 4, 4, 2), (3, 3, 2, 5), (1, 1), "SAME")
    turned = jax.conv_transpose((1, 4, 4, 2), (3, 3, 5, 2), (1, 1), "SAME", transpose_kernel=True)
    assert (plain.in_channels, plain.out_channels) == (turned.in_channels, turned.out_channels) == (2, 5)
    w = np.arange(90).reshape(3, 3, 2, 5)
    assert jax.weight_transpose(w, NHWC).shape == plain.weight_shape
    ours = jax.weight_transpose(w.swapaxes(2, 3)[::-1, ::-1], NHWC, transpose_kernel=True)
    assert_array_equal(turned.matrix(ours).toarray(), plain.matrix(jax.weight_transpose(w, NHWC)).toarray())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"lhs": (1, 4, 3)}, "rhs has length 2 on its axis I, but lhs has 3 channels: with transpose_kernel=False"),
        ({"transpose_kernel": True}, "rhs has length 5 on its axis O, but lhs has 2 channels: with"),
        ({"transpose_kernel": 1}, r"transpose_kernel must be True or False, got 1 \(int\)"),
        ({"use_consistent_padding": None}, r"use_consistent_padding must be True or False, got None"),
        ({"strides": 2}, r"strides must be a sequence of one integer for each axis in JAX, got 2: write \(2,\)"),
        ({"strides": None}, "strides must be a sequence of one integer for each axis in JAX, got None"),
        ({"strides": (2, 2)}, r"strides has 2 entries, \(2, 2\), but the kernel has 1 spatial axis"),
        ({"padding": "FULL"}, "padding 'FULL' is not one of SAME, SAME_LOWER, VALID"),
        ({"padding": "same"}, "padding 'SAME' needs strides 1 in JAX, got 2 on axis 0: give the padding as"),
        ({"padding": "SAME_LOWER"}, "padding 'SAME_LOWER' needs strides 1 in JAX, got 2 on axis 0"),
        ({"padding": "same", "strides": (1,), "use_consistent_padding": True},
         "padding 'same' is not one of SAME, VALID: jax.lax.conv_transpose with use_consistent_padding=True knows"),
        ({"padding": [[0, 1]], "use_consistent_padding": True},
         r"padding on axis 0 must be a tuple with use_consistent_padding=True in JAX, got \[0, 1\]: write \(0, 1\)"),
        ({"padding": [(-9, 0)]}, "kernel does not fit on axis 0: it spans 3"),
        ({"padding": [(-9, 0)], "rhs": (3, 5, 2), "transpose_kernel": True},
         r"kernel does not fit on axis 0: it spans 3 but the spread and padded input has -2 \(= strides 2 \* "
         r"\(size of lhs 4 - 1\) \+ 1 \+ padding -9 \+ 0\); add 5 to the padding"),
        ({"padding": [(5, 4)], "use_consistent_padding": True},
         r"output is empty on axis 0: its size would be 0 \(= strides 2 \* \(size of lhs 4 - 1\) \+ 1 \+ 2 - padding "
         r"5 - 4, where the kernel spans 3\); reduce the padding by 1"),
        ({"lhs": (1, 2, 2, 2, 2, 2), "rhs": (1, 1, 1, 1, 2, 2)},
         "lhs has 4 spatial axes, but jax.lax.conv_transpose has default dimension_numbers for 3 at most: give them"),
    ],
)  # fmt: skip
def test_refused_transposed_convolutions(words, message):
    call = {"lhs": (1, 4, 2), "rhs": (3, 2, 5), "strides": (2,), "padding": "SAME", **words}
    with pytest.raises(ValueError, match=message):
        jax.conv_transpose(**call)


def test_weights_of_too_many_axes_and_of_a_wrong_layout():
    with pytest.raises(ValueError, match="dimension_numbers say 'NHWC' of lhs, 4 letters, but the arrays have 3 axes"):
        jax.weight(np.zeros((1, 1, 1)), NHWC)
    with pytest.raises(WrongTypeError, match="transpose_kernel must be True or False, got 2"):
        jax.weight_transpose(np.zeros((1, 1, 1)), NWC, 2)


# -- Flax ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kernel", "pads"), [(1, (0, 0)), (2, (0, 1)), (3, (1, 1)), (4, (1, 2))])
@pytest.mark.parametrize(("name", "mode"), [("CIRCULAR", "circular"), ("REFLECT", "reflect")])
def test_borders_of_flax(name, mode, kernel, pads):
    layer = jax.flax_conv((5,), 1, 1, (kernel,), 2, padding=name)
    assert layer == Conv((5,), kernel, stride=2, padding=(pads,), padding_mode=mode)


def test_borders_see_the_dilated_kernel():
    assert jax.flax_conv(9, 1, 1, (2,), padding="CIRCULAR", kernel_dilation=3).padding == ((1, 2),)
    assert jax.flax_conv(9, 1, 1, (2,), padding="CAUSAL", kernel_dilation=3).padding == ((3, 0),)


def test_the_kernel_of_flax_says_the_number_of_axes():
    layer = jax.flax_conv(6, 4, 6, (3, 2, 1), None, padding=[1, (0, 2), -1], kernel_dilation=(1, 2, 1),
                          input_dilation=None, feature_group_count=2)  # fmt: skip
    assert layer == Conv((6, 6, 6), (3, 2, 1), padding=((1, 1), (0, 2), (-1, -1)), dilation=(1, 2, 1), groups=2,
                         in_channels=4, out_channels=6)  # fmt: skip
    assert jax.flax_conv(6, 1, 1, 3, padding=2, input_dilation=2) == Conv((6,), 3, padding=2, input_dilation=2)
    assert jax.flax_weight(np.zeros((3, 2, 1, 2, 6))).shape == layer.weight_shape


def test_the_documentation_of_a_circular_transposed_layer():
    layer = jax.flax_conv_transpose((15, 15), 3, 4, (6, 6), (2, 2), padding="CIRCULAR", transpose_kernel=True)
    assert layer.output_size == (30, 30)
    assert jax.flax_weight_transpose(np.zeros((6, 6, 4, 3)), True, "CIRCULAR").shape == layer.weight_shape
    assert jax.flax_conv_transpose(8, 3, 4, (3,), padding="VALID").output_size == (10,)


def test_a_circular_transposed_layer_by_hand():
    """VALID gives (1, 2, 3, 0) and (0, 1, 2, 3); wrapped around two places, one of which begins at the odd element."""
    w = np.array([1, 2, 3]).reshape(3, 1, 1)
    plain = jax.flax_conv_transpose(2, 1, 1, (3,), padding="CIRCULAR")
    assert plain == ConvTranspose((2,), 3, padding=1, padding_mode="circular")
    assert dense(plain, jax.flax_weight_transpose(w, False, "CIRCULAR")) == [[2, 4], [4, 2]]
    for turned, pads in ((False, (1, 2)), (True, (2, 1))):
        layer = jax.flax_conv_transpose(5, 1, 1, (4,), padding="CIRCULAR", transpose_kernel=turned)
        assert layer == ConvTranspose((5,), 4, padding=(pads,), padding_mode="circular")
    beyond = jax.flax_conv_transpose(2, 1, 1, (1,), 3, padding="CIRCULAR")
    assert beyond == ConvTranspose((2,), 1, stride=3, output_padding=2, padding_mode="circular")


def test_numbers_of_a_transposed_layer_are_added():
    layer = jax.flax_conv_transpose(4, 2, 3, (3,), 2, padding=1, kernel_dilation=(2,))
    assert layer == Conv((4,), 3, padding=1, dilation=2, input_dilation=2, in_channels=2, out_channels=3)
    turned = jax.flax_conv_transpose(4, 2, 3, (3,), 2, padding=[1], transpose_kernel=True)
    assert turned == ConvTranspose((4,), 3, stride=2, padding=1, in_channels=2, out_channels=3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"padding": "circular"}, "padding 'circular' is not one of SAME, SAME_LOWER, VALID, CIRCULAR, REFLECT, "
                                  "CAUSAL: write 'CIRCULAR', in capital letters"),
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
)  # fmt: skip
def test_refused_words_of_flax(words, message):
    call = {"input_size": 5, "in_features": 4, "out_features": 6, "kernel_size": (3, 3), **words}
    with pytest.raises(ValueError, match=message):
        jax.flax_conv(**call)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"padding": "REFLECT"}, "padding 'REFLECT' is none of a transposed convolution in Flax, which knows SAME,"),
        ({"padding": "CAUSAL"}, "padding 'CAUSAL' is none of a transposed convolution in Flax, which knows SAME,"),
        ({"padding": "circular"}, "padding 'circular' is not one of SAME, SAME_LOWER, VALID"),
        ({"padding": "same"}, "padding 'SAME' needs strides 1 in JAX, got 2 on axis 0"),
        ({"padding": -4}, "kernel does not fit on axis 0"),
        ({"kernel_size": (1,) * 4}, "kernel_size has 4 entries, one for each axis, but JAX's conv_transpose has"),
        ({"transpose_kernel": None}, "transpose_kernel must be True or False, got None"),
    ],
)  # fmt: skip
def test_refused_transposed_words_of_flax(words, message):
    call = {"input_size": 3, "in_features": 1, "out_features": 1, "kernel_size": 3, "strides": 2, **words}
    with pytest.raises(ValueError, match=message):
        jax.flax_conv_transpose(**call)


# -- layer objects ---------------------------------------------------------------------------------------------------


class Variable:
    """A variable of nnx, or with `old` as it was before 0.12."""

    def __init__(self, array, old=False):
        if old:
            self.value = array
        else:
            self.get_value = lambda: array


def conv_like(**words):
    kernel = np.arange(12).reshape(3, 2, 2)
    said = {"kernel_size": (3,), "strides": 1, "padding": "SAME", "kernel_dilation": 1, "input_dilation": 1,
            "feature_group_count": 2, "kernel": Variable(kernel), "bias": Variable(np.array([1, 2])),
            **words}  # fmt: skip
    return SimpleNamespace(**{name: value for name, value in said.items() if value is not KeyError})


def transpose_like(**words):
    kernel = np.arange(18).reshape(3, 2, 3)
    said = {"kernel_size": (3,), "strides": None, "padding": "SAME", "kernel_dilation": None, "transpose_kernel": False,
            "kernel": Variable(kernel, old=True), "bias": None, **words}  # fmt: skip
    return SimpleNamespace(**said)


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
    layer, turned, _ = jax.from_layer(transpose_like(transpose_kernel=True), 4)
    assert layer == ConvTranspose((4,), 3, padding=1, in_channels=3, out_channels=2)
    assert_array_equal(turned, w)
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
    """With the name of the collection, or without it; linen's kernel_size may be an int, and its boxes are opened."""
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
    ("layer", "words", "message"),
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
)  # fmt: skip
def test_refused_layers(layer, words, message):
    with pytest.raises(ValueError, match=message):
        jax.from_layer(layer, 6, **words)


# -- what is said of it ----------------------------------------------------------------------------------------------


def test_the_rules_have_the_keys_of_the_page():
    assert list(jax.RULES) == ["data", "weight", "transposed weight", "kernel", "padding", "same", "transposed padding",
                            "output size", "groups", "refused"]  # fmt: skip
    assert all(rule.endswith(".") for rule in jax.RULES.values())
