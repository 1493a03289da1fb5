"""Findings about the data of a run, from the statistics in its `inputs.npz`."""

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dnn_cli.explain import suggestions
from dnn_cli.explain.evidence import Evidence
from dnn_cli.explain.findings import Finding, Suggestion
from dnn_cli.runs.data_scale import find_unscaled_input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MIN_COPIED_SHARE = 0.3
"""The share of validation inputs that are training inputs, too, from which a score on them is not one on new data."""

_MAX_CHANCE_COPIES = 0.02
"""Where rows of a table are equal by chance more often than this, copies show nothing."""

_MIN_LEAK_SCORE = 0.98
"""A column that predicts the target so well alone is probably made from it. Petals tell the kinds of iris with 0.90."""

_MAX_SECOND_SCORE = 0.9
"""Where another column is as good, the target is simply easy to predict."""

PERFECT_SCORE, MAX_SECOND_OF_PERFECT = 0.999, 0.97
"""The same for a column that is always right."""

MIN_COLUMNS, MIN_ROWS = 3, 50
"""A table of fewer columns or rows may have one column that decides."""

_MIN_TARGET_SHIFT = 0.3
"""The share of targets that would have to change for training and validation to have the same."""

_MIN_SHIFT_STANDARD_ERRORS = 6.0
"""Standard errors of a difference between the targets of training and validation."""

_MIN_INPUT_SHIFT = 2.0
"""Deviations of the training inputs by which the median column of the validation inputs is shifted."""

_MIN_INPUT_STRETCH = 5.0
"""The ratio of their deviations, either way."""


def find_unscaled_inputs(evidence: Evidence) -> Iterator[Finding]:
    """Yield inputs far from unit scale."""
    far = find_unscaled_input(evidence.experiment, evidence.input_profile) if evidence.input_profile else None
    if far is None:
        return
    meaning = (
        "Large inputs make large steps, and the largest hide all others; the same rate is too large for one weight "
        "and too small for another."
        if far.root_mean_square > 1
        else "Inputs so small change the outputs little, and the weights have to grow first."
    )
    yield Finding(
        "unscaled_inputs",
        "advice",
        "the inputs are far from unit scale",
        far.observation,
        meaning,
        None,
        {"low": far.low, "high": far.high, "size": far.root_mean_square},
        suggestions.suggest_standardizing(evidence),
    )


def find_row_numbers(evidence: Evidence) -> Iterator[Finding]:
    """Yield columns that only number the rows."""
    inputs = evidence.input_profile
    if inputs is None or inputs.numbering is None or not inputs.numbering.any() or inputs.input_size < 2:
        return
    columns = [column for column, mark in enumerate(inputs.numbering.tolist()) if mark]
    alone = max(float(inputs.alone[column]) for column in columns) if inputs.alone is not None else 0.0
    names = ", ".join(_get_column_name(evidence, column) for column in columns)
    noun = "columns" if len(columns) > 1 else "column"
    observation = f"{noun} {names}: whole numbers without gaps, one for each row"
    if alone > 0.5:
        observation += f"; alone it avoids {alone:.0%} of the errors of a constant prediction"
    meaning = "A row number says nothing about a new example; where the rows are sorted, it gives the label away."
    yield Finding(
        "row_numbers",
        "trouble" if alone > 0.5 else "advice",
        f"a {noun[:6]} only numbers the rows",
        observation,
        meaning,
        None,
        {"alone": alone},
        _suggest_ignoring_columns(evidence, columns),
    )


def find_target_in_inputs(evidence: Evidence) -> Iterator[Finding]:
    """Yield a column that alone predicts the target, where no other is nearly as good."""
    inputs = evidence.input_profile
    if (
        inputs is None
        or inputs.alone is None
        or inputs.input_size < MIN_COLUMNS
        or (evidence.training_examples or 0) < MIN_ROWS
    ):
        return
    order = inputs.alone.argsort()[::-1].tolist()
    best, second = (float(inputs.alone[column]) for column in order[:2])
    if (
        best < _MIN_LEAK_SCORE
        or second > (MAX_SECOND_OF_PERFECT if best >= PERFECT_SCORE else _MAX_SECOND_SCORE)
        or (inputs.numbering is not None and inputs.numbering[order[0]])
    ):
        return
    name = _get_column_name(evidence, order[0])
    observation = (
        f"{name} alone avoids {best:.0%} of the errors of a constant prediction, the next best column {second:.0%}"
    )
    meaning = (
        "Such a column is usually made from the label, or known only after it; then the score is none on new data. "
        "If it is known beforehand, all is well."
    )
    yield Finding("label_in_inputs", "advice", "one column gives the label away", observation, meaning, None,
                  {"best": best, "second": second}, _suggest_ignoring_columns(evidence, order[:1]))  # fmt: skip


def find_copied_examples(evidence: Evidence) -> Iterator[Finding]:
    """Yield a validation set many of whose examples are training examples, too."""
    copied = evidence.input_profile.copies if evidence.input_profile else None
    if copied is None or float(copied[0]) < _MIN_COPIED_SHARE or float(copied[1]) > _MAX_CHANCE_COPIES:
        return
    share = float(copied[0])
    observation = f"{share:.0%} of the validation inputs are also training inputs, value for value"
    meaning = "Their score is one of memory, not of new examples: leave out repeated rows before the data is divided."
    yield Finding(
        "copies",
        "trouble",
        "validation examples are copies of training examples",
        observation,
        meaning,
        None,
        {"share": share},
        (suggestions.SHOW_DATA,),
    )


