"""The settings in which resolved experiments differ, each in few words."""

from collections.abc import Sequence
from typing import Any

from dnn_cli.spec.catalog import short

LABELS = ("name", "model.name")
"""Keys that say what a thing is called, and nothing about what it does."""

ABSENT = object()


def differences(experiments: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """For every resolved experiment, the keys that differ between any of them, and its own value as text.

    Parts of the same kind are compared key by key (`optimizer.learning_rate`), parts of different kinds
    as a whole (`optimizer`), and so are stacks of layers that differ in more than their arguments.
    """
    found: list[dict[str, str]] = [{} for _ in experiments]
    collect(experiments, "", found)
    return found


def collect(values: Sequence[Any], key: str, found: list[dict[str, str]]) -> None:
    """Put what differs between values at a key, one of each experiment, into the rows of the experiments."""
    if key in LABELS or all(value == values[0] for value in values):
        return
    if all(isinstance(value, dict) for value in values) and len({value.get("type") for value in values}) == 1:
        for name in dict.fromkeys(name for value in values for name in value):
            below = [value.get(name, ABSENT) for value in values]
            if not (is_layer_name(key) and name == "name"):
                collect(below, f"{key}.{name}" if key else name, found)
    elif all(isinstance(value, list) for value in values) and len({tuple(map(kind, value)) for value in values}) == 1:
        for index, items in enumerate(zip(*values, strict=True)):
            names = {item.get("name") for item in items if isinstance(item, dict)}
            label = names.pop() if len(names) == 1 and None not in names else index
            collect(items, f"{key}.{label}", found)
    else:
        for row, value in zip(found, values, strict=True):
            row[key.removeprefix("model.")] = "–" if value is ABSENT else short(value)


def is_layer_name(key: str) -> bool:
    """Whether a key leads to a layer, whose name is a label as well."""
    return key.startswith("model.layers.")


def kind(item: Any) -> Any:
    """What an item of a list must share with another to be compared key by key."""
    return item["type"] if isinstance(item, dict) and "type" in item else None
