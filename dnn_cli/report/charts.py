"""Curves as pictures for papers: one Altair chart, written as SVG, PNG or PDF without a browser."""

from collections.abc import Iterable
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal, cast

from dnn_cli.report.curves import Curves, Panel, thinned
from dnn_cli.report.tables import shortened

if TYPE_CHECKING:
    import altair

SUFFIXES = ("svg", "png", "pdf")

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#000000", "#CC79A7", "#56B4E9", "#D55E00", "#888888")
"""Okabe and Ito's, less the yellow that is too pale on white; neighbours differ in lightness, too."""

SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
"""A mark each, as colours are grey in some prints."""

PPI = 300
"""Pixels an inch of a PNG, as journals ask for."""

WIDTH, HEIGHT = 320, 230
"""Of a panel in points."""

POINTS = 1000
"""So many points has a curve at most."""

MARKS = 6
"""So many marks has a curve, about."""

LONGEST = 60
"""So many letters has a name."""


def curves_chart(curves: Curves, *, log: bool = False) -> "altair.HConcatChart | altair.VConcatChart":
    """Return a panel for each score: a colour and a mark for each experiment, training dashed, ranges of runs shaded.

    Args:
        curves: What it shows.
        log: Whether the vertical axis of what should be small counts orders of magnitude.
    """
    import altair as alt

    names = unequal([shortened(name, LONGEST) for name in curves.names])
    called = dict(zip(curves.names, names, strict=True))
    panels = [panel_chart(panel, curves, called, log=log and panel.falls) for panel in curves.panels]
    rows = [alt.hconcat(*panels[start : start + 2]) for start in range(0, len(panels), 2)]
    chart = rows[0] if len(rows) == 1 else alt.vconcat(*rows)
    if caption := curves.caption("shaded"):
        lines = wrap(caption, 60 * min(2, len(panels)))
        chart = chart.properties(title=alt.Title(
            lines, orient="bottom", anchor="start", fontSize=11, fontWeight="normal", color="black", offset=12,
        ))  # fmt: skip
    return cast(
        "altair.HConcatChart | altair.VConcatChart",
        chart.configure(background="white", padding=8)
        .configure_view(stroke=None)
        .configure_axis(
            gridColor="#e4e4e4", domainColor="black", tickColor="black", labelFontSize=11, titleFontSize=12,
            titleFontWeight="normal", titlePadding=8, labelColor="black", titleColor="black",
        )
        .configure_legend(
            orient="bottom", title=None, labelFontSize=11, labelColor="black", labelLimit=0,
            columns=legend_columns(names), symbolStrokeWidth=1.5, symbolSize=60,
            symbolOpacity=1,
        )
    )  # fmt: skip


def panel_chart(panel: Panel, curves: Curves, called: dict[str, str], *, log: bool) -> "altair.LayerChart":
    """The curves of one score."""
    import altair as alt

    names, several = list(called.values()), len(called) > 1
    x = alt.X("x:Q", title=curves.along, axis=alt.Axis(tickMinStep=1) if curves.along != "seconds" else alt.Axis(),
              scale=alt.Scale(nice=False, zero=False))  # fmt: skip
    domain = widened(panel)
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False, domain=domain or alt.Undefined)
    legend = alt.Legend() if several else None
    colour = alt.Color("run:N", legend=legend, scale=alt.Scale(domain=names, range=list(COLOURS[: len(names)])))
    shape = alt.Shape("run:N", legend=legend, scale=alt.Scale(domain=names, range=list(SHAPES[: len(names)])))
    y = alt.Y("y:Q", title=panel.title, scale=scale)
    base = alt.Chart(alt.InlineData(values=rows_of(panel, called, log=log)))
    lines = base.mark_line(strokeWidth=1.5).encode(x=x, y=y, color=colour)
    if panel.has_both:
        dashes = alt.Scale(domain=["validation", "training"], range=[[1, 0], [4, 3]])
        key = alt.Legend(symbolType="stroke", symbolSize=300)
        lines = lines.encode(strokeDash=alt.StrokeDash("part:N", scale=dashes, legend=key))
    marks = (
        base.transform_filter("datum.marked")
        .mark_point(filled=True, size=36, opacity=1)
        .encode(x=x, y=y, color=colour, shape=shape)
    )
    layers: list[Any] = [lines, marks]
    if any(map(panel.is_shaded, panel.curves)):
        band = base.transform_filter("datum.shaded").mark_area(opacity=0.15)
        layers.insert(0, band.encode(x=x, y=alt.Y("low:Q", title=panel.title, scale=scale), y2="high:Q", color=colour))
    return cast("altair.LayerChart", alt.layer(*layers).properties(width=WIDTH, height=HEIGHT))


def widened(panel: Panel) -> list[float] | None:
    """Bounds around what is one number all along; `None` where the axis finds its own."""
    values = {value for curve in panel.curves for bound in (curve.low, curve.high) for value in bound}
    if len(values) > 1:
        return None
    value = values.pop()
    around = abs(value) / 10 or 0.5
    return [value - around, value + around]


def rows_of(panel: Panel, called: dict[str, str], *, log: bool) -> list[dict[str, Any]]:
    """Return a row for each point.

    Marks tell experiments apart. Both curves of an experiment have them at the same epochs, and the curves of different
    experiments at different ones, where they would hide each other. A single experiment has marks only where a curve is
    a point.
    """
    rows = []
    for curve in (thinned(curve, POINTS) for curve in panel.curves):
        apart, number = -(-len(curve.x) // MARKS), list(called).index(curve.name)
        with_marks = len(called) > 1 or len(curve.x) == 1
        for index, (x, *values) in enumerate(zip(curve.x, curve.y, curve.low, curve.high, strict=True)):
            y, low, high = (None if log and value <= 0 else value for value in values)
            rows.append({
                "run": called[curve.name], "part": curve.part, "x": x, "y": y, "low": low, "high": high,
                "marked": with_marks and index % apart == number % apart, "shaded": panel.is_shaded(curve),
            })  # fmt: skip
    return rows


def unequal(names: Iterable[str]) -> list[str]:
    """Names of which those that have become equal have a number."""
    found: list[str] = []
    for name in names:
        same = sum(other == name or other.startswith(f"{name} (") for other in found)
        found.append(f"{name} ({same + 1})" if name in found else name)
    return found


def legend_columns(names: Iterable[str]) -> int:
    """How many names have room beside each other under two panels."""
    longest = max(map(len, names))
    return max(1, min(4, int(2 * WIDTH / (30 + 6.5 * longest))))


def write_chart(chart: "altair.HConcatChart | altair.VConcatChart", path: Path) -> None:
    """Write a chart whole or not at all, in the format of its suffix.

    Raises:
        RunError: the file cannot be written.
    """
    from dnn_cli.runs.files import whole_file

    form = cast(Literal["svg", "png", "pdf"], path.suffix[1:].lower())
    with whole_file(path) as temporary:
        if form == "png":
            chart.save(str(temporary), format=form, ppi=PPI)
        else:
            chart.save(str(temporary), format=form)
