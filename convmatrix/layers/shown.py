"""Methods that show a layer: what they show stands above the layers, and is imported when they are called."""

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from convmatrix.core.displays import displays

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Shown"]


class Shown:
    """Base class of layers that pictures and the command `show` know: `Conv` and `ConvTranspose`."""

    def plot(self, weight: ArrayLike | None = None, x: ArrayLike | None = None, **options: Any) -> "Axes":
        """Draw the window, the kernel, the output and the row of the matrix, linked, on matplotlib axes.

        Parameters
        ----------
        weight : weight_shape array_like, optional
            Values for the kernel and the matrix; names without it.
        x : input_shape array_like, optional
            Values for the input.
        **options
            Further arguments of `convmatrix.show.plot.linked`: step, view, matrix, title, style, ax.

        Returns
        -------
        Axes

        Raises
        ------
        ValueError
            As `convmatrix.show.plot.linked` does: if the layer is too large, or has more than two axes.

        Examples
        --------
        >>> from convmatrix.layers import Conv
        >>> Conv((3,), 2).plot([1, 2], step=1).alt
        'x 3; w 2; y 2; y = C x C is 2 × 3. Step 1 of 0 to 1: y1 = 1·x1 + 2·x2.'
        """
        return displays().plot(self, weight, x, **options)

    def show(self, weight: ArrayLike | None = None) -> None:
        """Print what the command ``convmatrix show`` prints: sizes, the matrix, its transpose, and the verdict.

        Parameters
        ----------
        weight : weight_shape array_like, optional
            Values for the matrix; names without it.

        Raises
        ------
        ValueError
            If the weight is not the layer's.

        Examples
        --------
        >>> from convmatrix.layers import Conv
        >>> Conv((3,), 2).show([5, 7])  # doctest: +ELLIPSIS
        input of 3, kernel of 2, stride 1, no padding  ->  output of 2
        ...
        y0 |  5  7  . |
        y1 |  .  5  7 |
        ...
        """
        displays().show(self, weight)
