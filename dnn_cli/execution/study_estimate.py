"""Estimate of a study before its training: the number of its runs, their time and their disk space."""

import math
from dataclasses import dataclass
from itertools import cycle, islice

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.network_summary import estimate_network_size
from dnn_cli.execution.executor_choice import ExecutorOptions, count_workers
from dnn_cli.execution.study_execution import Phase, StudyExecution
from dnn_cli.execution.sweep_plan import PlannedRun, compute_epoch_seconds, estimate_total_seconds

_BYTES_PER_NUMBER = 4
_SMALL_FILES_BYTES = 50_000
"""Bytes of the files of a run whose size does not depend on the network: config, record, log and input profile."""


@dataclass(frozen=True)
class StudyEstimate:
    """Number of the runs of a study by phase, and the time and disk space of the missing runs."""

    tuning_runs: int
    """Number of tuning runs: trials, and finalists with their seeds."""

    final_runs: int
    """Number of final runs of both arms."""

    extra_runs: int
    """Largest number of runs of extra trials, which are trained only if a range grows."""

    missing_runs: int
    """Number of runs to train, without extra trials."""

    workers: int
    seconds: float
    """Estimated time to train the missing runs, in seconds."""

    bytes: int
    """Estimated disk space of the missing runs."""

    is_measured: bool
    """Whether the time is based on earlier runs, instead of the size of the networks."""


def estimate_study(execution: StudyExecution, first_phase: Phase, options: ExecutorOptions) -> StudyEstimate:
    """Estimate the runs of a study, with their time and disk space.

    Finalists and tuned values are unknown before the trials are finished. Their runs then count like those of trials
    and of the arm with defaults.

    Args:
        execution: The study.
        first_phase: The phase of the trials and of the arm with defaults.
        options: The options of the command.
    """
    plan = execution.plan
    default_runs = [run for run in first_phase.execution.planned_runs if run.study and run.study.phase == "final"]
    trial_runs = [run for run in first_phase.execution.planned_runs if run.study and run.study.phase == "tuning"]
    finalist_count = len(trial_runs) * plan.finalists * len(plan.finalist_seeds) // plan.trials
    missing = _list_missing(first_phase)
    if missing:
        # Finalists and tuned values take about as long as runs of the same value with other settings.
        missing += default_runs + list(islice(cycle(trial_runs), finalist_count))
    else:
        # All runs of the first phase exist, so that the later phases are known.
        missing += [run for phase in execution.iter_phases() for run in _list_missing(phase)]
    experiments = [run.loaded.experiment for run in missing]
    workers = count_workers(options, experiments)
    epoch_seconds = compute_epoch_seconds(execution.store.list_runs(), first_phase.execution.planned_runs)
    folds = sum(len(task.halves) for task in plan.tasks)
    return StudyEstimate(
        tuning_runs=len(trial_runs) + finalist_count,
        final_runs=2 * len(default_runs),
        extra_runs=(len(plan.points) - plan.trials) * len(plan.values) * folds,
        missing_runs=len(missing),
        workers=workers,
        seconds=estimate_total_seconds(missing, workers, epoch_seconds),
        bytes=sum(map(_estimate_run_bytes, experiments)),
        is_measured=bool(epoch_seconds),
    )


def _list_missing(phase: Phase) -> list[PlannedRun]:
    """Return the planned runs of a phase that must be trained."""
    return [phase.execution.planned_runs[number] for number in phase.execution.missing_numbers]


def _estimate_run_bytes(experiment: Experiment) -> int:
    """Return the disk space of a run: the saved model, two checkpoints, and the predictions of both halves."""
    size, data = estimate_network_size(experiment), experiment.data
    models = 4 if experiment.model_checkpoint is not None else 3
    outputs = math.prod(experiment.output_shape) + 3
    examples = data.validation_examples + data.reporting_examples
    return (
        models * (_BYTES_PER_NUMBER * size.parameters + size.optimizer_bytes)
        + _BYTES_PER_NUMBER * outputs * examples
        + _SMALL_FILES_BYTES
    )
