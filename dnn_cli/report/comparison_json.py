"""The JSON of `dnn compare`."""

from dataclasses import asdict
from typing import Any

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.verdicts import Verdict
from dnn_cli.report.comparison import plain_row


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """All of a comparison. In a pair a is the reference; the difference is a's score less b's, the verdict is on b."""
    family = comparison.family
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
                "interval": list(interval) if (interval := comparison.interval(group)) else None,
                "runs": [row.record.id for row in group.rows],
                "set_aside": [row.record.id for row in group.set_aside],
                "failed_seeds": {str(seed): reason for seed, reason in sorted(group.failed.items())},
            }
            for group in comparison.groups
        ],
        "reference": comparison.label(family.reference) if family.reference else None,
        "comparisons": family.comparisons,
        "pairs": [pair_document(comparison, verdict) for verdict in family.verdicts],
        "warnings": list(comparison.warnings),
        "averaged_over": comparison.averaged,
        "repeats": [asdict(repeat) for repeat in comparison.repeats],
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
        "test": verdict.difference.test if verdict.difference else None,
        "design": verdict.difference.design if verdict.difference else "paired",
        "n": verdict.examples.count
        if verdict.examples
        else list(verdict.difference.seeds)
        if verdict.difference
        else 0,
        "seeds_needed": verdict.needed,
        "reason": verdict.why or verdict.needs_exact or None,
    }
