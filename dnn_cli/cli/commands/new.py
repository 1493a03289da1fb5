"""Command `dnn new`: a first config from options or from answers on a terminal."""

import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from dnn_cli.cli.completers import build_fixed_completer, build_name_completer, complete_own_data_keys
from dnn_cli.cli.console import get_notes_console, get_output_console
from dnn_cli.errors import ConfigError, DnnError, RunError, UsageError, UserDataError, suggest_nearest_name
from dnn_cli.report.text import replace_control_chars
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.config.config_template import TemplateOptions
    from dnn_cli.config.data import Data
    from dnn_cli.formats.dataset_contents import Remark

_T = TypeVar("_T")

_MAX_LISTED_COLUMNS = 10
"""Maximum number of columns that the question about the target lists. These are the last columns."""


def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Path of the new config, for example my_first.yaml.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            autocompletion=complete_own_data_keys,
            help="Keys for your own files, for example data.header=false.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            autocompletion=build_name_completer("dataset"),
            help="A dataset, or path of a CSV, Parquet, .npz or .npy file, or of a directory of images or .npy files.",
        ),
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of a table to predict.")] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK",
            autocompletion=build_fixed_completer("classification", "regression"),
            help="Task of the network: classification or regression.",
        ),
    ] = None,
    ignore: Annotated[
        str | None, typer.Option(metavar="COLUMN,…", help="Columns of a table to ignore, separated by commas.")
    ] = None,
    hidden: Annotated[
        str | None, typer.Option(metavar="N,…", help="Numbers of units of the hidden layers, for example 100,50.")
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=build_name_completer("activation"),
            help="Activation of the hidden layers; see dnn list activations.",
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", autocompletion=build_name_completer("optimizer"), help="Optimizer; see dnn list optimizers."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", min=1, help="Number of epochs.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
) -> None:
    """Write a first config, with comments.

    On a terminal, the command asks for each value that no option sets.
    """
    from dnn_cli.config.config_template import build_config_template
    from dnn_cli.config.loading import load_experiment
    from dnn_cli.data.template_data import describe_left_out
    from dnn_cli.runs.atomic_write import atomic_write

    if file.suffix not in (".yaml", ".yml") or not str(file).isprintable():
        raise UsageError(f"{file} is not a valid path of a config", "for example: dnn new my_first.yaml")
    if file.exists() and not force:
        raise UsageError(f"{file} already exists", "use --force to replace it, or choose another path")
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent} does not exist", "create the directory, or choose another path")
    template_options = _choose_template_options(
        partial(_inspect_named_data, target=target, task=task, ignore=ignore, overrides=overrides or ()),
        data,
        hidden,
        activation,
        optimizer,
        epochs,
    )
    try:
        with atomic_write(file) as temporary:
            temporary.write_text(build_config_template(template_options, str(file)), encoding="utf-8")
            load_experiment(str(temporary))
    except RunError as error:
        raise UsageError(error.message, "choose another path") from None
    except ConfigError as error:
        issues_text = "; ".join(f"{issue.key} {issue.message}" for issue in error.issues)
        hint = next((issue.suggestion for issue in error.issues if issue.suggestion), "choose other values")
        raise UsageError(f"a config with these values cannot be trained: {issues_text}", hint) from None
    print_line(get_output_console(), f"wrote {file}; next: dnn train {shlex.quote(str(file))}")
    left_out = describe_left_out(template_options.ignore_reasons)
    for remark in (*left_out, *template_options.data.info.remarks):
        get_notes_console().print(replace_control_chars(f"data: {remark}"), soft_wrap=True)


