"""Test that `diagnose` finds conventions that are applied by hand to random data, with results of NumPy alone."""

import itertools
import re

import numpy as np
import pytest
from scipy import signal

from convmatrix.frameworks.comparison.diagnosis import Target, Trial, _edited_trials, conventions, diagnose
from planted_conventions import (
    ONE,
    THREE,
    TWO,
    applies,
    convolved,
    given_data,
    given_weight,
    kwargs_of,
    plant,
    target_of,
    their_arguments,
)

# -- planting and finding --------------------------------------------------------------------------------------------


def check_found(names, config, rng):
    """Check that conventions, or correct fewer ones, are found; return which, or None if they cannot be planted."""
    if not applies(names, config):
        return None
    try:
        x, y, weight = plant(names, config, rng)
    except ValueError:  # an empty result, or pads that crop more than there is
        return None
    if y.size == 0:
        return None
    diagnosis = diagnose(x, y, weight, **kwargs_of(config))
    assert diagnosis.found, (names, config, str(diagnosis))
    lengths = {len(found) for found in diagnosis.found}
    assert len(lengths) == 1
    if lengths == {len(names)}:
        assert names in diagnosis.found, (names, diagnosis.found, config)
        return "found"
    assert lengths < {0, 1, 2}
    assert max(lengths) < len(names), (names, diagnosis.found)
    confirm(diagnosis, x, y, weight, config)
    return "smaller"


def confirm(diagnosis, x, y, weight, config):
    """Check that NumPy's values for each explanation are equal to the target."""
    trial = trial_of(x, y, weight, config)
    for explanation in diagnosis.explanations:
        edited = trial
        for convention in explanation.conventions:
            edited = convention.edit(edited)
        assert agrees(edited)


def trial_of(x, y, weight, config):
    arguments = kwargs_of(config)
    ndim, transpose = arguments.pop("ndim"), arguments.pop("transpose")
    arguments["input_dilation"] = (1,) * ndim
    return Trial(x, Target(y), weight, tuple(arguments.items()), ndim, transpose)


def agrees(trial):
    """Return whether NumPy's values for an edited trial are equal to the target."""
    arguments = {"output_padding": (0,) * trial.ndim, **dict(trial.arguments), "transpose": trial.transpose}
    if arguments["output_padding"] == 0:
        arguments["output_padding"] = (0,) * trial.ndim
    try:
        result = target_of(trial.x, trial.weight, arguments)
    except ValueError:
        return False
    return np.array_equal(result, trial.target.array) and not any(part.any() for part in trial.target.zeros)


# -- every convention, and every two of them -------------------------------------------------------------------------


def names_of(ndim):
    return [convention.name for convention in conventions(ndim)]


def pairs_of(ndim):
    return [
        tuple(one.name for one in pair)
        for pair in itertools.combinations(conventions(ndim), 2)
        if not pair[0].slots & pair[1].slots
    ]


@pytest.mark.full
@pytest.mark.parametrize(("ndim", "configs"), [(1, ONE), (2, TWO), (3, THREE)])
def test_every_convention_is_found(ndim, configs):
    rng = np.random.default_rng(ndim)
    found_names = set()
    for name, config in itertools.product(names_of(ndim), configs):
        if check_found((name,), config, rng) == "found":
            found_names.add(name)
    assert found_names == set(names_of(ndim))


def check_pairs(ndim, configs, pairs, seed):
    """Check pairs on the first configuration to which they apply; return pairs that never apply, and counts."""
    rng = np.random.default_rng(seed)
    never, counts = [], {"found": 0, "smaller": 0}
    for number, pair in enumerate(pairs):
        outcomes = set()
        for step in range(len(configs)):
            outcome = check_found(pair, configs[(number + step) % len(configs)], rng)
            if outcome:
                counts[outcome] += 1
                outcomes.add(outcome)
            if outcome == "found":
                break
        if not outcomes:
            never.append(pair)
    return never, counts


