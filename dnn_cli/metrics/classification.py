"""Classification reports: confusion matrix, precision, recall and F1 of each class, and confident misclassifications.

Tests compare the scores with scikit-learn's `confusion_matrix` and `precision_recall_fscore_support`. The scores are
computed with NumPy because scikit-learn is slower: importing `sklearn.metrics` takes 1 s, and its checks take 7 ms for
12,000 examples. An HTML report on 50 runs should take at most 3 s; counting with NumPy takes 0.02 s for these runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import RunError


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class, or their average over classes. A score of 0 / 0 is 0, as in scikit-learn."""

    name: str
    precision: float
    """Share of the examples predicted as this class whose true class is this class."""

    recall: float
    """Share of the examples of this class that are predicted as this class."""

    f1: float
    """Harmonic mean of precision and recall."""

    support: int
    """Number of examples of this class; in an average, the number of all examples."""


@dataclass(frozen=True)
class _Misclassification:
    """An example whose predicted class differs from its true class. Both classes are numbers."""

    position: int
    """Index of the example in the arrays of outputs and targets."""

    true: int
    predicted: int
    probability: float
    """Probability of the predicted class."""


@dataclass(frozen=True)
class ClassificationReport:
    """Accuracy, confusion matrix and scores of a classification."""

    accuracy: float
    class_names: tuple[str, ...]
    confusion: NDArray[np.int64]
    """Numbers of examples by true class (row) and predicted class (column), of shape (classes, classes)."""

    scores: tuple[ClassScore, ...]
    """Scores of each class, in the order of `class_names`."""

    @property
    def examples(self) -> int:
        """Number of examples."""
        return int(self.confusion.sum())

    @property
    def macro_average(self) -> ClassScore:
        """Mean of the class scores, each class with the same weight: `macro avg` of scikit-learn."""
        return self.compute_average("macro avg", [1] * len(self.scores))

    @property
    def weighted_average(self) -> ClassScore:
        """Mean of the class scores, weighted by the number of examples: `weighted avg` of scikit-learn."""
        return self.compute_average("weighted avg", [score.support for score in self.scores])

    def compute_average(self, name: str, weights: Sequence[int]) -> ClassScore:
        """Compute the weighted mean of the class scores.

        Args:
            name: The name of the average.
            weights: The weight of each class.
        """
        class_rows = [(score.precision, score.recall, score.f1) for score in self.scores]
        precision, recall, f1 = map(float, np.average(class_rows, axis=0, weights=weights))
        return ClassScore(name, precision, recall, f1, self.examples)

    def list_confused_pairs(self, max_pairs: int) -> list[tuple[int, int, int]]:
        """Return the most frequent confusions, as triples (true class, predicted class, number of examples).

        The most frequent confusion is the first. At most `max_pairs` are returned; pairs without examples are left out.
        """
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        places = np.argsort(-wrong, axis=None, kind="stable")[:max_pairs]
        pairs = zip(*(axis.tolist() for axis in np.unravel_index(places, wrong.shape)), strict=True)
        return [(true, predicted, int(wrong[true, predicted])) for true, predicted in pairs if wrong[true, predicted]]


def build_classification_report(
    outputs: NDArray[Any], targets: NDArray[Any], class_names: Sequence[str], *, logits: bool = False
) -> ClassificationReport:
    """Build the classification report of a network's outputs against the targets.

    Args:
        outputs: The outputs, float of shape (n, classes); the largest output decides. With shape (n, 1) or (n,), an
            output is the probability (with `logits`, the logit) of the second of two classes.
        targets: The true class of each example, integers of shape (n,).
        class_names: The names of the classes.
        logits: Whether outputs are logits (values before the activation). The threshold of a single output is then 0,
            not 0.5.

    Raises:
        RunError: shapes, dtypes or class numbers do not match, or an output is infinite or nan.
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
    """Return the `max_count` misclassifications with the highest probabilities of the wrong class, the highest first.

    If there are fewer misclassifications, all are returned. The other arguments and the errors are those of
    `build_classification_report`.
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
    """Return the predicted class of each example, int64 of shape (n,).

    Of several outputs, the largest decides. A single output predicts class 1 if it is above the threshold, else 0.

    Args:
        outputs: The outputs, float of shape (n, classes) or (n, 1).
        logits: Whether outputs are logits. The threshold of a single output is then 0, not 0.5.
    """
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > (0.0 if logits else 0.5)).astype(np.int64)
    return np.asarray(outputs.argmax(-1), np.int64)


def compute_class_probabilities(outputs: NDArray[Any], *, logits: bool = False) -> NDArray[np.float64]:
    """Return the probabilities of the classes, float64 of shape (n, classes).

    A single output is the probability (with `logits`, the logit) of the second of two classes. Several outputs are
    returned unchanged without `logits`, even if the loss (such as `mse`) does not make these outputs probabilities.

    Args:
        outputs: The outputs, float of shape (n, classes) or (n, 1).
        logits: Whether outputs are logits (values before the activation).
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
    """Return 1 / (1 + exp(-logits)) without overflow."""
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1, small) / (1 + small))


def _check_classification_arrays(
    outputs: NDArray[Any], targets: NDArray[Any], count: int | None = None
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Check outputs and targets, and return them with the shapes (n, units) and (n,).

    Args:
        outputs: The outputs of the network.
        targets: The true class of each example.
        count: The number of classes; `None` derives the number from the outputs.

    Raises:
        RunError: shapes, dtypes or class numbers do not match, or an output is infinite or nan.
    """
    units = outputs.shape[1] if outputs.ndim == 2 else 1
    count = count or max(units, 2)
    targets = targets.reshape(-1)
    is_valid = targets.dtype.kind in "iu" and outputs.dtype.kind == "f" and outputs.ndim in (1, 2)
    if not is_valid or len(outputs) != len(targets) or not len(targets):
        raise RunError("the outputs and targets are not those of a classification")
    if units != (1 if units == 1 and count == 2 else count):
        raise RunError(f"the number of outputs per example is {units}, but the number of classes is {count}")
    if targets.min() < 0 or targets.max() >= count or not np.isfinite(outputs).all():
        raise RunError(f"a target is not one of {count} classes, or an output is not finite")
    return outputs.reshape(len(targets), units), targets.astype(np.int64)


def _divide_or_zero(numerators: NDArray[np.int64], denominators: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the quotients; a quotient is 0 if the denominator is 0."""
    return np.divide(numerators, denominators, out=np.zeros(len(numerators)), where=denominators > 0)
