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
