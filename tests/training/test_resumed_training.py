"""A resumed training gives the bits of an uninterrupted training, whenever it was interrupted."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs.checkpoint import read_last_checkpoint
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.training import checkpoint_callback, execution_plan
from dnn_cli.training.checkpoint_callback import ResumePoint
from dnn_cli.training.model_builder import build_model
from dnn_cli.training.resume_checks import check_resumable, list_changes
from dnn_cli.training.stop_request import Interrupted
from dnn_cli.training.training_state import capture_state, restore_variables
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.keras_signatures import is_in_keras
from tests.helpers.kill_campaign import assert_same_run
from tests.helpers.resume_cases import ACTIVE_CALLBACKS, IMAGE, LAST, SMALL
from tests.helpers.resumed_trainings import checkpoint_every_call, resume_run, train_with_copies
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.training_runs import train_in_store

QUICK = [*SMALL, "batch_size=479", "diagnostics=false"]
REQUESTS_PER_EPOCH = 4
"""Times that a training of 3 batches, 2 a call, asks whether to stop: 2 calls, 1 of validation, the end."""
RESUMED_CALL = REQUESTS_PER_EPOCH + 2
"""The request with which a training has a checkpoint of the first call of its second epoch."""


@pytest.fixture(autouse=True)
def many_calls():
    """Make the engine run several calls an epoch, with a checkpoint after each."""
    with checkpoint_every_call(max_steps=2):
        yield


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """Train the experiment of `QUICK` once."""
    directory = tmp_path_factory.mktemp("completed")
    (directory / "digits.yaml").write_text(DIGITS_YAML, encoding="utf-8")
    with checkpoint_every_call(max_steps=2):
        experiment = load_experiment(directory / "digits.yaml", QUICK).experiment
        return train_in_store(Store(directory / "runs"), experiment)[0]


@pytest.fixture
def completed(first_run, tmp_path):
    """Copy a completed run of `QUICK`."""
    directory = tmp_path / "completed" / first_run.directory.name
    shutil.copytree(first_run.directory, directory)
    return Run(directory)


@pytest.fixture
def killed(tmp_path):
    """Return a function that trains, and copies the run at some calls of the engine as kill -9 would leave it."""

    def run(experiment, *moments):
        complete_run, _, copies = train_with_copies(experiment, tmp_path, moments)
        return complete_run, copies

    return run


@pytest.mark.parametrize("name", [name for name, cls in CLASSES_BY_KIND["optimizer"].items() if is_in_keras(cls)])
def test_restored_optimizer_continues_with_the_same_bits(experiment, name):
    new_experiment = experiment("data.dataset=iris", "layers=[{type: Dense, units: 3}]", f"optimizer={name}")
    model = build_model(new_experiment)
    apply_gradients(model, range(2))
    arrays, _ = capture_state(model, [])
    restored = build_model(new_experiment)
    restore_variables(restored, arrays, new_experiment.optimizer.model_dump(mode="json"), new_experiment.optimizer)
    for each in (model, restored):
        apply_gradients(each, range(2, 4))
    expected, actual = capture_state(model, [])[0], capture_state(restored, [])[0]
    assert {name: array.tobytes() for name, array in actual.items()} == {
        name: array.tobytes() for name, array in expected.items()
    }
    assert any(expected[name].tobytes() != array.tobytes() for name, array in arrays.items() if "model." in name)


def apply_gradients(model, steps):
    """Let the optimizer of a model apply random gradients, the same for every step number."""
    for step in steps:
        rng = np.random.default_rng(step)
        model.optimizer.apply([rng.normal(size=weight.shape).astype("float32") for weight in model.trainable_variables])


OPTIONS = {
    "layers with random numbers and own state": [
        f"layers=[{IMAGE}, RandomFlip, {{type: Conv2D, filters: 3, kernel_size: 3}}, BatchNormalization, "
        f"{{type: GaussianNoise, stddev: 0.1}}, Flatten, {{type: Dropout, rate: 0.3}}, {LAST}]",
    ],
    "schedule and averaged weights": [
        "optimizer={type: adam, use_ema: true, ema_momentum: 0.9, gradient_accumulation_steps: 4, "
        "learning_rate: {type: Warmup, warmup_steps: 20, learning_rate: {type: CosineDecay, "
        "initial_learning_rate: 0.01, decay_steps: 60}}}",
    ],
    "counting scores and class weights": [
        "metrics=[accuracy, {type: sparse_top_k_categorical_accuracy, k: 2}]",
        "class_weight=balanced", "data.standardize=true",
    ],
    "16 bits": ["mixed_precision=true"],
}  # fmt: skip
COMBINATION = {"all options": [override for overrides in OPTIONS.values() for override in overrides]}
TRIED_OPTIONS = (OPTIONS if RUN_ALL_CASES else {}) | COMBINATION


@pytest.mark.parametrize("overrides", TRIED_OPTIONS.values(), ids=TRIED_OPTIONS.keys())
def test_options_resume_in_the_middle_of_an_epoch(experiment, killed, overrides):
    new_experiment = experiment(*QUICK, *overrides)
    run, (copy,) = killed(new_experiment, RESUMED_CALL)
    assert read_last_checkpoint(copy)[0].progress.calls == 1
    resume_run(copy, new_experiment)
    assert_same_run(run, copy)


def test_training_with_xla_resumes_without_validation(experiment, killed):
    # 3 batches of 599 examples leave no short batch, which would be another program to compile.
    new_experiment = experiment(*SMALL, "jit=true", "batch_size=599", "data.validation_size=0")
    run, (copy,) = killed(new_experiment, 5)
    assert read_last_checkpoint(copy)[0].progress.calls == 1
    resume_run(copy, new_experiment)
    assert_same_run(run, copy)


def test_training_with_callbacks_resumes_from_any_call(experiment, tmp_path):
    overrides = [override for overrides in ACTIVE_CALLBACKS.values() for override in overrides]
    new_experiment = experiment(*QUICK, *overrides, "epochs=6")
    # before a checkpoint, after an epoch, within an epoch
    moments, expected = (1, 2 * REQUESTS_PER_EPOCH + 1, 3 * REQUESTS_PER_EPOCH + 2), (None, (2, 0), (3, 1))
    complete_run, reporter, copies = train_with_copies(new_experiment, tmp_path, moments)
    for copy, at in zip(copies, expected, strict=True):
        checkpoint, _ = read_last_checkpoint(copy)
        assert (checkpoint and (checkpoint.progress.epoch, checkpoint.progress.calls)) == at
        _, resumed = resume_run(copy, new_experiment)
        assert_same_run(complete_run, copy)
        assert resumed.batches == reporter.batches[-len(resumed.batches) :], "the count of batches continues"
        assert len(resumed.batches) == len(reporter.batches) - (2 * at[0] + at[1] if at else 0)
        best, again = (keras.saving.load_model(run.best_model).get_weights() for run in (complete_run, copy))
        assert all(ours.tobytes() == theirs.tobytes() for ours, theirs in zip(best, again, strict=True))


def test_training_that_was_stopped_twice_resumes(experiment, trained, tmp_path, completed):
    new_experiment = experiment(*QUICK)
    with pytest.raises(Interrupted):
        trained(new_experiment, stop=stop_at(3))
    (directory,) = (tmp_path / "runs").iterdir()
    stopped = Run(directory)
    record = stopped.read_record()
    assert (record.status, record.reason, record.epochs) == ("interrupted", "enough", 0), "in the validation"
    with pytest.raises(Interrupted):
        resume_run(stopped, new_experiment, stop=stop_at(3))
    assert stopped.read_record().epochs == 1
    assert read_last_checkpoint(stopped)[0].progress.calls == 1, "in the next training"
    _, reporter = resume_run(stopped, new_experiment)
    assert reporter.epochs[0]["epoch"] == 2
    assert_same_run(completed, stopped)


def stop_at(request):
    """Return a function that asks to stop at the request of a number, from 1."""
    return iter([""] * (request - 1) + ["enough"]).__next__


def test_a_damaged_checkpoint_falls_back_to_the_one_before(experiment, killed, monkeypatch):
    monkeypatch.setattr(execution_plan, "MAX_STEPS", 10)
    # 12 batches, 6 a call, and the last one is short
    new_experiment = experiment(*QUICK, "batch_size=120")
    run, (copy,) = killed(new_experiment, RESUMED_CALL + 1)
    content = copy.last_checkpoint.read_bytes()
    copy.last_checkpoint.write_bytes(content[:1000] + bytes(byte ^ 1 for byte in content[1000:1100]) + content[1100:])
    checkpoint, trouble = read_last_checkpoint(copy)
    assert "last.npz is damaged" in trouble
    assert (checkpoint.progress.epoch, checkpoint.progress.calls) == (1, 1)
    copy.last_checkpoint.unlink()
    resume_run(copy, new_experiment)
    assert_same_run(run, copy)


def test_checkpoint_of_another_network_is_refused_unchanged(experiment, completed):
    before = completed.last_checkpoint.read_bytes()
    with pytest.raises(RunError, match="of another network"):
        resume_run(completed, experiment("jit=false", "epochs=3"), changed=True)
    assert completed.last_checkpoint.read_bytes() == before


def test_forced_other_optimizer_starts_anew(experiment, completed):
    record, reporter = resume_run(completed, experiment(*QUICK, "optimizer=lion", "epochs=3"), changed=True)
    assert record.status == "completed"
    assert [row["epoch"] for row in reporter.epochs] == [3]


@pytest.mark.parametrize(
    ("overrides", "change"),
    [
        pytest.param(["optimizer=sgd"], "optimizer: adam → sgd", id="optimizer"),
        pytest.param(["optimizer.learning_rate=0.1"], "optimizer.learning_rate: 0.001 → 0.1", id="rate"),
        pytest.param(["layers.hidden.units=17"], "layers.hidden.units: 16 → 17", id="units"),
        pytest.param(["seed=1"], "seed: 42 → 1", id="seed"),
        pytest.param(["epochs=20"], None, id="more epochs are no change"),
        pytest.param(["name=other", "model.name=other"], None, id="nor are names"),
    ],
)
def test_config_changes_are_listed(experiment, make_run, overrides, change):
    before = experiment()
    record = make_run().read_record()
    assert list_changes(record, None, before, experiment(*overrides)) == ([change] if change else [])


def test_other_keras_version_is_a_change(experiment, make_run):
    record = make_run(versions={"keras": "3.0.0", "numpy": "1.0"}).read_record()
    (change,) = list_changes(record, None, experiment(), experiment())
    assert change.startswith("keras: 3.0.0 → ")


@pytest.mark.parametrize(
    ("status", "epoch", "epochs", "message"),
    [
        pytest.param("completed", 2, 2, "completed: it has 2 epochs", id="complete"),
        pytest.param("completed", 5, 3, "already has 5 epochs", id="fewer epochs"),
        pytest.param("interrupted", 5, 3, "already has 5 epochs", id="fewer epochs than an interrupted run has"),
        pytest.param("diverged", 2, 5, "would diverge again", id="diverged"),
        pytest.param("completed", None, 5, "has no checkpoint", id="no checkpoint"),
    ],
)
def test_resume_without_remaining_work_is_refused(experiment, make_run, status, epoch, epochs, message):
    record = make_run(status=status).read_record()
    progress = build_progress(epoch or 0)
    checkpoint = None if epoch is None else checkpoint_callback.Checkpoint(progress, {})
    with pytest.raises(UsageError, match=message):
        check_resumable(record, checkpoint, experiment(f"epochs={epochs}"), force=False)


def build_progress(epochs, **changes):
    names = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds")
    rows = [{"epoch": number, **dict.fromkeys(names, 0.5)} for number in range(1, epochs + 1)]
    return checkpoint_callback.TrainingProgress(experiment="", epoch=epochs, rows=rows, **changes)


@pytest.mark.parametrize("overrides", [["metrics=[]"], ["data.validation_size=0"]], ids=["metrics", "validation"])
def test_other_metrics_are_refused_even_by_force(experiment, make_run, overrides):
    checkpoint = checkpoint_callback.Checkpoint(build_progress(2), {})
    with pytest.raises(UsageError, match="other scores"):
        check_resumable(make_run().read_record(), checkpoint, experiment("epochs=9", *overrides), force=True)


def test_partial_epoch_is_not_dropped(experiment, make_run):
    checkpoint = checkpoint_callback.Checkpoint(build_progress(2, calls=1), {})
    record = make_run(status="interrupted").read_record()
    with pytest.raises(UsageError, match="already began epoch 3"):
        check_resumable(record, checkpoint, experiment("epochs=2"), force=False)


def test_resumed_training_uses_new_learning_rate(experiment, completed):
    before = read_last_checkpoint(completed)[0].arrays
    _, reporter = resume_run(completed, experiment(*QUICK, "optimizer.learning_rate=0.5", "epochs=3"), changed=True)
    assert reporter.epochs[0]["learning_rate"] == 0.5
    after = read_last_checkpoint(completed)[0].arrays
    assert after["optimizer.0"] > before["optimizer.0"], "its steps are counted on"


def test_early_stopped_run_resumes_only_by_force(experiment, make_run):
    record = make_run(reason="stopped early: …").read_record()
    checkpoint = checkpoint_callback.Checkpoint(build_progress(2, stopped=True), {})
    new_experiment = experiment("epochs=9")
    with pytest.raises(UsageError, match="stopped early") as error:
        check_resumable(record, checkpoint, new_experiment, force=False)
    assert error.value.suggestion.startswith("add epochs=9 '~early_stopping' --force, or")
    check_resumable(record, checkpoint, new_experiment, force=True)
    resume_point = ResumePoint("", dataclasses.replace(checkpoint), changed=True)
    assert not resume_point.progress.stopped
