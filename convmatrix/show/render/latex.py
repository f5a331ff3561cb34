r"""The matrix and its windows as LaTeX: an array of any width, TikZ pictures, and a document around them.

The output is plain ASCII and compiles with plain pdflatex. An array needs no package; a picture needs
``\usepackage{tikz}`` in the preamble, also that of a beamer document, where its frame need not be fragile.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Literal

from numpy.typing import ArrayLike

from convmatrix.core.errors import short
from convmatrix.layers import Conv, ConvTranspose, Layer
from convmatrix.layers.arguments import check_kind, check_text, flag
from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Box, Label, Line, Mark
from convmatrix.show.model.film import Film
from convmatrix.show.model.layout import heading
from convmatrix.show.model.palette import WHITE
from convmatrix.show.model.printable import REPLACEMENT
from convmatrix.show.model.scene import Scene
from convmatrix.show.model.stage import View, film
from convmatrix.show.model.style import Style
from convmatrix.show.model.typeset import runs

__all__ = ["array", "document", "escape", "label", "tikz", "tikz_frame"]

_PLACES = 10_000
"""Most places of an array. Of the 5,000,000 units of pdflatex's memory, TikZ takes 2,000,000, a place 75 or more."""
_CHARACTERS = {"array": 150_000, "picture": 400_000}
"""Most characters, of 3 units of memory each; pdflatex draws such a picture in some seconds."""
_LENGTH = 16_000
"""Points; TeX's lengths end soon after."""
_CELLS = 10_000
"""Most cells of a picture."""
_CENTIMETRES = 2.54
"""Of an inch."""
_EM = 0.351
"""Centimetres of an em, of the 10 pt that plain documents have."""


# -- the array -------------------------------------------------------------------------------------------------------


def array(
    layer: Layer,
    weight: ArrayLike | None = None,
    *,
    nothing: Literal["0", "dot", "blank"] = "0",
    rulers: bool = False,
    plain: bool = False,
) -> str:
    r"""Write a layer's matrix as an array, to stand in math mode: with names of the taps, or numbers.

    LaTeX's ``bmatrix`` ends at ten columns; an array does not. One that is too wide or too tall for a beamer slide of
    16:9 has its columns closer together and, where that is not enough, smaller letters; if not even LaTeX's smallest
    ones fit, it is left as it is.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        Of any number of axes.
    weight : weight_shape array_like, optional
        Numbers to write; names such as ``w_{12}`` without it.
    nothing : {"0", "dot", "blank"}, default "0"
        Text for places where nothing is stored.
    rulers : bool, default False
        Whether to draw lines between image rows.
    plain : bool, default False
        Whether to write the array alone, as large as it is, such as for MathJax.

    Returns
    -------
    str
        The array, for math mode.

    Raises
    ------
    ValueError
        If `nothing` is none of these, or the matrix is larger than pdflatex can take.

    Examples
    --------
    >>> print(array(Conv((3,), 2)))
    \left[\begin{array}{*{3}{c}}
    w_{0} & w_{1} & 0 \\
    0 & w_{0} & w_{1}
    \end{array}\right]
    """
    signs = {"0": "0", "dot": r"\cdot", "blank": ""}
    if nothing not in signs:
        raise ValueError(f"nothing must be one of {', '.join(map(repr, signs))}, got {short(nothing)}")
    check_kind("layer", layer, Conv, ConvTranspose)
    rulers, plain = flag("rulers", rulers), flag("plain", plain)
    rows, cols = layer.matrix_shape
    if rows * cols > _PLACES:
        raise ValueError(
            f"the matrix has {short(rows)} x {short(cols)} = {short(rows * cols)} places but pdflatex has memory for "
            f"{_PLACES}: write a smaller layer, or save the matrix as .mtx"
        )
    scene = Scene(layer, weight)
    texts = [scene.text(cell) for cell in range(len(scene.cols))]
    table = [[signs[nothing]] * cols for _ in range(rows)]
    widths = [1] * cols
    for text, row, col in zip(texts, scene.rows.tolist(), scene.cols.tolist(), strict=True):
        table[row][col] = _math(text)
        widths[col] = max(widths[col], len(text))
    _require_length(sum(6 * width + 10 for width in widths), 12 * rows)
    lines = [" & ".join(line) for line in table]
    between = [
        r" \\ \hline" if rulers and row % scene.row_block == 0 and scene.row_block > 1 else r" \\"
        for row in range(1, rows)
    ] + [""]
    body = "\n".join(line + end for line, end in zip(lines, between, strict=True))
    columns = _columns(cols, scene.col_block if rulers and scene.col_block > 1 else cols)
    before, after = ("", "") if plain else _fitting(sum(6 * width for width in widths), cols, rows)
    return _short(
        before + rf"\left[\begin{{array}}{{{columns}}}" + f"\n{body}\n" + r"\end{array}\right]" + after, "array"
    )


