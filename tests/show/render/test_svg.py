"""Films as SVG and as a page: each step read back from the elements, and what text of a user's becomes."""

import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmatrix import Conv
from convmatrix.show.model import drawing
from convmatrix.show.model.drawing import lines_of
from convmatrix.show.model.palette import THEMES
from convmatrix.show.model.printable import printable
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import Style
from convmatrix.show.render.animate import images
from convmatrix.show.render.svg import moving, page
from sample_films import FILMS
from strategies import share

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"


def on_at(group, moment):
    """Check whether a group is visible at a moment from 0 to 1, by the rules of SMIL's discrete animations."""
    animation = group.find(f"{SVG}animate")
    if animation is None:
        return True
    assert animation.get("attributeName") == "visibility"
    assert animation.get("calcMode") == "discrete"
    times = [float(time) for time in animation.get("keyTimes").split(";")]
    values = animation.get("values").split(";")
    assert times[0] == 0
    assert len(times) == len(values)
    assert sorted(times) == times
    return [value for time, value in zip(times, values, strict=True) if time <= moment][-1] == "visible"


def seen_at(root, moment):
    """Colour and texts of every cell at a moment: what is painted last."""
    seen = {}

    def walk(element):
        cell = None
        for child in element:
            if child.tag == f"{SVG}g" and not child.get("data-text"):
                if on_at(child, moment):
                    walk(child)
            elif child.tag == f"{SVG}rect" and (child.get("id") or child.get("data-cell")):
                cell = child.get("id") or child.get("data-cell")
                seen[cell] = (child.get("fill"), [])
            elif child.tag == f"{SVG}rect" and child.get("fill") == "none":  # the frame of a window
                cell = None
            elif child.get("data-text") and cell is not None:
                seen[cell][1].append((child.get("data-text"), child.get("fill")))

    walk(root)
    return seen


def expected_at(made, step):
    """The same from the film."""
    seen = {}
    for key, look in made.still(step).items():
        texts = [*([look.second] if look.second else []), *lines_of(look.text)] if look.text else []
        if not made.panels[key[0]].labelled:
            texts = []
        seen[made.cell_id(key)] = (look.paper, [(text, look.ink) for text in texts])
    for panel in made.panels:
        if not panel.bordered:
            seen[f"{panel.name}-frame"] = ("none", [])
    return seen


@pytest.mark.parametrize("name", FILMS)
def test_svg_shows_each_step(name):
    made = FILMS[name]
    root = ET.fromstring(moving(made))
    total = len(made.frames)
    for step in range(total):
        # Somewhat after its begin, and before its end; the times are rounded.
        for within in (0.01, 0.5, 0.99):
            assert seen_at(root, (step + within) / (total + 1)) == expected_at(made, step)
    assert seen_at(root, 0.99) == expected_at(made, total - 1)  # the last step rests
    assert total == 1 or expected_at(made, 0) != expected_at(made, total - 1)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", FILMS)
def test_svg_frames_and_describes_each_step(name):
    made = FILMS[name]
    root = ET.fromstring(moving(made, seconds_per_step=0.5))
    total = len(made.frames)
    if total == 1:
        assert list(root.iter(f"{SVG}animate")) == []
        assert made.frames[0].caption in [element.get("data-text") for element in root.iter()]
        return
    (stands,) = (group for group in root.findall(f"{SVG}g") if group.get("class") == "steps")
    steps = [f"{step} {step + 1}" for step in range(total)]
    assert [group.get("data-steps") for group in stands] == steps
    for group, frame in zip(stands, made.frames, strict=True):
        boxes = [drawing.outline(made, outline, "") for outline in frame.outlines]
        pixels = made.cell * 96
        assert [float(rect.get("x")) for rect in group.findall(f"{SVG}rect")] == pytest.approx(
            [box.x * pixels for box in boxes], abs=0.01
        )
    captions = list(root.findall(f"{SVG}g")[-1])
    assert [group.get("data-steps") for group in captions] == steps
    assert [group[-1].get("data-text") for group in captions] == [frame.caption for frame in made.frames]
    assert {animation.get("dur") for animation in root.iter(f"{SVG}animate")} == {f"{(total + 1) * 0.5:g}s"}
    assert {animation.get("repeatCount") for animation in root.iter(f"{SVG}animate")} == {"indefinite"}


