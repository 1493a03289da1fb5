import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from dnn_cli.report.text import format_score
from dnn_cli.runs.evaluations import Evaluation
from tests.helpers.cli_output import parse_json_output


@pytest.fixture(scope="module")
def evaluated_digits(workspace):
    """Evaluate digits twice: as text, then as JSON."""
    return workspace.dnn("evaluate", "digits"), workspace.dnn("evaluate", "digits", "--json")


def test_test_scores_and_count_of_earlier_evaluations(workspace, evaluated_digits):
    first, second = evaluated_digits
    run_id = json.loads((workspace.digits.record).read_text())["id"]
    assert first.stdout.startswith(f"digits {run_id} on 450 test examples: loss ")
    lines = first.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith(("macro", "weighted"))] == ["macro", "weighted"]
    assert "first evaluation on the test set" in first.stderr
    assert f": loss {format_score(parse_json_output(second)['scores']['loss'])}" in lines[0]
    assert parse_json_output(second)["looked_before"] == 1
    assert [read["command"] for read in parse_json_output(second)["test_read_log"]] == ["dnn evaluate"] * 2
    assert parse_json_output(second)["model"] == {
        "file": "model.keras", "epoch": 2, "holds": "last", "monitor": None,
    }  # fmt: skip
    evaluated = json.loads((workspace.digits.record).read_text())["evaluated"]
    tests = [evaluation for evaluation in evaluated if evaluation["split"] == "test"]
    assert len(tests) == 2 and tests[0]["scores"] == tests[1]["scores"]


