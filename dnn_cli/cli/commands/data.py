"""Command group `dnn data`: examples of a dataset or of the user's data."""

import json
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.command_suggestions import CommandGroup
from dnn_cli.cli.completers import complete_configs
from dnn_cli.cli.console import (
    can_print_text,
    get_notes_console,
    get_output_console,
    has_limited_width,
    print_json,
    print_rich_table,
    write_result,
)
from dnn_cli.cli.options import JsonOption, is_override, suggest_similar_file
from dnn_cli.errors import ConfigError, LocatedIssue, SourceLocation, UsageError, suggest_nearest_name
from dnn_cli.report.text import format_count, format_score, replace_control_chars

if TYPE_CHECKING:
    from rich.console import Console

    from dnn_cli.config.data import Data
    from dnn_cli.data.sample import Sample
    from dnn_cli.report.tables import PlainTable

group = typer.Typer(cls=CommandGroup)

_PIPE_WIDTH = 80
"""Width of printed images in terminal characters, if the output is not a terminal."""

_MAX_CLASSES = 50
"""Largest number of classes whose examples are printed."""

_MAX_COLUMNS = 100
"""Largest number of input values that are printed for each example."""

_DEFAULT_DATASET = "fashion_mnist"


@group.callback(invoke_without_command=True)
def print_group_help(context: typer.Context) -> None:
    """Show examples of a dataset or of your own data."""
    if context.invoked_subcommand is None:
        write_result(f"{context.get_help()}\n")


