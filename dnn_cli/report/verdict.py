"""Verdicts in words: what the runs show, by which test, with which caveats, and which runs would show more."""

import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.grouping import Group
from dnn_cli.compare.statistics import LEAST_SEEDS, MAX_SEEDS, Difference
from dnn_cli.compare.verdicts import Verdict
from dnn_cli.report.comparison import mean_and_spread
from dnn_cli.report.repeats import copies_text
from dnn_cli.report.seed_command import sweep_commands
from dnn_cli.report.tables import cells_of
from dnn_cli.report.words import count, duration, score
from dnn_cli.spec.metrics import is_share

if TYPE_CHECKING:
    from dnn_cli.compare.examples import OnExamples

ONE_GROUP = "all these runs are one experiment: change a setting to compare, as optimizer=sgd"
ONE_COMPLETED = "only one experiment has completed runs with this score, so there is nothing to compare it with"

MAX_COMPARISONS = 100
"""Comparisons of a family above which no number of seeds is advised."""

MAX_REFERENCE = 24
"""Characters of the longest reference that every line repeats; a longer one is called `the first`."""

MAX_LINES = 20
"""Verdicts that are printed on a terminal."""

MAX_LISTED = 8
"""Keys, and values of a key, that are listed in a line; the others are counted."""

NAMED_GROUPS = 3
"""Groups that are named in a line; the others are counted."""


def blocks(comparison: Comparison, most: int | None = MAX_LINES) -> list[list[str]]:
    """Return the paragraphs below the table: verdicts and method, caveats, and advice."""
    found = [*verdict_lines(comparison, most), *method_lines(comparison)]
    if len(comparison.groups) == 1 and comparison.rows:
        found = [] if comparison.keys else [one_group_text(comparison)]
    caveats = [f"! {warning}" for warning in comparison.warnings]
    notes = note_lines(comparison)
    return [block for block in (found, notes, caveats, advice_lines(comparison)) if block]


def one_group_text(comparison: Comparison) -> str:
    """Return why the runs of one experiment have no verdict."""
    return ONE_COMPLETED if comparison.left_out else ONE_GROUP


def note_lines(comparison: Comparison) -> list[str]:
    """Return what the groups average over, and which runs do not count."""
    lines = []
    if comparison.averaged:
        parts = [f"{key} ({shorten_list(values)})" for key, values in comparison.averaged.items()]
        lines.append(f"every mean is over {shorten_list(parts)}")
    if comparison.set_aside:
        lines.append(f"{count(comparison.set_aside, 'run')} with settings that not all groups have: not counted")
    if copies := copies_text(comparison.repeats):
        lines.append(copies)
    return lines


def shorten_list(texts: Sequence[str], most: int = MAX_LISTED) -> str:
    """Return some texts, and the number of the others."""
    return ", ".join(texts[:most]) + (f", and {len(texts) - most} more" if len(texts) > most else "")


def verdict_lines(comparison: Comparison, most: int | None = MAX_LINES) -> list[str]:
    """Return a line for each group: its mean, and the verdict against the reference."""
    family = comparison.family
    if family.reference is None:
        return []
    verdicts = family.verdicts[:most]
    groups = [family.reference, *(verdict.group for verdict in verdicts)]
    said = ["the baseline" if family.is_named else "", *(sentence(comparison, verdict) for verdict in verdicts)]
    cells = [
        (comparison.label(group), mean_and_spread(comparison, group), seed_count_text(group), text)
        for group, text in zip(groups, said, strict=True)
    ]
    widths = [max(cells_of(row[column]) for row in cells) for column in range(3)]
    lines = ["   ".join([*map(padded, row[:3], widths), row[3]]).rstrip() for row in cells]
    more = family.not_judged + len(family.verdicts) - len(verdicts)
    return [*lines, f"and {count(more, 'more group')}, each with a lower rank: --all"] if more else lines


def padded(text: str, width: int) -> str:
    """Return a text with trailing spaces up to a width."""
    return text + " " * (width - cells_of(text))


def seed_count_text(group: Group) -> str:
    """Return the number of seeds, as `(5 seeds)`."""
    return f"({count(len(group.seeds), 'seed')})"


