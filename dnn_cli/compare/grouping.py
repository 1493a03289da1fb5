"""Groups of run scores: runs of one variant with different seeds, or runs with equal values of some keys."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from statistics import fmean
from typing import Any

from dnn_cli.compare.balanced_settings import find_balanced_combinations
from dnn_cli.compare.group import Combination, Group, Setting
from dnn_cli.compare.run_scores import RunScore
from dnn_cli.config.cross_validation import remove_fold
from dnn_cli.config.digests import remove_extra_file_keys
from dnn_cli.config.layer_stack import list_config_layer_names
from dnn_cli.config.value_texts import format_config_value
from dnn_cli.runs.query.fields import (
    build_getter,
    check_fields,
    get_config_field,
    get_config_value,
    iter_config_keys,
)
from dnn_cli.runs.query.run_columns import ABSENT
from dnn_cli.runs.run_info import RunInfo


def group_experiments(run_scores: Sequence[RunScore], failed: Sequence[tuple[RunInfo, str]] = ()) -> list[Group]:
    """Return a group for every variant. The runs of a variant differ only in seed and names.

    Args:
        run_scores: The runs.
        failed: Runs without a usable score, each with the reason.
    """
    members: dict[str, list[RunScore]] = defaultdict(list)
    for run_score in run_scores:
        members[run_score.variant_digest].append(run_score)
    failed_by_digest: dict[str, list[tuple[RunInfo, str]]] = defaultdict(list)
    for run_info, reason in failed:
        failed_by_digest[run_info.details.variant_digest].append((run_info, reason))
    return [
        Group(
            _find_common_name(group_scores),
            group_scores[0].variant_settings,
            tuple(group_scores),
            _compute_combination_scores([((), run_score) for run_score in group_scores]),
            _find_failed_seeds(failed_by_digest[digest], group_scores),
        )
        for digest, group_scores in members.items()
    ]


def _find_common_name(run_scores: Sequence[RunScore]) -> str:
    """Return the name that most of the runs have."""
    return Counter(run_score.record.name for run_score in run_scores).most_common(1)[0][0]


def _find_failed_seeds(failed: Iterable[tuple[RunInfo, str]], run_scores: Sequence[RunScore]) -> dict[int, str]:
    """Find the failed seeds of a group, and return the reason of failure by seed.

    A seed has not failed if another run of the same variant and seed has a score.

    Args:
        failed: The failed runs of a group, each with the reason.
        run_scores: The runs of the group that have a score.
    """
    counted = {(run_score.variant_digest, run_score.seed) for run_score in run_scores}
    return {
        run_info.details.seed: reason
        for run_info, reason in failed
        if (run_info.details.variant_digest, run_info.details.seed) not in counted
    }


def group_by_keys(
    run_scores: Sequence[RunScore], keys: Sequence[str], failed: Sequence[tuple[RunInfo, str]] = ()
) -> list[Group]:
    """Return a group for every combination of values of some keys; scores are averaged over other keys.

    If all groups have some settings in common, only runs with these settings count, so that other settings cause no
    difference between groups. The other runs are set aside. A baseline lacks most keys, and is a group of its own.

    Args:
        run_scores: The runs.
        keys: The fields of runs that define the groups, such as `optimizer.type`. `dnn runs --where` has the same
            fields.
        failed: Runs without a usable score, each with the reason.

    Raises:
        UsageError: no run has one of the keys.
    """
    check_fields(keys, [run_score.run_info for run_score in run_scores])
    networks = [run_score for run_score in run_scores if not run_score.is_baseline]
    baselines = group_experiments([run_score for run_score in run_scores if run_score.is_baseline])
    return [*_group_networks(networks, keys, failed), *(_name_baseline(group, keys) for group in baselines)]


def _name_baseline(group: Group, keys: Sequence[str]) -> Group:
    """Return the group of a baseline for a comparison by keys: the first key has the name of the baseline."""
    name = f"{group.settings['baseline']} (baseline)"
    settings = {key: name if key == keys[0] else "–" for key in keys}
    return replace(group, name=", ".join(settings.values()), settings=settings)


def _group_networks(
    run_scores: Sequence[RunScore], keys: Sequence[str], failed: Sequence[tuple[RunInfo, str]]
) -> list[Group]:
    """Return a group for every combination of values of some keys, from runs of networks. See `group_by_keys`."""
    # Experiments that differ only in layer names are equal, so a layer that a key names gets that name in all runs.
    renamed_runs = _unify_layer_names(run_scores, {step for key in keys for step in key.split(".")})
    read_values = _build_value_reader(renamed_runs, keys)
    other_settings = _find_varied_settings(renamed_runs, read_values, keys)
    members: dict[tuple[str, ...], list[RunScore]] = defaultdict(list)
    for run_score in run_scores:
        members[read_values(run_score.run_info)].append(run_score)
    failed_by_values: dict[tuple[str, ...], list[tuple[RunInfo, str]]] = defaultdict(list)
    for run_info, reason in failed:
        failed_by_values[read_values(run_info)].append((run_info, reason))
    groups = [
        Group(
            ", ".join(values),
            dict(zip(keys, values, strict=True)),
            tuple(group_scores),
            _compute_combination_scores(
                [(other_settings[run_score.variant_digest], run_score) for run_score in group_scores]
            ),
            _find_failed_seeds(failed_by_values[values], group_scores),
        )
        for values, group_scores in members.items()
    ]
    return [
        _restrict_group(group, combinations, other_settings)
        for group, combinations in zip(groups, find_balanced_combinations(groups), strict=True)
    ]


def _build_value_reader(
    renamed_runs: Mapping[str, RunInfo], keys: Sequence[str]
) -> Callable[[RunInfo], tuple[str, ...]]:
    """Return the function that reads the values of some keys from a run, as text.

    Args:
        renamed_runs: One run of every variant, by variant digest. Its layers are renamed, so that layers at equal
            positions have equal names in all variants. The function reads keys of layers from this run, and other keys
            from the run that is passed to the function.
        keys: The keys.
    """
    getters = [(build_getter(key), key.removeprefix("model.").startswith("layers.")) for key in keys]

    def read_values(run_info: RunInfo) -> tuple[str, ...]:
        renamed_run = renamed_runs.get(run_info.details.variant_digest, run_info)
        return tuple(format_group_value(get(renamed_run if is_layer else run_info)) for get, is_layer in getters)

    return read_values


def _unify_layer_names(run_scores: Sequence[RunScore], preferred_names: Collection[str]) -> dict[str, RunInfo]:
    """Return one run of every variant, by variant digest, with layers renamed so that equal positions have equal names.

    A key such as `layers.hidden.units` then names the same layer in every run.

    Args:
        run_scores: The runs.
        preferred_names: The names to prefer if a run uses them. Other layers get the name that most of the runs use.
    """
    runs = {run_score.variant_digest: run_score.run_info for run_score in run_scores}
    stacks = [
        run_score.run_info.config["model"]["layers"] if run_score.run_info.config else [] for run_score in run_scores
    ]
    positions = zip_longest(*stacks, fillvalue={})
    name_counts = [Counter(layer["name"] for layer in layers if layer.get("name")) for layers in positions]
    names = [
        max(counts, key=lambda name: (name in preferred_names, counts[name])) if counts else None
        for counts in name_counts
    ]
    common_names = [name if name and names.index(name) == index else None for index, name in enumerate(names)]
    if all([layer.get("name") for layer in layers] == common_names[: len(layers)] for layers in stacks):
        return runs

    def rename_layers(run_info: RunInfo) -> RunInfo:
        if run_info.config is None:
            return run_info
        layers = [
            {**layer, "name": name}
            for layer, name in zip(run_info.config["model"]["layers"], common_names, strict=False)
        ]
        experiment = {**run_info.config, "model": {**run_info.config["model"], "layers": layers}}
        return replace(run_info, loaded_details=replace(run_info.details, config_json=json.dumps(experiment)))

    return {digest: rename_layers(run_info) for digest, run_info in runs.items()}


def _restrict_group(group: Group, combinations: set[Combination], other_settings: Mapping[str, Setting]) -> Group:
    """Return a group whose scores come from some combinations only. Its other runs are listed in `set_aside`.

    Args:
        group: The group with all runs.
        combinations: The combinations of setting and seed whose runs enter the mean.
        other_settings: The values of all keys that do not define the groups, by variant digest.
    """
    if len(combinations) == len(group.scores):
        return group
    counted = [
        (other_settings[run_score.variant_digest], run_score.seed) in combinations for run_score in group.run_scores
    ]
    return replace(
        group,
        run_scores=tuple(run_score for run_score, counts in zip(group.run_scores, counted, strict=True) if counts),
        scores={combination: score for combination, score in group.scores.items() if combination in combinations},
        set_aside=tuple(run_score for run_score, counts in zip(group.run_scores, counted, strict=True) if not counts),
    )


def _compute_combination_scores(settings_and_scores: Sequence[tuple[Setting, RunScore]]) -> dict[Combination, float]:
    """Return the mean score of every combination of setting and seed.

    A combination has several runs only if these runs are folds, or were trained on different data. Other runs on the
    same data are repeats, and all but one of them were dropped before.
    """
    scores_by_combination: dict[Combination, list[float]] = defaultdict(list)
    for setting, run_score in settings_and_scores:
        scores_by_combination[setting, run_score.seed].append(run_score.score)
    return {combination: fmean(scores) for combination, scores in scores_by_combination.items()}


def format_group_value(value: Any) -> str:
    """Return the value of a field as text, for the name of a group."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None or value is ABSENT else format_config_value(value)


