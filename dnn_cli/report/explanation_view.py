"""Text and JSON of the explanations of runs by `dnn explain`.

The text shows the gradients of the layers as bars, then the findings with their suggestions.
"""

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dnn_cli.explain.findings import Explanation, Finding, Suggestion
from dnn_cli.report.runs_table import format_scores
from dnn_cli.report.tables import compute_text_width, format_named_rows, pad_text, shorten_text
from dnn_cli.report.text import UNLIMITED_WIDTH, format_count, replace_control_chars
from dnn_cli.runs.diagnostics_csv import LayerState
from dnn_cli.runs.run import Run

_CommandFormatter = Callable[[Run, Suggestion], str]
"""Function that returns the command line of a suggestion for a run."""

_BAR_WIDTH = 10
"""Width of the longest bar, in characters."""

_BAR_EIGHTHS = "▏▎▍▌▋▊▉█"
_MIN_DECADES = 4
"""Smallest range of the scale of the bars, in orders of magnitude.

With a smaller range, small differences would look large.
"""

_MAX_LAYER_ROWS = 24
_MIN_LAYER_NAME_WIDTH = 16
"""Smallest width of the column of layers, in characters. A longer name is above its row."""

_COLUMN_GUTTER = "    "
_SEVERITY_MARKS = {"trouble": "!", "advice": "·", "good": "✓"}
_SINGLE_EPOCH_KINDS = ("divergence", "unstable", "thrown_about", "failed", "interrupted")
"""Kinds of findings that concern one epoch only. Other findings hold for their epoch and all later epochs."""


@dataclass(frozen=True)
class _GradientScale:
    """Logarithmic scale of the bars that show gradients; `low` and `high` are exponents of ten."""

    low: float
    high: float
    unicode: bool = True

    @classmethod
    def from_explanations(cls, explanations: Sequence[Explanation], *, unicode: bool) -> "_GradientScale":
        """Return a scale that covers the gradients of all explained runs, so that their bars are comparable."""
        gradients = [
            state.gradient
            for explanation in explanations
            for state in _list_first_and_last_states(explanation)
            if state.gradient
        ]
        if not gradients:
            return cls(-_MIN_DECADES, 0, unicode)
        high = math.ceil(math.log10(max(gradients)))
        return cls(min(math.floor(math.log10(min(gradients))), high - _MIN_DECADES), high, unicode)

    def format_bar(self, value: float | None) -> str:
        """Return a gradient as a bar, padded with spaces; only spaces for 0 or `None`."""
        if not value:
            return " " * _BAR_WIDTH
        share = (math.log10(value) - self.low) / (self.high - self.low)
        if not self.unicode:
            return ("#" * max(1, round(share * _BAR_WIDTH))).ljust(_BAR_WIDTH)
        full_blocks, eighths = divmod(max(1, round(share * _BAR_WIDTH * 8)), 8)
        return ("█" * full_blocks + (_BAR_EIGHTHS[eighths - 1] if eighths else "")).ljust(_BAR_WIDTH)

    def format_legend(self, explanations: Sequence[Explanation], width: int) -> list[str]:
        """Return the legend of the columns in the table of layers, in lines of at most `width` terminal characters."""
        states = [state for explanation in explanations for state in _list_first_and_last_states(explanation)]
        low, high = (f"{10**end:g}" for end in (self.low, self.high))
        parts = [
            f"gradient: root mean square of the loss gradient over the weights; bars: log scale from {low} to {high}",
            *(["epoch 0: before training"] if any(state.epoch == 0 for state in states) else []),
        ]
        if len(explanations) == 1 and (text := _format_moved_legend(states)):
            parts.append(text)
        if any(state.dead is not None for state in states):
            parts.append(f"dead: share of relu units that are 0 for all {states[-1].examples} measured examples")
        if any(state.saturated is not None for state in states):
            parts.append("saturated: share of outputs within 5% of the limits of the activation; –: not measured")
        return [line for part in parts for line in _wrap_text(part, width, "  ")]


def _format_moved_legend(states: Sequence[LayerState]) -> str:
    """Return the legend of the column `change`, which shows how much kernels moved; empty if no kernel was measured."""
    last = [state for state in states if state.epoch == max(other.epoch for other in states)]
    if any(state.moved is not None for state in last):
        return "change: norm of the change of the weights since epoch 0, relative to their norm at epoch 0"
    since = next((state.since for state in last if state.update is not None), None)
    return (
        ""
        if since is None
        else f"change: norm of the change of the weights since epoch {since}, relative to their norm then"
    )


