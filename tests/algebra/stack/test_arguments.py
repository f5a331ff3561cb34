"""Every public function of the algebra, given stacks of layers: the dense product's answer, or a sentence."""

import importlib
import inspect
import pkgutil
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.linalg import svdvals

import convmatrix.algebra
from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool
from convmatrix.algebra import checks, gram_is_identity, laws, rank, verdict
from convmatrix.algebra.elimination.null_spaces import null_space
from convmatrix.algebra.elimination.ranks import nullity, rank_modulo
from convmatrix.algebra.factors import blocks, product, selected, unfolded
from convmatrix.algebra.inverse import compare_inverses, pseudo_inverse
from convmatrix.algebra.inverse.least_squares import deconvolve
from convmatrix.algebra.inverse.same_output import same_output_pair
from convmatrix.algebra.spectral.frequencies import rings_of, why_not_diagonalizable
from convmatrix.algebra.spectral.norm_bounds import norm_bound, norms
from convmatrix.algebra.spectral.spectrum import (
    condition_number,
    extreme_singular_values,
    operator_norm,
    singular_values,
)
from convmatrix.algebra.stack.arguments import as_matrix, with_weights
from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.overlaps import checkerboard, overlap, overlap_counts
from convmatrix.core.errors import SumOverflowError, TooLargeError, WrongTypeError
from convmatrix.frameworks.shared.loading import Chain, Loaded
from convmatrix.layers import WeightedLayer
from stacks import dense_product, stacks, weights_of
from strategies import integers, seeds, share

PAIR = Network([Conv((6, 6), 3), Conv((4, 4), 3, stride=2, padding=1, out_channels=2)])
WEIGHTS = [integers(layer.weight_shape, number) for number, layer in enumerate(PAIR.layers)]
POOLED = Network([Conv((6,), 3), MaxPool((4,), 2)])


def refused(kind, *parts):
    """Refused with a message that is exactly this."""
    return pytest.raises(kind, match=f"^{re.escape(' '.join(parts))}$")


def chain_of(network, weights):
    """The same stack as what a framework's model is read as."""
    return Chain(Loaded(layer, weight) for layer, weight in zip(network.layers, weights, strict=True))


@st.composite
def weighted(draw, **limits):
    """A stack, its weights, and the dense matrix of both."""
    network, seed = draw(stacks(**limits)), draw(seeds())
    weights = weights_of(network, seed)
    return network, weights, np.asarray(dense_product(network, weights), dtype=np.float64)


# -- values --------------------------------------------------------------------------------------------------------


@share(0.2)
@given(case=weighted())
def test_singular_values_are_those_of_the_product(case):
    network, weights, dense = case
    values = svdvals(dense)
    scale = values[0] or 1.0
    assert_allclose(singular_values(network, weights).values, values, atol=1e-9 * scale)
    found = extreme_singular_values(network, weights)
    assert_allclose(found.values, values[[0, -1]], atol=1e-9 * scale)
    norm = operator_norm(network, weights)
    assert_allclose(norm, values[0], rtol=1e-9)
    assert norms(network, weights).operator.value == norm
    condition = condition_number(network, weights)
    assert condition == np.inf or np.isclose(condition, values[0] / values[-1], rtol=1e-6)


@share(0.15)
@given(case=weighted(kinds=("convs", "transposes", "shuffles", "upsamples")))
def test_the_bound_is_one(case):
    network, weights, dense = case
    convolutions = [layer for layer in network.layers if isinstance(layer, Conv | ConvTranspose)]
    try:
        bound = norm_bound(network, weights)
    except ValueError:
        with pytest.raises(
            ValueError, match=r"^(layer \d of the Network, Conv.*: )?padding_mode .* reads inputs again"
        ):
            norm_bound(network, weights)
        bound = np.inf if any(layer.padding_mode != "zeros" for layer in convolutions) else 0
    assert bound >= svdvals(dense)[0] * (1 - 1e-9)


