"""What `convmatrix.core.equation` says, faster: the same matrices, products and sums, in far less time and memory."""
