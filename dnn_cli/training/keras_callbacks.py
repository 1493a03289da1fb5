"""The interface of progress reporters, and Keras callbacks that write scores, save the best model or end a training."""

import logging
import math
import time
from collections.abc import Mapping
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from dnn_cli.config.callbacks import BaseCallback, ModelCheckpoint, SwapEMAWeights
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.score_names import lower_is_better
from dnn_cli.formats.dataset_contents import ReadProgress
from dnn_cli.runs.atomic_write import atomic_write, write_text
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.run import Run, format_metrics_csv
from dnn_cli.training.execution_plan import ExecutionPlan
from dnn_cli.training.stop_request import Diverged
from dnn_cli.training.swap_callback import SwapCallback

_logger = logging.getLogger(__name__)


class ProgressReporter(ReadProgress, Protocol):
    """Object that receives the stages, batches and epochs of a training.

    A stage is work such as loading the data. The object itself is called when a stage begins or progresses.
    """

    def on_begin(self, device: str, plan: ExecutionPlan, steps: int) -> None:
        """Report the start of the training. Every epoch has `steps` batches."""

    def on_batch(self, epoch: int, step: int, scores: Mapping[str, float]) -> None:
        """Report the end of batch `step` of an epoch, both counted from 1. Scores are means over the epoch so far."""

    def on_epoch(self, scores: Mapping[str, float]) -> None:
        """Report the end of an epoch. `scores` is the row of the epoch in `metrics.csv`."""


class ModelState(Protocol):
    """Numbers of a model that callbacks read after every epoch."""

    def read_learning_rate(self) -> np.float32:
        """Return the learning rate of the optimizer."""
        ...

    def find_broken_weight(self) -> str:
        """Return the path of the first weight with a number that is not finite; empty without such a weight."""
        ...


class KerasModelState:
    """Numbers of a Keras model that callbacks read after every epoch."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model

    def read_learning_rate(self) -> np.float32:
        return np.float32(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def find_broken_weight(self) -> str:
        for weight in self.model.weights:
            if not tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(weight.value))):
                return str(weight.path)
        return ""


class StopWhenDiverged(keras.callbacks.Callback):  # type: ignore[misc]
    """Callback that raises `Diverged` when a loss, a validation score or a weight is not finite.

    The loss that Keras passes to callbacks is the mean since the start of the epoch. After a batch whose loss is not
    finite, this mean stays nan or infinite. The error names this batch, even if one call runs several batches. The call
    stops after this batch, so the number of examples in the mean identifies the batch.

    Weights are checked after every epoch. The loss can be finite although weights are not, because relu on a CPU turns
    nan into 0.
    """

    def __init__(self, batch_size: int, model_state: ModelState) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.model_state = model_state
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        if not math.isfinite((logs or {})["loss"]):
            (loss,) = [metric for metric in self.model.metrics if metric.name == "loss"]
            batches = math.ceil(float(loss.count) / self.batch_size)
            raise Diverged(f"the loss became NaN or infinite in epoch {self.epoch}, batch {batches}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if not all(math.isfinite(value) for value in (logs or {}).values()):
            raise Diverged(f"a score of epoch {self.epoch} is NaN or infinite")
        if path := self.model_state.find_broken_weight():
            raise Diverged(f"weights of {path} became NaN or infinite in epoch {self.epoch}")


class MetricsWriter(keras.callbacks.Callback):  # type: ignore[misc]
    """Callback that adds a row for every epoch to `rows` and `metrics.csv`, and sends the row to a progress reporter.

    A row has the scores, the learning rate and the seconds of the epoch.
    """

    def __init__(
        self, run: Run, reporter: ProgressReporter, rows: list[Scores], steps: int, score_names: list[str],
        model_state: ModelState,
        seconds_before: float = 0.0, calls_before: int = 0, lane_count: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.steps = steps
        self.model_state = model_state
        self.score_names = score_names
        self.run = run
        self.reporter = reporter
        self.rows = rows
        # The text of earlier epochs is formatted once.
        self.csv_content = format_metrics_csv(rows)
        self.epoch = 0
        self.start_time = 0.0
        self.seconds_before = seconds_before
        """Seconds that the first epoch took before the training was resumed."""

        self.calls_before = calls_before
        """Number of engine calls of the first epoch before the training was resumed. These calls are skipped now."""

        self.lane_count = lane_count
        """Number of runs that share the time of one program."""

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.epoch = epoch + 1
        self.start_time = time.perf_counter() - self.seconds_before * self.lane_count
        self.seconds_before = 0.0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        if self.calls_before:
            self.calls_before -= 1
            return
        # The last chunk may be shorter than Keras assumes in the number of the batch.
        self.reporter.on_batch(self.epoch, min(batch + 1, self.steps), logs or {})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.rows.append(
            {
                "epoch": self.epoch,
                **{name: float((logs or {})[name]) for name in self.score_names},
                # str returns the shortest text of a float32, such as 0.001.
                "learning_rate": float(str(self.model_state.read_learning_rate())),
                "seconds": round((time.perf_counter() - self.start_time) / self.lane_count, 3),
            }
        )
        self.csv_content += format_metrics_csv(self.rows[-1:], header=not self.csv_content)
        write_text(self.run.metrics, self.csv_content)
        _logger.debug("epoch %d ended, %.3f s", self.epoch, self.rows[-1]["seconds"])
        self.reporter.on_epoch(self.rows[-1])


class BestModelCheckpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Callback that saves the model of the best epoch so far. Unlike Keras's ModelCheckpoint, saving is atomic."""

    checkpoint_key = ModelCheckpoint.checkpoint_key

    def __init__(self, run: Run, monitor: str) -> None:
        super().__init__()
        self.run = run
        self.monitor = monitor
        self.sign = 1 if lower_is_better(monitor) else -1
        self.best: float | None = None
        self.best_epoch: int | None = None
        """Epoch of the saved model, counted from 0 as in Keras's EarlyStopping."""

        self.has_saved = False

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        value = self.sign * (logs or {})[self.monitor]
        self.has_saved = self.best is None or value < self.best
        if self.has_saved:
            self.best, self.best_epoch = value, epoch
            with atomic_write(self.run.best_model) as temporary:
                self.model.save(temporary)


def build_callbacks(experiment: Experiment, run: Run) -> list[keras.callbacks.Callback]:
    """Build the configured callbacks, such as early stopping, in the order in which they act."""
    return [_build_callback(callback_config, run) for callback_config in experiment.callbacks]


def _build_callback(callback_config: BaseCallback, run: Run) -> keras.callbacks.Callback:
    """Build the Keras callback of a config, or the callback of `dnn` that replaces it."""
    if isinstance(callback_config, ModelCheckpoint):
        return BestModelCheckpoint(run, callback_config.monitor)
    if isinstance(callback_config, SwapEMAWeights):
        return SwapCallback(swap_on_epoch=callback_config.swap_on_epoch)
    return callback_config.build_keras_object()
