"""Curves in a terminal: of braille dots, or of letters where there is no Unicode; in any size."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from dnn_cli.report.tables import cells_of, shortened
from dnn_cli.report.terminal_canvas import ASCII, UNICODE, Canvas, Glyphs, start_of
from dnn_cli.report.ticks import linear_ticks, log_ticks, texts

LETTERS = "abcdefghijklmnopqrstuvwxyz"

DASH = 5
"""Dots of a dash, and of the gap behind it."""

DOT = 4
"""Every fourth dot of a dotted line is drawn, so that the line is fainter than a dashed one."""

LEAST_ROWS = 3
LEAST_COLUMNS = 8
OWN_ROW = 8
"""From this height on, what the horizontal axis counts stands in a row of its own."""

LARGEST = 1e300
"""What is beyond this is drawn like what is no number: not at all."""


@dataclass(frozen=True)
class Line:
    """A curve; where `y` is no number it has a gap. Lines of one name share a letter and a colour."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: Literal["solid", "dashed", "dotted"] = "solid"
    """Dotted lines are the bounds of a band, and have no letter."""

    def is_drawn(self, length: int, dash: int) -> bool:
        """Whether the dot at this length is drawn, for dashes of `dash` dots."""
        if self.style == "dotted":
            return length % DOT == 0
        return self.style == "solid" or length // dash % 2 == 0


@dataclass(frozen=True)
class Axis:
    """Numbers between two bounds, along so many dots."""

    low: float
    high: float
    dots: int
    log: bool = False
    whole: bool = False

    def at(self, value: float) -> int | None:
        """The dot at a number, counted from `low`; `None` for what is not on the axis."""
        if not self.low <= value <= self.high:
            return None
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        share = ((math.log(value) if self.log else value) - low) / (high - low)
        return round(share * (self.dots - 1))

    def ticks(self, most: int) -> list[float]:
        """Round numbers on it, about `most`."""
        return (
            log_ticks(self.low, self.high, most)
            if self.log
            else linear_ticks(self.low, self.high, most, whole=self.whole)
        )


