"""Compiled loops that train, evaluate and predict several models of one network at once. Each model is a lane.

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
from dnn_cli.training.batch_loops import Logs
from dnn_cli.training.execution_plan import ExecutionPlan
from dnn_cli.training.lane_step import Values, list_variables, predict_step, read_logs, test_step, train_step

_Step = Callable[[keras.Model, Values, Sequence[tf.Tensor]], tuple[Values, Logs]]


class LaneProgram:
    """Programs of a fixed number of lanes, with the variables of all lanes.

    Args:
        model: A compiled model of the network. Its own variables stay unchanged.
        pipeline: The pipeline with the examples of all lanes.
        plan: The execution plan.
        width: The number of lanes.
    """

    def __init__(self, model: keras.Model, pipeline: Pipeline, plan: ExecutionPlan, width: int) -> None:
        self.model, self.pipeline, self.plan, self.width = model, pipeline, plan, width
        self.variables = list_variables(model)
        self.state = [
            tf.Variable(tf.zeros((width, *variable.shape), variable.dtype), trainable=False)
            for variable in self.variables
        ]
        self.batch_size = pipeline.experiment.batch_size
        build = partial(tf.function, jit_compile=plan.jit, autograph=False)
        self.train_batches = build(partial(self.run_batches, train_step, weighted=True))
        self.test_batches = build(partial(self.run_batches, test_step, weighted=False))
        self.predict_batch = build(self.compute_outputs)

    def write_lanes(self, values_by_lane: Sequence[Sequence[NDArray[Any]]]) -> None:
        """Set the variables of all lanes.

        Args:
            values_by_lane: The values of the variables of each lane, in the order of `list_variables`.
        """
        for variable, values in zip(self.state, zip(*values_by_lane, strict=True), strict=True):
            variable.assign(np.stack(values))

    def read_lanes(self) -> list[list[NDArray[Any]]]:
        """Return the values of the variables of each lane, in the order of `list_variables`."""
        stacked = [variable.numpy() for variable in self.state]
        return [[values[lane] for values in stacked] for lane in range(self.width)]

    def train(self, orders: NDArray[np.int32], active: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """Train each active lane on its rows, batch by batch, and return the logs of all lanes.

        A lane stops after the first batch whose loss is not finite. A short last batch is a step of its own.

        Args:
            orders: The numbers of the examples of each lane, of shape (width, examples).
            active: Whether each lane trains. The variables of the other lanes stay unchanged.
        """
        return self.run(self.train_batches, orders, active)

    def test(self, orders: NDArray[np.int32], active: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """Evaluate each active lane on its rows, and return the logs of all lanes. Only metrics change."""
        return self.run(self.test_batches, orders, active)

    def run(
        self, run_batches: Callable[..., tuple[Logs, tf.Tensor]], orders: NDArray[np.int32], active: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        """Run the whole batches of all lanes, and then a short last batch."""
        length = orders.shape[1]
        short = length % self.batch_size
        logs: Logs = {}
        flags = tf.constant(active)
        if length - short:
            logs, flags = run_batches(tf.constant(orders[:, : length - short]), flags, self.batch_size)
        if short:
            logs, flags = run_batches(tf.constant(orders[:, length - short :]), flags, short)
        return {name: np.asarray(value) for name, value in logs.items()}

    def run_batches(
        self, step: _Step, orders: tf.Tensor, active: tf.Tensor, size: int, *, weighted: bool
    ) -> tuple[Logs, tf.Tensor]:
        """Run a step on each batch of `size` examples of all active lanes, and return the logs and the active lanes."""
        chunk_examples, scaling = self.pipeline.chunk_examples, self.pipeline.scaling
        count = orders.shape[1] // size

        def run_lane(lane: tuple[Values, tf.Tensor]) -> tuple[Values, tf.Tensor]:
            values, rows = lane
            examples = [tf.gather(part, rows) for part in chunk_examples]
            batch = self.pipeline.prepare_batch(*examples, scaling, weighted=weighted)
            new_values, logs = step(self.model, values, batch)
            return new_values, logs["loss"]

        def run_next_batch(index: tf.Tensor, active: tf.Tensor, *values: tf.Tensor) -> tuple[tf.Tensor, ...]:
            rows = tf.slice(orders, [0, index * size], [self.width, size])
            new_values, losses = tf.vectorized_map(run_lane, (list(values), rows), fallback_to_while_loop=False)
            kept = [_select(active, new, old) for new, old in zip(new_values, values, strict=True)]
            return index + 1, tf.logical_and(active, tf.math.is_finite(losses)), *kept

        initial_values = [variable.value() for variable in self.state]
        _, active, *values = tf.while_loop(
            lambda index, *_: index < count, run_next_batch, (tf.constant(0), active, *initial_values),
            parallel_iterations=1,
        )  # fmt: skip
        for variable, value in zip(self.state, values, strict=True):
            variable.assign(value)
        return tf.vectorized_map(partial(read_logs, self.model), values, fallback_to_while_loop=False), active

    def compute_outputs(self, rows: tf.Tensor) -> tf.Tensor:
        """Return the outputs of all lanes for the same examples, of shape (width, examples, units)."""
        examples = [tf.gather(part, rows) for part in self.pipeline.chunk_examples]
        inputs, *_ = self.pipeline.prepare_batch(*examples, self.pipeline.scaling)
        return tf.vectorized_map(
            lambda values: predict_step(self.model, values, inputs),
            [variable.value() for variable in self.state],
            fallback_to_while_loop=False,
        )


def _select(active: tf.Tensor, new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
    """Return the new values of active lanes and the old values of the other lanes."""
    return tf.where(tf.reshape(active, (-1, *[1] * (len(new.shape) - 1))), new, old)
