"""Shared parts of the modules of all frameworks: arguments, layouts of arrays, layers read from objects."""
