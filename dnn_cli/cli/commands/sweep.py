"""Command `dnn sweep`: many experiments from one config, trained in parallel, each into its own run directory."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.completers import build_fixed_completer, complete_configs
from dnn_cli.cli.console import get_output_console, print_json, print_rich_table
from dnn_cli.cli.executor_options import (
    ExecutorOption,
    FoldsOption,
    GpusOption,
    JobsOption,
    LanesOption,
    MinutesOption,
    RepeatsOption,
    ZipOption,
)
from dnn_cli.cli.options import (
    AllowCodeOption,
    JsonOption,
    RunsDirOption,
    TensorboardOption,
    split_configs_and_overrides,
)
from dnn_cli.errors import UsageError
from dnn_cli.execution.signals import handle_stop_signals
from dnn_cli.report.text import replace_control_chars
from dnn_cli.runs.runs_directory import build_runs_dir_option
from dnn_cli.terminal.console_builder import print_line
from dnn_cli.terminal.sweep_training import train_sweep_runs

if TYPE_CHECKING:
    from dnn_cli.execution.executor_choice import ExecutorOptions
    from dnn_cli.execution.sweep_execution import SweepExecution, SweepRun


def sweep(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG|SWEEP|KEY=VALUES",
            autocompletion=complete_configs,
            help="A config or sweep file, then the values of keys: optimizer=sgd,adam seed=1..5 'x=log(1e-4,1e-1)'.",
        ),
    ],
    zips: ZipOption = None,
    search: Annotated[
        str | None,
        typer.Option(
            "--search",
            metavar="KIND",
            autocompletion=build_fixed_completer("grid", "random", "bayesian"),
            help="Kind of search: grid, random or bayesian.",
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            min=1,
            max=10_000,
            metavar="N",
            help="Number of settings that a random or bayesian search tries.",
        ),
    ] = None,
    minutes: MinutesOption = None,
    search_seed: Annotated[
        int | None,
        typer.Option("--search-seed", min=0, metavar="N", help="Seed of the search. Default: 0."),
    ] = None,
    folds: FoldsOption = None,
    repeats: RepeatsOption = None,
    jobs: JobsOption = None,
    on: ExecutorOption = "local",
    gpus: GpusOption = None,
    lanes: LanesOption = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs and their estimated time; train nothing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Also train runs that exist already.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop all runs when a run fails.")] = False,
    tensorboard: TensorboardOption = False,
    allow_code: AllowCodeOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Train variants of a config in parallel; skip existing runs.

    The runs use all cores of this machine, or a cluster.
    """
    files, words = split_configs_and_overrides(
        arguments, example="dnn sweep configs/relu_adam.yaml optimizer=sgd,adam seed=1..3"
    )
    if len(files) != 1:
        raise UsageError(f"sweep accepts one config, not {len(files)}", "use dnn train for several configs")
    if tensorboard:
        from dnn_cli.integrations.tensorboard import check_tensorboard_installed

        check_tensorboard_installed()

    from dnn_cli.terminal.progress import open_screen

    with open_screen() as screen, handle_stop_signals(screen.restore_terminal) as stop_request:
        with screen.show_waiting(f"reading {files[0]}"):
            from dnn_cli.config.sweep_reader import SweepOptions, read_sweep
            from dnn_cli.execution.executor_choice import ExecutorOptions, count_workers, is_gpu_used, open_executor
            from dnn_cli.execution.sweep_execution import SweepExecution
            from dnn_cli.execution.sweep_plan import plan_extreme_runs
            from dnn_cli.runs.store import Store

            options = ExecutorOptions(on, jobs, gpus, lanes)
            sweep_options = SweepOptions(
                search, trials, minutes, search_seed, folds, repeats, tuple(zips or ()), allow_code=allow_code
            )
            described_sweep = read_sweep(files[0], words, sweep_options)
            execution = SweepExecution.from_sweep(
                described_sweep, Store(runs_dir), force=force, tensorboard=tensorboard
            )
            # A bayesian search plans its runs later.
            planned_runs = execution.planned_runs or plan_extreme_runs(execution.sweep)
            experiments = [planned_run.loaded.experiment for planned_run in planned_runs]
            workers = count_workers(options, experiments, execution.remaining_count)
            uses_gpu = is_gpu_used(options, experiments)
            lane_plan = execution.plan_lanes(options.usable_lanes, gpu=uses_gpu, workers=workers)
            if not dry_run:
                execution.store.check_writable()
                strategy = execution.build_search_strategy(lane_plan)
        if dry_run:
            _print_sweep_plan(execution, options, lane_plan.line, as_json=as_json)
            return
        for line in _format_introduction_lines(execution, lane_plan.line):
            screen.print_line(line)
        total = execution.remaining_count
        programs = len(lane_plan.tasks) if execution.planned_runs else total
        with open_executor(options, experiments, screen, programs) as executor:
            minutes = execution.sweep.minutes
            task_results = train_sweep_runs(
                execution.task_labels,
                strategy,
                executor,
                screen,
                stop_request,
                total,
                fail_fast=fail_fast,
                max_seconds=None if minutes is None else 60 * minutes,
                subject="sweep",
            )
    runs = execution.collect_runs(task_results)
    _print_sweep_result(execution, runs, as_json=as_json)
    if any(run.has_failed for run in runs):
        raise typer.Exit(1)


