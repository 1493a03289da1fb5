"""Kernels and feature maps of a saved model, before and after its training."""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.config.layer_stack import list_layer_names
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.errors import UsageError
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
    with tf.device(job.device.tensorflow_name):
        scaling = job.preprocessing.target_scaling
        untrained = build_model(job.experiment, scaling)
        shape = job.experiment.data.input_shape
        layers = _list_layers(untrained, job)
        names = _select_layers(layers, shape, layer)
        initial = [_read_kernel(layers[name]) for name in names]
        examples = job.examples[job.split.validation[[example]]]
        pipeline = Pipeline(examples, job.experiment, job.preprocessing)
        batches = pipeline.build_batches(pipeline.build_fixed_order(np.arange(1)))
        map_names = [name for name in names if len(layers[name].output.shape) == 4][:_MAX_MAP_LAYERS]
        first_maps, _ = _compute_maps(untrained, [layers[name] for name in map_names], batches)
        trained = load_trained_model(weights, job.experiment, scaling)
        trained_layers = _list_layers(trained, job)
        last_maps, outputs = _compute_maps(trained, [trained_layers[name] for name in map_names], batches)
        kernels = [
            _build_kernel_pair(name, kernel, _read_kernel(trained_layers[name]), shape)
            for name, kernel in zip(names, initial, strict=True)
        ]
    classes = job.experiment.data.info.classes
    return NetworkFilters(
        tuple(kernels),
        tuple(MapPair(*values) for values in zip(map_names, first_maps, last_maps, strict=True)),
        example,
        _format_target(examples.targets[0], classes),
        _format_prediction(outputs[0], classes, takes_logits=job.experiment.loss.takes_logits),
    )


def _list_layers(model: keras.Sequential, job: TrainingJob) -> dict[str, keras.Layer]:
    """Return the layers of the config by their names there, which can differ from the names in Keras."""
    names = list_layer_names(job.experiment.model.stack)
    return dict(zip(names, model.layers[: len(names)], strict=True))


def _select_layers(layers: Mapping[str, keras.Layer], input_shape: Sequence[int], name: str | None) -> list[str]:
    """Return the names of the layers whose kernels are drawn.

    Raises:
        UsageError: there is no such layer.
    """
    drawable = [key for key, layer in layers.items() if _is_drawable(layer, input_shape)]
    if name is not None:
        if name in drawable:
            return [name]
        message = (
            f"layer {name} has no kernel that is an image" if name in layers else f"the network has no layer {name}"
        )
        raise UsageError(message, f"choose from: {', '.join(drawable)}" if drawable else "use dnn explain RUN")
    convolutions = [key for key in drawable if _read_kernel(layers[key]).ndim == 4]
    if not drawable:
        raise UsageError(
            "the network has no kernels that are images: no convolution over two axes, and no Dense layer on images",
            "use dnn explain RUN without --filters",
        )
    return convolutions or drawable[:1]


def _is_drawable(layer: keras.Layer, input_shape: Sequence[int]) -> bool:
    """Return whether a kernel has two spatial axes, or is the kernel of a Dense layer with one weight for each pixel.

    The first layer with a kernel reads pixels; other Dense layers read features.
    """
    kernel = _read_kernel(layer)
    if kernel.ndim == 4:
        return True
    is_image = len(input_shape) == 2 or (len(input_shape) == 3 and input_shape[2] in (1, 3, 4))
    reads_pixels = kernel.ndim == 2 and is_image and kernel.shape[0] == prod(input_shape)
    return reads_pixels and isinstance(layer, keras.layers.Dense)


def _read_kernel(layer: keras.Layer) -> NDArray[np.float32]:
    """Return the first weights of a layer with four axes, or else with two; an empty array if there are none."""
    by_axes = {axes: weight for weight in reversed(layer.weights) if (axes := len(weight.shape)) in (2, 4)}
    weight = by_axes.get(4, by_axes.get(2))
    return np.zeros(0, np.float32) if weight is None else np.asarray(keras.ops.convert_to_numpy(weight), np.float32)


def _build_kernel_pair(
    name: str, initial: NDArray[np.float32], trained: NDArray[np.float32], input_shape: Sequence[int]
) -> KernelPair:
    """Build the pictures of a kernel. A picture shows the weights of the first input channel of a filter."""
    channels = initial.shape[2] if initial.ndim == 4 else (input_shape[2] if len(input_shape) == 3 else 1)

    def build_images(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
        full = kernel if kernel.ndim == 4 else kernel.reshape(*input_shape[:2], channels, -1)
        return np.moveaxis(full[:, :, 0, :], -1, 0)

    part = f"input 1 of {channels}" if channels > 1 else ""
    return KernelPair(name, initial, trained, build_images(initial), build_images(trained), part)


def _compute_maps(
    model: keras.Sequential, layers: Sequence[keras.Layer], batches: tf.data.Dataset
) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """Return the feature maps of layers for one example, each of shape (n, height, width), and the output."""
    extractor = keras.Model(model.inputs, [*(layer.output for layer in layers), model.outputs[0]])
    outputs = extractor.predict(batches, steps=1, verbose=0)
    *maps, output = outputs if isinstance(outputs, list) else [outputs]
    first_axes = [getattr(layer, "data_format", "") == "channels_first" for layer in layers]
    return [
        np.asarray(values[0] if first else np.moveaxis(values[0], -1, 0), np.float32)
        for values, first in zip(maps, first_axes, strict=True)
    ], np.asarray(output, np.float32)


def _format_target(target: NDArray[np.generic], classes: Sequence[str]) -> str:
    """Return the class of an example, or its target values."""
    values = np.atleast_1d(target)
    if classes and values.size == 1:
        return str(classes[int(values[0])])
    return ", ".join(f"{float(value):.4g}" for value in values)


def _format_prediction(output: NDArray[np.float32], classes: Sequence[str], *, takes_logits: bool) -> str:
    """Return the predicted class of an example, or the output values."""
    if classes and output.size == len(classes):
        return str(classes[int(output.argmax())])
    if len(classes) == 2 and output.size == 1:
        return str(classes[int(output[0] > (0.0 if takes_logits else 0.5))])
    return ", ".join(f"{float(value):.4g}" for value in output.ravel())
