"""Charts of series in a terminal: a letter for each point, and braille lines."""

from textwrap import wrap
from typing import Literal

from dnn_cli.report.chart_math import Axis
from dnn_cli.report.series_chart import SeriesChart, SeriesPanel
from dnn_cli.report.tables import shorten_text
from dnn_cli.report.terminal_canvas import ASCII_GLYPHS, SHARED_SIGN, UNICODE_GLYPHS
from dnn_cli.report.terminal_chart import ChartLine, draw_chart, format_legend_lines
from dnn_cli.report.terminal_panels import arrange_panels, compute_panel_width


def draw_terminal_series(
    chart: SeriesChart, *, width: int, height: int, colour: bool, unicode: bool, log: bool = False
) -> str:
    """Return all panels, and below them the names of the series and the captions. Every line ends with a line feed.

    Args:
        chart: The panels.
        width: The largest width of a line in terminal characters.
        height: The number of lines of a panel.
        colour: Whether control codes colour the points and lines.
        unicode: Whether the terminal can print more than ASCII.
        log: Whether scores for which lower is better have a logarithmic axis.
    """
    room = compute_panel_width(width, len(chart.panels))
    drawn = [
        _draw_panel(
            panel,
            chart,
            width=room,
            height=height,
            colour=colour,
            unicode=unicode,
            log=panel.y_log or (log and panel.lower_is_better),
        )
        for panel in chart.panels
    ]
    several = len(chart.names) > 1
    legend = format_legend_lines(chart.names, width, colour) if several else [shorten_text(chart.names[0], width)]
    captions = [
        *chart.captions,
        *([f"{SHARED_SIGN}: several series"] if any(SHARED_SIGN in text for text in drawn) else []),
    ]
    lines = [line for caption in captions for line in wrap(caption, width)]
    if not unicode:
        lines = [line.replace(UNICODE_GLYPHS.failure, ASCII_GLYPHS.failure) for line in lines]
    return arrange_panels(drawn, width) + "".join(f"{line}\n" for line in [*legend, *lines])


def _draw_panel(
    panel: SeriesPanel, chart: SeriesChart, *, width: int, height: int, colour: bool, unicode: bool, log: bool
) -> str:
    """Return a panel. A row at the edge with the worst scores has the runs without a score."""
    # In ASCII, a solid line of letters would hide the points, which are letters too.
    has_points = any(series.points for series in panel.series)
    style: Literal["solid", "dotted"] = "solid" if unicode or not has_points else "dotted"
    lines = [
        ChartLine(series.name, [x for x, _ in line], [y for _, y in line], style)
        for series in panel.series
        for line in series.lines
    ] + [
        ChartLine(series.name, [point.x for point in series.points], [point.y for point in series.points], "points")
        for series in panel.series
        if series.points
    ]
    categories = panel.categories
    return draw_chart(
        lines, title=panel.title, x_label=panel.x_label, width=width, height=height, colour=colour,
        log_x=panel.x_log, log_y=log, unicode=unicode, names=chart.names, legend=False,
        marked_x=panel.marked_x, marked_y=panel.best.y if panel.best else None,
        failures=[(series.name, x) for series in panel.series for x in series.failures],
        failures_on_top=panel.lower_is_better,
        x_axis=Axis(-0.5, len(categories) - 0.5, categories=categories) if categories else None,
        y_values=panel.y_values,
    )  # fmt: skip
