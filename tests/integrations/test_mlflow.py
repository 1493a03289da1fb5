"""Runs in MLflow, read back with MLflow's own client."""

import pytest

from dnn_cli.errors import DnnError, RunError, UsageError
from dnn_cli.integrations import mlflow
from dnn_cli.integrations.mlflow import MLFLOW_ENVIRONMENT, MlflowDestination, hide_password
from dnn_cli.integrations.mlflow_content import build_mlflow_content, clean_key, iter_params
from dnn_cli.runs.annotations import Annotations, write_annotations
from dnn_cli.runs.evaluations import Evaluation
from dnn_cli.runs.record import Membership
from dnn_cli.runs.run_info import read_run_info
from tests.helpers.settings import RUN_ALL_CASES

pytestmark = pytest.mark.filterwarnings("ignore")  # what MLflow and SQLAlchemy warn each other of


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of files; what MLflow's environment says is forgotten afterwards."""
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    for name, value in MLFLOW_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return f"file:{tmp_path / 'store'}"


def list_mlflow_runs(uri, experiment="dnn"):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    all_stored = client.search_runs([client.get_experiment_by_name(experiment).experiment_id], order_by=["start_time"])
    return client, [run for run in all_stored if "dnn.id" in run.data.tags], all_stored


def export_all(uri, *runs, **options):
    destination = MlflowDestination(uri, "dnn")
    return [destination.export_run(read_run_info(run), **options) for run in runs]


@pytest.mark.parametrize("kind", ["file", "sqlite"] if RUN_ALL_CASES else ["sqlite"])
def test_complete_run_is_exported(store, make_run, tmp_path, kind):
    uri = store if kind == "file" else f"sqlite:///{tmp_path}/mlflow.db"
    sweep = Membership(id="0123abcd", name="digits", settings={"seed": "1"})
    tested = Evaluation(at="2026-01-02T00:00:00+00:00", split="test", examples=10, scores={"accuracy": 0.75})
    run = make_run("seed=1", curve=(0.5, 0.7, 0.8), sweeps=(sweep,), git={"commit": "abc", "dirty": True},
                   evaluated=(tested,))  # fmt: skip
    write_annotations(run, Annotations(name="renamed", tags=("paper", "good"), note="the best"))
    run.model.write_bytes(b"model")
    assert export_all(uri, run, models=True) == ["new"]

    client, [exported], everything = list_mlflow_runs(uri)
    assert (exported.info.run_name, exported.info.status) == ("renamed", "FINISHED")
    assert (exported.info.start_time, exported.info.end_time) == (1767225601000, 1767225660000)
    settings = exported.data.params
    assert settings["optimizer.type"] == "adam"
    assert settings["layers.hidden.units"] == "16"
    assert settings["data.stratify"] == "false"
    assert settings["seed"] == "1"
    tags = exported.data.tags
    assert tags["dnn.id"] == "00000001" and tags["dnn.tags"] == "paper, good"
    assert tags["mlflow.note.content"] == "the best"
    assert tags["mlflow.source.git.commit"] == "abc" and tags["dnn.git.dirty"] == "true"
    history = client.get_metric_history(exported.info.run_id, "val_accuracy")
    assert [(item.step, item.value, item.timestamp) for item in history] == [
        (1, 0.5, 1767225602000), (2, 0.7, 1767225603000), (3, 0.8, 1767225604000),
    ]  # fmt: skip
    assert exported.data.metrics["test.accuracy"] == 0.75
    files = {item.path for item in client.list_artifacts(exported.info.run_id)}
    assert files == {"config.yaml", "metrics.csv", "run.json", "model.keras"}
    (parent,) = (run for run in everything if run.info.run_id == tags["mlflow.parentRunId"])
    assert parent.info.run_name == "sweep digits"


@pytest.mark.parametrize(
    ("status", "theirs"),
    [("completed", "FINISHED"), ("running", "KILLED"), ("interrupted", "KILLED"), ("diverged", "FAILED"),
     ("failed", "FAILED")],
)  # fmt: skip
def test_status_is_mapped_to_mlflow(make_run, status, theirs):
    assert (
        build_mlflow_content(read_run_info(make_run(status=status))).status == theirs
    )  # no process holds the lock of the running run


def test_second_export_adds_only_new_data(store, make_run):
    run = make_run(curve=(0.5,), status="running", ended=None)
    with run.hold_lock():
        assert export_all(store, run) == ["new"]
        _, [exported], _ = list_mlflow_runs(store)
        assert (exported.info.status, exported.info.end_time) == ("RUNNING", None)
    assert export_all(store, run) == ["updated"]
    assert export_all(store, run) == ["unchanged"]
    row = run.read_metrics()[0]
    run.write_metrics([row, {**row, "epoch": 2, "val_accuracy": 0.9}])
    run.write_record(run.read_raw_record().model_copy(update={"status": "completed", "epochs": 2}))
    assert export_all(store, run) == ["updated"]
    client, [exported], _ = list_mlflow_runs(store)
    assert exported.info.status == "FINISHED"
    history = client.get_metric_history(exported.info.run_id, "val_accuracy")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.5), (2, 0.9)]


def test_changed_params_make_a_new_mlflow_run(store, make_run):
    run = make_run()
    export_all(store, run)
    _, [before], _ = list_mlflow_runs(store)
    run.config.write_text(run.config.read_text().replace("epochs: 2", "epochs: 7"))
    assert export_all(store, run) == ["replaced"]
    client, [after], _ = list_mlflow_runs(store)
    assert after.data.params["epochs"] == "7"
    assert client.get_run(before.info.run_id).info.lifecycle_stage == "deleted"


def test_keys_and_values_fit_mlflow_limits(store, make_run):
    assert clean_key("class_weight.T-shirt/top: ..") == "class_weight.T-shirt_top_ .."
    long = dict(iter_params({"layers.x.name": "a" * 7000}))["layers.x.name"]
    assert len(long) == 6000 and long.endswith("…")
    name = "패션 " + "x" * 60
    words = [f"layers.hidden.name={name}", "class_weight={'0': 2.0}", f"model.name={'y' * 90}"]
    export_all(store, make_run(*words))
    _, [exported], _ = list_mlflow_runs(store)
    assert exported.data.params[f"layers.{name}.units"] == "16"


def test_broken_run_is_refused(store, make_run):
    run = make_run()
    run.config.write_text("x: 1\n")
    with pytest.raises(RunError, match=r"config\.yaml"):
        export_all(store, run)


@pytest.mark.parametrize("uri", ["mlruns", "ftp://x", ""])
def test_invalid_store_is_refused(uri):
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    with pytest.raises(UsageError, match="is not an address of an MLflow store"):
        MlflowDestination(uri, "dnn")


def test_unreachable_server_error_is_one_line(store):
    with pytest.raises(DnnError, match=r"^MLflow at http://127\.0\.0\.1:9: the server does not respond$"):
        MlflowDestination("http://127.0.0.1:9", "dnn")


def test_missing_mlflow_is_refused(monkeypatch):
    monkeypatch.setattr(mlflow.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="MLflow, which is not installed") as caught:
        MlflowDestination("sqlite:///x.db", "dnn")
    assert caught.value.suggestion == "pip install -e '.[mlflow]'"


def test_password_is_hidden():
    assert hide_password("http://me:secret@host:5000/x") == "http://…@host:5000/x"
    assert hide_password("sqlite:///a.db") == "sqlite:///a.db"
