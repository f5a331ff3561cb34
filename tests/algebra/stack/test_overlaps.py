"""Checkerboards against counts in plain loops and rows of much larger matrices."""

from functools import reduce
from math import gcd

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.overlaps import Checkerboard, checkerboard, overlap, overlap_counts, upsamplers
from convmatrix.core.errors import WrongTypeError
from convmatrix.layers import AvgPool, Conv, ConvTranspose, MaxPool, PixelShuffle, Upsample, WeightedLayer
from helpers import raises_error
from stacks import dense_product, stacks, weights_of
from strategies import integers, seeds, share, transposes

# -- counts --------------------------------------------------------------------------------------------------------


def stamped(up):
    """Number of taps that land on the positions 0 to stride - 1 of an endless transposed axis."""
    (kernel, stride, dilation), hits = (up.kernel_size[0], up.stride[0], up.dilation[0]), {}
    for o in range(-100, 100):
        for t in range(kernel):
            place = o * stride + t * dilation - up.padding[0][0]
            hits[place] = hits.get(place, 0) + 1
    return [hits.get(place, 0) for place in range(stride)]


@given(kernel=st.integers(1, 9), stride=st.integers(1, 6), dilation=st.integers(1, 6), pad=st.integers(0, 3))
def test_even_iff_stride_divides_kernel_and_shares_nothing_with_dilation(kernel, stride, dilation, pad):
    n = 3 + 2 * pad  # so that something is left
    (axis,) = overlap(ConvTranspose((n,), kernel, stride=stride, dilation=dilation, padding=pad))
    assert list(axis.phases) == stamped(ConvTranspose((n,), kernel, stride=stride, dilation=dilation, padding=pad))
    assert axis.even == (kernel % stride == 0 and gcd(dilation, stride) == 1)
    assert sum(axis.phases) == kernel


