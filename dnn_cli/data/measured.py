"""What is measured on the training examples alone: how inputs are scaled, and how much each class counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_cli.data.examples import Examples, Split
from dnn_cli.spec.experiment import Experiment, class_number

ROWS = 4096
"""Examples that are turned into float64 at a time."""


@dataclass(frozen=True)
class Measured:
    """An input becomes (input - mean) / scale; a training example counts as much as its class."""

    scale: NDArray[np.float32]
    """A single number, or one for every number of an input in a row."""

    mean: NDArray[np.float32] | None = None
    class_weights: NDArray[np.float32] | None = None
    """One for every class; `None` where all count the same."""


def measure(experiment: Experiment, examples: Examples, split: Split) -> Measured:
    """What the experiment wants measured, by scikit-learn's StandardScaler and compute_class_weight."""
    mean, scale = None, np.float32(experiment.data.facts.pixel_max)
    if experiment.data.standardize:
        from sklearn.preprocessing import StandardScaler

        scaler, rows = StandardScaler(), examples.inputs.reshape(len(examples), -1)
        for start in range(0, len(split.train), ROWS):
            scaler.partial_fit(rows[np.sort(split.train[start : start + ROWS])].astype(np.float64))
        mean, scale = scaler.mean_.astype(np.float32), scaler.scale_.astype(np.float32)
    return Measured(np.asarray(scale), mean, class_weights(experiment, examples.labels[split.train]))


def class_weights(experiment: Experiment, labels: NDArray[np.int32]) -> NDArray[np.float32] | None:
    """How much each class counts, given the labels of the training examples; Keras's `class_weight` as an array."""
    weights, names = experiment.class_weight, experiment.data.facts.classes
    if weights is None:
        return None
    found = np.ones(len(names), np.float32)
    if weights == "balanced":
        from sklearn.utils.class_weight import compute_class_weight

        present = np.unique(labels)
        found[present] = compute_class_weight("balanced", classes=present, y=labels)
        return found
    for name, weight in weights.items():
        number = class_number(name, names)
        if number is not None:
            found[number] = weight
    return found
