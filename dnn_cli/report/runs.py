"""Runs as a list, as JSON records, and one run's scores as lines."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from dnn_cli.report.tables import table
from dnn_cli.report.words import duration, score
from dnn_cli.runs.record import NO_SCORES, Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Entry, run_id


def runs_table(entries: Sequence[Entry]) -> Table:
    """A run a row; where there is no score stands the reason."""
    watched = {entry.record.results.monitor for entry in entries if entry.record}
    one = watched.pop() if len(watched) == 1 else None
    headers = ["id", "name", "status", one or "best", "epochs", "time", "started (UTC)"]
    rows = [row(entry, one) for entry in entries]
    return table(headers, rows, right=["epochs", "time"], flexible=["name", "status", headers[3]])


def row(entry: Entry, header: str | None) -> list[str]:
    """A run in the table; its metric is named where the header does not name it."""
    record = entry.record
    if record is None:
        return ["–", entry.run.directory.name, "broken", entry.broken or "", "", "", ""]
    monitor, best = record.results.monitor, record.results.best
    told = score(best.get(monitor)) + ("" if monitor == header else f" {monitor}") if best else record.reason or ""
    when = record.started[:16].replace("T", " ")
    return [record.id, record.name, record.status, told, str(record.epochs), duration(record.seconds), when]


def run_document(run: Run, record: Record) -> dict[str, Any]:
    """A run as it stands in the JSON of `dnn train` and `dnn runs`."""
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


def entry_document(entry: Entry) -> dict[str, Any]:
    """The same for a run as it was found, which may be broken."""
    if entry.record is not None:
        return run_document(entry.run, entry.record)
    nothing = dict.fromkeys(("engine", "epochs", "seconds", "last", "best"))
    return {
        "id": run_id(entry.run),
        "name": entry.run.directory.name,
        "dir": str(entry.run.directory),
        "status": "broken",
        "reason": entry.broken,
        **nothing,
    }


def scores_text(scores: Mapping[str, float], prefix: str = "") -> str:
    """Scores in one line, the loss first; only those whose names begin with `prefix`."""
    shown = [name for name in scores if name not in NO_SCORES and name.startswith(prefix)]
    return "  ".join(f"{name} {score(scores[name])}" for name in sorted(shown, key=lambda name: "loss" not in name))


def fitting_scores(scores: Mapping[str, float], width: int) -> list[str]:
    """The scores of an epoch that have room in a line; metrics of training go first, then those of validation.

    The loss, and of the metrics the first, stay.
    """
    names = [name for name in scores if name not in NO_SCORES]
    training = [name for name in names if not name.startswith("val_")]
    validation = names[len(training) :]
    for name in (*reversed(training[2:]), *reversed(validation[2:]), *training[1:2], *training[:1]):
        if len(epoch_header(names)) <= width or (not validation and name in training[:2]):
            break
        names.remove(name)
    return names


def epoch_header(names: Sequence[str]) -> str:
    """The heads of the columns that `epoch_line` fills."""
    return "  ".join(["  epoch", *(f"{name:>8}" for name in names), "    time"])


def epoch_line(scores: Mapping[str, float], names: Sequence[str], epochs: int) -> str:
    """An epoch as a row under `epoch_header`."""
    cells = [f"{score(scores[name]):>{max(8, len(name))}}" for name in names]
    number = f"{scores['epoch']}/{epochs}"
    return "  ".join([f"{number:>7}", *cells, f"{duration(scores['seconds']):>8}"])
