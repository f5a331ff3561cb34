"""Every public function answers whatever it is given: with a result, or with an error of one sentence, in time.

Each argument in turn is replaced by a hostile value, all others staying as they are in a call that works. A few of the
pairs are drawn on each run, more with ``--full``; ``make fuzz`` takes them all.
"""

import os
import random
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from types import ModuleType, SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest

from convmatrix import Conv, ConvTranspose, algebra, export, flip, layers, presets, scale
from convmatrix.algebra import elimination, factors, inverse, laws, spectral, stack, structures
from convmatrix.algebra.spectral import frequencies
from convmatrix.algebra.stack import smaller
from convmatrix.core import memory
from convmatrix.frameworks import comparison, jax, onnx, tensorflow, torch
from convmatrix.frameworks.jax import flax as flax_layers
from convmatrix.frameworks.legacy import caffe, mxnet, theano
from convmatrix.show import Scene, explorer, plot
from convmatrix.show.model import palette, pools, scene, sizes, stage, style
from convmatrix.show.render import animate, latex, svg, text
from hostile import VALUES

SECONDS = 2
MOST_LETTERS = 1200
DRAWN = 4
DRAWN_IN_FULL = int(os.environ.get("FUZZ_EXAMPLES", "30"))
"""Pairs of an argument and a value for each call; as many as there are, at most."""

# -- calls that work -------------------------------------------------------------------------------------------------

WEIGHT = [[1, 2, 0], [0, 1, 0], [3, 0, 1]]
C = Conv(4, 3).matrix(WEIGHT)
WINDOWS = {"stride": 1, "padding": 0, "dilation": 1, "ndim": 2}
SAME_LAYER = {**WINDOWS, "groups": 1, "in_channels": 1, "out_channels": 1, "padding_mode": "zeros", "input_dilation": 1}
UP = ConvTranspose(2, 3, stride=2)
RING = Conv((8,), 3, padding=1, padding_mode="circular")
TORCH = SimpleNamespace(
    in_channels=1,
    out_channels=1,
    kernel_size=(2,),
    stride=(1,),
    padding=(0,),
    dilation=(1,),
    groups=1,
    padding_mode="zeros",
    weight=np.ones((1, 1, 2)),
    bias=None,
    transposed=False,
    output_padding=(0,),
)
KERAS = SimpleNamespace(
    kernel=np.ones((3, 1, 1)),
    bias=None,
    kernel_size=(3,),
    strides=(1,),
    padding="same",
    data_format="channels_last",
    dilation_rate=(1,),
    groups=1,
    filters=1,
)
FLAX = SimpleNamespace(
    kernel_size=(2,),
    strides=1,
    padding="VALID",
    input_dilation=1,
    kernel_dilation=1,
    feature_group_count=1,
    kernel=np.array([[[1]], [[2]]]),
    bias=None,
)
GLUON = {
    "_op_name": "Convolution",
    "weight": np.array([[[1, 2]]]),
    "bias": None,
    "_kwargs": {
        "kernel": (2,),
        "stride": (1,),
        "dilate": (1,),
        "pad": (0,),
        "num_filter": 1,
        "num_group": 1,
        "layout": "NCW",
    },
}
BLOCKS = type("Sequential", (), {"_children": {"0": type("Conv1D", (), GLUON)()}})()
KERAS_POOL = type(
    "AveragePooling1D",
    (),
    {"name": "mean", "pool_size": (2,), "strides": (2,), "padding": "valid", "data_format": "channels_last"},
)()
KERAS_MODEL = type("Sequential", (), {"layers": (KERAS_POOL,)})()
TORCH_POOL = type("AvgPool1d", (SimpleNamespace,), {})(
    kernel_size=(2,), stride=(2,), padding=(0,), ceil_mode=False, count_include_pad=True
)
TORCH_MODEL = type("Sequential", (SimpleNamespace,), {})(_modules={"pool": TORCH_POOL})
GRAPH = SimpleNamespace(
    node=[SimpleNamespace(op_type="GlobalAveragePool", input=["x"], output=["y"], attribute=[])],
    initializer=[],
    input=[SimpleNamespace(name="x")],
    output=[SimpleNamespace(name="y")],
)
NODE = SimpleNamespace(op_type="Conv", input=["x", "w"], output=["y"], attribute=[])


def both(convolution, transposed):
    """Two calls with the same arguments and names."""
    return {"conv": convolution, "conv_transpose": transposed}


