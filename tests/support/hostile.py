"""Three hundred values that no argument expects, made anew for every call, and the public calls that get them."""

import io
import warnings
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse

from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool, PixelShuffle, Unfold, Upsample

# -- objects that raise ----------------------------------------------------------------------------------------------


class RaisesIndex:
    def __index__(self):
        raise RuntimeError("no index")


class RaisesArray:
    def __array__(self, *args, **kwargs):
        raise RuntimeError("no array")


class RaisesLen:
    def __len__(self):
        raise RuntimeError("no length")

    def __getitem__(self, index):
        raise IndexError(index)


class RaisesSequence(Sequence):
    def __len__(self):
        raise RuntimeError("no length")

    def __getitem__(self, index):
        raise RuntimeError("no entries")


class RaisesIter:
    def __iter__(self):
        raise RuntimeError("no entries")


class RaisesRepr:
    def __repr__(self):
        raise RuntimeError("no words")


class RaisesFloat:
    def __float__(self):
        raise RuntimeError("no number")


class LiesLen(list):
    """A list that says that it is much longer than it is."""

    def __len__(self):
        return 10**9


class LiesShape:
    shape = (10**9, 10**9)
    dtype = np.dtype(float)


class HugeInt(int):
    """An integer of a class of its own."""


def endless():
    number = 0
    while number < 10**7:  # so that a test that reads it fails by its time, not by the memory
        yield number
        number += 1


def deep(levels):
    nested = []
    for _ in range(levels):
        nested = [nested]
    return nested


def recursive():
    mine = [1]
    mine.append(mine)
    return mine


# -- values ----------------------------------------------------------------------------------------------------------

_INTEGERS = [
    0,
    1,
    -1,
    2,
    7,
    -3,
    100,
    2**31 - 1,
    2**31,
    -(2**31),
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63),
    2**64,
    10**20,
    -(10**20),
    10**400,
    -(10**400),
    10**1000,
    10**5000,
]
_FLOATS = [0.0, -0.0, 0.5, 1.0, -1.5, 1e308, -1e308, 5e-324, float("inf"), -float("inf"), float("nan")]
_TEXTS = [
    "",
    " ",
    "a",
    "same",
    "SAME",
    "valid",
    "zeros",
    "linear",
    "\0",
    "a\0b.npz",
    "\ud800",
    "x\udcff.npz",
    "\xe9",
    "\u202e",
    "\ufffe",
    "\n",
    "\r\n\t\x1b[31m",
    "a" * 10**5,
    "%s{}%n",
    "{0}",
    "<script>&",
    "../up.npz",
    "1,2",
    "nan",
    "10**400",
    ".npz",
    "x.npz",
    "x.html",
    "x.gif",
    "a/b/c.npz",
]
_DTYPES = [
    "bool",
    "int8",
    "uint8",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
    "longdouble",
    "complex64",
    "clongdouble",
    "object",
    "U3",
    "S3",
    "M8[s]",
    "m8[s]",
    "i4,f8",
    ">i4",
    "V3",
]
_SHAPES = [(), (0,), (1,), (3,), (3, 3), (2, 0), (1, 1, 3, 3), (1, 1, 1, 1, 1, 1)]


def _matrix():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.asmatrix(np.eye(3))


def _read_only(values):
    values = np.array(values)
    values.flags.writeable = False
    return values


