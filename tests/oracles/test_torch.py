"""PyTorch computes the same layers, in exact integers: functions, modules with every padding mode, and errors."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from convmatrix import Conv, ConvTranspose
from recipes import run_recipe
from strategies import BORDERS, convs, covers, integers, seeds, share, transposes

torch = pytest.importorskip("torch")
torch.set_num_threads(1)
functional = torch.nn.functional

CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
TRANSPOSE = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
MODULE = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}
TRANSPOSE_MODULE = {1: torch.nn.ConvTranspose1d, 2: torch.nn.ConvTranspose2d, 3: torch.nn.ConvTranspose3d}
TORCH_MODES = ("zeros", "reflect", "replicate", "circular")


def tensor(array):
    """Convert to doubles, in which the integers of the tests are exact."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))


def by_matrix(layer, x, weight):
    """Apply the matrix to a batch."""
    return layer.unvec(layer.matrix(weight) @ layer.vec(x))


def is_symmetric(layer):
    """Check whether each axis has one padding of at least 0 for both ends, as torch's layers need."""
    return all(before == after >= 0 for before, after in layer.padding)


def for_pad(pairs):
    """Return the pads as torch.nn.functional.pad takes them: last axis first."""
    return list(itertools.chain.from_iterable(reversed(pairs)))


def padded(x, pairs):
    """Pad with zeros, then crop; torch's own pad refuses a crop of more than there was before."""
    x = functional.pad(x, for_pad([(max(before, 0), max(after, 0)) for before, after in pairs]))
    crops = [slice(max(-before, 0), n - max(-after, 0)) for n, (before, after) in zip(x.shape[2:], pairs, strict=True)]
    return x[(..., *crops)]


@given(layer=convs(modes=("zeros",), ndims=(1, 2, 3), spread=False), seed=seeds())
@covers(without=(*BORDERS, "indl"))
def test_convolution(layer, seed):
    x, weight = integers((2, *layer.input_shape), seed), integers(layer.weight_shape, seed + 1)
    if is_symmetric(layer):
        source, padding = tensor(x), [before for before, _ in layer.padding]
    else:
        source, padding = padded(tensor(x), layer.padding), 0
    keywords = {"stride": layer.stride, "dilation": layer.dilation, "groups": layer.groups}
    y = CONV[layer.ndim](source, tensor(weight), padding=padding, **keywords)
    assert_array_equal(by_matrix(layer, x, weight), y.numpy())


@given(layer=convs(modes=("zeros",), ndims=(1, 2, 3)), seed=seeds())
@covers(without=BORDERS)
def test_the_gradient_is_the_transposed_layer(layer, seed):
    """Insert zeros beforehand, since torch's convolution has no input dilation."""
    x, weight = integers((2, *layer.input_shape), seed), integers(layer.weight_shape, seed + 1)
    x_, weight_ = tensor(x).requires_grad_(), tensor(weight)
    spread = torch.zeros(2, layer.in_channels, *(axis.dilated_size for axis in layer.axes), dtype=torch.float64)
    spread[(..., *(slice(None, None, a) for a in layer.input_dilation))] = x_
    source = padded(spread, layer.padding)
    y = CONV[layer.ndim](source, weight_, stride=layer.stride, dilation=layer.dilation, groups=layer.groups)
    assert_array_equal(by_matrix(layer, x, weight), y.detach().numpy())
    stamps = integers(y.shape, seed + 2)
    (gradient,) = torch.autograd.grad(y, x_, tensor(stamps))
    assert_array_equal(by_matrix(layer.T, stamps, weight), gradient.numpy())


@given(layer=transposes(modes=("zeros",), ndims=(1, 2, 3), spread=False), seed=seeds())
@covers(without=(*BORDERS, "indl"))
def test_transposed_convolution(layer, seed):
    """Crop or pad afterwards, since torch crops by one number for each axis."""
    y, weight = integers((2, *layer.input_shape), seed), integers(layer.weight_shape, seed + 1)
    padding = [before for before, _ in layer.padding] if is_symmetric(layer) else [0] * layer.ndim
    x = TRANSPOSE[layer.ndim](
        tensor(y),
        tensor(weight),
        stride=layer.stride,
        padding=padding,
        dilation=layer.dilation,
        output_padding=layer.output_padding,
        groups=layer.groups,
    )
    if not is_symmetric(layer):
        x = padded(x, [(-before, -after) for before, after in layer.padding])
    assert_array_equal(by_matrix(layer, y, weight), x.numpy())


