"""Verdicts of a comparison as sentences, with the method, notes, caveats and advice.

The advice is on the number of seeds that would probably decide more verdicts.
"""

import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.grouping import Group
from dnn_cli.compare.significance import MAX_ADVISED_SEEDS, MIN_SEEDS, MeanDifference
from dnn_cli.compare.verdicts import Verdict
from dnn_cli.config.metrics import is_share
from dnn_cli.report.run_groups import format_copies_note
from dnn_cli.report.seed_command import build_sweep_commands
from dnn_cli.report.tables import compute_text_width, pad_text
from dnn_cli.report.test_read_text import format_test_read_note
from dnn_cli.report.text import format_count, format_duration, format_score

if TYPE_CHECKING:
    from dnn_cli.compare.paired_examples import PairedExampleTest

_ONE_GROUP_REASON = "all of these runs are one experiment: to compare, train a variant, for example with optimizer=sgd"
_ONE_COMPLETED_REASON = (
    "only one experiment has completed runs with this score: to compare, complete a second experiment"
)

_MAX_ADVISED_COMPARISONS = 100
"""If more pairs of groups than this number are compared, `dnn compare` advises no number of seeds."""

_MAX_REFERENCE_WIDTH = 24
"""Largest width of a reference's name in the header, in terminal characters.

The role of the reference, such as `the best mean`, replaces a longer name.
"""

_MAX_LISTED_KEYS = 8
"""Largest number of keys, or values of a key, that a line lists; the others are counted."""

_MAX_NAMED_GROUPS = 3
"""Largest number of groups that a line names; the others are counted."""


def build_verdict_paragraphs(
    comparison: Comparison, *, with_verdicts: bool, with_method: bool = True
) -> list[list[str]]:
    """Return the paragraphs below the table: method, notes, caveats, and advice.

    With `with_verdicts`, the verdicts come before the method, because the table has no column for verdicts. Without
    `with_method`, the method is left out.
    """
    lines = _format_verdict_lines(comparison) if with_verdicts else []
    lines = [*lines, *(format_method_lines(comparison) if with_method else [])]
    if more := comparison.verdict_set.not_judged:
        lines.append(f"no verdict on {format_count(more, 'more group')}, each with a lower rank: --all")
    if len(comparison.groups) == 1 and comparison.run_scores:
        lines = [] if comparison.keys else [format_missing_verdict_reason(comparison)]
    caveats = [f"! {warning}" for warning in comparison.caveats]
    notes = format_note_lines(comparison)
    return [block for block in (lines, notes, caveats, format_advice_lines(comparison)) if block]


def format_missing_verdict_reason(comparison: Comparison) -> str:
    """Return the reason why a comparison with only one experiment has no verdict."""
    return _ONE_COMPLETED_REASON if comparison.left_out else _ONE_GROUP_REASON


def format_note_lines(comparison: Comparison) -> list[str]:
    """Return notes on a comparison, such as `each mean is taken over all values of units (50, 100)`.

    Other notes are about runs that do not count, because they are copies or because some groups lack their settings.
    """
    lines = []
    if comparison.averaged_settings:
        parts = [f"{key} ({_shorten_list(values)})" for key, values in comparison.averaged_settings.items()]
        lines.append(f"each mean is taken over all values of {_shorten_list(parts)}")
    if comparison.set_aside_count:
        lines.append(
            f"{format_count(comparison.set_aside_count, 'run')} with settings that some groups lack: not counted"
        )
    if copies := format_copies_note(comparison.repeats):
        lines.append(copies)
    if test_reads := format_test_read_note([row.record for row in comparison.run_scores]):
        lines.append(test_reads)
    return lines


def _shorten_list(texts: Sequence[str], max_texts: int = _MAX_LISTED_KEYS) -> str:
    """Return at most `max_texts` texts in one line, and the number of the others."""
    return ", ".join(texts[:max_texts]) + (f", and {len(texts) - max_texts} more" if len(texts) > max_texts else "")


def format_reference_header(comparison: Comparison) -> str:
    """Return the header of the verdicts, such as `compared with adam`. The reference of a comparison must exist."""
    reference = comparison.verdict_set.reference
    assert reference is not None  # noqa: S101 - only a comparison with verdicts has a header for them
    label = comparison.get_label(reference)
    if compute_text_width(label) > _MAX_REFERENCE_WIDTH:
        label = _format_reference_role(comparison)
    return f"compared with {label}"


