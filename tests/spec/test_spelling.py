"""Keras's own spellings, each under one name: Keras is asked which class it means."""

import inspect

import keras
import pytest
from keras.src import constraints, initializers, losses, metrics, optimizers, regularizers

from dnn_cli.runs.entry import read_entry
from dnn_cli.spec.catalog import KINDS
from dnn_cli.spec.keras_hints import positional
from dnn_cli.spec.load import load, to_yaml
from dnn_cli.spec.metrics import score_name
from dnn_cli.spec.spelling import SPELLINGS, canonical

NAMESPACES = {
    "optimizer": optimizers, "loss": losses, "metric": metrics, "initializer": initializers,
    "regularizer": regularizers, "constraint": constraints,
}  # fmt: skip
CLASSES = [(kind, cls) for kind, table in KINDS.items() for cls in table.values()]


def class_of(cls):
    """Keras's class of a part."""
    found = keras
    for step in cls.keras_name.split("."):
        found = getattr(found, step)
    return found


def known_to_keras(kind):
    """Every name that Keras takes for a part of a kind that dnn has, and what dnn calls that part."""
    ours = {class_of(cls).__name__: name for name, cls in KINDS[kind].items()}
    if kind == "layer":
        found = {name: getattr(keras.layers, name) for name in dir(keras.layers)}
    else:
        found = NAMESPACES[kind].ALL_OBJECTS_DICT
    for name, meant in found.items():
        if getattr(meant, "__name__", "") in ours:
            yield name, ours[meant.__name__]


@pytest.mark.parametrize("kind", ["layer", *NAMESPACES])
def test_every_name_that_keras_takes_is_taken(kind):
    found = dict(known_to_keras(kind))
    assert len(found) >= len(KINDS[kind]) - 1  # Keras itself finds lamb by its class alone
    assert {name: SPELLINGS[kind].get(name, name) for name in found} == found


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in NAMESPACES for name in SPELLINGS[kind] if name not in ("Lamb", "acc")]
)
def test_every_spelling_is_one_that_keras_takes(kind, name):
    if kind == "metric" and SPELLINGS[kind][name] == "accuracy":
        return  # by its name, for which Keras picks the class that fits the labels
    meant = KINDS[kind][SPELLINGS[kind][name]]
    made = NAMESPACES[kind].ALL_OBJECTS_DICT[name.lower() if kind == "optimizer" else name]  # of which any case will do
    assert made.__name__ in (class_of(meant).__name__, meant.model_fields["type"].default)


@pytest.mark.parametrize(("name", "meant"), SPELLINGS["activation"].items())
def test_activations_of_two_names_are_the_same_function(name, meant):
    assert keras.activations.get(name) is keras.activations.get(meant)


@pytest.mark.parametrize(("kind", "cls"), CLASSES, ids=lambda value: getattr(value, "keras_name", value))
def test_arguments_without_a_name_are_in_the_order_of_keras(kind, cls):
    order = [name for name in inspect.signature(class_of(cls).__init__).parameters if name != "self"]
    assert list(positional(cls)) == order[: len(positional(cls))]


def test_two_spellings_are_one_experiment(config, make_run):
    spelled = [
        "optimizer=RMSProp", "loss=SparseCategoricalCrossentropy", "metrics=acc", "early_stopping.monitor=val_acc",
        "layers.hidden.kernel_initializer={type: HeNormal}", "layers.hidden.activation=swish", "lr=0.01",
        "layers.0={type: Flatten, input_shape: [8, 8]}",
    ]  # fmt: skip
    kept = [
        "optimizer={type: rmsprop, learning_rate: 0.01}", "loss=sparse_categorical_crossentropy", "metrics=[accuracy]",
        "early_stopping.monitor=val_accuracy", "layers.hidden.kernel_initializer=he_normal",
        "layers.hidden.activation=silu",
    ]  # fmt: skip
    one, other = (load(config(), overrides).experiment for overrides in (spelled, kept))
    assert to_yaml(one) == to_yaml(other)
    runs = [make_run(*overrides, digits=f"0000000{number}") for number, overrides in enumerate((spelled, kept), 1)]
    assert len({read_entry(run).details.alike for run in runs}) == 1


def test_what_is_no_part_keeps_its_name():
    plain = {"name": "SGD", "data": {"target": "acc", "ignore": ["MSE"]}, "model": {"name": "Adam"}, "loss": 3}
    assert canonical(plain) == plain


@pytest.mark.parametrize(
    ("typed", "full"),
    [
        ("acc", "accuracy"), ("val_acc", "val_accuracy"), ("best.val_mse", "best.val_mean_squared_error"),
        ("val_AUC", "val_auc"), ("loss", "loss"), ("val_loss", "val_loss"), ("valid", "valid"),
    ],
)  # fmt: skip
def test_scores_have_the_same_short_names(typed, full):
    assert score_name(typed) == full


@pytest.mark.parametrize("monitor", ["early_stopping", "model_checkpoint", "reduce_lr_on_plateau"])
@pytest.mark.parametrize(("short", "full"), [("val_mse", "val_mean_squared_error"), ("mae", "mean_absolute_error")])
def test_monitors_take_the_short_names(config, monitor, short, full):
    overrides = ["data.dataset=diabetes", "layers=[{type: Dense, units: 1}]", "loss=MSE", "metrics=[mse, MAE]"]
    made = load(config(), [*overrides, f"{monitor}.monitor={short}"]).experiment
    assert getattr(made, monitor).monitor == full
    assert [metric.type for metric in made.metrics] == ["mean_squared_error", "mean_absolute_error"]
