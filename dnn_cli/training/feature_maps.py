"""Kernels and feature maps of a saved model, before and after its training."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.config.image_kernels import ImageKernel, list_image_kernels
from dnn_cli.config.layer_stack import compute_stages, list_layer_names
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.errors import UsageError
from dnn_cli.metrics.classification import compute_predicted_classes
from dnn_cli.metrics.network_filters import KernelPair, MapPair, NetworkFilters
from dnn_cli.training.inference import load_trained_model
from dnn_cli.training.model_builder import build_model
from dnn_cli.training.training_job import TrainingJob

_MAX_MAP_LAYERS = 2
"""Number of convolution layers whose feature maps are computed if no layer is chosen."""


def compute_network_filters(job: TrainingJob, weights: Path, layer: str | None, example: int) -> NetworkFilters:
    """Compute the kernels of a network and its feature maps for one validation example, before and after the training.

    The initial weights are a pure function of the experiment, so that they are computed again.

    Args:
        job: The training job of the run, with its examples and their split.
        weights: The `.keras` file with the trained weights.
        layer: The name of the only layer; `None` for all convolution layers or, without them, the first Dense layer.
        example: The number of the example in the validation set, from 0.

    Raises:
        UsageError: the network has no such layer or no kernels that are images, or the example does not exist.
        RunError: the file holds no weights of this network.
    """
    count = len(job.split.validation)
    if example >= count:
        suggestion = f"choose 0 to {count - 1}" if count else "train with data.validation_size=0.2"
        raise UsageError(f"--example {example} does not exist: the validation set has {count} examples", suggestion)
    kernels = _select_kernels(job, layer)
    map_names = [kernel.layer for kernel in kernels if kernel.is_convolution][:_MAX_MAP_LAYERS]
    examples = job.examples[job.split.validation[[example]]]
    with tf.device(job.device.tensorflow_name):
        scaling = job.preprocessing.target_scaling
        pipeline = Pipeline(examples, job.experiment, job.preprocessing)
        batches = pipeline.build_batches(pipeline.build_fixed_order(np.arange(1)))
        untrained = build_model(job.experiment, scaling)
        initial = _list_layers(untrained, job)
        first_maps, _ = _compute_maps(untrained, [initial[name] for name in map_names], batches)
        model = load_trained_model(weights, job.experiment, scaling)
        trained = _list_layers(model, job)
        last_maps, outputs = _compute_maps(model, [trained[name] for name in map_names], batches)
        pairs = [_build_kernel_pair(kernel, initial[kernel.layer], trained[kernel.layer]) for kernel in kernels]
    classes = job.experiment.data.info.classes
    return NetworkFilters(
        tuple(pairs),
        tuple(MapPair(*values) for values in zip(map_names, first_maps, last_maps, strict=True)),
        example,
        _format_target(examples.targets[0], classes),
        _format_prediction(outputs[0], classes, takes_logits=job.experiment.loss.takes_logits),
    )


def _list_layers(model: keras.Sequential, job: TrainingJob) -> dict[str, keras.Layer]:
    """Return the layers of the config by their names there, which can differ from the names in Keras."""
    names = list_layer_names(job.experiment.model.stack)
    return dict(zip(names, model.layers[: len(names)], strict=True))


def _select_kernels(job: TrainingJob, layer: str | None) -> list[ImageKernel]:
    """Return the kernels that are drawn: of one layer, or of all convolutions, or else of a Dense layer.

    Raises:
        UsageError: there is no such layer, or its kernel cannot be drawn as images.
    """
    stack = job.experiment.model.stack
    kernels = {
        kernel.layer: kernel for kernel in list_image_kernels(compute_stages(stack, job.experiment.data.input_shape))
    }
    if not kernels:
        raise UsageError(
            "the network has no kernels that are images: no convolution over two axes, and no Dense layer on images",
            "use dnn explain RUN without --filters",
        )
    if layer is None:
        return [kernel for kernel in kernels.values() if kernel.is_convolution] or list(kernels.values())
    if layer not in kernels:
        is_known = layer in list_layer_names(stack)
        message = f"layer {layer} has no kernel that is an image" if is_known else f"the network has no layer {layer}"
        raise UsageError(message, f"choose from: {', '.join(kernels)}")
    return [kernels[layer]]


def _build_kernel_pair(kernel: ImageKernel, initial: keras.Layer, trained: keras.Layer) -> KernelPair:
    """Return the kernel of a layer before and after the training, with its pictures.

    A picture shows a window of a depthwise convolution, or the weights of the first input channel of a filter.
    """
    before, after = (
        np.asarray(keras.ops.convert_to_numpy(layer.weights[0]), np.float32) for layer in (initial, trained)
    )

    def build_images(values: NDArray[np.float32]) -> NDArray[np.float32]:
        full = np.moveaxis(values, kernel.input_axis, 2) if values.ndim == 4 else values
        full = full.reshape(kernel.image_shape)
        # Keras orders the outputs of a depthwise convolution by the input channel.
        flat = full.reshape(*full.shape[:2], -1) if kernel.is_depthwise else full[:, :, 0]
        return np.moveaxis(flat, -1, 0)

    return KernelPair(kernel.layer, before, after, build_images(before), build_images(after), kernel.part)


def _compute_maps(
    model: keras.Sequential, layers: Sequence[keras.Layer], batches: tf.data.Dataset
) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """Return the feature maps of layers for one example, each of shape (n, height, width), and the output."""
    extractor = keras.Model(model.inputs, [*(layer.output for layer in layers), model.outputs[0]])
    outputs = extractor.predict(batches, steps=1, verbose=0)
    *maps, output = outputs if isinstance(outputs, list) else [outputs]
    return [np.moveaxis(np.asarray(values[0], np.float32), -1, 0) for values in maps], np.asarray(output, np.float32)


def _format_target(target: NDArray[np.generic], classes: Sequence[str]) -> str:
    """Return the class of an example, or its target values."""
    values = np.atleast_1d(target)
    if classes and values.size == 1:
        return str(classes[int(values[0])])
    return ", ".join(f"{float(value):.4g}" for value in values)


def _format_prediction(output: NDArray[np.float32], classes: Sequence[str], *, takes_logits: bool) -> str:
    """Return the predicted class of an example, or the output values."""
    if classes:
        return str(classes[int(compute_predicted_classes(output[None], logits=takes_logits)[0])])
    return ", ".join(f"{float(value):.4g}" for value in output.ravel())
