"""What is seen inside a network is right, and to look changes not a bit of what is trained."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.data.examples import split_examples
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.runs.checkpoint import load
from dnn_cli.runs.diagnostics import read_diagnostics
from dnn_cli.runs.parcel import pack
from dnn_cli.training import checkpoints, diagnostics, plan
from dnn_cli.training.build import build_model
from dnn_cli.training.checkpoints import Start
from dnn_cli.training.endings import Interrupted
from dnn_cli.training.job import prepare
from dnn_cli.training.network import Networks
from dnn_cli.training.resume import differing, identity, outcome_key
from dnn_cli.training.train import train
from tests.kills import assert_same
from tests.training.conftest import Silent, examples_of

LAST = "{type: Dense, units: 10, activation: softmax, name: output}"
NOISY = (
    "layers=[Flatten, {type: Dense, units: 12, activation: sigmoid, activity_regularizer: l2, kernel_regularizer: l2}, "
    f"BatchNormalization, {{type: Activation, activation: relu}}, {{type: GaussianNoise, stddev: 0.1}}, "
    f"{{type: Dropout, rate: 0.3}}, {LAST}]"
)
IMAGE = "{type: Reshape, target_shape: [8, 8, 1]}"
QUICK = ["jit=false", "batch_size=100"]
NETWORKS = {
    "compiled by XLA": ["jit=true"],
    "noise, normalisation, penalties, averages": [
        *QUICK, NOISY, "class_weight=balanced", "optimizer={type: nadam, use_ema: true, ema_momentum: 0.9}",
    ],
    "augmented images in plain fit": [
        *QUICK, "engine=keras",
        f"layers=[{IMAGE}, RandomFlip, {{type: Conv2D, filters: 3, kernel_size: 3, activation: relu}}, Flatten, "
        f"{LAST}]",
    ],
    "16 bits": [*QUICK, "mixed_precision=true"],
}  # fmt: skip


@pytest.mark.parametrize("overrides", NETWORKS.values(), ids=NETWORKS.keys())
def test_to_look_changes_no_bit(experiment, trained, overrides):
    unseen, _, _ = trained(experiment(*overrides, "diagnostics=false"))
    seen, record, _ = trained(experiment(*overrides, "diagnostics=true"))
    assert record.status == "completed", record.reason
    assert not unseen.diagnostics.exists()
    assert {state.epoch for state in read_diagnostics(seen)} == {0, 1, 2}
    assert_same(unseen, seen)
    assert pack(seen)["diagnostics.csv"] == seen.diagnostics.read_bytes(), "it travels with its run"
    mine, theirs = load(seen)[0], load(unseen)[0]
    assert mine.arrays.keys() == theirs.arrays.keys()
    assert all(mine.arrays[name].tobytes() == theirs.arrays[name].tobytes() for name in mine.arrays)


def test_an_interrupted_training_that_was_looked_into_has_the_bits_and_all_rows(experiment, trained, monkeypatch):
    monkeypatch.setattr(plan, "MAX_STEPS", 10)
    monkeypatch.setattr(checkpoints, "REST", 0)
    wanted = experiment("jit=false", "epochs=4", "diagnostics=true")
    whole, _, _ = trained(wanted)
    with pytest.raises(Interrupted):
        trained(wanted, stop=iter([""] * 20 + ["enough"]).__next__)
    broken = newest(whole)
    done = broken.read_record().epochs
    assert 0 < done < 4
    assert max(state.epoch for state in read_diagnostics(broken)) == done
    resumed(broken, wanted)
    assert_same(whole, broken)
    unbroken, found = read_diagnostics(whole), read_diagnostics(broken)
    inside = {state.epoch for state in found if state.epoch and state.update is None}
    assert inside == {done + 1}, "the weights at the beginning of the epoch in which it was resumed are not known"
    assert [replace(one, update=None, since=None) for one in unbroken] == [
        replace(one, update=None, since=None) for one in found
    ]


def test_equal_runs_have_equal_bytes_however_they_came_about(experiment, trained, monkeypatch):
    monkeypatch.setattr(checkpoints, "REST", 0)
    quick, networks = [*QUICK, "epochs=6"], Networks()
    first, second = (trained(experiment(*quick), networks=networks)[0].diagnostics.read_bytes() for _ in range(2))
    assert first == second
    longer, _, _ = trained(experiment(*QUICK, "epochs=3"), networks=networks)
    resumed(longer, experiment(*quick))
    assert longer.diagnostics.read_bytes() == first, "resumed from its last epoch, which is not one of the schedule"
    with pytest.raises(Interrupted):
        trained(experiment(*quick), stop=iter([""] * 8 + ["enough"] * 9).__next__, networks=networks)
    broken = newest(longer)
    done = broken.read_record().epochs
    assert 0 < done < 6
    resumed(broken, experiment(*quick))
    found, unbroken = read_diagnostics(broken), read_diagnostics(longer)
    assert [replace(one, update=None, since=None) for one in found] == [
        replace(one, update=None, since=None) for one in unbroken
    ]


def newest(run):
    """The run directory that was made last."""
    return type(run)(max(run.directory.parent.iterdir(), key=lambda path: path.stat().st_mtime_ns))


def test_the_schedule_is_one_of_epochs_and_ends_with_the_last(experiment, trained):
    networks = Networks()
    run, _, _ = trained(experiment(*QUICK, "epochs=11"), networks=networks)
    assert {state.epoch for state in read_diagnostics(run)} == {0, 1, 2, 4, 8, 11}
    stopping = "early_stopping={monitor: val_loss, patience: 1, min_delta: 100, start_from_epoch: 2}"
    stopped, record, _ = trained(experiment(*QUICK, "epochs=40", stopping), networks=networks)
    assert 2 < record.epochs < 40
    assert max(state.epoch for state in read_diagnostics(stopped)) == record.epochs
    assert all(state.since == record.epochs - 1 for state in read_diagnostics(stopped)[-2:])
    unseen, _, _ = trained(experiment(*QUICK, "diagnostics=false"), networks=networks)
    assert not unseen.diagnostics.exists()


def test_rows_of_epochs_that_are_trained_again_are_replaced(experiment, trained):
    run, _, _ = trained(experiment(*QUICK, "diagnostics=true"))
    rows = run.diagnostics.read_text()
    stale = rows.splitlines()[-1].replace("2,output", "3,output")
    run.diagnostics.write_text(f"{rows}{stale}\n")
    resumed(run, experiment(*QUICK, "diagnostics=true", "epochs=3"))
    found = run.diagnostics.read_text()
    assert found.startswith(rows)
    assert [state.epoch for state in read_diagnostics(run)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert stale not in found

    run.diagnostics.write_text("damaged, which stops no training")
    record = resumed(run, experiment(*QUICK, "diagnostics=true", "epochs=4"))
    assert record.status == "completed"
    assert {state.epoch for state in read_diagnostics(run)} == {4}


def test_gradients_and_updates_are_those_of_keras(experiment, trained):
    wanted = experiment(*QUICK, "diagnostics=true", "epochs=1")
    run, _, _ = trained(wanted)
    job = job_of(wanted)
    examples = job.examples[job.split.train[np.linspace(0, len(job.split.train) - 1, 256).astype(int)]]
    first, last = build_model(wanted), keras.saving.load_model(run.model)
    for epoch, model in enumerate((first, last)):
        for state in (state for state in read_diagnostics(run) if state.epoch == epoch):
            kernel, before = (made.get_layer(state.layer).kernel for made in (model, first))
            assert state.gradient == pytest.approx(gradient_of(model, kernel, examples), rel=1e-4)
            assert state.weight == pytest.approx(np.sqrt(np.mean(np.square(kernel))), rel=1e-4)
            if epoch:
                moved = np.linalg.norm(np.subtract(kernel, before)) / np.linalg.norm(before)
                assert state.update == pytest.approx(moved, rel=1e-4)
                assert state.since == 0
                assert state.moved == state.update


def gradient_of(model, kernel, examples):
    """The root mean square of the derivative, by Keras's own loss and a plain tape."""

    inputs = tf.constant(examples.inputs / np.float32(16), tf.float32)
    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy()(examples.labels, model(inputs))
    found = tape.gradient(loss, kernel.value)
    return float(np.sqrt(np.mean(np.square(found))))


