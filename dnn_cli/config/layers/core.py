"""Core layers of Keras: fully connected layers, and layers that change shapes or values.

All shapes are shapes of one example, without the batch axis.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.config.activations import ActivationName
from dnn_cli.config.base import Count, Finite, NotNegative, Shape
from dnn_cli.config.layer_base import (
    BaseLayer,
    ChannelsLast,
    Family,
    LayerShapeError,
    Scaling,
    WeightSpec,
    XlaDeterminism,
    compute_activation_shape,
)
from dnn_cli.config.layer_shapes import suggest_reshape
from dnn_cli.config.layers.kernel import KernelLayer

_Dimension = Annotated[int, Field(ge=-1, le=10_000_000)]


class Dense(KernelLayer):
    """Fully connected layer on the last axis: activation(x · kernel + bias)."""

    keras_name: ClassVar[str] = "layers.Dense"
    family: ClassVar[Family] = "core"
    example: ClassVar[Mapping[str, Any]] = {"units": 3, "activation": "relu"}
    supports_lanes: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    is_fully_connected: ClassVar[bool] = True
    size_key: ClassVar[str | None] = "units"
    keeps_mask: ClassVar[bool] = True
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
    family: ClassVar[Family] = "core"
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    only_reshapes: ClassVar[bool] = True
    type: Literal["Flatten"] = "Flatten"
    data_format: ChannelsLast | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)


class Masking(BaseLayer):
    """Layer that marks the time steps whose features all equal `mask_value`. Later recurrent layers skip them."""

    keras_name: ClassVar[str] = "layers.Masking"
    family: ClassVar[Family] = "core"
    example_shape: ClassVar[Shape] = (5, 3)
    is_linear: ClassVar[bool] = True
    only_reshapes: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True
    type: Literal["Masking"] = "Masking"
    mask_value: Finite = 0.0

    @property
    def creates_mask(self) -> bool:
        return True

    def compute_output_shape(self, shape: Shape) -> Shape:
        if len(shape) < 2:
            raise LayerShapeError(
                f"Masking needs the input shape (time steps, features), not {shape}: {suggest_reshape(shape, 1)}"
            )
        return shape


class Activation(BaseLayer):
    """Layer that only applies an activation."""

    keras_name: ClassVar[str] = "layers.Activation"
    family: ClassVar[Family] = "core"
    example: ClassVar[Mapping[str, Any]] = {"activation": "relu"}
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    keeps_mask: ClassVar[bool] = True
    type: Literal["Activation"] = "Activation"
    activation: ActivationName

    def compute_output_shape(self, shape: Shape) -> Shape:
        return compute_activation_shape(self.activation, shape)


class Rescaling(BaseLayer):
    """Layer that computes x × scale + offset."""

    keras_name: ClassVar[str] = "layers.Rescaling"
    family: ClassVar[Family] = "core"
    example: ClassVar[Mapping[str, Any]] = {"scale": 2.0}
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    input_scaling: ClassVar[Scaling | None] = "fixed"
    keeps_mask: ClassVar[bool] = True
    type: Literal["Rescaling"] = "Rescaling"
    scale: Finite
    offset: Finite = 0.0


class Reshape(BaseLayer):
    """Layer that changes the shape of its input. One size may be -1: it is computed from the others."""

    keras_name: ClassVar[str] = "layers.Reshape"
    family: ClassVar[Family] = "core"
    example: ClassVar[Mapping[str, Any]] = {"target_shape": (-1,)}
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


class Permute(BaseLayer):
    """Layer that changes the order of axes: `dims: [2, 1]` exchanges two axes. Axis 1 is the first after the batch."""

    keras_name: ClassVar[str] = "layers.Permute"
    family: ClassVar[Family] = "core"
    example: ClassVar[Mapping[str, Any]] = {"dims": (2, 3, 1)}
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    type: Literal["Permute"] = "Permute"
    dims: Annotated[tuple[Annotated[int, Field(ge=1, le=8)], ...], Strict(False), Len(1, 8)]

    def compute_output_shape(self, shape: Shape) -> Shape:
        if sorted(self.dims) != list(range(1, len(shape) + 1)):
            numbers = "1" if len(shape) == 1 else f"1 to {len(shape)}"
            raise LayerShapeError(
                f"dims {list(self.dims)} does not fit {shape}: write each of the numbers {numbers} once"
            )
        return tuple(shape[dim - 1] for dim in self.dims)


class RepeatVector(BaseLayer):
    """Layer that repeats a vector `n` times: an input of shape (size,) becomes (n, size)."""

    keras_name: ClassVar[str] = "layers.RepeatVector"
    family: ClassVar[Family] = "core"
    example: ClassVar[Mapping[str, Any]] = {"n": 3}
    example_shape: ClassVar[Shape] = (6,)
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    type: Literal["RepeatVector"] = "RepeatVector"
    n: Annotated[int, Field(gt=0, le=100_000)]

    def compute_output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise LayerShapeError(f"RepeatVector needs an input with one axis, not {shape}: put Flatten before it")
        return (self.n, *shape)


class Identity(BaseLayer):
    """Layer that returns its input."""

    keras_name: ClassVar[str] = "layers.Identity"
    family: ClassVar[Family] = "core"
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    only_reshapes: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True
    type: Literal["Identity"] = "Identity"


class ActivityRegularization(BaseLayer):
    """Layer that adds a penalty of its inputs to the loss: l1 × Σ|x| + l2 × Σx². The outputs are the inputs."""

    keras_name: ClassVar[str] = "layers.ActivityRegularization"
    family: ClassVar[Family] = "core"
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    only_reshapes: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True
    type: Literal["ActivityRegularization"] = "ActivityRegularization"
    l1: NotNegative = 0.0
    l2: NotNegative = 0.0

    @property
    def penalizes_outputs(self) -> bool:
        return True
