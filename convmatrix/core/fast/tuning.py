"""Every number of core/fast that was chosen for speed or memory: its unit, and the benchmark that shows its effect.

None of them changes a result. Each is read where it is used, as ``tuning.NAME``, so that a test or a measurement can
set it. Where a docstring names a table of docs/performance.md (``python -m benchmarks NAME``), its row `convmatrix`,
`refill` or `operator` is what moves. Factors are of time, measured by turns in one process with one thread, on one
machine; what is within 3 % is called no difference.
"""

# -- tables of small matrices (table.py) -------------------------------------------------------------------------------

STEPS_KEPT = 4
"""Step lengths for which a table keeps its columns. A limit of memory: one for each axis of a square image or volume,
but not those of all layers that have such an axis."""

WIDEST_TABLE = 2
"""Slots for each entry of the longest row, up to which every symbol has a slot of its own. No table shows a difference
at 1 or 4: it bounds what the slots without an entry cost, where many symbols are in few rows."""

# -- small matrices (small.py) -----------------------------------------------------------------------------------------

SMALL_ENTRIES = 2 * 10**5
"""Most entries of a matrix that is written in one pass. `lenet` (107,736 entries) takes 4.6 times as long at half of
it, `mid` 4 times at 0. No table lies near the bound; at 20 times as many `depthwise`, of many small channels, takes
0.77 times as long, so it is a cautious one."""

SMALL_SLOTS = 8 * 10**4
"""Most slots in the rows of one channel, the repetitions that are copied counted once. No difference at half or double
in `lenet` and `mid`, which have fewer: a limit of memory, since slots are temporary arrays of columns and values."""

COPIED_ENTRIES = 128
"""Fewest entries of a repetition of the outermost axis that is copied, not computed again. `mid` takes 1.6 times as
long at 1024, where nothing of it is copied, and `mid, reflect` 1.8 times; no loss at 64 and 256."""

COPIED_REPEATS = 4
"""Fewest repetitions of the outermost axis that are copied. No difference at 2 and 8 in `mid`: with fewer than this a
copy saves less than it costs to set up."""

SHORT_SUM_SLOTS = 1024
"""Slots up to which an outer sum is one broadcast, in short loops. At 0 `tiny` takes 1.05 times as long; without the
bound `lenet` takes 1.04 times as long. No difference at half and double."""

# -- blocks of large matrices (blocks.py, entries.py, writing.py) ------------------------------------------------------

BLOCK_ENTRIES = 4096
"""Entries up to which repetitions are put side by side before they are written: shorter blocks make NumPy's
broadcasting slower per entry. `signal` takes 1.14 times as long at half, 1.3 times at a quarter; double is no
better."""

SHORTEST_BLOCK_ENTRIES = 512
"""Entries of one channel that a block of many channels has at least, while it has no more than `BLOCK_CELLS` cells.
Refill of 16 channels of 128^2 (`dilated`) takes 1.07 times as long at double; no difference below."""

BLOCK_CELLS = 2**15
"""Cells of a block of many channels at most. No difference at half, double or without it in refill of `stem`,
`residual` and of 512 channels of 14^2: a limit of memory."""

SINGLE_ROWS = 32
"""Rows of a border up to which each is written by itself. No difference at half and double; without it a kernel of
30,000 taps between inserted zeros takes over 100 times as long (tests/core/fast/test_assembly.py has one of
300,000)."""

PERIOD_ENTRIES = 2**19
"""Most entries of a period that is written as one block, where its rows apart would be written to every page once
each. At 0 a transposed convolution of stride 64 takes 1.4 times as long, and `stem, transposed` 1.08 times; no
difference at half and double. The upper end is a limit of memory: such a block is a temporary array."""

WHOLE_CHANNEL_ENTRIES = 2**16
"""Most entries of one row channel whose columns are written once, and from there into all channels. `depthwise` takes
1.07 times as long at 0; no difference at half and double, of which no table is near."""

