"""Panels of axis plots: the scale of the horizontal axis, means of seeds, and the best run."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from dnn_cli.errors import UsageError
from dnn_cli.report.axis_plot import AxisChart, AxisPlot, AxisPoint
from dnn_cli.report.series_chart import ChartPoint, Series, SeriesChart, SeriesPanel
from dnn_cli.report.text import format_count, format_score

_AxisScale = Literal["linear", "log", "complement", "categories"]
"""Scale of a key: `complement` is a logarithmic axis of 1 − x, for values close to 1 such as `beta_1`."""

_MAX_CATEGORIES = 40
"""Largest number of categories of an axis."""

_LOG_RATIO = 10.0
"""The axis is logarithmic if the largest value is more than this number of times the smallest value."""

_MIN_SCORE_RATIO = 100.0
"""The scores are on a logarithmic axis if the largest is more than this number of times the smallest.

Only scores for which lower is better can have a logarithmic axis, as in the plots of the HTML report.
"""

_CATEGORY_WIDTH = 0.7
"""Share of the distance between two categories in which the series of a category are side by side."""

_COMPLEMENT_DIGITS = 12
"""Number of significant digits of 1 − x, which hides rounding errors such as 1 − 0.9 = 0.09999999999999998."""


def build_axis_panels(chart: AxisChart) -> SeriesChart:
    """Build the panels of axis plots, with a caption that names the best run or mean of each plot.

    Raises:
        UsageError: a key has more than 40 values that are not numbers, or no run with the key has a score.
    """
    drawn_names = {point.series for plot in chart.plots for point in plot.points}
    legend = {name: _format_legend_name(name, chart) for name in chart.names if name in drawn_names}
    panels = [_build_panel(plot, legend) for plot in chart.plots]
    has_failures = any(panel.has_failures for panel, _ in panels)
    has_means = any(series.lines for panel, _ in panels for series in panel.series)
    captions = [
        *(caption for panel, caption in panels if not panel.chosen),
        *(["lines: mean of the runs that differ only in seed or fold"] if has_means else []),
        *(["ring: chosen setting of each value"] if any(panel.chosen for panel, _ in panels) else []),
        *([f"×: {chart.noun}s without a score, because they diverged or failed"] if has_failures else []),
    ]
    return SeriesChart(tuple(panel for panel, _ in panels), tuple(legend.values()), tuple(captions), chart.notes)


def choose_axis_scale(values: Sequence[float | str]) -> _AxisScale:
    """Return the scale on which the values of a key are easiest to distinguish.

    Numbers above 0 that differ by more than a factor of 10 are drawn on a logarithmic axis. If 1 − x differs by a
    larger factor than x, as for 0.9 and 0.999, the axis shows 1 − x on a logarithmic scale.
    """
    numbers = [value for value in values if not isinstance(value, str)]
    if len(numbers) < len(values):
        return "categories"
    low, high = min(numbers), max(numbers)
    ratio = high / low if low > 0 else 1.0
    is_below_one = low >= 0 and high < 1
    complement_ratio = (1 - low) / (1 - high) if is_below_one else 1.0
    if complement_ratio > max(ratio, _LOG_RATIO * (1 + 1e-9)):
        return "complement"
    return "log" if ratio > _LOG_RATIO * (1 + 1e-9) else "linear"


def _format_legend_name(name: str, chart: AxisChart) -> str:
    """Return the name of a series with its number of runs, and the number of its runs without a score."""
    runs = {point.run_id: point for plot in chart.plots for point in plot.points if point.series == name}
    failures = Counter(point.status for point in runs.values() if point.score is None)
    counts = [
        format_count(len(runs), chart.noun),
        *(f"{number} {status}" for status, number in sorted(failures.items())),
    ]
    return f"{name} ({', '.join(counts)})"


def _build_panel(plot: AxisPlot, legend: Mapping[str, str]) -> tuple[SeriesPanel, str]:
    """Build the panel of an axis plot, and the caption that names its best run or mean.

    `legend` maps the names of series to their names in the legend, in the order of the series.

    Raises:
        UsageError: no run with the key has a score, or the key has more than 40 values that are not numbers.
    """
    values = [point.value for point in plot.points]
    scale = choose_axis_scale(values)
    categories = _list_categories(plot) if scale == "categories" else ()
    # Neighbouring trials of a study can differ in other tuned keys, so that a line has no meaning.
    joins_means = scale != "categories" and not plot.is_study and _has_shared_values(plot)
    title = plot.metric if plot.comparison_point.text == "final" else f"{plot.metric} {plot.comparison_point.title}"
    title = f"{plot.task}: {title}" if plot.task else title
    series, best_candidates, chosen = [], [], []
    for number, (name, legend_name) in enumerate(legend.items()):
        points = [point for point in plot.points if point.series == name]
        position = _SeriesPosition(scale, categories, number, len(legend))
        scored = [point for point in points if point.score is not None]
        means = _compute_means(scored)
        # Where one value has several variants, as in a random search over several keys, a line has no meaning.
        has_one_variant = len({value for value, _ in means}) == len(means)
        series.append(Series(
            legend_name,
            tuple(ChartPoint(position.compute_x(point.value), point.score, _format_point_label(point, plot.key))
                  for point in scored if point.score is not None),
            position.build_mean_lines(means, joins_means=joins_means) if has_one_variant else (),
            tuple(position.compute_x(point.value) for point in points if point.score is None),
        ))  # fmt: skip
        chosen += [
            ChartPoint(position.compute_x(point.value), point.score)
            for point in points
            if point.is_chosen and point.score is not None
        ]
        best_candidates += [
            (mean.score, position.compute_x(value), name, value, mean.run_count) for (value, _), mean in means.items()
        ]
    if not best_candidates:
        raise UsageError(f"no run with {plot.key} has a score", "dnn runs shows the status of each run")
    best = (min if plot.lower_is_better else max)(best_candidates, key=lambda candidate: candidate[0])
    scores = [point.score for point in plot.points if point.score is not None]
    y_log = plot.lower_is_better and 0 < _MIN_SCORE_RATIO * min(scores) < max(scores)
    label = f"1 - {plot.key}" if scale == "complement" else plot.key
    x_log = scale in ("log", "complement")
    panel = SeriesPanel(
        f"{title} (log)" if y_log else title, f"{label} (log)" if x_log else label, tuple(series),
        x_log=x_log, categories=categories, lower_is_better=plot.lower_is_better, y_log=y_log,
        best=None if chosen else ChartPoint(best[1], best[0]), chosen=tuple(chosen),
    )  # fmt: skip
    ties = sum(candidate[0] == best[0] for candidate in best_candidates) - 1
    return panel, _format_best_caption(plot, title, best, ties, several=len(legend) > 1)


@dataclass(frozen=True)
class _MeanScore:
    """Mean score of the runs of one value and variant, and their number."""

    score: float
    run_count: int


@dataclass(frozen=True)
class _SeriesPosition:
    """Horizontal position of the points of one series."""

    scale: _AxisScale
    categories: tuple[str, ...]
    number: int
    """Number of the series, from 0."""

    series_count: int

    @property
    def width(self) -> float:
        """Width of a series within a category, in distances between two categories."""
        return _CATEGORY_WIDTH / self.series_count

    def compute_x(self, value: float | str) -> float:
        """Compute the position of a value on the axis. In a category, the series are side by side."""
        if self.scale == "categories":
            text = value if isinstance(value, str) else f"{value:.6g}"
            return self.categories.index(text) + (self.number - (self.series_count - 1) / 2) * self.width
        number = float(value)
        return float(f"{1 - number:.{_COMPLEMENT_DIGITS}g}") if self.scale == "complement" else number

    def build_mean_lines(
        self, means: Mapping[tuple[float | str, str], _MeanScore], *, joins_means: bool
    ) -> tuple[tuple[tuple[float, float], ...], ...]:
        """Build the lines of means: one through all means, or a short level line in each category with several runs."""
        if self.scale == "categories":
            half = self.width / 2
            return tuple(
                ((self.compute_x(value) - half, mean.score), (self.compute_x(value) + half, mean.score))
                for (value, _), mean in means.items()
                if mean.run_count > 1
            )
        line = tuple((self.compute_x(value), mean.score) for (value, _), mean in means.items())
        return (line,) if joins_means and len(line) > 1 else ()


def _format_best_caption(
    plot: AxisPlot, title: str, best: tuple[float, float, str, float | str, int], ties: int, *, several: bool
) -> str:
    """Return the caption that names the best run or mean: its score, series, value of the key and number of runs.

    Args:
        plot: The axis plot.
        title: The name of the score.
        best: The score, the position, the series, the value and the number of runs.
        ties: The number of other runs or means with the same score.
        several: Whether the plot has several series.
    """
    score, _, name, value, runs = best
    value_text = value if isinstance(value, str) else f"{value:.6g}"
    origin = f" ({name})" if several else ""
    mean = f", mean of {runs} runs" if runs > 1 else ""
    equal = f"; {format_count(ties, 'other point')} with this score" if ties else ""
    return f"best {title}: {format_score(score)} at {plot.key} {value_text}{origin}{mean}{equal}"


def _format_point_label(point: AxisPoint, key: str) -> str:
    """Return the text of a point for readers who point at it: run, series, value and score."""
    value = point.value if isinstance(point.value, str) else f"{point.value:.6g}"
    return f"{point.run_id}, {point.series}: {key} {value}, {format_score(point.score)}"


def _list_categories(plot: AxisPlot) -> tuple[str, ...]:
    """Return the categories of an axis: numbers in ascending order, then texts in the order of the first run.

    Raises:
        UsageError: there are more than 40 categories.
    """
    values = list(dict.fromkeys(point.value for point in plot.points))
    if len(values) > _MAX_CATEGORIES:
        raise UsageError(
            f"{plot.key} has {len(values)} values that are not all numbers, and an axis has at most {_MAX_CATEGORIES}",
            "select runs with --where",
        )
    numbers = sorted(value for value in values if not isinstance(value, str))
    texts = [value for value in values if isinstance(value, str)]
    return (*(f"{number:.6g}" for number in numbers), *sorted(texts, key=lambda text: text in ("–", "none")))


def _has_shared_values(plot: AxisPlot) -> bool:
    """Return whether a line may join the means of runs with the same value, as after a grid or with several seeds.

    Without shared values, a line would join the scattered points of a random search.
    """
    values = [point.value for point in plot.points if point.score is not None]
    return 2 * len(set(values)) <= len(values)


def _compute_means(points: Sequence[AxisPoint]) -> dict[tuple[float | str, str], _MeanScore]:
    """Compute the mean score of each value of a key and variant, in ascending order of numbers."""
    scores: dict[tuple[float | str, str], list[float]] = defaultdict(list)
    for point in points:
        if point.score is not None:
            scores[point.value, point.variant].append(point.score)
    keys = sorted(scores, key=lambda key: (isinstance(key[0], str), 0 if isinstance(key[0], str) else key[0]))
    return {key: _MeanScore(fmean(scores[key]), len(scores[key])) for key in keys}
