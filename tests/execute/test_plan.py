"""A sweep becomes experiments, all of them valid before anything is trained."""

from collections import Counter

import pytest

from dnn_cli.errors import ConfigError, UsageError
from dnn_cli.execute.plan import check_ends, plan
from dnn_cli.spec import own_data
from dnn_cli.spec.sweep import Wishes, read_sweep


@pytest.fixture
def planned(config):
    return lambda *words, **wishes: plan(read_sweep(config(), words, Wishes(**wishes)))


def test_a_grid_has_every_combination_and_seeds_stand_together(planned):
    settings = [tuple(one.setting.values()) for one in planned("optimizer=sgd,adam", "batch_size=8,16", "seed=1..2")]
    assert settings[:3] == [("sgd", "8", "1"), ("sgd", "8", "2"), ("sgd", "16", "1")]
    assert len(settings) == len(set(settings)) == 8


def test_an_experiment_is_what_train_would_make_of_the_same_words(planned, experiment):
    (one,) = [one for one in planned("optimizer=sgd,adam", "optimizer.learning_rate=0.1,0.01", "seed=1..2")
              if one.setting == {"optimizer": "sgd", "optimizer.learning_rate": "0.1", "seed": "2"}]  # fmt: skip
    assert one.loaded.experiment == experiment("optimizer=sgd", "optimizer.learning_rate=0.1", "seed=2")


def test_equal_experiments_are_trained_once(planned):
    assert len(planned("optimizer=adam,{type: adam},{type: adam, learning_rate: 0.001}", "seed=1..2")) == 2


def test_a_key_that_does_not_fit_an_optimizer_is_a_fault_of_its_own(planned):
    with pytest.raises(ConfigError) as caught:
        planned("optimizer=sgd,adam,adagrad", "optimizer.momentum=0.5,0.9", "seed=1..9")
    told = list(map(str, caught.value.faults))
    assert len(told) == 4
    assert all("is not an argument of" in fault for fault in told)


def test_a_fault_of_a_sweep_file_stands_at_its_place(config):
    config()
    file = config("base: digits.yaml\nparameters:\n  batch_size: [8, -1]\n", "sweep.yaml")
    with pytest.raises(ConfigError) as caught:
        plan(read_sweep(file, []))
    (fault,) = caught.value.faults
    assert (fault.place.line, fault.place.column) == (3, 3)


def test_more_trials_begin_with_the_same_ones(planned):
    words = ["optimizer.learning_rate=log(1e-4, 1e-1)", "layers.hidden.units=8,16", "optimizer=sgd,adam"]
    few, many = planned(*words, trials=5), planned(*words, trials=12)
    assert [one.key for one in few] == [one.key for one in many[:5]]
    assert len({one.key for one in many}) == 12
    assert [one.key for one in planned(*words, trials=5, seed=1)] != [one.key for one in few]


def test_a_key_more_leaves_the_others_as_they_were_drawn(planned):
    few = planned("optimizer.learning_rate=log(1e-4, 1e-1)", trials=3)
    more = planned("optimizer.learning_rate=log(1e-4, 1e-1)", "layers.hidden.units=int(4, 64)", trials=3)
    rates = [[one.setting["optimizer.learning_rate"] for one in found] for found in (few, more)]
    assert rates[0] == rates[1]


def test_what_is_finite_is_drawn_without_repeating(planned):
    drawn = [
        tuple(one.setting.values())
        for one in planned("optimizer=sgd,adam", "batch_size=8,16,32", search="random", trials=5)
    ]
    assert len(set(drawn)) == 5
    assert len(planned("optimizer=sgd,adam", "batch_size=8,16,32", search="random", trials=50)) == 6


def test_too_many_runs_are_refused(planned):
    with pytest.raises(UsageError, match="20,000 runs"):
        planned("seed=1..10000", "optimizer=sgd,adam")


def test_the_ends_of_a_space_are_looked_at(config):
    sweep = read_sweep(config(), ["layers.hidden.units=uniform(1, 9)", "optimizer=sgd,adam"], Wishes("bayesian", 5))
    with pytest.raises(ConfigError, match="whole number"):
        check_ends(read_sweep(config(), ["layers.hidden.units=uniform(1.5, 9)"], Wishes("bayesian", 5)))
    assert len(check_ends(sweep)) == 4


def test_own_data_is_read_once_for_all(config, tmp_path, monkeypatch):
    (tmp_path / "data.csv").write_text("a,b,y\n" + "1,2,x\n3,4,z\n" * 20)
    asked = Counter()
    read = own_data.inspect
    monkeypatch.setattr(own_data, "inspect", lambda *words: asked.update("!") or read(*words))
    text = "data: {dataset: csv, path: data.csv}\nmodel: {layers: [{type: Dense, units: 1, activation: sigmoid}]}\n"
    file = config(text + "loss: binary_crossentropy\n", "own.yaml")
    assert len(plan(read_sweep(file, ["optimizer=sgd,adam", "seed=1..20"]))) == 40
    assert asked["!"] == 3  # training, validation, test
