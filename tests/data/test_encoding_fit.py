import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from dnn_cli.data.encoding_fit import fit_encoding
from dnn_cli.formats.table_columns import TableColumn

NAMES = ("a", "b", "c", "d", "e")
CODES = st.lists(st.integers(0, len(NAMES) - 1), min_size=1, max_size=30)


def describe_categories(codes, min_frequency, max_categories):
    frequent = (np.bincount(codes) >= min_frequency).sum()
    return TableColumn("c", "category", "median", min_frequency, max_categories, frequent_categories=int(frequent))


@given(CODES, CODES, st.integers(1, 4), st.integers(2, 6))
def test_categories_are_encoded_as_by_scikit_learn(train, others, min_frequency, max_categories):
    column = describe_categories(train, min_frequency, max_categories)
    values = np.array(train, float)[:, None]
    encoding = fit_encoding([column], values, [NAMES])
    ours = encoding.encode(np.array(others, float)[:, None], [NAMES])
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=min_frequency,
        max_categories=max_categories,
        sparse_output=False,
    )
    theirs = encoder.fit([[NAMES[code]] for code in train]).transform([[NAMES[code]] for code in others])
    is_other = ours[:, -1:] if encoding.columns[0].has_other_category else ours[:, :0]
    named = ours[:, : len(encoding.columns[0].categories)]
    assert np.array_equal(np.hstack([named, is_other]), theirs)
    assert not ours[:, named.shape[1] : -1].any()


@given(
    st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1).filter(lambda cells: cells != [None] * len(cells)),
    st.sampled_from(["median", "mean"]),
)
def test_missing_numbers_are_replaced_as_by_scikit_learn(cells, method):
    values = np.array([math.nan if cell is None else cell for cell in cells])[:, None]
    column = TableColumn("n", "number", method, has_missing=None in cells)
    ours = fit_encoding([column], values, [()]).encode(values, [()])
    theirs = SimpleImputer(strategy=method, add_indicator=True).fit_transform(values)
    assert np.allclose(ours, theirs.astype(np.float32), rtol=1e-6)


def test_missing_cells_are_a_category_of_their_own():
    column = TableColumn("c", "category", min_frequency=2, has_missing=True, frequent_categories=2)
    values = np.array([0, 0, math.nan, math.nan, 1.0])[:, None]
    encoding = fit_encoding([column], values, [NAMES])
    assert encoding.input_names == ("c=a", "c=missing", "c=other")
    assert encoding.encode(values, [NAMES]).argmax(1).tolist() == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("column_type", ["number", "boolean", "date"])
def test_a_column_without_values_in_the_training_is_0(column_type):
    column = TableColumn("n", column_type, has_missing=True)
    encoding = fit_encoding([column], np.full((3, 1), math.nan), [()])
    inputs = encoding.encode(np.array([[math.nan], [20_000.0]]), [()])
    assert np.isfinite(inputs).all()
    # A value of another example has an unknown scale, and counts as missing.
    assert np.array_equal(inputs[0], inputs[1])
