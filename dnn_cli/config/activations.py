"""Activations of layers: their names, the ranges of their outputs, and where their gradients are small."""

import math
from typing import Literal, NamedTuple

ActivationName = Literal[
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink",
]  # fmt: skip
"""Names of Keras's activations. `threshold` is left out, because Keras cannot call it by its name alone."""


class OutputRange(NamedTuple):
    """Lower and upper limit of the outputs of an activation."""

    low: float
    high: float


SATURATION_RANGES = {
    "sigmoid": OutputRange(0.0, 1.0),
    "hard_sigmoid": OutputRange(0.0, 1.0),
    "sparse_sigmoid": OutputRange(0.0, 1.0),
    "tanh": OutputRange(-1.0, 1.0),
    "hard_tanh": OutputRange(-1.0, 1.0),
    "softsign": OutputRange(-1.0, 1.0),
}
"""Ranges of saturating activations. Near both limits, the gradient is small."""

BOUNDED_RANGES = {
    **SATURATION_RANGES,
    "softmax": OutputRange(0.0, 1.0),
    "sparsemax": OutputRange(0.0, 1.0),
    "log_softmax": OutputRange(-math.inf, 0.0),
    "log_sigmoid": OutputRange(-math.inf, 0.0),
    "relu6": OutputRange(0.0, 6.0),
}
"""Ranges of activations whose outputs cannot exceed an upper limit."""

NEVER_NEGATIVE_ACTIVATIONS = ("relu", "relu6", "softplus", "exponential")
"""Activations without negative outputs and without an upper limit, except relu6."""

RELU_ACTIVATIONS = ("relu", "relu6")
"""Activations whose gradient is 0 where their output is 0. A unit is dead if its output is 0 for every example."""
