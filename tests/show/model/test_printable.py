"""Text of a user's in every renderer: what becomes of each kind of character, and files that their formats can hold."""

import io
import json
import re
import shutil
import subprocess
import unicodedata
import xml.etree.ElementTree as ET
from html import escape
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib.text import Text
from PIL import Image, ImageFont

from commandline import good, refused
from convmatrix import Conv, ConvTranspose
from convmatrix.cli import kinds
from convmatrix.show import explorer, plot
from convmatrix.show.explorer import document, widget
from convmatrix.show.model.film import Film, Frame, Look, Panel
from convmatrix.show.model.layout import heading
from convmatrix.show.model.printable import bold_ems, ems, printable, shortened, wrapped
from convmatrix.show.model.stage import film
from convmatrix.show.model.style import TITLE_LINE, Style
from convmatrix.show.model.typeset import as_mathtext
from convmatrix.show.plot.picture import described, new_picture
from convmatrix.show.plot.sheet import Tile, sheet
from convmatrix.show.render import animate, latex, saving, svg
from convmatrix.show.render.glyphs import face_file
from convmatrix.show.render.lettering import in_font
from selection import some
from strategies import share

SVG = "{http://www.w3.org/2000/svg}"

NAMED = [
    "a\x00\x1b[31mb\x7f\x85",
    "a\ufffeb\uffff\U0001fffe\ufdd0",
    "\ud800 \udcff x",
    "\u202eabc\u2066 \u200f",
    "a\n b\t\rc\u2028",
    "a" + "\u0301" * 50,
    "\u0301",
    "\u20dd" * 9,
    "\u200d" * 99,
    "$x^2$ \\frac{1}{$",
    "100% of \\ &#0; <b> ]]> --> {}",
    "猫" * 9,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f3f4\U000e0067\U000e0062\U000e007f",
    "\u05e9\u05dc \u0633\u0644",
    "\ue000 \u0378 \U0010ffff",
    "\ufeff\u00ad",
    "",
    " \n ",
]
EMOJI = "\U0001f468\u200d\U0001f469 \U0001f3f4\U000e0067\U000e007f"
CHARACTERS = st.one_of(
    st.characters(exclude_categories=()),
    st.sampled_from(
        "\0\a\x1b\x9f\ufffe\U0010ffff\ud800\udfff\u202e\u2069\u200d\u0301\u20dd\n\t\r $\\{}<>&\"'%^_~-😀猫W"
    ),
)
TEXTS = st.one_of(
    st.sampled_from(NAMED),
    st.text(CHARACTERS, max_size=40),
    st.builds(lambda text, times: text * times, st.text(CHARACTERS, min_size=1, max_size=12), st.integers(1, 400)),
)
LONG = "The matrix of a convolution, " * 100
WHOLE = "m" * 3000


# -- what becomes of each kind ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x1b[31m", "a\ufffdb\ufffd[31m"),
        ("\x7f\x80\x9f", "\ufffd" * 3),
        ("\ufffe\uffff\U0001fffe\U0010ffff\ufdd0\ufdef", "\ufffd" * 6),
        ("\ud800a\udfff", "\ufffda\ufffd"),
        ("  a\n\tb\u2028c\u00a0\u3000d \x0b", "a b c d"),
        ("a \u202e b\u2066\u200f\u061cc", "a bc"),
        ("a" + "\u0301" * 9 + "b\u0301", "a" + "\u0301" * 4 + "b\u0301"),
        ("a" + "\u0301\u200d" * 9, "a" + "\u0301\u200d" * 4),
        ("a" + "\u200c" * 20 + "b", "a" + "\u200c" * 8 + "b"),
        (EMOJI, EMOJI),
        ("$x$ \\frac{1}{2} <b>&amp; % 猫 \ue000", "$x$ \\frac{1}{2} <b>&amp; % 猫 \ue000"),
        ("", ""),
    ],
)
def test_each_kind_of_character(text, shown):
    assert printable(text) == shown


def test_lines_that_are_laid_out():
    assert printable("a:  b\r\nc\td\n\x00\x0b\n", lines=True) == "a:  b\nc d\n\ufffd \n"


@pytest.mark.parametrize("text", [None, 5, b"a", ["a"], Conv(4, 3)])
def test_what_is_no_text(text):
    with pytest.raises(TypeError, match=f"^caption must be a str, got {type(text).__name__}$"):
        printable(text, "caption")
    if text is None:
        return  # no title
    with pytest.raises(ValueError, match=f"^title must be a str, got {type(text).__name__}$"):
        explorer.page(Conv(4, 3), title=text)
    with pytest.raises(ValueError, match=f"^title must be a str, got {type(text).__name__}$"):
        plot.windows(Conv(4, 3), title=text)


