"""Ranking of setups over several datasets, with tests whose sample are the datasets (Demšar, JMLR 7, 2006).

Scores of different datasets have no common scale, so that means of scores say nothing. Setups are ranked on every
dataset, and the mean ranks are compared. `tests/stress/dataset_error_rate.py` measures how often a verdict is wrong.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.setups import Setup
from dnn_cli.compare.significance import ALPHA, correct_by_holm
from dnn_cli.compare.verdicts import VerdictWord
from dnn_cli.config.score_names import is_share

if TYPE_CHECKING:
    from dnn_cli.compare.exact_tests import FloatArray
    from dnn_cli.compare.rank_tests import FriedmanTest

MIN_DATASETS = 5
"""Number of datasets that a ranking needs. With four, the smallest p-value of the signed-rank test is 0.125."""

_MAX_CANDIDATES = 100
"""Largest number of sets of datasets that `_choose_block` combines. It combines the most common sets."""

Scale = Literal["difference", "ratio", "sign"]
"""Measure by which two setups are compared on one dataset.

Scores between 0 and 1 have differences. Errors in the units of each dataset have ratios. Of other scores, only the
signs of the differences have a common meaning."""


@dataclass(frozen=True)
class RankedSetup:
    """Setup with its ranks, and with the verdict on it against the reference."""

    setup: Setup
    ranks: tuple[float, ...]
    """Rank on each dataset of the ranking, from 1 for the best; tied setups have the mean of their ranks."""

    mean_rank: float
    wins: int = 0
    """Number of datasets on which the setup is better than the reference."""

    losses: int = 0
    word: VerdictWord | None = None
    """Verdict of the signed-rank test; `None` for the reference."""

    p_value: float | None = None
    """P-value of the signed-rank test after Holm's correction; `None` for the reference."""


@dataclass(frozen=True)
class DatasetRanking:
    """Ranking of setups over datasets."""

    datasets: tuple[int, ...]
    """Indices of the datasets that count."""

    setups: tuple[RankedSetup, ...]
    """Setups that were trained on all of these datasets, from the best mean rank to the worst."""

    reference: Setup
    is_named: bool
    """Whether the user named the reference. Otherwise, the reference is the setup with the best mean rank."""

    friedman: "FriedmanTest | None"
    """Test of equal mean ranks of all setups; `None` for two setups."""

    comparisons: int
    """Number of pairs of setups that are judged together."""

    scale: Scale
    left_out: tuple[Setup, ...]
    """Setups that were not trained on all of the datasets."""

    @property
    def has_difference(self) -> bool:
        """Whether Friedman's test finds that setups differ; two setups need no such test."""
        return self.friedman is None or self.friedman.p_value <= ALPHA

    @property
    def needed_datasets(self) -> int | None:
        """The smallest number of datasets with which a verdict is possible; `None` if the datasets are enough."""
        needed = math.ceil(math.log2(2 * self.comparisons / ALPHA))
        return needed if needed > len(self.datasets) else None


def rank_setups(
    comparisons: Sequence[Comparison],
    setups: Sequence[Setup],
    datasets: Sequence[int],
    baseline: Setup | None = None,
) -> DatasetRanking | None:
    """Return the ranking of the setups that were trained on the most datasets; `None` without two such setups.

    A setup whose runs all failed on a dataset has the worst rank there. The choice of setups and datasets depends on
    the runs that exist, never on scores.

    Args:
        comparisons: The comparison of every dataset.
        setups: The setups.
        datasets: The indices of the datasets that may count.
        baseline: The setup to compare the others with; `None` for the one with the best mean rank.
    """
    block, chosen = _choose_block(setups, datasets)
    if len(chosen) < 2 or len(block) < MIN_DATASETS:
        return None
    # The import of numpy takes as long as the rest of a comparison.
    import numpy as np

    from dnn_cli.compare.rank_tests import compute_midranks, run_friedman_test

    errors = np.array([[_get_error(comparisons[at], setup, at) for setup in chosen] for at in block])
    tolerances = np.array([comparisons[at].resolution.tolerance for at in block])
    ranks = np.stack([compute_midranks(row, slack) for row, slack in zip(errors, tolerances.tolist(), strict=True)])
    scale = _choose_scale([comparisons[at] for at in block], errors)
    order = [int(index) for index in np.argsort(ranks.mean(0), kind="stable")]
    reference = chosen.index(baseline) if baseline in chosen else order[0]
    others = [index for index in order if index != reference]
    count = len(others) if baseline in chosen else len(chosen) * (len(chosen) - 1) // 2
    friedman = run_friedman_test(ranks) if len(chosen) > 2 else None
    is_open = friedman is None or friedman.p_value <= ALPHA
    gains = [_compute_gains(errors[:, index], errors[:, reference], tolerances, scale) for index in others]
    verdicts = dict(zip(others, _judge_gains(gains, count, len(block), is_open=is_open), strict=True))
    ranked = [
        RankedSetup(
            chosen[index], tuple(ranks[:, index].tolist()), float(ranks[:, index].mean()), *verdicts.get(index, ())
        )
        for index in order
    ]
    return DatasetRanking(
        tuple(block), tuple(ranked), chosen[reference], baseline in chosen, friedman, count, scale,
        tuple(setup for setup in setups if setup not in chosen),
    )  # fmt: skip


