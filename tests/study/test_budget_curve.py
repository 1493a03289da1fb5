from itertools import combinations
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.study.budget_curve import BudgetCurve, compute_budget_curves, find_stable_trials

SCORES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=7)


@given(SCORES, st.booleans())
def test_curve_is_the_mean_best_of_all_draws(scores, lower_is_better):
    best = min if lower_is_better else max
    curve = compute_budget_curves({"adam": scores}, lower_is_better=lower_is_better)["adam"].expected_best
    for draws, expected in enumerate(curve, 1):
        assert expected == pytest.approx(fmean(map(best, combinations(scores, draws))), abs=1e-9)
    assert curve[-1] == best(scores)


def test_failed_trials_count_as_the_worst_score_of_all_values():
    curves = compute_budget_curves({"sgd": [0.9, None, float("nan")], "adam": [0.2, 0.8, 0.8]}, lower_is_better=False)
    assert curves["sgd"].failed == 2
    assert curves["sgd"].expected_best[0] == pytest.approx((0.9 + 0.2 + 0.2) / 3)
    assert curves["sgd"].expected_best[-1] == 0.9


def test_diverged_losses_count_as_the_worst_loss():
    curves = compute_budget_curves({"sgd": [float("inf"), 0.5], "adam": [3.0]}, lower_is_better=True)
    assert curves["sgd"].expected_best == (1.75, 0.5)


def test_study_without_scores_has_no_curves():
    assert compute_budget_curves({"sgd": [None, None], "adam": []}, lower_is_better=False) == {}


@pytest.mark.parametrize(
    ("sgd", "adam", "stable"),
    [
        ((1, 2, 3, 4), (2, 3, 4, 5), 1),
        ((3, 2, 3, 4), (2, 3, 4, 5), 2),
        ((1, 2, 5, 4), (2, 3, 4, 5), None),
        # Equal ends have no order.
        ((1, 4, 3, 5), (2, 3, 4, 5), 1),
        ((1,), (2,), None),
    ],
)
def test_number_of_trials_from_which_the_order_is_stable(sgd, adam, stable):
    assert find_stable_trials({"sgd": BudgetCurve(sgd, 0), "adam": BudgetCurve(adam, 0)}) == stable


def test_study_without_curves_has_no_stable_order():
    assert find_stable_trials({}) is None
