"""The curves of all runs that are compared: a plot a score, and a legend in which groups and runs can be hidden."""

from collections.abc import Sequence
from dataclasses import dataclass

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.grouping import Group
from dnn_cli.compare.rows import Row
from dnn_cli.report.html.plot import Line, Plot, mean_line, plot, points_for, spread_out
from dnn_cli.report.words import score
from dnn_cli.runs.record import NO_SCORES
from dnn_cli.spec.metrics import lower_is_better

MOST_RUNS = 100
"""So many runs have a curve."""

MOST_EPOCHS = 12
"""So many epochs stand in the table beside a plot."""

COLOURS, DASHES = 5, 4
"""So many colours can be told apart on a light and a dark page by everybody; then lines are dashed."""


@dataclass(frozen=True)
class Told:
    """A run in the legend."""

    number: int
    label: str


@dataclass(frozen=True)
class Legend:
    """A group in the legend."""

    number: int
    label: str
    style: str
    runs: tuple[Told, ...]


@dataclass(frozen=True)
class Score:
    """The curves of one score."""

    name: str
    plot: Plot
    epochs: tuple[int, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """The same as numbers: a run, and its score after each of the epochs."""


@dataclass(frozen=True)
class Curves:
    """All of them."""

    legend: tuple[Legend, ...]
    scores: tuple[Score, ...]
    untold: int
    """Runs for which there was no room."""


def style(number: int) -> str:
    """The classes of the line with this number."""
    return f"c{number % COLOURS} d{number // COLOURS % DASHES}"


def curves(comparison: Comparison) -> Curves:
    """The curves of the best runs."""
    chosen: list[tuple[Group, Sequence[Row]]] = []
    room = MOST_RUNS
    for group in comparison.groups:
        if room > 0:
            chosen.append((group, sorted(group.rows[:room], key=lambda row: row.seed)))
            room -= len(group.rows)
    legend, number = [], 0
    for at, (group, rows) in enumerate(chosen):
        told = tuple(Told(number + place, run_label(row, rows)) for place, row in enumerate(rows))
        legend.append(Legend(at, comparison.label(group), style(at), told))
        number += len(rows)
    names = scores_of(comparison, [row for _, rows in chosen for row in rows])
    return Curves(
        tuple(legend),
        tuple(one_score(name, legend, chosen, number) for name in names),
        len(comparison.rows) - number,
    )


def run_label(row: Row, rows: Sequence[Row]) -> str:
    """A run within its group: by its seed, or by its id where several have one seed or settings differ."""
    seeds = [other.seed for other in rows]
    return f"seed {row.seed}" if seeds.count(row.seed) == 1 else f"seed {row.seed}, {row.record.id}"


def scores_of(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    """The scores that all runs have, the compared one first."""
    columns = [row.entry.details.columns for row in rows]
    common = [name for name in columns[0] if all(name in other for other in columns) and name not in NO_SCORES]
    return sorted(common, key=lambda name: (name != comparison.metric, not name.startswith("val_")))


def one_score(name: str, legend: Sequence[Legend], chosen: Sequence[tuple[Group, Sequence[Row]]], runs: int) -> Score:
    """A plot of one score: a line a run, and one for the mean of a group that has several."""
    lines, rows = [], []
    for entry, (_, members) in zip(legend, chosen, strict=True):
        single = len(members) == 1
        drawn = []
        for told, row in zip(entry.runs, members, strict=True):
            values = row.entry.details.column(name)
            label = entry.label if single else f"{entry.label}, {told.label}"
            weight = "" if single else " thin"
            css = f"g{entry.number} r{told.number} {entry.style}{weight}"
            drawn.append(Line(label, range(1, len(values) + 1), values, css))
            rows.append((label, values))
        lines += drawn
        if not single:
            lines.append(mean_line(f"{entry.label}, mean", drawn, f"g{entry.number} {entry.style}"))
    longest = max((line.x for line in lines), key=len)
    told_epochs = [int(epoch) for epoch in spread_out(longest, MOST_EPOCHS)]
    label = f"{name} of {len(rows)} runs over {len(longest)} epochs; the numbers stand in the table below"
    return Score(
        name,
        plot(lines, label, falls=lower_is_better(name), most=points_for(runs)),
        tuple(told_epochs),
        tuple(
            (label, tuple(score(values[at - 1]) if at <= len(values) else "–" for at in told_epochs))
            for label, values in rows
        ),
    )