_SLIDE = (365, 210)
"""Points of width and height for an array, without its brackets, on a beamer slide of 16:9 with a title."""
_SIZES = (("", 1.0), (r"\small", 0.92), (r"\footnotesize", 0.84), (r"\scriptsize", 0.74), (r"\tiny", 0.56))
"""LaTeX's sizes of letters, by the normal one of beamer."""
_COLUMN_GAP, _LEAST_GAP = 5.0, 1.5
"""Points beside a column: LaTeX's own, and the least by which columns stay apart."""
_ROW = 13.6
"""Points from one row to the next."""


def _fitting(wide: float, cols: int, rows: int) -> tuple[str, str]:
    """The commands around an array that make it fit a slide; `wide` is the width of its entries in points."""
    for size, part in _SIZES:
        gap = min((_SLIDE[0] - wide * part) / (2 * cols), _COLUMN_GAP)
        if gap >= _LEAST_GAP * part and rows * _ROW * part <= _SLIDE[1]:
            if not size and gap == _COLUMN_GAP:
                return "", ""
            columns = "" if gap == _COLUMN_GAP else rf"\setlength{{\arraycolsep}}{{{gap:.1f}pt}}"
            return rf"\mbox{{{size}{columns}$\displaystyle" + "\n", "$}"
    return "", ""


def _require_length(wide: int, tall: int) -> None:
    if max(wide, tall) > _LENGTH:
        raise ValueError(
            f"the array would be about {wide} x {tall} pt but TeX's lengths end at 16384 pt: write a "
            "smaller layer, or numbers instead of names"
        )


def _short(text: str, what: Literal["array", "picture"]) -> str:
    """The text, if pdflatex has memory for it."""
    if len(text) > _CHARACTERS[what]:
        raise ValueError(
            f"the {what} has {len(text)} characters but pdflatex has memory for about {_CHARACTERS[what]}: take a "
            "smaller layer"
        )
    return text


def _columns(cols: int, block: int) -> str:
    """Column specification, with a line between blocks of them."""
    if block >= cols:
        return f"*{{{cols}}}{{c}}"
    return f"*{{{cols // block - 1}}}{{*{{{block}}}{{c}}|}}*{{{block}}}{{c}}"


# -- pictures --------------------------------------------------------------------------------------------------------


def tikz(
    layer: Layer,
    weight: ArrayLike | None = None,
    x: ArrayLike | None = None,
    *,
    maps: bool = True,
    matrix: bool = True,
    step: int | None = None,
    view: View | None = None,
    title: str = "",
    style: Style | None = None,
) -> str:
    r"""Draw a layer as a TikZ picture: its matrix, its maps and kernel, or both, and one step of its window.

    Parameters
    ----------
    layer : Conv or ConvTranspose
        With at most two axes.
    weight, x : weight_shape and input_shape array_like, optional
        Values, as for `convmatrix.show.model.stage.film`; names without them.
    maps, matrix : bool, default True
        What to draw: input, kernel and output; the matrix.
    step : int, optional
        The step to show: what the window of this output meets, and its row; for stamps, what this input adds, and its
        column. Without it, nothing is singled out.
    view : {"windows", "stamps"}, optional
        As for `convmatrix.show.model.stage.film`.
    title : str, optional
        Any text: what LaTeX would take for commands is written out.
    style : Style, optional
        By default the one that `convmatrix.show.style` has set.

    Returns
    -------
    str
        A tikzpicture.

    Raises
    ------
    ValueError
        If the layer cannot be drawn, is larger than pdflatex can take, or has no such step; or if the title has a
        character that plain pdflatex does not have.

    Examples
    --------
    >>> picture = tikz(Conv((3,), 2), maps=False, title="50% & more")
    >>> print(next(line for line in picture.splitlines() if "bfseries" in line))
    \node[scale=1.632, text=convmatrix1b1f24, font=\bfseries] at (2.7207,0.6) {50\% \& more};
    """
    movie = film(
        layer, weight, x, view=view, maps=maps, matrix=matrix, title=title, moving=step is not None, style=style
    )
    return tikz_frame(movie, step)


