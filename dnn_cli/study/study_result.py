"""The result of a study: for each task, the trials of every value, the comparisons of both arms, and their analysis."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.significance import ALPHA
from dnn_cli.config.loading import load_resolved_experiment
from dnn_cli.config.score_names import lower_is_better
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.study.arm_comparison import compare_arm, compute_tuning_loss
from dnn_cli.study.budget_curve import BudgetCurve, compute_budget_curves, find_stable_trials
from dnn_cli.study.importance import KeyImportance, TunedRange, compute_importance
from dnn_cli.study.performance_profile import MIN_PROFILE_TASKS, PerformanceProfile, compute_performance_profiles
from dnn_cli.study.plan import Plan, StudyTask, Value
from dnn_cli.study.sensitivity import Sensitivity, compute_sensitivity
from dnn_cli.study.special_cases import SpecialCase, find_special_cases, find_under_tuned
from dnn_cli.study.study_runs import Arm, StudyRun, TaskRuns, find_earlier_runs, group_by_task, list_study_runs
from dnn_cli.study.target import EpochCurve, TargetTimes, choose_target, compute_target_times
from dnn_cli.study.trials import Trial, ValueTrials, choose_finalist, read_trials
from dnn_cli.study.tuning_noise import estimate_tuning_spread, judge_with_tuning_noise


@dataclass(frozen=True)
class ValueResult:
    """Result of one value of the question on one task."""

    value: Value
    tuning: ValueTrials
    """Trials of the value, with its search space after the growth of ranges."""

    best: Trial | None
    """Chosen trial; `None` before all trials are finished, or if no trial has a score."""

    sensitivities: Mapping[str, Sensitivity | None]
    """Sensitivity of the value to each tuned key."""

    curve: BudgetCurve | None
    target_times: TargetTimes | None
    importance: KeyImportance
    """Importance of each tuned key, or the reason why it is unknown."""

    under_tuned_against: SpecialCase | None = None
    """Special case of the value that is significantly better; `None` without such a value."""

    lost_by_tuning: float | None = None
    """Amount by which the value with defaults is significantly better than with its chosen setting; else `None`."""


@dataclass(frozen=True)
class TaskResult:
    """Result of a study on one task."""

    task: StudyTask
    values: Mapping[str, ValueResult]
    """Results of the values by their labels, in the order of the question."""

    arms: Mapping[Arm, Comparison]
    """Comparison of each arm, whose scores are those of the reporting half. An arm without two values is missing."""

    runs: TaskRuns
    target: float | None
    stable_trials: int | None
    """Number of trials from which the order of the values no longer changes; `None` if the order still changes."""

    tuning_spread: float
    """Standard deviation of the true score of a chosen setting, which the verdicts on the tuned arm count as noise."""

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller score is better."""
        return lower_is_better(self.task.score)

    def count_tested_runs(self) -> int:
        """Return the number of tuned final runs that were evaluated on the test set."""
        runs = (run for items in self.runs.final.get("tuned", {}).values() for run in items)
        return sum(run.record.find_test_evaluation() is not None for run in runs)


@dataclass(frozen=True)
class StudyResult:
    """Result of a study."""

    plan: Plan
    tasks: tuple[TaskResult, ...]
    missing: int
    """Number of runs that are not finished. Extra trials count once their round has begun."""

    earlier_runs: int
    """Number of finished runs of earlier plans of the study."""

    profiles: Mapping[str, PerformanceProfile]
    """Performance profile of each value over the tasks, by label; empty for fewer than three tasks."""

    @property
    def is_complete(self) -> bool:
        """Whether all runs of the plan are finished."""
        return self.missing == 0


def build_study_result(plan: Plan, runs: Sequence[RunInfo]) -> StudyResult:
    """Return the result of a study from its runs. The reporting halves are scored from saved predictions.

    Args:
        plan: The plan of the study.
        runs: All runs of the store.

    Raises:
        RunError: the predictions of a run are damaged.
    """
    collected = group_by_task(list_study_runs(runs, plan), plan)
    tasks = tuple(_build_task_result(plan, task, collected[task.name]) for task in plan.tasks)
    missing = sum(_count_missing_runs(plan, result) for result in tasks)
    return StudyResult(plan, tasks, missing, len(find_earlier_runs(runs, plan)), _compute_profiles(plan, tasks))


