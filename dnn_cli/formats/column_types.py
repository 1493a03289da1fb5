"""Types of the columns of a CSV file, found from the values. `dnn new` writes these types into a config."""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from dnn_cli.errors import UserDataError
from dnn_cli.formats.csv_amounts import normalize_amount
from dnn_cli.formats.csv_body import ROWS_PER_BLOCK, build_number_format
from dnn_cli.formats.csv_columns import select_columns
from dnn_cli.formats.csv_inputs import WORD_PAIRS
from dnn_cli.formats.csv_numbers import NumberFormat, is_too_large, parse_float
from dnn_cli.formats.csv_rows import open_rows
from dnn_cli.formats.data_overrides import format_override
from dnn_cli.formats.date_cells import find_date_formats
from dnn_cli.formats.reader_options import CsvOptions
from dnn_cli.formats.table_columns import MISSING_CELLS, ColumnOptions

_MIN_NUMBER_SHARE = 0.9
"""Minimum share of numbers among the cells of a number column. Other cells are then errors that the reader names."""

_MAX_OBVIOUS_CATEGORIES = 20
"""A column with at most this number of different texts is a category unless all of its texts differ."""

_MAX_CATEGORY_SHARE = 0.1
"""Maximum number of different texts of a category, as a share of the cells, above `_MAX_OBVIOUS_CATEGORIES`."""

_MIN_GROUP_ROWS = 2
"""Minimum mean number of rows for each text of a column whose texts may be groups of rows."""

_MIN_ID_ROWS = 10
"""Minimum number of rows for a column of identifiers. In fewer rows, all values often differ by chance."""

_ID_NAME = re.compile(r"(?i:(?:|.*[ _\-])(?:id|uuid|guid|index|key))|.*[a-z](?:ID|Id)")
"""Pattern of the usual names of a column of identifiers, such as `id`, `customerID` and `Order Id`."""


@dataclass(frozen=True)
class ColumnChoice:
    """Chosen use of an input column: its options, or the reason to leave the column out."""

    name: str
    options: ColumnOptions | None
    reason: str = ""
    """Reason to leave the column out, or to choose one of several formats of dates; empty for an obvious choice."""

    missing_count: int = 0
    override: str = ""
    """Override that uses the column in another way; empty if there is no such override."""

    @property
    def is_plain_number(self) -> bool:
        """Whether the column is read without `data.columns`: numbers, or words such as yes and no, without gaps."""
        return self.options is not None and self.options.type in ("number", "boolean") and not self.missing_count

    @property
    def is_untyped_number(self) -> bool:
        """Whether `data.columns` of other columns reads the column without a type: numbers without gaps."""
        return self.is_plain_number and self.options is not None and self.options.type == "number"

    def list_values(self) -> dict[str, str]:
        """List the type, the format of dates, and the replacement of missing cells, as in a config.

        A column that is left out has no values.
        """
        if self.options is None:
            return {}
        values: dict[str, str] = {"type": self.options.type}
        if self.options.format is not None:
            values["format"] = self.options.format
        if self.missing_count and self.options.type != "category":
            values["missing"] = self.options.missing
        return values


def choose_column_types(path: str, options: CsvOptions) -> list[ColumnChoice]:
    """Choose the types of the input columns of a file from all of its values.

    Args:
        path: The path of the file.
        options: The options of the reader.

    Raises:
        UserDataError: the file is not a table.
    """
    with open_rows(path, options) as rows:
        columns = select_columns(path, rows.header, options)
        counters: list[Counter[str]] = [Counter() for _ in columns.feature_indices]
        while block := list(islice(rows.rows, ROWS_PER_BLOCK)):
            # Rows of another length are errors, which the reader of the table names.
            cells = list(zip(*(row for _, row in block if len(row) >= columns.width), strict=False))
            for index, counter in zip(columns.feature_indices, counters, strict=True):
                counter.update(cells[index] if cells else ())
    if not any(counters):
        raise UserDataError(f"{path} has a header but no rows", "add one row for each example")
    number_format = build_number_format(path, options)
    missing = frozenset(map(str.strip, MISSING_CELLS if options.missing is None else options.missing))
    return [
        ColumnChoice(name, None, f"has values of the type {rows.unusable_types[name]}")
        if name in rows.unusable_types
        else _choose_type(name, counter, number_format, missing, is_text=name in rows.text_columns)
        for name, counter in zip(columns.features, counters, strict=True)
    ]


def _choose_type(
    name: str, cells: Counter[str], number_format: NumberFormat, missing: Collection[str], *, is_text: bool
) -> ColumnChoice:
    """Choose the type of a column from the counts of its cells. Numbers in a column of text are categories."""
    counts: Counter[str] = Counter()
    for cell, count in cells.items():
        counts[cell.strip()] += count
    missing_count = sum(counts.pop(text, 0) for text in missing)
    total = sum(counts.values())
    if not total:
        return ColumnChoice(name, None, "has no values", missing_count)
    if len(words := {text.lower() for text in counts}) == 2 and any(words <= pair.keys() for pair in WORD_PAIRS):
        return ColumnChoice(name, ColumnOptions("boolean"), "", missing_count)
    numbers = sum(count for text, count in counts.items() if _is_number(text, number_format))
    if not is_text and numbers >= _MIN_NUMBER_SHARE * total:
        is_id = numbers == total == len(counts) >= _MIN_ID_ROWS and _ID_NAME.fullmatch(name)
        if is_id and all(re.fullmatch(r"[0-9]+", text) for text in counts):
            return ColumnChoice(name, None, "has a different whole number in every row, like an identifier")
        return ColumnChoice(name, ColumnOptions("number"), "", missing_count)
    if formats := find_date_formats(counts):
        reason = f"dates in the format {formats[0]}, or {formats[1]}" if len(formats) > 1 else ""
        return ColumnChoice(name, ColumnOptions("date", format=formats[0]), reason, missing_count)
    return _choose_text_use(name, counts, total, missing_count)


def _is_number(text: str, number_format: NumberFormat) -> bool:
    """Return whether a cell is a number, also a too large one, or an amount that options would make a number."""
    plain = text if number_format.is_plain else number_format.normalize(text)
    # A number in another form, such as 1.5 among decimal commas, is an error that the reader names.
    plain = text if plain is None else plain
    return parse_float(plain) is not None or is_too_large(plain) or bool(normalize_amount(text))


def _choose_text_use(name: str, counts: Counter[str], total: int, missing_count: int) -> ColumnChoice:
    """Choose whether a column of texts is a category, or is left out as an identifier or free text."""
    distinct = len(counts)
    if distinct == 1 and not missing_count:
        return ColumnChoice(name, None, "has the same text in every row")
    if distinct == total >= _MIN_ID_ROWS:
        return ColumnChoice(name, None, "has a different text in every row, like an identifier or free text")
    if distinct <= _MAX_OBVIOUS_CATEGORIES or distinct <= _MAX_CATEGORY_SHARE * total:
        return ColumnChoice(name, ColumnOptions("category"), "", missing_count)
    reason = f"has {distinct:,} different texts in {total:,} cells"
    # Rows of one patient, for example, belong to one split. Every row needs a group.
    if total >= _MIN_GROUP_ROWS * distinct and not missing_count:
        reason += " and may name groups of rows"
        return ColumnChoice(name, None, reason, override=format_override("group", name))
    return ColumnChoice(name, None, reason)
