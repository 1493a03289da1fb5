"""Command `dnn plot`: curves of trainings, in the terminal or as pictures for papers."""

import os
import shutil
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.completers import complete_fields, complete_metrics, complete_runs
from dnn_cli.cli.console import (
    can_print_text,
    get_notes_console,
    get_output_console,
    has_limited_width,
    print_json,
    write_result,
)
from dnn_cli.cli.options import JsonOption, RunsDirOption, WhereOption, check_by_keys
from dnn_cli.cli.run_selection import build_no_runs_error, check_is_network, print_study_selections
from dnn_cli.config.identifiers import GROUP_PREFIXES
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.text import format_count, replace_control_chars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dnn_cli.report.curves import CurveChart, MeanCurve, Panel
    from dnn_cli.runs.query.selection import CachedStore
    from dnn_cli.runs.run_info import RunInfo

_PIPE_SIZE = (80, 18)
"""Width of the output in terminal characters, and height of a panel (the chart of one score) in lines.

The size applies if the output is not a terminal.
"""

MIN_PANEL_LINES, MAX_PANEL_LINES = 10, 20
"""Minimum and maximum height of a panel (the chart of one score) on a terminal, in lines."""


class _HorizontalAxis(str, Enum):
    """Value of `--x`: the quantity on the horizontal axis."""

    epoch = "epoch"
    seconds = "seconds"
    steps = "steps"


