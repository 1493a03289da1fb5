import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dnn_cli.compare.significance import ALPHA
from dnn_cli.compare.t_tests import (
    compute_power,
    compute_t_p_values,
    compute_t_quantiles,
    run_paired_t_test,
    run_welch_t_test,
)

SCORES = st.lists(st.integers(0, 40).map(lambda n: n / 40), min_size=3, max_size=7)


def has_variance(*samples):
    return all(np.ptp(values) > 1e-9 for values in samples)


@given(SCORES, SCORES)
def test_results_without_variance_limit_equal_scipy(ours, theirs):
    n = min(len(ours), len(theirs))
    differences = np.subtract(ours[:n], theirs[:n])
    if has_variance(differences):
        (p,), (interval,) = run_paired_t_test(differences[None], 0.0)
        expected = stats.ttest_1samp(differences, 0)
        assert p == pytest.approx(expected.pvalue)
        assert interval == pytest.approx(list(expected.confidence_interval()))
    if has_variance(ours, theirs):
        (p,), ((low, high),) = run_welch_t_test(np.array([ours]), np.array([theirs]), 0.0)
        expected = stats.ttest_ind(ours, theirs, equal_var=False)
        freedom = min(len(ours), len(theirs)) - 1
        assert p == pytest.approx(2 * stats.t.sf(abs(expected.statistic), freedom))
        assert p >= expected.pvalue - 1e-12
        error = (np.var(ours, ddof=1) / len(ours) + np.var(theirs, ddof=1) / len(theirs)) ** 0.5
        assert high - low == pytest.approx(2 * stats.t.ppf(0.975, freedom) * error)


@given(SCORES, SCORES, st.sampled_from([0.0, 1e-4, 0.01, 1.0]))
def test_t_interval_agrees_with_p_value(ours, theirs, limit):
    n = min(len(ours), len(theirs))
    for (p,), ((low, high),) in (
        run_paired_t_test(np.subtract(ours[:n], theirs[:n])[None], limit),
        run_welch_t_test(np.array([ours]), np.array([theirs]), limit),
    ):
        if abs(p - ALPHA) > 1e-9:
            assert (low > 0 or high < 0) == (p <= ALPHA)


@given(SCORES, SCORES, st.sampled_from([1e-4, 0.01, 1.0]))
def test_variance_limit_never_lowers_p_values(ours, theirs, limit):
    n = min(len(ours), len(theirs))
    differences = np.subtract(ours[:n], theirs[:n])[None]
    assert run_paired_t_test(differences, limit)[0] >= run_paired_t_test(differences, 0.0)[0] - 1e-12


def test_equal_scores_are_no_difference():
    zero = np.zeros((1, 3))
    assert run_paired_t_test(zero, 0.0)[0] == pytest.approx(1)
    assert run_welch_t_test(zero, zero, 0.0)[0] == pytest.approx(1)


def test_constant_difference_of_one_step_is_not_significant():
    """Three seeds that each differ by one example of 288 prove nothing, but differences of 20 examples do."""
    step = 1 / 288
    (p_of_one_step,), _ = run_paired_t_test(np.full((1, 3), step), step**2 / 6)
    (p_of_many_steps,), _ = run_paired_t_test(np.full((1, 3), 20 * step), step**2 / 6)
    assert p_of_one_step > ALPHA
    assert p_of_many_steps < 0.001


FREEDOM = st.floats(2, 500)


@given(st.floats(-1e4, 1e4), FREEDOM)
def test_t_p_values_equal_scipy(t, freedom):
    expected = 2 * stats.t.sf(abs(t), freedom)
    assert float(compute_t_p_values(np.array(t), np.array(freedom))) == pytest.approx(expected, rel=1e-6, abs=1e-250)


@given(st.floats(1e-6, 0.99), FREEDOM)
def test_t_quantiles_equal_scipy(level, freedom):
    assert float(compute_t_quantiles(level, np.array(freedom))) == pytest.approx(
        stats.t.ppf(1 - level / 2, freedom), rel=1e-6
    )


@given(st.floats(0.1, 12), st.integers(3, 60), st.sampled_from([0.05, 0.05 / 6, 0.05 / 28]))
def test_power_equals_that_of_the_noncentral_t_distribution(effect, pairs, level):
    limit = stats.t.ppf(1 - level / 2, pairs - 1)
    expected = stats.nct.sf(limit, pairs - 1, effect * np.sqrt(pairs))
    assert compute_power(effect, pairs, level) == pytest.approx(expected, abs=1e-5)


def test_arrays_of_any_shape_are_accepted():
    t, freedom = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[2.0, 3.0], [4.5, 60.0]])
    assert compute_t_p_values(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom))
