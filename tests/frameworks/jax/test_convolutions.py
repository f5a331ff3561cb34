"""Calls of JAX, by hand: cases from its documentation, layouts, names of paddings, errors."""

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
    assert_array_equal(jax.weight(w, dimension_numbers=("NCHW", "OIHW", "NCHW")), w)


def test_arrays_and_shapes_say_the_same_and_a_batch_may_be_unknown():
    lhs, rhs = np.zeros((2, 5, 4, 3)), np.zeros((2, 3, 3, 6))
    layer = jax.conv(lhs, rhs, (1, 1), "SAME", dimension_numbers=NHWC)
    assert layer == jax.conv((None, 5, 4, 3), rhs.shape, [1, 1], "same", None, None, NHWC, 1, 1)
    assert layer == Conv((5, 4), (2, 3), padding=((0, 1), (1, 1)), in_channels=3, out_channels=6)


def test_the_kernel_determines_the_order_of_axes():
    """window_strides[0] is for the first letter of rhs that is neither I nor O, according to the documentation."""
    numbers = ("WNHC", "IHOW", "CWHN")
    layer = jax.conv((7, 1, 5, 4), (2, 3, 6, 1), (1, 2), [(0, 0), (-1, 3)], None, (2, 1), numbers, 2)
    assert layer == Conv(
        (5, 7),
        (3, 1),
        stride=(1, 2),
        padding=((0, 0), (-1, 3)),
        dilation=(2, 1),
        groups=2,
        in_channels=4,
        out_channels=6,
    )
    w = np.arange(36).reshape(2, 3, 6, 1)
    assert_array_equal(jax.weight(w, dimension_numbers=numbers), w.transpose(2, 0, 1, 3))
    like = SimpleNamespace(lhs_spec=(1, 3, 2, 0), rhs_spec=(2, 0, 1, 3), out_spec=(3, 0, 2, 1))
    assert layer == jax.conv((7, 1, 5, 4), (2, 3, 6, 1), (1, 2), [(0, 0), (-1, 3)], None, (2, 1), like, 2)
    assert_array_equal(jax.weight(w, dimension_numbers=like), jax.weight(w, dimension_numbers=numbers))


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
    assert jax.conv(
        (1, 1, 3),
        (1, 1, 2),
        (1,),
        "VALID",
        precision="highest",
        preferred_element_type="float32",
        out_sharding=object(),
    ) == Conv((3,), 2)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"lhs": 4}, r"lhs must be an array or a shape, got 4 \(int\)"),
        ({"lhs": (1, 4, 5)}, r"lhs has shape \(1, 4, 5\) but rhs \(2, 4, 3, 3\): JAX needs as many axes in both"),
        ({"lhs": (1,), "rhs": (1,)}, "lhs and rhs have 1 axes in all, but need 2 at least, for batch and channels"),
        ({"lhs": (1, 4, None, 5)}, r"lhs\[2\] is None, but the matrix depends on it: give a number"),
        ({"lhs": (1, 4, 2, 5)}, r"kernel does not fit on axis 0: it spans 3 .* but the padded input has 2"),
        ({"lhs": (1, 4, 0, 5)}, r"lhs\[2\] must be at least 1, got 0"),
        (
            {"lhs": (1, 3, 5, 5)},
            "rhs has length 4 on its axis I, but lhs has 3 channels: JAX needs 3 "
            r"\(= 3 / feature_group_count 1\)",
        ),
        ({"feature_group_count": 2}, r"rhs has length 4 on its axis I, but lhs has 4 channels: JAX needs 2 \(= 4 /"),
        ({"feature_group_count": 3}, r"feature_group_count 3 does not divide the 4 channels of lhs \(remainder 1\)"),
        (
            {"feature_group_count": 4, "rhs": (2, 1, 3, 3)},
            "rhs has length 2 on its axis O, which feature_group_count "
            r"4 does not divide \(remainder 2\): give a multiple of 4",
        ),
        ({"feature_group_count": 0}, "feature_group_count must be at least 1, got 0"),
        (
            {"batch_group_count": 2},
            "batch_group_count 2 makes one image of 2 of the batch, so that there is no matrix "
            "of one image: stack the channels of these 2 images, and give",
        ),
        ({"batch_group_count": 0}, "batch_group_count must be at least 1, got 0"),
        (
            {"window_strides": 2},
            "window_strides must be a sequence of one integer for each axis in JAX, got 2: write "
            r"\(2, 2\)",
        ),
        ({"window_strides": None}, "window_strides must be a sequence of one integer for each axis in JAX, got None"),
        ({"window_strides": (2,)}, r"window_strides has 1 entry, \(2,\), but the kernel has 2 spatial axes"),
        ({"window_strides": (1, 0)}, "window_strides on axis 1 must be at least 1, got 0"),
        ({"window_strides": (1, 1.5)}, r"window_strides on axis 1 must be an integer, got 1.5"),
        ({"rhs_dilation": (1, 1, 1)}, r"rhs_dilation has 3 entries, \(1, 1, 1\), but the kernel has 2 spatial axes"),
        ({"lhs_dilation": (1, 0)}, "lhs_dilation on axis 1 must be at least 1, got 0"),
        (
            {"lhs_dilation": (1, 2)},
            "padding 'VALID' needs lhs_dilation 1 in JAX, got 2 on axis 1: give the padding as "
            r"\(low, high\) pairs",
        ),
        ({"padding": "FULL"}, "padding 'FULL' is not one of SAME, SAME_LOWER, VALID$"),
        ({"padding": "CIRCULAR"}, "padding 'CIRCULAR' is not one of SAME, SAME_LOWER, VALID$"),
        ({"padding": 1}, r"padding must be a name or a sequence of \(low, high\) pairs, one for each axis, in JAX,"),
        ({"padding": [1, 2]}, r"padding on axis 0 must be a \(low, high\) pair in JAX, got 1: write \(1, 1\)"),
        ({"padding": [(1, 2, 3), (0, 0)]}, r"padding on axis 0 must be a \(low, high\) pair in JAX, got \(1, 2, 3\)"),
        ({"padding": [(1, 2)]}, r"padding has 1 entry, \(\(1, 2\),\), but the kernel has 2 spatial axes"),
        ({"padding": [(1, 2), (0, 0.5)]}, r"padding on axis 1, high, must be an integer, got 0.5"),
        ({"dimension_numbers": "NCHW"}, "dimension_numbers must be three words for lhs, rhs and the output"),
        ({"dimension_numbers": ("NCHW", "OIHW")}, "dimension_numbers must be three words for lhs, rhs and the output"),
        (
            {"dimension_numbers": ("NCH", "OIHW", "NCHW")},
            "dimension_numbers say 'NCH' of lhs, 3 letters, but the arrays have 4 axes",
        ),
        ({"dimension_numbers": ("NCHW", "OJHW", "NCHW")}, "say 'OJHW' of rhs, which needs O and I, and no letter"),
        ({"dimension_numbers": ("NCHW", "OIHW", "NCHH")}, "say 'NCHH' of the output, which needs N and C, and no"),
        ({"dimension_numbers": ("NCHW", "OIHD", "NCHW")}, r"\('NCHW', 'OIHD', 'NCHW'\) have other letters for the"),
        (
            {"dimension_numbers": SimpleNamespace(lhs_spec=(0, 1, 2, 2), rhs_spec=(0, 1, 2, 3), out_spec=(0, 1, 2, 3))},
            r"lhs_spec of dimension_numbers is \(0, 1, 2, 2\), but the arrays have 4 axes: give each of 0 to 3 once",
        ),
        (
            {"dimension_numbers": SimpleNamespace(lhs_spec=3, rhs_spec=(0, 1, 2, 3), out_spec=(0, 1, 2, 3))},
            "lhs_spec of dimension_numbers is 3, but the arrays have 4 axes",
        ),
        ({"dimension_numbers": SimpleNamespace(lhs_spec=(0, 1, 2, 3))}, "it has no attribute 'rhs_spec'"),
    ],
)
def test_refused_convolutions(kwargs, message):
    call = {"lhs": (1, 4, 5, 5), "rhs": (2, 4, 3, 3), "window_strides": (1, 1), "padding": "VALID", **kwargs}
    with pytest.raises(ValueError, match=message):
        jax.conv(**call)


