"""A comparison and its runs → all that a page says of them."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import dnn_cli
from dnn_cli.compare.comparison import Comparison
from dnn_cli.report.html.curves import Curves, curves
from dnn_cli.report.html.overview import RunTable, Settings, Verdict, run_table, settings, verdict
from dnn_cli.report.html.plot import points_for
from dnn_cli.report.html.run import Room, RunPage, run_page
from dnn_cli.report.words import count
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.fields import identity
from dnn_cli.spec.own_data import asked_once

MOST_PAGES = 100
"""So many runs have a page of their own."""


@dataclass(frozen=True)
class Page:
    """All that the file says."""

    title: str
    subtitle: str
    made: str
    verdict: Verdict
    curves: Curves | None
    settings: Settings
    table: RunTable
    runs: tuple[RunPage, ...]
    untold: int
    """Runs that have no page."""

    again: str
    """The command that made the file."""


def room_for(runs: int) -> Room:
    """How much is told of each of so many runs."""
    return Room(
        mistakes=max(4, min(12, 600 // max(1, runs))),
        points=points_for(runs),
        epochs=max(20, min(40, 1200 // max(1, runs))),
    )


def page_of(comparison: Comparison, again: Sequence[str]) -> Page:
    """All that is said of a comparison; `again` is the command that asks for it."""
    entries: list[Entry] = [*(row.entry for row in comparison.rows), *comparison.left_out]
    told = entries[:MOST_PAGES]
    room = room_for(len(told))
    anchors = anchors_of(told)
    with asked_once():
        pages = tuple(run_page(entry, anchors[entry.run.directory], room) for entry in told)
    rows = comparison.rows
    groups = count(len(comparison.groups), "group" if comparison.keys else "experiment")
    data = ", ".join(sorted({str(row.record.data.get("dataset")) for row in rows}))
    left = f", {count(len(comparison.left_out), 'other run')}" if comparison.left_out else ""
    return Page(
        title=f"{comparison.metric} {comparison.view.title}" if rows else "Runs",
        subtitle=f"{count(len(rows), 'completed run')} of {groups}{f' on {data}' if data else ''}{left}",
        made=f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, dnn {dnn_cli.__version__}",
        verdict=verdict(comparison),
        curves=curves(comparison) if rows else None,
        settings=settings(comparison),
        table=run_table(comparison, anchors),
        runs=pages,
        untold=len(entries) - len(told),
        again=shlex.join([os.fsdecode(word) for word in again]),
    )


def anchors_of(entries: Sequence[Entry]) -> dict[Path, str]:
    """Where in the file the page of every run is, by its directory: its id, and a number where two have the same."""
    found: dict[Path, str] = {}
    for entry in entries:
        name = "run-" + "".join(c for c in identity(entry) if c.isalnum())
        taken = sum(other.partition(".")[0] == name for other in found.values())
        found[entry.run.directory] = f"{name}.{taken + 1}" if taken else name
    return found
