"""What a referee would ask, and when there is nothing to ask."""

import pytest

from dnn_cli.compare.comparison import compare_runs
from dnn_cli.runs.evaluations import Evaluation
from dnn_cli.runs.record import Resume
from dnn_cli.runs.store import Store

SCORES = (0.8, 0.81)


def find_caveats_with(compared, words):
    return [warning for warning in compared.caveats if words in warning]


def test_fair_comparison_has_no_caveat(scored_runs):
    scored_runs.add("adam", SCORES)
    scored_runs.add("sgd", SCORES, "optimizer=sgd")
    assert scored_runs.compare().caveats == ()


@pytest.mark.parametrize(
    ("overrides", "changes", "words"),
    [
        pytest.param([], {"data": {"dataset": "digits", "fingerprint": "x"}}, "on different data", id="data"),
        pytest.param(["data.split_seed=1"], {}, "on different examples", id="split"),
        pytest.param(["epochs=9"], {}, "the runs differ in epochs, optimizer", id="epochs"),
        pytest.param(["batch_size=9"], {}, "the runs differ in batch_size, optimizer", id="batch size"),
        pytest.param([], {"parameters": {"total": 9999}}, "the networks have 1,210 to 9,999 parameters", id="size"),
        pytest.param([], {"versions": {"keras": "9"}}, "the runs differ in Keras: ", id="versions"),
        pytest.param([], {"platform": {"device": "GPU"}}, "the runs differ in device: ", id="device"),
    ],
)
def test_other_differences_of_groups_are_caveats(scored_runs, overrides, changes, words):
    scored_runs.add("adam", SCORES, versions={"keras": "3"} if "versions" in changes else {},
                platform={"device": "CPU"} if "platform" in changes else {})  # fmt: skip
    scored_runs.add("sgd", SCORES, "optimizer=sgd", *overrides, **changes)
    assert find_caveats_with(scored_runs.compare(), words)


def test_training_that_is_not_deterministic_is_a_caveat(scored_runs):
    scored_runs.add("adam", SCORES, plan={"determinism": "none"})
    scored_runs.add("sgd", SCORES, "optimizer=sgd", plan={"determinism": "xla"})
    (caveat,) = scored_runs.compare().caveats
    assert caveat.startswith("2 of 4 runs were trained on a GPU with deterministic: false")


def test_runs_in_lanes_and_runs_alone_are_a_caveat(scored_runs):
    scored_runs.add("adam", (*SCORES, 0.82), plan={"lanes": 16})
    scored_runs.add("sgd", SCORES, "optimizer=sgd", plan={"lanes": 1})
    (caveat,) = scored_runs.compare().caveats
    assert caveat == "3 of 5 runs were trained in lanes, and the others alone: last digits of scores can differ"


@pytest.mark.parametrize("plans", [({}, {"lanes": 1}), ({"lanes": 4}, {"lanes": 16})], ids=["alone", "in lanes"])
def test_runs_that_are_all_alone_or_all_in_lanes_have_no_caveat(scored_runs, plans):
    scored_runs.add("adam", SCORES, plan=plans[0])
    scored_runs.add("sgd", SCORES, "optimizer=sgd", plan=plans[1])
    assert scored_runs.compare().caveats == ()


def test_different_numbers_of_epochs_are_a_caveat(scored_runs):
    scored_runs.add("short", SCORES)
    scored_runs.add("long", SCORES, "epochs=9")
    assert find_caveats_with(
        scored_runs.compare(), "the runs differ in epochs, so some runs were trained with more steps"
    )


def test_unequal_learning_rate_searches_are_a_caveat(scored_runs):
    for rate in (0.01, 0.02, 0.03):
        scored_runs.add("sgd", SCORES, f"optimizer={{type: sgd, learning_rate: {rate}}}")
    scored_runs.add("adam", SCORES)
    assert find_caveats_with(
        scored_runs.compare(), "3 learning rates were tried with sgd and 1 with adam: the best of 3 against"
    )


