"""Section of a run's page on its predictions for validation examples: a classification or a regression."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.errors import RunError
from dnn_cli.metrics.classification import ClassificationReport, build_classification_report, list_misclassifications
from dnn_cli.metrics.regression import compute_regression_errors
from dnn_cli.metrics.saved_predictions import read_predictions
from dnn_cli.report.chart_math import Axis
from dnn_cli.report.html.svg_plot import Tick
from dnn_cli.report.text import format_score
from dnn_cli.runs.run import Run

_MAX_CONFUSION_CLASSES = 20
"""Largest number of classes of a confusion matrix.

If there are more classes, a list of the pairs of classes that are confused most often replaces the matrix.
"""

_MAX_CLASS_ROWS = 50
"""Largest number of listed classes. If there are more classes, the table lists the classes with the lowest F1."""

_MAX_CONFUSION_ROWS = 15
"""Largest number of listed pairs of confused classes."""

_MAX_SCATTER_DOTS = 300
"""Largest number of examples of a regression that are drawn as dots."""

_SHADE_LEVELS = 9
"""Number of shades of a confusion matrix; cells without examples have no shade."""


@dataclass(frozen=True)
class _MistakeRow:
    """A misclassified example, or an example of a regression with a large error."""

    index: int
    """Index of the example in the data."""

    true: str
    predicted: str
    measure: str
    """Probability of the predicted class, or the error of the predicted number."""


@dataclass(frozen=True)
class _MatrixCell:
    """A cell of the confusion matrix."""

    text: str
    shade: str
    """Letter and level of the shade, such as `h5`; empty for a cell without examples.

    The letter is `h` for right and `e` for wrong predictions. The level, from 1 to 9, grows with the cell's share of
    the examples of its true class.
    """


@dataclass(frozen=True)
class ClassificationSection:
    """Results of a classification: accuracy, confusions of classes, scores of each class, and mistakes."""

    accuracy: str
    examples: int
    wrong: int
    names: tuple[str, ...]
    matrix: tuple[tuple[_MatrixCell, ...], ...] | None
    confused: tuple[tuple[str, str, int], ...]
    scores: tuple[tuple[str, str, str, str, int], ...]
    """Name, precision, recall, F1 and number of examples of each listed class.

    The last row has the means of the classes.
    """

    omitted_count: int
    """Number of classes that are not listed."""

    mistakes: tuple[_MistakeRow, ...]


@dataclass(frozen=True)
class RegressionSection:
    """Results of a regression: errors, a plot of predicted and true values, and the largest mistakes."""

    examples: int
    error_rows: tuple[tuple[str, str], ...]
    dots: str
    """SVG path of the examples: true values from left to right, predicted values upwards."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    drawn: int
    mistakes: tuple[_MistakeRow, ...]


def build_predictions_section(
    run: Run, dataset_info: DatasetInfo | None, *, logits: bool, max_mistakes: int
) -> "ClassificationSection | RegressionSection | str":
    """Build the section on the predictions of a run, or return the reason why it is missing.

    Args:
        run: The run.
        dataset_info: The dataset info of the run; without dataset info, the names of classes are their numbers.
        logits: Whether the outputs of the run are logits.
        max_mistakes: The largest number of mistakes in the section.
    """
    try:
        arrays = read_predictions(run)
        if arrays is None:
            return "predictions.npz does not exist: the run has no validation examples, or was not completed."
        outputs, targets, example_indices = (arrays[name] for name in ("outputs", "labels", "indices"))
        if example_indices.shape != (len(targets),) or example_indices.dtype.kind not in "iu":
            raise RunError("the indices of the examples in predictions.npz are not valid")
        if targets.dtype.kind == "f":
            return _build_regression_section(outputs, targets, example_indices, max_mistakes)
        classes = dataset_info.classes if dataset_info and dataset_info.classes else _list_class_numbers(outputs)
        report = build_classification_report(outputs, targets, classes, logits=logits)
    except RunError as error:
        return f"{error.message}."
    except (KeyError, ValueError, TypeError, IndexError):
        return "predictions.npz does not contain outputs, labels and indices."
    mistake_rows = [
        _MistakeRow(
            int(example_indices[mistake.position]),
            classes[mistake.true],
            classes[mistake.predicted],
            _format_confidence(mistake.probability),
        )
        for mistake in list_misclassifications(outputs, targets, max_mistakes, logits=logits)
    ]
    return _build_classification_section(report, tuple(mistake_rows))


