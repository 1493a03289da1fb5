"""JSON document of a study, `study.json`: trials, scores, verdicts and analysis of each task."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dnn_cli.compare.comparison import Comparison
from dnn_cli.errors import RunError
from dnn_cli.report.comparison_json import build_pair_document
from dnn_cli.report.study_text import format_caveats, format_headline, format_study_method
from dnn_cli.runs.atomic_write import write_text
from dnn_cli.runs.study_roles import find_study_directory
from dnn_cli.study.plan import Plan, get_study_directory
from dnn_cli.study.study_result import StudyResult, TaskResult, ValueResult
from dnn_cli.study.study_runs import Arm

_VOLATILE_FIELDS = ("runs", "seconds")
"""Fields that differ between two executions of one plan on one machine: ids of runs, and durations."""

_RESULT_FILE = "study.json"
_SCHEMA_VERSION = 1


def build_study_document(result: StudyResult) -> dict[str, Any]:
    """Build the JSON document of a study. Its `digest` covers everything except `_VOLATILE_FIELDS`."""
    plan = result.plan
    document = {
        "schema_version": _SCHEMA_VERSION,
        "study": plan.study,
        "plan": plan.digest,
        "question": list(plan.question),
        "values": [value.label for value in plan.values],
        "final_seeds": list(plan.final_seeds),
        "missing_runs": result.missing,
        "method": format_study_method(result),
        "warnings": format_caveats(result),
        "revisions": [revision.model_dump(mode="json") for revision in plan.revisions],
        "tasks": [_build_task_document(result, task) for task in result.tasks],
        "profiles": {
            label: {"steps": [list(step) for step in profile.steps], "score": profile.score}
            for label, profile in result.profiles.items()
        },
    }
    return {**document, "digest": _compute_digest(document)}


def _compute_digest(document: Mapping[str, Any]) -> str:
    """Return the digest of a document without its volatile fields."""
    content = json.dumps(_remove_volatile_fields(document), sort_keys=True)
    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"


def _remove_volatile_fields(value: Any) -> Any:
    """Return a document, or a part of a document, without its volatile fields."""
    if isinstance(value, Mapping):
        return {key: _remove_volatile_fields(item) for key, item in value.items() if key not in _VOLATILE_FIELDS}
    return [_remove_volatile_fields(item) for item in value] if isinstance(value, list) else value


def _build_task_document(result: StudyResult, task: TaskResult) -> dict[str, Any]:
    """Build the part of the document about one task."""
    arms: tuple[Arm, ...] = ("tuned", "default")
    return {
        "name": task.task.name,
        "score": task.task.score,
        "target": task.target,
        "stable_trials": task.stable_trials,
        "verdicts": {arm: format_headline(result, task, arm) for arm in arms if arm in task.arms},
        "values": [_build_value_document(task, item) for item in task.values.values()],
        "arms": {arm: _build_arm_document(task.arms[arm]) for arm in arms if arm in task.arms},
    }


def _build_value_document(task: TaskResult, item: ValueResult) -> dict[str, Any]:
    """Build the part of the document about one value on one task."""
    times = item.target_times
    trial_runs = task.runs.trials.get(item.value.label, {})
    return {
        "value": item.value.label,
        "settings": item.value.settings,
        "search_space": {tuned.key: str(tuned.values) for tuned in item.tuning.space},
        "grown_keys": list(item.tuning.grown_keys),
        "edges": [asdict(edge) for edge in item.tuning.edges],
        "trials": [
            {
                "number": trial.number,
                "setting": dict(trial.setting),
                "status": trial.status,
                "score": trial.score,
                "runs": [run.record.id for run in trial_runs.get(trial.number, ())],
            }
            for trial in item.tuning.trials
        ],
        "chosen": None if item.best is None else {"number": item.best.number, "setting": dict(item.best.setting)},
        "diverged_share": item.tuning.diverged_share,
        "expected_best": list(item.curve.expected_best) if item.curve else [],
        "sensitivity": {
            key: None
            if sensitivity is None
            else {"low": sensitivity.low, "high": sensitivity.high, "decades": sensitivity.decades}
            for key, sensitivity in item.sensitivities.items()
        },
        "target": None
        if times is None
        else {
            "epochs": _to_finite(times.epochs),
            "steps": _to_finite(times.steps),
            "seconds": _to_finite(times.seconds),
            "reached": times.reached,
            "seeds": times.seeds,
        },
        "importance": {"shares": item.importance.shares, "reason": item.importance.reason or None},
        "under_tuned_against": item.under_tuned_against.special if item.under_tuned_against else None,
    }


def _to_finite(number: float) -> float | None:
    """Return a number, or `None` for infinity, which JSON lacks."""
    return number if math.isfinite(number) else None


def _build_arm_document(comparison: Comparison) -> dict[str, Any]:
    """Build the part of the document about one arm: scores on the reporting half, and verdicts."""
    family = comparison.verdict_set
    return {
        "groups": [
            {
                "value": group.name,
                "mean": group.mean,
                "standard_deviation": group.spread,
                "interval": list(interval) if (interval := comparison.get_interval(group)) else None,
                "scores": [
                    {"seed": row.seed, **({"fold": row.fold.number} if row.fold else {}), "score": row.score}
                    for row in group.run_scores
                ],
                "test_scores": {
                    str(row.seed): scores for row in group.run_scores if (scores := row.record.get_test_scores())
                },
                "test_reads": {str(row.seed): len(row.record.test_reads) for row in group.run_scores},
                "failed_seeds": {str(seed): reason for seed, reason in sorted(group.failed.items())},
                "runs": [row.record.id for row in group.run_scores],
            }
            for group in comparison.groups
        ],
        "reference": comparison.get_label(family.reference) if family.reference else None,
        "comparisons": family.comparisons,
        "pairs": [build_pair_document(comparison, verdict) for verdict in family.verdicts],
    }


def write_study_document(root: Path, plan: Plan, document: Mapping[str, Any]) -> Path:
    """Write the document of a study to `study.json` in its directory, and return the directory.

    Raises:
        RunError: the file cannot be written.
    """
    # The name of a study can change: its directory keeps the first name.
    directory = find_study_directory(root, plan.study) or get_study_directory(root, plan)
    path = directory / _RESULT_FILE
    try:
        write_text(path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}", "check permissions and free disk space") from None
    return directory
