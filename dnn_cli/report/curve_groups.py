"""Runs → the groups of `dnn plot --by`: completed runs that agree in some keys, as `dnn compare --by` groups them."""

from collections.abc import Sequence

from dnn_cli.compare.grouping import Group, group_by_keys
from dnn_cli.compare.labels import label_groups
from dnn_cli.compare.rows import Row
from dnn_cli.compare.views import curve_of
from dnn_cli.errors import UsageError
from dnn_cli.report.words import count, visible
from dnn_cli.runs.entry import Entry

NAMED = 3
"""Ids that are printed of a longer list."""

BAND = "lines: mean of the runs; {}: from the lowest to the highest run in each epoch"
"""The caption of a picture with bands, to be filled in with the form of the band."""


def group_runs(entries: Sequence[Entry], keys: Sequence[str]) -> tuple[list[tuple[str, tuple[Entry, ...]]], list[str]]:
    """Return the runs of every group under its label, and notes on runs that are in no group.

    Runs that are not completed would end the mean of their group early, so they are left out. All groups have the same
    settings besides the keys, where they have common ones.

    Args:
        entries: Runs with details, each with at least one epoch.
        keys: Fields of a run, as `dnn runs --where` names them.

    Raises:
        UsageError: no run is completed, or no run has one of the keys.
    """
    rows = [row for entry in entries if (row := row_of(entry)) is not None]
    if not rows:
        raise UsageError(
            "no completed run can be drawn in a group", "leave --by out to draw runs that are not completed"
        )
    groups = group_by_keys(rows, keys)
    labels = label_groups(groups)
    notes = []
    left = [entry for entry in entries if row_of(entry) is None]
    if left:
        notes.append(f"left out of the groups, because not completed: {runs_text(left)}")
    aside = [row.entry for group in groups for row in group.set_aside]
    if aside:
        notes.append(f"left out, because not all groups have runs with their other settings: {runs_text(aside)}")
    return [(label_of(group, labels[id(group)]), tuple(row.entry for row in group.rows)) for group in groups], notes


def row_of(entry: Entry) -> Row | None:
    """Return a completed run for grouping; `None` for others. Its score decides nothing."""
    if entry.record is None or entry.record.status != "completed":
        return None
    curve = curve_of(entry, "loss")
    return None if curve is None else Row(entry, entry.record, curve, curve.values[-1], {})


def label_of(group: Group, label: str) -> str:
    """Return the label of a group with its number of runs."""
    return visible(f"{label} ({count(len(group.rows), 'run')})")


def runs_text(entries: Sequence[Entry]) -> str:
    """Return the number of runs with some of their ids."""
    ids = [entry.record.id for entry in entries if entry.record][:NAMED]
    more = ", …" if len(entries) > len(ids) else ""
    return f"{count(len(entries), 'run')} ({', '.join(ids)}{more})"