@share(0.6)
@given(up=transposes(ndims=(1, 2)))
def test_counts_are_the_column_sums_of_the_convolution(up):
    ones = np.ones(up.T.weight_shape, dtype=np.int64)
    sums = up.T.matrix(ones).sum(axis=0).reshape(up.output_shape)
    assert_array_equal(sums[0], overlap_counts(up) * up.in_channels // up.groups)
    product = np.ones((), dtype=np.int64)
    for axis in overlap(up):
        product = np.multiply.outer(product, axis.counts)
    assert_array_equal(product, overlap_counts(up))


@share(0.6)
@given(up=transposes(ndims=(1,), modes=("zeros",)))
def test_phases_are_the_counts_of_a_long_axis(up):
    kwargs = {name: getattr(up, name) for name in ("kernel_size", "stride", "dilation", "input_dilation")}
    (before, _), spread = up.padding[0], up.input_dilation[0]
    pads = next(  # of a size that input_dilation allows
        ((before, after),)
        for after in range(spread)
        if (59 * up.stride[0] + up.axes[0].span - 1 - before - after) % spread == 0
    )
    long = ConvTranspose((60,), **kwargs, padding=pads)
    (axis,) = overlap(long)
    period = len(axis.phases)
    middle = long.output_size[0] // 2 // period * period
    assert axis.counts[middle : middle + period] == axis.phases
    assert overlap(up)[0].phases == axis.phases
    assert axis.even == (len(set(axis.phases)) == 1)


@share(0.6)
@given(network=stacks(kinds=("convs", "transposes", "upsamples", "pools")))
def test_counts_of_a_stack_are_what_ones_become(network):
    # The taps of every layer as an integer matrix of one channel.
    x = np.ones(network.input_size, dtype=np.int64)
    for layer in network.layers:
        if isinstance(layer, WeightedLayer):
            kwargs = {name: getattr(layer, name) for name in layer.__dataclass_fields__}
            one = type(layer)(**kwargs | {"in_channels": 1, "out_channels": 1, "groups": 1})
            x = one.unvec(one.matrix(np.ones(one.weight_shape, dtype=np.int64)) @ one.vec(x))[0]
        else:
            pattern = layer.pattern()[: np.prod(layer.output_size), : np.prod(layer.input_size)].astype(np.int64)
            x = (pattern @ x.ravel()).reshape(layer.output_size)
    assert_array_equal(overlap_counts(network), x)


def test_kernel_3_stride_2():
    (axis,) = overlap(ConvTranspose((8,), 3, stride=2))
    assert set(axis.counts) == {1, 2}
    assert (axis.phases, axis.even, axis.reason) == ((2, 1), False, "stride 2 does not divide kernel_size 3")
    counts = overlap_counts(ConvTranspose((8, 8), 3, stride=2))
    assert set(counts.ravel().tolist()) == {1, 2, 4}
    assert_array_equal(counts[4:6, 4:6], [[4, 2], [2, 1]])


def test_kernel_4_stride_2_is_even_but_for_dilation_2():
    (axis,) = overlap(ConvTranspose((8,), 4, stride=2))
    assert (axis.phases, axis.even) == ((2, 2), True)
    assert axis.reason == "stride 2 divides kernel_size 4 and has no factor in common with dilation 1"
    (axis,) = overlap(ConvTranspose((8,), 4, stride=2, dilation=2))
    assert (axis.phases, axis.even) == ((4, 0), False)
    assert axis.reason == "dilation 2 and stride 2 have the factor 2 in common: the taps meet 1 of 2 phases"
    (axis,) = overlap(ConvTranspose((8,), 4, stride=2, dilation=3))
    assert (axis.phases, axis.even) == ((2, 2), True)


def test_stride_1_is_even():
    (axis,) = overlap(ConvTranspose((4,), 3, padding=1))
    assert (axis.counts, axis.phases, axis.even) == ((2, 3, 3, 2), (3,), True)
    assert axis.reason == "stride 1 has one phase"


def test_input_dilation_looks_at_some_phases():
    (axis,) = overlap(ConvTranspose((5,), 3, stride=2, input_dilation=2))
    assert (axis.counts, axis.phases, axis.even) == ((1, 2, 2, 2, 2, 1), (2,), True)
    assert axis.reason == "input_dilation 2 meets 1 of the 2 phases of the stride"


def test_output_padding_adds_a_column_with_what_belongs_there():
    counts = [overlap(ConvTranspose((3,), 3, stride=2, padding=1, output_padding=op))[0].counts for op in (0, 1)]
    assert counts == [(1, 2, 1, 2, 1), (1, 2, 1, 2, 1, 1)]


def test_two_layers_multiply_their_checkerboards():
    first = ConvTranspose((8,), 3, stride=2)
    second = ConvTranspose(first.output_size, 3, stride=2)
    counts = overlap_counts(Network([first, second]))
    period = 4
    assert Network([first, second]).periods == ((period, 1),)
    assert sorted(counts[16 : 16 + period].tolist()) == [1, 2, 3, 3]


def test_counts_beyond_64_bits_are_floats():
    layers = [Conv((9, 9), 3, padding=1)] * 30
    assert overlap_counts(Network(layers[:15])).dtype == np.int64
    assert overlap_counts(Network(layers)).dtype == np.float64
    assert overlap_counts(Network(layers))[4, 4] > 1e20


def test_no_axes():
    assert overlap(ConvTranspose((), ())) == ()
    assert overlap_counts(ConvTranspose((), ())) == 1


def test_overlaps_of_a_convolution_are_refused():
    with raises_error(WrongTypeError, "overlaps are counted on a ConvTranspose, got a Conv: for a Conv give conv.T"):
        overlap(Conv(4, 3))


# -- a real kernel -------------------------------------------------------------------------------------------------


@share(0.6)
@given(network=stacks(kinds=("convs", "transposes", "upsamples", "transposed fixed", "shuffles")), seed=seeds())
def test_maps_are_row_sums(network, seed):
    weights = weights_of(network, seed)
    found, dense = checkerboard(network, weights), dense_product(network, weights)
    assert_allclose(found.gain, dense.sum(axis=1).reshape(network.output_shape), rtol=1e-12, atol=1e-8)
    assert_allclose(found.energy, (dense.astype(float) ** 2).sum(axis=1).reshape(network.output_shape), atol=1e-6)


@st.composite
def recipes(draw):
    """Layers without an input size: functions of it, first layer first, their weights, and a size that fits them."""
    makers, weights, needs = [], [], []
    for _ in range(draw(st.integers(1, 3))):
        kernel, stride, dilation = (draw(st.integers(1, most)) for most in (4, 3, 2))
        pad, mode = draw(st.integers(0, 2)), draw(st.sampled_from(("zeros", "circular", "reflect")))
        kwargs = {"stride": stride, "padding": pad, "dilation": dilation, "padding_mode": mode}
        extra = draw(st.integers(0, max(stride, dilation) - 1))
        # Each with the inputs that are enough for so many outputs.
        make, need = draw(
            st.sampled_from(
                (
                    (
                        lambda n, k=kernel, w=kwargs: Conv(n, k, **w),
                        lambda o, k=kernel, s=stride, d=dilation: (o - 1) * s + d * (k - 1) + 1,
                    ),
                    (
                        lambda n, k=kernel, w=kwargs, op=extra: ConvTranspose(n, k, output_padding=op, **w),
                        lambda o, p=pad: o + 2 * p,
                    ),
                    (
                        lambda n, k=kernel, s=stride, p=pad: AvgPool(
                            n, k, stride=s, padding=min(p, k // 2), ceil_mode=True
                        ),
                        lambda o, k=kernel, s=stride: (o - 1) * s + k,
                    ),
                    (lambda n, s=stride: Upsample(n, scale=s, mode="linear"), lambda o: o),
                    (lambda n, s=stride: Upsample(n, scale=s), lambda o: o),
                    (lambda n: Upsample(n, scale=1.5, mode="linear"), lambda o: o),
                )
            )
        )
        makers.append(make)
        needs.append(need)
        weights.append(integers((1, 1, kernel), draw(seeds())))
    size = reduce(lambda outputs, need: need(outputs), reversed(needs), 1)
    return makers, weights, max(size, 9) + draw(st.integers(0, 15))


def built(makers, weights, size):
    layers, sizes = [], (size,)
    for make in makers:
        layers.append(make(sizes))
        sizes = layers[-1].output_size
    return Network(layers), [
        w if isinstance(layer, WeightedLayer) else None for layer, w in zip(layers, weights, strict=True)
    ]


@share(0.6)
@given(recipe=recipes())
def test_phases_are_those_of_a_much_larger_image(recipe):
    makers, weights, size = recipe
    phases_are_those_of_a_larger_image(makers, weights, size, 400)


def test_phases_of_a_stack_that_a_small_image_does_not_fit():
    """A kernel that spans 5 sees 3 of 9 behind a stride of 3: the image has to be larger."""
    makers = [lambda n: Conv(n, 1, stride=3), lambda n: Conv(n, 3, dilation=2)]
    weights = [integers((1, 1, 1), 0), integers((1, 1, 3), 1)]
    with pytest.raises(ValueError, match="it spans 5 "):
        built(makers, weights, 9)
    phases_are_those_of_a_larger_image(makers, weights, 13, 400)


def phases_are_those_of_a_larger_image(makers, weights, size, larger):
    network, weights = built(makers, weights, size)
    large, _ = built(makers, weights, larger)
    ((period, _),) = network.periods
    phases = checkerboard(network, weights).phase_energy[0]
    # Rows from the middle of the large one, which no border can reach.
    energy = checkerboard(large, weights).energy[0]
    middle = len(energy) // 2 // period * period
    assert phases.shape == (period,)
    known = ~np.isnan(phases)
    assert_allclose(phases[known], energy[middle : middle + period][known], rtol=1e-9, atol=1e-9)
    assert_allclose(
        energy[middle : middle + period], energy[middle + period : middle + 2 * period], rtol=1e-9, atol=1e-9
    )
    assert not np.isnan(checkerboard(large, weights).phase_energy).any()


def test_phases_of_two_axes():
    up = ConvTranspose((5, 5), 3, stride=2)
    found = checkerboard(up, [np.ones((3, 3), dtype=int)])
    assert_array_equal(found.gain[0], overlap_counts(up))
    assert_array_equal(found.energy[0], overlap_counts(up))
    assert_array_equal(found.phase_energy, [[[4, 2], [2, 1]]])
    assert found.ratio == 4


def test_bilinear_kernel_has_even_gain_and_uneven_energy():
    # It interpolates: on a smooth image there is no checkerboard, in noise there is one.
    up = ConvTranspose((8,), 4, stride=2, padding=1)
    found = checkerboard(up, [np.array([1, 3, 3, 1]) / 4])
    assert_allclose(found.phase_gain, [[1, 1]])
    assert_allclose(found.phase_energy, [[0.625, 0.625]])
    up = ConvTranspose((8,), 5, stride=3, padding=1)
    found = checkerboard(up, [np.array([1, 2, 3, 2, 1]) / 3])
    assert_allclose(found.phase_gain, [[1, 1, 1]])
    assert_allclose(found.phase_energy, [[5 / 9, 1, 5 / 9]])
    assert found.ratio == pytest.approx(1.8)


def test_even_counts_do_not_make_even_outputs():
    up = ConvTranspose((8,), 4, stride=2, padding=1)
    assert overlap(up)[0].even
    found = checkerboard(up, [[1, 3, 0, 1]])
    assert_array_equal(found.phase_energy, [[10, 1]])
    assert found.ratio == 10


def test_borders_and_output_padding_are_in_the_maps():
    up = ConvTranspose((3,), 3, stride=2, padding=1, output_padding=1)
    found = checkerboard(up, [[1, 2, 3]])
    assert_array_equal(found.gain, [[2, 4, 2, 4, 2, 3]])
    assert_array_equal(found.energy, [[4, 10, 4, 10, 4, 9]])
    assert_array_equal(found.phase_gain, [[2, 4]])


def test_a_phase_that_gets_nothing_is_infinitely_uneven():
    found = checkerboard(ConvTranspose((8,), 1, stride=2), [[5]])
    assert_array_equal(found.phase_energy, [[25, 0]])
    assert found.ratio == np.inf
    assert checkerboard(ConvTranspose((8,), 1, stride=2), [[0]]).ratio == 1


def test_a_phase_at_borders_only_is_unknown():
    found = checkerboard(ConvTranspose((1,), 4, stride=2), [[1, 2, 3, 4]])
    assert_array_equal(found.energy, [[1, 4, 9, 16]])
    assert np.isnan(found.phase_energy).all()
    assert np.isnan(found.ratio)


def test_the_most_uneven_channel_counts():
    up = ConvTranspose((8,), 2, stride=2, out_channels=2)
    found = checkerboard(up, [np.array([[[1, 1], [1, 3]]])])
    assert_array_equal(found.phase_energy, [[1, 1], [1, 9]])
    assert found.ratio == 9


def test_complex_kernels_have_the_energy_of_both_parts():
    found = checkerboard(Conv((3,), 1), [[3 + 4j]])
    assert_array_equal(found.energy, [[25, 25, 25]])


def test_max_pools_are_refused():
    network = Network([Conv((8,), 1), MaxPool((8,), 2)])
    with raises_error(
        ValueError,
        "layer 1, MaxPool, is linear only at a given input, where no phase repeats: leave it out, or take an AvgPool",
    ):
        checkerboard(network, [[1], np.arange(8)])
    assert isinstance(checkerboard(Network([Conv((8,), 1), AvgPool((8,), 2)]), [[1], None]), Checkerboard)


# -- other ways up -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("factor", "kernel"), [(2, 3), (2, 4), (3, 5), (4, 3)])
def test_all_ways_lead_to_one_shape(factor, kernel):
    networks = upsamplers((5, 6), factor, kernel, in_channels=2, out_channels=3)
    assert list(networks) == ["transposed", "nearest", "linear", "shuffle"]
    shapes = {(network.input_shape, network.output_shape) for network in networks.values()}
    assert shapes == {((2, 5, 6), (3, 5 * factor, 6 * factor))}


def test_ways_up_side_by_side():
    networks = upsamplers((9,), factor=2, kernel_size=3)
    weights = {
        "transposed": [[1, 2, 1]],
        "nearest": [None, [1, 2, 1]],
        "linear": [None, [1, 2, 1]],
        "shuffle": [np.array([[[1, 2, 1]], [[2, 1, 0]]]), None],
    }
    found = {name: checkerboard(network, weights[name]) for name, network in networks.items()}
    gains = {name: found[name].phase_gain[0].tolist() for name in networks}
    assert gains == {"transposed": [2, 2], "nearest": [4, 4], "linear": [4, 4], "shuffle": [4, 3]}
    energies = {name: found[name].phase_energy[0].tolist() for name in networks}
    # transposed: taps 1 and 1, or 2; nearest: 1 and 3; shuffle: each phase has a kernel of its own
    assert energies["transposed"] == [2, 4]
    assert energies["nearest"] == [10, 10]
    assert energies["linear"] == pytest.approx([7.875, 7.875])
    assert energies["shuffle"] == [6, 5]


def test_pixel_shuffle_is_a_transposed_convolution_with_a_kernel_as_large():
    # Three taps for each of two phases: one kernel of six.
    network = upsamplers((6,), factor=2, kernel_size=3)["shuffle"]
    kernels = np.array([[1, 2, 3], [4, 5, 6]])
    M = network.matrix([kernels[:, None], None])
    up = ConvTranspose((6,), 6, stride=2, padding=2)
    assert_array_equal(M.toarray(), up.matrix(kernels[:, ::-1].T.ravel()).toarray())
    assert PixelShuffle((6,), 2).in_channels == len(kernels)
