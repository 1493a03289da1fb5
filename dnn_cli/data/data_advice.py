"""Advice on the data of an experiment: values that slow down training, and columns that make scores too good."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import USER_DATA_KINDS
from dnn_cli.config.experiment import Experiment
from dnn_cli.data.column_advice import list_column_advice
from dnn_cli.data.data_leakage import compute_commonest_share
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
    target_advice = _advise_on_targets(experiment, examples.targets[split.train])
    equal_advice = _advise_on_equal_inputs(examples, split.train)
    split_advice = _advise_on_split(experiment.data, len(split.validation))
    if equal_advice:
        return [*filter(None, [equal_advice, target_advice, split_advice])]
    validation_advice = _advise_on_validation_inputs(examples, split)
    if are_undivided_pixels(experiment.data, examples, split.train):
        return [*filter(None, [validation_advice, _advise_on_pixels(experiment), target_advice, split_advice])]
    input_advice = _advise_on_inputs(experiment, examples, split)
    column_advice = list_column_advice(experiment.data, examples, split.train)
    return [*filter(None, [validation_advice, input_advice, target_advice, split_advice]), *column_advice]


def list_example_advice(data: Data, examples: Examples, split: Split) -> list[str]:
    """Return advice on the examples alone, without a network, as lines of text like those of `list_data_advice`."""
    if equal_advice := _advise_on_equal_inputs(examples, split.train):
        return [equal_advice]
    split_advice = _advise_on_split(data, len(split.validation))
    advice = [*filter(None, [_advise_on_validation_inputs(examples, split), split_advice])]
    if are_undivided_pixels(data, examples, split.train):
        return advice
    return [*advice, *list_column_advice(data, examples, split.train)]


def _advise_on_split(data: Data, count: int) -> str:
    """Return advice if the user's own data has very few validation examples; else an empty text."""
    if data.dataset not in USER_DATA_KINDS or not 0 < count < _MIN_VALIDATION_EXAMPLES:
        return ""
    noun = "example" if count == 1 else "examples"
    return f"validation scores of {count} {noun} say little about other examples  (add examples)"


def _advise_on_targets(experiment: Experiment, targets: NDArray[np.float32]) -> str:
    """Return advice if the targets of a regression are far from 0; else an empty text.

    A network reaches such targets slowly, because the outputs of an untrained network are near 0.
    """
    far = find_unscaled_targets(experiment, targets)
    return f"{far.observation}  ({far.suggestion})" if far else ""


def _advise_on_equal_inputs(examples: Examples, train: NDArray[np.int64]) -> str:
    """Return advice if all or most training inputs are equal; else an empty text."""
    if len(train) < 2:
        return ""
    share = compute_commonest_share(examples, train)
    if share == 1.0:
        return "all inputs are equal, so a network cannot learn from them  (check how the inputs were made)"
    if share > _MAX_COMMONEST_SHARE and math.prod(examples.inputs.shape[1:]) >= MIN_PIXEL_COUNT:
        return f"{share:.0%} of the inputs are equal  (check how the inputs were made)"
    return ""


def _advise_on_validation_inputs(examples: Examples, split: Split) -> str:
    """Return advice if validation inputs range from 0 to 1 and training inputs to 255, or the reverse; else no text."""
    samples = [_sample_inputs(examples, indices) for indices in (split.validation, split.train)]
    if math.prod(examples.inputs.shape[1:]) < MIN_PIXEL_COUNT or not all(sample.size for sample in samples):
        return ""
    validation_range, training_range = ((float(sample.min()), float(sample.max())) for sample in samples)
    if not have_different_scales(validation_range, training_range):
        return ""
    return (
        f"the validation inputs are up to {validation_range[1]:g}, and the training inputs up to "
        f"{training_range[1]:g}  (divide one of them by 255, or multiply the other)"
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
    return f"{far.observation}; {_SCALE_REASON}  (data.standardize=true)" if far else ""


def are_undivided_pixels(data: Data, examples: Examples, train: NDArray[np.int64]) -> bool:
    """Return whether the inputs of the user's own arrays or table are pixels from 0 to 255 that are not divided.

    Rows of a table are pixels if they are whole numbers up to exactly 255.
    """
    size = math.prod(examples.inputs.shape[1:])
    if data.dataset not in ("csv", "npz") or data.info.pixel_max != 1 or size < MIN_PIXEL_COUNT:
        return False
    sample = _sample_inputs(examples, train)
    if not sample.size or not has_pixel_range((float(sample.min()), float(sample.max()))):
        return False
    return sample.ndim > 2 or (float(sample.max()) == 255 and bool((sample == np.rint(sample)).all()))
