"""Encoding of cells in a TensorFlow graph, compared with the encoding of the training."""

import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.export.table_encoder import TableEncoder
from dnn_cli.formats.prediction_inputs import read_prediction_inputs
from dnn_cli.formats.table_columns import MISSING_CELLS, ColumnOptions
from tests.helpers.typed_tables import fit_passengers, fit_table


def encode(encoder, **columns):
    """Encode cells: numbers as float32, and texts as they are."""
    cells = {
        name: tf.constant(cells, tf.float32 if encoder.signature[name].dtype == tf.float32 else tf.string)
        for name, cells in columns.items()
    }
    return encoder(cells).numpy()


def test_cells_have_the_inputs_of_the_reader(tmp_path):
    _, spec = fit_passengers(tmp_path)
    columns = {
        "sex": [" male ", "female", "", "NA", "x", "Male"],
        "age": [30, np.nan, 1e9, -5, 0.1, np.nan],
        "port": ["S", "C", "Q", "Z", "", "\u00a0S\t"],
        "member": ["yes", "FALSE", "", "1", " T", "0.0"],
        "joined": ["2024-01-03", "", "2024-01-03 12:30", "null", "1999-12-31T23:00Z", "2040-02-29"],
    }
    lines = [",".join(str(cell) for cell in row) for row in zip(*columns.values(), strict=True)]
    path = tmp_path / "new.csv"
    path.write_text("\n".join([",".join(columns), *lines, ""]), encoding="utf-8")
    read = read_prediction_inputs(str(path), spec)
    assert read.table.error is None
    encoder = TableEncoder(spec.encoding, MISSING_CELLS)
    np.testing.assert_array_equal(encode(encoder, **columns), read.inputs)


def test_texts_of_missing_cells_are_those_of_the_training(tmp_path):
    columns = {"a": ColumnOptions("category", min_frequency=1), "b": ColumnOptions("date", format="%d.%m.%Y")}
    text = "a,b,y\n-,01.02.2024,0\nNA,-,1\n"
    inputs, spec = fit_table(tmp_path / "old.csv", text, columns, missing=("-",))
    encoder = TableEncoder(spec.encoding, ("-",))
    np.testing.assert_array_equal(encode(encoder, a=["-", "NA"], b=["01.02.2024", "-"]), inputs)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"member": ["maybe"]}, r"column member: this cell is not yes or no, true or false, or 1 or 0:(?s:.*)maybe"),
        ({"member": ["2"]}, r"column member: this cell is not yes or no"),
        (
            {"joined": ["01/02/2024"]},
            r"column joined: this cell is not a date in the format ISO 8601:(?s:.*)01/02/2024",
        ),
        ({"size": [np.nan]}, r"column size: this cell is missing"),
    ],
)
def test_invalid_cell_fails_with_its_column(tmp_path, changes, message):
    columns = {"member": ColumnOptions("boolean"), "joined": ColumnOptions("date")}
    columns["size"] = ColumnOptions("number", missing="error")
    _, spec = fit_table(tmp_path / "old.csv", "member,joined,size,y\nyes,2024-01-01,1,0\nno,2024-01-02,2,1\n", columns)
    encoder = TableEncoder(spec.encoding, MISSING_CELLS)
    cells = {"member": ["yes"], "joined": ["2024-01-02"], "size": [1], **changes}
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        encode(encoder, **cells)
