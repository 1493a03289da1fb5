"""Metrics that compare outputs with thresholds: area under a curve, precision, recall and F scores.

The formulas are those of Keras 3 in float64. A test compares them with Keras.
"""

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.metrics import (
    AUC,
    FBetaScore,
    FScore,
    Precision,
    PrecisionAtRecall,
    PredictionCount,
    Recall,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    ThresholdSearchMetric,
)

_FloatArray = NDArray[np.float64]

_EPSILON = 1e-7
"""Smallest divisor of F1: `keras.config.epsilon()`."""

_MIN_OUTPUT = 1e-9
"""Largest absolute output that F1 without a threshold counts as no prediction."""


def compute_auc(metric: AUC, targets: _FloatArray, outputs: _FloatArray, weights: _FloatArray) -> float:
    """Return the area under the ROC or precision-recall curve, from `num_thresholds` points of the curve.

    All outputs of all examples enter one curve, as in Keras without `multi_label`.

    Args:
        metric: The metric of the config.
        targets: Zeros and ones, of shape (n, outputs).
        outputs: The outputs, of shape (n, outputs).
        weights: The weight of each example, of shape (n,).
    """
    shares = 1 / (1 + np.exp(-np.clip(outputs, -700, 700))) if metric.from_logits else outputs
    right, wrong, positives, negatives = _count_at_thresholds(metric.num_thresholds, targets, shares, weights)
    if metric.curve == "PR" and metric.summation_method == "interpolation":
        return _interpolate_precision_recall(right, wrong, positives)
    recall = _divide(right, positives)
    x, y = (_divide(wrong, negatives), recall) if metric.curve == "ROC" else (recall, _divide(right, right + wrong))
    heights = {
        "interpolation": (y[:-1] + y[1:]) / 2,
        "minoring": np.minimum(y[:-1], y[1:]),
        "majoring": np.maximum(y[:-1], y[1:]),
    }[metric.summation_method]
    return float(((x[:-1] - x[1:]) * heights).sum())


def _count_at_thresholds(
    thresholds: int, targets: _FloatArray, outputs: _FloatArray, weights: _FloatArray
) -> tuple[_FloatArray, _FloatArray, float, float]:
    """Return the weights of true and of false positives at each threshold, and of all positives and all negatives.

    The thresholds divide the range from 0 to 1 into equal parts, and are in ascending order.

    Args:
        thresholds: The number of thresholds.
        targets: Zeros and ones, of shape (n, outputs).
        outputs: Probabilities, of shape (n, outputs).
        weights: The weight of each example, of shape (n,).
    """
    last = thresholds - 1
    # An output is above threshold i / last exactly if its bucket is i or more. Keras also counts in float32 here.
    scaled = np.clip(outputs, 0, 1).astype(np.float32) * np.float32(last)
    buckets = np.maximum(np.ceil(scaled).astype(np.int64) - 1, 0).ravel()
    true = targets.ravel() > 0
    example_weights = np.broadcast_to(weights[:, None], targets.shape).ravel()

    def count_above_thresholds(chosen: NDArray[np.bool_]) -> _FloatArray:
        counts = np.bincount(buckets[chosen], example_weights[chosen], minlength=thresholds)
        return np.asarray(counts[::-1].cumsum()[::-1])

    right, wrong = count_above_thresholds(true), count_above_thresholds(~true)
    return right, wrong, float(example_weights[true].sum()), float(example_weights[~true].sum())


def search_thresholds(
    metric: ThresholdSearchMetric, targets: _FloatArray, outputs: _FloatArray, weights: _FloatArray
) -> float:
    """Return the best value of a rate over the thresholds at which the other rate is large enough; 0 without one.

    The arguments are those of `compute_auc`.
    """
    if metric.class_id is not None:
        targets, outputs = targets[:, metric.class_id, None], outputs[:, metric.class_id, None]
    right, wrong, positives, negatives = _count_at_thresholds(metric.num_thresholds, targets, outputs, weights)
    recall, precision = _divide(right, positives), _divide(right, right + wrong)
    specificity = _divide(negatives - wrong, negatives)
    rate, other_rate = {
        PrecisionAtRecall: (precision, recall),
        SensitivityAtSpecificity: (recall, specificity),
        SpecificityAtSensitivity: (specificity, recall),
    }.get(type(metric), (recall, precision))
    # Keras compares in float32, in which a rate of 0.8 equals a required 0.8.
    is_enough = other_rate.astype(np.float32) >= np.float32(getattr(metric, metric.rate_key))
    return float(np.where(is_enough, rate, 0).max())


