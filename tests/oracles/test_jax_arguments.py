"""Drawn calls of JAX: layers have the same values, in exact integers, and raise errors where JAX does."""

import os
import string
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from convmatrix.frameworks import jax as jax_layers
from drawing import AXES, check_counts, each, layer_or_none, picked
from recording import filled

os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # almost all the time here goes to compiling
jax = pytest.importorskip("jax")
lax = jax.lax

EXACT = 2**24  # all integers up to here are float32's
LARGEST = {1: 8, 2: 5, 3: 4}


def jax_result(call, lhs, rhs, **kwargs):
    """Return JAX's result; None if it raises an error, or if the result is empty, for which there is no matrix."""
    compiled = jax.jit(lambda lhs, rhs: call(lhs, rhs, **kwargs, precision=lax.Precision.HIGHEST))
    try:
        y = np.asarray(compiled(lhs, rhs))
    except (ValueError, TypeError, RuntimeError):
        return None
    return y if y.size else None


def assert_same(layer, w, x, y):
    """Compare with y, batch and channels first, after asserting that float32 is exact."""
    expected = layer.unvec(layer.matrix(w) @ layer.vec(x))
    assert np.abs(expected).max(initial=0) < EXACT
    assert_array_equal(y, expected)


def spec(rng, count, channels_first, permuted):
    """Draw dimension numbers in any form, and the permutations that JAX derives from them."""
    letters = "".join(picked(rng, "HWD", "012", "xyz")[:count])
    if permuted:
        three = tuple("".join(rng.permutation(list(pair + letters))) for pair in ("NC", "OI", "NC"))
    elif channels_first:
        three = ("NC" + letters, "OI" + letters, "NC" + letters)
    else:
        three = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    numbers = lax.conv_dimension_numbers((1,) * (count + 2), (1,) * (count + 2), three)
    like = SimpleNamespace(lhs_spec=numbers.lhs_spec, rhs_spec=numbers.rhs_spec, out_spec=numbers.out_spec)
    return (three, three), numbers, (numbers, like)


def laid_out(array, axes):
    """Bring an array with batch and channels first into the layout that these axes describe."""
    return np.ascontiguousarray(array.transpose(np.argsort(axes)), dtype=np.float32)


def dilations(rng, count):
    return picked(rng, None, (1,) * count, each(rng, count, 3))


def pairs(rng, count, least=-2, most=4):
    return tuple((int(a), int(b)) for a, b in rng.integers(least, most, (count, 2)))


CONV_REASONS = (
    "kernel does not fit",
    "does not divide",
    "needs lhs_dilation 1",
    "is not one of",
    "must be a sequence",
    "give one for each",
    "on its axis I, but",
    "must be at least 1",
    "must be a (low, high) pair",
    "padding must be a name",
    "on its axis O, which",
)


def spoil_conv(rng, call, axes):
    """Change one of the arguments so that it may raise an error."""
    count = call["rhs"].ndim - 2
    name, value = picked(
        rng,
        ("padding", picked(rng, "FULL", "CIRCULAR")),
        ("padding", picked(rng, [1] * count, 1)),
        ("padding", pairs(rng, count + 1)),
        ("window_strides", (1,) * (count + 1)),
        ("window_strides", picked(rng, 1, 2)),
        ("rhs_dilation", (1,) * (count + 1)),
        ("lhs_dilation", (0,) * count),
        ("feature_group_count", picked(rng, 2, 3, 4)),
        ("rhs", np.concatenate([call["rhs"]] * 2, axis=axes[1])),
        ("rhs", np.concatenate([call["rhs"], call["rhs"].take([0], axes[0])], axis=axes[0])),
        ("rhs", np.concatenate([call["rhs"], call["rhs"].take([0], axes[0])], axis=axes[0])),
    )
    return {**call, name: value}


