"""Command `dnn study`: values of a question, each tuned alike, and judged on other data and seeds."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import build_fixed_completer, complete_configs, complete_keys
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
from dnn_cli.cli.study_output import format_introduction_lines, print_study_estimate, print_study_result
from dnn_cli.errors import UsageError
from dnn_cli.execution.signals import handle_stop_signals
from dnn_cli.terminal.sweep_training import SweepTrainer

if TYPE_CHECKING:
    from dnn_cli.execution.executor_choice import ExecutorOptions
    from dnn_cli.execution.signals import SignalStop
    from dnn_cli.execution.study_execution import StudyExecution
    from dnn_cli.terminal.progress import ScreenReporter


def study(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG|KEY=VALUES",
            autocompletion=complete_configs,
            help="Config files, then the question, for example optimizer=sgd,adam, and overrides.",
        ),
    ],
    tune: Annotated[
        list[str] | None,
        typer.Option(
            "--tune",
            metavar="KEY=RANGE",
            autocompletion=complete_keys,
            help="Key to tune for each value, and its range: 'lr=log(1e-4,1e-1)'. Default: the learning rate, and "
            "momentum or beta_1 from 10 trials.",
        ),
    ] = None,
    trials: Annotated[
        int, typer.Option("--trials", min=2, max=1000, metavar="N", help="Number of settings tried for each value.")
    ] = 20,
    seeds: Annotated[
        str,
        typer.Option(
            "--seeds",
            metavar="auto|N",
            autocompletion=build_fixed_completer("auto"),
            help="Number of seeds of the final runs. auto: 80% power for two standard deviations.",
        ),
    ] = "auto",
    target: Annotated[
        str,
        typer.Option(
            "--target",
            metavar="auto|SCORE",
            autocompletion=build_fixed_completer("auto"),
            help="Score to which epochs are counted. auto: a score that half of the values reach.",
        ),
    ] = "auto",
    minutes: MinutesOption = None,
    search_seed: Annotated[
        int, typer.Option("--search-seed", min=0, max=2**31, metavar="N", help="Seed of the trials' settings.")
    ] = 0,
    zips: ZipOption = None,
    folds: FoldsOption = None,
    repeats: RepeatsOption = None,
    jobs: JobsOption = None,
    on: ExecutorOption = "local",
    gpus: GpusOption = None,
    lanes: LanesOption = "auto",
    test: Annotated[
        bool, typer.Option("--test", help="At the end, evaluate the tuned final runs on the test set.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, the number of runs, time and disk space; train nothing.")
    ] = False,
    tensorboard: TensorboardOption = False,
    allow_code: AllowCodeOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
    as_latex: Annotated[bool, typer.Option("--latex", help="Print the table of results as LaTeX.")] = False,
) -> None:
    """Tune each value of a question alike, and judge the values.

    The values are judged on other data and other seeds than those of the tuning.
    """
    _check_no_address(arguments, runs_dir)
    files, words = split_configs_and_overrides(arguments, example="dnn study configs/relu_adam.yaml optimizer=sgd,adam")
    if as_json and as_latex:
        raise UsageError("--json and --latex cannot be combined", "use one of them")
    if tensorboard:
        from dnn_cli.integrations.tensorboard import check_tensorboard_installed

        check_tensorboard_installed()

    from dnn_cli.terminal.progress import open_screen

    with open_screen() as screen, handle_stop_signals(screen.restore_terminal) as stop_request:
        with screen.show_waiting(f"planning the study of {', '.join(files)}"):
            from dnn_cli.execution.executor_choice import ExecutorOptions
            from dnn_cli.execution.study_execution import StudyExecution, record_plan
            from dnn_cli.execution.study_planning import StudyOptions, parse_seeds, parse_target, plan_study
            from dnn_cli.runs.store import Store

            options = ExecutorOptions(on, jobs, gpus, lanes)
            study_options = StudyOptions(
                tuple(tune or ()), trials, parse_seeds(seeds), parse_target(target), search_seed, folds, repeats,
                tuple(zips or ()), allow_code,
            )  # fmt: skip
            execution = StudyExecution(
                plan_study(files, words, study_options), Store(runs_dir), tensorboard=tensorboard
            )
            first_phase = execution.plan_first_phase()
        if test:
            execution.check_test_set()
        if dry_run:
            print_study_estimate(execution, first_phase, options, as_json=as_json)
            return
        execution.store.check_writable()
        with execution.hold_lock():
            execution.plan = record_plan(execution.plan, execution.store)
            for line in format_introduction_lines(execution, first_phase, screen.console):
                screen.print_line(line)
            _train_phases(execution, screen, stop_request, options, minutes)
            if test:
                execution.evaluate_test_set(screen)
    has_failed = print_study_result(execution, as_json=as_json, as_latex=as_latex)
    if has_failed:
        raise typer.Exit(1)


def _check_no_address(arguments: list[str], runs_dir: Path) -> None:
    """Check that no argument is the address of a study, whose command has its config and its question instead.

    Raises:
        UsageError: an argument is the address of a study.
    """
    address = next((word for word in arguments if word.startswith("study:")), None)
    if address is None:
        return
    from dnn_cli.report.study_advice import build_study_command
    from dnn_cli.runs.runs_directory import build_runs_dir_option
    from dnn_cli.runs.store import Store
    from dnn_cli.runs.study_roles import find_study_directory, resolve_study_id
    from dnn_cli.study.plan import read_plan

    store = Store(runs_dir)
    directory = find_study_directory(store.root, resolve_study_id(address, store.list_runs()))
    plan = read_plan(directory) if directory is not None else None
    command = "dnn study CONFIG KEY=VALUES"
    if plan is not None:
        command = shlex.join([*build_study_command(plan), *build_runs_dir_option(store.root)])
    raise UsageError(
        f"{address} is a study, and dnn study needs its config and its question", f"to continue: {command}"
    )


def _train_phases(
    execution: "StudyExecution",
    screen: "ScreenReporter",
    stop_request: "SignalStop",
    options: "ExecutorOptions",
    minutes: float | None,
) -> None:
    """Train the missing runs of a study, phase after phase, with the same workers.

    The training ends after a phase in which a run failed or was not started.
    """
    from dnn_cli.execution.executor_choice import count_workers, open_executor

    experiments = execution.list_experiments()
    trainer = SweepTrainer(screen, stop_request, experiments, options, subject="study", minutes=minutes)
    with open_executor(options, experiments, screen, execution.estimate_run_count()) as executor:
        for phase in execution.iter_phases():
            if not phase.execution.missing_numbers:
                # Runs of an earlier plan become runs of this plan, also if nothing is left to train.
                phase.execution.record_existing_runs()
                continue
            screen.print_line(phase.format_title())
            workers = count_workers(options, experiments, len(phase.execution.planned_runs))
            trainer.train(phase.execution, executor, workers)
