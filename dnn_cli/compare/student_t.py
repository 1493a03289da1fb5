"""Student's t distribution: p-values, quantiles, and the power of a t-test.

`scipy.special` computes the same, and the tests compare both; but its import takes 0.2 s, a third of `dnn compare`.
"""

import math
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

NODES = 96
"""Points of the quadrature. Relative errors of p-values stay below 1e-6 for 2 and more degrees of freedom."""

LEAST_P = 1e-300
"""Lower limit of the p-values that a quantile is searched for."""


@cache
def quadrature() -> tuple[Values, Values]:
    """Return the points and weights of Gauss-Legendre quadrature on (0, 1)."""
    points, weights = np.polynomial.legendre.leggauss(NODES)
    return (points + 1) / 2, weights / 2


def two_sided_p(t: Values, freedom: Values) -> Values:
    """Return the probability of a t at least as far from 0.

    With t = √ν · cot φ, Student's density becomes sin φ to the power ν - 1, up to a constant.

    Args:
        t: Statistics, of any shape.
        freedom: Degrees of freedom ν, at least 2, of the same shape.
    """
    return np.asarray(np.minimum(1.0, 2 * tail_integral(t, freedom) / whole_integral(freedom)))


def tail_integral(t: Values, freedom: Values) -> Values:
    """Return the integral of sin φ to the power ν - 1 from 0 to the φ of t."""
    points, weights = quadrature()
    limit = np.arctan2(np.sqrt(freedom), np.abs(t))
    powers = np.sin(limit[..., None] * points) ** (freedom[..., None] - 1)
    return np.asarray(limit * (powers @ weights))


def whole_integral(freedom: Values) -> Values:
    """Return the integral of sin φ to the power ν - 1 from 0 to π: the beta function of ν/2 and 1/2."""
    flat: list[float] = [
        math.lgamma(nu / 2) + math.lgamma(0.5) - math.lgamma((nu + 1) / 2) for nu in np.ravel(freedom).tolist()
    ]
    return np.asarray(np.exp(flat).reshape(np.shape(freedom)))


def quantile(level: float, freedom: Values) -> Values:
    """Return the t that a two-sided p-value of `level` belongs to.

    Bisection in log t: 60 halvings reach the precision of float64.

    Args:
        level: The p-value, above 0 and below 1.
        freedom: Degrees of freedom, at least 2, of any shape.
    """
    different, places = np.unique(freedom, return_inverse=True)
    limits = np.array([single_quantile(level, nu) for nu in different.tolist()])
    return np.asarray(limits[places].reshape(np.shape(freedom)))


@lru_cache(maxsize=256)
def single_quantile(level: float, freedom: float) -> float:
    """Return `quantile` for one number of degrees of freedom, which many comparisons share."""
    low, high, nu = -20.0, 60.0, np.array(freedom)
    target = max(level, LEAST_P) * float(whole_integral(nu)) / 2
    for _ in range(60):
        middle = (low + high) / 2
        is_below = float(tail_integral(np.array(math.exp(middle)), nu)) > target
        low, high = (middle, high) if is_below else (low, middle)
    return math.exp((low + high) / 2)


def power(effect: float, pairs: int, level: float) -> float:
    """Return the probability that a paired t-test finds a difference.

    The statistic is (Z + effect · √n) / S with a standard normal Z and a χ-distributed S. The probability is
    integrated over S. The chance of an error in direction is left out, as it is far below the level.

    Args:
        effect: The difference divided by the standard deviation of the differences.
        pairs: Number of pairs n, at least 3.
        level: The p-value to stay below.
    """
    freedom = pairs - 1
    limit = float(quantile(level, np.array(float(freedom))))
    points, weights = quadrature()
    scale = points * (1 + 10 / math.sqrt(2 * freedom))  # S lies within 10 of its deviations of 1
    log_density = (freedom - 1) * np.log(scale) - freedom * scale**2 / 2
    density = np.exp(log_density - log_density.max())
    above = np.array([math.erfc((limit * s - abs(effect) * math.sqrt(pairs)) / math.sqrt(2)) / 2 for s in scale])
    return float((above * density) @ weights / (density @ weights))
