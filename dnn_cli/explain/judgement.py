"""Whether a network has learned: its loss and its accuracy against those of the best constant prediction."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dnn_cli.explain.facts import Facts
from dnn_cli.spec.experiment import class_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Verdict = Literal["better", "unclear", "worse"]

SURE = 2.5
"""Standard errors by which a loss must be below that of the best constant: by chance in 0.6% of runs."""

ENOUGH = 5
"""Examples below which a standard error says nothing."""

LEVEL = 0.01
"""The probability of as many hits by chance at which an accuracy counts as better than the commonest class."""

HALF = 0.5
"""Where the accuracy may reach more than half of the way from the commonest class to 1, the examples are too few."""


@dataclass(frozen=True)
class Judgement:
    """The loss of the saved model, without penalties, against that of the best constant prediction."""

    part: Literal["validation", "training"]
    examples: int
    own: float
    constant: float
    error: float
    """The standard error of their difference."""

    own_error: float | None = None
    """The standard error of the model's loss; `None` where the losses of the examples are not known."""

    @property
    def verdict(self) -> Verdict:
        """Whether the model's loss is lower by more than its uncertainty, or not lower at all."""
        gain = self.constant - self.own
        if gain <= 0:
            return "worse"
        return "better" if self.examples >= ENOUGH and gain > SURE * self.error else "unclear"


@dataclass(frozen=True)
class Hits:
    """The examples whose class is predicted, against those of the commonest class."""

    part: Literal["validation", "training"]
    right: int
    examples: int
    commonest: int
    """Examples of the commonest class."""

    @property
    def accuracy(self) -> float:
        """The share that is right."""
        return self.right / self.examples

    @property
    def guess(self) -> float:
        """The accuracy of always predicting the commonest class."""
        return self.commonest / self.examples

    @property
    def chance(self) -> float:
        """The probability of as many hits or more, where each is as likely as the commonest class."""
        from dnn_cli.metrics.binomial import tail  # imports numpy

        return tail(self.examples, self.guess, slice(self.right, None))

    @property
    def verdict(self) -> Verdict:
        """Whether more are right than the commonest class explains, by an exact binomial test."""
        if self.guess == 1 or self.chance < LEVEL:
            return "better" if self.guess < 1 else "unclear"
        from dnn_cli.metrics.binomial import confidence_interval  # imports numpy

        possible = confidence_interval(self.right, self.examples)[1]
        return "unclear" if possible > self.guess + HALF * (1 - self.guess) else "worse"


def judge(facts: Facts) -> "Judgement | str":
    """Return the judgement of the loss, or why there is none."""
    if facts.classes is None:
        return "the data is gone, and inputs.npz with it"
    if facts.predictions is not None:
        return judge_predictions(facts, *facts.predictions)
    return judge_curves(facts)


def judge_predictions(facts: Facts, labels: "NDArray[Any]", outputs: "NDArray[Any]") -> "Judgement | str":
    """Return the judgement of the saved model by its predictions for the validation set."""
    import numpy as np

    from dnn_cli.metrics.constant_prediction import constant, losses, truth

    loss, true = facts.experiment.loss, truth(facts.experiment, labels)
    # Keras weighs classes in the training loss alone. The network was trained to do well by that measure, so both
    # sides are weighed here. With equal weights it is the val_loss of the curves.
    weights = class_weights(facts, labels)
    with np.errstate(all="ignore"):
        own = losses(loss, true, outputs)
        best = constant(loss, true, weights)
        other = losses(loss, true, np.broadcast_to(best, (len(true), len(best))))
    counted = ~np.isnan(other) & (weights > 0)
    if not counted.any():
        return "no validation example counts for the loss"
    if not np.isfinite(own[counted]).all():
        return "the outputs on the validation set are not finite"
    weights = weights[counted] / weights[counted].mean()
    difference = weights * (other - own)[counted]
    mine, theirs = float((weights * own[counted]).mean()), float((weights * other[counted]).mean())
    if (weights == 1).all() and not facts.has_penalties:
        # Keras takes logits from a softmax; probabilities of 0 in the file make the loss too small.
        mine = max(mine, (facts.record.results.model or facts.record.results.last or {}).get("val_loss", mine))
    error = float(difference.std(ddof=1)) / math.sqrt(len(difference)) if len(difference) > 1 else math.inf
    count = len(difference)
    own_error = float((weights * own[counted]).std(ddof=1)) / math.sqrt(count) if count > 1 else None
    return Judgement("validation", count, mine, theirs, error, own_error)


