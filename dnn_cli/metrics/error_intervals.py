"""95% intervals of the errors of a regression over examples, in the unit of the targets.

`tests/stress/interval_coverage.py` measures how often they contain the true error.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.metrics.binomial import compute_tail_probability
from dnn_cli.metrics.bootstrap import compute_mean_intervals, compute_percentile_interval
from dnn_cli.runs.evaluations import Interval

_FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ErrorIntervals:
    """95% intervals of the errors of one predicted number; `None` without an honest interval.

    The fields are those of `RegressionErrors`. The largest error of a sample has no interval: more examples have larger
    errors.
    """

    mean_absolute: Interval | None
    root_mean_squared: Interval | None
    median_absolute: Interval | None
    bias: Interval | None
    r2: Interval | None


def compute_error_intervals(outputs: NDArray[Any], targets: NDArray[Any]) -> tuple[ErrorIntervals, ...]:
    """Return the intervals of the errors of each predicted number.

    Args:
        outputs: The predicted numbers, float of shape (n, targets).
        targets: The true numbers, float of shape (n, targets).
    """
    if not np.isfinite(outputs).all() or not np.isfinite(targets).all():
        return tuple(ErrorIntervals(None, None, None, None, None) for _ in range(targets.shape[1]))
    return tuple(map(_compute_target_intervals, outputs.T.astype(np.float64), targets.T.astype(np.float64)))


def _compute_target_intervals(predicted: _FloatArray, true: _FloatArray) -> ErrorIntervals:
    """Return the intervals of the errors of one predicted number from its values of shape (n,)."""
    error = predicted - true
    absolute, square, bias = compute_mean_intervals(np.stack([np.abs(error), error**2, error], axis=1))
    return ErrorIntervals(
        absolute and (max(absolute[0], 0.0), absolute[1]),
        square and (math.sqrt(max(square[0], 0.0)), math.sqrt(square[1])),
        compute_median_interval(np.abs(error)),
        bias,
        _compute_r2_interval(true, error),
    )


def compute_median_interval(values: _FloatArray) -> Interval | None:
    """Return the interval of a median between two of the sorted values; `None` for fewer than six values.

    The number of values below the true median has a binomial distribution with the share one half, whatever the
    distribution of the values.
    """
    count, rank = len(values), 0
    low, high = 0, len(values) // 2
    while low < high:
        rank = (low + high + 1) // 2
        is_enough = compute_tail_probability(count, 0.5, slice(rank)) <= 0.025
        low, high = (rank, high) if is_enough else (low, rank - 1)
    if not low:
        return None
    ordered = np.sort(values)
    ends = float(ordered[low - 1]), float(ordered[count - low])
    return ends if ends[0] < ends[1] else None


def _compute_r2_interval(true: _FloatArray, error: _FloatArray) -> Interval | None:
    """Return the interval of the explained share of the variance."""
    # Sums of squares of small deviations lose fewer digits.
    centered = true - true.mean()
    columns = np.stack([np.ones(len(true)), centered, centered**2, error**2], axis=1)

    def compute(counts: _FloatArray) -> float:
        total, sum_, squares, errors = (counts @ columns).tolist()
        variance = squares - sum_**2 / total
        return 1 - errors / variance if variance > 1e-12 * squares else math.nan

    return compute_percentile_interval(compute, len(true))
