"""Training of a job in its run directory, from the initial record to the final record."""

import hashlib
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dnn_cli.config.digests import compute_outcome_digest, compute_training_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.network_summary import summarize_network
from dnn_cli.data.input_statistics import build_input_profile
from dnn_cli.data.pipeline import count_batches
from dnn_cli.errors import RunError
from dnn_cli.runs.atomic_write import atomic_write
from dnn_cli.runs.input_profile import write_input_profile
from dnn_cli.runs.record import Membership, Record, Results, Scores, get_utc_now
from dnn_cli.runs.run import Run
from dnn_cli.training import environment
from dnn_cli.training.checkpoint_callback import CheckpointCallback, ResumePoint, skip_calls
from dnn_cli.training.chunked_engine import build_dataset
from dnn_cli.training.compiled_model import CompiledModel, CompiledModelCache
from dnn_cli.training.diagnostics_callback import DiagnosticsCallback
from dnn_cli.training.keras_callbacks import (
    BestModelCheckpoint,
    MetricsWriter,
    ProgressReporter,
    StopWhenDiverged,
    build_callbacks,
)
from dnn_cli.training.stop_request import SIGNAL_REASON, Diverged, GetStopReason, Interrupted, never_stop
from dnn_cli.training.training_job import TrainingJob
from dnn_cli.training.training_state import restore_variables
from dnn_cli.training.xla_cache import use_cached_programs

_logger = logging.getLogger(__name__)


class _FitResult(NamedTuple):
    """Scores and digest of the model in `model.keras`, and the epochs of the saved weights."""

    scores: Scores | None
    """Validation scores of the saved model; `None` without validation examples."""

    weights_digest: str
    """Digest of the weights in `model.keras`."""

    epoch: int | None
    """Epoch of the weights in `model.keras`; `None` for weights averaged over several epochs (`use_ema`)."""

    best_epoch: int | None
    """Epoch of the weights in `best.keras`; `None` if this file was not written or the epoch is unknown."""


def _fit_model(
    job: TrainingJob,
    compiled_model: CompiledModel,
    run: Run,
    reporter: ProgressReporter,
    rows: list[Scores],
    resume_point: ResumePoint,
    get_stop_reason: GetStopReason,
    get_seconds: Callable[[], float],
) -> _FitResult:
    """Train a model, write its files to a run directory, and add a row to `rows` for every epoch.

    Args:
        job: The training job.
        compiled_model: The compiled model of the job's network.
        run: The run to which all files are written.
        reporter: The progress reporter.
        rows: The rows of `metrics.csv` of the epochs before the resume point. Rows of new epochs are appended.
        resume_point: The state from which the training starts.
        get_stop_reason: The function that returns the reason of a stop request, or an empty text.
        get_seconds: The function that returns the seconds of training so far.

    Raises:
        Diverged: the loss or a weight is no longer a finite number.
        Interrupted: a stop request ended the training.
        RunError: the run directory cannot be written, or the checkpoint is of another network or plan.
    """
    experiment, plan, split, progress = job.experiment, job.plan, job.split, resume_point.progress
    model, pipeline = compiled_model.model, compiled_model.pipeline
    # A checkpoint replaces the initial kernels below.
    initial_kernels = compiled_model.inspector.copy_kernels(model) if experiment.diagnostics else []
    if resume_point.checkpoint is not None:
        restore_variables(model, resume_point.checkpoint.arrays, progress.optimizer, experiment.optimizer)
        if progress.calls:
            skip_calls(model, progress.calls)
    steps_per_epoch = count_batches(len(split.train), experiment.batch_size)
    if progress.calls > count_batches(steps_per_epoch, plan.steps):
        raise RunError(f"the checkpoint has {progress.calls} calls of the engine, more than an epoch has")
    first_epoch = experiment.epochs if progress.stopped else progress.epoch
    order = pipeline.build_shuffled_order(split.train, experiment.seed)
    training = build_dataset(pipeline, plan, order, range(first_epoch, experiment.epochs), weighted=True)
    validation = (
        build_dataset(pipeline, plan, pipeline.build_fixed_order(split.validation)) if len(split.validation) else None
    )
    validation_steps = count_batches(len(split.validation), experiment.batch_size) or None
    reporter.on_begin(job.device.name, plan, steps_per_epoch)
    _logger.info(
        "training starts on %s at epoch %d of %d, %d steps per epoch, %d per call of the %s engine",
        job.device.name, first_epoch + 1, experiment.epochs, steps_per_epoch, plan.steps, plan.engine,
    )  # fmt: skip
    other_callbacks = build_callbacks(experiment, run)
    model.fit(
        training,
        steps_per_epoch=steps_per_epoch,
        initial_epoch=first_epoch,
        epochs=experiment.epochs,
        validation_data=validation,
        validation_steps=validation_steps,
        callbacks=[
            StopWhenDiverged(experiment.batch_size),
            MetricsWriter(
                run, reporter, rows, steps_per_epoch, experiment.score_names, progress.epoch_seconds, progress.calls
            ),
            *other_callbacks,
            *(
                [DiagnosticsCallback(run, compiled_model.inspector, resume_point, initial_kernels, experiment)]
                if experiment.diagnostics
                else []
            ),
            CheckpointCallback(run, resume_point, rows, other_callbacks, get_stop_reason, get_seconds, experiment),
        ],
        # The pipeline determines the order of every epoch.
        shuffle=False,
        verbose=0,
    )
    with atomic_write(run.model) as temporary:
        model.save(temporary)
    _logger.info("model saved: %s", run.model)
    scores = None
    if validation is not None:
        scores = {name: value for name, value in rows[-1].items() if name.startswith("val_")}
        if _changes_final_weights(experiment):
            values = model.evaluate(validation, steps=validation_steps, verbose=0, return_dict=True)
            scores = {f"val_{name}": float(value) for name, value in values.items()}
        if plan.engine == "chunked":
            outputs = compiled_model.predict(validation)
        else:
            outputs = model.predict(validation, steps=validation_steps, verbose=0)
        with atomic_write(run.predictions) as temporary:
            np.savez(
                temporary, outputs=outputs, labels=job.examples.targets[split.validation], indices=split.validation
            )
        _logger.info("model evaluated on %d validation examples", len(split.validation))
    if stop_reason := get_stop_reason():
        raise Interrupted(stop_reason)
    return _FitResult(
        scores,
        _compute_weights_digest(model),
        _find_final_epoch(experiment, other_callbacks, len(rows)),
        _find_best_epoch(other_callbacks),
    )


