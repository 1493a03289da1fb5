"""Runs as a list, as JSON records, and one run's scores as lines."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from dnn_cli.report.tables import table
from dnn_cli.report.words import duration, score
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Entry, run_id


def runs_table(entries: Sequence[Entry]) -> Table:
    """A run a row; a broken one with its reason in the place of its scores."""
    rows = []
    for entry in entries:
        record = entry.record
        if record is None:
            rows.append(["–", entry.run.directory.name, "broken", entry.broken or "", "", "", ""])
            continue
        best = record.results.best or {}
        monitor = record.results.monitor
        rows.append(
            [
                record.id,
                record.name,
                record.status,
                f"{monitor} {score(best.get(monitor))}" if best else record.reason or "",
                str(record.epochs),
                duration(record.seconds),
                record.started[:16].replace("T", " "),
            ]
        )
    headers = ["id", "name", "status", "best", "epochs", "time", "started (UTC)"]
    return table(headers, rows, right=["epochs", "time"], flexible=["name", "best"])


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


def scores_text(scores: Mapping[str, float]) -> str:
    """An epoch's scores in one line: `loss 0.3052  accuracy 0.8882  val_loss 0.3297  val_accuracy 0.8792`."""
    shown = {name: value for name, value in scores.items() if name not in ("epoch", "learning_rate", "seconds")}
    return "  ".join(f"{name} {score(value)}" for name, value in shown.items())