def _find_varied_settings(
    runs: Mapping[str, RunInfo], read_values: Callable[[RunInfo], tuple[str, ...]], keys: Sequence[str]
) -> dict[str, Setting]:
    """Find the keys that vary within groups, and return the values of these keys for every variant, by its digest.

    Names, seeds and the compared keys are left out. If `optimizer.type` is compared, other keys of the optimizer
    usually differ between groups. Such a key counts only if all experiments have the key and its value differs within
    a group.

    Args:
        runs: One run of every variant, by variant digest.
        read_values: The function that returns a run's values of the compared keys.
        keys: The compared keys, from `--by`.
    """
    keys = list(
        dict.fromkeys(name for run_info in runs.values() for key in keys for name in _list_key_spellings(run_info, key))
    )
    flat_configs = {digest: _flatten_config(run_info.config or {}) for digest, run_info in runs.items()}
    names = dict.fromkeys(name for fields in flat_configs.values() for name in fields if _is_other_setting(name, keys))
    groups = {digest: read_values(run_info) for digest, run_info in runs.items()}
    parts = tuple(f"{key.removesuffix('.type')}." for key in keys)
    varied_names = [name for name in names if _is_varied(name, flat_configs, groups, within=name.startswith(parts))]
    return {
        digest: tuple((name, format_group_value(fields.get(name, ABSENT))) for name in varied_names)
        for digest, fields in flat_configs.items()
    }


