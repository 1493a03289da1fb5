"""What `dnn watch` shows of runs that train elsewhere."""

import statistics
from collections.abc import Sequence

from dnn_cli.report.runs import epoch_header, epoch_line, fitting_scores, last_and_best
from dnn_cli.report.sweep import setting_text
from dnn_cli.report.tables import PlainTable, drop_to_fit, shortened, table
from dnn_cli.report.terminal_chart import Line, draw
from dnn_cli.report.words import count, duration, score, visible
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.fields import identity
from dnn_cli.runs.record import Scores

FEW = 5
"""So many of the last epochs are listed, and the speed is that of as many."""

CHART = range(8, 19)
"""Rows that the curve may take."""


def progress_line(entry: Entry, rows: Sequence[Scores], epochs: int | None, since: float) -> str:
    """A run in one line: how far it is, how fast, and how long it will take at the most.

    Args:
        entry: The run.
        rows: Its epochs.
        epochs: How many it is to have, if that is known.
        since: Seconds since the last epoch, or since the start.
    """
    record = entry.record
    if record is None:
        return f"{entry.name}  broken: {entry.broken}"
    parts = [f"{entry.name} {identity(entry)}", record.status, f"epoch {len(rows)}{f'/{epochs}' if epochs else ''}"]
    if rows:
        parts.append(f"{duration(speed(rows))} an epoch")
    if record.status == "running":
        left = None if epochs is None or not rows else seconds_left(rows, epochs, since)
        parts.append(f"no epoch is complete after {duration(since)}" if not rows else "")
        parts.append(f"about {duration(left)} left" if left is not None else "")
    device = record.platform.get("device")
    return "  ".join(filter(None, [*parts, str(device) if device else ""]))


def speed(rows: Sequence[Scores]) -> float:
    """Seconds an epoch, of late: the median, as the first is compiled and others may be disturbed."""
    return statistics.median(row["seconds"] for row in rows[-FEW:])


def seconds_left(rows: Sequence[Scores], epochs: int, since: float) -> float:
    """Until the last epoch is done, if nothing ends the training before."""
    each = speed(rows)
    return max(0.0, (epochs - len(rows)) * each - min(since, each))


def view(
    entry: Entry, rows: Sequence[Scores], epochs: int | None, since: float,
    *, width: int, height: int, colour: bool, unicode: bool,
) -> str:  # fmt: skip
    """A run on a terminal: a line, the curve of what it is judged by, and its last epochs.

    Args:
        entry: The run.
        rows: Its epochs.
        epochs: How many it is to have, if that is known.
        since: Seconds since the last epoch, or since the start.
        width: Columns of the terminal.
        height: Its rows, none of which is left empty on purpose.
        colour: Whether the terminal shows any.
        unicode: Whether it shows more than ASCII.
    """
    lines = [shortened(progress_line(entry, rows, epochs, since), width)]
    if entry.record is None or not rows:
        return lines[0]
    last = rows[-FEW:]
    room = height - len(lines) - len(last) - 3
    if len(rows) > 1 and room >= CHART.start:
        monitor = entry.record.results.monitor
        pair = dict.fromkeys([monitor.removeprefix("val_"), monitor])
        xs = [row["epoch"] for row in rows]
        curves = [Line(name, xs, [row[name] for row in rows]) for name in pair if name in rows[0]]
        rows_of_chart = min(room, CHART.stop - 1)
        chart = draw(
            curves, title="", x_label="epoch", width=width, height=rows_of_chart, colour=colour, unicode=unicode
        )
        lines += ["", chart.rstrip("\n")]
    names = fitting_scores(rows[-1], width)
    lines += ["", *epoch_lines(last, names, epochs or len(rows))]
    return "\n".join(lines)


def epoch_lines(rows: Sequence[Scores], names: Sequence[str], epochs: int) -> list[str]:
    """Epochs as rows under their header."""
    return [epoch_header(names), *(epoch_line(row, names, epochs) for row in rows)]


def outcome_lines(entry: Entry) -> list[str]:
    """How a run ended."""
    record = entry.record
    if record is None:
        return [f"{entry.name} is broken: {entry.broken}"]
    lines = [
        f"{entry.name} {identity(entry)} {record.status}: {count(record.epochs, 'epoch')} in {duration(record.seconds)}"
    ]
    if record.reason:
        lines[0] += f"; {record.reason}"
    return [*lines, *last_and_best(record)]


def runs_view(entries: Sequence[Entry], wanted: Sequence[int | None], width: int) -> PlainTable:
    """Several runs, one a row: how far each is, and what it is judged by."""
    headers = ["id", "name", "status", "epoch", "score", "best", "an epoch"]
    rows = [run_row(entry, epochs) for entry, epochs in zip(entries, wanted, strict=True)]
    kept, cells = drop_to_fit(headers, rows, width, ["an epoch", "best", "name"])
    return table(kept, cells, right=("epoch", "an epoch"))


def run_row(entry: Entry, epochs: int | None) -> list[str]:
    """A run in that table."""
    record = entry.record
    if record is None:
        return [identity(entry), entry.name, "broken", "", visible(entry.broken), "", ""]
    last, best, monitor = record.results.last, record.results.best, record.results.monitor
    told = f"{monitor} {score(last[monitor])}" if last else record.reason or ""
    each = duration((record.seconds or 0) / record.epochs) if record.epochs else ""
    done = f"{record.epochs}/{epochs}" if epochs else str(record.epochs)
    name = setting_text(record.sweeps[0].settings) if record.sweeps else entry.name
    return [identity(entry), name, record.status, done, told, score(best[monitor]) if best else "", each]
