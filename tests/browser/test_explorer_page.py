"""The explorer's page in a browser: what lights up, the keyboard, links, errors, and how little a hover changes."""

import numpy as np
import pytest

from convmatrix import Conv, ConvTranspose
from convmatrix.show import explorer
from convmatrix.show.model.palette import rgb, tap_colours
from convmatrix.show.model.scene import Scene

pytestmark = pytest.mark.full

# What is lit: places of the matrix and of the kernel that the veil leaves open, framed places and marks of the maps.
LIT = """() => {
  const root = document.querySelector(".convmatrix-explorer").shadowRoot;
  const board = (name) => root.querySelector(`[data-board=${name}]`);
  const rectangle = /M(-?[\\d.]+) (-?[\\d.]+)h([\\d.]+)v([\\d.]+)/g;
  const corners = (path) => [...(path.getAttribute("d") ?? "").matchAll(rectangle)].map((m) => m.slice(1).map(Number));
  const paths = (name, selector) => [...board(name).querySelectorAll(selector)];
  const open = (name) => corners(paths(name, ".veil")[0]);
  const both = (call) => Object.fromEntries(["input", "output"].map((name) => [name, call(name)]));
  const marks = (name) => paths(name, ".over g path").flatMap((path) => corners(path)
    .map((corner) => [path.getAttribute("stroke"), ...corner]));
  return {
    matrix: open("matrix"), kernel: open("kernel"),
    input: marks("input"), output: marks("output"),
    frames: both((name) => corners(paths(name, ".outline")[0])),
    names: both((name) => paths(name, ".tap").map((text) => text.textContent)),
    sentence: root.querySelector(".sentence").textContent, error: root.querySelector(".error").textContent,
  };
}"""


@pytest.fixture
def opened(new_page, tmp_path):
    """A function that opens the page of a layer, with a link perhaps."""

    def open_layer(layer, weight=None, link="", title=None, **options):
        path = tmp_path / "page.html"
        path.write_text(explorer.page(layer, weight, title=title), encoding="utf-8")
        page = new_page(**options)
        page.goto(path.as_uri() + link)
        return page

    return open_layer


def lit(page):
    return page.evaluate(LIT)


def holes(corners):
    """The places in a veil: its first rectangle is the veil itself, the others are (column, row) in cells."""
    if not corners:
        return None
    (left, top, *_), *cells = corners
    return sorted((round((y - top) / h), round((x - left) / w)) for x, y, w, h in cells)


def hover(page, board, row, col, *, rows, cols, click=False):
    """Point at a place of a board without names at its sides; return what is lit."""
    box = page.locator(f"[data-board={board}]").bounding_box()
    where = (box["x"] + (col + 0.5) * box["width"] / cols, box["y"] + (row + 0.5) * box["height"] / rows)
    (page.mouse.click if click else page.mouse.move)(*where)
    return lit(page)


def point_at_matrix(page, row, col, *, click=False):
    """Point at a cell of the matrix, by where its field begins; -1 is the name at the side."""
    where = page.evaluate(
        """([row, col]) => {
      const area = document.querySelector(".convmatrix-explorer").shadowRoot.querySelector("[data-board=matrix]");
      const field = area.querySelector(".field").getBBox();
      const [rows, cols] = area.closest("figure").textContent.match(/\\d+/g).map(Number);
      const box = area.getBoundingClientRect();
      const at = (n, start, size, count) => (n < 0 ? start / 2 : start + (n + .5) * size / count);
      return [box.left + at(col, field.x, field.width, cols), box.top + at(row, field.y, field.height, rows)];
    }""",
        [row, col],
    )
    (page.mouse.click if click else page.mouse.move)(*where)
    return lit(page)


def fill(page, **fields):
    for name, value in fields.items():
        page.locator(f"[name={name}]").fill(str(value))


def value(page, name):
    return page.locator(f"[name={name}]").input_value()


def colours(marks):
    return sorted(mark[0] for mark in marks if mark[0])


# -- what lights up --------------------------------------------------------------------------------------------------


