"""A film as text: an SVG that moves by itself, also inside ``<img>``, and a page that plays it.

The SVG is animated by SMIL alone: no script. Whatever a step changes stands in groups, each of which is visible during
its steps; without SMIL, the first step is seen. The page carries the SVG and a few lines of script that stop it, move
it on and show its captions; it loads nothing from elsewhere, and without scripts the SVG plays.
"""

import json
from collections.abc import Iterator, Sequence
from html import escape
from string import Template

from convmatrix.layers.arguments import check_kind, real_number
from convmatrix.show.model.film import (
    FAINT,
    FOOT,
    GRID,
    HEADING_SIZE,
    LINE,
    PAPER,
    TITLE_SIZE,
    Film,
    Key,
    Look,
    Outline,
    lines_of,
    note_size,
    text_size,
)
from convmatrix.show.model.palette import WINDOW, ink_on
from convmatrix.show.model.printable import printable

__all__ = ["moving", "page"]

_PIXELS = 44
"""A cell of a map."""

Span = tuple[int, int]
"""First step and one past the last."""


def moving(film: Film, *, seconds_per_step: float = 1.0) -> str:
    """Draw a film as an SVG that moves by itself.

    Cells have ids such as ``input-0-2``; a group that is visible from step a up to step b has the attribute
    ``data-steps="a b"``, and the cells in it ``data-cell``.

    Parameters
    ----------
    film : Film
    seconds_per_step : float, default 1

    Returns
    -------
    str

    Examples
    --------
    >>> from convmatrix.show.model.stage import film
    >>> from convmatrix.layers import Conv
    >>> svg = moving(film(Conv((3,), 2), matrix=False))
    >>> svg.count("<animate"), svg.startswith("<svg")
    (5, True)
    """
    check_kind("film", film, Film)
    seconds_per_step = real_number("seconds_per_step", seconds_per_step)
    wide, tall = _n(film.width), _n(film.height + FOOT)
    named = _escaped(printable(film.title) or _UNTITLED)
    steps = "; ".join(frame.caption for frame in film.frames[:4]) + ("; …" if len(film.frames) > 4 else "")
    described = _escaped(printable(film.about) or steps)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" width="{wide}" height="{tall}" '
        'role="img" aria-labelledby="title description" font-family="DejaVu Sans, Verdana, sans-serif" '
        f'text-anchor="middle" stroke-width="0.6">\n<title id="title">{named}</title>\n'
        f'<desc id="description">{described}</desc>\n<rect width="{wide}" height="{tall}" fill="{PAPER}"/>\n',
        *_fixed(film),
        *_changing(film, seconds_per_step),
        *_rulers(film),
        *_captions(film, seconds_per_step),
        "</svg>\n",
    ]
    return "".join(parts)


_UNTITLED = "A sliding window, step by step"


def _fixed(film: Film) -> Iterator[str]:
    """Fixed parts, drawn below the rest: titles, names, and all cells as they are before the first step."""
    for y, line in film.heading():
        yield _text(film.width / 2, y, HEADING_SIZE, line, 'font-weight="bold"')
    for number, panel in enumerate(film.panels):
        yield f'<g id="{escape(panel.name)}">\n'
        yield _text(panel.x, panel.title_y, TITLE_SIZE, panel.title, 'text-anchor="start"')
        for x, y, name, anchor in panel.names():
            yield _text(x, y, panel.name_size, name, f'text-anchor="{anchor}"')
        yield (
            f'<rect x="{_n(panel.x)}" y="{_n(panel.y)}" width="{_n(panel.cols * panel.unit)}" '
            f'height="{_n(panel.rows * panel.unit)}" fill="none" stroke="{GRID}"/>\n'
        )
        for key, look in film.base.items():
            if key[0] == number:
                yield _cell(film, key, film.waiting.get(key, look), f'id="{escape(film.cell_id(key))}"')
        yield "</g>\n"


def _changing(film: Film, seconds: float) -> Iterator[str]:
    """One group for all cells that change for the same steps, those that last before those that pass."""
    groups: dict[Span, list[tuple[Key, Look]]] = {}
    total = len(film.frames)
    since: dict[Key, tuple[int, Look]] = {}
    for step, frame in enumerate(film.frames):
        for key, look in frame.lasting.items():
            if key in since:
                first, before = since[key]
                groups.setdefault((first, step), []).append((key, before))
            since[key] = (step, look)
    for key, (first, look) in since.items():
        groups.setdefault((first, total), []).append((key, look))
    yield from _groups(film, sorted(groups.items()), seconds)
    passing = [((step, step + 1), list(frame.looks.items())) for step, frame in enumerate(film.frames)]
    yield from _groups(film, passing, seconds)


def _groups(film: Film, groups: Sequence[tuple[Span, list[tuple[Key, Look]]]], seconds: float) -> Iterator[str]:
    for span, cells in groups:
        drawn = (_cell(film, key, look, f'data-cell="{escape(film.cell_id(key))}"') for key, look in cells)
        yield _during(span, len(film.frames), seconds, "".join(drawn))


def _during(span: Span, total: int, seconds: float, content: str) -> str:
    """A group that is visible during some steps only."""
    first, end = span
    if not content or (first, end) == (0, total):
        return content
    marks = [(0, "hidden"), (first, "visible"), (end, "hidden")]
    marks = [mark for mark in marks if mark[0] < total][1 if first == 0 else 0 :]
    values, times = ";".join(word for _, word in marks), ";".join(f"{at / total:.7g}" for at, _ in marks)
    hidden = "" if first == 0 else ' visibility="hidden"'
    return (
        f'<g data-steps="{first} {end}"{hidden}><animate attributeName="visibility" calcMode="discrete" '
        f'dur="{total * seconds:.7g}s" repeatCount="indefinite" values="{values}" keyTimes="{times}"/>\n{content}</g>\n'
    )


