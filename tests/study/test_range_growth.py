"""Growth of ranges whose best trial is near an end."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.config.loading import load_experiment
from dnn_cli.config.search_spaces import parse_tuned_keys
from dnn_cli.config.sweep_values import ValueRange, parse_values
from dnn_cli.study.range_growth import (
    Edge,
    build_grown_space,
    count_extra_trials,
    find_edges,
    grow_range,
    place_trials,
    plan_extra_trials,
)
from dnn_cli.study.unit_points import draw_unit_points, place_trial

RATE, MOMENTUM = "optimizer.learning_rate", "optimizer.momentum"
SPACE = parse_tuned_keys(["lr=log(1e-4, 1)", "optimizer.momentum=1-log(0.001, 0.5)"])


@pytest.fixture(scope="module")
def experiments(tmp_path_factory):
    from tests.helpers.digits import DIGITS_YAML

    path = tmp_path_factory.mktemp("growth") / "digits.yaml"
    path.write_text(DIGITS_YAML)
    overrides = {"sgd": "sgd", "momentum": "{type: sgd, momentum: 0.9}"}
    return {value: load_experiment(str(path), [f"optimizer={text}"]).experiment for value, text in overrides.items()}


def describe_edges(rate, momentum):
    return [(edge.key, edge.side, edge.end_value) for edge in find_edges(SPACE, {RATE: rate, MOMENTUM: momentum})]


def test_edges_are_the_outer_tenths_on_the_logarithmic_scale():
    assert describe_edges("0.01", "0.9") == []
    assert describe_edges("2.5e-4", "0.9") == [(RATE, "low", "0.0001")]
    assert describe_edges("2.6e-4", "0.9") == []
    assert describe_edges("0.4", "0.9985") == [(RATE, "high", "1"), (MOMENTUM, "low", "0.999")]
    assert describe_edges("0.01", "0.55") == [(MOMENTUM, "high", "0.5")]


def test_edge_of_whole_numbers_is_a_tenth_of_them():
    space = parse_tuned_keys(["batch_size=int(1, 20)"])
    at_edge = [number for number in range(1, 21) if find_edges(space, {"batch_size": str(number)})]
    assert at_edge == [1, 2, 19, 20]
    assert not find_edges(parse_tuned_keys(["batch_size=int(1, 4)"]), {"batch_size": "1"})


GROWTHS = {
    ("log(1e-05, 0.1)", "low"): ("log(1e-06, 1e-05)", "log(1e-06, 0.1)"),
    ("log(1e-05, 0.1)", "high"): ("log(0.1, 1)", "log(1e-05, 1)"),
    ("1-log(0.001, 0.05)", "low"): ("1-log(0.0001, 0.001)", "1-log(0.0001, 0.05)"),
    ("1-log(0.001, 0.05)", "high"): ("1-log(0.05, 0.5)", "1-log(0.001, 0.5)"),
    ("1-log(0.001, 0.5)", "high"): ("1-log(0.5, 0.99)", "1-log(0.001, 0.99)"),
    ("1-log(0.001, 1)", "high"): None,
    ("1-log(1e-07, 1)", "low"): None,
    ("uniform(0.1, 0.5)", "low"): None,
    ("int(1, 20)", "high"): None,
}


@pytest.mark.parametrize(("case", "grown"), GROWTHS.items(), ids=str)
def test_range_grows_by_a_decade(case, grown):
    text, side = case
    growth = grow_range(parse_values(text), Edge("", side, ""))
    assert (growth and (str(growth.added), str(growth.grown))) == grown


@given(st.floats(1e-8, 1.0), st.floats(1.1, 1e6), st.sampled_from(["low", "high"]), st.floats(0, 1))
def test_extra_trials_are_in_the_added_decade_alone(low, factor, side, share):
    values = ValueRange("log", low, low * factor)
    growth = grow_range(values, Edge("", side, ""))
    position = values.compute_share(growth.added.value_at(share))
    assert position <= 1e-3 / math.log(factor) if side == "low" else position >= 1 - 1e-3 / math.log(factor)
    assert math.log10(growth.added.high / growth.added.low) == pytest.approx(1)


@pytest.mark.parametrize(("text", "trials", "count"), [
    ("log(1e-05, 0.1)", 20, 5),
    ("log(1e-05, 0.1)", 21, 6),
    ("log(0.0001, 1)", 40, 10),
    ("1-log(0.001, 0.5)", 20, 8),
    ("log(1e-10, 1)", 3, 1),
])  # fmt: skip
def test_number_of_extra_trials_is_that_of_a_decade(text, trials, count):
    assert count_extra_trials(parse_values(text), trials) == count


def test_all_values_get_the_same_number_of_extra_trials(experiments):
    spaces = {"sgd": SPACE[:1], "momentum": SPACE}
    inner = {RATE: "0.01", MOMENTUM: "0.9"}
    first = plan_extra_trials(spaces, experiments, {"sgd": {RATE: "0.9"}, "momentum": inner}, 20)
    assert (first.count, list(first.growths)) == (5, ["sgd"])
    points = draw_unit_points(25, 2, 0)
    trials = {value: place_trials(value, space, 20, [first], points) for value, space in spaces.items()}
    assert [len(settings) for settings in trials.values()] == [25, 25]
    assert trials["momentum"] == [place_trial(SPACE, point) for point in points]
    assert trials["sgd"][:20] == [place_trial(SPACE[:1], point) for point in points[:20]]
    assert all(1 <= float(setting[RATE]) <= 10 for setting in trials["sgd"][20:])
    with pytest.raises(ValueError, match="25 trials need as many unit points, not 20"):
        place_trials("sgd", SPACE[:1], 20, [first], points[:20])


def test_range_grows_at_most_twice(experiments):
    spaces, rounds = {"sgd": SPACE[:1]}, []
    for best in ("0.9", "9", "90"):
        extra = plan_extra_trials(spaces, experiments, {"sgd": {RATE: best}}, 20, rounds)
        rounds += [extra] if extra else []
    assert [str(extra.growths["sgd"].grown) for extra in rounds] == ["log(0.0001, 10)", "log(0.0001, 100)"]
    assert [extra.count for extra in rounds] == [5, 5]
    (tuned,) = build_grown_space("sgd", SPACE[:1], rounds)
    assert str(tuned.values) == "log(0.0001, 100)"
    assert find_edges((tuned,), {RATE: "90"})


def test_first_range_that_can_grow_grows(experiments):
    space = parse_tuned_keys(["batch_size=int(8, 128)", "lr=log(1, 1000)", "optimizer.momentum=1-log(0.001, 0.5)"])
    at_edges = {"batch_size": "128", RATE: "999", MOMENTUM: "0.999"}
    extra = plan_extra_trials({"momentum": space}, experiments, {"momentum": at_edges}, 27)
    # The config accepts no rate above 1000, and a range of whole numbers does not grow.
    assert [growth.edge.key for growth in extra.growths.values()] == [MOMENTUM]
    assert extra.count == 11


def test_no_edge_and_no_best_trial_need_no_extra_trials(experiments):
    spaces = {"sgd": SPACE[:1], "momentum": SPACE}
    assert plan_extra_trials(spaces, experiments, {"sgd": {RATE: "0.01"}, "momentum": None}, 20) is None
