"""Runs by dataset: equal datasets have equal fingerprints, and each dataset has a label."""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dnn_cli.runs.run_info import RunInfo

_SHORT_DIGEST_LENGTH = 8
"""Number of hexadecimal digits of a fingerprint in a label."""


@dataclass(frozen=True)
class DatasetRuns:
    """Dataset with the runs on it."""

    label: str
    """Name of a built-in dataset, or of a file or directory; unique among the datasets of a comparison."""

    fingerprint: str | None
    """Digest of the examples. Runs of old versions lack it."""

    source: str
    """Name of the dataset, or path of its file. Two datasets with one source can share examples."""

    runs: tuple[RunInfo, ...]


def split_by_dataset(runs: Sequence[RunInfo]) -> tuple[list[DatasetRuns], list[RunInfo]]:
    """Return the datasets on which runs were completed, each with its runs, and the runs on no such dataset.

    A run that failed before its data was read belongs to the dataset of other runs of its variant. The datasets have
    the order of their labels.
    """
    completed = [run_info for run_info in runs if run_info.record and run_info.record.status == "completed"]
    if len({_get_fingerprint(run_info) for run_info in completed}) < 2:
        return ([_build_dataset(runs, completed)] if completed else []), []
    members: dict[str | None, list[RunInfo]] = {_get_fingerprint(run_info): [] for run_info in completed}
    variants: dict[str, str | None] = {}
    for run_info in completed:
        variants.setdefault(run_info.details.variant_digest, _get_fingerprint(run_info))
    others = []
    for run_info in runs:
        fingerprint = _get_fingerprint(run_info)
        is_completed = run_info.record is not None and run_info.record.status == "completed"
        if not is_completed and (fingerprint is None or fingerprint not in members):
            digest = run_info.details.variant_digest
            if not digest or digest not in variants:
                others.append(run_info)
                continue
            fingerprint = variants[digest]
        members[fingerprint].append(run_info)
    datasets = [_build_dataset(of_dataset, of_dataset) for of_dataset in members.values()]
    return sorted(_make_labels_unique(datasets), key=lambda dataset: dataset.label), others


def _get_fingerprint(run_info: RunInfo) -> str | None:
    """Return the fingerprint of the data of a run; `None` if the record lacks it."""
    fingerprint = run_info.record.data.get("fingerprint") if run_info.record else None
    return fingerprint if isinstance(fingerprint, str) else None


def _build_dataset(runs: Sequence[RunInfo], completed: Sequence[RunInfo]) -> DatasetRuns:
    """Return a dataset with its runs; its name is that in the config of a completed run."""
    run_info = next(item for item in completed if item.record and item.record.status == "completed")
    data: dict[str, Any] = (run_info.config or {}).get("data") or {}
    name = str(run_info.record.data.get("dataset") or data.get("dataset")) if run_info.record else ""
    path = data.get("path")
    source = os.path.normpath(path) if isinstance(path, str) else name
    return DatasetRuns(os.path.basename(source) or name, _get_fingerprint(run_info), source, tuple(runs))


def _make_labels_unique(datasets: Sequence[DatasetRuns]) -> list[DatasetRuns]:
    """Return the datasets with different labels: the directory of a file, or a part of the fingerprint, is added."""
    names = Counter(dataset.label for dataset in datasets)
    sources = Counter(dataset.source for dataset in datasets)
    longer = []
    for dataset in datasets:
        label = dataset.label
        if names[label] > 1 and sources[dataset.source] == 1:
            label = os.path.join(os.path.basename(os.path.dirname(dataset.source)), label)
        longer.append(label)
    counts = Counter(longer)
    return [
        DatasetRuns(
            f"{label} ({_shorten_fingerprint(dataset)})" if counts[label] > 1 else label,
            dataset.fingerprint,
            dataset.source,
            dataset.runs,
        )
        for label, dataset in zip(longer, datasets, strict=True)
    ]


def _shorten_fingerprint(dataset: DatasetRuns) -> str:
    """Return the first digits of the fingerprint of a dataset."""
    digits = (dataset.fingerprint or "").rpartition(":")[2]
    return digits[:_SHORT_DIGEST_LENGTH] or "no fingerprint"


def choose_independent(datasets: Sequence[DatasetRuns], indices: Sequence[int]) -> list[int]:
    """Return the indices of datasets with different sources; of several with one source, that with the most runs.

    A test over datasets counts each as an independent example. Two versions of a file share most of their examples.
    """
    by_source: dict[str, list[int]] = defaultdict(list)
    for index in indices:
        by_source[datasets[index].source].append(index)
    return sorted(max(same, key=lambda index: (len(datasets[index].runs), -index)) for same in by_source.values())
