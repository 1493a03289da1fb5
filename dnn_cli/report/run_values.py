"""Values of runs as text, rounded for readers or in full for programs, and as values of JSON."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from dnn_cli.report.table_cells import Column
from dnn_cli.report.text import format_duration, format_score
from dnn_cli.runs.query.fields import SCORE_FIELD_PREFIXES
from dnn_cli.runs.query.run_columns import ABSENT, RUN_COLUMNS, Quantity, RunColumn
from dnn_cli.runs.run_info import RunInfo

_Row = TypeVar("_Row")


def format_full_value(value: Any) -> str:
    """Return the value of a field as text without rounding; empty for a missing value."""
    if value is None or value is ABSENT:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(format_full_value, value)) if isinstance(value, tuple) else str(value)


def _format_time_to_minute(text: str) -> str:
    """Return a time from a run record as text to the minute, such as `2026-01-31 12:30`."""
    return text[:16].replace("T", " ")


_QUANTITY_FORMATS: dict[Quantity, Callable[[Any], str]] = {
    "text": format_full_value,
    "number": lambda value: f"{value:g}" if isinstance(value, float) else format_full_value(value),
    "score": lambda value: format_score(value) if isinstance(value, float) else format_full_value(value),
    "count": lambda value: f"{value:,}",
    "duration": format_duration,
    "time": _format_time_to_minute,
}


def format_field(field: str, value: Any) -> str:
    """Return the value of a field as text, rounded for readers; `–` for a missing value."""
    if field in RUN_COLUMNS:
        quantity = RUN_COLUMNS[field].quantity
    elif field.startswith(SCORE_FIELD_PREFIXES):
        quantity = "score"
    else:
        quantity = "count" if field.startswith("parameters.") else "number"
    return "–" if value is None or value is ABSENT or value == () else _QUANTITY_FORMATS[quantity](value)


def build_table_column(column: RunColumn, get_run: Callable[[_Row], RunInfo], absent: str = "–") -> Column[_Row]:
    """Build a column of a table from a column of runs.

    Args:
        column: The column of runs.
        get_run: A function that returns the run of a row.
        absent: The text for a broken run.
    """

    def format_cell(row: _Row) -> str:
        value = column.value(get_run(row))
        return absent if value is ABSENT else format_field(column.name, value)

    return Column(column.header, format_cell, column.is_numeric)


def get_json_values(run_info: RunInfo, columns: Iterable[RunColumn]) -> dict[str, Any]:
    """Return the values of some columns of a run for JSON, by key; missing values are `None`."""
    values = {column.key: column.value(run_info) for column in columns}
    return {key: None if value is ABSENT else value for key, value in values.items()}