def count_predictions(
    metric: PredictionCount, targets: _FloatArray, outputs: _FloatArray, weights: _FloatArray
) -> float:
    """Return the number of outputs of the kind that a metric counts; an output counts the weight of its example.

    The arguments are those of `compute_auc`.
    """
    predicted = outputs > (0.5 if metric.thresholds is None else metric.thresholds)
    chosen = (predicted == metric.counts_positive_outputs) & ((targets > 0) == metric.counts_positive_targets)
    return float((chosen * weights[:, None]).sum())


def _interpolate_precision_recall(right: _FloatArray, wrong: _FloatArray, positives: float) -> float:
    """Return the area under the precision-recall curve (Davis and Goadrich, ICML 2006).

    Args:
        right: The weight of true positives at each threshold, in ascending order of thresholds.
        wrong: The weight of false positives at each threshold.
        positives: The weight of all positive examples.
    """
    predicted = right + wrong
    slope = _divide(right[:-1] - right[1:], np.maximum(predicted[:-1] - predicted[1:], 0))
    intercept = right[1:] - slope * predicted[1:]
    both = (predicted[:-1] > 0) & (predicted[1:] > 0)
    ratio = np.where(both, _divide(predicted[:-1], np.maximum(predicted[1:], 0)), 1.0)
    steps = slope * (right[:-1] - right[1:] + intercept * np.log(ratio))
    return float(_divide(steps, positives).sum())


def compute_precision_or_recall(
    metric: Precision | Recall, targets: _FloatArray, outputs: _FloatArray, weights: _FloatArray
) -> float:
    """Return the precision or recall of outputs above the threshold; 0 without such outputs or examples.

    The arguments are those of `compute_auc`.
    """
    values, threshold = outputs, 0.5 if metric.thresholds is None else metric.thresholds
    if metric.top_k is not None:
        # Without a threshold, the k largest outputs are positive.
        threshold = -1e10 if metric.thresholds is None else threshold
        values = np.full_like(outputs, -1e10)
        chosen = np.argsort(-outputs, axis=1, kind="stable")[:, : metric.top_k]
        np.put_along_axis(values, chosen, np.take_along_axis(outputs, chosen, 1), 1)
    true, predicted = targets > 0, values > threshold
    if metric.class_id is not None:
        true, predicted = true[:, metric.class_id, None], predicted[:, metric.class_id, None]
    total = true if isinstance(metric, Recall) else predicted
    right, all_weights = ((chosen * weights[:, None]).sum() for chosen in (true & predicted, total))
    return float(_divide(right, all_weights))


def compute_f_score(metric: FScore, targets: _FloatArray, outputs: _FloatArray, weights: _FloatArray) -> float:
    """Return the harmonic mean of precision and recall, weighted by `beta` and averaged over the outputs.

    The arguments are those of `compute_auc`.
    """
    if metric.threshold is None:
        predicted = (outputs >= outputs.max(-1, keepdims=True)) & (np.abs(outputs) > _MIN_OUTPUT)
    else:
        predicted = outputs > metric.threshold
    true, axis = targets > 0, None if metric.average == "micro" else 0
    right, wrong, missed, support = (
        (chosen * weights[:, None]).sum(axis)
        for chosen in (predicted & true, predicted & ~true, ~predicted & true, true)
    )
    precision, recall = right / (right + wrong + _EPSILON), right / (right + missed + _EPSILON)
    square = metric.beta**2 if isinstance(metric, FBetaScore) else 1.0
    scores = (1 + square) * precision * recall / (square * precision + recall + _EPSILON)
    if metric.average == "weighted":
        return float((scores * support).sum() / (support.sum() + _EPSILON))
    return float(np.mean(scores))


def _divide(numerator: _FloatArray, denominator: _FloatArray | float) -> _FloatArray:
    """Return quotients; a quotient is 0 where the denominator is 0."""
    numerators, denominators = np.broadcast_arrays(np.asarray(numerator, np.float64), denominator)
    quotients: _FloatArray = np.divide(
        numerators, denominators, out=np.zeros(numerators.shape), where=denominators != 0
    )
    return quotients
