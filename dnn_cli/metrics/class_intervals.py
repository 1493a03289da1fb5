"""95% intervals of precision, recall and F1 of classes, and of their means over classes.

All follow from Wilson's interval of a proportion, which also suits rates of 0 and 1.
`tests/stress/interval_coverage.py` measures how often they contain the true score.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dnn_cli.metrics.binomial import compute_wilson_interval
from dnn_cli.metrics.classification import ClassificationReport
from dnn_cli.runs.evaluations import Interval


@dataclass(frozen=True)
class ClassIntervals:
    """95% intervals of the scores of one class, or of their mean over classes; `None` without examples."""

    precision: Interval | None
    recall: Interval | None
    f1: Interval | None


def compute_class_intervals(report: ClassificationReport) -> tuple[ClassIntervals, ...]:
    """Return the intervals of the scores of each class, in the order of the classes."""
    correct, support, predicted = report.confusion.diagonal(), report.confusion.sum(1), report.confusion.sum(0)
    return tuple(
        ClassIntervals(
            compute_share_interval(right, positive_count),
            compute_share_interval(right, true_count),
            compute_f1_interval(right, true_count, positive_count),
        )
        for right, true_count, positive_count in zip(
            correct.tolist(), support.tolist(), predicted.tolist(), strict=True
        )
    )


def compute_macro_intervals(report: ClassificationReport) -> ClassIntervals:
    """Return the intervals of the means over classes; `None` if a class has no score to estimate."""
    intervals, scores = compute_class_intervals(report), report.scores
    return ClassIntervals(
        combine_intervals([score.precision for score in scores], [interval.precision for interval in intervals]),
        combine_intervals([score.recall for score in scores], [interval.recall for interval in intervals]),
        combine_intervals([score.f1 for score in scores], [interval.f1 for interval in intervals], shares_errors=True),
    )


def compute_share_interval(successes: float, trials: float) -> Interval | None:
    """Return Wilson's interval of a proportion; `None` for fewer than two trials."""
    return compute_wilson_interval(successes, trials) if trials >= 2 else None


def compute_f1_interval(right: float, true_count: float, predicted_count: float) -> Interval | None:
    """Return the interval of the F1 of one class; `None` for fewer than two examples and predictions of the class.

    Of the examples that have the class, or are predicted to have it, a share J is right. F1 = 2 J / (1 + J), so that
    Wilson's interval of J gives that of F1.

    Args:
        right: The number of correct predictions of the class.
        true_count: The number of examples of the class.
        predicted_count: The number of predictions of the class.
    """
    interval = compute_share_interval(right, true_count + predicted_count - right)
    return None if interval is None else (2 * interval[0] / (1 + interval[0]), 2 * interval[1] / (1 + interval[1]))


def combine_intervals(
    scores: Sequence[float], intervals: Sequence[Interval | None], *, shares_errors: bool = False
) -> Interval | None:
    """Return the interval of the mean of several scores from their intervals; `None` if an interval is missing.

    The distances of an end from the score are added as squares (Zou and Donner, Statistics in Medicine 27, 2008).

    Args:
        scores: The scores.
        intervals: The interval of each score.
        shares_errors: Whether one error lowers two scores, as with F1 of classes. It then counts in both, and
            (a + b)² ≤ 2 (a² + b²) bounds the variance.
    """
    if not scores or any(interval is None for interval in intervals):
        return None
    mean, factor = sum(scores) / len(scores), math.sqrt(2 if shares_errors and len(scores) > 1 else 1) / len(scores)
    pairs = [(score, interval) for score, interval in zip(scores, intervals, strict=True) if interval is not None]
    below = factor * math.hypot(*(score - interval[0] for score, interval in pairs))
    above = factor * math.hypot(*(interval[1] - score for score, interval in pairs))
    return max(mean - below, 0.0), min(mean + above, 1.0)
