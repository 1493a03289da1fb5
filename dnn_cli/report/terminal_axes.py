"""Axes of charts in a terminal: positions in dots, and the lines of text with ticks and labels."""

from collections.abc import Sequence
from dataclasses import dataclass

from dnn_cli.report.chart_math import Axis
from dnn_cli.report.tables import compute_text_width, shorten_text
from dnn_cli.report.terminal_canvas import Glyphs

_MIN_TICK_COLUMNS = 7
"""Smallest distance between two ticks of a horizontal axis, in terminal characters."""


@dataclass(frozen=True)
class DotAxis:
    """Axis with its length in dots."""

    axis: Axis
    dots: int
    start: int = 0
    """Index of the first dot of the axis."""

    def find_dot(self, value: float) -> int | None:
        """Return the index of the dot for a value, counted from 0; `None` for a value outside the axis."""
        if not self.axis.low <= value <= self.axis.high:
            return None
        return self.start + round(self.axis.compute_position(value) * (self.dots - 1))


def build_chart_axis(
    values: Sequence[float], dots: int, *, log: bool, may_be_whole: bool = False, start: int = 0
) -> DotAxis:
    """Build an axis that contains all values; if all values are equal, the axis extends to both sides.

    Args:
        values: The values.
        dots: The length of the axis.
        log: Whether the axis is logarithmic.
        may_be_whole: Whether ticks are integers if all values are integers.
        start: The index of the first dot.
    """
    low, high = min(values), max(values)
    integers_only = may_be_whole and all(float(value).is_integer() for value in values)
    if log:
        low, high = (low, high) if high > low * (1 + 1e-9) else (low / 2, high * 2)
    elif high - low <= 1e-9 * max(abs(low), abs(high)):
        around = 0.5 if integers_only and abs(low) < 1e9 else abs(low) * 0.1 or 0.5
        low, high = low - around, high + around
    return DotAxis(Axis(low, high, log, integers_only), dots, start)


def format_x_axis(x: DotAxis, glyphs: Glyphs, margin: int, columns: int, label: str, rule: int | None) -> list[str]:
    """Return two lines: the horizontal axis, and below it the numbers of its ticks with the label.

    Args:
        x: The axis.
        glyphs: The characters of the axis and its ticks.
        margin: The number of characters to the left of the vertical axis.
        columns: The length of the axis in characters.
        label: The label, which is left out if there is not enough space.
        rule: The dot at which a vertical line meets the axis; `None` without a vertical line.
    """
    room = columns - compute_text_width(label) - 2
    row, marks = {}, {}
    for max_ticks in range(max(1, columns // _MIN_TICK_COLUMNS), 0, -1):
        ticks = x.axis.compute_ticks(max_ticks)
        # A category name is shortened, so that every category can have its name. Rounding takes one column of the gap.
        width = max(1, columns // len(ticks) - 2) if x.axis.categories and ticks else columns
        marks = {
            at // glyphs.dots_across: shorten_text(text, width)
            for tick, text in ticks
            if (at := x.find_dot(tick)) is not None
        }
        row = _place_tick_texts(marks, margin + 1 + columns, margin + 1)
        if row:
            break
    line = [glyphs.horizontal] * columns
    for column in marks if row else ():
        line[column] = glyphs.bottom_tick
    if rule is not None:
        line[rule // glyphs.dots_across] = glyphs.mark
    text = ""
    for start, number in sorted(row.items()):
        text = f"{_pad_text(text, start)}{number}"
    end = margin + 1 + columns
    if label and room > 0 and compute_text_width(text) + 2 + compute_text_width(label) <= end:
        text = f"{_pad_text(text, end - compute_text_width(label))}{label}"
    return [" " * margin + glyphs.corner + "".join(line), text]


def _pad_text(text: str, width: int) -> str:
    """Return a text with spaces at its end, `width` terminal characters wide."""
    return text + " " * (width - compute_text_width(text))


def _place_tick_texts(marks: dict[int, str], width: int, margin: int) -> dict[int, str]:
    """Return the numbers below an axis, each centred below its tick, by the column in which they begin.

    If the numbers do not fit, return an empty dictionary.

    Args:
        marks: The number at each tick as text, by the tick's column in the canvas.
        width: The width of the whole line in characters.
        margin: The number of characters to the left of the canvas.
    """
    starts: dict[int, str] = {}
    end = -1
    for column, text in sorted(marks.items()):
        start = min(max(margin + column - (compute_text_width(text) - 1) // 2, 0), width - compute_text_width(text))
        if start <= end:
            return {}
        starts[start], end = text, start + compute_text_width(text)
    return starts
