"""Dialect of a CSV file: the lines before the header, and the delimiter."""

import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from dnn_cli.errors import UserDataError
from dnn_cli.formats.csv_numbers import parse_float
from dnn_cli.formats.data_overrides import format_override
from dnn_cli.formats.dataset_contents import Remark
from dnn_cli.formats.reader_options import CsvOptions

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
"""Delimiters that are detected, with their names. If two fit equally, the first is the delimiter."""

_DelimiterScore = tuple[float, int, int]
"""Share of rows with the length of the header, number of columns, and number of numbers."""

SAMPLE_LINES = 60
"""Number of lines from which the dialect is detected."""

_MAX_SAMPLE_CHARACTERS = 1 << 18
_FIRST_VERSION_DELIMITERS = ",;\t"
_SEPARATOR_LINE = re.compile(r'"?sep=([^"\r\n])"?\s*', re.IGNORECASE)
"""Pattern of Excel's first line, which names the delimiter: `sep=;`."""


@dataclass(frozen=True)
class CsvDialect:
    """Delimiter of a file, and number of lines before the header."""

    delimiter: str
    skipped_lines: int = 0
    remarks: tuple[Remark, ...] = ()
    is_decision: bool = False
    """Whether the delimiter was detected, and not chosen by an option."""


def detect_dialect(path: str, lines: Sequence[str], options: CsvOptions) -> CsvDialect:
    """Detect the dialect of a file from its first lines.

    Args:
        path: The path of the file, for messages.
        lines: The first lines of the file.
        options: The options of the reader.

    Raises:
        UserDataError: several delimiters are possible.
    """
    name = os.path.basename(path)
    if options.rules == 1:
        # Version 1 found the delimiter in the header alone: a comma, else a semicolon, else a tab.
        header = lines[0] if lines else ""
        first = next((delimiter for delimiter in _FIRST_VERSION_DELIMITERS if delimiter in header), ",")
        return CsvDialect(options.delimiter or first)
    separator = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    start, comment_lines = _find_header_line(lines, options)
    delimiter = options.delimiter or (separator[1] if separator else _choose_delimiter(path, lines[start:]))
    remarks = []
    if comment_lines:
        numbers = f"line {comment_lines[0]}" if len(comment_lines) == 1 else f"{len(comment_lines)} lines"
        remarks.append(Remark(f"{name}: {numbers} with # before the header, left out"))
    if options.delimiter is None and delimiter != ",":
        reason = "as line 1 says" if separator else "as the first rows have equal lengths"
        named = _DELIMITERS.get(delimiter, f"character {delimiter!r}")
        remarks.append(Remark(f"{name}: the {named} is the delimiter, {reason}", "data.delimiter=,"))
    return CsvDialect(delimiter, start, tuple(remarks), options.delimiter is None)


def _find_header_line(lines: Sequence[str], options: CsvOptions) -> tuple[int, list[int]]:
    """Find the header below a line `sep=;`, blank lines and comments.

    Returns:
        The number of lines before the header, and the line numbers of the comments among them.
    """
    start, comments = 0, []
    if lines and _SEPARATOR_LINE.fullmatch(lines[0]):
        start = 1
    while start < len(lines) and (not lines[start].strip() or lines[start].startswith("#")):
        if lines[start].strip():
            comments.append(start + 1)
        start += 1
    if comments and start < len(lines) and comments[-1] == start and options.header is not False:
        # NumPy's savetxt writes the names of the columns behind a number sign. They have as many cells as a row with
        # numbers that follows.
        pair = lines[start - 1 : start + 1]
        delimiter = options.delimiter or _get_best_delimiter(_score_delimiters(pair))
        header, row = (next(csv.reader([line], delimiter=delimiter), []) for line in pair)
        if len(header) == len(row) > 1 and any(parse_float(cell) is not None for cell in row):
            return start - 1, comments[:-1]
    return start, comments


def _score_delimiters(lines: Sequence[str]) -> dict[str, _DelimiterScore]:
    """Return the score of each delimiter that is detected."""
    return {delimiter: _score_delimiter(lines, delimiter) for delimiter in _DELIMITERS}


def _get_best_delimiter(scores: Mapping[str, _DelimiterScore]) -> str:
    """Return the delimiter with most rows of the header's length, most columns and most numbers; by default a comma."""
    return max(scores, key=lambda delimiter: scores[delimiter])


def _choose_delimiter(path: str, lines: Sequence[str]) -> str:
    """Return the delimiter that gives the first rows the length of the header.

    Raises:
        UserDataError: two delimiters give all rows this length, as in rows such as `1,5;2`.
    """
    scores = _score_delimiters(lines)
    fitting = [delimiter for delimiter, score in scores.items() if score[0] == 1]
    if len(fitting) > 1:
        overrides = " or ".join(format_override("delimiter", delimiter) for delimiter in fitting)
        texts = " and the ".join(_DELIMITERS[delimiter] for delimiter in fitting)
        raise UserDataError(f"{path}: the {texts} give rows of equal length", f"set {overrides}", "delimiter")
    return _get_best_delimiter(scores)


def has_equal_rows(lines: Sequence[str], options: CsvOptions) -> bool:
    """Return whether the delimiter of the options gives all rows the length of the header."""
    start, _ = _find_header_line(lines, options)
    return options.delimiter is not None and _score_delimiter(lines[start:], options.delimiter)[0] == 1


def _score_delimiter(lines: Sequence[str], delimiter: str) -> _DelimiterScore:
    """Return the share of rows with the length of the header, the number of columns, and the number of numbers.

    The score is lowest for a delimiter that does not occur in the header, and for rows that are not CSV.
    """
    sample: list[str] = []
    size = 0
    for line in lines:
        size += len(line)
        if sample and size > _MAX_SAMPLE_CHARACTERS:
            break
        sample.append(line)
    reader = csv.reader(sample, delimiter=delimiter, skipinitialspace=True, strict=True)
    rows: list[list[str]] = []
    try:
        for row in islice(reader, SAMPLE_LINES):
            if "".join(row).strip():
                rows.append(row)
    except csv.Error:
        # A quoted cell can continue after the sample, and the rows before the cell are complete.
        if reader.line_num < len(sample):
            return 0.0, 0, 0
    if not rows or _count_cells(rows[0]) < 2:
        return 0.0, 0, 0
    header = rows[0]
    equal = sum(len(row) == len(header) or _count_cells(row) == _count_cells(header) for row in rows)
    numbers = sum(parse_float(cell) is not None for row in rows[1:] for cell in row)
    return equal / len(rows), _count_cells(header), numbers


def _count_cells(row: Sequence[str]) -> int:
    """Return the number of cells without the empty cells at the end."""
    return max((number for number, cell in enumerate(row, 1) if cell.strip()), default=0)
