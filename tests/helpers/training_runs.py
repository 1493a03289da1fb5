"""Trainings inside the process of a test, with a progress reporter that keeps what it receives."""

import functools
from contextlib import contextmanager, nullcontext

import pytest

from dnn_cli.config.loading import LoadedExperiment
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.execution.fitting import complete_training
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.reporters import Reporter
from dnn_cli.execution.run_training import start_new_run, start_training
from dnn_cli.runs.store import Store
from dnn_cli.training.compiled_model import CompiledModelCache
from dnn_cli.training.stop_request import never_stop


class RecordingReporter:
    """Progress reporter that keeps what it receives."""

    def __init__(self):
        self.epochs = []
        self.batches = []

    def __call__(self, doing, done=0, total=0):
        pass

    def on_begin(self, device, plan, steps):
        self.device, self.steps = device, steps

    def on_batch(self, epoch, step, scores):
        self.batches.append((epoch, step))

    def on_epoch(self, scores):
        self.epochs.append(dict(scores))


load_cached_examples = functools.cache(load_examples)


class KeptModels(CompiledModelCache):
    """Cache that keeps a reused model also if the training fails. A new model takes a second."""

    @contextmanager
    def use_model(self, job):
        models = dict(self.models)
        try:
            with super().use_model(job) as compiled_model:
                yield compiled_model
        except BaseException:
            self.models = models
            raise


SHARED_MODELS = KeptModels(max_models=8)
"""Compiled models of earlier trainings. A compilation takes five seconds, and a reused model gives the same bits."""


class QuietReporter(Reporter):
    """Reporter that prints nothing, and passes progress to a progress reporter of the test."""

    def __init__(self, progress_reporter):
        super().__init__()
        self.progress_reporter = progress_reporter

    @contextmanager
    def open_progress(self, epochs, batch_size):
        yield self.progress_reporter


class PolledStopRequest:
    """Stop request that calls a function of the test."""

    def __init__(self, get_stop_reason):
        self.get_stop_reason = get_stop_reason

    def __call__(self):
        return self.get_stop_reason()

    def allow_graceful_stop(self):
        return nullcontext()


def build_cache(experiment, networks=SHARED_MODELS):
    """Build the cache of a process that has loaded the examples of an experiment."""
    cache = ProcessCache()
    examples = load_cached_examples(experiment.data)
    cache.set_examples(experiment.data, examples, split_examples(experiment.data, examples))
    cache.compiled_models = networks
    return cache


def train_from(
    resume_point, run, experiment, progress_reporter, stop=never_stop, networks=SHARED_MODELS, code_directory=None
):
    """Train an experiment in an existing run from a resume point, and return the record."""
    training = start_training(
        LoadedExperiment(experiment, "", (), (), code_directory), QuietReporter(progress_reporter),
        lambda job: nullcontext((run, resume_point)), PolledStopRequest(stop), build_cache(experiment, networks),
    )  # fmt: skip
    return complete_training(training)[1]


def train_in_store(store, experiment, reporter=None, stop=never_stop, networks=SHARED_MODELS, code_directory=None):
    """Train an experiment in a new run of a store, and return run, record and progress reporter."""
    reporter = reporter or RecordingReporter()
    training = start_new_run(
        LoadedExperiment(experiment, "", (), (), code_directory), store, QuietReporter(reporter),
        PolledStopRequest(stop), cache=build_cache(experiment, networks),
    )  # fmt: skip
    run, record = complete_training(training)
    return run, record, reporter


@pytest.fixture
def trained(tmp_path):
    """Return a function that trains an experiment in a new run and returns run, record and progress reporter.

    The function reuses compiled models of earlier trainings, unless it gets a cache as `networks`.
    """
    return functools.partial(train_in_store, Store(tmp_path / "runs"))
