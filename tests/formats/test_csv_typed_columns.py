import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnn_cli.errors import UserDataError
from dnn_cli.formats import csv_body
from dnn_cli.formats.csv_table import inspect_csv, read_csv
from dnn_cli.formats.reader_options import CsvOptions
from dnn_cli.formats.table_columns import ColumnOptions

NUMBER, CATEGORY = ColumnOptions("number"), ColumnOptions("category")


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a table and returns its path."""
    numbers = itertools.count()

    def write_table(*lines):
        path = tmp_path / f"{next(numbers)}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    return write_table


def build_options(missing=None, **columns):
    return CsvOptions(columns=tuple(columns.items()), missing=missing)


def read_values(path, options):
    return read_csv(path, options).inputs.T.tolist()


def get_error(path, options):
    with pytest.raises(UserDataError) as caught:
        inspect_csv(path, options)
    return caught.value


def test_each_type_has_its_values(write):
    path = write(
        "n,c,b,d,y",
        "1.5,red,Yes,2024-01-01,0",
        " ,?, no ,NA,1",
        "-2, blue ,TRUE,2024-01-02 12:00,0",
        "nan,red,,2024-01-01,1",
    )
    options = build_options(n=NUMBER, c=CATEGORY, b=ColumnOptions("boolean"), d=ColumnOptions("date"))
    arrays, contents = read_csv(path, options), inspect_csv(path, options)
    nan = np.nan
    expected = [[1.5, nan, -2, nan], [0, nan, 1, 0], [1, 0, 1, nan], [19723, nan, 19724.5, 19723]]
    assert np.array_equal(arrays.inputs.T, expected, equal_nan=True)
    assert arrays.categories == ((), ("red", "blue"), (), ())
    assert [column.has_missing for column in contents.columns] == [True] * 4
    assert contents.input_shape == (sum(column.inputs for column in contents.columns),) == (len(contents.features),)
    assert contents.input_columns == ("n", "c", "b", "d")


def test_other_columns_are_numbers_without_missing_cells(write):
    options = build_options(c=CATEGORY)
    assert read_values(write("a,c,y", "1,x,0", "2,y,1"), options) == [[1, 2], [0, 1]]
    error = get_error(write("a,c,y", "1,x,0", ",y,1"), options)
    assert error.message.endswith(":3  column a: '' is missing")
    assert error.suggestion == "replace missing cells: 'data.columns.a={type: number, missing: median}'"


@pytest.mark.parametrize(
    ("column_type", "cell", "message", "hint"),
    [
        pytest.param("number", "abc", "'abc' is not a number", "use data.columns.x=category", id="text"),
        pytest.param("number", "1e39", "is too large for a 32-bit float", "divide the column", id="too large"),
        pytest.param("number", "1_000", "'1_000' is not a number", "", id="Python's digits"),
        pytest.param("number", "$5", "'$5' is not a number", "data.strip", id="amount"),
        pytest.param("boolean", "maybe", "'maybe' is not yes or no, true or", "data.columns.x=category", id="word"),
        pytest.param("boolean", "6.5", "'6.5' is not yes or no, true or", "data.columns.x=category", id="number"),
        pytest.param("date", "31.05.2024", "not a date in the format ISO 8601", "data.columns.x=category", id="format"),
        pytest.param("date", "soon", "not a date in the format ISO 8601", "data.columns.x=category", id="no date"),
    ],
)
def test_an_invalid_cell_is_named_with_its_line_and_a_remedy(write, column_type, cell, message, hint):
    good = {"number": "1", "boolean": "no", "date": "2024-05-31"}[column_type]
    error = get_error(write("x,z,y", f"{good},1,0", *[f"{cell},1,1"] * 3), build_options(x=ColumnOptions(column_type)))
    assert f":3  column x: '{cell}' is " in error.message
    assert message in error.message
    assert "(2 more such cells in lines 4, 5)" in error.message
    assert hint in error.suggestion


def test_faults_of_all_columns_are_reported_together(write):
    path = write("a,b,y", "x,1,0", "2,maybe,1", "3,no,")
    error = get_error(path, build_options(a=NUMBER, b=ColumnOptions("boolean")))
    assert [line.partition("  ")[2].partition(":")[0] for line in error.message.split("\n")] == [
        "column a", "column b", "column y",
    ]  # fmt: skip


def test_missing_lists_the_texts_of_missing_cells(write):
    path = write("a,c,y", "1,x,0", "-9,none,1", "NA,x,0")
    options = build_options(a=NUMBER, c=CATEGORY, missing=("-9", "NA"))
    assert np.array_equal(read_values(path, options), [[1, np.nan, np.nan], [0, 1, 0]], equal_nan=True)
    assert "data.missing" in get_error(path, build_options(a=NUMBER, c=CATEGORY, missing=("-9",))).suggestion


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(build_options(q=NUMBER), "has no column q", id="unknown"),
        pytest.param(CsvOptions(target="y", columns=(("y", NUMBER),)), "column y is the target", id="target"),
        pytest.param(
            CsvOptions(target="y", weight="a", columns=(("a", NUMBER),)), "column a is the weight", id="weight"
        ),
    ],
)
def test_only_inputs_have_types(write, options, message):
    assert message in get_error(write("a,b,y", "1,2,0", "2,3,1"), options).message


def test_an_ignored_column_with_a_type_is_named_with_the_override_that_uses_it(write):
    path = write("a,b,y", "1,x,0", "2,x,1")
    options = CsvOptions(ignore=("b",), columns=(("b", CATEGORY),))
    assert "column b: left out by data.ignore, although data.columns has a type  (data.ignore=[])" in map(
        str, inspect_csv(path, options).remarks
    )


def test_numbers_with_points_among_decimal_commas_are_errors_of_their_form(write):
    error = get_error(write("a,y", "1.5,0", "2.5,1"), CsvOptions(decimal=",", columns=(("a", NUMBER),)))
    assert "'1.5' is not a number" in error.message
    assert error.suggestion.startswith("write all numbers in the same form")


def test_frequent_categories_of_the_file_determine_the_number_of_inputs(write):
    path = write("c,y", *(f"{name},{at % 2}" for at, name in enumerate("aaabbcd")), ",0", ",1")
    assert inspect_csv(path, build_options(c=CATEGORY)).input_shape == (4,)
    assert inspect_csv(path, build_options(c=ColumnOptions("category", min_frequency=3))).input_shape == (2,)
    assert inspect_csv(path, build_options(c=ColumnOptions("category", max_categories=3))).input_shape == (3,)


def test_codes_of_categories_follow_their_first_rows(write):
    names = [f"name {at * 7 % 100}" for at in range(100)]
    path = write("c,y", *(f"{name},{at % 2}" for at, name in enumerate(names)))
    assert read_csv(path, build_options(c=CATEGORY)).categories == (tuple(names),)


def test_rows_may_have_empty_cells_after_the_last_column(write):
    path = write("a,c,y,", "1,x,0,", "2,x,1,,", "3,z,0")
    assert read_values(path, build_options(a=NUMBER, c=CATEGORY)) == [[1, 2, 3], [0, 0, 1]]


def test_another_format_is_suggested_only_if_it_fits_all_dates(write):
    options = build_options(d=ColumnOptions("date", "mean", format="%m/%d/%Y"))
    error = get_error(write("d,y", "31/05/2024,0", "NA,1", "01/06/2024,0"), options)
    assert error.suggestion == """use 'data.columns.d={type: date, format: "%d/%m/%Y", missing: mean}'"""
    error = get_error(write("d,y", "05/31/2024,0", "31/05/2024,1", "06/01/2024,0"), options)
    assert error.suggestion.startswith("use data.columns.d=category, or add such cells to data.missing")


@pytest.mark.parametrize("rows_per_block", [1, 100])
def test_the_suggested_type_fits_the_cells_of_all_blocks(write, monkeypatch, rows_per_block):
    monkeypatch.setattr(csv_body, "ROWS_PER_BLOCK", rows_per_block)
    for cells in (["yes", "7"], ["7", "yes"], ["2024-05-31", "7"], ["7", "2024-05-31"]):
        path = write("x,y", *(f"{cell},{at % 2}" for at, cell in enumerate(cells)))
        for column_type in ("number", "boolean", "date"):
            error = get_error(path, build_options(x=ColumnOptions(column_type)))
            assert error.suggestion.startswith("use data.columns.x=category, ")
    error = get_error(write("a,x,y", "1,2024-05-31,0", "oops,7,1"), build_options(a=NUMBER, x=ColumnOptions("boolean")))
    assert error.suggestion.startswith("use data.columns.x=category, ")


def test_a_line_end_in_a_name_does_not_divide_the_message(write):
    error = get_error(write('"a\nb",y', "x,0", "z,1"), build_options(**{"a\nb": NUMBER}))
    assert error.message.count("\n") == 0
    assert "column a b: 'x' is not a number" in error.message


def test_suggestions_keep_what_the_config_has(write):
    options = CsvOptions(columns=(("a", NUMBER),), strip=("$",), missing=("-9",))
    assert '\'data.strip=["$", "%"]\'' in get_error(write("a,y", "$1,0", "5%,1"), options).suggestion
    assert "data.missing=" in get_error(write("a,y", "1,0", f"{'x' * 100},1"), options).suggestion
    assert "data.missing=" not in get_error(write("a,y", "1,0", f"{'x' * 101},1"), options).suggestion
    decimal_comma = CsvOptions(columns=(("a", NUMBER),), decimal=",", delimiter=";")
    expected = "write all numbers in the same form, with a decimal comma"
    assert get_error(write("a;y", "1,5;0", "1,200.5;1"), decimal_comma).suggestion == expected
    assert get_error(write("a;y", "1,5;0", "1,200.5;1"), replace(decimal_comma, columns=None)).suggestion == expected


@pytest.mark.parametrize(
    ("column_type", "cells", "suggested"),
    [
        pytest.param("date", ["1", "2.5", "NA"], "number", id="numbers"),
        pytest.param("boolean", ["1", "2"], "number", id="codes"),
        pytest.param("number", ["yes", "No"], "boolean", id="words"),
        pytest.param("number", ["2024-05-31", "2024-06-01"], "date", id="dates"),
        pytest.param("boolean", ["yes", "maybe"], "category", id="texts"),
        pytest.param("date", ["2024-05-31", "7"], "category", id="dates and numbers"),
    ],
)
def test_the_suggested_type_fits_all_cells(write, column_type, cells, suggested):
    path = write("x,y", *(f"{cell},{at % 2}" for at, cell in enumerate(cells)))
    assert f"use data.columns.x={suggested}" in get_error(path, build_options(x=ColumnOptions(column_type))).suggestion
    assert read_values(path, build_options(x=ColumnOptions(suggested)))


def test_a_type_of_the_target_is_removed_by_its_override(write):
    error = get_error(write("a,b.c", "1,0", "2,1"), CsvOptions(columns=(("b.c", NUMBER),)))
    assert error.suggestion == "remove it: '~data.columns.\"b.c\"'"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_values_are_those_that_were_written(write, data):
    cells = data.draw(
        st.lists(st.tuples(st.none() | st.floats(-1e30, 1e30), st.none() | st.text("abc é", min_size=1)), min_size=4)
    )
    rows = [
        f"{'' if number is None else repr(number)},{text or ''},{at % 2}" for at, (number, text) in enumerate(cells)
    ]
    arrays = read_csv(write("n,c,y", *rows), build_options(n=NUMBER, c=CATEGORY))
    numbers = [None if np.isnan(value) else value for value in arrays.inputs[:, 0]]
    texts = [None if np.isnan(code) else arrays.categories[1][int(code)] for code in arrays.inputs[:, 1]]
    assert numbers == [number for number, _ in cells]
    assert texts == [(text or "").strip() or None for _, text in cells]


def test_a_column_of_groups_or_times_is_an_input_only_with_a_type(write):
    path = write("g,d,a,y", "p,05.01.2024,1,0", "p,16.01.2024,2,1", "q,07.01.2024,3,0")
    options = replace(build_options(a=NUMBER), group="g", time="d")
    assert inspect_csv(path, options).input_columns == ("a",)
    assert read_csv(path, options).times.argsort().tolist() == [0, 2, 1]
    typed = replace(build_options(a=NUMBER, d=ColumnOptions("date", format="%d.%m.%Y")), group="g", time="d")
    assert inspect_csv(path, typed).input_columns == ("d", "a")
    assert read_csv(path, typed).times.tolist() == read_csv(path, options).times.tolist()


def test_ambiguous_times_name_a_format(write):
    path = write("d,a,y", "05/06/2024,1,0", "07/08/2024,2,1")
    error = get_error(path, replace(build_options(a=NUMBER), time="d"))
    assert "'05/06/2024' is not a date in the format ISO 8601" in error.message
    assert error.suggestion == """use 'data.columns.d={type: date, format: "%m/%d/%Y"}'"""
