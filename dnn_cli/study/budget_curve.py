"""Budget curves: the best score that tuning reaches on average, by the number of trials."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True)
class BudgetCurve:
    """Expected best score of n trials of one value, for n from 1 to the number of its trials."""

    expected_best: tuple[float, ...]
    """Expected best score; the first element is that of one trial."""

    failed: int
    """Number of trials without a finite score, such as diverged trials."""


def compute_budget_curves(
    scores: Mapping[str, Sequence[float | None]], *, lower_is_better: bool
) -> dict[str, BudgetCurve]:
    """Return the budget curve of every value; values without a trial, and studies without a score, have no curve.

    A curve is the expected best of n trials that are drawn from the trials of the value without replacement (Dodge et
    al. 2019, arXiv 1909.03004, who draw with replacement; Sivaprasad et al. 2020, arXiv 1910.11758). Without
    replacement, the curve ends with the best score of all trials.

    A trial without a finite score counts as the worst finite score among the trials of all values. A floor for each
    value would favour a value whose only finite trials are good.

    Args:
        scores: The scores of the trials of each value on the tuning half; `None`, infinity or NaN for a failed trial.
        lower_is_better: Whether a smaller score is better.
    """
    sign = -1.0 if lower_is_better else 1.0
    heights = {value: [_compute_height(score, sign) for score in trials] for value, trials in scores.items() if trials}
    finite = [height for trials in heights.values() for height in trials if math.isfinite(height)]
    if not finite:
        return {}
    worst, curves = min(finite), {}
    for value, trials in heights.items():
        ordered = sorted(max(worst, height) for height in trials)
        expected = tuple(sign * _compute_expected_maximum(ordered, draws) for draws in range(1, len(ordered) + 1))
        curves[value] = BudgetCurve(expected, sum(not math.isfinite(height) for height in trials))
    return curves


def _compute_height(score: float | None, sign: float) -> float:
    """Return the score of a trial so that larger is better; minus infinity for a failed trial."""
    return sign * score if score is not None and math.isfinite(score) else -math.inf


def _compute_expected_maximum(ordered: Sequence[float], draws: int) -> float:
    """Return the expected maximum of `draws` of the numbers, drawn without replacement.

    The number at index i is the maximum in C(i, draws - 1) of the C(N, draws) possible draws.

    Args:
        ordered: The numbers, the smallest first.
        draws: The number of draws, from 1 to the number of numbers.
    """
    total = math.comb(len(ordered), draws)
    # Differences from the largest number are added, so that equal numbers give exactly this number.
    largest = ordered[-1]
    return largest + sum(
        (number - largest) * (math.comb(index, draws - 1) / total) for index, number in enumerate(ordered)
    )


def find_stable_trials(curves: Mapping[str, BudgetCurve]) -> int | None:
    """Return the number of trials from which the order of the values by their curves no longer changes.

    Two values that are equal at the end have no order, and are left out. The result is `None` if the order changes
    with the last trial, or the curves have a single trial. Curves of different lengths are compared up to the end of
    the shortest.

    Args:
        curves: The budget curves by value.
    """
    trials = min((len(curve.expected_best) for curve in curves.values()), default=0)
    stable = 1
    for ours, theirs in combinations(curves.values(), 2):
        signs = [
            (mine > other) - (mine < other)
            for mine, other in zip(ours.expected_best[:trials], theirs.expected_best[:trials], strict=True)
        ]
        if signs[-1]:
            changed = [number for number, sign in enumerate(signs, 1) if sign != signs[-1]]
            stable = max([stable, *(number + 1 for number in changed)])
    return stable if stable < trials else None
