"""What the modules of all frameworks share: arguments, layouts of arrays, layers read from objects."""
