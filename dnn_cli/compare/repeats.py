"""Repeats: runs of the same experiment with the same seed on the same data. Only the latest completed run counts."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from dnn_cli.runs.record import Record
from dnn_cli.runs.run_info import RunInfo

_Item = TypeVar("_Item")
_RepeatKey = tuple[str, int, Any, Any]


@dataclass(frozen=True)
class RepeatedRun:
    """Run that does not count, because another run has the same experiment, seed and data."""

    run: str
    """Id of the run."""

    counted: str
    """Id of the run that counts instead."""

    is_copy: bool
    """Whether both runs have equal weights."""

    differences: tuple[str, ...] = ()
    """Versions, hardware and numbers of lanes in which the two runs differ, such as `tensorflow 2.21.0 and 2.22.0`."""


def _get_repeat_key(run_info: RunInfo) -> _RepeatKey:
    """Return the key that repeats share: the variant digest, the seed, the fold and the fingerprint of the data."""
    data: Mapping[str, Any] = run_info.record.data if run_info.record else {}
    details = run_info.details
    return details.variant_digest, details.seed, details.fold, data.get("fingerprint")


def drop_repeats(
    items: Sequence[_Item], get_run_info: Callable[[_Item], RunInfo]
) -> tuple[list[_Item], list[RepeatedRun]]:
    """Drop repeated runs. Return the remaining items in their order, and the repeats that do not count.

    Args:
        items: Runs with records, or values that belong to one run each.
        get_run_info: The function that returns the run of an item.
    """
    members: dict[_RepeatKey, list[_Item]] = defaultdict(list)
    for item in items:
        members[_get_repeat_key(get_run_info(item))].append(item)
    if len(members) == len(items):
        return list(items), []
    counted_ids, repeats = set(), []
    for repeated_items in members.values():
        latest = max(repeated_items, key=lambda item: _rank_progress(get_run_info(item)))
        counted_ids.add(id(latest))
        repeats += [
            _compare_repeat(get_run_info(item), get_run_info(latest)) for item in repeated_items if item is not latest
        ]
    return [item for item in items if id(item) in counted_ids], repeats


def _rank_progress(run_info: RunInfo) -> tuple[bool, int, str, str]:
    """Return the rank of a run among its repeats; the run with the highest rank counts.

    Completed runs rank above unfinished runs. Unfinished runs rank by their number of epochs. Among runs that are
    otherwise equal, the latest ranks highest.
    """
    record = run_info.record
    is_completed = record is not None and record.status == "completed"
    epochs = 0 if is_completed else run_info.details.epoch_count
    return is_completed, epochs, record.started if record else "", run_info.run.directory.name


def _compare_repeat(run_info: RunInfo, counted: RunInfo) -> RepeatedRun:
    """Return a repeat with its differences from the run that counts."""
    if run_info.record is None or counted.record is None:
        return RepeatedRun(run_info.run.directory.name, counted.run.directory.name, is_copy=False)
    is_copy = _has_equal_weights(run_info, counted)
    differences = () if is_copy else tuple(_format_environment_differences(run_info.record, counted.record))
    return RepeatedRun(run_info.record.id, counted.record.id, is_copy, differences)


def _has_equal_weights(run_info: RunInfo, counted: RunInfo) -> bool:
    """Return whether two runs of equal status have equal weights.

    Where a digest of the weights is missing, the scores of all epochs are compared instead.
    """
    first, second = run_info.record, counted.record
    if first is None or second is None or first.status != second.status:
        return False
    if first.results.weights and second.results.weights:
        return first.results.weights == second.results.weights
    names = [name for name in run_info.details.columns if name != "seconds"]
    return run_info.details.epoch_count == counted.details.epoch_count and all(
        list(run_info.details.get_metric_values(name)) == list(counted.details.get_metric_values(name))
        for name in names
    )


def _format_environment_differences(first: Record, second: Record) -> list[str]:
    """Return the versions, the hardware and the numbers of lanes in which two runs differ, as text."""
    pairs = {
        **{name: (first.versions.get(name), second.versions.get(name)) for name in ("tensorflow", "keras", "numpy")},
        **{name: (first.platform.get(name), second.platform.get(name)) for name in ("device", "processor")},
        "lanes": (first.lanes, second.lanes),
    }
    return [
        f"{name} {first_value} and {second_value}"
        for name, (first_value, second_value) in pairs.items()
        if first_value and second_value and first_value != second_value
    ]
