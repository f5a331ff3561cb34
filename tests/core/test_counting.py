"""Counts of solutions against loops over all of them."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmatrix.core.counting import Solutions, count_multiples, floor_sum, floor_sums
from strategies import share

SMALL = st.integers(1, 12)
MOST = st.integers(0, 9)


@given(count=st.integers(0, 15), modulus=SMALL, slope=st.integers(-20, 20), offset=st.integers(-40, 40))
def test_sums_of_floors(count, modulus, slope, offset):
    floors = [(slope * j + offset) // modulus for j in range(count)]
    sums = (sum(floors), sum(j * floor for j, floor in enumerate(floors)), sum(floor**2 for floor in floors))
    assert floor_sums(count, modulus, slope, offset) == sums
    assert floor_sum(count, modulus, slope, offset) == sums[0]


@pytest.mark.parametrize("m", range(1, 7))
def test_all_small_equations(m):
    """Every coefficient, and every residue: no solution is missing, and none is invented."""
    for a, b, c in product(range(1, 8), range(1, 8), range(-m, m)):
        expected = [(x, y) for x in range(7) for y in range(8) if (x * a + y * b - c) % m == 0]
        result = Solutions.of(a, b, c, m)
        if result is None:
            assert not expected
            continue
        assert result.inside(7, 8) == len(expected)
        for bound in (-1, 0, 5, 17, 200):
            assert result.below(bound, 7, 8, a, b) == sum(x * a + y * b < bound for x, y in expected)


@share(0.5)
@given(a=SMALL, b=SMALL, c=st.integers(-30, 30), m=SMALL, most_x=MOST, most_y=MOST)
def test_triples(a, b, c, m, most_x, most_y):
    result = Solutions.of(a, b, c, m)
    triples = product(range(most_x), range(most_y), range(most_y))
    expected = sum((x * a + (s + t) * b - c) % m == 0 for x, s, t in triples)
    assert expected == (0 if result is None else result.sums(most_x, most_y))


@given(first=st.integers(-20, 20), step=SMALL, count=MOST, modulus=SMALL)
def test_multiples(first, step, count, modulus):
    expected = sum((first + j * step) % modulus == 0 for j in range(count))
    assert count_multiples(first, step, count, modulus) == expected
