"""Table of trained baselines: a row for each, with its scores."""

from collections.abc import Sequence

from dnn_cli.report.table_cells import Column, TableCells, build_cells
from dnn_cli.report.text import format_duration, format_score
from dnn_cli.runs.record import NON_SCORE_COLUMNS, Record


def build_baseline_cells(records: Sequence[Record]) -> TableCells:
    """Build the cells of a table with a row for each baseline.

    The scores are those on the validation examples or, without validation, on the training examples.
    """
    scores = dict.fromkeys(name for record in records for name in record.results.last or ())
    prefix = "val_" if any(name.startswith("val_") for name in scores) else ""
    names = [name for name in scores if name.startswith(prefix) and name not in NON_SCORE_COLUMNS]
    # The loss comes last: the first metric is the monitor.
    names.sort(key=lambda name: name.endswith("loss"))

    def build_score_column(name: str) -> Column[Record]:
        return Column(name, lambda record: format_score((record.results.last or {}).get(name)), is_numeric=True)

    columns: list[Column[Record]] = [
        Column("name", lambda record: record.name, fit="cut"),
        *map(build_score_column, names),
        Column("time", lambda record: format_duration(record.seconds), is_numeric=True),
        Column("id", lambda record: record.id),
    ]
    return build_cells(columns, records, ["time", *reversed(names[1:])])
