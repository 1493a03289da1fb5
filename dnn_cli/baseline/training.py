"""Training of one baseline on the examples of an experiment, and its scores."""

import math
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.baseline.methods import Effort, Method
from dnn_cli.config.experiment import Experiment
from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.preprocessing import compute_class_weights, compute_target_scaling
from dnn_cli.errors import DataError, UserDataError
from dnn_cli.metrics.prediction_scores import compute_scores
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.target_scaling import TargetScaling

_MAX_DOUBLE_VALUES = 10_000_000
"""Largest number of input values that are stored in float64: 80 MB. More values are stored in float32, and take half
the time."""

_MAX_SERIAL_VALUES = 1_000_000
"""Largest number of input values for which one thread is used. Threads gain nothing on small data, and while other
programs run, waiting threads multiplied the time by 100."""

_MIN_PROBABILITY = 1e-7
"""Smallest probability whose logit is an output: `keras.config.epsilon()`."""


@dataclass(frozen=True)
class TrainedBaseline:
    """Trained estimator of a baseline, with its outputs for the validation examples and its scores."""

    method: Method
    experiment: Experiment
    estimator: Any
    effort: Effort
    input_type: type[np.floating[Any]]
    """Type of the numbers in which the estimator receives inputs."""

    target_scaling: TargetScaling | None
    """Scaling of the targets in the loss; `None` unless `data.standardize_target` is set."""

    outputs: NDArray[np.float32]
    """Outputs for the validation examples in the form of the network's outputs, of shape (n, units)."""

    scores: Scores
    """Scores on the training examples that were used and, with the prefix `val_`, on the validation examples."""

    seconds: float
    """Time of the training and the predictions."""

    notes: tuple[str, ...]
    """Limits of the training, such as a subsample, one sentence each."""

    def predict(self, inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Return the outputs for inputs of shape (n, …), in the form of the network's outputs, of shape (n, units)."""
        used_inputs = np.zeros((len(inputs), 1)) if self.method.is_constant else inputs
        return _compute_outputs(self.experiment, self.estimator, used_inputs, self.input_type)


def train_baseline(
    experiment: Experiment, examples: Examples, split: Split, method: Method, effort: Effort | None = None
) -> TrainedBaseline:
    """Train a baseline on the training examples of a split, and return it with its scores.

    The result depends on the examples and the split, not on the seed of the experiment. Weights of examples
    (`data.weight`) and classes (`class_weight`) have the meaning that they have for networks.

    Args:
        experiment: The experiment, which determines the task, the metrics and the form of the outputs.
        examples: The examples.
        split: The split. If a limit of work requires fewer examples, `data.split_seed` selects a subsample.
        method: The method.
        effort: The effort of an earlier training that is repeated; by default, the method chooses the effort.

    Raises:
        DataError: the method cannot be trained on these examples.
    """
    from threadpoolctl import threadpool_limits

    start_time = time.monotonic()
    is_classification = experiment.data.info.is_classification
    input_size = math.prod(examples.inputs.shape[1:])
    class_count = len(experiment.data.info.classes)
    output_count = (1 if class_count == 2 else class_count) if is_classification else experiment.data.info.targets
    effort = effort or method.choose_effort(len(split.train), input_size, output_count, is_classification)
    train = select_training_examples(experiment, examples, split, effort.examples)
    targets = examples.targets[train]
    class_weights = compute_class_weights(experiment, examples.targets[split.train])
    example_weights = None if examples.weights is None else examples.weights[train]
    loss_weights = example_weights if class_weights is None else class_weights[targets]
    fit_weights = example_weights if method.is_constant else loss_weights
    estimator = method.build_estimator(effort, is_classification)
    # A constant prediction needs only the number of examples.
    all_inputs = np.zeros((len(examples), 1), np.float32) if method.is_constant else examples.inputs
    inputs = _convert_inputs(all_inputs[train])
    with threadpool_limits(1 if inputs.size <= _MAX_SERIAL_VALUES else None):
        notes = _fit_estimator(estimator, method, inputs, targets, fit_weights, effort)
        training_outputs = _compute_outputs(experiment, estimator, inputs, inputs.dtype)
        outputs = _compute_outputs(experiment, estimator, all_inputs[split.validation], inputs.dtype)
    target_scaling = compute_target_scaling(experiment, examples.targets[split.train])
    scores = compute_scores(experiment, training_outputs, targets, example_weights, loss_weights, target_scaling)
    if has_validation := len(split.validation) > 0:
        weights = None if examples.weights is None else examples.weights[split.validation]
        own_scores = compute_scores(
            experiment, outputs, examples.targets[split.validation], weights, target_scaling=target_scaling
        )
        scores |= {f"val_{name}": value for name, value in own_scores.items()}
    if not {"loss", *(["val_loss"] if has_validation else [])} <= scores.keys():
        raise DataError(f"the loss of {method.title} is not a finite number", "choose another loss, such as loss=mse")
    if len(train) < len(split.train):
        notes.insert(
            0, f"trained on {len(train):,} of {len(split.train):,} training examples, to limit time and memory"
        )
    if missing := [name for name in experiment.score_names if name not in scores]:
        notes.append(f"not a finite number: {', '.join(missing)}")
    seconds = round(time.monotonic() - start_time, 3)
    return TrainedBaseline(
        method, experiment, estimator, effort, inputs.dtype.type, target_scaling, outputs, scores, seconds, tuple(notes)
    )


def select_training_examples(experiment: Experiment, examples: Examples, split: Split, count: int) -> NDArray[np.int64]:
    """Return the indices of `count` training examples in ascending order, drawn with `data.split_seed`.

    If the split has no more training examples, all are returned in the order of the split. Where every class has two
    examples, the shares of the classes are kept.

    Args:
        experiment: The experiment.
        examples: The examples.
        split: The split.
        count: The number of examples.
    """
    if count >= len(split.train):
        return split.train
    from sklearn.model_selection import train_test_split

    targets = examples.targets[split.train]
    is_classification = experiment.data.info.is_classification
    has_small_class = is_classification and np.bincount(targets)[np.unique(targets)].min() < 2
    can_stratify = is_classification and not has_small_class and len(np.unique(targets)) <= count
    chosen: NDArray[np.int64]
    chosen, _ = train_test_split(
        split.train,
        train_size=count,
        random_state=experiment.data.split_seed,
        stratify=targets if can_stratify else None,
    )
    return np.sort(chosen)


def _compute_outputs(
    experiment: Experiment, estimator: Any, inputs: NDArray[Any], input_type: Any
) -> NDArray[np.float32]:
    """Return the outputs of an estimator in the form of the network's outputs, of shape (n, units).

    Args:
        experiment: The experiment.
        estimator: The trained estimator.
        inputs: The inputs, of shape (n, …). They are converted in blocks, because they can be larger than the memory.
        input_type: The type of the numbers in which the estimator receives inputs.
    """
    rows = max(1, _MAX_DOUBLE_VALUES // max(1, math.prod(inputs.shape[1:])))
    blocks = [
        _predict_block(experiment, estimator, _convert_inputs(inputs[start : start + rows], input_type))
        for start in range(0, len(inputs), rows)
    ]
    return np.concatenate(blocks) if blocks else np.empty((0, experiment.output_shape[0]), np.float32)


def _predict_block(experiment: Experiment, estimator: Any, inputs: NDArray[Any]) -> NDArray[np.float32]:
    """Return the outputs for inputs of shape (n, values), of shape (n, units).

    A classification has probabilities or, if the loss takes logits, their logits.
    """
    units = experiment.output_shape[0]
    if not experiment.data.info.is_classification:
        return np.asarray(estimator.predict(inputs), np.float32).reshape(len(inputs), units)
    # A class without training examples has the probability 0.
    probabilities = np.zeros((len(inputs), len(experiment.data.info.classes)))
    probabilities[:, estimator.classes_] = estimator.predict_proba(inputs)
    if experiment.target_encoding == "binary":
        second = probabilities[:, 1:]
        if experiment.loss.takes_logits:
            second = np.clip(second, _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
            return np.log(second / (1 - second)).astype(np.float32)
        return second.astype(np.float32)
    if experiment.loss.takes_logits:
        probabilities = np.log(np.maximum(probabilities, _MIN_PROBABILITY))
    return probabilities.astype(np.float32)


def _convert_inputs(inputs: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
    """Return inputs as rows of shape (n, values), in float64, or in float32 if there are many values."""
    rows = inputs.reshape(len(inputs), -1)
    return rows.astype(dtype or (np.float64 if rows.size <= _MAX_DOUBLE_VALUES else np.float32))


def _fit_estimator(
    estimator: Any,
    method: Method,
    inputs: NDArray[Any],
    targets: NDArray[Any],
    weights: NDArray[Any] | None,
    effort: Effort,
) -> list[str]:
    """Fit an estimator, and return notes on the training.

    Args:
        estimator: The estimator.
        method: The method, for messages.
        inputs: The inputs, of shape (n, values).
        targets: The targets of these examples.
        weights: The weight of each example; `None` for equal weights.
        effort: The effort, whose number of steps a note names.

    Raises:
        DataError: the training examples have a single class, or numbers that the estimator refuses.
    """
    from sklearn.exceptions import ConvergenceWarning

    if targets.ndim == 1 and len(np.unique(targets)) < 2 and method.name != "constant":
        raise UserDataError(
            f"{method.title} needs training examples of two classes",
            "set another data.split_seed, or add examples",
            "split_seed",
        )
    arguments = {}
    if weights is not None:
        steps = getattr(estimator, "steps", None)
        arguments = {f"{steps[-1][0]}__sample_weight" if steps else "sample_weight": weights}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator.fit(inputs, targets, **arguments)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"{method.title} cannot be trained: {reason}", "choose other methods with --only") from None
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        return [f"stopped after {effort.steps:,} steps of the solver, before it converged"]
    return []
