"""Advice on an experiment that depends on its data: what makes the training hard, or its scores too good."""

import numpy as np
from numpy.typing import NDArray

from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.measured import measure
from dnn_cli.data.relations import numbering
from dnn_cli.data.statistics import input_statistics
from dnn_cli.runs.input_size import far_input
from dnn_cli.runs.target_size import far_targets
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.keras_hints import flow


def data_advice(experiment: Experiment, examples: Examples, split: Split) -> list[str]:
    """Return advice in words, each with its remedy."""
    found = [far_from_zero(experiment, examples.labels[split.train]), *far_from_one(experiment, examples, split)]
    return [*filter(None, found), *row_numbers(experiment, examples)]


def far_from_zero(experiment: Experiment, labels: NDArray[np.float32]) -> str:
    """Return advice for a network whose outputs begin near 0, far from the numbers to predict; else nothing."""
    far = far_targets(experiment, labels)
    return f"{far.seen}  ({far.remedy})" if far else ""


def far_from_one(experiment: Experiment, examples: Examples, split: Split) -> list[str]:
    """Return advice for inputs far from unit scale."""
    if experiment.data.standardize or examples.inputs.dtype == np.uint8:  # pixels, which are divided by 255
        return []
    measured = measure(experiment, examples, split)
    far = far_input(experiment, input_statistics(experiment.data.facts, examples, split, measured))
    if far is None:
        return []
    return [f"{far.seen}; a network learns best from inputs between about -1 and 1  (data.standardize=true)"]


def row_numbers(experiment: Experiment, examples: Examples) -> list[str]:
    """Return advice for columns of a table that number its rows."""
    names = experiment.data.facts.features
    if not names or examples.inputs.ndim != 2:
        return []
    found = [names[column] for column in np.flatnonzero(numbering(examples.inputs))]
    ignored = flow([*(experiment.data.ignore or ()), *found])
    return [f"column {name} only numbers the rows  (data.ignore={ignored})" for name in found]
