"""Tests of two trained models on the same examples. The results hold for these two models, not for other seeds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.exact_tests import run_sign_test
from dnn_cli.compare.run_scores import RunScore, has_example_weights
from dnn_cli.compare.significance import ALPHA
from dnn_cli.errors import RunError
from dnn_cli.metrics.binomial import compute_confidence_interval
from dnn_cli.metrics.saved_predictions import read_predictions

_ExampleScores = NDArray[np.float64]
_MAX_SCORE_ERROR = 1e-4
"""Largest accepted difference between a score computed from `predictions.npz` and the score in `run.json`.

For a score above 1, this is a share of the score. Small differences occur because the sums have another order."""


@dataclass(frozen=True)
class PairedExampleTest:
    """Result of a test of two models on the same examples.

    Differences are scores of the first model minus scores of the second model.
    """

    count: int
    """Number of examples that both models have predicted."""

    mean: float
    interval: tuple[float, float]
    """95% interval of the mean difference, by the same test as the p-value."""

    p_value: float
    """Two-sided p-value of McNemar's exact test if answers are right or wrong, and of a paired z-test for errors."""

    only_right: tuple[int, int] | None
    """Number of examples that only the first model predicts right, and number that only the second predicts right.

    `None` if the score is an error, such as the squared error."""


def _compute_correctness(outputs: NDArray[Any], targets: NDArray[Any]) -> _ExampleScores:
    """Return 1 for each example whose class is predicted right, else 0, of shape (examples,) (Keras's `accuracy`).

    The largest output is the predicted class. A single output predicts the second class above 0.5.
    """
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        truth = targets.argmax(-1) if targets.ndim == 2 and targets.shape[1] > 1 else targets.reshape(-1)
        return np.asarray(outputs.argmax(-1) == truth, np.float64)
    return np.asarray((outputs.reshape(-1) > 0.5) == (targets.reshape(-1) > 0.5), np.float64)


def _compute_absolute_errors(outputs: NDArray[Any], targets: NDArray[Any]) -> _ExampleScores:
    """Return the mean absolute error of every example, of shape (examples,)."""
    return np.asarray(np.abs(_compute_output_errors(outputs, targets)).mean(-1))


def _compute_squared_errors(outputs: NDArray[Any], targets: NDArray[Any]) -> _ExampleScores:
    """Return the mean squared error of every example, of shape (examples,)."""
    return np.asarray((_compute_output_errors(outputs, targets) ** 2).mean(-1))


def _compute_output_errors(outputs: NDArray[Any], targets: NDArray[Any]) -> _ExampleScores:
    """Return outputs minus targets, of shape (examples, units)."""
    errors = outputs.astype(np.float64).reshape(len(outputs), -1) - targets.reshape(len(targets), -1)
    return np.asarray(errors)


_EXAMPLE_SCORES: dict[str, Callable[[NDArray[Any], NDArray[Any]], _ExampleScores]] = {
    "accuracy": _compute_correctness,
    "sparse_categorical_accuracy": _compute_correctness,
    "categorical_accuracy": _compute_correctness,
    "binary_accuracy": _compute_correctness,
    "mean_absolute_error": _compute_absolute_errors,
    "mean_squared_error": _compute_squared_errors,
}
"""Functions that compute the score of every example, for metrics that are means over examples."""


def compare_on_examples(reference: RunScore, others: Sequence[RunScore], metric: str) -> list[PairedExampleTest | str]:
    """Return the test of every other model against the reference, or the reason why a test is impossible.

    Args:
        reference: The run whose model is the reference.
        others: The runs whose models are tested.
        metric: The name of a validation metric that is a mean over examples.
    """
    compute_scores = _EXAMPLE_SCORES.get(metric.removeprefix("val_"))
    if compute_scores is None or not metric.startswith("val_"):
        return [f"{metric} is not a mean over validation examples"] * len(others)
    reference_scores = _read_example_scores(reference, metric, compute_scores)
    results: list[PairedExampleTest | str] = []
    for run_score in others:
        own_scores = _read_example_scores(run_score, metric, compute_scores)
        reason = next((part for part in (reference_scores, own_scores) if isinstance(part, str)), None)
        is_right = compute_scores is _compute_correctness
        results.append(reason or _compare_example_scores(own_scores, reference_scores, is_right=is_right))  # type: ignore[arg-type]
    return results


