"""Whose code an object runs: the classes that define its methods decide, never the name of its class alone.

A user's class may have the name of a framework's and compute something else, and a subclass of another name may compute
the same. Objects that come from no framework, but have the attributes of one, are taken for it if they compute nothing.
"""

import sys
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

__all__ = ["Override", "base_of", "comes_from", "module_of", "override_of", "patch_of", "what_to_give"]


class Override(NamedTuple):
    """A method that is not the framework's.

    Parameters
    ----------
    method : str
    owner : str
        The class that defines it, with its module, or ``the object``.
    """

    method: str
    owner: str


def module_of(cls: type) -> str:
    """The name of the module that defines a class; empty where it was made by code that has none.

    Returns
    -------
    str
    """
    return str(getattr(cls, "__module__", ""))


def comes_from(cls: type, packages: Iterable[str]) -> bool:
    """Whether a class is defined in one of some packages.

    Returns
    -------
    bool

    Examples
    --------
    >>> from collections import OrderedDict
    >>> comes_from(OrderedDict, ["collections"]), comes_from(OrderedDict, ["collect"])
    (True, False)
    """
    module = module_of(cls)
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def base_of(obj: Any, names: Collection[str], packages: Collection[str], framework: Collection[str]) -> type | None:
    """Find the class whose computation an object inherits, unless it overrides it.

    Parameters
    ----------
    obj : object
    names : collection of str
        The classes that are known.
    packages : collection of str
        Where the framework defines them.
    framework : collection of str
        Packages of the framework as a whole. An object none of whose classes is of these is known by a name alone.

    Returns
    -------
    type or None
        The first of the object's classes with one of the names; None if there is none.
    """
    classes = type(obj).__mro__
    genuine = any(comes_from(cls, framework) for cls in classes)
    return next((cls for cls in classes if cls.__name__ in names and (not genuine or comes_from(cls, packages))), None)


def override_of(obj: Any, methods: Iterable[str], owns: Callable[[type], bool]) -> Override | None:
    """Find the first of some methods that a class other than the framework's defines, or that is set on the object.

    Parameters
    ----------
    obj : object
    methods : iterable of str
        By which the framework makes a result of the attributes.
    owns : callable
        Whether a class may define them.

    Returns
    -------
    Override or None

    Examples
    --------
    >>> class Conv: forward = print
    >>> class Doubled(Conv): forward = repr
    >>> override_of(Doubled(), ["forward"], lambda cls: cls is Conv).owner.rpartition(".")[-1]
    'Doubled'
    >>> override_of(Conv(), ["forward"], lambda cls: cls is Conv) is None
    True
    """
    for method in methods:
        owner = _owner_of(type(obj), method)
        if owner is not None and not owns(owner) and not _is_alias(type(obj), owner, method, owns):
            return Override(method, f"{module_of(owner)}.{owner.__name__}".lstrip("."))
        # Python takes the methods of its protocols from the class alone.
        if not method.startswith("__") and method in getattr(obj, "__dict__", {}):
            return Override(method, "the object")
    return None


def _owner_of(cls: type, method: str) -> type | None:
    """The class whose method runs."""
    return next((each for each in cls.__mro__ if method in vars(each)), None)


def _is_alias(cls: type, owner: type, method: str, owns: Callable[[type], bool]) -> bool:
    """Whether a class only names again the method that it would inherit."""
    inherited = next((each for each in cls.__mro__ if method in vars(each) and owns(each)), None)
    return inherited is not None and vars(inherited)[method] is vars(owner)[method]


def patch_of(cls: type, methods: Iterable[str], packages: Collection[str]) -> str | None:
    """Say which of some methods was replaced on a class of the framework's itself.

    Where a function was written tells, not what it says of itself, which functools.wraps copies.

    Parameters
    ----------
    cls : type
    methods : iterable of str
        By which the framework makes a result of the attributes.
    packages : collection of str
        Of the framework. A class that is not found there by its name is a stand-in, and not looked at.

    Returns
    -------
    str or None
        The beginning of a sentence.

    Examples
    --------
    >>> from collections import Counter
    >>> patch_of(Counter, ["update"], ["collections"]) is None
    True
    """
    for method in methods:
        owner = _owner_of(cls, method)
        if owner is None or not comes_from(owner, packages) or not _is_at_home(owner):
            continue
        home = _home_of(vars(owner)[method])
        if not any(home == package or home.startswith(f"{package}.") for package in packages):
            return (
                f"{module_of(owner)}.{owner.__name__} was given a {method} of {home or 'no module'}, which may "
                "compute anything"
            )
    return None


def _is_at_home(cls: type) -> bool:
    """Whether the module that a class names as its own has it."""
    return getattr(sys.modules.get(module_of(cls)), cls.__name__, None) is cls


def _home_of(function: Any) -> str:
    """The module in which a function was written."""
    written = getattr(function, "__globals__", None) or {}
    return str(written.get("__name__") or getattr(function, "__module__", None) or "")


def what_to_give(parts: Any, kind: str, home: str) -> str:
    """What to give in place of an object that computes by code of its own: its parts, where there are any.

    Returns
    -------
    str

    Examples
    --------
    >>> what_to_give(["conv", "relu"], "module", "torch.nn"), what_to_give(None, "module", "torch.nn")
    ('give the plain modules that it is made of', 'give a plain module of torch.nn that computes the same')
    """
    return (
        f"give the plain {kind}s that it is made of"
        if parts
        else f"give a plain {kind} of {home} that computes the same"
    )
