"""Method of the verdicts of a comparison as text: tests, assumptions, and the correction for several comparisons."""

from collections.abc import Sequence

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.significance import MeanDifference
from dnn_cli.compare.verdicts import Verdict


def format_method_lines(comparison: Comparison, *, has_baseline_option: bool = True) -> list[str]:
    """Return lines on the method: tests with their assumptions, and the correction for several comparisons.

    Args:
        comparison: The comparison.
        has_baseline_option: Whether the command has the option `--baseline`, with which fewer pairs are compared.
    """
    family = comparison.verdict_set
    if not family.verdicts:
        return []
    on_baselines = [verdict for verdict in family.verdicts if _involves_baseline(comparison, verdict)]
    on_networks = [verdict for verdict in family.verdicts if not _involves_baseline(comparison, verdict)]
    lines = (
        _format_family_method(
            comparison, on_networks, family.comparisons, is_named=family.is_named or not has_baseline_option
        )
        if on_networks
        else []
    )
    if not on_baselines:
        return lines
    subject = "baselines" if on_networks else "method"
    comparisons = max(verdict.comparisons for verdict in on_baselines)
    baseline_lines = _format_family_method(comparison, on_baselines, comparisons, is_named=True, subject=subject)
    # Both families have this line if all groups are single runs.
    return list(dict.fromkeys([*lines, *baseline_lines]))


def _involves_baseline(comparison: Comparison, verdict: Verdict) -> bool:
    """Return whether a verdict compares with a baseline of scikit-learn, whose score is fixed."""
    reference = comparison.verdict_set.reference
    return verdict.group.is_baseline or (reference is not None and reference.is_baseline)


def _format_family_method(
    comparison: Comparison,
    verdicts: Sequence[Verdict],
    comparisons: int,
    *,
    is_named: bool,
    subject: str = "method",
) -> list[str]:
    """Return lines on the method of verdicts that are judged together.

    Args:
        comparison: The comparison.
        verdicts: The verdicts, at least one.
        comparisons: The number of comparisons that are judged together.
        is_named: Whether the number of comparisons does not come from all pairs of groups.
        subject: The first word of the line.
    """
    correction = ""
    if comparisons > 1:
        correction = f"p after Holm's correction for {comparisons} comparisons"
        if not is_named:
            # All pairs count, because the reference is chosen by its score.
            correction += " (all pairs of groups; fewer with --baseline NAME)"
        correction += "; intervals are not corrected"
    on_examples = [verdict.examples for verdict in verdicts if verdict.examples]
    all_differences = [verdict.difference for verdict in verdicts if verdict.difference]
    differences = [difference for difference in all_differences if difference.p_value is not None]
    has_folds = any(verdict.group.fold_means for verdict in verdicts)
    if not on_examples and not differences and not has_folds:
        return ["one seed each gives no verdict, because another seed changes every score"]
    texts = [text for text in map(_format_test, _group_by_test(differences)) if text]
    if has_folds:
        texts = [_format_fold_test(comparison, differences)] if differences else []
    if (differences or has_folds) and subject == "method":
        texts.insert(0, f"± is the standard deviation over {'folds' if has_folds else 'seeds'}")
    if on_examples:
        test = "McNemar's exact test" if on_examples[0].only_right else "paired z-test"
        texts.append(f"{test} over {on_examples[0].count:,} validation examples")
    method = "; ".join(filter(None, [f"{subject}: {texts[0]}" if texts else subject, *texts[1:], correction]))
    models = "one run each: the verdict is about these trained models; with other seeds it can be different"
    return [method, models] if on_examples and not differences else [method]


def _format_fold_test(comparison: Comparison, differences: Sequence[MeanDifference]) -> str:
    """Return the test of cross-validated groups as text: its name, the number of folds, and its source.

    Args:
        comparison: The comparison of cross-validated groups.
        differences: The differences with a p-value, at least one.
    """
    counts = _format_span(sorted({difference.seed_counts[0] for difference in differences}))
    largest = max(difference.seed_counts[0] for difference in differences)
    folds = next(fold.folds for group in comparison.groups for fold in group.fold_means)
    if largest > folds:
        return f"corrected repeated k-fold t-test of {counts} pairs of equal folds (Bouckaert and Frank 2004)"
    return f"corrected resampled t-test of {counts} pairs of equal folds (Nadeau and Bengio 2003)"


def _group_by_test(differences: Sequence[MeanDifference]) -> list[list[MeanDifference]]:
    """Return the differences grouped by their design, paired or unpaired, and their test."""
    groups: dict[tuple[str, str], list[MeanDifference]] = {}
    for difference in differences:
        groups.setdefault((difference.design, difference.test), []).append(difference)
    return list(groups.values())


def _format_test(differences: Sequence[MeanDifference]) -> str:
    """Return the test of differences as text: name, numbers of seeds and assumption; empty for an unknown test.

    All differences have the same test.
    """
    first = differences[0]
    pairs = _format_span(sorted({difference.seed_counts[0] for difference in differences}))
    sizes = ", ".join(f"{n} and {m}" for n, m in sorted({difference.seed_counts for difference in differences})[:3])
    normal = "(assumes normally distributed scores)"
    return {
        ("paired", "exact"): f"exact sign-flip test of {pairs} pairs of equal seeds",
        ("unpaired", "exact"): f"exact permutation test of two samples of {sizes} seeds",
        (
            "paired",
            "sequential",
        ): f"sequential test of {pairs} pairs of equal seeds (e-values, valid after any pair)",
        ("paired", "student"): f"paired t-test of {pairs} seeds {normal}",
        ("unpaired", "student"): f"Welch's t-test of two samples of {sizes} seeds {normal}",
        ("fixed", "exact"): f"exact sign-flip test of {pairs} seeds against a fixed score",
        ("fixed", "student"): f"one-sample t-test of {pairs} seeds against a fixed score {normal}",
    }.get((first.design, first.test), "")


def _format_span(numbers: Sequence[int]) -> str:
    """Return one number such as `5`, or the range of sorted numbers such as `5 to 8`."""
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
