"""First guesses of new users at the prompt: each works, or gets one line that names what would."""

import pytest

from commandline import good, refused, run
from convmatrix import Conv, ConvTranspose, presets

THE_EXAMPLE = Conv(4, 3)

SHOWN = {
    "show": THE_EXAMPLE,
    "show 4 3": THE_EXAMPLE,
    "show 4x4 3x3": THE_EXAMPLE,
    "show 4,4 3,3": THE_EXAMPLE,
    "show -i 4 -k 3": THE_EXAMPLE,
    "show -i4 -k3": THE_EXAMPLE,
    "show -i=4 -k=3": THE_EXAMPLE,
    "show --i=4 --k=3": THE_EXAMPLE,
    "show --I 4 --K 3": THE_EXAMPLE,
    "show --i 4,4 --k 3,3": THE_EXAMPLE,
    "show 4": THE_EXAMPLE,
    "show -k 2": Conv(4, 2),
    "show --kernel 2": Conv(4, 2),
    "show --kernel-size 2": Conv(4, 2),
    "show --kernel_size 2": Conv(4, 2),
    "show --kernel_size=2": Conv(4, 2),
    "show --input 5": Conv(5, 3),
    "show --input-size 5": Conv(5, 3),
    "show --input_shape 5": Conv(5, 3),
    "show --image-size 5": Conv(5, 3),
    "show -s 2 -p 1": Conv(4, 3, stride=2, padding=1),
    "show 5 3 --stride 2": Conv(5, 3, stride=2),
    "show 5 3 --strides 2": Conv(5, 3, stride=2),
    "show 5 3 --pad 1": Conv(5, 3, padding=1),
    "show 5 3 --pads 1": Conv(5, 3, padding=1),
    "show 5 3 --padding same": Conv(5, 3, padding="same"),
    "show 5 3 --padding valid": Conv(5, 3, padding="valid"),
    "show 5 3 --padding 1 --padding_mode reflect": Conv(5, 3, padding=1, padding_mode="reflect"),
    "show 5 2 -d 2": Conv(5, 2, dilation=2),
    "show 5 2 --dilation-rate 2": Conv(5, 2, dilation=2),
    "show 5 2 --rate 2": Conv(5, 2, dilation=2),
    "show 4 3 --filters 2": Conv(4, 3, out_channels=2),
    "show 4 3 --out_channels 2 --in_channels 2 -g 2": Conv(4, 3, in_channels=2, out_channels=2, groups=2),
    "show 2 3 --transposed": ConvTranspose(2, 3),
    "show 2 3 --trans --output_padding 1 --strides 2": ConvTranspose(2, 3, stride=2, output_padding=1),
    "show padding_strides": presets.setting("padding_strides"),
    "show padding-strides": presets.setting("padding_strides"),
    "show --setting padding_strides": presets.setting("padding_strides"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", SHOWN)
def test_layers_are_shown(line):
    layer = SHOWN[line]
    text = good(*line.split(), "--format", "latex")
    assert text == good(*as_options(layer), "--format", "latex")


def as_options(layer):
    """The command with the names that its help has."""
    fields = {
        "--i": layer.input_size,
        "--k": layer.kernel_size,
        "--s": layer.stride,
        "--d": layer.dilation,
        "--a": layer.input_dilation,
    }
    options = [f"{name}={'x'.join(map(str, value))}" for name, value in fields.items()]
    options.append("--p=" + "x".join(f"{before},{after}" for before, after in layer.padding))
    options += [f"--cin={layer.in_channels}", f"--cout={layer.out_channels}", f"--g={layer.groups}"]
    options.append(f"--mode={layer.padding_mode}")
    if isinstance(layer, ConvTranspose):
        options += ["--transpose", f"--op={'x'.join(map(str, layer.output_padding))}"]
    return "show", *options


WORKS = {
    "": "All commands: convmatrix help",
    "help": "usage: convmatrix",
    "-h": "usage: convmatrix",
    "--help": "usage: convmatrix",
    "help show": "usage: convmatrix show",
    "show -h": "usage: convmatrix show",
    "help figure": "usage: convmatrix figure",
    "--version": "convmatrix 0",
    "size 224 7 -s 2 -p 3": "112",
    "size 5 3": "o=3x3",
    "verify 4 3": "laws hold",
    "frameworks 4 3": "torch",
    "presets": "padding_strides",
    "figure --list": "padding_strides",
}


@pytest.mark.parametrize("line", WORKS)
def test_what_works(line):
    assert WORKS[line] in good(*line.split())


NAMED = {
    "shw": "there is no command 'shw': did you mean show?",
    "shwo 4 3": "there is no command 'shwo': did you mean show?",
    "plot": "there is no command 'plot': did you mean figure?",
    "draw 4 3": "there is no command 'draw': did you mean figure?",
    "gif": "there is no command 'gif': did you mean animate?",
    "animation": "there is no command 'animation': did you mean animate?",
    "list": "there is no command 'list': did you mean presets?",
    "save C.npz": "there is no command 'save': did you mean export?",
    "xyz": "there is no command 'xyz': there are show, size, verify, check, frameworks, figure, animate, explore, "
    "export, presets",
    "4 3": "there is no command '4': there are show, size, verify, check, frameworks, figure, animate, explore, "
    "export, presets",
}


@pytest.mark.parametrize("line", NAMED)
def test_commands_that_are_named(line):
    assert refused(*line.split()) == f"convmatrix: error: {NAMED[line]} (see convmatrix --help)"


SUGGESTED = {
    "show 4 3 --strde 2": "unrecognized arguments: --strde 2; did you mean --stride?",
    "show 4 3 --dialation 2": "unrecognized arguments: --dialation 2; did you mean --dilation?",
    "show 4 3 2": "unrecognized arguments: 4 3 2",
    "show 4 3 --weigth sobel": "unrecognized arguments: --weigth sobel; did you mean --weight?",
    "show 4 3 --p 1,1,1": "argument --p/--padding: '1,1,1' is not a before,after pair; axes are joined by x, as in "
    "1x1x1",
    "show 4 three": "unrecognized arguments: 4 three",
}


@pytest.mark.parametrize("line", SUGGESTED)
def test_options_that_are_named(line):
    assert refused(*line.split()) == f"convmatrix show: error: {SUGGESTED[line]} (see convmatrix show --help)"


def test_suggestions_of_names():
    assert refused("show", "padding_stride").startswith("convmatrix show: error: there is no setting 'padding_stride'")
    assert "did you mean padding_strides" in refused("size", "padding_stride")
    assert refused("show", "--weight", "sobl").endswith("did you mean sobel or sobel_y or sobel_x?")
    assert refused("figure", "padding_strides", "--save", "a.gif") == (
        "convmatrix figure: error: --save a.gif is the name of a film: convmatrix animate writes it"
    )
    assert refused("animate", "padding_strides", "--save", "a.tex") == (
        "convmatrix animate: error: --save a.tex is the name of a still: convmatrix figure writes it"
    )


@pytest.mark.parametrize("command", ["show", "size", "figure", "animate"])
@pytest.mark.parametrize("name", [*presets.settings()][:3])
def test_a_name_of_a_setting_works_in_the_same_place_everywhere(command, name):
    if command in ("figure", "animate"):
        assert refused(command, name, "--save", "a.doc").startswith(f"convmatrix {command}: error: file name 'a.doc'")
    else:
        good(command, name)


@pytest.mark.full
@pytest.mark.parametrize("command", ["show", "size", "figure", "animate"])
@pytest.mark.parametrize("name", presets.settings())
def test_every_preset_through_every_command(command, name):
    code, out, err = run(command, name)
    if command in ("show", "size"):
        assert (code, err) == (0, "")
    if code:  # large ones have no picture
        assert code == 2
        assert err.count("\n") == 1
        assert "Error" not in err
    else:
        assert out


def test_pictures_without_a_name_are_new_files(folder):
    (folder / "padding_strides.svg").write_text("mine")
    for name in ("padding_strides-2.svg", "padding_strides-3.svg"):
        assert good("figure", "padding_strides", "--kind", "matrix").startswith(f"{name}: matrix; Conv(")
    assert good("figure", "2", "2", "--kind", "matrix").startswith("convmatrix.svg: matrix; Conv(")
    assert good("animate", "--i", 2, "--k", 2, "--ndim", 1).startswith("convmatrix.gif: 1 step of 1 s; Conv(")
    assert (folder / "padding_strides.svg").read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == [
        "convmatrix.gif",
        "convmatrix.svg",
        "padding_strides-2.svg",
        "padding_strides-3.svg",
        "padding_strides.svg",
    ]
