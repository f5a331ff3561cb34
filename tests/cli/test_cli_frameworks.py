"""Test the command `frameworks`: its tables, the diagnosis of arrays, errors, and pipes."""

import json
import os
import re

import numpy as np
import pytest

from commandline import TELLING, good, process, refused, start
from convmatrix import presets
from convmatrix.frameworks.comparison.agreement import compare

SAME = ("frameworks", "--i", 6, "--k", 3, "--s", 2, "--p", "same")
UP = ("frameworks", "--transpose", "--i", 3, "--k", 3, "--s", 2, "--p", 1)

SAME_AT_80 = """\
framework   output  pads  kernel    values
convmatrix  3x3     0,1   as it is  equal
torch       -       -     -         refused
tensorflow  3x3     0,1   as it is  equal
keras       3x3     0,1   as it is  equal
jax         3x3     0,1   as it is  equal
flax        3x3     0,1   as it is  equal
onnx        3x3     0,1   as it is  equal
theano      -       -     -         refused
mxnet       -       -     -         refused
caffe       -       -     -         refused

Conv(input_size=(6, 6), kernel_size=(3, 3), stride=(2, 2), padding='same')
    # x (1, 1, 6, 6), w (1, 1, 3, 3)
torch: padding 'same' needs stride 1 in PyTorch, got 2 on axis 0: give the
    padding in numbers, such as 1
tf.nn.conv2d(x, w, strides=(2, 2), padding='SAME')
    # x (1, 6, 6, 1), w (3, 3, 1, 1)
keras.layers.Conv2D(filters=1, kernel_size=(3, 3), strides=(2, 2),
    padding='same')(x)  # x (1, 6, 6, 1), w (3, 3, 1, 1)
jax.lax.conv_general_dilated(x, w, window_strides=(2, 2), padding='SAME')
    # x (1, 1, 6, 6), w (1, 1, 3, 3)
flax.nnx.Conv(in_features=1, out_features=1, kernel_size=(3, 3), strides=(2, 2),
    padding='SAME', rngs=rngs)(x)  # x (1, 6, 6, 1), w (3, 3, 1, 1)
onnx Conv(auto_pad='SAME_UPPER', strides=(2, 2))
    # x (1, 1, 6, 6), w (1, 1, 3, 3)
theano: border_mode 'same' is not one of valid, half, full
mxnet / caffe: there are no names for paddings, got 'same': say the pads in
    numbers

pads: before and after on each axis. kernel: as the windows read it. values:
beside the first row, with the same kernel. x and w: input and weight in the
framework's layout.
"""

UP_AT_140 = """\
framework              output  cropped  kernel    values
convmatrix             5x5     1        flipped   equal
torch                  5x5     1        flipped   equal
tensorflow             -       -        -         refused
keras                  -       -        -         refused
jax                    5x5     1        as it is  same shape, different values
jax, transpose_kernel  5x5     1        flipped   equal
flax                   5x5     1        as it is  same shape, different values
onnx                   5x5     1        flipped   equal
theano                 -       -        -         refused
mxnet                  5x5     1        flipped   equal
caffe                  5x5     1        flipped   equal
"""


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    for name in TELLING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


# -- the table -------------------------------------------------------------------------------------------------------


def test_the_table_at_eighty_columns():
    assert good(*SAME) == SAME_AT_80
    assert good(*SAME, "--format", "text", terminal=True) == SAME_AT_80


def test_the_table_at_a_hundred_and_forty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    stdout = good(*UP)
    assert stdout.startswith(UP_AT_140 + "\n")
    lines = stdout.splitlines()
    assert 120 < max(map(len, lines)) <= 140
    assert (
        "jax.lax.conv_transpose(x, w, strides=(2, 2), padding=((1, 1), (1, 1)), transpose_kernel=True)  "
        "# x (1, 3, 3, 1), w (3, 3, 1, 1)"
    ) in lines
    assert stdout.endswith("with the same kernel. x and w: input and weight in the\nframework's layout.\n")


