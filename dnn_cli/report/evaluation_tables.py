"""Tables of evaluations and predictions, and their JSON documents."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.metrics.class_intervals import ClassIntervals, compute_class_intervals, compute_macro_intervals
from dnn_cli.metrics.classification import (
    ClassificationReport,
    ClassScore,
    compute_class_probabilities,
    compute_predicted_classes,
)
from dnn_cli.metrics.error_intervals import ErrorIntervals
from dnn_cli.metrics.regression import RegressionErrors
from dnn_cli.metrics.sampled_predictions import SampledPredictions
from dnn_cli.report.score_tables import build_class_interval_documents
from dnn_cli.report.tables import PlainTable, build_table, compute_text_width, shorten_text
from dnn_cli.report.test_read_text import format_times
from dnn_cli.report.text import UNLIMITED_WIDTH, format_count, format_interval, format_score
from dnn_cli.runs.record import Evaluation, FileEvaluation, Interval

_MAX_MATRIX_CLASSES = 20
"""Largest number of classes of a confusion matrix.

If there are more classes, a list of the pairs of classes that are confused most often replaces the matrix.
"""

_MAX_LISTED_CLASSES = 50
"""Largest number of listed classes. If there are more classes, the table lists the classes with the lowest F1."""

_MAX_CONFUSED_PAIRS = 20
_MAX_CLASS_NAME_WIDTH = 24
"""Largest width of a class name, in terminal characters."""

_MAX_UNLIKE_SHARE = 0.5
"""Largest share of inputs that can be unlike the training inputs without a warning.

