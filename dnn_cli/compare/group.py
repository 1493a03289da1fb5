"""Group of run scores: runs of one variant with different seeds, or runs with equal values of some keys."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean

from dnn_cli.compare.run_scores import RunScore
from dnn_cli.compare.significance import compute_standard_deviation
from dnn_cli.config.cross_validation import Fold

Setting = tuple[tuple[str, str], ...]
"""Setting of a run within its group: the keys that vary within groups, each with its value as text.

In groups by optimizer, a run has for example the setting `(("batch_size", "32"),)`. In a group of one variant, the
setting is empty."""

Combination = tuple[Setting, int]
"""Setting and seed of a run within its group."""


@dataclass(frozen=True)
class Group:
    """Group: runs whose scores are averaged."""

    name: str
    settings: dict[str, str]
    """Values that distinguish the group from other groups, by key, such as `{"optimizer.type": "adam"}`."""

    run_scores: tuple[RunScore, ...]
    scores: Mapping[Combination, float]
    """Score of every combination of setting and seed. Every seed has a score for each setting."""

    failed: Mapping[int, str] = field(default_factory=dict)
    """Reason for each failed seed, such as `diverged`.

    A seed also counts as failed if its score is not better than that of a constant prediction."""

    set_aside: tuple[RunScore, ...] = ()
    """Runs of the group that its mean leaves out, so that all groups and seeds average over the same settings."""

    @cached_property
    def is_baseline(self) -> bool:
        """Whether the group is a baseline, which has a fixed score."""
        return any(run_score.is_baseline for run_score in self.run_scores)

    @property
    def seeds(self) -> list[int]:
        return sorted({seed for _, seed in self.scores})

    @cached_property
    def seed_means(self) -> dict[int, float]:
        """The mean score over the settings, by seed."""
        return _compute_seed_means(self.scores)

    @cached_property
    def fold_scores(self) -> dict[Fold, dict[int, float]]:
        """The mean score over the settings, by seed, for each fold; empty unless all runs are cross-validated."""
        scores: dict[Fold, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for run_score in self.run_scores:
            fold = run_score.fold
            if fold is None:
                return {}
            scores[fold][run_score.seed].append(run_score.score)
        return {
            fold: {seed: fmean(values) for seed, values in sorted(by_seed.items())}
            for fold, by_seed in sorted(scores.items())
        }

    @cached_property
    def fold_means(self) -> dict[Fold, float]:
        """The mean score over the seeds, by fold; empty unless all runs are cross-validated."""
        return {fold: fmean(by_seed.values()) for fold, by_seed in self.fold_scores.items()}

    @property
    def averaged_scores(self) -> list[float]:
        """The scores of which the mean is taken: one for each fold or, without folds, for each seed."""
        return list((self.fold_means or self.seed_means).values())

    @cached_property
    def mean(self) -> float:
        """The mean over the folds or, without folds, over the seeds."""
        return fmean(self.averaged_scores)

    @cached_property
    def spread(self) -> float | None:
        """The standard deviation over the folds or seeds; `None` for a single fold or seed."""
        return compute_standard_deviation(self.averaged_scores)

    @property
    def seconds(self) -> float:
        """The mean training time of a run, in seconds."""
        return fmean(run_score.record.seconds or 0.0 for run_score in self.run_scores)

    @property
    def other_settings(self) -> set[Setting]:
        """The settings that the mean of the group averages over."""
        return {other for other, _ in self.scores}


def _compute_seed_means(combination_scores: Mapping[Combination, float]) -> dict[int, float]:
    """Return the mean score of every seed."""
    scores_by_seed: dict[int, list[float]] = defaultdict(list)
    for (_, seed), score in combination_scores.items():
        scores_by_seed[seed].append(score)
    return {seed: fmean(scores) for seed, scores in sorted(scores_by_seed.items())}
