"""The call by which a framework makes a convolution: names, order and spelling of its arguments, and its layouts.

Only the spelling and the order of arguments are translated. Numbers are passed on unchanged, even where the framework
gives them another meaning.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.frameworks.shared.arguments import OPTIONAL, ConvArguments
from convmatrix.frameworks.shared.calls import WithWeight, with_weight
from convmatrix.frameworks.shared.generic import make_layer
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.layers import Layer

__all__ = ["CAPITALS", "MEANINGS", "LayerCall", "PaddingFormat", "pads_as_list"]

CAPITALS: Mapping[str, str] = {"same": "SAME", "same_lower": "SAME_LOWER", "valid": "VALID"}
"""Names of paddings in TensorFlow, JAX and Flax."""

MEANINGS: Mapping[str, str] = {
    "input_shape": "input_size",
    "image_shape": "input_size",
    "weight_shape": "kernel_size",
    "output_shape": "output_size",
    "padding_name": "padding",
    "padding_ends": "padding",
}
"""What an argument of a framework can mean beside an argument of ours, and the argument of ours that it contains:
shapes of the arrays with all their axes, the shape of one image, and a padding that is split into two arguments."""


@dataclass(frozen=True, kw_only=True)
class PaddingFormat:
    """The format of paddings in a framework's call.

    Parameters
    ----------
    names : mapping of str to str, optional
        The framework's spelling of our names. Names that are not listed are passed on unchanged. None if the
        framework has no names of paddings, and pads both ends of an axis alike.
    none : str, optional
        What is written for no padding; without it numbers, or nothing where the argument is optional.
    numbers : callable
        The framework's format of pads, of the `ConvArguments`.
    modes : mapping of str to str
        Paddings that replace the name of ``same``, by our name of the padding mode.
    """

    names: Mapping[str, str] | None = field(default_factory=dict)
    none: str | None = None
    numbers: Callable[[ConvArguments], Any] = lambda arguments: arguments.padding_numbers
    modes: Mapping[str, str] = field(default_factory=dict)

    def name(self, arguments: ConvArguments) -> str | None:
        """Return the name of the padding of all axes; None if there are numbers, or several names."""
        name = arguments.padding_name(self.names or {})
        if self.names is not None and arguments.padding_mode in self.modes and name == self.names.get("same", "same"):
            return self.modes[arguments.padding_mode]
        return name

    def states_mode(self, arguments: ConvArguments) -> bool:
        """Return whether the name of the padding states the padding mode."""
        return self.name(arguments) in self.modes.values()

    def check(self, arguments: ConvArguments) -> None:
        """Raise a ValueError for a padding that cannot be written in the call."""
        name = arguments.padding_name({})
        if name is None and any(isinstance(entry, str) for entry in arguments.padding):
            raise ValueError(
                f"there is one name of a padding for all axes, got {arguments.padding_numbers}: say the pads in numbers"
            )
        if self.names is not None:
            return
        if name is not None:
            raise ValueError(f"there are no names for paddings, got {short(name)}: say the pads in numbers")
        for axis, entry in enumerate(arguments.padding_numbers):
            if isinstance(entry, tuple):
                raise ValueError(
                    f"both ends of an axis are padded alike, got {entry} on axis {axis}: pad the input "
                    "by itself where they differ"
                )


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerCall:
    """The call by which a framework makes a convolution, or a transposed one.

    The mappings of arguments are from the framework's names to their meanings: the name of an argument of `Conv` or
    `ConvTranspose`, or a key of `MEANINGS`.

    Parameters
    ----------
    template : str
        Source text of the call with x and w. ``{arguments}`` stands for those of `arguments`, ``{later}`` for those of
        `later`, and ``{ndim}`` for the number of axes.
    function : callable, optional
        The function of convmatrix with the framework's arguments; without it, `make_layer` makes layers of them.
    defaults : mapping
        Default values of these arguments, where there is no function.
    arguments : mapping of str to str
        In the order in which they are written.
    arrays : mapping of str to str
        Arguments that the framework reads from its arrays, so that they are not in the source text.
    later : mapping of str to str
        Arguments of the call of the object that the framework's call makes.
    aliases : mapping of str to str
        Further arguments of the function, and what they mean.
    fixed : mapping
        Arguments with fixed values.
    written : frozenset of str
        Names of arguments that are written also where they have their default value.
    from_shapes : frozenset of str
        Our names of arguments that the framework computes from the shapes of its arrays.
    padding : PaddingFormat
    entries : callable
        The framework's format of numbers that are one for each axis.
    data : str
        The layout of the input: ``NC*`` or ``N*C``.
    weight : WeightLayout
        That of the weight with the default arguments.
    other_weights : mapping of str to WeightLayout
        Those with other arguments, by a phrase that names these.
    weight_layout : callable, optional
        A function that returns the layout of a weight for its shape, ``inverse``, and the arguments of the call on
        which the layout depends; it raises a ValueError if one of these is missing.
    transpose : bool
        Whether the call makes a transposed convolution.
    variant : callable, optional
        A function that returns the call in place of this one for certain arguments, else None.
    checks_padding : bool
        Whether to refuse paddings that this call cannot state; False for our own layers.
    """

    template: str
    function: Callable[..., Layer | Any] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, str] = field(default_factory=dict)
    later: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    written: frozenset[str] = frozenset()
    from_shapes: frozenset[str] = frozenset()
    padding: PaddingFormat = field(default_factory=PaddingFormat)
    entries: Callable[[Any], Any] = tuple
    data: str = "NC*"
    weight: WeightLayout = field(default_factory=WeightLayout)
    other_weights: Mapping[str, WeightLayout] = field(default_factory=dict)
    weight_layout: Callable[..., WeightLayout] | None = None
    transpose: bool = False
    variant: Callable[[ConvArguments], "LayerCall | None"] | None = None
    checks_padding: bool = True

    # -- the arguments -----------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The framework's name of the call, without its arguments."""
        return self.template.partition("(")[0]

    @property
    def meanings(self) -> dict[str, str]:
        """Meaning of each argument, those from arrays first."""
        return {**self.arrays, **self.arguments, **self.later}

    @cached_property
    def make(self) -> Callable[..., Any]:
        """The function of convmatrix with the framework's arguments, which also takes ``weight=``."""
        return self.function or _FunctionOfRecord(self)

    @cached_property
    def required(self) -> frozenset[str]:
        """Names of the arguments without a default."""
        parameters = inspect.signature(self.make).parameters.values()
        return frozenset(one.name for one in parameters if one.default is one.empty)

    @property
    def output_size_keyword(self) -> str:
        """The argument that has to give the output size; empty if the framework has a default."""
        names = (name for name, meaning in self.meanings.items() if MEANINGS.get(meaning, meaning) == "output_size")
        return next((name for name in names if name in self.required), "")

    def our_names(self) -> dict[str, str]:
        """Return for each argument of the framework the argument of ours that it gives."""
        return {name: MEANINGS.get(meaning, meaning) for name, meaning in {**self.meanings, **self.aliases}.items()}

    def for_arguments(self, arguments: ConvArguments) -> "LayerCall":
        """Return the call, or its variant for these arguments."""
        return (self.variant(arguments) if self.variant else None) or self

    def supported(self, arguments: ConvArguments) -> frozenset[str]:
        """Return which optional arguments of ours the framework has."""
        own = self.from_shapes.union(self.our_names().values()).intersection(OPTIONAL)
        return own | {"padding_mode"} if self.padding.states_mode(arguments) else own

    def check(self, arguments: ConvArguments) -> None:
        """Raise a ValueError for arguments that the framework does not have."""
        supported = self.supported(arguments)
        for name, value in arguments.unusual().items():
            if name not in supported:
                raise ValueError(f"there is no argument for {name}={short(value)}")
        if self.checks_padding:
            self.padding.check(arguments)
        if self.output_size_keyword and arguments.output_size is None:
            raise ValueError(
                f"there is no default output size: give output_size, its {self.output_size_keyword}, which the forward "
                "rule then checks"
            )

    # -- what is written ---------------------------------------------------------------------------------------------

    def kwargs(self, arguments: ConvArguments) -> dict[str, Any]:
        """Return keyword arguments of `make`, without optional ones that have their default value."""
        values = {name: self._value(name, meaning, arguments) for name, meaning in self.meanings.items()}
        return {**{name: value for name, value in values.items() if value is not None}, **self.fixed}

    def text(self, arguments: ConvArguments) -> str:
        """Return the source text of the call."""
        kwargs = self.kwargs(arguments)
        written = (
            f"{name}={short(value)}" for name, value in kwargs.items() if name not in {*self.arrays, *self.later}
        )
        later = (f", {name}={list(kwargs[name])}" for name in self.later if name in kwargs)
        return self.template.format(arguments=", ".join(written), later="".join(later), ndim=arguments.ndim)

    def shapes(self, arguments: ConvArguments) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes of x and w in the framework's layouts."""
        return self._data_shape(arguments.in_channels, arguments.input_size), self._weight_shape(arguments)

    def _value(self, name: str, meaning: str, arguments: ConvArguments) -> Any:
        """Return the value of an argument; None if it is not written."""
        needed = name in self.required or name in self.written
        match meaning:
            case "padding" if arguments.no_padding and self.padding.none is None:
                return self.padding.numbers(arguments) if needed else None
            case "padding":
                none = self.padding.none if arguments.no_padding else None
                return none or self.padding.name(arguments) or self.padding.numbers(arguments)
            case "padding_name":
                return self.padding.name(arguments)
            case "padding_ends":
                numbers = not arguments.no_padding and self.padding.name(arguments) is None
                return self.padding.numbers(arguments) if numbers else None
            case "input_shape":
                return self._data_shape(arguments.in_channels, arguments.input_size)
            case "image_shape":
                return self._data_shape(arguments.in_channels, arguments.input_size)[1:]
            case "weight_shape":
                return self._weight_shape(arguments)
            case "output_shape":
                size = arguments.output_size
                return None if size is None else self._data_shape(arguments.out_channels, size)
        if arguments.is_default(meaning) and not needed:
            return None
        value = getattr(arguments, meaning)
        return self.entries(value) if isinstance(value, tuple) else value

    def _data_shape(self, channels: int, size: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of one image with its batch."""
        return (1, channels, *size) if self.data == "NC*" else (1, *size, channels)

    def _weight_shape(self, arguments: ConvArguments) -> tuple[int, ...]:
        groups = arguments.groups if "groups" in self.supported(arguments) else 1
        if self.weight.layer == "OI*":
            shape = (arguments.out_channels, arguments.in_channels // groups, *arguments.kernel_size)
        else:
            shape = (arguments.in_channels, arguments.out_channels // groups, *arguments.kernel_size)
        return self.weight.shape_of(shape)

    # -- weights -----------------------------------------------------------------------------------------------------

    @property
    def flips(self) -> bool:
        """Check whether the kernel is flipped, in comparison with our layer of the same kind."""
        return self.weight.flipped != (self.transpose and self.weight.layer == "OI*")

    def layout(self, shape: tuple[int, ...], *, inverse: bool, arguments: Mapping[str, Any]) -> WeightLayout:
        """Return the layout of a weight for the arguments on which it depends.

        Parameters
        ----------
        shape : tuple of int
            Of the array to convert.
        inverse : bool
            Whether it is a weight of our layer.
        arguments : mapping
            From names of the framework's arguments to their values.

        Returns
        -------
        WeightLayout

        Raises
        ------
        WrongTypeError
            If the layout does not depend on one of them; also a TypeError.
        ValueError
            If one is missing, or the array has a wrong number of axes.
        """
        names = [] if self.weight_layout is None else list(inspect.signature(self.weight_layout).parameters)[2:]
        unknown = [name for name in arguments if name not in names]
        if unknown:
            known = ", ".join(["transpose", "inverse", *names])
            raise WrongTypeError(f"weight has no argument {short(unknown[0])}: give some of {known}")
        return self.weight if self.weight_layout is None else self.weight_layout(shape, inverse, **arguments)


class _FunctionOfRecord:
    """A function that makes the layer of a call from its record."""

    def __init__(self, call: LayerCall) -> None:
        self.call = call
        parameters = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in {
                **{name: call.defaults.get(name, inspect.Parameter.empty) for name in call.meanings},
                "weight": None,
            }.items()
        ]
        self.__signature__ = inspect.Signature(parameters)

    def __call__(self, **kwargs: Any) -> Layer | WithWeight[Layer]:
        """Make the layer; with ``weight=`` return the pair (layer, weight)."""
        try:
            bound = self.__signature__.bind(**kwargs)
        except TypeError as error:
            names = ", ".join(self.__signature__.parameters)
            raise WrongTypeError(f"{error}: {self.call.name} takes {names}") from None
        bound.apply_defaults()
        weight = bound.arguments.pop("weight")
        meanings = self.call.meanings
        layer = make_layer(
            {meanings[name]: value for name, value in bound.arguments.items()},
            {meaning: name for name, meaning in meanings.items()},
            data=self.call.data,
            weight=self.call.weight,
            padding_names=self.call.padding.names or {},
            transpose=self.call.transpose,
        )
        return with_weight(layer, weight, self.call.weight)


def pads_as_list(arguments: ConvArguments) -> list[Any]:
    """Return one pad for each axis, or a pair, as a list."""
    return list(arguments.padding_numbers)
