"""Plots of series for the HTML report: SVG marks, lines and ticks for the template `series.html.j2`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dnn_cli.report.chart_math import Axis
from dnn_cli.report.html.curves_section import COLOUR_COUNT, format_line_classes
from dnn_cli.report.html.svg_plot import Tick
from dnn_cli.report.series_chart import Series, SeriesChart, SeriesPanel
from dnn_cli.report.tables import shorten_text
from dnn_cli.report.text import format_score

_SHAPES = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
    "M-4 -4h8v8h-8z",
    "M0 -5l5 9h-10z",
    "M0 -5.5l5 5.5l-5 5.5l-5 -5.5z",
    "M-1.7 -5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z",
)
"""SVG paths of marks: circle, square, triangle, diamond and cross, each around the origin."""

_PLANE_SIZE = 1000
"""Width and height of the plane in which lines are drawn, in SVG units."""

_RANGE_MARGIN = 0.04
"""Margin at both ends of an axis of numbers, as a share of its length."""

_MAX_CATEGORY_LENGTH = 90
"""Largest number of characters of all categories of an axis."""

_MAX_X_TICKS, _MAX_Y_TICKS = 6, 5


@dataclass(frozen=True)
class LegendItem:
    """Name of a series with its mark and the CSS classes of its colour and dashes."""

    name: str
    shape: str
    mark_css: str
    line_css: str


@dataclass(frozen=True)
class _SvgMark:
    """Mark of a point: its position in percent from the left and the top, its SVG path, CSS class and text."""

    x: float
    y: float
    shape: str
    css: str
    label: str


@dataclass(frozen=True)
class _SvgSeriesLine:
    """Line as the points of an SVG polyline, with its CSS classes."""

    css: str
    points: str


@dataclass(frozen=True)
class SeriesPlot:
    """Plot of one panel."""

    title: str
    x_label: str
    label: str
    """Description of the plot for screen readers."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[_SvgSeriesLine, ...]
    marks: tuple[_SvgMark, ...]
    failures: tuple[_SvgMark, ...]
    """Runs without a score, at the edge with the worst scores."""

    rings: tuple[tuple[float, float], ...]
    """Positions of the rings around the best point and around chosen points, in percent."""

    mark: float | None
    """Position of a vertical line, in percent from the left."""

    rows: tuple[tuple[str, str, str], ...]
    """Rows of the table of values: series, position on the horizontal axis, and value."""


@dataclass(frozen=True)
class SeriesFigure:
    """Plots of all panels, with their common legend and captions."""

    plots: tuple[SeriesPlot, ...]
    legend: tuple[LegendItem, ...]
    captions: tuple[str, ...]
    has_lines_only: bool
    """Whether no panel has points, so that the legend shows lines instead of marks."""


def build_series_figure(chart: SeriesChart) -> SeriesFigure:
    """Build the plots of all panels of a chart."""
    legend = tuple(
        LegendItem(name, _get_shape(number), f"p{number % COLOUR_COUNT}", format_line_classes(number))
        for number, name in enumerate(chart.names)
    )
    items = {item.name: item for item in legend}
    has_points = any(series.points for panel in chart.panels for series in panel.series)
    return SeriesFigure(
        tuple(_build_series_plot(panel, items) for panel in chart.panels), legend, chart.captions, not has_points
    )


