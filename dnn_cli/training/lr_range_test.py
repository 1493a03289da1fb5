"""The learning-rate range test: train on a few batches, each with a larger rate, and record the loss.

Leslie Smith, “Cyclical Learning Rates for Training Neural Networks” (2015). The usual finders use the loss of the batch
that was trained on, which is another batch in every step, and its noise makes their suggestions unreliable. Here the
loss is computed on the same examples after every step, so that the curve depends on little but the rate.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.network_summary import summarize_network
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.training.model_builder import build_model
from dnn_cli.training.training_job import TrainingJob

MIN_RATE, MAX_RATE, STEPS = 1e-7, 10.0, 150
"""The first and the last rate, and the number of steps from the first to the last."""

_MAX_EXAMPLES = 512
"""Training examples on which the loss is computed after every step."""

_MIN_EXAMPLES = 32
_MAX_MULTIPLY_ADDS = 2e8
"""Multiply-adds to compute the loss. Where an example takes many, fewer examples are used, at least `_MIN_EXAMPLES`."""

_DIVERGENCE_FACTOR = 4.0
"""A loss of so many times the lowest ends the test, as in fastai."""

_SMOOTHING_STEPS = 3
"""Neighbouring steps on each side over which the loss is averaged, with a Hann window as weights."""

_MIN_FALL = 0.02
"""The loss has to fall by so much for a suggestion."""

SAFETY_FACTOR = 3.0
"""The suggestion is at most so much less than the rate with the lowest loss: beyond that one the loss rises, and it is
reached by steps of smaller rates."""


@dataclass(frozen=True)
class RangeTest:
    """The loss after a step with each rate."""

    start: float
    """The loss before the first step."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    """All finite; the last one may have ended the test."""

    smoothed: tuple[float, ...]
    examples: int
    """Number of examples on which the loss is computed."""

    ended: str | None
    """Why no larger rates were tried, if they were not."""

    lowest: float | None
    """The rate with the lowest loss; `None` where it never fell."""

    steepest: float | None
    """The rate with which the loss fell fastest, as a function of the rate's logarithm."""

    suggestion: float | None
    """The steepest, but at most a third of the one with the lowest loss."""

    guessing: float | None = None
    """The cross-entropy of the class shares as a constant prediction; `None` for other losses."""


def run_range_test(job: TrainingJob, report_progress: Callable[[str, int, int], None]) -> RangeTest:
    """Train with larger and larger rates on the experiment's own batches, and return the losses.

    The result is the same every time.

    Args:
        job: The training job. The learning rate of its optimizer is not used.
        report_progress: Receives the stage, the number of steps that are done, and the number of all steps.
    """
    experiment = _set_constant_rate(job)
    with tf.device(job.device.tensorflow_name):
        model = build_model(experiment, precision=job.plan.precision)
        pipeline = Pipeline(job.examples, experiment, job.preprocessing)
        batches = iter(
            pipeline.build_batches(
                pipeline.build_shuffled_order(job.split.train, experiment.seed), range(STEPS), weighted=True
            )
        )
        loss_now, examples = _build_loss_probe(model, pipeline, job)
        start = loss_now()
        losses: list[float] = []
        end_reason = None
        rates = MIN_RATE * (MAX_RATE / MIN_RATE) ** (np.arange(STEPS) / (STEPS - 1))
        for step, rate in enumerate(rates):
            report_progress("trying learning rates", step, STEPS)
            model.optimizer.learning_rate = rate
            model.train_on_batch(*next(batches))
            loss = loss_now()
            if not math.isfinite(loss):
                end_reason = "the loss was no longer a number"
                break
            losses.append(loss)
            best = min(start, *losses)
            if loss > best + (_DIVERGENCE_FACTOR - 1) * (best if best > 0 else start - best):
                end_reason = f"the loss was {_DIVERGENCE_FACTOR:g} times the lowest"
                break
    result = build_range_test(
        start, [float(f"{rate:.4g}") for rate in rates[: len(losses)]], losses, examples, end_reason
    )
    return replace(result, guessing=_compute_guessing_loss(job))


def _compute_guessing_loss(job: TrainingJob) -> float | None:
    """−Σ p log p over the shares p of the classes in the training examples."""
    experiment = job.experiment
    if not experiment.loss.type.endswith("crossentropy") or experiment.class_weight is not None:
        return None
    counts = np.unique(job.examples.targets[job.split.train], return_counts=True)[1]
    return float(-np.sum(counts / counts.sum() * np.log(counts / counts.sum())))


def _set_constant_rate(job: TrainingJob) -> Experiment:
    """The experiment with a rate that can be set, in the place of a schedule, too."""
    optimizer = job.experiment.optimizer.model_copy(update={"learning_rate": MIN_RATE})
    return job.experiment.model_copy(update={"optimizer": optimizer})


def _build_loss_probe(model: keras.Model, pipeline: Pipeline, job: TrainingJob) -> tuple[Callable[[], float], int]:
    """Return a function that computes the loss on some training examples, and the number of these examples.

    Layers such as dropout have no effect on this loss.
    """
    train = job.split.train
    affordable = int(_MAX_MULTIPLY_ADDS / max(summarize_network(job.experiment).multiply_adds, 1))
    count = min(len(train), _MAX_EXAMPLES, max(_MIN_EXAMPLES, affordable))
    indices = train[np.linspace(0, len(train) - 1, count).astype(np.int64)]
    inputs, targets, *weights = pipeline.prepare_batch(
        *pipeline.gather_rows(tf.constant(indices)), pipeline.scaling, weighted=True
    )
    loss = job.experiment.loss.build_keras_object()

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def compute_loss(inputs: tf.Tensor, targets: tf.Tensor, *weights: tf.Tensor) -> tf.Tensor:
        return loss(targets, model(inputs, training=False), *weights)

    return lambda: float(compute_loss(inputs, targets, *weights)), count


def build_range_test(
    start: float, rates: Sequence[float], losses: Sequence[float], examples: int, end_reason: str | None
) -> RangeTest:
    """What a curve suggests."""
    curve = _smooth_losses(np.array(losses), start)
    lowest = steepest = suggestion = None
    if len(curve) > 2 * _SMOOTHING_STEPS:
        lowest_index = int(curve.argmin())
        if lowest_index and curve[lowest_index] < start - _MIN_FALL * abs(start):
            steepest_index = int(np.gradient(curve)[: lowest_index + 1].argmin())
            lowest, steepest = rates[lowest_index], rates[steepest_index]
            suggestion = float(f"{min(steepest, lowest / SAFETY_FACTOR):.2g}")
    return RangeTest(
        start, tuple(rates), tuple(losses), tuple(curve.tolist()), examples, end_reason, lowest, steepest, suggestion
    )


def _smooth_losses(losses: NDArray[np.float64], start: float) -> NDArray[np.float64]:
    """A curve averaged with its neighbours; what is far above the start counts as a little above it."""
    if not len(losses):
        return losses
    bell = np.hanning(2 * _SMOOTHING_STEPS + 3)[1:-1]
    capped = np.minimum(losses, start + abs(start) / 2)
    padded = np.concatenate([np.full(_SMOOTHING_STEPS, start), capped, np.full(_SMOOTHING_STEPS, capped[-1])])
    return np.convolve(padded, bell / bell.sum(), "valid")
