"""TensorBoard's log of a training, while it goes and when it goes on."""

import pytest

from dnn_cli.execute.session import Session
from dnn_cli.execute.task import Task
from dnn_cli.execute.tensorboard import Both
from dnn_cli.execute.worker import carry_out
from dnn_cli.report.tensorboard import EventLog
from dnn_cli.runs.run import Run
from dnn_cli.spec.load import load
from tests.conftest import document
from tests.report.tensorboards import hparams, scalars

QUICK = ["jit=false", "epochs=2"]


def test_a_resumed_training_has_every_epoch_once_and_the_bits_of_one_without(dnn, config, tmp_path):
    begun = document(dnn("train", config(), *QUICK, "--tensorboard", "--json"))["runs"][0]
    run = Run(tmp_path / begun["dir"])
    stray = EventLog(run.tensorboard, run.read_record(), {"model": {"layers": []}}, run.read_metrics())
    stray.add({**run.read_metrics()[-1], "epoch": 3, "loss": 7.0})  # as if it was killed after it told of an epoch
    stray.close()
    assert scalars(run.directory)["tensorboard/train", "epoch_loss"][3] == 7.0

    again = document(dnn("resume", "@1", "epochs=4", "--json"))["runs"][0]
    rows = run.read_metrics()
    assert again["status"] == "completed" and len(rows) == 4
    logged = scalars(tmp_path / "runs")
    name = f"{run.directory.name}/tensorboard"
    assert logged[f"{name}/train", "epoch_loss"] == {row["epoch"]: pytest.approx(row["loss"]) for row in rows}
    assert logged[f"{name}/validation", "epoch_accuracy"].keys() == {1, 2, 3, 4}
    assert logged[name, "model.val_accuracy"] == {4: pytest.approx(rows[-1]["val_accuracy"])}
    _, _, sessions = hparams(tmp_path / "runs")
    assert sessions[begun["id"]].status == 1

    plain = document(dnn("train", config(), "jit=false", "epochs=4", "--json"))["runs"][0]
    assert not (tmp_path / plain["dir"] / "tensorboard").exists()
    assert Run(tmp_path / plain["dir"]).read_record().results.weights == run.read_record().results.weights


def test_a_worker_writes_a_log_where_its_task_says_so(config, tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    loaded = load(config(), ["jit=false", "epochs=1"])
    task = Task(0, loaded, tmp_path / "runs", "network", tensorboard=True)
    ended = carry_out(task, Session(), lambda event: None, lambda: "")
    assert ended.status == "completed"
    _, _, sessions = hparams(tmp_path / "runs")
    assert [session.status for session in sessions.values()] == [1]


def test_a_full_disk_ends_the_log_and_not_the_training(make_run):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    heard, said = [], []

    class Watch:
        def on_epoch(self, scores):
            heard.append(scores["epoch"])

    run = make_run()
    events = EventLog(run.tensorboard, run.read_record(), {"model": {"layers": []}}, [])

    def full(*words):
        raise OSError(28, "No space left on device")

    events.put = full
    both = Both(Watch(), events, said.append)
    for row in run.read_metrics():
        both.on_epoch(row)
    both.end(run.read_record())
    events.close()
    assert heard == [1, 2]
    assert said == ["no more of TensorBoard's log: No space left on device; the training goes on"]


def test_without_tensorboard_nothing_is_trained(program, config, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['tensorboard'] = None\n")
    path = f"{tmp_path}:{__file__.rpartition('/tests/')[0]}"
    for verb in ("train", "sweep"):
        done = program(verb, config(), "seed=1,2" if verb == "sweep" else "seed=1", "--tensorboard", PYTHONPATH=path)
        assert done.returncode == 2
        assert done.stderr == (
            "dnn: --tensorboard needs TensorBoard, which is not installed\n  pip install -e '.[tensorboard]'\n"
        )
    assert not (tmp_path / "runs").exists()
