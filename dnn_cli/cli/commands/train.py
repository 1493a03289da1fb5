"""Command `dnn train`: the experiments of configs, each trained into its own run directory."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import build_fixed_completer
from dnn_cli.cli.console import get_notes_console, print_json
from dnn_cli.cli.executor_options import (
    ExecutorOption,
    FoldsOption,
    GpusOption,
    JobsOption,
    LanesOption,
    RepeatsOption,
)
from dnn_cli.cli.options import (
    AllowCodeOption,
    ConfigArguments,
    ForceOption,
    JsonOption,
    RunsDirOption,
    TensorboardOption,
    load_configs,
    split_configs_and_overrides,
)
from dnn_cli.errors import UsageError
from dnn_cli.execution.signals import TimeLimit, handle_stop_signals
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.execution.lane_plan import LanePlan
    from dnn_cli.execution.messages import TaskResult
    from dnn_cli.execution.scheduler import Executor
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store
    from dnn_cli.terminal.progress import ScreenReporter


def train(
    arguments: ConfigArguments,
    engine: Annotated[
        str | None,
        typer.Option(
            help="Engine: chunked, or keras (the fit of Keras). Same as engine=ENGINE.",
            metavar="ENGINE",
            autocompletion=build_fixed_completer("chunked", "keras"),
        ),
    ] = None,
    folds: FoldsOption = None,
    repeats: RepeatsOption = None,
    jobs: JobsOption = 1,
    on: ExecutorOption = "local",
    gpus: GpusOption = None,
    lanes: LanesOption = "auto",
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes", min=0.0, metavar="N", help="Save and stop after this many minutes; --resume continues."
        ),
    ] = None,
    runs_dir: RunsDirOption = Path("runs"),
    resume: Annotated[bool, typer.Option("--resume", help="Continue the latest run of the experiment.")] = False,
    force: ForceOption = False,
    tensorboard: TensorboardOption = False,
    allow_code: AllowCodeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train networks; every run has its own directory.

    A cross-validation (--folds, or data.folds without data.fold) trains one run for each fold, with equal seeds.
    """
    configs, overrides = split_configs_and_overrides(arguments)
    if force and not resume:
        raise UsageError("--force needs --resume", "omit --force for a new run")
    if tensorboard:
        from dnn_cli.integrations.tensorboard import check_tensorboard_installed

        check_tensorboard_installed()
    if engine is not None:
        overrides.append(f"engine={engine}")
    if folds is not None:
        overrides.append(f"data.folds={folds}")

    from dnn_cli.terminal.progress import open_screen

    finished: list[tuple[Run, Record]] = []
    has_failures = False
    try:
        with open_screen() as screen, handle_stop_signals(screen.restore_terminal) as signals:
            time_limit = TimeLimit(signals, minutes)
            with screen.show_waiting(f"reading {' '.join(configs)}"):
                from dnn_cli.cli.fold_output import print_finished_folds
                from dnn_cli.cli.run_summary import print_run_summary
                from dnn_cli.execution.executor_choice import (
                    ExecutorOptions,
                    count_workers,
                    is_gpu_used,
                    open_executor,
                )
                from dnn_cli.execution.lane_choices import AUTO, OFF
                from dnn_cli.execution.lane_plan import plan_lanes
                from dnn_cli.execution.train_requests import (
                    TrainRequest,
                    build_resume_request,
                    build_tasks,
                    iter_trained_runs,
                    list_fold_trainings,
                    train_sequentially,
                )
                from dnn_cli.report.runs_table import build_run_document
                from dnn_cli.runs.query.selection import CachedStore
                from dnn_cli.runs.store import Store
                from dnn_cli.training.stop_request import Interrupted

                trainings = list_fold_trainings(
                    load_configs(configs, overrides, to_train=True, allow_code=allow_code),
                    repeats,
                    is_requested=folds is not None,
                )
                store, cached_store = Store(runs_dir), CachedStore(runs_dir)
                requests = [
                    build_resume_request(item, cached_store, force=force, sweeps=sweeps)
                    if resume
                    else TrainRequest(item, sweeps=sweeps)
                    for item, sweeps in trainings
                ]
                for item, run, *_ in requests:
                    if (
                        resume
                        and run is None
                        and any(run_info.name == item.experiment.name for run_info in cached_store.list_runs())
                    ):
                        screen.print_line(f"no run of {item.experiment.name} has this config; a new run starts")
                options = ExecutorOptions(on, jobs, gpus, lanes)
                to_train = [item.loaded.experiment for item in requests if not item.is_done]
                uses_workers, has_chosen_lanes = False, options.usable_lanes not in (AUTO, OFF)
                # A single training, the usual case, needs no look for GPUs and no digests.
                if len(to_train) > 1 or (to_train and has_chosen_lanes):
                    uses_gpu = is_gpu_used(options, to_train)
                    tasks = build_tasks(requests, store, force=force, tensorboard=tensorboard)
                    workers = count_workers(options, to_train)
                    lane_plan = plan_lanes(tasks, options.usable_lanes, gpu=uses_gpu, workers=workers)
                    has_lanes = has_chosen_lanes or any(len(item.tasks) > 1 for item in lane_plan.tasks)
                    # On a GPU, trainings can need processes with different settings of determinism.
                    uses_workers = has_lanes or jobs != 1 or on != "local" or uses_gpu
            if uses_workers:
                with open_executor(options, to_train, screen, len(lane_plan.tasks)) as executor:
                    task_results = _train_in_parallel(lane_plan, store, executor, screen, time_limit)
                has_failures = any(item.record is None for item in task_results)
                trained_runs = iter_trained_runs(requests, task_results)
            else:
                if gpus == 0:
                    from dnn_cli.host.gpus import hide_gpus

                    hide_gpus()
                trained_runs = train_sequentially(
                    requests, store, screen, time_limit, force=force, tensorboard=tensorboard
                )
            try:
                for item, run, record in trained_runs:
                    finished.append((run, record))
                    if not as_json:
                        print_run_summary(run, record, item, store)
            except (Interrupted, KeyboardInterrupt):
                # The interrupted run names the command that continues this run alone.
                if (remaining := len(requests) - len(finished)) > 1:
                    screen.print_line(_format_unfinished(remaining))
                raise
            if not as_json:
                print_finished_folds(requests, finished, store)
    finally:
        # Finished runs are printed even if a later run raised an error.
        if as_json and finished:
            print_json({"runs": [build_run_document(run, record) for run, record in finished]})
    if tensorboard and finished and not as_json:
        get_notes_console().print(
            replace_control_chars(shlex.join(["tensorboard", "--logdir", str(runs_dir)]) + " shows the logs")
        )
    stopped_flags = [record.reason == time_limit.stop_reason != "" for _, record in finished]
    if (remaining := sum(stopped_flags) + len(requests) - len(finished)) and time_limit.is_over and not as_json:
        get_notes_console().print(_format_unfinished(remaining))
    ends = zip(finished, stopped_flags, strict=True)
    if has_failures or any(record.status != "completed" and not stopped for (_, record), stopped in ends):
        raise typer.Exit(1)


