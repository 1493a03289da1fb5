"""Differences between paired scores that are drawn, and the number of sequential verdicts on them."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dnn_cli.compare.sequential_tests import compute_e_values, compute_equivalence_e_values
from dnn_cli.compare.significance import ALPHA
from tests.helpers.random_groups import DRAWS

Differences = NDArray[np.float64]
TOLERANCE = 1e-12
EXAMPLES = 1000
"""Examples of the validation set of discrete scores."""


def draw_differences(name: str, chance: Generator, comparisons: int, pairs: int) -> Differences:
    """Return differences of equally good experiments, of shape (comparisons, pairs)."""
    if name == "discrete":
        scores = chance.binomial(EXAMPLES, 0.97, (2, comparisons, pairs)) / EXAMPLES
    else:
        scores = DRAWS[name](chance, (2, comparisons, pairs))
    differences: Differences = scores[0] - scores[1]
    return differences


NAMES = ["normal", "skewed", "heavy", "discrete", "rounded", "mode 10%", "mode 30%", "mode 50%"]


def count_different(differences: Differences) -> int:
    """Return the number of comparisons in which a side is called better after any of the pairs."""
    return int((compute_e_values(differences, tolerance=TOLERANCE) >= 1 / ALPHA).any(-1).sum())


def count_equivalent(differences: Differences, margin: float) -> int:
    """Return the number of comparisons in which both sides are called equivalent after any of the pairs."""
    return int((compute_equivalence_e_values(differences, margin, TOLERANCE) >= 1 / ALPHA).any(-1).sum())


def measure_settling(effect: float, comparisons: int, pairs: int, seed: int = 0) -> tuple[float, float]:
    """Return the share of comparisons with a verdict `better`, and the mean number of pairs.

    Comparisons without this verdict have all pairs.

    Args:
        effect: The true difference, in standard deviations of a paired difference.
        comparisons: The number of comparisons.
        pairs: The largest number of pairs.
        seed: The seed of the random differences.
    """
    differences = np.random.default_rng(seed).normal(effect, 1, (comparisons, pairs))
    reached = compute_e_values(differences) >= 1 / ALPHA
    decided = reached.any(-1)
    return float(decided.mean()), float(np.where(decided, reached.argmax(-1) + 1, pairs).mean())
