"""Rows → groups: runs of one experiment that differ in their seed, or runs that agree in some keys."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest
from statistics import fmean
from typing import Any

from dnn_cli.compare.rows import Row
from dnn_cli.compare.statistics import standard_deviation
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.fields import ABSENT, check_known, config_value, getter, layer_names, setting, setting_names
from dnn_cli.spec.catalog import short
from dnn_cli.spec.differences import comparable

Setting = tuple[tuple[str, str], ...]
"""The keys that vary within groups, each with its value as text; empty where groups are experiments."""

MAX_CANDIDATES = 100
"""Sets of seeds that are tried for the largest block of settings; the most common ones."""

Cell = tuple[Setting, int]
"""A setting and a seed: what one run of a group stands for."""


@dataclass(frozen=True)
class Group:
    """Runs that share one mean."""

    name: str
    settings: dict[str, str]
    """The settings that distinguish the group from the others."""

    rows: tuple[Row, ...]
    cells: Mapping[Cell, float]
    """The score of every setting and seed. Every seed has the same settings."""

    failed: Mapping[int, str] = field(default_factory=dict)
    """Seeds without a usable score, each with the reason, such as `diverged`."""

    set_aside: tuple[Row, ...] = ()
    """Runs with settings that not all groups have, which do not count."""

    @property
    def seeds(self) -> list[int]:
        return sorted({seed for _, seed in self.cells})

    @cached_property
    def by_seed(self) -> dict[int, float]:
        """The mean over the settings, for every seed."""
        return means_by_seed(self.cells)

    @cached_property
    def mean(self) -> float:
        """The mean over the seeds."""
        return fmean(self.by_seed.values())

    @cached_property
    def spread(self) -> float | None:
        """The standard deviation over the seeds; `None` for a single seed."""
        return standard_deviation(list(self.by_seed.values()))

    @property
    def seconds(self) -> float:
        """The mean training time of a run, in seconds."""
        return fmean(row.record.seconds or 0.0 for row in self.rows)

    @property
    def other_settings(self) -> set[Setting]:
        """The settings that the mean of the group averages over."""
        return {other for other, _ in self.cells}


def means_by_seed(cells: Mapping[Cell, float]) -> dict[int, float]:
    """Return the mean score of every seed."""
    found: dict[int, list[float]] = defaultdict(list)
    for (_, seed), score in cells.items():
        found[seed].append(score)
    return {seed: fmean(scores) for seed, scores in sorted(found.items())}


def group_experiments(rows: Sequence[Row], failed: Sequence[tuple[Entry, str]] = ()) -> list[Group]:
    """Return a group for every experiment; its runs differ in their seed and their names.

    Args:
        rows: The runs.
        failed: Runs without a usable score, each with the reason.
    """
    members: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        members[row.alike].append(row)
    lost: dict[str, list[tuple[Entry, str]]] = defaultdict(list)
    for entry, reason in failed:
        lost[entry.details.alike].append((entry, reason))
    return [
        Group(
            most_common_name(alike),
            {key: value for key, value in alike[0].settings.items() if key != "seed"},
            tuple(alike),
            mean_cells([((), row) for row in alike]),
            failed_seeds(lost[digest], alike),
        )
        for digest, alike in members.items()
    ]


def most_common_name(rows: Sequence[Row]) -> str:
    """Return the name that most of the runs have."""
    return Counter(row.record.name for row in rows).most_common(1)[0][0]


def failed_seeds(failed: Iterable[tuple[Entry, str]], rows: Sequence[Row]) -> dict[int, str]:
    """Return the seeds whose runs failed, with the reason; a seed that was trained again later is none of them."""
    counted = {(row.alike, row.seed) for row in rows}
    return {
        entry.details.seed: reason
        for entry, reason in failed
        if (entry.details.alike, entry.details.seed) not in counted
    }


def group_by_keys(rows: Sequence[Row], keys: Sequence[str], failed: Sequence[tuple[Entry, str]] = ()) -> list[Group]:
    """Return a group for every combination of values of some keys; other keys are averaged over.

    All groups average over the same settings, those that every group has. Runs with other settings are set aside.

    Args:
        rows: The runs.
        keys: Fields of a run, as `dnn runs --where` names them.
        failed: Runs without a usable score, each with the reason.

    Raises:
        UsageError: no run has one of the keys.
    """
    check_known(keys, [row.entry for row in rows])
    # Names of layers make no difference between experiments, so a layer that a key names has that name everywhere.
    renamed = common_layer_names(rows, {step for key in keys for step in key.split(".")})
    values_of = value_reader(renamed, keys)
    others = varied_settings(renamed, values_of, keys)
    members: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        members[values_of(row.entry)].append(row)
    lost: dict[tuple[str, ...], list[tuple[Entry, str]]] = defaultdict(list)
    for entry, reason in failed:
        lost[values_of(entry)].append((entry, reason))
    groups = [
        Group(
            ", ".join(values),
            dict(zip(keys, values, strict=True)),
            tuple(agreeing),
            mean_cells([(others[row.alike], row) for row in agreeing]),
            failed_seeds(lost[values], agreeing),
        )
        for values, agreeing in members.items()
    ]
    return [restrict_group(group, kept, others) for group, kept in zip(groups, balanced_cells(groups), strict=True)]


def value_reader(renamed: Mapping[str, Entry], keys: Sequence[str]) -> Callable[[Entry], tuple[str, ...]]:
    """Return the function that reads the values of some keys from a run, as text.

    Args:
        renamed: One run of every experiment, with common layer names: keys of layers are read from it.
        keys: The keys.
    """
    gets = [(getter(key), key.removeprefix("model.").startswith("layers.")) for key in keys]

    def values_of(entry: Entry) -> tuple[str, ...]:
        alike = renamed.get(entry.details.alike, entry)
        return tuple(format_value(get(alike if is_layer else entry)) for get, is_layer in gets)

    return values_of


def common_layer_names(rows: Sequence[Row], wanted: Collection[str]) -> dict[str, Entry]:
    """Return one run of every experiment, with one name for the layers at one position in all of them.

    Args:
        rows: The runs.
        wanted: Names that are preferred; otherwise a layer has the name that most of the runs give it.
    """
    entries = {row.alike: row.entry for row in rows}
    stacks = [row.entry.experiment["model"]["layers"] if row.entry.experiment else [] for row in rows]
    positions = zip_longest(*stacks, fillvalue={})
    given = [Counter(layer["name"] for layer in layers if layer.get("name")) for layers in positions]
    names = [max(found, key=lambda name: (name in wanted, found[name])) if found else None for found in given]
    usual = [name if name and names.index(name) == place else None for place, name in enumerate(names)]
    if all([layer.get("name") for layer in layers] == usual[: len(layers)] for layers in stacks):
        return entries

    def rename(entry: Entry) -> Entry:
        if entry.experiment is None:
            return entry
        layers = [
            {**layer, "name": name} for layer, name in zip(entry.experiment["model"]["layers"], usual, strict=False)
        ]
        experiment = {**entry.experiment, "model": {**entry.experiment["model"], "layers": layers}}
        return replace(entry, known=replace(entry.details, text=json.dumps(experiment)))

    return {alike: rename(entry) for alike, entry in entries.items()}


def balanced_cells(groups: Sequence[Group]) -> list[set[Cell]]:
    """Return the cells of each group that count: the same settings in all groups, and all of them for every seed.

    A mean over other settings than those of the other groups would compare the settings, and a standard deviation
    over seeds with other settings would contain their differences.
    """
    common = set.intersection(*(group.other_settings for group in groups)) if groups else set()
    if common:
        kept = largest_block(common, groups)
        return [complete_cells(group, kept) for group in groups]
    return [complete_cells(group, largest_block(group.other_settings, [group])) for group in groups]


def complete_cells(group: Group, settings: set[Setting]) -> set[Cell]:
    """Return the cells of the seeds that have all of the settings."""
    seeds = [seed for seed in group.seeds if all((setting, seed) in group.cells for setting in settings)]
    return {(setting, seed) for setting in settings for seed in seeds}


def largest_block(settings: set[Setting], groups: Sequence[Group]) -> set[Setting]:
    """Return the settings for which the most runs count, all of them with the same seeds within every group.

    Every setting has some seeds in each group. The candidates are these seeds: the settings that have them, and maybe
    more, make a block.
    """
    seeds: dict[Setting, list[set[int]]] = {kept: [set() for _ in groups] for kept in settings}
    for place, group in enumerate(groups):
        for other, seed in group.cells:
            if other in seeds:
                seeds[other][place].add(seed)
    candidates = Counter(tuple(map(frozenset, found)) for found in seeds.values()).most_common(MAX_CANDIDATES)

    def block(candidate: tuple[frozenset[int], ...]) -> set[Setting]:
        return {
            other
            for other, found in seeds.items()
            if all(some <= those for some, those in zip(candidate, found, strict=True))
        }

    blocks = [(block(candidate), sum(map(len, candidate))) for candidate, _ in candidates]
    return max(blocks, key=lambda found: (len(found[0]) * found[1], len(found[0]), sorted(found[0])))[0]


def restrict_group(group: Group, kept: set[Cell], others: Mapping[str, Setting]) -> Group:
    """Return a group of the rows whose cells count; the other rows are set aside."""
    if len(kept) == len(group.cells):
        return group
    counted = [(others[row.alike], row.seed) in kept for row in group.rows]
    return replace(
        group,
        rows=tuple(row for row, counts in zip(group.rows, counted, strict=True) if counts),
        cells={cell: score for cell, score in group.cells.items() if cell in kept},
        set_aside=tuple(row for row, counts in zip(group.rows, counted, strict=True) if not counts),
    )


def mean_cells(placed: Sequence[tuple[Setting, Row]]) -> dict[Cell, float]:
    """Return the mean score of every cell; a cell has several runs only where their data differ."""
    found: dict[Cell, list[float]] = defaultdict(list)
    for other, row in placed:
        found[other, row.seed].append(row.score)
    return {cell: fmean(scores) for cell, scores in found.items()}


def format_value(value: Any) -> str:
    """Return the value of a field as the name of a group."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None or value is ABSENT else short(value)


