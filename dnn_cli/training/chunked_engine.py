"""The chunked engine: train, test and predict functions that run many of Keras's own steps in one call.

A chunk is the batches of one call. Keras's `fit` and `evaluate` take time between two steps; with chunks, they take
this time once per chunk. `fit` asks its model for a `train_function` that takes an iterator and returns the logs. This
module builds such a function. The function runs the same `train_step` as plain `fit`, on the same batches in the same
order. The weights are therefore the same to the last bit.

XLA compiles the function once for all chunks, because every chunk has the same shape. A chunk with fewer examples is
padded, and contains the number of its valid examples. A short last batch has another shape, and thus its own program.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

# `fit` accepts an object of this class. The public modules of Keras do not contain the class.
from keras.src.trainers.data_adapters.data_adapter import DataAdapter
from numpy.typing import NDArray

from dnn_cli.data.pipeline import Chunk, HeldChunks, Order, Pipeline
from dnn_cli.training.batch_loops import Logs, run_checked_loop, run_counted_loop
from dnn_cli.training.execution_plan import ExecutionPlan
from dnn_cli.training.training_state import METRICS_GROUP, iter_variables

_Scaling = tuple[tf.Tensor, ...]


def install_chunk_functions(model: keras.Model, pipeline: Pipeline, plan: ExecutionPlan) -> None:
    """Replace the train and test functions of a model by functions that run chunks of `plan.steps` batches.

    `fit` and `evaluate` of this model then need a dataset from `build_dataset` instead of a dataset of batches.
    """
    build_metric_variables(model, pipeline)
    # With this value, fit counts batches and passes the true numbers of batches to callbacks.
    model.steps_per_execution = plan.steps
    model.train_function = _build_chunk_function(model, model.train_step, pipeline, plan, weighted=True)
    model.test_function = _build_chunk_function(model, model.test_step, pipeline, plan)


class ChunkAdapter(DataAdapter):  # type: ignore[misc]
    """Dataset of chunks that are in memory, for Keras's `fit` and `evaluate`."""

    def __init__(self, chunks: HeldChunks) -> None:
        self.chunks = chunks

    def __iter__(self) -> Iterator[Chunk]:
        return iter(self.chunks)

    def get_tf_dataset(self) -> HeldChunks:
        """Return the chunks. `fit` passes their iterator to the train function."""
        return self.chunks

    @property
    def num_batches(self) -> None:
        """Number of batches in an epoch. The value is `None`, because `fit` gets the number as an argument."""


ChunkDataset: TypeAlias = tf.data.Dataset | ChunkAdapter
"""Dataset of chunks or of batches, for Keras's `fit` and `evaluate`."""


def build_dataset(
    pipeline: Pipeline, plan: ExecutionPlan, order: Order, epochs: range = range(1), *, weighted: bool = False
) -> ChunkDataset:
    """Build a dataset of chunks or of batches, as the engine of the plan needs.

    Args:
        pipeline: The pipeline that reads the examples.
        plan: The execution plan.
        order: The order of the examples in each epoch.
        epochs: The numbers of the epochs that the dataset contains; by default one epoch.
        weighted: Whether batches contain the weights of examples. Chunks never do, because the functions of the chunked
            engine add the weights.
    """
    if plan.engine == "chunked":
        chunks = pipeline.build_chunks(order, plan.steps, epochs)
        return ChunkAdapter(chunks) if isinstance(chunks, HeldChunks) else chunks
    return pipeline.build_batches(order, epochs, weighted=weighted)


def build_metric_variables(model: keras.Model, pipeline: Pipeline) -> None:
    """Build the variables of a model's metrics before the first training step, and let `fit` reset them faster.

    Otherwise the first step builds these variables, and TensorFlow traces this step twice. Keras resets each variable
    through several layers of functions, twice in each epoch.
    """
    example = pipeline.prepare_batch(*pipeline.gather_rows(tf.constant([0])), pipeline.scaling, weighted=True)
    inputs, targets, *weights = example
    outputs = tf.zeros((1, *model.output_shape[1:]), model.outputs[0].dtype)
    model.compute_metrics(inputs, targets, outputs, *weights)
    model.reset_metrics()
    initial_values = [(variable.value, tf.identity(variable.value)) for variable in model.metrics_variables]

    def reset_metrics() -> None:
        for variable, initial_value in initial_values:
            variable.assign(initial_value)

    model.reset_metrics = reset_metrics