ACTIVE = {
    "relu that is open": ("relu", 5, (0, None)),
    "relu that is shut": ("relu", -500, (1, None)),
    "sigmoid at a limit": ("sigmoid", 500, (None, 1)),
    "sigmoid in the middle": ("sigmoid", 0, (None, 0)),
    "tanh at a limit": ("tanh", -500, (None, 1)),
    "neither": ("gelu", -500, (None, None)),
}


@pytest.mark.parametrize(("activation", "bias", "expected"), ACTIVE.values(), ids=ACTIVE.keys())
def test_dead_and_saturated_units_are_counted(experiment, trained, activation, bias, expected):
    layer = (
        f"{{type: Dense, units: 4, activation: {activation}, name: hidden, kernel_initializer: "
        f"{{type: random_normal, stddev: 1e-6}}, bias_initializer: {{type: constant, value: {bias}}}}}"
    )
    hidden, output = look(experiment(f"layers=[Flatten, {layer}, {LAST}]"))
    assert (hidden.dead, hidden.saturated) == expected
    assert (output.dead, output.saturated) == (None, None), "an output at its limits is what is wanted"


def test_the_gradient_of_a_deep_sigmoid_stack_vanishes_and_that_of_relu_does_not(experiment):
    ratio = {}
    for activation in ("sigmoid", "relu"):
        body = f"{{repeat: 6, layers: [{{type: Dense, units: 20, activation: {activation}, name: hidden}}]}}"
        states = look(experiment(f"layers=[Flatten, {body}, {LAST}]"))
        assert [state.layer for state in states] == [*(f"hidden_{n}" for n in range(1, 7)), "output"]
        ratio[activation] = states[0].gradient / states[-1].gradient
    assert ratio["sigmoid"] < 1e-3
    assert ratio["relu"] > 1e-2


