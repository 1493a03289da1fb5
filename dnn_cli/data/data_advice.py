"""Advice on the data of an experiment: values that slow down training, and columns that make scores too good."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import TABLE_KINDS, USER_DATA_KINDS
from dnn_cli.config.experiment import Experiment
from dnn_cli.data.column_advice import MAX_CHECKED_COLUMNS, list_column_advice
from dnn_cli.data.data_issues import DataIssue
from dnn_cli.data.data_leakage import compute_commonest_share
from dnn_cli.data.duplicates import find_shared_inputs
from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.input_statistics import measure_inputs
from dnn_cli.data.preprocessing import compute_preprocessing
from dnn_cli.formats.input_scale import MIN_PIXEL_COUNT, has_pixel_range, have_different_scales
from dnn_cli.runs.data_scale import find_unscaled_input, find_unscaled_targets, scales_inputs_first

_MAX_COMMONEST_SHARE = 0.5
"""Equal inputs are reported if they are more than this share of the training inputs.

Inputs of fewer than `MIN_PIXEL_COUNT` values are often equal by chance, and are reported only if all are equal."""

_MIN_VALIDATION_EXAMPLES = 5
"""Advice is given if a validation set has fewer examples. The 95% interval of 4 right of 4 examples begins at 40%
(Clopper and Pearson 1934)."""

_MAX_SAMPLE_NUMBERS = 400_000
"""Approximate maximum number of values in the sample of inputs that is searched for pixels."""

_SCALE_REASON = "a network learns best from inputs between about -1 and 1"


def list_data_advice(experiment: Experiment, examples: Examples, split: Split) -> list[str]:
    """Return advice on the inputs and targets of an experiment, as lines of text.

    Each line describes a problem and ends with a suggestion in parentheses. Without problems, the list is empty.
    """
    data = experiment.data
    target_advice = _advise_on_targets(experiment, examples.targets[split.train])
    equal_issue = _find_equal_inputs(examples, split.train)
    split_issue = _find_small_validation(data, len(split.validation))
    if equal_issue:
        return [*map(str, filter(None, [equal_issue, target_advice, split_issue]))]
    scale_issue, shared_issue = _find_validation_scale(examples, split), find_shared_inputs(data, examples, split)
    if are_undivided_pixels(data, examples, split.train):
        pixel_advice = _advise_on_pixels(experiment)
        return [*map(str, filter(None, [scale_issue, pixel_advice, target_advice, split_issue, shared_issue]))]
    input_advice = _advise_on_inputs(experiment, examples, split)
    column_issues = list_column_advice(data, examples, split.train)
    issues = [scale_issue, input_advice, target_advice, split_issue, shared_issue, *column_issues]
    return [*map(str, filter(None, issues))]


def list_example_issues(data: Data, examples: Examples, split: Split) -> list[DataIssue]:
    """Return issues of the scale of inputs, the size of the validation set, and the columns, without a network."""
    if equal_issue := _find_equal_inputs(examples, split.train):
        return [equal_issue]
    issues = [
        *filter(None, [_find_validation_scale(examples, split), _find_small_validation(data, len(split.validation))])
    ]
    if are_undivided_pixels(data, examples, split.train):
        return issues
    return [*issues, *list_column_advice(data, examples, split.train, MAX_CHECKED_COLUMNS)]


def _find_small_validation(data: Data, count: int) -> DataIssue | None:
    """Return an issue if the user's own data has very few validation examples."""
    if data.dataset not in USER_DATA_KINDS or not 0 < count < _MIN_VALIDATION_EXAMPLES:
        return None
    noun = "example" if count == 1 else "examples"
    message = f"validation scores of {count} {noun} say little about other examples"
    suggestion = "add examples" if data.folds is None else "use fewer folds, or add examples"
    return DataIssue("small_validation_set", message, suggestion)


def _advise_on_targets(experiment: Experiment, targets: NDArray[np.float32]) -> str:
    """Return advice if the targets of a regression are all equal or far from 0; else an empty text.

    A network reaches targets far from 0 slowly, because the outputs of an untrained network are near 0.
    """
    if experiment.target_encoding == "real" and len(targets) > 1 and (constant := _find_constant_target(targets)):
        return f"{constant} of all training examples are equal  (check how the targets were made)"
    far = find_unscaled_targets(experiment, targets)
    return f"{far.observation}  ({far.suggestion})" if far else ""


