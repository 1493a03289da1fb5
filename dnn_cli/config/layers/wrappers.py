"""Wrappers: layers that apply another layer in both directions of a sequence, or at each of its time steps."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from dnn_cli.config.base import Shape
from dnn_cli.config.layer_base import (
    BaseLayer,
    Family,
    Layer,
    LayerShapeError,
    WeightSpec,
    XlaSupport,
    get_automatic_name,
)
from dnn_cli.config.layer_shapes import suggest_reshape


def get_inner_name(layer: BaseLayer) -> str:
    """Return the name of a wrapped layer: its own, or Keras's name for the first layer of its class.

    The name does not depend on the other layers of the process.
    """
    return layer.name or get_automatic_name(layer.type)


def add_prefix(prefix: str, weights: tuple[WeightSpec, ...]) -> tuple[WeightSpec, ...]:
    """Return weights whose names start with the name of the wrapped layer."""
    return tuple(weight._replace(name=f"{prefix}/{weight.name}") for weight in weights)


class WrapperLayer(BaseLayer):
    """Layer that contains another layer."""

    family: ClassVar[Family] = "wrapper"
    layer: Layer

    @property
    def wrapped_layers(self) -> Mapping[str, BaseLayer]:
        return {"layer": self.layer}

    def get_wrapped_name(self, key: str) -> str:
        """Return the name of the Keras layer that the wrapper gets as the argument `key`."""
        return get_inner_name(self.wrapped_layers[key])

    def build_keras_argument(self, name: str, value: Any) -> Any:
        return value if isinstance(value, BaseLayer) else super().build_keras_argument(name, value)

    def build_keras_object(self, **extra_arguments: Any) -> Any:
        """Return the Keras object with its inner layers, which have the same dtype policy."""
        policy = {key: value for key, value in extra_arguments.items() if key == "dtype"}
        inner = {
            key: layer.build_keras_object(name=self.get_wrapped_name(key), **policy)
            for key, layer in self.wrapped_layers.items()
        }
        return super().build_keras_object(**{**extra_arguments, **inner})


class Bidirectional(WrapperLayer):
    """Wrapper that reads a sequence in both directions, with two copies of a recurrent layer.

    Source: Schuster and Paliwal 1997.
    """

    keras_name: ClassVar[str] = "layers.Bidirectional"
    example: ClassVar[Mapping[str, Any]] = {"layer": {"type": "LSTM", "units": 4}}
    example_shape: ClassVar[Shape] = (5, 3)
    has_kernel: ClassVar[bool] = True
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    keeps_mask: ClassVar[bool] = True
    type: Literal["Bidirectional"] = "Bidirectional"
    merge_mode: Literal["concat", "sum", "ave", "mul"] = "concat"
    backward_layer: Layer | None = None

    @property
    def wrapped_layers(self) -> Mapping[str, BaseLayer]:
        return {"layer": self.layer} | ({} if self.backward_layer is None else {"backward_layer": self.backward_layer})

    @property
    def return_sequences(self) -> bool:
        """Whether the output is a sequence."""
        return bool(getattr(self.layer, "return_sequences", False))

    def get_wrapped_name(self, key: str) -> str:
        return get_inner_name(self.layer) if key == "layer" else self._backward_name

    @property
    def _backward_name(self) -> str:
        """Name of the layer that reads backwards."""
        if self.backward_layer is not None and self.backward_layer.name:
            return self.backward_layer.name
        return f"backward_{get_inner_name(self.backward_layer or self.layer).removeprefix('backward_')}"

    def compute_output_shape(self, shape: Shape) -> Shape:
        backward = self.backward_layer or self.layer
        for inner in (self.layer, backward):
            if not inner.is_recurrent:
                raise LayerShapeError(
                    f"Bidirectional takes a recurrent layer, not {inner.type}: use SimpleRNN, LSTM or GRU"
                )
        if self.backward_layer is None and getattr(self.layer, "go_backwards", False):
            raise LayerShapeError("the layer of Bidirectional reads forwards: remove go_backwards")
        if self.backward_layer is not None:
            if getattr(self.layer, "go_backwards", False) == getattr(backward, "go_backwards", False):
                raise LayerShapeError("both layers read in the same direction: write go_backwards: true in one of them")
            if self.return_sequences != getattr(backward, "return_sequences", False):
                raise LayerShapeError("layer and backward_layer need the same return_sequences")
        output, other = (inner.compute_output_shape(shape) for inner in (self.layer, backward))
        if self.merge_mode == "concat" and output[:-1] == other[:-1]:
            return (*output[:-1], output[-1] + other[-1])
        if output != other:
            raise LayerShapeError(
                f"the outputs {output} and {other} of both layers cannot be merged: use layers of the same size"
            )
        return output

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        forward = f"forward_{get_inner_name(self.layer).removeprefix('forward_')}"
        backward = (self.backward_layer or self.layer).list_weights(shape)
        return (
            *add_prefix(forward, self.layer.list_weights(shape)),
            *add_prefix(self._backward_name, backward),
        )

    def count_multiply_adds(self, shape: Shape) -> int:
        backward = self.backward_layer or self.layer
        return self.layer.count_multiply_adds(shape) + backward.count_multiply_adds(shape)

    def format_size(self, output_shape: Shape) -> str:
        return f"{self.layer.type} {self.layer.format_size(output_shape)}".strip()


class OutputWrapper(WrapperLayer):
    """Wrapper whose outputs are outputs of its layer."""

    @property
    def kernel_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the kernels of the wrapped layer."""
        return self.layer.kernel_names

    @property
    def applied_activation(self) -> str | None:
        return self.layer.applied_activation

    @property
    def activation_key(self) -> str | None:
        return None if self.layer.activation_key is None else f"layer.{self.layer.activation_key}"

    @property
    def kernel_initializer_type(self) -> str | None:
        return self.layer.kernel_initializer_type


class TimeDistributed(OutputWrapper):
    """Wrapper that applies the same layer, with the same weights, at each time step of a sequence."""

    keras_name: ClassVar[str] = "layers.TimeDistributed"
    example: ClassVar[Mapping[str, Any]] = {"layer": {"type": "Dense", "units": 4, "activation": "relu"}}
    example_shape: ClassVar[Shape] = (5, 3)
    keeps_mask: ClassVar[bool] = True
    type: Literal["TimeDistributed"] = "TimeDistributed"

    @property
    def has_kernel(self) -> bool:  # type: ignore[override]
        """Whether the wrapped layer multiplies by a kernel."""
        return self.layer.has_kernel

    def compute_output_shape(self, shape: Shape) -> Shape:
        if len(shape) < 2:
            raise LayerShapeError(
                f"TimeDistributed needs the input shape (time steps, …), not {shape}: {suggest_reshape(shape, 1)}"
            )
        try:
            return (shape[0], *self.layer.compute_output_shape(shape[1:]))
        except LayerShapeError as error:
            if not self.layer.accepts_shape(shape):
                raise
            suggestion = f"use {self.layer.type} without TimeDistributed"
            raise LayerShapeError(f"{error.reason} at each time step: {suggestion}") from None

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        return add_prefix(get_inner_name(self.layer), self.layer.list_weights(shape[1:]))

    def count_multiply_adds(self, shape: Shape) -> int:
        return shape[0] * self.layer.count_multiply_adds(shape[1:])

    def format_size(self, output_shape: Shape) -> str:
        return f"{self.layer.type} {self.layer.format_size(output_shape[1:])}".strip()
