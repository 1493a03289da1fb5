"""The execution plan of a training: engine, XLA, precision and chunk length.

It depends on the experiment and the kind of processor alone, so that equal runs stay equal.
"""

import math
from dataclasses import dataclass
from typing import Literal

from dnn_cli.config.augmentation import AugmentationLayer, GeometricAugmentation
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import compute_stages
from dnn_cli.config.layers import Conv2D, Dense, Dropout, GaussianNoise
from dnn_cli.config.network_summary import summarize_network

_MAX_CHUNK_MULTIPLY_ADDS = 2e9
"""Multiply-adds in one call of the compiled loop, about a tenth of a second of one core: progress is
shown and signals are handled between two calls."""

_MAX_CHUNK_BYTES = 64_000_000
"""Pixels in one call, where they are read from a file for it."""

_SLOW_WITH_XLA = (Conv2D, Dropout, GaussianNoise, AugmentationLayer)
"""On a CPU, XLA takes up to ten times as long for a convolution and for random numbers."""

MAX_STEPS = 250
"""Batches a call; more of them gain nothing that could be measured."""


@dataclass(frozen=True)
class ExecutionPlan:
    """Engine, XLA, precision and chunk length of a training."""

    engine: Literal["chunked", "keras"]
    jit: bool
    """Whether XLA compiles them."""

    precision: str
    """Keras's dtype policy for all layers but the last."""

    steps: int
    """How many batches run in one call."""

    why: str


def choose_plan(experiment: Experiment, training_examples: int, *, gpu: bool) -> ExecutionPlan:
    """The fastest way known for this stack on this kind of processor, unless the experiment names one."""
    jit, reason = _choose_jit(experiment, gpu=gpu)
    precision = ("mixed_float16" if gpu else "mixed_bfloat16") if experiment.mixed_precision else "float32"
    if experiment.engine == "keras":
        return ExecutionPlan("keras", jit, precision, 1, f"engine: keras; {reason}")
    steps = math.ceil(training_examples / experiment.batch_size)
    calls = math.ceil(steps / _compute_max_steps(experiment))
    steps_per_call = math.ceil(steps / calls)  # calls of equal length, so that the last is not short
    return ExecutionPlan("chunked", jit, precision, steps_per_call, reason)


def _compute_max_steps(experiment: Experiment) -> int:
    """How many batches a call may have."""
    work = (
        3 * summarize_network(experiment).multiply_adds * experiment.batch_size
    )  # backwards costs about twice forwards
    size = math.prod(experiment.data.input_shape) * experiment.batch_size
    return max(1, min(MAX_STEPS, int(_MAX_CHUNK_MULTIPLY_ADDS / max(work, 1)), _MAX_CHUNK_BYTES // size))


def _choose_jit(experiment: Experiment, *, gpu: bool) -> tuple[bool, str]:
    """Whether XLA compiles the steps, and why."""
    if experiment.jit != "auto":
        return experiment.jit, f"jit: {str(experiment.jit).lower()}"
    if experiment.engine == "keras":
        return False, "no XLA, Keras's own choice on a CPU and wherever operations are deterministic"
    for layer in experiment.model.stack:
        if isinstance(layer, GeometricAugmentation):
            return False, f"no XLA, which cannot run {layer.type}"
    if gpu:
        return True, "XLA, on a GPU"
    for layer in experiment.model.stack:
        if isinstance(layer, _SLOW_WITH_XLA):
            return False, f"no XLA, which is slow at {layer.type} on a CPU"
    for stage in compute_stages(experiment.model.stack, experiment.data.input_shape):
        if isinstance(stage.layer, Dense) and stage.input_shape[-1] == 1:  # a product of vectors, not of matrices
            return False, "no XLA, which adds up a Dense layer of one input in another order in the loop"
    return True, "XLA, as nothing in the stack is slow with it"
