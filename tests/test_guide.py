"""Numbers that are in print: the guide's relationships, settings and examples, and what has been written about them.

The guide is Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
"""

from itertools import product
from math import ceil, gcd

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix import Conv, ConvTranspose
from guide import SETTINGS, W, X

SIZES, KERNELS, STRIDES, PADS = range(1, 9), range(1, 6), range(1, 5), range(4)


def apply(layer, x, weight):
    """The layer's result on one image of one channel, through its matrix."""
    return layer.unvec(layer.matrix(weight) @ layer.vec(x))[0]


def integer_weight(layer, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, layer.weight_shape)


def rank(C):
    return np.linalg.matrix_rank(C.toarray())


def assert_same_matrix(layer, other, flipped):
    """Compare a transposed layer with a direct convolution, with a flipped kernel if `flipped` is true."""
    weight = integer_weight(layer)
    assert_array_equal(other.matrix(weight[..., ::-1] if flipped else weight).toarray(), layer.matrix(weight).toarray())


# -- the relationships ---------------------------------------------------------------------------------------------


def test_relationship_1_no_padding_unit_strides():
    for i, k in product(SIZES, KERNELS):
        if k <= i:
            assert Conv((i,), k).output_size == ((i - k) + 1,)


def test_relationship_2_padding_unit_strides():
    for i, k, p in product(SIZES, KERNELS, PADS):
        if k <= i + 2 * p:
            assert Conv((i,), k, padding=p).output_size == ((i - k) + 2 * p + 1,)


def test_relationship_3_half_padding_keeps_the_size():
    for i, n in product(SIZES, range(4)):
        assert Conv((i,), 2 * n + 1, padding=n).output_size == (i,)
        assert Conv((i,), 2 * n + 1, padding="half") == Conv((i,), 2 * n + 1, padding=n)


def test_relationship_4_full_padding_adds_k_minus_1():
    for i, k in product(SIZES, KERNELS):
        assert Conv((i,), k, padding=k - 1).output_size == (i + (k - 1),)
        assert Conv((i,), k, padding="full") == Conv((i,), k, padding=k - 1)


