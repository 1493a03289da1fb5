"""Digests (SHA-256) by which equal experiments are recognised.

| digest | equal for |
|---|---|
| training digest | experiments whose trainings have identical weights after each epoch; numbers of epochs may differ |
| outcome digest | experiments whose trainings end with identical weights after the same number of epochs |
| network digest | experiments that share compiled programs on this machine |
| variant digest | experiments that differ only in seed, fold, names, diagnostics and `model_checkpoint` |
"""

import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from dnn_cli.config.base import LAYER_LIST_KEYS
from dnn_cli.config.callbacks import CALLBACK_CLASSES
from dnn_cli.config.cross_validation import remove_fold
from dnn_cli.host.resources import find_cpuinfo_line

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment

DATA_PATH_KEYS = ("data.path", "data.validation_path", "data.test_path")
"""Keys of a config whose values are paths of data files."""

MEASUREMENT_KEYS = ("diagnostics",)
"""Keys that control measurements during a training. Measurements do not change weights or scores."""

_ADDED_KEYS = {"deterministic": True}
"""Keys that runs of dnn 0.11.0 and older lack, with the values that these runs have used.

Digests leave out these values, so that new digests equal earlier ones.
"""

_ADDED_DATA_KEYS = {"rules": 1, "standardize_target": False, "reporting_half": False}
"""Keys of `data` that earlier runs lack, with the values of these runs. Digests leave out these values."""

TEST_SET_KEYS = ("data.test_reads",)
"""Keys that limit the use of the test set after a training. Weights and scores have the same bits with and without."""

_EXTRA_FILE_KEYS = tuple(key for key, cls in CALLBACK_CLASSES.items() if not cls.changes_training)
"""Keys that make a training keep more files. Weights and scores have the same bits with and without these keys."""

_KEYS_NOT_COMPILED = (
    "name",
    "seed",
    "epochs",
    "diagnostics",
    *(key for key, cls in CALLBACK_CLASSES.items() if not cls.is_compiled),
)
"""Keys that do not change compiled programs. A learning rate that is a number and the seed of the split do not change
them either."""


def compute_training_digest(experiment: "Experiment") -> str:
    """Return the digest of an experiment without names, number of epochs, diagnostics and data paths.

    The remaining settings determine the weights of each epoch. `model_checkpoint` is not left out, because it
    determines which files a run has.
    """
    return _compute_sha256(remove_names_and_measurements(build_training_config(experiment)))


def compute_outcome_digest(experiment: "Experiment") -> str:
    """Return the digest of two values: the training digest and the number of epochs. run.json contains the result."""
    return hashlib.sha256(f"{compute_training_digest(experiment)} {experiment.epochs}".encode()).hexdigest()


def compute_network_digest(experiment: "Experiment") -> str:
    """Return the digest of everything that determines the compiled programs.

    The digest covers the config without settings such as `seed`, `epochs` and `data.split_seed`, the versions of
    TensorFlow and Keras, and the features of the processor.
    """
    config = {key: value for key, value in experiment.model_dump(mode="json").items() if key not in _KEYS_NOT_COMPILED}
    if isinstance(config["optimizer"]["learning_rate"], float):
        config["optimizer"]["learning_rate"] = None
    config["data"]["split_seed"] = None
    for key in TEST_SET_KEYS:
        config["data"].pop(key.removeprefix("data."), None)
    data = experiment.data
    if not data.reporting_half:
        # Programs that were compiled before this key existed are reused.
        del config["data"]["reporting_half"]
    if data.fold is not None and data.has_exact_counts:
        # Folds with equal numbers of examples share programs, whose shapes depend on these numbers.
        config["data"]["fold"] = [data.training_examples, data.validation_examples]
    return _compute_sha256([config, *_read_compiler_conditions()])[:32]


@cache
def _read_compiler_conditions() -> tuple[list[str], str]:
    """Read the versions of TensorFlow and Keras and the features of the processor, once for each process."""
    # Importing importlib.metadata takes 15 ms, and `dnn runs` imports this module without a use for versions.
    from importlib.metadata import version

    return [version(name) for name in ("tensorflow", "keras")], find_cpuinfo_line("flags", "Features")


def compute_variant_digest(config: dict[str, Any]) -> str:
    """Return the digest of a resolved config without seed, names, diagnostics and `model_checkpoint`.

    In a cross-validation, the fold and the seed of the split are also left out.
    """
    compared = remove_names_and_measurements(remove_extra_file_keys(remove_fold(config)))
    return _compute_sha256({key: value for key, value in compared.items() if key != "seed"})


def build_training_config(experiment: "Experiment") -> dict[str, Any]:
    """Return the config of an experiment without the number of epochs and without data paths."""
    config = experiment.model_dump(mode="json")
    data = {key: value for key, value in config["data"].items() if f"data.{key}" not in DATA_PATH_KEYS}
    return {**{key: value for key, value in config.items() if key != "epochs"}, "data": data}


def remove_names_and_measurements(config: dict[str, Any]) -> dict[str, Any]:
    """Return a resolved config without names, diagnostics and `data.test_reads`, which do not change weights or scores.

    Keys of `_ADDED_KEYS` and `_ADDED_DATA_KEYS` with the values there are also left out.
    """

    def remove_names(part: dict[str, Any]) -> dict[str, Any]:
        unnamed = {key: value for key, value in part.items() if key != "name"}
        for key in LAYER_LIST_KEYS:
            if key in part:
                unnamed[key] = [remove_names(layer) for layer in part[key]]
        return unnamed

    remaining = {
        key: value
        for key, value in remove_names(config).items()
        if key not in MEASUREMENT_KEYS and _ADDED_KEYS.get(key) != value
    }
    data = {
        key: value
        for key, value in config["data"].items()
        if f"data.{key}" not in TEST_SET_KEYS and (key not in _ADDED_DATA_KEYS or _ADDED_DATA_KEYS[key] != value)
    }
    # The config of a baseline has no network.
    model = {"model": remove_names(config["model"])} if "model" in config else {}
    return {**remaining, "data": data, **model}


def remove_extra_file_keys(config: dict[str, Any]) -> dict[str, Any]:
    """Return a resolved config without the keys that only make a training keep more files: `model_checkpoint`."""
    return {key: value for key, value in config.items() if key not in _EXTRA_FILE_KEYS}


def _compute_sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
