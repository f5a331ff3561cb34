"""Kernels, weights and settings by name: literal values, scipy.ndimage as the oracle, whole error messages."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from convmatrix import presets
from convmatrix.layers import Conv, ConvTranspose

KERNELS = {
    "delta": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "box": [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
    "average": [[1 / 9, 1 / 9, 1 / 9]] * 3,
    "binomial": [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
    "bilinear": np.array([[1, 3, 3, 1], [3, 9, 9, 3], [3, 9, 9, 3], [1, 3, 3, 1]]) / 16,
    "difference": [[-1, 1]],
    "sobel": [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
    "sobel_x": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
    "sobel_y": [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
    "prewitt": [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
    "prewitt_x": [[1, 0, -1], [1, 0, -1], [1, 0, -1]],
    "prewitt_y": [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
    "scharr": [[3, 10, 3], [0, 0, 0], [-3, -10, -3]],
    "scharr_x": [[3, 0, -3], [10, 0, -10], [3, 0, -3]],
    "scharr_y": [[3, 10, 3], [0, 0, 0], [-3, -10, -3]],
    "roberts": [[1, 0], [0, -1]],
    "laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "laplacian_8": [[1, 1, 1], [1, -8, 1], [1, 1, 1]],
    "outline": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
    "guide": [[0, 1, 2], [2, 2, 0], [0, 1, 2]],
    "haar": [
        [[[0.5, 0.5], [0.5, 0.5]]],
        [[[0.5, -0.5], [0.5, -0.5]]],
        [[[0.5, 0.5], [-0.5, -0.5]]],
        [[[0.5, -0.5], [-0.5, 0.5]]],
    ],
    "space_to_depth": [[[[1, 0], [0, 0]]], [[[0, 1], [0, 0]]], [[[0, 0], [1, 0]]], [[[0, 0], [0, 1]]]],
}

FLOATS = {"average", "bilinear", "gaussian", "haar"}

# FIELD: name, (i, k, s, p, d), o, shape of C, nnz
GUIDE = [
    ("no_padding_no_strides", (4, 3, 1, 0, 1), 2, (4, 16), 36),
    ("arbitrary_padding_no_strides", (5, 4, 1, 2, 1), 6, (36, 25), 324),
    ("same_padding_no_strides", (5, 3, 1, 1, 1), 5, (25, 25), 169),
    ("full_padding_no_strides", (5, 3, 1, 2, 1), 7, (49, 25), 225),
    ("no_padding_strides", (5, 3, 2, 0, 1), 2, (4, 25), 36),
    ("padding_strides", (5, 3, 2, 1, 1), 3, (9, 25), 49),
    ("padding_strides_odd", (6, 3, 2, 1, 1), 3, (9, 36), 64),
    ("dilation", (7, 3, 1, 0, 2), 3, (9, 49), 81),
]

REAL = {
    "alexnet_conv2": ((96, 27, 27), (256, 27, 27), (256, 48, 5, 5)),
    "resnet_conv1": ((3, 224, 224), (64, 112, 112), (64, 3, 7, 7)),
    "mobilenet_depthwise": ((32, 112, 112), (32, 112, 112), (32, 1, 3, 3)),
    "wavenet_causal": ((1, 16), (1, 16), (1, 1, 2)),
    "dcgan_up": ((512, 4, 4), (256, 8, 8), (512, 256, 4, 4)),
    "unet_up": ((1024, 28, 28), (512, 56, 56), (1024, 512, 2, 2)),
    "fcn32s_up": ((21, 16, 16), (21, 544, 544), (21, 21, 64, 64)),
}


def whole_message(*parts):
    """Return a pattern that matches the whole message of an error."""
    return "^" + re.escape("".join(parts)) + "$"


# -- kernels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_is_literally_this(name):
    made = presets.kernel(name)
    assert_array_equal(made, KERNELS[name], strict=False)
    assert made.shape == np.shape(KERNELS[name])
    assert made.dtype == (np.float64 if name in FLOATS else np.int64)


def test_every_listed_kernel_is_tested_and_described_in_one_line():
    assert set(presets.kernels()) == {*KERNELS, "gaussian"}
    assert all(about and "\n" not in about for about in presets.kernels().values())
    assert presets.kernels()["box"] == "ones; any size"


def test_kernels_are_fresh_arrays():
    for name in KERNELS:
        presets.kernel(name)[...] = 99
        assert_array_equal(presets.kernel(name), KERNELS[name])


def test_capitals_and_hyphens_will_do():
    assert_array_equal(presets.kernel("Sobel-X"), KERNELS["sobel_x"])
    assert presets.setting("No-Padding-Strides") == presets.setting("no_padding_strides")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sobel", [1, 0, -1]),
        ("sobel_x", [1, 0, -1]),
        ("laplacian", [1, -2, 1]),
        ("sharpen", [-1, 3, -1]),
        ("difference", [-1, 1]),
        ("binomial", [1, 2, 1]),
        ("delta", [0, 1, 0]),
        ("space_to_depth", [[[1, 0]], [[0, 1]]]),
    ],
)
def test_kernels_on_one_axis(name, expected):
    assert_array_equal(presets.kernel(name, ndim=1), expected)


def test_kernels_on_three_axes():
    laplacian = presets.kernel("laplacian", ndim=3)
    assert_array_equal(laplacian[1], [[0, 1, 0], [1, -6, 1], [0, 1, 0]])
    assert_array_equal(laplacian[0], [[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    assert_array_equal(laplacian[2], laplacian[0])
    smooth = np.multiply.outer([1, 2, 1], [1, 2, 1])
    for name, axis in (("sobel", 0), ("sobel_y", 1), ("sobel_x", 2)):
        sobel = presets.kernel(name, ndim=3)
        assert_array_equal(np.moveaxis(sobel, axis, 0), [smooth, 0 * smooth, -smooth])
    assert presets.kernel("difference", ndim=3).shape == (1, 1, 2)


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("box", (2, 3), [[1, 1, 1], [1, 1, 1]]),
        ("average", (1, 4), [[0.25, 0.25, 0.25, 0.25]]),
        ("binomial", (5, 2), [[1, 1], [4, 4], [6, 6], [4, 4], [1, 1]]),
        ("delta", (4, 3), [[0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]]),
        ("bilinear", (5, 1), np.array([[1], [2], [3], [2], [1]]) / 3),
        ("space_to_depth", (1, 3), [[[[1, 0, 0]]], [[[0, 1, 0]]], [[[0, 0, 1]]]]),
        ("sobel", 3, KERNELS["sobel"]),
        ("haar", (2, 2), KERNELS["haar"]),
        ("difference", (1, 2), [[-1, 1]]),
    ],
)
def test_kernels_in_sizes(name, size, expected):
    assert_array_equal(presets.kernel(name, size), expected)


def test_binomial_is_pascals_triangle_to_the_last_row_that_fits():
    row = np.array([1])
    for size in range(1, 12):
        assert_array_equal(presets.kernel("binomial", size, ndim=1), row)
        row = np.convolve(row, [1, 1])
    assert presets.kernel("binomial", (67,)).max() == 7219428434016265740  # C(66, 33)
    with pytest.raises(
        ValueError,
        match=whole_message(
            "kernel 'binomial' of kernel_size (68,) has an entry of 1.42e+19, which int64 cannot hold (it ends at "
            "9.22e+18): use a smaller one, or gaussian"
        ),
    ):
        presets.kernel("binomial", (68,))


@pytest.mark.parametrize(("size", "sigma"), [(3, 0.8), (5, 1.1), (9, 1.7)])
def test_gaussian_is_that_of_scipy(size, sigma):
    impulse = np.zeros(size)
    impulse[size // 2] = 1
    row = ndimage.gaussian_filter1d(impulse, sigma, radius=size // 2, mode="constant")
    assert_allclose(presets.kernel("gaussian", size), np.outer(row, row), rtol=1e-13)


def test_gaussian_of_even_size_is_symmetric_with_sum_one():
    row = presets.kernel("gaussian", (4,))
    assert_allclose(row, row[::-1], rtol=1e-15)
    assert_allclose(row[1] / row[0], np.exp((1.5**2 - 0.5**2) / 2 / 0.95**2), rtol=1e-14)
    assert_allclose(row.sum(), 1, rtol=1e-15)
    assert_array_equal(presets.kernel("gaussian", (1,)), [1])


@pytest.mark.parametrize("factor", [2, 3, 4, 5])
def test_bilinear_interpolates(factor):
    size = presets.bilinear_size(factor)
    assert size == {2: 4, 3: 5, 4: 8, 5: 9}[factor]
    pad = -((1 - factor) // 2)  # Caffe's ceil((f - 1) / 2)
    up = ConvTranspose((8,), size, stride=factor, padding=pad)
    x = np.random.default_rng(0).integers(-9, 10, 8)
    y = up.matrix(presets.weight_for(up, "bilinear")) @ x
    # Where an output stands among the inputs: its distance from the centre of the kernel of input 0.
    places = (np.arange(len(y)) + pad - (size - 1) / 2) / factor
    inside = (places >= 0) & (places <= 7)
    assert inside.sum() > 5 * factor
    assert_allclose(y[inside], np.interp(places[inside], np.arange(8), x), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("sobel", lambda x: -ndimage.sobel(x, axis=0)),
        ("sobel_x", lambda x: -ndimage.sobel(x, axis=1)),
        ("prewitt", lambda x: -ndimage.prewitt(x, axis=0)),
        ("prewitt_x", lambda x: -ndimage.prewitt(x, axis=1)),
        ("laplacian", ndimage.laplace),
    ],
)
def test_edges_are_those_of_scipy_with_positive_sign_where_top_or_left_is_brighter(name, oracle):
    x = np.random.default_rng(0).integers(-9, 10, (6, 7))
    layer = Conv((6, 7), 3)
    y = layer.unvec(layer.matrix(presets.weight_for(layer, name)) @ layer.vec(x))[0]
    assert_array_equal(y, oracle(x)[1:-1, 1:-1])


@pytest.mark.parametrize("size", [3, 4, (1, 6)])
def test_identity_with_padding_same_is_the_identity(size):
    layer = Conv((5, 4), size, padding="same")
    C = layer.matrix(presets.weight_for(layer, "identity"))
    assert_array_equal(C.toarray(), np.eye(20))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_haar_is_orthonormal(ndim):
    layer = Conv((4,) * ndim, 2, stride=2, out_channels=2**ndim)
    C = layer.matrix(presets.weight_for(layer, "haar"))
    assert C.shape == (4**ndim, 4**ndim)
    assert_allclose((C.T @ C).toarray(), np.eye(4**ndim), atol=1e-15)


def test_space_to_depth_moves_every_place_to_a_channel():
    layer = Conv((4, 6), (2, 3), stride=(2, 3), out_channels=6)
    C = layer.matrix(presets.weight_for(layer, "space_to_depth"))
    x = np.arange(24).reshape(4, 6)
    y = layer.unvec(C @ layer.vec(x))
    assert_array_equal(y, [x[r::2, c::3] for r in range(2) for c in range(3)])
    assert_array_equal((C.T @ C).toarray(), np.eye(24))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("sobl",), "there is no kernel 'sobl': did you mean sobel or sobel_y or sobel_x?"),
        (
            ("qqq",),
            "there is no kernel 'qqq': known are "
            + ", ".join([*KERNELS][:5])
            + ", gaussian, "
            + ", ".join([*KERNELS][5:]),
        ),
        (
            ("sobel", 5),
            "kernel 'sobel' has kernel_size (3, 3), got (5, 5): it comes in no other size, as box, "
            "binomial or gaussian do",
        ),
        (
            ("haar", 3),
            "kernel 'haar' has kernel_size (2, 2), got (3, 3): it comes in no other size, as box, "
            "binomial or gaussian do",
        ),
        (
            ("difference", 2),
            "kernel 'difference' has kernel_size (1, 2), got (2, 2): it comes in no other size, as "
            "box, binomial or gaussian do",
        ),
        (("emboss", None, 3), "kernel 'emboss' has 2 axes, got 3"),
        (("emboss", None, 1), "kernel 'emboss' has 2 axes, got 1"),
        (("sobel_y", None, 1), "kernel 'sobel_y' needs at least 2 axes, got 1"),
        (("laplacian", None, 0), "kernel 'laplacian' needs at least 1 axis, got 0"),
        (("box", 0), "kernel_size on axis 0 must be at least 1, got 0"),
        (("box", 2.0), "kernel_size on axis 0 must be an integer, got 2.0: write 2"),
        (
            ("box", (3, 3), 3),
            "ndim is 3 but kernel_size has 2 entries, (3, 3): give one entry for each axis, or one number for all",
        ),
    ],
)
def test_kernels_that_are_refused(call, message):
    name, kernel_size, ndim = (*call, None, None)[:3]
    with pytest.raises(ValueError, match=whole_message(message)):
        presets.kernel(name, kernel_size, ndim=ndim)


# -- weights ---------------------------------------------------------------------------------------------------------


def test_one_kernel_serves_every_output_that_reads_one_channel():
    for channels in ({"out_channels": 3}, {"in_channels": 3, "out_channels": 6, "groups": 3}):
        layer = Conv(5, 3, **channels)
        weight = presets.weight_for(layer, "sobel")
        assert_array_equal(weight, [[KERNELS["sobel"]]] * layer.out_channels)
        weight[0] = 0
        assert weight[1].any()
        layer.matrix(weight)


@pytest.mark.parametrize("groups", [1, 3])
def test_a_bank_serves_every_group(groups):
    layer = Conv(4, 2, stride=2, in_channels=groups, out_channels=4 * groups, groups=groups)
    assert_array_equal(presets.weight_for(layer, "haar"), KERNELS["haar"] * groups)


@pytest.mark.parametrize(
    ("conv", "name"),
    [
        (Conv(5, 3, out_channels=4), "box"),
        (Conv(5, 3, in_channels=2, out_channels=4, groups=2), "laplacian"),
        (Conv(4, 2, in_channels=2, out_channels=8, groups=2), "haar"),
    ],
)
def test_a_transposed_convolution_has_the_weight_of_its_convolution(conv, name):
    weight = presets.weight_for(conv, name)
    assert_array_equal(presets.weight_for(conv.T, name), weight)
    assert_array_equal(conv.T.matrix(weight).toarray(), conv.matrix(weight).toarray().T)


@pytest.mark.parametrize(
    ("layer", "name", "message"),
    [
        (
            Conv(4, 3, in_channels=3, out_channels=6),
            "sobel",
            "kernel 'sobel' is for one channel but in_channels // groups = 3 // 1 = 3: use groups=3, one kernel "
            "for each "
            "channel, or give a whole weight, of shape (6, 3, 3, 3)",
        ),
        (
            Conv(4, 3, in_channels=6, out_channels=4, groups=2),
            "sobel",
            "kernel 'sobel' is for one channel but in_channels // groups = 6 // 2 = 3: give a whole weight, of shape "
            "(4, 3, 3, 3)",
        ),
        (
            ConvTranspose(4, 3, out_channels=2),
            "box",
            "kernel 'box' is for one channel but out_channels // groups = 2 // 1 = 2: give a whole weight, of shape "
            "(1, 2, 3, 3)",
        ),
        (
            Conv(4, 2),
            "haar",
            "kernel 'haar' is a bank of 4 kernels but out_channels // groups = 1 // 1 = 1: use out_channels=4",
        ),
        (
            Conv(4, 2, in_channels=2, out_channels=4, groups=2),
            "haar",
            "kernel 'haar' is a bank of 4 kernels but out_channels // groups = 4 // 2 = 2: use out_channels=8",
        ),
        (
            ConvTranspose(4, 2),
            "space-to-depth",
            "kernel 'space_to_depth' is a bank of 4 kernels but in_channels // groups = 1 // 1 = 1: use in_channels=4",
        ),
        (
            Conv(4, 2),
            "sobel",
            "kernel 'sobel' has kernel_size (3, 3), got (2, 2): it comes in no other size, as box, binomial or "
            "gaussian "
            "do",
        ),
    ],
)
def test_weights_that_a_kernel_leaves_open_are_refused(layer, name, message):
    with pytest.raises(ValueError, match=whole_message(message)):
        presets.weight_for(layer, name)


TWO = Conv(4, 2)


@pytest.mark.parametrize(
    ("text", "expected", "dtype"),
    [
        ("ones", [1, 1, 1, 1], "int64"),
        (" ONES ", [1, 1, 1, 1], "int64"),
        ("arange", [1, 2, 3, 4], "int64"),
        ("random:0", [7, 3, 1, -5], "int64"),
        ("random:7", [9, 3, 4, 8], "int64"),
        ("box", [1, 1, 1, 1], "int64"),
        ("Roberts", [1, 0, 0, -1], "int64"),
        ("average", [0.25, 0.25, 0.25, 0.25], "float64"),
        ("1,0,-1,+2", [1, 0, -1, 2], "int64"),
        ("-9223372036854775808, 0, 0 ,9223372036854775807", [-(2**63), 0, 0, 2**63 - 1], "int64"),
        ("1,0.5,-1e-3,.5", [1, 0.5, -0.001, 0.5], "float64"),
        ("1,2j,(1-1j),0.5", [1, 2j, 1 - 1j, 0.5], "complex128"),
    ],
)
def test_weights_from_text(text, expected, dtype):
    weight = presets.parse_weight(TWO, text)
    assert weight.shape == (1, 1, 2, 2)
    assert weight.dtype == dtype
    assert_array_equal(weight.ravel(), expected)


def test_weights_from_text_have_the_shape_of_the_layer():
    layer = ConvTranspose((3,), 2, in_channels=2, out_channels=3)
    assert_array_equal(presets.parse_weight(layer, "arange"), [[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 10], [11, 12]]])
    assert_array_equal(presets.parse_weight(layer, "1,2,3,4,5,6,7,8,9,10,11,12"), presets.parse_weight(layer, "arange"))
    assert presets.parse_weight(layer, "random:3").shape == (2, 3, 2)
    assert_array_equal(presets.parse_weight(Conv(4, 1), "5"), [[[[5]]]])


def test_random_weights_are_every_digit_but_zero():
    drawn = presets.parse_weight(Conv(40, 40), "random:1")
    assert_array_equal(np.unique(drawn), [*range(-9, 0), *range(1, 10)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3", "weight has 3 numbers but the layer's weight (1, 1, 2, 2) needs 4 (= 1 * 1 * 2 * 2), in C order"),
        ("7", "weight has 1 number but the layer's weight (1, 1, 2, 2) needs 4 (= 1 * 1 * 2 * 2), in C order"),
        (
            "1,2,,4",
            "number 3 of the weight is '', which is no integer, float or complex number: write them as 1,-0.5,2+1j",
        ),
        ("", "number 1 of the weight is '', which is no integer, float or complex number: write them as 1,-0.5,2+1j"),
        (
            "1,2,box,4",
            "number 3 of the weight is 'box', which is no integer, float or complex number: write them as 1,-0.5,2+1j",
        ),
        (
            "box,1,2,3",
            "number 1 of the weight is 'box', which is no integer, float or complex number: write them as 1,-0.5,2+1j",
        ),
        (
            "1_0,2,3,4",
            "number 1 of the weight is '1_0', which is no integer, float or complex number: write them as 1,-0.5,2+1j",
        ),
        (
            "1,2,3,9223372036854775808",
            "number 4 of the weight is 9223372036854775808, beyond int64: write it as a float, 9223372036854775808.0",
        ),
        ("1,1e999,3,4", "number 2 of the weight is 1e999, which is not a finite float64"),
        ("1,2,nan,4", "number 3 of the weight is nan, which is not a finite float64"),
        ("1,2,3,1+infj", "number 4 of the weight is 1+infj, which is not a finite float64"),
        ("random", "weight 'random' needs a seed, a whole number of at least 0: write random:0"),
        ("random:-1", "weight 'random:-1' needs a seed, a whole number of at least 0: write random:0"),
        ("random:1.5", "weight 'random:1.5' needs a seed, a whole number of at least 0: write random:0"),
        ("arrange", "there is no weight 'arrange': did you mean arange or average?"),
        ("sobl", "there is no weight 'sobl': did you mean sobel or sobel_y or sobel_x?"),
        (
            "x",
            "there is no weight 'x': known are ones, arange, random:SEED, "
            + ", ".join(presets.kernels())
            + ", numbers such as 1,0,-1 or a file such as w.npy",
        ),
    ],
)
def test_weights_from_text_that_raise_errors(text, message):
    with pytest.raises(ValueError, match=whole_message(message)):
        presets.parse_weight(TWO, text)


@pytest.mark.parametrize("dtype", ["bool", "int8", ">i4", "float32", "complex128"])
def test_weights_from_files_keep_their_dtype(tmp_path, dtype):
    whole = np.array([[[[1, 0], [0, 1]]]], dtype=dtype)
    for array in (whole, whole[0, 0], np.asfortranarray(whole)):
        np.save(tmp_path / "w.npy", array)
        weight = presets.parse_weight(TWO, f"{tmp_path}/w.npy")
        assert weight.dtype == dtype
        assert_array_equal(weight, whole)
        assert type(weight) is np.ndarray
        weight[...] = 0  # not the file's memory
        assert_array_equal(np.load(tmp_path / "w.npy"), array)


@pytest.mark.parametrize(("value", "fault"), [(np.nan, "nan"), (-np.inf, "-inf"), (complex(1, np.inf), r"\(1\+infj\)")])
def test_weights_from_files_are_finite(tmp_path, monkeypatch, value, fault):
    monkeypatch.chdir(tmp_path)
    np.save("w.npy", np.array([[1, 2], [3, value]]))
    with pytest.raises(ValueError, match=rf"^weight in w.npy has {fault} at \(0, 0, 1, 1\): nothing can be solved or"):
        presets.parse_weight(TWO, "w.npy")


def test_weights_from_files_of_no_axis(tmp_path):
    np.save(tmp_path / "w.npy", np.float64(2.5))
    assert_array_equal(presets.parse_weight(Conv((), ()), f"{tmp_path}/w.npy"), [[2.5]])


class Payload:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_pickled_files_are_refused_and_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("objects.npy", np.array([Payload()]), allow_pickle=True)
    Path("pickle.npy").write_bytes(pickle.dumps(Payload()))
    for name in ("objects.npy", "pickle.npy"):
        with pytest.raises(
            ValueError,
            match=whole_message(
                f"cannot read the weight from {name}: it is not a .npy file of numbers, as numpy.save writes it "
                f"without "
                "pickled objects"
            ),
        ):
            presets.parse_weight(TWO, name)
    assert not Path("executed").exists()
    pickle.loads(Path("pickle.npy").read_bytes())
    assert Path("executed").exists()  # the payload would have worked


def test_files_that_hold_no_weight_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("good.npy", np.ones((2, 2)))
    good = Path("good.npy").read_bytes()
    Path("cut.npy").write_bytes(good[:-1])
    Path("empty.npy").write_bytes(b"")
    Path("text.npy").write_bytes(b"1,2,3,4")
    Path("header.npy").write_bytes(good.replace(b"'shape': (2, 2)", b"'shape': ((((("))
    for name, reason in (
        (
            "cut.npy",
            "it is cut short, with 31 bytes of data where shape (2, 2) of float64 needs 32: save the array again",
        ),
        ("empty.npy", "it is empty"),
        ("text.npy", "it is not a .npy file of numbers, as numpy.save writes it without pickled objects"),
        ("header.npy", "its header is damaged, or that of an array with named fields: save an array of numbers"),
    ):
        with pytest.raises(ValueError, match=whole_message(f"cannot read the weight from {name}: {reason}")):
            presets.parse_weight(TWO, name)
    with pytest.raises(
        ValueError, match=whole_message("cannot read the weight from gone.npy: No such file or directory")
    ):
        presets.parse_weight(TWO, "gone.npy")
    with Path("zip.npy").open("wb") as file:
        np.savez(file, np.ones((2, 2)))
    with pytest.raises(
        ValueError,
        match=whole_message(
            "cannot read the weight from zip.npy: it begins as an .npz archive: save one of its arrays as .npy"
        ),
    ):
        presets.parse_weight(TWO, "zip.npy")


def test_files_of_another_shape_are_refused_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("w.npy", np.ones((3, 2)))
    with pytest.raises(
        ValueError, match=whole_message("weight in w.npy has shape (3, 2) but the layer needs (1, 1, 2, 2) or (2, 2)")
    ):
        presets.parse_weight(TWO, "w.npy")
    np.save("w.npy", np.ones((2, 2)))
    with pytest.raises(
        ValueError, match=whole_message("weight in w.npy has shape (2, 2) but the layer needs (1, 3, 2, 2)")
    ):
        presets.parse_weight(Conv(4, 2, in_channels=3), "w.npy")
    with Path("huge.npy").open("wb") as file:  # 8 TB, sparse on disk
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
        file.truncate(8 * 10**12 + file.tell())
    with pytest.raises(ValueError, match=re.escape("weight in huge.npy has shape (1000000000000,) but the layer")):
        presets.parse_weight(TWO, "huge.npy")


# -- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "numbers", "output", "shape", "nnz"), GUIDE)
def test_the_guides_settings(name, numbers, output, shape, nnz):
    i, k, s, p, d = numbers
    layer = presets.setting(name)
    assert layer == Conv((i, i), (k, k), stride=(s, s), padding=((p, p), (p, p)), dilation=(d, d))
    assert layer.output_size == (output, output)
    assert (layer.matrix_shape, layer.nnz) == (shape, nnz)


@pytest.mark.parametrize(("name", "numbers", "output", "shape", "nnz"), GUIDE[:-1])
def test_the_guides_transposed_twins(name, numbers, output, shape, nnz):
    i, k, s, p, _ = numbers
    twin = presets.setting(f"{name}_transposed")
    a = 1 if name == "padding_strides_odd" else 0
    assert twin == ConvTranspose(output, k, stride=s, padding=p, output_padding=a)
    assert twin.output_size == (i, i)
    assert (twin.matrix_shape, twin.nnz) == (shape[::-1], nnz)
    assert twin == presets.setting(name).T
    # The numbers of the direct convolution: k, input dilation s, p' = k - 1 - p, and a more at the end.
    direct = twin.as_conv()
    assert direct.input_dilation == (s, s)
    assert direct.padding == ((k - 1 - p, k - 1 - p + a),) * 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("numerical_no_padding_no_strides", [[12, 12, 17], [10, 17, 19], [9, 6, 14]]),
        ("numerical_padding_strides", [[6, 17, 3], [8, 17, 13], [6, 4, 4]]),
    ],
)
def test_the_guides_numerical_examples(name, expected):
    x, weight = presets.numerical_data()
    assert_array_equal(x, [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]])
    assert_array_equal(weight, [[0, 1, 2], [2, 2, 0], [0, 1, 2]])
    layer = presets.setting(name)
    assert_array_equal(layer.unvec(layer.matrix(weight) @ layer.vec(x)), [expected])
    assert_array_equal(presets.weight_for(layer, "guide")[0, 0], weight)


@pytest.mark.parametrize("name", REAL)
def test_layers_of_published_networks(name):
    layer = presets.setting(name)
    assert (layer.input_shape, layer.output_shape, layer.weight_shape) == REAL[name]


def test_layers_of_published_networks_have_the_published_numbers():
    alexnet = presets.setting("alexnet_conv2")
    assert np.prod(alexnet.weight_shape) == 307200
    assert alexnet.matrix_shape == (186624, 69984)
    assert presets.setting("resnet_conv1").leftover == (1, 1)
    wavenet = presets.setting("wavenet_causal")
    C = wavenet.matrix(presets.parse_weight(wavenet, "1,10")).toarray()
    assert_array_equal(C, 10 * np.eye(16, dtype=int) + np.eye(16, k=-8, dtype=int))


def test_every_listed_setting_is_tested_and_described_in_one_line():
    guide = [name for name, *_ in GUIDE]
    twins = [f"{name}_transposed" for name in guide[:-1]]
    numerical = ["numerical_no_padding_no_strides", "numerical_padding_strides"]
    assert list(presets.settings()) == [*guide, *twins, *numerical, *REAL]
    assert all(about and "\n" not in about for about in presets.settings().values())
    assert not set(presets.settings()) & set(presets.kernels())


def test_unknown_settings_are_refused():
    with pytest.raises(ValueError, match=whole_message("there is no setting 'dilations': did you mean dilation?")):
        presets.setting("dilations")
    with pytest.raises(
        ValueError, match=whole_message("there is no setting 'qq': known are ", ", ".join(presets.settings()))
    ):
        presets.setting("qq")


# -- inputs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("ones", np.ones(8, int)),
        ("ARANGE", np.arange(1, 9)),
        ("1,-2,0.5,4,5,6,7,8", np.array([1, -2, 0.5, 4, 5, 6, 7, 8])),
        ("random:3", presets.parse_weight(Conv((1,), 4, padding="full", out_channels=2), "random:3").ravel()),
    ],
)
def test_inputs_of_one_word(text, values):
    result = presets.parse_input(Conv((4,), 2, in_channels=2), text)
    np.testing.assert_array_equal(result, values.reshape(2, 4), strict=True)


def test_the_guides_input():
    x, _ = presets.numerical_data()
    np.testing.assert_array_equal(presets.parse_input(presets.setting("numerical_padding_strides"), "Guide"), x[None])


def test_inputs_from_files(tmp_path):
    path, layer = str(tmp_path / "x.npy"), ConvTranspose((2, 3), 2)
    for shape in ((2, 3), (1, 2, 3)):
        np.save(path, np.arange(6).reshape(shape))
        np.testing.assert_array_equal(presets.parse_input(layer, path), np.arange(6).reshape(1, 2, 3))
    refused = f"input in {path} has shape \\(1, 2, 3\\) but the layer needs "
    with pytest.raises(ValueError, match=refused + r"\(1, 3, 2\) or \(3, 2\)$"):
        presets.parse_input(ConvTranspose((3, 2), 2), path)
    with pytest.raises(ValueError, match=refused + r"\(2, 3, 2\)$"):
        presets.parse_input(Conv((3, 2), 2, in_channels=2), path)
    with pytest.raises(ValueError, match=r"cannot read the input from nowhere\.npy: No such file or directory"):
        presets.parse_input(layer, "nowhere.npy")


def test_an_input_that_no_memory_holds():
    with pytest.raises(
        MemoryError, match=r"input of shape \(1, 10000000, 10000000\) needs 7\.45e\+05 GiB but .* available"
    ):
        presets.parse_input(Conv(10**7, 3), "ones")
