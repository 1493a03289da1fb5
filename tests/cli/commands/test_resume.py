"""`dnn resume` and `dnn train --resume` as commands; tests/training/test_resumed_training.py compares the bits."""

import json
import shutil

import pytest

from dnn_cli.config.digests import compute_training_digest
from dnn_cli.config.loading import load_experiment
from dnn_cli.runs.checkpoint import Checkpoint, TrainingProgress, write_checkpoint
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from tests.helpers import forked_cli
from tests.helpers.cli_output import parse_json_output
from tests.helpers.digits import DIGITS_YAML

RESUMED_YAML = DIGITS_YAML + "engine: keras\nbatch_size: 479\nmodel_checkpoint: {}\ndiagnostics: false\n"
"""A training in a second: nothing is compiled, and the examples fill three batches."""


def run_dnn(directory, *words):
    """The program in a forked process: its exit code and what it said."""
    done = forked_cli.run_command(directory, *words)
    return done.returncode, done.stderr + done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A directory with a run of two epochs, which `dnn train --resume` has started, and its config."""
    directory = tmp_path_factory.mktemp("trained")
    (directory / "digits.yaml").write_text(RESUMED_YAML, encoding="utf-8")
    code, output = run_dnn(directory, "train", "digits.yaml", "--resume")
    assert code == 0, output
    return directory


@pytest.fixture
def directory(trained, tmp_path):
    """Return a copy of the directory with the interrupted run."""
    return shutil.copytree(trained, tmp_path / "here")


def read_only_run(directory):
    (run_info,) = Store(directory / "runs").list_runs()
    return run_info.run


def edit_record(run, **changes):
    run.record.write_text(json.dumps({**json.loads(run.record.read_text()), **changes}))


def test_a_completed_run_is_trained_further(directory):
    code, output = run_dnn(directory, "resume", "@1", "epochs=4")
    assert code == 0, output
    run = read_only_run(directory)
    record = run.read_record()
    assert (record.status, record.epochs) == ("completed", 4)
    assert (record.resumed[0].epochs, record.resumed[0].forced) == (2, ())
    assert load_experiment(str(run.config)).experiment.epochs == 4
    assert "continuing after epoch 2" in output
    assert "    3/4" in output
    assert "digits completed: 4 epochs" in output
    log = run.log.read_text()
    assert log.count("    1/2") == 1, "what was said in the first training stays"
    assert log.count("    3/4") == 1
    assert run_dnn_as_json(directory, "train", "digits.yaml", "--resume")["epochs"] == 4


def run_dnn_as_json(directory, *words):
    code, output = run_dnn(directory, *words, "--json")
    assert code == 0, output
    (run,) = json.loads(output[output.index("{") :])["runs"]
    return run


def test_train_resume_finishes_a_started_run(directory):
    run = read_only_run(directory)
    weights = run.read_record().results.weights
    words = ("train", "digits.yaml", "--resume")
    first = run_dnn_as_json(directory, *words)
    assert (first["id"], first["status"]) == (run.read_record().id, "completed"), "there is nothing left to do"
    edit_record(run, status="running")
    for name in ("model.keras", "predictions.npz"):
        (run.directory / name).unlink()
    again = run_dnn_as_json(directory, *words)
    assert (again["id"], again["status"]) == (first["id"], "completed")
    assert read_only_run(directory).read_record().results.weights == weights


def test_a_change_is_refused_unless_forced_and_then_recorded(directory):
    run = read_only_run(directory)
    before = {path: path.read_bytes() for path in run.directory.rglob("*") if path.is_file()}
    words = ("resume", "@1", "epochs=3", "optimizer=sgd")
    code, output = run_dnn(directory, *words)
    assert code == 2
    assert "was trained under other conditions: optimizer: adam → sgd\n  to continue, add --force" in output
    assert {path: path.read_bytes() for path in run.directory.rglob("*") if path.is_file()} == before
    code, output = run_dnn(directory, *words, "--force")
    assert code == 0, output
    assert run.read_record().resumed[0].forced == (
        "optimizer: adam → sgd",
        "the optimizer starts from its initial state",
    )
    assert load_experiment(str(run.config)).experiment.optimizer.type == "sgd"
    words = ("resume", "@1", "epochs=4", "optimizer.learning_rate=1e-4")
    code, output = run_dnn(directory, *words)
    assert code == 2 and "conditions: optimizer.learning_rate: 0.01 → 0.0001\n" in output, "sgd was forced already"
    code, output = run_dnn(directory, *words, "--force")
    assert code == 0, output
    assert [row["learning_rate"] for row in run.read_metrics()] == [0.001, 0.001, 0.01, 1e-4]


def test_different_network_is_refused_even_when_forced(directory):
    run = read_only_run(directory)
    before = {path: path.read_bytes() for path in run.directory.rglob("*") if path.is_file() and path != run.log}
    code, output = run_dnn(directory, "resume", "@1", "epochs=3", "layers.hidden.units=17", "--force")
    assert code == 2
    assert "the checkpoint is of another network: it has no " in output
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"versions": {"keras": "3.0.0"}}, "keras: 3.0.0 → ", id="Keras"),
        pytest.param(
            {"data": {"dataset": "digits", "fingerprint": "sha256:0"}}, "data: the examples differ", id="data"
        ),
        pytest.param({"platform": {"device": "NVIDIA H200"}}, "device: NVIDIA H200 → CPU", id="processor"),
    ],
)
def test_changed_environment_is_refused(directory, changes, message):
    edit_record(read_only_run(directory), **changes)
    code, output = run_dnn(directory, "resume", "@1", "epochs=3")
    assert code == 2
    assert message in output
    assert read_only_run(directory).read_record().epochs == 2


def test_damaged_checkpoint_falls_back_to_the_previous_one(directory):
    run = read_only_run(directory)
    run.last_checkpoint.write_bytes(b"torn")
    edit_record(run, status="running")
    code, output = run_dnn(directory, "resume", "@1")
    assert code == 0, output
    assert "checkpoint last.npz is damaged: " in output
    assert "the training continues from the previous checkpoint, of epoch 1" in output
    assert "damaged" in run.read_record().resumed[0].note
    assert run.read_record().epochs == 2


def test_interrupted_run_without_checkpoint_restarts(directory):
    run = read_only_run(directory)
    weights = run.read_record().results.weights
    shutil.rmtree(run.checkpoints)
    edit_record(run, status="running")
    code, output = run_dnn(directory, "resume", "@1")
    assert code == 0, output
    assert run.read_record().results.weights == weights


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param([], "Missing argument", id="no run"),
        pytest.param(["a", "b"], "resume needs one run", id="two runs"),
        pytest.param(["@1", "epochs=0"], "epochs", id="no epochs"),
        pytest.param(["@1"], "is completed: it has 2 epochs", id="nothing to do"),
        pytest.param(["@1", "epochs=1"], "already has 2 epochs", id="fewer"),
        pytest.param([""], "the address of a run is empty", id="an empty address"),
        pytest.param(["@2"], "the only run is @1", id="no such run"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(dnn, make_run, words, message):
    run = make_run()
    progress = TrainingProgress(
        experiment=compute_training_digest(load_experiment(str(run.config)).experiment),
        epoch=2,
        rows=run.read_metrics(),
    )
    write_checkpoint(run, Checkpoint(progress, {}))
    done = dnn("resume", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_different_experiment_of_the_same_name_is_refused(dnn, make_run, config):
    make_run("optimizer=sgd", status="interrupted")
    done = dnn("train", config(), "--resume")
    assert done.returncode == 2
    assert "is not completed, and its config differs: optimizer: sgd → adam" in done.stderr
    assert dnn("train", config(), "--force").returncode == 2


def test_broken_run_is_an_error(dnn, make_run):
    run: Run = make_run()
    run.record.write_text("{")
    done = dnn("resume", "@1")
    assert done.returncode == 1
    assert "run.json is not JSON" in done.stderr


def test_runs_list_has_the_progress_of_a_dead_run(dnn, make_run):
    run = make_run(curve=(0.5, 0.9, 0.8), status="running")
    edit_record(run, epochs=0, results={"monitor": "val_accuracy"})
    (listed_run,) = parse_json_output(dnn("runs", "--json"))["runs"]
    assert (listed_run["status"], listed_run["epochs"], listed_run["seconds"]) == ("interrupted", 3, 3.0)
    assert listed_run["best"] == {"epoch": 2, "val_accuracy": 0.9}
    assert listed_run["last"]["val_accuracy"] == 0.8
    assert "its process ended unexpectedly" in listed_run["reason"]
