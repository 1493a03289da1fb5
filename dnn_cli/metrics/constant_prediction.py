"""The loss of each example, and the best constant prediction, whose loss a network should beat.

The formulas are those of Keras 3, without the penalties of regularizers, in float64. A test compares them with Keras.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.losses import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)

_FloatArray = NDArray[np.float64]

_EPSILON = 1e-7
"""Smallest distance of a probability from 0 and 1: `keras.config.epsilon()`."""

_BISECTION_STEPS = 60
"""Steps of a bisection: a few more than the 53 bits of precision of a float64."""

GRID_POINTS, SEARCH_ROUNDS = 65, 12
"""Number of points of a grid, and number of rounds of the search for a minimum of a function.

A round computes the function at the points, and narrows the range to the neighbours of the best point.
Twelve rounds narrow the range to (2 / 64)¹² = 1e-18 of the first range, which is below the precision of a float64."""


def to_loss_targets(experiment: Experiment, targets: NDArray[Any]) -> _FloatArray:
    """Convert targets to the form that the loss of an experiment expects, as float64.

    The form is one of these: class numbers of shape (n,), one-hot vectors of shape (n, classes), zeros and ones of
    shape (n, 1), or numbers of shape (n, outputs).
    """
    kind = experiment.target_encoding
    if kind == "one_hot":
        return np.eye(len(experiment.data.info.classes))[targets.astype(np.int64)]
    if kind == "binary":
        return targets.astype(np.float64).reshape(-1, 1)
    return targets.astype(np.float64)


def compute_example_losses(loss: Any, targets: _FloatArray, outputs: NDArray[Any]) -> _FloatArray:
    """Return the loss of each example, float64 of shape (n,); nan for examples of a class that the loss ignores.

    Args:
        loss: The loss in a config, such as `Huber`.
        targets: The targets as `to_loss_targets` returns them.
        outputs: The outputs of the network, of shape (n, units).

    Raises:
        TypeError: this module has no formula for the loss.
    """
    values = outputs.astype(np.float64)
    if isinstance(loss, SparseCategoricalCrossentropy):
        chosen = targets.astype(np.int64)[:, None]
        picked = -np.take_along_axis(_compute_log_probabilities(values, logits=loss.from_logits), chosen, 1)[:, 0]
        return picked if loss.ignore_class is None else np.where(targets == loss.ignore_class, np.nan, picked)
    if isinstance(loss, CategoricalCrossentropy):
        smooth = _apply_label_smoothing(targets, loss.label_smoothing)
        return np.asarray(-(smooth * _compute_log_probabilities(values, logits=loss.from_logits)).sum(1))
    if isinstance(loss, CategoricalFocalCrossentropy):
        shares = np.clip(_normalize_probabilities(values, logits=loss.from_logits), _EPSILON, 1 - _EPSILON)
        return np.asarray(
            (
                _apply_label_smoothing(targets, loss.label_smoothing)
                * _compute_focal_losses(shares, loss.alpha, loss.gamma)
            ).sum(1)
        )
    if isinstance(loss, BinaryCrossentropy | BinaryFocalCrossentropy):
        share = 1 / (1 + np.exp(-np.clip(values, -700, 700))) if loss.from_logits else values
        return _compute_binary_losses(loss, targets, share if not loss.from_logits else np.clip(share, 1e-300, 1))
    if isinstance(loss, KLDivergence):
        true, predicted = np.clip(targets, _EPSILON, 1), np.clip(values, _EPSILON, 1)
        return np.asarray((true * np.log(true / predicted)).sum(1))
    if isinstance(loss, CategoricalHinge):
        return np.asarray(np.maximum(((1 - targets) * values).max(1) - (targets * values).sum(1) + 1, 0))
    if isinstance(loss, CategoricalGeneralizedCrossEntropy):
        chosen = targets.astype(np.int64)[:, None]
        return np.asarray((1 - np.take_along_axis(values, chosen, 1)[:, 0] ** loss.q) / loss.q)
    if isinstance(loss, CosineSimilarity):
        return np.asarray(-(_normalize_lengths(targets) * _normalize_lengths(values)).sum(1))
    return np.asarray(_compute_output_losses(loss, targets, values).mean(1))


def _normalize_lengths(vectors: _FloatArray) -> _FloatArray:
    """Return vectors, of shape (n, outputs), with the length 1; a vector of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12))


def _compute_log_probabilities(outputs: _FloatArray, *, logits: bool) -> _FloatArray:
    """Return the natural logarithms of the class probabilities, of shape (n, classes).

    The outputs are logits if `logits` is true, and probabilities otherwise.
    """
    if logits:
        high = outputs - outputs.max(1, keepdims=True)
        return np.asarray(high - np.log(np.exp(high).sum(1, keepdims=True)))
    return np.asarray(np.log(np.clip(_normalize_probabilities(outputs, logits=False), _EPSILON, 1 - _EPSILON)))