CALLS = {
    # layers
    "Conv": (Conv, {"input_size": 4, "kernel_size": 3, **SAME_LAYER}),
    "ConvTranspose": (ConvTranspose, {"input_size": 4, "kernel_size": 3, **SAME_LAYER, "output_padding": 0}),
    "ConvTranspose to size": (ConvTranspose, {"input_size": 4, "kernel_size": 3, "output_size": 6}),
    "AvgPool": (
        layers.AvgPool,
        {
            "input_size": 4,
            "kernel_size": 2,
            **WINDOWS,
            "ceil_mode": False,
            "count_include_pad": True,
            "divisor_override": 3,
            "channels": 1,
        },
    ),
    "MaxPool": (layers.MaxPool, {"input_size": 4, "kernel_size": 2, **WINDOWS, "ceil_mode": False, "channels": 1}),
    "Upsample": (
        layers.Upsample,
        {"input_size": 4, "scale": 2, "mode": "linear", "align_corners": False, "channels": 1, "ndim": 2},
    ),
    "Upsample to size": (layers.Upsample, {"input_size": 4, "output_size": 7}),
    "Unfold": (
        layers.Unfold,
        {"input_size": 4, "kernel_size": 3, **WINDOWS, "in_channels": 1, "padding_mode": "zeros", "input_dilation": 1},
    ),
    "Fold": (
        layers.Fold,
        {
            "output_size": 4,
            "kernel_size": 3,
            **WINDOWS,
            "out_channels": 1,
            "padding_mode": "zeros",
            "input_dilation": 1,
        },
    ),
    "PixelShuffle": (layers.PixelShuffle, {"input_size": 4, "factor": 2, "channels": 1, "ndim": 2}),
    "PixelUnshuffle": (layers.PixelUnshuffle, {"input_size": 4, "factor": 2, "channels": 1, "ndim": 2}),
    "Transposed": (layers.Transposed, {"layer": layers.AvgPool(4, 2)}),
    "flip": (flip, {"weight": WEIGHT, "ndim": 2}),
    "Conv.matrix": (Conv(4, 3).matrix, {"weight": WEIGHT, "rows": slice(0, 2), "threads": 1, "channels_last": False}),
    "Conv.row_blocks": (Conv(4, 3).row_blocks, {"weight": WEIGHT, "rows": 2, "first": 0}),
    "Conv.refill": (Conv(4, 3).refill, {"matrix": C, "weight": WEIGHT}),
    "Conv.gram": (Conv(4, 3).gram, {"weight": WEIGHT}),
    "Conv.check_matrix": (
        Conv(4, 3).check_matrix,
        {"matrix": Conv(4, 3).matrix(WEIGHT).toarray(), "weight": WEIGHT, "tolerance": 0.5},
    ),
    "Conv.operator": (Conv(4, 3).operator, {"weight": WEIGHT}),
    "Conv.checked_weight": (Conv(4, 3).checked_weight, {"weight": WEIGHT}),
    "Conv.bias_vector": (Conv(4, 3).bias_vector, {"bias": [1]}),
    "Conv.vec": (Conv(4, 3).vec, {"x": np.ones((4, 4))}),
    "Conv.unvec": (Conv(4, 3).unvec, {"y": np.ones(4)}),
    "Conv.nbytes": (Conv(4, 3).nbytes, {"dtype": "f8"}),
    "ConvTranspose.matrix": (UP.matrix, {"weight": WEIGHT, "rows": slice(0, 2), "threads": 1}),
    "ConvTranspose.direct_weight": (UP.direct_weight, {"weight": WEIGHT}),
    "AvgPool.matrix": (layers.AvgPool(4, 2).matrix, {"dtype": "f8", "channels_last": False}),
    "AvgPool.operator": (layers.AvgPool(4, 2).operator, {"dtype": "f8"}),
    "AvgPool.nbytes": (layers.AvgPool(4, 2).nbytes, {"dtype": "f8"}),
    "MaxPool.matrix": (layers.MaxPool(4, 2).matrix, {"x": np.ones((4, 4)), "dtype": "f8"}),
    "Upsample.axis_matrices": (layers.Upsample(4, scale=2).axis_matrices, {"dtype": "f8"}),
    # presets and slabs
    "presets.bilinear_size": (presets.bilinear_size, {"factor": 2}),
    "presets.kernel": (presets.kernel, {"name": "binomial", "kernel_size": 5, "ndim": 2}),
    "presets.parse_input": (presets.parse_input, {"layer": Conv(4, 3), "text": "arange"}),
    "presets.parse_weight": (presets.parse_weight, {"layer": Conv(4, 3), "text": "arange"}),
    "presets.setting": (presets.setting, {"name": "no_padding_strides_transposed"}),
    "presets.weight_for": (presets.weight_for, {"layer": Conv(4, 3), "name": "box"}),
    "scale.slabs_of": (scale.slabs_of, {"layer": Conv(4, 3), "outputs": 1}),
    "scale.split": (scale.split, {"layer": Conv(4, 3), "weight": WEIGHT, "outputs": 1}),
    # algebra
    "checks": (algebra.checks, {"layer": Conv((4,), 3), "weight": [1, 2, 3]}),
    "generic_weight": (algebra.generic_weight, {"layer": Conv(4, 3), "largest": 9}),
    "gram_is_identity": (algebra.gram_is_identity, {"matrix": C, "name": "C"}),
    "rank": (algebra.rank, {"matrix": C, "limit": 100, "progress": None}),
    "verdict": (algebra.verdict, {"layer": Conv((4,), 3), "weight": [1, 2, 3], "any_size": False, "progress": None}),
    "checkerboard": (
        stack.checkerboard,
        {"layer": ConvTranspose((4,), 4, stride=2), "weight": [[1, 3, 3, 1]]},
    ),
    "overlap": (stack.overlap, {"layer": UP}),
    "overlap_counts": (stack.overlap_counts, {"layer": UP}),
    "upsamplers": (
        stack.upsamplers,
        {"input_size": (4,), "factor": 2, "kernel_size": 3, "in_channels": 1, "out_channels": 1},
    ),
    **{
        f"factors.{function.__name__}": (function, {"layer": Conv((4,), 3), "weight": [1, 2, 3]})
        for function in (factors.blocks, factors.selected, factors.unfolded)
    },
    "factors.kronecker": (factors.kronecker, {"layer": Conv((3, 2), 2), "weight": [[1, 2], [3, 6]]}),
    **{
        f"factors.{function.__name__}": (function, {"layer": Conv((4,), 3)})
        for function in (
            factors.frame_layer,
            factors.padding_matrix,
            factors.unfold_matrix,
            factors.zero_insertion,
        )
    },
    "factors.dual": (factors.dual, {"layer": Conv((4,), 2), "x": [1, 2, 3, 4]}),
    "structures.structure": (structures.structure, {"layer": Conv((4,), 3)}),
    "factors.separated": (factors.separated, {"kernel": [[1, 2], [2, 4]]}),
    "Frequencies": (frequencies.Frequencies, {"layer": RING, "weight": [1, 0, -1]}),
    "rings_of": (frequencies.rings_of, {"layer": RING, "weight": [1, 0, -1]}),
    "why_not_diagonalizable": (frequencies.why_not_diagonalizable, {"layer": RING, "weight": [1, 0, -1]}),
    "compare_inverses": (
        inverse.compare_inverses,
        {
            "layer": Conv((4,), 3),
            "weight": [1, 2, 3],
            "x": [1, 2, 3, 4],
            "y": None,
            "method": "lsmr",
            "damping": 0.0,
            "penalty": "identity",
            "tolerance": 1e-8,
        },
    ),
    "deconvolve": (
        inverse.deconvolve,
        {
            "layer": Conv((4,), 3),
            "weight": [1, 2, 3],
            "y": [1, 2],
            "method": "lsmr",
            "damping": 0.0,
            "penalty": "identity",
            "tolerance": 1e-8,
            "iterations": 10,
            "progress": None,
        },
    ),
    "nullity": (elimination.nullity, {"matrix": C, "limit": 100, "progress": None}),
    "pseudo_inverse": (inverse.pseudo_inverse, {"matrix": C}),
    "rank_modulo": (elimination.rank_modulo, {"matrix": C, "prime": 2147483647, "progress": None}),
    **{
        f"laws.{function.__name__}": (function, {"layer": Conv((4,), 3), "weight": [1, 2, 3]})
        for function in (
            laws.adjoint,
            laws.backward,
            laws.linear_in_weight,
            laws.shapes,
            laws.sliding_window,
            laws.stamps,
            laws.unflipped_insertion,
            laws.weight_gradient,
            laws.zero_insertion,
        )
    },
    "Network": (stack.Network, {"layers": [Conv(4, 3), Conv(2, 2)]}),
    "Network.matrix": (stack.Network([Conv(4, 3), Conv(2, 2)]).matrix, {"weights": [WEIGHT, [[1, 1], [1, 1]]]}),
    "Network.operator": (stack.Network([Conv(4, 3), Conv(2, 2)]).operator, {"weights": [WEIGHT, [[1, 1], [1, 1]]]}),
    "norm_bound": (spectral.norm_bound, {"layer": Conv(4, 3), "weight": WEIGHT, "progress": None}),
    "norms": (spectral.norms, {"layer": Conv(4, 3), "weight": WEIGHT, "progress": None}),
    "outputs_without_input": (stack.outputs_without_input, {"layer": Conv(4, 3)}),
    "coordinate_map": (stack.coordinate_map, {"layer": Conv(4, 3)}),
    "crop_offset": (stack.crop_offset, {"source": ConvTranspose(4, 3), "reference": None}),
    "receptive_field": (stack.receptive_field, {"layer": Conv(4, 3), "output": (0, 1)}),
    "shortened": (smaller.shortened, {"conv": Conv((1000,), 3)}),
    "condition_number": (
        spectral.condition_number,
        {"layer": RING, "weight": [1, 2, -1], "method": "dense", "progress": None},
    ),
    "extreme_singular_values": (
        spectral.extreme_singular_values,
        {"layer": RING, "weight": [1, 2, -1], "which": "both", "method": "dense", "progress": None},
    ),
    "operator_norm": (
        spectral.operator_norm,
        {"layer": RING, "weight": [1, 2, -1], "method": "dense", "progress": None},
    ),
    "singular_values": (
        spectral.singular_values,
        {"layer": RING, "weight": [1, 2, -1], "method": "dense", "progress": None},
    ),
    "null_space": (elimination.null_space, {"matrix": C, "exact": False}),
    "same_output_pair": (
        inverse.same_output_pair,
        {"layer": Conv((3,), 2), "weight": [1, 2], "x": [1, 2, 3], "progress": None},
    ),
    # frameworks
    "torch.conv": (
        torch.conv,
        {
            "input_size": (6,),
            "in_channels": 1,
            "out_channels": 1,
            "kernel_size": 3,
            "stride": 1,
            "padding": 0,
            "dilation": 1,
            "groups": 1,
            "bias": True,
            "padding_mode": "zeros",
            "ndim": 1,
            "weight": [[[1, 2, 3]]],
        },
    ),
    "torch.conv_transpose": (
        torch.conv_transpose,
        {
            "input_size": (6,),
            "in_channels": 1,
            "out_channels": 1,
            "kernel_size": 3,
            "stride": 2,
            "padding": 0,
            "output_padding": 0,
            "groups": 1,
            "bias": True,
            "dilation": 1,
            "padding_mode": "zeros",
            "output_size": None,
            "ndim": 1,
            "weight": [[[1, 2, 3]]],
        },
    ),
    "torch.weight": (torch.weight, {"w": [[[1, 2, 3]]], "inverse": False}),
    "torch.weight, transpose": (torch.weight, {"w": [[[1, 2, 3]]], "transpose": True, "inverse": False}),
    "torch.from_layer": (torch.from_layer, {"obj": TORCH, "input_size": 3}),
    "torch.from_model": (torch.from_model, {"obj": TORCH_MODEL, "input_size": 6, "in_channels": 1}),
    "tensorflow.conv": (
        tensorflow.conv,
        {
            "input": (1, 8, 8, 3),
            "filters": (3, 3, 3, 2),
            "strides": 2,
            "padding": "SAME",
            "data_format": None,
            "dilations": None,
            "weight": None,
        },
    ),
    "tensorflow.conv1d": (
        tensorflow.conv1d,
        {
            "input": (1, 8, 1),
            "filters": (3, 1, 1),
            "stride": 2,
            "padding": "SAME",
            "data_format": "NWC",
            "dilations": 1,
            "weight": None,
        },
    ),
    "tensorflow.conv2d": (
        tensorflow.conv2d,
        {
            "input": (1, 4, 4, 1),
            "filters": (3, 3, 1, 1),
            "strides": 1,
            "padding": [[0, 0], [1, 0], [0, 1], [0, 0]],
            "data_format": "NHWC",
            "dilations": None,
            "weight": None,
        },
    ),
    "tensorflow.conv3d": (
        tensorflow.conv3d,
        {
            "input": (1, 4, 4, 4, 1),
            "filters": (3, 3, 3, 1, 1),
            "strides": [1, 2, 2, 2, 1],
            "padding": "SAME",
            "data_format": "NDHWC",
            "dilations": [1, 1, 1, 1, 1],
            "weight": None,
        },
    ),
    "tensorflow.conv_transpose": (
        tensorflow.conv_transpose,
        {
            "input": (1, 4, 1),
            "filters": (3, 1, 1),
            "output_shape": (1, 8, 1),
            "strides": 2,
            "padding": "SAME",
            "data_format": None,
            "dilations": None,
            "weight": None,
        },
    ),
    "tensorflow.depthwise_conv": (
        tensorflow.depthwise_conv,
        {
            "input": (1, 8, 8, 3),
            "filter": (3, 3, 3, 2),
            "strides": [1, 2, 2, 1],
            "padding": "SAME",
            "data_format": None,
            "dilations": None,
            "weight": None,
        },
    ),
    "tensorflow.weight, depthwise": (
        tensorflow.weight,
        {"w": np.zeros((3, 5, 4, 2)), "depthwise": True, "in_channels": 4, "inverse": False},
    ),
    "tensorflow.keras_conv": (
        tensorflow.keras_conv,
        {
            "input_shape": (10, 4),
            "filters": 8,
            "kernel_size": 3,
            "strides": 1,
            "padding": "causal",
            "data_format": None,
            "dilation_rate": 2,
            "groups": 1,
            "weight": None,
        },
    ),
    "tensorflow.keras_conv_transpose": (
        tensorflow.keras_conv_transpose,
        {
            "input_shape": (4, 1),
            "filters": 1,
            "kernel_size": 3,
            "strides": 2,
            "padding": "same",
            "output_padding": 0,
            "data_format": None,
            "dilation_rate": 1,
            "weight": None,
        },
    ),
    "tensorflow.keras_depthwise_conv": (
        tensorflow.keras_depthwise_conv,
        {
            "input_shape": (8, 8, 3),
            "kernel_size": 3,
            "strides": 2,
            "padding": "same",
            "depth_multiplier": 2,
            "data_format": None,
            "dilation_rate": 1,
            "weight": None,
        },
    ),
    "tensorflow.weight": (tensorflow.weight, {"w": np.zeros((3, 3, 2, 2)), "inverse": False}),
    "tensorflow.weight, transpose": (
        tensorflow.weight,
        {"w": np.zeros((3, 3, 2, 2)), "transpose": True, "inverse": False},
    ),
    "tensorflow.from_layer": (tensorflow.from_layer, {"obj": KERAS, "input_size": 4}),
    "tensorflow.from_model": (tensorflow.from_model, {"obj": KERAS_MODEL, "input_size": 6, "in_channels": 1}),
    "jax.conv": (
        jax.conv,
        {
            "lhs": (1, 6, 6, 3),
            "rhs": (3, 3, 3, 8),
            "window_strides": (2, 2),
            "padding": "SAME",
            "lhs_dilation": None,
            "rhs_dilation": None,
            "dimension_numbers": ("NHWC", "HWIO", "NHWC"),
            "feature_group_count": 1,
            "batch_group_count": 1,
            "weight": None,
        },
    ),
    "jax.conv_transpose": (
        jax.conv_transpose,
        {
            "lhs": (1, 3, 1),
            "rhs": (3, 1, 1),
            "strides": (2,),
            "padding": "SAME",
            "rhs_dilation": None,
            "dimension_numbers": None,
            "transpose_kernel": False,
            "use_consistent_padding": False,
            "weight": None,
        },
    ),
    "jax.weight": (
        jax.weight,
        {"w": np.zeros((3, 5, 1, 2)), "dimension_numbers": ("NHWC", "HWIO", "NHWC"), "inverse": False},
    ),
    "jax.weight, transpose": (
        jax.weight,
        {
            "w": np.ones((3, 1, 1)),
            "transpose": True,
            "dimension_numbers": ("NWC", "WIO", "NWC"),
            "transpose_kernel": False,
            "inverse": False,
        },
    ),
    "flax_conv": (
        flax_layers.flax_conv,
        {
            "input_size": 6,
            "in_features": 1,
            "out_features": 1,
            "kernel_size": (4,),
            "strides": 1,
            "padding": "SAME",
            "input_dilation": 1,
            "kernel_dilation": 1,
            "feature_group_count": 1,
            "use_bias": True,
            "weight": None,
        },
    ),
    "flax_conv_transpose": (
        flax_layers.flax_conv_transpose,
        {
            "input_size": 3,
            "in_features": 1,
            "out_features": 1,
            "kernel_size": (3,),
            "strides": (2,),
            "padding": "CIRCULAR",
            "kernel_dilation": 1,
            "use_bias": True,
            "transpose_kernel": False,
            "weight": None,
        },
    ),
    "flax_weight": (jax.flax_weight, {"w": np.zeros((3, 5, 1, 2)), "inverse": False}),
    "flax_weight, transpose": (
        jax.flax_weight,
        {"w": np.ones((3, 1, 1)), "transpose": True, "transpose_kernel": False, "padding": "SAME", "inverse": False},
    ),
    "flax.from_layer": (flax_layers.from_layer, {"obj": FLAX, "input_size": 3, "variables": None, "params": None}),
    "mxnet.conv": (
        mxnet.conv,
        {
            "data": (1, 3, 8, 8),
            "kernel": (3, 3),
            "num_filter": 4,
            "stride": (2, 2),
            "dilate": (1, 1),
            "pad": (1, 1),
            "num_group": 1,
            "layout": "NCHW",
            "no_bias": True,
            "weight": None,
        },
    ),
    "mxnet.conv_transpose": (
        mxnet.conv_transpose,
        {
            "data": (1, 1, 3),
            "kernel": 4,
            "num_filter": 1,
            "stride": 2,
            "dilate": 1,
            "pad": 0,
            "adj": 0,
            "target_shape": None,
            "num_group": 1,
            "layout": None,
            "no_bias": True,
            "weight": None,
        },
    ),
    "mxnet.upsampling": (mxnet.upsampling, {"data": (1, 3, 8, 6), "scale": 2}),
    "mxnet.bilinear": (mxnet.bilinear, {"shape": (1, 1, 4, 4)}),
    "mxnet.weight": (mxnet.weight, {"w": np.zeros((4, 3, 3, 2)), "layout": "NHWC", "inverse": False}),
    "mxnet.weight, transpose": (
        mxnet.weight,
        {"w": [[[1, 2, 3]]], "transpose": True, "layout": "NCW", "inverse": False},
    ),
    "mxnet.from_layer": (mxnet.from_layer, {"obj": SimpleNamespace(**GLUON), "input_size": 3}),
    "mxnet.from_model": (mxnet.from_model, {"obj": BLOCKS, "input_size": 5, "in_channels": 1}),
    "onnx.conv": (
        onnx.conv,
        {
            "X": (1, 1, 5),
            "W": (1, 1, 2),
            "auto_pad": "NOTSET",
            "dilations": [1],
            "group": 1,
            "kernel_shape": [2],
            "pads": [0, 0],
            "strides": [1],
            "weight": [[[1, 2]]],
        },
    ),
    "onnx.conv_transpose": (
        onnx.conv_transpose,
        {
            "X": (1, 1, 3),
            "W": (1, 1, 4),
            "auto_pad": "NOTSET",
            "dilations": [1],
            "group": 1,
            "kernel_shape": [4],
            "output_padding": [0],
            "output_shape": None,
            "pads": [0, 0],
            "strides": [2],
            "weight": None,
        },
    ),
    "onnx.weight": (onnx.weight, {"w": [[[1, 2]]], "inverse": False}),
    "onnx.weight, transpose": (onnx.weight, {"w": [[[1, 2]]], "transpose": True, "inverse": False}),
    "onnx.from_layer": (onnx.from_layer, {"obj": NODE, "input_size": 5, "initializers": {"w": np.ones((1, 1, 3))}}),
    "onnx.from_model": (onnx.from_model, {"obj": GRAPH, "input_size": (2, 2), "in_channels": 3}),
    "theano.conv": (
        theano.conv,
        {
            "input_shape": (1, 1, 5, 5),
            "filter_shape": (1, 1, 2, 3),
            "border_mode": "half",
            "subsample": (1, 1),
            "filter_flip": True,
            "filter_dilation": (1, 1),
            "num_groups": 1,
            "unshared": False,
            "weight": None,
        },
    ),
    "theano.conv_transpose": (
        theano.conv_transpose,
        {
            "output_grad": (1, 1, 3, 3),
            "filters": (1, 1, 3, 3),
            "input_shape": (1, 1, 6, 5),
            "filter_shape": None,
            "border_mode": (1, 1),
            "subsample": (2, 2),
            "filter_flip": True,
            "filter_dilation": (1, 1),
            "num_groups": 1,
            "unshared": False,
            "weight": None,
        },
    ),
    "theano.deconvolution_layer": (
        theano.deconvolution_layer,
        {
            "input_shape": (1, 1, 3, 3),
            "filter_shape": (1, 1, 3, 3),
            "stride": 2,
            "padding": 1,
            "filter_flip": False,
            "weight": None,
        },
    ),
    "theano.causal_conv1d": (
        theano.causal_conv1d,
        {
            "input_shape": (1, 1, 3),
            "filter_shape": (1, 1, 2),
            "subsample": 1,
            "filter_flip": True,
            "filter_dilation": 1,
            "num_groups": 1,
            "unshared": False,
            "weight": [[[5, 7]]],
        },
    ),
    "theano.weight": (theano.weight, {"w": [[[[1, 2], [3, 4]]]], "filter_flip": True, "inverse": False}),
    "theano.weight, transpose": (
        theano.weight,
        {"w": [[[[1, 2]]]], "transpose": True, "filter_flip": False, "inverse": False},
    ),
    "caffe.conv": (
        caffe.conv,
        {
            "bottom": (1, 3, 20, 20),
            "num_output": 6,
            "kernel_size": 3,
            "stride": 1,
            "pad": 1,
            "dilation": 1,
            "group": 1,
            "axis": 1,
            "bias_term": True,
            "weight": None,
        },
    ),
    "caffe.conv h w": (
        caffe.conv,
        {
            "bottom": (1, 3, 20, 20),
            "num_output": 6,
            "kernel_h": 3,
            "kernel_w": 3,
            "stride_h": 1,
            "stride_w": 1,
            "pad_h": 1,
            "pad_w": 1,
        },
    ),
    "caffe.conv_transpose": (
        caffe.conv_transpose,
        {
            "bottom": (1, 21, 16, 16),
            "num_output": 21,
            "kernel_size": 4,
            "stride": 2,
            "pad": 0,
            "dilation": 1,
            "group": 1,
            "weight": None,
        },
    ),
    "caffe.crop": (caffe.crop, {"bottom": (1, 21, 54, 54), "reference": (1, 3, 50, 50), "axis": 2, "offset": 1}),
    "caffe.pooling": (
        caffe.pooling,
        {
            "bottom": (1, 64, 34, 34),
            "pool": "MAX",
            "kernel_size": 2,
            "stride": 2,
            "pad": 0,
            "global_pooling": False,
            "round_mode": "CEIL",
        },
    ),
    "caffe.weight": (caffe.weight, {"w": [[[1, 2]]], "inverse": False}),
    "caffe.weight, transpose": (caffe.weight, {"w": [[[1, 2]]], "transpose": True, "inverse": False}),
    "caffe.bilinear_filler": (caffe.bilinear_filler, {"shape": (1, 1, 4, 4)}),
    "output_size_options": (comparison.output_size_options, {"layer": Conv(4, 3)}),
    "compare": (
        comparison.compare,
        {"input_size": (4,), "kernel_size": 3, "transpose": False, **SAME_LAYER, "ndim": 1},
    ),
    "compare transposes": (
        comparison.compare,
        {"input_size": (4,), "kernel_size": 3, "transpose": True, "output_padding": 0, "output_size": None},
    ),
    "diagnose": (
        comparison.diagnose,
        {
            "x": [1, 0, 0, 4],
            "y": [3, 2, 1],
            "weight": [1, 2, 3],
            "transpose": False,
            "stride": 1,
            "padding": 0,
            "dilation": 1,
            "groups": 1,
            "padding_mode": "zeros",
            "input_dilation": 1,
            "bias": None,
            "ndim": 1,
            "most": 2,
        },
    ),
    # files
    "export": (
        export.export,
        {"matrix": C, "path": "C.npz", "layer": Conv(4, 3), "order": "C", "rank": 4, "gram_is_identity": False},
    ),
    "export_blocks": (
        export.export_blocks,
        {"layer": Conv(4, 3), "path": "C.blocks", "weight": WEIGHT, "rows": 2, "progress": None},
    ),
    "ending_of": (export.ending_of, {"path": "C.npz"}),
    "layer_as_dict": (export.layer_as_dict, {"layer": Conv(4, 3)}),
    "matrix_as_dict": (
        export.matrix_as_dict,
        {"layer": Conv(4, 3), "weight": WEIGHT, "rank": 4, "gram_is_identity": False},
    ),
    "read_blocks": (export.read_blocks, {"path": "D.blocks"}),
    "replacing": (export.replacing, {"path": "C.txt"}),
    "write_text": (export.write_text, {"text": "C", "path": "C.txt"}),
    # pictures
    "Scene": (Scene, {"layer": Conv((3,), 2), "weight": [1, 2], "names": ("a", "b")}),
    "scene.number_label": (scene.number_label, {"value": 3.25}),
    "scene.tap_label": (scene.tap_label, {"weight_shape": (1, 1, 3, 3), "tap": 5}),
    "scene_of_pool": (pools.scene_of_pool, {"pool": layers.AvgPool((4,), 2), "x": [1, 2, 3, 4]}),
    "animate": (
        animate.animate,
        {
            "layer": Conv((3,), 2),
            "path": "C.svg",
            "weight": [1, 2],
            "x": [1, 2, 3],
            "view": "windows",
            "matrix": True,
            "title": "C",
            "seconds_per_step": 0.5,
            "progress": None,
        },
    ),
    "film": (
        stage.film,
        {
            "layer": Conv((3,), 2),
            "weight": [1, 2],
            "x": [1, 2, 3],
            "view": "windows",
            "maps": True,
            "matrix": True,
            "title": "C",
        },
    ),
    "svg.moving": (svg.moving, {"film": stage.film(Conv((3,), 2)), "seconds_per_step": 0.5}),
    "svg.page": (svg.page, {"film": stage.film(Conv((3,), 2)), "seconds_per_step": 0.5}),
    **{
        f"explorer.{function.__name__}": (function, {"layer": Conv((4,), 3), "weight": [1, 2, 3], "title": "C"})
        for function in (explorer.fragment, explorer.in_notebook, explorer.page, explorer.table)
    },
    "explorer.save": (explorer.save, {"layer": Conv((4,), 3), "path": "C.html", "weight": [1, 2, 3], "title": "C"}),
    "latex.array": (
        latex.array,
        {"layer": Conv((3,), 2), "weight": [1, 2], "nothing": "0", "rulers": True, "plain": False},
    ),
    "latex.tikz": (
        latex.tikz,
        {
            "layer": Conv((3,), 2),
            "weight": [1, 2],
            "x": [1, 2, 3],
            "maps": True,
            "matrix": True,
            "step": 0,
            "view": "windows",
            "title": "C",
        },
    ),
    "latex.escape": (latex.escape, {"text": "a_b"}),
    "latex.label": (latex.label, {"text": "w0"}),
    "palette.ink_on": (palette.ink_on, {"colour": "#ffa90e"}),
    "palette.over": (palette.over, {"colour": "#ffa90e", "ground": "#ffffff", "part": 0.5}),
    "palette.rgb": (palette.rgb, {"colour": "#ffa90e"}),
    "palette.tap_colours": (palette.tap_colours, {"kernel_size": (3, 3)}),
    "palette.value_colours": (
        palette.value_colours,
        {"values": [-1, 0, 2], "limit": 2.0, "theme": palette.THEMES["light"]},
    ),
    "palette.value_scale": (palette.value_scale, {"limit": 2.0, "theme": palette.THEMES["light"], "count": 3}),
    "plot.crop": (
        plot.crop,
        {"layer": ConvTranspose((2,), 3, padding=1), "weight": [1, 2, 3], "x": [10, 1], "channel": 0, "title": "C"},
    ),
    "plot.factors": (plot.factors, {"matrices": [C @ C.T, C, C.T], "names": ["CC", "C", "D"], "title": "C"}),
    "plot.film_frame": (plot.film_frame, {"film": stage.film(Conv((3,), 2)), "step": 0}),
    "plot.gram": (plot.gram, {"product": C.T @ C, "name": "C^T C", "title": "C"}),
    "plot.input_map": (plot.input_map, {"layer": Conv((3,), 2), "x": [1, 2, 3], "output": (0,), "channel": 0}),
    "plot.insertion": (
        plot.insertion,
        {
            "layer": ConvTranspose((2,), 3, stride=2),
            "weight": [1, 2, 3],
            "x": [1, 2],
            "output": (2,),
            "channel": 0,
            "title": "C",
        },
    ),
    "plot.kernel": (plot.kernel, {"layer": Conv((4,), 3), "weight": [1, 2, 3], "channels": (0, 0)}),
    "plot.linked": (
        plot.linked,
        {
            "layer": Conv((3,), 2),
            "weight": [1, 2],
            "x": [5, 6, 7],
            "view": "windows",
            "step": 1,
            "matrix": True,
            "title": "C",
        },
    ),
    "plot.matrix": (
        plot.matrix,
        {"layer": Conv((3,), 2), "weight": [1, 2], "row": 0, "col": 1, "key": True, "title": "C"},
    ),
    "plot.output_map": (plot.output_map, {"layer": Conv((4,), 3), "y": [7, 8], "output": (0,), "channel": 0}),
    "plot.overlaps": (plot.overlaps, {"counts": np.ones((3, 3), int), "title": "C"}),
    "plot.receptive_field": (plot.receptive_field, {"pattern": np.eye(3), "title": "C"}),
    "plot.singular_values": (plot.singular_values, {"values": [3.0, 1.0], "log": True, "zero": 1e-9, "title": "C"}),
    "plot.stamps": (
        plot.stamps,
        {"layer": ConvTranspose((2,), 3), "weight": [1, 2, 3], "x": [10, 1], "channel": 0, "title": "C"},
    ),
    "plot.same_output": (
        plot.same_output,
        {"first": np.ones(3), "second": np.zeros(3), "output": np.ones(2), "title": "C"},
    ),
    "plot.windows": (plot.windows, {"layer": Conv((3,), 2), "title": "C"}),
    "relationship": (sizes.relationship, {"layer": Conv(4, 3), "axis": 0}),
    "style.Style": (
        style.Style,
        {
            "theme": "dark",
            "size": (4.0, 3.0),
            "labels": "both",
            "fill": "value",
            "text": "text",
            "captions": "off",
            "ground": "transparent",
        },
    ),
    "text.draw": (text.draw, {"scene": Scene(Conv((4,), 3)), "terminal": text.Terminal(unicode=False), "form": "grid"}),
    "text.markdown": (text.markdown, {"scene": Scene(Conv((3,), 2), [5, 7]), "terminal": text.Terminal()}),
}

