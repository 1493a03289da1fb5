"""Measures the layers of a network during a training, for `dnn explain`.

After some epochs the network computes a few training examples, forwards and backwards. The computation uses copies of
the weights, without dropout and other noise, outside of the compiled functions. No variable changes, so the bits of
the training are those of a training without measurements. One measurement takes 10 to 30 ms, executed operation by
operation; compiling it would take as long as a hundred of them.

The measured epochs depend on the config alone, never on time, so that equal runs have equal files.
"""

from collections.abc import Mapping, Sequence
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

EXAMPLES = 256
"""Training examples of a measurement: a unit that is 0 for all of them has little to do."""

FEWEST = 32
WORK = 1e8
"""Multiply-adds of a forward pass; where an example takes many, fewer examples are used, but never below `FEWEST`."""

RELU = ("relu", "relu6")
"""Activations that pass no gradient where their output is 0."""

LIMITS = {
    "sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "sparse_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0), "hard_tanh": (-1.0, 1.0), "softsign": (-1.0, 1.0),
}  # fmt: skip
"""Activations that pass little gradient near their limits."""

NEAR = 0.05
"""The share of the way between the limits within which a sigmoid or tanh passes less than a fifth of its most."""

Kernels = Sequence[NDArray[Any]]
"""The values of all kernels, from the input to the output."""


def is_scheduled(epoch: int, experiment: Experiment) -> bool:
    """Return whether an epoch is measured, apart from the last one, which always is.

    Under `auto`: 0 and the powers of two, so that 1,000 epochs have 12 measurements.
    """
    return experiment.diagnostics is True or epoch & (epoch - 1) == 0


