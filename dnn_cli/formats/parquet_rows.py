"""Rows of a Parquet file, as the cells that the same table has in a CSV file.

Parquet files thus get the same columns, targets, checks and suggestions as CSV files.
"""

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from dnn_cli.errors import UserDataError
from dnn_cli.formats.csv_rows import CsvRow, CsvRows
from dnn_cli.formats.dataset_contents import Remark
from dnn_cli.formats.safe_open import check_memory, open_regular_file

_PARQUET_START = b"PAR1"
"""First bytes of a Parquet file."""

_MAX_COLUMNS = 100_000
_ROWS_PER_BATCH = 4096
"""Number of rows that are converted to text together. The limit saves memory."""

_BYTES_PER_VALUE = 4
"""Size of a value in the inputs, which a reader of the table holds in memory."""

_MAX_METADATA_BYTES = 100_000_000
"""Maximum size of a text or list in the metadata of a file. The metadata of usual files is far smaller."""

_INDEX_NAME = re.compile(r"__index_level_[0-9]+__")
"""Pattern of the names that pandas gives to the columns of an index without a name."""


def is_parquet_file(path: str) -> bool:
    """Return whether a file begins like a Parquet file.

    Raises:
        UserDataError: the file is not a regular file, or it cannot be read.
    """
    with open_regular_file(path) as stream:
        return stream.read(len(_PARQUET_START)) == _PARQUET_START


def check_table_kind(path: str, kind: str) -> None:
    """Check that a table has the format that the config names: `csv` or `parquet`.

    Raises:
        UserDataError: the file has the other format, or it cannot be read.
    """
    if is_parquet_file(path) and kind != "parquet":
        raise UserDataError(f"{path} is a Parquet file, not a CSV file", "use data.dataset=parquet")
    if kind == "parquet" and not is_parquet_file(path):
        raise UserDataError(f"{path} is not a Parquet file", "use data.dataset=csv if the file is a text table")


