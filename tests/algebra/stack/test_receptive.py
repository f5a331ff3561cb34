"""Receptive fields, coordinates and crops against dense boolean products, published numbers and plain arithmetic."""

import re
from fractions import Fraction
from math import ceil, floor
from time import process_time

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.receptive import (
    CoordinateMap,
    coordinate_map,
    crop_offset,
    outputs_without_input,
    receptive_field,
)
from convmatrix.layers import AvgPool, Conv, ConvTranspose, MaxPool, PixelShuffle, PixelUnshuffle, Unfold, Upsample
from stacks import collapsed_pattern, stacks
from strategies import share

WITHOUT_SHUFFLES = ("convs", "transposes", "pools", "upsamples", "transposed fixed")


def raises_value_error(*sentences):
    """Refused with a message that is exactly this."""
    return pytest.raises(ValueError, match=f"^{re.escape(' '.join(sentences))}$")


def chain(size, *makers):
    """Layers made one after the other, each from the size that the one before it leaves."""
    layers = []
    for make in makers:
        layers.append(make(size))
        size = layers[-1].output_size
    return layers


def conv(kernel_size, padding=0, stride=1):
    return lambda size: Conv(size, kernel_size, stride=stride, padding=padding)


def pool(kernel_size, stride, *, ceil_mode=False):
    return lambda size: MaxPool(size, kernel_size, stride=stride, ceil_mode=ceil_mode)


def up(kernel_size, stride):
    return lambda size: ConvTranspose(size, kernel_size, stride=stride)


# -- the true field ------------------------------------------------------------------------------------------------


@share(0.6)
@given(network=stacks(kinds=WITHOUT_SHUFFLES))
def test_field_is_the_row_of_the_dense_pattern(network):
    reads = collapsed_pattern(network)
    empty = outputs_without_input(network)
    for output in np.ndindex(network.output_size):
        field = receptive_field(network, output)
        truth = reads[output]
        assert_array_equal(field.mask, truth)
        assert field.count == truth.sum()
        assert any(o in axis for o, axis in zip(output, empty, strict=True)) == (not truth.any())
        assert field.start == tuple(w.stride * o + w.first for w, o in zip(network.windows, output, strict=True))


@share(0.6)
@given(network=stacks(kinds=("convs", "shuffles", "shuffles", "pools"), ndims=(1,)))
def test_field_of_shuffled_channels_is_true_or_refused(network):
    message, fields = "", []
    try:
        fields = [receptive_field(network, (o,)).mask for o in range(network.output_size[0])]
    except ValueError as error:
        message = str(error)
    event("refused" if message else "true")
    if message:
        assert "both move pixels between channels and axes" in message
    else:
        assert_array_equal(fields, collapsed_pattern(network))


@share(0.6)
@given(network=stacks(kinds=("convs", "transposes", "pools", "upsamples"), modes=("zeros",)))
def test_what_is_read_lies_in_the_arithmetic_window(network):
    for output in np.ndindex(network.output_size):
        field = receptive_field(network, output)
        for inputs, window, o in zip(field.inputs, network.windows, output, strict=True):
            first, last = window.at(o)
            assert all(first <= i <= last for i in inputs)


@pytest.mark.parametrize("inputs", range(2, 9))
@pytest.mark.parametrize("others", [(), (1,), (4,)], ids=str)
def test_one_output_with_aligned_corners_reads_the_first_input(inputs, others):
    """As PyTorch's does; drawn once as (1, 3) to (1, 1)."""
    up = Upsample((*others, inputs), output_size=(*others, 1), mode="linear", align_corners=True)
    field = receptive_field(Network((up,)))
    assert field.inputs[-1] == (0,)
    assert field.windows[-1].at(0) == (0, 0)
    assert field.differences == ()
    assert coordinate_map(Network((up,))).shift[-1] == 0


@share(0.6)
@given(network=stacks(kinds=WITHOUT_SHUFFLES, ndims=(1,)))
def test_differences_are_listed_where_there_are_any(network):
    for o in range(network.output_size[0]):
        field = receptive_field(network, (o,))
        first, last = network.windows[0].at(o)
        looked = tuple(range(ceil(first), floor(last) + 1))
        assert (field.differences == ()) == (field.inputs[0] == looked)


