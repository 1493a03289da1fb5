"""The JSON of `dnn compare`."""

from collections.abc import Sequence
from typing import Any

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.grouping import Group
from dnn_cli.compare.statistics import FEWEST
from dnn_cli.compare.verdicts import Verdict
from dnn_cli.report.comparison import plain_row


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """All of a comparison. In a pair a is the reference; the difference is a's score less b's, the verdict is on b."""
    family = comparison.family
    intervals = intervals_of(comparison.groups)
    return {
        "metric": comparison.metric,
        "at": comparison.view.text,
        "by": list(comparison.keys),
        "groups": [
            {
                "name": comparison.label(group),
                "config_diff": group.settings,
                "seeds": group.seeds,
                "mean": group.mean,
                "standard_deviation": group.spread,
                "interval": list(interval) if interval else None,
                "runs": [row.record.id for row in group.rows],
            }
            for group, interval in zip(comparison.groups, intervals, strict=True)
        ],
        "reference": comparison.label(family.reference) if family.reference else None,
        "comparisons": family.comparisons,
        "pairs": [pair_document(comparison, verdict) for verdict in family.verdicts],
        "warnings": list(comparison.warnings),
        "rows": [plain_row(row) for row in comparison.rows],
        "left_out": [
            {
                "dir": str(entry.run.directory),
                "status": entry.record.status if entry.record else "broken",
                "reason": entry.broken or (entry.record.reason if entry.record else None),
            }
            for entry in comparison.left_out
        ],
    }


def intervals_of(groups: Sequence[Group]) -> list[tuple[float, float] | None]:
    """The bootstrap interval of the mean of every group that has enough seeds."""
    if all(len(group.seeds) < FEWEST for group in groups):
        return [None] * len(groups)
    from dnn_cli.compare.differences import mean_intervals

    return mean_intervals([list(group.by_seed.values()) for group in groups])


def pair_document(comparison: Comparison, verdict: Verdict) -> dict[str, Any]:
    """A group as b beside the reference as a."""
    found = verdict.examples or verdict.difference
    reference = comparison.family.reference
    return {
        "a": comparison.label(reference) if reference else None,
        "b": comparison.label(verdict.group),
        "difference": -found.mean if found else None,
        "interval": [-found.interval[1], -found.interval[0]] if found and found.interval else None,
        "p_value": verdict.p_value,
        "verdict": verdict.word,
        "basis": "examples" if verdict.examples else "seeds",
        "design": verdict.difference.design if verdict.difference else "paired",
        "n": verdict.examples.count
        if verdict.examples
        else list(verdict.difference.seeds)
        if verdict.difference
        else 0,
        "seeds_needed": verdict.needed,
        "reason": verdict.why or None,
    }
