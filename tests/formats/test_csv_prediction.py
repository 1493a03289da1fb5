"""New rows of a table with typed columns, read as the training read its rows."""

import csv
import io
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnn_cli.errors import UserDataError
from dnn_cli.formats import csv_table
from dnn_cli.formats.evaluation_examples import TargetSpec, read_evaluation_examples
from dnn_cli.formats.prediction_inputs import read_prediction_inputs
from dnn_cli.formats.table_columns import ColumnOptions
from tests.helpers.typed_tables import PASSENGERS, fit_passengers, fit_table


def write(tmp_path, text, name="new.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_text(text, encoding=encoding)
    return str(path)


def list_lines(file_inputs):
    return [line for cells in file_inputs.replaced_cells for line in cells.lines]


def test_training_rows_have_the_inputs_of_the_training(tmp_path):
    inputs, spec = fit_passengers(tmp_path)
    again = read_prediction_inputs(write(tmp_path, PASSENGERS), spec)
    np.testing.assert_array_equal(again.inputs, inputs)
    assert list_lines(again) == [
        "column age: 1 missing cell, replaced by the median of the training, 35",
        "column port: 1 rare or unknown category (Q) in 1 row, read as other",
        "column member: 1 missing cell, replaced by the median of the training, 0.5",
    ]


def test_columns_in_another_order_and_form_are_found_by_name(tmp_path):
    inputs, spec = fit_passengers(tmp_path)
    text = "more;joined;member; port ;age;sex\nx;2024-01-01;TRUE; S;30; male\n"
    for encoding in ("utf-8-sig", "utf-16"):
        again = read_prediction_inputs(write(tmp_path, text, encoding=encoding), spec)
        np.testing.assert_array_equal(again.inputs, inputs[:1])


def test_missing_cells_are_replaced_although_the_training_had_none(tmp_path):
    _, spec = fit_passengers(tmp_path)
    new = read_prediction_inputs(write(tmp_path, "sex,age,port,member,joined\nmale,30,S,yes,\n,30,NA,yes,\n"), spec)
    names = spec.encoding.input_names
    assert new.inputs[0, names.index("joined days since first")] == 15
    assert not new.inputs[1, [names.index("sex=male"), names.index("sex=female")]].any()
    assert new.inputs[1, names.index("port=other")] == 1
    assert list_lines(new) == [
        "column sex: 1 missing cell, whose inputs are all 0",
        "column port: 1 missing cell, read as other",
        "column joined: 2 missing cells, replaced by the median of the training, 2024-01-16",
    ]


def test_unknown_categories_are_counted(tmp_path):
    _, spec = fit_passengers(tmp_path)
    rows = "".join(f"{sex},30,S,yes,2024-01-01\n" for sex in ("x", "male", "y", "x", "z" * 50))
    (cells,) = read_prediction_inputs(write(tmp_path, f"sex,age,port,member,joined\n{rows}"), spec).replaced_cells
    assert cells.lines == [f"column sex: 3 unknown categories (x, y, {'z' * 29}…) in 4 rows, whose inputs are all 0"]
    document = {"column": "sex", "missing": 0, "unknown": 4, "unknown_categories": ["x", "y", "z" * 50]}
    assert cells.to_document() == document


def test_invalid_cells_are_named_and_other_rows_are_read(tmp_path):
    _, spec = fit_passengers(tmp_path)
    bad = "sex,age,port,member,joined\nmale,old,S,yes,2024-01-01\nmale,1,S,maybe,1.2.24\nmale,30,S,yes,2024-01-01\n"
    new = read_prediction_inputs(write(tmp_path, bad), spec)
    assert new.lines == (4,)
    assert new.table.error.message.splitlines() == [
        f"{tmp_path}/new.csv:2  column age: 'old' is not a number",
        f"{tmp_path}/new.csv:3  column member: 'maybe' is not yes or no, true or false, or 1 or 0",
        f"{tmp_path}/new.csv:3  column joined: '1.2.24' is not a date in the format ISO 8601",
    ]
    assert new.table.error.suggestion == "correct or fill in the cells: columns have the types of the training"


def test_missing_cell_is_an_error_as_in_the_training(tmp_path):
    columns = {"a": ColumnOptions("number", missing="error"), "b": ColumnOptions("category")}
    _, spec = fit_table(tmp_path / "old.csv", "a,b,y\n1,u,0\n2,v,1\n", columns)
    new = read_prediction_inputs(write(tmp_path, "b,a\nu,\nu,1\n"), spec)
    assert new.lines == (3,)
    assert new.table.error.message.endswith("new.csv:2  column a: '' is missing")


def test_texts_of_missing_cells_are_those_of_the_training(tmp_path):
    columns = {"a": ColumnOptions("number"), "b": ColumnOptions("category")}
    _, spec = fit_table(tmp_path / "old.csv", "a,b,y\n1,u,0\n-9,u,1\n", columns, missing=("-9",))
    new = read_prediction_inputs(write(tmp_path, "a,b\n-9,-9\n?,u\n"), spec)
    assert new.inputs.tolist() == [[1, 1, 0, 0]]
    assert new.lines == (2,)


def test_table_without_header_may_lack_the_target(tmp_path):
    columns = {"2": ColumnOptions("category", min_frequency=1), "3": ColumnOptions("number")}
    text = "0,u,1\n1,v,2\n"
    inputs, spec = fit_table(tmp_path / "old.csv", text, columns, header=False, target="1")
    assert read_prediction_inputs(write(tmp_path, text), spec).inputs.tolist() == inputs.tolist()
    assert read_prediction_inputs(write(tmp_path, "u,1\nv,2\n"), spec).inputs.tolist() == inputs.tolist()


def test_arrays_are_refused_for_encoded_columns(tmp_path):
    inputs, spec = fit_passengers(tmp_path)
    np.savez(tmp_path / "new.npz", x=inputs, y=np.zeros(5))
    for read in (
        lambda: read_prediction_inputs(str(tmp_path / "new.npz"), spec),
        lambda: read_evaluation_examples(str(tmp_path / "new.npz"), spec, TargetSpec(("0", "1"))),
    ):
        with pytest.raises(UserDataError, match="is not a table") as caught:
            read()
        assert caught.value.suggestion == "use a .csv file with the columns sex, age, port, member, joined"


def test_evaluated_rows_have_the_inputs_of_the_training(tmp_path):
    inputs, spec = fit_passengers(tmp_path)
    text = "died,joined,age,port,sex,member\n1,2024-01-11,,X,female,no\n0,2024-01-01,30,S,male,yes\n"
    examples = read_evaluation_examples(write(tmp_path, text), spec, TargetSpec(("0", "1"), column="died"))
    assert examples.inputs[1].tolist() == inputs[0].tolist()
    assert examples.targets.tolist() == [1, 0]
    assert [line.split(",")[0] for line in list_lines(examples)] == [
        "column age: 1 missing cell",
        "column port: 1 rare or unknown category (X) in 1 row",
    ]
    with pytest.raises(UserDataError, match=r":2  column age: 'x' is not a number") as caught:
        read_evaluation_examples(
            write(tmp_path, text.replace(",,", ",x,")), spec, TargetSpec(("0", "1"), column="died")
        )
    assert caught.value.suggestion == "correct or fill in the cells: columns have the types of the training"


CELLS = {
    "number": st.just("") | st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    "category": st.sampled_from(["", "NA", "a", "b", "b c", 'q"', "é,", "other", "missing"]),
    "boolean": st.sampled_from(["", "yes", "no", "True", "0"]),
    "date": st.just("") | st.datetimes().map(lambda moment: moment.isoformat(" ", "seconds")),
}


@st.composite
def typed_tables(draw):
    """Draw the types of columns, and rows of their cells."""
    types = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    return types, draw(st.lists(st.tuples(*(CELLS[name] for name in types)), min_size=2, max_size=8))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Return the path of a file that every example of a rule writes again."""
    return tmp_path_factory.mktemp("csv") / "data.csv"


@settings(deadline=None, max_examples=60)  # files on a busy machine
@given(typed_tables(), st.randoms(use_true_random=False))
def test_any_row_has_the_inputs_of_the_training(scratch, table, rng):
    types, rows = table
    names = [f"c{at}" for at in range(len(types))]
    targets = ["u", "v"] * len(rows)
    text = format_csv([[*names, "y"], *([*row, y] for row, y in zip(rows, targets, strict=False))])
    csv_table.parse_table.cache_clear()
    columns = {name: ColumnOptions(column_type) for name, column_type in zip(names, types, strict=True)}
    inputs, spec = fit_table(scratch, text, columns, target="y", delimiter=",")
    order = random.Random(rng.random()).sample(range(len(names)), len(names))
    new = scratch.with_name("new.csv")
    # Readers skip lines without any text.
    new.write_text(
        format_csv([["id", *(names[at] for at in order)], *(["1", *(row[at] for at in order)] for row in rows)])
    )
    read = read_prediction_inputs(str(new), spec)
    np.testing.assert_array_equal(read.inputs, inputs)
    gaps = sum(cell in ("", "NA") for row in rows for cell in row)
    assert sum(cells.missing for cells in read.replaced_cells) == gaps


def format_csv(rows):
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(rows)
    return stream.getvalue()
