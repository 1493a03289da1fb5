"""Judgement of a network: its loss and accuracy, compared with those of the best constant prediction."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dnn_cli.config.experiment import find_class_number
from dnn_cli.explain.evidence import Evidence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LearningVerdict = Literal["better", "unclear", "worse"]

_MIN_LOSS_STANDARD_ERRORS = 2.5
"""A loss counts as better than the best constant prediction's if it is lower by more than this many standard errors.

Chance alone gives such a difference in 0.6% of runs."""

_MIN_EXAMPLES = 5
"""Smallest number of examples for which a standard error is meaningful."""

_SIGNIFICANCE_LEVEL = 0.01
"""An accuracy counts as better than that of predicting only the commonest class if its p-value is below this level.

The p-value is the probability that chance gives at least as many right predictions."""

_UNCLEAR_ACCURACY_SHARE = 0.5
"""An accuracy counts as unclear if the network may avoid more than this share of a constant prediction's mistakes.

The upper end of the accuracy's confidence interval gives the share that the network may avoid. The constant prediction
is the commonest class for every example. For an unclear accuracy, the examples are too few for a verdict."""


@dataclass(frozen=True)
class ScoreJudgement:
    """Judgement of a score: the loss of a model, compared with that of the best constant prediction.

    The model's loss comes from saved predictions, from a measurement of the layers, or from the curve. Only a loss from
    the curve can contain penalties of regularization.
    """

    split: Literal["validation", "training"]
    examples: int
    model_loss: float
    constant_loss: float
    difference_error: float
    """Standard error of the difference between the two losses."""

    model_loss_error: float | None = None
    """Standard error of the model's loss; `None` if the losses of single examples are unknown."""

    @property
    def verdict(self) -> _LearningVerdict:
        """The verdict on the model's loss: `better`, `unclear` or `worse` than the loss of the constant prediction.

        The verdict is `worse` if the model's loss is not lower. It is `better` if the model's loss is lower by more
        than chance explains, else `unclear`.
        """
        gain = self.constant_loss - self.model_loss
        if gain <= 0:
            return "worse"
        return (
            "better"
            if self.examples >= _MIN_EXAMPLES and gain > _MIN_LOSS_STANDARD_ERRORS * self.difference_error
            else "unclear"
        )


@dataclass(frozen=True)
class HitCounts:
    """Numbers of hits (right predictions), of all examples, and of examples of the commonest class."""

    split: Literal["validation", "training"]
    correct: int
    examples: int
    most_common: int
    """Number of examples of the commonest class."""

    @property
    def accuracy(self) -> float:
        """The share of examples that are predicted right."""
        return self.correct / self.examples

    @property
    def constant_accuracy(self) -> float:
        """The accuracy of always predicting the commonest class."""
        return self.most_common / self.examples

    @property
    def chance_probability(self) -> float:
        """The probability of at least `correct` hits, if each example is a hit with probability `constant_accuracy`."""
        # This module imports numpy, which is slow.
        from dnn_cli.metrics.binomial import compute_tail_probability

        return compute_tail_probability(self.examples, self.constant_accuracy, slice(self.correct, None))

    @property
    def verdict(self) -> _LearningVerdict:
        """The verdict on the accuracy: `better`, `unclear` or `worse` than that of predicting only the commonest class.

        The verdict is `better` if an exact binomial test shows a higher accuracy. It is `unclear` if the examples are
        too few for a verdict, else `worse`.
        """
        if self.constant_accuracy == 1 or self.chance_probability < _SIGNIFICANCE_LEVEL:
            return "better" if self.constant_accuracy < 1 else "unclear"
        # This module imports numpy, which is slow.
        from dnn_cli.metrics.binomial import compute_confidence_interval

        possible = compute_confidence_interval(self.correct, self.examples)[1]
        return (
            "unclear"
            if possible > self.constant_accuracy + _UNCLEAR_ACCURACY_SHARE * (1 - self.constant_accuracy)
            else "worse"
        )


def judge_score(evidence: Evidence) -> "ScoreJudgement | str":
    """Compare the loss with that of the best constant prediction, or return the reason why this is impossible."""
    if evidence.class_count is None:
        return "neither the data nor inputs.npz can be read"
    scaling = evidence.input_profile.target_scaling if evidence.input_profile else None
    if evidence.experiment.data.standardize_target and scaling is None:
        return "inputs.npz, which has the scaling of the targets, cannot be read"
    if evidence.predictions is not None:
        return _judge_predictions(evidence, *evidence.predictions)
    return _judge_curves(evidence)


