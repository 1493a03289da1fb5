"""Keys that a study tunes: the default space of each optimizer, and the values of `--tune`."""

import shlex

import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.config.optimizers import OPTIMIZER_CLASSES
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.config.search_spaces import (
    accepts_value,
    build_search_space,
    parse_tuned_key,
    parse_tuned_keys,
    select_search_spaces,
)
from dnn_cli.errors import ConfigError, UsageError

MOMENTUM = "1-log(0.001, 0.5)"
EPSILON = "optimizer.epsilon=log(1e-10, 0.01)"
RATE = "optimizer.learning_rate=log(1e-05, 0.1)"


@pytest.fixture
def load(config):
    path = config()
    return lambda *overrides: load_experiment(path, overrides).experiment


def format_space(space):
    return [str(tuned) for tuned in space]


SPACES = {
    "sgd": ["optimizer.learning_rate=log(0.0001, 1)"],
    "{type: sgd, momentum: 0.9, nesterov: true}": [
        "optimizer.learning_rate=log(0.0001, 1)", f"optimizer.momentum={MOMENTUM}"],
    "rmsprop": [RATE, EPSILON],
    "{type: rmsprop, momentum: 0.5}": [RATE, f"optimizer.momentum={MOMENTUM}", EPSILON],
    "adam": [RATE, f"optimizer.beta_1={MOMENTUM}", EPSILON],
    "{type: adam, learning_rate: 0.7}": [RATE, f"optimizer.beta_1={MOMENTUM}", EPSILON],
    "muon": [RATE, f"optimizer.momentum={MOMENTUM}", EPSILON],
    "adafactor": [RATE],
    "adadelta": ["optimizer.learning_rate=log(0.001, 10)", EPSILON],
}  # fmt: skip


@pytest.mark.parametrize(("optimizer", "space"), SPACES.items(), ids=SPACES)
def test_default_space_of_optimizer(load, optimizer, space):
    assert format_space(build_search_space(load(f"optimizer={optimizer}"), 25)) == space


def test_keys_depend_on_the_number_of_trials(load):
    sizes = [len(build_search_space(load("optimizer=adam"), trials)) for trials in (1, 9, 10, 24, 25)]
    assert sizes == [1, 1, 2, 2, 3]


@pytest.mark.parametrize("name", OPTIMIZER_CLASSES)
def test_space_is_valid_and_contains_the_defaults(load, name):
    experiment = load(f"optimizer={name}")
    space = build_search_space(experiment, 25)
    assert select_search_spaces(space, {name: experiment}) == {name: space}
    for tuned in space:
        default = getattr(experiment.optimizer, tuned.key.removeprefix("optimizer."))
        assert 0 <= tuned.values.compute_share(str(default)) <= 1


SCHEDULES = {
    "{type: ExponentialDecay, initial_learning_rate: 0.1, decay_steps: 9, decay_rate: 0.5}": "initial_learning_rate",
    "{type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}": "initial_learning_rate",
    "{type: CosineDecay, initial_learning_rate: 0.0, decay_steps: 9, warmup_target: 0.1, warmup_steps: 3}":
        "warmup_target",
    "{type: Warmup, learning_rate: 0.1, warmup_steps: 3}": "learning_rate",
    "{type: Warmup, learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}, warmup_steps: 3}":
        "learning_rate.initial_learning_rate",
}  # fmt: skip


@pytest.mark.parametrize(("schedule", "key"), SCHEDULES.items(), ids=SCHEDULES.values())
def test_rate_of_schedule_is_tuned(load, schedule, key):
    experiment = load("optimizer=adam", f"optimizer.learning_rate={schedule}")
    space = build_search_space(experiment, 5)
    assert format_space(space) == [f"optimizer.learning_rate.{key}=log(1e-05, 0.1)"]
    assert select_search_spaces(space, {"": experiment}) == {"": space}


def test_tuned_rate_is_a_key_of_each_schedule():
    for cls in CLASSES_BY_KIND["schedule"].values():
        key = cls.model_construct(learning_rate=0.1).tuned_rate_key
        assert key is None or key in cls.model_fields


@pytest.mark.parametrize("schedule", ["{}", "{{type: Warmup, learning_rate: {}, warmup_steps: 3}}"])
def test_schedule_of_several_rates_needs_other_keys(load, schedule):
    piecewise = "{type: PiecewiseConstantDecay, boundaries: [5], values: [0.1, 0.01]}"
    experiment = load(f"optimizer.learning_rate={schedule.format(piecewise)}")
    with pytest.raises(UsageError, match="PiecewiseConstantDecay has several learning rates") as caught:
        build_search_space(experiment, 5)
    *_, tune, text = shlex.split(caught.value.suggestion)
    assert tune == "--tune"
    assert select_search_spaces(parse_tuned_keys([text]), {"": experiment})


def test_keys_of_the_question_are_not_tuned(load):
    experiment = load("optimizer=adam")
    assert format_space(build_search_space(experiment, 10, ["optimizer.beta_1"])) == [RATE]
    with pytest.raises(UsageError, match=r"the question varies optimizer\.learning_rate"):
        build_search_space(experiment, 5, ["optimizer.learning_rate"])


