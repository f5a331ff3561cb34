"""The catalogue of the guide: each figure and animation of Dumoulin & Visin, arXiv:1603.07285, beside its matrix.

One table names the settings; those of the convolutions stand in `convmatrix.presets`. Every size, on a picture and in
its caption, is computed by the layer. Stills have the numbers of the guide's figures, ``figure_2_6``, and animations
the names of its files, ``padding_strides``.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np

from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool
from convmatrix.presets import numerical_data, setting
from convmatrix.show.model.film import Film, Key, Look
from convmatrix.show.model.looks import Looks
from convmatrix.show.model.palette import GUIDE_INPUT, GUIDE_OUTPUT, GUIDE_SEEN, ink_on, over, tap_colours
from convmatrix.show.model.pieces import Matrix, Piece, Stack, below, beside, pieces, together
from convmatrix.show.model.sizes import relationship
from convmatrix.show.model.stage import Drawable, film
from convmatrix.show.model.style import TINT, Style

STYLE = Style()


class Picture(NamedTuple):
    """A picture to build: the name of its files, and a film, which is a still if it has one step."""

    name: str
    film: Film


class Entry(NamedTuple):
    """A line of the catalogue.

    `number` is that of the figure, empty for what the guide prints as a formula; `stem` is the name of the animation,
    empty where there is none. `compose` makes the still, where it is not a step of the animation, with a title.
    """

    number: str
    stem: str
    layer: Drawable
    summary: str
    compose: Callable[[Drawable, str], Film] | None = None

    @property
    def title(self) -> str:
        """Title above the picture."""
        return f"{f'Figure {self.number}' if self.number else 'The printed C'}: {arithmetic(self.layer)}"

    @property
    def about(self) -> str:
        """Caption and alternative text."""
        return f"{self.summary} Sizes: {arithmetic(self.layer)}; {entries(self.layer)}."

    @property
    def still(self) -> Picture:
        """The figure."""
        made = self.compose(self.layer, self.title) if self.compose else one_step(self._film(), middle(self.layer))
        name = f"figure_{self.number.replace('.', '_')}" if self.number else "printed_matrix"
        return Picture(name, replace(in_blue_and_cyan(made, self.layer), about=self.about))

    @property
    def animation(self) -> Picture:
        """The figure, step by step."""
        return Picture(self.stem, replace(in_blue_and_cyan(self._film(), self.layer), about=self.about))

    def _film(self) -> Film:
        x, weight = numerical_data() if self.stem.startswith("numerical") else (None, None)
        weight = weight if isinstance(self.layer, Conv) else None
        return film(self.layer, weight, x, view="windows", title=self.title, style=STYLE)


def pictures() -> Iterator[Picture]:
    """Make every picture of the catalogue."""
    for entry in ENTRIES:
        yield entry.still
        if entry.stem:
            yield entry.animation


# -- sizes as text ---------------------------------------------------------------------------------------------------


def arithmetic(layer: Drawable) -> str:
    """Return the setting in the letters of the guide, and the resulting size."""
    if not isinstance(layer, ConvTranspose):
        return f"{letters(layer)}: o={layer.output_size[0]}"
    direct = layer.as_conv()
    (before, after), dilated = direct.padding[0], direct.axes[0].dilated_size
    with_zeros = f" (with zeros {dilated})" if dilated > layer.input_size[0] else ""
    leftover = f", a={after - before}" if after > before else ""
    sizes = f"i'={layer.input_size[0]}{with_zeros}, p'={before}{leftover}: o'={layer.output_size[0]}"
    return f"transpose of {letters(layer.T)}: {sizes}"


def letters(layer: Conv | AvgPool | MaxPool) -> str:
    """The setting of a convolution or a pool."""
    numbers = {"i": layer.input_size[0], "k": layer.kernel_size[0], "s": layer.stride[0], "p": layer.padding[0][0]}
    if layer.dilation[0] > 1:
        numbers["d"] = layer.dilation[0]
    channels = f", {layer.in_channels} maps to {layer.out_channels}" if layer.in_channels < layer.out_channels else ""
    return ", ".join(f"{letter}={number}" for letter, number in numbers.items()) + channels


def entries(layer: Drawable) -> str:
    """The size of the matrix."""
    rows, cols = layer.matrix_shape
    name = "S" if isinstance(layer, MaxPool) else "C^T" if isinstance(layer, ConvTranspose) else "C"
    return f"{name} is {rows} × {cols} with {layer.nnz} entries"


# -- colours ---------------------------------------------------------------------------------------------------------


def in_blue_and_cyan(made: Film, layer: Drawable) -> Film:
    """The film in the guide's colours: maps that are read are blue, darker under the window; the others are cyan."""
    colours = made.style.colours
    seen = {over(tap, colours.map, TINT) for tap in tap_colours(layer.kernel_size)}
    pale = over(colours.map, colours.ground, TINT)

    def changed(looks: Mapping[Key, Look]) -> dict[Key, Look]:
        return {key: recoloured(made.panels[key[0]].name, look) for key, look in looks.items()}

    def recoloured(name: str, look: Look) -> Look:
        kind = name.rstrip("0123456789")
        if kind not in ("input", "above", "output", "beside"):
            return look
        own = GUIDE_INPUT if kind in ("input", "above") else GUIDE_OUTPUT
        papers = {colours.map: own, pale: over(own, colours.ground, TINT), **dict.fromkeys(seen, GUIDE_SEEN)}
        paper = papers.get(look.paper, look.paper)
        return look if paper == look.paper else look._replace(paper=paper, ink=ink_on(paper), line=colours.ground)

    frames = tuple(each._replace(looks=changed(each.looks), lasting=changed(each.lasting)) for each in made.frames)
    return replace(made, base=changed(made.base), waiting=changed(made.waiting), frames=frames)


