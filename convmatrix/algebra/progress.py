"""The type of `progress=`, a callable that long computations call with (done, total)."""

from collections.abc import Callable

__all__ = ["Progress"]

Progress = Callable[[int, int], object]
"""Called with (done, total) while the work goes on; raising in it ends the work."""
