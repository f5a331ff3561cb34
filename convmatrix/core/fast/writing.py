"""Values, columns and row ends of a box of rows, written into the arrays of a matrix in the order that suits memory.

`convmatrix.core.equation` is the reference; this module is faster.

All row channels of a group have the same columns; only their weights differ. Each channel consists of blocks, most of
which repeat. A plan determines the order of blocks and channels, and the length of the blocks.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from math import prod
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.fast import tuning
from convmatrix.core.fast.blocks import Block, Place, ShiftedBlock
from convmatrix.core.fast.boxes import Box
from convmatrix.core.fast.entries import COLUMNS, VALUES, Level, blocks_of, longest_row

__all__ = ["Order", "ValuePlan", "plan_columns", "plan_values", "write_columns", "write_row_ends", "write_values"]

AnyBlock = TypeVar("AnyBlock", bound=Block)


class Order(Enum):
    """In which order the blocks of several channels are written."""

    BLOCK_BY_BLOCK = "each block into all channels, before the next block"
    CHANNEL_BY_CHANNEL = "all blocks into one channel, before the next channel; the blocks are kept meanwhile"
    FIRST_CHANNEL_THEN_ALL = "all blocks into one channel, from which the others are written"


class ValuePlan(NamedTuple):
    """Plan for writing values: `channels` at a time, in blocks of about `entries` entries, in a given order."""

    channels: int
    entries: int
    order: Order


def plan_values(levels: Sequence[Level], row_channels: int, col_channels: int, itemsize: int) -> ValuePlan:
    """Choose how values are written.

    As many channels at a time as leave what is gathered of their weights in the caches, while it is copied; all times
    about as many. The more channels, the shorter a block may be, since it has a row of cells for each of them.

    Returns
    -------
    ValuePlan
    """
    most = max(tuning.GATHERED_BYTES // (col_channels * longest_row(levels) * itemsize), 1)
    channels = -(-row_channels // -(-row_channels // most))
    entries = max(tuning.BLOCK_ENTRIES // channels, tuning.SHORTEST_BLOCK_ENTRIES)
    entries = min(entries, tuning.BLOCK_CELLS // channels)
    by_channel = _is_channelwise(levels, channels, col_channels)
    return ValuePlan(channels, entries, Order.CHANNEL_BY_CHANNEL if by_channel else Order.BLOCK_BY_BLOCK)


def plan_columns(levels: Sequence[Level], row_channels: int, col_channels: int) -> Order:
    """Choose the order in which columns are written.

    Blocks of short channels would be too short to be written into each of them: a whole channel is one.

    Returns
    -------
    Order
    """
    if row_channels > 1 and col_channels * _entries(levels) <= tuning.WHOLE_CHANNEL_ENTRIES:
        return Order.FIRST_CHANNEL_THEN_ALL
    by_channel = _is_channelwise(levels, row_channels, col_channels)
    return Order.CHANNEL_BY_CHANNEL if by_channel else Order.BLOCK_BY_BLOCK


def _is_channelwise(levels: Sequence[Level], row_channels: int, col_channels: int) -> bool:
    """Check whether channels are long enough to be written one by one, and their blocks short enough to keep."""
    # If blocks were written to all channels in turn, the pages would not stay in the caches until the next block.
    if row_channels == 1 or not levels or col_channels * _entries(levels) < tuning.CHANNELWISE_ENTRIES:
        return False
    outermost = levels[0].pattern
    stored = sum(len(rows.cols) for rows, _ in outermost.parts)
    return tuning.CHANNEL_PER_BLOCKS * stored < outermost.nnz


def _entries(levels: Sequence[Level]) -> int:
    """Entries of one row channel, for each column channel."""
    return levels[0].pattern.nnz * levels[0].inner_nnz if levels else 1


def write_values(box: Box, data: NDArray[Any]) -> None:
    """Write the values of all entries of a box.

    Parameters
    ----------
    box : Box
    data : (box.nnz,) ndarray
        Written to.
    """
    row_channels, col_channels = box.weight.shape[:2]
    by_channel = data.reshape(row_channels, -1)
    plan = plan_values(box.levels, row_channels, col_channels, data.itemsize)
    for first in range(0, row_channels, plan.channels):
        here = slice(first, first + plan.channels)
        blocks = blocks_of(box.levels, box.weight[here], VALUES)
        _write_blocks(_unrolled(blocks, plan.entries), by_channel[here], plan.order)


def write_columns(box: Box, indices: NDArray[np.signedinteger]) -> None:
    """Write the columns of all entries of a box, those of every group further on.

    Parameters
    ----------
    box : Box
    indices : (box.nnz,) ndarray of int32 or int64
        Written to.
    """
    row_channels, col_channels = box.weight.shape[:2]
    by_channel, dtype = indices.reshape(row_channels, -1), indices.dtype
    cols = prod(pattern.n_cols for pattern in box.patterns)
    blocks = blocks_of(box.levels, (np.arange(col_channels) * cols).astype(dtype)[None, :], COLUMNS)
    first_cols = (box.first_col + np.arange(box.groups) * (col_channels * cols)).astype(dtype)
    first_cols = np.repeat(first_cols, row_channels // box.groups)[:, None, None]
    order = plan_columns(box.levels, row_channels, col_channels)
    if order is Order.FIRST_CHANNEL_THEN_ALL:
        channel = np.empty((1, by_channel.shape[1]), dtype=dtype)
        for block in blocks:
            block.write_unrolled(channel)
        np.add(channel, first_cols[..., 0], out=by_channel)
        return
    moved = (block.moved_on(first_cols) for block in _unrolled(blocks, tuning.BLOCK_ENTRIES))
    _write_blocks(moved, by_channel, order)


def _unrolled(blocks: Iterable[AnyBlock], entries: int) -> Iterator[AnyBlock]:
    return (longer for block in blocks for longer in block.unrolled(entries))


def _write_blocks(blocks: Iterable[Block], out: NDArray[Any], order: Order) -> None:
    """Write blocks into all channels of `out`, shape (channels, entries)."""
    if order is Order.BLOCK_BY_BLOCK:
        for block in blocks:
            block.write(out)
        return
    kept = list(blocks)
    for channel in range(len(out)):
        only = slice(channel, channel + 1)
        for block in kept:
            block.of_channels(only).write(out[only])


# -- where rows end ----------------------------------------------------------------------------------------------------


def write_row_ends(box: Box, before: int, ends: NDArray[np.signedinteger]) -> None:
    """Write where each row of a box ends.

    Parameters
    ----------
    box : Box
    before : int
        Where its first row starts.
    ends : (box.n_rows,) ndarray of int32 or int64
        Written to.
    """
    row_channels, col_channels = box.weight.shape[:2]
    by_channel = ends.reshape(row_channels, -1)
    for block in _row_ends(box.levels, col_channels, before, ends.dtype):
        block.write_unrolled(by_channel[:1])
    every = box.nnz // row_channels
    np.add(by_channel[0], (np.arange(1, row_channels) * every).astype(ends.dtype)[:, None], out=by_channel[1:])


def _row_ends(
    levels: Sequence[Level], col_channels: int, before: int, dtype: np.dtype[np.signedinteger]
) -> Iterator[ShiftedBlock]:
    """Yield the row ends of a channel as blocks; each repetition of an interior adds the number of its entries."""
    if not levels:
        yield ShiftedBlock(np.full((1, 1), before + col_channels, dtype=dtype), Place(0, 0, 1), 0)
        return
    level, inner = levels[0], levels[1:]
    # The ends in a row of this axis that has one entry.
    within = np.empty((1, prod(each.pattern.n_rows for each in inner)), dtype=np.int64)
    for block in _row_ends(inner, col_channels, 0, within.dtype):
        block.write_unrolled(within)
    start = 0
    for rows, repeats in level.pattern.parts:
        per_entry = col_channels * level.inner_nnz
        ends = (np.diff(rows.ptr)[:, None] * within + (before + rows.ptr[:-1] * per_entry)[:, None]).reshape(1, -1)
        place = Place(start, 0, ends.size, repeats)
        yield ShiftedBlock(ends.astype(dtype), place, len(rows.cols) * per_entry)
        start += ends.size * repeats
        before += len(rows.cols) * per_entry * repeats
