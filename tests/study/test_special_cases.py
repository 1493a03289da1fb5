import pytest

from dnn_cli.config.experiment import Experiment
from dnn_cli.study.special_cases import find_special_cases, find_under_tuned

RATE, MOMENTUM, EPSILON = "optimizer.learning_rate", "optimizer.momentum", "optimizer.epsilon"
NESTEROV = {"type": "sgd", "momentum": 0.9, "nesterov": True}


def build_experiment(optimizer, units=10):
    layers = [{"type": "Dense", "units": units, "activation": "softmax"}]
    return Experiment.model_validate({"name": "net", "model": {"layers": layers}, "optimizer": optimizer})


def find_pairs(optimizers, tuned=(RATE,), question=("optimizer",), special_tuned=(RATE,)):
    """Return (general, special, exact) of all special cases; the first optimizer has its own tuned keys."""
    values = {name: build_experiment(optimizer) for name, optimizer in optimizers.items()}
    first = next(iter(values))
    keys = {name: special_tuned if name == first else tuned for name in values}
    return [(case.general, case.special, case.is_exact) for case in find_special_cases(values, keys, question)]


def test_plain_sgd_is_nesterov_without_momentum():
    values = {"sgd": {"type": "sgd"}, "nesterov": NESTEROV}
    assert find_pairs(values, (RATE, MOMENTUM)) == [("nesterov", "sgd", True)]


def test_momentum_that_is_not_tuned_is_named():
    values = {"sgd": build_experiment({"type": "sgd"}), "nesterov": build_experiment(NESTEROV)}
    (case,) = find_special_cases(values, dict.fromkeys(values, (RATE,)), ("optimizer",))
    assert case.limits == {MOMENTUM: "0"}
    assert case.untuned == (MOMENTUM,)


def test_question_about_momentum_itself_has_no_special_case():
    assert find_pairs({"0": {"type": "sgd"}, "0.9": {"type": "sgd", "momentum": 0.9}}, question=(MOMENTUM,)) == []


@pytest.mark.parametrize(
    ("special", "special_tuned", "general", "tuned", "is_special"),
    [
        ({"type": "sgd"}, (RATE,), {"type": "rmsprop"}, (RATE, EPSILON), True),
        ({"type": "sgd"}, (RATE,), {"type": "rmsprop"}, (RATE,), False),
        ({"type": "sgd", "momentum": 0.9}, (RATE,), {"type": "adam"}, (RATE, EPSILON), True),
        ({"type": "sgd"}, (RATE,), {"type": "adam"}, (RATE, EPSILON), False),
        ({"type": "sgd"}, (RATE,), {"type": "adam"}, (RATE, EPSILON, "optimizer.beta_1"), True),
        (NESTEROV, (RATE,), {"type": "adam"}, (RATE, EPSILON), False),
        (NESTEROV, (RATE, MOMENTUM), {"type": "nadam"}, (RATE, EPSILON, "optimizer.beta_1"), True),
        (NESTEROV, (RATE, MOMENTUM), {"type": "nadam"}, (RATE, EPSILON), False),
        ({"type": "adam"}, (RATE,), {"type": "adamw"}, (RATE, "optimizer.weight_decay"), True),
        ({"type": "adam"}, (RATE,), {"type": "adamw"}, (RATE,), False),
        ({"type": "sgd", "clipnorm": 1.0}, (RATE,), {"type": "rmsprop"}, (RATE, EPSILON), False),
        ({"type": "sgd", "weight_decay": 0.1}, (RATE,), {"type": "rmsprop"}, (RATE, EPSILON), False),
        ({"type": "adagrad"}, (RATE,), {"type": "adam"}, (RATE, EPSILON), False),
    ],
)
def test_special_cases_of_optimizers(special, special_tuned, general, tuned, is_special):
    pairs = find_pairs({"special": special, "general": general}, tuned, special_tuned=special_tuned)
    assert [pair[:2] for pair in pairs] == ([("general", "special")] if is_special else [])


@pytest.mark.parametrize(
    "decay", [0.1, {"type": "ExponentialDecay", "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}]
)
def test_rate_is_a_warm_up_whose_steps_are_tuned(decay):
    warm_up = {"type": "Warmup", "learning_rate": decay, "warmup_steps": 10}
    values = {"rate": {"type": "sgd", "learning_rate": decay}, "warm-up": {"type": "sgd", "learning_rate": warm_up}}
    assert find_pairs(values) == []
    assert find_pairs(values, (f"{RATE}.warmup_steps",)) == [("warm-up", "rate", True)]
    changed = {**values, "rate": {"type": "adam", "learning_rate": decay}}
    assert find_pairs(changed, (f"{RATE}.warmup_steps",)) == []


def test_rates_after_equal_warm_ups_are_compared_without_their_tuned_rate():
    values = {
        name: {**optimizer, "learning_rate": {"type": "Warmup", "learning_rate": rate, "warmup_steps": 10}}
        for name, optimizer, rate in [("sgd", {"type": "sgd"}, 0.1), ("nesterov", NESTEROV, 0.2)]
    }
    assert find_pairs(values, (f"{RATE}.learning_rate", MOMENTUM)) == [("nesterov", "sgd", True)]


def test_constant_rate_is_a_schedule_whose_decay_is_tuned():
    schedule = {"type": "ExponentialDecay", "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}
    values = {"constant": {"type": "sgd"}, "decay": {"type": "sgd", "learning_rate": schedule}}
    assert find_pairs(values, (RATE,)) == []
    assert find_pairs(values, (f"{RATE}.decay_rate",)) == [("decay", "constant", True)]


def test_other_networks_have_no_special_case():
    values = {"sgd": build_experiment({"type": "sgd"}), "nesterov": build_experiment(NESTEROV, units=20)}
    assert find_special_cases(values, dict.fromkeys(values, (RATE, MOMENTUM)), ("optimizer",)) == ()


def test_value_worse_than_its_special_case_is_under_tuned():
    values = {"sgd": build_experiment({"type": "sgd"}), "nesterov": build_experiment(NESTEROV)}
    cases = find_special_cases(values, {"sgd": (RATE,), "nesterov": (RATE, MOMENTUM)}, ("optimizer",))
    assert find_under_tuned(cases, {("nesterov", "sgd")}) == {"nesterov": cases[0]}
    assert find_under_tuned(cases, {("sgd", "nesterov")}) == {}
