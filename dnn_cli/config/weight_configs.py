"""The activations, initializers, regularizers and constraints of Keras that layers use."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dnn_cli.config.base import BareName, ByType, Finite, Fraction, KerasConfig, NotNegative, Positive, Seed, Shape

ActivationName = Literal[
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink",
]  # fmt: skip
"""Keras's activations, less `threshold`, which it cannot call by its name alone."""

_WeightAxis = Annotated[int, Field(ge=0, le=8)]


class WeightConfig(KerasConfig):
    """A part that acts on one weight of a layer, and may not fit every shape of weight."""

    def describe_shape_error(self, shape: Shape) -> str:
        """Why this part cannot act on a weight of this shape; empty where it can."""
        return ""


class MatrixConfig(WeightConfig):
    """A part that acts on a weight of exactly two axes."""

    def describe_shape_error(self, shape: Shape) -> str:
        return "" if len(shape) == 2 else f"needs a weight of two axes, this one is {shape}"


class AxisConstraint(WeightConfig):
    """A constraint on norms taken along one axis of a weight."""

    axis: _WeightAxis = 0

    def describe_shape_error(self, shape: Shape) -> str:
        return "" if self.axis < len(shape) else f"has axis {self.axis}, but the weight is {shape}"


class RandomInitializer(WeightConfig):
    """An initializer that draws random numbers; without a seed the experiment's own decides."""

    seed: Seed | None = None


class GlorotUniform(RandomInitializer):
    """Uniform in ±√(6 / (inputs + outputs)); Glorot and Bengio 2010."""

    keras_name: ClassVar[str] = "initializers.GlorotUniform"
    type: Literal["glorot_uniform"] = "glorot_uniform"


class GlorotNormal(RandomInitializer):
    """Truncated normal of variance 2 / (inputs + outputs); Glorot and Bengio 2010."""

    keras_name: ClassVar[str] = "initializers.GlorotNormal"
    type: Literal["glorot_normal"] = "glorot_normal"


class HeUniform(RandomInitializer):
    """Uniform in ±√(6 / inputs), made for relu; He et al. 2015."""

    keras_name: ClassVar[str] = "initializers.HeUniform"
    type: Literal["he_uniform"] = "he_uniform"


class HeNormal(RandomInitializer):
    """Truncated normal of variance 2 / inputs, made for relu; He et al. 2015."""

    keras_name: ClassVar[str] = "initializers.HeNormal"
    type: Literal["he_normal"] = "he_normal"


class LecunUniform(RandomInitializer):
    """Uniform in ±√(3 / inputs), made for selu; LeCun et al. 1998."""

    keras_name: ClassVar[str] = "initializers.LecunUniform"
    type: Literal["lecun_uniform"] = "lecun_uniform"


class LecunNormal(RandomInitializer):
    """Truncated normal of variance 1 / inputs, made for selu; LeCun et al. 1998."""

    keras_name: ClassVar[str] = "initializers.LecunNormal"
    type: Literal["lecun_normal"] = "lecun_normal"


class VarianceScaling(RandomInitializer):
    """The family the Glorot, He and LeCun initializers belong to."""

    keras_name: ClassVar[str] = "initializers.VarianceScaling"
    type: Literal["variance_scaling"] = "variance_scaling"
    scale: Positive = 1.0
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    distribution: Literal["truncated_normal", "untruncated_normal", "uniform"] = "truncated_normal"


class RandomNormal(RandomInitializer):
    """A normal distribution."""

    keras_name: ClassVar[str] = "initializers.RandomNormal"
    type: Literal["random_normal"] = "random_normal"
    mean: Finite = 0.0
    stddev: NotNegative = 0.05


class TruncatedNormal(RandomInitializer):
    """A normal distribution cut at two standard deviations."""

    keras_name: ClassVar[str] = "initializers.TruncatedNormal"
    type: Literal["truncated_normal"] = "truncated_normal"
    mean: Finite = 0.0
    stddev: NotNegative = 0.05


class RandomUniform(RandomInitializer):
    """A uniform distribution."""

    keras_name: ClassVar[str] = "initializers.RandomUniform"
    type: Literal["random_uniform"] = "random_uniform"
    minval: Finite = -0.05
    maxval: Finite = 0.05