def sentence(comparison: Comparison, verdict: Verdict) -> str:
    """Return the verdict on a group in a sentence."""
    base = comparison.family.reference
    assert base is not None  # noqa: S101 - every verdict has a reference
    reference = comparison.label(base)
    if cells_of(reference) > MAX_REFERENCE:
        reference = "the first"
    if verdict.why:
        away = amount(comparison, verdict.group.mean - base.mean, sign=True)
        return f"undecided against {reference}: {away} with one seed each; {verdict.why}"
    found = verdict.examples or verdict.difference
    assert found is not None  # noqa: S101 - a verdict without a reason has a difference
    this = "this model is " if verdict.examples else ""
    tested = "" if verdict.p_value is None else f", {p_text(verdict.p_value)}{corrected(comparison)}"
    # A corrected p above 0.05 with an uncorrected interval that excludes 0 looks like a contradiction.
    alone = verdict.word in ("indistinguishable", "undecided") and excludes_zero(found)
    common = common_seeds_text(verdict, base)
    if verdict.word in ("better", "worse"):
        away = difference_text(comparison, found, signed=False)
        return f"{this}{verdict.word} than {reference} by {away}{tested}{common}"
    if found.interval == (0, 0) if verdict.examples else found.mean == 0 and is_constant(verdict.difference):
        return f"the same as {reference}" + (" in every seed" if verdict.difference else " on these examples")
    away = difference_text(comparison, found, signed=True, kind="uncorrected 95%" if alone else "95%")
    if verdict.word == "indistinguishable":
        return f"{this}indistinguishable from {reference}: {away}{tested}{common}"
    few = few_seeds_text(comparison, verdict.difference)
    failed = f"; {verdict.needs_exact}, so a t-test does not apply" if verdict.needs_exact else ""
    return f"undecided against {reference}: {away}{few or tested}{common}{failed}"


def is_constant(difference: Difference | None) -> bool:
    """Return whether the differences of several seeds are equal."""
    return difference is not None and difference.p_value is not None and difference.spread == 0


def common_seeds_text(verdict: Verdict, base: Group) -> str:
    """Return over how many seeds a difference is, where not all seeds could be paired."""
    difference = verdict.difference
    most = max(len(verdict.group.seeds), len(base.seeds))
    if difference is None or difference.design == "unpaired" or difference.seeds[0] == most:
        return ""
    return f", over the {count(difference.seeds[0], 'seed')} that both have"


def corrected(comparison: Comparison) -> str:
    """Return that a p-value is corrected, where there are several comparisons."""
    return " after Holm's correction" if comparison.family.comparisons > 1 else ""


def p_text(p_value: float) -> str:
    """Return a p-value with two significant digits."""
    return "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"


def excludes_zero(found: "Difference | OnExamples") -> bool:
    """Return whether the interval of a difference lies on one side of 0."""
    return found.interval is not None and (found.interval[0] > 0 or found.interval[1] < 0)


def difference_text(
    comparison: Comparison, found: "Difference | OnExamples", *, signed: bool, kind: str = "95%"
) -> str:
    """Return a difference with its interval: `−0.22 points (95% interval −0.61 to +0.15)`.

    Args:
        comparison: Decides on the unit.
        found: The difference.
        signed: Whether to print the sign; otherwise the size of the difference.
        kind: What the interval is called.
    """
    turn = 1.0 if signed or found.mean >= 0 else -1.0
    text = amount(comparison, turn * found.mean, sign=signed)
    if found.interval is None:
        return text
    low, high = sorted(turn * end for end in found.interval)
    return f"{text} ({kind} interval {number(comparison, low, sign=signed)} to {number(comparison, high, sign=signed)})"


def amount(comparison: Comparison, value: float, *, sign: bool) -> str:
    """Return a difference with its unit: points of a percentage for shares, epochs, else none."""
    unit = f" {comparison.view.unit}" if comparison.view.unit else " points" if is_share(comparison.metric) else ""
    return number(comparison, value, sign=sign) + unit


def number(comparison: Comparison, value: float, *, sign: bool) -> str:
    """Return a difference without its unit."""
    if not comparison.view.unit and is_share(comparison.metric):
        text = f"{abs(100 * value):.2f}"
    else:
        text = few_digits(abs(value)) if comparison.view.unit else score(abs(value))
    mark = ("−" if value < 0 else "+") if sign else ("−" if value < 0 else "")
    return (mark if float(text.replace(",", "")) else "") + text


def few_digits(value: float) -> str:
    """Return a number of epochs."""
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def few_seeds_text(comparison: Comparison, difference: Difference | None) -> str:
    """Return the range of a difference over few seeds, where no test has an interval."""
    if difference is None or difference.interval is not None:
        return ""
    if min(difference.seeds) == 1:
        return " with one seed"
    low, high = (number(comparison, end, sign=True) for end in difference.span)
    return f", from {low} to {high} in {count(difference.seeds[0], 'seed')}"


def method_lines(comparison: Comparison) -> list[str]:
    """Return the tests with their assumptions, and the correction."""
    family = comparison.family
    if not family.verdicts:
        return []
    over = f"Holm's correction for {family.comparisons} comparisons" if family.comparisons > 1 else ""
    if over and not family.is_named:
        over += " (all pairs, as the reference is the best of them; --baseline NAME makes fewer)"
    alone = "; each interval is for its difference alone, without the correction" if over else ""
    on_examples = [verdict.examples for verdict in family.verdicts if verdict.examples]
    if on_examples:
        test = "McNemar's exact test" if on_examples[0].apart else "paired z-test"
        texts = [f"{test} over {on_examples[0].count:,} validation examples", over]
        models = "one run each: this is about these trained models, not the experiments; another seed may reverse it"
        return ["; ".join(filter(None, texts)) + alone, models]
    found = [verdict.difference for verdict in family.verdicts if verdict.difference]
    differences = [difference for difference in found if difference.p_value is not None]
    if not differences:
        return ["one seed decides nothing, as another seed moves every score"]
    tests = [text for text in map(test_text, group_by_test(differences)) if text]
    spread = "± is the standard deviation over seeds"
    return [spread + alone, "; ".join([*tests, *filter(None, [over])])]


