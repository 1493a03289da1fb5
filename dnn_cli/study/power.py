"""Power of the test between two values of a study, and the number of seeds that a study trains.

Cross-validated studies are judged by the corrected t-test of folds, whose power depends on the correlation between
folds. The functions of this module do not apply to such studies.
"""

import math
from functools import lru_cache
from itertools import count

import numpy as np

from dnn_cli.compare.exact_tests import compute_sign_flip_p_values
from dnn_cli.compare.significance import ALPHA, MIN_SEEDS, choose_test
from dnn_cli.compare.t_tests import compute_t_quantiles
from dnn_cli.study.tuning_noise import SPREAD_MARGIN

MIN_STUDY_SEEDS = 10
"""Smallest number of seeds that `choose_seeds` returns; the number that DeepOBS trains (Schneider et al. 2019)."""

PLANNED_POWER = 0.8
"""Probability of a verdict on a difference of `PLANNED_EFFECT`, which the number of seeds of a study reaches."""

PLANNED_EFFECT = 2.0
"""Difference for which a study is planned, in standard deviations of the score over the seeds of one value."""

PLANNED_TUNING_SPREAD = 0.17
"""Standard deviation of the true score of a chosen setting for which a study is planned, in the unit of the effect.

The simulations of `tests/stress/study_error_rate.py` have this spread with six finalists of eight seeds."""

_MAX_SIMULATIONS = 16_384
"""Number of simulations for up to 10 seeds. The standard error of a power of 80% is then 0.3 points."""

_MIN_SIMULATIONS = 4096
"""Number of simulations for 12 and more seeds. The standard error of a power of 80% is then 0.6 points."""


def count_pairs(values: int) -> int:
    """Return the number of pairs of values, which are the comparisons that a study judges together."""
    return values * (values - 1) // 2


@lru_cache(maxsize=256)
def compute_power(values: int, seeds: int, effect: float, level: float = ALPHA, tuning_spread: float = 0.0) -> float:
    """Return the probability that a study finds a difference between two of its values.

    The probability is that of one comparison at the strictest level of Holm's correction, `level` divided by the number
    of pairs. The tuned values are one family of comparisons, and the values with their defaults are another. The
    scores of a seed count as independent, so that the difference of two scores has √2 of their standard deviation.
    Scores that are correlated over seeds give more power.

    The power is simulated with normal scores and a fixed seed. Its standard error is at most 0.8 points. The test is
    that of `dnn compare`: a t-test if the exact test cannot reach the level with these numbers of seeds and values.

    Args:
        values: The number of values of the question, at least 2.
        seeds: The number of seeds of each value.
        effect: The difference between two means, in standard deviations of a score over the seeds of one value.
        level: The largest probability of a false verdict in the family.
        tuning_spread: The standard deviation of the true score of a chosen setting, in the unit of `effect`; 0 for
            values with their defaults. Verdicts count this spread as noise, as in `judge_with_tuning_noise`.
    """
    if seeds < MIN_SEEDS:
        return 0.0
    comparisons, paired_effect = count_pairs(values), abs(effect) / math.sqrt(2)
    is_exact = choose_test([seeds], comparisons) == "exact"
    return _simulate_power(comparisons, seeds, paired_effect, level, tuning_spread, is_exact=is_exact)


def _simulate_power(
    comparisons: int, seeds: int, paired_effect: float, level: float, tuning_spread: float, *, is_exact: bool
) -> float:
    """Return the simulated power of one comparison. The unit is the standard deviation of a paired difference.

    The difference of two chosen settings has the variance 2t² for the tuning spread t, which is t² in this unit.

    Args:
        comparisons: The number of comparisons that are judged together.
        seeds: The number of seeds.
        paired_effect: The mean difference.
        level: The largest probability of a false verdict in the family.
        tuning_spread: The standard deviation t of the true score of a chosen setting, in deviations of a score.
        is_exact: Whether the test is the exact test, or else the paired t-test.
    """
    # More seeds have more permutations.
    simulations = (
        max(_MIN_SIMULATIONS, min(_MAX_SIMULATIONS, 2 ** max(0, 24 - seeds))) if is_exact else _MAX_SIMULATIONS
    )
    rng = np.random.default_rng(0)
    differences = rng.normal(paired_effect, 1.0, (simulations, seeds)) + tuning_spread * rng.normal(
        size=(simulations, 1)
    )
    means, squared_errors = differences.mean(-1), differences.var(-1, ddof=1) / seeds
    factors = np.sqrt(squared_errors / (squared_errors + (SPREAD_MARGIN * tuning_spread) ** 2))
    if is_exact:
        drawn = differences - ((1 - factors) * means)[:, None]
        is_significant = compute_sign_flip_p_values(drawn) * comparisons <= level
    else:
        limit = float(compute_t_quantiles(level / comparisons, np.array(seeds - 1.0)))
        is_significant = factors * np.abs(means) >= limit * np.sqrt(squared_errors)
    return float(np.mean(is_significant & (means > 0)))


@lru_cache(maxsize=64)
def choose_seeds(values: int) -> int:
    """Return the number of seeds of a study: the least with enough power for the tuned values.

    The power is at least `PLANNED_POWER` for `PLANNED_EFFECT`, with the tuning noise of `PLANNED_TUNING_SPREAD`.

    Args:
        values: The number of values of the question, at least 2.
    """
    comparisons, paired_effect = count_pairs(values), PLANNED_EFFECT / math.sqrt(2)
    # The power of a t-test is computed faster, and exceeds that of the exact test or is nearly the same.
    first = next(
        seeds
        for seeds in count(MIN_STUDY_SEEDS)
        if _simulate_power(comparisons, seeds, paired_effect, ALPHA, PLANNED_TUNING_SPREAD, is_exact=False)
        >= PLANNED_POWER - 0.02
    )
    return next(
        seeds
        for seeds in count(first)
        if compute_power(values, seeds, PLANNED_EFFECT, tuning_spread=PLANNED_TUNING_SPREAD) >= PLANNED_POWER
    )
