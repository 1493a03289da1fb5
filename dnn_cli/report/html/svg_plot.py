"""Plots of curves: SVG points and ticks for the HTML template, and values for the script of the page."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dnn_cli.report.chart_math import Axis, find_extreme_indices

_PLANE_SIZE = 1000
"""Width and height of the plane in which curves are drawn, in SVG units."""

_MIN_LOG_RATIO = 100.0
"""The vertical axis is logarithmic if the largest value is more than this number of times the smallest value.

Only scores for which lower is better can have a logarithmic axis.
"""

_SIGNIFICANT_DIGITS = 5
"""Number of significant digits of the values that the page stores for its script."""

_MAX_PLOT_POINTS = 4000
"""Approximate number of points of all runs in a plot."""

MAX_LINE_POINTS, MIN_LINE_POINTS = 400, 60
"""Largest and smallest value that `compute_max_points` returns: bounds of the number of points of a curve."""


@dataclass(frozen=True)
class SvgLine:
    """A curve: its label, its values by epoch, and the CSS classes that style and hide it."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    css: str = ""


@dataclass(frozen=True)
class Tick:
    """A number along an axis, with its position in percent from the left or the top."""

    at: float
    text: str


@dataclass(frozen=True)
class _SvgPolyline:
    """A curve as the points of an SVG polyline."""

    css: str
    points: str


@dataclass(frozen=True)
class Plot:
    """Plot of curves over epochs."""

    label: str
    """Description of the plot for screen readers."""

    lines: tuple[_SvgPolyline, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    data: dict[str, Any] = field(repr=False)
    """Values of the curves, for the script of the page."""

    mark: float | None = None
    """Position of a vertical line that marks an epoch, in percent from the left; `None` without a line."""


def build_plot(
    lines: Sequence[SvgLine],
    label: str,
    *,
    lower_is_better: bool = False,
    mark: float | None = None,
    max_points: int = MAX_LINE_POINTS,
) -> Plot:
    """Build a plot of curves over epochs.

    Args:
        lines: The curves; each has at least one point.
        label: The description of the plot for screen readers.
        lower_is_better: Whether lower values are better, so that the vertical axis may be logarithmic.
        mark: The epoch that a vertical line marks; `None` for no line.
        max_points: The largest number of points of a curve; longer curves keep their extremes.
    """
    thin_lines = [thin_line(line, max_points) for line in lines]
    first, last = min(line.x[0] for line in thin_lines), max(line.x[-1] for line in thin_lines)
    xs = Axis(first, last, integers_only=True)
    ys = _build_y_axis([value for line in thin_lines for value in line.y], lower_is_better=lower_is_better)
    return Plot(
        label,
        tuple(_SvgPolyline(line.css, _format_polyline_points(line, xs, ys)) for line in thin_lines),
        tuple(Tick(round(100 * xs.compute_position(at), 2), text) for at, text in xs.compute_ticks(8)),
        tuple(Tick(round(100 - 100 * ys.compute_position(at), 2), text) for at, text in ys.compute_ticks(6)),
        {
            "x": [xs.low, xs.high],
            "y": [ys.low, ys.high],
            "log": ys.log,
            "lines": [
                {
                    "name": line.label,
                    "x": _find_uneven_epochs(line.x),
                    "y": [_round_to_digits(value) for value in line.y],
                }
                for line in thin_lines
            ],
        },
        None if mark is None else round(100 * xs.compute_position(mark), 2),
    )


def compute_max_points(runs: int) -> int:
    """Compute the largest number of points of each curve in a plot of `runs` runs; more runs leave fewer points."""
    return max(MIN_LINE_POINTS, min(MAX_LINE_POINTS, _MAX_PLOT_POINTS // max(1, runs)))


def _build_y_axis(values: Sequence[float], *, lower_is_better: bool) -> Axis:
    """Build a vertical axis that contains all values, with a margin around them.

    With `lower_is_better`, the axis is logarithmic if the values differ by more than a factor of 100.
    """
    low, high = min(values), max(values)
    if lower_is_better and low > 0 and high > _MIN_LOG_RATIO * low:
        return Axis(low / 1.1, high * 1.1, log=True)
    room = 0.04 * (high - low) or abs(high) * 0.04 or 1.0
    return Axis(low - room, high + room)


def _format_polyline_points(line: SvgLine, xs: Axis, ys: Axis) -> str:
    """Return the points of a curve as text for an SVG polyline. `xs` and `ys` are the axes of the plot.

    A single point is repeated, because a polyline of one point is invisible.
    """
    positions = [
        f"{round(_PLANE_SIZE * xs.compute_position(x))},{round(_PLANE_SIZE - _PLANE_SIZE * ys.compute_position(y))}"
        for x, y in zip(line.x, line.y, strict=True)
    ]
    return " ".join(positions if len(positions) > 1 else positions * 2)


def thin_line(line: SvgLine, max_points: int) -> SvgLine:
    """Return a curve reduced to at most `max_points` points. Its lowest and highest values stay."""
    indices = find_extreme_indices(line.y, max_points)
    return SvgLine(line.label, [line.x[at] for at in indices], [line.y[at] for at in indices], line.css)


def compute_mean_line(label: str, lines: Sequence[SvgLine], css: str) -> SvgLine:
    """Compute the mean of curves, up to the end of the shortest, as a curve with the given label and CSS classes."""
    count = min(len(line.y) for line in lines)
    means = [math.fsum(line.y[at] for line in lines) / len(lines) for at in range(count)]
    return SvgLine(label, lines[0].x[:count], means, css)


def _find_uneven_epochs(x: Sequence[float]) -> list[float] | None:
    """Return the epochs of a curve if they are uneven, such as 1, 5, 12; `None` if they are 1, 2, 3 and so on.

    The page stores only uneven epochs. Its script computes the epochs 1, 2, 3 and so on.
    """
    return None if list(x) == list(range(1, len(x) + 1)) else list(x)


def _round_to_digits(value: float) -> float:
    """Return a number rounded to five significant digits."""
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")


def select_evenly(items: Sequence[Any], max_items: int) -> list[Any]:
    """Return at most `max_items` items at equal distances, with the first and the last."""
    if len(items) <= max_items:
        return list(items)
    return [items[round(at * (len(items) - 1) / (max_items - 1))] for at in range(max_items)]


def compute_percent_positions(values: Iterable[float], low: float, high: float) -> list[float]:
    """Compute the positions of values on a scale from `low` to `high`, in percent from the left.

    Both ends of the scale have a margin of 4 percent. If `low` and `high` are equal, every position is 50.
    """
    span = high - low
    return [round(4 + 92 * (value - low) / span, 2) if span else 50.0 for value in values]
