"""Overrides of keys of `data` in messages and remarks, in the form in which a user can paste them."""

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

_YAML_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
"""Words that YAML reads as true, false or null."""


def quote_yaml_value(value: Any) -> str:
    """Return a plain value as YAML on one line, in which texts are in quotes, and characters without a shape escaped.

    YAML reads some of these characters, such as U+2028, as the end of a line. A terminal does not show them.
    """
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    escape = {character: f"\\U{ord(character):08x}" for character in set(text) if not character.isprintable()}
    return "".join(escape.get(character, character) for character in text)


def format_override(key: str, value: str | list[str]) -> str:
    """Format an override of a key of `data`, in quotes where a shell or YAML needs quotes."""
    texts = value if isinstance(value, list) else [value]
    # Commas and bars have a meaning in a list.
    symbols = "$€£¥₩" if isinstance(value, list) else "$€£¥₩,.;|"
    is_plain = all(re.fullmatch(rf"[^\W\d]\w*|[{symbols}]", text) and text.lower() not in _YAML_WORDS for text in texts)
    flow = ", ".join(texts if is_plain else map(quote_yaml_value, texts))
    override = f"data.{key}={f'[{flow}]' if isinstance(value, list) else flow}"
    return override if is_plain and not re.search(r"[;| ]", override) else shlex.quote(override)


def format_column_override(name: str, column_type: str, **options: Any) -> str:
    """Format an override of `data.columns` for one column, in quotes where a shell needs quotes.

    Args:
        name: The name of the column.
        column_type: The type of the column, such as `category`.
        options: The options of the column by name. Options with the value `None` are left out.
    """
    return _quote_for_shell(f"{_format_column_key(name)}={_format_column({'type': column_type, **options})}")


def format_column_removal(name: str) -> str:
    """Format an override that removes one column from `data.columns`, in quotes where a shell needs quotes."""
    return shlex.quote(f"~{_format_column_key(name)}")


def _format_column_key(name: str) -> str:
    """Format the key of a column, in which a name is in quotes if its characters would end the step or the key."""
    is_plain = name.isprintable() and not re.search(r'^"|[.=]', name)
    return f"data.columns.{name if is_plain else quote_yaml_value(name)}"


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
    return name if is_plain else quote_yaml_value(name)


def _format_option(value: Any) -> str:
    """Format the value of an option for YAML on one line."""
    return value if isinstance(value, str) and re.fullmatch(r"[a-z]+", value) else quote_yaml_value(value)


def _quote_for_shell(override: str) -> str:
    """Return an override in quotes if a shell would change it."""
    return override if re.fullmatch(r"[\w.=%/:@+-]+", override) else shlex.quote(override)
