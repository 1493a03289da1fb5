"""Command `dnn script`: a config or a run as a program of plain Keras."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import complete_runs_or_configs
from dnn_cli.cli.console import get_notes_console, get_output_console, write_result
from dnn_cli.cli.options import RunsDirOption
from dnn_cli.cli.run_selection import parse_config_and_overrides
from dnn_cli.errors import RunError, UsageError
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.script.origin import TrainingOrigin

_SUFFIXES = (".py", ".ipynb")


def script(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG|RUN|KEY=VALUE",
            autocompletion=complete_runs_or_configs,
            help="A config or a run, then overrides, for example epochs=10.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Path of the program: a .py or .ipynb file. Default: print it."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    runs_dir: RunsDirOption = Path("runs"),
) -> None:
    """Write a config or a run as a short program of plain Keras.

    The program loads, splits and scales the data, trains the network, and evaluates it. With the packages and the
    processor of the run, it ends with equal weights, bit for bit, or its first lines name the differences.
    """
    from dnn_cli.script.notebook import format_notebook
    from dnn_cli.script.script_builder import build_script
    from dnn_cli.script.script_parts import format_program

    if output is not None:
        _check_output_path(output, force=force)
    experiment, origin = _load_origin(arguments, runs_dir)
    built = build_script(experiment, origin)
    if output is None:
        _print_program(format_program(built))
        return
    from dnn_cli.runs.atomic_write import write_text

    try:
        write_text(output, format_notebook(built) if output.suffix == ".ipynb" else format_program(built))
    except RunError as error:
        raise UsageError(error.message, "choose another path with -o") from None
    command = (
        f"jupyter lab {shlex.quote(str(output))}" if output.suffix == ".ipynb" else f"python {shlex.quote(str(output))}"
    )
    print_line(get_output_console(), f"wrote {output}; next: {command}")
    for note in built.paragraphs[1:]:
        print_line(get_notes_console(), f"note: {note}")


def _check_output_path(path: Path, *, force: bool) -> None:
    """Check that a program can be written to a path.

    Raises:
        UsageError: the suffix is wrong, the directory is missing, or the file exists and `force` is not given.
    """
    if path.suffix not in _SUFFIXES:
        raise UsageError(f"{path} ends neither in .py nor in .ipynb", f"use -o {path.name or 'train'}.py")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} does not exist", "create the directory, or choose another path with -o")
    if path.is_dir():
        raise UsageError(f"{path} is a directory", "choose another path with -o")
    if os.path.lexists(path) and not force:
        raise UsageError(f"{path} already exists", "use --force to replace it, or choose another path with -o")


def _load_origin(arguments: list[str], runs_dir: Path) -> "tuple[Experiment, TrainingOrigin]":
    """Load the experiment that the arguments name, and describe the training that the program repeats.

    A run with overrides is a config, because no run has its weights.

    Raises:
        UsageError: the arguments name several configs or runs, or none.
        ConfigError: the config has issues.
    """
    from dnn_cli.config.loading import load_experiment, load_resolved_experiment
    from dnn_cli.runs.run import Run
    from dnn_cli.script.origin import describe_config_origin, describe_run_origin

    config, overrides = parse_config_and_overrides(arguments, runs_dir, "script")
    is_run = config not in arguments
    if is_run and not overrides:
        record = Run(Path(config).parent).read_record()
        experiment = load_resolved_experiment(config)
        return experiment, describe_run_origin(record, experiment)
    experiment = load_experiment(config, overrides).experiment
    return experiment, describe_config_origin(experiment)


def _print_program(text: str) -> None:
    """Print a program: with colours on a terminal, and unchanged elsewhere."""
    console = get_output_console()
    if not console.is_terminal:
        write_result(text)
        return
    from rich.syntax import Syntax

    # Long lines are wrapped by the terminal, so that a copy of the text is still a program.
    highlighted = Syntax("", "python", background_color="default", theme="ansi_dark").highlight(text)
    highlighted.rstrip()
    console.print(highlighted, soft_wrap=True)
    sys.stdout.flush()
