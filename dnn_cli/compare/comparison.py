"""The comparison of runs: their scores, groups, verdicts and caveats."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dnn_cli.compare.caveats import ComparisonContext, find_caveats
from dnn_cli.compare.comparison_points import ComparisonPoint, parse_comparison_point
from dnn_cli.compare.fold_verdicts import find_fold_conflict
from dnn_cli.compare.group import Group
from dnn_cli.compare.group_labels import label_groups
from dnn_cli.compare.grouping import group_by_keys, group_experiments
from dnn_cli.compare.repeats import RepeatedRun
from dnn_cli.compare.run_scores import RunScore, has_different_data, read_run_scores
from dnn_cli.compare.score_resolution import compute_resolution
from dnn_cli.compare.sequential_verdicts import PairRecords, read_pair_records
from dnn_cli.compare.significance import MIN_SEEDS, Interval, ScoreResolution
from dnn_cli.compare.verdicts import MAX_JUDGED_GROUPS, NO_VERDICTS, VerdictSet, judge_groups, resolve_group
from dnn_cli.errors import UsageError, suggest_nearest_name
from dnn_cli.runs.evaluations import BEST_MODEL_PREFIX, is_test_score
from dnn_cli.runs.run_info import RunInfo


@dataclass(frozen=True)
class Comparison:
    """Comparison of runs: sorted run scores, groups from best to worst, verdicts, caveats, and runs without a score."""

    metric: str
    point: ComparisonPoint
    run_scores: tuple[RunScore, ...]
    groups: tuple[Group, ...]
    keys: tuple[str, ...]
    """Keys whose values define the groups, from `--by`.

    Without keys, each group is a variant: runs that differ only in seed and names."""

    verdict_set: VerdictSet
    left_out: tuple[RunInfo, ...]
    """Runs without a score. The reason is in `RunInfo.error`, or is the status of the run's record."""

    caveats: tuple[str, ...]
    resolution: ScoreResolution
    """Smallest difference between scores that counts, and the rounding error up to which two means count as equal."""

    repeats: tuple[RepeatedRun, ...] = ()
    """Runs that do not count, because a later run repeats them."""

    @property
    def has_different_data(self) -> bool:
        """Whether the runs were trained on different data, so that their scores cannot be compared."""
        return has_different_data(self.run_scores)

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller value of the compared number is better."""
        return self.point.lower_is_better(self.metric)

    @cached_property
    def group_labels(self) -> dict[int, str]:
        """The label of every group. The keys are `id(group)`, because groups cannot be hashed."""
        return label_groups(self.groups)

    def get_label(self, group: Group) -> str:
        """Return the label of a group."""
        return self.group_labels[id(group)]

    @cached_property
    def group_intervals(self) -> dict[int, Interval | None]:
        """The 95% interval of the mean of every group, by `id(group)`; `None` for fewer than three seeds or folds."""
        if all(len(group.averaged_scores) < MIN_SEEDS for group in self.groups):
            return {id(group): None for group in self.groups}
        # The import of numpy takes as long as the rest of a comparison.
        from dnn_cli.compare.fold_tests import compute_fold_interval
        from dnn_cli.compare.group_tests import compute_mean_intervals

        intervals = compute_mean_intervals([list(group.seed_means.values()) for group in self.groups], self.resolution)
        return {
            id(group): compute_fold_interval(group, self.resolution) if group.fold_means else interval
            for group, interval in zip(self.groups, intervals, strict=True)
        }

    def get_interval(self, group: Group) -> Interval | None:
        """Return the 95% interval of the mean of a group; `None` for fewer than three seeds or folds."""
        return self.group_intervals[id(group)]

    @cached_property
    def averaged_settings(self) -> dict[str, list[str]]:
        """The values over which every group averages, by key, such as `{"batch_size": ["32", "64"]}`.

        The mapping is empty if each group has a single setting, or if groups average over different values.
        """
        networks = [group for group in self.groups if not group.is_baseline]
        if len({frozenset(group.other_settings) for group in networks}) != 1:
            return {}
        settings = sorted(networks[0].other_settings)
        keys = dict.fromkeys(key for setting in settings for key, _ in setting)
        values = {key: sorted({dict(setting)[key] for setting in settings}, key=rank_setting_value) for key in keys}
        return {key: texts for key, texts in values.items() if len(texts) > 1}

    @property
    def set_aside_count(self) -> int:
        """The number of runs that the means leave out, so that all groups and seeds average over the same settings."""
        return sum(len(group.set_aside) for group in self.groups)


_SORT_ORDERS: dict[str, tuple[Callable[[RunScore], Any], bool]] = {
    "score": (lambda run_score: run_score.score, True),
    "best": (lambda run_score: run_score.best_score, True),
    "last": (lambda run_score: run_score.last_score, True),
    "name": (lambda run_score: run_score.record.name, False),
    "parameters": (lambda run_score: run_score.parameter_count, False),
    "epochs": (lambda run_score: run_score.record.epochs, False),
    "seconds": (lambda run_score: run_score.record.seconds or 0.0, False),
    "started": (lambda run_score: run_score.record.started, False),
}
"""Orders of `--sort-by`: the function that returns the value to sort by, and whether larger values come first.

