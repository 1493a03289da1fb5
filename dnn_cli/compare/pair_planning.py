"""Forecast of the pairs of seeds that find a difference, from the spread of the differences that exist."""

import math
from dataclasses import dataclass

import numpy as np

from dnn_cli.compare.exact_tests import FloatArray
from dnn_cli.compare.pair_scores import SideScores
from dnn_cli.compare.sequential_tests import compute_e_values, compute_equivalence_e_values
from dnn_cli.compare.significance import (
    ALPHA,
    MIN_SEEDS,
    Interval,
    MeanDifference,
    compute_needed_seeds,
    compute_standard_deviation,
)

_MAX_SIMULATIONS, _MAX_SIMULATED_PAIRS = 2000, 100_000
"""Number of simulated comparisons, and of pairs in all of them. The standard error of a share is at most 1.1 points
for up to 50 pairs."""


@dataclass(frozen=True)
class SpreadEstimate:
    """Standard deviation of the difference between two scores, one of each side, with its 95% interval."""

    value: float
    interval: Interval
    pairs: int
    """Number of pairs of equal seeds from which the spread was estimated; 0 if the seeds are not paired."""


@dataclass(frozen=True)
class SettleForecast:
    """Pairs that `dnn settle` trains, over simulated comparisons."""

    decided_share: float
    """Share of the comparisons with the expected verdict within the limit."""

    mean_pairs: float
    """Mean number of pairs. Comparisons without a verdict have the limit."""


@dataclass(frozen=True)
class PairForecast:
    """Numbers of pairs for one spread of the differences."""

    spread: float
    fixed_pairs: int | None
    """Number of pairs with which a test of a fixed number finds the difference with power 80%; `None` above 1,000."""

    if_different: SettleForecast
    """Pairs of `dnn settle` if the true difference has the planned size."""

    if_equal: SettleForecast
    """Pairs of `dnn settle` until both sides are equivalent, if their true difference is 0."""


def estimate_spread(sides: tuple[SideScores, SideScores], differences: list[float]) -> SpreadEstimate | None:
    """Estimate the spread of differences; `None` for fewer than three pairs and fewer than three seeds of each side.

    Without three pairs, the variances of both sides are added, as for independent seeds. The interval assumes normally
    distributed differences.

    Args:
        sides: The scores of both sides.
        differences: The differences of pairs in which both runs have a score.
    """
    if len(differences) >= MIN_SEEDS:
        value, freedom = compute_standard_deviation(differences) or 0.0, len(differences) - 1
    else:
        scores = [[score for score in side.scores.values() if score is not None] for side in sides]
        freedom = min(map(len, scores)) - 1
        if freedom < MIN_SEEDS - 1:
            return None
        value = math.hypot(*(compute_standard_deviation(values) or 0.0 for values in scores))
    # The quantiles of the χ² distribution. `scipy.special` is imported in 0.3 s, and `scipy.stats` in 1.3 s.
    from scipy.special import gammaincinv

    low, high = (
        value * math.sqrt(freedom / (2 * float(gammaincinv(freedom / 2, share))))
        for share in (1 - ALPHA / 2, ALPHA / 2)
    )
    return SpreadEstimate(value, (low, high), len(differences) if len(differences) >= MIN_SEEDS else 0)


def forecast_pairs(spread: float, difference: float, max_pairs: int) -> PairForecast:
    """Return the numbers of pairs that find a difference, for normally distributed differences.

    Args:
        spread: The standard deviation of the difference of a pair.
        difference: The true difference to find, and the difference within which both sides count as equivalent.
        max_pairs: The largest number of pairs of `dnn settle`.
    """
    size = max(100, min(_MAX_SIMULATIONS, _MAX_SIMULATED_PAIRS // max_pairs))
    noise = spread * np.random.default_rng(0).standard_normal((size, max_pairs))
    assumed = MeanDifference(
        "paired", "student", difference, None, (difference, difference), None, 0.0, (MIN_SEEDS, MIN_SEEDS), spread
    )
    return PairForecast(
        spread,
        compute_needed_seeds(assumed, 1),
        _summarize(compute_e_values(difference + noise)),
        _summarize(compute_equivalence_e_values(noise, difference)),
    )


def _summarize(e_values: FloatArray) -> SettleForecast:
    """Return the forecast for e-values of shape (comparisons, pairs)."""
    reached = e_values >= 1 / ALPHA
    is_decided = reached.any(-1)
    pairs = np.where(is_decided, reached.argmax(-1) + 1, e_values.shape[-1])
    return SettleForecast(float(is_decided.mean()), float(pairs.mean()))
