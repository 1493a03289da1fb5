"""Charts of named series: points, lines, and points without a score, such as the scores of runs over a learning rate.

A chart has no relation to runs: `report/axis_panel.py` and `report/study_charts.py` build charts from results.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ChartPoint:
    """Point of a series."""

    x: float
    y: float
    label: str = ""
    """Text for readers who point at it in the HTML report, such as `run 3f0a1b2c`."""


@dataclass(frozen=True)
class Series:
    """Named points and lines in one panel. All panels draw a name in the same colour and with the same mark."""

    name: str
    points: tuple[ChartPoint, ...] = ()
    lines: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Lines, each with the x and y of its ends and corners."""

    failures: tuple[float, ...] = ()
    """The x of each run without a score, because it diverged or failed."""

    def iter_positions(self) -> Iterator[tuple[float, float]]:
        """Yield x and y of all points and of all ends and corners of lines."""
        yield from ((point.x, point.y) for point in self.points)
        for line in self.lines:
            yield from line


@dataclass(frozen=True)
class SeriesPanel:
    """Chart of one number over another number or over categories."""

    title: str
    """Name of the vertical axis, such as `val_accuracy`."""

    x_label: str
    series: tuple[Series, ...]
    x_log: bool = False
    categories: tuple[str, ...] = ()
    """Texts of the x 0, 1, 2 and so on; empty for an axis of numbers."""

    lower_is_better: bool = False
    y_log: bool = False
    """Whether the vertical axis is logarithmic without a request of the user."""

    y_values: tuple[float, ...] = ()
    """Numbers that the vertical axis contains even without a point there, such as 0 and 1 for a share."""

    marked_x: float | None = None
    """The x of a vertical line; `None` without a line."""

    best: ChartPoint | None = None
    """The best point or mean, which has a ring in pictures and a level line in a terminal."""

    point_noun: str = "run"
    """Noun of a point in the description of the chart for screen readers."""

    chosen: tuple[ChartPoint, ...] = ()
    """Points with a ring in the HTML report, such as the chosen trial of each value of a study."""

    @property
    def has_failures(self) -> bool:
        """Whether the panel has runs without a score."""
        return any(series.failures for series in self.series)


@dataclass(frozen=True)
class SeriesChart:
    """Panels (charts of one number each) with the same series, and notes."""

    panels: tuple[SeriesPanel, ...]
    names: tuple[str, ...]
    """Names of all series, in the order of their colours, marks and letters."""

    captions: tuple[str, ...] = ()
    """Sentences below the panels, such as the best run."""

    notes: tuple[str, ...] = ()
    """Notes for the reader, such as runs that are left out."""

    def list_axis_texts(self) -> list[str]:
        """List the texts on the horizontal axes of the panels: labels and categories."""
        return [text for panel in self.panels for text in (panel.x_label, *panel.categories)]