def tikz_frame(film: Film, step: int | None = 0) -> str:
    r"""Draw one step of a film as a TikZ picture.

    Parameters
    ----------
    film : Film
        Of any view, such as those of `convmatrix.show.model.films.film_of`.
    step : int or None, default 0
        None singles out nothing.

    Returns
    -------
    str
        A tikzpicture of this step.

    Raises
    ------
    ValueError
        If the film is larger than pdflatex can take, or has no such step; or if its title has a character that plain
        pdflatex does not have.

    Examples
    --------
    >>> from convmatrix.show.model.stacked import stacked_film
    >>> [line for line in tikz_frame(stacked_film(Conv((2,), 2))).splitlines() if "outline-1" in line]
    ['\\path[draw=convmatrix1b1f24, line width=0.0698cm, line join=round] ...--cycle; % outline-1']
    """
    check_kind("film", film, Film)
    if len(film.base) > _CELLS:
        raise ValueError(
            f"the picture has {len(film.base)} cells but pdflatex draws at most {_CELLS} in reasonable time: draw a "
            "smaller layer"
        )
    first, rest = _short("\n".join(_picture(film, step)), "picture").split("\n", 1)
    return "\n".join([first, *_comments(film), rest])


def _comments(film: Film) -> Iterator[str]:
    """The whole title, where the picture shows it shortened."""
    if " ".join(line for _, line in heading(film)) == film.title:
        return
    title = film.title.encode("ascii", "backslashreplace").decode()
    for start in range(0, len(title), 100):  # TeX's buffer has an end
        yield f"% {title[start : start + 100]}"


def _picture(film: Film, step: int | None) -> Iterator[str]:
    """The lines of a picture, in units of a map's cell."""
    marks = list(drawing.still(film, step))
    unit = film.cell * _CENTIMETRES
    ground = film.style.colours.ground if film.style.ground == "colour" else ""
    used = {colour for mark in marks for colour in _colours_of(mark) if colour} | ({ground} if ground else set())
    yield (
        rf"\begin{{tikzpicture}}[x={unit:.4g}cm, y=-{unit:.4g}cm, "
        r"every node/.style={inner sep=0pt, outer sep=0pt}]"
    )
    for colour in sorted(used):
        yield rf"\definecolor{{{_name(colour)}}}{{HTML}}{{{colour[1:].upper()}}}"
    # Margins belong to the picture, whose width is that of the style's page.
    yield rf"\useasboundingbox (0,0) rectangle {_point(film.width, film.height)};"
    if ground and ground != WHITE:
        yield rf"\fill[{_name(ground)}] (0,0) rectangle {_point(film.width, film.height)};"
    for mark in marks:
        yield _mark(mark, unit)
    yield r"\end{tikzpicture}"


def _colours_of(mark: Mark) -> tuple[str, ...]:
    match mark:
        case Box():
            return mark.fill, mark.line
        case Line():
            return mark.fill, mark.colour
        case Label():
            return (mark.ink,)


def _mark(mark: Mark, unit: float) -> str:
    match mark:
        case Box():
            return _box(mark, unit)
        case Line():
            fill = f"fill={_name(mark.fill)}, " if mark.fill else ""
            points = "--".join(_point(*point) for point in mark.points)
            cycle = "--cycle" if mark.fill or mark.closed else ""
            comment = f" % {mark.name}" if mark.name else ""
            join = ", line join=round" if cycle else ""
            return rf"\path[{fill}{_pen(mark.colour, mark.stroke, unit)}{join}] {points}{cycle};{comment}"
        case Label():
            return _node(mark, unit)


def _box(box: Box, unit: float) -> str:
    options = [f"fill={_name(box.fill)}"] if box.fill else []
    if box.line:
        options.append(_pen(box.line, box.stroke, unit))
    if box.corner and box.line:
        options.append(f"rounded corners={box.corner * unit:.3g}cm")
    if box.dashed:
        options.append("dash pattern=on 1.2pt off 1pt")
    comment = f" % {box.name}" if box.name else ""
    corners = f"{_point(box.x, box.y)} rectangle {_point(box.x + box.wide, box.y + box.tall)}"
    return rf"\path[{', '.join(options)}] {corners};{comment}"


