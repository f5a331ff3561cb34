"""Inspection of PyTorch modules: the code and the hooks that a call runs, and the values of weights.

The module is neither run nor changed. Values that its next call would renew, by a hook or a parametrisation, are
computed from copies.
"""

import copy
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convmatrix.core.errors import WrongTypeError, short
from convmatrix.frameworks.shared.layouts import weight_of
from convmatrix.frameworks.shared.loading import MissingValues, Values
from convmatrix.frameworks.shared.overrides import (
    Override,
    base_of,
    comes_from,
    module_of,
    override_of,
    patch_of,
    what_to_give,
)

__all__ = ["is_graph", "is_lazy", "is_quantised", "known_base", "obstacle", "values_in", "values_of"]

_MODULES = (
    "torch.nn.modules",
    "torch.ao.nn",
    "torch.ao.quantization",
    "torch.nn.quantized",
    "torch.nn.qat",
    "torch.nn.intrinsic",
    "torch.quantization",
)
"""Packages of modules that are known by the names of their classes."""

_COMPUTING = ("__call__", "_wrapped_call_impl", "_call_impl", "forward", "_conv_forward", "_output_padding", "__iter__")
"""Methods by which PyTorch's modules compute their result; a Sequential iterates over itself."""

_COMPUTING_OF_OTHERS = ("__call__", "forward", "_conv_forward")
"""The same for objects that only have the attributes of PyTorch's modules."""


# -- whose code ------------------------------------------------------------------------------------------------------


def known_base(module: Any, names: Collection[str]) -> type | None:
    """Return the first class of a module that is defined in PyTorch and has one of the names; see `base_of`.

    Returns
    -------
    type or None
    """
    return base_of(module, names, _MODULES, ["torch"])


def obstacle(module: Any, base: type | None) -> str | None:
    """Return the reason why the attributes of a module do not define what it computes.

    Parameters
    ----------
    module : torch.nn.Module
    base : type or None
        Class whose forward method it should have; None if it is of no known class.

    Returns
    -------
    str or None
        A sentence about an overridden method or a hook; None if there is neither.
    """
    return _own_forward(module, base) or _unknown_hook(module)


def _own_forward(module: Any, base: type | None) -> str | None:
    name = type(module).__name__
    if is_graph(module):
        return (
            f"{name} is a GraphModule of torch.fx, which computes what its graph says, whatever the name: give the "
            "module that was traced, or one that does what the graph does"
        )
    genuine = base is not None and comes_from(base, ["torch"])
    if _is_of_torch(module) and not genuine:
        # It may have the attributes of a convolution all the same, with any forward.
        found = override_of(module, _COMPUTING[:4], lambda cls: comes_from(cls, ["torch"]))
    else:
        methods = [m for m in _COMPUTING if hasattr(base, m)] if genuine else _COMPUTING_OF_OTHERS
        found = override_of(module, methods, lambda cls: genuine and _inherits(base, cls))
    if found is None:
        found = _handed_out(module, _COMPUTING[1:] if genuine else ())
    if found is None:
        return _compiled(module) or (_patched(base) if base is not None and genuine else None)
    # Name the class that defines the method if the class name alone is ambiguous.
    plain = found == ("forward", f"{module_of(type(module))}.{name}".lstrip("."))
    origin = "" if plain and (base is None or base.__name__ != name) else f" ({found.method} of {found.owner})"
    return f"{name} has a forward of its own{origin}, so that its numbers do not say what it computes: " + what_to_give(
        getattr(module, "_modules", None), "module", "torch.nn"
    )


def _handed_out(module: Any, methods: Collection[str]) -> Override | None:
    """Return a method that a user-defined __getattribute__ returns in place of the method of the class."""
    own = override_of(module, ["__getattribute__"], lambda cls: cls is object or comes_from(cls, ["torch"]))
    for method in methods if own else ():
        function = getattr(type(module), method, None)
        if function is not None and getattr(getattr(module, method, None), "__func__", None) is not function:
            return own
    return None


