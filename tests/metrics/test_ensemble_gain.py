"""Intervals of the gain of an ensemble: coverage, and examples without information."""

import numpy as np
import pytest

from dnn_cli.metrics.averaged_predictions import TargetExamples
from dnn_cli.metrics.ensemble_gain import compute_gains
from tests.helpers.ensemble_cases import draw_pool, load_case, measure_gain_coverage
from tests.helpers.settings import RUN_ALL_CASES

ENSEMBLES = 300 if RUN_ALL_CASES else 100
MAX_MISSES = 21 if RUN_ALL_CASES else 9
"""Largest number of intervals without the true gain, which a true rate of 5% exceeds in fewer than 5% of cases."""


@pytest.mark.parametrize(
    ("is_regression", "metrics", "rate", "count"),
    [(False, "accuracy", 0.9, 30), (True, "mae", 0.9, 30), (True, "mae", 0.5, 10)],
    ids=["classes", "numbers", "few numbers"],
)
def test_intervals_contain_the_true_gain(tmp_path, is_regression, metrics, rate, count):
    experiment = load_case(tmp_path, is_regression=is_regression, metrics=metrics)
    for name, coverage in measure_gain_coverage(experiment, rate, count, ENSEMBLES).items():
        if name != "accuracy" or count > 100:
            assert coverage.intervals - coverage.covered <= MAX_MISSES, name


def compute_pool_gains(experiment, rows):
    pool, members = draw_pool(experiment, 0.9)
    examples, parts = pool.select(rows), [member[rows] for member in members]
    scored = [(part, examples.compute_scores(part)) for part in parts]
    mean = np.mean(parts, axis=0)
    return compute_gains(examples, (mean, examples.compute_scores(mean)), scored)


def test_metrics_that_are_not_means_have_intervals(tmp_path):
    experiment = load_case(tmp_path, is_regression=True, metrics="root_mean_squared_error, r2_score")
    gains = compute_pool_gains(experiment, np.arange(40))
    for name in ("root_mean_squared_error", "r2_score"):
        low, high = gains[name].interval
        assert low < gains[name].value < high
    assert compute_pool_gains(experiment, np.arange(40)) == gains


def test_equal_members_have_no_gain_and_no_interval(tmp_path):
    experiment = load_case(tmp_path, is_regression=True, metrics="mae, r2_score")
    targets = np.arange(20.0).reshape(-1, 1)
    examples, outputs = TargetExamples(experiment, targets), targets + 1
    scored = outputs, examples.compute_scores(outputs)
    for gain in compute_gains(examples, scored, [scored, scored]).values():
        assert gain.value == 0 and gain.interval is None


def test_one_example_has_no_interval(tmp_path):
    experiment = load_case(tmp_path, is_regression=True, metrics="mae")
    assert {gain.interval for gain in compute_pool_gains(experiment, np.arange(1)).values()} == {None}