Scores for which smaller is better, such as losses, are sorted in ascending order instead."""


def compare_runs(
    runs: Sequence[RunInfo],
    metric: str | None = None,
    sort_by: str = "score",
    *,
    at: str = "final",
    by: Sequence[str] = (),
    baseline: str | None = None,
    all_runs: Sequence[RunInfo] = (),
    max_groups: int | None = MAX_JUDGED_GROUPS,
) -> Comparison:
    """Return the comparison of completed runs.

    Args:
        runs: The runs.
        metric: A column of `metrics.csv`, or a score on the test set such as `test_accuracy`; `None` for the metric
            that most runs monitor.
        sort_by: The order of the run scores, a key of `_SORT_ORDERS`.
        at: The text of the comparison point, such as `epoch=5`.
        by: Keys such as `optimizer.type`. Runs with equal values of these keys form a group. Without keys, runs that
            differ only in seed and names form a group.
        baseline: The label, name, setting or run id of the reference group; `None` for the best group.
        all_runs: All runs of the store, if the user named the runs to compare. Caveats also consider the other runs.
        max_groups: The largest number of groups to judge against the reference; `None` for all.

    Raises:
        UsageError: no completed run has the metric, or the order, comparison point, field or baseline does not exist.
    """
    if sort_by not in _SORT_ORDERS:
        raise UsageError(
            f"cannot sort by {sort_by}",
            suggest_nearest_name(sort_by, _SORT_ORDERS) or f"use one of {', '.join(_SORT_ORDERS)}",
        )
    point = parse_comparison_point(at)
    if metric is not None and is_test_score(metric) and point.text != "final":
        is_best = metric.startswith(BEST_MODEL_PREFIX)
        best = "" if is_best else f"--metric {BEST_MODEL_PREFIX}{metric} is the score of best.keras"
        raise UsageError(
            f"{metric} exists for the saved model only, not for epochs", f"remove --at; {best}".rstrip("; ")
        )
    read_scores = read_run_scores(runs, metric, point)
    run_scores, metric = read_scores.run_scores, read_scores.metric
    lower_is_better = point.lower_is_better(metric)
    failed = [
        (run_info, reason) for run_info in read_scores.left_out if (reason := get_failure_reason(run_info, point))
    ]
    groups = group_by_keys(run_scores, by, failed) if by else group_experiments(run_scores, failed)
    judged = judge_scores(
        run_scores, groups, metric, point, baseline=baseline, max_groups=max_groups,
        pair_records=read_pair_records(run_scores, metric if point.text == "final" else None),
    )  # fmt: skip
    sort_key, larger_first = _SORT_ORDERS[sort_by]
    is_falling = lower_is_better if sort_by == "score" else bool(run_scores) and run_scores[0].curve.lower_is_better
    ordered = sorted(run_scores, key=sort_key, reverse=larger_first and not is_falling)
    context = ComparisonContext(
        run_scores, judged.groups, by, metric, point, read_scores.left_out, all_runs, read_scores.repeats,
        judged.verdict_set,
    )  # fmt: skip
    return replace(
        judged,
        run_scores=tuple(ordered),
        keys=tuple(by),
        left_out=tuple(read_scores.left_out),
        caveats=tuple(find_caveats(context)),
        repeats=tuple(read_scores.repeats),
    )


def judge_scores(
    run_scores: Sequence[RunScore],
    groups: Sequence[Group],
    metric: str,
    point: ComparisonPoint,
    *,
    baseline: str | None = None,
    max_groups: int | None = MAX_JUDGED_GROUPS,
    pair_records: PairRecords | None = None,
) -> Comparison:
    """Return the comparison of groups of run scores, with verdicts and without caveats.

    Args:
        run_scores: The run scores of all groups.
        groups: The groups, in any order.
        metric: The compared metric.
        point: The comparison point.
        baseline: The label, name, setting or run id of the reference group; `None` for the best group.
        max_groups: The largest number of groups to judge against the reference; `None` for all.
        pair_records: The pair records of the runs. Groups with a record are judged by a sequential test.

    Raises:
        UsageError: the baseline does not exist.
    """
    lower_is_better = point.lower_is_better(metric)
    resolution = compute_resolution(
        [run_score.score for run_score in run_scores],
        [run_score.curve.examples for run_score in run_scores],
        1.0 if point.unit else None,
    )
    marked = _mark_untrained_seeds(groups, metric, point)
    marked.sort(key=lambda group: group.mean if lower_is_better else -group.mean)
    baseline_group = None if baseline is None else resolve_group(marked, baseline, [*label_groups(marked).values()])
    verdict_set = NO_VERDICTS
    if len(marked) > 1 and not has_different_data(run_scores) and not find_fold_conflict(marked):
        verdict_set = judge_groups(
            marked, metric, is_final=point.text == "final", lower_is_better=lower_is_better, resolution=resolution,
            baseline=baseline_group, max_groups=max_groups, pair_records=pair_records,
        )  # fmt: skip
    return Comparison(metric, point, tuple(run_scores), tuple(marked), (), verdict_set, (), (), resolution)


def rank_setting_value(text: str) -> tuple[bool, float, str]:
    """Return the sort key of a setting's value: numbers come first, by size, and texts follow."""
    plain = text.replace(",", "")
    try:
        return False, float(plain), plain
    except ValueError:
        return True, 0.0, plain


