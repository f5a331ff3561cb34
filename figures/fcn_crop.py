"""The reason that FCN-32s crops at 19: the chain of layers, along one axis, as the pattern of its matrix.

An input of 500, padded by 100, becomes 544 scores after VGG's pools, rounded up, and a transposed convolution. By the
coordinate maps, score 19 belongs to input 0, so scores 19 to 518 are kept. The claim that the others come from padding
zeros is wrong: every one of the 544 scores reads the image, as no row of the pattern is empty.
After Long, Shelhamer & Darrell 2015, and the coordinate maps of Caffe.
"""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convmatrix import Conv, ConvTranspose, MaxPool
from convmatrix.algebra.stack.network import Network
from convmatrix.algebra.stack.receptive import crop_offset
from convmatrix.show.model.palette import GUIDE_SEEN, GUIDE_WINDOW

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


def figure() -> Figure:
    """Draw which inputs each score reads, and which scores are kept."""
    network = chain()
    (crop,) = crop_offset(network)
    pattern = network.pattern()
    scores, inputs = pattern.shape
    fig, ax = plt.subplots(figsize=(7.2, 7.2), layout="constrained")
    ax.spy(pattern, markersize=0.4, color=GUIDE_SEEN, rasterized=True, aspect="equal")
    ax.add_patch(
        Rectangle(
            (-0.5, crop - 0.5),
            inputs,
            inputs,
            fill=False,
            edgecolor=GUIDE_WINDOW,
            linewidth=3,
            zorder=3,
            clip_on=False,
            gid="kept",
        )
    )
    ax.set(xlabel=f"input, 0 to {inputs - 1}", ylabel=f"score, 0 to {scores - 1}")
    ax.set_title(f"FCN-32s along one axis: {inputs} inputs, {scores} scores, kept from {crop} to {crop + inputs - 1}")
    return fig
