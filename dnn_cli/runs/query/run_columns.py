"""Columns of lists of runs: values of every run, with their headers, their formats and the lists that show them.

Each column is also a field of conditions, sort orders and `--columns`.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal

from dnn_cli.runs.record import Record
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.study_roles import list_study_roles

ABSENT: Any = object()
"""Mark for a field that a run lacks. `None` is the value of a field that exists but is empty."""

FieldGetter = Callable[[RunInfo], Any]
"""Function that returns the value of a field of a run, or `ABSENT`."""

Quantity = Literal["text", "number", "score", "count", "duration", "time"]
"""What a value is, which decides its format: a count has thousands separators, a time is a date with a time of day."""

_RunList = Literal["runs", "json", "comparison", "watch"]
"""Lists that can show a column.

`runs` is the table and the CSV of `dnn runs`. `json` is the JSON document of a run, which several commands print.
`comparison` is the list of runs of `dnn compare`, in all its formats, and of `dnn report`. `watch` is the table of
`dnn watch`.
"""

_ORDER = ("engine", "trained", "parameters", "seconds", "started")
"""Names of columns in their order in all lists. Other columns follow, in the order of `RUN_COLUMNS`."""


@dataclass(frozen=True)
class RunColumn:
    """Column of lists of runs."""

    name: str
    """Name of the field in conditions and in `--columns`."""

    value: FieldGetter
    quantity: Quantity = "text"
    header: str = ""
    """Header in tables; the name if empty."""

    key: str = ""
    """Key in JSON, and in the CSV of a comparison; the name if empty."""

    lists: tuple[_RunList, ...] = ()
    needs_values: bool = False
    """Whether tables leave out the column if the value of each run is 0. Documents always have it."""

    def __post_init__(self) -> None:
        for attribute in ("header", "key"):
            object.__setattr__(self, attribute, getattr(self, attribute) or self.name)

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers, which tables align on the right."""
        return self.quantity not in ("text", "time")


def build_record_getter(get: Callable[[Record], Any]) -> FieldGetter:
    """Build a function that reads a field from the record of a run, and returns `ABSENT` for a run without a record."""
    return lambda run_info: ABSENT if run_info.record is None else get(run_info.record)


def get_run_id(run_info: RunInfo) -> str:
    """Return the id of a run; without a record, the text after the last hyphen of the directory name."""
    return run_info.record.id if run_info.record else run_info.run.directory.absolute().name.rpartition("-")[2]


def get_run_status(run_info: RunInfo) -> str:
    """Return the status of a run; `broken` for a run without a readable record."""
    return run_info.record.status if run_info.record else "broken"


def get_run_reason(run_info: RunInfo) -> str | None:
    """Return the reason of the status of a run; for a broken run, the reason why its record cannot be read."""
    return run_info.record.reason if run_info.record else run_info.error


def to_field_value(value: Any) -> Any:
    """Convert a value of a record or config to the form that queries compare: a text, number, Boolean or tuple.

    A config part with a `type`, such as a layer, becomes the name of its type. Other dicts become `None`.
    """
    if value is ABSENT or value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        type_name = value.get("type")
        return type_name if isinstance(type_name, str) else None
    if isinstance(value, list | tuple):
        values = (to_field_value(element) for element in value)
        return tuple(element for element in values if element is not None and not isinstance(element, tuple))
    return None


def _compute_age(run_info: RunInfo) -> Any:
    """Return the seconds since a run started; `None` if the start is invalid, `ABSENT` without a record."""
    with suppress(ValueError, OverflowError):
        started = datetime.fromisoformat(run_info.record.started) if run_info.record else None
        if started is not None:
            aware = started if started.tzinfo else started.replace(tzinfo=timezone.utc)
            return time.time() - aware.timestamp()
    return ABSENT if run_info.record is None else None


def _list_sweep_names(record: Record) -> tuple[str, ...]:
    """Return the ids and names of the sweeps that a run belongs to."""
    return tuple(text for item in record.sweeps if item.study is None for text in (item.id, item.name))


