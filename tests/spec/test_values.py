"""What stands for several values of a key."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.spec.values import Between, Choice, NoValues, read_values, typed, values_of
from dnn_cli.spec.yaml_file import parse_yaml

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
}


@pytest.mark.parametrize(("text", "values"), LISTS.items(), ids=LISTS)
def test_a_list_is_read_as_it_is_typed(text, values):
    assert read_values(text) == Choice(values)


RANGES = {
    "uniform(0, 0.5)": Between("uniform", 0.0, 0.5),
    "log(1e-4,1e-1)": Between("log", 1e-4, 1e-1),
    " int( 16 , 256 ) ": Between("int", 16, 256),
    "uniform(-1, 1)": Between("uniform", -1.0, 1.0),
}


@pytest.mark.parametrize(("text", "values"), RANGES.items(), ids=RANGES)
def test_a_range_is_read_and_said_again(text, values):
    assert read_values(text) == values
    assert read_values(str(values)) == values


WRONG = {
    "": "no value",
    "a,,b": "empty value",
    "a,": "empty value",
    "5..1": "1..5",
    "1..10001": "10,000",
    "log(0, 1)": r"the smaller number of log\(…\) must be greater than 0, as in log\(1e-4, 0.1\)",
    "log(1e-1, 1e-4)": "smaller first",
    "uniform(1)": "two numbers",
    "uniform(nan, 1)": "two numbers",
    "uniform(0, inf)": "two numbers",
    "int(1.5, 3)": "two numbers",
    "log(1e-4, 1e-1),0.5": "stands alone",
    ",".join(map(str, range(10_001))): "are the most",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items(), ids=lambda text: text[:20])
def test_what_stands_for_no_values_is_told(text, message):
    with pytest.raises(NoValues, match=message):
        read_values(text)


@given(
    st.sampled_from(["uniform", "log", "int"]),
    st.floats(1e-6, 1e6),
    st.floats(1e-6, 1e6),
    st.floats(0, 1, exclude_max=True),
)
def test_what_is_drawn_lies_within_its_ends_and_can_be_typed(kind, one, other, share):
    low, high = sorted((one, other))
    if kind == "int":
        low, high = math.floor(low), math.ceil(high)
    if low == high:
        return
    values = Between(kind, low, high)
    number = parse_yaml(values.at(share), "").value
    assert low <= number <= high
    assert isinstance(number, int) or kind != "int"


def test_every_whole_number_is_drawn_and_each_order_of_magnitude_as_often():
    shares = [index / 1000 for index in range(1000)]
    assert {Between("int", 3, 5).at(share) for share in shares} == {"3", "4", "5"}
    below = sum(float(Between("log", 1e-4, 1.0).at(share)) < 1e-2 for share in shares)
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
def test_a_value_of_a_file_is_typed_as_what_it_is(value):
    assert parse_yaml(typed(value), "").value == value


def test_a_list_of_a_file_is_its_items_and_a_text_is_read_as_on_the_command_line():
    assert values_of([{"type": "sgd", "momentum": 0.9}, "adam"]) == Choice(("{type: sgd, momentum: 0.9}", "adam"))
    assert values_of("1..3") == values_of([1, 2, 3]) == values_of(["1..2", 3]) == Choice(("1", "2", "3"))
    assert values_of("log(1e-4, 1e-1)") == Between("log", 1e-4, 1e-1)
    assert values_of([["accuracy"]]) == Choice(("[accuracy]",))
    with pytest.raises(NoValues, match="at least one"):
        values_of([])


def test_a_comma_in_quotes_and_an_apostrophe_separate_nothing():
    assert read_values('"a,b.csv",c.csv') == Choice(('"a,b.csv"', "c.csv"))
    assert read_values("it's,that's") == Choice(("it's", "that's"))
    assert read_values("{a: 'x,y'},z") == Choice(("{a: 'x,y'}", "z"))
