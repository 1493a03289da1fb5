"""Advice on the data of an experiment: values that slow down training, and columns that make scores too good."""

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.keras_suggestions import format_short_yaml
from dnn_cli.data.data_leakage import find_row_number_columns
from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.input_statistics import measure_inputs
from dnn_cli.data.preprocessing import compute_preprocessing
from dnn_cli.runs.data_scale import find_unscaled_input, find_unscaled_targets


def list_data_advice(experiment: Experiment, examples: Examples, split: Split) -> list[str]:
    """Return advice on the inputs and targets of an experiment, as lines of text.

    Each line describes a problem and ends with a suggestion in parentheses. Without problems, the list is empty.
    """
    advice = [
        _advise_on_targets(experiment, examples.targets[split.train]),
        *_advise_on_inputs(experiment, examples, split),
    ]
    return [*filter(None, advice), *_advise_on_row_numbers(experiment, examples)]


def _advise_on_targets(experiment: Experiment, targets: NDArray[np.float32]) -> str:
    """Return advice if the targets of a regression are far from 0; else an empty text.

    A network reaches such targets slowly, because the outputs of an untrained network are near 0.
    """
    far = find_unscaled_targets(experiment, targets)
    return f"{far.observation}  ({far.suggestion})" if far else ""


def _advise_on_inputs(experiment: Experiment, examples: Examples, split: Split) -> list[str]:
    """Return advice to standardize inputs that are far from unit scale; else an empty list.

    Inputs have unit scale if their root mean square is near 1. Pixels and standardized inputs get no advice.
    """
    # Pixels are uint8, and are divided by 255.
    if experiment.data.standardize or examples.inputs.dtype == np.uint8:
        return []
    preprocessing = compute_preprocessing(experiment, examples, split)
    far = find_unscaled_input(experiment, measure_inputs(experiment.data.info, examples, split, preprocessing))
    if far is None:
        return []
    return [f"{far.observation}; a network learns best from inputs between about -1 and 1  (data.standardize=true)"]


def _advise_on_row_numbers(experiment: Experiment, examples: Examples) -> list[str]:
    """Return advice to ignore columns that contain only row numbers, as one line for each such column.

    The list is empty if there is no such column, or if the inputs are not a table with column names.
    """
    names = experiment.data.info.features
    if not names or examples.inputs.ndim != 2:
        return []
    row_number_columns = [names[column] for column in np.flatnonzero(find_row_number_columns(examples.inputs))]
    ignored = format_short_yaml([*(experiment.data.ignore or ()), *row_number_columns])
    return [f"column {name} contains only row numbers  (data.ignore={ignored})" for name in row_number_columns]
