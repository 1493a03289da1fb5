"""Sensitivity of a value to a tuned key: the range of the key that keeps the score near the best."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from dnn_cli.compare.significance import compute_standard_deviation

MIN_SENSITIVITY_TRIALS = 3
"""Smallest number of trials with a finite score for a width: the best trial and one on each side."""


@dataclass(frozen=True)
class Sensitivity:
    """Scores of the trials of one value over one tuned key, and the range within one standard error of the best."""

    points: tuple[tuple[float, float | None], ...]
    """Number of the key and score of each trial, in the order of the numbers; `None` for a failed trial.

    Trials with equal numbers are one point, whose score is their mean."""

    best: tuple[float, float]
    """Number of the key and score of the best point."""

    standard_error: float
    """Standard deviation of the score of one run over the final seeds, in units of the score."""

    low: float
    """Smallest number of the range within one standard error of the best."""

    high: float
    """Largest number of the range within one standard error of the best."""

    is_cut_low: bool
    """Whether the range reaches the smallest tried number. It may then continue below this number."""

    is_cut_high: bool
    """Whether the range reaches the largest tried number. It may then continue above this number."""

    @property
    def decades(self) -> float:
        """Width of the range in decades; a lower limit if the range is cut at either end."""
        return math.log10(self.high / self.low)


def compute_sensitivity(
    trials: Sequence[tuple[float, float | None]], final_scores: Sequence[float], *, lower_is_better: bool
) -> Sensitivity | None:
    """Return the sensitivity of a value to a tuned key; `None` for too few finite trials or final scores.

    A trial is a single run. Its standard error is therefore the standard deviation of the score of a run over seeds,
    with divisor n - 1, as the final runs of the tuned arm show it. The range holds the best trial, and on each side all
    trials up to the first that is worse than the best by more than this error. Between the last trial inside and the
    first outside, the end is found by linear interpolation of the score over the logarithm of the key. Next to a failed
    trial, the range ends at the last trial inside.

    If several keys are tuned, their other numbers differ between neighbouring trials, and the width is a lower limit.

    Args:
        trials: The number of the key and the score on the tuning half, for each trial; `None`, infinity or NaN for a
            failed trial. Numbers are positive; for momentum, the number is 1 - momentum.
        final_scores: The scores of the final runs of the tuned arm on the tuning half, one for each seed.
        lower_is_better: Whether a smaller score is better.
    """
    points = _average_equal_numbers(trials)
    sign = -1.0 if lower_is_better else 1.0
    # Larger is better from here on.
    heights = [-math.inf if score is None else sign * score for _, score in points]
    error = compute_standard_deviation([score for score in final_scores if math.isfinite(score)])
    if error is None or sum(map(math.isfinite, heights)) < MIN_SENSITIVITY_TRIALS:
        return None
    best = max(range(len(points)), key=heights.__getitem__)
    logs = [math.log10(number) for number, _ in points]
    low, is_cut_low = _find_range_end(logs, heights, best, heights[best] - error, -1)
    high, is_cut_high = _find_range_end(logs, heights, best, heights[best] - error, 1)
    return Sensitivity(
        tuple(points), (points[best][0], sign * heights[best]), error, 10**low, 10**high, is_cut_low, is_cut_high
    )


def _average_equal_numbers(trials: Sequence[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    """Return one point for each number of the key, in the order of the numbers, with the mean score of its trials.

    A point has no score if one of its trials failed.
    """
    scores: dict[float, list[float]] = defaultdict(list)
    for number, score in trials:
        scores[number].append(math.nan if score is None else score)
    means = ((number, fmean(values)) for number, values in sorted(scores.items()))
    return [(number, mean if math.isfinite(mean) else None) for number, mean in means]


def _find_range_end(
    logs: Sequence[float], heights: Sequence[float], best: int, threshold: float, step: int
) -> tuple[float, bool]:
    """Return the logarithm of one end of the range, and whether the range reaches the last point on this side.

    Args:
        logs: The logarithms of the numbers, in increasing order.
        heights: The scores; larger is better, and a failed trial has minus infinity.
        best: The index of the best point.
        threshold: The smallest score inside the range.
        step: 1 for the upper end of the range, -1 for the lower end.
    """
    inside = best
    while 0 <= inside + step < len(logs):
        outside = inside + step
        if heights[outside] < threshold:
            if not math.isfinite(heights[outside]):
                return logs[inside], False
            share = (heights[inside] - threshold) / (heights[inside] - heights[outside])
            return logs[inside] + share * (logs[outside] - logs[inside]), False
        inside = outside
    return logs[inside], True