def test_row_is_a_window(opened):
    page = opened(Conv(4, 3))
    found = point_at_matrix(page, 1, -1)
    assert holes(found["matrix"]) == [(1, col) for col in (1, 2, 3, 5, 6, 7, 9, 10, 11)]
    assert holes(found["kernel"]) == [(row, col) for row in range(3) for col in range(3)]
    assert colours(found["input"]) == sorted(tap_colours((3, 3)))
    assert found["names"]["input"] == [f"w{row}{col}" for row in range(3) for col in range(3)]
    ((_, _, width, height),) = found["frames"]["input"]
    assert width == height == 3 * 38
    assert found["sentence"].startswith("output (0, 1) reads inputs (0, 1), (0, 2), (0, 3), (1, 1)")
    assert found["sentence"].endswith(": row 1 of C")


def test_output_is_its_row(opened):
    page = opened(Conv(4, 3))
    assert hover(page, "output", 0, 1, rows=2, cols=2) == point_at_matrix(page, 1, -1)


def test_column_is_a_stamp(opened):
    page = opened(Conv(4, 3))
    found = point_at_matrix(page, -1, 5)
    assert holes(found["matrix"]) == [(row, 5) for row in range(4)]
    assert holes(found["kernel"]) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert found["names"]["output"] == ["w11", "w10", "w01", "w00"]
    assert found["sentence"] == (
        "input (1, 1) is read by outputs (0, 0), (0, 1), (1, 0), (1, 1): column 5 of C, its stamp in the transposed "
        "convolution"
    )
    assert hover(page, "input", 1, 1, rows=4, cols=4) == found


def test_cell_is_one_read(opened):
    page = opened(Conv(4, 3), np.arange(9).reshape(3, 3) - 4)
    found = point_at_matrix(page, 2, 5)
    assert holes(found["matrix"]) == [(2, 5)]
    assert holes(found["kernel"]) == [(0, 1)]
    assert found["sentence"] == "output (1, 0) reads input (1, 1) through w01 = -3: row 2, column 5 of C"
    found = point_at_matrix(page, 0, 3)
    assert holes(found["matrix"]) == []
    assert found["sentence"] == "output (0, 0) does not read input (0, 3): row 0, column 3 of C is zero"


def test_tap_is_all_its_cells(opened):
    layer = Conv(4, 3, padding=1)
    page = opened(layer)
    found = hover(page, "kernel", 0, 2, rows=3, cols=3)
    scene = Scene(layer)
    cells = [cell for cell in range(layer.nnz) if scene.taps(cell) == [2]]
    assert holes(found["matrix"]) == [(scene.rows[cell], scene.cols[cell]) for cell in cells]
    assert holes(found["kernel"]) == [(0, 2)]
    assert found["sentence"].startswith("w02 stands in 9 of the 100 entries of C: through it outputs (1, 0), (1, 1)")


def test_border_copies_light_up_and_taps_merge(opened):
    page = opened(Conv((4,), 3, padding=1, padding_mode="replicate"))
    found = point_at_matrix(page, 0, 0)
    assert found["sentence"] == "output 0 reads input 0 through w0+w1: row 0, column 0 of C"
    assert holes(found["kernel"]) == [(0, 0), (0, 1)]
    assert colours(found["input"]) == sorted(tap_colours((3,))[:2])
    assert len(point_at_matrix(page, -1, 0)["frames"]["input"]) == 2  # the input and its copy
    assert hover(page, "input", 0, 0, rows=1, cols=6) == point_at_matrix(page, -1, 0)


def test_zeros_are_described(opened):
    page = opened(Conv((3,), 3, padding=1, input_dilation=2))
    assert hover(page, "input", 0, 0, rows=1, cols=7)["sentence"] == "position -1 is padding: a zero"
    assert hover(page, "input", 0, 2, rows=1, cols=7)["sentence"] == "position 1 is a zero that input_dilation inserts"
    assert point_at_matrix(page, 0, -1)["sentence"] == "output 0 reads input 0: row 0 of C; 2 of its taps meet zeros"


