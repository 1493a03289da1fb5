"""Suggestions for unknown keys, for plain values in place of mappings, and for types that are written as keys."""

from collections.abc import Mapping
from typing import Any

from dnn_cli.config.callbacks import CALLBACK_CLASSES
from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DATASETS
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.keras_names import KEY_SUGGESTIONS, NAME_SUGGESTIONS, RENAMED_KEYS
from dnn_cli.config.layer_stack import assign_layer_names
from dnn_cli.config.layer_union import find_layer_class
from dnn_cli.config.optimizers import DEFAULT_OPTIMIZER
from dnn_cli.config.python_calls import list_positional_arguments, rename_old_arguments
from dnn_cli.config.registry import CLASSES_BY_KIND, SPELLINGS, get_kind_at
from dnn_cli.config.sweep_values import format_as_yaml
from dnn_cli.errors import KeyPath

_MAX_VALUE_CHARACTERS = 200
"""Maximum number of characters of a value in a suggestion."""


def suggest_for_key(key: str, owner: str, root: Mapping[str, Any], value: Any, *, on_command_line: bool) -> str:
    """Return the suggestion for an unknown key that Keras has; an empty text for any other key.

    Args:
        key: The unknown key.
        owner: The part with the key: `layer`, a key of the config, or an empty text for the top level.
        root: The plain values of the config.
        value: The value of the key.
        on_command_line: Whether the key was written on the command line.
    """
    if suggestion := KEY_SUGGESTIONS.get(owner, {}).get(key):
        return suggestion
    if key == "decay" and owner == "optimizer":
        return _suggest_for_decay(root["optimizer"])
    name = RENAMED_KEYS.get(key, key)
    head, _, inner_key = key.partition(".")
    if head in ("data", "optimizer") and inner_key:
        return suggest_for_key(inner_key, "", root, value, on_command_line=on_command_line)
    if isinstance(value, str) and (type_name := SPELLINGS.get(owner, {}).get(value, value)) in CLASSES_BY_KIND.get(
        owner, {}
    ):
        return f"write type: {type_name} instead"
    if owner:
        is_top = (
            name not in ("name", "seed")
            and name in Experiment.model_fields
            and owner in (*Experiment.model_fields, "layer")
        )
        if not is_top:
            return ""
        return f"write {name}={format_short_yaml(value)}" if on_command_line else f"write {name} at the top level"
    if name in Experiment.model_fields:
        return f"write {_format_setting(name, value, on_command_line=on_command_line)}"
    if name in Data.model_fields:
        return (
            f"write data.{name}={format_short_yaml(value)}"
            if on_command_line
            else f"write {name}: {format_short_yaml(value)} below data:"
        )
    optimizer = root.get("optimizer", DEFAULT_OPTIMIZER)
    optimizer_config = optimizer if isinstance(optimizer, dict) else {"type": optimizer}
    cls = CLASSES_BY_KIND["optimizer"].get(str(optimizer_config.get("type", DEFAULT_OPTIMIZER)))
    if cls is not None and name in cls.model_fields:
        if on_command_line:
            return f"write optimizer.{name}={format_short_yaml(value)}"
        completed = {"type": DEFAULT_OPTIMIZER, **optimizer_config, name: value}
        return f"write {_format_setting('optimizer', completed, on_command_line=False)}"
    if on_command_line and (addresses := _find_layers_with_argument(name, root)):
        return (
            "write "
            f"{' or '.join(f'{address}.{_format_setting(name, value, on_command_line=True)}' for address in addresses)}"
        )
    return _suggest_layer_for_key(key, value) or _suggest_for_dotted_key(key, value)


def _suggest_layer_for_key(key: str, value: Any) -> str:
    """Return the suggestion for a layer that is written as a key of the top level: `dropout: 0.2`.

    The suggestion is empty if the key is not a layer.
    """
    name = {layer_name.lower(): layer_name for layer_name in CLASSES_BY_KIND["layer"]}.get(key.replace("_", "").lower())
    written = suggest_typed_mapping({name: None if isinstance(value, bool) else value}, "layer")
    return f"{name} is a layer: add {written.removeprefix('write ')} to model.layers" if written else ""


def _find_layers_with_argument(name: str, root: Mapping[str, Any]) -> list[str]:
    """Return the keys, such as `layers.hidden`, of the layers of a config that have the argument `name`.

    For `units` and `activation`, the last fully connected layer and the layers after it are left out. The reason is
    that the data and the loss determine the units and the activation of the output.
    """
    model = root.get("model")
    layers = model.get("layers") if isinstance(model, dict) else None
    items = (
        [layer if isinstance(layer, dict) else {"type": layer} for layer in layers] if isinstance(layers, list) else []
    )
    names = assign_layer_names(
        (str(layer["name"]) if "name" in layer else None, str(layer.get("type"))) for layer in items
    )
    classes = [find_layer_class(layer) for layer in items]
    connected = [at for at, cls in enumerate(classes) if cls and cls.is_fully_connected]
    end = connected[-1] if connected and name in ("units", "activation") else len(items)
    taking = zip(names[:end], classes[:end], strict=True)
    return [f"layers.{at}" for at, cls in taking if cls and name in cls.model_fields]


