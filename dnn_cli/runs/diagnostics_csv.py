"""The file `diagnostics.csv`: measurements of the layers during a training, one row for each epoch and layer."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from dnn_cli.errors import RunError
from dnn_cli.runs.evaluations import MAX_SCORE
from dnn_cli.runs.run import Run, read_text_file


@dataclass(frozen=True)
class LayerState:
    """Measurements of one layer after an epoch, on fixed training examples.

    A value that does not apply to the layer is `None`.
    """

    epoch: int
    """Number of epochs trained so far; 0 for the initial weights."""

    layer: str
    examples: int
    """Number of training examples that the layer was measured on. Dropout and other noise were off."""

    gradient: float | None = None
    """Root mean square of the derivative of the loss with respect to the weights of the kernel."""

    weight: float | None = None
    """Root mean square of the weights of the kernel."""

    update: float | None = None
    """Relative change of the kernel since epoch `since`: ‖kernel - kernel at `since`‖ / ‖kernel at `since`‖."""

    since: int | None = None
    """Epoch whose kernel is compared in `update`: the epoch before `epoch`.

    In files of dnn 0.7.0, `since` is the last earlier epoch with measurements."""

    dead: float | None = None
    """Share of relu units whose output is 0 for every example."""

    saturated: float | None = None
    """Share of outputs of a sigmoid, tanh or similar activation that are within 5% of their limits."""

    moved: float | None = None
    """Relative change of the kernel since epoch 0: ‖kernel - initial kernel‖ / ‖initial kernel‖."""

    loss: float | None = None
    """Mean loss of the network on the examples, without the penalties of regularizers; only for the last layer."""

    correct: float | None = None
    """Share of the examples whose class is predicted correctly; only for the last layer."""


COLUMNS = tuple(field.name for field in fields(LayerState))
_INTEGER_COLUMNS = ("epoch", "examples", "since")
_REQUIRED_COLUMNS = ("epoch", "layer", "examples")
_SHARE_COLUMNS = ("dead", "saturated", "correct")
_OPTIONAL_COLUMNS = ("moved", "loss", "correct")
"""Columns that files of dnn 0.7.0 lack."""


def format_diagnostics_csv(rows: Iterable[LayerState], *, header: bool = True) -> str:
    """Format rows as CSV; with `header`, the first line has the names of the columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(_format_csv_value(getattr(row, name)) for name in COLUMNS)
    return text.getvalue()


def _format_csv_value(value: float | str | None) -> str:
    """Format a value for the CSV file: `None` as an empty text, and a float with six significant digits.

    Six digits are enough for the rules of `dnn explain`.
    """
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def read_diagnostics(run: Run) -> Sequence[LayerState]:
    """Read the rows of `diagnostics.csv` in their order.

    The result is empty without the file, because the layers of the run were not measured.

    Raises:
        RunError: the file is damaged or lacks a column.
    """
    try:
        run.diagnostics.lstat()
    except OSError:
        return ()
    try:
        table = csv.DictReader(io.StringIO(read_text_file(run.diagnostics)), strict=True)
        if missing := set(COLUMNS).difference(_OPTIONAL_COLUMNS, table.fieldnames or ()):
            raise ValueError(f"the column {min(missing)} is missing")
        rows = tuple(_parse_layer_state(row) for row in table)
    except (TypeError, ValueError, csv.Error) as error:
        raise RunError(f"diagnostics.csv is damaged: {error}") from None
    return rows


def _parse_layer_state(row: dict[str, str]) -> LayerState:
    """Parse a row of `diagnostics.csv`.

    Raises:
        TypeError: a value of the row is missing.
        ValueError: a value of the row is damaged.
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
        # The comparison is false for nan, too.
        if not low <= value <= (1 if name in _SHARE_COLUMNS else MAX_SCORE):
            raise ValueError(f"{name} is {value}, which is out of range")
        values[name] = value
    return LayerState(**values)  # type: ignore[arg-type]
