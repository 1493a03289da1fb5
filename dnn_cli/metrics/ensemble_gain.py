"""Gain of an ensemble over its members on the same examples, with a 95% interval over examples.

The bootstrap is paired: a sample has the same examples for the ensemble and for the members. The interval holds for
these trained members, not for other seeds. `tests/stress/ensemble_gain.py` measures how often an interval contains the
true gain. The random state is fixed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.metrics import BaseMetric
from dnn_cli.config.score_names import lower_is_better
from dnn_cli.metrics.averaged_predictions import TargetExamples, to_member_outputs
from dnn_cli.metrics.binomial import NORMAL_QUANTILE
from dnn_cli.metrics.bootstrap import compute_mean_intervals
from dnn_cli.metrics.constant_prediction import compute_example_losses, to_loss_targets
from dnn_cli.metrics.prediction_scores import compute_example_values, compute_metric, has_example_values
from dnn_cli.runs.evaluations import Interval, Scores

_FloatArray = NDArray[np.float64]

_MAX_SAMPLES, _MIN_SAMPLES = 1000, 100
"""Largest and smallest number of samples for metrics that are not means of values of the examples."""

_MAX_DRAWS = 10_000_000
"""Largest number of drawn predictions in all samples of a metric, unless the samples would be fewer than the smallest
number."""


@dataclass(frozen=True)
class Gain:
    """Difference between the scores of an ensemble and of its members; positive if the ensemble is better."""

    value: float
    interval: Interval | None
    """95% interval over examples; `None` if the examples determine no interval, as with equal predictions."""


def orient_gain(metric: str, ensemble: float, other: float) -> float:
    """Return the difference between two scores, positive if the score of the ensemble is better."""
    return other - ensemble if lower_is_better(metric) else ensemble - other


def compute_gains(
    examples: TargetExamples,
    ensemble: tuple[_FloatArray, Scores],
    members: Sequence[tuple[_FloatArray, Scores]],
) -> dict[str, Gain]:
    """Return the gain of an ensemble over the mean score of some members, by the name of the score.

    Scores that the ensemble or a member lacks are left out.

    Args:
        examples: The examples.
        ensemble: The averaged quantities and the scores of the ensemble.
        members: The same of each member.
    """
    names = [name for name in ensemble[1] if all(name in scores for _, scores in members)]
    values = {
        name: orient_gain(name, ensemble[1][name], float(np.mean([scores[name] for _, scores in members])))
        for name in names
    }
    outputs = [to_member_outputs(examples.experiment, quantities) for quantities, _ in (ensemble, *members)]
    intervals = _compute_intervals(examples, outputs[0], outputs[1:], names) if len(examples) > 1 else {}
    return {name: Gain(value, intervals.get(name)) for name, value in values.items()}


def _compute_intervals(
    examples: TargetExamples, ensemble: _FloatArray, members: Sequence[_FloatArray], names: Sequence[str]
) -> dict[str, Interval | None]:
    """Return the intervals of gains by the names of scores.

    Args:
        examples: The examples.
        ensemble: The outputs of the ensemble, of shape (n, units).
        members: The outputs of each member.
        names: The names of the scores.
    """
    experiment, targets = examples.experiment, to_loss_targets(examples.experiment, examples.targets)
    weights = None if examples.weights is None else examples.weights.astype(np.float64)
    intervals: dict[str, Interval | None] = {}
    if "loss" in names:
        gains = np.mean([_compute_losses(examples, targets, member) for member in members], axis=0)
        gains = gains - _compute_losses(examples, targets, ensemble)
        # Keras divides the weighted sum of losses by the number of examples. An ignored class has no loss.
        gains = (gains if weights is None else gains * weights)[~np.isnan(gains)]
        intervals["loss"] = _compute_mean_interval(gains, None)
    for metric in experiment.metrics:
        if metric.type not in names:
            continue
        sign = -1.0 if lower_is_better(metric.type) else 1.0
        with np.errstate(all="ignore"):
            if has_example_values(metric):
                others = [compute_example_values(experiment, metric, targets, member) for member in members]
                own = compute_example_values(experiment, metric, targets, ensemble)
                intervals[metric.type] = _compute_mean_interval(sign * (own - np.mean(others, axis=0)), weights)
            elif metric.type == "root_mean_squared_error":
                intervals[metric.type] = _compute_root_interval(targets, ensemble, members, weights)
            else:
                intervals[metric.type] = _resample_gain(examples, metric, targets, ensemble, members, sign)
    return intervals


def _compute_losses(examples: TargetExamples, targets: _FloatArray, outputs: _FloatArray) -> _FloatArray:
    """Return the loss of each example, of shape (n,); nan for examples of a class that the loss ignores."""
    scaling = examples.target_scaling
    if scaling is None:
        return compute_example_losses(examples.experiment.loss, targets, outputs)
    return compute_example_losses(examples.experiment.loss, scaling.standardize(targets), scaling.standardize(outputs))


def _compute_mean_interval(gains: _FloatArray, weights: _FloatArray | None) -> Interval | None:
    """Return the interval of a mean gain, from the gain on each example; `None` if the examples determine none."""
    if len(gains) < 2 or not np.isfinite(gains).all():
        return None
    return compute_mean_intervals(gains[:, None], weights)[0]


def _compute_root_interval(
    targets: _FloatArray, ensemble: _FloatArray, members: Sequence[_FloatArray], weights: _FloatArray | None
) -> Interval | None:
    """Return the interval of the gain in the root mean squared error; `None` if the examples determine none.

    Near a mean m, its root changes by half of the change of the mean, divided by the root of m. The gain is therefore
    nearly a mean over examples, whose interval is better than percentiles for few examples.

    Args:
        targets: The targets, of shape (n, targets).
        ensemble: The outputs of the ensemble.
        members: The outputs of each member.
        weights: The weight of each example, of shape (n,); `None` for equal weights.
    """
    squares = [((targets - outputs) ** 2).mean(1) for outputs in (ensemble, *members)]
    roots = [float(np.sqrt(np.average(values, weights=weights))) for values in squares]
    if min(roots) == 0:
        return None
    own, *others = [values / (2 * root) for values, root in zip(squares, roots, strict=True)]
    gains = np.mean(others, axis=0) - own
    interval = _compute_mean_interval(gains, weights)
    if interval is None:
        return None
    # The mean of the values is half of the gain.
    shift = float(np.average(gains, weights=weights))
    return interval[0] + shift, interval[1] + shift


def _resample_gain(
    examples: TargetExamples,
    metric: BaseMetric,
    targets: _FloatArray,
    ensemble: _FloatArray,
    members: Sequence[_FloatArray],
    sign: float,
) -> Interval | None:
    """Return the interval of the gain in a metric that is not a mean of values of the examples.

    The interval has the percentiles of the samples. If the time allows fewer samples, their standard deviation
    determines a normal interval. The result is `None` if most samples lack the metric, or all have the same gain.

    Args:
        examples: The examples.
        metric: The metric.
        targets: The targets as `to_loss_targets` returns them.
        ensemble: The outputs of the ensemble.
        members: The outputs of each member.
        sign: 1 if a higher value of the metric is better, else −1.
    """
    count, experiment = len(examples), examples.experiment
    weights = np.ones(count) if examples.weights is None else examples.weights.astype(np.float64)
    samples = max(_MIN_SAMPLES, min(_MAX_SAMPLES, _MAX_DRAWS // (count * (len(members) + 1))))
    rng = np.random.default_rng(0)

    def compute_gain(sample: NDArray[np.int64] | slice) -> float:
        scores = [
            compute_metric(experiment, metric, targets[sample], outputs[sample], weights[sample])
            for outputs in (ensemble, *members)
        ]
        return sign * (scores[0] - float(np.mean(scores[1:])))

    gains = np.array([compute_gain(rng.integers(0, count, count)) for _ in range(samples)])
    gains = gains[np.isfinite(gains)]
    if len(gains) < samples / 2 or np.ptp(gains) <= 1e-12 * max(1.0, float(np.abs(gains).max())):
        return None
    if samples == _MAX_SAMPLES:
        low, high = np.quantile(gains, (0.025, 0.975)).tolist()
        return low, high
    center, half_width = compute_gain(slice(None)), NORMAL_QUANTILE * float(gains.std(ddof=1))
    return center - half_width, center + half_width
