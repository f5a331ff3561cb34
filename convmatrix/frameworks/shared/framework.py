"""The record of a framework, from which its rules, its function of weights, the comparison and the docs are derived."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import ArrayLike, NDArray

from convmatrix.frameworks.shared.layer_calls import LayerCall
from convmatrix.frameworks.shared.layouts import weight_of
from convmatrix.frameworks.shared.loading import Chain, Loaded
from convmatrix.frameworks.shared.windows import OutputSizeCall, Window, calls_by_trial
from convmatrix.layers.arguments import flag

__all__ = ["RULE_NAMES", "Framework", "Interface"]

RULE_NAMES = (
    "data",
    "weight",
    "transposed weight",
    "kernel",
    "padding",
    "same",
    "transposed padding",
    "output size",
    "groups",
    "refused",
)
"""Topics of the rules of a framework, in the order of docs/frameworks.md."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Interface:
    """One set of functions of a framework, such as tf.nn or Keras: its calls and its weights.

    Parameters
    ----------
    name : str
        In the rows of `compare` and the tables of docs/frameworks.md.
    title : str
        In sentences.
    convolution, transposed : LayerCall
    transposed_variants : mapping of str to LayerCall
        Further conventions of the transposed convolution, by the keyword that selects them.
    read_weight : callable
        Converts a weight of the framework to an ndarray; it raises a ValueError for one that cannot be read.
    output_sizes : callable
        A function of a `Window` that yields the calls with its output size, or the reason why there is none. By
        default the calls of `transposed` that make the layer of the window.
    """

    name: str
    title: str
    convolution: LayerCall
    transposed: LayerCall
    transposed_variants: Mapping[str, LayerCall] = field(default_factory=dict)
    read_weight: Callable[[Any], NDArray[Any]] = weight_of
    output_sizes: Callable[[Window], Iterator[OutputSizeCall]] | None = None

    def calls(self, transpose: bool) -> dict[str, LayerCall]:
        """Return the calls of convolutions, or of transposed ones, by their names in rows of `compare`."""
        if not transpose:
            return {self.name: self.convolution}
        variants = {f"{self.name}, {keyword}": call for keyword, call in self.transposed_variants.items()}
        return {self.name: self.transposed, **variants}

    def output_size_calls(self, window: Window) -> Iterator[OutputSizeCall]:
        """Yield the calls that make the layer of a window, or the reason why there is none."""
        yield from (
            self.output_sizes(window) if self.output_sizes else calls_by_trial(self.name, self.transposed, window)
        )

    def weight(self, w: ArrayLike, *, transpose: bool = False, inverse: bool = False, **arguments: Any) -> NDArray[Any]:
        """Convert a weight of the framework to that of our layer: its layout, and flipped where the framework flips.

        Parameters
        ----------
        w : array_like
            The weight in the framework's layout; the page docs/frameworks.md lists the layouts.
        transpose : bool, default False
            Whether it is the weight of a transposed convolution.
        inverse : bool, default False
            Convert a weight of our layer to the framework's layout instead.
        **arguments
            Arguments of the framework's call on which the layout depends, such as ``filter_flip`` in Theano. One that
            decides has to be given.

        Returns
        -------
        ndarray
            ``layer.matrix(weight)`` is the matrix of the framework's layer. Half precision becomes float32.

        Raises
        ------
        ValueError
            If the array has too few axes, or an argument that decides is missing.
        WrongTypeError
            If an argument has a wrong type, or the layout does not depend on it; also a TypeError.

        Examples
        --------
        >>> from convmatrix.frameworks import tensorflow
        >>> from convmatrix.frameworks.legacy import theano
        >>> tensorflow.weight([[[1]], [[2]], [[3]]])
        array([[[1, 2, 3]]])
        >>> theano.weight([[[[1, 2, 3]]]], filter_flip=True)
        array([[[[3, 2, 1]]]])
        """
        call = self.transposed if flag("transpose", transpose) else self.convolution
        flag("inverse", inverse)
        array = self.read_weight(w)
        layout = call.layout(array.shape, inverse=inverse, arguments=arguments)
        return layout.convert(array, inverse=inverse)


@dataclass(frozen=True, kw_only=True, eq=False)
class Framework:
    """Everything that is known of a framework.

    Parameters
    ----------
    rules : mapping of str to str
        A sentence for each of `RULE_NAMES`.
    interfaces : tuple of Interface
    from_layer, from_model : callable, optional
        Readers of its objects.

    Raises
    ------
    ValueError
        If a rule is missing, or not one of `RULE_NAMES`, or they are in another order.

    Examples
    --------
    >>> from convmatrix.frameworks import tensorflow
    >>> [interface.name for interface in tensorflow.FRAMEWORK.interfaces]
    ['tensorflow', 'keras']
    """

    rules: Mapping[str, str]
    interfaces: tuple[Interface, ...]
    from_layer: Callable[..., Loaded] | None = None
    from_model: Callable[..., Chain] | None = None

    @property
    def title(self) -> str:
        """Its name in docs/frameworks.md, that of all its interfaces."""
        return ", ".join(interface.title for interface in self.interfaces)

    def __post_init__(self) -> None:
        """Check the rules."""
        if tuple(self.rules) != RULE_NAMES:
            raise ValueError(
                f"the rules of {self.title} are {', '.join(self.rules) or 'missing'}: give one sentence for each of "
                f"{', '.join(RULE_NAMES)}, in this order"
            )
