"""Tests of the differences between groups. For speed, comparisons with equal numbers of seeds are computed together."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dnn_cli.compare.exact_tests import FloatArray, TestResults, run_sign_flip_test, run_two_sample_test
from dnn_cli.compare.significance import (
    MIN_SEEDS,
    MIN_VARIANCE_SHARE,
    Design,
    Interval,
    MeanDifference,
    ScoreResolution,
    TestName,
    choose_test,
    compute_min_p_value,
)
from dnn_cli.compare.t_tests import run_paired_t_test, run_welch_t_test

_MIN_EXACT_INTERVAL_SEEDS = 6
"""Smallest number of seeds for which the exact test gives a finite interval of a group's mean."""


@dataclass(frozen=True)
class ScorePair:
    """Scores of two groups by seed, for a test of their difference."""

    ours: Mapping[int, float]
    theirs: Mapping[int, float]
    needs_exact: bool = False
    """Whether one of the groups violates the assumption of a t-test. Only an exact test is then allowed."""

    is_fixed: bool = False
    """Whether one of the groups is a baseline. Its only score is then used for each seed of the other group."""


def measure_differences(
    pairs: Sequence[ScorePair], comparisons: int, resolution: ScoreResolution, mean_variance: float = 0.0
) -> list[MeanDifference]:
    """Return the difference of every pair of groups, in the order of the pairs.

    Scores of the same seed in both groups are paired. Such runs share splits, orders of examples and, for equal
    networks, initial weights. Groups that share fewer than half of the smaller group's seeds are compared unpaired.

    Args:
        pairs: The scores of the groups.
        comparisons: The number of all comparisons that are judged together. The choice between exact test and t-test
            depends on this number.
        resolution: The resolution of the scores.
        mean_variance: The variance over the seeds of a group, as a mean over all groups without a failed seed. T-tests
            use at least a share of this variance (`MIN_VARIANCE_SHARE`).
    """
    # Rounding to a step g adds g²/12 to the variance of a score and g²/6 to the variance of a difference.
    # The difference from a fixed score has half of both.
    min_variance = max(resolution.step**2 / 6, MIN_VARIANCE_SHARE * 2 * mean_variance)
    samples = [pair_samples(pair.ours, pair.theirs) for pair in pairs]
    batches: dict[tuple[TestName, tuple[int, ...], bool], list[int]] = defaultdict(list)
    for index, (pair, arrays) in enumerate(zip(pairs, samples, strict=True)):
        sizes = tuple(map(len, arrays))
        test = choose_test(sizes, comparisons, needs_exact=pair.needs_exact)
        batches[test, sizes, pair.is_fixed].append(index)
    differences: dict[int, MeanDifference] = {}
    for (test, _, is_fixed), indices in batches.items():
        arrays = tuple(np.stack(values) for values in zip(*(samples[index] for index in indices), strict=True))
        lowest = min_variance / 2 if is_fixed else min_variance
        results = _run_test(test, arrays, resolution, lowest)
        design: Design = "fixed" if is_fixed else "paired" if len(arrays) == 1 else "unpaired"
        batch_differences = _build_differences(arrays, test, results, math.sqrt(lowest), design)
        differences.update(zip(indices, batch_differences, strict=True))
    return [differences[index] for index in range(len(pairs))]


def pair_samples(ours: Mapping[int, float], theirs: Mapping[int, float]) -> tuple[FloatArray, ...]:
    """Return one array of differences between scores of equal seeds, or two arrays of scores that are not paired.

    Scores are paired if the groups share at least half of the smaller group's seeds. Two groups of at least three
    seeds must also share at least three seeds, because a verdict needs three pairs.

    Args:
        ours: The scores of the first group by seed.
        theirs: The scores of the second group by seed.
    """
    common, smaller = sorted(ours.keys() & theirs.keys()), min(len(ours), len(theirs))
    if common and 2 * len(common) >= smaller and len(common) >= min(MIN_SEEDS, smaller):
        return (np.array([ours[seed] - theirs[seed] for seed in common]),)
    return np.array(list(ours.values())), np.array(list(theirs.values()))


