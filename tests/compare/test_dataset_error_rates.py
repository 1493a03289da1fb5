"""How often a ranking over datasets is wrong, and how often it finds a difference, on random scores."""

import numpy as np
import pytest

from tests.helpers.random_datasets import count_wrong_rankings, rank_means
from tests.helpers.random_groups import compute_allowed_count
from tests.helpers.settings import RUN_ALL_CASES

RANKINGS = 300 if RUN_ALL_CASES else 100


@pytest.mark.parametrize("name", ["normal", "rounded", "errors", "mixed"])
@pytest.mark.parametrize(("datasets", "setups"), [(8, 2), (20, 2)], ids=str)
def test_two_equal_setups_have_at_most_5_percent_false_verdicts(name, datasets, setups):
    assert count_wrong_rankings(name, datasets, setups, RANKINGS) <= compute_allowed_count(RANKINGS)


@pytest.mark.parametrize("name", ["normal", "one worse"])
def test_equal_setups_have_at_most_5_percent_false_verdicts(name):
    assert count_wrong_rankings(name, 10, 3, RANKINGS) <= compute_allowed_count(RANKINGS)


def test_five_datasets_allow_no_verdict():
    means = np.tile([0.9, 0.8, 0.7], (5, 1)) + np.arange(5)[:, None] / 100
    ranking = rank_means(means)
    assert [ranked.word for ranked in ranking.setups] == [None, "undecided", "undecided"]
    assert (ranking.has_difference, ranking.needed_datasets) == (True, 7)


def test_verdicts_find_a_difference_of_two_deviations():
    chance = np.random.default_rng(2)
    words = [rank_means(chance.normal([0.8, 0.782], 0.00636, (12, 2))).setups[1].word for _ in range(50)]
    assert words.count("worse") >= 48