def _find_final_epoch(experiment: Experiment, callbacks: Sequence[keras.callbacks.Callback], last: int) -> int | None:
    """Return the epoch of the final weights of a training; `None` for averaged weights.

    Early stopping can restore the weights of an earlier epoch. Keras does so after weights are averaged (`use_ema`), so
    the restored weights are final.

    Args:
        experiment: The experiment.
        callbacks: The callbacks of the training.
        last: The last epoch that was trained.
    """
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.EarlyStopping) and callback.best_weights is not None:
            return int(callback.best_epoch) + 1
    return None if experiment.optimizer.use_ema else last


def _find_best_epoch(callbacks: Sequence[keras.callbacks.Callback]) -> int | None:
    """Return the epoch of the weights in `best.keras`; `None` if the epoch is unknown."""
    best_epochs = (callback.best_epoch for callback in callbacks if isinstance(callback, BestModelCheckpoint))
    return next((epoch + 1 for epoch in best_epochs if epoch is not None), None)


def _compute_weights_digest(model: keras.Model) -> str:
    """Return a digest that is equal only for equal weights."""
    weights_hash = hashlib.sha256()
    for weight in model.get_weights():
        weights_hash.update(repr((weight.shape, weight.dtype.str)).encode())
        weights_hash.update(np.ascontiguousarray(weight).data)
    return f"sha256:{weights_hash.hexdigest()}"


def _changes_final_weights(experiment: Experiment) -> bool:
    """Return whether the saved weights can differ from the weights that gave the last validation scores.

    Averaging of weights (`use_ema`) and callbacks can change the weights at the end of the training.
    """
    return experiment.optimizer.use_ema or any(callback.changes_final_weights for callback in experiment.callbacks)


def build_initial_record(
    job: TrainingJob, *, reproduces: str | None = None, sweeps: tuple[Membership, ...] = ()
) -> Callable[[str], Record]:
    """Return a function that takes a run id, and builds the record of this run before its first epoch.

    The id is known only when the run directory is created.

    Args:
        job: The training job.
        reproduces: The id of the run that the new run repeats.
        sweeps: The memberships of the run in sweeps.
    """
    experiment, summary = job.experiment, summarize_network(job.experiment)
    return lambda run_id: Record(
        id=run_id,
        name=experiment.name,
        status="running",
        started=get_utc_now(),
        process=environment.get_current_process(),
        reproduces=reproduces,
        experiment=compute_outcome_digest(experiment),
        sweeps=sweeps,
        engine=job.plan.engine,
        plan={key: value for key, value in asdict(job.plan).items() if key != "engine"},
        results=Results(monitor=experiment.monitor),
        parameters={"total": summary.total, "trainable": summary.trainable},
        data={
            "dataset": experiment.data.dataset,
            "fingerprint": job.examples.compute_fingerprint(),
            "split": job.split.compute_fingerprint(),
            "train": len(job.split.train),
            "validation": len(job.split.validation),
            "test": experiment.data.test_examples,
        },
        versions=environment.read_versions(),
        platform={**environment.describe_machine(), **job.device.details},
        flags=environment.list_environment_variables(),
        git=environment.read_git_state(),
    )


