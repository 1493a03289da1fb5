"""Objects of Keras in saved models become parts of a config from which Keras builds equal objects."""

import inspect
import json

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from dnn_cli.config.callbacks import CALLBACK_CLASSES
from dnn_cli.config.layer_base import validate_layer
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.errors import SourceLocation
from dnn_cli.keras_import.layer_conversion import convert_layers
from dnn_cli.keras_import.part_conversion import PartConverter, list_unnamed_arguments
from dnn_cli.keras_import.saved_model_file import build_architecture
from dnn_cli.keras_import.saved_objects import build_program, convert_json_value, shorten_float32
from tests.helpers.hypothesis_layers import layer_stacks
from tests.helpers.imported_programs import build_sequential_document
from tests.helpers.keras_signatures import get_keras_class, is_in_keras

REQUIRED_ARGUMENTS = {
    "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5, "first_decay_steps": 10, "boundaries": [1],
    "values": [1.0, 2.0], "warmup_steps": 1, "learning_rate": 0.1, "recall": 0.5, "precision": 0.5, "sensitivity": 0.5,
    "specificity": 0.5,
}  # fmt: skip


def serialize(keras_object):
    """The JSON document of a Keras object, without names, which depend on the objects built before."""
    return remove_names(json.loads(json.dumps(keras.saving.serialize_keras_object(keras_object))))


def remove_names(value):
    if isinstance(value, list):
        return [remove_names(inner) for inner in value]
    if isinstance(value, dict):
        return {key: remove_names(inner) for key, inner in value.items() if key not in ("name", "shared_object_id")}
    return value


@pytest.mark.parametrize("kind", CLASSES_BY_KIND)
def test_every_class_is_read_back(kind):
    for name, cls in CLASSES_BY_KIND[kind].items():
        if not is_in_keras(cls) or name == "accuracy":
            continue
        required = {key: REQUIRED_ARGUMENTS.get(key) for key, field in cls.model_fields.items() if field.is_required()}
        part = TypeAdapter(cls).validate_python({"type": name, **required, **getattr(cls, "example", {})})
        document = serialize(part.build_keras_object())
        converter = PartConverter()
        values = converter.convert_value(convert_json_value(document, SourceLocation("")), kind, "")
        assert converter.issues == [], name
        again = validate_layer(values) if kind == "layer" else cls.model_validate(values)
        assert serialize(again.build_keras_object()) == document, name


def test_arguments_without_names_are_in_the_order_of_keras():
    classes = [cls for kind, table in CLASSES_BY_KIND.items() if kind != "metric" for cls in table.values()]
    for cls in (*classes, *CALLBACK_CLASSES.values()):
        if not is_in_keras(cls) or ">" in cls.keras_name:
            continue
        parameters = list(inspect.signature(get_keras_class(cls).__init__).parameters)[1:]
        names = list_unnamed_arguments(getattr(cls, "key", None) or cls.model_fields["type"].default, cls)
        assert list(names) == parameters[: len(names)], cls


@settings(max_examples=15)
@given(layer_stacks())
def test_random_layers_are_read_back(stack):
    input_shape, layers = stack
    document = build_sequential_document([layer.build_keras_object() for layer in layers], input_shape)
    program = build_program("model.json", build_architecture("model.json", document))
    converter = PartConverter()
    converted = convert_layers(program, converter)
    assert converter.issues == []
    assert converted.input_shape == input_shape
    again = [validate_layer(values).build_keras_object() for values in converted.layers]
    assert list(map(serialize, again)) == remove_names(document["config"]["layers"][1:])


@given(st.integers(1, 99_999), st.integers(-12, -5))
def test_float32_is_written_as_the_decimal_that_it_was(digits, exponent):
    number = float(f"{digits}e{exponent}")
    assert shorten_float32(float(np.float32(number))) == number
    assert shorten_float32(number) == number


@pytest.mark.parametrize("number", [1 / 3, 0.1 + 1e-9, float(np.float32(1 / 3)), 1e300, float("inf")])
def test_other_numbers_are_unchanged(number):
    assert shorten_float32(number) == number
