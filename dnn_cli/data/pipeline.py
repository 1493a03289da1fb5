"""Datasets of `tf.data` for Keras: batches, and chunks of many batches.

Pixels stay uint8 until their batch is built.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.data.examples import MAX_MEMORY_SHARE, Examples
from dnn_cli.data.preprocessing import Preprocessing
from dnn_cli.host.resources import get_usable_memory

Order = Callable[[tf.Tensor], tf.Tensor]
"""Function that takes the number of an epoch, counted from 0, and returns the indices of its examples, int64, in
training order."""

_plain_python = tf.autograph.experimental.do_not_convert
"""Decorator that exempts a function from autograph, so that tracing is faster. The function must have no loops or
branches that depend on tensors."""

_UNTUNED_OPTIONS = tf.data.Options()
"""Options that turn off the autotuning of `tf.data`. The thread of the autotuning would delay the end of every
iterator by a few tenths of a second."""

_UNTUNED_OPTIONS.autotune.enabled = False


class Chunk(NamedTuple):
    """Examples for many training steps: rows of inputs, their targets, and the order in which the steps use the rows.

    `inputs` and `targets` may also contain examples of other chunks. `order` contains int32 row indices, padded to the
    same length in every chunk of a dataset. Only its first `count` indices are valid.
    """

    inputs: tf.Tensor
    targets: tf.Tensor
    order: tf.Tensor
    count: tf.Tensor


class HeldChunks:
    """Iterable of chunks whose rows are in memory.

    A dataset of `tf.data` traces its functions in each training, and builds an iterator in each validation. Both took a
    quarter of a short training.

    Args:
        inputs: The inputs that all chunks share.
        targets: The targets that all chunks share.
        order: The function that returns the rows of an epoch.
        compute_length: The function that takes the number of rows of an epoch, and returns the length of its chunks.
        epochs: The numbers of the epochs, counted from 0.
    """

    def __init__(
        self,
        inputs: tf.Tensor,
        targets: tf.Tensor,
        order: Order,
        compute_length: Callable[[int], int],
        epochs: range,
    ) -> None:
        self.inputs = inputs
        self.targets = targets
        self.order = order
        self.compute_length = compute_length
        self.epochs = epochs

    def __iter__(self) -> Iterator[Chunk]:
        for epoch in self.epochs:
            with tf.device("CPU"):
                rows = tf.cast(self.order(tf.constant(epoch, tf.int64)), tf.int32)
                (total,) = rows.shape
                length = self.compute_length(total)
                rows = tf.pad(rows, [[0, -total % length]])
                chunks = [
                    Chunk(
                        self.inputs,
                        self.targets,
                        rows[start : start + length],
                        tf.constant(min(length, total - start)),
                    )
                    for start in range(0, total, length)
                ]
            yield from chunks


class Pipeline:
    """Builder of batches and chunks from the examples of an experiment.

    The examples are held in memory once. Memory-mapped examples that need too much memory are read chunk by chunk. The
    pipeline ignores the seed and the optimizer of the experiment; `build_shuffled_order` takes a seed instead.

    Args:
        examples: The examples of all splits.
        experiment: The experiment.
        preprocessing: The scaling and class weights. By default, inputs are divided by the `input_divisor` of
            the experiment: 255 for uint8 pixels, else 1.
        shared_with: Another pipeline of the same examples. Its tensors are used instead of a copy.
        device: The name of the device that runs chunks, such as `/GPU:0`. Its memory holds the examples if they fit.
    """

    def __init__(
        self,
        examples: Examples,
        experiment: Experiment,
        preprocessing: Preprocessing | None = None,
        shared_with: "Pipeline | None" = None,
        device: str = "/CPU:0",
    ) -> None:
        self.experiment = experiment
        self.target_encoding = experiment.target_encoding
        self.examples = examples
        self.preprocessing = preprocessing or Preprocessing(np.asarray(experiment.input_divisor, np.float32))
        self.inputs = examples.inputs.reshape(len(examples), -1)
        self.targets = _pack_targets(examples)
        """Targets of the examples. With weights of examples, the last column contains the weights."""

        self.held_inputs: tf.Tensor
        self.held_targets: tf.Tensor
        self.chunk_examples: tuple[tf.Tensor, tf.Tensor]
        """Inputs and targets of all chunks, in the memory of the device. Missing if chunks are read from a file."""

        self.is_held = (
            not isinstance(self.inputs, np.memmap) or self.inputs.nbytes <= MAX_MEMORY_SHARE * get_usable_memory()
        )
        if self.is_held and shared_with is not None:
            self.held_inputs, self.held_targets = shared_with.held_inputs, shared_with.held_targets
            self.chunk_examples = shared_with.chunk_examples
        elif self.is_held:
            # tf.data works on the CPU.
            with tf.device("CPU"):
                self.held_inputs, self.held_targets = tf.constant(self.inputs), tf.constant(self.targets)
            self.chunk_examples = _copy_to_device(self.held_inputs, self.held_targets, device)

    def build_shuffled_order(self, indices: NDArray[np.int64], seed: int) -> Order:
        """Build an `Order` that shuffles the indices differently in every epoch."""
        return lambda epoch: shuffle_epoch(indices, seed, epoch)

    def build_fixed_order(self, indices: NDArray[np.int64]) -> Order:
        """Build an `Order` that returns the given indices unchanged in every epoch."""
        return lambda epoch: tf.constant(indices)

    def build_batches(self, order: Order, epochs: range = range(1), *, weighted: bool = False) -> tf.data.Dataset:
        """Build a dataset of the batches of several epochs, one epoch after another.

        Args:
            order: The function that returns the example indices of an epoch.
            epochs: The numbers of the epochs, counted from 0.
            weighted: Whether a batch contains example weights, if the classes have weights.
        """

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

    def build_chunks(self, order: Order, steps: int, epochs: range = range(1)) -> tf.data.Dataset | HeldChunks:
        """Build a dataset of the chunks of several epochs, one epoch after another.

        The last chunk of an epoch may hold fewer examples.

        Args:
            order: The function that returns the example indices of an epoch.
            steps: The maximum number of batches in a chunk.
            epochs: The numbers of the epochs, counted from 0.
        """

        def compute_chunk_length(total: int) -> int:
            # Only whole batches must have the full length.
            if total < self.experiment.batch_size:
                return total
            return self.experiment.batch_size * min(steps, count_batches(total, self.experiment.batch_size))

        if self.is_held:
            return HeldChunks(*self.chunk_examples, order, compute_chunk_length, epochs)

        def build_epoch(number: tf.Tensor) -> tf.data.Dataset:
            indices = order(number)
            (total,) = indices.shape
            length = compute_chunk_length(total)
            rows = tf.reshape(tf.pad(indices, [[0, -total % length]]), (-1, length))
            return tf.data.Dataset.from_tensor_slices((rows, tf.minimum(length, total - tf.range(0, total, length))))

        def build_chunk(indices: tf.Tensor, count: tf.Tensor) -> Chunk:
            return Chunk(*self.gather_rows(indices), tf.range(indices.shape[0]), count)

        return (
            tf.data.Dataset.range(epochs.start, epochs.stop)
            .flat_map(_plain_python(build_epoch))
            .map(_plain_python(build_chunk))
            .prefetch(2)
            .with_options(_UNTUNED_OPTIONS)
        )

    def gather_rows(self, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the inputs, of shape (n, size), and the rows of `targets` of the examples with the given indices."""
        if self.is_held:
            return tf.gather(self.held_inputs, indices), tf.gather(self.held_targets, indices)
        dtypes = self.inputs.dtype, self.targets.dtype
        inputs, targets = tf.numpy_function(self.read_mapped_rows, [indices], dtypes, stateful=False)
        inputs = tf.ensure_shape(inputs, (*indices.shape, self.inputs.shape[1]))
        return inputs, tf.ensure_shape(targets, (*indices.shape, *self.targets.shape[1:]))

    def read_mapped_rows(self, indices: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Read the inputs with the given indices from a memory-mapped file, and return inputs and targets.

        Rows are read in the order of the file, which is the fastest, and returned in the order of `indices`.
        """
        file_order = np.argsort(indices)
        inputs = np.empty((len(indices), self.inputs.shape[1]), self.inputs.dtype)
        inputs[file_order] = self.inputs[indices[file_order]]
        return inputs, self.targets[indices]

    @property
    def scaling(self) -> tuple[tf.Tensor, ...]:
        """Divisor of the inputs, followed by the mean if a mean is subtracted before the division.

        Compiled training steps take the scaling as an argument, not as a constant. XLA replaces the division by a
        constant with a multiplication by the inverse, which gives slightly different results.
        """
        scaling_arrays = (self.preprocessing.scale, self.preprocessing.mean)
        return tuple(tf.constant(number) for number in scaling_arrays if number is not None)

    def prepare_batch(
        self, inputs: tf.Tensor, targets: tf.Tensor, scaling: tuple[tf.Tensor, ...], *, weighted: bool = False
    ) -> tuple[tf.Tensor, ...]:
        """Return a batch for Keras: scaled inputs, targets, and the weights of the examples.

        Inputs are float32 of shape (batch, *input_shape). Targets are int32 classes of shape (batch,), or float32 of
        shape (batch, outputs), as the loss requires. Weights are float32 of shape (batch,).

        Args:
            inputs: The unscaled inputs, of shape (batch, size).
            targets: The rows of `Pipeline.targets` of these inputs.
            scaling: The value of `Pipeline.scaling`.
            weighted: Whether the batch contains weights if the classes have weights. Weights of examples, which exclude
                weights of classes, are always part of the batch.
        """
        data, (scale, *mean) = self.experiment.data, scaling
        inputs = tf.cast(inputs, tf.float32)
        inputs = tf.reshape((inputs - mean[0] if mean else inputs) / scale, (-1, *data.input_shape))
        example_weights: tuple[tf.Tensor, ...] = ()
        if self.examples.weights is not None:
            targets, example_weights = targets[:, :-1], (targets[:, -1],)
        if self.target_encoding == "real":
            return inputs, tf.cast(targets, tf.float32), *example_weights
        targets = tf.cast(targets[:, 0] if example_weights else targets, tf.int32)
        class_weights = self.preprocessing.class_weights
        if class_weights is not None and weighted:
            example_weights = (tf.gather(tf.constant(class_weights), targets),)
        if self.target_encoding == "one_hot":
            targets = tf.one_hot(targets, len(data.info.classes))
        elif self.target_encoding == "binary":
            targets = tf.cast(targets[:, None], tf.float32)
        return inputs, targets, *example_weights


def _pack_targets(examples: Examples) -> NDArray[Any]:
    """Return the targets of examples. With weights, the result is float32 with the weights as its last column.

    float32 represents all class numbers exactly. One array for both keeps targets and weights together in every chunk.
    """
    if examples.weights is None:
        return examples.targets
    columns = examples.targets.reshape(len(examples), -1).astype(np.float32)
    return np.concatenate([columns, examples.weights[:, None]], axis=1)


def _copy_to_device(inputs: tf.Tensor, targets: tf.Tensor, device: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Return inputs and targets in the memory of a device, or unchanged if they do not fit there."""
    if device.startswith("/CPU"):
        return inputs, targets
    try:
        with tf.device(device):
            return tf.identity(inputs), tf.identity(targets)
    except tf.errors.ResourceExhaustedError:
        return inputs, targets


def count_batches(examples: int, batch_size: int) -> int:
    """Return the number of batches for a number of examples. The last batch may be short."""
    return math.ceil(examples / batch_size)


def shuffle_epoch(indices: NDArray[np.int64], seed: int, epoch: tf.Tensor) -> tf.Tensor:
    """Return the indices in the random order of an epoch, which the seed and the number of the epoch determine.

    Equal arguments give an equal order in every process.
    """
    key = tf.stack([tf.constant(seed, tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.experimental.stateless_shuffle(tf.constant(indices), seed=key)