def _pen(colour: str, stroke: float, unit: float) -> str:
    return f"draw={_name(colour)}, line width={stroke * unit:.3g}cm"


def _node(mark: Label, unit: float) -> str:
    text = label(mark.text) if mark.math else escape(mark.text)
    # The sizes are made for DejaVu Sans; LaTeX's letters are narrower, and names with indices more so. But other text
    # stands behind a title, whose spaces are wider.
    wider = 1.0 if mark.anchor == "start" else 1.2 if text.startswith("$") and "_" in text else 1.1
    scale = mark.size * unit / _EM * wider
    anchor = {"start": ", anchor=mid west", "middle": "", "end": ", anchor=mid east"}[mark.anchor]
    font = r", font=\bfseries" if mark.bold else ""
    return rf"\node[scale={scale:.4g}, text={_name(mark.ink)}{anchor}{font}] at {_point(mark.x, mark.y)} {{{text}}};"


def _point(x: float, y: float) -> str:
    return f"({x:.5g},{y:.5g})"


def _name(colour: str) -> str:
    """Name of a colour, unlikely to clash with others."""
    return "convmatrix" + colour[1:]


# -- text ------------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?)(e[+-]\d+)?([+-](\d+(\.\d*)?)(e[+-]\d+)?j)?")
_EXPONENT = re.compile(r"e([+-])0*(\d+)")


def label(text: str) -> str:
    r"""Typeset a label: symbols with indices, sums of them and numbers as mathematics, other text unchanged.

    Parameters
    ----------
    text : str
        Such as ``w00``, ``C^T`` or a number.

    Returns
    -------
    str
        For text mode.

    Examples
    --------
    >>> label("w00+w2,11"), label("-1.5e-07"), label("a_b"), label("C^T is 16 × 4")
    ('$w_{00}+w_{2,11}$', '$-1.5\\cdot10^{-7}$', 'a\\_b', '$C^{\\mathsf{T}}$ is 16 \\ensuremath{\\times} 4')
    """
    math = _as_math(text)
    if math is not None:
        return f"${math}$" if math else ""
    parts = []
    for run in runs(text):
        if run.italic:
            parts.append(f"${run.text}$")
        elif run.shift:
            parts[-1] = parts[-1].removesuffix("$") + _SHIFTS[run.shift].format(run.text) + "$"
        else:
            parts.append(_with_spaces(run.text))
    return "".join(parts)


_SHIFTS = {"sub": "_{{{}}}", "sup": r"^{{\mathsf{{{}}}}}"}


def _with_spaces(text: str) -> str:
    """Escaped text that keeps a space at its ends."""
    inner = escape(text)
    return " " * text.startswith(" ") + inner + " " * (text.endswith(" ") and bool(inner))


def _math(text: str) -> str:
    """The same, within math mode."""
    math = _as_math(text)
    return rf"\mbox{{{escape(text)}}}" if math is None else math


def _as_math(text: str) -> str | None:
    """Numbers, symbols and sums of symbols as mathematics; None for other text."""
    if _NUMBER.fullmatch(text):
        return _EXPONENT.sub(lambda match: rf"\cdot10^{{{match[1].strip('+')}{match[2]}}}", text)
    pieces = runs(text)
    if any(not (run.italic or run.shift or run.text == "+") for run in pieces):
        return None
    return "".join(_SHIFTS[run.shift].format(run.text) if run.shift else run.text for run in pieces)


