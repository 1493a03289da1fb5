"""Measurements of layers are right. `test_train` shows that measuring changes no bit of the training."""

import shutil
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.config.digests import compute_outcome_digest, compute_training_digest
from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import split_examples
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.runs.checkpoint import read_last_checkpoint
from dnn_cli.runs.diagnostics_csv import read_diagnostics
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.training import checkpoint_callback, diagnostics_callback
from dnn_cli.training.checkpoint_callback import ResumePoint
from dnn_cli.training.model_builder import build_model
from dnn_cli.training.resume_checks import list_config_changes
from dnn_cli.training.stop_request import Interrupted
from dnn_cli.training.training_job import prepare_job
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.kill_campaign import assert_same_run
from tests.helpers.training_runs import KeptModels, RecordingReporter, load_cached_examples, train_from, train_in_store

LAST = "{type: Dense, units: 10, activation: softmax, name: output}"
QUICK = ["engine=keras", "batch_size=479", "optimizer.learning_rate=0.01"]
REQUESTS_PER_EPOCH = 5
"""Times that such a training asks whether to stop: 3 batches, 1 of validation, the end."""
MODELS = KeptModels()
"""The compiled model of `QUICK`. The first training, of the run `measured`, builds the model."""


@pytest.fixture
def trained_again(trained):
    """Return a function that trains an experiment in a new run, with the model of `measured` if possible."""
    return partial(trained, networks=MODELS)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """Train four epochs of `QUICK`, and measure each epoch."""
    directory = tmp_path_factory.mktemp("measured")
    (directory / "digits.yaml").write_text(DIGITS_YAML, encoding="utf-8")
    experiment = load_experiment(directory / "digits.yaml", [*QUICK, "epochs=4", "diagnostics=true"]).experiment
    return train_in_store(Store(directory / "runs"), experiment, networks=MODELS)[0]


@pytest.fixture
def measured(first_run, tmp_path):
    """Copy the run of four measured epochs."""
    directory = tmp_path / "measured" / first_run.directory.name
    shutil.copytree(first_run.directory, directory)
    return Run(directory)


def test_extended_run_matches_longer_training_and_its_schedule(experiment, trained_again):
    uninterrupted, _, _ = trained_again(experiment(*QUICK, "epochs=5"))
    assert {state.epoch for state in read_diagnostics(uninterrupted)} == {0, 1, 2, 4, 5}
    extended, earlier_record, _ = trained_again(experiment(*QUICK, "epochs=3"))
    assert {state.epoch for state in read_diagnostics(extended)} == {0, 1, 2, 3}
    record = resume_training(extended, experiment(*QUICK, "epochs=5"))
    assert extended.diagnostics.read_bytes() == uninterrupted.diagnostics.read_bytes(), "epoch 3 is not scheduled"
    assert_same_run(uninterrupted, extended)
    assert record.seconds > earlier_record.seconds
    assert record.seconds >= sum(row["seconds"] for row in extended.read_metrics()), "the durations add up"


def test_resumed_training_keeps_bits_and_diagnostics_rows(experiment, trained_again, measured, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_callback, "SECONDS_PER_CHECKPOINT_SECOND", 0)
    new_experiment = experiment(*QUICK, "epochs=4", "diagnostics=true")
    with pytest.raises(Interrupted):
        trained_again(new_experiment, stop=iter([""] * (2 * REQUESTS_PER_EPOCH + 1) + ["enough"]).__next__)
    (directory,) = (tmp_path / "runs").iterdir()
    interrupted = Run(directory)
    assert interrupted.read_record().epochs == 2
    assert max(state.epoch for state in read_diagnostics(interrupted)) == 2
    reporter = RecordingReporter()
    resume_training(interrupted, new_experiment, reporter)
    assert reporter.batches == [(3, 3), (4, 1), (4, 2), (4, 3)], "two batches of epoch 3 were done"
    assert_same_run(measured, interrupted)
    expected, actual = read_diagnostics(measured), read_diagnostics(interrupted)
    inside = {state.epoch for state in actual if state.epoch and state.update is None}
    assert inside == {3}, "the weights at the beginning of the epoch in which it was resumed are not known"
    assert [replace(row, update=None, since=None) for row in expected] == [
        replace(row, update=None, since=None) for row in actual
    ]


