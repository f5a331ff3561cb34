"""A transposed layer as a window of the full result, and the calls by which a framework gives it.

A transposed layer is a window of the full result, which begins at the pad before it and has the length of the output. A
framework has the layer if its arguments describe that window.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from convmatrix.core.axis import named_padding
from convmatrix.frameworks.shared.arguments import ConvArguments
from convmatrix.frameworks.shared.layer_calls import LayerCall
from convmatrix.layers import ConvTranspose

__all__ = [
    "OutputSizeCall",
    "Window",
    "axes_text",
    "calls_by_trial",
    "impossible",
    "not_listed",
    "pads_text",
]


@dataclass(frozen=True)
class OutputSizeCall:
    """The call by which one framework gives an output size, or the reason why it cannot.

    Parameters
    ----------
    framework : str
        The module of convmatrix.frameworks that has `function`.
    layer_name : str
        The framework's name of the layer.
    arguments : str
        Source text of the arguments that determine the size; or the reason why there are none.
    function : str
        The name of the function that makes the layer.
    kwargs : mapping, optional
        Keyword arguments of the function; None if the framework does not have this layer.
    crop : tuple of int, optional
        For each axis the first element that is kept, where a separate layer or slice has to crop the result.
    """

    framework: str
    layer_name: str
    arguments: str
    function: str = "conv_transpose"
    kwargs: Mapping[str, Any] | None = None
    crop: tuple[int, ...] | None = None

    def __str__(self) -> str:
        """The name of the layer, and the arguments or the reason."""
        return f"{self.layer_name}: {self.arguments}"


class Window:
    """A transposed layer as a window of the full result, with its first element and its length on each axis."""

    def __init__(self, layer: ConvTranspose) -> None:
        self.layer = layer
        self.ndim, self.size, self.result = layer.ndim, layer.input_size, layer.output_size
        self.before = tuple(axis.before for axis in layer.axes)
        self.pads = tuple((axis.before, axis.after) for axis in layer.axes)
        self.spans = tuple(axis.span for axis in layer.axes)
        self.full = tuple(
            (n - 1) * s + span for n, s, span in zip(layer.input_size, layer.stride, self.spans, strict=True)
        )
        self.beyond = tuple(o - (f - 2 * b) for o, f, b in zip(self.result, self.full, self.before, strict=True))
        """Elements that are added at the end if the same number is cropped at both ends."""
        ends = tuple(b + o for b, o in zip(self.before, self.result, strict=True))
        self.whole = tuple(max(f, end) for f, end in zip(self.full, ends, strict=True))
        """Length of the full result with `added` elements at its end, so that it contains the window."""
        self.added = tuple(whole - f for whole, f in zip(self.whole, self.full, strict=True))
        self.cut = tuple((b, whole - end) for b, whole, end in zip(self.before, self.whole, ends, strict=True))
        """Elements of that which are cropped before and after the window."""

    def unsupported(self, framework: str, *, groups: bool = True, ndims: Sequence[int] = (1, 2, 3)) -> str | None:
        """Return the reason why the framework does not have the layer at all, else None."""
        layer = self.layer
        if self.ndim not in ndims:
            return f"no layer of {framework} has {self.ndim} {'axis' if self.ndim == 1 else 'axes'}"
        if layer.padding_mode != "zeros":
            return f"no transposed layer of {framework} has the padding mode {layer.padding_mode!r}"
        if any(a > 1 for a in layer.input_dilation):
            return f"no transposed layer of {framework} has an input dilation"
        if layer.groups > 1 and not groups:
            return f"no transposed layer of {framework} has groups"
        return None

    def negative_pad(self) -> str | None:
        """Return the reason why a framework without negative pads does not have the layer, else None."""
        bad = [(axis, pair) for axis, pair in enumerate(self.pads) if min(pair) < 0]
        return f"padding {bad[0][1]} on axis {bad[0][0]} is negative" if bad else None

    def not_contained(self, most_added: Sequence[int]) -> str | None:
        """Return the reason why no full result, with up to `most_added` elements at its end, contains the window."""
        for axis, (before, added, most) in enumerate(zip(self.before, self.added, most_added, strict=True)):
            if before < 0 or added > most:
                return (
                    f"on axis {axis} the result without padding has positions 0 to {self.full[axis] + most - 1} at "
                    f"most, of {before} to {before + self.result[axis] - 1} that are wanted"
                )
        return None

    @property
    def slices(self) -> str:
        """Source text of the slices that cut the window out of the full result."""
        return ", ".join(f"{b}:{b + o}" for b, o in zip(self.before, self.result, strict=True))

    @property
    def sizes(self) -> tuple[str, str]:
        """Sizes of the full result and of the window as text."""
        return "x".join(map(str, self.whole)), "x".join(map(str, self.result))

    def uneven(self, most: Sequence[int], name: str) -> str | None:
        """Return the reason why one pad, and fewer than `most` elements at the end, do not give the window."""
        for axis, (before, beyond, limit) in enumerate(zip(self.before, self.beyond, most, strict=True)):
            if before < 0:
                return f"padding {self.pads[axis]} on axis {axis} is negative"
            if not 0 <= beyond < limit:
                return (
                    f"pads {self.pads[axis]} on axis {axis} need padding={before} and {name} {beyond}, which has "
                    f"to be from 0 to {limit - 1}"
                )
        return None

    @property
    def same_pads(self) -> tuple[tuple[int, int], ...]:
        """The pads of ``same`` of the convolution from the window to the input."""
        return tuple(
            named_padding("same", span, s, n)
            for span, s, n in zip(self.spans, self.layer.stride, self.result, strict=True)
        )

    @property
    def totals(self) -> list[int]:
        """For each axis the number of elements of the full result that are not in the window."""
        return [f - o for f, o in zip(self.full, self.result, strict=True)]

    @property
    def most_added(self) -> list[int]:
        """For each axis the largest number of elements that most frameworks add at the end, the stride less one."""
        return [s - 1 for s in self.layer.stride]

    def is_given_by(self, pads: Sequence[tuple[int, int]]) -> bool:
        """Return whether pads give the same convolution: the same pad before, and the same number of outputs."""
        return all(
            pair[0] == before and (n + sum(pair) - span) // s + 1 == outputs
            for pair, before, n, span, s, outputs in zip(
                pads, self.before, self.result, self.spans, self.layer.stride, self.size, strict=True
            )
        )

    def kwargs(self, call: LayerCall, **changes: Any) -> dict[str, Any]:
        """Return the keyword arguments of the layer without padding, and with changes in the framework's names."""
        return {**call.kwargs(self.arguments()), **changes}

    def arguments(self, **changes: Any) -> ConvArguments:
        """Return the arguments of the layer without padding and output padding, and with changes in our names."""
        layer = self.layer
        zeros = ConvArguments(
            input_size=layer.input_size,
            kernel_size=layer.kernel_size,
            stride=layer.stride,
            padding=((0, 0),) * self.ndim,
            dilation=layer.dilation,
            input_dilation=layer.input_dilation,
            output_padding=(0,) * self.ndim,
            output_size=None,
            groups=layer.groups,
            in_channels=layer.in_channels,
            out_channels=layer.out_channels,
            padding_mode=layer.padding_mode,
        )
        return replace(zeros, **changes)