@share(0.6)
@given(sizes=st.lists(st.tuples(*(st.integers(1, most) for most in (3, 2, 3))), min_size=1, max_size=3))
def test_far_from_borders_arithmetic_is_the_extent(sizes):
    # From the last layer to the first: just the input that output 2 of 5 and its neighbours need.
    n = 5
    layers = []
    for kernel, stride, dilation in sizes:
        layers.insert(
            0, Conv(((n - 1) * stride + dilation * (kernel - 1) + 1,), kernel, stride=stride, dilation=dilation)
        )
        n = layers[0].input_size[0]
    field = receptive_field(Network(layers))
    (extent,) = field.extent
    assert (extent.start, len(extent)) == (field.start[0], field.size[0])
    holes = len(extent) - field.count
    assert bool(field.differences) == bool(holes)
    if holes:
        assert f"{holes} of the {len(extent)} inputs between are holes" in field.differences[0]


def test_middle_is_the_default():
    assert receptive_field(Network([Conv((7, 4), 1)])).output == (3, 2)


def test_one_axis_needs_no_tuple():
    network = Network([Conv((7,), 3)])
    assert receptive_field(network, 4) == receptive_field(network, (4,))


def test_an_axis_too_long_is_refused(monkeypatch):
    monkeypatch.setattr("convmatrix.core.memory.available_memory", lambda: 2**30)
    message = (
        "the matrix of the taps of an axis, 100000000 x 100000000 with 299999998 entries, needs 3.35 GiB but 1 GiB of "
        "memory is available: take a smaller input, since away from the borders the taps repeat"
    )
    network = Network([Conv((10**8,), 3, padding=1)])
    assert network.windows == ((1, -1, 1),)
    with raises_value_error(message):
        receptive_field(network)


def test_no_axes():
    field = receptive_field(Network([Conv((), (), in_channels=2)]))
    assert (field.count, field.mask.shape, field.differences) == (1, (), ())


# -- what arithmetic does not say ----------------------------------------------------------------------------------


def test_border():
    field = receptive_field(Network([Conv((9,), 3, padding=1), Conv((9,), 5, padding=2)]), (0,))
    assert field.inputs == ((0, 1, 2, 3),)
    assert (field.size, field.stride, field.start) == ((7,), (1,), (-3,))
    assert field.differences == ("axis 0: arithmetic says -3 to 3 (7 inputs), but 3 of them lie beyond the input's 9",)


def test_holes_of_dilation():
    field = receptive_field(Network([Conv((9,), 3, dilation=2), Conv((5,), 3, dilation=2)]))
    assert field.inputs == ((0, 2, 4, 6, 8),)
    assert field.differences == ("axis 0: arithmetic says 0 to 8 (9 inputs), but 4 of the 9 inputs between are holes",)


def test_holes_of_a_stride_wider_than_the_kernel():
    field = receptive_field(Network([Conv((10,), 1, stride=3), Conv((4,), 3)]), (1,))
    assert field.inputs == ((3, 6, 9),)
    assert field.differences == ("axis 0: arithmetic says 3 to 9 (7 inputs), but 4 of the 7 inputs between are holes",)


def test_border_between_layers():
    # Output 0 stands one beyond the middle map, whose padding is no input although there is one below.
    field = receptive_field(Network([Conv((7,), 3), Conv((5,), 3, padding=1)]), (0,))
    assert field.inputs == ((0, 1, 2, 3),)
    crop = receptive_field(Network([Conv((9,), 1, padding=-2), Conv((5,), 3, padding=1)]), (0,))
    assert crop.inputs == ((2, 3),)
    assert crop.differences == (
        "axis 0: arithmetic says 1 to 3 (3 inputs), but inputs 2 to 3 are read (between the layers a border or a "
        "stride cuts the field off)",
    )


def test_padding_mode():
    field = receptive_field(Network([Conv((5,), 3, padding=1, padding_mode="circular")]), (0,))
    assert field.inputs == ((0, 1, 4),)
    assert field.differences == (
        "axis 0: arithmetic says -1 to 1 (3 inputs), but 1 of them lies beyond the input's 5 and inputs 0 to 4 are "
        "read (the padding mode folds the border back) and 2 of the 5 inputs between are holes",
    )