def test_conv_general_dilated():
    rng, seen = np.random.default_rng(1), Counter()
    for number in range(340):
        count = int(rng.choice([1, 2, 3], p=[0.45, 0.4, 0.15]))
        groups, per_in, per_out = each(rng, 3, 2)
        size, kernel = each(rng, count, LARGEST[count]), each(rng, count, 3 if count < 3 else 2)
        permuted = rng.random() < 0.5
        given, numbers, like = spec(rng, count, channels_first=True, permuted=permuted)
        jax_numbers, layer_numbers = picked(rng, given, given, like)
        if not permuted and rng.random() < 0.6:
            jax_numbers = layer_numbers = None
        x, w = filled((2, groups * per_in, *size), number), filled((groups * per_out, per_in, *kernel), number + 1)
        call = {
            "lhs": laid_out(x, numbers.lhs_spec),
            "rhs": laid_out(w, numbers.rhs_spec),
            "window_strides": each(rng, count, 3),
            "padding": picked(rng, "SAME", "VALID", "SAME_LOWER", "same", *[pairs(rng, count, -1)] * 4),
            "rhs_dilation": dilations(rng, count),
            "feature_group_count": groups,
        }
        named = isinstance(call["padding"], str)
        if not named or rng.random() < 0.2:
            call["lhs_dilation"] = dilations(rng, count)
        if rng.random() < 0.25:
            call = spoil_conv(rng, call, numbers.rhs_spec)
        y = jax_result(lax.conv_general_dilated, **call, dimension_numbers=jax_numbers)
        rhs = call["rhs"] if rng.random() < 0.5 else call["rhs"].shape
        lhs = picked(rng, call["lhs"], call["lhs"].shape)
        layer = layer_or_none(
            jax_layers.conv, seen, CONV_REASONS, **{**call, "lhs": lhs, "rhs": rhs}, dimension_numbers=layer_numbers
        )
        assert (layer is None) == (y is None), (call, layer)
        seen["refused" if layer is None else "taken"] += 1
        if layer is None:
            continue
        assert type(layer) is Conv
        again, weight = jax_layers.conv(**call, dimension_numbers=layer_numbers, weight=call["rhs"])
        assert again == layer
        assert_same(layer, weight, x, y.transpose(numbers.out_spec))
        spread = call.get("lhs_dilation") or (1,)
        seen.update(
            {
                f"{count} axes": 1,
                "permuted": permuted,
                "named": named,
                "groups": groups > 1,
                "spread": max(spread) > 1,
                "dilation": max(call["rhs_dilation"] or (1,)) > 1,
                "object": layer_numbers is like[1],
                "crop": not named and min(map(min, call["padding"])) < 0,
                "SAME with stride": named and call["padding"].upper() != "VALID" and max(call["window_strides"]) > 1,
                "odd SAME": any(a != b for a, b in layer.padding) and named,
            }
        )
    features = "permuted, named, groups, spread, dilation, object, crop, SAME with stride, odd SAME"
    check_counts(seen, (("taken",), 220), (("refused",), 60), (AXES, 15), (features.split(", "), 15), (CONV_REASONS, 1))


TRANSPOSE_REASONS = (
    "kernel does not fit",
    "output is empty",
    "needs strides 1",
    "is not one of",
    "must be a sequence",
    "give one for each",
    "must be a tuple",
    "the two are the same",
    "default dimension_numbers",
    "must be at least 1",
    "must be a (low, high) pair",
)


def spoil_transpose(rng, call):
    count = call["rhs"].ndim - 2
    name, value = picked(
        rng,
        ("padding", picked(rng, "FULL", "CIRCULAR", "same", "SAME_LOWER")),
        ("padding", picked(rng, [1] * count, pairs(rng, count)[1:], pairs(rng, count, -4, -2))),
        ("padding", [list(pair) for pair in pairs(rng, count, 0)]),
        ("strides", picked(rng, (1,) * (count + 1), (0,) * count)),
        ("strides", picked(rng, 1, 2)),
        ("rhs_dilation", (1,) * (count + 1)),
        ("rhs", np.concatenate([call["rhs"]] * 2, axis=-1 - rng.integers(2))),
        ("rhs", np.concatenate([call["rhs"]] * 2, axis=-1 - rng.integers(2))),
    )
    return {**call, name: value}


def test_conv_transpose():
    rng, seen = np.random.default_rng(2), Counter()
    for number in range(340):
        count = int(rng.choice([1, 2, 3], p=[0.45, 0.4, 0.15]))
        takes, gives = each(rng, 2, 3)
        size, kernel = each(rng, count, LARGEST[count] - 1), each(rng, count, 4 if count < 3 else 2)
        permuted = rng.random() < 0.3
        given, numbers, like = spec(rng, count, channels_first=False, permuted=permuted)
        jax_numbers, layer_numbers = picked(rng, given, given, like)
        if not permuted and rng.random() < 0.7:
            jax_numbers = layer_numbers = None
        flipped, consistent = bool(rng.integers(2)), bool(rng.integers(2))
        first, second = (takes, gives) if flipped else (gives, takes)  # lengths of the axes O and I
        x, w = filled((2, takes, *size), number), filled((first, second, *kernel), number + 1)
        call = {
            "lhs": laid_out(x, numbers.lhs_spec),
            "rhs": laid_out(w, numbers.rhs_spec),
            "strides": each(rng, count, 5 if count < 3 else 3),
            "padding": picked(rng, "SAME", "VALID", pairs(rng, count), pairs(rng, count, -1)),
            "rhs_dilation": dilations(rng, count),
            "transpose_kernel": flipped,
            "use_consistent_padding": consistent,
        }
        if rng.random() < 0.25:
            call = spoil_transpose(rng, call)
        named = isinstance(call["padding"], str)
        y = jax_result(lax.conv_transpose, **call, dimension_numbers=jax_numbers)
        layer = layer_or_none(
            jax_layers.conv_transpose, seen, TRANSPOSE_REASONS, **call, dimension_numbers=layer_numbers
        )
        assert (layer is None) == (y is None), (call, layer)
        seen["refused" if layer is None else "taken"] += 1
        if layer is None:
            continue
        assert type(layer) is (ConvTranspose if flipped else Conv)
        again, weight = jax_layers.conv_transpose(**call, dimension_numbers=layer_numbers, weight=call["rhs"])
        assert again == layer
        assert_same(layer, weight, x, y.transpose(numbers.out_spec))
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, call["rhs_dilation"] or (1,) * count, strict=True)]
        farther = any(s > span for s, span in zip(call["strides"], spans, strict=True))
        seen.update(
            {
                f"{count} axes": 1,
                "permuted": permuted,
                "turned": flipped,
                "not turned": not flipped,
                "SAME": call["padding"] == "SAME",
                "VALID beyond": call["padding"] == "VALID" and farther,
                "SAME beyond": call["padding"] == "SAME" and farther,
                "dilation": max(call["rhs_dilation"] or (1,)) > 1,
                "consistent pairs": consistent and not named,
                "pairs": not consistent and not named,
                "crop": not named and min(map(min, call["padding"])) < 0,
                "object": layer_numbers is like[1],
                "odd SAME": call["padding"] == "SAME" and flipped and any(a != b for a, b in layer.padding),
            }
        )
    seen[_too_many_axes(seen)] += 3
    features = (
        "permuted, turned, not turned, SAME, VALID beyond, SAME beyond, dilation, consistent pairs, pairs, "
        "crop, object, odd SAME"
    )
    check_counts(
        seen, (("taken",), 220), (("refused",), 60), (AXES, 10), (features.split(", "), 10), (TRANSPOSE_REASONS, 3)
    )


