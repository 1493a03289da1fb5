"""Keras's own spellings, each under one name: Keras is asked which class it means."""

import inspect

import keras
import pytest
from keras.src import constraints, initializers, losses, metrics, optimizers, regularizers

from dnn_cli.config.loading import load_experiment, to_yaml
from dnn_cli.config.python_calls import list_positional_arguments
from dnn_cli.config.registry import CLASSES_BY_KIND, SPELLINGS, canonicalize_names
from dnn_cli.config.score_names import expand_score_name
from dnn_cli.runs.run_info import read_run_info
from tests.helpers.keras_signatures import KERAS, get_keras_class, is_in_keras

NAMESPACES = {
    "optimizer": optimizers, "loss": losses, "metric": metrics, "initializer": initializers,
    "regularizer": regularizers, "constraint": constraints,
}  # fmt: skip
CLASSES = [(kind, cls) for kind, table in CLASSES_BY_KIND.items() for cls in table.values() if is_in_keras(cls)]


def iter_keras_names(kind):
    """Every name that Keras takes for a part of a kind that dnn has, and what dnn calls that part."""
    ours = {get_keras_class(cls).__name__: name for name, cls in CLASSES_BY_KIND[kind].items() if is_in_keras(cls)}
    if kind == "layer":
        keras_objects = {name: getattr(keras.layers, name) for name in dir(keras.layers)}
    else:
        keras_objects = NAMESPACES[kind].ALL_OBJECTS_DICT
    for name, keras_object in keras_objects.items():
        if getattr(keras_object, "__name__", "") in ours:
            yield name, ours[keras_object.__name__]


@pytest.mark.parametrize("kind", ["layer", *NAMESPACES])
def test_every_keras_name_is_accepted(kind):
    names = dict(iter_keras_names(kind))
    # Keras finds lamb, and Keras 3.12 finds muon, by the class alone.
    assert len(names) >= sum(map(is_in_keras, CLASSES_BY_KIND[kind].values())) - 2
    assert {name: SPELLINGS[kind].get(name, name) for name in names} == names


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind in NAMESPACES
        for name in SPELLINGS[kind]
        # Keras finds the last name by its module alone.
        if name not in ("Lamb", "acc", "CategoricalGeneralizedCrossEntropy")
    ],
)
def test_every_spelling_is_a_keras_name(kind, name):
    if kind == "metric" and SPELLINGS[kind][name] == "accuracy":
        return  # by its name, for which Keras picks the class that fits the labels
    expected = CLASSES_BY_KIND[kind][SPELLINGS[kind][name]]
    if not is_in_keras(expected) or (KERAS < (3, 13) and name == "Muon"):
        pytest.skip("the installed Keras does not know the name")
    keras_object = NAMESPACES[kind].ALL_OBJECTS_DICT[
        name.lower() if kind == "optimizer" else name
    ]  # of which any case will do
    assert keras_object.__name__ in (get_keras_class(expected).__name__, expected.model_fields["type"].default)


@pytest.mark.parametrize(("name", "canonical_name"), SPELLINGS["activation"].items())
def test_activation_aliases_are_the_same_function(name, canonical_name):
    assert keras.activations.get(name) is keras.activations.get(canonical_name)


@pytest.mark.parametrize(("kind", "cls"), CLASSES, ids=lambda value: getattr(value, "keras_name", value))
def test_positional_arguments_follow_keras_order(kind, cls):
    order = [name for name in inspect.signature(get_keras_class(cls).__init__).parameters if name != "self"]
    assert list(list_positional_arguments(cls)) == order[: len(list_positional_arguments(cls))]


def test_two_spellings_are_one_experiment(config, make_run):
    spelled = [
        "optimizer=RMSProp", "loss=SparseCategoricalCrossentropy", "metrics=acc", "early_stopping.monitor=val_acc",
        "layers.hidden.kernel_initializer={type: HeNormal}", "layers.hidden.activation=swish", "lr=0.01",
        "layers.0={type: Flatten, input_shape: [8, 8]}",
    ]  # fmt: skip
    full_names = [
        "optimizer={type: rmsprop, learning_rate: 0.01}", "loss=sparse_categorical_crossentropy", "metrics=[accuracy]",
        "early_stopping.monitor=val_accuracy", "layers.hidden.kernel_initializer=he_normal",
        "layers.hidden.activation=silu",
    ]  # fmt: skip
    first, second = (load_experiment(config(), overrides).experiment for overrides in (spelled, full_names))
    assert to_yaml(first) == to_yaml(second)
    runs = [
        make_run(*overrides, digits=f"0000000{number}") for number, overrides in enumerate((spelled, full_names), 1)
    ]
    assert len({read_run_info(run).details.variant_digest for run in runs}) == 1


def test_unrelated_text_is_unchanged():
    plain = {"name": "SGD", "data": {"target": "acc", "ignore": ["MSE"]}, "model": {"name": "Adam"}, "loss": 3}
    assert canonicalize_names(plain) == plain


@pytest.mark.parametrize(
    ("typed", "full"),
    [
        ("acc", "accuracy"), ("val_acc", "val_accuracy"), ("best.val_mse", "best.val_mean_squared_error"),
        ("val_AUC", "val_auc"), ("loss", "loss"), ("val_loss", "val_loss"), ("valid", "valid"),
    ],
)  # fmt: skip
def test_score_name_is_expanded(typed, full):
    assert expand_score_name(typed) == full


@pytest.mark.parametrize("monitor", ["early_stopping", "model_checkpoint", "reduce_lr_on_plateau"])
@pytest.mark.parametrize(("short", "full"), [("val_mse", "val_mean_squared_error"), ("mae", "mean_absolute_error")])
def test_monitor_name_is_expanded(config, monitor, short, full):
    overrides = ["data.dataset=diabetes", "layers=[{type: Dense, units: 1}]", "loss=MSE", "metrics=[mse, MAE]"]
    experiment = load_experiment(config(), [*overrides, f"{monitor}.monitor={short}"]).experiment
    assert getattr(experiment, monitor).monitor == full
    assert [metric.type for metric in experiment.metrics] == ["mean_squared_error", "mean_absolute_error"]
