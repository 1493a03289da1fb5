"""Loss and metrics of a config, computed from outputs and targets without TensorFlow.

The results are those of Keras 3, apart from rounding: Keras adds in float32. A test compares them with Keras.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.losses import LOSS_CLASSES, BaseLoss
from dnn_cli.config.metrics import (
    AUC,
    BaseMetric,
    BinaryAccuracy,
    FScore,
    Precision,
    PredictionCount,
    Recall,
    ThresholdSearchMetric,
)
from dnn_cli.metrics.constant_prediction import compute_example_losses, to_loss_targets
from dnn_cli.metrics.threshold_scores import (
    compute_auc,
    compute_f_score,
    compute_precision_or_recall,
    count_predictions,
    search_thresholds,
)
from dnn_cli.runs.evaluations import MAX_SCORE, Scores
from dnn_cli.runs.target_scaling import TargetScaling

_FloatArray = NDArray[np.float64]

_OTHER_LOSS_NAMES = {"logcosh": "log_cosh"}
"""Losses by the other name that Keras has for the metric."""


def compute_scores(
    experiment: Experiment,
    outputs: NDArray[Any],
    targets: NDArray[Any],
    weights: NDArray[Any] | None = None,
    loss_weights: NDArray[Any] | None = None,
    target_scaling: TargetScaling | None = None,
) -> Scores:
    """Return the loss and the metrics of an experiment by name. Scores that are not finite numbers are left out.

    Args:
        experiment: The experiment, which determines the loss, the metrics and the form of the targets.
        outputs: The outputs, float of shape (n, units).
        targets: Class numbers of shape (n,), or the numbers of a regression, of shape (n, targets).
        weights: The weight of each example (`data.weight`), of shape (n,); `None` for equal weights.
        loss_weights: Weights for the loss alone, such as class weights; by default `weights`.
        target_scaling: The scaling of the targets, with which the loss is computed; `None` without
            `data.standardize_target`.
    """
    encoded, values = to_loss_targets(experiment, targets), outputs.astype(np.float64)
    if target_scaling is None:
        losses = compute_example_losses(experiment.loss, encoded, outputs)
    else:
        standardized = target_scaling.standardize(encoded), target_scaling.standardize(outputs)
        losses = compute_example_losses(experiment.loss, *standardized)
    example_weights = np.ones(len(values)) if weights is None else weights.astype(np.float64)
    factors = example_weights if loss_weights is None else loss_weights.astype(np.float64)
    # Keras divides the weighted sum of losses by the number of examples, but that of metrics by the sum of weights.
    scores = {"loss": float(np.nanmean(losses * factors)) if not np.isnan(losses).all() else 0.0}
    for metric in experiment.metrics:
        # Scores that are not numbers are left out below.
        with np.errstate(all="ignore"):
            scores[metric.type] = float(compute_metric(experiment, metric, encoded, values, example_weights))
    return {name: value for name, value in scores.items() if abs(value) <= MAX_SCORE}


def compute_metric(
    experiment: Experiment, metric: BaseMetric, targets: _FloatArray, outputs: _FloatArray, weights: _FloatArray
) -> float:
    """Return the value of a metric.

    Args:
        experiment: The experiment.
        metric: The metric.
        targets: The targets as `to_loss_targets` returns them.
        outputs: The outputs, of shape (n, units).
        weights: The weight of each example, of shape (n,).
    """
    if isinstance(metric, AUC):
        return compute_auc(metric, targets, outputs, weights)
    if isinstance(metric, Precision | Recall):
        return compute_precision_or_recall(metric, targets, outputs, weights)
    if isinstance(metric, FScore):
        return compute_f_score(metric, targets, outputs, weights)
    if isinstance(metric, ThresholdSearchMetric):
        return search_thresholds(metric, targets, outputs, weights)
    if isinstance(metric, PredictionCount):
        return count_predictions(metric, targets, outputs, weights)
    if metric.type == "r2_score":
        return _compute_r2(targets, outputs, weights)

    if metric.type == "root_mean_squared_error":
        return float(np.sqrt(_compute_mean(((targets - outputs) ** 2).mean(1), weights)))
    return _compute_mean(compute_example_values(experiment, metric, targets, outputs), weights)


def has_example_values(metric: BaseMetric) -> bool:
    """Return whether a metric is a mean of values of the examples, so that `compute_example_values` has the values."""
    return metric.counts_examples or _get_equal_loss(metric) is not None


def compute_example_values(
    experiment: Experiment, metric: BaseMetric, targets: _FloatArray, outputs: _FloatArray
) -> _FloatArray:
    """Return the value of each example, float64 of shape (n,); a metric with such values is their weighted mean.

    The arguments are those of `compute_metric`.
    """
    if (loss := _get_equal_loss(metric)) is not None:
        losses = compute_example_losses(loss, targets, outputs)
        # Keras's loss is the negative of the metric.
        return -losses if metric.type == "cosine_similarity" else losses
    if experiment.target_encoding == "binary":
        threshold = metric.threshold if isinstance(metric, BinaryAccuracy) else 0.5
        if metric.type == "accuracy" and experiment.loss.takes_logits:
            # The logit 0 is the probability 0.5.
            threshold = 0.0
        return np.asarray(((outputs > threshold) == (targets > 0)).mean(1))
    classes = targets.argmax(-1) if targets.ndim == 2 else targets.astype(np.int64)
    k = getattr(metric, "k", None)
    if k is None:
        return np.asarray(outputs.argmax(-1) == classes, np.float64)
    larger_outputs = (outputs > np.take_along_axis(outputs, classes[:, None], 1)).sum(1)
    return np.asarray(larger_outputs < k, np.float64)


def _compute_mean(values: _FloatArray, weights: _FloatArray) -> float:
    """Return the weighted mean of values; 0 without weights."""
    return float(weights @ values / weights.sum()) if weights.sum() else 0.0


def _get_equal_loss(metric: BaseMetric) -> BaseLoss | None:
    """Return the loss whose mean over examples is the metric, up to the sign; `None` for other metrics."""
    cls = LOSS_CLASSES.get(_OTHER_LOSS_NAMES.get(metric.type, metric.type))
    if cls is None:
        return None
    return cls.model_validate({name: getattr(metric, name) for name in type(metric).model_fields if name != "type"})


def _compute_r2(targets: _FloatArray, outputs: _FloatArray, weights: _FloatArray) -> float:
    """Return the explained share of the variance, as a mean over the targets; 0 for a constant target."""
    factors = weights[:, None]
    mean = (factors * targets).sum(0) / factors.sum()
    total = (factors * targets**2).sum(0) - (factors * targets).sum(0) * mean
    shares = 1 - (factors * (targets - outputs) ** 2).sum(0) / total
    return float(np.where(np.isinf(shares), 0.0, shares).mean())
