"""The catalogue of the guide: each figure and animation of Dumoulin & Visin, arXiv:1603.07285, beside its matrix.

One table names the settings; those of the convolutions stand in `convmatrix.presets`. Every size, on a picture and in
its caption, is computed by the layer. Stills have the numbers of the guide's figures, ``figure_2_6``, and animations
the names of its files, ``padding_strides``.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np

from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool
from convmatrix.presets import numerical_data, setting
from convmatrix.show.model.film import Film, Frame, Look, Outline, Panel, arranged
from convmatrix.show.model.palette import tint
from convmatrix.show.model.sizes import relationship
from convmatrix.show.model.stage import Drawable, film


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
        return Picture(name, replace(made, about=self.about))

    @property
    def animation(self) -> Picture:
        """The figure, step by step."""
        return Picture(self.stem, replace(self._film(), about=self.about))

    def _film(self) -> Film:
        x, weight = numerical_data() if self.stem.startswith("numerical") else (None, None)
        return film(self.layer, weight if isinstance(self.layer, Conv) else None, x, view="windows", title=self.title)


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
    name = "S" if isinstance(layer, MaxPool) else "C"
    return f"{name} is {rows} x {cols} with {layer.nnz} entries"


# -- stills ----------------------------------------------------------------------------------------------------------


class Piece(NamedTuple):
    """A panel with its cells, to be put together with others; those of one group stand one below the other."""

    group: str
    panel: Panel
    looks: Mapping[tuple[int, int], Look]
    outlines: tuple[tuple[int, int, int, int], ...] = ()

    def named(self, name: str, title: str) -> "Piece":
        """The same under another name, as a group of its own, unless it is a matrix."""
        group = self.group if self.group == "matrix" else name
        return self._replace(group=group, panel=self.panel._replace(name=name, title=title))

    def pale(self, but: Container[tuple[int, int]] = ()) -> "Piece":
        """The same, its cells pale but for some."""
        looks = {
            at: look if at in but else look._replace(paper=tint(look.paper, 0.25), faint=True)
            for at, look in self.looks.items()
        }
        return self._replace(looks=looks)

    def rows(self, rows: Container[int]) -> list[tuple[int, int]]:
        """Its cells in some rows."""
        return [at for at in self.looks if at[0] in rows]


def middle(layer: Drawable) -> int:
    """The step whose window is in the middle of the first row: it meets what stands above the input."""
    return layer.output_size[-1] // 2


def one_step(made: Film, step: int) -> Film:
    """A step of a film, in which nothing is waiting."""
    frame = made.frames[step]
    return replace(made, base={**made.base, **frame.looks}, waiting={}, frames=(frame._replace(looks={}, lasting={}),))


def pieces(made: Film) -> dict[str, Piece]:
    """The panels of a still, by their names."""
    looks: dict[int, dict[tuple[int, int], Look]] = {number: {} for number in range(len(made.panels))}
    for (number, *at), look in made.base.items():
        looks[number][at[0], at[1]] = look
    outlines = made.frames[0].outlines if made.frames else ()
    return {
        panel.name: Piece(
            panel.name.rstrip("0123456789"),
            panel,
            looks[number],
            tuple(outline[1:] for outline in outlines if outline.panel == number),
        )
        for number, panel in enumerate(made.panels)
    }


def together(parts: Sequence[Piece], title: str, caption: str) -> Film:
    """A still of pieces."""
    panels, width, height = arranged([(part.group, part.panel) for part in parts], title)
    base = {(number, *at): look for number, part in enumerate(parts) for at, look in part.looks.items()}
    outlines = tuple(Outline(number, *box) for number, part in enumerate(parts) for box in part.outlines)
    return Film(panels, base, {}, (Frame({}, {}, outlines, caption),), width, height, title)


def channels(layer: Drawable, title: str) -> Film:
    """Every kernel of a layer with several maps; those of the middle output map are in use."""
    made, used = film(layer), layer.out_channels // 2
    steps = [of * prod(layer.output_size) + middle(layer) for of in range(layer.out_channels)]
    shown = pieces(one_step(made, steps[used]))
    kernels = []
    for of, step in enumerate(steps):
        step_pieces = pieces(one_step(made, step))
        for within in range(layer.in_channels):
            kernel = step_pieces[f"kernel{within}"].named(f"kernel{of}{within}", f"kernel w, {within} to {of}")
            kernels.append((kernel if of == used else kernel.pale())._replace(group=f"kernel{of}"))
    of_group = {group: [piece for piece in shown.values() if piece.group == group] for group in ("input", "output")}
    parts = [*of_group["input"], *kernels, *of_group["output"], shown["matrix"]]
    return together(parts, title, made.frames[steps[used]].caption)


def subsampling(layer: Drawable, title: str) -> Film:
    """A stride as stride 1 of which some outputs are kept: those whose rows are rows of the strided matrix."""
    every = Conv(layer.input_size, layer.kernel_size)
    at_1, kept = pieces(film(every, moving=False)), pieces(film(layer, moving=False))
    weight = np.arange(1, 1 + prod(layer.kernel_size)).reshape(layer.kernel_size)
    dense = every.matrix(weight).toarray()
    rows = [int(np.flatnonzero((dense == row).all(axis=1))[0]) for row in layer.matrix(weight).toarray()]
    outputs = [divmod(row, every.output_size[1]) for row in rows]
    stride = f"stride {layer.stride[0]}"
    parts = [
        at_1["input"],
        at_1["output"]
        .named("output1", "outputs y at stride 1")
        .pale(but=outputs)
        ._replace(outlines=tuple((*at, 1, 1) for at in outputs)),
        kept["output"].named("output2", f"outputs y at {stride}"),
        at_1["matrix"]
        .named("matrix1", f"stride 1: {entries(every)}")
        .pale(but=at_1["matrix"].rows(rows))
        ._replace(outlines=tuple((row, 0, 1, every.matrix_shape[1]) for row in rows)),
        kept["matrix"].named("matrix2", f"{stride}: {entries(layer)}"),
    ]
    return together(parts, title, f"{stride} keeps rows {', '.join(map(str, rows))} of the matrix at stride 1")


def positions(layer: Drawable, title: str) -> Film:
    """Every position of the kernel in the first row, side by side."""
    assert isinstance(layer, Conv)
    count = layer.output_size[-1]
    made = film(layer)
    steps = [pieces(one_step(made, step)) for step in range(count)]
    maps = [
        step["input"].named(f"input{number}", f"step {number}" if number else "first position")
        for number, step in enumerate(steps)
    ]
    matrix = steps[0]["matrix"]._replace(outlines=((0, 0, count, layer.matrix_shape[1]),))
    matrix = matrix.pale(but=matrix.rows(range(count)))
    start = f"the first position, and {count - 1} step{'s' if count > 2 else ''} of {layer.stride[-1]}"
    return together([*maps, matrix], title, f"{start}: o = {relationship(layer, 1).arithmetic}")


def printed(layer: Drawable, title: str) -> Film:
    """The matrix by itself, with its zeros."""
    rows, cols = layer.matrix_shape
    matrix = pieces(film(layer, maps=False, moving=False))["matrix"]
    zeros = {(row, col): Look("#ffffff", "0", faint=True) for row in range(rows) for col in range(cols)}
    whole = matrix._replace(looks={**zeros, **matrix.looks})
    return together([whole], title, f"each row is a window: {entries(layer)}")


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
        " Erratum: the guide's caption gives the input as 2 x 2; it is 3 x 3, as in its drawing.",
    ),
    named("5.1", "dilation", "The taps stand apart, so the kernel spans more inputs than it reads."),
    Entry("", "", setting("no_padding_no_strides"), "The matrix that the guide prints, as cells.", printed),
)
