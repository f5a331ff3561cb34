"""Benchmarks of convmatrix, compared with the time of writing the result to memory and with other libraries.

``python -m benchmarks`` from the root of the repository, or ``make bench`` and ``make bench-quick``. Modules, from the
bottom up: `timing` (a clock, medians, peaks of memory), `workloads` (layers with names), `peers` (other ways to the
same matrix), `targets` (upper bounds), `report` (tables), `builds` and `applications` (the measurements).
"""