def _get_shape(number: int) -> str:
    """Return the SVG path of a series' mark. Series with equal colours have different shapes."""
    return _SHAPES[(number + number // COLOUR_COUNT) % len(_SHAPES)]


def _build_series_plot(panel: SeriesPanel, items: dict[str, LegendItem]) -> SeriesPlot:
    """Build the plot of a panel. `items` has the items of the legend by name."""
    xs, ys = _build_x_axis(panel), _build_y_axis(panel)
    failure_y = 0.0 if panel.lower_is_better else 100.0
    count = sum(len(series.points) + len(series.failures) for series in panel.series)
    kind = f"{count} {panel.point_noun}s" if count else "lines"
    return SeriesPlot(
        panel.title, panel.x_label,
        f"{panel.title} over {panel.x_label}, {kind} in {len(panel.series)} series; the table below lists the values",
        tuple(Tick(_compute_percent(xs, at), text) for at, text in xs.compute_ticks(_MAX_X_TICKS)),
        tuple(Tick(100 - _compute_percent(ys, at), text) for at, text in ys.compute_ticks(_MAX_Y_TICKS)),
        tuple(_SvgSeriesLine(items[series.name].line_css, _format_line(line, xs, ys))
              for series in panel.series for line in series.lines),
        tuple(_SvgMark(_compute_percent(xs, point.x), round(100 - _compute_percent(ys, point.y), 2),
                       items[series.name].shape, items[series.name].mark_css, point.label)
              for series in panel.series for point in series.points),
        tuple(_SvgMark(_compute_percent(xs, x), failure_y, "", items[series.name].line_css,
                       f"{series.name}: no score")
              for series in panel.series for x in series.failures),
        tuple((_compute_percent(xs, point.x), round(100 - _compute_percent(ys, point.y), 2))
              for point in (*panel.chosen, *([panel.best] if panel.best else []))),
        None if panel.marked_x is None else _compute_percent(xs, panel.marked_x),
        tuple(row for series in panel.series for row in _list_rows(series, panel)),
    )  # fmt: skip


def _compute_percent(axis: Axis, value: float) -> float:
    """Compute the position of a value on an axis, in percent."""
    return round(100 * axis.compute_position(value), 2)


def _build_x_axis(panel: SeriesPanel) -> Axis:
    """Build the horizontal axis, with a margin at both ends."""
    if panel.categories:
        length = max(3, _MAX_CATEGORY_LENGTH // len(panel.categories))
        texts = tuple(shorten_text(text, length) for text in panel.categories)
        return Axis(-0.5, len(texts) - 0.5, categories=texts)
    values = [x for series in panel.series for x, _ in series.iter_positions()]
    values += [x for series in panel.series for x in series.failures]
    low, high = min(values), max(values)
    if panel.x_log:
        factor = (high / low) ** _RANGE_MARGIN if high > low else 2.0
        return Axis(low / factor, high * factor, log=True)
    margin = _RANGE_MARGIN * (high - low) or abs(low) / 10 or 0.5
    return Axis(low - margin, high + margin, integers_only=all(float(value).is_integer() for value in values))


def _build_y_axis(panel: SeriesPanel) -> Axis:
    """Build the vertical axis, which contains all values and `y_values` of the panel, with a margin at both ends."""
    values = [y for series in panel.series for _, y in series.iter_positions()] + list(panel.y_values)
    low, high = min(values), max(values)
    if panel.y_log:
        factor = (high / low) ** _RANGE_MARGIN
        return Axis(low / factor, high * factor, log=True)
    margin = _RANGE_MARGIN * (high - low) or abs(low) / 10 or 0.5
    return Axis(low - margin, high + margin)


def _format_line(line: Sequence[tuple[float, float]], xs: Axis, ys: Axis) -> str:
    """Return a line as text for an SVG polyline."""
    return " ".join(
        f"{round(_PLANE_SIZE * xs.compute_position(x))},{round(_PLANE_SIZE * (1 - ys.compute_position(y)))}"
        for x, y in line
    )


def _list_rows(series: Series, panel: SeriesPanel) -> list[tuple[str, str, str]]:
    """Return the rows of a series in the table of values: of its points and failures or, without points, of lines."""

    def format_x(x: float) -> str:
        return panel.categories[math.floor(x + 0.5)] if panel.categories else f"{x:.6g}"

    positions = [(point.x, point.y) for point in series.points]
    if not positions and not series.failures:
        positions = [position for line in series.lines for position in line]
    return [
        *((series.name, format_x(x), format_score(y)) for x, y in positions),
        *((series.name, format_x(x), "no score") for x in series.failures),
    ]