Every test set has a few such inputs. If most inputs are unlike the training inputs, there is probably a mistake.
"""


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


def format_unlike_inputs(reasons: Sequence[Sequence[str]]) -> list[str]:
    """Return a warning that most inputs are unlike the training inputs, with the most common reason.

    The list is empty if at most half of the inputs are unlike the training inputs. `reasons` holds the reasons for
    each input; an input without reasons is like the training inputs.
    """
    unlike = [input_reasons for input_reasons in reasons if input_reasons]
    if len(unlike) <= _MAX_UNLIKE_SHARE * len(reasons):
        return []
    commonest, _ = Counter(text for input_reasons in unlike for text in input_reasons).most_common(1)[0]
    return [f"{len(unlike):,} of {len(reasons):,} inputs are unlike the training inputs: {commonest}"]


_MAX_OTHER_CLASSES = 2
"""Largest number of other classes that are listed after the predicted class, the most probable first."""

_MAX_INPUT_NAME_WIDTH = 40
"""Largest width of the name of an input or of a class, in terminal characters."""

_DEVIATION_HEADER = "deviation"
"""Header of the standard deviation over samples, in tables, and its key in documents and CSV files."""

_MAX_WARNED_INPUTS = 10
"""Largest number of inputs whose warnings are printed; the others are counted."""


@dataclass(frozen=True)
class Predictions:
    """Outputs of a model for some inputs; all fields and properties have the order of the inputs."""

    experiment: Experiment
    input_names: tuple[str, ...]
    files: tuple[str, ...]
    """File of each input."""

    lines: tuple[int | None, ...]
    """Line of each input in its table, such as a CSV file; `None` if the file is an image or an .npz file."""

    outputs: NDArray[np.float32]
    """Outputs of the model, an array of shape (n, units) with a row for each input; with samples, their means."""

    warnings: tuple[list[str], ...]
    sampled: SampledPredictions | None = None
    """Mean and standard deviation of samples with active dropout; `None` without `--samples`."""

    threshold: float | None = None
    """Probability of the second of two classes above which this class is predicted; `None` for the largest output."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; empty for a regression."""
        return self.experiment.data.info.classes

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Probabilities of the classes, of shape (n, classes).

        If the model was trained with a loss such as `mse`, the values are its outputs, which may not be probabilities.
        """
        if self.sampled is not None:
            return self.sampled.means
        return compute_class_probabilities(self.outputs, logits=self.experiment.loss.takes_logits)

    @property
    def class_indices(self) -> NDArray[np.int64]:
        """Index of the predicted class of each input, of shape (n,)."""
        if self.threshold is not None:
            return (self.probabilities[:, 1] > self.threshold).astype(np.int64)
        if self.sampled is not None:
            return np.asarray(self.sampled.means.argmax(-1), np.int64)
        return compute_predicted_classes(self.outputs, logits=self.experiment.loss.takes_logits)


def has_probability_outputs(experiment: Experiment) -> bool:
    """Return whether the outputs of a model are probabilities, or become probabilities by softmax or sigmoid.

    Other outputs, as of a model with a linear last layer and the loss `mse`, only rank the classes.
    """
    ends = getattr(experiment.model.stack[-1], "activation", None)
    return experiment.loss.takes_logits or experiment.loss.needs_probabilities or ends in ("softmax", "sigmoid")


def build_prediction_table(predictions: Predictions) -> PlainTable:
    """Build a table with a row for each input: the predicted class with probabilities, or the predicted numbers.

    With samples, the standard deviation of each printed mean follows in a column of its own.
    """
    labels = [shorten_text(label, _MAX_INPUT_NAME_WIDTH) for label in predictions.input_names]
    if not predictions.class_names:
        return _build_number_table(predictions, labels)
    classes, shares, indices = predictions.class_names, predictions.probabilities, predictions.class_indices
    quantity = "probability" if has_probability_outputs(predictions.experiment) else "output"
    # A network with one output predicts the probability of the second class.
    is_binary = len(classes) == 2 and (predictions.sampled is not None or predictions.outputs.shape[1] == 1)
    printed = np.ones_like(indices) if is_binary else indices
    rows = [
        [label, classes[at], _format_probability(row[column])]
        for label, at, column, row in zip(labels, indices, printed, shares, strict=True)
    ]
    headers = ["input", "class", f"{quantity} of {classes[1]}" if is_binary else quantity]
    if predictions.sampled is not None:
        headers.append(_DEVIATION_HEADER)
        for row, column, deviations in zip(rows, printed, predictions.sampled.deviations, strict=True):
            row.append(_format_probability(deviations[column]))
    if is_binary:
        return build_table(headers, rows, right=headers[2:])
    for row, at, row_shares in zip(rows, indices, shares, strict=True):
        row.append(_format_next_classes(classes, int(at), row_shares))
    return build_table([*headers, "next classes"], rows, right=headers[2:], flexible=["next classes"])


def _build_number_table(predictions: Predictions, labels: Sequence[str]) -> PlainTable:
    """Build a table with the predicted numbers of each input; with samples, each with its standard deviation."""
    dataset_info = predictions.experiment.data.info
    names = list_target_names(dataset_info.target, dataset_info.targets)
    columns = [[format_quantity(value) for value in column] for column in predictions.outputs.T.tolist()]
    headers = names
    if predictions.sampled is not None:
        headers = make_headers_unique([header for name in names for header in (name, _DEVIATION_HEADER)])
        deviations = [list(map(format_quantity, column)) for column in predictions.sampled.deviations.T.tolist()]
        columns = [column for pair in zip(columns, deviations, strict=True) for column in pair]
    rows = [[label, *cells] for label, *cells in zip(labels, *columns, strict=True)]
    return build_table(["input", *headers], rows, right=headers)


def _format_next_classes(classes: Sequence[str], predicted: int, shares: NDArray[np.float64]) -> str:
    """Return the most probable classes after the predicted class, with their probabilities."""
    order = np.argsort(-shares, kind="stable")[: _MAX_OTHER_CLASSES + 1]
    others = [other for other in order if other != predicted][:_MAX_OTHER_CLASSES]
    return ", ".join(
        f"{shorten_text(classes[other], _MAX_INPUT_NAME_WIDTH)} {_format_probability(shares[other])}"
        for other in others
    )


def _format_probability(value: float) -> str:
    """Format a probability with four decimals.

    An output that is not a probability may be a million or more; such a number has three significant digits.
    """
    return f"{value:.4f}" if math.isfinite(value) and abs(value) < 1e6 else f"{value:.3g}"


def format_warning_lines(predictions: Predictions) -> list[str]:
    """Return warnings on the first 10 inputs that are unlike the training inputs, and a line that counts the others."""
    unlike = [
        (label, texts) for label, texts in zip(predictions.input_names, predictions.warnings, strict=True) if texts
    ]
    lines = [f"warning: {label}: {'; '.join(texts)}" for label, texts in unlike[:_MAX_WARNED_INPUTS]]
    if len(unlike) > _MAX_WARNED_INPUTS:
        lines.append(
            f"warning: {len(unlike) - _MAX_WARNED_INPUTS:,} more of "
            f"{len(predictions.input_names):,} inputs are unlike the training inputs"
        )
    return lines


def build_prediction_documents(predictions: Predictions) -> list[dict[str, Any]]:
    """Build a JSON document for each input.

    Probabilities are in the order of the classes. Predicted numbers are in the order of the targets.
    """
    documents: list[dict[str, Any]] = []
    for at, (file, line, texts) in enumerate(
        zip(predictions.files, predictions.lines, predictions.warnings, strict=True)
    ):
        documents.append({"file": file, "input": predictions.input_names[at], "line": line, "warnings": texts})
    if not predictions.class_names:
        for document, row in zip(documents, predictions.outputs.tolist(), strict=True):
            document["numbers"] = _replace_non_finite(row)
        return _add_deviations(documents, predictions)
    kind = "probabilities" if has_probability_outputs(predictions.experiment) else "outputs"
    for document, class_index, row in zip(
        documents, predictions.class_indices, predictions.probabilities.tolist(), strict=True
    ):
        document["class"] = predictions.class_names[class_index]
        document[kind] = _replace_non_finite(row)
    return _add_deviations(documents, predictions)


def _add_deviations(documents: list[dict[str, Any]], predictions: Predictions) -> list[dict[str, Any]]:
    """Return the documents of predictions with the standard deviations of samples, if there are samples."""
    if predictions.sampled is not None:
        for document, row in zip(documents, predictions.sampled.deviations.tolist(), strict=True):
            document["deviations"] = _replace_non_finite(row)
    return documents


def _replace_non_finite(values: Sequence[float]) -> list[float | None]:
    """Return numbers for JSON: `None` replaces infinite values and NaN."""
    return [value if math.isfinite(value) else None for value in values]
