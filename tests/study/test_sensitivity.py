import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.study.sensitivity import MIN_SENSITIVITY_TRIALS, compute_sensitivity

FINAL_SCORES = [0.8, 0.9, 1.0]
"""Scores of final runs with a standard deviation of 0.1."""


def test_ends_lie_between_neighbouring_trials():
    trials = [(1e-4, 0.5), (1e-3, 0.7), (1e-2, 0.9), (1e-1, 0.9), (1e0, 0.1)]
    sensitivity = compute_sensitivity(trials, FINAL_SCORES, lower_is_better=False)
    assert sensitivity.best == (1e-2, 0.9)
    assert sensitivity.standard_error == pytest.approx(0.1)
    assert sensitivity.low == pytest.approx(10**-2.5)
    assert sensitivity.high == pytest.approx(10 ** (-1 + 0.125))
    assert sensitivity.decades == pytest.approx(1.625)
    assert not sensitivity.is_cut_low
    assert not sensitivity.is_cut_high


def test_losses_are_better_if_smaller():
    trials = [(1e-3, 0.7), (1e-2, 0.5), (1e-1, 0.7)]
    sensitivity = compute_sensitivity(trials, FINAL_SCORES, lower_is_better=True)
    assert sensitivity.best == (1e-2, 0.5)
    assert sensitivity.decades == pytest.approx(1.0)


def test_range_is_cut_at_the_edge_of_the_trials():
    sensitivity = compute_sensitivity([(1e-3, 0.9), (1e-2, 0.88), (1e-1, 0.1)], FINAL_SCORES, lower_is_better=False)
    assert sensitivity.is_cut_low
    assert not sensitivity.is_cut_high


def test_range_ends_at_the_last_trial_before_a_failed_trial():
    trials = [(1e-3, 0.1), (1e-2, 0.88), (1e-1, 0.9), (1e0, None)]
    sensitivity = compute_sensitivity(trials, FINAL_SCORES, lower_is_better=False)
    assert sensitivity.high == pytest.approx(1e-1)
    assert not sensitivity.is_cut_high
    assert sensitivity.points[-1] == (1e0, None)


def test_second_hill_is_outside_the_range():
    trials = [(1e-4, 0.9), (1e-3, 0.1), (1e-2, 0.91), (1e-1, 0.1)]
    assert compute_sensitivity(trials, FINAL_SCORES, lower_is_better=False).low > 1e-3


def test_equal_numbers_are_one_point():
    trials = [(1e-3, 0.1), (1e-2, 0.8), (1e-2, 0.9), (1e-1, 0.1)]
    assert compute_sensitivity(trials, FINAL_SCORES, lower_is_better=False).best == (1e-2, pytest.approx(0.85))


@pytest.mark.parametrize(
    ("trials", "final_scores"),
    [([(1e-3, 0.9), (1e-2, 0.8), (1e-1, None)], FINAL_SCORES), ([(1e-3, 0.9), (1e-2, 0.8), (1e-1, 0.7)], [0.9])],
)
def test_few_trials_or_seeds_give_no_sensitivity(trials, final_scores):
    assert compute_sensitivity(trials, final_scores, lower_is_better=False) is None


@given(st.lists(st.tuples(st.floats(1e-6, 1e2), st.floats(0, 1)), min_size=MIN_SENSITIVITY_TRIALS, max_size=20))
def test_best_trial_is_in_the_range_and_the_range_in_the_trials(trials):
    sensitivity = compute_sensitivity(trials, FINAL_SCORES, lower_is_better=False)
    if sensitivity is not None:
        numbers = [number for number, _ in trials]
        assert min(numbers) * (1 - 1e-9) <= sensitivity.low <= sensitivity.best[0] * (1 + 1e-9)
        assert sensitivity.best[0] * (1 - 1e-9) <= sensitivity.high <= max(numbers) * (1 + 1e-9)
        assert 0 <= sensitivity.decades <= 9 or math.isclose(sensitivity.decades, 0, abs_tol=1e-9)