def _get_kernel_change(state: LayerState) -> float | None:
    """Return the relative change of a kernel since epoch 0.

    Files of dnn 0.7.0 lack this change. For these files, return the change since the previous measured epoch.
    """
    return state.update if state.moved is None else state.moved


def format_explanations(
    explanations: Sequence[Explanation],
    command: _CommandFormatter,
    width: int = UNLIMITED_WIDTH,
    *,
    unicode: bool = True,
) -> str:
    """Return the explanations of runs as text. If the width suffices, the layers of two runs are side by side.

    Args:
        explanations: One explanation for each run.
        command: The function that returns the command line of a suggestion for a run.
        width: The largest width of a line in terminal characters; only command lines are wider.
        unicode: Whether bars consist of block characters; otherwise of #.
    """
    scale = _GradientScale.from_explanations(explanations, unicode=unicode)
    layer_lines = [_format_layer_lines(explanation, scale, width) for explanation in explanations]
    lines: list[str] = []
    side_by_side = (
        _format_layers_side_by_side(explanations, scale, width) if len(explanations) == 2 and all(layer_lines) else []
    )
    if side_by_side and max(map(compute_text_width, side_by_side)) <= width:
        lines += [*side_by_side, "", *scale.format_legend(explanations, width), ""]
        layer_lines = [[] for _ in explanations]
    for explanation, layers in zip(explanations, layer_lines, strict=True):
        lines += [*_wrap_text(_format_run_heading(explanation), width, "  "), ""]
        if layers:
            lines += [*layers, "", *scale.format_legend([explanation], width), ""]
        for finding in explanation.findings:
            lines += [*_format_finding_lines(explanation.run, finding, command, width), ""]
        if explanation.unmeasured_reason:
            lines += [*_wrap_text(f"the layers were not measured: {explanation.unmeasured_reason}", width)]
            lines += (
                [f"    try  {replace_control_chars(command(explanation.run, explanation.measuring_suggestion))}"]
                if explanation.measuring_suggestion
                else []
            )
            lines += [""]
    return "".join(f"{line}\n" for line in lines[:-1])


def _format_run_heading(explanation: Explanation) -> str:
    """Return the name, id, status, number of epochs and scores of a run in one line."""
    record = explanation.record
    judged = explanation.model
    saved = judged.scores if judged else record.results.model or record.results.last
    scores = f", {format_scores(saved, 'val_') or format_scores(saved)}" if saved else ""
    file = f"; judged: {judged.file_name} ({judged.format_epoch()})" if judged else ""
    return f"{record.name} {record.id}: {record.status}, {format_count(record.epochs, 'epoch')}{file}{scores}"


def _format_finding_lines(run: Run, finding: Finding, command: _CommandFormatter, width: int) -> list[str]:
    """Return the lines of a finding: title, observation, meaning, and commands that may help."""
    lines = [f"{_SEVERITY_MARKS[finding.severity]} {finding.title}{format_finding_epoch(finding)}"]
    for text in (finding.observation, finding.meaning):
        lines += _wrap_text(text, width, "    ", "    ")
    for index, remedy in enumerate(finding.suggestions):
        lines.append(f"    {'or ' if index else 'try'}  {replace_control_chars(command(run, remedy))}")
    return lines


def format_finding_epoch(finding: Finding) -> str:
    """Return the epoch of a finding as text, such as `, from epoch 3 on`; empty for a finding about the whole run."""
    if finding.since_epoch is None:
        return ""
    if finding.kind in _SINGLE_EPOCH_KINDS:
        return f", in epoch {finding.since_epoch}"
    return f", from epoch {finding.since_epoch} on" if finding.since_epoch else ", from the start"


def _wrap_text(text: str, width: int, later_indent: str = "", first_indent: str = "") -> list[str]:
    """Return a text in lines of at most `width` terminal characters.

    The first line begins with `first_indent`, and all other lines begin with `later_indent`. `UNLIMITED_WIDTH` keeps
    the text in one line.
    """
    text = replace_control_chars(text)
    if width >= UNLIMITED_WIDTH:
        return [f"{first_indent}{text}"]
    return textwrap.wrap(
        text, max(width, 20), initial_indent=first_indent, subsequent_indent=later_indent, break_on_hyphens=False
    ) or [first_indent]


def _list_first_and_last_states(explanation: Explanation) -> list[LayerState]:
    """Return the states of the layers at the first and the last measured epoch."""
    epochs = [state.epoch for state in explanation.layers]
    return [state for state in explanation.layers if state.epoch in (min(epochs), max(epochs))] if epochs else []