def judge_curves(facts: Facts) -> "Judgement | str":
    """Return the judgement by the recorded losses, for models without predictions.

    These are models of runs without a validation set, and models of the best epoch.
    """
    import numpy as np

    from dnn_cli.metrics.constant_prediction import constant, losses, truth

    if not facts.rows:
        return "no epoch is completed"
    known = facts.inputs.labels if facts.inputs else None
    if known is None or not len(known):
        return "there is no predictions.npz, and inputs.npz has no labels"
    on_validation = bool(facts.curve("val_loss"))
    weights = np.ones(len(known)) if on_validation else class_weights(facts, known)  # Keras weighs no validation loss
    true = truth(facts.experiment, known)
    best = constant(facts.experiment.loss, true, weights)
    with np.errstate(all="ignore"):
        other = losses(facts.experiment.loss, true, np.broadcast_to(best, (len(true), len(best))))
    counted = ~np.isnan(other)
    if not counted.any():
        return "no training example counts for the loss"
    theirs, spread = float((weights * other)[counted].mean()), float((weights * other)[counted].std())
    if on_validation:
        examples, own = int(facts.record.data.get("validation") or 0), facts.judged_score("val_loss")
        part: Literal["validation", "training"] = "validation"
    elif facts.epoch is None and facts.last is not None and facts.last.loss is not None:
        part, examples, own = "training", facts.last.examples, facts.last.loss
    else:
        part, examples, own = "training", facts.training_examples or 0, facts.judged_score("loss")
    return Judgement(part, examples, own, theirs, spread / math.sqrt(max(examples, 1)))


def class_weights(facts: Facts, labels: "NDArray[Any]") -> "NDArray[np.float64]":
    """Return how much each example counts by the config's `class_weight`."""
    import numpy as np

    weights, names = facts.experiment.class_weight, facts.experiment.data.facts.classes
    found = np.ones(max(len(names), 1))
    if weights is None or not facts.classes:
        return np.ones(len(labels))
    if weights == "balanced":
        known = facts.inputs.labels if facts.inputs and facts.inputs.labels is not None else labels
        counts = np.bincount(known, minlength=len(names))
        found = np.where(counts > 0, len(known) / np.maximum(counts, 1) / np.count_nonzero(counts), 1)
    else:
        for name, weight in weights.items():
            if (number := class_number(name, names)) is not None:
                found[number] = weight
    return np.asarray(found[labels])


def least_loss(facts: Facts) -> float:
    """Return the loss of perfect predictions: with label smoothing the entropy of a smoothed label, else 0."""
    smoothing, count = getattr(facts.experiment.loss, "label_smoothing", 0.0), facts.classes
    if not smoothing or not count or facts.experiment.loss.type.endswith("focal_crossentropy"):
        return 0.0
    other = smoothing / count
    true = 1 - smoothing + other
    return -true * math.log(true) - (count - 1) * other * math.log(other)


def count_hits(facts: Facts) -> Hits | None:
    """Return how many examples are predicted right, on the validation set if there is one; `None` if not known."""
    if not facts.classes:
        return None
    import numpy as np

    if facts.predictions is not None:
        labels, outputs = facts.predictions
        right = int((predicted(facts, outputs) == labels).sum())
        return Hits("validation", right, len(labels), int(np.bincount(labels).max()))
    known = facts.inputs.labels if facts.inputs else None
    if facts.accuracy is None or not facts.rows:
        return None
    on_validation = bool(facts.curve(f"val_{facts.accuracy}"))
    examples = facts.record.data.get("validation") if on_validation else facts.training_examples
    if not isinstance(examples, int) or examples < 1:
        return None
    share = float(np.bincount(known).max() / len(known)) if known is not None and len(known) else 1 / facts.classes
    value = facts.judged_score(f"val_{facts.accuracy}" if on_validation else facts.accuracy)
    part: Literal["validation", "training"] = "validation" if on_validation else "training"
    return Hits(part, round(value * examples), examples, max(1, round(share * examples)))


def predicted(facts: Facts, outputs: "NDArray[Any]") -> "NDArray[np.int64]":
    """Return the predicted class of every example."""
    import numpy as np

    if outputs.shape[1] == 1:
        return np.asarray(outputs[:, 0] > (0 if facts.experiment.loss.logits else 0.5)).astype(np.int64)
    return np.asarray(outputs.argmax(1), np.int64)


def training_hits(facts: Facts) -> Hits | None:
    """Return how many training examples are right: at the end of the last epoch if measured, else averaged over it."""
    if not facts.classes:
        return None
    import numpy as np

    known = facts.inputs.labels if facts.inputs else None
    if known is None and facts.predictions is not None:  # in runs of an older dnn the validation labels stand for them
        known = facts.predictions[0]
    share = float(np.bincount(known).max() / len(known)) if known is not None and len(known) else 1 / facts.classes
    if facts.epoch is None and facts.last is not None and facts.last.correct is not None:
        examples, accuracy = facts.last.examples, facts.last.correct
    elif facts.accuracy is not None and facts.curve(facts.accuracy) and facts.training_examples:
        examples, accuracy = facts.training_examples, facts.judged_score(facts.accuracy)
    else:
        return None
    return Hits("training", round(accuracy * examples), examples, max(1, round(share * examples)))