@given(text=TEXTS)
def test_printable_text_is_valid_everywhere(text):
    shown = printable(text)
    assert printable(shown) == shown
    assert printable(shown, lines=True) == shown
    assert shown == " ".join(shown.split())
    assert shown.encode().decode("utf-8-sig") or not shown or shown == "\ufeff"
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [char for char in shown if unicodedata.bidirectional(char) in BIDI]
    assert not [char for char in shown if ord(char) & 0xFFFE == 0xFFFE]
    assert ET.fromstring(f"<a>{escape(shown)}</a>").text == (shown or None)
    assert len(shown) <= len(text)


BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(text=TEXTS, width=st.floats(1.5, 30), most=st.integers(1, 4))
def test_lines_fit(text, width, most):
    text = printable(text)
    lines = wrapped(text, width, most)
    assert len(lines) <= most
    assert all(lines)
    for line in lines:
        whole = len(line.rstrip("…")) <= 17  # a letter with its marks stays whole
        assert ems(line) <= width + 1e-6 or whole
    read = "".join(lines).replace(" ", "")
    assert read == text.replace(" ", "") or text.replace(" ", "").startswith(read.removesuffix("…"))
    if ems(text) <= width:
        assert lines == ([text] if text else [])


def test_letters_keep_their_marks():
    text = "e\u0301" * 10
    assert shortened(text, 3.0) == "e\u0301" * 3 + "…"
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert shortened(family * 3, 4.9) == family + "…"
    assert wrapped(family * 3, 3.5, 5) == [family] * 3
    assert wrapped("one two three", 4.0, 3) == ["one", "two", "three"]


def test_titles_have_the_space_that_they_take():
    """Measured in the font, for letters, digits and signs of many widths."""
    font = ImageFont.truetype(face_file("bold"), 100, layout_engine=ImageFont.Layout.BASIC)
    for text in (*map(chr, range(33, 127)), *"ÄßéΩ…", "Привет, мир ", "ЖЕЛЕЗО "):
        for line in wrapped(text * 300, 12, 3, bold_ems)[:1]:
            assert font.getlength(line) / 100 <= bold_ems(line), text


# -- pictures on matplotlib ------------------------------------------------------------------------------------------

UP = ConvTranspose(2, 3, stride=2, padding=1)
PICTURES = {
    "linked": lambda title: plot.linked(Conv((3,), 2), title=title),
    "matrix": lambda title: plot.matrix(Conv((3,), 2), title=title),
    "large": lambda title: plot.matrix(Conv((99,), 2), title=title),
    "windows": lambda title: plot.windows(Conv((3,), 2), title=title),
    "stamps": lambda title: plot.stamps(UP, title=title),
    "insertion": lambda title: plot.insertion(UP, title=title),
    "crop": lambda title: plot.crop(UP, title=title),
    "gram": lambda title: plot.gram(np.eye(2), title=title),
    "named": lambda title: plot.gram(np.eye(2), name=title),
    "factors": lambda title: plot.factors([np.eye(2)] * 3, [title, "A", title], title=title),
    "same_output": lambda title: plot.same_output([1, 2], [2, 1], [3], title=title),
    "singular": lambda title: plot.singular_values([3.0, 1.0], title=title),
    "overlaps": lambda title: plot.overlaps([[1, 2]], title=title),
    "field": lambda title: plot.receptive_field(np.eye(2, dtype=bool), title=title),
    "sheet": lambda title: sheet(
        [Tile(Panel("a", title, "", 1, 1), {(0, 0): Look("#ffffff", title[:3])})], caption=title, style=Style()
    ),
    "own": lambda title: own(title),
    "frame": lambda title: plot.film_frame(by_hand(title), 0),
}


def own(title):
    """A picture on which a user wrote by matplotlib's own functions."""
    ax = described(new_picture(4, 4), title)  # with space for many lines, which matplotlib keeps
    ax.set_title(title, parse_math=False)
    ax.set_xlabel(title, parse_math=False)
    ax.get_figure().suptitle(f"a\n{title}", parse_math=False)
    return ax


def by_hand(text):
    """A film that was not made from a layer."""
    frames = (Frame({(0, 0, 0): Look("#ffffff", text[:9])}, {}, (), text),) * 2
    return Film((Panel("a", text, "", 1, 1, x=1, y=2),), {(0, 0, 0): Look("#ffffff")}, {}, frames, 5, 5, text, text)