def _choose_block(setups: Sequence[Setup], datasets: Sequence[int]) -> tuple[list[int], list[Setup]]:
    """Choose datasets and setups such that every setup was trained on every dataset, and return both.

    Of all choices with at least five datasets, the one with the largest number of pairs of a setup and a dataset is
    taken. A candidate consists of the datasets that one setup, two setups or all setups share.
    """
    counts = Counter(setup.datasets & set(datasets) for setup in setups)
    common = [trained for trained, _ in counts.most_common(_MAX_CANDIDATES)]
    candidates = {*common, *(first & second for first, second in combinations(common, 2))}
    if common:
        candidates.add(frozenset.intersection(*common))

    def count_pairs(candidate: frozenset[int]) -> tuple[bool, int, int, list[int]]:
        members = sum(count for trained, count in counts.items() if candidate <= trained)
        is_enough = len(candidate) >= MIN_DATASETS and members > 1
        return is_enough, members * len(candidate), len(candidate), sorted(candidate, reverse=True)

    block = max(candidates, key=count_pairs, default=frozenset())
    return sorted(block), [setup for setup in setups if block <= setup.datasets]


def _get_error(comparison: Comparison, setup: Setup, dataset: int) -> float:
    """Return the error of a setup on a dataset: its mean score, or 1 minus the score if higher is better.

    The error is infinite if all runs failed.
    """
    if dataset not in setup.groups:
        return math.inf
    mean = setup.groups[dataset].mean
    return mean if comparison.lower_is_better else 1 - mean


def _choose_scale(comparisons: Sequence[Comparison], errors: "FloatArray") -> Scale:
    """Choose the measure by which setups are compared on a dataset, from the metrics and errors of all datasets."""
    if all(is_share(comparison.metric) and comparison.point.unit is None for comparison in comparisons):
        return "difference"
    return "ratio" if errors.min() >= 0 else "sign"


def _compute_gains(ours: "FloatArray", theirs: "FloatArray", tolerances: "FloatArray", scale: Scale) -> "FloatArray":
    """Return by how much one setup is better than another on every dataset.

    All arrays have the shape (datasets,).

    Args:
        ours: The errors of the setup.
        theirs: The errors of the other setup.
        tolerances: The largest differences at which two scores count as equal.
        scale: The measure.
    """
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        is_equal = (ours == theirs) | (np.abs(ours - theirs) <= tolerances)
        gains = np.log(theirs / ours) if scale == "ratio" else theirs - ours
    gains = np.sign(gains) if scale == "sign" else gains
    return np.where(is_equal, 0.0, gains)


def _judge_gains(
    gains: "Sequence[FloatArray]", comparisons: int, datasets: int, *, is_open: bool
) -> list[tuple[int, int, VerdictWord, float]]:
    """Return wins, losses, verdict and p-value of setups against the reference, by the signed-rank test.

    Args:
        gains: By how much each setup is better than the reference on every dataset.
        comparisons: The number of pairs that are judged together.
        datasets: The number of datasets.
        is_open: Whether Friedman's test found a difference between the setups, so that pairs may be judged.
    """
    from dnn_cli.compare.rank_tests import compute_signed_ranks, run_signed_rank_test

    p_values = correct_by_holm([run_signed_rank_test(row) for row in gains], comparisons)
    can_decide = 2 * comparisons / 2**datasets <= ALPHA
    results = []
    for row, p_value in zip(gains, p_values, strict=True):
        assert p_value is not None  # noqa: S101 - every pair has a test
        word: VerdictWord = "indistinguishable" if can_decide else "undecided"
        if is_open and p_value <= ALPHA:
            word = "better" if compute_signed_ranks(row).sum() > 0 else "worse"
        results.append((int((row > 0).sum()), int((row < 0).sum()), word, p_value))
    return results
