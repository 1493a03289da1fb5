"""Groups → verdicts: each against one reference, with an error rate that holds for all of them together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from dnn_cli.compare.grouping import Group
from dnn_cli.compare.labels import label_groups
from dnn_cli.compare.statistics import (
    ALPHA,
    LEAST_SEEDS,
    Difference,
    Precision,
    correct_by_holm,
    exact_seeds,
    needed_seeds,
)
from dnn_cli.errors import UsageError, nearest

if TYPE_CHECKING:
    from dnn_cli.compare.examples import OnExamples

Word = Literal["better", "worse", "indistinguishable", "undecided"]
"""`undecided`: too few seeds for a verdict. `indistinguishable`: enough seeds, and no difference was found."""

MAX_JUDGED = 50
"""Groups that are judged where not all are asked for: the best ones."""

EXACT = Precision(0.0, 0.0)


@dataclass(frozen=True)
class Verdict:
    """The verdict on a group against the reference."""

    group: Group
    word: Word
    difference: Difference | None = None
    """The group's scores minus the reference's, over seeds."""

    examples: "OnExamples | None" = None
    """The same difference of two trained models over validation examples, where each group is one run."""

    p_value: float | None = None
    """Corrected for the family."""

    comparisons: int = 1
    """Comparisons in the family."""

    needs_exact: str = ""
    """The reason why the assumption of a t-test does not hold."""

    why: str = ""
    """The reason why there is no verdict at all."""

    @cached_property
    def needed(self) -> int | None:
        """Seeds that probably decide, more than there are; `None` where no number is advised."""
        if self.difference is None or self.difference.p_value is None:
            return exact_seeds(self.comparisons) if self.needs_exact else LEAST_SEEDS
        needed = needed_seeds(self.difference, self.comparisons, needs_exact=bool(self.needs_exact))
        return None if needed is None else max(needed, max(self.difference.seeds) + 1)


@dataclass(frozen=True)
class Family:
    """All verdicts that are made at once."""

    reference: Group | None
    is_named: bool
    """Whether the user named the reference; otherwise it is the best group."""

    comparisons: int
    """Differences in the family: the reference's, or those of all pairs where the best group is the reference."""

    verdicts: tuple[Verdict, ...]
    not_judged: int = 0
    """Groups without a verdict, because there are too many."""


NO_FAMILY = Family(None, False, 0, ())


def judge_groups(
    groups: Sequence[Group],
    metric: str,
    *,
    is_final: bool,
    lower_is_better: bool,
    precision: Precision = EXACT,
    baseline: Group | None = None,
    most: int | None = MAX_JUDGED,
) -> Family:
    """Return the verdict on every group against the baseline, or against the best group.

    Args:
        groups: The groups, the best first.
        metric: The compared score.
        is_final: Whether the score is that of the saved model, whose predictions can be read.
        lower_is_better: Whether a smaller score is better.
        precision: The resolution of the scores.
        baseline: The reference, where it is not the best group.
        most: Largest number of judged groups; `None` for all.
    """
    if not groups:
        return NO_FAMILY
    tested = [group for group in groups if len(group.seeds) > 1]
    reference = baseline or (tested or groups)[0]
    others = [group for group in groups if group is not reference][:most]
    single = all(len(group.rows) == 1 for group in (reference, *others)) and not tested
    family = tested or groups
    all_pairs = len(family) * (len(family) - 1) // 2
    comparisons = max(1, sum(group is not baseline for group in family) if baseline else all_pairs)
    better = -1.0 if lower_is_better else 1.0
    if single and is_final:
        verdicts = judge_by_examples(reference, others, metric, comparisons, better)
    else:
        reasons = failure_texts(groups, reference, others)
        variance = mean_variance(tested)
        verdicts = judge_by_seeds(reference, others, reasons, comparisons, better, precision, variance)
    return Family(reference, baseline is not None, comparisons, tuple(verdicts), len(groups) - 1 - len(others))


def mean_variance(groups: Sequence[Group]) -> float:
    """Return the mean variance over seeds within the groups that have no failed seed."""
    found = [group.spread**2 for group in groups if group.spread is not None and not group.failed]
    return fmean(found) if found else 0.0


def judge_by_seeds(
    reference: Group,
    others: Sequence[Group],
    reasons: Sequence[str],
    comparisons: int,
    better: float,
    precision: Precision,
    variance: float,
) -> list[Verdict]:
    """Return the verdicts that the scores of several seeds allow."""
    from dnn_cli.compare.group_tests import ScorePair, measure_differences  # imports numpy, as long as all the rest

    pairs = [
        ScorePair(group.by_seed, reference.by_seed, bool(reason)) for group, reason in zip(others, reasons, strict=True)
    ]
    found = measure_differences(pairs, comparisons, precision, variance)
    p_values = correct_by_holm([difference.p_value for difference in found], comparisons)
    verdicts = []
    for group, difference, p_value, reason in zip(others, found, p_values, reasons, strict=True):
        word: Word = "indistinguishable"
        if min(difference.seeds) < LEAST_SEEDS:
            word = "undecided"
        elif p_value is not None and p_value <= ALPHA:
            word = "better" if difference.mean * better > 0 else "worse"
        elif difference.test != "exact" or difference.lowest_p * comparisons > ALPHA:
            # No difference found with few seeds is no proof of equal groups.
            word = "undecided"
        verdicts.append(Verdict(group, word, difference, None, p_value, comparisons, reason))
    return verdicts


def failure_texts(groups: Sequence[Group], reference: Group, others: Sequence[Group]) -> list[str]:
    """Return for each group the first failed seed of the group or of the reference; empty where none failed."""
    labels = label_groups(groups)
    first = {
        id(group): f"seed {seed} of {labels[id(group)]} {reason}"
        for group in groups
        for seed, reason in sorted(group.failed.items(), reverse=True)
    }
    return [first.get(id(group)) or first.get(id(reference), "") for group in others]


def judge_by_examples(
    reference: Group, others: Sequence[Group], metric: str, comparisons: int, better: float
) -> list[Verdict]:
    """Return the verdicts that validation examples allow on single trained models."""
    from dnn_cli.compare.examples import OnExamples, on_examples

    found = on_examples(reference.rows[0], [group.rows[0] for group in others], metric)
    p_values = correct_by_holm([one.p_value if isinstance(one, OnExamples) else None for one in found], comparisons)
    verdicts = []
    for group, one, p_value in zip(others, found, p_values, strict=True):
        if not isinstance(one, OnExamples):
            verdicts.append(Verdict(group, "undecided", comparisons=comparisons, why=one))
            continue
        word: Word = "indistinguishable"
        if p_value is not None and p_value <= ALPHA:
            word = "better" if one.mean * better > 0 else "worse"
        verdicts.append(Verdict(group, word, None, one, p_value, comparisons))
    return verdicts


def named_group(groups: Sequence[Group], name: str, labels: Sequence[str]) -> Group:
    """Return the group with a label or name, else with a setting, else with a run of this id or prefix of an id.

    Raises:
        UsageError: no group fits, or several do.
    """
    found = [group for group, label in zip(groups, labels, strict=True) if name in (label, group.name)]
    found = found or [group for group in groups if name in group.settings.values()]
    found = found or [group for group in groups if name and any(row.record.id.startswith(name) for row in group.rows)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"--baseline {name} fits {len(found)} groups", "give the id of a run of the group")
    raise UsageError(f"--baseline {name} fits no group", nearest(name, labels) or f"one of {', '.join(labels[:10])}")