def varied_settings(
    entries: Mapping[str, Entry], values_of: Callable[[Entry], tuple[str, ...]], keys: Sequence[str]
) -> dict[str, Setting]:
    """Return for every experiment the values of all keys that vary within groups, names and seeds excepted.

    Where parts of different types are compared (`optimizer.type`), a key that only some of the parts have is no
    setting of its own, nor is a key that has one value for each part.
    """
    keys = list(dict.fromkeys(name for entry in entries.values() for key in keys for name in spellings(entry, key)))
    flat = {alike: flatten(entry.experiment or {}) for alike, entry in entries.items()}
    names = dict.fromkeys(name for fields in flat.values() for name in fields if is_setting(name, keys))
    groups = {alike: values_of(entry) for alike, entry in entries.items()}
    parts = tuple(f"{key.removesuffix('.type')}." for key in keys)
    kept = [name for name in names if is_varied(name, flat, groups, within=name.startswith(parts))]
    return {
        alike: tuple((name, format_value(fields.get(name, ABSENT))) for name in kept) for alike, fields in flat.items()
    }


def spellings(entry: Entry, key: str) -> tuple[str, ...]:
    """Return a key of a layer by index with the name of that layer, as `flatten` writes keys; other keys as typed."""
    head, _, rest = key.removeprefix("model.").partition(".")
    index, _, field = rest.partition(".")
    layers = config_value(entry.experiment, ["model", "layers"])
    if head != "layers" or not index.isdigit() or layers is ABSENT or int(index) >= len(layers):
        return (key,)
    return key, ".".join(filter(None, ("layers", layer_names(layers)[int(index)], field)))


def is_setting(name: str, keys: Sequence[str]) -> bool:
    """Return whether a field of a config is a setting other than the compared keys, names and seeds."""
    return name not in (*keys, "seed", "name") and f"{name}.type" not in keys and not name.endswith(".name")


def is_varied(
    name: str, flat: Mapping[str, Mapping[str, Any]], groups: Mapping[str, tuple[str, ...]], *, within: bool
) -> bool:
    """Return whether a field differs between experiments; `within`: all have the field, and it differs in a group."""
    if not within:
        return len({str(fields.get(name)) for fields in flat.values()}) > 1
    values: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for alike, fields in flat.items():
        values[groups[alike]].add(str(fields.get(name)))
    return all(name in fields for fields in flat.values()) and any(len(found) > 1 for found in values.values())


def flatten(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a config by their keys, as the keys are written on the command line."""
    plain = comparable(dict(experiment))
    return {name: setting(plain, name.split(".")) for name in setting_names(plain)}