def is_impossible(pair):
    """Return whether two conventions exclude each other, so that no configuration shows both."""
    depthwise = any(re.fullmatch("weight_(.*IM|IM.*|.*MI|MI.*)", name) for name in pair)
    for_transposed = {"output_padding_first", "output_padding_zeros", "pads_of_dilated_input"} & set(pair)
    return (
        (depthwise and (for_transposed or "input_channels_interleaved" in pair))
        or {"pads_swapped", "pads_of_dilated_input"} == set(pair)
        or (depthwise and "padding_mode_zeros" in pair)  # in these configurations
        or ("padding_mode_zeros" in pair and for_transposed)
    )


def check_share(ndim, configs, pairs, seed):
    never, counts = check_pairs(ndim, configs, pairs, seed)
    assert all(is_impossible(pair) for pair in never), never
    assert counts["found"] > 0.75 * len(pairs), counts


@pytest.mark.full
@pytest.mark.parametrize("part", range(3))
def test_every_two_conventions_on_one_axis_are_found(part):
    check_share(1, ONE, pairs_of(1)[part::3], 10 + part)


@pytest.mark.full
@pytest.mark.parametrize("part", range(14))
def test_every_two_conventions_on_two_axes_are_found(part):
    check_share(2, TWO, pairs_of(2)[part::14], 20 + part)


@pytest.mark.full
def test_more_conventions_by_twos_on_three_axes_are_found():
    check_share(3, THREE, pairs_of(3)[::20] + pairs_of(3)[2::60], 50)


@pytest.mark.parametrize(
    "name", ["", "kernel_flipped", "channels_swapped", "pads_swapped", "shift_axis_1_by_1", "data_channels_last"]
)
def test_conventions_are_found_where_zeros_stand_between_the_inputs(name):
    rng, config, spread = np.random.default_rng(3), TWO[0], (2, 3)
    weight = rng.integers(-99, 100, (*config["channels"], *config["kernel"])).astype(float)
    x = rng.integers(-99, 100, (2, config["channels"][1], 4, 3)).astype(float)
    dilated = np.zeros((*x.shape[:2], 3 * spread[0] + 1, 2 * spread[1] + 1))
    dilated[..., :: spread[0], :: spread[1]] = x
    y = target_of(dilated, weight, their_arguments(name, config["arguments"], config["kernel"]))
    weight = given_weight(name, weight, config["arguments"], False)
    x, y = (given_data(kind, name, array, 1, 2) for kind, array in (("x", x), ("y", y)))
    diagnosis = diagnose(x, y, weight, **kwargs_of(config), input_dilation=spread)
    assert diagnosis.found == (((name,) if name else ()),)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3))
def test_nothing_smaller_is_missed(seed):
    """Check with NumPy that no single convention explains y where pairs are found, and no other pair."""
    rng = np.random.default_rng(seed)
    pairs = pairs_of(1)
    count = 0
    while count < 8:
        pair, config = pairs[rng.integers(len(pairs))], ONE[rng.integers(len(ONE))]
        if check_found(pair, config, np.random.default_rng(count)) != "found":
            continue
        x, y, weight = plant(pair, config, np.random.default_rng(count))
        diagnosis, trial = diagnose(x, y, weight, **kwargs_of(config)), trial_of(x, y, weight, config)
        for size in (0, 1):
            assert not any(agrees(edited) for _, edited in _edited_trials(trial, conventions(1), size))
        edits = _edited_trials(trial, conventions(1), 2)
        pairs_found = {tuple(one.name for one in selection) for selection, edited in edits if agrees(edited)}
        assert pairs_found == set(diagnosis.found)
        confirm(diagnosis, x, y, weight, config)
        count += 1


