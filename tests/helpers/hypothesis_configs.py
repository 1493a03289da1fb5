"""Random documents, made from the fields of the config classes, and changes that make them invalid."""

import sys
import types
from functools import cache
from typing import Annotated, Literal, Union, get_args, get_origin

from hypothesis import strategies as st

from dnn_cli.config.base import ConfigModel
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import BaseLayer, Layer
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.config.registry import NAMES_BY_KIND, SPELLINGS

TEXTS = ["x", "층_1", "a b", "é" * 100, "👩\u200d🚀", "3", "val_loss"]
EDGE_CASE_TEXTS = [
    "", " ", "/", "a/b", "\u00ad", "a\u200b", "\t", "é" * 101, "x" * 4097, "kernel$", "^a", "a+", "balanced",
    "auto", "true",
]  # fmt: skip
ALL_NAMES = sorted(
    {name for names in NAMES_BY_KIND.values() for name in names}
    | {name for names in SPELLINGS.values() for name in names}
)
NUMBERS = [n + d for n in (0, 1, 2, 20, 100, 1000, 10_000, 10**6, 10**7, 10**9, 2**32) for d in (-1, 0, 1)]
ARBITRARY_VALUES = st.one_of(
    st.sampled_from([None, True, False, [], {}, [1], [2, 3], [3, 3, 3], {"type": None}, 0.5, -0.5, 1.0, 1e-9, 1e308]),
    st.sampled_from([*NUMBERS, *(-n for n in NUMBERS), *(n + 0.5 for n in NUMBERS)]),
    st.sampled_from([*TEXTS, *EDGE_CASE_TEXTS]),
    st.sampled_from(ALL_NAMES),
    st.sampled_from(ALL_NAMES).map(lambda name: {"type": name}),
)
KEYS = st.sampled_from(
    ["type", "lr", "repeat", "units", "learning_rate", "rate", "axis", "momentum", *Experiment.model_fields]
)


@cache
def mappings_of(cls):
    """Return mappings for a class: required fields and some optional fields."""
    optional = {name: values_of(get_full_annotation(field), cls.__module__) for name, field in cls.model_fields.items()}
    required = {name: optional.pop(name) for name, field in cls.model_fields.items() if field.is_required()}
    if "type" in optional:
        required["type"] = optional.pop("type")
    chosen = st.lists(st.sampled_from(sorted(optional) or ["type"]), unique=True, max_size=8)
    return chosen.flatmap(
        lambda names: st.fixed_dictionaries(
            {**required, **{name: optional[name] for name in names if name in optional}}
        )
    )


def get_full_annotation(field):
    """Return the annotation of a field with its metadata."""
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def values_of(annotation, module, metadata=()):
    """Return values for an annotation, most of them valid."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, str):  # a class that contains itself and is not complete yet
        return st.deferred(lambda: values_of(getattr(sys.modules[module], annotation), module))
    if origin is Annotated:
        return values_of(inner[0], module, (*metadata, *inner[1:]))
    if origin in (Union, types.UnionType):
        names = [part.model_fields["type"].default for part in inner if has_type_field(part)]
        parts = [values_of(part, module) for part in inner]
        return st.one_of(*parts, st.sampled_from(names)) if names else st.one_of(parts)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return lists_of(inner, module, metadata)
    if origin is dict:
        return st.dictionaries(st.sampled_from(TEXTS), values_of(inner[1], module), max_size=2)
    if annotation is BaseLayer:
        parts = [st.deferred(lambda cls=cls: mappings_of(cls)) for cls in LAYERS_BY_TYPE.values()]
        return st.one_of(*parts, st.sampled_from(list(LAYERS_BY_TYPE)))
    if isinstance(annotation, type) and issubclass(annotation, ConfigModel):
        return st.deferred(lambda: mappings_of(annotation))
    return scalars_of(annotation, find_bounds(metadata))


def has_type_field(part):
    return isinstance(part, type) and issubclass(part, ConfigModel) and "type" in part.model_fields


def lists_of(inner, module, metadata):
    """Return lists of valid lengths, and single values, which some fields accept as a list."""
    item = values_of(inner[0], module)
    if inner[-1] is not Ellipsis:
        return st.one_of(item, st.lists(item, min_size=len(inner), max_size=len(inner)))
    least, most = find_bounds(metadata).get("min_length", 0), find_bounds(metadata).get("max_length")
    return st.lists(item, min_size=least, max_size=min(least + 3, most or 10))


def scalars_of(cls, bound):
    least = bound.get("ge", bound.get("gt", -10))
    most = bound.get("le", bound.get("lt", least + 10))
    open_ends = {"exclude_min": "gt" in bound, "exclude_max": "lt" in bound}
    return {
        bool: st.booleans(),
        int: st.integers(least + open_ends["exclude_min"], most - open_ends["exclude_max"]),
        float: st.floats(least, most, allow_subnormal=False, **open_ends),
        str: st.sampled_from(TEXTS),
        type(None): st.none(),
    }[cls]


def find_bounds(metadata):
    """Return the bounds in the metadata of a value."""
    keys = ("gt", "ge", "lt", "le", "min_length", "max_length")
    inner = [constraint for item in metadata for constraint in (item, *getattr(item, "metadata", ()))]
    return {key: getattr(item, key) for item in inner for key in keys if getattr(item, key, None) is not None}


@st.composite
def changed_documents(draw, documents, max_changes=3):
    """Return a document, with changes that may make the document invalid."""
    document = draw(documents)
    for _ in range(draw(st.integers(0, max_changes))):
        document = change_one_value(draw, document)
    return document


def change_one_value(draw, value):
    """Return a value with one change at any depth."""
    deeper = draw(st.integers(0, 7))
    if deeper and isinstance(value, dict) and value:
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: change_one_value(draw, value[key])}
    if deeper and isinstance(value, list) and value:
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], change_one_value(draw, value[index]), *value[index + 1 :]]
    kind_of_change = draw(st.integers(0, 5))
    if kind_of_change == 0 and isinstance(value, dict) and value:
        gone = draw(st.sampled_from(sorted(value)))
        return {key: inner for key, inner in value.items() if key != gone}
    if kind_of_change <= 2 and isinstance(value, dict):
        return {**value, draw(KEYS): draw(ARBITRARY_VALUES)}
    if kind_of_change == 3 and isinstance(value, dict) and "type" in value:
        return value["type"]
    if kind_of_change == 4 and isinstance(value, list):
        return [*value, *value]
    return draw(ARBITRARY_VALUES) if kind_of_change < 5 else [value]


def experiments_with_part(name):
    """Return an experiment with only one part; `model` has one layer."""
    field = Experiment.model_fields[name]
    part = values_of(get_full_annotation(field), Experiment.__module__)
    if name == "model":
        return values_of(Layer, "").map(lambda layer: {"model": {"layers": [layer]}})
    return part.map(lambda value: {"model": {"layers": ["Flatten"]}, name: value})


PARTS = st.sampled_from(["model", "model", "optimizer", "loss", "metrics", *Experiment.model_fields]).flatmap(
    experiments_with_part
)
EXPERIMENTS = st.one_of(PARTS, PARTS, mappings_of(Experiment))
