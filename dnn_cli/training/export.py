"""`export`: a trained network in a format of others, held against the run in that format's own runtime."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.data.known import Known, check_same_data
from dnn_cli.data.sources import cache_folder
from dnn_cli.errors import DnnError, RunError
from dnn_cli.formats.watcher import Watcher, quiet
from dnn_cli.runs.inputs import Inputs
from dnn_cli.runs.record import Record
from dnn_cli.spec.data import Data
from dnn_cli.spec.datasets import DATASETS, IdxDataset
from dnn_cli.training.runtimes import RUNTIMES
from dnn_cli.training.serving import serving_network
from dnn_cli.training.trained import outputs_of, trained_network

MOST = 1000
"""Examples that are compared."""

MADE = 256
"""Inputs that are made up where there is no data."""

TOLERANCE = 1e-4
"""How far outputs may be apart, as a share of the largest output, or of 1: other orders of additions stay far below."""


@dataclass(frozen=True)
class Checked:
    """What an exported network computes, beside the run."""

    runtime: str
    """With its version."""

    examples: int
    source: str
    """Which examples these are, in words."""

    difference: float
    """The largest between an output of the exported network and one of the run's."""

    output: float
    """The largest output of the run there, to hold the difference against."""

    same_class: int | None
    """Examples with the same class from both; `None` in a regression."""

    in_16_bits: float | None
    """The largest difference to what the run computes in 16 bits; `None` where it was trained in 32."""


def export(
    weights: Path, record: Record, known: Known, form: str, path: Path, *, scaling: bool, watch: Watcher = quiet
) -> Checked:
    """Write a network, load it in its own runtime, and compare its predictions with the run's.

    Args:
        weights: The `.keras` file with the weights.
        record: The record of the run.
        known: What it was trained on.
        form: A key of `RUNTIMES`.
        path: Where to write; nothing is there yet.
        scaling: Whether the exported network scales inputs itself.
        watch: Is told what is going on.

    Raises:
        RunError: the network cannot be had in this format, or predicts otherwise there.
    """
    runtime, experiment = RUNTIMES[form], known.experiment
    watch("reading examples to compare")
    inputs, source = examples_to_compare(record, known, watch)
    scaled = known.inputs.scaled(inputs)
    fed = inputs.reshape(len(inputs), -1).astype(np.float32) if scaling else scaled
    with tf.device("/CPU:0"):  # where all runtimes compute
        watch(f"writing {form}")
        reference = outputs_of(trained_network(weights, experiment), experiment, scaled)
        try:
            runtime.write(serving_network(weights, known, scaling=scaling), path)
            watch(f"comparing in {runtime.version}")
            found = runtime.compute(path, fed.reshape(-1, *experiment.data.input_shape))
        except DnnError:
            raise
        except Exception as error:  # converters and runtimes raise what they like
            raise RunError(f"{form} cannot hold this network: {first_line(error)}") from error
        difference = largest(found, reference)
        output = float(np.abs(reference).max())
        limit = TOLERANCE * max(1.0, output)
        if not difference <= limit:  # which nan is not, either
            raise RunError(
                f"in {runtime.version} the network predicts otherwise, by up to {difference:.2g} on {source}",
                f"{limit:.2g} is the most that rounding explains; nothing was written",
            )
        in_16_bits = None
        if (precision := str(record.plan.get("precision", "float32"))) != "float32":
            narrow = trained_network(weights, experiment, precision=precision)
            in_16_bits = largest(found, outputs_of(narrow, experiment, scaled))
    same = None
    if experiment.data.facts.is_classification and reference.shape[1] > 1:
        same = int((found.argmax(-1) == reference.argmax(-1)).sum())
    return Checked(runtime.version, len(inputs), source, difference, output, same, in_16_bits)


def largest(found: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """The largest difference; nan where the shapes are others."""
    return float(np.abs(found - reference).max()) if found.shape == reference.shape else float("nan")


def first_line(error: Exception) -> str:
    """What an error says, in one line that is not too long."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


def examples_to_compare(record: Record, known: Known, watch: Watcher) -> tuple[NDArray[np.generic], str]:
    """Validation examples where the data is at hand, else inputs that are made from the run's statistics."""
    data = known.experiment.data
    why = "the data is not at hand"
    if is_at_hand(data):
        try:
            examples = load_examples(data, watch)
            check_same_data(record, examples)
        except DnnError as error:
            why = error.message.splitlines()[0]
        else:
            split = split_examples(data, examples)
            part, name = (split.validation, "validation") if len(split.validation) else (split.train, "training")
            inputs = examples.inputs[part[:MOST]]
            return inputs, f"{len(inputs):,} {name} examples"
    return made_inputs(known.inputs), f"{MADE} inputs made from the statistics in inputs.npz ({why})"


def is_at_hand(data: Data) -> bool:
    """Whether data can be read without fetching it from anywhere."""
    dataset = DATASETS.get(data.dataset)
    if data.path is not None:
        return os.path.exists(data.path)
    return cache_folder(dataset).is_dir() if isinstance(dataset, IdxDataset) else True


def made_inputs(known: Inputs) -> NDArray[np.float32]:
    """Inputs as far apart as those of the training, float32 of (n, *input_shape); the same every time."""
    drawn = np.random.default_rng(0).normal(known.average, known.deviation, (MADE, known.size))
    return np.clip(drawn, known.minimum, known.maximum).astype(np.float32).reshape(-1, *known.facts.input_shape)
