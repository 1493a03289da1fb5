"""Training of the runs of a sweep, a study or a comparison, with their progress on the screen."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.execution.executor_choice import ExecutorOptions
    from dnn_cli.execution.messages import TaskResult
    from dnn_cli.execution.scheduler import Executor, SearchStrategy
    from dnn_cli.execution.signals import SignalStop
    from dnn_cli.execution.sweep_execution import SweepExecution
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
        subject: The noun of the line after an interruption: `sweep`, `study` or `comparison`.
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


class SweepTrainer:
    """Trainer of sweeps, one after the other with the same workers: phases of a study, or rounds of a comparison.

    Args:
        screen: The reporter that prints the progress.
        stop_request: The object that says whether a signal has stopped the trainings.
        experiments: The experiments of all sweeps.
        options: The options of the command.
        subject: The noun of the line after an interruption: `sweep`, `study` or `comparison`.
        minutes: The time after which no run starts, counted from now; `None` for no limit.
    """

    def __init__(
        self,
        screen: "ScreenReporter",
        stop_request: "SignalStop",
        experiments: "Sequence[Experiment]",
        options: "ExecutorOptions",
        *,
        subject: str,
        minutes: float | None = None,
    ) -> None:
        self._screen, self._stop_request = screen, stop_request
        self._experiments, self._options = experiments, options
        self._subject, self._minutes = subject, minutes
        self._started, self._is_first = time.monotonic(), True

    def train(self, execution: "SweepExecution", executor: "Executor", workers: int) -> "list[TaskResult]":
        """Train the missing runs of a sweep, print why runs are trained alone, and return the results.

        Args:
            execution: The sweep.
            executor: The object that sends experiments to worker processes.
            workers: The number of worker processes, for the choice of lanes.
        """
        from dnn_cli.execution.executor_choice import is_gpu_used

        uses_gpu = is_gpu_used(self._options, self._experiments)
        lane_plan = execution.plan_lanes(self._options.usable_lanes, gpu=uses_gpu, workers=workers)
        # The reason for single runs is the same in later sweeps.
        if lane_plan.line and (self._is_first or lane_plan.has_groups):
            self._screen.print_line(f"  {lane_plan.line}")
        self._is_first = False
        seconds = time.monotonic() - self._started
        return train_sweep_runs(
            execution.task_labels,
            execution.build_search_strategy(lane_plan),
            executor,
            self._screen,
            self._stop_request,
            len(execution.missing_numbers),
            subject=self._subject,
            max_seconds=None if self._minutes is None else max(0.0, 60 * self._minutes - seconds),
        )
