"""`dnn resume` and `dnn train --resume`, as a user types them; the bits are in tests/training/test_resume.py."""

import json
import shutil

import pytest

from dnn_cli.runs.checkpoint import Checkpoint, Progress, save
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.spec.load import load
from dnn_cli.training.resume import identity
from tests import forked
from tests.conftest import document


def run_dnn(folder, *words):
    """The program in a forked process: its exit code and what it said."""
    done = forked.run(folder, *words)
    return done.returncode, done.stderr + done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a run of two epochs, and its config."""
    from tests.conftest import DIGITS

    folder = tmp_path_factory.mktemp("trained")
    (folder / "digits.yaml").write_text(DIGITS, encoding="utf-8")
    code, said = run_dnn(folder, "train", "digits.yaml", "model_checkpoint={}")
    assert code == 0, said
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of it."""
    return shutil.copytree(trained, tmp_path / "here")


def the_run(folder):
    (entry,) = Store(folder / "runs").entries()
    return entry.run


def edit(run, **changes):
    run.record.write_text(json.dumps({**json.loads(run.record.read_text()), **changes}))


def test_a_completed_run_is_trained_further(folder):
    code, said = run_dnn(folder, "resume", "@1", "epochs=4")
    assert code == 0, said
    run = the_run(folder)
    record = run.read_record()
    assert (record.status, record.epochs) == ("completed", 4)
    assert (record.resumed[0].epochs, record.resumed[0].forced) == (2, ())
    assert load(str(run.config)).experiment.epochs == 4
    assert "going on after epoch 2" in said
    assert "    3/4" in said
    assert "digits completed: 4 epochs" in said
    log = run.log.read_text()
    assert log.count("    1/2") == 1, "what was said in the first training stays"
    assert log.count("    3/4") == 1
    assert document_of(folder, "train", "digits.yaml", "model_checkpoint={}", "--resume")["epochs"] == 4


def document_of(folder, *words):
    code, said = run_dnn(folder, *words, "--json")
    assert code == 0, said
    (run,) = json.loads(said[said.index("{") :])["runs"]
    return run


def test_train_resume_begins_goes_on_and_is_done(folder):
    run = the_run(folder)
    shutil.rmtree(run.directory)
    words = ("train", "digits.yaml", "--resume")
    first = document_of(folder, *words)
    run = the_run(folder)
    weights = run.read_record().results.weights
    assert document_of(folder, *words) == first, "there is nothing left to do"
    edit(run, status="running")
    for name in ("model.keras", "predictions.npz"):
        (run.directory / name).unlink()
    again = document_of(folder, *words)
    assert (again["id"], again["status"]) == (first["id"], "completed")
    assert the_run(folder).read_record().results.weights == weights


def test_a_change_is_refused_unless_forced_and_then_recorded(folder):
    run = the_run(folder)
    before = {path: path.read_bytes() for path in run.directory.rglob("*") if path.is_file()}
    words = ("resume", "@1", "epochs=3", "optimizer=sgd")
    code, said = run_dnn(folder, *words)
    assert code == 2
    assert "was trained otherwise: optimizer: adam → sgd\n  --force goes on all the same" in said
    assert {path: path.read_bytes() for path in run.directory.rglob("*") if path.is_file()} == before
    code, said = run_dnn(folder, *words, "--force")
    assert code == 0, said
    assert run.read_record().resumed[0].forced == ("optimizer: adam → sgd", "the optimizer begins afresh")
    assert load(str(run.config)).experiment.optimizer.type == "sgd"
    code, said = run_dnn(folder, "resume", "@1", "epochs=4")
    assert code == 0, "what was forced once is the way now" + said


def test_a_new_learning_rate_counts_from_the_next_epoch_on(folder):
    run = the_run(folder)
    words = ("resume", "@1", "epochs=3", "optimizer.learning_rate=1e-4")
    code, said = run_dnn(folder, *words)
    assert code == 2 and "optimizer.learning_rate: 0.001 → 0.0001" in said
    code, said = run_dnn(folder, *words, "--force")
    assert code == 0, said
    assert [row["learning_rate"] for row in run.read_metrics()] == [0.001, 0.001, 1e-4]


