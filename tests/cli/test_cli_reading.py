"""The one reader of arrays: weights, inputs and pairs from `.npy` files, good, damaged, huge, and no files at all."""

import os
import random
import re
import struct
import threading
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from commandline import good, refused, run
from convmatrix import Conv, presets
from convmatrix.core import memory
from convmatrix.core.npy import open_array
from convmatrix.frameworks.comparison.diagnosis import diagnose
from strategies import integers, seeds, share

TWO = Conv(4, 2)
SHOW = ("show", "--i", 4, "--k", 2, "--weight")
DTYPES = ("|b1", "|i1", "<i2", ">i4", "<i8", "|u1", "<f2", "<f4", ">f8", "<f8", "<c8", "<c16")
LITTLE = 2**20
"""Bytes that reading a small file may allocate."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def read(path):
    with open_array(path, "the weight") as file:
        return file.read()


def peak(function, *arguments):
    """Return value of the function, and its peak memory in bytes."""
    tracemalloc.start()
    try:
        return function(*arguments), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def header(text, version=(1, 0), length=None):
    """The beginning of a file, with any text for its header."""
    text = text.encode("latin-1")
    form = "<H" if version[0] == 1 else "<I"
    return b"\x93NUMPY" + bytes(version) + struct.pack(form, len(text) if length is None else length) + text


def described(descr="'<f8'", order="False", shape="(2, 2)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def reason(content, name="w.npy"):
    """Reason in the error for a file, which `show` and `frameworks` share."""
    Path(name).write_bytes(content)
    np.save("x.npy", np.ones((4, 4)))
    message = refused(*SHOW, name)
    begin = f"convmatrix show: error: cannot read the weight from {name}: "
    assert message.startswith(begin)
    other = refused("frameworks", "--x", "x.npy", "--y", "x.npy", "--weight", name)
    assert other == message.replace("show", "frameworks")
    return message.removeprefix(begin)


# -- good files ------------------------------------------------------------------------------------------------------


@share(0.5)
@given(
    shape=st.lists(st.integers(0, 3), max_size=4).map(tuple),
    dtype=st.sampled_from(DTYPES),
    fortran=st.booleans(),
    version=st.sampled_from([(1, 0), (2, 0), (3, 0)]),
    quote=st.sampled_from("'\""),
    keys=st.permutations(["descr", "fortran_order", "shape"]),
    spaces=st.tuples(*[st.sampled_from(["", " ", "  \n"])] * 4),
    seed=seeds(),
)
def test_arrays_are_read_as_numpy_reads_them(
    tmp_path_factory, shape, dtype, fortran, version, quote, keys, spaces, seed
):
    array = np.asarray(integers(shape, seed), dtype=dtype, order="F" if fortran else "C")
    path = tmp_path_factory.mktemp("npy") / "w.npy"
    # As other programs than NumPy may write it: the format asks for a literal, not for one way to write it.
    values = {"descr": f"{quote}{dtype}{quote}", "fortran_order": str(fortran), "shape": str(shape)}
    first, colon, comma, last = spaces
    fields = f",{comma}".join(f"{quote}{key}{quote}{first}:{colon}{values[key]}" for key in keys)
    content = header(f"{{{fields}}}{last}\n", version) + array.tobytes("F" if fortran else "C")
    path.write_bytes(content)
    found = read(path)
    assert (found.dtype, found.shape) == (np.dtype(dtype), shape)
    assert_array_equal(found, np.load(path))
    assert_array_equal(found, array)
    path.write_bytes(content + b"\0")
    with pytest.raises(
        ValueError, match=f"it has {array.nbytes + 1} bytes? of data where shape .* needs {array.nbytes}: "
    ):
        read(path)


@pytest.mark.parametrize("name", ["w.npy", "w.NPY", "w.Npy"])
def test_endings_in_capitals(name):
    kernel = np.array([[1, 2], [3, 4]])
    with Path(name).open("wb") as file:
        np.save(file, kernel)
    assert_array_equal(presets.parse_weight(TWO, name)[0, 0], kernel)
    assert_array_equal(presets.parse_input(Conv(2, 1), name)[0], kernel)
    assert good(*SHOW, name) == good(*SHOW, "1,2,3,4")
    stdout = good("frameworks", "--x", name, "--y", name, "--weight", name, "--p", 1, "--format", "json")
    assert "y has shape (2, 2) but the arguments give (..., *(1, 3, 3)) for x of shape (2, 2)" in stdout


def test_sizes_with_the_letter_of_python_2():
    data = np.arange(4.0).reshape(2, 2)
    Path("w.npy").write_bytes(header(described(shape="(2L, 2L)")) + data.tobytes())
    assert_array_equal(read("w.npy"), data)


def test_bytes_that_are_no_bool_are_true():
    Path("w.npy").write_bytes(header(described("'|b1'")) + bytes([0, 1, 2, 255]))
    found = read("w.npy")
    assert found.dtype == bool
    assert found.view(np.uint8).tolist() == [[0, 1], [1, 1]]


# -- damaged files ---------------------------------------------------------------------------------------------------

HOSTILE = (
    *("(True,)", "(2.0, 2)", "(-1, 4)", "(-2, -2)", "('2', 2)", "[2, 2]", "4", "(4)", "None", "()", "(,)", "(2, 2,, )"),
    *("(1" + "0" * 400 + ",)", "(0, 1" + "0" * 400 + ")", "(9223372036854775807,)", "(4294967296, 4294967296)"),
    *(
        "(0, 4611686018427387904, 4611686018427387904)",
        "(" + "1, " * 70 + ")",
        "(2, 3)",
        "(1, 2)",
        "(2, 2, 2)",
        "(04,)",
    ),
    *("((2, 2), 2)", "(2, 2", "2, 2)", "((((((((", "(2, 2)" + " " * 9000, "(2,2)#", "(2_0,)", "(0x4,)", "(2LL, 2)"),
    *("(lambda: 2, 2)", "(__import__('os'),)", "(1e999,)", "(2j,)", "(\xff,)", "(\n2\t,\n2)", "({}, {})", "(\\x32, 2)"),
)
DESCRS = (
    *("'|O'", "'O'", "'<U1'", "'|S4'", "'|V8'", "'<M8[ns]'", "'<m8'", "'<f3'", "'<f99'", "'<i0'", "'<f16'", "'<c32'"),
    *("[('a', '<f8')]", "[('a', '<f8', (2,)), ('b', [('c', '<f4')])]", "{}", "None", "8", "'float64'", "'f8,f8'", "''"),
    *(
        "'<f8",
        "'" + "9" * 300 + "'",
        "'(1000000,1000000)f8'",
        "'a8'",
        "'<\xb28'",
        '"<f8"',
        "'\\x3cf8'",
        "b'<f8'",
        "'|b1'",
    ),
)
ORDERS = ("True", "1", "None", "'False'", "false", "", "False, 'more': 1", "False, 'shape': (4,)", "()", "(2, 2)")
FIELDS = {"shape": HOSTILE, "descr": DESCRS, "order": ORDERS}


def mutated(content, rng):
    """A valid file with one to three changes: flipped bits, cut or longer, other fields, versions and lengths."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = rng.choice((_flipped, _flipped, _cut, _with_field, _with_field, _spliced, _reframed))(content, rng)
    return content


