"""The binomial distribution: tail probabilities, and two intervals of a proportion."""

import math
from collections.abc import Callable

import numpy as np

NORMAL_QUANTILE = 1.959963984540054
"""The number that a standard normal variable exceeds with probability 2.5%."""

_BISECTION_STEPS = 50
"""Steps of the bisection that computes an end of an interval. 50 steps reach a precision of 1e-15."""


def compute_tail_probability(trials: int, share: float, successes: slice) -> float:
    """Return the probability that the number of successes in independent trials is in a range.

    Args:
        trials: The number of independent trials.
        share: The probability of a success, from 0 to 1.
        successes: The range of the number of successes: `slice(3, None)` for three and more.
    """
    if share <= 0 or share >= 1:
        return float((0 if share <= 0 else trials) in range(trials + 1)[successes])
    numbers = np.arange(trials + 1)
    # ln k! is a running sum. Its error of 1e-12 is far below the precision of printed probabilities.
    factorials = np.concatenate([[0.0], np.cumsum(np.log(numbers[1:]))])
    logs = factorials[-1] - factorials - factorials[::-1]
    logs += numbers * math.log(share) + (trials - numbers) * math.log1p(-share)
    return min(1.0, float(np.exp(logs[successes]).sum()))


def compute_confidence_interval(successes: int, trials: int, alpha: float = 0.05) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson (Biometrika 26, 1934) for a proportion.

    Without trials, both ends are 0.5.

    Args:
        successes: The number of successes.
        trials: The number of independent trials.
        alpha: The largest probability that the interval does not contain the true proportion.
    """
    if not trials:
        return 0.5, 0.5
    low, high = 0.0, 1.0
    if successes:
        low = _find_threshold(lambda share: compute_tail_probability(trials, share, slice(successes, None)) > alpha / 2)
    if successes < trials:
        high = _find_threshold(lambda share: compute_tail_probability(trials, share, slice(successes + 1)) <= alpha / 2)
    return low, high


def compute_wilson_interval(successes: float, trials: float) -> tuple[float, float]:
    """Return the 95% score interval of Wilson (Journal of the American Statistical Association 22, 1927).

    The interval covers the true proportion in about 95% of samples on average. The interval of Clopper and Pearson
    covers every proportion in at least 95% and is wider.

    Args:
        successes: The number of successes; with weights, the share of successes times `trials`.
        trials: The number of independent trials, above 0; with weights, the effective number.
    """
    square = NORMAL_QUANTILE**2
    share = successes / trials
    center = (share + square / (2 * trials)) / (1 + square / trials)
    half_width = (
        NORMAL_QUANTILE
        * math.sqrt(max(share * (1 - share), 0.0) / trials + square / (4 * trials**2))
        / (1 + square / trials)
    )
    # Rounding errors must not exclude a share of 0 or 1.
    return min(max(center - half_width, 0.0), share), max(min(center + half_width, 1.0), share)


def _find_threshold(is_above: Callable[[float], bool]) -> float:
    """Return the smallest number between 0 and 1 that meets a condition.

    All larger numbers must meet the condition too.
    """
    low, high = 0.0, 1.0
    for _ in range(_BISECTION_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_above(middle) else (middle, high)
    return (low + high) / 2
