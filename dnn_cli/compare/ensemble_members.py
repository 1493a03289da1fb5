"""Members of an ensemble: runs with saved predictions for the same validation examples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.config_diff import find_config_differences
from dnn_cli.config.datasets import USER_DATA_KINDS
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import load_resolved_experiment
from dnn_cli.errors import RunError, UsageError
from dnn_cli.metrics.averaged_predictions import TargetExamples, to_averaged_quantities
from dnn_cli.metrics.saved_predictions import read_predictions
from dnn_cli.runs.input_profile import InputProfile, read_input_profile
from dnn_cli.runs.record import Record
from dnn_cli.runs.run_info import RunInfo

_FloatArray = NDArray[np.float64]

_OWN_DATA_KEYS = ("data.standardize", "data.flatten")
"""Keys of `data` that may differ between members: they change the inputs of a network, not the examples or targets."""


@dataclass(frozen=True)
class EnsembleMember:
    """Run whose predictions an ensemble averages."""

    run_info: RunInfo
    quantities: _FloatArray
    """Averaged quantities of the validation examples, of shape (n, quantities), in ascending order of the indices."""

    @property
    def record(self) -> Record:
        """Record of the run."""
        assert self.run_info.record is not None  # noqa: S101 - members are completed runs
        return self.run_info.record

    @property
    def label(self) -> str:
        """Name and id of the run."""
        return f"{self.record.name} {self.record.id}"


@dataclass(frozen=True)
class MemberSet:
    """Members of an ensemble, with the targets of the validation examples that all members have predicted."""

    members: tuple[EnsembleMember, ...]
    examples: TargetExamples
    indices: NDArray[np.int64]
    """Indices of the validation examples in the data, ascending, of shape (n,)."""

    left_out: tuple[tuple[str, str], ...] = ()
    """Runs that are not members: label and reason of each."""

    @property
    def experiment(self) -> Experiment:
        """Experiment of the first member, whose data, loss and metrics are those of all members."""
        return self.examples.experiment

    def with_weights(self, weights: NDArray[np.float64]) -> "MemberSet":
        """Return the set with the weights of the validation examples, in the order of `indices`."""
        return replace(self, examples=replace(self.examples, weights=weights))


def read_members(runs: Sequence[RunInfo]) -> MemberSet:
    """Read the saved validation predictions of runs as members of an ensemble.

    Runs that are not completed, and runs with the weights of another member, are left out. The members are in the order
    of their names, seeds and starts.

    Args:
        runs: The runs, with details.

    Raises:
        UsageError: a run is a baseline or a fold, fewer than two members remain, or two members differ in their
            validation examples, classes, targets, loss or metrics.
        RunError: a file of a run is missing or damaged.
    """
    candidates, left_out = _select_candidates(runs)
    if len(candidates) < 2:
        reasons = "".join(f"; {label} {reason}" for label, reason in left_out[:3])
        raise UsageError(
            f"an ensemble needs at least two completed runs with different weights, not {len(candidates)}{reasons}",
            "name more runs, for example: dnn ensemble sweep:ID",
        )
    first, *others = candidates
    for other in others:
        _check_equal_settings(first, other)
    profiles = [read_input_profile(run_info.run) for run_info in candidates]
    experiment = _load_experiment(first, profiles[0])
    for other, profile in zip(others, profiles[1:], strict=True):
        if profile is not None and profiles[0] is not None:
            _check_equal_classes(first, other, profiles[0], profile)
    outputs, targets, indices = _read_sorted_predictions(first)
    quantities = [to_averaged_quantities(experiment, outputs)]
    for other in others:
        other_outputs, other_targets, other_indices = _read_sorted_predictions(other)
        if not np.array_equal(indices, other_indices):
            raise _build_difference_error(first, other, "the validation examples", "data.split_seed")
        if not np.array_equal(targets, other_targets) or other_outputs.shape != outputs.shape:
            raise _build_difference_error(first, other, "the targets of the validation examples", "data")
        quantities.append(to_averaged_quantities(experiment, other_outputs))
    scaling = None if profiles[0] is None else profiles[0].target_scaling
    return MemberSet(
        tuple(map(EnsembleMember, candidates, quantities)),
        TargetExamples(experiment, targets, None, scaling),
        indices,
        tuple(left_out),
    )


def _select_candidates(runs: Sequence[RunInfo]) -> tuple[list[RunInfo], list[tuple[str, str]]]:
    """Return the runs that can be members in their order, and label and reason of each run that is left out.

    Raises:
        UsageError: a run is a baseline or a fold.
    """
    candidates: list[RunInfo] = []
    left_out: list[tuple[str, str]] = []
    labels_by_weights: dict[str, str] = {}
    for run_info in sorted(runs, key=_get_order_key):
        record, label = run_info.record, _get_label(run_info)
        if record is None:
            left_out.append((label, f"cannot be read: {run_info.error}"))
            continue
        if record.is_baseline:
            raise UsageError(
                f"{label} is a baseline of scikit-learn, and the members of an ensemble are networks",
                f"omit {record.id}",
            )
        if (fold := run_info.details.fold) is not None:
            raise UsageError(
                f"{label} is fold {fold.number} of {fold.folds} of a cross-validation, and each fold has other "
                "validation examples",
                "name runs that were trained without data.folds",
            )
        if record.status != "completed":
            left_out.append((label, f"is {record.status}"))
        elif record.results.weights in labels_by_weights:
            left_out.append((label, f"has the same weights as {labels_by_weights[str(record.results.weights)]}"))
        else:
            candidates.append(run_info)
            if record.results.weights is not None:
                labels_by_weights[record.results.weights] = label
    return candidates, left_out


def _get_order_key(run_info: RunInfo) -> tuple[str, int, str]:
    """Return the key by which members are sorted: name, seed and start of a run."""
    return run_info.name, run_info.details.seed, run_info.record.started if run_info.record else ""


def _get_label(run_info: RunInfo) -> str:
    """Return the name and the id of a run, or the name of its directory if its record cannot be read."""
    return run_info.name if run_info.record is None else f"{run_info.name} {run_info.record.id}"


def _check_equal_settings(first: RunInfo, other: RunInfo) -> None:
    """Check that two runs have the same examples, split, loss and metrics, by their configs and digests.

    Raises:
        UsageError: a setting differs; the error has its key.
        RunError: a config cannot be read.
    """
    configs = []
    for run_info in (first, other):
        if run_info.config is None:
            raise RunError(f"{_get_label(run_info)}: {run_info.details.error}", "omit the run")
        configs.append(run_info.config)
    differences = find_config_differences(configs)
    decisive = [key for key in differences[0] if _get_part(key) in ("loss", "metrics")]
    if first.record is None or other.record is None:
        return
    ours, theirs = first.record.data, other.record.data
    is_same_data = all(ours.get(key) == theirs.get(key) for key in ("dataset", "fingerprint", "split"))
    data_keys = [key for key in differences[0] if _get_part(key) == "data" and key not in _OWN_DATA_KEYS]
    if not is_same_data:
        if not data_keys:
            raise _build_difference_error(first, other, "the digest of the data", "data")
        decisive = data_keys
    decisive += [key for key in data_keys if key in ("data.standardize_target", "data.weight")]
    if decisive:
        key = decisive[0]
        texts = [difference[key] for difference in differences]
        raise UsageError(
            f"{_get_label(other)} cannot be in an ensemble with {_get_label(first)}: "
            f"{key} is {texts[1]}, not {texts[0]}",
            _format_suggestion(other, key),
        )


def _get_part(key: str) -> str:
    """Return the first step of a dotted key, such as `data`."""
    return key.partition(".")[0]


def _check_equal_classes(first: RunInfo, other: RunInfo, ours: InputProfile, theirs: InputProfile) -> None:
    """Check that two runs have the same classes and the same number of targets.

    Raises:
        UsageError: they differ.
    """
    if ours.dataset_info.classes != theirs.dataset_info.classes:
        raise _build_difference_error(first, other, "the classes", "data")
    if ours.dataset_info.targets != theirs.dataset_info.targets:
        raise _build_difference_error(first, other, "the number of targets", "data.target")


def _build_difference_error(first: RunInfo, other: RunInfo, subject: str, key: str) -> UsageError:
    """Build the error for two runs that cannot be in one ensemble, as a part of their data differs."""
    return UsageError(
        f"{_get_label(other)} cannot be in an ensemble with {_get_label(first)}: {subject} of both runs differ",
        _format_suggestion(other, key),
    )


def _format_suggestion(other: RunInfo, key: str) -> str:
    """Return the suggestion to omit a run that differs in a key."""
    run_id = other.record.id if other.record else other.run.directory
    return f"omit {run_id}, and name runs with equal {key}"


def _read_sorted_predictions(run_info: RunInfo) -> tuple[NDArray[np.float32], NDArray[np.generic], NDArray[np.int64]]:
    """Read the outputs, targets and indices of a run's validation examples, in ascending order of the indices.

    Raises:
        RunError: the run has no saved predictions, or they are damaged or not finite.
    """
    arrays, path = read_predictions(run_info.run), run_info.run.predictions
    if arrays is None:
        raise RunError(
            f"{_get_label(run_info)} has no predictions.npz, and so no predictions for validation examples",
            "name runs that were trained with data.validation_size above 0",
        )
    outputs, targets, indices = (arrays.get(key) for key in ("outputs", "labels", "indices"))
    if outputs is None or targets is None or indices is None or outputs.ndim != 2 or indices.ndim != 1:
        raise RunError(f"{path} lacks outputs, labels or indices", "train the run again")
    if not len(outputs) == len(targets) == len(np.unique(indices)) > 0:
        raise RunError(f"{path} has arrays of different lengths", "train the run again")
    if not np.isfinite(outputs).all():
        raise RunError(f"{_get_label(run_info)} has predictions that are not finite numbers", "omit the run")
    order = np.argsort(indices)
    return outputs[order], targets[order], indices[order]


def _load_experiment(run_info: RunInfo, profile: InputProfile | None) -> Experiment:
    """Load the experiment of a run. The input profile describes a user's own data, whose files may be missing.

    Raises:
        ConfigError: the config of the run is damaged.
        RunError: the profile is missing, or lacks the scaling of the targets.
    """
    experiment = load_resolved_experiment(str(run_info.run.config))
    is_user_data = experiment.data.dataset in USER_DATA_KINDS
    if profile is None and is_user_data:
        raise RunError(f"{run_info.run.inputs} is missing", "omit the run")
    if experiment.data.standardize_target and (profile is None or profile.target_scaling is None):
        raise RunError(f"{run_info.run.inputs} lacks mean and deviation of the targets", "omit the run")
    if profile is not None and is_user_data:
        return experiment.model_copy(update={"data": experiment.data.with_info(profile.dataset_info)})
    return experiment
