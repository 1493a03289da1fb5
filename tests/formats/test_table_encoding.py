import json
import math

import numpy as np
import pytest

from dnn_cli.formats.table_columns import TableColumn
from dnn_cli.formats.table_encoding import ColumnEncoding, TableEncoding

COLOUR = TableColumn("colour", "category", has_missing=True, frequent_categories=3)
SIZE = TableColumn("size", "number", has_missing=True)
DAY = TableColumn("day", "date", has_time=True)


def test_a_category_sets_the_input_of_its_name():
    encoding = ColumnEncoding(COLOUR, categories=("blue", "red"), has_missing_category=True, has_other_category=True)
    assert encoding.input_names == ("colour=blue", "colour=red", "colour=missing", "colour=other")
    codes = np.array([0.0, 1.0, 2.0, math.nan])
    expected = [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    assert encoding.encode(codes, ("red", "blue", "pink")).tolist() == expected


def test_an_unknown_category_is_0_everywhere_without_rare_categories_in_the_training():
    encoding = ColumnEncoding(COLOUR, categories=("blue", "red"))
    assert encoding.encode(np.array([0.0, math.nan, 1.0]), ("pink", "red")).tolist() == [[0] * 4, [0] * 4, [0, 1, 0, 0]]


def test_a_missing_number_is_replaced_and_marked():
    encoding = ColumnEncoding(SIZE, replacement=2.5)
    assert encoding.input_names == ("size", "size missing")
    assert encoding.encode(np.array([7.0, math.nan]), ()).tolist() == [[7, 0], [2.5, 1]]
    assert encoding.is_scaled == (True, False)


def test_a_date_becomes_year_month_day_of_week_days_and_hour():
    encoding = ColumnEncoding(DAY, first_day=19_000.0)
    # 2022-01-08 was a Saturday.
    assert encoding.encode(np.array([19_000.25]), ()).tolist() == [[2022, 1, 5, 0.25, 6]]
    assert encoding.encode(np.array([-0.5]), ()).tolist() == [[1969, 12, 2, -19_000.5, 12]]
    assert encoding.input_names[-2:] == ("day days since first", "day hour")


def test_the_encoding_survives_json():
    encoding = TableEncoding((ColumnEncoding(COLOUR, categories=("é", "b")), ColumnEncoding(SIZE, replacement=0.1)))
    assert TableEncoding.from_document(json.loads(json.dumps(encoding.to_document()))) == encoding
    with pytest.raises(ValueError, match="column"):
        TableEncoding.from_document([{"column": 3}])
