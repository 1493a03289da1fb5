"""Results of a cross-validation: mean scores over its folds, and the joined predictions of the validation sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.comparison import Comparison, compare_runs
from dnn_cli.compare.fold_verdicts import format_missing_folds, list_missing_folds
from dnn_cli.compare.group import Group
from dnn_cli.compare.significance import Interval
from dnn_cli.config.datasets import USER_DATA_KINDS
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import load_resolved_experiment
from dnn_cli.errors import RunError
from dnn_cli.metrics.saved_predictions import read_predictions
from dnn_cli.runs.input_profile import read_input_profile
from dnn_cli.runs.run_info import RunInfo


@dataclass(frozen=True)
class MeanScore:
    """Score of a group of runs: its mean over seeds or folds, with standard deviation and 95% interval."""

    metric: str
    mean: float
    spread: float | None
    interval: Interval | None


@dataclass(frozen=True)
class OutOfFoldPredictions:
    """Predictions of each fold's model for its validation examples, joined in the order of the folds."""

    experiment: Experiment
    """Experiment of the runs, with the dataset info of their data."""

    outputs: NDArray[Any]
    """Outputs of shape (n, units)."""

    targets: NDArray[Any]
    """Class numbers of shape (n,), or the numbers of a regression, of shape (n, targets)."""

    example_count: int
    """Number of different examples. In a complete cross-validation, each has a prediction in each repetition."""


@dataclass(frozen=True)
class CrossValidation:
    """Runs of one experiment on the folds of its data, with their scores."""

    label: str
    group: Group
    scores: tuple[MeanScore, ...]
    """Scores of the saved models on the validation examples, the compared metric first."""

    missing: str
    """Missing folds, such as `fold 2 of 5`; empty for a complete cross-validation."""

    @property
    def fold_count(self) -> int:
        """Number of folds of each repetition."""
        return next(iter(self.group.fold_means)).folds

    @property
    def repetitions(self) -> int:
        """Number of repetitions, which differ in the seed of the split."""
        return len({fold.split_seed for fold in self.group.fold_means})


def summarize_cross_validations(runs: Sequence[RunInfo]) -> list[CrossValidation]:
    """Return the results of the cross-validations among some runs, the best first.

    Args:
        runs: Folds of one or several experiments. Runs that are not completed are left out.
    """
    comparison = compare_runs(runs)
    metrics = dict.fromkeys([comparison.metric, *_list_validation_scores(comparison)])
    comparisons = {metric: compare_runs(runs, metric) for metric in metrics}
    return [
        CrossValidation(
            comparison.get_label(group),
            group,
            tuple(summarize_score(comparisons[metric], group, metric) for metric in metrics),
            format_missing_folds(group) if list_missing_folds(group) else "",
        )
        for group in comparison.groups
    ]


def _list_validation_scores(comparison: Comparison) -> list[str]:
    """Return the names of the scores that all saved models have on their validation examples."""
    all_scores = [row.record.results.final_scores or {} for row in comparison.run_scores]
    return [name for name in (all_scores or [{}])[0] if name.startswith("val_") and all(name in s for s in all_scores)]


def summarize_score(comparison: Comparison, group: Group, metric: str) -> MeanScore:
    """Return a score of a group of runs.

    Args:
        comparison: The comparison of the runs by the metric.
        group: The runs, as a group of a comparison by another metric.
        metric: The metric.
    """
    (same,) = [
        other for other in comparison.groups if other.run_scores[0].variant_digest == group.run_scores[0].variant_digest
    ]
    return MeanScore(metric, same.mean, same.spread, comparison.get_interval(same))


def join_predictions(cross_validation: CrossValidation) -> OutOfFoldPredictions:
    """Join the saved predictions of the runs of a cross-validation.

    Raises:
        ConfigError: the config of a run is damaged.
        RunError: a run has no predictions, or two folds of one repetition have an example in common.
    """
    parts: list[dict[str, NDArray[Any]]] = []
    seen: dict[tuple[int, int], set[int]] = {}
    run_scores = sorted(cross_validation.group.run_scores, key=lambda row: (row.seed, row.fold))
    for row in run_scores:
        arrays = read_predictions(row.run)
        if arrays is None or not {"outputs", "labels", "indices"} <= arrays.keys():
            raise RunError(f"{row.run.predictions} is missing", "train the run again")
        indices = set(arrays["indices"].tolist())
        others = seen.setdefault((row.seed, row.fold.split_seed if row.fold else 0), set())
        if others & indices:
            raise RunError(f"{row.run.directory} has validation examples of another fold", "train the run again")
        others |= indices
        parts.append(arrays)
    first = run_scores[0]
    experiment = load_resolved_experiment(str(first.run.config))
    profile = read_input_profile(first.run)
    if profile is not None and experiment.data.dataset in USER_DATA_KINDS:
        experiment = experiment.model_copy(update={"data": experiment.data.with_info(profile.dataset_info)})
    return OutOfFoldPredictions(
        experiment,
        np.concatenate([arrays["outputs"] for arrays in parts]),
        np.concatenate([arrays["labels"] for arrays in parts]),
        len(set().union(*seen.values())),
    )