def _too_many_axes(seen):
    """Four axes have no default layout, neither in JAX nor here."""
    call = {"lhs": np.ones((1, *[2] * 4, 1)), "rhs": np.ones((*[1] * 4, 1, 1)), "strides": [1] * 4, "padding": "SAME"}
    assert jax_result(lax.conv_transpose, **call) is None
    assert layer_or_none(jax_layers.conv_transpose, seen, TRANSPOSE_REASONS, **call) is None
    return "default dimension_numbers"


def test_the_consistent_padding_is_that_of_the_convolution():
    """With it and a flipped kernel, the arguments of a convolution give its transpose, with the same fields."""
    forward = jax_layers.conv(
        (1, 7, 6, 2), (3, 2, 2, 3), (2, 3), ((1, 2), (0, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    back = jax_layers.conv_transpose(
        (1, *forward.output_size, 3),
        (3, 2, 2, 3),
        (2, 3),
        ((1, 2), (0, 1)),
        transpose_kernel=True,
        use_consistent_padding=True,
    )
    assert forward.leftover == (1, 2)
    assert back == back.T.T
    assert (back.padding, back.output_padding) == (forward.T.padding, (0, 0))


@pytest.mark.parametrize("count", [0, 4])
def test_other_numbers_of_axes(count):
    x, w = filled((2, 3, *[3] * count), 1), filled((4, 3, *[2] * count), 2)
    call = {"lhs": np.float32(x), "rhs": np.float32(w), "window_strides": [1] * count, "padding": [(1, 0)] * count}
    assert_same(*jax_layers.conv(**call, weight=w), x, jax_result(lax.conv_general_dilated, **call))
    letters = string.digits[:count]
    numbers = ("NC" + letters, "OI" + letters, "NC" + letters)
    call["strides"] = call.pop("window_strides")
    y = jax_result(lax.conv_transpose, **call, dimension_numbers=numbers)
    layer = jax_layers.conv_transpose(**call, dimension_numbers=numbers)
    assert_same(layer, jax_layers.weight(w, transpose=True, dimension_numbers=numbers), x, y)


def test_batch_groups_are_feature_groups_of_stacked_images():
    """The remedy in the error is right: images of one output are stacked as channels."""
    x, w = filled((4, 3, 6), 1), filled((4, 3, 2), 2)
    call = {"lhs": np.float32(x), "rhs": np.float32(w), "window_strides": (1,), "padding": "VALID"}
    y = jax_result(lax.conv_general_dilated, **call, batch_group_count=2)
    with pytest.raises(ValueError, match="batch_group_count 2 makes one image of 2 of the batch"):
        jax_layers.conv(**call, batch_group_count=2)
    stacked = x.reshape(2, 2, 3, 6).swapaxes(0, 1).reshape(2, 6, 6)
    assert_same(*jax_layers.conv(**{**call, "lhs": stacked}, feature_group_count=2, weight=w), stacked, y)


def test_what_is_accepted_there_and_refused_here():
    empty = {
        "lhs": np.ones((1, 1, 2), np.float32),
        "rhs": np.ones((1, 1, 3), np.float32),
        "window_strides": (1,),
        "padding": "VALID",
    }
    assert lax.conv_general_dilated(**empty).shape == (1, 1, 0)
    with pytest.raises(ValueError, match="kernel does not fit on axis 0: it spans 3"):
        jax_layers.conv(**empty)
    more = {
        "lhs": np.ones((1, 4, 1), np.float32),
        "rhs": np.ones((2, 1, 1), np.float32),
        "strides": (1,),
        "padding": [(0, 1), (3, 3)],
        "use_consistent_padding": True,
    }
    assert lax.conv_transpose(**more).shape == (1, 4, 1)
    with pytest.raises(ValueError, match="padding has 2 entries"):
        jax_layers.conv_transpose(**more)
