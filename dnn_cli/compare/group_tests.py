"""Tests of the differences between groups of scores, many at once: groups of equal size share permutations."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dnn_cli.compare.exact_tests import Results, Values, sign_flip_test, two_sample_test
from dnn_cli.compare.statistics import (
    LEAST_SEEDS,
    POOLED_SHARE,
    Difference,
    Interval,
    Precision,
    Test,
    choose_test,
    lowest_p,
)
from dnn_cli.compare.t_tests import paired_t_test, welch_t_test

INTERVAL_EXACT_SEEDS = 6
"""Seeds from which the interval of one group's mean is that of the exact test; fewer have an infinite one."""


@dataclass(frozen=True)
class ScorePair:
    """The scores of two groups by seed, to be compared."""

    ours: Mapping[int, float]
    theirs: Mapping[int, float]
    needs_exact: bool = False
    """Whether the assumption of a t-test does not hold for one of the groups."""


def measure_differences(
    pairs: Sequence[ScorePair], comparisons: int, precision: Precision, mean_variance: float = 0.0
) -> list[Difference]:
    """Return the difference of every pair of groups, in the order of the pairs.

    Seeds that both groups have make pairs: equal splits, equal orders and, for equal networks, equal initial weights.
    Where fewer than half of the smaller group's seeds are in both, the groups are two samples.

    Args:
        pairs: The scores of the groups.
        comparisons: Comparisons in the family, which decide between the exact test and the t-test.
        precision: The resolution of the scores.
        mean_variance: Mean variance within the groups that have no failed seed.
    """
    # A score is rounded to a step g, which adds g²/12 to the variance of a score and g²/6 to that of a difference.
    least_variance = max(precision.step**2 / 6, POOLED_SHARE * 2 * mean_variance)
    samples = [pair_samples(pair.ours, pair.theirs) for pair in pairs]
    alike: dict[tuple[Test, tuple[int, ...]], list[int]] = defaultdict(list)
    for index, (pair, arrays) in enumerate(zip(pairs, samples, strict=True)):
        sizes = tuple(map(len, arrays))
        alike[choose_test(sizes, comparisons, needs_exact=pair.needs_exact), sizes].append(index)
    found: dict[int, Difference] = {}
    for (test, _), indices in alike.items():
        arrays = tuple(np.stack(values) for values in zip(*(samples[index] for index in indices), strict=True))
        results = run_test(test, arrays, precision, least_variance)
        described = describe_differences(arrays, test, results, math.sqrt(least_variance))
        found.update(zip(indices, described, strict=True))
    return [found[index] for index in range(len(pairs))]


def pair_samples(ours: Mapping[int, float], theirs: Mapping[int, float]) -> tuple[Values, ...]:
    """Return the differences within seeds, or the scores of two samples.

    Fewer than three pairs decide nothing, so groups of three and more seeds are then two samples.
    """
    common, smaller = sorted(ours.keys() & theirs.keys()), min(len(ours), len(theirs))
    if common and 2 * len(common) >= smaller and len(common) >= min(LEAST_SEEDS, smaller):
        return (np.array([ours[seed] - theirs[seed] for seed in common]),)
    return np.array(list(ours.values())), np.array(list(theirs.values()))


def run_test(test: Test, samples: tuple[Values, ...], precision: Precision, least_variance: float) -> Results | None:
    """Return p-values and intervals by a test; `None` for the test `none`."""
    if test == "none":
        return None
    if test == "student":
        if len(samples) == 1:
            return paired_t_test(samples[0], least_variance)
        return welch_t_test(samples[0], samples[1], least_variance)
    if len(samples) == 1:
        return sign_flip_test(samples[0], precision.tolerance)
    return two_sample_test(samples[0], samples[1], precision.tolerance)


def describe_differences(
    samples: tuple[Values, ...], test: Test, results: Results | None, least_spread: float
) -> list[Difference]:
    """Return the differences of samples: one of shape (comparisons, pairs), or two of (comparisons, seeds)."""
    sizes = [values.shape[-1] for values in samples]
    count = len(samples[0])
    below = samples[1] if len(samples) == 2 else np.zeros((count, 1))
    means = samples[0].mean(-1) - below.mean(-1)
    variances = sum((values.var(-1, ddof=1) for values in samples), np.zeros(count)) if min(sizes) > 1 else None
    lows, highs = samples[0].min(-1) - below.max(-1), samples[0].max(-1) - below.min(-1)
    return [
        Difference(
            design="paired" if len(samples) == 1 else "unpaired",
            test=test,
            mean=float(means[index]),
            interval=None if results is None else finite_interval(results[1][index]),
            span=(float(lows[index]), float(highs[index])),
            p_value=None if results is None else float(results[0][index]),
            lowest_p=0.0 if test == "student" else lowest_p(*sizes),
            seeds=(sizes[0], sizes[-1]),
            spread=math.sqrt(variances[index]) if variances is not None else 0.0,
            least_spread=least_spread,
        )
        for index in range(count)
    ]


def mean_intervals(groups: Sequence[Sequence[float]], precision: Precision) -> list[Interval | None]:
    """Return the 95% interval of every group's mean; `None` from fewer than three seeds.

    The interval is that of the test for a difference from a constant: Student's t up to five seeds, exact from six.
    """
    found: list[Interval | None] = [None] * len(groups)
    for size in {len(values) for values in groups if len(values) >= LEAST_SEEDS}:
        places = [place for place, values in enumerate(groups) if len(values) == size]
        rows = np.array([groups[place] for place in places])
        test: Test = "exact" if size >= INTERVAL_EXACT_SEEDS else "student"
        results = run_test(test, (rows,), precision, precision.step**2 / 12)
        assert results is not None  # noqa: S101 - both tests give results
        for place, interval in zip(places, results[1], strict=True):
            found[place] = finite_interval(interval)
    return found


def finite_interval(ends: Values) -> Interval | None:
    """Return an interval as two numbers; `None` where an end is infinite."""
    low, high = float(ends[0]), float(ends[1])
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None