def _flipped(content, rng):
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        start, stop = rng.choice(((0, 10), (10, 70), (10, 70), (128, 1000), (128, 1000)))  # length, header, data
        if start < (stop := min(stop, len(changed))):
            changed[rng.randrange(start, stop)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(content, rng):
    return content[: rng.randrange(len(content) + 1)]


def _with_field(content, rng):
    name = rng.choice(list(FIELDS))
    text = described(**{name: rng.choice(FIELDS[name])})
    version = rng.choice(((1, 0), (1, 0), (2, 0), (3, 0)))
    return header(text + " " * rng.randrange(20) + "\n", version) + content[-32:]


def _spliced(content, rng):
    first, second = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    more = rng.choice(
        (b"", b"PK\x03\x04", b"\x93NUMPY", b"\0" * 5000, b"(" * 3000, b"L", b"\\", b"'", b",", b"\xff\xfe", content)
    )
    return content[:first] + more + content[second:]


def _reframed(content, rng):
    length = rng.choice((0, 1, 9, 117, 118, 119, 9999, 65535))
    version = rng.choice(((0, 0), (1, 0), (1, 1), (2, 0), (3, 0), (4, 0), (255, 255)))
    return header(content[10:].decode("latin-1"), version, length) + content[-32:]


def files(count, seed=0):
    """So many mutated files, of weights of all dtypes in both orders; the first begin like archives."""
    rng = random.Random(seed)
    valid = []
    for dtype in DTYPES:
        for order in "CF":
            np.save("valid.npy", np.asarray([[1, 2], [3, 4]], dtype=dtype, order=order))
            valid.append(Path("valid.npy").read_bytes())
    for number in range(count):
        content = rng.choice(valid)
        yield (b"PK\x03\x04", b"PK\x05\x06", b"PK")[number] + content if number < 3 else mutated(content, rng)


def check_mutated(count):
    """Each is read as NumPy reads it, or refused in one sentence, and little is allocated; how many are read."""
    accepted = 0
    tracemalloc.start()
    try:
        for content in files(count):
            Path("w.npy").write_bytes(content)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            try:
                found = read("w.npy")
            except ValueError as error:
                found, message = None, str(error)
            assert tracemalloc.get_traced_memory()[1] - before < LITTLE, content
            if found is None:
                assert re.fullmatch(r"cannot read the weight from w\.npy: [^\n]{10,350}", message), (message, content)
                assert message.isprintable(), (message, content)
                continue
            accepted += 1
            with warnings.catch_warnings(action="ignore"):  # of Python 2, and of dtypes
                np.testing.assert_array_equal(found, np.load("w.npy", allow_pickle=False).astype(found.dtype))
    finally:
        tracemalloc.stop()
    return accepted


def test_150_mutated_files_are_read_right_or_refused():
    assert 5 <= check_mutated(150) <= 75


@pytest.mark.full
def test_2000_mutated_files_are_read_right_or_refused():
    assert 100 <= check_mutated(2000) <= 1000


@pytest.mark.parametrize("count", [8, pytest.param(2000, marks=pytest.mark.full)])
def test_commands_refuse_mutated_files_in_one_line(count):
    np.save("x.npy", np.ones((4, 4)))
    for content in files(count, seed=1):
        Path("w.npy").write_bytes(content)
        for arguments in ((*SHOW, "w.npy"), ("frameworks", "--x", "x.npy", "--y", "x.npy", "--weight", "w.npy")):
            code, out, err = run(*arguments)
            if code:
                assert (code, out, err.count("\n")) == (2, "", 1), (content, err)
                assert err.startswith(f"convmatrix {arguments[0]}: error: "), (content, err)
            else:
                assert err == "", (content, err)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"1 2 3 4\n", "it is not a .npy file of numbers, as numpy.save writes it without pickled objects"),
        (b"\x93NUM", "it is not a .npy file of numbers, as numpy.save writes it without pickled objects"),
        (b"PK\x03\x04 but no archive", "it begins as an .npz archive: save one of its arrays as .npy"),
        (
            header(described("'|O'")),
            "it is not a .npy file of numbers, as numpy.save writes it without pickled objects",
        ),
        (
            header(described(), (4, 2)),
            "it has version 4.2 of the .npy format, but versions 1.0, 2.0 and 3.0 are known: save the array again",
        ),
        (header(described(), length=100), "its header is cut short: it ends after 59 bytes of 100"),
        (header(described())[:9], "its header is cut short: it ends after 1 byte of 2"),
        (
            header(described(), (2, 0), 2**32 - 1),
            "its header has 4294967295 bytes but that of an array of numbers has at most 10000: save the array again",
        ),
        (
            header(described(shape="(True,)")),
            "its header is damaged, or that of an array with named fields: save an array of numbers",
        ),
        (
            header(described("[('a', '<f8')]")),
            "its header is damaged, or that of an array with named fields: save an array of numbers",
        ),
        (
            header(described(shape="(-1,)")),
            "its header is damaged, or that of an array with named fields: save an array of numbers",
        ),
        (header(described(shape="(4)")), "its header is damaged: its shape is no tuple; save the array again"),
        (
            header(described(shape="(2, 02)")),
            "its header is damaged: its shape has entries that are no sizes; save the array again",
        ),
        (
            header(described(shape=f"(1{'0' * 400},)")),
            "its header has a size of 401 digits, more than any array has: save it again",
        ),
        (
            header(described(shape=f"(2, {2**62})")),
            f"its header has shape (2, {2**62}), larger than any array of 8 bytes an entry: save it again",
        ),
        (
            header(described(shape=f"(0, {2**62})")),
            f"its header has shape (0, {2**62}), larger than any array of 8 bytes an entry: save it again",
        ),
        (
            header(described(shape=f"({'1, ' * 65})")),
            "its header has 65 sizes but an array has at most 64 axes: save it again",
        ),
        (
            header(described("'<f3'")),
            "its entries have dtype '<f3', which holds no numbers of NumPy's: save them as float64",
        ),
        (
            header(described("'<U2'")) + bytes(32),
            "its entries have dtype '<U2', which holds no numbers of NumPy's: save them as float64",
        ),
        (
            header(described()) + bytes(31),
            "it is cut short, with 31 bytes of data where shape (2, 2) of float64 needs 32: save the array again",
        ),
        (
            header(described(shape=f"({'1, ' * 9})")),
            "it is cut short, with 0 bytes of data where shape (1, 1, 1, 1, 1, 1, 1, 1, ...) of float64 needs 8: "
            "save the "
            "array again",
        ),
        (
            header(described()) + bytes(40),
            "it has 40 bytes of data where shape (2, 2) of float64 needs 32: save one array, with numpy.save",
        ),
    ],
)
def test_reasons(content, message):
    assert reason(content) == message