def _suggest_for_decay(optimizer: Mapping[str, Any]) -> str:
    """Return the suggestion for the argument `decay` of old optimizers: the schedule that is equal to it."""
    cls = CLASSES_BY_KIND["optimizer"][optimizer.get("type", DEFAULT_OPTIMIZER)]
    arguments = rename_old_arguments({key: value for key, value in optimizer.items() if key != "type"}, cls)
    schedule = "{type: InverseTimeDecay, …}"
    if "decay" not in arguments:
        schedule = format_short_yaml(arguments["learning_rate"])
    return f"remove it, and write learning_rate: {schedule}"


def _suggest_for_dotted_key(key: str, value: Any) -> str:
    """Return the suggestion for a dotted key in a config file; an empty text for any other key.

    `optimizer.momentum: 0.9` gives `write momentum: 0.9 below optimizer:`.
    """
    head, dot, inner_key = key.partition(".")
    if not dot or "." in inner_key or head not in KEY_SUGGESTIONS or head == "layer":
        return ""
    return f"write {inner_key}: {format_short_yaml(value)} below {head}:"


def _format_setting(key: str, value: Any, *, on_command_line: bool) -> str:
    """Return a key with its value: `key=value` on the command line, `key: value` in a file."""
    return f"{key}{'=' if on_command_line else ': '}{format_short_yaml(value)}"


def format_short_yaml(value: Any) -> str:
    """Return a plain value as YAML on a single line, cut after 200 characters."""
    text = format_as_yaml(value)
    return text if len(text) <= _MAX_VALUE_CHARACTERS else f"{text[:_MAX_VALUE_CHARACTERS]}…"


def format_value(value: Any) -> str:
    """Return a value as text for a message, such as `the text 'x'`, with at most 60 characters."""
    text = {True: "true", False: "false", None: "an empty value"}.get(value) if isinstance(value, bool | None) else None
    text = text or (f"the text '{value}'" if isinstance(value, str) else format_short_yaml(value))
    return text if len(text) <= 60 else f"{text[:59]}…"


def suggest_for_value(value: Any, path: KeyPath, *, on_command_line: bool) -> str:
    """Return the suggestion for a plain value in place of a mapping; an empty text if there is no suggestion.

    Examples are `early_stopping: 3` and `kernel_regularizer: 0.01`.
    """
    key, kind = str(path[-1]) if path else "", get_kind_at(path)
    if key in CALLBACK_CLASSES:
        if value is False:
            return "remove it"
        has_patience = "patience" in CALLBACK_CLASSES[key].model_fields
        is_count = isinstance(value, int) and value is not True and has_patience
        return f"write {_format_setting(key, {'patience': value} if is_count else {}, on_command_line=on_command_line)}"
    if key == "data" and isinstance(value, str):
        return _suggest_for_data(value, on_command_line=on_command_line)
    if kind == "regularizer" and isinstance(value, float):
        return f"write {format_short_yaml({'type': 'l2', 'l2': value})}"
    if kind == "schedule" and isinstance(value, str) and value in CLASSES_BY_KIND["schedule"]:
        needed = [
            name for name, field in CLASSES_BY_KIND["schedule"][value].model_fields.items() if field.is_required()
        ]
        return f"write {{type: {value}, {', '.join(f'{name}: …' for name in needed)}}}"
    return ""


def _suggest_for_data(name: str, *, on_command_line: bool) -> str:
    """Return the suggestion for data written as a dataset's name or as a file: `data=digits`, `data=my.csv`."""
    if suggestion := NAME_SUGGESTIONS["dataset"].get(name):
        return suggestion
    endings = {".csv": "csv", ".tsv": "csv", ".csv.gz": "csv", ".parquet": "parquet", ".npz": "npz", ".npy": "npz"}
    file_kind = next((kind for ending, kind in endings.items() if name.lower().endswith(ending)), None)
    if file_kind is not None:
        return f"write {_format_setting('data', {'dataset': file_kind, 'path': name}, on_command_line=on_command_line)}"
    if name in DATASETS:
        return (
            f"write data.dataset={name}" if on_command_line else f"write data: {format_short_yaml({'dataset': name})}"
        )
    return f"write {'data.dataset=… ' if on_command_line else 'data: {dataset: …} '}with one of {', '.join(DATASETS)}"


def suggest_typed_mapping(value: Any, kind: str) -> str:
    """Return the suggestion for a type written as a key: `Dense: {units: 9}` becomes `{type: Dense, units: 9}`.

    The suggestion is empty for any other value.
    """
    if not isinstance(value, dict):
        return ""
    if isinstance(name := value.get("class_name"), str):
        arguments = value.get("config") or {}
    elif len(value) == 1:
        ((name, arguments),) = value.items()
    else:
        return ""
    name = SPELLINGS.get(kind, {}).get(name, name)
    cls = CLASSES_BY_KIND.get(kind, {}).get(str(name))
    if cls is None:
        return ""
    if not isinstance(arguments, dict):
        first = list_positional_arguments(cls)[:1]
        arguments = {first[0]: arguments} if first and arguments is not None else {}
    return f"write {format_short_yaml({'type': name, **rename_old_arguments(arguments, cls)}) if arguments else name}"
