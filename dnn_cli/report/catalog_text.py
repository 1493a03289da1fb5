"""Texts of the names that a config can use: all names of a kind by family, and one name with its arguments."""

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import get_args

from dnn_cli.config.layer_base import Family
from dnn_cli.config.registry import to_plural
from dnn_cli.report.catalog import CatalogItem

_MAX_NAME_WIDTH = 24
"""Longest name that has its meaning in the same line, in characters."""

_MIN_TEXT_WIDTH = 20
"""Smallest width of a column of wrapped text, in characters."""


def iter_catalog_lines(kind: str, items: Iterable[CatalogItem], width: int) -> Iterator[str]:
    """Yield lines with the name and the meaning of each item. Layers are grouped by family.

    Args:
        kind: The kind of the items, such as `layer`.
        items: The items.
        width: The maximum width of a line, in characters.
    """
    items = sorted(items, key=_get_family_order)
    name_width = min(_MAX_NAME_WIDTH, max(len(item.name) for item in items))
    for number, (family, members) in enumerate(groupby(items, key=lambda item: item.family)):
        if family is not None:
            yield from ["", family] if number else [family]
        indent = "" if family is None else "  "
        for item in members:
            yield from _iter_columns([(item.name, item.summary)], indent, name_width, width)
    if any(item.config_class for item in items):
        plural = to_plural(kind)
        yield ""
        note = f"dnn list {plural} NAME shows one {kind} with its arguments"
        if kind == "layer":
            note += " and an example. dnn help layers names the layers that are left out. A layer of your own code is"
            note += " type: module:Class with --allow-code: dnn help config."
        else:
            note += "."
        yield from textwrap.wrap(note, width)
        if kind == "layer":
            yield from textwrap.wrap("A block {repeat: N, layers: [...]} repeats layers: dnn help config.", width)


def iter_item_lines(item: CatalogItem, width: int) -> Iterator[str]:
    """Yield lines that describe one item: meaning, arguments, example and traits.

    Args:
        item: The item.
        width: The maximum width of a line, in characters.
    """
    yield f"{item.name}, {item.family}" if item.family else item.name
    if item.meaning:
        yield from _wrap(item.meaning, "  ", width)
    if item.arguments:
        yield from ["", "arguments"]
        default_width = max(len(argument.default_text) for argument in item.arguments)
        rows = [
            (argument.name, f"{argument.default_text:{default_width}}  {argument.meaning}".rstrip())
            for argument in item.arguments
        ]
        yield from _iter_columns(rows, "  ", max(len(name) for name, _ in rows), width)
    if example := item.example:
        shapes = f"{format_axes(example.input_shape)} → {format_axes(example.output_shape)}"
        rows = [("config", f"- {example.line}"), ("shape", shapes), ("parameters", example.parameters_text)]
        yield from ["", "example"]
        yield from _iter_columns(rows, "  ", len("parameters"), width)
    rows = [("also named", ", ".join(item.other_names))] if item.other_names else []
    rows += item.traits.items()
    if rows:
        yield ""
        yield from _iter_columns(rows, "", max(len(name) for name, _ in rows), width)


def format_axes(shape: tuple[int, ...]) -> str:
    """Return a shape of one example as in Keras without the batch: `(6, 6, 2)`."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _get_family_order(item: CatalogItem) -> int:
    """Return the position of the family of an item; 0 for items without a family."""
    return get_args(Family).index(item.family) if item.family else 0


def _iter_columns(rows: Iterable[tuple[str, str]], indent: str, name_width: int, width: int) -> Iterator[str]:
    """Yield rows of a name and a wrapped text. A longer name than `name_width` has a line of its own."""
    margin = indent + " " * (name_width + 2)
    for name, text in rows:
        lines = list(_wrap(text, margin, width))
        if lines and len(name) <= name_width:
            lines[0] = f"{indent}{name:{name_width}}  {lines[0].removeprefix(margin)}"
        else:
            lines.insert(0, f"{indent}{name}")
        yield from lines


def _wrap(text: str, margin: str, width: int) -> Iterator[str]:
    """Yield the lines of a text, each after a margin."""
    text_width = max(width - len(margin), _MIN_TEXT_WIDTH)
    # A name or a number with a hyphen stays in one line.
    yield from (f"{margin}{line}" for line in textwrap.wrap(text, text_width, break_on_hyphens=False))
