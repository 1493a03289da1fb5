"""Normalization layers of Keras."""

from typing import Annotated, ClassVar, Literal

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.config.base import BelowOne, Positive, Shape
from dnn_cli.config.layer_base import BaseLayer, Family, LayerShapeError, Scaling, WeightSpec, to_example_axis
from dnn_cli.config.weight_configs import Constraint, Initializer, Ones, Regularizer, Zeros

_Axis = Annotated[int, Field(ge=-8, le=8)]


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
