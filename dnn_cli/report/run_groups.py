"""Groups of completed runs that `dnn plot --by` draws and `dnn compare --by` compares, and notes on left-out runs."""

from collections.abc import Sequence

from dnn_cli.compare.comparison_points import find_score_curve
from dnn_cli.compare.group import Group
from dnn_cli.compare.group_labels import label_groups
from dnn_cli.compare.grouping import group_by_keys
from dnn_cli.compare.repeats import RepeatedRun
from dnn_cli.compare.run_scores import RunScore
from dnn_cli.compare.text_lists import format_list
from dnn_cli.errors import UsageError
from dnn_cli.report.text import format_count, replace_control_chars
from dnn_cli.runs.run_info import RunInfo

_MAX_NAMED_RUNS = 3
"""Largest number of run ids that a note lists."""

BAND_CAPTION = "lines: mean of the runs; {}: from the lowest to the highest run in each epoch"
"""Caption of a picture with bands; the placeholder is the style of the bands."""


def group_completed_runs(
    runs: Sequence[RunInfo], keys: Sequence[str]
) -> tuple[list[tuple[str, tuple[RunInfo, ...]]], list[str]]:
    """Return the label and the runs of each group, and notes on runs that are in no group.

    Runs that are not completed are left out, because the mean of a group ends with its shortest run.

    If possible, the groups differ only in the keys. With the key `optimizer`, a run with 10 units is therefore left out
    if some optimizer has no run with 10 units.

    Args:
        runs: Runs with details, each with at least one epoch.
        keys: Fields of a run, with the names that `dnn runs --where` uses.

    Raises:
        UsageError: no run is completed, or no run has one of the keys.
    """
    rows = [row for run_info in runs if (row := _build_group_row(run_info)) is not None]
    if not rows:
        raise UsageError("--by draws completed runs, and no run is completed", "omit --by")
    groups = group_by_keys(rows, keys)
    labels = label_groups(groups)
    notes = []
    incomplete = [run_info for run_info in runs if _build_group_row(run_info) is None]
    if incomplete:
        notes.append(f"left out, because not completed: {format_run_ids(incomplete)}")
    set_aside = [row.run_info for group in groups for row in group.set_aside]
    if set_aside:
        notes.append(
            f"left out, because some groups have no run with the same other settings: {format_run_ids(set_aside)}"
        )
    return [
        (_format_group_label(group, labels[id(group)]), tuple(row.run_info for row in group.run_scores))
        for group in groups
    ], notes


def _build_group_row(run_info: RunInfo) -> RunScore | None:
    """Return a completed run as the `RunScore` that `group_by_keys` needs; `None` for other runs.

    Its score is the last loss. The choice of the score has no effect, because groups do not depend on scores.
    """
    if run_info.record is None or run_info.record.status != "completed":
        return None
    curve = find_score_curve(run_info, "loss")
    return None if curve is None else RunScore(run_info, run_info.record, curve, curve.values[-1], {})


def _format_group_label(group: Group, label: str) -> str:
    """Return the label of a group, followed by its number of runs."""
    return replace_control_chars(f"{label} ({format_count(len(group.run_scores), 'run')})")


def format_run_ids(runs: Sequence[RunInfo]) -> str:
    """Return the number of runs, and the ids of up to three runs."""
    ids = [run_info.record.id for run_info in runs if run_info.record][:_MAX_NAMED_RUNS]
    more = ", …" if len(runs) > len(ids) else ""
    return f"{format_count(len(runs), 'run')} ({', '.join(ids)}{more})"


def format_copies_note(repeats: Sequence[RepeatedRun]) -> str:
    """Return a note that lists copies: repeated runs whose weights equal those of the run that counts.

    Runs are repeated if they have the same experiment, seed and data; only one of them counts. The note is empty
    without copies.
    """
    copies = [repeat for repeat in repeats if repeat.is_copy]
    verb = "is a copy" if len(copies) == 1 else "are copies"
    return (
        f"{_format_repeats(copies)} {verb} with equal weights: each experiment and seed counts once" if copies else ""
    )


def format_superseded_note(repeats: Sequence[RepeatedRun]) -> str:
    """Return a note that lists superseded runs: repeated runs whose weights differ from those of the run that counts.

    Runs are repeated if they have the same experiment, seed and data; only the latest counts. The note is empty
    without superseded runs.
    """
    others = [repeat for repeat in repeats if not repeat.is_copy]
    runs = format_count(len(others), "run")
    return (
        f"{runs} left out, because a later run repeats the experiment and seed: {_format_repeats(others)}"
        if others
        else ""
    )


def _format_repeats(repeats: Sequence[RepeatedRun]) -> str:
    """Return the ids of repeated runs, each with the id of the run that counts instead."""
    return format_list(f"{repeat.run} (of {repeat.counted})" for repeat in repeats)
