"""Every task, and what an experiment can ask of a training, against plain Keras and scikit-learn."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import sklearn.datasets
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.training.benchmark import Contender
from dnn_cli.training.training_job import prepare_job

SOFTMAX = "{type: Dense, units: 3, activation: softmax}"
SIGMOID = "{type: Dense, units: 1, activation: sigmoid}"
TASKS = {
    "classes, standardized": ["data={dataset: wine, standardize: true}", f"layers=[{SOFTMAX}]"],
    "classes that count differently": ["data={dataset: iris}", f"layers=[{SOFTMAX}]", "class_weight={setosa: 3, 1: 0}"],
    "two classes, balanced": [
        "data={dataset: breast_cancer, standardize: true}", f"layers=[{SIGMOID}]", "loss=binary_crossentropy",
        "metrics=[accuracy, auc, precision, recall, {type: f1_score, threshold: 0.5}]", "class_weight=balanced",
        "jit=false",  # XLA takes seconds to compile as many metrics
    ],
    "regression": [
        "data={dataset: diabetes, standardize: true}", "layers=[{type: Dense, units: 1}]", "loss=huber",
        "metrics=[mae, mse, root_mean_squared_error, mape, msle, r2_score]", "optimizer={type: adam, learning_rate: 1}",
    ],
    "augmented images": [
        "layers=[{type: Reshape, target_shape: [8, 8, 1]}, RandomFlip, {type: RandomRotation, factor: 0.1},"
        " {type: RandomTranslation, height_factor: 0.1, width_factor: 0.2}, {type: RandomZoom, height_factor: 0.2},"
        " Flatten, {type: Dense, units: 10, activation: softmax}]",
    ],
    "flipped images": [
        "layers=[{type: Reshape, target_shape: [8, 8, 1]}, RandomFlip, Flatten, {type: Dense, units: 10, activation:"
        " softmax}]",
    ],
    "every metric of classes": [
        "data.dataset=iris", f"layers=[{SOFTMAX}]", "loss=categorical_crossentropy",
        "metrics=[f1_score, auc, {type: recall, class_id: 2}, {type: precision, top_k: 2}, {type:"
        " top_k_categorical_accuracy, k: 2}]", "jit=false",
    ],
}  # fmt: skip


def build_job(experiment):
    examples = load_examples(experiment.data)
    return prepare_job(experiment, examples, split_examples(experiment.data, examples))


@pytest.mark.parametrize("overrides", TASKS.values(), ids=TASKS)
def test_every_task_matches_plain_fit(experiment, overrides):
    job = build_job(experiment("optimizer=adam", *overrides))
    ours, plain = Contender(job, job.plan), Contender(job, replace(job.plan, engine="keras", steps=1))
    for number in range(3):
        ours.run_epoch(number)
        plain.run_epoch(number)
    for our_weights, their_weights in zip(ours.get_weights(), plain.get_weights(), strict=True):
        assert np.array_equal(our_weights, their_weights)


def test_class_weights_match_keras(experiment):
    """Keras's argument works on arrays alone; the order is that of one whole batch."""
    new_experiment = experiment(
        "data.dataset=iris",
        f"layers=[{SOFTMAX}]",
        "class_weight={setosa: 3, 1: 0}",
        "batch_size=120",
        "optimizer=sgd",
        "jit=false",
    )
    job = build_job(new_experiment)
    ours, theirs = Contender(job, job.plan), Contender(job, replace(job.plan, engine="keras", steps=1))
    ours.run_epoch(0)
    iris, order = (
        sklearn.datasets.load_iris(),
        np.concatenate(list(ours.pipeline.build_shuffled_order(job.split.train, job.experiment.seed)(0)[None])),
    )
    theirs.model.fit(iris.data[order].astype(np.float32), iris.target[order], batch_size=120, verbose=0, shuffle=False,
                     class_weight={0: 3.0, 1: 0.0, 2: 1.0})  # fmt: skip
    for our_weights, their_weights in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert np.allclose(our_weights, their_weights, rtol=1e-5, atol=1e-7)


def test_inputs_are_standardized_by_training_examples_only(experiment):
    job = build_job(experiment("data={dataset: wine, standardize: true}", f"layers=[{SOFTMAX}]"))
    wine = sklearn.datasets.load_wine()
    train, validation = train_test_split(wine.data.astype(np.float32), test_size=0.2, random_state=42)
    expected = StandardScaler().fit(train).transform(validation)
    pipeline = Contender(job, job.plan).pipeline
    (batch,) = [inputs for inputs, _ in pipeline.build_batches(pipeline.build_fixed_order(job.split.validation[:32]))]
    assert np.allclose(batch, expected[:32], rtol=1e-4, atol=1e-5)


