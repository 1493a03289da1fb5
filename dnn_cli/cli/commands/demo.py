"""Command `dnn demo`: three small trainings, their comparison and their report, with the command of each."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from dnn_cli.cli.console import get_output_console
from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs.runs_directory import RUNS_DIR_VARIABLE
from dnn_cli.terminal.console_builder import print_line

_DEMO_CONFIG = """\
# Handwritten digits of 8 × 8 pixels, without a download. Change a value and train again.
name: demo
data: {dataset: digits, test_size: 0.2}
model:
  layers:
    - Flatten
    - {type: Dense, units: 64, activation: relu, name: hidden}
    - {type: Dense, units: 10, activation: softmax, name: output}
optimizer: adam
epochs: 20
"""

_CONFIG_FILE = "demo.yaml"
_TRAIN_ARGUMENTS = ((_CONFIG_FILE,), (_CONFIG_FILE, "optimizer=rmsprop"), (_CONFIG_FILE, "optimizer=sgd"))
"""Arguments of `dnn train` for the three trainings, which differ only in the optimizer."""

_SEEDS_OVERRIDE = "seed=42..49"
"""Override with eight seeds in the suggested `dnn sweep`. Eight seeds are enough for verdicts on three optimizers."""


def demo(
    context: typer.Context,
    directory: Annotated[
        Path, typer.Argument(metavar="DIRECTORY", help="New directory for the files of the demo.")
    ] = Path("dnn-demo"),
) -> None:
    """Train three small networks, compare them, and write a report.

    The demo takes less than a minute and needs no internet. Each command is printed before it runs.
    """
    _create_demo_directory(directory)
    os.chdir(directory)
    # With DNN_RUNS_DIR, the printed commands would use another runs directory than the demo.
    os.environ.pop(RUNS_DIR_VARIABLE, None)
    _print_command("cd", str(directory))
    _print_command("cat", _CONFIG_FILE)
    get_output_console().print(_DEMO_CONFIG, end="")
    for words in _TRAIN_ARGUMENTS:
        _run_command(context, "train", *words)
    _run_command(context, "compare")
    _run_command(context, "report")
    get_output_console().print()
    for line in (
        f"open {directory}/report.html in a web browser; the runs are in {directory}/runs",
        "one seed is not enough to compare optimizers; train eight seeds of each:",
        f"  cd {shlex.quote(str(directory))}",
        f"  dnn sweep {_CONFIG_FILE} optimizer=adam,rmsprop,sgd {_SEEDS_OVERRIDE}",
        "create a config for your own network:",
        "  dnn new my_first.yaml",
    ):
        print_line(get_output_console(), line)


def _create_demo_directory(directory: Path) -> None:
    """Create the directory of the demo, with its config.

    Raises:
        UsageError: the path exists already.
        RunError: the directory or the config cannot be written.
    """
    from dnn_cli.runs.atomic_write import write_text

    if os.path.lexists(directory):
        raise UsageError(f"{directory} already exists", "choose another directory: dnn demo DIRECTORY")
    try:
        directory.mkdir()
    except OSError as error:
        raise RunError(f"{directory} cannot be created: {error.strerror}") from None
    write_text(directory / _CONFIG_FILE, _DEMO_CONFIG)


def _run_command(context: typer.Context, *words: str) -> None:
    """Print a command of `dnn`, and run the command in this process.

    Args:
        context: The Click context of `dnn demo`.
        words: The words after `dnn`, such as `train` and the name of a config.

    Raises:
        Exit: the exit code of the command is not 0.
    """
    _print_command("dnn", *words)
    exit_code = context.find_root().command.main(list(words), prog_name="dnn", standalone_mode=False)
    if exit_code:
        raise typer.Exit(exit_code)


def _print_command(*words: str) -> None:
    """Print a command as in a shell session, after a blank line and `$`."""
    get_output_console().print()
    print_line(get_output_console(), f"$ {shlex.join(words)}")