def _format_introduction_lines(execution: "SweepExecution", lane_line: str) -> list[str]:
    """Return the lines that introduce a sweep: what varies, and how many runs are finished, running and missing.

    Args:
        execution: The sweep with its planned and existing runs.
        lane_line: The line about runs that are trained together; empty without such a line.
    """
    from dnn_cli.execution.sweep_execution import list_other_versions
    from dnn_cli.report.text import format_count
    from dnn_cli.training.environment import read_versions

    sweep, planned_runs = execution.sweep, execution.planned_runs
    existing_runs = [
        execution.existing_runs[run.outcome_digest]
        for run in planned_runs
        if run.outcome_digest in execution.existing_runs
    ]
    varied = [f"{key} ({values})" for key, values in sweep.parameters.items()]
    varied += [str(sweep.zipped)] if sweep.zipped else []
    seeds = [format_count(len(sweep.seeds), "seed")] if sweep.seeds else []
    seeds += _format_folds(execution)
    search_text = f"{sweep.search} search, {format_count(sweep.trials or 0, 'trial')}"
    runs_text = search_text if sweep.search == "bayesian" else format_count(len(planned_runs), "run")
    lines = [f"sweep {execution.id} of {execution.name}: {runs_text}, {' × '.join([*varied, *seeds])}"]
    done_count, running_count = (
        sum(run.is_done for run in existing_runs),
        sum(run.record.status == "running" for run in existing_runs),
    )
    unfinished_count = 0 if sweep.search == "bayesian" else len(existing_runs) - done_count - running_count
    parts = [f"{done_count} done already"] if done_count else []
    parts += [f"{running_count} being trained by another process"] if running_count else []
    parts += [f"{unfinished_count} to continue"] if unfinished_count else []
    parts += (
        [f"{len(execution.missing_numbers) - unfinished_count} to train"]
        if existing_runs and sweep.search != "bayesian"
        else []
    )
    lines += [f"  {', '.join(parts)}"] if parts else []
    if other_versions := list_other_versions([run for run in existing_runs if run.is_done], read_versions()):
        lines.append(f"  some runs were trained with {', '.join(other_versions)}; --force trains them again")
    lines += [f"  {lane_line}"] if lane_line else []
    remarks = (remark for run in planned_runs for remark in run.loaded.experiment.data.info.remarks)
    return [*lines, *(f"data: {remark}" for remark in dict.fromkeys(remarks))]


def _format_folds(execution: "SweepExecution") -> list[str]:
    """Return texts with the numbers of folds and repetitions of a cross-validation; empty without folds."""
    from dnn_cli.report.text import format_count

    runs = [run.loaded.experiment.data for run in execution.planned_runs if "data.fold" in run.setting]
    if not runs or "data.fold" in execution.sweep.parameters:
        return []
    folds = sorted({data.folds for data in runs if data.folds})
    texts = [" or ".join(map(str, folds)) + " folds"]
    if execution.sweep.repetitions:
        texts.append(format_count(execution.sweep.repetitions, "repetition"))
    return texts


