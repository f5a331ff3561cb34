"""Output files of every writer: what may be replaced, that it is replaced at once, and what killed processes leave."""

import io
import os
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from commandline import run, start
from convmatrix import cli
from convmatrix.cli import terminal
from convmatrix.export import export, export_blocks, files, replacing, write_text
from convmatrix.layers import Conv
from convmatrix.show import explorer
from convmatrix.show.render import animate, saving
from strategies import share

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files, links and signals are those of POSIX")

LAYER = Conv((3,), 2)
FFMPEG = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def picture(path):
    from matplotlib.figure import Figure

    saving.save(lambda: Figure((1, 1)).text(0, 0, "C"), path, title="C", description="2 x 3")


WRITERS = {
    **{
        f"C{ending}": lambda path: export(LAYER.matrix([5, -7]), path, layer=LAYER)
        for ending in (".npz", ".mtx", ".mat", ".csv", ".npy", ".json")
    },
    "blocks.mtx": lambda path: export_blocks(LAYER, path, [5, -7]),
    "text.tex": lambda path: write_text("C is 2 x 3\n" * 1000, path),
    "page.html": lambda path: explorer.save(LAYER, path),
    **{f"picture{ending}": picture for ending in saving.ENDINGS},
    **{f"film{ending}": lambda path: animate.animate(LAYER, path) for ending in animate.ENDINGS},
}
EACH_WRITER = pytest.mark.parametrize(
    ("name", "write"),
    [pytest.param(*each, marks=[FFMPEG] if "mp4" in each[0] else [], id=each[0]) for each in WRITERS.items()],
)


def whole_message(*parts):
    """Return a pattern that matches the whole message of an error."""
    return "^" + re.escape("".join(parts)) + "$"


def names(path="."):
    return sorted(entry.name for entry in Path(path).iterdir())


def listen(path):
    with closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(os.fspath(path))


def device(kind):
    """A function that makes a node like /dev/null, or like a disk that is not there."""

    def make(path):
        try:
            os.mknod(path, kind | 0o666, os.makedev(1, 3) if kind == stat.S_IFCHR else os.makedev(240, 7))
        except PermissionError:
            pytest.skip("this user cannot make device nodes")

    return make


KINDS = {
    "directory": Path.mkdir,
    "FIFO": os.mkfifo,
    "socket": listen,
    "character device": device(stat.S_IFCHR),
    "block device": device(stat.S_IFBLK),
}


# -- what is not replaced --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_only_regular_files_are_replaced(folder, kind):
    KINDS[kind](Path("C.npz"))
    Path("link.npz").symlink_to("C.npz")
    before = Path("C.npz").lstat()
    for path, what in (("C.npz", f"a {kind}"), ("link.npz", f"a symbolic link to a {kind}")):
        with pytest.raises(
            OSError, match=whole_message(f"cannot write {path}: it is {what}, not a regular file: give another name")
        ) as error:
            write_text("C", path)
        assert type(error.value) is (IsADirectoryError if kind == "directory" else FileExistsError)
    after = Path("C.npz").lstat()
    assert (after.st_mode, after.st_ino, after.st_rdev) == (before.st_mode, before.st_ino, before.st_rdev)
    assert names() == ["C.npz", "link.npz"]


@EACH_WRITER
def test_every_writer_refuses_what_is_no_file(folder, name, write):
    os.mkfifo("FIFO")
    Path(name).symlink_to("FIFO")
    with pytest.raises(OSError, match=f"^cannot write {name}: it is a symbolic link to a FIFO, not a regular file"):
        write(name)
    assert stat.S_ISFIFO(Path("FIFO").lstat().st_mode)
    Path(name).unlink()
    Path(name).symlink_to(name)
    with pytest.raises(OSError, match=f"^cannot write {name}: symbolic links in this path form a loop"):
        write(name)
    assert names() == sorted(["FIFO", name])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "directory"])
