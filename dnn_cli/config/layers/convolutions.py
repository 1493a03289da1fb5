"""Convolution layers of Keras."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from dnn_cli.config.base import Count, Pair, Shape
from dnn_cli.config.layer_base import (
    ChannelsLast,
    Family,
    LayerShapeError,
    WeightSpec,
    WindowPadding,
    XlaSupport,
    check_image_shape,
    compute_activation_shape,
    count_window_positions,
)
from dnn_cli.config.layers.kernel import KernelLayer


class Conv2D(KernelLayer):
    """Convolution layer: a window of weights slides over an image of (height, width, channels)."""

    keras_name: ClassVar[str] = "layers.Conv2D"
    family: ClassVar[Family] = "convolution"
    example: ClassVar[Mapping[str, Any]] = {"filters": 4, "kernel_size": 3, "activation": "relu"}
    size_key: ClassVar[str | None] = "filters"
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    slowdown: ClassVar[int] = 2
    type: Literal["Conv2D"] = "Conv2D"
    filters: Count
    kernel_size: Pair
    strides: Pair = (1, 1)
    padding: WindowPadding = "valid"
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
