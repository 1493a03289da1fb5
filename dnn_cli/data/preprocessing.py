"""Preprocessing that the training examples determine: the scaling of inputs and targets, and weights of classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment, find_class_number
from dnn_cli.data.examples import Examples, Split
from dnn_cli.runs.target_scaling import TargetScaling

_ROWS_PER_BLOCK = 4096
"""Number of examples that are converted to float64 at once."""


@dataclass(frozen=True)
class Preprocessing:
    """Scaling of inputs to (input - mean) / scale, scaling of targets, and weights of training examples by class."""

    scale: NDArray[np.float32]
    """Divisor of the inputs: a single number, or an array of shape (size,) with a divisor for each value of an
    input."""

    mean: NDArray[np.float32] | None = None
    class_weights: NDArray[np.float32] | None = None
    """Weight of each class, of shape (classes,); `None` if all classes have the same weight."""

    target_scaling: TargetScaling | None = None
    """Scaling of the targets; `None` unless `data.standardize_target` is set."""


def compute_preprocessing(experiment: Experiment, examples: Examples, split: Split) -> Preprocessing:
    """Compute the scalings and the class weights of an experiment from its training examples, with scikit-learn."""
    mean: NDArray[np.float32] | None = None
    scale: NDArray[np.float32] = np.asarray(experiment.input_divisor, np.float32)
    if experiment.data.standardize:
        from sklearn.preprocessing import StandardScaler

        scaler, rows = StandardScaler(), examples.inputs.reshape(len(examples), -1)
        for start in range(0, len(split.train), _ROWS_PER_BLOCK):
            scaler.partial_fit(rows[np.sort(split.train[start : start + _ROWS_PER_BLOCK])].astype(np.float64))
        mean, scale = scaler.mean_.astype(np.float32), scaler.scale_.astype(np.float32)
        if examples.encoding is not None:
            is_scaled = examples.encoding.is_scaled
            mean, scale = np.where(is_scaled, mean, np.float32(0)), np.where(is_scaled, scale, np.float32(1))
    targets = examples.targets[split.train]
    return Preprocessing(
        scale,
        mean,
        compute_class_weights(experiment, targets),
        compute_target_scaling(experiment, targets),
    )


def compute_target_scaling(experiment: Experiment, targets: NDArray[np.float32]) -> TargetScaling | None:
    """Compute mean and standard deviation of the training targets; `None` unless `data.standardize_target` is set.

    As in scikit-learn's StandardScaler, weights of examples have no influence.

    Args:
        experiment: The experiment.
        targets: The targets of all training examples, of shape (n, targets).
    """
    if not experiment.data.standardize_target:
        return None
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(targets.astype(np.float64))
    return TargetScaling(scaler.mean_.astype(np.float32), scaler.scale_.astype(np.float32))


def compute_class_weights(experiment: Experiment, targets: NDArray[np.int32]) -> NDArray[np.float32] | None:
    """Return the weights of the classes, of shape (classes,), with the meaning of Keras's `class_weight`.

    The result is `None` if the experiment has no class weights.

    Args:
        experiment: The experiment.
        targets: The classes of the training examples, from which balanced weights are computed.
    """
    configured, names = experiment.class_weight, experiment.data.info.classes
    if configured is None:
        return None
    weight_array = np.ones(len(names), np.float32)
    if configured == "balanced":
        from sklearn.utils.class_weight import compute_class_weight

        present = np.unique(targets)
        weight_array[present] = compute_class_weight("balanced", classes=present, y=targets)
        return weight_array
    for name, weight in configured.items():
        number = find_class_number(name, names)
        if number is not None:
            weight_array[number] = weight
    return weight_array
