"""Measure how often `dnn study` names a false winner and finds a real difference.

    simulate [STUDIES]   simulated scores at the default numbers of a study; 10 min for 2,000 studies
    train [STUDIES]      real trainings of a small network on digits; 15 s for each study

A null study compares values that are equally good: the same optimum, trials with noise of their own, and final seeds of
their own. Every verdict is false. A planted study has one value that is two standard deviations better than the others.
Both arms are judged as separate families. Ways to choose the setting:

    same setting         no tuning noise: all values get the truly best setting
    best trial           the best of 20 trials with one seed each
    finalists            the best trials, trained again with more tuning seeds
    study                the same, and verdicts count the noise of tuning that is left: the rule of `dnn study`

In the real null studies, the values are one optimizer with different values of an argument that has no effect. Each
value is trained with seeds of its own, because equal seeds would give equal runs. In the real planted studies, the
values are two sizes of the hidden layer.
"""

import argparse
import math
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.comparison_points import parse_comparison_point
from dnn_cli.compare.score_resolution import compute_resolution
from dnn_cli.compare.verdicts import NO_VERDICTS, VerdictSet
from dnn_cli.execution.executor_choice import ExecutorOptions, count_workers, open_executor
from dnn_cli.execution.reporters import Reporter
from dnn_cli.execution.study_planning import FINALIST_SEEDS, FINALISTS
from dnn_cli.study.power import PLANNED_EFFECT, choose_seeds
from dnn_cli.study.tuning_noise import estimate_tuning_spread, judge_with_tuning_noise
from tests.helpers.null_studies import (
    StudyOutcome,
    StudySize,
    plan_independent_study,
    read_outcome,
    train_study,
)
from tests.helpers.random_groups import Scores, compute_allowed_count, judge_random_groups, make_groups
from tests.helpers.simulated_studies import (
    SCORE_MODELS,
    ScoreModel,
    TuningRule,
    draw_final_scores,
    draw_trial_offsets,
    simulate_tuning,
)

VALUE_COUNTS = (2, 5)
MIN_FOUND = {2: 0.9, 5: 0.8}
"""Share of planted differences that must be found, by number of values."""

SIMULATED_STUDIES, REAL_STUDIES, REAL_PLANTED_STUDIES = 2000, 60, 10
"""Numbers of studies that are tried by default."""

PLANTED_QUESTION = "layers.hidden.units=16,8"
"""Question of the real planted studies. Its first value is better."""


@dataclass(frozen=True)
class Counts:
    """Numbers of studies with some result."""

    false_tuned: int = 0
    false_default: int = 0
    found_pair: int = 0
    found_best: int = 0


def list_rules(finalists: int = FINALISTS, finalist_seeds: int = FINALIST_SEEDS) -> dict[str, tuple[TuningRule, bool]]:
    """Return the rules of the choice by name, each with whether verdicts count tuning noise."""
    rule = TuningRule(finalists=finalists, seeds=finalist_seeds)
    return {
        "same setting": (TuningRule(is_ideal=True), False),
        "best trial": (TuningRule(), False),
        "finalists": (rule, False),
        "study": (rule, True),
    }


def count_results(
    model: ScoreModel, values: int, seeds: int, studies: int, rule: TuningRule, *, counts_tuning_noise: bool
) -> Counts:
    """Simulate null and planted studies, and count false winners and differences that were found."""
    rng = np.random.default_rng(100 * values + studies)
    tuning = simulate_tuning(rng, model, draw_trial_offsets(rng, studies, rule.trials), values, rule)
    null = draw_final_scores(rng, model, tuning.offsets, seeds)
    default = draw_final_scores(rng, model, np.repeat(rng.uniform(-5, 0, (studies, 1)), values, 1), seeds)
    planted_offsets = tuning.offsets + PLANNED_EFFECT * (np.arange(values) == 0)
    planted = draw_final_scores(rng, model, planted_offsets, seeds)
    spreads = [
        estimate_tuning_spread(list(finalists)) if counts_tuning_noise else 0.0 for finalists in tuning.finalists
    ]
    null_verdicts, planted_verdicts = (
        [judge(scores, model.examples, spread) for scores, spread in zip(arm, spreads, strict=True)]
        for arm in (null, planted)
    )
    worse_values = [find_worse(verdicts) for verdicts in planted_verdicts]
    return Counts(
        sum(map(names_winner, null_verdicts)),
        sum(names_winner(judge(scores, model.examples)) for scores in default),
        sum("1" in worse for worse in worse_values),
        sum(len(worse) == values - 1 for worse in worse_values),
    )


def judge(scores: Scores, examples: int, tuning_spread: float = 0.0) -> VerdictSet:
    """Return the verdicts of one study on scores of shape (values, seeds); seeds are paired."""
    groups = make_groups(scores, paired=True)
    if not tuning_spread:
        return judge_random_groups(groups, examples)
    resolution = compute_resolution(scores.ravel().tolist(), [examples] * scores.size)
    point = parse_comparison_point("final")
    comparison = Comparison("val_accuracy", point, (), tuple(groups), (), NO_VERDICTS, (), (), resolution)
    return judge_with_tuning_noise(comparison, tuning_spread).verdict_set


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


