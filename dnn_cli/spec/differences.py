"""The settings in which resolved experiments differ, each in few words."""

import os
from collections.abc import Sequence
from typing import Any

ABSENT = object()
PATHS = ("data.path", "data.validation_path", "data.test_path")
OBSERVING = ("diagnostics",)
"""Keys that say what is looked at on the way, and change nothing of what comes out."""


def nameless(experiment: dict[str, Any]) -> dict[str, Any]:
    """A resolved experiment less what has no influence on what it does: names, and what is looked at on the way."""

    def without(part: dict[str, Any]) -> dict[str, Any]:
        found = {key: value for key, value in part.items() if key != "name"}
        if "layers" in part:
            found["layers"] = [without(layer) for layer in part["layers"]]
        return found

    plain = {key: value for key, value in without(experiment).items() if key not in OBSERVING}
    return {**plain, "model": without(experiment["model"])}


def differences(experiments: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """For every resolved experiment, the keys that differ between any of them, and its own value as text.

    Parts of the same kind are compared key by key (`optimizer.learning_rate`), parts of different kinds
    as a whole (`optimizer`), and so are stacks of layers that differ in more than their arguments.
    """
    found: list[dict[str, str]] = [{} for _ in experiments]
    if experiments:
        collect([nameless(experiment) for experiment in experiments], "", found, common_names(experiments))
    return found


def short_keys(keys: Sequence[str]) -> list[str]:
    """The last step of every key, where that tells the keys apart: `learning_rate`; else the whole key."""
    last = [key.rpartition(".")[2] for key in keys]
    return [end if last.count(end) == 1 and not end.isdigit() else key for key, end in zip(keys, last, strict=True)]


def common_names(experiments: Sequence[dict[str, Any]]) -> dict[int, str]:
    """The layers, by their index, that have one name in all experiments."""
    stacks = [experiment["model"]["layers"] for experiment in experiments]
    names = [{layer.get("name") for layer in layers} for layers in zip(*stacks, strict=False)]
    return {index: found.pop() for index, found in enumerate(names) if len(found) == 1 and None not in found}


def collect(values: Sequence[Any], key: str, found: list[dict[str, str]], layers: dict[int, str]) -> None:
    """Put what differs between values at a key, one of each experiment, into the rows of the experiments."""
    if all(value == values[0] for value in values):
        return
    if all(isinstance(value, dict) for value in values) and len({value.get("type") for value in values}) == 1:
        for name in dict.fromkeys(name for value in values for name in value):
            below = [value.get(name, ABSENT) for value in values]
            collect(below, f"{key}.{name}" if key else name, found, {} if "repeat" in values[0] else layers)
    elif key.endswith("layers") and len({tuple(layer.get("type") for layer in value) for value in values}) == 1:
        for index, stage in enumerate(zip(*values, strict=True)):
            collect(stage, f"{key}.{layers.get(index, index)}", found, layers)
    else:
        from dnn_cli.spec.catalog import short  # with all parts there are, which many who import this do not need

        for row, value in zip(found, values, strict=True):
            text = "–" if value is ABSENT else short(value)
            row[key.removeprefix("model.")] = os.path.basename(text) if key in PATHS else text
