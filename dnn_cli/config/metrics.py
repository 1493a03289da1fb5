"""Metrics of Keras: one class each, with the form of targets that the metric needs.

To add a metric, write a class in this file and list it in `Metric` at the end.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from dnn_cli.config.base import BareName, ByType, Fraction, KerasConfig, Positive, list_classes_by_type
from dnn_cli.config.losses import TargetEncoding

_TopK = Annotated[int, Field(ge=1, le=10_000_000)]
_ClassNumber = Annotated[int, Field(ge=0, le=10_000_000)]


class BaseMetric(KerasConfig):
    """Metric: a score that is computed in addition to the loss."""

    type: str
    target_encodings: ClassVar[tuple[TargetEncoding, ...]]
    """Forms of targets that the metric accepts."""

    lower_is_better: ClassVar[bool] = False
    counts_examples: ClassVar[bool] = False
    """Whether the score is the share of the examples that meet a condition, as accuracy is."""

    is_share: ClassVar[bool] = True
    """Whether a score for which higher is better lies between 0 and 1."""

    needs_probabilities: ClassVar[bool] = False
    """Whether outputs must be probabilities."""


class Accuracy(BaseMetric):
    """Share of correct predictions: the class of the largest output, or class 1 if a single output is above 0.5."""

    keras_name: ClassVar[str] = "metrics.Accuracy"
    type: Literal["accuracy"] = "accuracy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("index", "one_hot", "binary")
    counts_examples: ClassVar[bool] = True

    def build_keras_object(self, **extra_arguments: Any) -> Any:
        # Keras chooses the class that fits the targets only for the bare name.
        return "accuracy"


class SparseCategoricalAccuracy(BaseMetric):
    """Accuracy for targets as class numbers."""

    keras_name: ClassVar[str] = "metrics.SparseCategoricalAccuracy"
    type: Literal["sparse_categorical_accuracy"] = "sparse_categorical_accuracy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("index",)
    counts_examples: ClassVar[bool] = True


class CategoricalAccuracy(BaseMetric):
    """Accuracy for targets as one-hot vectors."""

    keras_name: ClassVar[str] = "metrics.CategoricalAccuracy"
    type: Literal["categorical_accuracy"] = "categorical_accuracy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    counts_examples: ClassVar[bool] = True


class BinaryAccuracy(BaseMetric):
    """Accuracy for two classes and a single output. An output above the threshold predicts class 1."""

    keras_name: ClassVar[str] = "metrics.BinaryAccuracy"
    type: Literal["binary_accuracy"] = "binary_accuracy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary",)
    counts_examples: ClassVar[bool] = True
    threshold: Fraction = 0.5


class SparseTopKCategoricalAccuracy(BaseMetric):
    """Share of examples whose true class is among the k largest outputs, for targets as class numbers."""

    keras_name: ClassVar[str] = "metrics.SparseTopKCategoricalAccuracy"
    type: Literal["sparse_top_k_categorical_accuracy"] = "sparse_top_k_categorical_accuracy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("index",)
    counts_examples: ClassVar[bool] = True
    k: _TopK = 5


class TopKCategoricalAccuracy(BaseMetric):
    """Share of examples whose true class is among the k largest outputs, for targets as one-hot vectors."""

    keras_name: ClassVar[str] = "metrics.TopKCategoricalAccuracy"
    type: Literal["top_k_categorical_accuracy"] = "top_k_categorical_accuracy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    counts_examples: ClassVar[bool] = True
    k: _TopK = 5


class AUC(BaseMetric):
    """Area under the curve of true against false positive rate (ROC), or of precision against recall (PR)."""

    keras_name: ClassVar[str] = "metrics.AUC"
    type: Literal["auc"] = "auc"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary", "one_hot")
    num_thresholds: Annotated[int, Field(ge=2, le=10_000)] = 200
    curve: Literal["ROC", "PR"] = "ROC"
    summation_method: Literal["interpolation", "minoring", "majoring"] = "interpolation"
    from_logits: bool = False


class Precision(BaseMetric):
    """Share of the positive predictions that are correct."""

    keras_name: ClassVar[str] = "metrics.Precision"
    type: Literal["precision"] = "precision"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary", "one_hot")
    thresholds: Fraction | None = None
    top_k: _TopK | None = None
    class_id: _ClassNumber | None = None


class Recall(BaseMetric):
    """Share of the positive examples that are predicted as positive."""

    keras_name: ClassVar[str] = "metrics.Recall"
    type: Literal["recall"] = "recall"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary", "one_hot")
    thresholds: Fraction | None = None
    top_k: _TopK | None = None
    class_id: _ClassNumber | None = None


class FScore(BaseMetric):
    """Mean of precision and recall, averaged over the classes. A single output needs a threshold."""

    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary", "one_hot")
    average: Literal["micro", "macro", "weighted"] = "macro"
    threshold: Annotated[float, Field(gt=0, lt=1)] | None = None

    def list_keras_arguments(self) -> dict[str, Any]:
        # Keras's default, `None`, gives one number per class.
        return {**super().list_keras_arguments(), "average": self.average}


class F1Score(FScore):
    """Harmonic mean of precision and recall, averaged over the classes. A single output needs a threshold."""

    keras_name: ClassVar[str] = "metrics.F1Score"
    type: Literal["f1_score"] = "f1_score"


class FBetaScore(FScore):
    """F1 score in which recall counts `beta` times as much as precision. A single output needs a threshold."""

    keras_name: ClassVar[str] = "metrics.FBetaScore"
    type: Literal["fbeta_score"] = "fbeta_score"
    beta: Positive = 1.0


class ThresholdSearchMetric(BaseMetric):
    """Best value of a rate over the thresholds at which another rate has at least a required value; 0 without one."""

    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary", "one_hot")
    needs_probabilities: ClassVar[bool] = True
    num_thresholds: Annotated[int, Field(ge=2, le=10_000)] = 200
    class_id: _ClassNumber | None = None

    rate_key: ClassVar[str]
    """Argument with the required value, from 0 to 1."""


class PrecisionAtRecall(ThresholdSearchMetric):
    """Best precision at a recall of at least `recall`."""

    keras_name: ClassVar[str] = "metrics.PrecisionAtRecall"
    type: Literal["precision_at_recall"] = "precision_at_recall"
    rate_key: ClassVar[str] = "recall"
    recall: Fraction


class RecallAtPrecision(ThresholdSearchMetric):
    """Best recall at a precision of at least `precision`."""

    keras_name: ClassVar[str] = "metrics.RecallAtPrecision"
    type: Literal["recall_at_precision"] = "recall_at_precision"
    rate_key: ClassVar[str] = "precision"
    precision: Fraction


class SensitivityAtSpecificity(ThresholdSearchMetric):
    """Best share of recognised positive examples, if at least `specificity` of the negative ones are recognised."""

    keras_name: ClassVar[str] = "metrics.SensitivityAtSpecificity"
    type: Literal["sensitivity_at_specificity"] = "sensitivity_at_specificity"
    rate_key: ClassVar[str] = "specificity"
    specificity: Fraction


class SpecificityAtSensitivity(ThresholdSearchMetric):
    """Best share of recognised negative examples, if at least `sensitivity` of the positive ones are recognised."""

    keras_name: ClassVar[str] = "metrics.SpecificityAtSensitivity"
    type: Literal["specificity_at_sensitivity"] = "specificity_at_sensitivity"
    rate_key: ClassVar[str] = "sensitivity"
    sensitivity: Fraction


class PredictionCount(BaseMetric):
    """Number of outputs of one kind, such as true positives. With `data.weight`, each output counts its weight."""

    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary", "one_hot")
    needs_probabilities: ClassVar[bool] = True
    is_share: ClassVar[bool] = False
    thresholds: Fraction | None = None
    counts_positive_targets: ClassVar[bool]
    counts_positive_outputs: ClassVar[bool]


class TruePositives(PredictionCount):
    """Number of positive outputs with positive targets."""

    keras_name: ClassVar[str] = "metrics.TruePositives"
    type: Literal["true_positives"] = "true_positives"
    counts_positive_targets: ClassVar[bool] = True
    counts_positive_outputs: ClassVar[bool] = True


class TrueNegatives(PredictionCount):
    """Number of negative outputs with negative targets."""

    keras_name: ClassVar[str] = "metrics.TrueNegatives"
    type: Literal["true_negatives"] = "true_negatives"
    counts_positive_targets: ClassVar[bool] = False
    counts_positive_outputs: ClassVar[bool] = False


class FalsePositives(PredictionCount):
    """Number of positive outputs with negative targets."""

    keras_name: ClassVar[str] = "metrics.FalsePositives"
    type: Literal["false_positives"] = "false_positives"
    lower_is_better: ClassVar[bool] = True
    counts_positive_targets: ClassVar[bool] = False
    counts_positive_outputs: ClassVar[bool] = True


class FalseNegatives(PredictionCount):
    """Number of negative outputs with positive targets."""

    keras_name: ClassVar[str] = "metrics.FalseNegatives"
    type: Literal["false_negatives"] = "false_negatives"
    lower_is_better: ClassVar[bool] = True
    counts_positive_targets: ClassVar[bool] = True
    counts_positive_outputs: ClassVar[bool] = False


class ErrorMetric(BaseMetric):
    """Metric of the distance between outputs and true numbers."""

    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real", "one_hot")
    lower_is_better: ClassVar[bool] = True


class MeanSquaredError(ErrorMetric):
    """Mean of squared differences."""

    keras_name: ClassVar[str] = "metrics.MeanSquaredError"
    type: Literal["mean_squared_error"] = "mean_squared_error"


class RootMeanSquaredError(ErrorMetric):
    """Root of the mean of squared differences, in the unit of the target."""

    keras_name: ClassVar[str] = "metrics.RootMeanSquaredError"
    type: Literal["root_mean_squared_error"] = "root_mean_squared_error"


class MeanAbsoluteError(ErrorMetric):
    """Mean of absolute differences, in the unit of the target."""

    keras_name: ClassVar[str] = "metrics.MeanAbsoluteError"
    type: Literal["mean_absolute_error"] = "mean_absolute_error"


class MeanAbsolutePercentageError(ErrorMetric):
    """Mean of absolute differences, in percent of the true numbers."""

    keras_name: ClassVar[str] = "metrics.MeanAbsolutePercentageError"
    type: Literal["mean_absolute_percentage_error"] = "mean_absolute_percentage_error"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real",)


class MeanSquaredLogarithmicError(ErrorMetric):
    """Mean of squared differences between log(1 + output) and log(1 + target)."""

    keras_name: ClassVar[str] = "metrics.MeanSquaredLogarithmicError"
    type: Literal["mean_squared_logarithmic_error"] = "mean_squared_logarithmic_error"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real",)


class SparseCategoricalCrossentropy(BaseMetric):
    """Cross-entropy for targets as class numbers."""

    keras_name: ClassVar[str] = "metrics.SparseCategoricalCrossentropy"
    type: Literal["sparse_categorical_crossentropy"] = "sparse_categorical_crossentropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("index",)
    lower_is_better: ClassVar[bool] = True
    from_logits: bool = False


class CategoricalCrossentropy(BaseMetric):
    """Cross-entropy for targets as one-hot vectors."""

    keras_name: ClassVar[str] = "metrics.CategoricalCrossentropy"
    type: Literal["categorical_crossentropy"] = "categorical_crossentropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    lower_is_better: ClassVar[bool] = True
    from_logits: bool = False
    label_smoothing: Fraction = 0.0


class BinaryCrossentropy(BaseMetric):
    """Cross-entropy for two classes and a single output."""

    keras_name: ClassVar[str] = "metrics.BinaryCrossentropy"
    type: Literal["binary_crossentropy"] = "binary_crossentropy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary",)
    lower_is_better: ClassVar[bool] = True
    from_logits: bool = False
    label_smoothing: Fraction = 0.0


class KLDivergence(BaseMetric):
    """Kullback–Leibler divergence: Σ target × log(target / output)."""

    keras_name: ClassVar[str] = "metrics.KLDivergence"
    type: Literal["kl_divergence"] = "kl_divergence"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    lower_is_better: ClassVar[bool] = True
    needs_probabilities: ClassVar[bool] = True


class CategoricalHinge(BaseMetric):
    """Hinge loss: max(0, 1 + largest output of a wrong class − output of the true class)."""

    keras_name: ClassVar[str] = "metrics.CategoricalHinge"
    type: Literal["categorical_hinge"] = "categorical_hinge"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    lower_is_better: ClassVar[bool] = True


class Hinge(BaseMetric):
    """Hinge loss of two classes: max(0, 1 − sign × output), with the sign −1 or 1 of the true class."""

    keras_name: ClassVar[str] = "metrics.Hinge"
    type: Literal["hinge"] = "hinge"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary",)
    lower_is_better: ClassVar[bool] = True


class SquaredHinge(BaseMetric):
    """Square of the hinge loss of two classes."""

    keras_name: ClassVar[str] = "metrics.SquaredHinge"
    type: Literal["squared_hinge"] = "squared_hinge"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary",)
    lower_is_better: ClassVar[bool] = True


class Poisson(BaseMetric):
    """Loss output − target × log(output), for counts and positive outputs."""

    keras_name: ClassVar[str] = "metrics.Poisson"
    type: Literal["poisson"] = "poisson"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real",)
    lower_is_better: ClassVar[bool] = True


class CosineSimilarity(BaseMetric):
    """Cosine of the angle between outputs and targets: 1 for the same direction."""

    keras_name: ClassVar[str] = "metrics.CosineSimilarity"
    type: Literal["cosine_similarity"] = "cosine_similarity"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real", "one_hot")
    is_share: ClassVar[bool] = False


class LogCoshError(ErrorMetric):
    """Mean of log(cosh(difference)): nearly quadratic for small differences, nearly linear for large ones."""

    keras_name: ClassVar[str] = "metrics.LogCoshError"
    is_known_by_type: ClassVar[bool] = False
    type: Literal["logcosh"] = "logcosh"


class R2Score(BaseMetric):
    """Explained share of the variance of the targets: 1 at best, 0 for the prediction of their mean, else negative."""

    keras_name: ClassVar[str] = "metrics.R2Score"
    type: Literal["r2_score"] = "r2_score"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real",)
    is_share: ClassVar[bool] = False


Metric = Annotated[
    Accuracy
    | SparseCategoricalAccuracy
    | CategoricalAccuracy
    | BinaryAccuracy
    | SparseTopKCategoricalAccuracy
    | TopKCategoricalAccuracy
    | AUC
    | Precision
    | Recall
    | F1Score
    | FBetaScore
    | PrecisionAtRecall
    | RecallAtPrecision
    | SensitivityAtSpecificity
    | SpecificityAtSensitivity
    | TruePositives
    | TrueNegatives
    | FalsePositives
    | FalseNegatives
    | MeanSquaredError
    | RootMeanSquaredError
    | MeanAbsoluteError
    | MeanAbsolutePercentageError
    | MeanSquaredLogarithmicError
    | SparseCategoricalCrossentropy
    | CategoricalCrossentropy
    | BinaryCrossentropy
    | KLDivergence
    | CategoricalHinge
    | Hinge
    | SquaredHinge
    | Poisson
    | CosineSimilarity
    | LogCoshError
    | R2Score,
    ByType,
    BareName,
]

METRIC_CLASSES: dict[str, type[BaseMetric]] = list_classes_by_type(Metric)
"""Metrics by their `type`."""
