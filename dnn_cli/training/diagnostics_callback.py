"""Measurements of the layers of a network during a training, for `dnn explain`.

After scheduled epochs, a few training examples pass through the network, forwards and backwards. The computation uses
copies of the weights, without dropout and other noise, outside of the compiled functions. All variables keep their
values, so the bits of the training are those of a training without measurements. One measurement, executed operation
by operation, takes 10 to 30 ms. Compiling would take as long as a hundred measurements.

The schedule depends on the config alone and never on time, so that equal runs have equal files.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.config.activations import RELU_ACTIVATIONS, SATURATION_RANGES
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layer_stack import find_output_layer, list_layer_names
from dnn_cli.config.network_summary import estimate_network_size
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.errors import RunError
from dnn_cli.runs.atomic_write import write_text
from dnn_cli.runs.diagnostics_csv import LayerState, format_diagnostics_csv, read_diagnostics
from dnn_cli.runs.run import Run
from dnn_cli.training.checkpoint_callback import ResumePoint
from dnn_cli.training.model_builder import build_loss
from dnn_cli.training.swap_callback import SwapCallback
from dnn_cli.training.training_job import TrainingJob
from dnn_cli.training.training_state import copy_value

_MAX_EXAMPLES = 256
"""Maximum number of training examples of a measurement. More examples are not necessary: a unit whose output is 0 for
256 examples has little effect."""

_MIN_EXAMPLES = 32
_MAX_MULTIPLY_ADDS = 1e8
"""Maximum number of multiply-adds of a forward pass. Expensive networks are measured on fewer examples, but at least
on `_MIN_EXAMPLES` or one batch, whichever is smaller."""

_SATURATION_MARGIN = 0.05
"""Distance from a limit within which an output counts as saturated, as a share of the range. Within this distance, the
gradient of a sigmoid or tanh is less than a fifth of its maximum."""

_Kernels = Sequence[NDArray[Any]]
"""Values of the kernels of each layer with a kernel, from the input to the output. Several kernels of a layer, such as
those of a separable convolution, are joined into one axis."""


def _is_scheduled(epoch: int, experiment: Experiment) -> bool:
    """Return whether the key `diagnostics` schedules a measurement after an epoch.

    `diagnostics: true` schedules every epoch. `diagnostics: auto` schedules the epochs 0, 1, 2, 4, 8 and further powers
    of two. The last epoch is always measured too, so that 1,000 epochs have 12 measurements.
    """
    return experiment.diagnostics is True or epoch & (epoch - 1) == 0


class DiagnosticsCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Callback that measures the layers after the scheduled epochs and the last one, and writes `diagnostics.csv`.

    Args:
        run: The run that is trained.
        inspector: The inspector that measures the layers.
        resume_point: The state from which the training starts.
        initial_kernels: The kernels before the first batch of the whole training.
        experiment: The experiment that is trained.
        swap: The callback that swaps the weights with their averages; `None` without such a callback.
    """

    def __init__(
        self,
        run: Run,
        inspector: "LayerInspector",
        resume_point: ResumePoint,
        initial_kernels: _Kernels,
        experiment: Experiment,
        swap: SwapCallback | None = None,
    ):
        super().__init__()
        self.run = run
        self.inspector = inspector
        self.progress = resume_point.progress
        self.initial_kernels = initial_kernels
        self.experiment = experiment
        self.swap = swap
        self.csv_content = ""
        self.kernels_before: _Kernels | None = None
        """Kernels at the beginning of the epoch; `None` where they are unknown or not needed."""

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self.restore_rows()
        if not self.progress.epoch and not self.progress.calls:
            self.write_measurement(0)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        # A callback such as early stopping can make any epoch the last one.
        can_end = any(callback.can_end_training for callback in self.experiment.callbacks)
        is_possible = self.is_due(epoch + 1) or can_end
        # The training was resumed in the middle of this epoch.
        is_inside = epoch == self.progress.epoch and self.progress.calls > 0
        self.kernels_before = self.inspector.copy_kernels(self.model) if is_possible and not is_inside else None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if self.is_due(epoch + 1) or self.model.stop_training:
            self.write_measurement(epoch + 1)

    def is_due(self, epoch: int) -> bool:
        """Return whether an epoch is scheduled, or is the last epoch of the experiment.

        An epoch at which early stopping ends the training is measured too, but this method cannot predict that epoch.
        """
        return _is_scheduled(epoch, self.experiment) or epoch == self.experiment.epochs

    def write_measurement(self, epoch: int) -> None:
        """Measure the layers after an epoch, and add the rows to `diagnostics.csv`."""
        with self.swap.undo_swap() if self.swap else nullcontext():
            rows = self.inspector.measure_layers(self.model, epoch, self.initial_kernels, self.kernels_before)
        if rows:
            self.csv_content += format_diagnostics_csv(rows, header=not self.csv_content)
            write_text(self.run.diagnostics, self.csv_content)

    def restore_rows(self) -> None:
        """Read the rows of a resumed run, and remove rows that an uninterrupted run would not have.

        Removed rows are those of epochs after the resume point. If the number of epochs was increased, the former last
        epoch is also removed, unless it is scheduled.
        """
        try:
            rows = read_diagnostics(self.run)
        except RunError:
            # A damaged file does not prevent training.
            rows = ()
        valid_rows = [
            row for row in rows if row.epoch <= self.progress.epoch and (self.is_due(row.epoch) or self.is_over)
        ]
        self.csv_content = format_diagnostics_csv(valid_rows) if rows else ""
        if len(valid_rows) < len(rows):
            write_text(self.run.diagnostics, self.csv_content)

    @property
    def is_over(self) -> bool:
        """Whether a resumed run has no epoch left to train. Then the measurement of the last epoch stays valid."""
        return self.progress.stopped or self.progress.epoch >= self.experiment.epochs


