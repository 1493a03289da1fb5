"""Loops that run a Keras step on each whole batch of a chunk, inside of one TensorFlow program.

Both loops give the same results. The checked loop ends after the first batch whose loss is not a finite number, because
later results are meaningless. On a GPU, this check makes the processor wait after each batch. The counted loop has a
known number of batches, and takes a third less time on a GPU (57 instead of 87 ms for an epoch of `relu_adam` on an
H200). If its loss is not finite, the caller repeats the call with the checked loop.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

Logs = dict[str, Any]
"""Results of the metrics by name, each a tensor with one number."""

_RunBatch = Callable[[tf.Tensor], Logs]
"""Function that runs the step on the batch with a number, counted from 0, and returns the logs."""


def run_checked_loop(model: keras.Model, run_batch: _RunBatch, count: tf.Tensor) -> Logs:
    """Run a step on each batch until a loss is not finite, and return the logs.

    Args:
        model: The model whose metrics the step updates.
        run_batch: The function that runs the step on a batch.
        count: The number of batches.
    """

    def has_next_batch(index: tf.Tensor, is_finite: tf.Tensor) -> tf.Tensor:
        return tf.logical_and(index < count, is_finite)

    def run_next_batch(index: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return index + 1, tf.math.is_finite(run_batch(index)["loss"])

    tf.while_loop(has_next_batch, run_next_batch, (tf.constant(0), tf.constant(True)), parallel_iterations=1)
    return dict(model.get_metrics_result())


def run_counted_loop(
    model: keras.Model, run_batch: _RunBatch, count: int, variables: Sequence[keras.Variable]
) -> tuple[Logs, tf.Tensor]:
    """Run a step on each batch, and return the logs and whether the loss is finite.

    If the loss is not finite, the variables get their initial values back. The mean of the losses of an epoch stays nan
    or infinite after one such loss, so one check after all batches finds the loss.

    Args:
        model: The model whose metrics the step updates.
        run_batch: The function that runs the step on a batch.
        count: The number of batches.
        variables: The variables that the step changes.
    """
    initial_values = [tf.identity(variable.value) for variable in variables]

    def run_next_batch(index: tf.Tensor) -> tuple[tf.Tensor]:
        run_batch(index)
        return (index + 1,)

    tf.while_loop(lambda index: index < count, run_next_batch, (tf.constant(0),), parallel_iterations=1)
    logs = dict(model.get_metrics_result())
    is_finite = tf.math.is_finite(logs["loss"])
    for variable, initial_value in zip(variables, initial_values, strict=True):
        variable.assign(tf.where(is_finite, variable.value, initial_value))
    return logs, is_finite
