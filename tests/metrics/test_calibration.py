"""Calibration scores against scikit-learn and direct formulas, and temperatures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve

from dnn_cli.errors import UsageError
from dnn_cli.metrics.calibration import compute_calibration, compute_reliability_bins
from dnn_cli.metrics.calibration_interval import compute_calibration_interval
from dnn_cli.metrics.classification import compute_class_probabilities
from dnn_cli.metrics.temperature import apply_temperature, fit_temperature
from tests.helpers.random_groups import compute_allowed_count
from tests.helpers.settings import RUN_ALL_CASES


def draw_logits(count, classes, temperature, seed):
    """Return logits and targets; the calibrated probabilities are those of the logits divided by the temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (count, classes))
    exponentials = np.exp(logits)
    shares = exponentials / exponentials.sum(1, keepdims=True)
    targets = (rng.random((count, 1)) > shares.cumsum(1)).sum(1)
    return temperature * logits, np.minimum(targets, classes - 1)


def to_probabilities(logits):
    return compute_class_probabilities(logits, logits=True)


@pytest.mark.parametrize("classes", [2, 5])
def test_scores_equal_scikit_learn(classes):
    logits, targets = draw_logits(500, classes, 2.0, 0)
    shares = to_probabilities(logits)
    calibration = compute_calibration(shares, targets)
    brier = metrics.brier_score_loss(targets, shares[:, 1] if classes == 2 else shares, scale_by_half=classes == 2)
    assert calibration.brier.value == pytest.approx(brier, abs=1e-6)
    assert calibration.log_loss.value == pytest.approx(metrics.log_loss(targets, shares), abs=1e-6)
    for score in (calibration.brier, calibration.log_loss):
        assert score.interval[0] < score.value < score.interval[1]


@pytest.mark.parametrize(("classes", "largest"), [(2, 1), (3, 2)])
def test_interval_of_the_brier_score_ends_at_its_largest_value(classes, largest):
    """Samples without the one wrong prediction vary little, so that their errors are tiny multiples of the distance."""
    targets = np.arange(40) % classes
    certain = np.random.default_rng(0).uniform(0.99, 0.9999, 40)
    shares = np.repeat((1 - certain)[:, None] / (classes - 1), classes, 1)
    shares[np.arange(40), np.where(np.arange(40) == 7, (targets + 1) % classes, targets)] = certain
    low, high = compute_calibration(shares, targets).brier.interval
    assert 0 <= low < high <= largest


def test_calibration_error_is_the_weighted_distance_of_15_equal_bins():
    logits, targets = draw_logits(150, 4, 3.0, 1)
    shares = to_probabilities(logits)
    order = np.argsort(shares.max(1)).reshape(15, 10)
    right = shares.argmax(1) == targets
    expected = np.abs(shares.max(1)[order].mean(1) - right[order].mean(1)).mean()
    calibration = compute_calibration(shares, targets)
    assert calibration.error.value == pytest.approx(expected, abs=1e-12)
    assert [part.examples for part in calibration.bins] == [10] * 15


def test_bins_equal_the_calibration_curve_of_scikit_learn():
    """The quantiles of scikit-learn divide a multiple of 15 examples into equal bins."""
    logits, targets = draw_logits(300, 3, 2.0, 1)
    shares = to_probabilities(logits)
    right = shares.argmax(1) == targets
    bins = compute_reliability_bins(shares.max(1), right)
    accuracies, confidences = calibration_curve(right, shares.max(1), n_bins=15, strategy="quantile")
    assert [part.accuracy for part in bins] == pytest.approx(accuracies, abs=1e-6)
    assert [part.confidence for part in bins] == pytest.approx(confidences, abs=1e-6)


def test_order_of_examples_with_equal_confidence_does_not_matter():
    confidences, right = np.full(60, 0.7), np.arange(60) < 40
    bins = compute_reliability_bins(confidences, right)
    assert [part.accuracy for part in bins] == pytest.approx([2 / 3] * 15)
    assert bins == compute_reliability_bins(confidences, right[::-1])


def test_few_examples_have_no_interval():
    logits, targets = draw_logits(30, 3, 1.0, 2)
    shares = to_probabilities(logits)
    assert compute_calibration(shares[:29], targets[:29]).error.interval is None
    low, high = compute_calibration(shares, targets).error.interval
    assert low == 0 < high


