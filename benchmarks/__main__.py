"""Measure, print every table as soon as it is there, and write all of them to a page."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import workloads
from benchmarks.applications import (
    application_table,
    gram_table,
    refill_table,
    row_blocks_table,
    torch_installed,
)
from benchmarks.builds import build_table, transpose_table
from benchmarks.peers import load
from benchmarks.report import Table, machine, page
from benchmarks.timing import FULL, QUICK, Effort, fresh_pages, touch, used_pages
from benchmarks.workloads import Workload

_AT_ONCE = 6
"""Matrices that the calls of a table need memory for at the same time, their temporaries counted."""

SECTIONS: dict[str, tuple[Callable[[Workload, Effort], Table], tuple[Workload, ...]]] = {
    "The matrix": (build_table, workloads.BUILDS),
    "The transpose, built directly": (transpose_table, workloads.TRANSPOSES),
    "New weights on a known layer": (refill_table, workloads.REFILLS),
    "Blocks of rows": (row_blocks_table, workloads.BLOCKS),
    "C^T C": (gram_table, workloads.GRAMS),
    "Without the matrix, beside torch": (application_table, workloads.APPLICATIONS),
}


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
    if torch_installed():
        import torch

        torch.set_num_threads(1)
    sections = [
        (heading, list(_measured(measure, each, chosen)))
        for heading, (measure, each) in SECTIONS.items()
    ]  # fmt: skip
    text = page(sections, where)
    print("\n" + text.partition("is met.\n\n")[2].partition("\n\n## ")[0])
    if chosen.write:
        chosen.write.write_text(text)


def _measured(
    measure: Callable[[Workload, Effort], Table], each: tuple[Workload, ...], chosen: argparse.Namespace
) -> Iterator[Table]:
    if measure is application_table and not torch_installed():
        return
    for workload in each:
        if workload.name in chosen.names or not (chosen.names or (chosen.quick and workload.slow)):
            # Beside the limit, one of fresh pages, all is fresh; what is compared with each other runs as in use.
            (fresh_pages if measure in (build_table, transpose_table) else used_pages)()
            touch(_AT_ONCE * workload.layer.nbytes(workload.dtype))
            table = measure(workload, QUICK if chosen.quick else FULL)
            print("\n" + table.markdown(), end="", flush=True)
            yield table


if __name__ == "__main__":
    main()
