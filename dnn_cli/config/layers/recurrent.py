"""Recurrent layers of Keras, which read a sequence of shape (time steps, features) step by step."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from dnn_cli.config.activations import ActivationName
from dnn_cli.config.base import Count, Fraction, Seed, Shape
from dnn_cli.config.layer_base import (
    BaseLayer,
    Family,
    LayerShapeError,
    WeightSpec,
    XlaSupport,
    compute_activation_shape,
    get_automatic_name,
)
from dnn_cli.config.layer_shapes import suggest_reshape
from dnn_cli.config.weight_configs import (
    ActivityRegularizer,
    Constraint,
    GlorotUniform,
    Initializer,
    Orthogonal,
    Regularizer,
    Zeros,
)


class RecurrentBase(BaseLayer):
    """Layer with a cell that is applied at each time step to the input and to the previous output."""

    family: ClassVar[Family] = "recurrent"
    example_shape: ClassVar[Shape] = (5, 3)
    has_kernel: ClassVar[bool] = True
    is_recurrent: ClassVar[bool] = True
    # Dropout draws random numbers.
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    export_obstacles: ClassVar[Mapping[str, str]] = {"litert": "LiteRT has no loops over time steps"}
    gate_count: ClassVar[int] = 1
    """Number of kernels, side by side in one weight: one for each gate, and one for the state."""
    keeps_mask: ClassVar[bool] = True

    activation: ActivationName | None = "tanh"
    use_bias: bool = True
    kernel_initializer: Initializer = GlorotUniform()
    recurrent_initializer: Initializer = Orthogonal()
    bias_initializer: Initializer = Zeros()
    kernel_regularizer: Regularizer | None = None
    recurrent_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: ActivityRegularizer | None = None
    kernel_constraint: Constraint | None = None
    recurrent_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None
    dropout: Fraction = 0.0
    recurrent_dropout: Fraction = 0.0
    seed: Seed | None = None
    return_sequences: bool = False
    go_backwards: bool = False

    @property
    def has_dropout(self) -> bool:
        return self.dropout > 0 or self.recurrent_dropout > 0


class UnitsLayer(RecurrentBase):
    """Recurrent layer whose output at each time step is a vector of `units` numbers."""

    size_key: ClassVar[str | None] = "units"
    units: Count
    unroll: bool = False

    def get_export_obstacle(self, format_name: str) -> str:
        obstacle = super().get_export_obstacle(format_name)
        return f"{obstacle}, but takes layers with unroll: true" if obstacle and not self.unroll else ""

    def compute_output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 2:
            raise LayerShapeError(
                f"{self.type} needs the input shape (time steps, features), not {shape}: {suggest_reshape(shape, 1)}"
            )
        compute_activation_shape(self.activation, (self.units,))
        if self.activation == "glu":
            raise LayerShapeError("glu halves the last axis, but the state of the layer keeps its size: use tanh")
        return (shape[0], self.units) if self.return_sequences else (self.units,)

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        cell, columns = f"{get_automatic_name(self.type)}_cell", self.gate_count * self.units
        bias = (WeightSpec(f"{cell}/bias", self.get_bias_shape(columns)),) if self.use_bias else ()
        return (
            WeightSpec(f"{cell}/kernel", (shape[-1], columns)),
            WeightSpec(f"{cell}/recurrent_kernel", (self.units, columns)),
            *bias,
        )

    def get_bias_shape(self, columns: int) -> Shape:
        """Return the shape of the bias for a number of columns of the kernel."""
        return (columns,)

    def count_multiply_adds(self, shape: Shape) -> int:
        return shape[0] * (shape[-1] + self.units) * self.gate_count * self.units


class SimpleRNN(UnitsLayer):
    """Recurrent layer whose output is activation(x · kernel + previous output · recurrent_kernel + bias)."""

    keras_name: ClassVar[str] = "layers.SimpleRNN"
    example: ClassVar[Mapping[str, Any]] = {"units": 4, "return_sequences": True}
    is_linear: ClassVar[bool] = True
    type: Literal["SimpleRNN"] = "SimpleRNN"


class GatedLayer(UnitsLayer):
    """Recurrent layer whose gates choose what the state keeps."""

    recurrent_activation: ActivationName | None = "sigmoid"
    use_cudnn: Literal["auto"] | bool = "auto"

    @property
    def applied_activation(self) -> str | None:
        # The gates scale the activation, so that the output seldom comes near the limits of the activation.
        return None

    def compute_output_shape(self, shape: Shape) -> Shape:
        if self.recurrent_activation == "glu":
            raise LayerShapeError("glu halves the last axis, but a gate keeps its size: use sigmoid")
        return super().compute_output_shape(shape)


class LSTM(GatedLayer):
    """Recurrent layer with a long-term state and three gates; Hochreiter and Schmidhuber 1997."""

    keras_name: ClassVar[str] = "layers.LSTM"
    example: ClassVar[Mapping[str, Any]] = {"units": 4}
    gate_count: ClassVar[int] = 4
    type: Literal["LSTM"] = "LSTM"
    unit_forget_bias: bool = True


class GRU(GatedLayer):
    """Recurrent layer with two gates; Cho et al. 2014."""

    keras_name: ClassVar[str] = "layers.GRU"
    example: ClassVar[Mapping[str, Any]] = {"units": 4, "return_sequences": True}
    gate_count: ClassVar[int] = 3
    type: Literal["GRU"] = "GRU"
    reset_after: bool = True

    def get_bias_shape(self, columns: int) -> Shape:
        return (2, columns) if self.reset_after else (columns,)
