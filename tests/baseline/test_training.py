"""Baselines equal the models of scikit-learn that are trained by hand on the same examples."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from dnn_cli.baseline import training
from dnn_cli.baseline.methods import METHODS, Effort
from dnn_cli.baseline.training import select_training_examples, train_baseline
from dnn_cli.data.examples import load_examples, split_examples

ONE_OUTPUT = ("data.dataset=breast_cancer", "layers=[{type: Dense, units: 1, activation: sigmoid}]")
BINARY = (*ONE_OUTPUT, "loss=binary_crossentropy", "data.stratify=true")
NUMBERS = ("data.dataset=diabetes", "layers=[{type: Dense, units: 1}]", "loss=mse", "metrics=mae")


def load(experiment):
    examples = load_examples(experiment.data)
    return examples, split_examples(experiment.data, examples)


def train(experiment, name):
    return train_baseline(experiment, *load(experiment), METHODS[name])


def fit_by_hand(model, experiment, weights=None):
    """Fit a model on the training examples; return it with the inputs and targets of the validation examples."""
    examples, split = load(experiment)
    rows = examples.inputs.reshape(len(examples), -1).astype(float)
    last = f"{model.steps[-1][0]}__" if hasattr(model, "steps") else ""
    arguments = {} if weights is None else {f"{last}sample_weight": weights(examples.targets[split.train])}
    with threadpool_limits(1):
        model.fit(rows[split.train], examples.targets[split.train].squeeze(), **arguments)
    return model, rows[split.validation], examples.targets[split.validation].squeeze()


def test_linear_classifier_is_logistic_regression_on_standardized_inputs(experiment):
    loaded = experiment()
    model, inputs, targets = fit_by_hand(make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)), loaded)
    trained = train(loaded, "linear")
    assert trained.outputs == pytest.approx(model.predict_proba(inputs), abs=1e-6)
    assert trained.scores["val_accuracy"] == model.score(inputs, targets)
    assert trained.scores["val_loss"] == pytest.approx(log_loss(targets, model.predict_proba(inputs)), rel=1e-4)
    assert trained.notes == ()


def test_boosting_is_that_of_scikit_learn(experiment):
    loaded = experiment(*BINARY)
    settings = {"early_stopping": False, "random_state": 0}
    model, inputs, _ = fit_by_hand(HistGradientBoostingClassifier(**settings), loaded)
    assert train(loaded, "boosting").outputs == pytest.approx(model.predict_proba(inputs)[:, 1:], abs=1e-6)


@pytest.mark.parametrize("name", ["linear", "boosting"])
def test_regressions_are_those_of_scikit_learn(name, experiment):
    loaded = experiment(*NUMBERS)
    model = {
        "linear": make_pipeline(StandardScaler(), Ridge()),
        "boosting": HistGradientBoostingRegressor(early_stopping=False, random_state=0),
    }[name]
    model, inputs, targets = fit_by_hand(model, loaded)
    trained = train(loaded, name)
    assert trained.outputs[:, 0] == pytest.approx(model.predict(inputs), rel=1e-5)
    expected = np.abs(model.predict(inputs) - targets).mean()
    assert trained.scores["val_mean_absolute_error"] == pytest.approx(expected, rel=1e-5)


def test_constant_predicts_class_shares_and_means(experiment):
    loaded = experiment(*NUMBERS)
    examples, split = load(loaded)
    assert train(loaded, "constant").outputs == pytest.approx(np.full((89, 1), examples.targets[split.train].mean()))
    trained = train(experiment(*BINARY, "class_weight=balanced"), "constant")
    assert trained.scores["val_accuracy"] == pytest.approx(72 / 114)


def test_loss_of_standardized_targets_has_their_scale(experiment):
    trained = train(experiment(*NUMBERS, "loss=mse", "data.standardize_target=true"), "constant")
    assert trained.scores["loss"] == pytest.approx(1)
    plain = train(experiment(*NUMBERS, "loss=mse"), "constant")
    assert trained.scores["val_mean_absolute_error"] == plain.scores["val_mean_absolute_error"]


def test_class_weights_are_sample_weights(experiment):
    loaded = experiment(*BINARY, "class_weight={malignant: 5}")
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model, inputs, _ = fit_by_hand(model, loaded, lambda targets: np.where(targets == 0, 5.0, 1.0))
    assert train(loaded, "linear").outputs == pytest.approx(model.predict_proba(inputs)[:, 1:], abs=1e-6)


def test_logits_are_outputs_of_a_loss_that_takes_logits(experiment):
    probabilities = train(experiment(*BINARY), "linear").outputs
    loss = "loss={type: binary_crossentropy, from_logits: true}"
    logits = train(experiment(BINARY[0], "layers=[{type: Dense, units: 1}]", loss, BINARY[3]), "linear").outputs
    inner = (probabilities > 1e-4) & (probabilities < 1 - 1e-4)
    assert 1 / (1 + np.exp(-logits[inner])) == pytest.approx(probabilities[inner], abs=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_a_baseline_depends_on_the_data_and_not_on_the_seed(name, experiment):
    first, second = (train(experiment(*NUMBERS, f"seed={seed}"), name) for seed in (1, 2))
    assert np.array_equal(first.outputs, second.outputs)


@pytest.mark.parametrize("name", ["linear", "boosting"])
@pytest.mark.parametrize("is_classification", [False, True])
def test_limits_keep_small_data_whole_and_bound_the_work_on_large_data(name, is_classification):
    choose = METHODS[name].choose_effort
    assert choose(1000, 20, 1, is_classification).examples == 1000
    large = choose(10**8, 1000, 10, is_classification)
    assert large.examples <= 10**5
    assert choose(10**8, 1000, 10, is_classification) == large


def test_outputs_do_not_depend_on_the_size_of_blocks(experiment, monkeypatch):
    loaded = experiment()
    trained = train(loaded, "linear")
    examples, split = load(loaded)
    monkeypatch.setattr(training, "_MAX_DOUBLE_VALUES", 64 * 7)
    assert trained.predict(examples.inputs[split.validation]) == pytest.approx(trained.outputs, abs=1e-6)


def test_a_subsample_keeps_the_shares_of_classes_and_is_reported(experiment):
    loaded = experiment()
    examples, split = load(loaded)
    chosen = select_training_examples(loaded, examples, split, 200)
    assert len(set(chosen.tolist()) & set(split.train.tolist())) == 200
    assert np.abs(np.bincount(examples.targets[chosen]) - 20).max() <= 1
    method = replace(METHODS["linear"], choose_effort=lambda *sizes: Effort(200, 2))
    notes = train_baseline(loaded, examples, split, method).notes
    assert notes == (
        "trained on 200 of 1,437 training examples, to limit time and memory",
        "stopped after 2 steps of the solver, before it converged",
    )