def _normalize_probabilities(outputs: _FloatArray, *, logits: bool) -> _FloatArray:
    """Return class probabilities that sum to 1 for each example, as Keras normalizes them.

    The outputs are logits if `logits` is true, and probabilities otherwise. If the probabilities of an example sum to
    0, they stay 0.
    """
    values = np.exp(outputs - outputs.max(1, keepdims=True)) if logits else outputs
    total = values.sum(1, keepdims=True)
    shares: _FloatArray = np.divide(values, total, out=np.zeros_like(values), where=total != 0)
    return shares


def _apply_label_smoothing(targets: _FloatArray, smoothing: float) -> _FloatArray:
    """Return one-hot vectors after label smoothing."""
    return np.asarray(targets * (1 - smoothing) + smoothing / targets.shape[1])


def _compute_focal_losses(shares: _FloatArray, alpha: float, gamma: float) -> _FloatArray:
    """Return the focal loss of each probability in `shares`, if the class with this probability is the true class."""
    return np.asarray(-alpha * (1 - shares) ** gamma * np.log(shares))


def _compute_binary_losses(
    loss: BinaryCrossentropy | BinaryFocalCrossentropy, targets: _FloatArray, share: _FloatArray
) -> _FloatArray:
    """Return the loss of each example of a binary classification.

    `share` contains the predicted probability of the second class for each example.
    """
    true = targets * (1 - loss.label_smoothing) + loss.label_smoothing / 2
    low = 1e-300 if loss.from_logits and isinstance(loss, BinaryCrossentropy) else _EPSILON
    predicted = np.clip(share, low, 1 - (1e-16 if low < _EPSILON else _EPSILON))
    losses_of_outputs = -(true * np.log(predicted) + (1 - true) * np.log1p(-predicted))
    if isinstance(loss, BinaryFocalCrossentropy):
        right = true * predicted + (1 - true) * (1 - predicted)
        losses_of_outputs = (1 - right) ** loss.gamma * losses_of_outputs
        if loss.apply_class_balancing:
            losses_of_outputs = (true * loss.alpha + (1 - true) * (1 - loss.alpha)) * losses_of_outputs
    return np.asarray(losses_of_outputs.mean(1))


def _compute_output_losses(loss: Any, targets: _FloatArray, outputs: _FloatArray) -> _FloatArray:
    """Return the loss of each output of each example, of shape (n, outputs).

    Raises:
        TypeError: this module has no formula for the loss.
    """
    error = outputs - targets
    size = np.abs(error)
    if isinstance(loss, MeanSquaredError):
        return np.asarray(error**2)
    if isinstance(loss, MeanAbsoluteError):
        return np.asarray(size)
    if isinstance(loss, MeanAbsolutePercentageError):
        return np.asarray(100 * size / np.maximum(np.abs(targets), _EPSILON))
    if isinstance(loss, MeanSquaredLogarithmicError):
        logarithms = [np.log1p(np.maximum(numbers, _EPSILON)) for numbers in (outputs, targets)]
        return np.asarray((logarithms[0] - logarithms[1]) ** 2)
    if isinstance(loss, Huber):
        return np.where(size <= loss.delta, error**2 / 2, loss.delta * size - loss.delta**2 / 2)
    if isinstance(loss, LogCosh):
        return np.asarray(size + np.log1p(np.exp(-2 * size)) - np.log(2))
    if isinstance(loss, Hinge | SquaredHinge):
        missing = np.maximum(1 - (2 * targets - 1) * outputs, 0)
        return np.asarray(missing**2 if isinstance(loss, SquaredHinge) else missing)
    if isinstance(loss, Poisson):
        # A negative number has no logarithm. The result nan would mean an ignored example.
        logarithms_of_outputs = np.log(np.maximum(outputs + _EPSILON, 1e-300))
        return np.where(outputs + _EPSILON > 0, outputs - targets * logarithms_of_outputs, np.inf)
    raise TypeError(f"no formula for {loss.type}")