def _run_test(
    test: TestName, samples: tuple[FloatArray, ...], resolution: ScoreResolution, min_variance: float
) -> TestResults | None:
    """Return the p-values and intervals of a test; `None` for the test `none`.

    Args:
        test: The name of the test.
        samples: One array of paired differences, or two arrays with the scores of two samples.
        resolution: The resolution of the scores, whose tolerance the exact test uses.
        min_variance: The lower limit of the variance of a difference in a t-test.
    """
    if test == "none":
        return None
    if test == "student":
        if len(samples) == 1:
            return run_paired_t_test(samples[0], min_variance)
        return run_welch_t_test(samples[0], samples[1], min_variance)
    if len(samples) == 1:
        return run_sign_flip_test(samples[0], resolution.tolerance)
    return run_two_sample_test(samples[0], samples[1], resolution.tolerance)


def _build_differences(
    samples: tuple[FloatArray, ...], test: TestName, results: TestResults | None, min_spread: float, design: Design
) -> list[MeanDifference]:
    """Return one difference for each comparison, from its samples and the results of its test.

    Args:
        samples: One array of paired differences, of shape (comparisons, pairs), or two arrays of scores, of shape
            (comparisons, seeds).
        test: The name of the test.
        results: The p-values and intervals; `None` for the test `none`.
        min_spread: The lower limit of the standard deviation that a t-test used.
        design: The design of the test.
    """
    sizes = [values.shape[-1] for values in samples]
    count = len(samples[0])
    below = samples[1] if len(samples) == 2 else np.zeros((count, 1))
    means = samples[0].mean(-1) - below.mean(-1)
    variances = sum((values.var(-1, ddof=1) for values in samples), np.zeros(count)) if min(sizes) > 1 else None
    lows, highs = samples[0].min(-1) - below.max(-1), samples[0].max(-1) - below.min(-1)
    return [
        MeanDifference(
            design=design,
            test=test,
            mean=float(means[index]),
            interval=None if results is None else _to_finite_interval(results[1][index]),
            span=(float(lows[index]), float(highs[index])),
            p_value=None if results is None else float(results[0][index]),
            min_p_value=0.0 if test == "student" else compute_min_p_value(*sizes),
            seed_counts=(sizes[0], sizes[-1]),
            spread=math.sqrt(variances[index]) if variances is not None else 0.0,
            min_spread=min_spread,
        )
        for index in range(count)
    ]


def compute_mean_intervals(groups: Sequence[Sequence[float]], resolution: ScoreResolution) -> list[Interval | None]:
    """Return the 95% interval of every group's mean; `None` for fewer than three seeds.

    The interval contains every value from which the mean does not differ significantly. The test is Student's t-test
    for up to five seeds, and the exact sign-flip test for six or more.

    Args:
        groups: The scores of each group, one for each seed.
        resolution: The resolution of the scores.
    """
    intervals: list[Interval | None] = [None] * len(groups)
    for size in {len(values) for values in groups if len(values) >= MIN_SEEDS}:
        indices = [index for index, values in enumerate(groups) if len(values) == size]
        rows = np.array([groups[index] for index in indices])
        test: TestName = "exact" if size >= _MIN_EXACT_INTERVAL_SEEDS else "student"
        results = _run_test(test, (rows,), resolution, resolution.step**2 / 12)
        assert results is not None  # noqa: S101 - both tests return results
        for index, interval in zip(indices, results[1], strict=True):
            intervals[index] = _to_finite_interval(interval)
    return intervals


def _to_finite_interval(ends: FloatArray) -> Interval | None:
    """Return the ends of an interval as two numbers; `None` if an end is infinite."""
    low, high = float(ends[0]), float(ends[1])
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None
