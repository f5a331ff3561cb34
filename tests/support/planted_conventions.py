"""Arrays of layers with planted conventions, computed with NumPy alone, for tests of `diagnose`."""

import itertools

import numpy as np

# -- the target, by NumPy alone --------------------------------------------------------------------------------------


def convolved(x, weight, arguments):
    """Compute a convolution by np.pad and windows, as (batch, channels, *size)."""
    ndim, groups = weight.ndim - 2, arguments["groups"]
    mode = {"zeros": "constant", "circular": "wrap", "replicate": "edge"}.get(
        arguments["padding_mode"], arguments["padding_mode"]
    )
    for axis, (before, after) in enumerate(arguments["padding"], start=2):
        widths = [(0, 0)] * x.ndim
        widths[axis] = (max(before, 0), max(after, 0))
        x = np.pad(x, widths, mode=mode)
        x = np.take(x, range(max(-before, 0), x.shape[axis] - max(-after, 0)), axis=axis)
    spans = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], arguments["dilation"], strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(2, 2 + ndim)))
    windows = windows[
        (
            slice(None),
            slice(None),
            *(slice(None, None, s) for s in arguments["stride"]),
            *(slice(None, None, d) for d in arguments["dilation"]),
        )
    ]
    size = windows.shape[2 : 2 + ndim]
    rows = windows.reshape(len(x), groups, weight.shape[1], np.prod(size), -1)
    blocks = weight.reshape(groups, -1, weight.shape[1], rows.shape[-1])
    return np.einsum("bgipt,goit->bgop", rows, blocks).reshape(len(x), -1, *size)


def transposed(x, weight, arguments):
    """Compute a transposed convolution by adding up scaled kernels and cropping; by unit images for padding modes."""
    groups, ndim = arguments["groups"], weight.ndim - 2
    sizes = [
        (n - 1) * s + d * (k - 1) + 1 - b - a + op
        for n, s, d, k, (b, a), op in zip(
            x.shape[2:],
            arguments["stride"],
            arguments["dilation"],
            weight.shape[2:],
            arguments["padding"],
            arguments["output_padding"],
            strict=True,
        )
    ]
    if arguments["padding_mode"] != "zeros":
        out = weight.shape[1] * groups
        units = np.eye(out * int(np.prod(sizes))).reshape(-1, out, *sizes)
        forward = convolved(units, weight, {**arguments, "output_padding": None})  # shape (unit, in, *size)
        return np.tensordot(x, forward, (range(1, x.ndim), range(1, x.ndim))).reshape(len(x), out, *sizes)
    frame = [n + max(b, 0) + max(a, 0) for n, (b, a) in zip(sizes, arguments["padding"], strict=True)]
    y = np.zeros((len(x), groups, weight.shape[1], *frame))
    stamps = np.einsum("bgi...,gio...->bgo...", *_with_axes(x, weight, groups))
    for taps in itertools.product(*map(range, weight.shape[2:])):
        for place in itertools.product(*map(range, x.shape[2:])):
            at = tuple(
                p * s + t * d + max(-b, 0)
                for p, s, t, d, (b, a) in zip(
                    place, arguments["stride"], taps, arguments["dilation"], arguments["padding"], strict=True
                )
            )
            if all(p < n for p, n in zip(at, frame, strict=True)):
                y[(slice(None), slice(None), slice(None), *at)] += stamps[(..., *place, *taps)]
    keep = [slice(max(b, 0), max(b, 0) + n) for n, (b, a) in zip(sizes, arguments["padding"], strict=True)]
    return y[(slice(None), slice(None), slice(None), *keep)].reshape(len(x), -1, *sizes) if ndim else y


def _with_axes(x, weight, groups):
    ndim = weight.ndim - 2
    x = x.reshape(len(x), groups, -1, *x.shape[2:], *[1] * ndim)
    w = weight.reshape(groups, -1, weight.shape[1], *[1] * ndim, *weight.shape[2:])
    return x, w


def target_of(x, weight, arguments):
    return (transposed if arguments["transpose"] else convolved)(x, weight, arguments)


# -- planting: the definition of each convention, independent of the package -----------------------------------------


def reorder_by_member(array, axis, groups):
    """Reorder channels from [group, member] to [member, group], one by one."""
    length = array.shape[axis]
    members = length // groups
    order = [group * members + member for member in range(members) for group in range(groups)]
    return np.take(array, order, axis=axis)


