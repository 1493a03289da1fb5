"""Tables with typed columns: their examples, and the encoding that a training fits to all rows."""

from dnn_cli.data.encoding_fit import fit_encoding
from dnn_cli.formats.csv_table import inspect_csv, read_csv
from dnn_cli.formats.prediction_inputs import InputSpec
from dnn_cli.formats.reader_options import CsvOptions
from dnn_cli.formats.table_columns import ColumnOptions

PASSENGERS = """\
id,sex,age,port,member,joined,died
1,male,30,S,yes,2024-01-01,0
2,female,,C,no,2024-01-11,1
3,female,50,S,yes,2024-01-21,0
4,male,40,C,no,2024-01-31,1
5,male,20,Q,,2024-01-16,1
"""
"""A table with every type of column. Columns age and member have gaps, and port has a rare category."""

PASSENGER_COLUMNS = {
    "sex": ColumnOptions("category"),
    "age": ColumnOptions("number"),
    "port": ColumnOptions("category"),
    "member": ColumnOptions("boolean"),
    "joined": ColumnOptions("date"),
}


def fit_table(path, text, columns, **options):
    """Write a table, and return its encoded inputs and the form in which new files are read."""
    path.write_text(text, encoding="utf-8")
    csv_options = CsvOptions(columns=tuple(columns.items()), **options)
    contents, arrays = inspect_csv(str(path), csv_options), read_csv(str(path), csv_options)
    encoding = fit_encoding(contents.columns, arrays.inputs, arrays.categories)
    inputs = encoding.encode(arrays.inputs, arrays.categories)
    names = contents.input_columns
    return inputs, InputSpec((inputs.shape[1],), names, csv_options=csv_options, encoding=encoding)


def fit_passengers(tmp_path, **options):
    """Return the encoded inputs of `PASSENGERS`, and the form in which new files are read."""
    return fit_table(
        tmp_path / "passengers.csv",
        PASSENGERS,
        {**PASSENGER_COLUMNS, **options.pop("columns", {})},
        target="died",
        ignore=("id",),
        **options,
    )
