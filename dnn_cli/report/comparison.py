"""A comparison as tables for the terminal, CSV, Markdown and LaTeX."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dnn_cli.compare.comparison import Comparison, numbers_first
from dnn_cli.compare.grouping import Group
from dnn_cli.compare.rows import Row
from dnn_cli.report.formats import csv_text, latex_text, markdown_text
from dnn_cli.report.tables import PlainTable, drop_to_fit, shorten_to_fit, table
from dnn_cli.report.words import WIDE, duration, score, sparkline, visible
from dnn_cli.spec.differences import short_keys

INTERVAL = "95% interval"

MOST_ALIKE = 3
"""So many runs that are left out for one reason have a line each."""


@dataclass(frozen=True)
class Cells:
    """A table before it has a form."""

    headers: list[str]
    rows: list[list[str]]
    right: list[str]
    """Columns of numbers."""

    cut: list[str]
    """Columns whose text may be cut where the width is short."""

    wrapped: list[str]
    """Columns whose text goes on in the next line where the width is short: what distinguishes the rows."""

    expendable: tuple[str, ...] = ("time", "epochs", "parameters", "curve", "last", "best", "95% interval")
    """Columns that are left out first where the width is short."""

    def first(self, most: int | None) -> "Cells":
        """The same with no more rows than these."""
        return replace(self, rows=self.rows[:most])

    def fitting(self, width: int) -> PlainTable:
        """A table that fits a width."""
        if width >= WIDE:
            return table(self.headers, self.rows, right=self.right)
        headers, rows = drop_to_fit(self.headers, self.rows, width, self.expendable)
        return table(headers, shorten_to_fit(headers, rows, width, self.cut), right=self.right, flexible=self.wrapped)

    def csv(self) -> str:
        """The same as CSV."""
        return csv_text(self.headers, self.rows)

    def markdown(self) -> str:
        """The same as Markdown."""
        return markdown_text(self.headers, self.rows, self.right)

    def latex(self) -> str:
        """The same as LaTeX."""
        return latex_text(self.headers, self.rows, self.right)


def titles(keys: Sequence[str]) -> list[str]:
    """The heads of columns for keys; a part is told by its type."""
    return short_keys([key.removesuffix(".type") for key in keys])


def value_of(comparison: Comparison, value: float | None) -> str:
    """What runs are compared by, in its unit."""
    return score(value) if comparison.view.unit is None or value is None else counted(value)


def counted(value: float) -> str:
    """How many epochs: whole ones where there are many."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def mean_and_spread(comparison: Comparison, group: Group) -> str:
    """`0.8803 ± 0.0021`; without a spread where there is one seed."""
    mean = value_of(comparison, group.mean)
    if group.spread is None:
        return mean
    if "e" in mean:
        return f"{mean} ± {group.spread:.2g}"
    return f"{mean} ± {group.spread:.{len(mean.partition('.')[2])}f}"


def interval_text(comparison: Comparison, group: Group) -> str:
    """Return the 95% interval of a group's mean, as `0.8781 to 0.8825`; `–` from fewer than three seeds."""
    interval = comparison.interval(group)
    if interval is None:
        return "–"
    low, high = (value_of(comparison, end) for end in interval)
    return f"{low} to {high}"


def has_intervals(comparison: Comparison) -> bool:
    """Return whether the mean of any group has an interval."""
    return any(comparison.interval(group) for group in comparison.groups)


def seed_list_text(group: Group) -> str:
    """Return the number of seeds and some of them, as `3: 1, 2, 3`; a single one as `seed 7`."""
    if len(group.seeds) == 1:
        return f"seed {group.seeds[0]}"
    return f"{len(group.seeds)}: {', '.join(map(str, group.seeds[:6]))}{', …' if len(group.seeds) > 6 else ''}"


