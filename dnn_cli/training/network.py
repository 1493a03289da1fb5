"""A network that can be trained: built, compiled, fed; and taken again by experiments that differ only in numbers.

To trace and compile a small network takes longer than to train it. What is compiled has no number in it that a
variable holds: initial weights, the states of random numbers, the learning rate. So an experiment that differs from
one before only in those takes its network, with the variables of one that is freshly built.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.pipeline import Pipeline
from dnn_cli.training.build import build_model
from dnn_cli.training.chunked import build_metrics, chunk_predictor, run_in_chunks
from dnn_cli.training.diagnostics import Probe
from dnn_cli.training.job import Job
from dnn_cli.training.plan import Plan
from dnn_cli.training.programs import network_key
from dnn_cli.training.state import variables


@dataclass(frozen=True)
class Network:
    """A compiled model, what feeds it, and how it is run."""

    model: keras.Sequential
    pipeline: Pipeline
    plan: Plan
    predict: Callable[[tf.data.Dataset], NDArray[np.float32]]
    """Chunks → the outputs for their examples; of the chunked engine only."""

    functions: tuple[Callable[..., object], ...]
    """What Keras trains and tests with."""

    probe: Probe
    """What looks into it."""

    @classmethod
    def of(cls, job: Job, beside: Pipeline | None = None) -> "Network":
        """A new one, with its initial weights."""
        plan = job.plan
        model = build_model(job.experiment, jit=plan.jit, precision=plan.precision)
        pipeline = Pipeline(job.examples, job.experiment, job.measured, beside)
        build_metrics(model, pipeline)
        if plan.engine == "chunked":
            run_in_chunks(model, pipeline, plan)
        else:
            model.make_train_function()
            model.make_test_function()
        return cls(model, pipeline, plan, chunk_predictor(model, pipeline, plan),
                   (model.train_function, model.test_function), Probe(job, pipeline))  # fmt: skip

    def begin_again(self, job: Job) -> None:
        """Be as if freshly built for an experiment."""
        fresh = build_model(job.experiment, jit=self.plan.jit, precision=self.plan.precision)
        for (_, variable), (_, beginning) in zip(beginnings(self.model), beginnings(fresh), strict=True):
            variable.assign(beginning.value)
        self.model.train_function, self.model.test_function = self.functions


def beginnings(model: keras.Model) -> Iterator[tuple[str, keras.Variable]]:
    """The variables whose values matter as a training begins; metrics are reset by every epoch."""
    return ((name, variable) for name, variable in variables(model) if not name.startswith("metrics"))


class Networks:
    """Networks that were trained to their end, the latest last, to be trained again from the beginning."""

    def __init__(self, size: int = 4) -> None:
        self.size = size
        self.kept: dict[str, Network] = {}

    @contextmanager
    def ready_for(self, job: Job) -> Iterator[Network]:
        """A network as if freshly built; one that is not trained to its end is not taken again."""
        key = network_key(job.experiment)
        network = self.kept.pop(key, None)
        if network is None or network.pipeline.examples is not job.examples or network.plan != job.plan:
            same_examples = [kept.pipeline for kept in self.kept.values() if kept.pipeline.examples is job.examples]
            network = Network.of(job, next(iter(same_examples), None))
        else:
            network.begin_again(job)
        yield network
        self.kept[key] = network
        for old in list(self.kept)[: -self.size]:
            del self.kept[old]
