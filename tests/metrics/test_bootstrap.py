"""Intervals by the bootstrap: exactness, order and degenerate samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.metrics import bootstrap
from dnn_cli.metrics.bootstrap import compute_mean_intervals, compute_percentile_interval

VALUES = np.random.default_rng(0).exponential(size=(40, 2))


def test_equal_examples_have_equal_intervals():
    assert compute_mean_intervals(VALUES) == compute_mean_intervals(VALUES)
    (first, _), (alone,) = compute_mean_intervals(VALUES), compute_mean_intervals(VALUES[:, :1])
    assert first == pytest.approx(alone)


def test_interval_of_many_normal_values_is_students():
    values = np.random.default_rng(1).normal(3, 2, (3000, 1))
    ((low, high),) = compute_mean_intervals(values)
    half_width = 1.96 * values.std() / np.sqrt(3000)
    assert (low, high) == pytest.approx((values.mean() - half_width, values.mean() + half_width), abs=0.2 * half_width)


def test_interval_of_more_examples_is_normal(monkeypatch):
    sampled = compute_mean_intervals(VALUES.repeat(20, axis=0))
    monkeypatch.setattr(bootstrap, "_MAX_SAMPLED_EXAMPLES", 100)
    for (low, high), (other_low, other_high) in zip(
        sampled, compute_mean_intervals(VALUES.repeat(20, axis=0)), strict=True
    ):
        assert (low, high) == pytest.approx((other_low, other_high), abs=0.2 * (high - low))


def test_interval_of_skewed_values_reaches_further_up():
    ((low, high), _) = compute_mean_intervals(VALUES)
    mean = VALUES[:, 0].mean()
    assert high - mean > 1.2 * (mean - low)


@given(st.integers(2, 5))
def test_whole_weights_change_an_interval_as_little_as_a_scale(factor):
    weights = np.random.default_rng(2).integers(1, 4, len(VALUES)).astype(float)
    expected = compute_mean_intervals(VALUES, weights)
    for ours, theirs in zip(compute_mean_intervals(VALUES, factor * weights), expected, strict=True):
        assert ours == pytest.approx(theirs)


@pytest.mark.parametrize("values", [np.ones((1, 1)), np.full((50, 1), 0.3), np.zeros((3, 1))])
def test_no_interval_of_one_example_or_equal_values(values):
    assert compute_mean_intervals(values) == [None]


def test_percentiles_of_a_mean_are_close_to_the_normal_interval():
    values = np.random.default_rng(3).normal(size=400)
    low, high = compute_percentile_interval(lambda counts: counts @ values / counts.sum(), 400)
    half_width = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half_width, values.mean() + half_width), abs=0.2 * half_width)


def test_counted_examples_have_the_interval_of_single_ones():
    values, counts = np.array([0.0, 1.0]), np.array([300, 100])
    low, high = compute_percentile_interval(lambda sample: sample @ values / sample.sum(), counts)
    assert (low, high) == pytest.approx((0.2075, 0.2925), abs=0.01)


@pytest.mark.parametrize("value", [1.0, np.nan])
def test_constant_and_missing_scores_have_no_percentiles(value):
    assert compute_percentile_interval(lambda _: value, 50) is None
