"""Series of an axis plot: runs that agree in all keys but the keys of the axes, the seed and the fold."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dnn_cli.compare.group import Group
from dnn_cli.compare.group_labels import label_groups
from dnn_cli.config.config_diff import find_config_differences
from dnn_cli.config.cross_validation import remove_fold
from dnn_cli.config.digests import remove_extra_file_keys
from dnn_cli.report.text import replace_control_chars
from dnn_cli.runs.address import parse_run_id
from dnn_cli.runs.query.fields import build_getter, get_config_value
from dnn_cli.runs.query.run_columns import ABSENT
from dnn_cli.runs.run_info import RunInfo

MAX_AXIS_SERIES = 8
"""Largest number of series in an axis plot, because a reader cannot distinguish more."""

_Settings = dict[str, str]
"""Values that distinguish a series from the others, as text by key."""


def name_series_by_keys(runs: Sequence[RunInfo], keys: Sequence[str]) -> dict[Path, str]:
    """Return the name of each run's series, by run directory. Runs with equal values of some keys form a series.

    Args:
        runs: The runs, with their details.
        keys: Fields of runs, such as `optimizer.type`.
    """
    getters = {key: build_getter(key) for key in keys}
    return _name_series(
        runs, [{key: format_axis_value(get(run_info)) for key, get in getters.items()} for run_info in runs]
    )


def name_series_by_differences(runs: Sequence[RunInfo], axis_keys: Sequence[str]) -> tuple[dict[Path, str], list[str]]:
    """Return the name of each run's series, by run directory, and the keys that also differ within a series.

    Runs of a series agree in all keys but the keys of the axes, the seed and names. If there were more than 8 series,
    the keys with the most values no longer distinguish series, as after a random search over several keys.

    Args:
        runs: The runs, with their details.
        axis_keys: The keys of the axes.
    """
    variants = {run_info.details.variant_digest: run_info for run_info in reversed(runs)}
    configs = [
        {**remove_fold(remove_extra_file_keys(run_info.config or {})), "seed": 0} for run_info in variants.values()
    ]
    for key in axis_keys:
        configs = _remove_axis_key(configs, key.removesuffix(".type").split("."))
    variant_settings, merged_keys = _limit_series(find_config_differences(configs))
    settings = dict(zip(variants, variant_settings, strict=True))
    return _name_series(runs, [settings[run_info.details.variant_digest] for run_info in runs]), merged_keys


def format_axis_value(value: Any) -> str:
    """Return the value of a field as text: `none` for an empty field, and `–` for an absent field."""
    # The registry imports all parts. Many importers of this module need none of them.
    from dnn_cli.config.value_texts import format_config_value

    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is ABSENT else format_config_value(value)


def _name_series(runs: Sequence[RunInfo], settings: Sequence[_Settings]) -> dict[Path, str]:
    """Return the name of each run's series, by run directory. The labels are the same as in `dnn compare`."""
    members: dict[tuple[tuple[str, str], ...], list[RunInfo]] = defaultdict(list)
    for run_info, run_settings in zip(runs, settings, strict=True):
        members[tuple(run_settings.items())].append(run_info)
    common_names = [Counter(run_info.name for run_info in group).most_common(1)[0][0] for group in members.values()]
    labelled_groups = [
        Group(name, dict(group_settings), (), {}) for name, group_settings in zip(common_names, members, strict=True)
    ]
    labels = label_groups(labelled_groups)
    names = [replace_control_chars(labels[id(group)]) for group in labelled_groups]
    shared = {name for name, times in Counter(names).items() if times > 1}
    return {
        run_info.run.directory: f"{name} {parse_run_id(group[0].run)}" if name in shared else name
        for name, group in zip(names, members.values(), strict=True)
        for run_info in group
    }


def _limit_series(settings: Sequence[_Settings]) -> tuple[list[_Settings], list[str]]:
    """Return settings that distinguish at most 8 series, and the keys that no longer distinguish them.

    The key with the most values is reduced first. A part such as an optimizer is reduced to its type if its types
    differ; any other key is left out.
    """
    limited, merged_keys = list(settings), []
    while len({tuple(row.items()) for row in limited}) > MAX_AXIS_SERIES:
        texts: Mapping[str, set[str]] = defaultdict(set)
        for row in limited:
            for key, text in row.items():
                texts[key].add(text)
        key = max(texts, key=lambda name: len(texts[name]))
        merged_keys += [key] if key not in merged_keys else []
        # The text of a part begins with its type: `sgd momentum=0.9`.
        types = {text.partition(" ")[0] for text in texts[key]}
        is_reducible = 1 < len(types) < len(texts[key])
        limited = [
            {
                name: text.partition(" ")[0] if name == key else text
                for name, text in row.items()
                if name != key or is_reducible
            }
            for row in limited
        ]
    return limited, merged_keys


def _remove_axis_key(configs: Sequence[dict[str, Any]], steps: Sequence[str]) -> list[dict[str, Any]]:
    """Return configs without the key of an axis.

    If the key is a part with a type, such as `optimizer`, the type is removed, and so are the arguments that follow
    from the type: those that some types lack, or that do not differ within a type.
    """
    parts = [get_config_value(config, steps) for config in configs]
    if not any(isinstance(part, dict) and "type" in part for part in parts):
        return [_replace_value(config, config, steps, None) for config in configs]
    arguments = [part if isinstance(part, dict) else {} for part in parts]
    shared_names = set.intersection(*map(set, arguments)) - {"type"}
    values: Mapping[tuple[str, Any], set[str]] = defaultdict(set)
    for part in arguments:
        for name in shared_names:
            values[name, part.get("type")].add(str(part[name]))
    varied_names = {name for (name, _), texts in values.items() if len(texts) > 1}
    return [
        _replace_value(config, config, steps, {name: part[name] for name in varied_names} or None)
        for config, part in zip(configs, arguments, strict=True)
    ]


def _replace_value(node: Any, config: dict[str, Any], steps: Sequence[str], value: Any) -> Any:
    """Return a part of a config with another value of a key; without a value (`None`), the key is removed.

    Args:
        node: The part that is copied; the whole config in the first call.
        config: The whole config.
        steps: The parts of the dotted key.
        value: The new value.
    """
    parent = get_config_value(config, steps[:-1]) if len(steps) > 1 else config
    if len(steps) == 1 and steps[0] not in config:
        parent = config.get("model")
    if isinstance(node, dict):
        copy = {name: _replace_value(inner, config, steps, value) for name, inner in node.items()}
        if node is parent:
            copy.pop(steps[-1], None)
            if value is not None:
                copy[steps[-1]] = value
        return copy
    return [_replace_value(item, config, steps, value) for item in node] if isinstance(node, list) else node