def swapped_in_groups(weight, groups):
    return np.concatenate([block.swapaxes(0, 1) for block in np.split(weight, groups)])


def channels_last(array, ndim):
    return np.moveaxis(array, -ndim - 1, -1)


def given_weight(name, weight, arguments, transpose):
    """Return the weight that means `weight` by a convention."""
    ndim, groups = weight.ndim - 2, arguments["groups"]
    spatial = tuple(range(2, 2 + ndim))
    rows, cols = ("I", "O") if transpose else ("O", "I")
    head, _, tail = name.partition("_")
    if head == "weight":
        letters = tail.replace("DHW"[-ndim:], "*")
        if "M" in letters:
            weight = weight.reshape(groups, -1, *weight.shape[2:])
            rows, cols = "I", "M"
        places = {rows: (0,), cols: (1,), "*": spatial}
        return weight.transpose([place for letter in letters for place in places[letter]])
    if name == "channels_swapped":
        return weight.swapaxes(0, 1)
    if name == "channels_swapped_in_groups":
        return swapped_in_groups(weight, groups)
    if name == "filters_interleaved":
        return reorder_by_member(weight, 0, groups)
    if name.startswith("kernel_axes"):
        a, b = map(int, name.split("_")[2:4])
        return weight.swapaxes(2 + a, 2 + b)
    if name == "kernel_flipped":
        return weight[(slice(None), slice(None), *[slice(None, None, -1)] * ndim)]
    if name.startswith("kernel_flipped"):
        return np.flip(weight, 2 + int(name[-1]))
    return weight


def given_data(kind, name, array, groups, ndim):
    """Return the x or y that means `array` by a convention."""
    if name in (f"{kind}_channels_last", "data_channels_last"):
        return channels_last(array, ndim)
    if name == f"{kind}_flattened_channels_last":
        return channels_last(array, ndim).reshape(array.shape)
    if name == {"x": "input", "y": "output"}[kind] + "_channels_interleaved":
        return reorder_by_member(array, array.ndim - ndim - 1, groups)
    if name.startswith(f"{kind}_axes"):
        a, b = map(int, name.split("_")[2:4])
        return array.swapaxes(a - ndim, b - ndim)
    return array


def their_arguments(name, arguments, kernel):
    """Return the arguments of the other framework's layer that correspond to ours by a convention."""
    arguments = dict(arguments)
    pads = list(arguments["padding"])
    if name.startswith("padding_mode"):
        arguments["padding_mode"] = name.removeprefix("padding_mode_")
    elif name == "pads_swapped":
        pads = [(after, before) for before, after in pads]
    elif name.startswith("pads_swapped_on"):
        pads[int(name[-1])] = pads[int(name[-1])][::-1]
    elif name.startswith("shift"):
        by = int(name.rpartition("_")[2])
        for axis in range(len(pads)) if "all" in name else [int(name.split("_")[2])]:
            pads[axis] = (pads[axis][0] + by, pads[axis][1] - by)
    elif name == "output_padding_first":
        pads = [(before - op, after) for (before, after), op in zip(pads, arguments["output_padding"], strict=True)]
        arguments["output_padding"] = (0,) * len(pads)
    elif name == "output_padding_zeros":
        arguments["output_padding"] = (0,) * len(pads)
    elif name == "pads_of_dilated_input":
        pads = [
            (d * (k - 1) - b, d * (k - 1) - a) for k, d, (b, a) in zip(kernel, arguments["dilation"], pads, strict=True)
        ]
    elif name == "other_direction":
        arguments["transpose"] = not arguments["transpose"]
        arguments["output_padding"] = (0,) * len(pads)
    return {**arguments, "padding": tuple(pads)}


def plant(names, config, rng):
    """Make x, y and weight by all conventions of `names`."""
    arguments, kernel, (rows, cols) = config["arguments"], config["kernel"], config["channels"]
    groups, ndim = arguments["groups"], len(kernel)
    target, extra = arguments, arguments["output_padding"]
    for name in names:
        target = their_arguments(name, target, kernel)
    weight = rng.integers(-99, 100, (rows, cols, *kernel)).astype(float)
    channels = rows if target["transpose"] else cols * groups
    x = rng.integers(-99, 100, (config["batch"], channels, *config["size"])).astype(float)
    y = target_of(x, weight, target)
    if "output_padding_zeros" in names:
        y = np.pad(y, [(0, 0), (0, 0), *((0, op) for op in extra)])
    for name in reversed(names):
        weight = given_weight(name, weight, arguments, arguments["transpose"])
        x, y = (given_data(kind, name, array, groups, ndim) for kind, array in (("x", x), ("y", y)))
    return x, y, weight


