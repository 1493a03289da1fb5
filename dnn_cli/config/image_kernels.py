"""Kernels of a network that can be drawn as images: windows of convolutions, and weights of pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from dnn_cli.config.base import Shape
from dnn_cli.config.layer_stack import Stage


@dataclass(frozen=True)
class ImageKernel:
    """The first weight of a layer, seen as images."""

    layer: str
    """Name of the layer."""

    is_convolution: bool
    """Whether the images are windows that slide over two axes. Otherwise, they have a weight for each pixel."""

    image_shape: Shape
    """Shape (height, width, input channels, images per input channel) in which the kernel is read."""

    input_axis: int
    """Axis of the kernel with the input channels: 2, or 3 for a transposed convolution."""

    is_depthwise: bool
    """Whether each input channel has windows of its own, instead of each filter having a window for each channel."""

    part: str
    """Part of the kernel in the images, such as `input 1 of 8`; empty for a complete kernel with one input channel."""


def list_image_kernels(stages: Sequence[Stage]) -> list[ImageKernel]:
    """Return the kernels of a network that can be drawn as images, in the order of the layers.

    They are the kernels of convolutions over two axes, and of a Dense layer with a weight for each pixel.
    """
    pixels = _find_pixel_kernel(stages)
    windows = [kernel for stage in stages if (kernel := _find_window_kernel(stage))]
    return [*([pixels] if pixels else []), *windows]


def _find_window_kernel(stage: Stage) -> ImageKernel | None:
    """Return the kernel of a convolution over two axes; `None` for another layer."""
    if stage.layer.family != "convolution" or not stage.weights or len(stage.weights[0].shape) != 4:
        return None
    kernel, layer = stage.weights[0], stage.layer
    *sides, channels = stage.input_shape
    # The axis of input channels is the axis that grows with the number of input channels.
    (wider, *_) = layer.list_weights((*sides, 2 * channels))
    input_axis = 2 if wider.shape[2] != kernel.shape[2] else 3
    inputs, outputs = kernel.shape[input_axis], kernel.shape[5 - input_axis]
    is_depthwise = kernel.name == "depthwise_kernel" or layer.last_axis_size is None
    if is_depthwise:
        windows = "1 window" if outputs == 1 else f"{outputs} windows"
        part = f"depthwise: {windows} for each of {inputs} inputs" if inputs > 1 else f"depthwise: {windows}"
    elif inputs < channels:
        part = f"input 1 of {inputs} of each group"
    else:
        part = f"input 1 of {inputs}" if inputs > 1 else ""
    return ImageKernel(stage.name, True, (*kernel.shape[:2], inputs, outputs), input_axis, is_depthwise, part)


def _find_pixel_kernel(stages: Sequence[Stage]) -> ImageKernel | None:
    """Return the kernel of the first Dense layer if its weights have the order of the pixels; `None` otherwise."""
    for stage in stages:
        layer = stage.layer
        if layer.only_reshapes or layer.is_training_only or layer.input_scaling is not None:
            continue
        shape = stages[0].input_shape
        is_image = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))
        if not (layer.has_kernel and layer.is_fully_connected and is_image and stage.input_shape == (prod(shape),)):
            return None
        channels = shape[2] if len(shape) == 3 else 1
        part = f"input 1 of {channels}" if channels > 1 else ""
        units = stage.weights[0].shape[-1]
        return ImageKernel(stage.name, False, (*shape[:2], channels, units), 2, False, part)
    return None