class Orthogonal(RandomInitializer):
    """A random orthogonal matrix; needs a weight of two or more axes. Saxe et al. 2014."""

    keras_name: ClassVar[str] = "initializers.Orthogonal"
    type: Literal["orthogonal"] = "orthogonal"
    gain: Finite = 1.0

    def describe_shape_error(self, shape: Shape) -> str:
        return "" if len(shape) >= 2 else f"needs a weight of two or more axes, this one is {shape}"


class Zeros(WeightConfig):
    """All zeros."""

    keras_name: ClassVar[str] = "initializers.Zeros"
    type: Literal["zeros"] = "zeros"


class Ones(WeightConfig):
    """All ones."""

    keras_name: ClassVar[str] = "initializers.Ones"
    type: Literal["ones"] = "ones"


class Constant(WeightConfig):
    """One value everywhere."""

    keras_name: ClassVar[str] = "initializers.Constant"
    type: Literal["constant"] = "constant"
    value: Finite = 0.0


class Identity(MatrixConfig):
    """The identity matrix; needs a weight of exactly two axes."""

    keras_name: ClassVar[str] = "initializers.Identity"
    type: Literal["identity"] = "identity"
    gain: Finite = 1.0


Initializer = Annotated[
    GlorotUniform | GlorotNormal | HeUniform | HeNormal | LecunUniform | LecunNormal | VarianceScaling
    | RandomNormal | TruncatedNormal | RandomUniform | Orthogonal | Zeros | Ones | Constant | Identity,
    ByType,
    BareName,
]  # fmt: skip


class L1(WeightConfig):
    """A penalty of l1 × Σ|w|."""

    keras_name: ClassVar[str] = "regularizers.L1"
    type: Literal["l1"] = "l1"
    l1: NotNegative = 0.01


class L2(WeightConfig):
    """A penalty of l2 × Σw²."""

    keras_name: ClassVar[str] = "regularizers.L2"
    type: Literal["l2"] = "l2"
    l2: NotNegative = 0.01


class L1L2(WeightConfig):
    """Both penalties."""

    keras_name: ClassVar[str] = "regularizers.L1L2"
    type: Literal["l1_l2"] = "l1_l2"
    l1: NotNegative = 0.0
    l2: NotNegative = 0.0


class OrthogonalRegularizer(MatrixConfig):
    """A penalty on rows or columns that are not orthogonal; needs a weight of two axes."""

    keras_name: ClassVar[str] = "regularizers.OrthogonalRegularizer"
    type: Literal["orthogonal_regularizer"] = "orthogonal_regularizer"
    factor: NotNegative = 0.01
    mode: Literal["rows", "columns"] = "rows"


ActivityRegularizer = Annotated[L1 | L2 | L1L2, ByType, BareName]
"""What can penalise a layer's outputs, which are no matrix."""

Regularizer = Annotated[L1 | L2 | L1L2 | OrthogonalRegularizer, ByType, BareName]


class MaxNorm(AxisConstraint):
    """Keeps the norm of every unit's weights at or below a value."""

    keras_name: ClassVar[str] = "constraints.MaxNorm"
    type: Literal["max_norm"] = "max_norm"
    max_value: Positive = 2.0


class MinMaxNorm(AxisConstraint):
    """Keeps the norm of every unit's weights between two values."""

    keras_name: ClassVar[str] = "constraints.MinMaxNorm"
    type: Literal["min_max_norm"] = "min_max_norm"
    min_value: NotNegative = 0.0
    max_value: Positive = 1.0
    rate: Fraction = 1.0


class NonNeg(WeightConfig):
    """Keeps weights at or above zero."""

    keras_name: ClassVar[str] = "constraints.NonNeg"
    type: Literal["non_neg"] = "non_neg"


class UnitNorm(AxisConstraint):
    """Keeps the norm of every unit's weights at one."""

    keras_name: ClassVar[str] = "constraints.UnitNorm"
    type: Literal["unit_norm"] = "unit_norm"


Constraint = Annotated[MaxNorm | MinMaxNorm | NonNeg | UnitNorm, ByType, BareName]
