import pytest

from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.training.bench import ENGINE, KERAS_ARRAYS, KERAS_FIT, KERAS_JIT, benchmark
from dnn_cli.training.job import prepare


@pytest.mark.parametrize(
    ("jit", "compared", "contenders"),
    [
        ("true", KERAS_JIT, {ENGINE, KERAS_FIT, KERAS_ARRAYS, KERAS_JIT}),
        ("false", KERAS_FIT, {ENGINE, KERAS_FIT, KERAS_ARRAYS}),
    ],
    ids=["XLA", "no XLA"],
)
def test_every_contender_runs_the_same_epochs(experiment, jit, compared, contenders):
    one = experiment(f"jit={jit}")
    examples = load_examples(one.data)
    said = []
    measured = benchmark(prepare(one, examples, split_examples(one.data, examples)), 2, said.append)
    assert measured.bit_identical
    assert measured.compared_with == compared
    assert set(measured.seconds) == contenders
    assert all(len(taken) == 2 and min(taken) > 0 for taken in measured.seconds.values())
    assert measured.ratio() > 0
    assert len(said) == 3 * len(contenders)


def test_other_weights_are_told_apart(experiment, monkeypatch):
    from dnn_cli.training import bench

    class Other(bench.Contender):
        def weights(self):
            return [weight + (self.plan.engine == "keras") for weight in super().weights()]

    monkeypatch.setattr(bench, "Contender", Other)
    one = experiment("jit=false")
    examples = load_examples(one.data)
    job = prepare(one, examples, split_examples(one.data, examples))
    assert not benchmark(job, 1, lambda _: None).bit_identical
