"""`dnn ensemble`: scores on the screen and as JSON, the test set, the export, and refused options."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.cli_output import parse_json_output
from tests.helpers.member_runs import draw_members, make_members

LOAD = """
import json, sys
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
assert not any(name.startswith("dnn_cli") for name in sys.modules)
inputs = np.random.default_rng(0).integers(0, 17, (5, 8, 8)).astype("float32")
mean = np.mean([model.get_layer(f"member_{number}").predict(inputs, verbose=0) for number in (1, 2)], axis=0)
print(json.dumps(float(np.abs(model.predict(inputs, verbose=0) - mean).max())))
"""


@pytest.fixture
def members(make_run):
    targets, outputs = draw_members(4)
    return make_members(make_run, outputs, targets)


def test_scores_and_curve_are_printed(dnn, members):
    done = dnn("ensemble", "digits")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "ensemble of 4 runs on 60 validation examples: mean of probabilities"
    assert lines[2].split() == ["score", "ensemble", "mean", "best", "gain", "95%", "interval"]
    assert [line.split()[0] for line in lines[4:6]] == ["loss", "accuracy"]
    assert "gain in accuracy over one member" in lines
    assert max(map(len, lines[2:6])) <= 80


def test_temperature_of_a_member_is_not_used(dnn, members):
    """The outputs of the members stay those of their predictions, and a line says so."""
    path = members[0].record
    plain = dnn("ensemble", "digits").stdout.splitlines()
    fitted = {"at": "2027-01-01T00:00:00+00:00", "model": "model.keras", "temperature": 2.0, "examples": 60}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"temperatures": [fitted]}))
    lines = dnn("ensemble", "digits").stdout.splitlines()
    (note,) = [line for line in lines if "temperature" in line]
    assert note.endswith("also in an exported model: those of 1 of 4 members are not used")
    lines.remove(note)
    assert lines == plain


def test_json_has_the_scores_of_the_screen(dnn, members):
    document = parse_json_output(dnn("ensemble", "digits", "--best", "2", "--metric", "val_loss", "--json"))
    assert document["metric"] == "loss" and document["chosen_by_score"]
    assert (document["examples"], document["examples_of_choice"], document["candidates"]) == (30, 30, 4)
    scores = [member["score_in_choice"] for member in document["members"]]
    assert len(scores) == 2 and scores == sorted(scores)
    loss = document["scores"]["loss"]
    assert loss["gain"]["value"] == pytest.approx(loss["mean_member"] - loss["ensemble"])
    assert loss["gain_over_best"]["value"] == pytest.approx(loss["best_member"] - loss["ensemble"])
    curve = document["curve"]
    assert [point["members"] for point in curve] == [1, 2, 3, 4]
    assert curve[1]["score"] == pytest.approx(loss["ensemble"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--best", "5"], "--best 5 is more than the 4 runs"),
        (["--metric", "auc"], "the runs have no score auc"),
        (["--force"], "--force needs -o"),
        (["-o", "ensemble.h5"], "does not end in .keras"),
        (["-o", "none/ensemble.keras"], "none does not exist"),
        (["-o", "ensemble.keras"], "has no model.keras"),
        (["--split", "test"], "digits has no test set"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_are_refused_in_one_line(dnn, members, options, message):
    done = dnn("ensemble", "digits", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and "Traceback" not in done.stderr


def test_baselines_are_refused(dnn, members):
    run = members[0]
    record = json.loads(run.record.read_text())
    baseline = {"method": "linear", "title": "linear model", "estimator": "LogisticRegression()", "examples": 1}
    run.record.write_text(json.dumps({**record, "baseline": baseline, "kind": "baseline", "schema_version": 2}))
    done = dnn("ensemble", *(f"{number:08x}" for number in range(1, 5)))
    assert done.returncode == 2
    assert "digits 00000001 is a baseline of scikit-learn" in done.stderr


def test_members_of_one_ensemble_are_evaluated_and_exported(workspace, spoiled, tmp_path):
    """Two runs with equal data and different networks form an ensemble on the test set, and one file for Keras."""
    runs = [shutil.copytree(run.directory, tmp_path / run.directory.name) for run in (workspace.digits, spoiled.run)]
    path = tmp_path / "both.keras"
    done = workspace.dnn("ensemble", *map(str, runs), "--split", "test", "-o", str(path), "--json")
    document = parse_json_output(done)
    assert (document["split"], document["examples"]) == ("test", 450)
    accuracies = []
    for run in runs:
        *_, evaluation = json.loads((run / "run.json").read_text())["evaluated"]
        assert evaluation["split"] == "test"
        accuracies.append(evaluation["scores"]["accuracy"])
    assert document["scores"]["accuracy"]["mean_member"] == pytest.approx(np.mean(accuracies), abs=1e-6)
    assert document["export"]["checked"]["difference"] <= 1e-6
    sidecar = json.loads((tmp_path / "both.keras.json").read_text())
    assert sidecar["output"]["meaning"] == "probabilities of the classes"
    assert [member["run"] for member in sidecar["runs"]] == [member["id"] for member in document["members"]]
    again = workspace.dnn("ensemble", *map(str, runs), "-o", str(path))
    assert again.returncode == 2 and "already exists" in again.stderr
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD, str(path)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(loaded.stdout.splitlines()[-1]) <= 1e-6
