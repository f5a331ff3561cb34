"""Number of entries of the matrix of one axis, in time logarithmic in the sizes of the axis.

`axis_nnz` returns the number. It counts the solutions of linear congruences within bounds (`Solutions`), by sums of
rounded-down fractions (`floor_sums`), which are computed as in Euclid's algorithm.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import gcd
from typing import NamedTuple

from convmatrix.core.axis import Axis

__all__ = ["Solutions", "axis_nnz", "count_multiples", "floor_sum", "floor_sums"]


@lru_cache(maxsize=256)  # for many layers have the same axes, and small matrices are built in less time
def axis_nnz(axis: Axis) -> int:
    """Count the pairs (output, input) that some tap of an axis connects.

    Integer arithmetic in logarithmic time: sizes of 10^30 are answered at once.

    Returns
    -------
    int

    Examples
    --------
    >>> axis_nnz(Axis(4, 3)), axis_nnz(Axis(4, 3, before=1, after=1))
    (6, 10)
    """
    if axis.mode == "zeros":
        return _reads_in_place(axis)
    if axis.input_size == 1:
        return axis.output_size
    if axis.mode == "circular":  # number of taps after which a row reads its first input again
        return axis.output_size * min(axis.kernel_size, axis.input_size // gcd(axis.dilation, axis.input_size))
    if axis.mode == "replicate":
        return _reads_in_place(axis) + sum(_rows_reading_an_end_from_beyond(axis))
    return _reads_through_mirrors(axis)


def _reads_in_place(axis: Axis) -> int:
    """Count the pairs (output, tap) that read an input itself, not a repetition of it in the padding."""
    # o*stride + t*dilation = before (mod input_dilation), for the positions between inputs hold zeros.
    solutions = Solutions.of(axis.stride, axis.dilation, axis.before, axis.input_dilation)
    if solutions is None:
        return 0
    box = (axis.output_size, axis.kernel_size, axis.stride, axis.dilation)
    return solutions.below(axis.before + axis.dilated_size, *box) - solutions.below(axis.before, *box)


def _rows_reading_an_end_from_beyond(axis: Axis) -> Iterator[int]:
    """For replicate: rows that read an end's input only from beyond that end, at the left and at the right."""
    reach, stride = axis.span - 1, axis.stride
    last_tap = (axis.output_size - 1) * stride - axis.before + reach
    # How far the outermost tap of the outermost row lies beyond the end; in each next row, `stride` less.
    for farthest in (axis.before, last_tap - (axis.input_size - 1)):
        if farthest <= 0:
            yield 0
            continue
        rows = min((farthest - 1) // stride + 1, axis.output_size)
        nearest = farthest - (rows - 1) * stride
        # In rows with another tap on the end itself, that input is counted already.
        within_reach = (min(farthest, reach) - nearest) // stride + 1
        yield rows - count_multiples(nearest, stride, within_reach, axis.dilation)


def _reads_through_mirrors(axis: Axis) -> int:
    """For reflect and symmetric: distinct inputs of every row, summed."""
    # Modulo the period the taps of a row are an arithmetic progression, which begins again after `taps` of them.
    # Of these, t and t' read one input if each is the other's mirror image: if t + t' = u solves
    # 2*stride*o + dilation*u = 2*before - mirror (mod period). Such a pair is one input, counted twice.
    period, mirror = axis.mirrors()
    taps = min(axis.kernel_size, period // gcd(axis.dilation, period))
    all_taps, target = axis.output_size * taps, 2 * axis.before - mirror
    pairs = Solutions.of(2 * axis.stride, axis.dilation, target, period)
    if pairs is None:
        return all_taps
    on_mirrors = Solutions.of(2 * axis.stride, 2 * axis.dilation, target, period)  # t = t': its own mirror image
    twice = pairs.sums(axis.output_size, taps)
    if on_mirrors is not None:
        twice -= on_mirrors.inside(axis.output_size, taps)
    return all_taps - twice // 2


# -- solutions of a congruence ---------------------------------------------------------------------------------------


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
        # The line x*a + y*b = bound cuts a corner off the rectangle. As x grows, first all y are below it, then those
        # with y <= (bound - 1 - x*a) // b, then none.
        with_all_y = self.count(min(most_x, _multiples_up_to(bound - 1 - (most_y - 1) * b, a)))
        with_some_y = self.count(min(most_x, _multiples_up_to(bound - 1, a)))
        cut = self.skipping(with_all_y)
        # The y of the i-th solution in the cut are one for each multiple of `every` up to the line, as in `_up_to`.
        slope, top = cut.step * a + cut.slope * b, bound - 1 - cut.first * a - cut.start * b
        columns = with_some_y - with_all_y
        up_to_line = floor_sum(columns, b * self.every, -slope, top)
        return (
            self._up_to(with_all_y, most_y - 1)
            + up_to_line
            - floor_sum(columns, self.every, -cut.slope, -1 - cut.start)
        )

    def skipping(self, count: int) -> "Solutions":
        """The solutions without those of the first `count` x."""
        return self._replace(first=self.first + count * self.step, start=(self.start + count * self.slope) % self.every)

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
        quotient, offset = divmod(offset, modulus)
        top = (slope * (count - 1) + offset) // modulus
        steps.append((count, top, steep, quotient))
        # The points (j, F) under the line, seen from the other axis: at height h they begin behind j = g.
        count, modulus, slope, offset = top, slope, modulus, modulus - offset - 1
    f = jf = ff = 0
    for count, top, steep, quotient in reversed(steps):
        # Sums of 1, j and j*j.
        ones, firsts, squares = count, count * (count - 1) // 2, count * (count - 1) * (2 * count - 1) // 6
        if top:
            g, hg, gg = f, jf, ff
            f = top * (count - 1) - g
            jf = (top * count * (count - 1) - gg - g) // 2
            ff = top * top * (count - 1) - 2 * hg - g
        f, jf, ff = (
            f + steep * firsts + quotient * ones,
            jf + steep * squares + quotient * firsts,
            ff
            + 2 * (steep * jf + quotient * f)
            + steep * steep * squares
            + 2 * steep * quotient * firsts
            + quotient**2 * ones,
        )
    return f, jf, ff


def count_multiples(first: int, step: int, count: int, modulus: int) -> int:
    """Number of j in range(count) for which first + j*step is a multiple of `modulus`."""
    common = gcd(step, modulus)
    if first % common:
        return 0
    every = modulus // common
    start = -(first // common) * pow(step // common, -1, every) % every
    return max(0, -((start - count) // every))


def _multiples_up_to(last: int, step: int) -> int:
    """Number of multiples of `step`, from 0 on, up to `last`."""
    return max(last + step, 0) // step