def look(wanted):
    """A look at a network with its initial weights."""
    job, model = job_of(wanted), build_model(wanted)
    probe = diagnostics.Probe(job, Pipeline(job.examples, wanted, job.measured))
    return probe.measure(model, 0, probe.kernels(model), None)


def test_the_loss_and_the_share_that_is_right_are_those_of_keras(experiment, trained):
    for overrides in ([], ["loss={type: categorical_crossentropy, label_smoothing: 0.1}"]):
        wanted = experiment(*QUICK, *overrides, "epochs=3")
        run, _, _ = trained(wanted)
        job, model = job_of(wanted), keras.saving.load_model(run.model)
        examples = job.examples[job.split.train[np.linspace(0, len(job.split.train) - 1, 256).astype(int)]]
        outputs = model.predict(examples.inputs / np.float32(16), verbose=0)
        labels = np.eye(10)[examples.labels] if overrides else examples.labels
        (state,) = [state for state in read_diagnostics(run) if state.epoch == 3 and state.loss is not None]
        assert state.layer == "output"
        assert state.loss == pytest.approx(float(wanted.loss.build()(labels, outputs)), rel=1e-4)
        assert state.correct == pytest.approx(np.mean(outputs.argmax(1) == examples.labels))


def test_a_network_that_is_trained_again_is_looked_into_again(experiment, trained):
    networks = Networks()
    runs = [trained(experiment(*QUICK, "diagnostics=true", f"seed={seed}"), networks=networks)[0] for seed in (1, 2, 1)]
    first, other, again = (run.diagnostics.read_text() for run in runs)
    assert first == again != other


def test_to_look_is_no_difference_between_experiments(experiment):
    usual, looking = experiment(), experiment("diagnostics=true")
    assert identity(usual) == identity(looking)
    assert outcome_key(usual) == outcome_key(looking)
    assert differing(usual, looking) == []


def job_of(wanted):
    examples = examples_of(wanted.data)
    return prepare(wanted, examples, split_examples(wanted.data, examples))


def resumed(run, wanted):
    """Take up a training; its record."""
    checkpoint, trouble = load(run)
    assert trouble is None
    return train(job_of(wanted), run, Silent(), start=Start(identity(wanted), checkpoint))
