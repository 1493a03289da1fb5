"""The differences between groups of scores, measured: many at once, as their permutations are the same."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from dnn_cli.compare.resampling import Values, bootstrap_intervals, sign_flip_test, two_sample_test
from dnn_cli.compare.statistics import FEWEST, Difference, lowest_p


def differences(pairs: Sequence[tuple[Mapping[int, float], Mapping[int, float]]]) -> list[Difference]:
    """The differences between pairs of groups, whose scores are given by seed; in the order of the pairs.

    Seeds that both have make pairs: equal splits, equal orders and, where the networks are alike, equal initial
    weights. Only where fewer than half of the smaller group's seeds are in both are they two samples.
    """
    samples = [samples_of(ours, theirs) for ours, theirs in pairs]
    alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, arrays in enumerate(samples):
        alike[tuple(map(len, arrays))].append(index)
    found: dict[int, Difference] = {}
    for indices in alike.values():  # all of one size at once, as scipy's loop over permutations is the slow part
        arrays = tuple(np.stack(values) for values in zip(*(samples[index] for index in indices), strict=True))
        found.update(zip(indices, measured(arrays), strict=True))
    return [found[index] for index in range(len(pairs))]


def samples_of(ours: Mapping[int, float], theirs: Mapping[int, float]) -> tuple[Values, ...]:
    """The differences within seeds, or two samples."""
    common = sorted(ours.keys() & theirs.keys())
    if common and 2 * len(common) >= min(len(ours), len(theirs)):
        return (np.array([ours[seed] - theirs[seed] for seed in common]),)
    return np.array(list(ours.values())), np.array(list(theirs.values()))


def measured(samples: tuple[Values, ...]) -> list[Difference]:
    """The differences that samples show: one of shape (comparisons, pairs), or two of (comparisons, seeds)."""
    sizes = [values.shape[-1] for values in samples]
    count = len(samples[0])
    below = samples[1] if len(samples) == 2 else np.zeros((count, 1))
    means = samples[0].mean(-1) - below.mean(-1)
    variances = sum((values.var(-1, ddof=1) for values in samples), np.zeros(count)) if min(sizes) > 1 else None
    test = sign_flip_test if len(samples) == 1 else two_sample_test
    p_values = test(*samples).tolist() if min(sizes) > 1 else [None] * count
    intervals = pairs_of(bootstrap_intervals(*samples)) if min(sizes) >= FEWEST else [None] * count
    lows, highs = samples[0].min(-1) - below.max(-1), samples[0].max(-1) - below.min(-1)
    return [
        Difference(
            design="paired" if len(samples) == 1 else "unpaired",
            mean=float(means[index]),
            interval=intervals[index],
            span=(float(lows[index]), float(highs[index])),
            p_value=p_values[index],
            lowest_p=lowest_p(*sizes),
            seeds=(sizes[0], sizes[-1]),
            spread=math.sqrt(variances[index]) if variances is not None else 0.0,
        )
        for index in range(count)
    ]


def mean_intervals(groups: Sequence[Sequence[float]]) -> list[tuple[float, float] | None]:
    """The bootstrap interval of every group's own mean; `None` from fewer than five seeds."""
    enough = [values for values in groups if len(values) >= FEWEST]
    found = {
        size: iter(pairs_of(bootstrap_intervals(np.array([values for values in enough if len(values) == size]))))
        for size in {len(values) for values in enough}
    }
    return [next(found[len(values)]) if len(values) in found else None for values in groups]


def pairs_of(intervals: Values) -> list[tuple[float, float] | None]:
    """Rows of two numbers as tuples."""
    return [(float(low), float(high)) for low, high in intervals]
