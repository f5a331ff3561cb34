"""How much memory is there? Asked before anything large is built, so that the system never has to refuse."""

from pathlib import Path

from convmatrix.core.errors import TooLargeError

__all__ = ["UNCHECKED", "available_memory", "require_memory"]

UNCHECKED = 64 * 2**20
"""Results up to this many bytes are built without asking."""

_NO_LIMIT = 2**60
"""From here on a limit is none: version 1 of control groups writes the largest number of whole pages for it."""

_CGROUPS = (  # (limit, use, statistics, the statistics' name for file cache that can be given back)
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)


def available_memory(meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that can be allocated without swapping: what Linux says, within the limit of a container.

    Returns
    -------
    int or None
        None where the system does not tell.
    """
    known = [_meminfo(meminfo), *(_cgroup(cgroup, *names) for names in _CGROUPS)]
    return min((size for size in known if size is not None), default=None)


def require_memory(needed: int, what: str, remedy: str) -> None:
    """Refuse what does not fit in memory.

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
    if needed <= UNCHECKED:
        return
    available = available_memory()
    if available is not None and needed > available:
        raise TooLargeError(f"{what} needs {_gib(needed)} but {_gib(available)} of memory is available: {remedy}")


def _gib(size: int) -> str:
    return f"{size / 2**30:.3g} GiB"


def _meminfo(path: Path) -> int | None:
    if not path.exists():
        return None
    fields = dict(line.split(":") for line in path.read_text().splitlines() if ":" in line)
    return int(fields["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in fields else None


def _cgroup(root: Path, limit: str, used: str, stat: str, reclaimable: str) -> int | None:
    if not ((root / limit).exists() and (root / used).exists() and (root / stat).exists()):
        return None
    text = (root / limit).read_text().strip()
    if text == "max" or int(text) >= _NO_LIMIT:  # then the other files, which are slow to read, need not be asked
        return None
    statistics = dict(line.split() for line in (root / stat).read_text().splitlines())
    return max(int(text) - int((root / used).read_text()) + int(statistics.get(reclaimable, 0)), 0)
