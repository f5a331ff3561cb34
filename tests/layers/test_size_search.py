"""Settings between two sizes: those that layers really have, all of them, with the usual ones first."""

import itertools
import json

import pytest

from commandline import good, refused
from convmatrix import Conv, ConvTranspose
from convmatrix.layers.size_search import SizeSetting, settings_between
from selection import some


def by_layers(input_size, output_size, transpose):
    """All settings of these limits, by making each layer."""
    found = set()
    for stride in range(1, 14):
        for kernel in range(1, max(11, 2 * stride) + 1):
            for padding, rest in itertools.product(range(kernel // 2 + 1), range(stride if transpose else 1)):
                try:
                    if transpose:
                        layer = ConvTranspose(
                            (input_size,), kernel, stride=stride, padding=padding, output_padding=rest
                        )
                    else:
                        layer = Conv((input_size,), kernel, stride=stride, padding=padding)
                except ValueError:
                    continue
                if layer.output_size == (output_size,):
                    found.add(SizeSetting(kernel, stride, padding, rest))
    return found


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize(
    "sizes",
    some([(4, 2), (2, 4), (5, 3), (3, 6), (12, 4), (3, 12), (13, 2), (7, 7), (1, 4), (6, 1)], (4, 2), (2, 4)),
)
def test_all_that_layers_have_are_found(sizes, transpose):
    found = settings_between(*sizes, transpose=transpose)
    assert len(found) == len(set(found))
    expected = by_layers(*sizes, transpose)
    # Where one size is 1, strides change nothing: the smallest is listed.
    assert set(found) <= expected
    if 1 not in sizes:
        assert set(found) == expected


@pytest.mark.parametrize(
    ("sizes", "transpose", "first"),
    [
        ((224, 224), False, (3, 1, 1)),
        ((224, 112), False, (3, 2, 1)),
        ((7, 14), True, (4, 2, 1)),
        ((8, 8), True, (3, 1, 1)),
        ((7, 224), True, (64, 32, 16)),
        ((4, 12), True, (3, 3, 0)),
    ],
)
def test_the_usual_come_first(sizes, transpose, first):
    assert settings_between(*sizes, transpose=transpose)[0][: len(first)] == first


def test_sizes_that_are_refused():
    for sizes, name in (((0, 3), "input_size"), ((3, -1), "output_size")):
        with pytest.raises(ValueError, match=f"^{name} must be at least 1, got "):
            settings_between(*sizes)


def test_the_command_lists_them():
    lines = good("size", "--i", 224, "--o", 112).splitlines()
    assert lines[:2] == ["from 224 to 112 by a convolution, the usual first:", "  k=3  s=2  p=1"]
    assert len(lines) == 1 + len(settings_between(224, 112)) == 12
    lines = good("size", "--i", 224, "--o", 7).splitlines()
    assert len(lines) == 14
    found = settings_between(224, 7)
    assert lines[-1] == f"and {len(found) - 12} more: --format json lists all, --s S those of one stride"
    assert json.loads(good("size", "--i", 224, "--o", 7, "--format", "json")) == [each._asdict() for each in found]
    text = good("size", "--i", 7, "--o", 224, "--transpose", "--s", 32)
    assert text.splitlines()[:2] == [
        "from 7 to 224 by a transposed convolution, the usual first:",
        "  k=64  s=32  p=16  op=0",
    ]
    assert (
        good("size", "--i", 3, "--o", 100)
        == "no small convolution takes 3 to 100: it takes several layers, or a resize\n"
    )
    reason = "does not go with a search for --k, which takes --i, --o, --s and --transpose: leave it out, or give --k"
    for option, value in (("--p", 1), ("--dilation", 2), ("--setting", "padding_strides")):
        name = {"--p": "--padding"}.get(option, option)
        message = f"convmatrix size: error: {name} {reason}"
        assert refused("size", "--i", 224, "--o", 112, option, value) == message
    assert refused("size", "--i", 224, "--o", 112, "--s", "2x2") == (
        "convmatrix size: error: --s is one number where --k is to be found: give --s 2"
    )
    assert refused("size", "--i", "4x4", "--o", 2) == (
        "convmatrix size: error: --i and --o are one number each where --k is to be found: give --i 224 --o 112"
    )
