"""Available memory, and checks that a result fits in it before it is built.

Four things limit a process: the memory of the machine, its own limits on address space (``ulimit -v``) and on data
(``ulimit -d``), and each of the control groups that it is in, from its own up to the outermost one.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from convmatrix.core.errors import TooLargeError, shortened

resource: Any
try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None

__all__ = [
    "UNCHECKED",
    "UNCHECKED_BY_PROCESS",
    "Available",
    "available_memory",
    "require_memory",
    "require_product_memory",
]

UNCHECKED = 64 * 2**20
"""Size in bytes up to which the memory of the machine and its control groups is not checked."""

UNCHECKED_BY_PROCESS = 2**20
"""Size in bytes up to which the limits of the process are not checked; they are fast to read."""

_NO_LIMIT = 2**60
"""Smallest number that means no limit: version 1 of control groups writes the largest number of whole pages."""

_WORKSPACE = 16 * 2**20
"""Bytes that building takes beside the result, for temporary blocks: they have to fit as well."""

_ROOT = Path("/")
"""Parent directory of ``proc`` and ``sys``."""


class Available(int):
    """A number of available bytes, and the name of the limit that determines it, empty for that of the machine."""

    limit: str

    def __new__(cls, size: int, limit: str = "") -> "Available":
        """Create a number with the name of a limit."""
        self = super().__new__(cls, size)
        self.limit = limit
        return self


class _Version(NamedTuple):
    """The files of a version of control groups; `reclaimable` is the statistic of file cache that can be dropped."""

    limit: str
    used: str
    reclaimable: str


_VERSIONS = {  # by the type of the file system
    "cgroup2": _Version("memory.max", "memory.current", "inactive_file"),
    "cgroup": _Version("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def available_memory(root: Path | None = None) -> int | None:
    """Bytes that can be allocated without swapping: those of the machine, within all limits of this process.

    Parameters
    ----------
    root : path, default /
        The folder that has ``proc`` and ``sys``.

    Returns
    -------
    int or None
        An `Available`; None where the system does not tell.
    """
    root = _ROOT if root is None else root
    return min([*_meminfo(root), *_process_limits(root), *_control_groups(root)], default=None)


def require_memory(needed: int, what: str, remedy: str) -> None:
    """Check that a result fits in the available memory.

    Parameters
    ----------
    needed : int
        Bytes.
    what, remedy : str
        What is to be built, and what to do instead.

    Raises
    ------
    TooLargeError
        If more bytes are needed than available.
    """
    if needed > UNCHECKED:
        available = available_memory()
    elif needed > UNCHECKED_BY_PROCESS:
        available = min(_process_limits(_ROOT), default=None)
    else:
        return
    if available is not None and needed > available:
        limit = available.limit if isinstance(available, Available) else ""
        within = f" within {limit}" if limit else ""
        raise TooLargeError(
            f"{shortened(what)} needs {_gib(needed)} but {_gib(available)} of memory is available{within}: {remedy}"
        )


def require_product_memory(shape: tuple[int, int], needed: int) -> None:
    """Check that a product of an operator fits in the available memory.

    Parameters
    ----------
    shape : tuple of int
        That of the result.
    needed : int
        Bytes.
    """
    remedy = "multiply by fewer columns at a time" if shape[1] > 1 else "take fewer channels, or a part of the input"
    require_memory(needed, f"a product of shape {shape}", remedy)


def _gib(size: int) -> str:
    # As decimals, since a size may be larger than any float.
    gib = Decimal(size) / 2**30
    return f"{float(gib) if gib < _FLOATS else gib:.3g} GiB"


_FLOATS = Decimal("1e300")


# -- the machine -----------------------------------------------------------------------------------------------------


def _meminfo(root: Path) -> Iterator[Available]:
    fields = _fields(root / "proc/meminfo")
    if "MemAvailable" in fields:
        yield Available(fields["MemAvailable"])


def _fields(path: Path) -> dict[str, int]:
    """Return the sizes, in bytes, of a file with lines such as ``VmSize:  1234 kB``."""
    text = _text(path) or ""
    lines = (line.split() for line in text.splitlines())
    return {parts[0].rstrip(":"): int(parts[1]) * 1024 for parts in lines if len(parts) == 3 and parts[2] == "kB"}


def _text(path: Path) -> str | None:
    """Return the text of a system file, None if it does not exist or cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return None


# -- the process -----------------------------------------------------------------------------------------------------

_LIMITS = (  # (limit, field of the status file with the size that it limits, name)
    ("RLIMIT_AS", "VmSize", "address space of this process (ulimit -v)"),
    ("RLIMIT_DATA", "VmData", "data segment of this process (ulimit -d)"),
)


def _process_limits(root: Path) -> Iterator[Available]:
    if resource is None:
        return
    for limit, field, name in _LIMITS:
        most = resource.getrlimit(getattr(resource, limit))[0]
        if most in (resource.RLIM_INFINITY, -1) or most >= _NO_LIMIT:
            continue
        used = _fields(root / "proc/self/status").get(field)
        if used is not None:
            yield Available(max(most - used - _WORKSPACE, 0), f"the limit of {_gib(most)} on the {name}")


# -- control groups --------------------------------------------------------------------------------------------------


def _control_groups(root: Path) -> Iterator[Available]:
    """Yield the memory left in each control group of this process, its own and all that contain it."""
    for folder, kind in _memory_groups(root):
        version = _VERSIONS[kind]
        most = _text(folder / version.limit)
        if most is None or most.strip() == "max" or int(most) >= _NO_LIMIT:
            continue  # then the other files, which are slow to read, are not needed
        used = _text(folder / version.used)
        if used is None:
            continue
        statistics = dict(line.split() for line in (_text(folder / "memory.stat") or "").splitlines())
        left = int(most) - int(used) + int(statistics.get(version.reclaimable, 0)) - _WORKSPACE
        path = Path("/") / folder.relative_to(root)
        yield Available(max(left, 0), f"the limit of {_gib(int(most))} of its control group ({path / version.limit})")


def _memory_groups(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folder and the file system type of each control group that limits the memory of this process."""
    paths = _group_paths(root)
    for kind, top, mounted in _mounts(root):
        path = paths.get(kind)
        if path is None:
            continue
        # A container sees a part of the hierarchy only, and may be given paths that begin outside of it.
        below = path.relative_to(top) if path.is_relative_to(top) else Path()
        folder = mounted / below if ".." not in below.parts else mounted
        yield folder, kind
        while folder != mounted:
            folder = folder.parent
            yield folder, kind


def _group_paths(root: Path) -> dict[str, Path]:
    """The control group of this process in each hierarchy that counts memory."""
    paths = {}
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            paths["cgroup2"] = Path(path)
        elif "memory" in controllers.split(","):
            paths["cgroup"] = Path(path)
    return paths


def _mounts(root: Path) -> Iterator[tuple[str, Path, Path]]:
    """Yield the mounts of hierarchies that limit memory: file system type, mounted folder, and mount point."""
    for line in (_text(root / "proc/self/mountinfo") or "").splitlines():
        before, _, after = line.partition(" - ")
        _, _, _, top, mounted, *_ = before.split(" ")
        kind, _, *options = after.split(" ")
        if kind == "cgroup2" or (kind == "cgroup" and "memory" in ",".join(options).split(",")):
            yield kind, Path(_unescaped(top)), root / _unescaped(mounted).lstrip("/")


def _unescaped(path: str) -> str:
    """Decode a path of mountinfo, which has octal numbers in place of spaces and the like."""
    for character in " \t\n\\":
        path = path.replace(f"\\{ord(character):03o}", character)
    return path