# -- nothing explains it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [*ONE, *TWO[:3]])
def test_what_no_convention_explains(config):
    rng = np.random.default_rng(5)
    x, y, weight = plant((), config, rng)
    assert diagnose(x, y, weight, **kwargs_of(config)).found == ((),)
    diagnosis = diagnose(x, rng.integers(-99, 100, y.shape), weight, **kwargs_of(config))
    assert (diagnosis.found, diagnosis.ambiguous) == ((), False)
    place = tuple(int(rng.integers(n)) for n in y.shape)
    y[place] += 1
    one = diagnose(x, y, weight, **kwargs_of(config))
    assert one.found == ()
    assert f"our values differ in 1 of {y.size} values, most at (batch, channel, *place) = {place}" in one.reason


def test_the_sentence_where_nothing_is_found():
    diagnosis = diagnose([1, 2, 4], [6, 11], [1, 2])
    assert str(diagnosis) == (
        f"none of {len(conventions(1))} conventions, and no 2 of them together, explains y: our values "
        "differ in 2 of 2 values, most at (batch, channel, *place) = (0, 0, 0), where ours is 5 and y is 6"
    )
    assert "none of 35 conventions explains y" in diagnose([1, 2, 4], [6, 11], [1, 2], most=1).reason


@pytest.mark.parametrize(
    ("shapes", "kwargs", "sentence"),
    [
        (
            ((5,), (4,), (3,)),
            {},
            "y has shape (4,) but the arguments give (..., *(1, 3)) for x of shape (5,) and weight of "
            "shape (3,), and no convention gives y's shape: look at stride, padding, dilation and the output "
            "size first",
        ),
        (
            ((5,), (4,), (7,)),
            {},
            "the arguments make no layer of x of shape (5,) and weight of shape (7,): kernel does not "
            "fit on axis 0: it spans 7",
        ),
        (
            ((2, 5), (4, 5), (4, 3, 3)),
            {"padding": 1},
            "x of shape (2, 5) and weight of shape (4, 3, 3) do not belong "
            "together: the arguments need 3 input channels, x of shape (..., *(3, 5)), and no convention changes that",
        ),
        (
            ((3, 5), (4, 5), (4, 3, 3)),
            {"padding": 1, "bias": [1, 2]},
            "bias has 2 entries but the arguments give 4 output "
            "channels for x of shape (3, 5) and weight of shape (4, 3, 3): give one number for each",
        ),
        (((5, 4), (9, 4), (9, 5, 3)), {}, "y has shape (9, 4) but the arguments give (..., *(9, 2)) for x"),
    ],
)
def test_shapes_that_nothing_explains(shapes, kwargs, sentence):
    rng = np.random.default_rng(1)
    diagnosis = diagnose(*(rng.integers(-9, 9, shape) for shape in shapes), **kwargs)
    assert diagnosis.found == ()
    assert diagnosis.reason.startswith(sentence), diagnosis.reason


def test_only_another_convention_has_their_shape():
    """Test a y whose shape only channels last gives, with other values."""
    rng = np.random.default_rng(1)
    diagnosis = diagnose(rng.integers(-9, 9, (5, 3)), rng.integers(-9, 9, (3, 4)), rng.integers(-9, 9, (4, 3, 3)))
    assert "without any, y of shape (3, 4) is not of the shape that the arguments give for x of shape (5, 3)" in str(
        diagnosis
    )


# -- ambiguous data --------------------------------------------------------------------------------------------------


def test_a_symmetric_kernel_cannot_tell():
    rng = np.random.default_rng(2)
    kernel = [[1, 2, 1], [2, 7, 2], [1, 2, 1]]
    x = rng.integers(-99, 100, (6, 6))
    diagnosis = diagnose(x, signal.convolve2d(x, kernel, "valid"), kernel)
    assert diagnosis.found == ((),)
    assert diagnosis.ambiguous
    assert str(diagnosis).startswith(
        "none needed: our values are equal to y already (exact in all values). But kernel_flipped, "
    )
    assert str(diagnosis).endswith(
        "would not show in these data: these data cannot tell them apart, since with this weight "
        "(its symmetry) they are one and the same map: repeat with a weight of random "
        "numbers."
    )
    kernel = np.array([[1, 2, 1], [3, 7, 3], [0, 2, 0]])  # symmetric along axis 1
    diagnosis = diagnose(x, signal.convolve2d(x, kernel, "valid"), kernel)
    assert diagnosis.found == (("kernel_flipped",), ("kernel_flipped_on_axis_0",))
    assert diagnosis.ambiguous
    assert "2 answers of 1 convention explain y (exact in all values):\n- kernel_flipped: " in str(diagnosis)
    assert "since with this weight (its symmetry) they are one and the same map" in str(diagnosis)