def test_learning_rates_not_selected_are_no_caveat(scored_runs):
    for rate in (0.01, 0.02, 0.03):
        scored_runs.add("sgd", SCORES, f"optimizer={{type: sgd, learning_rate: {rate}}}")
    scored_runs.add("adam", SCORES, "optimizer={type: adam, learning_rate: 0.01}")
    store = Store(scored_runs.root / "runs")
    everything = store.with_details(store.list_runs())
    assert not find_caveats_with(scored_runs.compare(by=["optimizer.type"]), "learning rates were tried"), (
        "a mean chooses none"
    )
    one_rate = [run_info for run_info in everything if run_info.config["optimizer"]["learning_rate"] == 0.01]
    assert not find_caveats_with(compare_runs(one_rate), "learning rates were tried"), (
        "a condition that leaves one rate chooses none"
    )
    assert find_caveats_with(
        compare_runs(one_rate, all_runs=everything), "3 learning rates were tried with sgd and 1 with adam"
    )


def test_selection_on_the_reported_set_is_a_caveat(scored_runs):
    scored_runs.add("adam", SCORES)
    scored_runs.add("sgd", SCORES, "optimizer=sgd", "early_stopping={restore_best_weights: true}")
    assert find_caveats_with(scored_runs.compare(), "2 of 4 runs restored the best epoch")
    assert find_caveats_with(
        scored_runs.compare(at="best"), "the best epoch was chosen by the reported validation score"
    )
    assert not find_caveats_with(scored_runs.compare(at="epoch=1"), "chosen")


def test_runs_missing_from_a_mean_are_a_caveat(scored_runs):
    scored_runs.add("adam", SCORES)
    scored_runs.add("sgd", SCORES, "optimizer=sgd")
    scored_runs.add("sgd", (0.1,), "optimizer=sgd", first=50, status="diverged")
    assert find_caveats_with(scored_runs.compare(), "runs that diverged are left out of the means: 1 of sgd")
    assert find_caveats_with(
        scored_runs.compare(at="reach=0.805"), "left out of the means: 2 of 4 runs (never reached 0.805)"
    )


def test_test_set_evaluations_are_a_caveat(scored_runs):
    looked = (Evaluation(at="now", split="test", examples=10, scores={"accuracy": 0.8}),)
    scored_runs.add("adam", SCORES, evaluated=looked)
    scored_runs.add("sgd", SCORES, "optimizer=sgd")
    assert find_caveats_with(scored_runs.compare(), "2 of 4 runs were evaluated on the test set")


def test_forced_resume_is_a_caveat(scored_runs):
    scored_runs.add("adam", SCORES, resumed=(Resume(at="now", epochs=1, forced=("epochs",)),))
    scored_runs.add("sgd", SCORES, "optimizer=sgd")
    assert find_caveats_with(scored_runs.compare(), "resumed with --force after a change: ")


def test_averages_without_a_common_setting_have_a_caveat(scored_runs):
    scored_runs.add("adam", SCORES, "batch_size=16")
    scored_runs.add("sgd", SCORES, "optimizer=sgd", "batch_size=32")
    unequal = "the groups also differ in other settings (batch_size)"
    assert find_caveats_with(scored_runs.compare(by=["optimizer.type"]), unequal)
    scored_runs.add("sgd", SCORES, "optimizer=sgd", "batch_size=16")
    assert not find_caveats_with(scored_runs.compare(by=["optimizer.type"]), unequal)


@pytest.mark.parametrize(("metric", "expected"), [("val_loss", 1), ("val_accuracy", 0)])
def test_losses_of_standardized_and_other_targets_are_a_caveat(scored_runs, metric, expected):
    regression = ["data.dataset=diabetes", "layers=[{type: Dense, units: 1}]", "loss=mse", "metrics=[mae]"]
    scored_runs.add("plain", SCORES, *regression)
    scored_runs.add("scaled", SCORES, *regression, "data.standardize_target=true")
    words = "the loss of 2 of 4 runs is that of standardized targets"
    assert len(find_caveats_with(scored_runs.compare(metric=metric), words)) == expected
