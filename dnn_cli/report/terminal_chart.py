"""Charts of curves in a terminal of any size.

Curves consist of braille dots, or of letters on a terminal without Unicode.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from dnn_cli.report.chart_math import Axis
from dnn_cli.report.tables import compute_text_width, shorten_text
from dnn_cli.report.terminal_axes import DotAxis, build_chart_axis, format_x_axis
from dnn_cli.report.terminal_canvas import ASCII_GLYPHS, UNICODE_GLYPHS, Canvas, format_colour_code

_CURVE_LETTERS = "abcdefghijklmnopqrstuvwxyz"

_DASH_DOTS = 5
"""Number of dots in a dash, and in the gap after a dash."""

_DOTTED_SPACING = 4
"""Distance between the dots of a dotted line, in dots.

With every fourth dot, a dotted line is fainter than a dashed line.
"""

_MIN_CHART_ROWS = 3
_MIN_CHART_COLUMNS = 8
_MIN_HEIGHT_FOR_LABEL_ROW = 8
"""Smallest height of a chart, in rows, at which the label of the horizontal axis has its own row."""

_MAX_DRAWN_VALUE = 1e300
"""Largest absolute value that is drawn; a larger value leaves a gap in its curve, like NaN."""


@dataclass(frozen=True)
class ChartLine:
    """A curve of a chart.

    NaN in `y` leaves a gap. Lines with the same name share a letter and a colour.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: Literal["solid", "dashed", "dotted", "points"] = "solid"
    """Style of the line. Dotted lines have no letter. With `points`, each point is a letter, and no line joins them."""

    def is_drawn(self, length: int, dash: int) -> bool:
        """Return whether a dot of the line is drawn; other dots are gaps of a dashed or dotted line.

        Args:
            length: The number of dots before this dot along the line.
            dash: The number of dots in a dash, and in the gap after a dash.
        """
        if self.style == "dotted":
            return length % _DOTTED_SPACING == 0
        return self.style == "solid" or length // dash % 2 == 0


