import pytest

from tests.helpers.cli_output import parse_json_output
from tests.helpers.tensorboard_reader import read_scalars


def test_export_to_both_reports_broken_runs(dnn, make_run, tmp_path):
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    make_run(digits="00000001")
    make_run(digits="00000002", stamp="20260101-000001").record.write_text("{")
    words = ["export-runs", "--mlflow", "file:store", "--tensorboard", "logs", "--json"]
    done = dnn(*words)
    result = parse_json_output(done)
    assert done.returncode == 1, "one of them could not be"
    assert result["mlflow"]["runs"] == [{"id": "00000001", "outcome": "new"}]
    assert result["mlflow"]["experiment"] == "dnn"
    assert result["tensorboard"] == {"logdir": "logs", "runs": [{"id": "00000001", "outcome": "written"}]}
    assert [failure["dir"] for failure in result["failed"]] == ["runs/20260101-000001-digits-00000002"]
    assert "run.json is not JSON" in done.stderr
    assert ("20260101-000000-digits-00000001/train", "epoch_loss") in read_scalars(tmp_path / "logs")

    again = dnn("export-runs", "00000001", "--mlflow", "file:store")
    assert again.returncode == 0
    assert again.stdout == "1 run (1 unchanged) in the experiment dnn of file:store\n"
    assert again.stderr.startswith("MLflow 3 opens a file: store only with ")


def test_export_into_the_runs_directory_writes_into_each_run(dnn, make_run):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    run = make_run()
    assert dnn("export-runs", "--tensorboard", "runs").returncode == 0
    assert ("tensorboard/train", "epoch_loss") in read_scalars(run.directory)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param([], 2, "no destination is named", id="no destination"),
        pytest.param(["--tensorboard", "logs", "nope"], 2, "no run nope", id="no such run"),
        pytest.param(["--tensorboard", "logs", "--where", "status = failed"], 2, "the condition", id="no match"),
        pytest.param(["--mlflow", "mlruns"], 2, "mlruns is not an address of an MLflow store", id="no URI"),
        pytest.param(["--mlflow", "http://127.0.0.1:9"], 1, "the server does not respond", id="no server"),
    ],
)
def test_bad_usage_is_one_message(dnn, make_run, tmp_path, words, code, message):
    make_run()
    done = dnn("export-runs", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert not (tmp_path / "logs").exists()
