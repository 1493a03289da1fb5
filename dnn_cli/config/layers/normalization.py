"""Normalization layers of Keras."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.config.base import BelowOne, Count, Positive, Shape
from dnn_cli.config.layer_base import BaseLayer, Family, LayerShapeError, Scaling, WeightSpec
from dnn_cli.config.layer_shapes import to_example_axis
from dnn_cli.config.weight_configs import Constraint, Initializer, Ones, Regularizer, Zeros

_Axis = Annotated[int, Field(ge=-8, le=8)]
_Axes = _Axis | Annotated[tuple[_Axis, ...], Strict(False), Len(1, 8)]


def _to_example_axes(axis: int | tuple[int, ...], shape: Shape) -> tuple[int, ...]:
    """Return the indices in `shape` of one axis or several axes with Keras's numbers, in Keras's order of weights.

    Raises:
        LayerShapeError: the shape has no such axis, or two numbers are the same axis.
    """
    axes = (axis,) if isinstance(axis, int) else tuple(sorted(axis))
    indices = tuple(to_example_axis(number, shape) for number in axes)
    if len(set(indices)) < len(indices):
        raise LayerShapeError(f"axis {list(axes)} has the same axis twice")
    return indices


class NormalizationLayer(BaseLayer):
    """Normalisation layer with a learnt scale (gamma) and a learnt offset (beta)."""

    input_scaling: ClassVar[Scaling | None] = "computed"
    keeps_mask: ClassVar[bool] = True
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
    family: ClassVar[Family] = "normalization"
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
    family: ClassVar[Family] = "normalization"
    supports_lanes: ClassVar[bool] = True
    type: Literal["LayerNormalization"] = "LayerNormalization"
    axis: _Axes = -1

    def compute_output_shape(self, shape: Shape) -> Shape:
        _to_example_axes(self.axis, shape)
        return shape

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        return self.build_gamma_and_beta(tuple(shape[index] for index in _to_example_axes(self.axis, shape)))


class GroupNormalization(NormalizationLayer):
    """Layer that normalises groups of channels of every example; Wu and He 2018. With groups -1, each channel alone."""

    keras_name: ClassVar[str] = "layers.GroupNormalization"
    family: ClassVar[Family] = "normalization"
    example: ClassVar[Mapping[str, Any]] = {"groups": 2}
    example_shape: ClassVar[Shape] = (6, 6, 4)
    supports_lanes: ClassVar[bool] = True
    type: Literal["GroupNormalization"] = "GroupNormalization"
    groups: Count | Literal[-1] = 32
    axis: _Axis = -1

    def compute_output_shape(self, shape: Shape) -> Shape:
        channels = shape[to_example_axis(self.axis, shape)]
        if channels % self.groups:
            raise LayerShapeError(f"groups {self.groups} must divide the {channels} channels of the input")
        return shape

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        return self.build_gamma_and_beta((shape[to_example_axis(self.axis, shape)],))


class RMSNormalization(BaseLayer):
    """Layer that divides by the root mean square over the given axes, with a learnt scale; Zhang and Sennrich 2019."""

    keras_name: ClassVar[str] = "layers.RMSNormalization"
    family: ClassVar[Family] = "normalization"
    supports_lanes: ClassVar[bool] = True
    input_scaling: ClassVar[Scaling | None] = "computed"
    type: Literal["RMSNormalization"] = "RMSNormalization"
    axis: _Axes = -1
    epsilon: Positive = 1e-6

    def build_keras_argument(self, name: str, value: Any) -> Any:
        # Keras 3.12 accepts several axes only as a list.
        return list(value) if isinstance(value, tuple) else super().build_keras_argument(name, value)

    def compute_output_shape(self, shape: Shape) -> Shape:
        indices = _to_example_axes(self.axis, shape)
        # Keras multiplies by the scale along the last axes, whatever the axes are.
        first_index = len(shape) - len(indices)
        if indices != tuple(range(first_index, len(shape))):
            last_axes = list(range(first_index + 1, len(shape) + 1))
            raise LayerShapeError(
                f"RMSNormalization scales the last axes of {shape}, not axis {self.axis}: "
                f"use axis {last_axes}, or LayerNormalization"
            )
        return shape

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        return (WeightSpec("scale", tuple(shape[index] for index in _to_example_axes(self.axis, shape))),)


class UnitNormalization(BaseLayer):
    """Layer that divides by the Euclidean norm over the given axes."""

    keras_name: ClassVar[str] = "layers.UnitNormalization"
    family: ClassVar[Family] = "normalization"
    supports_lanes: ClassVar[bool] = True
    input_scaling: ClassVar[Scaling | None] = "computed"
    keeps_mask: ClassVar[bool] = True
    type: Literal["UnitNormalization"] = "UnitNormalization"
    axis: _Axes = -1

    def compute_output_shape(self, shape: Shape) -> Shape:
        _to_example_axes(self.axis, shape)
        return shape