def train_model(
    job: TrainingJob,
    run: Run,
    reporter: ProgressReporter,
    get_stop_reason: GetStopReason = never_stop,
    resume_point: ResumePoint | None = None,
    model_cache: CompiledModelCache | None = None,
) -> Record:
    """Train a job in a run directory that holds an initial record, and return the final record.

    If the training diverges or fails, the final record has the reason. If the training is interrupted or a file cannot
    be written, the record is written if possible, and the error is raised again.

    Args:
        job: The training job.
        run: The run to which all files are written. This process holds the lock of the run.
        reporter: The progress reporter.
        get_stop_reason: The function that returns the reason of a stop request, or an empty text.
        resume_point: The state from which the training starts; by default the initial weights.
        model_cache: The compiled models of earlier trainings in this process, for reuse.

    Raises:
        Interrupted: a stop request ended the training, which can be resumed.
        RunError: the run directory cannot be written, or the checkpoint is of another network or plan.
        KeyboardInterrupt: the user interrupted the training.
        SystemExit: a signal ended the training.
    """
    resume_point = resume_point or ResumePoint(compute_training_digest(job.experiment))
    seconds_before, start_time = resume_point.progress.seconds, time.monotonic()
    record, rows = run.read_raw_record(), list(resume_point.progress.rows)

    def get_seconds() -> float:
        return round(seconds_before + time.monotonic() - start_time, 3)

    def build_final_record(status: str, reason: str | None, **fit_result: Any) -> Record:
        results = Results.from_rows(rows, record.results.monitor, **fit_result)
        updates = {
            "status": status,
            "reason": reason,
            "ended": get_utc_now(),
            "seconds": get_seconds(),
            "epochs": len(rows),
        }
        return record.model_copy(update={**updates, "results": results})

    try:
        write_input_profile(
            run, build_input_profile(job.experiment.data.info, job.examples, job.split, job.preprocessing)
        )
        with (
            tf.device(job.device.tensorflow_name),
            use_cached_programs(job.experiment),
            (model_cache or CompiledModelCache()).use_model(job) as compiled_model,
        ):
            saved = _fit_model(job, compiled_model, run, reporter, rows, resume_point, get_stop_reason, get_seconds)
        record = build_final_record(
            "completed", _format_early_stop_reason(job, rows),
            model=saved.scores, weights=saved.weights_digest, epoch=saved.epoch, kept=saved.best_epoch,
        )  # fmt: skip
        run.write_record(record)
        _logger.info("run recorded: %s, %d epochs, %.2f s", record.status, record.epochs, record.seconds)
    except BaseException as error:
        record = build_final_record(*_classify_exception(error))
        # The first error is reported, instead of an error in writing the record.
        with suppress(RunError):
            run.write_record(record)
        _logger.info("training ended: %s, %s", record.status, record.reason, exc_info=record.status == "failed")
        if record.status == "interrupted" or isinstance(error, RunError):
            raise
        if record.status == "failed":
            traceback.print_exc()
    return record


def _format_early_stop_reason(job: TrainingJob, rows: list[Scores]) -> str | None:
    """Return the reason why early stopping ended a training; `None` if all epochs were trained."""
    stopping = job.experiment.early_stopping
    if stopping is None or len(rows) == job.experiment.epochs:
        return None
    if stopping.baseline is not None:
        return f"stopped early: {stopping.monitor} did not reach the baseline {stopping.baseline:g}"
    patience = max(stopping.patience, 1)
    return f"stopped early: {stopping.monitor} did not improve for {patience} epoch{'s' * (patience > 1)}"


def _classify_exception(error: BaseException) -> tuple[str, str]:
    """Return the status of a training that raised an exception, and the reason in one line."""
    if isinstance(error, Diverged):
        return "diverged", str(error)
    if isinstance(error, Interrupted):
        return "interrupted", str(error)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "interrupted", SIGNAL_REASON
    if isinstance(error, RunError):
        return "failed", error.message
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "failed", "out of memory: use a smaller batch_size or a smaller network"
    lines = str(error).strip().splitlines() or [""]
    return "failed", f"{type(error).__name__}: {lines[0]}"[:300]
