"""Selection of the data of `dnn data`: a config, a dataset or a path, with overrides."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import complete_configs
from dnn_cli.cli.options import is_override, suggest_similar_file
from dnn_cli.errors import ConfigError, LocatedIssue, SourceLocation, UsageError, UserDataError, suggest_nearest_name
from dnn_cli.report.text import format_count

if TYPE_CHECKING:
    from dnn_cli.config.data import Data

DataArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="CONFIG|DATA|KEY=VALUE",
        autocompletion=complete_configs,
        help="A config, dataset or path of data (default: fashion_mnist), then overrides.",
    ),
]

_DEFAULT_DATASET = "fashion_mnist"


def select_data(arguments: list[str], command: str) -> "Data":
    """Return the data section that the words of a command line select.

    The words are a config, a built-in dataset or a path of the user's data, and overrides. Without a config, dataset or
    path, the section is that of `fashion_mnist`. A table of text and gaps has the types that `dnn new` would choose.

    Args:
        arguments: The words of the command line.
        command: The name of the command, for messages.

    Raises:
        UsageError: the name is unknown, there are several names, or an override changes a key outside `data`.
        ConfigError: the config has issues.
        DataError: the data cannot be read.
    """
    from dnn_cli.config.data_validation import find_data_issues
    from dnn_cli.config.datasets import DATASETS
    from dnn_cli.config.input_descriptions import describe_inputs
    from dnn_cli.config.loading import load_experiment
    from dnn_cli.config.named_data import build_named_data

    words, overrides = (
        [word for word in arguments if not is_override(word)],
        [word for word in arguments if is_override(word)],
    )
    if len(words) > 1:
        raise UsageError(
            f"data {command} accepts one config, dataset or path", f"for example: dnn data {command} digits"
        )
    word = words[0] if words else _DEFAULT_DATASET
    if word not in DATASETS and word.lower().endswith((".yaml", ".yml")):
        if not os.path.exists(word):
            raise UsageError(f"{word} does not exist", suggest_similar_file(word) or "check the path")
        experiment = load_experiment(word, overrides).experiment
        return experiment.data.with_info(describe_inputs(experiment))
    if word not in DATASETS and not os.path.exists(word):
        raise UsageError(
            f"{word} is not a dataset or an existing path",
            suggest_nearest_name(word, DATASETS) or f"use one of {', '.join(DATASETS)}",
        )
    dataset = build_named_data(word, overrides)
    issues = [*find_data_issues(dataset)]
    if issues and (typed := _choose_types(dataset)) is not None:
        return typed
    if issues:
        raise ConfigError([LocatedIssue(SourceLocation(word), "", issue.message, issue.suggestion) for issue in issues])
    return dataset


def _choose_types(data: "Data") -> "Data | None":
    """Return the data section of a table of text and gaps with the types of `dnn new`; `None` if no types suit it.

    The remarks of its info begin with the columns that are left out.
    """
    from dnn_cli.config.data_validation import find_data_issues
    from dnn_cli.data.template_data import choose_columns, describe_left_out

    try:
        typed, reasons = choose_columns(data)
    except UserDataError:
        return None
    if typed == data or [*find_data_issues(typed)]:
        return None
    return typed.with_info(replace(typed.info, remarks=(*describe_left_out(reasons), *typed.info.remarks)))


def format_headline(dataset: "Data", examples: int) -> str:
    """Return one line that describes data: title, number of examples, input shape, and classes or targets."""
    dataset_info = dataset.info
    target_text = (
        f"{len(dataset_info.classes)} classes" if dataset_info.classes else format_count(dataset_info.targets, "target")
    )
    sizes = dataset_info.sizes_text
    if dataset_info.columns:
        inputs = format_count(dataset_info.input_shape[0], "input")
        sizes = f"{format_count(len(dataset_info.columns), 'column')} encoded into {inputs}"
    return f"{dataset.title}: {format_count(examples, dataset_info.example_noun)}, {sizes}, {target_text}"
