"""Trainings inside the process of a test, with a progress reporter that keeps what it receives."""

import functools

import pytest

from dnn_cli.config.loading import to_yaml
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.runs.store import Store
from dnn_cli.training.compiled_model import CompiledModelCache
from dnn_cli.training.stop_request import never_stop
from dnn_cli.training.train import build_initial_record, train_model
from dnn_cli.training.training_job import prepare_job


class RecordingReporter:
    """Progress reporter that keeps what it receives."""

    def __init__(self):
        self.epochs = []
        self.batches = []

    def on_begin(self, device, plan, steps):
        self.device, self.steps = device, steps

    def on_batch(self, epoch, step, scores):
        self.batches.append((epoch, step))

    def on_epoch(self, scores):
        self.epochs.append(dict(scores))


load_cached_examples = functools.cache(load_examples)

SHARED_MODELS = CompiledModelCache(max_models=8)
"""Compiled models of earlier trainings. A compilation takes five seconds, and a reused model gives the same bits."""


@pytest.fixture
def trained(tmp_path):
    """Return a function that trains an experiment in a new run and returns run, record and progress reporter.

    The function reuses compiled models of earlier trainings, unless it gets a cache as `networks`.
    """

    def run(experiment, reporter=None, stop=never_stop, networks=SHARED_MODELS):
        examples = load_cached_examples(experiment.data)
        split = split_examples(experiment.data, examples)
        reporter = reporter or RecordingReporter()
        job = prepare_job(experiment, examples, split)
        with Store(tmp_path / "runs").create_run(
            experiment.name, to_yaml(experiment), build_initial_record(job)
        ) as new_run:
            assert new_run.read_record().status == "running"
            return new_run, train_model(job, new_run, reporter, stop, model_cache=networks), reporter

    return run
