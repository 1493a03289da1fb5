"""Steps of a training: compile the model, fit and save it, and evaluate its final weights."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.data.pipeline import count_batches
from dnn_cli.errors import RunError
from dnn_cli.metrics.saved_predictions import write_predictions
from dnn_cli.runs.atomic_write import atomic_write
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.run import Run
from dnn_cli.training.checkpoint_callback import CheckpointCallback, ResumePoint, skip_calls
from dnn_cli.training.chunked_engine import ChunkDataset, build_dataset
from dnn_cli.training.compiled_model import CompiledModel, CompiledModelCache
from dnn_cli.training.diagnostics_callback import DiagnosticsCallback, LayerInspector
from dnn_cli.training.keras_callbacks import (
    BestModelCheckpoint,
    KerasModelState,
    MetricsWriter,
    ModelState,
    ProgressReporter,
    StopWhenDiverged,
    build_callbacks,
)
from dnn_cli.training.run_recorder import RunRecorder
from dnn_cli.training.stop_request import GetStopReason
from dnn_cli.training.swap_callback import find_swap
from dnn_cli.training.training_job import TrainingJob
from dnn_cli.training.training_state import restore_variables

_logger = logging.getLogger(__name__)


class FitRequest(NamedTuple):
    """Objects that determine how the model of a run is fitted."""

    job: TrainingJob
    recorder: RunRecorder
    """Recorder of the run. Its rows have the epochs before the resume point, and get the new epochs."""

    progress_reporter: ProgressReporter
    resume_point: ResumePoint
    get_stop_reason: GetStopReason
    """Function that returns the reason of a stop request, or an empty text."""

    compiled_models: CompiledModelCache
    """Cache of compiled models of the process."""


class FittedModel(NamedTuple):
    """Model after its last epoch, with the validation examples and the callbacks of its training."""

    compiled_model: CompiledModel
    validation: ChunkDataset | None
    """Batches of the validation examples; `None` without validation examples."""

    callbacks: Sequence[keras.callbacks.Callback]
    """Callbacks that the config requests."""

    @property
    def model(self) -> keras.Sequential:
        """Keras model with its final weights."""
        return self.compiled_model.model


@contextmanager
def use_compiled_model(request: FitRequest) -> Iterator[CompiledModel]:
    """Yield the compiled model of a request, with initial weights, on the device of its job."""
    job = request.job
    with tf.device(job.device.tensorflow_name), request.compiled_models.use_model(job) as compiled_model:
        yield compiled_model


class FitCallbacks(NamedTuple):
    """Callbacks of a fit, and the epoch with which the fit starts."""

    first_epoch: int
    """Number of the first epoch, counted from 0."""

    config_callbacks: list[keras.callbacks.Callback]
    """Callbacks that the config requests."""

    all_callbacks: list[keras.callbacks.Callback]
    """All callbacks, in the order in which they act."""


def prepare_fit(
    request: FitRequest,
    compiled_model: CompiledModel,
    model_state: ModelState,
    inspector: LayerInspector,
    lane_count: int = 1,
) -> FitCallbacks:
    """Restore the variables of a checkpoint, report the start of the training, and build the callbacks.

    Args:
        request: The request.
        compiled_model: The compiled model of the job, with initial weights.
        model_state: The object from which callbacks read numbers of the model after each epoch.
        inspector: The object that measures the layers of the model.
        lane_count: The number of runs that one program trains together, and that share its time.

    Raises:
        RunError: the checkpoint is of another network or plan.
    """
    job, recorder, resume_point = request.job, request.recorder, request.resume_point
    experiment, plan, progress, run = job.experiment, job.plan, resume_point.progress, recorder.run
    recorder.lane_count = lane_count
    # A checkpoint replaces the initial kernels below.
    initial_kernels = compiled_model.inspector.copy_kernels(compiled_model.model) if experiment.diagnostics else []
    if resume_point.checkpoint is not None:
        restore_variables(
            compiled_model.model, resume_point.checkpoint.arrays, progress.optimizer, experiment.optimizer
        )
    if progress.calls > count_batches(job.steps_per_epoch, plan.steps):
        raise RunError(f"the checkpoint has {progress.calls} calls of the engine, more than an epoch has")
    first_epoch = experiment.epochs if progress.stopped else progress.epoch
    request.progress_reporter.on_begin(job.device.name, plan, job.steps_per_epoch)
    _logger.info(
        "training starts on %s at epoch %d of %d, %d steps per epoch, %d per call of the %s engine, %d lanes",
        job.device.name, first_epoch + 1, experiment.epochs, job.steps_per_epoch, plan.steps, plan.engine, plan.lanes,
    )  # fmt: skip
    config_callbacks = build_callbacks(experiment, run)
    diagnostics = (
        [DiagnosticsCallback(run, inspector, resume_point, initial_kernels, experiment, find_swap(config_callbacks))]
        if experiment.diagnostics
        else []
    )
    all_callbacks = [
        StopWhenDiverged(experiment.batch_size, model_state),
        MetricsWriter(
            run,
            request.progress_reporter,
            recorder.rows,
            job.steps_per_epoch,
            experiment.score_names,
            model_state,
            progress.epoch_seconds,
            progress.calls,
            lane_count,
        ),
        *config_callbacks,
        *diagnostics,
        CheckpointCallback(
            run,
            resume_point,
            recorder.rows,
            config_callbacks,
            request.get_stop_reason,
            recorder.get_seconds,
            experiment,
            lane_count,
        ),
    ]
    return FitCallbacks(first_epoch, config_callbacks, all_callbacks)


def fit_model(request: FitRequest, compiled_model: CompiledModel) -> FittedModel:
    """Train a model to its last epoch. Scores and checkpoints are written to the run directory.

    Args:
        request: The request.
        compiled_model: The compiled model of the job's network, with initial weights.

    Raises:
        Diverged: the loss or a weight is no longer a finite number.
        Interrupted: a stop request ended the training.
        RunError: the run directory cannot be written, or the checkpoint is of another network or plan.
    """
    job, experiment, model = request.job, request.job.experiment, compiled_model.model
    fit = prepare_fit(request, compiled_model, KerasModelState(model), compiled_model.inspector)
    if request.resume_point.progress.calls:
        skip_calls(model, request.resume_point.progress.calls)
    pipeline = compiled_model.pipeline
    order = pipeline.build_shuffled_order(job.split.train, experiment.seed)
    training = build_dataset(pipeline, job.plan, order, range(fit.first_epoch, experiment.epochs), weighted=True)
    validation = build_validation(job, compiled_model)
    model.fit(
        training,
        steps_per_epoch=job.steps_per_epoch,
        initial_epoch=fit.first_epoch,
        epochs=experiment.epochs,
        validation_data=validation,
        validation_steps=job.validation_steps,
        callbacks=fit.all_callbacks,
        # The pipeline determines the order of every epoch.
        shuffle=False,
        verbose=0,
    )
    return FittedModel(compiled_model, validation, fit.config_callbacks)


def build_validation(job: TrainingJob, compiled_model: CompiledModel) -> ChunkDataset | None:
    """Build the dataset of the validation examples; `None` without validation examples."""
    if not len(job.split.validation):
        return None
    pipeline = compiled_model.pipeline
    return build_dataset(pipeline, job.plan, pipeline.build_fixed_order(job.split.validation))


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
    values = fitted.model.evaluate(fitted.validation, steps=job.validation_steps, verbose=0, return_dict=True)
    return {f"val_{name}": float(value) for name, value in values.items()}


def save_predictions(job: TrainingJob, fitted: FittedModel, run: Run) -> None:
    """Write the outputs of the final weights for the validation examples to `predictions.npz`.

    With `data.reporting_half`, the outputs for the reporting half are written to `reporting_predictions.npz`, with the
    weights of its examples. Scores of the reporting half are not computed. Without validation examples, no file is
    written.

    Raises:
        RunError: a file cannot be written.
    """
    if fitted.validation is None:
        return
    split, examples = job.split, job.examples
    outputs = _predict(job, fitted, fitted.validation, len(split.validation))
    write_predictions(run.predictions, outputs, examples.targets[split.validation], split.validation)
    _logger.info("model evaluated on %d validation examples", len(split.validation))
    if len(split.reporting):
        pipeline = fitted.compiled_model.pipeline
        batches = build_dataset(pipeline, job.plan, pipeline.build_fixed_order(split.reporting))
        outputs = _predict(job, fitted, batches, len(split.reporting))
        weights = None if examples.weights is None else examples.weights[split.reporting]
        labels = examples.targets[split.reporting]
        write_predictions(run.reporting_predictions, outputs, labels, split.reporting, weights)
        _logger.info("outputs saved for %d examples of the reporting half", len(split.reporting))


def _predict(job: TrainingJob, fitted: FittedModel, batches: ChunkDataset, count: int) -> NDArray[np.float32]:
    """Return the outputs of a trained model for a dataset with `count` examples, float32 of shape (count, units)."""
    if job.plan.engine == "chunked":
        return fitted.compiled_model.predict(batches)
    steps = count_batches(count, job.experiment.batch_size)
    return np.asarray(fitted.model.predict(batches, steps=steps, verbose=0))


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