def _read_example_scores(
    run_score: RunScore, metric: str, compute_scores: Callable[..., _ExampleScores]
) -> dict[str, NDArray[Any]] | str:
    """Read the scores, positions and targets of a run's validation examples, or return why they cannot be used.

    The position is the index of an example in the dataset. The arrays are sorted by position.

    Args:
        run_score: The run.
        metric: The name of the validation metric.
        compute_scores: The function that computes the score of every example from outputs and targets.
    """
    name = f"{run_score.record.name} {run_score.record.id}"
    if has_example_weights(run_score):
        return f"{name}: its scores are weighted by data.weight"
    try:
        arrays = read_predictions(run_score.run)
    except RunError as error:
        return f"{name}: {error.message}"
    if arrays is None:
        return f"{name} has no predictions.npz"
    try:
        outputs, targets, positions = (arrays[key] for key in ("outputs", "labels", "indices"))
        # Scores that are not numbers are refused below.
        with np.errstate(all="ignore"):
            scores = compute_scores(outputs, targets)
        is_complete = len(scores) == len(targets) == len(positions) > 0 and positions.ndim == 1
        if not is_complete or len(np.unique(positions)) < len(positions):
            return f"{name}: predictions.npz has the same index for several examples"
    except (KeyError, ValueError, TypeError, IndexError):
        return f"{name}: predictions.npz lacks outputs or targets"
    recorded = run_score.curve.values[-1] if run_score.curve.saved_score is None else run_score.curve.saved_score
    # A comparison with nan is false, so that the negation also refuses nan.
    if not abs(float(scores.mean()) - recorded) <= _MAX_SCORE_ERROR * max(1.0, abs(recorded)):
        return f"{name}: predictions.npz has {metric} {scores.mean():.4f}, run.json has {recorded:.4f}"
    order = np.argsort(positions)
    return {"scores": scores[order], "positions": positions[order], "targets": targets[order]}


def _compare_example_scores(
    ours: dict[str, NDArray[Any]], theirs: dict[str, NDArray[Any]], *, is_right: bool
) -> PairedExampleTest | str:
    """Return the test of two models on the examples that both have predicted, or why a test is impossible.

    Args:
        ours: The scores, positions and targets of one model's examples.
        theirs: The scores, positions and targets of the other model's examples.
        is_right: Whether a score is 1 for a right answer and 0 for a wrong one.
    """
    _, left, right = np.intersect1d(ours["positions"], theirs["positions"], assume_unique=True, return_indices=True)
    if not len(left):
        return "the two runs were validated on different examples"
    if not np.array_equal(ours["targets"][left], theirs["targets"][right]):
        return "the two runs have different targets for the same examples"
    difference = ours["scores"][left] - theirs["scores"][right]
    if is_right:
        return _run_mcnemar_test(len(difference), int((difference > 0).sum()), int((difference < 0).sum()))
    if len(difference) < 2:
        return "the two runs have only one common validation example"
    return _run_paired_z_test(difference)


def _run_mcnemar_test(count: int, only_ours: int, only_theirs: int) -> PairedExampleTest:
    """Return McNemar's exact test of right and wrong answers.

    The test uses the examples that only one of the models predicts right. If the models are equally good, each of them
    should be right on about half of these examples. The interval of the difference is computed from the interval of
    the first model's share (Clopper and Pearson, Biometrika 26, 1934). The interval excludes 0 exactly if the p-value
    is below 5%.

    Args:
        count: The number of all examples.
        only_ours: The number of examples that only the first model predicts right.
        only_theirs: The number of examples that only the second model predicts right.
    """
    differing = only_ours + only_theirs
    low, high = compute_confidence_interval(only_ours, differing, ALPHA)
    interval = ((2 * low - 1) * differing / count, (2 * high - 1) * differing / count)
    p_value = run_sign_test(only_ours, only_theirs)
    return PairedExampleTest(count, (only_ours - only_theirs) / count, interval, p_value, (only_ours, only_theirs))


def _run_paired_z_test(difference: _ExampleScores) -> PairedExampleTest:
    """Return a paired z-test of the difference between the errors of two models.

    The mean difference over many examples is nearly normal.

    Args:
        difference: The error of the first model minus that of the second, for each example.
    """
    count, mean = len(difference), float(difference.mean())
    error = float(difference.std(ddof=1)) / math.sqrt(count)
    p_value = math.erfc(abs(mean) / error / math.sqrt(2)) if error else float(mean == 0)
    half_width = NormalDist().inv_cdf(1 - ALPHA / 2) * error
    return PairedExampleTest(count, mean, (mean - half_width, mean + half_width), p_value, None)
