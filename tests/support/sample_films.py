"""Films of layers, each with something that is hard to draw, for tests of all that writes films."""

import numpy as np

from convmatrix import Conv
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style

__all__ = ["FILMS"]

FILMS = {
    "windows": film(Conv(4, 3, padding=1)),
    "values": film(Conv(4, 3, stride=2), np.arange(9).reshape(3, 3) - 4, np.arange(16).reshape(4, 4)),
    "stamps": film(Conv(5, 3, stride=2, padding=1).T),
    "folded": film(Conv((5,), 3, padding=1, padding_mode="circular").T, [1, 2, 3], [4, 5, 6, 7, 8]),
    "inserted": film(Conv(5, 3, stride=2).T, view="windows", title="zeros <inserted> & turned"),
    "channels": film(Conv((4,), 2, in_channels=4, out_channels=2, groups=2)),
    "one step": film(Conv((2,), 2)),
    "no axis": film(Conv((), (), ndim=0)),
    "both": film(Conv((4,), 3), [1, 2, 3], [4, 5, 6, 7], style=Style(labels="both", theme="dark", text="text")),
}
