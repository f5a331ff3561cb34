"""The reason that FCN-32s crops at 19: the chain of layers, along one axis, as the pattern of its matrix.

An input of 500, padded by 100, becomes 544 scores after VGG's pools, rounded up, and a transposed convolution. By the
coordinate maps, score 19 belongs to input 0, so scores 19 to 518 are kept. The claim that the others come from padding
zeros is wrong: every one of the 544 scores reads the image, as no row of the pattern is empty.
After Long, Shelhamer & Darrell 2015, and the coordinate maps of Caffe.
"""

import numpy as np
from matplotlib.axes import Axes

from convmatrix import Conv, ConvTranspose, MaxPool
from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.receptive import crop_offset
from convmatrix.show.model.film import Panel
from convmatrix.show.model.palette import over, rgb
from convmatrix.show.model.style import TINT, Style
from convmatrix.show.plot.sheet import Tile, sheet

STAGES = (2, 2, 3, 3, 3)
"""Convolutions before each pool."""


def chain() -> Network:
    """FCN-32s along one axis: what of its settings changes positions."""
    layers: list[Conv | ConvTranspose | MaxPool] = []
    size = 500
    for stage, convolutions in enumerate(STAGES):
        for number in range(convolutions):
            padding = 100 if stage == number == 0 else 1
            layers.append(Conv((size,), 3, padding=padding))
            size = layers[-1].output_size[0]
        layers.append(MaxPool((size,), 2, ceil_mode=True))
        size = layers[-1].output_size[0]
    layers.append(Conv((size,), 7))
    layers.append(ConvTranspose(layers[-1].output_size, 64, stride=32))
    return Network(layers)


def figure() -> Axes:
    """Draw which inputs each score reads, and which scores are kept."""
    network, style = chain(), Style(size="half")
    (crop,) = crop_offset(network)
    read = network.pattern().toarray() != 0
    scores, inputs = read.shape
    blue, ground = style.colours.positive, style.colours.ground
    colours = np.array([rgb(ground), rgb(over(blue, ground, TINT)), rgb(blue)], dtype=np.uint8)
    kept = np.arange(scores)[:, None]
    kept = (kept >= crop) & (kept < crop + inputs)
    pixels = colours[read * np.where(kept, 2, 1)]
    panel = Panel(
        "scores", "FCN-32s along one axis", f"{scores} scores × {inputs} inputs", scores, inputs, bordered=False
    )
    caption = f"framed are the scores that are kept: {crop} to {crop + inputs - 1}"
    return sheet([Tile(panel, pixels, framed=((crop, 0, inputs, inputs),))], style=style, caption=caption)
