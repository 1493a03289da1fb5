"""The reporting half of a validation set: no decision of a training depends on its labels."""

import zipfile
from dataclasses import replace

import keras
import numpy as np
import pytest

from dnn_cli.config.loading import LoadedExperiment
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.execution.fitting import complete_training
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.run_training import start_new_run
from dnn_cli.metrics.reporting_scores import compute_reporting_scores
from dnn_cli.metrics.saved_predictions import read_predictions, read_reporting_predictions
from dnn_cli.runs.store import Store
from tests.helpers.digits import QUICK_YAML
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.training_runs import KeptModels, QuietReporter, RecordingReporter

ENGINES = ["keras", "chunked"] if RUN_ALL_CASES else ["keras"]
DECISIONS = [
    "data.reporting_half=true", "epochs=12", "optimizer={type: sgd, learning_rate: 0.5}",
    "early_stopping={monitor: val_loss, patience: 2, min_delta: 0.1, restore_best_weights: true}",
    "reduce_lr_on_plateau={monitor: val_loss, patience: 1, min_delta: 0.1}",
    "model_checkpoint={monitor: val_accuracy}",
]  # fmt: skip
"""Overrides with which validation scores decide when a training ends, its learning rate, and its weights."""


def train(directory, experiment, permuted_half=""):
    """Train an experiment in a new run, and return run and record. The labels of one half can be permuted."""
    examples = load_examples(experiment.data)
    split = split_examples(experiment.data, examples)
    if permuted_half:
        targets, indices = examples.targets.copy(), getattr(split, permuted_half)
        targets[indices] = np.random.default_rng(0).permutation(targets[indices])
        examples = replace(examples, targets=targets)
    cache = ProcessCache()
    cache.set_examples(experiment.data, examples, split)
    cache.compiled_models = KeptModels()
    training = start_new_run(
        LoadedExperiment(experiment, "", (), ()), Store(directory), QuietReporter(RecordingReporter()), cache=cache
    )
    return complete_training(training)


def read_weights(path):
    """Return the bytes of the weights in a `.keras` file, whose other files have the time of the training."""
    with zipfile.ZipFile(path) as archive:
        return archive.read("model.weights.h5")


def remove_seconds(row):
    """Return a row of `metrics.csv` without the time of the epoch."""
    return {name: value for name, value in row.items() if name != "seconds"}


@pytest.mark.parametrize("engine", ENGINES)
def test_labels_of_the_reporting_half_change_no_decision(experiment, tmp_path, engine):
    loaded = experiment(*DECISIONS, f"engine={engine}", text=QUICK_YAML)
    run, record = train(tmp_path, loaded)
    permuted_run, permuted_record = train(tmp_path, loaded, "reporting")
    assert record.reason.startswith("stopped early")
    assert len({row["learning_rate"] for row in run.read_metrics()}) > 1
    rows, permuted_rows = ([*map(remove_seconds, each.read_metrics())] for each in (run, permuted_run))
    assert permuted_rows == rows
    results, permuted_results = record.results, permuted_record.results
    for name in ("weights", "epoch", "kept", "model"):
        assert getattr(permuted_results, name) == getattr(results, name) is not None
    assert (permuted_record.reason, permuted_record.epochs) == (record.reason, record.epochs)
    for name in ("model.keras", "best.keras"):
        assert read_weights(permuted_run.directory / name) == read_weights(run.directory / name)
    assert permuted_run.predictions.read_bytes() == run.predictions.read_bytes()
    ours, theirs = read_reporting_predictions(run), read_reporting_predictions(permuted_run)
    assert [name for name in ours if not np.array_equal(ours[name], theirs[name])] == ["labels"]

    split = split_examples(loaded.data, load_examples(loaded.data))
    assert np.array_equal(ours["indices"], split.reporting)
    assert np.array_equal(read_predictions(run)["indices"], split.validation)
    assert (record.data["validation"], record.data["reporting"]) == (180, 180)
    _check_scores_with_keras(run, loaded)


@pytest.mark.skipif(not RUN_ALL_CASES, reason="a control of the test above, which takes a training")
def test_labels_of_the_tuning_half_change_decisions(experiment, tmp_path):
    loaded = experiment(*DECISIONS, text=QUICK_YAML)
    records = [train(tmp_path, loaded, half)[1] for half in ("", "validation")]
    assert records[0].results.weights != records[1].results.weights


def _check_scores_with_keras(run, experiment):
    """Check that the scores of the reporting half are those of Keras's `evaluate`."""
    examples = load_examples(experiment.data)
    half = examples[split_examples(experiment.data, examples).reporting]
    model = keras.saving.load_model(run.model)
    expected = model.evaluate(half.inputs / np.float32(16), half.targets, verbose=0, return_dict=True)
    assert compute_reporting_scores(run) == pytest.approx(expected, rel=1e-6)
