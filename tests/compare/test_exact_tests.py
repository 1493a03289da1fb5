import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dnn_cli.compare import exact_tests
from dnn_cli.compare.exact_tests import (
    build_group_masks,
    run_sign_flip_test,
    run_sign_test,
    run_two_sample_test,
)
from dnn_cli.compare.significance import ALPHA, MAX_PERMUTATIONS, compute_min_p_value
from tests.helpers.settings import RUN_ALL_CASES

SIZES = range(2, 10)


def build_samples(n, seed):
    """Rows of n values: even, skewed, tied, with zeros, constant, wide; multiples of 1/64, so that sums are exact."""
    rng = np.random.default_rng(seed)
    rows = [
        rng.normal(size=n), rng.lognormal(size=n), rng.integers(-2, 3, n),
        rng.integers(-1, 2, n) * rng.integers(0, 2, n),
        np.zeros(n), np.full(n, 0.25 * seed), 30 * rng.normal(size=n), 5 + rng.normal(size=n),
    ]  # fmt: skip
    return np.round(64 * np.array(rows)) / 64


@pytest.mark.parametrize("n", SIZES, ids=lambda n: f"{n} pairs")
def test_sign_flip_p_values_equal_scipy(n):
    rows = build_samples(n, 1)
    expected = stats.permutation_test(
        (rows,), lambda x, axis: x.sum(axis), permutation_type="samples", n_resamples=np.inf, axis=-1
    )
    assert run_sign_flip_test(rows)[0] == pytest.approx(expected.pvalue, abs=1e-12)


def compute_rounded_welch_t(x, y, axis):
    """Welch's t to nine places, so that equal ones are equal."""
    error = x.var(axis, ddof=1) / x.shape[axis] + y.var(axis, ddof=1) / y.shape[axis]
    return np.round((x.mean(axis) - y.mean(axis)) / np.sqrt(error + 1e-20), 9)


@pytest.mark.parametrize(("n", "m"), [(n, m) for n in SIZES for m in SIZES if n <= m or (n, m) == (5, 3)], ids=str)
def test_two_sample_p_values_equal_scipy(n, m):
    ours, theirs = build_samples(n, 1), build_samples(m, 2)
    if math.comb(n + m, n) > MAX_PERMUTATIONS:
        expected = stats.ttest_ind(ours[[0, 6]], theirs[[0, 6]], axis=-1, equal_var=False).pvalue
        p_values, _ = run_two_sample_test(ours[[0, 6]], theirs[[0, 6]])
        assert p_values == pytest.approx(expected, abs=0.05)
        return
    if math.comb(n + m, n) > 3000 and not RUN_ALL_CASES:
        # Skewed and tied values: scipy takes seconds for all rows.
        ours, theirs = ours[[1, 2]], theirs[[1, 2]]
    expected = stats.permutation_test(
        (ours, theirs), compute_rounded_welch_t, permutation_type="independent", n_resamples=np.inf, axis=-1, batch=2000
    )
    assert run_two_sample_test(ours, theirs)[0] == pytest.approx(expected.pvalue, abs=1e-12)


COUNTS = st.lists(st.integers(276, 284), min_size=8, max_size=8)
"""Correct answers of eight seeds on a validation set of 288 examples: few values, so that many sums are equal."""


def to_stored_accuracies(counts):
    """The accuracies as Keras stores them: float32."""
    return np.array([np.float32(count) / np.float32(288) for count in counts], np.float64)


TOLERANCE = 2 * 2.0**-22
"""The tolerance of accuracies that are not exact fractions."""


@given(COUNTS, COUNTS)
def test_rounded_accuracies_have_the_p_values_of_counts(ours, theirs):
    counts = np.subtract(ours, theirs)
    expected = stats.permutation_test(
        (counts,), lambda x, axis: x.sum(axis), permutation_type="samples", n_resamples=np.inf, axis=-1
    ).pvalue
    (exact,), _ = run_sign_flip_test(counts[None] / 288)
    (rounded,), _ = run_sign_flip_test((to_stored_accuracies(ours) - to_stored_accuracies(theirs))[None], TOLERANCE)
    assert exact == rounded == pytest.approx(expected, abs=1e-12)


@given(COUNTS, COUNTS)
@settings(max_examples=100 if RUN_ALL_CASES else 20)
def test_rounded_accuracies_of_two_samples(ours, theirs):
    ours, theirs = ours[:5], theirs[:6]
    expected = stats.permutation_test(
        (np.array(ours, float), np.array(theirs, float)),
        compute_rounded_welch_t,
        permutation_type="independent",
        n_resamples=np.inf,
        axis=-1,
        batch=2000,
    ).pvalue
    (exact,), _ = run_two_sample_test(np.array(ours)[None] / 288, np.array(theirs)[None] / 288)
    assert exact == pytest.approx(expected, abs=1e-12)
    (rounded,), _ = run_two_sample_test(to_stored_accuracies(ours)[None], to_stored_accuracies(theirs)[None], TOLERANCE)
    assert rounded >= exact - 1e-12


def test_p_value_of_a_real_comparison_with_ties():
    """The counts of a real comparison: 52 of 256 permutations are as extreme, where float32 sums gave 48."""
    differences = np.array([2, 0, -1, 3, 1, 0, 2, -1])
    flips = (np.arange(256)[:, None] >> np.arange(8) & 1) * 2 - 1
    sums = flips @ differences
    expected = min(1.0, 2 * np.mean(sums >= differences.sum()))
    ours, theirs = to_stored_accuracies(280 + differences), to_stored_accuracies([280] * 8)
    (p_value,), _ = run_sign_flip_test((ours - theirs)[None], TOLERANCE)
    assert p_value == pytest.approx(expected)


