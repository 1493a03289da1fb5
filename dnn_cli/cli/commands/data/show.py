"""Command `dnn data show`: examples of a dataset or of the user's data."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice, product
from math import isnan
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.commands.data.selection import DataArguments, format_headline, select_data
from dnn_cli.cli.console import (
    can_print_text,
    get_notes_console,
    get_output_console,
    has_limited_width,
    print_json,
    print_rich_table,
)
from dnn_cli.cli.options import JsonOption
from dnn_cli.report.text import format_score, replace_control_chars

if TYPE_CHECKING:
    from rich.console import Console

    from dnn_cli.config.data import Data
    from dnn_cli.data.examples import Examples
    from dnn_cli.data.sample import Sample
    from dnn_cli.formats.table_columns import TableColumn
    from dnn_cli.report.tables import PlainTable

_PIPE_WIDTH = 80
"""Width of printed images in terminal characters, if the output is not a terminal."""

_MAX_CLASSES = 50
"""Largest number of classes whose examples are printed."""

_MAX_COLUMNS = 100
"""Largest number of input values that are printed for each example."""


def show_data(
    arguments: DataArguments = None,
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

    dataset = select_data(arguments or [], "show")
    from dnn_cli.data.sample import draw_sample
    from dnn_cli.terminal.progress import open_screen

    for remark in dataset.info.remarks:
        get_notes_console().print(replace_control_chars(f"data: {remark}"), soft_wrap=True)
    with open_screen() as screen, screen.open_read_progress() as progress:
        drawn = draw_sample(dataset, per_class, seed, progress)
    if as_json:
        print_json(_build_sample_document(dataset, drawn))
    elif dataset.info.has_images and is_image(dataset.info.input_shape):
        _print_images(dataset, drawn)
    else:
        _print_rows(dataset, drawn)


def _count_drawable_examples(dataset: "Data") -> int:
    """Return the number of examples from which samples are drawn: those outside the test set."""
    return dataset.info.examples - dataset.split_off_test_examples


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
    out.print(replace_control_chars(format_headline(dataset, _count_drawable_examples(dataset))), soft_wrap=True)
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
    out.print(replace_control_chars(format_headline(dataset, _count_drawable_examples(dataset))), soft_wrap=True)
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
    names = drawn.features or list(islice(_iter_value_names(dataset.info.input_shape), _MAX_COLUMNS))
    target_heading = dataset.info.target or ("class" if dataset.info.classes else "target")
    rows: list[list[str]] = []
    for drawn_class in drawn.classes[:_MAX_CLASSES]:
        for values, target in zip(
            _list_cell_texts(drawn_class.examples, drawn.columns), drawn_class.examples.targets, strict=True
        ):
            target_text = drawn_class.name or ", ".join(f"{number:.6g}" for number in target.tolist())
            rows.append(list(map(replace_control_chars, [target_text, *values])))
    for name, bound in (("minimum", drawn.low), ("mean", drawn.mean), ("maximum", drawn.high)):
        numbers = bound[:_MAX_COLUMNS].tolist()
        rows.append([f"{name} of all", *("" if isnan(value) else f"{value:.4g}" for value in numbers)])
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


def _iter_value_names(shape: Sequence[int]) -> Iterator[str]:
    """Yield a name for each value of an input without named columns: `number 1`, or `[0, 2]` with several axes."""
    for position in product(*map(range, shape)):
        yield f"number {position[0] + 1}" if len(shape) == 1 else f"[{', '.join(map(str, position))}]"


def _list_cell_texts(examples: "Examples", columns: "Sequence[TableColumn]") -> list[list[str]]:
    """List the texts of the first `_MAX_COLUMNS` values of each example; texts of missing cells are empty."""
    from dnn_cli.formats.cell_texts import format_cells

    if columns:
        printed = columns[:_MAX_COLUMNS]
        categories = examples.categories[:_MAX_COLUMNS]
        return [format_cells(printed, values[:_MAX_COLUMNS], categories) for values in examples.inputs]
    flat = examples.inputs.reshape(len(examples), -1)
    return [[f"{value:.6g}" for value in values] for values in flat[:, :_MAX_COLUMNS].tolist()]


def _list_json_values(examples: "Examples", columns: "Sequence[TableColumn]") -> list[Any]:
    """List the values of each example for JSON: numbers, or texts of typed columns, and null for missing cells."""
    from dnn_cli.formats.cell_texts import format_cell

    if not columns:
        inputs: list[Any] = examples.inputs.tolist()
        return inputs
    return [
        [
            None if isnan(value) else value if column.type == "number" else format_cell(column, value, names)
            for column, value, names in zip(columns, values, examples.categories, strict=True)
        ]
        for values in examples.inputs.tolist()
    ]


def _build_sample_document(dataset: "Data", drawn: "Sample") -> dict[str, Any]:
    """Build the JSON document of the sampled examples, with all classes and all input values."""
    dataset_info = dataset.info
    return {
        "dataset": dataset.dataset,
        "path": dataset.path,
        "examples": _count_drawable_examples(dataset),
        "input_shape": list(dataset_info.input_shape),
        "features": list(drawn.features),
        "remarks": list(map(asdict, dataset_info.remarks)),
        "classes": [
            {
                "name": drawn_class.name or None,
                "count": drawn_class.count,
                "examples": [
                    {
                        "index": int(index),
                        "input": values,
                        **({} if drawn_class.name else {"target": target.tolist()}),
                    }
                    for index, values, target in zip(
                        drawn_class.indices,
                        _list_json_values(drawn_class.examples, drawn.columns),
                        drawn_class.examples.targets,
                        strict=True,
                    )
                ],
            }
            for drawn_class in drawn.classes
        ],
    }