def moved(root):
    """For each moving outline and each of its attributes, the values and the times."""
    (moves,) = (group for group in root.findall(f"{SVG}g") if group.get("class") == "moves")
    return [
        {
            each.get("attributeName"): (
                [float(value) for value in each.get("values").split(";")],
                [float(time) for time in each.get("keyTimes").split(";")],
            )
            for each in rect.findall(f"{SVG}animate")
        }
        for rect in moves
    ]


def test_svg_windows_move_between_steps():
    made = FILMS["windows"]
    total = len(made.frames)
    found = moved(ET.fromstring(moving(made)))
    assert len(found) == len(made.frames[0].outlines)
    for number, attributes in enumerate(found):
        boxes = [drawing.outline(made, frame.outlines[number], "") for frame in made.frames]
        for attribute, (values, times) in attributes.items():
            places = [getattr(box, attribute) * made.cell * 96 for box in boxes]
            for step in range(total):
                here = [
                    value
                    for value, time in zip(values, times, strict=True)
                    if -0.01 <= time * (total + 1) - step < 0.99
                ]
                assert here[:2] == pytest.approx([places[step]] * 2, abs=0.01)  # it stands, then it leaves
            assert values[-1] == pytest.approx(places[-1], abs=0.01)
            assert times[-1] == 1
    assert set(found[0]) == {"x", "y"}
    text = moving(made)
    assert "@media (prefers-reduced-motion:reduce){.moves{display:none}.steps{display:inline}}" in text
    still = ET.fromstring(moving(made, smooth=False))
    assert not [group for group in still.findall(f"{SVG}g") if group.get("class")]
    assert {each.get("attributeName") for each in still.iter(f"{SVG}animate")} == {"visibility"}


@pytest.mark.parametrize("text", ["paths", "text"])
def test_svg_text_is_outlines_or_text(text):
    made = film(Conv(4, 3), title="A <title>", style=Style(text=text))
    root = ET.fromstring(moving(made))
    labels = [element for element in root.iter() if element.get("data-text")]
    assert {element.tag for element in labels} == {f"{SVG}text" if text == "text" else f"{SVG}use"}
    shown = Counter(element.get("data-text") for element in labels)
    assert shown["A <title>"] == 1
    assert shown["w00"] == 1 + 4  # in the kernel, and in each row
    (first, *_) = (element for element in labels if element.get("data-text") == "w01")
    if text == "text":
        assert [(part.text, part.get("font-style")) for part in first] == [("w", "italic"), ("01", None)]
        assert not list(root.iter(f"{SVG}path"))
    else:
        known = {path.get("id"): path.get("d") for path in root.iter(f"{SVG}path")}
        texts = {group.get("id"): group for group in root.find(f"{SVG}defs").findall(f"{SVG}g")}
        used = [use.get(HREF)[1:] for use in texts[first.get(HREF)[1:]].iter(f"{SVG}use")]
        assert used == ["i77", "r30", "r31"]
        every = [use.get(HREF)[1:] for use in root.iter(f"{SVG}use")]
        assert len(every) > len(set(every)) == len(texts) + len(known)
        assert set(every) == {*texts, *known}
        # Each label is there once, however often it is shown.
        assert len({element.get(HREF) for element in labels}) == len(shown) == len(texts)


@pytest.mark.parametrize("theme", THEMES)
def test_svg_ground(theme):
    ground = THEMES[theme].ground
    root = ET.fromstring(moving(film(Conv(4, 3), style=Style(theme=theme))))
    assert (root.find(f"{SVG}rect").get("fill"), root.find(f"{SVG}rect").get("width")) == (ground, root.get("width"))
    root = ET.fromstring(moving(film(Conv(4, 3), style=Style(theme=theme, ground="transparent"))))
    assert root.get("width") not in [rect.get("width") for rect in root.iter(f"{SVG}rect")]


