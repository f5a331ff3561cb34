"""Calls of Caffe. It can no longer be installed, so its definitions are repeated here, in loops and literal numbers.

Sources: caffe.proto; base_conv_layer.cpp, conv_layer.cpp, deconv_layer.cpp, crop_layer.cpp, pooling_layer.cpp in
src/caffe/layers; BilinearFiller in include/caffe/filler.hpp.
"""

import itertools
import re
from collections import Counter
from math import ceil

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool
from convmatrix.frameworks.legacy import caffe
from helpers import assert_refused

DRAWS = 400


# -- sizes from the documentation ------------------------------------------------------------------------------------

FORWARD = {  # (size, fields): output size = floor((size + 2 * pad - k_e) / stride) + 1; layers of bvlc_alexnet, and FCN
    "conv1": (227, {"kernel_size": 11, "stride": 4}, 55),
    "conv2": (27, {"kernel_size": 5, "pad": 2}, 27),
    "conv3": (13, {"kernel_size": 3, "pad": 1}, 13),
    "conv1_1": (500, {"kernel_size": 3, "pad": 100}, 698),
    "fc6": (22, {"kernel_size": 7}, 16),
    "floor": (6, {"kernel_size": 3, "stride": 2}, 2),
    "dilated": (33, {"kernel_size": 3, "pad": 12, "dilation": 12}, 33),
}
BACKWARD = {  # output size = stride * (size - 1) + k_e - 2 * pad
    "upscore": (16, {"kernel_size": 64, "stride": 32}, 544),
    "upscore2": (16, {"kernel_size": 4, "stride": 2}, 34),
    "upscore8": (70, {"kernel_size": 16, "stride": 8}, 568),
    "cropped": (16, {"kernel_size": 4, "stride": 2, "pad": 1}, 32),
    "dilated": (5, {"kernel_size": 3, "stride": 2, "pad": 1, "dilation": 2}, 11),
}
POOLS = {  # ceil((size + 2 * pad - kernel) / stride) + 1, less one where the last window starts beyond the input
    "alexnet": (55, {"kernel_size": 3, "stride": 2}, 27),
    "even": (698, {"kernel_size": 2, "stride": 2}, 349),
    "odd": (349, {"kernel_size": 2, "stride": 2}, 175),
    "clipped": (4, {"kernel_size": 2, "stride": 2, "pad": 1}, 3),
    "clipped more": (5, {"kernel_size": 2, "stride": 2, "pad": 1}, 3),
    "floor": (349, {"kernel_size": 2, "stride": 2, "round_mode": "FLOOR"}, 174),
    "overhanging": (2, {"kernel_size": 3, "stride": 2}, 1),
}


@pytest.mark.parametrize("name", FORWARD)
def test_sizes_of_convolutions(name):
    size, fields, wanted = FORWARD[name]
    assert caffe.conv((1, 1, size, size), 1, **fields).output_size == (wanted, wanted)


@pytest.mark.parametrize("name", BACKWARD)
def test_sizes_of_deconvolutions(name):
    size, fields, wanted = BACKWARD[name]
    layer = caffe.conv_transpose((1, 1, size, size), 1, **fields)
    assert layer.output_size == (wanted, wanted)
    assert layer.output_padding == (0, 0)


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_sizes_of_pools(name, pool):
    size, fields, wanted = POOLS[name]
    assert caffe.pooling((1, 1, size, size), pool, **fields).output_size == (wanted, wanted)


