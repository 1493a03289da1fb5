import math

import pytest

from dnn_cli.study.target import EpochCurve, choose_target, compute_target_times


def make_curves(*scores_of_seeds):
    """Return the curves of one value, whose epochs take 2 s and 10 steps each."""
    return {seed: EpochCurve(tuple(scores), (2.0,) * len(scores), 10) for seed, scores in enumerate(scores_of_seeds)}


@pytest.mark.parametrize(
    ("ends", "lower_is_better", "target"),
    [
        ([0.9, 0.8, 0.7], False, 0.8),
        ([0.9, 0.8, 0.7, 0.6, 0.5], False, 0.7),
        ([0.9, 0.8], False, 0.9),
        ([0.9, 0.8, 0.7, 0.6], False, 0.8),
        ([0.1, 0.2, 0.3], True, 0.2),
    ],
)
def test_auto_target_is_reached_by_half_of_the_values(ends, lower_is_better, target):
    curves = {str(number): make_curves([0.5, end]) for number, end in enumerate(ends)}
    assert choose_target(curves, lower_is_better=lower_is_better) == target


def test_value_counts_with_its_median_seed():
    curves = {"adam": make_curves([0.9], [0.7], [0.8]), "sgd": make_curves([0.1])}
    assert choose_target(curves, lower_is_better=False) == 0.8
    # Of two middle seeds, the worse one is reached by half of the seeds.
    assert choose_target({"adam": make_curves([0.9], [0.7])}, lower_is_better=False) == 0.7


def test_diverged_values_count_as_worst():
    curves = {"adam": make_curves([math.nan]), "sgd": make_curves([0.8]), "rmsprop": make_curves([0.9])}
    assert choose_target(curves, lower_is_better=False) == 0.8
    assert choose_target({"adam": make_curves([math.nan], [math.inf])}, lower_is_better=True) is None
    assert choose_target({}, lower_is_better=True) is None


def test_times_to_the_target():
    curves = {"adam": make_curves([0.5, 0.8, 0.7], [0.8, 0.9], [0.1, 0.2]), "sgd": make_curves([0.1], [0.8])}
    times = compute_target_times(curves, 0.8, lower_is_better=False)
    adam = times["adam"]
    assert (adam.epochs, adam.steps, adam.seconds, adam.reached, adam.seeds) == (2, 20, 4.0, 2, 3)
    assert times["sgd"].share == 0.5
    assert math.isinf(times["sgd"].epochs)
    assert math.isinf(times["sgd"].seconds)


def test_infinite_scores_reach_no_target():
    assert (
        compute_target_times({"sgd": make_curves([math.inf, -math.inf])}, 0.5, lower_is_better=True)["sgd"].reached == 0
    )
