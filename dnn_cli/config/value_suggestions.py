"""Suggestions for values of a wrong type: the value of the right type that the user may have intended."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from dnn_cli.config.base import ConfigModel
from dnn_cli.config.callbacks import CALLBACK_CLASSES
from dnn_cli.config.columns import COLUMNS_BY_TYPE
from dnn_cli.config.data import Data
from dnn_cli.config.experiment import Experiment, Model
from dnn_cli.config.keras_suggestions import format_short_yaml
from dnn_cli.config.layer_union import find_item_class, find_layer_class
from dnn_cli.config.optimizers import DEFAULT_OPTIMIZER
from dnn_cli.config.python_calls import parse_python_value
from dnn_cli.config.registry import CLASSES_BY_KIND, COLUMN_KIND, get_kind_at
from dnn_cli.config.yaml_reader import parse_yaml
from dnn_cli.errors import ConfigError, KeyPath

MODELS_BY_PATH: dict[KeyPath, type[ConfigModel]] = {
    ("data",): Data,
    ("model",): Model,
    **{(key,): cls for key, cls in CALLBACK_CLASSES.items()},
}
"""Classes of the parts of a config that have no `type`, by key path."""

_TRUE_WORDS, _FALSE_WORDS = ("yes", "on", "y", "true", "1"), ("no", "off", "n", "false", "0")
_MAX_TEXT_CHARACTERS = 200
"""Maximum number of characters of a text for which a suggestion is sought."""


def find_value_at(value: Any, path: KeyPath) -> Any:
    """Return the value at a key path; `None` if the path does not exist."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def find_config_class(path: KeyPath, root: Any) -> type[ConfigModel] | None:
    """Return the class that validates the mapping at a key path; `None` for an unknown type or another value."""
    if not path:
        return Experiment
    if path in MODELS_BY_PATH:
        return MODELS_BY_PATH[path]
    kind, value = get_kind_at(path), find_value_at(root, path)
    if not isinstance(value, dict):
        return None
    if kind == "layer":
        return find_item_class(value) if isinstance(path[-1], int) else find_layer_class(value)
    if kind == COLUMN_KIND:
        return COLUMNS_BY_TYPE.get(str(value.get("type")))
    name = value.get("type", DEFAULT_OPTIMIZER if kind == "optimizer" else None)
    return CLASSES_BY_KIND.get(kind, {}).get(str(name))


def suggest_fitting_value(path: KeyPath, root: Any) -> str:
    """Return `did you mean …?` with the value that a key accepts and the user may have intended; else an empty text.

    For example, the text `'0.1'` may mean the number 0.1, and the tuple of Python `(3, 3)` the list `[3, 3]`.
    """
    values = _iter_intended_values(find_value_at(root, path))
    intended = next((value for value in values if fits_key(value, path, root)), None)
    if intended is None:
        return ""
    return (
        f'did you mean "{intended}"?' if isinstance(intended, str) else f"did you mean {format_short_yaml(intended)}?"
    )


def fits_key(value: Any, path: KeyPath, root: Any) -> bool:
    """Return whether a value is valid at a key path, apart from checks of several keys together."""
    for end in range(len(path) - 1, -1, -1):
        cls, key = find_config_class(path[:end], root), str(path[end])
        if cls is None:
            continue
        for step in reversed(path[end + 1 :]):
            value = {step: value} if isinstance(step, str) else [value]
        try:
            cls.model_validate({key: value})
        except ValidationError as error:
            return not any(detail["loc"][:1] == (key,) for detail in error.errors(include_url=False))
        return True
    return False


def _iter_intended_values(value: Any) -> Iterator[Any]:
    """Yield the values that a user may have intended instead of a value of a wrong type, the most likely first."""
    if isinstance(value, str) and len(value) <= _MAX_TEXT_CHARACTERS:
        yield from _iter_values_of_text(value)
    if isinstance(value, float) and value.is_integer():
        yield int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    if isinstance(value, list) and value and all(item == value[0] for item in value):
        yield value[0]
    if value is not None:
        yield [value]


def _iter_values_of_text(text: str) -> Iterator[Any]:
    """Yield the values of a text without quotes, in YAML and in Python."""
    if text.lower() in (*_TRUE_WORDS, *_FALSE_WORDS):
        yield text.lower() in _TRUE_WORDS
    # YAML has no digits with underscores, and no numbers that begin with 0.
    if re.fullmatch(r"[0-9_]{1,18}", text) and text.strip("_"):
        yield int(text.replace("_", ""))
    with suppress(ConfigError):
        yield parse_yaml(text, "").value
    yield parse_python_value(text)
