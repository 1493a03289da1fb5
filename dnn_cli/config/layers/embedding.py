"""Embedding layer: a vector of learnt numbers for each whole number."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from dnn_cli.config.base import Count, Shape
from dnn_cli.config.layer_base import BaseLayer, Family, WeightSpec
from dnn_cli.config.weight_configs import Constraint, Initializer, RandomUniform, Regularizer


class Embedding(BaseLayer):
    """Layer that replaces each whole number from 0 to input_dim - 1, such as the number of a word, by a vector."""

    keras_name: ClassVar[str] = "layers.Embedding"
    family: ClassVar[Family] = "core"
    example: ClassVar[Mapping[str, Any]] = {"input_dim": 10, "output_dim": 4}
    example_shape: ClassVar[Shape] = (6,)
    takes_integers: ClassVar[bool] = True
    size_key: ClassVar[str | None] = "output_dim"
    type: Literal["Embedding"] = "Embedding"
    input_dim: Count
    output_dim: Count
    embeddings_initializer: Initializer = RandomUniform()
    embeddings_regularizer: Regularizer | None = None
    embeddings_constraint: Constraint | None = None
    mask_zero: bool = False

    @property
    def creates_mask(self) -> bool:
        return self.mask_zero

    @property
    def integer_limit(self) -> int | None:
        return self.input_dim

    def compute_output_shape(self, shape: Shape) -> Shape:
        return (*shape, self.output_dim)

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        return (WeightSpec("embeddings", (self.input_dim, self.output_dim)),)
