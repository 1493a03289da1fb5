"""Two trained models on the same examples: what they show of these models, and of nothing else."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.exact_tests import sign_test
from dnn_cli.compare.predictions import read_predictions
from dnn_cli.compare.rows import Row
from dnn_cli.compare.statistics import ALPHA
from dnn_cli.errors import RunError
from dnn_cli.metrics.binomial import confidence_interval

Scores = NDArray[np.float64]
CLOSE = 1e-4
"""A score that is computed from predictions may be so far from the recorded one: the order of additions."""


@dataclass(frozen=True)
class OnExamples:
    """How far the scores of one model are above those of another."""

    count: int
    """Examples that both have predicted."""

    mean: float
    interval: tuple[float, float]
    """At 95%, by the same test as the p-value."""

    p_value: float
    """Two-sided: McNemar's exact test where an answer is right or wrong, else a paired z-test."""

    apart: tuple[int, int] | None
    """How many only this model, and only the other, has right; `None` where there is no right or wrong."""


def right_class(outputs: NDArray[Any], labels: NDArray[Any]) -> Scores:
    """1 where the largest output, or the side of 0.5, is the true class (Keras's `accuracy`)."""
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        truth = labels.argmax(-1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.reshape(-1)
        return np.asarray(outputs.argmax(-1) == truth, np.float64)
    return np.asarray((outputs.reshape(-1) > 0.5) == (labels.reshape(-1) > 0.5), np.float64)


def absolute_error(outputs: NDArray[Any], labels: NDArray[Any]) -> Scores:
    """The mean absolute error of every example."""
    return np.asarray(np.abs(distance(outputs, labels)).mean(-1))


def squared_error(outputs: NDArray[Any], labels: NDArray[Any]) -> Scores:
    """The mean squared error of every example."""
    return np.asarray((distance(outputs, labels) ** 2).mean(-1))


def distance(outputs: NDArray[Any], labels: NDArray[Any]) -> Scores:
    """What is predicted less what is true, of shape (examples, numbers)."""
    found = outputs.astype(np.float64).reshape(len(outputs), -1) - labels.reshape(len(labels), -1)
    return np.asarray(found)


SCORES: dict[str, Callable[[NDArray[Any], NDArray[Any]], Scores]] = {
    "accuracy": right_class,
    "sparse_categorical_accuracy": right_class,
    "categorical_accuracy": right_class,
    "binary_accuracy": right_class,
    "mean_absolute_error": absolute_error,
    "mean_squared_error": squared_error,
}
"""The metrics that are means over examples."""


def on_examples(reference: Row, others: Sequence[Row], metric: str) -> list[OnExamples | str]:
    """Models beside the reference's, or why they cannot be: in words."""
    score = SCORES.get(metric.removeprefix("val_"))
    if score is None or not metric.startswith("val_"):
        return [f"{metric} is no mean over validation examples"] * len(others)
    base = scores_of(reference, metric, score)
    found: list[OnExamples | str] = []
    for row in others:
        ours = scores_of(row, metric, score)
        trouble = next((part for part in (base, ours) if isinstance(part, str)), None)
        is_right = score is right_class
        found.append(trouble or compared(ours, base, is_right=is_right))  # type: ignore[arg-type]
    return found


def scores_of(row: Row, metric: str, score: Callable[..., Scores]) -> dict[str, NDArray[Any]] | str:
    """The scores of a run's examples with their places in the data, sorted by these; or why there are none."""
    name = f"{row.record.name} {row.record.id}"
    try:
        arrays = read_predictions(row.run)
    except RunError as error:
        return f"{name}: {error.message}"
    if arrays is None:
        return f"{name} has no predictions.npz"
    try:
        outputs, labels, places = (arrays[key] for key in ("outputs", "labels", "indices"))
        with np.errstate(all="ignore"):  # what is no number is refused below
            scores = score(outputs, labels)
        is_whole = len(scores) == len(labels) == len(places) > 0 and places.ndim == 1
        if not is_whole or len(np.unique(places)) < len(places):
            return f"{name}: predictions.npz does not tell its examples apart"
    except (KeyError, ValueError, TypeError, IndexError):
        return f"{name}: predictions.npz does not hold outputs and labels"
    recorded = row.curve.values[-1] if row.curve.saved is None else row.curve.saved
    if not abs(float(scores.mean()) - recorded) <= CLOSE * max(1.0, abs(recorded)):  # which nan is not, either
        return f"{name}: its predictions come to a {metric} of {scores.mean():.4f}, recorded is {recorded:.4f}"
    order = np.argsort(places)
    return {"scores": scores[order], "places": places[order], "labels": labels[order]}


def compared(ours: dict[str, NDArray[Any]], theirs: dict[str, NDArray[Any]], *, is_right: bool) -> OnExamples | str:
    """Return the test of two models on the examples that both have predicted, or why there is none.

    Args:
        ours: The scores, labels and places of one model's examples.
        theirs: Those of the other model.
        is_right: Whether a score is 1 for a right answer and 0 for a wrong one.
    """
    _, left, right = np.intersect1d(ours["places"], theirs["places"], assume_unique=True, return_indices=True)
    if not len(left):
        return "the two were validated on different examples"
    if not np.array_equal(ours["labels"][left], theirs["labels"][right]):
        return "the same examples have other labels"
    difference = ours["scores"][left] - theirs["scores"][right]
    if is_right:
        return mcnemar(len(difference), int((difference > 0).sum()), int((difference < 0).sum()))
    if len(difference) < 2:
        return "the two have only one validation example in common"
    return of_errors(difference)


def mcnemar(count: int, only_ours: int, only_theirs: int) -> OnExamples:
    """Return McNemar's exact test of right and wrong answers: the answers that differ are even if no model is better.

    The interval belongs to the test, so that it excludes 0 exactly where the p-value is below 5%. It is the interval of
    Clopper and Pearson (Biometrika 26, 1934) for the share of the answers that differ, given their number.
    """
    apart = only_ours + only_theirs
    low, high = confidence_interval(only_ours, apart, ALPHA)
    interval = ((2 * low - 1) * apart / count, (2 * high - 1) * apart / count)
    p_value = sign_test(only_ours, only_theirs)
    return OnExamples(count, (only_ours - only_theirs) / count, interval, p_value, (only_ours, only_theirs))


def of_errors(difference: Scores) -> OnExamples:
    """Return a paired z-test of errors of any size: their mean over many examples is nearly normal."""
    count, mean = len(difference), float(difference.mean())
    error = float(difference.std(ddof=1)) / math.sqrt(count)
    p_value = math.erfc(abs(mean) / error / math.sqrt(2)) if error else float(mean == 0)
    reach = NormalDist().inv_cdf(1 - ALPHA / 2) * error
    return OnExamples(count, mean, (mean - reach, mean + reach), p_value, None)
