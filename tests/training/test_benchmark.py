import numpy as np
import pytest

from dnn_cli.data.examples import split_examples
from dnn_cli.training.benchmark import ENGINE, KERAS_ARRAYS, KERAS_FIT, KERAS_JIT, run_benchmark
from dnn_cli.training.training_job import prepare_job
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.training_runs import load_cached_examples


def build_job(experiment, *overrides):
    small = "layers=[{type: Dense, units: 3, activation: softmax}]"
    new_experiment = experiment("data.dataset=iris", small, "metrics=[]", "batch_size=40", *overrides)
    examples = load_cached_examples(new_experiment.data)
    return prepare_job(new_experiment, examples, split_examples(new_experiment.data, examples))


CONTENDERS = {"false": (KERAS_FIT, {ENGINE, KERAS_FIT, KERAS_ARRAYS})}
CONTENDERS["true"] = KERAS_JIT, {*CONTENDERS["false"][1], KERAS_JIT}
"""The contender that is compared with the engine, and all contenders, by the value of `jit`."""

each_jit = pytest.mark.parametrize(
    ("jit", "compared", "contenders"), [(jit, *expected) for jit, expected in CONTENDERS.items()], ids=CONTENDERS
)


@pytest.mark.skipif(not RUN_ALL_CASES, reason="the test of `dnn bench` runs the contenders without XLA")
@each_jit
def test_every_contender_runs_the_same_epochs(experiment, jit, compared, contenders):
    messages = []
    result = run_benchmark(build_job(experiment, f"jit={jit}"), 2, messages.append)
    assert result.bit_identical
    assert result.compared_with == compared
    assert set(result.seconds) == contenders
    assert all(len(epoch_seconds) == 2 and min(epoch_seconds) > 0 for epoch_seconds in result.seconds.values())
    assert result.compute_ratio() > 0
    assert len(messages) == 3 * len(contenders)


@each_jit
def test_different_weights_are_not_bit_identical(experiment, monkeypatch, jit, compared, contenders):
    from dnn_cli.training import benchmark

    class UnequalContender:
        """Contender that trains nothing, and whose weights depend on its engine."""

        def __init__(self, job, plan, *, arrays):
            self.plan = plan

        def run_epoch(self, number):
            return 1.0

        def get_weights(self):
            return [np.full(2, self.plan.engine == "keras")]

    monkeypatch.setattr(benchmark, "Contender", UnequalContender)
    messages = []
    result = run_benchmark(build_job(experiment, f"jit={jit}"), 1, messages.append)
    assert not result.bit_identical
    assert (result.compared_with, set(result.seconds), result.compute_ratio()) == (compared, contenders, 1)
    assert len(messages) == 2 * len(contenders)
