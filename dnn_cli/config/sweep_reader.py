"""Reading of a sweep from a config or a sweep file, arguments and options of the command line."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from dnn_cli.config.loading import load_experiment
from dnn_cli.config.overrides import expand_key, partition_override
from dnn_cli.config.sweep_file import parse_sweep_file
from dnn_cli.config.sweep_values import (
    ValueChoice,
    ValueRange,
    ValuesError,
    format_values_hint,
    parse_values,
    split_at_commas,
    suggest_values,
)
from dnn_cli.config.sweeps import SEARCH_TYPES, Sweep, add_varied_values
from dnn_cli.config.yaml_reader import read_yaml
from dnn_cli.config.zipped_values import parse_zip_options
from dnn_cli.errors import ConfigError, LocatedIssue, SourceLocation, UsageError, suggest_nearest_name


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
        sweep = parse_sweep_file(file, document)
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
    return add_varied_values(replace(sweep, fixed=tuple(fixed), parameters=kept_parameters, zipped=zipped), varied)


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
    if search not in SEARCH_TYPES:
        raise UsageError(
            f"{search} is not a search method",
            suggest_nearest_name(search, SEARCH_TYPES) or f"use one of {', '.join(SEARCH_TYPES)}",
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