@share(0.15)
@given(case=weighted())
def test_ranks_and_null_spaces_are_those_of_the_product(case):
    network, weights, dense = case
    chain = chain_of(network, weights)
    M = network.matrix(weights)
    found = rank(chain)
    assert found == rank(M)
    assert nullity(chain).value == dense.shape[1] - found.value
    basis = null_space(chain)
    assert basis.shape == (dense.shape[1], dense.shape[1] - found.value)
    assert_allclose(dense @ basis, 0, atol=1e-9 * max(np.abs(dense).max(initial=0), 1))
    inverse = pseudo_inverse(chain)
    assert_allclose(dense @ inverse @ dense, dense, atol=1e-7 * max(np.abs(dense).max(initial=0), 1))
    assert gram_is_identity(chain) == gram_is_identity(M)
    given_verdict = verdict(network, weights)
    assert given_verdict.rank == found
    assert not given_verdict.generic
    assert given_verdict.gram.holds == np.allclose(dense.T @ dense, np.eye(dense.shape[1]), atol=1e-9)
    assert given_verdict.cogram.holds == np.allclose(dense @ dense.T, np.eye(len(dense)), atol=1e-9)


@share(0.15)
@given(case=weighted())
def test_the_gram_matrix_is_that_of_the_product(case):
    network, weights, dense = case
    gram = network.gram(weights)
    assert gram.has_sorted_indices
    assert_allclose(gram.toarray(), dense.T @ dense, rtol=1e-12, atol=1e-9)


@share(0.2)
@given(case=weighted(), dtype=st.sampled_from((np.int8, np.int64, np.float32, np.float64, np.complex128)))
def test_laws_hold_of_stacks(case, dtype):
    network, weights, _ = case
    given_weights = [
        entry if entry is None or isinstance(layer, MaxPool) else entry.astype(dtype)
        for layer, entry in zip(network.layers, weights, strict=True)
    ]
    try:
        network.matrix(given_weights)
    except SumOverflowError:
        with pytest.raises(SumOverflowError):
            checks(network, given_weights)
        return
    for check in checks(network, given_weights):
        assert check.kind == "finding" or check.holds, check


def test_laws_of_a_stack_fail_where_its_matrix_is_wrong(monkeypatch):
    right = Network.matrix

    def wrong(self, weights):
        matrix = right(self, weights)
        if len(self.layers) > 1:
            matrix.data[-1] += 1
        return matrix

    monkeypatch.setattr(Network, "matrix", wrong)
    for weights in (WEIGHTS, [weight.astype(float) for weight in WEIGHTS]):
        failed = [check.name for check in checks(PAIR, weights) if check.kind == "law" and not check.holds]
        assert failed == [
            "<C x, y> = <x, C^H y>",
            "C x = the windows slid over x, layer by layer",
            "C^T y = stamps of the kernels added up, layer by layer",
            "backward of the stack = C^T",
        ]


def test_laws_of_a_stack_hold_for_integers_whose_sums_exceed_64_bits():
    network = Network([Conv((4,), 2), Conv((3,), 2)])
    found = checks(network, [np.array([2**30, -(2**30)]), np.array([2**31, 2**31])])
    assert [check.kind for check in found] == ["law"] * 5 + ["finding"] * 2
    assert all(check.holds and check.measured == 0 for check in found[:5])


@share(0.2)
@given(case=weighted(), seed=seeds())
def test_images_are_recovered_as_the_product_allows(case, seed):
    network, weights, dense = case
    x = np.random.default_rng(seed).standard_normal(network.input_shape)
    y = dense @ x.ravel()
    found = deconvolve(network, weights, y, tolerance=1e-13)
    assert_allclose(found.residual, np.linalg.norm(dense @ found.x.ravel() - y), atol=1e-7 * (1 + np.linalg.norm(y)))
    if found.converged:
        assert found.residual <= 1e-5 * (1 + np.linalg.norm(y))
    compared = compare_inverses(network, weights, x)
    assert_allclose(compared.transpose, np.linalg.norm(dense.T @ y - x.ravel()) / np.linalg.norm(x), rtol=1e-6)


@share(0.15)
@given(case=weighted())
def test_pairs_of_images_have_the_same_output(case):
    network, weights, dense = case
    if np.linalg.matrix_rank(dense) == dense.shape[1]:
        with pytest.raises(ValueError, match=r"^no two images "):
            same_output_pair(network, weights)
        return
    pair = same_output_pair(network, weights)
    assert not np.array_equal(pair.first, pair.second)
    outputs = [dense @ image.ravel() for image in (pair.first, pair.second)]
    assert_allclose(*outputs, atol=1e-7 * (1 + np.abs(outputs[0]).max(initial=0)))