@pytest.mark.parametrize("width", [1, 20, 40, 80, 140, 400])
def test_no_line_is_broken_within_a_tuple_that_fits(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = good(*UP).splitlines()[13:]
    assert not any("\0" in line for line in lines)
    if width >= 40:
        assert max(map(len, lines)) <= width
        calls = "\n".join(lines).partition("\n\n")[0]
        assert not re.search(r"\([\d, ]*\n[ \d,]*\)", calls)
        joined = re.sub(r"\n {4}", " ", calls)
        assert "stride=[2, 2], pad=[1, 1]))  # x (1, 1, 3, 3), w (1, 1, 3, 3)" in re.sub(r" +#", "  #", joined)


def test_an_error_of_several_frameworks_is_printed_once():
    stdout = good("frameworks", "--i", 6, "--k", 9).splitlines()
    assert "convmatrix / torch / tensorflow / keras / jax / flax / onnx / theano / mxnet /" in stdout
    assert sum("kernel does not fit" in line for line in stdout) == 1


def test_pads_that_differ_from_axis_to_axis_and_no_axes():
    stdout = good("frameworks", "--i", "6x5", "--k", "3x1", "--p", "1,0x0")
    assert "convmatrix  5x5     1,0x0  as it is  equal\n" in stdout
    assert "one tap" in good("frameworks", "--i", 4, "--k", 1)


def test_a_setting_by_its_name():
    rows = json.loads(good("frameworks", "--setting", "padding_strides", "--format", "json"))
    layer = presets.setting("padding_strides")
    assert rows[0]["layer"] == repr(layer)
    assert rows[0]["output_size"] == list(layer.output_size)
    up = json.loads(good("frameworks", "--setting", "padding_strides_odd_transposed", "--format", "json"))
    layer = presets.setting("padding_strides_odd_transposed")
    assert (up[0]["output_size"], up[0]["verdict"]) == (list(layer.output_size), "equal")
    assert "jax, transpose_kernel" in [row["framework"] for row in up]


@pytest.mark.parametrize("name", presets.settings())
def test_every_setting_has_a_table(name):
    assert good("frameworks", "--setting", name).startswith("framework ")


def test_json_is_the_rows():
    loaded = json.loads(good(*SAME, "--format", "json"))
    rows = compare(6, 3, stride=2, padding="same")
    assert len(loaded) == len(rows) == 10
    for entry, row in zip(loaded, rows, strict=True):
        assert list(entry) == [
            "framework",
            "call",
            "verdict",
            "output_size",
            "pads",
            "flipped",
            "reason",
            "arrays",
            "layer",
        ]
        assert entry["layer"] == (row.layer and repr(row.layer))
        assert entry["pads"] == (row.pads and [list(ends) for ends in row.pads])
        for name in ("framework", "call", "verdict", "flipped", "reason", "arrays"):
            assert entry[name] == getattr(row, name)


def test_markdown_is_one_table():
    stdout = good(*UP, "--format", "md").splitlines()
    assert stdout[0] == "| framework | output | cropped | kernel | values | call, or why it is refused |"
    assert stdout[1] == "| --- | --- | --- | --- | --- | --- |"
    assert len(stdout) == 2 + 11
    assert {line.count(" | ") for line in stdout} == {5}
    assert stdout[6] == (
        "| jax | 5x5 | 1 | as it is | same shape, different values | `jax.lax.conv_transpose(x, w, "
        "strides=(2, 2), padding=((1, 1), (1, 1)))` with x (1, 3, 3, 1), w (3, 3, 1, 1) |"
    )
    assert good(*SAME, "--format", "md").splitlines()[0].startswith("| framework | output | pads |")


# -- from arrays -----------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
X, W = RNG.integers(-9, 10, (2, 6, 6)), RNG.integers(-9, 10, (3, 2, 3, 3))


def windows(kernel):
    """Compute a convolution with stride 2 and a pad of 1 by loops."""
    padded = np.pad(X, ((0, 0), (1, 1), (1, 1)))
    return np.array(
        [
            [[np.sum(padded[:, 2 * o : 2 * o + 3, 2 * q : 2 * q + 3] * filt) for q in range(3)] for o in range(3)]
            for filt in kernel
        ]
    )


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arrays = {
        "x": X,
        "w": W,
        "y": windows(W),
        "flipped": windows(W[:, :, ::-1, ::-1]),
        "other": RNG.integers(-99, 100, (3, 3, 3)),
    }
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)
    return tmp_path


