"""Sweeps as they are typed and as they stand in a file."""

import pytest

from dnn_cli.errors import ConfigError, UsageError
from dnn_cli.spec.sweep import Wishes, overrides_of, read_sweep, sweep_id
from dnn_cli.spec.values import Between, Choice

FILE = """\
base: digits.yaml
parameters:
  optimizer: [sgd, {type: sgd, momentum: 0.9}]
  layers.hidden.units: 5..7
seeds: 1..3
"""


@pytest.fixture
def sweep_file(config):
    config()
    return lambda text=FILE: config(text, "sweep.yaml")


def test_several_values_vary_and_one_is_fixed(config):
    sweep = read_sweep(config(), ["optimizer=sgd,adam", "seed=1..3", "epochs=2", "~loss"])
    assert sweep.parameters == {"optimizer": Choice(("sgd", "adam"))}
    assert (sweep.seeds, sweep.fixed, sweep.search) == (("1", "2", "3"), ("epochs=2", "~loss"), "grid")


def test_a_file_says_the_same(config, sweep_file):
    words = ["optimizer=sgd,{type: sgd, momentum: 0.9}", "layers.hidden.units=5..7", "seed=1..3"]
    typed, written = read_sweep(config(), words), read_sweep(sweep_file(), [])
    assert (typed.parameters, typed.seeds, typed.search) == (written.parameters, written.seeds, written.search)
    assert sweep_id(typed) == sweep_id(written)


def test_a_short_key_varies_what_it_stands_for(config, sweep_file):
    full = read_sweep(config(), ["optimizer.learning_rate=0.1,0.01"])
    for short in ("lr", "learning_rate", "optimizer.lr"):
        sweep = read_sweep(config(), [f"{short}=0.1,0.01"])
        assert (sweep.parameters, sweep_id(sweep)) == (full.parameters, sweep_id(full))
    written = read_sweep(sweep_file("base: digits.yaml\nparameters: {lr: [0.1, 0.01]}\n"), [])
    assert written.parameters == full.parameters


def test_what_is_typed_goes_before_what_a_file_says(sweep_file):
    sweep = read_sweep(sweep_file(), ["optimizer=adam", "seed=9", "batch_size=16,32"])
    assert list(sweep.parameters) == ["layers.hidden.units", "batch_size"]
    assert (sweep.fixed, sweep.seeds) == (("optimizer=adam",), ("9",))


def test_a_search_and_a_budget_are_said_in_a_file_or_typed(sweep_file):
    text = FILE + "search: {type: random, seed: 3}\nbudget: {trials: 5, minutes: 2}\n"
    sweep = read_sweep(sweep_file(text), [])
    assert (sweep.search, sweep.search_seed, sweep.trials, sweep.minutes) == ("random", 3, 5, 2.0)
    sweep = read_sweep(sweep_file(text), [], Wishes("bayesian", 7, 0.5, 4))
    assert (sweep.search, sweep.search_seed, sweep.trials, sweep.minutes) == ("bayesian", 4, 7, 0.5)


def test_what_is_drawn_is_searched_at_random(config):
    sweep = read_sweep(config(), ["optimizer.learning_rate=log(1e-4, 1e-1)"], Wishes(trials=3))
    assert (sweep.search, sweep.parameters["optimizer.learning_rate"]) == ("random", Between("log", 1e-4, 1e-1))


TOGETHER = {
    "nothing varies": (["epochs=3"], {}, "nothing varies"),
    "one seed": (["seed=3"], {}, "nothing varies"),
    "a grid of what is drawn": (["batch_size=int(8, 64)"], {"search": "grid"}, "a grid cannot have batch_size=int"),
    "no trials": (["batch_size=int(8, 64)"], {}, "needs the number"),
    "trials of a grid": (["optimizer=sgd,adam"], {"trials": 3}, "every setting"),
    "seeds that are drawn": (["seed=int(1, 9)"], {"trials": 3}, "counted, not drawn"),
    "only seeds": (["seed=1..3"], {"search": "random", "trials": 3}, "only seeds vary"),
    "an unknown search": (["optimizer=sgd,adam"], {"search": "bayes"}, "no search bayes"),
}


@pytest.mark.parametrize(("words", "wishes", "message"), TOGETHER.values(), ids=TOGETHER)
def test_what_does_not_go_together_is_refused(config, words, wishes, message):
    with pytest.raises(UsageError, match=message):
        read_sweep(config(), words, Wishes(**wishes))


def test_all_words_without_values_are_told_at_once(config):
    with pytest.raises(ConfigError) as caught:
        read_sweep(config(), ["optimizer=sgd,,adam", "epochs=5..1", "batch_size=8,16", "batch_size=32,64"])
    assert [fault.place.source for fault in caught.value.faults] == [
        "optimizer=sgd,,adam",
        "epochs=5..1",
        "batch_size=32,64",
    ]


FAULTS = {
    "an unknown key": (FILE + "serach: grid\n", (6, 1), "did you mean search?"),
    "no parameters": ("base: digits.yaml\nseeds: 1..3\n", (1, 1), "is missing"),
    "no such base": (FILE.replace("digits", "nothing"), (1, 1), "there is no"),
    "values that are none": (FILE.replace("5..7", "7..5"), (4, 3), "counts backwards"),
    "seeds in two places": (FILE.replace("parameters:", "parameters:\n  seed: 1..3"), (3, 3), "seeds, too"),
    "an unknown search": (FILE + "search: grdi\n", (6, 1), "is no way to search"),
    "a budget of nothing": (FILE + "budget: {trials: 0}\n", (6, 10), "greater than 0"),
    "an unknown key of a budget": (FILE + "budget: {hours: 1}\n", (6, 10), "keys are trials, minutes"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "place", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_a_file_has_its_place(sweep_file, text, place, message):
    with pytest.raises(ConfigError) as caught:
        read_sweep(sweep_file(text), [])
    (fault,) = caught.value.faults
    assert (fault.place.line, fault.place.column) == place
    assert message in str(fault)


def test_a_sweep_that_grows_keeps_its_id_and_another_has_another(config):
    def identifier(*words, **wishes):
        return sweep_id(read_sweep(config(), words, Wishes(**wishes)))

    first = identifier("optimizer=sgd,adam", "seed=1..2")
    assert identifier("optimizer=sgd,adam,rmsprop", "seed=1..9") == first
    assert identifier("optimizer=sgd,adam", "seed=1..2", search="random", trials=1) == first
    assert identifier("optimizer=sgd,adam", "seed=1..2", "epochs=9") != first
    assert identifier("optimizer=sgd,adam", "batch_size=8,16") != first


def test_whole_parts_are_laid_before_what_is_in_them(config):
    sweep = read_sweep(config(), ["optimizer.learning_rate=0.1,0.01", "layers.hidden.units=5", "optimizer=sgd,adam"])
    setting = {"optimizer.learning_rate": "0.1", "optimizer": "sgd"}
    assert overrides_of(sweep, setting) == ("optimizer=sgd", "optimizer.learning_rate=0.1", "layers.hidden.units=5")
