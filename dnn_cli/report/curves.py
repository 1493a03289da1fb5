"""Curves of runs: scores by epoch.

Runs that differ only in their seed are averaged in one curve, which has a range from the lowest to the highest run.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from statistics import fmean
from typing import Literal

from dnn_cli.compare.comparison_points import ScoreCurve as Training
from dnn_cli.compare.group import Group
from dnn_cli.compare.group_labels import label_groups
from dnn_cli.compare.repeats import drop_repeats
from dnn_cli.config.config_diff import find_config_differences
from dnn_cli.config.cross_validation import remove_fold
from dnn_cli.config.digests import remove_extra_file_keys
from dnn_cli.config.score_names import expand_score_name, lower_is_better
from dnn_cli.errors import UsageError, suggest_nearest_name
from dnn_cli.report.chart_math import find_extreme_indices
from dnn_cli.report.run_groups import BAND_CAPTION, format_copies_note, format_superseded_note, group_completed_runs
from dnn_cli.report.text import format_count, replace_control_chars
from dnn_cli.runs.address import parse_run_id
from dnn_cli.runs.record import NON_SCORE_COLUMNS
from dnn_cli.runs.run_info import RunInfo

_XAxis = Literal["epoch", "seconds", "steps"]
_CurveSplit = Literal["training", "validation"]

MAX_CURVE_GROUPS = 8
"""Largest number of experiments in one chart, because a reader cannot distinguish more."""


@dataclass(frozen=True)
class MeanCurve:
    """Curve of a score of one experiment: mean, lowest and highest value of its runs for each epoch."""

    name: str
    split: _CurveSplit
    x: tuple[float, ...]
    y: tuple[float, ...]
    """Mean of the runs for each epoch."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    """Highest value of the runs for each epoch; `low` is the lowest."""

    run_count: int


@dataclass(frozen=True)
class Panel:
    """Chart of one score, or of another column of `metrics.csv`, with the curves of all experiments."""

    title: str
    curves: tuple[MeanCurve, ...]

    @property
    def has_both_splits(self) -> bool:
        """Whether the panel has curves of training and of validation."""
        return len({curve.split for curve in self.curves}) > 1

    @property
    def lower_is_better(self) -> bool:
        """Whether lower values are better, as for a loss."""
        return lower_is_better(self.title)

    def has_band(self, curve: MeanCurve) -> bool:
        """Return whether a curve is drawn with a band: the range from its lowest to its highest run.

        A single run has no band. In a panel with training and validation, only the curves of validation have bands.
        """
        return curve.run_count > 1 and (curve.split == "validation" or not self.has_both_splits)


@dataclass(frozen=True)
class CurveChart:
    """Panels (charts of one score each) with the curves of runs, and notes."""

    panels: tuple[Panel, ...]
    names: tuple[str, ...]
    x_axis: _XAxis
    notes: tuple[str, ...]
    """Notes for the reader, such as a list of runs without curves."""

    def format_caption(self, band_style: str) -> str:
        """Return the caption that explains lines and bands; empty if no panel has a band.

        Args:
            band_style: The style of a band: `shaded` or `dotted`.
        """
        has_bands = any(panel.has_band(curve) for panel in self.panels for curve in panel.curves)
        return BAND_CAPTION.format(band_style) if has_bands else ""


@dataclass(frozen=True)
class _CurveGroup:
    """Runs that are averaged in one curve. The curve ends at the last epoch that all runs have finished."""

    name: str
    runs: tuple[RunInfo, ...]

    @property
    def common_epochs(self) -> int:
        """Number of epochs that all runs have finished."""
        return min(run_info.details.epoch_count for run_info in self.runs)

    @property
    def common_columns(self) -> list[str]:
        """Columns of `metrics.csv` that all runs have."""
        shared = set.intersection(*(set(run_info.details.columns) for run_info in self.runs))
        return [name for name in self.runs[0].details.columns if name in shared]

    def compute_x(self, x_axis: _XAxis) -> tuple[float, ...]:
        """Compute the x of each epoch: its position on the horizontal axis, as the mean over the runs.

        `x_axis` is the unit of the axis. The mean matters for seconds, because runs differ in the duration of an epoch.
        """
        run_positions = [_compute_epoch_positions(run_info, x_axis)[: self.common_epochs] for run_info in self.runs]
        return tuple(map(fmean, zip(*run_positions, strict=True)))

    def build_curve(self, column: str, split: _CurveSplit, x_axis: _XAxis) -> MeanCurve:
        """Build the mean curve of the runs for a column of `metrics.csv` that all runs have."""
        values = [run_info.details.get_metric_values(column)[: self.common_epochs] for run_info in self.runs]
        epochs: list[tuple[float, ...]] = list(zip(*values, strict=True))
        y, low, high = tuple(map(fmean, epochs)), tuple(map(min, epochs)), tuple(map(max, epochs))
        return MeanCurve(self.name, split, self.compute_x(x_axis), y, low, high, len(self.runs))


def build_curve_chart(
    runs: Sequence[RunInfo],
    metrics: Sequence[str] = (),
    x_axis: _XAxis = "epoch",
    *,
    separate_runs: bool = False,
    by: Sequence[str] = (),
) -> CurveChart:
    """Build the curves of runs, which may still be running or have ended early.

    Args:
        runs: The runs, with their details.
        metrics: Columns of `metrics.csv`. A name without `val_` also selects the column of validation. Without names,
            the loss and the most common monitor are drawn.
        x_axis: The unit of the horizontal axis.
        separate_runs: Whether each run has its own curve, even if runs differ only in their seed.
        by: Fields of a run, such as `optimizer`. Runs that agree in these fields are one curve. Without fields, runs
            that differ only in their seed are one curve.

    Raises:
        UsageError: no run has a finished epoch or one of the metrics; a run lacks the seconds of its epochs; with
            `by`, no run is completed.
    """
    drawable = [run_info for run_info in runs if run_info.details.epoch_count]
    usable, repeats = drop_repeats(drawable, lambda run_info: run_info)
    if separate_runs:
        copies = {repeat.run for repeat in repeats if repeat.is_copy}
        usable = [run_info for run_info in drawable if run_info.record is None or run_info.record.id not in copies]
    notes = [
        f"{_format_run_name(run_info)} has no completed epoch{_format_no_epochs_reason(run_info)}"
        for run_info in runs
        if not run_info.details.epoch_count
    ]
    if not usable:
        message = notes[0] if len(notes) == 1 else f"none of {len(notes)} runs has a completed epoch"
        raise UsageError(message, "list all runs with `dnn runs`")
    notes += [
        _format_run_status(run_info)
        for run_info in usable
        if not by and run_info.record and run_info.record.status != "completed"
    ]
    if x_axis == "seconds" and (
        silent := [run_info for run_info in usable if "seconds" not in run_info.details.columns]
    ):
        raise UsageError(f"{_format_run_name(silent[0])} has no durations of epochs", "use --x epoch")
    monitor = _find_usual_monitor(usable)
    if by:
        groups, left_out = group_completed_runs(usable, by)
        curve_groups, notes = [_CurveGroup(*group) for group in groups], [*notes, *left_out]
    else:
        curve_groups = _build_curve_groups(usable, separate_runs=separate_runs)
    if len(curve_groups) > MAX_CURVE_GROUPS:
        notes.append(
            f"{len(curve_groups)} curves are too many for one chart, which shows "
            f"the {MAX_CURVE_GROUPS} best by {monitor}; select others by name or with --where"
        )
        curve_groups = _sort_best_first(curve_groups, monitor)[:MAX_CURVE_GROUPS]
    notes += [
        text for text in (format_copies_note(repeats), "" if separate_runs else format_superseded_note(repeats)) if text
    ]
    notes += [note for curve_group in curve_groups if (note := _format_cut_short_note(curve_group))]
    if any(len(curve_group.runs) > 1 for curve_group in curve_groups):
        notes += [] if by else ["runs that differ only in seed or fold are drawn as their mean; --runs draws every run"]
    columns = [expand_score_name(metric) for metric in metrics] or _list_default_panels(curve_groups, monitor)
    panels = tuple(
        _build_panel(curve_groups, column, x_axis, pair=column not in NON_SCORE_COLUMNS) for column in columns
    )
    return CurveChart(panels, tuple(curve_group.name for curve_group in curve_groups), x_axis, tuple(notes))


def _build_curve_groups(runs: Sequence[RunInfo], *, separate_runs: bool) -> list[_CurveGroup]:
    """Return the groups of runs that are averaged: one group, with a unique name, for each experiment.

    With `separate_runs`, each run is a group.
    """
    members: dict[str, list[RunInfo]] = defaultdict(list)
    for run_info in runs:
        members[str(run_info.run.directory) if separate_runs else run_info.details.variant_digest].append(run_info)
    groups = list(members.values())
    names = _format_group_labels(groups, separate_runs=separate_runs)
    shared = {name for name, times in Counter(names).items() if times > 1}
    return [
        _CurveGroup(f"{name} {parse_run_id(group[0].run)}" if name in shared else name, tuple(group))
        for name, group in zip(names, groups, strict=True)
    ]


def _format_group_labels(grouped_runs: Sequence[Sequence[RunInfo]], *, separate_runs: bool) -> list[str]:
    """Return the labels of groups: the settings that distinguish a group from the others.

    The labels are the same as in `dnn compare`.
    """
    # A run with epochs has a config, so the empty one is never used.
    configs = [group[0].config or {} for group in grouped_runs]
    settings = find_config_differences(
        [
            {**remove_extra_file_keys(config), "seed": config.get("seed")}
            if separate_runs
            else {**remove_fold(remove_extra_file_keys(config)), "seed": 0}
            for config in configs
        ]
    )
    run_names = [Counter(run_info.name for run_info in group).most_common(1)[0][0] for group in grouped_runs]
    labelled_groups = [Group(name, keys, (), {}) for name, keys in zip(run_names, settings, strict=True)]
    names = label_groups(labelled_groups)
    return [replace_control_chars(names[id(group)]) for group in labelled_groups]


def _find_usual_monitor(runs: Sequence[RunInfo]) -> str:
    """Return the monitor of most runs: the score that chooses the best epoch.

    If no run has a record, return `val_loss`.
    """
    monitors = [run_info.record.results.monitor for run_info in runs if run_info.record] or ["val_loss"]
    return Counter(monitors).most_common(1)[0][0]


def _list_default_panels(groups: Sequence[_CurveGroup], monitor: str) -> list[str]:
    """Return the columns of the default panels: the loss, and the monitor of most runs.

    If this monitor is the loss, the second panel shows the first other score.
    """
    score = monitor.removeprefix("val_")
    scores = [name for group in groups for name in group.common_columns if not name.startswith("val_")]
    others = [name for name in (score, *scores) if name not in ("loss", *NON_SCORE_COLUMNS) and name in scores]
    return [name for name in ("loss", *others[:1]) if name in scores]


def _build_panel(groups: Sequence[_CurveGroup], column: str, x_axis: _XAxis, *, pair: bool) -> Panel:
    """Build the panel of a column of `metrics.csv`; with `pair`, add the curves of its validation column.

    Raises:
        UsageError: no run has the column.
    """
    column_names = [column] if column.startswith("val_") or not pair else [f"val_{column}", column]
    panel_curves = tuple(
        group.build_curve(name, "validation" if name.startswith("val_") else "training", x_axis)
        for group in groups
        for name in column_names
        if name in group.common_columns
    )
    if not panel_curves:
        all_columns = list(dict.fromkeys(name for group in groups for name in group.common_columns if name != "epoch"))
        raise UsageError(
            f"no run has the metric {column}",
            suggest_nearest_name(column, all_columns) or f"use one of {', '.join(all_columns)}",
        )
    return Panel(replace_control_chars(column), panel_curves)


def _sort_best_first(groups: Sequence[_CurveGroup], metric: str) -> list[_CurveGroup]:
    """Return the groups sorted by the mean score of the best epochs of their runs.

    The best group is first. Groups without the metric are last.
    """
    choose, sign = (min, 1.0) if lower_is_better(metric) else (max, -1.0)

    def compute_rank(group: _CurveGroup) -> tuple[bool, float]:
        reached = [
            sign * choose(values) for run_info in group.runs if (values := run_info.details.get_metric_values(metric))
        ]
        return not reached, fmean(reached) if reached else 0.0

    return sorted(groups, key=compute_rank)


def _compute_epoch_positions(run_info: RunInfo, x_axis: _XAxis) -> list[float]:
    """Compute the positions at which the epochs of a run end: numbers of epochs, steps or seconds of training."""
    epochs = range(1, run_info.details.epoch_count + 1)
    if x_axis == "seconds":
        return list(accumulate(run_info.details.get_metric_values("seconds")))
    steps = Training("loss", (), run_info).steps_per_epoch if x_axis == "steps" else 1
    return [float(epoch * steps) for epoch in epochs]


def _format_run_name(run_info: RunInfo) -> str:
    """Return the name and id of a run, or the directory name of a broken run."""
    return replace_control_chars(
        f"{run_info.name} {run_info.record.id}" if run_info.record else run_info.run.directory.name
    )


def _format_no_epochs_reason(run_info: RunInfo) -> str:
    """Return a colon and the reason why a run has no epoch to draw; empty if the reason is unknown."""
    reason_text = run_info.error or run_info.details.error or (run_info.record.reason if run_info.record else None)
    return f": {replace_control_chars(reason_text)}" if reason_text else ""


def _format_run_status(run_info: RunInfo) -> str:
    """Return a note on a run that is not completed: its status and its number of epochs."""
    status = run_info.record.status if run_info.record else "broken"
    epochs = format_count(run_info.details.epoch_count, "epoch")
    if status == "running":
        return f"{_format_run_name(run_info)} is running: {epochs} so far"
    return f"{_format_run_name(run_info)} {'was ' if status == 'interrupted' else ''}{status} after {epochs}"


def _format_cut_short_note(group: _CurveGroup) -> str:
    """Return a note that the mean of a group ends with its shortest run; empty if all runs have the same length."""
    epochs = [run_info.details.epoch_count for run_info in group.runs]
    if min(epochs) == max(epochs):
        return ""
    first = min(group.runs, key=lambda run_info: run_info.details.epoch_count)
    return f"the mean of {group.name} ends after {format_count(min(epochs), 'epoch')}, like {_format_run_name(first)}"


def thin_curve(curve: MeanCurve, max_points: int) -> MeanCurve:
    """Return a curve reduced to at most `max_points` points. Its lowest and highest values stay."""
    indices = find_extreme_indices(curve.y, max_points)
    x, y, low, high = (tuple(values[at] for at in indices) for values in (curve.x, curve.y, curve.low, curve.high))
    return replace(curve, x=x, y=y, low=low, high=high)
