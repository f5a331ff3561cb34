"""Recorded results of frameworks that cannot be installed beside the others: written by `make oracles`, read here.

It needs only NumPy, of any version, since the scripts in ``tests/oracles/record_*.py`` run in the environments of
those frameworks. A case is a dictionary: ``call`` (name of the function), ``words`` (its arguments in JSON), ``seed``,
the shapes of the arrays, and either ``y`` and ``y_shape`` or ``error``, the message of the error.
"""

import gzip
import json
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[1] / "oracles" / "data"


def filled(shape, seed):
    """Return small pseudo-random integers, hashed from their indices: the same under every version of NumPy."""
    count = int(np.prod(shape, dtype=np.int64))
    mixed = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed % 2**32) * np.uint64(2**31 + 11)
    for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):  # those of splitmix64, whose products wrap around
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(factor)
    return ((mixed >> np.uint64(33)) % np.uint64(9)).astype(np.int64).reshape(shape) - 4


def outcome(call):
    """Return the result or the error of a call as a part of a case; results are integers, as the arguments are."""
    try:
        y = np.asarray(call())
    except Exception as error:  # of any class that a framework raises
        return {"error": f"{type(error).__name__}: {error}"}
    whole = np.rint(y).astype(np.int64)
    if not np.array_equal(whole, y):
        raise AssertionError("a recorded result is no integer")
    return {"y": whole.ravel().tolist(), "y_shape": list(y.shape)}


def write(name, versions, cases):
    """Write cases; the same cases have the same bytes."""
    DATA.mkdir(exist_ok=True)
    text = json.dumps({"versions": versions, "cases": cases}, separators=(",", ":"))
    (DATA / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def read(name):
    """Return the versions of the framework and of its environment, and the cases."""
    recorded = json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))
    return recorded["versions"], recorded["cases"]


def result(case):
    """Return the array that a case records; None if the framework raised an error."""
    return None if "error" in case else np.array(case["y"], dtype=np.int64).reshape(case["y_shape"])
