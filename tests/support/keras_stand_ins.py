"""Stand-ins for Keras' layers and models: classes of their names, with their attributes."""

import numpy as np

KERNEL = np.ones((3, 3, 1, 1))


class Made:
    """A stand-in for a Keras object: a class of the name, with attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def made(kind, **attributes):
    return type(kind, (Made,), {})(**{"name": kind.lower(), **attributes})


def convolution(kind, kernel, *, padding="valid", **others):
    ndim = kernel.ndim - 2
    common = {
        "kernel": kernel,
        "bias": None,
        "kernel_size": kernel.shape[:ndim],
        "strides": (1,) * ndim,
        "dilation_rate": (1,) * ndim,
        "padding": padding,
        "data_format": "channels_last",
        "built": True,
    }
    own = {"Conv": {"groups": 1}, "Depthwise": {"depth_multiplier": kernel.shape[-1]}}
    extra = {"output_padding": None} if "Transpose" in kind else own["Depthwise" if "Depth" in kind else "Conv"]
    return made(kind, **{**common, **extra, **others})


def sequential(*layers, **others):
    return made("Sequential", layers=list(layers), **others)


def pool(kind, size, stride=None, padding="valid", **others):
    return made(kind, pool_size=size, strides=stride or size, padding=padding, data_format="channels_last", **others)
