"""Rows of a CSV file with their line numbers."""

import csv
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from dnn_cli.errors import UserDataError
from dnn_cli.formats.csv_dialect import SAMPLE_LINES, CsvDialect, detect_dialect, has_equal_rows
from dnn_cli.formats.csv_encoding import CsvEncoding
from dnn_cli.formats.csv_text import open_text
from dnn_cli.formats.dataset_contents import Remark
from dnn_cli.formats.reader_options import CsvOptions

CsvRow = tuple[int, list[str]]
"""Number of the line on which a row begins, and the cells of the row."""

HEADER_HINT = "add a first line with the names of the columns, or set data.header=false"


@dataclass(frozen=True)
class CsvRows:
    """Header and rows of a file, and the decisions about its text."""

    header: CsvRow
    """Row of the names. Without a header in the file, the names are `1`, `2` and so on, from the left."""

    rows: Iterator[CsvRow]
    """Rows below the header, without blank lines."""

    delimiter: str
    remarks: tuple[Remark, ...]
    decisions: dict[str, Any]
    """Delimiter and encoding, if the reader chose them. They include the default values."""

    is_default: dict[str, bool]
    """Whether a decision is the default value, by key."""

    text_columns: frozenset[str] = frozenset()
    """Names of columns that hold text by their type, even if the text is a number; empty for a CSV file."""

    unusable_types: Mapping[str, str] = field(default_factory=dict)
    """Types of columns that cannot be inputs, such as lists, by the name of the column; empty for a CSV file."""


@contextmanager
def open_rows(path: str, options: CsvOptions) -> Iterator[CsvRows]:
    """Yield the header and the rows of a CSV file or of a Parquet file.

    Raises:
        UserDataError: the file is missing, too large, empty or not CSV, or cannot be decoded.
    """
    from dnn_cli.formats.parquet_rows import is_parquet_file, open_parquet_rows

    if is_parquet_file(path):
        with open_parquet_rows(path) as parquet_rows:
            yield parquet_rows
        return
    _check_delimiter(path, options.delimiter)
    name = os.path.basename(path)
    with open_text(path, options.encoding) as text:
        sample = list(islice(text.lines, SAMPLE_LINES))
        dialect = detect_dialect(path, sample, options)
        lines = chain(sample[dialect.skipped_lines :], text.lines)
        rows = _parse_rows(path, lines, dialect)
        first = next(rows, None)
        if first is None:
            raise UserDataError(f"{path} is empty", HEADER_HINT)
        if options.header is False:
            rows, first = chain([first], rows), (first[0], [str(number) for number in range(1, len(first[1]) + 1)])
        decisions = {"encoding": text.encoding.codec} if options.encoding is None else {}
        decisions |= {"delimiter": dialect.delimiter} if options.delimiter is None else {}
        is_default = {"encoding": not text.encoding.is_guess, "delimiter": dialect.delimiter == ","}
        remarks = (*_build_encoding_remarks(name, text.encoding), *dialect.remarks)
        yield CsvRows(first, rows, dialect.delimiter, remarks, decisions, is_default)


def fits_delimiter(path: str, options: CsvOptions) -> bool:
    """Return whether the delimiter of the options gives the first rows of a file the length of its header."""
    if options.delimiter is None:
        return False
    with open_text(path, options.encoding) as text:
        return has_equal_rows(list(islice(text.lines, SAMPLE_LINES)), options)


def _check_delimiter(path: str, delimiter: str | None) -> None:
    """Check that a delimiter cannot be a part of a word, a number or a line end.

    Raises:
        UserDataError: the delimiter is a letter, a digit, a quote or a line end.
    """
    if delimiter is not None and (delimiter.isalnum() or delimiter in '"\r\n\0'):
        raise UserDataError(f"{path}: {delimiter!r} cannot be the delimiter", "use , or ; or | or a tab", "delimiter")


def _build_encoding_remarks(name: str, encoding: CsvEncoding) -> list[Remark]:
    """Build the remark about a guessed encoding."""
    if not encoding.is_guess:
        return []
    return [Remark(f"{name}: not UTF-8, read as {encoding.codec} by a guess", f"data.encoding={encoding.alternative}")]


def _parse_rows(path: str, lines: Iterator[str], dialect: CsvDialect) -> Iterator[CsvRow]:
    """Yield all rows except blank ones, the header first.

    Raises:
        UserDataError: the file is not CSV.
    """
    delimiter = dialect.delimiter
    # Python refuses a space that is both the delimiter and skipped.
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != " ", strict=True)
    while True:
        line = reader.line_num + 1 + dialect.skipped_lines
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserDataError(
                f"{path}:{line}  is not valid CSV: {error}",
                "close every quote, end every line with a line feed, and shorten huge fields",
            ) from None
        if len(row) > 1 or (row and row[0].strip()):
            yield line, row
