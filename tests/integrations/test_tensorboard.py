"""Logs for TensorBoard, read back with TensorBoard's own readers."""

import pytest

from dnn_cli.errors import RunError, UsageError
from dnn_cli.integrations import tensorboard
from dnn_cli.integrations.tensorboard import check_tensorboard_installed, write_event_log
from dnn_cli.runs.run_info import read_run_info
from tests.helpers.tensorboard_reader import read_hparams, read_scalars


def write_run_log(run):
    write_event_log(run.tensorboard, read_run_info(run))


def test_every_epoch_is_logged_once(make_run):
    run = make_run(curve=(0.5, 0.7, 0.75))
    write_run_log(run)
    write_run_log(run)
    logged = read_scalars(run.directory)
    assert logged["tensorboard/train", "epoch_accuracy"] == {1: 0.5, 2: pytest.approx(0.7), 3: 0.75}
    assert logged["tensorboard/validation", "epoch_loss"] == {1: 0.5, 2: pytest.approx(0.3), 3: 0.25}
    assert logged["tensorboard/train", "epoch_learning_rate"].keys() == {1, 2, 3}
    assert {tag for _, tag in logged} == {"epoch_accuracy", "epoch_loss", "epoch_learning_rate"}
    assert len(list(run.tensorboard.rglob("events*"))) == 3


def test_hparams_table_has_all_runs(make_run, tmp_path):
    first = make_run("optimizer=sgd", "seed=1", digits="00000001")
    results = first.read_record().results.model_copy(update={"model": {"val_accuracy": 0.8}})
    first.write_record(first.read_record().model_copy(update={"results": results}))
    rate = "optimizer.learning_rate={type: CosineDecay, initial_learning_rate: 0.01, decay_steps: 100}"
    write_run_log(first)
    write_run_log(make_run("optimizer=adam", rate, "seed=2", digits="00000002", status="diverged"))
    third = make_run("optimizer={type: adam, beta_1: 0.8}", digits="00000003", status="running")
    with third.hold_lock():
        write_run_log(third)
    infos, metrics, sessions = read_hparams(tmp_path / "runs")
    assert {value.string_value for value in infos["optimizer.type"].domain_discrete.values} == {"sgd", "adam"}
    assert (infos["seed"].domain_interval.min_value, infos["seed"].domain_interval.max_value) == (1, 42)
    assert infos["seed"].differs and not infos["batch_size"].differs
    assert infos["optimizer.beta_1"].domain_interval.max_value == 0.8, "what only one run has is there, too"
    assert infos["optimizer.learning_rate"].domain_interval.max_value == 0.01, "a schedule makes no text of numbers"
    assert ("validation", "epoch_accuracy") in metrics
    assert ("", "model.val_accuracy") in metrics
    assert {name: session.status for name, session in sessions.items()} == {
        "00000001": 1, "00000002": 2, "00000003": 0,
    }  # fmt: skip
    assert sessions["00000001"].metrics["", "model.val_accuracy"] == pytest.approx(0.8)


def test_log_directory_may_not_be_a_link(make_run, tmp_path):
    run = make_run()
    (tmp_path / "elsewhere").mkdir()
    run.tensorboard.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="it is a symbolic link"):
        write_run_log(run)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_foreign_event_files_stay(make_run):
    run = make_run()
    run.tensorboard.mkdir()
    other = run.tensorboard / "events.out.tfevents.0000000001.host"
    other.write_bytes(b"")
    write_run_log(run)
    assert other.exists()


def test_broken_run_leaves_no_log(make_run):
    run = make_run()
    run.metrics.write_text("epoch\nx\n")
    with pytest.raises(RunError, match="damaged"):
        write_run_log(run)
    assert not run.tensorboard.exists()


def test_missing_tensorboard_is_refused(monkeypatch):
    monkeypatch.setattr(tensorboard.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="TensorBoard, which is not installed") as caught:
        check_tensorboard_installed()
    assert caught.value.suggestion == "pip install -e '.[tensorboard]'"
