"""The engine against Keras's plain `fit`: the same network, examples and order, epochs in turn in one process."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.pipeline import Pipeline, batches_of
from dnn_cli.host.processor import processor_text
from dnn_cli.training.build import build_model
from dnn_cli.training.chunked import feed, run_in_chunks
from dnn_cli.training.endings import Diverged
from dnn_cli.training.job import Job
from dnn_cli.training.plan import Plan

ENGINE, KERAS_FIT, KERAS_ARRAYS, KERAS_JIT = "dnn", "keras fit, tf.data", "keras fit, arrays", "keras fit, same jit"


@dataclass(frozen=True)
class Benchmark:
    """What was measured: seconds an epoch by contender, and whether the engine gave plain `fit`'s weights."""

    plan: Plan
    seconds: Mapping[str, tuple[float, ...]]
    """Training alone, without validation and without the first epoch, in which everything is compiled."""

    first: Mapping[str, float]
    """Seconds of that first epoch."""

    compared_with: str
    """The contender that has the same `jit_compile`."""

    bit_identical: bool
    machine: str
    """The processors that the seconds belong to."""

    def ratio(self, name: str = KERAS_FIT) -> float:
        """How many times as long as the engine a contender takes: of medians."""
        return float(np.median(self.seconds[name]) / np.median(self.seconds[ENGINE]))


class Contender:
    """A network of its own, trained an epoch at a time in one way."""

    def __init__(self, job: Job, plan: Plan, *, arrays: bool = False) -> None:
        self.job, self.plan, self.arrays = job, plan, arrays
        self.pipeline = Pipeline(job.examples, job.experiment, job.measured)
        self.model = build_model(job.experiment, jit=plan.jit, precision=plan.precision)
        if plan.engine == "chunked":
            run_in_chunks(self.model, self.pipeline, plan)
        if arrays:
            rows = self.pipeline.rows(tf.constant(job.split.train))
            batch = self.pipeline.prepare(*rows, self.pipeline.scaling, weighted=True)
            names = ("x", "y", "sample_weight")
            self.fitted = {name: tensor.numpy() for name, tensor in zip(names, batch, strict=False)}

    def run_epoch(self, number: int) -> float:
        """Train an epoch, the first of which is 0; its seconds.

        Raises:
            Diverged: its loss is not a finite number.
        """
        clock = Clock()
        common = {
            "initial_epoch": number,
            "epochs": number + 1,
            "verbose": 0,
            "shuffle": self.arrays,
            "callbacks": [clock],
        }
        batch_size, train = self.job.experiment.batch_size, self.job.split.train
        order, epoch = self.pipeline.shuffled(train, self.job.experiment.seed), range(number, number + 1)
        if self.arrays:
            history = self.model.fit(**self.fitted, batch_size=batch_size, **common).history
        else:
            data = feed(self.pipeline, self.plan, order, epoch, weighted=True)
            history = self.model.fit(data, steps_per_epoch=batches_of(len(train), batch_size), **common).history
        if not np.isfinite(history["loss"]).all():
            raise Diverged(f"the loss was no longer a number in epoch {number + 1}")
        return clock.seconds

    def weights(self) -> list[NDArray[np.float32]]:
        return [np.array(weight) for weight in self.model.get_weights()]


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures the epoch alone, not what `fit` does once before and after."""

    seconds = 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.seconds = -time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.seconds += time.perf_counter()


def benchmark(job: Job, repeats: int, watch: Callable[[str], None]) -> Benchmark:
    """Train `1 + repeats` epochs in every way, one epoch of each in turn, so that all meet the same noise.

    Args:
        job: What to train.
        repeats: How many epochs are measured after the first.
        watch: Is told what runs now.

    Raises:
        Diverged: a loss is not a finite number.
    """
    engine = job.plan
    plain = replace(engine, engine="keras", jit=False, steps=1)
    plans = {ENGINE: (engine, False), KERAS_FIT: (plain, False), KERAS_ARRAYS: (plain, True)}
    if engine.jit:
        plans[KERAS_JIT] = (replace(plain, jit=True), False)
    with tf.device(job.device.place):
        contenders = {name: Contender(job, plan, arrays=arrays) for name, (plan, arrays) in plans.items()}
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(1 + repeats):
            for name, contender in contenders.items():
                watch(f"epoch {number + 1} of {1 + repeats}: {name}")
                seconds[name].append(contender.run_epoch(number))
    compared = KERAS_JIT if engine.jit else KERAS_FIT
    pairs = zip(contenders[ENGINE].weights(), contenders[compared].weights(), strict=True)
    gpu = f"{job.device.name} and " if job.device.is_gpu else ""
    return Benchmark(
        plan=engine,
        seconds={name: tuple(taken[1:]) for name, taken in seconds.items()},
        first={name: taken[0] for name, taken in seconds.items()},
        compared_with=compared,
        machine=f"{gpu}{processor_text()}",
        bit_identical=all(np.array_equal(ours, theirs, equal_nan=True) for ours, theirs in pairs),
    )
