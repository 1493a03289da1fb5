"""Convolutional LSTM layers of Keras, which read a sequence of signals, images or volumes."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import Strict

from dnn_cli.config.activations import ActivationName
from dnn_cli.config.base import Count, Shape
from dnn_cli.config.layer_base import ChannelsLast, LayerShapeError, WeightSpec, WindowPadding
from dnn_cli.config.layer_shapes import count_steps, suggest_reshape
from dnn_cli.config.layers.convolutions import check_strides_and_dilation, compute_dilated_window
from dnn_cli.config.layers.recurrent import RecurrentBase

_Extent1 = Count | Annotated[tuple[Count, ...], Strict(False), Len(1, 1)]
_Extent2 = Count | Annotated[tuple[Count, ...], Strict(False), Len(2, 2)]
_Extent3 = Count | Annotated[tuple[Count, ...], Strict(False), Len(3, 3)]


class ConvLstmBase(RecurrentBase):
    """LSTM whose products of matrices are convolutions; Shi et al. 2015."""

    gate_count: ClassVar[int] = 4
    size_key: ClassVar[str | None] = "filters"
    slowdown: ClassVar[int] = 2
    axis_count: ClassVar[int]
    """Number of axes of the convolution."""

    filters: Count
    kernel_size: Any
    strides: Any = 1
    padding: WindowPadding = "valid"
    data_format: ChannelsLast | None = None
    dilation_rate: Any = 1
    recurrent_activation: ActivationName | None = "sigmoid"
    unit_forget_bias: bool = True

    @property
    def applied_activation(self) -> str | None:
        # The gates scale the activation, so that the output seldom comes near the limits of the activation.
        return None

    def compute_output_shape(self, shape: Shape) -> Shape:
        if len(shape) != self.axis_count + 2:
            axes = ("rows", "columns", "layers")[: self.axis_count]
            raise LayerShapeError(
                f"{self.type} needs the input shape (time steps, {', '.join(axes)}, channels), not {shape}: "
                f"{suggest_reshape(shape, self.axis_count + 1)}"
            )
        if "glu" in (self.activation, self.recurrent_activation):
            raise LayerShapeError("glu halves the last axis, but the state of the layer keeps its size: use tanh")
        positions = self.count_positions(shape)
        return (*shape[: 1 if self.return_sequences else 0], *positions, self.filters)

    def count_positions(self, shape: Shape) -> Shape:
        """Return the numbers of positions of the window along the axes of the convolution.

        Raises:
            LayerShapeError: the window is larger than the input, or both strides and dilation_rate are above 1.
        """
        kernel, strides, dilation = (
            (value,) * self.axis_count if isinstance(value, int) else value
            for value in (self.kernel_size, self.strides, self.dilation_rate)
        )
        check_strides_and_dilation(self.type, strides, dilation)
        window, sizes = compute_dilated_window(kernel, dilation), shape[1:-1]
        if self.padding == "valid" and any(w > size for w, size in zip(window, sizes, strict=True)):
            raise LayerShapeError(f"the window {window} of {self.type} is larger than {sizes}: use padding: same")
        return count_steps(sizes, window, strides, self.padding)

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        kernel = (self.kernel_size,) * self.axis_count if isinstance(self.kernel_size, int) else self.kernel_size
        columns = self.gate_count * self.filters
        bias = (WeightSpec("conv_lstm_cell/bias", (columns,)),) if self.use_bias else ()
        return (
            WeightSpec("conv_lstm_cell/kernel", (*kernel, shape[-1], columns)),
            WeightSpec("conv_lstm_cell/recurrent_kernel", (*kernel, self.filters, columns)),
            *bias,
        )

    def count_multiply_adds(self, shape: Shape) -> int:
        kernel, recurrent_kernel, *_ = self.list_weights(shape)
        return shape[0] * math.prod(self.count_positions(shape)) * (kernel.size + recurrent_kernel.size)


class ConvLSTM1D(ConvLstmBase):
    """Convolutional LSTM for a sequence of signals, (time steps, rows, channels)."""

    keras_name: ClassVar[str] = "layers.ConvLSTM1D"
    example: ClassVar[Mapping[str, Any]] = {"filters": 3, "kernel_size": 2}
    example_shape: ClassVar[Shape] = (3, 5, 2)
    axis_count: ClassVar[int] = 1
    type: Literal["ConvLSTM1D"] = "ConvLSTM1D"
    kernel_size: _Extent1
    strides: _Extent1 = 1
    dilation_rate: _Extent1 = 1


class ConvLSTM2D(ConvLstmBase):
    """Convolutional LSTM for a sequence of images, (time steps, height, width, channels)."""

    keras_name: ClassVar[str] = "layers.ConvLSTM2D"
    example: ClassVar[Mapping[str, Any]] = {"filters": 3, "kernel_size": 2}
    example_shape: ClassVar[Shape] = (3, 4, 4, 2)
    axis_count: ClassVar[int] = 2
    type: Literal["ConvLSTM2D"] = "ConvLSTM2D"
    kernel_size: _Extent2
    strides: _Extent2 = 1
    dilation_rate: _Extent2 = 1


class ConvLSTM3D(ConvLstmBase):
    """Convolutional LSTM for a sequence of volumes, (time steps, height, width, depth, channels)."""

    keras_name: ClassVar[str] = "layers.ConvLSTM3D"
    example: ClassVar[Mapping[str, Any]] = {"filters": 2, "kernel_size": 2}
    example_shape: ClassVar[Shape] = (2, 3, 3, 3, 1)
    axis_count: ClassVar[int] = 3
    type: Literal["ConvLSTM3D"] = "ConvLSTM3D"
    kernel_size: _Extent3
    strides: _Extent3 = 1
    dilation_rate: _Extent3 = 1