def runs_cells(comparison: Comparison) -> Cells:
    """A run a row, the settings that differ as columns."""
    settings = list(comparison.rows[0].settings) if comparison.rows else []
    fixed = [] if "epochs" in settings else ["epochs"]
    at = comparison.view.text
    scores = ["best", "last"] if at == "best" else [at, "best"]
    low = min((value for row in comparison.rows for value in row.curve.values), default=0.0)
    high = max((value for row in comparison.rows for value in row.curve.values), default=0.0)
    rows = [
        [
            row.record.name,
            *(row.settings[key] for key in settings),
            f"{row.parameters:,}",
            score(row.best) if at == "best" else value_of(comparison, row.score),
            score(row.last if at == "best" else row.best),
            *(str(row.record.epochs) for _ in fixed),
            duration(row.record.seconds),
            sparkline(row.curve.values, low, high),
            row.record.id,
        ]
        for row in comparison.rows
    ]
    short = short_keys(settings)
    headers = ["name", *short, "parameters", *scores, *fixed, "time", "curve", "id"]
    return Cells(headers, rows, ["parameters", *scores, *fixed, "time"], ["name"], short)


def groups_cells(comparison: Comparison, most: int | None = None) -> Cells:
    """A group a row, the best first, with its mean over the seeds."""
    groups = comparison.groups[:most]
    keys = list(dict.fromkeys(key for group in comparison.groups for key in group.settings))
    named = [] if comparison.keys or (not keys and len(groups) > 1) else ["name"]
    names = named or ([] if keys else ["name"])
    metric = "epochs to it" if comparison.view.unit else comparison.metric
    intervals = has_intervals(comparison)
    rows = [
        [
            *(group.name for _ in names),
            *(group.settings.get(key, "–") for key in keys),
            span_text([row.parameters for row in group.rows]),
            mean_and_spread(comparison, group),
            *([interval_text(comparison, group)] if intervals else []),
            str(len(group.seeds)),
            *([str(len(group.rows))] if comparison.keys else []),
            duration(group.seconds),
        ]
        for group in groups
    ]
    short = titles(keys)
    numbers = [
        "parameters",
        metric,
        *([INTERVAL] if intervals else []),
        "seeds",
        *(["runs"] if comparison.keys else []),
        "time",
    ]
    return Cells([*names, *short, *numbers], rows, numbers, names, short, ("time", "parameters", "runs", INTERVAL))


def pair_cells(comparison: Comparison) -> Cells:
    """Two groups side by side: what differs between them, and what came out."""
    groups = comparison.groups
    keys = list(dict.fromkeys(key for group in groups for key in group.settings))
    low = min(value for row in comparison.rows for value in row.curve.values)
    high = max(value for row in comparison.rows for value in row.curve.values)
    metric = f"{comparison.metric} {comparison.view.text}" if comparison.view.text != "final" else comparison.metric
    lines: list[tuple[str, Callable[[Group], str]]] = [
        *((key, lambda group, key=key: group.settings.get(key, "–")) for key in keys),
        ("parameters", lambda group: span_text([row.parameters for row in group.rows])),
        (metric, lambda group: mean_and_spread(comparison, group)),
        *([(INTERVAL, lambda group: interval_text(comparison, group))] if has_intervals(comparison) else []),
        ("best epoch", lambda group: score(sum(row.best for row in group.rows) / len(group.rows))),
        ("seeds", seed_list_text),
        *([] if "epochs" in keys else [("epochs", lambda group: span_text([row.record.epochs for row in group.rows]))]),
        ("time", lambda group: duration(group.seconds)),
        ("curve", lambda group: sparkline(group.rows[0].curve.values, low, high)),
        ("runs", lambda group: ", ".join(row.record.id for row in group.rows[:2]) + (", …" if group.rows[2:] else "")),
    ]
    heads = [visible(comparison.label(group)) for group in groups]
    heads = heads if len(set(heads)) == len(heads) else [group.rows[0].record.id for group in groups]
    rows = [[title, *(text(group) for group in groups)] for title, text in lines]
    return Cells(["", *heads], rows, [], [], heads, ())


