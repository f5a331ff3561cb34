"""The conventions in which frameworks differ, one record for each: name, sentence, remedy, edit, slots and rank.

The edit of a convention converts a trial from that convention to ours. If the convention explains the target, our layer
then gives the target.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import combinations

from convmatrix.core.axis import PADDING_MODES
from convmatrix.frameworks.comparison import edits
from convmatrix.frameworks.comparison.edits import edit_weight, edit_x, edit_x_and_y, edit_y
from convmatrix.frameworks.comparison.registry import interfaces
from convmatrix.frameworks.comparison.trials import Trial
from convmatrix.frameworks.comparison.users import users_of_channels_last, users_of_flips, users_of_layout
from convmatrix.frameworks.shared.framework import Interface

__all__ = ["Convention", "conventions"]

Edit = Callable[[Trial], Trial | None]
Interfaces = tuple[Interface, ...]

_SHIFTS = (1, -1, 2, -2, 3, -3)
"""Numbers of elements of padding that may have moved from one end of an axis to the other."""


@dataclass(frozen=True, kw_only=True)
class Convention:
    """A convention in which the other framework may differ from ours.

    Parameters
    ----------
    name : str
        The name in `Diagnosis.found` and in the table of docs/frameworks.md.
    sentence : str
        The difference, and frameworks that have it. It begins with a small letter and ends without a full stop, since
        the diagnosis joins sentences.
    remedy : str
        The code that gives the target's values. ``{ours}`` in it stands for the layout of the layer's weight.
    edit : callable
        Converts a trial from this convention to ours; returns None if it would change nothing or does not apply.
    slots : frozenset of str
        The properties that it determines, such as the layout of the weight. Conventions with a slot in common exclude
        each other and are never tried together.
    rank : int
        Answers with equally many conventions are sorted by the sum of their ranks, the smallest first.
    """

    name: str
    sentence: str
    remedy: str
    edit: Edit
    slots: frozenset[str]
    rank: int


def conventions(ndim: int) -> tuple[Convention, ...]:
    """Return the conventions for layers with `ndim` axes, in the order in which edits are applied.

    Edits of data come first, then those of the weight's layout, of the kernel, and of arguments. Sentences about axes
    and channels of the kernel refer to the kernel in our layout.

    Parameters
    ----------
    ndim : int

    Returns
    -------
    tuple of Convention

    Examples
    --------
    >>> [convention.name for convention in conventions(1) if "kernel" in convention.slots]
    ['kernel_flipped']
    """
    return _conventions(ndim, interfaces())


@lru_cache(maxsize=8)
def _conventions(ndim: int, known: Interfaces) -> tuple[Convention, ...]:
    groups = (
        _of_data(ndim, known),
        _of_layouts(ndim, known),
        _of_depthwise_layouts(ndim),
        _of_channels(),
        _of_kernels(ndim, known),
        _of_padding(ndim),
        _of_shifts(ndim),
        _of_transposed_layers(),
    )
    return tuple(convention for group in groups for convention in group)


# -- data ------------------------------------------------------------------------------------------------------------


def _of_data(ndim: int, known: Interfaces) -> Iterator[Convention]:
    users = users_of_channels_last(known)
    yield Convention(
        name="data_channels_last",
        sentence=f"x and y both have their channels as the last axis ({users}: NHWC)",
        remedy="move them: np.moveaxis(x, -1, 1), or build matrix(weight, channels_last=True)",
        edit=partial(edit_x_and_y, edits.move_channels_first),
        slots=frozenset({"x layout", "y layout"}),
        rank=2,
    )
    yield from _of_array(
        "y",
        ndim,
        users,
        edit_y,
        Convention(
            name="output_channels_interleaved",
            sentence="the channels of y are counted [multiplier, group], those of one group far apart (depthwise "
            "outputs counted [mult, in], or a channel shuffle)",
            remedy="y.reshape(batch, -1, groups, *size).swapaxes(1, 2).reshape(y.shape)",
            edit=partial(edit_y, edits.group_channels),
            slots=frozenset({"y order"}),
            rank=4,
        ),
    )
    yield from _of_array(
        "x",
        ndim,
        users,
        edit_x,
        Convention(
            name="input_channels_interleaved",
            sentence="the channels of x are counted [channel, group], those of one group far apart (a channel shuffle)",
            remedy="x.reshape(batch, -1, groups, *size).swapaxes(1, 2).reshape(x.shape)",
            edit=partial(edit_x, edits.group_channels),
            slots=frozenset({"x order"}),
            rank=5,
        ),
    )


def _of_array(
    array: str, ndim: int, users: str, edit: Callable[..., Trial | None], interleaved: Convention
) -> Iterator[Convention]:
    """Yield the conventions of x alone, or of y alone."""
    yield Convention(
        name=f"{array}_channels_last",
        sentence=f"{array} has its channels as the last axis ({users}: NHWC)",
        remedy=f"move them: np.moveaxis({array}, -1, 1)",
        edit=partial(edit, edits.move_channels_first),
        slots=frozenset({f"{array} layout"}),
        rank=3,
    )
    yield Convention(
        name=f"{array}_flattened_channels_last",
        sentence=f"{array} is channels last in memory, and was reshaped to channels first, not transposed",
        remedy=f"reshape {array} to (batch, *size, channels) and move the last axis: np.moveaxis({array}, -1, 1)",
        edit=partial(edit, edits.reshape_channels_first),
        slots=frozenset({f"{array} layout"}),
        rank=4,
    )
    yield interleaved
    for a, b in combinations(range(ndim), 2):
        yield Convention(
            name=f"{array}_axes_{a}_{b}_swapped",
            sentence=f"axes {a} and {b} of {array} are swapped (width first, as in Julia's Flux)",
            remedy=f"{array}.swapaxes({a - ndim}, {b - ndim})",
            edit=partial(edit, partial(edits.swap_axes, a, b)),
            slots=frozenset({f"{array} axes {a} {b}"}),
            rank=4,
        )


# -- layouts of the weight -------------------------------------------------------------------------------------------


def _letters(layout: str, ndim: int) -> str:
    """Replace the ``*`` of a layout by the letters of up to three spatial axes."""
    return layout.replace("*", "DHW"[-ndim:] if ndim <= 3 else "*")


def _of_layouts(ndim: int, known: Interfaces) -> Iterator[Convention]:
    without_record = {"*IO": [], "*OI": [], "O*I": ["TFLite"], "I*O": []}
    for layout, others in without_record.items():
        user = users_of_layout(layout, known, others)
        yield Convention(
            name=f"weight_{_letters(layout, ndim)}",
            sentence=f"the weight is laid out {_letters(layout, ndim)} ({user})",
            remedy=f"moved(weight, {layout!r}, {{ours}})",
            edit=partial(edit_weight, partial(edits.as_layout, layout)),
            slots=frozenset({"layout"}),
            rank=1,
        )


def _of_depthwise_layouts(ndim: int) -> Iterator[Convention]:
    users = {"*IM": " (TensorFlow's depthwise_conv2d, Keras' DepthwiseConv2D)", "IM*": "", "MI*": "", "*MI": ""}
    for layout, user in users.items():
        letters = _letters(layout, ndim)
        yield Convention(
            name=f"weight_{letters}",
            sentence=f"the depthwise weight is laid out {letters}, M being the channel multiplier{user}",
            remedy=f"moved(weight, {layout!r}, 'IM*').reshape(-1, 1, *kernel_size)",
            edit=partial(edit_weight, partial(edits.as_depthwise, layout)),
            slots=frozenset({"layout"}),
            rank=2,
        )


def _of_channels() -> Iterator[Convention]:
    yield Convention(
        name="channels_swapped",
        sentence="the weight's in and out channels are swapped (torch keeps (in, out) for its transposed layers and "
        "(out, in) for the others; TensorFlow too swaps them)",
        remedy="weight.swapaxes(0, 1)",
        edit=partial(edit_weight, edits.swap_channels),
        slots=frozenset({"channels"}),
        rank=1,
    )
    yield Convention(
        name="channels_swapped_in_groups",
        sentence="the weight's in and out channels are swapped within each group, (out, in/groups) for (in, "
        "out/groups)",
        remedy="weight.reshape(groups, -1, *weight.shape[1:]).swapaxes(1, 2), its first two axes joined",
        edit=partial(edit_weight, edits.swap_channels_in_groups),
        slots=frozenset({"channels"}),
        rank=2,
    )
    yield Convention(
        name="filters_interleaved",
        sentence="the filters are counted [multiplier, group], those of one group far apart (depthwise weights counted "
        "[mult, in])",
        remedy="weight.reshape(-1, groups, *weight.shape[1:]).swapaxes(0, 1).reshape(weight.shape)",
        edit=partial(edit_weight, edits.group_filters),
        slots=frozenset({"filters"}),
        rank=3,
    )


# -- the kernel, in our layout ---------------------------------------------------------------------------------------


def _of_kernels(ndim: int, known: Interfaces) -> Iterator[Convention]:
    for a, b in combinations(range(ndim), 2):
        yield Convention(
            name=f"kernel_axes_{a}_{b}_swapped",
            sentence=f"axes {a} and {b} of the kernel are swapped (kw, kh in place of kh, kw)",
            remedy=f"weight.swapaxes({a - ndim}, {b - ndim})",
            edit=partial(edit_weight, partial(edits.swap_axes, a, b)),
            slots=frozenset({f"kernel axes {a} {b}"}),
            rank=3,
        )
    yield Convention(
        name="kernel_flipped",
        sentence="the other framework flips the kernel along all axes (mathematical convolution: "
        f"{users_of_flips(known, ['scipy.signal'])})",
        remedy="flip(weight)",
        edit=partial(edit_weight, partial(edits.flip_axes, range(ndim))),
        slots=frozenset({"kernel"}),
        rank=0,
    )
    for axis in range(ndim if ndim > 1 else 0):
        yield Convention(
            name=f"kernel_flipped_on_axis_{axis}",
            sentence=f"the other framework flips the kernel along axis {axis} only",
            remedy=f"np.flip(weight, {axis - ndim})",
            edit=partial(edit_weight, partial(edits.flip_axes, [axis])),
            slots=frozenset({f"kernel {axis}"}),
            rank=4,
        )


# -- arguments of the layer ------------------------------------------------------------------------------------------


def _of_padding(ndim: int) -> Iterator[Convention]:
    meanings = {
        "zeros": "zeros, as frameworks do by default",
        "symmetric": "its mirror image, numpy.pad's symmetric",
    }
    for mode in PADDING_MODES:
        yield Convention(
            name=f"padding_mode_{mode}",
            sentence=f"the other framework extends the border by {meanings.get(mode, f'padding mode {mode}')}",
            remedy=f"padding_mode={mode!r}",
            edit=partial(edits.with_padding_mode, mode),
            slots=frozenset({"mode"}),
            rank=4,
        )
    yield Convention(
        name="pads_swapped",
        sentence="the larger pad is at the other end (SAME_LOWER in place of SAME_UPPER in ONNX; TensorFlow puts "
        "SAME's odd element at the end, Theano's and Caffe's symmetric pads have none)",
        remedy="padding=[(after, before), ...], such as 'same_lower' for 'same'",
        edit=partial(edits.swap_pads, range(ndim)),
        slots=frozenset({"pads"}),
        rank=1,
    )
    for axis in range(ndim if ndim > 1 else 0):
        yield Convention(
            name=f"pads_swapped_on_axis_{axis}",
            sentence=f"the larger pad is at the other end of axis {axis} only",
            remedy=f"swap (before, after) of axis {axis} in padding",
            edit=partial(edits.swap_pads, [axis]),
            slots=frozenset({f"pads {axis}"}),
            rank=4,
        )


def _of_shifts(ndim: int) -> Iterator[Convention]:
    for by in _SHIFTS:
        source, target = ("end", "start") if by > 0 else ("start", "end")
        way = f"{abs(by)} of the padding stands at the {target} that we have at the {source}"
        remedy = f"padding=[(before {'+' if by > 0 else '-'} {abs(by)}, after {'-' if by > 0 else '+'} {abs(by)})]"
        if ndim > 1:
            yield Convention(
                name=f"shift_all_axes_by_{by}",
                sentence=f"on every axis, {way} (a shift by {by})",
                remedy=f"{remedy} on every axis",
                edit=partial(edits.shift_pads, range(ndim), by),
                slots=frozenset({"shift"}),
                rank=4 + abs(by),
            )
        for axis in range(ndim):
            yield Convention(
                name=f"shift_axis_{axis}_by_{by}",
                sentence=f"on axis {axis}, {way} (a shift by {by})",
                remedy=f"{remedy} on axis {axis}",
                edit=partial(edits.shift_pads, [axis], by),
                slots=frozenset({f"shift {axis}"}),
                rank=5 + abs(by),
            )


def _of_transposed_layers() -> Iterator[Convention]:
    yield Convention(
        name="output_padding_first",
        sentence="the other framework adds output_padding at the start of the axis, not at its end (ONNX's "
        "output_shape may split its pads so, by auto_pad)",
        remedy="padding=[(before - output_padding, after), ...], output_padding=0",
        edit=edits.add_output_padding_first,
        slots=frozenset({"output padding"}),
        rank=2,
    )
    yield Convention(
        name="output_padding_zeros",
        sentence="the other framework fills what output_padding adds with zeros; in torch and here it holds "
        "values of the full result",
        remedy="output_padding=0, and pad the result with zeros at the end",
        edit=edits.fill_output_padding_with_zeros,
        slots=frozenset({"output padding"}),
        rank=2,
    )
    yield Convention(
        name="pads_of_dilated_input",
        sentence="the pads of the transposed layer are those of the direct convolution over the dilated input "
        "(jax.lax.conv_transpose and Flax with explicit pads)",
        remedy="padding=[(k_e - 1 - before, k_e - 1 - after), ...] with k_e = dilation*(kernel_size-1)+1",
        edit=edits.pad_dilated_input,
        slots=frozenset({"whose pads"}),
        rank=2,
    )
    yield Convention(
        name="other_direction",
        sentence="the other framework computes the transpose: a transposed convolution in place of a convolution, or "
        "the other way round, with the same numbers and the same array (Caffe and MXNet call it Deconvolution)",
        remedy="ConvTranspose in place of Conv, or Conv in place of ConvTranspose",
        edit=edits.change_direction,
        slots=frozenset({"direction"}),
        rank=3,
    )
