"""Overrides of keys of `data` in messages and remarks, in the form in which a user can paste them."""

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

_YAML_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
"""Words that YAML reads as true, false or null."""


def format_override(key: str, value: str | list[str]) -> str:
    """Format an override of a key of `data`, in quotes where a shell or YAML needs quotes."""
    texts = value if isinstance(value, list) else [value]
    is_plain = all(re.fullmatch(r"[^\W\d]\w*|[$€£¥₩,.;|]", text) and text.lower() not in _YAML_WORDS for text in texts)
    flow = ", ".join(texts if is_plain else (json.dumps(text, ensure_ascii=False) for text in texts))
    override = f"data.{key}={f'[{flow}]' if isinstance(value, list) else flow}"
    return override if is_plain and not re.search(r"[;| ]", override) else shlex.quote(override)


def format_column_override(name: str, column_type: str, **options: Any) -> str:
    """Format an override of `data.columns` for one column, in quotes where a shell needs quotes.

    Args:
        name: The name of the column.
        column_type: The type of the column, such as `category`.
        options: The options of the column by name. Options with the value `None` are left out.
    """
    # Keys of an override are separated by points, and `=` ends the key.
    if "." in name or "=" in name or not name.isprintable():
        return format_columns_override({name: {"type": column_type, **options}})
    return _quote_for_shell(f"data.columns.{name}={_format_column({'type': column_type, **options})}")


def format_columns_override(columns: Mapping[str, Mapping[str, Any]]) -> str:
    """Format an override of `data.columns` with the types and options of columns by name, in quotes for a shell."""
    pairs = ", ".join(f"{_format_name(name)}: {_format_column(values)}" for name, values in columns.items())
    return _quote_for_shell(f"data.columns={{{pairs}}}")


def _format_column(values: Mapping[str, Any]) -> str:
    """Format the type and the options of a column as YAML on one line: a bare type, or a mapping."""
    pairs = [f"{key}: {_format_option(value)}" for key, value in values.items() if value is not None]
    return str(values["type"]) if len(pairs) == 1 else f"{{{', '.join(pairs)}}}"


def _format_name(name: str) -> str:
    """Format the name of a column as a key in YAML."""
    is_plain = re.fullmatch(r"[^\W\d]\w*", name) and name.lower() not in _YAML_WORDS
    return name if is_plain else json.dumps(name, ensure_ascii=False)


def _format_option(value: Any) -> str:
    """Format the value of an option for YAML on one line."""
    return value if isinstance(value, str) and re.fullmatch(r"[a-z]+", value) else json.dumps(value)


def _quote_for_shell(override: str) -> str:
    """Return an override in quotes if a shell would change it."""
    return override if re.fullmatch(r"[\w.=%/:@+-]+", override) else shlex.quote(override)
