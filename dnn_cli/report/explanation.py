"""The explanation of a run as text, the layers as bars and then the findings with what to try next; and as JSON."""

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
"""A run and a remedy → the command line to paste."""

BAR = 10
"""Characters of the longest bar."""

EIGHTHS = "▏▎▍▌▋▊▉█"
DECADES = 4
"""The least orders of magnitude of a scale, so that small differences look small."""

MOST_LAYERS = 24
WIDEST_NAME = 16
GUTTER = "    "
MARKS = {"trouble": "!", "advice": "·", "good": "✓"}
MOMENTS = ("divergence", "unstable", "thrown_about", "failed", "interrupted")
"""Findings about a single epoch; all others hold from their epoch on."""


@dataclass(frozen=True)
class Scale:
    """The orders of magnitude that bars show."""

    low: float
    high: float
    unicode: bool = True

    @classmethod
    def of(cls, explanations: Sequence[Explanation], *, unicode: bool) -> "Scale":
        """Return the scale for the gradients of all runs."""
        found = [state.gradient for one in explanations for state in shown(one) if state.gradient]
        if not found:
            return cls(-DECADES, 0, unicode)
        high = math.ceil(math.log10(max(found)))
        return cls(min(math.floor(math.log10(min(found))), high - DECADES), high, unicode)

    def bar(self, value: float | None) -> str:
        """Return a value as a bar, filled up with spaces."""
        if not value:
            return " " * BAR
        share = (math.log10(value) - self.low) / (self.high - self.low)
        if not self.unicode:
            return ("#" * max(1, round(share * BAR))).ljust(BAR)
        whole, rest = divmod(max(1, round(share * BAR * 8)), 8)
        return ("█" * whole + (EIGHTHS[rest - 1] if rest else "")).ljust(BAR)

    def legend(self, explanations: Sequence[Explanation]) -> str:
        """Return the meaning of the columns."""
        states = [state for one in explanations for state in shown(one)]
        low, high = (f"{10**end:g}" for end in (self.low, self.high))
        parts = [f"bars: gradient of the loss by a weight, root mean square, on a log scale from {low} to {high}"]
        if len(explanations) == 1 and (text := moved_legend(states)):
            parts.append(text)
        if any(state.dead is not None for state in states):
            parts.append(f"dead: share of relu units that are 0 for all {states[-1].examples} examples measured")
        if any(state.saturated is not None for state in states):
            parts.append("saturated: share of outputs within 5% of their limits")
        return "; ".join(parts)


def moved_legend(states: Sequence[LayerState]) -> str:
    """Return the meaning of the column `moved`; nothing where no change was measured."""
    last = [state for state in states if state.epoch == max(one.epoch for one in states)]
    if any(state.moved is not None for state in last):
        return "moved: change of the kernel since epoch 0, as a share of its initial size"
    since = next((state.since for state in last if state.update is not None), None)
    return "" if since is None else f"moved: change of the kernel since epoch {since}, as a share of its size then"


def moved(state: LayerState) -> float | None:
    """Return how far a kernel has moved: since epoch 0, or in files of dnn 0.7.0 since the epoch measured before."""
    return state.update if state.moved is None else state.moved