def _print_sweep_result(execution: "SweepExecution", runs: "list[SweepRun]", *, as_json: bool) -> None:
    """Print the comparison of the completed runs of a sweep, its failed runs, and the next command.

    Each failed run is printed with the reason. Pruned and unfinished runs are counted.
    """
    from dnn_cli.cli.comparison_output import print_dataset_comparison
    from dnn_cli.compare.dataset_comparison import compare_by_dataset
    from dnn_cli.report.dataset_json import build_dataset_document
    from dnn_cli.report.sweep_view import format_sweep_settings
    from dnn_cli.report.text import format_count

    earlier_runs = execution.store.with_details(execution.find_earlier_runs(runs))
    compared = compare_by_dataset(
        [*(run.run_info for run in runs if run.run_info and run.status == "completed"), *earlier_runs]
    )
    if as_json:
        print_json(_build_sweep_document(execution, runs, build_dataset_document(compared)))
        return
    out = get_output_console()
    if any(part.comparison.run_scores for part in compared.parts):
        if earlier_runs:
            out.print(f"including {format_count(len(earlier_runs), 'run')} of earlier commands of this sweep")
        print_dataset_comparison(compared)
    for run in runs:
        if run.has_failed:
            out.print(
                replace_control_chars(
                    f"{run.status}  {format_sweep_settings(run.planned_run.setting)}  {run.exit_reason}"
                )
            )
    if pruned_count := sum(run.status == "interrupted" and not run.is_unfinished for run in runs):
        out.print(f"{format_count(pruned_count, 'run')} pruned before the last epoch")
    if open_count := sum(run.is_unfinished for run in runs):
        out.print(f"{format_count(open_count, 'unfinished run')}; the same command continues the sweep")
    compare_command = ["dnn", "compare", f"sweep:{execution.id}", *build_runs_dir_option(execution.store.root)]
    print_line(out, f"  next  {shlex.join(compare_command)}")


def _build_sweep_document(
    execution: "SweepExecution", runs: "list[SweepRun]", comparison: dict[str, Any]
) -> dict[str, Any]:
    """Build the JSON document of a sweep with its runs and `comparison`, the JSON document of their comparison."""
    from dnn_cli.report.runs_table import build_run_info_document

    return {
        "sweep": {"id": execution.id, "name": execution.name, "search": execution.sweep.search},
        "runs": [
            {
                **(build_run_info_document(run.run_info) if run.run_info else {"id": None, "status": run.status}),
                "reason": run.exit_reason or None,
                "settings": run.planned_run.setting,
            }
            for run in runs
        ],
        "comparison": comparison,
    }


def _print_sweep_plan(
    execution: "SweepExecution", options: "ExecutorOptions", lane_line: str, *, as_json: bool
) -> None:
    """Print the planned runs of a sweep, and an estimate of the training time.

    Args:
        execution: The sweep with its planned and existing runs.
        options: The options of the command, for the estimate.
        lane_line: The line about runs that are trained together; empty without such a line.
        as_json: Whether the plan is printed as JSON.
    """
    from dnn_cli.execution.executor_choice import format_memory_advice
    from dnn_cli.execution.sweep_estimate import estimate_sweep
    from dnn_cli.report.sweep_view import build_plan_table
    from dnn_cli.report.text import format_count, format_duration

    is_bayesian = execution.sweep.search == "bayesian"
    estimate = estimate_sweep(execution, options)
    settings = [planned_run.setting for planned_run in estimate.planned_runs]
    if as_json:
        runs = [
            {"settings": setting, "state": state, "seconds": seconds}
            for setting, state, seconds in zip(settings, estimate.states, estimate.seconds, strict=True)
        ]
        document = {"workers": estimate.workers, "seconds": estimate.total_seconds, "lanes": lane_line or None}
        print_json({"runs": [] if is_bayesian else runs, **document})
        return
    out = get_output_console()
    if is_bayesian:
        for line in _format_introduction_lines(execution, lane_line):
            out.print(replace_control_chars(line))
    else:
        print_rich_table(out, build_plan_table(settings, estimate.states, estimate.seconds))
        out.print()
    basis = "estimated from earlier runs" if estimate.is_measured else "estimated from the size of the networks"
    left, workers = format_count(execution.remaining_count, "run"), format_count(estimate.workers, "worker")
    out.print(f"{left} to train, about {format_duration(estimate.total_seconds)} with {workers} ({basis})")
    if lane_line and not is_bayesian:
        out.print(lane_line)
    experiments = [planned_run.loaded.experiment for planned_run in estimate.planned_runs]
    if advice := format_memory_advice(estimate.workers, experiments):
        out.print(advice)
