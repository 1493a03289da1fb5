"""Roles of runs in studies: the newest plan of a study, and the runs that the address `study:ID` names.

A run can have roles in several studies, and under several plans of one study.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dnn_cli.errors import ConfigError, UsageError
from dnn_cli.runs.address_prefixes import ADDRESS_PREFIXES
from dnn_cli.runs.record import Membership, Record, StudyRole
from dnn_cli.runs.run_info import RunInfo

*_, STUDY_PREFIX = ADDRESS_PREFIXES
STUDIES_DIRECTORY = "studies"
"""Name of the directory within a directory of runs that holds the plans and results of studies."""

PLAN_FILE = "study.yaml"
_MAX_LISTED_STUDIES = 5
"""Largest number of studies that an error message lists."""


def compute_plan_digest(content: Mapping[str, Any]) -> str:
    """Return the digest of the content of `study.yaml`: 16 hex digits.

    Revisions and the paths of configs are left out, because they decide no verdict.
    """
    decisive = {
        **{key: value for key, value in content.items() if key != "revisions"},
        "tasks": [{key: value for key, value in task.items() if key != "config"} for task in content["tasks"]],
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]


def find_study_directory(root: Path, study_id: str) -> Path | None:
    """Return the directory of the study with an id within a directory of runs; `None` without such a directory."""
    return next(iter(sorted((root / STUDIES_DIRECTORY).glob(f"*-{study_id}"))), None)


def list_study_roles(record: Record) -> list[StudyRole]:
    """Return the roles of a run in all studies and under all plans."""
    return [membership.study for membership in record.sweeps if membership.study is not None]


def list_studies(runs: Iterable[RunInfo]) -> dict[str, str]:
    """Return the names of the tasks of each study, by the id of the study. The study of the latest run is the first."""
    names: dict[str, dict[str, None]] = {}
    for run_info in runs:
        for membership in _list_study_memberships(run_info):
            names.setdefault(membership.id, {})[membership.name] = None
    return {study_id: ", ".join(task_names) for study_id, task_names in names.items()}


def _list_study_memberships(run_info: RunInfo) -> list[Membership]:
    """Return the memberships of a run in studies; empty for a run without a readable record."""
    return [item for item in run_info.record.sweeps if item.study is not None] if run_info.record else []


def find_study_runs(address: str, runs: Sequence[RunInfo], root: Path) -> list[RunInfo]:
    """Return the runs of the study with the address `study:ID` under its newest plan, in the order of `runs`.

    `ID` is the id of the study, or the beginning of this id.

    Args:
        address: The address.
        runs: The runs to choose from, the latest first.
        root: The directory of these runs, which has the plan of the study.

    Raises:
        UsageError: no study or several studies have an id that begins with the text after `study:`.
    """
    return [run_info for run_info, _ in _find_runs_with_roles(address, runs, root)]


def find_reported_runs(address: str, runs: Sequence[RunInfo], root: Path) -> list[RunInfo]:
    """Return the final runs of the tuned arm of the study with the address `study:ID`, under its newest plan.

    The arguments are those of `find_study_runs`.

    Raises:
        UsageError: the address is wrong, or the study has no such run yet.
    """
    return [run_info for run_info, _ in find_reported_roles(address, runs, root)]


def find_reported_roles(address: str, runs: Sequence[RunInfo], root: Path) -> list[tuple[RunInfo, StudyRole]]:
    """Return the runs of `find_reported_runs`, each with its role. The arguments and errors are the same."""
    reported = [
        (run_info, role)
        for run_info, roles in _find_runs_with_roles(address, runs, root)
        for role in roles
        if role.phase == "final" and role.arm == "tuned"
    ]
    if not reported:
        raise UsageError(
            f"{address} has no final run with tuned settings yet",
            "repeat the dnn study command to train these runs, or select other runs: --where 'study.phase = tuning'",
        )
    return reported


def leave_out_tuning_runs(runs: Sequence[RunInfo]) -> list[RunInfo]:
    """Return the runs without those that only tune a study; all runs if there are no others.

    The scores of tuning runs are those by which settings are chosen, so that they say little about a setting.
    """
    others = [run_info for run_info in runs if not _is_only_tuning(run_info)]
    return others or list(runs)


def _is_only_tuning(run_info: RunInfo) -> bool:
    """Return whether a run belongs to studies alone, and is a tuning run in each of them."""
    memberships = run_info.record.sweeps if run_info.record else ()
    return bool(memberships) and all(item.study is not None and item.study.phase == "tuning" for item in memberships)


def _find_runs_with_roles(address: str, runs: Sequence[RunInfo], root: Path) -> list[tuple[RunInfo, list[StudyRole]]]:
    """Return the runs of a study under its newest plan, each with its roles under this plan.

    The arguments and errors are those of `find_study_runs`.
    """
    study_id = resolve_study_id(address, runs)
    plan = _find_newest_plan(study_id, runs, root)
    pairs = [
        (
            run_info,
            [
                membership.study
                for membership in _list_study_memberships(run_info)
                if membership.id == study_id and membership.study is not None and membership.study.plan == plan
            ],
        )
        for run_info in runs
    ]
    return [pair for pair in pairs if pair[1]]


def resolve_study_id(address: str, runs: Sequence[RunInfo]) -> str:
    """Return the id of the study with the address `study:ID`.

    Raises:
        UsageError: no study or several studies have an id that begins with the text after `study:`.
    """
    text, studies = address.removeprefix(STUDY_PREFIX), list_studies(runs)
    matching_ids = [study_id for study_id in studies if study_id.startswith(text)] if text else []
    if len(matching_ids) == 1:
        return matching_ids[0]
    if text and not matching_ids and _is_sweep_id(text, runs):
        raise UsageError(f"{text} is the id of a sweep, not of a study", f"use sweep:{text}")
    listed = ", ".join(f"{study_id} ({name})" for study_id, name in [*studies.items()][:_MAX_LISTED_STUDIES])
    raise UsageError(
        f"{len(matching_ids)} studies have an id that begins with {text}" if matching_ids else f"no study {text}",
        f"use one of {listed}" if listed else "dnn study creates a study",
    )


def _is_sweep_id(text: str, runs: Sequence[RunInfo]) -> bool:
    """Return whether the id of a sweep begins with a text."""
    return any(
        item.study is None and item.id.startswith(text)
        for run_info in runs
        if run_info.record is not None
        for item in run_info.record.sweeps
    )


def _find_newest_plan(study_id: str, runs: Sequence[RunInfo], root: Path) -> str:
    """Return the digest of the newest plan of a study under which at least one run was trained.

    This is the plan in `study.yaml`. Without this file, or without runs under its plan, this is the plan that was added
    last to the latest run.
    """
    plans = [
        item.study.plan
        for run_info in runs
        for item in reversed(_list_study_memberships(run_info))
        if item.id == study_id and item.study is not None
    ]
    written = _read_plan_digest(root, study_id)
    return written if written is not None and written in plans else plans[0]


def _read_plan_digest(root: Path, study_id: str) -> str | None:
    """Return the digest of the plan in `study.yaml`; `None` without the file, and for a file that is not a plan."""
    directory = find_study_directory(root, study_id)
    if directory is None or not (directory / PLAN_FILE).is_file():
        return None
    # PyYAML takes longer to import than this module with all others.
    from dnn_cli.config.yaml_reader import read_yaml

    try:
        return compute_plan_digest(read_yaml(str(directory / PLAN_FILE)).value)
    except (ConfigError, OSError, AttributeError, KeyError, TypeError, ValueError):
        return None
