"""Messages of validation errors, with locations in the config file and suggestions such as the nearest valid name."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dnn_cli.config.keras_names import REMOVE_INPUT_SHAPE, WRITE_LAYER_LIST
from dnn_cli.config.keras_suggestions import format_value, suggest_for_value
from dnn_cli.config.layer_blocks import Repeat
from dnn_cli.config.python_calls import find_cut_calls
from dnn_cli.config.registry import CLASSES_BY_KIND, COLUMN_KIND, NAMES_BY_KIND, get_kind_at
from dnn_cli.config.unknown_keys import describe_unknown_key, suggest_type
from dnn_cli.config.unknown_names import describe_unknown_name
from dnn_cli.config.value_suggestions import find_config_class, find_value_at, fits_key, suggest_fitting_value
from dnn_cli.config.yaml_reader import MAX_ISSUES, Document, format_key_path
from dnn_cli.errors import KeyPath, LocatedIssue

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
_BOUND_SYMBOLS = {"greater_than": ">", "greater_than_equal": "≥", "less_than": "<", "less_than_equal": "≤"}


def to_located_issues(error: ValidationError, document: Document) -> list[LocatedIssue]:
    """Return pydantic's errors as issues with locations. Errors at key paths that already have an issue are skipped."""
    paths_with_issues = {path for path, _ in document.issues}
    issues: dict[KeyPath, LocatedIssue] = {}
    for detail in map(_to_length_error, error.errors(include_url=False)[:MAX_ISSUES]):
        path = _to_config_path(detail["loc"], document.value, missing=detail["type"] == "missing")
        if path in paths_with_issues or path in issues:
            continue
        # Pydantic counts valid items only. Items with issues of their own can make a list seem too short.
        if detail["type"] == "too_short" and detail["ctx"]["actual_length"] < len(find_value_at(document.value, path)):
            continue
        if _repeats_another_issue(detail, path, document.value):
            continue
        on_command_line = document.find_location(path).line is None
        message, suggestion = _describe_validation_error(detail, path, document.value, on_command_line=on_command_line)
        issue_path = (*path, "type") if detail["type"] == "union_tag_invalid" else path
        issues[path] = LocatedIssue(document.find_location(issue_path), format_key_path(path), message, suggestion)
    # A value that can be a number or a list of numbers has two errors if a number of the list is invalid.
    repeated = {path[:end] for path in issues for end in range(1, len(path))} | _find_replaced_paths(issues)
    return [issue for path, issue in issues.items() if path not in repeated]


def _to_length_error(detail: Any) -> Any:
    """Return pydantic's error of a missing item of a list as an error of the list; other errors unchanged."""
    *location, last = detail["loc"] or (None,)
    if detail["type"] != "missing" or not isinstance(last, int):
        return detail
    length = len(detail["input"])
    return {"type": "too_short", "loc": tuple(location), "ctx": {"min_length": last + 1, "actual_length": length}}


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
            node, tagged = find_value_at(node, (step,)), False
    return (*path, location[-1]) if missing else tuple(path)


def _find_cut_call(path: KeyPath, root: Any) -> str | None:
    """Return the call of Python that begins at an item of a list; an empty text for its other items, else `None`."""
    items = find_value_at(root, path[:-1])
    # Texts with parentheses are valid in lists of another kind.
    if not isinstance(items, list) or not isinstance(path[-1], int) or get_kind_at(path) not in CLASSES_BY_KIND:
        return None
    return find_cut_calls(items).get(path[-1])


def _repeats_another_issue(detail: Any, path: KeyPath, root: Any) -> bool:
    """Return whether an error has the same cause as another error, whose suggestion resolves both.

    The causes are Keras's name `Sequential` instead of a missing key, a repeated block with the arguments of a layer,
    and a call of Python that YAML has cut into several items.
    """
    if path and _find_cut_call(path, root) == "":
        return True
    if detail["type"] not in ("missing", "extra_forbidden"):
        return False
    parent = find_value_at(root, path[:-1]) or {}
    if detail["type"] == "missing" and path in (("model",), ("model", "layers")):
        return "Sequential" in parent or (path == ("model",) and "layers" in parent)
    return path[-1] != "type" and find_config_class(path[:-1], root) is Repeat and "type" in parent


