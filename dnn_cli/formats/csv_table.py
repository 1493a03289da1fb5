"""Tables in CSV files. Each row is an example: one column holds the targets, and the input columns hold numbers."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from dnn_cli.formats.column_types import choose_column_types
from dnn_cli.formats.csv_body import read_body
from dnn_cli.formats.csv_columns import check_class_name_header, select_columns
from dnn_cli.formats.csv_errors import CsvErrors, format_ignore_hint
from dnn_cli.formats.csv_numbers import parse_float
from dnn_cli.formats.csv_rows import CsvRows, open_rows
from dnn_cli.formats.csv_targets import TargetColumn, parse_csv_targets
from dnn_cli.formats.data_overrides import format_columns_override, format_override
from dnn_cli.formats.dataset_contents import DatasetContents, ExampleArrays
from dnn_cli.formats.reader_options import CsvOptions
from dnn_cli.formats.safe_open import stat_regular_file
from dnn_cli.formats.split_values import count_different, parse_groups, parse_times

_MAX_CACHED_TABLES = 4


@dataclass(frozen=True)
class _CsvTable:
    """Parsed table: its description, and its inputs and targets as arrays."""

    contents: DatasetContents
    arrays: ExampleArrays
    lines: tuple[int, ...]
    """Line of each row in the file, from 1."""


@dataclass(frozen=True)
class _TableKey:
    """File, options and classes that determine a table. A changed file has another modification time or size."""

    path: str
    mtime_ns: int
    size: int
    options: CsvOptions
    classes: tuple[str, ...] | None


@dataclass(frozen=True)
class _KnownDecisions:
    """Decisions about a table that is parsed already."""

    key: _TableKey
    """Key with which the table was parsed."""

    decisions: Mapping[str, Any]

    def includes(self, key: _TableKey) -> bool:
        """Return whether a key leads to the same table, because its options have values that were decided."""
        return replace(key, options=self._fill_options(key.options)) == replace(
            self.key, options=self._fill_options(self.key.options)
        )

    def _fill_options(self, options: CsvOptions) -> CsvOptions:
        """Return options in which the decisions replace missing values."""
        values = {name: value for name, value in self.decisions.items() if getattr(options, name) in (None, "auto")}
        return replace(options, **values)


_known_decisions: deque[_KnownDecisions] = deque(maxlen=_MAX_CACHED_TABLES)


def inspect_csv(path: str, options: CsvOptions, classes: tuple[str, ...] | None = None) -> DatasetContents:
    """Return a description of a CSV file: input shape, number of examples, classes and column names.

    Args:
        path: The path of a text file, which can be compressed by gzip.
        options: The options of the reader.
        classes: The classes of the training file, if this is a validation or test file; empty for a regression. `None`
            for a training file.

    Raises:
        UserDataError: the file is not a valid table, or is too large. A message about invalid cells gives line and
            column.
    """
    return parse_table(_build_key(path, options, classes)).contents


def read_csv(path: str, options: CsvOptions, classes: tuple[str, ...] | None = None) -> ExampleArrays:
    """Read the examples of a table into read-only arrays. Arguments and errors are those of `inspect_csv`."""
    return _parse_known_table(path, options, classes).arrays


def list_csv_lines(path: str, options: CsvOptions, classes: tuple[str, ...] | None = None) -> tuple[int, ...]:
    """Return the line of each row of a table, from 1. Arguments and errors are those of `inspect_csv`."""
    return _parse_known_table(path, options, classes).lines


def _parse_known_table(path: str, options: CsvOptions, classes: tuple[str, ...] | None) -> _CsvTable:
    """Parse a table, or return the table that was parsed before its decisions became options."""
    key = _build_key(path, options, classes)
    decided = next((decided for decided in _known_decisions if decided.includes(key)), None)
    return parse_table(key if decided is None else decided.key)


def _build_key(path: str, options: CsvOptions, classes: tuple[str, ...] | None) -> _TableKey:
    """Build the key of a table. The classes of the training file replace the task."""
    status = stat_regular_file(path)
    if classes is not None:
        options = replace(options, task="auto")
    return _TableKey(path, status.st_mtime_ns, status.st_size, options, classes)


@lru_cache(maxsize=_MAX_CACHED_TABLES)
def parse_table(key: _TableKey) -> _CsvTable:
    """Parse a table. Tables of unchanged files are cached."""
    path, options = key.path, key.options
    with open_rows(path, options) as rows:
        columns = select_columns(path, rows.header, options)
        may_lack_header = options.header is None and any(parse_float(name) is not None for name in columns.names)
        text_hint = partial(_suggest_columns, path, options, may_lack_header=may_lack_header)
        body = read_body(path, columns, rows, options, text_hint)
    column = TargetColumn(
        path, columns.target, body.target_cells, body.lines, rows.delimiter, options.strip, options.rules
    )
    targets = parse_csv_targets(column, options.task, key.classes)
    check_class_name_header(path, columns, targets.classes, options)
    errors = CsvErrors(path)
    groups = parse_groups(body.group_cells, body.lines, options.group or "", errors) if options.group else None
    times = None
    if options.time is not None:
        time_column = dict(options.columns or ()).get(options.time)
        date_format = time_column.format if time_column is not None else None
        times = parse_times(body.time_cells, body.lines, options.time, errors, date_format)
    errors.raise_if_any()
    for array in (body.inputs, targets.values, body.weights, groups, times):
        if array is not None:
            # The cache returns the same arrays to every caller.
            array.setflags(write=False)
    decisions = _select_decisions(key, rows, {"target": columns.target, "task": targets.task})
    features = tuple(name for column in body.columns for name in column.list_input_names()) or columns.features
    contents = DatasetContents(
        (len(features),),
        len(body.inputs),
        targets.classes,
        pixel_max=options.scale or 1,
        target=columns.target,
        features=features,
        columns=body.columns,
        weight=options.weight,
        group_count=count_different(groups),
        time_count=count_different(times),
        remarks=(*rows.remarks, *columns.remarks, *targets.remarks, *body.remarks),
        decisions=decisions,
    )
    _known_decisions.append(_KnownDecisions(key, decisions))
    return _CsvTable(
        contents,
        ExampleArrays(body.inputs, targets.values, body.weights, groups, times, body.categories),
        tuple(body.lines),
    )


def _suggest_columns(path: str, options: CsvOptions, text_columns: list[str], *, may_lack_header: bool) -> str:
    """Suggest the types of the columns of a table that has text or missing cells.

    Args:
        path: The path of the file.
        options: The options of the reader.
        text_columns: The names of the columns with text; empty if missing cells are the only errors.
        may_lack_header: Whether the first line can be an example, because a name in the header is a number.
    """
    if options.columns is not None or options.rules == 1 or may_lack_header:
        return format_ignore_hint(text_columns, options.ignore, may_lack_header=may_lack_header) if text_columns else ""
    choices = choose_column_types(path, options)
    used = [choice for choice in choices if choice.options is not None]
    # With types, a column without a type is a number: words such as yes and no then need a type.
    typed = (
        {choice.name: choice.list_values() for choice in used if not choice.is_untyped_number}
        if any(not choice.is_plain_number for choice in used)
        else {}
    )
    left_out = [choice.name for choice in choices if choice.options is None]
    overrides = [format_columns_override(typed)] if typed else []
    overrides += [format_override("ignore", [*options.ignore, *left_out])] if left_out else []
    # A column of numbers with a few wrong cells stays a column of numbers.
    are_wrong_cells = bool(text_columns) and not {*typed, *left_out} & {*text_columns}
    if not overrides or are_wrong_cells or len(left_out) == len(choices):
        return format_ignore_hint(text_columns, options.ignore) if text_columns else ""
    return f"set the types of the columns: {' '.join(overrides)}"


def _select_decisions(key: _TableKey, rows: CsvRows, target_decisions: Mapping[str, str]) -> dict[str, Any]:
    """Select the decisions for the config of a run: keys without a value in the options.

    Decisions about the text of a training file are selected only if they differ from the default. Those about the
    files of other splits are always selected, so that they can be compared with those about the training file.

    Args:
        key: The file and the options.
        rows: The rows of the file, with the decisions about its text.
        target_decisions: The target and the task.
    """
    options, is_training_file = key.options, key.classes is None
    # Stored runs keep the configs that version 1 wrote.
    if options.rules == 1:
        return {}
    decisions: dict[str, Any] = {
        name: value for name, value in rows.decisions.items() if not (is_training_file and rows.is_default[name])
    }
    if options.target is None:
        decisions["target"] = target_decisions["target"]
    if options.task == "auto" and is_training_file:
        decisions["task"] = target_decisions["task"]
    return decisions
