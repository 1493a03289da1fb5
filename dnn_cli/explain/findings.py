"""Findings about a run, the suggestions of a finding, and the explanation that holds all findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dnn_cli.runs.diagnostics_csv import LayerState
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.saved_models import SavedModel

Severity = Literal["trouble", "advice", "good"]
"""A fault; something that could be better or cannot be judged; nothing wrong."""

_SuggestedVerb = Literal["train", "resume", "lr-find", "data show"]


@dataclass(frozen=True)
class Suggestion:
    """A command to try: a verb of `dnn` for the run or its config, and overrides."""

    verb: _SuggestedVerb
    overrides: tuple[str, ...] = ()

    def build_command(self, run: Run) -> list[str]:
        """Return the words of the command for a run."""
        target = run.directory if self.verb == "resume" else run.config
        return ["dnn", *self.verb.split(), str(target), *self.overrides]


@dataclass(frozen=True)
class Finding:
    """One fact about a run, its meaning, and what to try."""

    kind: str
    """The name for programs, such as `vanishing_gradient`."""

    severity: Severity
    title: str
    observation: str
    """The fact with its figures."""

    meaning: str
    """The conclusion in a sentence or two."""

    since_epoch: int | None = None
    """The first epoch that shows it; 0: before the first batch; `None`: no single epoch."""

    figures: Mapping[str, float] = field(default_factory=dict)
    """The numbers of `observation` with all digits."""

    suggestions: tuple[Suggestion, ...] = ()
    """What to try, the most promising command first."""


@dataclass(frozen=True)
class Explanation:
    """All findings of a run."""

    run: Run
    record: Record
    findings: tuple[Finding, ...]
    """The most severe first; at least one."""

    layers: Sequence[LayerState] = ()
    """The measured states of the layers; none where nothing was measured."""

    unmeasured_reason: str | None = None
    """Why no layer was measured."""

    measuring_suggestion: Suggestion | None = None
    """The command that measures the layers after every epoch, where none was measured."""

    model: SavedModel | None = None
    """The judged model of the best epoch; `None` where the model in `model.keras` is judged."""
