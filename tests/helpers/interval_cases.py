"""Simulated evaluations, to count how often 95% intervals of scores contain the score on all possible examples."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import load_experiment
from dnn_cli.metrics.calibration import compute_calibration
from dnn_cli.metrics.class_intervals import compute_class_intervals, compute_macro_intervals
from dnn_cli.metrics.classification import build_classification_report, compute_class_probabilities
from dnn_cli.metrics.evaluation_result import EvaluationResult
from dnn_cli.metrics.prediction_scores import compute_scores
from dnn_cli.metrics.score_intervals import compute_score_intervals
from tests.helpers.digits import DIGITS_YAML

RATES = (0.5, 0.9, 0.99)
"""Accuracies of the simulated classifiers, and shares of the variance that the simulated regressions explain."""

_Intervals = dict[str, tuple[float, float] | None]
_TRUTH_EXAMPLES = 400_000
_CALIBRATION_SCORES = ("error", "brier")
_CLASS_SCORES = ("precision", "recall", "f1")

_OVERRIDES = {
    "wine": [
        "data.dataset=wine", "layers=[{type: Dense, units: 3, activation: softmax}]", "loss=categorical_crossentropy",
        "metrics=[accuracy, f1_score, {type: fbeta_score, beta: 2.0}]",
    ],
    "breast_cancer": [
        "data.dataset=breast_cancer", "layers=[{type: Dense, units: 1, activation: sigmoid}]",
        "loss=binary_crossentropy",
        "metrics=[precision, recall, {type: auc, num_thresholds: 10000}, {type: f1_score, threshold: 0.5}]",
    ],
    "diabetes": [
        "data.dataset=diabetes", "layers=[{type: Dense, units: 1}]", "loss=mse",
        "metrics=[mae, root_mean_squared_error, r2_score]",
    ],
}  # fmt: skip

_SHIFTS = {("wine", 0.5): 0.56, ("wine", 0.9): 2.23, ("wine", 0.99): 3.61,
           ("breast_cancer", 0.5): 0.0, ("breast_cancer", 0.9): 1.2816, ("breast_cancer", 0.99): 2.3263}  # fmt: skip
"""Distance of the classes in standard deviations with which the best classifier has the rate."""


@cache
def load_case_experiment(dataset: str, path: Any) -> Experiment:
    """Load the experiment of a simulated dataset from a config that is written to a path."""
    path.write_text(DIGITS_YAML, encoding="utf-8")
    return load_experiment(str(path), _OVERRIDES[dataset]).experiment


def draw_evaluation(
    dataset: str, count: int, rate: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Draw outputs and targets of a model with a rate for a number of examples.

    The classes of `wine` are equally frequent; 30% of the examples of `breast_cancer` have the second class.
    """
    if dataset == "diabetes":
        outputs = rng.normal(0, np.sqrt(rate), (count, 1))
        noise = rng.standard_t(5, (count, 1)) * np.sqrt(0.6 * (1 - rate))
        return outputs.astype(np.float32), (outputs + noise).astype(np.float32)
    shift = _SHIFTS[dataset, rate]
    if dataset == "breast_cancer":
        targets = (rng.random(count) < 0.3).astype(np.int64)
        logits = 1.5 * ((2 * targets - 1) * shift + rng.normal(size=count))
        return (1 / (1 + np.exp(-logits)))[:, None].astype(np.float32), targets
    targets = rng.integers(0, 3, count)
    logits = rng.normal(size=(count, 3))
    logits[np.arange(count), targets] += shift
    exponentials = np.exp(1.5 * logits)
    return (exponentials / exponentials.sum(1, keepdims=True)).astype(np.float32), targets


def _compute_class_case(experiment: Experiment, outputs: NDArray[np.float32], targets: NDArray[Any]) -> _Intervals:
    """Return the intervals of the second class and of the means over the classes, which are closed formulas."""
    report = build_classification_report(outputs, targets, experiment.data.info.classes)
    parts = {"class": compute_class_intervals(report)[1], "macro": compute_macro_intervals(report)}
    return {f"{label} {name}": getattr(part, name) for label, part in parts.items() for name in _CLASS_SCORES}


