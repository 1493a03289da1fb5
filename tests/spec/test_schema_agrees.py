"""The JSON Schema takes what the classes take, and refuses what they refuse: every key once, and many at random."""

from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnn_cli.spec.base import Part
from dnn_cli.spec.block import Block
from dnn_cli.spec.catalog import KINDS
from dnn_cli.spec.experiment import Experiment, Model
from dnn_cli.spec.spelling import SPELLINGS, spellings_of
from tests.spec.judges import accepts, laid_over, reads
from tests.spec.mappings import EXPERIMENTS, spoiled

many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])

STACK = {"model": {"layers": ["Flatten"]}}
NEEDED = {"layers": ["Flatten"], "activation": "relu", "boundaries": [1], "values": [1, 2], "target_shape": [1]}
"""What a part needs, where it is not the number 1."""

VALUES = [
    True, "x", 0.5, None, 1, -1, [], [1], [1, 1], {}, {"type": "CosineDecay"},
    "", "a/b", "l2", "auto", "relu", [1, "1"], [1, 1, 1], ["Flatten"], ["accuracy"] * 21, {"type": "l2"}, {"0": 1},
    -1e9, -101, -0.5, 0, 1.5, 9, 1000, 1001, 10**6 + 1, 10**7 + 1, 10**9 + 1, 2**32,
]  # fmt: skip
SOME = VALUES[:11]
OTHER_NAMES = sorted({name for names in SPELLINGS.values() for name in names})

WITH = {
    "layer": lambda part: {"model": {"layers": [part]}},
    "optimizer": lambda part: {**STACK, "optimizer": part},
    "schedule": lambda part: {**STACK, "optimizer": {"type": "adam", "learning_rate": part}},
    "loss": lambda part: {**STACK, "loss": part},
    "metric": lambda part: {**STACK, "metrics": [part]},
    "initializer": lambda part: WITH["layer"]({"type": "Dense", "units": 1, "kernel_initializer": part}),
    "regularizer": lambda part: WITH["layer"]({"type": "Dense", "units": 1, "kernel_regularizer": part}),
    "constraint": lambda part: WITH["layer"]({"type": "Dense", "units": 1, "kernel_constraint": part}),
}
"""An experiment with a part of a kind in it."""


def whole(cls):
    """A mapping of all that a class needs, its type among them."""
    fields = cls.model_fields
    named = {"type": fields["type"].default} if "type" in fields else {}
    return named | {key: NEEDED.get(key, 1) for key, field in fields.items() if field.is_required()}


def plain_parts():
    """The parts of an experiment that are of one class, with an experiment that has them."""
    yield "experiment", Experiment, lambda part: part
    yield "model", Model, lambda part: {"model": part}
    yield "block", Block, lambda part: {"model": {"layers": [part]}}
    for key, field in Experiment.model_fields.items():
        for cls in (field.annotation, *get_args(field.annotation)):
            if isinstance(cls, type) and issubclass(cls, Part) and cls is not Model and "type" not in cls.model_fields:
                yield key, cls, lambda part, key=key: {**STACK, key: part}


CLASSES = [(name, cls, WITH[kind]) for kind, table in KINDS.items() for name, cls in table.items()] + [*plain_parts()]


# Each field once with all values: the first class that has it stands for those that inherit it.
FIRST = {(key, repr(field)): cls for _, cls, _ in reversed(CLASSES) for key, field in cls.model_fields.items()}


def once_changed(part, cls):
    """A mapping without one of its keys, with one it does not know, and with every key set to all kinds of values."""
    yield from (
        {**part, "unknown": 1},
        part.get("type"),
        *OTHER_NAMES,
        *({**part, "type": name} for name in spellings_of(cls)),
    )
    for key, field in cls.model_fields.items():
        yield {other: value for other, value in part.items() if other != key}
        for value in VALUES if FIRST[key, repr(field)] is cls else ():
            yield {**part, key: value}
        yield {other: True for other in (*part, key) if other != "type"}


@pytest.mark.parametrize(("name", "cls", "within"), CLASSES, ids=lambda value: value if isinstance(value, str) else "")
def test_every_key_of_every_class(name, cls, within):
    part = {"model": STACK["model"], "name": "x"} if cls is Experiment else whole(cls)
    assert reads(within(part)), "NEEDED says what it needs"
    for changed in once_changed(part, cls):
        document = within(changed)
        assert accepts(document) == reads(document), document


@many
@given(spoiled(EXPERIMENTS))
def test_experiments_at_random(document):
    assert accepts(document) == reads(document)


def parents(key):
    """Experiments with every class that a key may hold."""
    kinds = {"optimizer": ["optimizer", "schedule"], "loss": ["loss"]}.get(key, [])
    yield {**STACK, "class_weight": {"0": 1}}
    yield from (WITH[kind](whole(cls)) for kind in kinds for cls in KINDS[kind].values())


@pytest.mark.parametrize("kind", ["optimizer", "loss", "schedule"])
def test_every_key_of_a_part_that_a_parent_completes(kind):
    key = "loss" if kind == "loss" else "optimizer"
    for name in sorted({name for cls in KINDS[kind].values() for name in cls.model_fields} | {"unknown"}):
        for value in SOME:
            part = {name: value}
            child = {key: {"learning_rate": part} if kind == "schedule" else part}
            completed = any(reads(laid_over(parent, child)) for parent in parents(key))
            assert accepts({"extends": "a.yaml", **child}) == completed, child


@st.composite
def thinned(draw, documents):
    """A document, and one with some of its keys, at any depth outside of lists."""

    def part(value):
        if not isinstance(value, dict):
            return value
        return {key: part(inner) for key, inner in value.items() if draw(st.integers(0, 3))}

    document = draw(documents)
    return document, part(document)


@many
@given(thinned(EXPERIMENTS))
def test_what_a_parent_completes_is_accepted(both):
    parent, child = both
    if reads(laid_over(parent, child)):
        assert accepts({"extends": "a.yaml", **child})


@many
@given(spoiled(thinned(EXPERIMENTS).map(lambda both: both[1])))
def test_what_is_accepted_some_parent_completes(child):
    if isinstance(child, dict) and accepts({"extends": "a.yaml", **child}):
        for key, value in child.items():
            assert any(reads(laid_over(parent, {key: value})) for parent in parents(key)), key