def test_nothing_is_read():
    field = receptive_field(Network([Conv((4,), 3, padding=4)]), (0,))
    assert (field.inputs, field.extent, field.count) == (((),), (range(0),), 0)
    assert not field.mask.any()
    assert field.differences == ("axis 0: arithmetic says -4 to -2 (3 inputs), but no input is read",)


def test_nothing_is_looked_at():
    field = receptive_field(Network([ConvTranspose((3,), 1, stride=2)]), (1,))
    assert (field.inputs, field.differences) == (((),), ())
    folded = receptive_field(Network([ConvTranspose((4,), 1, stride=2, padding=1, padding_mode="circular")]), (0,))
    assert folded.inputs == ((3,),)
    assert folded.differences == (
        "axis 0: arithmetic says none, but inputs 3 to 3 are read (the padding mode folds the border back)",
    )


def test_transposed_layers_look_between_inputs():
    field = receptive_field(Network([ConvTranspose((5,), 4, stride=2, padding=1)]), (4,))
    assert field.inputs == ((1, 2),)
    assert (field.size, field.stride, field.start) == ((Fraction(5, 2),), (Fraction(1, 2),), (1,))
    assert field.differences == ()


@pytest.mark.parametrize("factor", [2, 3, 4, 5])
def test_bilinear_upsampling_looks_where_its_transposed_convolution_does(factor):
    # FCN's filler: kernel 2f - f%2, stride f, pad ceil((f - 1)/2).
    kernel, pad = 2 * factor - factor % 2, factor // 2
    resize = Upsample((6,), scale=factor, mode="linear")
    transposed = ConvTranspose((6,), kernel, stride=factor, padding=pad)
    assert resize.output_size == transposed.output_size
    assert Network([resize]).windows == Network([transposed]).windows
    nearest, repeated = Upsample((6,), scale=factor), ConvTranspose((6,), factor, stride=factor)
    assert Network([nearest]).windows == Network([repeated]).windows
    assert Network([PixelShuffle((6,), factor)]).windows == Network([repeated]).windows


def test_corners_aligned():
    network = Network([Upsample((4,), output_size=7, mode="linear", align_corners=True)])
    assert coordinate_map(network) == CoordinateMap((Fraction(2),), (Fraction(0),))
    assert [receptive_field(network, (o,)).inputs[0] for o in range(4)] == [(0,), (0, 1), (1,), (1, 2)]


# -- AlexNet and VGG-16 --------------------------------------------------------------------------------------------

ALEXNET = (
    conv(11, 2, 4), pool(3, 2), conv(5, 2), pool(3, 2), conv(3, 1), conv(3, 1), conv(3, 1), pool(3, 2),
)  # fmt: skip


def vgg(*, pools=5, first_padding=1, ceil_mode=False):
    """The convolutions of VGG-16 up to one of its pools."""
    makers = [
        maker for count in (2, 2, 3, 3, 3)[:pools] for maker in (*[conv(3, 1)] * count, pool(2, 2, ceil_mode=ceil_mode))
    ]
    return [conv(3, first_padding), *makers[1:]]


@pytest.mark.parametrize("size", [224, 448])
def test_alexnet_has_195_with_stride_32(size):
    network = Network(chain((size, size), *ALEXNET))
    field = receptive_field(network)
    assert (field.size, field.stride) == ((195, 195), (32, 32))
    assert network.windows[0] == (32, -66, 128)
    if size == 448:
        assert network.output_size == (13, 13)
        assert field.extent == (range(126, 321),) * 2
        assert (field.differences, field.count) == ((), 195**2)


def test_alexnet_at_224_has_no_output_that_sees_195():
    network = Network(chain((224, 224), *ALEXNET))
    assert [layer.output_size[0] for layer in network.layers] == [55, 27, 27, 13, 13, 13, 13, 6]
    assert max(len(receptive_field(network, (o, o)).inputs[0]) for o in range(6)) == 194
    assert receptive_field(network).differences[0] == (
        "axis 0: arithmetic says 30 to 224 (195 inputs), but 1 of them lies beyond the input's 224"
    )


