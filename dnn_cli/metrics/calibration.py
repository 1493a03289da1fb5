"""Calibration of a classification: whether predictions with a probability of 0.8 are right in 80% of cases."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.metrics.bootstrap import compute_mean_intervals
from dnn_cli.runs.record import Interval

_FloatArray = NDArray[np.float64]

_BINS = 15
"""Number of bins of the calibration error (Guo et al., ICML 2017)."""

_MIN_EXAMPLES = 10 * _BINS
"""Smallest number of examples for which the calibration error has an interval: ten in each bin.

The intervals of 30 examples contain the true error in 80% of simulations."""

_DRAWS = 2000
"""Number of simulated calibration errors, from which the interval follows."""

_BISECTION_STEPS = 40
_MAX_FACTOR = 16.0
"""Largest true calibration error that the search for an interval tries, as a multiple of the observed one."""

_TAIL = 0.025
"""Probability on each side of a 95% interval."""


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
        CalibrationScore(float(brier.mean()), _clip_at_zero(brier_interval)),
        CalibrationScore(float(losses.mean()), _clip_at_zero(loss_interval)),
        bins,
    )


def _clip_at_zero(interval: Interval | None) -> Interval | None:
    """Return the interval of a score that is never negative."""
    return None if interval is None else (max(interval[0], 0.0), interval[1])


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
    """Return the expected calibration error with its interval.

    The observed error of a calibrated model is above 0, because bins differ by chance. The interval therefore contains
    the true errors whose simulated errors lie around the observed one: true gaps are multiples of the observed gaps,
    plus normal noise with the binomial variance of each bin.
    """
    counts = np.array([part.examples for part in bins], np.float64)
    confidence = np.array([part.confidence for part in bins])
    accuracy = np.array([part.accuracy for part in bins])
    gaps, shares = accuracy - confidence, counts / counts.sum()
    observed = float(shares @ np.abs(gaps))
    if counts.sum() < _MIN_EXAMPLES or not observed:
        return CalibrationScore(observed, None)
    # One further example at the confidence avoids a variance of 0 in a bin without errors.
    expected = (accuracy * counts + confidence) / (counts + 1)
    noise = np.random.default_rng(0).normal(size=(_DRAWS, len(bins))) * np.sqrt(expected * (1 - expected) / counts)

    def is_exceeded(factor: float, probability: float) -> bool:
        simulated = np.abs(factor * gaps + noise) @ shares
        return float(np.quantile(simulated, probability)) > observed

    low = _find_factor(lambda factor: is_exceeded(factor, 1 - _TAIL))
    high = _find_factor(lambda factor: is_exceeded(factor, _TAIL))
    return CalibrationScore(observed, (low * observed, max(high, 1.0) * observed))


def _find_factor(is_above: Callable[[float], bool]) -> float:
    """Return the smallest factor from 0 on that meets a condition. All larger factors must meet the condition too."""
    if is_above(0.0):
        return 0.0
    low, high = 0.0, _MAX_FACTOR
    for _ in range(_BISECTION_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_above(middle) else (middle, high)
    return (low + high) / 2