VALUES = {
    **{
        f"int {number if abs(number) < 10**21 else f'of {number.bit_length()} bits'}": partial(int, number)
        for number in _INTEGERS
    },
    **{f"float {number}": partial(float, number) for number in _FLOATS},
    **{f"text {text[:12]!r}": partial(str, text) for text in _TEXTS},
    **{f"{dtype} array {shape}": partial(np.zeros, shape, dtype) for dtype in _DTYPES for shape in _SHAPES},
    "None": lambda: None,
    "True": lambda: True,
    "False": lambda: False,
    "Ellipsis": lambda: ...,
    "NotImplemented": lambda: NotImplemented,
    "complex": lambda: 1j,
    "complex nan": lambda: complex("nan+infj"),
    "Fraction": lambda: Fraction(1, 3),
    "Decimal": lambda: Decimal("2.5"),
    "Decimal NaN": lambda: Decimal("NaN"),
    "Decimal huge": lambda: Decimal("1e1000"),
    "HugeInt": lambda: HugeInt(3),
    "np.int8": lambda: np.int8(3),
    "np.int8 -1": lambda: np.int8(-1),
    "np.uint64": lambda: np.uint64(2**64 - 1),
    "np.float16": lambda: np.float16(2),
    "np.longdouble": lambda: np.longdouble(1),
    "np.float32 nan": lambda: np.float32("nan"),
    "np.complex64": lambda: np.complex64(1j),
    "np.bool_": lambda: np.True_,
    "NaT": lambda: np.datetime64("NaT", "s"),
    "np.timedelta64": lambda: np.timedelta64(1, "s"),
    "np.str_": lambda: np.str_("a"),
    "np.bytes_": lambda: np.bytes_(b"x"),
    "np.void": lambda: np.void(b"abc"),
    "bytes": lambda: b"abc",
    "empty bytes": lambda: b"",
    "bytes ff": lambda: b"\xff\x00",
    "bytearray": lambda: bytearray(b"x"),
    "memoryview": lambda: memoryview(b"abc"),
    "virtual array": lambda: np.broadcast_to(1.0, (10**6, 10**6)),
    "virtual vector": lambda: np.broadcast_to(1, (10**12,)),
    "nan array": lambda: np.full((3, 3), np.nan),
    "inf array": lambda: np.full((1, 1, 3, 3), np.inf),
    "huge entries": lambda: np.full((3, 3), 2**62),
    "1e308 entries": lambda: np.full((3, 3), 1e308),
    "backwards": lambda: np.arange(9.0).reshape(3, 3)[::-1, ::-1],
    "Fortran": lambda: np.ones((3, 3), order="F"),
    "read-only": lambda: _read_only(np.ones((3, 3))),
    "masked": lambda: np.ma.masked_all((3, 3)),
    "np.matrix": _matrix,
    "None array": lambda: np.array([None, 1]),
    "64 axes": lambda: np.zeros((1,) * 64),
    "[]": lambda: [],
    "()": lambda: (),
    "[[]]": lambda: [[]],
    "[None]": lambda: [None],
    "ragged": lambda: [1, [2, 3]],
    "[3, 3]": lambda: [3, 3],
    "[[1, 2], [3, 4]]": lambda: [[1, 2], [3, 4]],
    "deep": lambda: deep(500),
    "deeper": lambda: deep(5000),
    "recursive": recursive,
    "long list": lambda: [0] * 10**5,
    "100 ones": lambda: (1,) * 100,
    "(1, 'a')": lambda: (1, "a"),
    "(nan, inf)": lambda: (float("nan"), float("inf")),
    "huge list": lambda: [10**400, 3],
    "generator": endless,
    "iterator": lambda: iter([3, 3]),
    "range": lambda: range(3),
    "endless range": lambda: range(10**30),
    "{}": lambda: {},
    "dict": lambda: {"a": 1},
    "dict of ints": lambda: {0: 3, 1: 3},
    "set": lambda: {1, 2},
    "map": lambda: map(int, "33"),
    "object": object,
    "type": lambda: int,
    "function": lambda: len,
    "module": lambda: np,
    "dtype": lambda: np.dtype("f8"),
    "slice": lambda: slice(None),
    "exception": lambda: ValueError("a value"),
    "Path": lambda: Path("x.npz"),
    "Path up": lambda: Path("../x.npz"),
    "BytesIO": io.BytesIO,
    "StringIO": io.StringIO,
    "RaisesIndex": RaisesIndex,
    "RaisesArray": RaisesArray,
    "RaisesLen": RaisesLen,
    "RaisesSequence": RaisesSequence,
    "RaisesIter": RaisesIter,
    "RaisesRepr": RaisesRepr,
    "RaisesFloat": RaisesFloat,
    "LiesLen": lambda: LiesLen([3]),
    "LiesShape": LiesShape,
    "csr_array": lambda: sparse.csr_array(np.eye(3)),
    "csr_array of int": lambda: sparse.csr_array(np.eye(4, 16, dtype=int)),
    "empty csr_array": lambda: sparse.csr_array((0, 0)),
    "nan csr_array": lambda: sparse.csr_array(np.full((2, 2), np.nan)),
    "coo_matrix": lambda: sparse.coo_matrix(np.eye(3)),
    "bsr_array": lambda: sparse.bsr_array(np.eye(4)),
    "dia_array": lambda: sparse.eye_array(3),
    "huge coo_array": lambda: sparse.coo_array((10**9, 10**9)),
    "Conv": lambda: Conv(4, 3),
    "Conv 1-D": lambda: Conv((4,), 3, in_channels=2),
    "huge Conv": lambda: Conv(10**9, 3),
    "gigantic Conv": lambda: Conv((10**400,), 3),
    "ConvTranspose": lambda: ConvTranspose(2, 3),
    "Conv 0-D": lambda: Conv((), ()),
    "Conv 3-D": lambda: Conv((3, 3, 3), 2),
    "AvgPool": lambda: AvgPool(4, 2),
    "MaxPool": lambda: MaxPool(4, 2),
    "huge MaxPool": lambda: MaxPool(10**9, 2),
    "Upsample": lambda: Upsample(4, scale=2),
    "Unfold": lambda: Unfold(4, 3),
    "PixelShuffle": lambda: PixelShuffle(2, 2),
    "layers": lambda: [Conv(4, 3), Conv(2, 2)],
    "layer class": lambda: Conv,
}
"""By name, what makes the value."""