def test_transposed(opened):
    up = ConvTranspose(3, 3, stride=2, padding=1, output_padding=1)
    page = opened(up)
    found = point_at_matrix(page, 8, -1)
    assert found["sentence"] == "output (1, 2) adds up what inputs (0, 1), (1, 1) send: row 8 of Cᵀ"
    assert found["names"]["input"] == ["w21", "w01"]
    assert hover(page, "output", 2, 3, rows=8, cols=8) == found  # one place further: there is a crop of 1
    found = point_at_matrix(page, -1, 4)
    assert found["sentence"].startswith("input (1, 1) is stamped onto outputs (1, 1), (1, 2), (1, 3), (2, 1)")
    assert len(found["names"]["output"]) == 9
    assert hover(page, "output", 0, 0, rows=8, cols=8)["sentence"] == "position (-1, -1) is cropped: no output is there"


def test_channels_and_groups(opened):
    layer = Conv(3, 2, in_channels=4, out_channels=2, groups=2)
    page = opened(layer)
    found = point_at_matrix(page, 5, -1)
    matrix = layer.matrix(np.ones(layer.weight_shape))
    assert [col for _, col in holes(found["matrix"])] == matrix.indices[matrix.indptr[5] : matrix.indptr[6]].tolist()
    assert len(found["frames"]["input"]) == 2
    assert found["sentence"].startswith("output (0, 1) of channel 1 reads inputs (0, 1) of channel 2, ")
    assert len(found["names"]["input"]) == 8


def test_a_tap_on_a_place_stays_and_escape_lets_go(opened):
    page = opened(Conv(4, 3), has_touch=True)
    chosen = point_at_matrix(page, 1, -1, click=True)
    point_at_matrix(page, 2, 2)
    page.mouse.move(1, 1)
    assert lit(page) == chosen
    page.keyboard.press("Escape")
    assert holes(lit(page)["matrix"]) is None
    page.locator("[data-board=kernel]").tap()
    assert lit(page)["sentence"].startswith("w11 stands in 4")


# -- settings --------------------------------------------------------------------------------------------------------


def test_numbers_change_everything(opened):
    page = opened(Conv(4, 3))
    fill(page, **{"input_size-0": 5, "stride-0": 2, "padding-0-0": 1, "padding-0-1": 1})
    layer = Conv(5, 3, stride=2, padding=1)
    assert page.locator("figure").last.locator("figcaption span").inner_text() == f"C: 9 x 25, {layer.nnz} entries"
    text = page.locator(".sizes").inner_text()
    assert "convolution: 5 x 5 to 3 x 3" in text
    assert "= floor((5 + 2*1 - 3) / 2) + 1 = 3" in text
    assert "relationship 6" in text
    assert [
        page.locator(f"[data-board={name}]").evaluate("area => area.querySelectorAll('text').length")
        for name in ("input", "kernel", "output", "matrix")
    ] == [49, 9, 9, layer.nnz + 9 + 25]


def test_axes_apart(opened):
    page = opened(Conv(4, 3))
    page.locator("[name=alike]").uncheck()
    fill(page, **{"input_size-1": 6, "padding-1-0": 2})
    page.locator("[name=padding-0]").select_option("same")
    page.locator("[name=padding_mode]").select_option("circular")
    assert (value(page, "padding-0-0"), value(page, "padding-0-1")) == ("1", "1")
    assert page.locator("[name=padding-0-0]").is_disabled()
    assert page.evaluate("location.hash") == "#i=4x6&k=3&p=samex2,0&mode=circular"
    layer = Conv((4, 6), 3, padding=("same", (2, 0)), padding_mode="circular")
    assert f"C: {layer.matrix_shape[0]} x 24, {layer.nnz} entries" in page.locator(".pictures").inner_text()


def test_one_axis_and_back(opened):
    page = opened(Conv((4, 5), 3))
    page.locator("[name=ndim]").select_option("1")
    assert "C: 2 x 4, 6 entries" in page.locator(".pictures").inner_text()
    assert not page.locator("[name=stride-1]").is_visible()
    page.locator("[name=ndim]").select_option("2")
    assert "C: 4 x 16, 36 entries" in page.locator(".pictures").inner_text()
    page.locator("[name=reset]").click()
    assert "C: 6 x 20, 54 entries" in page.locator(".pictures").inner_text()


