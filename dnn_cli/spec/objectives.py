"""What a training aims at: losses and metrics, and what each needs of the labels and of the output.

To add one, write its class and put it into `Loss` or `Metric`.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from dnn_cli.spec.base import BareName, ByType, Fraction, KerasPart, NotNegative, Positive, bare_name

Targets = Literal["index", "one_hot"]
"""How a class is told: its number (int32), or a vector with a one in its place (float32)."""


class BaseLoss(KerasPart):
    """A loss between the true class and the outputs, one output a class."""

    type: str
    targets: ClassVar[Targets] = "one_hot"
    probabilities: ClassVar[bool] = False
    """The loss takes the logarithm of the outputs, so they must be probabilities."""


class SparseCategoricalCrossentropy(BaseLoss):
    """−log of the probability given to the true class, which is told by its number."""

    keras_name: ClassVar[str] = "losses.SparseCategoricalCrossentropy"
    type: Literal["sparse_categorical_crossentropy"] = "sparse_categorical_crossentropy"
    targets: ClassVar[Targets] = "index"
    probabilities: ClassVar[bool] = True
    from_logits: bool = False
    ignore_class: Annotated[int, Field(ge=0, le=10_000_000)] | None = None


class CategoricalCrossentropy(BaseLoss):
    """The same loss with labels as vectors, which can be smoothed."""

    keras_name: ClassVar[str] = "losses.CategoricalCrossentropy"
    type: Literal["categorical_crossentropy"] = "categorical_crossentropy"
    probabilities: ClassVar[bool] = True
    from_logits: bool = False
    label_smoothing: Fraction = 0.0


class CategoricalFocalCrossentropy(BaseLoss):
    """Cross-entropy that weighs hard examples more; Lin et al. 2017."""

    keras_name: ClassVar[str] = "losses.CategoricalFocalCrossentropy"
    type: Literal["categorical_focal_crossentropy"] = "categorical_focal_crossentropy"
    probabilities: ClassVar[bool] = True
    alpha: Fraction = 0.25
    gamma: NotNegative = 2.0
    from_logits: bool = False
    label_smoothing: Fraction = 0.0


class KLDivergence(BaseLoss):
    """Σ label × log(label / output)."""

    keras_name: ClassVar[str] = "losses.KLDivergence"
    type: Literal["kl_divergence"] = "kl_divergence"
    probabilities: ClassVar[bool] = True


class CategoricalHinge(BaseLoss):
    """How far the true class's output is ahead of the best other one."""

    keras_name: ClassVar[str] = "losses.CategoricalHinge"
    type: Literal["categorical_hinge"] = "categorical_hinge"


class MeanSquaredError(BaseLoss):
    """The mean of squared differences from the label's vector."""

    keras_name: ClassVar[str] = "losses.MeanSquaredError"
    type: Literal["mean_squared_error"] = "mean_squared_error"


class MeanAbsoluteError(BaseLoss):
    """The mean of differences from the label's vector."""

    keras_name: ClassVar[str] = "losses.MeanAbsoluteError"
    type: Literal["mean_absolute_error"] = "mean_absolute_error"


class Huber(BaseLoss):
    """Squared for small differences, linear for large ones; Huber 1964."""

    keras_name: ClassVar[str] = "losses.Huber"
    type: Literal["huber"] = "huber"
    delta: Positive = 1.0


ALIASES = {"mse": "mean_squared_error", "mae": "mean_absolute_error", "kld": "kl_divergence"}
"""Keras's own short names."""


def full_name(value: Any) -> Any:
    """Read a bare name, short or long, as a mapping of only its `type`."""
    return bare_name(ALIASES.get(value, value) if isinstance(value, str) else value)


Loss = Annotated[
    SparseCategoricalCrossentropy
    | CategoricalCrossentropy
    | CategoricalFocalCrossentropy
    | KLDivergence
    | CategoricalHinge
    | MeanSquaredError
    | MeanAbsoluteError
    | Huber,
    ByType,
    BeforeValidator(full_name),
]


def lower_is_better(score: str) -> bool:
    """Whether less of a score is better: of a loss, but of none of the metrics."""
    return score in ("loss", "val_loss")


class BaseMetric(KerasPart):
    """A score shown beside the loss; every one here is better when larger."""

    type: str
    targets: ClassVar[Targets | None] = None
    """The labels it needs; `None`: any."""


class Accuracy(BaseMetric):
    """The share of examples whose largest output is the true class."""

    keras_name: ClassVar[str] = "metrics.Accuracy"
    type: Literal["accuracy"] = "accuracy"

    def build(self, **more: Any) -> Any:
        return "accuracy"  # Keras picks the class that fits the labels only for the bare name


class SparseCategoricalAccuracy(BaseMetric):
    """Accuracy for classes told by their number."""

    keras_name: ClassVar[str] = "metrics.SparseCategoricalAccuracy"
    type: Literal["sparse_categorical_accuracy"] = "sparse_categorical_accuracy"
    targets: ClassVar[Targets | None] = "index"


class CategoricalAccuracy(BaseMetric):
    """Accuracy for classes told by a vector."""

    keras_name: ClassVar[str] = "metrics.CategoricalAccuracy"
    type: Literal["categorical_accuracy"] = "categorical_accuracy"
    targets: ClassVar[Targets | None] = "one_hot"


class SparseTopKCategoricalAccuracy(BaseMetric):
    """The share of examples whose true class, told by its number, is among the k largest outputs."""

    keras_name: ClassVar[str] = "metrics.SparseTopKCategoricalAccuracy"
    type: Literal["sparse_top_k_categorical_accuracy"] = "sparse_top_k_categorical_accuracy"
    targets: ClassVar[Targets | None] = "index"
    k: Annotated[int, Field(ge=1, le=10_000_000)] = 5


class TopKCategoricalAccuracy(BaseMetric):
    """The share of examples whose true class, told by a vector, is among the k largest outputs."""

    keras_name: ClassVar[str] = "metrics.TopKCategoricalAccuracy"
    type: Literal["top_k_categorical_accuracy"] = "top_k_categorical_accuracy"
    targets: ClassVar[Targets | None] = "one_hot"
    k: Annotated[int, Field(ge=1, le=10_000_000)] = 5


Metric = Annotated[
    Accuracy
    | SparseCategoricalAccuracy
    | CategoricalAccuracy
    | SparseTopKCategoricalAccuracy
    | TopKCategoricalAccuracy,
    ByType,
    BareName,
]
