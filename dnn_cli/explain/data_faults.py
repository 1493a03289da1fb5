"""Findings about the data of a run, from the statistics in its `inputs.npz`."""

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dnn_cli.explain import remedies
from dnn_cli.explain.facts import Facts
from dnn_cli.explain.findings import Finding, Remedy
from dnn_cli.runs.input_size import far_input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COPIED = 0.3
"""The share of validation inputs that are training inputs, too, from which a score on them is not one on new data."""

BY_CHANCE = 0.02
"""Where rows of a table are equal by chance more often than this, copies show nothing."""

TELLS = 0.98
"""A column that predicts the label so well alone is probably made from it. Petals tell the kinds of iris with 0.90."""

SECOND = 0.9
"""Where another column is as good, the label is simply easy to predict."""

PERFECT, CERTAIN = 0.999, 0.97
"""The same for a column that is always right."""

COLUMNS, ROWS = 3, 50
"""A table of fewer columns or rows may have one column that decides."""

OTHER = 0.3
"""The share of labels that would have to change for training and validation to have the same."""

SURE = 6.0
"""Standard errors of a difference between the labels of training and validation."""

SHIFTED = 2.0
"""Deviations of the training inputs by which the median column of the validation inputs is shifted."""

STRETCHED = 5.0
"""The ratio of their deviations, either way."""


def unscaled_inputs(facts: Facts) -> Iterator[Finding]:
    """Yield inputs far from unit scale."""
    far = far_input(facts.experiment, facts.inputs) if facts.inputs else None
    if far is None:
        return
    meaning = (
        "Large inputs make large steps, and the largest hide all others; the same rate is too large for one weight "
        "and too small for another."
        if far.size > 1
        else "Inputs so small change the outputs little, and the weights have to grow first."
    )
    yield Finding("unscaled_inputs", "advice", "the inputs are far from unit scale", far.seen, meaning, None,
                  {"low": far.low, "high": far.high, "size": far.size}, remedies.standardized(facts))  # fmt: skip


def row_numbers(facts: Facts) -> Iterator[Finding]:
    """Yield columns that only number the rows."""
    inputs = facts.inputs
    if inputs is None or inputs.numbering is None or not inputs.numbering.any() or inputs.size < 2:
        return
    columns = [column for column, mark in enumerate(inputs.numbering.tolist()) if mark]
    alone = max(float(inputs.alone[column]) for column in columns) if inputs.alone is not None else 0.0
    names = ", ".join(column_name(facts, column) for column in columns)
    many = "columns" if len(columns) > 1 else "column"
    seen = f"{many} {names}: whole numbers without gaps, one for each row"
    if alone > 0.5:
        seen += f"; alone it avoids {alone:.0%} of the errors of a constant prediction"
    meaning = "A row number says nothing about a new example; where the rows are sorted, it gives the label away."
    yield Finding("row_numbers", "trouble" if alone > 0.5 else "advice", f"a {many[:6]} only numbers the rows", seen,
                  meaning, None, {"alone": alone}, ignoring(facts, columns))  # fmt: skip


def label_in_inputs(facts: Facts) -> Iterator[Finding]:
    """Yield a column that alone predicts the label, where no other is nearly as good."""
    inputs = facts.inputs
    if inputs is None or inputs.alone is None or inputs.size < COLUMNS or (facts.training_examples or 0) < ROWS:
        return
    order = inputs.alone.argsort()[::-1].tolist()
    best, second = (float(inputs.alone[column]) for column in order[:2])
    if (
        best < TELLS
        or second > (CERTAIN if best >= PERFECT else SECOND)
        or (inputs.numbering is not None and inputs.numbering[order[0]])
    ):
        return
    name = column_name(facts, order[0])
    seen = f"{name} alone avoids {best:.0%} of the errors of a constant prediction, the next best column {second:.0%}"
    meaning = (
        "Such a column is usually made from the label, or known only after it; then the score is none on new data. "
        "If it is known beforehand, all is well."
    )
    yield Finding("label_in_inputs", "advice", "one column gives the label away", seen, meaning, None,
                  {"best": best, "second": second}, ignoring(facts, order[:1]))  # fmt: skip


def copies(facts: Facts) -> Iterator[Finding]:
    """Yield a validation set many of whose examples are training examples, too."""
    found = facts.inputs.copies if facts.inputs else None
    if found is None or float(found[0]) < COPIED or float(found[1]) > BY_CHANCE:
        return
    share = float(found[0])
    seen = f"{share:.0%} of the validation inputs are also training inputs, value for value"
    meaning = "Their score is one of memory, not of new examples: leave out repeated rows before the data is divided."
    yield Finding("copies", "trouble", "validation examples are copies of training examples", seen, meaning, None,
                  {"share": share}, (remedies.SHOW_DATA,))  # fmt: skip


