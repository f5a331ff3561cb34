"""What a layer is, before there is any data: convolutions, and the layers whose weights are fixed."""

from convmatrix.layers.convolution import Conv, ConvTranspose, Layer, flip

__all__ = ["Conv", "ConvTranspose", "Layer", "flip"]
