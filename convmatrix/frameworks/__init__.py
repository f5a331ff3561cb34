"""The same call as in each framework, with its words, defaults, layouts and refusals: it gives a convmatrix layer.

A module for each framework has `conv` and `conv_transpose`, `weight` and `weight_transpose`, and `from_layer` where the
framework has layer objects. No framework is ever imported: objects are read by the names of their attributes.

In `comparison`, `compare` makes the same call in all of them, `output_size_options` lists the arguments by which each
gives an output size, and `diagnose` finds from arrays whose convention it is.
"""