class CompletedRun:
    """A training whose validation scores are foretold."""

    def __init__(self, trained, experiment, *overrides):
        self.run, self.record, self.reporter = trained(experiment(*overrides))
        self.rows = self.run.read_metrics()


def test_early_stopping_ends_training_with_a_reason(trained, experiment):
    stopped = CompletedRun(trained, experiment, "epochs=40", "optimizer={type: sgd, learning_rate: 1e-7}",
                      "early_stopping={monitor: val_accuracy, patience: 2}")  # fmt: skip
    assert stopped.record.status == "completed"
    assert stopped.record.reason == "stopped early: val_accuracy did not improve for 2 epochs"
    assert len(stopped.rows) == stopped.record.epochs == 3


def test_restored_best_weights_are_saved(trained, experiment):
    watched = "early_stopping={monitor: val_loss, patience: 3, restore_best_weights: true}"
    restored = CompletedRun(trained, experiment, "epochs=12", "optimizer={type: adam, learning_rate: 0.3}", watched)
    best = min(restored.rows, key=lambda row: row["val_loss"])
    assert restored.record.results.model["val_loss"] == pytest.approx(best["val_loss"])
    assert best["epoch"] < restored.rows[-1]["epoch"]


SPOILED = "optimizer={type: sgd, learning_rate: {type: PiecewiseConstantDecay, boundaries: [90], values: [0.5, 300.0]}}"
"""A rate that spoils the network from the third epoch on."""


@pytest.mark.parametrize("callback", ["early_stopping", "model_checkpoint"])
def test_best_epoch_is_restored_or_saved_after_all_epochs(trained, experiment, callback):
    watched = {"early_stopping": "{monitor: val_loss, patience: 9, restore_best_weights: true}",
               "model_checkpoint": "{monitor: val_loss}"}  # fmt: skip
    layers = "layers=[Flatten, {type: Dense, units: 10, activation: softmax}]"
    completed = CompletedRun(trained, experiment, layers, "epochs=4", SPOILED, f"{callback}={watched[callback]}")
    best = min(completed.rows, key=lambda row: row["val_loss"])
    assert (len(completed.rows), best["epoch"]) == (4, 2)
    results = completed.record.results
    if callback == "early_stopping":
        assert (results.epoch, results.kept) == (2, None)
        assert results.model["val_loss"] == pytest.approx(best["val_loss"])
    else:
        assert (results.epoch, results.kept) == (4, 2)


def test_the_rate_falls_on_a_plateau(trained, experiment):
    reduced = CompletedRun(trained, experiment, "epochs=4", "optimizer={type: sgd, learning_rate: 1e-7}",
                      "reduce_lr_on_plateau={monitor: val_accuracy, factor: 0.5, patience: 1}")  # fmt: skip
    assert [row["learning_rate"] for row in reduced.rows] == [1e-7, 1e-7, 5e-8, 2.5e-8]


def test_model_of_best_epoch_is_saved_too(trained, experiment):
    completed = CompletedRun(trained, experiment, "epochs=6", "optimizer={type: adam, learning_rate: 0.3}",
                   "model_checkpoint={monitor: val_accuracy}")  # fmt: skip
    scores = [row["val_accuracy"] for row in completed.rows]
    best = keras.saving.load_model(completed.run.best_model, safe_mode=True)
    digits = sklearn.datasets.load_digits()
    _, inputs, _, targets = train_test_split(digits.images / np.float32(16), digits.target, test_size=0.2,
                                            random_state=42)  # fmt: skip
    accuracy = np.mean(best.predict(inputs, verbose=0).argmax(1) == targets)
    assert accuracy == pytest.approx(max(scores))


def test_all_examples_train_without_validation_set(trained, experiment):
    run = CompletedRun(trained, experiment, "data.validation_size=0", "epochs=2")
    assert run.record.results.monitor == "accuracy"
    assert run.record.results.model is None
    assert list(run.rows[0]) == ["epoch", "loss", "accuracy", "learning_rate", "seconds"]
    assert run.record.data["train"] == 1797
    assert not run.run.predictions.exists()


def test_auc_with_many_thresholds_matches_scikit_learn(trained, experiment):
    few, many = "{type: auc}", "{type: auc, num_thresholds: 5000}"
    task = ["data.dataset=breast_cancer", "data.standardize=true", "loss=binary_crossentropy", "epochs=1", "jit=false",
            "layers=[{type: Dense, units: 1, activation: sigmoid}]"]  # fmt: skip
    errors = []
    for metric in few, many:
        run = CompletedRun(trained, experiment, *task, f"metrics=[{metric}]")
        with np.load(run.run.predictions) as saved:
            exact = roc_auc_score(saved["labels"], saved["outputs"][:, 0])
        errors.append(abs(run.rows[-1]["val_auc"] - exact))
    assert errors[1] < 1e-5 < errors[0]