INTEGERS = st.lists(st.integers(-6, 9), min_size=2, max_size=10)


@given(INTEGERS)
def test_paired_interval_agrees_with_p_value(values):
    (p,), ((low, high),) = run_sign_flip_test(np.array([values], float))
    assert (low > 0 or high < 0) == (p <= ALPHA)
    assert low <= np.mean(values) <= high


@given(INTEGERS, INTEGERS)
def test_two_sample_interval_agrees_with_p_value(ours, theirs):
    ours, theirs = ours[:6], theirs[:6]
    (p,), ((low, high),) = run_two_sample_test(np.array([ours], float), np.array([theirs], float))
    assert (low > 0 or high < 0) == (p <= ALPHA)
    assert low <= np.mean(ours) - np.mean(theirs) <= high


@given(st.lists(st.floats(-5, 5), min_size=6, max_size=9), st.floats(-10, 10))
def test_paired_interval_holds_means_not_rejected(values, mean):
    values = np.round(np.array([values]), 3)
    _, ((low, high),) = run_sign_flip_test(values)
    if min(abs(low - mean), abs(high - mean)) < 1e-6:
        return
    (p,), _ = run_sign_flip_test(values - mean)
    assert (low <= mean <= high) == (p > ALPHA)


def test_fewer_than_six_pairs_have_no_finite_interval():
    for n in range(2, 6):
        assert np.isinf(run_sign_flip_test(np.arange(1.0, n + 1)[None])[1]).all()
    assert np.isfinite(run_sign_flip_test(np.arange(1.0, 7)[None])[1]).all()


@pytest.mark.parametrize("m", SIZES, ids=lambda m: f"and {m} seeds")
@pytest.mark.parametrize("n", SIZES, ids=lambda n: f"{n} seeds")
@pytest.mark.parametrize(("first", "second"), [(0.9, 0.8), (0.8812, 0.8801)], ids=str)
def test_constant_groups_have_the_smallest_p_value(n, m, first, second):
    ours, theirs = np.full((1, n), first), np.full((1, m), second)
    is_sampled = math.comb(n + m, n) > MAX_PERMUTATIONS  # then the observed deal may be among the drawn ones
    assert run_two_sample_test(ours, theirs)[0] == pytest.approx(
        compute_min_p_value(n, m), rel=1.1 if is_sampled else 1e-9
    )
    assert run_two_sample_test(ours, np.full((1, m), first))[0] == pytest.approx(1)


@pytest.mark.parametrize("n", [2, 5, 6, 9, 14, 15, 40], ids=lambda n: f"{n} pairs")
def test_min_p_value_of_pairs_is_reached(n):
    far = [np.full((1, n), 0.1), np.ones((1, n)) + np.arange(n)]
    rows = np.concatenate([np.random.default_rng(n).normal(size=(50, n)), *far])
    p_values, _ = run_sign_flip_test(rows)
    assert p_values.min() == pytest.approx(compute_min_p_value(n))
    assert p_values[-2:] == pytest.approx(compute_min_p_value(n), rel=0.51 if n > 14 else 1e-9)
    assert p_values.max() <= 1


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 5), (4, 4), (8, 8), (9, 9)], ids=str)
def test_min_p_value_of_two_samples_is_reached(n, m):
    rng = np.random.default_rng(0)
    far = 100 * (np.arange(5) == 0)[:, None]
    p_values, _ = run_two_sample_test(rng.normal(size=(5, n)) + far, rng.normal(size=(5, m)))
    is_sampled = math.comb(n + m, n) > MAX_PERMUTATIONS
    assert p_values.min() == p_values[0] == pytest.approx(compute_min_p_value(n, m), rel=1.1 if is_sampled else 1e-9)


def test_first_group_mask_is_the_observed_one():
    assert build_group_masks(3, 4)[0][0].tolist() == [1, 1, 1, 0, 0, 0, 0]


@given(st.integers(0, 700), st.integers(0, 700))
def test_sign_test_equals_scipy(successes, failures):
    n = successes + failures
    expected = stats.binomtest(successes, n).pvalue if n else 1.0
    assert run_sign_test(successes, failures) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("successes", "failures"), [(0, 60_000), (29_000, 31_000), (500, 500)], ids=str)
def test_sign_test_of_many_trials_equals_scipy(successes, failures):
    expected = stats.binomtest(successes, successes + failures).pvalue
    assert run_sign_test(successes, failures) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("test", [run_sign_flip_test, run_two_sample_test], ids=lambda test: test.__name__)
def test_comparisons_in_blocks_equal_single_ones(test, monkeypatch):
    monkeypatch.setattr(exact_tests, "BLOCK_SIZE", 8)
    count = 2 * exact_tests.BLOCK_SIZE + 7
    rng = np.random.default_rng(5)
    rows = [rng.normal(size=(count, 6)), rng.normal(size=(count, 5))][: 1 if test is run_sign_flip_test else 2]
    alone = [test(*(values[index : index + 1] for values in rows)) for index in range(count)]
    for together, single in zip(test(*rows), zip(*alone, strict=True), strict=True):
        assert together == pytest.approx(np.concatenate(single))
