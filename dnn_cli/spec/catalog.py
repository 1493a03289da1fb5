"""Everything that can be named in a config, by kind: the unions of the other modules as tables."""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, get_args

from dnn_cli.spec.base import KerasPart
from dnn_cli.spec.datasets import DATASETS, OWN
from dnn_cli.spec.layers import Layer
from dnn_cli.spec.metrics import Metric
from dnn_cli.spec.objectives import Loss
from dnn_cli.spec.optimizers import Optimizer
from dnn_cli.spec.parts import ActivationName, Constraint, Initializer, Regularizer
from dnn_cli.spec.schedules import Schedule
from dnn_cli.spec.yaml_file import KeyPath


def classes(union: Any) -> dict[str, type[KerasPart]]:
    """The classes of a union by their `type`."""
    members = get_args(get_args(union)[0])
    return {member.model_fields["type"].default: member for member in members}


KINDS: dict[str, dict[str, type[KerasPart]]] = {
    "layer": classes(Layer),
    "optimizer": classes(Optimizer),
    "schedule": classes(Schedule),
    "loss": classes(Loss),
    "metric": classes(Metric),
    "initializer": classes(Initializer),
    "regularizer": classes(Regularizer),
    "constraint": classes(Constraint),
}
NAMES: dict[str, tuple[str, ...]] = {kind: tuple(table) for kind, table in KINDS.items()} | {
    "activation": get_args(ActivationName),
    "dataset": (*DATASETS, *OWN),
}


def kind_at(path: KeyPath) -> str:
    """Return the kind of part that a key of a config names."""
    keys = [step for step in path if isinstance(step, str)]
    last = keys[-1] if keys else ""
    by_key = {"layers": "layer", "metrics": "metric", "learning_rate": "schedule"}
    return by_key.get(last, last.rpartition("_")[2] or last)


def short(value: Any, shown: Collection[str] = ()) -> str:
    """Return a value of a resolved config in few words: a part as its type and what differs from Keras's defaults.

    Args:
        value: The value.
        shown: Arguments of the part that are shown with their default values, too.
    """
    if isinstance(value, dict) and "type" in value:
        texts = argument_texts(value, shown)
        return " ".join([value["type"], *(f"{key}={text}" for key, text in texts.items())])
    if isinstance(value, dict) and "repeat" in value:
        return f"{value['repeat']} × ({short(value['layers'])})"
    if isinstance(value, dict):
        return " ".join(f"{key}={short(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(short, value))
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


def argument_texts(part: Mapping[str, Any], shown: Collection[str] = ()) -> dict[str, str]:
    """Return the arguments of a resolved part that differ from Keras's defaults, and those in `shown`, as text."""
    usual = short_defaults(part["type"]) if "type" in part else {}
    texts = {key: short(inner) for key, inner in part.items() if key not in ("type", "name")}
    return {key: text for key, text in texts.items() if key in shown or text != usual.get(key, "none")}


@cache
def short_defaults(kind: str) -> dict[str, str]:
    """Keras's defaults of a type, in few words."""
    cls = next((table[kind] for table in KINDS.values() if kind in table), None)
    return {key: short(plain_default(field)) for key, field in cls.model_fields.items()} if cls else {}


def plain_default(field: Any) -> Any:
    """The default of a field as it stands in a resolved config."""
    default = field.get_default()
    return default.model_dump(mode="json") if isinstance(default, KerasPart) else default
