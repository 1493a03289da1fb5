"""Command `dnn schema`: the JSON Schema of configs, for editors."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from dnn_cli.cli.console import write_result
from dnn_cli.errors import RunError, UsageError

_OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write the schema to this file instead of standard output."),
]


def schema(output: _OutputOption = None) -> None:
    """Print the JSON Schema with which text editors check configs."""
    from dnn_cli.config.json_schema import build_json_schema
    from dnn_cli.runs.atomic_write import write_text

    schema_document = build_json_schema()
    if output is None:
        must_escape = "utf" not in (sys.stdout.encoding or "").lower()
        write_result(json.dumps(schema_document, ensure_ascii=must_escape, indent=2) + "\n")
        return
    if output.exists() and not output.is_file():
        raise UsageError(f"{output} is not a file", "choose another path")
    try:
        write_text(output, json.dumps(schema_document, ensure_ascii=False, indent=2) + "\n")
    except RunError as error:
        raise UsageError(error.message, "choose another path") from None
