"""What the tests of training share: a listener, and a way to train into a run of its own."""

import functools

import pytest

from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.runs.store import Store
from dnn_cli.spec.load import to_yaml
from dnn_cli.training.endings import never
from dnn_cli.training.job import prepare
from dnn_cli.training.train import first_record, train


class Silent:
    """A listener that keeps what it is told."""

    def __init__(self):
        self.epochs = []
        self.batches = []

    def on_begin(self, device, plan, steps):
        self.device, self.steps = device, steps

    def on_batch(self, epoch, step, scores):
        self.batches.append((epoch, step))

    def on_epoch(self, scores):
        self.epochs.append(dict(scores))


examples_of = functools.cache(load_examples)


@pytest.fixture
def trained(tmp_path):
    """Trains an experiment into a run of its own; returns the run, its record and its listener."""

    def run(experiment, listener=None, stop=never, networks=None):
        examples = examples_of(experiment.data)
        split = split_examples(experiment.data, examples)
        listener = listener or Silent()
        job = prepare(experiment, examples, split)
        with Store(tmp_path / "runs").new_run(experiment.name, to_yaml(experiment), first_record(job)) as made:
            assert made.read_record().status == "running"
            return made, train(job, made, listener, stop, networks=networks), listener

    return run
