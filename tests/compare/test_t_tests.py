import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dnn_cli.compare.statistics import ALPHA
from dnn_cli.compare.t_tests import paired_t_test, welch_t_test

SCORES = st.lists(st.integers(0, 40).map(lambda n: n / 40), min_size=3, max_size=7)


def varies(*samples):
    return all(np.ptp(values) > 1e-9 for values in samples)


@given(SCORES, SCORES)
def test_results_without_a_limit_equal_scipys(ours, theirs):
    n = min(len(ours), len(theirs))
    differences = np.subtract(ours[:n], theirs[:n])
    if varies(differences):
        (p,), (interval,) = paired_t_test(differences[None], 0.0)
        expected = stats.ttest_1samp(differences, 0)
        assert p == pytest.approx(expected.pvalue)
        assert interval == pytest.approx(list(expected.confidence_interval()))
    if varies(ours, theirs):
        (p,), ((low, high),) = welch_t_test(np.array([ours]), np.array([theirs]), 0.0)
        expected = stats.ttest_ind(ours, theirs, equal_var=False)
        freedom = min(len(ours), len(theirs)) - 1
        assert p == pytest.approx(2 * stats.t.sf(abs(expected.statistic), freedom))
        assert p >= expected.pvalue - 1e-12
        error = (np.var(ours, ddof=1) / len(ours) + np.var(theirs, ddof=1) / len(theirs)) ** 0.5
        assert high - low == pytest.approx(2 * stats.t.ppf(0.975, freedom) * error)


@given(SCORES, SCORES, st.sampled_from([0.0, 1e-4, 0.01, 1.0]))
def test_interval_excludes_0_exactly_where_p_is_below_5_percent(ours, theirs, limit):
    n = min(len(ours), len(theirs))
    for (p,), ((low, high),) in (
        paired_t_test(np.subtract(ours[:n], theirs[:n])[None], limit),
        welch_t_test(np.array([ours]), np.array([theirs]), limit),
    ):
        if abs(p - ALPHA) > 1e-9:
            assert (low > 0 or high < 0) == (p <= ALPHA)


@given(SCORES, SCORES, st.sampled_from([1e-4, 0.01, 1.0]))
def test_a_limit_of_the_variance_never_lowers_p(ours, theirs, limit):
    n = min(len(ours), len(theirs))
    differences = np.subtract(ours[:n], theirs[:n])[None]
    assert paired_t_test(differences, limit)[0] >= paired_t_test(differences, 0.0)[0] - 1e-12


def test_equal_scores_are_no_difference():
    zero = np.zeros((1, 3))
    assert paired_t_test(zero, 0.0)[0] == pytest.approx(1)
    assert welch_t_test(zero, zero, 0.0)[0] == pytest.approx(1)


def test_scores_without_scatter_need_more_than_a_step():
    """Three seeds that are one example of 288 apart each are no proof, but 20 examples are."""
    step = 1 / 288
    (one,), _ = paired_t_test(np.full((1, 3), step), step**2 / 6)
    (many,), _ = paired_t_test(np.full((1, 3), 20 * step), step**2 / 6)
    assert one > ALPHA
    assert many < 0.001