def _format_confidence(value: float) -> str:
    """Return a probability in percent. A value outside 0 to 1 is not a probability and has five significant digits."""
    return f"{value:.1%}" if 0 <= value <= 1 else _format_digits(value)


def _list_class_numbers(outputs: NDArray[Any]) -> tuple[str, ...]:
    """Return the numbers of the classes, from `0` on, as names for classes without names.

    The number of classes is the number of outputs for an example. A single output means two classes.
    """
    units = outputs.shape[1] if outputs.ndim == 2 else 1
    return tuple(map(str, range(max(units, 2))))


def _build_classification_section(
    report: ClassificationReport, mistake_rows: tuple[_MistakeRow, ...]
) -> ClassificationSection:
    """Build the section of a classification."""
    worst = sorted(report.scores, key=lambda class_score: class_score.f1)[:_MAX_CLASS_ROWS]
    listed = report.scores if len(report.scores) <= _MAX_CLASS_ROWS else worst
    macro = report.macro_average
    means = [("mean of the classes", macro.precision, macro.recall, macro.f1, macro.support)]
    rows = [(row.name, row.precision, row.recall, row.f1, row.support) for row in listed] + means
    return ClassificationSection(
        format_score(report.accuracy),
        report.examples,
        round(report.examples * (1 - report.accuracy)),
        report.class_names,
        _build_confusion_matrix(report.confusion) if len(report.class_names) <= _MAX_CONFUSION_CLASSES else None,
        tuple(
            (report.class_names[true], report.class_names[predicted], n)
            for true, predicted, n in report.list_confused_pairs(_MAX_CONFUSION_ROWS)
        ),
        tuple((name, *(f"{value:.3f}" for value in values), support) for name, *values, support in rows),  # type: ignore[misc]
        len(report.scores) - len(listed),
        mistake_rows,
    )


def _build_confusion_matrix(confusion: NDArray[np.int64]) -> tuple[tuple[_MatrixCell, ...], ...]:
    """Build a confusion matrix with a row for each true class.

    Right and wrong predictions have different colours. The shade of a cell is darker if the cell has a larger share
    of the examples of its true class.
    """
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    levels = np.ceil(shares * _SHADE_LEVELS).astype(int)
    return tuple(
        tuple(
            _MatrixCell(str(number), f"{'h' if row == column else 'e'}{levels[row, column]}" if number else "")
            for column, number in enumerate(counts)
        )
        for row, counts in enumerate(confusion.tolist())
    )


def _build_regression_section(
    outputs: NDArray[Any], targets: NDArray[Any], example_indices: NDArray[Any], max_mistakes: int
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
    several = [("targets", f"{targets.shape[1]}; this is the first")] if targets.shape[1] > 1 else []
    explained = [] if first_errors.r2 is None else [("R²", f"{first_errors.r2:.3f}")]
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
            ("mean absolute error", _format_digits(first_errors.mean_absolute)),
            ("root mean squared error", _format_digits(first_errors.root_mean_squared)),
            ("median absolute error", _format_digits(first_errors.median_absolute)),
            ("90% of the errors are below", _format_digits(np.quantile(far, 0.9))),
            *explained,
        ),
        dots,
        tuple(Tick(round(100 * both.compute_position(at), 2), text) for at, text in ticks),
        tuple(Tick(round(100 - 100 * both.compute_position(at), 2), text) for at, text in ticks),
        len(chosen),
        tuple(
            _MistakeRow(
                int(example_indices[at]),
                _format_digits(true[at]),
                _format_digits(predicted[at]),
                _format_signed(error[at]),
            )
            for at in worst
        ),
    )


def _format_digits(value: Any) -> str:
    """Format a number with five significant digits."""
    return f"{value:.5g}".replace("-", "−")


def _format_signed(value: Any) -> str:
    """Format a number with its sign, `+` or `−`, and five significant digits."""
    return ("" if value < 0 else "+") + _format_digits(value)


def list_example_indices(section: "ClassificationSection | RegressionSection | str | None") -> Sequence[int]:
    """Return the indices of the examples that a section lists as mistakes, the worst first; empty without a section."""
    return () if section is None or isinstance(section, str) else [mistake.index for mistake in section.mistakes]