def test_svg_without_smil_shows_the_first_step():
    groups = [group for group in ET.fromstring(moving(FILMS["windows"])).iter(f"{SVG}g") if group.get("data-steps")]
    first = [group for group in groups if group.get("data-steps").startswith("0 ")]
    assert len(first) == 3  # what passes, the windows, and the caption; what lasts from the first step on is in none
    assert all(group.get("visibility") is None for group in first)
    assert {group.get("visibility") for group in groups if group not in first} == {"hidden"}


TITLES = [
    "</svg><script>alert(1)</script>",
    "\"><image href='x' onerror='alert(1)'/>",
    "]]> &lt; &#x3c; <!-- -->",
    "a\nb\tc",
    "nul\0 bell\a \ud800 \ufffe",
    "$svg ${data} $$",
    "caf\u00e9 \u732b \U0001f600",
]


@pytest.mark.parametrize("title", TITLES)
def test_titles_stay_text(title):
    shown = "".join(char if char.isprintable() else "\ufffd" for char in " ".join(title.split()))
    outlined = ET.fromstring(moving(film(Conv((3,), 2), title=title)).encode())
    assert shown in [element.get("data-text") for element in outlined.iter()]
    style = Style(text="text")
    made, other = (film(Conv((3,), 2), title=each, style=style) for each in (title, "plain"))
    root, plain = (ET.fromstring(moving(each).encode()) for each in (made, other))
    assert root.find(f"{SVG}title").text == shown
    assert shown in [element.text for element in root.iter(f"{SVG}text")]
    assert [element.tag for element in root.iter()] == [element.tag for element in plain.iter()]
    read, known = Page(page(made)), Page(page(other))
    assert read.tags == known.tags
    assert shown in read.texts["title"]
    assert len(list(images(made))) == 2


# -- the page --------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags in order with the names of their attributes, and the texts of each tag."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open, self.values = [], {}, [], []
        text.encode()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, [name for name, _ in attrs]))
        self.values += [value for name, value in attrs if name in {"src", "href", "xlink:href", "style", "action"}]
        self.open.append(tag)

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass


def test_page_carries_all_it_needs():
    made = FILMS["inserted"]
    html = page(made, seconds_per_step=0.25)
    read = Page(html)
    assert all(re.fullmatch("#[a-z][0-9a-f]+", value) for value in read.values)  # letters within the page
    script, style = "".join(read.texts["script"]), "".join(read.texts["style"])
    assert not re.search(r"https?://|url\(|@import|fetch|XMLHttp|innerHTML|eval", script + style)
    assert html.count("http") == html.count("http://www.w3.org/") == 2  # the namespaces of SVG
    data = json.loads(re.search(r"const film = (\{.*\});", script)[1])
    assert data == {"seconds": 0.25, "rest": 1, "captions": [frame.caption for frame in made.frames]}
    assert re.search(r'type="range" min="0" max="24"', html)
    svg = html[html.index("<svg") : html.index("</svg>") + 6]
    assert svg == moving(made, seconds_per_step=0.25).strip()


@share(0.4)
@given(
    captions=st.lists(
        st.one_of(
            st.text(max_size=20),
            st.sampled_from(
                ["</script><script>alert(1)</script>", "<!-- <script>", "</SCRIPT\t>", "]]>", "\\u003c", "\u2028"]
            ),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_captions_stay_data_of_the_script(captions):
    """Whatever is in the JSON of a page, the script does not end in it, and reads what was put in."""
    made = film(Conv((len(captions) + 1,), 2), matrix=False)
    frames = [frame._replace(caption=caption) for frame, caption in zip(made.frames, captions, strict=True)]
    html = page(dataclasses.replace(made, frames=frames))
    script = "".join(Page(html[html.index("<script>") :]).texts["script"])
    (line,) = re.findall(r"^const film = (.*);$", script, re.MULTILINE)
    assert json.loads(line)["captions"] == [printable(caption, "caption") for caption in captions]
    assert "<" not in line
    assert script.rstrip().endswith("matches);")


def test_page_without_scripts_shows_no_buttons_that_do_nothing():
    assert '<nav hidden aria-label="steps">' in page(FILMS["windows"])
