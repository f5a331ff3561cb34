"""Pictures on matplotlib axes: functions that draw on one Axes and return it; they never show and never save.

All of them are imported from here. They take layers and arrays; the caller passes the results of `convmatrix.algebra`.
Without ``ax`` they make a new figure of pyplot's whose axes are a `picture.Picture`, which notebooks show.
Artists carry gids (``cell-3-7``, ``input-1-2``, ``tap-0-1``, ``output-0-0``), so that pictures can be read back.
"""

from convmatrix.show.plot.charts import factors, gram, overlaps, receptive_field, same_output
from convmatrix.show.plot.maps import input_map, kernel, output_map, windows
from convmatrix.show.plot.matrices import matrix
from convmatrix.show.plot.spectrum import singular_values
from convmatrix.show.plot.still import film_frame, linked
from convmatrix.show.plot.views import crop, insertion, stamps

__all__ = [
    "crop",
    "factors",
    "film_frame",
    "gram",
    "input_map",
    "insertion",
    "kernel",
    "linked",
    "matrix",
    "output_map",
    "overlaps",
    "receptive_field",
    "same_output",
    "singular_values",
    "stamps",
    "windows",
]


def __dir__() -> list[str]:
    return __all__
