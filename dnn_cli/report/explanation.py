"""Why a run trained as it did: the layers as bars, then what was found, each with what to try next; and as JSON."""

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dnn_cli.explain.findings import Explanation, Finding, Remedy
from dnn_cli.report.runs import scores_text
from dnn_cli.report.tables import cells_of, shortened, table
from dnn_cli.report.words import WIDE, count, visible
from dnn_cli.runs.diagnostics import LayerState
from dnn_cli.runs.run import Run

Command = Callable[[Run, Remedy], str]
"""A run and what to try → the line to paste."""

BAR = 10
"""Characters of the longest bar."""

EIGHTHS = "▏▎▍▌▋▊▉█"
DECADES = 4
"""Orders of magnitude that a scale has at least, so that small differences look small."""

MOST_LAYERS = 24
WIDEST_NAME = 16
GUTTER = "    "
MARKS = {"trouble": "!", "advice": "·", "good": "✓"}
MOMENTS = ("divergence", "unstable", "thrown_about", "failed", "interrupted")
"""Findings that tell of one epoch, and not of all from there on."""


@dataclass(frozen=True)
class Scale:
    """Orders of magnitude, along a bar."""

    low: float
    high: float
    unicode: bool = True

    @classmethod
    def of(cls, explanations: Sequence[Explanation], *, unicode: bool) -> "Scale":
        """One for the gradients of all runs."""
        found = [state.gradient for one in explanations for state in shown(one) if state.gradient]
        if not found:
            return cls(-DECADES, 0, unicode)
        high = math.ceil(math.log10(max(found)))
        return cls(min(math.floor(math.log10(min(found))), high - DECADES), high, unicode)

    def bar(self, value: float | None) -> str:
        """A value as a bar that fills its room with spaces."""
        if not value:
            return " " * BAR
        share = (math.log10(value) - self.low) / (self.high - self.low)
        if not self.unicode:
            return ("#" * max(1, round(share * BAR))).ljust(BAR)
        whole, rest = divmod(max(1, round(share * BAR * 8)), 8)
        return ("█" * whole + (EIGHTHS[rest - 1] if rest else "")).ljust(BAR)

    def legend(self, explanations: Sequence[Explanation]) -> str:
        """What the columns stand for."""
        states = [state for one in explanations for state in shown(one)]
        low, high = (f"{10**end:g}" for end in (self.low, self.high))
        parts = [f"bars: the loss's gradient by a weight, root mean square, on a log scale from {low} to {high}"]
        if len(explanations) == 1 and any(state.update is not None for state in states):
            parts.append(f"moved: the change of a kernel since epoch {states[-1].since}, as a share of it")
        if any(state.dead is not None for state in states):
            parts.append(f"dead: relu units that are 0 for all {states[-1].examples} examples looked at")
        if any(state.saturated is not None for state in states):
            parts.append("saturated: outputs within 5% of their limits")
        return "; ".join(parts)


def explanation_text(
    explanations: Sequence[Explanation], command: Command, width: int = WIDE, *, unicode: bool = True
) -> str:
    """All that is said of runs, the layers of two beside each other where there is room.

    Args:
        explanations: Of each run.
        command: A run and what to try → the line to paste.
        width: Columns; command lines alone are wider if they must be.
        unicode: Bars of blocks; else of #.
    """
    scale = Scale.of(explanations, unicode=unicode)
    inside = [layers_of(one, scale) for one in explanations]
    lines: list[str] = []
    joined = beside(explanations, scale) if len(explanations) == 2 and all(inside) else []
    if joined and max(map(cells_of, joined)) <= width:
        lines += [*joined, "", *wrapped(scale.legend(explanations), width), ""]
        inside = [[] for _ in explanations]
    for one, layers in zip(explanations, inside, strict=True):
        lines += [*wrapped(heading(one), width, "  "), ""]
        if layers:
            lines += [*layers, "", *wrapped(scale.legend([one]), width), ""]
        for finding in one.findings:
            lines += [*finding_lines(one.run, finding, command, width), ""]
        if one.unseen:
            lines += [*wrapped(f"inside the network nothing was seen: {one.unseen}", width)]
            lines += [f"    try  {visible(command(one.run, one.measure))}"] if one.measure else []
            lines += [""]
    return "".join(f"{line}\n" for line in lines[:-1])


def heading(explanation: Explanation) -> str:
    """Which run it is."""
    record = explanation.record
    saved = record.results.model or record.results.last
    scores = f", {scores_text(saved, 'val_') or scores_text(saved)}" if saved else ""
    return f"{record.name} {record.id}: {record.status}, {count(record.epochs, 'epoch')}{scores}"


