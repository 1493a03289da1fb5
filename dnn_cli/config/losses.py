"""Losses of Keras: one class each, with the form of targets and outputs that the loss needs.

To add a loss, write a class in this file and list it in `Loss` at the end.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dnn_cli.config.base import BareName, ByType, Fraction, KerasConfig, NotNegative, Positive, list_classes_by_type

TargetEncoding = Literal["index", "one_hot", "binary", "real"]
"""Form of the targets: class numbers, one-hot vectors, 0 or 1 for two classes, or the numbers of a regression.

Class numbers are int32. All other targets are float32.
"""


class BaseLoss(KerasConfig):
    """Loss: the number, computed from targets and outputs, that training minimises."""

    type: str
    target_encodings: ClassVar[tuple[TargetEncoding, ...]]
    """Forms of targets that the loss accepts."""

    needs_probabilities: ClassVar[bool] = False
    """Whether outputs must be probabilities, because the loss takes their logarithm."""

    is_relative: ClassVar[bool] = False
    """Whether the loss compares ratios of numbers, which standardized targets do not have."""

    needs_positive_outputs: ClassVar[bool] = False
    """Whether the loss takes the logarithm of outputs that may have any size above 0."""

    takes_margins: ClassVar[bool] = False
    """Whether outputs are distances from the boundary of two classes: above 0 for the second class. The other modules
    treat margins as logits, which have the same boundary."""

    @property
    def takes_logits(self) -> bool:
        """Whether the loss takes logits: outputs before the activation."""
        return self.takes_margins or bool(getattr(self, "from_logits", False))


class SparseCategoricalCrossentropy(BaseLoss):
    """Cross-entropy for targets as class numbers: −log of the probability of the true class."""

    keras_name: ClassVar[str] = "losses.SparseCategoricalCrossentropy"
    type: Literal["sparse_categorical_crossentropy"] = "sparse_categorical_crossentropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("index",)
    needs_probabilities: ClassVar[bool] = True
    from_logits: bool = False
    ignore_class: Annotated[int, Field(ge=0, le=10_000_000)] | None = None


class CategoricalCrossentropy(BaseLoss):
    """Cross-entropy for one-hot targets, which can be smoothed: −log of the probability of the true class."""

    keras_name: ClassVar[str] = "losses.CategoricalCrossentropy"
    type: Literal["categorical_crossentropy"] = "categorical_crossentropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    needs_probabilities: ClassVar[bool] = True
    from_logits: bool = False
    label_smoothing: Fraction = 0.0


class CategoricalFocalCrossentropy(BaseLoss):
    """Cross-entropy for one-hot targets that gives hard examples more weight; Lin et al. 2017."""

    keras_name: ClassVar[str] = "losses.CategoricalFocalCrossentropy"
    type: Literal["categorical_focal_crossentropy"] = "categorical_focal_crossentropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    needs_probabilities: ClassVar[bool] = True
    alpha: Fraction = 0.25
    gamma: NotNegative = 2.0
    from_logits: bool = False
    label_smoothing: Fraction = 0.0


class BinaryCrossentropy(BaseLoss):
    """Cross-entropy for two classes and one sigmoid output: −log of the probability of the true class."""

    keras_name: ClassVar[str] = "losses.BinaryCrossentropy"
    type: Literal["binary_crossentropy"] = "binary_crossentropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary",)
    needs_probabilities: ClassVar[bool] = True
    from_logits: bool = False
    label_smoothing: Fraction = 0.0


class BinaryFocalCrossentropy(BaseLoss):
    """Cross-entropy for two classes that gives hard examples more weight; Lin et al. 2017."""

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
    """Kullback–Leibler divergence: Σ target × log(target / output)."""

    keras_name: ClassVar[str] = "losses.KLDivergence"
    type: Literal["kl_divergence"] = "kl_divergence"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    needs_probabilities: ClassVar[bool] = True


class CategoricalHinge(BaseLoss):
    """Hinge loss: max(0, 1 + largest output of a wrong class − output of the true class)."""

    keras_name: ClassVar[str] = "losses.CategoricalHinge"
    type: Literal["categorical_hinge"] = "categorical_hinge"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)


class CategoricalGeneralizedCrossEntropy(BaseLoss):
    """Loss (1 − p^q) / q of the probability p of the true class, for targets with errors; Zhang and Sabuncu 2018."""

    keras_name: ClassVar[str] = "losses.CategoricalGeneralizedCrossEntropy"
    is_known_by_type: ClassVar[bool] = False
    type: Literal["categorical_generalized_cross_entropy"] = "categorical_generalized_cross_entropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("index",)
    needs_probabilities: ClassVar[bool] = True
    q: Annotated[float, Field(gt=0, lt=1)] = 0.5


class Hinge(BaseLoss):
    """Hinge loss of two classes: max(0, 1 − sign × output), with the sign −1 or 1 of the true class."""

    keras_name: ClassVar[str] = "losses.Hinge"
    type: Literal["hinge"] = "hinge"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary",)
    takes_margins: ClassVar[bool] = True


class SquaredHinge(BaseLoss):
    """Square of the hinge loss of two classes."""

    keras_name: ClassVar[str] = "losses.SquaredHinge"
    type: Literal["squared_hinge"] = "squared_hinge"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary",)
    takes_margins: ClassVar[bool] = True


class Poisson(BaseLoss):
    """Loss output − target × log(output), for counts. Outputs must be positive: `activation: exponential`."""

    keras_name: ClassVar[str] = "losses.Poisson"
    type: Literal["poisson"] = "poisson"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real",)
    is_relative: ClassVar[bool] = True
    needs_positive_outputs: ClassVar[bool] = True


class CosineSimilarity(BaseLoss):
    """Negative cosine of the angle between outputs and targets: −1 for the same direction."""

    keras_name: ClassVar[str] = "losses.CosineSimilarity"
    type: Literal["cosine_similarity"] = "cosine_similarity"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot", "real")


class MeanSquaredError(BaseLoss):
    """Mean of squared differences."""

    keras_name: ClassVar[str] = "losses.MeanSquaredError"
    type: Literal["mean_squared_error"] = "mean_squared_error"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot", "real")


class MeanAbsoluteError(BaseLoss):
    """Mean of absolute differences."""

    keras_name: ClassVar[str] = "losses.MeanAbsoluteError"
    type: Literal["mean_absolute_error"] = "mean_absolute_error"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot", "real")


class Huber(BaseLoss):
    """Loss that is quadratic for differences up to delta, and linear for larger differences; Huber 1964."""

    keras_name: ClassVar[str] = "losses.Huber"
    type: Literal["huber"] = "huber"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot", "real")
    delta: Positive = 1.0


class LogCosh(BaseLoss):
    """Mean of log(cosh(difference)): nearly quadratic for small differences, nearly linear for large ones."""

    keras_name: ClassVar[str] = "losses.LogCosh"
    type: Literal["log_cosh"] = "log_cosh"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot", "real")


class MeanAbsolutePercentageError(BaseLoss):
    """Mean of absolute differences, in percent of the true numbers."""

    keras_name: ClassVar[str] = "losses.MeanAbsolutePercentageError"
    type: Literal["mean_absolute_percentage_error"] = "mean_absolute_percentage_error"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real",)
    is_relative: ClassVar[bool] = True


class MeanSquaredLogarithmicError(BaseLoss):
    """Mean of squared differences between log(1 + output) and log(1 + target), for targets of very different sizes."""

    keras_name: ClassVar[str] = "losses.MeanSquaredLogarithmicError"
    type: Literal["mean_squared_logarithmic_error"] = "mean_squared_logarithmic_error"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real",)
    is_relative: ClassVar[bool] = True


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
"""Full names of losses that are also metrics, by Keras's short name, such as `mse`."""

Loss = Annotated[
    SparseCategoricalCrossentropy
    | CategoricalCrossentropy
    | CategoricalFocalCrossentropy
    | BinaryCrossentropy
    | BinaryFocalCrossentropy
    | KLDivergence
    | CategoricalHinge
    | CategoricalGeneralizedCrossEntropy
    | Hinge
    | SquaredHinge
    | Poisson
    | CosineSimilarity
    | MeanSquaredError
    | MeanAbsoluteError
    | MeanAbsolutePercentageError
    | MeanSquaredLogarithmicError
    | Huber
    | LogCosh,
    ByType,
    BareName,
]

LOSS_CLASSES: dict[str, type[BaseLoss]] = list_classes_by_type(Loss)
"""Losses by their `type`."""
