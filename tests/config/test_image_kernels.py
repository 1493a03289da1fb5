"""Kernels that are drawn as images: windows are those that Keras applies, and weights of pixels have their order."""

import numpy as np
import pytest

from dnn_cli.config.image_kernels import list_image_kernels
from dnn_cli.config.layer_base import validate_layer
from dnn_cli.config.layer_stack import compute_stages
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from tests.helpers.keras_signatures import is_in_keras

CASES = [
    (name, changes)
    for name, cls in LAYERS_BY_TYPE.items()
    if cls.family == "convolution" and len(cls.example_shape) == 3 and is_in_keras(cls)
    for changes in ({}, {"groups": 2}, {"depth_multiplier": 3})
    if changes.keys() <= cls.model_fields.keys()
]


def list_kernels(layers, shape):
    return list_image_kernels(compute_stages([validate_layer(layer) for layer in layers], shape))


@pytest.mark.parametrize(("name", "changes"), CASES, ids=str)
def test_axes_of_windows_are_those_of_keras(name, changes):
    cls = LAYERS_BY_TYPE[name]
    shape = (6, 6, 4)
    config = {"type": name, **cls.example, **changes, "activation": "linear"}
    (kernel,) = list_kernels([config, "Flatten", {"type": "Dense", "units": 2}], shape)
    layer = cls.model_validate(config).build_keras_object()
    layer.build((None, *shape))
    weights = np.moveaxis(np.array(layer.weights[0]), kernel.input_axis, 2)
    assert weights.shape == kernel.image_shape
    groups = changes.get("groups", 1)
    assert kernel.image_shape[2] == shape[2] // groups
    # Without the windows of the first input, or of the first input of each group, outputs do not depend on this input.
    weights[:, :, 0] = 0
    layer.weights[0].assign(np.moveaxis(weights, 2, kernel.input_axis))
    inputs = np.zeros((1, *shape), np.float32)
    inputs[..., :: shape[2] // groups] = 1
    assert not np.any(layer(inputs))
    inputs[..., 1] = 1
    assert np.any(layer(inputs))


@pytest.mark.parametrize(
    ("layers", "is_drawn"),
    [
        (["Flatten"], True),
        ([{"type": "Rescaling", "scale": 2.0}, "Flatten", {"type": "GaussianNoise", "stddev": 0.1}], True),
        ([{"type": "Reshape", "target_shape": [8, 4]}, "Flatten", "BatchNormalization"], True),
        (["Flatten", {"type": "Dense", "units": 32}], True),
        (["Flatten", {"type": "Activation", "activation": "relu"}], False),
        ([{"type": "Reshape", "target_shape": [4, 8, 1]}, "MaxPooling2D", "Flatten"], False),
        ([{"type": "Dense", "units": 8}, "Flatten"], False),
    ],
)
def test_dense_layer_is_drawn_if_it_reads_pixels_in_order(layers, is_drawn):
    kernels = list_kernels([*layers, {"type": "Dense", "units": 3, "name": "last"}], (4, 8))
    assert [kernel.image_shape[:3] for kernel in kernels] == ([(4, 8, 1)] if is_drawn else [])


def test_part_names_the_drawn_channel():
    layers = [{"type": "Conv2D", "filters": 4, "kernel_size": 3, "name": "a"}, {"type": "Conv2D", "filters": 4,
              "kernel_size": 2, "groups": 2}, "Flatten", {"type": "Dense", "units": 3}]  # fmt: skip
    assert [kernel.part for kernel in list_kernels(layers, (8, 8, 3))] == ["input 1 of 3", "input 1 of 2 of each group"]
    assert list_kernels(layers, (8, 8, 1))[0].part == ""
