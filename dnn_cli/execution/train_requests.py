"""Requests of `dnn train`: experiments to train in new runs, or in runs that are resumed."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dnn_cli.config.cross_validation import format_fold, list_fold_settings
from dnn_cli.config.digests import compute_network_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import LoadedExperiment, load_experiment
from dnn_cli.config.sweeps import Sweep, compute_sweep_id
from dnn_cli.config.user_data import cache_dataset_info
from dnn_cli.execution.fitting import complete_training
from dnn_cli.execution.messages import Task, TaskResult
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.reporters import Reporter
from dnn_cli.execution.resumable_runs import find_run_to_resume, is_training_complete
from dnn_cli.execution.resume_training import start_resumption
from dnn_cli.execution.run_training import start_new_run
from dnn_cli.execution.signals import TimeLimit
from dnn_cli.runs.record import Membership, Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.training.stop_request import Interrupted


class TrainRequest(NamedTuple):
    """Experiment to train, and the run to resume. If the run is `None`, a new run is started."""

    loaded: LoadedExperiment
    run: Run | None = None
    is_done: bool = False
    """Whether the run needs no training."""

    sweeps: tuple[Membership, ...] = ()
    """Membership of the run in its cross-validation; empty without folds."""


def list_fold_trainings(
    loaded: Sequence[LoadedExperiment], repetitions: int | None, *, is_requested: bool
) -> list[tuple[LoadedExperiment, tuple[Membership, ...]]]:
    """Return the experiments to train with their memberships; a cross-validation has one experiment for each fold.

    The runs of a cross-validation belong to the sweep that `dnn sweep` would train from the same words.

    Args:
        loaded: The experiments of the configs.
        repetitions: The number of repetitions of each cross-validation; `None` for one.
        is_requested: Whether the option `--folds` requests all folds.

    Raises:
        UsageError: the options contradict a config.
        ConfigError: the experiment of a fold is not valid.
    """
    trainings: list[tuple[LoadedExperiment, tuple[Membership, ...]]] = []
    with cache_dataset_info():
        for item in loaded:
            settings = list_fold_settings(item.experiment.data, repetitions, is_requested=is_requested)
            if settings == [{}]:
                trainings.append((item, ()))
                continue
            sweep_id = compute_sweep_id(Sweep(item.file, None, item.overrides, {}, (), "grid", 0, None, None, {}))
            for setting in settings:
                words = [*item.overrides, *(f"{key}={text}" for key, text in setting.items())]
                membership = Membership(id=sweep_id, name=item.experiment.name, settings=setting)
                allow_code = item.code_directory is not None
                fold = load_experiment(item.file, words, to_train=True, allow_code=allow_code)
                trainings.append((fold, (membership,)))
    return trainings


def format_training_label(experiment: Experiment) -> str:
    """Return the name of an experiment, with its fold in a cross-validation: `relu_adam fold 2 of 5`."""
    return f"{experiment.name} {format_fold(experiment.data.model_dump())}".rstrip()


def build_resume_request(
    loaded: LoadedExperiment, store: Store, *, force: bool, sweeps: tuple[Membership, ...] = ()
) -> TrainRequest:
    """Build the request that resumes the latest run of an experiment, or starts a run if no run can be resumed.

    Args:
        loaded: The experiment.
        store: The directory of runs, which is searched.
        force: Whether a run with another config may be resumed, and a finished run is trained again.
        sweeps: The membership of the run in its cross-validation.

    Raises:
        UsageError: without `force`, the only runs to resume have another config.
    """
    run = find_run_to_resume(loaded, store, force=force)
    return TrainRequest(loaded, run, run is not None and not force and is_training_complete(run, loaded), sweeps)


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
    # The folds of a cross-validation share their data and, where possible, compiled programs.
    cache = ProcessCache() if any(request.sweeps for request in requests) else None
    for loaded, run, is_done, sweeps in requests:
        if is_done and run is not None:
            yield loaded, run, run.read_record()
        elif not time_limit.is_over:
            try:
                if run is None:
                    trained = complete_training(
                        start_new_run(
                            loaded, store, reporter, time_limit, sweeps=sweeps, cache=cache, tensorboard=tensorboard
                        )
                    )
                else:
                    resumption = start_resumption(
                        run,
                        loaded,
                        reporter,
                        time_limit,
                        sweeps=sweeps,
                        cache=cache,
                        force=force,
                        tensorboard=tensorboard,
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
            sweeps=sweeps,
            tensorboard=tensorboard,
            lanes=1 if run is None else run.read_raw_record().lanes,
        )
        for number, (loaded, run, is_done, sweeps) in enumerate(requests)
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
    for number, (loaded, run, is_done, _) in enumerate(requests):
        if is_done and run is not None:
            yield loaded, run, run.read_record()
        elif (
            (task_result := results_by_number.get(number)) is not None
            and task_result.run_directory is not None
            and task_result.record is not None
        ):
            yield loaded, Run(task_result.run_directory), task_result.record
