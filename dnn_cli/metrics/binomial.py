"""The binomial distribution: tail probabilities, and the interval of Clopper and Pearson for a share."""

import math
from collections.abc import Callable

import numpy as np

_BISECTION_STEPS = 50
"""Steps of the bisection for an end of an interval: 1e-15 of the range of a share."""


def compute_tail_probability(trials: int, share: float, successes: slice) -> float:
    """Return the probability of some numbers of successes.

    Args:
        trials: The number of trials.
        share: The probability of a success.
        successes: The numbers, as `slice(3, None)` for three and more.
    """
    if share <= 0 or share >= 1:
        return float((0 if share <= 0 else trials) in range(trials + 1)[successes])
    numbers = np.arange(trials + 1)
    # ln k! is a running sum, whose error of 1e-12 is far below the precision that is printed.
    factorials = np.concatenate([[0.0], np.cumsum(np.log(numbers[1:]))])
    logs = factorials[-1] - factorials - factorials[::-1]
    logs += numbers * math.log(share) + (trials - numbers) * math.log1p(-share)
    return min(1.0, float(np.exp(logs[successes]).sum()))


def compute_confidence_interval(successes: int, trials: int, alpha: float = 0.05) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson (Biometrika 26, 1934) for a share; both ends are 1/2 without trials.

    Args:
        successes: The number of successes.
        trials: The number of trials.
        alpha: The probability that the interval misses the share.
    """
    if not trials:
        return 0.5, 0.5
    low, high = 0.0, 1.0
    if successes:
        low = _find_threshold(lambda share: compute_tail_probability(trials, share, slice(successes, None)) > alpha / 2)
    if successes < trials:
        high = _find_threshold(lambda share: compute_tail_probability(trials, share, slice(successes + 1)) <= alpha / 2)
    return low, high


def _find_threshold(is_above: Callable[[float], bool]) -> float:
    """Return the number between 0 and 1 from which on a condition holds."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTION_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_above(middle) else (middle, high)
    return (low + high) / 2
