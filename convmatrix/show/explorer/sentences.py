"""Sentences of the explorer's page, as templates with names for numbers; errors of the layers are `layers.rules`."""

__all__ = ["DESCRIPTIONS", "PAGE_ERRORS"]

PAGE_ERRORS = {"too_large": "{what} is {value}, but this page takes numbers up to {most}"}
"""The error of a number that a layer may have, but that is not drawn."""

DESCRIPTIONS = {
    "link_axes": "the link gives {count} entries for {name}, but there are {axes} axes",
    "hint": (
        "Point at a cell, tap it, or move there with Tab and the arrow keys: what belongs together lights up. Beyond "
        "the first cell of a row or column, its whole row or column."
    ),
    "matrix": "{matrix}: {rows} x {cols}, {nnz} entries",
    "too_many": (
        "{matrix} is {rows} x {cols}, {entries}: too many to draw here, where at most {most} entries and maps of "
        "{positions} places are; the sizes hold"
    ),
    "entries": "{nnz} entries",
    "entries_unknown": "with very many entries",
    "axis": "axis {axis}: {formula}",
    "guide": "relationship {number}",
    "convolution": "convolution: {from} to {to}",
    "transposed": "transposed convolution: {from} to {to}",
    "map": "{name} {whole}",
    "padded": "{name} {whole}, {frame} with padding",
    "dilated": "{name} {whole}, {frame} with padding and inserted zeros",
    "cropped_map": "{name} {whole}, cut out of {frame}",
    "kernels": "{name} {whole}, {many} x {each} of them",
    "leftover": "on axis {axis}, no window reaches the last {count} positions",
    "place": "{place} of channel {channel}",
    "one_input": "input {list}",
    "inputs": "inputs {list}",
    "no_input": "no input",
    "one_output": "output {list}",
    "outputs": "outputs {list}",
    "no_output": "no output",
    "more": "{list} and {more} more",
    "row": "output {place} reads {inputs}: row {row} of {matrix}",
    "row_zeros": "output {place} reads {inputs}: row {row} of {matrix}; {zeros} of its taps meet zeros",
    "col": ("input {place} is read by {outputs}: column {col} of {matrix}, its stamp in the transposed convolution"),
    "row_transposed": "output {place} adds up what {inputs} send: row {row} of {matrix}",
    "col_transposed": (
        "input {place} is stamped onto {outputs}: column {col} of {matrix}; the window of the convolution stands there"
    ),
    "cell": "output {output} reads input {input} through {label}: row {row}, column {col} of {matrix}",
    "cell_value": (
        "output {output} reads input {input} through {label} = {value}: row {row}, column {col} of {matrix}"
    ),
    "empty_cell": "output {output} does not read input {input}: row {row}, column {col} of {matrix} is zero",
    "tap": "{label} stands in {count} of the {nnz} entries of {matrix}: through it {outputs} read an input",
    "tap_value": (
        "{label} = {value} stands in {count} of the {nnz} entries of {matrix}: through it {outputs} read an input"
    ),
    "padding": "position {place} is padding: a zero",
    "inserted": "position {place} is a zero that input_dilation inserts",
    "cropped": "position {place} is cropped: no output is there",
}
"""Captions, descriptions of what is selected for the page's live region, and the error of a link."""
