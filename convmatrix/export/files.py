"""Output files that are complete or absent: each is written under a temporary name, then renamed.

Every writer of the package uses `replacing`; a folder of files uses `make_folder` as well.

**Targets.** A regular file is replaced, and a symbolic link to one is followed and stays a link. A dangling link is
followed too: the file that it points to is created. Anything else that exists (a directory, a device, a FIFO, a socket)
and a loop of links are errors.

**Leftovers.** A process that is killed leaves its temporary file, ``.convmatrix-<digest>-<random>.tmp``, where the
digest is that of the target's name. While it writes, a process holds a lock (``flock``) on this file, and the system
releases the lock when the process ends, however it ends. The next export to the same target removes the temporary
files of this target that nobody holds. Where the file system has no locks, they are left alone.
"""

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO

from convmatrix.core.errors import short, short_name
from convmatrix.layers.arguments import check_text

if sys.platform != "win32":
    import fcntl

__all__ = ["explained", "make_folder", "reading", "remove_leftovers", "replacing", "sync_folder", "write_text"]

_PREFIX, _SUFFIX = ".convmatrix-", ".tmp"

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
"""Error numbers of a write to a full disk, or beyond a disk quota."""

_FULL_IN_NUMPY = re.compile(r"Not enough free space to write|\d+ requested and \d+ written")
"""Messages of NumPy's ``tofile`` in these cases, whose errors have no number."""

_NO_SYNC = (errno.EINVAL, errno.ENOTSUP)
"""Error numbers of ``fsync`` on file systems that cannot sync a directory."""


def write_text(text: str, path: str | os.PathLike[str]) -> None:
    """Write a text, as UTF-8, whole or not at all.

    Parameters
    ----------
    text : str
    path : str or path-like

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    check_text("text", text)
    with replacing(path) as file:
        file.write(text.encode())


@contextmanager
def replacing(path: str | os.PathLike[str], *, batch: bool = False) -> Iterator[IO[bytes]]:
    """Open a file that takes its name when it is complete.

    The file is written beside the target, under a temporary name, synced to the disk, and renamed. If the block fails,
    the temporary file is removed and the target stays as it was. Permissions are those that ``open(path, "wb")``
    leaves. Symbolic links are followed; other hard links to the target keep the old content.

    Parameters
    ----------
    path : str or path-like
    batch : bool, default False
        Whether the file is one of many in a folder, whose caller removes leftovers and syncs the folder once for all
        of them.

    Yields
    ------
    binary file
        Its ``name`` is the path of the temporary file.

    Raises
    ------
    OSError
        If the target exists and is not a regular file, or the file cannot be written: path and reason in one sentence.
    ValueError
        If the file system can have no such name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/C.txt") as file:
    ...         written = file.write(b"C is 4 x 16")
    ...     Path(folder, "C.txt").read_text()
    'C is 4 x 16'
    """
    path = Path(path)
    with explained(path, "write"):
        target = _regular_target(path)
        if not batch:
            remove_leftovers(target.parent, target.name)
        with _temporary_file(target) as file:
            temporary = Path(file.name)
            _copy_permissions(target, temporary)
            yield file
            file.flush()
            os.fsync(file.fileno())
            _regular_target(path)  # it may have become something else in the meantime
            if sys.platform == "win32":
                file.close()  # Windows does not rename open files
            temporary.replace(target)  # before the file is closed, and with it unlocked
        if not batch:
            sync_folder(target.parent)


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[BufferedReader]:
    """Open a regular file to read it.

    Parameters
    ----------
    path : str or path-like

    Yields
    ------
    binary file

    Raises
    ------
    OSError
        If it is not a regular file, or cannot be read: path and reason in one sentence.
    """
    path = Path(path)
    with explained(path, "read"):
        _require(path, "regular file", path.stat())
        with path.open("rb") as file:
            yield file


def make_folder(path: str | os.PathLike[str]) -> None:
    """Create a folder, unless it exists; symbolic links are followed.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    OSError
        If the path exists and is not a folder, or the folder cannot be created: path and reason in one sentence.
    ValueError
        If the file system can have no such name.
    """
    path = Path(path)
    with explained(path, "write"):
        status = _status(path)
        if status is not None:
            _require(path, "directory", status)
            return
        target = _destination(path)
        target.mkdir(exist_ok=True)
        sync_folder(target.parent)


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove the temporary files that killed processes left in a folder, but none of a process that still runs.

    Parameters
    ----------
    folder : Path
    name : str, optional
        Remove only the temporary files of the target of this name.
    """
    start = _PREFIX if name is None else _temporary_start(name)
    with suppress(PermissionError):  # a folder may be writable, but not readable
        for entry in os.listdir(folder):  # noqa: PTH208  names are enough, and a folder may have many
            if entry.startswith(start) and entry.endswith(_SUFFIX):
                _remove_if_abandoned(folder / entry)


