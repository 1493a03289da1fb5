"""What a referee would ask, and when there is nothing to ask."""

import pytest

from dnn_cli.compare.comparison import compare
from dnn_cli.runs.record import Evaluation, Resume
from dnn_cli.runs.store import Store

SCORES = (0.8, 0.81)


def told(compared, words):
    return [warning for warning in compared.warnings if words in warning]


def test_a_fair_comparison_has_no_warning(trained):
    trained.add("adam", SCORES)
    trained.add("sgd", SCORES, "optimizer=sgd")
    assert trained.compare().warnings == ()


@pytest.mark.parametrize(
    ("overrides", "changes", "words"),
    [
        pytest.param([], {"data": {"dataset": "digits", "fingerprint": "x"}}, "on different data", id="data"),
        pytest.param(["data.split_seed=1"], {}, "on different examples", id="split"),
        pytest.param(["epochs=9"], {}, "the runs differ in epochs, optimizer", id="epochs"),
        pytest.param(["batch_size=9"], {}, "the runs differ in batch_size, optimizer", id="batch size"),
        pytest.param([], {"parameters": {"total": 9999}}, "the networks have 1,210 to 9,999 parameters", id="size"),
        pytest.param([], {"versions": {"keras": "9"}}, "not all runs have the same Keras: ", id="versions"),
        pytest.param([], {"platform": {"device": "GPU"}}, "not all runs have the same device: ", id="device"),
    ],
)
def test_groups_that_differ_in_more_than_what_is_compared(trained, overrides, changes, words):
    trained.add("adam", SCORES, versions={"keras": "3"} if "versions" in changes else {},
                platform={"device": "CPU"} if "platform" in changes else {})  # fmt: skip
    trained.add("sgd", SCORES, "optimizer=sgd", *overrides, **changes)
    assert told(trained.compare(), words)


def test_more_training_alone_is_told_too(trained):
    trained.add("short", SCORES)
    trained.add("long", SCORES, "epochs=9")
    assert told(trained.compare(), "the runs differ in epochs, so some have been trained more")


def test_the_best_of_many_rates_against_the_best_of_one(trained):
    for rate in (0.01, 0.02, 0.03):
        trained.add("sgd", SCORES, f"optimizer={{type: sgd, learning_rate: {rate}}}")
    trained.add("adam", SCORES)
    assert told(trained.compare(), "3 learning rates were tried with sgd and 1 with adam: the best of 3 against")


def test_rates_that_were_not_chosen_have_no_caveat(trained):
    for rate in (0.01, 0.02, 0.03):
        trained.add("sgd", SCORES, f"optimizer={{type: sgd, learning_rate: {rate}}}")
    trained.add("adam", SCORES, "optimizer={type: adam, learning_rate: 0.01}")
    store = Store(trained.root / "runs")
    everything = store.detailed(store.entries())
    assert not told(trained.compare(by=["optimizer.type"]), "learning rates were tried"), "a mean chooses none"
    one_rate = [entry for entry in everything if entry.experiment["optimizer"]["learning_rate"] == 0.01]
    assert not told(compare(one_rate), "learning rates were tried"), "a condition that leaves one rate chooses none"
    assert told(compare(one_rate, known=everything), "3 learning rates were tried with sgd and 1 with adam")


def test_a_choice_on_the_set_that_is_reported(trained):
    trained.add("adam", SCORES)
    trained.add("sgd", SCORES, "optimizer=sgd", "early_stopping={restore_best_weights: true}")
    assert told(trained.compare(), "2 of 4 runs restored the best epoch")
    assert told(trained.compare(at="best"), "the best epoch was chosen on the validation set")
    assert not told(trained.compare(at="epoch=1"), "chosen")


def test_runs_that_are_missing_from_a_mean(trained):
    trained.add("adam", SCORES)
    trained.add("sgd", SCORES, "optimizer=sgd")
    trained.add("sgd", (0.1,), "optimizer=sgd", first=50, status="diverged")
    assert told(trained.compare(), "runs that diverged are left out of the means: 1 of sgd")
    assert told(trained.compare(at="reach=0.805"), "left out of the means: 2 of 4 runs (never reached 0.805)")


def test_a_test_set_that_was_looked_at(trained):
    looked = (Evaluation(at="now", split="test", examples=10, scores={"accuracy": 0.8}),)
    trained.add("adam", SCORES, evaluated=looked)
    trained.add("sgd", SCORES, "optimizer=sgd")
    assert told(trained.compare(), "2 of 4 runs were evaluated on the test set")


def test_a_run_that_was_changed_on_its_way(trained):
    trained.add("adam", SCORES, resumed=(Resume(at="now", epochs=1, forced=("epochs",)),))
    trained.add("sgd", SCORES, "optimizer=sgd")
    assert told(trained.compare(), "resumed with --force after a change: ")


def test_averages_without_a_common_setting_have_a_caveat(trained):
    trained.add("adam", SCORES, "batch_size=16")
    trained.add("sgd", SCORES, "optimizer=sgd", "batch_size=32")
    unequal = "no other setting is common to all groups (batch_size)"
    assert told(trained.compare(by=["optimizer.type"]), unequal)
    trained.add("sgd", SCORES, "optimizer=sgd", "batch_size=16")
    assert not told(trained.compare(by=["optimizer.type"]), unequal)
