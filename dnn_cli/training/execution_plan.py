"""The execution plan of a training: engine, XLA, precision, determinism and chunk length.

The plan depends only on the experiment, the number of training examples, and whether the processor is a GPU. A repeated
run thus has the same plan, and ends with the same weights.
"""

import math
from dataclasses import dataclass
from typing import Literal

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import compute_stages, iter_nested_stages
from dnn_cli.config.network_summary import estimate_network_size

_MAX_CHUNK_MULTIPLY_ADDS = 2e9
"""Maximum number of multiply-adds in one call of the engine, about 0.1 s on one core. Progress is shown and signals
are handled between two calls."""

_MAX_CHUNK_BYTES = 64_000_000
"""Maximum size of the inputs of one call of the engine, in bytes, if each number of an input is a uint8 pixel. Large
inputs are read from a file for each call."""

MAX_STEPS = 250
"""Maximum number of batches in one call of the engine. More batches have no measurable benefit."""


Determinism = Literal["cpu", "xla", "operations", "none"]
"""Reason why equal trainings end with equal weights.

| value | reason |
|---|---|
| `cpu` | the training runs on a CPU |
| `xla` | XLA's programs of all layers are deterministic on a GPU |
| `operations` | TensorFlow uses only deterministic operations, which can take several times as long |
| `none` | there is no reason: equal trainings on a GPU can end with different weights |
"""


@dataclass(frozen=True)
class ExecutionPlan:
    """Engine, XLA, precision, determinism and chunk length of a training."""

    engine: Literal["chunked", "keras"]
    jit: bool
    """Whether XLA compiles the training steps."""

    precision: str
    """Keras's dtype policy, such as `mixed_float16`, for all layers except the last."""

    steps: int
    """Number of batches in one call of the engine."""

    why: str
    """Reason for the choice of engine and XLA."""

    determinism: Determinism = "cpu"
    """Reason why equal trainings end with equal weights."""

    loop: Literal["checked", "counted"] = "checked"
    """Loop over the batches of a call. The `checked` loop ends after a batch whose loss is not finite. The `counted`
    loop has a known number of batches, which is faster on a GPU. If a loss is not finite, the call is repeated with the
    checked loop."""

    lanes: int = 1
    """Number of lanes of the program, which trains as many runs at once; 1 for a run that is trained alone. The bits of
    a run depend on this number."""


def choose_plan(experiment: Experiment, training_examples: int, *, gpu: bool, lanes: int = 1) -> ExecutionPlan:
    """Choose the fastest known plan for a network on a kind of processor. Settings of the experiment take precedence.

    Args:
        experiment: The experiment.
        training_examples: The number of training examples.
        gpu: Whether the processor is a GPU.
        lanes: The number of lanes of the program that trains the experiment.
    """
    determinism: Determinism = "cpu"
    if lanes > 1:
        jit, determinism, reason = _choose_for_lanes(experiment, gpu=gpu)
    elif gpu:
        jit, determinism, reason = _choose_on_gpu(experiment)
    else:
        jit, reason = _choose_jit(experiment, gpu=False)
    precision = ("mixed_float16" if gpu else "mixed_bfloat16") if experiment.mixed_precision else "float32"
    if experiment.engine == "keras":
        return ExecutionPlan("keras", jit, precision, 1, f"engine: keras; {reason}", determinism)
    steps = math.ceil(training_examples / experiment.batch_size)
    calls = math.ceil(steps / _compute_max_steps(experiment))
    # Calls have equal lengths, so that the last one is not much shorter.
    steps_per_call = math.ceil(steps / calls)
    return ExecutionPlan(
        "chunked", jit, precision, steps_per_call, reason, determinism, "counted" if gpu else "checked", lanes
    )


def _compute_max_steps(experiment: Experiment) -> int:
    """Return the maximum number of batches in one call of the engine."""
    # The backward pass costs about twice as much as the forward pass.
    work = 3 * estimate_network_size(experiment).multiply_adds * experiment.batch_size
    size = math.prod(experiment.data.input_shape) * experiment.batch_size
    return max(1, min(MAX_STEPS, int(_MAX_CHUNK_MULTIPLY_ADDS / max(work, 1)), _MAX_CHUNK_BYTES // size))


def _choose_jit(experiment: Experiment, *, gpu: bool) -> tuple[bool, str]:
    """Return whether XLA compiles the steps, and the reason. On a GPU, determinism can still exclude XLA."""
    if experiment.jit != "auto":
        return experiment.jit, f"jit: {str(experiment.jit).lower()}"
    if experiment.engine == "keras":
        return False, "without XLA: the default of Keras on a CPU and for deterministic operations"
    layers = [nested.layer for nested in experiment.model.nested_layers]
    for layer in layers:
        if layer.get_xla_support() == "none":
            return False, f"without XLA: XLA cannot run {layer.type}"
        if layer.get_xla_support() == "unverified":
            return False, f"without XLA: XLA is unverified for {layer.type}"
    if gpu:
        return True, "with XLA: the default on a GPU"
    for layer in layers:
        if layer.get_xla_support() == "slow_on_cpu":
            return False, f"without XLA: XLA is slow for {layer.type} on a CPU"
    for stage in iter_nested_stages(compute_stages(experiment.model.stack, experiment.data.input_shape)):
        if stage.layer.has_other_bits_with_xla(stage.input_shape):
            return False, f"without XLA: XLA sums a {stage.layer.type} layer with one input in another order"
    return True, "with XLA: no layer of the network is slow with XLA"


def _choose_on_gpu(experiment: Experiment) -> tuple[bool, Determinism, str]:
    """Return whether XLA compiles the steps on a GPU, the kind of determinism, and the reason."""
    jit, reason = _choose_jit(experiment, gpu=True)
    if not experiment.deterministic:
        return jit, "none", f"{reason}; deterministic: false"
    if not jit:
        return False, "operations", f"{reason}; with deterministic operations"
    obstacle = find_random_program(experiment)
    if not obstacle:
        return True, "xla", f"{reason}, deterministic for all layers of the network"
    if experiment.jit == "auto":
        return False, "operations", f"without XLA: {obstacle}; with deterministic: false, XLA is used"
    return True, "none", f"{reason}; {obstacle}"


def _choose_for_lanes(experiment: Experiment, *, gpu: bool) -> tuple[bool, Determinism, str]:
    """Return whether XLA compiles the steps of lanes, the kind of determinism, and the reason. Lanes need XLA."""
    determinism: Determinism = "cpu"
    if gpu:
        determinism = "none" if find_random_program(experiment) else "xla"
    return True, determinism, "with XLA: lanes need XLA"


def find_random_program(experiment: Experiment) -> str:
    """Return why XLA's programs of an experiment may be random on a GPU; empty for deterministic programs."""
    layers = [nested.layer for nested in experiment.model.nested_layers]
    for layer in layers:
        if layer.get_xla_determinism() == "random":
            return f"on a GPU, XLA adds the gradients of {layer.type} in a random order"
    for layer in layers:
        if layer.get_xla_determinism() == "unverified":
            return f"equal results of XLA on a GPU are unverified for {layer.type}"
    if experiment.mixed_precision:
        return "equal results of XLA on a GPU are unverified for mixed precision"
    return ""
