"""Tests of two samples: whether two sets of numbers, or two shares, come from one distribution."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def compare_distributions(first: NDArray[np.floating], second: NDArray[np.floating]) -> tuple[float, float]:
    """Compare two samples by the test of Kolmogorov and Smirnov.

    The p-value is the bound of the asymptotic distribution with the correction of Stephens (1970) for small samples.
    It is too large, never too small, for numbers that occur several times.

    Returns:
        The largest difference between the cumulative shares of the samples, from 0 to 1, and its p-value. Empty
        samples give 0 and 1.
    """
    if not len(first) or not len(second):
        return 0.0, 1.0
    first, second = np.sort(first), np.sort(second)
    values = np.concatenate([first, second])
    shares = [np.searchsorted(part, values, side="right") / len(part) for part in (first, second)]
    difference = float(np.abs(shares[0] - shares[1]).max())
    root = math.sqrt(len(first) * len(second) / (len(first) + len(second)))
    scaled = (root + 0.12 + 0.11 / root) * difference
    return difference, min(1.0, 2 * math.exp(-2 * scaled * scaled))


def compare_shares(first_count: int, first_total: int, second_count: int, second_total: int) -> float:
    """Return the p-value of two counts by the exact test of Fisher, as twice the smaller tail.

    Args:
        first_count: The number of marked examples in the first sample.
        first_total: The number of examples in the first sample.
        second_count: The number of marked examples in the second sample.
        second_total: The number of examples in the second sample.
    """
    total, marked = first_total + second_total, first_count + second_count
    low, high = max(0, marked - second_total), min(marked, first_total)
    counts = np.arange(low, high + 1)
    logarithms = (
        _list_log_binomials(first_total, counts)
        + _list_log_binomials(second_total, marked - counts)
        - _list_log_binomials(total, np.array([marked]))
    )
    chances = np.exp(logarithms)
    tails = chances[counts <= first_count].sum(), chances[counts >= first_count].sum()
    return min(1.0, 2 * float(min(tails)))


@lru_cache(maxsize=4)
def _list_log_factorials(size: int) -> NDArray[np.float64]:
    """List the logarithms of the factorials of 0 to `size`."""
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size + 1)))])


def _list_log_binomials(total: int, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """List the logarithms of the numbers of ways to choose each count from a total."""
    factorials = _list_log_factorials(total)
    logarithms: NDArray[np.float64] = factorials[total] - factorials[counts] - factorials[total - counts]
    return logarithms
