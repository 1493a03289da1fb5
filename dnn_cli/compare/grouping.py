"""Groups of run scores: runs of one experiment that differ in their seed, or runs that agree in some keys."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest
from statistics import fmean
from typing import Any

from dnn_cli.compare.run_scores import RunScore
from dnn_cli.compare.significance import compute_standard_deviation
from dnn_cli.config.digests import remove_extra_file_keys
from dnn_cli.config.registry import format_config_value
from dnn_cli.runs.query.fields import (
    ABSENT,
    build_getter,
    check_fields,
    get_config_field,
    get_config_value,
    iter_config_keys,
    list_layer_names,
)
from dnn_cli.runs.run_info import RunInfo

_Setting = tuple[tuple[str, str], ...]
"""The keys that vary within groups, each with its value as text; empty where groups are experiments."""

_MAX_CANDIDATES = 100
"""Sets of seeds that are tried for the largest block of settings; the most common ones."""

_Combination = tuple[_Setting, int]
"""A setting and a seed: what one run of a group stands for."""


@dataclass(frozen=True)
class Group:
    """Runs that share one mean."""

    name: str
    settings: dict[str, str]
    """The settings that distinguish the group from the others."""

    run_scores: tuple[RunScore, ...]
    scores: Mapping[_Combination, float]
    """The score of every setting and seed. Every seed has the same settings."""

    failed: Mapping[int, str] = field(default_factory=dict)
    """Seeds without a usable score, each with the reason, such as `diverged`."""

    set_aside: tuple[RunScore, ...] = ()
    """Runs with settings that not all groups have, which do not count."""

    @property
    def seeds(self) -> list[int]:
        return sorted({seed for _, seed in self.scores})

    @cached_property
    def seed_means(self) -> dict[int, float]:
        """The mean over the settings, for every seed."""
        return _compute_seed_means(self.scores)

    @cached_property
    def mean(self) -> float:
        """The mean over the seeds."""
        return fmean(self.seed_means.values())

    @cached_property
    def spread(self) -> float | None:
        """The standard deviation over the seeds; `None` for a single seed."""
        return compute_standard_deviation(list(self.seed_means.values()))

    @property
    def seconds(self) -> float:
        """The mean training time of a run, in seconds."""
        return fmean(run_score.record.seconds or 0.0 for run_score in self.run_scores)

    @property
    def other_settings(self) -> set[_Setting]:
        """The settings that the mean of the group averages over."""
        return {other for other, _ in self.scores}


def _compute_seed_means(combination_scores: Mapping[_Combination, float]) -> dict[int, float]:
    """Return the mean score of every seed."""
    scores_by_seed: dict[int, list[float]] = defaultdict(list)
    for (_, seed), score in combination_scores.items():
        scores_by_seed[seed].append(score)
    return {seed: fmean(scores) for seed, scores in sorted(scores_by_seed.items())}


def group_experiments(run_scores: Sequence[RunScore], failed: Sequence[tuple[RunInfo, str]] = ()) -> list[Group]:
    """Return a group for every experiment; its runs differ in their seed and their names.

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
            {key: value for key, value in group_scores[0].settings.items() if key != "seed"},
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
    """Return the seeds whose runs failed, with the reason; a seed that was trained again later is none of them."""
    counted = {(run_score.variant_digest, run_score.seed) for run_score in run_scores}
    return {
        run_info.details.seed: reason
        for run_info, reason in failed
        if (run_info.details.variant_digest, run_info.details.seed) not in counted
    }


def group_by_keys(
    run_scores: Sequence[RunScore], keys: Sequence[str], failed: Sequence[tuple[RunInfo, str]] = ()
) -> list[Group]:
    """Return a group for every combination of values of some keys; other keys are averaged over.

    All groups average over the same settings, those that every group has. Runs with other settings are set aside.

    Args:
        run_scores: The runs.
        keys: Fields of a run, as `dnn runs --where` names them.
        failed: Runs without a usable score, each with the reason.

    Raises:
        UsageError: no run has one of the keys.
    """
    check_fields(keys, [run_score.run_info for run_score in run_scores])
    # Names of layers make no difference between experiments, so a layer that a key names has that name everywhere.
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
        renamed_runs: One run of every experiment, with common layer names: keys of layers are read from it.
        keys: The keys.
    """
    getters = [(build_getter(key), key.removeprefix("model.").startswith("layers.")) for key in keys]

    def read_values(run_info: RunInfo) -> tuple[str, ...]:
        renamed_run = renamed_runs.get(run_info.details.variant_digest, run_info)
        return tuple(_format_group_value(get(renamed_run if is_layer else run_info)) for get, is_layer in getters)

    return read_values


def _unify_layer_names(run_scores: Sequence[RunScore], preferred_names: Collection[str]) -> dict[str, RunInfo]:
    """Return one run of every experiment, with one name for the layers at one position in all of them.

    Args:
        run_scores: The runs.
        preferred_names: Names that are preferred; otherwise a layer has the name that most of the runs give it.
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


