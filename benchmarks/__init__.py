"""How long convmatrix takes, beside the time that memory takes and beside everything else that does the same.

``python -m benchmarks`` from the root of the repository, or ``make bench`` and ``make bench-quick``. Modules, from the
ground up: `timing` (a clock, medians, peaks of memory), `workloads` (layers with names), `peers` (other ways to the
same matrix), `targets` (what is to be reached), `report` (tables), `builds` and `applications` (what is measured).
"""
