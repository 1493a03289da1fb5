"""Sequential test of paired differences, which may be repeated after each pair: e-values, p-values and intervals.

An e-value is a statistic that never becomes negative, and whose mean is at most 1 under a hypothesis. The probability
that a sequence of e-values ever reaches 20 is then at most 1/20 (Ville 1939), so that a test may end after any pair
(Ramdas, Grünwald, Vovk and Shafer, Statistical Science 38, 2023).

The hypothesis "no difference" means here that a pair has each sign with probability 1/2, whatever the size of its
difference and the earlier pairs. The sign-flip test of `exact_tests` has the same hypothesis. The sign of pair i
multiplies an e-value by 1 ± tanh(g·|d_i|/s_i). The scale s_i is the root mean square of the differences up to pair i,
which is known without the sign. For normal differences with mean μ and standard deviation σ, this factor with
g = μ·s_i/σ² is the likelihood of the sign, divided by 1/2. De la Peña (Annals of Probability 27, 1999) bounds sums of
symmetric variables in this way. `tests/stress/settle_error_rate.py` measures error rates and numbers of pairs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.exact_tests import FloatArray
from dnn_cli.compare.significance import ALPHA, Interval

_EFFECTS = ((0.25, 0.05), (1.0, 0.475), (2.0, 0.475))
"""Values of g, each with its weight in the mean of the e-values.

