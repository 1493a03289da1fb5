"""Runs as a list, as JSON records, and one run's scores as lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from dnn_cli.report.tables import PlainTable, drop_to_fit, shorten_to_fit, shortened, table
from dnn_cli.report.words import WIDE, duration, score
from dnn_cli.runs.address import run_id
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.fields import ABSENT, getter
from dnn_cli.runs.record import NO_SCORES, Record, is_test_score
from dnn_cli.runs.run import Run
from dnn_cli.spec.differences import short_keys

STARTED = "started (UTC)"


@dataclass(frozen=True)
class Listing:
    """Runs as rows of text, under headers; those in `right` are numbers."""

    headers: list[str]
    rows: list[list[str]]
    right: tuple[str, ...] = ()
    flexible: tuple[str, ...] = ()
    """What may be cut where the width is short."""

    expendable: tuple[str, ...] = ()
    """What goes where cutting is not enough."""


def usual_listing(entries: Sequence[Entry]) -> Listing:
    """What a person wants to know of runs; where there is no score stands the reason."""
    watched = {entry.record.results.monitor for entry in entries if entry.record}
    one = watched.pop() if len(watched) == 1 else None
    headers = ["id", "name", "status", one or "best", "epochs", "time", STARTED]
    rows = [row(entry, one) for entry in entries]
    if any(entry.labels.tags for entry in entries):
        headers.append("tags")
        for cells, entry in zip(rows, entries, strict=True):
            cells.append(", ".join(entry.labels.tags))
    flexible = ("name", headers[3], "tags")
    return Listing(headers, rows, ("epochs", "time"), flexible, ("time", "epochs", STARTED))


def row(entry: Entry, header: str | None) -> list[str]:
    """A run in the table; its metric is named where the header does not name it."""
    record = entry.record
    if record is None:
        return ["–", entry.name, "broken", entry.broken or "", "", "", ""]
    monitor, best = record.results.monitor, record.results.best
    told = (
        score(best.get(monitor)) + ("" if monitor == header else f" {monitor}")
        if best
        else ""
        if record.status == "running"
        else record.reason or ""
    )
    when = moment(record.started)
    doubt = f" ({record.reason})" if record.status == "running" and record.reason else ""
    return [record.id, entry.name, f"{record.status}{doubt}", told, str(record.epochs), duration(record.seconds), when]


def chosen_listing(entries: Sequence[Entry], fields: Sequence[str]) -> Listing:
    """Fields as columns, as they are read by a person."""
    columns = [[get(entry) for entry in entries] for get in map(getter, fields)]
    short = short_keys(fields)
    # A score of best.keras and one of model.keras must not have one header.
    headers = [field if is_test_score(field) else header for field, header in zip(fields, short, strict=True)]
    right = tuple(header for header, column in zip(headers, columns, strict=True) if is_numeric(column))
    told = [[cell(field, value) for value in column] for field, column in zip(fields, columns, strict=True)]
    rows = [list(row) for row in zip(*told, strict=True)]
    return Listing(headers, rows, right, tuple(headers), tuple(reversed(headers[1:])))


def full_listing(entries: Sequence[Entry], fields: Sequence[str]) -> Listing:
    """Fields as columns, every value in full; what a run does not have is empty."""
    getters = [getter(field) for field in fields]
    return Listing(list(fields), [[full(get(entry)) for get in getters] for entry in entries])


def values(entry: Entry, fields: Sequence[str]) -> dict[str, Any]:
    """Fields of a run in JSON; `null` where it has none."""
    found = {field: getter(field)(entry) for field in fields}
    return {field: None if value is ABSENT else value for field, value in found.items()}


def usual_fields(entries: Sequence[Entry]) -> list[str]:
    """The fields that `usual_listing` tells of."""
    watched = dict.fromkeys(f"best.{entry.record.results.monitor}" for entry in entries if entry.record)
    tag = ["tag"] if any(entry.labels.tags for entry in entries) else []
    return ["id", "name", "status", "reason", *watched, "trained", "seconds", "started", *tag]


def runs_table(listing: Listing, width: int = WIDE) -> PlainTable:
    """A run a row; where the width is short, columns go and long values are cut."""
    headers, rows = listing.headers, listing.rows
    if width < WIDE:
        at = [index for index, header in enumerate(headers) if header in listing.flexible]
        least = [[shortened(text, 12) if i in at else text for i, text in enumerate(cells)] for cells in rows]
        kept, _ = drop_to_fit(headers, least, width, listing.expendable)
        stays = [header in kept for header in headers]
        headers, rows = list(compress(headers, stays)), [list(compress(cells, stays)) for cells in rows]
        rows = shorten_to_fit(headers, rows, width, listing.flexible)
    return table(headers, rows, right=listing.right)


def cell(field: str, value: Any) -> str:
    """The value of a field as a person reads it."""
    if value is None or value is ABSENT or value == ():
        return "–"
    if field in ("started", "ended"):
        return moment(str(value))
    if field in ("seconds", "age"):
        return duration(value)
    if isinstance(value, float):
        return score(value) if field.startswith(("best.", "last.", "model.")) else f"{value:g}"
    return f"{value:,}" if field.startswith("parameters") else full(value)


def full(value: Any) -> str:
    """The value of a field with nothing left out."""
    if value is None or value is ABSENT:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(full, value)) if isinstance(value, tuple) else str(value)


def is_numeric(values: Sequence[Any]) -> bool:
    """Whether there are numbers, and nothing but numbers."""
    told = [value for value in values if value is not None and value is not ABSENT]
    return bool(told) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in told)


def moment(text: str) -> str:
    """A time of a record to the minute."""
    return text[:16].replace("T", " ")


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
    said = {"tags": list(entry.labels.tags), "note": entry.labels.note}
    if entry.record is not None:
        tested = entry.record.tested()
        return {**run_document(entry.run, entry.record), "test": tested.scores if tested else None, **said}
    nothing = dict.fromkeys(("engine", "epochs", "seconds", "last", "best", "test"))
    return {
        "id": run_id(entry.run),
        "name": entry.run.directory.name,
        "dir": str(entry.run.directory),
        "status": "broken",
        "reason": entry.broken,
        **nothing,
        **said,
    }


def scores_text(scores: Mapping[str, float], prefix: str = "") -> str:
    """Scores in one line, the loss first; only those whose names begin with `prefix`."""
    shown = [name for name in scores if name not in NO_SCORES and name.startswith(prefix)]
    return "  ".join(f"{name} {score(scores[name])}" for name in sorted(shown, key=lambda name: "loss" not in name))


def last_and_best(record: Record) -> list[str]:
    """The scores of the last epoch and of the best one, a line each; of the validation, if that is what is watched."""
    results = record.results
    prefix = "val_" if results.monitor.startswith("val_") else ""
    return [
        f"  {label}  epoch {scores['epoch']}  {scores_text(scores, prefix)}"
        for label, scores in (("last", results.last), ("best", results.best))
        if scores
    ]


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
