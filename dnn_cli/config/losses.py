"""The losses, and what each needs of the targets and of the output.

A new loss is a class in this file, listed in `Loss` at its end.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dnn_cli.config.base import BareName, ByType, Fraction, KerasConfig, NotNegative, Positive

TargetEncoding = Literal["index", "one_hot", "binary", "real"]
"""Form of the targets: class numbers (int32), one-hot vectors, 0 or 1 for two classes, or the numbers of a
regression; all but the first are float32."""


class BaseLoss(KerasConfig):
    """A loss between what is true and the outputs."""

    type: str
    target_encodings: ClassVar[tuple[TargetEncoding, ...]]
    """Target encodings that the loss takes."""

    needs_probabilities: ClassVar[bool] = False
    """The loss takes the logarithm of the outputs, so they must be probabilities."""

    @property
    def takes_logits(self) -> bool:
        """Whether it takes outputs as they are before the activation."""
        return bool(getattr(self, "from_logits", False))


class SparseCategoricalCrossentropy(BaseLoss):
    """−log of the probability given to the true class, with targets as class numbers."""

    keras_name: ClassVar[str] = "losses.SparseCategoricalCrossentropy"
    type: Literal["sparse_categorical_crossentropy"] = "sparse_categorical_crossentropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("index",)
    needs_probabilities: ClassVar[bool] = True
    from_logits: bool = False
    ignore_class: Annotated[int, Field(ge=0, le=10_000_000)] | None = None


class CategoricalCrossentropy(BaseLoss):
    """−log of the probability given to the true class, with targets as vectors, which can be smoothed."""

    keras_name: ClassVar[str] = "losses.CategoricalCrossentropy"
    type: Literal["categorical_crossentropy"] = "categorical_crossentropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    needs_probabilities: ClassVar[bool] = True
    from_logits: bool = False
    label_smoothing: Fraction = 0.0


class CategoricalFocalCrossentropy(BaseLoss):
    """Cross-entropy that weighs hard examples more; Lin et al. 2017."""

    keras_name: ClassVar[str] = "losses.CategoricalFocalCrossentropy"
    type: Literal["categorical_focal_crossentropy"] = "categorical_focal_crossentropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    needs_probabilities: ClassVar[bool] = True
    alpha: Fraction = 0.25
    gamma: NotNegative = 2.0
    from_logits: bool = False
    label_smoothing: Fraction = 0.0


class BinaryCrossentropy(BaseLoss):
    """−log of the probability given to the true one of two classes; the output is one sigmoid unit."""

    keras_name: ClassVar[str] = "losses.BinaryCrossentropy"
    type: Literal["binary_crossentropy"] = "binary_crossentropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary",)
    needs_probabilities: ClassVar[bool] = True
    from_logits: bool = False
    label_smoothing: Fraction = 0.0


class BinaryFocalCrossentropy(BaseLoss):
    """The same loss, weighing hard examples more; Lin et al. 2017."""

    keras_name: ClassVar[str] = "losses.BinaryFocalCrossentropy"
    type: Literal["binary_focal_crossentropy"] = "binary_focal_crossentropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary",)
    needs_probabilities: ClassVar[bool] = True
    apply_class_balancing: bool = False
    alpha: Fraction = 0.25
    gamma: NotNegative = 2.0
    from_logits: bool = False
    label_smoothing: Fraction = 0.0


class KLDivergence(BaseLoss):
    """Σ label × log(label / output)."""

    keras_name: ClassVar[str] = "losses.KLDivergence"
    type: Literal["kl_divergence"] = "kl_divergence"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    needs_probabilities: ClassVar[bool] = True


class CategoricalHinge(BaseLoss):
    """How far the true class's output is ahead of the best other one."""

    keras_name: ClassVar[str] = "losses.CategoricalHinge"
    type: Literal["categorical_hinge"] = "categorical_hinge"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)


class MeanSquaredError(BaseLoss):
    """The mean of squared differences."""

    keras_name: ClassVar[str] = "losses.MeanSquaredError"
    type: Literal["mean_squared_error"] = "mean_squared_error"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot", "real")


class MeanAbsoluteError(BaseLoss):
    """The mean of absolute differences."""

    keras_name: ClassVar[str] = "losses.MeanAbsoluteError"
    type: Literal["mean_absolute_error"] = "mean_absolute_error"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot", "real")


class Huber(BaseLoss):
    """Squared for small differences, linear for large ones; Huber 1964."""

    keras_name: ClassVar[str] = "losses.Huber"
    type: Literal["huber"] = "huber"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot", "real")
    delta: Positive = 1.0


class LogCosh(BaseLoss):
    """log(cosh(difference)): squared for small differences, linear for large ones."""

    keras_name: ClassVar[str] = "losses.LogCosh"
    type: Literal["log_cosh"] = "log_cosh"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot", "real")


class MeanAbsolutePercentageError(BaseLoss):
    """The mean of absolute differences as percentages of the true numbers."""

    keras_name: ClassVar[str] = "losses.MeanAbsolutePercentageError"
    type: Literal["mean_absolute_percentage_error"] = "mean_absolute_percentage_error"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real",)


class MeanSquaredLogarithmicError(BaseLoss):
    """The mean of squared differences of logarithms, for numbers that grow by factors."""

    keras_name: ClassVar[str] = "losses.MeanSquaredLogarithmicError"
    type: Literal["mean_squared_logarithmic_error"] = "mean_squared_logarithmic_error"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real",)


ERROR_ALIASES = {
    short: name
    for name, short in (
        ("mean_squared_error", "mse"),
        ("mean_absolute_error", "mae"),
        ("mean_absolute_percentage_error", "mape"),
        ("mean_squared_logarithmic_error", "msle"),
    )
    for short in (short, short.upper())
}
"""Keras's short names of losses that are metrics, too."""

Loss = Annotated[
    SparseCategoricalCrossentropy
    | CategoricalCrossentropy
    | CategoricalFocalCrossentropy
    | BinaryCrossentropy
    | BinaryFocalCrossentropy
    | KLDivergence
    | CategoricalHinge
    | MeanSquaredError
    | MeanAbsoluteError
    | MeanAbsolutePercentageError
    | MeanSquaredLogarithmicError
    | Huber
    | LogCosh,
    ByType,
    BareName,
]