@pytest.mark.parametrize("letters", [" ", ",", "(", "'", "L", "0", "2, ", "'a': ", "\n", "{"])
def test_headers_that_repeat_are_answered(letters):
    """As long as a header may be; a pattern that tried all ways to split it would take for ever."""
    for text in (letters * 9900, described(shape=f"({letters * 9900}")[:9990], described(shape=f"({letters * 3000})")):
        Path("w.npy").write_bytes(header(text[:10000]))
        with pytest.raises(ValueError, match=r"^cannot read the weight from w.npy: "):
            read("w.npy")


# -- what is no file -------------------------------------------------------------------------------------------------


def test_directories_missing_files_loops_and_odd_names():
    Path("folder.npy").mkdir()
    Path("loop.npy").symlink_to("loop.npy")
    Path("nowhere.npy").symlink_to("gone.npy")
    np.save("x.npy", np.ones((4, 4)))
    for name, message in (
        ("folder.npy", "Is a directory"),
        ("loop.npy", "Too many levels of symbolic links"),
        ("gone.npy", "No such file or directory"),
        ("nowhere.npy", "No such file or directory"),
        ("x.npy/w.npy", "Not a directory"),
        ("w" * 300 + ".npy", "File name too long"),
        ("a\0.npy", "no file can have this name"),
    ):
        shown = name.replace("\0", "\\x00")
        for arguments in ((*SHOW, name), ("frameworks", "--x", "x.npy", "--y", "x.npy", "--weight", name)):
            assert (
                refused(*arguments)
                == f"convmatrix {arguments[0]}: error: cannot read the weight from {shown}: {message}"
            )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize(
    ("cut", "message"), [(0, None), (5, "it is cut short, with 27 bytes of data where"), (100, "cut")]
)
def test_a_pipe_is_read(cut, message):
    np.save("w.npy", kernel := np.arange(4.0).reshape(2, 2))
    content = Path("w.npy").read_bytes()
    os.mkfifo("pipe.npy")
    writer = threading.Thread(target=Path("pipe.npy").write_bytes, args=(content[: len(content) - cut],))
    writer.start()
    try:
        if message is None:
            assert_array_equal(presets.parse_weight(TWO, "pipe.npy")[0, 0], kernel)
        else:
            with pytest.raises(ValueError, match=message):
                presets.parse_weight(TWO, "pipe.npy")
    finally:
        writer.join()


