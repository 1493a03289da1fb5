"""Expressions have the layout of `ruff format`."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.script.python_code import Items, Literal, build_call, build_expression, format_statement, format_value


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-7, "1e-7"), (0.001, "0.001"), ("it's", '"it\'s"'), ((3,), "(3,)"), ([1, 2], "[1, 2]"), ({0: 2.0}, "{0: 2.0}")],
)
def test_values_have_double_quotes_and_short_exponents(value, text):
    assert format_statement("", build_expression(value)) == [text]


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(NUMBERS | st.text() | st.none(), lambda inner: st.lists(inner, max_size=3) | st.tuples(inner))


@given(VALUES)
def test_code_of_a_value_gives_the_value(value):
    assert ast.literal_eval("\n".join(format_statement("", build_expression(value)))) == value


def test_long_calls_have_one_argument_on_each_line():
    call = build_call("function", "a" * 40, first="b" * 20, second="c" * 20)
    assert format_statement("x = ", call) == [
        "x = function(", f'    "{"a" * 40}",', f'    first="{"b" * 20}",', f'    second="{"c" * 20}",', ")",
    ]  # fmt: skip


def test_items_can_have_one_line_each():
    items = Items((Literal("a"), Literal("b")), is_expanded=True)
    assert format_statement("x = ", items) == ["x = [", "    a,", "    b,", "]"]
    assert format_value("a") == '"a"'