def _compute_profiles(plan: Plan, tasks: Sequence[TaskResult]) -> dict[str, PerformanceProfile]:
    """Return the performance profile of each value, in epochs to the target; empty for fewer than three tasks."""
    if len(tasks) < MIN_PROFILE_TASKS:
        return {}
    return compute_performance_profiles(
        {
            label: {
                result.task.name: math.inf if (times := result.values[label].target_times) is None else times.epochs
                for result in tasks
            }
            for label in plan.labels
        }
    )


def _count_missing_runs(plan: Plan, result: TaskResult) -> int:
    """Return the number of runs of a task that are not finished. Extra trials count once their round has begun."""
    missing_trials = sum(_count_missing_tuning_runs(plan, result, item) for item in result.values.values())
    missing = missing_trials
    arms: tuple[Arm, ...] = ("default", "tuned")
    for arm in arms:
        for label, item in result.values.items():
            # A value whose trials all diverged has no tuned arm.
            if arm == "default" or item.best is not None or missing_trials:
                finished = _count_finished(result.runs.final.get(arm, {}).get(label, ()))
                missing += _count_final_runs(plan, result.task) - finished
    return missing


def _count_missing_tuning_runs(plan: Plan, result: TaskResult, item: ValueResult) -> int:
    """Return the number of tuning runs of a value that are not finished."""
    folds, runs = len(result.task.halves), result.runs.trials.get(item.value.label, {})

    def count(trial: Trial, seeds: Sequence[int]) -> int:
        return folds * len(seeds) - _count_finished([run for run in runs.get(trial.number, ()) if run.seed in seeds])

    missing = sum(count(trial, [plan.tuning_seed]) for trial in item.tuning.trials if not trial.is_finished)
    if not item.tuning.is_finished:
        # The finalists are unknown.
        return missing + folds * len(plan.finalist_seeds) * plan.finalists
    finalists = (trial for trial in item.tuning.finalists if not trial.has_finalist_runs)
    return missing + sum(count(trial, plan.finalist_seeds) for trial in finalists)


def _count_final_runs(plan: Plan, task: StudyTask) -> int:
    """Return the number of final runs of one value in one arm."""
    return len(task.halves) * len(plan.final_seeds)


def _count_finished(runs: Sequence[StudyRun]) -> int:
    """Return the number of finished runs."""
    return sum(run.is_finished for run in runs)


def _build_task_result(plan: Plan, task: StudyTask, runs: TaskRuns) -> TaskResult:
    """Return the result of one task."""
    is_lower_better = lower_is_better(task.score)
    arms: dict[Arm, Comparison] = {}
    names: tuple[Arm, ...] = ("default", "tuned")
    trials = read_trials(plan, task, runs.trials)
    tuning_spread = _estimate_tuning_spread(task, trials)
    for name in names:
        final = runs.final.get(name, {})
        labels = [label for label in plan.labels if name == "default" or choose_finalist(task, trials[label].trials)]
        # A verdict on some of the seeds would be a second test of the same question.
        is_complete = all(_count_finished(final.get(label, ())) == _count_final_runs(plan, task) for label in labels)
        is_complete &= name == "default" or all(item.is_chosen for item in trials.values())
        if is_complete and (comparison := compare_arm(plan, task, final)):
            arms[name] = judge_with_tuning_noise(comparison, tuning_spread) if name == "tuned" else comparison
    curves = compute_budget_curves(
        {label: [trial.score for trial in item.base_trials if trial.is_finished] for label, item in trials.items()},
        lower_is_better=is_lower_better,
    )
    epoch_curves = {
        # One curve for each seed and fold.
        label: {number: _read_epoch_curve(run, task) for number, run in enumerate(final)}
        for label, final in runs.final.get("tuned", {}).items()
        if "tuned" in arms
    }
    target = _find_target(plan, epoch_curves, is_lower_better)
    times = {} if target is None else compute_target_times(epoch_curves, target, lower_is_better=is_lower_better)
    under_tuned = _find_under_tuned(plan, task, runs, arms.get("tuned"), tuning_spread)
    # A range of one value can grow only after the trials of all values. Its extra trials can then change the choice.
    is_tuned = all(item.is_finished for item in trials.values())
    values = {
        value.label: _build_value_result(
            value,
            trials[value.label],
            task,
            runs,
            curves.get(value.label),
            times.get(value.label),
            under_tuned.get(value.label),
            compute_tuning_loss(arms, value.label),
            is_tuned=is_tuned,
        )
        for value in plan.values
    }
    return TaskResult(task, values, arms, runs, target, find_stable_trials(curves), tuning_spread)


