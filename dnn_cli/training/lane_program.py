"""Compiled loops that train and evaluate several models of one network at once. Each model is a lane.

The variables of all lanes are stacked: the first axis of each tensor is the lane. `tf.vectorized_map` turns the step of
one lane into a step of all lanes. The bits of a lane depend on the number of lanes, and not on the other lanes.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.pipeline import Pipeline
from dnn_cli.errors import RunError
from dnn_cli.training.batch_loops import Logs
from dnn_cli.training.diagnostics_callback import LayerInspector
from dnn_cli.training.lane_step import (
    Values,
    list_variables,
    read_learning_rate,
    read_logs,
    test_step,
    train_step,
)

_Step = Callable[[keras.Model, Values, Sequence[tf.Tensor]], tuple[Values, Logs]]
_RunBatches = Callable[..., tf.Tensor]

LaneLogs = dict[str, NDArray[np.float32]]
"""Results of the metrics of all lanes by name, each of shape (width,)."""


class LaneProgram:
    """Programs of a fixed number of lanes, with the variables of all lanes.

    Args:
        model: A compiled model of the network, whose metrics are built. The programs do not change its variables.
        pipeline: The pipeline with the examples of all lanes, which are in memory.
        inspector: The object that measures the layers of the model.
        width: The number of lanes.

    Raises:
        RunError: the examples are not in memory.
    """

    def __init__(self, model: keras.Model, pipeline: Pipeline, inspector: LayerInspector, width: int) -> None:
        if not pipeline.is_held:
            raise RunError("the examples do not fit into memory, where lanes need them", "use --lanes off")
        self.model, self.pipeline, self.inspector, self.width = model, pipeline, inspector, width
        self.variables = list_variables(model)
        self.state = [
            tf.Variable(tf.zeros((width, *variable.shape), variable.dtype), trainable=False)
            for variable in self.variables
        ]
        first_metric = len(self.state) - len(model.metrics_variables)
        self.initial_metrics = [
            (stacked, tf.identity(variable.value))
            for stacked, variable in zip(self.state[first_metric:], self.variables[first_metric:], strict=True)
        ]
        self.batch_size = pipeline.experiment.batch_size
        # The bits of a lane are independent of its place only with XLA.
        build = partial(tf.function, jit_compile=True, autograph=False)
        self.train_batches = build(partial(self.run_batches, train_step, weighted=True))
        self.test_batches = build(partial(self.run_batches, test_step, weighted=False))
        self.load_lane = tf.function(self.copy_to_model, autograph=False)
        self.store_lane = tf.function(self.copy_from_model, autograph=False)
        self.read_learning_rates = tf.function(self.compute_learning_rates, autograph=False)
        self.find_finite_weights = tf.function(self.check_weights, autograph=False)
        self.measure_lanes = build(self.measure_all)
        self.read_logs = tf.function(self.compute_logs, autograph=False)
        self.reset_metrics = tf.function(self.clear_metrics, autograph=False)

    def find_stacked(self, variable: keras.Variable) -> tf.Variable:
        """Return the values of a variable of the model in all lanes."""
        return next(stacked for other, stacked in zip(self.variables, self.state, strict=True) if other is variable)

    def write_lanes(self, values_by_lane: Sequence[Sequence[NDArray[Any]]]) -> None:
        """Set the variables of all lanes.

        Args:
            values_by_lane: The values of the variables of each lane, for at least one lane. Further lanes become copies
                of the first.
        """
        copies = [values_by_lane[0]] * (self.width - len(values_by_lane))
        for stacked, values in zip(self.state, zip(*values_by_lane, *copies, strict=True), strict=True):
            stacked.assign(np.stack(values))

    def copy_to_model(self, lane: tf.Tensor) -> None:
        """Set the variables of the model to those of a lane."""
        for variable, stacked in zip(self.variables, self.state, strict=True):
            variable.assign(stacked[lane])

    def copy_from_model(self, lane: tf.Tensor) -> None:
        """Set the variables of a lane to those of the model."""
        for variable, stacked in zip(self.variables, self.state, strict=True):
            stacked[lane].assign(variable.value)

    def clear_metrics(self) -> None:
        """Set the variables of the metrics of all lanes to their initial values."""
        for stacked, initial_value in self.initial_metrics:
            stacked.assign(tf.broadcast_to(initial_value, stacked.shape))

    def compute_learning_rates(self) -> tf.Tensor:
        """Return the learning rates of all lanes, of shape (width,)."""
        values = [stacked.value() for stacked in self.state]
        return tf.vectorized_map(partial(read_learning_rate, self.model), values, fallback_to_while_loop=False)

    def check_weights(self) -> tf.Tensor:
        """Return whether all numbers of each weight are finite, of shape (weights, width)."""
        weights = [self.find_stacked(weight) for weight in self.model.weights]
        return tf.stack(
            [tf.reduce_all(tf.math.is_finite(tf.reshape(weight, (self.width, -1))), axis=1) for weight in weights]
        )

    def measure_all(self, batch: tuple[tf.Tensor, ...]) -> tuple[Any, ...]:
        """Return the results of `LayerInspector.compute_outputs` for all lanes. The first axis is the lane."""
        count = len(self.model.variables)
        values = [stacked.value() for stacked in self.state[:count]]
        measure = partial(self.inspector.compute_outputs, self.model, batch=batch)
        return tuple(tf.vectorized_map(measure, values, fallback_to_while_loop=False))

    def compute_logs(self) -> Logs:
        """Return the results of the metrics of all lanes."""
        values = [stacked.value() for stacked in self.state]
        return dict(tf.vectorized_map(partial(read_logs, self.model), values, fallback_to_while_loop=False))

    def train(self, rows: NDArray[np.int32], counts: NDArray[np.int32]) -> LaneLogs:
        """Train each lane on its rows, batch by batch, and return the results of the metrics.

        A lane stops after the first batch whose loss is not finite. A short last batch is a step of its own.

        Args:
            rows: The numbers of the examples of each lane, of shape (width, examples). All calls have the same shape.
            counts: The number of valid rows of each lane, of shape (width,). Lanes with 0 rows stay unchanged.
        """
        return self.run(self.train_batches, rows, counts)

    def test(self, rows: NDArray[np.int32], counts: NDArray[np.int32]) -> LaneLogs:
        """Evaluate each lane on its rows. Only metrics change. Arguments and results are those of `train`."""
        return self.run(self.test_batches, rows, counts)

    def run(self, run_batches: _RunBatches, rows: NDArray[np.int32], counts: NDArray[np.int32]) -> LaneLogs:
        """Run the whole batches of all lanes, and then the short last batches."""
        size = self.batch_size
        whole_counts, short_counts = counts // size, counts % size
        # As in the chunked engine, the scaling is not a constant of the program.
        scaling = self.pipeline.scaling
        is_finite = tf.fill((self.width,), True)
        if whole_counts.any():
            whole_rows = tf.constant(rows[:, : rows.shape[1] // size * size])
            is_finite = run_batches(whole_rows, tf.constant(whole_counts), is_finite, scaling, size)
        for short_count in np.unique(short_counts[short_counts > 0]):
            is_short = short_counts == short_count
            positions = whole_counts[:, None] * size + np.arange(short_count)
            short_rows = np.take_along_axis(rows, np.where(is_short[:, None], positions, 0), axis=1)
            is_finite = run_batches(
                tf.constant(short_rows), tf.constant(is_short.astype(np.int32)), is_finite, scaling, int(short_count)
            )
        return {name: value.numpy() for name, value in self.read_logs().items()}

    def run_batches(
        self,
        step: _Step,
        rows: tf.Tensor,
        counts: tf.Tensor,
        is_finite: tf.Tensor,
        scaling: tuple[tf.Tensor, ...],
        size: int,
        *,
        weighted: bool,
    ) -> tf.Tensor:
        """Run a step on batches of `size` examples of all lanes, and return whether the losses of each lane are finite.

        Args:
            step: The function that computes a step of one lane.
            rows: The numbers of the examples, of shape (width, examples).
            counts: The number of batches of each lane, of shape (width,).
            is_finite: Whether the losses of each lane were finite so far. Other lanes stay unchanged.
            scaling: The scaling of the pipeline.
            size: The number of examples in a batch.
            weighted: Whether batches contain the weights of examples.
        """
        total = tf.reduce_max(counts)

        def run_lane(lane: tuple[Values, tf.Tensor]) -> tuple[Values, tf.Tensor]:
            values, lane_rows = lane
            inputs, targets = (tf.gather(part, lane_rows) for part in self.pipeline.chunk_examples)
            batch = self.pipeline.prepare_batch(inputs, targets, scaling, weighted=weighted)
            new_values, logs = step(self.model, values, batch)
            return new_values, logs["loss"]

        def has_next_batch(index: tf.Tensor, is_finite: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
            return tf.logical_and(index < total, tf.reduce_any(is_finite))

        def run_next_batch(index: tf.Tensor, is_finite: tf.Tensor, *values: tf.Tensor) -> tuple[tf.Tensor, ...]:
            batch_rows = tf.slice(rows, [0, index * size], [self.width, size])
            new_values, losses = tf.vectorized_map(run_lane, (list(values), batch_rows), fallback_to_while_loop=False)
            is_active = tf.logical_and(is_finite, index < counts)
            selected = [_select(is_active, new, old) for new, old in zip(new_values, values, strict=True)]
            remains_finite = tf.logical_or(tf.logical_not(is_active), tf.math.is_finite(losses))
            return index + 1, tf.logical_and(is_finite, remains_finite), *selected

        initial_values = [variable.value() for variable in self.state]
        _, is_finite, *values = tf.while_loop(
            has_next_batch, run_next_batch, (tf.constant(0), is_finite, *initial_values), parallel_iterations=1
        )
        for variable, value in zip(self.state, values, strict=True):
            variable.assign(value)
        return is_finite


def _select(is_active: tf.Tensor, new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
    """Return the new values of active lanes and the old values of the other lanes."""
    return tf.where(tf.reshape(is_active, (-1, *[1] * (len(new.shape) - 1))), new, old)
