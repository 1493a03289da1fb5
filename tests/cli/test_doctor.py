import json
import os

import pytest

from dnn_cli.doctor import machine, places, tensorflow
from dnn_cli.doctor.tensorflow import why_none
from tests.conftest import document

QUICK = ["doctor", "--quick"]


def test_everything_is_told_as_json(program, make_run):
    make_run()
    told = document(program("doctor", "--json"))
    assert told["usable"] is True
    assert told["tensorflow"]["tensorflow"] == told["program"]["packages"]["tensorflow"]
    assert told["tensorflow"]["computes"] is True
    assert told["tensorflow"]["seconds"] > 0
    assert told["gpu"]["used"] or told["gpu"]["why_none"]
    assert told["machine"]["cores"] >= 1
    assert told["runs"]["runs"] == {"completed": 1}
    assert told["runs"]["free_bytes"] > 0
    assert told["data"]["scikit-learn"] == ["digits", "iris", "wine", "breast_cancer", "diabetes"]
    assert set(told["data"]) >= {"fashion_mnist", "mnist"}
    assert told["terminal"]["terminal"] is False
    assert set(told["program"]["extras"]) >= {"tensorboard", "mlflow", "optuna", "ray"}


def test_a_page_has_all_sections_and_no_control_codes(program):
    done = program(*QUICK, XDG_CACHE_HOME=os.devnull + "/nowhere")
    sections = [line for line in done.stdout.splitlines() if line and not line.startswith((" ", "1 ", "2 "))]
    assert sections[:5] == ["program", "machine", "environment", "data", "caches"]
    assert "\x1b" not in done.stdout


def test_a_broken_run_and_a_stale_schema_are_problems_that_stop_nothing(program, make_run, tmp_path):
    make_run().record.write_text("{")
    (tmp_path / "schema.json").write_text("{}")
    done = program(*QUICK)
    assert done.returncode == 0
    assert " ! run 20260101-000000-digits-00000001 is broken: run.json is not JSON" in done.stdout
    assert "   dnn schema -o schema.json" in done.stdout


def test_where_nothing_can_be_written_nothing_can_be_trained(program, tmp_path):
    (tmp_path / "file").write_text("")
    done = program(*QUICK, "--json", "--runs-dir", "file/runs")
    told = document(done)
    assert (done.returncode, told["usable"]) == (1, False)
    assert [one["problem"] for one in told["problems"] if one["stops_training"]] == [
        f"no run can be made in file/runs: {tmp_path / 'file'} is no directory"
    ]


def test_no_secret_of_the_environment_is_told(program):
    secret = {"DNN_API_KEY": "hush1", "KERAS_X": "http://me:hush2@host", "AWS_SECRET": "hush3", "TF_VAR_x": "hush4"}
    told = program(*QUICK, "--json", CUDA_VISIBLE_DEVICES="0", **secret).stdout
    assert "hush" not in told
    assert json.loads(told)["environment"]["CUDA_VISIBLE_DEVICES"] == "0"


def test_another_backend_of_keras_stops_training(program):
    done = program(*QUICK, KERAS_BACKEND="jax")
    assert done.returncode == 1
    assert "!! KERAS_BACKEND=jax, and dnn trains on TensorFlow\n   unset KERAS_BACKEND" in done.stdout


@pytest.mark.parametrize(
    ("program_text", "told"),
    [
        pytest.param("import os; os.abort()", "dies of signal 6", id="killed by a signal"),
        pytest.param("raise ImportError('no libfoo')", "ImportError: no libfoo", id="import error"),
        pytest.param("print('hello')", "ends with 0", id="no answer"),
    ],
)
def test_a_tensorflow_that_dies_is_told_and_not_suffered(monkeypatch, program_text, told):
    monkeypatch.setattr(tensorflow, "PROGRAM", program_text)
    section, gpus = tensorflow.look_at_tensorflow()
    (problem,) = section.problems
    assert told in problem.what
    assert problem.stops
    assert gpus.problems == ()


SAYS = {"cuda_build": True}
CARD = ["NVIDIA H100, 81559 MiB, 550.54"]


@pytest.mark.parametrize(
    ("said", "log", "known", "files", "plugged", "hidden", "why"),
    [
        pytest.param(SAYS, "", [], [], (0, 0), None, "there is no GPU in this machine", id="none"),
        pytest.param(SAYS, "", [], [], (1, 0), None, "no driver for it", id="no driver"),
        pytest.param(SAYS, "", [], [], (0, 1), None, "an AMD GPU", id="AMD"),
        pytest.param(SAYS, "", CARD, ["/dev/nvidia0"], (1, 0), "", "hides every GPU", id="hidden"),
        pytest.param({"cuda_build": False}, "", CARD, ["/dev/nvidia0"], (1, 0), None, "without CUDA", id="CPU wheel"),
        pytest.param(SAYS, "Cannot dlopen some GPU libraries", CARD, ["/dev/nvidia0"], (1, 0), None,
                     "CUDA's libraries are not installed", id="no libraries"),
        pytest.param(SAYS, "", [], ["/dev/nvidia0"], (1, 0), None, "driver does not answer", id="driver is silent"),
        pytest.param(SAYS, "x] failed call to cuInit: CUDA_ERROR_NO_DEVICE", CARD, ["/dev/nvidia0"], (1, 0), None,
                     "failed call to cuInit", id="in its own words"),
    ],
)  # fmt: skip
def test_why_no_gpu_is_used(monkeypatch, said, log, known, files, plugged, hidden, why):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    told, remedy = why_none(said, log, known, files, plugged)
    assert why in told
    assert bool(remedy) == (why != "there is no GPU in this machine")


def test_a_processor_without_avx_stops_training(monkeypatch):
    monkeypatch.setattr(machine, "cpu_line", lambda *words: "flags : sse4_2")
    monkeypatch.setattr(machine.os, "uname", lambda: os.uname_result(("Linux", "x", "6", "v", "x86_64")))
    assert any(problem.stops and "AVX" in problem.what for problem in machine.look_at_machine().problems)


def test_a_disk_without_room_and_without_locks_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(places.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    monkeypatch.setattr(places, "lock_trouble", lambda folder: "No locks available")
    found = places.look_at_runs(tmp_path / "runs").problems
    assert [(problem.what.split(" ", 2)[2][:12], problem.stops) for problem in found] == [
        ("are free on ", True), (f"{tmp_path} cannot be locked"[:12], False),
    ]  # fmt: skip