def test_transposing_keeps_the_matrix(opened):
    conv = Conv(6, 3, stride=2, padding=1)
    page = opened(conv, np.arange(9).reshape(3, 3))
    assert page.locator("[name=output_padding-0]").is_disabled()
    page.locator("[name=transposed]").check()
    assert (value(page, "input_size-0"), value(page, "output_padding-0")) == ("3", "1")
    assert "Cᵀ: 36 x 9" in page.locator(".pictures").inner_text()
    assert "relationship 14" in page.locator(".sizes").inner_text()
    page.locator("[name=transposed]").uncheck()
    assert page.evaluate("location.hash") == "#i=6&k=3&s=2&p=1"


def test_impossible_settings_are_refused_with_python_s_sentence(opened):
    page = opened(Conv(4, 3))
    fill(page, **{"kernel_size-0": 9})
    with pytest.raises(ValueError, match="does not fit") as refused:
        Conv(4, 9)
    assert page.get_by_role("alert").inner_text() == str(refused.value)
    assert "C: 4 x 16" in page.locator(".pictures").inner_text()  # the last that was possible stays
    fill(page, **{"kernel_size-0": ""})
    assert lit(page)["error"] == "kernel_size on axis 0 must be an integer, got ''"
    fill(page, **{"kernel_size-0": 2})
    assert lit(page)["error"] == ""
    assert "C: 9 x 16" in page.locator(".pictures").inner_text()


def test_what_is_too_large_has_sizes_but_no_picture(opened):
    page = opened(Conv(4, 3))
    fill(page, **{"input_size-0": 900})
    assert lit(page)["sentence"].startswith("C is 806404 x 810000, 7257636 entries: too many to draw here")
    assert "convolution: 900 x 900 to 898 x 898" in page.locator(".sizes").inner_text()
    assert not page.locator(".pictures").is_visible()
    fill(page, **{"input_size-0": 4})
    assert page.locator(".pictures").is_visible()


def test_values_only_while_the_kernel_has_the_weight_s_shape(opened):
    page = opened(Conv((4,), 3), np.array([5, 6, 7]))
    assert page.locator("[data-board=kernel] text").all_text_contents() == ["5", "6", "7"]
    fill(page, **{"kernel_size-0": 2})
    assert page.locator("[data-board=kernel] text").all_text_contents() == ["w0", "w1"]


def test_merged_taps_show_the_sum(opened):
    layer = Conv((4,), 3, padding=1, padding_mode="replicate")
    weight = np.array([0.5, 0.25, 1 / 3])
    page = opened(layer, weight)
    scene = Scene(layer, weight)
    texts = page.locator("[data-board=matrix] .base text").all_text_contents()
    assert texts[-layer.nnz :] == [scene.text(cell) for cell in range(layer.nnz)]


# -- links -----------------------------------------------------------------------------------------------------------


def test_link_restores_everything(opened):
    page = opened(Conv(4, 3))
    page.locator("[name=alike]").uncheck()
    fill(page, **{"input_size-0": 5, "stride-1": 2, "padding-0-0": -1, "dilation-1": 1})
    page.locator("[name=padding_mode]").select_option("reflect")
    page.locator("[data-board=matrix]").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    before, link = lit(page), page.evaluate("location.hash")
    assert link == "#i=5x4&k=3&s=1x2&p=-1,0x0&mode=reflect&row=1&col=2"
    again = opened(Conv(4, 3), link=link)
    assert lit(again) == before
    assert [value(again, name) for name in ("input_size-0", "input_size-1", "stride-1", "padding-0-0")] == [
        "5",
        "4",
        "2",
        "-1",
    ]
    again.evaluate("location.hash = '#i=7&k=2&ndim=1&transpose=1&tap=1'")
    again.wait_for_function("document.querySelector('.convmatrix-explorer').shadowRoot.textContent.includes('8 x 7')")
    assert lit(again)["sentence"].startswith("w1 stands in 7 of the 14 entries of Cᵀ")


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("#i=4&k=9", "kernel does not fit on axis 0: it spans 9"),
        ("#i=4&k=3x3x3", "the link gives 3 entries for kernel_size"),
        ("#i=4&k=%3Cimg%20src=y%20onerror=alert(1)%3E", "kernel_size on axis 0 must be an integer, got '<img src=y"),
        ("#i=4&k=3&mode=wrap", "padding_mode 'wrap' is not one of zeros, reflect"),
    ],
)
def test_impossible_links_are_refused(opened, link, message):
    page = opened(Conv((6,), 3), link=link)
    assert lit(page)["error"].startswith(message)
    assert "C: 4 x 6" in page.locator(".pictures").inner_text()  # the page's own layer
    assert page.locator("img").count() == 0


