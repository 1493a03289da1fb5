"""`Sweep`: which experiments are to be trained beside each other, said on the command line or in a file.

A file has a `base` config, `parameters` (keys of it and what each may be), `seeds` with which every setting is
trained, a `search` (grid, random or bayesian) and a `budget` (trials: settings to try; minutes: when to begin no more).
"""

import hashlib
import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from annotated_types import Len
from pydantic import Field, ValidationError

from dnn_cli.errors import ConfigError, Fault, Place, UsageError, nearest
from dnn_cli.spec.base import Part, Seed
from dnn_cli.spec.load import read_base
from dnn_cli.spec.names import Name
from dnn_cli.spec.overrides import full_key
from dnn_cli.spec.single_values import explain_values, suggest_values
from dnn_cli.spec.values import Between, Choice, NoValues, Values, pieces, read_values, values_of
from dnn_cli.spec.yaml_file import Document, KeyPath, key_text, read_yaml

Kind = Literal["grid", "random", "bayesian"]
KINDS: tuple[Kind, ...] = ("grid", "random", "bayesian")
Trials = Annotated[int, Field(gt=0, le=10_000)]
Minutes = Annotated[float, Field(gt=0, le=1e6)]


class Budget(Part):
    """How much may be tried."""

    trials: Trials | None = None
    """Settings to try, where they are drawn."""

    minutes: Minutes | None = None
    """After this time no training is begun."""


class Search(Part):
    """How settings are found."""

    type: Kind
    seed: Seed = 0
    """Decides what is drawn."""


class SweepFile(Part):
    """What a sweep file says."""

    base: str
    name: Name | None = None
    parameters: Annotated[dict[str, Any], Len(1, 100)]
    seeds: Any = None
    search: Kind | Search | None = None
    budget: Budget = Budget()


@dataclass(frozen=True)
class Sweep:
    """A base config, what is changed in it, and what varies."""

    file: str
    """The base config."""

    name: str | None
    fixed: tuple[str, ...]
    """Overrides that all experiments have."""

    parameters: dict[str, Values]
    """What varies: key → values."""

    seeds: tuple[str, ...]
    """None where the base's own is all."""

    search: Kind
    search_seed: int
    trials: int | None
    minutes: float | None
    places: dict[str, Place]
    """Where a key was given its values, if in a file."""


@dataclass(frozen=True)
class Wishes:
    """What options of the command line say, where they say anything."""

    search: str | None = None
    trials: int | None = None
    minutes: float | None = None
    seed: int | None = None


def read_sweep(file: str, words: Sequence[str], wishes: Wishes = Wishes()) -> Sweep:
    """The sweep that a config or a sweep file, `key=values` and options describe.

    Raises:
        ConfigError: a file has faults, or a word stands for no values.
        UsageError: what is said does not go together.
    """
    document = read_yaml(file)
    if isinstance(document.value, dict) and "base" in document.value:
        sweep = from_file(file, document)
    else:
        sweep = Sweep(file, None, (), {}, (), "grid", 0, None, None, {})
    sweep = with_words(sweep, words)
    if not sweep.parameters and len(sweep.seeds) < 2:
        raise nothing_varies(file, words)
    return with_wishes(sweep, wishes, searched=isinstance(document.value, dict) and "search" in document.value)


def nothing_varies(file: str, words: Sequence[str]) -> UsageError:
    """Return the error of a sweep in which every key has one value, with the word that should probably list several."""
    for word in words:
        key, _, text = word.partition("=")
        if values := suggest_values(key, text, alone=True):
            return UsageError(f"nothing varies in this sweep: {word} is one value", explain_values(key, values))
    kept = [word for word in words if not word.removeprefix("~").startswith("optimizer")]
    example = shlex.join(["dnn", "sweep", file, *kept, "optimizer=sgd,adam"])
    return UsageError("nothing varies in this sweep", f"as in: {example}")


def from_file(file: str, document: Document) -> Sweep:
    """The sweep of a sweep file."""
    faults = [fault for _, fault in document.faults]
    try:
        said = SweepFile.model_validate(document.value)
    except ValidationError as error:
        faults += [fault_of(detail, document) for detail in error.errors(include_url=False)]
        raise ConfigError(dict.fromkeys(faults)) from None  # each arm of a union tells its own
    varied: dict[str, Values] = {}
    wanted = {
        **{full_key(key): value for key, value in said.parameters.items()},
        **({} if said.seeds is None else {"seed": said.seeds}),
    }
    if said.seeds is not None and "seed" in said.parameters:
        faults.append(Fault(document.place(("parameters", "seed")), "parameters.seed", "stands in seeds, too"))
    for key, value in wanted.items():
        path: KeyPath = ("seeds",) if key == "seed" and said.seeds is not None else ("parameters", key)
        if isinstance(value, str) and (better := suggest_values(key, value, alone=True)):
            faults.append(Fault(document.place(path), key_text(path), f"{value} is one value", f"write {better}"))
            continue
        try:
            varied[key] = values_of(value)
        except NoValues as error:
            faults.append(Fault(document.place(path), key_text(path), str(error)))
    if faults:
        raise ConfigError(faults)
    places = {full_key(key): document.place(("parameters", key)) for key in said.parameters}
    base = os.path.join(os.path.dirname(file), said.base)
    if not os.path.exists(base):
        raise ConfigError([Fault(document.place(("base",)), "base", f"there is no {base}", "relative to this file")])
    search = Search(type=said.search) if isinstance(said.search, str) else said.search or Search(type="grid")
    sweep = Sweep(
        base, said.name, (), {}, (), search.type, search.seed, said.budget.trials, said.budget.minutes, places
    )
    return varying(sweep, varied)


