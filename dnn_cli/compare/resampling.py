"""Permutation tests and bootstraps of many small samples at once, as products of matrices.

scipy.stats computes the same, and the tests hold this against it; but its import alone takes longer than comparing
ten thousand runs.
"""

import math
from collections.abc import Callable
from functools import cache
from itertools import combinations
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.statistics import ALPHA, PERMUTATIONS

RESAMPLES = 9_999
"""Of a bootstrap."""

BLOCK = 64
"""So many comparisons at once, as each needs a number for every permutation."""

EQUAL = 1e-12
"""Statistics that differ by less, relative to the largest, differ by rounding alone."""

Values = NDArray[np.float64]


def sign_flip_test(differences: Values) -> Values:
    """Two-sided p-values of means that may be 0, from turning the signs of differences (Fisher, 1935).

    Args:
        differences: Of shape (comparisons, pairs).
    """
    signs, exact = all_signs(differences.shape[-1])

    def work(rows: Values) -> Values:
        return two_sided(rows.mean(-1), rows @ signs.T / signs.shape[-1], exact=exact)

    return blockwise(work, differences)


@cache
def all_signs(pairs: int) -> tuple[Values, bool]:
    """Every row of signs, or as many that are drawn; and whether they are all."""
    if 2**pairs <= PERMUTATIONS:
        bits = np.arange(2**pairs)[:, None] >> np.arange(pairs) & 1
        return np.where(bits == 0, 1.0, -1.0), True
    return np.random.default_rng(0).choice([-1.0, 1.0], size=(PERMUTATIONS - 1, pairs)), False


def two_sample_test(ours: Values, theirs: Values) -> Values:
    """Two-sided p-values of two samples that may be of one origin, from dealing them anew, judged by Welch's t.

    Means alone would be misled where the two scatter differently (Janssen, Statistics & Probability Letters 36,
    1997).

    Args:
        ours: Of shape (comparisons, seeds).
        theirs: Likewise, with a number of seeds of their own.
    """
    n, m = ours.shape[-1], theirs.shape[-1]
    dealt, exact = all_deals(n, m)

    def work(rows: Values) -> Values:
        rows = rows - rows[:, :1]  # equal values are exactly 0 from here on
        rows = rows - rows.mean(-1, keepdims=True)
        noise = EQUAL * (rows**2).sum(-1, keepdims=True)
        floor = np.maximum(1e-18 * (rows**2).max(-1, keepdims=True), 1e-300)  # no scatter at all is no division by 0

        def error(sums: Values, squares: Values, size: int) -> Values:
            scatter = squares - sums**2 / size
            return np.asarray(np.where(scatter > noise, scatter, 0) / (size - 1) / size)

        def welch(masks: Values) -> Values:
            sums, squares = rows @ masks.T, rows**2 @ masks.T
            rest, rest_squares = rows.sum(-1, keepdims=True) - sums, (rows**2).sum(-1, keepdims=True) - squares
            errors = error(sums, squares, n) + error(rest, rest_squares, m)
            return np.asarray((sums / n - rest / m) / np.sqrt(errors + floor))

        seen = np.zeros((1, n + m))
        seen[0, :n] = 1
        null = welch(dealt)
        first = null if exact else welch(seen)  # the first of all deals is the one that was seen
        return two_sided(first[:, 0], null, exact=exact)

    return blockwise(work, np.concatenate([ours, theirs], -1))


@cache
def all_deals(n: int, m: int) -> tuple[Values, bool]:
    """Every choice of n of n + m as a row of ones and zeros, or as many that are drawn; and whether they are all."""
    count = math.comb(n + m, n)
    if count <= PERMUTATIONS:
        chosen = np.array(list(combinations(range(n + m), n)))
    else:
        count = PERMUTATIONS - 1
        chosen = np.random.default_rng(0).random((count, n + m)).argsort(-1)[:, :n]
    masks = np.zeros((count, n + m))
    np.put_along_axis(masks, chosen, 1.0, -1)
    return masks, count == math.comb(n + m, n)


def two_sided(seen: Values, null: Values, *, exact: bool) -> Values:
    """Twice the share of permutations that are as far out; what was seen counts among those that are drawn."""
    slack = EQUAL * np.maximum(np.abs(null).max(-1), np.abs(seen))
    above = (null >= (seen - slack)[:, None]).sum(-1)
    below = (null <= (seen + slack)[:, None]).sum(-1)
    more = 0 if exact else 1
    return np.asarray(np.minimum(1.0, 2 * (np.minimum(above, below) + more) / (null.shape[-1] + more)))


def bootstrap_intervals(*samples: Values) -> Values:
    """Intervals at 95% for means, or for differences of two: percentiles of a bootstrap, widened for few values.

    A bootstrap of n values scatters by (n - 1)/n too little and knows no Student; expanded percentiles make up for
    both (Hesterberg, The American Statistician 69, 2015).

    Args:
        samples: One or two, each of shape (comparisons, values).

    Returns:
        Of shape (comparisons, 2).
    """
    rng = np.random.default_rng(0)
    means = [values.mean(-1, keepdims=True) for values in samples]
    sizes = np.array([values.shape[-1] for values in samples])
    errors = np.stack([values.var(-1, ddof=1) / values.shape[-1] for values in samples], -1)
    errors[errors.sum(-1) == 0] = 1.0  # no scatter: any percentile is the mean
    errors /= errors.max(-1, keepdims=True)  # whose squares would be 0 where scores are very small
    freedom = errors.sum(-1) ** 2 / (errors**2 / (sizes - 1)).sum(-1)  # Welch and Satterthwaite
    shrunk = (errors * (sizes - 1) / sizes).sum(-1)
    reach = np.array([student_quantile(one) for one in freedom]) * np.sqrt(errors.sum(-1) / shrunk)
    drawn = [rng.multinomial(size, np.full(size, 1 / size), RESAMPLES) / size for size in sizes]
    found = []
    for begin in range(0, len(samples[0]), BLOCK):
        rows = slice(begin, begin + BLOCK)
        parts = [(v[rows] - m[rows]) @ d.T for v, m, d in zip(samples, means, drawn, strict=True)]
        spread = parts[0] - parts[1] if len(parts) == 2 else parts[0]
        centre = means[0][rows] - means[1][rows] if len(parts) == 2 else means[0][rows]
        for row, middle, away in zip(spread, centre, reach[rows], strict=True):
            tail = NormalDist().cdf(-away)
            found.append(middle + np.quantile(row, (tail, 1 - tail)))
    return np.array(found)


@cache
def student_quantile(freedom: float) -> float:
    """The quantile of Student's t that 95% of it lie within; its density is a power of a cosine of the angle."""
    angles = np.linspace(0, math.pi / 2, 20_001)
    density = np.cos(angles) ** (freedom - 1)
    cumulated = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    angle = np.interp((1 - ALPHA) * cumulated[-1], cumulated, angles)
    return math.sqrt(freedom) * math.tan(angle)


def sign_test(one_way: int, other_way: int) -> float:
    """The exact two-sided p-value of so many coins that fell to either side (McNemar, 1947, exactly)."""
    n, fewer = one_way + other_way, min(one_way, other_way)
    term = total = 1
    for k in range(fewer):
        term = term * (n - k) // (k + 1)
        total += term
    return min(1.0, 2 * (total / 2**n if n < 1000 else math.exp(math.log(total) - n * math.log(2))))


def blockwise(work: Callable[[Values], Values], rows: Values) -> Values:
    """The results for so many rows at a time."""
    return np.concatenate([work(rows[begin : begin + BLOCK]) for begin in range(0, len(rows), BLOCK)])
