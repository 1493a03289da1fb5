"""Base class of layers with a kernel."""

from typing import ClassVar

from dnn_cli.config.activations import ActivationName
from dnn_cli.config.base import Shape
from dnn_cli.config.layer_base import BaseLayer, WeightSpec
from dnn_cli.config.weight_configs import (
    ActivityRegularizer,
    Constraint,
    GlorotUniform,
    Initializer,
    Regularizer,
    Zeros,
)


class KernelLayer(BaseLayer):
    """Layer that multiplies by a kernel, optionally adds a bias, and applies an activation."""

    is_linear: ClassVar[bool] = True
    has_kernel: ClassVar[bool] = True
    activation: ActivationName | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: ActivityRegularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def build_kernel_and_bias(self, kernel: Shape) -> tuple[WeightSpec, ...]:
        bias = (WeightSpec("bias", kernel[-1:]),) if self.use_bias else ()
        return (WeightSpec("kernel", kernel), *bias)
