"""What a layer shows of itself: in notebooks, as a picture and as text, however it came to be."""

import copy
import inspect
import pickle
import pydoc
import re
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

import convmatrix
from commandline import run
from convmatrix import AvgPool, Conv, ConvTranspose, MaxPool, Upsample, display
from convmatrix.core.displays import displays
from convmatrix.show import plot
from convmatrix.show.render import card

LAYERS = [Conv(4, 3), Conv((5,), 2, padding=1), ConvTranspose(2, 3, stride=2)]


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("layer", [*LAYERS, AvgPool(4, 2), AvgPool(4, 2).T, MaxPool(4, 2), Upsample(3, scale=2)])
def test_a_notebook_shows_the_card(layer):
    assert layer._repr_html_() == card.html(layer)
    for other in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other._repr_html_() == layer._repr_html_()
    assert repr(layer).startswith(f"{type(layer).__name__}(")


def test_ipython_takes_the_card_and_keeps_the_text():
    formatters = pytest.importorskip("IPython.core.formatters")
    bundle, _ = formatters.DisplayFormatter().format(Conv(4, 3))
    assert bundle == {"text/plain": "Conv(input_size=(4, 4), kernel_size=(3, 3))", "text/html": card.html(Conv(4, 3))}


@pytest.mark.parametrize("layer", LAYERS)
def test_plot_is_the_linked_picture(layer):
    weight, x = np.arange(layer.weight_shape[-1] ** layer.ndim).reshape(layer.kernel_size), np.ones(layer.input_size)
    drawn, wanted = layer.plot(weight, x, step=1, title="A"), plot.linked(layer, weight, x, step=1, title="A")
    assert drawn.alt == wanted.alt
    assert [text.get_text() for text in drawn.texts] == [text.get_text() for text in wanted.texts]
    axes = plt.figure().add_subplot()
    assert layer.plot(ax=axes) is axes
    assert isinstance(layer.plot(), Axes)


def test_what_cannot_be_plotted_is_an_error():
    with pytest.raises(ValueError, match=r"^the matrix has 784 x 784 places but at most 512 x 512 are drawn"):
        Conv(28, 3, padding=1).plot()


@pytest.mark.parametrize(
    ("layer", "arguments"),
    [
        (Conv(4, 3), "show --i 4 --k 3"),
        (Conv((6, 5), 3, stride=2, padding=1), "show --i 6x5 --k 3 --s 2 --p 1"),
        (ConvTranspose(2, 3), "show --i 2 --k 3 --transpose"),
        (Conv(64, 3), "show --i 64 --k 3"),
    ],
)
def test_show_prints_what_the_command_prints(layer, arguments, capsys):
    layer.show()
    printed = capsys.readouterr()
    assert printed.out == run(*arguments.split()).out
    assert printed.err == ""


def test_show_with_a_weight(capsys):
    Conv((3,), 2).show([5, 7])
    assert re.search(r"y₀ *│ +5 +7 +· +│", capsys.readouterr().out)
    with pytest.raises(ValueError, match=r"^weight has shape \(3,\) but"):
        Conv((3,), 2).show([1, 2, 3])
    assert capsys.readouterr().out == ""


def test_they_are_methods_with_help():
    for name in ("plot", "show", "pattern"):
        assert name in dir(Conv(4, 3))
        assert inspect.getdoc(getattr(Conv, name))
        assert f" {name}(self" in pydoc.render_doc(Conv, renderer=pydoc.plaintext)
    assert displays() is display
    assert dir(display) == display.__all__


@pytest.mark.parametrize("module", ["convmatrix.layers", "convmatrix.layers.convolution"])
def test_layers_alone_have_them_and_import_nothing_above(module):
    program = (
        f"import sys; from {module} import Conv; layer = Conv(4, 3); above = ('cli', 'display', 'show', 'algebra'); "
        "print([name for name in above if f'convmatrix.{name}' in sys.modules]); "
        "print(layer._repr_html_()[:28]); print('matplotlib' in sys.modules, 'convmatrix.cli' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", '<div class="convmatrix-layer', "False False"]


def test_importing_the_package_imports_three_small_modules():
    program = "import sys, convmatrix; print(*sorted(name for name in sys.modules if name.startswith('convmatrix')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["convmatrix", "convmatrix.core", "convmatrix.core.displays", "convmatrix.core.lazy"]
    assert convmatrix.__dir__() == convmatrix.__all__