def is_graph(module: Any) -> bool:
    """Check whether a module is a GraphModule of torch.fx.

    Returns
    -------
    bool
    """
    return any(comes_from(cls, ["torch.fx"]) for cls in type(module).__mro__)


def _is_of_torch(module: Any) -> bool:
    return any(comes_from(cls, ["torch"]) for cls in type(module).__mro__)


def _inherits(base: type | None, cls: type) -> bool:
    """Check whether a method of a class may replace that of the base: it is inherited, or only rounds numbers."""
    return base is not None and (issubclass(base, cls) or _rounds(cls))


def _rounds(cls: type) -> bool:
    """Check whether a class is one of PyTorch's quantised classes, whose sizes are those of the plain layer."""
    return comes_from(cls, _MODULES[1:])


def is_quantised(module: Any) -> bool:
    """Check whether a module computes by one of PyTorch's quantised classes.

    Returns
    -------
    bool
    """
    owner = next((cls for cls in type(module).__mro__ if "forward" in vars(cls)), None)
    return owner is not None and _rounds(owner)


def _patched(base: type) -> str | None:
    """Describe a method of a PyTorch class that was replaced on the class itself."""
    remedy = "read the module where the class is PyTorch's own"
    found = patch_of(base, _COMPUTING, ["torch"])
    if found is not None:
        return f"{found}: {remedy}"
    for cls in base.__mro__:
        for method in _COMPUTING:
            module = getattr(vars(cls).get(method), "__module__", None)
            if isinstance(module, str) and module.partition(".")[0] != "torch":
                return (
                    f"{module_of(cls)}.{cls.__name__} was given a {method} of {module}, which may compute "
                    f"anything: {remedy}"
                )
    return None


def _compiled(module: Any) -> str | None:
    """Describe a replaced call of a module; that of torch.compile, which computes the same, is accepted."""
    compiled = getattr(module, "__dict__", {}).get("_compiled_call_impl")
    original = getattr(compiled, "_torchdynamo_orig_callable", None)
    if compiled is None or getattr(original, "__func__", None) is getattr(type(module), "_call_impl", 0):
        return None
    return (
        f"{type(module).__name__} has a call of its own in _compiled_call_impl, which may compute anything: delete "
        "it, or give the plain module"
    )


# -- hooks -----------------------------------------------------------------------------------------------------------


def _unknown_hook(module: Any) -> str | None:
    name = type(module).__name__
    for hook in _hooks(module, "_forward_pre_hooks"):
        if _renewal(hook) is None and not _is_lazy_hook(hook) and not _only_observes(hook, module):
            return (
                f"{name} has a forward pre-hook, {_name_of(hook)}, which may change what it computes: remove it, "
                "by the handle that register_forward_pre_hook returned"
            )
    for hook in _hooks(module, "_forward_hooks"):
        if _only_observes(hook, module):
            continue
        return (
            f"{name} has a forward hook, {_name_of(hook)}, which may change its result: remove it, by the handle "
            "that register_forward_hook returned"
        )
    for kind, when in (("forward_pre_hook", "pre-hook"), ("forward_hook", "hook")):
        for hook in _global_hooks(module, f"_global_{kind}s"):
            return (
                f"a global forward {when}, {_name_of(hook)}, runs on every call of {name}, and may change its "
                f"result: remove it, by the handle that register_module_{kind} returned"
            )
    return None


def _hooks(module: Any, kind: str) -> Iterator[Any]:
    yield from dict(getattr(module, "__dict__", {}).get(kind) or {}).values()


def _global_hooks(module: Any, kind: str) -> Iterator[Any]:
    """Yield the global hooks, which PyTorch stores in the Python module that defines its class Module."""
    for cls in type(module).__mro__:
        if cls.__name__ == "Module" and comes_from(cls, ["torch"]):
            yield from dict(getattr(sys.modules.get(module_of(cls)), kind, None) or {}).values()