def _find_replaced_paths(issues: Mapping[KeyPath, LocatedIssue]) -> set[KeyPath]:
    """Return the key paths of missing keys that other keys have been written for: `units` for `unit`."""
    intended = ((path, re.fullmatch(r"did you mean (\w+)\?", issue.suggestion)) for path, issue in issues.items())
    return {(*path[:-1], match[1]) for path, match in intended if match}


def _describe_validation_error(detail: Any, path: KeyPath, root: Any, *, on_command_line: bool) -> tuple[str, str]:
    """Return the message and the suggestion for a validation error. The suggestion may be empty.

    Args:
        detail: The error from pydantic: an item of `ValidationError.errors()`.
        path: The key path of the value.
        root: The plain values of the config.
        on_command_line: Whether the value was written on the command line.
    """
    kind, context, value = detail["type"], detail.get("ctx", {}), find_value_at(root, path)
    if kind == "missing":
        return "is missing", ""
    if kind == "extra_forbidden":
        return describe_unknown_key(path, root, on_command_line=on_command_line)
    if kind in ("union_tag_invalid", "literal_error"):
        expected = context.get("expected_tags") or context["expected"]
        if path in (("jit",), ("diagnostics",)):
            return f"needs true, false or auto, not {format_value(value)}", suggest_fitting_value(path, root)
        name = value["type"] if kind == "union_tag_invalid" and isinstance(value, dict) else value
        name = _find_cut_call(path, root) or name
        return describe_unknown_name(name, get_kind_at(path), re.findall(r"'([^']+)'", expected))
    if kind == "union_tag_not_found":
        return "needs a type", suggest_type(value, get_kind_at(path))
    if kind in _BOUND_SYMBOLS:
        bound = next(number for key, number in context.items() if key in ("gt", "ge", "lt", "le"))
        limit = f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
        return f"needs a number {_BOUND_SYMBOLS[kind]} {limit}, not {format_value(value)}", ""
    if kind in _WRONG_TYPE_TEXTS:
        also_number = "a whole number or " if kind == "tuple_type" and fits_key(1, path, root) else ""
        message = f"{_WRONG_TYPE_TEXTS[kind].replace('a list', f'{also_number}a list')}, not {format_value(value)}"
        return message, _suggest_for_wrong_type(kind, path, root, on_command_line=on_command_line)
    if kind in ("too_short", "too_long"):
        counts = (context.get("min_length"), context.get("max_length"))
        length = context["actual_length"]
        return (
            f"has {length} {'entry' if length == 1 else 'entries'}",
            suggest_fitting_value(path, root)
            or f"write at {'least' if counts[0] else 'most'} " + str(counts[0] or counts[1]),
        )
    if kind.startswith("string_too"):
        # The text can be the name of a key, and not its value.
        length = len(detail["input"])
        count = f"{length:,} character{'s' if length != 1 else ''}"
        bound = f"most {context['max_length']:,}" if "long" in kind else f"least {context['min_length']:,}"
        return f"{'the name has' if detail['loc'][-1] == '[key]' else 'has'} {count}", f"write at {bound}"
    return detail["msg"], ""


def _suggest_for_wrong_type(kind: str, path: KeyPath, root: Any, *, on_command_line: bool) -> str:
    """Return the suggestion for a value of the wrong type; an empty text if there is no suggestion.

    Args:
        kind: Pydantic's type of the error, such as `int_type`.
        path: The key path of the value.
        root: The plain values of the config.
        on_command_line: Whether the value was written on the command line.
    """
    if "input_shape" in path and get_kind_at(path[: path.index("input_shape")]) == "layer":
        return REMOVE_INPUT_SHAPE.replace("it", "input_shape", 1)
    if path == ("model",) and kind in ("model_type", "model_attributes_type"):
        return WRITE_LAYER_LIST
    if get_kind_at(path) == COLUMN_KIND:
        return f"use one of {', '.join(NAMES_BY_KIND[COLUMN_KIND])}"
    suggestion = suggest_for_value(find_value_at(root, path), path, on_command_line=on_command_line)
    return suggestion or suggest_fitting_value(path, root)
