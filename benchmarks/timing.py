"""Medians of calls that are timed in turn, and the peak of memory of one call.

What would distort the ratios is kept out: memory that was used before (`fresh_pages`, `divide_heap`) and memory that
the machine itself has not had yet (`touch`), first calls (one that does not count), short calls beside long ones
(bursts), a machine whose speed drifts (all calls in turn, medians).
"""

import ctypes
import gc
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from convmatrix import Conv, ConvTranspose
from convmatrix.core.memory import available_memory

__all__ = [
    "FULL",
    "QUICK",
    "Effort",
    "Timed",
    "divide_heap",
    "fresh_pages",
    "medians",
    "peak_bytes",
    "rounded",
    "touch",
    "written",
]

_BURST = 2e-3
"""Seconds for which a short call is repeated, once its turn has come."""

_SHORT = 2e-2
"""Seconds up to which a call counts as short."""

_LONG = 0.5
"""Seconds from which a call is so long that its first run cannot have been anything else."""

_ROUNDS_OF_LONG = 3
"""Rounds that such a call takes part in at most: it is disturbed less, and others wait for it."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_FRESH_FROM = 2**20
_NEVER = 2**31 - 1


@dataclass(frozen=True)
class Effort:
    """Time that a measurement may take.

    Parameters
    ----------
    rounds : int
        Fewest rounds in which every call has its turn.
    seconds : float
        For how long short calls go on with their rounds, since they are easily disturbed.
    patience : float
        A call whose first run takes longer has no other: that run is its time.
    """

    rounds: int
    seconds: float
    patience: float


FULL = Effort(rounds=5, seconds=1.0, patience=2.0)
QUICK = Effort(rounds=3, seconds=0.1, patience=0.4)


@dataclass(frozen=True)
class Timed:
    """Seconds of one call, and whether its first run is all there is."""

    seconds: float
    once: bool = False

    @property
    def text(self) -> str:
        """Milliseconds, as tables have them."""
        return rounded(self.seconds * 1e3) + (" once" if self.once else "")


def rounded(value: float) -> str:
    """Three digits that count, and no exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def fresh_pages() -> None:
    """Take every array above a megabyte from the system, as on a first use, and smaller ones from memory in use.

    Left alone, glibc decides by what was freed before: it hands out used pages for large arrays as well, or gives the
    pages of small ones back, to be cleared again for the next.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _FRESH_FROM)
        libc.mallopt(_M_TRIM_THRESHOLD, _NEVER)


def divide_heap() -> Callable[[], None]:
    """Leave no free stretch of used memory that an array above a megabyte fits into, until the result is called.

    glibc asks the system only where there is none, whatever `fresh_pages` says: after a call that made many small
    arrays, the next ones would write large arrays, the limit among them, to warm memory in a fraction of the time.

    Returns
    -------
    callable
        Gives the heap back as it was.
    """
    if sys.platform != "linux":
        return lambda: None
    libc = ctypes.CDLL(None)
    libc.malloc.restype = libc.realloc.restype = libc.sbrk.restype = ctypes.c_void_p
    libc.malloc.argtypes, libc.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
    libc.realloc.argtypes, libc.sbrk.argtypes = [ctypes.c_void_p, ctypes.c_size_t], [ctypes.c_ssize_t]
    end, slabs = libc.sbrk(0), []
    while _lies_below(libc, end, _FRESH_FROM):
        slabs.append(libc.malloc(_FRESH_FROM - 2**14))
    # The first bytes of each stay, as a fence; the last one stays whole, so that what is behind it stays too short.
    fences = [libc.realloc(slab, 1) for slab in slabs[:-1]] + slabs[-1:]

    def remove_fences() -> None:
        while fences:
            libc.free(fences.pop())

    return remove_fences


def _lies_below(libc: ctypes.CDLL, end: int, size: int) -> bool:
    """Check whether malloc finds `size` bytes in the heap below `end`; memory that the system maps is above."""
    block = libc.malloc(size)
    libc.free(block)
    return bool(block + size <= end)


def touch(n_bytes: int) -> None:
    """Write to so much memory, or to half of what there is, and give it back.

    A virtual machine is given its memory page by page, as it writes to it: the first call that goes where none has been
    takes ten times as long as any later one, so long that it would not be repeated.
    """
    np.empty(min(n_bytes, (available_memory() or n_bytes) // 2), np.uint8).fill(1)


def written(layer: Conv | ConvTranspose, dtype: str) -> list[np.ndarray]:
    """The limit: write three arrays of the sizes of the layer's data, indices and indptr, and nothing else."""
    arrays = [np.empty(layer.nnz, dtype), np.empty(layer.nnz, np.int32), np.empty(layer.matrix_shape[0] + 1, np.int32)]
    for array in arrays:
        array.fill(1)
    return arrays


def medians(
    calls: Mapping[str, Callable[[], object]],
    effort: Effort,
    inspect: Callable[[str, object], None] = lambda name, result: None,
    clock: Callable[[], float] = time.perf_counter,
    *,
    fresh: bool = False,
) -> dict[str, Timed]:
    """Time calls in turn.

    Parameters
    ----------
    calls : mapping of str to callable
        What is timed, by its name.
    effort : Effort
        How often.
    inspect : callable, optional
        Is given the name and the result of every first run, which warms up and does not count.
    clock : callable, optional
        Seconds since some moment.
    fresh : bool, default False
        Whether each turn begins without used memory that is large enough for large arrays: beside the limit, which is
        one of fresh pages. Calls that are compared with each other alone have what memory they leave each other.

    Returns
    -------
    dict of str to Timed
        Seconds of one call, the median over the rounds.
    """
    gc.collect()
    first = {
        name: _seconds(call, 1, clock, lambda result, name=name: inspect(name, result)) for name, call in calls.items()
    }
    bursts = {
        name: 1 if took > _LONG else _burst(calls[name], clock)
        for name, took in first.items()
        if took <= effort.patience
    }
    rounds: dict[str, list[float]] = {name: [] for name in bursts}
    fences: list[Callable[[], None]] = []

    def take_turns(names: Iterable[str]) -> None:
        for name in names:
            if fresh:
                fences.append(divide_heap())
            rounds[name].append(_seconds(calls[name], bursts[name], clock))

    for turn in range(effort.rounds):
        take_turns(name for name in bursts if turn < _ROUNDS_OF_LONG or first[name] <= _LONG)
    short = [name for name, times in rounds.items() if statistics.median(times) <= _SHORT]
    end = clock() + effort.seconds
    while short and clock() < end:
        take_turns(short)
    for remove_fences in fences:
        remove_fences()
    return {
        name: Timed(statistics.median(rounds[name])) if name in rounds else Timed(took, once=True)
        for name, took in first.items()
    }


def peak_bytes(call: Callable[[], object]) -> int:
    """Most bytes that NumPy and Python hold at once during a call."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _burst(call: Callable[[], object], clock: Callable[[], float]) -> int:
    """Return the number of repetitions of a call in its turn: as many as fit in a burst, at least one."""
    return max(1, round(_BURST / max(_seconds(call, 1, clock), 1e-7)))


def _seconds(
    call: Callable[[], object],
    repeats: int,
    clock: Callable[[], float],
    use: Callable[[object], None] = lambda result: None,
) -> float:
    """Seconds of one call out of several; freeing the last result is not counted, as the limit does not free either."""
    if repeats > 1:
        call()  # what ran before has filled the caches
    start = clock()
    for _ in range(repeats - 1):
        call()
    result = call()
    took = clock() - start
    use(result)
    return took / repeats