def find_target_shift(evidence: Evidence) -> Iterator[Finding]:
    """Yield a validation set whose targets are clearly not those of the training set."""
    training_targets = evidence.input_profile.labels if evidence.input_profile else None
    if training_targets is None or evidence.predictions is None or len(training_targets) < 2:
        return
    validation_targets = evidence.predictions[0]
    observation = (
        _format_class_shift(evidence, training_targets, validation_targets)
        if evidence.class_count
        else _format_level_shift(training_targets, validation_targets)
    )
    if not observation:
        return
    meaning = (
        "The network is judged on labels that it hardly saw: the examples were divided in the order of their labels. "
        "Divide them at random, or by class."
    )
    yield Finding(
        "label_order",
        "trouble",
        "training and validation have different labels",
        observation,
        meaning,
        None,
        {},
        _suggest_random_split(evidence),
    )


def _format_class_shift(
    evidence: Evidence, training_targets: "NDArray[np.int32]", validation_targets: "NDArray[np.int64]"
) -> str:
    """Return the class whose share differs most, in words; nothing where the shares are alike."""
    import numpy as np

    count = evidence.class_count or 0
    training_shares, validation_shares = (
        np.bincount(class_targets, minlength=count) / len(class_targets)
        for class_targets in (training_targets, validation_targets)
    )
    if float(np.abs(training_shares - validation_shares).sum()) / 2 < _MIN_TARGET_SHIFT:
        return ""
    pooled_shares = (training_shares * len(training_targets) + validation_shares * len(validation_targets)) / (
        len(training_targets) + len(validation_targets)
    )
    errors = np.sqrt(
        np.maximum(pooled_shares * (1 - pooled_shares), 1e-9)
        * (1 / len(training_targets) + 1 / len(validation_targets))
    )
    worst = int(np.argmax(np.abs(training_shares - validation_shares) / errors))
    if abs(training_shares[worst] - validation_shares[worst]) < _MIN_SHIFT_STANDARD_ERRORS * errors[worst]:
        return ""
    missing = int(((training_shares == 0) & (validation_shares > 0)).sum())
    names = evidence.experiment.data.info.classes
    text = (
        f"{names[worst]} is {training_shares[worst]:.0%} of the training labels and "
        f"{validation_shares[worst]:.0%} of the validation labels"
    )
    return text + (f"; {missing} of {count} classes are in the validation set alone" if missing else "")


def _format_level_shift(training_targets: "NDArray[np.float32]", validation_targets: "NDArray[np.float32]") -> str:
    """Return the levels of the targets, in words; nothing where they are alike."""
    training_mean, validation_mean = float(training_targets.mean()), float(validation_targets.mean())
    deviation = float(training_targets.std())
    error = deviation * math.sqrt(1 / len(training_targets) + 1 / len(validation_targets))
    if not deviation or abs(training_mean - validation_mean) < max(deviation, _MIN_SHIFT_STANDARD_ERRORS * error):
        return ""
    return (
        f"the numbers to predict are {training_mean:.4g} on average in training and {validation_mean:.4g} in validation"
    )


def _suggest_random_split(evidence: Evidence) -> tuple[Suggestion, ...]:
    """Return the config with a split at random and by class, where a config can say so."""
    data = evidence.experiment.data
    by_class = ("data.stratify=true",) if evidence.class_count and not data.stratify else ()
    if data.validation_path is not None:
        return suggestions.suggest_training(evidence, "~data.validation_path", "data.validation_size=0.2", *by_class)
    if evidence.experiment.data.info.validation_examples:  # in an npz, which a config cannot change
        return (suggestions.SHOW_DATA,)
    return suggestions.suggest_training(evidence, *by_class)


def find_input_shift(evidence: Evidence) -> Iterator[Finding]:
    """Yield a validation set whose inputs are scaled or shifted against the training inputs."""
    inputs = evidence.input_profile
    if inputs is None or inputs.validation_average is None or inputs.validation_deviation is None:
        return
    import numpy as np

    varies = inputs.deviation > 1e-6 * (1e-30 + float(np.abs(inputs.average).max()))
    if not varies.any():
        return
    deviation = inputs.deviation[varies].astype(np.float64)
    shift = float(np.median(np.abs(inputs.validation_average[varies] - inputs.average[varies]) / deviation))
    stretch = float(np.median(inputs.validation_deviation[varies] / deviation))
    if shift < _MIN_INPUT_SHIFT and 1 / _MIN_INPUT_STRETCH < stretch < _MIN_INPUT_STRETCH:
        return
    training_mean, validation_mean = float(inputs.average.mean()), float(inputs.validation_average.mean())
    spread = float(inputs.deviation.mean()), float(inputs.validation_deviation.mean())
    observation = (
        f"training inputs are {training_mean:.4g} on average with a deviation of {spread[0]:.4g}, "
        f"validation inputs {validation_mean:.4g} with {spread[1]:.4g}"
    )
    meaning = "The validation set is prepared in another way, so the network is judged on inputs it never saw."
    yield Finding(
        "other_inputs",
        "trouble",
        "validation inputs are unlike the training inputs",
        observation,
        meaning,
        None,
        {"shift": shift, "stretch": stretch},
        (suggestions.SHOW_DATA,),
    )


def _get_column_name(evidence: Evidence, column: int) -> str:
    """Return the name of an input."""
    names = evidence.input_profile.dataset_info.features if evidence.input_profile else ()
    return names[column] if names else f"input {column + 1}"


def _suggest_ignoring_columns(evidence: Evidence, columns: list[int]) -> tuple[Suggestion, ...]:
    """Return the config without some columns of a csv."""
    names = evidence.input_profile.dataset_info.features if evidence.input_profile else ()
    if evidence.experiment.data.dataset != "csv" or not names:
        return ()
    ignored = [*(evidence.experiment.data.ignore or ()), *(names[column] for column in columns)]
    return suggestions.suggest_training(evidence, f"data.ignore={json.dumps(ignored, ensure_ascii=False)}")
