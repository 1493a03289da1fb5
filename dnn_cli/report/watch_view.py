"""Output of `dnn watch` about runs that other processes train."""

import statistics
from collections.abc import Sequence

from dnn_cli.report.run_values import build_table_column
from dnn_cli.report.runs_table import format_epoch_header, format_epoch_line, format_last_and_best, list_fitting_scores
from dnn_cli.report.sweep_view import format_sweep_settings
from dnn_cli.report.table_cells import Column, build_cells
from dnn_cli.report.tables import PlainTable, shorten_text
from dnn_cli.report.terminal_chart import ChartLine, draw_chart
from dnn_cli.report.text import format_count, format_duration, format_score, replace_control_chars
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.query.run_columns import get_run_id, get_run_reason, get_run_status, list_columns
from dnn_cli.runs.run_info import RunInfo

_MAX_LISTED_EPOCHS = 5
"""Number of the last epochs that are listed. Their median duration is printed as the speed."""

_CHART_ROWS = range(8, 19)
"""Possible heights of the curve, in rows of the terminal."""


def format_progress_line(run_info: RunInfo, rows: Sequence[Scores], epochs: int | None, since: float) -> str:
    """Return a run in one line: its epochs, its speed and the estimated time left.

    Args:
        run_info: The run.
        rows: The finished epochs of the run.
        epochs: The planned number of epochs; `None` where it is unknown.
        since: Seconds since the end of the last finished epoch, or since the start of the run.
    """
    record = run_info.record
    if record is None:
        return f"{run_info.name}  broken: {run_info.error}"
    parts = [
        f"{run_info.name} {get_run_id(run_info)}",
        record.status,
        f"epoch {len(rows)}{f'/{epochs}' if epochs else ''}",
    ]
    if rows:
        parts.append(f"{format_duration(_compute_median_epoch_seconds(rows))} per epoch")
    if record.status == "running":
        left = None if epochs is None or not rows else _compute_seconds_left(rows, epochs, since)
        parts.append(f"no epoch completed after {format_duration(since)}" if not rows else "")
        parts.append(f"about {format_duration(left)} left" if left is not None else "")
    device = record.platform.get("device")
    return "  ".join(filter(None, [*parts, str(device) if device else ""]))


def _compute_median_epoch_seconds(rows: Sequence[Scores]) -> float:
    """Compute the median duration of the last epochs, in seconds.

    Unlike a mean, the median is not affected by single slow epochs, such as the first epoch, which includes
    compilation.
    """
    return statistics.median(row["seconds"] for row in rows[-_MAX_LISTED_EPOCHS:])


def _compute_seconds_left(rows: Sequence[Scores], epochs: int, since: float) -> float:
    """Compute the seconds until the last planned epoch ends; callbacks may end the training earlier.

    `since` is the number of seconds since the last finished epoch.
    """
    each = _compute_median_epoch_seconds(rows)
    return max(0.0, (epochs - len(rows)) * each - min(since, each))


def format_run_view(
    run_info: RunInfo, rows: Sequence[Scores], epochs: int | None, since: float,
    *, width: int, height: int, colour: bool, unicode: bool,
) -> str:  # fmt: skip
    """Return the view of a run for a terminal: a progress line, the curve of the monitor, and the last epochs.

    Args:
        run_info: The run.
        rows: The finished epochs of the run.
        epochs: The planned number of epochs; `None` where it is unknown.
        since: Seconds since the end of the last finished epoch, or since the start of the run.
        width: The width of the terminal, in characters.
        height: The height of the terminal, in rows; the curve is higher where there is room.
        colour: Whether the terminal has colours.
        unicode: Whether the terminal can print more than ASCII.
    """
    lines = [shorten_text(format_progress_line(run_info, rows, epochs, since), width)]
    if run_info.record is None or not rows:
        return lines[0]
    last = rows[-_MAX_LISTED_EPOCHS:]
    room = height - len(lines) - len(last) - 3
    if len(rows) > 1 and room >= _CHART_ROWS.start:
        monitor = run_info.record.results.monitor
        pair = dict.fromkeys([monitor.removeprefix("val_"), monitor])
        xs = [row["epoch"] for row in rows]
        curves = [ChartLine(name, xs, [row[name] for row in rows]) for name in pair if name in rows[0]]
        rows_of_chart = min(room, _CHART_ROWS.stop - 1)
        chart = draw_chart(
            curves, title="", x_label="epoch", width=width, height=rows_of_chart, colour=colour, unicode=unicode
        )
        lines += ["", chart.rstrip("\n")]
    names = list_fitting_scores(rows[-1], width)
    lines += ["", *format_epoch_lines(last, names, epochs or len(rows))]
    return "\n".join(lines)


