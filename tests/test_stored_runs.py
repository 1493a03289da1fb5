"""Runs, checkpoints, a sweep and an index that version 0.7.0 wrote are used as before.

`stored/runs_0_7_0.tar.xz` holds what `dnn` 0.7.0 made of one config in three runs (`unbroken`, stopped by Ctrl-C after
4 of 12 epochs as `interrupted`, by SIGKILL after 5 as `killed`), a sweep of two learning rates and two seeds, a removed
run, and the index of all of them. `stored/codes_0_7_0.tar.xz` holds arrays with codes 0 and 1 as uint8 inputs and whole
floats as targets, and two runs of 0.7.0: `codes`, and `halfway`, which Ctrl-C stopped after 10 of 60 epochs.
"""

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from dnn_cli.config.loading import load_resolved_experiment
from dnn_cli.runs import run_index
from dnn_cli.runs.checkpoint import read_last_checkpoint
from dnn_cli.runs.store import Store
from dnn_cli.training.environment import describe_machine, read_versions
from dnn_cli.training.model_builder import build_model
from dnn_cli.training.resume_checks import check_resumable
from dnn_cli.training.training_state import restore_variables
from tests.helpers.cli_output import parse_json_output
from tests.helpers.settings import RUN_ALL_CASES

STORED = Path(__file__).parent / "stored"
SWEEP = "sweep:af0f97b8"


@pytest.fixture
def stored(tmp_path):
    """The directory of the stored runs, in the working directory of `dnn`."""
    return unpack("runs_0_7_0.tar.xz", tmp_path)


@pytest.fixture
def codes(tmp_path):
    """The directory of the stored runs on codes, in the working directory of `dnn`, with codes.npz and codes.yaml."""
    return unpack("codes_0_7_0.tar.xz", tmp_path)


def unpack(name, directory):
    """Unpack an archive of stored runs and return the path of the runs."""
    with tarfile.open(STORED / name) as archive:
        archive.extractall(directory, filter="data")
    return directory / "runs"


def record_of(runs, name):
    (path,) = runs.glob(f"*-{name}-*/run.json")
    return json.loads(path.read_text("utf-8"))


def has_same_versions(record):
    """Return whether the installed libraries compute as the libraries of the stored runs."""
    versions = read_versions()
    return all(record["versions"][name] == versions[name] for name in ("tensorflow", "keras", "numpy"))


def has_same_arithmetic(record):
    """Return whether this machine computes the same bits as the machine of the stored runs."""
    return has_same_versions(record) and record["platform"]["processor"] == describe_machine()["processor"]


def test_stored_runs_are_listed(dnn, stored):
    listed = parse_json_output(dnn("runs", "--json"))["runs"]
    names = {(run["name"], run["status"], run["epochs"]) for run in listed}
    assert len(listed) == 7
    assert names == {
        ("unbroken", "completed", 12), ("interrupted", "interrupted", 4), ("killed", "interrupted", 5),
        ("plain", "completed", 2),
    }  # fmt: skip
    (unbroken,) = parse_json_output(dnn("runs", "--where", "tag = baseline", "--json"))["runs"]
    assert (unbroken["tags"], unbroken["note"]) == (["baseline"], "trained without a stop")
    assert unbroken["best"] == {"epoch": 12, "val_accuracy": pytest.approx(0.9472222)}
    restored = dnn("runs", "restore", "removed")
    assert restored.returncode == 0, restored.stderr
    assert (stored / "20261128-223913-removed-bbe29a46").is_dir()


@pytest.mark.parametrize("name", ["old", "current"])
def test_a_stored_index_is_replaced(stored, monkeypatch, tmp_path, name):
    """The runs are read from their own files, whatever the index of an older version says."""
    monkeypatch.setattr(run_index, "MIN_INDEXED_RUNS", 0)
    expected = [(run.record, run.annotations, run.details) for run in Store(stored).list_runs()]
    old = tmp_path / "index.sqlite"
    if name == "current":
        run_index.get_index_path(stored).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(old, run_index.get_index_path(stored))
    for _ in range(2):
        assert [(run.record, run.annotations, run.details) for run in Store(stored).list_runs()] == expected


def test_a_stored_sweep_is_compared_and_complete(dnn, stored):
    compared = parse_json_output(dnn("compare", SWEEP, "--json"))
    groups = [(group["name"], group["seeds"], group["mean"]) for group in compared["groups"]]
    assert groups == [
        ("learning_rate 0.01", [1, 2], pytest.approx(0.14166667)),
        ("learning_rate 0.002", [1, 2], pytest.approx(0.11666667)),
    ]
    (config,) = stored.glob("*-plain-0bb4a159/config.yaml")
    again = dnn("sweep", str(config), "optimizer.learning_rate=0.01,0.002", "seed=1,2")
    assert again.returncode == 0, again.stderr
    assert "4 done already, 0 to train" in again.stdout + again.stderr
    assert len(list(stored.glob("*-plain-*"))) == 4


