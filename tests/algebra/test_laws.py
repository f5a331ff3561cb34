"""Laws hold on every drawn layer, findings say no where they must and yes where they may, and both can fail."""

import numpy as np
import pytest
from hypothesis import given
from scipy import sparse

from convmatrix import Conv, ConvTranspose, presets
from convmatrix.algebra import Check, checks, controls, gram_is_identity, laws
from strategies import covers, integers, layers, seeds, share

GUIDE = [name for name in presets.settings() if presets.settings()[name].startswith("guide:")]


def one(checks_, name):
    """The check of a name."""
    found = [check for check in checks_ if check.name == name]
    assert len(found) == 1
    return found[0]


@share(0.6)
@given(layer=layers(), seed=seeds())
@covers()
def test_every_law_holds_exactly_for_integers(layer, seed):
    weight = integers(layer.weight_shape, seed)
    found = checks(layer, weight)
    assert [check.kind for check in found] == ["law"] * 8 + ["finding"] * 3
    for check in found[:8]:
        assert check.holds, (layer, check)
        assert check.measured == check.bound == 0


@share(0.1)
@given(layer=layers(), seed=seeds())
@covers()
def test_every_law_holds_within_roundings_for_floats(layer, seed):
    rng = np.random.default_rng(seed)
    for dtype in (np.float32, np.complex128):
        weight = rng.standard_normal(layer.weight_shape).astype(dtype)
        if dtype is np.complex128:
            weight = weight + 1j * rng.standard_normal(layer.weight_shape)
        for check in checks(layer, weight)[:8]:
            assert check.holds, (layer, check)
            assert 0 <= check.bound < 1


@pytest.mark.parametrize("name", GUIDE)
def test_the_unflipped_kernel_fails_on_every_setting_of_the_guide(name):
    layer = presets.setting(name)
    found = checks(layer, presets.parse_weight(layer, "arange"))
    assert one(found, "C^T y = zeros inserted, kernel flipped").holds
    unflipped = one(found, "C^T y = zeros inserted, kernel not flipped")
    assert unflipped.kind == "finding"
    assert not unflipped.holds
    assert unflipped.measured > 0


def test_the_unflipped_kernel_does_where_the_kernel_is_its_own_mirror_image():
    for layer in (Conv(5, 3, stride=2, padding=1), Conv((6,), 3, padding=2, padding_mode="reflect")):
        assert laws.unflipped_insertion(layer, presets.kernel("binomial", layer.kernel_size)).holds
        assert not laws.unflipped_insertion(layer, np.arange(1, 3**layer.ndim + 1).reshape(layer.kernel_size)).holds


def test_the_unflipped_kernel_is_judged_by_the_taps_that_are_reached():
    """Of this kernel only the middle tap ever meets the input."""
    layer = Conv((1,), 3, padding=1)
    assert laws.unflipped_insertion(layer, [5, 2, -7]).holds


@pytest.mark.parametrize(
    ("layer", "weight", "first", "second"),
    [
        (Conv(4, 3), "arange", False, False),
        (Conv(4, 2, stride=2), "0.5,0.5,0.5,0.5", False, True),  # orthonormal rows, fewer than columns
        (Conv(4, 2, stride=2, out_channels=4), "haar", True, True),
        (Conv(4, 2, stride=2, out_channels=4), "space_to_depth", True, True),
        (Conv(4, 1), "1", True, True),
        (Conv((4,), 1, out_channels=2), "0.6,0.8", True, False),
    ],
)
def test_gram_findings_say_yes_as_well_as_no(layer, weight, first, second):
    array = presets.parse_weight(layer, weight)
    for each in (layer, layer.T):
        found = checks(each, array)
        assert one(found, "C^T C = I").holds is first
        assert one(found, "C C^T = I").holds is second


def test_the_deviation_is_the_largest_and_stands_at_its_place():
    layer = Conv(4, 3)
    C = layer.matrix(np.arange(9).reshape(3, 3)).toarray()
    found = one(checks(layer, np.arange(9).reshape(3, 3)), "C^T C = I")
    deviation = np.abs(C.T @ C - np.eye(16))
    assert found.measured == deviation.max() == deviation[found.where]


def test_gram_of_complex_weights_is_that_of_the_conjugate_transpose():
    unit = sparse.csr_array(np.array([[1j]]))
    assert gram_is_identity(unit).holds
    assert not gram_is_identity(sparse.csr_array(np.array([[1 + 1j]]))).holds


def test_gram_of_large_integers_does_not_wrap_around():
    """2**32 squared is 0 modulo 2**64, so that 1 + 2**64 would be 1."""
    C = sparse.csr_array(np.array([[2**32], [1]]))
    assert not gram_is_identity(C).holds
    assert gram_is_identity(C).measured == 2.0**64


def test_controls_are_undone_by_their_transpose():
    found = controls()
    assert [check.kind for check in found] == ["law"] * 3
    assert all(check.holds for check in found)
    assert {check.name for check in found} == {
        "C^T C = I of the Haar bank, stride 2",
        "C^T C = I of space-to-depth, stride 2",
        "C^T C = I of 1x1 orthogonal channel mixing",
    }


def test_a_check_is_frozen_and_carries_its_numbers():
    check = gram_is_identity(sparse.csr_array([[2]]))
    assert check == Check("C^T C = I", "finding", False, 3, 0, (0, 0))
    with pytest.raises(AttributeError):
        check.holds = True


@pytest.mark.parametrize("layer", [Conv(5, 3, stride=2, padding=1), ConvTranspose(3, 3, stride=2, output_padding=1)])
def test_laws_fail_when_the_matrix_is_wrong(layer, monkeypatch):
    """Every law that speaks of values is seen to fail, with the matrix's last entry off by one."""
    right = Conv.matrix
    as_direct = (layer.T if isinstance(layer, Conv) else layer).as_conv()

    def wrong(self, weight):
        matrix = right(self, weight)
        if self != as_direct:
            matrix.data[-1] += 1
        return matrix

    weight = np.arange(1, 10).reshape(3, 3)
    monkeypatch.setattr(Conv, "matrix", wrong)
    monkeypatch.setattr(ConvTranspose, "matrix", wrong)
    failed = {check.name for check in checks(layer, weight) if check.kind == "law" and not check.holds}
    assert {"<C x, y> = <x, C^H y>", "C x = the window slid over x", "C^T y = stamps of the kernel added up"} <= failed
    assert {"C^T y = zeros inserted, kernel flipped", "C(w) x = X(x) w"} <= failed
    assert any(name.startswith("backward") for name in failed)


def test_the_gradient_law_fails_when_the_operator_is_wrong(monkeypatch):
    right = Conv.operator
    monkeypatch.setattr(Conv, "operator", lambda self, weight: right(self, 2 * np.asarray(weight)))
    assert not laws.weight_gradient(Conv(4, 3), np.arange(9).reshape(3, 3)).holds


def test_the_shape_law_fails_when_the_count_is_wrong(monkeypatch):
    monkeypatch.setattr(Conv, "nnz", 35)
    check = laws.shapes(Conv(4, 3), np.ones((3, 3), dtype=int))
    assert (check.holds, check.measured) == (False, 1)


def test_bool_weights_are_checked_as_numbers():
    assert all(
        check.holds for check in checks(Conv(3, 3, padding=2, padding_mode="circular"), np.ones((3, 3), bool))[:8]
    )


def test_a_matrix_too_large_for_plain_loops_is_refused():
    with pytest.raises(
        ValueError, match=r"^the matrix has 2232036 entries but is compared with plain loops for at most 300000"
    ):
        checks(Conv(500, 3), np.ones((3, 3)))
