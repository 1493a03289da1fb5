"""Scores of imbalanced classes in `dnn evaluate`, and the caveat about the majority class."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dnn_cli.report.text import format_score

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.metrics.evaluation_result import EvaluationResult
    from dnn_cli.metrics.imbalance import ImbalanceScore, MajorityBaseline


@dataclass(frozen=True)
class EvaluatedImbalance:
    """Scores of imbalanced classes, and the comparison with the most frequent class."""

    scores: "dict[str, ImbalanceScore]"
    """Scores by name; empty for balanced classes."""

    majority: "MajorityBaseline"

    def format_caveat(self) -> str:
        """Return a caveat if the model is not clearly better than the most frequent class; otherwise an empty text."""
        if self.majority.is_beaten:
            return ""
        return (
            f"always predicting {self.majority.class_name} has an accuracy of {format_score(self.majority.share)}; the "
            f"model is not clearly better (p={self.majority.p_value:.2g}, McNemar's exact test)"
        )

    def to_document(self) -> dict[str, Any]:
        """Return the scores and the comparison as JSON."""
        return {
            "scores": {name: asdict(score) for name, score in self.scores.items()},
            "majority": {**asdict(self.majority), "is_beaten": self.majority.is_beaten},
        }


def compute_imbalance(experiment: "Experiment", result: "EvaluationResult") -> EvaluatedImbalance | None:
    """Compute the scores of imbalanced classes on evaluated examples; `None` for a regression."""
    from dnn_cli.metrics.classification import build_classification_report, compute_class_probabilities
    from dnn_cli.metrics.imbalance import compare_with_majority, compute_imbalance_scores, is_imbalanced
    from dnn_cli.report.prediction_tables import has_probability_outputs

    dataset_info, logits = experiment.data.info, experiment.loss.takes_logits
    if not dataset_info.is_classification:
        return None
    report = build_classification_report(result.outputs, result.targets, dataset_info.classes, logits=logits)
    scores = {}
    if is_imbalanced(report):
        has_probabilities = has_probability_outputs(experiment)
        shares = compute_class_probabilities(result.outputs, logits=logits) if has_probabilities else None
        scores = compute_imbalance_scores(report, shares, result.targets)
    return EvaluatedImbalance(scores, compare_with_majority(report))
