"""Fast versions of `convmatrix.core.equation`: the same matrices and products, in far less time and memory."""
