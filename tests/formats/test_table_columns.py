"""Names of the inputs that typed columns make."""

from dnn_cli.formats.table_columns import TableColumn
from dnn_cli.formats.table_encoding import ColumnEncoding


def test_categories_named_other_and_missing_keep_their_names():
    column = TableColumn("a", "category", frequent_categories=3)
    encoding = ColumnEncoding(column, categories=("missing", "other"), has_missing_category=True)
    assert encoding.input_names == ("a=missing", "a=other", "a=(missing)", "a=(other)")
