"""Findings about settings of the config that do not fit each other, the data or the length of the training."""

from collections.abc import Iterator

from dnn_cli.explain import remedies
from dnn_cli.explain.facts import Facts
from dnn_cli.explain.findings import Finding
from dnn_cli.spec import rates
from dnn_cli.spec.layers import Activation, Kernel
from dnn_cli.spec.lint import BOUNDED, output_activation

FEW_STEPS = 100
"""Steps of a whole training below which weights can hardly have reached their aim."""

FEW_BATCHES = 4
"""Batches of an epoch up to which a batch is large for the data."""


def output_misfit(facts: Facts) -> Iterator[Finding]:
    """Yield an output activation that does not fit the loss."""
    if not facts.knows_data or facts.output_path is None:
        return
    stack = facts.experiment.model.stack
    last = next((x for x in reversed(stack) if isinstance(x, Kernel | Activation)), None)
    for remark in output_activation(facts.experiment):
        name = getattr(last, "activation", None) or "linear"
        if facts.experiment.labels == "real" and reaches(facts, name):
            continue
        needed = remark.suggestion
        value = f"activation={needed}"
        found = remedies.of_output(facts, "activation", needed) if isinstance(last, Kernel) else ()
        if facts.experiment.loss.logits and name != "linear":
            found = (*found, *remedies.training(facts, "loss.from_logits=false"))
            meaning = "With from_logits the loss applies the activation itself, so that it is applied twice."
        elif name == "linear" and facts.experiment.loss.probabilities:
            found = (*found, *remedies.training(facts, "loss.from_logits=true"))
            meaning = (
                "Outputs below 0 or above 1 are no probabilities, and the loss cuts them off: no gradient is left."
            )
        else:
            meaning = f"The loss and the last layer need each other; {value} is the one that fits."
        if facts.is_good:
            meaning += " This run trained all the same."
        yield Finding("output_misfit", "advice" if facts.is_good else "trouble",
                      "the last layer does not fit the loss", remark.message, meaning, None, {}, found)  # fmt: skip


def cut_off(facts: Facts) -> Iterator[Finding]:
    """Yield a relu at the end of a regression that has negative numbers to predict."""
    stack = facts.experiment.model.stack
    last = next((x for x in reversed(stack) if isinstance(x, Kernel | Activation)), None)
    if facts.classes != 0 or facts.predictions is None or stack[-1] is not last:
        return
    low = float(facts.predictions[0].min())
    if getattr(last, "activation", None) not in ("relu", "relu6", "softplus") or low >= 0:
        return
    seen = f"the output is {getattr(last, 'activation', None)}, and numbers to predict go down to {low:.4g}"
    meaning = "Such an output is never negative; numbers below 0 cannot be reached."
    found = remedies.of_output(facts, "activation", "linear") if isinstance(last, Kernel) else ()
    yield Finding("output_misfit", "trouble", "the last layer cannot reach the numbers to predict", seen, meaning, None,
                  {"low": low}, found)  # fmt: skip


def reaches(facts: Facts, activation: str) -> bool:
    """Return whether a bounded activation reaches all numbers to predict, as far as they are known."""
    if activation not in BOUNDED or facts.predictions is None:
        return False
    low = -1.0 if activation in ("tanh", "hard_tanh", "softsign") else 0.0
    labels = facts.predictions[0]
    return bool(labels.min() >= low and labels.max() <= (6.0 if activation == "relu6" else 1.0))


def metric_misfit(facts: Facts) -> Iterator[Finding]:
    """Yield an accuracy that compares logits with 0.5, where the classes divide at 0."""
    wrong = [metric.type for metric in facts.experiment.metrics if metric.type in ("accuracy", "binary_accuracy")]
    if not facts.knows_data or facts.experiment.labels != "binary" or not facts.experiment.loss.logits or not wrong:
        return
    seen = f"{wrong[0]} counts outputs above 0.5 as the second class, and with from_logits those above 0 are"
    meaning = "The accuracy shown is too low or too high; a sigmoid at the end and no from_logits make it right."
    end = remedies.of_output(facts, "activation", "sigmoid")
    both = (*end[0].overrides, "loss.from_logits=false") if end else ()
    yield Finding("metric_misfit", "advice", "the metric does not fit the outputs", seen, meaning, None, {},
                  remedies.training(facts, *both))  # fmt: skip


def schedule(facts: Facts) -> Iterator[Finding]:
    """Yield a learning rate schedule that is over too early, or that the training is too short for."""
    found = rates.misfit(facts.experiment, facts.batches) if facts.batches else None
    if found is None or not facts.rows:
        return
    if found.kind == "short":
        title = "the learning rate falls too early"
        meaning = "Steps of a schedule are batches, not epochs. After its end the weights hardly move."
    else:
        title = "the learning rate schedule is longer than the training"
        meaning = "Steps of a schedule are batches. In this training it does not fall, so the end stays noisy."
    yield Finding("schedule", "trouble" if found.kind == "short" else "advice", title, found.message, meaning, None,
                  found.figures, remedies.training(facts, *found.overrides))  # fmt: skip


def large_batch(facts: Facts) -> Iterator[Finding]:
    """Yield batches so large that the whole training has few steps."""
    if not facts.batches or not facts.rows or facts.batches > FEW_BATCHES:
        return
    total = facts.batches * len(facts.rows)
    smaller = remedies.smaller_batch(facts)
    if total >= FEW_STEPS or not smaller:
        return
    if not facts.is_weak:
        return
    steps = "step" if facts.batches == 1 else "steps"
    seen = (
        f"{facts.training_examples:,} examples in batches of {facts.experiment.batch_size:,} are {facts.batches} "
        f"{steps} an epoch, {total} in the whole training"
    )
    meaning = "The weights change once a batch, so few steps were made; smaller batches make more of them."
    yield Finding("large_batch", "advice" if facts.is_good else "trouble", "the batches are too large for the data",
                  seen, meaning, None, {"steps": float(total)}, smaller)  # fmt: skip
