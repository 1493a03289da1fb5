import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dnn_cli.compare.exact_tests import BLOCK, all_deals, sign_flip_test, sign_test, two_sample_test
from dnn_cli.compare.statistics import ALPHA, PERMUTATIONS, lowest_p

SIZES = range(2, 10)


def samples(n, seed):
    """Rows of n values: even, skewed, tied, with zeros, constant, wide; multiples of 1/64, so that sums are exact."""
    rng = np.random.default_rng(seed)
    rows = [
        rng.normal(size=n), rng.lognormal(size=n), rng.integers(-2, 3, n),
        rng.integers(-1, 2, n) * rng.integers(0, 2, n),
        np.zeros(n), np.full(n, 0.25 * seed), 30 * rng.normal(size=n), 5 + rng.normal(size=n),
    ]  # fmt: skip
    return np.round(64 * np.array(rows)) / 64


@pytest.mark.parametrize("n", SIZES, ids=lambda n: f"{n} pairs")
def test_sign_flip_p_values_equal_scipys(n):
    rows = samples(n, 1)
    expected = stats.permutation_test(
        (rows,), lambda x, axis: x.sum(axis), permutation_type="samples", n_resamples=np.inf, axis=-1
    )
    assert sign_flip_test(rows)[0] == pytest.approx(expected.pvalue, abs=1e-12)


def welch(x, y, axis):
    """Welch's t to nine places, so that equal ones are equal."""
    error = x.var(axis, ddof=1) / x.shape[axis] + y.var(axis, ddof=1) / y.shape[axis]
    return np.round((x.mean(axis) - y.mean(axis)) / np.sqrt(error + 1e-20), 9)


@pytest.mark.parametrize("m", SIZES, ids=lambda m: f"and {m} seeds")
@pytest.mark.parametrize("n", SIZES, ids=lambda n: f"{n} seeds")
def test_two_sample_p_values_equal_scipys(n, m):
    ours, theirs = samples(n, 1), samples(m, 2)
    if math.comb(n + m, n) > PERMUTATIONS:
        expected = stats.ttest_ind(ours[[0, 6]], theirs[[0, 6]], axis=-1, equal_var=False).pvalue
        found, _ = two_sample_test(ours[[0, 6]], theirs[[0, 6]])
        assert found == pytest.approx(expected, abs=0.05)
        return
    expected = stats.permutation_test(
        (ours, theirs), welch, permutation_type="independent", n_resamples=np.inf, axis=-1, batch=2000
    )
    assert two_sample_test(ours, theirs)[0] == pytest.approx(expected.pvalue, abs=1e-12)


COUNTS = st.lists(st.integers(276, 284), min_size=8, max_size=8)
"""Correct answers of eight seeds on a validation set of 288 examples: few values, so that many sums are equal."""


def stored(counts):
    """The accuracies as Keras stores them: float32."""
    return np.array([np.float32(count) / np.float32(288) for count in counts], np.float64)


TOLERANCE = 2 * 2.0**-22
"""The tolerance of accuracies that are not exact fractions."""


@given(COUNTS, COUNTS)
def test_rounded_accuracies_have_the_p_values_of_their_counts(ours, theirs):
    counts = np.subtract(ours, theirs)
    expected = stats.permutation_test(
        (counts,), lambda x, axis: x.sum(axis), permutation_type="samples", n_resamples=np.inf, axis=-1
    ).pvalue
    (exact,), _ = sign_flip_test(counts[None] / 288)
    (rounded,), _ = sign_flip_test((stored(ours) - stored(theirs))[None], TOLERANCE)
    assert exact == rounded == pytest.approx(expected, abs=1e-12)


@given(COUNTS, COUNTS)
def test_rounded_accuracies_of_two_samples_have_the_p_values_of_their_counts(ours, theirs):
    ours, theirs = ours[:5], theirs[:6]
    expected = stats.permutation_test(
        (np.array(ours, float), np.array(theirs, float)), welch, permutation_type="independent", n_resamples=np.inf,
        axis=-1, batch=2000,
    ).pvalue  # fmt: skip
    (exact,), _ = two_sample_test(np.array(ours)[None] / 288, np.array(theirs)[None] / 288)
    assert exact == pytest.approx(expected, abs=1e-12)
    (rounded,), _ = two_sample_test(stored(ours)[None], stored(theirs)[None], TOLERANCE)
    assert rounded >= exact - 1e-12


def test_adam_against_rmsprop_on_digits():
    """The counts of a real comparison: 52 of 256 permutations are as extreme, where float32 sums gave 48."""
    differences = np.array([2, 0, -1, 3, 1, 0, 2, -1])
    flips = (np.arange(256)[:, None] >> np.arange(8) & 1) * 2 - 1
    sums = flips @ differences
    expected = min(1.0, 2 * np.mean(sums >= differences.sum()))
    ours, theirs = stored(280 + differences), stored([280] * 8)
    (found,), _ = sign_flip_test((ours - theirs)[None], TOLERANCE)
    assert found == pytest.approx(expected)


