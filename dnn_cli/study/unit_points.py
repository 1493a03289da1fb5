"""Quasi-random points in the unit cube, which become the settings of the trials of a study.

All values of the question get the same unit points. Their trials then differ in the question alone, and not in luck.
"""

import inspect
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.search_spaces import SearchSpace


def draw_unit_points(count: int, dimensions: int, seed: int, skip: int = 0) -> NDArray[np.float64]:
    """Return points of a scrambled Halton sequence (Owen 2017, arXiv 1706.02808), with coordinates from 0 to below 1.

    The points depend only on the seed and on their number in the sequence. More points continue the sequence, and more
    dimensions add columns. AlgoPerf's trials are points of a Halton sequence, too (Dahl et al. 2023, arXiv 2306.07179).

    Args:
        count: The number of points.
        dimensions: The number of coordinates of a point, at least 1.
        seed: The seed of the scrambling.
        skip: The number of points at the start of the sequence that are left out.

    Returns:
        Array of shape (count, dimensions).
    """
    from scipy.stats import qmc

    # A Sobol sequence is balanced only for powers of two. A study can have any number of trials.
    generator = np.random.default_rng(seed)
    # SciPy 1.15 renamed the argument. A generator means the same under both names, and a number does not.
    argument = "rng" if "rng" in inspect.signature(qmc.Halton).parameters else "seed"
    sequence = qmc.Halton(dimensions, scramble=True, **{argument: generator})
    points: NDArray[np.float64] = sequence.random(skip + count)[skip:]
    return points


def place_trial(space: SearchSpace, point: Sequence[float] | NDArray[np.float64]) -> dict[str, str]:
    """Return the setting at a unit point: the value, as text, of each tuned key.

    Args:
        space: The tuned keys with their ranges.
        point: The coordinates, one for each tuned key in the order of the space. Further coordinates are left out.

    Raises:
        ValueError: the point has fewer coordinates than the space has keys.
    """
    if len(point) < len(space):
        raise ValueError(f"a space of {len(space)} keys needs as many coordinates, but the point has {len(point)}")
    return {tuned.key: tuned.values.value_at(float(share)) for tuned, share in zip(space, point, strict=False)}
