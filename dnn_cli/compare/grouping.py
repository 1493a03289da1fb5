"""Rows → groups: of equal experiments that differ in their seed, or of all that agree in some keys."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from dnn_cli.compare.rows import Row
from dnn_cli.compare.statistics import spread
from dnn_cli.runs.fields import ABSENT, check_known, getter, setting, setting_names
from dnn_cli.spec.catalog import short

Cell = tuple[str, int]
"""All that is not compared, as text, and a seed."""


@dataclass(frozen=True)
class Group:
    """Runs that are taken together."""

    name: str
    settings: dict[str, str]
    """What sets it apart from the other groups."""

    rows: tuple[Row, ...]
    cells: Mapping[Cell, float]
    """The score of every setting and seed; the mean where one was trained several times."""

    @property
    def seeds(self) -> list[int]:
        return sorted({seed for _, seed in self.cells})

    @cached_property
    def by_seed(self) -> dict[int, float]:
        """The mean over the settings of every seed."""
        return means_by_seed(self.cells)

    @cached_property
    def mean(self) -> float:
        """The mean over the seeds; equal seeds count once."""
        return fmean(self.by_seed.values())

    @cached_property
    def spread(self) -> float | None:
        """The standard deviation over the seeds; `None` of a single one."""
        return spread(list(self.by_seed.values()))

    @property
    def others(self) -> set[str]:
        """The settings of all that is not compared."""
        return {other for other, _ in self.cells}


def means_by_seed(cells: Mapping[Cell, float]) -> dict[int, float]:
    """The mean of the cells of every seed."""
    found: dict[int, list[float]] = defaultdict(list)
    for (_, seed), score in cells.items():
        found[seed].append(score)
    return {seed: fmean(scores) for seed, scores in sorted(found.items())}


def matched(ours: Group, theirs: Group) -> tuple[dict[int, float], dict[int, float]]:
    """The scores of two groups by seed: where both have enough of the same cells, from these alone."""
    common = ours.cells.keys() & theirs.cells.keys()
    seeds = {seed for _, seed in common}
    if seeds and 2 * len(seeds) >= min(len(ours.by_seed), len(theirs.by_seed)):
        left, right = ({cell: group.cells[cell] for cell in common} for group in (ours, theirs))
        return means_by_seed(left), means_by_seed(right)
    return ours.by_seed, theirs.by_seed


def groups_of_experiments(rows: Sequence[Row]) -> list[Group]:
    """Rows whose experiments differ only in their seed and their names, together."""
    members: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        members[row.alike].append(row)
    return [
        Group(
            Counter(row.record.name for row in alike).most_common(1)[0][0],
            {key: value for key, value in alike[0].settings.items() if key != "seed"},
            tuple(alike),
            cells_of([("", row) for row in alike]),
        )
        for alike in members.values()
    ]


def groups_by_key(rows: Sequence[Row], keys: Sequence[str]) -> list[Group]:
    """Rows that agree in the values of some fields, whatever else they differ in.

    Raises:
        UsageError: no run has one of the fields.
    """
    check_known(keys, [row.entry for row in rows])
    others = other_settings(rows, keys)
    gets = [getter(key) for key in keys]
    members: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        members[tuple(text_of(get(row.entry)) for get in gets)].append(row)
    return [
        Group(
            ", ".join(values),
            dict(zip(keys, values, strict=True)),
            tuple(agreeing),
            cells_of([(others[row.alike], row) for row in agreeing]),
        )
        for values, agreeing in members.items()
    ]


def cells_of(placed: Sequence[tuple[str, Row]]) -> dict[Cell, float]:
    """The mean score of every cell."""
    found: dict[Cell, list[float]] = defaultdict(list)
    for other, row in placed:
        found[other, row.seed].append(row.score)
    return {cell: fmean(scores) for cell, scores in found.items()}


def text_of(value: Any) -> str:
    """A value as a group is called by it."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None or value is ABSENT else short(value)


def other_settings(rows: Sequence[Row], keys: Sequence[str]) -> dict[str, str]:
    """For every experiment, as text, all that differs between any and is not one of the keys.

    Where parts of different types are compared (`optimizer.type`), what only some of them have is no setting of
    its own, nor is what they share as long as each has one value of it.
    """
    experiments = {row.alike: row.entry.experiment or {} for row in {row.alike: row for row in rows}.values()}
    flat = {alike: flattened(experiment) for alike, experiment in experiments.items()}
    names = dict.fromkeys(name for fields in flat.values() for name in fields if is_setting(name, keys))
    groups = {row.alike: tuple(text_of(getter(key)(row.entry)) for key in keys) for row in rows}
    parts = tuple(f"{key.removesuffix('.type')}." for key in keys)
    kept = [name for name in names if is_varied(name, flat, groups, within=name.startswith(parts))]
    return {alike: str({name: fields.get(name) for name in kept}) for alike, fields in flat.items()}


def is_setting(name: str, keys: Sequence[str]) -> bool:
    """Whether a field of a config is a setting beside those that are compared, and no name and no seed."""
    return name not in (*keys, "seed", "name") and f"{name}.type" not in keys and not name.endswith(".name")


def is_varied(
    name: str, flat: Mapping[str, Mapping[str, Any]], groups: Mapping[str, tuple[str, ...]], *, within: bool
) -> bool:
    """Whether a field differs between experiments; `within`: it is in all of them, and differs in one group."""
    if not within:
        return len({str(fields.get(name)) for fields in flat.values()}) > 1
    values: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for alike, fields in flat.items():
        values[groups[alike]].add(str(fields.get(name)))
    return all(name in fields for fields in flat.values()) and any(len(found) > 1 for found in values.values())


def flattened(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a config by their keys, as they are written on the command line."""
    return {name: setting(experiment, name.split(".")) for name in setting_names(experiment)}
