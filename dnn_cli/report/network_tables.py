"""Table and JSON of the summary of a network, and the table of `dnn bench`."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rich.table import Table

from dnn_cli.config.layer_stack import format_shape
from dnn_cli.config.network_summary import LayerRow, NetworkSummary, format_bytes, format_number, iter_indented_rows
from dnn_cli.report.tables import build_table
from dnn_cli.report.text import format_count


def build_summary_table(summary: NetworkSummary) -> Table:
    """Build a table with a row for each layer."""
    rows = [
        [
            name,
            row.type,
            format_shape(row.output_shape),
            _format_parameters(row),
        ]
        for name, row in iter_indented_rows(summary.layers)
    ]
    headers = ["layer", "type", "output shape", "parameters"]
    return build_table(headers, rows, right=["parameters"], flexible=["layer", "type", "parameters"])


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
