"""Whole numbers among targets, and the rule that distinguishes classes from measurements."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dnn_cli.errors import UserDataError
from dnn_cli.formats.target_rules import are_measurements
from dnn_cli.formats.whole_numbers import are_whole, check_whole, number_distinct_values


@pytest.mark.parametrize(
    ("count", "lowest", "highest", "expected"),
    [(20, 5, 9000, False), (21, 0, 20, False), (21, 1, 21, False), (21, 2, 22, True), (21, 0, 21, True)],
)
def test_many_numbers_are_classes_only_without_gaps(count, lowest, highest, expected):
    assert are_measurements(count, lowest, highest) is expected


@given(hnp.arrays(st.sampled_from([np.int64, np.uint8, np.bool_]), st.integers(1, 30)))
def test_distinct_values_are_numbered_in_ascending_order(numbers):
    distinct, positions = number_distinct_values(numbers)
    assert np.array_equal(distinct, np.unique(numbers))
    assert np.array_equal(distinct[positions], numbers)
    assert positions.dtype == np.int32


@pytest.mark.parametrize(
    ("value", "expected"), [(3.0, True), (-2.0, True), (0.5, False), (np.nan, False), (np.inf, False)]
)
def test_only_finite_numbers_without_fraction_are_whole(value, expected):
    numbers = np.array([1.0, value])
    assert are_whole(numbers) is expected
    if expected:
        check_whole("y", numbers)
        return
    with pytest.raises(UserDataError, match=r"y\[1\] is .*cannot be a class"):
        check_whole("y", numbers)
