"""Lists of runs as tables and as JSON, and the scores of one run as lines."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dnn_cli.config.config_diff import shorten_keys
from dnn_cli.report.run_values import build_table_column, format_field, format_full_value, get_json_values
from dnn_cli.report.table_cells import Column, TableCells, build_cells
from dnn_cli.report.text import format_duration, format_score
from dnn_cli.runs.address import parse_run_id
from dnn_cli.runs.evaluations import is_test_score
from dnn_cli.runs.query.fields import build_getter
from dnn_cli.runs.query.run_columns import ABSENT, RunColumn, get_run_reason, get_run_status, list_columns
from dnn_cli.runs.record import NON_SCORE_COLUMNS, Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import RunInfo

_MIN_CUT_WIDTH = 12
"""Width in terminal characters to which names are cut before a column is dropped."""


def build_default_cells(runs: Sequence[RunInfo]) -> TableCells:
    """Build the cells of the list of runs with default columns.

    For a run without a score, the column of scores has the reason of the run's status.
    """
    monitors = {run_info.record.results.monitor for run_info in runs if run_info.record}
    common_monitor = monitors.pop() if len(monitors) == 1 else None
    details = list_columns("runs")
    columns: list[Column[RunInfo]] = [
        Column("id", lambda run_info: run_info.record.id if run_info.record else "–"),
        Column("name", lambda run_info: run_info.name, fit="cut"),
        Column("status", _format_status),
        Column(common_monitor or "best", lambda run_info: _format_best_score(run_info, common_monitor), fit="cut"),
        *(build_table_column(column, lambda run_info: run_info, absent="") for column in details),
    ]
    if any(run_info.annotations.tags for run_info in runs):
        columns.append(Column("tags", lambda run_info: ", ".join(run_info.annotations.tags), fit="cut"))
    # The start distinguishes runs with the same name, and is therefore dropped last.
    details.sort(key=lambda column: column.name != "started")
    cells = build_cells(columns, runs, [column.header for column in reversed(details)])
    return replace(cells, width_before_dropping=_MIN_CUT_WIDTH)


def _format_status(run_info: RunInfo) -> str:
    """Return the status of a run, and the reason of a run that is being trained, such as `running (epoch 3)`."""
    status, reason = get_run_status(run_info), get_run_reason(run_info)
    return f"{status} ({reason})" if status == "running" and reason else status


def _format_best_score(run_info: RunInfo, header: str | None) -> str:
    """Return the best score of a run, or the reason why the run has no score.

    `header` is the monitor that all runs share, which is the header of their scores. If the monitors differ, `header`
    is `None`, and the name of the monitor follows the score.
    """
    record = run_info.record
    if record is None or not record.results.best:
        return "" if get_run_status(run_info) == "running" else get_run_reason(run_info) or ""
    monitor = record.results.monitor
    return format_score(record.results.best.get(monitor)) + ("" if monitor == header else f" {monitor}")


def build_fields_cells(runs: Sequence[RunInfo], fields: Sequence[str]) -> TableCells:
    """Build a list of runs with fields such as `best.val_loss` as columns. Values are rounded for readers."""
    columns = [[get(run_info) for run_info in runs] for get in map(build_getter, fields)]
    short_headers = shorten_keys(fields)
    # Short headers of a score of best.keras and a score of model.keras would be equal.
    headers = [field if is_test_score(field) else header for field, header in zip(fields, short_headers, strict=True)]
    text_columns = [
        [format_field(field, value) for value in column] for field, column in zip(fields, columns, strict=True)
    ]
    return TableCells(
        headers,
        list(zip(*text_columns, strict=True)),
        right=[header for header, column in zip(headers, columns, strict=True) if _is_numeric_column(column)],
        cut=headers,
        expendable=headers[:0:-1],
        width_before_dropping=_MIN_CUT_WIDTH,
    )


def build_full_cells(runs: Sequence[RunInfo], fields: Sequence[str]) -> TableCells:
    """Build a list of runs with fields as columns, for programs: values are unrounded, and missing values are empty."""
    getters = [build_getter(field) for field in fields]
    return TableCells(fields, [[format_full_value(get(run_info)) for get in getters] for run_info in runs])


def get_field_values(run_info: RunInfo, fields: Sequence[str]) -> dict[str, Any]:
    """Return the values of some fields of a run for JSON; missing values are `None`."""
    return get_json_values(run_info, [RunColumn(field, build_getter(field)) for field in fields])


def list_default_fields(runs: Sequence[RunInfo]) -> list[str]:
    """Return the fields whose values `build_default_cells` shows."""
    score_fields = dict.fromkeys(f"best.{run_info.record.results.monitor}" for run_info in runs if run_info.record)
    tag = ["tag"] if any(run_info.annotations.tags for run_info in runs) else []
    return ["id", "name", "status", "reason", *score_fields, *(column.name for column in list_columns("runs")), *tag]


def _is_numeric_column(values: Sequence[Any]) -> bool:
    """Return whether a column has values, and all of them are numbers."""
    present_values = [value for value in values if value is not None and value is not ABSENT]
    return bool(present_values) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in present_values
    )


def build_run_document(run: Run, record: Record) -> dict[str, Any]:
    """Build the JSON document of a run, with the keys that both `dnn train --json` and `dnn runs --json` print."""
    return _build_document(RunInfo(run, record))


def _build_document(run_info: RunInfo) -> dict[str, Any]:
    """Build the JSON document of a run without test scores and annotations."""
    results = run_info.record.results if run_info.record else None
    best = results.best if results else None
    return {
        "id": run_info.record.id if run_info.record else parse_run_id(run_info.run),
        "name": run_info.name,
        "dir": str(run_info.run.directory),
        "status": get_run_status(run_info),
        "reason": get_run_reason(run_info),
        **get_json_values(run_info, list_columns("json")),
        "last": results.last if results else None,
        "best": {"epoch": best["epoch"], results.monitor: best[results.monitor]} if results and best else None,
    }


def build_run_info_document(run_info: RunInfo) -> dict[str, Any]:
    """Build the JSON document of a run that was read from disk, with its test scores and annotations.

    A broken run has `null` for missing values.
    """
    tested = run_info.record.find_test_evaluation() if run_info.record else None
    return {
        **_build_document(run_info),
        "test": tested.scores if tested else None,
        "tags": list(run_info.annotations.tags),
        "note": run_info.annotations.note,
    }


def format_scores(scores: Mapping[str, float], prefix: str = "") -> str:
    """Return scores in one line, the loss first.

    Only scores whose names begin with `prefix` are included.
    """
    names = [name for name in scores if name not in NON_SCORE_COLUMNS and name.startswith(prefix)]
    return "  ".join(
        f"{name} {format_score(scores[name])}" for name in sorted(names, key=lambda name: "loss" not in name)
    )


def format_last_and_best(record: Record) -> list[str]:
    """Return the scores of the last and the best epoch, a line for each epoch.

    If the monitor is a score of validation, only scores of validation are listed.
    """
    results = record.results
    prefix = "val_" if results.monitor.startswith("val_") else ""
    return [
        f"  {label}  epoch {scores['epoch']}  {format_scores(scores, prefix)}"
        for label, scores in (("last", results.last), ("best", results.best))
        if scores
    ]


def list_fitting_scores(scores: Mapping[str, float], width: int) -> list[str]:
    """Return the names of the scores of an epoch that fit in a line of `width` terminal characters.

    If the line is too long, all metrics of training but the first are dropped, then all metrics of validation but the
    first. If the line is still too long, the first metric and then the loss of training are dropped.

    The loss and the first metric of validation always stay. Without validation, those of training stay.
    """
    names = [name for name in scores if name not in NON_SCORE_COLUMNS]
    training = [name for name in names if not name.startswith("val_")]
    validation = names[len(training) :]
    for name in (*reversed(training[2:]), *reversed(validation[2:]), *training[1:2], *training[:1]):
        if len(format_epoch_header(names)) <= width or (not validation and name in training[:2]):
            break
        names.remove(name)
    return names


def format_epoch_header(names: Sequence[str]) -> str:
    """Return the header above lines of `format_epoch_line`; `names` are the names of the printed scores."""
    return "  ".join(["  epoch", *(f"{name:>8}" for name in names), "    time"])


def format_epoch_line(scores: Mapping[str, float], names: Sequence[str], epochs: int) -> str:
    """Return an epoch as a line in the columns of `format_epoch_header`: its number, scores and duration.

    Args:
        scores: The row of the epoch in `metrics.csv`.
        names: The names of the printed scores.
        epochs: The planned number of epochs.
    """
    cells = [f"{format_score(scores[name]):>{max(8, len(name))}}" for name in names]
    number = f"{scores['epoch']}/{epochs}"
    return "  ".join([f"{number:>7}", *cells, f"{format_duration(scores['seconds']):>8}"])
