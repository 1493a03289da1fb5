"""Exact permutation tests of many small samples at once, with their 95% intervals.

`scipy.stats.permutation_test` computes the same p-values; a test of dnn checks that the results agree. SciPy is not
used because the import of `scipy.stats` takes 1.3 s, longer than the comparison of ten thousand runs.
"""

import math
from collections.abc import Callable
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.significance import ALPHA, MAX_PERMUTATIONS, compute_min_p_value

BLOCK_SIZE = 64
"""Number of comparisons computed at once. 64 comparisons need a float64 for each of 16,384 permutations: 8 MB."""

_MAX_ROUNDING_ERROR = 1e-12
"""Largest relative difference at which two statistics count as equal. Rounding errors of float64 are smaller."""

_BISECTION_STEPS = 20
"""Steps of the bisection that finds an end of an interval. The error is 1e-6 of the range that is searched."""

_MAX_DOUBLINGS = 12
"""Largest number of times that the search for the end of an interval doubles its step.

The first step is the standard error of the difference between the means."""

FloatArray = NDArray[np.float64]
TestResults = tuple[FloatArray, FloatArray]
"""Results of a test: p-values of shape (comparisons,), and 95% intervals of shape (comparisons, 2)."""


def run_sign_flip_test(differences: FloatArray, tolerance: float = 0.0) -> TestResults:
    """Test whether paired differences have mean 0, by flipping their signs (Fisher, 1935).

    The interval holds every mean that the same test does not reject at 5%. The ends of the interval are means of
    subsets of the differences (Hartigan, JASA 64, 1969). For fewer than six pairs, the ends are infinite.

    Args:
        differences: The paired differences, of shape (comparisons, pairs).
        tolerance: The largest difference at which two means count as equal, in units of the scores.

    Returns:
        The two-sided p-values of shape (comparisons,) and the 95% intervals of shape (comparisons, 2).
    """
    signs, is_complete = _build_sign_matrix(differences.shape[-1])
    flipped = (signs < 0).astype(np.float64)
    sizes = flipped.sum(-1)
    pairs = differences.shape[-1]

    def test_block(rows: FloatArray) -> TestResults:
        slack = np.maximum(tolerance, _MAX_ROUNDING_ERROR * np.abs(rows).max(-1))
        return _compute_sign_flip_block(rows, slack), compute_subset_interval(rows, slack)

    def compute_subset_interval(rows: FloatArray, slack: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            means = rows @ flipped.T / sizes
            margins = slack[:, None] * pairs / (2 * sizes)
        lower, upper = means - margins, means + margins
        lower[:, sizes == 0], upper[:, sizes == 0] = -np.inf, np.inf
        # The unflipped differences count as one more permutation where not all are enumerated.
        total = len(signs) + (0 if is_complete else 1)
        rank = math.floor(ALPHA * total / 2 + 1e-9) - (0 if is_complete else 1)
        return np.stack([np.partition(lower, rank)[:, rank], -np.partition(-upper, rank)[:, rank]], -1)

    return _run_in_blocks(test_block, differences)


def compute_sign_flip_p_values(differences: FloatArray, tolerance: float = 0.0) -> FloatArray:
    """Return the p-values of `run_sign_flip_test` without its intervals, of shape (comparisons,).

    Args:
        differences: The paired differences, of shape (comparisons, pairs).
        tolerance: The largest difference at which two means count as equal, in units of the scores.
    """
    # Few permutations leave memory for more comparisons.
    size = BLOCK_SIZE * MAX_PERMUTATIONS // len(_build_sign_matrix(differences.shape[-1])[0])
    blocks = [differences[begin : begin + size] for begin in range(0, len(differences), size)]
    slacks = [np.maximum(tolerance, _MAX_ROUNDING_ERROR * np.abs(rows).max(-1)) for rows in blocks]
    return np.concatenate([_compute_sign_flip_block(*block) for block in zip(blocks, slacks, strict=True)])


def _compute_sign_flip_block(rows: FloatArray, slack: FloatArray) -> FloatArray:
    """Return the p-values of one block of comparisons, of shape (comparisons,).

    Args:
        rows: The paired differences, of shape (comparisons, pairs).
        slack: The largest differences at which two means count as equal, of shape (comparisons,).
    """
    signs, is_complete = _build_sign_matrix(rows.shape[-1])
    null = rows @ signs.T / rows.shape[-1]
    return _compute_two_sided_p(rows.mean(-1), null, slack, is_complete=is_complete)


@cache
def _build_sign_matrix(pairs: int) -> tuple[FloatArray, bool]:
    """Return rows of signs (1 or -1), of shape (permutations, pairs), and whether they include all possible rows.

    If more than 16,384 rows are possible, 16,383 random rows are returned.
    """
    if 2**pairs <= MAX_PERMUTATIONS:
        bits = np.arange(2**pairs)[:, None] >> np.arange(pairs) & 1
        return np.where(bits == 0, 1.0, -1.0), True
    return np.random.default_rng(0).choice([-1.0, 1.0], size=(MAX_PERMUTATIONS - 1, pairs)), False


def run_two_sample_test(ours: FloatArray, theirs: FloatArray, tolerance: float = 0.0) -> TestResults:
    """Test whether two samples have equal means, by permuting their scores and comparing Welch's t.

    A comparison of the means alone misleads where the two samples have different variances (Janssen, Statistics &
    Probability Letters 36, 1997). The interval holds the differences between the means that the same test does not
    reject at 5%.

    Args:
        ours: The scores of one sample, of shape (comparisons, seeds).
        theirs: The scores of the other sample, of shape (comparisons, seeds). The number of seeds may differ.
        tolerance: The largest difference at which two means count as equal, in units of the scores.

    Returns:
        The two-sided p-values of shape (comparisons,) and the 95% intervals of shape (comparisons, 2).
    """
    n, m = ours.shape[-1], theirs.shape[-1]

    def test_block(rows: FloatArray) -> TestResults:
        left, right = rows[:, :n], rows[:, n:]
        p_values = _compute_welch_p_values(left, right, tolerance)
        if compute_min_p_value(n, m) > ALPHA:
            return p_values, np.tile([-np.inf, np.inf], (len(rows), 1))
        ends = [_find_shift_limit(left, right, p_values, tolerance, side) for side in (-1.0, 1.0)]
        return p_values, np.stack(ends, -1)

    return _run_in_blocks(test_block, np.concatenate([ours, theirs], -1))


def _compute_welch_p_values(ours: FloatArray, theirs: FloatArray, tolerance: float) -> FloatArray:
    """Return the p-values of `run_two_sample_test`, of shape (comparisons,)."""
    n, m = ours.shape[-1], theirs.shape[-1]
    masks, is_complete = build_group_masks(n, m)
    rows = np.concatenate([ours, theirs], -1)
    # After this line, equal scores are exactly 0.
    rows = rows - rows[:, :1]
    rows = rows - rows.mean(-1, keepdims=True)
    noise = _MAX_ROUNDING_ERROR * (rows**2).sum(-1, keepdims=True)
    # The floor avoids a division by 0 where all scores are equal.
    floor = np.maximum(1e-18 * (rows**2).max(-1, keepdims=True), 1e-300)

    def compute_squared_error(sums: FloatArray, squares: FloatArray, size: int) -> FloatArray:
        scatter = squares - sums**2 / size
        return np.asarray(np.where(scatter > noise, scatter, 0) / (size - 1) / size)

    def compute_welch_t(masks: FloatArray) -> FloatArray:
        sums, squares = rows @ masks.T, rows**2 @ masks.T
        other_sums, other_squares = rows.sum(-1, keepdims=True) - sums, (rows**2).sum(-1, keepdims=True) - squares
        errors = compute_squared_error(sums, squares, n) + compute_squared_error(other_sums, other_squares, m)
        return np.asarray((sums / n - other_sums / m) / np.sqrt(errors + floor))

    observed = np.zeros((1, n + m))
    observed[0, :n] = 1
    null = compute_welch_t(masks)
    # The first of all permutations is the observed one.
    observed_t = (null if is_complete else compute_welch_t(observed))[:, 0]
    # An error of the scores changes t by that error, divided by the standard deviation.
    deviation = np.sqrt((rows**2).mean(-1)) + 1e-300
    relative = _MAX_ROUNDING_ERROR + np.minimum(tolerance / deviation, 1.0)
    return _compute_two_sided_p(
        observed_t, null, relative * np.maximum(np.abs(null).max(-1), np.abs(observed_t)), is_complete=is_complete
    )


def _find_shift_limit(
    ours: FloatArray, theirs: FloatArray, p_values: FloatArray, tolerance: float, side: float
) -> FloatArray:
    """Return one end of the 95% intervals of `run_two_sample_test`, of shape (comparisons,), by bisection.

    An interval contains each number that can be subtracted from the scores in `ours` without a significant difference
    from `theirs`. The p-value decides whether the interval contains 0, so that the interval and the p-value agree.

    Args:
        ours: The scores of one sample, of shape (comparisons, seeds).
        theirs: The scores of the other sample, of shape (comparisons, seeds).
        p_values: The p-values for equal means, of shape (comparisons,).
        tolerance: The largest difference at which two means count as equal.
        side: The end of the interval to find: -1 for the lower end, 1 for the upper end.
    """
    centre = ours.mean(-1) - theirs.mean(-1)
    error = np.sqrt(ours.var(-1, ddof=1) / ours.shape[-1] + theirs.var(-1, ddof=1) / theirs.shape[-1])
    step = np.maximum(error, np.maximum(np.abs(centre) * 1e-6, 1e-300))
    zero_is_inside = p_values > ALPHA
    # 0 lies on the other side of the centre.
    beyond = side * centre > 0
    inside = np.where(zero_is_inside, np.where(beyond, centre, 0.0), centre)
    outside = inside + side * step
    is_zero_end = ~zero_is_inside & ~beyond
    outside[is_zero_end] = 0.0

    def is_rejected(shift: FloatArray) -> NDArray[np.bool_]:
        return _compute_welch_p_values(ours - shift[:, None], theirs, tolerance) <= ALPHA

    for _ in range(_MAX_DOUBLINGS):
        is_inside = ~is_rejected(outside) & ~is_zero_end
        if not is_inside.any():
            break
        inside = np.where(is_inside, outside, inside)
        outside = np.where(is_inside, outside + side * step, outside)
        step = step * 2
    for _ in range(_BISECTION_STEPS):
        middle = (inside + outside) / 2
        rejected = is_rejected(middle)
        outside, inside = np.where(rejected, middle, outside), np.where(rejected, inside, middle)
    return np.asarray(inside)


@cache
def build_group_masks(n: int, m: int) -> tuple[FloatArray, bool]:
    """Return ways to choose n of n + m scores, as rows of ones (chosen) and zeros, and whether all ways are included.

    The rows have shape (permutations, n + m). If more than 16,384 ways exist, 16,383 random ways are returned.

    Args:
        n: The number of scores in the first sample.
        m: The number of scores in the second sample.
    """
    count = math.comb(n + m, n)
    if count <= MAX_PERMUTATIONS:
        chosen = np.array(list(combinations(range(n + m), n)))
    else:
        count = MAX_PERMUTATIONS - 1
        chosen = np.random.default_rng(0).random((count, n + m)).argsort(-1)[:, :n]
    masks = np.zeros((count, n + m))
    np.put_along_axis(masks, chosen, 1.0, -1)
    return masks, count == math.comb(n + m, n)


def _compute_two_sided_p(observed: FloatArray, null: FloatArray, slack: FloatArray, *, is_complete: bool) -> FloatArray:
    """Return two-sided p-values: twice the share of permutations that are at least as extreme, at most 1.

    Args:
        observed: The observed statistics, of shape (comparisons,).
        null: The statistics of all permutations, of shape (comparisons, permutations).
        slack: The largest differences at which two statistics count as equal, of shape (comparisons,).
        is_complete: Whether the permutations include the observed data. Otherwise, the observed data counts in
            addition.
    """
    above = (null >= (observed - slack)[:, None]).sum(-1)
    below = (null <= (observed + slack)[:, None]).sum(-1)
    more = 0 if is_complete else 1
    return np.asarray(np.minimum(1.0, 2 * (np.minimum(above, below) + more) / (null.shape[-1] + more)))


def run_sign_test(successes: int, failures: int) -> float:
    """Return the two-sided p-value of an exact sign test, which is McNemar's exact test.

    Under the null hypothesis, a success and a failure are equally likely. For two models, a success is an example
    that only the first model predicts right. A failure is an example that only the second model predicts right.

    Args:
        successes: The number of successes.
        failures: The number of failures.
    """
    n, fewer = successes + failures, min(successes, failures)
    term = total = 1
    for k in range(fewer):
        term = term * (n - k) // (k + 1)
        total += term
    return min(1.0, 2 * (total / 2**n if n < 1000 else math.exp(math.log(total) - n * math.log(2))))


def _run_in_blocks(test: Callable[[FloatArray], TestResults], rows: FloatArray) -> TestResults:
    """Run a test on `BLOCK_SIZE` comparisons (rows) at a time, which limits the memory, and return all results."""
    results = [test(rows[begin : begin + BLOCK_SIZE]) for begin in range(0, len(rows), BLOCK_SIZE)]
    return np.concatenate([p for p, _ in results]), np.concatenate([interval for _, interval in results])
