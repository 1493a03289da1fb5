"""YAML text of an imported config, with comments on values that the program does not determine."""

import math
import os
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from dnn_cli.config.base import ConfigModel
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.loading import ConfigDumper
from dnn_cli.keras_import.config_building import ImportedExperiment
from dnn_cli.keras_import.part_conversion import WINDOW_KEYS

_SCHEMA_FILE = "schema.json"
_DEFAULT_COMMENT = "not in the file"
_ALWAYS_WRITTEN = ("optimizer", "loss", "metrics", "epochs", "batch_size")
"""Keys of a config that are written even with their default values, as in the configs of `dnn new`."""

_BLOCK_KEYS = ("name", "data", "model")
"""Keys that are written on several lines, or not at all."""


def build_config_text(imported: ImportedExperiment, source: str, file: str | None) -> str:
    """Return the text of the config file that `dnn import` writes.

    Args:
        imported: The experiment.
        source: The path of the imported file.
        file: The path of the config; `None` for standard output.
    """
    experiment = imported.experiment
    lines = [
        *([f"# yaml-language-server: $schema={_SCHEMA_FILE}"] if _has_schema(file) else []),
        f"# Imported from {_format_comment(os.path.basename(source))} by dnn import.",
        *(["#", f"#     dnn train {_format_comment(shlex.quote(file))}"] if file else []),
        "data:",
        *(
            _add_comment(f"  {_format_pair(key, value)}", imported.missing.get(f"data.{key}", ""))
            for key, value in _list_data_values(experiment).items()
        ),
        "model:",
        *([f"  {_format_pair('name', experiment.model.name)}"] if "name" in experiment.model.model_fields_set else []),
        "  layers:",
        *(f"    - {_format_flow(_order_arguments(layer))}" for layer in experiment.model.layers),
    ]
    for key in Experiment.model_fields:
        value = getattr(experiment, key)
        is_default = value == Experiment.model_fields[key].get_default()
        if key not in _BLOCK_KEYS and (key in _ALWAYS_WRITTEN or not is_default):
            lines.append(_add_comment(_format_pair(key, find_changed_values(value)), imported.missing.get(key, "")))
    return "\n".join(lines) + "\n"


def _has_schema(file: str | None) -> bool:
    """Return whether the directory of a config contains the schema of configs."""
    return file is not None and os.path.exists(os.path.join(os.path.dirname(os.path.abspath(file)), _SCHEMA_FILE))


def _list_data_values(experiment: Experiment) -> dict[str, Any]:
    """Return the keys of `data` that differ from their defaults. The dataset is always included."""
    return {"dataset": experiment.data.dataset, **find_changed_values(experiment.data)}


def find_changed_values(value: Any) -> Any:
    """Return a part of an experiment as plain values, without arguments that equal Keras's defaults.

    A part without other arguments than its type is the name of the type.
    """
    if isinstance(value, BaseLayer) and value.runs_user_code:
        return {key: item for key, item in value.model_dump(mode="json").items() if (key, item) != ("trainable", True)}
    if isinstance(value, ConfigModel):
        changed = {name: find_changed_values(inner) for name, inner in _iter_changed_fields(value)}
        is_bare = list(changed) == ["type"]
        return changed["type"] if is_bare else changed
    if isinstance(value, tuple | list):
        return [find_changed_values(inner) for inner in value]
    if isinstance(value, Mapping):
        return {key: find_changed_values(inner) for key, inner in value.items()}
    return value


def _order_arguments(layer: Any) -> Any:
    """Return the changed arguments of a layer, with its name as the last, and equal sizes of a window as one number."""
    values = find_changed_values(layer)
    if not isinstance(values, dict):
        return values
    sizes = {key: values[key] for key in WINDOW_KEYS if isinstance(values.get(key), list)}
    values |= {key: sizes[key][0] for key in sizes if len(set(sizes[key])) == 1}
    name = {"name": values.pop("name")} if "name" in values else {}
    return values | name


def _iter_changed_fields(part: ConfigModel) -> Iterator[tuple[str, Any]]:
    """Yield the name and the value of the type, the required fields, and fields that differ from their defaults."""
    fields = type(part).model_fields
    for name in part.get_field_order():
        value, field = getattr(part, name), fields[name]
        is_default = not field.is_required() and value == field.get_default()
        if not field.exclude and (name == "type" or not is_default):
            yield name, value


def _format_flow(value: Any) -> str:
    """Return a plain value as YAML on one line."""
    text = yaml.dump(
        value, Dumper=ConfigDumper, default_flow_style=True, width=math.inf, allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _format_pair(key: str, value: Any) -> str:
    """Return a key with its value as YAML on one line."""
    return f"{key}: {_format_flow(value)}"


def _add_comment(line: str, reason: str) -> str:
    """Return a line with a comment on a value that the program does not determine."""
    return f"{line:<45} # {_DEFAULT_COMMENT}: {_format_comment(reason)}" if reason else line


def _format_comment(text: str) -> str:
    """Return a text as part of a comment, in which a question mark replaces each character that is not printable."""
    return "".join(character if character.isprintable() else "?" for character in text)
