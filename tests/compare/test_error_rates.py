"""How often a verdict is wrong, and how often a difference is found, in comparisons that are drawn."""

import numpy as np
import pytest

from dnn_cli.compare.group_tests import ScorePair, measure_differences
from dnn_cli.compare.significance import ScoreResolution
from tests.helpers.random_groups import DRAWS, compute_allowed_count, count_wrong_families, has_verdict, make_groups
from tests.helpers.settings import RUN_ALL_CASES

FAMILIES = 200 if RUN_ALL_CASES else 100


def test_allowed_counts_of_wrong_families():
    assert [compute_allowed_count(n) for n in (300, 200, 100)] == [21, 15, 9]


T_TEST_SIZES = [(2, 3), *([(4, 3)] if RUN_ALL_CASES else []), (8, 4)]
"""Groups and seeds that a t-test is used for."""


@pytest.mark.parametrize("paired", [True, False], ids=["paired", "unpaired"])
@pytest.mark.parametrize(("groups", "seeds"), T_TEST_SIZES, ids=str)
@pytest.mark.parametrize("name", DRAWS)
def test_t_tests_have_at_most_5_percent_false_verdicts(name, groups, seeds, paired):
    assert count_wrong_families(name, groups, seeds, FAMILIES, paired=paired) <= compute_allowed_count(FAMILIES)


@pytest.mark.parametrize(
    ("groups", "seeds", "paired"), [(2, 7, True), (4, 9, True), (2, 4, False)], ids=["2 of 7", "4 of 9", "2 samples"]
)
@pytest.mark.parametrize("name", ["skewed", "correlated", "rounded", "mode 30%"])
def test_exact_tests_have_at_most_5_percent_false_verdicts(name, groups, seeds, paired):
    # Two samples take ten times as long as pairs.
    families = FAMILIES if paired or RUN_ALL_CASES else 100
    assert count_wrong_families(name, groups, seeds, families, paired=paired) <= compute_allowed_count(families)


@pytest.mark.parametrize(
    ("ratio", "most"), [(1, compute_allowed_count(100)), (4, 12)], ids=["alike", "one scatters four times"]
)
def test_unpaired_samples_have_few_false_verdicts(ratio, most):
    """Where two samples scatter differently the exact test is right only for many seeds; the excess is bounded."""
    chance = np.random.default_rng(1)
    scores_of_families = (chance.normal(0, 1, (2, 7)) * np.array([[1], [ratio]]) for _ in range(100))
    assert sum(has_verdict(make_groups(scores, paired=False)) for scores in scores_of_families) <= most


@pytest.mark.parametrize(
    ("groups", "seeds", "effect", "least"),
    [(2, 8, 1.5, 0.8), (2, 12, 1.5, 0.97), (2, 3, 8, 0.95), (4, 3, 20, 0.95), (4, 5, 8, 0.95), (8, 5, 20, 0.95)],
    ids=str,
)
def test_power_of_verdicts(groups, seeds, effect, least):
    """The first group is worse by a number of standard deviations of a difference."""
    chance = np.random.default_rng(2)
    decided = 0
    for _ in range(200):
        scores = chance.normal(0, np.sqrt(0.5), (groups, seeds))
        scores[0] -= effect
        decided += has_verdict(make_groups(scores, paired=True))
    assert decided / 200 >= least


@pytest.mark.parametrize("seeds", [3, 5, 8, 20])
def test_intervals_contain_the_true_mean(seeds):
    drawn = np.random.default_rng(3).normal(0, 1, (500, seeds))
    pairs = [ScorePair(dict(enumerate(row.tolist())), dict.fromkeys(range(seeds), 0.0)) for row in drawn]
    hold = [
        low <= 0 <= high
        for difference in measure_differences(pairs, 1, ScoreResolution(0.0, 0.0))
        for low, high in [difference.interval]
    ]
    assert np.mean(hold) >= 0.93
