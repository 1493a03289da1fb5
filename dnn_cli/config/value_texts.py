"""Short texts of values of a resolved config: the type of a part, and its arguments that differ from the defaults."""

import json
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from dnn_cli.config.layer_base import CODE_MARK
from dnn_cli.config.layers.custom import SOURCE_DIGEST_KEY

DEFAULT_TEXTS_PATH = Path(__file__).with_name("default_texts.json")
"""Path of the table of default texts, which `python -m dnn_cli.config.default_texts` writes.

Commands that only read runs take the defaults from this table, because the import of all layers takes 0.2 s."""

_SHORT_DIGEST = 8
"""Number of digits of a source digest in a short text."""


def format_config_value(value: Any, included: Collection[str] = ()) -> str:
    """Return a short text for a value of a resolved config.

    The text for a part has its type and the arguments that differ from Keras's defaults.

    Args:
        value: The value.
        included: The arguments that the text contains even with their default values.
    """
    if isinstance(value, dict) and "residual" in value:
        inner = format_config_value(value["residual"])
        others = {key: argument for key, argument in value.items() if key != "residual"}
        texts = format_changed_arguments(others, included)
        return " ".join([f"{value['type']} ({inner})", *(f"{key}={text}" for key, text in texts.items())])
    if isinstance(value, dict) and "type" in value:
        texts = format_changed_arguments(value, included)
        return " ".join([value["type"], *(f"{key}={text}" for key, text in texts.items())])
    if isinstance(value, dict) and "repeat" in value:
        return f"{value['repeat']} × ({format_config_value(value['layers'])})"
    if isinstance(value, dict):
        return " ".join(f"{key}={format_config_value(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(format_config_value, value))
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


def format_changed_arguments(part: Mapping[str, Any], included: Collection[str] = ()) -> dict[str, str]:
    """Return arguments of a part as texts: the arguments in `included`, and those that differ from the default."""
    defaults = get_default_texts(part["type"]) if "type" in part else {}
    texts = {key: format_config_value(inner) for key, inner in part.items() if key not in ("type", "name")}
    if SOURCE_DIGEST_KEY in texts:
        texts[SOURCE_DIGEST_KEY] = texts[SOURCE_DIGEST_KEY][:_SHORT_DIGEST]
    return {key: text for key, text in texts.items() if key in included or text != defaults.get(key, "none")}


def get_default_texts(kind: str) -> dict[str, str]:
    """Return Keras's defaults of the arguments of a type, such as `adam`, as short texts; empty for an unknown type."""
    return read_default_texts().get(CODE_MARK if CODE_MARK in kind else kind, {})


@cache
def read_default_texts() -> dict[str, dict[str, str]]:
    """Read the table of default texts: by type, and by argument. All custom layers have the key `CODE_MARK`."""
    table: dict[str, dict[str, str]] = json.loads(DEFAULT_TEXTS_PATH.read_text(encoding="utf-8"))
    return table