def _format_unfinished(count: int) -> str:
    """Return the line about unfinished runs, and the way to continue them."""
    from dnn_cli.report.text import format_count

    return f"{format_count(count, 'unfinished run')}; the same command with --resume continues the training"


def _train_in_parallel(
    lane_plan: "LanePlan", store: "Store", executor: "Executor", screen: "ScreenReporter", time_limit: TimeLimit
) -> "list[TaskResult]":
    """Train the unfinished experiments in worker processes, show the progress, and return the results."""
    from dnn_cli.execution.scheduler import FixedSearch, train_all
    from dnn_cli.execution.train_requests import format_training_label
    from dnn_cli.terminal.sweep_progress import open_sweep_progress

    store.check_writable()
    tasks = [task for item in lane_plan.tasks for task in item.tasks]
    labels = {task.number: format_training_label(task.loaded.experiment) for task in tasks}
    if any(len(item.tasks) > 1 for item in lane_plan.tasks):
        screen.print_line(lane_plan.line)
    try:
        with open_sweep_progress(screen, labels, len(labels)) as display, time_limit.allow_graceful_stop():
            task_results = train_all(FixedSearch(lane_plan.tasks), executor, display, time_limit)
    except SystemExit:
        screen.print_line("interrupted; dnn train --resume continues the training")
        raise
    for task_result in task_results:
        if task_result.record is None:
            get_notes_console().print(
                replace_control_chars(f"dnn: {labels[task_result.number]}: {task_result.exit_reason}")
            )
    return task_results
