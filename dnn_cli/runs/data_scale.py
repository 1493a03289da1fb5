"""Detection of badly scaled data in a run: inputs far from unit scale, and numeric targets far from 0.

Inputs have unit scale if their root mean square is near 1. Inputs with values in the thousands make the first steps of
a training thousands of times too large. A network takes many epochs to reach targets in the thousands.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.runs.input_profile import InputProfile

_MAX_INPUT_SCALE = 20.0
"""An input is far from unit scale if its root mean square is at least this number.

Iris petals and sepals in cm have a root mean square of 6 and train well; ages in years have 40."""

_MIN_INPUT_SCALE = 0.01
"""Inputs are far from unit scale if each of them has a root mean square of less than this number.

The scaled columns of scikit-learn's `diabetes` data have 0.05."""


@dataclass(frozen=True)
class _UnscaledInput:
    """The input that is farthest from unit scale: its name, its range, and the number of inputs with this problem."""

    name: str
    low: float
    high: float
    root_mean_square: float
    """Root mean square of the input as the network receives it."""

    other_count: int
    """Number of other inputs that are far from unit scale."""

    input_count: int

    @property
    def observation(self) -> str:
        """Sentence about the range of the input and the number of inputs far from unit scale."""
        count_text = (
            f"all {self.input_count}"
            if self.other_count + 1 == self.input_count
            else f"{self.other_count + 1} of {self.input_count}"
        )
        addition = f" ({count_text} inputs have a scale far from 1)" if self.other_count else ""
        return f"{self.name} ranges from {_format_four_digits(self.low)} to {_format_four_digits(self.high)}{addition}"


def _format_four_digits(value: float) -> str:
    """Format a number with four significant digits, but numbers from 1,000 to 1e9 as whole numbers."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def find_unscaled_input(experiment: Experiment, profile: InputProfile) -> _UnscaledInput | None:
    """Return the input that is farthest from unit scale; `None` if all inputs are near unit scale.

    The result is also `None` if the first layer of the network scales the inputs, or if all inputs are 0.

    Args:
        experiment: The experiment of the run.
        profile: The input profile of the run.
    """
    if scales_inputs_first(experiment):
        return None
    scale = np.broadcast_to(profile.scale, (profile.input_size,)).astype(np.float64)
    mean = 0.0 if profile.mean is None else profile.mean.astype(np.float64)
    sizes = np.hypot((profile.average - mean) / scale, profile.deviation / scale)
    worst = int(np.argmax(sizes))
    if _MIN_INPUT_SCALE <= sizes[worst] < _MAX_INPUT_SCALE or not sizes[worst]:
        return None
    is_far = sizes >= _MAX_INPUT_SCALE if sizes[worst] >= _MAX_INPUT_SCALE else sizes < _MIN_INPUT_SCALE
    low, high = float(profile.minimum[worst]), float(profile.maximum[worst])
    if profile.dataset_info.features:
        name = profile.dataset_info.features[worst]
    elif len(profile.dataset_info.input_shape) > 1:
        name, low, high = "a pixel", float(profile.minimum.min()), float(profile.maximum.max())
    else:
        name = f"input {worst + 1}"
    return _UnscaledInput(name, low, high, float(sizes[worst]), int(is_far.sum()) - 1, profile.input_size)


def scales_inputs_first(experiment: Experiment) -> bool:
    """Return whether the first layer of the network scales the inputs, or takes whole numbers, which need no scale.

    Layers that only reshape do not count.
    """
    first = next((layer for layer in experiment.model.stack if not layer.only_reshapes), None)
    return experiment.integer_layer is not None or (first is not None and first.input_scaling is not None)


_MAX_TARGET_SCALE = 1000.0
"""Targets are far from 0 if the sum of their absolute mean and their standard deviation is at least this number.

A network takes many epochs to reach such targets, because its first outputs are near 0."""


class _UnscaledTargets(NamedTuple):
    """Mean and standard deviation of numeric targets that are far from 0."""

    mean: float
    deviation: float
    has_relative_loss: bool
    """Whether the loss excludes standardized targets."""

    @property
    def observation(self) -> str:
        """Sentence about the mean of the targets."""
        return f"the mean of the targets is {self.mean:.3g}, but the first outputs of a network are near 0"

    @property
    def override(self) -> str:
        """Override that standardizes the targets; empty if the loss excludes standardized targets."""
        return "" if self.has_relative_loss else "data.standardize_target=true"

    @property
    def suggestion(self) -> str:
        """Suggestion to standardize the targets, or to end the network with a layer that scales its outputs."""
        layer = f"{{type: Rescaling, scale: {_round(self.deviation) or 1.0}, offset: {_round(self.mean)}}}"
        return self.override or f"end the stack with {layer}"


def _round(number: float) -> float:
    """Return a number with two significant digits."""
    return float(f"{number:.2g}")


def find_unscaled_targets(experiment: Experiment, targets: NDArray[Any] | None) -> _UnscaledTargets | None:
    """Return mean and standard deviation of numeric targets that are far from 0; `None` if they are near 0.

    The result is also `None` for classes as targets, for standardized targets, and if the last layer of the network
    scales by fixed numbers.

    Args:
        experiment: The experiment of the run.
        targets: The numbers to predict, float32 of shape (n, targets); `None` in runs of older versions.
    """
    last = experiment.model.stack[-1]
    if experiment.target_encoding != "real" or last.input_scaling == "fixed" or targets is None or not targets.size:
        return None
    if experiment.data.standardize_target:
        return None
    scale = _UnscaledTargets(float(np.mean(targets)), float(np.std(targets)), experiment.loss.is_relative)
    return scale if abs(scale.mean) + scale.deviation >= _MAX_TARGET_SCALE else None