# -- what an answer is -----------------------------------------------------------------------------------------------


class TooLong(BaseException):
    """No `Exception`: what is called would catch it."""


@contextmanager
def bounded(seconds):
    """Interrupt what computes much too long; what takes a little too long is seen afterwards."""

    def interrupt(*_):
        raise TooLong

    old = signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds)  # of the process, whatever else the machine does
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)


def consumed(result):
    """Take some of what comes one by one, and enter what is entered."""
    if hasattr(result, "__enter__") and not hasattr(result, "read"):
        with result:
            pass
    elif isinstance(result, Iterator):
        list(islice(result, 5))


def fault(function, arguments, seconds=SECONDS):
    """Describe the fault of the result of a call that may take `seconds`; None if there is none."""
    start = time.process_time()
    try:
        with bounded(5 * seconds), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            consumed(function(**arguments))
    except TooLong:
        return f"no answer in {5 * seconds:g} s"
    except (ValueError, TypeError, MemoryError, OSError) as error:
        if isinstance(error, OverflowError) and not is_from_convmatrix(error):
            return described(error)
        sentence = str(error)
        if not sentence or "\n" in sentence.strip() or len(sentence) > MOST_LETTERS:
            return f"no sentence: {described(error)}"
    except Exception as error:
        if not is_from_convmatrix(error):
            return described(error)
    took = time.process_time() - start
    return f"took {took:.1f} s" if took > seconds else None


