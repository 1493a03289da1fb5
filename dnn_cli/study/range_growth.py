"""Growth of ranges: a range whose best trial is near an end gets another decade, and every value gets extra trials.

The Deep Learning Tuning Playbook asks for a wider search space if the best point is near its boundary. Here the rule is
the same for all values of the question, so that the number of trials remains equal.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.search_spaces import SearchSpace, accepts_value
from dnn_cli.config.sweep_values import ValueRange
from dnn_cli.study.unit_points import place_trial

_MAX_GROWTHS = 2
"""Largest number of times that a range of one value of the question grows."""

_EDGE_SHARE = 0.1
"""Share of a range at each end that counts as its edge, on the scale from which the trials are drawn."""

_MIN_DISTANCE, _MAX_DISTANCE = 1e-7, 0.99
"""Ends beyond which ranges of `1-log` do not grow: float32 has no number between 1 − 1e-7 and 1, and 0 is excluded."""

_Setting = Mapping[str, str]
"""Value of each tuned key, as text."""


@dataclass(frozen=True)
class Edge:
    """Edge of a range at which a trial is: the key, and the end of the range as the side of its drawn numbers."""

    key: str
    side: Literal["low", "high"]
    end_value: str
    """Value of the key at this end, as text. With `1-log`, the side `low` has the value closest to 1."""


@dataclass(frozen=True)
class RangeGrowth:
    """Decade that is added to a range at an edge."""

    edge: Edge
    added: ValueRange
    """The added decade alone, from which the extra trials are drawn."""

    grown: ValueRange
    """The whole range with the added decade."""


@dataclass(frozen=True)
class ExtraTrials:
    """Round of extra trials after the growth of one or more ranges."""

    count: int
    """Number of extra trials of every value of the question."""

    growths: Mapping[str, RangeGrowth]
    """Growth by value of the question. Values whose best trial is not at an edge are left out."""


def find_edges(space: SearchSpace, setting: _Setting) -> tuple[Edge, ...]:
    """Return the edges at which a setting is: the outer tenths of the ranges, in the order of the space."""
    edges: list[Edge] = []
    for tuned in space:
        share, (low_value, high_value) = tuned.values.compute_share(setting[tuned.key]), tuned.values.end_values
        if share <= _EDGE_SHARE:
            edges.append(Edge(tuned.key, "low", low_value))
        elif share >= 1 - _EDGE_SHARE:
            edges.append(Edge(tuned.key, "high", high_value))
    return tuple(edges)


def grow_range(values: ValueRange, edge: Edge) -> RangeGrowth | None:
    """Return the growth of a range by a decade at an edge; `None` for a range that does not grow.

    Ranges of `uniform` and `int` do not grow. A range of `1-log` ends at 0.01 and at 1 − 1e-7: its last decade can be
    shorter.
    """
    if not values.is_logarithmic:
        return None
    # Decimal numbers keep 1e-05 / 10 free of further digits.
    low, high = float(Decimal(repr(values.low)) / 10), float(Decimal(repr(values.high)) * 10)
    if values.kind == "1-log":
        low, high = max(low, _MIN_DISTANCE), min(high, _MAX_DISTANCE)
    if edge.side == "low":
        added, grown = replace(values, low=low, high=values.low), replace(values, low=low)
    else:
        added, grown = replace(values, low=values.high, high=high), replace(values, high=high)
    return RangeGrowth(edge, added, grown) if added.low < added.high else None


def _grow_space(space: SearchSpace, growth: RangeGrowth) -> SearchSpace:
    """Return a space whose range has the added decade of a growth."""
    return _replace_range(space, growth.edge.key, growth.grown)


def count_extra_trials(values: ValueRange, trials: int) -> int:
    """Return the number of trials in a decade of a logarithmic range, rounded up.

    Args:
        values: The range before its first growth.
        trials: The number of trials in this range.
    """
    if values.high / values.low < 10:
        # Less than a decade has at most all trials.
        return trials
    # The small number removes the rounding errors of logarithms: 20 trials in four decades are 5, and not 6.
    return max(1, math.ceil(trials / math.log10(values.high / values.low) - 1e-9))


def plan_extra_trials(
    spaces: Mapping[str, SearchSpace],
    experiments: Mapping[str, Experiment],
    best_settings: Mapping[str, _Setting | None],
    trials: int,
    earlier_rounds: Sequence[ExtraTrials] = (),
) -> ExtraTrials | None:
    """Return the next round of extra trials; `None` if no range grows.

    For each value of the question, the first range at an edge grows that can grow and whose added end the experiment
    accepts. The number of extra trials is that of a decade, the largest of the grown ranges, and equal for all values.

    Args:
        spaces: The search space of each value before any growth.
        experiments: The experiment of each value.
        best_settings: The setting of the best trial of each value, earlier rounds included; `None` if all diverged.
        trials: The number of trials of each value without extra trials.
        earlier_rounds: The rounds of extra trials so far.
    """
    growths: dict[str, RangeGrowth] = {}
    counts: list[int] = []
    for value, space in spaces.items():
        setting = best_settings[value]
        if setting is None or sum(value in earlier.growths for earlier in earlier_rounds) >= _MAX_GROWTHS:
            continue
        growth = _find_growth(build_grown_space(value, space, earlier_rounds), experiments[value], setting)
        if growth is not None:
            growths[value] = growth
            counts.append(count_extra_trials(_get_range(space, growth.edge.key), trials))
    return ExtraTrials(max(counts), growths) if counts else None


def _find_growth(space: SearchSpace, experiment: Experiment, setting: _Setting) -> RangeGrowth | None:
    """Return the first growth of a range at whose edge a setting is; `None` if no such range can grow."""
    for edge in find_edges(space, setting):
        growth = grow_range(_get_range(space, edge.key), edge)
        if growth is not None:
            new_end = growth.grown.value_at(0.0 if edge.side == "low" else 1.0)
            if accepts_value(experiment, edge.key, new_end):
                return growth
    return None


def build_grown_space(value: str, space: SearchSpace, rounds: Sequence[ExtraTrials]) -> SearchSpace:
    """Return the search space of a value of the question after several rounds of extra trials.

    Args:
        value: The value of the question.
        space: Its search space before any growth.
        rounds: The rounds of extra trials.
    """
    for extra in rounds:
        if growth := extra.growths.get(value):
            space = _grow_space(space, growth)
    return space


def place_trials(
    value: str, space: SearchSpace, trials: int, rounds: Sequence[ExtraTrials], points: NDArray[np.float64]
) -> list[dict[str, str]]:
    """Return the settings of all trials of a value of the question, in the order of their numbers.

    Extra trials continue the sequence of unit points. They are in the added decade if the range of the value has grown
    in their round, and else in the whole range of the value.

    Args:
        value: The value of the question.
        space: Its search space before any growth.
        trials: The number of trials without extra trials.
        rounds: The rounds of extra trials.
        points: The unit points, an array with a row for each trial and a column for each tuned key.

    Raises:
        ValueError: there are fewer points than trials.
    """
    total = trials + sum(extra.count for extra in rounds)
    if len(points) < total:
        raise ValueError(f"{total} trials need as many unit points, not {len(points)}")
    settings = [place_trial(space, point) for point in points[:trials]]
    for extra in rounds:
        growth = extra.growths.get(value)
        extra_space = _replace_range(space, growth.edge.key, growth.added) if growth else space
        settings += [place_trial(extra_space, point) for point in points[len(settings) :][: extra.count]]
        space = _grow_space(space, growth) if growth else space
    return settings


def _get_range(space: SearchSpace, key: str) -> ValueRange:
    """Return the range of a tuned key."""
    return next(tuned.values for tuned in space if tuned.key == key)


def _replace_range(space: SearchSpace, key: str, values: ValueRange) -> SearchSpace:
    """Return a space with another range of one tuned key."""
    return tuple(replace(tuned, values=values) if tuned.key == key else tuned for tuned in space)