def _list_study_names(record: Record) -> tuple[str, ...]:
    """Return the ids of the studies that a run belongs to, and the names of their tasks, without repetitions."""
    names = (text for item in record.sweeps if item.study is not None for text in (item.id, item.name))
    return tuple(dict.fromkeys(names))


def _build_role_getter(attribute: str) -> FieldGetter:
    """Build a function that returns an attribute of the roles of a run in studies.

    The value of roles that differ is a tuple. The value of a run without a role is `None`.
    """

    def get(record: Record) -> Any:
        values = (getattr(role, attribute) for role in list_study_roles(record))
        distinct = tuple(dict.fromkeys(value for value in values if value is not None))
        return distinct if len(distinct) > 1 else next(iter(distinct), None)

    return build_record_getter(get)


RUN_COLUMNS = {
    column.name: column
    for column in (
        RunColumn("id", get_run_id),
        RunColumn("name", lambda run_info: run_info.name),
        RunColumn("status", get_run_status),
        RunColumn("reason", get_run_reason),
        RunColumn("kind", build_record_getter(lambda record: record.kind)),
        RunColumn(
            "started", build_record_getter(lambda record: record.started), "time", "started (UTC)", lists=("runs",)
        ),
        RunColumn("ended", build_record_getter(lambda record: record.ended), "time"),
        RunColumn("age", _compute_age, "duration"),
        RunColumn(
            "seconds", build_record_getter(lambda record: record.seconds), "duration", "time",
            lists=("runs", "json", "comparison"),
        ),
        RunColumn(
            "trained", build_record_getter(lambda record: None if record.is_baseline else record.epochs), "number",
            "epochs", "epochs", ("runs", "json", "comparison"),
        ),
        RunColumn("engine", build_record_getter(lambda record: record.engine), lists=("json",)),
        RunColumn("device", build_record_getter(lambda record: to_field_value(record.platform.get("device")))),
        RunColumn("tag", lambda run_info: run_info.annotations.tags),
        RunColumn("note", lambda run_info: run_info.annotations.note),
        RunColumn("sweep", build_record_getter(_list_sweep_names)),
        RunColumn("study", build_record_getter(_list_study_names)),
        RunColumn("study.phase", _build_role_getter("phase")),
        RunColumn("study.arm", _build_role_getter("arm")),
        RunColumn("study.value", _build_role_getter("value")),
        RunColumn("study.trial", _build_role_getter("trial"), "number"),
        RunColumn("dir", lambda run_info: str(run_info.run.directory)),
        RunColumn("fingerprint", build_record_getter(lambda record: record.data.get("fingerprint"))),
        RunColumn("resumed", build_record_getter(lambda record: len(record.resumed)), "number"),
        RunColumn(
            "test_reads", build_record_getter(lambda record: len(record.test_reads)), "number", "test reads",
            lists=("json", "comparison"), needs_values=True,
        ),
        RunColumn("reproduces", build_record_getter(lambda record: record.reproduces)),
        RunColumn(
            "parameters", build_record_getter(lambda record: record.parameters.get("total")), "count",
            lists=("comparison",),
        ),
        RunColumn("best.epoch", build_record_getter(lambda record: (record.results.best or {}).get("epoch")), "number"),
        RunColumn("last.epoch", build_record_getter(lambda record: (record.results.last or {}).get("epoch")), "number"),
    )
}  # fmt: skip
"""Columns by name. Every run has these fields or could have them; a query may name them even if no run has them."""


def list_table_columns(run_list: _RunList, runs: Iterable[RunInfo]) -> list[RunColumn]:
    """Return the columns of a list that its table of some runs shows."""
    runs = list(runs)
    return [
        column
        for column in list_columns(run_list)
        if not column.needs_values or any(column.value(run_info) not in (0, ABSENT) for run_info in runs)
    ]


def list_columns(run_list: _RunList) -> list[RunColumn]:
    """Return the columns that a list shows, in their order. The list itself adds the name, status and scores."""
    ordered = sorted(
        RUN_COLUMNS.values(), key=lambda column: _ORDER.index(column.name) if column.name in _ORDER else len(_ORDER)
    )
    return [column for column in ordered if run_list in column.lists]
