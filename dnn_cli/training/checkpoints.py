"""When a training is written down so that it can go on: often, but for no more than a fiftieth of its time."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dnn_cli.runs.checkpoint import Checkpoint, Progress, save
from dnn_cli.runs.record import Scores
from dnn_cli.runs.run import Run
from dnn_cli.spec.experiment import Experiment
from dnn_cli.training.endings import Interrupted, Stop
from dnn_cli.training.state import Arrays, capture, metric_values, restore_callbacks, restore_metrics

REST = 49
"""After a checkpoint that took a second, so many seconds pass until the next: 2% of the time goes into them."""


@dataclass(frozen=True)
class Start:
    """Where a training begins: with nothing, or with a checkpoint."""

    identity: str
    """Of the experiment: see `training.resume.identity`."""

    checkpoint: Checkpoint | None = None
    changed: bool = False
    """Whether it is no longer trained as before."""

    @property
    def progress(self) -> Progress:
        """How far it is."""
        progress = self.checkpoint.progress if self.checkpoint else Progress(experiment=self.identity)
        if not self.changed:
            return progress
        # Calls may now be of another length, and a callback that ended the training may be gone.
        return progress.model_copy(update={"calls": 0, "stopped": False, "epoch_seconds": 0.0})


class KeepCheckpoints(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves checkpoints between calls of the engine, and ends the training where somebody wants it to end.

    The last callback of all: it saves what the others remember, and lets them remember it as training begins.
    Raises `Interrupted`, with all that was trained saved, also in the middle of an epoch or of its validation.
    """

    def __init__(
        self, run: Run, start: Start, rows: list[Scores], others: Sequence[keras.callbacks.Callback],
        stop: Stop, seconds: Callable[[], float], experiment: Experiment,
    ) -> None:  # fmt: skip
        super().__init__()
        self.run = run
        self.start = start
        self.rows = rows
        self.others = others
        self.stop = stop
        self.seconds = seconds
        self.experiment = experiment
        self.epoch = start.progress.epoch
        self.calls = 0
        self.epoch_start = 0.0
        self.rests_until = 0.0
        self.counted: Arrays = {}

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        if self.start.checkpoint is not None:
            restore_callbacks(self.others, self.start.checkpoint.arrays, self.start.progress.callbacks)
        if self.start.changed:
            self.save()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.epoch, self.calls, self.epoch_start = epoch, 0, time.perf_counter()
        if self.is_begun and self.start.checkpoint is not None:
            restore_metrics(self.model, self.start.checkpoint.arrays)
            self.epoch_start -= self.start.progress.epoch_seconds

    @property
    def is_begun(self) -> bool:
        """Whether the epoch was begun by the training that is taken up."""
        return self.epoch == self.start.progress.epoch and self.start.progress.calls > 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self.calls += 1
        if not (self.is_begun and self.calls <= self.start.progress.calls):
            self.save_or_stop()

    def on_test_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self.counted = metric_values(self.model)  # which the validation is about to reset

    def on_test_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        if why := self.stop():
            self.save(self.counted)
            raise Interrupted(why)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.epoch, self.calls = epoch + 1, 0
        is_last = self.epoch == self.experiment.epochs or self.model.stop_training
        has_best = any(getattr(callback, "has_saved", False) for callback in self.others)  # they must not part
        self.save_or_stop(at_once=is_last or has_best)

    def save_or_stop(self, *, at_once: bool = False) -> None:
        why = self.stop()
        if why or at_once or time.perf_counter() >= self.rests_until:
            self.save()
        if why:
            raise Interrupted(why)

    def save(self, counted: Arrays | None = None) -> None:
        """Save a checkpoint, unless its numbers are none: then the one before is the last to be of use."""
        begun = time.perf_counter()
        arrays, memories = capture(self.model, self.others)
        if not all(np.isfinite(array).all() for name, array in arrays.items() if not name.startswith("metrics")):
            return
        progress = Progress(
            experiment=self.start.identity,
            optimizer=self.experiment.optimizer.model_dump(mode="json"),
            epoch=self.epoch,
            calls=self.calls,
            stopped=self.model.stop_training,
            rows=self.rows,
            seconds=self.seconds(),
            epoch_seconds=begun - self.epoch_start if self.calls else 0.0,
            callbacks=memories,
        )
        save(self.run, Checkpoint(progress, {**arrays, **(counted or {})}))
        ended = time.perf_counter()
        self.rests_until = ended + REST * (ended - begun)


def skip_calls(model: keras.Model, calls: int) -> None:
    """Let the first calls of a model's train function pass without training: they were made before."""
    model.make_train_function()
    train, left = model.train_function, iter(range(calls))

    def function(batches: Iterator[Any]) -> Mapping[str, Any]:
        if next(left, None) is None:
            model.train_function = train
            logs: Mapping[str, Any] = train(batches)
            return logs
        next(batches)
        return dict(model.get_metrics_result())

    model.train_function = function