@group.command("show")
def show_data(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CONFIG|DATA|KEY=VALUE",
            autocompletion=complete_configs,
            help="A config, dataset or path of data (default: fashion_mnist), then overrides.",
        ),
    ] = None,
    per_class: Annotated[
        int, typer.Option("--per-class", metavar="N", min=1, max=1000, help="Number of examples of each class.")
    ] = 4,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the random choice of examples.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Show a few examples of each class.

    Examples of the test set are never shown.
    """
    from dnn_cli.report.terminal_images import is_image

    dataset = _select_data(arguments or [])
    from dnn_cli.data.sample import draw_sample

    reported_stages: set[str] = set()

    def report_stage(doing: str, done: int = 0, total: int = 0) -> None:
        if doing not in reported_stages:
            reported_stages.add(doing)
            get_notes_console().print(replace_control_chars(doing))

    for remark in dataset.info.remarks:
        get_notes_console().print(replace_control_chars(f"data: {remark}"), soft_wrap=True)
    drawn = draw_sample(dataset, per_class, seed, report_stage)
    if as_json:
        print_json(_build_sample_document(dataset, drawn))
    elif is_image(dataset.info.input_shape):
        _print_images(dataset, drawn)
    else:
        _print_rows(dataset, drawn)


def _select_data(arguments: list[str]) -> "Data":
    """Return the data section that the words of a command line select.

    The words are a config, a built-in dataset or a path of the user's data, and overrides. Without a config, dataset or
    path, the section is that of `fashion_mnist`.

    Raises:
        UsageError: the name is unknown, there are several names, or an override changes a key outside `data`.
        ConfigError: the config has issues.
        DataError: the data cannot be read.
    """
    from dnn_cli.config.datasets import DATASETS
    from dnn_cli.config.loading import load_experiment

    words, overrides = (
        [word for word in arguments if not is_override(word)],
        [word for word in arguments if is_override(word)],
    )
    if len(words) > 1:
        raise UsageError("data show accepts one config, dataset or path", "for example: dnn data show digits")
    word = words[0] if words else _DEFAULT_DATASET
    if word not in DATASETS and word.lower().endswith((".yaml", ".yml")):
        if not os.path.exists(word):
            raise UsageError(f"{word} does not exist", suggest_similar_file(word) or "check the path")
        return load_experiment(word, overrides).experiment.data
    if word not in DATASETS and not os.path.exists(word):
        raise UsageError(
            f"{word} is not a dataset or an existing path",
            suggest_nearest_name(word, DATASETS) or f"use one of {', '.join(DATASETS)}",
        )
    if unrelated := [override for override in overrides if not override.lstrip("~").startswith("data.")]:
        raise UsageError(f"{unrelated[0]} is not a key of data", "without a config, override only keys of data")
    return _build_data(word, overrides)


def _build_data(word: str, overrides: list[str]) -> "Data":
    """Build the data section of a config from a dataset or a path, with overrides.

    `word` is the name of the dataset or the path.

    Raises:
        ConfigError: the data section has issues.
    """
    from pydantic import ValidationError

    from dnn_cli.config.base import ConfigModel
    from dnn_cli.config.config_template import resolve_data
    from dnn_cli.config.data import Data
    from dnn_cli.config.error_messages import to_located_issues
    from dnn_cli.config.loading import resolve_data_paths
    from dnn_cli.config.overrides import apply_overrides
    from dnn_cli.config.validation import find_data_issues
    from dnn_cli.config.yaml_reader import parse_yaml

    class DataOnlyConfig(ConfigModel):
        data: Data

    defaults = resolve_data(word).model_dump(mode="json")
    document = apply_overrides(parse_yaml(json.dumps({"data": defaults}), word), overrides)
    resolve_data_paths(document)
    try:
        dataset = DataOnlyConfig.model_validate(document.value).data
    except ValidationError as error:
        raise ConfigError(to_located_issues(error, document)) from None
    if issues := [*find_data_issues(dataset)]:
        raise ConfigError([LocatedIssue(SourceLocation(word), "", issue.message, issue.suggestion) for issue in issues])
    return dataset


def _format_headline(dataset: "Data") -> str:
    """Return one line that describes data: title, number of examples, input shape, and classes or targets."""
    from dnn_cli.config.layer_stack import format_sizes

    dataset_info = dataset.info
    target_text = (
        f"{len(dataset_info.classes)} classes" if dataset_info.classes else format_count(dataset_info.targets, "target")
    )
    usable = dataset_info.examples - dataset.split_off_test_examples
    return (
        f"{dataset.title}: {format_count(usable, dataset_info.example_noun)}, "
        f"{format_sizes(dataset_info.input_shape)}, {target_text}"
    )


def _print_images(dataset: "Data", drawn: "Sample") -> None:
    """Print the sampled images of each class below the name of the class.

    For a regression, print the images below their targets.

    Args:
        dataset: The data section of a config.
        drawn: The examples that were drawn at random from this data.
    """
    from dnn_cli.report.terminal_images import draw_images

    out = get_output_console()
    width = out.width if has_limited_width(out) else _PIPE_WIDTH
    low, high = _compute_pixel_range(dataset, drawn)
    out.print(replace_control_chars(_format_headline(dataset)), soft_wrap=True)
    for drawn_class in drawn.classes[:_MAX_CLASSES]:
        out.print()
        if drawn_class.name:
            out.print(replace_control_chars(f"{drawn_class.name} ({drawn_class.count:,})"), soft_wrap=True)
        else:
            targets_text = ", ".join(format_score(float(value)) for value in drawn_class.examples.targets[:, 0])
            out.print(f"{dataset.info.target or 'target'} {targets_text}", soft_wrap=True)
        images = draw_images(
            drawn_class.examples.inputs,
            low,
            high,
            width=width,
            colour=out.is_terminal and out.color_system is not None,
            unicode=can_print_text("▀░▒▓█"),
        )
        for line in images:
            if not out.is_terminal:
                line.rstrip()
            out.print(line, soft_wrap=True)
    _print_omitted_classes(drawn)


def _compute_pixel_range(dataset: "Data", drawn: "Sample") -> tuple[float, float]:
    """Return the two pixel values that are printed as black and as white."""
    if dataset.info.pixel_max > 1:
        return 0.0, float(dataset.info.pixel_max)
    return min(0.0, float(drawn.low.min())), float(drawn.high.max())


def _print_omitted_classes(drawn: "Sample") -> None:
    """Print the number of classes that were omitted because there are more than 50; otherwise, print nothing."""
    if len(drawn.classes) > _MAX_CLASSES:
        get_notes_console().print(
            f"classes not shown: {len(drawn.classes) - _MAX_CLASSES:,}; --json prints all classes"
        )


def _print_rows(dataset: "Data", drawn: "Sample") -> None:
    """Print the sampled examples as rows of numbers, and the minimum, mean and maximum of each column.

    Args:
        dataset: The data section of a config.
        drawn: The examples that were drawn at random from this data.
    """
    out = get_output_console()
    out.print(replace_control_chars(_format_headline(dataset)), soft_wrap=True)
    if dataset.info.classes:
        out.print(
            replace_control_chars(
                ", ".join(f"{drawn_class.name} {drawn_class.count:,}" for drawn_class in drawn.classes[:_MAX_CLASSES])
            )
        )
    out.print()
    plain_table, left_out = _build_rows_table(dataset, drawn, out)
    print_rich_table(out, plain_table)
    if left_out:
        get_notes_console().print(
            f"columns not shown: {left_out:,} of {left_out + len(plain_table.headers) - 1:,}; --json prints all columns"
        )
    _print_omitted_classes(drawn)


def _build_rows_table(dataset: "Data", drawn: "Sample", out: "Console") -> "tuple[PlainTable, int]":
    """Build a table of the sampled examples, with as many columns as fit the console.

    Return the table and the number of omitted columns.
    """
    from dnn_cli.report.tables import COLUMN_GAP, build_table, compute_text_width
    from dnn_cli.report.text import UNLIMITED_WIDTH

    feature_count = len(drawn.low)
    names = drawn.features or [f"number {index + 1}" for index in range(feature_count)]
    target_heading = dataset.info.target or ("class" if dataset.info.classes else "target")
    rows: list[list[str]] = []
    for drawn_class in drawn.classes[:_MAX_CLASSES]:
        flat = drawn_class.examples.inputs.reshape(len(drawn_class.examples), -1)
        for values, target in zip(flat.tolist(), drawn_class.examples.targets, strict=True):
            target_text = drawn_class.name or ", ".join(f"{number:.6g}" for number in target.tolist())
            rows.append([replace_control_chars(target_text), *(f"{value:.6g}" for value in values[:_MAX_COLUMNS])])
    for name, bound in (("minimum", drawn.low), ("mean", drawn.mean), ("maximum", drawn.high)):
        rows.append([f"{name} of all", *(f"{value:.4g}" for value in bound[:_MAX_COLUMNS].tolist())])
    headings = [replace_control_chars(target_heading), *map(replace_control_chars, names[:_MAX_COLUMNS])]
    room, column_count = (out.width if has_limited_width(out) else UNLIMITED_WIDTH), 0
    for column in zip(headings, *rows, strict=True):
        room -= max(map(compute_text_width, column)) + COLUMN_GAP
        if column_count > 1 and room + COLUMN_GAP < 0:
            break
        column_count += 1
    plain_table = build_table(
        headings[:column_count], [row[:column_count] for row in rows], right=headings[1:column_count]
    )
    return plain_table, feature_count - (column_count - 1)


def _build_sample_document(dataset: "Data", drawn: "Sample") -> dict[str, Any]:
    """Build the JSON document of the sampled examples, with all classes and all input values."""
    dataset_info = dataset.info
    return {
        "dataset": dataset.dataset,
        "path": dataset.path,
        "examples": dataset_info.examples - dataset.split_off_test_examples,
        "input_shape": list(dataset_info.input_shape),
        "features": list(drawn.features),
        "remarks": list(map(str, dataset_info.remarks)),
        "classes": [
            {
                "name": drawn_class.name or None,
                "count": drawn_class.count,
                "examples": [
                    {
                        "index": int(index),
                        "input": values.tolist(),
                        **({} if drawn_class.name else {"target": target.tolist()}),
                    }
                    for index, values, target in zip(
                        drawn_class.indices, drawn_class.examples.inputs, drawn_class.examples.targets, strict=True
                    )
                ],
            }
            for drawn_class in drawn.classes
        ],
    }
