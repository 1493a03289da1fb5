"""Measure how often `dnn study` names a false winner and finds a real difference.

    simulate [STUDIES]   simulated scores at the default numbers of a study; 3 min for 2,000 studies

A null study compares values that are equally good: the same optimum, trials with noise of their own, and final seeds of
their own. Every verdict is false. A planted study has one value that is two standard deviations better than the others.
Both arms are judged as separate families. Ways to choose the setting:

    same setting         no tuning noise: all values get the truly best setting
    best trial           the best of 20 trials with one seed each
    finalists            the best 4 trials, trained again with as many tuning seeds as there are final seeds
    allowance            the same, and the verdict allows for the tuning noise that is left
"""

import argparse
import math
import time
from dataclasses import dataclass

import numpy as np

from dnn_cli.compare.verdicts import VerdictSet
from dnn_cli.study.power import PLANNED_EFFECT, choose_seeds
from dnn_cli.study.tuning_noise import draw_means_together, estimate_tuning_spread
from tests.helpers.random_groups import Scores, compute_allowed_count, judge_random_groups, make_groups
from tests.helpers.simulated_studies import (
    SCORE_MODELS,
    ScoreModel,
    SimulatedTuning,
    TuningRule,
    draw_final_scores,
    draw_trial_offsets,
    simulate_tuning,
)

VALUE_COUNTS = (2, 5)
MIN_FOUND = {2: 0.9, 5: 0.8}
"""Share of planted differences that must be found, by number of values."""

FINALISTS = 4


@dataclass(frozen=True)
class Counts:
    """Numbers of studies with some result."""

    false_tuned: int = 0
    false_default: int = 0
    found_pair: int = 0
    found_best: int = 0


def list_rules(seeds: int) -> dict[str, tuple[TuningRule, bool]]:
    """Return the rules of the choice by name, each with whether the verdict allows for tuning noise."""
    finalists = TuningRule(finalists=FINALISTS, seeds=seeds)
    return {
        "same setting": (TuningRule(is_ideal=True), False),
        "best trial": (TuningRule(), False),
        "finalists": (finalists, False),
        "allowance": (finalists, True),
    }


def count_results(model: ScoreModel, values: int, studies: int, rule: TuningRule, *, has_allowance: bool) -> Counts:
    """Simulate null and planted studies, and count false winners and differences that were found."""
    rng, seeds = np.random.default_rng(100 * values + studies), choose_seeds(values)
    tuning = simulate_tuning(rng, model, draw_trial_offsets(rng, studies, rule.trials), values, rule)
    null = draw_final_scores(rng, model, tuning.offsets, seeds)
    default = draw_final_scores(rng, model, np.repeat(rng.uniform(-5, 0, (studies, 1)), values, 1), seeds)
    planted_offsets = tuning.offsets + PLANNED_EFFECT * (np.arange(values) == 0)
    planted = draw_final_scores(rng, model, planted_offsets, seeds)
    if has_allowance:
        null, planted = (allow_for_tuning(scores, tuning) for scores in (null, planted))
    examples = 0 if has_allowance else model.examples
    found = [find_worse(judge(scores, examples)) for scores in planted]
    return Counts(
        sum(names_winner(judge(scores, examples)) for scores in null),
        sum(names_winner(judge(scores, model.examples)) for scores in default),
        sum("1" in worse for worse in found),
        sum(len(worse) == values - 1 for worse in found),
    )


def allow_for_tuning(scores: Scores, tuning: SimulatedTuning) -> Scores:
    """Return the final scores of all studies with an allowance for the noise of their tuning."""
    return np.stack(
        [
            draw_means_together(final, estimate_tuning_spread(list(finalists)))
            for final, finalists in zip(scores, tuning.finalists, strict=True)
        ]
    )


def judge(scores: Scores, examples: int) -> VerdictSet:
    """Return the verdicts of one study on scores of shape (values, seeds); seeds are paired."""
    return judge_random_groups(make_groups(scores, paired=True), examples)


def names_winner(verdicts: VerdictSet) -> bool:
    """Return whether any value is called better or worse."""
    return any(verdict.word in ("better", "worse") for verdict in verdicts.verdicts)


def find_worse(verdicts: VerdictSet) -> set[str]:
    """Return the values that are called worse than the planted best value 0."""
    if verdicts.reference is None or verdicts.reference.name != "0":
        return set()
    return {verdict.group.name for verdict in verdicts.verdicts if verdict.word == "worse"}


def format_share(count: int, total: int) -> str:
    """Return a count with its share and the 95% interval of Wilson."""
    share, z = count / total, 1.96
    centre = (share + z * z / 2 / total) / (1 + z * z / total)
    reach = z * math.sqrt(share * (1 - share) / total + z * z / 4 / total**2) / (1 + z * z / total)
    return f"{count:4} {share:6.1%} ({centre - reach:.1%} to {centre + reach:.1%})"


def simulate_studies(studies: int = 2000, values: int | None = None, rule: str | None = None) -> bool:
    """Print false winners and found differences, and return whether the last rule keeps both limits."""
    is_right, start = True, time.monotonic()
    for count in [values] if values else VALUE_COUNTS:
        rules = {name: item for name, item in list_rules(choose_seeds(count)).items() if rule in (None, name)}
        print(f"{count} values, {choose_seeds(count)} seeds, {studies} studies of each kind")
        columns = ("false winner, tuned", "false winner, default", "pair found", "better than all found")
        print(f"{'':30} {'  '.join(f'{column:27}' for column in columns)}")
        for model_name, model in SCORE_MODELS.items():
            for name, (tuning_rule, has_allowance) in rules.items():
                counts = count_results(model, count, studies, tuning_rule, has_allowance=has_allowance)
                cells = (counts.false_tuned, counts.false_default, counts.found_pair, counts.found_best)
                shares = "  ".join(f"{format_share(cell, studies):27}" for cell in cells)
                print(f"{model_name:15} {name:14} {shares}", flush=True)
                if name == list(rules)[-1]:
                    is_right &= max(counts.false_tuned, counts.false_default) <= compute_allowed_count(studies)
                    is_right &= counts.found_pair >= MIN_FOUND[count] * studies
    print(f"{time.monotonic() - start:.0f} s; each count with its share and the 95% interval of Wilson")
    return is_right


MODES = {"simulate": simulate_studies}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("mode", choices=MODES, help="what to measure")
    parser.add_argument("studies", type=int, nargs="?", default=2000, help="number of studies of each kind")
    parser.add_argument("--values", type=int, choices=VALUE_COUNTS, help="only studies with this number of values")
    parser.add_argument("--rule", choices=list_rules(1), help="only this way to choose the setting")


def run(options: argparse.Namespace) -> int:
    """Run one mode and return 1 if a limit is exceeded."""
    return 0 if MODES[options.mode](options.studies, options.values, options.rule) else 1
