"""The scores of a trained network on examples that it was not trained on."""

import zipfile
from typing import Literal

import numpy as np
import tensorflow as tf

from dnn_cli.data.examples import Examples, load_test_examples
from dnn_cli.data.pipeline import Pipeline, batches_of
from dnn_cli.errors import RunError
from dnn_cli.runs.record import Record, Scores
from dnn_cli.runs.run import Run
from dnn_cli.training.build import build_model
from dnn_cli.training.job import Job

Part = Literal["test", "validation"]


def evaluate(job: Job, run: Run, part: Part) -> tuple[int, Scores]:
    """How many examples a part has, and the loss and metrics of the run's model on them.

    The network is built from the experiment and takes only its weights from `model.keras`; inputs are scaled by
    what was measured on the training examples.

    Raises:
        DataError: there is no such part.
        RunError: the weights are not those of this network.
    """
    experiment = job.experiment
    examples = test_or_validation(job, part)
    with tf.device(job.device.place):
        model = build_model(experiment, jit=job.plan.jit, precision=job.plan.precision)
        try:
            model.load_weights(run.model)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise RunError(f"{run.model} holds no weights of this network: {str(error).splitlines()[0]}") from None
        pipeline = Pipeline(examples, experiment, job.measured)
        batches = pipeline.batches(pipeline.in_order(np.arange(len(examples))))
        steps = batches_of(len(examples), experiment.batch_size)
        scores = model.evaluate(batches, steps=steps, verbose=0, return_dict=True)
    return len(examples), {name: float(value) for name, value in scores.items()}


def test_or_validation(job: Job, part: Part) -> Examples:
    """The examples of a part."""
    if part == "test":
        apart = job.split.test
        return job.examples[apart] if len(apart) else load_test_examples(job.experiment.data)
    if not len(job.split.validation):
        raise RunError("this run was trained on everything and has no validation set", "try --split test")
    return job.examples[job.split.validation]


def check_same_data(record: Record, examples: Examples) -> None:
    """Refuse data that is not what the run was trained on: its split would be another.

    Raises:
        RunError: it is not.
    """
    if record.data.get("fingerprint") != examples.fingerprint():
        raise RunError("the data is not what this run was trained on", "its fingerprint in run.json is another")
