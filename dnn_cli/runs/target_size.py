"""Numbers to predict that are far from 0, where the outputs of a network begin: the first errors and steps are huge."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.first_config import rescaling

FAR = 1000.0
"""The sum of mean and standard deviation from which a network takes many epochs to reach the numbers."""


class FarTargets(NamedTuple):
    """The size of numbers to predict."""

    mean: float
    deviation: float

    @property
    def seen(self) -> str:
        """The fact in words."""
        return f"the numbers to predict are {self.mean:.3g} on average, and outputs begin near 0"

    @property
    def remedy(self) -> str:
        """The change of the config, in words."""
        return f"end the stack with {rescaling(self.mean, self.deviation)}"


def far_targets(experiment: Experiment, labels: NDArray[Any] | None) -> FarTargets | None:
    """Return the size of numbers to predict that are far from 0; `None` for others, and where a layer rescales.

    Args:
        experiment: The config.
        labels: Numbers to predict, float32 of (n, targets); `None` in runs of older versions.
    """
    last = experiment.model.stack[-1]
    if experiment.labels != "real" or last.type == "Rescaling" or labels is None or not labels.size:
        return None
    found = FarTargets(float(np.mean(labels)), float(np.std(labels)))
    return found if abs(found.mean) + found.deviation >= FAR else None
