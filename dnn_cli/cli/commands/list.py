"""Command `dnn list`: the names that a config can use."""

from typing import Annotated, Any

import typer

from dnn_cli.cli.completers import complete_kinds
from dnn_cli.cli.console import get_output_console, print_json, print_rich_table
from dnn_cli.cli.options import NAME_KINDS, JsonOption
from dnn_cli.errors import UsageError, suggest_nearest_name


def list_names(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", autocompletion=complete_kinds, help=f"Kind of names: {', '.join(NAME_KINDS)}."),
    ],
    as_json: JsonOption = False,
) -> None:
    """List layers, optimizers and other names that configs can use."""
    from dnn_cli.report.catalog_table import build_catalog, build_catalog_table

    if kind not in NAME_KINDS:
        raise UsageError(
            f"unknown kind of names: {kind}",
            suggest_nearest_name(kind, NAME_KINDS) or f"use one of {', '.join(NAME_KINDS)}",
        )
    catalog = build_catalog(kind.removesuffix("es") if kind == "losses" else kind.removesuffix("s"))
    if as_json:
        print_json({"kind": kind, "names": [_build_name_document(item) for item in catalog.items]})
        return
    out = get_output_console()
    print_rich_table(out, build_catalog_table(catalog))
    if catalog.common_arguments:
        out.print(f"\narguments of all {kind}: {', '.join(catalog.common_arguments)}")


def _build_name_document(item: Any) -> dict[str, Any]:
    """Build the JSON document of one name for configs, such as `adam`: its meaning, and its arguments with defaults."""
    return {"name": item.name, "meaning": item.meaning, "arguments": item.arguments}
