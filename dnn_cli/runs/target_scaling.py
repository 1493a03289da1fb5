"""Scaling of the targets of a regression, which `data.standardize_target` requests."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TargetScaling:
    """Mean and standard deviation of the training targets, with which a network is trained on standardized targets."""

    mean: NDArray[np.float32]
    """Mean of each target, of shape (targets,)."""

    scale: NDArray[np.float32]
    """Standard deviation of each target, of shape (targets,); 1 for a target with a single value."""

    def standardize(self, numbers: NDArray[Any]) -> NDArray[np.float64]:
        """Return targets or outputs of shape (n, targets) on the scale of the loss: (number - mean) / scale."""
        return np.asarray((numbers.astype(np.float64) - self.mean) / self.scale)