def diagnosis(y, *more, x="x.npy", weight="w.npy"):
    return ("frameworks", "--x", x, "--y", y, "--weight", weight, "--s", 2, "--p", 1, *more)


@pytest.mark.usefixtures("files")
def test_a_flipped_kernel_is_found():
    stdout = good(*diagnosis("flipped.npy"))
    assert stdout.startswith("kernel_flipped: the other framework flips the kernel along all axes")
    assert max(map(len, stdout.splitlines())) <= 80
    assert " ".join(stdout.split()).endswith("to get y: flip(weight) (exact in all values).")
    found = json.loads(good(*diagnosis("flipped.npy", "--format", "json")))
    assert found == {"found": [["kernel_flipped"]], "sentence": " ".join(stdout.split())}


@pytest.mark.usefixtures("files")
def test_nothing_is_found_where_nothing_is_needed_and_where_nothing_explains():
    assert good(*diagnosis("y.npy")) == "none needed: our values are equal to y already (exact in all values).\n"
    assert json.loads(good(*diagnosis("y.npy", "--format", "json")))["found"] == [[]]
    stdout = " ".join(good(*diagnosis("other.npy")).split())
    assert re.match(r"none of \d+ conventions, and no 2 of them together, explains y: our values differ in ", stdout)
    assert json.loads(good(*diagnosis("other.npy", "--format", "json"))) == {"found": [], "sentence": stdout}


@pytest.mark.usefixtures("files")
def test_arguments_that_do_not_fit_the_arrays():
    stdout = " ".join(good("frameworks", "--x", "x.npy", "--y", "y.npy", "--weight", "w.npy", "--s", 2).split())
    assert stdout.startswith("y has shape (3, 3, 3) but the arguments give (..., *(3, 2, 2)) for x of shape (2, 6, 6)")


def test_a_file_in_a_folder_with_spaces(files):
    (files / "a b").mkdir()
    np.save(files / "a b" / "x.npy", X)
    assert good(*diagnosis("y.npy", x="a b/x.npy")).startswith("none needed")


# -- errors ---------------------------------------------------------------------------------------------------------

ERROR = "convmatrix frameworks: error: "


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (("--x", "x.npy"), "--y and --weight are missing"),
        (("--y", "y.npy"), "--x and --weight are missing"),
        (("--x", "x.npy", "--y", "y.npy"), "--weight is missing"),
        (("--weight", "w.npy", "--y", "y.npy"), "--x is missing"),
    ],
)
def test_an_array_that_is_missing(given, missing):
    assert refused("frameworks", *given) == (
        f"{ERROR}{missing}: a convention is found from three arrays, --x, --y and --weight"
    )


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("name", ["x.txt", "x.npz", "x", "x.npy.txt", "."])
def test_a_file_that_is_no_npy_by_its_name(name):
    assert refused(*diagnosis("y.npy", x=name)) == f"{ERROR}--x {name} is no .npy file: write the array with numpy.save"


def test_a_file_that_holds_no_array(files):
    (files / "empty.npy").write_bytes(b"")
    (files / "text.npy").write_text("1 2 3")
    (files / "cut.npy").write_bytes((files / "y.npy").read_bytes()[:-8])
    np.savez(files / "several.npz", X)
    (files / "several.npz").rename(files / "several.npy")
    np.save(files / "objects.npy", np.array([{}], dtype=object))
    no_numbers = "it is not a .npy file of numbers, as numpy.save writes it without pickled objects"
    for name, reason in (
        ("empty", "it is empty"),
        ("text", no_numbers),
        (
            "cut",
            "it is cut short, with 208 bytes of data where shape (3, 3, 3) of int64 needs 216: save the array again",
        ),
        ("several", "it begins as an .npz archive: save one of its arrays as .npy"),
        ("objects", no_numbers),
    ):
        assert refused(*diagnosis(f"{name}.npy")) == f"{ERROR}cannot read y from {name}.npy: {reason}"