# -- stills ----------------------------------------------------------------------------------------------------------


def middle(layer: Drawable) -> int:
    """The step whose window is in the middle of the first row: it meets what stands above the input."""
    return layer.output_size[-1] // 2


def one_step(made: Film, step: int) -> Film:
    """A step of a film, in which nothing is waiting."""
    frame = made.frames[step]
    return replace(made, base={**made.base, **frame.looks}, waiting={}, frames=(frame._replace(looks={}, lasting={}),))


def muted(piece: Piece, layer: Drawable, but: Container[int | tuple[int, int]] = ()) -> Piece:
    """The piece with its cells standing back, but for those of some rows, or at some places."""
    looks = Looks(STYLE, layer.kernel_size)
    return piece.changed(lambda at, look: look if at in but or at[0] in but else looks.muted(look))


def matrix_of(found: Mapping[str, Piece]) -> Matrix:
    """The equation of a film."""
    return Matrix(found["matrix"], found["above"], found["beside"])


def channels(layer: Drawable, title: str) -> Film:
    """Every kernel of a layer with several maps; those of the middle output map are in use."""
    made, used = film(layer, style=STYLE), layer.out_channels // 2
    steps = [of * prod(layer.output_size) + middle(layer) for of in range(layer.out_channels)]
    shown = pieces(made, steps[used])
    kernels = []
    for of, step in enumerate(steps):
        here = pieces(made, step)
        column = [
            here[f"kernel{within}"].named(f"kernel{of}{within}", note=f"map {within} to map {of}")
            for within in range(layer.in_channels)
        ]
        kernels.append(Stack(tuple(each if of == used else muted(each, layer) for each in column), "" if of else "∗"))
    maps = [tuple(piece for name, piece in shown.items() if name.startswith(kind)) for kind in ("input", "output")]
    parts = below(beside(Stack(maps[0]), *kernels, Stack(maps[1], "=")), matrix_of(shown))
    return together(parts, style=STYLE, title=title, caption=made.frames[steps[used]].caption)


def subsampling(layer: Drawable, title: str) -> Film:
    """A stride as stride 1 of which some outputs are kept: those whose rows are rows of the strided matrix."""
    every = Conv(layer.input_size, layer.kernel_size)
    at_1, kept = (pieces(film(each, moving=False, style=STYLE)) for each in (every, layer))
    weight = np.arange(1, 1 + prod(layer.kernel_size)).reshape(layer.kernel_size)
    dense = every.matrix(weight).toarray()
    rows = [int(np.flatnonzero((dense == row).all(axis=1))[0]) for row in layer.matrix(weight).toarray()]
    outputs = [divmod(row, every.output_size[1]) for row in rows]
    stride = f"stride {layer.stride[0]}"
    output = muted(at_1["output"].named("output1", note="3 × 3, stride 1"), every, but=outputs)
    whole = muted(at_1["matrix"].named("matrix1", note=f"stride 1: {entries(every)}"), every, but=rows)
    column = muted(at_1["beside"].named("beside1"), every, but=rows)
    maps = beside(
        Stack((at_1["input"],)),
        Stack((at_1["kernel"],), "∗"),
        Stack((output._replace(framed=tuple((*at, 1, 1) for at in outputs)),), "="),
        Stack((kept["output"].named("output2", note=f"2 × 2, {stride}"),), "→"),
    )
    framed = tuple((row, 0, 1, every.matrix_shape[1]) for row in rows)
    strided = Matrix(
        kept["matrix"].named("matrix2", note=f"{stride}: {entries(layer)}"), None, kept["beside"].named("beside2")
    )
    matrices = below(Matrix(whole._replace(framed=framed), at_1["above"], column), strided)
    caption = f"{stride} keeps rows {', '.join(map(str, rows))} of the matrix at stride 1"
    return together(below(maps, matrices), style=STYLE, title=title, caption=caption)


