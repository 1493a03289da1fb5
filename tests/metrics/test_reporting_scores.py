"""Scores of the reporting half are computed from saved predictions, with the config and the inputs of the run."""

import numpy as np
import pytest

from dnn_cli.errors import RunError
from dnn_cli.metrics.prediction_scores import compute_scores
from dnn_cli.metrics.reporting_scores import compute_reporting_scores
from dnn_cli.metrics.saved_predictions import write_predictions
from dnn_cli.runs.target_scaling import TargetScaling

HALVES = "data.reporting_half=true"
BINARY = ["data.dataset=breast_cancer", "layers=[{type: Dense, units: 1, activation: sigmoid}]",
          "loss=binary_crossentropy", "metrics=[accuracy, auc, f1_score]", "metrics.2.threshold=0.5"]  # fmt: skip
REGRESSION = ["data.dataset=diabetes", "layers=[{type: Dense, units: 1}]", "loss=mse", "metrics=[mae, r2_score]"]
RANDOM = np.random.default_rng(0)
CLASSES, WEIGHTS = RANDOM.integers(0, 2, 30), RANDOM.random(30).astype(np.float32)
SHARES = RANDOM.random((30, 1)).astype(np.float32)
NUMBERS = (150 + 70 * RANDOM.normal(size=(30, 1))).astype(np.float32)


def save(run, outputs, labels, weights=None):
    write_predictions(run.reporting_predictions, outputs, labels, np.arange(len(labels)), weights)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("overrides", "outputs", "labels"), [(BINARY, SHARES, CLASSES), (REGRESSION, NUMBERS + 9, NUMBERS)],
    ids=["binary", "regression"],
)  # fmt: skip
def test_scores_are_those_of_the_saved_predictions(make_run, experiment, overrides, outputs, labels, weights):
    run = make_run(*overrides, HALVES)
    save(run, outputs, labels, weights)
    scores = compute_reporting_scores(run)
    assert scores == compute_scores(experiment(*overrides), outputs, labels, weights)
    assert len(scores) == 1 + len(experiment(*overrides).metrics)


def test_loss_of_standardized_targets_needs_their_scaling(make_run, monkeypatch):
    run = make_run(*REGRESSION, HALVES, "data.standardize_target=true")
    save(run, NUMBERS + 20, NUMBERS)
    with pytest.raises(RunError, match="lacks mean and deviation of the targets"):
        compute_reporting_scores(run)

    class Profile:
        target_scaling = TargetScaling(np.array([100], np.float32), np.array([10], np.float32))

    monkeypatch.setattr("dnn_cli.metrics.reporting_scores.read_input_profile", lambda run: Profile)
    scores = compute_reporting_scores(run)
    assert scores["loss"] == pytest.approx(4)
    assert scores["mean_absolute_error"] == pytest.approx(20)


def test_outputs_that_are_not_finite_have_no_scores(make_run):
    run = make_run(*REGRESSION, HALVES)
    save(run, np.where(NUMBERS[3] == NUMBERS, np.nan, NUMBERS), NUMBERS)
    assert compute_reporting_scores(run) == {}


def test_missing_and_damaged_predictions_are_errors(make_run):
    run = make_run(*REGRESSION, HALVES)
    with pytest.raises(RunError, match=r"reporting_predictions\.npz is missing") as error:
        compute_reporting_scores(run)
    assert "data.reporting_half=true" in error.value.suggestion
    save(run, NUMBERS[:-1], NUMBERS)
    with pytest.raises(RunError, match="different lengths"):
        compute_reporting_scores(run)
    np.savez(run.reporting_predictions, outputs=NUMBERS)
    with pytest.raises(RunError, match="is damaged"):
        compute_reporting_scores(run)
    run.reporting_predictions.write_bytes(b"PK")
    with pytest.raises(RunError, match="the predictions are damaged"):
        compute_reporting_scores(run)