def _name_of(hook: Any) -> str:
    hook = getattr(hook, "func", hook)  # of a partial
    return str(getattr(hook, "__qualname__", type(hook).__qualname__)).rpartition("<locals>.")[-1]


def _is_lazy_hook(hook: Any) -> bool:
    """Check whether a hook is that by which a lazy module infers its channels from its first input."""
    return getattr(hook, "__name__", "") == "_infer_parameters" and getattr(hook, "__module__", "").startswith("torch.")


def _only_observes(hook: Any, module: Any) -> bool:
    """Check whether a hook is one of PyTorch's observers for quantisation, which record or round numbers."""
    quantization = ["torch.ao.quantization"]
    observer = _held(module, "_modules").get("activation_post_process")
    home = str(getattr(hook, "__globals__", {}).get("__name__", ""))
    named = getattr(hook, "__name__", "") in ("_observer_forward_hook", "_observer_forward_pre_hook")
    if not named or not home.startswith(f"{quantization[0]}.") or observer is None:
        return False
    return override_of(observer, _COMPUTING[:4], lambda cls: comes_from(cls, ["torch"])) is None and comes_from(
        type(observer), quantization
    )


# -- values that are renewed on every call ---------------------------------------------------------------------------

Lookup = Callable[[str], NDArray[Any]]
"""Function from the name of an attribute to its values in the next call."""


class _MissingError(Exception):
    """Raised if values are missing from which others are computed."""

    def __init__(self, values: MissingValues) -> None:
        super().__init__(values.reason)
        self.values = values


