"""Findings about a run, their suggestions, and the explanation that holds all findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dnn_cli.runs.diagnostics_csv import LayerState
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.saved_models import SavedModel

Severity = Literal["trouble", "advice", "good"]
"""Severity of a finding.

`trouble` is a fault. `advice` is a possible improvement, or a result that cannot be judged. `good` needs no change."""

_SuggestedVerb = Literal["train", "resume", "lr-find", "data show"]


@dataclass(frozen=True)
class Suggestion:
    """Suggestion of a command: the name of a `dnn` command for the run or its config, and overrides."""

    verb: _SuggestedVerb
    overrides: tuple[str, ...] = ()

    def build_command(self, run: Run) -> list[str]:
        """Return the words of the command for a run, such as `["dnn", "train", …]`."""
        target = run.directory if self.verb == "resume" else run.config
        return ["dnn", *self.verb.split(), str(target), *self.overrides]


@dataclass(frozen=True)
class Finding:
    """Finding about a run: its cause or state, with evidence, severity and suggestions."""

    kind: str
    """Name of the finding for programs, such as `vanishing_gradient`."""

    severity: Severity
    title: str
    observation: str
    """Measured values that show the finding, as text, such as `val_loss was lowest in epoch 3`."""

    meaning: str
    """Conclusion from the observation: the usual cause or the effect, in one or two sentences."""

    since_epoch: int | None = None
    """First epoch that shows the finding: 0 for the initial weights; `None` if the finding has no particular epoch."""

    figures: Mapping[str, float] = field(default_factory=dict)
    """Numbers of `observation` without rounding, by name."""

    suggestions: tuple[Suggestion, ...] = ()
    """Suggestions, the most promising first."""


@dataclass(frozen=True)
class Explanation:
    """Explanation of a run: all its findings and the states of its layers."""

    run: Run
    record: Record
    findings: tuple[Finding, ...]
    """Findings, the most severe first; at least one."""

    layers: Sequence[LayerState] = ()
    """Measured states of the layers; empty if nothing was measured."""

    unmeasured_reason: str | None = None
    """Reason why no layer was measured; `None` if layers were measured."""

    measuring_suggestion: Suggestion | None = None
    """Suggestion of the command that measures the layers after every epoch; `None` if layers were measured."""

    model: SavedModel | None = None
    """Best model, if `--best` selects it; `None` if the model in `model.keras` is judged."""