def list_verdict_texts(comparison: Comparison, groups: Sequence[Group]) -> list[str]:
    """Return a text for each group: its verdict or, for the reference, its role, such as `the baseline`.

    The text is empty for a group without a verdict.
    """
    family = comparison.verdict_set
    texts = {id(verdict.group): format_verdict(comparison, verdict) for verdict in family.verdicts}
    if family.reference is not None:
        texts[id(family.reference)] = _format_reference_role(comparison)
    return [texts.get(id(group), "") for group in groups]


def _format_reference_role(comparison: Comparison) -> str:
    """Return the role of the reference: `the baseline`, `the best mean`, `the best network` or a longer text.

    The longer text is `the best mean of several seeds`.
    """
    family = comparison.verdict_set
    if family.is_named:
        return "the baseline"
    if family.reference is comparison.groups[0]:
        return "the best mean"
    networks = (group for group in comparison.groups if not group.is_baseline)
    return "the best network" if family.reference is next(networks, None) else "the best mean of several seeds"


def _format_verdict_lines(comparison: Comparison) -> list[str]:
    """Return a header and a line with the verdict on each group, without the mean of the group.

    For two groups, return one line.
    """
    family = comparison.verdict_set
    if family.reference is None or not family.verdicts:
        return []
    header = format_reference_header(comparison)
    if len(family.verdicts) == 1 and not family.not_judged:
        (verdict,) = family.verdicts
        return [f"{comparison.get_label(verdict.group)} {header}: {format_verdict(comparison, verdict)}"]
    labels = [comparison.get_label(verdict.group) for verdict in family.verdicts]
    width = max(map(compute_text_width, labels))
    lines = [
        f"{pad_text(label, width)}  {format_verdict(comparison, verdict)}"
        for label, verdict in zip(labels, family.verdicts, strict=True)
    ]
    return [f"{header}:", *lines]


def format_verdict(comparison: Comparison, verdict: Verdict) -> str:
    """Return the verdict on a group, to be read after the header with the reference.

    An example is `worse by 3.47 points (95% interval 3.12 to 4.04), p = 0.023`. The method line names the correction of
    the p-value.
    """
    base = comparison.verdict_set.reference
    assert base is not None  # noqa: S101 - every verdict has a reference
    if verdict.undecided_reason:
        distance = format_difference_amount(comparison, verdict.group.mean - base.mean, sign=True)
        seeds = "" if verdict.group.fold_means else " with one seed each"
        return f"undecided: {distance}{seeds}; {verdict.undecided_reason}"
    difference = verdict.examples or verdict.difference
    assert difference is not None  # noqa: S101 - a verdict without a reason has a difference
    kind = "always-valid " if verdict.sequential else ""
    p_value_text = "" if verdict.p_value is None else f", {kind}{format_p_value(verdict.p_value)}"
    common = _format_common_seeds(verdict, base)
    if verdict.word in ("better", "worse"):
        if verdict.sequential and verdict.sequential.lost_pairs:
            # Diverged runs count in the test and not in the mean, which can have the other sign.
            lost = f"{format_count(verdict.sequential.lost_pairs, 'pair')} with one diverged run"
            return f"{verdict.word}: {_format_difference(comparison, difference, signed=True)}{p_value_text}; {lost}"
        return f"{verdict.word} by {_format_difference(comparison, difference, signed=False)}{p_value_text}{common}"
    if (
        difference.interval == (0, 0)
        if verdict.examples
        else difference.mean == 0 and _is_constant_difference(verdict.difference)
    ):
        replicate = "in every fold" if verdict.group.fold_means else "for every seed"
        return f"equal {replicate}" if verdict.difference else "equal on every validation example"
    distance = _format_difference(comparison, difference, signed=True)
    if verdict.sequential and verdict.word == "indistinguishable" and verdict.sequential.margin is not None:
        margin = format_difference_amount(comparison, verdict.sequential.margin, sign=False)
        p_value = format_p_value(min(1.0, verdict.comparisons * (verdict.sequential.equivalence_p_value or 0.0)))
        return f"equivalent within {margin}: {distance}, always-valid {p_value}"
    if verdict.word == "indistinguishable":
        return f"indistinguishable: {distance}{p_value_text}{common}"
    few = "" if common else _format_difference_range(comparison, verdict.difference)
    exact = f"; exact test, because {verdict.exact_test_reason}" if verdict.exact_test_reason else ""
    # A p-value of all pairs so far decides a sequential comparison, also without an interval.
    p_value_text = few + p_value_text if verdict.sequential else few or p_value_text
    return f"undecided: {distance}{p_value_text}{common}{exact}"


