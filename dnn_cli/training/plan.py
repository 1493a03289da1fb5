"""`Plan`: how a stack is run, decided from the experiment and the processor alone, so that equal runs stay equal."""

import math
from dataclasses import dataclass
from typing import Literal

from dnn_cli.spec.augmentation import Augmentation, Moving
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.layers import Conv2D, Dense, Dropout, GaussianNoise
from dnn_cli.spec.stack import walk
from dnn_cli.spec.summary import summarize

CHUNK_WORK = 2e9
"""Multiply-adds in one call of the compiled loop, about a tenth of a second of one core: the screen moves, and a
signal is answered, between two calls."""

CHUNK_BYTES = 64_000_000
"""Pixels in one call, where they are read from a file for it."""

SLOW_WITH_XLA = (Conv2D, Dropout, GaussianNoise, Augmentation)
"""On a CPU, XLA takes up to ten times as long for a convolution and for random numbers."""

MAX_STEPS = 250
"""Batches a call; more of them gain nothing that could be measured."""


@dataclass(frozen=True)
class Plan:
    """How `fit` runs the steps."""

    engine: Literal["chunked", "keras"]
    jit: bool
    """Whether XLA compiles them."""

    precision: str
    """Keras's dtype policy for all layers but the last."""

    steps: int
    """How many batches run in one call."""

    why: str


def choose_plan(experiment: Experiment, training_examples: int, *, gpu: bool) -> Plan:
    """The fastest way known for this stack on this kind of processor, unless the experiment names one."""
    jit, why = choose_jit(experiment, gpu=gpu)
    precision = ("mixed_float16" if gpu else "mixed_bfloat16") if experiment.mixed_precision else "float32"
    if experiment.engine == "keras":
        return Plan("keras", jit, precision, 1, f"engine: keras; {why}")
    steps = math.ceil(training_examples / experiment.batch_size)
    calls = math.ceil(steps / max_steps(experiment))
    even = math.ceil(steps / calls)  # calls of equal length, so that the last is not short
    return Plan("chunked", jit, precision, even, why)


def max_steps(experiment: Experiment) -> int:
    """How many batches a call may have."""
    work = 3 * summarize(experiment).multiply_adds * experiment.batch_size  # backwards costs about twice forwards
    size = math.prod(experiment.data.input_shape) * experiment.batch_size
    return max(1, min(MAX_STEPS, int(CHUNK_WORK / max(work, 1)), CHUNK_BYTES // size))


def choose_jit(experiment: Experiment, *, gpu: bool) -> tuple[bool, str]:
    """Whether XLA compiles the steps, and why."""
    if experiment.jit != "auto":
        return experiment.jit, f"jit: {str(experiment.jit).lower()}"
    if experiment.engine == "keras":
        return False, "no XLA, Keras's own choice on a CPU and wherever operations are deterministic"
    for layer in experiment.model.stack:
        if isinstance(layer, Moving):
            return False, f"no XLA, which cannot run {layer.type}"
    if gpu:
        return True, "XLA, on a GPU"
    for layer in experiment.model.stack:
        if isinstance(layer, SLOW_WITH_XLA):
            return False, f"no XLA, which is slow at {layer.type} on a CPU"
    for stage in walk(experiment.model.stack, experiment.data.input_shape):
        if isinstance(stage.layer, Dense) and stage.input_shape[-1] == 1:  # a product of vectors, not of matrices
            return False, "no XLA, which adds up a Dense layer of one input in another order in the loop"
    return True, "XLA, as nothing in the stack is slow with it"