class LayerInspector:
    """Object that measures weights, gradients and activations of each layer of a network on a few training examples."""

    def __init__(self, job: TrainingJob, pipeline: Pipeline) -> None:
        self.layers = job.experiment.model.stack
        self.layer_names = list_layer_names(self.layers)
        self.output_index = find_output_layer(self.layers) or 0
        self.loss = build_loss(job.experiment, job.preprocessing.target_scaling)
        self.threshold = 0.0 if job.experiment.loss.takes_logits else 0.5
        self.pipeline = pipeline
        self.select_examples(job)

    def select_examples(self, job: TrainingJob) -> None:
        """Select the training examples of a job on which the layers are measured."""
        train = job.split.train
        affordable = int(_MAX_MULTIPLY_ADDS / max(estimate_network_size(job.experiment).multiply_adds, 1))
        count = min(len(train), _MAX_EXAMPLES, max(min(_MIN_EXAMPLES, job.experiment.batch_size), affordable))
        self.indices = train[np.linspace(0, len(train) - 1, count).astype(np.int64)]

    def copy_kernels(self, model: keras.Sequential) -> _Kernels:
        """Return copies of the kernels of all layers with a kernel."""
        return [_join_values([copy_value(kernel) for kernel in kernels]) for kernels in self.list_kernels(model)]

    def list_kernels(self, model: keras.Sequential) -> list[list[keras.Variable]]:
        """Return the variables of the kernels of each layer with a kernel.

        The kernels of a residual block are those of its inner layers and of its projection.
        """
        return [
            [weight for weight in model.layers[index].weights if weight.name in _list_kernel_names(self.layers[index])]
            for index in self.kernel_layers
        ]

    @property
    def kernel_layers(self) -> list[int]:
        """Indices of the layers with a kernel."""
        return [index for index, layer in enumerate(self.layers) if _list_kernel_names(layer)]

    def measure_layers(
        self, model: keras.Sequential, epoch: int, initial_kernels: _Kernels, kernels_before: _Kernels | None
    ) -> list[LayerState]:
        """Return the measurements of every layer with a kernel or an activation, as rows of `diagnostics.csv`.

        Args:
            model: The model with its weights after `epoch`.
            epoch: The number of epochs trained so far.
            initial_kernels: The kernels before the first epoch.
            kernels_before: The kernels after the previous epoch, or `None` if they are unknown.
        """
        kernels_now = self.copy_kernels(model)
        outputs, gradients, loss, correct = self.compute_gradients(model)
        kernel_numbers = {index: at for at, index in enumerate(self.kernel_layers)}
        rows = []
        for index, (name, layer) in enumerate(zip(self.layer_names, self.layers, strict=True)):
            measurements: dict[str, float | int | None] = {}
            if index in kernel_numbers:
                at = kernel_numbers[index]
                measurements = {"gradient": _compute_rms(gradients[at]), "weight": _compute_rms(kernels_now[at])}
                if epoch:
                    measurements |= {"moved": _compute_relative_change(initial_kernels[at], kernels_now[at])}
                if epoch and kernels_before is not None:
                    measurements |= {
                        "update": _compute_relative_change(kernels_before[at], kernels_now[at]),
                        "since": epoch - 1,
                    }
            # Only hidden layers are judged: an output near its limits is a confident prediction.
            if index < self.output_index:
                measurements |= _measure_activity(layer, outputs[index])
            if measurements:
                rows.append((name, measurements))
        if rows:
            rows[-1][1].update(loss=loss, correct=correct)
        return [LayerState(epoch, name, len(self.indices), **values) for name, values in rows]  # type: ignore[arg-type]

    def compute_gradients(
        self, model: keras.Sequential
    ) -> tuple[Sequence[Any], Sequence[Any], float | None, float | None]:
        """Return the outputs of all layers, gradients of all kernels, loss, and share of correct predictions.

        All are computed for the examples on which layers are measured. The loss is `None` if the value is not finite.
        The share is `None` for a regression, or if an output is not finite.
        """
        batch = self.pipeline.prepare_batch(
            *self.pipeline.gather_rows(tf.constant(self.indices)), self.pipeline.scaling, weighted=True
        )
        outputs, gradients, loss = self.run_network(model, batch)
        return outputs, gradients, _to_finite_float(loss), self.compute_correct_share(outputs[-1], batch[1])

    def run_network(
        self, model: keras.Sequential, batch: tuple[tf.Tensor, ...]
    ) -> tuple[Sequence[Any], Sequence[Any], Any]:
        """Return the outputs of all layers, the gradients of all kernels, and the loss, for a batch."""
        values = [tf.constant(copy_value(variable)) for variable in model.variables]
        return self.compute_outputs(model, values, batch)

    def compute_outputs(
        self, model: keras.Sequential, values: Sequence[tf.Tensor], batch: tuple[tf.Tensor, ...]
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], tf.Tensor]:
        """Return the outputs of all layers, the gradients of all kernels, and the loss.

        Args:
            model: The model, whose variables stay unchanged.
            values: The values of the variables of the model.
            batch: The inputs, the targets, and optionally the weights of the examples.
        """
        inputs, *targets = batch
        index_by_path = {variable.path: index for index, variable in enumerate(model.variables)}
        kernels = [[values[index_by_path[kernel.path]] for kernel in group] for group in self.list_kernels(model)]
        outputs = []
        with tf.GradientTape() as tape, keras.StatelessScope(zip(model.variables, values, strict=True)):
            tape.watch(kernels)
            # Keras attaches the mask of a sequence to its tensor, and the next layer finds the mask there.
            for layer in model.layers:
                inputs = layer(inputs, training=False)
                outputs.append(inputs)
            loss = self.loss(targets[0], inputs, *targets[1:])
        return outputs, [_join_values(group) for group in tape.gradient(loss, kernels)], loss

    def compute_correct_share(self, outputs: tf.Tensor, targets: tf.Tensor) -> float | None:
        """Return the share of correct predictions; `None` for a regression or outputs that are not finite."""
        kind, predictions = self.pipeline.target_encoding, tf.cast(outputs, tf.float32).numpy()
        if kind == "real" or not np.isfinite(predictions).all():
            return None
        true = targets.numpy()
        if kind == "binary":
            return float(np.mean((predictions > self.threshold) == (true > 0.5)))
        return float(np.mean(predictions.argmax(-1) == (true.argmax(-1) if kind == "one_hot" else true)))


