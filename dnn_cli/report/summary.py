"""A network's summary as a table and as JSON."""

from typing import Any

from rich.table import Table

from dnn_cli.report.tables import table
from dnn_cli.report.words import count
from dnn_cli.spec.stack import shape_text
from dnn_cli.spec.summary import Summary, readable_bytes


def summary_table(summary: Summary) -> Table:
    """A layer a row."""
    rows = [
        [
            row.name,
            row.type,
            shape_text(row.output_shape),
            f"{row.formula} = {row.parameters:,}" if row.formula else "0",
        ]
        for row in summary.layers
    ]
    headers = ["layer", "type", "output shape", "parameters"]
    return table(headers, rows, right=["parameters"], flexible=["layer", "type"])


def totals(summary: Summary) -> list[tuple[str, str]]:
    """What stands under the table, as (label, text)."""
    copies = summary.optimizer_bytes / (4 * summary.trainable) if summary.trainable else 0.0
    kept = "nothing" if not copies else f"{copies:.3g} × the trainable parameters"
    return [
        ("parameters", f"{summary.total:,} ({readable_bytes(summary.bytes)})"),
        ("trainable", f"{summary.trainable:,} ({readable_bytes(4 * summary.trainable)})"),
        ("non-trainable", f"{summary.non_trainable:,} ({readable_bytes(4 * summary.non_trainable)})"),
        ("optimizer", f"{summary.optimizer} keeps {kept} ({readable_bytes(summary.optimizer_bytes)})"),
        ("multiply-adds", f"{summary.multiply_adds:,} per example"),
        ("depth", f"{count(summary.depth, 'layer')} with a kernel; others, like Flatten, do not count"),
    ]


def summary_document(summary: Summary) -> dict[str, Any]:
    """The JSON of `dnn summary`; shapes begin with null for the batch."""
    return {
        "name": summary.name,
        "input_shape": [None, *summary.input_shape],
        "layers": [
            {
                "name": row.name,
                "type": row.type,
                "output_shape": [None, *row.output_shape],
                "parameters": row.parameters,
                "trainable_parameters": row.trainable_parameters,
                "formula": row.formula,
            }
            for row in summary.layers
        ],
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