@st.composite
def module_layers(draw, mode):
    """Draw a layer that torch's modules accept: one pad for each axis, bounded by the input for two border modes."""
    ndim = draw(st.integers(1, 3))
    groups, per_in, per_out = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    axes = []
    for _ in range(ndim):
        size = draw(st.integers(1, 7 - ndim))
        most = {"reflect": size - 1, "circular": size}.get(mode, 4)
        pad = draw(st.integers(0, min(most, 4)))
        dilation = draw(st.integers(1, 3))
        kernel = draw(st.integers(1, min((size + 2 * pad - 1) // dilation + 1, 4)))
        axes.append((size, kernel, draw(st.integers(1, 3)), pad, dilation))
    names = ("input_size", "kernel_size", "stride", "padding", "dilation")
    return Conv(
        **dict(zip(names, zip(*axes, strict=True), strict=True)),
        padding_mode=mode,
        groups=groups,
        in_channels=groups * per_in,
        out_channels=groups * per_out,
    )


def module_of(layer, weight, padding):
    module = MODULE[layer.ndim](
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        stride=layer.stride,
        padding=padding,
        dilation=layer.dilation,
        groups=layer.groups,
        padding_mode=layer.padding_mode,
        dtype=torch.float64,
    )
    assert tuple(module.weight.shape) == layer.weight_shape
    module.weight.data = tensor(weight)
    return module


@pytest.mark.parametrize("mode", TORCH_MODES)
@given(data=st.data(), seed=seeds())
@share(0.4)
def test_modules_with_every_padding_mode_and_a_bias(mode, data, seed):
    layer = data.draw(module_layers(mode))
    x, weight = integers((2, *layer.input_shape), seed), integers(layer.weight_shape, seed + 1)
    bias = integers(layer.out_channels, seed + 2)
    module = module_of(layer, weight, [before for before, _ in layer.padding])
    module.bias.data = tensor(bias)
    y = layer.unvec(layer.matrix(weight) @ layer.vec(x) + layer.bias_vector(bias)[:, None])
    assert_array_equal(y, module(tensor(x)).detach().numpy())


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("mode", TORCH_MODES)
@given(data=st.data(), seed=seeds())
@share(0.2)
def test_modules_with_padding_same(mode, data, seed):
    ndim = data.draw(st.integers(1, 3))
    kernel, dilation = (tuple(data.draw(st.integers(1, 4 - ndim // 2)) for _ in range(ndim)) for _ in range(2))
    size = tuple(d * (k - 1) + 1 + data.draw(st.integers(0, 2)) for k, d in zip(kernel, dilation, strict=True))
    layer = Conv(size, kernel, dilation=dilation, padding="same", padding_mode=mode, out_channels=2)
    x, weight = integers((2, *layer.input_shape), seed), integers(layer.weight_shape, seed + 1)
    module = module_of(layer, weight, "same")
    module.bias.data.zero_()
    assert_array_equal(by_matrix(layer, x, weight), module(tensor(x)).detach().numpy())


@pytest.mark.parametrize("mode", TORCH_MODES[1:])
@given(data=st.data(), seed=seeds())
@share(0.2)
def test_asymmetric_borders_are_torchs_pad(mode, data, seed):
    ndim = data.draw(st.integers(1, 3))
    size = tuple(data.draw(st.integers(2, 5)) for _ in range(ndim))
    pads = tuple(tuple(data.draw(st.integers(0, n - (mode == "reflect"))) for _ in range(2)) for n in size)
    layer = Conv(size, 2, padding=pads, padding_mode=mode)
    x, weight = integers((2, *layer.input_shape), seed), integers(layer.weight_shape, seed + 1)
    y = CONV[ndim](functional.pad(tensor(x), for_pad(pads), mode=mode), tensor(weight))
    assert_array_equal(by_matrix(layer, x, weight), y.numpy())


# -- errors --------------------------------------------------------------------------------------------------------


def accepted(make):
    """Check whether a call raises no error."""
    try:
        make()
    except (ValueError, RuntimeError):
        return False
    return True


def test_both_accept_the_same_kernels():
    for n, k, s, p, d in itertools.product((1, 2, 4), (1, 2, 3), (1, 2), (0, 1), (1, 2, 3)):
        result = accepted(lambda: Conv((n,), k, stride=s, padding=p, dilation=d))  # noqa: B023
        expected = accepted(lambda: CONV[1](torch.ones(1, 1, n), torch.ones(1, 1, k), stride=s, padding=p, dilation=d))  # noqa: B023
        assert result == expected == (d * (k - 1) + 1 <= n + 2 * p)


def test_both_accept_the_same_output_paddings():
    for i, k, s, p, d, op in itertools.product((1, 3), (1, 2, 3), (1, 2, 3), (0, 1, 3), (1, 2, 3), range(4)):
        keywords = {"stride": s, "padding": p, "dilation": d, "output_padding": op}
        result = accepted(lambda: ConvTranspose((i,), k, **keywords))  # noqa: B023
        expected = accepted(lambda: TRANSPOSE[1](torch.ones(1, 1, i), torch.ones(1, 1, k), **keywords))  # noqa: B023
        assert result == expected


def test_both_accept_the_same_groups():
    for c_in, c_out, groups in itertools.product(range(1, 5), range(1, 5), range(1, 5)):
        result = accepted(lambda: Conv(3, 2, in_channels=c_in, out_channels=c_out, groups=groups))  # noqa: B023
        expected = accepted(lambda: torch.nn.Conv2d(c_in, c_out, 2, groups=groups))  # noqa: B023
        assert result == expected == (c_in % groups == 0 == c_out % groups)


def test_both_choose_the_same_output_padding_for_an_output_size():
    for i, k, s, p in itertools.product((2, 3), (2, 3), (1, 2, 3), (0, 1)):
        module = TRANSPOSE_MODULE[1](1, 1, k, stride=s, padding=p, bias=False, dtype=torch.float64)
        weight = integers((1, 1, k), 1)
        module.weight.data = tensor(weight)
        y = integers((1, 1, i), 2)
        for size in range(1, 14):
            result = accepted(lambda: ConvTranspose((i,), k, stride=s, padding=p, output_size=size))  # noqa: B023
            expected = accepted(lambda: module(tensor(y), output_size=[size]))  # noqa: B023
            assert result == expected
            if result:
                up = ConvTranspose((i,), k, stride=s, padding=p, output_size=size)
                result = module(tensor(y), output_size=[size])
                assert_array_equal(by_matrix(up, y, weight), result.detach().numpy())


def test_shapes_of_grouped_transposed_weights():
    module = torch.nn.ConvTranspose2d(4, 6, 3, groups=2)
    assert tuple(module.weight.shape) == ConvTranspose(3, 3, in_channels=4, out_channels=6, groups=2).weight_shape


# -- the recipe ------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Sparse (CSR|invariant):UserWarning")
def test_the_recipe_copies_nothing_and_multiplies():
    made = run_recipe("torch")
    layer, matrix, C = made["layer"], made["matrix"], made["C"]
    for name, expected in {"indptr": C.crow_indices(), "indices": C.col_indices(), "data": C.values()}.items():
        assert expected.data_ptr() == getattr(matrix, name).ctypes.data
    wanted = matrix @ made["x"].numpy()
    np.testing.assert_allclose(made["y"].numpy(), wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(made["back"].numpy(), matrix.T @ wanted, rtol=1e-5, atol=1e-4)
    layer.refill(matrix, np.ones((3, 3), "float32"))
    assert (C @ made["x"]).reshape(64, 64)[0, :2].tolist() == [4, 6]
