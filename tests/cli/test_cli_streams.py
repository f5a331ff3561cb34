"""Streams that are closed, full or read by nobody, names that are no text, and interrupts at any time."""

import contextlib
import io
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import convmatrix
from commandline import Stream, environment, good, refused, run
from convmatrix import presets
from convmatrix.cli import main, terminal
from convmatrix.cli.interrupts import held_back, is_interrupt
from convmatrix.cli.terminal import Bar, some_stderr

LAYER = ("show", "--i", "4", "--k", "3")
ROOT = Path(convmatrix.__file__).parent.parent
FULL = Path("/dev/full")

needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")

COMMANDS = {
    LAYER: 0,
    ("presets", "sobel"): 0,
    ("export", "C.npz", "--i", "4", "--k", "3"): 0,
    ("export", "--help"): 0,
    ("--help",): 0,
    ("--version",): 0,
    ("show", "--i", "4", "--k", "5"): 2,
    ("show", "--foo"): 2,
    ("export", "nowhere/C.npz", "--i", "4", "--k", "3"): 1,
    (): 0,
}
"""Commands, and the exit status that each has where both streams are good."""

KINDS = ("good", "closed", "full", "no reader")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stream(kind):
    """A stream as Python opens it for a process."""
    if kind == "closed":
        return None
    if kind == "good":
        return Stream()
    if kind == "full":
        return FULL.open("w", encoding="utf-8")
    read, write = os.pipe()
    os.close(read)
    return open(write, "w", encoding="utf-8")  # noqa: PTH123


def expected(arguments, out):
    """The exit status: that of the command, or 1 where it cannot print what it has to."""
    return 1 if not COMMANDS[arguments] and out in ("closed", "full") else COMMANDS[arguments]


def status_of(arguments, out, err):
    """Run the command in this process with such streams; nothing is left that Python would write when it exits."""
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        streams = {"stdout": stream(out), "stderr": stream(err)}
        for name, made in streams.items():
            patch.setattr(sys, name, made)
            if made is not None:
                stack.callback(made.close)  # as at the end of the process: fails where something is left
        try:
            status = main(arguments)
        except SystemExit as stop:
            status = stop.code
        texts = {name: made.text() for name, made in streams.items() if isinstance(made, Stream)}
    return status, texts


@needs_full
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_the_status_reports_what_streams_cannot(arguments):
    for out, err in itertools.product(KINDS, repeat=2):
        status, texts = status_of(arguments, out, err)
        assert status == expected(arguments, out), (out, err)
        printed = status == 0 and out == "good"
        assert bool(texts.get("stdout")) is printed, (out, err)
        if err == "good":
            assert texts["stderr"].count("\n") == (status != 0), (out, err)


@needs_full
def test_errors_of_the_standard_output_are_reported():
    for out, message in (
        ("closed", "the standard output is closed"),
        ("full", "cannot write to the standard output: No space left on device"),
    ):
        assert status_of(LAYER, out, "good") == (1, {"stderr": f"convmatrix show: error: {message}\n"})
        assert status_of(("--version",), out, "good") == (1, {"stderr": f"convmatrix: error: {message}\n"})


def process_status(arguments, out, err):
    """The same of a process."""
    closing = f'exec "$@" {">&-" * (out == "closed")} {"2>&-" * (err == "closed")}'
    with contextlib.ExitStack() as stack:
        given = {}
        for name, kind in {"stdout": out, "stderr": err}.items():
            made = stream(kind) if kind in ("full", "no reader") else None
            given[name] = subprocess.PIPE if made is None else stack.enter_context(made)
        done = subprocess.run(
            ["sh", "-c", closing, "sh", sys.executable, "-m", "convmatrix", *arguments],
            env=environment(PYTHONPATH=str(ROOT)),
            timeout=120,
            check=False,
            **given,
        )
    stderr = done.stderr or b""
    assert b"Traceback" not in stderr
    assert b"Exception ignored" not in stderr
    return done.returncode


@needs_full
@pytest.mark.parametrize(
    ("arguments", "out", "err"),
    [
        (("--version",), "full", "full"),
        (("export", "--help"), "no reader", "closed"),
        (("show", "--i", "4", "--k", "5"), "closed", "no reader"),
    ],
    ids=["version", "help", "refused"],
)
def test_the_status_of_processes(arguments, out, err):
    assert process_status(arguments, out, err) == expected(arguments, out)


@needs_full
@pytest.mark.full
@pytest.mark.parametrize("arguments", [LAYER, ("export", "--help"), ("show", "--foo")], ids=" ".join)
def test_the_status_of_processes_with_all_streams(arguments):
    for out, err in itertools.product(KINDS, repeat=2) if arguments == LAYER else zip(KINDS, KINDS, strict=True):
        assert process_status(arguments, out, err) == expected(arguments, out), (out, err)