@pytest.mark.parametrize("temperature", [0.7, 1.0, 3.0])
def test_interval_contains_the_true_calibration_error_as_often_as_it_says(temperature):
    """The true error of a calibrated model is 0. The campaign `interval_coverage` has other accuracies and numbers."""

    def compute_error(count, seed):
        logits, targets = draw_logits(count, 3, temperature, seed)
        return compute_calibration(to_probabilities(logits), targets, with_samples=False).error

    evaluations = 1000 if RUN_ALL_CASES else 60
    true_error = 0.0 if temperature == 1 else compute_error(200_000, evaluations).value
    intervals = [compute_error(300, seed).interval for seed in range(evaluations)]
    missed = sum(not low <= true_error <= high for low, high in intervals)
    assert missed <= compute_allowed_count(evaluations)


def test_interval_of_a_perfect_prediction_follows_from_the_number_of_examples():
    """Without errors among n examples, the 97.5% limit of the error rate is 1 - 0.025^(1/n)."""
    shares, targets = np.eye(3)[np.arange(300) % 3], np.arange(300) % 3
    low, high = compute_calibration(shares, targets).error.interval
    assert (low, high) == (0, pytest.approx(1 - 0.025 ** (1 / 300), rel=0.1))


def test_many_examples_have_the_interval_of_normal_bins():
    """Bins of 1,000 examples are binomial, and larger bins normal: both intervals agree."""
    confidences, accuracies = np.linspace(0.4, 0.95, 15), np.linspace(0.35, 0.97, 15)
    binomial, normal = (
        compute_calibration_interval(np.full(15, count), confidences, accuracies) for count in (1000.0, 1001.0)
    )
    assert binomial == pytest.approx(normal, abs=2e-4)


def test_interval_of_an_overconfident_model_excludes_0():
    logits, targets = draw_logits(1000, 3, 4.0, 3)
    error = compute_calibration(to_probabilities(logits), targets).error
    assert 0.05 < error.interval[0] < error.value <= error.interval[1]


@pytest.mark.parametrize("temperature", [0.5, 3.0])
@pytest.mark.parametrize("form", ["logits", "probabilities"])
def test_fitted_temperature_is_the_true_one(temperature, form):
    logits, targets = draw_logits(20_000, 3, temperature, 4)
    outputs = logits if form == "logits" else to_probabilities(logits)
    assert fit_temperature(outputs, targets, logits=form == "logits") == pytest.approx(temperature, rel=0.05)


def test_single_output_has_the_temperature_of_two_outputs():
    logits, targets = draw_logits(2000, 2, 2.0, 5)
    single = logits[:, 1:] - logits[:, :1]
    temperature = fit_temperature(logits, targets, logits=True)
    assert fit_temperature(single, targets, logits=True) == pytest.approx(temperature, rel=1e-5)
    share = compute_class_probabilities(single, logits=True)[:, 1:]
    assert fit_temperature(share, targets, logits=False) == pytest.approx(temperature, rel=1e-5)
    assert apply_temperature(share, temperature, logits=False)[:, 0] == pytest.approx(
        to_probabilities(apply_temperature(logits, temperature, logits=True))[:, 1], abs=1e-6
    )


@given(st.floats(0.1, 10), st.integers(0, 10))
def test_temperature_keeps_the_classes_and_inverts(temperature, seed):
    logits, _ = draw_logits(50, 4, 1.0, seed)
    shares = to_probabilities(logits)
    scaled = apply_temperature(shares, temperature, logits=False)
    assert scaled.sum(1) == pytest.approx(np.ones(50), abs=1e-5)
    assert (scaled.argmax(1) == shares.argmax(1)).all()
    assert apply_temperature(shares, 1.0, logits=False) == pytest.approx(shares, abs=1e-6)


def test_probabilities_of_0_and_1_stay_finite():
    for outputs in (np.array([[0.0, 1.0]]), np.array([[1.0]]), np.array([[0.0]])):
        assert np.isfinite(apply_temperature(outputs, 1.5, logits=False)).all()


def test_temperature_of_perfect_predictions_is_refused():
    with pytest.raises(UsageError, match="all predictions are right"):
        fit_temperature(np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([0, 1]), logits=True)
