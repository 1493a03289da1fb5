"""Inputs far from unit scale: numbers of thousands make the first steps of a training thousands of times too large."""

from dataclasses import dataclass

import numpy as np

from dnn_cli.runs.inputs import Inputs
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.layers import Flatten, Normalization, Rescaling, Reshape

LARGE = 20.0
"""The root mean square from which an input is far from 1. Centimetres of flowers have 6 and train well; ages 40."""

SMALL = 0.01
"""The root mean square below which all inputs are far from 1; the ready-made columns of `diabetes` have 0.05."""


@dataclass(frozen=True)
class FarInput:
    """The input that is farthest from unit scale."""

    name: str
    low: float
    high: float
    size: float
    """Its root mean square as the network gets it."""

    others: int
    """How many other inputs are far from unit scale, too."""

    inputs: int

    @property
    def seen(self) -> str:
        """The fact in words."""
        far = f"all {self.inputs}" if self.others + 1 == self.inputs else f"{self.others + 1} of {self.inputs}"
        many = f" ({far} inputs are far from 1)" if self.others else ""
        return f"{self.name} goes from {amount(self.low)} to {amount(self.high)}{many}"


def amount(value: float) -> str:
    """Return a number with four digits, a large one whole."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def far_input(experiment: Experiment, inputs: Inputs) -> FarInput | None:
    """Return the input farthest from unit scale; `None` where all are near it or the network scales them itself."""
    first = next((x for x in experiment.model.stack if not isinstance(x, Flatten | Reshape)), None)
    if isinstance(first, Normalization | Rescaling):
        return None
    scale = np.broadcast_to(inputs.scale, (inputs.size,)).astype(np.float64)
    mean = 0.0 if inputs.mean is None else inputs.mean.astype(np.float64)
    sizes = np.hypot((inputs.average - mean) / scale, inputs.deviation / scale)
    worst = int(np.argmax(sizes))
    if SMALL <= sizes[worst] < LARGE or not sizes[worst]:
        return None
    far = sizes >= LARGE if sizes[worst] >= LARGE else sizes < SMALL
    low, high = float(inputs.minimum[worst]), float(inputs.maximum[worst])
    if inputs.facts.features:
        name = inputs.facts.features[worst]
    elif len(inputs.facts.input_shape) > 1:
        name, low, high = "a pixel", float(inputs.minimum.min()), float(inputs.maximum.max())
    else:
        name = f"input {worst + 1}"
    return FarInput(name, low, high, float(sizes[worst]), int(far.sum()) - 1, inputs.size)