Values of 1 and 2 find differences of about one and two standard deviations with the fewest pairs. Without the small
value, small differences would not be found with any number of pairs."""

_MAX_DOUBLINGS, _BISECTION_STEPS = 12, 30
"""Steps of the search for the end of an interval, first outwards and then by bisection."""

_SequentialWord = Literal["larger", "smaller", "equivalent", "undecided"]
"""Word of a sequential verdict on the scores of the first of two groups."""


def compute_e_values(differences: FloatArray, *, is_two_sided: bool = True, tolerance: float = 0.0) -> FloatArray:
    """Return the e-value after each pair, of the shape of the differences.

    A difference of 0 is a tie, which changes nothing. An infinite difference is a pair in which one run has no score,
    because it diverged. Its sign counts with the largest size of the earlier pairs.

    Args:
        differences: The differences in the order of the pairs, of shape (…, pairs).
        is_two_sided: Whether differences in both directions speak against the hypothesis, or else only positive ones.
        tolerance: The largest difference that counts as 0.
    """
    shares = _compute_relative_sizes(np.abs(differences), tolerance) * np.sign(differences)
    log_e_values = _compute_one_sided(shares)
    if is_two_sided:
        log_e_values = np.logaddexp(log_e_values, _compute_one_sided(-shares)) - math.log(2)
    return np.asarray(np.exp(np.minimum(log_e_values, 700.0)))


def _compute_one_sided(shares: FloatArray) -> FloatArray:
    """Return the logarithms of the e-values against differences that are 0 or negative."""
    # 1 + tanh(gx) = 2 / (1 + exp(-2gx)), whose logarithm stays finite.
    terms = [
        math.log(weight) + np.cumsum(math.log(2) - np.logaddexp(0.0, -2 * effect * shares), -1)
        for effect, weight in _EFFECTS
    ]
    return np.asarray(np.logaddexp.reduce(terms, 0))


def _compute_relative_sizes(sizes: FloatArray, tolerance: float) -> FloatArray:
    """Return the size of each difference, divided by the root mean square of the sizes up to this pair without ties."""
    is_lost = np.isinf(sizes)
    finite = np.where(is_lost | (sizes <= tolerance), 0.0, sizes)
    counts = np.maximum(np.cumsum(finite > 0, -1), 1)
    # The division keeps the squares of tiny and huge differences within the range of float64.
    unit = np.maximum(finite.max(-1, keepdims=True, initial=0.0), 1e-300)
    scale = unit * np.sqrt(np.cumsum((finite / unit) ** 2, -1) / counts)
    scale = np.where(scale > 0, scale, 1.0)
    largest = np.maximum.accumulate(finite, -1)
    return np.asarray(np.where(is_lost, np.where(largest > 0, largest / scale, 1.0), finite / scale))


def compute_equivalence_e_values(differences: FloatArray, margin: float, tolerance: float = 0.0) -> FloatArray:
    """Return the e-values after each pair against differences of at least `margin`, in either direction.

    Two one-sided tests both have to reject (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987).
    Either can do so at an earlier pair, so the result is the smaller of their largest e-values so far.

    Args:
        differences: The differences in the order of the pairs, of shape (…, pairs).
        margin: The smallest difference that matters, above 0.
        tolerance: The largest difference that counts as 0.
    """
    sides = [
        np.maximum.accumulate(compute_e_values(distances, is_two_sided=False, tolerance=tolerance), -1)
        for distances in (margin - differences, margin + differences)
    ]
    return np.asarray(np.minimum(*sides))


@dataclass(frozen=True)
class SequentialTest:
    """Sequential test of the pairs of two groups, after the last pair so far."""

    differences: tuple[float, ...]
    """Difference of each pair, in their order; infinite for a pair in which one run diverged."""

    margin: float | None = None
    """Difference within which the groups count as equivalent; `None` without a test of equivalence."""

    tolerance: float = 0.0
    """Largest difference that counts as 0."""

    @cached_property
    def _values(self) -> FloatArray:
        return np.array(self.differences, np.float64)

    @cached_property
    def p_values(self) -> tuple[float, ...]:
        """The always-valid p-value of "no difference" after each pair, which never increases."""
        return _to_p_values(compute_e_values(self._values, tolerance=self.tolerance))

    @cached_property
    def equivalence_p_values(self) -> tuple[float, ...]:
        """The always-valid p-value of "a difference of at least the margin" after each pair; empty without a margin."""
        if self.margin is None:
            return ()
        return _to_p_values(compute_equivalence_e_values(self._values, self.margin, self.tolerance))

    @property
    def p_value(self) -> float:
        """The always-valid p-value of "no difference"."""
        return self.p_values[-1] if self.p_values else 1.0

    @property
    def equivalence_p_value(self) -> float | None:
        """The always-valid p-value of "a difference of at least the margin"; `None` without a margin."""
        return None if self.margin is None else self.equivalence_p_values[-1] if self.equivalence_p_values else 1.0

    @property
    def finite_differences(self) -> list[float]:
        """The differences of pairs in which both runs have a score."""
        return [value for value in self.differences if math.isfinite(value)]

    @property
    def lost_pairs(self) -> int:
        """Number of pairs in which one run diverged."""
        return len(self.differences) - len(self.finite_differences)

    @property
    def mean(self) -> float:
        """The mean of the finite differences; 0 without one."""
        finite = self.finite_differences
        return math.fsum(finite) / len(finite) if finite else 0.0

    @cached_property
    def decided_pairs(self) -> int | None:
        """Number of pairs after which the verdict was reached; `None` without a verdict."""
        pairs = [_find_first_rejection(values) for values in (self.p_values, self.equivalence_p_values)]
        return min((count for count in pairs if count is not None), default=None)

    @cached_property
    def direction(self) -> Literal["larger", "smaller"]:
        """The direction of the difference where "no difference" was rejected first, or else after the last pair."""
        values = self._values[: _find_first_rejection(self.p_values)]
        above, below = (_compute_last(sign * values, self.tolerance) for sign in (1.0, -1.0))
        return "larger" if above >= below else "smaller"

    @cached_property
    def word(self) -> _SequentialWord:
        """The verdict that was reached first."""
        count = self.decided_pairs
        if count is None:
            return "undecided"
        return self.direction if self.p_values[count - 1] <= ALPHA else "equivalent"

    @cached_property
    def interval(self) -> Interval | None:
        """The 95% interval of the difference, valid after any number of pairs; `None` if an end is infinite.

        The interval holds each number that can be subtracted from the differences without a rejection so far. If many
        pairs are lost, even their mean is rejected, and the result is `None`.
        """
        if len(self.differences) < 2 or not self.finite_differences or self._is_rejected(self.mean):
            return None
        ends = [self._find_interval_end(side) for side in (-1.0, 1.0)]
        return (ends[0], ends[1]) if all(map(math.isfinite, ends)) else None

    def _find_interval_end(self, side: float) -> float:
        """Return the lower (-1) or upper (1) end of the interval by bisection, or an infinite number.

        The p-value decides whether the interval contains 0, so that the interval and the p-value agree.
        """
        inside, is_zero_inside = self.mean, self.p_value > ALPHA
        spread = max(self.finite_differences) - min(self.finite_differences)
        outside = inside + side * max(spread, abs(inside) * 1e-6, self.tolerance, 1e-300)
        if is_zero_inside and side * inside < 0:
            inside, outside = 0.0, side * abs(outside - inside)
        elif not is_zero_inside and side * inside < 0:
            outside = 0.0
        step = outside - inside
        for _ in range(_MAX_DOUBLINGS):
            if self._is_rejected(outside):
                break
            inside, outside, step = outside, outside + step, 2 * step
        else:
            return side * math.inf
        for _ in range(_BISECTION_STEPS):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if self._is_rejected(middle) else (middle, outside)
        return inside

    def _is_rejected(self, shift: float) -> bool:
        """Return whether a difference of `shift` was rejected after any of the pairs."""
        return bool((compute_e_values(self._values - shift, tolerance=self.tolerance) >= 1 / ALPHA).any())

    def count_pairs_to_verdict(self) -> int:
        """Return the smallest number of further pairs with which a verdict is possible, at least 1.

        A pair at most doubles the e-value against each hypothesis.
        """
        needed = [_count_doublings(*(_compute_last(sign * self._values, self.tolerance) / 2 for sign in (1.0, -1.0)))]
        if self.margin is not None:
            sides = [self.margin - self._values, self.margin + self._values]
            needed.append(max(_count_side_doublings(side, self.tolerance) for side in sides))
        return max(1, min(needed))


def _to_p_values(e_values: FloatArray) -> tuple[float, ...]:
    """Return the always-valid p-values of e-values: 1 divided by the largest e-value so far, at most 1."""
    return tuple(np.minimum(1.0, 1 / np.maximum(np.maximum.accumulate(e_values, -1), 1e-300)).tolist())


def _find_first_rejection(p_values: Sequence[float]) -> int | None:
    """Return the number of pairs after which a p-value is first at most 5%; `None` if none is."""
    return next((count for count, p_value in enumerate(p_values, 1) if p_value <= ALPHA), None)


def _compute_last(values: NDArray[np.float64], tolerance: float) -> float:
    """Return the one-sided e-value after the last pair; 1 without pairs."""
    return float(compute_e_values(values, is_two_sided=False, tolerance=tolerance)[-1]) if len(values) else 1.0


def _count_side_doublings(values: NDArray[np.float64], tolerance: float) -> int:
    """Return how often the one-sided e-value must double to reject; 0 if it has rejected at an earlier pair."""
    if len(values) and compute_e_values(values, is_two_sided=False, tolerance=tolerance).max() >= 1 / ALPHA:
        return 0
    return _count_doublings(_compute_last(values, tolerance), 0.0)


def _count_doublings(larger: float, smaller: float) -> int:
    """Return how often the larger of two numbers must double until the sum of both is 20."""
    larger, smaller = max(larger, smaller), min(larger, smaller)
    missing = max(1 / ALPHA - smaller, 1e-300) / max(larger, 1e-300)
    return max(0, math.ceil(math.log2(missing) - 1e-9))
