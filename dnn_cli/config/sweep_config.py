"""Sweeps: many experiments from one config, described on the command line or in a sweep file.

A sweep file has these keys:

- `base`: the base config
- `parameters`: keys and their possible values
- `zip`: keys whose values belong together
- `seeds`: the seeds with which every setting is trained
- `search`: grid, random or bayesian
- `budget`: `trials`, the number of settings to try, and `minutes`, after which no run starts
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

from dnn_cli.config.base import ConfigModel, Seed
from dnn_cli.config.identifiers import Name
from dnn_cli.config.loading import load_experiment, read_config
from dnn_cli.config.overrides import expand_key, partition_override
from dnn_cli.config.sweep_values import (
    SweepValues,
    ValueChoice,
    ValueRange,
    ValuesError,
    format_values_hint,
    from_yaml_value,
    parse_values,
    split_at_commas,
    suggest_values,
)
from dnn_cli.config.yaml_reader import Document, format_key_path, read_yaml
from dnn_cli.config.zipped_values import ZippedValues, from_yaml_mapping, parse_zip_options
from dnn_cli.errors import ConfigError, KeyPath, LocatedIssue, SourceLocation, UsageError, suggest_nearest_name

_SearchType = Literal["grid", "random", "bayesian"]
_SEARCH_TYPES: tuple[_SearchType, ...] = ("grid", "random", "bayesian")
_Trials = Annotated[int, Field(gt=0, le=10_000)]
_Minutes = Annotated[float, Field(gt=0, le=1e6)]


class Budget(ConfigModel):
    """Limits of a sweep: the number of settings to try, and the time."""

    trials: _Trials | None = None
    """Number of settings (values for all keys that vary) that a random or bayesian search tries."""

    minutes: _Minutes | None = None
    """Time in minutes after which no training starts."""


class SearchSettings(ConfigModel):
    """Method by which a sweep chooses settings: values for the keys that vary."""

    type: _SearchType
    seed: Seed = 0
    """Seed of the random choices of the search."""


class SweepFile(ConfigModel):
    """Content of a sweep file: base config, keys that vary with their values, seeds, search and budget.

    A sweep file has `parameters`, `zip` or both.
    """

    base: str
    name: Name | None = None
    parameters: Annotated[dict[str, Any], Len(1, 100)] | None = None
    zip: Annotated[dict[str, Any], Len(2, 100)] | None = None
    seeds: Any = None
    search: _SearchType | SearchSettings | None = None
    budget: Budget = Budget()


@dataclass(frozen=True)
class Sweep:
    """Sweep: experiments from a base config, overrides that apply to all, and keys that vary between them."""

    file: str
    """Path of the base config."""

    name: str | None
    fixed: tuple[str, ...]
    """Overrides that apply to all experiments."""

    parameters: dict[str, SweepValues]
    """Keys that vary, each with its list or range of values."""

    seeds: tuple[str, ...]
    """Seeds with which every setting is trained; empty if only the seed of the base config is used."""

    search: _SearchType
    search_seed: int
    trials: int | None
    minutes: float | None
    locations: dict[str, SourceLocation]
    """Lines and columns of the keys in `parameters` of a sweep file; empty if a sweep has no file."""

    repetitions: int | None = None
    """Number of repetitions of a cross-validation, each with another seed of the split; `None` for one."""

    zipped: ZippedValues | None = None
    """Keys whose values belong together; `None` without such keys."""

    allow_code: bool = False
    """Whether the modules of custom layers may run."""

    @property
    def has_varying_keys(self) -> bool:
        """Whether a key other than the seed varies."""
        return bool(self.parameters) or self.zipped is not None


@dataclass(frozen=True)
class SweepOptions:
    """Options of a sweep on the command line; `None` for an option that is not set."""

    search: str | None = None
    trials: int | None = None
    minutes: float | None = None
    seed: int | None = None
    folds: int | None = None
    repetitions: int | None = None
    zips: tuple[str, ...] = ()
    """Values of `--zip`, such as `batch_size=32,64`."""

    allow_code: bool = False
    """Whether the modules of custom layers may run."""

    subject: Literal["sweep", "study"] = "sweep"
    """Command that reads the sweep. A study chooses settings, trials and seeds itself."""


def read_sweep(file: str, arguments: Sequence[str], options: SweepOptions = SweepOptions()) -> Sweep:
    """Read a sweep from a config or sweep file, arguments and options of the command line.

    Args:
        file: The path of the config or of the sweep file.
        arguments: The overrides `key=values`, `key=value` and `~key`.
        options: The options. They replace values of the file.

    Raises:
        ConfigError: the file has issues, or the values of an argument are invalid.
        UsageError: nothing varies, options and values contradict each other, or a study gets a sweep file.
    """
    document = read_yaml(file)
    if isinstance(document.value, dict) and "base" in document.value:
        if options.subject == "study":
            raise UsageError(
                f"{file} is a sweep file, and a study needs a config",
                "name the base config of the sweep, and write the question as an argument: optimizer=sgd,adam",
            )
        sweep = _parse_sweep_file(file, document)
    else:
        sweep = Sweep(file, None, (), {}, (), "grid", 0, None, None, {})
    if options.folds is not None:
        arguments = [*arguments, f"data.folds={options.folds}"]
    sweep = _apply_arguments(replace(sweep, allow_code=options.allow_code), arguments)
    sweep = replace(sweep, repetitions=options.repetitions)
    sweep = _apply_zip_options(sweep, options.zips, arguments)
    if not sweep.has_varying_keys and len(sweep.seeds) < 2:
        _check_folds_vary(file, sweep.file, arguments, options.subject)
    return _apply_options(sweep, options, searched=isinstance(document.value, dict) and "search" in document.value)


def _check_folds_vary(file: str, base: str, arguments: Sequence[str], subject: str) -> None:
    """Check that a sweep in which every key has a single value is a cross-validation, of which all folds are trained.

    A study needs a key that varies, also with folds.

    If an argument was probably intended as several values, the error names this argument.

    Args:
        file: The path of the config or of the sweep file, as on the command line.
        base: The path of the base config.
        arguments: The overrides on the command line.
        subject: The command: `sweep` or `study`.

    Raises:
        ConfigError: the base config or the value of an argument is invalid, such as `seed=1..x`.
        UsageError: nothing varies.
    """
    for argument in arguments:
        key, _, text = partition_override(argument)
        if values := suggest_values(key, text, alone=True):
            raise UsageError(
                f"nothing varies in this {subject}: {argument} is one value", format_values_hint(key, values)
            )
    data = load_experiment(base, arguments).experiment.data
    if subject == "sweep" and data.folds is not None and data.fold is None:
        return
    # A study adds the key of the halves itself, and refuses the key on the command line.
    left_out = ("optimizer", "data.reporting_half") if subject == "study" else ("optimizer",)
    other_arguments = [argument for argument in arguments if not argument.removeprefix("~").startswith(left_out)]
    example = shlex.join(["dnn", subject, file, *other_arguments, "optimizer=sgd,adam"])
    raise UsageError(f"nothing varies in this {subject}", f"for example: {example}")


def _parse_sweep_file(file: str, document: Document) -> Sweep:
    """Return the sweep that a sweep file describes.

    Raises:
        ConfigError: the file has issues, or the base config does not exist.
    """
    issues = [issue for _, issue in document.issues]
    try:
        sweep_file = SweepFile.model_validate(document.value)
    except ValidationError as error:
        issues += [_locate_sweep_file_issue(detail, document) for detail in error.errors(include_url=False)]
        # Each class of a union reports the same issue.
        raise ConfigError(dict.fromkeys(issues)) from None
    varied: dict[str, SweepValues] = {}
    parameters = sweep_file.parameters or {}
    if not parameters and not sweep_file.zip:
        issues.append(
            LocatedIssue(
                document.find_location(("parameters",)),
                "parameters",
                "is missing",
                "for example parameters: {optimizer: [sgd, adam]}",
            )
        )
    typed_keys = {expand_key(key): key for key in parameters}
    values_by_key = {
        **{expand_key(key): value for key, value in parameters.items()},
        **({} if sweep_file.seeds is None else {"seed": sweep_file.seeds}),
    }
    if sweep_file.seeds is not None and "seed" in parameters:
        issues.append(
            LocatedIssue(
                document.find_location(("parameters", "seed")),
                "parameters.seed",
                "is also set by seeds",
                "keep one of the two",
            )
        )
    for key, value in values_by_key.items():
        path: KeyPath = (
            ("seeds",) if key == "seed" and sweep_file.seeds is not None else ("parameters", typed_keys[key])
        )
        if isinstance(value, str) and (suggested_values := suggest_values(key, value, alone=True)):
            issues.append(
                LocatedIssue(
                    document.find_location(path),
                    format_key_path(path),
                    f"{value} is one value",
                    f"write {suggested_values}",
                )
            )
            continue
        try:
            varied[key] = from_yaml_value(value)
        except ValuesError as error:
            issues.append(LocatedIssue(document.find_location(path), format_key_path(path), str(error)))
    zipped = None
    try:
        zipped = from_yaml_mapping(sweep_file.zip or {})
    except ValuesError as error:
        issues.append(LocatedIssue(document.find_location(("zip",)), "zip", str(error)))
    for key in sweep_file.zip or {}:
        if expand_key(key) in values_by_key and key != "seed":
            issues.append(
                LocatedIssue(document.find_location(("zip", key)), f"zip.{key}", "is also a key of parameters")
            )
    if issues:
        raise ConfigError(issues)
    locations = {
        expand_key(key): document.find_location((part, key))
        for part, keys in (("parameters", parameters), ("zip", sweep_file.zip or {}))
        for key in keys
    }
    base = os.path.join(os.path.dirname(file), sweep_file.base)
    if not os.path.exists(base):
        raise ConfigError(
            [
                LocatedIssue(
                    document.find_location(("base",)),
                    "base",
                    f"{base} does not exist",
                    "write a path relative to this file",
                )
            ]
        )
    search = (
        SearchSettings(type=sweep_file.search)
        if isinstance(sweep_file.search, str)
        else sweep_file.search or SearchSettings(type="grid")
    )
    sweep = Sweep(
        base,
        sweep_file.name,
        (),
        {},
        (),
        search.type,
        search.seed,
        sweep_file.budget.trials,
        sweep_file.budget.minutes,
        locations,
        zipped=zipped,
    )
    return _add_varied_values(sweep, varied)


def _locate_sweep_file_issue(detail: Any, document: Document) -> LocatedIssue:
    """Return an error from pydantic as an issue with its location in the sweep file."""
    path = tuple(
        step for step in detail["loc"] if step not in ("SearchSettings", "literal['grid','random','bayesian']")
    )
    fields = Budget.model_fields if path[0] == "budget" else SweepFile.model_fields
    message, suggestion = detail["msg"].removeprefix("Value error, "), ""
    if detail["type"] == "extra_forbidden":
        message, suggestion = (
            "is not a key of a sweep",
            suggest_nearest_name(str(path[-1]), fields) or f"the keys are {', '.join(fields)}",
        )
    elif detail["type"] == "missing":
        message, suggestion = (
            "is missing",
            "",
        )
    elif path == ("zip",) and detail["type"] == "too_short":
        message = "needs two keys or more, with equally many values"
    elif path[0] == "search":
        message, suggestion = "is not a search method", f"use one of {', '.join(_SEARCH_TYPES)}"
    return LocatedIssue(document.find_location(path), format_key_path(path), message, suggestion)


def _apply_arguments(sweep: Sweep, arguments: Sequence[str]) -> Sweep:
    """Return a sweep with the arguments of the command line, which replace values of a sweep file.

    A key with several values varies. A key with one value is fixed, except `seed`.

    Raises:
        ConfigError: the values of an argument are invalid, or two arguments have the same key.
        UsageError: an argument is a single value that was probably intended as several values.
    """
    issues, fixed, varied = [], list(sweep.fixed), {}
    typed: dict[str, list[str]] = {}
    for argument in arguments:
        key, equals, text = partition_override(argument)
        key = expand_key(key)
        if equals and (suggested_values := suggest_values(key, text)):
            raise UsageError(f"{argument} is one value", format_values_hint(key, suggested_values))
        try:
            values = parse_values(text) if equals else None
        except ValuesError as error:
            issues.append(LocatedIssue(SourceLocation(argument), key, str(error)))
            continue
        if equals:
            typed.setdefault(key, []).append(text)
        if len(typed.get(key, ())) > 1:
            issues = [issue for issue in issues if issue.key != key]
            issues.append(
                LocatedIssue(SourceLocation(argument), key, "is set twice", _suggest_single_argument(key, typed[key]))
            )
        elif values is None or (isinstance(values, ValueChoice) and len(values.texts) == 1 and key != "seed"):
            fixed.append(argument)
        else:
            varied[key] = values
    if issues:
        raise ConfigError(issues)
    given_keys = {expand_key(partition_override(argument)[0]) for argument in arguments}
    kept_parameters = {key: values for key, values in sweep.parameters.items() if key not in given_keys}
    zipped = sweep.zipped and sweep.zipped.remove_keys(given_keys)
    return _add_varied_values(replace(sweep, fixed=tuple(fixed), parameters=kept_parameters, zipped=zipped), varied)


def _apply_zip_options(sweep: Sweep, zips: Sequence[str], arguments: Sequence[str]) -> Sweep:
    """Return a sweep with the zipped values of `--zip`, which replace the key `zip` and parameters of a sweep file.

    Raises:
        UsageError: the options are invalid, or an argument has a zipped key.
    """
    zipped = parse_zip_options(zips)
    if zipped is None:
        return sweep
    for argument in arguments:
        if expand_key(partition_override(argument)[0]) in zipped.keys:
            raise UsageError(f"{argument} is also set by --zip", f"remove {argument}, or the option --zip of this key")
    parameters = {key: values for key, values in sweep.parameters.items() if key not in zipped.keys}
    return replace(sweep, parameters=parameters, zipped=zipped)


def _suggest_single_argument(key: str, texts: Sequence[str]) -> str:
    """Return a suggestion that combines several arguments with the same key into one: `write seed=1,2`.

    Args:
        key: The key of the arguments.
        texts: The texts after `=` of the arguments.
    """
    if any(isinstance(parse_values(text), ValueRange) for text in texts):
        return f"write {key}=… once"
    values = ",".join(dict.fromkeys(value.strip() for text in texts for value in split_at_commas(text)))
    return f"write {shlex.quote(f'{key}={values}') if set(' {[') & set(values) else f'{key}={values}'}"


def _add_varied_values(sweep: Sweep, varied: dict[str, SweepValues]) -> Sweep:
    """Return a sweep with additional keys that vary. Values of `seed` become the seeds of the sweep.

    Raises:
        UsageError: seeds would be drawn at random, as with `seed=int(1, 9)`. Seeds must be listed: `seed=1..9`.
    """
    seeds = varied.pop("seed", None)
    if isinstance(seeds, ValueRange):
        raise UsageError("seeds cannot be drawn from a range", "list the seeds, for example seed=1..5")
    return replace(sweep, parameters={**sweep.parameters, **varied}, seeds=seeds.texts if seeds else sweep.seeds)


def _apply_options(sweep: Sweep, options: SweepOptions, *, searched: bool) -> Sweep:
    """Return a sweep whose search, trials, minutes and seed come from the options that are set.

    Args:
        sweep: The sweep that the file and the arguments describe.
        options: The options.
        searched: Whether the sweep file has the key `search`.

    Raises:
        UsageError: options and values contradict each other, or an option is missing.
    """
    if options.subject == "study":
        return sweep
    drawn = [key for key, values in sweep.parameters.items() if isinstance(values, ValueRange)]
    search = options.search or (sweep.search if searched or not drawn else "random")
    if search not in _SEARCH_TYPES:
        raise UsageError(
            f"{search} is not a search method",
            suggest_nearest_name(search, _SEARCH_TYPES) or f"use one of {', '.join(_SEARCH_TYPES)}",
        )
    trials = options.trials or sweep.trials
    if search == "grid" and drawn:
        raise UsageError(
            f"a grid search cannot draw from {drawn[0]}={sweep.parameters[drawn[0]]}", "use --search random --trials 30"
        )
    if search == "grid" and trials:
        raise UsageError(
            "a grid search tries every setting and does not accept --trials", "use --search random to try some settings"
        )
    if search != "grid" and not sweep.has_varying_keys:
        raise UsageError(f"a {search} search needs a key that varies, but only seeds vary", "remove --search")
    if search != "grid" and not trials:
        raise UsageError(f"a {search} search needs the number of settings to try", "for example --trials 30")
    return replace(
        sweep,
        search=search,
        trials=trials,
        minutes=sweep.minutes if options.minutes is None else options.minutes,
        search_seed=sweep.search_seed if options.seed is None else options.seed,
    )


def compute_sweep_id(sweep: Sweep) -> str:
    """Return the id of a sweep: eight hex digits from its base config, its overrides and the names of varying keys.

    Additional values, seeds or trials do not change the id.
    """
    identity = [read_config(sweep.file).value, sorted(sweep.fixed), sorted(sweep.parameters)]
    # Ids of sweeps without zipped keys stay those of earlier versions.
    identity += [sorted(sweep.zipped.keys)] if sweep.zipped else []
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:8]


def build_overrides(sweep: Sweep, setting: dict[str, str]) -> tuple[str, ...]:
    """Return the overrides that turn the base config into the experiment of one setting.

    Overrides of whole parts come first, because they would replace keys within the parts. Then come overrides of keys
    within parts, and last removals.

    Args:
        sweep: The sweep.
        setting: The value, as text, of each key that varies.
    """

    def build_sort_key(override: str) -> tuple[bool, int]:
        key = partition_override(override)[0]
        return override.startswith("~"), key.count(".") + key.startswith("layers.")

    return tuple(sorted([*sweep.fixed, *(f"{key}={text}" for key, text in setting.items())], key=build_sort_key))
