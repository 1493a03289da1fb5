"""Choice of the probability above which the second of two classes is predicted, and scores of imbalanced classes."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dnn_cli.metrics.class_intervals import combine_intervals, compute_f1_interval, compute_share_interval
from dnn_cli.runs.evaluations import Interval

Criterion = Literal["f1", "balanced_accuracy"]
"""Score that a threshold maximizes: F1 of the second class, or the mean of the recalls of both classes."""


@dataclass(frozen=True)
class ThresholdScore:
    """Score of the threshold_scores for two classes, with its 95% interval over examples."""

    value: float
    interval: Interval | None


def choose_threshold(shares: NDArray[Any], targets: NDArray[Any], criterion: Criterion) -> tuple[float, float]:
    """Return the threshold with the best score, and this score.

    The candidates lie in the middle between neighbouring probabilities. Of several best ones, the one nearest to 0.5 is
    returned.

    Args:
        shares: The probability of the second class of each example, float of shape (n,).
        targets: The class of each example, 0 or 1, of shape (n,).
        criterion: The score.
    """
    values, counts = np.unique(shares.astype(np.float64), return_inverse=True)
    true = targets.astype(np.int64) == 1
    positives = np.bincount(counts[true], minlength=len(values))
    negatives = np.bincount(counts[~true], minlength=len(values))
    # Candidate k predicts the second class for all probabilities from values[k] on; the first one for all examples.
    candidates = np.concatenate([[values[0] / 2], (values[1:] + values[:-1]) / 2])
    right, wrong = positives[::-1].cumsum()[::-1], negatives[::-1].cumsum()[::-1]
    if criterion == "f1":
        scores = 2 * right / (right + wrong + positives.sum())
    else:
        scores = (right / max(positives.sum(), 1) + 1 - wrong / max(negatives.sum(), 1)) / 2
    best = np.flatnonzero(scores >= scores.max() - 1e-12)
    chosen = int(best[np.abs(candidates[best] - 0.5).argmin()])
    return float(np.clip(candidates[chosen], 1e-12, 1 - 1e-12)), float(scores[chosen])


def compute_threshold_scores(
    shares: NDArray[Any], targets: NDArray[Any], threshold: float
) -> dict[str, ThresholdScore]:
    """Return accuracy, balanced accuracy, and precision, recall and F1 of the second class, by name.

    Args:
        shares: The probability of the second class of each example, float of shape (n,).
        targets: The class of each example, 0 or 1, of shape (n,).
        threshold: The probability above which the second class is predicted.
    """
    predicted, true = shares > threshold, targets.astype(np.int64) == 1
    right, total, support = int((predicted & true).sum()), int(predicted.sum()), int(true.sum())
    rejected, others = int((~predicted & ~true).sum()), int((~true).sum())
    recalls = [right / max(support, 1), rejected / max(others, 1)]
    recall_intervals = [compute_share_interval(right, support), compute_share_interval(rejected, others)]
    return {
        "accuracy": ThresholdScore((right + rejected) / len(true), compute_share_interval(right + rejected, len(true))),
        "balanced_accuracy": ThresholdScore(sum(recalls) / 2, combine_intervals(recalls, recall_intervals)),
        "precision": ThresholdScore(right / max(total, 1), compute_share_interval(right, total)),
        "recall": ThresholdScore(recalls[0], recall_intervals[0]),
        "f1": ThresholdScore(2 * right / max(total + support, 1), compute_f1_interval(right, support, total)),
    }
