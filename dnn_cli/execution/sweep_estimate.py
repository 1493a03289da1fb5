"""Estimate of the training time of a sweep, from earlier runs or from the size of its networks."""

from dataclasses import dataclass

from dnn_cli.execution.executor_choice import ExecutorOptions, count_workers
from dnn_cli.execution.sweep_execution import SweepExecution
from dnn_cli.execution.sweep_plan import (
    PlannedRun,
    compute_epoch_seconds,
    estimate_run_seconds,
    estimate_total_seconds,
    plan_extreme_runs,
)


@dataclass(frozen=True)
class SweepEstimate:
    """Planned runs of a sweep with their states and estimated times, and the time of the whole sweep."""

    planned_runs: list[PlannedRun]
    """Planned runs. A bayesian search plans its runs later: these runs have the extreme values of its ranges."""

    states: list[str]
    """Status of each run; `to train` for a run that does not exist."""

    seconds: list[float | None]
    """Estimated seconds of each run; `None` for a run that is not trained."""

    workers: int
    total_seconds: float
    is_measured: bool
    """Whether the estimate is based on earlier runs, instead of the size of the networks."""


def estimate_sweep(execution: SweepExecution, options: ExecutorOptions) -> SweepEstimate:
    """Estimate the training time of the missing runs of a sweep.

    Args:
        execution: The sweep with its planned and existing runs.
        options: The options of the command.
    """
    is_bayesian = execution.sweep.search == "bayesian"
    planned_runs = plan_extreme_runs(execution.sweep) if is_bayesian else execution.planned_runs
    epoch_seconds = compute_epoch_seconds(execution.store.list_runs(), planned_runs)
    missing = [planned_run for planned_run in planned_runs if execution.is_missing(planned_run)]
    workers = count_workers(options, [planned_run.loaded.experiment for planned_run in missing])
    total_seconds = estimate_total_seconds(missing, workers, epoch_seconds)
    if is_bayesian:
        total_seconds *= execution.remaining_count / len(planned_runs)
    return SweepEstimate(
        planned_runs,
        [execution.get_state(planned_run) for planned_run in planned_runs],
        [
            estimate_run_seconds(planned_run.loaded.experiment, epoch_seconds)
            if execution.is_missing(planned_run)
            else None
            for planned_run in planned_runs
        ],
        workers,
        total_seconds,
        is_measured=bool(epoch_seconds),
    )