def _is_constant_difference(difference: MeanDifference | None) -> bool:
    """Return whether two groups differ by the same amount for each of several seeds."""
    return difference is not None and difference.p_value is not None and difference.spread == 0


def _format_common_seeds(verdict: Verdict, base: Group) -> str:
    """Return a clause with the number of seeds that a group and the reference `base` share: ` for 4 common seeds`.

    The clause is empty if both groups have only these seeds, or if the test does not pair seeds. In a cross-validation,
    folds are counted instead of seeds.
    """
    difference = verdict.difference
    noun = "common fold" if verdict.group.fold_means else "common seed"
    most = max(len(verdict.group.averaged_scores), len(base.averaged_scores))
    if difference is None or difference.design == "unpaired" or difference.seed_counts[0] == most:
        return ""
    if verdict.sequential:
        return f" for {format_count(difference.seed_counts[0], 'pair')} of dnn settle"
    return f" for {format_count(difference.seed_counts[0], noun)}"


def format_p_value(p_value: float) -> str:
    """Return a p-value with two significant digits, or `p < 0.0001`."""
    return "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"


def _format_difference(
    comparison: Comparison, difference: "MeanDifference | PairedExampleTest", *, signed: bool
) -> str:
    """Return a difference with its interval: `−0.22 points (95% interval −0.61 to +0.15)`.

    Args:
        comparison: The comparison, which determines the unit.
        difference: The difference.
        signed: Whether to print the sign of the difference; otherwise, only its size is printed.
    """
    turn = 1.0 if signed or difference.mean >= 0 else -1.0
    text = format_difference_amount(comparison, turn * difference.mean, sign=signed)
    if difference.interval is None:
        return text
    low, high = sorted(turn * end for end in difference.interval)
    return (
        f"{text} (95% interval {_format_difference_number(comparison, low, sign=signed)} to "
        f"{_format_difference_number(comparison, high, sign=signed)})"
    )


def format_difference_amount(comparison: Comparison, value: float, *, sign: bool) -> str:
    """Return a difference with its unit: `points` for a share such as accuracy, `epochs`, or no unit.

    With `sign`, a positive difference begins with `+`. A negative difference always begins with `−`.
    """
    unit = f" {comparison.point.unit}" if comparison.point.unit else " points" if is_share(comparison.metric) else ""
    return _format_difference_number(comparison, value, sign=sign) + unit


def _format_difference_number(comparison: Comparison, value: float, *, sign: bool) -> str:
    """Return a difference without its unit; for a share such as accuracy, in percentage points.

    With `sign`, a positive difference begins with `+`. A negative difference always begins with `−`.
    """
    if not comparison.point.unit and is_share(comparison.metric):
        text = f"{abs(100 * value):.2f}"
    else:
        text = _format_epoch_difference(abs(value)) if comparison.point.unit else format_score(abs(value))
    mark = ("−" if value < 0 else "+") if sign else ("−" if value < 0 else "")
    return (mark if float(text.replace(",", "")) else "") + text


def _format_epoch_difference(value: float) -> str:
    """Return a difference in epochs with two significant digits, or as an integer if it is 100 or more."""
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def _format_difference_range(comparison: Comparison, difference: MeanDifference | None) -> str:
    """Return the range of a difference between groups with too few seeds for an interval.

    An example is `, from −0.42 to +0.10 in 2 seeds`. The text is empty if the difference has an interval.
    """
    if difference is None or difference.interval is not None:
        return ""
    if min(difference.seed_counts) == 1:
        return " with one seed"
    low, high = (_format_difference_number(comparison, end, sign=True) for end in difference.span)
    return f", from {low} to {high} in {format_count(difference.seed_counts[0], 'seed')}"


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


