"""Command lines that `dnn compare` suggests to users: `dnn sweep …`, which trains compared groups with more seeds."""

import os
from collections.abc import Mapping, Sequence
from itertools import count, islice
from typing import Any

import yaml

from dnn_cli.compare.group import Group
from dnn_cli.config.value_texts import format_changed_arguments
from dnn_cli.runs.query.fields import get_config_value
from dnn_cli.runs.runs_directory import build_runs_dir_option


def build_sweep_commands(groups: Sequence[Group], seed_count: int, runs_dir: str) -> tuple[list[list[str]], list[int]]:
    """Return the commands that train groups with more seeds, and the number of missing runs of each group.

    If groups differ in a single key, one `dnn sweep` trains all of them. Otherwise, each group has its own command.

    Args:
        groups: The groups, each with at least one run.
        seed_count: The number of seeds that each group will have.
        runs_dir: The runs directory, as the commands name it.
    """
    # A run that failed would fail again, and a sweep skips failed runs. A completed run with a bad score counts: to
    # leave out its seed would choose seeds by their scores.
    failed = {seed for group in groups for seed in group.failed if seed not in group.seeds}
    usable = (seed for seed in count(min(group.seeds[0] for group in groups)) if seed not in failed)
    planned_seeds = list(islice(usable, seed_count))
    missing = [len(set(planned_seeds) - set(group.seeds)) for group in groups]
    tail = [f"seed={_format_seed_range(planned_seeds)}", *build_runs_dir_option(runs_dir)]
    if varied := _find_single_override(groups):
        return [["dnn", "sweep", _format_config_path(groups[0]), varied, *tail]], missing
    incomplete = [group for group, lacks in zip(groups, missing, strict=True) if lacks]
    return [["dnn", "sweep", _format_config_path(group), *tail] for group in incomplete], missing


def _format_seed_range(seeds: Sequence[int]) -> str:
    """Return seeds in the notation of a sweep: `1..8`, or `1,2,4` if some numbers are missing."""
    first, last = seeds[0], seeds[-1]
    return f"{first}..{last}" if last - first + 1 == len(seeds) else ",".join(map(str, seeds))


def _format_config_path(group: Group) -> str:
    """Return the config path of a group's first run, relative to the working directory."""
    return os.path.relpath(group.run_scores[0].run.config)


def _find_single_override(groups: Sequence[Group]) -> str | None:
    """Find the only key in which groups differ, and return its override for a sweep, such as `optimizer=sgd,adam`.

    If several keys differ, or a value has no short form, return `None`.
    """
    keys = {
        key for group in groups for key in group.settings
        if len({other.settings.get(key) for other in groups}) > 1
    }  # fmt: skip
    if len(keys) != 1:
        return None
    (key,) = keys
    texts = [
        _format_override(get_config_value(group.run_scores[0].run_info.config, key.split("."))) for group in groups
    ]
    # The numbers differ if the key names another layer in one of the configs.
    if len(set(texts)) != len({group.settings.get(key) for group in groups}):
        return None
    return None if None in texts else f"{key}={','.join(text for text in texts if text is not None)}"


def _format_override(value: Any) -> str | None:
    """Return a value in the notation of an override; `None` for a list, which has no short form."""
    if isinstance(value, Mapping) and "type" in value:
        arguments = {key: value[key] for key in format_changed_arguments(value)}
        if not arguments:
            return str(value["type"])
        return yaml.safe_dump(
            {"type": value["type"], **arguments}, default_flow_style=True, sort_keys=False, width=1e9
        ).strip()
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None