def find_balanced_combinations(groups: Sequence[Group]) -> list[set[_Combination]]:
    """Return the combinations of each group that count: equal settings in all groups, all of them for every seed.

    A mean over other settings than those of the other groups would compare the settings, and a standard deviation
    over seeds with other settings would contain their differences.
    """
    common = set.intersection(*(group.other_settings for group in groups)) if groups else set()
    if common:
        block = find_largest_block(common, groups)
        return [_list_complete_combinations(group, block) for group in groups]
    return [_list_complete_combinations(group, find_largest_block(group.other_settings, [group])) for group in groups]


def _list_complete_combinations(group: Group, settings: set[_Setting]) -> set[_Combination]:
    """Return the combinations of the seeds that have all of the settings."""
    seeds = [seed for seed in group.seeds if all((setting, seed) in group.scores for setting in settings)]
    return {(setting, seed) for setting in settings for seed in seeds}


def find_largest_block(settings: set[_Setting], groups: Sequence[Group]) -> set[_Setting]:
    """Return the settings for which the most runs count, all of them with the same seeds within every group.

    Every setting has some seeds in each group. The candidates are these seeds: the settings that have them, and maybe
    more, make a block.
    """
    seeds: dict[_Setting, list[set[int]]] = {setting: [set() for _ in groups] for setting in settings}
    for index, group in enumerate(groups):
        for other, seed in group.scores:
            if other in seeds:
                seeds[other][index].add(seed)
    candidates = Counter(tuple(map(frozenset, seed_sets)) for seed_sets in seeds.values()).most_common(_MAX_CANDIDATES)

    def find_block(candidate: tuple[frozenset[int], ...]) -> set[_Setting]:
        return {
            other
            for other, seed_sets in seeds.items()
            if all(
                candidate_seeds <= setting_seeds
                for candidate_seeds, setting_seeds in zip(candidate, seed_sets, strict=True)
            )
        }

    blocks = [(find_block(candidate), sum(map(len, candidate))) for candidate, _ in candidates]
    return max(blocks, key=lambda block: (len(block[0]) * block[1], len(block[0]), sorted(block[0])))[0]


def _restrict_group(group: Group, combinations: set[_Combination], other_settings: Mapping[str, _Setting]) -> Group:
    """Return a group of the runs whose combinations count; the other runs are set aside."""
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


def _compute_combination_scores(settings_and_scores: Sequence[tuple[_Setting, RunScore]]) -> dict[_Combination, float]:
    """Return the mean score of every combination, which has several runs only where their data differ."""
    scores_by_combination: dict[_Combination, list[float]] = defaultdict(list)
    for setting, run_score in settings_and_scores:
        scores_by_combination[setting, run_score.seed].append(run_score.score)
    return {combination: fmean(scores) for combination, scores in scores_by_combination.items()}


def _format_group_value(value: Any) -> str:
    """Return the value of a field as the name of a group."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None or value is ABSENT else format_config_value(value)


def _find_varied_settings(
    runs: Mapping[str, RunInfo], read_values: Callable[[RunInfo], tuple[str, ...]], keys: Sequence[str]
) -> dict[str, _Setting]:
    """Return for every experiment the values of all keys that vary within groups, names and seeds excepted.

    Where parts of different types are compared (`optimizer.type`), a key that only some of the parts have is no
    setting of its own, nor is a key that has one value for each part.
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
        digest: tuple((name, _format_group_value(fields.get(name, ABSENT))) for name in varied_names)
        for digest, fields in flat_configs.items()
    }


def _list_key_spellings(run_info: RunInfo, key: str) -> tuple[str, ...]:
    """Return a key as typed; for a key of a layer by index also the key by name, as `_flatten_config` writes it."""
    head, _, remainder = key.removeprefix("model.").partition(".")
    index, _, field = remainder.partition(".")
    layers = get_config_value(run_info.config, ["model", "layers"])
    if head != "layers" or not index.isdigit() or layers is ABSENT or int(index) >= len(layers):
        return (key,)
    return key, ".".join(filter(None, ("layers", list_layer_names(layers)[int(index)], field)))


def _is_other_setting(name: str, keys: Sequence[str]) -> bool:
    """Return whether a field of a config is a setting other than the compared keys, names and seeds."""
    return name not in (*keys, "seed", "name") and f"{name}.type" not in keys and not name.endswith(".name")


def _is_varied(
    name: str, flat_configs: Mapping[str, Mapping[str, Any]], groups: Mapping[str, tuple[str, ...]], *, within: bool
) -> bool:
    """Return whether a field differs between experiments; `within`: all have the field, and it differs in a group."""
    if not within:
        return len({str(fields.get(name)) for fields in flat_configs.values()}) > 1
    values: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for digest, fields in flat_configs.items():
        values[groups[digest]].add(str(fields.get(name)))
    return all(name in fields for fields in flat_configs.values()) and any(len(texts) > 1 for texts in values.values())


def _flatten_config(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a config by their keys, as the keys are written on the command line."""
    comparable_config = remove_extra_file_keys(dict(experiment))
    return {name: get_config_field(comparable_config, name.split(".")) for name in iter_config_keys(comparable_config)}
