"""Rules of a comparison: error rate, choice of the test, Holm's correction, and the seeds that a verdict needs.

`tests/stress/verdict_error_rate.py` measures how often the verdicts are wrong.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ALPHA = 0.05
"""Largest probability that a comparison of equally good groups finds any of them better or worse than another."""

_POWER = 0.8
"""Probability that a test with the advised number of seeds finds a difference as large as the observed one."""

MAX_PERMUTATIONS = 16_384
"""Largest number of permutations that an exact test enumerates. If more exist, the test draws 16,383 at random."""

MIN_SEEDS = 3
"""Number of seeds that a verdict needs. With two, a t-test finds equal groups different in up to 13% of cases."""

MAX_ADVISED_SEEDS = 1_000
"""Largest number of seeds that is advised. A difference that needs more seeds is too small to matter."""

MIN_VARIANCE_SHARE = 0.25
"""Lower limit of the variance of a difference in a t-test, as a share of twice the mean variance within groups.

The difference between two scores has twice the variance of one score. Groups with a failed seed are left out of the
mean. The limit prevents false verdicts on groups of three seeds, where a third of all seeds has much worse scores than
the others. Comparisons of 4 and 8 such groups have 8% to 16% false verdicts without the limit, and at most 0.6% with
the limit."""

Interval = tuple[float, float]
Design = Literal["paired", "unpaired", "fixed"]
TestName = Literal["exact", "student", "corrected", "sequential", "none"]


@dataclass(frozen=True)
class ScoreResolution:
    """Resolution of the compared scores: the smallest difference that counts, and a tolerance for equality."""

    step: float
    """Smallest difference that counts: one example of the validation set, one epoch, or 1e-6 of the largest score."""

    tolerance: float
    """Largest difference between two means that rounding errors can cause. Such means count as equal.

    The value is 0 for numbers of epochs, which have no rounding errors."""


@dataclass(frozen=True)
class MeanDifference:
    """Difference between the scores of two groups: the first group's minus the second's."""

    design: Design
    """Design of the test: pairs of equal seeds, two samples of seeds, or one sample against a fixed score."""

    test: TestName
    """Test of the difference: an exact permutation test, a t-test, a corrected t-test of folds, a sequential test of
    pairs, or none where a group has a single seed."""

    mean: float
    interval: Interval | None
    """95% interval of the mean difference by `test`, not corrected for several comparisons; `None` if infinite."""

    span: Interval
    """Smallest and largest difference between two scores, one of each group.

    In the paired design, only scores of the same seed are compared."""

    p_value: float | None
    """Two-sided p-value without correction; `None` if a group has a single seed."""

    min_p_value: float
    """Smallest p-value that the test can give for this number of seeds; 0 for a t-test."""

    seed_counts: tuple[int, int]
    """Numbers of seeds or folds that the test uses, one for each group. In a paired test, both numbers are equal."""

    spread: float
    """Standard deviation of the difference between two scores, one of each group.

    In the paired design, both scores have the same seed."""

    min_spread: float = 0.0
    """Lower limit of the standard deviation that a t-test uses."""


def compute_min_p_value(*sizes: int) -> float:
    """Return the smallest p-value that an exact test can give.

    Args:
        sizes: The number of pairs, or the number of seeds in each of two samples.
    """
    permutations = 2 ** sizes[0] if len(sizes) == 1 else math.comb(sum(sizes), sizes[0])
    return min(1.0, 2 / min(permutations, MAX_PERMUTATIONS))


def choose_test(sizes: Sequence[int], comparisons: int, *, needs_exact: bool = False) -> TestName:
    """Choose the test for samples of these sizes, and return its name; `none` if a group has a single seed.

    The choice depends on the numbers of seeds and comparisons alone, because a choice by the scores would give more
    false verdicts. `needs_exact` depends on scores, but only makes the test stricter.

    Args:
        sizes: The number of pairs, or the number of seeds in each of two samples.
        comparisons: The number of comparisons that are judged together.
        needs_exact: Whether a group violates the assumption of a t-test, for example because a seed diverged.
    """
    if min(sizes) < 2:
        return "none"
    exact_can_decide = compute_min_p_value(*sizes) * comparisons <= ALPHA
    return "exact" if exact_can_decide or needs_exact or min(sizes) < MIN_SEEDS else "student"


def correct_by_holm(p_values: Sequence[float | None], comparisons: int) -> list[float | None]:
    """Correct the p-values of comparisons that are judged together (Holm, Scandinavian Journal of Statistics 6, 1979).

    Args:
        p_values: The p-values of the tested comparisons; `None` where no test was made.
        comparisons: The number of all comparisons that are judged together. Some may have no element in `p_values`.
    """
    order = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(order):
        largest = max(largest, min(1.0, p * (comparisons - rank)))
        corrected[index] = largest
    return corrected


def find_min_exact_seeds(comparisons: int) -> int | None:
    """Find the smallest number of pairs of seeds with which an exact test can give a verdict, and return the number.

    A p-value of an exact test has a lower limit, and is corrected for the number of comparisons. The result is `None`
    if the corrected limit is above 5% for any number of pairs.

    Args:
        comparisons: The number of comparisons that are judged together.
    """
    return next((n for n in range(2, 30) if compute_min_p_value(n) * comparisons <= ALPHA), None)


def compute_needed_seeds(difference: MeanDifference, comparisons: int, *, needs_exact: bool = False) -> int | None:
    """Return the number of seeds with which a test finds a difference as large as the observed one with power 80%.

    The power is that of a paired t-test at the strictest level of Holm's correction. The exact test needs about as
    many seeds. The result is `None` above 1,000 seeds, and where a required exact test cannot give a verdict.

    Args:
        difference: The observed difference, of at least two seeds.
        comparisons: The number of comparisons that are judged together.
        needs_exact: Whether an exact test is required, because a group violates the assumption of a t-test.
    """
    from dnn_cli.compare.t_tests import compute_power

    min_seeds = find_min_exact_seeds(comparisons) if needs_exact else MIN_SEEDS
    spread = max(difference.spread, difference.min_spread)
    if min_seeds is None or abs(difference.mean) <= spread / MAX_ADVISED_SEEDS:
        return None
    if not spread:
        return min_seeds
    effect, level = abs(difference.mean) / spread, ALPHA / comparisons
    low, high = min_seeds - 1, min_seeds
    while compute_power(effect, high, level) < _POWER:
        low, high = high, 2 * high
        if low >= MAX_ADVISED_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if compute_power(effect, middle, level) >= _POWER else (middle, high)
    return high if high <= MAX_ADVISED_SEEDS else None


def compute_standard_deviation(values: Sequence[float]) -> float | None:
    """Return the standard deviation of a sample, with divisor n - 1; `None` for fewer than two values."""
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
