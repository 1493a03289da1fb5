"""How long trainings will take: as runs of the same network took, or else as much as networks of their size do."""

import math
from collections.abc import Sequence
from statistics import median

from dnn_cli.execute.plan import Planned
from dnn_cli.runs.entry import Entry
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.layers import Conv2D
from dnn_cli.spec.summary import summarize
from dnn_cli.training.programs import network_key

START = 5.0
"""Seconds until TensorFlow is there."""

ONCE, EACH = 0.8, 0.3
"""Seconds to compile a network, and to begin and save a training of it."""

SPEED = 2e10
"""Multiply-adds a second on one core; measured on small networks, whose arithmetic is not all."""

STEP = 6e-5
"""Seconds that go into a batch of any size."""


def seconds_of(experiment: Experiment, known: dict[str, float]) -> float:
    """How long an experiment will train, given the seconds an epoch that networks have taken."""
    epoch = known.get(network_key(experiment))
    return EACH + experiment.epochs * (rough_epoch(experiment) if epoch is None else epoch)


def rough_epoch(experiment: Experiment) -> float:
    """Seconds of an epoch, by the size of the network alone."""
    examples, work = experiment.data.training_examples, summarize(experiment).multiply_adds
    slow = 2 if any(isinstance(layer, Conv2D) for layer in experiment.model.stack) else 1
    return 3.3 * slow * work * examples / SPEED + STEP * math.ceil(examples / experiment.batch_size)


def known_epochs(entries: Sequence[Entry], wanted: Sequence[Planned]) -> dict[str, float]:
    """By their networks, the seconds an epoch that runs of wanted experiments, or alike, have taken."""
    networks = {planned.key: network_key(planned.loaded.experiment) for planned in wanted}
    taken: dict[str, list[float]] = {}
    for entry in entries:
        record = entry.record
        if record is not None and record.status == "completed" and record.experiment in networks and record.epochs:
            taken.setdefault(networks[record.experiment], []).append((record.seconds or 0) / record.epochs)
    return {network: median(seconds) for network, seconds in taken.items()}


def total_seconds(wanted: Sequence[Planned], workers: int, known: dict[str, float]) -> float:
    """How long so many workers will take for all."""
    if not wanted:
        return 0.0
    each = [seconds_of(planned.loaded.experiment, known) for planned in wanted]
    networks = len({network_key(planned.loaded.experiment) for planned in wanted})
    return START + max(max(each), (sum(each) + ONCE * networks) / workers)
