"""Runs → plain rows, groups of equal experiments, and what may be said about them."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from dnn_cli.errors import ConfigError, RunError, UsageError, nearest
from dnn_cli.runs.record import NO_SCORES, Record, Scores
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Entry
from dnn_cli.spec.differences import differences, nameless, short_keys
from dnn_cli.spec.load import load_resolved
from dnn_cli.spec.metrics import lower_is_better


@dataclass(frozen=True)
class Row:
    """One completed run."""

    run: Run
    record: Record
    experiment: dict[str, Any]
    settings: dict[str, str]
    """Only what differs from any other run compared."""

    curve: tuple[float, ...]
    """The compared metric, an epoch each."""

    best: float
    last: float

    @property
    def parameters(self) -> int:
        return self.record.parameters.get("total", 0)


@dataclass(frozen=True)
class Group:
    """Runs of one experiment that differ in nothing but their seed."""

    name: str
    settings: dict[str, str]
    rows: tuple[Row, ...]

    @property
    def seeds(self) -> list[int]:
        return sorted({row.experiment["seed"] for row in self.rows})

    @property
    def mean(self) -> float:
        """The mean over the seeds of the best score; equal seeds count once."""
        by_seed = {row.experiment["seed"]: row.best for row in self.rows}
        return fmean(by_seed.values())


@dataclass(frozen=True)
class Comparison:
    """Completed runs, sorted; those that could not be compared; and groups, the best first."""

    metric: str
    rows: tuple[Row, ...]
    groups: tuple[Group, ...]
    left_out: tuple[Entry, ...]
    """Runs that are broken or not completed; the reason is in `broken` or in the record's status."""

    warnings: tuple[str, ...]

    @property
    def different_data(self) -> bool:
        """Whether the runs were trained on different data, so that none is ahead of another."""
        return of_different_data(self.rows)

    @property
    def lead(self) -> float | None:
        """By how much the first group is ahead of the second; `None` where there is only one."""
        if len(self.groups) < 2:
            return None
        return abs(self.groups[0].mean - self.groups[1].mean)

    def label(self, group: Group) -> str:
        """A group's name; where another has the same, with what sets it apart."""
        if sum(other.name == group.name for other in self.groups) == 1:
            return group.name
        short = short_keys(list(group.settings))
        settings = ", ".join(f"{key} {text}" for key, text in zip(short, group.settings.values(), strict=True))
        return f"{group.name} ({settings})"


def one_seed(*groups: Group) -> bool:
    """Whether any of the groups rests on a single seed."""
    return any(len(group.seeds) == 1 for group in groups)


SORTS: dict[str, tuple[Callable[[Row], Any], bool]] = {
    "best": (lambda row: row.best, True),
    "last": (lambda row: row.last, True),
    "name": (lambda row: row.record.name, False),
    "parameters": (lambda row: row.parameters, False),
    "epochs": (lambda row: row.record.epochs, False),
    "seconds": (lambda row: row.record.seconds or 0.0, False),
    "started": (lambda row: row.record.started, False),
}
"""What `--sort-by` takes: a value of a row, and whether more of it comes first (for a loss, less does)."""


def compare(entries: Sequence[Entry], metric: str | None = None, sort_by: str = "best") -> Comparison:
    """Completed runs beside each other.

    Raises:
        UsageError: no completed run has the metric, or there is no such order.
    """
    if sort_by not in SORTS:
        raise UsageError(f"cannot sort by {sort_by}", nearest(sort_by, SORTS) or f"one of {', '.join(SORTS)}")
    read, left_out = read_all(entries)
    metric = metric or usual_metric(record for _, record, _, _ in read)
    scored = []
    for item in read:
        if metric in item[3][0] and metric not in NO_SCORES:
            scored.append(item)
        else:
            left_out.append(Entry(item[0], item[1], f"has no {metric}"))
    if read and not scored:
        known = sorted({name for item in read for name in item[3][0] if name not in NO_SCORES})
        raise UsageError(f"no completed run has the metric {metric}", nearest(metric, known) or ", ".join(known))
    sign = -1.0 if lower_is_better(metric) else 1.0
    settings = differences([experiment for _, _, experiment, _ in scored])
    rows = []
    for (run, record, experiment, metrics), setting in zip(scored, settings, strict=True):
        curve = tuple(float(row[metric]) for row in metrics)
        best = max(curve, key=lambda value: sign * value)
        rows.append(Row(run, record, experiment, setting, curve, best, curve[-1]))
    key, larger_first = SORTS[sort_by]
    descending = larger_first and sign > 0
    ordered = tuple(sorted(rows, key=key, reverse=descending))
    groups = tuple(sorted(grouped(rows), key=lambda group: -sign * group.mean))
    return Comparison(metric, ordered, groups, tuple(left_out), tuple(warnings(rows)))


def read_all(
    entries: Sequence[Entry],
) -> tuple[list[tuple[Run, Record, dict[str, Any], list[Scores]]], list[Entry]]:
    """The completed runs with their experiments and metrics, and all others."""
    read, left_out = [], []
    for entry in entries:
        if entry.record is None or entry.record.status != "completed":
            left_out.append(entry)
            continue
        try:
            metrics = entry.run.read_metrics()
            if not metrics:
                raise RunError("metrics.csv is missing or has no row, though the run is completed")
            experiment = load_resolved(str(entry.run.config)).model_dump(mode="json")
        except RunError as error:
            left_out.append(Entry(entry.run, None, error.message))
        except ConfigError as error:
            fault = error.faults[0]
            left_out.append(Entry(entry.run, None, f"config.yaml: {fault.key} {fault.message}"))
        else:
            read.append((entry.run, entry.record, experiment, metrics))
    return read, left_out


def usual_metric(records: Iterable[Record]) -> str:
    """What most of the runs watched."""
    watched = [record.results.monitor for record in records]
    return max(sorted(set(watched)), key=watched.count, default="val_accuracy")


def grouped(rows: Sequence[Row]) -> list[Group]:
    """Rows whose experiments differ only in their seed and their names, together."""
    by_experiment: dict[str, list[Row]] = {}
    for row in rows:
        alike = {key: value for key, value in nameless(row.experiment).items() if key != "seed"}
        by_experiment.setdefault(json.dumps(alike, sort_keys=True), []).append(row)
    return [
        Group(
            members[0].record.name,
            {key: value for key, value in members[0].settings.items() if key != "seed"},
            tuple(members),
        )
        for members in by_experiment.values()
    ]


def of_different_data(rows: Sequence[Row]) -> bool:
    """Whether runs were trained on different data."""
    return len({row.record.data.get("fingerprint") for row in rows}) > 1


def warnings(rows: Sequence[Row]) -> list[str]:
    """What makes the runs unequal beyond their settings."""
    found = []
    if of_different_data(rows):
        found.append("the runs were trained on different data, so their scores say nothing about each other")
    elif len({(row.experiment["data"]["validation_size"], row.experiment["data"]["split_seed"]) for row in rows}) > 1:
        found.append("the runs were validated on different examples")
    return found