def _rulers(film: Film) -> Iterator[str]:
    """Lines between image rows, above the cells that change."""
    for panel in film.panels:
        wide, tall = panel.cols * panel.unit, panel.rows * panel.unit
        for bold in (False, True):
            lines = [
                f"M{_n(panel.x)} {_n(panel.y + at * panel.unit)}h{_n(wide)}"
                if across
                else f"M{_n(panel.x + at * panel.unit)} {_n(panel.y)}v{_n(tall)}"
                for across, at, is_bold in panel.rulers()
                if is_bold == bold
            ]
            if lines:
                yield f'<path d="{"".join(lines)}" stroke="#000000" stroke-width="{1.8 if bold else 0.9}"/>\n'


def _captions(film: Film, seconds: float) -> Iterator[str]:
    """The frames around cells, and the sentence below, of each step."""
    foot = film.height + 0.15
    for step, frame in enumerate(film.frames):
        content = "".join(_outline(film, outline) for outline in frame.outlines)
        content += _text(film.width / 2, foot, film.caption_size(frame.caption), frame.caption)
        yield _during((step, step + 1), len(film.frames), seconds, content)


def _outline(film: Film, outline: Outline) -> str:
    panel = film.panels[outline.panel]
    x, y = panel.at(outline.row, outline.col)
    return (
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(outline.cols * panel.unit)}" '
        f'height="{_n(outline.rows * panel.unit)}" fill="none" stroke="{WINDOW}" stroke-width="3"/>\n'
    )


def _cell(film: Film, key: Key, look: Look, attribute: str) -> str:
    number, row, col = key
    panel = film.panels[number]
    (x, y), unit = panel.at(row, col), panel.unit
    stroke = f' stroke="{GRID}"' if panel.labelled else ""
    drawn = (
        f'<rect {attribute} x="{_n(x)}" y="{_n(y)}" width="{_n(unit)}" height="{_n(unit)}" '
        f'fill="{look.paper}"{stroke}/>'
    )
    if panel.labelled:
        ink = FAINT if look.faint else ink_on(look.paper)
        drawn += _lines(x + unit / 2, y + unit * (0.42 if look.note else 0.5), unit, look.text, f'fill="{ink}"')
        if look.note:
            size = note_size(look.note) * unit
            drawn += _text(x + 0.95 * unit, y + 0.82 * unit, size, look.note, f'text-anchor="end" fill="{ink}"')
    return drawn + "\n"


def _lines(x: float, y: float, unit: float, text: str, attribute: str) -> str:
    lines, size = lines_of(text), text_size(text) * unit
    first = y - (len(lines) - 1) / 2 * LINE * size
    return "".join(_text(x, first + number * LINE * size, size, line, attribute) for number, line in enumerate(lines))


def _text(x: float, y: float, size: float, text: str, attribute: str = "") -> str:
    """Text whose middle is at y."""
    if not text:
        return ""
    also = f" {attribute}" if attribute else ""
    # Not dominant-baseline: not every program that shows SVG knows it. Digits are 0.73 high.
    return f'<text x="{_n(x)}" y="{_n(y + 0.36 * size)}" font-size="{_n(size)}"{also}>{_escaped(text)}</text>'


def _escaped(text: str) -> str:
    """Printable text, escaped."""
    return escape(printable(text, "text"))


def _n(length: float) -> str:
    """A length in cells, as pixels, as short as it goes."""
    return f"{length * _PIXELS:.1f}".removesuffix(".0")


# -- the page --------------------------------------------------------------------------------------------------------


def page(film: Film, *, seconds_per_step: float = 1.0) -> str:
    """Make a page that plays a film: buttons, arrow keys, a slider, and each step's sentence.

    Parameters
    ----------
    film : Film
    seconds_per_step : float, default 1

    Returns
    -------
    str
        HTML that needs nothing else.

    Examples
    --------
    >>> from convmatrix.show.model.stage import film
    >>> from convmatrix.layers import Conv
    >>> html = page(film(Conv((3,), 2), title="<b> & co"))
    >>> "<title>&lt;b&gt; &amp; co</title>" in html, "http" in html.replace("http://www.w3.org/2000/svg", "")
    (True, False)
    """
    check_kind("film", film, Film)
    data = {
        "seconds": real_number("seconds_per_step", seconds_per_step),
        "captions": [printable(frame.caption, "caption") for frame in film.frames],
    }
    return _PAGE.substitute(
        title=_escaped(printable(film.title) or _UNTITLED),
        svg=moving(film, seconds_per_step=seconds_per_step),
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
  body { margin: 1rem auto; max-width: 80rem; font-family: system-ui, sans-serif; text-align: center;
         color-scheme: light dark }
  svg { max-width: 100%; height: auto; max-height: 85vh; border-radius: 0.5rem }
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

function show(to) {
  step = (to + count) % count;
  svg.setCurrentTime((step + 0.5) * film.seconds);
  slider.value = step;
  slider.setAttribute("aria-valuetext", film.captions[step]);
  sentence.textContent = film.captions[step];
}
function run(running) {
  clearInterval(timer);
  timer = running ? setInterval(() => show(step + 1), 1000 * film.seconds) : 0;
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