def draw(
    lines: Sequence[Line],
    *,
    title: str,
    x_label: str,
    width: int,
    height: int,
    colour: bool,
    log_x: bool = False,
    log_y: bool = False,
    marked: float | None = None,
    unicode: bool = True,
    names: Sequence[str] | None = None,
    legend: bool = True,
) -> str:
    """Curves with axes and a legend, as text whose lines end with a line feed.

    Args:
        lines: What to draw. Several names have a letter each, which stands on their curves and in the legend.
        title: The line above.
        x_label: What is along the horizontal axis.
        width: Columns, 2 at least; no line is wider.
        height: Lines of all together; more only where the legend leaves less than 3 for the curves.
        colour: Whether control codes colour the lines.
        log_x: Whether the horizontal axis counts orders of magnitude; what is not above 0 is left out.
        log_y: The same of the vertical axis.
        marked: An x that a vertical rule shows.
        unicode: Whether curves and axes are braille and box drawing; else ASCII.
        names: All that have a letter, where this is one of several charts; else those of the lines.
        legend: Whether the names with their letters stand below.
    """
    glyphs = UNICODE if unicode else ASCII
    points = [list(kept(line, log_x=log_x, log_y=log_y)) for line in lines]
    names = names or list(dict.fromkeys(line.name for line in lines))
    key = legend_lines(names, width, colour) if legend and len(names) > 1 else []
    head = [shortened(title, width)] if title else []
    own_row = bool(x_label) and height >= OWN_ROW
    rows = max(LEAST_ROWS, height - len(head) - 2 - own_row - len(key))
    flat = [point for part in points for point in part if point is not None]
    if not flat:
        return "".join(f"{line}\n" for line in [*head, shortened("(no numbers to draw)", width)])
    y = axis([value for _, value in flat], rows * glyphs.down, log=log_y)
    y_ticks = y.ticks(max(3, rows // 2))
    places = {y.at(tick): text for tick, text in zip(y_ticks, texts(y_ticks, log=log_y), strict=True)}
    margin = max(map(len, places.values()), default=0)
    margin = margin if width - margin - 1 >= LEAST_COLUMNS else 0
    columns = max(1, width - margin - 1)
    marks = [] if marked is None or (log_x and marked <= 0) else [marked]
    x = axis([value for value, _ in flat] + marks, columns * glyphs.across, log=log_x, may_be_whole=True)
    canvas = Canvas(glyphs, columns, rows)
    paths = [draw_line(canvas, line, part, names, x, y) for line, part in zip(lines, points, strict=True)]
    rule = x.at(marks[0]) if marks else None
    if rule is not None:
        canvas.put_rule(rule // glyphs.across)
    if len(names) > 1 and glyphs.across > 1:
        put_letters(canvas, lines, paths, names)
    labels = {rows - 1 - at // glyphs.down: text for at, text in places.items() if at is not None}
    body = [
        f"{labels.get(row, '') if margin else '':>{margin}}"
        f"{glyphs.left_tick if row in labels else glyphs.vertical}{canvas.row(row, colour)}"
        for row in range(rows)
    ]
    below = foot(x, glyphs, margin, columns, "" if own_row else x_label, rule)
    if own_row:
        below.append(f"{' ' * (margin + 1)}{' ' * max(0, (columns - cells_of(x_label)) // 2)}{x_label}".rstrip())
    return "".join(f"{line}\n" for line in [*head, *body, *(shortened(line, width) for line in below), *key])


def kept(line: Line, *, log_x: bool, log_y: bool) -> Iterator[tuple[float, float] | None]:
    """The points of a line; `None` for those that cannot be drawn."""
    for x, y in zip(line.x, line.y, strict=True):
        drawn = abs(x) <= LARGEST and abs(y) <= LARGEST and (x > 0 or not log_x) and (y > 0 or not log_y)
        yield (x, y) if drawn else None


def axis(values: Sequence[float], dots: int, *, log: bool, may_be_whole: bool = False) -> Axis:
    """An axis that has all the values on it; where they are all one, it reaches a little further."""
    low, high = min(values), max(values)
    whole = may_be_whole and all(float(value).is_integer() for value in values)
    if log:
        low, high = (low, high) if high > low * (1 + 1e-9) else (low / 2, high * 2)
    elif high - low <= 1e-9 * max(abs(low), abs(high)):
        around = 0.5 if whole and abs(low) < 1e9 else abs(low) * 0.1 or 0.5
        low, high = low - around, high + around
    return Axis(low, high, dots, log, whole)


def draw_line(
    canvas: Canvas,
    line: Line,
    points: Sequence[tuple[float, float] | None],
    names: Sequence[str],
    x: Axis,
    y: Axis,
) -> dict[int, int]:
    """Draw a line; the row in which it is, by columns."""
    owner = names.index(line.name)
    sign = LETTERS[owner % len(LETTERS)] if len(names) > 1 else canvas.glyphs.point
    sign = "." if line.style == "dotted" else sign
    path: dict[int, int] = {}
    dash, length, before, alone = DASH if canvas.glyphs.across > 1 else 2, 0, None, False
    for point in [*points, None]:
        here = None if point is None else (x.at(point[0]), y.at(point[1]))
        if here is None or here[0] is None or here[1] is None:
            if alone and before is not None:
                canvas.sign(canvas.cell(*before), sign, owner)
            before, alone = None, False
            continue
        at = (here[0], here[1])
        if at == before:
            continue
        alone = before is None
        for place in between(before or at, at):
            if line.is_drawn(length, dash):
                canvas.dot(*place, owner, sign)
            length += 1
            column, row = canvas.cell(*place)
            path[column] = row
        before = at
    return path


def between(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The dots of a straight line, behind its start and to its end; a line of one dot is that dot."""
    across, up = end[0] - start[0], end[1] - start[1]
    steps = max(abs(across), abs(up))
    if steps == 0:
        yield end
    for step in range(1, steps + 1):
        yield start[0] + round(across * step / steps), start[1] + round(up * step / steps)


def put_letters(canvas: Canvas, lines: Sequence[Line], paths: Sequence[dict[int, int]], names: Sequence[str]) -> None:
    """Put the letters of the lines on them, here and there, where none stands yet."""
    apart = max(10, canvas.columns // 4)
    for number, (line, path) in enumerate(zip(lines, paths, strict=True)):
        if line.style == "dotted":
            continue
        owner = names.index(line.name)
        begin = (number + 1) * apart // (len(lines) + 1)
        free = [column for column in path if (column, path[column]) not in canvas.signs]
        wanted = range(begin, canvas.columns, apart)
        chosen = {min(free, key=lambda column: abs(column - place)) for place in wanted} if free else set()
        for column in chosen:
            canvas.sign((column, path[column]), LETTERS[owner % len(LETTERS)], owner)


def foot(x: Axis, glyphs: Glyphs, margin: int, columns: int, label: str, rule: int | None) -> list[str]:
    """The horizontal axis, and under it its numbers and what they count."""
    room = columns - cells_of(label) - 2
    row, marks = {}, {}
    for most in range(max(1, columns // 7), 0, -1):
        ticks = x.ticks(most)
        marks = {at // glyphs.across: text for tick, text in zip(ticks, texts(ticks, log=x.log), strict=True)
                 if (at := x.at(tick)) is not None}  # fmt: skip
        row = laid_out(marks, margin + 1 + columns, margin + 1)
        if row:
            break
    line = [glyphs.horizontal] * columns
    for column in marks if row else ():
        line[column] = glyphs.bottom_tick
    if rule is not None:
        line[rule // glyphs.across] = glyphs.mark
    text = ""
    for start, number in sorted(row.items()):
        text = f"{text:<{start}}{number}"
    end = margin + 1 + columns
    if label and room > 0 and len(text) + 2 + cells_of(label) <= end:
        text = f"{text:<{end - cells_of(label)}}{label}"
    return [" " * margin + glyphs.corner + "".join(line), text]


def laid_out(marks: dict[int, str], width: int, margin: int) -> dict[int, str]:
    """Where the numbers under an axis begin, so that each is under its mark; none where they have no room."""
    found: dict[int, str] = {}
    end = -1
    for column, text in sorted(marks.items()):
        start = min(max(margin + column - (len(text) - 1) // 2, 0), width - len(text))
        if start <= end:
            return {}
        found[start], end = text, start + len(text)
    return found


def legend_lines(names: Sequence[str], width: int, colour: bool) -> list[str]:
    """The names with their letters, in as many lines as they need."""
    lines, text, used = [], "", 0
    for owner, name in enumerate(names):
        entry = f"{LETTERS[owner % len(LETTERS)]} {name}"
        entry = shortened(entry, width)
        size = cells_of(entry)
        if used and used + 3 + size > width:
            lines.append(text)
            text, used = "", 0
        gap = "   " if used else ""
        text += gap + (f"{start_of(owner)}{entry}{start_of(-1)}" if colour else entry)
        used += len(gap) + size
    return [*lines, text]
