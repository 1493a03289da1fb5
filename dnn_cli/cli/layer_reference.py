"""Reference of all layers in Markdown, for `docs/layers.md`.

`python -m dnn_cli.cli.layer_reference` writes the page.
"""

from itertools import groupby
from typing import get_args

from dnn_cli.cli.documentation import PAGES_DIRECTORY
from dnn_cli.cli.markdown_table import build_markdown_table
from dnn_cli.config.layer_base import Family
from dnn_cli.config.left_out_layers import LEFT_OUT_LAYERS
from dnn_cli.report.catalog import Argument, CatalogItem, build_catalog
from dnn_cli.report.catalog_text import format_axes

_HEADER = """# Layers

All layers with their arguments, examples and shapes.

Arguments and defaults are those of Keras. Arguments without a default are required. Every layer also has the arguments
`name` and `trainable`. Layers with weights have an initializer, a regularizer and a constraint for each weight, such as
`kernel_initializer`. `dnn list layers NAME` shows all arguments of one layer.

Shapes are those of one example, without the batch. [Checks of layers](layer_checks.md) shows the measured bits and
exports of each layer. A class of your own can also be a layer: [Your own layer](config.md#your-own-layer).
"""

_LEFT_OUT_TITLE = "## Layers that are left out"
_WEIGHT_ARGUMENTS = ("_initializer", "_regularizer", "_constraint")


def build_layer_reference() -> str:
    """Return the reference in Markdown: a table for each family, and a table of the layers that are left out."""
    items = build_catalog("layer")
    blocks = [_HEADER]
    for family in get_args(Family):
        rows = [_build_row(item) for item in items if item.family == family]
        if rows:
            headers = ("layer", "arguments", "example", "shape", "parameters")
            blocks.append(f"## {family.capitalize()}\n\n{build_markdown_table(headers, rows)}")
    blocks.append(
        f"{_LEFT_OUT_TITLE}\n\nThese layers of Keras cannot be part of a config.\n\n"
        + build_markdown_table(("layer", "reason"), _list_left_out_rows())
    )
    return "\n".join(blocks)


def _build_row(item: CatalogItem) -> tuple[str, ...]:
    """Return the cells of a layer: name and meaning, arguments, example, shapes and parameters."""
    example = item.example
    if example is None:
        raise TypeError(f"{item.name} has no example")
    arguments = ", ".join(_format_argument(argument) for argument in item.arguments if _is_own(argument))
    return (
        f"`{item.name}`: {item.summary}",
        arguments or "–",
        f"`{example.line}`",
        f"{format_axes(example.input_shape)} → {format_axes(example.output_shape)}",
        example.parameters_text,
    )


def _is_own(argument: Argument) -> bool:
    """Return whether the table lists an argument. The page describes the other arguments for all layers."""
    return argument.name not in ("name", "trainable") and not argument.name.endswith(_WEIGHT_ARGUMENTS)


def _format_argument(argument: Argument) -> str:
    """Return an argument with its default: `padding=valid`."""
    return f"`{argument.name}`" if argument.is_required else f"`{argument.name}={argument.default_text}`"


def _list_left_out_rows() -> list[tuple[str, str]]:
    """Return a row for each reason, with the layers that are left out for it."""
    by_reason = sorted(LEFT_OUT_LAYERS.items(), key=lambda item: list(LEFT_OUT_LAYERS.values()).index(item[1]))
    return [
        (", ".join(f"`{name}`" for name, _ in members), reason)
        for reason, members in groupby(by_reason, key=lambda item: item[1])
    ]


if __name__ == "__main__":
    (PAGES_DIRECTORY / "layers.md").write_text(build_layer_reference(), encoding="utf-8")