def _by_weight_norm(hook: Any, lookup: Lookup, training: bool) -> tuple[str, NDArray[Any]]:
    """Compute g * v / ||v||, the norm over all axes but one, or over all axes if dim is -1."""
    g, v = lookup(f"{hook.name}_g"), lookup(f"{hook.name}_v")
    axes = tuple(axis for axis in range(v.ndim) if hook.dim == -1 or axis != hook.dim % v.ndim)
    wide = v.astype(np.result_type(v, np.float64))
    norm = np.sqrt(np.sum(np.abs(wide) ** 2, axis=axes, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):  # of zeros, not a number, as in PyTorch
        return hook.name, (wide * (g / norm)).astype(v.dtype)


def _by_spectral_norm(hook: Any, lookup: Lookup, training: bool) -> tuple[str, NDArray[Any]]:
    """Compute W / (u^T W v), in training after the steps of the power iteration that a call makes first."""
    weight, u, v = (lookup(f"{hook.name}_{part}") for part in ("orig", "u", "v"))
    wide = weight.astype(np.result_type(weight, np.float64))
    rows = np.moveaxis(wide, hook.dim, 0).reshape(weight.shape[hook.dim], -1)  # shape (outputs, all others)
    for _ in range(hook.n_power_iterations if training else 0):
        v = _unit(rows.T @ u, hook.eps)
        u = _unit(rows @ v, hook.eps)
    with np.errstate(divide="ignore", invalid="ignore"):
        return hook.name, (wide / (u @ rows @ v)).astype(weight.dtype)


def _unit(vector: NDArray[Any], eps: float) -> NDArray[Any]:
    return vector / max(float(np.linalg.norm(vector)), eps)


def _by_pruning(hook: Any, lookup: Lookup, training: bool) -> tuple[str, NDArray[Any]]:
    name = hook._tensor_name
    original = lookup(f"{name}_orig")
    return name, lookup(f"{name}_mask").astype(original.dtype) * original


_RENEWALS: Mapping[tuple[str, str], Callable[[Any, Lookup, bool], tuple[str, NDArray[Any]]]] = {
    ("torch.nn.utils.weight_norm", "WeightNorm"): _by_weight_norm,
    ("torch.nn.utils.spectral_norm", "SpectralNorm"): _by_spectral_norm,
    ("torch.nn.utils.prune", "BasePruningMethod"): _by_pruning,
}
"""Functions that return the attribute that a pre-hook sets, and its values, by Python module and class of the hook."""

_RENEWING = ("__call__", "compute_weight", "reshape_weight_to_matrix", "apply_mask")
"""Methods of these hooks that compute the values."""


def _renewal(hook: Any) -> Callable[[Any, Lookup, bool], tuple[str, NDArray[Any]]] | None:
    """Return the function that computes the values that a pre-hook sets; None if the hook is not one of PyTorch's."""
    for cls in type(hook).__mro__:
        renewal = _RENEWALS.get((module_of(cls), cls.__name__))
        if renewal is not None:
            own = override_of(hook, _RENEWING, lambda owner: comes_from(owner, ["torch"]))
            return None if own else renewal
    return None


def values_of(module: Any, name: str) -> Values | None:
    """Return the weight or the bias that the next call of a module uses; the module is not changed.

    Parameters
    ----------
    module : torch.nn.Module
        Without an `obstacle`.
    name : str
        ``weight`` or ``bias``.

    Returns
    -------
    ndarray, MissingValues or None
        A copy, float16 and bfloat16 as float32; None where the module has none.

    Raises
    ------
    WrongTypeError
        If the module has no such attribute, or its dtype is none of NumPy's: a TypeError as well.
    """
    try:
        return _renewed(module, name)
    except _MissingError as missing:
        return missing.values


def _renewed(module: Any, name: str) -> NDArray[Any] | None:
    state: dict[str, NDArray[Any]] = {}

    def lookup(attribute: str) -> NDArray[Any]:
        if attribute in state:
            return state[attribute]
        return _values(f"the {attribute} of {type(module).__name__}", _tensor(module, attribute))

    for hook in _hooks(module, "_forward_pre_hooks"):  # in the order in which the call runs them
        renew = _renewal(hook)
        if renew is None:
            continue
        try:
            attribute, values = renew(hook, lookup, bool(getattr(module, "training", False)))
        except _MissingError as missing:  # a part, of another shape
            raise _MissingError(MissingValues(missing.values.reason, ())) from missing
        state[attribute] = values
    if name in state:
        return state[name]
    tensor = _tensor(module, name)
    return None if tensor is None else np.array(_values(f"the {name} of {type(module).__name__}", tensor))


def _tensor(module: Any, name: str) -> Any:
    if _is_parametrised(module, name):
        cached = _cached(module, name)
        if cached is not None:
            return cached
        held = module._modules["parametrizations"]._modules[name]
        by = f"is parametrised by {', '.join(_kind(step) for step in held._modules.values())}"
        return _by_copies(module, name, held, by, lambda copied: copied.forward())
    if isinstance(getattr(type(module), name, None), property):
        return _by_copies(module, name, module, "is a property", lambda copied: getattr(copied, name))
    if not hasattr(module, name):
        raise WrongTypeError(
            f"{type(module).__name__} is not a torch convolution: it has no attribute {short(name)}; "
            "give the layer object itself"
        )
    return getattr(module, name)


def _is_parametrised(module: Any, name: str) -> bool:
    """Check whether torch.nn.utils.parametrize computes an attribute, so that reading it may change the module."""
    return name in getattr(_held(module, "_modules").get("parametrizations"), "_modules", {})


def _cached(module: Any, name: str) -> Any:
    """Return the values that a torch.nn.utils.parametrize.cached block stores, which calls inside it use."""
    parametrize = sys.modules.get("torch.nn.utils.parametrize")
    if not getattr(parametrize, "_cache_enabled", 0):
        return None
    return getattr(parametrize, "_cache", {}).get((id(module), name))


def _held(module: Any, where: str) -> Mapping[str, Any]:
    """Return the parameters or the child modules of a module, by name."""
    held = getattr(module, "__dict__", {}).get(where)
    return held if isinstance(held, Mapping) else {}


def _by_copies(module: Any, name: str, held: Any, by: str, compute: Callable[[Any], Any]) -> Any:
    """Return the value of a computed attribute in the next call, from copies of the object that computes it."""
    what = f"the {name} of {type(module).__name__}"
    try:
        copies = [copy.deepcopy(held) for _ in range(2)]
    except (RuntimeError, TypeError) as error:
        reason = f"{what} {by}, which cannot be copied, and reading it could change it: give a module with a plain one"
        raise _MissingError(MissingValues(reason, ())) from error
    first, second = (compute(copied) for copied in copies)
    if not np.array_equal(_values(what, first), _values(what, second), equal_nan=True):
        remedy = "call .eval() on the module" if getattr(module, "training", False) else "give a module without it"
        raise WrongTypeError(f"{what} {by}, which gives other values on every call: {remedy}")
    return first


def _kind(obj: Any) -> str:
    return type(obj).__name__


# -- values as arrays ------------------------------------------------------------------------------------------------


def is_lazy(module: Any) -> bool:
    """Check whether the weight of a module is not initialised before its first input."""
    weight = _held(module, "_parameters").get("weight", getattr(module, "__dict__", {}).get("weight"))
    return _kind(weight) == "UninitializedParameter"


def values_in(what: str, tensor: Any) -> Values:
    """Return a tensor's values as an array, float16 and bfloat16 widened to float32.

    Parameters
    ----------
    what : str
        Name of the tensor in error messages.
    tensor : tensor or array_like

    Returns
    -------
    ndarray or MissingValues

    Raises
    ------
    WrongTypeError
        If it is of dtype complex32: a TypeError as well.
    """
    try:
        return _values(what, tensor)
    except _MissingError as missing:
        return missing.values


def _values(what: str, tensor: Any) -> NDArray[Any]:
    dtype = str(getattr(tensor, "dtype", ""))
    if dtype == "torch.complex32":
        raise WrongTypeError(f"{what} has dtype {dtype}, which NumPy does not have: cast it with .to(torch.complex64)")
    own = next((cls for cls in type(tensor).__mro__ if _computes_of_its_own(cls)), None)
    if own is not None:
        raise WrongTypeError(
            f"{what} is a {own.__name__} of {module_of(own)}, a tensor with operations of its own, "
            "which may compute anything: give it as a plain torch.Tensor"
        )
    shape = _shape(tensor)

    def missing(reason: str) -> _MissingError:
        return _MissingError(MissingValues(f"{what} {reason}", shape))

    if callable(tensor) and not hasattr(tensor, "shape"):
        raise missing("is quantised, a method instead of an array: give the layer from before it was converted")
    if "float8" in dtype:
        raise missing(f"has dtype {dtype}, which scipy.sparse cannot hold: cast it with .float()")
    if getattr(tensor, "is_quantized", False):
        raise missing(f"is a quantised tensor of dtype {dtype}: give what .dequantize() makes of it")
    if getattr(tensor, "is_meta", False) or _kind(tensor) == "FakeTensor":
        raise missing("is on the device 'meta', where tensors have no values: load them first")
    for view in ("resolve_conj", "resolve_neg"):  # NumPy cannot read lazy conjugates and negatives
        tensor = getattr(tensor, view, lambda tensor=tensor: tensor)()
    try:
        return weight_of(tensor)
    except (RuntimeError, TypeError) as error:
        message = str(error).partition("\n")[0].rstrip(".")
        raise missing(f"cannot be read as an array ({message}): give it as a dense tensor of numbers") from error


def _computes_of_its_own(cls: type) -> bool:
    """Check whether a class is a user-defined subclass of torch.Tensor that overrides operations."""
    own = ("__torch_function__", "__torch_dispatch__")
    return (
        any(comes_from(base, ["torch"]) for base in cls.__mro__)
        and not comes_from(cls, ["torch"])
        and any(name in vars(cls) for name in own)
    )


def _shape(tensor: Any) -> tuple[int, ...]:
    shape = getattr(tensor, "shape", ())
    return tuple(shape) if isinstance(shape, tuple) else ()
