"""Resolution of scores: Keras stores float32, so that an accuracy of 280/288 is stored with an error of 1e-8.

Permutation tests compare sums of scores. With such errors equal sums differ, and p-values become too small. So
accuracies are converted to exact fractions, and other scores are compared with a tolerance.
"""

from collections.abc import Sequence

from dnn_cli.compare.significance import ScoreResolution
from dnn_cli.config.score_names import counts_examples
from dnn_cli.runs.evaluations import get_weights_file, is_test_score
from dnn_cli.runs.record import Record

_FLOAT32_ERROR = 2.0**-22
"""Relative error of a stored score: four roundings of a float32, in two sums, a division and the storage."""

_FLOAT64_ERROR = 2.0**-53
"""Relative error of one rounding of a float64."""

_MIN_RELATIVE_STEP = 1e-6
"""Smallest difference that counts between scores other than accuracies, as a share of the largest score."""


def count_scored_examples(record: Record, metric: str) -> int:
    """Return the number of examples from which an accuracy was computed; 0 for other metrics, or if unknown."""
    if not counts_examples(metric):
        return 0
    if is_test_score(metric):
        tested = record.find_test_evaluation(get_weights_file(metric))
        return tested.examples if tested else 0
    examples = record.data.get("validation" if metric.startswith("val_") else "train")
    return examples if isinstance(examples, int) else 0


def to_exact_fraction(score: float, examples: int) -> float:
    """Return a stored accuracy as the exact fraction k / examples, for the nearest whole k.

    A score that differs from this fraction by more than the error of float32 is returned unchanged.

    Args:
        score: The stored score.
        examples: The number of examples from which the score was computed; 0 if the score is not an accuracy.
    """
    if not examples:
        return score
    correct = round(score * examples)
    is_count = abs(score * examples - correct) <= _FLOAT32_ERROR * max(abs(score) * examples, 1.0)
    return correct / examples if is_count else score


def compute_resolution(
    scores: Sequence[float], examples: Sequence[int], unit_step: float | None = None
) -> ScoreResolution:
    """Return the resolution of compared scores: the smallest difference that counts, and a tolerance for equality.

    Args:
        scores: All compared scores.
        examples: The number of examples from which each score was computed; 0 for a score other than an accuracy.
        unit_step: The smallest difference if the compared numbers are not scores: 1 for numbers of epochs. `None` for
            scores.
    """
    if unit_step is not None:
        return ScoreResolution(unit_step, 0.0)
    largest = max(map(abs, scores), default=0.0)
    counted = [(score, size) for score, size in zip(scores, examples, strict=True) if size]
    if counted and len(counted) == len(scores) and all(score == round(score * n) / n for score, n in counted):
        # Sums and differences of fractions are exact but for the rounding of float64.
        return ScoreResolution(1 / min(size for _, size in counted), 16 * _FLOAT64_ERROR * largest)
    # A difference of two scores has twice the error of one score.
    return ScoreResolution(_MIN_RELATIVE_STEP * largest, 2 * _FLOAT32_ERROR * largest)