def test_a_folder_of_blocks_is_a_folder(folder, kind):
    KINDS[kind](Path("C.blocks"))
    with pytest.raises(
        FileExistsError,
        match=whole_message(f"cannot write C.blocks: it is a {kind}, not a directory: give another name"),
    ):
        export_blocks(LAYER, "C.blocks", [5, -7])
    assert names() == ["C.blocks"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["0.npz", "index.json"])
def test_what_is_no_file_in_a_folder_of_blocks_stays(folder, kind, name):
    export_blocks(LAYER, "C.blocks", [5, -7])
    Path("C.blocks", name).unlink()
    KINDS[kind](Path("C.blocks", name))
    before = Path("C.blocks", name).lstat()
    verb = "write" if name == "0.npz" else "read"
    with pytest.raises(
        OSError,
        match=whole_message(f"cannot {verb} C.blocks/{name}: it is a {kind}, not a regular file: give another name"),
    ):
        export_blocks(LAYER, "C.blocks", [5, -7])
    after = Path("C.blocks", name).lstat()
    assert (after.st_mode, after.st_ino) == (before.st_mode, before.st_ino)
    assert names("C.blocks") == ["0.npz", "index.json"]


def test_a_target_that_becomes_something_else_meanwhile_stays(folder):
    def exchanged():
        with replacing("C.npz") as file:
            file.write(b"new")
            os.mkfifo("C.npz")

    with pytest.raises(FileExistsError, match=r"^cannot write C\.npz: it is a FIFO, not a regular file"):
        exchanged()
    assert stat.S_ISFIFO(Path("C.npz").lstat().st_mode)
    assert names() == ["C.npz"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a\0b.npz", "file name 'a\\x00b.npz' has a null character: give another name"),
        ("a\ud800.npz", "file name 'a\\ud800.npz' has '\\ud800', which utf-8 cannot encode: give another name"),
    ],
)
def test_names_that_no_file_can_have(folder, path, message):
    with pytest.raises(ValueError, match=whole_message(message)):
        write_text("C", path)
    with pytest.raises(ValueError, match=whole_message(message)):
        files.make_folder(path)
    assert names() == []


def test_the_command_line_prints_one_line(folder):
    Path("a.npz").symlink_to("b.npz")
    Path("b.npz").symlink_to("a.npz")
    code, out, err = run("export", "a.npz", "--i", 3, "--k", 2)
    assert (code, out) == (1, "")
    assert err == (
        "convmatrix export: error: cannot write a.npz: symbolic links in this path form a loop, or too long a chain: "
        "give another path\n"
    )
    os.mkfifo("C.svg")
    code, out, err = run("figure", "--i", 3, "--k", 2, "--save", "C.svg")
    assert (code, out) == (1, "")
    assert err == (
        "convmatrix figure: error: cannot write C.svg: it is a FIFO, not a regular file: give another name\n"
    )


# -- links -----------------------------------------------------------------------------------------------------------


@share(0.5)
@given(
    length=st.integers(0, 4),
    end=st.sampled_from(["file", "nothing", "no parent", "loop", *KINDS]),
    absolute=st.lists(st.booleans(), min_size=4, max_size=4),
    content=st.binary(max_size=20),
)
def test_chains_of_links(tmp_path_factory, length, end, absolute, content):
    """A chain ends at a regular file, which is replaced, at nothing, which is created, or there is an error."""
    place = tmp_path_factory.mktemp("links")
    last = place / ("gone/end" if end == "no parent" else "end")
    if end == "file":
        last.write_bytes(b"before")
    elif end == "loop":
        last.symlink_to("end")
    elif end in KINDS:
        KINDS[end](last)
    path = last
    for number in range(length):
        folder = place / f"{number}"
        folder.mkdir()
        link = folder / "link"
        link.symlink_to(path if absolute[number] else os.path.relpath(path, folder))
        path = link
    before = {entry: entry.lstat().st_mode for entry in place.rglob("*")}
    if end in ("file", "nothing"):
        with replacing(path) as file:
            file.write(content)
        assert last.read_bytes() == content
        assert path.is_symlink() is (length > 0)
        before |= {last: last.lstat().st_mode}
    else:
        with pytest.raises(OSError, match=f"^cannot write {re.escape(str(path))}: .*[^.]$"), replacing(path) as file:
            file.write(content)
    assert {entry: entry.lstat().st_mode for entry in place.rglob("*")} == before


