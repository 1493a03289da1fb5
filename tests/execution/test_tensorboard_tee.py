"""TensorBoard's log of a training, while it goes and when it goes on."""

import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.execution.fitting import complete_training
from dnn_cli.execution.messages import Task
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.tensorboard_tee import TensorBoardTee
from dnn_cli.execution.worker import start_task
from dnn_cli.integrations.tensorboard import EventLog
from dnn_cli.runs.run import Run
from tests.helpers.cli_output import parse_json_output
from tests.helpers.digits import QUICK_YAML
from tests.helpers.tensorboard_reader import read_hparams, read_scalars


def test_resumed_log_has_each_epoch_once(dnn, config, tmp_path):
    first_run = parse_json_output(dnn("train", config(QUICK_YAML), "--tensorboard", "--json"))["runs"][0]
    run = Run(tmp_path / first_run["dir"])
    stray = EventLog(run.tensorboard, run.read_record(), {"model": {"layers": []}}, run.read_metrics())
    stray.add_epoch(
        {**run.read_metrics()[-1], "epoch": 3, "loss": 7.0}
    )  # as if it was killed after it reported an epoch
    stray.close()
    assert read_scalars(run.directory)["tensorboard/train", "epoch_loss"][3] == 7.0

    again = parse_json_output(dnn("resume", "@1", "epochs=4", "--json"))["runs"][0]
    rows = run.read_metrics()
    assert again["status"] == "completed" and len(rows) == 4
    logged = read_scalars(tmp_path / "runs")
    name = f"{run.directory.name}/tensorboard"
    assert logged[f"{name}/train", "epoch_loss"] == {row["epoch"]: pytest.approx(row["loss"]) for row in rows}
    assert logged[f"{name}/validation", "epoch_accuracy"].keys() == {1, 2, 3, 4}
    assert logged[name, "model.val_accuracy"] == {4: pytest.approx(rows[-1]["val_accuracy"])}
    _, _, sessions = read_hparams(tmp_path / "runs")
    assert sessions[first_run["id"]].status == 1


def test_worker_writes_tensorboard_log_that_changes_no_bits(config, tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    loaded, cache = load_experiment(config(QUICK_YAML), ["epochs=1"]), ProcessCache()
    ended, plain = (
        complete_training(start_task(
            Task(number, loaded, tmp_path / name, "network", tensorboard=tensorboard), cache,
            lambda event: None, lambda: "",
        ))
        for number, (name, tensorboard) in enumerate({"logged": True, "plain": False}.items())
    )  # fmt: skip
    assert ended.status == plain.status == "completed"
    _, _, sessions = read_hparams(tmp_path / "logged")
    assert [session.status for session in sessions.values()] == [1]
    assert not (plain.run_directory / "tensorboard").exists()
    assert ended.record.results.weights == plain.record.results.weights


def test_full_disk_stops_only_the_log(make_run):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    epochs, messages = [], []

    class FakeProgress:
        def on_epoch(self, scores):
            epochs.append(scores["epoch"])

    run = make_run()
    events = EventLog(run.tensorboard, run.read_record(), {"model": {"layers": []}}, [])

    def raise_disk_full(*words):
        raise OSError(28, "No space left on device")

    events.write_event = raise_disk_full
    tee = TensorBoardTee(FakeProgress(), events, messages.append)
    for row in run.read_metrics():
        tee.on_epoch(row)
    tee.finish_log(run.read_record())
    events.close()
    assert epochs == [1, 2]
    assert messages == ["the TensorBoard log ends: No space left on device; the training continues"]


def test_missing_tensorboard_is_reported_early(program, config, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['tensorboard'] = None\n")
    path = f"{tmp_path}:{__file__.rpartition('/tests/')[0]}"
    for verb in ("train", "sweep"):
        done = program(verb, config(), "seed=1,2" if verb == "sweep" else "seed=1", "--tensorboard", PYTHONPATH=path)
        assert done.returncode == 2
        assert done.stderr == (
            "dnn: --tensorboard needs TensorBoard, which is not installed\n  pip install -e '.[tensorboard]'\n"
        )
    assert not (tmp_path / "runs").exists()
