"""The metrics, which are computed besides the loss, and what each needs of the targets and of the output.

A new metric is a class in this file, listed in `Metric` at its end.
"""

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from dnn_cli.config.base import BareName, ByType, Fraction, KerasConfig
from dnn_cli.config.losses import ERROR_ALIASES, TargetEncoding

_TopK = Annotated[int, Field(ge=1, le=10_000_000)]
_ClassNumber = Annotated[int, Field(ge=0, le=10_000_000)]


class BaseMetric(KerasConfig):
    """A score shown beside the loss."""

    type: str
    target_encodings: ClassVar[tuple[TargetEncoding, ...]]
    """Target encodings that the metric takes."""

    lower_is_better: ClassVar[bool] = False
    counts_examples: ClassVar[bool] = False
    """Whether the score is a number of examples divided by all examples."""


class Accuracy(BaseMetric):
    """The share of examples whose largest output, or whose side of 0.5, is the true class."""

    keras_name: ClassVar[str] = "metrics.Accuracy"
    type: Literal["accuracy"] = "accuracy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("index", "one_hot", "binary")
    counts_examples: ClassVar[bool] = True

    def build_keras_object(self, **extra_arguments: Any) -> Any:
        return "accuracy"  # Keras picks the class that fits the labels only for the bare name


class SparseCategoricalAccuracy(BaseMetric):
    """Accuracy for targets as class numbers."""

    keras_name: ClassVar[str] = "metrics.SparseCategoricalAccuracy"
    type: Literal["sparse_categorical_accuracy"] = "sparse_categorical_accuracy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("index",)
    counts_examples: ClassVar[bool] = True


class CategoricalAccuracy(BaseMetric):
    """Accuracy for targets as vectors."""

    keras_name: ClassVar[str] = "metrics.CategoricalAccuracy"
    type: Literal["categorical_accuracy"] = "categorical_accuracy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    counts_examples: ClassVar[bool] = True


class BinaryAccuracy(BaseMetric):
    """Accuracy for two classes and one output, which is above the threshold or not."""

    keras_name: ClassVar[str] = "metrics.BinaryAccuracy"
    type: Literal["binary_accuracy"] = "binary_accuracy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary",)
    counts_examples: ClassVar[bool] = True
    threshold: Fraction = 0.5


class SparseTopKCategoricalAccuracy(BaseMetric):
    """The share of examples whose true class is among the k largest outputs, for targets as class numbers."""

    keras_name: ClassVar[str] = "metrics.SparseTopKCategoricalAccuracy"
    type: Literal["sparse_top_k_categorical_accuracy"] = "sparse_top_k_categorical_accuracy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("index",)
    counts_examples: ClassVar[bool] = True
    k: _TopK = 5


class TopKCategoricalAccuracy(BaseMetric):
    """The share of examples whose true class is among the k largest outputs, for targets as vectors."""

    keras_name: ClassVar[str] = "metrics.TopKCategoricalAccuracy"
    type: Literal["top_k_categorical_accuracy"] = "top_k_categorical_accuracy"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("one_hot",)
    counts_examples: ClassVar[bool] = True
    k: _TopK = 5


class AUC(BaseMetric):
    """The area under the curve of true over false positives (ROC), or of precision over recall (PR)."""

    keras_name: ClassVar[str] = "metrics.AUC"
    type: Literal["auc"] = "auc"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary", "one_hot")
    num_thresholds: Annotated[int, Field(ge=2, le=10_000)] = 200
    curve: Literal["ROC", "PR"] = "ROC"
    summation_method: Literal["interpolation", "minoring", "majoring"] = "interpolation"
    from_logits: bool = False


class Precision(BaseMetric):
    """Of what is called positive, the share that is."""

    keras_name: ClassVar[str] = "metrics.Precision"
    type: Literal["precision"] = "precision"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary", "one_hot")
    thresholds: Fraction | None = None
    top_k: _TopK | None = None
    class_id: _ClassNumber | None = None


class Recall(BaseMetric):
    """Of what is positive, the share that is called so."""

    keras_name: ClassVar[str] = "metrics.Recall"
    type: Literal["recall"] = "recall"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary", "one_hot")
    thresholds: Fraction | None = None
    top_k: _TopK | None = None
    class_id: _ClassNumber | None = None


