"""Messages and suggestions for keys that a part of a config does not have, and for parts without a type."""

from collections.abc import Collection
from typing import Any

from dnn_cli.config.keras_names import RENAMED_KEYS
from dnn_cli.config.keras_suggestions import format_short_yaml, suggest_for_key, suggest_typed_mapping
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layer_blocks import Repeat
from dnn_cli.config.registry import CLASSES_BY_KIND, NAMES_BY_KIND, get_kind_at, to_plural
from dnn_cli.config.unknown_names import find_unabbreviated_names, suggest_names
from dnn_cli.config.value_suggestions import MODELS_BY_PATH, find_config_class, find_value_at
from dnn_cli.errors import KeyPath, suggest_nearest_name

_MAX_OWNERS = 5
"""Maximum number of classes that a suggestion names for an argument."""

_MAX_LISTED_KEYS = 10
"""Maximum number of keys that a suggestion lists."""


def describe_unknown_key(path: KeyPath, root: Any, *, on_command_line: bool) -> tuple[str, str]:
    """Return the message and the suggestion for a key that does not exist in its part of the config.

    The suggestion is the nearest key, or the classes that have the key.

    Args:
        path: The key path of the unknown key.
        root: The plain values of the config.
        on_command_line: Whether the key was written on the command line.
    """
    if path == ("extends",):
        return "is a key for config files only", "write extends in the config file"
    key, parent, value = str(path[-1]), path[:-1], find_value_at(root, path)
    kind, model, part = get_kind_at(parent), find_config_class(parent, root), find_value_at(root, parent)
    type_name = model.model_fields["type"].default if model and "type" in model.model_fields else ""
    if model is Repeat:
        mapping_name = "a repeated block"
        if key == "type":
            layer = {name: argument for name, argument in part.items() if name != "repeat"}
            block = format_short_yaml({"repeat": part["repeat"], "layers": [layer]})
            return f"is not a key of {mapping_name}", f"write {block}"
    else:
        mapping_name = str(parent[-1]) if parent in MODELS_BY_PATH else "a config"
    message = f"is not an argument of {type_name}" if type_name else f"is not a key of {mapping_name}"
    fields = (
        [name for name, field in model.model_fields.items() if name != "type" and not field.exclude] if model else []
    )
    suggestion = (
        suggest_typed_mapping(part if key in ("class_name", "config") else {key: value}, kind)
        or suggest_for_key(
            key, str(parent[-1]) if parent in MODELS_BY_PATH else kind, root, value, on_command_line=on_command_line
        )
        or _suggest_field(key, fields)
        or _suggest_inner_layer(path, root)
        or _suggest_owners(key, kind)
        or suggest_nearest_name(key, fields)
        or _list_fields(fields, kind, type_name)
    )
    return message, suggestion


def suggest_type(value: Any, kind: str) -> str:
    """Return the suggestion for a part of a config without a type, such as a layer `{units: 3}`."""
    if suggestion := suggest_typed_mapping(value, kind):
        return suggestion
    if kind == "layer" and any(isinstance(inner, list) for inner in value.values()):
        return "write {repeat: 2, layers: […]} or {residual: […]}"
    names = NAMES_BY_KIND.get(kind, ())
    fitting = [name for name, cls in CLASSES_BY_KIND.get(kind, {}).items() if value.keys() <= cls.model_fields.keys()]
    return suggest_names("", fitting if 0 < len(fitting) <= _MAX_OWNERS else names, f"dnn list {to_plural(kind)}")


def _suggest_field(key: str, fields: Collection[str]) -> str:
    """Return the suggestion of a field that has another name in Keras, or that is abbreviated; else an empty text.

    A kernel that consists of several weights has arguments for each of them: `depthwise_initializer` and
    `pointwise_initializer` for `kernel_initializer`.
    """
    if (renamed_key := RENAMED_KEYS.get(key)) in fields:
        return f"did you mean {renamed_key}?"
    weights = [f"{name}_{key.removeprefix('kernel_')}" for name in ("depthwise", "pointwise")]
    matches = [name for name in weights if name in fields] or find_unabbreviated_names(key, fields)
    if not matches:
        return ""
    return f"did you mean {matches[0]}?" if len(matches) == 1 else f"use {' or '.join(matches)}"


def _suggest_inner_layer(path: KeyPath, root: Any) -> str:
    """Return the suggestion for an argument of the layer in a wrapper; an empty text for any other key."""
    inner_class, key = find_config_class((*path[:-1], "layer"), root), str(path[-1])
    if not inner_class or not issubclass(inner_class, BaseLayer) or key not in inner_class.model_fields:
        return ""
    return f"write {key}: {format_short_yaml(find_value_at(root, path))} below layer:"


def _suggest_owners(key: str, kind: str) -> str:
    """Return the classes of a kind that have an argument; an empty text if there are none."""
    owners = [name for name, cls in CLASSES_BY_KIND.get(kind, {}).items() if key in cls.model_fields]
    if len(owners) > _MAX_OWNERS:
        return f"{len(owners)} other {to_plural(kind)} have this argument, such as {owners[0]}"
    return f"{', '.join(owners)} {'have' if len(owners) > 1 else 'has'} this argument" if owners else ""


def _list_fields(fields: Collection[str], kind: str, type_name: str) -> str:
    """Return the text that lists all keys of a part, or the command that shows them if they are many."""
    if type_name and len(fields) > _MAX_LISTED_KEYS and type_name in CLASSES_BY_KIND.get(kind, {}):
        return f"dnn list {to_plural(kind)} {type_name} shows all arguments"
    return f"the {'arguments' if type_name else 'keys'} are {', '.join(fields)}" if fields else ""
