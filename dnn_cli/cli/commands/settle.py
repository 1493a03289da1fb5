"""Command `dnn settle`: pairs of equal seeds for two experiments, until one is better or both are equivalent."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.executor_options import ExecutorOption, GpusOption, JobsOption, LanesOption, MinutesOption
from dnn_cli.cli.options import AllowCodeOption, JsonOption, RunsDirOption
from dnn_cli.cli.settle_options import DEFAULT_MOST, FirstArgument, MostOption, PairMetricOption, SecondArgument
from dnn_cli.cli.settle_output import format_round_line, format_settle_lines, format_state_lines, print_settle_result
from dnn_cli.execution.signals import handle_stop_signals
from dnn_cli.terminal.sweep_training import SweepTrainer

if TYPE_CHECKING:
    from dnn_cli.execution.executor_choice import ExecutorOptions
    from dnn_cli.execution.settle_execution import SettleExecution
    from dnn_cli.execution.signals import SignalStop
    from dnn_cli.terminal.progress import ScreenReporter


def settle(
    first: FirstArgument,
    second: SecondArgument,
    difference: Annotated[
        float | None,
        typer.Option(
            "--difference",
            min=0.0,
            metavar="D",
            help="Also end when both are equivalent: their scores differ by less than D. Default: 0.005 for scores "
            "between 0 and 1, such as accuracy; otherwise, equivalence is not tested.",
        ),
    ] = None,
    most: MostOption = DEFAULT_MOST,
    metric: PairMetricOption = None,
    minutes: MinutesOption = None,
    jobs: JobsOption = None,
    on: ExecutorOption = "local",
    gpus: GpusOption = None,
    lanes: LanesOption = "auto",
    allow_code: AllowCodeOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Train pairs of equal seeds until one experiment is better.

    The command also ends when both experiments are equivalent within a difference, or at the largest number of pairs.
    The test starts with all pairs that exist, and is valid after any number of pairs.
    """
    from dnn_cli.terminal.progress import open_screen

    with open_screen() as screen, handle_stop_signals(screen.restore_terminal) as stop_request:
        with screen.show_waiting(f"reading {first} and {second}"):
            from dnn_cli.execution.executor_choice import ExecutorOptions
            from dnn_cli.execution.settle_execution import SettleExecution
            from dnn_cli.execution.settle_sides import choose_margin, choose_metric, resolve_sides
            from dnn_cli.runs.query.selection import CachedStore
            from dnn_cli.runs.store import Store

            options = ExecutorOptions(on, jobs, gpus, lanes)
            sides = resolve_sides([first, second], CachedStore(runs_dir), allow_code=allow_code)
            name = choose_metric(sides, metric)
            store = Store(runs_dir)
            store.check_writable()
            margin = choose_margin(name, difference)
        # The pairs are read below the lock, so that they include those of a process that has just ended.
        execution = SettleExecution(sides, store, name, margin=margin, max_pairs=most)
        with execution.hold_lock():
            execution.update()
            for line in format_settle_lines(execution):
                screen.print_line(line)
            execution.record_memberships()
            _train_rounds(execution, screen, stop_request, options, minutes)
    print_settle_result(execution, as_json=as_json)
    if execution.unfinished_reasons:
        raise typer.Exit(1)


def _train_rounds(
    execution: "SettleExecution",
    screen: "ScreenReporter",
    stop_request: "SignalStop",
    options: "ExecutorOptions",
    minutes: float | None,
) -> None:
    """Train rounds of pairs with the same workers, until a verdict, a limit or a run that is not finished."""
    if execution.end_reason is not None:
        return
    from dnn_cli.execution.executor_choice import count_workers, open_executor

    experiments = [side.experiment for side in execution.sides]
    runs = 2 * execution.max_pairs
    workers = count_workers(options, experiments, runs)
    trainer = SweepTrainer(screen, stop_request, experiments, options, subject="comparison", minutes=minutes)
    with open_executor(options, experiments, screen, runs) as executor:
        while execution.end_reason is None:
            pairs = len(execution.record.pairs)
            round_execution = execution.plan_round(workers)
            screen.print_line(format_round_line(execution, len(round_execution.missing_numbers)))
            trainer.train(round_execution, executor, workers)
            execution.update()
            if len(execution.record.pairs) > pairs:
                for line in format_state_lines(execution):
                    screen.print_line(line)
            if execution.record.planned_seeds:
                # A run failed, another process trains it, or the time is over.
                return
