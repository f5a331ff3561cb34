"""The frameworks that have a convention, as text of the diagnosis, read from their records."""

from collections.abc import Callable, Iterator, Sequence

from convmatrix.frameworks.shared.framework import Interface
from convmatrix.frameworks.shared.layer_calls import LayerCall

__all__ = ["users_of_channels_last", "users_of_flips", "users_of_layout"]


def users_of_channels_last(interfaces: Sequence[Interface]) -> str:
    """Return the names of those whose convolutions take data with the channels last.

    Parameters
    ----------
    interfaces : sequence of Interface

    Returns
    -------
    str
        Separated by commas.

    Examples
    --------
    >>> from convmatrix.frameworks.comparison.registry import interfaces
    >>> users_of_channels_last(interfaces())
    'TensorFlow, Keras and Flax'
    """
    return _listed([interface.title for interface in interfaces if interface.convolution.data == "N*C"])


def users_of_layout(layout: str, interfaces: Sequence[Interface], others: Sequence[str] = ()) -> str:
    """Return the names of those whose weights have a layout.

    Parameters
    ----------
    layout : str
    interfaces : sequence of Interface
    others : sequence of str
        Names of further users, which have no record.

    Returns
    -------
    str

    Examples
    --------
    >>> from convmatrix.frameworks.comparison.registry import interfaces
    >>> users_of_layout("*OI", interfaces())
    'transposed layers of TensorFlow, Keras and JAX with transpose_kernel'
    """

    def uses(call: LayerCall) -> Iterator[str]:
        if call.weight.axes == layout:
            yield ""
        yield from (f" with {keyword}" for keyword, weight in call.other_weights.items() if weight.axes == layout)

    return _text(uses, interfaces, others)


def users_of_flips(interfaces: Sequence[Interface], others: Sequence[str] = ()) -> str:
    """Return the names of those that flip the kernel, in comparison with our layer of the same kind.

    Parameters
    ----------
    interfaces, others
        As for `users_of_layout`.

    Returns
    -------
    str
        Those of convolutions first.

    Examples
    --------
    >>> from convmatrix.frameworks.comparison.registry import interfaces
    >>> users_of_flips(interfaces())
    'Theano; transposed layers of JAX, Flax and Theano'
    """
    return _text(lambda call: iter([""] if call.flips else []), interfaces, others)


def _text(uses: Callable[[LayerCall], Iterator[str]], interfaces: Sequence[Interface], others: Sequence[str]) -> str:
    """Return the names of users among convolutions, then among transposed layers."""
    plain = [*others, *(f"{one.title}{use}" for one in interfaces for use in uses(one.convolution))]
    transposed = [
        f"{one.title}{f' with {keyword}' if keyword else ''}{use}"
        for one in interfaces
        for keyword, call in {"": one.transposed, **one.transposed_variants}.items()
        for use in uses(call)
    ]
    parts = [_listed(plain)] if plain else []
    return "; ".join([*parts, f"transposed layers of {_listed(transposed)}"] if transposed else parts)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
