"""Suggestions of commands, with overrides that are checked to give a valid experiment."""

from collections.abc import Callable, Iterable
from functools import partial

from pydantic import ValidationError

from dnn_cli.config.datasets import DATASETS
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layer_stack import examine_stack, find_output_layer
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.config.overrides import apply_overrides
from dnn_cli.config.schedules import CosineDecay, PolynomialDecay, split_off_warm_up
from dnn_cli.errors import ConfigError
from dnn_cli.explain.evidence import Evidence
from dnn_cli.explain.findings import Suggestion

FIND_LEARNING_RATE = Suggestion("lr-find")
SHOW_DATA = Suggestion("data show")

_MIN_BATCHES = 20
"""Smallest number of batches that an epoch should have. A few epochs then have about a hundred steps."""

_MAX_RATE_RATIO = 10.0
"""Largest usual ratio of a learning rate to Keras's default."""


def build_lower_rate_override(experiment: Experiment, factor: float = 0.1) -> str:
    """Return an override that makes the steps of an optimizer smaller, to avoid divergence.

    A constant learning rate becomes lower, or Keras's default if the lower rate is still far above the default. A
    warm-up stays. With other schedules, gradients are clipped. Adafactor gets a larger `epsilon_1`.

    Args:
        experiment: The experiment.
        factor: The factor by which the learning rate is multiplied.
    """
    optimizer = experiment.optimizer
    if optimizer.type == "adafactor":
        # Squares of small gradients and Keras's 1e-30 become 0 in float32.
        return "optimizer.epsilon_1=1e-7"
    part = split_off_warm_up(optimizer.learning_rate)
    if not isinstance(part.rate, float):
        return "optimizer.clipnorm=1"
    usual = type(optimizer).model_fields["learning_rate"].default
    rate = factor * part.rate
    return f"{part.key}={usual if rate > _MAX_RATE_RATIO * usual else rate:.3g}"


def suggest_lower_rate(evidence: Evidence, factor: float = 0.1) -> tuple[Suggestion, ...]:
    """Return suggestions of a lower learning rate, and of the command that searches for a good rate."""
    return (*suggest_training(evidence, build_lower_rate_override(evidence.experiment, factor)), FIND_LEARNING_RATE)


def suggest_higher_rate(evidence: Evidence, factor: float = 10) -> tuple[Suggestion, ...]:
    """Return suggestions of a higher learning rate, and of the command that searches for a good rate."""
    part = split_off_warm_up(evidence.experiment.optimizer.learning_rate)
    proposed = (
        suggest_training(evidence, f"{part.key}={factor * part.rate:.3g}") if isinstance(part.rate, float) else ()
    )
    return (*proposed, FIND_LEARNING_RATE)


def list_standardizing_overrides(evidence: Evidence) -> tuple[str, ...]:
    """Return the override that standardizes inputs.

    The result is empty if the config already standardizes them, or if a layer searches the inputs for one value.
    """
    is_excluded = evidence.experiment.data.standardize or evidence.experiment.input_mask_layer is not None
    return () if is_excluded else ("data.standardize=true",)


def suggest_output_change(evidence: Evidence, key: str, value: str) -> tuple[Suggestion, ...]:
    """Return the suggestion to change a key of the last layer with a kernel; empty without such a layer."""
    path = evidence.output_layer_path
    return suggest_training(evidence, build_short_override(evidence, path, key, value)) if path else ()


def suggest_smaller_batch(evidence: Evidence) -> tuple[Suggestion, ...]:
    """Return the suggestion of batches of 32, or of 16 or 8 for few examples.

    The result is empty if the batches of the config are not larger than the suggested batches.
    """
    examples = evidence.training_examples or 0
    size = next((size for size in (32, 16, 8) if examples >= _MIN_BATCHES * size), 8)
    return suggest_training(evidence, f"batch_size={size}") if size < evidence.experiment.batch_size else ()


def suggest_training(evidence: Evidence, *overrides: str) -> tuple[Suggestion, ...]:
    """Return the suggestion to train with overrides; empty if the experiment would be invalid."""
    return (Suggestion("train", overrides),) if overrides and _try_overrides(evidence, overrides) is not None else ()


