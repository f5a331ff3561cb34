"""Stand-ins for the classes and objects of a framework, which is not imported."""


def made(name, bases=(object,), package=None, **methods):
    """Make a class with methods, defined in a package."""
    return type(name, bases, {"__module__": package or "mine", **{each: lambda *_: None for each in methods}})


class Attributes:
    def __init__(self, **attributes):
        vars(self).update(attributes)
