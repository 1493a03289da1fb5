"""Verdicts on groups against one reference, with an error rate that holds for all verdicts together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from dnn_cli.compare.group import Group
from dnn_cli.compare.group_labels import label_groups
from dnn_cli.compare.significance import (
    ALPHA,
    MIN_SEEDS,
    MeanDifference,
    ScoreResolution,
    compute_needed_seeds,
    correct_by_holm,
    find_min_exact_seeds,
)
from dnn_cli.errors import UsageError, suggest_nearest_name

if TYPE_CHECKING:
    from dnn_cli.compare.paired_examples import PairedExampleTest
    from dnn_cli.compare.sequential_tests import SequentialTest
    from dnn_cli.compare.sequential_verdicts import PairRecords

VerdictWord = Literal["better", "worse", "indistinguishable", "undecided"]
"""Word of a verdict: `undecided` means too few seeds; `indistinguishable` means enough seeds, but no difference."""

MAX_JUDGED_GROUPS = 50
"""Largest number of groups that are judged unless the user requests all. If there are more, the best are judged."""

_EXACT_RESOLUTION = ScoreResolution(0.0, 0.0)


@dataclass(frozen=True)
class Verdict:
    """Verdict on a group: whether its scores are better or worse than those of the reference group."""

    group: Group
    word: VerdictWord
    difference: MeanDifference | None = None
    """Difference over seeds: the group's scores minus the reference's."""

    examples: "PairedExampleTest | None" = None
    """Difference between two trained models over validation examples; `None` unless each group is a single run."""

    p_value: float | None = None
    """P-value, corrected for the number of comparisons that are judged together (Holm)."""

    comparisons: int = 1
    """Number of comparisons that are judged together."""

    exact_test_reason: str = ""
    """Reason why only an exact test is allowed, such as `seed 3 of adam diverged`.

    Empty if the assumption of a t-test holds."""

    undecided_reason: str = ""
    """Reason why the group cannot be judged; empty if a verdict was possible."""

    sequential: "SequentialTest | None" = None
    """Sequential test of the pairs that `dnn settle` has recorded; `None` for a test of all seeds at once."""

    @cached_property
    def needed_seeds(self) -> int | None:
        """The advised number of seeds in each group, with which a verdict is probable.

        The value is `None` if more seeds are not advised, because the difference is too small, too many comparisons
        are judged together, or the groups are cross-validated.
        """
        if self.group.fold_means:
            return None
        if self.difference is None or self.difference.p_value is None:
            return find_min_exact_seeds(self.comparisons) if self.exact_test_reason else MIN_SEEDS
        needed = compute_needed_seeds(self.difference, self.comparisons, needs_exact=bool(self.exact_test_reason))
        return None if needed is None else max(needed, max(self.difference.seed_counts) + 1)


@dataclass(frozen=True)
class VerdictSet:
    """Verdicts on all groups against one reference: the baseline that the user named, or the best group."""

    reference: Group | None
    is_named: bool
    """Whether the user named the reference. Otherwise the reference is the best group."""

    comparisons: int
    """Number of comparisons that are judged together.

    These are the comparisons with the named baseline; without a baseline, those between all pairs of groups. Groups of
    networks are counted, unless only baselines are compared. Verdicts on baselines are another family, whose number is
    in `Verdict.comparisons`."""

    verdicts: tuple[Verdict, ...]
    not_judged: int = 0
    """Number of groups without a verdict, because the comparison has too many groups."""


NO_VERDICTS = VerdictSet(None, False, 0, ())


def judge_groups(
    groups: Sequence[Group],
    metric: str,
    *,
    is_final: bool,
    lower_is_better: bool,
    resolution: ScoreResolution = _EXACT_RESOLUTION,
    baseline: Group | None = None,
    max_groups: int | None = MAX_JUDGED_GROUPS,
    pair_records: "PairRecords | None" = None,
) -> VerdictSet:
    """Return the verdict on every group against the baseline, or against the best group.

    Args:
        groups: The groups, the best first.
        metric: The compared score.
        is_final: Whether scores are those of saved models. Saved predictions of two models can then be compared.
        lower_is_better: Whether a smaller score is better.
        resolution: The resolution of the scores.
        baseline: The reference; `None` for the best group.
        max_groups: The largest number of groups to judge against the reference; `None` for all.
        pair_records: The pair records of the runs. Groups with a record are judged by a sequential test.
    """
    networks = [group for group in groups if not group.is_baseline]
    if not networks or (baseline is not None and baseline.is_baseline):
        return _judge_against_baseline(groups, networks, metric, baseline, is_final, lower_is_better, resolution)
    tested = [group for group in networks if len(group.averaged_scores) > 1]
    reference = baseline or (tested or networks)[0]
    others = [group for group in networks if group is not reference][:max_groups]
    are_single_runs = all(len(group.run_scores) == 1 for group in (reference, *others)) and not tested
    judged_groups = tested or networks
    all_pairs = len(judged_groups) * (len(judged_groups) - 1) // 2
    comparisons = max(1, sum(group is not baseline for group in judged_groups) if baseline else all_pairs)
    sign = -1.0 if lower_is_better else 1.0
    # Baselines are judged in a family of their own: networks get the same verdicts with and without baselines.
    baselines = [group for group in groups if group.is_baseline]
    baseline_comparisons = len(baselines) * (1 if baseline else len(judged_groups))
    if all(group.fold_means for group in groups) and not are_single_runs:
        from dnn_cli.compare.fold_verdicts import judge_by_folds

        labels = label_groups(groups)
        verdicts = judge_by_folds(reference, others, labels, metric, comparisons, sign, resolution)
        verdicts += judge_by_folds(reference, baselines, labels, metric, baseline_comparisons, sign, resolution)
    elif are_single_runs and is_final:
        verdicts = _judge_by_examples(reference, others, metric, comparisons, sign)
        verdicts += _judge_by_examples(reference, baselines, metric, baseline_comparisons, sign)
    else:
        reasons = _list_failure_texts(groups, reference, others)
        variance = _compute_mean_variance(tested)
        verdicts = _judge_by_seeds(reference, others, reasons, comparisons, sign, resolution, variance, pair_records)
        reasons = _list_failure_texts(groups, reference, baselines)
        verdicts += _judge_by_seeds(reference, baselines, reasons, baseline_comparisons, sign, resolution, variance)
    not_judged = len(networks) - 1 - len(others)
    return VerdictSet(reference, baseline is not None, comparisons, tuple(verdicts), not_judged)


def _judge_against_baseline(
    groups: Sequence[Group],
    networks: Sequence[Group],
    metric: str,
    named: Group | None,
    is_final: bool,
    lower_is_better: bool,
    resolution: ScoreResolution,
) -> VerdictSet:
    """Return verdicts on all groups against a baseline: the one that the user named, or the best without networks.

    Other baselines are judged by their predictions, as one of two single runs.

    Args:
        groups: The groups, from best to worst.
        networks: The groups of networks among them.
        metric: The name of the compared score.
        named: The baseline that the user named; `None` without networks.
        is_final: Whether scores are those of saved models.
        lower_is_better: Whether a smaller score is better.
        resolution: The resolution of the scores.
    """
    if not groups:
        return NO_VERDICTS
    sign, reference = -1.0 if lower_is_better else 1.0, named or groups[0]
    baselines = [group for group in groups if group.is_baseline and group is not reference]
    tested = [group for group in networks if len(group.averaged_scores) > 1]
    comparisons = max(1, len(tested or networks))
    if all(group.fold_means for group in groups):
        from dnn_cli.compare.fold_verdicts import judge_by_folds

        labels, count = label_groups(groups), len(groups) - 1
        others = [group for group in groups if group is not reference]
        count = count if named else (count + 1) * count // 2
        verdicts = judge_by_folds(reference, others, labels, metric, count, sign, resolution)
        return VerdictSet(reference, named is not None, max(1, count), tuple(verdicts))
    if is_final and not tested:
        verdicts = _judge_by_examples(reference, networks, metric, comparisons, sign)
    else:
        reasons = _list_failure_texts(groups, reference, networks)
        variance = _compute_mean_variance(tested)
        verdicts = _judge_by_seeds(reference, networks, reasons, comparisons, sign, resolution, variance)
    count = len(baselines) if named else (len(baselines) + 1) * len(baselines) // 2
    if is_final:
        verdicts += _judge_by_examples(reference, baselines, metric, count, sign)
    return VerdictSet(reference, named is not None, comparisons if networks else max(1, count), tuple(verdicts))


def _compute_mean_variance(groups: Sequence[Group]) -> float:
    """Return the mean variance over seeds within the groups that have no failed seed."""
    variances = [group.spread**2 for group in groups if group.spread is not None and not group.failed]
    return fmean(variances) if variances else 0.0


def _judge_by_seeds(
    reference: Group,
    others: Sequence[Group],
    reasons: Sequence[str],
    comparisons: int,
    sign: float,
    resolution: ScoreResolution,
    variance: float,
    pair_records: "PairRecords | None" = None,
) -> list[Verdict]:
    """Judge every group by a test of its scores over seeds against the scores of the reference.

    Args:
        reference: The group with which the others are compared.
        others: The groups to judge.
        reasons: The reason why only an exact test is allowed, for each of the others; empty if a t-test is allowed.
        comparisons: The number of comparisons that are judged together.
        sign: 1 if a larger score is better, -1 if a smaller score is better.
        resolution: The resolution of the scores.
        variance: The mean variance over seeds within groups, which limits the variance in t-tests from below.
        pair_records: The pair records of the runs; `None` without records.
    """
    if not others:
        return []
    # The import of numpy takes as long as the rest of a comparison.
    from dnn_cli.compare.group_tests import ScorePair, measure_differences

    pairs = [
        ScorePair(
            _list_paired_scores(group, reference),
            _list_paired_scores(reference, group),
            bool(reason),
            is_fixed=group.is_baseline or reference.is_baseline,
        )
        for group, reason in zip(others, reasons, strict=True)
    ]
    differences = measure_differences(pairs, comparisons, resolution, variance)
    tests = [
        pair_records.find_test(group, reference, lower_is_better=sign < 0, tolerance=resolution.tolerance)
        if pair_records
        else None
        for group in others
    ]
    differences = [test.difference if test else other for test, other in zip(tests, differences, strict=True)]
    p_values = correct_by_holm([difference.p_value for difference in differences], comparisons)
    verdicts = []
    for group, difference, p_value, reason, test in zip(others, differences, p_values, reasons, tests, strict=True):
        word: VerdictWord = "indistinguishable"
        if test is not None:
            word = test.choose_word(comparisons, sign)
            verdicts.append(Verdict(group, word, difference, None, p_value, comparisons, sequential=test.test))
            continue
        if min(difference.seed_counts) < MIN_SEEDS:
            word = "undecided"
        elif p_value is not None and p_value <= ALPHA:
            word = "better" if difference.mean * sign > 0 else "worse"
        elif difference.test != "exact" or difference.min_p_value * comparisons > ALPHA:
            # Few seeds without a difference do not prove that groups are equal.
            word = "undecided"
        verdicts.append(Verdict(group, word, difference, None, p_value, comparisons, reason))
    return verdicts


def _list_paired_scores(group: Group, other: Group) -> Mapping[int, float]:
    """Return the scores of a group by seed. A baseline has its score for each seed of the other group."""
    return dict.fromkeys(other.seeds, group.mean) if group.is_baseline else group.seed_means


def _list_failure_texts(groups: Sequence[Group], reference: Group, others: Sequence[Group]) -> list[str]:
    """Return a text about a failed seed for each of the other groups, such as `seed 3 of adam diverged`.

    The seed is the first failed seed of the group, or else of the reference. The text is empty if none failed.

    Args:
        groups: All groups, from which the labels are made.
        reference: The group with which the others are compared.
        others: The groups that are compared with the reference.
    """
    if not any(group.failed for group in groups):
        return [""] * len(others)
    labels = label_groups(groups)
    first = {
        id(group): f"seed {seed} of {labels[id(group)]} {reason}"
        for group in groups
        for seed, reason in sorted(group.failed.items(), reverse=True)
    }
    return [first.get(id(group)) or first.get(id(reference), "") for group in others]


def _judge_by_examples(
    reference: Group, others: Sequence[Group], metric: str, comparisons: int, sign: float
) -> list[Verdict]:
    """Judge groups that consist of a single run, by a test of their models on the validation examples.

    Args:
        reference: The group of one run with which the others are compared.
        others: The groups of one run to judge.
        metric: The name of the compared score.
        comparisons: The number of comparisons that are judged together.
        sign: 1 if a larger score is better, -1 if a smaller score is better.
    """
    if not others:
        return []
    from dnn_cli.compare.paired_examples import PairedExampleTest, compare_on_examples

    results = compare_on_examples(reference.run_scores[0], [group.run_scores[0] for group in others], metric)
    p_values = correct_by_holm(
        [result.p_value if isinstance(result, PairedExampleTest) else None for result in results], comparisons
    )
    verdicts = []
    for group, result, p_value in zip(others, results, p_values, strict=True):
        if not isinstance(result, PairedExampleTest):
            verdicts.append(Verdict(group, "undecided", comparisons=comparisons, undecided_reason=result))
            continue
        word: VerdictWord = "indistinguishable"
        if p_value is not None and p_value <= ALPHA:
            word = "better" if result.mean * sign > 0 else "worse"
        verdicts.append(Verdict(group, word, None, result, p_value, comparisons))
    return verdicts


def get_baseline_method(group: Group) -> str | None:
    """Return the method of a baseline, such as `linear`; `None` for a network."""
    baseline = group.run_scores[0].record.baseline if group.is_baseline else None
    return baseline.method if baseline else None


def resolve_group(groups: Sequence[Group], name: str, labels: Sequence[str]) -> Group:
    """Return the group that a name identifies: by label or name, else by a setting, else by the beginning of a run id.

    Args:
        groups: The groups.
        name: The text of `--baseline`.
        labels: The labels of the groups, in the same order.

    Raises:
        UsageError: the name matches no group or several groups.
    """
    matches = [group for group, label in zip(groups, labels, strict=True) if name in (label, group.name)]
    matches = matches or [group for group in groups if name in group.settings.values()]
    matches = matches or [group for group in groups if name == get_baseline_method(group)]
    matches = matches or [
        group
        for group in groups
        if name and any(run_score.record.id.startswith(name) for run_score in group.run_scores)
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(f"--baseline {name} matches {len(matches)} groups", "use the id of a run of the group")
    raise UsageError(
        f"--baseline {name} matches no group",
        suggest_nearest_name(name, labels) or f"use one of {', '.join(labels[:10])}",
    )
