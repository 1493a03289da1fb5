"""Runs in MLflow, read back with MLflow's own client."""

import pytest

from dnn_cli.errors import DnnError, RunError, UsageError
from dnn_cli.report import mlflow
from dnn_cli.report.mlflow import QUIET, Destination, shown
from dnn_cli.report.mlflow_content import allowed, content, params
from dnn_cli.runs.entry import read_entry
from dnn_cli.runs.labels import Labels, write_labels
from dnn_cli.runs.record import Evaluation, Membership

pytestmark = pytest.mark.filterwarnings("ignore")  # what MLflow and SQLAlchemy warn each other of


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of files; what MLflow's environment says is forgotten afterwards."""
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    return f"file:{tmp_path / 'store'}"


def all_runs(uri, experiment="dnn"):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id], order_by=["start_time"])
    return client, [run for run in found if "dnn.id" in run.data.tags], found


def export(uri, *runs, **options):
    destination = Destination(uri, "dnn")
    return [destination.export(read_entry(run), **options) for run in runs]


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_everything_of_a_run_is_there(store, make_run, tmp_path, kind):
    uri = store if kind == "file" else f"sqlite:///{tmp_path}/mlflow.db"
    sweep = Membership(id="0123abcd", name="digits", settings={"seed": "1"})
    tested = Evaluation(at="2026-01-02T00:00:00+00:00", split="test", examples=10, scores={"accuracy": 0.75})
    run = make_run("seed=1", curve=(0.5, 0.7, 0.8), sweeps=(sweep,), git={"commit": "abc", "dirty": True},
                   evaluated=(tested,))  # fmt: skip
    write_labels(run, Labels(name="renamed", tags=("paper", "good"), note="the best"))
    run.model.write_bytes(b"model")
    assert export(uri, run, models=True) == ["new"]

    client, [found], everything = all_runs(uri)
    assert (found.info.run_name, found.info.status) == ("renamed", "FINISHED")
    assert (found.info.start_time, found.info.end_time) == (1767225601000, 1767225660000)
    settings = found.data.params
    assert settings["optimizer.type"] == "adam"
    assert settings["layers.hidden.units"] == "16"
    assert settings["data.stratify"] == "false"
    assert settings["seed"] == "1"
    told = found.data.tags
    assert told["dnn.id"] == "00000001" and told["dnn.tags"] == "paper, good"
    assert told["mlflow.note.content"] == "the best"
    assert told["mlflow.source.git.commit"] == "abc" and told["dnn.git.dirty"] == "true"
    history = client.get_metric_history(found.info.run_id, "val_accuracy")
    assert [(one.step, one.value, one.timestamp) for one in history] == [
        (1, 0.5, 1767225602000), (2, 0.7, 1767225603000), (3, 0.8, 1767225604000),
    ]  # fmt: skip
    assert found.data.metrics["test.accuracy"] == 0.75
    files = {one.path for one in client.list_artifacts(found.info.run_id)}
    assert files == {"config.yaml", "metrics.csv", "run.json", "model.keras"}
    (parent,) = (run for run in everything if run.info.run_id == told["mlflow.parentRunId"])
    assert parent.info.run_name == "sweep digits"


@pytest.mark.parametrize(
    ("status", "theirs"),
    [("completed", "FINISHED"), ("running", "KILLED"), ("interrupted", "KILLED"), ("diverged", "FAILED"),
     ("failed", "FAILED")],
)  # fmt: skip
def test_how_a_run_ended_is_told_in_their_words(make_run, status, theirs):
    assert content(read_entry(make_run(status=status))).status == theirs  # nobody holds the lock of the running one


def test_again_adds_nothing_and_then_what_is_new(store, make_run):
    run = make_run(curve=(0.5,), status="running", ended=None)
    with run.claimed():
        assert export(store, run) == ["new"]
        _, [found], _ = all_runs(store)
        assert (found.info.status, found.info.end_time) == ("RUNNING", None)
    assert export(store, run) == ["updated"]
    assert export(store, run) == ["unchanged"]
    row = run.read_metrics()[0]
    run.write_metrics([row, {**row, "epoch": 2, "val_accuracy": 0.9}])
    run.write_record(run.parse_record().model_copy(update={"status": "completed", "epochs": 2}))
    assert export(store, run) == ["updated"]
    client, [found], _ = all_runs(store)
    assert found.info.status == "FINISHED"
    history = client.get_metric_history(found.info.run_id, "val_accuracy")
    assert [(one.step, one.value) for one in history] == [(1, 0.5), (2, 0.9)]


def test_what_mlflow_cannot_change_becomes_a_new_run(store, make_run):
    run = make_run()
    export(store, run)
    _, [before], _ = all_runs(store)
    run.config.write_text(run.config.read_text().replace("epochs: 2", "epochs: 7"))
    assert export(store, run) == ["replaced"]
    client, [after], _ = all_runs(store)
    assert after.data.params["epochs"] == "7"
    assert client.get_run(before.info.run_id).info.lifecycle_stage == "deleted"


def test_names_and_values_are_what_mlflow_takes(store, make_run):
    assert allowed("class_weight.T-shirt/top: ..") == "class_weight.T-shirt_top_ .."
    long = dict(params({"layers.x.name": "a" * 7000}))["layers.x.name"]
    assert len(long) == 6000 and long.endswith("…")
    name = "패션 " + "x" * 60
    words = [f"layers.hidden.name={name}", "class_weight={'0': 2.0}", f"model.name={'y' * 90}"]
    export(store, make_run(*words))
    _, [found], _ = all_runs(store)
    assert found.data.params[f"layers.{name}.units"] == "16"


def test_a_broken_run_is_told(store, make_run):
    run = make_run()
    run.config.write_text("x: 1\n")
    with pytest.raises(RunError, match=r"config\.yaml"):
        export(store, run)


@pytest.mark.parametrize("uri", ["mlruns", "ftp://x", ""])
def test_what_is_no_store_is_refused(uri):
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    with pytest.raises(UsageError, match="is no store of MLflow"):
        Destination(uri, "dnn")


def test_a_server_that_is_not_there_is_one_line(store):
    with pytest.raises(DnnError, match=r"^MLflow at http://127\.0\.0\.1:9: nobody answers there$"):
        Destination("http://127.0.0.1:9", "dnn")


def test_without_mlflow_it_is_refused(monkeypatch):
    monkeypatch.setattr(mlflow.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="MLflow, which is not installed") as caught:
        Destination("sqlite:///x.db", "dnn")
    assert caught.value.hint == "pip install -e '.[mlflow]'"


def test_a_password_is_not_shown():
    assert shown("http://me:secret@host:5000/x") == "http://…@host:5000/x"
    assert shown("sqlite:///a.db") == "sqlite:///a.db"
