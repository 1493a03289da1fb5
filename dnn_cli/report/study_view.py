"""Tables of a study: the scores of both arms, the chosen settings, and the budget curves."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.group import Group
from dnn_cli.compare.significance import compute_standard_deviation
from dnn_cli.config.config_diff import shorten_keys
from dnn_cli.report.difference_text import format_difference_amount
from dnn_cli.report.table_cells import Column, TableCells, build_cells
from dnn_cli.report.text import format_duration, format_mean, format_score
from dnn_cli.report.verdict_text import format_reference_header, format_verdict
from dnn_cli.runs.evaluations import TEST_PREFIX
from dnn_cli.study.study_result import StudyResult, TaskResult, ValueResult
from dnn_cli.study.study_runs import Arm
from dnn_cli.study.target import TargetTimes

_BUDGETS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Numbers of trials for which the table of budget curves has a column, in addition to the number of all trials."""


_PROFILE_RATIOS = (1.0, 1.5, 2.0, 4.0)
"""Ratios to the fewest epochs for which the table of performance profiles has a column."""


def build_score_cells(task: TaskResult) -> TableCells:
    """Build the table of scores on the reporting half: a row for each value, the best tuned value first."""
    columns: list[Column[str]] = [
        Column("value", str, fit="wrapped"),
        Column("tuned", lambda label: _format_mean(task.arms.get("tuned"), label), is_numeric=True),
        Column("with defaults", lambda label: _format_mean(task.arms.get("default"), label), is_numeric=True),
        Column("tuning adds", lambda label: _format_gain(task, label), is_numeric=True),
        *(_build_test_column(task) if task.count_tested_runs() else []),
        Column("chosen setting", lambda label: _format_chosen_setting(task.values[label]), fit="wrapped"),
    ]
    # With test scores, a terminal of 80 columns has too little room for the name of a key, such as `learning_rate`.
    expendable = ["tuning adds"] if task.count_tested_runs() else []
    return build_cells(columns, _list_values_by_score(task), expendable)


def build_pair_cells(comparison: Comparison, title: str) -> TableCells:
    """Build the table of the verdicts of an arm: a row for each value that is compared with the best.

    The table has no rows for two values, whose verdict is in the headline.

    Args:
        comparison: The comparison of the arm.
        title: The title of the arm, such as `tuned`.
    """
    verdicts = comparison.verdict_set.verdicts
    if len(verdicts) < 2:
        return TableCells([title], [])
    header = format_reference_header(comparison)
    rows = [[comparison.get_label(verdict.group), format_verdict(comparison, verdict)] for verdict in verdicts]
    return TableCells([title, header], rows, wrapped=[title], sentences=[header])


def _list_values_by_score(task: TaskResult) -> list[str]:
    """Return the labels of the values, the best in the tuned arm first. Values without a score come last."""
    arms: tuple[Arm, ...] = ("tuned", "default")
    comparison = next((task.arms[arm] for arm in arms if arm in task.arms), None)
    ranked = [comparison.get_label(group) for group in comparison.groups] if comparison else []
    return [*ranked, *(label for label in task.values if label not in ranked)]


def _find_group(comparison: Comparison | None, label: str) -> Group | None:
    """Return the group of a value in an arm; `None` without a score."""
    groups = comparison.groups if comparison else ()
    return next((group for group in groups if group.name == label), None)


def _format_mean(comparison: Comparison | None, label: str) -> str:
    """Return the mean score of a value with its standard deviation, such as `0.8831 ± 0.0021`."""
    group = _find_group(comparison, label)
    return "–" if group is None else format_mean(group.mean, group.spread)


def _build_test_column(task: TaskResult) -> list[Column[str]]:
    """Return the column with the mean test score of the tuned final runs and its standard deviation."""
    name = f"{TEST_PREFIX}{task.task.score.removeprefix('val_')}"

    def format_cell(label: str) -> str:
        runs = task.runs.final.get("tuned", {}).get(label, ())
        scores = [float(score) for run in runs if (score := run.record.get_test_score(name)) is not None]
        return format_mean(fmean(scores), compute_standard_deviation(scores)) if scores else "–"

    return [Column(name, format_cell, is_numeric=True)]


def _format_gain(task: TaskResult, label: str) -> str:
    """Return the difference between the tuned score and the score with defaults of a value."""
    comparison = task.arms.get("tuned")
    tuned, default = _find_group(comparison, label), _find_group(task.arms.get("default"), label)
    if comparison is None or tuned is None or default is None:
        return "–"
    return format_difference_amount(comparison, tuned.mean - default.mean, sign=True)


def _format_chosen_setting(item: ValueResult) -> str:
    """Return the chosen setting of a value, such as `learning_rate 0.0012`."""
    if item.best is None:
        return "–"
    setting = item.best.setting
    return ", ".join(f"{key} {text}" for key, text in zip(shorten_keys(list(setting)), setting.values(), strict=True))


