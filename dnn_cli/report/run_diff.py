"""Two runs side by side: the settings in which their configs differ, and their results."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from dnn_cli.errors import RunError
from dnn_cli.report.words import duration, score, visible
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.fields import ABSENT, getter, identity
from dnn_cli.runs.record import NO_SCORES
from dnn_cli.spec.differences import NOTHING, differences

COUNTED = ("trained", "best.epoch", "last.epoch", "parameters")
"""Results that are whole numbers."""


@dataclass(frozen=True)
class Result:
    """A result of two runs, named as a field of `dnn runs --columns`."""

    name: str
    first: str | float | None
    second: str | float | None

    @property
    def difference(self) -> float | None:
        """The second number minus the first; `None` where one is missing or text."""
        numbers = [value for value in (self.first, self.second) if isinstance(value, int | float)]
        return numbers[1] - numbers[0] if len(numbers) == 2 else None

    def texts(self) -> list[str]:
        """Return both values and their difference as text; no difference for equal values."""
        changed = self.difference
        change = "" if not changed else f"{'+' if changed > 0 else '−'}{self.format(abs(changed))}"
        return [self.format(self.first), self.format(self.second), change]

    def format(self, value: str | float | None) -> str:
        """Return a value as text."""
        if value is None or isinstance(value, str):
            return value or NOTHING
        if self.name == "seconds":
            return duration(value)
        return f"{value:,.0f}" if self.name in COUNTED else score(value)


@dataclass(frozen=True)
class RunDiff:
    """The differences between two runs."""

    first: Entry
    second: Entry
    settings: dict[str, tuple[str, str]]
    """The keys of the configs that differ, with both values as text. Names are left out."""

    results: tuple[Result, ...]

    @property
    def different_data(self) -> bool:
        """Whether the runs were trained on different data, so that their scores cannot be compared."""
        records = [entry.record for entry in (self.first, self.second) if entry.record]
        return len({record.data.get("fingerprint") for record in records}) > 1


def diff_runs(first: Entry, second: Entry) -> RunDiff:
    """Return the differences between two runs.

    Raises:
        RunError: the config of one cannot be read.
    """
    configs = [config_of(entry) for entry in (first, second)]
    old, new = differences(configs)
    keys = dict.fromkeys([*old, *new])
    settings = {key: (old.get(key, NOTHING), new.get(key, NOTHING)) for key in keys}
    return RunDiff(first, second, settings, tuple(results_of(first, second)))


def config_of(entry: Entry) -> dict[str, Any]:
    """Return the resolved config of a run.

    Raises:
        RunError: it cannot be read.
    """
    if entry.experiment is None:
        raise RunError(f"{entry.run.directory} cannot be compared: {entry.details.trouble or entry.broken}")
    return entry.experiment


def results_of(first: Entry, second: Entry) -> Iterator[Result]:
    """Yield the results that at least one of two runs has."""
    for name in result_names(first, second):
        values = [getter(name)(entry) for entry in (first, second)]
        shown = [None if value is ABSENT else value for value in values]
        if any(value is not None for value in shown):
            yield Result(name, *shown)


def result_names(first: Entry, second: Entry) -> list[str]:
    """Return the names of all results of two runs: of the best epoch, the last one, and the test set."""
    names = ["status", "trained"]
    records = [entry.record for entry in (first, second) if entry.record]
    for part in ("best", "last"):
        epochs = [epoch for record in records if (epoch := getattr(record.results, part))]
        scores = dict.fromkeys(name for epoch in epochs for name in epoch if name not in NO_SCORES)
        names += [f"{part}.epoch", *(f"{part}.{name}" for name in scores)]
    names += dict.fromkeys(name for record in records for name in record.test_scores())
    names += dict.fromkeys(f"best.{name}" for record in records for name in record.test_scores("best.keras"))
    return [*names, "seconds", "parameters"]


def title(entry: Entry) -> str:
    """Return the name and id of a run."""
    return f"{entry.name} {identity(entry)}"


def settings_table(diff: RunDiff) -> Table:
    """Return the settings that differ, a row each: key, old value → new value."""
    made = Table.grid(padding=(0, 2, 0, 0))
    for column in ("key", "old", "arrow", "new"):
        made.add_column(overflow="fold", no_wrap=column in ("key", "arrow"))
    made.add_row("", Text(visible(title(diff.first))), "", Text(visible(title(diff.second))))
    for key, (old, new) in diff.settings.items():
        made.add_row(*(Text(visible(text)) for text in (key, old, "→", new)))
    return made


def results_table(diff: RunDiff) -> Table:
    """Return the results side by side, and the second minus the first."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    for _ in range(2):
        made.add_column(justify="right", overflow="fold")
    made.add_column(justify="right", no_wrap=True)
    made.add_row("", *(Text(visible(title(entry))) for entry in (diff.first, diff.second)), "change")
    for result in diff.results:
        made.add_row(*(Text(visible(text)) for text in (result.name, *result.texts())))
    return made


def diff_document(diff: RunDiff) -> dict[str, Any]:
    """Return the differences for programs."""
    runs = (diff.first, diff.second)
    return {
        "runs": [{"id": identity(entry), "name": entry.name, "dir": str(entry.run.directory)} for entry in runs],
        "settings": {
            key: [None if value == NOTHING else value for value in values] for key, values in diff.settings.items()
        },
        "results": {
            result.name: {"values": [result.first, result.second], "difference": result.difference}
            for result in diff.results
        },
    }
