"""Wrapper that limits the spectral norm of a kernel."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from dnn_cli.config.base import Shape
from dnn_cli.config.layer_base import LayerShapeError, WeightSpec, XlaSupport
from dnn_cli.config.layers.wrappers import OutputWrapper, add_prefix, get_inner_name


class SpectralNormalization(OutputWrapper):
    """Wrapper that divides the kernel of a layer by its largest singular value in training; Miyato et al. 2018.

    Each training step changes the kernel and the vector with which the singular value is estimated.
    """

    keras_name: ClassVar[str] = "layers.SpectralNormalization"
    example: ClassVar[Mapping[str, Any]] = {"layer": {"type": "Conv2D", "filters": 4, "kernel_size": 3}}
    is_linear: ClassVar[bool] = True
    has_kernel: ClassVar[bool] = True
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    slowdown: ClassVar[int] = 2
    type: Literal["SpectralNormalization"] = "SpectralNormalization"
    power_iterations: Annotated[int, Field(gt=0, le=1000)] = 1

    @property
    def last_axis_size(self) -> int | None:
        return self.layer.last_axis_size

    def compute_output_shape(self, shape: Shape) -> Shape:
        if not self.layer.has_kernel or self.layer.family == self.family:
            raise LayerShapeError(
                f"the layer {self.layer.type} has no kernel of its own: use a layer such as Dense or Conv2D"
            )
        if self.layer.applied_activation == "glu":
            raise LayerShapeError("the inner layer has the activation glu: use another activation")
        return self.layer.compute_output_shape(shape)

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        weights = self.layer.list_weights(shape)
        kernel, *others = add_prefix(
            get_inner_name(self.layer),
            tuple(weight._replace(trainable=weight.trainable and self.layer.trainable) for weight in weights),
        )
        return (kernel, WeightSpec("vector_u", (1, kernel.shape[-1]), trainable=False), *others)

    def count_multiply_adds(self, shape: Shape) -> int:
        return self.layer.count_multiply_adds(shape)

    def format_size(self, output_shape: Shape) -> str:
        return f"{self.layer.type} {self.layer.format_size(output_shape)}".rstrip()
