"""Files that are there when they are complete, or not at all."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["make_folder", "replacing", "write_text"]


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
    """  # noqa: DOC502  what `replacing` raises is documented here, where the user meets it
    with replacing(path) as file:
        file.write(text.encode())


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file that takes its name when it is complete.

    It is written beside the target, under another name. If the block fails it is removed, and the target stays as it
    was. Permissions are those that ``open(path, "wb")`` leaves; a link stays one.

    Parameters
    ----------
    path : str or path-like

    Yields
    ------
    binary file

    Raises
    ------
    OSError
        If the file cannot be written: the system's error, with path and reason in one sentence.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/C.txt") as file:
    ...         written = file.write(b"C is 4 x 16")
    ...     Path(folder, "C.txt").read_text()
    'C is 4 x 16'
    """  # noqa: DOC502  raised anew, with the sentence
    target = Path(path).resolve()
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    with _saying(path):
        _require_writable(target)
        file = temporary.open("xb")
        try:
            with file:
                yield file
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def make_folder(path: str | os.PathLike[str]) -> None:
    """Make a folder, if it is not there.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    OSError
        If it cannot be made: the system's error, with path and reason in one sentence.
    """  # noqa: DOC502  raised anew, with the sentence
    target = Path(path).resolve()
    with _saying(path):
        _require_parent(target)
        target.mkdir(exist_ok=True)


@contextmanager
def _saying(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say what cannot be written, and why, in one sentence."""
    try:
        yield
    except OSError as error:
        refusal: OSError = type(error)(f"cannot write {os.fspath(path)}: {error.strerror or error}")
        refusal.errno = error.errno
        raise refusal from error


def _require_writable(target: Path) -> None:
    """Refuse what open() refuses and a rename would not: a file that is read-only."""
    _require_parent(target)
    if target.exists():
        target.open("ab").close()


def _require_parent(target: Path) -> None:
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no directory {target.parent}")
