"""Runs of a cross-validation: one experiment for each fold, and repetitions with other seeds of the split."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from dnn_cli.errors import UsageError

if TYPE_CHECKING:
    from dnn_cli.config.data import Data

FOLD_KEYS = ("data.fold", "data.split_seed")
"""Keys in which the runs of one cross-validation differ."""


class Fold(NamedTuple):
    """Fold of a cross-validation: the seed of its split, and its number among the folds."""

    split_seed: int
    number: int
    folds: int
    by_time: bool = False
    """Whether the folds are in the order of times."""


def find_fold(config: Mapping[str, Any]) -> Fold | None:
    """Find the fold in the config of a run; `None` for a run that is not cross-validated."""
    data = config.get("data") or {}
    if data.get("folds") is None or data.get("fold") is None:
        return None
    return Fold(data.get("split_seed", 0), data["fold"], data["folds"], data.get("time") is not None)


def remove_fold(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config of a fold without the fold and the seed of the split; other configs stay unchanged."""
    if find_fold(config) is None:
        return config
    data = {key: value for key, value in config["data"].items() if f"data.{key}" not in FOLD_KEYS}
    return {**config, "data": data}


def list_fold_settings(data: "Data", repetitions: int | None, *, is_requested: bool = False) -> list[dict[str, str]]:
    """Return the settings of the runs of a cross-validation, one for each fold of each repetition.

    The result has one empty setting if the data has no folds, or if `data.fold` names one of them.

    Args:
        data: The data of the experiment.
        repetitions: The number of repetitions, each with the next seed of the split; `None` for one.
        is_requested: Whether the option `--folds` requests all folds.

    Raises:
        UsageError: the options contradict the config.
    """
    if data.folds is None or data.fold is not None:
        if is_requested:
            raise UsageError(f"--folds trains every fold, but data.fold is {data.fold}", "remove data.fold")
        if repetitions is not None:
            suggestion = "remove data.fold" if data.folds else "for example --folds 5"
            raise UsageError("--repeats needs all folds of a cross-validation", suggestion)
        return [{}]
    folds = [{"data.fold": str(fold)} for fold in range(1, data.folds + 1)]
    if repetitions is None:
        return folds
    if data.time is not None:
        raise UsageError("--repeats needs folds at random, but data.time determines the folds", "remove --repeats")
    seeds = [str(data.split_seed + number) for number in range(repetitions)]
    return [{"data.split_seed": seed, **fold} for seed in seeds for fold in folds]


def format_fold(data: Mapping[str, Any]) -> str:
    """Return the fold of a run as text, such as `fold 2 of 5`; empty without folds.

    Args:
        data: The data section of a config, as plain values.
    """
    if not data.get("folds") or not data.get("fold"):
        return ""
    return f"fold {data['fold']} of {data['folds']}"
