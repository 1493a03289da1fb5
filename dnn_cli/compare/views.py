"""At which point of their trainings runs are compared, and what number stands for a run there."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from dnn_cli.compare.precision import exact_fraction, scored_examples
from dnn_cli.errors import UsageError, nearest
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.record import is_test_score
from dnn_cli.spec.metrics import lower_is_better

NAMES = "final, best, area, epoch=N, steps=N, seconds=S, reach=SCORE"


@dataclass(frozen=True)
class Curve:
    """A score of a run, an epoch each, and what is needed to look at a part of it."""

    metric: str
    values: Sequence[float]
    entry: Entry
    examples: int = 0
    """The examples that the score counts, as an accuracy does; 0 for other scores."""

    @property
    def seconds(self) -> Sequence[float]:
        """Those of each epoch."""
        return self.entry.details.column("seconds") or [math.inf] * len(self.values)

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        experiment, record = self.entry.experiment or {}, self.entry.record
        examples = record.data.get("train") if record else None
        known = examples if isinstance(examples, int) else 0
        return max(1, -(-known // int(experiment.get("batch_size") or 1)))

    @property
    def saved(self) -> float | None:
        """The score of the saved model; `None` where the record has none."""
        record = self.entry.record
        score = (record.results.model or {}).get(self.metric) if record else None
        return None if score is None else exact_fraction(float(score), self.examples)

    @property
    def falls(self) -> bool:
        """Whether less is better."""
        return lower_is_better(self.metric)

    @property
    def best(self) -> float:
        """The best of all epochs."""
        return min(self.values) if self.falls else max(self.values)


@dataclass(frozen=True)
class View:
    """One way to tell a run by one number."""

    text: str
    """As it is typed."""

    title: str
    """In a sentence: `val_accuracy at the end of training`."""

    score: Callable[[Curve], float | None]
    """That number; `None` where the training never came so far."""

    missing: str = ""
    """Why there is none."""

    unit: str | None = None
    """What the number counts, if it is not the score itself; less is better then."""

    def lower_is_better(self, metric: str) -> bool:
        """Whether less of this number is better."""
        return self.unit is not None or lower_is_better(metric)


def final(curve: Curve) -> float:
    """What the saved model scores: that of the last epoch, unless the best was restored or weights were averaged."""
    saved = curve.saved
    return curve.values[-1] if saved is None else saved


def area(curve: Curve) -> float:
    """The area under the curve divided by its length, from the first epoch to the last (trapezoidal rule)."""
    values = curve.values
    inner = sum(values) - (values[0] + values[-1]) / 2
    return inner / (len(values) - 1) if len(values) > 1 else values[0]


def at_epoch(curve: Curve, epoch: float) -> float | None:
    """The score after an epoch."""
    return curve.values[int(epoch) - 1] if epoch <= len(curve.values) else None


def after_steps(curve: Curve, steps: float) -> float | None:
    """The score after the last epoch that ended within so many batches; nothing is guessed between epochs."""
    epochs = int(steps // curve.steps)
    return curve.values[epochs - 1] if 1 <= epochs <= len(curve.values) else None


def after_seconds(curve: Curve, seconds: float) -> float | None:
    """The score after the last epoch that ended within so many seconds of training."""
    passed, found = 0.0, None
    for value, duration in zip(curve.values, curve.seconds, strict=True):
        passed += duration
        if passed > seconds:
            return found
        found = value
    return None


def epochs_to(curve: Curve, wanted: float) -> float | None:
    """How many epochs it took to reach a score."""
    reached = (value <= wanted if curve.falls else value >= wanted for value in curve.values)
    return next((float(epoch) for epoch, is_there in enumerate(reached, 1) if is_there), None)


PLAIN = {
    "final": View("final", "at the end of training", final),
    "best": View("best", "in the best epoch", lambda curve: curve.best),
    "area": View("area", "on average over all epochs (area under the curve)", area),
}
AT: dict[str, tuple[str, Callable[[Curve, float], float | None], str]] = {
    "epoch": ("after epoch {}", at_epoch, "fewer than {} epochs"),
    "steps": ("after {} steps", after_steps, "no epoch ends within {} steps, or all of them do"),
    "seconds": ("after {} seconds of training", after_seconds, "no epoch ends within {} s, or all of them do"),
    "reach": ("epochs until {} is reached", epochs_to, "never reached {}"),
}


def parse_view(text: str) -> View:
    """The view that is typed so.

    Raises:
        UsageError: there is none.
    """
    name, equals, number = text.partition("=")
    if not equals and name in PLAIN:
        return PLAIN[name]
    if name not in AT:
        raise UsageError(f"--at does not know {text}", nearest(name, (*PLAIN, *AT)) or f"one of {NAMES}")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    whole = name in ("epoch", "steps")
    if not math.isfinite(value) or (name != "reach" and value <= 0) or (whole and value != int(value)):
        kind = "a whole number above 0" if whole else "a number" + ("" if name == "reach" else " above 0")
        raise UsageError(f"--at {name}= takes {kind}, not {number or 'nothing'}", f"as in --at {name}={EXAMPLES[name]}")
    title, score, missing = AT[name]
    shown = f"{value:.12g}"
    unit = "epochs" if name == "reach" else None
    return View(text, title.format(shown), partial(at_value, score, value), missing.format(shown), unit)


EXAMPLES = {"epoch": "5", "steps": "7500", "seconds": "10", "reach": "0.87"}


def at_value(score: Callable[[Curve, float], float | None], value: float, curve: Curve) -> float | None:
    """The number of a view that looks at one point."""
    return score(curve, value)


def curve_of(entry: Entry, metric: str) -> Curve | None:
    """Return the curve of a score; `None` where the run does not have the score.

    A test score belongs to the saved model alone, so that its curve has one value.
    """
    values = entry.details.column(metric)
    if is_test_score(metric) and entry.record:
        score = entry.record.test_score(metric)
        values = [] if score is None else [float(score)]
    if not values:
        return None
    examples = scored_examples(entry.record, metric) if entry.record else 0
    exact = [exact_fraction(value, examples) for value in values] if examples else values
    return Curve(metric, exact, entry, examples)
