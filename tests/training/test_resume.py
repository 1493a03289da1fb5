"""A training that ended at any moment and is taken up again gives the bits of an unbroken one."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs.checkpoint import load
from dnn_cli.runs.run import Run
from dnn_cli.spec.catalog import KINDS
from dnn_cli.training import checkpoints, plan
from dnn_cli.training.checkpoints import Start
from dnn_cli.training.endings import Interrupted, never
from dnn_cli.training.job import prepare
from dnn_cli.training.resume import changes, check_can_go_on, identity
from dnn_cli.training.train import train
from tests.conftest import DIVERGES, EVERYTHING
from tests.kills import assert_same
from tests.training.conftest import Silent

KERAS = tuple(int(part) for part in keras.__version__.split(".")[:2])
LAST = "{type: Dense, units: 10, activation: softmax}"
SMALL = [f"layers=[Flatten, {LAST}]", "jit=false"]
IMAGE = "{type: Reshape, target_shape: [8, 8, 1]}"
AN_EPOCH = 9
"""Times that a training of 45 batches, 10 a call, asks whether to stop: 5 calls, 3 of validation, the end."""


@pytest.fixture(autouse=True)
def many_calls(monkeypatch):
    """Some calls an epoch, and a checkpoint after each."""
    monkeypatch.setattr(plan, "MAX_STEPS", 10)
    monkeypatch.setattr(checkpoints, "REST", 0)


@pytest.fixture
def killed(trained, tmp_path):
    """Trains; returns the run, and copies of it as kill -9 would have left it at some of the moments between calls."""

    def run(experiment, *moments):
        asked, copies = 0, []

        def stop():
            nonlocal asked
            asked += 1
            if asked in moments:
                (found,) = (tmp_path / "runs").iterdir()
                copies.append(Run(tmp_path / "killed" / str(asked) / found.name))
                shutil.copytree(found, copies[-1].directory)
            return ""

        made, record, _ = trained(experiment, stop=stop)
        assert record.status == "completed", record.reason
        assert len(copies) == len(moments), asked
        return made, copies

    return run


def go_on(run, experiment, stop=never, changed=False):
    """Take up a training; its record, and who listened."""
    examples = load_examples(experiment.data)
    job = prepare(experiment, examples, split_examples(experiment.data, examples))
    checkpoint, trouble = load(run)
    assert trouble is None
    listener = Silent()
    return train(job, run, listener, stop, Start(identity(experiment), checkpoint, changed)), listener


TELLING = {
    "sgd": "nothing", "adam": "two moments", "adafactor": "factors of them", "ftrl": "sums", "muon": "two optimizers",
    "schedule_free_adamw": "an average",
}  # fmt: skip
"""Optimizers by what they keep from step to step; the others keep the like."""

OPTIMIZERS = [
    name for name, kind in KINDS["optimizer"].items() if kind.since <= KERAS and (EVERYTHING or name in TELLING)
]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_on_in_the_middle_of_an_epoch(experiment, killed, name):
    wanted = experiment(*SMALL, f"optimizer={name}")
    made, (copy,) = killed(wanted, AN_EPOCH + 3)
    go_on(copy, wanted)
    assert_same(made, copy)


PARTS = {
    "noise and normalisation": [
        f"layers=[Flatten, BatchNormalization, {{type: GaussianNoise, stddev: 0.1}}, {{type: Dense, units: 9}}, "
        f"{{type: Dropout, rate: 0.3}}, {LAST}]"
    ],
    "augmentation": [
        f"layers=[{IMAGE}, RandomFlip, {{type: RandomTranslation, height_factor: 0.2, width_factor: 0.2}}, "
        f"{{type: RandomRotation, factor: 0.1}}, {{type: RandomZoom, height_factor: 0.2}}, Flatten, {LAST}]"
    ],
    "convolution": [f"layers=[{IMAGE}, {{type: Conv2D, filters: 3, kernel_size: 3}}, Flatten, {LAST}]"],
    "XLA": ["jit=true"],
    "plain fit": ["engine=keras", "batch_size=150"],
    "plain fit with XLA": ["engine=keras", "jit=true", "batch_size=150"],
    "16 bits": [*SMALL, "mixed_precision=true"],
    "a schedule": [
        *SMALL,
        "optimizer={type: adam, learning_rate: {type: CosineDecay, initial_learning_rate: 0.01, decay_steps: 80}}",
    ],
    "averaged weights": [*SMALL, "optimizer={type: sgd, use_ema: true, ema_momentum: 0.9}"],
    "accumulated gradients": [*SMALL, "optimizer={type: adam, gradient_accumulation_steps: 4}"],
    "scores that count": [
        "metrics=[accuracy, {type: sparse_top_k_categorical_accuracy, k: 2}]", *SMALL,
    ],
    "weights of classes": [*SMALL, "class_weight=balanced", "data.standardize=true"],
    "no validation": [*SMALL, "data.validation_size=0"],
}  # fmt: skip


@pytest.mark.parametrize("overrides", PARTS.values(), ids=PARTS.keys())
def test_every_part_goes_on_in_the_middle_of_an_epoch(experiment, killed, overrides):
    wanted = experiment(*overrides)
    made, (copy,) = killed(wanted, AN_EPOCH + 3)
    go_on(copy, wanted)
    assert_same(made, copy)


CALLBACKS = {
    "early stopping": ["early_stopping={monitor: val_loss, patience: 2, min_delta: 0.1, restore_best_weights: true}"],
    "a lower rate": ["reduce_lr_on_plateau={monitor: val_loss, patience: 1, min_delta: 0.2, factor: 0.5, cooldown: 1}"],
    "a lower rate and early stopping": [
        "reduce_lr_on_plateau={monitor: val_loss, patience: 3, min_delta: 0.5, factor: 0.5}",
        "early_stopping={monitor: val_loss, patience: 4, min_delta: 0.5, restore_best_weights: true}",
    ],
    "the best epoch": ["model_checkpoint={monitor: val_loss}", "optimizer={type: adam, learning_rate: 0.2}"],
}


@pytest.mark.parametrize("overrides", CALLBACKS.values(), ids=CALLBACKS.keys())
def test_callbacks_remember(experiment, killed, overrides):
    wanted = experiment(*SMALL, *overrides, "epochs=6", "batch_size=150")
    made, copies = killed(wanted, 9, 13)
    for copy in copies:
        go_on(copy, wanted)
        assert_same(made, copy)
        if wanted.model_checkpoint:
            best, again = (keras.saving.load_model(run.best_model).get_weights() for run in (made, copy))
            assert all(one.tobytes() == other.tobytes() for one, other in zip(best, again, strict=True))


@pytest.mark.parametrize("engine", ["chunked", "keras"])
def test_any_moment_will_do(experiment, killed, engine):
    wanted = experiment(*SMALL, f"engine={engine}", "batch_size=100")
    made, copies = killed(wanted, 1, 2, 3, 4, 5, 8, 9)
    for copy in copies:
        go_on(copy, wanted)
        assert_same(made, copy)


def test_a_training_that_is_asked_to_end_does_and_goes_on(experiment, trained):
    wanted = experiment(*SMALL)
    made, _, _ = trained(wanted)
    with pytest.raises(Interrupted):
        trained(wanted, stop=iter([""] * (AN_EPOCH + 2) + ["enough"]).__next__)
    (directory,) = set(made.directory.parent.iterdir()) - {made.directory}
    stopped = Run(directory)
    record = stopped.read_record()
    assert (record.status, record.reason, record.epochs) == ("interrupted", "enough", 1)
    _, listener = go_on(stopped, wanted)
    assert listener.epochs[0]["epoch"] == 2
    assert_same(made, stopped)


def test_more_epochs_are_what_a_longer_training_has(experiment, trained):
    short, long = experiment(*SMALL), experiment(*SMALL, "epochs=4")
    made, _, _ = trained(long)
    extended, _, _ = trained(short)
    go_on(extended, long)
    assert_same(made, extended)


def test_durations_add_up(experiment, trained):
    made, record, _ = trained(experiment(*SMALL))
    again, _ = go_on(made, experiment(*SMALL, "epochs=3"))
    assert again.seconds > record.seconds
    assert again.seconds >= sum(row["seconds"] for row in made.read_metrics())


def test_a_damaged_checkpoint_falls_back_to_the_one_before(experiment, killed):
    wanted = experiment(*SMALL)
    made, (copy,) = killed(wanted, AN_EPOCH + 3)
    content = copy.last_checkpoint.read_bytes()
    copy.last_checkpoint.write_bytes(content[:1000] + bytes(byte ^ 1 for byte in content[1000:1100]) + content[1100:])
    checkpoint, trouble = load(copy)
    assert "last.npz is damaged" in trouble
    assert checkpoint.progress.calls == 2
    copy.last_checkpoint.unlink()
    go_on(copy, wanted)
    assert_same(made, copy)


def test_a_checkpoint_of_another_network_is_refused_and_nothing_is_lost(experiment, trained):
    made, _, _ = trained(experiment(*SMALL))
    before = made.last_checkpoint.read_bytes()
    with pytest.raises(RunError, match="of another network"):
        go_on(made, experiment("epochs=3"), changed=True)
    assert made.last_checkpoint.read_bytes() == before


def test_another_optimizer_begins_afresh_where_it_is_forced(experiment, trained):
    made, _, _ = trained(experiment(*SMALL, "optimizer=adam"))
    record, listener = go_on(made, experiment(*SMALL, "optimizer=lion", "epochs=3"), changed=True)
    assert record.status == "completed"
    assert [row["epoch"] for row in listener.epochs] == [3]


def test_no_checkpoint_holds_what_is_no_number(experiment, trained):
    made, record, _ = trained(experiment(*DIVERGES))
    assert record.status == "diverged"
    checkpoint, _ = load(made)
    assert checkpoint is None or all(np.isfinite(array).all() for array in checkpoint.arrays.values())


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        pytest.param(["optimizer=sgd"], "optimizer: adam → sgd", id="optimizer"),
        pytest.param(["optimizer.learning_rate=0.1"], "optimizer.learning_rate: 0.001 → 0.1", id="rate"),
        pytest.param(["layers.hidden.units=17"], "layers.hidden.units: 16 → 17", id="units"),
        pytest.param(["seed=1"], "seed: 42 → 1", id="seed"),
        pytest.param(["epochs=20"], None, id="more epochs are no change"),
        pytest.param(["name=other", "model.name=other"], None, id="nor are names"),
    ],
)
def test_what_has_changed_is_told(experiment, make_run, overrides, told):
    before = experiment()
    record = make_run().read_record()
    assert changes(record, None, before, experiment(*overrides)) == ([told] if told else [])


def test_another_version_is_a_change(experiment, make_run):
    record = make_run(versions={"keras": "3.0.0", "numpy": "1.0"}).read_record()
    (told,) = changes(record, None, experiment(), experiment())
    assert told.startswith("keras: 3.0.0 → ")


@pytest.mark.parametrize(
    ("status", "epoch", "epochs", "message"),
    [
        pytest.param("completed", 2, 2, "has all its 2 epochs", id="complete"),
        pytest.param("completed", 5, 3, "has 5 epochs already", id="fewer epochs"),
        pytest.param("interrupted", 5, 3, "has 5 epochs already", id="fewer epochs than an interrupted run has"),
        pytest.param("diverged", 2, 5, "would again", id="diverged"),
        pytest.param("completed", None, 5, "its checkpoint is gone", id="no checkpoint"),
    ],
)
def test_where_there_is_nothing_to_do_it_is_refused(experiment, make_run, status, epoch, epochs, message):
    record = make_run(status=status).read_record()
    progress = progress_of(epoch or 0)
    checkpoint = None if epoch is None else checkpoints.Checkpoint(progress, {})
    with pytest.raises(UsageError, match=message):
        check_can_go_on(record, checkpoint, experiment(f"epochs={epochs}"), force=False)


def progress_of(epochs, **changes):
    names = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds")
    rows = [{"epoch": number, **dict.fromkeys(names, 0.5)} for number in range(1, epochs + 1)]
    return checkpoints.Progress(experiment="", epoch=epochs, rows=rows, **changes)


@pytest.mark.parametrize("overrides", [["metrics=[]"], ["data.validation_size=0"]], ids=["metrics", "validation"])
def test_other_scores_are_refused_even_by_force(experiment, make_run, overrides):
    checkpoint = checkpoints.Checkpoint(progress_of(2), {})
    with pytest.raises(UsageError, match="other scores"):
        check_can_go_on(make_run().read_record(), checkpoint, experiment("epochs=9", *overrides), force=True)


def test_an_epoch_that_is_begun_is_not_dropped(experiment, make_run):
    checkpoint = checkpoints.Checkpoint(progress_of(2, calls=1), {})
    record = make_run(status="interrupted").read_record()
    with pytest.raises(UsageError, match="has begun epoch 3 already"):
        check_can_go_on(record, checkpoint, experiment("epochs=2"), force=False)


def test_another_learning_rate_is_the_one_that_is_trained_with(experiment, trained):
    made, _, _ = trained(experiment(*SMALL, "optimizer=adam"))
    before = load(made)[0].arrays
    _, listener = go_on(
        made, experiment(*SMALL, "optimizer={type: adam, learning_rate: 0.5}", "epochs=3"), changed=True
    )
    assert listener.epochs[0]["learning_rate"] == 0.5
    after = load(made)[0].arrays
    assert after["optimizer.0"] > before["optimizer.0"], "its steps are counted on"


def test_what_early_stopping_ended_goes_on_only_by_force(experiment, make_run):
    record = make_run(reason="stopped early: …").read_record()
    checkpoint = checkpoints.Checkpoint(progress_of(2, stopped=True), {})
    wanted = experiment("epochs=9")
    with pytest.raises(UsageError, match="stopped early") as error:
        check_can_go_on(record, checkpoint, wanted, force=False)
    assert error.value.hint.startswith("epochs=9 '~early_stopping' --force trains it further")
    check_can_go_on(record, checkpoint, wanted, force=True)
    start = Start("", dataclasses.replace(checkpoint), changed=True)
    assert not start.progress.stopped


@pytest.mark.parametrize("engine", ["chunked", "keras"])
def test_batches_of_a_resumed_epoch_are_counted_from_where_it_was(experiment, trained, killed, engine):
    small = experiment(*SMALL, f"engine={engine}", "batch_size=32")
    _, (copy,) = killed(small, 3 if engine == "chunked" else 30)
    _, listener = go_on(copy, small)
    steps = [step for epoch, step in listener.batches if epoch == 1]
    assert steps == ([27, 36, 45] if engine == "chunked" else list(range(30, 46)))
    assert listener.batches[-1] == (2, 45)
