"""Predictions for new inputs: a table of classes with their probabilities, or of numbers, and the same for programs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.compare.classification import predicted_classes, probabilities
from dnn_cli.report.evaluation import amount, target_names
from dnn_cli.report.tables import PlainTable, shortened, table
from dnn_cli.spec.experiment import Experiment

NEXT = 2
"""Classes that are shown beside the likeliest."""

WIDEST = 40
WARNINGS = 10
"""Inputs whose warnings are shown; the others are counted."""


@dataclass(frozen=True)
class Predicted:
    """The outputs for some inputs; a row of `outputs`, of (n, units), for each label."""

    experiment: Experiment
    labels: tuple[str, ...]
    files: tuple[str, ...]
    """The file each is from."""

    lines: tuple[int | None, ...]
    """Where each stands in a table."""

    outputs: NDArray[np.float32]
    warnings: tuple[list[str], ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names; none in a regression."""
        return self.experiment.data.facts.classes

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """What each class is given, of (n, classes)."""
        return probabilities(self.outputs, logits=self.experiment.loss.logits)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class of each."""
        return predicted_classes(self.outputs, logits=self.experiment.loss.logits)


def are_probabilities(experiment: Experiment) -> bool:
    """Whether outputs are probabilities, or become them by softmax or sigmoid, and not merely larger for one class."""
    ends = getattr(experiment.model.stack[-1], "activation", None)
    return experiment.loss.logits or experiment.loss.probabilities or ends in ("softmax", "sigmoid")


def prediction_table(predicted: Predicted) -> PlainTable:
    """A row for each input."""
    labels = [shortened(label, WIDEST) for label in predicted.labels]
    if not predicted.classes:
        facts = predicted.experiment.data.facts
        names = target_names(facts.target, facts.targets)
        rows = [[label, *map(amount, row)] for label, row in zip(labels, predicted.outputs.tolist(), strict=True)]
        return table(["input", *names], rows, right=names)
    classes, shares, found = predicted.classes, predicted.probabilities, predicted.predicted
    what = "probability" if are_probabilities(predicted.experiment) else "output"
    if predicted.outputs.shape[1] == 1:
        headers = ["input", "class", f"{what} of {classes[1]}"]
        rows = [[label, classes[at], share(p[1])] for label, at, p in zip(labels, found, shares, strict=True)]
        return table(headers, rows, right=headers[2:])
    headers = ["input", "class", what, "next"]
    rows = []
    for label, at, row in zip(labels, found, shares, strict=True):
        others = [other for other in np.argsort(-row, kind="stable")[: NEXT + 1] if other != at][:NEXT]
        told = ", ".join(f"{shortened(classes[other], WIDEST)} {share(row[other])}" for other in others)
        rows.append([label, classes[at], share(row[at]), told])
    return table(headers, rows, right=headers[2:3], flexible=["next"])


def share(value: float) -> str:
    """A probability, to four places."""
    return f"{value:.4f}" if math.isfinite(value) and abs(value) < 1e6 else f"{value:.3g}"


def warning_lines(predicted: Predicted) -> list[str]:
    """What makes inputs unlike those of the training."""
    unlike = [(label, said) for label, said in zip(predicted.labels, predicted.warnings, strict=True) if said]
    lines = [f"warning: {label}: {'; '.join(said)}" for label, said in unlike[:WARNINGS]]
    if len(unlike) > WARNINGS:
        lines.append(
            f"warning: and {len(unlike) - WARNINGS:,} more of {len(predicted.labels):,} inputs are unlike them"
        )
    return lines


def prediction_documents(predicted: Predicted) -> list[dict[str, Any]]:
    """The same for programs; probabilities in the order of the classes, numbers in that of the targets."""
    documents: list[dict[str, Any]] = []
    for at, (file, line, said) in enumerate(zip(predicted.files, predicted.lines, predicted.warnings, strict=True)):
        documents.append({"file": file, "input": predicted.labels[at], "line": line, "warnings": said})
    if not predicted.classes:
        for document, row in zip(documents, predicted.outputs.tolist(), strict=True):
            document["numbers"] = finite(row)
        return documents
    kind = "probabilities" if are_probabilities(predicted.experiment) else "outputs"
    for document, found, row in zip(documents, predicted.predicted, predicted.probabilities.tolist(), strict=True):
        document["class"] = predicted.classes[found]
        document[kind] = finite(row)
    return documents


def finite(values: Sequence[float]) -> list[float | None]:
    """Numbers as JSON can hold them."""
    return [value if math.isfinite(value) else None for value in values]
