"""Measure, print every table as soon as it is there, and write all of them to a page."""

import argparse
import multiprocessing
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from benchmarks import workloads
from benchmarks.applications import (
    application_table,
    gram_table,
    refill_table,
    row_blocks_table,
    scale_table,
)
from benchmarks.builds import build_table, transpose_table
from benchmarks.peers import load
from benchmarks.report import Table, machine, page
from benchmarks.timing import FULL, QUICK, Effort, fresh_pages, touch
from benchmarks.workloads import Workload

_AT_ONCE = 6
"""Matrices that the calls of a table need memory for at the same time, their temporaries counted."""

Measure = Callable[[Workload, Effort], Table]

SECTIONS: dict[str, tuple[Measure, tuple[Workload, ...]]] = {
    "The matrix": (build_table, workloads.BUILDS),
    "The transpose, built directly": (transpose_table, workloads.TRANSPOSES),
    "New weights on a known layer": (refill_table, workloads.REFILLS),
    "Blocks of rows": (row_blocks_table, workloads.BLOCKS),
    "With dask": (scale_table, workloads.SCALES),
    "C^T C": (gram_table, workloads.GRAMS),
    "Without the matrix, beside torch": (application_table, workloads.APPLICATIONS),
}

_NEEDS = {application_table: "torch", scale_table: "dask"}


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="workloads, by name; all by default")
    parser.add_argument("--quick", action="store_true", help="the smaller workloads, fewer rounds")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page to FILE as well")
    chosen = parser.parse_args()
    where = machine()
    print(where, flush=True)
    load()
    if _installed("torch"):
        import torch

        torch.set_num_threads(1)
    sections = [(heading, list(_measured(measure, each, chosen))) for heading, (measure, each) in SECTIONS.items()]
    text = page(sections, where)
    print("\n" + text.partition("is met.\n\n")[2].partition("\n\n## ")[0])
    if chosen.write:
        chosen.write.write_text(text)


def _measured(measure: Measure, each: tuple[Workload, ...], chosen: argparse.Namespace) -> Iterator[Table]:
    if not _installed(_NEEDS.get(measure, "numpy")):
        return
    for workload in each:
        if workload.name in chosen.names or not (chosen.names or (chosen.quick and workload.slow)):
            table = _apart(measure, workload, QUICK if chosen.quick else FULL)
            print("\n" + table.markdown(), end="", flush=True)
            yield table


def _installed(package: str) -> bool:
    return find_spec(package) is not None


def _apart(measure: Measure, workload: Workload, effort: Effort) -> Table:
    """Measure in a process of its own, if the system can copy this one: what memory was used for before is decisive."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return _prepared(measure, workload, effort)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(_prepared, (measure, workload, effort))


def _prepared(measure: Measure, workload: Workload, effort: Effort) -> Table:
    """Measure with fresh pages beside the limit, which is one of them; and else as the system gives them."""
    if measure in (build_table, transpose_table):
        fresh_pages()
    touch(_AT_ONCE * workload.layer.nbytes(workload.dtype))
    return measure(workload, effort)


if __name__ == "__main__":
    main()