# -- large files -----------------------------------------------------------------------------------------------------


def sparse(name, shape):
    """A file that has all its zeros, and takes no space on the disk."""
    with Path(name).open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + 8 * int(np.prod(shape)))


LARGE = ((3 * 2**27,), (3, 4, 2**13, 2**12), (3, 2**27), (2**13, 2**13, 6))
"""Shapes of three gibibytes."""


@pytest.mark.parametrize("shape", [*LARGE[:2], *(pytest.param(shape, marks=pytest.mark.full) for shape in LARGE[2:])])
def test_a_file_of_three_gibibytes_is_refused_by_its_header(shape):
    sparse("w.npy", shape)
    np.save("x.npy", np.ones((4, 4)))
    message, used = peak(refused, *SHOW, "w.npy")
    assert (
        message
        == f"convmatrix show: error: weight in w.npy has shape {shape} but the layer needs (1, 1, 2, 2) or (2, 2)"
    )
    assert used < 32 * LITTLE
    for option in ("--weight", "--x", "--y"):
        arrays = {"--x": "x.npy", "--y": "x.npy", "--weight": "x.npy"} | {option: "w.npy"}
        result, used = peak(run, "frameworks", *(word for pair in arrays.items() for word in pair))
        assert used < 32 * LITTLE, option
        assert result.code in (0, 2)
        assert str(shape) in " ".join((result.out + result.err).split()), result


