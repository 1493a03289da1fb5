"""Verdicts of a comparison as sentences.

Further texts are about tests and caveats, and advise on the runs that would decide more verdicts.
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
from dnn_cli.report.comparison_tables import format_mean_and_spread
from dnn_cli.report.run_groups import format_copies_note
from dnn_cli.report.seed_command import build_sweep_commands
from dnn_cli.report.tables import compute_text_width, pad_text
from dnn_cli.report.text import format_count, format_duration, format_score

if TYPE_CHECKING:
    from dnn_cli.compare.paired_examples import PairedExampleTest

_ONE_GROUP_REASON = "all these runs are one experiment: change a setting to compare, as optimizer=sgd"
_ONE_COMPLETED_REASON = "only one experiment has completed runs with this score, so there is nothing to compare it with"

_MAX_ADVISED_COMPARISONS = 100
"""Largest number of compared pairs of groups for which a number of seeds is advised."""

_MAX_REFERENCE_WIDTH = 24
"""Largest width, in columns, of a reference's name that every line repeats.

A longer name is replaced by `the first`.
"""

MAX_VERDICT_LINES = 20
"""Largest number of verdicts that are printed on a terminal."""

_MAX_LISTED_KEYS = 8
"""Largest number of keys, or values of a key, that a line lists; the others are counted."""

_MAX_NAMED_GROUPS = 3
"""Largest number of groups that a line names; the others are counted."""


def build_verdict_paragraphs(comparison: Comparison, max_lines: int | None = MAX_VERDICT_LINES) -> list[list[str]]:
    """Return the paragraphs below the table: verdicts and method, notes, caveats, and advice."""
    lines = [*format_verdict_lines(comparison, max_lines), *format_method_lines(comparison)]
    if len(comparison.groups) == 1 and comparison.run_scores:
        lines = [] if comparison.keys else [format_missing_verdict_reason(comparison)]
    caveats = [f"! {warning}" for warning in comparison.caveats]
    notes = format_note_lines(comparison)
    return [block for block in (lines, notes, caveats, format_advice_lines(comparison)) if block]


def format_missing_verdict_reason(comparison: Comparison) -> str:
    """Return the reason why a comparison with only one experiment has no verdict."""
    return _ONE_COMPLETED_REASON if comparison.left_out else _ONE_GROUP_REASON


def format_note_lines(comparison: Comparison) -> list[str]:
    """Return notes on a comparison.

    The notes are about the settings over which each group's mean is taken, and about runs that do not count.
    """
    lines = []
    if comparison.averaged_settings:
        parts = [f"{key} ({_shorten_list(values)})" for key, values in comparison.averaged_settings.items()]
        lines.append(f"every mean is over {_shorten_list(parts)}")
    if comparison.set_aside_count:
        lines.append(
            f"{format_count(comparison.set_aside_count, 'run')} with settings that not all groups have: not counted"
        )
    if copies := format_copies_note(comparison.repeats):
        lines.append(copies)
    return lines


def _shorten_list(texts: Sequence[str], max_texts: int = _MAX_LISTED_KEYS) -> str:
    """Return at most `max_texts` texts in one line, and the number of the others."""
    return ", ".join(texts[:max_texts]) + (f", and {len(texts) - max_texts} more" if len(texts) > max_texts else "")


def format_verdict_lines(comparison: Comparison, max_lines: int | None = MAX_VERDICT_LINES) -> list[str]:
    """Return a line for each group: its mean, and the verdict against the reference."""
    family = comparison.verdict_set
    if family.reference is None:
        return []
    verdicts = family.verdicts[:max_lines]
    groups = [family.reference, *(verdict.group for verdict in verdicts)]
    sentences = [
        "the baseline" if family.is_named else "",
        *(format_verdict(comparison, verdict) for verdict in verdicts),
    ]
    cells = [
        (comparison.get_label(group), format_mean_and_spread(comparison, group), _format_seed_count(group), text)
        for group, text in zip(groups, sentences, strict=True)
    ]
    widths = [max(compute_text_width(row[column]) for row in cells) for column in range(3)]
    lines = ["   ".join([*map(pad_text, row[:3], widths), row[3]]).rstrip() for row in cells]
    more = family.not_judged + len(family.verdicts) - len(verdicts)
    return [*lines, f"and {format_count(more, 'more group')}, each with a lower rank: --all"] if more else lines


def _format_seed_count(group: Group) -> str:
    """Return the number of seeds, such as `(5 seeds)`."""
    return f"({format_count(len(group.seeds), 'seed')})"


def format_verdict(comparison: Comparison, verdict: Verdict) -> str:
    """Return the verdict on a group in a sentence."""
    base = comparison.verdict_set.reference
    assert base is not None  # noqa: S101 - every verdict has a reference
    reference = comparison.get_label(base)
    if compute_text_width(reference) > _MAX_REFERENCE_WIDTH:
        reference = "the first"
    if verdict.undecided_reason:
        distance = _format_difference_amount(comparison, verdict.group.mean - base.mean, sign=True)
        return f"undecided against {reference}: {distance} with one seed each; {verdict.undecided_reason}"
    difference = verdict.examples or verdict.difference
    assert difference is not None  # noqa: S101 - a verdict without a reason has a difference
    subject = "this model is " if verdict.examples else ""
    p_value_text = (
        "" if verdict.p_value is None else f", {_format_p_value(verdict.p_value)}{_format_correction(comparison)}"
    )
    # A corrected p above 0.05 with an uncorrected interval that excludes 0 looks like a contradiction, so the
    # interval is called uncorrected.
    alone = verdict.word in ("indistinguishable", "undecided") and _excludes_zero(difference)
    common = _format_common_seeds(verdict, base)
    if verdict.word in ("better", "worse"):
        distance = _format_difference(comparison, difference, signed=False)
        return f"{subject}{verdict.word} than {reference} by {distance}{p_value_text}{common}"
    if (
        difference.interval == (0, 0)
        if verdict.examples
        else difference.mean == 0 and _is_constant_difference(verdict.difference)
    ):
        return f"the same as {reference}" + (" in every seed" if verdict.difference else " on these examples")
    distance = _format_difference(comparison, difference, signed=True, kind="uncorrected 95%" if alone else "95%")
    if verdict.word == "indistinguishable":
        return f"{subject}indistinguishable from {reference}: {distance}{p_value_text}{common}"
    few = _format_difference_range(comparison, verdict.difference)
    failed = f"; {verdict.exact_test_reason}, so a t-test does not apply" if verdict.exact_test_reason else ""
    return f"undecided against {reference}: {distance}{few or p_value_text}{common}{failed}"


def _is_constant_difference(difference: MeanDifference | None) -> bool:
    """Return whether two groups differ by the same amount for each of several seeds."""
    return difference is not None and difference.p_value is not None and difference.spread == 0


def _format_common_seeds(verdict: Verdict, base: Group) -> str:
    """Return a clause with the number of paired seeds; empty if all seeds of both groups are paired."""
    difference = verdict.difference
    most = max(len(verdict.group.seeds), len(base.seeds))
    if difference is None or difference.design == "unpaired" or difference.seed_counts[0] == most:
        return ""
    return f", over the {format_count(difference.seed_counts[0], 'seed')} that both have"


def _format_correction(comparison: Comparison) -> str:
    """Return a clause that names the correction of p-values; empty for a single comparison."""
    return " after Holm's correction" if comparison.verdict_set.comparisons > 1 else ""


def _format_p_value(p_value: float) -> str:
    """Return a p-value with two significant digits, or `p < 0.0001`."""
    return "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"


def _excludes_zero(difference: "MeanDifference | PairedExampleTest") -> bool:
    """Return whether the interval of a difference lies on one side of 0."""
    return difference.interval is not None and (difference.interval[0] > 0 or difference.interval[1] < 0)


def _format_difference(
    comparison: Comparison, difference: "MeanDifference | PairedExampleTest", *, signed: bool, kind: str = "95%"
) -> str:
    """Return a difference with its interval: `−0.22 points (95% interval −0.61 to +0.15)`.

    Args:
        comparison: The comparison, which determines the unit.
        difference: The difference.
        signed: Whether to print the sign of the difference; otherwise, only its size is printed.
        kind: The name of the interval, such as `95%`.
    """
    turn = 1.0 if signed or difference.mean >= 0 else -1.0
    text = _format_difference_amount(comparison, turn * difference.mean, sign=signed)
    if difference.interval is None:
        return text
    low, high = sorted(turn * end for end in difference.interval)
    return (
        f"{text} ({kind} interval {_format_difference_number(comparison, low, sign=signed)} to "
        f"{_format_difference_number(comparison, high, sign=signed)})"
    )


def _format_difference_amount(comparison: Comparison, value: float, *, sign: bool) -> str:
    """Return a difference with its unit: percentage points for shares, epochs, or no unit."""
    unit = f" {comparison.point.unit}" if comparison.point.unit else " points" if is_share(comparison.metric) else ""
    return _format_difference_number(comparison, value, sign=sign) + unit


def _format_difference_number(comparison: Comparison, value: float, *, sign: bool) -> str:
    """Return a difference without its unit."""
    if not comparison.point.unit and is_share(comparison.metric):
        text = f"{abs(100 * value):.2f}"
    else:
        text = _format_epoch_difference(abs(value)) if comparison.point.unit else format_score(abs(value))
    mark = ("−" if value < 0 else "+") if sign else ("−" if value < 0 else "")
    return (mark if float(text.replace(",", "")) else "") + text


def _format_epoch_difference(value: float) -> str:
    """Return a difference in epochs with two significant digits, from 100 on as an integer."""
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def _format_difference_range(comparison: Comparison, difference: MeanDifference | None) -> str:
    """Return the range of a difference over few seeds; empty if the difference has an interval."""
    if difference is None or difference.interval is not None:
        return ""
    if min(difference.seed_counts) == 1:
        return " with one seed"
    low, high = (_format_difference_number(comparison, end, sign=True) for end in difference.span)
    return f", from {low} to {high} in {format_count(difference.seed_counts[0], 'seed')}"


def format_method_lines(comparison: Comparison) -> list[str]:
    """Return lines on the method: tests with their assumptions, and the correction for several comparisons."""
    family = comparison.verdict_set
    if not family.verdicts:
        return []
    over = f"Holm's correction for {family.comparisons} comparisons" if family.comparisons > 1 else ""
    if over and not family.is_named:
        over += " (all pairs, as the reference is the best of them; --baseline NAME makes fewer)"
    alone = "; each interval is for its difference alone, without the correction" if over else ""
    on_examples = [verdict.examples for verdict in family.verdicts if verdict.examples]
    if on_examples:
        test = "McNemar's exact test" if on_examples[0].only_right else "paired z-test"
        texts = [f"{test} over {on_examples[0].count:,} validation examples", over]
        models = "one run each: this is about these trained models, not the experiments; another seed may reverse it"
        return ["; ".join(filter(None, texts)) + alone, models]
    all_differences = [verdict.difference for verdict in family.verdicts if verdict.difference]
    differences = [difference for difference in all_differences if difference.p_value is not None]
    if not differences:
        return ["one seed decides nothing, as another seed moves every score"]
    tests = [text for text in map(_format_test, _group_by_test(differences)) if text]
    spread = "± is the standard deviation over seeds"
    return [spread + alone, "; ".join([*tests, *filter(None, [over])])]


def _group_by_test(differences: Sequence[MeanDifference]) -> list[list[MeanDifference]]:
    """Return the differences grouped by their design, paired or unpaired, and their test."""
    groups: dict[tuple[str, str], list[MeanDifference]] = {}
    for difference in differences:
        groups.setdefault((difference.design, difference.test), []).append(difference)
    return list(groups.values())


def _format_test(differences: Sequence[MeanDifference]) -> str:
    """Return the name of a test, with its numbers of seeds and its assumption; empty for an unknown test."""
    first = differences[0]
    pairs = _format_span(sorted({difference.seed_counts[0] for difference in differences}))
    sizes = ", ".join(f"{n} and {m}" for n, m in sorted({difference.seed_counts for difference in differences})[:3])
    normal = "right if scores scatter normally over seeds"
    return {
        ("paired", "exact"): f"exact sign-flip test of {pairs} pairs by seed",
        ("unpaired", "exact"): f"exact permutation test of two samples of {sizes} seeds",
        ("paired", "student"): f"paired t-test of {pairs} seeds, {normal}",
        ("unpaired", "student"): f"Welch's t-test of two samples of {sizes} seeds, {normal}",
    }.get((first.design, first.test), "")


def _format_span(numbers: Sequence[int]) -> str:
    """Return one number such as `5`, or the range of sorted numbers such as `5 to 8`."""
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def format_advice_lines(comparison: Comparison) -> list[str]:
    """Return advice on the number of seeds that would probably decide a verdict.

    The advice includes the difference that these seeds would find, the training time and the command. The number of
    seeds is the smallest that probably decides any of the undecided verdicts.
    """
    family = comparison.verdict_set
    single = [verdict for verdict in family.verdicts if verdict.examples]
    undecided = single or [verdict for verdict in family.verdicts if verdict.word == "undecided"]
    if family.reference is None or comparison.keys or not undecided:
        return []
    if family.comparisons > _MAX_ADVISED_COMPARISONS:
        return [
            f"{family.comparisons:,} comparisons are too many to advise a number of seeds: compare the groups that "
            "matter, as dnn compare ID ID, or name a --baseline"
        ]
    decidable = [verdict for verdict in undecided if verdict.needed_seeds is not None]
    if not decidable:
        return [f"differences as small as these need more than {MAX_ADVISED_SEEDS:,} seeds"]
    enough = min(verdict.needed_seeds for verdict in decidable if verdict.needed_seeds is not None)
    nearest = [verdict for verdict in decidable if verdict.needed_seeds == enough]
    groups = [family.reference, *(verdict.group for verdict in nearest)]
    commands, missing = build_sweep_commands(
        groups, enough, os.path.relpath(groups[0].run_scores[0].run.directory.parent)
    )
    seconds = sum(number * group.seconds for number, group in zip(missing, groups, strict=True))
    runs = format_count(sum(missing), "run")
    lines = [
        f"{_format_seed_reason(comparison, nearest, enough)}; {runs} to train, about "
        f"{format_duration(seconds)} one by one:"
    ]
    lines.append(f"  {' && '.join(map(shlex.join, commands))}")
    if others := [verdict for verdict in undecided if verdict not in nearest]:
        lines.append(f"more seeds for the others: {_format_needed_seeds(comparison, others)}")
    lines.append("train all of them before comparing again: a look after every seed finds differences by chance")
    return lines


def _format_seed_reason(comparison: Comparison, verdicts: Sequence[Verdict], enough: int) -> str:
    """Return the reason why `enough`, a number of seeds, is advised."""
    largest = max(
        (verdict.difference for verdict in verdicts if verdict.difference), key=_compute_difference_size, default=None
    )
    if any(verdict.exact_test_reason for verdict in verdicts):
        comparisons = format_count(comparison.verdict_set.comparisons, "comparison")
        return f"the exact test needs {enough} seeds of each group for {comparisons}"
    if largest is None or largest.p_value is None or enough == MIN_SEEDS:
        return f"a verdict on seeds needs {enough} seeds of each group"
    smallest = min((verdict.difference for verdict in verdicts if verdict.difference), key=_compute_difference_size)
    away = _format_difference_amount(comparison, abs(smallest.mean), sign=False)
    return f"{enough} seeds of each group find a difference of {away} in 4 of 5 cases (power 80%)"


def _compute_difference_size(difference: MeanDifference) -> float:
    """Return the absolute value of a difference between means."""
    return abs(difference.mean)


def _format_needed_seeds(comparison: Comparison, verdicts: Sequence[Verdict]) -> str:
    """Return the number of seeds that each group needs, such as `adam 426, nadam more than 1,000`."""
    needed = [
        f"more than {MAX_ADVISED_SEEDS:,}" if verdict.needed_seeds is None else str(verdict.needed_seeds)
        for verdict in verdicts
    ]
    labels = [comparison.get_label(verdict.group) for verdict in verdicts]
    return _shorten_list([" ".join(pair) for pair in zip(labels, needed, strict=True)], _MAX_NAMED_GROUPS)