def format_advice_lines(comparison: Comparison) -> list[str]:
    """Return advice on the number of seeds that would probably decide a verdict.

    The number of seeds is the smallest that probably decides at least one of the undecided verdicts. The advice also
    has the difference that these seeds detect in 4 of 5 cases, the training time and the command.
    """
    family = comparison.verdict_set
    # More seeds change no verdict on two baselines.
    verdicts = [
        verdict
        for verdict in family.verdicts
        if not (verdict.group.is_baseline and family.reference is not None and family.reference.is_baseline)
    ]
    single = [verdict for verdict in verdicts if verdict.examples]
    # A fixed number of seeds cannot be advised once their number has depended on scores: dnn settle continues.
    undecided = single or [
        verdict for verdict in verdicts if verdict.word == "undecided" and verdict.sequential is None
    ]
    # More seeds or repetitions add no examples, which a verdict on folds needs most.
    if family.reference is None or comparison.keys or not undecided or family.reference.fold_means:
        return []
    if family.comparisons > _MAX_ADVISED_COMPARISONS:
        return [
            f"{family.comparisons:,} comparisons are too many to advise a number of seeds: compare fewer groups, for "
            "example with dnn compare ID ID, or name a --baseline"
        ]
    decidable = [verdict for verdict in undecided if verdict.needed_seeds is not None]
    if not decidable:
        return [f"such small differences need more than {MAX_ADVISED_SEEDS:,} seeds"]
    enough = min(verdict.needed_seeds for verdict in decidable if verdict.needed_seeds is not None)
    nearest = [verdict for verdict in decidable if verdict.needed_seeds == enough]
    groups = [family.reference, *(verdict.group for verdict in nearest)]
    groups = [group for group in groups if not group.is_baseline]
    commands, missing = build_sweep_commands(
        groups, enough, os.path.relpath(groups[0].run_scores[0].run.directory.parent)
    )
    seconds = sum(number * group.seconds for number, group in zip(missing, groups, strict=True))
    runs = format_count(sum(missing), "run")
    lines = [
        f"{_format_seed_reason(comparison, nearest, enough)}; {runs} to train, about "
        f"{format_duration(seconds)} in total:"
    ]
    lines.append(f"  {' && '.join(map(shlex.join, commands))}")
    lines.append(f"train {runs} first, then compare once: a comparison after every seed finds differences by chance")
    if others := [verdict for verdict in undecided if verdict not in nearest]:
        lines.append(f"the other verdicts need more seeds of each group: {_format_needed_seeds(comparison, others)}")
    return lines


def _format_seed_reason(comparison: Comparison, verdicts: Sequence[Verdict], enough: int) -> str:
    """Return the reason why `enough` seeds are advised in order to decide the given verdicts.

    An example is `8 seeds of each group detect a difference of 0.50 points in 4 of 5 cases (power 80%)`.
    """
    largest = max(
        (verdict.difference for verdict in verdicts if verdict.difference), key=_compute_difference_size, default=None
    )
    if any(verdict.exact_test_reason for verdict in verdicts):
        comparisons = format_count(comparison.verdict_set.comparisons, "comparison")
        return f"with {comparisons}, the exact test needs at least {enough} seeds of each group"
    if largest is None or largest.p_value is None or enough == MIN_SEEDS:
        return f"a verdict on the settings needs at least {enough} seeds of each group"
    smallest = min((verdict.difference for verdict in verdicts if verdict.difference), key=_compute_difference_size)
    away = format_difference_amount(comparison, abs(smallest.mean), sign=False)
    return f"{enough} seeds of each group detect a difference of {away} in 4 of 5 cases (power 80%)"


def _compute_difference_size(difference: MeanDifference) -> float:
    """Return the absolute value of a difference between means."""
    return abs(difference.mean)


def _format_needed_seeds(comparison: Comparison, verdicts: Sequence[Verdict]) -> str:
    """Return the number of seeds that each group needs, such as `426 for adam, more than 1,000 for nadam`."""
    needed = [
        f"more than {MAX_ADVISED_SEEDS:,}" if verdict.needed_seeds is None else str(verdict.needed_seeds)
        for verdict in verdicts
    ]
    labels = [comparison.get_label(verdict.group) for verdict in verdicts]
    return _shorten_list([" for ".join(pair) for pair in zip(needed, labels, strict=True)], _MAX_NAMED_GROUPS)
