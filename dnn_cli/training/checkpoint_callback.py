"""Checkpoints of a training in progress: when checkpoints are saved, and where a training resumes.

Regular checkpoints take at most 1/50 of the training time. Checkpoints are also saved with each best model, after the
last epoch, and after a stop request. If the experiment, versions or data have changed, a resumed training also saves a
checkpoint at its start.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dnn_cli.config.experiment import Experiment
from dnn_cli.runs.checkpoint import Checkpoint, TrainingProgress, write_checkpoint
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.run import Run
from dnn_cli.training.stop_request import GetStopReason, Interrupted
from dnn_cli.training.training_state import (
    METRICS_GROUP,
    StateArrays,
    capture_state,
    copy_metric_values,
    restore_callbacks,
    restore_metrics,
)

_logger = logging.getLogger(__name__)

SECONDS_PER_CHECKPOINT_SECOND = 49
"""Seconds of training before the next regular checkpoint, for each second that saving the last checkpoint took. Saving
thus takes 1/50 of the time."""


@dataclass(frozen=True)
class ResumePoint:
    """State from which a training starts: initial weights, or a checkpoint."""

    training_digest: str
    """Training digest of the experiment, from `config.digests.compute_training_digest`."""

    checkpoint: Checkpoint | None = None
    changed: bool = False
    """Whether the experiment, versions, data, processor or execution plan have changed since the run was last
    trained."""

    @property
    def progress(self) -> TrainingProgress:
        """Finished epochs and engine calls, rows of scores, and seconds of the training up to this point.

        If something has `changed`, the unfinished epoch starts again from its first batch. An earlier end by early
        stopping is then ignored.
        """
        progress = self.checkpoint.progress if self.checkpoint else TrainingProgress(experiment=self.training_digest)
        if not self.changed:
            return progress
        # A call may now have another number of steps, and the callback that ended the training may be removed.
        return progress.model_copy(update={"calls": 0, "stopped": False, "epoch_seconds": 0.0})


class CheckpointCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Callback that saves checkpoints, and ends the training after a stop request.

    It must be the last callback, because it saves the state of the other callbacks, and restores this state when
    training begins. After a stop request, it saves a checkpoint and raises `Interrupted`, even in the middle of an
    epoch or of its validation.
    """

    def __init__(
        self,
        run: Run,
        resume_point: ResumePoint,
        rows: list[Scores],
        other_callbacks: Sequence[keras.callbacks.Callback],
        get_stop_reason: GetStopReason,
        get_seconds: Callable[[], float],
        experiment: Experiment,
        lane_count: int = 1,
    ) -> None:
        super().__init__()
        self.run = run
        self.lane_count = lane_count
        """Number of runs that share the time of one program, and also save checkpoints."""

        self.resume_point = resume_point
        self.rows = rows
        self.other_callbacks = other_callbacks
        self.get_stop_reason = get_stop_reason
        self.get_seconds = get_seconds
        self.experiment = experiment
        self.epoch = resume_point.progress.epoch
        self.calls = 0
        self.epoch_start = 0.0
        self.next_save_time = 0.0
        self.metric_arrays: StateArrays = {}

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        if self.resume_point.checkpoint is not None:
            restore_callbacks(
                self.other_callbacks, self.resume_point.checkpoint.arrays, self.resume_point.progress.callbacks
            )
        if self.resume_point.changed:
            self.save_checkpoint()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.epoch, self.calls, self.epoch_start = epoch, 0, time.perf_counter()
        if self.is_resumed_epoch and self.resume_point.checkpoint is not None:
            restore_metrics(self.model, self.resume_point.checkpoint.arrays)
            self.epoch_start -= self.resume_point.progress.epoch_seconds * self.lane_count

    @property
    def is_resumed_epoch(self) -> bool:
        """Whether the current epoch began before this training was resumed."""
        return self.epoch == self.resume_point.progress.epoch and self.resume_point.progress.calls > 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self.calls += 1
        if not (self.is_resumed_epoch and self.calls <= self.resume_point.progress.calls):
            self.save_or_stop()

    def on_test_begin(self, logs: Mapping[str, float] | None = None) -> None:
        # Validation resets the metrics of the training.
        self.metric_arrays = copy_metric_values(self.model)

    def on_test_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        if stop_reason := self.get_stop_reason():
            self.save_checkpoint(self.metric_arrays)
            raise Interrupted(stop_reason)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.epoch, self.calls = epoch + 1, 0
        is_last = self.epoch == self.experiment.epochs or self.model.stop_training
        # A best model and its checkpoint must belong to the same epoch.
        has_best = any(getattr(callback, "has_saved", False) for callback in self.other_callbacks)
        self.save_or_stop(save_now=is_last or has_best)

    def save_or_stop(self, *, save_now: bool = False) -> None:
        stop_reason = self.get_stop_reason()
        if stop_reason or save_now or time.perf_counter() >= self.next_save_time:
            self.save_checkpoint()
        if stop_reason:
            raise Interrupted(stop_reason)

    def save_checkpoint(self, metric_arrays: StateArrays | None = None) -> None:
        """Save a checkpoint if all its numbers, except those of metrics, are finite.

        Otherwise the previous checkpoint stays the last usable one.

        Args:
            metric_arrays: The metrics of the epoch's training batches, if a validation is in progress. These values
                were copied before the validation, which resets the metrics.
        """
        start_time = time.perf_counter()
        arrays, memories = capture_state(self.model, self.other_callbacks)
        if not all(np.isfinite(array).all() for name, array in arrays.items() if not name.startswith(METRICS_GROUP)):
            return
        progress = TrainingProgress(
            experiment=self.resume_point.training_digest,
            optimizer=self.experiment.optimizer.model_dump(mode="json"),
            epoch=self.epoch,
            calls=self.calls,
            stopped=self.model.stop_training,
            rows=self.rows,
            seconds=self.get_seconds(),
            epoch_seconds=(start_time - self.epoch_start) / self.lane_count if self.calls else 0.0,
            callbacks=memories,
        )
        write_checkpoint(self.run, Checkpoint(progress, {**arrays, **(metric_arrays or {})}))
        end_time = time.perf_counter()
        _logger.debug(
            "checkpoint saved after epoch %d and %d calls, %.3f s", self.epoch, self.calls, end_time - start_time
        )
        seconds = self.lane_count * (end_time - start_time)
        self.next_save_time = end_time + SECONDS_PER_CHECKPOINT_SECOND * seconds


def skip_calls(model: keras.Model, calls: int) -> None:
    """Make the next calls of a model's train function take their batches from the dataset without training.

    The weights of a checkpoint already contain the training of these batches. After the skipped calls, the model has
    its original train function again.

    Args:
        model: The model.
        calls: The number of calls in the unfinished epoch before the checkpoint was saved.
    """
    model.make_train_function()
    train_function, calls_left = model.train_function, iter(range(calls))

    def run_or_skip_call(batches: Iterator[Any]) -> Mapping[str, Any]:
        if next(calls_left, None) is None:
            model.train_function = train_function
            logs: Mapping[str, Any] = train_function(batches)
            return logs
        next(batches)
        return dict(model.get_metrics_result())

    model.train_function = run_or_skip_call