def _compute_score_case(experiment: Experiment, outputs: NDArray[np.float32], targets: NDArray[Any]) -> _Intervals:
    """Return the intervals of the loss and of the metrics."""
    scores = compute_scores(experiment, outputs, targets)
    intervals = compute_score_intervals(experiment, EvaluationResult(scores, outputs, targets))
    return {name: (intervals[name].low, intervals[name].high) if name in intervals else None for name in scores}


def _compute_calibration_case(
    experiment: Experiment, outputs: NDArray[np.float32], targets: NDArray[Any]
) -> _Intervals:
    """Return the intervals of calibration error and Brier score."""
    calibration = compute_calibration(compute_class_probabilities(outputs), targets)
    return {f"calibration {name}": getattr(calibration, name).interval for name in _CALIBRATION_SCORES}


PARTS = {"scores": _compute_score_case, "classes": _compute_class_case, "calibration": _compute_calibration_case}
"""Functions that compute the intervals of an evaluation, by the part of the scores. A regression has only scores."""


@dataclass(frozen=True)
class Coverage:
    """How often intervals contain the true score, and how often an evaluation has an interval."""

    covered: int
    intervals: int
    evaluations: int


def measure_coverage(
    dataset: str, count: int, rate: float, evaluations: int, path: Any, parts: Sequence[str] = tuple(PARTS),
    without: Sequence[str] = (),
) -> dict[str, Coverage]:  # fmt: skip
    """Return the coverage of the intervals of each score in simulated evaluations of `count` examples.

    Args:
        dataset: The simulated dataset.
        count: The number of examples of an evaluation.
        rate: The accuracy, or the share of the variance that the regression explains.
        evaluations: The number of evaluations.
        path: The path of the config.
        parts: The names of the parts in `PARTS`.
        without: The types of metrics that are left out.
    """
    experiment = load_case_experiment(dataset, path)
    metrics = tuple(metric for metric in experiment.metrics if metric.type not in without)
    experiment = experiment.model_copy(update={"metrics": metrics})
    rng = np.random.default_rng([count, round(1000 * rate), evaluations])
    # The scores on 400,000 examples count as the true ones.
    truth = _compute_truth(dataset, rate, path)
    covered: Counter[str] = Counter()
    interval_counts: Counter[str] = Counter()
    for _ in range(evaluations):
        evaluation = draw_evaluation(dataset, count, rate, rng)
        intervals: _Intervals = {}
        for part in parts if experiment.data.info.is_classification else ("scores",):
            intervals.update(PARTS[part](experiment, *evaluation))
        for name, interval in intervals.items():
            if interval is not None:
                interval_counts[name] += 1
                covered[name] += interval[0] <= truth[name] <= interval[1]
    return {name: Coverage(covered[name], interval_counts[name], evaluations) for name in intervals}


@cache
def _compute_truth(dataset: str, rate: float, path: Any) -> dict[str, float]:
    """Return the scores of a simulated model on many examples."""
    experiment = load_case_experiment(dataset, path)
    outputs, targets = draw_evaluation(dataset, _TRUTH_EXAMPLES, rate, np.random.default_rng(99))
    scores = compute_scores(experiment, outputs, targets)
    if experiment.data.info.is_classification:
        report = build_classification_report(outputs, targets, experiment.data.info.classes)
        for label, class_score in (("class", report.scores[1]), ("macro", report.macro_average)):
            scores.update({f"{label} {name}": getattr(class_score, name) for name in _CLASS_SCORES})
        calibration = compute_calibration(compute_class_probabilities(outputs), targets, with_samples=False)
        scores.update({f"calibration {name}": getattr(calibration, name).value for name in _CALIBRATION_SCORES})
    return dict(scores)
