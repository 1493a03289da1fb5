"""Tables of evaluations, and their JSON documents."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dnn_cli.metrics.class_intervals import ClassIntervals, compute_class_intervals, compute_macro_intervals
from dnn_cli.metrics.classification import (
    ClassificationReport,
    ClassScore,
)
from dnn_cli.metrics.error_intervals import ErrorIntervals
from dnn_cli.metrics.regression import RegressionErrors
from dnn_cli.report.score_tables import build_class_interval_documents
from dnn_cli.report.tables import PlainTable, build_table, compute_text_width, shorten_text
from dnn_cli.report.test_read_text import format_times
from dnn_cli.report.text import UNLIMITED_WIDTH, format_count, format_interval, format_score
from dnn_cli.runs.evaluations import Evaluation, FileEvaluation, Interval

_MAX_MATRIX_CLASSES = 20
"""Largest number of classes of a confusion matrix.

If there are more classes, a list of the pairs of classes that are confused most often replaces the matrix.
"""

_MAX_LISTED_CLASSES = 50
"""Largest number of listed classes. If there are more classes, the table lists the classes with the lowest F1."""

_MAX_CONFUSED_PAIRS = 20

_MAX_CLASS_NAME_WIDTH = 24
"""Largest width of a class name, in terminal characters."""


def build_class_table(report: ClassificationReport, width: int = UNLIMITED_WIDTH) -> tuple[PlainTable, str]:
    """Build a table of precision, recall and F1 by class with 95% intervals, and with the means in the last rows.

    The second value is a note that explains the intervals, and names classes that are left out. If the table is wider
    than `width` terminal characters, only F1 has intervals.
    """
    scores: Sequence[ClassScore] = report.scores
    intervals: Sequence[ClassIntervals | None] = compute_class_intervals(report)
    note = "a score is followed by its 95% interval"
    if len(scores) > _MAX_LISTED_CLASSES:
        worst = sorted(range(len(scores)), key=lambda at: scores[at].f1)[:_MAX_LISTED_CLASSES]
        scores, intervals = [scores[at] for at in worst], [intervals[at] for at in worst]
        note += f"; the {_MAX_LISTED_CLASSES} of {len(report.scores):,} classes with the lowest F1, --json lists all"
    listed = [
        *zip(scores, intervals, strict=True),
        (report.macro_average, compute_macro_intervals(report)),
        (report.weighted_average, None),
    ]
    tables = [_build_class_rows(listed, names) for names in (("precision", "recall", "f1"), ("f1",))]
    return next((table for table in tables if compute_table_width(table) <= width), tables[-1]), note


def _build_class_rows(
    listed: Sequence[tuple[ClassScore, ClassIntervals | None]], interval_names: Sequence[str]
) -> PlainTable:
    """Build the table of class scores with the intervals of some of the scores."""
    headers = ["class", "precision", "recall", "F1", "examples"]
    rows = [
        [
            shorten_text(class_score.name, _MAX_CLASS_NAME_WIDTH),
            *(
                _format_class_score(
                    getattr(class_score, name),
                    getattr(intervals, name) if intervals and name in interval_names else None,
                )
                for name in ("precision", "recall", "f1")
            ),
            f"{class_score.support:,}",
        ]
        for class_score, intervals in listed
    ]
    # A row without interval is aligned with the scores of the other rows.
    for column, name in enumerate(("precision", "recall", "f1"), 1):
        if name in interval_names:
            widest = max(len(row[column]) for row in rows)
            for row in rows:
                row[column] = row[column].ljust(widest)
    return build_table(headers, rows, right=["examples"] + [
        header for header, name in zip(headers[1:], ("precision", "recall", "f1"), strict=False)
        if name not in interval_names
    ])  # fmt: skip


def _format_class_score(score: float, interval: Interval | None) -> str:
    """Format the score of a class with three decimals, followed by its interval: `0.883 .812–.931`."""
    if interval is None:
        return f"{score:.3f}"
    low, high = (f"{end:.3f}".removeprefix("0") for end in interval)
    return f"{score:.3f} {low}–{high}"


def build_confusion_table(report: ClassificationReport, width: int) -> tuple[PlainTable, str]:
    """Build the confusion matrix, and return it with a sentence that explains how to read the table.

    If the matrix has too many classes or is wider than `width` terminal characters, return a table of the classes that
    are confused most frequently.
    """
    classes, counts = report.class_names, report.confusion.tolist()
    if len(classes) <= _MAX_MATRIX_CLASSES:
        names = [shorten_text(name, _MAX_CLASS_NAME_WIDTH) for name in classes]
        cells = [[str(number) if number else "·" for number in row] for row in counts]
        for columns, labels in (
            (names, names),
            ([str(at) for at in range(len(names))], [f"{at} {name}" for at, name in enumerate(names)]),
        ):
            headers = ["", *make_headers_unique(columns)]
            matrix = build_table(
                headers, [[label, *row] for label, row in zip(labels, cells, strict=True)], right=headers[1:]
            )
            if compute_table_width(matrix) <= width:
                return matrix, "rows are true classes, columns are predicted classes"
    pairs = report.list_confused_pairs(_MAX_CONFUSED_PAIRS)
    headers = ["true class", "predicted class", "examples", "share"]
    rows = [
        [
            shorten_text(classes[true], _MAX_CLASS_NAME_WIDTH),
            shorten_text(classes[predicted], _MAX_CLASS_NAME_WIDTH),
            f"{number:,}",
            f"{number / report.scores[true].support:.1%}",
        ]
        for true, predicted, number in pairs
    ]
    caption = "the most frequent confusions, with their share of the examples of the true class"
    return build_table(headers, rows, right=headers[2:]), caption


def make_headers_unique(headers: Sequence[str]) -> list[str]:
    """Return headers that all differ, because tables find columns by header: repeated headers get trailing spaces."""
    seen: dict[str, int] = {}
    unique_headers = []
    for header in headers:
        seen[header] = seen.get(header, 0) + 1
        unique_headers.append(header + " " * (seen[header] - 1))
    return unique_headers


def compute_table_width(plain_table: PlainTable) -> int:
    """Compute the width of a table, in terminal characters."""
    return max(compute_text_width(line) for line in plain_table.to_text().splitlines())


def build_error_table(
    errors: Sequence[RegressionErrors], intervals: Sequence[ErrorIntervals], names: Sequence[str]
) -> PlainTable:
    """Build a table of regression errors in the unit of the target, with 95% intervals.

    A single target has a row for each error. Several targets have a row each, without intervals.
    """
    labels = ["MAE", "RMSE", "median |error|", "largest |error|", "mean error", "R²"]
    fields = ("mean_absolute", "root_mean_squared", "median_absolute", "largest", "bias", "r2")
    if len(errors) == 1:
        rows = [
            [label, _format_error(errors[0], name), _format_error_interval(getattr(intervals[0], name, None), name)]
            for label, name in zip(labels, fields, strict=True)
        ]
        headers = [f"error of {shorten_text(names[0], _MAX_CLASS_NAME_WIDTH)}", "value", "95% interval"]
        return build_table(headers, rows, right=headers[1:])
    headers = ["target", *labels]
    rows = [
        [shorten_text(name, _MAX_CLASS_NAME_WIDTH), *(_format_error(target_errors, field) for field in fields)]
        for name, target_errors in zip(names, errors, strict=True)
    ]
    return build_table(headers, rows, right=headers[1:])


def _format_error(errors: RegressionErrors, field: str) -> str:
    """Format an error of a target; R² is a score, and other errors are quantities."""
    value = getattr(errors, field)
    return format_score(value) if field == "r2" else format_quantity(value)


def _format_error_interval(interval: Interval | None, field: str) -> str:
    """Format the interval of an error, or `–` without an interval."""
    if field == "r2" or interval is None:
        return format_interval(interval)
    return " to ".join(map(format_quantity, interval))


def format_quantity(value: float) -> str:
    """Format a number with five significant digits, or as an integer if it is 10,000 or more."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.5g}"


