"""Texts that represent several values of a key."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.config.sweep_values import (
    ValueChoice,
    ValueRange,
    ValuesError,
    format_as_yaml,
    from_yaml_value,
    parse_values,
)
from dnn_cli.config.yaml_reader import parse_yaml

LISTS = {
    "sgd,adam": ("sgd", "adam"),
    "sgd": ("sgd",),
    " sgd , adam ": ("sgd", "adam"),
    "1..3": ("1", "2", "3"),
    "-1..1": ("-1", "0", "1"),
    "1..2,7": ("1", "2", "7"),
    "{type: sgd, momentum: 0.9},adam": ("{type: sgd, momentum: 0.9}", "adam"),
    "[1, 2],[3]": ("[1, 2]", "[3]"),
    '"a,b",c': ('"a,b"', "c"),
    "adam,adam": ("adam",),
    "0.1,1e-3": ("0.1", "1e-3"),
    "1.5": ("1.5",),
    ",": (",",),
}


@pytest.mark.parametrize(("text", "values"), LISTS.items(), ids=LISTS)
def test_list_is_parsed(text, values):
    assert parse_values(text) == ValueChoice(values)


RANGES = {
    "uniform(0, 0.5)": ValueRange("uniform", 0.0, 0.5),
    "log(1e-4,1e-1)": ValueRange("log", 1e-4, 1e-1),
    " int( 16 , 256 ) ": ValueRange("int", 16, 256),
    "uniform(-1, 1)": ValueRange("uniform", -1.0, 1.0),
    "1-log(0.001, 0.5)": ValueRange("1-log", 0.001, 0.5),
    " 1 - log(1e-4, 1)": ValueRange("1-log", 1e-4, 1.0),
}


@pytest.mark.parametrize(("text", "values"), RANGES.items(), ids=RANGES)
def test_range_round_trips(text, values):
    assert parse_values(text) == values
    assert parse_values(str(values)) == values


WRONG = {
    "": "no value",
    "a,,b": "empty value",
    "a,": "empty value",
    "5..1": "1..5",
    "1..10001": "10,000",
    "log(0, 1)": r"the smaller number of log\(…\) must be greater than 0, for example log\(1e-4, 0.1\)",
    "log(1e-1, 1e-4)": "smaller first",
    "1-log(0, 0.5)": r"the numbers of 1-log\(…\) must be greater than 0 and at most 1",
    "1-log(0.1, 2)": "at most 1",
    "uniform(1)": "two numbers",
    "uniform(nan, 1)": "two numbers",
    "uniform(0, inf)": "two numbers",
    "int(1.5, 3)": "two numbers",
    "log(1e-4, 1e-1),0.5": "cannot be part of a list",
    ",".join(map(str, range(10_001))): "the maximum is 10,000",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items(), ids=lambda text: text[:20])
def test_invalid_values_are_refused(text, message):
    with pytest.raises(ValuesError, match=message):
        parse_values(text)


@given(
    st.sampled_from(["uniform", "log", "int"]),
    st.floats(1e-6, 1e6),
    st.floats(1e-6, 1e6),
    st.floats(0, 1, exclude_max=True),
)
def test_drawn_number_is_within_range(kind, first_end, second_end, share):
    low, high = sorted((first_end, second_end))
    if kind == "int":
        low, high = math.floor(low), math.ceil(high)
    if low == high:
        return
    values = ValueRange(kind, low, high)
    number = parse_yaml(values.value_at(share), "").value
    assert low <= number <= high
    assert isinstance(number, int) or kind != "int"
    assert values.parse_number(values.value_at(share)) == number


@given(st.sampled_from(["uniform", "log", "int", "1-log"]), st.floats(0, 1))
def test_share_of_drawn_value_is_the_share(kind, share):
    values = {
        "uniform": ValueRange("uniform", -1.0, 3.0),
        "log": ValueRange("log", 1e-5, 0.1),
        "int": ValueRange("int", 1, 9),
        "1-log": ValueRange("1-log", 0.001, 0.5),
    }[kind]
    tolerance = 1 / 18 + 1e-9 if kind == "int" else 2e-3
    assert values.compute_share(values.value_at(share)) == pytest.approx(share, abs=tolerance)


def test_numbers_close_to_one_have_four_digits_of_the_difference():
    values = ValueRange("1-log", 1e-4, 0.5)
    assert values.end_values == ("0.9999", "0.5")
    assert values.format_number(0.00012344) == "0.9998766"
    assert values.parse_number("0.9998766") == 0.0001234
    # A difference of binary fractions would be greater than the end of the range.
    assert ValueRange("1-log", 0.1, 0.3).parse_number("0.7") == 0.3


@pytest.mark.parametrize("text", ["nan", "inf", "adam", ""])
def test_value_that_is_not_a_number_has_no_share(text):
    with pytest.raises(ValueError, match="number"):
        ValueRange("log", 1e-4, 0.1).compute_share(text)


def test_share_of_value_outside_the_range():
    values = ValueRange("log", 1e-4, 1e-2)
    assert (values.compute_share("1e-6"), values.compute_share("1")) == (pytest.approx(-1), pytest.approx(2))
    assert values.compute_share("0") == -math.inf


def test_draws_are_evenly_distributed():
    shares = [index / 1000 for index in range(1000)]
    assert {ValueRange("int", 3, 5).value_at(share) for share in shares} == {"3", "4", "5"}
    below = sum(float(ValueRange("log", 1e-4, 1.0).value_at(share)) < 1e-2 for share in shares)
    assert 490 <= below <= 510


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(-1e6, 1e6)
    | st.text("ab0 한ß:,[]{}#'\"&*!|>%@-?~.", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=6,
)


@given(PLAIN)
def test_formatted_yaml_round_trips(value):
    assert parse_yaml(format_as_yaml(value), "").value == value


def test_values_of_sweep_file():
    assert from_yaml_value([{"type": "sgd", "momentum": 0.9}, "adam"]) == ValueChoice(
        ("{type: sgd, momentum: 0.9}", "adam")
    )
    assert (
        from_yaml_value("1..3")
        == from_yaml_value([1, 2, 3])
        == from_yaml_value(["1..2", 3])
        == ValueChoice(("1", "2", "3"))
    )
    assert from_yaml_value("log(1e-4, 1e-1)") == ValueRange("log", 1e-4, 1e-1)
    assert from_yaml_value([["accuracy"]]) == ValueChoice(("[accuracy]",))
    with pytest.raises(ValuesError, match="at least one"):
        from_yaml_value([])


def test_quoted_comma_does_not_separate():
    assert parse_values('"a,b.csv",c.csv') == ValueChoice(('"a,b.csv"', "c.csv"))
    assert parse_values("it's,that's") == ValueChoice(("it's", "that's"))
    assert parse_values("{a: 'x,y'},z") == ValueChoice(("{a: 'x,y'}", "z"))