def test_a_pipe_that_breaks_elsewhere_is_an_error(monkeypatch):
    """That of a program which makes the film, say: only the reader of the standard output may leave."""

    def fails(*_):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(presets, "parse_weight", fails)
    assert run(*LAYER, "--weight", "ones") == (1, "", "convmatrix show: error: [Errno 32] Broken pipe\n")


def test_messages_that_stderr_cannot_encode():
    code, out, err = run(*LAYER, "--weight", "größe.npy", encoding="ascii")
    assert (code, out) == (2, "")
    assert err == ("convmatrix show: error: cannot read the weight from gr\\xf6\\xdfe.npy: No such file or directory\n")


class Terminal(io.StringIO):
    """A terminal, of which the user may hang up."""

    gone = False

    def isatty(self):
        return True

    def write(self, text):
        if self.gone:
            raise OSError(5, "Input/output error")
        return super().write(text)


def test_a_bar_without_a_terminal_stops_nothing(monkeypatch):
    monkeypatch.setattr(terminal, "_PATIENCE", -1)
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    with Bar("work") as bar:
        bar(1, 2)
    assert "work [" in shown.getvalue()
    assert " 50%" in shown.getvalue()
    with Bar("work") as bar:
        bar(1, 2)
        shown.gone = True
        bar(2, 2)
    monkeypatch.setattr(sys, "stderr", None)
    with Bar("work") as bar:
        bar(1, 2)


# -- names that are no text ------------------------------------------------------------------------------------------

NO_TEXT = os.fsdecode(b"\xff")


@pytest.mark.full
@pytest.mark.parametrize(
    "arguments",
    [
        ("figure", "--i", 2, "--k", 2, "--save", "f.svg"),
        ("figure", "--i", 2, "--k", 2, "--save", "f.pdf", "--kind", "matrix"),
        ("figure", "--i", 2, "--k", 2, "--save", "f.tex"),
        ("animate", "--i", 2, "--k", 2, "--save", "f.html"),
        ("animate", "--i", 2, "--k", 2, "--save", "f.svg"),
        ("explore", "--i", 2, "--k", 2, "--save", "f.html"),
    ],
    ids=lambda arguments: f"{arguments[0]} {arguments[6]}",
)
def test_a_title_that_is_no_text(arguments):
    code, _, err = run(*arguments, "--title", NO_TEXT)
    if code == 0:
        assert err == ""
        Path(arguments[6]).read_bytes()
    else:
        assert (code, err.count("\n"), Path(arguments[6]).exists()) == (2, 1, False)


@pytest.mark.parametrize("option", ["--i", "--p", "--mode", "--setting", "--weight", "--format", "--color", NO_TEXT])
def test_options_that_are_no_text(option):
    message = refused("show", *(LAYER[1:] if option != "--setting" else ()), option, f"a{NO_TEXT}")
    assert "\\udcff" in message
    assert message.isascii()


def test_files_whose_names_are_no_text():
    assert good("export", f"{NO_TEXT}.npz", *LAYER[1:]) == "\\udcff.npz: 4 × 16, 36 entries, weight arange\n"
    assert os.listdir(b".") == [b"\xff.npz"]  # noqa: PTH208  bytes
    good(*LAYER, "--save", f"{NO_TEXT}.json")
    assert Path(f"{NO_TEXT}.json").exists()


# -- interrupts ------------------------------------------------------------------------------------------------------

STUBS = {
    "interrupted": "raise KeyboardInterrupt",
    "by a signal": "os.kill(os.getpid(), signal.SIGINT); raise ImportError('initialization failed')",
    "by a signal that is lost": """
try:
    os.kill(os.getpid(), signal.SIGINT)
except BaseException:
    pass
raise SystemExit("goes on")
""",
    "twice": "os.kill(os.getpid(), signal.SIGINT); os.kill(os.getpid(), signal.SIGINT); raise SystemError('never')",
}
"""Events during the import of NumPy."""


@pytest.mark.parametrize("kind", STUBS)
@pytest.mark.parametrize(
    "program",
    [("-m", "convmatrix"), ("-c", "import sys; from convmatrix.cli import main; sys.exit(main())")],
    ids=["module", "script"],
)
def test_interrupted_while_it_imports(folder, kind, program):
    (folder / "numpy").mkdir()
    (folder / "numpy" / "__init__.py").write_text(f"import os, signal, sys\n{STUBS[kind]}\n")
    done = subprocess.run(
        [sys.executable, *program, *LAYER],
        env=environment(PYTHONPATH=f"{folder}{os.pathsep}{ROOT}"),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"convmatrix: interrupted\n")


