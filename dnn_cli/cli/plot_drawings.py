"""Charts of `dnn plot`: curves of trainings and axis plots, each as text, picture and JSON document."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from dnn_cli.cli.run_selection import check_is_network
from dnn_cli.report.text import format_count
from dnn_cli.runs.address_prefixes import GROUP_PREFIXES

if TYPE_CHECKING:
    from dnn_cli.report.chart_files import AltairChart
    from dnn_cli.report.curves import CurveChart, MeanCurve, Panel
    from dnn_cli.runs.run_info import RunInfo


@dataclass(frozen=True)
class Drawing:
    """Chart of `dnn plot` with the functions that draw it."""

    panel_titles: tuple[str, ...]
    legend: tuple[str, ...]
    notes: tuple[str, ...]
    draw_text: Callable[..., str]
    """Function that draws the chart as text, with the arguments of `draw_terminal_curves` after the chart."""

    build_picture: Callable[..., "AltairChart"]
    """Function that builds the picture, with the argument `log` of `build_altair_chart`."""

    build_document: Callable[[], dict[str, Any]]
    """Function that builds the JSON document."""


def build_curve_drawing(
    selected_runs: "Sequence[RunInfo]",
    metrics: Sequence[str],
    horizontal_axis: Literal["epoch", "seconds", "steps"],
    addresses: Sequence[str],
    by: Sequence[str],
    *,
    each_run: bool,
) -> Drawing:
    """Build the curves of runs. The scores of a baseline do not form a curve, so baselines are left out.

    Raises:
        UsageError: all runs are baselines, or the runs have no curve; see `build_curve_chart`.
    """
    from dnn_cli.report.chart_files import build_altair_chart
    from dnn_cli.report.curves import build_curve_chart
    from dnn_cli.report.terminal_curves import draw_terminal_curves

    runs = [run_info for run_info in selected_runs if not (run_info.record and run_info.record.is_baseline)]
    if not runs and selected_runs[0].record is not None:
        check_is_network(selected_runs[0].record)
    left_out = len(selected_runs) - len(runs)
    notes = [f"left out: {format_count(left_out, 'baseline')} (baselines have no epochs)"] if left_out else []
    if all(address.startswith(GROUP_PREFIXES) for address in addresses):
        # The addresses define no order, so the runs keep the order of training.
        runs = runs[::-1]
    chart = build_curve_chart(runs, metrics, horizontal_axis, separate_runs=each_run, by=by)
    return Drawing(
        tuple(panel.title for panel in chart.panels), chart.names, (*notes, *chart.notes),
        partial(draw_terminal_curves, chart), partial(build_altair_chart, chart),
        lambda: {**_build_curves_document(runs), **({"groups": _build_group_documents(chart)} if by else {})},
    )  # fmt: skip


def build_axis_drawing(
    runs: "Sequence[RunInfo]", keys: Sequence[str], metrics: Sequence[str], at: str, by: Sequence[str]
) -> Drawing:
    """Build the axis plots of runs.

    Raises:
        UsageError: the runs have no value of a key or no score; see `build_axis_chart`.
    """
    from dnn_cli.report.axis_panel import build_axis_panels
    from dnn_cli.report.axis_plot import build_axis_chart, build_axis_document
    from dnn_cli.report.series_pictures import build_series_picture
    from dnn_cli.report.terminal_series import draw_terminal_series

    axis_chart = build_axis_chart(runs, keys, metrics, at=at, by=by)
    chart = build_axis_panels(axis_chart)
    return Drawing(
        tuple(panel.title for panel in chart.panels), (*chart.names, *chart.list_axis_texts()), chart.notes,
        partial(draw_terminal_series, chart), partial(build_series_picture, chart),
        lambda: build_axis_document(axis_chart),
    )  # fmt: skip


def _build_group_documents(chart: "CurveChart") -> list[dict[str, Any]]:
    """Build a JSON document for each curve of a group of runs: their mean, lowest and highest score by epoch."""
    return [
        {
            "name": curve.name, "metric": f"{'val_' if _needs_validation_prefix(curve, panel) else ''}{panel.title}",
            "runs": curve.run_count, "x": curve.x, "mean": curve.y, "low": curve.low, "high": curve.high,
        }
        for panel in chart.panels
        for curve in panel.curves
    ]  # fmt: skip


def _needs_validation_prefix(curve: "MeanCurve", panel: "Panel") -> bool:
    """Return whether a curve shows validation scores although the title of its panel lacks `val_`.

    The JSON document of the curve then adds `val_` to the name of the metric.
    """
    return curve.split == "validation" and not panel.title.startswith("val_")


def _build_curves_document(runs: "Sequence[RunInfo]") -> dict[str, Any]:
    """Build the JSON document of all metrics of runs, epoch by epoch."""
    return {"runs": [
        {
            "id": run_info.record.id if run_info.record else None, "name": run_info.name,
            "status": run_info.record.status if run_info.record else None, "dir": os.fspath(run_info.run.directory),
            "metrics": {
                name: list(map(int, values) if name == "epoch" else values)
                for name in run_info.details.columns if (values := run_info.details.get_metric_values(name)) is not None
            },
        }
        for run_info in runs
    ]}  # fmt: skip
