"""Numbers that a program computes from lengths of arrays."""

import ast
import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.errors import SourceLocation
from dnn_cli.keras_import.example_counts import compute_counts, count_examples, is_one_pass, round_count
from dnn_cli.keras_import.script_values import DatasetValue

NODE = ast.parse("len(X)", mode="eval").body
BATCH_SIZES = st.integers(1, 5000)


def count(size=None):
    return count_examples(DatasetValue(SourceLocation("train.py"), "X", size), NODE)


def compute(function, *operands):
    return compute_counts(function, operands, NODE)


@given(BATCH_SIZES, st.none() | st.integers(0, 100_000))
def test_usual_forms_are_one_pass(batch_size, size):
    rounded_down = compute(operator.floordiv, count(size), batch_size)
    rounded_up = round_count("math.ceil", [compute(operator.truediv, count(size), batch_size)], NODE)
    padded = compute(operator.floordiv, compute(operator.add, count(size), batch_size - 1), batch_size)
    assert is_one_pass(rounded_down, batch_size, size, has_last_batch=False)
    assert is_one_pass(rounded_up, batch_size, size, has_last_batch=True)
    assert is_one_pass(padded, batch_size, size, has_last_batch=True)


@given(BATCH_SIZES, st.floats(-1e18, 1e18) | st.integers(-(10**18), 10**18), st.integers(0, 100_000))
def test_numbers_are_compared_with_the_training_set(batch_size, steps, size):
    is_pass = 0 <= steps < 10**15 and math.floor(steps) == size // batch_size
    assert is_one_pass(steps, batch_size, size, has_last_batch=False) == is_pass


@pytest.mark.parametrize("steps", [100, math.inf, math.nan, None, "all"])
def test_other_steps_are_not_one_pass(steps):
    assert not is_one_pass(steps, 32, 60_000, has_last_batch=True)


def test_other_batch_size_is_not_one_pass():
    steps = compute(operator.floordiv, count(), 64)
    assert not is_one_pass(steps, 32, None, has_last_batch=False)


@pytest.mark.parametrize("operand", [0, "text", None, 1e300])
def test_operation_without_a_result(operand):
    assert compute(operator.truediv if operand == 0 else operator.mul, count(), operand) is None
