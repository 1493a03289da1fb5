"""`diagnostics.csv`: what the layers of a network looked like as it was trained, a row for each epoch and layer."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from dnn_cli.errors import RunError
from dnn_cli.runs.record import LARGEST
from dnn_cli.runs.run import Run, read_text


@dataclass(frozen=True)
class LayerState:
    """One layer after an epoch, on some fixed training examples; `None` is what the layer does not have."""

    epoch: int
    """The weights are those after so many epochs; 0: the initial ones."""

    layer: str
    examples: int
    """How many examples were looked at, without dropout and the like."""

    gradient: float | None = None
    """The root mean square of the loss's derivative by the weights of the kernel."""

    weight: float | None = None
    """The root mean square of these weights."""

    update: float | None = None
    """‖change of the kernel since the look before‖ / ‖kernel then‖."""

    since: int | None = None
    """The epoch of the look before."""

    dead: float | None = None
    """The share of relu's units whose output is 0 for every example."""

    saturated: float | None = None
    """The share of outputs of a sigmoid, tanh and the like within 5% of its limits."""


COLUMNS = tuple(field.name for field in fields(LayerState))
WHOLE = ("epoch", "examples", "since")
NEEDED = ("epoch", "layer", "examples")
SHARES = ("dead", "saturated")


def csv_text(rows: Iterable[LayerState], *, header: bool = True) -> str:
    """Rows as CSV, the columns above them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(cell(getattr(row, name)) for name in COLUMNS)
    return text.getvalue()


def cell(value: float | str | None) -> str:
    """A value with six digits, which is more than anybody reads."""
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def read_diagnostics(run: Run) -> Sequence[LayerState]:
    """The rows of `diagnostics.csv` in its order; none where nothing was measured.

    Raises:
        RunError: the file is not what a training writes.
    """
    try:
        run.diagnostics.lstat()
    except OSError:
        return ()
    try:
        table = csv.DictReader(io.StringIO(read_text(run.diagnostics)), strict=True)
        if missing := set(COLUMNS).difference(table.fieldnames or ()):
            raise ValueError(f"it has no column {min(missing)}")
        rows = tuple(parsed(row) for row in table)
    except (TypeError, ValueError, csv.Error) as error:
        raise RunError(f"diagnostics.csv is damaged: {error}") from None
    return rows


def parsed(row: dict[str, str]) -> LayerState:
    """A row of the file.

    Raises:
        TypeError, ValueError: it is none.
    """
    found: dict[str, str | float | None] = {"layer": row["layer"]}
    for name in COLUMNS:
        if name == "layer":
            continue
        text = row[name]
        if text == "" and name not in NEEDED:
            continue
        value = int(text) if name in WHOLE else float(text)
        if not 0 <= value <= (1 if name in SHARES else LARGEST):  # which nan is not, either
            raise ValueError(f"{name} is {value}")
        found[name] = value
    return LayerState(**found)  # type: ignore[arg-type]