def sync_folder(folder: Path) -> None:
    """Wait until the entries of a folder are on the disk, if the file system supports it.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    OSError
        If the disk fails.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # no read permission, or Windows, which does not open directories
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


@contextmanager
def explained(path: Path, verb: str) -> Iterator[None]:
    """Describe a file error in one sentence: the action, the path and the reason.

    Parameters
    ----------
    path : Path
    verb : {"read", "write"}

    Yields
    ------
    None

    Raises
    ------
    OSError
        What the block raises, with path and reason.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno == errno.ELOOP:
            reason = "symbolic links in this path form a loop, or too long a chain: give another path"
        number = errno.ENOSPC if _FULL_IN_NUMPY.match(str(error)) else error.errno
        if number in _FULL:
            reason = f"the disk is full ({reason}): make room, or give a path on another disk"
        explained: OSError = type(error)(f"cannot {verb} {_shown(path)}: {reason}")
        explained.errno = number
        raise explained from error


def _shown(path: Path) -> str:
    """Return a path unchanged, or quoted and shortened if it is not a line of text."""
    name = os.fspath(path)
    return short_name(name) if name.isprintable() else short(name)


# -- targets ---------------------------------------------------------------------------------------------------------

_KINDS = (
    (stat.S_ISREG, "regular file"),
    (stat.S_ISDIR, "directory"),
    (stat.S_ISCHR, "character device"),
    (stat.S_ISBLK, "block device"),
    (stat.S_ISFIFO, "FIFO"),
    (stat.S_ISSOCK, "socket"),
)


def _regular_target(path: Path) -> Path:
    """Return where a file is to be written, links followed; nothing is there, or a regular file that is writable."""
    status = _status(path)
    if status is None:
        return _destination(path)
    _require(path, "regular file", status)
    target = Path(os.path.realpath(path))
    # A rename would replace a read-only file, which open() does not.
    os.close(os.open(target, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)))
    return target


def _destination(path: Path) -> Path:
    """Return the path of a file that does not exist yet, with links followed."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no directory {target.parent}")
    return target


def _status(path: Path) -> os.stat_result | None:
    """Return the status of what a path leads to, or None if nothing is there."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeEncodeError as error:
        letter = error.object[error.start]
        raise ValueError(
            f"file name {os.fspath(path)!r} has {letter!r}, which {error.encoding} cannot encode: give another name"
        ) from error
    except ValueError as error:
        raise ValueError(f"file name {os.fspath(path)!r} has a null character: give another name") from error


def _require(path: Path, kind: str, status: os.stat_result) -> None:
    """Raise an error unless a path leads to something of a kind."""
    actual = next((name for is_one, name in _KINDS if is_one(status.st_mode)), "special file")
    if actual == kind:
        return
    what = f"it is a symbolic link to a {actual}" if path.is_symlink() else f"it is a {actual}"
    raise OSError(errno.EISDIR if actual == "directory" else errno.EEXIST, f"{what}, not a {kind}: give another name")


# -- temporary files -------------------------------------------------------------------------------------------------


def _temporary_start(name: str) -> str:
    """Return the prefix of the temporary files of a target; it has a digest, since the name may be of any length."""
    return f"{_PREFIX}{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}-"


@contextmanager
def _temporary_file(target: Path) -> Iterator[IO[bytes]]:
    """Create a file beside a target, locked for as long as it is open, and removed if the block fails."""
    while True:
        temporary = target.with_name(f"{_temporary_start(target.name)}{secrets.token_hex(8)}{_SUFFIX}")
        try:  # from before the file exists, since an interrupt may come at any time
            with temporary.open("xb") as file:
                # Another process may have taken it for a leftover before it was locked; then it is about to be removed.
                if _lock(file.fileno()) is not False and temporary.exists():
                    yield file
                    return
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _remove_if_abandoned(temporary: Path) -> None:
    """Remove a temporary file unless a process holds it."""
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(temporary, flags)
    except OSError:  # gone in the meantime, of another user, or not a file: not a leftover of ours
        return
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode) and _lock(descriptor):
            temporary.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Lock an open file; False if another process holds the lock, None if there are no locks here."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno == errno.EWOULDBLOCK else None
    return True


def _copy_permissions(target: Path, temporary: Path) -> None:
    """Give a new file the owner and mode of the file that it replaces, before anything is in it."""
    if not target.exists():
        return
    if sys.platform != "win32":
        status = target.stat()
        with suppress(OSError):  # only root may give files away, and not on every file system
            os.chown(temporary, status.st_uid, status.st_gid)
    shutil.copymode(target, temporary)
