"""Charts of series as pictures for papers: Altair charts with a mark for each point."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from dnn_cli.report.chart_files import (
    CHART_COLOURS,
    MARK_SHAPES,
    MAX_NAME_LENGTH,
    PANEL_HEIGHT,
    PANEL_WIDTH,
    arrange_picture,
    make_names_unique,
)
from dnn_cli.report.chart_math import compute_log_ticks
from dnn_cli.report.series_chart import SeriesChart, SeriesPanel
from dnn_cli.report.tables import shorten_text

if TYPE_CHECKING:
    import altair

    from dnn_cli.report.chart_files import AltairChart

_RING_SIZE = 160
"""Area of the ring around the best point, in square points."""

_MARKS_PER_LINE = 6
"""Approximate number of marks on a line of a panel without points."""

_MAX_TICKS = 6
"""Approximate number of ticks of a logarithmic horizontal axis."""

_RANGE_MARGIN = 0.04
"""Margin at both ends of an axis of numbers, as a share of its length."""


def build_series_picture(chart: SeriesChart, *, log: bool = False) -> "AltairChart":
    """Build a picture with all panels. Each series has a colour and a mark, and the best point has a ring.

    Runs without a score are crosses at the edge of the panel with the worst scores.

    Args:
        chart: The panels.
        log: Whether scores for which lower is better have a logarithmic axis.
    """
    names = make_names_unique([shorten_text(name, MAX_NAME_LENGTH) for name in chart.names])
    display_names = dict(zip(chart.names, names, strict=True))
    panels = [
        _build_altair_panel(panel, display_names, log=panel.y_log or (log and panel.lower_is_better))
        for panel in chart.panels
    ]
    only_name = [] if len(names) > 1 else names
    return arrange_picture(panels, names, [*only_name, *chart.captions])


def _build_altair_panel(panel: SeriesPanel, display_names: Mapping[str, str], *, log: bool) -> "altair.LayerChart":
    """Build one panel.

    `display_names` maps the names of series to their names in the legend. With `log`, the vertical axis is logarithmic.
    """
    import altair as alt

    names, several = list(display_names.values()), len(display_names) > 1
    legend = alt.Legend() if several else None
    colour = alt.Color("run:N", legend=legend, scale=alt.Scale(domain=names, range=list(CHART_COLOURS[: len(names)])))
    shape = alt.Shape("run:N", legend=legend, scale=alt.Scale(domain=names, range=list(MARK_SHAPES[: len(names)])))
    x = _build_x(panel)
    log = log and any(y > 0 for series in panel.series for _, y in series.iter_positions())
    y = _build_y(panel, log=log)
    layers: list[Any] = []
    if line_rows := _build_line_rows(panel, display_names, log=log):
        base = alt.Chart(alt.InlineData(values=line_rows))
        layers.append(base.mark_line(strokeWidth=1.5, opacity=0.8).encode(x=x, y=y, color=colour, detail="line:N"))
    if point_rows := _build_point_rows(panel, display_names, log=log):
        base = alt.Chart(alt.InlineData(values=point_rows))
        layers.append(base.mark_point(filled=True, size=36, opacity=0.75).encode(x=x, y=y, color=colour, shape=shape))
    if failure_rows := [
        {"run": display_names[series.name], "x": x_value} for series in panel.series for x_value in series.failures
    ]:
        base = alt.Chart(alt.InlineData(values=failure_rows))
        layers.append(
            base.mark_text(text="×", fontSize=14, clip=False)
            .encode(x=x, y=alt.value(0 if panel.lower_is_better else PANEL_HEIGHT), color=colour)
        )  # fmt: skip
    if panel.marked_x is not None:
        base = alt.Chart(alt.InlineData(values=[{"x": panel.marked_x}]))
        layers.append(base.mark_rule(color="black", strokeDash=[2, 3]).encode(x=x))
    if panel.best and (panel.best.y > 0 or not log):
        base = alt.Chart(alt.InlineData(values=[{"x": panel.best.x, "y": panel.best.y}]))
        layers.append(base.mark_point(filled=False, size=_RING_SIZE, color="black", strokeWidth=1.5).encode(x=x, y=y))
    return cast("altair.LayerChart", alt.layer(*layers).properties(width=PANEL_WIDTH, height=PANEL_HEIGHT))


def _build_x(panel: SeriesPanel) -> Any:
    """Build the horizontal encoding. Categories are numbers, so that the series of a category are side by side."""
    import altair as alt

    if not panel.categories:
        positions = [x for series in panel.series for x, _ in series.iter_positions()]
        positions += [x for series in panel.series for x in series.failures]
        low, high = min(positions), max(positions)
        domain = [low, high] if low < high else _widen_single_value(low, log=panel.x_log)
        # Altair would draw a line of the grid for each digit of each decade.
        axis = alt.Axis(values=compute_log_ticks(domain[0], domain[1], _MAX_TICKS)) if panel.x_log else alt.Axis(
            tickMinStep=1 if all(float(x).is_integer() for x in positions) else alt.Undefined
        )  # fmt: skip
        kind: Literal["log", "linear"] = "log" if panel.x_log else "linear"
        scale = alt.Scale(type=kind, nice=False, zero=False, padding=12, domain=domain)
        return alt.X("x:Q", title=panel.x_label, axis=axis, scale=scale)
    texts = [shorten_text(text, MAX_NAME_LENGTH) for text in panel.categories]
    axis = alt.Axis(
        values=list(range(len(texts))), labelExpr=f"{json.dumps(texts)}[datum.value]", grid=False,
        labelLimit=PANEL_WIDTH // 2, labelAngle=0 if sum(map(len, texts)) * 7 < PANEL_WIDTH else -30,
    )  # fmt: skip
    return alt.X(
        "x:Q", title=panel.x_label, axis=axis, scale=alt.Scale(domain=[-0.5, len(texts) - 0.5], nice=False, zero=False)
    )


def _build_y(panel: SeriesPanel, *, log: bool) -> Any:
    """Build the vertical encoding. Its axis contains all scores and `y_values`, with a margin for marks at the edge.

    On a logarithmic axis, scores of 0 or less are left out.
    """
    import altair as alt

    values = [y for series in panel.series for _, y in series.iter_positions()] + list(panel.y_values)
    values = [value for value in values if value > 0 or not log]
    low, high = min(values), max(values)
    if low == high:
        low, high = _widen_single_value(low, log=log)
    if log:
        axis = alt.Axis(values=compute_log_ticks(low, high, _MAX_TICKS))
        scale = alt.Scale(type="log", nice=False, padding=10, domain=[low, high])
        return alt.Y("y:Q", title=panel.title, axis=axis, scale=scale)
    margin = _RANGE_MARGIN * (high - low)
    has_bounds = low in panel.y_values and high in panel.y_values
    domain = [low, high] if has_bounds else [low - margin, high + margin]
    return alt.Y("y:Q", title=panel.title, scale=alt.Scale(zero=False, nice=False, domain=domain))


def _widen_single_value(value: float, *, log: bool) -> list[float]:
    """Return bounds around a single value, so that its axis has a length."""
    around = abs(value) / 10 or 0.5
    return [value / 2, value * 2] if log else [value - around, value + around]


def _build_point_rows(panel: SeriesPanel, display_names: Mapping[str, str], *, log: bool) -> list[dict[str, Any]]:
    """Return the data of the marks for Altair: the points or, in a panel without points, marks on the lines.

    Lines have marks at different places, because marks at the same place can hide each other.
    """
    rows = [
        {"run": display_names[series.name], "x": point.x, "y": point.y}
        for series in panel.series
        for point in series.points
        if point.y > 0 or not log
    ]
    return rows or [
        {"run": display_names[series.name], "x": x, "y": y}
        for number, series in enumerate(panel.series)
        for line in series.lines
        for x, y in line[number :: -(-len(line) // _MARKS_PER_LINE)]
        if y > 0 or not log
    ]


def _build_line_rows(panel: SeriesPanel, display_names: Mapping[str, str], *, log: bool) -> list[dict[str, Any]]:
    """Return the data of the lines for Altair, with a number for each line."""
    return [
        {"run": display_names[series.name], "line": f"{series_number}.{number}", "x": x, "y": y}
        for series_number, series in enumerate(panel.series)
        for number, line in enumerate(series.lines)
        for x, y in line
        if y > 0 or not log
    ]
