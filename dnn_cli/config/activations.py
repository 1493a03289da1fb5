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

ACTIVATION_FORMULAS: dict[str, str] = {
    "celu": "x if x > 0 else exp(x) - 1",
    "elu": "x if x > 0 else exp(x) - 1",
    "exponential": "exp(x)",
    "gelu": "x * (1 + erf(x / sqrt(2))) / 2",
    "glu": "first half of the last axis, times sigmoid of the second half",
    "hard_shrink": "x if abs(x) > 0.5 else 0",
    "hard_sigmoid": "min(max(x / 6 + 0.5, 0), 1)",
    "hard_silu": "x * min(max(x / 6 + 0.5, 0), 1)",
    "hard_swish": "another name of hard_silu",
    "hard_tanh": "min(max(x, -1), 1)",
    "leaky_relu": "x if x > 0 else 0.2 * x",
    "linear": "x",
    "log_sigmoid": "-log(1 + exp(-x))",
    "log_softmax": "logarithm of softmax",
    "mish": "x * tanh(log(1 + exp(x)))",
    "relu": "max(x, 0)",
    "relu6": "min(max(x, 0), 6)",
    "selu": "1.0507 * (x if x > 0 else 1.6733 * (exp(x) - 1))",
    "sigmoid": "1 / (1 + exp(-x))",
    "silu": "x / (1 + exp(-x))",
    "soft_shrink": "x - min(max(x, -0.5), 0.5)",
    "softmax": "exp(x), divided by the sum of exp over the last axis",
    "softplus": "log(1 + exp(x))",
    "softsign": "x / (1 + abs(x))",
    "sparse_plus": "x if x > 1 else max(x + 1, 0) ** 2 / 4",
    "sparse_sigmoid": "min(max((x + 1) / 2, 0), 1)",
    "sparsemax": "nearest point with the sum 1 and without negative numbers, over the last axis",
    "squareplus": "(x + sqrt(x ** 2 + 4)) / 2",
    "swish": "another name of silu",
    "tanh": "tanh(x)",
    "tanh_shrink": "x - tanh(x)",
}
"""Output of each activation for an input x, as a Python expression with functions of `math`, or as a text."""


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