def _find_constant_target(targets: NDArray[np.float32]) -> str:
    """Return the name of the first target with a single value, such as `the targets`; empty without such a target."""
    numbers = np.flatnonzero((targets == targets[0]).all(0))
    if not len(numbers):
        return ""
    return "the targets" if targets.shape[1] == 1 else f"the values of target {numbers[0] + 1}"


def _find_equal_inputs(examples: Examples, train: NDArray[np.int64]) -> DataIssue | None:
    """Return an issue if all or most training inputs are equal."""
    if len(train) < 2:
        return None
    share = compute_commonest_share(examples, train)
    if share == 1.0:
        message = "all inputs are equal, so a network cannot learn from them"
        return DataIssue("equal_inputs", message, "check how the inputs were made")
    if share > _MAX_COMMONEST_SHARE and math.prod(examples.inputs.shape[1:]) >= MIN_PIXEL_COUNT:
        return DataIssue("equal_inputs", f"{share:.0%} of the inputs are equal", "check how the inputs were made")
    return None


def _find_validation_scale(examples: Examples, split: Split) -> DataIssue | None:
    """Return an issue if validation inputs range from 0 to 1 and training inputs to 255, or the reverse."""
    samples = [_sample_inputs(examples, indices) for indices in (split.validation, split.train)]
    if math.prod(examples.inputs.shape[1:]) < MIN_PIXEL_COUNT or not all(sample.size for sample in samples):
        return None
    validation_range, training_range = ((float(sample.min()), float(sample.max())) for sample in samples)
    if not have_different_scales(validation_range, training_range):
        return None
    return DataIssue(
        "different_scales",
        f"the validation inputs are up to {validation_range[1]:g}, and the training inputs up to {training_range[1]:g}",
        "divide one of them by 255, or multiply the other",
    )


def _sample_inputs(examples: Examples, indices: NDArray[np.int64]) -> NDArray[Any]:
    """Return inputs at evenly spaced positions in `indices`, with about `_MAX_SAMPLE_NUMBERS` values or fewer."""
    size = math.prod(examples.inputs.shape[1:])
    return examples.inputs[indices[:: max(1, len(indices) * size // _MAX_SAMPLE_NUMBERS)]]


def _advise_on_pixels(experiment: Experiment) -> str:
    """Return advice to divide pixels by 255; an empty text if the experiment scales them."""
    if experiment.data.standardize or scales_inputs_first(experiment):
        return ""
    return f"the inputs are pixels up to 255; {_SCALE_REASON}  (data.scale=255)"


def _advise_on_inputs(experiment: Experiment, examples: Examples, split: Split) -> str:
    """Return advice to standardize inputs that are far from unit scale; else an empty text.

    Inputs have unit scale if their root mean square is near 1. Divided pixels and standardized inputs get no advice.
    """
    data = experiment.data
    if data.standardize or (examples.inputs.dtype == np.uint8 and data.info.pixel_max > 1):
        return ""
    preprocessing = compute_preprocessing(experiment, examples, split)
    far = find_unscaled_input(experiment, measure_inputs(data.info, examples, split, preprocessing))
    masking = experiment.input_mask_layer
    change = "data.standardize=true" if masking is None else f"put Rescaling after {masking.type}"
    return f"{far.observation}; {_SCALE_REASON}  ({change})" if far else ""


def are_undivided_pixels(data: Data, examples: Examples, train: NDArray[np.int64]) -> bool:
    """Return whether the inputs of the user's own arrays or table are pixels from 0 to 255 that are not divided.

    Rows of a table are pixels if they are whole numbers up to exactly 255.
    """
    size = math.prod(examples.inputs.shape[1:])
    if data.dataset not in (*TABLE_KINDS, "npz") or data.info.pixel_max != 1 or size < MIN_PIXEL_COUNT:
        return False
    sample = _sample_inputs(examples, train)
    if not sample.size or not has_pixel_range((float(sample.min()), float(sample.max()))):
        return False
    return sample.ndim > 2 or (float(sample.max()) == 255 and bool((sample == np.rint(sample)).all()))