@share(0.2)
@given(case=weighted())
def test_factors_of_all_layers_multiply_to_the_product(case):
    network, weights, dense = case
    for factors_of in (unfolded, selected):
        assert_allclose(product(factors_of(network, weights)).toarray(), dense, rtol=1e-9, atol=1e-9)
    assert_allclose(sparse.block_diag(blocks(network, weights)).toarray(), dense, rtol=1e-9, atol=1e-9)


@share(0.15)
@given(network=stacks(kinds=("convs", "transposes", "shuffles")))
def test_a_verdict_without_weights_is_that_of_generic_ones(network):
    found = verdict(network)
    assert found.generic == any(isinstance(layer, WeightedLayer) for layer in network.layers)
    assert found.rank.value >= rank(network.matrix(weights_of(network, 0))).value
    assert found.gram is not None


def test_generic_weights_of_layers_whose_borders_meet():
    network = Network(
        [
            ConvTranspose((3, 3), 1, padding_mode="reflect"),
            Conv((3, 3), 3, padding=((0, 1), (0, 1)), padding_mode="reflect"),
            Conv((2, 2), (1, 2), padding=((0, 0), (0, 1)), padding_mode="replicate"),
        ]
    )
    assert verdict(network).rank.value == 4


def test_a_verdict_of_a_stack_that_reads_nothing():
    found = verdict(Network([Conv(1, 1), Conv(1, 1, padding=((0, 0), (-1, 1)))]))
    assert (found.rank.value, found.rank.proven, found.gram.holds) == (0, True, False)


@share(0.2)
@given(case=weighted())
def test_a_chain_is_its_network_with_its_weights(case):
    network, weights, _ = case
    chain = chain_of(network, weights)
    assert operator_norm(chain) == operator_norm(network, weights) == operator_norm(list(network.layers), weights)
    assert_array_equal(as_matrix(chain).toarray(), network.matrix(weights).toarray())
    assert_array_equal(overlap_counts(chain), overlap_counts(network))
    if not any(isinstance(layer, MaxPool) for layer in network.layers):
        assert_array_equal(checkerboard(chain).gain, checkerboard(network, weights).gain)
    first = Loaded(network.layers[0], weights[0], None)
    assert operator_norm(first) == operator_norm(network.layers[0], weights[0])
    read = [Loaded(layer, weight) for layer, weight in zip(network.layers, weights, strict=True)]
    for layers in (read, tuple(read)):
        assert operator_norm(layers) == operator_norm(network, weights)
        assert_array_equal(as_matrix(layers).toarray(), network.matrix(weights).toarray())
        assert_array_equal(overlap_counts(layers), overlap_counts(network))


def test_large_stacks_take_lanczos_method():
    network = Network([Conv(30, 3, padding=1), ConvTranspose(30, 3, padding=1)])
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((3, 3)) for _ in network.layers]
    found = extreme_singular_values(network, weights)
    values = svdvals(network.matrix(weights).toarray())
    assert found.method == "lanczos"
    assert "a Network of 2 layers has no single kernel to be transformed" in found.reason
    assert_allclose(found.values, values[[0, -1]], rtol=1e-5, atol=1e-9)


def test_a_stack_of_one_layer_is_that_layer():
    ring = Conv((8,), 3, padding=1, padding_mode="circular")
    assert singular_values(Network([ring]), [[1, 0, -1]]).method == "fft"
    assert singular_values([ring], [[1, 0, -1]]).method == "fft"
    assert [check.name for check in checks([ring], [[1, 0, -1]])] == [check.name for check in checks(ring, [1, 0, -1])]
    assert with_weights(AvgPool((4,), 2))[1] == [None]
    assert operator_norm(AvgPool((4,), 2)) == pytest.approx(np.sqrt(0.5))
    assert operator_norm(MaxPool((4,), 2), [1, 5, 2, 3]) == pytest.approx(1)


