"""Training of an experiment in a new run, and resumption of an existing run, with reports and a log."""

import os
import shlex
from contextlib import nullcontext
from typing import TYPE_CHECKING

from dnn_cli.config.digests import compute_training_digest
from dnn_cli.config.loading import load_resolved_experiment, to_yaml
from dnn_cli.errors import RunError, UsageError
from dnn_cli.execution.preparation import PreparedTraining, prepare_training
from dnn_cli.runs import checkpoint as checkpoints
from dnn_cli.runs.atomic_write import write_text
from dnn_cli.runs.record import Resume, get_utc_now
from dnn_cli.runs.unused_files import remove_temporary_files
from dnn_cli.training.resume_checks import check_resumable, list_changes, list_environment_changes
from dnn_cli.training.tensorflow_startup import get_thread_count, restore_thread_count

if TYPE_CHECKING:
    from dnn_cli.config.loading import LoadedExperiment
    from dnn_cli.execution.preparation import ProcessCache
    from dnn_cli.execution.reporters import Reporter
    from dnn_cli.runs.record import Membership, Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store
    from dnn_cli.training.checkpoint_callback import ResumePoint
    from dnn_cli.training.stop_request import StopRequest


def train_new_run(
    loaded: "LoadedExperiment",
    store: "Store",
    reporter: "Reporter",
    stop_request: "StopRequest | None" = None,
    reproduces: str | None = None,
    *,
    sweeps: "tuple[Membership, ...]" = (),
    cache: "ProcessCache | None" = None,
    tensorboard: bool = False,
) -> "tuple[Run, Record]":
    """Train an experiment in a new run, and return the run with its final record.

    The data is loaded first, so that an error in the data leaves no run directory.

    Args:
        loaded: The experiment.
        store: The store in which the run is created.
        reporter: The object that receives the lines of the training.
        stop_request: The object that says whether and why the training shall stop.
        reproduces: The id of the run that the new run repeats.
        sweeps: The memberships of the run in sweeps.
        cache: The cache of this process for its trainings.
        tensorboard: Whether a TensorBoard log is written.

    Raises:
        Interrupted: `stop_request` ended the training. The run can be resumed.
        DataError: the data cannot be read. No run directory is created.
        UsageError: the device does not exist. No run directory is created.
        RunError: the run directory cannot be written.
        SystemExit: a signal ended the training.
    """
    experiment = loaded.experiment
    reporter.begin_run()
    store.check_writable()
    with prepare_training(loaded, reporter, experiment.epochs, cache) as prepared:
        from dnn_cli.training.train import build_initial_record

        create_record = build_initial_record(prepared.job, reproduces=reproduces, sweeps=sweeps)
        with store.create_run(experiment.name, to_yaml(experiment), create_record) as run:
            return run, _train_prepared(prepared, run, reporter, stop_request, tensorboard=tensorboard)


def resume_training(
    run: "Run",
    loaded: "LoadedExperiment",
    reporter: "Reporter",
    stop_request: "StopRequest | None" = None,
    *,
    force: bool = False,
    sweeps: "tuple[Membership, ...]" = (),
    cache: "ProcessCache | None" = None,
    tensorboard: bool = False,
) -> "Record":
    """Resume a run from its last checkpoint, and return its final record.

    The result equals that of an uninterrupted training, unless `force` allows changes. An existing TensorBoard log is
    continued.

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
        earlier_threads = _get_recorded_threads(record)
        restore_thread_count(earlier_threads)
        with prepare_training(loaded, reporter, experiment.epochs, cache) as prepared:
            from dnn_cli.training.checkpoint_callback import ResumePoint
            from dnn_cli.training.train import build_initial_record
            from dnn_cli.training.training_state import NEW_OPTIMIZER, check_same_network, classify_optimizer_change

            changed += list_environment_changes(record, prepared.job)
            _check_unchanged(record, changed, force=force)
            if changed and checkpoint is not None:
                check_same_network(experiment, checkpoint.arrays)
                if classify_optimizer_change(checkpoint.progress.optimizer, experiment.optimizer) == NEW_OPTIMIZER:
                    changed.append("the optimizer starts from its initial state")
            resume_point = ResumePoint(compute_training_digest(experiment), checkpoint, bool(changed))
            resumption = Resume(at=get_utc_now(), epochs=resume_point.progress.epoch, calls=resume_point.progress.calls,
                              forced=tuple(changed), note=checkpoint_problem)  # fmt: skip
            new_sweeps = tuple(membership for membership in sweeps if membership not in record.sweeps)
            current_record = build_initial_record(
                prepared.job, reproduces=record.reproduces, sweeps=record.sweeps + new_sweeps
            )(record.id)
            preserved = {"started": record.started, "resumed": (*record.resumed, resumption)}
            remove_temporary_files(run)
            run.write_record(record.model_copy(update={**dict(current_record), **preserved}))
            if (text := to_yaml(experiment)) != run.config.read_text(encoding="utf-8"):
                write_text(run.config, text)
            for line in changed:
                reporter.report_line(f"changed  {line}")
            if earlier_threads not in (None, get_thread_count()):
                reporter.report_line(
                    f"the number of threads changes from {earlier_threads} to {get_thread_count()}: "
                    "the last digits of results may differ"
                )
            reporter.report_line(f"continuing after {_format_progress(resume_point)}")
            return _train_prepared(prepared, run, reporter, stop_request, resume_point, tensorboard=tensorboard)


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


def _train_prepared(
    prepared: PreparedTraining,
    run: "Run",
    reporter: "Reporter",
    stop_request: "StopRequest | None",
    resume_point: "ResumePoint | None" = None,
    *,
    tensorboard: bool = False,
) -> "Record":
    """Train a prepared job in a run. If the training ends early, report the command that resumes the run."""
    from dnn_cli.execution.tensorboard_tee import tee_to_tensorboard
    from dnn_cli.training.stop_request import SIGNAL_REASON, Interrupted, never_stop
    from dnn_cli.training.train import train_model

    try:
        reporter.open_log(run.log)
        prepared.redirect_output(run.log)
    except OSError as error:
        raise RunError(
            f"{run.log} cannot be written: {error.strerror}",
            "check permissions and free disk space; nothing has been trained",
        ) from None
    resume_command = f"{shlex.join(['dnn', 'resume', os.path.relpath(run.directory)])} continues the training"
    try:
        experiment, graceful_stop = (
            prepared.job.experiment,
            stop_request.allow_graceful_stop() if stop_request else nullcontext(),
        )
        with (
            tee_to_tensorboard(
                run, experiment, prepared.progress_reporter, reporter, resume_point, enabled=tensorboard
            ) as progress_reporter,
            graceful_stop,
        ):
            return train_model(
                prepared.job, run, progress_reporter, stop_request or never_stop, resume_point, prepared.compiled_models
            )
    except RunError as error:
        raise RunError(error.message, f"the files written before are complete; {resume_command}") from None
    except (Interrupted, KeyboardInterrupt) as error:
        reason = "interrupted" if str(error) in ("", SIGNAL_REASON) else str(error)
        reporter.report_line(f"{reason}; {resume_command}")
        raise