def test_the_numbers_of_fcn_32s():
    """500 pixels, 698 after conv1_1, 22 after five pools, 16 scores, 544 upsampled, of which 19..518 are kept."""
    layers = [caffe.conv((1, 1, 500, 500), 1, kernel_size=3, pad=100)]
    for _ in range(5):
        layers.append(caffe.conv((1, 1, *layers[-1].output_size), 1, kernel_size=3, pad=1))
        layers.append(caffe.pooling((1, 1, *layers[-1].output_size), kernel_size=2, stride=2))
    layers.append(caffe.conv((1, 1, *layers[-1].output_size), 1, kernel_size=7))
    layers.append(caffe.conv_transpose((1, 1, *layers[-1].output_size), 1, kernel_size=64, stride=32, bias_term=False))
    sizes = [layer.output_size[0] for layer in layers]
    assert sizes == [698, 698, 349, 349, 175, 175, 88, 88, 44, 44, 22, 16, 544]
    kept = caffe.crop((1, 21, *layers[-1].output_size), (1, 3, 500, 500), offset=19)
    assert kept.output_shape == (21, 500, 500)
    assert kept.padding[0] == (-19, -25)  # 544 - 500 - 19


def test_pools_rounded_down_are_too_small_for_the_crop():
    size = 698
    for _ in range(5):
        pool = caffe.pooling((1, 1, size, size), kernel_size=2, stride=2, round_mode="FLOOR")
        (size, _) = pool.output_size
    up = caffe.conv_transpose((1, 1, size - 6, size - 6), 1, kernel_size=64, stride=32)
    assert (size, up.output_size[0]) == (21, 512)
    message = "the crop of axis 2 does not fit: offset 19 + 500 of reference = 519, but bottom has 512"
    with pytest.raises(ValueError, match=re.escape(message)):
        caffe.crop((1, 1, *up.output_size), (1, 3, 500, 500), offset=19)


# -- drawn: the definitions in loops ---------------------------------------------------------------------------------


def some(rng, *values, share=0.4):
    return values[0] if rng.random() > share else values[1 + int(rng.integers(len(values) - 1))]


def integers(rng, shape):
    return rng.integers(-4, 5, shape)


def fields_and_values(rng, name, values):
    """Draw a repeated field: absent, one entry, one per axis, or in 2-D _h and _w; and the numbers of each axis."""
    kinds = ["each", "each", "once"] + ["letters"] * (len(values) == 2)
    kind = kinds[rng.integers(len(kinds))]
    if kind == "letters" and name != "dilation":
        letters = name.removesuffix("_size")
        return {f"{letters}_h": values[0], f"{letters}_w": values[1]}, values
    if kind == "once":
        return {name: some(rng, values[0], [values[0]])}, values[:1] * len(values)
    return {name: values}, values


def drawn(rng):
    """Draw the shape of a bottom, the fields of a convolution, and the numbers of each axis."""
    axes, group = int(rng.integers(1, 4)), some(rng, 1, 2, 3)
    columns = {
        "kernel_size": [int(rng.integers(1, 4)) for _ in range(axes)],
        "stride": [some(rng, 1, 2, 3, share=0.6) for _ in range(axes)],
        "pad": [some(rng, 0, 1, 2) for _ in range(axes)],
        "dilation": [some(rng, 1, 2, 3, share=0.3) for _ in range(axes)],
    }
    fields, per_axis = {}, {}
    for name, values in columns.items():
        field, per_axis[name] = fields_and_values(rng, name, values)
        fields.update(field)
    channels, output = group * int(rng.integers(1, 3)), group * int(rng.integers(1, 3))
    if rng.random() < 0.08:
        channels += int(rng.integers(2))
        output += int(rng.integers(2))
    size = [int(rng.integers(1, 9 - 2 * axes)) + 1 for _ in range(axes)]
    return (
        (2, channels, *size),
        {"num_output": output, "group": group, **fields},
        list(zip(*per_axis.values(), strict=True)),
    )


def windows(size, per_axis, output_size):
    """Yield (output, tap, input) for all windows and taps; the sum of products over these is the definition."""
    for output in np.ndindex(*output_size):
        for tap in np.ndindex(*(k for k, _, _, _ in per_axis)):
            at = tuple(o * s + t * d - p for o, t, (_, s, p, d) in zip(output, tap, per_axis, strict=True))
            if all(0 <= a < n for a, n in zip(at, size, strict=True)):
                yield output, tap, at


def groups_divide(shape, fields):
    return shape[1] % fields["group"] == 0 and fields["num_output"] % fields["group"] == 0


