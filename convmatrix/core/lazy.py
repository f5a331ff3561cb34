"""Public modules of a package, imported when they are first used."""

TYPE_CHECKING = False  # as in `typing`, which is slow to import: the command line begins with this module
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

__all__ = ["lazy_modules"]


def lazy_modules(package: str, names: "Sequence[str]") -> "Callable[[str], ModuleType]":
    """Make the function ``__getattr__`` of a package that has modules among its public names.

    Parameters
    ----------
    package : str
        Name of the package.
    names : sequence of str
        Its ``__all__``; those that the package does not define are modules in it.

    Returns
    -------
    callable
        Imports and returns the module of a name, or raises an AttributeError.

    Examples
    --------
    >>> lazy_modules("convmatrix.show", ["plot", "render"])("render").__name__
    'convmatrix.show.render'
    """

    def module(name: str) -> "ModuleType":
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        import importlib

        return importlib.import_module(f"{package}.{name}")

    return module
