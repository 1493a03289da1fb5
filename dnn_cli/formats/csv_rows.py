"""Rows of a CSV file with their line numbers, and the collection of errors in the rows."""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

from dnn_cli.errors import UserDataError
from dnn_cli.formats.safe_open import open_regular_file

CsvRow = tuple[int, list[str]]
"""Number of the line on which a row begins, and the cells of the row."""

_MAX_LINE_BYTES = 10_000_000
"""Maximum number of bytes of a line. Lines of usual tables are much shorter. The limit saves memory for files without
line ends."""

_MAX_LISTED_ERRORS = 10
"""Maximum number of errors in a message. Further errors are only counted."""


@dataclass
class CsvErrors:
    """Collection of the errors in a file, which are reported together in one message."""

    path: str
    first_errors: list[tuple[int, str, str]] = field(default_factory=list)
    """Line, message and hint of the first errors."""

    count: int = 0

    def add_error(self, line: int, message: str, hint: str = "", *, always: bool = False) -> None:
        """Add an error. After the first `_MAX_LISTED_ERRORS` errors, an error is usually only counted.

        Args:
            line: The line number of the error.
            message: The error message.
            hint: The suggestion; empty without a suggestion.
            always: Whether the error is stored in any case, because it may concern an earlier line than the stored
                errors.
        """
        if always or self.count < _MAX_LISTED_ERRORS:
            self.first_errors.append((line, message, hint))
        self.count += 1

    def raise_if_any(self) -> None:
        """Raise the collected errors together, if there are any.

        Raises:
            UserDataError: the file has errors. The message lists the first errors and counts the others.
        """
        if self.count:
            more = [f"… and {self.count - _MAX_LISTED_ERRORS:,} more"] if self.count > _MAX_LISTED_ERRORS else []
            first = sorted(self.first_errors, key=lambda error: error[0])[:_MAX_LISTED_ERRORS]
            hint = next((hint for _, _, hint in first if hint), "")
            raise UserDataError("\n".join([*(f"{self.path}:{line}  {text}" for line, text, _ in first), *more]), hint)


def read_rows(path: str, stream: BinaryIO) -> Iterator[CsvRow]:
    """Yield all rows except blank ones, the header first.

    Raises:
        UserDataError: the file is not UTF-8 text, or not CSV.
    """
    lines = _read_lines(path, stream)
    first = next(lines, "")
    reader = csv.reader(chain([first], lines), delimiter=_find_delimiter(first), skipinitialspace=True, strict=True)
    while True:
        line = reader.line_num + 1
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


def _read_lines(path: str, stream: BinaryIO) -> Iterator[str]:
    """Yield the lines of UTF-8 text. Each line is decoded separately, so that an error has a line number.

    Raises:
        UserDataError: a line is not UTF-8 text, holds a NUL byte, or is too long.
    """
    number = 0
    while raw := stream.readline(_MAX_LINE_BYTES):
        number += 1
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if len(raw) == _MAX_LINE_BYTES:
            raise UserDataError(
                f"{path}:{number}  is longer than {_MAX_LINE_BYTES:,} bytes", "check that the file is a CSV file"
            )
        if b"\0" in raw:
            raise UserDataError(f"{path}:{number}  contains a NUL byte", "save the file as UTF-8 text")
        try:
            yield raw.decode()
        except UnicodeDecodeError:
            raise UserDataError(f"{path}:{number}  is not UTF-8 text", "save the file as UTF-8") from None


def _find_delimiter(header: str) -> str:
    """Find the delimiter in a header: a comma, else a semicolon, else a tab. Without any of these, return the comma."""
    return next((delimiter for delimiter in ",;\t" if delimiter in header), ",")


def find_file_delimiter(path: str) -> str:
    """Find the delimiter of a file in its first line."""
    with open_regular_file(path) as stream:
        return _find_delimiter(next(_read_lines(path, stream), ""))


def quote_cell(text: str) -> str:
    """Return a cell in quotes for a message, shortened to 40 characters."""
    return repr(text if len(text) <= 40 else f"{text[:39]}…")