def get_failure_reason(run_info: RunInfo, point: ComparisonPoint) -> str:
    """Return the reason why a left-out run counts as failed: `diverged`, `failed`, or no score at the comparison point.

    The reason is empty for other runs, such as unfinished runs and runs without a readable record.
    """
    if run_info.record is None:
        return ""
    if run_info.record.status in ("diverged", "failed"):
        return run_info.record.status
    return point.missing_reason if run_info.error == point.missing_reason else ""


def _mark_untrained_seeds(groups: Sequence[Group], metric: str, point: ComparisonPoint) -> list[Group]:
    """Mark seeds as failed if their score is not better than that of a constant prediction, and return the groups.

    A group with a failed seed is compared without a t-test. The groups are returned unchanged if all have fewer than
    three seeds, or if there is only one group. The groups also remain unchanged if the score of a constant prediction
    is unknown, or if the compared number is not a score. Baselines have no seeds to mark.
    """
    run_scores = [run_score for group in groups if not group.is_baseline for run_score in group.run_scores]
    if point.unit or not any(len(group.seeds) >= MIN_SEEDS for group in groups) or len(groups) < 2:
        return list(groups)
    # A failed seed requires an exact test, and cross-validated groups have no exact test.
    if any(group.fold_means for group in groups):
        return list(groups)
    # This module imports numpy, which is slow.
    from dnn_cli.compare.constant_scores import compute_constant_score

    constant = compute_constant_score(run_scores, metric)
    if constant is None:
        return list(groups)
    sign = -1.0 if point.lower_is_better(metric) else 1.0
    marked = []
    for group in groups:
        if group.is_baseline:
            marked.append(group)
            continue
        failed = {
            run_score.seed: "did not beat a constant prediction"
            for run_score in group.run_scores
            if sign * run_score.score <= sign * constant
        }
        marked.append(replace(group, failed={**failed, **group.failed}) if failed else group)
    return marked
