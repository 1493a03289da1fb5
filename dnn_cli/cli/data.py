"""`dnn data`: look at the examples before a network does."""

import json
import os
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from dnn_cli.cli.arguments import AsJson, is_override, similar_file
from dnn_cli.cli.console import can_print, has_edge, notes, print_json, results, show, write_result
from dnn_cli.cli.foreign_verbs import Verbs
from dnn_cli.errors import ConfigError, Fault, Place, UsageError, nearest
from dnn_cli.report.words import count, score, visible

if TYPE_CHECKING:
    from rich.console import Console

    from dnn_cli.data.sample import Sample
    from dnn_cli.report.tables import PlainTable
    from dnn_cli.spec.data import Data

group = typer.Typer(cls=Verbs)

PIPED = 80
"""Columns for images where there is no terminal."""

MOST_CLASSES = 50
"""So many are shown."""

MOST_COLUMNS = 100
"""So many numbers of an example are shown."""

USUAL = "fashion_mnist"


@group.callback(invoke_without_command=True)
def data(context: typer.Context) -> None:
    """Look at the examples of a dataset or of your own data."""
    if context.invoked_subcommand is None:
        write_result(f"{context.get_help()}\n")


@group.command("show")
def show_data(
    arguments: Annotated[
        Optional[list[str]],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Argument(
            metavar="CONFIG|DATA|KEY=VALUE",
            help="A config, a dataset or your own file, then changes, as data.target=price.",
        ),
    ] = None,
    per_class: Annotated[int, typer.Option("--per-class", min=1, max=1000, help="Examples of every class.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Decides which ones.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show a few examples of each class.

    The test set stays unseen.
    """
    from dnn_cli.report.terminal_images import is_image

    found = data_meant(arguments or [])
    from dnn_cli.data.sample import sample

    told: set[str] = set()

    def watch(doing: str, done: int = 0, total: int = 0) -> None:
        if doing not in told:
            told.add(doing)
            notes().print(visible(doing))

    drawn = sample(found, per_class, seed, watch)
    if as_json:
        print_json(document(found, drawn))
    elif is_image(found.facts.input_shape):
        print_images(found, drawn)
    else:
        print_rows(found, drawn)


def data_meant(arguments: list[str]) -> "Data":
    """The data of a config, a dataset, or a file or folder of the user's own.

    Raises:
        UsageError: there is none such.
        ConfigError, DataError: it has faults.
    """
    from dnn_cli.spec.datasets import DATASETS
    from dnn_cli.spec.load import load

    words, overrides = [w for w in arguments if not is_override(w)], [w for w in arguments if is_override(w)]
    if len(words) > 1:
        raise UsageError("data show takes one config, dataset or file", "as in: dnn data show digits")
    word = words[0] if words else USUAL
    if word not in DATASETS and word.lower().endswith((".yaml", ".yml")):
        if not os.path.exists(word):
            raise UsageError(f"there is no {word}", similar_file(word))
        return load(word, overrides).experiment.data
    if word not in DATASETS and not os.path.exists(word):
        raise UsageError(
            f"{word} is no dataset and no path", nearest(word, DATASETS) or f"one of {', '.join(DATASETS)}"
        )
    if others := [one for one in overrides if not one.lstrip("~").startswith("data.")]:
        raise UsageError(f"{others[0]} changes no data", "without a config, only keys of data can be changed")
    return data_named(word, overrides)


def data_named(word: str, overrides: list[str]) -> "Data":
    """The data that a word means, with changes."""
    from pydantic import ValidationError

    from dnn_cli.spec.base import Part
    from dnn_cli.spec.check import data_misfits
    from dnn_cli.spec.data import Data
    from dnn_cli.spec.faults import faults_of
    from dnn_cli.spec.first_config import data_for
    from dnn_cli.spec.load import resolve_paths
    from dnn_cli.spec.overrides import apply_overrides
    from dnn_cli.spec.yaml_file import parse_yaml

    class Whole(Part):
        data: Data

    plain = data_for(word).model_dump(mode="json")
    document = apply_overrides(parse_yaml(json.dumps({"data": plain}), word), overrides)
    resolve_paths(document)
    try:
        found = Whole.model_validate(document.value).data
    except ValidationError as error:
        raise ConfigError(faults_of(error, document)) from None
    if remarks := [*data_misfits(found)]:
        raise ConfigError([Fault(Place(word), "", remark.message, remark.suggestion) for remark in remarks])
    return found


def headline(found: "Data") -> str:
    """The data in one line."""
    from dnn_cli.spec.stack import sizes_text

    facts = found.facts
    aim = f"{len(facts.classes)} classes" if facts.classes else f"{count(facts.targets, 'number')} to predict"
    usable = facts.examples - found.split_off
    return f"{found.title}: {count(usable, facts.noun)}, {sizes_text(facts.input_shape)}, {aim}"


def print_images(found: "Data", drawn: "Sample") -> None:
    """The images of every class under its name."""
    from dnn_cli.report.terminal_images import images_abreast

    out = results()
    width = out.width if has_edge(out) else PIPED
    low, high = bounds(found, drawn)
    out.print(visible(headline(found)), soft_wrap=True)
    for one in drawn.classes[:MOST_CLASSES]:
        out.print()
        if one.name:
            out.print(visible(f"{one.name} ({one.count:,})"), soft_wrap=True)
        else:
            told = ", ".join(score(float(value)) for value in one.examples.labels[:, 0])
            out.print(f"{found.facts.target or 'target'} {told}", soft_wrap=True)
        images = images_abreast(
            one.examples.inputs, low, high, width=width, colour=out.is_terminal and out.color_system is not None,
            unicode=can_print("▀░▒▓█"),
        )  # fmt: skip
        for line in images:
            if not out.is_terminal:
                line.rstrip()
            out.print(line, soft_wrap=True)
    tell_of_more(drawn)


def bounds(found: "Data", drawn: "Sample") -> tuple[float, float]:
    """What is black and what is white."""
    if found.facts.pixel_max > 1:
        return 0.0, float(found.facts.pixel_max)
    return min(0.0, float(drawn.low.min())), float(drawn.high.max())


def tell_of_more(drawn: "Sample") -> None:
    """That there are more classes."""
    if len(drawn.classes) > MOST_CLASSES:
        notes().print(f"{len(drawn.classes) - MOST_CLASSES:,} more classes; --json has all")


def print_rows(found: "Data", drawn: "Sample") -> None:
    """The examples of every class as rows of numbers, and the range of every number."""
    out = results()
    out.print(visible(headline(found)), soft_wrap=True)
    if found.facts.classes:
        out.print(visible(", ".join(f"{one.name} {one.count:,}" for one in drawn.classes[:MOST_CLASSES])))
    out.print()
    made, left_out = rows_table(found, drawn, out)
    show(out, made)
    if left_out:
        notes().print(f"{count(left_out, 'more column')}, of {left_out + len(made.headers) - 1:,}; --json has all")
    tell_of_more(drawn)


def rows_table(found: "Data", drawn: "Sample", out: "Console") -> "tuple[PlainTable, int]":
    """The table, with the first columns that have room, and how many have none."""
    from dnn_cli.report.tables import GAP, cells_of, table
    from dnn_cli.report.words import WIDE

    numbers = len(drawn.low)
    names = drawn.features or [f"number {at + 1}" for at in range(numbers)]
    aim = found.facts.target or ("class" if found.facts.classes else "target")
    rows: list[list[str]] = []
    for one in drawn.classes[:MOST_CLASSES]:
        flat = one.examples.inputs.reshape(len(one.examples), -1)
        for values, label in zip(flat.tolist(), one.examples.labels, strict=True):
            told = one.name or ", ".join(f"{number:.6g}" for number in label.tolist())
            rows.append([visible(told), *(f"{value:.6g}" for value in values[:MOST_COLUMNS])])
    for name, bound in (("least", drawn.low), ("mean", drawn.mean), ("most", drawn.high)):
        rows.append([f"{name} of all", *(f"{value:.4g}" for value in bound[:MOST_COLUMNS].tolist())])
    heads = [visible(aim), *map(visible, names[:MOST_COLUMNS])]
    room, kept = (out.width if has_edge(out) else WIDE), 0
    for column in zip(heads, *rows, strict=True):
        room -= max(map(cells_of, column)) + GAP
        if kept > 1 and room + GAP < 0:
            break
        kept += 1
    made = table(heads[:kept], [row[:kept] for row in rows], right=heads[1:kept])
    return made, numbers - (kept - 1)


def document(found: "Data", drawn: "Sample") -> dict[str, Any]:
    """The examples in full."""
    facts = found.facts
    return {
        "dataset": found.dataset,
        "path": found.path,
        "examples": facts.examples - found.split_off,
        "input_shape": list(facts.input_shape),
        "features": list(drawn.features),
        "classes": [
            {
                "name": one.name or None,
                "count": one.count,
                "examples": [
                    {"index": int(index), "input": values.tolist(), **({} if one.name else {"target": label.tolist()})}
                    for index, values, label in zip(one.indices, one.examples.inputs, one.examples.labels, strict=True)
                ],
            }
            for one in drawn.classes
        ],
    }