def group_by_test(differences: Sequence[Difference]) -> list[list[Difference]]:
    """Return the differences of each test and design together."""
    found: dict[tuple[str, str], list[Difference]] = {}
    for difference in differences:
        found.setdefault((difference.design, difference.test), []).append(difference)
    return list(found.values())


def test_text(differences: Sequence[Difference]) -> str:
    """Return a test with its numbers of seeds and its assumption."""
    first = differences[0]
    pairs = spanned(sorted({difference.seeds[0] for difference in differences}))
    sizes = ", ".join(f"{n} and {m}" for n, m in sorted({difference.seeds for difference in differences})[:3])
    normal = "right if scores scatter normally over seeds"
    return {
        ("paired", "exact"): f"exact sign-flip test of {pairs} pairs by seed",
        ("unpaired", "exact"): f"exact permutation test of two samples of {sizes} seeds",
        ("paired", "student"): f"paired t-test of {pairs} seeds, {normal}",
        ("unpaired", "student"): f"Welch's t-test of two samples of {sizes} seeds, {normal}",
    }.get((first.design, first.test), "")


def spanned(numbers: Sequence[int]) -> str:
    """Return `5`, or `5 to 8`."""
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def advice_lines(comparison: Comparison) -> list[str]:
    """Return how many seeds would probably decide, for which difference, how long they take, and one command."""
    family = comparison.family
    single = [verdict for verdict in family.verdicts if verdict.examples]
    undecided = single or [verdict for verdict in family.verdicts if verdict.word == "undecided"]
    if family.reference is None or comparison.keys or not undecided:
        return []
    if family.comparisons > MAX_COMPARISONS:
        return [
            f"{family.comparisons:,} comparisons are too many to advise a number of seeds: compare the groups that "
            "matter, as dnn compare ID ID, or name a --baseline"
        ]
    known = [verdict for verdict in undecided if verdict.needed is not None]
    if not known:
        return [f"differences as small as these need more than {MAX_SEEDS:,} seeds"]
    enough = min(verdict.needed for verdict in known if verdict.needed is not None)
    wanted = [verdict for verdict in known if verdict.needed == enough]
    groups = [family.reference, *(verdict.group for verdict in wanted)]
    commands, missing = sweep_commands(groups, enough, os.path.relpath(groups[0].rows[0].run.directory.parent))
    seconds = sum(number * group.seconds for number, group in zip(missing, groups, strict=True))
    runs = count(sum(missing), "run")
    lines = [f"{reason_text(comparison, wanted, enough)}; {runs} to train, about {duration(seconds)} one by one:"]
    lines.append(f"  {' && '.join(map(shlex.join, commands))}")
    if rest := [verdict for verdict in undecided if verdict not in wanted]:
        lines.append(f"more seeds for the others: {rest_text(comparison, rest)}")
    lines.append("train all of them before comparing again: a look after every seed finds differences by chance")
    return lines


def reason_text(comparison: Comparison, verdicts: Sequence[Verdict], enough: int) -> str:
    """Return why a number of seeds is advised."""
    largest = max((verdict.difference for verdict in verdicts if verdict.difference), key=size_of, default=None)
    if any(verdict.needs_exact for verdict in verdicts):
        comparisons = count(comparison.family.comparisons, "comparison")
        return f"the exact test needs {enough} seeds of each group for {comparisons}"
    if largest is None or largest.p_value is None or enough == LEAST_SEEDS:
        return f"a verdict on seeds needs {enough} seeds of each group"
    smallest = min((verdict.difference for verdict in verdicts if verdict.difference), key=size_of)
    away = amount(comparison, abs(smallest.mean), sign=False)
    return f"{enough} seeds of each group find a difference of {away} in 4 of 5 cases (power 80%)"


def size_of(difference: Difference) -> float:
    """Return the size of a difference."""
    return abs(difference.mean)


def rest_text(comparison: Comparison, verdicts: Sequence[Verdict]) -> str:
    """Return the seeds that groups need, as `adam 426, nadam more than 1,000`."""
    needed = [f"more than {MAX_SEEDS:,}" if one.needed is None else str(one.needed) for one in verdicts]
    labels = [comparison.label(verdict.group) for verdict in verdicts]
    return shorten_list([" ".join(pair) for pair in zip(labels, needed, strict=True)], NAMED_GROUPS)
