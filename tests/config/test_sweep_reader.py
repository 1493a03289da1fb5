"""Sweeps on the command line and in files."""

import shlex

import pytest

from dnn_cli.config.sweep_reader import SweepOptions, read_sweep
from dnn_cli.config.sweep_values import ValueChoice, ValueRange, parse_values
from dnn_cli.config.sweeps import build_overrides, compute_sweep_id
from dnn_cli.errors import ConfigError, UsageError

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
    assert sweep.parameters == {"optimizer": ValueChoice(("sgd", "adam"))}
    assert (sweep.seeds, sweep.fixed, sweep.search) == (("1", "2", "3"), ("epochs=2", "~loss"), "grid")


def test_sweep_file_equals_typed_sweep(config, sweep_file):
    words = ["optimizer=sgd,{type: sgd, momentum: 0.9}", "layers.hidden.units=5..7", "seed=1..3"]
    typed, written = read_sweep(config(), words), read_sweep(sweep_file(), [])
    assert (typed.parameters, typed.seeds, typed.search) == (written.parameters, written.seeds, written.search)
    assert compute_sweep_id(typed) == compute_sweep_id(written)


@pytest.mark.parametrize("text", ["log(1e-4, 1e-1)", "1-log(0.001, 0.5)", "uniform(0, 0.5)"])
def test_range_in_sweep_file_is_drawn(sweep_file, text):
    sweep = read_sweep(sweep_file(f"base: digits.yaml\nparameters: {{lr: '{text}'}}\n"), [], SweepOptions(trials=3))
    assert sweep.parameters == {"optimizer.learning_rate": parse_values(text)}


def test_short_key_is_expanded(config, sweep_file):
    full = read_sweep(config(), ["optimizer.learning_rate=0.1,0.01"])
    for short in ("lr", "learning_rate", "optimizer.lr"):
        sweep = read_sweep(config(), [f"{short}=0.1,0.01"])
        assert (sweep.parameters, compute_sweep_id(sweep)) == (full.parameters, compute_sweep_id(full))
    written = read_sweep(sweep_file("base: digits.yaml\nparameters: {lr: [0.1, 0.01]}\n"), [])
    assert written.parameters == full.parameters


def test_typed_values_override_sweep_file(sweep_file):
    sweep = read_sweep(sweep_file(), ["optimizer=adam", "seed=9", "batch_size=16,32"])
    assert list(sweep.parameters) == ["layers.hidden.units", "batch_size"]
    assert (sweep.fixed, sweep.seeds) == (("optimizer=adam",), ("9",))


def test_options_override_search_and_budget_of_file(sweep_file):
    text = FILE + "search: {type: random, seed: 3}\nbudget: {trials: 5, minutes: 2}\n"
    sweep = read_sweep(sweep_file(text), [])
    assert (sweep.search, sweep.search_seed, sweep.trials, sweep.minutes) == ("random", 3, 5, 2.0)
    sweep = read_sweep(sweep_file(text), [], SweepOptions("bayesian", 7, 0.5, 4))
    assert (sweep.search, sweep.search_seed, sweep.trials, sweep.minutes) == ("bayesian", 4, 7, 0.5)


def test_range_implies_random_search(config):
    sweep = read_sweep(config(), ["optimizer.learning_rate=log(1e-4, 1e-1)"], SweepOptions(trials=3))
    assert (sweep.search, sweep.parameters["optimizer.learning_rate"]) == ("random", ValueRange("log", 1e-4, 1e-1))


CONFLICTS = {
    "nothing varies": (["epochs=3"], {}, "nothing varies"),
    "one seed": (["seed=3"], {}, "nothing varies"),
    "a grid of what is drawn": (
        ["batch_size=int(8, 64)"],
        {"search": "grid"},
        "a grid search cannot draw from batch_size=int",
    ),
    "no trials": (["batch_size=int(8, 64)"], {}, "needs the number"),
    "trials of a grid": (["optimizer=sgd,adam"], {"trials": 3}, "every setting"),
    "seeds that are drawn": (["seed=int(1, 9)"], {"trials": 3}, "cannot be drawn"),
    "only seeds": (["seed=1..3"], {"search": "random", "trials": 3}, "only seeds vary"),
    "an unknown search": (["optimizer=sgd,adam"], {"search": "bayes"}, "bayes is not a search method"),
}


