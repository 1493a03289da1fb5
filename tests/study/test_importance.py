import sys

import numpy as np
import pytest

from dnn_cli.study.importance import MIN_IMPORTANCE_TRIALS, TunedRange, compute_importance

RANGES = {"optimizer.learning_rate": TunedRange(1e-5, 1e-1), "optimizer.epsilon": TunedRange(1e-9, 1e-3)}


def make_trials(count, failed=0):
    """Return trials whose score depends on the learning rate alone, in random points with a fixed seed."""
    rng = np.random.default_rng(0)
    trials = [
        ({"optimizer.learning_rate": 10**rate, "optimizer.epsilon": 10**epsilon}, -((rate + 3) ** 2))
        for rate, epsilon in zip(rng.uniform(-5, -1, count), rng.uniform(-9, -3, count), strict=True)
    ]
    return [(numbers, None if index < failed else score) for index, (numbers, score) in enumerate(trials)]


@pytest.mark.parametrize("lower_is_better", [False, True])
def test_key_that_decides_the_score_is_the_most_important(lower_is_better):
    pytest.importorskip("optuna")
    trials = make_trials(40)
    if lower_is_better:
        trials = [(numbers, -score) for numbers, score in trials]
    shares = compute_importance(trials, RANGES, lower_is_better=lower_is_better).shares
    assert next(iter(shares)) == "optimizer.learning_rate"
    assert shares["optimizer.learning_rate"] > 0.7
    assert sum(shares.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("trials", "ranges", "reason"),
    [
        (make_trials(25, failed=6), RANGES, "too few trials: 19 finite scores, 20 needed"),
        (make_trials(25), {"optimizer.learning_rate": TunedRange(1e-5, 1e-1)}, "a single key is tuned"),
        ([(numbers, 0.5) for numbers, _ in make_trials(25)], RANGES, "all trials have the same score"),
    ],
)
def test_reasons_for_an_unknown_importance(trials, ranges, reason):
    importance = compute_importance(trials, ranges, lower_is_better=False)
    assert importance.shares is None
    assert importance.reason == reason


def test_missing_optuna_is_a_reason(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    importance = compute_importance(make_trials(MIN_IMPORTANCE_TRIALS), RANGES, lower_is_better=False)
    assert importance.reason == "Optuna is not installed: pip install 'dnn-cli[optuna]'"