def test_epoch_of_an_early_stop_is_measured(experiment, trained_again):
    stopping = "early_stopping={monitor: val_loss, patience: 1, min_delta: 100, start_from_epoch: 8}"
    stopped, record, _ = trained_again(experiment(*QUICK, "epochs=40", stopping))
    assert 8 < record.epochs < 40
    assert {state.epoch for state in read_diagnostics(stopped)} == {0, 1, 2, 4, 8, record.epochs}
    assert all(state.since == record.epochs - 1 for state in read_diagnostics(stopped)[-2:])


def test_rows_of_retrained_epochs_are_replaced(experiment, measured):
    rows = measured.diagnostics.read_text()
    stale = rows.splitlines()[-1].replace("4,output", "5,output")
    measured.diagnostics.write_text(f"{rows}{stale}\n")
    resume_training(measured, experiment(*QUICK, "diagnostics=true", "epochs=5"))
    new_rows = measured.diagnostics.read_text()
    assert new_rows.startswith(rows)
    assert [state.epoch for state in read_diagnostics(measured)] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert stale not in new_rows

    measured.diagnostics.write_text("damaged, which stops no training")
    record = resume_training(measured, experiment(*QUICK, "diagnostics=true", "epochs=6"))
    assert record.status == "completed"
    assert {state.epoch for state in read_diagnostics(measured)} == {6}


def test_reused_model_is_measured_again(experiment, trained_again, measured):
    experiments = [experiment(*QUICK, "diagnostics=true", f"seed={seed}", "epochs=1") for seed in (1, 42)]
    runs = [trained_again(new_experiment)[0] for new_experiment in experiments]
    other, again = (run.diagnostics.read_text() for run in runs)
    assert measured.diagnostics.read_text().startswith(again)
    assert other != again


def test_gradients_and_updates_match_keras(experiment, trained_again):
    new_experiment = experiment(*QUICK, "diagnostics=true", "epochs=1")
    run, _, _ = trained_again(new_experiment)
    job = build_job(new_experiment)
    examples = job.examples[job.split.train[np.linspace(0, len(job.split.train) - 1, 256).astype(int)]]
    first, last = build_model(new_experiment), keras.saving.load_model(run.model)
    for epoch, model in enumerate((first, last)):
        for state in (state for state in read_diagnostics(run) if state.epoch == epoch):
            kernel, before = (any_model.get_layer(state.layer).kernel for any_model in (model, first))
            assert state.gradient == pytest.approx(compute_gradient_rms(model, kernel, examples), rel=1e-4)
            assert state.weight == pytest.approx(np.sqrt(np.mean(np.square(kernel))), rel=1e-4)
            if epoch:
                moved = np.linalg.norm(np.subtract(kernel, before)) / np.linalg.norm(before)
                assert state.update == pytest.approx(moved, rel=1e-4)
                assert state.since == 0
                assert state.moved == state.update


def compute_gradient_rms(model, kernel, examples):
    """The root mean square of the derivative, by Keras's own loss and a plain tape."""

    inputs = tf.constant(examples.inputs / np.float32(16), tf.float32)
    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy()(examples.targets, model(inputs))
    gradient = tape.gradient(loss, kernel.value)
    return float(np.sqrt(np.mean(np.square(gradient))))


ACTIVE = {
    "relu that is open": ("relu", 5, (0, None)),
    "relu that is shut": ("relu", -500, (1, None)),
    "sigmoid at a limit": ("sigmoid", 500, (None, 1)),
    "sigmoid in the middle": ("sigmoid", 0, (None, 0)),
    "tanh at a limit": ("tanh", -500, (None, 1)),
    "neither": ("gelu", -500, (None, None)),
}
"""Layers whose outputs depend on their bias alone: activation, bias, shares of dead and of saturated units."""


def test_dead_and_saturated_units_are_counted(experiment):
    layers = ", ".join(
        f"{{type: Dense, units: 4, activation: {activation}, name: {name}, kernel_initializer: "
        f"{{type: random_normal, stddev: 1e-6}}, bias_initializer: {{type: constant, value: {bias}}}}}"
        for name, (activation, bias, _) in ACTIVE.items()
    )
    *hidden, output = measure_initial_network(experiment(f"layers=[Flatten, {layers}, {LAST}]"))
    measured = {state.layer: (state.dead, state.saturated) for state in hidden}
    assert measured == {name: shares for name, (_, _, shares) in ACTIVE.items()}
    assert (output.dead, output.saturated) == (None, None), "an output at its limits is right"


