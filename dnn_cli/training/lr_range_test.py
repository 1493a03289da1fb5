"""The learning-rate range test: a training with a larger rate in every step, and the loss after every step.

Source: Leslie Smith, “Cyclical Learning Rates for Training Neural Networks” (2015). Most implementations use the loss
of the training batch. The batch changes in every step, and its noise makes their suggestions unreliable. This test
computes the loss on the same examples after every step, so that the curve depends mainly on the rate.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.network_summary import estimate_network_size
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.training.model_builder import build_loss, build_model
from dnn_cli.training.training_job import TrainingJob

MIN_RATE, MAX_RATE, STEPS = 1e-7, 10.0, 150
"""First and last learning rate, and number of steps from the first to the last."""

_MAX_EXAMPLES = 512
"""Maximum number of training examples on which the loss is computed after every step."""

_MIN_EXAMPLES = 32
_MAX_MULTIPLY_ADDS = 2e8
"""Maximum number of multiply-adds to compute the loss. Expensive networks use fewer examples, but at least
`_MIN_EXAMPLES`."""

_DIVERGENCE_FACTOR = 4.0
"""Multiple of the lowest loss so far. The range test ends when the loss exceeds this multiple, as in fastai."""

_SMOOTHING_STEPS = 3
"""Number of neighbouring steps on each side over which the loss is averaged, with a Hann window as weights."""

_MIN_FALL = 0.02
"""Minimum decrease of the loss, as a share of the initial loss. If the loss decreases less, no rate is suggested."""

SAFETY_FACTOR = 3.0
"""Number by which the rate with the lowest loss is divided, to get the maximum suggested rate. The rate with the lowest
loss itself is too large: the loss rises soon after, and steps with smaller rates contributed to the lowest loss."""


@dataclass(frozen=True)
class RangeTest:
    """Result of a range test: the loss after a step with each learning rate, and a suggested learning rate."""

    start: float
    """Loss before the first step."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    """Loss after the step with each of `rates`. If the last loss is much higher than the lowest one, the test ended
    there. A loss that is not finite also ends the test, but is left out."""

    smoothed: tuple[float, ...]
    examples: int
    """Number of examples on which the loss is computed."""

    ended: str | None
    """Reason why the test ended before the largest rate; `None` if all rates were tried."""

    lowest: float | None
    """Rate with the lowest smoothed loss; `None` if the loss decreased too little for a suggestion."""

    steepest: float | None
    """Rate at which the smoothed loss falls fastest, if the loss is plotted over the logarithm of the rate; `None` if
    `lowest` is `None`."""

    suggestion: float | None
    """Suggested rate: `steepest`, but at most a third of `lowest`; `None` if `lowest` is `None`."""

    guessing: float | None = None
    """Cross-entropy of a model that always predicts the shares of the classes, for comparison with the losses. `None`
    for other losses or with class weights."""


def run_range_test(job: TrainingJob, report_progress: Callable[[str, int, int], None]) -> RangeTest:
    """Train with a larger learning rate in every step, and return the losses with a suggested rate.

    The steps use the batches of the experiment. Equal jobs give equal results.

    Args:
        job: The training job. The learning rate of its optimizer is ignored.
        report_progress: The function that receives the stage, the number of finished steps, and the number of all
            steps.
    """
    experiment = _set_constant_rate(job)
    with tf.device(job.device.tensorflow_name):
        model = build_model(experiment, job.preprocessing.target_scaling, precision=job.plan.precision)
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
                end_reason = "the loss became NaN or infinite"
                break
            losses.append(loss)
            best = min(start, *losses)
            if loss > best + (_DIVERGENCE_FACTOR - 1) * (best if best > 0 else start - best):
                end_reason = f"the loss was {_DIVERGENCE_FACTOR:g} times the lowest loss"
                break
    result = build_range_test(
        start, [float(f"{rate:.4g}") for rate in rates[: len(losses)]], losses, examples, end_reason
    )
    return replace(result, guessing=_compute_guessing_loss(job))


def _compute_guessing_loss(job: TrainingJob) -> float | None:
    """Return the cross-entropy of a model that always predicts the shares of the classes in the training examples.

    The result is `None` for losses other than cross-entropies, and for class weights.
    """
    experiment = job.experiment
    if not experiment.loss.type.endswith("crossentropy") or experiment.class_weight is not None:
        return None
    counts = np.unique(job.examples.targets[job.split.train], return_counts=True)[1]
    return float(-np.sum(counts / counts.sum() * np.log(counts / counts.sum())))


def _set_constant_rate(job: TrainingJob) -> Experiment:
    """Return a copy of the job's experiment in which a constant learning rate replaces any schedule.

    The test sets the rate before every step, and Keras does not allow this with a schedule.
    """
    optimizer = job.experiment.optimizer.model_copy(update={"learning_rate": MIN_RATE})
    return job.experiment.model_copy(update={"optimizer": optimizer})


def _build_loss_probe(model: keras.Model, pipeline: Pipeline, job: TrainingJob) -> tuple[Callable[[], float], int]:
    """Return a function that computes the loss on some training examples, and the number of these examples.

    The model computes this loss in inference mode: layers such as dropout have no effect.
    """
    train = job.split.train
    affordable = int(_MAX_MULTIPLY_ADDS / max(estimate_network_size(job.experiment).multiply_adds, 1))
    count = min(len(train), _MAX_EXAMPLES, max(_MIN_EXAMPLES, affordable))
    indices = train[np.linspace(0, len(train) - 1, count).astype(np.int64)]
    inputs, targets, *weights = pipeline.prepare_batch(
        *pipeline.gather_rows(tf.constant(indices)), pipeline.scaling, weighted=True
    )
    loss = build_loss(job.experiment, job.preprocessing.target_scaling)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def compute_loss(inputs: tf.Tensor, targets: tf.Tensor, *weights: tf.Tensor) -> tf.Tensor:
        return loss(targets, model(inputs, training=False), *weights)

    return lambda: float(compute_loss(inputs, targets, *weights)), count


def build_range_test(
    start: float, rates: Sequence[float], losses: Sequence[float], examples: int, end_reason: str | None
) -> RangeTest:
    """Build the result of a range test: smooth its losses and compute the suggested rate.

    Args:
        start: The loss before the first step.
        rates: The rate of each step, ascending.
        losses: The loss after each step, finite.
        examples: The number of examples on which the loss was computed.
        end_reason: The reason why the test ended before the largest rate, or `None`.
    """
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
    """Return the moving average of losses.

    Losses more than 50% above the initial loss `start` are first lowered to this limit, so that single high losses have
    little effect.
    """
    if not len(losses):
        return losses
    bell = np.hanning(2 * _SMOOTHING_STEPS + 3)[1:-1]
    capped = np.minimum(losses, start + abs(start) / 2)
    padded = np.concatenate([np.full(_SMOOTHING_STEPS, start), capped, np.full(_SMOOTHING_STEPS, capped[-1])])
    return np.convolve(padded, bell / bell.sum(), "valid")