def _choose_template_options(
    read_data: "Callable[[str], tuple[Data, list[Remark]]]",
    data: str | None,
    hidden: str | None,
    activation: str | None,
    optimizer: str | None,
    epochs: int | None,
) -> "TemplateOptions":
    """Return the values for the config template: from options, from prompts on a terminal, or defaults.

    An option is `None` if it is missing on the command line.

    Args:
        read_data: A function that returns the data section for the name of a dataset or a path, and the reasons
            for ignored columns.
        data: The option `--data`.
        hidden: The option `--hidden`: numbers of units.
        activation: The option `--activation`.
        optimizer: The option `--optimizer`.
        epochs: The option `--epochs`.
    """
    from dnn_cli.config.config_template import TemplateOptions, get_default_epochs
    from dnn_cli.config.datasets import DATASETS
    from dnn_cli.data.template_data import (
        can_stratify,
        divide_pixels,
        ignore_leaking_columns,
        needs_standardized_targets,
    )

    chosen_data, column_reasons = _ask_for_value(
        data, f"data: {', '.join(DATASETS)}, or the path of your data", "fashion_mnist", read_data
    )
    hidden_units = _ask_for_value(hidden, "units of the hidden layers, for example 100,50", "100", _parse_units)
    activation_name = _ask_for_value(
        activation, "activation, see dnn list activations", "relu", partial(_parse_catalog_name, "activation")
    )
    optimizer_name = _ask_for_value(
        optimizer, "optimizer, see dnn list optimizers", "adam", partial(_parse_catalog_name, "optimizer")
    )
    chosen_data, leak_reasons = ignore_leaking_columns(divide_pixels(chosen_data))
    default_epochs = str(get_default_epochs(chosen_data.info))
    epoch_count = _ask_for_value(
        None if epochs is None else str(epochs), "epochs", default_epochs, partial(_parse_positive_integer, "epochs")
    )
    return TemplateOptions(
        chosen_data,
        hidden_units,
        activation_name,
        optimizer_name,
        epoch_count,
        needs_standardized_targets(chosen_data),
        can_stratify(chosen_data),
        (*column_reasons, *leak_reasons),
    )


def _ask_for_value(option: str | None, question: str, default: str, parse: Callable[[str], _T]) -> _T:
    """Return the parsed value of an option.

    If the option is missing, ask the question on a terminal until the answer can be parsed. Without a terminal, parse
    the default.

    Args:
        option: The text of the option, or `None` if the option is missing.
        question: The question to print.
        default: The text that replaces an empty answer or a missing option.
        parse: A function that parses a text, and raises `DnnError` for an invalid text.
    """
    if option is not None or not sys.stdin.isatty():
        return parse(default if option is None else option)
    while True:
        try:
            return parse(str(typer.prompt(question, default=default, err=True)))
        except DnnError as error:
            message = error.message.replace("\n", "; ")
            get_notes_console().print(
                replace_control_chars(f"{message}  ({error.suggestion})" if error.suggestion else message)
            )


def _inspect_named_data(
    name: str, target: str | None, task: str | None, ignore: str | None, overrides: Sequence[str]
) -> "tuple[Data, list[Remark]]":
    """Inspect a dataset, file or directory. Return the data section of a config, and the reasons for ignored columns.

    The inspection finds the same issues as `dnn check`.

    Args:
        name: The name of a dataset, or a path.
        target: The column of a CSV file to predict.
        task: The task of the network: `classification` or `regression`.
        ignore: The columns of a CSV file to ignore, separated by commas.
        overrides: The overrides of keys of `data`.

    Raises:
        UsageError: the name is unknown, has an unsupported suffix, or does not fit `target` and `task`.
        UserDataError: the data cannot be read or has issues.
    """
    from pydantic import ValidationError

    from dnn_cli.config.data_validation import find_data_issues
    from dnn_cli.config.datasets import DATASETS, DATASETS_BY_KEY
    from dnn_cli.config.named_data import build_named_data
    from dnn_cli.data.template_data import apply_suggested_image_size, choose_columns, list_target_columns

    for override in overrides:
        if override.partition("=")[0].lstrip("~").removeprefix("data.").partition(".")[0] not in DATASETS_BY_KEY:
            raise UsageError(
                f"{override} is not a key for your own files, such as data.header",
                "change other keys in the new config",
            )
    if name not in DATASETS and not os.path.exists(name):
        raise UsageError(
            f"{name} is not a dataset or an existing path",
            suggest_nearest_name(name, DATASETS) or f"use one of {', '.join(DATASETS)}",
        )
    suffixes = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".npz", ".npy")
    if name not in DATASETS and not os.path.isdir(name) and not name.lower().endswith(suffixes):
        raise UsageError(
            f"{name} is not a .csv, .tsv, .parquet, .npz or .npy file or a directory",
            "convert the data to one of these",
        )
    try:
        ignored = ignore.split(",") if ignore else None
        data = build_named_data(name, overrides, target=target, task=task, ignore=ignored)
        if data.target is None and sys.stdin.isatty() and (columns := list_target_columns(data)):
            question = f"column to predict: {', '.join(columns[-_MAX_LISTED_COLUMNS:])}"
            target = _ask_for_value(None, question, columns[-1], partial(_parse_column, columns))
            data = build_named_data(name, overrides, target=target, task=task, ignore=ignored)
        if data.dataset == "image_folder":
            data = apply_suggested_image_size(data)
        data, column_reasons = choose_columns(data)
    except ValidationError as error:
        key = error.errors(include_url=False)[0]["loc"][0]
        hint = "use classification or regression" if key == "task" else "choose another name"
        raise UsageError(f"{task if key == 'task' else name} is not a valid {key} of data", hint) from None
    except UserDataError as error:
        raise UserDataError(error.message, convert_hint_to_options(error.suggestion)) from None
    if issues := [*find_data_issues(data)]:
        raise UserDataError(
            "\n".join(issue.message for issue in issues), convert_hint_to_options(issues[-1].suggestion)
        )
    return data, column_reasons


