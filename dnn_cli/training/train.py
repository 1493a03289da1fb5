"""Steps of a training: compile the model, fit and save it, and evaluate its final weights."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dnn_cli.config.experiment import Experiment
from dnn_cli.data.pipeline import count_batches
from dnn_cli.errors import RunError
from dnn_cli.runs.atomic_write import atomic_write
from dnn_cli.runs.record import Scores
from dnn_cli.runs.run import Run
from dnn_cli.training.checkpoint_callback import CheckpointCallback, ResumePoint, skip_calls
from dnn_cli.training.chunked_engine import ChunkDataset, build_dataset
from dnn_cli.training.compiled_model import CompiledModel, CompiledModelCache
from dnn_cli.training.diagnostics_callback import DiagnosticsCallback
from dnn_cli.training.keras_callbacks import (
    BestModelCheckpoint,
    MetricsWriter,
    ProgressReporter,
    StopWhenDiverged,
    build_callbacks,
)
from dnn_cli.training.run_recorder import RunRecorder
from dnn_cli.training.stop_request import GetStopReason
from dnn_cli.training.training_job import TrainingJob
from dnn_cli.training.training_state import restore_variables

_logger = logging.getLogger(__name__)


class FittedModel(NamedTuple):
    """Model after its last epoch, with the validation examples and the callbacks of its training."""

    compiled_model: CompiledModel
    validation: ChunkDataset | None
    """Batches of the validation examples; `None` without validation examples."""

    validation_steps: int | None
    """Number of validation batches; `None` without validation examples."""

    callbacks: Sequence[keras.callbacks.Callback]
    """Callbacks that the config requests."""

    @property
    def model(self) -> keras.Sequential:
        """Keras model with its final weights."""
        return self.compiled_model.model


@contextmanager
def use_compiled_model(job: TrainingJob, model_cache: CompiledModelCache) -> Iterator[CompiledModel]:
    """Yield the compiled model of a job, with initial weights, on the device of the job."""
    with tf.device(job.device.tensorflow_name), model_cache.use_model(job) as compiled_model:
        yield compiled_model


def fit_model(
    job: TrainingJob,
    compiled_model: CompiledModel,
    recorder: RunRecorder,
    progress_reporter: ProgressReporter,
    resume_point: ResumePoint,
    get_stop_reason: GetStopReason,
) -> FittedModel:
    """Train a model to its last epoch. Scores and checkpoints are written to the run directory.

    Args:
        job: The training job.
        compiled_model: The compiled model of the job's network.
        recorder: The recorder of the run. Its rows have the epochs before the resume point, and get the new epochs.
        progress_reporter: The progress reporter.
        resume_point: The state from which the training starts.
        get_stop_reason: The function that returns the reason of a stop request, or an empty text.

    Raises:
        Diverged: the loss or a weight is no longer a finite number.
        Interrupted: a stop request ended the training.
        RunError: the run directory cannot be written, or the checkpoint is of another network or plan.
    """
    experiment, plan, split, progress = job.experiment, job.plan, job.split, resume_point.progress
    model, pipeline, run, rows = compiled_model.model, compiled_model.pipeline, recorder.run, recorder.rows
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
    progress_reporter.on_begin(job.device.name, plan, steps_per_epoch)
    _logger.info(
        "training starts on %s at epoch %d of %d, %d steps per epoch, %d per call of the %s engine",
        job.device.name, first_epoch + 1, experiment.epochs, steps_per_epoch, plan.steps, plan.engine,
    )  # fmt: skip
    config_callbacks = build_callbacks(experiment, run)
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
                run,
                progress_reporter,
                rows,
                steps_per_epoch,
                experiment.score_names,
                progress.epoch_seconds,
                progress.calls,
            ),
            *config_callbacks,
            *(
                [DiagnosticsCallback(run, compiled_model.inspector, resume_point, initial_kernels, experiment)]
                if experiment.diagnostics
                else []
            ),
            CheckpointCallback(
                run, resume_point, rows, config_callbacks, get_stop_reason, recorder.get_seconds, experiment
            ),
        ],
        # The pipeline determines the order of every epoch.
        shuffle=False,
        verbose=0,
    )
    return FittedModel(compiled_model, validation, validation_steps, config_callbacks)


def save_model(fitted: FittedModel, run: Run) -> None:
    """Write the model with its final weights to `model.keras`.

    Raises:
        RunError: the file cannot be written.
    """
    with atomic_write(run.model) as temporary:
        fitted.model.save(temporary)
    _logger.info("model saved: %s", run.model)


def evaluate_model(job: TrainingJob, fitted: FittedModel, last_scores: Scores) -> Scores | None:
    """Return the validation scores of the final weights; `None` without validation examples.

    Args:
        job: The training job.
        fitted: The trained model.
        last_scores: The scores of the last epoch.
    """
    if fitted.validation is None:
        return None
    if not _changes_final_weights(job.experiment):
        return {name: value for name, value in last_scores.items() if name.startswith("val_")}
    values = fitted.model.evaluate(fitted.validation, steps=fitted.validation_steps, verbose=0, return_dict=True)
    return {f"val_{name}": float(value) for name, value in values.items()}


def save_predictions(job: TrainingJob, fitted: FittedModel, run: Run) -> None:
    """Write the outputs of the final weights for the validation examples to `predictions.npz`.

    Without validation examples, no file is written.

    Raises:
        RunError: the file cannot be written.
    """
    if fitted.validation is None:
        return
    if job.plan.engine == "chunked":
        outputs = fitted.compiled_model.predict(fitted.validation)
    else:
        outputs = fitted.model.predict(fitted.validation, steps=fitted.validation_steps, verbose=0)
    validation_indices = job.split.validation
    with atomic_write(run.predictions) as temporary:
        np.savez(
            temporary, outputs=outputs, labels=job.examples.targets[validation_indices], indices=validation_indices
        )
    _logger.info("model evaluated on %d validation examples", len(validation_indices))


def find_final_epoch(experiment: Experiment, fitted: FittedModel, last: int) -> int | None:
    """Return the epoch of the final weights of a training; `None` for averaged weights.

    Early stopping can restore the weights of an earlier epoch. Keras does so after weights are averaged (`use_ema`), so
    the restored weights are final.

    Args:
        experiment: The experiment.
        fitted: The trained model.
        last: The last epoch that was trained.
    """
    for callback in fitted.callbacks:
        if isinstance(callback, keras.callbacks.EarlyStopping) and callback.best_weights is not None:
            return int(callback.best_epoch) + 1
    return None if experiment.optimizer.use_ema else last


def find_best_epoch(fitted: FittedModel) -> int | None:
    """Return the epoch of the weights in `best.keras`; `None` if the epoch is unknown."""
    best_epochs = (callback.best_epoch for callback in fitted.callbacks if isinstance(callback, BestModelCheckpoint))
    return next((epoch + 1 for epoch in best_epochs if epoch is not None), None)


def compute_weights_digest(model: keras.Model) -> str:
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
