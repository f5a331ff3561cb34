"""The layouts of the filters of tf.nn and of the kernels of Keras' layers."""

from convmatrix.frameworks.shared.weights import DEPTHWISE, WeightLayout
from convmatrix.layers.arguments import flag

__all__ = ["FILTERS", "TRANSPOSED_FILTERS", "depthwise_filters", "layout_of_filters"]

FILTERS = WeightLayout("*IO")
TRANSPOSED_FILTERS = WeightLayout("*OI", "IO*")


def depthwise_filters(in_channels: int) -> WeightLayout:
    """Return the layout of depthwise filters for an input with these channels.

    Returns
    -------
    WeightLayout

    Examples
    --------
    >>> depthwise_filters(4).shape_of((8, 1, 3, 5))
    (3, 5, 4, 2)
    """
    return WeightLayout("*IM", DEPTHWISE, in_channels=in_channels)


def layout_of_filters(
    shape: tuple[int, ...], inverse: bool, depthwise: bool = False, in_channels: int | None = None
) -> WeightLayout:
    """Return the layout of filters, or of depthwise ones.

    Parameters
    ----------
    shape : tuple of int
        Of the array to convert.
    inverse : bool
        Whether the array is the weight of a layer of ours.
    depthwise : bool, default False
    in_channels : int, optional
        Needed for the conversion of a depthwise weight of our layer, which has the channels and their multiples on one
        axis.

    Returns
    -------
    WeightLayout
        `FILTERS`, or that of `depthwise_filters`.

    Raises
    ------
    ValueError
        If in_channels are not given, but needed.

    Examples
    --------
    >>> layout_of_filters((3, 5, 2, 8), False).axes
    '*IO'
    """
    if not flag("depthwise", depthwise):
        return FILTERS
    if inverse and in_channels is None and shape and shape[0] > 1:
        raise ValueError(
            f"in_channels are not given, but decide how the {shape[0]} channels on axis 0 of a "
            f"weight of shape {shape} are in_channels and their multiples: give the number of "
            "channels of the input"
        )
    return depthwise_filters(1 if in_channels is None else in_channels)