def test_a_dangling_link_creates_what_it_points_to(folder):
    Path("data").mkdir()
    Path("C.npz").symlink_to("data/real.npz")
    export(LAYER.matrix([5, -7]), "C.npz")
    assert Path("C.npz").is_symlink()
    assert sparse.load_npz("data/real.npz").nnz == 4
    Path("C.blocks").symlink_to("data/real.blocks")
    export_blocks(LAYER, "C.blocks", [5, -7])
    assert Path("C.blocks").is_symlink()
    assert names("data/real.blocks") == ["0.npz", "index.json"]
    assert names("data") == ["real.blocks", "real.npz"]


# -- replaced at once ------------------------------------------------------------------------------------------------


@EACH_WRITER
def test_the_old_file_is_whole_until_the_new_one_is_complete(folder, monkeypatch, name, write):
    """Observed when the new data is synced, which is after it was written and before the name changes."""
    Path(name).write_bytes(b"before")
    seen = []
    real = os.fsync

    def observed(descriptor):
        real(descriptor)
        synced = os.fstat(descriptor)
        if stat.S_ISREG(synced.st_mode):
            (temporary,) = [entry for entry in folder.iterdir() if entry.stat().st_ino == synced.st_ino]
            seen.append((Path(name).read_bytes(), temporary.name, temporary.read_bytes()))

    monkeypatch.setattr(os, "fsync", observed)
    with Path(name).open("rb") as opened_before:
        write(name)
        assert opened_before.read() == b"before"  # a reader that began before reads what it began with
    ((old, temporary, new),) = seen
    assert old == b"before"
    assert temporary != name
    assert Path(name).read_bytes() == new
    assert len(new) > 6
    assert names() == [name]


def test_the_folder_is_synced_after_the_name_changed(folder, monkeypatch):
    synced, real = [], os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda descriptor: synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), names())) or real(descriptor),
    )
    write_text("C", "C.txt")
    (is_folder, before), (is_folder_too, after) = synced
    assert (is_folder, is_folder_too) == (False, True)
    assert len(before) == 1
    assert before != ["C.txt"]
    assert after == ["C.txt"]


