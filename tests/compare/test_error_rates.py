"""How often a verdict is wrong, and how often it is found, in thousands of comparisons that are drawn."""

import math

import numpy as np
import pytest

from dnn_cli.compare import resampling
from dnn_cli.compare.differences import differences
from dnn_cli.compare.grouping import Group
from dnn_cli.compare.statistics import ALPHA
from dnn_cli.compare.verdicts import judge

FAMILIES = 1000
ALLOWED = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / FAMILIES)
"""The share of wrong families that chance exceeds once in 700 times, where it is 5%."""


def normal(chance, groups, seeds):
    return chance.normal(0.88, 0.003, (groups, seeds))


def correlated(chance, groups, seeds):
    return chance.normal(0.88, 0.004, seeds) + chance.normal(0, 0.001, (groups, seeds))


def skewed(chance, groups, seeds):
    return 0.9 - 0.01 * chance.lognormal(0, 1, (groups, seeds))


def discrete(chance, groups, seeds):
    return chance.binomial(40, 0.9, (groups, seeds)) / 40


DRAWS = {draw.__name__: draw for draw in (normal, correlated, skewed, discrete)}


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    """Intervals are not what is counted, except where they are."""
    monkeypatch.setattr(resampling, "RESAMPLES", 199)


def groups_of(scores, first_seeds=None):
    """A group a row; paired, unless each begins with a seed of its own."""
    groups = []
    for number, row in enumerate(scores):
        first = first_seeds[number] if first_seeds else 0
        groups.append(Group(str(number), {}, (), {("", first + seed): float(x) for seed, x in enumerate(row)}))
    return sorted(groups, key=lambda group: -group.mean)


def is_wrong(groups):
    """Whether any group is called better or worse."""
    verdicts = judge(groups, "val_accuracy", is_final=True, lower_is_better=False).verdicts
    return any(verdict.word in ("better", "worse") for verdict in verdicts)


@pytest.mark.parametrize(("groups", "seeds"), [(2, 6), (2, 10), (3, 8), (4, 9)], ids=str)
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_equal_groups_are_called_different_in_at_most_5_percent(draw, groups, seeds):
    chance = np.random.default_rng(0)
    wrong = sum(is_wrong(groups_of(draw(chance, groups, seeds))) for _ in range(FAMILIES))
    assert wrong / FAMILIES <= ALLOWED


@pytest.mark.parametrize(
    ("ratio", "allowed"), [(1, ALLOWED), (4, 0.08)], ids=["alike", "one scatters four times as much"]
)
def test_so_are_samples_of_different_seeds(ratio, allowed):
    """Where the two scatter differently the test is right only for many seeds; how wrong it is for few is bounded."""
    chance = np.random.default_rng(1)
    wrong = 0
    for _ in range(FAMILIES):
        scores = chance.normal(0, 1, (2, 7)) * np.array([[1], [ratio]])
        wrong += is_wrong(groups_of(scores, first_seeds=[0, 100]))
    assert wrong / FAMILIES <= allowed


@pytest.mark.parametrize(("seeds", "least"), [(8, 0.8), (12, 0.97)], ids=str)
def test_a_difference_of_one_and_a_half_deviations_is_found(seeds, least):
    chance = np.random.default_rng(2)
    found = 0
    for _ in range(300):
        worse = chance.normal(0, 1, seeds)
        scores = np.stack([worse + chance.normal(1.5, 1, seeds), worse])
        found += is_wrong(groups_of(scores))
    assert found / 300 >= least


@pytest.mark.parametrize(("seeds", "least"), [(5, 0.88), (8, 0.92), (20, 0.93)], ids=str)
def test_intervals_hold_the_truth(monkeypatch, seeds, least):
    monkeypatch.setattr(resampling, "RESAMPLES", 1999)
    drawn = np.random.default_rng(3).normal(0, 1, (2000, seeds))
    pairs = [(dict(enumerate(row.tolist())), dict.fromkeys(range(seeds), 0.0)) for row in drawn]
    hold = [low <= 0 <= high for found in differences(pairs) for low, high in [found.interval]]
    assert np.mean(hold) >= least
