"""Section of a run's page on its predictions for validation examples: a classification or a regression."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.errors import RunError
from dnn_cli.metrics.calibration import Calibration, compute_calibration
from dnn_cli.metrics.class_intervals import compute_class_intervals, compute_macro_intervals, compute_share_interval
from dnn_cli.metrics.classification import (
    ClassificationReport,
    build_classification_report,
    compute_class_probabilities,
    list_misclassifications,
)
from dnn_cli.metrics.saved_predictions import read_predictions
from dnn_cli.report.calibration_tables import CALIBRATION_LABELS, build_reliability_chart
from dnn_cli.report.html.mistakes import MistakeRow, format_digits
from dnn_cli.report.html.regression_section import RegressionSection, build_regression_section
from dnn_cli.report.html.svg_series import SeriesFigure, build_series_figure
from dnn_cli.report.text import format_interval, format_score
from dnn_cli.runs.evaluations import Interval
from dnn_cli.runs.run import Run

_MAX_CONFUSION_CLASSES = 20
"""Largest number of classes of a confusion matrix.

If there are more classes, a list of the pairs of classes that are confused most often replaces the matrix.
"""

_MAX_CLASS_ROWS = 50
"""Largest number of listed classes. If there are more classes, the table lists the classes with the lowest F1."""

_MAX_CONFUSION_ROWS = 15
"""Largest number of listed pairs of confused classes."""

_SHADE_LEVELS = 9
"""Number of shades of a confusion matrix; cells without examples have no shade."""


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
    accuracy_interval: str
    """95% interval of the accuracy over examples, such as `0.8612 to 0.9187`."""

    examples: int
    wrong: int
    names: tuple[str, ...]
    matrix: tuple[tuple[_MatrixCell, ...], ...] | None
    confused: tuple[tuple[str, str, int], ...]
    scores: tuple[tuple[str, tuple[str, str], tuple[str, str], tuple[str, str], int], ...]
    """Name, precision, recall, F1 and number of examples of each listed class.

    Each score is its text with the text of its 95% interval. The last row has the means of the classes.
    """

    omitted_count: int
    """Number of classes that are not listed."""

    calibration_rows: tuple[tuple[str, str], ...]
    """Label and text of calibration error, Brier score and log loss; empty for outputs that are not probabilities."""

    adjustment_note: str
    """Sentence about the temperature and the threshold of the run; empty without both."""

    reliability: SeriesFigure | None
    """Reliability diagram; `None` for outputs that are not probabilities."""

    mistakes: tuple[MistakeRow, ...]


def build_predictions_section(
    run: Run,
    dataset_info: DatasetInfo | None,
    *,
    logits: bool,
    max_mistakes: int,
    has_probabilities: bool = False,
    adjustment_note: str = "",
    with_samples: bool = True,
) -> "ClassificationSection | RegressionSection | str":
    """Build the section on the predictions of a run, or return the reason why it is missing.

    Args:
        run: The run.
        dataset_info: The dataset info of the run; without dataset info, the names of classes are their numbers.
        logits: Whether the outputs of the run are logits.
        max_mistakes: The largest number of mistakes in the section.
        has_probabilities: Whether the outputs of the run are probabilities, or become probabilities by softmax or
            sigmoid.
        adjustment_note: A sentence about the temperature and the threshold of the run, which saved predictions do not
            contain; empty without both.
        with_samples: Whether scores have intervals from bootstrap samples, which take a tenth of a second.
    """
    try:
        arrays = read_predictions(run)
        if arrays is None:
            return "predictions.npz does not exist: the run has no validation examples, or was not completed."
        outputs, targets, example_indices = (arrays[name] for name in ("outputs", "labels", "indices"))
        if example_indices.shape != (len(targets),) or example_indices.dtype.kind not in "iu":
            raise RunError("the indices of the examples in predictions.npz are not valid")
        if targets.dtype.kind == "f":
            return build_regression_section(outputs, targets, example_indices, max_mistakes, with_samples=with_samples)
        classes = dataset_info.classes if dataset_info and dataset_info.classes else _list_class_numbers(outputs)
        report = build_classification_report(outputs, targets, classes, logits=logits)
        calibration = None
        if has_probabilities:
            shares = compute_class_probabilities(outputs.reshape(len(targets), -1), logits=logits)
            calibration = compute_calibration(shares, targets.reshape(-1), with_samples=with_samples)
    except RunError as error:
        return f"{error.message}."
    except (KeyError, ValueError, TypeError, IndexError):
        return "predictions.npz does not contain outputs, labels and indices."
    mistake_rows = [
        MistakeRow(
            int(example_indices[mistake.position]),
            classes[mistake.true],
            classes[mistake.predicted],
            _format_confidence(mistake.probability),
        )
        for mistake in list_misclassifications(outputs, targets, max_mistakes, logits=logits)
    ]
    return _build_classification_section(report, tuple(mistake_rows), calibration, adjustment_note)


def _format_confidence(value: float) -> str:
    """Return a probability in percent. A value outside 0 to 1 is not a probability and has five significant digits."""
    return f"{value:.1%}" if 0 <= value <= 1 else format_digits(value)


def _list_class_numbers(outputs: NDArray[Any]) -> tuple[str, ...]:
    """Return the numbers of the classes, from `0` on, as names for classes without names.

    The number of classes is the number of outputs for an example. A single output means two classes.
    """
    units = outputs.shape[1] if outputs.ndim == 2 else 1
    return tuple(map(str, range(max(units, 2))))


def _build_classification_section(
    report: ClassificationReport,
    mistake_rows: tuple[MistakeRow, ...],
    calibration: Calibration | None,
    adjustment_note: str,
) -> ClassificationSection:
    """Build the section of a classification."""
    order = range(len(report.scores))
    if len(report.scores) > _MAX_CLASS_ROWS:
        order = sorted(order, key=lambda at: report.scores[at].f1)[:_MAX_CLASS_ROWS]  # type: ignore[assignment]
    intervals = compute_class_intervals(report)
    rows = [
        *((report.scores[at].name, report.scores[at], intervals[at]) for at in order),
        ("mean of the classes", report.macro_average, compute_macro_intervals(report)),
    ]
    correct = int(report.confusion.trace())
    return ClassificationSection(
        format_score(report.accuracy),
        format_interval(compute_share_interval(correct, report.examples)),
        report.examples,
        report.examples - correct,
        report.class_names,
        _build_confusion_matrix(report.confusion) if len(report.class_names) <= _MAX_CONFUSION_CLASSES else None,
        tuple(
            (report.class_names[true], report.class_names[predicted], n)
            for true, predicted, n in report.list_confused_pairs(_MAX_CONFUSION_ROWS)
        ),
        tuple(
            (
                name,
                _format_class_score(class_score.precision, class_intervals.precision),
                _format_class_score(class_score.recall, class_intervals.recall),
                _format_class_score(class_score.f1, class_intervals.f1),
                class_score.support,
            )
            for name, class_score, class_intervals in rows
        ),
        len(report.scores) - len(order),
        () if calibration is None else tuple(_iter_calibration_rows(calibration)),
        adjustment_note,
        None if calibration is None else build_series_figure(build_reliability_chart(calibration)),
        mistake_rows,
    )


def _iter_calibration_rows(calibration: Calibration) -> Iterator[tuple[str, str]]:
    """Yield the label and the text of each score of a calibration, with its 95% interval."""
    for name, label in CALIBRATION_LABELS.items():
        score = getattr(calibration, name)
        interval = "" if score.interval is None else f" ({format_interval(score.interval)})"
        yield label, f"{format_score(score.value)}{interval}"


def _format_class_score(score: float, interval: Interval | None) -> tuple[str, str]:
    """Return the texts of a score of a class and of its 95% interval, which is empty without an interval."""
    return f"{score:.3f}", "" if interval is None else "–".join(f"{end:.3f}".removeprefix("0") for end in interval)


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


def list_example_indices(section: "ClassificationSection | RegressionSection | str | None") -> Sequence[int]:
    """Return the indices of the examples that a section lists as mistakes, the worst first; empty without a section."""
    return () if section is None or isinstance(section, str) else [mistake.index for mistake in section.mistakes]