def test_a_constant_input_cannot_tell():
    weight = np.random.default_rng(2).integers(-99, 100, (2, 1, 3, 3))
    diagnosis = diagnose(np.ones((5, 5)), weight.sum((1, 2, 3))[:, None, None] * np.ones((3, 3)), weight)
    assert diagnosis.found == ((),)
    assert diagnosis.ambiguous
    assert "kernel_flipped" in str(diagnosis)
    assert "since this x (constant, or symmetric) shows no difference: repeat with an x of random numbers." in str(
        diagnosis
    )


def test_two_names_of_one_map_are_no_ambiguity():
    """Test a convolution that keeps the size: with a flipped kernel it is its own transpose."""
    rng = np.random.default_rng(3)
    x, kernel = rng.integers(-99, 100, 7), rng.integers(-99, 100, 3)
    diagnosis = diagnose(x, np.convolve(x, kernel, "same"), kernel, padding=1)
    assert diagnosis.found == (("kernel_flipped",), ("other_direction",))
    assert not diagnosis.ambiguous
    assert str(diagnosis).endswith("they are one and the same map, described differently.")


# -- floats, biases, shapes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64"])
def test_floats_up_to_their_rounding(dtype):
    rng = np.random.default_rng(4)
    x, kernel = rng.normal(size=(12, 11)).astype(dtype), rng.normal(size=(3, 2)).astype(dtype)
    if dtype == "complex64":
        kernel = (kernel * (1 + 2j)).astype(dtype)
    y = signal.convolve2d(x.astype(complex), kernel.astype(complex), "valid")
    y = (y if dtype == "complex64" else y.real).astype(dtype)
    diagnosis = diagnose(x, y, kernel)
    assert diagnosis.found == (("kernel_flipped",),)
    assert "largest deviation" in str(diagnosis)
    assert 0 <= diagnosis.explanations[0].deviation < 100 * np.finfo(dtype).eps
    y[3, 4] += np.asarray(1000 * np.finfo(dtype).eps if dtype != "float16" else 1, dtype)
    assert diagnose(x, y, kernel).found == ()


def test_by_scipy():
    """Test against scipy.signal, which flips the kernel and has other borders."""
    rng = np.random.default_rng(6)
    x, kernel = rng.integers(-99, 100, (7, 8)), rng.integers(-99, 100, (3, 3))
    assert diagnose(x, signal.correlate2d(x, kernel, "valid"), kernel).found == ((),)
    assert diagnose(x, signal.convolve2d(x, kernel, "same"), kernel, padding=1).found[0] == ("kernel_flipped",)
    circular = signal.convolve2d(x, kernel, "same", boundary="wrap")
    assert ("kernel_flipped", "padding_mode_circular") in diagnose(x, circular, kernel, padding=1).found
    symmetric = signal.correlate2d(x, kernel, "same", boundary="symm")
    assert diagnose(x, symmetric, kernel, padding=1).found == (("padding_mode_replicate",), ("padding_mode_symmetric",))
    assert diagnose(x, signal.convolve2d(x.T, kernel, "valid").T, kernel).found[0] == (
        "kernel_axes_0_1_swapped",
        "kernel_flipped",
    )


