"""Result of an evaluation: scores and outputs of a model on examples, with the targets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.target_scaling import TargetScaling


@dataclass(frozen=True)
class EvaluationResult:
    """Scores and outputs of a model on examples, with the targets."""

    scores: Scores
    """Loss and metrics by name."""

    outputs: NDArray[np.float32]
    """Outputs of the model, of shape (n, units)."""

    targets: NDArray[Any]
    """Targets of the examples: class numbers of shape (n,), or the numbers of a regression, float32 of shape
    (n, targets)."""

    weights: NDArray[Any] | None = None
    """Weight of each example (`data.weight`), of shape (n,); `None` for equal weights."""

    target_scaling: TargetScaling | None = None
    """Scaling of the targets, with which the loss is computed; `None` without `data.standardize_target`."""

    digest: str | None = None
    """Digest of the inputs and targets, if the examples are a test set; else `None`."""

    def __len__(self) -> int:
        return len(self.targets)
