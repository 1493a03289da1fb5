import json

import numpy as np
import pytest

from dnn_cli.runs.record import Resume
from tests.helpers.cli_output import parse_json_output


def test_reproduction_is_compared_bit_by_bit(dnn, make_run, tmp_path):
    # The scores are those of no training.
    make_run("jit=false", "batch_size=479", platform={"processor": "\x1b[31mabacus"})

    first = dnn("reproduce", "digits")
    assert first.returncode == 1, first.stderr
    verdict, unknown, run_line, difference_heading, *table = first.stdout.splitlines()
    assert verdict.startswith(
        "the reproduction of digits 00000001 differs: metrics from epoch 1 on (loss 0.5000 before, "
    )
    assert unknown == "  not compared: weights, predictions, which the original run does not record"
    assert difference_heading == "possible causes:"
    assert table[0].split() == ["condition", "original", "now"]
    assert any(line.startswith("platform.processor") and "�[31mabacus" in line for line in table)
    assert any(line.split() == ["plan.engine", "keras", "chunked"] for line in table)
    assert "\x1b" not in first.stdout
    trained = tmp_path / run_line.removeprefix("  path  ")
    record = json.loads((trained / "run.json").read_text())
    assert (record["status"], record["reproduces"]) == ("completed", "00000001")

    second = dnn("reproduce", record["id"], "--json", TF_NUM_OF_NOTHING="1")
    assert second.returncode == 0, second.stderr
    result = parse_json_output(second)
    assert result["run"]["id"] not in ("00000001", record["id"])
    assert result["run"]["last"]["loss"] == record["results"]["last"]["loss"]
    del result["run"]
    assert result == {
        "schema_version": 1, "original": record["id"], "identical": True, "weights": True, "metrics": True,
        "predictions": True, "first_difference": None,
        "differences": [{"what": "flags.TF_NUM_OF_NOTHING", "then": None, "now": "1"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words", "message", "hint"),
    [
        pytest.param(
            {"status": "interrupted"}, [], "run 00000001 is interrupted, and only a completed run",
            "dnn resume runs/20260101-000000-digits-00000001 completes the run", id="interrupted",
        ),
        pytest.param(
            {"status": "diverged"}, [], "run 00000001 is diverged, and only a completed run",
            "dnn train runs/20260101-000000-digits-00000001/config.yaml trains the config again", id="diverged",
        ),
        pytest.param(
            {"resumed": (Resume(at="then", epochs=1), Resume(at="now", epochs=1, forced=("keras: 1 → 2", "b")))},
            [], "run 00000001 was resumed with changes (keras: 1 → 2), so its config.yaml alone",
            "dnn train runs/20260101-000000-digits-00000001/config.yaml trains this config.yaml from the beginning",
            id="forced",
        ),
        pytest.param(
            {}, ["data.path=x", "epochs=3"], "epochs=3 changes the experiment",
            "dnn train runs/20260101-000000-digits-00000001/config.yaml data.path=x epochs=3 trains the", id="epochs",
        ),
        pytest.param({}, ["~data.path"], "~data.path changes the experiment", "", id="removed"),
        pytest.param({}, ["data.path.x=1"], "data.path.x=1 changes the experiment", "", id="below a path"),
        pytest.param({}, ["digits"], "reproduce needs one run", "for example: dnn reproduce @1", id="two runs"),
    ],
)  # fmt: skip
def test_irreproducible_run_is_refused_before_training(dnn, make_run, tmp_path, changes, words, message, hint):
    make_run(**changes)
    done = dnn("reproduce", "00000001", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert hint in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert len(list((tmp_path / "runs").iterdir())) == 1


@pytest.mark.parametrize("file", ["metrics.csv", "predictions.npz", "run.json"])
def test_damaged_run_is_refused_before_training(dnn, make_run, tmp_path, file):
    run = make_run()
    np.savez(run.predictions, outputs=np.zeros(2))
    (run.directory / file).write_text("{torn")
    done = dnn("reproduce", str(run.directory))
    assert done.returncode == 1
    assert file in done.stderr
    assert "Traceback" not in done.stderr
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_moved_data_must_exist(dnn, make_run, tmp_path):
    make_run()
    done = dnn("reproduce", "@1", "data.path=nowhere")
    assert done.returncode == 2
    assert "changes the experiment" not in done.stderr
    assert "data.path" in done.stderr
