"""Errors of a regression, held against scikit-learn's figures."""

import numpy as np
import pytest
from sklearn import metrics

from dnn_cli.errors import RunError
from dnn_cli.metrics.regression import compute_regression_errors


def test_errors_of_each_target_equal_scikit_learn():
    rng = np.random.default_rng(0)
    labels = rng.normal(100, 20, (300, 2)).astype(np.float32)
    outputs = labels + rng.normal(3, 5, (300, 2)).astype(np.float32)
    errors_of_targets = compute_regression_errors(outputs, labels)
    assert len(errors_of_targets) == 2
    for at, target_errors in enumerate(errors_of_targets):
        true, predicted = labels[:, at].astype(np.float64), outputs[:, at].astype(np.float64)
        assert target_errors.mean_absolute == pytest.approx(metrics.mean_absolute_error(true, predicted))
        assert target_errors.root_mean_squared == pytest.approx(metrics.root_mean_squared_error(true, predicted))
        assert target_errors.median_absolute == pytest.approx(metrics.median_absolute_error(true, predicted))
        assert target_errors.largest == pytest.approx(metrics.max_error(true, predicted))
        assert target_errors.r2 == pytest.approx(metrics.r2_score(true, predicted))
        assert target_errors.bias == pytest.approx(3, abs=1)


def test_constant_target_has_no_r2():
    (target_errors,) = compute_regression_errors(np.array([[1.0], [3.0]]), np.array([[2.0], [2.0]]))
    assert target_errors.r2 is None
    assert (target_errors.mean_absolute, target_errors.bias, target_errors.true_deviation) == (1, 0, 0)


def test_outputs_of_a_different_shape_are_refused():
    with pytest.raises(RunError):
        compute_regression_errors(np.ones((3, 2)), np.ones((3, 1)))
