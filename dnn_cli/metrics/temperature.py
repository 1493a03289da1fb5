"""Temperature scaling (Guo et al., ICML 2017): one number that calibrates the probabilities of classes."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UsageError

_FloatArray = NDArray[np.float64]

_MIN_TEMPERATURE, _MAX_TEMPERATURE = 0.02, 50.0
"""Range in which a temperature is searched. The best temperature of useful networks is within a factor of ten of 1."""

_MIN_PROBABILITY = 1e-37
"""Smallest probability whose logarithm is computed; smaller float32 numbers lose digits."""


def apply_temperature(outputs: NDArray[Any], temperature: float, *, logits: bool) -> NDArray[np.float32]:
    """Return outputs as of a network whose logits are divided by a temperature, float32 of the same shape.

    The predicted classes stay the same. Outputs that are probabilities are probabilities again.

    Args:
        outputs: The outputs, float of shape (n, classes) or (n, 1).
        temperature: The temperature; above 1, probabilities become less extreme.
        logits: Whether outputs are logits.
    """
    values = outputs.astype(np.float64)
    if logits:
        return (values / temperature).astype(np.float32)
    if outputs.shape[1] == 1:
        scaled = _compute_logits(values) / temperature
        small = np.exp(-np.abs(scaled))
        return np.asarray(np.where(scaled >= 0, 1, small) / (1 + small), np.float32)
    scaled = np.log(np.maximum(values, _MIN_PROBABILITY)) / temperature
    exponentials = np.exp(scaled - scaled.max(1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(1, keepdims=True), np.float32)


def _compute_logits(shares: _FloatArray) -> _FloatArray:
    """Return log(p / (1 - p)) of probabilities, finite for 0 and 1."""
    return np.asarray(np.log(np.maximum(shares, _MIN_PROBABILITY)) - np.log(np.maximum(1 - shares, _MIN_PROBABILITY)))


def fit_temperature(outputs: NDArray[Any], targets: NDArray[Any], *, logits: bool) -> float:
    """Return the temperature with the smallest log loss.

    Args:
        outputs: The outputs on examples that did not train the network, float of shape (n, classes) or (n, 1).
        targets: The true class of each example, integers of shape (n,).
        logits: Whether outputs are logits.

    Raises:
        UsageError: no temperature has the smallest log loss. All predictions are right, or chance is as good.
    """
    from scipy.optimize import minimize_scalar

    values, classes = outputs.astype(np.float64), targets.astype(np.int64)
    if outputs.shape[1] == 1:
        column = (values if logits else _compute_logits(values))[:, 0]
        scores = np.stack([np.zeros(len(column)), column], axis=1)
    else:
        scores = values if logits else np.log(np.maximum(values, _MIN_PROBABILITY))
    margins = scores - np.take_along_axis(scores, classes[:, None], 1)

    def compute_log_loss(log_temperature: float) -> float:
        scaled = margins / math.exp(log_temperature)
        largest = scaled.max(1, keepdims=True)
        return float((largest[:, 0] + np.log(np.exp(scaled - largest).sum(1))).mean())

    ends = math.log(_MIN_TEMPERATURE), math.log(_MAX_TEMPERATURE)
    best = minimize_scalar(compute_log_loss, bounds=ends, method="bounded", options={"xatol": 1e-9})
    # Both reasons make the loss flat, so that the search ends anywhere.
    is_perfect = bool((margins <= 0).all())
    if is_perfect or best.fun > math.log(scores.shape[1]) - 1e-9 or abs(best.x - ends[1]) < 1e-3:
        reason = "all predictions are right" if is_perfect else "chance is as good as the predictions"
        raise UsageError(
            f"no temperature fits the {len(classes):,} validation examples: {reason}",
            "omit --temperature, or train with more validation examples",
        )
    return math.exp(best.x)


def convert_threshold(threshold: float, temperature: float | None) -> float:
    """Return the threshold of the probability of the second of two classes after a temperature.

    Args:
        threshold: The threshold before the temperature, above 0 and below 1.
        temperature: The temperature; `None` for probabilities without a temperature.
    """
    if temperature is None:
        return threshold
    return float(apply_temperature(np.array([[threshold]]), temperature, logits=False)[0, 0])
