"""Studies with simulated scores: random optima, trials with noise, a choice of settings, and final runs.

All offsets are in standard deviations of the score of one run.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tests.helpers.random_groups import Scores

Offsets = NDArray[np.float64]

WORST_OFFSET = -30.0
"""Lowest mean score of a trial, below the best setting."""

DECADES = 4.0
"""Width of the range of the learning rate."""


@dataclass(frozen=True)
class ScoreModel:
    """Distribution of the scores of runs around their mean."""

    draw: Callable[[Generator, Offsets], Scores]
    """Function that draws one score for each offset of the mean; the first axis of the offsets is the study."""

    examples: int = 0
    """Number of examples from which an accuracy is computed; 0 for other scores."""


def draw_normal(rng: Generator, offsets: Offsets) -> Scores:
    return 0.88 + 0.003 * (offsets + rng.normal(0, 1, offsets.shape))


def draw_skewed(rng: Generator, offsets: Offsets) -> Scores:
    noise = rng.lognormal(0, 0.75, offsets.shape)
    mean, deviation = math.exp(0.75**2 / 2), math.sqrt((math.exp(0.75**2) - 1) * math.exp(0.75**2))
    return 0.88 + 0.003 * (offsets - (noise - mean) / deviation)


def build_bimodal_draw(share: float) -> Callable[[Generator, Offsets], Scores]:
    """Build a draw in which a share of the seeds ends 8 deviations of the other seeds lower."""
    deviation = math.sqrt(1 + 64 * share * (1 - share))

    def draw(rng: Generator, offsets: Offsets) -> Scores:
        noise = rng.normal(0, 1, offsets.shape) - 8 * (rng.random(offsets.shape) < share)
        return 0.88 + 0.003 * (offsets + (noise + 8 * share) / deviation)

    return draw


def build_accuracy_draw(examples: int) -> Callable[[Generator, Offsets], Scores]:
    """Build a draw of accuracies, where all runs of a study are scored on the same examples.

    A tenth of the examples is contested: runs differ in them. The other examples are equally easy or hard for all runs.
    Seeds differ by 0.3 points in addition.
    """
    contested = examples // 10
    seed_deviation = 0.003 * examples / contested
    deviation = math.sqrt(0.25 / contested + seed_deviation**2)

    def draw(rng: Generator, offsets: Offsets) -> Scores:
        shares = np.clip(0.5 + deviation * offsets + rng.normal(0, seed_deviation, offsets.shape), 0, 1)
        easy = rng.binomial(examples - contested, 0.95, len(offsets)).reshape(-1, *(1,) * (offsets.ndim - 1))
        return (easy + rng.binomial(contested, shares)) / examples

    return draw


SCORE_MODELS = {
    "normal": ScoreModel(draw_normal),
    "skewed": ScoreModel(draw_skewed),
    "bad seeds 5%": ScoreModel(build_bimodal_draw(0.05)),
    "bad seeds 20%": ScoreModel(build_bimodal_draw(0.2)),
    "180 examples": ScoreModel(build_accuracy_draw(180), 180),
    "1,500 examples": ScoreModel(build_accuracy_draw(1500), 1500),
    "6,000 examples": ScoreModel(build_accuracy_draw(6000), 6000),
}


@dataclass(frozen=True)
class TuningRule:
    """Rule that chooses a setting for each value."""

    trials: int = 20
    finalists: int = 1
    """Number of best trials that are trained again with tuning seeds; 1 to choose the best trial."""

    seeds: int = 1
    """Number of tuning seeds of each finalist."""

    is_ideal: bool = False
    """Whether the truly best setting is chosen, which no real study can do."""


@dataclass(frozen=True)
class SimulatedTuning:
    """Settings that the tuning of many studies has chosen."""

    offsets: Offsets
    """Mean score of the chosen settings, of shape (studies, values)."""

    finalists: Scores
    """Scores of the finalists, of shape (studies, values, finalists, seeds)."""


def draw_trial_offsets(rng: Generator, studies: int, trials: int) -> Offsets:
    """Return the mean scores of the trials, of shape (studies, trials): equal for all values of a null study.

    The points are quasi-random in learning rate and momentum. The curvature of the optimum differs between studies: one
    decade from the best rate costs 1 to 30 deviations, and up to four times as much on the side of large rates.
    """
    # The steps of the R2 sequence, whose points are as even as those of a Halton sequence.
    ratio = 1.324717957244746
    points = (rng.random((studies, 1, 2)) + np.arange(1, trials + 1)[None, :, None] / np.array([ratio, ratio**2])) % 1
    distance = points * np.array([DECADES, 1.0]) - rng.uniform(0.25, 0.75, (studies, 1, 2)) * np.array([DECADES, 1.0])
    steeper = np.where(distance[..., 0] > 0, rng.uniform(1, 4, (studies, 1)), 1.0)
    costs = distance[..., 0] ** 2 * steeper + distance[..., 1] ** 2
    curvature = np.exp(rng.uniform(0, math.log(30), (studies, 1)))
    return np.maximum(WORST_OFFSET, -curvature * costs)


def simulate_tuning(
    rng: Generator, model: ScoreModel, offsets: Offsets, values: int, rule: TuningRule
) -> SimulatedTuning:
    """Tune every value of every study by its own noisy trials, and return the chosen settings.

    Args:
        rng: The source of random numbers.
        model: The distribution of scores.
        offsets: The mean scores of the trials, of shape (studies, trials), equal for all values.
        values: The number of values.
        rule: The rule of the choice.
    """
    true = np.repeat(offsets[:, None], values, 1)
    trials = np.where(rule.is_ideal, true, model.draw(rng, true))
    order = np.argsort(-trials, -1, kind="stable")[..., : rule.finalists]
    finalists = np.take_along_axis(true, order, -1)
    scores = model.draw(rng, np.repeat(finalists[..., None], rule.seeds, -1))
    best = scores.mean(-1).argmax(-1)[..., None]
    return SimulatedTuning(np.take_along_axis(finalists, best, -1)[..., 0], scores)


def draw_final_scores(rng: Generator, model: ScoreModel, offsets: Offsets, seeds: int) -> Scores:
    """Return the scores of final runs, of shape (studies, values, seeds), for settings of shape (studies, values)."""
    return model.draw(rng, np.repeat(offsets[..., None], seeds, -1))
