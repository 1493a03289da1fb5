"""`Row`: a completed run with the score that it is compared by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dnn_cli.compare.repeats import Repeat, drop_repeats
from dnn_cli.compare.views import Curve, View, curve_of
from dnn_cli.errors import UsageError, nearest
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.record import EVALUATE, NO_SCORES, Record, is_test_score
from dnn_cli.runs.run import Run
from dnn_cli.spec.differences import comparable, differences
from dnn_cli.spec.metrics import score_name


@dataclass(frozen=True)
class Row:
    """One completed run."""

    entry: Entry
    record: Record
    curve: Curve
    """The compared metric, one value an epoch."""

    score: float
    """The number that the run is compared by."""

    settings: dict[str, str]
    """The settings in which the compared runs differ."""

    @property
    def run(self) -> Run:
        return self.entry.run

    @property
    def seed(self) -> int:
        return self.entry.details.seed

    @property
    def alike(self) -> str:
        """The digest that runs of the same experiment share."""
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


@dataclass(frozen=True)
class ReadRows:
    """Runs as they were read for a comparison."""

    metric: str
    rows: list[Row]
    left_out: list[Entry]
    """Runs that are broken, unfinished, or lack the metric; with the reason."""

    repeats: list[Repeat]
    """Runs that do not count, because a later run repeats them."""


def read_rows(entries: Sequence[Entry], metric: str | None, view: View) -> ReadRows:
    """Return the completed runs that have a metric, each experiment and seed once, and all others with the reason.

    Args:
        entries: The runs.
        metric: A column of `metrics.csv`, or a score on the test set as `test_accuracy`; `None` for the metric that
            most runs monitor.
        view: The point of the training at which runs are compared.

    Raises:
        UsageError: no completed run has the metric.
    """
    usable, left_out = split_usable(entries)
    metric = score_name(metric) if metric else usual_metric(entry.record for entry in usable if entry.record)
    rows: list[Row] = []
    have_metric = False
    for entry in usable:
        curve = curve_of(entry, metric) if metric not in NO_SCORES else None
        score = None if curve is None else view.score(curve)
        have_metric = have_metric or curve is not None
        if curve is None or score is None or entry.record is None:
            left_out.append(replace(entry, broken=f"has no {metric}" if curve is None else view.missing))
        else:
            rows.append(Row(entry, entry.record, curve, score, {}))
    if usable and not have_metric and is_test_score(metric):
        raise UsageError(f"no completed run has the test score {metric}", EVALUATE)
    if usable and not have_metric:
        known = sorted({name for entry in usable for name in entry.details.columns if name not in NO_SCORES})
        raise UsageError(f"no completed run has the metric {metric}", nearest(metric, known) or ", ".join(known))
    counted, repeats = drop_repeats(rows, lambda row: row.entry)
    return ReadRows(metric, with_settings(counted), left_out, repeats)


def split_usable(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return the completed runs whose config and metrics can be read, and all others."""
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
    """Return the metric that most of the runs monitor."""
    monitored = [record.results.monitor for record in records]
    return max(sorted(set(monitored)), key=monitored.count, default="val_accuracy")


def with_settings(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with the settings in which they differ."""
    first = one_of_each(rows)
    one_seed = [{**comparable(row.entry.experiment or {}), "seed": 0} for row in first.values()]
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
    """Return the first row of every experiment, by its digest.

    The same row always stands for its experiment, because the config of a run is read only when it is needed.
    """
    return {row.alike: row for row in reversed(rows)}


def of_different_data(rows: Sequence[Row]) -> bool:
    """Return whether runs were trained on different data."""
    return len({row.record.data.get("fingerprint") for row in rows}) > 1