def test_reached_limit_is_refused_before_data_and_weights_are_read(dnn, make_run):
    """The run has neither weights nor its data: only a check before both can refuse."""
    read = Evaluation(
        at="2027-01-01T12:30:00+00:00", split="test", examples=8, scores={"loss": 1}, command="dnn evaluate"
    )
    run = make_run("data.test_size=0.2", "data.test_reads=1", evaluated=(read,))
    for path in (run.model, run.best_model):
        path.write_bytes(b"PK no archive")
    before = run.record.read_text()
    for words in ([], ["--best"]):
        done = dnn("evaluate", "@1", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "digits 00000001 was read once, by dnn evaluate on 2027-01-01 12:30 UTC" in done.stderr
        assert " ".join(["dnn evaluate 00000001", *words, "--force reads"]) in done.stderr
    raised = dnn("evaluate", "@1", "data.test_reads=2")
    assert raised.returncode == 2
    assert "omit data.test_reads=2, or use --force" in raised.stderr
    assert run.record.read_text() == before


@pytest.mark.parametrize("change", ["data.test_size=0.5", "data.split_seed=7"])
def test_changed_split_is_refused(workspace, change):
    before = (workspace.digits.record).read_text()
    done = workspace.dnn("evaluate", "digits", change)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the split of the data differs from the split of the training" in done.stderr
    assert (workspace.digits.record).read_text() == before


def test_validation_scores_match_the_saved_predictions(workspace):
    again = parse_json_output(workspace.dnn("evaluate", "digits", "--split", "validation", "--json"))
    last = workspace.digits_document["last"]
    assert again["scores"]["loss"] == pytest.approx(last["val_loss"], rel=1e-5)
    assert again["scores"]["accuracy"] == pytest.approx(last["val_accuracy"])
    report = again["report"]
    assert report["accuracy"] == pytest.approx(last["val_accuracy"])
    with np.load(workspace.digits.predictions) as saved:
        expected = confusion_matrix(saved["labels"], saved["outputs"].argmax(-1), labels=range(10))
    assert report["confusion"] == expected.tolist()
    assert [row["name"] for row in report["classes"]] == [str(digit) for digit in range(10)]


def test_missing_test_set_hints_at_test_size(dnn, make_run):
    make_run().model.write_bytes(b"")
    done = dnn("evaluate", "@1")
    assert done.returncode == 2
    assert "digits has no test set" in done.stderr
    assert "data.test_size=0.2" in done.stderr


def test_changed_data_is_refused_before_weights_are_read(dnn, make_run):
    make_run("data.test_size=0.2").model.write_bytes(b"PK no archive")
    done = dnn("evaluate", "@1")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "the data differs from the data that this run was trained on" in done.stderr  # which is checked first


def test_interrupted_run_hints_at_resume(dnn, make_run):
    make_run(status="interrupted")
    done = dnn("evaluate", "@1")
    assert done.returncode == 2
    assert "dnn resume" in done.stderr


@pytest.fixture(scope="module")
def part_files(workspace):
    """The rows of the test sets as files: digits as arrays, houses as a table."""
    from dnn_cli.config.loading import load_experiment
    from dnn_cli.data.examples import load_examples, split_examples

    digits = load_experiment(str(workspace.digits.config), []).experiment.data
    examples = load_examples(digits)
    part = examples[split_examples(digits, examples).test]
    np.savez(workspace.path / "test_digits.npz", x=part.inputs, y=part.targets)
    rows = (workspace.path / "houses.csv").read_text().splitlines()
    own = load_experiment(str(workspace.houses.config), [f"data.path={workspace.path / 'houses.csv'}"]).experiment.data
    test_indices = split_examples(own, load_examples(own)).test
    (workspace.path / "test_houses.csv").write_text(
        "\n".join([rows[0], *(rows[index + 1] for index in test_indices), ""])
    )
    return {"digits": "test_digits.npz", "집값": "test_houses.csv"}


def evaluate_file(workspace, name, run, file, split):
    """Evaluate a file whose rows and scores are those of the test set, with the evaluated split as a document."""
    away = workspace.path / "houses.csv"
    away.rename(workspace.path / "away.csv")  # a file needs no other data
    try:
        done = workspace.dnn("evaluate", name, file, "--json")
        result = parse_json_output(done)
    finally:
        (workspace.path / "away.csv").rename(away)
    assert result["scores"] == split["scores"]
    assert (result["examples"], result.get("report"), result.get("errors")) == (
        split["examples"], split.get("report"), split.get("errors"),
    )  # fmt: skip
    recorded = json.loads(run.record.read_text())["evaluated_files"][-1]
    assert recorded["file"] == file
    assert recorded["digest"] == result["digest"]
    assert "unlike" not in done.stderr


def test_regression_errors_have_the_unit_of_the_target(workspace, part_files):
    test_document = parse_json_output(workspace.dnn("evaluate", "집값", "--json"))
    evaluate_file(workspace, "집값", workspace.houses, part_files["집값"], test_document)
    (errors,) = test_document["errors"]
    assert errors["name"] == "price"
    assert errors["mean_absolute"] == pytest.approx(test_document["scores"]["mean_absolute_error"], rel=1e-4)


def test_training_file_prints_a_warning(workspace):
    done = workspace.dnn("evaluate", "집값", "houses.csv")
    assert "warning: houses.csv contains the training examples of this run" in done.stderr
    assert "price: always predicting the mean of these examples" in done.stdout


def test_evaluated_file_is_named(workspace, part_files, evaluated_digits):
    split = parse_json_output(evaluated_digits[1])
    evaluate_file(workspace, "digits", workspace.digits, part_files["digits"], split)
    again = workspace.dnn("evaluate", "digits", "test_digits.npz")
    assert " on 450 examples of test_digits.npz: loss " in again.stdout.splitlines()[0]
    assert "the test set of this run was read " in again.stderr  # its digest is that of the test set
    assert "dnn evaluate test_digits.npz (" in again.stderr
    line = next(
        line for line in workspace.dnn("runs", "show", "digits").stdout.splitlines() if "test_digits.npz" in line
    )
    assert "accuracy" in line and "model.keras on 450 examples" in line
    with np.load(workspace.path / "test_digits.npz") as saved:
        np.savez(workspace.path / "scaled.npz", x=saved["x"] * np.float32(100), y=saved["y"])
    assert (
        "warning: 450 of 450 inputs are unlike the training inputs"
        in workspace.dnn("evaluate", "digits", "scaled.npz").stderr
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", "집값", "unlabelled.csv"], "unlabelled.csv:1  has no column price"),
        (["evaluate", "집값", "a.csv", "b.csv"], "evaluate accepts one run and at most one file"),
        (["evaluate", "집값", "a.csv", "--split", "test"], "--split and a file cannot be combined"),
        (["evaluate", "집값", "a.csv", "seed=3"], "seed=3 and a file cannot be combined"),
        (["evaluate", "집값", "--resize"], "--resize applies only to the images of a FILE"),
    ],
)
def test_bad_arguments_are_one_clear_line(workspace, words, message):
    (workspace.path / "unlabelled.csv").write_text("area,age\n10,20\n")
    done = workspace.dnn(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and "Traceback" not in done.stderr
