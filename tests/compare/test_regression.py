"""Errors of a regression, held against scikit-learn's figures."""

import numpy as np
import pytest
from sklearn import metrics

from dnn_cli.compare.regression import errors
from dnn_cli.errors import RunError


def test_figures_are_scikit_learns_for_each_target():
    rng = np.random.default_rng(0)
    labels = rng.normal(100, 20, (300, 2)).astype(np.float32)
    outputs = labels + rng.normal(3, 5, (300, 2)).astype(np.float32)
    found = errors(outputs, labels)
    assert len(found) == 2
    for at, one in enumerate(found):
        true, predicted = labels[:, at].astype(np.float64), outputs[:, at].astype(np.float64)
        assert one.mean_absolute == pytest.approx(metrics.mean_absolute_error(true, predicted))
        assert one.root_mean_squared == pytest.approx(metrics.root_mean_squared_error(true, predicted))
        assert one.median_absolute == pytest.approx(metrics.median_absolute_error(true, predicted))
        assert one.largest == pytest.approx(metrics.max_error(true, predicted))
        assert one.r2 == pytest.approx(metrics.r2_score(true, predicted))
        assert one.bias == pytest.approx(3, abs=1)


def test_a_target_that_is_always_the_same_has_no_variance_to_explain():
    (found,) = errors(np.array([[1.0], [3.0]]), np.array([[2.0], [2.0]]))
    assert found.r2 is None
    assert (found.mean_absolute, found.bias, found.true_deviation) == (1, 0, 0)


def test_outputs_of_another_shape_are_refused():
    with pytest.raises(RunError):
        errors(np.ones((3, 2)), np.ones((3, 1)))