def test_matrices_in_every_form_have_one_answer():
    C = Conv((4,), 2, in_channels=2).matrix([[[1, 2], [3, 4]]])
    twice = sparse.csr_array((np.repeat(C.data, 2), np.repeat(C.indices, 2), 2 * C.indptr), shape=C.shape)
    exact = [rank(C), nullity(C), gram_is_identity(C)]
    for form in (C.tocsc(), C.tocoo(), sparse.csr_matrix(C), C.toarray(), C.toarray().tolist()):
        assert [rank(form), nullity(form), gram_is_identity(form)] == exact
        assert rank_modulo(form, 2**31 - 1) == exact[0].value
        assert_array_equal(null_space(form, exact=True), null_space(C, exact=True))
        assert_allclose(pseudo_inverse(form), pseudo_inverse(C))
    assert gram_is_identity(twice).measured == gram_is_identity(2 * C).measured
    square = sparse.csr_array(np.array([[0, 1], [0, 2]]))
    assert gram_is_identity(square.tocsc()) == gram_is_identity(square)


# -- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [None, 3, "conv", np.ones((2, 2)), {}, object(), [None], ["relu"], [], (), sparse.eye_array(2)]
)
def test_what_is_no_stack_is_refused_by_a_sentence(value):
    for function in (operator_norm, singular_values, norms, verdict, checks, same_output_pair, unfolded, blocks):
        with pytest.raises(ValueError, match=r"^(layer |a network needs at least one layer)"):
            function(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        "C",
        {},
        object(),
        [1, 2],
        [[1], [2, 3]],
        np.ones(3),
        np.array([["a"]]),
        PAIR,
        Conv(4, 3),
        POOLED,
        [Conv(4, 3)],
    ],
)
def test_what_is_no_matrix_is_refused_by_a_sentence(value):
    for function in (rank, nullity, null_space, pseudo_inverse, gram_is_identity):
        with pytest.raises(
            ValueError, match=r"^matrix must be a csr_array, got |^a matrix is needed, got |has no matrix "
        ):
            function(value)


def test_weights_that_do_not_fit_are_refused_by_a_sentence():
    for weights, kind, message in (
        (
            [WEIGHTS[0]],
            ValueError,
            "Network has 2 layers but got 1 weight: give one entry for each, None for a layer without a weight",
        ),
        (None, ValueError, "layer 0 of the Network, Conv, needs a weight of shape (1, 1, 3, 3), got None"),
        (3, WrongTypeError, "weights of a Network of 2 layers must be a list with one entry for each, got 3"),
        ({0: 1}, WrongTypeError, "weights of a Network of 2 layers must be a list with one entry for each, got a dict"),
    ):
        for function in (operator_norm, norms, checks, same_output_pair, unfolded):
            with refused(kind, message):
                function(PAIR, weights)
    with refused(ValueError, "AvgPool has no weight: give None, got shape (2,)"):
        operator_norm(AvgPool((4,), 2), [1, 2])
    with refused(ValueError, "Conv needs a weight of shape (1, 1, 3, 3), got None"):
        operator_norm(Conv(4, 3))
    with pytest.raises(
        WrongTypeError, match=r"^weights must be a list with one entry for each of 2 layers, got a dict$"
    ):
        PAIR.matrix({0: 1})


def test_a_pool_without_its_input_has_no_matrix():
    message = (
        "layer 1 of the Network, MaxPool, has no matrix of its own, since it is linear only at a given input: "
        "give the input that it takes as its weight, or leave it out"
    )
    weights = [[1, 2, 3], None]
    for call in (operator_norm, singular_values, norms, checks, verdict, same_output_pair, unfolded, selected, blocks):
        with refused(ValueError, message):
            call(POOLED, weights)
    for call in (rank, null_space, pseudo_inverse, gram_is_identity):
        with refused(ValueError, message):
            call(chain_of(POOLED, weights))
    assert operator_norm(POOLED, [[1, 2, 3], [1, 5, 2, 3]]) > 0


