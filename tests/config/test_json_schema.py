"""The JSON Schema of configs, as an editor meets it."""

import json
import re
import unicodedata

import pytest
from jsonschema import Draft202012Validator
from pydantic_core import PydanticCustomError

from dnn_cli.config.identifiers import check_name
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.config.yaml_reader import parse_yaml, read_yaml
from tests.helpers.settings import ROOT
from tests.helpers.validators import SCHEMA, is_valid_experiment, is_valid_for_schema

DEFINITIONS = SCHEMA["$defs"]
STACK = "model: {layers: [Flatten, {type: Dense, units: 10}]}\n"


def is_accepted(text):
    return is_valid_for_schema(parse_yaml(text, "").value)


def test_schema_is_valid():
    Draft202012Validator.check_schema(SCHEMA)


def test_schema_file_is_current():
    schema_file = json.loads((ROOT / "configs" / "schema.json").read_text(encoding="utf-8"))
    is_current = schema_file == json.loads(json.dumps(SCHEMA))
    assert is_current, "write it again: dnn schema -o configs/schema.json"


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_example_config_is_accepted(path):
    errors = Draft202012Validator(SCHEMA).iter_errors(read_yaml(str(path)).value)
    assert [error.message for error in errors] == []


@pytest.mark.parametrize(
    "text",
    [
        "optimizer: adam", "optimizer: {type: adam, amsgrad: true}", "optimizer: {rho: 0.8}", "optimizer: {}",
        "optimizer: {learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}}",
        "loss: mse", "loss: {type: huber, delta: 2}", "metrics: [accuracy, {type: top_k_categorical_accuracy, k: 3}]",
        "metrics: []", "jit: auto", "jit: false", "name: 패션 👩‍🚀", "data: {path: null}",
    ],
)  # fmt: skip
def test_valid_config_is_accepted(text):
    assert is_accepted(STACK + text)


@pytest.mark.parametrize(
    "text",
    [
        "optimiser: adam", "optimizer: adm", "optimizer: 3", "optimizer: {type: sgd, beta_1: 0.9}",
        "optimizer: {amsgrad: true}", "optimizer: {type: adam, learning_rate: 0}",
        "optimizer: {type: adam, learning_rate: CosineDecay}", "optimizer: {learning_rate: {decay_steps: 9}}",
        "loss: {type: mean_error}", "loss: {delta: 2}", "loss: Mse", "metrics: fast", "metrics: [{k: 3}]",
        "epochs: 0", "epochs: 1.5", "epochs: '5'", "epochs: true", "jit: 1", "seed: 4294967296", "seed: null",
        "name: ''", "name: ' '", 'name: "a\\tb"', "data: {validation_size: 1.5}", "data: {validation_sise: 0.1}",
    ],
)  # fmt: skip
def test_invalid_config_is_refused(text):
    assert not is_accepted(STACK + text)