def other_labels(facts: Facts) -> Iterator[Finding]:
    """Yield a validation set whose labels are clearly not those of the training set."""
    known = facts.inputs.labels if facts.inputs else None
    if known is None or facts.predictions is None or len(known) < 2:
        return
    labels = facts.predictions[0]
    seen = class_shift(facts, known, labels) if facts.classes else level_shift(known, labels)
    if not seen:
        return
    meaning = (
        "The network is judged on labels that it hardly saw: the examples were divided in the order of their labels. "
        "Divide them at random, or by class."
    )
    yield Finding("label_order", "trouble", "training and validation have different labels", seen, meaning, None, {},
                  divided_at_random(facts))  # fmt: skip


def class_shift(facts: Facts, known: "NDArray[np.int32]", labels: "NDArray[np.int64]") -> str:
    """Return the class whose share differs most, in words; nothing where the shares are alike."""
    import numpy as np

    count = facts.classes or 0
    mine, theirs = (np.bincount(found, minlength=count) / len(found) for found in (known, labels))
    if float(np.abs(mine - theirs).sum()) / 2 < OTHER:
        return ""
    whole = (mine * len(known) + theirs * len(labels)) / (len(known) + len(labels))
    errors = np.sqrt(np.maximum(whole * (1 - whole), 1e-9) * (1 / len(known) + 1 / len(labels)))
    worst = int(np.argmax(np.abs(mine - theirs) / errors))
    if abs(mine[worst] - theirs[worst]) < SURE * errors[worst]:
        return ""
    missing = int(((mine == 0) & (theirs > 0)).sum())
    names = facts.experiment.data.facts.classes
    words = (
        f"{names[worst]} is {mine[worst]:.0%} of the training labels and {theirs[worst]:.0%} of the validation labels"
    )
    return words + (f"; {missing} of {count} classes are in the validation set alone" if missing else "")


def level_shift(known: "NDArray[np.float32]", labels: "NDArray[np.float32]") -> str:
    """Return the levels of the targets, in words; nothing where they are alike."""
    mine, theirs = float(known.mean()), float(labels.mean())
    deviation = float(known.std())
    error = deviation * math.sqrt(1 / len(known) + 1 / len(labels))
    if not deviation or abs(mine - theirs) < max(deviation, SURE * error):
        return ""
    return f"the numbers to predict are {mine:.4g} on average in training and {theirs:.4g} in validation"


def divided_at_random(facts: Facts) -> tuple[Remedy, ...]:
    """Return the config with a split at random and by class, where a config can say so."""
    data = facts.experiment.data
    by_class = ("data.stratify=true",) if facts.classes and not data.stratify else ()
    if data.validation_path is not None:
        return remedies.training(facts, "~data.validation_path", "data.validation_size=0.2", *by_class)
    if facts.experiment.data.facts.validation_examples:  # in an npz, which a config cannot change
        return (remedies.SHOW_DATA,)
    return remedies.training(facts, *by_class)


def other_inputs(facts: Facts) -> Iterator[Finding]:
    """Yield a validation set whose inputs are scaled or shifted against the training inputs."""
    inputs = facts.inputs
    if inputs is None or inputs.validation_average is None or inputs.validation_deviation is None:
        return
    import numpy as np

    moving = inputs.deviation > 1e-6 * (1e-30 + float(np.abs(inputs.average).max()))
    if not moving.any():
        return
    deviation = inputs.deviation[moving].astype(np.float64)
    shift = float(np.median(np.abs(inputs.validation_average[moving] - inputs.average[moving]) / deviation))
    stretch = float(np.median(inputs.validation_deviation[moving] / deviation))
    if shift < SHIFTED and 1 / STRETCHED < stretch < STRETCHED:
        return
    mine, theirs = float(inputs.average.mean()), float(inputs.validation_average.mean())
    spread = float(inputs.deviation.mean()), float(inputs.validation_deviation.mean())
    seen = (
        f"training inputs are {mine:.4g} on average with a deviation of {spread[0]:.4g}, "
        f"validation inputs {theirs:.4g} with {spread[1]:.4g}"
    )
    meaning = "The validation set is prepared in another way, so the network is judged on inputs it never saw."
    yield Finding("other_inputs", "trouble", "validation inputs are unlike the training inputs", seen, meaning, None,
                  {"shift": shift, "stretch": stretch}, (remedies.SHOW_DATA,))  # fmt: skip


def column_name(facts: Facts, column: int) -> str:
    """Return the name of an input."""
    names = facts.inputs.facts.features if facts.inputs else ()
    return names[column] if names else f"input {column + 1}"


def ignoring(facts: Facts, columns: list[int]) -> tuple[Remedy, ...]:
    """Return the config without some columns of a csv."""
    names = facts.inputs.facts.features if facts.inputs else ()
    if facts.experiment.data.dataset != "csv" or not names:
        return ()
    ignored = [*(facts.experiment.data.ignore or ()), *(names[column] for column in columns)]
    return remedies.training(facts, f"data.ignore={json.dumps(ignored, ensure_ascii=False)}")