def test_kernels_of_residual_blocks_and_wrappers_are_measured(experiment):
    inner = "{type: Dense, units: 8, activation: relu}"
    block = f"{{residual: [{inner}, {inner}], activation: relu, name: block}}"
    wrapper = f"{{type: SpectralNormalization, layer: {inner}, name: wrapper}}"
    network = f"layers=[Flatten, {{type: Dense, units: 8, name: first}}, {block}, {wrapper}, {LAST}]"
    states = {state.layer: state for state in measure_initial_network(experiment(network))}
    assert all(state.gradient > 0 and state.weight > 0 for state in states.values())
    assert [name for name, state in states.items() if state.dead is not None] == ["block", "wrapper"]
    projected = experiment(network.replace("units: 8, name: first", "units: 12, name: first"))
    projected_states = {state.layer: state for state in measure_initial_network(projected)}
    assert projected_states["block"].weight != states["block"].weight


def test_gradient_vanishes_in_deep_sigmoid_but_not_relu_stack(experiment):
    ratio = {}
    for activation in ("sigmoid", "relu"):
        body = f"{{repeat: 6, layers: [{{type: Dense, units: 20, activation: {activation}, name: hidden}}]}}"
        states = measure_initial_network(experiment(f"layers=[Flatten, {body}, {LAST}]"))
        assert [state.layer for state in states] == [*(f"hidden_{n}" for n in range(1, 7)), "output"]
        ratio[activation] = states[0].gradient / states[-1].gradient
    assert ratio["sigmoid"] < 1e-3
    assert ratio["relu"] > 1e-2


def measure_initial_network(experiment):
    """Measure a network with its initial weights."""
    job, model = build_job(experiment), build_model(experiment)
    inspector = diagnostics_callback.LayerInspector(job, Pipeline(job.examples, experiment, job.preprocessing))
    return inspector.measure_layers(model, 0, inspector.copy_kernels(model), None)


def test_loss_and_correct_share_match_keras(experiment, trained, measured):
    check_loss_and_correct_share(experiment(*QUICK, "epochs=4"), measured)
    smoothed = experiment(*QUICK, "loss={type: categorical_crossentropy, label_smoothing: 0.1}", "epochs=1")
    check_loss_and_correct_share(smoothed, trained(smoothed)[0])


def check_loss_and_correct_share(experiment, run):
    """Compare the measurements after the last epoch with the saved model's own."""
    job, model = build_job(experiment), keras.saving.load_model(run.model)
    examples = job.examples[job.split.train[np.linspace(0, len(job.split.train) - 1, 256).astype(int)]]
    outputs = model.predict(examples.inputs / np.float32(16), verbose=0)
    targets = np.eye(10)[examples.targets] if experiment.target_encoding == "one_hot" else examples.targets
    states = [state for state in read_diagnostics(run) if state.epoch == experiment.epochs]
    (state,) = [state for state in states if state.loss is not None]
    assert state.layer == "output"
    assert state.loss == pytest.approx(float(experiment.loss.build_keras_object()(targets, outputs)), rel=1e-4)
    assert state.correct == pytest.approx(np.mean(outputs.argmax(1) == examples.targets), abs=1e-6)


def test_diagnostics_do_not_change_digests(experiment):
    usual, looking = experiment(), experiment("diagnostics=true")
    assert compute_training_digest(usual) == compute_training_digest(looking)
    assert compute_outcome_digest(usual) == compute_outcome_digest(looking)
    assert list_config_changes(usual, looking) == []


def build_job(experiment):
    examples = load_cached_examples(experiment.data)
    return prepare_job(experiment, examples, split_examples(experiment.data, examples))


def resume_training(run, experiment, reporter=None):
    """Resume a training, and return its record."""
    checkpoint, problem = read_last_checkpoint(run)
    assert problem is None
    resume_point = ResumePoint(compute_training_digest(experiment), checkpoint)
    return train_from(resume_point, run, experiment, reporter or RecordingReporter(), networks=MODELS)
