"""Command `dnn plot`: curves of trainings, or scores over a key, in the terminal or as pictures for papers."""

import shutil
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import complete_fields, complete_metrics, complete_points, complete_runs
from dnn_cli.cli.console import (
    can_print_text,
    get_notes_console,
    get_output_console,
    has_limited_width,
    print_json,
    write_result,
)
from dnn_cli.cli.options import JsonOption, RunsDirOption, WhereOption, check_by_keys
from dnn_cli.cli.picture_files import check_picture_path
from dnn_cli.cli.plot_drawings import Drawing, build_axis_drawing, build_curve_drawing
from dnn_cli.cli.run_selection import build_no_runs_error, print_omitted_tuning_runs, print_study_selections
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dnn_cli.runs.query.selection import CachedStore

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
            help="Runs by id, name, directory, @1, best:METRIC, sweep:ID or study:ID. "
            "Default: the latest run; all runs with --where, --by or --axis.",
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
            help="Metric to draw, for example val_loss. Repeat for more. "
            "Default: loss and accuracy; with --axis, the metric that most runs monitor.",
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
            help="Draw one mean curve with a band, or with --axis one series, for each value of this key.",
        ),
    ] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(
            "--axis",
            metavar="KEY",
            autocompletion=complete_fields,
            help="Draw the score of each run over this key, for example lr. Repeat for more keys.",
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="POINT",
            autocompletion=complete_points,
            help="With --axis, the score to draw, as in dnn compare --at. Default: final.",
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
    """Draw curves of epochs, or scores over a key."""
    from dnn_cli.runs.query.selection import CachedStore, select_runs

    if output and as_json:
        raise UsageError("--json and -o cannot be combined", "use one of them")
    check_by_keys(by or ())
    _check_axis_options(axis or (), at, horizontal_axis, each_run=each_run)
    if by and each_run:
        raise UsageError("--by and --runs cannot be combined", "use --by for mean curves, or --runs for each run")
    for path in output or ():
        check_picture_path(path, force=force)
    store = CachedStore(runs_dir)
    selected_runs = select_runs(
        store,
        addresses or ([] if query or by or axis else [_find_latest_network(store)]),
        query,
        # The axis plot of a study shows its trials.
        reported=not axis,
    )
    if not selected_runs:
        raise build_no_runs_error(runs_dir, query, "dnn runs lists all runs")
    if not axis:
        print_study_selections(addresses or [], query)
        if by and not addresses and not query:
            print_omitted_tuning_runs(store, selected_runs)
    drawing = (
        build_axis_drawing(selected_runs, axis, metric or (), at or "final", by or ())
        if axis
        else build_curve_drawing(
            selected_runs,
            metric or (),
            horizontal_axis.value,
            addresses or (),
            by or (),
            each_run=each_run or (as_json and not by),
        )
    )
    if as_json:
        print_json(drawing.build_document())
        return
    for path in output or ():
        _write_picture(drawing, path, log_scale=log_scale)
    if not output:
        _print_drawing(drawing, width, height, log_scale=log_scale)
    for note in drawing.notes:
        get_notes_console().print(replace_control_chars(note))


def _check_axis_options(
    keys: "Sequence[str]", at: str | None, horizontal_axis: _HorizontalAxis, *, each_run: bool
) -> None:
    """Check that the options of `dnn plot` can be combined with `--axis`, and that `--at` has an `--axis`.

    Raises:
        UsageError: options cannot be combined.
    """
    if not keys and at is not None:
        raise UsageError("--at needs --axis", "add --axis KEY, or omit --at")
    if keys and each_run:
        raise UsageError("--axis and --runs cannot be combined", "omit --runs, because --axis draws every run")
    if keys and horizontal_axis is not _HorizontalAxis.epoch:
        raise UsageError("--axis and --x cannot be combined", "omit --x, because the key is the horizontal axis")
    check_by_keys(keys, option="--axis")


def _find_latest_network(store: "CachedStore") -> str:
    """Return the id of the latest run of a network; `@1` if the store has only baselines or broken runs."""
    records = (run_info.record for run_info in store.list_runs())
    return next((record.id for record in records if record is not None and not record.is_baseline), "@1")


def _write_picture(drawing: Drawing, path: Path, *, log_scale: bool) -> None:
    """Write a chart as a picture, and print its path.

    If a text of the chart has characters that no font can draw, also print advice.

    Raises:
        UsageError: the file cannot be written.
    """
    from dnn_cli.report.chart_files import find_missing_glyphs, format_font_advice, write_chart

    try:
        write_chart(drawing.build_picture(log=log_scale), path)
    except RunError as error:
        raise UsageError(error.message, "choose another path") from None
    get_output_console().print(replace_control_chars(path), soft_wrap=True)
    legend = drawing.legend if len(drawing.legend) > 1 else ()
    for line in format_font_advice(find_missing_glyphs([*legend, *drawing.panel_titles])):
        get_notes_console().print(replace_control_chars(line), soft_wrap=True)


def _print_drawing(drawing: Drawing, width: int | None, height: int | None, *, log_scale: bool) -> None:
    """Print a chart as text.

    Args:
        drawing: The chart.
        width: The width in terminal characters; `None` selects the width of the terminal.
        height: The height of a panel (the chart of one score) in lines; `None` selects the height of the terminal.
        log_scale: Whether losses and errors have a logarithmic scale.
    """
    from dnn_cli.report.terminal_panels import MIN_TWO_PANEL_WIDTH

    out = get_output_console()
    columns, lines = _PIPE_SIZE
    if has_limited_width(out):
        columns = out.width
        rows = 1 if columns >= MIN_TWO_PANEL_WIDTH else len(drawing.panel_titles)
        lines = min(MAX_PANEL_LINES, max(MIN_PANEL_LINES, (shutil.get_terminal_size().lines - 3) // rows - 1))
    text = drawing.draw_text(
        width=width or columns, height=height or lines, log=log_scale, colour=out.is_terminal,
        unicode=can_print_text("⣿│┤"),
    )  # fmt: skip
    write_result(text)
