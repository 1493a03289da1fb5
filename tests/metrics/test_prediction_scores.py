"""Scores of outputs without TensorFlow equal those of Keras."""

import keras
import numpy as np
import pytest

from dnn_cli.config.metrics import Metric
from dnn_cli.metrics.prediction_scores import compute_scores
from dnn_cli.runs.target_scaling import TargetScaling

COUNT = 300
OVERRIDES = {
    "index": (
        "metrics=[accuracy, sparse_categorical_accuracy, {type: sparse_top_k_categorical_accuracy, k: 3}, "
        "sparse_categorical_crossentropy]",
        "loss=sparse_categorical_crossentropy",
    ),
    "one_hot": (
        "metrics=[accuracy, categorical_accuracy, {type: top_k_categorical_accuracy, k: 2}, auc, precision, f1_score, "
        "mean_squared_error, root_mean_squared_error, mean_absolute_error, "
        "{type: categorical_crossentropy, label_smoothing: 0.1}, kl_divergence, categorical_hinge, cosine_similarity, "
        "logcosh, {type: fbeta_score, beta: 2.0}, {type: precision_at_recall, recall: 0.4, class_id: 2}, "
        "{type: sensitivity_at_specificity, specificity: 0.8}]",
        "loss=categorical_crossentropy",
    ),
    "one_hot top_k": (
        "metrics=[{type: precision, top_k: 2, class_id: 1}, {type: recall, top_k: 3}, "
        "{type: f1_score, average: weighted, threshold: 0.2}, {type: auc, curve: PR}]",
        "loss=mse",
    ),
    "binary": (
        "data.dataset=breast_cancer",
        "metrics=[accuracy, {type: binary_accuracy, threshold: 0.3}, auc, precision, {type: recall, thresholds: 0.7}, "
        "{type: f1_score, threshold: 0.5, average: micro}, {type: fbeta_score, beta: 0.5, threshold: 0.4}, hinge, "
        "squared_hinge, {type: binary_crossentropy, label_smoothing: 0.1}, {type: precision_at_recall, recall: 0.8}, "
        "{type: recall_at_precision, precision: 0.8, num_thresholds: 20}, true_positives, true_negatives, "
        "{type: sensitivity_at_specificity, specificity: 0.8}, {type: false_positives, thresholds: 0.3}, "
        "{type: specificity_at_sensitivity, sensitivity: 0.9}, false_negatives]",
        "loss=binary_crossentropy",
    ),
    "binary PR": (
        "data.dataset=breast_cancer",
        "metrics=[{type: auc, curve: PR, summation_method: majoring, num_thresholds: 30}]",
        "loss=binary_crossentropy",
    ),
    "real": (
        "data.dataset=diabetes",
        "metrics=[mse, mae, mape, msle, root_mean_squared_error, r2_score, logcosh, poisson, cosine_similarity]",
        "loss=mse",
    ),
}
LAYERS = {
    "breast_cancer": "layers=[{type: Dense, units: 1, activation: sigmoid}]",
    "diabetes": "layers=[{type: Dense, units: 1}]",
}


def draw_outputs(experiment, rng):
    """Return outputs of a network, targets, and the targets that Keras receives."""
    if experiment.target_encoding == "real":
        targets = rng.lognormal(1, 1, (COUNT, 1)).astype(np.float32)
        # Outputs are positive, because `poisson` takes their logarithms.
        return np.abs(targets + rng.normal(0, 1, targets.shape)).astype(np.float32), targets, targets
    classes = len(experiment.data.info.classes)
    targets = rng.integers(0, classes, COUNT)
    if experiment.target_encoding == "binary":
        return rng.beta(1 + targets, 2 - targets)[:, None].astype(np.float32), targets, targets[:, None].astype(float)
    outputs = rng.dirichlet(np.ones(classes), COUNT) + 0.2 * np.eye(classes)[targets]
    outputs = (outputs / outputs.sum(1, keepdims=True)).astype(np.float32)
    return outputs, targets, targets if experiment.target_encoding == "index" else np.eye(classes)[targets]


def compute_keras_metric(metric, encoding, targets, outputs, weights):
    """Return the value of a metric by Keras."""
    built = metric.build_keras_object()
    if built == "accuracy":
        name = {"index": "SparseCategorical", "one_hot": "Categorical", "binary": "Binary"}[encoding]
        built = getattr(keras.metrics, f"{name}Accuracy")()
    built.update_state(targets, outputs, sample_weight=weights)
    return float(built.result())


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("words", OVERRIDES.values(), ids=OVERRIDES)
def test_scores_equal_keras(words, weighted, experiment):
    dataset = words[0].partition("data.dataset=")[2]
    output = "layers=[Flatten, {type: Dense, units: 10, activation: softmax}]"
    loaded = experiment(*words, LAYERS.get(dataset, output))
    rng = np.random.default_rng(4)
    outputs, targets, keras_targets = draw_outputs(loaded, rng)
    weights = rng.integers(0, 4, COUNT).astype(np.float32) if weighted else None
    scores = compute_scores(loaded, outputs, targets, weights)
    for metric in loaded.metrics:
        expected = compute_keras_metric(metric, loaded.target_encoding, keras_targets, outputs, weights)
        assert scores[metric.type] == pytest.approx(expected, rel=2e-5, abs=2e-6), metric.type
    expected = float(loaded.loss.build_keras_object()(keras_targets.astype("float32"), outputs, sample_weight=weights))
    assert scores["loss"] == pytest.approx(expected, rel=2e-5)


def test_every_metric_of_a_config_is_tested():
    text = " ".join(" ".join(words) for words in OVERRIDES.values())
    types = {cls.model_fields["type"].default for cls in Metric.__origin__.__args__}
    short = {"mean_absolute_percentage_error": "mape", "mean_squared_logarithmic_error": "msle"}
    assert not [name for name in types if short.get(name, name) not in text]


def test_a_score_that_is_no_number_is_left_out(experiment):
    loaded = experiment("data.dataset=diabetes", "metrics=r2_score", "loss=mse", LAYERS["diabetes"])
    targets = np.ones((3, 1), np.float32)
    assert "r2_score" not in compute_scores(loaded, targets, targets)


def test_loss_of_standardized_targets_has_their_scale(experiment):
    loaded = experiment("data.dataset=diabetes", "metrics=mse", "loss=mse", LAYERS["diabetes"])
    targets = np.array([[100.0], [300.0]], np.float32)
    scaling = TargetScaling(np.array([200], np.float32), np.array([50], np.float32))
    scores = compute_scores(loaded, targets + 25, targets, target_scaling=scaling)
    assert (scores["loss"], scores["mean_squared_error"]) == (0.25, 625)