# -- conv_transpose --------------------------------------------------------------------------------------------------


def test_the_kernel_is_flipped_only_with_transpose_kernel():
    """Both have the same shape, and different values."""
    w = np.array([1, 2, 3]).reshape(3, 1, 1)
    plain, flipped = (jax.conv_transpose((1, 2, 1), w, (2,), "VALID", transpose_kernel=flag) for flag in (False, True))
    assert plain.output_size == flipped.output_size == (5,)
    assert dense(plain, jax.weight(w, transpose=True, dimension_numbers=NWC)) == [
        [3, 0],
        [2, 0],
        [1, 3],
        [0, 2],
        [0, 1],
    ]
    assert dense(flipped, jax.weight(w, transpose=True, dimension_numbers=NWC, transpose_kernel=True)) == [
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
    """Output padding follows keras.layers.Conv2DTranspose, according to the documentation, as in ConvTranspose."""
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
    """JAX passes other names of paddings to conv_general_dilated."""
    layer = jax.conv_transpose((1, 5, 1), (4, 1, 1), (1,), "SAME_LOWER")
    assert layer == Conv((5,), 4, padding=((2, 1),))
    assert jax.conv_transpose((1, 5, 1), (4, 1, 1), (1,), "same") == Conv((5,), 4, padding=((1, 2),))
    assert jax.conv_transpose((1, 5, 1), (4, 1, 1), (1,), "SAME") == Conv((5,), 4, padding=((2, 1),))


def test_channels_are_swapped_with_the_kernel():
    plain = jax.conv_transpose((1, 4, 4, 2), (3, 3, 2, 5), (1, 1), "SAME")
    flipped = jax.conv_transpose((1, 4, 4, 2), (3, 3, 5, 2), (1, 1), "SAME", transpose_kernel=True)
    assert (plain.in_channels, plain.out_channels) == (flipped.in_channels, flipped.out_channels) == (2, 5)
    w = np.arange(90).reshape(3, 3, 2, 5)
    assert jax.weight(w, transpose=True, dimension_numbers=NHWC).shape == plain.weight_shape
    weight = jax.weight(w.swapaxes(2, 3)[::-1, ::-1], transpose=True, dimension_numbers=NHWC, transpose_kernel=True)
    assert_array_equal(
        flipped.matrix(weight).toarray(), plain.matrix(jax.weight(w, transpose=True, dimension_numbers=NHWC)).toarray()
    )


@pytest.mark.parametrize(
    ("kwargs", "message"),
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
        (
            {"padding": "same", "strides": (1,), "use_consistent_padding": True},
            "padding 'same' is not one of SAME, VALID: jax.lax.conv_transpose with use_consistent_padding=True knows",
        ),
        (
            {"padding": [[0, 1]], "use_consistent_padding": True},
            r"padding on axis 0 must be a tuple with use_consistent_padding=True in JAX, got \[0, 1\]: write \(0, 1\)",
        ),
        ({"padding": [(-9, 0)]}, "kernel does not fit on axis 0: it spans 3"),
        (
            {"padding": [(-9, 0)], "rhs": (3, 5, 2), "transpose_kernel": True},
            r"kernel does not fit on axis 0: it spans 3 but the spread and padded input has -2 \(= strides 2 \* "
            r"\(size of lhs 4 - 1\) \+ 1 \+ padding -9 \+ 0\); add 5 to the padding",
        ),
        (
            {"padding": [(5, 4)], "use_consistent_padding": True},
            r"output is empty on axis 0: its size would be 0 \(= strides 2 \* \(size of lhs 4 - 1\) \+ 1 \+ 2 - "
            r"padding "
            r"5 - 4, where the kernel spans 3\); reduce the padding by 1",
        ),
        (
            {"lhs": (1, 2, 2, 2, 2, 2), "rhs": (1, 1, 1, 1, 2, 2)},
            "lhs has 4 spatial axes, but jax.lax.conv_transpose has default dimension_numbers for 3 at most: give them",
        ),
    ],
)
def test_refused_transposed_convolutions(kwargs, message):
    call = {"lhs": (1, 4, 2), "rhs": (3, 2, 5), "strides": (2,), "padding": "SAME", **kwargs}
    with pytest.raises(ValueError, match=message):
        jax.conv_transpose(**call)


def test_weights_of_too_many_axes_and_of_a_wrong_layout():
    with pytest.raises(ValueError, match="dimension_numbers say 'NHWC' of lhs, 4 letters, but the arrays have 3 axes"):
        jax.weight(np.zeros((1, 1, 1)), dimension_numbers=NHWC)
    with pytest.raises(WrongTypeError, match="transpose_kernel must be True or False, got 2"):
        jax.weight(np.zeros((1, 1, 1)), transpose=True, dimension_numbers=NWC, transpose_kernel=2)
