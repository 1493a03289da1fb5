"""The curves of runs in a terminal: a panel a score, beside each other where there is room."""

from collections.abc import Sequence
from textwrap import wrap

from rich.text import Text

from dnn_cli.report.curves import Curves, Panel
from dnn_cli.report.tables import shortened
from dnn_cli.report.terminal_canvas import ASCII, UNICODE
from dnn_cli.report.terminal_chart import Line, draw, legend_lines

BESIDE = 120
"""From this width on two panels stand beside each other."""

GAP = 3


def terminal_curves(curves: Curves, *, width: int, height: int, colour: bool, unicode: bool, log: bool = False) -> str:
    """All panels, and under them the names; every line ends with a line feed.

    Args:
        curves: What is drawn.
        width: Columns; no line is wider.
        height: Lines of a panel.
        colour: Whether control codes colour the lines.
        unicode: Whether more than ASCII can be printed.
        log: Whether the vertical axis of what should be small counts orders of magnitude.
    """
    abreast = 2 if width >= BESIDE and len(curves.panels) > 1 else 1
    room = (width - GAP * (abreast - 1)) // abreast
    drawn = [
        panel_text(panel, curves, width=room, height=height, colour=colour, unicode=unicode, log=log and panel.falls)
        for panel in curves.panels
    ]
    rows = [drawn[start : start + abreast] for start in range(0, len(drawn), abreast)]
    body = "\n".join("".join(f"{line}\n" for line in beside(row, room)) for row in rows)
    several = len(curves.names) > 1
    legend = legend_lines(curves.names, width, colour) if several else [shortened(curves.names[0], width)]
    legend += wrap(curves.caption("dotted"), width)
    return body + "".join(f"{line}\n" for line in legend)


def panel_text(panel: Panel, curves: Curves, *, width: int, height: int, colour: bool, unicode: bool, log: bool) -> str:
    """Return one score; training is dashed where validation is drawn, too, and the bounds of a band are dotted."""
    glyphs = UNICODE if unicode else ASCII
    lines = [
        Line(curve.name, curve.x, bound, "dotted")
        for curve in panel.curves
        if panel.is_shaded(curve)
        for bound in (curve.low, curve.high)
    ] + [
        Line(curve.name, curve.x, curve.y, "dashed" if panel.has_both and curve.part == "training" else "solid")
        for curve in panel.curves
    ]
    key = f"   {glyphs.solid} validation  {glyphs.dashed} training" if panel.has_both else ""
    return draw(
        lines, title=f"{panel.title}{key}", x_label=curves.along, width=width, height=height, colour=colour, log_y=log,
        unicode=unicode, names=curves.names, legend=False,
    )  # fmt: skip


def beside(panels: Sequence[str], width: int) -> list[str]:
    """Panels of a width each as lines of all of them."""
    columns = [panel.splitlines() for panel in panels]
    tallest = max(map(len, columns))
    lines = []
    for row in range(tallest):
        cells = [column[row] if row < len(column) else "" for column in columns]
        padded = [f"{cell}{' ' * (width - Text.from_ansi(cell).cell_len)}" for cell in cells[:-1]]
        lines.append((" " * GAP).join([*padded, cells[-1]]))
    return lines
