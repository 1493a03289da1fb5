import fcntl
import json

import pytest

from dnn_cli.errors import RunError
from dnn_cli.runs import run as run_module


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "run.json is not JSON", id="empty"),
        pytest.param('{"a":', "run.json is not JSON", id="torn"),
        pytest.param("[1]", "run.json: content", id="a list"),
        pytest.param("[" * 100_000, "run.json is not JSON", id="deep"),
        pytest.param('{"schema_version": 99}', "schema_version 99; this version of dnn reads up to 2", id="newer"),
        pytest.param('{"schema_version": 1}', "run.json: id: Field required", id="fields missing"),
    ],
)
def test_damaged_record_is_reported_with_a_reason(make_run, content, message):
    run = make_run()
    run.record.write_text(content)
    with pytest.raises(RunError) as refused:
        run.read_record()
    assert message in refused.value.message


@pytest.mark.parametrize("kind", ["missing", "directory"])
def test_missing_record_is_an_error(make_run, kind):
    run = make_run()
    run.record.unlink()
    if kind == "directory":
        run.record.mkdir()
    with pytest.raises(RunError, match="missing" if kind == "missing" else "not a regular file"):
        run.read_record()


@pytest.mark.parametrize(
    "content", ["epoch,loss\n1\n", "epoch,loss\n1,x\n", "epoch,loss\n1,nan\n", 'epoch,loss\n"1'], ids=str
)
def test_torn_metrics_are_refused(make_run, content):
    run = make_run()
    run.metrics.write_text(content)
    with pytest.raises(RunError, match=r"metrics\.csv"):
        run.read_metrics()


def test_unknown_fields_of_a_record_are_kept(make_run):
    run = make_run()
    content = json.loads(run.record.read_text())
    run.record.write_text(json.dumps({**content, "colour": "green"}))
    run.write_record(run.read_record())
    assert json.loads(run.record.read_text())["colour"] == "green"


def test_run_with_dead_process_is_interrupted(make_run):
    run = make_run(status="running")
    assert run.read_record().status == "interrupted"


def test_run_that_completes_during_reading_is_completed(make_run, monkeypatch):
    run = make_run(status="running")
    finished = run.read_raw_record().model_copy(update={"status": "completed"})

    def ends(log):
        run.write_record(finished)
        return run_module.LockState.FREE

    monkeypatch.setattr(run_module, "read_lock_state", ends)
    assert run.read_record().status == "completed"


def test_run_with_living_process_is_running(make_run):
    run = make_run(status="running")
    with run.log.open("wb") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        assert run.read_record().status == "running"
    assert run.read_record().status == "interrupted"
