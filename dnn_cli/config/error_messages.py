"""Messages of validation errors, with locations in the config file and suggestions such as the nearest valid name."""

import re
from typing import Any

from pydantic import ValidationError

from dnn_cli.config.base import ConfigModel
from dnn_cli.config.callbacks import CALLBACK_CLASSES
from dnn_cli.config.columns import COLUMNS_BY_TYPE
from dnn_cli.config.data import Data
from dnn_cli.config.experiment import Experiment, Model
from dnn_cli.config.keras_suggestions import (
    RENAMED_KEYS,
    WRITE_LAYER_LIST,
    format_short_yaml,
    suggest_for_key,
    suggest_for_name,
    suggest_for_value,
    suggest_typed_mapping,
)
from dnn_cli.config.layer_union import find_item_class
from dnn_cli.config.left_out_layers import LEFT_OUT_LAYERS
from dnn_cli.config.optimizers import DEFAULT_OPTIMIZER
from dnn_cli.config.registry import CLASSES_BY_KIND, COLUMN_KIND, NAMES_BY_KIND, get_kind_at
from dnn_cli.config.yaml_reader import MAX_ISSUES, Document, format_key_path
from dnn_cli.errors import KeyPath, LocatedIssue, suggest_nearest_name

_WRONG_TYPE_TEXTS = {
    "int_type": "needs a whole number",
    "float_type": "needs a number",
    "bool_type": "needs true or false",
    "string_type": "needs text",
    "tuple_type": "needs a list",
    "model_type": "needs a mapping of keys",
    "model_attributes_type": "needs a mapping of keys",
    "dict_type": "needs a mapping of keys",
    "finite_number": "needs a finite number",
}
_MODELS_BY_PATH: dict[KeyPath, type[ConfigModel]] = {
    ("data",): Data,
    ("model",): Model,
    **{(key,): cls for key, cls in CALLBACK_CLASSES.items()},
}
"""Classes of the parts of a config that have no `type`, by key path."""

_BOUND_SYMBOLS = {"greater_than": ">", "greater_than_equal": "≥", "less_than": "<", "less_than_equal": "≤"}


def to_located_issues(error: ValidationError, document: Document) -> list[LocatedIssue]:
    """Return pydantic's errors as issues with locations. Errors at key paths that already have an issue are skipped."""
    paths_with_issues = {path for path, _ in document.issues}
    issues: dict[KeyPath, LocatedIssue] = {}
    for detail in error.errors(include_url=False)[:MAX_ISSUES]:
        path = _to_config_path(detail["loc"], document.value, missing=detail["type"] == "missing")
        if path in paths_with_issues or path in issues:
            continue
        # Pydantic counts valid items only. Items with issues of their own can make a list seem too short.
        if detail["type"] == "too_short" and detail["ctx"]["actual_length"] < len(_find_value_at(document.value, path)):
            continue
        if detail["type"] == "missing" and _is_replaced_by_keras_key(path, document.value):
            continue
        on_command_line = document.find_location(path).line is None
        message, suggestion = _describe_validation_error(detail, path, document.value, on_command_line=on_command_line)
        issue_path = (*path, "type") if detail["type"] == "union_tag_invalid" else path
        issues[path] = LocatedIssue(document.find_location(issue_path), format_key_path(path), message, suggestion)
    return list(issues.values())


def _to_config_path(location: tuple[int | str, ...], root: Any, *, missing: bool) -> KeyPath:
    """Return the location of a pydantic error as a key path, without the steps that name the class of a union.

    For example, `("optimizer", "sgd", "momentum")` becomes `("optimizer", "momentum")`.

    Args:
        location: The location from pydantic.
        root: The plain values of the config.
        missing: Whether the error is a missing key, which `root` does not contain.
    """
    path: list[int | str] = []
    node, tagged = root, False
    for step in location:
        if isinstance(node, dict) and node.get("type") == step and not tagged:
            # The step names the class of a union, even if a key has the same name.
            tagged = True
        elif (isinstance(node, dict) and step in node) or (isinstance(node, list) and isinstance(step, int)):
            path.append(step)
            node, tagged = _find_value_at(node, (step,)), False
    return (*path, location[-1]) if missing else tuple(path)


