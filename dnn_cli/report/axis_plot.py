"""Axis plot: the scores of runs over a key of their configs, such as the learning rate, in one series for each group.

The plot follows the hyperparameter axis plot of the Deep Learning Tuning Playbook, in which each point is a run:
https://github.com/google-research/tuning_playbook.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnn_cli.compare.comparison_points import (
    ComparisonPoint,
    parse_comparison_point,
)
from dnn_cli.errors import UsageError
from dnn_cli.report.axis_scores import MetricScores, read_metric_scores
from dnn_cli.report.axis_series import (
    MAX_AXIS_SERIES,
    format_axis_value,
    name_series_by_differences,
    name_series_by_keys,
)
from dnn_cli.report.run_groups import format_run_ids
from dnn_cli.report.text import format_count, replace_control_chars
from dnn_cli.runs.query.fields import build_getter, check_fields
from dnn_cli.runs.query.run_columns import ABSENT, FieldGetter
from dnn_cli.runs.record import StudyRole
from dnn_cli.runs.run_info import RunInfo


@dataclass(frozen=True)
class AxisPoint:
    """A run of an axis plot: its value of the key, and its score."""

    run_id: str
    series: str
    """Name of the series."""

    value: float | str
    """Value of the key: a number, or the text of a category."""

    score: float | None
    """The score; `None` for a run that diverged or failed."""

    status: str
    variant: str = ""
    """Variant digest of the run: runs of a variant differ only in seed, fold and names."""

    is_chosen: bool = False
    """Whether the point is the chosen trial of a value of a study."""


@dataclass(frozen=True)
class AxisPlot:
    """Scores of one metric over one key, in series. The points are in the order of the runs' start."""

    key: str
    metric: str
    comparison_point: ComparisonPoint
    points: tuple[AxisPoint, ...]
    is_study: bool = False
    """Whether the runs are those of a study, whose values share quasi-random points."""

    task: str = ""
    """Name of the task, in a study of several tasks; empty for other runs."""

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller score is better."""
        return self.comparison_point.lower_is_better(self.metric)


@dataclass(frozen=True)
class AxisChart:
    """Axis plots: one for each combination of a key, a task of a study, and a metric."""

    plots: tuple[AxisPlot, ...]
    names: tuple[str, ...]
    """Names of the series, in the order of the first run."""

    notes: tuple[str, ...]
    noun: str = "run"
    """Noun of a point, for the legend: `run`, or `trial` for the trials of a study."""


def build_axis_chart(
    runs: Sequence[RunInfo],
    keys: Sequence[str],
    metrics: Sequence[str] = (),
    *,
    at: str = "final",
    by: Sequence[str] = (),
) -> AxisChart:
    """Build the axis plots of runs for some keys and metrics.

    If all runs belong to one study, only its tuning runs are drawn, in one series for each value of the question. Each
    task of the study has plots of its own, because scores of different tasks have no common axis.

    Args:
        runs: The runs with their details.
        keys: Fields of runs, such as `optimizer.learning_rate`. Short keys such as `lr` are accepted.
        metrics: Scores, as `dnn compare --metric` accepts them; empty for the metric that most runs monitor.
        at: The text of the comparison point, such as `epoch=5`.
        by: Fields that define the series; empty for the other keys in which the runs differ.

    Raises:
        UsageError: no run has one of the keys or metrics, or no run has a score.
    """
    # This module imports yaml, which takes as long as all other imports.
    from dnn_cli.config.overrides import expand_key

    keys, by = [expand_key(key) for key in keys], [expand_key(key) for key in by]
    point = parse_comparison_point(at)
    roles = _find_study_roles(runs)
    drawn_runs, notes = _select_drawn_runs(runs, roles)
    check_fields([*keys, *by], drawn_runs)
    parts = [
        (task, read_metric_scores(task_runs, metric, point))
        for task, task_runs in _group_by_task(drawn_runs, roles).items()
        for metric in metrics or (None,)
    ]
    scores = [part for _, part in parts]
    directories = {run_info.run.directory for part in scores for run_info in part.runs}
    drawn_runs = [run_info for run_info in drawn_runs if run_info.run.directory in directories]
    names, name_notes = _name_series(drawn_runs, keys, by, roles)
    ordered_names = list(dict.fromkeys(names[run_info.run.directory] for run_info in drawn_runs))
    if len(ordered_names) > MAX_AXIS_SERIES:
        notes.append(
            f"{len(ordered_names)} series are too many for one chart, which shows the {MAX_AXIS_SERIES} "
            f"best by {scores[0].metric}; --by KEY or --where selects others"
        )
        ordered_names = _select_best_names(ordered_names, names, scores[0], point)
    plots = tuple(
        AxisPlot(key, part.metric, point, points, is_study=bool(roles), task=task)
        for key in keys
        for task, part in parts
        # A task can lack the key, such as the initial rate of a schedule.
        if (points := _build_points(key, part, names, ordered_names)) or len(parts) == 1
    )
    notes += [*name_notes, *dict.fromkeys(note for part in scores for note in part.notes)]
    return AxisChart(plots, tuple(ordered_names), (*notes, *_format_key_notes(keys, drawn_runs)))


@dataclass(frozen=True)
class _TaskRole:
    """Name of the task of a run of a study, and role of the run."""

    task: str
    role: StudyRole


def _find_study_roles(runs: Sequence[RunInfo]) -> dict[Path, _TaskRole]:
    """Return the task and role of each run in the study of all runs, by run directory; empty without such a study.

    A run that is a tuning run and a final run counts as a tuning run.
    """
    memberships = [
        {
            membership.id: _TaskRole(membership.name, membership.study)
            for membership in sorted(run_info.record.sweeps, key=lambda member: _is_tuning(member.study))
            if membership.study is not None
        }
        if run_info.record
        else {}
        for run_info in runs
    ]
    common_ids = set.intersection(*map(set, memberships)) if memberships else set()
    if not common_ids:
        return {}
    # Runs can belong to several studies. The last in alphabetical order is arbitrary but always the same.
    study_id = max(common_ids)
    return {run_info.run.directory: roles[study_id] for run_info, roles in zip(runs, memberships, strict=True)}


def _is_tuning(role: StudyRole | None) -> bool:
    """Return whether a role is that of a tuning run."""
    return role is not None and role.phase == "tuning"


def _select_drawn_runs(runs: Sequence[RunInfo], roles: Mapping[Path, _TaskRole]) -> tuple[list[RunInfo], list[str]]:
    """Return the runs of networks with a readable record, sorted by their start, and notes on the other runs.

    Of the runs of a study, only tuning runs are returned.

    Raises:
        UsageError: there is no such run.
    """
    readable = [(run_info, run_info.record) for run_info in runs if run_info.record is not None]
    networks = [pair for pair in readable if not pair[1].is_baseline]
    drawn_runs = [pair for pair in networks if not roles or _is_tuning(roles[pair[0].run.directory].role)]
    left_out = {
        "broken run": len(runs) - len(readable),
        "baseline": len(readable) - len(networks),
        "final run": len(networks) - len(drawn_runs),
    }
    if not drawn_runs:
        counts = ", ".join(format_count(number, noun) for noun, number in left_out.items() if number)
        raise UsageError(f"no run can be drawn over a key: {counts or 'no runs'}", "dnn runs lists all runs")
    notes = [f"left out: {format_count(number, noun)}" for noun, number in left_out.items() if number]
    return [run_info for run_info, _ in sorted(drawn_runs, key=lambda pair: pair[1].started)], notes


def _group_by_task(runs: Sequence[RunInfo], roles: Mapping[Path, _TaskRole]) -> dict[str, list[RunInfo]]:
    """Return the runs of each task of a study, by the name of the task; tasks without a completed run are left out.

    The runs of a single task, and runs that do not belong to a study, have an empty name.
    """
    groups: dict[str, list[RunInfo]] = defaultdict(list)
    for run_info in runs:
        groups[replace_control_chars(roles[run_info.run.directory].task) if roles else ""].append(run_info)
    scored = {
        task: task_runs
        for task, task_runs in sorted(groups.items())
        if any(run_info.record and run_info.record.status == "completed" for run_info in task_runs)
    }
    return scored if len(groups) > 1 and scored else {"": list(runs)}


def _name_series(
    runs: Sequence[RunInfo], keys: Sequence[str], by: Sequence[str], roles: Mapping[Path, _TaskRole]
) -> tuple[dict[Path, str], list[str]]:
    """Return the name of each run's series, by run directory, and notes.

    The keys of `by` come first, then the values of a study's question, then the keys in which the runs differ.
    """
    if by:
        return name_series_by_keys(runs, by), []
    if roles:
        return {
            run_info.run.directory: replace_control_chars(roles[run_info.run.directory].role.value) for run_info in runs
        }, []
    names, merged_keys = name_series_by_differences(runs, keys)
    return names, [
        f"runs of one series also differ in {', '.join(merged_keys)}; --by KEY chooses the series"
    ] if merged_keys else []


def _select_best_names(
    ordered_names: Sequence[str], names: Mapping[Path, str], scores: MetricScores, point: ComparisonPoint
) -> list[str]:
    """Return the names of the series with the best run, in their order. `names` has them by run directory."""
    sign = 1 if point.lower_is_better(scores.metric) else -1
    best: dict[str, float] = {}
    for run_score in scores.run_scores:
        name = names[run_score.run.directory]
        best[name] = min(best.get(name, float("inf")), sign * run_score.score)
    selected = sorted(best, key=best.__getitem__)[:MAX_AXIS_SERIES]
    return [name for name in ordered_names if name in selected]


def _build_points(
    key: str, scores: MetricScores, names: Mapping[Path, str], drawn_names: Sequence[str]
) -> tuple[AxisPoint, ...]:
    """Build the points of an axis plot: the runs of the drawn series that have the key, in the order of their start."""
    get = build_getter(key)
    run_scores = {run_score.run.directory: run_score.score for run_score in scores.run_scores}
    return tuple(
        AxisPoint(
            run_info.record.id, names[run_info.run.directory], value, run_scores.get(run_info.run.directory),
            run_info.record.status, run_info.details.variant_digest,
        )
        for run_info in sorted(scores.runs, key=lambda run_info: run_info.record.started if run_info.record else "")
        if run_info.record and names[run_info.run.directory] in drawn_names
        and (value := _read_axis_value(get, run_info)) is not None
    )  # fmt: skip


def _read_axis_value(get: FieldGetter, run_info: RunInfo) -> float | str | None:
    """Return the value of a key of a run: a number, or the text of a category; `None` for a run without the key."""
    value = get(run_info)
    if value is ABSENT:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else replace_control_chars(format_axis_value(value))


def _format_key_notes(keys: Sequence[str], runs: Sequence[RunInfo]) -> list[str]:
    """Return notes on runs without a key, and on keys with the same value in all runs."""
    notes = []
    for key in keys:
        get = build_getter(key)
        values = [_read_axis_value(get, run_info) for run_info in runs]
        missing = [run_info for run_info, value in zip(runs, values, strict=True) if value is None]
        if missing:
            notes.append(f"left out, because without {replace_control_chars(key)}: {format_run_ids(missing)}")
        if len(present := set(values) - {None}) == 1:
            notes.append(f"all runs have {replace_control_chars(key)} {format_axis_value(present.pop())}")
    return notes


def build_axis_document(chart: AxisChart) -> dict[str, Any]:
    """Build the JSON document of axis plots: for each plot, its series with the value and score of each run."""
    return {"axes": [
        {
            "axis": plot.key, **({"task": plot.task} if plot.task else {}),
            "metric": plot.metric, "at": plot.comparison_point.text,
            "series": [
                {"name": name, "runs": [
                    {"id": point.run_id, "value": point.value, "score": point.score, "status": point.status}
                    for point in plot.points
                    if point.series == name
                ]}
                for name in chart.names
            ],
        }
        for plot in chart.plots
    ]}  # fmt: skip