def positions(layer: Drawable, title: str) -> Film:
    """Every position of the kernel in the first row, side by side."""
    assert isinstance(layer, Conv)
    count = layer.output_size[-1]
    made = film(layer, style=STYLE)
    steps = [pieces(made, step) for step in range(count)]
    maps = [
        Stack((step["input"].named(f"input{number}", note=f"step {number}" if number else "first position"),))
        for number, step in enumerate(steps)
    ]
    found = pieces(made)
    rows = range(count)
    matrix = muted(found["matrix"], layer, but=rows)._replace(framed=((0, 0, count, layer.matrix_shape[1]),))
    equation = Matrix(matrix, found["above"], muted(found["beside"], layer, but=rows))
    start = f"the first position, and {count - 1} step{'s' if count > 2 else ''} of {layer.stride[-1]}"
    caption = f"{start}: o = {relationship(layer, 1).arithmetic.replace(' - ', ' − ')}"
    return together(below(beside(*maps), equation), style=STYLE, title=title, caption=caption)


def printed(layer: Drawable, title: str) -> Film:
    """The matrix by itself, with its zeros."""
    found = pieces(film(layer, maps=False, moving=False, style=STYLE))
    whole = found["matrix"].changed(lambda _, look: look if look.text else look._replace(text="0", mark=""))
    caption = f"each row is a window: {entries(layer)}"
    return together(matrix_of(found)._replace(matrix=whole), style=STYLE, title=title, caption=caption)


# -- the table -------------------------------------------------------------------------------------------------------


def named(number: str, stem: str, summary: str) -> Entry:
    """A figure that is a step of an animation, of a setting with a name."""
    return Entry(number, stem, setting(stem), summary)


def twin(number: str, of: str, stem: str, also: str = "") -> Entry:
    """The transpose of another figure's setting."""
    summary = (
        f"The transpose of figure {of}, as the direct convolution that it is: the matrix is the transposed one, "
        f"and the kernel is flipped, which the guide leaves out.{also}"
    )
    return named(number, f"{stem}_transposed", summary)


ENTRIES = (
    named("1.1", "numerical_no_padding_no_strides", "An output is the sum of its window times the kernel."),
    named("1.2", "numerical_padding_strides", "The same numbers, a border of zeros, and a window that goes by twos."),
    Entry(
        "1.3",
        "",
        Conv(4, 3, in_channels=2, out_channels=3),
        "Two input maps become three output maps: there is a kernel for each input map and output map, and an output "
        "map adds up what its kernels give.",
        channels,
    ),
    Entry(
        "1.4",
        "",
        setting("no_padding_strides"),
        "A stride keeps some of the outputs of stride 1, and their rows of its matrix.",
        subsampling,
    ),
    Entry(
        "1.5",
        "numerical_average_pooling",
        AvgPool(5, 3, stride=1),
        "Average pooling is a convolution with the same weight at every tap.",
    ),
    Entry(
        "1.6",
        "numerical_max_pooling",
        MaxPool(5, 3, stride=1),
        "Max pooling selects: at this input it is a matrix with a single one in each row.",
    ),
    named("2.1", "no_padding_no_strides", "The window stays inside of the input, so the output is smaller."),
    named("2.2", "arbitrary_padding_no_strides", "A border of two zeros and an even kernel: the output is larger."),
    named("2.3", "same_padding_no_strides", "Half padding: the output is as large as the input."),
    named("2.4", "full_padding_no_strides", "Full padding: there is an output for every window that meets the input."),
    named("2.5", "no_padding_strides", "The window goes by twos."),
    named("2.6", "padding_strides", "The window goes by twos, from the border of zeros on."),
    named(
        "2.7",
        "padding_strides_odd",
        "One more input than in figure 2.6 and the same output: the border of zeros is not read at its end.",
    ),
    Entry(
        "2.8a",
        "",
        setting("numerical_no_padding_no_strides"),
        "There is an output for the kernel's first position, and one for each step to the end.",
        positions,
    ),
    Entry("2.8b", "", setting("no_padding_strides"), "The same with steps of two.", positions),
    twin("4.1", "2.1", "no_padding_no_strides"),
    twin("4.2", "2.2", "arbitrary_padding_no_strides"),
    twin("4.3", "2.3", "same_padding_no_strides"),
    twin("4.4", "2.4", "full_padding_no_strides"),
    twin("4.5", "2.5", "no_padding_strides"),
    twin("4.6", "2.6", "padding_strides"),
    twin(
        "4.7",
        "2.7",
        "padding_strides_odd",
        " Erratum: the guide's caption gives the input as 2 × 2; it is 3 × 3, as in its drawing.",
    ),
    named("5.1", "dilation", "The taps stand apart, so the kernel spans more inputs than it reads."),
    Entry("", "", setting("no_padding_no_strides"), "The matrix that the guide prints, as cells.", printed),
)
