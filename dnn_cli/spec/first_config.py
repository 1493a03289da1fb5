"""A first config, commented, for somebody's data and a few choices."""

import json
import os
import shlex
from dataclasses import dataclass
from typing import Any

from dnn_cli.spec.catalog import KINDS
from dnn_cli.spec.data import Data
from dnn_cli.spec.datasets import DATASETS, Facts
from dnn_cli.spec.stack import sizes_text

SCHEMA = "schema.json"
"""What `dnn schema -o` is usually told to write; a config beside it says so to editors."""


LARGE = 10_000
"""From so many examples on few epochs show something, and a random split has nearly equal shares of the classes."""


@dataclass(frozen=True)
class Choices:
    """What a first config depends on."""

    data: Data
    hidden: tuple[int, ...] = (100,)
    """The units of every hidden layer."""

    activation: str = "relu"
    optimizer: str = "adam"
    epochs: int | None = None
    """`usual_epochs` where none is said."""

    typical_target: tuple[float, float] | None = None
    """Mean and deviation of the number to predict."""

    stratify: bool = True
    """Whether every class has examples enough for it."""


def data_for(name: str, **more: Any) -> Data:
    """Return the data that a word means: a dataset, or the user's own csv, npz or folder of images by its path.

    A folder of images may hold a folder each for training, validation and test.

    Raises:
        ValidationError: the other keys of data are not what they should be.
        OwnDataError: the folder cannot be read.
    """
    if name in DATASETS:
        return Data.model_validate({"dataset": name, **more})
    kind = "npz" if name.lower().endswith(".npz") else "image_folder" if os.path.isdir(name) else "csv"
    paths = {"path": os.path.abspath(name)}
    if kind == "image_folder":
        from dnn_cli.formats.image_folder import find_parts

        paths |= find_parts(paths["path"])
    return Data.model_validate({"dataset": kind, **paths, **more})


def first_config(choices: Choices, file: str) -> str:
    """The text of a config that is to stand in a file.

    Raises:
        OwnDataError: the user's own data is not what it should be.
    """
    facts = choices.data.facts
    output, loss, metric, meaning = aim(facts)
    layers = [
        *([("- Flatten", "all numbers of an image in one row")] if len(facts.input_shape) > 1 else []),
        *(
            (f"- {{type: Dense, units: {units}, activation: {choices.activation}, name: {name}}}", "")
            for name, units in zip(hidden_names(choices.hidden), choices.hidden, strict=True)
        ),
        (output, meaning),
        *rescaled(choices.typical_target),
    ]
    beside = os.path.join(os.path.dirname(os.path.abspath(file)), SCHEMA)
    lines = [
        *([f"# yaml-language-server: $schema={SCHEMA}"] if os.path.exists(beside) else []),
        f"# {facts.examples:,} {facts.noun}s of {sizes_text(facts.input_shape)}; the output is {meaning}.",
        "#",
        f"#     dnn train {shlex.quote(file)}",
        f"#     dnn train {shlex.quote(file)} optimizer=sgd epochs=10",
        "#",
        "# dnn list layers (or optimizers, activations, losses, metrics, datasets) shows what can stand here.",
        "data:",
        *(commented(f"  {line}", why) for line, why in data_lines(choices, facts, file)),
        "model:",
        "  layers:",
        *(commented(f"    {line}", why) for line, why in layers),
        commented(f"optimizer: {choices.optimizer}", f"or with arguments: {with_rate(choices.optimizer)}"),
        commented(f"loss: {loss}", "what training makes small"),
        commented(f"metrics: [{metric}]", "what is shown beside it; the first decides which epoch is best"),
        commented(f"epochs: {choices.epochs or usual_epochs(facts)}", "how often every example is seen"),
        commented("batch_size: 32", "examples a step"),
        commented("seed: 42", "another seed is another run of the same experiment"),
    ]
    return "\n".join(lines) + "\n"


