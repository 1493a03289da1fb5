"""Averaged weights are validated and saved as in Keras, and checkpoints and diagnostics have the trained weights."""

import keras
import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import split_examples
from dnn_cli.runs.checkpoint import read_last_checkpoint
from dnn_cli.runs.diagnostics_csv import read_diagnostics
from dnn_cli.runs.store import Store
from dnn_cli.training.chunked_engine import build_dataset
from dnn_cli.training.compiled_model import CompiledModel
from dnn_cli.training.train import build_validation
from dnn_cli.training.training_job import prepare_job
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.kill_campaign import assert_same_run
from tests.helpers.resumed_trainings import resume_run
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.training_runs import load_cached_examples, train_in_store

QUICK = [
    "layers=[Flatten, {type: Dense, units: 10, activation: softmax}]", "jit=false", "batch_size=479",
    "optimizer={type: sgd, learning_rate: 0.1, momentum: 0.9, use_ema: true, ema_momentum: 0.7}", "diagnostics=true",
]  # fmt: skip
SWAP = ["swap_ema_weights={swap_on_epoch: true}", "model_checkpoint={monitor: val_loss}"]
EPOCHS = 4


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Return a function that trains with overrides, and returns the run and the experiment."""
    config = tmp_path_factory.mktemp("config") / "digits.yaml"
    config.write_text(DIGITS_YAML, encoding="utf-8")

    def train_run(*overrides, epochs=EPOCHS):
        experiment = load_experiment(config, [*QUICK, f"epochs={epochs}", *overrides]).experiment
        run, record, _ = train_in_store(Store(tmp_path_factory.mktemp("runs")), experiment)
        assert record.status == "completed", record.reason
        return run, experiment

    return train_run


@pytest.fixture(scope="module")
def swapped(train):
    """Train with averages in validation and after each epoch; the run and the experiment."""
    return train(*SWAP)


@pytest.fixture(scope="module")
def unswapped(train):
    """Train with averages that only the final model has; the run."""
    return train()[0]


def fit_plain_keras(experiment, swap_on_epoch):
    """Train with plain Keras and its own callback; the model, its history, and the validation examples."""
    examples = load_cached_examples(experiment.data)
    plain_experiment = experiment.model_copy(update={"engine": "keras"})
    job = prepare_job(plain_experiment, examples, split_examples(experiment.data, examples))
    compiled = CompiledModel.build(job)
    order = compiled.pipeline.build_shuffled_order(job.split.train, experiment.seed)
    training = build_dataset(compiled.pipeline, job.plan, order, range(EPOCHS), weighted=True)
    history = compiled.model.fit(
        training, steps_per_epoch=job.steps_per_epoch, epochs=EPOCHS, shuffle=False, verbose=0,
        validation_data=build_validation(job, compiled), validation_steps=job.validation_steps,
        callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch)],
    )  # fmt: skip
    return compiled.model, history.history, (build_validation(job, compiled), job.validation_steps)


def load_weights(path):
    return keras.saving.load_model(path).get_weights()


def assert_same_weights(first, second):
    assert [weight.tobytes() for weight in first] == [weight.tobytes() for weight in second]


def test_training_has_the_bits_of_plain_keras_and_saves_the_validated_weights(swapped):
    run, experiment = swapped
    model, history, (validation, steps) = fit_plain_keras(experiment, swap_on_epoch=True)
    assert_same_weights(load_weights(run.model), model.get_weights())
    rows = run.read_metrics()
    assert {name: [row[name] for row in rows] for name in history} == history
    best_epoch = run.read_record().results.kept
    model.set_weights(load_weights(run.best_model))
    scores = model.evaluate(validation, steps=steps, verbose=0, return_dict=True)
    assert {f"val_{name}": value for name, value in scores.items()} == {
        name: rows[best_epoch - 1][name] for name in ("val_loss", "val_accuracy")
    }


@pytest.mark.skipif(not RUN_ALL_CASES, reason="with swap_on_epoch, validation swaps the weights, too")
def test_training_that_swaps_in_validation_alone_has_the_bits_of_plain_keras(train):
    run, experiment = train("swap_ema_weights={}")
    model, history, _ = fit_plain_keras(experiment, swap_on_epoch=False)
    assert_same_weights(load_weights(run.model), model.get_weights())
    assert [row["val_loss"] for row in run.read_metrics()] == history["val_loss"]


def test_extended_training_has_the_bits_of_a_longer_training(train, swapped):
    """Keras overwrites the trained weights with their averages after the last epoch."""
    run, _ = train(*SWAP, epochs=2)
    resume_run(run, swapped[1])
    assert_same_run(swapped[0], run)


def test_checkpoint_has_the_trained_weights(swapped, unswapped):
    """A training that is continued without the callback continues from the trained weights."""
    ours, theirs = (read_last_checkpoint(run)[0].arrays for run in (swapped[0], unswapped))
    averages = load_weights(swapped[0].model)
    for name, average in zip(("model.0", "model.1"), averages, strict=True):
        # Keras swaps by additions, which round.
        assert np.allclose(ours[name], theirs[name], atol=1e-5)
        assert not np.allclose(ours[name], average, atol=1e-5)


def test_diagnostics_measure_the_trained_weights(swapped, unswapped):
    ours, theirs = (read_diagnostics(run) for run in (swapped[0], unswapped))
    assert len(ours) == len(theirs) == EPOCHS + 1
    for name in ("gradient", "weight", "moved", "update", "loss"):
        expected = [getattr(state, name) for state in theirs if getattr(state, name) is not None]
        assert [getattr(state, name) for state in ours if getattr(state, name) is not None] == pytest.approx(
            expected, rel=1e-4
        )


def test_early_stopping_restores_averaged_weights(train):
    stopping = "early_stopping={monitor: val_loss, patience: 1, min_delta: 100, restore_best_weights: true}"
    run, _ = train(*SWAP, stopping, "model_checkpoint.monitor=loss")
    assert run.read_record().results.epoch == 1
    expected = {name: value for name, value in run.read_metrics()[0].items() if name.startswith("val_")}
    assert run.read_record().results.model == expected