def draw_chart(
    lines: Sequence[ChartLine],
    *,
    title: str,
    x_label: str,
    width: int,
    height: int,
    colour: bool,
    log_x: bool = False,
    log_y: bool = False,
    marked_x: float | None = None,
    marked_y: float | None = None,
    failures: Sequence[tuple[str, float]] = (),
    failures_on_top: bool = False,
    x_axis: Axis | None = None,
    y_values: Sequence[float] = (),
    unicode: bool = True,
    names: Sequence[str] | None = None,
    legend: bool = True,
) -> str:
    """Return curves with axes and a legend, as text whose lines end with a line feed.

    Args:
        lines: The curves. If there are several names, each name has a letter, which occurs on its curves and in the
            legend.
        title: The line above the curves.
        x_label: The label of the horizontal axis.
        width: The largest width of a line in terminal characters, at least 2.
        height: The number of lines of the whole chart. The chart has more lines if fewer
            than 3 lines would remain for the curves.
        colour: Whether control codes colour the lines.
        log_x: Whether the horizontal axis is logarithmic; points with an x of 0 or less are left out.
        log_y: Whether the vertical axis is logarithmic; points with a y of 0 or less are left out.
        marked_x: The x at which a vertical line is drawn.
        marked_y: The y at which a horizontal line is drawn.
        failures: The name and the x of each point without a y. These points have a row of their own.
        failures_on_top: Whether the row of `failures` is the first row; otherwise it is the last.
        x_axis: The horizontal axis; `None` chooses an axis that contains all points.
        y_values: Numbers that the vertical axis must contain.
        unicode: Whether curves and axes are braille and box drawing characters; otherwise ASCII.
        names: The names that get letters a, b and so on; by default, the names of `lines`. If two charts share
            a legend, pass the same names to both.
        legend: Whether the names with their letters are listed below.
    """
    glyphs = UNICODE_GLYPHS if unicode else ASCII_GLYPHS
    points = [list(_iter_drawable_points(line, log_x=log_x, log_y=log_y)) for line in lines]
    names = names or list(dict.fromkeys(line.name for line in lines))
    legend_rows = format_legend_lines(names, width, colour) if legend and len(names) > 1 else []
    head = [shorten_text(title, width)] if title else []
    own_row = bool(x_label) and height >= _MIN_HEIGHT_FOR_LABEL_ROW
    failure_rows = 1 if failures else 0
    rows = max(_MIN_CHART_ROWS, height - len(head) - 2 - own_row - len(legend_rows) - failure_rows)
    drawable = [point for part in points for point in part if point is not None]
    if not drawable:
        return "".join(f"{line}\n" for line in [*head, shorten_text("(no numbers to draw)", width)])
    first_dot = failure_rows * glyphs.dots_down if not failures_on_top else 0
    y = build_chart_axis(
        [*(value for _, value in drawable), *y_values], rows * glyphs.dots_down, log=log_y, start=first_dot
    )
    tick_texts = {y.find_dot(tick): text for tick, text in y.axis.compute_ticks(max(3, rows // 2))}
    margin = max(map(len, tick_texts.values()), default=0)
    margin = margin if width - margin - 1 >= _MIN_CHART_COLUMNS else 0
    columns = max(1, width - margin - 1)
    marks = [] if marked_x is None or (log_x and marked_x <= 0) else [marked_x]
    failed_x = [value for _, value in failures if value > 0 or not log_x]
    x = DotAxis(x_axis, columns * glyphs.dots_across) if x_axis else build_chart_axis(
        [*(value for value, _ in drawable), *marks, *failed_x], columns * glyphs.dots_across, log=log_x,
        may_be_whole=True,
    )  # fmt: skip
    canvas = Canvas(glyphs, columns, rows + failure_rows)
    paths = [_draw_line(canvas, line, part, names, x, y) for line, part in zip(lines, points, strict=True)]
    rule = x.find_dot(marks[0]) if marks else None
    if rule is not None:
        canvas.put_rule(rule // glyphs.dots_across)
    if marked_y is not None and (level := y.find_dot(marked_y)) is not None:
        canvas.put_level(canvas.find_cell(0, level)[1])
    if len(names) > 1 and glyphs.dots_across > 1:
        _put_letters(canvas, lines, paths, names)
    labels = {canvas.find_cell(0, at)[1]: text for at, text in tick_texts.items() if at is not None}
    if failures:
        failure_row = 0 if failures_on_top else rows
        labels[failure_row] = glyphs.failure
        _put_failures(canvas, failures, failure_row, names, x)
    body = [
        f"{labels.get(row, '') if margin else '':>{margin}}"
        f"{glyphs.left_tick if row in labels else glyphs.vertical}{canvas.format_row(row, colour)}"
        for row in range(canvas.rows)
    ]
    below = format_x_axis(x, glyphs, margin, columns, "" if own_row else x_label, rule)
    if own_row:
        below.append(
            f"{' ' * (margin + 1)}{' ' * max(0, (columns - compute_text_width(x_label)) // 2)}{x_label}".rstrip()
        )
    return "".join(f"{line}\n" for line in [*head, *body, *(shorten_text(line, width) for line in below), *legend_rows])


def _put_failures(
    canvas: Canvas, failures: Sequence[tuple[str, float]], row: int, names: Sequence[str], x: DotAxis
) -> None:
    """Put a letter for each point without a y into a row of the canvas. Without letters, a cross is the sign."""
    for name, value in failures:
        owner = names.index(name)
        sign = _CURVE_LETTERS[owner % len(_CURVE_LETTERS)] if len(names) > 1 else canvas.glyphs.failure
        if (dot := x.find_dot(value)) is not None:
            canvas.put_point((canvas.find_cell(dot, 0)[0], row), sign, owner)


def _iter_drawable_points(line: ChartLine, *, log_x: bool, log_y: bool) -> Iterator[tuple[float, float] | None]:
    """Yield the points of a line; `None` for a point that cannot be drawn, such as NaN or 0 on a logarithmic axis."""
    for x, y in zip(line.x, line.y, strict=True):
        is_drawable = (
            abs(x) <= _MAX_DRAWN_VALUE and abs(y) <= _MAX_DRAWN_VALUE and (x > 0 or not log_x) and (y > 0 or not log_y)
        )
        yield (x, y) if is_drawable else None


def _draw_line(
    canvas: Canvas,
    line: ChartLine,
    points: Sequence[tuple[float, float] | None],
    names: Sequence[str],
    x: DotAxis,
    y: DotAxis,
) -> dict[int, int]:
    """Draw a line on a canvas, and return the row of the line in each column that it crosses.

    Args:
        canvas: The canvas.
        line: The line, with its name and style.
        points: The points of the line; `None` for a gap.
        names: The names of all lines. The index of the line's name determines its colour and its letter.
        x: The horizontal axis.
        y: The vertical axis.
    """
    owner = names.index(line.name)
    sign = _CURVE_LETTERS[owner % len(_CURVE_LETTERS)] if len(names) > 1 else canvas.glyphs.point
    sign = "." if line.style == "dotted" else sign
    path: dict[int, int] = {}
    if line.style == "points":
        for point in points:
            at = None if point is None else (x.find_dot(point[0]), y.find_dot(point[1]))
            if at is not None and at[0] is not None and at[1] is not None:
                canvas.put_point(canvas.find_cell(at[0], at[1]), sign, owner)
        return path
    dash, length, before, alone = _DASH_DOTS if canvas.glyphs.dots_across > 1 else 2, 0, None, False
    for point in [*points, None]:
        dots = None if point is None else (x.find_dot(point[0]), y.find_dot(point[1]))
        if dots is None or dots[0] is None or dots[1] is None:
            if alone and before is not None:
                canvas.put_sign(canvas.find_cell(*before), sign, owner)
            before, alone = None, False
            continue
        dot_now = (dots[0], dots[1])
        if dot_now == before:
            continue
        alone = before is None
        for dot in _iter_dots_between(before or dot_now, dot_now):
            if line.is_drawn(length, dash):
                canvas.put_dot(*dot, owner, sign)
            length += 1
            column, row = canvas.find_cell(*dot)
            path[column] = row
        before = dot_now
    return path


def _iter_dots_between(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the dots of a straight line from `start` to `end`, without `start`.

    A line from a dot to itself yields this dot.
    """
    across, up = end[0] - start[0], end[1] - start[1]
    steps = max(abs(across), abs(up))
    if steps == 0:
        yield end
    for step in range(1, steps + 1):
        yield start[0] + round(across * step / steps), start[1] + round(up * step / steps)


def _put_letters(
    canvas: Canvas, lines: Sequence[ChartLine], paths: Sequence[dict[int, int]], names: Sequence[str]
) -> None:
    """Put the letters of the lines at regular distances along the lines, in cells without a letter.

    Args:
        canvas: The canvas on which the lines are drawn.
        lines: The lines; dotted lines have no letters, and a name with points has letters already.
        paths: The row of each line in each column that the line crosses.
        names: The names of all lines. The index of a line's name determines its letter.
    """
    apart = max(10, canvas.columns // 4)
    named_by_points = {line.name for line in lines if line.style == "points"}
    for number, (line, path) in enumerate(zip(lines, paths, strict=True)):
        if line.style == "dotted" or line.name in named_by_points:
            continue
        owner = names.index(line.name)
        begin = (number + 1) * apart // (len(lines) + 1)
        free = [column for column in path if (column, path[column]) not in canvas.signs]
        target_columns = range(begin, canvas.columns, apart)
        letter_columns = (
            {min(free, key=lambda column: abs(column - target)) for target in target_columns} if free else set()
        )
        for column in letter_columns:
            canvas.put_sign((column, path[column]), _CURVE_LETTERS[owner % len(_CURVE_LETTERS)], owner)


def format_legend_lines(names: Sequence[str], width: int, colour: bool) -> list[str]:
    """Return the names with their letters, in as many lines of at most `width` terminal characters as they need."""
    lines, text, used = [], "", 0
    for owner, name in enumerate(names):
        legend_item = f"{_CURVE_LETTERS[owner % len(_CURVE_LETTERS)]} {name}"
        legend_item = shorten_text(legend_item, width)
        size = compute_text_width(legend_item)
        if used and used + 3 + size > width:
            lines.append(text)
            text, used = "", 0
        gap = "   " if used else ""
        text += gap + (f"{format_colour_code(owner)}{legend_item}{format_colour_code(-1)}" if colour else legend_item)
        used += len(gap) + size
    return [*lines, text]