@contextmanager
def open_parquet_rows(path: str) -> Iterator[CsvRows]:
    """Yield the names of the columns, and the rows as text. Rows are numbered from 1, and the names have the number 0.

    A missing value is an empty cell. Values of other types than numbers, texts, dates and booleans are replaced by the
    name of their type. A column of such values is thus an error if it is an input.

    Raises:
        UserDataError: pyarrow is not installed, or the file is damaged or too large.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise UserDataError(
            f"{path} is a Parquet file and needs pyarrow, which is not installed", "pip install -e '.[parquet]'"
        ) from None
    with open_regular_file(path) as stream:
        try:
            # Threads of pyarrow would remain in the process, whose copies train models.
            file = pyarrow.parquet.ParquetFile(
                stream,
                pre_buffer=False,
                page_checksum_verification=True,
                thrift_string_size_limit=_MAX_METADATA_BYTES,
                thrift_container_size_limit=_MAX_METADATA_BYTES,
            )
            names = file.schema_arrow.names
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise _build_damage_error(path, error) from None
        _check_size(path, file.metadata.num_rows, len(names))
        used_indices = [index for index, name in enumerate(names) if not _INDEX_NAME.fullmatch(name)]
        remarks = tuple(
            Remark(f"column {name}: the row names of pandas, left out") for name in names if _INDEX_NAME.fullmatch(name)
        )
        header = [names[index] for index in used_indices]
        rows = _read_rows(path, file, used_indices)
        try:
            fields = [(names[index], file.schema_arrow.field(index).type) for index in used_indices]
            yield CsvRows(
                (0, header),
                rows,
                ",",
                remarks,
                {},
                {},
                frozenset(name for name, column_type in fields if _is_text(column_type)),
                {name: str(column_type) for name, column_type in fields if _is_unusable(column_type)},
            )
        except UserDataError as error:
            # The names of the columns have no row.
            raise UserDataError(
                error.message.replace(f"{path}:0  ", f"{path}  "), error.suggestion, error.key
            ) from None
        finally:
            rows.close()


def _check_size(path: str, row_count: int, column_count: int) -> None:
    """Check that the values of a file fit into memory. The metadata of a small file can describe many values.

    Raises:
        UserDataError: the file has too many columns or values, or no columns.
    """
    if not column_count:
        raise UserDataError(f"{path} has no columns", "write the table again")
    if column_count > _MAX_COLUMNS:
        raise UserDataError(f"{path} has {column_count:,} columns; the limit is {_MAX_COLUMNS:,}", "use an .npz file")
    check_memory(path, _BYTES_PER_VALUE * row_count * column_count)


def _read_rows(path: str, file: Any, indices: list[int]) -> Generator[CsvRow, None, None]:
    """Yield the rows of a file with their numbers.

    Raises:
        UserDataError: the file is damaged.
    """
    import pyarrow

    number = 0
    formatters = [_choose_formatter(file.schema_arrow.field(index).type) for index in indices]
    try:
        for batch in file.iter_batches(_ROWS_PER_BATCH, use_threads=False):
            columns = [
                [cell or "" for cell in format_cells(batch.column(index)).to_pylist()]
                for index, format_cells in zip(indices, formatters, strict=True)
            ]
            for cells in zip(*columns, strict=True):
                number += 1
                yield number, list(cells)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise _build_damage_error(path, error) from None


def _choose_formatter(column_type: Any) -> Callable[[Any], Any]:
    """Choose the function that converts an array of a type into an array of texts, with nulls for missing values."""
    import pyarrow
    import pyarrow.compute
    from pyarrow import types

    text = pyarrow.string()
    if types.is_dictionary(column_type):
        format_values = _choose_formatter(column_type.value_type)
        return lambda array: format_values(array.dictionary_decode())
    if types.is_null(column_type) or types.is_integer(column_type) or types.is_boolean(column_type):
        return lambda array: array.cast(text)
    if types.is_floating(column_type):
        # pyarrow cannot write 16-bit floats as text.
        single = pyarrow.float32() if types.is_float16(column_type) else column_type
        return lambda array: _remove_nan(array.cast(single)).cast(text)
    if types.is_decimal(column_type) or types.is_date(column_type):
        return lambda array: array.cast(text)
    if types.is_string(column_type) or types.is_large_string(column_type):
        return lambda array: array
    if types.is_timestamp(column_type):
        # Without a time zone, pyarrow writes the time in UTC.
        plain = pyarrow.timestamp("us")
        return lambda array: pyarrow.compute.replace_substring_regex(
            array.cast(plain, safe=False).cast(text), pattern=r"\.0+$", replacement=""
        )
    return lambda array: pyarrow.array([str(column_type)] * len(array), text)


def _is_text(column_type: Any) -> bool:
    """Return whether the values of a type are texts."""
    from pyarrow import types

    if types.is_dictionary(column_type):
        return _is_text(column_type.value_type)
    return bool(types.is_string(column_type) or types.is_large_string(column_type))


def _is_unusable(column_type: Any) -> bool:
    """Return whether the values of a type are neither numbers, texts, dates nor booleans."""
    from pyarrow import types

    if types.is_dictionary(column_type):
        return _is_unusable(column_type.value_type)
    usable_checks = (
        types.is_null, types.is_integer, types.is_boolean, types.is_floating, types.is_decimal, types.is_date,
        types.is_timestamp, _is_text,
    )  # fmt: skip
    return not any(check(column_type) for check in usable_checks)


def _remove_nan(array: Any) -> Any:
    """Return an array of floats in which NaN is a missing value, as pandas writes it."""
    import pyarrow.compute

    return pyarrow.compute.if_else(pyarrow.compute.is_nan(array), None, array)


def _build_damage_error(path: str, error: Exception) -> UserDataError:
    """Build the error of a file that pyarrow cannot read."""
    (reason, *_) = str(error).splitlines() or ["no reason is known"]
    return UserDataError(f"{path} is a damaged Parquet file: {reason[:200]}", "write the table again")
