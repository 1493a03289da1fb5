"""Section with the curves of all compared runs.

The section has a plot for each score, and a legend in which groups and runs can be hidden.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.group import Group
from dnn_cli.compare.run_scores import RunScore
from dnn_cli.config.score_names import lower_is_better
from dnn_cli.report.html.svg_plot import Plot, SvgLine, build_plot, compute_max_points, compute_mean_line, select_evenly
from dnn_cli.report.text import format_score
from dnn_cli.runs.record import NON_SCORE_COLUMNS

MAX_CURVE_RUNS = 100
"""Largest number of runs that have a curve."""

_MAX_TABLE_EPOCHS = 12
"""Largest number of epochs in the table of a plot."""

COLOUR_COUNT, DASH_COUNT = 5, 4
"""Number of colours of curves, and number of line styles for each colour.

Colour-blind readers, too, can distinguish these colours on a light and a dark page. From the sixth group on,
curves repeat the colours with other dashes.
"""


@dataclass(frozen=True)
class _LegendRun:
    """Run in the legend: its number in the section and its label, such as `seed 1`."""

    number: int
    label: str


@dataclass(frozen=True)
class _LegendGroup:
    """Group in the legend: its number, its label, the CSS classes of its curves, and its runs."""

    number: int
    label: str
    style: str
    runs: tuple[_LegendRun, ...]


@dataclass(frozen=True)
class _ScorePlot:
    """Plot of one score, and a table of the score in some epochs."""

    name: str
    plot: Plot
    epochs: tuple[int, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """Label of each run, with its formatted score in each of the listed epochs."""


@dataclass(frozen=True)
class CurvesSection:
    """Plots of all scores, with their legend."""

    legend: tuple[_LegendGroup, ...]
    scores: tuple[_ScorePlot, ...]
    omitted_count: int
    """Number of runs without curves, because the number of curves is limited."""


def format_line_classes(number: int) -> str:
    """Return the CSS classes of the colour and dashes of a group's curves, such as `c0 d1`, from the group's number."""
    return f"c{number % COLOUR_COUNT} d{number // COLOUR_COUNT % DASH_COUNT}"


def build_curves_section(
    comparison: Comparison, line_numbers: Mapping[str, int] | None = None, max_runs: int = MAX_CURVE_RUNS
) -> CurvesSection:
    """Build the section with the curves of runs, those of the best groups first.

    Args:
        comparison: The comparison.
        line_numbers: The number of the colour and dashes of each group, by its label; `None` numbers the groups.
        max_runs: The largest number of runs that have a curve.
    """
    drawn_groups: list[tuple[Group, Sequence[RunScore]]] = []
    room = max_runs
    for group in comparison.groups:
        if room > 0:
            drawn_groups.append((group, sorted(group.run_scores[:room], key=lambda row: row.seed)))
            room -= len(group.run_scores)
    legend, number = [], 0
    for at, (group, rows) in enumerate(drawn_groups):
        legend_runs = tuple(_LegendRun(number + index, _format_run_label(row, rows)) for index, row in enumerate(rows))
        label = comparison.get_label(group)
        style = format_line_classes((line_numbers or {}).get(label, at))
        legend.append(_LegendGroup(at, label, style, legend_runs))
        number += len(rows)
    names = _list_common_scores(comparison, [row for _, rows in drawn_groups for row in rows])
    return CurvesSection(
        tuple(legend),
        tuple(_build_score_plot(name, legend, drawn_groups, number) for name in names),
        len(comparison.run_scores) - number,
    )


def _format_run_label(row: RunScore, rows: Sequence[RunScore]) -> str:
    """Return the label of a run within its group: the seed, and the id if several runs have this seed."""
    seeds = [other.seed for other in rows]
    return f"seed {row.seed}" if seeds.count(row.seed) == 1 else f"seed {row.seed}, {row.record.id}"


def _list_common_scores(comparison: Comparison, rows: Sequence[RunScore]) -> list[str]:
    """Return the names of the scores that all runs have, the compared score first."""
    columns = [row.run_info.details.columns for row in rows]
    common = [name for name in columns[0] if all(name in other for other in columns) and name not in NON_SCORE_COLUMNS]
    return sorted(common, key=lambda name: (name != comparison.metric, not name.startswith("val_")))


def _build_score_plot(
    name: str, legend: Sequence[_LegendGroup], drawn_groups: Sequence[tuple[Group, Sequence[RunScore]]], runs: int
) -> _ScorePlot:
    """Build the plot of one score: a line for each run, and a line for the mean of a group of several runs.

    Args:
        name: The name of the score, such as `val_loss`.
        legend: The groups of the legend.
        drawn_groups: The same groups in the same order, each with the runs that are drawn.
        runs: The number of runs that are drawn; with more runs, each curve has fewer points.
    """
    lines, rows = [], []
    longest_run = max(row.run_info.details.epoch_count for _, members in drawn_groups for row in members)
    for legend_group, (_, members) in zip(legend, drawn_groups, strict=True):
        single = len(members) == 1
        drawn = []
        for legend_run, row in zip(legend_group.runs, members, strict=True):
            values = row.run_info.details.get_metric_values(name)
            # The score of a baseline is a horizontal line.
            is_line = row.is_baseline and longest_run > 1
            x = (1, longest_run) if is_line else range(1, len(values) + 1)
            heights = [*values, *values] if is_line else values
            label = legend_group.label if single else f"{legend_group.label}, {legend_run.label}"
            width_class = "" if single else " thin"
            css = f"g{legend_group.number} r{legend_run.number} {legend_group.style}{width_class}"
            drawn.append(SvgLine(label, x, heights, css))
            rows.append((label, values))
        lines += drawn
        if not single:
            lines.append(
                compute_mean_line(f"{legend_group.label}, mean", drawn, f"g{legend_group.number} {legend_group.style}")
            )
    longest = range(1, longest_run + 1)
    table_epochs = [int(epoch) for epoch in select_evenly(longest, _MAX_TABLE_EPOCHS)]
    label = f"{name} of {len(rows)} runs over {len(longest)} epochs; the table below lists the values"
    return _ScorePlot(
        name,
        build_plot(lines, label, lower_is_better=lower_is_better(name), max_points=compute_max_points(runs)),
        tuple(table_epochs),
        tuple(
            (label, tuple(format_score(values[at - 1]) if at <= len(values) else "–" for at in table_epochs))
            for label, values in rows
        ),
    )
