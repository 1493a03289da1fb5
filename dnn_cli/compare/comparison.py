"""Runs → rows, groups, verdicts, and what a referee would ask."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dnn_cli.compare.fairness import Judged, unfairness
from dnn_cli.compare.grouping import Group, groups_by_key, groups_of_experiments
from dnn_cli.compare.rows import Row, of_different_data, read_rows
from dnn_cli.compare.verdicts import MOST, Family, judge, named_group
from dnn_cli.compare.views import View, parse_view
from dnn_cli.errors import UsageError, nearest
from dnn_cli.runs.entry import Entry
from dnn_cli.spec.differences import short_keys

NOTHING = Family(None, False, 0, ())


@dataclass(frozen=True)
class Comparison:
    """Completed runs, sorted; those that could not be compared; groups, the best first; and what may be said."""

    metric: str
    view: View
    rows: tuple[Row, ...]
    groups: tuple[Group, ...]
    keys: tuple[str, ...]
    """By which the groups were made; none where each is an experiment."""

    family: Family
    left_out: tuple[Entry, ...]
    """Runs that are broken or not completed; the reason is in `broken` or in the record's status."""

    warnings: tuple[str, ...]

    @property
    def different_data(self) -> bool:
        """Whether the runs were trained on different data, so that none is ahead of another."""
        return of_different_data(self.rows)

    @property
    def lower_is_better(self) -> bool:
        """Whether less of what is compared is better."""
        return self.view.lower_is_better(self.metric)

    @cached_property
    def labels(self) -> dict[int, str]:
        """What groups are called, by their identity."""
        return labels(self.groups)

    def label(self, group: Group) -> str:
        """What a group is called."""
        return self.labels[id(group)]


def labels(groups: Sequence[Group]) -> dict[int, str]:
    """What groups are called, by their identity: by their names, by what sets them apart, or by both."""
    names = Counter(group.name for group in groups)
    found = {}
    for group in groups:
        if names[group.name] == 1 or not group.settings:
            found[id(group)] = group.name
        elif len(names) == 1:
            found[id(group)] = settings_text(group.settings)
        else:
            found[id(group)] = f"{group.name} ({settings_text(apart(group, groups))})"
    return found


def apart(group: Group, groups: Sequence[Group]) -> Mapping[str, str]:
    """The settings that set a group apart from others of its name; all, where none does."""
    namesakes = [other.settings for other in groups if other.name == group.name]
    telling = {key: text for key, text in group.settings.items() if any(s.get(key) != text for s in namesakes)}
    return telling or group.settings


def settings_text(settings: Mapping[str, str]) -> str:
    """Settings in one line; a single one needs no key."""
    if len(settings) == 1:
        return next(iter(settings.values()))
    return ", ".join(f"{key} {text}" for key, text in zip(short_keys(list(settings)), settings.values(), strict=True))


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
"""What `--sort-by` takes: a value of a row, and whether more of it comes first (for a loss, less does)."""


def compare(
    entries: Sequence[Entry],
    metric: str | None = None,
    sort_by: str = "score",
    *,
    at: str = "final",
    by: Sequence[str] = (),
    baseline: str | None = None,
    known: Sequence[Entry] = (),
    most: int | None = MOST,
) -> Comparison:
    """Completed runs beside each other.

    Args:
        entries: The runs.
        metric: A column of `metrics.csv`; where none is named, what most runs watched.
        sort_by: The order of the rows, one of `SORTS`.
        at: Where in their trainings they are compared, as `compare.views` reads it.
        by: Fields in which the runs of a group agree; none for equal experiments.
        baseline: The group that all others are compared with; the best where none is named.
        known: All runs there are, to tell what else was tried.
        most: So many groups are judged; `None` for all.

    Raises:
        UsageError: no completed run has the metric, or there is no such order, view, field or baseline.
    """
    if sort_by not in SORTS:
        raise UsageError(f"cannot sort by {sort_by}", nearest(sort_by, SORTS) or f"one of {', '.join(SORTS)}")
    view = parse_view(at)
    metric, rows, left_out = read_rows(entries, metric, view)
    lower = view.lower_is_better(metric)
    sign = -1.0 if lower else 1.0
    groups = groups_by_key(rows, by) if by else groups_of_experiments(rows)
    groups.sort(key=lambda group: -sign * group.mean)
    reference = None if baseline is None else named_group(groups, baseline, [*labels(groups).values()])
    is_judged = len(groups) > 1 and not of_different_data(rows)
    family = (
        judge(groups, metric, is_final=view.text == "final", lower_is_better=lower, baseline=reference, most=most)
        if is_judged
        else NOTHING
    )
    key, larger_first = SORTS[sort_by]
    falls = lower if sort_by == "score" else bool(rows) and rows[0].curve.falls
    ordered = sorted(rows, key=key, reverse=larger_first and not falls)
    judged = Judged(rows, groups, by, metric, view, left_out, known or entries)
    return Comparison(
        metric, view, tuple(ordered), tuple(groups), tuple(by), family, tuple(left_out), tuple(unfairness(judged))
    )
