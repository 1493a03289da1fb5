"""Calls of Keras classes in scripts create the objects that the engine creates."""

import keras
import pytest

from dnn_cli.config.callbacks import CALLBACK_CLASSES
from dnn_cli.config.layer_base import LAYER_CLASSES, validate_layer
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.script.keras_calls import build_keras_argument, build_keras_call
from dnn_cli.script.python_code import format_statement

LAYERS = [name for name, cls in LAYER_CLASSES.items() if not cls.keras_name.startswith("dnn>")]


def evaluate_code(expression):
    """The value of an expression of a script."""
    return eval("\n".join(format_statement("", expression)), {"keras": keras})


@pytest.mark.parametrize("name", LAYERS)
def test_call_of_each_layer_creates_an_equal_layer(name):
    layer = validate_layer({"type": name, **LAYER_CLASSES[name].example})
    written = evaluate_code(build_keras_call(layer, {"name": "layer"}))
    built = layer.build_keras_object(name="layer")
    assert remove_seeds(written.get_config()) == remove_seeds(built.get_config())


def remove_seeds(config):
    """The config of an object without seeds and without the names of inner layers, which Keras numbers."""
    if isinstance(config, dict):
        return {key: remove_seeds(value) for key, value in config.items() if key not in ("seed", "name")}
    return [remove_seeds(item) for item in config] if isinstance(config, list | tuple) else config


@pytest.mark.parametrize(
    ("kind", "get"),
    [("optimizer", keras.optimizers.get), ("loss", keras.losses.get), ("metric", keras.metrics.get),
     ("initializer", keras.initializers.get), ("regularizer", keras.regularizers.get),
     ("constraint", keras.constraints.get)],
)  # fmt: skip
def test_name_or_call_of_each_class_creates_an_equal_object(kind, get):
    for cls in set(CLASSES_BY_KIND[kind].values()):
        if any(field.is_required() for field in cls.model_fields.values()) or cls.keras_name == "metrics.Accuracy":
            continue
        # Keras numbers the names of objects of one class.
        keras.utils.clear_session(free_memory=False)
        built = cls().build_keras_object()
        keras.utils.clear_session(free_memory=False)
        written = get(evaluate_code(build_keras_argument(cls())))
        if kind == "loss" and not isinstance(written, keras.losses.Loss):
            # Keras wraps the function in the class when it compiles a model.
            assert built.fn is written, cls
            continue
        assert isinstance(written, type(built)), cls
        assert remove_seeds(written.get_config()) == remove_seeds(built.get_config()), cls
        assert getattr(written, "name", None) == getattr(built, "name", None), cls


def test_initializers_are_objects_where_their_order_determines_seeds():
    layers = [
        {"type": "LSTM", "units": 3, "recurrent_initializer": "he_normal"},
        {"type": "Dense", "units": 3, "kernel_initializer": "he_normal", "bias_initializer": "he_normal"},
    ]
    for layer in map(validate_layer, layers):
        keras.utils.set_random_seed(7)
        written = evaluate_code(build_keras_call(layer))
        keras.utils.set_random_seed(7)
        built = layer.build_keras_object()
        ours, theirs = (str(each.get_config()).replace(each.name, "") for each in (written, built))
        assert ours == theirs


def test_every_callback_can_be_called():
    for cls in CALLBACK_CLASSES.values():
        if cls.key != "model_checkpoint":
            assert evaluate_code(build_keras_call(cls())) is not None
