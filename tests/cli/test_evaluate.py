import pytest

from tests.conftest import DIGITS, document

HALVES = DIGITS.replace("dataset: digits", "dataset: digits, test_size: 0.25")


@pytest.fixture
def trained(dnn, config):
    config(HALVES)
    (run,) = document(dnn("train", "digits.yaml", "epochs=1", "--json"))["runs"]
    return run


def test_scores_on_the_test_set_and_those_of_validation_again(dnn, trained):
    assert dnn("evaluate", trained["id"]).stdout.startswith("digits on 450 test examples: loss ")
    again = document(dnn("evaluate", "digits", "--split", "validation", "--json"))
    assert again["scores"]["loss"] == pytest.approx(trained["last"]["val_loss"], rel=1e-5)
    assert again["scores"]["accuracy"] == pytest.approx(trained["last"]["val_accuracy"])


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
