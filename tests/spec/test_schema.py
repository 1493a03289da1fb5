"""The JSON Schema of configs, as an editor meets it."""

import json
import re
import unicodedata

import pytest
from jsonschema import Draft202012Validator
from pydantic_core import PydanticCustomError

from dnn_cli.spec.catalog import KINDS
from dnn_cli.spec.names import printable
from dnn_cli.spec.yaml_file import parse_yaml, read_yaml
from tests.conftest import ROOT
from tests.spec.judges import SCHEMA, accepts, reads

DEFINITIONS = SCHEMA["$defs"]
STACK = "model: {layers: [Flatten, {type: Dense, units: 10}]}\n"


def accepted(text):
    return accepts(parse_yaml(text, "").value)


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_beside_the_configs_is_the_one_of_now():
    """Made by `dnn schema -o configs/schema.json`."""
    beside = json.loads((ROOT / "configs" / "schema.json").read_text(encoding="utf-8"))
    assert beside == json.loads(json.dumps(SCHEMA))


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_is_accepted(path):
    found = Draft202012Validator(SCHEMA).iter_errors(read_yaml(str(path)).value)
    assert [error.message for error in found] == []


@pytest.mark.parametrize(
    "text",
    [
        "optimizer: adam", "optimizer: {type: adam, amsgrad: true}", "optimizer: {rho: 0.8}", "optimizer: {}",
        "optimizer: {learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}}",
        "loss: mse", "loss: {type: huber, delta: 2}", "metrics: [accuracy, {type: top_k_categorical_accuracy, k: 3}]",
        "metrics: []", "jit: auto", "jit: false", "name: 패션 👩‍🚀", "data: {path: null}",
    ],
)  # fmt: skip
def test_what_an_editor_must_accept(text):
    assert accepted(STACK + text)


@pytest.mark.parametrize(
    "text",
    [
        "optimiser: adam", "optimizer: adm", "optimizer: 3", "optimizer: {type: sgd, beta_1: 0.9}",
        "optimizer: {amsgrad: true}", "optimizer: {type: adam, learning_rate: 0}",
        "optimizer: {type: adam, learning_rate: CosineDecay}", "optimizer: {learning_rate: {decay_steps: 9}}",
        "loss: {type: mean_error}", "loss: {delta: 2}", "loss: Mse", "metrics: fast", "metrics: [{k: 3}]",
        "epochs: 0", "epochs: 1.5", "epochs: '5'", "epochs: true", "jit: 1", "seed: 4294967296", "seed: null",
        "name: ''", "name: ' '", 'name: "a\\tb"', "data: {validation_size: 1}", "data: {validation_sise: 0.1}",
    ],
)  # fmt: skip
def test_what_an_editor_must_refuse(text):
    assert not accepted(STACK + text)


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
def test_layers_in_an_editor(layer, right):
    text = f"model: {{layers: [{layer}]}}"
    assert accepted(text) == reads(parse_yaml(text, "").value) == right


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
def test_a_config_that_extends_another_may_be_a_part_of_one(text, right):
    assert accepted(f"extends: base.yaml\n{text}") == right
    assert not accepted(text)


@pytest.mark.parametrize("text", ["", "[]", "model", "extends: ''\nepochs: 3", "extends: [a.yaml]", "epochs: 3"])
def test_what_is_no_config(text):
    assert not accepted(text)


def test_a_name_holds_in_an_editor_what_it_may_hold():
    visible, clean = DEFINITIONS["Experiment"]["properties"]["name"]["allOf"]
    for character in map(chr, {*range(0x10000)} - {*range(0xD800, 0xE000)}):
        if unicodedata.category(character) == "Cn":
            continue  # a newer Python may know it
        for text in (character, f"a{character}"):
            right = re.search(visible["pattern"], text) and not re.search(clean["not"]["pattern"], text)
            assert bool(right) == is_printable(text), f"U+{ord(character):04X}"


def is_printable(text):
    try:
        printable(text)
    except PydanticCustomError:
        return False
    return True


def every_schema(value):
    """Every mapping within a schema."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield from [value] if isinstance(value, dict) else []
    for one in inner:
        yield from every_schema(one)


def test_every_reference_has_its_definition_and_every_definition_its_use():
    used = {schema["$ref"] for schema in every_schema(SCHEMA) if isinstance(schema.get("$ref"), str)}
    assert used == {f"#/$defs/{name}" for name in DEFINITIONS}


def test_every_class_is_there_with_its_fields_and_its_meaning():
    unions = {kind: DEFINITIONS[kind.title()]["anyOf"] for kind in KINDS}
    for kind, classes in KINDS.items():
        found = [DEFINITIONS[one["$ref"].rpartition("/")[2]] for one in unions[kind] if "$ref" in one]
        assert [list(one["properties"]) for one in found] == [list(cls.model_fields) for cls in classes.values()]
        assert [one["description"] for one in found] == [cls.__doc__.splitlines()[0] for cls in classes.values()]


def test_every_bare_name_has_its_meaning():
    kinds = [*(DEFINITIONS[kind.title()] for kind in KINDS), DEFINITIONS["Dense"]["properties"]["activity_regularizer"]]
    assert all(choice["description"] for kind in kinds for choice in kind["anyOf"] if "const" in choice)


def test_what_stands_under_a_field_describes_it():
    data = DEFINITIONS["Data"]["properties"]
    assert data["split_seed"]["description"] == "Decides which examples those are: scikit-learn's `random_state`."
    assert DEFINITIONS["Experiment"]["properties"]["jit"]["default"] == "auto"


def test_no_title_repeats_a_key():
    assert not [schema for schema in every_schema(SCHEMA) if isinstance(schema.get("title"), str)]
