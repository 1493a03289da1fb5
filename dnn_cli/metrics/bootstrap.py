"""Intervals by the bootstrap: examples are drawn with replacement, and the scores of the samples show the uncertainty.

`tests/stress/interval_coverage.py` measures how often the intervals contain the true score. The random state is fixed,
so that equal examples give equal intervals.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from dnn_cli.metrics.binomial import NORMAL_QUANTILE
from dnn_cli.runs.evaluations import Interval

_FloatArray = NDArray[np.float64]

_SAMPLES = 1000
"""Number of samples with replacement."""

_MAX_SAMPLED_EXAMPLES = 5_000
"""Largest number of examples for which the mean is computed in samples.

For more examples, the mean has a normal distribution, and other scores have only as many samples as the time allows."""

_MAX_DRAWS = _SAMPLES * _MAX_SAMPLED_EXAMPLES
"""Largest number of drawn examples in all samples."""

_MIN_SAMPLES = 100
"""Smallest number of samples. They determine a standard deviation, but no quantiles."""

_BLOCK_DRAWS = 2**20
"""Number of drawn examples that are in memory at once."""

_MIN_WIDTH = 1e-6
"""Smallest width of an interval of percentiles. Scores of equal samples differ by rounding errors alone."""

_TAIL = 0.025
"""Probability on each side of a 95% interval."""


def compute_mean_intervals(values: _FloatArray, weights: _FloatArray | None = None) -> list[Interval | None]:
    """Return 95% intervals of weighted means by the studentized bootstrap (Efron and Tibshirani, 1993, chapter 12).

    The studentized bootstrap suits means of skewed values such as losses: the samples have the distribution of
    (mean of the sample − mean) / standard error of the sample. An interval is `None` for equal values, for fewer than
    two examples, and if the samples determine no end of the interval.

    Args:
        values: The values of each example, of shape (n, means); finite.
        weights: The weight of each example, of shape (n,); `None` for equal weights.
    """
    count = len(values)
    if count < 2:
        return [None] * values.shape[1]
    factors = np.ones(count) if weights is None else weights * count / weights.sum()
    means = factors @ values / count
    # The error of a mean is that of the sum of weighted deviations from this mean.
    deviations = values - means
    errors = np.sqrt(((factors[:, None] * deviations) ** 2).sum(0)) / count
    is_varied = errors > 1e-12 * np.abs(values).max(0)
    if count > _MAX_SAMPLED_EXAMPLES:
        below = above = np.full(len(means), NORMAL_QUANTILE)
    else:
        below, above = _compute_studentized_quantiles(deviations / np.where(is_varied, errors, 1), factors)
    lows, highs = means - errors * below, means + errors * above
    is_finite = is_varied & np.isfinite(lows) & np.isfinite(highs)
    return [(float(lows[at]), float(highs[at])) if is_valid else None for at, is_valid in enumerate(is_finite.tolist())]


def _compute_studentized_quantiles(deviations: _FloatArray, factors: _FloatArray) -> tuple[_FloatArray, _FloatArray]:
    """Return the distances of the lower and the upper end of a studentized interval from the mean.

    Both are in standard errors, of shape (means,).

    Args:
        deviations: The deviations of the values from their weighted mean, of shape (n, means).
        factors: The weights of the examples with the mean 1, of shape (n,).
    """
    weighted = factors[:, None] * deviations
    squares = factors[:, None] ** 2
    columns = np.concatenate([factors[:, None], weighted, weighted**2, squares * deviations, squares], axis=1)
    count, means = deviations.shape
    sums = np.concatenate([counts @ columns for counts in _iter_sample_counts(count)])
    total, sum_, square_sum, cross_sum, factor_squares = np.split(sums, np.cumsum([1, means, means, means]), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sum_ / total
        variance = np.maximum(square_sum - 2 * mean * cross_sum + mean**2 * factor_squares, 0)
        statistics = mean * total / np.sqrt(variance)
    # A sample of equal values has an unknown error: its statistic is infinite, and without deviation it is 0.
    statistics = np.where(np.isnan(statistics), 0.0, statistics)
    return (
        np.quantile(statistics, 1 - _TAIL, axis=0, method="higher"),
        -np.quantile(statistics, _TAIL, axis=0, method="lower"),
    )


def _iter_sample_counts(count: int) -> Iterator[_FloatArray]:
    """Yield how often samples contain each example, float64 of shape (samples, n), in blocks."""
    rng = np.random.default_rng(0)
    rows = max(1, min(_SAMPLES, _BLOCK_DRAWS // count))
    for start in range(0, _SAMPLES, rows):
        size = min(rows, _SAMPLES - start)
        drawn = rng.integers(0, count, (size, count), dtype=np.int32)
        drawn += np.arange(size, dtype=np.int32)[:, None] * np.int32(count)
        yield np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count).astype(np.float64)


def compute_percentile_interval(
    compute: Callable[[_FloatArray], float], counts: NDArray[np.int64] | int
) -> Interval | None:
    """Return the 95% percentile interval of a score; `None` if nearly all samples have the same score, or no score.

    Args:
        compute: The function that returns the score of a sample. Its argument is how often the sample contains each of
            the different examples, float64 of shape (m,).
        counts: The number of examples that are equal to each of the different examples, of shape (m,); or the number
            of examples that all differ.
    """
    kinds, count = (counts, counts) if isinstance(counts, int) else (len(counts), int(counts.sum()))
    if count < 2 or kinds < 2:
        return None
    rng = np.random.default_rng(0)

    def draw_sample() -> _FloatArray:
        if isinstance(counts, int):
            return np.bincount(rng.integers(0, counts, counts), minlength=counts).astype(np.float64)
        return rng.multinomial(count, counts / count).astype(np.float64)

    samples = max(_MIN_SAMPLES, min(_SAMPLES, _MAX_DRAWS // kinds))
    scores = np.array([compute(draw_sample()) for _ in range(samples)])
    scores = scores[np.isfinite(scores)]
    if len(scores) < samples / 2:
        return None
    if samples < _SAMPLES:
        half_width, mean = NORMAL_QUANTILE * float(scores.std()), float(scores.mean())
        low, high = mean - half_width, mean + half_width
    else:
        low, high = map(float, np.quantile(scores, (_TAIL, 1 - _TAIL)))
    return (low, high) if high - low > _MIN_WIDTH * max(1.0, abs(low), abs(high)) else None
