"""The JSON Schema takes what the classes take, and refuses what they refuse: every key once, and many at random."""

from typing import get_args

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dnn_cli.config.base import ConfigModel
from dnn_cli.config.columns import COLUMNS_BY_TYPE
from dnn_cli.config.experiment import Experiment, Model
from dnn_cli.config.layer_blocks import Repeat
from dnn_cli.config.registry import CLASSES_BY_KIND, SPELLINGS, list_spellings
from tests.helpers.hypothesis_configs import EXPERIMENTS, changed_documents
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.validators import is_valid_experiment, is_valid_for_schema, merge_configs

random_settings = settings(
    max_examples=200 if RUN_ALL_CASES else 80, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

STACK = {"model": {"layers": ["Flatten"]}}
REQUIRED_VALUES = {
    "residual": ["Flatten"],
    "layer": {"type": "LSTM", "units": 1},
    "dims": [1],
    "equation": "ab,bc->ac",
    "rate": 0.5,
    "height_factor": 0.5,
    "layers": ["Flatten"],
    "activation": "relu",
    "boundaries": [1],
    "values": [1, 2],
    "target_shape": [1],
}
"""What a part needs, where it is not the number 1."""

VALUES = [
    True, "x", 0.5, None, 1, -1, [], [1], [1, 1], {}, {"type": "CosineDecay"},
    "", "a/b", "l2", "auto", "relu", [1, "1"], [1, 1, 1], ["Flatten"], ["accuracy"] * 21, {"type": "l2"}, {"0": 1},
    -1e9, -101, -0.5, 0, 1.5, 9, 1000, 1001, 10**6 + 1, 10**7 + 1, 10**9 + 1, 2**32,
]  # fmt: skip
FEW_VALUES = VALUES[:11]
OTHER_NAMES = sorted({name for names in SPELLINGS.values() for name in names})

WRAPPERS = {
    "layer": lambda part: {"model": {"layers": [part]}},
    "optimizer": lambda part: {**STACK, "optimizer": part},
    "schedule": lambda part: {**STACK, "optimizer": {"type": "adam", "learning_rate": part}},
    "decay": lambda part: WRAPPERS["schedule"]({"type": "Warmup", "warmup_steps": 1, "learning_rate": part}),
    "loss": lambda part: {**STACK, "loss": part},
    "metric": lambda part: {**STACK, "metrics": [part]},
    "initializer": lambda part: WRAPPERS["layer"]({"type": "Dense", "units": 1, "kernel_initializer": part}),
    "regularizer": lambda part: WRAPPERS["layer"]({"type": "Dense", "units": 1, "kernel_regularizer": part}),
    "constraint": lambda part: WRAPPERS["layer"]({"type": "Dense", "units": 1, "kernel_constraint": part}),
}
"""An experiment with a part of a kind in it."""

DECAYS = {name: cls for name, cls in CLASSES_BY_KIND["schedule"].items() if name != "Warmup"}


def build_minimal_config(cls):
    """A mapping of all that a class needs, its type among them."""
    fields = cls.model_fields
    named = {"type": fields["type"].default} if "type" in fields else {}
    return named | {key: REQUIRED_VALUES.get(key, 1) for key, field in fields.items() if field.is_required()}


def iter_untyped_classes():
    """The parts of an experiment that are of one class, with an experiment that has them."""
    yield "experiment", Experiment, lambda part: part
    yield "model", Model, lambda part: {"model": part}
    yield "block", Repeat, lambda part: {"model": {"layers": [part]}}
    for key, field in Experiment.model_fields.items():
        for cls in (field.annotation, *get_args(field.annotation)):
            if (
                isinstance(cls, type)
                and issubclass(cls, ConfigModel)
                and cls is not Model
                and "type" not in cls.model_fields
            ):
                yield key, cls, lambda part, key=key: {**STACK, key: part}


CLASSES = [(name, cls, WRAPPERS[kind]) for kind, table in CLASSES_BY_KIND.items() for name, cls in table.items()] + [
    *iter_untyped_classes()
]


# Each field once with all values: the first class with a field represents the classes that inherit it.
FIRST_CLASS_WITH_FIELD = {
    (key, repr(field)): cls for _, cls, _ in reversed(CLASSES) for key, field in cls.model_fields.items()
}


def iter_single_changes(part, cls):
    """A mapping without one of its keys, with one it does not know, and with every key set to all kinds of values."""
    yield from (
        {**part, "unknown": 1},
        part.get("type"),
        *OTHER_NAMES,
        *({**part, "type": name} for name in list_spellings(cls)),
    )
    for key, field in cls.model_fields.items():
        yield {other: value for other, value in part.items() if other != key}
        for value in VALUES if FIRST_CLASS_WITH_FIELD[key, repr(field)] is cls else ():
            yield {**part, key: value}
        yield {other: True for other in (*part, key) if other != "type"}


ZOOM_KEYS = ("height_factor", "width_factor")


def is_number(part, key):
    return isinstance(part.get(key), int | float)


def has_unsuitable_range(value):
    """Whether a value contains a range that a schema cannot refuse: in the wrong order, or from -1 as 1 for ±1."""
    if isinstance(value, list):
        return any(map(has_unsuitable_range, value))
    if not isinstance(value, dict):
        return False
    if value.get("type") == "RandomZoom" and {1, -1} & {value.get(key) for key in ZOOM_KEYS if is_number(value, key)}:
        return True
    match value.get("value_range"):
        case [int() | float() as low, int() | float() as high] if low >= high:
            return True
    return any(map(has_unsuitable_range, value.values()))


@pytest.mark.parametrize(("name", "cls", "within"), CLASSES, ids=lambda value: value if isinstance(value, str) else "")
def test_schema_agrees_on_every_key(name, cls, within):
    part = {"model": STACK["model"], "name": "x"} if cls is Experiment else build_minimal_config(cls)
    assert is_valid_experiment(within(part)), "NEEDED says what it needs"
    for changed in iter_single_changes(part, cls):
        document = within(changed)
        if has_unsuitable_range(document):
            continue
        assert is_valid_for_schema(document) == is_valid_experiment(document), document


@random_settings
@given(changed_documents(EXPERIMENTS))
def test_schema_agrees_on_random_experiments(document):
    assume(not has_unsuitable_range(document))
    assert is_valid_for_schema(document) == is_valid_experiment(document)


def choose_fitting_types(columns):
    """A type for each column that has its keys, for a parent that completes the columns."""
    return {
        name: {
            "type": next(
                (kind for kind, cls in COLUMNS_BY_TYPE.items() if part.keys() <= cls.model_fields.keys()), "number"
            )
        }
        for name, part in columns.items()
        if isinstance(part, dict)
    }


def iter_parents(key, value=None):
    """Experiments with every class that a key may hold, and with types for the columns of a value."""
    kinds = {"optimizer": ["optimizer", "schedule", "decay"], "loss": ["loss"]}.get(key, [])
    yield {**STACK, "class_weight": {"0": 1}}
    columns = value.get("columns") if key == "data" and isinstance(value, dict) else None
    if isinstance(columns, dict):
        yield {**STACK, "data": {**STACK.get("data", {}), "columns": choose_fitting_types(columns)}}
    classes = {**CLASSES_BY_KIND, "decay": DECAYS}
    yield from (WRAPPERS[kind](build_minimal_config(cls)) for kind in kinds for cls in classes[kind].values())


@pytest.mark.parametrize("kind", ["optimizer", "loss", "schedule"])
def test_partial_schema_agrees_on_every_key(kind):
    key = "loss" if kind == "loss" else "optimizer"
    for name in sorted({name for cls in CLASSES_BY_KIND[kind].values() for name in cls.model_fields} | {"unknown"}):
        for value in FEW_VALUES:
            part = {name: value}
            child = {key: {"learning_rate": part} if kind == "schedule" else part}
            completed = any(is_valid_experiment(merge_configs(parent, child)) for parent in iter_parents(key))
            assert is_valid_for_schema({"extends": "a.yaml", **child}) == completed, child


@st.composite
def drop_random_keys(draw, documents):
    """A document, and one with some of its keys, at any depth outside of lists."""

    def thin_out(value):
        if not isinstance(value, dict):
            return value
        return {key: thin_out(inner) for key, inner in value.items() if draw(st.integers(0, 3))}

    document = draw(documents)
    return document, thin_out(document)


@random_settings
@given(drop_random_keys(EXPERIMENTS))
def test_config_completed_by_parent_is_accepted(documents):
    parent, child = documents
    if is_valid_experiment(merge_configs(parent, child)):
        assert is_valid_for_schema({"extends": "a.yaml", **child})


@random_settings
@given(changed_documents(drop_random_keys(EXPERIMENTS).map(lambda both: both[1])))
def test_accepted_config_is_completed_by_some_parent(child):
    assume(not has_unsuitable_range(child))
    if isinstance(child, dict) and is_valid_for_schema({"extends": "a.yaml", **child}):
        for key, value in child.items():
            assert any(
                is_valid_experiment(merge_configs(parent, {key: value})) for parent in iter_parents(key, value)
            ), key
