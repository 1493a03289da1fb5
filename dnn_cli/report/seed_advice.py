"""Advice on the number of seeds that would probably decide more verdicts."""

import os
import shlex
from collections.abc import Sequence

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.significance import MAX_ADVISED_SEEDS, MIN_SEEDS, MeanDifference
from dnn_cli.compare.text_lists import format_list
from dnn_cli.compare.verdicts import Verdict
from dnn_cli.report.difference_text import format_difference_amount
from dnn_cli.report.seed_command import build_sweep_commands
from dnn_cli.report.text import format_count, format_duration

_MAX_ADVISED_COMPARISONS = 100
"""If more pairs of groups than this number are compared, `dnn compare` advises no number of seeds."""

_MAX_NAMED_GROUPS = 3
"""Largest number of groups that a line names; the others are counted."""


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
    return format_list([" for ".join(pair) for pair in zip(needed, labels, strict=True)], _MAX_NAMED_GROUPS)
