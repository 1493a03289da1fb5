"""The loss of every example, and the loss of the best constant prediction: what a network must beat.

The formulas are those of Keras 3, without penalties of layers, in float64. A test compares them with Keras.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.objectives import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalHinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    SparseCategoricalCrossentropy,
)

Floats = NDArray[np.float64]

EPSILON = 1e-7
"""`keras.config.epsilon()`: probabilities are kept this far from 0 and 1."""

HALVINGS = 60
"""Steps of a bisection: as many as a float64 has bits, and a few."""

GRID, ROUNDS = 65, 12
"""Points of a search on a grid, and how often it narrows to the neighbours of the best point: to 1e-15 of the range."""


def truth(experiment: Experiment, labels: NDArray[Any]) -> Floats:
    """Return labels as the loss gets them: (n,) classes, or (n, outputs) vectors, sides or numbers."""
    kind = experiment.labels
    if kind == "one_hot":
        return np.eye(len(experiment.data.facts.classes))[labels.astype(np.int64)]
    if kind == "binary":
        return labels.astype(np.float64).reshape(-1, 1)
    return labels.astype(np.float64)


def losses(loss: Any, labels: Floats, outputs: NDArray[Any]) -> Floats:
    """Return the loss of every example, of (n,); nan for an example of a class that the loss ignores.

    Args:
        loss: The loss of a config.
        labels: As `truth` returns them.
        outputs: Of (n, units).
    """
    found = outputs.astype(np.float64)
    if isinstance(loss, SparseCategoricalCrossentropy):
        chosen = labels.astype(np.int64)[:, None]
        picked = -np.take_along_axis(log_shares(found, logits=loss.from_logits), chosen, 1)[:, 0]
        return picked if loss.ignore_class is None else np.where(labels == loss.ignore_class, np.nan, picked)
    if isinstance(loss, CategoricalCrossentropy):
        smooth = smoothed(labels, loss.label_smoothing)
        return np.asarray(-(smooth * log_shares(found, logits=loss.from_logits)).sum(1))
    if isinstance(loss, CategoricalFocalCrossentropy):
        shares = np.clip(shares_of(found, logits=loss.from_logits), EPSILON, 1 - EPSILON)
        return np.asarray((smoothed(labels, loss.label_smoothing) * focal(shares, loss.alpha, loss.gamma)).sum(1))
    if isinstance(loss, BinaryCrossentropy | BinaryFocalCrossentropy):
        share = 1 / (1 + np.exp(-np.clip(found, -700, 700))) if loss.from_logits else found
        return binary(loss, labels, share if not loss.from_logits else np.clip(share, 1e-300, 1))
    if isinstance(loss, KLDivergence):
        true, given = np.clip(labels, EPSILON, 1), np.clip(found, EPSILON, 1)
        return np.asarray((true * np.log(true / given)).sum(1))
    if isinstance(loss, CategoricalHinge):
        return np.asarray(np.maximum(((1 - labels) * found).max(1) - (labels * found).sum(1) + 1, 0))
    return np.asarray(distances(loss, labels, found).mean(1))


def log_shares(outputs: Floats, *, logits: bool) -> Floats:
    """Return the logarithms of the probabilities of the classes."""
    if logits:
        high = outputs - outputs.max(1, keepdims=True)
        return np.asarray(high - np.log(np.exp(high).sum(1, keepdims=True)))
    return np.asarray(np.log(np.clip(shares_of(outputs, logits=False), EPSILON, 1 - EPSILON)))


def shares_of(outputs: Floats, *, logits: bool) -> Floats:
    """Return the probabilities of the classes, which Keras makes sum to 1."""
    found = np.exp(outputs - outputs.max(1, keepdims=True)) if logits else outputs
    total = found.sum(1, keepdims=True)
    shares: Floats = np.divide(found, total, out=np.zeros_like(found), where=total != 0)
    return shares


def smoothed(labels: Floats, smoothing: float) -> Floats:
    """Return vectors of classes after label smoothing."""
    return np.asarray(labels * (1 - smoothing) + smoothing / labels.shape[1])


def focal(shares: Floats, alpha: float, gamma: float) -> Floats:
    """Return the focal loss of a class that gets these probabilities."""
    return np.asarray(-alpha * (1 - shares) ** gamma * np.log(shares))


def binary(loss: BinaryCrossentropy | BinaryFocalCrossentropy, labels: Floats, share: Floats) -> Floats:
    """Return the loss of every example where the second class gets these probabilities."""
    true = labels * (1 - loss.label_smoothing) + loss.label_smoothing / 2
    low = 1e-300 if loss.from_logits and isinstance(loss, BinaryCrossentropy) else EPSILON
    given = np.clip(share, low, 1 - (1e-16 if low < EPSILON else EPSILON))
    found = -(true * np.log(given) + (1 - true) * np.log1p(-given))
    if isinstance(loss, BinaryFocalCrossentropy):
        right = true * given + (1 - true) * (1 - given)
        found = (1 - right) ** loss.gamma * found
        if loss.apply_class_balancing:
            found = (true * loss.alpha + (1 - true) * (1 - loss.alpha)) * found
    return np.asarray(found.mean(1))


def distances(loss: Any, labels: Floats, outputs: Floats) -> Floats:
    """Return the loss of every number of every example, of (n, outputs)."""
    error = outputs - labels
    size = np.abs(error)
    if isinstance(loss, MeanSquaredError):
        return np.asarray(error**2)
    if isinstance(loss, MeanAbsoluteError):
        return np.asarray(size)
    if isinstance(loss, MeanAbsolutePercentageError):
        return np.asarray(100 * size / np.maximum(np.abs(labels), EPSILON))
    if isinstance(loss, MeanSquaredLogarithmicError):
        logarithms = [np.log1p(np.maximum(numbers, EPSILON)) for numbers in (outputs, labels)]
        return np.asarray((logarithms[0] - logarithms[1]) ** 2)
    if isinstance(loss, Huber):
        return np.where(size <= loss.delta, error**2 / 2, loss.delta * size - loss.delta**2 / 2)
    if isinstance(loss, LogCosh):
        return np.asarray(size + np.log1p(np.exp(-2 * size)) - np.log(2))
    raise TypeError(f"no formula for {loss.type}")


def constant(loss: Any, labels: Floats, weights: Floats) -> Floats:
    """Return the output, of (units,), with the smallest mean loss that one output for all examples can have.

    Of cross-entropies the shares of the classes, of squares the mean, of absolute differences the median.

    Args:
        loss: The loss of a config.
        labels: As `truth` returns them.
        weights: Of (n,): how much each example counts.
    """
    if isinstance(loss, SparseCategoricalCrossentropy):
        counts = np.bincount(labels.astype(np.int64), weights)
        if loss.ignore_class is not None and loss.ignore_class < len(counts):
            counts[loss.ignore_class] = 0
        return as_output(counts / max(counts.sum(), EPSILON), logits=loss.from_logits)
    if isinstance(loss, BinaryCrossentropy | BinaryFocalCrossentropy):
        plain = loss.model_copy(update={"from_logits": False})
        share = lowest(lambda p: float(weights @ binary(plain, labels, np.full_like(labels, p))), EPSILON, 1 - EPSILON)
        return np.log([share / (1 - share)]) if loss.from_logits else np.array([share])
    mean = weights @ labels / weights.sum()
    if isinstance(loss, CategoricalCrossentropy):
        return as_output(smoothed(mean[None], loss.label_smoothing)[0], logits=loss.from_logits)
    if isinstance(loss, CategoricalFocalCrossentropy):
        return as_output(focal_shares(smoothed(mean[None], loss.label_smoothing)[0], loss), logits=loss.from_logits)
    if isinstance(loss, KLDivergence | MeanSquaredError):
        return np.asarray(mean)
    if isinstance(loss, CategoricalHinge):
        # Only the commonest class gains by being ahead; it gains as long as it is more than half of all.
        return np.eye(len(mean))[mean.argmax()] if mean.max() > 0.5 else np.zeros(len(mean))
    if isinstance(loss, MeanAbsoluteError):
        return np.array([weighted_median(column, weights) for column in labels.T])
    if isinstance(loss, MeanAbsolutePercentageError):
        return np.array([weighted_median(y, weights / np.maximum(np.abs(y), EPSILON)) for y in labels.T])
    if isinstance(loss, MeanSquaredLogarithmicError):
        return np.asarray(np.expm1(weights @ np.log1p(np.maximum(labels, EPSILON)) / weights.sum()))

    def column_loss(column: Floats) -> Callable[[float], float]:
        return lambda value: float(weights @ distances(loss, column[:, None], np.array([[value]]))[:, 0])

    return np.array([lowest(column_loss(y), float(y.min()), float(y.max())) for y in labels.T])


def as_output(shares: Floats, *, logits: bool) -> Floats:
    """Return probabilities, or the output before a softmax that makes them."""
    return np.log(np.maximum(shares, EPSILON)) if logits else shares


def focal_shares(mean: Floats, loss: CategoricalFocalCrossentropy) -> Floats:
    """Return the probabilities with the smallest focal loss, where classes have these shares.

    All present classes have the same slope there: share × focal′(p). The slope rises with p, so p follows from it.
    """

    def slope(p: Floats) -> Floats:
        rest = 1 - p
        return np.asarray(loss.gamma * rest ** (loss.gamma - 1) * np.log(p) - rest**loss.gamma / p)

    def shares(common: float) -> Floats:
        low, high = np.full_like(mean, EPSILON), np.full_like(mean, 1 - EPSILON)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            steep = mean * slope(middle) < -common
            low, high = np.where(steep, middle, low), np.where(steep, high, middle)
        return np.where(mean > 0, low, EPSILON)

    low, high = np.log(1e-12), np.log(1e12)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if shares(np.exp(middle)).sum() > 1 else (low, middle)
    found = shares(np.exp(low))
    return np.asarray(found / found.sum())


def lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function with one minimum is smallest."""
    for _ in range(ROUNDS):
        points = np.linspace(low, high, GRID)
        best = int(np.argmin([function(float(point)) for point in points]))
        low, high = float(points[max(best - 1, 0)]), float(points[min(best + 1, GRID - 1)])
    return (low + high) / 2


def weighted_median(values: Floats, weights: Floats) -> float:
    """Return the value with half of the weight below and half above."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
