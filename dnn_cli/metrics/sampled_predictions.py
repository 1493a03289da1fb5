"""Predictions from several random samples of the outputs: mean and standard deviation for each input."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class DropoutSampling(NamedTuple):
    """Number of samples for each input, and the seed of their masks."""

    samples: int
    seed: int


@dataclass(frozen=True)
class SampledPredictions:
    """Mean and standard deviation over samples: of the probabilities of classes, or of the outputs of a regression."""

    means: NDArray[np.float64]
    """Mean over the samples, of shape (n, classes) or, for a regression, (n, targets)."""

    deviations: NDArray[np.float64]
    """Standard deviation over the samples with n - 1 in the denominator, of the same shape."""

    sampling: DropoutSampling
