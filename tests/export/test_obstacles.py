"""Layers that a format cannot hold are refused before TensorFlow starts."""

import pytest

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.config.layers.core import Dense
from dnn_cli.config.layers.dropout import Dropout
from dnn_cli.config.loading import load_experiment
from dnn_cli.errors import RunError
from dnn_cli.export.obstacles import check_export_support


def test_layer_with_an_obstacle_is_refused_in_this_format_only(config, monkeypatch):
    experiment = load_experiment(config()).experiment
    monkeypatch.setattr(Dense, "export_obstacles", {"onnx": "ONNX has no such operation"})
    with pytest.raises(RunError, match="cannot be written as onnx: Dense: ONNX has no such operation"):
        check_export_support(experiment, "onnx")
    check_export_support(experiment, "keras")


def test_layer_that_only_acts_in_training_is_no_obstacle(config, monkeypatch):
    layers = "layers=[Flatten, {type: Dropout, rate: 0.5}, {type: Dense, units: 10, activation: softmax}]"
    monkeypatch.setattr(Dropout, "export_obstacles", {"onnx": "a reason"})
    check_export_support(load_experiment(config(), [layers]).experiment, "onnx")


DECLARED = [(cls(**cls.example).model_dump(), name) for cls in LAYERS_BY_TYPE.values() for name in cls.export_obstacles]
"""Example of each layer with an obstacle for all its arguments, and the format."""

DEPENDENT = [
    ({"type": "Conv3D", "kernel_size": 2, "groups": 2}, "litert", "groups"),
    ({"type": "Conv3D", "kernel_size": 2, "dilation_rate": 2}, "litert", "dilation_rate"),
    ({"type": "Conv1DTranspose", "kernel_size": 2, "dilation_rate": 2}, "litert", "dilation_rate"),
    ({"type": "Conv2DTranspose", "kernel_size": 2, "dilation_rate": 2}, "litert", "dilation_rate"),
    ({"type": "Conv2DTranspose", "kernel_size": 2, "strides": 3}, "onnx", "strides"),
    ({"type": "Conv3DTranspose", "kernel_size": 2, "strides": 2, "output_padding": 1}, "onnx", "output_padding"),
    ({"type": "UpSampling2D", "interpolation": "bicubic"}, "litert", "bicubic"),
    ({"type": "UpSampling2D", "interpolation": "lanczos5"}, "onnx", "lanczos5"),
    ({"type": "Resizing", "interpolation": "bicubic"}, "onnx", "bicubic"),
    ({"type": "UpSampling2D", "interpolation": "bicubic", "size": [2, 3]}, "onnx", "bicubic"),
    ({"type": "Resizing", "antialias": True}, "onnx", "antialias"),
    ({"type": "Resizing", "antialias": True}, "litert", "antialias"),
]
"""Arguments that a format cannot hold, the format, and a word of the reason."""

SUPPORTED = [
    ({"type": "Conv2D", "kernel_size": 2, "groups": 2, "dilation_rate": 2}, "litert"),
    ({"type": "Conv3DTranspose", "kernel_size": 2, "dilation_rate": 2}, "litert"),
    ({"type": "Conv2DTranspose", "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1}, "onnx"),
    ({"type": "Conv1DTranspose", "kernel_size": 2, "strides": 3}, "onnx"),
    ({"type": "Resizing", "interpolation": "nearest", "antialias": True}, "litert"),
    ({"type": "UpSampling2D", "interpolation": "bicubic", "size": [2, 4]}, "onnx"),
    ({"type": "LSTM", "unroll": True}, "litert"),
]
"""Arguments that a format can hold, although it cannot hold similar ones."""


def build_experiment(layer):
    """An experiment with a layer whose missing arguments are those of its example."""
    example = LAYERS_BY_TYPE[layer["type"]].example
    return Experiment.model_validate({"name": "x", "model": {"layers": [{**example, **layer}]}})


@pytest.mark.parametrize(("layer", "export_format", "word"), [*((*case, "") for case in DECLARED), *DEPENDENT], ids=str)
def test_refusal_is_one_short_line(layer, export_format, word):
    with pytest.raises(RunError) as refused:
        check_export_support(build_experiment(layer), export_format)
    assert f"cannot be written as {export_format}: {layer['type']}: " in refused.value.message
    assert word in refused.value.message
    assert len(refused.value.message) < 180
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(("layer", "export_format"), SUPPORTED, ids=str)
def test_layer_with_supported_arguments_is_exported(layer, export_format):
    check_export_support(build_experiment(layer), export_format)


def test_layer_within_a_wrapper_is_refused():
    wrapped = {"type": "TimeDistributed", "layer": {"type": "MaxPooling3D"}}
    with pytest.raises(RunError, match="MaxPooling3D: LiteRT has no pooling of volumes"):
        check_export_support(build_experiment(wrapped), "litert")
