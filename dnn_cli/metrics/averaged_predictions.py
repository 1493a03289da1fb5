"""Quantities that an ensemble averages, and the outputs of an ensemble in the form of the outputs of its members.

Probabilities are averaged as in deep ensembles (Lakshminarayanan, Pritzel and Blundell 2017, arXiv 1612.01474). If the
loss takes logits, the mean probabilities become logits again, so that losses, metrics and thresholds stay those of the
config.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.metrics.classification import compute_class_probabilities
from dnn_cli.metrics.constant_prediction import to_loss_targets
from dnn_cli.metrics.prediction_scores import compute_metric, compute_scores
from dnn_cli.runs.evaluations import MAX_SCORE, Scores
from dnn_cli.runs.target_scaling import TargetScaling

_FloatArray = NDArray[np.float64]

_MIN_PROBABILITY = 1e-300
"""Smallest probability of which the logarithm is computed."""


@dataclass(frozen=True)
class TargetExamples:
    """Targets of examples, with all that scores of outputs for these examples depend on."""

    experiment: Experiment
    """Experiment with the loss and the metrics."""

    targets: NDArray[Any]
    """Class numbers of shape (n,), or the numbers of a regression, of shape (n, targets)."""

    weights: NDArray[Any] | None = None
    """Weight of each example (`data.weight`), of shape (n,); `None` for equal weights."""

    target_scaling: TargetScaling | None = None
    """Scaling of the targets, with which the loss is computed; `None` without `data.standardize_target`."""

    def __len__(self) -> int:
        return len(self.targets)

    def select(self, indices: NDArray[np.int64]) -> "TargetExamples":
        """Return some of the examples."""
        weights = None if self.weights is None else self.weights[indices]
        return TargetExamples(self.experiment, self.targets[indices], weights, self.target_scaling)

    def compute_scores(self, quantities: _FloatArray) -> Scores:
        """Return the loss and the metrics of averaged quantities by name. Scores that are not finite are left out.

        The quantities are those of the examples, as `to_averaged_quantities` returns them.
        """
        outputs = to_member_outputs(self.experiment, quantities)
        return compute_scores(self.experiment, outputs, self.targets, self.weights, target_scaling=self.target_scaling)

    def compute_score(self, quantities: _FloatArray, name: str) -> float | None:
        """Return one score of averaged quantities; `None` if it is not a finite number.

        Args:
            quantities: The averaged quantities of the examples.
            name: The name of the score: `loss`, or a metric of the experiment.
        """
        metric = next((item for item in self.experiment.metrics if item.type == name), None)
        if metric is None:
            return self._without_metrics.compute_scores(quantities).get(name)
        outputs = to_member_outputs(self.experiment, quantities)
        weights = np.ones(len(self)) if self.weights is None else self.weights.astype(np.float64)
        with np.errstate(all="ignore"):
            score = compute_metric(self.experiment, metric, self._loss_targets, outputs, weights)
        return score if abs(score) <= MAX_SCORE else None

    @cached_property
    def _without_metrics(self) -> "TargetExamples":
        """The same examples without metrics, so that only the loss is computed."""
        return replace(self, experiment=self.experiment.model_copy(update={"metrics": ()}))

    @cached_property
    def _loss_targets(self) -> _FloatArray:
        """Targets in the form that the loss expects, which is computed once."""
        return to_loss_targets(self.experiment, self.targets)


def averages_logits_as_probabilities(experiment: Experiment) -> bool:
    """Return whether outputs are logits, which become probabilities before they are averaged.

    Outputs of other classifications are averaged as they are: probabilities, margins of a hinge loss, or scores.
    """
    is_classification = experiment.data.info.is_classification
    return is_classification and experiment.loss.takes_logits and not experiment.loss.takes_margins


def build_ensemble_experiment(experiment: Experiment) -> Experiment:
    """Return the experiment that describes the outputs of an exported ensemble: probabilities instead of logits."""
    if not averages_logits_as_probabilities(experiment):
        return experiment
    return experiment.model_copy(update={"loss": experiment.loss.model_copy(update={"from_logits": False})})


def to_averaged_quantities(experiment: Experiment, outputs: NDArray[Any]) -> _FloatArray:
    """Return the quantities that an ensemble averages, float64 of shape (n, quantities).

    The quantities of logits are the probabilities of all classes, also if a network has a single output. Else the
    quantities are the outputs.

    Args:
        experiment: The experiment of the member.
        outputs: The outputs of the member, of shape (n, units).
    """
    if averages_logits_as_probabilities(experiment):
        values = outputs.astype(np.float64)
        # The logit 0 of the first class gives both probabilities without a difference of nearly equal numbers.
        logits = np.concatenate([np.zeros_like(values), values], axis=1) if values.shape[1] == 1 else values
        return compute_class_probabilities(logits, logits=True)
    return outputs.astype(np.float64)


def to_member_outputs(experiment: Experiment, quantities: _FloatArray) -> _FloatArray:
    """Return averaged quantities as outputs of a member: the inverse of `to_averaged_quantities`.

    Logits of several outputs are determined up to a constant for each example, which has no influence on softmax.

    Args:
        experiment: The experiment of the members.
        quantities: Means of averaged quantities, of shape (n, quantities).
    """
    if not averages_logits_as_probabilities(experiment):
        return quantities
    logarithms = np.log(np.maximum(quantities, _MIN_PROBABILITY))
    return logarithms[:, 1:] - logarithms[:, :1] if experiment.target_encoding == "binary" else logarithms
