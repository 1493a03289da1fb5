"""Runs of the same experiment with the same seed on the same data: only the latest counts."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from dnn_cli.runs.entry import Entry
from dnn_cli.runs.record import Record

Item = TypeVar("Item")
Key = tuple[str, int, Any]


@dataclass(frozen=True)
class Repeat:
    """A run that does not count, because a later run has the same experiment, seed and data."""

    run: str
    """The id of the run."""

    counted: str
    """The id of the run that counts."""

    is_copy: bool
    """Whether both runs have equal weights."""

    differences: tuple[str, ...] = ()
    """Versions and hardware in which the two runs differ, such as `tensorflow 2.21.0 and 2.22.0`."""


def repeat_key(entry: Entry) -> Key:
    """Return what makes two runs repeats: the experiment without names, the seed, and the data."""
    data: Mapping[str, Any] = entry.record.data if entry.record else {}
    return entry.details.alike, entry.details.seed, data.get("fingerprint")


def drop_repeats(items: Sequence[Item], entry_of: Callable[[Item], Entry]) -> tuple[list[Item], list[Repeat]]:
    """Return the items that count, in their order, and the repeats that do not.

    Args:
        items: Runs with records, or values that belong to one run each.
        entry_of: Returns the run of an item.
    """
    members: dict[Key, list[Item]] = defaultdict(list)
    for item in items:
        members[repeat_key(entry_of(item))].append(item)
    if len(members) == len(items):
        return list(items), []
    kept, repeats = set(), []
    for same in members.values():
        latest = max(same, key=lambda item: progress_of(entry_of(item)))
        kept.add(id(latest))
        repeats += [compare_repeat(entry_of(item), entry_of(latest)) for item in same if item is not latest]
    return [item for item in items if id(item) in kept], repeats


def progress_of(entry: Entry) -> tuple[bool, int, str, str]:
    """Return the rank of a run among its repeats: completed before unfinished, more epochs, then the latest."""
    record = entry.record
    is_completed = record is not None and record.status == "completed"
    epochs = 0 if is_completed else entry.details.epochs
    return is_completed, epochs, record.started if record else "", entry.run.directory.name


def compare_repeat(entry: Entry, counted: Entry) -> Repeat:
    """Return a repeat with its differences from the run that counts."""
    if entry.record is None or counted.record is None:
        return Repeat(entry.run.directory.name, counted.run.directory.name, is_copy=False)
    is_copy = has_equal_weights(entry, counted)
    differences = () if is_copy else tuple(environment_differences(entry.record, counted.record))
    return Repeat(entry.record.id, counted.record.id, is_copy, differences)


def has_equal_weights(entry: Entry, counted: Entry) -> bool:
    """Return whether two completed runs have equal weights; equal scores in every epoch where no digest is recorded."""
    first, second = entry.record, counted.record
    if first is None or second is None or first.status != second.status:
        return False
    if first.results.weights and second.results.weights:
        return first.results.weights == second.results.weights
    names = [name for name in entry.details.columns if name != "seconds"]
    return entry.details.epochs == counted.details.epochs and all(
        list(entry.details.column(name)) == list(counted.details.column(name)) for name in names
    )


def environment_differences(first: Record, second: Record) -> list[str]:
    """Return the versions and the hardware in which two runs differ."""
    pairs = {
        **{name: (first.versions.get(name), second.versions.get(name)) for name in ("tensorflow", "keras", "numpy")},
        **{name: (first.platform.get(name), second.platform.get(name)) for name in ("device", "processor")},
    }
    return [f"{name} {one} and {other}" for name, (one, other) in pairs.items() if one and other and one != other]