def format_epoch_lines(rows: Sequence[Scores], names: Sequence[str], epochs: int) -> list[str]:
    """Return a header, and a line with the scores of each epoch.

    Args:
        rows: The finished epochs.
        names: The names of the printed scores.
        epochs: The planned number of epochs.
    """
    return [format_epoch_header(names), *(format_epoch_line(row, names, epochs) for row in rows)]


def format_ended_run_lines(run_info: RunInfo) -> list[str]:
    """Return lines on a run that has ended: status, epochs, duration, reason, and scores of the last and best epoch."""
    record = run_info.record
    if record is None:
        return [f"{run_info.name} is broken: {run_info.error}"]
    lines = [
        f"{run_info.name} {get_run_id(run_info)} {record.status}: "
        f"{format_count(record.epochs, 'epoch')} in {format_duration(record.seconds)}"
    ]
    if record.reason:
        lines[0] += f"; {record.reason}"
    return [*lines, *format_last_and_best(record)]


def build_watched_runs_table(runs: Sequence[RunInfo], planned_epochs: Sequence[int | None], width: int) -> PlainTable:
    """Build a table with a row for each run: its epochs, and the last and best value of its monitor.

    Args:
        runs: The runs.
        planned_epochs: The planned number of epochs of each run; `None` where it is unknown.
        width: The width in terminal characters; columns are dropped if the table is too wide.
    """
    details = list_columns("watch")
    columns: list[Column[tuple[RunInfo, int | None]]] = [
        Column("id", lambda row: get_run_id(row[0])),
        Column("name", lambda row: _format_watched_name(row[0])),
        Column("status", lambda row: get_run_status(row[0])),
        Column("epoch", lambda row: _format_epoch_number(*row), is_numeric=True),
        Column("score", lambda row: _format_last_score(row[0])),
        Column("best", lambda row: _format_best_score(row[0])),
        Column("per epoch", lambda row: _format_epoch_duration(row[0]), is_numeric=True),
        *(build_table_column(column, lambda row: row[0], absent="") for column in details),
    ]
    expendable = (*(column.header for column in reversed(details)), "per epoch", "best", "name")
    return build_cells(columns, zip(runs, planned_epochs, strict=True), expendable).build_fitting_table(width)


def _format_watched_name(run_info: RunInfo) -> str:
    """Return the settings of a run in its sweep; for a run without a sweep, its name."""
    record = run_info.record
    return format_sweep_settings(record.sweeps[0].settings) if record and record.sweeps else run_info.name


def _format_epoch_number(run_info: RunInfo, epochs: int | None) -> str:
    """Return the number of finished epochs, such as `3/10` if `epochs` are planned."""
    if run_info.record is None:
        return ""
    return f"{run_info.record.epochs}/{epochs}" if epochs else str(run_info.record.epochs)


def _format_last_score(run_info: RunInfo) -> str:
    """Return the monitor of a run with its last value, or the reason why there is none."""
    results = run_info.record.results if run_info.record else None
    if results and results.last:
        return f"{results.monitor} {format_score(results.last[results.monitor])}"
    return replace_control_chars(get_run_reason(run_info) or "")


def _format_best_score(run_info: RunInfo) -> str:
    """Return the best value of the monitor of a run; empty for a run without a score."""
    results = run_info.record.results if run_info.record else None
    return format_score(results.best[results.monitor]) if results and results.best else ""


def _format_epoch_duration(run_info: RunInfo) -> str:
    """Return the mean duration of an epoch of a run; empty for a run without a finished epoch."""
    record = run_info.record
    return format_duration((record.seconds or 0) / record.epochs) if record and record.epochs else ""