class F1Score(BaseMetric):
    """The harmonic mean of precision and recall, over the classes; with one output it needs a threshold."""

    keras_name: ClassVar[str] = "metrics.F1Score"
    type: Literal["f1_score"] = "f1_score"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("binary", "one_hot")
    average: Literal["micro", "macro", "weighted"] = "macro"
    threshold: Annotated[float, Field(gt=0, lt=1)] | None = None

    def list_keras_arguments(self) -> dict[str, Any]:
        return {**super().list_keras_arguments(), "average": self.average}  # Keras's own default gives no single number


class ErrorMetric(BaseMetric):
    """How far the outputs are from the true numbers."""

    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real", "one_hot")
    lower_is_better: ClassVar[bool] = True


class MeanSquaredError(ErrorMetric):
    """The mean of squared differences."""

    keras_name: ClassVar[str] = "metrics.MeanSquaredError"
    type: Literal["mean_squared_error"] = "mean_squared_error"


class RootMeanSquaredError(ErrorMetric):
    """The root of the mean of squared differences, in the unit of what is predicted."""

    keras_name: ClassVar[str] = "metrics.RootMeanSquaredError"
    type: Literal["root_mean_squared_error"] = "root_mean_squared_error"


class MeanAbsoluteError(ErrorMetric):
    """The mean of absolute differences, in the unit of what is predicted."""

    keras_name: ClassVar[str] = "metrics.MeanAbsoluteError"
    type: Literal["mean_absolute_error"] = "mean_absolute_error"


class MeanAbsolutePercentageError(ErrorMetric):
    """The mean of absolute differences as percentages of the true numbers."""

    keras_name: ClassVar[str] = "metrics.MeanAbsolutePercentageError"
    type: Literal["mean_absolute_percentage_error"] = "mean_absolute_percentage_error"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real",)


class MeanSquaredLogarithmicError(ErrorMetric):
    """The mean of squared differences of logarithms."""

    keras_name: ClassVar[str] = "metrics.MeanSquaredLogarithmicError"
    type: Literal["mean_squared_logarithmic_error"] = "mean_squared_logarithmic_error"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real",)


class R2Score(BaseMetric):
    """The share of the variance that is explained: 1 at best, 0 for the mean, less for worse."""

    keras_name: ClassVar[str] = "metrics.R2Score"
    type: Literal["r2_score"] = "r2_score"
    target_encodings: ClassVar[tuple[TargetEncoding, ...]] = ("real",)


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
    | MeanSquaredError
    | RootMeanSquaredError
    | MeanAbsoluteError
    | MeanAbsolutePercentageError
    | MeanSquaredLogarithmicError
    | R2Score,
    ByType,
    BareName,
]


METRIC_ALIASES = {
    **{cls.keras_name.rpartition(".")[2]: cls.model_fields["type"].default for cls in get_args(get_args(Metric)[0])},
    **ERROR_ALIASES,
    "acc": "accuracy",
}
"""The name of `dnn` for every other name that Keras has for a metric."""


def expand_score_name(name: str) -> str:
    """Return the full name of a score: `val_acc` is `val_accuracy`, `best.mse` is `best.mean_squared_error`."""
    head, dot, last = name.rpartition(".")
    metric = _get_metric_name(last)
    lead = last.removesuffix(metric)
    return f"{head}{dot}{lead}{METRIC_ALIASES.get(metric, metric)}"


def _get_metric_name(score: str) -> str:
    """Return the name of a metric without the part of the data: `accuracy` for `val_accuracy` and `test_accuracy`."""
    return score.removeprefix("best.").removeprefix("val_").removeprefix("test_")


def lower_is_better(score: str) -> bool:
    """Whether less of a score is better, be it of training, validation or test: of a loss, and of errors."""
    name = _get_metric_name(score)
    return name == "loss" or name in _LOWER_IS_BETTER


_LOWER_IS_BETTER = {
    metric.model_fields["type"].default for metric in get_args(get_args(Metric)[0]) if metric.lower_is_better
}  # fmt: skip


def is_share(score: str) -> bool:
    """Return whether a score is a share of one, so that its differences are given in percentage points."""
    return _get_metric_name(score) in _SHARE_METRICS


def counts_examples(score: str) -> bool:
    """Return whether a training or validation score is a number of examples divided by all examples."""
    return _get_metric_name(score) in _EXAMPLE_COUNT_METRICS


_EXAMPLE_COUNT_METRICS = {
    metric.model_fields["type"].default for metric in get_args(get_args(Metric)[0]) if metric.counts_examples
}  # fmt: skip

_SHARE_METRICS = {
    metric.model_fields["type"].default
    for metric in get_args(get_args(Metric)[0])
    if not metric.lower_is_better and metric is not R2Score
}
