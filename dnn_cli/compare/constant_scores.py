"""Score of the best constant prediction, which is the same output for every input.

A network that uses its inputs should have a better score.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.run_scores import RunScore, has_example_weights, has_standardized_targets
from dnn_cli.errors import ConfigError, RunError
from dnn_cli.metrics.saved_predictions import read_predictions

_MAX_STANDARD_ERRORS = 2.0
"""An accuracy beats a constant prediction if it exceeds the largest class share by this many standard errors."""

_Targets = NDArray[Any]


def _compute_most_frequent_share(targets: _Targets) -> float:
    """Return the share of the most frequent class, plus two standard errors of that share.

    A constant prediction of this class has the share as its accuracy. An accuracy up to the returned value can be
    above the share by chance.
    """
    classes = targets.argmax(-1) if targets.ndim == 2 and targets.shape[1] > 1 else targets.reshape(-1)
    share = float(np.unique(classes, return_counts=True)[1].max() / len(classes))
    return share + _MAX_STANDARD_ERRORS * math.sqrt(share * (1 - share) / len(classes))


def _compute_mean_squared_deviation(targets: _Targets) -> float:
    """Return the mean squared error of a model that always predicts the mean."""
    return float(targets.reshape(len(targets), -1).var(0).mean())


def _compute_mean_absolute_deviation(targets: _Targets) -> float:
    """Return the mean absolute error of a model that always predicts the median."""
    vectors = targets.reshape(len(targets), -1)
    return float(np.abs(vectors - np.median(vectors, 0)).mean())


_CONSTANT_SCORES: dict[str, Callable[[_Targets], float]] = {
    "accuracy": _compute_most_frequent_share,
    "sparse_categorical_accuracy": _compute_most_frequent_share,
    "categorical_accuracy": _compute_most_frequent_share,
    "binary_accuracy": _compute_most_frequent_share,
    "mean_squared_error": _compute_mean_squared_deviation,
    "root_mean_squared_error": lambda labels: math.sqrt(_compute_mean_squared_deviation(labels)),
    "mean_absolute_error": _compute_mean_absolute_deviation,
    "r2_score": lambda labels: 0.0,
}
"""Functions that compute the best constant prediction's score from targets, by metric."""


def _compute_constant_loss(run_score: RunScore, targets: _Targets) -> float | None:
    """Return the loss of the best constant prediction, computed with the loss function of a run's config.

    The result is `None` if the config cannot be read, or if a run on user data or standardized targets has no input
    profile.
    """
    # Comparisons of other scores than losses do not need these modules.
    from dnn_cli.config.datasets import USER_DATA_KINDS
    from dnn_cli.config.loading import load_resolved_experiment
    from dnn_cli.metrics.constant_prediction import compute_example_losses, find_best_constant, to_loss_targets
    from dnn_cli.runs.input_profile import read_input_profile

    try:
        experiment, inputs = load_resolved_experiment(str(run_score.run.config)), read_input_profile(run_score.run)
    except (ConfigError, RunError):
        return None
    if experiment.data.dataset in USER_DATA_KINDS:
        if inputs is None:
            return None
        experiment = experiment.model_copy(update={"data": experiment.data.with_info(inputs.dataset_info)})
    if experiment.data.standardize_target:
        if inputs is None or inputs.target_scaling is None:
            return None
        targets = inputs.target_scaling.standardize(targets)
    true = to_loss_targets(experiment, targets)
    output = find_best_constant(experiment.loss, true, np.ones(len(true)))
    losses_of_constant = compute_example_losses(
        experiment.loss, true, np.broadcast_to(output, (len(true), len(output)))
    )
    return float(np.nanmean(losses_of_constant))


def _format_loss_settings(run_score: RunScore) -> str:
    """Return the config values that determine the scale of a run's loss, as text."""
    config = run_score.run_info.config or {}
    return str([config.get("loss"), has_standardized_targets(run_score)])


def compute_constant_score(run_scores: Sequence[RunScore], metric: str) -> float | None:
    """Return the score that the best constant prediction reaches on the validation set of runs.

    All runs share the validation set. Its targets are read from the first run with saved predictions.

    Args:
        run_scores: Runs on the same data and split.
        metric: The name of a validation metric, such as `val_accuracy`.

    Returns:
        The score; `None` if the metric or the targets are unknown, the runs have different validation sets, or the
        examples have weights. For
        `val_loss`, the score is also `None` if the runs have different losses.
    """
    name = metric.removeprefix("val_")
    if name == metric or name not in (*_CONSTANT_SCORES, "loss"):
        return None
    if len({run_score.record.data.get("split") for run_score in run_scores}) > 1:
        return None
    if name == "loss" and len({_format_loss_settings(run_score) for run_score in run_scores}) > 1:
        return None
    for run_score in run_scores:
        try:
            arrays = read_predictions(run_score.run)
        except RunError:
            continue
        if arrays is not None and "labels" in arrays and len(arrays["labels"]):
            if has_example_weights(run_score):
                return None
            targets = arrays["labels"]
            return _compute_constant_loss(run_score, targets) if name == "loss" else _CONSTANT_SCORES[name](targets)
    return None