def simulate_studies(options: argparse.Namespace) -> bool:
    """Print false winners and found differences, and return whether the last rule keeps both limits."""
    is_right, start, studies = True, time.monotonic(), options.studies or SIMULATED_STUDIES
    for values in [options.values] if options.values else VALUE_COUNTS:
        seeds = options.seeds or choose_seeds(values)
        rules = list_rules(*options.finalists)
        if options.rule:
            rules = {options.rule: rules[options.rule]}
        print(f"{values} values, {seeds} final seeds, {options.finalists[0]} finalists of {options.finalists[1]} seeds")
        columns = ("false winner, tuned", "false winner, default", "pair found", "better than all found")
        print(f"{'':30} {'  '.join(f'{column:27}' for column in columns)}")
        for model_name, model in SCORE_MODELS.items():
            for name, (rule, counts_noise) in rules.items():
                counts = count_results(model, values, seeds, studies, rule, counts_tuning_noise=counts_noise)
                cells = (counts.false_tuned, counts.false_default, counts.found_pair, counts.found_best)
                shares = "  ".join(f"{format_share(cell, studies):27}" for cell in cells)
                print(f"{model_name:15} {name:14} {shares}", flush=True)
                if name == list(rules)[-1]:
                    is_right &= max(counts.false_tuned, counts.false_default) <= compute_allowed_count(studies)
                    is_right &= counts.found_pair >= MIN_FOUND[values] * studies
    print(f"{time.monotonic() - start:.0f} s; {studies} studies of each kind; shares with the 95% interval of Wilson")
    return is_right


def train_studies(options: argparse.Namespace) -> bool:
    """Train null and planted studies, print their winners, and return whether false winners are at most 5%."""
    is_right, started = True, time.monotonic()
    size = StudySize(options.trials, *options.finalists, options.seeds)
    values = options.values or VALUE_COUNTS[0]
    print(
        f"{values} values, {size.trials} trials, {size.finalists} finalists of {size.finalist_seeds} seeds, "
        f"{size.final_seeds or choose_seeds(values)} final seeds; winners:"
    )
    print(f"{'':26} {'tuned':27}  {'with defaults':27}")
    studies = options.studies or REAL_STUDIES
    null = measure_studies(build_null_question(values), size, studies)
    winners = print_winners("equal values", null)
    is_right &= max(winners.values()) <= compute_allowed_count(studies)
    print(f"{'':26} two values have different chosen trials in {sum(item.has_different_choices for item in null)}")
    if options.planted:
        planted = measure_studies(PLANTED_QUESTION, size, options.planted)
        print_winners("16 and 8 hidden units", planted)
        effect = fmean(outcome.effect for outcome in planted)
        print(f"{'':26} with defaults, 16 units are {effect:.1f} standard deviations better")
    print(f"{time.monotonic() - started:.0f} s; shares with the 95% interval of Wilson")
    return is_right


def build_null_question(values: int) -> str:
    """Return a question whose values are Adam with a momentum of averages that are not computed."""
    return "optimizer=" + ",".join(f"{{type: adam, ema_momentum: 0.{98 - number}}}" for number in range(values))


def measure_studies(question: str, size: StudySize, studies: int) -> list[StudyOutcome]:
    """Train studies of a question with the same workers, each in a directory of its own, and return their outcomes."""
    outcomes: list[StudyOutcome] = []
    with tempfile.TemporaryDirectory() as temporary:
        experiments = plan_independent_study(Path(temporary), question, size, 0).list_experiments()
        options = ExecutorOptions(gpus=0)
        workers = count_workers(options, experiments, size.trials)
        with open_executor(options, experiments, Reporter(), size.trials) as executor:
            for number in range(studies):
                started = time.monotonic()
                with tempfile.TemporaryDirectory() as directory:
                    study = plan_independent_study(Path(directory), question, size, number)
                    runs = train_study(study, executor, lanes="16", workers=workers)
                    outcomes.append(read_outcome(study.build_result()))
                winner_count = sum(any(outcome.winners.values()) for outcome in outcomes)
                print(
                    f"\r{number + 1} studies of {question.partition('=')[0]}, {winner_count} with a winner; the last: "
                    f"{runs} runs in {time.monotonic() - started:.0f} s ",
                    end="", file=sys.stderr, flush=True,
                )  # fmt: skip
    print(file=sys.stderr)
    return outcomes


def print_winners(title: str, outcomes: list[StudyOutcome]) -> dict[str, int]:
    """Print how many studies name a winner in each arm, and which winners; return the numbers by arm."""
    arms = ("tuned", "default")
    names = {arm: Counter(outcome.winners[arm] for outcome in outcomes if outcome.winners[arm]) for arm in arms}
    counts = {arm: names[arm].total() for arm in arms}
    print(f"{title:26} {'  '.join(f'{format_share(counts[arm], len(outcomes)):27}' for arm in arms)}", flush=True)
    for arm in arms:
        for name, count in names[arm].most_common():
            print(f"{'':26} {arm}: {name} in {count}")
    return counts


MODES = {"simulate": simulate_studies, "train": train_studies}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("mode", choices=MODES, help="what to measure")
    parser.add_argument(
        "studies", type=int, nargs="?", help=f"number of studies of each kind; {SIMULATED_STUDIES}, or {REAL_STUDIES}"
    )
    parser.add_argument("--values", type=int, choices=VALUE_COUNTS, help="only studies with this number of values")
    parser.add_argument("--rule", choices=list_rules(), help="simulate: only this way to choose the setting")
    parser.add_argument("--seeds", type=int, help="number of final seeds; the default of dnn study without it")
    parser.add_argument("--finalists", type=int, nargs=2, default=(FINALISTS, FINALIST_SEEDS), metavar=("N", "SEEDS"))
    parser.add_argument("--trials", type=int, default=20, help="train: number of trials of each value")
    parser.add_argument(
        "--planted", type=int, default=REAL_PLANTED_STUDIES, metavar="N", help="train: number of planted studies"
    )


def run(options: argparse.Namespace) -> int:
    """Run one mode and return 1 if a limit is exceeded."""
    return 0 if MODES[options.mode](options) else 1