def is_from_convmatrix(error):
    return type(error).__module__.startswith("convmatrix")


def described(error):
    """The error, and the last line of the package that it passed."""
    places = [
        f"{frame.filename.rpartition('/convmatrix/')[2]}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if "/convmatrix/" in frame.filename
    ]
    return f"{type(error).__name__} at {places[-1] if places else '?'}: {' '.join(str(error).split())[:100]}"


# -- the tests -------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def small_world(request, tmp_path, monkeypatch):
    """A folder of its own for files, little memory, and pictures that are not shown; imports have happened."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(memory, "available_memory", lambda: 200 * 2**20)
    if "blocks" in request.node.name:
        export.export_blocks(Conv(4, 3), "D.blocks", WEIGHT, rows=2)
    with mpl.rc_context({"backend": "agg", "figure.max_open_warning": 0}):
        yield
    mpl.pyplot.close("all")


def pairs_of(name):
    return [(argument, value) for argument in CALLS[name][1] for value in VALUES]


def drawn_pairs(name, count):
    pairs = pairs_of(name)
    return random.Random(name).sample(pairs, min(count, len(pairs)))


def faults(name, pairs):
    function, arguments = CALLS[name]
    found = {}
    for argument, value in pairs:
        wrong = fault(function, {**arguments, argument: VALUES[value]()})
        mpl.pyplot.close("all")
        if wrong:
            found[argument, value] = wrong
    return found


def test_there_are_300_hostile_values():
    assert len(VALUES) >= 300


@pytest.mark.parametrize("name", CALLS)
def test_the_call_itself_has_a_result(name):
    function, arguments = CALLS[name]
    consumed(function(**arguments))


@pytest.mark.parametrize("name", CALLS)
def test_hostile_values_are_answered(name):
    assert not faults(name, drawn_pairs(name, DRAWN))


@pytest.mark.full
@pytest.mark.parametrize("name", CALLS)
def test_many_hostile_values_are_answered(name):
    assert not faults(name, drawn_pairs(name, DRAWN_IN_FULL))


def compute(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@pytest.mark.full
def test_what_is_no_sentence_or_no_answer_is_a_fault():
    def answers(error):
        def raises(**_):
            raise error

        return fault(raises, {})

    assert answers(ValueError("one sentence")) is None
    assert answers(MemoryError("one sentence")) is None
    assert "AttributeError" in answers(AttributeError("one sentence"))
    assert "OverflowError" in answers(OverflowError("one sentence"))
    for sentence in ("", "two\nlines", "x" * 2000):
        assert "no sentence" in answers(ValueError(sentence))
    assert fault(lambda: 3, {}) is None
    assert fault(partial(compute, 0.3), {}) is None
    assert fault(partial(compute, 0.3), {}, seconds=0.2).startswith("took 0.")
    assert fault(partial(compute, 1.2), {}, seconds=0.2) == "no answer in 1 s"


# Names that are no functions, and the records of results, which are made by functions.
NO_FUNCTIONS = {
    "convmatrix.layers": {
        "MatrixCheck",
        "UPSAMPLE_MODES",
        "NetworkLayer",
        "LayerBase",
        "FixedLayer",
        "Layer",
        "Pool",
        "WeightedLayer",
    },
    "convmatrix.algebra": {
        "Check",
        "Checkerboard",
        "CoordinateMap",
        "Deconvolution",
        "Estimate",
        "Norms",
        "Overlap",
        "Rank",
        "ReceptiveField",
        "Recovery",
        "SameOutput",
        "Spectrum",
        "Structure",
        "Verdict",
        "controls",
    },
    "convmatrix.export": {"BLOCK_ENDINGS", "ENDINGS", "BlocksReport"},
    "convmatrix.presets": {"kernels", "numerical_data", "settings"},
    "convmatrix.scale": {"Slab", "SplitMatrix"},
    "convmatrix.show": {"style"},  # a context manager, which makes a Style
    "convmatrix.show.plot": {"Picture"},
    "convmatrix": {"__version__"},
    **{
        f"convmatrix.frameworks.{name}": {"FRAMEWORK", "RULES"}
        for name in ("legacy.caffe", "jax", "legacy.mxnet", "onnx", "tensorflow", "legacy.theano", "torch")
    },
    "convmatrix.frameworks.jax.flax": {"KERNEL", "layout_of_transposed_kernel", "transposed_kernel"},
}


@pytest.mark.parametrize("module", NO_FUNCTIONS)
def test_every_public_function_is_called(module):
    called = {getattr(function, "__wrapped__", function) for function, _ in CALLS.values()}
    for name in set(sys.modules[module].__all__) - NO_FUNCTIONS[module]:
        function = getattr(sys.modules[module], name)
        if isinstance(function, ModuleType):
            continue  # its names stand under its own
        assert getattr(function, "__wrapped__", function) in called, name