def plot(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            autocompletion=complete_runs,
            help="Runs by id, name, directory, @1, best:METRIC, sweep:ID or study:ID. Default: the latest run.",
        ),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the figure to a .svg, .png or .pdf file."),
    ] = None,
    query: WhereOption = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="METRIC",
            autocompletion=complete_metrics,
            help="Metric to draw, for example val_loss. Repeat for more. Default: loss and accuracy.",
        ),
    ] = None,
    horizontal_axis: Annotated[
        _HorizontalAxis, typer.Option("--x", metavar="AXIS", help="Horizontal axis: epoch, steps or seconds.")
    ] = _HorizontalAxis.epoch,
    log_scale: Annotated[bool, typer.Option("--log", help="Draw losses and errors on a logarithmic scale.")] = False,
    each_run: Annotated[
        bool, typer.Option("--runs", help="Draw a curve for each run instead of the mean over seeds.")
    ] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="KEY",
            autocompletion=complete_fields,
            help="Draw one mean curve, with a band, for each value of this key.",
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(metavar="N", min=10, max=1000, help="Width of the chart in columns."),
    ] = None,
    height: Annotated[
        int | None,
        typer.Option(metavar="N", min=5, max=200, help="Height of a panel in lines."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Draw loss and accuracy for each epoch."""
    from dnn_cli.report.curves import build_curve_chart
    from dnn_cli.runs.query.selection import CachedStore, select_runs

    if output and as_json:
        raise UsageError("--json and -o cannot be combined", "use one of them")
    check_by_keys(by or ())
    if by and each_run:
        raise UsageError("--by and --runs cannot be combined", "use --by for mean curves, or --runs for each run")
    for path in output or ():
        _check_picture_path(path, force=force)
    store = CachedStore(runs_dir)
    selected_runs = select_runs(
        store, addresses or ([] if query or by else [_find_latest_network(store)]), query, reported=True
    )
    if not selected_runs:
        raise build_no_runs_error(runs_dir, query, "dnn runs lists all runs")
    # The scores of a baseline do not form a curve.
    runs = [run_info for run_info in selected_runs if not (run_info.record and run_info.record.is_baseline)]
    if not runs and selected_runs[0].record is not None:
        check_is_network(selected_runs[0].record)
    if left_out := len(selected_runs) - len(runs):
        get_notes_console().print(f"left out: {format_count(left_out, 'baseline')} (baselines have no epochs)")
    if all(address.startswith(GROUP_PREFIXES) for address in addresses or ()):
        # The addresses define no order, so the runs keep the order of training.
        runs = runs[::-1]
    print_study_selections(addresses or [], query)
    chart = build_curve_chart(
        runs, metric or (), horizontal_axis.value, separate_runs=each_run or (as_json and not by), by=by or ()
    )
    if as_json:
        print_json({**_build_curves_document(runs), **({"groups": _build_group_documents(chart)} if by else {})})
        return
    for path in output or ():
        _write_picture(chart, path, log_scale=log_scale)
    if not output:
        _print_curves(chart, width, height, log_scale=log_scale)
    for note in chart.notes:
        get_notes_console().print(replace_control_chars(note))


def _find_latest_network(store: "CachedStore") -> str:
    """Return the id of the latest run of a network; `@1` if the store has only baselines or broken runs."""
    records = (run_info.record for run_info in store.list_runs())
    return next((record.id for record in records if record is not None and not record.is_baseline), "@1")


def _check_picture_path(path: Path, *, force: bool) -> None:
    """Check that a picture can be written to a path. With `force`, an existing file is accepted.

    The check precedes the reading of the runs, which takes time.

    Raises:
        UsageError: the suffix is not that of a picture, the path exists already, or its directory does not exist.
    """
    from dnn_cli.report.chart_files import CHART_SUFFIXES

    if path.is_dir():
        raise UsageError(f"{path} is a directory", f"choose a file, for example {path / 'curves.svg'}")
    if path.suffix[1:].lower() not in CHART_SUFFIXES:
        more = "; dnn report writes HTML" if path.suffix in (".html", ".htm") else ""
        suffixes_text = ", ".join(f".{suffix}" for suffix in CHART_SUFFIXES)
        raise UsageError(f"{path} does not end in {suffixes_text}", f"for example: {path.with_suffix('.svg')}{more}")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a file", "choose another path")
    if os.path.lexists(path) and not force:
        raise UsageError(f"{path} already exists", "use --force to replace it, or choose another path with -o")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} does not exist", "create the directory, or choose another path")


def _write_picture(chart: "CurveChart", path: Path, *, log_scale: bool) -> None:
    """Write the curves as a picture, and print its path.

    If a curve or panel has a name with characters that no font can draw, also print advice.

    Raises:
        UsageError: the file cannot be written.
    """
    from dnn_cli.report.chart_files import build_altair_chart, find_missing_glyphs, format_font_advice, write_chart

    try:
        write_chart(build_altair_chart(chart, log=log_scale), path)
    except RunError as error:
        raise UsageError(error.message, "choose another path") from None
    get_output_console().print(replace_control_chars(path), soft_wrap=True)
    legend = chart.names if len(chart.names) > 1 else ()
    for line in format_font_advice(find_missing_glyphs([*legend, *(panel.title for panel in chart.panels)])):
        get_notes_console().print(replace_control_chars(line), soft_wrap=True)


def _print_curves(chart: "CurveChart", width: int | None, height: int | None, *, log_scale: bool) -> None:
    """Print curves as text.

    Args:
        chart: The curves.
        width: The width in terminal characters; `None` selects the width of the terminal.
        height: The height of a panel (the chart of one score) in lines; `None` selects the height of the terminal.
        log_scale: Whether losses and errors have a logarithmic scale.
    """
    from dnn_cli.report.terminal_curves import MIN_TWO_PANEL_WIDTH, draw_terminal_curves

    out = get_output_console()
    columns, lines = _PIPE_SIZE
    if has_limited_width(out):
        columns = out.width
        rows = 1 if columns >= MIN_TWO_PANEL_WIDTH else len(chart.panels)
        lines = min(MAX_PANEL_LINES, max(MIN_PANEL_LINES, (shutil.get_terminal_size().lines - 3) // rows - 1))
    text = draw_terminal_curves(
        chart, width=width or columns, height=height or lines, log=log_scale,
        colour=out.is_terminal, unicode=can_print_text("⣿│┤"),
    )  # fmt: skip
    write_result(text)


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
