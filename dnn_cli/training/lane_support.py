"""Conditions under which one program can train several runs at once, each in a lane of its own."""

import math

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.network_summary import estimate_network_size, summarize_network
from dnn_cli.training.execution_plan import find_random_program

_MAX_CPU_WORK = 3e8
"""Maximum number of multiply-adds of an epoch for which lanes are faster than single runs on a CPU.

On two cores, an epoch of `relu_adam` on digits (2e8) takes a fifth of the time in 16 lanes. With 1,000 and 100 units
(7e8), lanes take 1.4 times as long.
"""

_BYTES_PER_NUMBER = 4
_COPIES = 3
"""Values that a step needs for each weight and each value of the optimizer: before the step, after the step, and the
gradient or an intermediate result."""


def find_lane_obstacle(experiment: Experiment, *, gpu: bool) -> str:
    """Return why runs of an experiment cannot be trained in lanes; empty without an obstacle.

    Args:
        experiment: The experiment.
        gpu: Whether the processor is a GPU.
    """
    if experiment.engine == "keras":
        return "engine: keras trains each run by itself"
    if experiment.jit is False:
        return "lanes need XLA, and jit is false"
    for layer in experiment.model.stack:
        if not layer.supports_lanes:
            return f"{layer.type} layers cannot be trained in lanes"
    if experiment.optimizer.lane_obstacle is not None:
        return f"{experiment.optimizer.type} cannot be trained in lanes: {experiment.optimizer.lane_obstacle}"
    for callback in experiment.callbacks:
        if callback.lane_obstacle is not None:
            return f"{callback.key} cannot be used in lanes: {callback.lane_obstacle}"
    if gpu and experiment.deterministic and (obstacle := find_random_program(experiment)):
        return f"lanes need XLA, and {obstacle}; deterministic: false allows them"
    return ""


def is_faster_in_lanes(experiment: Experiment, *, gpu: bool) -> bool:
    """Return whether lanes train an experiment faster than single runs do."""
    if gpu:
        return True
    if any(layer.get_xla_support() != "fast" for layer in experiment.model.stack):
        return False
    work = 3 * estimate_network_size(experiment).multiply_adds * experiment.data.training_examples
    return work <= _MAX_CPU_WORK


def estimate_lane_bytes(experiment: Experiment) -> int:
    """Return the estimated memory of one lane, in bytes: its variables, and the outputs of the layers for a batch."""
    rows = summarize_network(experiment).layers
    outputs = experiment.batch_size * sum(math.prod(row.output_shape) for row in rows)
    size = estimate_network_size(experiment)
    return _COPIES * (_BYTES_PER_NUMBER * (size.parameters + outputs) + size.optimizer_bytes)
