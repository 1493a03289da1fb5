"""Differences between two runs: settings of their configs, and results."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from dnn_cli.config.config_diff import ABSENT_TEXT, find_config_differences
from dnn_cli.errors import RunError
from dnn_cli.report.text import format_duration, format_score, replace_control_chars
from dnn_cli.runs.query.fields import build_getter
from dnn_cli.runs.query.run_columns import ABSENT, get_run_id
from dnn_cli.runs.record import NON_SCORE_COLUMNS
from dnn_cli.runs.run_info import RunInfo

_INTEGER_RESULTS = ("trained", "best.epoch", "last.epoch", "parameters")
"""Names of the results that are integers."""


@dataclass(frozen=True)
class _ResultPair:
    """A result of two runs: its name, such as `best.val_loss`, and both values.

    `dnn runs --columns` accepts the name.
    """

    name: str
    first: str | float | None
    second: str | float | None

    @property
    def difference(self) -> float | None:
        """Value of the second run minus that of the first; `None` if a value is missing or is text."""
        numbers = [value for value in (self.first, self.second) if isinstance(value, int | float)]
        return numbers[1] - numbers[0] if len(numbers) == 2 else None

    def format_cells(self) -> list[str]:
        """Return both values and their difference as text; the difference of equal values is empty."""
        changed = self.difference
        change = "" if not changed else f"{'+' if changed > 0 else '−'}{self.format_value(abs(changed))}"
        return [self.format_value(self.first), self.format_value(self.second), change]

    def format_value(self, value: str | float | None) -> str:
        """Return a value as text."""
        if value is None or isinstance(value, str):
            return value or ABSENT_TEXT
        if self.name == "seconds":
            return format_duration(value)
        return f"{value:,.0f}" if self.name in _INTEGER_RESULTS else format_score(value)


@dataclass(frozen=True)
class _RunDiff:
    """Differences between two runs: settings that differ, and all results of both runs."""

    first: RunInfo
    second: RunInfo
    settings: dict[str, tuple[str, str]]
    """For each config key whose values differ, both values as text. Names of runs are left out."""

    results: tuple[_ResultPair, ...]

    @property
    def has_different_data(self) -> bool:
        """Whether the runs were trained on different data, so that their scores cannot be compared."""
        records = [run_info.record for run_info in (self.first, self.second) if run_info.record]
        return len({record.data.get("fingerprint") for record in records}) > 1


def diff_runs(first: RunInfo, second: RunInfo) -> _RunDiff:
    """Return the differences between two runs.

    Raises:
        RunError: the config of a run cannot be read.
    """
    configs = [_get_resolved_config(run_info) for run_info in (first, second)]
    old, new = find_config_differences(configs)
    keys = dict.fromkeys([*old, *new])
    settings = {key: (old.get(key, ABSENT_TEXT), new.get(key, ABSENT_TEXT)) for key in keys}
    return _RunDiff(first, second, settings, tuple(_iter_results(first, second)))


def _get_resolved_config(run_info: RunInfo) -> dict[str, Any]:
    """Return the resolved config of a run: the values of all keys, including defaults.

    Raises:
        RunError: the config cannot be read.
    """
    if run_info.config is None:
        raise RunError(f"{run_info.run.directory} cannot be compared: {run_info.details.error or run_info.error}")
    return run_info.config


def _iter_results(first: RunInfo, second: RunInfo) -> Iterator[_ResultPair]:
    """Yield each result that at least one of two runs has, with the values of both."""
    for name in _list_result_names(first, second):
        values = [build_getter(name)(run_info) for run_info in (first, second)]
        present_values = [None if value is ABSENT else value for value in values]
        if any(value is not None for value in present_values):
            yield _ResultPair(name, *present_values)


def _list_result_names(first: RunInfo, second: RunInfo) -> list[str]:
    """Return the names of all results of two runs.

    They are the status, scores of the best and the last epoch and on the test set, training time and parameters.
    """
    names = ["status", "trained"]
    records = [run_info.record for run_info in (first, second) if run_info.record]
    for part in ("best", "last"):
        epochs = [epoch for record in records if (epoch := getattr(record.results, part))]
        scores = dict.fromkeys(name for epoch in epochs for name in epoch if name not in NON_SCORE_COLUMNS)
        names += [f"{part}.epoch", *(f"{part}.{name}" for name in scores)]
    names += dict.fromkeys(name for record in records for name in record.get_test_scores())
    names += dict.fromkeys(f"best.{name}" for record in records for name in record.get_test_scores("best.keras"))
    return [*names, "seconds", "parameters"]


def _format_name_and_id(run_info: RunInfo) -> str:
    """Return the name and id of a run."""
    return f"{run_info.name} {get_run_id(run_info)}"


def build_settings_table(diff: _RunDiff) -> Table:
    """Build a table with a row for each setting that differs: key, first value → second value."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for column in ("key", "old", "arrow", "new"):
        grid.add_column(overflow="fold", no_wrap=column in ("key", "arrow"))
    grid.add_row(
        "",
        Text(replace_control_chars(_format_name_and_id(diff.first))),
        "",
        Text(replace_control_chars(_format_name_and_id(diff.second))),
    )
    for key, (old, new) in diff.settings.items():
        grid.add_row(*(Text(replace_control_chars(text)) for text in (key, old, "→", new)))
    return grid


def build_results_table(diff: _RunDiff) -> Table:
    """Build a table with a row for each result: both values, and the second minus the first."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    for _ in range(2):
        grid.add_column(justify="right", overflow="fold")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(
        "",
        *(Text(replace_control_chars(_format_name_and_id(run_info))) for run_info in (diff.first, diff.second)),
        "change",
    )
    for result in diff.results:
        grid.add_row(*(Text(replace_control_chars(text)) for text in (result.name, *result.format_cells())))
    return grid


def build_diff_document(diff: _RunDiff) -> dict[str, Any]:
    """Build the JSON document of the differences between two runs."""
    runs = (diff.first, diff.second)
    return {
        "runs": [
            {"id": get_run_id(run_info), "name": run_info.name, "dir": str(run_info.run.directory)} for run_info in runs
        ],
        "settings": {
            key: [None if value == ABSENT_TEXT else value for value in values] for key, values in diff.settings.items()
        },
        "results": {
            result.name: {"values": [result.first, result.second], "difference": result.difference}
            for result in diff.results
        },
    }
