"""Command `dnn list`: the names that a config can use."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.completers import complete_catalog_names, complete_kinds
from dnn_cli.cli.console import get_output_console, print_json, write_result
from dnn_cli.cli.options import NAME_KINDS, JsonOption
from dnn_cli.errors import UsageError, suggest_nearest_name

if TYPE_CHECKING:
    from dnn_cli.report.catalog import CatalogItem


def list_names(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", autocompletion=complete_kinds, help=f"Kind of names: {', '.join(NAME_KINDS)}."),
    ],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            autocompletion=complete_catalog_names,
            help="Name to show with its arguments. Default: all names of the kind.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List layers, optimizers and other names that configs can use.

    With a NAME, such as Dense, show its arguments and an example.
    """
    from dnn_cli.report.catalog import build_catalog, find_item, to_singular
    from dnn_cli.report.catalog_text import iter_catalog_lines, iter_item_lines

    if kind not in NAME_KINDS:
        raise UsageError(
            f"unknown kind of names: {kind}",
            suggest_nearest_name(kind, NAME_KINDS) or f"use one of {', '.join(NAME_KINDS)}",
        )
    singular, width = to_singular(kind), get_output_console().width
    if name is None:
        items = build_catalog(singular)
        if as_json:
            print_json({"kind": kind, "names": [_build_name_document(item) for item in items]})
            return
        lines = iter_catalog_lines(singular, items, width)
    else:
        item = find_item(singular, name)
        if as_json:
            print_json({"kind": kind, **_build_item_document(item)})
            return
        lines = iter_item_lines(item, width)
    write_result("".join(f"{line}\n" for line in lines))


def _build_name_document(item: "CatalogItem") -> dict[str, Any]:
    """Build the JSON document of one name for configs, such as `adam`: its meaning, and its arguments with defaults."""
    family = {"family": item.family} if item.family else {}
    arguments = {argument.name: argument.default for argument in item.arguments}
    return {"name": item.name, **family, "meaning": item.summary, "arguments": arguments}


def _build_item_document(item: "CatalogItem") -> dict[str, Any]:
    """Build the JSON document of a name that is shown alone, with the meanings of arguments and its example."""
    example = item.example
    return {
        **_build_name_document(item),
        "meaning": item.meaning,
        "argument_meanings": {argument.name: argument.meaning for argument in item.arguments if argument.meaning},
        "other_names": item.other_names,
        **({"example": asdict(example), "traits": item.traits} if example else {}),
    }
