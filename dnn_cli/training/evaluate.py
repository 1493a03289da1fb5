"""The outputs and scores of a trained network on examples that it was not trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.examples import Examples, load_test_examples
from dnn_cli.data.known import Known
from dnn_cli.data.measured import Measured
from dnn_cli.data.pipeline import Pipeline, batches_of
from dnn_cli.errors import RunError
from dnn_cli.runs.record import Scores
from dnn_cli.spec.experiment import Experiment
from dnn_cli.training.device import prepare_device
from dnn_cli.training.job import Job
from dnn_cli.training.plan import Plan, choose_plan
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
    plan, place = job.plan, job.device.place
    return score(weights, job.experiment, test_or_validation(job, part), job.measured, plan, place)


def evaluate_given(weights: Path, known: Known, examples: Examples, training_examples: int) -> Evaluated:
    """Return the scores of a model on labelled examples, with inputs scaled as in the training.

    Args:
        weights: The `.keras` file with the weights.
        known: What they were trained on.
        examples: Inputs as the training data has them, not scaled, and labels.
        training_examples: How many examples they were trained on, which decides how the engine computes.

    Raises:
        RunError: the weights are not those of this network.
    """
    anywhere = known.experiment.model_copy(update={"device": "auto"})  # a run from a GPU is evaluated without one
    device = prepare_device(anywhere)
    plan = choose_plan(anywhere, training_examples, gpu=device.is_gpu)
    measured = Measured(known.inputs.scale, known.inputs.mean)
    return score(weights, anywhere, examples, measured, plan, device.place)


def score(
    weights: Path, experiment: Experiment, examples: Examples, measured: Measured, plan: Plan, place: str
) -> Evaluated:
    """Return the scores and outputs of a model on examples."""
    with tf.device(place):
        model = trained_network(weights, experiment, jit=plan.jit, precision=plan.precision)
        pipeline = Pipeline(examples, experiment, measured)
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
