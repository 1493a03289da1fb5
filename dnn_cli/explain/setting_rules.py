"""Findings about settings that contradict each other, the data or the length of the training."""

from collections.abc import Iterator

from dnn_cli.config import learning_rates
from dnn_cli.config.activations import BOUNDED_RANGES, NEVER_NEGATIVE_ACTIVATIONS
from dnn_cli.config.lint import find_output_activation_advice
from dnn_cli.explain import suggestions
from dnn_cli.explain.evidence import Evidence
from dnn_cli.explain.findings import Finding

_MIN_STEPS = 100
"""A training with fewer steps than this in total is too short for its weights to converge."""

_MAX_LARGE_BATCHES = 4
"""Batches count as too large for the data if an epoch has at most this number of batches."""


def find_output_mismatch(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if the output activation does not fit the loss."""
    if not evidence.has_dataset_info or evidence.output_layer_path is None:
        return
    stack = evidence.experiment.model.stack
    last = next((x for x in reversed(stack) if x.applied_activation), None)
    for issue in find_output_activation_advice(evidence.experiment):
        name = (last.applied_activation if last is not None else None) or "linear"
        if evidence.experiment.target_encoding == "real" and _can_reach_targets(evidence, name):
            continue
        needed = issue.suggestion
        value = f"activation={needed}"
        key = last.activation_key if last is not None and last.has_kernel else None
        proposed = suggestions.suggest_output_change(evidence, key, needed) if key else ()
        if evidence.experiment.loss.takes_logits and name != "linear":
            proposed = (*proposed, *suggestions.suggest_training(evidence, "loss.from_logits=false"))
            meaning = "With from_logits the loss applies the activation itself, so the activation is applied twice."
        elif name == "linear" and evidence.experiment.loss.needs_probabilities:
            proposed = (*proposed, *suggestions.suggest_training(evidence, "loss.from_logits=true"))
            meaning = "Outputs below 0 or above 1 are not probabilities. The loss clips them, so their gradient is 0."
        else:
            meaning = f"The activation of the last layer must match the loss: use {value}."
        if evidence.is_good:
            meaning += " This run has learned nevertheless."
        yield Finding("output_misfit", "advice" if evidence.is_good else "trouble",
                      "the last layer does not fit the loss", issue.message, meaning, None, {}, proposed)  # fmt: skip


def find_unreachable_targets(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if a regression has negative targets, but its output activation gives no negative values."""
    stack = evidence.experiment.model.stack
    last = next((x for x in reversed(stack) if x.applied_activation), None)
    if evidence.class_count != 0 or evidence.predictions is None or last is None or stack[-1] is not last:
        return
    low = float(evidence.to_loss_scale(evidence.predictions[0]).min())
    if last.applied_activation not in NEVER_NEGATIVE_ACTIVATIONS or low >= 0:
        return
    adjective = "standardized " if evidence.experiment.data.standardize_target else ""
    observation = f"the last activation is {last.applied_activation}, and the smallest {adjective}target is {low:.4g}"
    meaning = "This activation is never negative, so the network cannot predict targets below 0."
    proposed = suggestions.suggest_output_change(evidence, "activation", "linear") if last.has_kernel else ()
    yield Finding(
        "output_misfit",
        "trouble",
        "the last layer cannot reach the targets",
        observation,
        meaning,
        None,
        {"low": low},
        proposed,
    )


def _can_reach_targets(evidence: Evidence, activation: str) -> bool:
    """Return whether an activation with limits, such as sigmoid, can output every validation target.

    The result is false for an activation without limits, and if the targets are unknown.
    """
    if activation not in BOUNDED_RANGES or evidence.predictions is None:
        return False
    targets, limits = evidence.to_loss_scale(evidence.predictions[0]), BOUNDED_RANGES[activation]
    return bool(targets.min() >= limits.low and targets.max() <= limits.high)


def find_metric_mismatch(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if an accuracy compares logits with 0.5 instead of 0, the boundary between the classes."""
    wrong = [metric.type for metric in evidence.experiment.metrics if metric.type in ("accuracy", "binary_accuracy")]
    if (
        not evidence.has_dataset_info
        or evidence.experiment.target_encoding != "binary"
        or not evidence.experiment.loss.takes_logits
        or not wrong
    ):
        return
    observation = f"{wrong[0]} counts outputs above 0.5 as the second class; with from_logits the limit is 0"
    meaning = "The accuracy is too low or too high. Use sigmoid in the last layer and from_logits=false."
    end = suggestions.suggest_output_change(evidence, "activation", "sigmoid")
    both = (*end[0].overrides, "loss.from_logits=false") if end else ()
    yield Finding("metric_misfit", "advice", "the metric does not fit the outputs", observation, meaning, None, {},
                  suggestions.suggest_training(evidence, *both))  # fmt: skip


def find_schedule_mismatch(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if a learning rate schedule ends too early, or is longer than the training, or its warm-up is."""
    issue = (
        learning_rates.find_schedule_issue(evidence.experiment, evidence.batches_per_epoch)
        if evidence.batches_per_epoch
        else None
    )
    if issue is None or not evidence.epoch_scores:
        return
    if issue.kind == "short":
        title = "the learning rate falls too early"
        meaning = "The steps of a schedule are batches, not epochs. After the last step the weights hardly change."
    elif issue.kind == "warm_up":
        title = "the warm-up is longer than the training"
        meaning = "The steps of a warm-up are batches. The learning rate does not reach its value after the warm-up."
    else:
        title = "the learning rate schedule is longer than the training"
        meaning = "The steps of a schedule are batches. The learning rate falls too little, so the loss stays noisy."
    yield Finding("schedule", "trouble" if issue.kind == "short" else "advice", title, issue.message, meaning, None,
                  issue.figures, suggestions.suggest_training(evidence, *issue.overrides))  # fmt: skip


def find_large_batch(evidence: Evidence) -> Iterator[Finding]:
    """Yield a finding if the whole training has few steps because of large batches."""
    if not evidence.batches_per_epoch or not evidence.epoch_scores or evidence.batches_per_epoch > _MAX_LARGE_BATCHES:
        return
    total = evidence.batches_per_epoch * len(evidence.epoch_scores)
    smaller = suggestions.suggest_smaller_batch(evidence)
    if total >= _MIN_STEPS or not smaller:
        return
    if not evidence.is_weak:
        return
    steps = "step" if evidence.batches_per_epoch == 1 else "steps"
    observation = (
        f"{evidence.training_examples:,} examples in batches of "
        f"{evidence.experiment.batch_size:,} are {evidence.batches_per_epoch} "
        f"{steps} per epoch, {total} in the whole training"
    )
    meaning = "The weights change once per batch, so this training had few steps. Smaller batches mean more steps."
    yield Finding(
        "large_batch",
        "advice" if evidence.is_good else "trouble",
        "the batches are too large for the data",
        observation,
        meaning,
        None,
        {"steps": float(total)},
        smaller,
    )
