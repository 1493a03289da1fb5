"""Errors in the cells of a CSV file, which are collected and reported together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dnn_cli.errors import UserDataError
from dnn_cli.formats.csv_amounts import (
    CommaMeaning,
    format_amount_hint,
    guess_cell_comma,
    guess_column_comma,
    normalize_amount,
)
from dnn_cli.formats.csv_numbers import (
    PLAIN_NUMBERS,
    NumberFormat,
    find_number_error,
    is_missing_cell,
    is_text_cell,
    parse_float,
    quote_cell,
)
from dnn_cli.formats.data_overrides import format_override

_MAX_LISTED_ERRORS = 10
"""Maximum number of errors in a message. Further errors are only counted."""

_MAX_LISTED_LINES = 5
"""Maximum number of line numbers that a message about several cells lists after the first line number."""

NUMBERS_REQUIRED_HINT = "every input must be a number, as in training"
TRAINING_TYPES_HINT = "correct or fill in the cells: columns have the types of the training"
_MISSING_TARGET_HINT = "fill in the targets, or leave these rows out: data.drop_unlabelled=true"


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
            # Names of columns can have line ends, which would divide the message.
            self.first_errors.append((line, " ".join(message.splitlines()), hint))
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


def format_more_cells(count: int, lines: Sequence[int]) -> str:
    """Format the number of further cells with the same error, and their first lines; empty without such cells."""
    if not count:
        return ""
    plural = "s" if count > 1 else ""
    listed = ", ".join(map(str, lines[:_MAX_LISTED_LINES]))
    ellipsis = ", …" if count > len(lines[:_MAX_LISTED_LINES]) else ""
    return f" ({count:,} more such cell{plural} in line{plural} {listed}{ellipsis})"


_CellKind = Literal["text", "amount", "missing value", "missing target"]


@dataclass
class _CellGroup:
    """Cells of one column with the same error."""

    line: int
    cell: str
    """Content of the first cell."""

    more_count: int = 0
    lines: list[int] = field(default_factory=list)
    """Line numbers of the cells after the first cell, at most `_MAX_LISTED_LINES`."""

    commas: set[CommaMeaning] = field(default_factory=set)

    def add_line(self, line: int) -> None:
        """Add the line of a further cell."""
        self.more_count += 1
        if len(self.lines) < _MAX_LISTED_LINES:
            self.lines.append(line)

    def format_more_cells(self) -> str:
        """Format the number and lines of the further cells; the text is empty for a single cell."""
        return format_more_cells(self.more_count, self.lines)


@dataclass
class CellErrors:
    """Collection of the errors in the inputs and the missing targets of a table.

    Cells that hold text are grouped by column. The same holds for amounts, and for missing targets. One message then
    reports all cells of a group.
    """

    errors: CsvErrors
    delimiter: str = ","
    number_format: NumberFormat = PLAIN_NUMBERS
    groups: dict[tuple[str, _CellKind], _CellGroup] = field(default_factory=dict)
    typed_groups: dict[tuple[str, str], tuple[_CellGroup, Callable[[], str]]] = field(default_factory=dict)
    """Cells of typed columns with the function that builds the hint for them, by column and message."""

    is_default_target: bool = False
    """Whether no option names the target, so that another column can be meant."""

    typed_hint: str | None = None
    """Hint for all cells of typed columns; `None` for hints that name overrides of the config."""

    def add_cell(self, line: int, column: str, cell: str) -> None:
        """Add the error of a cell, if the cell does not hold a number."""
        error = find_number_error(cell, self.number_format)
        if error is None:
            return
        cell = cell.strip()
        if is_missing_cell(cell):
            self._add_to_group(line, column, cell, "missing value")
            return
        if not is_text_cell(cell) or parse_float(cell) is not None:
            self.errors.add_error(line, f"column {column}: {error[0]}", error[1])
            return
        is_amount = bool(normalize_amount(cell))
        group = self._add_to_group(line, column, cell, "amount" if is_amount else "text")
        group.commas.add(guess_cell_comma(cell) if is_amount else "")

    def add_missing_target(self, line: int, column: str, cell: str) -> None:
        """Add the error of a cell without a target."""
        self._add_to_group(line, column, cell, "missing target")

    def add_word(self, line: int, column: str, cell: str, words: Sequence[str]) -> None:
        """Add the error of a cell that is not a word, in a column whose first cells are words such as `yes`."""
        self.errors.add_error(
            line, f"column {column}: {quote_cell(cell)} is not {' or '.join(words)}", "use the same words in all rows"
        )

    def add_weight(self, line: int, column: str, cell: str) -> None:
        """Add the error of a weight that is not a number of at least 0."""
        error = find_number_error(cell, self.number_format)
        if error is not None:
            self.errors.add_error(line, f"column {column}: {error[0]}", error[1])
        elif (parse_float(self.number_format.normalize(cell) or cell) or 0) < 0:
            message = f"column {column}: {quote_cell(cell.strip())} is a negative weight"
            self.errors.add_error(line, message, "use weights of at least 0")

    def add_typed_cell(self, line: int, column: str, cell: str, message: str, build_hint: Callable[[], str]) -> None:
        """Add the error of a cell in a typed column. Cells of a column with the same message are reported together.

        Args:
            line: The line number of the cell.
            column: The name of the column.
            cell: The content of the cell.
            message: The error message without the column and the cell.
            build_hint: The function that builds the hint for the first of these cells, after all rows are read.
        """
        group = self.typed_groups.get((column, message))
        if group is None:
            self.typed_groups[column, message] = (_CellGroup(line, cell), build_hint)
        else:
            group[0].add_line(line)

    def _add_to_group(self, line: int, column: str, cell: str, kind: _CellKind) -> _CellGroup:
        """Add a cell to the group of its column and kind, and return the group."""
        group = self.groups.get((column, kind))
        if group is None:
            group = self.groups[column, kind] = _CellGroup(line, cell)
        else:
            group.add_line(line)
        return group

    def raise_if_any(self, text_hint: Callable[[list[str]], str]) -> None:
        """Raise the collected errors together, if there are any.

        Args:
            text_hint: The function that returns a hint from the names of the columns that contain text. The list is
                empty if missing values are the only errors.

        Raises:
            UserDataError: the table has errors. The message lists the first errors and counts the others.
        """
        columns = [name for (name, kind) in self.groups if kind == "text"]
        for (name, kind), group in self.groups.items():
            if kind == "missing target":
                text = f"{quote_cell(group.cell)} is a missing target" if group.cell else "the cell is empty"
                other = "set data.target to the column to predict, " if self.is_default_target else ""
                hint = f"{other}{_MISSING_TARGET_HINT}"
            elif kind == "missing value":
                text, hint = find_number_error(group.cell) or ("the cell is empty", "")
                hint = text_hint(columns) or hint
            else:
                comma = guess_column_comma(group.commas, self.delimiter) if kind == "amount" else ""
                is_decimal = comma == "decimal" and guess_cell_comma(group.cell) in ("decimal", "either")
                text = f"{quote_cell(group.cell)} {'has a decimal comma' if is_decimal else 'is not a number'}"
                number_format = self.number_format
                hint = (
                    format_amount_hint(group.cell, comma, number_format.strip, decimal=number_format.decimal)
                    if kind == "amount"
                    else text_hint(columns)
                )
            self.errors.add_error(group.line, f"column {name}: {text}{group.format_more_cells()}", hint, always=True)
        for (name, message), (typed_group, build_hint) in self.typed_groups.items():
            hint = build_hint() if self.typed_hint is None else self.typed_hint
            text = f"column {name}: {quote_cell(typed_group.cell)} {message}{typed_group.format_more_cells()}"
            self.errors.add_error(typed_group.line, text, hint, always=True)
        self.errors.raise_if_any()


def format_ignore_hint(columns: list[str], ignored: tuple[str, ...], *, may_lack_header: bool = False) -> str:
    """Format a hint to encode columns of text as numbers, or to ignore these columns with `data.ignore`.

    Args:
        columns: The names of the columns that contain text.
        ignored: The names of the columns that the config already ignores.
        may_lack_header: Whether the first line can be an example, because a name in the header is a number.
    """
    override = format_override("ignore", [*ignored, *columns])
    header_hint = "set data.header=false if line 1 is an example, " if may_lack_header else ""
    return f"{header_hint}encode text as numbers, or leave the column{'s' * (len(columns) > 1)} out: {override}"