def test_vgg_has_212_with_stride_32_in_no_time():
    started = process_time()
    network = Network(chain((224, 224), *vgg()))
    field = receptive_field(network)
    assert network.output_size == (7, 7)
    assert (field.size, field.stride, field.start) == ((212, 212), (32, 32), (6, 6))
    assert field.extent == (range(6, 218),) * 2
    assert (field.differences, field.count) == ((), 212**2)
    assert process_time() - started < 5


# -- FCN -----------------------------------------------------------------------------------------------------------


def fcn(*makers, pools=5, ceil_mode=True, size=(500, 500)):
    """FCN's layers for 500 x 500: conv1_1 pads by 100, pools round up."""
    return Network(chain(size, *vgg(pools=pools, first_padding=100, ceil_mode=ceil_mode), *makers))


def test_fcn32s():
    network = fcn(conv(7), up(64, 32))
    sizes = [layer.output_size[0] for layer in network.layers]
    assert [sizes[i] for i in (0, 2, 5, 9, 13, 17, 18, 19)] == [698, 349, 175, 88, 44, 22, 16, 544]
    assert coordinate_map(network) == CoordinateMap((1, 1), (19, 19))
    assert crop_offset(network) == (19, 19)
    crop = Conv((544, 544), 1, padding=((-19, 500 + 19 - 544),) * 2)
    whole = Network([*network.layers, crop])
    assert whole.output_size == (500, 500)
    assert coordinate_map(whole) == CoordinateMap((1, 1), (0, 0))
    assert crop_offset(whole) == (0, 0)


def test_fcn16s_and_fcn8s():
    score2 = fcn(conv(7), up(4, 2))
    assert crop_offset(fcn(pools=4), score2) == (5, 5)
    assert crop_offset(Network([*score2.layers, *chain((34, 34), up(32, 16))])) == (27, 27)
    score4 = Network([*score2.layers, *chain((34, 34), up(4, 2))])
    assert crop_offset(fcn(pools=3), score4) == (9, 9)
    assert crop_offset(Network([*score4.layers, *chain((70, 70), up(16, 8))])) == (31, 31)


def test_fcn_needs_pools_that_round_up():
    network = fcn(conv(7), up(64, 32), ceil_mode=False)
    assert network.output_size == (512, 512)
    assert coordinate_map(network) == CoordinateMap((1, 1), (19, 19))
    with raises_value_error(
        "crop on axis 0 needs outputs 19 to 519 (= offset 19 + size 500) but the source has 512: 7 are missing; pad "
        "a convolution of the source more at the end, or a transposed convolution, whose padding crops, less, or let "
        "pools round up"
    ):
        crop_offset(network)


@pytest.mark.full
def test_cropped_pixels_do_not_come_from_the_padding():
    """Text C's claim, by the pattern: every cropped output of FCN-32s reads real pixels."""
    assert outputs_without_input(fcn(conv(7), up(64, 32))) == ((), ())
    rows = fcn(conv(7), up(64, 32), size=(500,))  # columns are like rows
    fields = [receptive_field(rows, (o,)).extent[0] for o in range(544)]
    cropped = [*range(19), *range(519, 544)]
    assert len(cropped) == 44
    assert {len(fields[o]) for o in cropped} == {215, 209}
    assert fields[0] == fields[18] == fields[19] == range(215)
    assert fields[518] == fields[519] == fields[543] == range(291, 500)
    # Nor does what stays do without: by arithmetic, all but 34 of its 500 rows look at the padding too.
    whole = [o for o in range(544) if "beyond" not in "".join(receptive_field(rows, (o,)).differences)]
    assert whole == [*range(252, 286)]