@pytest.mark.full
@pytest.mark.parametrize("arguments", [LAYER, ("figure", *LAYER[1:], "--save", "f.svg")], ids=["show", "figure"])
def test_interrupted_at_any_time(arguments):
    """From when this package begins to be imported: what comes before is Python's."""
    for step in range(6):
        ready, begun = os.pipe()
        code = f"import os; os.write({begun}, b'.'); from convmatrix.cli import main; raise SystemExit(main())"
        with subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env=environment(PYTHONPATH=str(ROOT)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[begun],
        ) as process:
            os.read(ready, 1)
            time.sleep(0.02 + 0.24 * step)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=120)
        os.close(ready)
        os.close(begun)
        if process.returncode not in (0, -signal.SIGINT):  # done before, or about to be
            assert process.returncode == 130
            assert err.decode() in ("convmatrix: interrupted\n", f"convmatrix {arguments[0]}: interrupted\n")


@pytest.mark.parametrize("error", [ImportError("initialization failed"), SystemError("returned NULL")])
def test_an_error_that_an_interrupt_became(monkeypatch, error):
    def chained(*_):
        raise error from KeyboardInterrupt()

    monkeypatch.setattr(presets, "parse_weight", chained)
    assert run(*LAYER, "--weight", "ones") == (130, "", "convmatrix show: interrupted\n")

    def fails(*_):
        raise type(error)("a bug")

    monkeypatch.setattr(presets, "parse_weight", fails)
    with pytest.raises(type(error), match=r"^a bug$"):
        run(*LAYER, "--weight", "ones")


def interrupted(times, done, error=None):
    """A block that is interrupted so many times; it keeps a record of how far it comes."""
    with held_back():
        for number in range(times):
            signal.raise_signal(signal.SIGINT)
            done.append(number)
        if error is not None:
            raise error


def test_interrupts_are_held_back():
    for times, so_far in ((0, []), (1, [0]), (2, [0]), (3, [0])):
        done = []
        with pytest.raises(KeyboardInterrupt) if times else contextlib.nullcontext():
            interrupted(times, done)
        assert done == so_far
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        interrupted(1, [], ImportError("initialization failed"))
    with pytest.raises(ImportError) as caught:
        interrupted(0, [], ImportError("initialization failed"))
    assert not is_interrupt(caught.value)


def test_interrupts_that_are_ignored_stay_so(monkeypatch):
    """As those of a job in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held_back():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_command_line_runs_in_any_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(main(["presets", "sobel"])))
    with contextlib.redirect_stdout(Stream()):
        thread.start()
        thread.join()
    assert results == [0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "--i", "9" * 5000, "--k", "2"),
        ("show", "--i", "x" * 5000, "--k", "2"),
        ("x" * 5000,),
        ("show", "--i", "3", "--k", "2", "--" + "x" * 5000),
        ("export", "C.npz", "--i", "3", "--k", "2", "--rows", "9" * 5000),
        ("show", "--i", "3", "--k", "2", "--weight", "random:" + "9" * 5000),
        ("show", "--i", "3", "--k", "2", "--weight", "9" * 400),
        ("show", "--i", "3", "--k", "2", "--weight", "1e" + "9" * 5000),
        ("show", "--i", "3", "--k", "2", "--weight", "../" * 1000 + "w.npy"),
        ("figure", "--i", "3", "--k", "2", "--step", "9" * 5000, "--save", "x.svg"),
        ("figure", "--i", "3", "--k", "2", "--output", "9" * 5000, "--save", "x.svg"),
        ("export", "C." + "x" * 5000, "--i", "3", "--k", "2"),
    ],
)
def test_a_long_word_is_not_repeated_as_a_whole(arguments):
    result = run(*arguments)
    assert result.code == 2
    assert len(result.err.splitlines()) == 1
    assert len(result.err) < 700
    assert "set_int_max_str_digits" not in result.err
    assert "invalid" not in result.err or "invalid choice" in result.err


def test_a_sum_of_weights_that_overflows_warns_nobody(recwarn):
    weight = ",".join(["1e308"] * 9)
    result = run("verify", "--i", "4", "--k", "3", "--p", "1", "--mode", "reflect", "--weight", weight)
    assert result.code == 2
    assert result.err.startswith("convmatrix verify: error: the matrix has inf at ")
    assert not recwarn.list


def test_there_is_a_standard_error_while_packages_are_imported(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with some_stderr():
        assert sys.stderr.write("nobody reads it\n")
    assert sys.stderr is None
