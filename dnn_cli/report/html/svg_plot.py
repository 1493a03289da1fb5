"""Curves as places in a plot: all that a template needs to draw them, and a script to read them off."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dnn_cli.report.chart_math import compute_linear_ticks, compute_log_ticks, find_extreme_indices, format_ticks

_PLANE_SIZE = 1000
"""Width and height of the plane that curves are drawn in."""

_MIN_LOG_RATIO = 100.0
"""Where the largest value is so many times the smallest, a score that falls is drawn by its magnitude."""

_SIGNIFICANT_DIGITS = 5

_MAX_PLOT_POINTS = 4000
"""So many points all runs have together in a plot, about."""

MAX_LINE_POINTS, MIN_LINE_POINTS = 400, 60
"""A curve has so many, however few or many runs there are."""


@dataclass(frozen=True)
class SvgLine:
    """A curve: what it is called, its values by epoch, and the classes that style and hide it."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    css: str = ""


@dataclass(frozen=True)
class Tick:
    """A number along an axis, and where it stands, in percent from the left or the top."""

    at: float
    text: str


@dataclass(frozen=True)
class SvgAxis:
    """A range of numbers."""

    low: float
    high: float
    log: bool = False

    def compute_position(self, value: float) -> float:
        """Where a value stands, from 0 to 1."""
        low, high, value = (math.log10(number) for number in (self.low, self.high, value)) if self.log else (
            self.low, self.high, value
        )  # fmt: skip
        return (value - low) / (high - low) if high > low else 0.5

    def compute_ticks(self, max_ticks: int, *, integers_only: bool = False) -> list[tuple[float, str]]:
        """About so many round numbers, and how they are written."""
        if self.high <= self.low:
            return [(self.low, format_ticks([self.low])[0])]
        numbers = compute_log_ticks(self.low, self.high, max_ticks) if self.log else compute_linear_ticks(
            self.low, self.high, max_ticks, integers_only=integers_only
        )  # fmt: skip
        return list(zip(numbers, format_ticks(numbers, log=self.log), strict=True))


@dataclass(frozen=True)
class _SvgPolyline:
    """A curve as the points of an SVG polyline."""

    css: str
    points: str


@dataclass(frozen=True)
class Plot:
    """Curves over epochs."""

    label: str
    """What is to be seen, for those who do not see it."""

    lines: tuple[_SvgPolyline, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    data: dict[str, Any] = field(repr=False)
    """The numbers, for the script."""

    mark: float | None = None
    """Where a rule stands, in percent from the left."""


def build_plot(
    lines: Sequence[SvgLine],
    label: str,
    *,
    lower_is_better: bool = False,
    mark: float | None = None,
    max_points: int = MAX_LINE_POINTS,
) -> Plot:
    """Curves over epochs.

    Args:
        lines: The curves; none is empty.
        label: What is to be seen.
        lower_is_better: Whether less is better, so that magnitudes may tell more than sizes.
        mark: An epoch to point out.
        max_points: So many points of a curve are drawn; of longer ones the extremes are kept.
    """
    thin_lines = [thin_line(line, max_points) for line in lines]
    xs = SvgAxis(min(line.x[0] for line in thin_lines), max(line.x[-1] for line in thin_lines))
    ys = _build_y_axis([value for line in thin_lines for value in line.y], lower_is_better=lower_is_better)
    return Plot(
        label,
        tuple(_SvgPolyline(line.css, _format_polyline_points(line, xs, ys)) for line in thin_lines),
        tuple(
            Tick(round(100 * xs.compute_position(at), 2), text) for at, text in xs.compute_ticks(8, integers_only=True)
        ),
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
    """How many points a curve has, where there are so many runs."""
    return max(MIN_LINE_POINTS, min(MAX_LINE_POINTS, _MAX_PLOT_POINTS // max(1, runs)))


def _build_y_axis(values: Sequence[float], *, lower_is_better: bool) -> SvgAxis:
    """A range that holds all values, with a little room around them."""
    low, high = min(values), max(values)
    if lower_is_better and low > 0 and high > _MIN_LOG_RATIO * low:
        return SvgAxis(low / 1.1, high * 1.1, log=True)
    room = 0.04 * (high - low) or abs(high) * 0.04 or 1.0
    return SvgAxis(low - room, high + room)


def _format_polyline_points(line: SvgLine, xs: SvgAxis, ys: SvgAxis) -> str:
    """The points of a polyline in the plane; a single one twice, or nothing would be drawn."""
    positions = [
        f"{round(_PLANE_SIZE * xs.compute_position(x))},{round(_PLANE_SIZE - _PLANE_SIZE * ys.compute_position(y))}"
        for x, y in zip(line.x, line.y, strict=True)
    ]
    return " ".join(positions if len(positions) > 1 else positions * 2)


def thin_line(line: SvgLine, max_points: int) -> SvgLine:
    """A curve of no more than so many points."""
    indices = find_extreme_indices(line.y, max_points)
    return SvgLine(line.label, [line.x[at] for at in indices], [line.y[at] for at in indices], line.css)


def compute_mean_line(label: str, lines: Sequence[SvgLine], css: str) -> SvgLine:
    """The mean of curves, as far as all of them go."""
    count = min(len(line.y) for line in lines)
    means = [math.fsum(line.y[at] for line in lines) / len(lines) for at in range(count)]
    return SvgLine(label, lines[0].x[:count], means, css)


def _find_uneven_epochs(x: Sequence[float]) -> list[float] | None:
    """The epochs of a curve; `None` where they count from 1."""
    return None if list(x) == list(range(1, len(x) + 1)) else list(x)


def _round_to_digits(value: float) -> float:
    """A number with as many digits as anybody reads."""
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")


def select_evenly(items: Sequence[Any], max_items: int) -> list[Any]:
    """At most so many of a sequence, evenly spaced, the first and the last among them."""
    if len(items) <= max_items:
        return list(items)
    return [items[round(at * (len(items) - 1) / (max_items - 1))] for at in range(max_items)]


def compute_percent_positions(values: Iterable[float], low: float, high: float) -> list[float]:
    """Where values stand between two others, with a little room at both ends."""
    span = high - low
    return [round(4 + 92 * (value - low) / span, 2) if span else 50.0 for value in values]