def _estimate_tuning_spread(task: StudyTask, trials: Mapping[str, ValueTrials]) -> float:
    """Return the standard deviation of the true score of a chosen setting, estimated from all finalists."""
    sign = -1.0 if lower_is_better(task.score) else 1.0
    finalists = [
        np.array([trial.finalist_scores for trial in item.finalists if trial.finalist_scores])
        for item in trials.values()
    ]
    return estimate_tuning_spread([sign * scores for scores in finalists if scores.ndim == 2])


def _build_value_result(
    value: Value,
    tuning: ValueTrials,
    task: StudyTask,
    runs: TaskRuns,
    curve: BudgetCurve | None,
    times: TargetTimes | None,
    special_case: SpecialCase | None,
    lost_by_tuning: float | None,
    *,
    is_tuned: bool,
) -> ValueResult:
    """Return the result of one value. `is_tuned` says whether the trials of all values are finished."""
    final = [run.score for run in runs.final.get("tuned", {}).get(value.label, ()) if run.score is not None]
    finished = [trial for trial in tuning.trials if trial.is_finished]
    sensitivities = {
        tuned.key: compute_sensitivity(
            [(tuned.values.parse_number(trial.setting[tuned.key]), trial.score) for trial in finished],
            final,
            lower_is_better=lower_is_better(task.score),
        )
        for tuned in tuning.space
        if tuned.values.is_logarithmic
    }
    best = choose_finalist(task, tuning.trials) if is_tuned and tuning.is_chosen else None
    importance = compute_importance(
        [
            ({tuned.key: tuned.values.parse_number(trial.setting[tuned.key]) for tuned in tuning.space}, trial.score)
            for trial in finished
        ],
        {
            tuned.key: TunedRange(tuned.values.low, tuned.values.high, tuned.values.is_logarithmic)
            for tuned in tuning.space
        },
        lower_is_better=lower_is_better(task.score),
    )
    return ValueResult(value, tuning, best, sensitivities, curve, times, importance, special_case, lost_by_tuning)


def _find_under_tuned(
    plan: Plan, task: StudyTask, runs: TaskRuns, comparison: Comparison | None, tuning_spread: float
) -> dict[str, SpecialCase]:
    """Return the values that are significantly worse than a special case of themselves, by label.

    The test is that of the verdicts, at the strictest level of Holm's correction for all pairs of values.
    """
    default_runs = runs.final.get("default", {})
    if comparison is None or any(not default_runs.get(label) for label in plan.labels):
        return {}
    experiments = {
        label: load_resolved_experiment(str(default_runs[label][0].run_info.run.config)) for label in plan.labels
    }
    cases = find_special_cases(experiments, task.search_spaces, plan.question)
    worse = {
        (case.general, case.special)
        for case in cases
        if _is_worse(comparison, case.general, case.special, tuning_spread)
    }
    return find_under_tuned(cases, worse)


def _is_worse(comparison: Comparison, label: str, reference: str, tuning_spread: float) -> bool:
    """Return whether a value is significantly worse than another value."""
    named = {group.name for group in comparison.groups}
    if not {label, reference} <= named:
        return False
    pair = [group for group in comparison.groups if group.name in (label, reference)]
    judged = judge_with_tuning_noise(replace(comparison, groups=tuple(pair)), tuning_spread)
    (verdict,) = judged.verdict_set.verdicts
    difference = verdict.difference
    if difference is None or difference.p_value is None:
        return False
    sign = 1.0 if comparison.lower_is_better else -1.0
    return difference.p_value * comparison.verdict_set.comparisons <= ALPHA and sign * difference.mean > 0


def _find_target(plan: Plan, curves: Mapping[str, Mapping[int, EpochCurve]], is_lower_better: bool) -> float | None:
    """Return the target of a task: the score of the plan, or the score of the rule for `auto`."""
    if plan.target != "auto":
        return float(plan.target)
    return choose_target(curves, lower_is_better=is_lower_better)


def _read_epoch_curve(run: StudyRun, task: StudyTask) -> EpochCurve:
    """Return the scores of a run on the tuning half, with the seconds of each epoch and the steps of an epoch."""
    details = run.run_info.details
    batch_size = int((details.config or {}).get("batch_size") or 1)
    return EpochCurve(
        tuple(details.get_metric_values(task.score)),
        tuple(details.get_metric_values("seconds")),
        max(1, math.ceil(task.examples / batch_size)),
    )