def test_arrays_that_fit_by_shape_and_not_in_memory_are_refused_before_they_are_read(monkeypatch):
    sparse("x.npy", (2**14, 2**14))
    sparse("y.npy", (2**14 - 2, 2**14 - 2))
    np.save("w.npy", np.ones((3, 3)))
    monkeypatch.setattr(memory, "available_memory", lambda: 2**30)
    message, used = peak(refused, "frameworks", "--x", "x.npy", "--y", "y.npy", "--weight", "w.npy")
    assert message.startswith(
        "convmatrix frameworks: error: a diagnosis of x, y and weight, of 268435456 + 268369924 + 9 values, needs 20 "
        "GiB but 1 GiB of memory is available"
    )
    assert used < 32 * LITTLE
    with pytest.raises(
        ValueError, match=r"^input in x\.npy, of shape \(16384, 16384\)|^input of shape \(1, 16384, 16384\)"
    ):
        presets.parse_input(Conv(2**14, 3), "x.npy")


def test_a_diagnosis_of_files_is_that_of_their_arrays():
    rng = np.random.default_rng(0)
    x, w = rng.integers(-9, 10, (2, 6, 6)), rng.integers(-9, 10, (3, 2, 3, 3))
    layer = Conv(6, 3, in_channels=2, out_channels=3)
    for kernel, found in ((w, ((),)), (w[:, :, ::-1, ::-1], (("kernel_flipped",),)), (w + 1, ())):
        y = layer.unvec(layer.matrix(kernel) @ layer.vec(x))
        for name, array in {"x": x, "y": y, "w": w}.items():
            np.save(f"{name}.npy", array)
        with (
            open_array("x.npy", "x") as reference,
            open_array("y.npy", "y") as target,
            open_array("w.npy", "w") as weight,
        ):
            diagnosis = diagnose(reference, target, weight)
        assert diagnosis.found == found
        assert str(diagnosis) == str(diagnose(x, y, w))


def test_a_diagnosis_by_shapes_reads_nothing():
    np.save("x.npy", np.ones((4, 4)))
    np.save("y.npy", np.ones((2, 7)))
    np.save("w.npy", np.ones((3, 3)))
    with open_array("x.npy", "x") as x, open_array("y.npy", "y") as y, open_array("w.npy", "w") as weight:
        start = x.file.tell()
        diagnosis = diagnose(x, y, weight)
        assert x.file.tell() == start
    assert str(diagnosis) == str(diagnose(np.ones((4, 4)), np.ones((2, 7)), np.ones((3, 3))))
    assert str(diagnosis).startswith(
        "y has shape (2, 7) but the arguments give (..., *(1, 2, 2)) for x of shape (4, 4)"
    )
