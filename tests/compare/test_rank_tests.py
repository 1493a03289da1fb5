"""Rank tests over datasets: their statistics and p-values are SciPy's."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

from dnn_cli.compare.rank_tests import compute_midranks, run_friedman_test, run_signed_rank_test


@pytest.mark.parametrize("count", [1, 2, 5, 8, 20, 60])
def test_signed_rank_p_is_that_of_scipy(count):
    differences = np.random.default_rng(count).normal(0.4, 1, count)
    expected = stats.wilcoxon(differences, method="exact").pvalue
    assert run_signed_rank_test(differences) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "differences", [[1, 1, -2, 3, 0, 0, 4, 4, -1], [0.5] * 6, [1, -1], [0, 0], [], [np.inf, np.inf, -1, 2]], ids=str
)
def test_signed_rank_p_is_exact_with_ties(differences):
    values = np.array(differences, float)
    ranks = stats.rankdata(np.abs(values[values != 0]))
    observed = ranks[values[values != 0] > 0].sum()
    sums = np.array([np.dot(ranks, signs) for signs in product([0, 1], repeat=len(ranks))])
    expected = min(1.0, 2 * min((sums <= observed).mean(), (sums >= observed).mean()))
    assert run_signed_rank_test(values) == pytest.approx(expected, abs=1e-12)


def test_rounding_errors_make_no_order_of_equal_differences():
    """0.3 − 0.1 and 0.9 − 0.7 differ in their last digits."""
    assert run_signed_rank_test(np.array([0.3 - 0.1, 0.7 - 0.9])) == run_signed_rank_test(np.array([1.0, -1.0]))


@pytest.mark.parametrize(("datasets", "setups", "is_rounded"), [(5, 3, False), (8, 4, True), (20, 5, False)], ids=str)
def test_friedman_statistic_is_that_of_scipy(datasets, setups, is_rounded):
    scores = np.random.default_rng(setups).normal(0, 1, (datasets, setups)) + np.arange(setups) / 4
    scores = scores.round() if is_rounded else scores
    chi_square = stats.friedmanchisquare(*scores.T).statistic
    expected = (datasets - 1) * chi_square / (datasets * (setups - 1) - chi_square)
    test = run_friedman_test(np.array([stats.rankdata(row) for row in scores]))
    assert test.f_statistic == pytest.approx(expected)
    if datasets >= 20:
        approximation = stats.f.sf(expected, setups - 1, (setups - 1) * (datasets - 1))
        assert test.p_value == pytest.approx(approximation, abs=0.02)


def test_friedman_p_is_exact_for_few_datasets():
    ranks = np.array([[1, 2, 3], [1, 2.5, 2.5], [2, 1, 3], [1, 3, 2]])
    orders = [[row[list(order)] for order in permutations(range(3))] for row in ranks]
    spreads = np.array([(sum(rows) ** 2).sum() for rows in product(*orders)])
    expected = (spreads >= (ranks.sum(0) ** 2).sum() - 1e-9).mean()
    assert run_friedman_test(ranks).p_value == pytest.approx(expected)


def test_friedman_p_of_random_permutations_is_near_that_of_scipy():
    ranks = np.tile([[1.0, 2, 3], [2, 1, 3], [3, 1, 2], [1, 3, 2]], (2, 1))
    expected = stats.permutation_test(
        list(ranks.T), lambda *columns: sum(column.sum() ** 2 for column in columns), permutation_type="samples",
        n_resamples=2_000, alternative="greater", random_state=1,
    ).pvalue  # fmt: skip
    assert run_friedman_test(ranks).p_value == pytest.approx(expected, abs=0.05)


def test_equal_setups_and_equal_orders():
    assert run_friedman_test(np.full((5, 3), 2.0)).p_value == 1
    unanimous = run_friedman_test(np.tile([1.0, 2, 3], (5, 1)))
    assert (unanimous.f_statistic, unanimous.p_value) == (np.inf, pytest.approx(6 / 6**5))


def test_midranks_share_ranks_within_the_tolerance():
    assert compute_midranks(np.array([0.3, 0.1, 0.1 + 1e-9, np.inf, np.inf]), 1e-8).tolist() == [3, 1.5, 1.5, 4.5, 4.5]
