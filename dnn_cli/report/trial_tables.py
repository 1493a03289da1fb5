"""Tables and axis plots of the trials of a study: tuned keys, trials of each value, and scores over each key."""

import math
from statistics import fmean

from dnn_cli.compare.comparison_points import parse_comparison_point
from dnn_cli.config.config_diff import shorten_keys
from dnn_cli.config.search_spaces import TunedKey
from dnn_cli.config.sweep_values import ValueRange, parse_values
from dnn_cli.report.axis_plot import AxisChart, AxisPlot, AxisPoint
from dnn_cli.report.table_cells import Column, TableCells, build_cells
from dnn_cli.report.text import format_score
from dnn_cli.study.study_result import TaskResult, ValueResult
from dnn_cli.study.trials import Trial

_MAX_RUN_IDS = 2
"""Largest number of runs of a trial whose ids are listed."""

_KeyRow = tuple[ValueResult, TunedKey]
"""Value of the question with one of its tuned keys."""


def build_key_cells(task: TaskResult) -> TableCells:
    """Build the table of tuned keys: a row for each value and key, with range, chosen setting and good range.

    Columns that are unknown for all values are left out.
    """
    items = list(task.values.values())
    columns: list[Column[_KeyRow]] = [
        Column("value", lambda row: row[0].value.label, fit="wrapped"),
        Column("key", lambda row: shorten_keys([row[1].key])[0]),
        Column("range", lambda row: _format_tried_range(task, *row), fit="wrapped"),
        Column("chosen", lambda row: row[0].best.setting[row[1].key] if row[0].best else "–", is_numeric=True),
    ]
    if _has_sensitivity(task):
        columns += [
            Column("good range", lambda row: _format_good_range(*row), is_numeric=True),
            Column("decades", lambda row: _format_decades(*row), is_numeric=True),
        ]
    if any(item.importance.shares for item in items):
        columns.append(Column("importance", lambda row: _format_importance(*row), is_numeric=True))
    return build_cells(columns, [(item, tuned) for item in items for tuned in item.tuning.space])


def _has_sensitivity(task: TaskResult) -> bool:
    """Return whether the good range of any key is known."""
    return any(sensitivity for item in task.values.values() for sensitivity in item.sensitivities.values())


def _format_tried_range(task: TaskResult, item: ValueResult, tuned: TunedKey) -> str:
    """Return the range of a key, with the planned range if the range has grown."""
    planned = parse_values(task.task.search_spaces[item.value.label][tuned.key])
    text = _format_range(tuned.values)
    has_grown = isinstance(planned, ValueRange) and tuned.key in item.tuning.grown_keys
    return f"{text}, grown from {_format_range(planned)}" if has_grown else text


def _format_range(values: object) -> str:
    """Return a range as the values at its ends, the smaller first."""
    if not isinstance(values, ValueRange):
        return str(values)
    low, high = values.end_values
    return f"{high} to {low}" if float(low) > float(high) else f"{low} to {high}"


def _format_good_range(item: ValueResult, tuned: TunedKey) -> str:
    """Return the range of a key within one standard error of the best score."""
    sensitivity = item.sensitivities.get(tuned.key)
    if sensitivity is None:
        return "–"
    ends = [tuned.values.format_number(number) for number in (sensitivity.low, sensitivity.high)]
    low, high = sorted((f"{float(end):.3g}" for end in ends), key=float)
    return f"{low} to {high}"


def _format_decades(item: ValueResult, tuned: TunedKey) -> str:
    """Return the width of the good range in decades; `≥` if the range reaches an outermost trial."""
    sensitivity = item.sensitivities.get(tuned.key)
    if sensitivity is None:
        return "–"
    return f"{'≥ ' if sensitivity.is_cut_low or sensitivity.is_cut_high else ''}{sensitivity.decades:.1f}"


def _format_importance(item: ValueResult, tuned: TunedKey) -> str:
    """Return the importance of a key as a percentage; a dash if the importance is unknown."""
    shares = item.importance.shares
    return "–" if shares is None else f"{100 * shares.get(tuned.key, 0.0):.0f}%"


