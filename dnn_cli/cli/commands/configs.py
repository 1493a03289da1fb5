"""Command `dnn configs`: list the example configs, and copy one or all of them."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from dnn_cli.cli.completers import complete_example_configs
from dnn_cli.cli.console import get_output_console, print_json, write_result
from dnn_cli.cli.options import JsonOption
from dnn_cli.config.example_configs import ExampleConfig, build_copy, find_examples_directory, list_example_configs
from dnn_cli.errors import RunError, UsageError, suggest_nearest_name
from dnn_cli.terminal.console_builder import print_line


def configs(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            autocompletion=complete_example_configs,
            help="Config to copy, for example relu_adam. Default: all configs are listed.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="New file for the copy of a config. Without a NAME: new directory for all configs.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the example configs, or copy one to a file of your own.

    For example, dnn configs relu_adam > my.yaml writes a copy. dnn configs -o configs copies all example configs, with
    which the commands in their headers work.
    """
    if as_json and output is not None:
        raise UsageError("--json and -o exclude each other", "use one of them")
    if output is not None and os.path.lexists(output):
        raise UsageError(f"{output} already exists", "choose another path with -o")
    if name is not None:
        config = _find_config(name)
        if as_json:
            print_json({**_build_document(config), "text": build_copy(config)})
        elif output is None:
            write_result(build_copy(config))
        else:
            _write_copy(config, output)
    elif as_json:
        print_json({"configs": [_build_document(config) for config in list_example_configs()]})
    elif output is None:
        _print_configs()
    else:
        _copy_all(output)


def _find_config(name: str) -> ExampleConfig:
    """Return the example config of a name, such as `textbook/dropout` or `dropout`.

    Raises:
        UsageError: no example config has this name.
    """
    examples = {key: config for config in list_example_configs() for key in (config.path.stem, config.name)}
    key = name.removesuffix(".yaml").removeprefix("configs/")
    if key not in examples:
        suggestion = suggest_nearest_name(key, list(examples)) or "dnn configs lists the example configs"
        raise UsageError(f"no example config is named {name}", suggestion)
    return examples[key]


def _build_document(config: ExampleConfig) -> dict[str, str]:
    """Build the JSON document of an example config."""
    return {
        "name": config.name,
        "description": config.description,
        "measured": config.measurement,
    }


def _print_configs() -> None:
    """Print the names of the example configs with their descriptions, in one group for each topic."""
    from dnn_cli.cli.console import print_rich_table
    from dnn_cli.report.tables import build_table

    out = get_output_console()
    rows = [(config.name, config.description) for config in list_example_configs()]
    print_rich_table(out, build_table(["config", "shows"], rows, flexible=["shows"]))
    print_line(out, "")
    print_line(out, "dnn configs relu_adam > my.yaml copies one; dnn train my.yaml trains it")


def _write_copy(config: ExampleConfig, output: Path) -> None:
    """Write the copy of a config to a new file."""
    from dnn_cli.runs.atomic_write import write_text

    try:
        write_text(output, build_copy(config))
    except RunError as error:
        raise UsageError(error.message, "choose another path with -o") from None


def _copy_all(output: Path) -> None:
    """Copy the directory of all example configs."""
    try:
        shutil.copytree(find_examples_directory(), output)
    except (OSError, shutil.Error) as error:
        raise UsageError(f"{output} cannot be written: {error}", "choose another path with -o") from None
