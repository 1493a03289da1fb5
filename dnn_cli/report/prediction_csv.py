"""CSV file of predictions: columns of the input file, the predicted targets, and probabilities."""

import csv
import io
from collections.abc import Iterator

import numpy as np

from dnn_cli.errors import UsageError
from dnn_cli.formats.prediction_inputs import PredictionInputs
from dnn_cli.report.evaluation_tables import Predictions, has_probability_outputs, list_target_names

_INPUT_COLUMN = "input"
"""Name of the first column if the inputs are not rows of a table."""

_PROBABILITY_PREFIX = "proba_"


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

    Raises:
        UsageError: probabilities are requested, but the model predicts none.
    """
    dataset_info, classes = predictions.experiment.data.info, predictions.class_names
    if not with_probabilities:
        return (
            [dataset_info.target or "class"]
            if classes
            else list_target_names(dataset_info.target, dataset_info.targets)
        )
    if not classes or not has_probability_outputs(predictions.experiment):
        reason = "outputs are not probabilities" if classes else "targets are numbers, not classes"
        raise UsageError(f"--proba does not apply to this run: its {reason}", "remove --proba")
    return [dataset_info.target or "class", *(f"{_PROBABILITY_PREFIX}{name}" for name in classes)]


def _iter_predicted_cells(predictions: Predictions, *, with_probabilities: bool) -> Iterator[list[str]]:
    """Yield the predicted cells of each input: a class with probabilities, or numbers."""
    if not predictions.class_names:
        for row in predictions.outputs:
            yield [_format_number(value) for value in row]
        return
    for class_index, row in zip(predictions.class_indices, predictions.probabilities, strict=True):
        shares = row if with_probabilities else ()
        yield [predictions.class_names[class_index], *(_format_number(value) for value in shares)]


def _format_number(value: np.floating) -> str:
    """Return the shortest text that a 32-bit float is read from."""
    return str(np.float32(value))