def test_another_network_is_refused_even_by_force_and_nothing_is_changed(folder):
    run = the_run(folder)
    before = {path: path.read_bytes() for path in run.directory.rglob("*") if path.is_file() and path != run.log}
    code, said = run_dnn(folder, "resume", "@1", "epochs=3", "layers.hidden.units=17", "--force")
    assert code == 2
    assert "the checkpoint is of another network: it has no " in said
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"versions": {"keras": "3.0.0"}}, "keras: 3.0.0 → ", id="Keras"),
        pytest.param({"data": {"dataset": "digits", "fingerprint": "sha256:0"}}, "data: other examples", id="data"),
        pytest.param({"platform": {"device": "NVIDIA H200"}}, "device: NVIDIA H200 → CPU", id="processor"),
    ],
)
def test_what_else_may_have_changed(folder, changes, told):
    edit(the_run(folder), **changes)
    code, said = run_dnn(folder, "resume", "@1", "epochs=3")
    assert code == 2
    assert told in said
    assert the_run(folder).read_record().epochs == 2


def test_a_damaged_checkpoint_is_told(folder):
    run = the_run(folder)
    run.last_checkpoint.write_bytes(b"torn")
    edit(run, status="running")
    code, said = run_dnn(folder, "resume", "@1")
    assert code == 0, said
    assert "checkpoint last.npz is damaged: " in said
    assert "this goes on from the one before, of epoch 1" in said
    assert "damaged" in run.read_record().resumed[0].note
    assert run.read_record().epochs == 2


def test_without_any_checkpoint_an_interrupted_run_begins_again(folder):
    run = the_run(folder)
    weights = run.read_record().results.weights
    shutil.rmtree(run.checkpoints)
    edit(run, status="running")
    code, said = run_dnn(folder, "resume", "@1")
    assert code == 0, said
    assert run.read_record().results.weights == weights


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param([], "Missing argument", id="no run"),
        pytest.param(["a", "b"], "resume takes one run", id="two runs"),
        pytest.param(["@1", "epochs=0"], "epochs", id="no epochs"),
        pytest.param(["@1"], "has all its 2 epochs", id="nothing to do"),
        pytest.param(["@1", "epochs=1"], "has 2 epochs already", id="fewer"),
        pytest.param([""], "the address of a run is empty", id="an empty address"),
        pytest.param(["@2"], "there are @1 to @1", id="no such run"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(dnn, make_run, words, message):
    run = make_run()
    progress = Progress(experiment=identity(load(str(run.config)).experiment), epoch=2, rows=run.read_metrics())
    save(run, Checkpoint(progress, {}))
    done = dnn("resume", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_another_experiment_of_its_name_is_not_gone_on_with(dnn, make_run, config):
    make_run("optimizer=sgd", status="interrupted")
    done = dnn("train", config(), "--resume")
    assert done.returncode == 2
    assert "is not completed, and was begun otherwise: optimizer: sgd → adam" in done.stderr
    assert dnn("train", config(), "--force").returncode == 2


def test_a_run_that_is_broken_is_told_as_such(dnn, make_run):
    run: Run = make_run()
    run.record.write_text("{")
    done = dnn("resume", "@1")
    assert done.returncode == 1
    assert "run.json is not JSON" in done.stderr


def test_a_list_of_runs_tells_how_far_a_dead_one_came(dnn, make_run):
    run = make_run(curve=(0.5, 0.9, 0.8), status="running")
    edit(run, epochs=0, results={"monitor": "val_accuracy"})
    (found,) = document(dnn("runs", "--json"))["runs"]
    assert (found["status"], found["epochs"], found["seconds"]) == ("interrupted", 3, 3.0)
    assert found["best"] == {"epoch": 2, "val_accuracy": 0.9}
    assert found["last"]["val_accuracy"] == 0.8
    assert "its process ended without a word" in found["reason"]
