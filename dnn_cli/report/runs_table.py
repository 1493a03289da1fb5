"""Lists of runs as tables and as JSON, and the scores of one run as lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from dnn_cli.config.config_diff import shorten_keys
from dnn_cli.report.tables import PlainTable, build_table, drop_columns_to_fit, shorten_cells_to_fit, shorten_text
from dnn_cli.report.text import UNLIMITED_WIDTH, format_duration, format_score
from dnn_cli.runs.address import parse_run_id
from dnn_cli.runs.query.fields import ABSENT, build_getter
from dnn_cli.runs.record import NON_SCORE_COLUMNS, Record, is_test_score
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import RunInfo

_STARTED_HEADER = "started (UTC)"


@dataclass(frozen=True)
class RunListing:
    """Headers of a list of runs, and a row of texts for each run."""

    headers: list[str]
    rows: list[list[str]]
    right: tuple[str, ...] = ()
    """Headers of right-aligned columns, which hold numbers."""

    flexible: tuple[str, ...] = ()
    """Headers of columns whose cells are cut if the table is too wide."""

    expendable: tuple[str, ...] = ()
    """Headers of columns that are dropped if cutting cells is not enough."""


def build_default_listing(runs: Sequence[RunInfo]) -> RunListing:
    """Build the list of runs with default columns.

    For a run without a score, the column of scores has the reason of the run's status.
    """
    monitors = {run_info.record.results.monitor for run_info in runs if run_info.record}
    common_monitor = monitors.pop() if len(monitors) == 1 else None
    headers = ["id", "name", "status", common_monitor or "best", "epochs", "time", _STARTED_HEADER]
    rows = [_build_run_row(run_info, common_monitor) for run_info in runs]
    if any(run_info.annotations.tags for run_info in runs):
        headers.append("tags")
        for cells, run_info in zip(rows, runs, strict=True):
            cells.append(", ".join(run_info.annotations.tags))
    flexible = ("name", headers[3], "tags")
    return RunListing(headers, rows, ("epochs", "time"), flexible, ("time", "epochs", _STARTED_HEADER))


def _build_run_row(run_info: RunInfo, header: str | None) -> list[str]:
    """Build the row of a run in the default columns.

    `header` is the monitor that all runs share, which is the header of their scores. If the monitors differ, `header`
    is `None`, and the name of the monitor follows the score.
    """
    record = run_info.record
    if record is None:
        return ["–", run_info.name, "broken", run_info.error or "", "", "", ""]
    monitor, best = record.results.monitor, record.results.best
    score_text = (
        format_score(best.get(monitor)) + ("" if monitor == header else f" {monitor}")
        if best
        else ""
        if record.status == "running"
        else record.reason or ""
    )
    started = _format_time_to_minute(record.started)
    status_suffix = f" ({record.reason})" if record.status == "running" and record.reason else ""
    return [
        record.id,
        run_info.name,
        f"{record.status}{status_suffix}",
        score_text,
        str(record.epochs),
        format_duration(record.seconds),
        started,
    ]


def build_fields_listing(runs: Sequence[RunInfo], fields: Sequence[str]) -> RunListing:
    """Build a list of runs with fields such as `best.val_loss` as columns. Values are rounded for readers."""
    columns = [[get(run_info) for run_info in runs] for get in map(build_getter, fields)]
    short_headers = shorten_keys(fields)
    # Short headers of a score of best.keras and a score of model.keras would be equal.
    headers = [field if is_test_score(field) else header for field, header in zip(fields, short_headers, strict=True)]
    right = tuple(header for header, column in zip(headers, columns, strict=True) if _is_numeric_column(column))
    text_columns = [
        [_format_field(field, value) for value in column] for field, column in zip(fields, columns, strict=True)
    ]
    rows = [list(row) for row in zip(*text_columns, strict=True)]
    return RunListing(headers, rows, right, tuple(headers), tuple(reversed(headers[1:])))


def build_full_listing(runs: Sequence[RunInfo], fields: Sequence[str]) -> RunListing:
    """Build a list of runs with fields as columns, for programs: values are unrounded, and missing values are empty."""
    getters = [build_getter(field) for field in fields]
    return RunListing(list(fields), [[_format_full_value(get(run_info)) for get in getters] for run_info in runs])


def get_field_values(run_info: RunInfo, fields: Sequence[str]) -> dict[str, Any]:
    """Return the values of some fields of a run for JSON; missing values are `None`."""
    field_values = {field: build_getter(field)(run_info) for field in fields}
    return {field: None if value is ABSENT else value for field, value in field_values.items()}


def list_default_fields(runs: Sequence[RunInfo]) -> list[str]:
    """Return the fields whose values `build_default_listing` shows."""
    score_fields = dict.fromkeys(f"best.{run_info.record.results.monitor}" for run_info in runs if run_info.record)
    tag = ["tag"] if any(run_info.annotations.tags for run_info in runs) else []
    return ["id", "name", "status", "reason", *score_fields, "trained", "seconds", "started", *tag]


def build_runs_table(listing: RunListing, width: int = UNLIMITED_WIDTH) -> PlainTable:
    """Build a table with a row for each run.

    If the table is wider than `width`, columns are dropped and long values are cut.
    """
    headers, rows = listing.headers, listing.rows
    if width < UNLIMITED_WIDTH:
        flexible_indices = [index for index, header in enumerate(headers) if header in listing.flexible]
        shortest_rows = [
            [shorten_text(text, 12) if i in flexible_indices else text for i, text in enumerate(cells)]
            for cells in rows
        ]
        fitting_headers, _ = drop_columns_to_fit(headers, shortest_rows, width, listing.expendable)
        is_fitting = [header in fitting_headers for header in headers]
        headers, rows = list(compress(headers, is_fitting)), [list(compress(cells, is_fitting)) for cells in rows]
        rows = shorten_cells_to_fit(headers, rows, width, listing.flexible)
    return build_table(headers, rows, right=listing.right)


def _format_field(field: str, value: Any) -> str:
    """Return the value of a field as text, rounded for readers."""
    if value is None or value is ABSENT or value == ():
        return "–"
    if field in ("started", "ended"):
        return _format_time_to_minute(str(value))
    if field in ("seconds", "age"):
        return format_duration(value)
    if isinstance(value, float):
        return format_score(value) if field.startswith(("best.", "last.", "model.")) else f"{value:g}"
    return f"{value:,}" if field.startswith("parameters") else _format_full_value(value)


def _format_full_value(value: Any) -> str:
    """Return the value of a field as text without rounding; empty for a missing value."""
    if value is None or value is ABSENT:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(_format_full_value, value)) if isinstance(value, tuple) else str(value)


def _is_numeric_column(values: Sequence[Any]) -> bool:
    """Return whether a column has values, and all of them are numbers."""
    present_values = [value for value in values if value is not None and value is not ABSENT]
    return bool(present_values) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in present_values
    )


def _format_time_to_minute(text: str) -> str:
    """Return a time from a run record as text to the minute, such as `2026-01-31 12:30`."""
    return text[:16].replace("T", " ")


def build_run_document(run: Run, record: Record) -> dict[str, Any]:
    """Build the JSON document of a run, with the keys that both `dnn train --json` and `dnn runs --json` print."""
    best = record.results.best
    monitor = record.results.monitor
    return {
        "id": record.id,
        "name": record.name,
        "dir": str(run.directory),
        "status": record.status,
        "reason": record.reason,
        "engine": record.engine,
        "epochs": record.epochs,
        "seconds": record.seconds,
        "last": record.results.last,
        "best": {"epoch": best["epoch"], monitor: best[monitor]} if best else None,
    }


def build_run_info_document(run_info: RunInfo) -> dict[str, Any]:
    """Build the JSON document of a run that was read from disk, with its test scores and annotations.

    A broken run has `null` for missing values.
    """
    annotations = {"tags": list(run_info.annotations.tags), "note": run_info.annotations.note}
    if run_info.record is not None:
        tested = run_info.record.find_test_evaluation()
        return {
            **build_run_document(run_info.run, run_info.record),
            "test": tested.scores if tested else None,
            **annotations,
        }
    missing_fields = dict.fromkeys(("engine", "epochs", "seconds", "last", "best", "test"))
    return {
        "id": parse_run_id(run_info.run),
        "name": run_info.run.directory.name,
        "dir": str(run_info.run.directory),
        "status": "broken",
        "reason": run_info.error,
        **missing_fields,
        **annotations,
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
