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
from dnn_cli.compare.t_tests import compute_power as compute_t_test_power

MIN_STUDY_SEEDS = 10
"""Smallest number of seeds that `choose_seeds` returns; the number that DeepOBS trains (Schneider et al. 2019)."""

PLANNED_POWER = 0.8
"""Probability of a verdict on a difference of `PLANNED_EFFECT`, which the number of seeds of a study reaches."""

PLANNED_EFFECT = 2.0
"""Difference for which a study is planned, in standard deviations of the score over the seeds of one value."""

_MAX_SIMULATIONS = 16_384
"""Number of simulations for up to 10 seeds. The standard error of a power of 80% is then 0.3 points."""

_MIN_SIMULATIONS = 4096
"""Number of simulations for 12 and more seeds. The standard error of a power of 80% is then 0.6 points."""


def count_pairs(values: int) -> int:
    """Return the number of pairs of values, which are the comparisons that a study judges together."""
    return values * (values - 1) // 2


@lru_cache(maxsize=256)
def compute_power(values: int, seeds: int, effect: float, level: float = ALPHA) -> float:
    """Return the probability that a study finds a difference between two of its values.

    The probability is that of one comparison at the strictest level of Holm's correction, `level` divided by the number
    of pairs. The tuned values are one family of comparisons, and the values with their defaults are another. The
    scores of a seed count as independent, so that the difference of two scores has √2 of their standard deviation.
    Scores that are correlated over seeds give more power.

    The power of the exact test is simulated with normal scores and a fixed seed. Its standard error is at most 0.8
    points. Where `dnn compare` uses a t-test, the power is integrated.

    Args:
        values: The number of values of the question, at least 2.
        seeds: The number of seeds of each value.
        effect: The difference between two means, in standard deviations of a score over the seeds of one value.
        level: The largest probability of a false verdict in the family.
    """
    if seeds < MIN_SEEDS:
        return 0.0
    comparisons, paired_effect = count_pairs(values), abs(effect) / math.sqrt(2)
    if choose_test([seeds], comparisons) == "student":
        return compute_t_test_power(paired_effect, seeds, level / comparisons)
    # More seeds have more permutations.
    simulations = max(_MIN_SIMULATIONS, min(_MAX_SIMULATIONS, 2 ** max(0, 24 - seeds)))
    differences = np.random.default_rng(0).normal(paired_effect, 1.0, (simulations, seeds))
    is_significant = compute_sign_flip_p_values(differences) * comparisons <= level
    return float(np.mean(is_significant & (differences.mean(-1) > 0)))


def choose_seeds(values: int) -> int:
    """Return the number of seeds of a study: the least that reaches `PLANNED_POWER` for `PLANNED_EFFECT`.

    Args:
        values: The number of values of the question, at least 2.
    """
    return next(
        seeds for seeds in count(MIN_STUDY_SEEDS) if compute_power(values, seeds, PLANNED_EFFECT) >= PLANNED_POWER
    )
