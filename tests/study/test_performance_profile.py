import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.study.performance_profile import MAX_TIME_RATIO, MIN_PROFILE_TASKS, compute_performance_profiles


def test_profile_of_two_values():
    times = {"adam": {"a": 10, "b": 20, "c": 30}, "sgd": {"a": 20, "b": 10, "c": math.inf}}
    profiles = compute_performance_profiles(times)
    assert profiles["adam"].steps == ((1.0, 2 / 3), (2.0, 1.0))
    assert profiles["adam"].score == pytest.approx((3 + 2 + 3) / 9)
    assert profiles["sgd"].steps == ((1.0, 1 / 3), (2.0, 2 / 3))


def test_equal_times_share_the_best_place():
    profiles = compute_performance_profiles({"adam": {"a": 5, "b": 5}, "sgd": {"a": 5, "b": 5}})
    assert profiles["adam"].score == profiles["sgd"].score == 1.0


def test_task_that_no_value_solves_counts_for_no_value():
    profiles = compute_performance_profiles({"adam": {"a": 5, "b": math.inf}, "sgd": {"a": 5}})
    assert profiles["adam"].score == profiles["sgd"].score == 0.5


def test_value_that_solves_no_task_in_time():
    profiles = compute_performance_profiles({"adam": {"a": 1}, "sgd": {"a": 5}})
    assert profiles["sgd"].steps == ((1.0, 0.0),)
    assert profiles["sgd"].score == 0.0


TIMES = st.one_of(st.just(math.inf), st.integers(1, 50).map(float))


@given(st.lists(st.tuples(TIMES, TIMES, TIMES), min_size=MIN_PROFILE_TASKS, max_size=6))
def test_score_is_the_integral_of_the_profile(rows):
    times = {name: dict(enumerate(column)) for name, column in zip("abc", zip(*rows, strict=True), strict=True)}
    grid = np.linspace(1, MAX_TIME_RATIO, 30_001)
    for name, profile in compute_performance_profiles(times).items():
        best = [min(row) for row in rows]
        ratios = np.array(
            [t / b if math.isfinite(t) else math.inf for t, b in zip(times[name].values(), best, strict=True)]
        )
        integral = np.mean([(ratios <= ratio).mean() for ratio in grid[::50]])
        assert profile.score == pytest.approx(integral, abs=0.01)
        assert 0 <= profile.score <= 1
