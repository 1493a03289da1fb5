"""Predictions of a model for some inputs: as a table, as JSON documents, and with warnings about unusual inputs."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.metrics.classification import (
    compute_class_probabilities,
    compute_predicted_classes,
)
from dnn_cli.metrics.sampled_predictions import SampledPredictions
from dnn_cli.report.evaluation_tables import format_quantity, list_target_names, make_headers_unique
from dnn_cli.report.tables import PlainTable, build_table, shorten_text

_MAX_OTHER_CLASSES = 2
"""Largest number of other classes that are listed after the predicted class, the most probable first."""

_MAX_INPUT_NAME_WIDTH = 40
"""Largest width of the name of an input or of a class, in terminal characters."""

_DEVIATION_HEADER = "deviation"
"""Header of the standard deviation over samples, in tables, and its key in documents and CSV files."""

_MAX_WARNED_INPUTS = 10
"""Largest number of inputs whose warnings are printed; the others are counted."""

_MAX_UNLIKE_SHARE = 0.5
"""Largest share of inputs that can be unlike the training inputs without a warning.

Every test set has a few such inputs. If most inputs are unlike the training inputs, there is probably a mistake.
"""


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