@pytest.mark.parametrize(
    ("pools", "empty", "outputs"), [(1, 96, 349), (2, 46, 175), (3, 20, 88), (4, 6, 44), (5, 0, 22)]
)
def test_padding_alone_is_seen_by_early_layers_only(pools, empty, outputs):
    network = fcn(pools=pools)
    rows, _ = outputs_without_input(network)
    assert (len(rows), network.output_size[0]) == (empty, outputs)
    assert rows == (*range(empty // 2), *range(outputs - empty // 2, outputs))


def test_conv1_1_has_outputs_without_input():
    network = Network(fcn().layers[:1])
    rows, columns = outputs_without_input(network)
    assert rows == columns == (*range(98), *range(600, 698))
    pattern = network.axis_patterns()[0]
    assert_array_equal(np.flatnonzero(np.diff(pattern.indptr) == 0), rows)


def test_a_skip_alone_has_outputs_without_input_among_the_cropped():
    # FCN-8s: what comes through pool3 alone leaves 8 of the 31 cropped rows at the start without a pixel.
    skip = Network([*fcn(pools=3).layers, Conv((88, 88), 1, padding=((-9, -9),) * 2), *chain((70, 70), up(16, 8))])
    assert skip.output_size == (568, 568)
    assert outputs_without_input(skip)[0] == (*range(8), *range(560, 568))


# -- coordinates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "dilation"), [(3, 1, 1, 1), (7, 2, 3, 1), (4, 3, 0, 1), (3, 2, 5, 4)]
)
def test_maps_are_those_of_caffe(kernel, stride, pad, dilation):
    span = dilation * (kernel - 1) + 1
    layer = Conv((40,), kernel, stride=stride, padding=pad, dilation=dilation)
    there = CoordinateMap((Fraction(1, stride),), ((pad - Fraction(span - 1, 2)) / stride,))
    assert coordinate_map(Network([layer])) == there
    back = CoordinateMap((Fraction(stride),), (Fraction(span - 1, 2) - pad,))
    assert coordinate_map(Network([layer.T])) == back == there.inverse()
    if dilation == 1 and pad < kernel / 2:
        assert coordinate_map(Network([AvgPool((40,), kernel, stride=stride, padding=pad)])) == there


@share(0.6)
@given(network=stacks(kinds=WITHOUT_SHUFFLES))
def test_maps_compose(network):
    composed = CoordinateMap(*((Fraction(number),) * len(network.input_size) for number in (1, 0)))
    for layer in network.layers:
        composed = composed.then(coordinate_map(Network([layer])))
    assert coordinate_map(network) == composed
    identity = composed.then(composed.inverse())
    assert set(identity.scale) <= {1}
    assert set(identity.shift) <= {0}


@share(0.6)
@given(kinds=st.lists(st.sampled_from(("conv", "pool", "resize")), min_size=1, max_size=3), data=st.data())
def test_a_ramp_shows_where_outputs_stand(kinds, data):
    # Averages of a ramp are the positions of their centres, so the output for 0, 1, 2, ... tells where it stands.
    layers, weights, size = [], [], 48
    for kind in kinds:
        kernel, stride, pad = (data.draw(st.integers(*ends)) for ends in ((1, 4), (1, 3), (0, 2)))
        if kind == "conv":
            layers.append(Conv((size,), kernel, stride=stride, padding=pad, dilation=data.draw(st.integers(1, 2))))
        elif kind == "pool":
            layers.append(AvgPool((size,), kernel, stride=stride, padding=min(pad, kernel // 2)))
        else:
            layers.append(Upsample((size,), scale=stride, mode="linear"))
        weights.append(np.full(kernel, 1 / kernel) if kind == "conv" else None)
        (size,) = layers[-1].output_size
        if size < 12:
            break
    network = Network(layers)
    M = network.matrix(weights[: len(layers)])
    where, ones = M @ np.arange(48), M @ np.ones(48)
    (scale,), (shift,) = coordinate_map(network).scale, coordinate_map(network).shift
    (window,) = network.windows
    free = [o for o in range(len(where)) if window.at(o)[0] >= 0 and window.at(o)[1] <= 47 and abs(ones[o] - 1) < 1e-9]
    assert free
    assert_allclose(where[free], [float((o - shift) / scale) for o in free], atol=1e-9)


def test_scale_mismatch_is_refused():
    with raises_value_error(
        "scales differ on axis 1: the source has 1/4 outputs for each input, the reference 1; no crop fits before the "
        "source is scaled by 4"
    ):
        crop_offset(Network([Conv((8, 8), 1, stride=(1, 4))]))
    with pytest.raises(ValueError, match=r"the source has 1/32 .* the reference 1/16; .* scaled by 2$"):
        crop_offset(fcn(conv(7)), fcn(pools=4))


def test_offset_between_outputs_is_refused():
    with raises_value_error(
        "crop offset on axis 0 is 1/2, no integer: the source stands between the reference's outputs; a kernel of odd "
        "size instead of even, or the other way round, moves it by a fraction"
    ):
        crop_offset(Network([Conv((8,), 2, padding=1)]))


def test_padding_moves_a_convolution_and_its_transpose_apart():
    """The remedies hold: a pad at the start raises the offset, except that of a transposed convolution."""

    def source(pads, crops):
        conv = Conv((9,), 3, stride=2, padding=(pads,))
        return Network([conv, ConvTranspose(conv.output_size, 3, stride=2, padding=(crops,))])

    assert crop_offset(source((0, 0), (0, 0))) == (0,)
    assert crop_offset(source((1, 1), (0, 0))) == (1,)
    assert crop_offset(source((1, 1), (1, 0))) == (0,)
    with pytest.raises(ValueError, match=r"^crop offset on axis 0 is -1, negative: the source begins 1 output after "):
        crop_offset(source((0, 0), (1, 0)))
    with pytest.raises(ValueError, match=r"the source has 8: 1 are missing; pad a convolution of the source more at "):
        crop_offset(source((0, 0), (0, 1)))
    with pytest.raises(ValueError, match=r"the source has 8: 2 are missing; "):
        crop_offset(source((1, 0), (0, 1)))


def test_negative_offset_is_refused():
    with raises_value_error(
        "crop offset on axis 0 is -2, negative: the source begins 2 outputs after the reference; pad a convolution of",
        "the source more at the start, or a transposed convolution, whose padding crops, less",
    ):
        crop_offset(Network([Conv((8,), 5)]))


def test_other_inputs_are_refused():
    with raises_value_error(
        "source has input_size (500, 500) but reference has (224, 224): they must start from one input"
    ):
        crop_offset(fcn(), Network(chain((224, 224), *vgg())))


# -- which output --------------------------------------------------------------------------------------------------


def test_outputs_that_do_not_exist_are_refused():
    network = Network([Conv((5, 5), 3)])
    with raises_value_error("output (1,) has 1 indices but the network's output (3, 3) has 2 axes"):
        receptive_field(network, (1,))
    with raises_value_error("output (1,) has 1 indices but the network's output (3, 3) has 2 axes"):
        receptive_field(network, 1)
    with raises_value_error("output on axis 1 must be an integer, got 1.0: write 1"):
        receptive_field(network, (1, 1.0))
    for wrong in (3, -1):
        with raises_value_error(f"there is no output {wrong} on axis 1: it has 3, from 0 to 2"):
            receptive_field(network, (0, wrong))


# -- channels that become pixels -----------------------------------------------------------------------------------


def test_shuffles_without_a_mixture_between_are_refused():
    depthwise = Conv((4,), 3, padding=1, in_channels=2, out_channels=2, groups=2)
    layers = [PixelUnshuffle((8,), 2), depthwise, PixelShuffle((4,), 2)]
    message = (
        "layers 0, PixelUnshuffle, and 2, PixelShuffle, both move pixels between channels and axes, and no layer "
        "between them mixes all channels, so that a receptive field need not be a product over the axes: take the rows "
        "of .pattern()"
    )
    for ask in (receptive_field, outputs_without_input):
        with raises_value_error(message):
            ask(Network(layers))
    # What the axes alone say would be too much: each output reads every second input.
    (axis,) = Network(layers).axis_patterns()
    assert axis.toarray().sum() > Network(layers).pattern().toarray().sum()


def test_shuffles_with_a_mixture_between_are_products():
    mixing = Conv((4,), 3, padding=1, in_channels=2, out_channels=2)
    network = Network([PixelUnshuffle((8,), 2), mixing, PixelShuffle((4,), 2)])
    assert_array_equal(receptive_field(network, (2,)).mask, collapsed_pattern(network)[2])
    one = Network([PixelShuffle((4,), 2), Unfold((8,), 2)])  # a single channel between them
    assert_array_equal(receptive_field(one, (3,)).mask, collapsed_pattern(one)[3])