def _judge_predictions(evidence: Evidence, targets: "NDArray[Any]", outputs: "NDArray[Any]") -> "ScoreJudgement | str":
    """Return the judgement of the saved model by its predictions for the validation set, or why it is impossible."""
    import numpy as np

    from dnn_cli.metrics.constant_prediction import compute_example_losses, find_best_constant, to_loss_targets

    outputs = evidence.to_loss_scale(outputs)
    loss, true = evidence.experiment.loss, to_loss_targets(evidence.experiment, evidence.to_loss_scale(targets))
    # Keras applies class weights to the training loss alone. The network was trained for the weighted loss, so both
    # losses are weighted here. With equal weights, the model's loss is the val_loss of the curves.
    weights = _compute_example_weights(evidence, targets)
    with np.errstate(all="ignore"):
        model_losses = compute_example_losses(loss, true, outputs)
        best_constant = find_best_constant(loss, true, weights)
        constant_losses = compute_example_losses(
            loss, true, np.broadcast_to(best_constant, (len(true), len(best_constant)))
        )
    counted = ~np.isnan(constant_losses) & (weights > 0)
    if not counted.any():
        return "no validation example contributes to the loss"
    if not np.isfinite(model_losses[counted]).all():
        return "outputs on the validation set are NaN or infinite"
    weights = weights[counted] / weights[counted].mean()
    difference = weights * (constant_losses - model_losses)[counted]
    model_loss, constant_loss = (
        float((weights * model_losses[counted]).mean()),
        float((weights * constant_losses[counted]).mean()),
    )
    # Predictions have no weights of examples, and the recorded losses have.
    if (weights == 1).all() and not evidence.has_penalties and evidence.experiment.data.weight is None:
        # Keras computes the loss from the logits of a softmax. Probabilities of 0 in the file make the loss too small.
        model_loss = max(
            model_loss,
            (evidence.record.results.model or evidence.record.results.last or {}).get("val_loss", model_loss),
        )
    error = float(difference.std(ddof=1)) / math.sqrt(len(difference)) if len(difference) > 1 else math.inf
    count = len(difference)
    model_loss_error = float((weights * model_losses[counted]).std(ddof=1)) / math.sqrt(count) if count > 1 else None
    return ScoreJudgement("validation", count, model_loss, constant_loss, error, model_loss_error)


def _judge_curves(evidence: Evidence) -> "ScoreJudgement | str":
    """Return the judgement by the recorded losses, for models without usable predictions, or why it is impossible.

    Such models are best models, models of unfinished runs, and models of runs without a validation set.
    """
    import numpy as np

    from dnn_cli.metrics.constant_prediction import compute_example_losses, find_best_constant, to_loss_targets

    if not evidence.epoch_scores:
        return "no epoch is completed"
    if evidence.experiment.data.weight is not None:
        return "predictions.npz cannot be used, and the recorded losses are weighted by data.weight"
    training_targets = evidence.input_profile.labels if evidence.input_profile else None
    if training_targets is None or not len(training_targets):
        return "predictions.npz cannot be used, and inputs.npz has no targets"
    on_validation = bool(evidence.get_curve("val_loss"))
    # Keras does not apply class weights to the validation loss.
    weights = np.ones(len(training_targets)) if on_validation else _compute_example_weights(evidence, training_targets)
    true = to_loss_targets(evidence.experiment, evidence.to_loss_scale(training_targets))
    best_constant = find_best_constant(evidence.experiment.loss, true, weights)
    with np.errstate(all="ignore"):
        constant_losses = compute_example_losses(
            evidence.experiment.loss, true, np.broadcast_to(best_constant, (len(true), len(best_constant)))
        )
    counted = ~np.isnan(constant_losses)
    if not counted.any():
        return "no training example contributes to the loss"
    constant_loss, spread = (
        float((weights * constant_losses)[counted].mean()),
        float((weights * constant_losses)[counted].std()),
    )
    if on_validation:
        examples, model_loss = int(evidence.record.data.get("validation") or 0), evidence.get_judged_score("val_loss")
        split: Literal["validation", "training"] = "validation"
    elif (
        evidence.judged_epoch is None
        and evidence.last_measurement is not None
        and evidence.last_measurement.loss is not None
    ):
        split, examples, model_loss = "training", evidence.last_measurement.examples, evidence.last_measurement.loss
    else:
        split, examples, model_loss = "training", evidence.training_examples or 0, evidence.get_judged_score("loss")
    return ScoreJudgement(split, examples, model_loss, constant_loss, spread / math.sqrt(max(examples, 1)))