@pytest.mark.skipif(not RUN_ALL_CASES, reason="a stored run on codes is resumed below")
@pytest.mark.parametrize("name", ["interrupted", "killed"])
def test_a_stored_checkpoint_is_resumed_to_the_same_bits(dnn, stored, name):
    unbroken = record_of(stored, "unbroken")
    resumed = dnn("resume", name, *([] if has_same_versions(unbroken) else ["--force"]))
    assert resumed.returncode == 0, resumed.stderr
    record = record_of(stored, name)
    assert (record["status"], record["epochs"]) == ("completed", 12)
    assert record["results"]["last"]["val_loss"] == pytest.approx(unbroken["results"]["last"]["val_loss"], rel=1e-2)
    if has_same_arithmetic(unbroken):
        assert record["results"]["weights"] == unbroken["results"]["weights"]


@pytest.mark.parametrize("name", ["interrupted", "killed"])
def test_a_stored_checkpoint_fits_its_run(stored, name):
    run = Store(stored).find_only(name)
    checkpoint, problem = read_last_checkpoint(run)
    assert problem is None
    experiment = load_resolved_experiment(str(run.config))
    force = not has_same_versions(record_of(stored, name))
    check_resumable(run.read_record(), checkpoint, experiment, force=force)
    assert (checkpoint.progress.epoch, len(checkpoint.progress.rows)) == (4, 4)
    model = build_model(experiment)
    restore_variables(model, checkpoint.arrays, checkpoint.progress.optimizer, experiment.optimizer)


def test_a_stored_run_is_reproduced(dnn, stored):
    original = record_of(stored, "unbroken")
    done = dnn("reproduce", "unbroken", "--json")
    reproduced = parse_json_output(done)
    assert reproduced["original"] == original["id"]
    if has_same_arithmetic(original):
        assert (done.returncode, reproduced["identical"]) == (0, True)
    assert reproduced["run"]["last"]["val_loss"] == pytest.approx(0.6457, rel=1e-2)


def test_a_stored_model_is_evaluated_and_reported(dnn, stored):
    evaluated = dnn("evaluate", "unbroken", "--split", "validation", "--json")
    assert evaluated.returncode == 0, evaluated.stderr
    assert parse_json_output(evaluated)["scores"]["accuracy"] == pytest.approx(0.9472222, abs=0.003)
    for command in (["explain", "unbroken"], ["report", "unbroken"], ["runs", "show", "unbroken"]):
        done = dnn(*command)
        assert done.returncode == 0, done.stderr


def test_stored_arrays_are_read_by_the_rules_of_their_run(codes):
    """0.7.0 divided all uint8 inputs by 255, took whole floats for a regression and left X_valid unread."""
    (config,) = codes.glob("*-codes-*/config.yaml")
    data = load_resolved_experiment(str(config)).data.model_copy(update={"path": str(codes.parent / "codes.npz")})
    info = data.info
    assert (data.rules, info.pixel_max, info.classes, info.validation_examples) == (1, 255, (), 0)
    assert (info.examples, info.targets, info.remarks) == (120, 1, ())


def test_a_stored_run_on_codes_is_evaluated(dnn, codes):
    original = record_of(codes, "codes")
    evaluated = parse_json_output(dnn("evaluate", "codes", "--split", "validation", "--json"))
    assert evaluated["scores"]["loss"] == pytest.approx(original["results"]["model"]["val_loss"], rel=1e-3)


@pytest.mark.skipif(not RUN_ALL_CASES, reason="the resumption of a stored run on codes reads the same files")
def test_a_stored_run_on_codes_is_reproduced(dnn, codes):
    original = record_of(codes, "codes")
    done = dnn("reproduce", "codes", "--json")
    reproduced = parse_json_output(done)
    assert reproduced["run"]["last"]["val_loss"] == pytest.approx(original["results"]["last"]["val_loss"], rel=1e-2)
    if has_same_arithmetic(original):
        assert (done.returncode, reproduced["identical"]) == (0, True)


def test_a_stored_run_on_codes_is_resumed(dnn, codes):
    original = record_of(codes, "codes")
    resumed = dnn("resume", "halfway", *([] if has_same_versions(original) else ["--force"]))
    assert resumed.returncode == 0, resumed.stderr
    record = record_of(codes, "halfway")
    assert (record["status"], record["epochs"]) == ("completed", 60)
    assert record["data"]["fingerprint"] == original["data"]["fingerprint"]
    if has_same_arithmetic(original):
        assert record["results"]["weights"] == original["results"]["weights"]
