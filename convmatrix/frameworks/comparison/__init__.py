"""Comparison of all frameworks: the same call in each, their differences, and conventions that explain an array."""

from convmatrix.frameworks.comparison.agreement import Row, compare
from convmatrix.frameworks.comparison.diagnosis import Diagnosis, Explanation, diagnose
from convmatrix.frameworks.comparison.output_sizes import output_size_options
from convmatrix.frameworks.comparison.registry import register, unregister

__all__ = ["Diagnosis", "Explanation", "Row", "compare", "diagnose", "output_size_options", "register", "unregister"]


def __dir__() -> list[str]:
    return __all__
