import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from tests.conftest import document


def test_scores_on_the_test_set_class_by_class_and_how_often_it_was_looked_at(place):
    first = place.dnn("evaluate", "digits")
    run_id = json.loads((place.digits.record).read_text())["id"]
    assert first.stdout.startswith(f"digits {run_id} on 450 test examples: loss ")
    lines = first.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith(("macro", "weighted"))] == ["macro", "weighted"]
    assert "looked at for the first time" in first.stderr
    second = place.dnn("evaluate", "digits")
    assert second.stdout == first.stdout
    assert "looked at once before" in second.stderr
    evaluated = json.loads((place.digits.record).read_text())["evaluated"]
    assert [one["split"] for one in evaluated] == ["test", "test"]


@pytest.mark.parametrize("change", ["data.test_size=0.5", "data.split_seed=7"])
def test_what_was_trained_on_is_no_test_set(place, change):
    before = (place.digits.record).read_text()
    done = place.dnn("evaluate", "digits", change)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the data is divided otherwise than in the training" in done.stderr
    assert (place.digits.record).read_text() == before


def test_scores_of_validation_again_with_the_confusions_of_the_saved_predictions(place):
    again = document(place.dnn("evaluate", "digits", "--split", "validation", "--json"))
    last = place.told["last"]
    assert again["scores"]["loss"] == pytest.approx(last["val_loss"], rel=1e-5)
    assert again["scores"]["accuracy"] == pytest.approx(last["val_accuracy"])
    report = again["report"]
    assert report["accuracy"] == pytest.approx(last["val_accuracy"])
    with np.load(place.digits.predictions) as saved:
        expected = confusion_matrix(saved["labels"], saved["outputs"].argmax(-1), labels=range(10))
    assert report["confusion"] == expected.tolist()
    assert [one["name"] for one in report["classes"]] == [str(digit) for digit in range(10)]


def test_a_regression_is_told_in_the_unit_of_what_is_predicted(place):
    done = document(place.dnn("evaluate", "집값", "--json"))
    (errors,) = done["errors"]
    assert errors["name"] == "price"
    assert errors["mean_absolute"] == pytest.approx(done["scores"]["mean_absolute_error"], rel=1e-4)
    shown = place.dnn("evaluate", "집값", "--split", "validation")
    assert "price: always the mean of these examples" in shown.stdout


def test_a_run_without_a_test_set_says_how_to_get_one(dnn, make_run):
    make_run().model.write_bytes(b"")
    done = dnn("evaluate", "@1")
    assert done.returncode == 2
    assert "digits has no test set" in done.stderr
    assert "data.test_size=0.2" in done.stderr


def test_weights_of_another_network_are_refused(dnn, make_run):
    make_run("data.test_size=0.2").model.write_bytes(b"PK no archive")
    done = dnn("evaluate", "@1")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "the data is not what this run was trained on" in done.stderr  # which is looked at first


def test_a_run_that_has_no_model_says_what_to_do(dnn, make_run):
    make_run(status="interrupted")
    done = dnn("evaluate", "@1")
    assert done.returncode == 2
    assert "dnn resume" in done.stderr


@pytest.fixture(scope="module")
def part_files(place):
    """The rows of the test sets as files: digits as arrays, houses as a table."""
    from dnn_cli.data.examples import load_examples, split_examples
    from dnn_cli.spec.load import load

    digits = load(str(place.digits.config), []).experiment.data
    examples = load_examples(digits)
    part = examples[split_examples(digits, examples).test]
    np.savez(place.path / "test_digits.npz", x=part.inputs, y=part.labels)
    rows = (place.path / "houses.csv").read_text().splitlines()
    own = load(str(place.houses.config), [f"data.path={place.path / 'houses.csv'}"]).experiment.data
    places = split_examples(own, load_examples(own)).test
    (place.path / "test_houses.csv").write_text("\n".join([rows[0], *(rows[at + 1] for at in places), ""]))
    return {"digits": "test_digits.npz", "집값": "test_houses.csv"}


@pytest.mark.parametrize("name", ["digits", "집값"])
def test_a_file_of_the_test_rows_gives_the_scores_of_the_test_set(place, part_files, name):
    split = document(place.dnn("evaluate", name, "--json"))
    run = place.digits if name == "digits" else place.houses
    away = place.path / "houses.csv"
    away.rename(place.path / "away.csv")  # a file needs no other data
    try:
        found = document(place.dnn("evaluate", name, part_files[name], "--json"))
    finally:
        (place.path / "away.csv").rename(away)
    assert found["scores"] == split["scores"]
    assert (found["examples"], found.get("report"), found.get("errors")) == (
        split["examples"], split.get("report"), split.get("errors"),
    )  # fmt: skip
    recorded = json.loads(run.record.read_text())["evaluated_files"][-1]
    assert recorded["file"] == part_files[name]
    assert recorded["digest"] == found["digest"]


def test_the_file_that_the_run_was_trained_on_is_no_new_data(place):
    done = place.dnn("evaluate", "집값", "houses.csv")
    assert "warning: houses.csv holds training examples of this run" in done.stderr


def test_a_file_is_named_beside_its_scores(place, part_files):
    shown = place.dnn("evaluate", "digits", "test_digits.npz")
    assert " on 450 examples of test_digits.npz: loss " in shown.stdout.splitlines()[0]
    assert "unlike" not in shown.stderr
    again = place.dnn("evaluate", "digits", "test_digits.npz")
    assert "the examples of test_digits.npz were looked at" in again.stderr
    line = next(line for line in place.dnn("runs", "show", "digits").stdout.splitlines() if "test_digits.npz" in line)
    assert "accuracy" in line and "model.keras on 450 examples" in line
    with np.load(place.path / "test_digits.npz") as saved:
        np.savez(place.path / "scaled.npz", x=saved["x"] * np.float32(100), y=saved["y"])
    assert (
        "warning: 450 of 450 inputs are unlike the training inputs"
        in place.dnn("evaluate", "digits", "scaled.npz").stderr
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", "집값", "unlabelled.csv"], "unlabelled.csv:1  has no column price"),
        (["evaluate", "집값", "a.csv", "b.csv"], "evaluate takes one run, and one file at most"),
        (["evaluate", "집값", "a.csv", "--split", "test"], "--split has no meaning with a file"),
        (["evaluate", "집값", "a.csv", "seed=3"], "seed=3 has no meaning with a file"),
        (["evaluate", "집값", "--resize"], "--resize is for the images of a FILE"),
    ],
)
def test_what_cannot_be_evaluated_on_is_one_clear_line(place, words, message):
    (place.path / "unlabelled.csv").write_text("area,age\n10,20\n")
    done = place.dnn(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and "Traceback" not in done.stderr