def aim(facts: Facts) -> tuple[str, str, str, str]:
    """The output layer, the loss, the metric, and what the output means."""
    if not facts.is_classification:
        numbers = "a number to predict" if facts.targets == 1 else f"{facts.targets} numbers to predict"
        layer = f"- {{type: Dense, units: {facts.targets}, name: output}}"
        return layer, "mean_squared_error", "mean_absolute_error", numbers
    if len(facts.classes) == 2:
        layer = "- {type: Dense, units: 1, activation: sigmoid, name: output}"
        return layer, "binary_crossentropy", "accuracy", f"the probability of {one_line(facts.classes[1])}"
    layer = f"- {{type: Dense, units: {len(facts.classes)}, activation: softmax, name: output}}"
    meaning = f"a probability for each of {len(facts.classes)} classes"
    return layer, "sparse_categorical_crossentropy", "accuracy", meaning


def rescaled(typical: tuple[float, float] | None) -> list[tuple[str, str]]:
    """A last layer that brings the output, which begins near 0, to the size of what is predicted."""
    if typical is None or max(map(abs, typical)) < 10:
        return []
    return [(f"- {rescaling(*typical)}", "about its deviation and mean")]


def rescaling(mean: float, deviation: float) -> str:
    """The layer that brings outputs around 0 to about this mean and deviation."""
    return f"{{type: Rescaling, scale: {float(f'{deviation:.2g}') or 1.0}, offset: {float(f'{mean:.2g}')}}}"


def data_lines(choices: Choices, facts: Facts, file: str) -> list[tuple[str, str]]:
    """The keys of the data, each with why."""
    data = choices.data
    lines = [(f"dataset: {data.dataset}", "")]
    for key in ("path", "validation_path", "test_path"):
        if (path := getattr(data, key)) is not None:
            relative = os.path.relpath(path, os.path.dirname(os.path.abspath(file)))
            lines.append((f"{key}: {json.dumps(relative, ensure_ascii=False)}", "relative to this file"))
    for key in ("target", "task", "ignore"):
        if getattr(data, key) is not None:
            lines.append((f"{key}: {json.dumps(getattr(data, key), ensure_ascii=False)}", ""))
    if data.dataset == "image_folder":
        height, width = facts.input_shape[:2]
        lines.append((f"image_size: [{height}, {width}]", "as the first image; others are resized"))
    if not facts.validation_examples:
        lines.append(("validation_size: 0.2", "the share that is not trained on, but scored after every epoch"))
    if not facts.test_examples:
        lines.append(("test_size: 0.2", "the share kept apart first, for dnn evaluate"))
    if facts.is_classification and choices.stratify and (not facts.test_examples or not facts.validation_examples):
        if data.dataset in DATASETS and facts.examples >= LARGE:
            lines.append(("# stratify: true", "left out, as in dnn's own configs: so many examples are divided evenly"))
        else:
            lines.append(("stratify: true", "with equal shares of the classes everywhere"))
    if len(facts.input_shape) == 1:
        lines.append(("standardize: true", "every input with mean 0 and deviation 1"))
    return lines


def usual_epochs(facts: Facts) -> int:
    """Return as many epochs as show something: few examples are seen oftener."""
    return 5 if facts.examples >= LARGE else 50


def with_rate(optimizer: str) -> str:
    """Return an optimizer with Keras's learning rate for it, as it is written in a config."""
    rate = KINDS["optimizer"][optimizer].model_fields["learning_rate"].default
    return f"{{type: {optimizer}, learning_rate: {rate}}}"


def hidden_names(hidden: tuple[int, ...]) -> list[str]:
    """What the hidden layers are called."""
    return ["hidden"] if len(hidden) == 1 else [f"hidden_{number}" for number in range(1, len(hidden) + 1)]


def one_line(name: str) -> str:
    """The name of a class as part of a comment."""
    return "".join(c if c.isprintable() else "?" for c in name)[:60]


def commented(line: str, why: str) -> str:
    """A line with a comment at a common place."""
    return f"{line:<45} # {why}" if why else line
