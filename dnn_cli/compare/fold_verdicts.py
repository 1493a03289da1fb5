"""Verdicts on cross-validated groups, and the reasons for which such groups cannot be compared."""

from collections.abc import Iterator, Mapping, Sequence

from dnn_cli.compare.group import Group
from dnn_cli.compare.significance import ALPHA, MeanDifference, ScoreResolution, correct_by_holm
from dnn_cli.compare.verdicts import Verdict, VerdictWord
from dnn_cli.config.cross_validation import Fold
from dnn_cli.runs.evaluations import is_test_score

_TIME_REASON = "the training sets of folds by time differ in size, so that no test applies"
_TEST_SET_REASON = "all folds share one test set, so that no test of folds applies"


def judge_by_folds(
    reference: Group,
    others: Sequence[Group],
    labels: Mapping[int, str],
    metric: str,
    comparisons: int,
    sign: float,
    resolution: ScoreResolution,
) -> list[Verdict]:
    """Judge cross-validated groups by a corrected t-test of their scores against those of the reference.

    Args:
        reference: The group with which the others are compared.
        others: The groups to judge.
        labels: The labels of all groups, by `id(group)`.
        metric: The compared score.
        comparisons: The number of comparisons that are judged together.
        sign: 1 if a larger score is better, -1 if a smaller score is better.
        resolution: The resolution of the scores.
    """
    # The import of numpy takes as long as the rest of a comparison.
    from dnn_cli.compare.fold_tests import MIN_FOLDS, measure_fold_difference

    differences: list[MeanDifference | None] = []
    reasons: list[str] = []
    for group in others:
        folds, reason = _find_common_folds(group, reference, labels)
        if any(fold.by_time for fold in folds):
            reason = _TIME_REASON
        elif folds and is_test_score(metric):
            reason = _TEST_SET_REASON
        elif folds and len(folds) < MIN_FOLDS:
            reason = f"a verdict needs at least {MIN_FOLDS} folds"
        differences.append(None if reason else measure_fold_difference(group, reference, folds, resolution))
        reasons.append(reason)
    p_values = correct_by_holm(
        [None if difference is None else difference.p_value for difference in differences], comparisons
    )
    verdicts = []
    for group, difference, p_value, reason in zip(others, differences, p_values, reasons, strict=True):
        # Scores without a significant difference do not prove that groups are equal.
        word: VerdictWord = "undecided"
        if difference is not None and p_value is not None and p_value <= ALPHA:
            word = "better" if difference.mean * sign > 0 else "worse"
        verdicts.append(Verdict(group, word, difference, None, p_value, comparisons, undecided_reason=reason))
    return verdicts


def _find_common_folds(group: Group, reference: Group, labels: Mapping[int, str]) -> tuple[list[Fold], str]:
    """Find the folds of the repetitions that both groups have completely.

    Returns:
        The folds, and the reason if there are none.
    """
    seeds = [
        {fold.split_seed for fold in member.fold_means} - {fold.split_seed for fold in list_missing_folds(member)}
        for member in (group, reference)
    ]
    common = seeds[0] & seeds[1]
    folds = sorted(fold for fold in group.fold_means if fold.split_seed in common)
    if folds:
        return folds, ""
    for member, complete in zip((group, reference), seeds, strict=True):
        if not complete:
            return [], f"{labels[id(member)]} lacks {format_missing_folds(member)}"
    return [], "the groups have no data.split_seed in common"


def list_missing_folds(group: Group) -> list[Fold]:
    """Return the folds that a cross-validated group lacks; empty for a complete group."""
    present = set(group.fold_means)
    repetitions = {fold._replace(number=0) for fold in present}
    expected = {fold._replace(number=number) for fold in repetitions for number in range(1, fold.folds + 1)}
    return sorted(expected - present)


def format_missing_folds(group: Group) -> str:
    """Return the missing folds of a group as text, such as `fold 2 of 5` or `fold 2 of 5 and 3 more folds`."""
    first, *more = list_missing_folds(group)
    seeds = {fold.split_seed for fold in group.fold_means}
    seed = f" of split seed {first.split_seed}" if len(seeds) > 1 else ""
    others = f" and {len(more)} more fold{'s' if len(more) > 1 else ''}" if more else ""
    return f"fold {first.number} of {first.folds}{seed}{others}"


def find_fold_conflict(groups: Sequence[Group]) -> str:
    """Return the reason why cross-validated groups cannot be compared; empty if they can be compared.

    The reason ends with a remedy.
    """
    folds = [run_score.fold for group in groups for run_score in group.run_scores]
    schemes = sorted({fold.folds for fold in folds if fold is not None})
    if not schemes:
        return ""
    remedy = f"select runs of one kind, for example --where 'data.folds = {schemes[-1]}'"
    if None in folds:
        return f"some runs are folds of a cross-validation and others are not: {remedy}"
    if len(schemes) > 1:
        return f"the runs are cross-validated with {' and '.join(map(str, schemes))} folds: {remedy}"
    return ""


def iter_incomplete_groups(groups: Sequence[Group], labels: Mapping[int, str]) -> Iterator[str]:
    """Yield a text for each cross-validated group that lacks a fold, such as `adam lacks fold 2 of 5`."""
    for group in groups:
        if group.fold_means and list_missing_folds(group):
            yield f"{labels[id(group)]} lacks {format_missing_folds(group)}"