@share(0.06)
@given(kind=st.sampled_from(sorted(PICTURES)), title=TEXTS)
@example(kind="own", title="a\n b\t\rc\u2028")
@example(kind="gram", title="a\x00\ufffe")
def test_pictures_are_xml_with_any_title(kind, title):
    made = saving.rendered(lambda: PICTURES[kind](title), "svg", title=title)["svg"]
    root = ET.fromstring(made)
    assert root.findtext(f"{SVG}title") == (printable(title) or None) or not printable(title)
    (description,) = (node.text for node in root.iter() if node.tag.endswith("}description"))
    if kind not in ("named", "sheet"):
        assert printable(title) in (description or "")


@pytest.mark.parametrize("kind", sorted(set(PICTURES) - {"own"}))
def test_pictures_are_printable_before_they_are_saved(kind):
    title = "a\x00\ud800\u202e\ufffe 猫"
    ax = PICTURES[kind](title)
    texts = [text.get_text() for text in ax.get_figure().findobj(Text)]
    assert not [text for text in texts if text != printable(text, lines=True)]
    assert [text for text in texts if "a\ufffd\ufffd" in text]
    if kind not in ("sheet", "frame"):
        assert printable(title) in ax.alt


@share(0.03)
@given(kind=st.sampled_from(sorted(PICTURES)), title=TEXTS)
def test_pictures_are_written_with_any_title(kind, title):
    made = saving.rendered(lambda: PICTURES[kind](title), "pdf", "png", title=title)
    assert made["pdf"].endswith(b"%%EOF\n")
    with Image.open(io.BytesIO(made["png"])) as picture:
        picture.load()
        assert picture.info["Title"] == printable(title)


@pytest.mark.full
@pytest.mark.parametrize("kind", sorted(set(PICTURES) - {"own", "sheet", "frame"}))
@pytest.mark.parametrize("title", [LONG, WHOLE])
def test_long_titles_do_not_change_the_picture(kind, title):
    plain, long = PICTURES[kind]("C"), PICTURES[kind](title)
    figure = long.get_figure()
    wide, tall = figure.get_size_inches()
    assert wide <= max(24, plain.get_figure().get_size_inches()[0])
    assert tall <= plain.get_figure().get_size_inches()[1] * 1.5 + 1
    figure.draw_without_rendering()
    page = figure.bbox
    titles = [text for text in long.texts if (text.get_gid() or "").startswith("title")]
    for text in titles or [long.title] * bool(long.get_title()):
        extent = text.get_window_extent()
        assert page.x0 - 3 <= extent.x0 <= extent.x1 <= page.x1 + 3, text.get_text()
        assert page.y0 - 3 <= extent.y0 <= extent.y1 <= page.y1 + 3, text.get_text()
    shown = [text.get_text() for text in titles] or long.get_title().splitlines()[:3]
    if kind != "named":
        assert len(shown) == 3
        assert shown[-1].endswith("…")
        assert printable(title) in long.alt


@pytest.mark.parametrize("kind", some(sorted(set(PICTURES) - {"own"}), "sheet", "frame", "named"))
def test_titles_are_no_markup(kind):
    title = r"$\frac{1}{$ \input{x} $a_b$"
    with plt.rc_context({"text.usetex": False, "text.parse_math": True}):
        ax = PICTURES[kind](title)
        ax.get_figure().draw_without_rendering()
    shown = [text for text in ax.findobj(Text) if title in getattr(text, "label", text.get_text())]
    assert shown
    for text in shown:
        label = getattr(text, "label", text.get_text())
        if text.get_parse_math():  # a label, whose symbols are set as mathematics: what it is made of is escaped
            assert text.get_text() == as_mathtext(label)
            assert text.get_text().count(r"\$") == label.count("$")
        else:
            assert text.get_text() == label


def test_characters_that_the_font_lacks():
    """matplotlib would warn of them on the standard error."""
    assert in_font("a → 猫\n😀\U0001f468") == "a → \ufffd\n😀\ufffd"
    ax = plot.windows(Conv((3,), 2), title="猫")
    assert [text.get_text() for text in ax.texts if text.get_gid() == "title"] == ["\ufffd"]
    assert ax.alt.startswith("猫: ")


# -- films and pages -------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags, and the text of each kind of them; nothing that HTML has no character for."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.named = [], {}, {}
        text.encode()
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]", text)
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "meta" and dict(attrs).get("name"):
            self.named[dict(attrs)["name"]] = dict(attrs)["content"]

    def handle_data(self, data):
        self.texts.setdefault(self.tags[-1] if self.tags else "", []).append(data)


