"""Verdicts of a comparison as sentences, and the paragraphs below the table: method, notes, caveats and advice."""

from collections.abc import Sequence

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.group import Group
from dnn_cli.compare.significance import MeanDifference
from dnn_cli.compare.text_lists import format_list
from dnn_cli.compare.verdicts import Verdict
from dnn_cli.report.difference_text import (
    format_difference,
    format_difference_amount,
    format_difference_range,
    format_p_value,
)
from dnn_cli.report.method_text import format_method_lines
from dnn_cli.report.run_groups import format_copies_note
from dnn_cli.report.seed_advice import format_advice_lines
from dnn_cli.report.tables import compute_text_width, pad_text
from dnn_cli.report.test_read_text import format_test_read_note
from dnn_cli.report.text import format_count

_ONE_GROUP_REASON = "all of these runs are one experiment: to compare, train a variant, for example with optimizer=sgd"
_ONE_COMPLETED_REASON = (
    "only one experiment has completed runs with this score: to compare, complete a second experiment"
)

_MAX_REFERENCE_WIDTH = 24
"""Largest width of a reference's name in the header, in terminal characters.

The role of the reference, such as `the best mean`, replaces a longer name.
"""

_MAX_LISTED_KEYS = 8
"""Largest number of keys, or values of a key, that a line lists; the others are counted."""


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
        parts = [
            f"{key} ({format_list(values, _MAX_LISTED_KEYS)})" for key, values in comparison.averaged_settings.items()
        ]
        lines.append(f"each mean is taken over all values of {format_list(parts, _MAX_LISTED_KEYS)}")
    if comparison.set_aside_count:
        lines.append(
            f"{format_count(comparison.set_aside_count, 'run')} with settings that some groups lack: not counted"
        )
    if copies := format_copies_note(comparison.repeats):
        lines.append(copies)
    if test_reads := format_test_read_note([row.record for row in comparison.run_scores]):
        lines.append(test_reads)
    return lines


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
            return f"{verdict.word}: {format_difference(comparison, difference, signed=True)}{p_value_text}; {lost}"
        return f"{verdict.word} by {format_difference(comparison, difference, signed=False)}{p_value_text}{common}"
    if (
        difference.interval == (0, 0)
        if verdict.examples
        else difference.mean == 0 and _is_constant_difference(verdict.difference)
    ):
        replicate = "in every fold" if verdict.group.fold_means else "for every seed"
        return f"equal {replicate}" if verdict.difference else "equal on every validation example"
    distance = format_difference(comparison, difference, signed=True)
    if verdict.sequential and verdict.word == "indistinguishable" and verdict.sequential.margin is not None:
        margin = format_difference_amount(comparison, verdict.sequential.margin, sign=False)
        p_value = format_p_value(min(1.0, verdict.comparisons * (verdict.sequential.equivalence_p_value or 0.0)))
        return f"equivalent within {margin}: {distance}, always-valid {p_value}"
    if verdict.word == "indistinguishable":
        return f"indistinguishable: {distance}{p_value_text}{common}"
    few = "" if common else format_difference_range(comparison, verdict.difference)
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
