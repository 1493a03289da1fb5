"""95% interval of the expected calibration error.

The observed error of a calibrated model is above 0, because the accuracies of bins differ by chance. The bootstrap adds
this noise a second time (Roelofs et al., AISTATS 2022, describe the bias). The interval therefore inverts a test: it
contains the true errors for which the observed error is not in a tail.

The distribution of the observed error also depends on how the true error is spread over the bins, which is unknown. The
interval joins those of several spreads: the observed one, and spreads for which the observed error is large or small.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dnn_cli.metrics.binomial import NORMAL_QUANTILE
from dnn_cli.runs.evaluations import Interval

_FloatArray = NDArray[np.float64]

_BISECTION_STEPS = 30
"""Steps of the bisection that computes an end of an interval. 30 steps reach nine decimals."""

_MAX_BINOMIAL_EXAMPLES = 1000
"""Largest number of examples of a bin whose accuracy has a binomial distribution here; a normal one for more."""


def compute_calibration_interval(counts: _FloatArray, confidences: _FloatArray, accuracies: _FloatArray) -> Interval:
    """Return the 95% interval of the expected calibration error of predictions in bins.

    Args:
        counts: The number of examples of each bin, of shape (bins,).
        confidences: The mean probability of the predicted class in each bin, of shape (bins,).
        accuracies: The share of correct predictions in each bin, of shape (bins,).
    """
    bins = _Bins(counts, confidences)
    gaps = accuracies - confidences
    observed = float(bins.shares @ np.abs(gaps))
    signs = np.where(gaps > 0, 1.0, -1.0)
    # One further example at the confidence avoids a deviation of 0 in a bin without errors.
    expected = (accuracies * counts + confidences) / (counts + 1)
    noise = np.sqrt(expected * (1 - expected) / counts)
    # Of spreads with equal true errors, those with bins without a gap have the largest observed errors, because noise
    # adds most to a gap of 0. Gaps in all bins have the smallest observed errors.
    beyond_noise = signs * np.maximum(np.abs(gaps) - noise, 0)
    low = min(_find_end(bins, spread, observed, NORMAL_QUANTILE) for spread in (gaps, beyond_noise))
    high = max(_find_end(bins, spread, observed, -NORMAL_QUANTILE) for spread in (gaps, signs * noise, signs))
    return min(low, observed), min(max(high, observed), 1.0)


class _Bins:
    """Bins of predictions, with the distribution of the observed calibration error for true gaps."""

    def __init__(self, counts: _FloatArray, confidences: _FloatArray) -> None:
        self._counts, self._confidences = counts, confidences
        self.shares = np.asarray(counts / counts.sum())
        """Share of the examples in each bin."""

        self._is_binomial = bool(counts.max() <= _MAX_BINOMIAL_EXAMPLES)
        if self._is_binomial:
            correct = np.arange(int(counts.max()) + 1.0)
            logarithms = np.array([math.lgamma(number + 1) for number in correct])
            wrong = counts[:, None] - correct
            # A bin with fewer examples than the largest one cannot have more correct predictions than examples.
            self._is_possible, self._correct, self._wrong = wrong >= 0, correct, np.maximum(wrong, 0)
            self._coefficients = (
                logarithms[counts.astype(int)][:, None] - logarithms - logarithms[self._wrong.astype(int)]
            )
            self._distances = np.abs(correct / counts[:, None] - confidences[:, None])

    def compute_moments(self, gaps: _FloatArray) -> tuple[float, float, float]:
        """Return mean and standard deviation of the observed calibration error, and the true error, for true gaps."""
        accuracies = np.clip(self._confidences + gaps, 0, 1)
        distances = np.abs(accuracies - self._confidences)
        true_error = float(self.shares @ distances)
        if self._is_binomial:
            means, squares = self._compute_binomial_moments(accuracies)
        else:
            means, squares = self._compute_normal_moments(accuracies, distances)
        within = self.shares**2 @ np.maximum(squares - means**2, 0)
        # Other examples also have other confidences: the error varies with the gaps of the bins in which they are.
        between = self.shares @ (distances - true_error) ** 2 / self._counts.sum()
        return float(self.shares @ means), math.sqrt(within + between), true_error

    def _compute_binomial_moments(self, accuracies: _FloatArray) -> tuple[_FloatArray, _FloatArray]:
        """Return the means of the distance between accuracy and confidence of each bin, and of its square."""
        safe = np.clip(accuracies, 1e-12, 1 - 1e-12)[:, None]
        exponents = self._coefficients + self._correct * np.log(safe) + self._wrong * np.log1p(-safe)
        probabilities = np.where(self._is_possible, np.exp(exponents), 0)
        return (probabilities * self._distances).sum(1), (probabilities * self._distances**2).sum(1)

    def _compute_normal_moments(
        self, accuracies: _FloatArray, distances: _FloatArray
    ) -> tuple[_FloatArray, _FloatArray]:
        """Return the moments of `_compute_binomial_moments` for bins with many examples: of folded normal numbers."""
        variances = np.maximum(accuracies * (1 - accuracies), 1e-12) / self._counts
        erf = np.array([math.erf(ratio) for ratio in distances / np.sqrt(2 * variances)])
        means = np.sqrt(2 * variances / math.pi) * np.exp(-(distances**2) / (2 * variances)) + distances * erf
        return means, distances**2 + variances


def _find_end(bins: _Bins, spread: _FloatArray, observed: float, quantile: float) -> float:
    """Return an end of the interval for one spread of the true error over the bins.

    The end is the smallest true error at which the mean of the observed error, plus a multiple of its standard
    deviation, is above the error that was observed.

    Args:
        bins: The bins.
        spread: True gaps of the bins, which are multiplied by a number; of shape (bins,).
        observed: The observed calibration error.
        quantile: The multiple of the standard deviation, a quantile of the normal distribution.
    """
    scale = float(bins.shares @ np.abs(spread))
    if not scale:
        return observed

    def compute_excess(true_error: float) -> tuple[float, float]:
        mean, deviation, reached_error = bins.compute_moments(true_error * spread / scale)
        return mean + quantile * deviation - observed, reached_error

    if compute_excess(0.0)[0] > 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_BISECTION_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if compute_excess(middle)[0] > 0 else (middle, high)
    excess, reached_error = compute_excess(high)
    # Accuracies end at 0 and 1. Beyond, the true error of further examples follows from their confidences.
    return reached_error - min(excess, 0.0)