WRONG = {
    "momentum": ("is not KEY=RANGE", "learning_rate=log(1e-4, 1e-1)"),
    "lr=": ("has no value", "learning_rate=log(1e-4, 1e-1)"),
    "lr=log(1, 0.1)": ("the smaller first", "learning_rate=log(1e-4, 1e-1)"),
    "lr=0.1,0.001": ("is a list of values", "optimizer.learning_rate=log(0.001, 0.1)"),
    "lr=0.01": ("is one value", "optimizer.learning_rate=log(0.001, 0.1)"),
    "lr=adam": ("is one value", "learning_rate=log(1e-4, 1e-1)"),
    "optimizer.momentum=0.8,0.95": ("is a list of values", "optimizer.momentum=1-log(0.01, 0.5)"),
    "optimizer.momentum=loguniform(0.1, 1)": ("is not a range", "optimizer.momentum=log(0.1, 1)"),
    "batch_size=8..64": ("is a list of values", "batch_size=int(8, 64)"),
    "batch_size=range(8, 65)": ("is a list of values", "batch_size=int(8, 64)"),
    "optimizer.momentum=0..0.9": ("is a list of whole numbers", "optimizer.momentum=uniform(0, 0.9)"),
    "optimizer.momentum=a..b": ("is one value", "learning_rate=log(1e-4, 1e-1)"),
    "batch_size=32": ("is one value", "batch_size=int(1, 128)"),
    "layers.dropout.rate=0.1,0.5": ("is a list of values", "layers.dropout.rate=uniform(0.1, 0.5)"),
}


@pytest.mark.parametrize(("text", "error"), WRONG.items(), ids=WRONG)
def test_text_without_range_is_refused(text, error):
    message, suggested = error
    with pytest.raises(UsageError, match=message) as caught:
        parse_tuned_key(text)
    assert shlex.split(caught.value.suggestion)[-2:] == ["--tune", suggested]
    parse_tuned_key(suggested)


def test_other_invalid_keys_are_refused():
    with pytest.raises(UsageError) as caught:
        parse_tuned_key("layers.hidden.activation=relu,gelu")
    assert caught.value.suggestion.endswith("question of a study: 'layers.hidden.activation=relu,gelu'")
    for text in ("seed=int(1, 9)", "epochs=int(1, 9)", "data.validation_size=int(100, 200)"):
        with pytest.raises(UsageError, match="is equal for all settings"):
            parse_tuned_key(text)
    with pytest.raises(UsageError, match=r"optimizer\.learning_rate is set twice"):
        parse_tuned_keys(["lr=log(0.1, 1)", "optimizer.lr=log(0.1, 1)"])


def test_key_that_one_value_lacks_is_left_out(load):
    experiments = {name: load(f"optimizer={name}") for name in ("sgd", "adam")}
    space = parse_tuned_keys(["optimizer.momentum=1-log(0.01, 0.5)", "lr=log(1e-4, 1)"])
    assert select_search_spaces(space, experiments) == {"sgd": space, "adam": space[1:]}
    with pytest.raises(UsageError, match="adam has none of the tuned keys"):
        select_search_spaces(space[:1], experiments)


def test_key_that_no_value_has_is_refused(load):
    experiments = {name: load(f"optimizer={name}") for name in ("sgd", "adam")}
    for typed, intended in [
        ("optimizer.momentun", "optimizer.momentum"),
        ("layers.hiden.units", "layers.hidden.units"),
    ]:
        with pytest.raises(UsageError, match="no value of the question has the key") as caught:
            select_search_spaces(parse_tuned_keys([f"{typed}=int(1, 9)"]), experiments)
        assert caught.value.suggestion == f"did you mean {intended}?"


def test_short_key_is_completed(load):
    experiments = {name: load(f"optimizer={name}") for name in ("sgd", "adam")}
    for typed, suggestion in [
        ("units", "write --tune 'layers.hidden.units=int(1, 9)'"),
        ("momentum", "write --tune 'optimizer.momentum=int(1, 9)'"),
        ("lrr", "for example --tune 'learning_rate=log(1e-4, 1e-1)'"),
    ]:
        with pytest.raises(UsageError, match="no value of the question has the key") as caught:
            select_search_spaces(parse_tuned_keys([f"{typed}=int(1, 9)"]), experiments)
        assert caught.value.suggestion == suggestion


def test_range_that_the_config_refuses_is_an_issue(load):
    with pytest.raises(ConfigError, match="needs a number ≤ 1000, not 1000000"):
        select_search_spaces(parse_tuned_keys(["lr=log(1, 1e6)"]), {"adam": load("optimizer=adam")})


def test_accepted_values(load):
    experiment = load("optimizer=lion")
    texts = ("0", "0.5", "1", "1.5")
    assert [accepts_value(experiment, "optimizer.beta_1", text) for text in texts] == [False, True, True, False]
    assert not accepts_value(experiment, "optimizer.momentum", "0.5")
