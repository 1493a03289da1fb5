"""`dnn demo`: three small trainings, their comparison and their report, as a person would type them."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from dnn_cli.cli.console import results
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.words import visible

CONFIG = """\
# Handwritten digits in 8 × 8 pixels, which need no download. Change it, and train again.
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

FILE = "demo.yaml"
TRAININGS = ((FILE,), (FILE, "optimizer=rmsprop"), (FILE, "optimizer=sgd"))
"""One thing is changed at a time, or nobody could say what made the difference."""

SEEDS = "seed=42..49"
"""Enough for a verdict among three."""


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="A new folder for all of it.")] = Path("dnn-demo"),
) -> None:
    """Train three small networks, compare them and write a report.

    It takes less than a minute and no network; every command is shown as it is run.
    """
    from dnn_cli.cli.compare import compare
    from dnn_cli.cli.report import report
    from dnn_cli.cli.train import train

    begin(folder)
    os.chdir(folder)
    os.environ.pop("DNN_RUNS_DIR", None)  # or what is shown would not be what is typed
    tell("cd", str(folder))
    tell("cat", FILE)
    results().print(CONFIG, end="")
    for words in TRAININGS:
        tell("dnn", "train", *words)
        train(list(words))
    tell("dnn", "compare")
    compare(None)
    tell("dnn", "report")
    report(None)
    results().print()
    for line in (
        f"{folder}/report.html opens in a browser; {folder}/runs has all that was trained",
        "one seed of each says little about optimizers; eight say more:",
        f"  cd {shlex.quote(str(folder))}",
        f"  dnn sweep {FILE} optimizer=adam,rmsprop,sgd {SEEDS}",
        "your own network begins with:",
        "  dnn new my_first.yaml",
    ):
        results().print(visible(line))


def begin(folder: Path) -> None:
    """Make the folder, with the config in it.

    Raises:
        UsageError: there is something of that name.
        RunError: it cannot be made.
    """
    from dnn_cli.runs.files import write_text

    if os.path.lexists(folder):
        raise UsageError(f"{folder} is there already", "name another folder: dnn demo FOLDER")
    try:
        folder.mkdir()
    except OSError as error:
        raise RunError(f"{folder} cannot be made: {error.strerror}") from None
    write_text(folder / FILE, CONFIG)


def tell(*words: str) -> None:
    """A command as it is typed."""
    results().print()
    results().print(visible(f"$ {shlex.join(words)}"))