def _build_chunk_function(
    model: keras.Model, step: Callable[..., Logs], pipeline: Pipeline, plan: ExecutionPlan, *, weighted: bool = False
) -> Callable[[Iterator[Any]], Logs]:
    """Return a function that takes a chunk from an iterator, runs `step` on each batch, and returns the logs.

    The function stops after the first batch whose loss is not a finite number: later results are meaningless.

    Args:
        model: The model.
        step: The model's `train_step` or `test_step`.
        pipeline: The pipeline that turns examples of a chunk into a batch.
        plan: The execution plan.
        weighted: Whether batches contain the weights of examples.
    """
    batch_size = pipeline.experiment.batch_size
    build_chunk_batch = partial(_build_batch, pipeline, weighted=weighted)
    is_training = step == model.train_step
    changed_variables = [
        variable for name, variable in iter_variables(model) if is_training or name.startswith(METRICS_GROUP)
    ]

    # As in plain fit, the batch size is unknown in the graph of a step: a known size would be optimised differently.
    # XLA needs a known size, also in plain fit.
    size = batch_size if plan.jit else tf.constant(batch_size)
    example = pipeline.prepare_batch(*pipeline.gather_rows(tf.constant([0])), pipeline.scaling, weighted=weighted)
    any_length = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in example)
    one_batch = tf.function(step, jit_compile=plan.jit, autograph=False, input_signature=[any_length])

    def build_step_runner(chunk: Chunk, scaling: _Scaling, size: int | tf.Tensor) -> Callable[[tf.Tensor], Logs]:
        return lambda index: step(build_chunk_batch(chunk, tf.slice(chunk.order, [index * size], [size]), scaling))

    def run_checked(chunk: Chunk, scaling: _Scaling, size: int | tf.Tensor) -> Logs:
        return run_checked_loop(model, build_step_runner(chunk, scaling, size), chunk.count // batch_size)

    def run_counted(chunk: Chunk, scaling: _Scaling, size: int | tf.Tensor, count: int) -> tuple[Logs, tf.Tensor]:
        return run_counted_loop(model, build_step_runner(chunk, scaling, size), count, changed_variables)

    checked_batches = tf.function(run_checked, jit_compile=plan.jit, autograph=False)
    counted_batches = tf.function(run_counted, jit_compile=plan.jit, autograph=False)
    scaling = pipeline.scaling

    def run_whole_batches(chunk: Chunk, count: int) -> Logs:
        if plan.loop == "counted":
            logs, is_finite = counted_batches(chunk, scaling, size, count)
            if is_finite:
                return dict(logs)
        return dict(checked_batches(chunk, scaling, size))

    def run_chunk(chunks: Iterator[Any]) -> Logs:
        chunk = Chunk(*next(chunks))
        count = int(chunk.count)
        short_count = count % batch_size
        logs: Logs = {}
        if count >= batch_size:
            logs = run_whole_batches(chunk, count // batch_size)
        if short_count and (not logs or tf.math.is_finite(logs["loss"])):
            logs = one_batch(build_chunk_batch(chunk, chunk.order[count - short_count : count], scaling))
        return logs

    return run_chunk


def _build_batch(
    pipeline: Pipeline, chunk: Chunk, indices: tf.Tensor, scaling: _Scaling, *, weighted: bool = False
) -> tuple[tf.Tensor, ...]:
    """Return the examples of a chunk at the given indices as a batch for Keras."""
    rows = tf.gather(chunk.inputs, indices), tf.gather(chunk.targets, indices)
    return pipeline.prepare_batch(*rows, scaling, weighted=weighted)


def build_chunk_predictor(
    model: keras.Model, pipeline: Pipeline, plan: ExecutionPlan
) -> Callable[[ChunkDataset], NDArray[np.float32]]:
    """Return a function that computes the outputs for all examples of a dataset of chunks.

    Outputs have the shape (examples, units), in the order of the examples. They equal the outputs that Keras's
    `predict` computes batch by batch.
    """
    batch_size, build_chunk_batch = pipeline.experiment.batch_size, partial(_build_batch, pipeline)

    def run_batches(chunk: Chunk, order: tf.Tensor, scaling: _Scaling) -> tf.Tensor:
        def predict_batch(indices: tf.Tensor) -> tf.Tensor:
            return model.predict_step(build_chunk_batch(chunk, indices, scaling))

        return tf.map_fn(predict_batch, order, fn_output_signature=model.outputs[0].dtype, parallel_iterations=1)

    compiled = tf.function(run_batches, jit_compile=plan.jit, autograph=False)

    def predict_chunks(chunks: ChunkDataset) -> NDArray[np.float32]:
        outputs = []
        for chunk in chunks:
            count = int(chunk.count)
            full_count = count - count % batch_size
            if full_count:
                batch_outputs = compiled(chunk, tf.reshape(chunk.order, (-1, batch_size)), pipeline.scaling).numpy()
                outputs.append(batch_outputs.reshape(-1, *batch_outputs.shape[2:])[:full_count])
            if full_count < count:
                outputs.append(compiled(chunk, chunk.order[None, full_count:count], pipeline.scaling).numpy()[0])
        return np.concatenate(outputs)

    return predict_chunks
