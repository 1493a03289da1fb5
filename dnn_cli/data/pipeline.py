"""Examples → batches for Keras through `tf.data`: images stay uint8 until their batch is made."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.examples import Examples
from dnn_cli.spec.experiment import Experiment


class Pipeline:
    """Feeds the examples of one experiment.

    A batch is float32 inputs of (batch, *input_shape) in [0, 1], and int32 classes of (batch,), or float32
    vectors of (batch, classes) where the loss wants those. Training holds the examples once, as uint8.
    """

    def __init__(self, examples: Examples, experiment: Experiment) -> None:
        self.experiment = experiment
        self.images = tf.constant(examples.images.reshape(-1, *experiment.data.input_shape))
        self.labels = tf.constant(examples.labels)

    def epochs(self, indices: NDArray[np.int64]) -> tf.data.Dataset:
        """The batches of every epoch, one after the other, each epoch in its own order."""

        def epoch(number: tf.Tensor) -> tf.data.Dataset:
            order = epoch_order(indices, self.experiment.seed, number)
            return tf.data.Dataset.from_tensor_slices(order).batch(self.experiment.batch_size)

        return tf.data.Dataset.range(self.experiment.epochs).flat_map(epoch).map(self.batch).prefetch(tf.data.AUTOTUNE)

    def in_order(self, indices: NDArray[np.int64]) -> tf.data.Dataset:
        """The batches of some examples in their own order, as Keras's `evaluate` makes them of arrays."""
        ordered = tf.data.Dataset.from_tensor_slices(indices).batch(self.experiment.batch_size)
        return ordered.map(self.batch).prefetch(tf.data.AUTOTUNE)

    def batch(self, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        facts = self.experiment.data.facts
        inputs = tf.cast(tf.gather(self.images, indices), tf.float32) / facts.pixel_max
        labels = tf.cast(tf.gather(self.labels, indices), tf.int32)
        if self.experiment.loss.targets == "one_hot":
            return inputs, tf.one_hot(labels, len(facts.classes))
        return inputs, labels


def epoch_order(indices: NDArray[np.int64], seed: int, epoch: tf.Tensor) -> tf.Tensor:
    """The order of the examples in an epoch: a pure function of (seed, epoch), the same in every process."""
    key = tf.stack([tf.constant(seed, tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.experimental.stateless_shuffle(tf.constant(indices), seed=key)