def fault_of(detail: Any, document: Document) -> Fault:
    """A fault of a sweep file, at its place."""
    path = tuple(step for step in detail["loc"] if step not in ("Search", "literal['grid','random','bayesian']"))
    known = Budget.model_fields if path[0] == "budget" else SweepFile.model_fields
    message, suggestion = detail["msg"].removeprefix("Value error, "), ""
    if detail["type"] == "extra_forbidden":
        message, suggestion = "is no key of a sweep", nearest(str(path[-1]), known) or f"keys are {', '.join(known)}"
    elif detail["type"] == "missing":
        message, suggestion = "is missing", "parameters: {optimizer: [sgd, adam]}" if path == ("parameters",) else ""
    elif path[0] == "search":
        message, suggestion = "is no way to search", f"one of {', '.join(KINDS)}"
    return Fault(document.place(path), key_text(path), message, suggestion)


def with_words(sweep: Sweep, words: Sequence[str]) -> Sweep:
    """A sweep with what is typed: several values vary, one is fixed; what a file says of the same key gives way."""
    faults, fixed, varied = [], list(sweep.fixed), {}
    typed: dict[str, list[str]] = {}
    for word in words:
        key, equals, text = word.partition("=")
        key = full_key(key)
        if equals and (better := suggest_values(key, text)):
            raise UsageError(f"{word} is one value", explain_values(key, better))
        try:
            values = read_values(text) if equals else None
        except NoValues as error:
            faults.append(Fault(Place(word), key, str(error)))
            continue
        if equals:
            typed.setdefault(key, []).append(text)
        if len(typed.get(key, ())) > 1:
            faults = [fault for fault in faults if fault.key != key]
            faults.append(Fault(Place(word), key, "is given values twice", suggest_one_word(key, typed[key])))
        elif values is None or (isinstance(values, Choice) and len(values.texts) == 1 and key != "seed"):
            fixed.append(word)
        else:
            varied[key] = values
    if faults:
        raise ConfigError(faults)
    given = {full_key(word.partition("=")[0]) for word in words}
    kept = {key: values for key, values in sweep.parameters.items() if key not in given}
    return varying(replace(sweep, fixed=tuple(fixed), parameters=kept), varied)


def suggest_one_word(key: str, texts: Sequence[str]) -> str:
    """Return how the values of several words of one key are written in one word."""
    if any(isinstance(read_values(text), Between) for text in texts):
        return f"write {key}=… once"
    values = ",".join(dict.fromkeys(value.strip() for text in texts for value in pieces(text)))
    return f"write {shlex.quote(f'{key}={values}') if set(' {[') & set(values) else f'{key}={values}'}"


def varying(sweep: Sweep, varied: dict[str, Values]) -> Sweep:
    """A sweep in which more varies; seeds stand apart."""
    seeds = varied.pop("seed", None)
    if isinstance(seeds, Between):
        raise UsageError("seeds are counted, not drawn", "seed=1..5")
    return replace(sweep, parameters={**sweep.parameters, **varied}, seeds=seeds.texts if seeds else sweep.seeds)


def with_wishes(sweep: Sweep, wishes: Wishes, *, searched: bool) -> Sweep:
    """A sweep with what the options say.

    Raises:
        UsageError: they and the values do not go together.
    """
    drawn = [key for key, values in sweep.parameters.items() if isinstance(values, Between)]
    search = wishes.search or (sweep.search if searched or not drawn else "random")
    if search not in KINDS:
        raise UsageError(f"there is no search {search}", nearest(search, KINDS) or f"one of {', '.join(KINDS)}")
    trials = wishes.trials or sweep.trials
    if search == "grid" and drawn:
        raise UsageError(f"a grid cannot have {drawn[0]}={sweep.parameters[drawn[0]]}", "--search random --trials 30")
    if search == "grid" and trials:
        raise UsageError("a grid tries every setting, whatever --trials says", "--search random tries some")
    if search != "grid" and not sweep.parameters:
        raise UsageError(f"a {search} search needs something to draw, and only seeds vary", "leave --search away")
    if search != "grid" and not trials:
        raise UsageError(f"a {search} search needs the number of settings to try", "--trials 30")
    return replace(
        sweep,
        search=search,
        trials=trials,
        minutes=sweep.minutes if wishes.minutes is None else wishes.minutes,
        search_seed=sweep.search_seed if wishes.seed is None else wishes.seed,
    )


def sweep_id(sweep: Sweep) -> str:
    """Eight hex digits that stay the same when values, seeds or trials are added: of the base and what varies."""
    facts = [read_base(sweep.file).value, sorted(sweep.fixed), sorted(sweep.parameters)]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:8]


def overrides_of(sweep: Sweep, setting: dict[str, str]) -> tuple[str, ...]:
    """What makes an experiment of the base: whole parts first, then what is in them, removals last."""

    def depth(word: str) -> tuple[bool, int]:
        key = word.partition("=")[0]
        return word.startswith("~"), key.count(".") + key.startswith("layers.")

    return tuple(sorted([*sweep.fixed, *(f"{key}={text}" for key, text in setting.items())], key=depth))
