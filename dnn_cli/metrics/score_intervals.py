"""95% intervals of the scores of a model on examples: how far a score can be from the score on all possible examples.

The method follows from the metric. Shares of examples have Wilson's interval, and the area under the ROC curve has
Newcombe's. Means of values of examples have the studentized bootstrap, and other scores percentiles of the bootstrap.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.metrics import AUC, BaseMetric, F1Score, FScore, Precision, PredictionCount, Recall
from dnn_cli.metrics.binomial import NORMAL_QUANTILE
from dnn_cli.metrics.bootstrap import compute_mean_intervals, compute_percentile_interval
from dnn_cli.metrics.class_intervals import combine_intervals, compute_f1_interval, compute_share_interval
from dnn_cli.metrics.constant_prediction import compute_example_losses, to_loss_targets
from dnn_cli.metrics.evaluation_result import EvaluationResult
from dnn_cli.metrics.prediction_scores import compute_example_values, compute_metric, has_example_values
from dnn_cli.runs.evaluations import Interval

_FloatArray = NDArray[np.float64]
_IntervalMethod = Literal["wilson", "newcombe", "studentized bootstrap", "bootstrap"]

_BISECTION_STEPS = 60
"""Steps of the bisection that computes an end of an interval. 60 steps reach the precision of a float64."""


@dataclass(frozen=True)
class ScoreInterval:
    """95% interval of a score over examples, and the method that computed it."""

    low: float
    high: float
    method: _IntervalMethod


def compute_score_intervals(experiment: Experiment, result: EvaluationResult) -> dict[str, ScoreInterval]:
    """Return the intervals of the scores of a model by name.

    Scores without an honest interval are left out: those of fewer than two examples, and those of equal values.

    Args:
        experiment: The experiment, which determines the loss, the metrics and the form of the targets.
        result: The scores, outputs and targets of the model.
    """
    if len(result) < 2 or not np.isfinite(result.outputs).all():
        return {}
    targets, outputs = to_loss_targets(experiment, result.targets), result.outputs.astype(np.float64)
    weights = None if result.weights is None else result.weights.astype(np.float64)
    if weights is not None and (weights.sum() <= 0 or not np.isfinite(weights).all()):
        return {}
    intervals = _compute_mean_score_intervals(experiment, result, targets, outputs, weights)
    for metric in experiment.metrics:
        if metric.type in intervals or metric.type not in result.scores:
            continue
        with np.errstate(all="ignore"):
            interval = _compute_metric_interval(experiment, metric, targets, outputs, weights)
        if interval is not None:
            intervals[metric.type] = interval
    return {name: intervals[name] for name in result.scores if name in intervals}


def to_recorded_intervals(intervals: Mapping[str, ScoreInterval]) -> dict[str, Interval]:
    """Return intervals as they are in the run record: both ends by the name of the score."""
    return {name: (interval.low, interval.high) for name, interval in intervals.items()}


def _compute_mean_score_intervals(
    experiment: Experiment,
    result: EvaluationResult,
    targets: _FloatArray,
    outputs: _FloatArray,
    weights: _FloatArray | None,
) -> dict[str, ScoreInterval]:
    """Return the intervals of the loss, and of metrics that are means of values of examples.

    Args:
        experiment: The experiment.
        result: The scores, with targets in their own unit.
        targets: The targets as `to_loss_targets` returns them.
        outputs: The outputs, of shape (n, units).
        weights: The weight of each example, of shape (n,); `None` for equal weights.
    """
    columns: dict[str, _FloatArray] = {}
    for metric in experiment.metrics:
        if metric.type == "root_mean_squared_error":
            columns[metric.type] = ((targets - outputs) ** 2).mean(1)
        elif has_example_values(metric) and not metric.counts_examples:
            columns[metric.type] = compute_example_values(experiment, metric, targets, outputs)
    scaling = result.target_scaling
    pair = (targets, outputs) if scaling is None else (scaling.standardize(targets), scaling.standardize(outputs))
    losses = compute_example_losses(experiment.loss, *pair)
    # Keras divides the weighted sum of losses by the number of examples.
    losses = losses if weights is None else losses * weights
    counted = losses[~np.isnan(losses)]
    if weights is None and len(counted) == len(losses):
        intervals = _compute_column_intervals({**columns, "loss": losses}, None)
    else:
        intervals = _compute_column_intervals(columns, weights)
        intervals.update(_compute_column_intervals({"loss": counted}, None) if len(counted) > 1 else {})
    if "loss" in intervals and "loss" in result.scores:
        # The loss contains the penalties of regularizers, which are equal for all examples.
        shift = result.scores["loss"] - float(counted.mean())
        interval = intervals["loss"]
        intervals["loss"] = ScoreInterval(interval.low + shift, interval.high + shift, interval.method)
    if "root_mean_squared_error" in intervals:
        square = intervals["root_mean_squared_error"]
        low, high = (math.sqrt(max(end, 0.0)) for end in (square.low, square.high))
        intervals["root_mean_squared_error"] = ScoreInterval(low, high, square.method)
    return {name: interval for name, interval in intervals.items() if name in result.scores}


def _compute_column_intervals(columns: dict[str, _FloatArray], weights: _FloatArray | None) -> dict[str, ScoreInterval]:
    """Return the intervals of means of values of examples by name. Columns with infinite values are left out.

    Args:
        columns: The values of the examples by name, each of shape (n,).
        weights: The weight of each example, of shape (n,); `None` for equal weights.
    """
    finite = {name: values for name, values in columns.items() if np.isfinite(values).all()}
    if not finite:
        return {}
    means = compute_mean_intervals(np.stack(list(finite.values()), axis=1), weights)
    intervals = {}
    for (name, values), interval in zip(finite.items(), means, strict=True):
        if interval is not None:
            # The mean of values that are never negative is not negative.
            low = max(interval[0], 0.0) if values.min() >= 0 else interval[0]
            intervals[name] = ScoreInterval(low, interval[1], "studentized bootstrap")
    return intervals


def _compute_metric_interval(
    experiment: Experiment, metric: BaseMetric, targets: _FloatArray, outputs: _FloatArray, weights: _FloatArray | None
) -> ScoreInterval | None:
    """Return the interval of a metric that is a share of examples, or no mean of values of examples.

    Args:
        experiment: The experiment.
        metric: The metric.
        targets: The targets as `to_loss_targets` returns them.
        outputs: The outputs, of shape (n, units).
        weights: The weight of each example, of shape (n,); `None` for equal weights.
    """
    factors = np.ones(len(outputs)) if weights is None else weights
    if metric.counts_examples:
        share = compute_metric(experiment, metric, targets, outputs, factors)
        # Weighted examples count as fewer examples with equal weights (Kish, Survey Sampling, 1965).
        trials = float(factors.sum() ** 2 / (factors**2).sum())
        return _build_interval(compute_share_interval(share * trials, trials), "wilson")
    if weights is None and (simple := _compute_binary_interval(experiment, metric, targets, outputs)) is not None:
        return simple

    def compute(counts: _FloatArray) -> float:
        return compute_metric(experiment, metric, targets[kinds], outputs[kinds], factors[kinds] * counts)

    kinds: Any = slice(None)
    counts: NDArray[np.int64] | int = len(outputs)
    if weights is None and isinstance(metric, FScore) and metric.threshold is None:
        # The score depends on true and predicted classes alone, which has far fewer different examples.
        pairs = targets.argmax(-1) * outputs.shape[1] + outputs.argmax(-1)
        _, kinds, counts = np.unique(pairs, return_index=True, return_counts=True)
    return _build_interval(compute_percentile_interval(compute, counts), "bootstrap")


def _compute_binary_interval(
    experiment: Experiment, metric: BaseMetric, targets: _FloatArray, outputs: _FloatArray
) -> ScoreInterval | None:
    """Return the interval of a metric of one output or one class, or of the mean F1; `None` for other metrics.

    The arguments are those of `_compute_metric_interval`.
    """
    if isinstance(metric, F1Score) and metric.average == "macro":
        return _build_interval(_compute_macro_f1_interval(metric, targets, outputs), "wilson")
    class_number = getattr(metric, "class_id", None)
    if (outputs.shape[1] > 1 and class_number is None) or getattr(metric, "top_k", None) is not None:
        return None
    column = class_number or 0
    true = targets[:, column] > 0
    if isinstance(metric, AUC):
        score = compute_metric(experiment, metric, targets, outputs, np.ones(len(outputs)))
        positives, negatives = int(true.sum()), int((~true).sum())
        if metric.curve == "ROC":
            return _build_interval(compute_auc_interval(score, positives, negatives), "newcombe")
        return _build_interval(compute_share_interval(min(max(score, 0.0), 1.0) * positives, positives), "wilson")
    if isinstance(metric, Precision | Recall):
        predicted = outputs[:, column] > (0.5 if metric.thresholds is None else metric.thresholds)
        total = true if isinstance(metric, Recall) else predicted
        return _build_interval(compute_share_interval(int((true & predicted).sum()), int(total.sum())), "wilson")
    if isinstance(metric, PredictionCount):
        number, count = compute_metric(experiment, metric, targets, outputs, np.ones(len(outputs))), len(outputs)
        interval = compute_share_interval(number, count)
        return None if interval is None else ScoreInterval(interval[0] * count, interval[1] * count, "wilson")
    return None


def _compute_macro_f1_interval(metric: F1Score, targets: _FloatArray, outputs: _FloatArray) -> Interval | None:
    """Return the interval of the mean F1 over the outputs; `None` if a class has fewer than two examples.

    The arguments are those of `_compute_metric_interval`.
    """
    largest = outputs.max(-1, keepdims=True)
    predicted = outputs >= largest if metric.threshold is None else outputs > metric.threshold
    true = targets > 0
    counts = [numbers.sum(0).tolist() for numbers in (true & predicted, true, predicted)]
    scores = [2 * right / max(support + total, 1) for right, support, total in zip(*counts, strict=True)]
    intervals = [compute_f1_interval(*numbers) for numbers in zip(*counts, strict=True)]
    return combine_intervals(scores, intervals, shares_errors=True)


def _build_interval(interval: Interval | None, method: _IntervalMethod) -> ScoreInterval | None:
    """Return an interval with its method; `None` without an interval."""
    return None if interval is None else ScoreInterval(*interval, method)


def compute_auc_interval(area: float, positives: int, negatives: int) -> Interval | None:
    """Return the 95% interval of the area under a ROC curve (Newcombe, Statistics in Medicine 25, 2006, method 5).

    It contains the areas whose variance explains the distance from the observed area. As Wilson's interval of a
    proportion, it suits an area of 1. The interval is `None` for fewer than two positive or negative examples.

    Args:
        area: The observed area.
        positives: The number of positive examples.
        negatives: The number of negative examples.
    """
    if min(positives, negatives) < 2:
        return None
    area = min(max(area, 0.0), 1.0)

    def is_close(value: float) -> bool:
        pairs = (positives + negatives) / 2 - 1
        shape = 1 + pairs * ((1 - value) / (2 - value) + value / (1 + value))
        deviation = math.sqrt(value * (1 - value) * shape / (positives * negatives))
        return abs(value - area) <= NORMAL_QUANTILE * deviation

    ends = []
    for limit in (0.0, 1.0):
        near, far = area, limit
        for _ in range(_BISECTION_STEPS):
            middle = (near + far) / 2
            near, far = (middle, far) if is_close(middle) else (near, middle)
        ends.append((near + far) / 2)
    return ends[0], ends[1]
