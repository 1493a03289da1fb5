"""Names of the tensors of a model that takes the cells of a table."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from dnn_cli.export.table_interface import list_tensor_names


def test_plain_names_stay():
    assert list_tensor_names(["Age", "max_temp2", "Monthly Charges", "나이", "age", "a b", "a-b"]) == [
        "Age", "max_temp2", "Monthly_Charges", "column_4", "age_2", "a_b", "a_b_2",
    ]  # fmt: skip


@settings(max_examples=30)
@given(st.lists(st.text(max_size=5), max_size=6, unique=True))
def test_any_columns_have_distinct_names(columns):
    names = list_tensor_names(columns)
    assert len({name.lower() for name in names}) == len(columns)
    assert all(re.fullmatch("[A-Za-z0-9][A-Za-z0-9_]*", name) for name in names)
