"""The settings in which resolved experiments differ, each in few words."""

import os
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any

ABSENT = object()
PATHS = ("data.path", "data.validation_path", "data.test_path")
OBSERVING = ("diagnostics",)
"""Keys of measurements during the training, which change nothing of its result."""

KEEPING = ("model_checkpoint",)
"""Keys that keep more files of a training. The weights and scores are the same bits with and without them."""

NOTHING = "–"
"""The text of a key that an experiment does not have."""

SHARED = "shared layers only"
"""The text of a stack that has no layer but those of all other stacks."""


def nameless(experiment: dict[str, Any]) -> dict[str, Any]:
    """Return a resolved experiment without what has no influence on its result: names, and measurements."""

    def without(part: dict[str, Any]) -> dict[str, Any]:
        found = {key: value for key, value in part.items() if key != "name"}
        if "layers" in part:
            found["layers"] = [without(layer) for layer in part["layers"]]
        return found

    plain = {key: value for key, value in without(experiment).items() if key not in OBSERVING}
    return {**plain, "model": without(experiment["model"])}


def comparable(experiment: dict[str, Any]) -> dict[str, Any]:
    """Return a resolved experiment without the keys that only keep more files, which no comparison counts."""
    return {key: value for key, value in experiment.items() if key not in KEEPING}


def differences(experiments: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Return for every resolved experiment the keys that differ between any of them, with its own values as text.

    Parts of the same type are compared key by key (`optimizer.learning_rate`), parts of different types as a whole
    (`optimizer`). Of stacks with different types of layers, the layers at which the stacks differ are shown.
    """
    found: list[dict[str, str]] = [{} for _ in experiments]
    if experiments:
        collect([nameless(experiment) for experiment in experiments], "", found, common_names(experiments))
    return found


def short_keys(keys: Sequence[str]) -> list[str]:
    """Return the last step of every key, where it distinguishes the keys: `learning_rate`; else the whole key."""
    last = [key.rpartition(".")[2] for key in keys]
    return [end if last.count(end) == 1 and not end.isdigit() else key for key, end in zip(keys, last, strict=True)]


def common_names(experiments: Sequence[dict[str, Any]]) -> dict[int, str]:
    """Return the layers, by their index, that have one name in all experiments."""
    stacks = [experiment["model"]["layers"] for experiment in experiments]
    names = [{layer.get("name") for layer in layers} for layers in zip(*stacks, strict=False)]
    return {index: found.pop() for index, found in enumerate(names) if len(found) == 1 and None not in found}


def collect(values: Sequence[Any], key: str, found: list[dict[str, str]], layers: dict[int, str]) -> None:
    """Add what differs between the values of a key, one of each experiment, to the rows of the experiments."""
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
        texts = stack_texts(values) if key.endswith("layers") else part_texts(values)
        for row, text in zip(found, texts, strict=True):
            row[key.removeprefix("model.")] = os.path.basename(text) if key in PATHS else text


def part_texts(values: Sequence[Any]) -> list[str]:
    """Return values as text. A key that one part gives is shown in every part that has it, defaults included.

    So `adam learning_rate=0.001` is not `adam` where `sgd learning_rate=0.001` shows its rate.
    """
    from dnn_cli.spec.catalog import (  # imports all parts, which many users of this module do not need
        argument_texts,
        short,
    )

    parts = [value for value in values if isinstance(value, dict)]
    shown = {key for part in parts for key in argument_texts(part)}
    return [NOTHING if value is ABSENT else short(value, shown) for value in values]


def stack_texts(stacks: Sequence[Any]) -> list[str]:
    """Return stacks of layers as text: only the layers at which the stacks differ, and only what differs in them."""
    present = [stack for stack in stacks if isinstance(stack, list)]
    if len(present) < len(stacks):
        return part_texts(stacks)
    shortest = min(map(len, present))
    first = next((at for at in range(shortest) if any(stack[at] != present[0][at] for stack in present)), shortest)
    room = shortest - first
    last = next((at for at in range(room) if any(stack[-1 - at] != present[0][-1 - at] for stack in present)), room)
    middles = [stack[first : len(stack) - last] for stack in present]
    hidden = constant_arguments(middles)
    before, after = ["…"] if first else [], ["…"] if last else []
    return [", ".join([*before, *layer_texts(layers, hidden), *after]) if layers else SHARED for layers in middles]


def constant_arguments(stacks: Sequence[Sequence[dict[str, Any]]]) -> set[tuple[Any, str]]:
    """Return the arguments that do not differ, as pairs of a type of layer and an argument.

    The type must be in all stacks. Where a single stack has a layer, its arguments are part of the difference.
    """
    found = set()
    for kind in set.intersection(*({layer.get("type") for layer in stack} for stack in stacks)):
        alike = [layer for stack in stacks for layer in stack if layer.get("type") == kind]
        for key in alike[0]:
            if key not in ("type", "layers") and all(layer.get(key) == alike[0][key] for layer in alike):
                found.add((kind, key))
    return found


def layer_texts(layers: Sequence[dict[str, Any]], hidden: Collection[tuple[Any, str]]) -> Iterator[str]:
    """Yield layers as text, without hidden arguments; equal layers in a row as `3 × Dense`."""
    from dnn_cli.spec.catalog import short

    texts = [
        short({key: value for key, value in layer.items() if (layer.get("type"), key) not in hidden})
        for layer in layers
    ]
    for text, equal in groupby(texts):
        number = len(list(equal))
        yield f"{number} × {text}" if number > 1 else text
