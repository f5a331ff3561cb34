"""The settings and the numerical example of Dumoulin & Visin, arXiv:1603.07285."""

# name: (i, k, s, p, d), o, frames, shape of C, nnz, generic rank; frames of the twin, (i', dilated i', p', a)
SETTINGS = {
    "no_padding_no_strides": ((4, 3, 1, 0, 1), 2, 4, (4, 16), 36, 4, 16, (2, 2, 2, 0)),
    "arbitrary_padding_no_strides": ((5, 4, 1, 2, 1), 6, 36, (36, 25), 324, 25, 25, (6, 6, 1, 0)),
    "same_padding_no_strides": ((5, 3, 1, 1, 1), 5, 25, (25, 25), 169, 25, 25, (5, 5, 1, 0)),
    "full_padding_no_strides": ((5, 3, 1, 2, 1), 7, 49, (49, 25), 225, 25, 25, (7, 7, 0, 0)),
    "no_padding_strides": ((5, 3, 2, 0, 1), 2, 4, (4, 25), 36, 4, 25, (2, 3, 2, 0)),
    "padding_strides": ((5, 3, 2, 1, 1), 3, 9, (9, 25), 49, 9, 25, (3, 5, 1, 0)),
    "padding_strides_odd": ((6, 3, 2, 1, 1), 3, 9, (9, 36), 64, 9, 36, (3, 5, 1, 1)),
    "dilation": ((7, 3, 1, 0, 2), 3, 9, (9, 49), 81, 9, 49, (3, 3, 4, 0)),
}

X = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
W = [[0, 1, 2], [2, 2, 0], [0, 1, 2]]
