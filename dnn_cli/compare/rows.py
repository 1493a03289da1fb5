"""`Row`: a completed run, told by one number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dnn_cli.compare.views import Curve, View, curve_of
from dnn_cli.errors import UsageError, nearest
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.record import NO_SCORES, Record
from dnn_cli.runs.run import Run
from dnn_cli.spec.differences import differences


@dataclass(frozen=True)
class Row:
    """One completed run."""

    entry: Entry
    record: Record
    curve: Curve
    """The compared metric, an epoch each."""

    score: float
    """What it is compared by."""

    settings: dict[str, str]
    """Only what differs from any other run compared."""

    @property
    def run(self) -> Run:
        return self.entry.run

    @property
    def seed(self) -> int:
        return self.entry.details.seed

    @property
    def alike(self) -> str:
        """What it shares with runs of the same experiment."""
        return self.entry.details.alike

    @property
    def best(self) -> float:
        return self.curve.best

    @property
    def last(self) -> float:
        return self.curve.values[-1]

    @property
    def parameters(self) -> int:
        return self.record.parameters.get("total", 0)


def read_rows(entries: Sequence[Entry], metric: str | None, view: View) -> tuple[str, list[Row], list[Entry]]:
    """The metric, the completed runs that have it, and all others with the reason.

    Raises:
        UsageError: no completed run has the metric.
    """
    usable, left_out = divided(entries)
    metric = metric or usual_metric(entry.record for entry in usable if entry.record)
    rows: list[Row] = []
    have_it = False
    for entry in usable:
        curve = curve_of(entry, metric) if metric not in NO_SCORES else None
        score = None if curve is None else view.score(curve)
        have_it = have_it or curve is not None
        if curve is None or score is None or entry.record is None:
            left_out.append(replace(entry, broken=f"has no {metric}" if curve is None else view.missing))
        else:
            rows.append(Row(entry, entry.record, curve, score, {}))
    if usable and not have_it:
        known = sorted({name for entry in usable for name in entry.details.columns if name not in NO_SCORES})
        raise UsageError(f"no completed run has the metric {metric}", nearest(metric, known) or ", ".join(known))
    return metric, with_settings(rows), left_out


def divided(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The completed runs whose config and metrics can be read, and all others."""
    usable, left_out = [], []
    for entry in entries:
        if entry.record is None or entry.record.status != "completed":
            left_out.append(entry)
            continue
        details, trouble = entry.details, entry.details.trouble
        if not trouble and not details.columns:
            trouble = "metrics.csv is missing or has no row, though the run is completed"
        if trouble:
            left_out.append(replace(entry, record=None, broken=trouble))
        else:
            usable.append(entry)
    return usable, left_out


def usual_metric(records: Iterable[Record]) -> str:
    """What most of the runs watched."""
    watched = [record.results.monitor for record in records]
    return max(sorted(set(watched)), key=watched.count, default="val_accuracy")


def with_settings(rows: Sequence[Row]) -> list[Row]:
    """Rows that know in what they differ; only one of those that are alike is looked at."""
    first = one_of_each(rows)
    one_seed = [{**(row.entry.experiment or {}), "seed": 0} for row in first.values()]
    found = dict(zip(first, differences(one_seed), strict=True))
    several = len({row.seed for row in rows}) > 1
    return [
        Row(
            row.entry, row.record, row.curve, row.score,
            {**({"seed": str(row.seed)} if several else {}), **found[row.alike]},
        )
        for row in rows
    ]  # fmt: skip


def one_of_each(rows: Sequence[Row]) -> dict[str, Row]:
    """The first row of every experiment: always the same, as a config is not read until it is asked for."""
    return {row.alike: row for row in reversed(rows)}


def of_different_data(rows: Sequence[Row]) -> bool:
    """Whether runs were trained on different data."""
    return len({row.record.data.get("fingerprint") for row in rows}) > 1