@pytest.mark.parametrize(("words", "options", "message"), CONFLICTS.values(), ids=CONFLICTS)
def test_conflicting_sweep_options_are_refused(config, words, options, message):
    with pytest.raises(UsageError, match=message):
        read_sweep(config(), words, SweepOptions(**options))


def test_invalid_single_value_is_the_issue(config):
    with pytest.raises(ConfigError) as caught:
        read_sweep(config(), ["seed=1..x"])
    (issue,) = caught.value.issues
    assert (str(issue.location), issue.message) == ("seed=1..x", "needs a whole number, not the text '1..x'")


ONE_VALUE = {
    "a hyphen": (["seed=1-5"], "for five seeds, write seed=1..5"),
    "a hyphen in a list": (["seed=1-3,9"], "for four seeds, write seed=1..3,9"),
    "a hyphen beside what varies": (["optimizer=sgd,adam", "seed=1-5"], "for five seeds, write seed=1..5"),
    "a colon": (["seed=1:12"], "for 12 seeds, write seed=1..12"),
    "another key": (["batch_size=16-20"], "for several values, write batch_size=16..20"),
    "range of Python": (["seed=range(5)"], "for five seeds, write seed=0..4"),
    "range with a step": (["epochs=range(2,9,3)"], "for several values, write epochs=2,5,8"),
    "loguniform": (["optimizer.learning_rate=loguniform(1e-4,1e-1)"],
                   "for a range to draw from, write 'optimizer.learning_rate=log(0.0001, 0.1)'"),
    "1 - loguniform": (["optimizer.momentum=1 - loguniform(1e-3,0.5)"],
                       "for a range to draw from, write 'optimizer.momentum=1-log(0.001, 0.5)'"),
    "randint": (["batch_size=np.random.randint(8, 64)"], "for a range to draw from, write 'batch_size=int(8, 64)'"),
    "choice": (["optimizer=choice(sgd,adam)"], "for several values, write optimizer=sgd,adam"),
    "brackets": (["optimizer.learning_rate=[0.1,0.01]"], "for several values, write optimizer.learning_rate=0.1,0.01"),
    "brackets of seeds": (["optimizer=sgd,adam", "seed=[1,2]"], "for two seeds, write seed=1,2"),
    "spaces": (["epochs=2", "optimizer=sgd adam"], "for several values, write optimizer=sgd,adam"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "hint"), ONE_VALUE.values(), ids=ONE_VALUE)
def test_single_value_that_looks_like_several_is_refused(config, words, hint):
    with pytest.raises(UsageError, match="is one value") as caught:
        read_sweep(config(), words)
    assert caught.value.suggestion == hint
    (word,) = shlex.split(hint.partition(", write ")[2])
    read_sweep(config(), [word], SweepOptions(trials=3 if "(" in word else None))


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (["optimizer=sgd", "optimizer=adam"], "write optimizer=sgd,adam"),
        (["optimizer=sgd", "optimizer=adam,rmsprop"], "write optimizer=sgd,adam,rmsprop"),
        (["seed=1", "seed=2", "seed=3"], "write seed=1,2,3"),
        (["lr=0.1", "optimizer.learning_rate=0.01"], "write optimizer.learning_rate=0.1,0.01"),
    ],
)
def test_repeated_key_suggests_one_argument(config, words, suggestion):
    with pytest.raises(ConfigError) as caught:
        read_sweep(config(), words)
    (fault,) = caught.value.issues
    assert (fault.message, fault.suggestion) == ("is set twice", suggestion)
    read_sweep(config(), [suggestion.removeprefix("write ")])