def suggest_more_epochs(evidence: Evidence) -> tuple[Suggestion, ...]:
    """Return the suggestion of twice as many epochs; empty if the experiment would be invalid.

    The suggested command resumes the run. If the learning rate has a schedule of fixed length, the command instead
    trains a new run with a schedule that is also twice as long.
    """
    epochs = 2 * evidence.experiment.epochs
    part = split_off_warm_up(evidence.experiment.optimizer.learning_rate)
    if isinstance(part.rate, CosineDecay | PolynomialDecay):
        # The warm-up stays as long as it is.
        decay_steps = 2 * part.rate.decay_steps + part.warmup_steps
        return suggest_training(evidence, f"epochs={epochs}", f"{part.key}.decay_steps={decay_steps}")
    return (Suggestion("resume", (f"epochs={epochs}",)),) if _try_overrides(evidence, [f"epochs={epochs}"]) else ()


def build_layer_overrides(
    evidence: Evidence, is_changed: Callable[[BaseLayer], object], key: str, value: str
) -> tuple[str, ...]:
    """Return overrides that set a key of every layer that meets a condition, one for each layer of the config.

    The last layer with a kernel computes the output. This layer and all layers after it remain unchanged.

    Args:
        evidence: The evidence about the run.
        is_changed: The condition for a layer.
        key: The key of the layer.
        value: The new value of the key, as text.
    """
    experiment = evidence.experiment
    stack, paths = experiment.model.stack, experiment.model.layer_paths
    output = find_output_layer(stack) or 0
    layer_paths = dict.fromkeys(
        path for layer, path in list(zip(stack, paths, strict=True))[:output] if is_changed(layer)
    )
    return tuple(build_short_override(evidence, path, key, value) for path in layer_paths)


def build_short_override(evidence: Evidence, path: tuple[str | int, ...], key: str, value: str) -> str:
    """Return an override of a layer: by its name, if the name identifies exactly this layer, else by its position.

    Args:
        evidence: The evidence about the run.
        path: The path of the layer in the config.
        key: The key of the layer.
        value: The new value of the key, as text.
    """
    item = evidence.document.value
    for step in path:
        item = item[step]
    by_position = f"{'.'.join(map(str, path[1:]))}.{key}={value}"
    name = item.get("name") if isinstance(item, dict) else None
    if not isinstance(name, str) or not name.isidentifier():
        return by_position
    by_name = f"layers.{name}.{key}={value}"
    return by_name if _try_overrides(evidence, [by_name]) == _try_overrides(evidence, [by_position]) else by_position


def build_larger_layer_overrides(evidence: Evidence) -> tuple[str, ...]:
    """Return overrides that double the units or filters of every hidden layer."""
    overrides: list[str] = []
    for key in dict.fromkeys(cls.size_key for cls in LAYERS_BY_TYPE.values() if cls.size_key):
        sizes = {
            layer.last_axis_size
            for layer in evidence.experiment.model.stack
            if layer.size_key == key and layer.last_axis_size
        }
        for size in sorted(sizes):
            overrides += build_layer_overrides(evidence, partial(_has_size, key, size), key, str(2 * size))
    return tuple(overrides)


def _has_size(key: str, size: int, layer: BaseLayer) -> bool:
    """Return whether a layer has a size.

    Args:
        key: The key of the size: `units` or `filters`.
        size: The size.
        layer: The layer.
    """
    return layer.size_key == key and layer.last_axis_size == size


def _try_overrides(evidence: Evidence, overrides: Iterable[str]) -> Experiment | None:
    """Return the experiment with overrides applied; `None` if the experiment would be invalid."""
    try:
        experiment = Experiment.model_validate(apply_overrides(evidence.document, list(overrides)).value)
    except (ConfigError, ValidationError):
        return None
    if experiment.data.dataset in DATASETS and examine_stack(experiment.model.stack, experiment.data.input_shape)[1]:
        return None
    return experiment
