"""Resumption of an existing run from its last checkpoint, after checks that nothing has changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dnn_cli.config.digests import compute_outcome_digest, compute_training_digest
from dnn_cli.config.loading import load_resolved_experiment, to_yaml
from dnn_cli.errors import UsageError
from dnn_cli.execution.executor_choice import list_default_gpus
from dnn_cli.execution.run_training import start_training
from dnn_cli.runs import checkpoint as checkpoints
from dnn_cli.runs.atomic_write import write_text
from dnn_cli.runs.record import Resume, get_utc_now
from dnn_cli.runs.unused_files import remove_temporary_files
from dnn_cli.training.lane_support import find_lane_obstacle
from dnn_cli.training.resume_checks import check_resumable, list_changes, list_environment_changes
from dnn_cli.training.tensorflow_startup import get_thread_count, restore_thread_count

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.config.loading import LoadedExperiment
    from dnn_cli.execution.fitting import Training
    from dnn_cli.execution.preparation import ProcessCache
    from dnn_cli.execution.reporters import Reporter
    from dnn_cli.runs.checkpoint import Checkpoint
    from dnn_cli.runs.record import Membership, Record
    from dnn_cli.runs.run import Run
    from dnn_cli.training.checkpoint_callback import ResumePoint
    from dnn_cli.training.stop_request import StopRequest
    from dnn_cli.training.training_job import TrainingJob


def start_resumption(
    run: "Run",
    loaded: "LoadedExperiment",
    reporter: "Reporter",
    stop_request: "StopRequest | None" = None,
    *,
    force: bool = False,
    sweeps: "tuple[Membership, ...]" = (),
    cache: "ProcessCache | None" = None,
    tensorboard: bool = False,
) -> "Training[Record]":
    """Resume a run from its last checkpoint, and return its final record.

    The result equals that of an uninterrupted training, unless `force` allows changes. An existing TensorBoard log is
    continued. The training pauses as in `start_training`.

    Args:
        run: The run to resume.
        loaded: The experiment with which the training continues, for example with more epochs.
        reporter: The object that receives the lines of the training.
        stop_request: The object that says whether and why the training shall stop.
        force: Whether the run is resumed even if its experiment, its data or versions of packages have changed.
        sweeps: The memberships in sweeps that are added to the run.
        cache: The cache of this process for its trainings.
        tensorboard: Whether a TensorBoard log is written.

    Raises:
        UsageError: all epochs are trained, or something has changed without `force`. The run stays unchanged.
        DataError: the data cannot be read. The run stays unchanged.
        RunError: another process trains the run, or the run directory cannot be written.
        Interrupted: `stop_request` ended the training. The run can be resumed.
        SystemExit: a signal ended the training.
    """
    experiment = loaded.experiment
    reporter.begin_run()
    with run.hold_lock():
        record, (checkpoint, checkpoint_problem) = run.read_raw_record(), checkpoints.read_last_checkpoint(run)
        check_resumable(record, checkpoint, experiment, force=force)
        changed = list_changes(record, checkpoint, load_resolved_experiment(str(run.config)), experiment)
        _check_unchanged(record, changed, force=force)
        if checkpoint_problem:
            since = f"the previous checkpoint, of epoch {checkpoint.progress.epoch}" if checkpoint else "the beginning"
            checkpoint_problem = f"{checkpoint_problem}; the training continues from {since}"
            reporter.report_line(checkpoint_problem)
        has_gpu = bool(list_default_gpus([experiment]))
        # A forced change can make lanes impossible. The change of their number is then among the reported changes.
        lanes = 1 if find_lane_obstacle(experiment, gpu=has_gpu) else record.lanes
        earlier_threads = _get_recorded_threads(record)
        restore_thread_count(earlier_threads)

        @contextmanager
        def continue_run(job: "TrainingJob") -> "Iterator[tuple[Run, ResumePoint]]":
            from dnn_cli.training.checkpoint_callback import ResumePoint

            changes = _list_all_changes(record, checkpoint, job, changed, force=force)
            resume_point = ResumePoint(compute_training_digest(experiment), checkpoint, bool(changes))
            resumption = Resume(at=get_utc_now(), epochs=resume_point.progress.epoch, calls=resume_point.progress.calls,
                              forced=tuple(changes), note=checkpoint_problem)  # fmt: skip
            _write_resumption(run, record, job, resumption, sweeps)
            for line in changes:
                reporter.report_line(f"changed  {line}")
            kept_memberships = select_memberships(record, job.experiment, sweeps)
            for study_id in dict.fromkeys(item.id for item in record.sweeps if item not in kept_memberships):
                reporter.report_line(f"the run leaves study {study_id}, because its experiment has changed")
            if earlier_threads not in (None, get_thread_count()):
                reporter.report_line(
                    f"the number of threads changes from {earlier_threads} to {get_thread_count()}: "
                    "the last digits of results may differ"
                )
            reporter.report_line(f"continuing after {_format_progress(resume_point)}")
            yield run, resume_point

        _, final_record = yield from start_training(
            loaded, reporter, continue_run, stop_request, cache, lanes=lanes, tensorboard=tensorboard
        )
        return final_record


def _check_unchanged(record: "Record", changed: list[str], *, force: bool) -> None:
    """Check that a run can be resumed under unchanged conditions, or that `force` allows the changes.

    Args:
        record: The record of the run.
        changed: One line for each change, such as `keras: 3.11.0 → 3.12.0`.
        force: Whether changes are allowed.

    Raises:
        UsageError: something has changed without `force`.
    """
    if changed and not force:
        raise UsageError(
            f"run {record.id} was trained under other conditions: {'; '.join(changed)}",
            "to continue, add --force; run.json then records the changes",
        )


def _list_all_changes(
    record: "Record", checkpoint: "Checkpoint | None", job: "TrainingJob", changed: list[str], *, force: bool
) -> list[str]:
    """List the changes since a run was last trained, also those of its data, its processor and its packages.

    Args:
        record: The record of the run.
        checkpoint: The checkpoint from which the training continues.
        job: The training job that continues the run.
        changed: The changes of the experiment.
        force: Whether changes are allowed.

    Raises:
        UsageError: something has changed without `force`, or the checkpoint is of another network.
    """
    from dnn_cli.training.training_state import NEW_OPTIMIZER, check_same_network, classify_optimizer_change

    changes = [*changed, *list_environment_changes(record, job)]
    _check_unchanged(record, changes, force=force)
    if changes and checkpoint is not None:
        check_same_network(job.experiment, checkpoint.arrays)
        if classify_optimizer_change(checkpoint.progress.optimizer, job.experiment.optimizer) == NEW_OPTIMIZER:
            changes.append("the optimizer starts from its initial state")
    return changes


def _write_resumption(
    run: "Run", record: "Record", job: "TrainingJob", resumption: Resume, sweeps: "tuple[Membership, ...]"
) -> None:
    """Write the record and the config of a run that continues, and delete temporary files of its last training.

    Args:
        run: The run.
        record: The record of the run before it continues.
        job: The training job that continues the run.
        resumption: The description of this resumption.
        sweeps: The memberships in sweeps that are added to the run.
    """
    from dnn_cli.training.run_recorder import build_initial_record

    memberships = select_memberships(record, job.experiment, sweeps)
    current_record = build_initial_record(job, reproduces=record.reproduces, sweeps=memberships)
    preserved = {"started": record.started, "resumed": (*record.resumed, resumption)}
    remove_temporary_files(run)
    run.write_record(record.model_copy(update={**dict(current_record(record.id)), **preserved}))
    if (text := to_yaml(job.experiment)) != run.config.read_text(encoding="utf-8"):
        write_text(run.config, text)


def select_memberships(
    record: "Record", experiment: "Experiment", sweeps: "tuple[Membership, ...]"
) -> "tuple[Membership, ...]":
    """Return the memberships in sweeps and studies of a run that continues with an experiment.

    A run with another experiment than before, such as more epochs, leaves its studies, because it is no longer the run
    of their plans.

    Args:
        record: The record of the run before it continues.
        experiment: The experiment with which the run continues.
        sweeps: The memberships that are added to the run.
    """
    is_unchanged = compute_outcome_digest(experiment) == record.experiment
    earlier = tuple(membership for membership in record.sweeps if membership.study is None or is_unchanged)
    return earlier + tuple(membership for membership in sweeps if membership not in earlier)


def _get_recorded_threads(record: "Record") -> int | None:
    """Return the number of threads that TensorFlow used in a run; `None` if the number is unknown.

    Records of dnn 0.8 contain only the number of cores, which is returned instead.
    """
    thread_count = record.platform.get("threads", record.platform.get("cores"))
    return thread_count if isinstance(thread_count, int) and thread_count > 0 else None


def _format_progress(resume_point: "ResumePoint") -> str:
    """Format the progress at a resume point, such as `epoch 3 and a part of epoch 4`."""
    progress = resume_point.progress
    return f"epoch {progress.epoch}" + (f" and a part of epoch {progress.epoch + 1}" if progress.calls else "")
