"""How a trained network did on its validation examples: class by class, or number by number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.classification import ClassReport, classify, mistakes
from dnn_cli.compare.predictions import read_predictions
from dnn_cli.compare.regression import errors
from dnn_cli.errors import RunError
from dnn_cli.report.html.plot import Axis, Tick
from dnn_cli.report.words import score
from dnn_cli.runs.run import Run
from dnn_cli.spec.datasets import Facts

MATRIX = 20
"""With more classes there is no confusion matrix, but a list of what is taken for what."""

MOST_CLASSES = 50
"""So many classes are listed; of more, those that came out worst."""

MOST_CONFUSED = 15

MOST_DOTS = 300
"""So many examples of a regression are drawn."""

LEVELS = 9
"""Shades of a confusion matrix, besides none."""


@dataclass(frozen=True)
class Mistake:
    """An example that was taken for another class, or a number that was missed."""

    index: int
    """Its place in the data."""

    true: str
    predicted: str
    measure: str
    """How sure the network was, or how far off."""


@dataclass(frozen=True)
class Square:
    """A cell of the confusion matrix."""

    text: str
    shade: str
    """`h` for right and `e` for wrong, with a level by its share of the true class; empty for none."""


@dataclass(frozen=True)
class Classes:
    """How a classification came out."""

    accuracy: str
    examples: int
    wrong: int
    names: tuple[str, ...]
    matrix: tuple[tuple[Square, ...], ...] | None
    confused: tuple[tuple[str, str, int], ...]
    scores: tuple[tuple[str, str, str, str, int], ...]
    """A class, its precision, recall and F1, and how many examples it has."""

    untold: int
    """Classes that are not listed."""

    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True)
class Numbers:
    """How a regression came out."""

    examples: int
    facts: tuple[tuple[str, str], ...]
    dots: str
    """A path through the places of examples: what is true from left to right, what was predicted upwards."""

    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    drawn: int
    mistakes: tuple[Mistake, ...]


def outcome(run: Run, facts: Facts | None, *, logits: bool, most: int) -> "Classes | Numbers | str":
    """What the predictions of a run show, or why they show nothing.

    Args:
        run: The run.
        facts: What is known of its data; without it, classes are told by their numbers.
        logits: Whether its outputs are those before the activation.
        most: So many mistakes are told.
    """
    try:
        arrays = read_predictions(run)
        if arrays is None:
            return "There is no predictions.npz: the run had no validation examples, or was not completed."
        outputs, labels, places = (arrays[name] for name in ("outputs", "labels", "indices"))
        if places.shape != (len(labels),) or places.dtype.kind not in "iu":
            raise RunError("predictions.npz does not tell its examples apart")
        if labels.dtype.kind == "f":
            return numbers(outputs, labels, places, most)
        classes = facts.classes if facts and facts.classes else numbered(outputs)
        report = classify(outputs, labels, classes, logits=logits)
    except RunError as error:
        return f"{error.message}."
    except (KeyError, ValueError, TypeError, IndexError):
        return "predictions.npz does not hold outputs, labels and indices."
    wrong = [
        Mistake(
            int(places[one.position]), classes[one.true], classes[one.predicted], sureness(one.probability)
        )
        for one in mistakes(outputs, labels, most, logits=logits)
    ]  # fmt: skip
    return told(report, tuple(wrong))


def sureness(value: float) -> str:
    """How sure a network was; outputs that are no probabilities as they are."""
    return f"{value:.1%}" if 0 <= value <= 1 else digits(value)


def numbered(outputs: NDArray[Any]) -> tuple[str, ...]:
    """Classes without names."""
    units = outputs.shape[1] if outputs.ndim == 2 else 1
    return tuple(map(str, range(max(units, 2))))


def told(report: ClassReport, wrong: tuple[Mistake, ...]) -> Classes:
    """A report in words and shades."""
    worst = sorted(report.scores, key=lambda one: one.f1)[:MOST_CLASSES]
    shown = report.scores if len(report.scores) <= MOST_CLASSES else worst
    several = report.macro
    means = [("mean of the classes", several.precision, several.recall, several.f1, several.support)]
    rows = [(one.name, one.precision, one.recall, one.f1, one.support) for one in shown] + means
    return Classes(
        score(report.accuracy),
        report.examples,
        round(report.examples * (1 - report.accuracy)),
        report.classes,
        matrix(report.confusion) if len(report.classes) <= MATRIX else None,
        tuple((report.classes[true], report.classes[taken], n) for true, taken, n in report.confused(MOST_CONFUSED)),
        tuple((name, *(f"{value:.3f}" for value in values), support) for name, *values, support in rows),  # type: ignore[misc]
        len(report.scores) - len(shown),
        wrong,
    )


def matrix(confusion: NDArray[np.int64]) -> tuple[tuple[Square, ...], ...]:
    """A row a true class; what is right and what is wrong in two colours, the more the deeper."""
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    levels = np.ceil(shares * LEVELS).astype(int)
    return tuple(
        tuple(
            Square(str(number), f"{'h' if row == column else 'e'}{levels[row, column]}" if number else "")
            for column, number in enumerate(counts)
        )
        for row, counts in enumerate(confusion.tolist())
    )


def numbers(outputs: NDArray[Any], labels: NDArray[Any], places: NDArray[Any], most: int) -> Numbers:
    """A regression; of several numbers to predict, the first.

    Raises:
        RunError: outputs and labels are not those of one.
    """
    outputs, labels = (array.reshape(len(array), -1).astype(np.float64) for array in (outputs, labels))
    if outputs.shape != labels.shape or not len(labels) or not np.isfinite(outputs).all() & np.isfinite(labels).all():
        raise RunError("outputs and labels are not those of a regression")
    found, predicted, true = errors(outputs, labels)[0], outputs[:, 0], labels[:, 0]
    error = predicted - true
    far = np.abs(error)
    several = [("numbers to predict", f"{labels.shape[1]}, of which this is the first")] if labels.shape[1] > 1 else []
    explained = [] if found.r2 is None else [("R²", f"{found.r2:.3f}")]
    xs, ys = (Axis(float(values.min()), float(values.max())) for values in (true, predicted))
    both = Axis(min(xs.low, ys.low), max(xs.high, ys.high))
    chosen = np.unique(np.linspace(0, len(true) - 1, min(len(true), MOST_DOTS)).astype(int))
    dots = "".join(
        f"M{round(1000 * both.place(true[at]))} {round(1000 - 1000 * both.place(predicted[at]))}h0" for at in chosen
    )
    ticks = both.ticks(5)
    worst = np.argsort(-far, kind="stable")[:most]
    return Numbers(
        len(true),
        (
            *several,
            ("mean absolute error", digits(found.mean_absolute)),
            ("root mean squared error", digits(found.root_mean_squared)),
            ("half of the errors are below", digits(found.median_absolute)),
            ("nine in ten are below", digits(np.quantile(far, 0.9))),
            *explained,
        ),
        dots,
        tuple(Tick(round(100 * both.place(at), 2), text) for at, text in ticks),
        tuple(Tick(round(100 - 100 * both.place(at), 2), text) for at, text in ticks),
        len(chosen),
        tuple(Mistake(int(places[at]), digits(true[at]), digits(predicted[at]), signed(error[at])) for at in worst),
    )


def digits(value: Any) -> str:
    """A number with as many digits as anybody reads."""
    return f"{value:.5g}".replace("-", "−")


def signed(value: Any) -> str:
    """The same with its sign."""
    return ("" if value < 0 else "+") + digits(value)


def indices(found: "Classes | Numbers | str | None") -> Sequence[int]:
    """The examples that an outcome tells of one by one, the worst first."""
    return () if found is None or isinstance(found, str) else [one.index for one in found.mistakes]
