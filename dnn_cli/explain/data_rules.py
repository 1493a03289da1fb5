"""Findings about the data of a run, from the statistics in its `inputs.npz`."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dnn_cli.config.datasets import TABLE_KINDS
from dnn_cli.explain import suggestions
from dnn_cli.explain.evidence import Evidence
from dnn_cli.explain.findings import Finding, Suggestion
from dnn_cli.formats.data_overrides import quote_yaml_value
from dnn_cli.runs.data_scale import find_unscaled_input
from dnn_cli.runs.revealing_columns import find_revealing_columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MIN_COPIED_SHARE = 0.3
"""Copies are reported if at least this share of the validation inputs are also training inputs.

The validation score then does not measure the performance on new data."""

_MAX_CHANCE_COPIES = 0.02
"""Copies are reported only if chance alone is expected to give at most this share of equal inputs.

Inputs with few possible values are often equal by chance."""

_MIN_TARGET_SHIFT = 0.3
"""Smallest reported difference between the class shares of training and validation.

The difference is the share of validation targets that would have to change to make the class shares equal."""

_MIN_SHIFT_STANDARD_ERRORS = 6.0
"""A difference between training and validation targets is reported if it is at least this many standard errors."""

_MIN_INPUT_SHIFT = 2.0
"""Smallest reported shift of the validation inputs relative to the training inputs.

The shift of a column is the difference between its two means, divided by the standard deviation of its training inputs.
The shift of the inputs is the median over all columns."""

_MIN_INPUT_STRETCH = 5.0
"""Smallest reported factor between the standard deviations of validation and training inputs, in either direction.

The factor is a median over all columns."""


def find_unscaled_inputs(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if inputs are far from unit scale: their root mean square is much larger or smaller than 1."""
    far = find_unscaled_input(evidence.experiment, evidence.input_profile) if evidence.input_profile else None
    if far is None:
        return
    meaning = (
        "Large inputs cause large steps, and the largest inputs hide the others. The same learning rate is too large "
        "for one weight and too small for another."
        if far.root_mean_square > 1
        else "Small inputs change the outputs little, so the weights must grow first."
    )
    yield Finding(
        "unscaled_inputs",
        "advice",
        "the inputs are not scaled",
        far.observation,
        meaning,
        None,
        {"low": far.low, "high": far.high, "size": far.root_mean_square},
        suggestions.suggest_training(evidence, *suggestions.list_standardizing_overrides(evidence)),
    )


