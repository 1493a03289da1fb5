"""Command `dnn plan`: the pairs of seeds and the minutes that find a difference, from the runs that exist."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.comparison_output import PARAGRAPH_INDENT
from dnn_cli.cli.console import get_output_console, print_json, print_rich_table
from dnn_cli.cli.executor_options import GpusOption, JobsOption
from dnn_cli.cli.options import JsonOption, RunsDirOption
from dnn_cli.cli.settle_options import DEFAULT_MOST, FirstArgument, MostOption, PairMetricOption, SecondArgument
from dnn_cli.errors import UsageError
from dnn_cli.report.text import replace_control_chars
from dnn_cli.runs.runs_directory import build_runs_dir_option
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.compare.pair_planning import PairForecast, SpreadEstimate
    from dnn_cli.execution.settle_execution import SettleExecution


def plan(
    first: FirstArgument,
    second: SecondArgument,
    difference: Annotated[
        float,
        typer.Option(
            "--difference",
            min=0.0,
            metavar="D",
            help="Difference to find, in units of the metric: 0.005 is half a point of accuracy.",
        ),
    ],
    most: MostOption = DEFAULT_MOST,
    metric: PairMetricOption = None,
    jobs: JobsOption = None,
    gpus: GpusOption = None,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Estimate the pairs of seeds and minutes that find a difference.

    The estimate comes from the runs that exist. Nothing is trained.
    """
    from dnn_cli.compare.pair_planning import estimate_spread, forecast_pairs
    from dnn_cli.execution.executor_choice import ExecutorOptions, count_workers
    from dnn_cli.execution.settle_execution import SettleExecution
    from dnn_cli.execution.settle_sides import check_margin, choose_metric, resolve_sides
    from dnn_cli.runs.query.selection import CachedStore

    check_margin(difference)
    store = CachedStore(runs_dir)
    sides = resolve_sides([first, second], store, allow_code=None)
    name = choose_metric(sides, metric)
    execution = SettleExecution(sides, store, name, margin=difference, max_pairs=most)
    spread = estimate_spread(execution.scores, execution.test.finite_differences)
    if spread is None:
        pairs = len(execution.test.finite_differences)
        command = ["dnn", "settle", first, second, "--most", "3", *build_runs_dir_option(runs_dir)]
        raise UsageError(
            f"an estimate needs 3 pairs of equal seeds, and {first} and {second} have {pairs}",
            f"train three pairs: {shlex.join(command)}",
        )
    forecasts = [
        forecast_pairs(value, difference, most) for value in (spread.interval[0], spread.value, spread.interval[1])
    ]
    options = ExecutorOptions(jobs=jobs, gpus=gpus)
    workers = count_workers(options, [side.experiment for side in sides], 2 * most)
    if as_json:
        print_json(_build_plan_document(execution, spread, forecasts, workers))
    else:
        _print_plan(execution, spread, forecasts, workers)


def _print_plan(
    execution: "SettleExecution", spread: "SpreadEstimate", forecasts: "list[PairForecast]", workers: int
) -> None:
    """Print the spread of the differences, and a table with the pairs and the time for each end of its interval."""
    from dnn_cli.report.pair_plan_text import build_plan_cells, format_spread_line, list_plan_notes

    out, metric, difference = get_output_console(), execution.metric, execution.margin or 0.0
    first, second = execution.sides
    pairs = len(execution.record.pairs)
    out.print(replace_control_chars(f"{metric} of {first.label} and {second.label}"))
    print_line(out, format_spread_line(spread, metric), PARAGRAPH_INDENT)
    out.print()
    cells = build_plan_cells(forecasts, metric, difference, lambda count: _compute_seconds(execution, count, workers))
    print_rich_table(out, cells.build_fitting_table(out.width))
    out.print()
    for line in list_plan_notes(metric, difference, execution.max_pairs, pairs, workers):
        print_line(out, line, PARAGRAPH_INDENT)
    words = [first.argument, second.argument, "--difference", f"{difference:g}"]
    words += ["--most", str(execution.max_pairs)] if execution.max_pairs != DEFAULT_MOST else []
    words += [] if all(side.experiment.monitor == metric for side in execution.sides) else ["--metric", metric]
    command = ["dnn", "settle", *words, *build_runs_dir_option(execution.store.root)]
    print_line(out, replace_control_chars(f"  next  {shlex.join(command)}"))


def _compute_seconds(execution: "SettleExecution", pairs: float, workers: int) -> float | None:
    """Return the time in which some workers train the missing runs of pairs, in seconds; `None` if it is unknown."""
    seconds = [scores.seconds for scores in execution.scores]
    if seconds[0] is None or seconds[1] is None:
        return None
    return max(0.0, pairs - len(execution.record.pairs)) * (seconds[0] + seconds[1]) / workers


def _build_plan_document(
    execution: "SettleExecution", spread: "SpreadEstimate", forecasts: "list[PairForecast]", workers: int
) -> dict[str, Any]:
    """Build the JSON document of a plan. The forecasts are those of the low end, the estimate and the high end."""

    def build_forecast(forecast: "PairForecast") -> dict[str, Any]:
        counts = {
            "fixed": forecast.fixed_pairs,
            "if_different": forecast.if_different.mean_pairs,
            "if_equal": forecast.if_equal.mean_pairs,
        }
        seconds = {
            key: None if pairs is None else _compute_seconds(execution, pairs, workers) for key, pairs in counts.items()
        }
        return {**asdict(forecast), "seconds": seconds}

    return {
        "a": execution.sides[0].label,
        "b": execution.sides[1].label,
        "metric": execution.metric,
        "difference": execution.margin,
        "most": execution.max_pairs,
        "pairs": len(execution.record.pairs),
        "workers": workers,
        "spread": asdict(spread),
        "forecasts": [build_forecast(forecast) for forecast in forecasts],
    }
