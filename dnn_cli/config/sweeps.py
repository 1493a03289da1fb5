"""Sweep: many experiments from one config, its id, and the overrides of each experiment."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Literal

from dnn_cli.config.loading import read_config
from dnn_cli.config.overrides import partition_override
from dnn_cli.config.sweep_values import SweepValues, ValueRange
from dnn_cli.config.zipped_values import ZippedValues
from dnn_cli.errors import SourceLocation, UsageError

SearchType = Literal["grid", "random", "bayesian"]
SEARCH_TYPES: tuple[SearchType, ...] = ("grid", "random", "bayesian")


@dataclass(frozen=True)
class Sweep:
    """Sweep: experiments from a base config, overrides that apply to all, and keys that vary between them."""

    file: str
    """Path of the base config."""

    name: str | None
    fixed: tuple[str, ...]
    """Overrides that apply to all experiments."""

    parameters: dict[str, SweepValues]
    """Keys that vary, each with its list or range of values."""

    seeds: tuple[str, ...]
    """Seeds with which every setting is trained; empty if only the seed of the base config is used."""

    search: SearchType
    search_seed: int
    trials: int | None
    minutes: float | None
    locations: dict[str, SourceLocation]
    """Lines and columns of the keys in `parameters` of a sweep file; empty if a sweep has no file."""

    repetitions: int | None = None
    """Number of repetitions of a cross-validation, each with another seed of the split; `None` for one."""

    zipped: ZippedValues | None = None
    """Keys whose values belong together; `None` without such keys."""

    allow_code: bool = False
    """Whether the modules of custom layers may run."""

    @property
    def has_varying_keys(self) -> bool:
        """Whether a key other than the seed varies."""
        return bool(self.parameters) or self.zipped is not None


def add_varied_values(sweep: Sweep, varied: dict[str, SweepValues]) -> Sweep:
    """Return a sweep with additional keys that vary. Values of `seed` become the seeds of the sweep.

    Raises:
        UsageError: seeds would be drawn at random, as with `seed=int(1, 9)`. Seeds must be listed: `seed=1..9`.
    """
    seeds = varied.pop("seed", None)
    if isinstance(seeds, ValueRange):
        raise UsageError("seeds cannot be drawn from a range", "list the seeds, for example seed=1..5")
    return replace(sweep, parameters={**sweep.parameters, **varied}, seeds=seeds.texts if seeds else sweep.seeds)


def compute_sweep_id(sweep: Sweep) -> str:
    """Return the id of a sweep: eight hex digits from its base config, its overrides and the names of varying keys.

    Additional values, seeds or trials do not change the id.
    """
    identity = [read_config(sweep.file).value, sorted(sweep.fixed), sorted(sweep.parameters)]
    # Ids of sweeps without zipped keys stay those of earlier versions.
    identity += [sorted(sweep.zipped.keys)] if sweep.zipped else []
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:8]


def build_overrides(sweep: Sweep, setting: dict[str, str]) -> tuple[str, ...]:
    """Return the overrides that turn the base config into the experiment of one setting.

    Overrides of whole parts come first, because they would replace keys within the parts. Then come overrides of keys
    within parts, and last removals.

    Args:
        sweep: The sweep.
        setting: The value, as text, of each key that varies.
    """

    def build_sort_key(override: str) -> tuple[bool, int]:
        key = partition_override(override)[0]
        return override.startswith("~"), key.count(".") + key.startswith("layers.")

    return tuple(sorted([*sweep.fixed, *(f"{key}={text}" for key, text in setting.items())], key=build_sort_key))