def format_error_notes(errors: Sequence[RegressionErrors], names: Sequence[str]) -> list[str]:
    """Return a note for each target: the root mean square error of the best constant prediction.

    This constant is the mean of the target in the evaluated examples. A useful model has a smaller error.
    """
    return [
        f"{name}: always predicting the mean of these examples, {format_quantity(target_errors.true_mean)}, has an "
        f"RMSE of {format_quantity(target_errors.true_deviation)}"
        for name, target_errors in zip(names, errors, strict=True)
    ][:_MAX_CONFUSED_PAIRS]


def format_earlier_evaluations(earlier: Sequence[Evaluation | FileEvaluation], file: str) -> str:
    """Return a sentence on how often the examples in a file were evaluated before.

    Args:
        earlier: The earlier evaluations, at least one, the oldest first.
        file: The file with the examples.
    """
    return (
        f"the examples of {file} were evaluated {format_times(len(earlier))} before, "
        f"last at {earlier[-1].at[:16].replace('T', ' ')} UTC: do not choose models by these scores"
    )


def build_class_report_document(report: ClassificationReport) -> dict[str, Any]:
    """Build the JSON document of a classification report, with 95% intervals."""
    intervals = build_class_interval_documents(report)
    return {
        "accuracy": report.accuracy,
        "classes": [
            {**asdict(class_score), "intervals": class_intervals}
            for class_score, class_intervals in zip(report.scores, intervals["classes"], strict=True)
        ],
        "macro": {**asdict(report.macro_average), "intervals": intervals["macro"]},
        "weighted": asdict(report.weighted_average),
        "confusion": report.confusion.tolist(),
    }


def list_target_names(names: str | None, targets: int) -> list[str]:
    """Return the names of the targets of a regression.

    A single target has the name `names`, or `target` if `names` is `None`. Several targets are `target 1`,
    `target 2` and so on.
    """
    return [names or "target"] if targets == 1 else [f"target {at + 1}" for at in range(targets)]


def format_examples(evaluation: Evaluation | FileEvaluation) -> str:
    """Return the number and origin of examples: `450 test examples`, `12 examples of new.csv`."""
    if isinstance(evaluation, FileEvaluation):
        return f"{format_count(evaluation.examples, 'example')} of {evaluation.file}"
    return format_count(evaluation.examples, f"{evaluation.split} example")
