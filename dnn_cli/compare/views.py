"""At which point of their trainings runs are compared, and what number stands for a run there."""

import math
import re
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

    span: Callable[[Curve], tuple[float, float] | None] = lambda curve: None
    """The smallest and the largest point at which a run has such a number; `None` where it has none at all."""

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
SPANS: dict[str, Callable[[Curve], tuple[float, float] | None]] = {
    "epoch": lambda curve: (1, len(curve.values)),
    "steps": lambda curve: (curve.steps, curve.steps * len(curve.values)),
    "seconds": lambda curve: (curve.seconds[0], sum(curve.seconds[:-1])) if len(curve.values) > 1 else None,
    "reach": lambda curve: (curve.best, curve.best),
}
"""The smallest and the largest number of each kind of view for which a run has a score."""

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
        raise UsageError(f"--at does not know {text}", suggest_view(text) or f"one of {NAMES}")
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
    return View(text, title.format(shown), partial(at_value, score, value), missing.format(shown), SPANS[name], unit)


OTHER_NAMES = {
    "last": "final", "end": "final", "max": "best", "min": "best", "auc": "area", "mean": "area", "score": "reach",
    "time": "seconds", "step": "steps", "sec": "seconds", "target": "reach",
}  # fmt: skip
"""Words for views that other programs use."""


def suggest_view(text: str) -> str:
    """Return `did you mean …?` for a text that is no view; empty where no view is near."""
    words = re.findall(r"[a-z]+", text.lower())
    number = re.search(r"\d+(\.\d+)?", text)
    if not words:
        return f"did you mean epoch={number[0]}?" if number else ""
    views = (*PLAIN, *AT)
    first = OTHER_NAMES.get(words[0], words[0])
    found = first if first in views else nearest(text, views).removeprefix("did you mean ").removesuffix("?")
    if found in AT:
        found = f"{found}={number[0] if number else EXAMPLES[found]}"
    return f"did you mean {found}?" if found else ""


def explain_absence(view: View, curves: Sequence[Curve]) -> tuple[str, str]:
    """Return why no run has a number for a view, and what can be typed in its place.

    Args:
        view: The view, as `epoch=99`.
        curves: The curves of the runs, none of which has a number there.
    """
    name, _, number = view.text.partition("=")
    spans = [span for curve in curves if (span := view.span(curve)) and math.isfinite(span[0])]
    if not spans:
        return f"no run can be compared at {view.text}", "a run of one epoch has only --at final"
    low, high, wanted = min(low for low, _ in spans), max(high for _, high in spans), float(number)
    if name == "reach":
        best = low if curves[0].falls else high
        reached = math.ceil(best * 1e4) if curves[0].falls else math.floor(best * 1e4)
        return f"no run reaches {number}", f"the best score is {best:.6g}: --at reach={reached / 1e4:.6g}"
    if name == "epoch":
        return f"no run has {number} epochs", f"the longest has {high:.0f}: --at epoch={high:.0f} or less"
    unit = "steps" if name == "steps" else "s"
    if wanted < low:
        shown = f"{low:.0f}" if name == "steps" else f"{math.ceil(low * 1e3) / 1e3:.12g}"
        return f"no epoch ends within {number} {unit}", f"the first ends after {shown}: --at {name}={shown} or more"
    if wanted < high:
        shorter = max(high for _, high in spans if high <= wanted)
        return f"no run has a score at {view.text}", f"a shorter run has one: --at {name}={shorter:.6g}"
    if name == "steps":
        return f"no run has {number} steps", f"the longest has {high:.0f}: --at steps={high:.0f} or less"
    shown = f"{max(low, high):.6g}"
    return (
        f"no training takes longer than {number} s",
        f"the last epoch but one of the longest ends after {shown} s: --at seconds={shown} or less",
    )


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
