"""Initializers, regularizers and constraints of Keras that layers use."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dnn_cli.config.base import BareName, ByType, Finite, Fraction, KerasConfig, NotNegative, Positive, Seed, Shape

_WeightAxis = Annotated[int, Field(ge=0, le=8)]


class WeightConfig(KerasConfig):
    """Initializer, regularizer or constraint of one weight of a layer. Some refuse weights of certain shapes."""

    def describe_shape_error(self, shape: Shape) -> str:
        """Return the reason why a weight of this shape cannot have this initializer, regularizer or constraint.

        The text is empty if the weight can have it.
        """
        return ""


class MatrixConfig(WeightConfig):
    """Initializer, regularizer or constraint of a weight of exactly two axes."""

    def describe_shape_error(self, shape: Shape) -> str:
        return "" if len(shape) == 2 else f"needs a weight of two axes, not of shape {shape}"


class AxisConstraint(WeightConfig):
    """Constraint on the norms along one axis of a weight."""

    axis: _WeightAxis = 0

    def describe_shape_error(self, shape: Shape) -> str:
        return "" if self.axis < len(shape) else f"has axis {self.axis}, but the shape of the weight is {shape}"


class RandomInitializer(WeightConfig):
    """Initializer that draws random numbers. Without a seed of its own, it uses the seed of the experiment."""

    seed: Seed | None = None


class GlorotUniform(RandomInitializer):
    """Uniform distribution in ±√(6 / (inputs + outputs)); Glorot and Bengio 2010."""

    keras_name: ClassVar[str] = "initializers.GlorotUniform"
    type: Literal["glorot_uniform"] = "glorot_uniform"


class GlorotNormal(RandomInitializer):
    """Truncated normal distribution of variance 2 / (inputs + outputs); Glorot and Bengio 2010."""

    keras_name: ClassVar[str] = "initializers.GlorotNormal"
    type: Literal["glorot_normal"] = "glorot_normal"


class HeUniform(RandomInitializer):
    """Uniform distribution in ±√(6 / inputs), for relu; He et al. 2015."""

    keras_name: ClassVar[str] = "initializers.HeUniform"
    type: Literal["he_uniform"] = "he_uniform"


class HeNormal(RandomInitializer):
    """Truncated normal distribution of variance 2 / inputs, for relu; He et al. 2015."""

    keras_name: ClassVar[str] = "initializers.HeNormal"
    type: Literal["he_normal"] = "he_normal"


class LecunUniform(RandomInitializer):
    """Uniform distribution in ±√(3 / inputs), for selu; LeCun et al. 1998."""

    keras_name: ClassVar[str] = "initializers.LecunUniform"
    type: Literal["lecun_uniform"] = "lecun_uniform"


class LecunNormal(RandomInitializer):
    """Truncated normal distribution of variance 1 / inputs, for selu; LeCun et al. 1998."""

    keras_name: ClassVar[str] = "initializers.LecunNormal"
    type: Literal["lecun_normal"] = "lecun_normal"


class VarianceScaling(RandomInitializer):
    """Initializer of a chosen variance and distribution: Glorot, He and LeCun are special cases."""

    keras_name: ClassVar[str] = "initializers.VarianceScaling"
    type: Literal["variance_scaling"] = "variance_scaling"
    scale: Positive = 1.0
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    distribution: Literal["truncated_normal", "untruncated_normal", "uniform"] = "truncated_normal"


class RandomNormal(RandomInitializer):
    """Normal distribution with mean `mean` and standard deviation `stddev`."""

    keras_name: ClassVar[str] = "initializers.RandomNormal"
    type: Literal["random_normal"] = "random_normal"
    mean: Finite = 0.0
    stddev: NotNegative = 0.05


class TruncatedNormal(RandomInitializer):
    """Normal distribution that is cut at two standard deviations."""

    keras_name: ClassVar[str] = "initializers.TruncatedNormal"
    type: Literal["truncated_normal"] = "truncated_normal"
    mean: Finite = 0.0
    stddev: NotNegative = 0.05


class RandomUniform(RandomInitializer):
    """Uniform distribution between `minval` and `maxval`."""

    keras_name: ClassVar[str] = "initializers.RandomUniform"
    type: Literal["random_uniform"] = "random_uniform"
    minval: Finite = -0.05
    maxval: Finite = 0.05


class Orthogonal(RandomInitializer):
    """Random orthogonal matrix, for a weight of two or more axes; Saxe et al. 2014."""

    keras_name: ClassVar[str] = "initializers.Orthogonal"
    type: Literal["orthogonal"] = "orthogonal"
    gain: Finite = 1.0

    def describe_shape_error(self, shape: Shape) -> str:
        return "" if len(shape) >= 2 else f"needs a weight of two or more axes, not of shape {shape}"


class Zeros(WeightConfig):
    """Zero for all weights."""

    keras_name: ClassVar[str] = "initializers.Zeros"
    type: Literal["zeros"] = "zeros"


class Ones(WeightConfig):
    """One for all weights."""

    keras_name: ClassVar[str] = "initializers.Ones"
    type: Literal["ones"] = "ones"


class Constant(WeightConfig):
    """The same value for all weights."""

    keras_name: ClassVar[str] = "initializers.Constant"
    is_known_by_type: ClassVar[bool] = False
    type: Literal["constant"] = "constant"
    value: Finite = 0.0


class Identity(MatrixConfig):
    """Identity matrix, for a weight of exactly two axes."""

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
    """Penalty that is added to the loss: l1 × Σ|w|."""

    keras_name: ClassVar[str] = "regularizers.L1"
    type: Literal["l1"] = "l1"
    l1: NotNegative = 0.01


class L2(WeightConfig):
    """Penalty that is added to the loss: l2 × Σw²."""

    keras_name: ClassVar[str] = "regularizers.L2"
    type: Literal["l2"] = "l2"
    l2: NotNegative = 0.01


class L1L2(WeightConfig):
    """Penalty that is added to the loss: l1 × Σ|w| + l2 × Σw²."""

    keras_name: ClassVar[str] = "regularizers.L1L2"
    is_known_by_type: ClassVar[bool] = False
    type: Literal["l1_l2"] = "l1_l2"
    l1: NotNegative = 0.0
    l2: NotNegative = 0.0


class OrthogonalRegularizer(MatrixConfig):
    """Penalty that is added to the loss if rows or columns are not orthogonal, for a weight of two axes."""

    keras_name: ClassVar[str] = "regularizers.OrthogonalRegularizer"
    type: Literal["orthogonal_regularizer"] = "orthogonal_regularizer"
    factor: NotNegative = 0.01
    mode: Literal["rows", "columns"] = "rows"


ActivityRegularizer = Annotated[L1 | L2 | L1L2, ByType, BareName]
"""Regularizers of a layer's outputs. `orthogonal_regularizer` is left out: it needs a matrix."""

