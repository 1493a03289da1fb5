"""Random predictions of several members, and how often the interval of the gain contains the true gain."""

from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import load_experiment
from dnn_cli.metrics.averaged_predictions import TargetExamples
from dnn_cli.metrics.ensemble_gain import compute_gains

RATES = (0.5, 0.9, 0.99)
"""Accuracies of a member, and shares of the variance that a member explains."""

POOL, MEMBERS = 100_000, 5
"""Number of examples with the true gain, and number of members."""

_CONFIG = """\
name: {dataset}
data: {{dataset: {dataset}}}
model:
  layers:
    - {{type: Dense, units: {units}, activation: {activation}}}
loss: {loss}
metrics: [{metrics}]
epochs: 1
"""
_CLASSES = {"dataset": "breast_cancer", "units": 1, "activation": "sigmoid", "loss": "binary_crossentropy"}
_NUMBERS = {"dataset": "diabetes", "units": 1, "activation": "linear", "loss": "mse"}


@dataclass(frozen=True)
class Coverage:
    """Number of simulated ensembles, of intervals, and of intervals that contain the true gain."""

    ensembles: int
    intervals: int
    covered: int


def load_case(directory: Path, *, is_regression: bool, metrics: str) -> Experiment:
    """Load an experiment with one output: a regression, or a classification with two classes."""
    path = directory / "case.yaml"
    path.write_text(_CONFIG.format(**(_NUMBERS if is_regression else _CLASSES), metrics=metrics))
    return load_experiment(str(path)).experiment


def draw_pool(experiment: Experiment, rate: float, seed: int = 0) -> tuple[TargetExamples, list[np.ndarray]]:
    """Draw targets, and outputs of members whose errors have a common part and a part of their own."""
    chance = np.random.default_rng(seed)
    errors = chance.normal(size=(POOL, 1)) + np.sqrt(0.5) * chance.normal(size=(MEMBERS, POOL, 1))
    if experiment.data.info.is_classification:
        classes = chance.integers(0, 2, POOL)
        signal = NormalDist().inv_cdf(rate) * np.sqrt(1.5)
        logits = signal * (2 * classes[:, None] - 1) + errors
        return TargetExamples(experiment, classes), list(1 / (1 + np.exp(-2 * logits)))
    targets = chance.normal(0, np.sqrt(1.5 / (1 - rate)), (POOL, 1))
    return TargetExamples(experiment, targets), list(targets + errors)


def measure_gain_coverage(experiment: Experiment, rate: float, count: int, ensembles: int) -> dict[str, Coverage]:
    """Return the coverage of the intervals of each score, for ensembles that are scored on `count` examples."""
    pool, members = draw_pool(experiment, rate)

    def score(rows):
        examples = pool.select(rows)
        parts = [member[rows] for member in members]
        scored = [(part, examples.compute_scores(part)) for part in parts]
        mean = np.mean(parts, axis=0)
        return examples, (mean, examples.compute_scores(mean)), scored

    _, (_, of_ensemble), of_members = score(np.arange(POOL))
    sign = {"loss": -1, "mean_absolute_error": -1, "root_mean_squared_error": -1}
    true = {
        name: sign.get(name, 1) * (score - np.mean([scores[name] for _, scores in of_members]))
        for name, score in of_ensemble.items()
    }
    chance = np.random.default_rng(1)
    counts = {name: [0, 0] for name in true}
    for _ in range(ensembles):
        gains = compute_gains(*score(chance.integers(0, POOL, count)))
        for name, gain in gains.items():
            if gain.interval is not None:
                counts[name][0] += 1
                counts[name][1] += gain.interval[0] <= true[name] <= gain.interval[1]
    return {name: Coverage(ensembles, *numbers) for name, numbers in counts.items()}
