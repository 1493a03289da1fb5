"""`dnn baseline` makes a run for each method; other commands use or refuse such a run."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from dnn_cli.baseline.methods import METHODS
from dnn_cli.cli.commands import baseline as command
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from tests.helpers import forked_cli
from tests.helpers.settings import ROOT
from tests.helpers.untrained_runs import make_run_directory

CONFIG = """\
name: cancer
data: {dataset: breast_cancer, test_size: 0.2, stratify: true}
model:
  layers: [{type: Dense, units: 1, activation: sigmoid}]
loss: binary_crossentropy
metrics: [accuracy, auc]
"""


class Baselines:
    """A directory with the runs of all baselines of one config."""

    def __init__(self, path):
        self.path = path
        (path / "cancer.yaml").write_text(CONFIG, encoding="utf-8")
        self.done = self.dnn("baseline", "cancer.yaml", "--json")
        self.documents = json.loads(self.done.stdout)["runs"]

    def dnn(self, *words):
        return forked_cli.run_command(self.path, *words)

    def get_run(self, method):
        (directory,) = (self.path / "runs").glob(f"*-cancer-{method}-*")
        return Run(directory)


@pytest.fixture(scope="module")
def baselines(tmp_path_factory):
    return Baselines(tmp_path_factory.mktemp("baselines"))


def test_every_method_has_a_run_with_scores_and_predictions(baselines):
    assert [document["name"] for document in baselines.documents] == [f"cancer-{name}" for name in METHODS]
    for name, document in zip(METHODS, baselines.documents, strict=True):
        run = baselines.get_run(name)
        record = run.read_record()
        assert (record.kind, record.schema_version, record.status) == ("baseline", 2, "completed")
        assert document["scores"]["val_accuracy"] == record.results.model["val_accuracy"]
        assert {path.name for path in run.directory.iterdir()} == {
            "config.yaml", "inputs.npz", "metrics.csv", "predictions.npz", "run.json", "train.log",
        }  # fmt: skip
        with np.load(run.predictions) as arrays:
            accuracy = ((arrays["outputs"][:, 0] > 0.5) == arrays["labels"]).mean()
        assert accuracy == pytest.approx(record.results.model["val_accuracy"])


def test_the_config_of_a_run_trains_the_same_baseline_again(baselines):
    run = baselines.get_run("linear")
    done = baselines.dnn("baseline", str(run.config), "--only", "linear", "--json", "--runs-dir", "again")
    (document,) = json.loads(done.stdout)["runs"]
    first = run.read_record()
    assert (document["name"], document["scores"]["val_loss"]) == ("cancer-linear", first.results.last["val_loss"])


def test_a_report_shows_baselines_without_epochs(baselines):
    done = baselines.dnn("report", "-o", "report.html")
    assert done.returncode == 0, done.stderr
    text = (baselines.path / "report.html").read_text(encoding="utf-8")
    assert "gradient boosting" in text
    assert "best, epoch" not in text
    assert "--only boosting" in text


def test_folds_train_a_baseline_in_every_fold(baselines):
    words = ("baseline", "cancer.yaml", "--only", "linear", "--only", "constant", "--folds", "3", "--runs-dir", "folds")
    done = baselines.dnn(*words)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[2:4]] == ["cancer-constant", "cancer-linear"]
    document = json.loads(baselines.dnn("compare", "--runs-dir", "folds", "--json").stdout)
    assert [[len(group["folds"]), group["name"]] for group in document["groups"]] == [[3, "linear"], [3, "constant"]]
    assert document["pairs"][0]["basis"] == "folds"


def test_options_name_the_methods():
    assert tuple(METHODS) == command._METHOD_NAMES


def test_tensorflow_is_not_imported(baselines):
    code = (
        "import sys\nfrom dnn_cli.__main__ import main\n"
        "sys.argv[1:] = ['baseline', 'cancer.yaml', '--only', 'linear', '--runs-dir', 'other']\n"
        "try: main()\nfinally: print(sorted({'tensorflow', 'keras'} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=baselines.path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "words",
    ["predict ID x.csv", "export ID --format onnx", "resume ID", "reproduce ID", "explain ID", "plot ID", "summary ID",
     "watch ID", "evaluate ID --best", "evaluate ID cancer.yaml"],
)  # fmt: skip
def test_commands_that_need_a_network_refuse_a_baseline(words, baselines):
    run_id = baselines.documents[1]["id"]
    done = baselines.dnn(*words.replace("ID", run_id).split())
    assert done.returncode == 2
    assert f"cancer-linear {run_id} is a baseline of scikit-learn" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2


def test_evaluate_shows_saved_predictions_and_trains_again_for_the_test_set(baselines):
    run_id = baselines.documents[1]["id"]
    done = baselines.dnn("evaluate", run_id, "--split", "validation", "--json")
    document = json.loads(done.stdout)
    assert document["scores"]["accuracy"] == baselines.documents[1]["scores"]["val_accuracy"]
    assert document["report"]["accuracy"] == pytest.approx(document["scores"]["accuracy"])
    done = baselines.dnn("evaluate", run_id, "--json")
    assert (done.returncode, json.loads(done.stdout)["examples"]) == (0, 114)
    listed = baselines.dnn("runs", "--where", "kind=baseline and test_accuracy>0.9", "--json")
    assert [run["id"] for run in json.loads(listed.stdout)["runs"]] == [run_id]


def test_evaluate_refuses_predictions_that_cannot_be_repeated(baselines, tmp_path):
    run = Run(tmp_path / "run")
    shutil.copytree(baselines.get_run("linear").directory, run.directory)
    with np.load(run.predictions) as arrays:
        changed = {**arrays, "outputs": 1 - arrays["outputs"]}
    np.savez(run.predictions, **changed)
    done = baselines.dnn("evaluate", str(run.directory))
    assert done.returncode == 1
    assert "cannot be trained again with equal predictions" in done.stderr


@pytest.mark.parametrize("words", ["runs", "runs show @1", "runs diff @1 @2", "compare", "compare --csv",
                                   "export-runs --tensorboard logs"])  # fmt: skip
def test_commands_that_read_runs_accept_baselines(words, baselines):
    done = baselines.dnn(*words.split())
    assert done.returncode == 0, done.stderr
    assert "epoch 1" not in done.stdout


def test_an_unknown_method_has_a_suggestion(baselines):
    done = baselines.dnn("baseline", "cancer.yaml", "--only", "linar")
    assert (done.returncode, done.stderr) == (
        2, "dnn: --only linar: no baseline has this name\n  did you mean linear?\n",
    )  # fmt: skip


def test_a_method_that_cannot_be_trained_leaves_no_run(baselines):
    rows = "\n".join(["x,y", *(f"{number},{'b' if number == 5 else 'a'}" for number in range(10))])
    (baselines.path / "rare.csv").write_text(rows + "\n")
    data = "data={dataset: csv, path: rare.csv, test_size: 0, validation_size: 0.5}"
    seeds = [seed for seed in range(9) if 5 in train_test_split(range(10), test_size=0.5, random_state=seed)[1]]
    words = ("baseline", "cancer.yaml", data, f"data.split_seed={seeds[0]}", "--only", "linear", "--runs-dir", "none")
    done = baselines.dnn(*words)
    assert done.returncode == 2
    assert "the linear model needs training examples of two classes" in done.stderr
    assert not (baselines.path / "none").exists()


def test_a_network_run_is_no_repeat_of_a_baseline(baselines):
    data = Store(baselines.path / "runs").list_runs()[0].record.data
    network = make_run_directory(baselines.path, digits="0000abcd", text=CONFIG, data=data)
    done = baselines.dnn("compare", "--json")
    assert len(json.loads(done.stdout)["groups"]) == len(METHODS) + 1
    # A baseline has a better score, but no model for the commands that use this address.
    assert "0000abcd" in baselines.dnn("runs", "show", "best:val_accuracy").stdout
    shutil.rmtree(network.directory)