def test_choices_that_a_layer_does_not_have_are_dropped(opened):
    page = opened(Conv(4, 3), link="#i=4&k=3&row=99&tap=9")
    assert lit(page)["sentence"].startswith("Point at a cell")


# -- keyboard and reading aloud --------------------------------------------------------------------------------------


def focused(page):
    return page.evaluate("""() => {
      const node = document.querySelector(".convmatrix-explorer").shadowRoot.activeElement;
      return node && (node.name || node.dataset.board);
    }""")


def test_everything_is_reached_with_tab(opened):
    page = opened(ConvTranspose(4, 3))
    page.locator("[name=alike]").uncheck()
    page.locator("[name=alike]").evaluate("node => node.blur()")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page) and focused(page) not in reached:
            reached.append(focused(page))
    controls = page.locator("input, select, button").evaluate_all("nodes => nodes.map((node) => node.name)")
    assert set(reached) == {*controls, "input", "kernel", "output", "matrix"}


def test_focus_is_seen(opened):
    page = opened(Conv(4, 3))
    page.locator("[name=reset]").focus()
    page.keyboard.press("Tab")
    assert focused(page) == "input"
    style = page.locator("[data-board=input]").evaluate("node => getComputedStyle(node).outlineStyle")
    assert style == "solid"
    assert page.locator("[data-board=input] .cursor").get_attribute("d")
    page.keyboard.press("Tab")
    assert not page.locator("[data-board=input] .cursor").get_attribute("d")


def test_arrows_move_through_the_matrix(opened):
    page = opened(Conv(4, 3))
    page.locator("[data-board=matrix]").focus()
    for keys, row, col in (
        ("ArrowDown", 1, 0),
        ("ArrowRight", 1, 1),
        ("ArrowLeft ArrowLeft", 1, None),
        ("ArrowUp", 0, None),
        ("ArrowUp", 0, None),
        ("End", 0, 15),
        ("ArrowUp", None, 15),
        ("Home", None, 0),
        ("ArrowDown ArrowDown ArrowDown ArrowDown ArrowDown", 3, 0),
    ):
        for key in keys.split():
            page.keyboard.press(key)
        chosen = [f"{name}={number}" for name, number in (("row", row), ("col", col)) if number is not None]
        assert page.evaluate("location.hash").split("&")[2:] == chosen


def test_arrows_move_through_maps_and_kernel(opened):
    page = opened(Conv(4, 3, in_channels=2))
    for board, keys, message in (
        ("input", "ArrowDown PageDown", "input (1, 0) of channel 1"),
        ("kernel", "ArrowRight", "w00.01"),
        ("output", "Enter", "output (0, 0) reads"),
    ):
        page.locator(f"[data-board={board}]").focus()
        for key in keys.split():
            page.keyboard.press(key)
        assert lit(page)["sentence"].startswith(message)