def test_biases_batches_and_flat_results():
    rng = np.random.default_rng(7)
    x, weight, bias = rng.integers(-9, 9, (2, 3, 7)), rng.integers(-9, 9, (4, 3, 3)), np.array([1, 20, 300, 4000])
    arguments = {"stride": (1,), "padding": ((0, 0),), "dilation": (1,), "groups": 1, "padding_mode": "zeros"}
    y = convolved(x, weight[:, :, ::-1], arguments) + bias[:, None]
    for target in (y, y.reshape(2, -1), y.ravel()):
        assert diagnose(x, target, weight, bias=bias).found == (("kernel_flipped",),)
    last = np.moveaxis(y, 1, -1)
    assert diagnose(x, last.ravel(), weight, bias=bias).found == (("y_flattened_channels_last", "kernel_flipped"),)
    assert diagnose(x[0], y[0], weight, bias=bias).found == (("kernel_flipped",),)
    diagnosis = diagnose(np.moveaxis(x, 1, -1), last, weight.transpose(2, 1, 0)[::-1], bias=bias, most=3)
    assert diagnosis.found == (("data_channels_last", "weight_WIO"),)
    assert diagnosis.explanations[0].layer.output_shape == (4, 5)
    three = diagnose(np.moveaxis(x, 1, -1), last, weight.transpose(2, 1, 0), bias=bias, most=3)
    assert three.found == (("data_channels_last", "weight_WIO", "kernel_flipped"),)


def test_layers_of_a_size_that_is_used():
    """Test that 3 to 64 channels of 112 x 112 take seconds."""
    rng = np.random.default_rng(8)
    x, weight = (rng.normal(size=shape).astype("float32") for shape in ((3, 112, 112), (64, 3, 3, 3)))
    arguments = {
        "stride": (2, 2),
        "padding": ((0, 1), (0, 1)),
        "dilation": (1, 1),
        "groups": 1,
        "padding_mode": "zeros",
    }
    y = convolved(x[None], weight, arguments).astype("float32")
    assert diagnose(x, y, weight, stride=2, padding=((1, 0), (1, 0))).found[0] == ("pads_swapped",)


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrays", "kwargs", "message"),
    [
        (([], [1], [1]), {}, "x has shape (0,): give an array with at least one spatial axis and one value"),
        (([1], 2, [1]), {}, "y has shape (): give an array with at least one spatial axis and one value"),
        (
            ([1], [np.nan, np.inf], [1]),
            {},
            "y has 2 values that are not finite, the first at (0,): nothing can be compared with them",
        ),
        (
            ([1], [1], ["a"]),
            {},
            "weight has dtype <U1, which holds no numbers of NumPy's: cast it with .astype('float64')",
        ),
        (([1], [1], [1]), {"most": -1}, "most must be at least 0, got -1"),
        (
            ([1], [1], [1]),
            {"padding_mode": "wrap"},
            "padding_mode 'wrap' is not one of zeros, reflect, replicate, "
            "circular, symmetric: did you mean 'circular'?",
        ),
        (
            ([1], [1], [1]),
            {"output_padding": 1},
            "output_padding=1 needs transpose=True: a convolution has only one output size",
        ),
        (
            ([1], [1], [1]),
            {"output_size": 3},
            "output_size=3 needs transpose=True: a convolution has only one output size",
        ),
        (
            ([[1]], [1], [1]),
            {"ndim": 3},
            "x has shape (1, 1) and weight (1,), which do not have 3 spatial axes: x "
            "needs (batch, channels, *size), (channels, *size) or (*size), the weight two axes of channels and the "
            "kernel's, or the kernel's alone; say ndim= where there are others",
        ),
        (([1], [1], [1]), {"stride": 0}, "stride on axis 0 must be at least 1, got 0"),
        (([1], [1], [1]), {"groups": 0}, "groups must be at least 1, got 0"),
        (([1], [1], [1]), {"transpose": 1}, "transpose must be True or False, got 1 (int)"),
    ],
)
def test_errors(arrays, kwargs, message):
    with pytest.raises(ValueError, match=re.escape(message) + "$"):
        diagnose(*arrays, **kwargs)
