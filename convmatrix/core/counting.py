"""How many integers solve a linear congruence within bounds: in logarithmic time, by sums of floors.

What counts the entries of a matrix from the numbers of its layer, however large these are.
"""

from math import gcd
from typing import NamedTuple

__all__ = ["Solutions", "count_multiples", "floor_sum", "floor_sums"]


class Solutions(NamedTuple):
    """All integers x and y with x*a + y*b = c (mod m).

    x = first + i*step for an integer i, and y = start + i*slope modulo `every`. Where they are counted, x and y are
    not negative.
    """

    first: int
    step: int
    start: int
    slope: int
    every: int

    @classmethod
    def of(cls, a: int, b: int, c: int, m: int) -> "Solutions | None":
        """Solve the equation; None where it has no solution."""
        common = gcd(b, m)
        inner = gcd(a, common)
        if c % inner:
            return None
        every, step = m // common, common // inner
        first = c // inner * pow(a // inner, -1, step) % step  # for b*y must make up for c - x*a
        inverse = pow(b // common, -1, every)
        return cls(first, step, (c - first * a) // common * inverse % every, -a // inner * inverse % every, every)

    def count(self, most: int) -> int:
        """Number of x in range(most)."""
        return max(-((self.first - most) // self.step), 0)

    def inside(self, most_x: int, most_y: int) -> int:
        """Number of solutions in range(most_x) x range(most_y)."""
        return self._up_to(self.count(most_x), most_y - 1)

    def _up_to(self, count: int, last: int) -> int:
        """Number of solutions of the first `count` x whose y is in range(last + 1)."""
        # The y up to a bound are one for each multiple of `every` up to bound - start - i*slope.
        upper = floor_sum(count, self.every, -self.slope, last - self.start)
        return upper - floor_sum(count, self.every, -self.slope, -1 - self.start)

    def below(self, bound: int, most_x: int, most_y: int, a: int, b: int) -> int:
        """Number of solutions in range(most_x) x range(most_y) with x*a + y*b < bound, for positive a and b."""
        # First come the x for which all y are below the bound, then those for which y <= (bound - 1 - x*a) // b are.
        whole = self.count(min(most_x, max(bound - 1 - (most_y - 1) * b + a, 0) // a))
        partial = self.count(min(most_x, max(bound - 1 + a, 0) // a)) - whole
        rest = self._replace(first=self.first + whole * self.step, start=(self.start + whole * self.slope) % self.every)
        upper = floor_sum(
            partial,
            b * self.every,
            -(self.step * a + self.slope * b),
            bound - 1 - rest.first * a - rest.start * b,
        )
        return self._up_to(whole, most_y - 1) + upper - floor_sum(partial, self.every, -self.slope, -1 - rest.start)

    def sums(self, most_x: int, most_y: int) -> int:
        """Number of triples (x, s, t) with s and t in range(most_y) of which (x, s + t) is a solution."""
        # For one x, t is in range(most_y) for (y - s) // every - (y - s - most_y) // every numbers t. Summed up over s,
        # that is S(y) - 2 S(y - most_y) + S(y - 2 most_y), for S with S(y) - S(y - 1) = y // every.
        count = self.count(most_x)
        at = [self._summed(count, self.start - times * most_y) for times in range(3)]
        return at[0] - 2 * at[1] + at[2]

    def _summed(self, count: int, start: int) -> int:
        """Sum of S(start + i*slope) for i in range(count)."""
        # S(y) = F * (y + 1) - every * F * (F + 1) / 2, where F = y // every.
        total, weighted, squares = floor_sums(count, self.every, self.slope, start)
        return (start + 1) * total + self.slope * weighted - self.every * (squares + total) // 2


def floor_sum(count: int, modulus: int, slope: int, offset: int) -> int:
    """Sum of (slope*j + offset) // modulus for j in range(count), in logarithmic time."""
    return floor_sums(count, modulus, slope, offset)[0]


def floor_sums(count: int, modulus: int, slope: int, offset: int) -> tuple[int, int, int]:
    """Sums of F, j*F and F*F for F = (slope*j + offset) // modulus and j in range(count), by Euclid's steps."""
    steps = []  # a list, not a recursion: numbers of thousands of digits take thousands of steps
    while count > 0:
        steep, slope = divmod(slope, modulus)
        raised, offset = divmod(offset, modulus)
        top = (slope * (count - 1) + offset) // modulus
        steps.append((count, top, steep, raised))
        # The points (j, F) under the line, seen from the other axis: at height h they begin behind j = g.
        count, modulus, slope, offset = top, slope, modulus, modulus - offset - 1
    f = jf = ff = 0
    for count, top, steep, raised in reversed(steps):
        # Sums of 1, j and j*j.
        ones, firsts, squares = count, count * (count - 1) // 2, count * (count - 1) * (2 * count - 1) // 6
        if top:
            g, hg, gg = f, jf, ff
            f = top * (count - 1) - g
            jf = (top * count * (count - 1) - gg - g) // 2
            ff = top * top * (count - 1) - 2 * hg - g
        f, jf, ff = (
            f + steep * firsts + raised * ones,
            jf + steep * squares + raised * firsts,
            ff + 2 * (steep * jf + raised * f) + steep * steep * squares + 2 * steep * raised * firsts
            + raised**2 * ones,
        )  # fmt: skip
    return f, jf, ff


def count_multiples(first: int, step: int, count: int, modulus: int) -> int:
    """Number of j in range(count) for which first + j*step is a multiple of `modulus`."""
    common = gcd(step, modulus)
    if first % common:
        return 0
    every = modulus // common
    start = -(first // common) * pow(step // common, -1, every) % every
    return max(0, -((start - count) // every))