@share(0.3)
@given(title=TEXTS)
@example(title=" \n ")
def test_films_are_xml_and_html_with_any_title(title):
    plain = film(Conv((3,), 2), title="C")
    for made, known in ((film(Conv((3,), 2), title=title), plain), (by_hand(title), by_hand("C"))):
        root, page = ET.fromstring(svg.moving(made)), Page(svg.page(made))
        assert root.findtext(f"{SVG}title") == (printable(title) or svg._UNTITLED)
        assert (printable(title) or svg._UNTITLED) in page.texts["title"]
        letters = {"text", "defs", "use", "path"}  # of which an empty title has none
        assert set(page.tags) - letters == set(Page(svg.page(known)).tags) - letters
    assert root.findtext(f"{SVG}desc") == (printable(title) or ";")


@pytest.mark.parametrize("ending", [".gif", ".png", ".apng", ".webp"])
def test_films_of_pixels_carry_the_title(folder, ending):
    for number, title in enumerate([*NAMED, WHOLE]):
        if number % 5 and title != WHOLE:
            continue
        animate.animate(Conv((3,), 2), f"a{ending}", title=title)
        with Image.open(f"a{ending}") as picture:
            assert picture.n_frames == 5  # two steps, and three pictures between them
            assert picture.width <= 1920
            if ending == ".gif":
                assert picture.info.get("comment", b"").decode() == printable(title)
            elif ending != ".webp":
                assert picture.info.get("Title", "") == printable(title)


@share(0.05)
@given(title=TEXTS)
@example(title="a\x00\u202e\ud800")
@example(title="a\ufffeb\uffff\U0001fffe\ufdd0")
def test_pixels_of_any_title(title):
    for make in (by_hand, lambda text: film(Conv((3,), 2), title=text)):
        drawn, known = (list(animate.images(make(text), cell=12)) for text in (title, printable(title)))
        assert len(drawn) == 2
        if make is not by_hand or len(title) < 9:  # its cells have the first letters, whatever they are
            assert drawn == known


@pytest.mark.full
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_mp4_films_carry_the_title(folder):
    for title in (*NAMED, WHOLE, "猫" * 10**5):
        animate.animate(Conv((3,), 2), "a.mp4", title=title)
        content = (folder / "a.mp4").read_bytes()
        assert printable(title)[:9000].encode() in content


@pytest.mark.parametrize("title", [LONG, WHOLE, "W" * 3000, "猫" * 3000, "a" * 10**6])
def test_long_titles_do_not_change_the_film(title):
    plain, made = (film(Conv((3,), 2), title=text) for text in ("C", title))
    assert made.title == printable(title)
    assert made.height == pytest.approx(plain.height + 2 * TITLE_LINE)
    assert made.width <= 17
    lines = [line for _, line in heading(made)]
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert [panel.y for panel in made.panels] == pytest.approx([panel.y + 2 * TITLE_LINE for panel in plain.panels])
    drawn = [node.get("data-text") for node in ET.fromstring(svg.moving(made)).iter() if node.get("data-text")]
    assert drawn[:3] == lines
    assert title.strip() in svg.moving(made)


@given(title=TEXTS)
def test_the_explorer_shows_any_title(title):
    layer = Conv((3,), 2)
    shown = shortened(printable(title), 300, len)
    page = Page(explorer.page(layer, title=title))
    assert "".join(page.texts.get("title", [])).strip() == shown.strip()
    assert page.named["description"] == printable(title)
    for text in (explorer.fragment(layer, title=title), explorer.table(layer, title=title)):
        assert "".join(Page(text).texts.get("strong", [])).strip() == shown.strip()
    assert document.specification(layer, None, title)["title"] == shown
    assert printable(title) in repr(explorer.in_notebook(layer, title=title))


def test_a_page_with_a_long_title_stays_small():
    assert len(explorer.page(Conv(4, 3), title=WHOLE)) < 100_000
    assert explorer.page(Conv(4, 3), title=WHOLE).count(WHOLE) == 1


def test_the_widget_has_the_title_of_the_page():
    pytest.importorskip("anywidget", reason="the widget needs anywidget")
    assert widget.explore(Conv(4, 3), title="a\x00\ud800b").spec["title"] == "a\ufffd\ufffdb"


# -- LaTeX -----------------------------------------------------------------------------------------------------------


def balanced(text):
    """Check whether braces are closed, and nothing is left that LaTeX would take for more than a picture."""
    depth = 0
    without_comments = re.sub(r"(?<!\\)%.*", "", text)
    for brace in re.findall(r"(?<!\\)[{}]", without_comments.replace(r"\\", "")):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    return depth == 0 and text.isascii()


