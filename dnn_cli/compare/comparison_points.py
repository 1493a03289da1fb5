"""Comparison points, such as `final` or `epoch=5`: the time in a training and the number by which runs are compared."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from dnn_cli.compare.score_resolution import count_scored_examples, to_exact_fraction
from dnn_cli.config.score_names import lower_is_better
from dnn_cli.errors import UsageError, suggest_nearest_name
from dnn_cli.runs.evaluations import is_test_score
from dnn_cli.runs.run_info import RunInfo

_POINT_NAMES = "final, best, area, epoch=N, steps=N, seconds=S, reach=SCORE"


@dataclass(frozen=True, slots=True)
class ScoreCurve:
    """A run and its scores of one metric, one score per epoch."""

    metric: str
    values: Sequence[float]
    run_info: RunInfo
    examples: int = 0
    """Number of examples from which an accuracy was computed; 0 for other scores."""

    @property
    def epoch_seconds(self) -> Sequence[float]:
        """The training time of each epoch, in seconds; infinite where the time was not recorded."""
        return self.run_info.details.get_metric_values("seconds") or [math.inf] * len(self.values)

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches per epoch; 1 if the number of training examples is not recorded."""
        experiment, record = self.run_info.config or {}, self.run_info.record
        examples = record.data.get("train") if record else None
        example_count = examples if isinstance(examples, int) else 0
        return max(1, -(-example_count // int(experiment.get("batch_size") or 1)))

    @property
    def saved_score(self) -> float | None:
        """The score of the saved model; `None` if the record does not contain the score."""
        record = self.run_info.record
        score = (record.results.model or {}).get(self.metric) if record else None
        return None if score is None else to_exact_fraction(float(score), self.examples)

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller score is better."""
        return lower_is_better(self.metric)

    @property
    def best_score(self) -> float:
        """The best score of all epochs."""
        return min(self.values) if self.lower_is_better else max(self.values)


@dataclass(frozen=True)
class ComparisonPoint:
    """Comparison point: a time in a training, such as epoch 5, and the number by which runs are then compared."""

    text: str
    """Text of the option `--at`, such as `epoch=5`."""

    title: str
    """Words that follow the metric in a sentence, such as `at the end of training`."""

    compute_score: Callable[[ScoreCurve], float | None]
    """Function that returns the number by which a run is compared; `None` if the training did not reach the point."""

    missing_reason: str = ""
    """Reason why `compute_score` returned `None` for a run, such as `fewer than 5 epochs`."""

    find_span: Callable[[ScoreCurve], tuple[float, float] | None] = lambda curve: None
    """Function that returns the smallest and the largest number in `--at` for which a run has a score.

    For `epoch=N` and a run of 20 epochs, the numbers are 1 and 20. `None` means that no number has a score."""

    unit: str | None = None
    """Unit of the compared number if it is not a score, such as `epochs`; `None` for a score.

    A smaller number is always better if the number has a unit."""

    def lower_is_better(self, metric: str) -> bool:
        """Return whether a smaller value is better for the number by which runs are compared at this point."""
        return self.unit is not None or lower_is_better(metric)


def _get_final_score(curve: ScoreCurve) -> float:
    """Return the score of the saved model; if the record lacks this score, return the score of the last epoch.

    The two scores differ if the best weights were restored or weights were averaged.
    """
    saved = curve.saved_score
    return curve.values[-1] if saved is None else saved


def _compute_curve_area(curve: ScoreCurve) -> float:
    """Return the mean height of the curve: its area by the trapezoidal rule, divided by its width in epochs.

    The curve extends from the first epoch to the last. The result for a single epoch is its score.
    """
    values = curve.values
    inner = sum(values) - (values[0] + values[-1]) / 2
    return inner / (len(values) - 1) if len(values) > 1 else values[0]


def _get_score_at_epoch(curve: ScoreCurve, epoch: float) -> float | None:
    """Return the score after an epoch; `None` if the run has fewer epochs."""
    return curve.values[int(epoch) - 1] if epoch <= len(curve.values) else None


def _get_network_score(
    compute_score: Callable[[ScoreCurve, float], float | None], curve: ScoreCurve, number: float
) -> float | None:
    """Return the score of a network after a number of epochs or steps; the only score of a baseline."""
    record = curve.run_info.record
    return curve.values[-1] if record is not None and record.is_baseline else compute_score(curve, number)


def _get_score_after_steps(curve: ScoreCurve, steps: float) -> float | None:
    """Return the score of the last epoch that ended within the first `steps` training steps, without interpolation.

    The result is `None` if the first epoch has more than `steps` steps, or the whole training has fewer.
    """
    epochs = int(steps // curve.steps_per_epoch)
    return curve.values[epochs - 1] if 1 <= epochs <= len(curve.values) else None


def _get_score_after_seconds(curve: ScoreCurve, seconds: float) -> float | None:
    """Return the score of the last epoch that ended within the first `seconds` of the training.

    The result is `None` if the first epoch takes more than `seconds`, or the whole training takes less.
    """
    passed, score = 0.0, None
    for value, duration in zip(curve.values, curve.epoch_seconds, strict=True):
        passed += duration
        if passed > seconds:
            return score
        score = value
    return None


def _count_epochs_to(curve: ScoreCurve, score: float) -> float | None:
    """Count the epochs until the score is at least as good as `score`; return `None` if no epoch has such a score."""
    return find_first_epoch(curve.values, score, lower_is_better=curve.lower_is_better)


def find_first_epoch(values: Sequence[float], score: float, *, lower_is_better: bool) -> int | None:
    """Find the first epoch with a score at least as good as `score`, and return its number; the first epoch is 1.

    The result is `None` if no epoch has such a score.

    Args:
        values: The score of each epoch.
        score: The score to reach.
        lower_is_better: Whether a smaller score is better.
    """
    reached = (value <= score if lower_is_better else value >= score for value in values)
    return next((epoch for epoch, is_reached in enumerate(reached, 1) if is_reached), None)


_NAMED_POINTS = {
    "final": ComparisonPoint("final", "at the end of training", _get_final_score),
    "best": ComparisonPoint("best", "in the best epoch", lambda curve: curve.best_score),
    "area": ComparisonPoint("area", "on average over all epochs (area under the curve)", _compute_curve_area),
}
_POINT_SPANS: dict[str, Callable[[ScoreCurve], tuple[float, float] | None]] = {
    "epoch": lambda curve: (1, len(curve.values)),
    "steps": lambda curve: (curve.steps_per_epoch, curve.steps_per_epoch * len(curve.values)),
    "seconds": lambda curve: (curve.epoch_seconds[0], sum(curve.epoch_seconds[:-1])) if len(curve.values) > 1 else None,
    "reach": lambda curve: (curve.best_score, curve.best_score),
}
"""Functions that return the smallest and the largest number for which a run has a score, by name of the point.

`parse_comparison_point` stores the function in `ComparisonPoint.find_span`."""

_NUMBERED_POINTS: dict[str, tuple[str, Callable[[ScoreCurve, float], float | None], str]] = {
    "epoch": ("after epoch {}", _get_score_at_epoch, "fewer than {} epochs"),
    "steps": ("after {} steps", _get_score_after_steps, "no epoch ends within {} steps, or all epochs end within them"),
    "seconds": (
        "after {} seconds of training",
        _get_score_after_seconds,
        "no epoch ends within {} s, or all epochs end within them",
    ),
    "reach": ("epochs until {} is reached", _count_epochs_to, "never reached {}"),
}
"""Comparison points with a number, such as `epoch=5`, by name.

Each value consists of the title, the function that computes the score, and the reason of a missing score."""


def parse_comparison_point(text: str) -> ComparisonPoint:
    """Parse the text of `--at` into a comparison point.

    Raises:
        UsageError: the text is not a comparison point.
    """
    name, equals, number = text.partition("=")
    if not equals and name in _NAMED_POINTS:
        return _NAMED_POINTS[name]
    if name not in _NUMBERED_POINTS:
        raise UsageError(f"unknown --at value: {text}", _suggest_point(text) or f"use one of {_POINT_NAMES}")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    is_whole = name in ("epoch", "steps")
    if not math.isfinite(value) or (name != "reach" and value <= 0) or (is_whole and value != int(value)):
        kind = "a whole number above 0" if is_whole else "a number" + ("" if name == "reach" else " above 0")
        raise UsageError(
            f"--at {name}= needs {kind}, got {number or 'no value'}", f"for example --at {name}={_POINT_EXAMPLES[name]}"
        )
    title, compute_score, missing_reason = _NUMBERED_POINTS[name]
    if is_whole:
        compute_score = partial(_get_network_score, compute_score)
    number_text = f"{value:.12g}"
    unit = "epochs" if name == "reach" else None
    return ComparisonPoint(
        text,
        title.format(number_text),
        partial(_compute_score_at, compute_score, value),
        missing_reason.format(number_text),
        _POINT_SPANS[name],
        unit,
    )


_POINT_SYNONYMS = {
    "last": "final", "end": "final", "max": "best", "min": "best", "auc": "area", "mean": "area", "score": "reach",
    "time": "seconds", "step": "steps", "sec": "seconds", "target": "reach",
}  # fmt: skip
"""Names of comparison points in other programs, with the name in dnn."""


def _suggest_point(text: str) -> str:
    """Return `did you mean …?` with the comparison point nearest to a text; empty if no name is near."""
    words = re.findall(r"[a-z]+", text.lower())
    number = re.search(r"\d+(\.\d+)?", text)
    if not words:
        return f"did you mean epoch={number[0]}?" if number else ""
    points = (*_NAMED_POINTS, *_NUMBERED_POINTS)
    first = _POINT_SYNONYMS.get(words[0], words[0])
    suggestion = (
        first if first in points else suggest_nearest_name(text, points).removeprefix("did you mean ").removesuffix("?")
    )
    if suggestion in _NUMBERED_POINTS:
        suggestion = f"{suggestion}={number[0] if number else _POINT_EXAMPLES[suggestion]}"
    return f"did you mean {suggestion}?" if suggestion else ""


def explain_missing_scores(point: ComparisonPoint, curves: Sequence[ScoreCurve]) -> tuple[str, str]:
    """Return the reason why no run has a score at a comparison point, and a suggestion of another point.

    Args:
        point: The comparison point, such as `epoch=99`.
        curves: The curves of the runs. All of them lack a score at the point.
    """
    name, _, number = point.text.partition("=")
    spans = [span for curve in curves if (span := point.find_span(curve)) and math.isfinite(span[0])]
    if not spans:
        return f"no run can be compared at {point.text}", "a run of one epoch can be compared with --at final only"
    low, high, requested = min(low for low, _ in spans), max(high for _, high in spans), float(number)
    if name == "reach":
        best = low if curves[0].lower_is_better else high
        reached = math.ceil(best * 1e4) if curves[0].lower_is_better else math.floor(best * 1e4)
        return f"no run reaches {number}", f"the best score is {best:.6g}: --at reach={reached / 1e4:.6g}"
    if name == "epoch":
        return f"no run has {number} epochs", f"the longest run has {high:.0f}: --at epoch={high:.0f} or less"
    unit = "steps" if name == "steps" else "s"
    if requested < low:
        limit_text = f"{low:.0f}" if name == "steps" else f"{math.ceil(low * 1e3) / 1e3:.12g}"
        return (
            f"no epoch ends within {number} {unit}",
            f"the first epoch ends after {limit_text}: --at {name}={limit_text} or more",
        )
    if requested < high:
        shorter = max(high for _, high in spans if high <= requested)
        return f"no run has a score at {point.text}", f"a shorter run has a score: --at {name}={shorter:.6g}"
    if name == "steps":
        return f"no run has {number} steps", f"the longest run has {high:.0f}: --at steps={high:.0f} or less"
    limit_text = f"{max(low, high):.6g}"
    return (
        f"no training takes longer than {number} s",
        f"the longest training begins its last epoch after {limit_text} s: --at seconds={limit_text} or less",
    )


_POINT_EXAMPLES = {"epoch": "5", "steps": "7500", "seconds": "10", "reach": "0.87"}


def _compute_score_at(
    compute_score: Callable[[ScoreCurve, float], float | None], value: float, curve: ScoreCurve
) -> float | None:
    """Return the score at a comparison point such as `epoch=5`.

    The curve is the last parameter, so that `partial` can bind the others.

    Args:
        compute_score: The function for the name of the point, such as `_get_score_at_epoch`.
        value: The number of the point, such as 5.
        curve: The scores of a run.
    """
    return compute_score(curve, value)


def find_score_curve(run_info: RunInfo, metric: str) -> ScoreCurve | None:
    """Return the curve of a score; `None` if the run does not have the score.

    A test score belongs to the saved model, not to an epoch. Its curve has a single value.
    """
    values = run_info.details.get_metric_values(metric)
    if is_test_score(metric) and run_info.record:
        score = run_info.record.get_test_score(metric)
        values = [] if score is None else [float(score)]
    if not values:
        return None
    examples = count_scored_examples(run_info.record, metric) if run_info.record else 0
    exact = [to_exact_fraction(value, examples) for value in values] if examples else values
    return ScoreCurve(metric, exact, run_info, examples)
