"""A film as text: an SVG that moves by itself, also inside ``<img>``, and a page that plays it.

The SVG is animated by SMIL alone: no script. Whatever a step changes stands in groups, each of which is visible during
its steps; without SMIL, the first step is seen. The outlines of windows move from step to step; where motion is not
wanted (``prefers-reduced-motion``), they jump. The page carries the SVG and a few lines of script that stop it, move
it on and show its captions; it loads nothing from elsewhere, and without scripts the SVG plays.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from string import Template
from typing import TYPE_CHECKING

from convmatrix.layers.arguments import check_kind, flag, real_number
from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import Box, Label, Line, Mark
from convmatrix.show.model.film import Film, Key, Look
from convmatrix.show.model.printable import printable
from convmatrix.show.model.style import BORDER
from convmatrix.show.model.typeset import SMALL, runs

if TYPE_CHECKING:
    from convmatrix.show.render.glyphs import Letter, Placed

__all__ = ["moving", "page"]

_PIXELS = 96
"""Pixels of an inch."""
_REST = 1
"""Steps that the last picture stays for, before the film begins again."""
_MOVES = 0.22
"""The part of a step in which the window moves on."""

Span = tuple[int, int]
"""First step and one past the last."""


def moving(film: Film, *, seconds_per_step: float = 1.0, smooth: bool = True) -> str:
    """Draw a film as an SVG that moves by itself.

    Cells have ids such as ``input-0-2``; a group that is visible from step a up to step b has the attribute
    ``data-steps="a b"``, and the cells in it ``data-cell``. Text has the attribute ``data-text``, whether it is text
    or outlines.

    Parameters
    ----------
    film : Film
    seconds_per_step : float, default 1
    smooth : bool, default True
        Whether windows move between steps, unless the viewer asks for reduced motion.

    Returns
    -------
    str

    Examples
    --------
    >>> from convmatrix.show.model.stage import film
    >>> from convmatrix.layers import Conv
    >>> svg = moving(film(Conv((3,), 2), matrix=False))
    >>> svg.count('data-steps="1 2"'), svg.startswith("<svg")
    (4, True)
    """
    check_kind("film", film, Film)
    return _Writer(film, real_number("seconds_per_step", seconds_per_step), smooth=flag("smooth", smooth)).whole()


_UNTITLED = "A sliding window, step by step"


class _Writer:
    """The elements of a film, and the letters that they use."""

    def __init__(self, film: Film, seconds: float, *, smooth: bool) -> None:
        self.film, self.seconds, self.smooth = film, seconds, smooth
        self.pixels = film.cell * _PIXELS
        self.letters: dict[Letter, None] = {}
        self.texts: dict[str, str] = {}

    def whole(self) -> str:
        film = self.film
        wide, tall = self.number(film.width), self.number(film.height)
        steps = "; ".join(frame.caption for frame in film.frames[:4]) + ("; …" if len(film.frames) > 4 else "")
        ground = film.style.colours.ground
        paper = "" if film.style.ground == "transparent" else f'<rect width="{wide}" height="{tall}" fill="{ground}"/>'
        parts = [*self.fixed(), *self.changing(), *self.windows(), *self.captions()]
        return "".join(
            [
                '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
                f'viewBox="0 0 {wide} {tall}" width="{wide}" height="{tall}" role="img" '
                'aria-labelledby="film-title film-description" font-family="DejaVu Sans, Verdana, sans-serif" '
                f'stroke-width="{self.number(BORDER)}">\n'
                f'<title id="film-title">{_escaped(printable(film.title) or _UNTITLED)}</title>\n'
                f'<desc id="film-description">{_escaped(printable(film.about) or steps)}</desc>\n{_REDUCED}{paper}\n',
                *self.outlines(),
                *parts,
                "</svg>\n",
            ]
        )

    def number(self, length: float) -> str:
        """A length in cells, as pixels, as short as it goes."""
        return _short(length * self.pixels)

    # -- parts -------------------------------------------------------------------------------------------------------

    def fixed(self) -> Iterator[str]:
        """Fixed parts, drawn below the rest: titles, signs, and all cells as they are before the first step."""
        film = self.film
        yield from self.marks(drawing.ground(film))
        for number, panel in enumerate(film.panels):
            yield f'<g id="{escape(panel.name)}">\n'
            yield from self.marks(drawing.around_panel(panel, film.style))
            for key, look in film.base.items():
                if key[0] == number:
                    yield from self.cell(key, film.waiting.get(key, look), "id")
            yield "</g>\n"

    def cell(self, key: Key, look: Look, attribute: str) -> Iterator[str]:
        """A cell, whose rectangle has its name as an attribute."""
        film = self.film
        first, *rest = drawing.cell(film.panels[key[0]], key[1:], look, film.cell_id(key), film.style)
        yield self.mark(first, attribute)
        yield from (self.mark(mark._replace(name="")) for mark in rest)
        yield "\n"

    def changing(self) -> Iterator[str]:
        """One group for all cells that change for the same steps, those that last before those that pass."""
        groups: dict[Span, list[tuple[Key, Look]]] = {}
        total = len(self.film.frames)
        since: dict[Key, tuple[int, Look]] = {}
        for step, frame in enumerate(self.film.frames):
            for key, look in frame.lasting.items():
                if key in since:
                    first, before = since[key]
                    groups.setdefault((first, step), []).append((key, before))
                since[key] = (step, look)
        for key, (first, look) in since.items():
            groups.setdefault((first, total), []).append((key, look))
        yield from self.groups(sorted(groups.items()))
        yield from self.groups(
            [((step, step + 1), list(frame.looks.items())) for step, frame in enumerate(self.film.frames)]
        )

    def groups(self, groups: Sequence[tuple[Span, list[tuple[Key, Look]]]]) -> Iterator[str]:
        for span, cells in groups:
            yield self.during(span, "".join(part for key, look in cells for part in self.cell(key, look, "data-cell")))

    def during(self, span: Span, content: str) -> str:
        """A group that is visible during some steps only; those of the last step stay for the rest of the film."""
        (first, end), total = span, len(self.film.frames)
        if not content or (first, end) == (0, total):
            return content
        marks = [(0, "hidden"), (first, "visible")] + ([(end, "hidden")] if end < total else [])
        marks = marks[1 if first == 0 else 0 :]
        values, times = ";".join(word for _, word in marks), ";".join(self.time(at) for at, _ in marks)
        hidden = "" if first == 0 else ' visibility="hidden"'
        return (
            f'<g data-steps="{first} {end}"{hidden}><animate attributeName="visibility" calcMode="discrete" '
            f'dur="{self.duration}" repeatCount="indefinite" values="{values}" keyTimes="{times}"/>\n{content}</g>\n'
        )

    @property
    def duration(self) -> str:
        return f"{(len(self.film.frames) + _REST) * self.seconds:.7g}s"

    def time(self, step: float) -> str:
        """Begin of a step, as a part of the film."""
        return f"{step / (len(self.film.frames) + _REST):.6g}"

    # -- windows and captions ----------------------------------------------------------------------------------------

    def windows(self) -> Iterator[str]:
        """The outlines of each step: moving, and for those who do not want motion, standing."""
        marks = [drawing.moving(self.film, frame) for frame in self.film.frames]
        spans = list(_spans(list(map(len, marks))))
        moves = (
            ""
            if not self.smooth
            else "".join(self.during(span, self.moving_marks(marks[slice(*span)], span[0])) for span in spans)
        )
        # Where nothing moves, the steps are there for everybody.
        yield f'<g class="moves">\n{moves}</g>\n<g class="steps">\n' if moves else "<g>\n"
        for step, each in enumerate(marks):
            # Their names would not be unique.
            yield self.during((step, step + 1), "".join(self.marks(mark._replace(name="") for mark in each)))
        yield "</g>\n"

    def moving_marks(self, marks: Sequence[Sequence[Box | Line]], first: int) -> str:
        """The marks of successive steps, each on its way."""
        return "".join(self.moving_mark(way, first) for way in zip(*marks, strict=True))

    def moving_mark(self, marks: Sequence[Box | Line], first: int) -> str:
        """A box or a line that stands at each of some places for the most of a step, and then moves to the next."""
        times = [self.time(first + step + part) for step in range(len(marks)) for part in (0.0, 1 - _MOVES)]
        animations = []
        for attribute, values in self.places(marks).items():
            if len(set(values)) > 1:
                twice = [value for value in values for _ in range(2)]
                whole = [*twice[:1], *twice, values[-1]] if first else [*twice, values[-1]]
                keys = ["0", *times, "1"] if first else [*times, "1"]
                animations.append(
                    f'<animate attributeName="{attribute}" dur="{self.duration}" repeatCount="indefinite" '
                    f'values="{";".join(whole)}" keyTimes="{";".join(keys)}"/>'
                )
        drawn = self.mark(marks[0]._replace(name="")).strip()
        element = drawn[1:].split(" ", 1)[0]
        return drawn.removesuffix("/>") + f">{''.join(animations)}</{element}>\n"

    def places(self, marks: Sequence[Box | Line]) -> dict[str, list[str]]:
        """Values of the attributes that place each of some marks."""
        if isinstance(marks[0], Line):
            return {"d": [self.path(mark) for mark in marks if isinstance(mark, Line)]}
        names = ("x", "x"), ("y", "y"), ("width", "wide"), ("height", "tall")
        return {attribute: [self.number(getattr(box, name)) for box in marks] for attribute, name in names}

    def captions(self) -> Iterator[str]:
        """The sentence of each step."""
        yield "<g>\n"
        for step, frame in enumerate(self.film.frames):
            shown = (mark._replace(name="") for mark in drawing.caption(self.film, frame))  # an id can be there once
            yield self.during((step, step + 1), "".join(self.marks(shown)))
        yield "</g>\n"

    # -- marks -------------------------------------------------------------------------------------------------------

    def marks(self, marks: Iterable[Mark]) -> Iterator[str]:
        for mark in marks:
            yield self.mark(mark) + ("" if isinstance(mark, Box) else "\n")

    def mark(self, mark: Mark, attribute: str = "id") -> str:
        match mark:
            case Box():
                return self.box(mark, attribute)
            case Line():
                return self.line(mark, attribute)
            case Label():
                return self.label(mark)

    def box(self, box: Box, attribute: str) -> str:
        line = ""
        if box.line:
            line = f' stroke="{box.line}"{self.stroke(box.stroke)}'
            line += f' stroke-dasharray="{self.number(0.08)} {self.number(0.06)}"' if box.dashed else ""
        name = f'{attribute}="{escape(box.name)}" ' if box.name and attribute else ""
        corner = f' rx="{self.number(box.corner)}"' if box.corner else ""
        n = self.number
        return (
            f'<rect {name}x="{n(box.x)}" y="{n(box.y)}" width="{n(box.wide)}" height="{n(box.tall)}"{corner} '
            f'fill="{box.fill or "none"}"{line}/>\n'
        )

    def path(self, line: Line) -> str:
        end = "Z" if line.fill or line.closed else ""
        return "M" + "L".join(f"{self.number(x)} {self.number(y)}" for x, y in line.points) + end

    def line(self, line: Line, attribute: str) -> str:
        name = f' {attribute}="{escape(line.name)}"' if line.name and attribute else ""
        return (
            f'<path{name} d="{self.path(line)}" fill="{line.fill or "none"}" stroke="{line.colour or "none"}"'
            f'{self.stroke(line.stroke)} stroke-linejoin="round"/>'
        )

    def stroke(self, width: float) -> str:
        """Width of a line, where it is not that of the whole picture."""
        return "" if width == BORDER else f' stroke-width="{self.number(width)}"'

    def label(self, label: Label) -> str:
        if not label.text:
            return ""
        name = f' id="{escape(label.name)}"' if label.name else ""
        escaped = _escaped(label.text)
        size, y = label.size * self.pixels, (label.y + 0.36 * label.size) * self.pixels  # digits are 0.73 high
        if self.film.style.text == "text":
            bold = ' font-weight="bold"' if label.bold else ""
            # Not dominant-baseline: not every program that shows SVG knows it.
            return (
                f'<text{name} data-text="{escaped}" x="{self.number(label.x)}" y="{_short(y)}" '
                f'font-size="{_short(size)}" text-anchor="{label.anchor}" fill="{label.ink}"{bold}>'
                f"{_tspans(label.text, size) if label.math else escaped}</text>"
            )
        from convmatrix.show.render.glyphs import placed  # matplotlib is slow to import

        shown, wide = placed(label.text, math=label.math, face="bold" if label.bold else "regular")
        left = label.x * self.pixels - {"start": 0.0, "middle": 0.5, "end": 1.0}[label.anchor] * wide * size
        drawn = "".join(map(self.run, shown))
        text = self.texts.setdefault(drawn, f"t{len(self.texts)}")
        return (
            f'<use{name} data-text="{escaped}" xlink:href="#{text}" fill="{label.ink}" '
            f'transform="translate({_short(left)} {_short(y)})scale({size / 100:.4g})"/>'
        )

    def run(self, run: "Placed") -> str:
        """A run of letters, 100 units to an em."""
        from convmatrix.show.render.glyphs import letters

        drawn = "".join(self.use(letter, x - run.x if run.size != 1 else x, run.size) for letter, x in letters(run))
        if run.size == 1:
            return drawn
        return f'<g transform="translate({_short(100 * run.x)} {_short(100 * run.y)})scale({run.size})">{drawn}</g>'

    def use(self, letter: "Letter", x: float, size: float) -> str:
        self.letters[letter] = None
        at = f' x="{_short(100 * x / size)}"' if x else ""
        return f'<use xlink:href="#{_letter_id(letter)}"{at}/>'

    def outlines(self) -> Iterator[str]:
        """Outlines of all letters that are used, and the labels that they form: most of these are there many times."""
        if self.letters:
            from convmatrix.show.render.glyphs import outline

            drawn = (f'<path id="{_letter_id(each)}" d="{outline(each)}"/>' for each in self.letters)
            texts = (f'<g id="{name}">{text}</g>' for text, name in self.texts.items())
            yield f"<defs>{''.join(drawn)}\n{''.join(texts)}</defs>\n"


_REDUCED = (
    "<style>.steps{display:none}@media (prefers-reduced-motion:reduce){.moves{display:none}.steps{display:inline}}"
    "</style>\n"
)


def _spans(counts: Sequence[int]) -> Iterator[Span]:
    """Successive steps with as many moving marks, of steps that have some; single steps only if there are no others."""
    first = 0
    spans = []
    for step in range(1, len(counts) + 1):
        if step == len(counts) or counts[step] != counts[first]:
            if counts[first]:
                spans.append((first, step))
            first = step
    if any(end - start > 1 for start, end in spans):
        yield from spans


def _letter_id(letter: "Letter") -> str:
    return f"{letter.face[0]}{ord(letter.char):x}"


def _tspans(label: str, size: float) -> str:
    """The runs of a label; what stands lower or higher is followed by a step back to the line."""
    parts, back = [], 0.0
    for run in runs(label):
        shift = {"": 0.0, "sub": 0.17, "sup": -0.34}[run.shift] * size
        looks = ' font-style="italic"' if run.italic else f' font-size="{_short(size * SMALL)}"' if run.shift else ""
        move = f' dy="{_short(shift - back)}"' if shift != back else ""
        text = escape(run.text)
        parts.append(f"<tspan{looks}{move}>{text}</tspan>" if looks or move else text)
        back = shift
    return "".join(parts)


def _escaped(text: str) -> str:
    """Printable text, escaped."""
    return escape(printable(text, "text"))


def _short(pixels: float) -> str:
    text = f"{pixels:.2f}".rstrip("0").removesuffix(".")
    return "0" if text == "-0" else text


# -- the page --------------------------------------------------------------------------------------------------------


def page(film: Film, *, seconds_per_step: float = 1.0, smooth: bool = True) -> str:
    """Make a page that plays a film: buttons, arrow keys, a slider, and each step's sentence.

    Parameters
    ----------
    film : Film
    seconds_per_step : float, default 1
    smooth : bool, default True
        As for `moving`.

    Returns
    -------
    str
        HTML that needs nothing else.

    Examples
    --------
    >>> from convmatrix.show.model.stage import film
    >>> from convmatrix.layers import Conv
    >>> html = page(film(Conv((3,), 2), title="<b> & co"))
    >>> "<title>&lt;b&gt; &amp; co</title>" in html, html.count("http"), html.count("http://www.w3.org/")
    (True, 2, 2)
    """
    check_kind("film", film, Film)
    data = {
        "seconds": real_number("seconds_per_step", seconds_per_step),
        "rest": _REST,
        "captions": [printable(frame.caption, "caption") for frame in film.frames],
    }
    colours = film.style.colours
    return _PAGE.substitute(
        title=_escaped(printable(film.title) or _UNTITLED),
        svg=moving(film, seconds_per_step=seconds_per_step, smooth=smooth),
        ground=colours.ground,
        ink=colours.ink,
        scheme="dark" if film.style.theme == "dark" else "light",
        last=len(film.frames) - 1,
        # "</script>" in a caption would end the script; "<" is not special within it.
        data=json.dumps(data).replace("<", "\\u003c"),
    )


_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
  :root { color-scheme: $scheme; background: $ground; color: $ink }
  body { margin: 1rem auto; max-width: 80rem; font-family: system-ui, sans-serif; text-align: center }
  svg { max-width: 100%; height: auto; max-height: 85vh }
  nav { display: flex; gap: 0.5rem; margin: 0.5rem auto; max-width: 40rem }
  nav[hidden] { display: none }
  nav input { flex: 1 }
  button { min-width: 3rem; min-height: 2rem; font-size: 1rem }
  #sentence { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
</style>
<main>
$svg
<nav hidden aria-label="steps">
  <button id="back" aria-label="one step back">&#x25C0;</button>
  <button id="play">Pause</button>
  <button id="on" aria-label="one step on">&#x25B6;</button>
  <input id="step" type="range" min="0" max="$last" value="0" aria-label="step">
</nav>
<p id="sentence" aria-live="off"></p>
</main>
<script>
"use strict";
const film = $data;
const [svg, nav, sentence] = ["svg", "nav", "#sentence"].map(name => document.querySelector(name));
const [back, play, on, slider] = nav.children;
const count = film.captions.length;
let step = 0, timer = 0;

function tell(at) {
  step = at;
  slider.value = step;
  slider.setAttribute("aria-valuetext", film.captions[step]);
  sentence.textContent = film.captions[step];
}
function show(to) {
  svg.setCurrentTime(((to + count) % count + 0.4) * film.seconds);
  tell((to + count) % count);
}
function follow() {
  const at = Math.min(Math.floor(svg.getCurrentTime() / film.seconds) % (count + film.rest), count - 1);
  if (at !== step) tell(at);
}
function run(running) {
  clearInterval(timer);
  timer = running ? setInterval(follow, 50) : 0;
  if (running) svg.unpauseAnimations(); else svg.pauseAnimations();
  play.textContent = running ? "Pause" : "Play";
  sentence.setAttribute("aria-live", running ? "off" : "polite");
}
function go(to) {
  run(false);
  show(to);
}
const keys = { ArrowLeft: () => go(step - 1), ArrowRight: () => go(step + 1), Home: () => go(0),
               End: () => go(count - 1), " ": () => run(!timer) };
back.onclick = keys.ArrowLeft;
on.onclick = keys.ArrowRight;
play.onclick = keys[" "];
slider.oninput = () => go(Number(slider.value));
document.onkeydown = event => {
  // Buttons and slider have keys of their own.
  const own = event.target === slider || (event.target.tagName === "BUTTON" && event.key === " ");
  if (own || event.altKey || event.ctrlKey || event.metaKey || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
};
svg.pauseAnimations();
nav.hidden = false;
show(0);
run(!matchMedia("(prefers-reduced-motion: reduce)").matches);
</script>
</html>
""")
