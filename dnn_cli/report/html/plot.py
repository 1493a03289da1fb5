"""Curves as places in a plot: all that a template needs to draw them, and a script to read them off."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dnn_cli.report.thinning import extremes
from dnn_cli.report.ticks import linear_ticks, log_ticks, texts

UNITS = 1000
"""Width and height of the plane that curves are drawn in."""

LOG_FROM = 100.0
"""Where the largest value is so many times the smallest, a score that falls is drawn by its magnitude."""

DIGITS = 5

POINTS = 4000
"""So many points all runs have together in a plot, about."""

MOST_POINTS, LEAST_POINTS = 400, 60
"""A curve has so many, however few or many runs there are."""


@dataclass(frozen=True)
class Line:
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
class Axis:
    """A range of numbers."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value stands, from 0 to 1."""
        low, high, value = (math.log10(one) for one in (self.low, self.high, value)) if self.log else (
            self.low, self.high, value
        )  # fmt: skip
        return (value - low) / (high - low) if high > low else 0.5

    def ticks(self, most: int, *, whole: bool = False) -> list[tuple[float, str]]:
        """About so many round numbers, and how they are written."""
        if self.high <= self.low:
            return [(self.low, texts([self.low])[0])]
        found = log_ticks(self.low, self.high, most) if self.log else linear_ticks(
            self.low, self.high, most, whole=whole
        )  # fmt: skip
        return list(zip(found, texts(found, log=self.log), strict=True))


@dataclass(frozen=True)
class Drawn:
    """A curve as the points of an SVG polyline."""

    css: str
    points: str


@dataclass(frozen=True)
class Plot:
    """Curves over epochs."""

    label: str
    """What is to be seen, for those who do not see it."""

    lines: tuple[Drawn, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    data: dict[str, Any] = field(repr=False)
    """The numbers, for the script."""

    mark: float | None = None
    """Where a rule stands, in percent from the left."""


def plot(
    lines: Sequence[Line], label: str, *, falls: bool = False, mark: float | None = None, most: int = MOST_POINTS
) -> Plot:
    """Curves over epochs.

    Args:
        lines: The curves; none is empty.
        label: What is to be seen.
        falls: Whether less is better, so that magnitudes may tell more than sizes.
        mark: An epoch to point out.
        most: So many points of a curve are drawn; of longer ones the extremes are kept.
    """
    thin = [thinned(line, most) for line in lines]
    xs = Axis(min(line.x[0] for line in thin), max(line.x[-1] for line in thin))
    ys = y_axis([value for line in thin for value in line.y], falls=falls)
    return Plot(
        label,
        tuple(Drawn(line.css, points(line, xs, ys)) for line in thin),
        tuple(Tick(round(100 * xs.place(at), 2), text) for at, text in xs.ticks(8, whole=True)),
        tuple(Tick(round(100 - 100 * ys.place(at), 2), text) for at, text in ys.ticks(6)),
        {
            "x": [xs.low, xs.high],
            "y": [ys.low, ys.high],
            "log": ys.log,
            "lines": [
                {"name": line.label, "x": epochs(line.x), "y": [significant(value) for value in line.y]}
                for line in thin
            ],
        },
        None if mark is None else round(100 * xs.place(mark), 2),
    )


def points_for(runs: int) -> int:
    """How many points a curve has, where there are so many runs."""
    return max(LEAST_POINTS, min(MOST_POINTS, POINTS // max(1, runs)))


def y_axis(values: Sequence[float], *, falls: bool) -> Axis:
    """A range that holds all values, with a little room around them."""
    low, high = min(values), max(values)
    if falls and low > 0 and high > LOG_FROM * low:
        return Axis(low / 1.1, high * 1.1, log=True)
    room = 0.04 * (high - low) or abs(high) * 0.04 or 1.0
    return Axis(low - room, high + room)


def points(line: Line, xs: Axis, ys: Axis) -> str:
    """The points of a polyline in the plane; a single one twice, or nothing would be drawn."""
    places = [
        f"{round(UNITS * xs.place(x))},{round(UNITS - UNITS * ys.place(y))}"
        for x, y in zip(line.x, line.y, strict=True)
    ]
    return " ".join(places if len(places) > 1 else places * 2)


def thinned(line: Line, most: int) -> Line:
    """A curve of no more than so many points."""
    kept = extremes(line.y, most)
    return Line(line.label, [line.x[at] for at in kept], [line.y[at] for at in kept], line.css)


def mean_line(label: str, lines: Sequence[Line], css: str) -> Line:
    """The mean of curves, as far as all of them go."""
    count = min(len(line.y) for line in lines)
    means = [math.fsum(line.y[at] for line in lines) / len(lines) for at in range(count)]
    return Line(label, lines[0].x[:count], means, css)


def epochs(x: Sequence[float]) -> list[float] | None:
    """The epochs of a curve; `None` where they count from 1."""
    return None if list(x) == list(range(1, len(x) + 1)) else list(x)


def significant(value: float) -> float:
    """A number with as many digits as anybody reads."""
    return float(f"{value:.{DIGITS}g}")


def spread_out(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many of a sequence, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(at * (len(items) - 1) / (most - 1))] for at in range(most)]


def in_percent(values: Iterable[float], low: float, high: float) -> list[float]:
    """Where values stand between two others, with a little room at both ends."""
    span = high - low
    return [round(4 + 92 * (value - low) / span, 2) if span else 50.0 for value in values]
