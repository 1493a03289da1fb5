"""Section of a run's page on the predictions of a regression: errors, a plot, and the largest mistakes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import RunError
from dnn_cli.metrics.error_intervals import ErrorIntervals, compute_error_intervals
from dnn_cli.metrics.regression import compute_regression_errors
from dnn_cli.report.chart_math import Axis
from dnn_cli.report.html.mistakes import MistakeRow, format_digits
from dnn_cli.report.html.svg_plot import Tick
from dnn_cli.runs.evaluations import Interval

_MAX_SCATTER_DOTS = 300
"""Largest number of examples of a regression that are drawn as dots."""


@dataclass(frozen=True)
class RegressionSection:
    """Results of a regression: errors, a plot of predicted and true values, and the largest mistakes."""

    examples: int
    error_rows: tuple[tuple[str, str], ...]
    """Label and text of each error, with its 95% interval."""

    dots: str
    """SVG path of the examples: true values from left to right, predicted values upwards."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    drawn: int
    mistakes: tuple[MistakeRow, ...]


def build_regression_section(
    outputs: NDArray[Any],
    targets: NDArray[Any],
    example_indices: NDArray[Any],
    max_mistakes: int,
    *,
    with_samples: bool,
) -> RegressionSection:
    """Build the section of a regression. If there are several targets, only the first is shown.

    Raises:
        RunError: outputs and labels differ in shape, are empty or are not finite.
    """
    outputs, targets = (array.reshape(len(array), -1).astype(np.float64) for array in (outputs, targets))
    if (
        outputs.shape != targets.shape
        or not len(targets)
        or not np.isfinite(outputs).all() & np.isfinite(targets).all()
    ):
        raise RunError("outputs and labels in predictions.npz are not valid for a regression")
    first_errors, predicted, true = compute_regression_errors(outputs, targets)[0], outputs[:, 0], targets[:, 0]
    error = predicted - true
    far = np.abs(error)
    no_intervals = ErrorIntervals(None, None, None, None, None)
    intervals = compute_error_intervals(outputs[:, :1], targets[:, :1])[0] if with_samples else no_intervals
    several = [("targets", f"{targets.shape[1]}; this is the first")] if targets.shape[1] > 1 else []
    explained = [] if first_errors.r2 is None else [("R²", _format_with_interval(first_errors.r2, intervals.r2))]
    xs, ys = (Axis(float(values.min()), float(values.max())) for values in (true, predicted))
    both = Axis(min(xs.low, ys.low), max(xs.high, ys.high))
    chosen = np.unique(np.linspace(0, len(true) - 1, min(len(true), _MAX_SCATTER_DOTS)).astype(int))
    dots = "".join(
        f"M{round(1000 * both.compute_position(true[at]))} "
        f"{round(1000 - 1000 * both.compute_position(predicted[at]))}h0"
        for at in chosen
    )
    ticks = both.compute_ticks(5)
    worst = np.argsort(-far, kind="stable")[:max_mistakes]
    return RegressionSection(
        len(true),
        (
            *several,
            ("mean absolute error", _format_with_interval(first_errors.mean_absolute, intervals.mean_absolute)),
            (
                "root mean squared error",
                _format_with_interval(first_errors.root_mean_squared, intervals.root_mean_squared),
            ),
            ("median absolute error", _format_with_interval(first_errors.median_absolute, intervals.median_absolute)),
            ("90% of the errors are below", format_digits(np.quantile(far, 0.9))),
            *explained,
        ),
        dots,
        tuple(Tick(round(100 * both.compute_position(at), 2), text) for at, text in ticks),
        tuple(Tick(round(100 - 100 * both.compute_position(at), 2), text) for at, text in ticks),
        len(chosen),
        tuple(
            MistakeRow(
                int(example_indices[at]),
                format_digits(true[at]),
                format_digits(predicted[at]),
                _format_signed(error[at]),
            )
            for at in worst
        ),
    )


def _format_with_interval(value: float, interval: Interval | None) -> str:
    """Format a number with its 95% interval, such as `72.958 (66.543 to 81.025)`."""
    return format_digits(value) + ("" if interval is None else f" ({' to '.join(map(format_digits, interval))})")


def _format_signed(value: Any) -> str:
    """Format a number with its sign, `+` or `−`, and five significant digits."""
    return ("" if value < 0 else "+") + format_digits(value)