_SPECIAL: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedblright{}",
    "`": r"\textquoteleft{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "¿": r"\textquestiondown{}",
    "¡": r"\textexclamdown{}",
    "\N{EN DASH}": "--",
    "—": "---",
    "…": r"\ldots{}",
    "\N{LEFT SINGLE QUOTATION MARK}": r"\textquoteleft{}",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "·": r"\ensuremath{\cdot}",
    "\N{MULTIPLICATION SIGN}": r"\ensuremath{\times}",
    "÷": r"\ensuremath{\div}",
    "±": r"\ensuremath{\pm}",
    "\N{MINUS SIGN}": r"\ensuremath{-}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "≠": r"\ensuremath{\neq}",
    "≈": r"\ensuremath{\approx}",
    "∞": r"\ensuremath{\infty}",
    "∗": r"\ensuremath{\ast}",
    "⊗": r"\ensuremath{\otimes}",
    "→": r"\ensuremath{\rightarrow}",
    "⟶": r"\ensuremath{\longrightarrow}",
    "←": r"\ensuremath{\leftarrow}",
    "°": r"\ensuremath{^\circ}",
    REPLACEMENT: r"\ensuremath{\diamond}",
    "²": r"\ensuremath{^2}",
    "³": r"\ensuremath{^3}",
    "ᵀ": r"\ensuremath{^T}",
}
"""Commands of plain pdflatex, in its default encoding, for characters."""

_SMALL = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi . pi rho varsigma sigma tau "
    "upsilon phi chi psi omega"
)
_CAPITAL = ". . Gamma Delta . . . Theta . . Lambda . . Xi . Pi . . Sigma . Upsilon Phi . Psi Omega"
_GREEK = {
    chr(first + number): rf"\ensuremath{{\{name}}}"
    for first, names in ((0x3B1, _SMALL), (0x391, _CAPITAL))
    for number, name in enumerate(names.split())
    if name != "."  # looks as a Latin letter does
}

_ACCENTS: Mapping[str, str] = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}


def escape(text: str) -> str:
    r"""Write a text such that LaTeX prints it, whatever it contains.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        ASCII, on one line.

    Raises
    ------
    ValueError
        If a character is one that plain pdflatex does not have.

    Examples
    --------
    >>> print(escape(r"\input{x} 50% of $x_1 & naïve"))
    \textbackslash{}input\{x\} 50\% of \$x\_1 \& na\"{\i}ve
    """
    check_text("text", text)
    return "".join(map(_escaped, unicodedata.normalize("NFC", " ".join(text.split()))))


def _escaped(char: str) -> str:
    command = _SPECIAL.get(char) or _GREEK.get(char)
    if command is not None:
        return command
    if unicodedata.category(char) == "Cf":
        return ""  # joiners and soft hyphens, which print nothing
    if " " <= char <= "~":
        return char
    base, marks = unicodedata.normalize("NFD", char)[0], unicodedata.normalize("NFD", char)[1:]
    if base.isascii() and base.isalpha() and marks in _ACCENTS:
        letter = rf"\{base}" if base in "ij" and marks != "\u0327" else base
        return rf"\{_ACCENTS[marks]}{{{letter}}}"
    shown = f"{char!r} (U+{ord(char):04X})" if char.isprintable() else f"U+{ord(char):04X}"
    raise ValueError(f"the text has the character {shown}, which plain pdflatex has not: leave it out")


# -- documents -------------------------------------------------------------------------------------------------------

_HEAD = r"""\documentclass{article}
\usepackage{tikz}
\newsavebox\content
% A page of the size of what stands on it.
\newcommand\onpage[1]{\sbox\content{#1}%
  \pdfpagewidth=\dimexpr\wd\content+12pt\relax
  \pdfpageheight=\dimexpr\ht\content+\dp\content+12pt\relax
  \hoffset=\dimexpr6pt-1in\relax
  \voffset=\dimexpr6pt-1in\relax
  \shipout\box\content}
\begin{document}
"""


def document(*contents: str) -> str:
    r"""Put arrays and pictures into a document that compiles by itself, each on a page of its own size.

    Parameters
    ----------
    *contents : str
        Results of `array` and `tikz`.

    Returns
    -------
    str
        LaTeX, from ``\documentclass`` on.

    Raises
    ------
    ValueError
        If there is nothing to put into it.

    Examples
    --------
    >>> print(document(array(Conv((2,), 2))).partition(r"\begin{document}")[2])
    <BLANKLINE>
    \onpage{$\displaystyle
    \left[\begin{array}{*{2}{c}}
    w_{0} & w_{1}
    \end{array}\right]$}
    \end{document}
    <BLANKLINE>
    """
    if not contents:
        raise ValueError("a document needs at least one array or picture, got none")
    pages = (each if each.startswith(r"\begin{tikzpicture}") else f"$\\displaystyle\n{each}$" for each in contents)
    return _HEAD + "".join(f"\\onpage{{{page}}}\n" for page in pages) + "\\end{document}\n"
