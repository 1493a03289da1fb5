"""`dnn new`: write a first config, from a few answers or flags."""

import os
import re
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from dnn_cli.cli.console import notes, results
from dnn_cli.errors import ConfigError, DnnError, OwnDataError, RunError, UsageError, nearest
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.spec.data import Data
    from dnn_cli.spec.first_config import Choices

T = TypeVar("T")

MANY = 50_000
"""Examples among which every class is taken to have enough."""


def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The config to write, as my_first.yaml.")],
    data: Annotated[str | None, typer.Option(help="A dataset, or your own file.")] = None,
    target: Annotated[str | None, typer.Option(help="The column of a csv to predict.")] = None,
    task: Annotated[str | None, typer.Option(help="classification or regression.")] = None,
    ignore: Annotated[str | None, typer.Option(help="Columns of a csv that are no inputs.")] = None,
    hidden: Annotated[str | None, typer.Option(help="Units of the hidden layers, as 100,50.")] = None,
    activation: Annotated[str | None, typer.Option(help="Of the hidden layers.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="One of dnn list optimizers.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
) -> None:
    """Write a first config, with comments.

    On a terminal, what no option says is asked for.
    """
    from dnn_cli.runs.files import whole_file
    from dnn_cli.spec.first_config import first_config
    from dnn_cli.spec.load import load

    if file.suffix not in (".yaml", ".yml") or not str(file).isprintable():
        raise UsageError(f"{file} is no name for a config", "as in: dnn new my_first.yaml")
    if file.exists() and not force:
        raise UsageError(f"{file} is there already", "name another file, or write over it with --force")
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder {file.parent}", "make it first")
    choices = choose(
        partial(own_or_known, target=target, task=task, ignore=ignore), data, hidden, activation, optimizer, epochs
    )
    try:
        with whole_file(file) as temporary:
            temporary.write_text(first_config(choices, str(file)), encoding="utf-8")
            load(str(temporary))
    except RunError as error:
        raise UsageError(error.message, "name another place") from None
    except ConfigError as error:
        faults = "; ".join(f"{fault.key} {fault.message}" for fault in error.faults)
        raise UsageError(f"such a config would not train: {faults}", "choose otherwise") from None
    results().print(visible(f"{file} written; next: dnn train {shlex.quote(str(file))}"))


def choose(
    read_data: "Callable[[str], Data]",
    data: str | None,
    hidden: str | None,
    activation: str | None,
    optimizer: str | None,
    epochs: int | None,
) -> "Choices":
    """What the options say, the answers to what they do not, and the usual where nobody can be asked."""
    from dnn_cli.spec.catalog import NAMES
    from dnn_cli.spec.datasets import OWN
    from dnn_cli.spec.first_config import Choices, usual_epochs

    known = ", ".join(NAMES["dataset"][: -len(OWN)])
    found = answer(data, f"data: {known}, or a path to your own", "fashion_mnist", read_data)
    units = answer(hidden, "units of the hidden layers, as 100,50", "100", read_units)
    function = answer(activation, "activation, as in dnn list activations", "relu", partial(one_of, "activation"))
    rule = answer(optimizer, "optimizer, as in dnn list optimizers", "adam", partial(one_of, "optimizer"))
    usual = str(usual_epochs(found.facts))
    times = answer(None if epochs is None else str(epochs), "epochs", usual, partial(whole, "epochs"))
    return Choices(found, units, function, rule, times, typical_target(found), can_stratify(found))


def answer(given: str | None, question: str, usual: str, read: Callable[[str], T]) -> T:
    """What an option says; else an answer from the terminal, asked for until it is one; else the usual."""
    if given is not None or not sys.stdin.isatty():
        return read(usual if given is None else given)
    while True:
        try:
            return read(str(typer.prompt(question, default=usual, err=True)))
        except DnnError as error:
            message = error.message.replace("\n", "; ")
            notes().print(visible(f"{message}  ({error.hint})" if error.hint else message))


def own_or_known(name: str, target: str | None, task: str | None, ignore: str | None) -> "Data":
    """The data that a word names, looked into as far as a check does.

    Raises:
        DnnError: there is none, or it is not what it should be.
    """
    from pydantic import ValidationError

    from dnn_cli.spec.check import data_misfits
    from dnn_cli.spec.datasets import DATASETS
    from dnn_cli.spec.first_config import data_for

    if name not in DATASETS and not os.path.exists(name):
        raise UsageError(
            f"{name} is no dataset and no path", nearest(name, DATASETS) or f"one of {', '.join(DATASETS)}"
        )
    if name not in DATASETS and not os.path.isdir(name) and not name.lower().endswith((".csv", ".tsv", ".npz")):
        raise UsageError(f"{name} is no csv, no npz and no folder of images", "data of your own is one of these")
    try:
        data = data_for(name, target=target, task=task, ignore=ignore.split(",") if ignore else None)
        if data.dataset == "image_folder":
            data = resized_data(data)
    except ValidationError as error:
        key = error.errors(include_url=False)[0]["loc"][0]
        hint = "classification or regression" if key == "task" else "another name"
        raise UsageError(f"{task if key == 'task' else name} cannot be the {key} of data", hint) from None
    except OwnDataError as error:
        raise OwnDataError(error.message, option_hint(error.hint)) from None
    if remarks := [*data_misfits(data)]:
        raise OwnDataError("\n".join(remark.message for remark in remarks), option_hint(remarks[-1].suggestion))
    paths = {key: getattr(data, key) for key in ("path", "validation_path", "test_path")}
    found = [f"{key}: {os.path.relpath(path)}" for key, path in paths.items() if path is not None]
    if len(found) > 1:
        notes().print(visible(f"{name} holds several sets: {', '.join(found)}"))
    return data


def resized_data(data: "Data") -> "Data":
    """Return a folder of images with the size of the first image for all, as the config will have it.

    Raises:
        OwnDataError: the folder is not what it should be.
    """
    from dnn_cli.formats.image_folder import inspect_images

    size = inspect_images(str(data.path), None, data.color_mode or "rgb").input_shape[:2]
    return data.model_copy(update={"image_size": size})


def option_hint(hint: str) -> str:
    """Return a hint about keys of data with the options of this command: `data.ignore=[City]` is `--ignore City`."""
    import yaml

    def ignored(found: re.Match[str]) -> str:
        names = yaml.safe_load(found[1])
        if any("," in str(name) for name in names):
            return f"ignore: {found[1]} below data: in a config"
        return f"--ignore {shlex.quote(','.join(map(str, names)))}"

    hint = re.sub(r"data\.ignore=(\[.*\])", ignored, hint)
    hint = re.sub(r"\b(?:data\.)?task: (classification|regression)", r"--task \1", hint)
    return re.sub(r"^path: ", "--data ", hint).replace("data.target names", "--target names")


def typical_target(data: "Data") -> tuple[float, float] | None:
    """Mean and deviation of the one number to predict; `None` where there are classes, or several numbers."""
    if data.facts.is_classification or data.facts.targets > 1:
        return None
    from dnn_cli.data.examples import load_examples

    labels = load_examples(data).labels
    return float(labels.mean()), float(labels.std())


def can_stratify(data: "Data") -> bool:
    """Whether every class has enough examples to be in each part of the split."""
    if not data.facts.is_classification or not data.facts.examples < MANY:
        return data.facts.is_classification
    from dnn_cli.data.examples import load_examples, split_examples

    share = 0.0 if data.facts.test_examples else 0.2
    divided = data.model_copy(update={"stratify": True, "test_size": share, "validation_size": 0.2})
    try:
        split_examples(divided, load_examples(data))
    except OwnDataError:
        return False
    return True


def one_of(kind: str, name: str) -> str:
    """Return a name of its kind, also where it is written as Keras writes it: `Adam` is `adam`.

    Raises:
        UsageError: the kind has no such name.
    """
    from dnn_cli.spec.catalog import NAMES
    from dnn_cli.spec.spelling import SPELLINGS

    name = SPELLINGS[kind].get(name.strip(), name.strip())
    if name not in NAMES[kind]:
        raise UsageError(f"{name} is no {kind}", nearest(name, NAMES[kind]) or f"one of {', '.join(NAMES[kind])}")
    return name


def read_units(text: str) -> tuple[int, ...]:
    """Return the units of some layers, with commas, spaces or brackets: `100,50`, `100 50`, `[100, 50]`."""
    return tuple(whole("units", part) for part in text.strip(" []()").replace(",", " ").split())


def whole(what: str, text: str) -> int:
    """A whole number above 0."""
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise UsageError(f"{what}: {text} is no whole number above 0", "as in: 100")
    return int(text)
