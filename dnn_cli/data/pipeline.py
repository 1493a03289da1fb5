"""Batches and chunks of examples for Keras, through `tf.data`. Pixels stay uint8 until their batch is built."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.data.examples import Examples
from dnn_cli.data.preprocessing import Preprocessing
from dnn_cli.host.resources import get_usable_memory

Order = Callable[[tf.Tensor], tf.Tensor]
"""The epoch, from 0 → the indices of its examples, int64, in their order."""

_plain_python = tf.autograph.experimental.do_not_convert
"""For functions without loops and branches of TensorFlow: they are traced sooner as they are."""

_UNTUNED_OPTIONS = tf.data.Options()
"""Options without autotuning, whose thread delays the end of every iterator by some tenths of a second."""

_UNTUNED_OPTIONS.autotune.enabled = False

MAX_MEMORY_SHARE = 1 / 4
"""The share of the machine's memory up to which memory-mapped inputs are read into it."""


class Chunk(NamedTuple):
    """Examples for many steps: rows of numbers, targets, and the order of the rows.

    `order` is int32 and always as long as the longest chunk; only its first `count` numbers count.
    """

    inputs: tf.Tensor
    targets: tf.Tensor
    order: tf.Tensor
    count: tf.Tensor


class Pipeline:
    """Source of batches and chunks of the examples of one experiment.

    The examples are held in memory once. Memory-mapped examples that need too much memory are read chunk by chunk.
    The content of batches depends on neither the seed nor the optimizer.

    Args:
        examples: The examples of all splits.
        experiment: The experiment.
        preprocessing: Scaling and class weights; by default inputs are divided by the largest pixel.
        shared_with: Another pipeline of the same examples, with which the memory is shared.
    """

    def __init__(
        self,
        examples: Examples,
        experiment: Experiment,
        preprocessing: Preprocessing | None = None,
        shared_with: "Pipeline | None" = None,
    ) -> None:
        self.experiment = experiment
        self.target_encoding = experiment.target_encoding
        self.examples = examples
        self.preprocessing = preprocessing or Preprocessing(np.asarray(experiment.data.info.pixel_max, np.float32))
        self.inputs = examples.inputs.reshape(len(examples), -1)
        self.held_inputs: tf.Tensor
        self.held_targets: tf.Tensor
        self.is_held = (
            not isinstance(self.inputs, np.memmap) or self.inputs.nbytes <= MAX_MEMORY_SHARE * get_usable_memory()
        )
        if self.is_held and shared_with is not None:
            self.held_inputs, self.held_targets = shared_with.held_inputs, shared_with.held_targets
        elif self.is_held:
            with tf.device("CPU"):  # where tf.data works
                self.held_inputs, self.held_targets = tf.constant(self.inputs), tf.constant(examples.targets)

    def build_shuffled_order(self, indices: NDArray[np.int64], seed: int) -> Order:
        """Every epoch in an order of its own."""
        return lambda epoch: shuffle_epoch(indices, seed, epoch)

    def build_fixed_order(self, indices: NDArray[np.int64]) -> Order:
        """Every epoch in the given order."""
        return lambda epoch: tf.constant(indices)

    def build_batches(self, order: Order, epochs: range = range(1), *, weighted: bool = False) -> tf.data.Dataset:
        """Build the batches of some epochs, one after the other, each as `prepare_batch` returns it."""

        def build_epoch(number: tf.Tensor) -> tf.data.Dataset:
            return tf.data.Dataset.from_tensor_slices(order(number)).batch(self.experiment.batch_size)

        def build_batch(indices: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return self.prepare_batch(*self.gather_rows(indices), self.scaling, weighted=weighted)

        return (
            tf.data.Dataset.range(epochs.start, epochs.stop)
            .flat_map(_plain_python(build_epoch))
            .map(_plain_python(build_batch))
            .prefetch(tf.data.AUTOTUNE)
        )

    def build_chunks(self, order: Order, steps: int, epochs: range = range(1)) -> tf.data.Dataset:
        """The same epochs in chunks of at most `steps` batches; the last chunk of an epoch may hold fewer examples."""

        def build_epoch(number: tf.Tensor) -> tf.data.Dataset:
            indices = order(number)
            (total,) = indices.shape
            length = compute_chunk_length(total)
            rows = tf.reshape(tf.pad(indices, [[0, -total % length]]), (-1, length))
            return tf.data.Dataset.from_tensor_slices((rows, tf.minimum(length, total - tf.range(0, total, length))))

        def compute_chunk_length(total: int) -> int:
            if total < self.experiment.batch_size:  # no whole batch, so none that must be of full length
                return total
            return self.experiment.batch_size * min(steps, count_batches(total, self.experiment.batch_size))

        def build_chunk(indices: tf.Tensor, count: tf.Tensor) -> Chunk:
            if self.is_held:
                return Chunk(self.held_inputs, self.held_targets, tf.cast(indices, tf.int32), count)
            return Chunk(*self.gather_rows(indices), tf.range(indices.shape[0]), count)

        # A chunk of held inputs is no copy of them: they go through tf.data as they are.
        return (
            tf.data.Dataset.range(epochs.start, epochs.stop)
            .flat_map(_plain_python(build_epoch))
            .map(_plain_python(build_chunk))
            .prefetch(2)
            .with_options(_UNTUNED_OPTIONS)
        )

    def gather_rows(self, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The numbers and labels of some examples."""
        if self.is_held:
            return tf.gather(self.held_inputs, indices), tf.gather(self.held_targets, indices)
        dtypes = self.inputs.dtype, self.examples.targets.dtype
        inputs, targets = tf.numpy_function(self.read_mapped_rows, [indices], dtypes, stateful=False)
        inputs = tf.ensure_shape(inputs, (*indices.shape, self.inputs.shape[1]))
        return inputs, tf.ensure_shape(targets, (*indices.shape, *self.examples.targets.shape[1:]))

    def read_mapped_rows(self, indices: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The same from a file, in the order they have there, which is faster than any other."""
        file_order = np.argsort(indices)
        inputs = np.empty((len(indices), self.inputs.shape[1]), self.inputs.dtype)
        inputs[file_order] = self.inputs[indices[file_order]]
        return inputs, self.examples.targets[indices]

    @property
    def scaling(self) -> tuple[tf.Tensor, ...]:
        """What inputs are divided by, and what is taken off before, if anything.

        Compiled steps take it as an argument: XLA multiplies by the inverse of a constant, which is not the same.
        """
        scaling_arrays = (self.preprocessing.scale, self.preprocessing.mean)
        return tuple(tf.constant(number) for number in scaling_arrays if number is not None)

    def prepare_batch(
        self, inputs: tf.Tensor, targets: tf.Tensor, scaling: tuple[tf.Tensor, ...], *, weighted: bool = False
    ) -> tuple[tf.Tensor, ...]:
        """Return a batch of rows as Keras takes it.

        Inputs are scaled, float32 of (batch, *input_shape). Targets are int32 classes of (batch,), or float32 of
        (batch, outputs), as the loss takes them. If `weighted`, and classes have weights: float32 weights of (batch,).
        """
        data, (scale, *mean) = self.experiment.data, scaling
        inputs = tf.cast(inputs, tf.float32)
        inputs = tf.reshape((inputs - mean[0] if mean else inputs) / scale, (-1, *data.input_shape))
        if self.target_encoding == "real":
            return inputs, tf.cast(targets, tf.float32)
        targets = tf.cast(targets, tf.int32)
        weights = self.preprocessing.class_weights
        example_weights = () if weights is None or not weighted else (tf.gather(tf.constant(weights), targets),)
        if self.target_encoding == "one_hot":
            targets = tf.one_hot(targets, len(data.info.classes))
        elif self.target_encoding == "binary":
            targets = tf.cast(targets[:, None], tf.float32)
        return inputs, targets, *example_weights


def count_batches(examples: int, batch_size: int) -> int:
    """How many batches some examples make, the last of which may be short."""
    return math.ceil(examples / batch_size)


def shuffle_epoch(indices: NDArray[np.int64], seed: int, epoch: tf.Tensor) -> tf.Tensor:
    """The order of the examples in an epoch: a pure function of (seed, epoch), the same in every process."""
    key = tf.stack([tf.constant(seed, tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.experimental.stateless_shuffle(tf.constant(indices), seed=key)
