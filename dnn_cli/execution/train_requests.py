"""Requests of `dnn train`: experiments to train in new runs, or in runs that are resumed."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dnn_cli.config.digests import compute_network_digest
from dnn_cli.config.loading import LoadedExperiment
from dnn_cli.execution.fitting import complete_training
from dnn_cli.execution.messages import Task, TaskResult
from dnn_cli.execution.reporters import Reporter
from dnn_cli.execution.resumable_runs import find_run_to_resume, is_training_complete
from dnn_cli.execution.resume_training import start_resumption
from dnn_cli.execution.run_training import start_new_run
from dnn_cli.execution.signals import TimeLimit
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.training.stop_request import Interrupted


class TrainRequest(NamedTuple):
    """Experiment to train, and the run to resume. If the run is `None`, a new run is started."""

    loaded: LoadedExperiment
    run: Run | None = None
    is_done: bool = False
    """Whether the run needs no training."""


def build_resume_request(loaded: LoadedExperiment, store: Store, *, force: bool) -> TrainRequest:
    """Build the request that resumes the latest run of an experiment, or starts a run if no run can be resumed.

    Args:
        loaded: The experiment.
        store: The directory of runs, which is searched.
        force: Whether a run with another config may be resumed, and a finished run is trained again.

    Raises:
        UsageError: without `force`, the only runs to resume have another config.
    """
    run = find_run_to_resume(loaded, store, force=force)
    return TrainRequest(loaded, run, run is not None and not force and is_training_complete(run, loaded))


def train_sequentially(
    requests: Sequence[TrainRequest],
    store: Store,
    reporter: Reporter,
    time_limit: TimeLimit,
    *,
    force: bool,
    tensorboard: bool,
) -> Iterator[tuple[LoadedExperiment, Run, Record]]:
    """Train one experiment after another in this process until the time limit.

    Yield the experiment, the run and the run record after each training. Runs that need no training are also yielded.
    """
    for loaded, run, is_done in requests:
        if is_done and run is not None:
            yield loaded, run, run.read_record()
        elif not time_limit.is_over:
            try:
                if run is None:
                    trained = complete_training(
                        start_new_run(loaded, store, reporter, time_limit, tensorboard=tensorboard)
                    )
                else:
                    resumption = start_resumption(
                        run, loaded, reporter, time_limit, force=force, tensorboard=tensorboard
                    )
                    trained = run, complete_training(resumption)
            except Interrupted as error:
                if str(error) != time_limit.stop_reason or reporter.log_path is None:
                    raise
                trained = Run(reporter.log_path.parent), Run(reporter.log_path.parent).read_record()
            yield loaded, *trained


def build_tasks(requests: Sequence[TrainRequest], store: Store, *, force: bool, tensorboard: bool) -> list[Task]:
    """Build the tasks that train the unfinished experiments in worker processes.

    Args:
        requests: The experiments. The number of a task is the position of its request.
        store: The store in which new runs are created.
        force: Whether runs are resumed although their config has changed.
        tensorboard: Whether every run gets a TensorBoard log.
    """
    return [
        Task(
            number,
            loaded,
            store.root.absolute(),
            compute_network_digest(loaded.experiment),
            None if run is None else run.directory.absolute(),
            force=force,
            tensorboard=tensorboard,
            lanes=1 if run is None else run.read_raw_record().lanes,
        )
        for number, (loaded, run, is_done) in enumerate(requests)
        if not is_done
    ]


def iter_trained_runs(
    requests: Sequence[TrainRequest], task_results: Sequence[TaskResult]
) -> Iterator[tuple[LoadedExperiment, Run, Record]]:
    """Yield the experiment, the run and the run record of each request that has a run record.

    A training that failed before its run was created has no run record.

    Args:
        requests: The experiments, including those whose runs need no training.
        task_results: The results of the trainings in worker processes.
    """
    results_by_number = {task_result.number: task_result for task_result in task_results}
    for number, (loaded, run, is_done) in enumerate(requests):
        if is_done and run is not None:
            yield loaded, run, run.read_record()
        elif (
            (task_result := results_by_number.get(number)) is not None
            and task_result.run_directory is not None
            and task_result.record is not None
        ):
            yield loaded, Run(task_result.run_directory), task_result.record