def build_tuning_cells(task: TaskResult, *, has_widths: bool = True) -> TableCells:
    """Build the table of the tuning: trials, failures, width of the best range, and time to the target.

    Without `has_widths`, the width of the best range is left out.
    """
    keys = list(
        dict.fromkeys(
            key for item in task.values.values() for key, sensitivity in item.sensitivities.items() if sensitivity
        )
    )
    columns: list[Column[str]] = [
        Column("value", str, fit="wrapped"),
        Column("trials", lambda label: str(len(task.values[label].tuning.trials)), is_numeric=True),
        Column("diverged", lambda label: _format_share(task.values[label].tuning.diverged_share), is_numeric=True),
        *(_build_width_column(task, key) for key in keys[:1] if has_widths),
        Column("epochs to target", lambda label: _format_target(task, label, "epochs"), is_numeric=True),
        Column("steps", lambda label: _format_target(task, label, "steps"), is_numeric=True),
        Column("time", lambda label: _format_target(task, label, "seconds"), is_numeric=True),
        Column("runs that reach it", lambda label: _format_reached(task.values[label].target_times), is_numeric=True),
    ]
    if task.target is None:
        columns = columns[:-4]
    return build_cells(columns, _list_values_by_score(task), expendable=["steps", "time", "runs that reach it"])


def _build_width_column(task: TaskResult, key: str) -> Column[str]:
    """Return the column with the width, in decades, of the range of a key within one standard error of the best."""

    def format_width(label: str) -> str:
        sensitivity = task.values[label].sensitivities.get(key)
        if sensitivity is None:
            return "–"
        return f"{'≥ ' if sensitivity.is_cut_low or sensitivity.is_cut_high else ''}{sensitivity.decades:.1f}"

    (name,) = shorten_keys([key])
    return Column(f"good {name}, decades", format_width, is_numeric=True)


def _format_share(share: float) -> str:
    """Return a share as a percentage."""
    return f"{100 * share:.0f}%"


def _format_target(task: TaskResult, label: str, field: str) -> str:
    """Return the median epochs, steps or seconds of a value to the target; `never` if half of the seeds miss it."""
    times = task.values[label].target_times
    if times is None:
        return "–"
    number: float = getattr(times, field)
    if number == float("inf"):
        return "never"
    return format_duration(number) if field == "seconds" else f"{number:,.10g}"


def _format_reached(times: TargetTimes | None) -> str:
    """Return the number of seeds that reach the target, of all seeds."""
    return "–" if times is None else f"{times.reached} of {times.seeds}"


def build_budget_cells(task: TaskResult) -> TableCells:
    """Build the table of budget curves: the expected best score on the tuning half after some numbers of trials."""
    curves = {label: item.curve.expected_best for label, item in task.values.items() if item.curve}
    trials = max(map(len, curves.values()), default=0)
    budgets = [budget for budget in _BUDGETS if budget < trials] + ([trials] if trials else [])

    def build_column(budget: int) -> Column[str]:
        return Column(str(budget), lambda label: _format_budget(curves, label, budget), is_numeric=True)

    header = Column[str]("tuning half: best of n trials", str, fit="wrapped")
    columns = [header, *map(build_column, budgets)]
    return build_cells(columns, [label for label in _list_values_by_score(task) if label in curves])


def _format_budget(curves: Mapping[str, Sequence[float]], label: str, budget: int) -> str:
    """Return the expected best score of a value after a number of trials."""
    return format_score(curves[label][budget - 1]) if budget <= len(curves[label]) else "–"


def build_profile_cells(result: StudyResult) -> TableCells:
    """Build the table of performance profiles: the share of tasks within a ratio to the fewest epochs of all values."""
    count = len(result.tasks)

    def build_column(ratio: float) -> Column[str]:
        header = "fastest" if ratio == 1 else f"within {ratio:g}×"
        return Column(header, lambda label: f"{_count_within(result, label, ratio, count)} of {count}", is_numeric=True)

    columns: list[Column[str]] = [
        Column("value", str, fit="wrapped"),
        *map(build_column, _PROFILE_RATIOS),
        Column("profile score", lambda label: f"{result.profiles[label].score:.2f}", is_numeric=True),
    ]
    return build_cells(columns, sorted(result.profiles, key=lambda label: -result.profiles[label].score))


def _count_within(result: StudyResult, label: str, ratio: float, tasks: int) -> int:
    """Return the number of tasks that a value solves within a ratio to the fewest epochs."""
    shares = [share for step, share in result.profiles[label].steps if step <= ratio]
    return round(shares[-1] * tasks) if shares else 0
