"""Reader of the rows of a CSV file for predictions: the inputs of valid rows, and columns that are kept for output."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError, suggest_nearest_name
from dnn_cli.formats.csv_body import ROWS_PER_BLOCK, build_number_format
from dnn_cli.formats.csv_errors import NUMBERS_REQUIRED_HINT, TRAINING_TYPES_HINT, CellErrors, CsvErrors
from dnn_cli.formats.csv_inputs import WORD_VALUES
from dnn_cli.formats.csv_numbers import NumberFormat, parse_float, parse_floats
from dnn_cli.formats.csv_rows import HEADER_HINT, CsvRow, fits_delimiter, open_rows
from dnn_cli.formats.csv_text import is_unicode_file
from dnn_cli.formats.csv_typed_columns import TypedConverter
from dnn_cli.formats.parquet_rows import is_parquet_file
from dnn_cli.formats.reader_options import CsvOptions
from dnn_cli.formats.replaced_cells import ReplacedCells, find_replaced_cells
from dnn_cli.formats.table_columns import PLAIN_NUMBER
from dnn_cli.formats.table_encoding import TableEncoding


@dataclass(frozen=True)
class PredictionTable:
    """Rows of a table: inputs of the valid rows, and kept cells of all rows."""

    inputs: NDArray[np.float32]
    """Inputs of the valid rows, of shape (n, features). Typed columns are encoded."""

    lines: tuple[int, ...]
    """Line numbers of the valid rows."""

    all_lines: tuple[int, ...]
    """Line numbers of all rows."""

    kept_columns: Mapping[str, tuple[str, ...]]
    """Cells of all rows in the kept columns, by the name of the column."""

    error: UserDataError | None
    """Error that names the rows which are not valid; `None` if all rows are valid."""

    replaced_cells: tuple[ReplacedCells, ...] = ()
    """Missing cells and unknown categories of the valid rows; empty without typed columns."""


def adapt_options(path: str, options: CsvOptions) -> CsvOptions:
    """Adapt the options of a training to another file: UTF-8 is read as UTF-8, and another delimiter is detected.

    The form of numbers in a CSV file of the training does not apply to a Parquet file, whose nulls are missing cells.
    """
    if is_parquet_file(path):
        missing = None if options.missing is None else (*options.missing, "")
        plain = replace(options, decimal=None, thousands=None, strip=(), missing=missing)
        return replace(plain, header=True, delimiter=None, encoding=None)
    encoding = None if options.encoding is None or is_unicode_file(path) else options.encoding
    adapted = replace(options, encoding=encoding)
    return adapted if fits_delimiter(path, adapted) else replace(adapted, delimiter=None)


def read_prediction_table(
    path: str,
    options: CsvOptions,
    features: Sequence[str],
    size: int,
    kept_names: Sequence[str],
    encoding: TableEncoding | None = None,
) -> PredictionTable:
    """Read the rows of a table as inputs. Rows with an invalid cell are left out of the inputs.

    Args:
        path: The path of the file.
        options: The options with which the training data was read.
        features: The names of the input columns; empty if the training data has no names.
        size: The number of columns or values of one input.
        kept_names: The names of columns whose cells are kept, if the file has these columns.
        encoding: The encoding of typed columns; `None` for a table of numbers alone.

    Raises:
        UserDataError: the file is not a table, lacks a column, or has no valid row.
    """
    options = adapt_options(path, options)
    number_format = build_number_format(path, options)
    with open_rows(path, options) as rows:
        names, columns = find_input_columns(path, rows.header, features, size, has_header=options.header is not False)
        positions = {name: names.index(name) for name in kept_names if name in names}
        errors = CellErrors(CsvErrors(path), rows.delimiter, number_format, typed_hint=TRAINING_TYPES_HINT)
        converter = None
        if encoding is not None:
            converter = _build_typed_converter(columns, features, options, number_format)
        reader = _RowReader(names, columns, positions, errors, number_format, converter)
        reader.read_blocks(rows.rows)
    if not reader.all_lines:
        raise UserDataError(f"{path} has a header but no rows", "add one row for each example")
    error = reader.build_error()
    if error is not None and not reader.lines:
        raise error
    inputs = np.concatenate(reader.blocks).reshape(-1, len(columns))
    replaced_cells: tuple[ReplacedCells, ...] = ()
    if encoding is not None and converter is not None:
        replaced_cells = find_replaced_cells(encoding, inputs, converter.categories)
        inputs = encoding.encode(inputs, converter.categories)
    return PredictionTable(
        inputs,
        tuple(reader.lines),
        tuple(reader.all_lines),
        {name: tuple(cells) for name, cells in reader.kept_cells.items()},
        error,
        replaced_cells,
    )


def _build_typed_converter(
    columns: Sequence[int], features: Sequence[str], options: CsvOptions, number_format: NumberFormat
) -> TypedConverter:
    """Build the converter of typed columns.

    Columns have the names of the training, even if they are numbered and the file lacks the column of the target.

    Args:
        columns: The positions of the inputs.
        features: The names of the input columns in the training.
        options: The options with which the training data was read.
        number_format: The form of the numbers.
    """
    names = [""] * (1 + max(columns))
    for position, name in zip(columns, features, strict=True):
        names[position] = name
    return TypedConverter.create(
        columns, names, dict(options.columns or ()), PLAIN_NUMBER, options.missing, number_format
    )


def find_input_columns(
    path: str, header: CsvRow, features: Sequence[str], size: int, *, has_header: bool = True
) -> tuple[list[str], list[int]]:
    """Find the columns of the inputs. Return the names in the header, and the positions of the inputs.

    Args:
        path: The path of the file, for messages.
        header: The row of the names.
        features: The names of the input columns; empty if the training data has no names.
        size: The number of values of one input.
        has_header: Whether the names come from the file, and do not number the columns.

    Raises:
        UserDataError: the header or a column is missing, or a column occurs several times.
    """
    line, names = header[0], [cell.strip() for cell in header[1]]
    # A file without header that has only the inputs lacks the column of the target, which shifts the numbers.
    is_without_target = not has_header and len(names) == len(features)
    if not features or is_without_target:
        if len(names) != size:
            raise UserDataError(
                f"{path}:{line}  has {len(names)} column{'s' if len(names) != 1 else ''}, "
                f"but the training inputs have {size:,} number{'s' if size != 1 else ''} without names",
                "use only the columns of the training, in the same order",
            )
        is_numeric = all(parse_float(name) is not None for name in names)
        if has_header and is_numeric and names != [str(index) for index in range(size)]:
            raise UserDataError(f"{path}:{line}  contains numbers instead of a header", HEADER_HINT)
        return names, list(range(size))
    missing = [name for name in features if name not in names]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        noun = "column" if len(missing) == 1 else "columns"
        raise UserDataError(
            f"{path}:{line}  has no {noun} {', '.join(missing[:3])}{more}, which the training used",
            suggest_nearest_name(missing[0], names) or f"the columns of the training are {', '.join(features[:20])}",
        )
    repeated = [name for name in features if names.count(name) > 1]
    if repeated:
        raise UserDataError(
            f"{path}:{line}  column {repeated[0]} occurs {names.count(repeated[0])} times", "keep one of these columns"
        )
    return names, [names.index(name) for name in features]


@dataclass
class _RowReader:
    """Reader that collects inputs and kept cells block by block, with the errors of invalid rows."""

    names: list[str]
    columns: list[int]
    """Positions of the inputs."""

    kept_positions: dict[str, int]
    errors: CellErrors
    number_format: NumberFormat
    converter: TypedConverter | None = None
    """Converter of typed columns; `None` for a table of numbers alone."""

    blocks: list[NDArray[Any]] = field(default_factory=list)
    """Values of valid rows: float32, or float64 before the encoding of typed columns."""

    lines: list[int] = field(default_factory=list)
    all_lines: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kept_cells: dict[str, list[str]] = {name: [] for name in self.kept_positions}
        # Rows may lack the cells of columns without a name at the end, if these columns are not inputs.
        named = [index for index, name in enumerate(self.names) if name]
        self.width = 1 + max([*named, *self.columns])

    def read_blocks(self, rows: Iterator[CsvRow]) -> None:
        """Read all blocks of rows."""
        while block := list(islice(rows, ROWS_PER_BLOCK)):
            self.all_lines += [line for line, _ in block]
            for name, index in self.kept_positions.items():
                self.kept_cells[name] += [row[index] if index < len(row) else "" for _, row in block]
            if not self._add_rows(block):
                for row in block:
                    if not self._add_rows([row]):
                        self._add_row_errors(row)

    def _add_rows(self, rows: Sequence[CsvRow]) -> bool:
        """Add the inputs of rows, and return whether all of these rows are valid."""
        if not all(self._has_valid_length(row) for _, row in rows):
            return False
        values = self._parse_numbers(rows) if self.converter is None else self.converter.convert(rows)
        if values is None:
            return False
        self.blocks.append(values)
        self.lines += [line for line, _ in rows]
        return True

    def _parse_numbers(self, rows: Sequence[CsvRow]) -> NDArray[np.float32] | None:
        """Parse the inputs of rows of numbers, or return `None` if a cell is not valid."""
        cells = [row[index] for _, row in rows for index in self.columns]
        values = parse_floats(cells) if self.number_format.is_plain else None
        return parse_floats([self._normalize(cell) for cell in cells]) if values is None else values

    def _normalize(self, cell: str) -> str:
        """Return the plain number of a cell or of a word such as `True`; the text is empty for an invalid cell."""
        text = WORD_VALUES.get(cell.strip().lower(), cell)
        return text if self.number_format.is_plain else self.number_format.normalize(text) or ""

    def _has_valid_length(self, row: Sequence[str]) -> bool:
        """Return whether a row has the cells of the header. Further cells must be empty."""
        return self.width <= len(row) and not any(map(str.strip, row[len(self.names) :]))

    def _add_row_errors(self, row: CsvRow) -> None:
        """Add the errors in a row."""
        line, cells = row
        if not self._has_valid_length(cells):
            comparison = f"{'fewer' if len(cells) < len(self.names) else 'more'} fields than the header"
            message = f"has {comparison}: {len(cells)} instead of {len(self.names)}"
            self.errors.errors.add_error(line, message, "put quotes around text that contains the delimiter")
            return
        if self.converter is not None:
            self.converter.add_errors(self.names, row, self.errors)
            return
        for index in self.columns:
            if cells[index].strip().lower() not in WORD_VALUES:
                self.errors.add_cell(line, self.names[index], cells[index])

    def build_error(self) -> UserDataError | None:
        """Build the error that names all invalid rows; `None` if all rows are valid."""
        try:
            self.errors.raise_if_any(lambda _: NUMBERS_REQUIRED_HINT)
        except UserDataError as error:
            return error
        return None
