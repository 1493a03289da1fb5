"""Verdicts in words: what the runs show, how that was found, and how to find more."""

import os
import shlex
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.grouping import Group
from dnn_cli.compare.statistics import MOST_SEEDS, Difference, fewest_seeds
from dnn_cli.compare.verdicts import Verdict
from dnn_cli.report.comparison import mean_and_spread
from dnn_cli.report.tables import cells_of
from dnn_cli.report.words import count, score
from dnn_cli.spec.metrics import is_share

if TYPE_CHECKING:
    from dnn_cli.compare.examples import OnExamples

MOST_COMMANDS = 3
"""So many commands are told of those that would train more."""

ONE_GROUP = "all these runs are one experiment: change a setting to compare, as optimizer=sgd"

MOST_COMPARISONS = 100
"""With more, no number of seeds is advised."""

LONG = 24
"""A reference with a longer name is called the first in every line but its own."""

MOST_LINES = 20
"""So many verdicts are told on a terminal."""


def blocks(comparison: Comparison, most: int | None = MOST_LINES) -> list[list[str]]:
    """Verdicts and how they were found; what makes the comparison unfair; how to find more."""
    found = [*verdict_lines(comparison, most), *method_lines(comparison)]
    if len(comparison.groups) == 1 and comparison.rows:
        found = [ONE_GROUP] if not comparison.keys else []
    unfair = [f"! {warning}" for warning in comparison.warnings]
    return [block for block in (found, unfair, advice_lines(comparison)) if block]


def verdict_lines(comparison: Comparison, most: int | None = MOST_LINES) -> list[str]:
    """A line a group: its mean, and how it stands against the reference."""
    family = comparison.family
    if family.reference is None:
        return []
    verdicts = family.verdicts[:most]
    groups = [family.reference, *(verdict.group for verdict in verdicts)]
    said = ["the baseline" if family.is_named else "", *(sentence(comparison, verdict) for verdict in verdicts)]
    cells = [
        (comparison.label(group), mean_and_spread(comparison, group), seeds_text(group), text)
        for group, text in zip(groups, said, strict=True)
    ]
    widths = [max(cells_of(row[column]) for row in cells) for column in range(3)]
    lines = ["   ".join([*map(padded, row[:3], widths), row[3]]).rstrip() for row in cells]
    more = family.untold + len(family.verdicts) - len(verdicts)
    return [*lines, f"and {count(more, 'more group')}, none of which is in front: --all"] if more else lines


def padded(text: str, width: int) -> str:
    """A text with the spaces that make it so wide."""
    return text + " " * (width - cells_of(text))


def seeds_text(group: Group) -> str:
    """`(5 seeds)`."""
    return f"({count(len(group.seeds), 'seed')})"


def sentence(comparison: Comparison, verdict: Verdict) -> str:
    """What is said of a group: no more than was found."""
    base = comparison.family.reference
    assert base is not None  # noqa: S101 - every verdict has one
    reference = comparison.label(base)
    if cells_of(reference) > LONG:
        reference = "the first"
    if verdict.why:
        away = number(comparison, verdict.group.mean - base.mean, sign=True) + unit_of(comparison)
        return f"undecided against {reference}: {away} of one seed; {verdict.why}"
    found = verdict.examples or verdict.difference
    assert found is not None  # noqa: S101 - there is one where there is no reason why not
    tested = "" if verdict.p_value is None else f", {p_text(verdict.p_value)}{corrected(comparison)}"
    if verdict.word in ("better", "worse"):
        this = "this model is " if verdict.examples else ""
        away = size(comparison, found)
        return f"{this}{verdict.word} than {reference} by {away}{tested}{matched_text(verdict, base)}"
    if found.interval == (0, 0) if verdict.examples else found.mean == 0 and is_constant(verdict.difference):
        return f"the same as {reference}" + (" in every seed" if verdict.difference else " on these examples")
    if verdict.word == "indistinguishable":
        this = "this model is " if verdict.examples else ""
        difference = signed(comparison, found)
        return f"{this}indistinguishable from {reference}: {difference}{tested}{matched_text(verdict, base)}"
    return f"undecided against {reference}: {signed(comparison, found)}{in_seeds(comparison, verdict.difference)}"