@pytest.mark.parametrize(
    ("layer", "right"),
    [
        ("Flatten", True), ("MaxPooling2D", True), ("Dense", False), ("flatten", False), ("{units: 3}", False),
        ("{type: Dense}", False), ("{type: Dense, units: 3}", True), ("{type: Dense, unit: 3}", False),
        ("{type: Dense, units: 3, name: a/b}", False), ("{type: Dense, units: 3, activation: rleu}", False),
        ("{type: Dense, units: 3, activation: null}", True), ("{type: MaxPooling2D, pool_size: 2}", True),
        ("{type: MaxPooling2D, pool_size: [2, 3]}", True), ("{type: MaxPooling2D, pool_size: [2]}", False),
        ("{type: MaxPooling2D, pool_size: [2, 3, 4]}", False), ("{type: MaxPooling2D, pool_size: 2.5}", False),
        ("{type: Dense, units: 3, kernel_regularizer: l2}", True),
        ("{type: Dense, units: 3, activity_regularizer: orthogonal_regularizer}", False),
    ],
)  # fmt: skip
def test_layer_schema_agrees_with_classes(layer, right):
    text = f"model: {{layers: [{layer}]}}"
    assert is_accepted(text) == is_valid_experiment(parse_yaml(text, "").value) == right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("epochs: 3", True), ("model: {name: x}", True), ("optimizer: {amsgrad: true}", True),
        ("optimizer: {learning_rate: {decay_steps: 9}}", True), ("optimizer: {type: sgd, momentum: 0.9}", True),
        ("loss: {label_smoothing: 0.1}", True), ("loss: {}", True), ("data: {flatten: true}", True),
        ("optimizer: {type: sgd, amsgrad: true}", False), ("optimizer: {amsgad: true}", False),
        ("optimizer: {amsgrad: true, rho: 0.9}", False), ("optimizer: {learning_rate: {type: CosineDecay}}", False),
        ("model: {layers: [Dense]}", False), ("model: {layers: []}", False), ("model: {layer: [Flatten]}", False),
        ("metrics: [{k: 3}]", False), ("epochs: 0", False), ("epoch: 3", False),
    ],
)  # fmt: skip
def test_partial_config_needs_extends(text, right):
    assert is_accepted(f"extends: base.yaml\n{text}") == right
    assert not is_accepted(text)


@pytest.mark.parametrize("text", ["", "[]", "model", "extends: ''\nepochs: 3", "extends: [a.yaml]", "epochs: 3"])
def test_non_config_is_refused(text):
    assert not is_accepted(text)


def test_name_pattern_agrees_with_validator():
    visible, clean = DEFINITIONS["Experiment"]["properties"]["name"]["allOf"]
    for character in map(chr, {*range(0x10000)} - {*range(0xD800, 0xE000)}):
        if unicodedata.category(character) == "Cn":
            continue  # a newer Python may know it
        for text in (character, f"a{character}"):
            right = re.search(visible["pattern"], text) and not re.search(clean["not"]["pattern"], text)
            assert bool(right) == is_valid_name(text), f"U+{ord(character):04X}"


def is_valid_name(text):
    try:
        check_name(text)
    except PydanticCustomError:
        return False
    return True


def iter_schemas(value):
    """Every mapping within a schema."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield from [value] if isinstance(value, dict) else []
    for inner_value in inner:
        yield from iter_schemas(inner_value)


def test_references_and_definitions_match():
    used = {schema["$ref"] for schema in iter_schemas(SCHEMA) if isinstance(schema.get("$ref"), str)}
    assert used == {f"#/$defs/{name}" for name in DEFINITIONS}


def test_every_class_has_fields_and_description():
    unions = {kind: DEFINITIONS[kind.title()]["anyOf"] for kind in CLASSES_BY_KIND}
    for kind, classes in CLASSES_BY_KIND.items():
        names = [schema["$ref"].rpartition("/")[2] for schema in unions[kind] if "$ref" in schema]
        # A custom layer has no class of its own.
        definitions = [DEFINITIONS[name] for name in names if name != "CustomLayer"]
        assert [list(schema["properties"]) for schema in definitions] == [
            list(cls.model_fields) for cls in classes.values()
        ]
        assert [schema["description"] for schema in definitions] == [
            cls.__doc__.splitlines()[0] for cls in classes.values()
        ]


def test_every_bare_name_has_a_description():
    kinds = [
        *(DEFINITIONS[kind.title()] for kind in CLASSES_BY_KIND),
        DEFINITIONS["Dense"]["properties"]["activity_regularizer"],
    ]
    assert all(choice["description"] for kind in kinds for choice in kind["anyOf"] if "const" in choice)


def test_attribute_docstring_becomes_description():
    data = DEFINITIONS["Data"]["properties"]
    assert data["split_seed"]["description"] == "Seed of the split: scikit-learn's `random_state`."
    assert DEFINITIONS["Experiment"]["properties"]["jit"]["default"] == "auto"


def test_schema_has_no_titles():
    assert not [schema for schema in iter_schemas(SCHEMA) if isinstance(schema.get("title"), str)]
