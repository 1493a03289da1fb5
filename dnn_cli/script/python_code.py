"""Python expressions and statements as text, in the layout of `ruff format` with lines of 88 characters."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LINE_LENGTH = 88
_INDENT = 4


@dataclass(frozen=True)
class Literal:
    """Name, number or other text that is written unchanged."""

    text: str


@dataclass(frozen=True)
class Items:
    """List or tuple of expressions."""

    items: tuple["Expression", ...]
    is_list: bool = True
    is_expanded: bool = False
    """Whether each item has a line of its own, also if all items fit into one line."""


@dataclass(frozen=True)
class Call:
    """Call of a function or class, such as `keras.layers.Dense(10, activation="softmax")`."""

    function: str
    positional: tuple["Expression", ...] = ()
    keywords: tuple[tuple[str, "Expression"], ...] = ()


@dataclass(frozen=True)
class Dictionary:
    """Dictionary with keys as code, and expressions as values."""

    items: tuple[tuple[str, "Expression"], ...]


Expression = Literal | Items | Call | Dictionary


def build_call(function: str, *positional: Any, **keywords: Any) -> Call:
    """Build a call from plain values and expressions."""
    return Call(
        function,
        tuple(map(build_expression, positional)),
        tuple((name, build_expression(value)) for name, value in keywords.items()),
    )


def build_expression(value: Any) -> Expression:
    """Build the expression of a plain value. An expression stays unchanged."""
    if isinstance(value, Literal | Items | Call | Dictionary):
        return value
    if isinstance(value, list | tuple):
        return Items(tuple(map(build_expression, value)), is_list=isinstance(value, list))
    if isinstance(value, dict):
        return Dictionary(tuple((format_value(key), build_expression(item)) for key, item in value.items()))
    return Literal(format_value(value))


def format_value(value: Any) -> str:
    """Return a text, a number or another plain value as Python code, with double quotes."""
    if isinstance(value, str):
        quoted = repr(value)
        return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in value else quoted
    if isinstance(value, float):
        return re.sub(r"e([-+])0", r"e\1", repr(value)).replace("e+", "e")
    return repr(value)


def format_path(path: str) -> str:
    """Return the path of a file as Python code: relative if the file is below the current directory."""
    relative = os.path.relpath(path)
    return format_value(path if relative.startswith("..") else relative)


def format_statement(prefix: str, expression: Expression, *, indent: int = 0) -> list[str]:
    """Return the lines of a statement, such as `model = …` with the prefix `model = `.

    Args:
        prefix: The text before the expression.
        expression: The expression with which the statement ends.
        indent: The number of loops around the statement.
    """
    return _format_lines(prefix, expression, "", indent * _INDENT)


def _format_lines(prefix: str, expression: Expression, suffix: str, indent: int) -> list[str]:
    """Return the lines of an expression between a prefix and a suffix.

    An expression that fits into one line has one line. Otherwise the content of its brackets gets a line, or one line
    for each item.
    """
    margin = " " * indent
    line = f"{margin}{prefix}{_format_flat(expression)}{suffix}"
    opening, parts, closing = _list_parts(expression)
    if not parts or (len(line) <= LINE_LENGTH and not _is_expanded(expression)):
        return [line]
    inner_margin = " " * (indent + _INDENT)
    content = inner_margin + ", ".join(name + _format_flat(part) for name, part in parts)
    if len(content) <= LINE_LENGTH and not _is_expanded(expression):
        lines = [content]
    else:
        # The only argument of a call has no comma after it if it has brackets of its own.
        comma = "" if isinstance(expression, Call) and len(parts) == 1 and _list_parts(parts[0][1])[1] else ","
        lines = [line for name, part in parts for line in _format_lines(name, part, comma, indent + _INDENT)]
    return [f"{margin}{prefix}{opening}", *lines, f"{margin}{closing}{suffix}"]


def _list_parts(expression: Expression) -> tuple[str, Sequence[tuple[str, Expression]], str]:
    """Return the opening bracket, the parts between the brackets with their names, and the closing bracket."""
    if isinstance(expression, Call):
        positional = [("", part) for part in expression.positional]
        return (
            f"{expression.function}(",
            [*positional, *((f"{name}=", part) for name, part in expression.keywords)],
            ")",
        )
    if isinstance(expression, Dictionary):
        return "{", [(f"{key}: ", part) for key, part in expression.items], "}"
    if isinstance(expression, Items):
        opening, closing = "[]" if expression.is_list else "()"
        return opening, [("", part) for part in expression.items], closing
    return "", (), ""


def _format_flat(expression: Expression) -> str:
    """Return an expression in one line."""
    opening, parts, closing = _list_parts(expression)
    if isinstance(expression, Literal):
        return expression.text
    content = ", ".join(name + _format_flat(part) for name, part in parts)
    comma = "," if isinstance(expression, Items) and not expression.is_list and len(parts) == 1 else ""
    return f"{opening}{content}{comma}{closing}"


def _is_expanded(expression: Expression) -> bool:
    """Return whether an expression contains items that have a line each."""
    if isinstance(expression, Items) and expression.is_expanded:
        return True
    return any(_is_expanded(part) for _, part in _list_parts(expression)[1])
