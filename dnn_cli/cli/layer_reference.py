"""Reference of all layers in Markdown, for `docs/layers.md`.

`python -m dnn_cli.cli.layer_reference` writes the page.
"""

import re
import textwrap
from itertools import groupby
from typing import get_args

from dnn_cli.cli.documentation import PAGES_DIRECTORY
from dnn_cli.config.layer_base import Family
from dnn_cli.config.left_out_layers import LEFT_OUT_LAYERS
from dnn_cli.report.catalog import Argument, CatalogItem, build_catalog
from dnn_cli.report.catalog_text import format_axes

_HEADER = """# Layers

All layers with their arguments, examples and shapes.

A block `{repeat: 3, layers: [...]}` repeats layers, see [the config file](config.md).

Arguments and defaults are those of Keras. Arguments without a default are required. Every layer also has the arguments
`name` and `trainable`. Layers with weights have an initializer, a regularizer and a constraint for each weight, such as
`kernel_initializer`. `dnn list layers NAME` shows all arguments of one layer.

Shapes are those of one example, without the batch. [Checks of layers](layer_checks.md) shows the measured bits and
exports of each layer. A class of your own can also be a layer: [Your own layer](config.md#your-own-layer).
"""

_LEFT_OUT_TITLE = "## Layers that are left out"
_LINE_WIDTH = 120
"""Maximum width of a line of the list, in characters."""

_WEIGHT_ARGUMENTS = ("_initializer", "_regularizer", "_constraint")


def build_layer_reference() -> str:
    """Return the reference in Markdown: a list of layers for each family, and a list of the layers that are left out.

    Tables of the layers would be too wide for a terminal.
    """
    items = build_catalog("layer")
    blocks = [_HEADER]
    for family in get_args(Family):
        layer_items = [_build_layer_item(item) for item in items if item.family == family]
        if layer_items:
            blocks.append(f"## {family.capitalize()}\n\n{''.join(layer_items)}")
    blocks.append(
        f"{_LEFT_OUT_TITLE}\n\nThese layers of Keras cannot be part of a config.\n\n"
        + "".join(_format_list_item("", f"{names}: {reason}") for names, reason in _list_left_out_layers())
    )
    return "\n".join(blocks)


def _build_layer_item(item: CatalogItem) -> str:
    """Return the item of a layer: name and meaning, arguments, and an example with its shapes and parameters."""
    example = item.example
    if example is None:
        raise TypeError(f"{item.name} has no example")
    arguments = ", ".join(_format_argument(argument) for argument in item.arguments if _is_own(argument))
    shapes = f"{format_axes(example.input_shape)} → {format_axes(example.output_shape)}"
    counts = f"parameters {example.parameters_text}" if example.formula else "no parameters"
    return (
        _format_list_item("", f"`{item.name}`: {item.summary}")
        + (_format_list_item("  ", f"arguments: {arguments}") if arguments else "")
        + _format_list_item("  ", f"example: `{example.line}`, {shapes}, {counts}")
    )


def _format_list_item(indent: str, text: str) -> str:
    """Return an item of a list in Markdown, wrapped to the maximum width of a line."""
    # A sign at the beginning of a line would begin another item.
    text = re.sub(r" (?=[-+*#>=] )", "\u00a0", text)
    lines = textwrap.wrap(text, _LINE_WIDTH - len(indent) - 2, break_long_words=False, break_on_hyphens=False)
    item = "".join(f"{indent}{'  ' if number else '- '}{line}\n" for number, line in enumerate(lines))
    return item.replace("\u00a0", " ")


def _is_own(argument: Argument) -> bool:
    """Return whether the list of a layer has an argument. The page describes the other arguments for all layers."""
    return argument.name not in ("name", "trainable") and not argument.name.endswith(_WEIGHT_ARGUMENTS)


def _format_argument(argument: Argument) -> str:
    """Return an argument with its default as in a config: `padding: valid`."""
    return f"`{argument.name}`" if argument.is_required else f"`{argument.name}: {argument.default_text}`"


def _list_left_out_layers() -> list[tuple[str, str]]:
    """Return the layers that are left out for each reason, and the reason."""
    by_reason = sorted(LEFT_OUT_LAYERS.items(), key=lambda item: list(LEFT_OUT_LAYERS.values()).index(item[1]))
    return [
        (", ".join(f"`{name}`" for name, _ in members), reason)
        for reason, members in groupby(by_reason, key=lambda item: item[1])
    ]


if __name__ == "__main__":
    (PAGES_DIRECTORY / "layers.md").write_text(build_layer_reference(), encoding="utf-8")
