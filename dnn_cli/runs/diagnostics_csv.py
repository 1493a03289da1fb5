"""`diagnostics.csv`: measurements of the layers during a training, one row for each measured epoch and layer."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from dnn_cli.errors import RunError
from dnn_cli.runs.record import MAX_SCORE
from dnn_cli.runs.run import Run, read_text_file


@dataclass(frozen=True)
class LayerState:
    """The state of one layer after an epoch, on a few fixed training examples; `None` where it does not apply."""

    epoch: int
    """The number of epochs trained so far; 0: the initial weights."""

    layer: str
    examples: int
    """The number of training examples the layer was measured on, without dropout and other noise."""

    gradient: float | None = None
    """The root mean square of the derivative of the loss by the weights of the kernel."""

    weight: float | None = None
    """The root mean square of these weights."""

    update: float | None = None
    """‖change of the kernel from epoch `since` to this one‖ / ‖kernel at epoch `since`‖."""

    since: int | None = None
    """The epoch from which `update` counts: the epoch before; in files of dnn 0.7.0 the one measured before."""

    dead: float | None = None
    """The share of relu units whose output is 0 for every example."""

    saturated: float | None = None
    """The share of outputs of a sigmoid, tanh or similar within 5% of their limits."""

    moved: float | None = None
    """‖change of the kernel since epoch 0‖ / ‖initial kernel‖."""

    loss: float | None = None
    """The mean loss of the network on the examples, without penalties; in the row of the last layer only."""

    correct: float | None = None
    """The share of the examples whose class is predicted; in the row of the last layer only."""


COLUMNS = tuple(field.name for field in fields(LayerState))
_INTEGER_COLUMNS = ("epoch", "examples", "since")
_REQUIRED_COLUMNS = ("epoch", "layer", "examples")
_SHARE_COLUMNS = ("dead", "saturated", "correct")
_OPTIONAL_COLUMNS = ("moved", "loss", "correct")
"""Columns that the files of dnn 0.7.0 do not have."""


def format_diagnostics_csv(rows: Iterable[LayerState], *, header: bool = True) -> str:
    """Return rows as CSV, below the names of the columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(_format_csv_value(getattr(row, name)) for name in COLUMNS)
    return text.getvalue()


def _format_csv_value(value: float | str | None) -> str:
    """Return a value with six digits, enough for every rule of `dnn explain`."""
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def read_diagnostics(run: Run) -> Sequence[LayerState]:
    """Return the rows of `diagnostics.csv` in their order; none where nothing was measured.

    Raises:
        RunError: the file is not what a training writes.
    """
    try:
        run.diagnostics.lstat()
    except OSError:
        return ()
    try:
        table = csv.DictReader(io.StringIO(read_text_file(run.diagnostics)), strict=True)
        if missing := set(COLUMNS).difference(_OPTIONAL_COLUMNS, table.fieldnames or ()):
            raise ValueError(f"it has no column {min(missing)}")
        rows = tuple(_parse_layer_state(row) for row in table)
    except (TypeError, ValueError, csv.Error) as error:
        raise RunError(f"diagnostics.csv is damaged: {error}") from None
    return rows


def _parse_layer_state(row: dict[str, str]) -> LayerState:
    """Return a row of the file as a state.

    Raises:
        TypeError, ValueError: the row is damaged.
    """
    values: dict[str, str | float | None] = {"layer": row["layer"]}
    for name in COLUMNS:
        if name == "layer":
            continue
        text = row.get(name, "") if name in _OPTIONAL_COLUMNS else row[name]
        if text == "" and name not in _REQUIRED_COLUMNS:
            continue
        value = int(text) if name in _INTEGER_COLUMNS else float(text)
        low = -MAX_SCORE if name == "loss" else 0
        if not low <= value <= (1 if name in _SHARE_COLUMNS else MAX_SCORE):  # false for nan, too
            raise ValueError(f"{name} is {value}")
        values[name] = value
    return LayerState(**values)  # type: ignore[arg-type]