class Diagnose(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures the layers after the scheduled epochs and after the last one, and writes `diagnostics.csv`.

    Args:
        run: The run that is trained.
        probe: Measures.
        start: Where the training starts.
        initial: The kernels before the first batch of the whole training.
        experiment: What is trained.
    """

    def __init__(self, run: Run, probe: "Probe", start: Start, initial: Kernels, experiment: Experiment):
        super().__init__()
        self.run = run
        self.probe = probe
        self.progress = start.progress
        self.initial = initial
        self.experiment = experiment
        self.table = ""
        self.before: Kernels | None = None
        """The kernels at the beginning of the epoch; `None` where they are not needed or not known."""

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self.keep_rows()
        if not self.progress.epoch and not self.progress.calls:
            self.measure(0)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        # Early stopping can make any epoch the last one.
        is_possible = self.is_due(epoch + 1) or self.experiment.early_stopping is not None
        is_inside = epoch == self.progress.epoch and self.progress.calls > 0  # resumed in the middle of this epoch
        self.before = self.probe.kernels(self.model) if is_possible and not is_inside else None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if self.is_due(epoch + 1) or self.model.stop_training:
            self.measure(epoch + 1)

    def is_due(self, epoch: int) -> bool:
        """Return whether an epoch is measured, unless it turns out to be the last one."""
        return is_scheduled(epoch, self.experiment) or epoch == self.experiment.epochs

    def measure(self, epoch: int) -> None:
        """Measure the layers and write their rows."""
        rows = self.probe.measure(self.model, epoch, self.initial, self.before)
        if rows:
            self.table += csv_text(rows, header=not self.table)
            write_text(self.run.diagnostics, self.table)

    def keep_rows(self) -> None:
        """Keep the rows of a resumed run that an uninterrupted run would have, too."""
        try:
            rows = read_diagnostics(self.run)
        except RunError:  # a damaged file is no reason not to train
            rows = ()
        kept = [row for row in rows if row.epoch <= self.progress.epoch and (self.is_due(row.epoch) or self.is_over)]
        self.table = csv_text(kept) if rows else ""
        if len(kept) < len(rows):
            write_text(self.run.diagnostics, self.table)

    @property
    def is_over(self) -> bool:
        """Whether no epoch is left to train, so that the last measurement stays the last."""
        return self.progress.stopped or self.progress.epoch >= self.experiment.epochs


class Probe:
    """Measures a network on a few training examples."""

    def __init__(self, job: Job, pipeline: Pipeline) -> None:
        self.layers = job.experiment.model.stack
        self.names = layer_names(self.layers)
        self.output = max((i for i, layer in enumerate(self.layers) if isinstance(layer, Kernel)), default=0)
        self.loss = job.experiment.loss.build()
        self.threshold = 0.0 if job.experiment.loss.logits else 0.5
        self.pipeline = pipeline
        train = job.split.train
        affordable = int(WORK / max(summarize(job.experiment).multiply_adds, 1))
        count = min(len(train), EXAMPLES, max(min(FEWEST, job.experiment.batch_size), affordable))
        self.indices = train[np.linspace(0, len(train) - 1, count).astype(np.int64)]

    def kernels(self, model: keras.Sequential) -> Kernels:
        """Return a copy of the kernels of all layers that have one."""
        return [values(model.layers[index].kernel) for index in self.places]

    @property
    def places(self) -> list[int]:
        """The indices of the layers with a kernel."""
        return [index for index, layer in enumerate(self.layers) if isinstance(layer, Kernel)]

    def measure(
        self, model: keras.Sequential, epoch: int, initial: Kernels, before: Kernels | None
    ) -> list[LayerState]:
        """Return a row for every layer with a kernel or an activation.

        Args:
            model: The network with its weights after `epoch`.
            epoch: The number of epochs trained so far.
            initial: The kernels before the first epoch.
            before: The kernels after the epoch before, if they are known.
        """
        now = self.kernels(model)
        outputs, gradients, loss, correct = self.run(model)
        order = {index: at for at, index in enumerate(self.places)}
        rows = []
        for index, (name, layer) in enumerate(zip(self.names, self.layers, strict=True)):
            found: dict[str, float | int | None] = {}
            if index in order:
                at = order[index]
                found = {"gradient": rms(gradients[at]), "weight": rms(now[at])}
                if epoch:
                    found |= {"moved": change(initial[at], now[at])}
                if epoch and before is not None:
                    found |= {"update": change(before[at], now[at]), "since": epoch - 1}
            if index < self.output:  # an output near its limits is certain, which is no fault
                found |= activity(layer, outputs[index])
            if found:
                rows.append((name, found))
        if rows:
            rows[-1][1].update(loss=loss, correct=correct)
        return [LayerState(epoch, name, len(self.indices), **found) for name, found in rows]  # type: ignore[arg-type]

    def run(
        self, model: keras.Sequential
    ) -> tuple[list[tf.Tensor], list[tf.Tensor | None], float | None, float | None]:
        """Return the outputs of all layers, the gradients of the kernels, the loss, and the share that is correct."""
        tensors = [tf.constant(values(variable)) for variable in model.variables]
        place = {variable.path: index for index, variable in enumerate(model.variables)}
        kernels = [tensors[place[model.layers[index].kernel.path]] for index in self.places]
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
        return outputs, tape.gradient(loss, kernels), finite(loss), self.correct(inputs, labels[0])

    def correct(self, outputs: tf.Tensor, labels: tf.Tensor) -> float | None:
        """Return the share of the examples whose class is predicted; `None` for a regression."""
        kind, found = self.pipeline.labels, tf.cast(outputs, tf.float32).numpy()
        if kind == "real" or not np.isfinite(found).all():
            return None
        true = labels.numpy()
        if kind == "binary":
            return float(np.mean((found > self.threshold) == (true > 0.5)))
        return float(np.mean(found.argmax(-1) == (true.argmax(-1) if kind == "one_hot" else true)))


def activity(layer: Layer, output: tf.Tensor) -> dict[str, float | None]:
    """Return the share of dead units or saturated outputs of a hidden layer whose activation can be either."""
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
    """Return the root mean square; `None` where it is not finite, as that of a gradient that overflows."""
    return None if values is None else finite(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def finite(value: Any) -> float | None:
    """Return a number as a float; `None` where it is not finite."""
    found = float(value)
    return found if np.isfinite(found) else None


def change(before: NDArray[Any], now: NDArray[Any]) -> float | None:
    """Return ‖now − before‖ / ‖before‖; `None` where that is not finite."""
    scale = rms(before)
    difference = rms(now - before)
    return difference / scale if scale and difference is not None else None