@contextmanager
def files_of_at_most(size):
    """Let the system refuse to write more, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@EACH_WRITER
def test_the_old_file_stays_where_writing_fails(folder, name, write):
    write(name)  # all is imported by now: Python, too, writes files when it imports
    Path(name).write_bytes(b"before")
    with pytest.raises(OSError, match=f"^cannot write {name}: .") as error, files_of_at_most(8):
        write(name)
    assert "\n" not in str(error.value)
    assert Path(name).read_bytes() == b"before"
    assert names() == [name]


def test_a_private_file_is_private_while_it_is_written(folder):
    Path("C.txt").touch(mode=0o600)
    with replacing("C.txt") as file:
        assert stat.S_IMODE(Path(file.name).stat().st_mode) == 0o600
        file.write(b"secret")
    assert stat.S_IMODE(Path("C.txt").stat().st_mode) == 0o600


def test_root_leaves_files_to_their_owner(folder):
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    Path("C.txt").touch()
    os.chown("C.txt", 1234, 5678)
    write_text("C", "C.txt")
    assert (Path("C.txt").stat().st_uid, Path("C.txt").stat().st_gid) == (1234, 5678)


# -- what killed processes leave -------------------------------------------------------------------------------------


def leftover(target):
    """Make what a killed process leaves: its temporary file, which nobody holds."""
    with replacing(target) as file:
        temporary = Path(file.name)
    Path(target).unlink()
    temporary.write_bytes(b"half")
    return temporary


def test_a_leftover_is_removed_by_the_next_export_to_the_same_target(folder):
    Path("data").mkdir()
    left = leftover("data/C.npz")
    assert leftover("data/D.npz").name != left.name
    Path("data/mine.tmp").write_bytes(b"not ours")
    Path("C.npz").symlink_to("data/C.npz")
    write_text("D", "data/D.npz")
    assert left.exists()
    write_text("C", "C.npz")  # through a link, and still the same target
    assert names("data") == ["C.npz", "D.npz", "mine.tmp"]


def test_a_leftover_stays_while_its_process_runs(folder):
    with replacing("C.npz") as first:
        first.write(b"first")
        with replacing("C.npz") as second:
            second.write(b"second")
            assert first.name != second.name
            assert Path(first.name).exists()
        assert Path("C.npz").read_bytes() == b"second"
        assert Path(first.name).exists()
    assert Path("C.npz").read_bytes() == b"first"
    assert names() == ["C.npz"]


def test_only_files_are_taken_for_leftovers(folder):
    """Neither what another kind of entry hides behind such a name, nor what it links to, is removed."""
    left = leftover("C.npz")
    start = left.name[:-12]
    left.unlink()
    os.mkfifo(f"{start}00000000.tmp")
    Path(f"{start}11111111.tmp").mkdir()
    Path("thesis").write_bytes(b"all of it")
    Path(f"{start}22222222.tmp").symlink_to("thesis")
    before = names()
    write_text("C", "C.npz")
    assert names() == sorted([*before, "C.npz"])
    assert Path("thesis").read_bytes() == b"all of it"


def test_leftovers_stay_where_there_are_no_locks(folder, monkeypatch):
    left = leftover("C.npz")

    def no_locks(descriptor, operation):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(files.fcntl, "flock", no_locks)
    write_text("C", "C.npz")
    assert Path("C.npz").read_bytes() == b"C"
    assert left.exists()


def test_a_file_that_is_taken_for_a_leftover_before_it_is_locked_is_made_again(folder, monkeypatch):
    real, removed = files.fcntl.flock, []

    def late(descriptor, operation):
        if not removed:
            (path,) = folder.glob(".convmatrix-*.tmp")
            removed.append(path)
            path.unlink()
        real(descriptor, operation)

    monkeypatch.setattr(files.fcntl, "flock", late)
    with replacing("C.npz") as file:
        assert Path(file.name) != removed[0]
        file.write(b"C")
    assert names() == ["C.npz"]


@pytest.mark.parametrize("function", ["flock", "exists"])
def test_an_interrupt_before_the_file_is_handed_over_leaves_nothing(folder, monkeypatch, function):
    def interrupted(*arguments):
        assert any(folder.glob(".convmatrix-*.tmp"))
        raise KeyboardInterrupt

    owner = files.fcntl if function == "flock" else Path
    with monkeypatch.context() as patch:
        patch.setattr(owner, function, interrupted)
        with pytest.raises(KeyboardInterrupt), replacing("C.npz"):
            pytest.fail("the block was entered")
    assert names() == []


LONG = ("--i", 4000, "--k", 5, "--rows", 4000)


def half_written(folder, path):
    """Check whether a command has written a part of a large file or folder."""
    return any(folder.glob(f"{path}/0*.npz")) if path.endswith("blocks") else any(folder.glob(".convmatrix-*.tmp"))


@pytest.mark.full
@pytest.mark.parametrize("path", ["C.blocks", "C.mtx"])
def test_a_terminated_process_cleans_up(folder, path):
    with start("export", path, *LONG) as started:
        while not half_written(folder, path):
            assert started.poll() is None, started.stderr.read()
        started.send_signal(signal.SIGTERM)
        _, err = started.communicate(timeout=60)
    assert (started.returncode, err) == (143, b"convmatrix export: terminated\n")
    result = names(path) if path == "C.blocks" else names()
    assert not any(name.endswith(".tmp") for name in result)


@pytest.mark.full
def test_what_a_killed_process_left_is_removed(folder):
    with start("export", "C.mtx", *LONG) as started:
        while not half_written(folder, "C.mtx"):
            assert started.poll() is None, started.stderr.read()
        write_text("running", "C.mtx")  # does not remove the file of a process that runs
        assert len(names()) == 2
        started.kill()
        started.communicate(timeout=60)
    assert len(names()) == 2
    write_text("C", "C.mtx")
    assert names() == ["C.mtx"]


# -- signals ---------------------------------------------------------------------------------------------------------


def stopping(monkeypatch, number):
    """Send this process a signal when a command has done a part of its work."""
    monkeypatch.setattr(terminal.Bar, "__call__", lambda self, done, total: os.kill(os.getpid(), number))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize(
    ("command", "path", "left"),
    [
        (("export",), "C.mtx", []),
        (("export",), "C.blocks", ["0.npz", "index.json"]),
        (("animate", "--save"), "film.gif", []),
        (("animate", "--save"), "film.webp", []),
        pytest.param(("animate", "--save"), "film.mp4", [], marks=FFMPEG),
    ],
)
def test_after_a_signal_that_ends_a_process_nothing_is_half_written(
    request, folder, monkeypatch, number, code, command, path, left
):
    before = signal.signal(number, signal.SIG_DFL)  # what nohup starts ignores SIGHUP, and so would the command
    request.addfinalizer(lambda: signal.signal(number, before))
    stopping(monkeypatch, number)
    options = ("--rows", 1) if command == ("export",) else ()
    assert run(*command, path, "--i", 4, "--k", 3, *options) == (code, "", f"convmatrix {command[0]}: terminated\n")
    assert (names(path) if left else names()) == left
    assert signal.getsignal(number) == signal.SIG_DFL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("fed", [False, True])
def test_ffmpeg_does_not_outlive_the_command(folder, monkeypatch, number, fed):
    """Interrupted while ffmpeg receives pictures, and while it encodes them."""
    work = "cat > /dev/null; touch ready; exec sleep 60" if fed else "touch ready; exec sleep 60"
    Path("ffmpeg").write_text(f"#!/bin/sh\necho $$ > number\n{work}\n")
    Path("ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def stop():
        for _ in range(3000):
            if Path("ready").exists():
                break
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident, number)

    thread = threading.Thread(target=stop)
    thread.start()
    code, out, err = run("animate", "--i", 4, "--k", 3, "--save", "film.mp4")
    thread.join()
    assert (code, out) == (128 + number, "")
    assert err == f"convmatrix animate: {'terminated' if number == signal.SIGTERM else 'interrupted'}\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("number").read_text()), 0)
    assert not [name for name in names() if name not in ("ffmpeg", "number", "ready")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_ffmpeg_is_started_ends_it_as_well(folder, monkeypatch, number):
    Path("ffmpeg").write_text("#!/bin/sh\nexec sleep 60\n")
    Path("ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    started, start = [], subprocess.Popen

    def interrupted(*args, **kwargs):
        started.append(start(*args, **kwargs))
        signal.raise_signal(number)
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    try:
        assert run("animate", "--i", 4, "--k", 3, "--save", "film.mp4").code == 128 + number
        assert [process.poll() for process in started] == [-signal.SIGKILL]
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_signals_that_are_ignored_or_handled_stay_so(folder, monkeypatch):
    stopping(monkeypatch, signal.SIGHUP)
    handled = []
    for handler in (signal.SIG_IGN, lambda number, frame: handled.append(number)):
        before = signal.signal(signal.SIGHUP, handler)
        try:
            assert run("export", "C.mtx", "--i", 4, "--k", 3, "--rows", 2).code == 0
            assert signal.getsignal(signal.SIGHUP) == handler
        finally:
            signal.signal(signal.SIGHUP, before)
    assert handled == [signal.SIGHUP] * 2


def test_the_command_runs_in_a_thread(folder):
    codes = []
    thread = threading.Thread(target=lambda: codes.append(cli.main(["export", "C.npz", "--i", "4", "--k", "3"])))
    before = sys.stdout
    sys.stdout = io.StringIO()
    try:
        thread.start()
        thread.join()
    finally:
        sys.stdout = before
    assert codes == [0]
    assert np.array_equal(sparse.load_npz("C.npz").shape, (4, 16))
