"""`Finding`: one thing that a run shows about how it trained, and what to try next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dnn_cli.runs.diagnostics import LayerState
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run

Weight = Literal["trouble", "advice", "good"]
"""Something is wrong; something could be better; nothing is wrong."""

Verb = Literal["train", "resume", "lr-find"]


@dataclass(frozen=True)
class Remedy:
    """A command to try: a verb of `dnn`, which takes the run or its config, and what to change."""

    verb: Verb
    overrides: tuple[str, ...] = ()

    def words(self, run: Run) -> list[str]:
        """The command for a run."""
        target = run.directory if self.verb == "resume" else run.config
        return ["dnn", self.verb, str(target), *self.overrides]


@dataclass(frozen=True)
class Finding:
    """One thing that was seen."""

    kind: str
    """A name for programs, as `vanishing_gradient`."""

    weight: Weight
    title: str
    seen: str
    """With its figures."""

    meaning: str
    """In a sentence."""

    since: int | None = None
    """The epoch from which on it shows; 0: before the first batch."""

    figures: Mapping[str, float] = field(default_factory=dict)
    """Those of `seen`, in full."""

    remedies: tuple[Remedy, ...] = ()
    """What to try, the most promising first."""


@dataclass(frozen=True)
class Explanation:
    """What a run shows."""

    run: Run
    record: Record
    findings: tuple[Finding, ...]
    """Those that weigh most first; at least one."""

    layers: Sequence[LayerState] = ()
    """What was seen inside the network; nothing where nobody looked."""

    unseen: str | None = None
    """Why there is nothing to see inside."""

    measure: Remedy | None = None
    """What looks inside after every epoch, where that was not done."""
