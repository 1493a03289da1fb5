"""A sweep becomes experiments, all of them valid before anything is trained."""

from collections import Counter

import pytest

from dnn_cli.config import user_data
from dnn_cli.config.sweep_reader import SweepOptions, read_sweep
from dnn_cli.errors import ConfigError, UsageError
from dnn_cli.execution.sweep_plan import plan_extreme_runs, plan_sweep


@pytest.fixture
def planned(config):
    return lambda *words, **options: plan_sweep(read_sweep(config(), words, SweepOptions(**options)))


def test_grid_varies_seeds_fastest(planned):
    settings = [
        tuple(planned_run.setting.values())
        for planned_run in planned("optimizer=sgd,adam", "batch_size=8,16", "seed=1..2")
    ]
    assert settings[:3] == [("sgd", "8", "1"), ("sgd", "8", "2"), ("sgd", "16", "1")]
    assert len(settings) == len(set(settings)) == 8


def test_planned_experiment_matches_train(planned, experiment):
    (planned_run,) = [
        planned_run
        for planned_run in planned("optimizer=sgd,adam", "optimizer.learning_rate=0.1,0.01", "seed=1..2")
        if planned_run.setting == {"optimizer": "sgd", "optimizer.learning_rate": "0.1", "seed": "2"}
    ]
    assert planned_run.loaded.experiment == experiment("optimizer=sgd", "optimizer.learning_rate=0.1", "seed=2")


def test_equal_experiments_are_planned_once(planned):
    assert len(planned("optimizer=adam,{type: adam},{type: adam, learning_rate: 0.001}", "seed=1..2")) == 2


def test_each_invalid_key_is_reported_once(planned):
    with pytest.raises(ConfigError) as caught:
        planned("optimizer=sgd,adam,adagrad", "optimizer.momentum=0.5,0.9", "seed=1..9")
    messages = list(map(str, caught.value.issues))
    assert len(messages) == 4
    assert all("is not an argument of" in message for message in messages)


def test_sweep_file_issue_has_location(config):
    config()
    file = config("base: digits.yaml\nparameters:\n  batch_size: [8, -1]\n", "sweep.yaml")
    with pytest.raises(ConfigError) as caught:
        plan_sweep(read_sweep(file, []))
    (issue,) = caught.value.issues
    assert (issue.location.line, issue.location.column) == (3, 3)


def test_more_trials_extend_the_same_draws(planned):
    words = ["optimizer.learning_rate=log(1e-4, 1e-1)", "layers.hidden.units=8,16", "optimizer=sgd,adam"]
    few, many = planned(*words, trials=5), planned(*words, trials=12)
    assert [planned_run.outcome_digest for planned_run in few] == [
        planned_run.outcome_digest for planned_run in many[:5]
    ]
    assert len({planned_run.outcome_digest for planned_run in many}) == 12
    assert [planned_run.outcome_digest for planned_run in planned(*words, trials=5, seed=1)] != [
        planned_run.outcome_digest for planned_run in few
    ]


def test_added_key_keeps_other_draws(planned):
    few = planned("optimizer.learning_rate=log(1e-4, 1e-1)", trials=3)
    more = planned("optimizer.learning_rate=log(1e-4, 1e-1)", "layers.hidden.units=int(4, 64)", trials=3)
    rates = [
        [planned_run.setting["optimizer.learning_rate"] for planned_run in planned_runs] for planned_runs in (few, more)
    ]
    assert rates[0] == rates[1]


def test_finite_space_is_drawn_without_repeats(planned):
    drawn = [
        tuple(planned_run.setting.values())
        for planned_run in planned("optimizer=sgd,adam", "batch_size=8,16,32", search="random", trials=5)
    ]
    assert len(set(drawn)) == 5
    assert len(planned("optimizer=sgd,adam", "batch_size=8,16,32", search="random", trials=50)) == 6


ZIPS = ("batch_size=8,16,32", "optimizer.learning_rate=0.1,0.2,0.4")
PAIRS = [("8", "0.1"), ("16", "0.2"), ("32", "0.4")]


