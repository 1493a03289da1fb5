"""Setups: groups on different datasets that have the same settings apart from the data.

Layers and losses depend on the data: the output of a network has one unit for each class. Groups therefore cannot be
matched by all of their settings. A setup is identified by the settings that vary within a dataset, because these
settings are compared.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dnn_cli.compare.comparison import Comparison, get_failure_reason
from dnn_cli.compare.group import Group
from dnn_cli.compare.group_labels import label_groups
from dnn_cli.compare.grouping import format_group_value
from dnn_cli.compare.verdicts import get_baseline_method
from dnn_cli.config.config_diff import find_config_differences
from dnn_cli.config.digests import DATA_PATH_KEYS
from dnn_cli.runs.query.fields import build_getter, get_config_value
from dnn_cli.runs.query.run_columns import ABSENT
from dnn_cli.runs.run_info import RunInfo

_SetupKey = tuple[str, ...]
"""Values that groups of the same setup share on all datasets."""

_LAYERS_KEY = "layers"

_INPUT_LAYERS = ("Flatten", "Reshape", "Rescaling")
"""Layers that bring inputs into the shape and scale that a network reads, if a network begins with them."""

_SHAPE_ARGUMENTS = ("target_shape", "input_dim", "name")
"""Arguments of layers that depend on the shape of the data, or are names."""

_OUTPUT_ARGUMENTS = ("units", "activation")
"""Arguments of the last layer that depend on the targets."""

_DATA_DEPENDENT_PARTS = ("data", "model", "loss", "metrics", "name", "seed")
"""Parts of a config that differ between datasets without a note."""


@dataclass(frozen=True)
class Setup:
    """Setup: the groups of one setup on several datasets."""

    label: str
    groups: Mapping[int, Group]
    """Group of the setup on each dataset where it has a score, by the index of the dataset."""

    failed: Mapping[int, str]
    """Reason of the failure on each dataset where all runs of the setup failed, by the index of the dataset."""

    @property
    def datasets(self) -> frozenset[int]:
        """The indices of the datasets on which the setup was trained."""
        return frozenset({*self.groups, *self.failed})


def match_setups(comparisons: Sequence[Comparison]) -> list[Setup]:
    """Return the setups of comparisons on several datasets, in the order in which their groups occur.

    With `--by`, groups with equal values of the keys are one setup. Otherwise, these are groups with equal values of
    all keys that vary within any of the datasets. If layers vary, the stacks must be equal, apart from shapes of inputs
    and outputs. Baselines are one setup if they have the same method of training.

    Args:
        comparisons: One comparison for each dataset, all by the same keys.
    """
    keys = comparisons[0].keys
    if keys:
        group_keys = [[tuple(group.settings.values()) for group in item.groups] for item in comparisons]
        return _match_groups(comparisons, group_keys, lambda run_info: _read_key_values(run_info, keys))
    varied = _list_varied_keys(comparisons)
    for has_shapes in (False, True):
        group_keys = [[_read_group_key(group, varied, has_shapes) for group in item.groups] for item in comparisons]
        # Settings that differ within a dataset distinguish setups, even if they are shapes.
        if all(len(set(of_dataset)) == len(of_dataset) for of_dataset in group_keys):
            break
    return _match_groups(
        comparisons, group_keys, lambda run_info: _read_setup_key(run_info.config or {}, varied, has_shapes)
    )


def _match_groups(
    comparisons: Sequence[Comparison],
    group_keys: Sequence[Sequence[_SetupKey]],
    read_key: Callable[[RunInfo], _SetupKey],
) -> list[Setup]:
    """Return the setups of groups with equal keys.

    Args:
        comparisons: One comparison for each dataset.
        group_keys: The key of every group of each dataset.
        read_key: The function that returns the key of a run.
    """
    groups: dict[_SetupKey, dict[int, Group]] = defaultdict(dict)
    for dataset, (comparison, keys) in enumerate(zip(comparisons, group_keys, strict=True)):
        for key, group in zip(keys, comparison.groups, strict=True):
            other = groups[key].get(dataset)
            groups[key][dataset] = group if other is None else max(group, other, key=_rank_by_runs)
    failed: dict[_SetupKey, dict[int, str]] = defaultdict(dict)
    for dataset, comparison in enumerate(comparisons):
        for run_info in comparison.left_out:
            reason = get_failure_reason(run_info, comparison.point)
            if not reason or run_info.config is None:
                continue
            key = read_key(run_info)
            if key in groups and dataset not in groups[key]:
                failed[key][dataset] = reason
    representatives = [_choose_representative([*of_setup.values()]) for of_setup in groups.values()]
    labels = label_groups(representatives)
    return [
        Setup(labels[id(group)], of_setup, failed[key])
        for group, (key, of_setup) in zip(representatives, groups.items(), strict=True)
    ]


def _rank_by_runs(group: Group) -> tuple[int, str]:
    """Return the sort key of groups of one setup on one dataset, such as two versions of a baseline.

    The group with most runs counts. The choice does not depend on scores.
    """
    return len(group.run_scores), max(run_score.record.id for run_score in group.run_scores)


def _choose_representative(groups: Sequence[Group]) -> Group:
    """Return the group of a setup that has most settings, and gives the setup its label.

    Without settings, the label is the name of the group, or `network` if the names differ between datasets.
    """
    group = max(groups, key=lambda group: len(group.settings))
    is_one_name = len({group.name for group in groups}) == 1
    return group if group.settings or is_one_name else replace(group, name="network")


def _read_key_values(run_info: RunInfo, keys: Sequence[str]) -> _SetupKey:
    """Return the values of the keys of `--by` of a run as texts."""
    return tuple(format_group_value(build_getter(key)(run_info)) for key in keys)


def _list_varied_keys(comparisons: Sequence[Comparison]) -> list[str]:
    """Return the keys that vary within any of the datasets, with `layers` in place of all keys of layers."""
    keys = {
        _LAYERS_KEY if key.split(".")[0] == _LAYERS_KEY else key
        for comparison in comparisons
        for group in comparison.groups
        if not group.is_baseline
        for key in group.settings
    }
    return sorted(keys - set(DATA_PATH_KEYS))


def _read_group_key(group: Group, keys: Sequence[str], has_shapes: bool) -> _SetupKey:
    """Return the key of a group: the method of a baseline, or the values of the given config keys."""
    method = get_baseline_method(group)
    return (
        ("baseline", method) if method else _read_setup_key(group.run_scores[0].run_info.config or {}, keys, has_shapes)
    )


def _read_setup_key(config: Mapping[str, Any], keys: Sequence[str], has_shapes: bool) -> _SetupKey:
    """Return the values of keys of a config as texts.

    Args:
        config: The resolved config of a run.
        keys: The keys.
        has_shapes: Whether the values contain arguments of layers that depend on the data.
    """
    values = []
    for key in keys:
        value = get_config_value(config, key.split("."))
        if key == _LAYERS_KEY and isinstance(value, list) and not has_shapes:
            value = _remove_shapes(value)
        values.append("–" if value is ABSENT else json.dumps(value, sort_keys=True))
    return tuple(values)


def _remove_shapes(layers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a stack of layers without arguments and first layers that depend on the shapes of the data."""
    first = next((at for at, layer in enumerate(layers) if layer.get("type") not in _INPUT_LAYERS), len(layers))
    stack = [{key: value for key, value in layer.items() if key not in _SHAPE_ARGUMENTS} for layer in layers[first:]]
    if stack:
        stack[-1] = {key: value for key, value in stack[-1].items() if key not in _OUTPUT_ARGUMENTS}
    return stack


def list_differing_settings(setups: Sequence[Setup], keys: Sequence[str]) -> list[str]:
    """Return the keys in which the groups of one setup differ between datasets, apart from the data and its shapes.

    Args:
        setups: The setups.
        keys: The keys of `--by`, over whose other settings groups are averaged; then the result is empty.
    """
    if keys:
        return []
    counts: Counter[str] = Counter()
    for setup in setups:
        configs = [
            {**{name: value for name, value in config.items() if name not in _DATA_DEPENDENT_PARTS}, "data": {}}
            for group in setup.groups.values()
            if not group.is_baseline and (config := group.run_scores[0].run_info.config)
        ]
        counts.update({key for row in find_config_differences(configs) for key in row})
    return [key for key, _ in counts.most_common()]