def impossible(framework: str, layer_name: str, why: str | None) -> Iterator[OutputSizeCall]:
    """Yield the reason why a framework does not have a layer."""
    yield OutputSizeCall(framework, layer_name, f"cannot: {why}")


def not_listed(window: Window) -> Iterator[OutputSizeCall]:
    """Yield no call, for an interface with the same calls as another one of its framework."""
    return iter(())


def calls_by_trial(framework: str, call: LayerCall, window: Window) -> Iterator[OutputSizeCall]:
    """Yield the calls with an output padding or an output size that make the layer of a window, or the reason.

    Parameters
    ----------
    framework : str
    call : LayerCall
        Of the transposed convolution.
    window : Window

    Yields
    ------
    OutputSizeCall
    """
    layer_name = call.name.format(ndim=window.ndim)
    beyond = tuple(o - (f - b - a) for o, f, (b, a) in zip(window.result, window.full, window.pads, strict=True))
    reasons, found = [], False
    for changes in ({"output_padding": beyond}, {"output_size": window.result}):
        arguments = window.arguments(padding=window.pads, **changes)
        try:
            call.check(arguments)
            made = call.make(**call.kwargs(arguments))
        except ValueError as error:
            reasons.append(str(error))
            continue
        if not isinstance(made, ConvTranspose) or (made.output_size, made.axes) != (window.result, window.layer.axes):
            reasons.append(f"the call makes {made!r}")
            continue
        found = True
        kwargs = call.kwargs(arguments)
        written = ", ".join(f"{name}={value!r}" for name, value in kwargs.items() if _sets_size(call, name))
        yield OutputSizeCall(framework, layer_name, written, kwargs=kwargs)
        if not any(beyond):
            break
    if not found:
        yield from impossible(framework, layer_name, reasons[0])


def _sets_size(call: LayerCall, name: str) -> bool:
    """Return whether an argument gives the padding, the output padding or the output size."""
    return call.our_names().get(name) in ("padding", "output_padding", "output_size")


def axes_text(numbers: Sequence[int]) -> str:
    """Source text of numbers for the axes: a single number if all are the same."""
    return str(numbers[0]) if len(set(numbers)) == 1 else str(tuple(numbers))


def pads_text(pads: Sequence[tuple[int, int]]) -> str:
    """Source text of pairs of pads."""
    return f"[{', '.join(map(str, pads))}]"
