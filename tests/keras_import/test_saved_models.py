"""Saved models of Keras 2 and 3 become configs."""

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.runs.target_scaling import TargetScaling
from dnn_cli.training.model_builder import build_model
from tests.helpers.imported_programs import (
    import_file,
    list_import_errors,
    list_layers,
    write_architecture,
)
from tests.helpers.settings import ROOT, RUN_ALL_CASES

CONFIGS = sorted([*(ROOT / "configs").glob("*.yaml"), *(ROOT / "configs" / "textbook").glob("*.yaml")])
TRIED_CONFIGS = [path for path in CONFIGS if RUN_ALL_CASES or path.stem in ("breast_cancer", "lstm_rows")]

OLD_MODEL = {
    "class_name": "Sequential",
    "config": {
        "name": "sequential_3",
        "layers": [
            {"class_name": "Flatten", "config": {"name": "flatten_3", "batch_input_shape": [None, 28, 28],
                "dtype": "float32", "trainable": True, "data_format": "channels_last"}},
            {"class_name": "Dense", "config": {"name": "dense_7", "trainable": True, "dtype": "float32", "units": 30,
                "activation": "relu", "use_bias": True,
                "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
                "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.009999999776482582}}}},
            {"class_name": "BatchNormalization", "config": {"name": "batch_normalization", "axis": [1],
                "momentum": 0.99, "fused": True, "renorm": False, "virtual_batch_size": None}},
            {"class_name": "LeakyReLU", "config": {"name": "leaky_re_lu", "alpha": 0.20000000298023224}},
            {"class_name": "Dense", "config": {"name": "dense_8/out", "units": 10, "activation": "softmax"}},
        ],
    },
    "keras_version": "2.4.0",
    "backend": "tensorflow",
}  # fmt: skip

OLD_TRAINING = {
    "loss": "sparse_categorical_crossentropy",
    "metrics": [[{"class_name": "MeanMetricWrapper",
                  "config": {"name": "accuracy", "dtype": "float32", "fn": "sparse_categorical_accuracy"}}]],
    "weighted_metrics": None,
    "loss_weights": None,
    "optimizer_config": {"class_name": "Custom>SGD", "config": {
        "name": "SGD", "decay": 0.0, "momentum": 0.8999999761581421,
        "learning_rate": {"class_name": "ExponentialDecay", "config": {"initial_learning_rate": 0.1, "decay_steps": 20,
            "decay_rate": 0.5, "staircase": False, "name": None}},
        "nesterov": False, "ema_overwrite_frequency": 100, "use_ema": False, "jit_compile": False,
        "is_legacy_optimizer": False}},
}  # fmt: skip

OLD_LAYERS = [
    "Flatten",
    {"type": "Dense", "units": 30, "activation": "relu", "kernel_regularizer": "l2"},
    "BatchNormalization",
    {"type": "LeakyReLU", "negative_slope": 0.2},
    {"type": "Dense", "units": 10, "activation": "softmax", "name": "dense_8_out"},
]


@pytest.mark.parametrize("path", TRIED_CONFIGS, ids=lambda path: path.stem)
def test_model_gives_back_its_config(path, tmp_path):
    experiment = load_experiment(str(path)).experiment
    document = json.loads(build_model(experiment).to_json())
    imported, _ = import_file(write_architecture(tmp_path, document, "model.keras"))
    assert list_layers(imported) == list_layers(experiment)
    assert (imported.loss, imported.metrics) == (experiment.loss, experiment.metrics)
    # A saved model has the schedule after a warm-up.
    rate = experiment.optimizer.learning_rate
    rate = getattr(rate, "learning_rate", rate)
    assert imported.optimizer == experiment.optimizer.model_copy(update={"learning_rate": rate})
    assert imported.data.input_shape == experiment.data.input_shape


@pytest.mark.skipif(not RUN_ALL_CASES, reason="the runs are trained first")
def test_saved_run_gives_back_its_config(workspace):
    for run, data in ((workspace.digits, "digits"), (workspace.houses, "npz")):
        experiment = load_experiment(str(run.config)).experiment
        imported, _ = import_file(run.model)
        # Names of other scripts than Latin are not the names of Keras.
        assert list_layers(imported, names=False) == list_layers(experiment, names=False)
        assert (imported.optimizer, imported.loss, imported.metrics) == (
            experiment.optimizer, experiment.loss, experiment.metrics
        )  # fmt: skip
        assert imported.data.dataset == data


def test_standardized_targets_are_a_key_of_data(tmp_path, experiment):
    overrides = ["data.dataset=diabetes", "data.standardize_target=true", "loss=mse", "metrics=[mae]",
                 "layers=[{type: Dense, units: 1}]"]  # fmt: skip
    model = build_model(experiment(*overrides), TargetScaling(np.array([100], np.float32), np.array([10], np.float32)))
    imported, result = import_file(write_architecture(tmp_path, json.loads(model.to_json())))
    assert imported.data.standardize_target
    assert list_layers(imported) == [{"type": "Dense", "units": 1}]
    assert "data.standardize_target" in result.remarks[-1]


def test_files_of_keras_2_are_read(tmp_path):
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(OLD_MODEL).encode()
        file.attrs["training_config"] = json.dumps(OLD_TRAINING)
    experiment, _ = import_file(path)
    assert list_layers(experiment) == [
        {"axis": 1, "type": layer} if layer == "BatchNormalization" else layer for layer in OLD_LAYERS
    ]
    assert experiment.metrics[0].type == "accuracy"
    assert experiment.optimizer.momentum == 0.9
    assert experiment.optimizer.learning_rate.decay_steps == 20


def test_functional_chain_is_a_stack(tmp_path):
    inputs = keras.Input((8, 8), name="image")
    outputs = keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(inputs))
    document = json.loads(keras.Model(inputs, outputs).to_json())
    experiment, imported = import_file(write_architecture(tmp_path, document))
    assert list_layers(experiment) == ["Flatten", {"type": "Dense", "units": 10, "activation": "softmax"}]
    assert experiment.data.dataset == "digits"
    assert set(imported.missing) == {
        "data.dataset", "data.validation_size", "optimizer", "loss", "metrics", "epochs", "batch_size"
    }  # fmt: skip


def test_branches_are_named(tmp_path):
    inputs = keras.Input((8,), name="numbers")
    outputs = keras.layers.Add(name="sum")([inputs, keras.layers.Dense(8, name="change")(inputs)])
    path = write_architecture(tmp_path, json.loads(keras.Model(inputs, outputs).to_json()))
    assert list_import_errors(path) == [
        "model.json  layer 2, sum (Add)  takes its input from numbers, change, and a config is a stack of layers  "
        "(import models in which each layer has one input and one output)",
        "model.json  layer 2, sum (Add)  Add is left out: it takes several inputs, and a layer of a stack has one: "
        "use {residual: […]}, which adds the output of layers to their input  (dnn help layers lists all layers)",
    ]


def make_dense_document(**arguments):
    layer = {"class_name": "Dense", "config": {"units": 10, "activation": "softmax", **arguments}}
    return {"class_name": "Sequential", "config": {"layers": [layer]}}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"units": -1}, "layer 1 (Dense), units  needs a number > 0, not -1"),
        ({"activation": "rleu"}, "layer 1 (Dense), activation  'rleu' is not an activation  (did you mean relu?)"),
        ({"dtype": "float64"},
         "layer 1 (Dense)  computes with 'float64', and dnn trains with 32 bits or mixed precision"
         "  (leave dtype out of the program, and import again)"),
        ({"lora_rank": 4}, "layer 1 (Dense)  lora_rank=4 is not an argument of Dense in dnn  "
                           "(leave lora_rank out of the program, and import again)"),
        ({"activation": {"class_name": "LeakyReLU", "config": {}}},
         "layer 1 (Dense), activation  LeakyReLU is a layer, and an activation of dnn is a name  "
         "(write the layer LeakyReLU after this layer)"),
        ({"kernel_initializer": {"module": "mine", "class_name": "Mine", "config": {}}},
         "layer 1 (Dense), kernel_initializer  Mine is a class of your own  "
         "(write an initializer of Keras in its place, and import again; dnn list initializers shows all)"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_unknown_parts_are_named(tmp_path, arguments, line):
    path = write_architecture(tmp_path, make_dense_document(**arguments))
    assert list_import_errors(path) == [f"model.json  {line}"]


def test_layer_of_a_module_is_a_custom_layer(tmp_path):
    document = make_dense_document()
    document["config"]["layers"][0] = {
        "module": "mylayers", "class_name": "Scale", "registered_name": "Scale", "config": {"factor": 2, "name": "s"},
    }  # fmt: skip
    experiment, _ = import_file(write_architecture(tmp_path, document))
    assert list_layers(experiment) == [{"type": "mylayers:Scale", "name": "s", "factor": 2}]


def test_mixed_precision_is_a_key(tmp_path):
    document = make_dense_document(dtype={"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}})
    document["compile_config"] = {
        "optimizer": {"class_name": "LossScaleOptimizer",
                      "config": {"inner_optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.01}}}},
        "loss": {"class_name": "function", "config": "sparse_categorical_crossentropy"},
    }  # fmt: skip
    experiment, _ = import_file(write_architecture(tmp_path, document))
    assert experiment.mixed_precision
    assert (experiment.optimizer.type, experiment.optimizer.learning_rate) == ("adam", 0.01)
    assert experiment.metrics == ()


@pytest.mark.parametrize(
    ("shape", "units", "data"),
    [
        ((784,), 10, {"dataset": "fashion_mnist", "flatten": True}),
        ((8, 8, 1), 10, {"dataset": "digits"}),
        ((30,), 2, {"dataset": "breast_cancer"}),
        ((20,), 2, {"dataset": "npz", "path": "data.npz"}),
    ],
)
def test_data_fits_the_network(tmp_path, shape, units, data):
    document = make_dense_document(units=units)
    document["config"]["layers"][:0] = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, *shape]}},
        {"class_name": "Flatten", "config": {}},
    ]
    experiment, imported = import_file(write_architecture(tmp_path, document))
    assert experiment.data.model_dump(include=set(data)) == data
    is_reshaped = len(shape) == 3
    assert (experiment.model.layers[0].type == "Reshape") == is_reshaped
    assert imported.has_placeholder == ("path" in data)


def test_program_is_not_imported_by_reading(tmp_path):
    """A module that a file names is not imported."""
    Path(tmp_path, "evil.py").write_text("raise SystemExit(7)")
    document = make_dense_document(kernel_initializer={"module": "evil", "class_name": "Boom", "config": {}})
    assert "Boom is a class of your own" in list_import_errors(write_architecture(tmp_path, document))[0]