def find_row_numbers(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if table columns contain only row numbers."""
    inputs = evidence.input_profile
    marks, scores = (inputs.column_numbering, inputs.column_scores) if inputs else (None, None)
    if marks is None or not marks.any() or len(marks) < 2:
        return
    columns = [column for column, mark in enumerate(marks.tolist()) if mark]
    alone = max(float(scores[column]) for column in columns) if scores is not None else 0.0
    names = ", ".join(_get_column_name(evidence, column) for column in columns)
    noun = "columns" if len(columns) > 1 else "column"
    observation = f"{noun} {names}: integers without gaps, one for each row"
    if alone > 0.5:
        subject = "one of them" if len(columns) > 1 else "this column"
        observation += f"; {subject} alone avoids {alone:.0%} of the errors of a constant prediction"
    meaning = "A row number has no information about a new example. If the rows are sorted, it reveals the target."
    yield Finding(
        "row_numbers",
        "trouble" if alone > 0.5 else "advice",
        "a column contains only row numbers",
        observation,
        meaning,
        None,
        {"alone": alone},
        _suggest_ignoring_columns(evidence, columns),
    )


def find_target_in_inputs(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if single columns predict the target, and all other columns are clearly worse."""
    inputs = evidence.input_profile
    if inputs is None or inputs.column_scores is None:
        return
    scores, marks = inputs.column_scores, inputs.column_numbering
    revealing = find_revealing_columns(scores, marks, evidence.training_examples or 0)
    if revealing is None:
        return
    best, second = revealing.score, revealing.next_score
    is_single = len(revealing.columns) == 1
    name = ", ".join(_get_column_name(evidence, column) for column in revealing.columns)
    observation = (
        f"{name} {'alone avoids' if is_single else 'each avoid'} {best:.0%} of the errors of a constant prediction; "
        f"the next best column, {second:.0%}"
    )
    meaning = (
        "Such a column is usually computed from the target, or known only after the target. The score is then not "
        "valid for new data. If the column is known before the target, nothing is wrong."
    )
    yield Finding(
        "label_in_inputs",
        "advice",
        "one column reveals the target" if is_single else f"{len(revealing.columns)} columns reveal the target",
        observation,
        meaning,
        None,
        {"best": best, "second": second},
        _suggest_ignoring_columns(evidence, [*revealing.columns]),
    )


def find_copied_examples(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if many validation inputs are also training inputs."""
    copied = evidence.input_profile.copies if evidence.input_profile else None
    if copied is None or float(copied[0]) < _MIN_COPIED_SHARE or float(copied[1]) > _MAX_CHANCE_COPIES:
        return
    share = float(copied[0])
    observation = f"{share:.0%} of the validation inputs are equal to a training input in every value"
    meaning = "Copies measure memory, not performance on new examples. Remove repeated rows before the data is split."
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
    """Yield a finding if validation targets clearly differ from training targets."""
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
        "The validation targets are rare in training: the data was probably sorted by target before the split. "
        "Split it at random, or by class."
    )
    yield Finding(
        "label_order",
        "trouble",
        "training and validation have different targets",
        observation,
        meaning,
        None,
        {},
        _suggest_random_split(evidence),
    )


def _format_class_shift(
    evidence: Evidence, training_targets: "NDArray[np.int32]", validation_targets: "NDArray[np.int64]"
) -> str:
    """Format the class whose share differs most between training and validation; empty if the shares are similar."""
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
        f"class {names[worst]} has {training_shares[worst]:.0%} of the training examples and "
        f"{validation_shares[worst]:.0%} of the validation examples"
    )
    verb = "occurs" if missing == 1 else "occur"
    return text + (f"; {missing} of {count} classes {verb} only in the validation set" if missing else "")


def _format_level_shift(training_targets: "NDArray[np.float32]", validation_targets: "NDArray[np.float32]") -> str:
    """Format the means of training and validation targets; empty if the means are similar."""
    training_mean, validation_mean = float(training_targets.mean()), float(validation_targets.mean())
    deviation = float(training_targets.std())
    error = deviation * math.sqrt(1 / len(training_targets) + 1 / len(validation_targets))
    if not deviation or abs(training_mean - validation_mean) < max(deviation, _MIN_SHIFT_STANDARD_ERRORS * error):
        return ""
    return f"the mean target is {training_mean:.4g} in training and {validation_mean:.4g} in validation"


def _suggest_random_split(evidence: Evidence) -> tuple[Suggestion, ...]:
    """Return the suggestion of a random split, with equal class shares in a classification.

    For an npz file with its own validation examples, the suggestion is `dnn data show`. The result is empty if the
    config already requests such a split.
    """
    data = evidence.experiment.data
    by_class = ("data.stratify=true",) if evidence.class_count and not data.stratify else ()
    if data.validation_path is not None:
        return suggestions.suggest_training(evidence, "~data.validation_path", "data.validation_size=0.2", *by_class)
    # These examples are part of an npz file, whose split a config cannot change.
    if evidence.experiment.data.info.validation_examples:
        return (suggestions.SHOW_DATA,)
    return suggestions.suggest_training(evidence, *by_class)


def find_input_shift(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if validation inputs are scaled or shifted relative to the training inputs."""
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
        f"training inputs have mean {training_mean:.4g} and standard deviation {spread[0]:.4g}, "
        f"validation inputs have mean {validation_mean:.4g} and standard deviation {spread[1]:.4g}"
    )
    meaning = "The validation set was prepared differently, so its inputs do not occur in training."
    yield Finding(
        "other_inputs",
        "trouble",
        "validation inputs are unlike training inputs",
        observation,
        meaning,
        None,
        {"shift": shift, "stretch": stretch},
        (suggestions.SHOW_DATA,),
    )


def _get_column_name(evidence: Evidence, column: int) -> str:
    """Return the name of a column, or its number where columns have no names."""
    names = evidence.input_profile.dataset_info.input_columns if evidence.input_profile else ()
    return names[column] if names else f"input {column + 1}"


def _suggest_ignoring_columns(evidence: Evidence, columns: list[int]) -> tuple[Suggestion, ...]:
    """Return the suggestion to train without some columns of a table; empty for other data."""
    names = evidence.input_profile.dataset_info.input_columns if evidence.input_profile else ()
    if evidence.experiment.data.dataset not in TABLE_KINDS or not names:
        return ()
    ignored = [*(evidence.experiment.data.ignore or ()), *(names[column] for column in columns)]
    return suggestions.suggest_training(evidence, f"data.ignore={quote_yaml_value(ignored)}")
