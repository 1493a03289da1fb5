"""Groups → verdicts: each against one reference, with an error rate that holds for all of them together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dnn_cli.compare.grouping import Group, matched
from dnn_cli.compare.statistics import ALPHA, Difference, fewest_seeds, holm, seeds_needed
from dnn_cli.errors import UsageError, nearest

if TYPE_CHECKING:
    from dnn_cli.compare.examples import OnExamples

Word = Literal["better", "worse", "indistinguishable", "undecided"]
"""Undecided: there are too few seeds to say anything else."""

MOST = 50
"""So many groups are judged where not all are wanted: the best ones."""


@dataclass(frozen=True)
class Verdict:
    """A group against the reference."""

    group: Group
    word: Word
    difference: Difference | None = None
    """Of the group's scores less the reference's, over seeds."""

    examples: "OnExamples | None" = None
    """The same of two trained models over the examples of their validation set, where there is one run of each."""

    p_value: float | None = None
    """Corrected for the family."""

    needed: int | None = None
    """Seeds of each group that would probably be enough; `None` where that is not known."""

    why: str = ""
    """Why nothing at all can be said."""


@dataclass(frozen=True)
class Family:
    """All that is said at once."""

    reference: Group | None
    is_named: bool
    """Whether the reference was named, and not chosen as it came out best."""

    comparisons: int
    """How many differences the family has: the reference's, or, as the best was chosen, those of all pairs."""

    verdicts: tuple[Verdict, ...]
    untold: int = 0
    """Groups that were not looked at."""


def judge(
    groups: Sequence[Group],
    metric: str,
    *,
    is_final: bool,
    lower_is_better: bool,
    baseline: Group | None = None,
    most: int | None = MOST,
) -> Family:
    """Every group against the baseline, or against the best.

    Args:
        groups: In their order, the best first.
        metric: The score that is compared.
        is_final: Whether it is that of the saved model, whose predictions are at hand.
        lower_is_better: Whether less of it is.
        baseline: The reference, if it is not to be the best group.
        most: So many groups are judged; `None` for all.
    """
    if not groups:
        return Family(None, False, 0, ())
    tested = [group for group in groups if len(group.seeds) > 1]
    reference = baseline or (tested or groups)[0]
    others = [group for group in groups if group is not reference][:most]
    single = all(len(group.rows) == 1 for group in (reference, *others)) and not tested
    family = tested or groups
    chosen = len(family) * (len(family) - 1) // 2
    comparisons = max(1, sum(group is not baseline for group in family) if baseline else chosen)
    better = -1.0 if lower_is_better else 1.0
    if single and is_final:
        verdicts = by_examples(reference, others, metric, comparisons, better)
    else:
        verdicts = by_seeds(reference, others, comparisons, better)
    return Family(reference, baseline is not None, comparisons, tuple(verdicts), len(groups) - 1 - len(others))


def by_seeds(reference: Group, others: Sequence[Group], comparisons: int, better: float) -> list[Verdict]:
    """What the seeds show."""
    from dnn_cli.compare.differences import differences  # with numpy, which takes as long as all the rest

    found = differences([matched(group, reference) for group in others])
    p_values = holm([difference.p_value for difference in found], comparisons)
    verdicts = []
    for group, difference, p_value in zip(others, found, p_values, strict=True):
        word: Word = "indistinguishable"
        if p_value is not None and p_value <= ALPHA:
            word = "better" if difference.mean * better > 0 else "worse"
        elif difference.p_value is None or difference.lowest_p * comparisons > ALPHA:
            word = "undecided"
        is_known = difference.p_value is not None
        needed = seeds_needed(difference, comparisons) if is_known else fewest_seeds("paired", comparisons)
        verdicts.append(Verdict(group, word, difference, None, p_value, needed))
    return verdicts


def by_examples(
    reference: Group, others: Sequence[Group], metric: str, comparisons: int, better: float
) -> list[Verdict]:
    """What the validation examples show of single trained models."""
    from dnn_cli.compare.examples import OnExamples, on_examples

    found = on_examples(reference.rows[0], [group.rows[0] for group in others], metric)
    p_values = holm([one.p_value if isinstance(one, OnExamples) else None for one in found], comparisons)
    verdicts = []
    for group, one, p_value in zip(others, found, p_values, strict=True):
        if not isinstance(one, OnExamples):
            verdicts.append(Verdict(group, "undecided", needed=fewest_seeds("paired", comparisons), why=one))
            continue
        word: Word = "indistinguishable"
        if p_value is not None and p_value <= ALPHA:
            word = "better" if one.mean * better > 0 else "worse"
        verdicts.append(Verdict(group, word, None, one, p_value, fewest_seeds("paired", comparisons)))
    return verdicts


def named_group(groups: Sequence[Group], name: str, labels: Sequence[str]) -> Group:
    """The group with a name or label, else with a setting, else that has a run with this id or the beginning of one.

    Raises:
        UsageError: none has it, or several have.
    """
    found = [group for group, label in zip(groups, labels, strict=True) if name in (label, group.name)]
    found = found or [group for group in groups if name in group.settings.values()]
    found = found or [group for group in groups if name and any(row.record.id.startswith(name) for row in group.rows)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"--baseline {name} is the name of {len(found)} groups", "give the id of a run of it")
    raise UsageError(f"--baseline {name} is no group", nearest(name, labels) or f"one of {', '.join(labels[:10])}")
