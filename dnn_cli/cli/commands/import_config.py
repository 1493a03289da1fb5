"""Command `dnn import`: a config from a saved Keras model, a script or a notebook."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.console import get_notes_console, get_output_console, write_result
from dnn_cli.errors import RunError, UsageError
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.keras_import.config_building import ImportedExperiment

_OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="CONFIG", help="Write the config to this file instead of standard output."),
]


def import_config(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .keras, .json or .h5 file, a .py script, or an .ipynb notebook.")
    ],
    output: _OutputOption = None,
    model: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Number of the model in a script or notebook with several models."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing config.")] = False,
) -> None:
    """Write a config from a Keras model, script or notebook."""
    from dnn_cli.keras_import.config_building import build_imported_experiment
    from dnn_cli.keras_import.config_text import build_config_text
    from dnn_cli.keras_import.program_file import read_program
    from dnn_cli.runs.atomic_write import write_text

    if output is not None:
        _check_output(output, force=force)
    imported = build_imported_experiment(read_program(str(file), model))
    text = build_config_text(imported, str(file), None if output is None else str(output))
    if output is None:
        write_result(text)
    else:
        try:
            write_text(output, text)
        except RunError as error:
            raise UsageError(error.message, "choose another path") from None
        step = "write the path of your data, then dnn check" if imported.has_placeholder else "next: dnn train"
        print_line(get_output_console(), f"wrote {output}; {step} {shlex.quote(str(output))}")
    _print_notes(imported)


def _check_output(output: Path, *, force: bool) -> None:
    """Check that a config can be written to a path.

    Raises:
        UsageError: the path is invalid, or the file exists and may not be replaced.
    """
    if output.suffix not in (".yaml", ".yml") or not str(output).isprintable():
        raise UsageError(f"{output} is not a valid path of a config", "for example: dnn import model.keras -o my.yaml")
    if output.exists() and not force:
        raise UsageError(f"{output} already exists", "use --force to replace it, or choose another path")
    if not output.parent.is_dir():
        raise UsageError(f"{output.parent} does not exist", "create the directory, or choose another path")


def _print_notes(imported: "ImportedExperiment") -> None:
    """Print what the config contains, what the file does not determine, and remarks, on standard error."""
    from dnn_cli.keras_import.import_notes import list_notes

    for note in list_notes(imported):
        print_line(get_notes_console(), note)
