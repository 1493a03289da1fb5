"""Scores of classes with different numbers of examples, for which accuracy says little."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.metrics.binomial import compute_tail_probability
from dnn_cli.metrics.class_intervals import combine_intervals, compute_macro_intervals, compute_share_interval
from dnn_cli.metrics.classification import ClassificationReport
from dnn_cli.runs.evaluations import Interval

_MIN_RATIO = 3.0
"""Smallest ratio of the most frequent to the least frequent class of imbalanced classes: 75% and 25% of two classes."""

_TAIL = 0.025
"""Largest probability of a right prediction count of the majority class that still counts as a better model."""


@dataclass(frozen=True)
class ImbalanceScore:
    """Score that gives each class the same weight, with its 95% interval over examples."""

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class MajorityBaseline:
    """Comparison of a model with the prediction of the most frequent class of the evaluated examples."""

    class_name: str
    share: float
    """Accuracy of always predicting the class."""

    p_value: float
    """One-sided p-value of McNemar's exact test: the model is right more often than the constant prediction."""

    @property
    def is_beaten(self) -> bool:
        """Whether the model is right clearly more often."""
        return self.p_value <= _TAIL


def is_imbalanced(report: ClassificationReport) -> bool:
    """Return whether the most frequent class has at least three times the examples of the least frequent class.

    Classes without examples in the evaluation are left out.
    """
    counts = [score.support for score in report.scores if score.support]
    return len(counts) > 1 and max(counts) >= _MIN_RATIO * min(counts)


def compute_imbalance_scores(
    report: ClassificationReport, shares: NDArray[Any] | None, targets: NDArray[Any]
) -> dict[str, ImbalanceScore]:
    """Return balanced accuracy, macro F1 and average precision by name.

    The balanced accuracy is the mean recall of the classes with examples, as in scikit-learn.

    Args:
        report: The classification report.
        shares: The probabilities of the classes, float of shape (n, classes); `None` for outputs that are not
            probabilities, which have no average precision.
        targets: The true class of each example, integers of shape (n,).
    """
    intervals = compute_macro_intervals(report)
    recalls = [score.recall for score in report.scores if score.support]
    scores = {
        "balanced_accuracy": ImbalanceScore(sum(recalls) / len(recalls), intervals.recall),
        "macro_f1": ImbalanceScore(report.macro_average.f1, intervals.f1),
    }
    if shares is None:
        return scores
    # Two classes have one precision-recall curve, that of the second class.
    columns = [1] if len(report.scores) == 2 else [at for at, score in enumerate(report.scores) if score.support]
    if all(report.scores[at].support for at in columns):
        precisions = [compute_average_precision(shares[:, at], targets == at) for at in columns]
        ends = [
            compute_share_interval(precision * report.scores[at].support, report.scores[at].support)
            for at, precision in zip(columns, precisions, strict=True)
        ]
        value = sum(precisions) / len(precisions)
        scores["average_precision"] = ImbalanceScore(value, combine_intervals(precisions, ends))
    return scores


def compute_average_precision(shares: NDArray[Any], is_positive: NDArray[np.bool_]) -> float:
    """Return the area under the precision-recall curve in steps, as scikit-learn's `average_precision_score`.

    Args:
        shares: The probability of the class of each example, float of shape (n,).
        is_positive: Whether each example has the class, of shape (n,), with at least one example of the class.
    """
    _, groups = np.unique(-shares.astype(np.float64), return_inverse=True)
    right = np.bincount(groups, is_positive).cumsum()
    total = np.bincount(groups).cumsum()
    return float((np.diff(right, prepend=0.0) * right / total).sum() / right[-1])


def compare_with_majority(report: ClassificationReport) -> MajorityBaseline:
    """Compare a model with the prediction of the most frequent class, by McNemar's exact test on the same examples."""
    counts = report.confusion.sum(1)
    majority = int(counts.argmax())
    correct = report.confusion.diagonal()
    gained, lost = int(correct.sum() - correct[majority]), int(counts[majority] - correct[majority])
    p_value = compute_tail_probability(gained + lost, 0.5, slice(gained, None)) if gained + lost else 1.0
    return MajorityBaseline(report.class_names[majority], float(counts[majority] / counts.sum()), p_value)
