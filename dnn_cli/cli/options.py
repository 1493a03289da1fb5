"""Options and arguments of several commands, and their conversion into configs, overrides and experiments."""

import os
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import (
    complete_condition,
    complete_configs,
    complete_metrics,
    complete_points,
    complete_runs,
)
from dnn_cli.errors import ConfigError, LocatedIssue, UsageError, suggest_nearest_name
from dnn_cli.runs.runs_directory import RUNS_DIR_VARIABLE

if TYPE_CHECKING:
    from dnn_cli.config.loading import LoadedExperiment


class HeldOutSplit(str, Enum):
    """Value of `--split`: the examples of the data on which saved models are scored."""

    test = "test"
    validation = "validation"


RunsDirOption = Annotated[
    Path,
    typer.Option(
        "--runs-dir", metavar="DIRECTORY", envvar=RUNS_DIR_VARIABLE, help="Directory of runs.", file_okay=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ForceOption = Annotated[
    bool,
    typer.Option("--force", help="Continue although config, data or versions changed; run.json records the changes."),
]
TensorboardOption = Annotated[
    bool, typer.Option("--tensorboard", help="Write a TensorBoard log into the run directory.")
]
AllowCodeOption = Annotated[
    bool,
    typer.Option("--allow-code", help="Run the modules of custom layers, such as type: mylayers:Scale. Trust them."),
]
ConfigArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="CONFIG|KEY=VALUE",
        autocompletion=complete_configs,
        help="Config files, then overrides, for example epochs=10.",
    ),
]

RunsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN",
        autocompletion=complete_runs,
        help="Runs by id, name, directory, @1, best:METRIC, sweep:ID or study:ID. Default: all runs.",
    ),
]
CompletedRunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        autocompletion=complete_runs,
        help="A completed run by id, name, directory, @1 or best:METRIC.",
    ),
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        autocompletion=complete_condition,
        help="Use only runs that fulfil a condition, as in dnn runs --where.",
    ),
]
BaselineOption = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="GROUP",
        autocompletion=complete_runs,
        help="Group to compare with, by name or run id. Default: the best group.",
    ),
]
PointOption = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="POINT",
        autocompletion=complete_points,
        help="Point to compare at: final, best, area, epoch=N, steps=N, seconds=S, reach=SCORE.",
    ),
]
ComparedMetricOption = Annotated[
    str | None,
    typer.Option(
        "--metric",
        metavar="METRIC",
        autocompletion=complete_metrics,
        help="Metric to compare, for example val_loss. Default: the metric that most runs monitor.",
    ),
]

NAME_KINDS = (
    "layers",
    "optimizers",
    "schedules",
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "callbacks",
    "datasets",
)
"""Kinds of names that configs can use: the values of the argument of `dnn list`."""


def check_by_keys(keys: Sequence[str], max_keys: int | None = None, option: str = "--by") -> None:
    """Check that each `--by` has a single key, and that there are at most `max_keys` keys.

    Args:
        keys: The values of the option.
        max_keys: The largest number of keys; `None` is unlimited.
        option: The name of the option.

    Raises:
        UsageError: there are more than `max_keys` keys, or one option has several keys with commas.
    """
    single_keys = [part.strip() for key in keys for part in key.split(",") if part.strip()]
    if max_keys is not None and len(single_keys) > max_keys:
        raise UsageError(f"{option} accepts one key, or two keys for a matrix", "use at most two keys")
    if any("," in key for key in keys):
        raise UsageError(
            f"each {option} accepts one key", f"write {' '.join(f'{option} {key}' for key in single_keys)}"
        )


def split_configs_and_overrides(
    arguments: Sequence[str], example: str = "dnn train configs/relu_adam.yaml epochs=3"
) -> tuple[list[str], list[str]]:
    """Split the arguments of a command into config files and overrides, and return both.

    Args:
        arguments: The words of the command line.
        example: A valid command, for the hint of an error.

    Raises:
        UsageError: no config file is named, or a config file does not exist.
    """
    from dnn_cli.config.overrides import expand_override_key

    overrides = [expand_override_key(word) for word in arguments if is_override(word)]
    configs = [word for word in arguments if not is_override(word)]
    if not configs:
        raise UsageError("no config is named", f"for example: {example}")
    for config in configs:
        if not os.path.exists(config):
            raise UsageError(
                f"{config} does not exist",
                suggest_similar_file(config) or "check the path, or write an override as KEY=VALUE",
            )
    return configs, overrides


def is_override(word: str) -> bool:
    """Return whether a word of a command line is an override: `KEY=VALUE` or `~KEY`.

    Two kinds of words are not overrides although they may contain `=`: run addresses with a prefix, such as
    `best:val_loss`, and existing files.
    """
    from dnn_cli.runs.address_prefixes import ADDRESS_PREFIXES

    if word.startswith(ADDRESS_PREFIXES):
        return False
    return word.startswith("~") or ("=" in word and not os.path.exists(word))


def suggest_similar_file(name: str) -> str:
    """Return `did you mean …?` with a similar YAML file of the same directory or of configs/, or an empty text."""
    directories = [Path(name).parent, Path("configs")]
    try:
        config_files = [
            str(path) for directory in directories if directory.is_dir() for path in directory.glob("*.y*ml")
        ]
    except OSError:
        return ""
    same_stem = [path for path in config_files if Path(path).stem == Path(name).stem]
    return f"did you mean {same_stem[0]}?" if same_stem else suggest_nearest_name(name, config_files)


def get_code_directory(*, allow: bool) -> str | None:
    """Return the directory in which modules of custom layers are searched first; `None` without `--allow-code`."""
    return os.getcwd() if allow else None


def load_configs(
    configs: Sequence[str], overrides: Sequence[str], *, to_train: bool = False, allow_code: bool | None = None
) -> list["LoadedExperiment"]:
    """Return the experiments of config files. With `to_train`, also check that this machine can train them.

    Args:
        configs: The paths of the config files.
        overrides: The overrides, which apply to each config.
        to_train: Whether this machine must be able to train the experiments.
        allow_code: Whether the modules of custom layers may run; `None` for a command that runs no code.

    Raises:
        ConfigError: a config has issues; the error has the issues of all files.
    """
    from dnn_cli.config.loading import load_experiment

    loaded: list[LoadedExperiment] = []
    issues: list[LocatedIssue] = []
    for config in configs:
        try:
            loaded.append(load_experiment(config, overrides, to_train=to_train, allow_code=allow_code))
        except ConfigError as error:
            issues += error.issues
    if issues:
        raise ConfigError(dict.fromkeys(issues))
    return loaded
