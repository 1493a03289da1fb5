import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.comparison_points import parse_comparison_point
from dnn_cli.compare.score_resolution import compute_resolution
from dnn_cli.compare.verdicts import NO_VERDICTS
from dnn_cli.study.tuning_noise import estimate_tuning_spread, judge_with_tuning_noise
from tests.helpers.random_groups import make_groups
from tests.helpers.simulated_studies import SCORE_MODELS, TuningRule, draw_trial_offsets, simulate_tuning


def draw_finalists(true_scores, seeds, values=200):
    rng = np.random.default_rng(0)
    return [np.array(true_scores)[:, None] + rng.normal(0, 1, (len(true_scores), seeds)) for _ in range(values)]


def test_equal_finalists_have_little_spread():
    assert estimate_tuning_spread(draw_finalists([0.0, 0.0, 0.0, 0.0], 12)) < 0.06


def test_clearly_best_finalist_has_no_spread():
    assert estimate_tuning_spread(draw_finalists([0.0, -9.0, -9.0], 12)) < 0.01


def test_spread_is_about_that_of_repeated_choices():
    finalists = draw_finalists([0.0, -0.2, -0.4, -0.6], 8)
    chosen = [np.array([0.0, -0.2, -0.4, -0.6])[scores.mean(-1).argmax()] for scores in finalists]
    assert estimate_tuning_spread(finalists) == pytest.approx(np.std(chosen), rel=0.4)


@pytest.mark.parametrize("finalists", [[], [np.zeros((1, 5))], [np.zeros((4, 1))], [np.ones((4, 5))]])
def test_finalists_without_variance_have_no_spread(finalists):
    assert estimate_tuning_spread(finalists) == 0.0


def compare_scores(scores):
    """Return a comparison of one group for each row of scores, with paired seeds."""
    groups = make_groups(np.array(scores), paired=True)
    point, resolution = parse_comparison_point("final"), compute_resolution([1.0], [0])
    return Comparison("val_accuracy", point, (), tuple(groups), (), NO_VERDICTS, (), (), resolution)


@given(st.integers(2, 6), st.integers(3, 10), st.floats(0, 0.05), st.integers(0, 1000))
def test_tuning_noise_widens_intervals_and_keeps_means(values, seeds, spread, number):
    comparison = compare_scores(np.random.default_rng(number).normal(0.9, 0.01, (values, seeds)))
    sure = judge_with_tuning_noise(comparison, 0.0).verdict_set.verdicts
    careful = judge_with_tuning_noise(comparison, spread).verdict_set.verdicts
    for before, after in zip(sure, careful, strict=True):
        assert after.group is before.group
        assert after.difference.mean == pytest.approx(before.difference.mean)
        assert after.p_value >= before.p_value - 1e-12
        if before.difference.interval:
            low, high = before.difference.interval
            assert after.difference.interval[1] - after.difference.interval[0] >= (high - low) * (1 - 1e-6)


def test_difference_within_the_tuning_noise_names_no_winner():
    rng = np.random.default_rng(0)
    comparison = compare_scores([rng.normal(0.90, 0.001, 10), rng.normal(0.898, 0.001, 10)])
    (sure,) = judge_with_tuning_noise(comparison, 0.0).verdict_set.verdicts
    (careful,) = judge_with_tuning_noise(comparison, 0.002).verdict_set.verdicts
    assert (sure.word, careful.word) == ("worse", "indistinguishable")


def test_pair_without_bad_seeds_is_judged_by_its_own_spread():
    """A value with a bad seed does not make the verdict on two other values surer."""
    rng = np.random.default_rng(0)
    pair = [rng.normal(0.90, 0.001, 12), rng.normal(0.8985, 0.001, 12)]
    bad = np.where(np.arange(12) == 0, 0.2, 0.8)
    alone = judge_with_tuning_noise(compare_scores(pair), 0.001).verdict_set.verdicts[0]
    with_bad = judge_with_tuning_noise(compare_scores([*pair, bad]), 0.001).verdict_set.verdicts[0]
    assert with_bad.difference.interval == pytest.approx(alone.difference.interval)


def test_more_tuning_seeds_choose_better_settings():
    """The simulation behind `python -m tests.stress study_error_rate` has the noise that it shall have."""
    rng, model = np.random.default_rng(0), SCORE_MODELS["normal"]
    offsets = draw_trial_offsets(rng, 300, 20)
    regrets = [
        float((offsets.max(-1, keepdims=True) - simulate_tuning(rng, model, offsets, 2, rule).offsets).mean())
        for rule in (TuningRule(is_ideal=True), TuningRule(finalists=6, seeds=12), TuningRule())
    ]
    assert regrets[0] == 0
    assert 0 < regrets[1] < 0.2 < regrets[2] < 0.6
