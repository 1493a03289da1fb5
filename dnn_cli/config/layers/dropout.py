"""Dropout and noise layers: random changes of the inputs during training."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import Strict

from dnn_cli.config.base import Count, Fraction, Seed, Shape
from dnn_cli.config.layer_base import BaseLayer, Family, LayerShapeError, XlaSupport


class Dropout(BaseLayer):
    """Layer that sets a random fraction of its inputs to zero during training; Srivastava et al. 2014."""

    keras_name: ClassVar[str] = "layers.Dropout"
    family: ClassVar[Family] = "dropout and noise"
    example: ClassVar[Mapping[str, Any]] = {"rate": 0.5}
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    is_training_only: ClassVar[bool] = True
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    type: Literal["Dropout"] = "Dropout"
    rate: Fraction
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

    def format_size(self, output_shape: Shape) -> str:
        return str(self.rate)


class GaussianNoise(BaseLayer):
    """Layer that adds normally distributed noise during training."""

    keras_name: ClassVar[str] = "layers.GaussianNoise"
    family: ClassVar[Family] = "dropout and noise"
    example: ClassVar[Mapping[str, Any]] = {"stddev": 0.5}
    supports_lanes: ClassVar[bool] = True
    is_linear: ClassVar[bool] = True
    is_training_only: ClassVar[bool] = True
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    type: Literal["GaussianNoise"] = "GaussianNoise"
    stddev: Fraction
    seed: Seed | None = None

    def format_size(self, output_shape: Shape) -> str:
        return str(self.stddev)