@pytest.mark.parametrize("words", [["seed=1,2", "name=1-5"], ["seed=1,2", "metrics=[accuracy, mae]"]])
def test_text_and_list_values_are_accepted(config, words):
    assert read_sweep(config(), words).fixed == (words[1],)


def test_suggested_example_command_works(config):
    path = config(name="my config.yaml")
    with pytest.raises(UsageError) as caught:
        read_sweep(path, ["epochs=3"])
    dnn, verb, file, *words = shlex.split(caught.value.suggestion.removeprefix("for example: "))
    assert (dnn, verb, file, words) == ("dnn", "sweep", path, ["epochs=3", "optimizer=sgd,adam"])
    assert read_sweep(file, words).parameters == {"optimizer": ValueChoice(("sgd", "adam"))}


def test_all_invalid_arguments_are_reported(config):
    with pytest.raises(ConfigError) as caught:
        read_sweep(config(), ["optimizer=sgd,,adam", "epochs=5..1", "batch_size=8,16", "batch_size=32,64"])
    assert [fault.location.source for fault in caught.value.issues] == [
        "optimizer=sgd,,adam",
        "epochs=5..1",
        "batch_size=32,64",
    ]


FILE_ISSUES = {
    "an unknown key": (FILE + "serach: grid\n", (6, 1), "did you mean search?"),
    "no parameters": ("base: digits.yaml\nseeds: 1..3\n", (1, 1), "is missing"),
    "no such base": (FILE.replace("digits", "nothing"), (1, 1), "does not exist"),
    "values that are none": (FILE.replace("5..7", "7..5"), (4, 3), "is a decreasing range"),
    "seeds in two places": (FILE.replace("parameters:", "parameters:\n  seed: 1..3"), (3, 3), "is also set by seeds"),
    "a range with a hyphen": (FILE.replace("1..3", "1-3"), (5, 1), "1-3 is one value  (write 1..3)"),
    "a function": (FILE.replace("5..7", "range(5, 8)"), (4, 3), "range(5, 8) is one value  (write 5..7)"),
    "nothing varies": ("base: digits.yaml\nparameters:\n", (2, 1), "is missing"),
    "different numbers": (FILE + "zip: {epochs: [1, 2], batch_size: 8..10}\n", (6, 1),
                          "but epochs has 2, batch_size has 3"),
    "one zipped key": (FILE + "zip: {epochs: [1, 2]}\n", (6, 1), "needs two keys or more"),
    "a zipped seed": (FILE + "zip: {epochs: [1, 2], seed: [1, 2]}\n", (6, 1), "seed cannot be zipped"),
    "a zipped range": (FILE + "zip: {epochs: [1, 2], lr: 'log(0.1, 1)'}\n", (6, 1), "cannot be part of a list"),
    "a key in two places": (FILE + "zip: {epochs: [1, 2], optimizer: [sgd, adam]}\n", (6, 23), "is also a key of"),
    "an unknown search": (FILE + "search: grdi\n", (6, 1), "is not a search method"),
    "a short key": (FILE.replace("layers.hidden.units: 5..7", "lr: log(0, 1)"), (4, 3), "parameters.lr  the smaller"),
    "a budget of nothing": (FILE + "budget: {trials: 0}\n", (6, 10), "greater than 0"),
    "an unknown key of a budget": (FILE + "budget: {hours: 1}\n", (6, 10), "keys are trials, minutes"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "location", "message"), FILE_ISSUES.values(), ids=FILE_ISSUES)
def test_sweep_file_issue_has_location(sweep_file, text, location, message):
    with pytest.raises(ConfigError) as caught:
        read_sweep(sweep_file(text), [])
    (fault,) = caught.value.issues
    assert (fault.location.line, fault.location.column) == location
    assert message in str(fault)


