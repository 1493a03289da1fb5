"""Random scores of setups on several datasets, and the number of wrong rankings of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.comparison_points import parse_comparison_point
from dnn_cli.compare.dataset_ranking import DatasetRanking, rank_setups
from dnn_cli.compare.group import Group
from dnn_cli.compare.score_resolution import compute_resolution
from dnn_cli.compare.setups import Setup
from dnn_cli.compare.verdicts import NO_VERDICTS

Means = NDArray[np.float64]
ACCURACY, LOSS = "val_accuracy", "val_loss"
_FINAL = parse_comparison_point("final")


@dataclass(frozen=True)
class DatasetDraw:
    """Kind of random scores: a function that draws mean scores of shape (datasets, setups), and the metrics."""

    draw: Callable[[Generator, tuple[int, int]], Means]
    metrics: tuple[str, ...] = (ACCURACY,)
    """Metrics of the datasets, which are repeated."""

    equal_from: int = 0
    """Index of the first of the setups that are equally good."""


def _draw_levels(chance: Generator, shape: tuple[int, int]) -> Means:
    """Draw the level of each dataset, from 0.6 to 0.95."""
    return chance.uniform(0.6, 0.95, (shape[0], 1))


def _draw_normal(chance: Generator, shape: tuple[int, int]) -> Means:
    return _draw_levels(chance, shape) + chance.normal(0, 0.01, shape)


def _draw_heavy_tailed(chance: Generator, shape: tuple[int, int]) -> Means:
    return _draw_levels(chance, shape) + 0.005 * chance.standard_t(2, shape)


def _draw_skewed(chance: Generator, shape: tuple[int, int]) -> Means:
    return _draw_levels(chance, shape) - 0.01 * chance.lognormal(0, 1, shape)


def _draw_rounded(chance: Generator, shape: tuple[int, int]) -> Means:
    return chance.binomial(30, _draw_levels(chance, shape), shape) / 30


def _draw_unequal(chance: Generator, shape: tuple[int, int]) -> Means:
    """Draw scores of setups with different spreads around equal means."""
    return _draw_levels(chance, shape) + chance.normal(0, 0.005, shape) * np.arange(1, shape[1] + 1)


def _draw_errors(chance: Generator, shape: tuple[int, int]) -> Means:
    """Draw errors in units that differ between datasets by a factor of up to ten million."""
    return 10 ** chance.uniform(-3, 4, (shape[0], 1)) * chance.lognormal(0, 0.1, shape)


def _draw_mixed(chance: Generator, shape: tuple[int, int]) -> Means:
    """Draw accuracies for datasets with an even index, and errors for the others."""
    is_even = np.arange(shape[0])[:, None] % 2 == 0
    return np.where(is_even, _draw_normal(chance, shape), _draw_errors(chance, shape))


def _draw_one_worse(chance: Generator, shape: tuple[int, int]) -> Means:
    """Draw scores of setups of which the first is worse, and the others are equally good."""
    means = _draw_normal(chance, shape)
    means[:, 0] -= 0.1
    return means


DATASET_DRAWS = {
    "normal": DatasetDraw(_draw_normal),
    "heavy-tailed": DatasetDraw(_draw_heavy_tailed),
    "skewed": DatasetDraw(_draw_skewed),
    "rounded": DatasetDraw(_draw_rounded),
    "unequal spread": DatasetDraw(_draw_unequal),
    "errors": DatasetDraw(_draw_errors, (LOSS,)),
    "mixed": DatasetDraw(_draw_mixed, (ACCURACY, LOSS)),
    "one worse": DatasetDraw(_draw_one_worse, equal_from=1),
}


def make_comparisons(means: Means, metrics: tuple[str, ...]) -> tuple[list[Comparison], list[Setup]]:
    """Return a comparison for each row of mean scores, and a setup for each column."""
    groups = [[Group(str(number), {}, (), {((), 1): float(mean)}) for number, mean in enumerate(row)] for row in means]
    comparisons = [
        Comparison(
            metrics[at % len(metrics)], _FINAL, (), tuple(of_dataset), (), NO_VERDICTS, (), (),
            compute_resolution(row.tolist(), [0] * len(row)),
        )
        for at, (row, of_dataset) in enumerate(zip(means, groups, strict=True))
    ]  # fmt: skip
    setups = [
        Setup(str(number), {at: of_dataset[number] for at, of_dataset in enumerate(groups)}, {})
        for number in range(means.shape[1])
    ]
    return comparisons, setups


def rank_means(means: Means, metrics: tuple[str, ...] = (ACCURACY,)) -> DatasetRanking:
    """Return the ranking of setups with the given mean scores, of shape (datasets, setups)."""
    comparisons, setups = make_comparisons(means, metrics)
    ranking = rank_setups(comparisons, setups, range(len(means)))
    assert ranking is not None
    return ranking


def is_wrong(ranking: DatasetRanking, equal_from: int = 0) -> bool:
    """Return whether a verdict calls two of the equally good setups different."""
    return int(ranking.reference.label) >= equal_from and any(
        ranked.word in ("better", "worse") and int(ranked.setup.label) >= equal_from for ranked in ranking.setups
    )


def count_wrong_rankings(name: str, datasets: int, setups: int, rankings: int) -> int:
    """Return the number of random rankings in which equally good setups are called different."""
    kind = DATASET_DRAWS[name]
    chance = np.random.default_rng(sum(map(ord, name)) + 100 * datasets + setups)
    return sum(
        is_wrong(rank_means(kind.draw(chance, (datasets, setups)), kind.metrics), kind.equal_from)
        for _ in range(rankings)
    )
