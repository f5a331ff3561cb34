"""The frameworks that are compared: those of this package, and those that a user has added."""

from dataclasses import replace

from convmatrix.core.errors import short
from convmatrix.frameworks import jax, onnx, tensorflow, torch
from convmatrix.frameworks.legacy import caffe, mxnet, theano
from convmatrix.frameworks.shared.framework import Framework, Interface
from convmatrix.frameworks.shared.layer_calls import LayerCall, PaddingFormat
from convmatrix.frameworks.shared.weights import WeightLayout
from convmatrix.layers import Conv, ConvTranspose

__all__ = ["CONVMATRIX", "frameworks", "interfaces", "register", "unregister"]

_SIZES = {"input_size": "input_size", "kernel_size": "kernel_size", "stride": "stride", "padding": "padding"}
_CHANNELS = {"in_channels": "in_channels", "out_channels": "out_channels"}
_CONVOLUTION = LayerCall(
    template="Conv({arguments})",
    function=Conv,
    arguments={
        **_SIZES,
        "dilation": "dilation",
        "input_dilation": "input_dilation",
        "groups": "groups",
        "padding_mode": "padding_mode",
        **_CHANNELS,
    },
    padding=PaddingFormat(numbers=lambda arguments: arguments.padding),
    checks_padding=False,
)

CONVMATRIX = Interface(
    name="convmatrix",
    title="convmatrix",
    convolution=_CONVOLUTION,
    transposed=replace(
        _CONVOLUTION,
        template="ConvTranspose({arguments})",
        function=ConvTranspose,
        arguments={
            **_SIZES,
            "dilation": "dilation",
            "input_dilation": "input_dilation",
            "output_padding": "output_padding",
            "output_size": "output_size",
            "groups": "groups",
            "padding_mode": "padding_mode",
            **_CHANNELS,
        },
        weight=WeightLayout("IO*", "IO*"),
        transpose=True,
    ),
)
"""Our own layers, with which the frameworks are compared."""

_FRAMEWORKS: list[Framework] = [module.FRAMEWORK for module in (torch, tensorflow, jax, onnx, theano, mxnet, caffe)]


def frameworks() -> tuple[Framework, ...]:
    """Return all frameworks, those that were added at the end.

    Returns
    -------
    tuple of Framework

    Examples
    --------
    >>> [framework.title for framework in frameworks()][:3]
    ['PyTorch', 'TensorFlow, Keras', 'JAX, Flax']
    """
    return tuple(_FRAMEWORKS)


def interfaces() -> tuple[Interface, ...]:
    """Return the interfaces of all frameworks.

    Returns
    -------
    tuple of Interface

    Examples
    --------
    >>> [interface.name for interface in interfaces()]
    ['torch', 'tensorflow', 'keras', 'jax', 'flax', 'onnx', 'theano', 'mxnet', 'caffe']
    """
    return tuple(interface for framework in _FRAMEWORKS for interface in framework.interfaces)


def register(framework: Framework) -> None:
    """Add a framework, which `compare`, `diagnose`, `output_size_options` and the docs then read as the others.

    Parameters
    ----------
    framework : Framework
        Its interfaces need names that no other interface has.

    Raises
    ------
    ValueError
        If one of the names is taken.
    """
    taken = {CONVMATRIX.name, *(interface.name for interface in interfaces())}
    for interface in framework.interfaces:
        if interface.name in taken:
            raise ValueError(
                f"there is an interface {short(interface.name)} already, among {', '.join(sorted(taken))}: give "
                f"that of {framework.title} another name"
            )
    _FRAMEWORKS.append(framework)


def unregister(framework: Framework) -> None:
    """Remove a framework that was added.

    Parameters
    ----------
    framework : Framework

    Raises
    ------
    ValueError
        If it was not added.
    """
    if framework not in _FRAMEWORKS:
        raise ValueError(f"{framework.title} was not added: give a framework that was registered before")
    _FRAMEWORKS.remove(framework)