def _format_layer_lines(
    explanation: Explanation, scale: _GradientScale, width: int, *, with_moved: bool = True
) -> list[str]:
    """Return a table with a row for each layer of a run, as lines. A name that needs too much room is above its row.

    The table has gradients of the first and the last measured epoch. All other columns are about the last measured
    epoch. With `with_moved`, `change` is one of these columns. Without measurements, return an empty list.
    """
    states = _list_first_and_last_states(explanation)
    if not states:
        return []
    first, last = min(state.epoch for state in states), max(state.epoch for state in states)
    by_epoch = {epoch: [state for state in states if state.epoch == epoch] for epoch in (first, last)}
    rows = [
        [
            now.layer,
            *([_format_gradient(then, scale)] if first != last else []),
            _format_gradient(now, scale),
            *([_format_percent_share(_get_kernel_change(now))] if with_moved else []),
            _format_percent_share(now.dead),
            _format_percent_share(now.saturated),
        ]
        for then, now in zip(by_epoch[first], by_epoch[last], strict=False)
    ]
    headers = [
        "layer",
        *([f"gradient, epoch {first}"] if first != last else []),
        f"gradient, epoch {last}",
        *(["change"] if with_moved else []),
        "dead",
        "saturated",
    ]
    keep = [name in ("layer",) or any(row[at].strip() for row in rows) for at, name in enumerate(headers)]
    headers = [name for name, is_kept in zip(headers, keep, strict=True) if is_kept]
    rows = [[cell or "–" for cell, is_kept in zip(row, keep, strict=True) if is_kept] for row in rows]
    if len(rows) > _MAX_LAYER_ROWS:
        half = _MAX_LAYER_ROWS // 2
        rows = [*rows[:half], ["…", *[""] * (len(headers) - 1)], *rows[-half:]]
    blocks = format_named_rows(headers, rows, width, ("change", "dead", "saturated"), _MIN_LAYER_NAME_WIDTH)
    return [line for block in blocks for line in block]


def _format_gradient(state: LayerState, scale: _GradientScale) -> str:
    """Return the gradient of a layer as a bar and a number; empty if the layer has no gradient."""
    return "" if state.gradient is None else f"{scale.format_bar(state.gradient)} {state.gradient:.1e}"


def _format_percent_share(value: float | None) -> str:
    """Return a share in percent, such as `2.5%` or `40%`; empty for `None`.

    A share of 1,000% or more becomes a factor, such as `12 ×`. Shares from 0.05% to 9.5% have one decimal.
    """
    if value is not None and value >= 10:
        return f"{value:.3g} ×"
    return "" if value is None else f"{value:.0%}" if value >= 0.095 or value < 0.0005 else f"{value:.1%}"


def _format_layers_side_by_side(explanations: Sequence[Explanation], scale: _GradientScale, width: int) -> list[str]:
    """Return the layers of two runs, side by side below their names."""
    blocks = []
    for explanation in explanations:
        half_width = (width - len(_COLUMN_GUTTER)) // 2
        lines = _format_layer_lines(explanation, scale, half_width, with_moved=False)
        wide = max(map(compute_text_width, lines))
        name = shorten_text(f"{explanation.record.name} {explanation.record.id}", wide)
        blocks.append([pad_text(line, wide) for line in (name, *lines)])
    height = max(map(len, blocks))
    filled = [[*block, *[" " * compute_text_width(block[0])] * (height - len(block))] for block in blocks]
    return [_COLUMN_GUTTER.join(pair).rstrip() for pair in zip(*filled, strict=True)]


def build_explanation_document(explanation: Explanation, command: _CommandFormatter) -> dict[str, Any]:
    """Build the JSON document of an explanation."""
    record = explanation.record
    return {
        "id": record.id,
        "name": record.name,
        "dir": str(explanation.run.directory),
        "status": record.status,
        "epochs": record.epochs,
        "model": explanation.model.to_document() if explanation.model else None,
        "findings": [
            {
                "kind": finding.kind,
                "weight": finding.severity,
                "title": finding.title,
                "since": finding.since_epoch,
                "seen": finding.observation,
                "meaning": finding.meaning,
                "figures": dict(finding.figures),
                "commands": [command(explanation.run, remedy) for remedy in finding.suggestions],
            }
            for finding in explanation.findings
        ],
        "layers": [asdict(state) for state in explanation.layers],
        "unseen": explanation.unmeasured_reason,
        "measure": command(explanation.run, explanation.measuring_suggestion)
        if explanation.measuring_suggestion
        else None,
    }
