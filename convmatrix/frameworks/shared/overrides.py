"""Find out from the classes that define the methods of an object whether a framework's code computes its result.

The name of a class is not enough: a user's class may have the name of a framework's class and compute something else,
and a subclass with another name may compute the same. Objects from no framework that have the attributes of a
framework's layer are accepted if they compute nothing.
"""

import sys
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

__all__ = ["Override", "base_of", "comes_from", "module_of", "override_of", "patch_of", "what_to_give"]


class Override(NamedTuple):
    """A method that replaces one of the framework.

    Parameters
    ----------
    method : str
    owner : str
        The module and name of the class that defines it, or ``the object``.
    """

    method: str
    owner: str

    def message(self, name: str, remedy: str) -> str:
        """Write the error of an object whose class has this name; the remedy is that of `what_to_give`."""
        return (
            f"{name} has a {self.method} of its own, that of {self.owner}, so that its numbers do not say what it "
            f"computes: {remedy}"
        )


def module_of(cls: type) -> str:
    """Return the name of the module that defines a class; empty for a class of code without a module.

    Returns
    -------
    str
    """
    return str(getattr(cls, "__module__", ""))


def comes_from(cls: type, packages: Iterable[str]) -> bool:
    """Return whether a class is defined in one of some packages.

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
    """Find the framework's class from which an object inherits its computation.

    Parameters
    ----------
    obj : object
    names : collection of str
        Names of the supported classes.
    packages : collection of str
        Packages in which the framework defines them.
    framework : collection of str
        All packages of the framework. For an object without a class from these, the name of a class is enough.

    Returns
    -------
    type or None
        The first class of the object with one of the names; None if there is none.
    """
    classes = type(obj).__mro__
    genuine = any(comes_from(cls, framework) for cls in classes)
    return next((cls for cls in classes if cls.__name__ in names and (not genuine or comes_from(cls, packages))), None)


def override_of(obj: Any, methods: Iterable[str], owns: Callable[[type], bool]) -> Override | None:
    """Find the first of some methods that another class than the framework's defines, or that is set on the object.

    Parameters
    ----------
    obj : object
    methods : iterable of str
        The methods by which the framework computes a result from the attributes.
    owns : callable
        A function that returns whether a class may define them.

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
        # Python looks up special methods on the class only.
        if not method.startswith("__") and method in getattr(obj, "__dict__", {}):
            return Override(method, "the object")
    return None


def _owner_of(cls: type, method: str) -> type | None:
    """Return the class that defines the method that is called."""
    return next((each for each in cls.__mro__ if method in vars(each)), None)


def _is_alias(cls: type, owner: type, method: str, owns: Callable[[type], bool]) -> bool:
    """Return whether a class only assigns the method that it would inherit."""
    base = next((each for each in cls.__mro__ if method in vars(each) and owns(each)), None)
    return base is not None and vars(base)[method] is vars(owner)[method]


def patch_of(cls: type, methods: Iterable[str], packages: Collection[str]) -> str | None:
    """Describe the first of some methods that was replaced on a class of the framework.

    The module of a function is taken from its globals, since functools.wraps copies the attribute ``__module__``.

    Parameters
    ----------
    cls : type
    methods : iterable of str
        The methods by which the framework computes a result from the attributes.
    packages : collection of str
        Packages of the framework. A class that its module does not contain is skipped.

    Returns
    -------
    str or None
        The beginning of an error message; None if no method was replaced.

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
    """Return whether the module of a class contains it."""
    return getattr(sys.modules.get(module_of(cls)), cls.__name__, None) is cls


def _home_of(function: Any) -> str:
    """Return the module in which a function was defined."""
    namespace = getattr(function, "__globals__", None) or {}
    return str(namespace.get("__name__") or getattr(function, "__module__", None) or "")


def what_to_give(parts: Any, kind: str, home: str) -> str:
    """Return the remedy for an object with overridden methods: to give its parts, if there are any.

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
