"""Training of the runs of a sweep or study, with their progress on the screen."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dnn_cli.execution.messages import TaskResult
    from dnn_cli.execution.scheduler import Executor, SearchStrategy
    from dnn_cli.execution.signals import SignalStop
    from dnn_cli.terminal.progress import ScreenReporter


def train_sweep_runs(
    task_labels: Mapping[int, str],
    strategy: "SearchStrategy",
    executor: "Executor",
    screen: "ScreenReporter",
    stop_request: "SignalStop",
    total: int,
    *,
    subject: str,
    fail_fast: bool = False,
    max_seconds: float | None = None,
) -> "list[TaskResult]":
    """Train runs, show the progress, and return the results.

    Args:
        task_labels: The text of each task's varied settings, by the number of the task.
        strategy: The object that proposes the experiments.
        executor: The object that sends experiments to worker processes.
        screen: The reporter that prints the progress.
        stop_request: The object that says whether a signal has stopped the trainings.
        total: The number of runs to train, for the display of the progress.
        subject: The noun of the line after an interruption: `sweep` or `study`.
        fail_fast: Whether a failed run stops all runs.
        max_seconds: The time after which no run starts, in seconds; `None` for no limit.
    """
    from dnn_cli.execution.scheduler import train_all
    from dnn_cli.terminal.sweep_progress import open_sweep_progress

    try:
        # A study has hundreds of runs, whose lines would fill the screen.
        lists_runs = subject == "sweep"
        with (
            open_sweep_progress(screen, task_labels, total, lists_runs=lists_runs) as display,
            stop_request.allow_graceful_stop(),
        ):
            return train_all(strategy, executor, display, stop_request, fail_fast=fail_fast, max_seconds=max_seconds)
    except SystemExit:
        screen.print_line(f"interrupted; the same command continues the {subject}")
        raise
