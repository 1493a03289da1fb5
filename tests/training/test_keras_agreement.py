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
from tests.helpers.settings import RUN_ALL_CASES

SOFTMAX = "{type: Dense, units: 3, activation: softmax}"
SIGMOID = "{type: Dense, units: 1, activation: sigmoid}"
TASKS = {
    "two classes, balanced": [
        "data={dataset: breast_cancer, standardize: true}", f"layers=[{SIGMOID}]", "loss=binary_crossentropy",
        "metrics=[accuracy, auc, precision, recall, {type: f1_score, threshold: 0.5}]", "class_weight=balanced",
        "batch_size=91",
    ],
    "regression": [
        "data={dataset: diabetes, standardize: true, validation_size: 0.3}", "layers=[{type: Dense, units: 1}]",
        "loss=huber", "metrics=[mae, mse, root_mean_squared_error, mape, msle, r2_score]",
        "optimizer={type: adam, learning_rate: 1}", "batch_size=103",
    ],
    "augmented images": [
        "layers=[{type: Reshape, target_shape: [8, 8, 1]}, RandomFlip, {type: RandomRotation, factor: 0.1},"
        " {type: RandomTranslation, height_factor: 0.1, width_factor: 0.2}, {type: RandomZoom, height_factor: 0.2},"
        " Flatten, {type: Dense, units: 10, activation: softmax}]", "metrics=[]", "batch_size=479",
    ],
    "every metric of classes": [
        "data.dataset=iris", f"layers=[{SOFTMAX}]", "loss=categorical_crossentropy",
        "metrics=[f1_score, auc, {type: recall, class_id: 2}, {type: precision, top_k: 2}, {type:"
        " top_k_categorical_accuracy, k: 2}]", "batch_size=40",
    ],
    **({
        "classes that count differently, standardized, with XLA": [
            "data={dataset: wine, standardize: true}", f"layers=[{SOFTMAX}]", "class_weight={class_0: 3, 1: 0}",
            "jit=true",
        ],
    } if RUN_ALL_CASES else {}),
}  # fmt: skip
"""Overrides by task. Whole batches are one program; tests of the chunked engine have short batches."""


def build_job(experiment):
    examples = load_examples(experiment.data)
    return prepare_job(experiment, examples, split_examples(experiment.data, examples))


@pytest.mark.parametrize("overrides", TASKS.values(), ids=TASKS)
def test_every_task_matches_plain_fit(experiment, overrides):
    job = build_job(experiment("optimizer=sgd", "jit=false", *overrides))
    ours, plain = Contender(job, job.plan), Contender(job, replace(job.plan, engine="keras", steps=1))
    for number in range(2):
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


SMALL = [
    "jit=false", "layers=[Flatten, {type: Dense, units: 10, activation: softmax}]", "batch_size=479",
    "diagnostics=false",
]  # fmt: skip
SPOILED = [
    *SMALL,
    "optimizer={type: sgd, learning_rate: {type: PiecewiseConstantDecay, boundaries: [6], values: [0.5, 300.0]}}",
    "epochs=4",
]
"""A rate that spoils the network from the third epoch on."""


def test_plateau_lowers_the_rate_and_then_ends_the_training(trained, experiment):
    stuck = CompletedRun(
        trained, experiment, *SMALL, "optimizer={type: sgd, learning_rate: 1e-7}", "epochs=40",
        "early_stopping={monitor: val_accuracy, patience: 3}",
        "reduce_lr_on_plateau={monitor: val_accuracy, factor: 0.5, patience: 1}",
    )  # fmt: skip
    assert stuck.record.status == "completed"
    assert stuck.record.reason == "stopped early: val_accuracy did not improve for 3 epochs"
    assert len(stuck.rows) == stuck.record.epochs == 4
    assert [row["learning_rate"] for row in stuck.rows] == [1e-7, 1e-7, 5e-8, 2.5e-8]


@pytest.mark.parametrize(("patience", "epochs"), [(9, 4), (1, 3)], ids=["after all epochs", "after an early stop"])
def test_weights_of_best_epoch_are_restored_and_saved(trained, experiment, patience, epochs):
    restored = CompletedRun(
        trained, experiment, *SPOILED,
        f"early_stopping={{monitor: val_loss, patience: {patience}, restore_best_weights: true}}",
    )  # fmt: skip
    best = min(restored.rows, key=lambda row: row["val_loss"])
    results = restored.record.results
    assert (len(restored.rows), best["epoch"]) == (epochs, 2)
    assert (results.epoch, results.kept) == (2, None)
    assert results.model["val_loss"] == pytest.approx(best["val_loss"])


def test_model_of_best_epoch_is_saved_too(trained, experiment):
    completed = CompletedRun(trained, experiment, *SPOILED, "model_checkpoint={monitor: val_loss}")
    best_row = min(completed.rows, key=lambda row: row["val_loss"])
    results = completed.record.results
    assert (len(completed.rows), results.epoch, results.kept, best_row["epoch"]) == (4, 4, 2, 2)
    best = keras.saving.load_model(completed.run.best_model, safe_mode=True)
    digits = sklearn.datasets.load_digits()
    _, inputs, _, targets = train_test_split(digits.images / np.float32(16), digits.target, test_size=0.2,
                                            random_state=42)  # fmt: skip
    accuracy = np.mean(best.predict(inputs, verbose=0).argmax(1) == targets)
    assert accuracy == pytest.approx(best_row["val_accuracy"])
    assert best_row["val_accuracy"] != completed.rows[-1]["val_accuracy"]


def test_all_examples_train_without_validation_set(trained, experiment):
    run = CompletedRun(trained, experiment, *SMALL, "optimizer=sgd", "data.validation_size=0", "epochs=1",
                       "batch_size=599")  # fmt: skip
    assert run.record.results.monitor == "accuracy"
    assert run.record.results.model is None
    assert list(run.rows[0]) == ["epoch", "loss", "accuracy", "learning_rate", "seconds"]
    assert run.record.data["train"] == 1797
    assert not run.run.predictions.exists()


def test_auc_with_many_thresholds_matches_scikit_learn(trained, experiment):
    run = CompletedRun(
        trained, experiment, "data={dataset: breast_cancer, standardize: true}", "loss=binary_crossentropy", "epochs=1",
        "engine=keras", "optimizer=sgd", f"layers=[{SIGMOID}]", "metrics=[{type: auc, num_thresholds: 5000}]",
        "diagnostics=false",
    )  # fmt: skip
    with np.load(run.run.predictions) as saved:
        exact = roc_auc_score(saved["labels"], saved["outputs"][:, 0])
        few = keras.metrics.AUC()(saved["labels"], saved["outputs"][:, 0])
    assert abs(run.rows[-1]["val_auc"] - exact) < 1e-5 < abs(few - exact)
