"""The names a config can use, with what each means and takes."""

from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from dnn_cli.spec.base import KerasPart
from dnn_cli.spec.catalog import KINDS, NAMES, short
from dnn_cli.spec.datasets import DATASETS, OWN, Dataset
from dnn_cli.spec.stack import sizes_text


@dataclass(frozen=True)
class Word:
    """One name; `arguments` are plain defaults, `...` where one must be given."""

    name: str
    meaning: str
    arguments: dict[str, Any]
    own: tuple[str, ...] = ()
    """The arguments that not every word of its kind takes."""

    @property
    def arguments_text(self) -> str:
        shown = {name: self.arguments[name] for name in self.own}
        return ", ".join(name if value == "..." else f"{name}={short(value)}" for name, value in shown.items())


@dataclass(frozen=True)
class Vocabulary:
    """All names of one kind, and the arguments common to them."""

    entries: tuple[Word, ...]
    common: tuple[str, ...] = ()


def vocabulary(kind: str) -> Vocabulary:
    """The names of a kind, such as layer or optimizer."""
    if kind == "dataset":
        everybodys = [Word(name, f"{dataset.summary} {facts(dataset)}", {}) for name, dataset in DATASETS.items()]
        return Vocabulary((*everybodys, *(Word(name, meaning, {}) for name, meaning in OWN.items())))
    if kind not in KINDS:
        return Vocabulary(tuple(Word(name, "", {}) for name in NAMES[kind]))
    classes = KINDS[kind]
    arguments = {name: defaults(cls) for name, cls in classes.items()}
    takes_all = [set(taken) for taken in arguments.values()]
    common = set.intersection(*takes_all) if len(classes) > 1 else set()
    different = {key for key in common if len({repr(taken[key]) for taken in arguments.values()}) > 1}
    entries = tuple(
        Word(
            name,
            first_line(cls),
            arguments[name],
            tuple(key for key in arguments[name] if key not in common or key in different),
        )
        for name, cls in classes.items()
    )
    order = next(iter(arguments.values()))
    return Vocabulary(entries, tuple(key for key in order if key in common - different))


def vocabulary_table(words: Vocabulary) -> Table:
    """A name a row, with its meaning and under it its own arguments."""
    made = Table.grid(padding=(0, 2, 0, 0))
    for word in words.entries:
        made.add_row(Text(word.name), Text("\n".join(filter(None, (word.meaning, word.arguments_text)))))
    return made


def defaults(cls: type[KerasPart]) -> dict[str, Any]:
    """The arguments of a class with their defaults as plain values; those it needs first."""
    fields = cls.model_fields
    plain = {}
    for name in cls.field_order():
        if name != "type" and not fields[name].exclude:
            default = "..." if fields[name].is_required() else fields[name].get_default()
            plain[name] = default.model_dump(mode="json") if isinstance(default, KerasPart) else default
    return plain


def first_line(cls: type) -> str:
    """What a class says of itself."""
    return (cls.__doc__ or "").strip().splitlines()[0]


def facts(dataset: Dataset) -> str:
    """A dataset in numbers."""
    shape = sizes_text(dataset.input_shape)
    aim = f"in {len(dataset.classes)} classes" if dataset.classes else "with a number to predict"
    apart = f", {dataset.test_examples:,} more kept apart as test set" if dataset.test_examples else ""
    return f"{dataset.examples:,} {dataset.noun}s of {shape} {aim}{apart}"
