"""Parquet files: the same tables as CSV files, whatever the types of their columns."""

import datetime
import decimal
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.config.data import Data
from dnn_cli.errors import UserDataError
from dnn_cli.formats import safe_open
from dnn_cli.formats.column_types import choose_column_types
from dnn_cli.formats.csv_rows import open_rows
from dnn_cli.formats.csv_table import inspect_csv, read_csv
from dnn_cli.formats.parquet_rows import check_table_kind
from dnn_cli.formats.prediction_inputs import InputSpec, read_prediction_inputs
from dnn_cli.formats.reader_options import CsvOptions

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

OPTIONS = CsvOptions(header=True)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes columns to a Parquet file and returns its path."""

    def write_columns(**columns):
        path = tmp_path / "t.parquet"
        pq.write_table(pa.table(columns), path)
        return str(path)

    return write_columns


def read_cells(path):
    with open_rows(path, OPTIONS) as rows:
        return rows.header[1], [(number, *cells) for number, cells in rows.rows]


MOMENT = datetime.datetime(2024, 5, 31, 13, 30)
TYPES = {
    "int8": ([1, None, -3], pa.int8(), ["1", "", "-3"]),
    "uint64": ([2**64 - 1], pa.uint64(), [str(2**64 - 1)]),
    "double": ([1.0, 0.1, None, float("nan")], pa.float64(), ["1", "0.1", "", ""]),
    "float": ([0.1, 1e20], pa.float32(), ["0.1", "1e+20"]),
    "half": ([np.float16(0.5), None], pa.float16(), ["0.5", ""]),
    "boolean": ([True, False, None], pa.bool_(), ["true", "false", ""]),
    "decimal": ([decimal.Decimal("1.50"), None], pa.decimal128(5, 2), ["1.50", ""]),
    "text": (["a", "", None, "007"], pa.string(), ["a", "", "", "007"]),
    "large text": (["a"], pa.large_string(), ["a"]),
    "day": ([MOMENT.date(), None], pa.date32(), ["2024-05-31", ""]),
    "moment": ([MOMENT, None], pa.timestamp("ns"), ["2024-05-31 13:30:00", ""]),
    "moment in a zone": ([MOMENT], pa.timestamp("ms", "Europe/Berlin"), ["2024-05-31 13:30:00"]),
    "nothing": ([None], pa.null(), [""]),
    "list": ([[1, 2], None], pa.list_(pa.int64()), ["list<element: int64>"] * 2),
    "bytes": ([b"x"], pa.binary(), ["binary"]),
}


@pytest.mark.parametrize(("values", "column_type", "cells"), TYPES.values(), ids=TYPES)
def test_values_of_each_type_become_cells(write, values, column_type, cells):
    header, rows = read_cells(write(a=pa.array(values, column_type)))
    assert header == ["a"]
    assert rows == list(enumerate(cells, 1))


def test_dictionaries_are_decoded(write):
    assert read_cells(write(a=pa.array(["x", None, "y"]).dictionary_encode()))[1] == [(1, "x"), (2, ""), (3, "y")]


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(FLOATS, st.integers(-(2**31), 2**31), st.booleans()), min_size=2, max_size=20))
def test_inputs_have_the_bits_of_the_file(tmp_path_factory, rows):
    path = str(tmp_path_factory.mktemp("bits") / "t.parquet")
    floats, integers, booleans = zip(*rows, strict=True)
    target = [index / 7 for index in range(len(rows))]
    pq.write_table(pa.table({"a": pa.array(floats, pa.float32()), "b": integers, "c": booleans, "y": target}), path)
    arrays = read_csv(path, OPTIONS)
    assert np.array_equal(arrays.inputs, np.array(rows, np.float64).astype(np.float32))
    assert np.array_equal(arrays.targets[:, 0], np.float32(target))


def test_several_batches_are_read(write):
    count = 10_000
    arrays = read_csv(write(a=np.arange(count), y=np.arange(count) / 3), OPTIONS)
    assert arrays.inputs[:, 0].tolist() == list(range(count))


def test_classes_and_row_names_of_pandas(write):
    path = write(a=[1.5, 2, 3], **{"2019": [1, 2, 3], "y": ["no", "yes", "no"], "__index_level_0__": [7, 8, 9]})
    contents = inspect_csv(path, OPTIONS)
    assert (contents.features, contents.target, contents.classes) == (("a", "2019"), "y", ("no", "yes"))
    assert contents.remarks[0].message == "column __index_level_0__: the row names of pandas, left out"


ERRORS = {
    "no number": ({"a": ["x", "1"], "y": [0, 1]}, OPTIONS, r":1  column a: 'x' is not a number"),
    "a gap": ({"a": [1, None], "y": [0, 1]}, OPTIONS, r":2  column a: the cell is empty"),
    "a list": ({"a": [[1], [2]], "b": [1, 2], "y": [0, 1]}, OPTIONS, r"column a: 'list<element: int64>' is not a num"),
    "no such column": ({"a": [1, 2], "y": [0, 1]}, CsvOptions(header=True, target="z"), r"t\.parquet  has no column z"),
    "no rows": ({"a": pa.array([], pa.int64()), "y": pa.array([], pa.int64())}, OPTIONS, r"has a header but no rows"),
    "no columns": ({}, OPTIONS, r"has no columns"),
}


@pytest.mark.parametrize(("columns", "options", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_name_row_and_column(write, columns, options, message):
    with pytest.raises(UserDataError, match=message):
        inspect_csv(write(**columns), options)


def test_list_column_is_left_out_by_ignore(write):
    path = write(a=[[1], [2]], b=[1, 2], y=[0, 1])
    with pytest.raises(UserDataError) as caught:
        inspect_csv(path, OPTIONS)
    assert "data.ignore=[a]" in caught.value.suggestion
    assert inspect_csv(path, CsvOptions(header=True, ignore=("a",))).features == ("b",)


def test_types_of_the_file_decide_the_types_of_columns(write):
    digits = [f"0{number % 3}" for number in range(12)]
    gaps = pa.array([None if number % 4 == 0 else float(number) for number in range(12)])
    days = pa.array([MOMENT.date()] * 6 + [None] * 6)
    path = write(zip=digits, size=gaps, day=days, tags=[[1]] * 12, y=list(range(12)))
    choices = {choice.name: choice for choice in choose_column_types(path, OPTIONS)}
    types = {name: choice.options.type for name, choice in choices.items() if choice.options}
    assert types == {"zip": "category", "size": "number", "day": "date"}
    assert choices["tags"].reason.startswith("has values of the type list<")


@pytest.mark.parametrize("missing", [None, ("-9",)])
def test_nulls_are_missing_cells(write, missing):
    path = write(a=[1.5, None, 3.0], b=["x", None, "y"], y=[0.5, 1.5, 2.5])
    columns = {"a": {"type": "number", "missing": "median"}, "b": {"type": "category"}}
    data = Data.model_validate({"dataset": "parquet", "path": path, "columns": columns, "missing": missing})
    arrays = read_csv(path, data.csv_options)
    assert np.isnan(arrays.inputs).tolist() == [[False, False], [True, True], [False, False]]


def test_damaged_file_is_one_error(write):
    path = write(a=np.arange(500), y=np.arange(500) / 3)
    with open(path, "rb") as stream:
        content = stream.read()
    random = np.random.default_rng(5)
    for at in [4, 40, len(content) // 2, len(content) - 9, *random.integers(4, len(content) - 4, 20)]:
        flipped = content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
        for damaged in (content[:at], flipped):
            with open(path, "wb") as stream:
                stream.write(damaged)
            try:
                read_cells(path)
            except UserDataError as error:
                assert "\n" not in error.message


def test_file_larger_than_memory_is_refused(write, monkeypatch):
    monkeypatch.setattr(safe_open, "get_usable_memory", lambda: 1000)
    with pytest.raises(UserDataError, match="in memory"):
        read_cells(write(a=np.arange(500)))


def test_missing_package_names_its_extra(write, monkeypatch):
    path = write(a=[1])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserDataError) as caught:
        read_cells(path)
    assert caught.value.suggestion == "pip install -e '.[parquet]'"


def test_kind_of_a_table_must_be_right(write, tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    with pytest.raises(UserDataError, match="is a Parquet file, not a CSV file"):
        check_table_kind(write(a=[1]), "csv")
    with pytest.raises(UserDataError, match="is not a Parquet file"):
        check_table_kind(str(tmp_path / "t.csv"), "parquet")


def test_run_on_a_table_predicts_a_parquet_file(write):
    """The training file had decimal commas and points between thousands."""
    options = CsvOptions(decimal=",", thousands=".", delimiter=";", encoding="cp949")
    path = write(other=["x", "y"], b=[1.234, 5], a=[2, 3])
    read = read_prediction_inputs(path, InputSpec((2,), ("a", "b"), csv_options=options, kept_columns=("other",)))
    assert read.inputs.tolist() == [[2, pytest.approx(1.234)], [3, 5]]
    assert read.input_names == [f"{path}:1", f"{path}:2"]
    assert read.table.kept_columns == {"other": ("x", "y")}