@pytest.mark.usefixtures("files")
def test_a_file_that_is_not_there():
    assert refused(*diagnosis("none.npy")) == f"{ERROR}cannot read y from none.npy: No such file or directory"


@pytest.mark.usefixtures("files")
def test_an_array_of_strings():
    np.save("strings.npy", np.array(["a", "b"]))
    assert refused(*diagnosis("strings.npy")) == (
        f"{ERROR}cannot read y from strings.npy: its entries have dtype '<U1', which holds no numbers of NumPy's: save "
        "them as float64"
    )


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("option", "value"), [("--i", 6), ("--k", 3), ("--cin", 2), ("--cout", 3), ("--input-size", 6)]
)
def test_arguments_that_the_arrays_determine_are_errors(option, value):
    short = {"--input-size": "--i"}.get(option, option)
    assert refused(*diagnosis("y.npy", option, value)) == (
        f"{ERROR}{short} cannot stand beside arrays, whose shapes decide it: leave it out"
    )


@pytest.mark.usefixtures("files")
def test_a_setting_cannot_stand_beside_arrays():
    arrays = ("--x", "x.npy", "--y", "y.npy", "--weight", "w.npy")
    stderr = refused("frameworks", *arrays, "--setting", "no_padding_strides")
    assert stderr == f"{ERROR}--setting cannot stand beside arrays, whose shapes decide it: leave it out"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--i is missing: give --i and --k, as in --i 4 --k 3, or a --setting"),
        (("--k", 3), "--i is missing: give --i and --k, as in --i 4 --k 3, or a --setting"),
        (("--i", 4), "--k is missing: give --i and --k, as in --i 4 --k 3, or a --setting"),
        (("--i", 6, "--k", 3, "--o", 6), "--o needs --transpose: a convolution has only one output size"),
        (
            ("--i", 6, "--k", 3, "--g", 2),
            "groups=2 does not divide in_channels=1 (remainder 1): make in_channels a multiple of 2",
        ),
        (
            ("--i", "6x6", "--k", "3x3x3"),
            "input_size has 2 but kernel_size has 3 entries, (3, 3, 3): give one entry for each axis, or one "
            "number for "
            "all",
        ),
        (("--i", 6, "--k", 3, "--s", 0), "stride on axis 0 must be at least 1, got 0"),
    ],
)
def test_arguments_that_make_no_table(arguments, message):
    assert refused("frameworks", *arguments) == ERROR + message


def test_a_format_that_there_is_not():
    assert "argument --format: invalid choice: 'yaml' (choose from " in refused(*SAME, "--format", "yaml")


def test_help_fits_the_screen():
    stdout = good("frameworks", "--help")
    assert max(len(line) for line in stdout.partition("examples:")[0].splitlines()) <= 82
    assert "which convention lies between its y and ours." in stdout


# -- pipes and exit codes --------------------------------------------------------------------------------------------


def test_a_pipe_has_the_same_table():
    assert process(*SAME) == (0, SAME_AT_80, "")


def test_a_reader_that_has_seen_enough():
    read, write = os.pipe()
    with start(*SAME, stdout=write) as started:
        os.close(read)
        os.close(write)
        _, err = started.communicate(timeout=120)
    assert (started.returncode, err.decode()) == (0, "")


def test_an_error_is_one_line_on_stderr():
    code, out, err = process("frameworks", "--k", 3)
    assert (code, out) == (2, "")
    assert err == f"{ERROR}--i is missing: give --i and --k, as in --i 4 --k 3, or a --setting\n"
