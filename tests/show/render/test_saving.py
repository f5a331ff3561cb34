"""Files of pictures on matplotlib: text as text or outlines, and grounds of each theme or none."""

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from convmatrix import Conv
from convmatrix.show import plot
from convmatrix.show.model.palette import THEMES, rgb
from convmatrix.show.model.style import Style, style
from convmatrix.show.render.saving import rendered
from selection import some

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return ["".join("".join(element.itertext()).split()) for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_text_is_outlines_or_text():
    layer = Conv((4,), 3)
    drawn = {
        text: rendered(lambda text=text: plot.linked(layer, style=Style(text=text)), "svg", title="C")["svg"]
        for text in ("paths", "text")
    }
    assert texts(drawn["paths"]) == []
    shown = texts(drawn["text"])
    assert shown.count("w0") == 1 + 2  # in the kernel, and in each row
    assert drawn["paths"] == rendered(lambda: plot.linked(layer), "svg", title="C")["svg"]
    with style(text="text"):
        assert rendered(lambda: plot.linked(layer), "svg", title="C")["svg"] == drawn["text"]


@pytest.mark.parametrize("theme", some(THEMES, "dark"))
@pytest.mark.parametrize("draw", some([plot.linked, plot.matrix], plot.matrix))
def test_grounds(theme, draw):
    coloured, clear = (
        rendered(
            lambda ground=ground: draw(Conv(4, 3), style=Style(theme=theme, ground=ground)), "png", "svg", title="C"
        )
        for ground in ("colour", "transparent")
    )
    pixels = [np.asarray(Image.open(io.BytesIO(each["png"])).convert("RGBA")) for each in (coloured, clear)]
    assert tuple(pixels[0][0, 0]) == (*rgb(THEMES[theme].ground), 255)
    assert (pixels[0][..., 3] == 255).all()
    assert pixels[1][0, 0, 3] == 0
    assert 0.2 < (pixels[1][..., 3] == 0).mean() < 0.9
    opaque = pixels[1][..., 3] == 255
    np.testing.assert_array_equal(pixels[0][opaque], pixels[1][opaque])
    grounds = [ET.fromstring(each["svg"]).find(f".//{SVG}g[@id='patch_1']/{SVG}path") for each in (coloured, clear)]
    assert f"fill: {THEMES[theme].ground}" in grounds[0].get("style")
    assert f"fill: {THEMES[theme].ground}" not in ("" if grounds[1] is None else grounds[1].get("style"))