INTEGERS = st.lists(st.integers(-6, 9), min_size=2, max_size=10)


@given(INTEGERS)
def test_interval_of_pairs_excludes_0_exactly_where_p_is_below_5_percent(values):
    (p,), ((low, high),) = sign_flip_test(np.array([values], float))
    assert (low > 0 or high < 0) == (p <= ALPHA)
    assert low <= np.mean(values) <= high


@given(INTEGERS, INTEGERS)
def test_interval_of_samples_excludes_0_exactly_where_p_is_below_5_percent(ours, theirs):
    ours, theirs = ours[:6], theirs[:6]
    (p,), ((low, high),) = two_sample_test(np.array([ours], float), np.array([theirs], float))
    assert (low > 0 or high < 0) == (p <= ALPHA)
    assert low <= np.mean(ours) - np.mean(theirs) <= high


@given(st.lists(st.floats(-5, 5), min_size=6, max_size=9), st.floats(-10, 10))
def test_interval_of_pairs_holds_the_means_that_are_not_rejected(values, mean):
    values = np.round(np.array([values]), 3)
    _, ((low, high),) = sign_flip_test(values)
    if min(abs(low - mean), abs(high - mean)) < 1e-6:
        return
    (p,), _ = sign_flip_test(values - mean)
    assert (low <= mean <= high) == (p > ALPHA)


def test_fewer_than_six_pairs_have_no_finite_interval():
    for n in range(2, 6):
        assert np.isinf(sign_flip_test(np.arange(1.0, n + 1)[None])[1]).all()
    assert np.isfinite(sign_flip_test(np.arange(1.0, 7)[None])[1]).all()


@pytest.mark.parametrize("m", SIZES, ids=lambda m: f"and {m} seeds")
@pytest.mark.parametrize("n", SIZES, ids=lambda n: f"{n} seeds")
@pytest.mark.parametrize(("one", "other"), [(0.9, 0.8), (0.8812, 0.8801)], ids=str)
def test_groups_without_scatter_are_as_far_apart_as_can_be(n, m, one, other):
    ours, theirs = np.full((1, n), one), np.full((1, m), other)
    drawn = math.comb(n + m, n) > PERMUTATIONS  # then the observed deal may be among the drawn ones
    assert two_sample_test(ours, theirs)[0] == pytest.approx(lowest_p(n, m), rel=1.1 if drawn else 1e-9)
    assert two_sample_test(ours, np.full((1, m), one))[0] == pytest.approx(1)


@pytest.mark.parametrize("n", [2, 5, 6, 9, 14, 15, 40], ids=lambda n: f"{n} pairs")
def test_lowest_p_of_pairs_is_reached_and_never_undercut(n):
    far = [np.full((1, n), 0.1), np.ones((1, n)) + np.arange(n)]
    rows = np.concatenate([np.random.default_rng(n).normal(size=(50, n)), *far])
    found, _ = sign_flip_test(rows)
    assert found.min() == pytest.approx(lowest_p(n))
    assert found[-2:] == pytest.approx(lowest_p(n), rel=0.51 if n > 14 else 1e-9)
    assert found.max() <= 1


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 5), (4, 4), (8, 8), (9, 9)], ids=str)
def test_lowest_p_of_two_samples_is_reached_and_never_undercut(n, m):
    rng = np.random.default_rng(0)
    far = 100 * (np.arange(20) == 0)[:, None]
    found, _ = two_sample_test(rng.normal(size=(20, n)) + far, rng.normal(size=(20, m)))
    drawn = math.comb(n + m, n) > PERMUTATIONS
    assert found.min() == found[0] == pytest.approx(lowest_p(n, m), rel=1.1 if drawn else 1e-9)


def test_first_deal_is_the_observed_one():
    assert all_deals(3, 4)[0][0].tolist() == [1, 1, 1, 0, 0, 0, 0]


@given(st.integers(0, 700), st.integers(0, 700))
def test_sign_test_equals_scipys(successes, failures):
    n = successes + failures
    expected = stats.binomtest(successes, n).pvalue if n else 1.0
    assert sign_test(successes, failures) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("successes", "failures"), [(0, 60_000), (29_000, 31_000), (500, 500)], ids=str)
def test_sign_test_of_many_trials_equals_scipys(successes, failures):
    expected = stats.binomtest(successes, successes + failures).pvalue
    assert sign_test(successes, failures) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("test", [sign_flip_test, two_sample_test], ids=lambda test: test.__name__)
def test_comparisons_in_blocks_equal_single_ones(test):
    count = 2 * BLOCK + 7
    rng = np.random.default_rng(5)
    rows = [rng.normal(size=(count, 6)), rng.normal(size=(count, 5))][: 1 if test is sign_flip_test else 2]
    alone = [test(*(values[index : index + 1] for values in rows)) for index in range(count)]
    for together, single in zip(test(*rows), zip(*alone, strict=True), strict=True):
        assert together == pytest.approx(np.concatenate(single))
