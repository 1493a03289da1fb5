"""Layers of Keras that change the size of sequences, images and volumes: crop, pad, repeat and resize."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from dnn_cli.config.base import (
    AxisSizes,
    Extent,
    Finite,
    Margin,
    MarginPair,
    MarginTriple,
    Pair,
    Shape,
    Triple,
)
from dnn_cli.config.layer_base import BaseLayer, ChannelsLast, Family, LayerShapeError, XlaSupport
from dnn_cli.config.layer_shapes import check_image_shape, to_axis_tuple

_Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]
_MISSING_INTERPOLATIONS = {"ONNX": ("lanczos3", "lanczos5"), "LiteRT": ("bicubic", "lanczos3", "lanczos5")}
"""Interpolations that a format of `dnn export` lacks."""

_BICUBIC_OBSTACLE = "ONNX computes bicubic interpolation with other weights"

_Margins = tuple[int, int] | tuple[tuple[int, int], ...]
"""Numbers of positions before and after the content: a pair for one axis, or a pair for each axis."""


def _compute_margin_sums(margins: _Margins) -> Shape:
    """Return the sum of both margins, for each axis."""
    return tuple(sum(pair) for pair in ((margins,) if isinstance(margins[0], int) else margins))


class ImageSizeLayer(BaseLayer):
    """Layer that changes the size of the axes of space or time."""

    family: ClassVar[Family] = "image size"
    spatial_axes: ClassVar[int] = 2
    """Number of axes of space or time."""

    is_linear: ClassVar[bool] = True

    def compute_sizes(self, sizes: Shape) -> Shape:
        """Return the output sizes of the axes of space or time.

        Raises:
            LayerShapeError: the layer does not accept the sizes.
        """
        return sizes

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape, self.spatial_axes)
        return (*self.compute_sizes(shape[:-1]), shape[-1])


class CroppingLayer(ImageSizeLayer):
    """Layer that removes positions at the edges."""

    cropping: _Margins

    def compute_sizes(self, sizes: Shape) -> Shape:
        cropped = tuple(n - removed for n, removed in zip(sizes, _compute_margin_sums(self.cropping), strict=True))
        if min(cropped) <= 0:
            raise LayerShapeError(f"cropping {self.cropping} of {self.type} removes all of {sizes}: use less cropping")
        return cropped


class PaddingLayer(ImageSizeLayer):
    """Layer that adds zeros at the edges."""

    padding: _Margins

    def compute_sizes(self, sizes: Shape) -> Shape:
        return tuple(n + added for n, added in zip(sizes, _compute_margin_sums(self.padding), strict=True))


class UpSamplingLayer(ImageSizeLayer):
    """Layer that enlarges its inputs."""

    size: AxisSizes

    def compute_sizes(self, sizes: Shape) -> Shape:
        return tuple(n * factor for n, factor in zip(sizes, to_axis_tuple(self.size), strict=True))


class Cropping1D(CroppingLayer):
    """Removal of positions at the edges of sequences of (time, features)."""

    keras_name: ClassVar[str] = "layers.Cropping1D"
    example: ClassVar[Mapping[str, Any]] = {"cropping": 1}
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    type: Literal["Cropping1D"] = "Cropping1D"
    cropping: Margin = (1, 1)


class Cropping2D(CroppingLayer):
    """Removal of positions at the edges of images of (height, width, channels)."""

    keras_name: ClassVar[str] = "layers.Cropping2D"
    example: ClassVar[Mapping[str, Any]] = {"cropping": 1}
    type: Literal["Cropping2D"] = "Cropping2D"
    cropping: MarginPair = ((0, 0), (0, 0))
    data_format: ChannelsLast | None = None


class Cropping3D(CroppingLayer):
    """Removal of positions at the edges of volumes of (depth, height, width, channels)."""

    keras_name: ClassVar[str] = "layers.Cropping3D"
    example: ClassVar[Mapping[str, Any]] = {"cropping": 1}
    example_shape: ClassVar[Shape] = (4, 4, 4, 2)
    spatial_axes: ClassVar[int] = 3
    type: Literal["Cropping3D"] = "Cropping3D"
    cropping: MarginTriple = ((1, 1), (1, 1), (1, 1))
    data_format: ChannelsLast | None = None


class ZeroPadding1D(PaddingLayer):
    """Zeros at the edges of sequences of (time, features)."""

    keras_name: ClassVar[str] = "layers.ZeroPadding1D"
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    type: Literal["ZeroPadding1D"] = "ZeroPadding1D"
    padding: Margin = (1, 1)
    data_format: ChannelsLast | None = None


class ZeroPadding2D(PaddingLayer):
    """Zeros at the edges of images of (height, width, channels)."""

    keras_name: ClassVar[str] = "layers.ZeroPadding2D"
    type: Literal["ZeroPadding2D"] = "ZeroPadding2D"
    padding: MarginPair = ((1, 1), (1, 1))
    data_format: ChannelsLast | None = None


class ZeroPadding3D(PaddingLayer):
    """Zeros at the edges of volumes of (depth, height, width, channels)."""

    keras_name: ClassVar[str] = "layers.ZeroPadding3D"
    example_shape: ClassVar[Shape] = (4, 4, 4, 2)
    spatial_axes: ClassVar[int] = 3
    type: Literal["ZeroPadding3D"] = "ZeroPadding3D"
    padding: MarginTriple = ((1, 1), (1, 1), (1, 1))
    data_format: ChannelsLast | None = None


class UpSampling1D(UpSamplingLayer):
    """Repetition of the positions of sequences of (time, features)."""

    keras_name: ClassVar[str] = "layers.UpSampling1D"
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    type: Literal["UpSampling1D"] = "UpSampling1D"
    size: Extent = 2


def _find_interpolation_obstacle(format_name: str, interpolation: str, *, antialias: bool = False) -> str:
    """Return why a format of `dnn export` cannot hold an interpolation of images; empty for a supported one."""
    for name, interpolations in _MISSING_INTERPOLATIONS.items():
        if format_name != name.lower():
            continue
        if interpolation in interpolations:
            return f"{name} has no {interpolation} interpolation"
        if antialias and interpolation != "nearest":
            return f"{name} has no antialiasing"
    return ""


class UpSampling2D(UpSamplingLayer):
    """Repetition of the positions of images of (height, width, channels)."""

    keras_name: ClassVar[str] = "layers.UpSampling2D"
    type: Literal["UpSampling2D"] = "UpSampling2D"
    size: Pair = (2, 2)
    data_format: ChannelsLast | None = None
    interpolation: _Interpolation = "nearest"

    def get_xla_support(self) -> XlaSupport:
        return "none" if self.interpolation not in ("nearest", "bilinear") else self.xla_support

    def get_export_obstacle(self, format_name: str) -> str:
        # TensorFlow rounds positions to 1/1024 of a pixel, and halves, quarters and so on stay exact.
        if format_name == "onnx" and self.interpolation == "bicubic" and any(n.bit_count() > 1 for n in self.size):
            return _BICUBIC_OBSTACLE
        return _find_interpolation_obstacle(format_name, self.interpolation)


class UpSampling3D(UpSamplingLayer):
    """Repetition of the positions of volumes of (depth, height, width, channels)."""

    keras_name: ClassVar[str] = "layers.UpSampling3D"
    example_shape: ClassVar[Shape] = (4, 4, 4, 2)
    spatial_axes: ClassVar[int] = 3
    type: Literal["UpSampling3D"] = "UpSampling3D"
    size: Triple = (2, 2, 2)
    data_format: ChannelsLast | None = None


class Resizing(ImageSizeLayer):
    """Change of the size of images by interpolation."""

    keras_name: ClassVar[str] = "layers.Resizing"
    example: ClassVar[Mapping[str, Any]] = {"height": 4, "width": 5}
    type: Literal["Resizing"] = "Resizing"
    height: Extent
    width: Extent
    interpolation: _Interpolation = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: Literal["constant"] = "constant"
    fill_value: Finite = 0.0
    antialias: bool = False
    data_format: ChannelsLast | None = None

    def get_xla_support(self) -> XlaSupport:
        """Return `none` for interpolations whose gradients XLA cannot compile."""
        return "none" if self.interpolation != "bilinear" or self.antialias else self.xla_support

    def get_export_obstacle(self, format_name: str) -> str:
        if format_name == "onnx" and self.interpolation == "bicubic":
            return _BICUBIC_OBSTACLE
        return _find_interpolation_obstacle(format_name, self.interpolation, antialias=self.antialias)

    def compute_sizes(self, sizes: Shape) -> Shape:
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise LayerShapeError("Resizing accepts crop_to_aspect_ratio or pad_to_aspect_ratio, but not both")
        return (self.height, self.width)


class CenterCrop(ImageSizeLayer):
    """Central part of images. Smaller images are enlarged first."""

    keras_name: ClassVar[str] = "layers.CenterCrop"
    example: ClassVar[Mapping[str, Any]] = {"height": 4, "width": 5}
    type: Literal["CenterCrop"] = "CenterCrop"
    height: Extent
    width: Extent
    data_format: ChannelsLast | None = None

    def compute_sizes(self, sizes: Shape) -> Shape:
        return (self.height, self.width)
