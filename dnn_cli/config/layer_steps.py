"""Layers in the keys of overrides: the steps of a key path for the name or the index of a layer in a list."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from dnn_cli.config.base import LAYER_LIST_KEYS
from dnn_cli.config.layer_stack import assign_layer_names, get_config_class_name
from dnn_cli.config.yaml_reader import format_key_path
from dnn_cli.errors import KeyPath, suggest_nearest_name

_MAX_NETWORK_LAYERS = 10_000
"""Largest number of layers of the network whose names are compared with an unknown name."""


class OverrideError(Exception):
    """Error of an override that cannot be applied."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


def resolve_step(container: Any, step: str, path: Sequence[str | int]) -> tuple[Any, ...]:
    """Return the steps of a key path for one step of an override's key.

    A layer in a repeated block needs several steps: `hidden` becomes `(1, "layers", 0)`.

    Args:
        container: The mapping or list that contains the step.
        step: A key of the mapping, or the index or the name of a layer in the list.
        path: The key path of the container, for messages.

    Raises:
        OverrideError: the step is empty or does not exist, or the config is not a mapping.
    """
    if isinstance(container, dict):
        if not step:
            raise OverrideError("has a key with an empty part", "write KEY=VALUE, for example optimizer.momentum=0.9")
        return (step,)
    if not isinstance(container, list):
        raise OverrideError("needs a config that is a mapping of keys")
    names = assign_layer_names(map(_get_layer_name_and_type, container))
    if step in names:
        return (names.index(step),)
    if step.isascii() and step.isdigit() and len(step) < 10 and int(step) < len(container):
        return (int(step),)
    for index, item in enumerate(container):
        if isinstance(item, dict) and "repeat" in item and isinstance(item.get("layers"), list):
            with suppress(OverrideError):
                return (index, "layers", *resolve_step(item["layers"], step, path))
    _check_single_residual_block(container, step, path)
    for index, item in enumerate(container):
        if isinstance(item, dict) and isinstance(item.get("residual"), list):
            with suppress(OverrideError):
                return (index, "residual", *resolve_step(item["residual"], step, path))
    raise _build_missing_layer_error(container, step, path)


def _build_missing_layer_error(items: list[Any], step: str, path: Sequence[str | int]) -> OverrideError:
    """Return the error of a step that is not the name of a layer in a list of the config.

    The step can be the name of a layer in the network, such as `hidden_2` of the second repetition of `hidden`.
    """
    if not items:
        return OverrideError(f"{format_key_path(tuple(path))} has no {step}; the list is empty")
    network_layers = list(islice(_iter_network_layers(items), _MAX_NETWORK_LAYERS))
    network_names = assign_layer_names(name_and_type for name_and_type, _ in network_layers)
    if step in network_names:
        layer_path = network_layers[network_names.index(step)][1]
        if len(layer_path) == 1:
            return OverrideError(
                f"{format_key_path(tuple(path))} has no {step}, which is a name in the network only",
                f"use the index {layer_path[0]} instead of {step}",
            )
        return OverrideError(f"{step} is one repetition of a layer", _suggest_all_repetitions(items, step, layer_path))
    names = assign_layer_names(map(_get_layer_name_and_type, items))
    names = list(dict.fromkeys([*names, *_list_repeated_layer_names(items)]))
    choices = f"indices are 0 to {len(items) - 1}, names are {', '.join(names)}"
    return OverrideError(f"{format_key_path(tuple(path))} has no {step}; {choices}", suggest_nearest_name(step, names))


def _suggest_all_repetitions(items: list[Any], step: str, layer_path: KeyPath) -> str:
    """Return the suggestion of a key for all repetitions of a layer: the name of the layer, or its path in the config.

    Args:
        items: The list of layers.
        step: The name of one repetition.
        layer_path: The key path of the layer within the list.
    """
    stem = step.rpartition("_")[0]
    with suppress(OverrideError):
        if resolve_step(items, stem, ()) == layer_path:
            return f"use {stem} for all repetitions"
    return f"use {format_key_path(layer_path)} for all repetitions"


def _iter_network_layers(items: list[Any], suffix: str = "") -> Iterator[tuple[tuple[str | None, str], KeyPath]]:
    """Yield the name and type and the key path within the list for every repetition of every layer of a list.

    Unlike `iter_unrolled_layers`, this function takes plain values, which can be invalid.
    """
    for index, item in enumerate(items):
        if isinstance(item, dict) and isinstance(item.get("layers"), list) and isinstance(item.get("repeat"), int):
            for number in range(1, item["repeat"] + 1):
                for layer, path in _iter_network_layers(item["layers"], f"{suffix}_{number}"):
                    yield layer, (index, "layers", *path)
        else:
            name, cls = _get_layer_name_and_type(item)
            yield (name and name + suffix, cls), (index,)


def _check_single_residual_block(items: list[Any], step: str, path: Sequence[str | int]) -> None:
    """Check that at most one residual block in a list has a layer with the name `step`."""
    names = assign_layer_names(map(_get_layer_name_and_type, items))
    blocks = [
        name
        for name, item in zip(names, items, strict=True)
        if isinstance(item, dict)
        and isinstance(item.get("residual"), list)
        and step in assign_layer_names(map(_get_layer_name_and_type, item["residual"]))
    ]
    if len(blocks) > 1:
        raise OverrideError(
            f"{format_key_path(tuple(path))} has {step} in several residual blocks: {', '.join(blocks)}",
            f"write {blocks[0]}.residual.{step} instead of {step}",
        )


def _list_repeated_layer_names(items: list[Any]) -> list[str]:
    """Return the names of the layers in the repeated blocks of a list."""
    blocks = [
        item[key]
        for item in items
        for key in LAYER_LIST_KEYS
        if isinstance(item, dict) and isinstance(item.get(key), list)
    ]
    return [
        name
        for layers in blocks
        for name in (*assign_layer_names(map(_get_layer_name_and_type, layers)), *_list_repeated_layer_names(layers))
    ]


def _get_layer_name_and_type(item: Any) -> tuple[str | None, str]:
    """Return the name and the type of a layer in a list. The name is `None` for a layer without a name."""
    if isinstance(item, dict):
        name = item.get("name")
        return (name if isinstance(name, str) else None), get_config_class_name(item)
    return None, str(item)
