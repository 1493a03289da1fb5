"""Rank tests over datasets, on which scores have different scales: Friedman's test and Wilcoxon's signed-rank test.

Both tests are those that Demšar recommends (JMLR 7, 2006). NumPy computes them, because the import of `scipy.stats`
takes 1.3 s; tests of dnn compare the results with SciPy.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.exact_tests import FloatArray
from dnn_cli.compare.significance import MAX_PERMUTATIONS

_TIE_TOLERANCE = 1e-9
"""Largest relative difference at which two sizes of differences count as equal."""

_MAX_LISTED_SETUPS = 6
"""Largest number of setups for which all orders of their ranks are listed: 720 orders."""

_MAX_BLOCK_SIZE = 4_000_000
"""Largest number of ranks that are permuted at once, which limits the memory to 32 MB."""


@dataclass(frozen=True)
class FriedmanTest:
    """Friedman's test of equal mean ranks."""

    f_statistic: float
    """F statistic of Iman and Davenport; infinite if all datasets rank the setups alike."""

    p_value: float


def compute_midranks(values: FloatArray, tolerance: float = 0.0) -> FloatArray:
    """Return the ranks of values, from 1 for the smallest. Tied values have the mean of their ranks.

    Args:
        values: The values, of shape (n,). They can be infinite.
        tolerance: The largest difference between neighbours at which both count as equal.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    with np.errstate(invalid="ignore"):
        begins = np.concatenate([[True], (ordered[1:] != ordered[:-1]) & ~(np.diff(ordered) <= tolerance)])
    places = np.cumsum(begins) - 1
    means = np.bincount(places, np.arange(1.0, len(values) + 1)) / np.bincount(places)
    ranks = np.empty(len(values))
    ranks[order] = means[places]
    return ranks


def compute_signed_ranks(differences: FloatArray) -> FloatArray:
    """Return the rank of the size of each difference, with the sign of the difference; 0 for a difference of 0.

    Args:
        differences: The differences, of shape (n,). They can be infinite.
    """
    signed_ranks = np.zeros(len(differences))
    is_counted = differences != 0
    if is_counted.any():
        sizes = np.abs(differences[is_counted])
        finite = sizes[np.isfinite(sizes)]
        ranks = compute_midranks(sizes, _TIE_TOLERANCE * float(finite.max(initial=0.0)))
        signed_ranks[is_counted] = np.sign(differences[is_counted]) * ranks
    return signed_ranks


def run_signed_rank_test(differences: FloatArray) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test (Biometrics Bulletin 1, 1945).

    The p-value is exact for any number of differences and for ties. Differences of 0 are left out, as Wilcoxon
    proposed.

    Args:
        differences: The differences, of shape (n,). They can be infinite.
    """
    signed_ranks = compute_signed_ranks(differences)
    # Ranks of ties are multiples of 1/2.
    doubled = np.rint(2 * np.abs(signed_ranks[signed_ranks != 0])).astype(int)
    probabilities = np.zeros(int(doubled.sum()) + 1)
    probabilities[0] = 1.0
    for rank in doubled.tolist():
        shifted = np.concatenate([np.zeros(rank), probabilities[: len(probabilities) - rank]])
        probabilities = (probabilities + shifted) / 2
    positive = int(np.rint(2 * signed_ranks[signed_ranks > 0].sum()))
    below, above = probabilities[: positive + 1].sum(), probabilities[positive:].sum()
    return min(1.0, 2 * float(min(below, above)))


def run_friedman_test(ranks: FloatArray) -> FriedmanTest:
    """Test whether several setups have equal mean ranks (Friedman, JASA 32, 1937).

    The F statistic is that of Iman and Davenport (Communications in Statistics A9, 1980), with the correction for
    ties. The p-value is the share of permutations of the ranks within datasets with at least this statistic. Its
    F distribution is only an approximation for few datasets.

    Args:
        ranks: The ranks of the setups on every dataset, of shape (datasets, setups), with midranks for ties.
    """
    datasets, setups = ranks.shape
    centred = ranks - (setups + 1) / 2
    variance = float((centred**2).sum()) / (datasets * (setups - 1))
    observed = float((centred.sum(0) ** 2).sum())
    if not variance:
        return FriedmanTest(0.0, 1.0)
    chi_square = observed / (datasets * variance)
    remainder = datasets * (setups - 1) - chi_square
    f_statistic = (datasets - 1) * chi_square / remainder if remainder > _TIE_TOLERANCE * chi_square else math.inf
    return FriedmanTest(f_statistic, _compute_permutation_p(centred, observed))


def _compute_permutation_p(centred: FloatArray, observed: float) -> float:
    """Return the share of permutations within datasets whose sum of squared rank sums is at least the observed sum.

    The sum grows with Friedman's statistic. If more than 16,384 permutations exist, 16,383 are drawn at random. The
    observed ranks then count in addition.

    Args:
        centred: The ranks minus their mean, of shape (datasets, setups).
        observed: The observed sum.
    """
    datasets, setups = centred.shape
    limit = observed * (1 - _TIE_TOLERANCE)
    if setups <= _MAX_LISTED_SETUPS:
        orders, is_complete = _list_order_numbers(datasets, math.factorial(setups))
        all_orders = np.array(list(permutations(range(setups))))
        sums = np.zeros((len(orders), setups))
        for row, numbers in zip(centred, orders.T, strict=True):
            sums += row[all_orders][numbers]
        extreme, total = int(((sums**2).sum(-1) >= limit).sum()), len(orders)
        return extreme / total if is_complete else (extreme + 1) / (total + 1)
    generator, extreme, total = np.random.default_rng(0), 0, MAX_PERMUTATIONS - 1
    block_size = max(1, _MAX_BLOCK_SIZE // centred.size)
    for begin in range(0, total, block_size):
        count = min(block_size, total - begin)
        permuted = generator.permuted(np.broadcast_to(centred, (count, datasets, setups)), axis=-1)
        extreme += int(((permuted.sum(1) ** 2).sum(-1) >= limit).sum())
    return (extreme + 1) / (total + 1)


@lru_cache(maxsize=8)
def _list_order_numbers(datasets: int, orders: int) -> tuple[NDArray[np.int64], bool]:
    """Return numbers of orders, of shape (permutations, datasets), and whether all different permutations are included.

    The first dataset keeps its order, because only differences between orders count.

    Args:
        datasets: The number of datasets.
        orders: The number of orders of the ranks on one dataset.
    """
    if orders ** (datasets - 1) <= MAX_PERMUTATIONS:
        numbers = np.array(list(product([0], *[range(orders)] * (datasets - 1))))
        return numbers.reshape(-1, datasets), True
    numbers = np.random.default_rng(0).integers(orders, size=(MAX_PERMUTATIONS - 1, datasets))
    numbers[:, 0] = 0
    return numbers, False
