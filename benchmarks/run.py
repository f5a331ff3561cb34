"""How long the builder takes, as a multiple of the time that merely writing its result takes.

The limit is ``np.empty`` of data, indices and indptr and one ``fill`` each, on fresh pages and one thread. Both are
measured in turn in one process, after a run that does not count; medians are printed. Trust the ratios, not the
milliseconds. Name workloads to run only these: ``python benchmarks/run.py image signal``.
"""

import ctypes
import statistics
import sys
import time
import tracemalloc

import numpy as np

from convmatrix import Conv, ConvTranspose

MMAP_THRESHOLD = -3
"""glibc's M_MMAP_THRESHOLD: with it fixed, every array above it comes from fresh pages, as on a first use."""

WORKLOADS = {
    "volume": (Conv((64, 64, 64), 3, padding=1), "float64"),
    "image": (Conv(1024, 5, padding=2), "float64"),
    "signal": (Conv((10**6,), 31, padding=15), "float64"),
    "dilated": (Conv(128, 3, dilation=2, padding=2, in_channels=16, out_channels=16), "float32"),
    "stem": (Conv(224, 7, stride=2, padding=3, in_channels=3, out_channels=64), "float32"),
    "residual": (Conv(56, 3, padding=1, in_channels=64, out_channels=64), "float32"),
    "circular": (Conv(1024, 5, padding=2, padding_mode="circular"), "float64"),
    "reflect": (Conv(1024, 5, padding=2, padding_mode="reflect"), "float64"),
}


def limit(layer: Conv | ConvTranspose, dtype: str) -> None:
    """Write three arrays of the result's sizes."""
    sizes = (layer.nnz, dtype), (layer.nnz, np.int32), (layer.matrix_shape[0] + 1, np.int32)
    arrays = [np.empty(size, dtype=kind) for size, kind in sizes]
    for array in arrays:
        array.fill(1)


def seconds(call) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peak(call) -> int:
    """Most bytes that NumPy and Python held at once during a call."""
    tracemalloc.start()
    call()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def measured(layer: Conv | ConvTranspose, dtype: str, runs: int = 5) -> tuple[float, float, float]:
    """Seconds of a build, the same over the limit, and peak memory over the result's bytes."""
    weight = np.random.default_rng(0).standard_normal(layer.weight_shape).astype(dtype)
    layer.matrix(weight)
    limit(layer, dtype)
    pairs = [(seconds(lambda: limit(layer, dtype)), seconds(lambda: layer.matrix(weight))) for _ in range(runs)]
    floor, build = (statistics.median(times) for times in zip(*pairs, strict=True))
    return build, build / floor, peak(lambda: layer.matrix(weight)) / layer.nbytes(dtype)


def main(names: list[str]) -> None:
    """Print one line for each workload and its transpose."""
    if sys.platform == "linux":
        ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, 1 << 20)
    print(f"{'workload':<12} {'entries':>11} {'build':>9}  {'x limit':>7}  {'peak / result':>13}")
    for name in names or WORKLOADS:
        layer, dtype = WORKLOADS[name]
        for label, each in ((name, layer), (f"{name}.T", layer.T)):
            build, ratio, memory = measured(each, dtype)
            print(f"{label:<12} {each.nnz:>11} {build * 1e3:>6.0f} ms  {ratio:>7.2f}  {memory:>13.3f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
