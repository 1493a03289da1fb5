"""The score of the best constant prediction, which uses no input: what a network has to beat."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.predictions import read_predictions
from dnn_cli.compare.rows import Row
from dnn_cli.errors import ConfigError, RunError
from dnn_cli.metrics.constant_prediction import constant, losses, truth
from dnn_cli.runs.inputs import read_inputs
from dnn_cli.spec.datasets import OWN
from dnn_cli.spec.load import load_resolved

ERRORS = 2.0
"""Standard errors within which an accuracy is no better than that of the most frequent class."""

Labels = NDArray[Any]


def most_frequent_share(labels: Labels) -> float:
    """Return the accuracy of always predicting the most frequent class, plus two standard errors of it."""
    classes = labels.argmax(-1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.reshape(-1)
    share = float(np.unique(classes, return_counts=True)[1].max() / len(classes))
    return share + ERRORS * math.sqrt(share * (1 - share) / len(classes))


def mean_squared_deviation(labels: Labels) -> float:
    """Return the mean squared error of predicting the mean."""
    return float(labels.reshape(len(labels), -1).var(0).mean())


def mean_absolute_deviation(labels: Labels) -> float:
    """Return the mean absolute error of predicting the median."""
    rows = labels.reshape(len(labels), -1)
    return float(np.abs(rows - np.median(rows, 0)).mean())


CONSTANT_SCORES: dict[str, Callable[[Labels], float]] = {
    "accuracy": most_frequent_share,
    "sparse_categorical_accuracy": most_frequent_share,
    "categorical_accuracy": most_frequent_share,
    "binary_accuracy": most_frequent_share,
    "mean_squared_error": mean_squared_deviation,
    "root_mean_squared_error": lambda labels: math.sqrt(mean_squared_deviation(labels)),
    "mean_absolute_error": mean_absolute_deviation,
    "r2_score": lambda labels: 0.0,
}
"""For validation metrics, the score that a constant prediction reaches."""


def constant_loss(row: Row, labels: Labels) -> float | None:
    """Return the loss of the best constant prediction, by the loss of a run; `None` where the config cannot be read."""
    try:
        experiment, inputs = load_resolved(str(row.run.config)), read_inputs(row.run)
    except (ConfigError, RunError):
        return None
    if experiment.data.dataset in OWN:
        if inputs is None:
            return None
        experiment = experiment.model_copy(update={"data": experiment.data.with_facts(inputs.facts)})
    true = truth(experiment, labels)
    output = constant(experiment.loss, true, np.ones(len(true)))
    found = losses(experiment.loss, true, np.broadcast_to(output, (len(true), len(output))))
    return float(np.nanmean(found))


def constant_score(rows: Sequence[Row], metric: str) -> float | None:
    """Return the score that the best constant prediction reaches on the validation set of runs.

    The labels are read from the predictions of the first run that has them, because all runs share the validation set.

    Args:
        rows: Runs on the same data and split.
        metric: A validation metric.

    Returns:
        The score; `None` where the metric or the labels are not known, or the runs have other validation sets.
    """
    name = metric.removeprefix("val_")
    if name == metric or name not in (*CONSTANT_SCORES, "loss"):
        return None
    if len({row.record.data.get("split") for row in rows}) > 1:
        return None
    if name == "loss" and len({str((row.entry.experiment or {}).get("loss")) for row in rows}) > 1:
        return None
    for row in rows:
        try:
            arrays = read_predictions(row.run)
        except RunError:
            continue
        if arrays is not None and "labels" in arrays and len(arrays["labels"]):
            labels = arrays["labels"]
            return constant_loss(row, labels) if name == "loss" else CONSTANT_SCORES[name](labels)
    return None