def find_best_constant(loss: Any, targets: _FloatArray, weights: _FloatArray) -> _FloatArray:
    """Return the constant output, of shape (units,), with the smallest weighted mean loss over all examples.

    For cross-entropies, the best constant consists of the class shares. For squared errors it is the mean of the
    targets, and for absolute errors their median.

    Args:
        loss: The loss in a config, such as `Huber`.
        targets: The targets as `to_loss_targets` returns them.
        weights: The weight of each example, of shape (n,).

    Raises:
        TypeError: this module has no formula for the loss.
    """
    if isinstance(loss, SparseCategoricalCrossentropy):
        counts = np.bincount(targets.astype(np.int64), weights)
        if loss.ignore_class is not None and loss.ignore_class < len(counts):
            counts[loss.ignore_class] = 0
        return _to_output(counts / max(counts.sum(), _EPSILON), logits=loss.from_logits)
    if isinstance(loss, CategoricalGeneralizedCrossEntropy):
        # The slopes share × p^(q − 1) of all classes are equal at the minimum.
        counts = np.bincount(targets.astype(np.int64), weights)
        powers = (counts / counts.max()) ** (1 / (1 - loss.q))
        return np.asarray(powers / powers.sum())
    if isinstance(loss, BinaryCrossentropy | BinaryFocalCrossentropy):
        plain = loss.model_copy(update={"from_logits": False})
        share = _find_minimum(
            lambda p: float(weights @ _compute_binary_losses(plain, targets, np.full_like(targets, p))),
            _EPSILON,
            1 - _EPSILON,
        )
        return np.log([share / (1 - share)]) if loss.from_logits else np.array([share])
    mean = weights @ targets / weights.sum()
    if isinstance(loss, CategoricalCrossentropy):
        return _to_output(_apply_label_smoothing(mean[None], loss.label_smoothing)[0], logits=loss.from_logits)
    if isinstance(loss, CategoricalFocalCrossentropy):
        return _to_output(
            _find_focal_probabilities(_apply_label_smoothing(mean[None], loss.label_smoothing)[0], loss),
            logits=loss.from_logits,
        )
    if isinstance(loss, CosineSimilarity):
        return np.asarray(_normalize_lengths((weights @ _normalize_lengths(targets))[None])[0])
    if isinstance(loss, Hinge | SquaredHinge):
        # The mean sign is the minimum of the squares. Without squares, the minimum is the sign of the commoner class.
        signs = 2 * mean - 1
        return np.asarray(signs if isinstance(loss, SquaredHinge) else np.where(signs < 0, -1.0, 1.0))
    if isinstance(loss, Poisson):
        return np.asarray(np.maximum(mean - _EPSILON, 0))
    if isinstance(loss, KLDivergence | MeanSquaredError):
        return np.asarray(mean)
    if isinstance(loss, CategoricalHinge):
        # Only a larger output of the commonest class reduces the loss, and only if its share is more than half.
        return np.eye(len(mean))[mean.argmax()] if mean.max() > 0.5 else np.zeros(len(mean))
    if isinstance(loss, MeanAbsoluteError):
        return np.array([_compute_weighted_median(column, weights) for column in targets.T])
    if isinstance(loss, MeanAbsolutePercentageError):
        return np.array([_compute_weighted_median(y, weights / np.maximum(np.abs(y), _EPSILON)) for y in targets.T])
    if isinstance(loss, MeanSquaredLogarithmicError):
        return np.asarray(np.expm1(weights @ np.log1p(np.maximum(targets, _EPSILON)) / weights.sum()))

    def build_column_loss(column: _FloatArray) -> Callable[[float], float]:
        return lambda value: float(weights @ _compute_output_losses(loss, column[:, None], np.array([[value]]))[:, 0])

    return np.array([_find_minimum(build_column_loss(y), float(y.min()), float(y.max())) for y in targets.T])


def _to_output(shares: _FloatArray, *, logits: bool) -> _FloatArray:
    """Return the probabilities in `shares` or, with `logits`, logits from which a softmax computes them."""
    return np.log(np.maximum(shares, _EPSILON)) if logits else shares


def _find_focal_probabilities(mean: _FloatArray, loss: CategoricalFocalCrossentropy) -> _FloatArray:
    """Return the probabilities with the smallest focal loss for the class shares in `mean`.

    At the minimum, the slope share × focal′(p) is equal for all classes with examples; focal′ is the derivative of the
    focal loss. The slope rises with p, so that a bisection computes p from the slope.
    """

    def compute_slope(p: _FloatArray) -> _FloatArray:
        complement = 1 - p
        return np.asarray(loss.gamma * complement ** (loss.gamma - 1) * np.log(p) - complement**loss.gamma / p)

    def compute_shares(common: float) -> _FloatArray:
        low, high = np.full_like(mean, _EPSILON), np.full_like(mean, 1 - _EPSILON)
        for _ in range(_BISECTION_STEPS):
            middle = (low + high) / 2
            steep = mean * compute_slope(middle) < -common
            low, high = np.where(steep, middle, low), np.where(steep, high, middle)
        return np.where(mean > 0, low, _EPSILON)

    low, high = np.log(1e-12), np.log(1e12)
    for _ in range(_BISECTION_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if compute_shares(np.exp(middle)).sum() > 1 else (low, middle)
    probabilities = compute_shares(np.exp(low))
    return np.asarray(probabilities / probabilities.sum())


def _find_minimum(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the argument between `low` and `high` at which a function with a single minimum is smallest."""
    for _ in range(SEARCH_ROUNDS):
        points = np.linspace(low, high, GRID_POINTS)
        best = int(np.argmin([function(float(point)) for point in points]))
        low, high = float(points[max(best - 1, 0)]), float(points[min(best + 1, GRID_POINTS - 1)])
    return (low + high) / 2


def _compute_weighted_median(values: _FloatArray, weights: _FloatArray) -> float:
    """Return the weighted median: half of the weight is below the value, and half is above."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