def picture_of(title):
    """A TikZ picture, if pdflatex has all characters of its title; if it has not, the error names one of them."""
    try:
        return latex.tikz(Conv((2,), 2), title=title)
    except ValueError as error:
        message = str(error)
    assert re.match(r"^the text has the character ('.' \()?U\+[0-9A-F]{4,6}\)?, which plain pdflatex ", message)
    return None


@given(title=st.one_of(TEXTS, st.text(st.characters(max_codepoint=0xFF), max_size=60)))
def test_tikz_is_balanced_with_any_title(title):
    picture = picture_of(title)
    if picture is not None:
        assert balanced(picture)
        assert picture.endswith("\n\\end{tikzpicture}")
        assert max(map(len, picture.split("\n"))) < 2000


def test_what_no_format_holds_has_a_sign_in_latex():
    picture = picture_of("a\x00\ud800\ufffe\u202e\u00adb")
    assert r"{a" + r"\ensuremath{\diamond}" * 3 + "b};" in picture
    assert latex.escape("a\u200db") == "ab"


def test_long_titles_are_whole_in_a_comment():
    picture = picture_of(LONG)
    comments = [line.removeprefix("% ") for line in picture.splitlines() if line.startswith("% ")]
    assert "".join(comments) == printable(LONG)
    assert picture.count("bfseries") == 3
    assert not [line for line in picture_of("C").splitlines() if line.startswith("%")]
    assert "% \\u" not in picture_of("a" * 600000)  # of any length


@pytest.mark.full
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_tikz_compiles_with_any_title(folder):
    pictures = [picture_of(title) for title in (*NAMED, LONG, WHOLE, "\\" * 500, "{$}%^_#&" * 99, "é" * 999)]
    pictures = [picture for picture in pictures if picture is not None]
    assert len(pictures) > 12
    (folder / "a.tex").write_text(latex.document(*pictures))
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "a.tex"],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert f"({len(pictures)} pages".encode() in done.stdout


# -- the command line ------------------------------------------------------------------------------------------------

HOSTILE = "\x1b]0;a\x07 \ufffe\udcff\u202e $\\frac{ 猫"


@pytest.mark.full
@pytest.mark.parametrize("kind", kinds.KINDS)
def test_every_kind_of_figure_with_hostile_and_long_titles(folder, kind):
    arguments = ("--i", 2, "--k", 2, *(() if kind == "same_output" else ("--transpose",)), "--kind", kind)
    good("figure", *arguments, "--title", HOSTILE + WHOLE, "--save", "f.svg")
    assert ET.parse("f.svg").findtext(f"{SVG}title") == printable(HOSTILE + WHOLE)


def test_every_command_that_takes_a_title(folder):
    for title in (HOSTILE, HOSTILE + WHOLE):
        for ending in (".svg", ".html", ".gif"):
            good("animate", "--i", 2, "--k", 2, "--title", title, "--save", f"a{ending}")
        good("explore", "--i", 2, "--k", 2, "--title", title, "--save", "e.html")
        assert Page((folder / "e.html").read_text(encoding="utf-8")).named["description"] == printable(title)
        good("figure", "--i", 2, "--k", 2, "--title", title.replace("猫", ""), "--save", "f.tex")
        assert balanced((folder / "f.tex").read_text(encoding="ascii"))
    stdout = refused("figure", "--i", 2, "--k", 2, "--title", HOSTILE, "--save", "f.tex")
    assert stdout == (
        "convmatrix figure: error: the text has the character '猫' (U+732B), which plain pdflatex has not: leave it out"
    )


def test_a_wide_picture_is_still_refused_for_its_channels():
    message = "^the picture would have 241 parts but at most 99 are drawn: take fewer channels, as one group"
    with pytest.raises(ValueError, match=message):
        film(Conv((4,), 2, in_channels=120, groups=120, out_channels=120), matrix=False)


def test_captions_of_a_page_are_json():
    found = re.search(r"const film = (.*);\n", svg.page(by_hand("a\ud800</script>")))
    assert json.loads(found[1])["captions"] == ["a\ufffd</script>"] * 2


def test_names_of_files_do_not_command_the_terminal(folder):
    stdout = good("explore", "--i", 2, "--k", 2, "--save", "a\x1b[31m\u202e.html")
    assert stdout == f"a\\x1b[31m\\u202e.html: {Conv(2, 2)!r}\n"
    assert good("presets", "sobel").count("\n") == 4  # the lines of an array stay lines
