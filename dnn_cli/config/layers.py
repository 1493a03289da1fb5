"""Layers of Keras: one class each, with Keras's arguments, the output shape and the weights.

To add a layer, write a class in this file. The traits in `BaseLayer` say how a layer differs from other layers.
All shapes are shapes of one example, without the batch axis.
"""

import math
from typing import Annotated, ClassVar, Literal

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.config.activations import ActivationName
from dnn_cli.config.base import BelowOne, Count, Finite, Fraction, Pair, Positive, Seed, Shape
from dnn_cli.config.layer_base import (
    BaseLayer,
    LayerShapeError,
    Scaling,
    WeightSpec,
    XlaDeterminism,
    XlaSupport,
    check_image_shape,
    compute_activation_shape,
    count_window_positions,
    to_example_axis,
)
from dnn_cli.config.weight_configs import (
    ActivityRegularizer,
    Constraint,
    GlorotUniform,
    Initializer,
    Ones,
    Regularizer,
    Zeros,
)

_Axis = Annotated[int, Field(ge=-8, le=8)]
_Dimension = Annotated[int, Field(ge=-1, le=10_000_000)]
_Padding = Literal["valid", "same"]
ChannelsLast = Literal["channels_last"]


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


class Dense(KernelLayer):
    """Fully connected layer on the last axis: activation(x · kernel + bias)."""

    keras_name: ClassVar[str] = "layers.Dense"
    supports_lanes: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    is_fully_connected: ClassVar[bool] = True
    size_key: ClassVar[str | None] = "units"
    type: Literal["Dense"] = "Dense"
    units: Count

    def compute_output_shape(self, shape: Shape) -> Shape:
        if not shape:
            raise LayerShapeError("Dense needs at least one axis: put Reshape before this layer")
        return compute_activation_shape(self.activation, (*shape[:-1], self.units))

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        return self.build_kernel_and_bias((shape[-1], self.units))

    def count_multiply_adds(self, shape: Shape) -> int:
        return math.prod(shape) * self.units

    def has_other_bits_with_xla(self, shape: Shape) -> bool:
        # With one input, the product of matrices becomes a product of vectors.
        return shape[-1] == 1


class Flatten(BaseLayer):
    """Layer that joins all axes into one."""

    keras_name: ClassVar[str] = "layers.Flatten"
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    only_reshapes: ClassVar[bool] = True
    type: Literal["Flatten"] = "Flatten"
    data_format: ChannelsLast | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)


class Activation(BaseLayer):
    """Layer that only applies an activation."""

    keras_name: ClassVar[str] = "layers.Activation"
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    type: Literal["Activation"] = "Activation"
    activation: ActivationName

    def compute_output_shape(self, shape: Shape) -> Shape:
        return compute_activation_shape(self.activation, shape)


class Dropout(BaseLayer):
    """Layer that sets a random fraction of its inputs to zero during training; Srivastava et al. 2014."""

    keras_name: ClassVar[str] = "layers.Dropout"
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    is_training_only: ClassVar[bool] = True
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    type: Literal["Dropout"] = "Dropout"
    rate: Fraction
    noise_shape: Annotated[tuple[Count | None, ...], Strict(False), Len(1, 9)] | None = None
    seed: Seed | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        noise = self.noise_shape
        if noise is not None and (
            len(noise) != len(shape) + 1
            or noise[0] not in (None, 1)
            or any(n not in (None, 1, s) for n, s in zip(noise[1:], shape, strict=True))
        ):
            raise LayerShapeError(
                f"noise_shape {list(noise)} does not fit a batch of {shape}: write null, 1 or the size for each axis"
            )
        return shape

    def format_size(self, output_shape: Shape) -> str:
        return str(self.rate)


class NormalizationLayer(BaseLayer):
    """Normalisation layer with a learnt scale (gamma) and a learnt offset (beta)."""

    scaling: ClassVar[Scaling | None] = "computed"
    epsilon: Positive = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = Zeros()
    gamma_initializer: Initializer = Ones()
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None
    beta_constraint: Constraint | None = None
    gamma_constraint: Constraint | None = None

    def build_gamma_and_beta(self, shape: Shape) -> tuple[WeightSpec, ...]:
        gamma = (WeightSpec("gamma", shape),) if self.scale else ()
        beta = (WeightSpec("beta", shape),) if self.center else ()
        return (*gamma, *beta)


class BatchNormalization(NormalizationLayer):
    """Layer that normalises every channel over the batch, and keeps moving averages; Ioffe and Szegedy 2015."""

    keras_name: ClassVar[str] = "layers.BatchNormalization"
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    type: Literal["BatchNormalization"] = "BatchNormalization"
    axis: _Axis = -1
    momentum: BelowOne = 0.99
    moving_mean_initializer: Initializer = Zeros()
    moving_variance_initializer: Initializer = Ones()

    def compute_output_shape(self, shape: Shape) -> Shape:
        to_example_axis(self.axis, shape)
        return shape

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        size = (shape[to_example_axis(self.axis, shape)],)
        moving = (
            WeightSpec("moving_mean", size, trainable=False),
            WeightSpec("moving_variance", size, trainable=False),
        )
        return (*self.build_gamma_and_beta(size), *moving)