def test_keys_that_are_not_the_page_s_stay_the_browser_s(opened):
    page = opened(Conv(4, 3))
    page.locator("[data-board=matrix]").focus()
    page.evaluate("window.kept = []; addEventListener('keydown', (event) => kept.push(event.defaultPrevented))")
    for key in ("a", "Control+ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    assert page.evaluate("kept").count(True) == 1


def test_the_descriptions_for_a_screen_reader(opened):
    page = opened(Conv(4, 3))
    live = page.locator("[aria-live=polite]")
    assert live.get_attribute("aria-atomic") == "true"
    point_at_matrix(page, 0, 0)
    assert live.inner_text() == "output (0, 0) reads input (0, 0) through w00: row 0, column 0 of C"
    for field in page.locator("input, select, button, [tabindex]").all():
        assert field.get_attribute("aria-label") or field.evaluate("node => node.closest('label') || node.textContent")


def test_reduced_motion_and_dark_mode(opened):
    moving = "node => getComputedStyle(node).transitionDuration"
    assert opened(Conv(4, 3)).locator(".veil").first.evaluate(moving) != "0s"
    assert opened(Conv(4, 3), reduced_motion="reduce").locator(".veil").first.evaluate(moving) == "0s"
    paper = "node => getComputedStyle(node).backgroundColor"
    for scheme, colour in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(22, 25, 29)")):
        assert opened(Conv(4, 3), color_scheme=scheme).locator(".explorer").evaluate(paper) == colour


# -- structure, and what the user writes -------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [Conv(8, 3), Conv((173,), 173, padding="same"), Conv(64, 3, padding=1)])
def test_a_hover_changes_few_nodes(opened, layer):
    page = opened(layer)
    page.evaluate("""() => {
      const root = document.querySelector(".convmatrix-explorer").shadowRoot;
      window.changed = 0;
      new MutationObserver((records) => {
        for (const record of records) changed += Math.max(record.addedNodes.length + record.removedNodes.length, 1);
      }).observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
    }""")
    page.locator("[data-board=matrix]").evaluate("node => node.scrollIntoView()")
    most = 0
    for row, col in ((0, 0), (5, 3), (9, 30), (20, 20)):
        point_at_matrix(page, row, col)
        page.wait_for_timeout(30)
        most = max(most, page.evaluate("changed"))
        page.evaluate("changed = 0")
    assert 0 < most < 60
    nodes = page.evaluate("document.querySelector('.convmatrix-explorer').shadowRoot.querySelectorAll('*').length")
    assert nodes < 1000


def test_non_zeros_only_beyond_30000_places(opened):
    grid = "[data-board=matrix] .grid"
    assert opened(Conv((60,), 3)).locator(grid).count() == 1
    assert opened(Conv((250,), 3)).locator(grid).count() == 0


def test_titles_and_weights_are_text(opened):
    title = "</script><img src=x onerror=alert(1)><b>&amp;"
    page = opened(Conv(4, 3), title=title)
    assert page.locator("h1").inner_text() == title
    assert page.title() == title
    assert page.locator("img, b").count() == 0


def test_readable_without_scripts(opened):
    page = opened(Conv(4, 3), java_script_enabled=False)
    assert page.locator("table tr").count() == 5
    assert page.locator("td[style]").count() == 36
    paper = "node => getComputedStyle(node).backgroundColor"
    assert page.locator("td[style]").first.evaluate(paper) == "rgb({}, {}, {})".format(*rgb(tap_colours((3, 3))[0]))


def test_no_overflow_on_a_narrow_screen(opened):
    for layer in (Conv(4, 3), Conv((4, 5), (3, 2)), ConvTranspose(3, 3, stride=2, in_channels=2)):
        page = opened(layer, viewport={"width": 400, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_larger_cells_have_names(opened):
    page = opened(Conv(8, 3))
    assert page.locator("[data-board=matrix] .base text").count() == 0
    for _ in range(4):
        page.get_by_label("larger cells").click()
    assert page.locator("[data-board=matrix] .base text").count() == 324 + 36 + 64


def test_several_fragments_on_one_page(new_page, tmp_path):
    layers = (Conv(4, 3), Conv((5,), 2))
    path = tmp_path / "several.html"
    path.write_text("<meta charset=utf-8>" + "".join(explorer.fragment(layer) for layer in layers), encoding="utf-8")
    page = new_page()
    page.goto(path.as_uri())
    assert page.locator(".explorer").count() == 2
    page.locator("[name=stride-0]").first.fill("2")
    assert page.evaluate("location.hash") == ""
    assert "C: 4 x 5" in page.locator(".pictures").last.inner_text()
