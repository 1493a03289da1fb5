"""The outputs and scores of a trained network on examples that it was not trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.examples import Examples, load_test_examples
from dnn_cli.data.pipeline import Pipeline, batches_of
from dnn_cli.errors import RunError
from dnn_cli.runs.record import Scores
from dnn_cli.training.job import Job
from dnn_cli.training.trained import trained_network

Part = Literal["test", "validation"]


@dataclass(frozen=True)
class Evaluated:
    """What a network made of a part of its data."""

    scores: Scores
    """The loss and metrics."""

    outputs: NDArray[np.float32]
    """Of (n, units)."""

    labels: NDArray[Any]
    """Classes, integers of (n,), or numbers to predict, float32 of (n, targets)."""

    def __len__(self) -> int:
        return len(self.labels)


def evaluate(job: Job, weights: Path, part: Part) -> Evaluated:
    """Return the scores of a model on a part of its data, with inputs scaled as in the training.

    Raises:
        DataError: there is no such part.
        RunError: the weights are not those of this network.
    """
    experiment = job.experiment
    examples = test_or_validation(job, part)
    with tf.device(job.device.place):
        model = trained_network(weights, experiment, jit=job.plan.jit, precision=job.plan.precision)
        pipeline = Pipeline(examples, experiment, job.measured)
        batches = pipeline.batches(pipeline.in_order(np.arange(len(examples))))
        steps = batches_of(len(examples), experiment.batch_size)
        scores = model.evaluate(batches, steps=steps, verbose=0, return_dict=True)
        outputs = model.predict(batches, steps=steps, verbose=0)
    plain = {name: float(value) for name, value in scores.items()}
    return Evaluated(plain, np.asarray(outputs, np.float32), examples.labels)


def test_or_validation(job: Job, part: Part) -> Examples:
    """The examples of a part."""
    if part == "test":
        apart = job.split.test
        return job.examples[apart] if len(apart) else load_test_examples(job.experiment.data)
    if not len(job.split.validation):
        raise RunError("this run was trained on everything and has no validation set", "try --split test")
    return job.examples[job.split.validation]