class LayerNormalization(NormalizationLayer):
    """Layer that normalises every example over the given axes; Ba et al. 2016."""

    keras_name: ClassVar[str] = "layers.LayerNormalization"
    supports_lanes: ClassVar[bool] = True
    type: Literal["LayerNormalization"] = "LayerNormalization"
    axis: _Axis | Annotated[tuple[_Axis, ...], Strict(False), Len(1, 8)] = -1

    def compute_output_shape(self, shape: Shape) -> Shape:
        axes = [to_example_axis(axis, shape) for axis in self.list_axes()]
        if len(set(axes)) < len(axes):
            raise LayerShapeError(f"axis {list(self.list_axes())} has the same axis twice")
        return shape

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        return self.build_gamma_and_beta(tuple(shape[to_example_axis(axis, shape)] for axis in self.list_axes()))

    def list_axes(self) -> tuple[int, ...]:
        return (self.axis,) if isinstance(self.axis, int) else tuple(sorted(self.axis))


class Rescaling(BaseLayer):
    """Layer that computes x × scale + offset."""

    keras_name: ClassVar[str] = "layers.Rescaling"
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    scaling: ClassVar[Scaling | None] = "fixed"
    type: Literal["Rescaling"] = "Rescaling"
    scale: Finite
    offset: Finite = 0.0


class Reshape(BaseLayer):
    """Layer that changes the shape of its input. One size may be -1: it is computed from the others."""

    keras_name: ClassVar[str] = "layers.Reshape"
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    only_reshapes: ClassVar[bool] = True
    type: Literal["Reshape"] = "Reshape"
    # TensorFlow's softmax does not take more axes.
    target_shape: Annotated[tuple[_Dimension, ...], Strict(False), Len(1, 4)]

    def compute_output_shape(self, shape: Shape) -> Shape:
        size, known_size = math.prod(shape), math.prod(d for d in self.target_shape if d != -1)
        unknown_count = self.target_shape.count(-1)
        if unknown_count > 1 or known_size == 0 or size % known_size or (not unknown_count and size != known_size):
            raise LayerShapeError(f"target_shape {list(self.target_shape)} does not fit the {size} numbers of {shape}")
        return tuple(size // known_size if d == -1 else d for d in self.target_shape)

    def format_size(self, output_shape: Shape) -> str:
        return "×".join(map(str, output_shape))


class GaussianNoise(BaseLayer):
    """Layer that adds normally distributed noise during training."""

    keras_name: ClassVar[str] = "layers.GaussianNoise"
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    is_training_only: ClassVar[bool] = True
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    type: Literal["GaussianNoise"] = "GaussianNoise"
    stddev: Fraction
    seed: Seed | None = None

    def format_size(self, output_shape: Shape) -> str:
        return str(self.stddev)


class Conv2D(KernelLayer):
    """Convolution layer: a window of weights slides over an image of (height, width, channels)."""

    keras_name: ClassVar[str] = "layers.Conv2D"
    size_key: ClassVar[str | None] = "filters"
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    slowdown: ClassVar[int] = 2
    type: Literal["Conv2D"] = "Conv2D"
    filters: Count
    kernel_size: Pair
    strides: Pair = (1, 1)
    padding: _Padding = "valid"
    data_format: ChannelsLast | None = None
    dilation_rate: Pair = (1, 1)
    groups: Count = 1

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise LayerShapeError("Conv2D accepts strides above 1 or dilation_rate above 1, but not both")
        if shape[2] % self.groups or self.filters % self.groups:
            raise LayerShapeError(
                f"groups {self.groups} must divide both the {shape[2]} channels of the input "
                f"and the {self.filters} filters"
            )
        window = tuple(d * (k - 1) + 1 for d, k in zip(self.dilation_rate, self.kernel_size, strict=True))
        windows = count_window_positions(self.type, shape, window, self.strides, self.padding)
        return compute_activation_shape(self.activation, (*windows, self.filters))

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        return self.build_kernel_and_bias((*self.kernel_size, shape[2] // self.groups, self.filters))

    def count_multiply_adds(self, shape: Shape) -> int:
        windows = math.prod(self.compute_output_shape(shape)[:2])
        return windows * self.filters * math.prod(self.kernel_size) * (shape[2] // self.groups)


class PoolingLayer(BaseLayer):
    """Pooling layer: one value for every window of an image, in each channel."""

    pool_size: Pair
    strides: Pair | None = None
    padding: _Padding = "valid"
    data_format: ChannelsLast | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape)
        strides = self.strides or self.pool_size
        return (*count_window_positions(self.type, shape, self.pool_size, strides, self.padding), shape[2])

    def get_xla_determinism(self) -> XlaDeterminism:
        """Return `random` for overlapping windows, because an input then gets the gradients of several windows."""
        strides = self.strides or self.pool_size
        has_overlap = any(stride < size for stride, size in zip(strides, self.pool_size, strict=True))
        return "random" if has_overlap else self.xla_determinism


class MaxPooling2D(PoolingLayer):
    """Pooling layer with the largest value of every window, in each channel."""

    keras_name: ClassVar[str] = "layers.MaxPooling2D"
    type: Literal["MaxPooling2D"] = "MaxPooling2D"
    pool_size: Pair = (2, 2)


class AveragePooling2D(PoolingLayer):
    """Pooling layer with the mean of every window, in each channel."""

    keras_name: ClassVar[str] = "layers.AveragePooling2D"
    is_linear: ClassVar[bool] = True
    type: Literal["AveragePooling2D"] = "AveragePooling2D"


class GlobalAveragePooling2D(BaseLayer):
    """Pooling layer with the mean of every channel."""

    keras_name: ClassVar[str] = "layers.GlobalAveragePooling2D"
    is_linear: ClassVar[bool] = True
    type: Literal["GlobalAveragePooling2D"] = "GlobalAveragePooling2D"
    data_format: ChannelsLast | None = None
    keepdims: bool = False

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape)
        return (1, 1, shape[2]) if self.keepdims else (shape[2],)