def test_zipped_keys_combine_with_other_keys_and_seeds(planned):
    settings = [
        tuple(planned_run.setting.values()) for planned_run in planned("optimizer=sgd,adam", "seed=1..2", zips=ZIPS)
    ]
    assert settings == [(name, *pair, seed) for name in ("sgd", "adam") for pair in PAIRS for seed in "12"]


def test_random_search_draws_zipped_values_together(planned):
    words, keys = ["layers.hidden.units=int(4, 64)"], ("layers.hidden.units", "batch_size", "optimizer.learning_rate")
    few, many = planned(*words, trials=5, zips=ZIPS), planned(*words, trials=12, zips=ZIPS[::-1])
    drawn = [[tuple(run.setting[key] for key in keys) for run in runs] for runs in (few, many)]
    assert drawn[1][:5] == drawn[0]
    assert {row[1:] for row in drawn[1]} == set(PAIRS)
    assert len(planned(search="random", trials=9, zips=ZIPS)) == 3


def test_too_many_runs_are_refused(planned):
    with pytest.raises(UsageError, match="20,000 runs"):
        planned("seed=1..10000", "optimizer=sgd,adam")


def test_extreme_values_are_checked(config):
    sweep = read_sweep(
        config(), ["layers.hidden.units=uniform(1, 9)", "optimizer=sgd,adam"], SweepOptions("bayesian", 5)
    )
    with pytest.raises(ConfigError, match="whole number"):
        plan_extreme_runs(read_sweep(config(), ["layers.hidden.units=uniform(1.5, 9)"], SweepOptions("bayesian", 5)))
    assert len(plan_extreme_runs(sweep)) == 4


def test_user_data_is_read_once(config, tmp_path, monkeypatch):
    (tmp_path / "data.csv").write_text("a,b,y\n" + "1,2,x\n3,4,z\n" * 20)
    read_count = Counter()
    read = user_data.inspect_split
    monkeypatch.setattr(user_data, "inspect_split", lambda *words: read_count.update("!") or read(*words))
    text = "data: {dataset: csv, path: data.csv}\nmodel: {layers: [{type: Dense, units: 1, activation: sigmoid}]}\n"
    file = config(text + "loss: binary_crossentropy\n", "own.yaml")
    assert len(plan_sweep(read_sweep(file, ["optimizer=sgd,adam", "seed=1..20"]))) == 40
    assert read_count["!"] == 3  # training, validation, test


def test_folds_vary_within_each_setting_and_seed(planned):
    runs = planned("optimizer=sgd,adam", "seed=1,2", folds=3)
    settings = [(run.setting["optimizer"], run.setting["seed"], run.setting["data.fold"]) for run in runs]
    assert settings[:4] == [("sgd", "1", "1"), ("sgd", "1", "2"), ("sgd", "1", "3"), ("sgd", "2", "1")]
    assert len(set(settings)) == 12
    assert {(run.trial, run.setting["optimizer"]) for run in runs} == {(0, "sgd"), (1, "adam")}
    assert {run.loaded.experiment.data.folds for run in runs} == {3}


def test_each_repetition_has_another_split_seed(planned):
    runs = planned("data.split_seed=7", folds=2, repetitions=3)
    pairs = [(run.loaded.experiment.data.split_seed, run.loaded.experiment.data.fold) for run in runs]
    assert pairs == [(7, 1), (7, 2), (8, 1), (8, 2), (9, 1), (9, 2)]


def test_folds_of_the_config_are_trained(planned):
    assert [run.setting for run in planned("data.folds=2")] == [{"data.fold": "1"}, {"data.fold": "2"}]
    assert [run.setting for run in planned("data.folds=4", "data.fold=2,3")] == [{"data.fold": "2"}, {"data.fold": "3"}]
    assert len(planned("data.folds=2,3")) == 5


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (["optimizer=sgd,adam"], {"repetitions": 2}, "--repeats needs all folds"),
        (["optimizer=sgd,adam", "data.fold=1"], {"folds": 3, "repetitions": 2}, "--repeats needs all folds"),
        (["data.folds=4"], {"folds": 3}, "is set twice"),
        (["data.folds=3", "data.fold=2"], {}, "nothing varies"),
    ],
    ids=str,
)
def test_contradicting_folds_are_errors(planned, words, options, message):
    with pytest.raises((UsageError, ConfigError), match=message):
        planned(*words, **options)