def convert_hint_to_options(hint: str) -> str:
    """Replace config keys in a hint by options of `dnn new`: `data.ignore=[City]` by `--ignore City`."""
    import yaml

    def format_ignore_option(match: re.Match[str]) -> str:
        names = yaml.safe_load(match[1] or match[2])
        if any("," in str(name) for name in names):
            return match[0]
        return f"--ignore {shlex.quote(','.join(map(str, names)))}"

    hint = re.sub(r"'data\.ignore=(\[.*\])'|data\.ignore=(\[.*\])", format_ignore_option, hint)
    hint = re.sub(r"\bset data\.target=(\w+) or data\.target=(\w+)", r"use --target \1 or --target \2", hint)
    hint = re.sub(r"\b(?:data\.)?task: (classification|regression)", r"--task \1", hint)
    return re.sub(r"^use path: ", "use --data ", hint).replace("set data.target to", "set --target to")


def _parse_catalog_name(kind: str, name: str) -> str:
    """Return the name of an optimizer or an activation in the spelling of configs.

    Keras's spelling is accepted: `Adam` becomes `adam`.

    Args:
        kind: The kind of the name: `optimizer` or `activation`.
        name: The name that the user typed.

    Raises:
        UsageError: no optimizer or activation has this name.
    """
    from dnn_cli.config.registry import NAMES_BY_KIND, SPELLINGS

    name = SPELLINGS[kind].get(name.strip(), name.strip())
    if name not in NAMES_BY_KIND[kind]:
        raise UsageError(
            f"{name} is not an {kind}",
            suggest_nearest_name(name, NAMES_BY_KIND[kind]) or f"use one of {', '.join(NAMES_BY_KIND[kind])}",
        )
    return name


def _parse_column(columns: Sequence[str], name: str) -> str:
    """Return the name of a column without spaces around it.

    Raises:
        UsageError: the table has no column of this name.
    """
    name = name.strip()
    if name not in columns:
        hint = suggest_nearest_name(name, columns) or f"use one of {', '.join(columns[:20])}"
        raise UsageError(f"there is no column {name}", hint)
    return name


def _parse_units(text: str) -> tuple[int, ...]:
    """Parse the numbers of units of several layers.

    Numbers are separated by commas or spaces, with or without brackets: `100,50`, `100 50`, `[100, 50]`.

    Raises:
        UsageError: a part is not a positive integer.
    """
    return tuple(_parse_positive_integer("units", part) for part in text.strip(" []()").replace(",", " ").split())


def _parse_positive_integer(name: str, text: str) -> int:
    """Parse an integer above 0 with at most 9 digits.

    Raises:
        UsageError: the text is invalid. The message begins with `name`.
    """
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise UsageError(f"{name}: {text} is not a whole number above 0", "for example: 100")
    return int(text)