def test_relationship_5_no_padding_strides():
    for i, k, s in product(SIZES, KERNELS, STRIDES):
        if k <= i:
            assert Conv((i,), k, stride=s).output_size == ((i - k) // s + 1,)


def test_relationship_6_padding_strides():
    for i, k, s, p in product(SIZES, KERNELS, STRIDES, PADS):
        if k <= i + 2 * p:
            conv = Conv((i,), k, stride=s, padding=p)
            assert conv.output_size == ((i + 2 * p - k) // s + 1,)
            assert conv.leftover == ((i + 2 * p - k) % s,)


def test_relationship_7_pooling_has_the_sizes_of_a_convolution_without_padding():
    x = np.arange(100)
    for i, k, s in product(SIZES, KERNELS, STRIDES):
        if k <= i:
            pooled = [x[start : start + k].sum() for start in range(0, i - k + 1, s)]
            assert Conv((i,), k, stride=s).output_size == ((i - k) // s + 1,) == (len(pooled),)
            assert_array_equal(Conv((i,), k, stride=s).matrix(np.ones(k, int)) @ x[:i], pooled)


def test_relationship_8_transposed_no_padding_unit_strides():
    for i, k in product(SIZES, KERNELS):
        up = ConvTranspose((i,), k)
        assert up.output_size == (i + (k - 1),)
        assert up.as_conv() == Conv((i,), k, padding=k - 1)
        assert_same_matrix(up, Conv((i,), k, padding=k - 1), flipped=True)


def test_relationship_9_transposed_padding_unit_strides():
    for i, k, p in product(SIZES, KERNELS, PADS):
        if i + (k - 1) - 2 * p >= 1:
            up = ConvTranspose((i,), k, padding=p)
            assert up.output_size == (i + (k - 1) - 2 * p,)
            assert up.as_conv() == Conv((i,), k, padding=k - p - 1)
            assert_same_matrix(up, Conv((i,), k, padding=k - p - 1), flipped=True)


def test_relationship_10_transposed_half_padding_keeps_the_size():
    for i, n in product(SIZES, range(4)):
        up = ConvTranspose((i,), 2 * n + 1, padding="half")
        assert up.output_size == (i,)
        assert up.as_conv() == Conv((i,), 2 * n + 1, padding="half")
        assert_same_matrix(up, Conv((i,), 2 * n + 1, padding=n), flipped=True)


def test_relationship_11_transposed_full_padding_takes_k_minus_1():
    for i, k in product(SIZES, KERNELS):
        if i - (k - 1) >= 1:
            up = ConvTranspose((i,), k, padding="full")
            assert up.output_size == (i - (k - 1),)
            assert up.as_conv() == Conv((i,), k)
            assert_same_matrix(up, Conv((i,), k), flipped=True)


def test_relationship_12_transposed_no_padding_strides():
    for o, k, s in product(SIZES, KERNELS, STRIDES):
        forward = Conv((s * (o - 1) + k,), k, stride=s)  # s divides i - k
        up = ConvTranspose((o,), k, stride=s)
        assert up == forward.T
        assert up.output_size == (s * (o - 1) + k,)
        direct = Conv((o,), k, padding=k - 1, input_dilation=s)
        assert up.as_conv() == direct
        assert direct.axes[0].dilated_size == o + (o - 1) * (s - 1)
        assert_same_matrix(up, direct, flipped=True)


@pytest.mark.full
def test_relationship_13_transposed_padding_strides():
    for o, k, s, p in product(SIZES, KERNELS, STRIDES, PADS):
        size = s * (o - 1) + k - 2 * p
        if size >= 1:
            up = ConvTranspose((o,), k, stride=s, padding=p)
            assert up.output_size == (size,)
            assert up == Conv((size,), k, stride=s, padding=p).T
            assert_same_matrix(up, Conv((o,), k, padding=k - p - 1, input_dilation=s), flipped=True)


@pytest.mark.full
def test_relationship_14_transposed_padding_strides_odd():
    for i, k, s, p in product(SIZES, KERNELS, STRIDES, PADS):
        if k <= i + 2 * p:
            conv = Conv((i,), k, stride=s, padding=p)
            (o,), a = conv.output_size, (i + 2 * p - k) % s
            up = ConvTranspose((o,), k, stride=s, padding=p, output_padding=a)
            assert up.output_size == (s * (o - 1) + a + k - 2 * p,) == (i,)
            assert up == conv.T
            # a extra zeros at the bottom and right, not at the top as some texts have it
            direct = Conv((o,), k, padding=((k - p - 1, k - p - 1 + a),), input_dilation=s)
            assert_same_matrix(up, direct, flipped=True)


@pytest.mark.full
def test_relationship_15_dilation():
    for i, k, s, p, d in product(SIZES, KERNELS, STRIDES, PADS, (1, 2, 3)):
        span = k + (k - 1) * (d - 1)
        if span <= i + 2 * p:
            conv = Conv((i,), k, stride=s, padding=p, dilation=d)
            assert conv.output_size == ((i + 2 * p - k - (k - 1) * (d - 1)) // s + 1,)
            spread = np.zeros(span, int)
            spread[::d] = weight = np.arange(1, k + 1)
            plain = Conv((i,), span, stride=s, padding=p)
            assert_array_equal(conv.matrix(weight).toarray(), plain.matrix(spread).toarray())


@pytest.mark.full
def test_beyond_the_guide_relationships_8_to_14_hold_with_dilation_asymmetry_and_crops():
    """k_e takes the place of k, each end has its own pad, and a pad beyond k_e-1 crops."""
    for o, k, s, d, before, after in product((1, 2, 4), (1, 2, 3), (1, 2, 3), (1, 2), (-1, 0, 3), (0, 1, 4)):
        span = d * (k - 1) + 1
        if (o - 1) * s + span - before - after >= 1:
            up = ConvTranspose((o,), k, stride=s, dilation=d, padding=((before, after),))
            direct = Conv((o,), k, padding=((span - 1 - before, span - 1 - after),), dilation=d, input_dilation=s)
            assert up.as_conv() == direct
            assert_same_matrix(up, direct, flipped=True)


# -- the settings and their twins ----------------------------------------------------------------------------------


def setting(name):
    i, k, s, p, d = SETTINGS[name][0]
    return Conv(i, k, stride=s, padding=p, dilation=d)


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_the_guide(name):
    _, o, frames, shape, nnz, generic_rank, *_ = SETTINGS[name]
    conv = setting(name)
    C = conv.matrix(integer_weight(conv))
    assert conv.output_size == (o, o)
    assert conv.matrix_shape == C.shape == shape
    assert conv.matrix_shape[0] == frames  # one frame of the animation for each window
    assert conv.nnz == C.nnz == nnz
    assert rank(C) == generic_rank


@pytest.mark.parametrize("name", SETTINGS)
def test_transposed_twins_of_the_settings(name):
    """Seven of them were drawn; the eighth, of the dilated setting, follows the same rule."""
    *_, shape, nnz, generic_rank, frames, (i, dilated, p, a) = SETTINGS[name]
    up = setting(name).T
    direct = up.as_conv()
    assert up.input_size == (i, i)
    assert up.output_padding == (a, a)
    assert up.matrix_shape == shape[::-1]
    assert up.matrix_shape[0] == frames
    assert up.nnz == direct.nnz == nnz
    assert rank(up.matrix(integer_weight(up))) == generic_rank
    assert direct.stride == (1, 1)
    assert direct.padding == ((p, p + a),) * 2
    assert [axis.dilated_size for axis in direct.axes] == [dilated] * 2


@pytest.mark.parametrize("name", SETTINGS)
def test_the_kernel_of_every_twin_must_be_flipped(name):
    up = setting(name).T
    weight = integer_weight(up)
    C, direct = up.matrix(weight).toarray(), up.as_conv()
    assert_array_equal(direct.matrix(up.direct_weight(weight)).toarray(), C)
    assert (direct.matrix(weight).toarray() != C).any()


def test_figure_4_7_stands_on_a_3_by_3_input():
    """The caption says 2 x 2."""
    assert setting("padding_strides_odd").T.input_size == (3, 3)


# -- the numerical examples ----------------------------------------------------------------------------------------


def test_numerical_no_padding_no_strides():
    assert_array_equal(apply(Conv(5, 3), X, W), [[12, 12, 17], [10, 17, 19], [9, 6, 14]])


def test_numerical_padding_strides():
    assert_array_equal(apply(Conv(5, 3, stride=2, padding=1), X, W), [[6, 17, 3], [8, 17, 13], [6, 4, 4]])


def test_numerical_average_pooling():
    averages = apply(Conv(5, 3), X, np.ones((3, 3), int)) / 9
    assert_array_equal(averages.round(1), [[1.7, 1.7, 1.7], [1.0, 1.2, 1.8], [1.1, 0.8, 1.3]])


def test_numerical_max_pooling_reads_what_the_convolution_reads():
    conv = Conv(5, 3)
    windows = np.array([np.ravel(X)[row] for row in np.split(conv.matrix(np.ones((3, 3))).indices, 9)])
    assert_array_equal(windows.max(axis=1).reshape(3, 3), [[3, 3, 3], [3, 3, 3], [3, 2, 3]])


def test_figure_1_3_two_input_maps_to_three_output_maps():
    conv = Conv(5, 3, in_channels=2, out_channels=3)
    weight = integer_weight(conv)
    assert conv.weight_shape == (3, 2, 3, 3)
    x = np.random.default_rng(1).integers(0, 4, conv.input_shape)
    single = Conv(5, 3)
    maps = [sum(apply(single, x[c], weight[o, c]) for c in range(2)) for o in range(3)]
    assert_array_equal(conv.unvec(conv.matrix(weight) @ conv.vec(x)), maps)


def test_figure_1_4_a_stride_is_subsampling():
    weight = np.array(W)
    assert_array_equal(apply(Conv(5, 3, stride=2), X, weight), apply(Conv(5, 3), X, weight)[::2, ::2])


def test_the_printed_matrix_of_the_guide():
    """Row 0 holds w00 w01 w02 0 w10 w11 w12 0 w20 w21 w22 0 0 0 0 0, and the others are shifted by 1, 4 and 5."""
    C = Conv(4, 3).matrix(np.arange(1, 10).reshape(3, 3)).toarray()
    assert_array_equal(C[0], [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0, 0])
    for row, shift in enumerate([0, 1, 4, 5]):
        assert_array_equal(C[row], np.roll(C[0], shift))


# -- text A: PyTorch, MXNet, THNN, AlexNet -------------------------------------------------------------------------


def test_text_a_a_size_of_zero_is_an_error_and_not_one():
    """Rounding (2 - 3)/2 + 1 down gives 0; C's truncation would give 1."""
    with pytest.raises(ValueError, match=r"kernel does not fit on axis 0: it spans 3 .* but the padded input has 2 "):
        Conv(2, 3, stride=2)


def test_text_a_im2col_is_another_matrix_with_the_same_result():
    conv = Conv(5, 3, stride=2, in_channels=2)
    weight, x = integer_weight(conv), np.random.default_rng(1).integers(0, 9, conv.input_shape)
    C = conv.matrix(weight)
    columns = x.ravel()[C.indices.reshape(4, 18)].T  # k*k*c_in rows, o*o columns
    assert columns.shape == (18, 4) != C.shape == (4, 50)
    assert_array_equal(weight.ravel() @ columns, C @ x.ravel())
    gradient = np.zeros(50, int)  # of the input: W^T, then col2im
    np.add.at(gradient, C.indices.reshape(4, 18), np.multiply.outer(np.arange(4), weight.ravel()))
    assert_array_equal(gradient, C.T @ np.arange(4))


def test_text_a_transposed_with_four_groups():
    up = ConvTranspose(5, 3, in_channels=4, out_channels=8, groups=4)
    assert up.weight_shape == (4, 2, 3, 3)
    assert up.output_shape == (8, 7, 7)
    assert up.matrix_shape == (392, 100)
    assert up.nnz == 1800
    C = up.matrix(integer_weight(up)).toarray()
    blocks = C.reshape(4, 98, 4, 25)
    one = ConvTranspose(5, 3, out_channels=2)
    for row, col in product(range(4), range(4)):
        block = one.matrix(integer_weight(up)[row : row + 1]).toarray() if row == col else np.zeros((98, 25))
        assert_array_equal(blocks[row, :, col], block)


def test_text_a_two_groups_halve_the_weights():
    whole = Conv(8, 3, in_channels=32, out_channels=48)
    halves = Conv(8, 3, in_channels=32, out_channels=48, groups=2)
    assert np.prod(whole.weight_shape) == 13824
    assert np.prod(halves.weight_shape) == 6912
    assert halves.weight_shape == (48, 16, 3, 3)
    assert halves.nnz * 2 == whole.nnz
    one = Conv(8, 3, in_channels=16, out_channels=24)
    assert halves.nnz == 2 * one.nnz


def test_text_a_depthwise():
    depthwise = Conv(8, 3, in_channels=32, out_channels=32, groups=32)
    assert depthwise.weight_shape == (32, 1, 3, 3)
    assert depthwise.nnz == 32 * Conv(8, 3).nnz


def test_text_a_alexnet():
    conv2 = Conv(27, 5, padding=2, in_channels=96, out_channels=256, groups=2)
    assert np.prod(conv2.weight_shape) == 307200
    assert np.prod(Conv(27, 5, padding=2, in_channels=96, out_channels=256).weight_shape) == 614400
    assert conv2.matrix_shape == (186624, 69984)
    assert conv2.nnz == 129 * 129 * 256 * 48 == 204_484_608
    assert conv2.nnz < 27 * 27 * 25 * 256 * 48 == 223_948_800  # "up to 2.2e8": as if no window crossed the border
    conv4 = Conv(13, 3, padding=1, in_channels=384, out_channels=384, groups=2)
    conv5 = Conv(13, 3, padding=1, in_channels=384, out_channels=256, groups=2)
    assert conv4.output_size == conv5.output_size == (13, 13)
    assert (conv4.weight_shape, conv5.weight_shape) == ((384, 192, 3, 3), (256, 192, 3, 3))


# -- text B: DCGAN, TensorFlow, Theano -----------------------------------------------------------------------------


def test_text_b_the_4_by_16_matrix_from_both_views():
    conv = Conv(4, 3)
    C = conv.matrix(W)
    assert (C.shape, C.T.shape, C.nnz) == ((4, 16), (16, 4), 36)
    assert_array_equal(C.indices[C.indptr[:-1]], [0, 1, 4, 5])
    assert conv.vec(np.arange(16).reshape(4, 4)).shape == (16,)
    assert conv.unvec(C @ np.arange(16)).shape == (1, 2, 2)
    assert conv.T.unvec(C.T @ np.arange(4)).shape == (1, 4, 4)
    assert conv.T.as_conv() == Conv(2, 3, padding=2)


def test_text_b_all_ones_come_back_in_shape_and_not_in_value():
    conv, ones = Conv(4, 3), np.ones((3, 3), int)
    y = apply(conv, np.ones((4, 4), int), ones)
    assert_array_equal(y, [[9, 9], [9, 9]])
    back = [[9, 18, 18, 9], [18, 36, 36, 18], [18, 36, 36, 18], [9, 18, 18, 9]]
    assert_array_equal(apply(ConvTranspose(2, 3, padding="valid", output_size=4), y, ones), back)


def test_text_b_note_1_the_output_shape_is_checked_by_the_forward_rule():
    assert ConvTranspose(2, 3, padding="valid", output_size=4) == Conv(4, 3).T
    with pytest.raises(ValueError, match=r"output_size 5 on axis 0 cannot come from .* 2 outputs only for 4 inputs"):
        ConvTranspose(2, 3, padding="valid", output_size=5)


def test_text_b_note_2_the_channels_of_the_filter_stay_those_of_the_forward_convolution():
    conv = Conv(4, 3, in_channels=2, out_channels=5)
    assert conv.T.weight_shape == conv.weight_shape == (5, 2, 3, 3)
    assert (conv.T.in_channels, conv.T.out_channels) == (5, 2)


def test_text_b_note_3_the_parameters_are_those_of_the_forward_convolution():
    conv = Conv(9, 3, stride=2, padding=1, dilation=2)
    for name in ("kernel_size", "stride", "padding", "dilation"):
        assert getattr(conv.T, name) == getattr(conv, name)


def test_text_b_valid_drops_columns_and_same_fills_with_zeros():
    valid, same = (Conv((1, 6), (1, 3), stride=(1, 2), padding=name) for name in ("valid", "same"))
    C, D = (layer.matrix([[1, 2, 3]]).toarray() for layer in (valid, same))
    assert_array_equal(C, [[1, 2, 3, 0, 0, 0], [0, 0, 1, 2, 3, 0]])
    assert_array_equal(D, [[1, 2, 3, 0, 0, 0], [0, 0, 1, 2, 3, 0], [0, 0, 0, 0, 1, 2]])


def test_text_b_erratum_the_sixth_tap_is_w12():
    conv = Conv(4, 3)
    indptr, ids = conv.taps()
    assert_array_equal(indptr, np.arange(37))
    assert_array_equal(ids[:9], np.arange(9))
    assert divmod(int(ids[5]), 3) == (1, 2)
    assert conv.matrix(W).indices[5] == 6  # row 1, column 2 of the input


def test_text_b_erratum_valid_is_the_ceiling_of_w_minus_f_plus_1_over_s():
    for w, f, s in product(SIZES, KERNELS, STRIDES):
        if f <= w:
            assert Conv((w,), f, stride=s).output_size == (ceil((w - f + 1) / s),)
            assert Conv((w,), f, stride=s, padding="same").output_size == (ceil(w / s),)


def test_text_b_erratum_both_formulas_are_forward_sizes():
    """Read as the size of the transposed output they would shrink what grows."""
    up = ConvTranspose((4,), 3, stride=2, padding="same")
    assert up.output_size == (8,)
    assert ceil(4 / 2) == 2 == Conv((4,), 3, stride=2, padding="same").output_size[0]


def test_text_b_erratum_the_output_shape_has_the_output_channels():
    up = ConvTranspose(2, 3, in_channels=7, out_channels=5)
    assert up.output_shape == (5, 4, 4)


# -- text C: Theano, Caffe, fully convolutional networks -----------------------------------------------------------


def test_text_c_the_size_of_the_layer():
    for i, k, s, p in product(SIZES, KERNELS, STRIDES, PADS):
        size = s * (i - 1) + k - 2 * p
        if size >= 1:
            assert ConvTranspose((i,), k, stride=s, padding=p).output_size == (size,)


def test_text_c_the_input_shape_is_not_unique():
    assert [Conv((i,), 3, stride=2, padding=1).output_size for i in (4, 5, 6, 7)] == [(2,), (3,), (3,), (4,)]
    for s in STRIDES:
        (axis,) = Conv((20,), 3, stride=s, padding=1).axes
        assert len(axis.input_sizes()) == s
    sizes = [ConvTranspose((3,), 3, stride=2, padding=1, output_padding=op).output_size for op in (0, 1)]
    assert sizes == [(5,), (6,)]


def test_text_c_filter_flip_is_mathematical_convolution():
    x, w = np.arange(5), np.array([1, 2, 4])
    assert_array_equal(Conv((5,), 3).matrix(w[::-1]) @ x, np.convolve(x, w, "valid"))


def pooled(size, *, round_up):
    """Caffe's pooling of two by two, which rounds up: where a column remains, one is added."""
    return Conv((size,), 2, stride=2, padding=((0, size % 2 if round_up else 0),)).output_size[0]


def test_text_c_fcn_32s_rounds_up():
    (size,) = Conv((500,), 3, padding=100).output_size
    sizes = [size]
    for _ in range(5):
        sizes.append(pooled(sizes[-1], round_up=True))
    assert sizes == [698, 349, 175, 88, 44, 22]
    (size,) = Conv((sizes[-1],), 7).output_size
    assert size == 16
    assert ConvTranspose((size,), 64, stride=32).output_size == (544,)  # enough for the crop, 19 to 519


def test_text_c_fcn_32s_with_floors_is_too_small_for_its_crop():
    sizes = [698]
    for _ in range(5):
        sizes.append(pooled(sizes[-1], round_up=False))
    assert sizes == [698, 349, 174, 87, 43, 21]
    assert ConvTranspose(Conv((21,), 7).output_size, 64, stride=32).output_size == (512,)  # less than 19 + 500


# -- text D: the guide in Chinese ----------------------------------------------------------------------------------


def test_text_d_sizes_and_matrices():
    strided, plain = Conv(5, 3, stride=2, padding=1), Conv(4, 3)
    assert (strided.output_size, strided.matrix_shape, strided.nnz) == ((3, 3), (9, 25), 49)
    assert plain.matrix_shape == (4, 16)
    assert ConvTranspose(2, 3).output_size == (2 + (3 - 1),) * 2
    assert ConvTranspose(2, 3).as_conv() == Conv(2, 3, padding=2)
    assert ConvTranspose(3, 3, stride=2, padding=1).output_size == (2 * (3 - 1) + 3 - 2,) * 2 == (5, 5)


def test_text_d_forward_and_backward_change_places():
    conv = Conv(5, 3, stride=2, padding=1)
    weight = integer_weight(conv)
    C = conv.matrix(weight).toarray()
    assert_array_equal(conv.T.matrix(weight).toarray(), C.T)
    assert_array_equal(conv.T.T.matrix(weight).toarray(), C)


# -- text E: PyTorch, weights of 2 ---------------------------------------------------------------------------------


def twos(layer, x):
    return apply(layer, x, np.full(layer.kernel_size, 2)).tolist()


def test_text_e_padding_is_height_then_width():
    x = [[1, 1], [2, 2]]
    wide = [[0, 0, 0, 0, 0, 0], [0, 0, 2, 2, 0, 0], [0, 0, 4, 4, 0, 0], [0, 0, 0, 0, 0, 0]]
    assert twos(Conv(2, 1, padding=(1, 2)), x) == wide
    tall = [[0] * 4, [0] * 4, [0, 2, 2, 0], [0, 4, 4, 0], [0] * 4, [0] * 4]
    assert twos(Conv(2, 1, padding=(2, 1)), x) == tall
    assert twos(Conv(2, 1, padding=(2, 1), stride=(1, 2)), x) == [[0, 0], [0, 0], [0, 2], [0, 4], [0, 0], [0, 0]]


ROWS = [[1, 1, 1], [2, 2, 2], [3, 3, 3]]


@pytest.mark.parametrize(
    ("keywords", "result"),
    [
        pytest.param({}, [[2, 2, 2], [4, 4, 4], [6, 6, 6]], id="case 1"),
        pytest.param({"padding": 1}, [[4]], id="case 2"),
        pytest.param({"stride": 2}, [[2, 0, 2, 0, 2], [0] * 5, [4, 0, 4, 0, 4], [0] * 5, [6, 0, 6, 0, 6]], id="case 3"),
        pytest.param({"stride": 2, "padding": 1}, [[0, 0, 0], [0, 4, 0], [0, 0, 0]], id="case 4"),
        pytest.param(
            {"stride": 2, "padding": 1, "output_padding": (0, 1)}, [[0] * 4, [0, 4, 0, 4], [0] * 4], id="case 5, column"
        ),
        pytest.param(
            {"stride": 2, "padding": 1, "output_padding": (1, 0)},
            [[0] * 3, [0, 4, 0], [0] * 3, [0, 6, 0]],
            id="case 5, row",
        ),
    ],
)
def test_text_e_transposed_with_a_kernel_of_one(keywords, result):
    assert twos(ConvTranspose(3, 1, **keywords), ROWS) == result


def test_text_e_erratum_of_case_5_the_second_number_adds_a_column():
    assert ConvTranspose(3, 1, stride=2, padding=1, output_padding=(0, 1)).output_size == (3, 4)
    assert ConvTranspose(3, 1, stride=2, padding=1, output_padding=(1, 0)).output_size == (4, 3)


def test_text_e_warm_up():
    assert twos(ConvTranspose((1, 2), 2), [[2, 1]]) == [[4, 6, 2]] * 2


def test_text_e_case_6_strides():
    assert twos(ConvTranspose((1, 3), (2, 3), stride=2), [[1, 1, 1]]) == [[2, 2, 4, 2, 4, 2, 2]] * 2


def test_text_e_case_7_unit_strides():
    assert twos(ConvTranspose((1, 3), (2, 3)), [[1, 1, 1]]) == [[2, 4, 6, 4, 2]] * 2


def test_text_e_case_8_padding_crops_after():
    assert twos(ConvTranspose(3, (2, 3), padding=1), ROWS) == [[12, 18, 12], [20, 30, 20]]


def test_text_e_erratum_of_case_8_the_last_row_before_the_crop():
    whole = twos(ConvTranspose(3, (2, 3)), ROWS)
    assert whole[-1] == [6, 12, 18, 12, 6]
    assert np.array(whole)[1:-1, 1:-1].tolist() == [[12, 18, 12], [20, 30, 20]]


def test_text_e_groups_have_a_fraction_of_the_weights():
    channels, filters, kernel = 12, 24, 3
    for groups in (1, 2, 3, 4, 6, 12):
        conv = Conv(5, kernel, in_channels=channels, out_channels=filters, groups=groups)
        assert np.prod(conv.weight_shape) == filters * (channels // groups) * kernel * kernel
        assert conv.weight_shape[1:] == (channels // groups, kernel, kernel)


@pytest.mark.parametrize(
    ("mode", "word"), [("zeros", "constant"), ("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")]
)
def test_text_e_a_padding_mode_is_a_padding_layer_before_the_convolution(mode, word):
    """A claim that the author could not verify, as a product of two matrices."""
    conv = Conv(4, 3, padding=2, padding_mode=mode)
    pad = Conv(4, 1, padding=2, padding_mode=mode).matrix([[1]])
    assert_array_equal(pad @ np.arange(16), np.pad(np.arange(16).reshape(4, 4), 2, mode=word).ravel())
    weight = integer_weight(conv)
    assert_array_equal((Conv(8, 3).matrix(weight) @ pad).toarray(), conv.matrix(weight).toarray())


def test_text_e_dilation():
    x = np.arange(25).reshape(5, 5)
    assert twos(Conv(5, 3, dilation=2), x) == [[2 * int(x[::2, ::2].sum())]]


# -- more numbers --------------------------------------------------------------------------------------------------


def test_the_generic_4_by_16_matrix_has_a_null_space_of_12():
    C = Conv(4, 3).matrix(integer_weight(Conv(4, 3)))
    assert rank(C) == 4
    assert C.shape[1] - rank(C) == 12


def test_singular_values_of_the_all_ones_kernel():
    C = Conv(4, 3).matrix(np.ones((3, 3)))
    assert_allclose(np.linalg.svd(C.toarray(), compute_uv=False), [5, 5**0.5, 5**0.5, 1], rtol=1e-12)


def test_stamps_of_the_all_ones_image():
    C = Conv(4, 3).matrix(np.ones((3, 3), int))
    assert_array_equal((C.T @ (C @ np.ones(16, int))).reshape(4, 4)[:2], [[9, 18, 18, 9], [18, 36, 36, 18]])


def test_orthonormal_rows_are_undone_on_one_side_only():
    C = Conv(4, 2, stride=2).matrix(np.ones((2, 2)) / 2).toarray()
    assert_array_equal(C @ C.T, np.eye(4))
    assert (np.eye(16) != C.T @ C).any()
    assert rank(Conv(4, 2, stride=2).matrix(np.ones((2, 2)))) == 4


BANKS = {
    "space to depth": np.eye(4).reshape(4, 1, 2, 2),
    "Haar": np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]).reshape(4, 1, 2, 2) / 2,
}


@pytest.mark.parametrize("name", BANKS)
def test_an_orthonormal_bank_is_undone_by_its_transpose(name):
    C = Conv(6, 2, stride=2, out_channels=4).matrix(BANKS[name]).toarray()
    assert_array_equal(C.T @ C, np.eye(36))
    assert_array_equal(C @ C.T, np.eye(36))


@pytest.mark.parametrize(("size", "box_rank"), [(4, 16), (5, 16), (8, 49)])
def test_the_box_is_singular_for_some_sizes(size, box_rank):
    C = Conv(size, 3, padding="same").matrix(np.ones((3, 3)))
    assert rank(C) == box_rank
    if size == 4:
        assert round(np.linalg.cond(C.toarray())) == 47
        assert not np.allclose(C.toarray() @ C.toarray(), np.eye(16))  # the box is its own transpose


@pytest.mark.parametrize(
    ("mode", "box_rank", "norm"),
    [("zeros", 16, 0.829), ("circular", 25, 1), ("replicate", 25, 1), ("reflect", 25, 1.096)],
)
def test_the_average_by_padding_mode(mode, box_rank, norm):
    C = Conv(5, 3, padding=1, padding_mode=mode).matrix(np.ones((3, 3)) / 9).toarray()
    assert np.linalg.matrix_rank(C) == box_rank
    assert round(np.linalg.norm(C, 2), 3) == norm
    if mode != "zeros":
        assert_allclose(C.sum(axis=1), np.ones(25))
    if mode == "reflect":
        assert round(C.sum(axis=0).max(), 3) == 1.778


def counts(k, s, d, ndim=1):
    """Count the windows that cover each position, far from the borders, for one period."""
    up = ConvTranspose(20, k, stride=s, dilation=d, ndim=ndim)
    covered = (up.matrix(np.ones((k,) * ndim, int)).sum(axis=1)).reshape(up.output_size)
    middle = slice(up.output_size[0] // 2, up.output_size[0] // 2 + s)
    return covered[(middle,) * ndim]


def test_checkerboards_appear_unless_the_stride_divides_the_kernel():
    for k, s, d in product(range(1, 7), range(1, 5), (1, 2, 3)):
        even = len(np.unique(counts(k, s, d))) == 1
        assert even == (k % s == 0 and gcd(d, s) == 1)
    for k, s in product(range(1, 9), range(1, 6)):
        assert (len(np.unique(counts(k, s, 1))) == 1) == (k % s == 0)


def test_checkerboard_counts():
    assert sorted(counts(4, 2, 2)) == [0, 4]
    assert sorted(counts(3, 2, 1)) == [1, 2]
    assert sorted(counts(3, 2, 1, ndim=2).ravel()) == [1, 2, 2, 4]


def test_norms_of_sobel_are_five_different_numbers():
    sobel = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]])
    layers = {
        8.000: Conv(8, 3, padding=1, padding_mode="circular"),
        7.291: Conv(8, 3, padding=1),
        7.054: Conv(8, 3),
    }
    for norm, conv in layers.items():
        assert round(np.linalg.norm(conv.matrix(sobel).toarray(), 2), 3) == norm
    assert round(np.abs(np.fft.fft2(sobel, (10, 10))).max(), 3) == 7.608
    assert round(np.linalg.norm(sobel.reshape(1, 9), 2), 3) == 3.464


def test_the_pseudo_inverse_of_the_wide_matrix():
    C = Conv(4, 3).matrix(integer_weight(Conv(4, 3))).toarray()
    assert_allclose(np.linalg.pinv(C), C.T @ np.linalg.inv(C @ C.T), atol=1e-12)
    assert np.linalg.matrix_rank(C.T @ C) == 4 < 16  # so (C^T C)^-1 C^T does not exist


def test_output_padding_is_not_zero_padding():
    up = ConvTranspose((2,), 3, stride=2, padding=1, output_padding=1)
    assert_array_equal(up.matrix([1, 1, 1]) @ [1, 1], [1, 2, 1, 1])


def test_an_output_padding_of_a_stride_is_no_transpose_of_that_convolution():
    """PyTorch accepts it where the dilation is larger: 9 outputs whose last row is zero; 9 inputs would give 5."""
    up = ConvTranspose((4,), 3, dilation=2, output_padding=1)
    assert up.output_size == (9,)
    assert_array_equal(up.matrix([1, 2, 3]).toarray()[-1], [0, 0, 0, 0])
    assert Conv((9,), 3, dilation=2).output_size == (5,)