def format_key_notes(task: TaskResult) -> list[str]:
    """Return lines on the good ranges, and on the importance of keys or the reasons why it is unknown."""
    reasons: dict[str, list[str]] = {}
    for label, item in task.values.items():
        if item.importance.shares is None:
            reasons.setdefault(item.importance.reason, []).append(label)
    lines = []
    if _has_sensitivity(task):
        lines.append(
            "good range: scores within one standard deviation over seeds of the best; a wide range is easy to tune"
        )
    if any(item.importance.shares for item in task.values.values()):
        lines.append("importance: how far the key decides whether a trial is in the best quarter (PED-ANOVA)")
    return [
        *lines,
        *(f"importance is unknown for {', '.join(labels)}: {reason}" for reason, labels in reasons.items()),
    ]


def build_trial_cells(task: TaskResult, item: ValueResult) -> TableCells:
    """Build the table of the trials of a value, the best score first."""
    keys = [tuned.key for tuned in item.tuning.space]
    sign = 1.0 if task.lower_is_better else -1.0
    trials = sorted(item.tuning.trials, key=lambda trial: math.inf if trial.score is None else sign * trial.score)
    has_finalists = any(trial.finalist_scores for trial in trials)
    columns: list[Column[Trial]] = [
        Column("trial", lambda trial: str(trial.number), is_numeric=True),
        *(_build_key_column(key, header) for key, header in zip(keys, shorten_keys(keys), strict=True)),
        Column(task.task.score, lambda trial: format_score(trial.score) if trial.score is not None else "–",
               is_numeric=True),
        *([Column("mean with more seeds", _format_finalist_mean, is_numeric=True)] if has_finalists else []),
        Column("choice", lambda trial: _describe_trial(item, trial)),
        Column("runs", lambda trial: _format_run_ids(task, item, trial), fit="wrapped"),
    ]  # fmt: skip
    return build_cells(columns, trials)


def _build_key_column(key: str, header: str) -> Column[Trial]:
    """Return the column of a tuned key."""
    return Column(header, lambda trial: trial.setting[key], is_numeric=True)


def _format_finalist_mean(trial: Trial) -> str:
    """Return the mean score of a finalist over the finalist seeds."""
    return format_score(fmean(trial.finalist_scores)) if trial.finalist_scores else "–"


def _describe_trial(item: ValueResult, trial: Trial) -> str:
    """Return the part of a trial in the choice: `chosen`, `finalist`, its status, or an empty text."""
    if item.best is not None and trial.number == item.best.number:
        return "chosen"
    if trial.status != "completed":
        return trial.status
    return "finalist" if trial.is_finalist and item.tuning.is_finished else ""


def _format_run_ids(task: TaskResult, item: ValueResult, trial: Trial) -> str:
    """Return the ids of the first runs of a trial. A trial has a run for each fold and each finalist seed."""
    runs = task.runs.trials.get(item.value.label, {}).get(trial.number, ())
    ids = [run.record.id for run in runs]
    more = len(ids) - _MAX_RUN_IDS
    return f"{', '.join(ids[:_MAX_RUN_IDS])} and {more} more" if more > 0 else ", ".join(ids)


def build_trial_chart(task: TaskResult) -> AxisChart | None:
    """Build the axis plots of the trials over each tuned key; `None` before a trial has a score.

    The chosen trial of each value is marked. The scores are those of the tuning half.
    """
    keys = list(dict.fromkeys(tuned.key for item in task.values.values() for tuned in item.tuning.space))
    plots = []
    for key in keys:
        points = tuple(
            AxisPoint(
                f"trial {trial.number}", label, _parse_setting(trial.setting[key]), trial.score, trial.status,
                is_chosen=item.best is not None and item.best.number == trial.number,
            )
            for label, item in task.values.items()
            for trial in item.tuning.trials
            if trial.is_finished and key in trial.setting
        )  # fmt: skip
        if any(point.score is not None for point in points):
            plots.append(AxisPlot(key, task.task.score, parse_comparison_point("final"), points, is_study=True))
    return AxisChart(tuple(plots), tuple(task.values), (), noun="trial") if plots else None


def _parse_setting(text: str) -> float | str:
    """Return the value of a tuned key as a number if the text is a number."""
    try:
        return float(text)
    except ValueError:
        return text
