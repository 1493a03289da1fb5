"""A resumed training gives the bits of an uninterrupted training, whenever it was interrupted."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

from dnn_cli.config.callbacks import CALLBACK_CLASSES
from dnn_cli.config.digests import compute_training_digest
from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs.checkpoint import read_last_checkpoint
from dnn_cli.runs.run import Run
from dnn_cli.training import checkpoint_callback, execution_plan
from dnn_cli.training.checkpoint_callback import ResumePoint
from dnn_cli.training.resume_checks import check_resumable, list_changes
from dnn_cli.training.stop_request import Interrupted, never_stop
from tests.helpers.digits import DIVERGING_OVERRIDES
from tests.helpers.kill_campaign import assert_same_run
from tests.helpers.resume_cases import CALLBACKS, OPTIMIZERS, PARTS, SMALL
from tests.helpers.training_runs import RecordingReporter, train_from

CALLS_PER_EPOCH = 9
"""Times that a training of 45 batches, 10 a call, asks whether to stop: 5 calls, 3 of validation, the end."""


@pytest.fixture(autouse=True)
def many_calls(monkeypatch):
    """Make the engine run several calls an epoch, with a checkpoint after each."""
    monkeypatch.setattr(execution_plan, "MAX_STEPS", 10)
    monkeypatch.setattr(checkpoint_callback, "SECONDS_PER_CHECKPOINT_SECOND", 0)


@pytest.fixture
def killed(trained, tmp_path):
    """Return a function that trains, and copies the run at some calls of the engine as kill -9 would leave it."""

    def run(experiment, *moments):
        asked, copies = 0, []

        def stop():
            nonlocal asked
            asked += 1
            if asked in moments:
                (run_directory,) = (tmp_path / "runs").iterdir()
                copies.append(Run(tmp_path / "killed" / str(asked) / run_directory.name))
                shutil.copytree(run_directory, copies[-1].directory)
            return ""

        complete_run, record, _ = trained(experiment, stop=stop)
        assert record.status == "completed", record.reason
        assert len(copies) == len(moments), asked
        return complete_run, copies

    return run


def resume_run(run, experiment, stop=never_stop, changed=False):
    """Resume a training; return its record and its progress reporter."""
    checkpoint, problem = read_last_checkpoint(run)
    assert problem is None
    reporter = RecordingReporter()
    resume_point = ResumePoint(compute_training_digest(experiment), checkpoint, changed)
    return train_from(resume_point, run, experiment, reporter, stop), reporter


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_resumes_in_the_middle_of_an_epoch(experiment, killed, name):
    new_experiment = experiment(*SMALL, f"optimizer={name}")
    run, (copy,) = killed(new_experiment, CALLS_PER_EPOCH + 3)
    resume_run(copy, new_experiment)
    assert_same_run(run, copy)


@pytest.mark.parametrize("overrides", PARTS.values(), ids=PARTS.keys())
def test_every_option_resumes_in_the_middle_of_an_epoch(experiment, killed, overrides):
    new_experiment = experiment(*overrides)
    run, (copy,) = killed(new_experiment, CALLS_PER_EPOCH + 3)
    resume_run(copy, new_experiment)
    assert_same_run(run, copy)


@pytest.mark.parametrize("overrides", CALLBACKS.values(), ids=CALLBACKS.keys())
def test_callback_state_is_restored(experiment, killed, overrides):
    new_experiment = experiment(*SMALL, *overrides, "epochs=6", "batch_size=150")
    complete_run, copies = killed(new_experiment, 9, 13)
    for copy in copies:
        resume_run(copy, new_experiment)
        assert_same_run(complete_run, copy)
        if new_experiment.model_checkpoint:
            best, again = (keras.saving.load_model(run.best_model).get_weights() for run in (complete_run, copy))
            assert all(ours.tobytes() == theirs.tobytes() for ours, theirs in zip(best, again, strict=True))


ACTIVE_SETTINGS = {"patience": 3, "min_delta": 0.3, "factor": 0.5, "cooldown": 1, "restore_best_weights": True}
"""Arguments with which callbacks act within six epochs, but do not end the training before the fifth."""


@pytest.mark.parametrize("key", CALLBACK_CLASSES)
def test_callback_resumes_after_every_epoch(experiment, killed, key):
    cls = CALLBACK_CLASSES[key]
    settings = {name: value for name, value in ACTIVE_SETTINGS.items() if name in cls.model_fields}
    settings |= {} if cls.can_end_training or "patience" not in settings else {"patience": 1}
    # An epoch is one call, one call of validation, and its end.
    new_experiment = experiment(*SMALL, f"{key}={json.dumps(settings)}", "epochs=6", "batch_size=150")
    complete_run, copies = killed(new_experiment, 4, 7, 10, 13)
    for epochs, copy in enumerate(copies, 1):
        assert read_last_checkpoint(copy)[0].progress.epoch == epochs
        resume_run(copy, new_experiment)
        assert_same_run(complete_run, copy)


@pytest.mark.parametrize("engine", ["chunked", "keras"])
def test_training_resumes_from_any_call(experiment, killed, engine):
    new_experiment = experiment(*SMALL, f"engine={engine}", "batch_size=100")
    run, copies = killed(new_experiment, 1, 2, 3, 4, 5, 8, 9)
    for copy in copies:
        resume_run(copy, new_experiment)
        assert_same_run(run, copy)


def test_stopped_training_resumes(experiment, trained):
    new_experiment = experiment(*SMALL)
    run, _, _ = trained(new_experiment)
    with pytest.raises(Interrupted):
        trained(new_experiment, stop=iter([""] * (CALLS_PER_EPOCH + 2) + ["enough"]).__next__)
    (directory,) = set(run.directory.parent.iterdir()) - {run.directory}
    stopped = Run(directory)
    record = stopped.read_record()
    assert (record.status, record.reason, record.epochs) == ("interrupted", "enough", 1)
    _, reporter = resume_run(stopped, new_experiment)
    assert reporter.epochs[0]["epoch"] == 2
    assert_same_run(run, stopped)


def test_extended_run_matches_longer_training(experiment, trained):
    short, long = experiment(*SMALL), experiment(*SMALL, "epochs=4")
    run, _, _ = trained(long)
    extended, _, _ = trained(short)
    resume_run(extended, long)
    assert_same_run(run, extended)


def test_durations_add_up(experiment, trained):
    run, record, _ = trained(experiment(*SMALL))
    again, _ = resume_run(run, experiment(*SMALL, "epochs=3"))
    assert again.seconds > record.seconds
    assert again.seconds >= sum(row["seconds"] for row in run.read_metrics())


def test_a_damaged_checkpoint_falls_back_to_the_one_before(experiment, killed):
    new_experiment = experiment(*SMALL)
    run, (copy,) = killed(new_experiment, CALLS_PER_EPOCH + 3)
    content = copy.last_checkpoint.read_bytes()
    copy.last_checkpoint.write_bytes(content[:1000] + bytes(byte ^ 1 for byte in content[1000:1100]) + content[1100:])
    checkpoint, trouble = read_last_checkpoint(copy)
    assert "last.npz is damaged" in trouble
    assert checkpoint.progress.calls == 2
    copy.last_checkpoint.unlink()
    resume_run(copy, new_experiment)
    assert_same_run(run, copy)


def test_checkpoint_of_another_network_is_refused_unchanged(experiment, trained):
    run, _, _ = trained(experiment(*SMALL))
    before = run.last_checkpoint.read_bytes()
    with pytest.raises(RunError, match="of another network"):
        resume_run(run, experiment("epochs=3"), changed=True)
    assert run.last_checkpoint.read_bytes() == before


def test_forced_other_optimizer_starts_anew(experiment, trained):
    run, _, _ = trained(experiment(*SMALL, "optimizer=adam"))
    record, reporter = resume_run(run, experiment(*SMALL, "optimizer=lion", "epochs=3"), changed=True)
    assert record.status == "completed"
    assert [row["epoch"] for row in reporter.epochs] == [3]


def test_checkpoints_hold_only_finite_numbers(experiment, trained):
    run, record, _ = trained(experiment(*DIVERGING_OVERRIDES))
    assert record.status == "diverged"
    checkpoint, _ = read_last_checkpoint(run)
    assert checkpoint is None or all(np.isfinite(array).all() for array in checkpoint.arrays.values())


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


def test_resumed_training_uses_new_learning_rate(experiment, trained):
    run, _, _ = trained(experiment(*SMALL, "optimizer=adam"))
    before = read_last_checkpoint(run)[0].arrays
    _, reporter = resume_run(
        run, experiment(*SMALL, "optimizer={type: adam, learning_rate: 0.5}", "epochs=3"), changed=True
    )
    assert reporter.epochs[0]["learning_rate"] == 0.5
    after = read_last_checkpoint(run)[0].arrays
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


@pytest.mark.parametrize("engine", ["chunked", "keras"])
def test_resumed_epoch_continues_its_batch_count(experiment, trained, killed, engine):
    small = experiment(*SMALL, f"engine={engine}", "batch_size=32")
    _, (copy,) = killed(small, 3 if engine == "chunked" else 30)
    _, reporter = resume_run(copy, small)
    steps = [step for epoch, step in reporter.batches if epoch == 1]
    assert steps == ([27, 36, 45] if engine == "chunked" else list(range(30, 46)))
    assert reporter.batches[-1] == (2, 45)