Regularizer = Annotated[L1 | L2 | L1L2 | OrthogonalRegularizer, ByType, BareName]


class MaxNorm(AxisConstraint):
    """Constraint that keeps the norm of every unit's weights at or below `max_value`."""

    keras_name: ClassVar[str] = "constraints.MaxNorm"
    type: Literal["max_norm"] = "max_norm"
    max_value: Positive = 2.0


class MinMaxNorm(AxisConstraint):
    """Constraint that keeps the norm of every unit's weights between `min_value` and `max_value`."""

    keras_name: ClassVar[str] = "constraints.MinMaxNorm"
    type: Literal["min_max_norm"] = "min_max_norm"
    min_value: NotNegative = 0.0
    max_value: Positive = 1.0
    rate: Fraction = 1.0


class NonNeg(WeightConfig):
    """Constraint that keeps weights at or above zero."""

    keras_name: ClassVar[str] = "constraints.NonNeg"
    type: Literal["non_neg"] = "non_neg"


class UnitNorm(AxisConstraint):
    """Constraint that keeps the norm of every unit's weights at one."""

    keras_name: ClassVar[str] = "constraints.UnitNorm"
    type: Literal["unit_norm"] = "unit_norm"


Constraint = Annotated[MaxNorm | MinMaxNorm | NonNeg | UnitNorm, ByType, BareName]