def _compute_example_weights(evidence: Evidence, targets: "NDArray[Any]") -> "NDArray[np.float64]":
    """Return the weight of each example by the config's `class_weight`, of shape (examples,); 1 without that key."""
    import numpy as np

    weights, names = evidence.experiment.class_weight, evidence.experiment.data.info.classes
    class_factors = np.ones(max(len(names), 1))
    if weights is None or not evidence.class_count:
        return np.ones(len(targets))
    if weights == "balanced":
        training_targets = (
            evidence.input_profile.labels
            if evidence.input_profile and evidence.input_profile.labels is not None
            else targets
        )
        counts = np.bincount(training_targets, minlength=len(names))
        class_factors = np.where(
            counts > 0, len(training_targets) / np.maximum(counts, 1) / np.count_nonzero(counts), 1
        )
    else:
        for name, weight in weights.items():
            if (number := find_class_number(name, names)) is not None:
                class_factors[number] = weight
    return np.asarray(class_factors[targets])


def compute_min_loss(evidence: Evidence) -> float:
    """Return the loss of perfect predictions: with label smoothing, the entropy of a smoothed target, else 0.

    For focal losses, 0 is returned even with label smoothing.
    """
    smoothing, count = getattr(evidence.experiment.loss, "label_smoothing", 0.0), evidence.class_count
    if not smoothing or not count or evidence.experiment.loss.type.endswith("focal_crossentropy"):
        return 0.0
    other = smoothing / count
    true = 1 - smoothing + other
    return -true * math.log(true) - (count - 1) * other * math.log(other)


def count_hits(evidence: Evidence) -> HitCounts | None:
    """Return the number of right predictions and the number of examples; `None` if unknown, or in a regression.

    Both are counted on the validation set if the run has one, else on the training set.
    """
    if not evidence.class_count:
        return None
    import numpy as np

    if evidence.predictions is not None:
        targets, outputs = evidence.predictions
        correct = int((find_predicted_classes(evidence, outputs) == targets).sum())
        return HitCounts("validation", correct, len(targets), int(np.bincount(targets).max()))
    training_targets = evidence.input_profile.labels if evidence.input_profile else None
    if evidence.accuracy_name is None or not evidence.epoch_scores:
        return None
    on_validation = bool(evidence.get_curve(f"val_{evidence.accuracy_name}"))
    examples = evidence.record.data.get("validation") if on_validation else evidence.training_examples
    if not isinstance(examples, int) or examples < 1:
        return None
    share = (
        float(np.bincount(training_targets).max() / len(training_targets))
        if training_targets is not None and len(training_targets)
        else 1 / evidence.class_count
    )
    value = evidence.get_judged_score(f"val_{evidence.accuracy_name}" if on_validation else evidence.accuracy_name)
    split: Literal["validation", "training"] = "validation" if on_validation else "training"
    return HitCounts(split, round(value * examples), examples, max(1, round(share * examples)))


def find_predicted_classes(evidence: Evidence, outputs: "NDArray[Any]") -> "NDArray[np.int64]":
    """Return the predicted class of every example, of shape (examples,), from outputs of shape (examples, units).

    A single output predicts the second class above 0.5, or above 0 if the output is a logit.
    """
    from dnn_cli.metrics.classification import compute_predicted_classes

    return compute_predicted_classes(outputs, logits=evidence.experiment.loss.takes_logits)


def count_training_hits(evidence: Evidence) -> HitCounts | None:
    """Return the number of right predictions and the number of training examples; `None` if unknown.

    If possible, the hits are those measured after the last epoch. Otherwise the hits follow from the training accuracy,
    which is an average over an epoch in which the weights change.
    """
    if not evidence.class_count:
        return None
    import numpy as np

    training_targets = evidence.input_profile.labels if evidence.input_profile else None
    # Runs of an older dnn have no training targets, so that the validation targets replace them.
    if training_targets is None and evidence.predictions is not None:
        training_targets = evidence.predictions[0]
    share = (
        float(np.bincount(training_targets).max() / len(training_targets))
        if training_targets is not None and len(training_targets)
        else 1 / evidence.class_count
    )
    if (
        evidence.judged_epoch is None
        and evidence.last_measurement is not None
        and evidence.last_measurement.correct is not None
    ):
        examples, accuracy = evidence.last_measurement.examples, evidence.last_measurement.correct
    elif (
        evidence.accuracy_name is not None and evidence.get_curve(evidence.accuracy_name) and evidence.training_examples
    ):
        examples, accuracy = evidence.training_examples, evidence.get_judged_score(evidence.accuracy_name)
    else:
        return None
    return HitCounts("training", round(accuracy * examples), examples, max(1, round(share * examples)))