@pytest.mark.parametrize("transpose", [False, True])
def test_drawn_convolutions(transpose):
    rng, seen = np.random.default_rng(14 + transpose), Counter()
    for _ in range(DRAWS):
        shape, fields, per_axis = drawn(rng)
        size, group, output = shape[2:], fields["group"], fields["num_output"]
        spans = [d * (k - 1) + 1 for k, _, _, d in per_axis]
        if transpose:
            result = [s * (n - 1) + e - 2 * p for n, e, (_, s, p, _) in zip(size, spans, per_axis, strict=True)]
        else:
            result = [(n + 2 * p - e) // s + 1 for n, e, (_, s, p, _) in zip(size, spans, per_axis, strict=True)]
        make = caffe.conv_transpose if transpose else caffe.conv
        if min(result) < 1 or not groups_divide(shape, fields):
            with pytest.raises(ValueError, match=r"does not fit|is empty|does not divide"):
                make(shape, **fields)
            seen["refused", len(size)] += 1
            continue
        layer = make(shape, **fields)
        rows, cols = (shape[1], output) if transpose else (output, shape[1])
        w = integers(rng, (rows, cols // group, *(k for k, _, _, _ in per_axis)))
        x = integers(rng, shape[1:])
        y = np.zeros((output, *result), dtype=int)
        for row, col in itertools.product(range(rows), range(cols // group)):
            other = row // (rows // group) * (cols // group) + col
            for out, tap, at in windows(*((result, per_axis, size) if transpose else (size, per_axis, result))):
                if transpose:
                    y[(other, *at)] += w[(row, col, *tap)] * x[(row, *out)]
                else:
                    y[(row, *out)] += w[(row, col, *tap)] * x[(other, *at)]
        weight = caffe.weight(w, transpose=transpose)
        assert_array_equal(layer.unvec(layer.matrix(weight) @ layer.vec(x)), y)
        seen["equal", len(size)] += 1
        seen.update(name for name in ("kernel_h", "stride_h", "pad_h") if name in fields)
        seen["groups"] += group > 1
        seen["dilated"] += max(d for *_, d in per_axis) > 1
    assert min(seen["equal", axes] for axes in (1, 2, 3)) >= 40
    assert sum(seen["refused", axes] for axes in (1, 2, 3)) >= 15
    assert min(seen[name] for name in ("kernel_h", "stride_h", "pad_h", "groups", "dilated")) >= 10, seen


def pooled_axis(n, k, s, p, any_padding, rounded):
    """Return start and end of each window on the padded axis, as in pooling_layer.cpp."""
    count = int(rounded((n + 2 * p - k) / s)) + 1
    if any_padding and (count - 1) * s >= n + p:
        count -= 1
    return [(o * s - p, min(o * s - p + k, n + p)) for o in range(count)]


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_drawn_pools(pool):
    rng, seen = np.random.default_rng(15), Counter()
    for _ in range(DRAWS):
        n, k, s, p = ([int(v) for v in rng.integers(low, high, 2)] for low, high in ((1, 8), (1, 5), (1, 4), (0, 3)))
        fields = {"kernel_h": k[0], "kernel_w": k[1], "stride_h": s[0], "stride_w": s[1]}
        if rng.random() < 0.5:
            p = [0, 0]
        else:
            fields.update(pad_h=p[0], pad_w=p[1])
        rounded = some(rng, ceil, np.floor)
        if rounded is np.floor:
            fields["round_mode"] = "FLOOR"
        axes = [pooled_axis(*each, any(p), rounded) for each in zip(n, k, s, p, strict=True)]
        padded_too_far = any(pad and pad >= kernel for pad, kernel in zip(p, k, strict=True))
        padding_only = any(start >= length for ends, length in zip(axes, n, strict=True) for start, _ in ends)
        if padded_too_far or padding_only or not all(axes):
            with pytest.raises(ValueError, match=r"must be less than|would see no input|does not fit"):
                caffe.pooling((1, 2, *n), pool, **fields)
            seen["refused"] += 1
            seen["padding only"] += padding_only and not padded_too_far
            continue
        layer = caffe.pooling((1, 2, *n), pool, **fields)
        x = integers(rng, (2, *n)) * 144
        y = np.zeros((2, len(axes[0]), len(axes[1])))
        for (i, (top, bottom)), (j, (left, right)) in itertools.product(*map(enumerate, axes)):
            window = x[:, max(top, 0) : min(bottom, n[0]), max(left, 0) : min(right, n[1])]
            if pool == "MAX":
                y[:, i, j] = window.max(axis=(1, 2))
            else:
                y[:, i, j] = window.sum(axis=(1, 2)) / ((bottom - top) * (right - left))
        matrix = layer.matrix(x) if pool == "MAX" else layer.matrix()
        assert_allclose(layer.unvec(matrix @ layer.vec(x)), y, rtol=0, atol=1e-9)
        seen["equal"] += 1
        seen["padded"] += any(p)
    assert seen["equal"] >= 100
    assert seen["refused"] >= 30
    assert seen["padding only"] >= 5
    assert seen["padded"] >= 20


def test_drawn_crops():
    rng, seen = np.random.default_rng(16), Counter()
    for _ in range(DRAWS):
        count, axis = int(rng.integers(3, 6)), 2
        axis = some(rng, axis, count - 1, axis - count, share=0.3)
        first = axis % count
        whole = [2, 3, *(int(n) for n in rng.integers(3, 7, count - 2))]
        wanted = [5, 7, *(int(n) for n in rng.integers(1, 5, count - 2))]
        offset = some(rng, int(rng.integers(3)), [int(o) for o in rng.integers(0, 3, count - first)], None)
        offsets = [0] * count
        offsets[first:] = (
            offset if isinstance(offset, list) and len(offset) > 1 else np.resize(offset or 0, count - first)
        )
        ends = [o + (wanted[i] if i >= first else n) for i, (n, o) in enumerate(zip(whole, offsets, strict=True))]
        if any(end > n for end, n in zip(ends[2:], whole[2:], strict=True)):
            with pytest.raises(ValueError, match=r"the crop of axis \d does not fit"):
                caffe.crop(whole, wanted, axis, offset)
            seen["refused"] += 1
            continue
        layer = caffe.crop(whole, wanted, axis, offset)
        x = integers(rng, whole[1:])
        y = x[(slice(None), *(slice(int(o), int(end)) for o, end in zip(offsets[2:], ends[2:], strict=True)))]
        C = layer.matrix(np.ones(layer.weight_shape, dtype=int))
        assert_array_equal(layer.unvec(C @ layer.vec(x)), y)
        seen["equal"] += 1
        seen["each"] += isinstance(offset, list)
        seen["axis"] += axis != 2
    assert min(seen.values()) >= 30, seen


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_fields_and_their_defaults():
    assert caffe.conv((None, 4, 9, 8), 6, 3) == Conv((9, 8), 3, in_channels=4, out_channels=6)
    assert caffe.conv(np.zeros((1, 4, 9, 8)), 6, (3, 2), [2], [], (1, 2), 2) == Conv(
        (9, 8), (3, 2), stride=2, dilation=(1, 2), groups=2, in_channels=4, out_channels=6
    )
    assert caffe.conv((1, 1, 9, 8), 1, kernel_h=1, kernel_w=3, pad_w=2).padding == ((0, 0), (2, 2))
    assert caffe.conv((5, 6, 1, 9, 8), 1, 3, axis=2) == caffe.conv((5, 6, 1, 9, 8), 1, 3, axis=-3) == Conv((9, 8), 3)
    assert caffe.conv((1, 2, 4, 4, 4, 4), 1, 2) == Conv((4,) * 4, 2, in_channels=2)
    assert caffe.conv((1, 5), 3, kernel_size=1).matrix_shape == (3, 5)


def test_deconvolution_is_the_transpose():
    forward = caffe.conv((1, 2, 7, 7), 4, 3, 2, 1, group=2)
    up = caffe.conv_transpose((1, 4, 4, 4), 2, 3, 2, 1, group=2)
    assert forward.T == up == ConvTranspose(4, 3, stride=2, padding=1, groups=2, in_channels=4, out_channels=2)


def test_the_groups_of_alexnet():
    conv2 = caffe.conv((1, 96, 27, 27), 256, kernel_size=5, pad=2, group=2)
    assert conv2.weight_shape == (256, 48, 5, 5)  # 307200 weights in place of 614400


def test_global_pooling_is_one_window():
    assert caffe.pooling((1, 3, 4, 5), "AVE", global_pooling=True) == AvgPool(
        (4, 5), (4, 5), stride=1, ceil_mode=True, channels=3
    )
    assert caffe.pooling((None, 3, 4, 5), kernel_size=2) == MaxPool((4, 5), 2, stride=1, ceil_mode=True, channels=3)


def test_an_average_counts_padding_but_nothing_beyond():
    """Three windows of 3 over 1 + 4 + 1 cells, with stride 2: the last one covers two cells."""
    layer = caffe.pooling((1, 1, 4, 1), "AVE", kernel_h=3, kernel_w=1, stride_h=2, stride_w=1, pad_h=1, pad_w=0)
    assert layer.divisors().ravel().tolist() == [3, 3, 2]


FILLED = {1: [1], 2: [1, 0], 3: [1, 3, 3], 4: [1, 3, 3, 1], 5: [1, 2, 3, 2, 1], 6: [1, 2, 3, 2, 1, 0]}
"""The tent of kernel size k over its first entry's denominator: 1 - |x / f - c|, c = (2f - 1 - f mod 2) / 2f."""
DENOMINATORS = {1: 1, 2: 1, 3: 4, 4: 4, 5: 3, 6: 3}


@pytest.mark.parametrize("k", FILLED)
def test_the_bilinear_filler(k):
    tent = np.array(FILLED[k]) / DENOMINATORS[k]
    w = caffe.bilinear_filler((2, 3, k, k))
    assert w.shape == (2, 3, k, k)
    assert_allclose(w, np.broadcast_to(np.outer(tent, tent), w.shape), rtol=0, atol=1e-15)


@pytest.mark.parametrize("f", [1, 2, 3, 4])
def test_upsampling_by_the_filler_keeps_a_constant_inside(f):
    k, pad = 2 * f - f % 2, ceil((f - 1) / 2)
    up = caffe.conv_transpose((1, 2, 5, 5), 2, k, f, pad, group=2)
    y = up.unvec(up.matrix(caffe.bilinear_filler(up.weight_shape)) @ np.ones(up.matrix_shape[1]))
    assert y.shape == (2, 5 * f, 5 * f)
    assert_allclose(y[:, f:-f, f:-f], 1)


# -- errors ----------------------------------------------------------------------------------------------------------

BOTTOM = (1, 4, 5, 5)

ERRORS = {
    "no kernel": (lambda: caffe.conv(BOTTOM, 2), "kernel_size is missing: give it once, or once for each of 2 axes"),
    "both kernels": (
        lambda: caffe.conv(BOTTOM, 2, 3, kernel_h=3, kernel_w=3),
        "kernel_size 3 stands beside kernel_h or kernel_w: give either the one or the others",
    ),
    "both strides": (lambda: caffe.conv(BOTTOM, 2, 3, stride=[2], stride_h=1), "stride [2] stands beside stride_h or"),
    "half a kernel": (
        lambda: caffe.conv(BOTTOM, 2, kernel_h=3),
        "kernel_w is missing, which Caffe takes for 0, but it must be at least 1: give both",
    ),
    "half a stride": (lambda: caffe.conv(BOTTOM, 2, 3, stride_w=3), "stride_h is missing, which Caffe takes for 0"),
    "1-D kernel_h": (
        lambda: caffe.conv((1, 4, 5), 2, kernel_h=3, kernel_w=3),
        "kernel_h and kernel_w are for 2 axes only, but bottom has 1 of size: use kernel_size",
    ),
    "3-D pad_w": (lambda: caffe.conv((1, 4, 5, 5, 5), 2, 3, pad_w=1), "pad_h and pad_w are for 2 axes only"),
    "fields": (
        lambda: caffe.conv((1, 4, 5, 5, 5), 2, 3, stride=(1, 2)),
        "stride must be given once, or once for each of 3 axes, got 2: (1, 2)",
    ),
    "zero kernel": (lambda: caffe.conv(BOTTOM, 2, (3, 0)), "kernel_size on axis 1 must be at least 1, got 0"),
    "zero kernel_w": (lambda: caffe.conv(BOTTOM, 2, kernel_h=3, kernel_w=0), "kernel_w must be at least 1, got 0"),
    "negative pad": (lambda: caffe.conv(BOTTOM, 2, 3, pad=-1), "pad on axis 0 must be at least 0, got -1"),
    "float": (lambda: caffe.conv(BOTTOM, 2, 3.0), "kernel_size on axis 0 must be an integer, got 3.0"),
    "fit": (lambda: caffe.conv((1, 4, 2, 5), 2, 3, stride=2), "kernel does not fit on axis 0: it spans 3"),
    "group": (
        lambda: caffe.conv((1, 3, 5, 5), 2, 3, group=2),
        "group=2 does not divide the channels of bottom, 3 (remainder 1)",
    ),
    "group of outputs": (
        lambda: caffe.conv(BOTTOM, 3, 3, group=2),
        "group=2 does not divide num_output, 3 (remainder 1)",
    ),
    "num_output": (lambda: caffe.conv(BOTTOM, 0, 3), "num_output must be at least 1, got 0"),
    "unknown": (lambda: caffe.conv((None, 4, None, 5), 2, 3), "bottom[2] is None, but the matrix depends on it"),
    "axis": (
        lambda: caffe.conv(BOTTOM, 2, 3, axis=4),
        "axis 4 is none of bottom, which has 4 entries: give one from -4 to 3",
    ),
    "bias": (lambda: caffe.conv(BOTTOM, 2, 3, bias_term=1), "bias_term must be True or False, got 1"),
    "empty": (lambda: caffe.conv_transpose((1, 4, 1, 5), 2, 3, pad=2), "output is empty on axis 0"),
    "crop": (
        lambda: caffe.crop((1, 2, 9, 9), (1, 2, 5, 5), offset=(2, 5)),
        "the crop of axis 3 does not fit: offset 5 + 5 of reference = 10, but bottom has 9; use an offset of at most 4",
    ),
    "crop to more": (
        lambda: caffe.crop((1, 2, 9, 9), (1, 2, 10, 5)),
        "the crop of axis 2 does not fit: reference has 10, but bottom only 9",
    ),
    "crop offsets": (
        lambda: caffe.crop((1, 2, 9, 9), (1, 2, 5, 5), offset=(0, 0, 1)),
        "offset must be one number, or one for each of the 2 axes from `axis` on, got 3: (0, 0, 1)",
    ),
    "crop negative": (lambda: caffe.crop((1, 2, 9, 9), (1, 2, 5, 5), offset=-1), "offset must be at least 0, got -1"),
    "crop axis": (lambda: caffe.crop((1, 2, 9, 9), (1, 2, 5, 5), axis=4), "axis 4 is none of bottom, which has 4"),
    "crop channels": (
        lambda: caffe.crop((1, 4, 9, 9), (1, 2, 5, 5), axis=1),
        "the crop would change the channels, offset 0 and 2 of 4, which no layer of ours does",
    ),
    "crop by one offset": (
        lambda: caffe.crop((1, 4, 9, 9), (1, 4, 5, 5), axis=1, offset=2),
        "the crop would change the channels, offset 2 and 4 of 4",
    ),
    "crop batch": (
        lambda: caffe.crop((3, 4, 9, 9), (2, 4, 5, 5), axis=0),
        "the crop would change the batch, offset 0 and 2 of 3",
    ),
    "crop without size": (
        lambda: caffe.crop((3, 4), (3, 4)),
        "bottom has 2 entries, (3, 4), but needs batch, channels and at least one axis of size",
    ),
    "crop to less axes": (
        lambda: caffe.crop((1, 2, 9, 9), (1, 2, 5)),
        "reference has 3 entries, (1, 2, 5), but bottom has 4",
    ),
    "crop unknown": (lambda: caffe.crop((1, 2, 9, None), (1, 2, 5, 5)), "the size on axis 3 is None"),
    "pool": (lambda: caffe.pooling(BOTTOM, "AVG", 2), "pool 'AVG' is not one of MAX, AVE, STOCHASTIC"),
    "stochastic": (lambda: caffe.pooling(BOTTOM, "STOCHASTIC", 2), "pool 'STOCHASTIC' draws what it keeps"),
    "round": (
        lambda: caffe.pooling(BOTTOM, kernel_size=2, round_mode="UP"),
        "round_mode 'UP' is not one of CEIL, FLOOR",
    ),
    "pool axes": (
        lambda: caffe.pooling((1, 4, 5), kernel_size=2),
        "bottom has 3 entries, (1, 4, 5), but a pool needs 4: batch, channels, height and width",
    ),
    "pool kernel": (
        lambda: caffe.pooling(BOTTOM),
        "a pool has either kernel_size, or kernel_h and kernel_w, got nothing: give the one or both others",
    ),
    "pool kernels": (
        lambda: caffe.pooling(BOTTOM, "AVE", 2, kernel_h=2, kernel_w=2),
        "a pool has either kernel_size, or kernel_h and kernel_w, got kernel_size 2, kernel_h 2, kernel_w 2",
    ),
    "pool kernel 0": (lambda: caffe.pooling(BOTTOM, kernel_size=0), "kernel_size must be at least 1, got 0"),
    "pool kernel_w 0": (lambda: caffe.pooling(BOTTOM, kernel_h=1, kernel_w=0), "kernel_w must be at least 1, got 0"),
    "pool stride": (
        lambda: caffe.pooling(BOTTOM, kernel_size=2, stride_h=2),
        "a pool has either stride, or stride_h and stride_w, got stride_h 2: give the one or both others",
    ),
    "pool pads": (
        lambda: caffe.pooling(BOTTOM, kernel_size=2, pad=1, pad_h=1, pad_w=1),
        "a pool has either pad, or pad_h and pad_w, got pad 1, pad_h 1, pad_w 1",
    ),
    "pool padded": (
        lambda: caffe.pooling(BOTTOM, kernel_size=2, pad=2),
        "pad 2 on axis 0, before, must be less than kernel_size 2: a window of padding alone has no largest entry",
    ),
    "pool too large": (lambda: caffe.pooling(BOTTOM, kernel_size=90), "(= size of bottom 5 + pad 0 + 0)"),
    "global kernel": (
        lambda: caffe.pooling(BOTTOM, kernel_size=2, global_pooling=True),
        "global_pooling has the size of bottom as its kernel, got kernel_size 2: leave it out",
    ),
    "global stride": (
        lambda: caffe.pooling(BOTTOM, stride=2, global_pooling=True),
        "global_pooling allows only pad 0 and stride 1, got pad (0, 0) and stride (2, 2)",
    ),
    "windows": (
        lambda: caffe.pooling((1, 1, 5, 5), kernel_size=1, stride=3),
        "Caffe has 3 windows on axis 0 (= ceil((size 5 - kernel 1) / stride 3) + 1), of which 1 would see no "
        "input: use round_mode 'FLOOR', or a stride of at most 1",
    ),
    "filler": (
        lambda: caffe.bilinear_filler((1, 4, 4)),
        "shape has 3 entries, (1, 4, 4), but the bilinear filler needs 4",
    ),
    "filler square": (
        lambda: caffe.bilinear_filler((1, 1, 4, 3)),
        "the bilinear filler needs a square kernel, got 4 x 3",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    assert_refused(*ERRORS[name])
