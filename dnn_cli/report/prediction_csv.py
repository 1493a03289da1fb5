"""CSV file of predictions: columns of the input file, the predicted targets, and probabilities."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UsageError
from dnn_cli.formats.prediction_inputs import PredictionInputs
from dnn_cli.report.evaluation_tables import list_target_names
from dnn_cli.report.prediction_tables import Predictions, has_probability_outputs

_INPUT_COLUMN = "input"
"""Name of the first column if the inputs are not rows of a table."""

_PROBABILITY_PREFIX = "proba_"
_DEVIATION_SUFFIX = "_deviation"


def format_prediction_csv(predictions: Predictions, inputs: PredictionInputs, *, with_probabilities: bool) -> str:
    """Format predictions as the text of a CSV file with a header.

    Each row of a table has a line in the order of the table. The line of a row without a prediction has empty cells.

    Args:
        predictions: The predictions for all valid inputs of one file.
        inputs: The inputs of this file.
        with_probabilities: Whether a column for each class has its probabilities.

    Raises:
        UsageError: the model predicts no probabilities, or two columns would have the same name.
    """
    names = _list_predicted_columns(predictions, with_probabilities=with_probabilities)
    ids = dict(inputs.table.kept_columns) if inputs.table else {_INPUT_COLUMN: tuple(inputs.input_names)}
    repeated = next((name for name in ids if name in names), None)
    if repeated is not None:
        raise UsageError(f"{repeated} is a column of the predictions and a kept column", "keep other columns: --keep")
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*ids, *names])
    cells = _iter_predicted_cells(predictions, with_probabilities=with_probabilities)
    valid_lines = set(inputs.table.lines) if inputs.table else set()
    lines = inputs.table.all_lines if inputs.table else range(len(inputs.inputs))
    for at, line in enumerate(lines):
        is_valid = inputs.table is None or line in valid_lines
        writer.writerow([*(column[at] for column in ids.values()), *(next(cells) if is_valid else [""] * len(names))])
    return stream.getvalue()


def _list_predicted_columns(predictions: Predictions, *, with_probabilities: bool) -> list[str]:
    """Return the names of the columns of the predictions.

    With samples, `NAME_deviation` follows the name of each mean.

    Raises:
        UsageError: probabilities are requested, but the model predicts none.
    """
    dataset_info, classes = predictions.experiment.data.info, predictions.class_names
    if with_probabilities and not (classes and has_probability_outputs(predictions.experiment)):
        reason = "outputs are not probabilities" if classes else "targets are numbers, not classes"
        raise UsageError(f"--proba does not apply to this run: its {reason}", "remove --proba")
    if not classes:
        means = list_target_names(dataset_info.target, dataset_info.targets)
    elif with_probabilities:
        means = [f"{_PROBABILITY_PREFIX}{name}" for name in classes]
    else:
        quantity = "probability" if has_probability_outputs(predictions.experiment) else "output"
        means = [quantity] if predictions.sampled is not None else []
    if predictions.sampled is not None:
        means = [name for mean in means for name in (mean, f"{mean}{_DEVIATION_SUFFIX}")]
    return [*([dataset_info.target or "class"] if classes else []), *means]


def _iter_predicted_cells(predictions: Predictions, *, with_probabilities: bool) -> Iterator[list[str]]:
    """Yield the predicted cells of each input: a class with probabilities, or numbers.

    With samples, a standard deviation follows each mean; a class always has its probability.
    """
    sampled = predictions.sampled
    if not predictions.class_names:
        for at, row in enumerate(predictions.outputs):
            yield _format_means(row, None if sampled is None else sampled.deviations[at])
        return
    for at, (class_index, row) in enumerate(zip(predictions.class_indices, predictions.probabilities, strict=True)):
        columns = slice(None) if with_probabilities else slice(class_index, class_index + 1 if sampled else class_index)
        deviations = None if sampled is None else sampled.deviations[at][columns]
        yield [predictions.class_names[class_index], *_format_means(row[columns], deviations)]


def _format_means(means: NDArray[Any], deviations: NDArray[Any] | None) -> list[str]:
    """Return numbers as text, each followed by its standard deviation if there are any."""
    if deviations is None:
        return list(map(_format_number, means))
    return [_format_number(value) for pair in zip(means, deviations, strict=True) for value in pair]


def _format_number(value: np.floating) -> str:
    """Return the shortest text that a 32-bit float is read from."""
    return str(np.float32(value))
