"""JSON document of `dnn compare`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dnn_cli.compare.comparison import Comparison
from dnn_cli.compare.run_scores import RunScore
from dnn_cli.compare.verdicts import Verdict
from dnn_cli.report.comparison_tables import build_row_fields, list_run_settings
from dnn_cli.report.test_read_text import build_test_read_documents
from dnn_cli.runs.run_info import RunInfo


def build_comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Build the JSON document of a comparison.

    Each item of `pairs` is a verdict on a group: `a` is the reference, and `b` is the judged group. `difference` is
    the score of `a` minus the score of `b`. The verdict `better` means that `b` is better than `a`.
    """
    family = comparison.verdict_set
    return {
        "metric": comparison.metric,
        "at": comparison.point.text,
        "by": list(comparison.keys),
        "groups": [
            {
                "name": comparison.get_label(group),
                "kind": "baseline" if group.is_baseline else "network",
                "config_diff": group.settings,
                "seeds": [] if group.is_baseline else group.seeds,
                "folds": [
                    {"split_seed": fold.split_seed, "fold": fold.number, "of": fold.folds, "mean": mean}
                    for fold, mean in group.fold_means.items()
                ],
                "mean": group.mean,
                "standard_deviation": group.spread,
                "interval": list(interval) if (interval := comparison.get_interval(group)) else None,
                "runs": [row.record.id for row in sorted(group.run_scores, key=lambda row: row.seed)],
                "set_aside": [row.record.id for row in group.set_aside],
                "failed_seeds": {str(seed): reason for seed, reason in sorted(group.failed.items())},
            }
            for group in comparison.groups
        ],
        "reference": comparison.get_label(family.reference) if family.reference else None,
        "comparisons": family.comparisons,
        "pairs": [build_pair_document(comparison, verdict) for verdict in family.verdicts],
        "warnings": list(comparison.caveats),
        "averaged_over": comparison.averaged_settings,
        "repeats": [asdict(repeat) for repeat in comparison.repeats],
        "rows": [_build_row_document(row, list_run_settings(comparison)) for row in comparison.run_scores],
        "left_out": build_left_out_documents(comparison.left_out),
    }


def build_left_out_documents(left_out: Sequence[RunInfo]) -> list[dict[str, Any]]:
    """Build a JSON document for each run without a score: directory, status and reason."""
    return [
        {
            "dir": str(run_info.run.directory),
            "status": run_info.record.status if run_info.record else "broken",
            "reason": run_info.error or (run_info.record.reason if run_info.record else None),
        }
        for run_info in left_out
    ]


def _build_row_document(row: RunScore, settings: Sequence[str]) -> dict[str, Any]:
    """Build the JSON document of a run, with the values of its settings and the commands of its test reads."""
    return {**build_row_fields(row, settings), "test_read_log": build_test_read_documents(row.record.test_reads)}


def build_pair_document(comparison: Comparison, verdict: Verdict) -> dict[str, Any]:
    """Build the JSON document of one verdict: `a` is the reference, and `b` is the judged group."""
    difference = verdict.examples or verdict.difference
    reference = comparison.verdict_set.reference
    return {
        "a": comparison.get_label(reference) if reference else None,
        "b": comparison.get_label(verdict.group),
        "difference": -difference.mean if difference else None,
        "interval": [-difference.interval[1], -difference.interval[0]] if difference and difference.interval else None,
        "p_value": verdict.p_value,
        "comparisons": verdict.comparisons,
        "verdict": verdict.word,
        "basis": "examples" if verdict.examples else "folds" if verdict.group.fold_means else "seeds",
        "test": verdict.difference.test if verdict.difference else None,
        "design": verdict.difference.design if verdict.difference else "paired",
        "n": verdict.examples.count
        if verdict.examples
        else list(verdict.difference.seed_counts)
        if verdict.difference
        else 0,
        "seeds_needed": None if verdict.sequential else verdict.needed_seeds,
        "equivalence": _build_equivalence_document(verdict),
        "reason": verdict.undecided_reason or verdict.exact_test_reason or None,
    }


def _build_equivalence_document(verdict: Verdict) -> dict[str, Any] | None:
    """Build the JSON document of a test of equivalence; `None` without the test. Its p-value is always valid."""
    test = verdict.sequential
    if test is None or test.margin is None or test.equivalence_p_value is None:
        return None
    return {"difference": test.margin, "p_value": min(1.0, verdict.comparisons * test.equivalence_p_value)}
