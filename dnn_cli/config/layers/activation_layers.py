"""Activations as layers, with arguments that the names of activations cannot have."""

from typing import Annotated, ClassVar, Literal

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.config.base import Finite, NotNegative, Shape
from dnn_cli.config.layer_base import BaseLayer, Family, LayerShapeError, WeightSpec, XlaDeterminism
from dnn_cli.config.layer_shapes import to_example_axis
from dnn_cli.config.weight_configs import Constraint, Initializer, Regularizer, Zeros

_Axis = Annotated[int, Field(ge=-8, le=8)]
_SharedAxis = Annotated[int, Field(ge=1, le=8)]

_RELU6_LIMIT = 6.0


class ReLU(BaseLayer):
    """Layer that computes relu, optionally with an upper limit, a slope below the threshold, and a threshold."""

    keras_name: ClassVar[str] = "layers.ReLU"
    family: ClassVar[Family] = "activation"
    supports_lanes: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    keeps_mask: ClassVar[bool] = True
    type: Literal["ReLU"] = "ReLU"
    max_value: NotNegative | None = None
    negative_slope: NotNegative = 0.0
    threshold: NotNegative = 0.0

    @property
    def applied_activation(self) -> str:
        if self.negative_slope:
            return "leaky_relu"
        return "relu6" if self.max_value == _RELU6_LIMIT and not self.threshold else "relu"


class LeakyReLU(BaseLayer):
    """Layer that multiplies negative inputs by a small slope; Maas et al. 2013."""

    keras_name: ClassVar[str] = "layers.LeakyReLU"
    family: ClassVar[Family] = "activation"
    supports_lanes: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    keeps_mask: ClassVar[bool] = True
    type: Literal["LeakyReLU"] = "LeakyReLU"
    negative_slope: NotNegative = 0.3

    @property
    def applied_activation(self) -> str:
        return "leaky_relu" if self.negative_slope else "relu"

    def format_size(self, output_shape: Shape) -> str:
        return str(self.negative_slope)


class PReLU(BaseLayer):
    """Layer that multiplies negative inputs by learnt slopes (alpha); He et al. 2015."""

    keras_name: ClassVar[str] = "layers.PReLU"
    family: ClassVar[Family] = "activation"
    supports_lanes: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True
    type: Literal["PReLU"] = "PReLU"
    alpha_initializer: Initializer = Zeros()
    alpha_regularizer: Regularizer | None = None
    alpha_constraint: Constraint | None = None
    shared_axes: _SharedAxis | Annotated[tuple[_SharedAxis, ...], Strict(False), Len(1, 8)] | None = None
    """Axes along which all inputs have the same slope: `[1, 2]` for one slope of each channel of an image."""

    @property
    def applied_activation(self) -> str:
        return "prelu"

    def compute_output_shape(self, shape: Shape) -> Shape:
        self._list_shared_axes(shape)
        return shape

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        shared = self._list_shared_axes(shape)
        return (WeightSpec("alpha", tuple(1 if index in shared else size for index, size in enumerate(shape))),)

    def _list_shared_axes(self, shape: Shape) -> tuple[int, ...]:
        """Return the indices in `shape` of the axes that share slopes."""
        axes = (self.shared_axes,) if isinstance(self.shared_axes, int) else self.shared_axes or ()
        return tuple(to_example_axis(axis, shape) for axis in axes)


class ELU(BaseLayer):
    """Layer that computes alpha × (exp(x) − 1) for negative inputs; Clevert et al. 2015."""

    keras_name: ClassVar[str] = "layers.ELU"
    family: ClassVar[Family] = "activation"
    supports_lanes: ClassVar[bool] = True
    xla_determinism: ClassVar[XlaDeterminism] = "deterministic"
    keeps_mask: ClassVar[bool] = True
    type: Literal["ELU"] = "ELU"
    alpha: Finite = 1.0

    @property
    def applied_activation(self) -> str:
        return "elu"


class Softmax(BaseLayer):
    """Layer that computes probabilities with the sum 1 along one axis or several axes."""

    keras_name: ClassVar[str] = "layers.Softmax"
    family: ClassVar[Family] = "activation"
    supports_lanes: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True
    type: Literal["Softmax"] = "Softmax"
    axis: _Axis | Annotated[tuple[_Axis, ...], Strict(False), Len(1, 8)] = -1

    @property
    def applied_activation(self) -> str:
        return "softmax"

    def compute_output_shape(self, shape: Shape) -> Shape:
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        if len({to_example_axis(axis, shape) for axis in axes}) < len(axes):
            raise LayerShapeError(f"axis {list(axes)} has the same axis twice")
        return shape
