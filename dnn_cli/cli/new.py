"""`dnn new`: write a first config, from a few answers or flags."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.console import results
from dnn_cli.errors import UsageError, nearest
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.spec.data import Data
    from dnn_cli.spec.first_config import Choices


def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The config to write, as my_first.yaml.")],
    data: Annotated[str | None, typer.Option(help="A dataset, or your own file.")] = None,
    hidden: Annotated[str | None, typer.Option(help="Units of the hidden layers, as 100,50.")] = None,
    activation: Annotated[str | None, typer.Option(help="Of the hidden layers.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="One of dnn list optimizers.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
) -> None:
    """Write a first config, with comments; on a terminal, what no option says is asked for."""
    from dnn_cli.runs.files import whole_file
    from dnn_cli.spec.first_config import first_config
    from dnn_cli.spec.load import load

    if file.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{file} is no name of a config", f"as in: dnn new {file.with_suffix('.yaml')}")
    if file.exists() and not force:
        raise UsageError(f"{file} is there already", "name another file, or write over it with --force")
    choices = choose(data, hidden, activation, optimizer, epochs)
    try:
        with whole_file(file) as temporary:
            temporary.write_text(first_config(choices, str(file)), encoding="utf-8")
            load(str(temporary))
    except FileNotFoundError:
        raise UsageError(f"there is no folder {file.parent}", "make it first") from None
    results().print(visible(f"{file} written; next: dnn train {shlex.quote(str(file))}"))


def choose(
    data: str | None, hidden: str | None, activation: str | None, optimizer: str | None, epochs: int | None
) -> "Choices":
    """What the options say, the answers to what they do not, and the usual where nobody can be asked."""
    from dnn_cli.spec.catalog import NAMES
    from dnn_cli.spec.datasets import DATASETS
    from dnn_cli.spec.first_config import Choices

    data = data or ask(f"data: {', '.join(DATASETS)}, or a path to your own", "fashion_mnist")
    found = own_or_known(data)
    hidden = ask("units of the hidden layers, as 100,50", "100") if hidden is None else hidden
    activation = one_of("activation", activation or ask("activation", "relu"), NAMES["activation"])
    optimizer = one_of("optimizer", optimizer or ask("optimizer", "adam"), NAMES["optimizer"])
    units = tuple(whole("units", part) for part in hidden.replace(" ", "").split(",") if part)
    return Choices(found, units, activation, optimizer, epochs)


def ask(question: str, usual: str) -> str:
    """An answer from the terminal; the usual one where there is none."""
    if not sys.stdin.isatty():
        return usual
    return str(typer.prompt(question, default=usual, err=True))


def own_or_known(name: str) -> "Data":
    """The data that a word names."""
    from dnn_cli.spec.datasets import DATASETS
    from dnn_cli.spec.first_config import data_for

    if name not in DATASETS and not os.path.exists(name):
        raise UsageError(
            f"{name} is no dataset and no path", nearest(name, DATASETS) or f"one of {', '.join(DATASETS)}"
        )
    if name not in DATASETS and not os.path.isdir(name) and not name.lower().endswith((".csv", ".tsv", ".npz")):
        raise UsageError(f"{name} is no csv, no npz and no folder of images", "data of your own is one of these")
    return data_for(name)


def one_of(kind: str, name: str, names: tuple[str, ...]) -> str:
    """A name that is there."""
    if name not in names:
        raise UsageError(f"{name} is no {kind}", nearest(name, names) or f"one of {', '.join(names)}")
    return name


def whole(what: str, text: str) -> int:
    """A whole number above 0."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise UsageError(f"{what}: {text} is no whole number above 0", "as in: 100")
    return int(text)
