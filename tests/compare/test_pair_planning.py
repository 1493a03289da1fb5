"""Forecasts of pairs: the interval of a spread, and numbers of pairs that agree with the tests."""

import numpy as np
import pytest

from dnn_cli.compare.pair_planning import estimate_spread, forecast_pairs
from dnn_cli.compare.pair_scores import SideScores


def make_side(*scores):
    by_seed = dict(enumerate(scores))
    return SideScores({}, by_seed, {}, (), None)


@pytest.mark.parametrize("pairs", [3, 4, 10, 100])
def test_the_interval_of_a_spread_is_that_of_chi_square(pairs):
    from scipy.stats import chi2

    values = np.random.default_rng(pairs).normal(0, 1, pairs)
    spread = estimate_spread((make_side(), make_side()), values.tolist())
    deviation, freedom = values.std(ddof=1), pairs - 1
    expected = [deviation * np.sqrt(freedom / chi2.ppf(share, freedom)) for share in (0.975, 0.025)]
    assert spread.pairs == pairs and spread.value == pytest.approx(deviation)
    assert spread.interval == pytest.approx(expected, rel=1e-6)


def test_unpaired_seeds_add_their_variances():
    sides = make_side(0.1, 0.2, 0.3), make_side(0.1, 0.1, 0.1, None)
    assert estimate_spread(sides, []).value == pytest.approx(0.1)
    assert estimate_spread((make_side(0.1, 0.2), make_side(0.1, 0.2, 0.4)), [0.1, 0.2]) is None


def test_equal_differences_need_the_fewest_pairs():
    forecast = forecast_pairs(0.0, 0.01, 30)
    assert (forecast.if_different.mean_pairs, forecast.if_equal.mean_pairs) == (6, 5)
    assert forecast.fixed_pairs == 3


def test_a_larger_spread_needs_more_pairs():
    small, large = forecast_pairs(0.01, 0.01, 30), forecast_pairs(0.03, 0.01, 30)
    assert small.fixed_pairs < large.fixed_pairs
    assert small.if_different.mean_pairs < large.if_different.mean_pairs <= 30
    assert small.if_equal.decided_share > large.if_equal.decided_share
