"""`Facts`: all that an explanation is drawn from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dnn_cli.errors import OwnDataError, RunError
from dnn_cli.formats.npz_archive import opened_archive
from dnn_cli.runs.diagnostics import LayerState, read_diagnostics
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.inputs import read_inputs
from dnn_cli.runs.record import Record, Scores
from dnn_cli.runs.run import Run
from dnn_cli.spec.datasets import OWN
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.load import load_resolved, read_base
from dnn_cli.spec.yaml_file import Document

if TYPE_CHECKING:
    from numpy.typing import NDArray

ACCURACIES = ("accuracy", "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy")

DECAYED = 0.1
"""Of its largest value: a learning rate below that has been lowered, and little moves any more."""


@dataclass(frozen=True)
class Guess:
    """What somebody reaches who does not look at the inputs: with the commonest class, or the mean."""

    accuracy: float
    examples: int


@dataclass(frozen=True)
class Facts:
    """A run, as far as it explains how it trained."""

    run: Run
    record: Record
    experiment: Experiment
    document: Document
    """The config of the run, to be changed."""

    rows: Sequence[Scores]
    states: Sequence[LayerState]
    trouble: str | None = None
    """Why `states` says nothing, if its file is damaged."""

    def curve(self, name: str) -> list[float]:
        """A score, an epoch each; none where there is no such score."""
        return [float(row[name]) for row in self.rows if name in row]

    @cached_property
    def looks(self) -> dict[int, list[LayerState]]:
        """The layers by the epochs after which somebody looked, in their order."""
        found: dict[int, list[LayerState]] = {}
        for state in sorted(self.states, key=lambda state: state.epoch):
            found.setdefault(state.epoch, []).append(state)
        return found

    @cached_property
    def watched(self) -> str:
        """The loss that tells most: on the validation set if there is one."""
        return "val_loss" if self.curve("val_loss") else "loss"

    @cached_property
    def accuracy(self) -> str | None:
        """The name of the accuracy that was measured, on the validation set if there is one."""
        for metric in self.experiment.metrics:
            if metric.type in ACCURACIES:
                return f"val_{metric.type}" if self.curve(f"val_{metric.type}") else metric.type
        return None

    @cached_property
    def is_decayed(self) -> bool:
        """Whether the learning rate of the last epoch is much lower than it was."""
        rates = self.curve("learning_rate")
        return bool(rates) and rates[-1] < DECAYED * max(rates)

    @cached_property
    def classes(self) -> int | None:
        """How many there are, 0 for a regression; `None` where the data is gone and nobody knows any more."""
        data = self.experiment.data
        try:
            told = read_inputs(self.run) if data.dataset in OWN else None
            facts = told.facts if told else data.facts
        except (OwnDataError, RunError):
            return None
        return len(facts.classes) if facts.is_classification else 0

    @cached_property
    def guess(self) -> Guess | None:
        """What guessing reaches on the validation set, by its labels; without them all classes count alike.

        `None` for a regression.
        """
        if not self.classes:
            return None
        arrays = predictions(self.run, "labels")
        if arrays is None or arrays[0].ndim != 1 or not len(arrays[0]):
            return Guess(1 / self.classes, 0)
        import numpy as np

        _, counts = np.unique(arrays[0], return_counts=True)
        return Guess(float(counts.max() / counts.sum()), int(counts.sum()))

    @cached_property
    def explained(self) -> float | None:
        """The share of the variance of the validation labels that a regression explains, R²; `None` if not known."""
        if self.classes != 0:
            return None
        arrays = predictions(self.run, "labels", "outputs")
        if arrays is None or arrays[0].size != arrays[1].size or arrays[0].size < 2:
            return None
        labels, outputs = (array.reshape(len(array), -1).astype(float) for array in arrays)
        total = float(((labels - labels.mean(0)) ** 2).sum())
        rest = float(((labels - outputs) ** 2).sum())
        return 1 - rest / total if total > 0 and math.isfinite(rest) else None


def read_facts(entry: Entry) -> Facts:
    """All that there is to know of a run.

    Raises:
        RunError: it has no record, or its metrics cannot be read.
        ConfigError: its config cannot be read.
    """
    run, record = entry.run, entry.record
    if record is None:
        raise RunError(f"{run.directory} cannot be explained: {entry.broken}")
    experiment = load_resolved(str(run.config))
    try:
        states, trouble = read_diagnostics(run), None
    except RunError as error:
        states, trouble = (), error.message
    return Facts(run, record, experiment, read_base(str(run.config)), run.read_metrics(), states, trouble)


def predictions(run: Run, *names: str) -> "list[NDArray[Any]] | None":
    """Arrays of `predictions.npz`; `None` where they cannot be had."""
    try:
        with opened_archive(str(run.predictions)) as archive:
            headers = [archive.header(name) for name in names]
            if sum(header.nbytes for header in headers) > run.predictions.stat().st_size:  # ours are not compressed
                return None
            return [archive.read(header) for header in headers]
    except (OwnDataError, OSError, KeyError):
        return None
