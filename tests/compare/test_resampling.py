import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dnn_cli.compare.resampling import (
    BLOCK,
    all_deals,
    bootstrap_intervals,
    sign_flip_test,
    sign_test,
    student_quantile,
    two_sample_test,
)
from dnn_cli.compare.statistics import PERMUTATIONS, lowest_p

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
def test_sign_flips_are_those_of_scipy(n):
    rows = samples(n, 1)
    expected = stats.permutation_test(
        (rows,), lambda x, axis: x.sum(axis), permutation_type="samples", n_resamples=np.inf, axis=-1
    )
    assert sign_flip_test(rows) == pytest.approx(expected.pvalue, abs=1e-12)


def welch(x, y, axis):
    """Welch's t to nine places, so that equal ones are equal."""
    error = x.var(axis, ddof=1) / x.shape[axis] + y.var(axis, ddof=1) / y.shape[axis]
    return np.round((x.mean(axis) - y.mean(axis)) / np.sqrt(error + 1e-20), 9)


@pytest.mark.parametrize("m", SIZES, ids=lambda m: f"and {m} seeds")
@pytest.mark.parametrize("n", SIZES, ids=lambda n: f"{n} seeds")
def test_two_samples_are_dealt_anew_as_by_scipy(n, m):
    ours, theirs = samples(n, 1), samples(m, 2)
    if math.comb(n + m, n) > PERMUTATIONS:
        expected = stats.ttest_ind(ours[[0, 6]], theirs[[0, 6]], axis=-1, equal_var=False).pvalue
        assert two_sample_test(ours, theirs)[[0, 6]] == pytest.approx(expected, abs=0.05)
        return
    expected = stats.permutation_test(
        (ours, theirs), welch, permutation_type="independent", n_resamples=np.inf, axis=-1, batch=2000
    )
    assert two_sample_test(ours, theirs) == pytest.approx(expected.pvalue, abs=1e-12)


@pytest.mark.parametrize("m", SIZES, ids=lambda m: f"and {m} seeds")
@pytest.mark.parametrize("n", SIZES, ids=lambda n: f"{n} seeds")
@pytest.mark.parametrize(("one", "other"), [(0.9, 0.8), (1 / 3, 1 / 7), (0.8812, 0.8801)], ids=str)
def test_groups_without_scatter_are_as_far_apart_as_can_be(n, m, one, other):
    ours, theirs = np.full((3, n), one), np.full((3, m), other)
    drawn = math.comb(n + m, n) > PERMUTATIONS  # then what was seen may be among those that are drawn
    assert two_sample_test(ours, theirs) == pytest.approx(lowest_p(n, m), rel=1.1 if drawn else 1e-9)
    assert two_sample_test(theirs, ours) == pytest.approx(lowest_p(n, m), rel=1.1 if drawn else 1e-9)
    assert two_sample_test(ours, np.full((3, m), one)) == pytest.approx(1)


@pytest.mark.parametrize("n", [2, 5, 6, 9, 14, 15, 40], ids=lambda n: f"{n} pairs")
def test_no_test_of_pairs_comes_below_what_is_told_and_one_comes_to_it(n):
    far = [np.full((1, n), 0.1), np.ones((1, n)) + np.arange(n)]
    rows = np.concatenate([np.random.default_rng(n).normal(size=(50, n)), *far])
    found = sign_flip_test(rows)
    assert found.min() == pytest.approx(lowest_p(n))
    assert found[-2:] == pytest.approx(lowest_p(n), rel=0.51 if n > 14 else 1e-9)
    assert found.max() <= 1


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 5), (4, 4), (8, 8), (9, 9), (6, 30)], ids=str)
def test_no_test_of_two_samples_comes_below_what_is_told_and_one_comes_to_it(n, m):
    rng = np.random.default_rng(0)
    found = two_sample_test(rng.normal(size=(50, n)) + 100 * (np.arange(50) == 0)[:, None], rng.normal(size=(50, m)))
    drawn = math.comb(n + m, n) > PERMUTATIONS
    assert found.min() == found[0] == pytest.approx(lowest_p(n, m), rel=1.1 if drawn else 1e-9)


def test_the_first_deal_is_the_one_that_was_seen():
    assert all_deals(3, 4)[0][0].tolist() == [1, 1, 1, 0, 0, 0, 0]


