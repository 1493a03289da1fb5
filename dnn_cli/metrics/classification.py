"""Reports on classifications, class by class: confusion matrix, precision, recall, F1, and the worst mistakes.

The tests compare the figures with scikit-learn's `confusion_matrix` and `precision_recall_fscore_support`. NumPy counts
them here, as importing `sklearn.metrics` takes 1 s and its checks take 7 ms for 12,000 examples. A report on 50 runs
may take 3 s; the counting takes 0.02 s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import RunError


@dataclass(frozen=True)
class ClassScore:
    """How one class came out, or several on average; 0 where nothing is divided by nothing, as in scikit-learn."""

    name: str
    precision: float
    """Of the examples that were taken for this class, the share that is."""

    recall: float
    """Of the examples of this class, the share that was found."""

    f1: float
    """The harmonic mean of both."""

    support: int
    """Examples of this class."""


@dataclass(frozen=True)
class _Misclassification:
    """An example that was predicted as another class; classes are given by their numbers."""

    position: int
    """In the arrays that were looked at."""

    true: int
    predicted: int
    probability: float
    """Of the class it was taken for."""


@dataclass(frozen=True)
class ClassificationReport:
    """How a classification came out."""

    accuracy: float
    class_names: tuple[str, ...]
    confusion: NDArray[np.int64]
    """Examples by their true class and the predicted one, of (classes, classes)."""

    scores: tuple[ClassScore, ...]
    """A class each."""

    @property
    def examples(self) -> int:
        """How many were looked at."""
        return int(self.confusion.sum())

    @property
    def macro_average(self) -> ClassScore:
        """The mean over classes: `macro avg` of scikit-learn."""
        return self.compute_average("macro avg", [1] * len(self.scores))

    @property
    def weighted_average(self) -> ClassScore:
        """The mean over examples: `weighted avg` of scikit-learn."""
        return self.compute_average("weighted avg", [score.support for score in self.scores])

    def compute_average(self, name: str, weights: Sequence[int]) -> ClassScore:
        """The mean over classes, each with a weight."""
        class_rows = [(score.precision, score.recall, score.f1) for score in self.scores]
        precision, recall, f1 = map(float, np.average(class_rows, axis=0, weights=weights))
        return ClassScore(name, precision, recall, f1, self.examples)

    def list_confused_pairs(self, max_pairs: int) -> list[tuple[int, int, int]]:
        """The pairs of a true and another predicted class with the most examples, as (true, predicted, examples)."""
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        places = np.argsort(-wrong, axis=None, kind="stable")[:max_pairs]
        pairs = zip(*(axis.tolist() for axis in np.unravel_index(places, wrong.shape)), strict=True)
        return [(true, predicted, int(wrong[true, predicted])) for true, predicted in pairs if wrong[true, predicted]]


def build_classification_report(
    outputs: NDArray[Any], targets: NDArray[Any], class_names: Sequence[str], *, logits: bool = False
) -> ClassificationReport:
    """Build the report on the outputs of a network against the targets.

    Args:
        outputs: float of (n, classes), of which the largest counts, or of (n, 1) for the second of two classes.
        targets: Integers of (n,): the true class of each.
        class_names: The names of the classes.
        logits: Whether outputs are those before the activation, so that one unit decides at 0 and not at 0.5.

    Raises:
        RunError: the outputs or targets are not those of such classes.
    """
    outputs, targets = _check_classification_arrays(outputs, targets, len(class_names))
    count = len(class_names)
    pairs = targets * count + compute_predicted_classes(outputs, logits=logits)
    confusion = np.bincount(pairs, minlength=count * count).reshape(count, count).astype(np.int64)
    correct, support, predicted = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    precision, recall, f1 = (
        _divide_or_zero(correct, predicted),
        _divide_or_zero(correct, support),
        _divide_or_zero(2 * correct, support + predicted),
    )
    scores = tuple(
        ClassScore(name, float(precision[at]), float(recall[at]), float(f1[at]), int(support[at]))
        for at, name in enumerate(class_names)
    )
    return ClassificationReport(float(correct.sum() / len(targets)), tuple(class_names), confusion, scores)


def list_misclassifications(
    outputs: NDArray[Any], targets: NDArray[Any], max_count: int, *, logits: bool = False
) -> list[_Misclassification]:
    """Return the wrong answers with the highest probabilities, the highest first.

    Arguments and errors are those of `build_classification_report`.
    """
    outputs, targets = _check_classification_arrays(outputs, targets)
    predicted = compute_predicted_classes(outputs, logits=logits)
    wrong = np.flatnonzero(predicted != targets)
    certainties = compute_class_probabilities(outputs[wrong], logits=logits)[np.arange(len(wrong)), predicted[wrong]]
    order = np.argsort(-certainties, kind="stable")[:max_count]
    return [
        _Misclassification(int(at), int(targets[at]), int(predicted[at]), float(probability))
        for at, probability in zip(wrong[order], certainties[order], strict=True)
    ]


def compute_predicted_classes(outputs: NDArray[Any], *, logits: bool = False) -> NDArray[np.int64]:
    """The class of each output: that of the largest number, or which side of the middle one unit is on.

    Args:
        outputs: float of (n, classes) or (n, 1).
        logits: Whether the middle of one unit is 0 and not 0.5.
    """
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > (0.0 if logits else 0.5)).astype(np.int64)
    return np.asarray(outputs.argmax(-1), np.int64)


def compute_class_probabilities(outputs: NDArray[Any], *, logits: bool = False) -> NDArray[np.float64]:
    """What a network gives to each class, float64 of (n, classes), where one unit is the second of two.

    Outputs that are no logits are taken as they are, though a loss like `mse` does not make them probabilities.
    """
    values = outputs.astype(np.float64)
    if outputs.shape[1] == 1:
        second = _compute_sigmoid(values) if logits else values
        return np.concatenate([1 - second, second], axis=1)
    if not logits:
        return values
    exponentials = np.exp(values - values.max(-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(-1, keepdims=True))


def _compute_sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)), without an overflow."""
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1, small) / (1 + small))


def _check_classification_arrays(
    outputs: NDArray[Any], targets: NDArray[Any], count: int | None = None
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return outputs as (n, units) and targets as (n,).

    Raises:
        RunError: the arrays do not have such shapes, types and classes.
    """
    units = outputs.shape[1] if outputs.ndim == 2 else 1
    count = count or max(units, 2)
    targets = targets.reshape(-1)
    is_valid = targets.dtype.kind in "iu" and outputs.dtype.kind == "f" and outputs.ndim in (1, 2)
    if not is_valid or len(outputs) != len(targets) or not len(targets):
        raise RunError("outputs and labels are not those of a classification")
    if units != (1 if units == 1 and count == 2 else count):
        raise RunError(f"there are {units} outputs an example, and {count} classes")
    if targets.min() < 0 or targets.max() >= count or not np.isfinite(outputs).all():
        raise RunError(f"labels are not all of {count} classes, or outputs not all finite")
    return outputs.reshape(len(targets), units), targets.astype(np.int64)


def _divide_or_zero(numerators: NDArray[np.int64], denominators: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shares, 0 where there is nothing to share."""
    return np.divide(numerators, denominators, out=np.zeros(len(numerators)), where=denominators > 0)
