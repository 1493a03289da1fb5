"""Sides of a sequential comparison: the two experiments that the arguments of `dnn settle` and `dnn plan` name."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dnn_cli.config.config_diff import find_config_differences, shorten_keys
from dnn_cli.config.digests import compute_variant_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import LoadedExperiment, load_experiment
from dnn_cli.config.score_names import expand_score_name, is_share
from dnn_cli.config.sweeps import Sweep
from dnn_cli.config.yaml_reader import read_yaml
from dnn_cli.errors import UsageError, suggest_nearest_name
from dnn_cli.execution.sweep_plan import PlannedRun, SweepPlanner
from dnn_cli.runs.evaluations import is_test_score
from dnn_cli.runs.query.selection import CachedStore

_DATA_KEYS = (
    "dataset", "path", "validation_path", "test_path", "target", "drop_unlabelled", "validation_size", "test_size",
    "split_seed", "stratify", "reporting_half", "group", "time",
)  # fmt: skip
"""Keys of `data` that decide which examples are trained, validated and tested."""

_MAX_LABEL_LENGTH = 40
"""Largest number of characters of a label made of settings. Longer settings are replaced by the argument."""


@dataclass(frozen=True)
class Side:
    """Side of a sequential comparison: one experiment, whose seed varies."""

    argument: str
    """The word of the command line that names the experiment."""

    label: str
    """Short name that differs from that of the other side: the name of the experiment, or its settings."""

    loaded: LoadedExperiment
    variant_digest: str
    settings: dict[str, str]
    """Texts of the keys in which the two sides differ, by key."""

    @property
    def experiment(self) -> Experiment:
        return self.loaded.experiment

    def build_sweep(self) -> Sweep:
        """Build the sweep of the experiment over its seed."""
        allow_code = self.loaded.code_directory is not None
        return Sweep(self.loaded.file, None, (), {}, (), "grid", 0, None, None, {}, allow_code=allow_code)

    def plan_run(self, number: int, seed: int) -> PlannedRun:
        """Plan the run of one seed. Its settings have the differing keys, so that a screen can name the run.

        Args:
            number: The number of the side, 0 or 1.
            seed: The seed.

        Raises:
            ConfigError: this machine cannot train the experiment.
        """
        planned = SweepPlanner(self.build_sweep()).plan_run(number, {"seed": str(seed)})
        return PlannedRun(number, {**self.settings, "seed": str(seed)}, planned.loaded, planned.outcome_digest)


def resolve_sides(arguments: Sequence[str], store: CachedStore, *, allow_code: bool | None) -> tuple[Side, Side]:
    """Return the two sides that the words of a command line name: configs, runs or groups of runs.

    Args:
        arguments: The two words.
        store: The store of the runs.
        allow_code: Whether the modules of custom layers may run; `None` for a command that trains nothing.

    Raises:
        ConfigError: a config is not valid.
        UsageError: a word names no experiment or several, the experiments are equal, or they cannot be compared.
    """
    loaded = [
        load_experiment(_find_config(argument, store), to_train=allow_code is not None, allow_code=allow_code)
        for argument in arguments
    ]
    for argument, item in zip(arguments, loaded, strict=True):
        if item.experiment.data.folds is not None:
            raise UsageError(
                f"{argument} is cross-validated, and pairs of equal seeds need one split of the data",
                "compare folds with dnn sweep --folds and dnn compare",
            )
    configs = [item.experiment.model_dump(mode="json") for item in loaded]
    digests = [compute_variant_digest(config) for config in configs]
    first, second = arguments
    if digests[0] == digests[1]:
        raise UsageError(
            f"{first} and {second} are one experiment: they can differ only in seed and names",
            "name a second experiment, for example a config with another optimizer",
        )
    settings = find_config_differences([{**config, "seed": 0} for config in configs])
    _check_same_data(arguments, configs)
    _check_same_epochs(arguments, configs, settings[0])
    labels = _choose_labels([item.experiment.name for item in loaded], settings, arguments)
    sides = [Side(*values) for values in zip(arguments, labels, loaded, digests, settings, strict=True)]
    return sides[0], sides[1]


def _find_config(argument: str, store: CachedStore) -> str:
    """Return the path of the config that a word names: a config file, or the config of runs of one experiment.

    Raises:
        UsageError: the word names no run, a baseline, or runs of several experiments, or the file is a sweep file.
    """
    if os.path.isfile(argument):
        document = read_yaml(argument)
        if isinstance(document.value, dict) and "base" in document.value:
            raise UsageError(
                f"{argument} is a sweep file, which has several experiments", "name two configs, or two runs by id"
            )
        return argument
    if argument.endswith((".yaml", ".yml")):
        raise UsageError(f"{argument} does not exist", "check the path of the config")
    runs = store.with_details(store.resolve_addresses([argument], reported=True))
    for run_info in runs:
        if run_info.record is not None and run_info.record.is_baseline:
            raise UsageError(
                f"{argument} is a baseline of scikit-learn, which has no seed",
                f"dnn compare --baseline {run_info.record.id} compares networks with it",
            )
    digests = dict.fromkeys(run_info.details.variant_digest for run_info in runs)
    if len(digests) > 1:
        ids = [next(item for item in runs if item.details.variant_digest == digest) for digest in digests]
        listed = ", ".join(item.record.id for item in ids[:5] if item.record is not None)
        raise UsageError(
            f"{argument} names runs of {len(digests)} experiments, and each side is one experiment",
            f"name a run of each, for example two of {listed}",
        )
    return str(runs[0].run.config)


def _check_same_data(arguments: Sequence[str], configs: Sequence[dict[str, Any]]) -> None:
    """Check that two experiments train, validate and test the same examples.

    Raises:
        UsageError: a key that selects examples differs.
    """
    parts = [config["data"] for config in configs]
    differing = [key for key in _DATA_KEYS if parts[0].get(key) != parts[1].get(key)]
    if differing:
        key = differing[0]
        values = " and ".join(str(part.get(key)) for part in parts)
        raise UsageError(
            f"{arguments[0]} and {arguments[1]} have different data: data.{key} is {values}",
            f"use configs with the same data.{key}, because scores on different examples cannot be compared",
        )


def _check_same_epochs(
    arguments: Sequence[str], configs: Sequence[dict[str, Any]], differences: dict[str, str]
) -> None:
    """Check that two experiments have equal numbers of epochs, unless the epochs are the only difference.

    Raises:
        UsageError: the experiments differ in epochs and in other keys.
    """
    epochs = [config["epochs"] for config in configs]
    if epochs[0] != epochs[1] and len(differences) > 1:
        raise UsageError(
            f"{arguments[0]} and {arguments[1]} have {epochs[0]} and {epochs[1]} epochs, so that the epochs can cause "
            "a difference between them",
            f"use configs with the same epochs, for example epochs: {max(epochs)} in both",
        )


def _choose_labels(names: Sequence[str], settings: Sequence[dict[str, str]], arguments: Sequence[str]) -> list[str]:
    """Return a label of each side: its name, or the differing settings if both names are equal."""
    if names[0] != names[1]:
        return list(names)
    labels = []
    for texts in settings:
        values = list(texts.values())
        keys = shorten_keys(list(texts))
        is_plain = len(values) == 1 and values[0][:1].isalpha() and values[0] not in ("true", "false", "none")
        labels.append(values[0] if is_plain else ", ".join(map(" ".join, zip(keys, values, strict=True))))
    return labels if max(map(len, labels)) <= _MAX_LABEL_LENGTH and labels[0] != labels[1] else list(arguments)


def choose_metric(sides: tuple[Side, Side], metric: str | None) -> str:
    """Return the metric by which two sides are compared: the requested one, or the metric that both monitor.

    Args:
        sides: The two sides.
        metric: The value of `--metric`; `None` for the monitored metric.

    Raises:
        UsageError: the sides monitor different metrics, or one of them lacks the requested metric.
    """
    first, second = (side.experiment for side in sides)
    shared = [name for name in first.score_names if name in second.score_names and name.startswith("val_")]
    if metric is None:
        if first.monitor != second.monitor:
            raise UsageError(
                f"{sides[0].label} monitors {first.monitor}, and {sides[1].label} monitors {second.monitor}",
                f"choose one metric, for example --metric {shared[-1]}"
                if shared
                else "use configs with a common metric",
            )
        return first.monitor
    name = expand_score_name(metric)
    if is_test_score(name):
        raise UsageError(
            f"--metric {metric} is a score on the test set, which no training computes",
            f"use --metric {shared[0]}" if shared else "use a validation score",
        )
    for side in sides:
        if name not in side.experiment.score_names:
            raise UsageError(
                f"{side.label} has no metric {name}",
                suggest_nearest_name(name, shared) or f"use one of {', '.join(shared)}",
            )
    return name


_DEFAULT_MARGIN = 0.005
"""Difference within which scores between 0 and 1 count as equivalent by default: half a point."""


def choose_margin(metric: str, difference: float | None) -> float | None:
    """Return the difference within which two experiments count as equivalent; `None` without a test of equivalence.

    Args:
        metric: The compared metric.
        difference: The value of `--difference`; `None` for the default, which scores between 0 and 1 have.

    Raises:
        UsageError: the difference is 0 or not a finite number.
    """
    if difference is None:
        return _DEFAULT_MARGIN if is_share(metric) else None
    check_margin(difference)
    return difference


def check_margin(difference: float) -> None:
    """Check that a difference within which two experiments count as equivalent is positive and finite.

    Raises:
        UsageError: the difference is 0 or not a finite number.
    """
    if not 0 < difference < math.inf:
        raise UsageError(
            f"--difference {difference:g} is not a positive number",
            "use the smallest difference that matters, in units of the metric: --difference 0.005 is half a point of "
            "accuracy",
        )
