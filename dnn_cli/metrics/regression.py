"""Errors of a regression: how far predicted numbers are from the targets, in the unit of the targets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import RunError


@dataclass(frozen=True)
class RegressionErrors:
    """The errors in one number that is predicted; all but `r2` in its own unit."""

    mean_absolute: float
    root_mean_squared: float
    median_absolute: float
    largest: float
    bias: float
    """The mean of predicted less true: whether predictions are too high."""

    r2: float | None
    """The share of the variance that is explained, scikit-learn's `r2_score`; `None` where there is no variance."""

    true_mean: float
    true_deviation: float
    """What the root mean squared error of always the mean would be."""


def compute_regression_errors(outputs: NDArray[Any], targets: NDArray[Any]) -> tuple[RegressionErrors, ...]:
    """Compute the errors in each of the numbers that are predicted.

    Args:
        outputs: float of (n, targets).
        targets: float of (n, targets).

    Raises:
        RunError: the outputs or targets are not those of a regression.
    """
    if outputs.shape != targets.shape or outputs.ndim != 2 or not len(outputs):
        raise RunError("outputs and labels are not those of a regression")
    return tuple(map(_compute_target_errors, outputs.T.astype(np.float64), targets.T.astype(np.float64)))


def _compute_target_errors(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> RegressionErrors:
    """The errors in one number."""
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
