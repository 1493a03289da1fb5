"""Groups of random scores, and the number of wrong verdicts on them."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dnn_cli.compare.group import Group
from dnn_cli.compare.score_resolution import compute_resolution
from dnn_cli.compare.significance import ALPHA
from dnn_cli.compare.verdicts import VerdictSet, judge_groups

Scores = NDArray[np.float64]
EXAMPLES = 400
"""Examples of the validation set of rounded scores."""


def draw_normal(chance: Generator, shape: tuple[int, ...]) -> Scores:
    return chance.normal(0.88, 0.003, shape)


def draw_correlated(chance: Generator, shape: tuple[int, ...]) -> Scores:
    return chance.normal(0.88, 0.004, shape[-1]) + chance.normal(0, 0.001, shape)


def draw_skewed(chance: Generator, shape: tuple[int, ...]) -> Scores:
    return 0.9 - 0.01 * chance.lognormal(0, 1, shape)


def draw_heavy_tailed(chance: Generator, shape: tuple[int, ...]) -> Scores:
    return 0.88 + 0.003 * chance.standard_t(2, shape)


def draw_rounded(chance: Generator, shape: tuple[int, ...]) -> Scores:
    return chance.binomial(EXAMPLES, 0.99, shape) / EXAMPLES


def build_bimodal_draw(share: float) -> Callable[[Generator, tuple[int, ...]], Scores]:
    """Build a draw in which a share of the scores is 5 points lower, as if some seeds ended in a bad minimum."""

    def draw(chance: Generator, shape: tuple[int, ...]) -> Scores:
        return chance.normal(0.88, 0.002, shape) - 0.05 * (chance.random(shape) < share)

    return draw


DRAWS: dict[str, Callable[[Generator, tuple[int, ...]], Scores]] = {
    "normal": draw_normal,
    "correlated": draw_correlated,
    "skewed": draw_skewed,
    "heavy": draw_heavy_tailed,
    "rounded": draw_rounded,
    "mode 10%": build_bimodal_draw(0.1),
    "mode 30%": build_bimodal_draw(0.3),
    "mode 50%": build_bimodal_draw(0.5),
}


def make_groups(scores: Scores, *, paired: bool) -> list[Group]:
    """Return one group for each row, the best first; paired groups share their seeds."""
    groups = []
    for number, scores_of_group in enumerate(scores):
        first = 0 if paired else 100 * number
        groups.append(
            Group(str(number), {}, (), {((), first + seed): float(x) for seed, x in enumerate(scores_of_group)})
        )
    return sorted(groups, key=lambda group: -group.mean)


def judge_random_groups(groups: Sequence[Group], examples: int = 0) -> VerdictSet:
    """Return the verdicts on groups, the best first; `examples` is above 0 for accuracies."""
    scores = [score for group in groups for score in group.scores.values()]
    precision = compute_resolution(scores, [examples] * len(scores))
    return judge_groups(groups, "val_accuracy", is_final=True, lower_is_better=False, resolution=precision)


def has_verdict(groups: Sequence[Group], examples: int = 0) -> bool:
    """Return whether any group is called better or worse."""
    return any(verdict.word in ("better", "worse") for verdict in judge_random_groups(groups, examples).verdicts)


def count_wrong_families(name: str, groups: int, seeds: int, families: int, *, paired: bool) -> int:
    """Return the number of families of equal groups of which one is called better or worse."""
    chance = np.random.default_rng(sum(map(ord, name)) + 100 * groups + 10 * seeds + paired)
    examples = EXAMPLES if name == "rounded" else 0
    return sum(
        has_verdict(make_groups(DRAWS[name](chance, (groups, seeds)), paired=paired), examples) for _ in range(families)
    )


def compute_allowed_count(families: int) -> int:
    """Return the largest count that a true rate of 5% exceeds in fewer than 5% of cases: 21 of 300, 15 of 200."""
    total = 0.0
    for count in range(families + 1):
        total += math.comb(families, count) * ALPHA**count * (1 - ALPHA) ** (families - count)
        if total > 0.95:
            return count
    return families
