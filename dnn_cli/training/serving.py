"""The network of a run as others use it: in 32 bits, without what only training needs, and fed with plain inputs."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from dnn_cli.data.known import Known
from dnn_cli.spec.augmentation import Augmentation
from dnn_cli.spec.layers import Dropout, GaussianNoise
from dnn_cli.training.trained import trained_network

ONLY_IN_TRAINING = (Augmentation, Dropout, GaussianNoise)
"""Layers that let everything through but in training. Left in, RandomFlip makes exporters trace the layers behind it
as in training, BatchNormalization among them."""


def serving_network(weights: Path, known: Known, *, scaling: bool) -> keras.Sequential:
    """Inputs of (batch, *input_shape), float32 → outputs of (batch, units), float32.

    Args:
        weights: The `.keras` file with the weights.
        known: What they were trained on.
        scaling: Whether it scales inputs itself, or takes them scaled.

    Raises:
        RunError: the weights are not those of this network.
    """
    experiment, shape = known.experiment, known.experiment.data.input_shape
    model = trained_network(weights, experiment)
    kept = [
        layer
        for part, layer in zip(experiment.model.stack, model.layers, strict=True)
        if not isinstance(part, ONLY_IN_TRAINING)
    ]
    taken = {layer.name for layer in kept}
    front = scaling_layers(known, taken) if scaling else []
    return keras.Sequential([keras.Input(shape, name=free_name("inputs", taken)), *front, *kept], name=model.name)


def scaling_layers(known: Known, taken: set[str]) -> list[keras.layers.Layer]:
    """What the data pipeline does to inputs, as layers; none where it does nothing.

    The mean is taken off first, as far from it a float32 has no digits left for what a deviation is.
    """
    inputs, shape = known.inputs, known.experiment.data.input_shape
    inverse = 1 / inputs.scale.astype(np.float64)
    scale: list[dict[str, Any]]
    if inputs.mean is None:
        scale = [] if (inverse == 1).all() else [{"scale": float(inverse)}]
    else:
        mean = inputs.mean.astype(np.float64)
        scale = [{"scale": 1.0, "offset": (-mean).reshape(shape)}, {"scale": inverse.reshape(shape)}]
    names = (free_name("centering", taken), free_name("scaling", taken))[2 - len(scale) :]
    return [keras.layers.Rescaling(**given, name=name) for given, name in zip(scale, names, strict=True)]


def free_name(name: str, taken: set[str]) -> str:
    """A name that no layer has."""
    while name in taken:
        name += "_"
    return name
