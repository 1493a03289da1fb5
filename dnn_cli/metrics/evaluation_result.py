"""Result of an evaluation: scores and outputs of a model on examples, with the targets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.runs.record import Scores


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

    digest: str | None = None
    """Digest of the inputs and targets, if the examples are a test set; else `None`."""

    def __len__(self) -> int:
        return len(self.targets)
