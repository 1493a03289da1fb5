"""Runs → rows, groups, verdicts and caveats."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dnn_cli.compare.caveats import Judged, find_caveats
from dnn_cli.compare.grouping import Group, group_by_keys, group_experiments
from dnn_cli.compare.labels import label_groups
from dnn_cli.compare.precision import precision_of
from dnn_cli.compare.repeats import Repeat
from dnn_cli.compare.rows import Row, of_different_data, read_rows
from dnn_cli.compare.statistics import LEAST_SEEDS, Interval, Precision
from dnn_cli.compare.verdicts import MAX_JUDGED, NO_FAMILY, Family, judge_groups, named_group
from dnn_cli.compare.views import View, parse_view
from dnn_cli.errors import UsageError, nearest
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.record import BEST_MODEL, is_test_score


@dataclass(frozen=True)
class Comparison:
    """Completed runs, sorted; the runs that were not compared; groups, the best first; verdicts and caveats."""

    metric: str
    view: View
    rows: tuple[Row, ...]
    groups: tuple[Group, ...]
    keys: tuple[str, ...]
    """The keys that the groups are made by; empty where each group is an experiment."""

    family: Family
    left_out: tuple[Entry, ...]
    """Runs that are broken or not completed; the reason is in `broken` or in the record's status."""

    warnings: tuple[str, ...]
    precision: Precision
    """The resolution of the scores."""

    repeats: tuple[Repeat, ...] = ()
    """Runs that do not count, because a later run repeats them."""

    @property
    def different_data(self) -> bool:
        """Whether the runs were trained on different data, so that their scores cannot be compared."""
        return of_different_data(self.rows)

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller value of the compared number is better."""
        return self.view.lower_is_better(self.metric)

    @cached_property
    def labels(self) -> dict[int, str]:
        """The labels of the groups, by the identity of the group."""
        return label_groups(self.groups)

    def label(self, group: Group) -> str:
        """Return the label of a group."""
        return self.labels[id(group)]

    @cached_property
    def intervals(self) -> dict[int, Interval | None]:
        """The 95% interval of the mean of every group, by its identity; `None` from fewer than three seeds."""
        if all(len(group.seeds) < LEAST_SEEDS for group in self.groups):
            return {id(group): None for group in self.groups}
        from dnn_cli.compare.group_tests import mean_intervals  # imports numpy, which takes as long as the rest

        found = mean_intervals([list(group.by_seed.values()) for group in self.groups], self.precision)
        return {id(group): interval for group, interval in zip(self.groups, found, strict=True)}

    def interval(self, group: Group) -> Interval | None:
        """Return the 95% interval of the mean of a group."""
        return self.intervals[id(group)]

    @cached_property
    def averaged(self) -> dict[str, list[str]]:
        """The keys that all groups are averaged over, each with its values; empty where their settings differ."""
        if len({frozenset(group.other_settings) for group in self.groups}) != 1:
            return {}
        settings = sorted(self.groups[0].other_settings)
        keys = dict.fromkeys(key for setting in settings for key, _ in setting)
        values = {key: sorted({dict(setting)[key] for setting in settings}, key=numbers_first) for key in keys}
        return {key: found for key, found in values.items() if len(found) > 1}

    @property
    def set_aside(self) -> int:
        """The number of runs with settings that not all groups have."""
        return sum(len(group.set_aside) for group in self.groups)


SORTS: dict[str, tuple[Callable[[Row], Any], bool]] = {
    "score": (lambda row: row.score, True),
    "best": (lambda row: row.best, True),
    "last": (lambda row: row.last, True),
    "name": (lambda row: row.record.name, False),
    "parameters": (lambda row: row.parameters, False),
    "epochs": (lambda row: row.record.epochs, False),
    "seconds": (lambda row: row.record.seconds or 0.0, False),
    "started": (lambda row: row.record.started, False),
}
"""The orders of `--sort-by`: a value of a row, and whether larger values come first (for a loss, smaller ones do)."""


def compare(
    entries: Sequence[Entry],
    metric: str | None = None,
    sort_by: str = "score",
    *,
    at: str = "final",
    by: Sequence[str] = (),
    baseline: str | None = None,
    known: Sequence[Entry] = (),
    most: int | None = MAX_JUDGED,
) -> Comparison:
    """Return the comparison of completed runs.

    Args:
        entries: The runs.
        metric: A column of `metrics.csv`, or a score on the test set as `test_accuracy`; `None` for the metric that
            most runs monitor.
        sort_by: The order of the rows, one of `SORTS`.
        at: The point of the training at which runs are compared, as `compare.views` reads it.
        by: Fields in which the runs of a group agree; empty for groups of equal experiments.
        baseline: The group that all others are compared with; `None` for the best.
        known: All runs that exist, where the user picked some of them; reveals which other settings were tried.
        most: Largest number of judged groups; `None` for all.

    Raises:
        UsageError: no completed run has the metric, or the order, view, field or baseline does not exist.
    """
    if sort_by not in SORTS:
        raise UsageError(f"cannot sort by {sort_by}", nearest(sort_by, SORTS) or f"one of {', '.join(SORTS)}")
    view = parse_view(at)
    if metric is not None and is_test_score(metric) and view.text != "final":
        is_best = metric.startswith(BEST_MODEL)
        best = "" if is_best else f"--metric {BEST_MODEL}{metric} is the score of best.keras"
        raise UsageError(
            f"{metric} is known for the saved model only, not for single epochs", f"leave --at out; {best}".rstrip("; ")
        )
    read = read_rows(entries, metric, view)
    rows, metric = read.rows, read.metric
    lower = view.lower_is_better(metric)
    failed = [(entry, reason) for entry in read.left_out if (reason := failure(entry, view))]
    groups = group_by_keys(rows, by, failed) if by else group_experiments(rows, failed)
    precision = precision_of(
        [row.score for row in rows], [row.curve.examples for row in rows], 1.0 if view.unit else None
    )
    groups = mark_untrained(groups, metric, view)
    groups.sort(key=lambda group: group.mean if lower else -group.mean)
    reference = None if baseline is None else named_group(groups, baseline, [*label_groups(groups).values()])
    family = NO_FAMILY
    if len(groups) > 1 and not of_different_data(rows):
        family = judge_groups(
            groups, metric, is_final=view.text == "final", lower_is_better=lower, precision=precision,
            baseline=reference, most=most,
        )  # fmt: skip
    key, larger_first = SORTS[sort_by]
    falls = lower if sort_by == "score" else bool(rows) and rows[0].curve.falls
    ordered = sorted(rows, key=key, reverse=larger_first and not falls)
    judged = Judged(rows, groups, by, metric, view, read.left_out, known, read.repeats)
    return Comparison(
        metric, view, tuple(ordered), tuple(groups), tuple(by), family, tuple(read.left_out),
        tuple(find_caveats(judged)), precision, tuple(read.repeats),
    )  # fmt: skip


def numbers_first(text: str) -> tuple[bool, float, str]:
    """Return the rank of a value among the values of a key: numbers by size, then texts."""
    plain = text.replace(",", "")
    try:
        return False, float(plain), plain
    except ValueError:
        return True, 0.0, plain


def failure(entry: Entry, view: View) -> str:
    """Return how a run that was left out failed; empty where it was only not completed."""
    if entry.record is None:
        return ""
    if entry.record.status in ("diverged", "failed"):
        return entry.record.status
    return view.missing if entry.broken == view.missing else ""


def mark_untrained(groups: Sequence[Group], metric: str, view: View) -> list[Group]:
    """Return the groups with the seeds marked as failed that are no better than a constant prediction.

    Only groups of few seeds need the mark, because it decides whether a t-test may be used.
    """
    rows = [row for group in groups for row in group.rows]
    if view.unit or not any(len(group.seeds) >= LEAST_SEEDS for group in groups) or len(groups) < 2:
        return list(groups)
    from dnn_cli.compare.untrained import constant_score  # imports numpy

    constant = constant_score(rows, metric)
    if constant is None:
        return list(groups)
    sign = -1.0 if view.lower_is_better(metric) else 1.0
    marked = []
    for group in groups:
        failed = {
            row.seed: "is no better than a constant prediction"
            for row in group.rows
            if sign * row.score <= sign * constant
        }
        marked.append(replace(group, failed={**failed, **group.failed}) if failed else group)
    return marked