def _find_value_at(value: Any, path: KeyPath) -> Any:
    """Return the value at a key path; `None` if the path does not exist."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _format_quoted_value(value: Any) -> str:
    """Return a value as text for a message, such as `the text 'x'`, with at most 60 characters."""
    text = {True: "true", False: "false", None: "an empty value"}.get(value) if isinstance(value, bool | None) else None
    text = text or (f"the text '{value}'" if isinstance(value, str) else str(value))
    return text if len(text) <= 60 else f"{text[:59]}…"


def _is_replaced_by_keras_key(path: KeyPath, root: Any) -> bool:
    """Return whether a key is missing because the config has another key instead, such as Keras's name `Sequential`.

    The other key already has an issue, so that an issue of the missing key would be a repetition.
    """
    keras_keys: dict[KeyPath, tuple[str, ...]] = {
        ("model",): ("layers", "Sequential"),
        ("model", "layers"): ("Sequential",),
    }
    return any(name in (_find_value_at(root, path[:-1]) or ()) for name in keras_keys.get(path, ()))


def _describe_validation_error(detail: Any, path: KeyPath, root: Any, *, on_command_line: bool) -> tuple[str, str]:
    """Return the message and the suggestion for a validation error. The suggestion may be empty.

    Args:
        detail: The error from pydantic: an item of `ValidationError.errors()`.
        path: The key path of the value.
        root: The plain values of the config.
        on_command_line: Whether the value was written on the command line.
    """
    kind, context, value = detail["type"], detail.get("ctx", {}), _find_value_at(root, path)
    if kind == "missing":
        return "is missing", ""
    if kind == "extra_forbidden":
        return _describe_unknown_key(path, root, on_command_line=on_command_line)
    if kind in ("union_tag_invalid", "literal_error"):
        expected = context.get("expected_tags") or context["expected"]
        if path in (("jit",), ("diagnostics",)):
            return f"needs true, false or auto, not {_format_quoted_value(value)}", _suggest_value_of_type(
                "bool_type", value
            )
        name = value["type"] if kind == "union_tag_invalid" and isinstance(value, dict) else value
        return _describe_unknown_name(name, get_kind_at(path), re.findall(r"'([^']+)'", expected))
    if kind == "union_tag_not_found":
        return "needs a type", suggest_typed_mapping(
            value, get_kind_at(path)
        ) or f"use one of {', '.join(NAMES_BY_KIND.get(get_kind_at(path), ()))}"
    if kind in _BOUND_SYMBOLS:
        bound = next(number for key, number in context.items() if key in ("gt", "ge", "lt", "le"))
        limit = f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
        return f"needs a number {_BOUND_SYMBOLS[kind]} {limit}, not {_format_quoted_value(value)}", ""
    if kind in _WRONG_TYPE_TEXTS:
        if path == ("model",) and kind in ("model_type", "model_attributes_type"):
            return f"{_WRONG_TYPE_TEXTS[kind]}, not {_format_quoted_value(value)}", WRITE_LAYER_LIST
        return f"{_WRONG_TYPE_TEXTS[kind]}, not {_format_quoted_value(value)}", suggest_for_value(
            value, path, on_command_line=on_command_line
        ) or _suggest_value_of_type(kind, value, get_kind_at(path))
    if kind in ("too_short", "too_long"):
        counts = (context.get("min_length"), context.get("max_length"))
        length = context["actual_length"]
        return (
            f"has {length} {'entry' if length == 1 else 'entries'}",
            f"write at {'least' if counts[0] else 'most'} " + str(counts[0] or counts[1]),
        )
    if kind.startswith("string_too"):
        # The text can be the name of a key, and not its value.
        length = len(detail["input"])
        count = f"{length:,} character{'s' if length != 1 else ''}"
        bound = f"most {context['max_length']:,}" if "long" in kind else f"least {context['min_length']:,}"
        return f"{'the name has' if detail['loc'][-1] == '[key]' else 'has'} {count}", f"write at {bound}"
    return detail["msg"], ""


def _suggest_value_of_type(kind: str, value: Any, value_kind: str = "") -> str:
    """Return a suggestion for a value of the wrong type, such as `did you mean 10?` for 10.0; else an empty text.

    Args:
        kind: Pydantic's type of the error, such as `int_type`.
        value: The value.
        value_kind: The kind of the value, such as `optimizer`; empty for other values.
    """
    if value_kind == COLUMN_KIND:
        return f"use one of {', '.join(NAMES_BY_KIND[COLUMN_KIND])}"
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return f'did you mean "{value}"?'
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"did you mean {int(value)}?"
    if kind == "int_type" and isinstance(value, str) and re.fullmatch(r"[0-9_]{1,18}", value) and value.strip("_"):
        return f"did you mean {int(value.replace('_', ''))}?"
    if kind == "tuple_type" and isinstance(value, str):
        return f"did you mean [{value}]?"
    if kind == "tuple_type" and isinstance(value, dict) and "type" in value:
        return f"did you mean [{format_short_yaml(value)}]?"
    if kind == "bool_type" and isinstance(value, str) and value.lower() in ("yes", "on", "no", "off", "y", "n"):
        return f"did you mean {'true' if value.lower() in ('yes', 'on', 'y') else 'false'}?"
    return ""


def _describe_unknown_name(name: Any, kind: str, expected: list[str]) -> tuple[str, str]:
    """Return the message and the suggestion for an unknown name, such as a layer that does not exist.

    The suggestion is the nearest name, or the kind (layer, loss and so on) to which the name belongs.

    Args:
        name: The unknown name, or a value of another type.
        kind: The kind that is expected, such as `layer`.
        expected: The names that are allowed.
    """
    if not isinstance(name, str):
        return f"needs a name, not {_format_quoted_value(name)}", f"use one of {', '.join(expected)}"
    others = [
        other for other, names in NAMES_BY_KIND.items() if other != kind and name.lower() in (n.lower() for n in names)
    ]
    quoted_name = _format_quoted_value(name).removeprefix("the text ")
    message = (
        f"{quoted_name} is not {_add_article(kind)}"
        if kind in NAMES_BY_KIND
        else f"unknown option value: {quoted_name}"
    )
    if name in NAMES_BY_KIND.get(kind, ()):
        return f"{name} cannot be the value of this key", f"use one of {', '.join(expected)}"
    if suggestion := suggest_for_name(name, kind):
        return message, suggestion
    if kind == "layer" and name in LEFT_OUT_LAYERS:
        return f"{name} is left out: it {LEFT_OUT_LAYERS[name]}", "dnn help layers lists all layers"
    if others and kind == "layer" and others[0] == "activation":
        return message, f"write {{type: Activation, activation: {name.lower()}}}"
    if nearest_name := _suggest_unabbreviated_name(name, expected) or suggest_nearest_name(name, expected):
        return message, nearest_name
    if others:
        return message, f"{name} is {_add_article(others[0])}"
    return message, f"use one of {', '.join(expected)}"


def _add_article(noun: str) -> str:
    """Return a noun with its indefinite article: `an optimizer`."""
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def _suggest_unabbreviated_name(name: str, expected: list[str]) -> str:
    """Return a suggestion of the expected names that `name` abbreviates; an empty text if there is no such name.

    `sparse` abbreviates `sparse_categorical_crossentropy` by its first word, and `scc` by its initials.
    """
    abbreviation = name.lower()
    matches = [
        candidate
        for candidate in expected
        if candidate.startswith(f"{abbreviation}_") or "".join(w[0] for w in candidate.split("_")) == abbreviation
    ]
    if len(name) < 2 or not matches:
        return ""
    return f"did you mean {matches[0]}?" if len(matches) == 1 else f"use one of {', '.join(matches)}"


def _describe_unknown_key(path: KeyPath, root: Any, *, on_command_line: bool) -> tuple[str, str]:
    """Return the message and the suggestion for a key that does not exist in its part of the config.

    The suggestion is the nearest key, or the classes that have the key.
    """
    key, parent = str(path[-1]), path[:-1]
    model = _find_config_class(parent, root)
    name = model.model_fields["type"].default if model and "type" in model.model_fields else ""
    if path == ("extends",):
        return "is a key for config files only", "write extends in the config file"
    mapping_name = str(parent[-1]) if parent in _MODELS_BY_PATH else "a config"
    message = f"is not an argument of {name}" if name else f"is not a key of {mapping_name}"
    fields = (
        [name for name, field in model.model_fields.items() if name != "type" and not field.exclude] if model else []
    )
    owner = mapping_name if parent in _MODELS_BY_PATH else get_kind_at(parent)
    written = _find_value_at(root, parent) if key in ("class_name", "config") else {key: _find_value_at(root, path)}
    if suggestion := suggest_typed_mapping(written, get_kind_at(parent)):
        return message, suggestion
    if suggestion := suggest_for_key(key, owner, root, _find_value_at(root, path), on_command_line=on_command_line):
        return message, suggestion
    if (renamed_key := RENAMED_KEYS.get(key)) in fields:
        return message, f"did you mean {renamed_key}?"
    owners = [other for other, cls in CLASSES_BY_KIND.get(get_kind_at(parent), {}).items() if key in cls.model_fields]
    if owners:
        return message, f"{', '.join(owners)} {'have' if len(owners) > 1 else 'has'} this argument"
    if nearest_key := suggest_nearest_name({"lr": "learning_rate"}.get(key, key), fields):
        return message, nearest_key
    return message, f"the {'arguments' if name else 'keys'} are {', '.join(fields)}" if fields else ""


def _find_config_class(path: KeyPath, root: Any) -> type[ConfigModel] | None:
    """Return the class that validates the mapping at a key path; `None` if its type is unknown."""
    if not path:
        return Experiment
    if path in _MODELS_BY_PATH:
        return _MODELS_BY_PATH[path]
    kind, value = get_kind_at(path), _find_value_at(root, path)
    if kind == "layer":
        return find_item_class(value)
    if kind == COLUMN_KIND:
        return COLUMNS_BY_TYPE.get(value.get("type"))
    name = value.get("type", DEFAULT_OPTIMIZER if kind == "optimizer" else None)
    return CLASSES_BY_KIND.get(kind, {}).get(name)
