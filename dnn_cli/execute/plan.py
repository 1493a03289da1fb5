"""A sweep → the experiments to train, every one of them valid before anything is trained."""

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dnn_cli.errors import ConfigError, Fault, UsageError
from dnn_cli.spec.load import Loaded, complete, read_base
from dnn_cli.spec.own_data import asked_once
from dnn_cli.spec.sweep import Sweep, overrides_of
from dnn_cli.spec.values import Between
from dnn_cli.spec.yaml_file import MAX_FAULTS, Document
from dnn_cli.training.resume import outcome_key

MOST_RUNS = 10_000
TRIED_ENDS = 1_000
"""So many combinations of the ends of what is drawn are looked at."""

Setting = dict[str, str]
"""What a sweep varies: key → value, as it would be typed."""


@dataclass(frozen=True)
class Planned:
    """One experiment of a sweep."""

    trial: int
    """Which setting it tries, from 0."""

    setting: Setting
    """What sets it apart from others: the setting and, where there are several, the seed."""

    loaded: Loaded
    key: str
    """A digest that equal experiments have."""


class Planner:
    """Makes experiments of settings, each with all seeds."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.base = read_base(sweep.file)

    def experiments(self, trial: int, setting: Setting) -> list[Planned]:
        """A setting with every seed.

        Raises:
            ConfigError: they are not valid, or not for this machine.
        """
        settings = [{**setting, "seed": seed} for seed in self.sweep.seeds] or [setting]
        return [self.experiment(trial, one) for one in settings]

    def experiment(self, trial: int, setting: Setting) -> Planned:
        """An experiment that is valid."""
        overrides = overrides_of(self.sweep, setting)
        base = self.base
        if self.sweep.name is not None:
            base = Document({**base.value, "name": self.sweep.name}, base.places, base.faults)
        loaded = complete(base, self.sweep.file, overrides, to_train=True)
        return Planned(trial, setting, loaded, outcome_key(loaded.experiment))


def plan(sweep: Sweep) -> list[Planned]:
    """Every experiment of a grid or of what is drawn at random, once.

    Raises:
        ConfigError: any of them is not valid; with the faults of all.
        UsageError: there are too many.
    """
    planner = Planner(sweep)
    runs = math.prod([len(values.ends) for values in sweep.parameters.values()]) if sweep.search == "grid" else 0
    runs = (runs or sweep.trials or 1) * max(1, len(sweep.seeds))
    if runs > MOST_RUNS:
        raise UsageError(f"these are {runs:,} runs, and {MOST_RUNS:,} are the most", "--search random tries some")
    settings = grid(sweep) if sweep.search == "grid" else draw(sweep)
    found: dict[str, Planned] = {}
    for one in valid(planner, list(settings)):
        found.setdefault(one.key, one)
    return list(found.values())


def check_ends(sweep: Sweep) -> list[Planned]:
    """Experiments at the ends of a space from which settings are chosen later.

    Raises:
        ConfigError: one is not valid; with the faults of all.
    """
    return valid(Planner(replace(sweep, seeds=sweep.seeds[:1])), list(itertools.islice(grid(sweep), TRIED_ENDS)))


def valid(planner: Planner, settings: Sequence[Setting]) -> list[Planned]:
    """The experiments of settings.

    Raises:
        ConfigError: with all that is wrong with any of them, each fault once.
    """
    found: list[Planned] = []
    faults: dict[Fault, None] = {}
    with asked_once():
        for number, setting in enumerate(settings):
            try:
                found += planner.experiments(number, setting)
            except ConfigError as error:
                faults.update(dict.fromkeys(in_file(fault, planner.sweep) for fault in error.faults))
    if faults:
        raise ConfigError(list(faults)[:MAX_FAULTS])
    return found


def in_file(fault: Fault, sweep: Sweep) -> Fault:
    """A fault of a value that stands in a sweep file, at its place there."""
    place = sweep.places.get(fault.place.source.partition("=")[0]) if fault.place.line is None else None
    return replace(fault, place=place) if place else fault


def grid(sweep: Sweep) -> Iterator[Setting]:
    """Every combination of values, and of the ends of what is drawn; the last key varies fastest."""
    for combination in itertools.product(*(values.ends for values in sweep.parameters.values())):
        yield dict(zip(sweep.parameters, combination, strict=True))


def draw(sweep: Sweep) -> Iterator[Setting]:
    """Settings drawn at random, none twice; fewer than wanted only where there are no more.

    The n-th is a function of the search's seed, its number and its keys: more trials begin with the same ones.
    """
    finite = not any(isinstance(values, Between) for values in sweep.parameters.values())
    if finite and math.prod([len(values.ends) for values in sweep.parameters.values()]) <= (sweep.trials or 0):
        yield from grid(sweep)
        return
    seen: set[tuple[str, ...]] = set()
    for number in itertools.count():
        if len(seen) == sweep.trials or number > 100 * (sweep.trials or 1):
            return
        setting = {
            key: values.at(random.Random(f"{sweep.search_seed}/{number}/{key}").random())  # noqa: S311 - no secret
            for key, values in sweep.parameters.items()
        }
        if tuple(setting.values()) not in seen:
            seen.add(tuple(setting.values()))
            yield setting
