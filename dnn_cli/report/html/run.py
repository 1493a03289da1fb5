"""The page of one run: how it went, what its predictions show, what it is made of, and how to have it again."""

import math
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnn_cli.errors import ConfigError, DataError, RunError
from dnn_cli.report.html.outcome import Classes, Numbers, outcome
from dnn_cli.report.html.plot import Line, Plot, plot, spread_out
from dnn_cli.report.run_page import origins, scores, surroundings, times
from dnn_cli.report.words import score
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.fields import identity
from dnn_cli.runs.record import NO_SCORES
from dnn_cli.runs.run import Run, read_text
from dnn_cli.spec.catalog import short
from dnn_cli.spec.datasets import DATASETS, Facts
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.metrics import lower_is_better
from dnn_cli.spec.stack import shape_text, walk
from dnn_cli.spec.summary import row as layer_row

MOST_LAYERS = 100
MOST_CONFIG = 20_000
"""Characters of a config."""


@dataclass(frozen=True)
class Room:
    """How much is told of a run: the more runs, the less of each."""

    mistakes: int
    points: int
    """Of a curve."""

    epochs: int
    """Rows of the table of epochs."""


@dataclass(frozen=True)
class Epochs:
    """The scores epoch by epoch."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    untold: int
    best: str
    """The number of the best epoch."""


@dataclass(frozen=True)
class Layers:
    """The layers of a network, each with its output and its parameters."""

    rows: tuple[tuple[str, str, str, str, str], ...]
    untold: int
    total: str


@dataclass(frozen=True)
class Finding:
    """What a run shows about how it trained, and commands to try."""

    weight: str
    title: str
    seen: str
    meaning: str
    when: str
    """The epoch from which on the finding holds, in words; empty where it holds for the whole run."""

    commands: tuple[str, ...]


@dataclass(frozen=True)
class RunPage:
    """Everything about one run."""

    anchor: str
    id: str
    name: str
    status: str
    reason: str
    tags: tuple[str, ...]
    note: str
    directory: str
    headline: tuple[tuple[str, str], ...]
    """The few numbers that say most."""

    findings: tuple[Finding, ...]
    plots: tuple[tuple[str, Plot], ...]
    epochs: Epochs | None
    outcome: "Classes | Numbers | str | None"
    layers: Layers | None
    about: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    config: tuple[str, ...]
    commands: tuple[tuple[str, str], ...]
    """What reproduces it: a command, and what it does."""

    fingerprint: str
    """Of its data."""


def run_page(entry: Entry, anchor: str, room: Room) -> RunPage:
    """The page of a run, whatever has become of it."""
    record, experiment = entry.record, entry.experiment or {}
    run, facts = entry.run, facts_of(entry)
    completed = record is not None and record.status == "completed"
    return RunPage(
        anchor,
        identity(entry),
        entry.name,
        "broken" if record is None else record.status,
        (entry.broken or "" if record is None else record.reason) or "",
        tuple(entry.labels.tags),
        entry.labels.note or "",
        os.path.relpath(run.directory),
        tuple(headline(entry)),
        tuple(findings(entry)),
        tuple(plots(entry, room.points)),
        epochs(entry, room.epochs),
        outcome(run, facts, logits=is_logits(experiment), most=room.mistakes) if completed else None,
        layers(entry, facts),
        (*times(record), *scores(entry)) if record else (),
        environment(entry),
        config_lines(run),
        tuple(commands(entry)),
        str(record.data.get("fingerprint")) if record else "",
    )


def facts_of(entry: Entry) -> Facts | None:
    """What is known of the data of a run without looking at it."""
    from dnn_cli.runs.inputs import read_inputs

    dataset = (entry.experiment or {}).get("data", {}).get("dataset")
    if dataset in DATASETS:
        return DATASETS[dataset]
    try:
        found = read_inputs(entry.run)
    except RunError:
        return None
    return found.facts if found else None


def is_logits(experiment: Mapping[str, Any]) -> bool:
    """Whether outputs are those before the activation."""
    return bool(experiment.get("loss", {}).get("from_logits"))


def headline(entry: Entry) -> Iterator[tuple[str, str]]:
    """The few numbers that say most."""
    record = entry.record
    if record is None:
        return
    monitor, results = record.results.monitor, record.results
    saved = results.model or results.last
    if saved and monitor in saved:
        yield monitor, score(saved[monitor])
    if results.best:
        yield f"best, epoch {results.best['epoch']}", score(results.best[monitor])
    yield "epochs", str(record.epochs)
    yield "parameters", f"{record.parameters.get('total', 0):,}"
    yield "seed", str(entry.details.seed)


def findings(entry: Entry) -> Iterator[Finding]:
    """Yield the findings of `dnn explain`; none where the files of a run are damaged."""
    from dnn_cli.explain.explanation import explain
    from dnn_cli.report.explanation import when

    if entry.record is None:
        return
    try:
        explanation = explain(entry)
    except (RunError, ConfigError, DataError):
        return
    run = Run(Path(os.path.relpath(entry.run.directory)))
    for one in explanation.findings:
        told = tuple(shlex.join(remedy.words(run)) for remedy in one.remedies)
        yield Finding(one.weight, one.title, one.seen, one.meaning, when(one).removeprefix(", "), told)


def plots(entry: Entry, most: int) -> Iterator[tuple[str, Plot]]:
    """A plot for every score, training beside validation."""
    details = entry.details
    best = (entry.record.results.best or {}).get("epoch") if entry.record else None
    names = [name for name in details.columns if name not in NO_SCORES and not name.startswith("val_")]
    for name in sorted(names, key=lambda name: name == "loss"):
        both = [(label, css, details.column(column)) for label, css, column in (
            ("training", "c1 d1", name), ("validation", "c0 d0", f"val_{name}")
        )]  # fmt: skip
        lines = [Line(label, range(1, len(y) + 1), y, css) for label, css, y in both if y]
        if lines:
            label = f"{name} over {details.epochs} epochs; the numbers stand in the table of epochs"
            yield name, plot(lines, label, falls=lower_is_better(name), mark=best, most=most)


def epochs(entry: Entry, most: int) -> Epochs | None:
    """The table of epochs."""
    details = entry.details
    if not details.epochs:
        return None
    names = [name for name in details.columns if name != "epoch"]
    columns = [details.column(name) for name in names]
    chosen = spread_out(range(details.epochs), most)
    rows = tuple((str(at + 1), *(score(column[at]) for column in columns)) for at in chosen)
    best = (entry.record.results.best or {}).get("epoch", "") if entry.record else ""
    return Epochs(("epoch", *names), rows, details.epochs - len(chosen), str(best))


def layers(entry: Entry, facts: Facts | None) -> Layers | None:
    """The layers; `None` where the config cannot be read or the shape of the inputs is not known."""
    if facts is None or entry.experiment is None:
        return None
    try:
        experiment = Experiment.model_validate(entry.experiment)
        shape = (math.prod(facts.input_shape),) if experiment.data.flatten else facts.input_shape
        found = [layer_row(stage) for stage in walk(experiment.model.stack, shape)]
    except ValueError:  # pydantic's is one
        return None
    rows = tuple(
        (row.name, row.type, shape_text(row.output_shape), row.formula, f"{row.parameters:,}")
        for row in found[:MOST_LAYERS]
    )
    return Layers(rows, len(found) - len(rows), f"{sum(row.parameters for row in found):,}")


def environment(entry: Entry) -> tuple[tuple[str, str], ...]:
    """What a run was trained with and on, a fact a row."""
    record = entry.record
    if record is None:
        return ()
    told = [pair for pair in (*origins(record), *surroundings(record)) if pair[0] not in ("versions", "platform")]
    more = [*record.versions.items(), *record.platform.items()]
    return (*told, *((key, short(value)) for key, value in more if value not in (None, "")))


def config_lines(run: Run) -> tuple[str, ...]:
    """The config as it stands in the run."""
    try:
        return tuple(read_text(run.config)[:MOST_CONFIG].splitlines())
    except RunError as error:
        return (error.message,)


def commands(entry: Entry) -> Iterator[tuple[str, str]]:
    """What trains a run again, or goes on with it."""
    record, run = entry.record, entry.run
    if record is None:
        return
    place = os.path.relpath(run.directory.parent)
    there = [] if place == "runs" else ["--runs-dir", place]
    if record.status == "completed":
        yield (
            shlex.join(["dnn", "reproduce", record.id, *there]),
            "trains it again and says whether the same bits came out",
        )
    elif record.status in ("interrupted", "failed"):
        yield shlex.join(["dnn", "resume", record.id, *there]), "goes on where it ended"
    yield shlex.join(["dnn", "train", os.path.relpath(run.config), *there]), "trains the same experiment as a new run"
    libraries = [f"{name}=={record.versions[name]}" for name in ("tensorflow", "keras") if name in record.versions]
    if libraries:
        yield shlex.join(["pip", "install", *libraries]), "installs what it was trained with"
    commit = (record.git or {}).get("commit")
    if isinstance(commit, str):
        dirty = ", though files differed from it" if (record.git or {}).get("dirty") else ""
        yield shlex.join(["git", "checkout", commit]), f"is the commit it was trained at{dirty}"