def finding_lines(run: Run, finding: Finding, command: Command, width: int) -> list[str]:
    """A finding: its title, what was seen, what it means, and what to try."""
    lines = [f"{MARKS[finding.weight]} {finding.title}{when(finding)}"]
    for text in (finding.seen, finding.meaning):
        lines += wrapped(text, width, "    ", "    ")
    for index, remedy in enumerate(finding.remedies):
        lines.append(f"    {'or ' if index else 'try'}  {visible(command(run, remedy))}")
    return lines


def when(finding: Finding) -> str:
    """Since when it shows."""
    if finding.since is None:
        return ""
    if finding.kind in MOMENTS:
        return f", in epoch {finding.since}"
    return f", from epoch {finding.since} on" if finding.since else ", from the beginning on"


def wrapped(text: str, width: int, later: str = "", first: str = "") -> list[str]:
    """A text in lines that are no wider."""
    text = visible(text)
    if width >= WIDE:
        return [f"{first}{text}"]
    return textwrap.wrap(
        text, max(width, 20), initial_indent=first, subsequent_indent=later, break_on_hyphens=False
    ) or [first]


def shown(explanation: Explanation) -> list[LayerState]:
    """The layers at the first look and at the last."""
    epochs = [state.epoch for state in explanation.layers]
    return [state for state in explanation.layers if state.epoch in (min(epochs), max(epochs))] if epochs else []


def layers_of(explanation: Explanation, scale: Scale, *, moved: bool = True) -> list[str]:
    """The layers of a run as lines: gradients at the first look and at the last, and what else was seen at the last."""
    states = shown(explanation)
    if not states:
        return []
    first, last = min(state.epoch for state in states), max(state.epoch for state in states)
    by_epoch = {epoch: [state for state in states if state.epoch == epoch] for epoch in (first, last)}
    rows = [
        [
            shortened(now.layer, WIDEST_NAME),
            *([gradient(then, scale)] if first != last else []),
            gradient(now, scale),
            *([share(now.update)] if moved else []),
            share(now.dead),
            share(now.saturated),
        ]
        for then, now in zip(by_epoch[first], by_epoch[last], strict=False)
    ]
    headers = [
        "layer",
        *([f"epoch {first}"] if first != last else []),
        f"epoch {last}",
        *(["moved"] if moved else []),
        "dead",
        "saturated",
    ]
    keep = [name in ("layer",) or any(row[at].strip() for row in rows) for at, name in enumerate(headers)]
    headers = [name for name, kept in zip(headers, keep, strict=True) if kept]
    rows = [[cell for cell, kept in zip(row, keep, strict=True) if kept] for row in rows]
    if len(rows) > MOST_LAYERS:
        half = MOST_LAYERS // 2
        rows = [*rows[:half], ["…", *[""] * (len(headers) - 1)], *rows[-half:]]
    return table(headers, rows, right=("moved", "dead", "saturated")).text().splitlines()


def gradient(state: LayerState, scale: Scale) -> str:
    """A gradient as a bar and a number."""
    return "" if state.gradient is None else f"{scale.bar(state.gradient)} {state.gradient:.1e}"


def share(value: float | None) -> str:
    """A share in percent, with as many digits as tell it from nothing."""
    return "" if value is None else f"{value:.0%}" if value >= 0.095 or value < 0.0005 else f"{value:.1%}"


def beside(explanations: Sequence[Explanation], scale: Scale) -> list[str]:
    """The layers of two runs, side by side under their names."""
    blocks = []
    for one in explanations:
        lines = layers_of(one, scale, moved=False)
        wide = max(map(cells_of, lines))
        name = shortened(f"{one.record.name} {one.record.id}", wide)
        blocks.append([padded(line, wide) for line in (name, *lines)])
    height = max(map(len, blocks))
    filled = [[*block, *[" " * cells_of(block[0])] * (height - len(block))] for block in blocks]
    return [GUTTER.join(pair).rstrip() for pair in zip(*filled, strict=True)]


def padded(line: str, width: int) -> str:
    """A line filled with spaces."""
    return line + " " * (width - cells_of(line))


def explanation_document(explanation: Explanation, command: Command) -> dict[str, Any]:
    """All of it for programs."""
    record = explanation.record
    return {
        "id": record.id,
        "name": record.name,
        "dir": str(explanation.run.directory),
        "status": record.status,
        "epochs": record.epochs,
        "findings": [
            {
                "kind": finding.kind,
                "weight": finding.weight,
                "title": finding.title,
                "since": finding.since,
                "seen": finding.seen,
                "meaning": finding.meaning,
                "figures": dict(finding.figures),
                "commands": [command(explanation.run, remedy) for remedy in finding.remedies],
            }
            for finding in explanation.findings
        ],
        "layers": [asdict(state) for state in explanation.layers],
        "unseen": explanation.unseen,
        "measure": command(explanation.run, explanation.measure) if explanation.measure else None,
    }
