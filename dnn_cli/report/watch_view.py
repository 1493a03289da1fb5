"""Output of `dnn watch` about runs that other processes train."""

import statistics
from collections.abc import Sequence

from dnn_cli.report.runs_table import format_epoch_header, format_epoch_line, format_last_and_best, list_fitting_scores
from dnn_cli.report.sweep_view import format_sweep_settings
from dnn_cli.report.tables import PlainTable, build_table, drop_columns_to_fit, shorten_text
from dnn_cli.report.terminal_chart import ChartLine, draw_chart
from dnn_cli.report.text import format_count, format_duration, format_score, replace_control_chars
from dnn_cli.runs.query.fields import get_run_id
from dnn_cli.runs.record import Scores
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
    headers = ["id", "name", "status", "epoch", "score", "best", "per epoch"]
    rows = [_build_watched_run_row(run_info, epochs) for run_info, epochs in zip(runs, planned_epochs, strict=True)]
    fitting_headers, cells = drop_columns_to_fit(headers, rows, width, ["per epoch", "best", "name"])
    return build_table(fitting_headers, cells, right=("epoch", "per epoch"))


def _build_watched_run_row(run_info: RunInfo, epochs: int | None) -> list[str]:
    """Build the row of a run. `epochs` is the planned number of epochs; `None` if it is unknown."""
    record = run_info.record
    if record is None:
        return [get_run_id(run_info), run_info.name, "broken", "", replace_control_chars(run_info.error), "", ""]
    last, best, monitor = record.results.last, record.results.best, record.results.monitor
    score_text = f"{monitor} {format_score(last[monitor])}" if last else record.reason or ""
    each = format_duration((record.seconds or 0) / record.epochs) if record.epochs else ""
    done = f"{record.epochs}/{epochs}" if epochs else str(record.epochs)
    name = format_sweep_settings(record.sweeps[0].settings) if record.sweeps else run_info.name
    return [
        get_run_id(run_info),
        name,
        record.status,
        done,
        score_text,
        format_score(best[monitor]) if best else "",
        each,
    ]
