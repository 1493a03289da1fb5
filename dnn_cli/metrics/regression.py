"""Errors of a regression: differences between predicted numbers and targets, in the unit of the targets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import RunError


@dataclass(frozen=True)
class RegressionErrors:
    """Errors of one predicted number; all except `r2` are in the unit of the number."""

    mean_absolute: float
    root_mean_squared: float
    median_absolute: float
    largest: float
    bias: float
    """Mean of predicted minus true values: positive where predictions are too high."""

    r2: float | None
    """Share of the targets' variance that is predicted: scikit-learn's `r2_score`; `None` if all targets are equal."""

    true_mean: float
    true_deviation: float
    """Standard deviation of the targets: the root mean squared error of a prediction that is always their mean."""


def compute_regression_errors(outputs: NDArray[Any], targets: NDArray[Any]) -> tuple[RegressionErrors, ...]:
    """Compute the errors of each predicted number.

    Args:
        outputs: The predicted numbers, float of shape (n, targets).
        targets: The true numbers, float of shape (n, targets).

    Raises:
        RunError: the shapes differ, have other than two dimensions, or have zero examples.
    """
    if outputs.shape != targets.shape or outputs.ndim != 2 or not len(outputs):
        raise RunError("the outputs and targets are not those of a regression")
    return tuple(map(_compute_target_errors, outputs.T.astype(np.float64), targets.T.astype(np.float64)))


def _compute_target_errors(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> RegressionErrors:
    """Compute the errors of one predicted number from its values of shape (n,)."""
    error = predicted - true
    variance, squared = float(true.var()), float((error**2).mean())
    absolute = np.abs(error)
    return RegressionErrors(
        mean_absolute=float(absolute.mean()),
        root_mean_squared=squared**0.5,
        median_absolute=float(np.median(absolute)),
        largest=float(absolute.max()),
        bias=float(error.mean()),
        r2=1 - squared / variance if variance else None,
        true_mean=float(true.mean()),
        true_deviation=variance**0.5,
    )
