"""Table and JSON of the summary of a network, and the table of `dnn bench`."""

import textwrap
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rich.table import Table

from dnn_cli.config.layer_stack import format_shape
from dnn_cli.config.network_summary import LayerRow, NetworkSummary, format_bytes, format_number, iter_indented_rows
from dnn_cli.report.tables import COLUMN_GAP, build_table, compute_text_width, format_named_rows
from dnn_cli.report.text import format_count

_SUMMARY_HEADERS = ("layer", "type", "output shape", "parameters")
_MIN_NAME_WIDTH = 12
"""Smallest width of the column of names, in characters. A longer name is above its row."""


def format_summary_table(summary: NetworkSummary, width: int) -> list[str]:
    """Return a table with a row for each layer, as lines. Names and types are never cut.

    If the table is too wide, long formulas are below their rows. If it is then still too wide, long names are above
    their rows.

    Args:
        summary: The summary of a network.
        width: The width of the terminal, in characters.
    """
    named_rows = list(iter_indented_rows(summary.layers))
    cells = [[name, row.type, format_shape(row.output_shape), _format_parameters(row)] for name, row in named_rows]
    *other_widths, _ = (max(map(compute_text_width, column)) for column in zip(_SUMMARY_HEADERS, *cells, strict=True))
    number_width = max(len(_SUMMARY_HEADERS[-1]), *(len(format_number(row.parameters)) for _, row in named_rows))
    room = max(width - sum(other_widths) - COLUMN_GAP * len(other_widths), number_width)
    is_below = [len(formula) > room and "=" in formula for *_, formula in cells]
    for row_cells, (_, row), below in zip(cells, named_rows, is_below, strict=True):
        if below:
            row_cells[-1] = format_number(row.parameters)
    head, *blocks = format_named_rows(_SUMMARY_HEADERS, cells, width, _SUMMARY_HEADERS[-1:], _MIN_NAME_WIDTH)
    lines, table_width = head, len(head[1])
    for block, (_, row), below in zip(blocks, named_rows, is_below, strict=True):
        formula_lines = _wrap_formula(f"= {row.formula}", table_width) if below else []
        lines += [*block, *(f"{line:>{table_width}}" for line in formula_lines)]
    return lines


def _wrap_formula(formula: str, width: int) -> list[str]:
    """Return the lines of a formula, which is broken before `+` only."""
    parts = textwrap.wrap(formula.replace("= ", "=\u00a0").replace(" × ", "\u00a0×\u00a0"), width)
    return [part.replace("\u00a0", " ") for part in parts]


def _format_parameters(row: LayerRow) -> str:
    """Return the formula of the parameters of a layer with its result; of a layer with layers, the result only."""
    number = format_number(row.parameters)
    return f"{row.formula} = {number}" if row.formula and not row.inner else number


def build_columns_table(summary: NetworkSummary) -> Table:
    """Build a table of the typed columns of a table, with the number of inputs that each column makes."""
    rows = [[column.name, column.type, f"{column.inputs:,}"] for column in summary.columns]
    return build_table(["column", "type", "inputs"], rows, right=["inputs"], flexible=["column"])


def list_summary_totals(summary: NetworkSummary) -> list[tuple[str, str]]:
    """Return the totals below the table of layers, as (label, text)."""
    total, trainable, non_trainable = summary.total, summary.trainable, summary.non_trainable
    if (
        total is None or trainable is None or non_trainable is None or summary.optimizer_bytes is None
        or summary.multiply_adds is None or summary.depth is None
    ):  # fmt: skip
        return [("parameters", "– until a training: custom layers create their own weights")]
    copies = summary.optimizer_bytes / (4 * trainable) if trainable else 0.0
    optimizer_text = "nothing" if not copies else f"{copies:.3g} × the trainable parameters"
    return [
        ("parameters", f"{total:,} ({format_bytes(4 * total)})"),
        ("trainable", f"{trainable:,} ({format_bytes(4 * trainable)})"),
        ("non-trainable", f"{non_trainable:,} ({format_bytes(4 * non_trainable)})"),
        ("optimizer", f"{summary.optimizer} stores {optimizer_text} ({format_bytes(summary.optimizer_bytes)})"),
        ("multiply-adds", f"{summary.multiply_adds:,} per example"),
        ("depth", f"{format_count(summary.depth, 'layer')} with a kernel; other layers, such as Flatten, do not count"),
    ]


def build_summary_document(summary: NetworkSummary) -> dict[str, Any]:
    """Build the JSON document of `dnn summary`. Shapes begin with null for the batch size."""
    return {
        "name": summary.name,
        "input_shape": [None, *summary.input_shape],
        "columns": [{"name": column.name, "type": column.type, "inputs": column.inputs} for column in summary.columns],
        "layers": [_build_layer_document(row) for row in summary.layers],
        "parameters": {
            "total": summary.total,
            "trainable": summary.trainable,
            "non_trainable": summary.non_trainable,
            "bytes": summary.bytes,
        },
        "optimizer": {"type": summary.optimizer, "bytes": summary.optimizer_bytes},
        "multiply_adds": summary.multiply_adds,
        "depth": summary.depth,
    }


def _build_layer_document(row: LayerRow) -> dict[str, Any]:
    """Build the JSON document of a layer. A layer that contains layers has a list `layers`."""
    document = {
        "name": row.name,
        "type": row.type,
        "output_shape": [None, *row.output_shape],
        "parameters": row.parameters,
        "trainable_parameters": row.trainable_parameters,
        "formula": row.formula,
    }
    return {**document, "layers": [_build_layer_document(inner) for inner in row.inner]} if row.inner else document


def build_bench_table(
    seconds: Mapping[str, Sequence[float]], first_seconds: Mapping[str, float], baseline: str
) -> Table:
    """Build a table of seconds per epoch, with a row for each way to train, such as `dnn` and `keras fit, arrays`.

    Args:
        seconds: The seconds of each epoch after the first, by way to train.
        first_seconds: The seconds of the first epoch, which includes compiling, by way to train.
        baseline: The way to train that is compared with the others. The last column divides each median by its median.
    """
    base = median(seconds[baseline])
    rows = [
        [
            name,
            f"{median(epoch_seconds):.3f}",
            f"{min(epoch_seconds):.3f}–{max(epoch_seconds):.3f}",
            f"{first_seconds[name]:.3f}",
            "" if name == baseline else f"{median(epoch_seconds) / base:.1f} ×",
        ]
        for name, epoch_seconds in seconds.items()
    ]
    headers = ["seconds per epoch", "median", "range", "first epoch", "ratio to dnn"]
    return build_table(headers, rows, right=headers[1:], flexible=headers[:1])
