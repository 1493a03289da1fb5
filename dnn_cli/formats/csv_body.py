"""Rows below the header of a CSV file: inputs and weights as numbers, and the cells of the target."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.csv_columns import CsvColumns
from dnn_cli.formats.csv_errors import CellErrors, CsvErrors
from dnn_cli.formats.csv_inputs import InputConverter
from dnn_cli.formats.csv_numbers import NumberFormat, parse_float, parse_floats, quote_cell
from dnn_cli.formats.csv_rows import CsvRow, CsvRows
from dnn_cli.formats.csv_typed_columns import TypedConverter
from dnn_cli.formats.data_overrides import format_override
from dnn_cli.formats.dataset_contents import Remark
from dnn_cli.formats.reader_options import CsvOptions
from dnn_cli.formats.table_columns import MISSING_CELLS, PLAIN_NUMBER, TableColumn

ROWS_PER_BLOCK = 512
"""Number of rows that are read as text and then converted to numbers together.

The texts of so few rows fit into the cache of a core. Reading 200,000 rows of 20 columns takes 1.30 s, and 1.90 s with
4,096 rows in a block."""

_MISSING_AMONG_NUMBERS = frozenset(("na", "n/a", "nan", "null", "none", "-", "missing"))
"""Texts in lower case that are missing values if all other targets are numbers, and can else be classes."""


@dataclass(frozen=True)
class CsvBody:
    """Inputs, cells of the target and weights of all rows, with their line numbers."""

    inputs: NDArray[Any]
    """Inputs of shape (n, features): float32, or float64 for typed columns."""

    target_cells: list[str]
    """Cells of the target without spaces at their ends, and with numbers in their plain form."""

    lines: list[int]
    weights: NDArray[np.float32] | None
    group_cells: list[str]
    """Cells of the group column, without spaces at their ends; empty without such a column."""

    time_cells: list[str]
    """Cells of the time column, without spaces at their ends; empty without such a column."""

    remarks: tuple[Remark, ...]
    columns: tuple[TableColumn, ...] = ()
    """Typed columns of the inputs; empty for a table of numbers alone."""

    categories: tuple[tuple[str, ...], ...] = ()
    """Texts of the category codes of each typed column."""


def build_number_format(path: str, options: CsvOptions) -> NumberFormat:
    """Build the form of the numbers that the options choose.

    Raises:
        UserDataError: the options contradict each other.
    """
    number_format = NumberFormat(options.decimal or ".", options.thousands, options.strip)
    number_format.check(path)
    return number_format


def _build_converter(
    columns: CsvColumns, options: CsvOptions, number_format: NumberFormat
) -> InputConverter | TypedConverter:
    """Build the converter of the input cells: of typed columns, or of numbers alone."""
    if options.columns is None:
        return InputConverter(columns.feature_indices, number_format)
    return TypedConverter.create(
        columns.feature_indices, columns.names, dict(options.columns), PLAIN_NUMBER, options.missing, number_format
    )


def read_body(
    path: str,
    columns: CsvColumns,
    rows: CsvRows,
    options: CsvOptions,
    text_hint: Callable[[list[str]], str],
    typed_hint: str | None = None,
) -> CsvBody:
    """Read all rows below the header.

    Args:
        path: The path of the file, for messages.
        columns: The columns of the table.
        rows: The rows of the file.
        options: The options of the reader.
        text_hint: The function that returns a hint from the names of the input columns that contain text.
        typed_hint: The hint for invalid cells of typed columns; `None` for hints that name overrides of the config.

    Raises:
        UserDataError: the table has no rows, or some rows have errors.
    """
    number_format = build_number_format(path, options)
    is_default_target = options.target is None
    errors = CellErrors(
        CsvErrors(path), rows.delimiter, number_format, is_default_target=is_default_target, typed_hint=typed_hint
    )
    reader = _BodyReader(columns, options, errors)
    reader.read_blocks(rows.rows)
    reader.errors.raise_if_any(text_hint)
    return reader.build_body(path)


@dataclass
class _BodyReader:
    """Reader that collects the rows of a table block by block, with the errors of all blocks."""

    columns: CsvColumns
    options: CsvOptions
    errors: CellErrors
    inputs: list[NDArray[Any]] = field(default_factory=list)
    weights: list[NDArray[np.float32]] = field(default_factory=list)
    target_cells: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    group_cells: list[str] = field(default_factory=list)
    time_cells: list[str] = field(default_factory=list)
    unlabelled_lines: list[int] = field(default_factory=list)
    """Line numbers of the rows that were left out because they have no target."""

    extra_width: int = 0
    """Maximum number of empty cells at the end of a row that the header does not name."""

    def __post_init__(self) -> None:
        self.converter = _build_converter(self.columns, self.options, self.errors.number_format)
        self.interned: dict[str, str] = {}
        self.missing = frozenset((*MISSING_CELLS, *(self.options.missing or ()))) if self.options.rules > 1 else {""}

    def read_blocks(self, rows: Iterator[CsvRow]) -> None:
        """Read all blocks of rows."""
        while block := list(islice(rows, ROWS_PER_BLOCK)):
            block = self._select_labelled_rows(self._select_complete_rows(block))
            if not block:
                continue
            values, weights = self.converter.convert(block), self._convert_weights(block)
            if values is None or weights is None:
                self._add_cell_errors(block)
                continue
            target_index, interned = self.columns.target_index, self.interned
            self.inputs.append(values)
            self.weights.append(weights)
            self.lines.extend(line for line, _ in block)
            cells = [row[target_index].strip() for _, row in block]
            for cell in set(cells) - interned.keys():
                interned[cell] = self._normalize_target(cell)
            self.target_cells.extend(map(interned.__getitem__, cells))
            for index, kept_cells in (
                (self.columns.group_index, self.group_cells),
                (self.columns.time_index, self.time_cells),
            ):
                if index is not None:
                    kept_cells.extend(row[index].strip() for _, row in block)

    def _select_complete_rows(self, block: list[CsvRow]) -> list[CsvRow]:
        """Return the rows with the cells of the header. Other rows are errors.

        Raises:
            UserDataError: a row has a value in a column without a name.
        """
        width = self.columns.width
        if self.columns.unnamed_indices:
            for numbered_row in block:
                self._check_unnamed_cells(numbered_row)
        if all(len(row) == width for _, row in block):
            return block
        self.extra_width = max(self.extra_width, *(len(row) - width for _, row in block))
        complete = [(line, row) for line, row in block if len(row) >= width and not any(map(str.strip, row[width:]))]
        complete_lines = {line for line, _ in complete}
        for line, row in block:
            if line not in complete_lines:
                names = self.columns.names
                comparison = f"{'fewer' if len(row) < len(names) else 'more'} fields than the header"
                message = f"has {comparison}: {len(row)} instead of {len(names)}"
                self.errors.errors.add_error(line, message, "put quotes around text that contains the delimiter")
        return complete

    def _check_unnamed_cells(self, row: CsvRow) -> None:
        """Check that columns without a name have no values, except row numbers and row names in the first column.

        Raises:
            UserDataError: a column without a name has a value.
        """
        line, cells = row
        for index in self.columns.unnamed_indices:
            cell = cells[index].strip() if index < len(cells) else ""
            number = parse_float(cell) if index == 0 else None
            if cell and (index > 0 or (number is not None and not number.is_integer())):
                raise UserDataError(
                    f"{self.errors.errors.path}:{self.columns.line}  column {index + 1} has no name, but the value "
                    f"{quote_cell(cell)} in line {line}",
                    "name or remove the column (pandas: to_csv(index=False)), or leave columns without a name out: "
                    + format_override("ignore", [*self.options.ignore, ""]),
                )

    def _select_labelled_rows(self, block: list[CsvRow]) -> list[CsvRow]:
        """Return the rows with a target. Other rows are left out, or are errors."""
        at, missing = self.columns.target_index, self.missing
        if missing.isdisjoint([row[at].strip() for _, row in block]):
            return block
        unlabelled = [(line, row[at].strip()) for line, row in block if row[at].strip() in missing]
        if not self.options.drop_unlabelled:
            for line, cell in unlabelled:
                self.errors.add_missing_target(line, self.columns.target, cell)
        self.unlabelled_lines += [line for line, _ in unlabelled]
        return [(line, row) for line, row in block if row[at].strip() not in missing]

    def _convert_weights(self, block: Sequence[CsvRow]) -> NDArray[np.float32] | None:
        """Convert the weights of a block, or return `None` if a weight is not valid.

        The array is empty if the table has no weights.
        """
        index, number_format = self.columns.weight_index, self.errors.number_format
        if index is None:
            return np.zeros(0, np.float32)
        cells = [row[index] for _, row in block]
        weights = parse_floats(
            cells if number_format.is_plain else [number_format.normalize(cell) or "" for cell in cells]
        )
        return weights if weights is not None and (weights >= 0).all() else None

    def _add_cell_errors(self, block: Sequence[CsvRow]) -> None:
        """Add the errors in the inputs and weights of a block."""
        index, names = self.columns.weight_index, self.columns.names
        for line, row in block:
            self.converter.add_errors(names, (line, row), self.errors)
            if index is not None:
                self.errors.add_weight(line, names[index], row[index])

    def _normalize_target(self, cell: str) -> str:
        """Return a number in its plain form, and other cells without a change."""
        number_format = self.errors.number_format
        return cell if number_format.is_plain else number_format.normalize(cell) or cell

    def build_body(self, path: str) -> CsvBody:
        """Build the body of the table from all blocks.

        Raises:
            UserDataError: the table has no rows, a target is missing, or all weights are 0.
        """
        if not self.inputs:
            if self.unlabelled_lines:
                raise UserDataError(f"{path} has no rows with a target", "fill in the targets")
            raise UserDataError(f"{path} has a header but no rows", "add one row for each example")
        inputs = np.concatenate(self.inputs).reshape(-1, len(self.columns.feature_indices))
        weights = np.concatenate(self.weights) if self.columns.weight_index is not None else None
        body = CsvBody(inputs, self.target_cells, self.lines, weights, self.group_cells, self.time_cells, ())
        if self.options.rules > 1:
            body = self._leave_out_missing_numbers(path, body)
        self._check_number_form(path, body)
        if body.weights is not None and not body.weights.any():
            raise UserDataError(f"{path}: column {self.options.weight} has only weights of 0", "use larger weights")
        body = replace(body, remarks=tuple(self._build_remarks()))
        if isinstance(self.converter, TypedConverter):
            columns, categories = self.converter.describe_columns(body.inputs), self.converter.categories
            body = replace(body, columns=columns, categories=categories)
        return body

    def _leave_out_missing_numbers(self, path: str, body: CsvBody) -> CsvBody:
        """Leave out rows whose target is a text such as `-` or `none` if all other targets are numbers.

        Raises:
            UserDataError: a target is missing, and rows without a target are not left out.
        """
        distinct = set(body.target_cells)
        missing = {cell for cell in distinct if cell.lower() in _MISSING_AMONG_NUMBERS}
        numbers = distinct - missing
        # A minus is a class if a plus is the other class.
        if not missing or (numbers and any(parse_float(cell) is None for cell in numbers)):
            missing &= {"-"} if "+" not in distinct else set()
        if not missing:
            return body
        if not self.options.drop_unlabelled:
            for line, cell in zip(body.lines, body.target_cells, strict=True):
                if cell in missing:
                    self.errors.add_missing_target(line, self.columns.target, cell)
            self.errors.raise_if_any(lambda columns: "")
        labelled = [at for at, cell in enumerate(body.target_cells) if cell not in missing]
        if not labelled:
            raise UserDataError(f"{path} has no rows with a target", "fill in the targets")
        self.unlabelled_lines += [
            line for line, cell in zip(body.lines, body.target_cells, strict=True) if cell in missing
        ]
        return CsvBody(
            body.inputs[labelled],
            [body.target_cells[at] for at in labelled],
            [body.lines[at] for at in labelled],
            None if body.weights is None else body.weights[labelled],
            [body.group_cells[at] for at in labelled] if body.group_cells else [],
            [body.time_cells[at] for at in labelled] if body.time_cells else [],
            (),
        )

    def _check_number_form(self, path: str, body: CsvBody) -> None:
        """Check that all numbers in the target have the decimal character that the options choose.

        Raises:
            UserDataError: a number has another form, such as `1.5` with a decimal comma.
        """
        number_format = self.errors.number_format
        if number_format.decimal == ".":
            return
        wrong = {
            cell for cell in self.interned if number_format.normalize(cell) is None and parse_float(cell) is not None
        }
        if wrong:
            for line, cell in zip(body.lines, body.target_cells, strict=True):
                if cell in wrong:
                    self.errors.add_cell(line, self.columns.target, cell)
            self.errors.raise_if_any(lambda columns: "")

    def _build_remarks(self) -> list[Remark]:
        """Build the remarks about columns and rows that are not used, and about words that are read as numbers."""
        columns = self.columns
        remarks = []
        for index in columns.unnamed_indices:
            use = "row numbers or row names" if index == 0 else "no values"
            remarks.append(Remark(f"column {index + 1}: no name, {use}, left out"))
        extra_count = self.extra_width - (len(columns.names) - columns.width)
        if extra_count > 0:
            cells = "1 empty cell" if extra_count == 1 else f"up to {extra_count} empty cells"
            remarks.append(Remark(f"rows: {cells} after the last column, left out"))
        if self.unlabelled_lines:
            lines = sorted(self.unlabelled_lines)
            rows = "1 row" if len(lines) == 1 else f"{len(lines):,} rows"
            remarks.append(
                Remark(
                    f"column {columns.target}: {rows} without a target, left out, the first in line {lines[0]}",
                    "data.drop_unlabelled=false",
                )
            )
        delimiter = self.errors.delimiter if self.options.decimal is None else ","
        return [*remarks, *self.converter.build_remarks(columns.names, delimiter)]