def test_results_for_one_layer_are_errors_for_several():
    from convmatrix.algebra.factors import (
        dual,
        frame_layer,
        kronecker,
        padding_matrix,
        unfold_matrix,
        zero_insertion,
    )
    from convmatrix.algebra.spectral.frequencies import Frequencies
    from convmatrix.algebra.stack.smaller import shortened
    from convmatrix.algebra.structures import structure

    x = np.zeros(PAIR.input_shape)
    calls = [lambda: dual(PAIR, x), lambda: kronecker(PAIR, WEIGHTS), lambda: overlap(PAIR)]
    alone = (frame_layer, padding_matrix, structure, unfold_matrix, zero_insertion, shortened)
    calls += [lambda f=f: f(PAIR) for f in alone]
    of_weights = (laws.zero_insertion, laws.unflipped_insertion, laws.linear_in_weight, laws.weight_gradient)
    calls += [lambda f=f: f(PAIR, WEIGHTS) for f in of_weights]
    for call in calls:
        with pytest.raises(
            WrongTypeError, match=r" needs one Conv or ConvTranspose, got a Network of 2 layers: take one layer"
        ):
            call()
    none = "a Network of 2 layers has no single kernel to be transformed"
    assert rings_of(PAIR) is None
    assert why_not_diagonalizable(PAIR) == none
    with refused(ValueError, none):
        Frequencies(PAIR, WEIGHTS)
    with pytest.raises(ValueError, match=f"{none}; use method='lsmr', which takes any stack$"):
        deconvolve(PAIR, WEIGHTS, np.zeros(PAIR.output_shape), method="fft")
    with pytest.raises(ValueError, match=f'{none}; use method="dense" or None'):
        singular_values(PAIR, WEIGHTS, method="fft")


def test_stacks_that_do_not_fit_are_refused_before_they_are_built(monkeypatch):
    large = Network([Conv(2000, 31), Conv(1970, 31)])
    weights = [np.ones((31, 31)), np.ones((31, 31))]
    monkeypatch.setattr("convmatrix.core.memory.available_memory", lambda: 2**30)
    for call in (large.gram, large.matrix):
        with pytest.raises(TooLargeError, match=r"the product of the first 2 layers, .* entries, needs "):
            call(weights)
    with pytest.raises(ValueError, match="is too large to be decomposed by default"):
        singular_values(large, weights)
    with pytest.raises(ValueError, match="plain loops are used for at most 300000"):
        checks(large, weights)
    found = verdict(large, weights)
    assert (found.rank, found.gram, found.cogram) == (None, None, None)


OTHERS = {
    "controls",
    "floating",
    "is_small",
    "joint_period",
    "primes",
    "product",
    "product_names",
    "require_small",
    "integer_basis",
    "ring_values",
    "rounding",
    "spare_periods",
    "separated",
    "stays_inside",
    "upsamplers",
}
"""Functions that take neither layers nor a matrix: an axis, a kernel, numbers, or nothing."""


def public_functions():
    """All functions of the algebra, by name; those of `receptive` are tested there."""
    for found in pkgutil.walk_packages(convmatrix.algebra.__path__, "convmatrix.algebra."):
        if found.name.endswith((".exact", ".receptive", ".arguments")):
            continue
        module = importlib.import_module(found.name)
        for name in module.__all__ if not found.ispkg else ():
            function = getattr(module, name)
            if inspect.isfunction(function) and function.__module__ == module.__name__ and name not in OTHERS:
                yield function


@pytest.mark.parametrize(
    "function",
    list(public_functions()),
    ids=lambda function: f"{function.__module__.split('.')[-1]}.{function.__name__}",
)
def test_every_public_function_answers_a_stack_or_refuses_it_by_a_sentence(function):
    parameters = [
        each for each in inspect.signature(function).parameters.values() if each.kind is not each.KEYWORD_ONLY
    ]
    takes_weights = len(parameters) > 1 and parameters[1].name in ("weight", "weights")
    least = sum(each.default is each.empty for each in parameters)
    chain = chain_of(PAIR, WEIGHTS)
    for arguments in ((PAIR,), (PAIR, WEIGHTS), (chain,), (chain, None), (POOLED,), (POOLED, [[1, 2, 3], None])):
        if least <= len(arguments) <= 1 + takes_weights:
            try:
                function(*arguments)
            except ValueError as error:
                sentence = str(error)
            else:
                continue
            assert re.search(r" (needs?|needed|got|has|have|must|is linear only) ", sentence), sentence
