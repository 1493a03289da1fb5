"""What the layers of a network look like while it is trained, for `dnn explain`.

After some epochs the network runs on a few training examples, forwards and backwards. It does so with copies of its
weights, without dropout and the like, and outside of what was compiled: no variable changes, and the bits of the
training are those of one that nobody looked into. Operation by operation, a look takes some ten milliseconds; to
compile it would take as long as many of them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.pipeline import Pipeline
from dnn_cli.errors import RunError
from dnn_cli.runs.diagnostics import LayerState, csv_text, read_diagnostics
from dnn_cli.runs.files import write_text
from dnn_cli.runs.run import Run
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.layers import Activation, Kernel, Layer
from dnn_cli.spec.stack import layer_names
from dnn_cli.spec.summary import summarize
from dnn_cli.training.checkpoints import Start
from dnn_cli.training.job import Job
from dnn_cli.training.state import values

SHARE = 0.02
"""Of the time of a training that goes into looks, under `diagnostics: auto`."""

SHARE_AT_THE_END = 0.03
"""The same after the last epoch: in a training of seconds, that is when it is looked into at all."""

FIRST = 0.08
"""Seconds that the first look of a process probably takes."""

SET_UP = 3 / 4
"""The part of it that TensorFlow needs to set up its operations, once."""

EXAMPLES = 256
"""So many are looked at: a unit of a layer that is 0 for all of them has little to do."""

FEWEST = 32
WORK = 1e8
"""Multiply-adds of a look forwards; where an example takes many, fewer are looked at, but not below `FEWEST`."""

RELU = ("relu", "relu6")
"""Activations that pass no gradient where their output is 0."""

LIMITS = {
    "sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "sparse_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0), "hard_tanh": (-1.0, 1.0), "softsign": (-1.0, 1.0),
}  # fmt: skip
"""Activations that pass little gradient near their limits."""

NEAR = 0.05
"""Of the way between the limits: there a sigmoid, and a tanh, passes less than a fifth of the gradient it can pass."""

Values = Sequence[NDArray[Any]]
"""Of all variables of a network, in their order."""


class Diagnose(keras.callbacks.Callback):  # type: ignore[misc]
    """Takes a look after epochs, and keeps `diagnostics.csv`.

    Under `auto`, only as often as there is time for it; the weights that the training begins with are kept until
    there is, and what the last epoch needs is never spent before.
    """

    def __init__(self, run: Run, probe: "Probe", start: Start, seconds: Callable[[], float], experiment: Experiment):
        super().__init__()
        self.run = run
        self.probe = probe
        self.progress = start.progress
        self.seconds = seconds
        self.always = experiment.diagnostics is True
        self.epochs = experiment.epochs
        self.table = ""
        self.before: Values | None = None
        """The weights at the look before, or as the training began."""

        self.since = self.progress.epoch
        self.first: Values | None = None
        """The weights that the training began with, as long as nobody has looked at them."""

        self.spent = 0.0

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self.keep_rows()
        if not self.progress.calls:  # in the middle of an epoch they are not those of its beginning
            self.before = self.weights()
            self.first = self.before if self.since == 0 else None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        is_last = epoch + 1 == self.epochs or self.model.stop_training
        rows: list[LayerState] = []
        for look in (self.look_at_now, self.look_at_first) if is_last else (self.look_at_first, self.look_at_now):
            if self.affords(is_last=is_last):
                rows += look(epoch + 1)
        if rows:
            begun = time.monotonic()
            self.table += csv_text(sorted(rows, key=lambda row: row.epoch), header=not self.table)
            write_text(self.run.diagnostics, self.table)
            self.spent += time.monotonic() - begun

    def affords(self, *, is_last: bool) -> bool:
        """Whether there is time for a look, and before the last epoch for another one."""
        available = (SHARE_AT_THE_END if is_last else SHARE) * (self.seconds() - self.progress.seconds)
        return self.always or self.spent + self.probe.cost(1 if is_last else 2) <= available

    def look_at_first(self, epoch: int) -> list[LayerState]:
        """The rows of what the training began with, unless they are there."""
        first, self.first = self.first, None
        return self.look(0, first, None) if first is not None else []

    def look_at_now(self, epoch: int) -> list[LayerState]:
        """The rows of the epoch that is done."""
        before, self.before, since, self.since = self.before, self.weights(), self.since, epoch
        return self.look(epoch, self.before, before, since)

    def look(self, epoch: int, now: Values, before: Values | None, since: int = 0) -> list[LayerState]:
        """The rows of an epoch, on the clock."""
        begun = time.monotonic()
        rows = self.probe.look(self.model, epoch, now, before, since)
        self.spent += time.monotonic() - begun
        return rows

    def weights(self) -> Values:
        """A copy of all there are."""
        return [values(variable) for variable in self.model.variables]

    def keep_rows(self) -> None:
        """Of a training that is taken up, keep the rows of the epochs that are not trained again."""
        try:
            rows = read_diagnostics(self.run)
        except RunError:  # a damaged file is no reason not to train
            rows = ()
        kept = [row for row in rows if row.epoch <= self.progress.epoch]
        self.table = csv_text(kept) if rows else ""
        if len(kept) < len(rows):
            write_text(self.run.diagnostics, self.table)


class Probe:
    """Some training examples, and how to look at a network with them."""

    def __init__(self, job: Job, pipeline: Pipeline) -> None:
        self.taken: float | None = None
        """Seconds of the last look, less what TensorFlow set up for it."""

        self.layers = job.experiment.model.stack
        self.names = layer_names(self.layers)
        self.output = max((i for i, layer in enumerate(self.layers) if isinstance(layer, Kernel)), default=0)
        self.loss = job.experiment.loss.build()
        self.pipeline = pipeline
        train = job.split.train
        affordable = int(WORK / max(summarize(job.experiment).multiply_adds, 1))
        count = min(len(train), EXAMPLES, max(min(FEWEST, job.experiment.batch_size), affordable))
        self.indices = train[np.linspace(0, len(train) - 1, count).astype(np.int64)]

    def cost(self, looks: int) -> float:
        """Seconds that so many looks probably take."""
        if self.taken is None:
            return FIRST * (1 + (looks - 1) * (1 - SET_UP))
        return looks * self.taken

    def look(
        self, model: keras.Sequential, epoch: int, now: Values, before: Values | None, since: int
    ) -> list[LayerState]:
        """A row for every layer with a kernel or an activation.

        Args:
            model: The network.
            epoch: After which its variables have the values `now`.
            now: Those of all its variables.
            before: Those at the look before, if there was one.
            since: The epoch of that.
        """
        begun = time.monotonic()
        tensors = [tf.constant(value) for value in now]
        place = {variable.path: index for index, variable in enumerate(model.variables)}
        kernels = {
            index: place[layer.kernel.path]
            for index, layer in enumerate(model.layers)
            if isinstance(self.layers[index], Kernel)
        }
        outputs, gradients = self.run(model, tensors, [tensors[index] for index in kernels.values()])
        found = dict(zip(kernels, gradients, strict=True))
        rows = []
        for index, (name, layer) in enumerate(zip(self.names, self.layers, strict=True)):
            facts: dict[str, float | int | None] = {}
            if index in kernels:
                kernel = kernels[index]
                facts = {"gradient": rms(found[index]), "weight": rms(now[kernel])}
                if before is not None:
                    facts |= {"update": change(before[kernel], now[kernel]), "since": since}
            if index < self.output:  # an output that is near its limits is sure of itself
                facts |= activity(layer, outputs[index])
            if facts:
                rows.append(LayerState(epoch, name, len(self.indices), **facts))  # type: ignore[arg-type]
        taken = time.monotonic() - begun
        self.taken = (1 - SET_UP) * taken if self.taken is None else taken
        return rows

    def run(
        self, model: keras.Sequential, tensors: list[tf.Tensor], kernels: list[tf.Tensor]
    ) -> tuple[list[tf.Tensor], list[tf.Tensor | None]]:
        """The outputs of all layers, and the derivatives of the loss by kernels, where variables have such values."""
        inputs, *labels = self.pipeline.prepare(
            *self.pipeline.rows(tf.constant(self.indices)), self.pipeline.scaling, weighted=True
        )
        outputs = []
        with tf.GradientTape() as tape, keras.StatelessScope(zip(model.variables, tensors, strict=True)):
            tape.watch(kernels)
            for layer in model.layers:
                inputs = layer(inputs, training=False)
                outputs.append(inputs)
            loss = self.loss(labels[0], inputs, *labels[1:])
        return outputs, tape.gradient(loss, kernels)


def activity(layer: Layer, output: tf.Tensor) -> dict[str, float | None]:
    """What share of a hidden layer's units is dead, or of its outputs saturated, if its activation can be either."""
    name = layer.activation if isinstance(layer, Kernel | Activation) else None
    if name not in RELU and name not in LIMITS:
        return {}
    array = tf.cast(output, tf.float32).numpy()
    if name in RELU:
        return {"dead": 1 - float(np.mean(np.any(array > 0, axis=tuple(range(array.ndim - 1)))))}
    low, high = LIMITS[name]
    near = NEAR * (high - low)
    return {"saturated": float(np.mean((array < low + near) | (array > high - near)))}


def rms(values: Any) -> float | None:
    """The root mean square; `None` for what is no number, as a gradient that overflows."""
    if values is None:
        return None
    found = float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
    return found if np.isfinite(found) else None


def change(before: NDArray[Any], now: NDArray[Any]) -> float | None:
    """‖now − before‖ / ‖before‖."""
    scale = rms(before)
    difference = rms(now - before)
    return difference / scale if scale and difference is not None else None
