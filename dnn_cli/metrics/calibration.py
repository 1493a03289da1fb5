"""Calibration of a classification: whether predictions with a probability of 0.8 are right in 80% of cases."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.metrics.bootstrap import compute_mean_intervals
from dnn_cli.metrics.calibration_interval import compute_calibration_interval
from dnn_cli.runs.evaluations import Interval

_FloatArray = NDArray[np.float64]

_BINS = 15
"""Number of bins of the calibration error (Guo et al., ICML 2017)."""

_MIN_EXAMPLES = 2 * _BINS
"""Smallest number of examples for which the calibration error has an interval.

The intervals of 20 examples contain the true error in 90% of simulations with an accuracy of 0.99."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Bin of predictions with similar probabilities of the predicted class."""

    confidence: float
    """Mean probability of the predicted class."""

    accuracy: float
    """Share of correct predictions."""

    examples: int


@dataclass(frozen=True)
class CalibrationScore:
    """Score of the probabilities with its 95% interval over examples; `None` without an honest interval."""

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class Calibration:
    """Scores of the probabilities of a classification; smaller is better for all three."""

    error: CalibrationScore
    """Expected calibration error: mean distance between confidence and accuracy, weighted by the examples of a bin."""

    brier: CalibrationScore
    """Brier score as in scikit-learn: mean squared error of the probability of the second of two classes, or for more
    classes the sum of the squared errors of all probabilities."""

    log_loss: CalibrationScore
    """Mean negative logarithm of the probability of the true class."""

    bins: tuple[ReliabilityBin, ...]
    """Bins with equal numbers of examples, in ascending order of confidence."""


def compute_calibration(
    probabilities: NDArray[Any], targets: NDArray[Any], *, with_samples: bool = True
) -> Calibration:
    """Compute the scores of probabilities, without the weights of examples.

    Args:
        probabilities: The probabilities of the classes, float of shape (n, classes), with the sum 1 for each example.
        targets: The true class of each example, integers of shape (n,).
        with_samples: Whether Brier score and log loss have intervals, which take up to 0.2 s for bootstrap samples.
    """
    shares, classes = probabilities.astype(np.float64), targets.astype(np.int64)
    true_shares = np.take_along_axis(shares, classes[:, None], 1)[:, 0]
    squares = (shares - np.eye(shares.shape[1])[classes]) ** 2
    # Both errors of two classes are equal. The score of scikit-learn counts one.
    brier = squares[:, 1] if shares.shape[1] == 2 else squares.sum(1)
    losses = -np.log(np.clip(true_shares, np.finfo(np.float64).eps, None))
    values = np.stack([brier, losses], axis=1)
    brier_interval, loss_interval = compute_mean_intervals(values) if with_samples else (None, None)
    bins = compute_reliability_bins(shares.max(1), shares.argmax(1) == classes)
    return Calibration(
        _compute_calibration_error(bins),
        CalibrationScore(float(brier.mean()), _clip_interval(brier_interval, 1.0 if shares.shape[1] == 2 else 2.0)),
        CalibrationScore(float(losses.mean()), _clip_interval(loss_interval, math.inf)),
        bins,
    )


def _clip_interval(interval: Interval | None, largest: float) -> Interval | None:
    """Return the interval of a score that is never negative, and never above its largest value."""
    return None if interval is None else (max(interval[0], 0.0), min(interval[1], largest))


def compute_reliability_bins(confidences: _FloatArray, correct: NDArray[np.bool_]) -> tuple[ReliabilityBin, ...]:
    """Divide predictions into bins with equal numbers of examples, in the order of their confidences.

    Equal confidences have their common accuracy, so that the order of the examples does not matter.

    Args:
        confidences: The probability of the predicted class of each example, of shape (n,).
        correct: Whether each prediction is right, of shape (n,).
    """
    _, groups = np.unique(confidences, return_inverse=True)
    shared = (np.bincount(groups, correct) / np.bincount(groups))[groups]
    order = np.argsort(confidences, kind="stable")
    parts = np.array_split(order, min(_BINS, len(order)))
    return tuple(
        ReliabilityBin(float(confidences[part].mean()), float(shared[part].mean()), len(part)) for part in parts
    )


def _compute_calibration_error(bins: tuple[ReliabilityBin, ...]) -> CalibrationScore:
    """Return the expected calibration error with its interval; few examples have no interval."""
    counts = np.array([part.examples for part in bins], np.float64)
    confidences = np.array([part.confidence for part in bins])
    accuracies = np.array([part.accuracy for part in bins])
    observed = float(counts @ np.abs(accuracies - confidences) / counts.sum())
    has_interval = counts.sum() >= _MIN_EXAMPLES
    interval = compute_calibration_interval(counts, confidences, accuracies) if has_interval else None
    return CalibrationScore(observed, interval)