def is_constant(difference: Difference | None) -> bool:
    """Whether several seeds differ in nothing."""
    return difference is not None and difference.p_value is not None and difference.spread == 0


def matched_text(verdict: Verdict, base: Group) -> str:
    """That not all seeds of two groups could be paired, so that their means differ by more or less than is told."""
    difference = verdict.difference
    most = max(len(verdict.group.seeds), len(base.seeds))
    if difference is None or difference.design == "unpaired" or difference.seeds[0] == most:
        return ""
    return f", over the {count(difference.seeds[0], 'seed')} that both have"


def corrected(comparison: Comparison) -> str:
    """That p-values hold for all comparisons together, where there are several."""
    return " (Holm)" if comparison.family.comparisons > 1 else ""


def p_text(p_value: float) -> str:
    """A p-value with two significant digits."""
    return "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"


def size(comparison: Comparison, found: "Difference | OnExamples") -> str:
    """How large a difference is, whichever way it goes: `2.30 pp [1.90, 2.70]`."""
    turn = -1.0 if found.mean < 0 else 1.0
    return with_interval(comparison, turn * found.mean, found.interval, turn=turn, sign=False)


def signed(comparison: Comparison, found: "Difference | OnExamples") -> str:
    """How far a group is above the reference: `−0.22 pp [−0.61, +0.15]`."""
    return with_interval(comparison, found.mean, found.interval, turn=1.0, sign=True)


def with_interval(
    comparison: Comparison, mean: float, interval: tuple[float, float] | None, *, turn: float, sign: bool
) -> str:
    """A difference and its interval, which is turned with it."""
    unit = unit_of(comparison)
    text = number(comparison, mean, sign=sign) + unit
    if interval is None:
        return text
    low, high = sorted(turn * end for end in interval)
    return f"{text} [{number(comparison, low, sign=sign)}, {number(comparison, high, sign=sign)}]"


def unit_of(comparison: Comparison) -> str:
    """Shares are told in percentage points, epochs in epochs, all else as it is."""
    if comparison.view.unit:
        return f" {comparison.view.unit}"
    return " pp" if is_share(comparison.metric) else ""


def number(comparison: Comparison, value: float, *, sign: bool) -> str:
    """A difference in its unit, with a sign where it is wanted."""
    if not comparison.view.unit and is_share(comparison.metric):
        text = f"{abs(100 * value):.2f}"
    else:
        text = few_digits(abs(value)) if comparison.view.unit else score(abs(value))
    mark = ("−" if value < 0 else "+") if sign else ("−" if value < 0 else "")
    return (mark if float(text.replace(",", "")) else "") + text


def few_digits(value: float) -> str:
    """A number of epochs."""
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def in_seeds(comparison: Comparison, difference: Difference | None) -> str:
    """What can be said of few seeds: in how many of them it is so."""
    if difference is None or difference.interval is not None:
        return ""
    if min(difference.seeds) == 1:
        return " of one seed"
    low, high = (number(comparison, end, sign=True) for end in difference.span)
    return f", from {low} to {high} in {count(difference.seeds[0], 'seed')}"


