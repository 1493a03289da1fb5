"""The learning-rate range test: train on a few batches, each with a larger rate, and see where the loss falls.

Leslie Smith, “Cyclical Learning Rates for Training Neural Networks” (2015). The usual finders look at the loss of the
batch that was trained on, which is another batch every time; its noise is what their suggestions are blamed for.
Here the loss is that of the same examples after every step, so that the curve shows the rate and little else.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.pipeline import Pipeline
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.summary import summarize
from dnn_cli.training.build import build_model
from dnn_cli.training.job import Job

LOWEST, HIGHEST, STEPS = 1e-7, 10.0, 150
"""Where the rate begins and ends, and in how many steps it goes from one to the other."""

EXAMPLES = 512
"""So many training examples tell the loss after every step."""

FEWEST = 32
WORK = 2e8
"""Multiply-adds to see their loss; where an example takes many, fewer are looked at, but not below `FEWEST`."""

TOO_MUCH = 4.0
"""A loss of so many times the lowest ends the test, as in fastai."""

SMOOTH = 3
"""Steps on each side of one over which the loss is averaged, weighted by a bell."""

NOTABLE = 0.02
"""The loss has to fall by so much for a suggestion."""

SAFE = 3.0
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
    """How many tell the loss."""

    ended: str | None
    """Why no larger rates were tried, if they were not."""

    lowest: float | None
    """The rate with the lowest loss; `None` where it never fell."""

    steepest: float | None
    """The rate with which the loss fell fastest, as a function of the rate's logarithm."""

    suggestion: float | None
    """The steepest, but at most a third of the one with the lowest loss."""

    guessing: float | None = None
    """The cross-entropy of whoever knows how common the classes are and nothing else; `None` for other losses."""


def range_test(job: Job, watch: Callable[[str, int, int], None]) -> RangeTest:
    """Train with larger and larger rates on the experiment's own batches; the same result every time.

    Args:
        job: What to train; its optimizer's rate is not used, and a schedule neither.
        watch: Is told what goes on, how many steps are done, and of how many.
    """
    experiment = at_constant_rate(job)
    with tf.device(job.device.place):
        model = build_model(experiment, precision=job.plan.precision)
        pipeline = Pipeline(job.examples, experiment, job.measured)
        batches = iter(
            pipeline.batches(pipeline.shuffled(job.split.train, experiment.seed), range(STEPS), weighted=True)
        )
        loss_now, examples = probe(model, pipeline, job)
        start = loss_now()
        losses: list[float] = []
        ended = None
        rates = LOWEST * (HIGHEST / LOWEST) ** (np.arange(STEPS) / (STEPS - 1))
        for step, rate in enumerate(rates):
            watch("trying learning rates", step, STEPS)
            model.optimizer.learning_rate = rate
            model.train_on_batch(*next(batches))
            loss = loss_now()
            if not math.isfinite(loss):
                ended = "the loss was no longer a number"
                break
            losses.append(loss)
            best = min(start, *losses)
            if loss > best + (TOO_MUCH - 1) * (best if best > 0 else start - best):
                ended = f"the loss was {TOO_MUCH:g} times the lowest"
                break
    found = judged(start, [float(f"{rate:.4g}") for rate in rates[: len(losses)]], losses, examples, ended)
    return replace(found, guessing=guessing(job))


def guessing(job: Job) -> float | None:
    """−Σ p log p over the shares p of the classes in the training examples."""
    experiment = job.experiment
    if not experiment.loss.type.endswith("crossentropy") or experiment.class_weight is not None:
        return None
    counts = np.unique(job.examples.labels[job.split.train], return_counts=True)[1]
    return float(-np.sum(counts / counts.sum() * np.log(counts / counts.sum())))


def at_constant_rate(job: Job) -> Experiment:
    """The experiment with a rate that can be set, in the place of a schedule, too."""
    optimizer = job.experiment.optimizer.model_copy(update={"learning_rate": LOWEST})
    return job.experiment.model_copy(update={"optimizer": optimizer})


def probe(model: keras.Model, pipeline: Pipeline, job: Job) -> tuple[Callable[[], float], int]:
    """What tells the loss on some training examples, without dropout and the like; and how many they are."""
    train = job.split.train
    affordable = int(WORK / max(summarize(job.experiment).multiply_adds, 1))
    count = min(len(train), EXAMPLES, max(FEWEST, affordable))
    indices = train[np.linspace(0, len(train) - 1, count).astype(np.int64)]
    inputs, labels, *weights = pipeline.prepare(*pipeline.rows(tf.constant(indices)), pipeline.scaling, weighted=True)
    loss = job.experiment.loss.build()

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def measured(inputs: tf.Tensor, labels: tf.Tensor, *weights: tf.Tensor) -> tf.Tensor:
        return loss(labels, model(inputs, training=False), *weights)

    return lambda: float(measured(inputs, labels, *weights)), count


def judged(
    start: float, rates: Sequence[float], losses: Sequence[float], examples: int, ended: str | None
) -> RangeTest:
    """What a curve suggests."""
    curve = smooth(np.array(losses), start)
    lowest = steepest = suggestion = None
    if len(curve) > 2 * SMOOTH:
        at = int(curve.argmin())
        if at and curve[at] < start - NOTABLE * abs(start):
            fall = int(np.gradient(curve)[: at + 1].argmin())
            lowest, steepest = rates[at], rates[fall]
            suggestion = float(f"{min(steepest, lowest / SAFE):.2g}")
    return RangeTest(
        start, tuple(rates), tuple(losses), tuple(curve.tolist()), examples, ended, lowest, steepest, suggestion
    )


def smooth(losses: NDArray[np.float64], start: float) -> NDArray[np.float64]:
    """A curve averaged with its neighbours; what is far above the start counts as a little above it."""
    if not len(losses):
        return losses
    bell = np.hanning(2 * SMOOTH + 3)[1:-1]
    capped = np.minimum(losses, start + abs(start) / 2)
    padded = np.concatenate([np.full(SMOOTH, start), capped, np.full(SMOOTH, capped[-1])])
    return np.convolve(padded, bell / bell.sum(), "valid")