def explanation_text(
    explanations: Sequence[Explanation], command: Command, width: int = WIDE, *, unicode: bool = True
) -> str:
    """Return the explanations of runs as text, the layers of two runs side by side where there is room.

    Args:
        explanations: One for each run.
        command: A run and a remedy → the command line to paste.
        width: The width in columns; only command lines may be wider.
        unicode: Whether bars consist of blocks or of #.
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
            lines += [*wrapped(f"the layers were not measured: {one.unseen}", width)]
            lines += [f"    try  {visible(command(one.run, one.measure))}"] if one.measure else []
            lines += [""]
    return "".join(f"{line}\n" for line in lines[:-1])


def heading(explanation: Explanation) -> str:
    """Return the name, status and scores of a run."""
    record = explanation.record
    judged = explanation.model
    saved = judged.scores if judged else record.results.model or record.results.last
    scores = f", {scores_text(saved, 'val_') or scores_text(saved)}" if saved else ""
    file = f"; judged: {judged.file} ({judged.text()})" if judged else ""
    return f"{record.name} {record.id}: {record.status}, {count(record.epochs, 'epoch')}{file}{scores}"


def finding_lines(run: Run, finding: Finding, command: Command, width: int) -> list[str]:
    """Return the lines of a finding: its title, the fact, its meaning, and what to try."""
    lines = [f"{MARKS[finding.weight]} {finding.title}{when(finding)}"]
    for text in (finding.seen, finding.meaning):
        lines += wrapped(text, width, "    ", "    ")
    for index, remedy in enumerate(finding.remedies):
        lines.append(f"    {'or ' if index else 'try'}  {visible(command(run, remedy))}")
    return lines


def when(finding: Finding) -> str:
    """Return since which epoch a finding holds, in words."""
    if finding.since is None:
        return ""
    if finding.kind in MOMENTS:
        return f", in epoch {finding.since}"
    return f", from epoch {finding.since} on" if finding.since else ", from the start"


def wrapped(text: str, width: int, later: str = "", first: str = "") -> list[str]:
    """Return a text in lines of at most this width."""
    text = visible(text)
    if width >= WIDE:
        return [f"{first}{text}"]
    return textwrap.wrap(
        text, max(width, 20), initial_indent=first, subsequent_indent=later, break_on_hyphens=False
    ) or [first]


def shown(explanation: Explanation) -> list[LayerState]:
    """Return the states of the layers at the first and the last measured epoch."""
    epochs = [state.epoch for state in explanation.layers]
    return [state for state in explanation.layers if state.epoch in (min(epochs), max(epochs))] if epochs else []


def layers_of(explanation: Explanation, scale: Scale, *, with_moved: bool = True) -> list[str]:
    """Return the layers of a run as lines: gradients at the first and last measured epoch, and the rest at the last."""
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
            *([share(moved(now))] if with_moved else []),
            share(now.dead),
            share(now.saturated),
        ]
        for then, now in zip(by_epoch[first], by_epoch[last], strict=False)
    ]
    headers = [
        "layer",
        *([f"epoch {first}"] if first != last else []),
        f"epoch {last}",
        *(["moved"] if with_moved else []),
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
    """Return a gradient as a bar and a number."""
    return "" if state.gradient is None else f"{scale.bar(state.gradient)} {state.gradient:.1e}"


def share(value: float | None) -> str:
    """Return a share in percent, with a digit more where it is small; above 1,000% as a factor."""
    if value is not None and value >= 10:
        return f"{value:.3g} ×"
    return "" if value is None else f"{value:.0%}" if value >= 0.095 or value < 0.0005 else f"{value:.1%}"


def beside(explanations: Sequence[Explanation], scale: Scale) -> list[str]:
    """Return the layers of two runs, side by side below their names."""
    blocks = []
    for one in explanations:
        lines = layers_of(one, scale, with_moved=False)
        wide = max(map(cells_of, lines))
        name = shortened(f"{one.record.name} {one.record.id}", wide)
        blocks.append([padded(line, wide) for line in (name, *lines)])
    height = max(map(len, blocks))
    filled = [[*block, *[" " * cells_of(block[0])] * (height - len(block))] for block in blocks]
    return [GUTTER.join(pair).rstrip() for pair in zip(*filled, strict=True)]


def padded(line: str, width: int) -> str:
    """Return a line filled with spaces."""
    return line + " " * (width - cells_of(line))


def explanation_document(explanation: Explanation, command: Command) -> dict[str, Any]:
    """Return an explanation as a document for programs."""
    record = explanation.record
    return {
        "id": record.id,
        "name": record.name,
        "dir": str(explanation.run.directory),
        "status": record.status,
        "epochs": record.epochs,
        "model": explanation.model.document() if explanation.model else None,
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
