"""Dropout and noise layers: random changes of the inputs during training."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import Strict

from dnn_cli.config.base import BelowOne, Count, Fraction, Seed, Shape
from dnn_cli.config.layer_base import BaseLayer, ChannelsLast, Family, LayerShapeError, XlaSupport
from dnn_cli.config.layer_shapes import suggest_reshape


class DropoutLayer(BaseLayer):
    """Layer that changes its inputs at random during training, with a rate."""

    family: ClassVar[Family] = "dropout and noise"
    example: ClassVar[Mapping[str, Any]] = {"rate": 0.5}
    is_linear: ClassVar[bool] = True
    is_training_only: ClassVar[bool] = True
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    keeps_mask: ClassVar[bool] = True
    rate: Fraction

    @property
    def has_dropout(self) -> bool:
        return self.rate > 0

    def format_size(self, output_shape: Shape) -> str:
        return str(self.rate)


class NoiseShapeLayer(DropoutLayer):
    """Dropout layer that can use the same random number for a whole axis."""

    noise_shape: Annotated[tuple[Count | None, ...], Strict(False), Len(1, 9)] | None = None
    seed: Seed | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        noise = self.noise_shape
        if noise is not None and (
            len(noise) != len(shape) + 1
            or noise[0] not in (None, 1)
            or any(n not in (None, 1, s) for n, s in zip(noise[1:], shape, strict=True))
        ):
            raise LayerShapeError(
                f"noise_shape {list(noise)} does not fit a batch of {shape}: write null, 1 or the size for each axis"
            )
        return shape


class Dropout(NoiseShapeLayer):
    """Layer that sets a random fraction of its inputs to zero during training; Srivastava et al. 2014."""

    keras_name: ClassVar[str] = "layers.Dropout"
    supports_lanes: ClassVar[bool] = True
    type: Literal["Dropout"] = "Dropout"


class AlphaDropout(NoiseShapeLayer):
    """Dropout that keeps the mean and the variance of selu's outputs; Klambauer et al. 2017."""

    keras_name: ClassVar[str] = "layers.AlphaDropout"
    suitable_activation: ClassVar[str | None] = "selu"
    supports_lanes: ClassVar[bool] = True
    type: Literal["AlphaDropout"] = "AlphaDropout"
    # With rate 1, Keras divides by zero.
    rate: BelowOne


class GaussianDropout(DropoutLayer):
    """Layer that multiplies by normally distributed noise of mean 1 during training; Srivastava et al. 2014."""

    keras_name: ClassVar[str] = "layers.GaussianDropout"
    supports_lanes: ClassVar[bool] = True
    type: Literal["GaussianDropout"] = "GaussianDropout"
    # With rate 1, Keras divides by zero.
    rate: BelowOne
    seed: Seed | None = None


class SpatialDropoutLayer(DropoutLayer):
    """Layer that sets whole channels to zero during training; Tompson et al. 2015."""

    spatial_axes: ClassVar[tuple[str, ...]]
    """Names of the axes before the channels."""

    def compute_output_shape(self, shape: Shape) -> Shape:
        if len(shape) != len(self.spatial_axes) + 1:
            axes = ", ".join((*self.spatial_axes, "channels"))
            suggestion = suggest_reshape(shape, len(self.spatial_axes))
            raise LayerShapeError(f"{self.type} needs the input shape ({axes}), not {shape}: {suggestion}")
        return shape

    def list_keras_arguments(self) -> dict[str, Any]:
        # These layers of Keras have no weights, and no argument `trainable`.
        return {name: value for name, value in super().list_keras_arguments().items() if name != "trainable"}


class SpatialDropout1D(SpatialDropoutLayer):
    """Dropout of whole channels of a sequence of (steps, channels)."""

    keras_name: ClassVar[str] = "layers.SpatialDropout1D"
    example_shape: ClassVar[Shape] = (6, 4)
    spatial_axes: ClassVar[tuple[str, ...]] = ("steps",)
    supports_lanes: ClassVar[bool] = True
    type: Literal["SpatialDropout1D"] = "SpatialDropout1D"
    seed: Seed | None = None


class SpatialDropout2D(SpatialDropoutLayer):
    """Dropout of whole channels of an image of (height, width, channels)."""

    keras_name: ClassVar[str] = "layers.SpatialDropout2D"
    spatial_axes: ClassVar[tuple[str, ...]] = ("height", "width")
    supports_lanes: ClassVar[bool] = True
    type: Literal["SpatialDropout2D"] = "SpatialDropout2D"
    data_format: ChannelsLast | None = None
    seed: Seed | None = None


class SpatialDropout3D(SpatialDropoutLayer):
    """Dropout of whole channels of a volume of (depth, height, width, channels)."""

    keras_name: ClassVar[str] = "layers.SpatialDropout3D"
    example_shape: ClassVar[Shape] = (3, 4, 4, 2)
    spatial_axes: ClassVar[tuple[str, ...]] = ("depth", "height", "width")
    supports_lanes: ClassVar[bool] = True
    type: Literal["SpatialDropout3D"] = "SpatialDropout3D"
    data_format: ChannelsLast | None = None
    seed: Seed | None = None


class GaussianNoise(BaseLayer):
    """Layer that adds normally distributed noise during training."""

    keras_name: ClassVar[str] = "layers.GaussianNoise"
    family: ClassVar[Family] = "dropout and noise"
    example: ClassVar[Mapping[str, Any]] = {"stddev": 0.5}
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    is_training_only: ClassVar[bool] = True
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    keeps_mask: ClassVar[bool] = True
    type: Literal["GaussianNoise"] = "GaussianNoise"
    stddev: Fraction
    seed: Seed | None = None

    @property
    def has_dropout(self) -> bool:
        return self.stddev > 0

    def format_size(self, output_shape: Shape) -> str:
        return str(self.stddev)