def matrix_cells(comparison: Comparison) -> Cells:
    """Two keys: the values of one down, of the other across, the mean in each cell and the best marked."""
    first, second = comparison.keys
    found = {(group.settings[first], group.settings[second]): group for group in comparison.groups}
    down = list(dict.fromkeys(group.settings[first] for group in sorted_by(comparison, first)))
    across = list(dict.fromkeys(group.settings[second] for group in sorted_by(comparison, second)))
    heads = [visible(text) for text in across]
    best = comparison.groups[0]

    def cell(group: Group | None) -> str:
        if group is None:
            return "–"
        seeds = f" ({len(group.seeds)})" if len({len(other.seeds) for other in comparison.groups}) > 1 else ""
        return f"{'* ' if group is best else ''}{mean_and_spread(comparison, group)}{seeds}"

    rows = [[one, *(cell(found.get((one, other))) for other in across)] for one in down]
    corner = " \\ ".join(titles([first, second]))
    return Cells([corner, *heads], rows, heads, [], [corner], ())


def sorted_by(comparison: Comparison, key: str) -> list[Group]:
    """Return the groups by a value, numbers by their size."""
    return sorted(comparison.groups, key=lambda group: numbers_first(group.settings[key]))


def span_text(numbers: Sequence[int]) -> str:
    """`79,510`, or from the least to the most."""
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def usual_cells(comparison: Comparison, *, all_runs: bool = False, side_by_side: bool = False) -> Cells:
    """The table that says most: runs, groups, a matrix of two keys, or, to read, two groups side by side."""
    if all_runs or (len(comparison.groups) == 1 and not comparison.keys):
        return runs_cells(comparison)
    if len(comparison.keys) == 2:
        return matrix_cells(comparison)
    if side_by_side and len(comparison.groups) == 2 and not comparison.keys:
        return pair_cells(comparison)
    if comparison.keys or len(comparison.groups) < len(comparison.rows):
        return groups_cells(comparison)
    return runs_cells(comparison)


def plain_row(row: Row) -> dict[str, Any]:
    """Return a run with its scores in full."""
    return {
        "id": row.record.id,
        "name": row.record.name,
        **row.settings,
        "parameters": row.parameters,
        "score": row.score,
        "best": row.best,
        "last": row.last,
        "epochs": row.record.epochs,
        "seconds": row.record.seconds,
    }


def comparison_csv(comparison: Comparison) -> str:
    """Return a run a line, with scores in full and the mean of its group.

    Runs that are set aside, because not all groups have their settings, have no group.
    """
    group_of = {id(row.record): group for group in comparison.groups for row in group.rows}
    rows = [{**plain_row(row), **group_fields(comparison, group_of.get(id(row.record)))} for row in comparison.rows]
    headers = list(rows[0]) if rows else ["id"]
    return csv_text(headers, [["" if value is None else str(value) for value in row.values()] for row in rows])


def group_fields(comparison: Comparison, group: Group | None) -> dict[str, Any]:
    """Return the mean of a group, as columns of CSV."""
    low, high = (comparison.interval(group) if group else None) or (None, None)
    return {
        "group": comparison.label(group) if group else None,
        "group_mean": group.mean if group else None,
        "group_standard_deviation": group.spread if group else None,
        "group_seeds": len(group.seeds) if group else None,
        "group_low": low,
        "group_high": high,
    }


def left_out_lines(comparison: Comparison) -> list[str]:
    """A line for every run that is not in the table, or for many of one reason."""
    lines: dict[str, list[str]] = defaultdict(list)
    for entry in comparison.left_out:
        if entry.record is None:
            lines[f"broken: {entry.broken}"].append(entry.run.directory.name)
        else:
            reason = f": {entry.record.reason}" if entry.record.reason else ""
            lines[entry.broken or f"{entry.record.status}{reason}"].append(f"{entry.record.name}  {entry.record.id}")
    shown = []
    for why, runs in lines.items():
        if len(runs) <= MOST_ALIKE:
            shown += [f"{run}  {why}" for run in runs]
        else:
            plural = f"have {why.removeprefix('has ')}" if why.startswith("has ") else why
            shown.append(f"{len(runs):,} runs  {plural}")
    return shown