def test_sweep_id_depends_on_base_and_varied_keys(config):
    def compute_id(*words, **options):
        return compute_sweep_id(read_sweep(config(), words, SweepOptions(**options)))

    first = compute_id("optimizer=sgd,adam", "seed=1..2")
    assert compute_id("optimizer=sgd,adam,rmsprop", "seed=1..9") == first
    assert compute_id("optimizer=sgd,adam", "seed=1..2", search="random", trials=1) == first
    assert compute_id("optimizer=sgd,adam", "seed=1..2", "epochs=9") != first
    grid = compute_id("optimizer=sgd,adam", "batch_size=8,16")
    assert grid != first
    zips = ("optimizer=sgd,adam", "batch_size=8,16"), ("batch_size=8,16,32", "optimizer=sgd,adam,rmsprop")
    assert compute_id(zips=zips[0]) == compute_id(zips=zips[1]) != grid
    assert compute_id("epochs=1,2", zips=zips[0]) not in (first, grid, compute_id(zips=zips[0]))


def test_overrides_of_parents_come_first(config):
    sweep = read_sweep(config(), ["optimizer.learning_rate=0.1,0.01", "layers.hidden.units=5", "optimizer=sgd,adam"])
    setting = {"optimizer.learning_rate": "0.1", "optimizer": "sgd"}
    assert build_overrides(sweep, setting) == ("optimizer=sgd", "optimizer.learning_rate=0.1", "layers.hidden.units=5")


ZIPS = ("batch_size=32,64,64", "lr=0.1,0.2,0.4")


def test_zip_of_the_command_line_equals_zip_of_the_file(config, sweep_file):
    typed = read_sweep(config(), ["optimizer=sgd,adam"], SweepOptions(zips=ZIPS))
    text = "base: digits.yaml\nparameters: {optimizer: [sgd, adam]}\nzip: {batch_size: [32, 64, 64], lr: [0.1,0.2,0.4]}"
    written = read_sweep(sweep_file(text), [])
    assert typed.zipped == written.zipped
    assert compute_sweep_id(typed) == compute_sweep_id(written)
    assert typed.zipped.rows == (("32", "0.1"), ("64", "0.2"), ("64", "0.4"))


def test_typed_values_replace_zipped_keys_of_file(sweep_file):
    text = "base: digits.yaml\nzip: {batch_size: [32, 64], epochs: [1, 2], lr: [0.1, 0.2]}\n"
    sweep = read_sweep(sweep_file(text), ["batch_size=8", "epochs=3,4,5"])
    assert (sweep.zipped.keys, list(sweep.parameters)) == (("optimizer.learning_rate",), ["epochs"])
    sweep = read_sweep(sweep_file(FILE), [], SweepOptions(zips=("optimizer=sgd,adam", "epochs=1,2")))
    assert (sweep.zipped.keys, list(sweep.parameters)) == (("optimizer", "epochs"), ["layers.hidden.units"])


WRONG_ZIPS = {
    "different numbers": (["epochs=1,2", "lr=0.1,0.2,0.4"], "but epochs has 2, optimizer.learning_rate has 3"),
    "one key": (["epochs=1,2"], "is the only zipped key"),
    "one value": (["epochs=1", "lr=0.1"], "have one value each"),
    "twice": (["lr=0.1,0.2", "optimizer.lr=1,2"], "is zipped twice"),
    "no values": (["epochs", "lr=0.1,0.2"], "is not KEY=VALUES"),
    "a range": (["epochs=1,2", "lr=log(0.1, 1)"], "cannot be part of a list"),
    "brackets": (["epochs=[1,2]", "lr=0.1,0.2"], "is one value"),
    "a seed": (["seed=1,2", "lr=0.1,0.2"], "seed cannot be zipped"),
    "a typed key": (["batch_size=8,16", "lr=0.1,0.2"], "batch_size=8 is also set by --zip"),
}


@pytest.mark.parametrize(("zips", "message"), WRONG_ZIPS.values(), ids=WRONG_ZIPS)
def test_wrong_zip_is_refused(config, zips, message):
    with pytest.raises(UsageError) as caught:
        read_sweep(config(), ["batch_size=8"], SweepOptions(zips=tuple(zips)))
    assert message in caught.value.message and caught.value.suggestion
