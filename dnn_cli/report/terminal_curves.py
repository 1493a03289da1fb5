"""Curves of runs in a terminal: a panel (chart) for each score.

If the width suffices, two panels are side by side.
"""

from textwrap import wrap

from dnn_cli.report.curves import CurveChart, Panel
from dnn_cli.report.tables import shorten_text
from dnn_cli.report.terminal_canvas import ASCII_GLYPHS, UNICODE_GLYPHS
from dnn_cli.report.terminal_chart import ChartLine, draw_chart, format_legend_lines
from dnn_cli.report.terminal_panels import arrange_panels, compute_panel_width


def draw_terminal_curves(
    curves: CurveChart, *, width: int, height: int, colour: bool, unicode: bool, log: bool = False
) -> str:
    """Return all panels, and below them the names of the experiments. Every line ends with a line feed.

    Args:
        curves: The panels of curves, and the names of the experiments.
        width: The largest width of a line in terminal characters.
        height: The number of lines of a panel.
        colour: Whether control codes colour the lines.
        unicode: Whether the terminal can print more than ASCII.
        log: Whether scores for which lower is better have a logarithmic axis.
    """
    room = compute_panel_width(width, len(curves.panels))
    drawn = [
        _draw_panel(
            panel, curves, width=room, height=height, colour=colour, unicode=unicode, log=log and panel.lower_is_better
        )
        for panel in curves.panels
    ]
    several = len(curves.names) > 1
    legend = format_legend_lines(curves.names, width, colour) if several else [shorten_text(curves.names[0], width)]
    legend += wrap(curves.format_caption("dotted"), width)
    return arrange_panels(drawn, width) + "".join(f"{line}\n" for line in legend)


def _draw_panel(
    panel: Panel, curves: CurveChart, *, width: int, height: int, colour: bool, unicode: bool, log: bool
) -> str:
    """Return the panel (the chart) of one score.

    If the panel also shows validation, the curves of training are dashed. The bounds of a band are dotted.
    """
    glyphs = UNICODE_GLYPHS if unicode else ASCII_GLYPHS
    lines = [
        ChartLine(curve.name, curve.x, bound, "dotted")
        for curve in panel.curves
        if panel.has_band(curve)
        for bound in (curve.low, curve.high)
    ] + [
        ChartLine(
            curve.name, curve.x, curve.y, "dashed" if panel.has_both_splits and curve.split == "training" else "solid"
        )
        for curve in panel.curves
    ]
    key = f"   {glyphs.solid} validation  {glyphs.dashed} training" if panel.has_both_splits else ""
    return draw_chart(
        lines, title=f"{panel.title}{key}", x_label=curves.x_axis, width=width, height=height, colour=colour, log_y=log,
        unicode=unicode, names=curves.names, legend=False,
    )  # fmt: skip
