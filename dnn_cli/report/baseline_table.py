"""Table of trained baselines: a row for each, with its scores or, over folds, with their means."""

from collections.abc import Sequence
from statistics import fmean

from dnn_cli.report.table_cells import Column, TableCells, build_cells
from dnn_cli.report.text import format_duration, format_score
from dnn_cli.runs.record import NON_SCORE_COLUMNS, Record


def build_baseline_cells(records: Sequence[Record]) -> TableCells:
    """Build the cells of a table with a row for each baseline; runs with the same name are folds of one baseline.

    The scores are those on the validation examples or, without validation, on the training examples.
    """
    rows: dict[str, list[Record]] = {}
    for record in records:
        rows.setdefault(record.name, []).append(record)
    scores = dict.fromkeys(name for record in records for name in record.results.last or ())
    prefix = "val_" if any(name.startswith("val_") for name in scores) else ""
    names = [name for name in scores if name.startswith(prefix) and name not in NON_SCORE_COLUMNS]
    # The loss comes last: the first metric is the monitor.
    names.sort(key=lambda name: name.endswith("loss"))

    def build_score_column(name: str) -> Column[list[Record]]:
        return Column(name, lambda folds: format_score(_compute_mean(folds, name)), is_numeric=True)

    has_folds = len(rows) < len(records)
    columns: list[Column[list[Record]]] = [
        Column("name", lambda folds: folds[0].name, fit="cut"),
        *map(build_score_column, names),
        *([Column[list[Record]]("folds", lambda folds: str(len(folds)), is_numeric=True)] if has_folds else []),
        Column("time", lambda folds: format_duration(sum(record.seconds or 0 for record in folds)), is_numeric=True),
        *([] if has_folds else [Column[list[Record]]("id", lambda folds: folds[0].id)]),
    ]
    return build_cells(columns, list(rows.values()), ["time", *reversed(names[1:])])


def _compute_mean(folds: Sequence[Record], name: str) -> float | None:
    """Return the mean of a score over folds; `None` if a fold lacks the score."""
    values = [(record.results.last or {}).get(name) for record in folds]
    return None if None in values else fmean(value for value in values if value is not None)