def config(size, kernel, channels, *, batch=2, **arguments):
    ndim = len(size)
    defaults = {
        "stride": (1,) * ndim,
        "padding": ((0, 0),) * ndim,
        "dilation": (1,) * ndim,
        "groups": 1,
        "padding_mode": "zeros",
        "output_padding": (0,) * ndim,
        "transpose": False,
    }
    return {
        "size": size,
        "kernel": kernel,
        "channels": channels,
        "batch": batch,
        "arguments": {**defaults, **arguments},
    }


ONE = (
    config((9,), (3,), (4, 3), padding=((3, 1),)),
    config((9,), (3,), (6, 2), padding=((1, 2),), stride=(2,), groups=3, padding_mode="circular"),
    config((9,), (4,), (6, 1), padding=((1, 2),), groups=3, dilation=(2,), batch=1),
    config((7,), (4,), (3, 2), padding=((2, 1),), stride=(3,), output_padding=(2,), transpose=True),
    config((7,), (3,), (6, 2), padding=((2, 1),), stride=(2,), output_padding=(1,), groups=3, transpose=True),
    config((6,), (3,), (6, 2), padding=((2, 1),), groups=3, transpose=True, padding_mode="reflect"),
    config((8,), (4,), (3, 3), padding=((2, 1),), batch=1),
)
TWO = (
    config((7, 8), (3, 4), (4, 3), padding=((1, 2), (3, 1))),
    config((8, 7), (3, 2), (6, 1), padding=((2, 1), (0, 2)), stride=(2, 1), groups=3, batch=1),
    config((7, 8), (3, 4), (6, 2), padding=((2, 1), (1, 2)), groups=3, padding_mode="replicate"),
    config((4, 5), (4, 3), (3, 2), padding=((2, 1), (1, 2)), stride=(3, 2), output_padding=(2, 1), transpose=True),
    config(
        (4, 4), (3, 4), (6, 2), padding=((1, 2), (2, 1)), stride=(2, 2), output_padding=(0, 1), groups=3, transpose=True
    ),
    config((6, 6), (3, 4), (3, 3), padding=((0, 2), (1, 2)), batch=1),
)
THREE = (
    config((5, 6, 4), (3, 2, 3), (4, 3), padding=((2, 1), (1, 2), (1, 0)), batch=1),
    config(
        (3, 4, 3),
        (3, 2, 3),
        (6, 2),
        padding=((2, 1), (0, 1), (1, 0)),
        stride=(2, 1, 2),
        output_padding=(1, 0, 1),
        groups=3,
        transpose=True,
        batch=1,
    ),
    config((4, 6, 5), (3, 2, 3), (6, 1), padding=((2, 1), (1, 2), (1, 0)), groups=3, batch=1, padding_mode="symmetric"),
)


def applies(names, config):
    """Return whether all conventions apply to a configuration."""
    arguments, (rows, cols) = config["arguments"], config["channels"]
    groups, transpose = arguments["groups"], arguments["transpose"]
    members = {"x": rows // groups if transpose else cols, "y": cols if transpose else rows // groups}
    if "other_direction" in names:
        members = {"x": members["y"], "y": members["x"]}
    needs = {
        "output_channels_interleaved": groups > 1 and members["y"] > 1,
        "input_channels_interleaved": groups > 1 and members["x"] > 1,
        "filters_interleaved": groups > 1 and rows > groups,
        "channels_swapped_in_groups": groups > 1,
        "output_padding_first": transpose and any(arguments["output_padding"]),
        "output_padding_zeros": transpose and any(arguments["output_padding"]),
        "pads_of_dilated_input": transpose,
        f"padding_mode_{arguments['padding_mode']}": False,
    }
    depthwise = any(name.endswith(("IM", "MI")) or name.startswith(("weight_IM", "weight_MI")) for name in names)
    if depthwise and (transpose or groups == 1 or cols > 1):
        return False
    later = {"pads_swapped", "pads_of_dilated_input"} & set(names)
    return all(needs.get(name, True) for name in names) and len(later) < 2


def kwargs_of(config):
    arguments = dict(config["arguments"])
    if not arguments["transpose"]:
        del arguments["output_padding"]
    return {**arguments, "ndim": len(config["size"])}
