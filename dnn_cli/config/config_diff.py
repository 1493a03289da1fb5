"""Differences between resolved configs (configs with all defaults), as short texts."""

import os
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any

from dnn_cli.config.base import LAYER_LIST_KEYS
from dnn_cli.config.digests import DATA_PATH_KEYS, remove_names_and_measurements

_ABSENT = object()

ABSENT_TEXT = "–"
"""Text for a key that is absent from a config."""

_SHARED_LAYERS_TEXT = "shared layers only"
"""Text for a stack of layers without differing layers: all compared stacks begin and end with its layers."""


def find_config_differences(configs: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Return one mapping for each config, from the keys whose values differ between configs to this config's values.

    The values are short texts. Names and diagnostics are not compared. Parts of the same type are compared key by key
    (`optimizer.learning_rate`), parts of different types as a whole (`optimizer`). If the stacks have different types
    of layers, their texts contain only the differing layers.

    Args:
        configs: Resolved configs.
    """
    rows: list[dict[str, str]] = [{} for _ in configs]
    if configs:
        _collect_differences(
            [remove_names_and_measurements(config) for config in configs], "", rows, _find_common_layer_names(configs)
        )
    return rows


def shorten_keys(keys: Sequence[str]) -> list[str]:
    """Shorten every key to its last step: `optimizer.learning_rate` becomes `learning_rate`.

    Keys whose last step is a number, or equals the last step of another key, stay whole.
    """
    last = [key.rpartition(".")[2] for key in keys]
    return [end if last.count(end) == 1 and not end.isdigit() else key for key, end in zip(keys, last, strict=True)]


def _find_common_layer_names(configs: Sequence[dict[str, Any]]) -> dict[int, str]:
    """Return the layer name at each index at which the layers of all configs have the same name."""
    stacks = [config["model"]["layers"] for config in configs if "model" in config]
    names = [{layer.get("name") for layer in layers} for layers in zip(*stacks, strict=False)]
    return {
        index: layer_names.pop()
        for index, layer_names in enumerate(names)
        if len(layer_names) == 1 and None not in layer_names
    }


def _collect_differences(
    values: Sequence[Any], key: str, rows: list[dict[str, str]], common_names: dict[int, str]
) -> None:
    """Compare the values of a key, and add the differing values to the rows.

    Args:
        values: The value of the key in each config.
        key: The dotted key; empty for the whole config.
        rows: The mapping of each config, from keys to texts.
        common_names: The names of the layers that have the same name in all configs, by index.
    """
    # For 2,000 equal mappings, `count` takes 0.56 of the time of a generator.
    if values.count(values[0]) == len(values):
        return
    if key == "data.columns":
        _collect_column_differences(values, rows)
    elif all(isinstance(value, dict) for value in values) and len({value.get("type") for value in values}) == 1:
        for name in dict.fromkeys(name for value in values for name in value):
            below = [value.get(name, _ABSENT) for value in values]
            _collect_differences(
                below,
                f"{key}.{name}" if key else name,
                rows,
                {} if {"repeat", "residual"} & set(values[0]) else common_names,
            )
    elif key.endswith(LAYER_LIST_KEYS) and len({tuple(layer.get("type") for layer in value) for value in values}) == 1:
        for index, stage in enumerate(zip(*values, strict=True)):
            _collect_differences(stage, f"{key}.{common_names.get(index, index)}", rows, common_names)
    else:
        texts = _format_differing_layers(values) if key.endswith(LAYER_LIST_KEYS) else _format_differing_values(values)
        for row, text in zip(rows, texts, strict=True):
            row[key.removeprefix("model.")] = os.path.basename(text) if key in DATA_PATH_KEYS else text


def _collect_column_differences(values: Sequence[Any], rows: list[dict[str, str]]) -> None:
    """Add the differing types of columns to the rows; of tables with different columns, the numbers of columns."""
    if len({tuple(value) if isinstance(value, dict) else None for value in values}) == 1:
        for name in values[0]:
            _collect_differences([value[name] for value in values], f"data.columns.{name}", rows, {})
        return
    for row, value in zip(rows, values, strict=True):
        noun = "column" if isinstance(value, dict) and len(value) == 1 else "columns"
        row["data.columns"] = f"{len(value)} {noun}" if isinstance(value, dict) else ABSENT_TEXT


def _format_differing_values(values: Sequence[Any]) -> list[str]:
    """Return the values that one key has in several configs as texts.

    Texts leave out arguments with default values. If one text contains an argument, all texts of values with this
    argument contain it. So `adam` with its default rate becomes `adam learning_rate=0.001` next to
    `sgd learning_rate=0.001`.
    """
    # The registry imports all parts. Many importers of this module need none of them.
    from dnn_cli.config.value_texts import format_changed_arguments, format_config_value

    # Thousands of runs have few different values.
    keys = list(map(repr, values))
    distinct = dict(zip(keys, values, strict=True))
    parts = [value for value in distinct.values() if isinstance(value, dict)]
    included = {key for part in parts for key in format_changed_arguments(part)}
    texts = {
        key: ABSENT_TEXT if value is _ABSENT else format_config_value(value, included)
        for key, value in distinct.items()
    }
    return [texts[key] for key in keys]


def _format_differing_layers(stacks: Sequence[Any]) -> list[str]:
    """Return stacks of layers as texts that contain only the differing layers and their differing arguments.

    `…` replaces the first and the last layers if they are equal in all stacks: `…, Dropout rate=0.5, …`.
    """
    present = [stack for stack in stacks if isinstance(stack, list)]
    if len(present) < len(stacks):
        return _format_differing_values(stacks)
    shortest = min(map(len, present))
    first = next((at for at in range(shortest) if any(stack[at] != present[0][at] for stack in present)), shortest)
    longest_end = shortest - first
    last = next(
        (at for at in range(longest_end) if any(stack[-1 - at] != present[0][-1 - at] for stack in present)),
        longest_end,
    )
    middles = [stack[first : len(stack) - last] for stack in present]
    omitted = _find_constant_arguments(middles)
    before, after = ["…"] if first else [], ["…"] if last else []
    return [
        ", ".join([*before, *_iter_layer_texts(layers, omitted), *after]) if layers else _SHARED_LAYERS_TEXT
        for layers in middles
    ]


def _find_constant_arguments(stacks: Sequence[Sequence[dict[str, Any]]]) -> set[tuple[Any, str]]:
    """Return the arguments that have one value in all layers of a type, as pairs such as `("Dense", "activation")`.

    These arguments do not distinguish the stacks. Types that are absent from a stack are left out, because all their
    arguments are part of the difference.
    """
    constant = set()
    for kind in set.intersection(*({layer.get("type") for layer in stack} for stack in stacks)):
        layers_of_type = [layer for stack in stacks for layer in stack if layer.get("type") == kind]
        for key in layers_of_type[0]:
            if key not in ("type", *LAYER_LIST_KEYS) and all(
                layer.get(key) == layers_of_type[0][key] for layer in layers_of_type
            ):
                constant.add((kind, key))
    return constant


def _iter_layer_texts(layers: Sequence[dict[str, Any]], omitted: Collection[tuple[Any, str]]) -> Iterator[str]:
    """Yield layers as texts. Consecutive equal layers become one text: `3 × Dense`.

    Args:
        layers: The layers of a resolved config.
        omitted: Pairs of a layer type and an argument that the texts leave out.
    """
    from dnn_cli.config.value_texts import format_config_value

    texts = [
        format_config_value({key: value for key, value in layer.items() if (layer.get("type"), key) not in omitted})
        for layer in layers
    ]
    for text, equal in groupby(texts):
        number = len(list(equal))
        yield f"{number} × {text}" if number > 1 else text