def _list_kernel_names(layer: BaseLayer) -> set[str]:
    """Return the names of the weights that are kernels, in a layer and in the layers that it contains."""
    return {name for part in layer.iter_layers() if part.has_kernel for name in part.kernel_names}


def _join_values(values: Sequence[Any]) -> Any:
    """Return a single array unchanged, and several arrays joined into one axis.

    Missing values are left out. The result is `None` if all values are `None`.
    """
    present = [value for value in values if value is not None]
    if len(present) < 2:
        return present[0] if present else None
    return tf.concat([tf.reshape(value, [-1]) for value in present], 0).numpy()


def _measure_activity(layer: BaseLayer, output: tf.Tensor) -> dict[str, float | None]:
    """Return the share of dead units or of saturated outputs of a hidden layer.

    For relu and relu6, the key of the result is `dead`: the share of units whose output is 0 for all examples. For
    activations with limits, such as tanh, the key is `saturated`: the share of outputs near a limit. For other
    activations, the result is empty.
    """
    name = layer.applied_activation
    if name not in RELU_ACTIVATIONS and name not in SATURATION_RANGES:
        return {}
    array = tf.cast(output, tf.float32).numpy()
    if name in RELU_ACTIVATIONS:
        return {"dead": 1 - float(np.mean(np.any(array > 0, axis=tuple(range(array.ndim - 1)))))}
    low, high = SATURATION_RANGES[name]
    margin = _SATURATION_MARGIN * (high - low)
    return {"saturated": float(np.mean((array < low + margin) | (array > high - margin)))}


def _compute_rms(values: Any) -> float | None:
    """Return the root mean square of values; `None` if `values` is `None`.

    The result is also `None` for a root mean square that is not finite, as after an overflow.
    """
    return None if values is None else _to_finite_float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _to_finite_float(value: Any) -> float | None:
    """Return a number as a float; `None` if the number is not finite."""
    number = float(value)
    return number if np.isfinite(number) else None


def _compute_relative_change(before: NDArray[Any], after: NDArray[Any]) -> float | None:
    """Return ‖after − before‖ / ‖before‖; `None` if the result is not finite."""
    scale = _compute_rms(before)
    difference = _compute_rms(after - before)
    return difference / scale if scale and difference is not None else None