def method_lines(comparison: Comparison) -> list[str]:
    """Which test, on what assumption, over how many seeds."""
    family = comparison.family
    if not family.verdicts:
        return []
    on_examples = [verdict.examples for verdict in family.verdicts if verdict.examples]
    over = f"Holm's correction for {family.comparisons} comparisons" if family.comparisons > 1 else ""
    if over and not family.is_named:
        over += " (all pairs, as the reference is the best of them; --baseline NAME makes fewer)"
    if on_examples:
        test = "McNemar's exact test" if on_examples[0].apart else "paired z-test"
        texts = [f"{test} and paired bootstrap over {on_examples[0].count:,} validation examples", over]
        models = "one run each: this is about these trained models, not the experiments; another seed may reverse it"
        return ["; ".join(filter(None, texts)), models]
    found = [verdict.difference for verdict in family.verdicts if verdict.difference]
    differences = [difference for difference in found if difference.p_value is not None]
    if not differences:
        return ["one seed decides nothing, as another seed moves every score"]
    has_intervals = any(difference.interval for difference in differences)
    interval = "; [ ] the 95% bootstrap interval over seeds" if has_intervals else ""
    texts = [f"± is the standard deviation over seeds{interval}"]
    tests = []
    paired = sorted({difference.seeds[0] for difference in differences if difference.design == "paired"})
    unpaired = sorted({difference.seeds for difference in differences if difference.design == "unpaired"})
    if paired:
        tests.append(f"sign-flip test of {spanned(paired)} pairs by seed (if nothing differs, each can be swapped)")
    if unpaired:
        sizes = ", ".join(f"{n} and {m}" for n, m in unpaired[:3])
        tests.append(f"permutation test of two samples of {sizes} seeds (if nothing differs, they can be dealt anew)")
    return [*texts, "; ".join([*tests, *filter(None, [over])])]


def spanned(numbers: Sequence[int]) -> str:
    """`5`, or `5 to 8`."""
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def advice_lines(comparison: Comparison) -> list[str]:
    """How many more seeds are likely to be needed, and the commands that train them."""
    family = comparison.family
    single = [verdict for verdict in family.verdicts if verdict.examples]
    undecided = single or [verdict for verdict in family.verdicts if verdict.word == "undecided"]
    if family.reference is None or comparison.keys or not undecided:
        return []
    several = f" in {count(family.comparisons, 'comparison')}" if family.comparisons > 1 else ""
    least = fewest_seeds("paired", family.comparisons)
    if least is None or family.comparisons > MOST_COMPARISONS:
        return [
            f"so many groups cannot be told apart{several}: name those that matter, as dnn compare ID ID, "
            "or a --baseline"
        ]
    lines = [f"a verdict on seeds needs at least {least} of each group, as no test of fewer comes to p ≤ 0.05{several}"]
    enough = min((verdict.needed for verdict in undecided if verdict.needed is not None), default=least)
    wanted = [verdict for verdict in undecided if verdict.needed is not None and verdict.needed <= enough]
    if rest := [verdict for verdict in undecided if verdict not in wanted]:
        lines.append(f"differences as large as these would probably show with {seeds_of(comparison, wanted + rest)}")
    lines.append("train them all before looking again: whoever looks after every seed finds something by chance")
    groups = [family.reference, *(verdict.group for verdict in wanted or undecided)]
    first = min(group.seeds[0] for group in groups)
    lines += [f"  {command(group, first, enough)}" for group in groups[:MOST_COMMANDS]]
    if len(groups) > MOST_COMMANDS:
        lines.append(f"  and likewise for {count(len(groups) - MOST_COMMANDS, 'other group')}")
    return lines


def seeds_of(comparison: Comparison, verdicts: Sequence[Verdict]) -> str:
    """`8 seeds (sgd, adagrad), 426 (adam)`."""
    groups: dict[str, list[str]] = defaultdict(list)
    for verdict in verdicts:
        number = f"more than {MOST_SEEDS:,}" if verdict.needed is None else str(verdict.needed)
        groups[number].append(comparison.label(verdict.group))
    texts = [f"{number} ({', '.join(names[:MOST_COMMANDS])}{', …' if names[MOST_COMMANDS:] else ''})"
             for number, names in groups.items()]  # fmt: skip
    return f"{texts[0].replace(' (', ' seeds (', 1)}{''.join(f', {text}' for text in texts[1:])}"


def command(group: Group, first: int, seeds: int) -> str:
    """What trains a group with so many seeds; those it has are not trained again."""
    run = group.rows[0].run
    place = os.path.relpath(run.directory.parent)
    there = [] if place == "runs" else ["--runs-dir", place]
    words = ["dnn", "sweep", os.path.relpath(run.config), f"seed={first}..{first + seeds - 1}", *there]
    return shlex.join(words)
