"""What is told of a difference, what may be concluded from it, and how many seeds would be enough.

`tests/campaign_verdicts.py` measures how often the conclusions are wrong.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

ALPHA = 0.05
"""The share of false verdicts where there is no difference, over a whole family of comparisons."""

POWER = 0.8
"""With as many seeds as are advised, a difference as large as the one seen is found this often."""

PERMUTATIONS = 16_384
"""A test with no more goes through all of them; one with more draws so many."""

FEWEST = 5
"""Seeds of which a bootstrap can make an interval: from fewer, even all they span holds the truth too rarely."""

MOST_SEEDS = 1_000
"""More are not advised: such a difference is too small to matter."""

Design = Literal["paired", "unpaired"]


@dataclass(frozen=True)
class Difference:
    """How far the scores of one group are above those of another."""

    design: Design
    """Paired by seed, or two samples of seeds."""

    mean: float
    interval: tuple[float, float] | None
    """At 95%; `None` from fewer than five seeds."""

    span: tuple[float, float]
    """The smallest and the largest difference within a seed; unpaired, between any two."""

    p_value: float | None
    """Two-sided; `None` where there is only one seed."""

    lowest_p: float
    """No test of so many seeds can come to less."""

    seeds: tuple[int, int]
    """How many of the one and of the other were used; the same where they are paired."""

    spread: float
    """The standard deviation of a difference: of the pairs', or of one score of each group."""


def lowest_p(*sizes: int) -> float:
    """The least p-value of a test of so many pairs, or of two samples: of all permutations one is as far out."""
    permutations = 2 ** sizes[0] if len(sizes) == 1 else math.comb(sum(sizes), sizes[0])
    return min(1.0, 2 / min(permutations, PERMUTATIONS))


def holm(p_values: Sequence[float | None], comparisons: int) -> list[float | None]:
    """P-values corrected for a family of comparisons, which may be more than those that are told (Holm, 1979)."""
    order = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(order):
        largest = max(largest, min(1.0, p * (comparisons - rank)))
        adjusted[index] = largest
    return adjusted


def fewest_seeds(design: Design, comparisons: int) -> int | None:
    """With so many seeds a test can come to 0.05 in a family of comparisons; `None` if never."""
    sizes = range(2, 30)
    return next((n for n in sizes if lowest_p(*([n] if design == "paired" else [n, n])) * comparisons <= ALPHA), None)


def seeds_needed(difference: Difference, comparisons: int) -> int | None:
    """How many seeds would show a difference like the one seen in four of five cases; `None` if none would.

    The number for a t-test with Guenther's correction (The American Statistician 35, 1981); a permutation test needs
    about as many.
    """
    least = fewest_seeds("paired", comparisons)  # as they will be, if the same seeds are trained of both
    if least is None or abs(difference.mean) <= difference.spread / MOST_SEEDS:
        return None
    level = NormalDist().inv_cdf(1 - ALPHA / comparisons / 2)
    effect = abs(difference.mean) / difference.spread if difference.spread else math.inf
    more = level**2 / (2 if difference.design == "paired" else 4)
    enough = math.ceil(((level + NormalDist().inv_cdf(POWER)) / effect) ** 2 + more)
    return max(enough, least) if enough <= MOST_SEEDS else None


def spread(values: Sequence[float]) -> float | None:
    """The standard deviation of a sample; `None` of a single value."""
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