@given(st.integers(0, 700), st.integers(0, 700))
def test_coins_are_those_of_scipy(one_way, other_way):
    n = one_way + other_way
    expected = stats.binomtest(one_way, n).pvalue if n else 1.0
    assert sign_test(one_way, other_way) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("one_way", "other_way"), [(0, 60_000), (29_000, 31_000), (500, 500)], ids=str)
def test_many_coins_are_those_of_scipy(one_way, other_way):
    expected = stats.binomtest(one_way, one_way + other_way).pvalue
    assert sign_test(one_way, other_way) == pytest.approx(expected, rel=1e-6)


@given(st.floats(1, 500))
def test_quantiles_of_student_are_those_of_scipy(freedom):
    assert student_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-3)


def expanded(freedom, shrinking):
    """The level of the percentiles that stand for 95%."""
    return 1 - 2 * stats.norm.cdf(-stats.t.ppf(0.975, freedom) / math.sqrt(shrinking))


@pytest.mark.parametrize("n", [5, 8, 20], ids=lambda n: f"{n} pairs")
def test_intervals_of_pairs_are_percentiles_of_scipy_at_an_expanded_level(n):
    values = np.random.default_rng(n).lognormal(size=n)
    expected = stats.bootstrap(
        (values,), np.mean, confidence_level=expanded(n - 1, (n - 1) / n), method="percentile", n_resamples=20_000,
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    (found,) = bootstrap_intervals(values[None])
    assert found == pytest.approx(list(expected), abs=0.1 * (expected[1] - expected[0]))


def test_intervals_of_two_samples_are_percentiles_of_scipy_at_an_expanded_level():
    rng = np.random.default_rng(3)
    ours, theirs = rng.normal(1, 1, 6), rng.normal(0, 3, 9)
    errors = ours.var(ddof=1) / 6, theirs.var(ddof=1) / 9
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / 5 + errors[1] ** 2 / 8)
    shrinking = (errors[0] * 5 / 6 + errors[1] * 8 / 9) / sum(errors)
    expected = stats.bootstrap(
        (ours, theirs), lambda x, y, axis: x.mean(axis) - y.mean(axis), n_resamples=20_000, method="percentile",
        confidence_level=expanded(freedom, shrinking), rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    (found,) = bootstrap_intervals(ours[None], theirs[None])
    assert found == pytest.approx(list(expected), abs=0.05 * (expected[1] - expected[0]))


def test_intervals_of_samples_without_scatter_are_a_point():
    assert bootstrap_intervals(np.full((2, 6), 0.1)).tolist() == pytest.approx(np.full((2, 2), 0.1))
    assert bootstrap_intervals(np.full((1, 6), 0.5), np.full((1, 7), 0.25)) == pytest.approx(np.full((1, 2), 0.25))
    low, high = bootstrap_intervals(np.full((1, 6), 0.5), np.arange(6.0)[None])[0]
    assert low < -2 < high


SAMPLE = st.lists(st.integers(-64, 64).map(lambda n: n / 8), min_size=5, max_size=12)


@given(SAMPLE, SAMPLE, st.integers(-8, 8), st.sampled_from([1e-120, 1e-45, 0.5, 3.0, 1e60]))
def test_intervals_move_and_grow_with_the_values(ours, theirs, moved, factor):
    ours, theirs = np.array([ours]), np.array([theirs])
    for many in ([ours], [ours, theirs]):
        (base,) = bootstrap_intervals(*many)
        assert base[0] <= base[1]
        (away,) = bootstrap_intervals(many[0] + moved, *many[1:])
        assert away == pytest.approx(base + moved, abs=1e-9)
        (larger,) = bootstrap_intervals(*(factor * values for values in many))
        assert larger / factor == pytest.approx(base, abs=1e-9)


@pytest.mark.parametrize("test", [sign_flip_test, two_sample_test, bootstrap_intervals], ids=lambda test: test.__name__)
def test_many_comparisons_at_once_come_to_the_same(test):
    count = 2 * BLOCK + 7
    rng = np.random.default_rng(5)
    rows = [rng.normal(size=(count, 6)), rng.normal(size=(count, 5))][: 1 if test is sign_flip_test else 2]
    alone = np.concatenate([test(*(values[index : index + 1] for values in rows)) for index in range(count)])
    assert test(*rows) == pytest.approx(alone)