CHANNELWISE_ENTRIES = 2**19
"""Fewest entries of a row channel from which one channel is written after the other. As many as a huge page of 2 MiB
holds, for 4 bytes each: a limit of hardware. Without it 16 channels of `stem` take 1.09 times as long; half and double
are within what the machine's own noise is, 1.07."""

CHANNEL_PER_BLOCKS = 8
"""Ratio of the length of a channel to that of its blocks above which this is done, since the blocks are kept meanwhile.
A limit of memory; no table shows a difference at 4 and 16."""

GATHERED_BYTES = 2**20 - 2**16
"""Bytes of weights that are gathered for some channels at a time, before they are copied: what the caches keep.
Without it refill of `residual` with four times the channels takes 1.14 times as long, and of 512 channels of 14^2 1.15
times; `stem` takes 1.07 times as long at half. Double is no different here: a limit of hardware, other caches may have
another."""

CACHE_LINE_BYTES = 64
"""Bytes to which arrays in one piece of memory are aligned: a line of the cache. No difference at 16 and 4096: it has
to be a multiple of every item size, and is that of the hardware."""

MOST_THREADS = 256
"""Most threads, each with its share of the rows. Not measured: a limit of memory, beyond the cores of any machine
known."""

THREADED_ENTRIES = 10**7
"""Fewest entries that several threads write faster than one. `image, convmatrix, two threads` (26 million) is the row
of docs/performance.md above it, with 1.2 times the speed; `volume` (7 million) the one below it, with none."""

# -- products with windows (windows.py, padding.py, matrixfree.py) -----------------------------------------------------

PIECE_BYTES = 2**22
"""Bytes of the windows that are laid out at once: what the caches keep, and what an operator takes beside its result.
In `image`, `residual`, `stem` and `dilated` (float32) a quarter takes 1.06 to 1.14 times as long; double takes 1.09
times as long in two of them, and 0.97 in the others."""

BAND_OUTPUTS = 16
"""Outputs of the last axis that one row of windows serves where there is a single channel. At 8 `signal` takes 1.15
times as long, `image` 1.09 times, and `volume`, for which a band then seems worth it, 1.5 times; 32 is no
different."""

BAND_WORK = 4
"""Highest ratio of the multiplications with a band matrix to those with the taps alone. At 8 `volume` is multiplied by
a band matrix, and takes 1.36 times as long; at 2 `image` no longer is, and takes as long as before."""

SHORT_ROW_BYTES = 2**7
"""Bytes up to which a row of windows takes longer to begin than to copy. At 0 32 channels of 8^3 take 1.26 times as
long, `lenet` and 256 channels of 7^2 1.05 times; at double `residual` and `lenet` take 1.07 times as long."""

SHORT_ROWS_BYTES = 2**19
"""Bytes of windows from which that matters. No difference at half and double for 32 channels of 8^3 and 256 of 7^2."""

JOINED_ROWS_LENGTH = 1.25
"""Highest ratio of the length of joined rows of a box, with the cells between them, to that of separate rows. At 1,
never joined, `depthwise` takes 1.26 times as long; at 1.5 nothing differs. At 1.1 `lenet`, adjoint, takes 0.93 times as
long: the best value depends on the sizes."""

MIRRORED_CHANNELS = 2
"""Highest ratio of output channels to input channels at which the adjoint is computed as a convolution with the
mirrored kernel. At 0.5 that of `residual`, with as many on both sides, takes 1.32 times as long; at 4 that of a layer
from 24 channels to 64 takes 1.18 times as long."""

SPARSE_POSITIONS = 4
"""Positions for each one that a tap reads, from which a padded axis holds the reads alone. A limit of memory, for
windows far apart beyond the input: those on the input are faster in place (0.65 of the time for a stride of 40 and 3
taps), but at 2 a stride of 10 takes twice as long."""

PADDED_AXES_KEPT = 16
"""Padded axes that are remembered, since the pieces of an array have the same ones on most axes. A limit of memory."""

MOST_AXES = 29
"""Axes of a convolution whose windows NumPy's arrays can have: 64 in all, two for each axis, of which columns side by
side are one more, and three for images, groups and channels. A limit of NumPy."""