def _list_key_spellings(run_info: RunInfo, key: str) -> tuple[str, ...]:
    """Return the equivalent spellings of a key.

    A layer's key by index, such as `layers.0.units`, is also spelled by name: `layers.hidden.units`. The keys of
    `_flatten_config` are spelled by name.
    """
    head, _, remainder = key.removeprefix("model.").partition(".")
    index, _, field = remainder.partition(".")
    layers = get_config_value(run_info.config, ["model", "layers"])
    if head != "layers" or not index.isdigit() or layers is ABSENT or int(index) >= len(layers):
        return (key,)
    return key, ".".join(filter(None, ("layers", list_config_layer_names(layers)[int(index)], field)))


def _is_other_setting(name: str, keys: Sequence[str]) -> bool:
    """Return whether a config key can be part of a setting: it is not a compared key, a name or the seed."""
    return name not in (*keys, "seed", "name") and f"{name}.type" not in keys and not name.endswith(".name")


def _is_varied(
    name: str, flat_configs: Mapping[str, Mapping[str, Any]], groups: Mapping[str, tuple[str, ...]], *, within: bool
) -> bool:
    """Return whether the value of a key differs between experiments.

    Args:
        name: The key.
        flat_configs: The config of every variant by variant digest, as values by key.
        groups: The values that define the group of every variant, by variant digest.
        within: Whether the value must differ within a group, and all experiments must have the key.
    """
    if not within:
        return len({str(fields.get(name)) for fields in flat_configs.values()}) > 1
    values: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for digest, fields in flat_configs.items():
        values[groups[digest]].add(str(fields.get(name)))
    return all(name in fields for fields in flat_configs.values()) and any(len(texts) > 1 for texts in values.values())


def _flatten_config(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a config by key; keys are spelled as on the command line, such as `layers.hidden.units`."""
    comparable_config = remove_fold(remove_extra_file_keys(dict(experiment)))
    return {name: get_config_field(comparable_config, name.split(".")) for name in iter_config_keys(comparable_config)}
