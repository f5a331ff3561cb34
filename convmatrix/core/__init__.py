"""The arithmetic of a convolution: one axis, its patterns, and what is assembled from them."""

__version__ = "0.1.0"
