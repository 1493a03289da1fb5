"""Training on digits: what the numbers promise, and how it ends."""

import json
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.errors import OUT_OF_MEMORY, OUT_OF_MEMORY_SUGGESTION, UsageError
from dnn_cli.runs.checkpoint import read_last_checkpoint
from dnn_cli.runs.diagnostics_csv import read_diagnostics
from dnn_cli.runs.run_archive import pack_run
from dnn_cli.runs.store import Store
from dnn_cli.training.compiled_model import CompiledModelCache
from tests.helpers.digits import DIGITS_YAML, DIVERGING_OVERRIDES
from tests.helpers.kill_campaign import assert_same_run
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.training_runs import RecordingReporter, train_in_store

EVEN = ["batch_size=599", "data.validation_size=0.3333"]
"""Overrides without a short last batch. XLA compiles a short batch separately, which takes as long as whole batches."""


def load_weights(run):
    return [np.array(w) for w in keras.saving.load_model(run.model, safe_mode=True).get_weights()]


def have_equal_weights(first, second):
    return len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def read_metrics_without_seconds(run):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in run.read_metrics()]


QUICK = ["engine=keras", "batch_size=479", "optimizer=sgd", "diagnostics=false"]
RANDOM_PARTS = [
    "layers=[{type: Reshape, target_shape: [8, 8, 1]}, RandomFlip, {type: Conv2D, filters: 4, kernel_size: 3},"
    " BatchNormalization, {type: GaussianNoise, stddev: 0.1}, Flatten, {repeat: 2, layers: [{type: Dense, units: 9,"
    " activation: relu, name: h, activity_regularizer: l2, kernel_regularizer: l2}, {type: Dropout, rate: 0.1}]},"
    " {type: Dense, units: 10, activation: softmax}]",
    "optimizer=nadam",
    "engine=keras",
    "batch_size=431",
    "class_weight=balanced",
    "data={dataset: digits, stratify: true, standardize: true, test_size: 0.1}",
    "reduce_lr_on_plateau={patience: 1}",
    "early_stopping={patience: 1, restore_best_weights: true}",
    "epochs=4",
]
"""Overrides for plain fit with images, a block, random layers, penalties, class weights and callbacks."""


@pytest.fixture(scope="module")
def digits_experiment(tmp_path_factory):
    """Return a function that loads an experiment on digits, for fixtures of this module."""
    path = tmp_path_factory.mktemp("config") / "digits.yaml"
    path.write_text(DIGITS_YAML, encoding="utf-8")
    return lambda *overrides: load_experiment(path, overrides).experiment


@pytest.fixture(scope="module")
def with_xla(digits_experiment, tmp_path_factory):
    """Train with XLA and diagnostics; run, record and progress reporter."""
    store = Store(tmp_path_factory.mktemp("xla") / "runs")
    return train_in_store(store, digits_experiment("diagnostics=true", *EVEN), networks=CompiledModelCache())


@pytest.fixture(scope="module")
def combined(digits_experiment, tmp_path_factory):
    """Train `COMBINATION` with the chunked engine, without XLA; run, record and progress reporter."""
    return train_in_store(Store(tmp_path_factory.mktemp("combined") / "runs"), digits_experiment(*COMBINATION))


@pytest.mark.skipif(not RUN_ALL_CASES, reason="test_chunked_engine compiles one network with XLA for two engines")
def test_run_config_reproduces_the_same_bits_with_xla(trained, with_xla):
    first, _, _ = with_xla
    second, _, _ = trained(
        load_experiment(first.config, ["diagnostics=false"]).experiment, networks=CompiledModelCache()
    )
    assert_same_bits(first, second)
    assert first.diagnostics.exists(), "and measuring changes no bit"
    assert not second.diagnostics.exists()


@pytest.mark.skipif(not RUN_ALL_CASES, reason="test_reproduce repeats a run, and test_compiled_model random layers")
def test_run_config_reproduces_the_same_bits_of_random_layers(experiment, trained):
    first, _, _ = trained(experiment(*RANDOM_PARTS, "diagnostics=false"), networks=CompiledModelCache())
    repetition = load_experiment(first.config, ["diagnostics=true"]).experiment
    second, record, _ = trained(repetition, networks=CompiledModelCache())
    assert record.status == "completed", record.reason
    assert_same_run(first, second)
    assert not first.diagnostics.exists()
    assert {0, 1, 2} <= {state.epoch for state in read_diagnostics(second)}, "and measuring changes no bit"
    assert pack_run(second)["diagnostics.csv"] == second.diagnostics.read_bytes(), "it travels with its run"
    ours, theirs = read_last_checkpoint(first)[0].arrays, read_last_checkpoint(second)[0].arrays
    assert ours.keys() == theirs.keys()
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)


def assert_same_bits(first, second):
    """Check that two runs have the same weights, metrics and predictions."""
    assert have_equal_weights(load_weights(first), load_weights(second))
    assert read_metrics_without_seconds(first) == read_metrics_without_seconds(second)
    assert np.array_equal(np.load(first.predictions)["outputs"], np.load(second.predictions)["outputs"])


def test_bare_name_equals_mapping(experiment):
    assert experiment("optimizer=sgd") == experiment("optimizer={type: sgd}") != experiment("optimizer=adam")


def test_run_directory_contents(experiment, with_xla):
    run, record, reporter = with_xla
    assert sorted(path.name for path in run.directory.iterdir()) == [
        "checkpoints", "config.yaml", "diagnostics.csv", "inputs.npz", "metrics.csv", "model.keras", "predictions.npz",
        "run.json", "train.log",
    ]  # fmt: skip
    header = run.metrics.read_text().splitlines()[0]
    assert header == "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds"
    assert run.read_metrics() == reporter.epochs
    assert run.read_record() == record
    assert record.status == "completed"
    assert record.results.last == reporter.epochs[-1]
    assert record.results.best["val_accuracy"] == max(row["val_accuracy"] for row in reporter.epochs)
    data = experiment(*EVEN).data
    examples = load_examples(data)
    fingerprint, split = examples.compute_fingerprint(), split_examples(data, examples).compute_fingerprint()
    assert record.data == {
        "dataset": "digits",
        "train": 1198,
        "validation": 599,
        "test": 0,
        "fingerprint": fingerprint,
        "split": split,
    }
    assert {"dnn", "python", "tensorflow", "keras", "numpy", "scikit-learn"} == set(record.versions)
    assert reporter.batches == [(1, 2), (2, 2)], "a call an epoch"
    assert (record.engine, record.plan["steps"], record.plan["jit"]) == ("chunked", 2, True)
    assert record.plan["why"].startswith("with XLA")
    json.loads(run.record.read_text(), parse_constant=pytest.fail)


CASES = {
    "default": [],
    "flattened": ["data.flatten=true"],
    "names in another script": ["model.name=패션 MNIST 모델", "layers.hidden.name=은닉 층"],
    "averaged weights": ["optimizer={type: adam, use_ema: true, ema_momentum: 0.5}"],
    "labels as vectors": ["loss=categorical_crossentropy"],
    "a short last batch": ["batch_size=100"],
    "16 bits": ["mixed_precision=true"],
}
COMBINATION = ["jit=false", *(override for overrides in CASES.values() for override in overrides)]


def test_plain_keras_reproduces_recorded_validation_scores(experiment, with_xla, combined):
    check_recorded_scores(experiment(*EVEN), *with_xla)
    check_recorded_scores(experiment(*COMBINATION), *combined)


@pytest.mark.skipif(not RUN_ALL_CASES, reason="the test above tries all of these together")
@pytest.mark.parametrize("overrides", CASES.values(), ids=CASES.keys())
def test_plain_keras_reproduces_validation_scores_of_each_option(experiment, trained, overrides):
    new_experiment = experiment(*overrides)
    check_recorded_scores(new_experiment, *trained(new_experiment))


def check_recorded_scores(experiment, run, record, _):
    """Compare the recorded scores and predictions with those of the saved model in plain Keras."""
    examples = load_examples(experiment.data)
    split = split_examples(experiment.data, examples)
    inputs = examples.inputs[split.validation].reshape(-1, *experiment.data.input_shape) / np.float32(16)
    targets = examples.targets[split.validation].astype("int32")
    if experiment.target_encoding == "one_hot":
        targets = np.eye(10, dtype="float32")[targets]
    model = keras.saving.load_model(run.model, safe_mode=True)
    scores = model.evaluate(inputs, targets, batch_size=experiment.batch_size, verbose=0, return_dict=True)
    assert {f"val_{name}": value for name, value in scores.items()} == record.results.model
    stored = np.load(run.predictions, allow_pickle=False)
    assert np.array_equal(stored["outputs"], model.predict(inputs, batch_size=experiment.batch_size, verbose=0))
    assert np.array_equal(stored["indices"], split.validation)
    assert np.array_equal(stored["labels"], examples.targets[split.validation])


def test_plain_fit_gives_the_same_bits_without_xla(experiment, trained, combined):
    chunked, ours, _ = combined
    plain, theirs, reporter = trained(experiment(*COMBINATION, "engine=keras", "diagnostics=false"))
    assert (ours.engine, theirs.engine) == ("chunked", "keras")
    assert (chunked.diagnostics.exists(), plain.diagnostics.exists()) == (True, False), "measuring changes no bit"
    assert_same_bits(chunked, plain)
    assert ours.results.model == theirs.results.model
    assert reporter.batches == [(epoch, step) for epoch in (1, 2) for step in range(1, 16)]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["device=gpu"], "TensorFlow finds no GPU"),
        (["layers.0={type: LSTM, units: 4, use_cudnn: true}"], "needs a GPU"),
    ],
)
def test_missing_gpu_is_refused(experiment, trained, tmp_path, overrides, message):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("there is one")
    with pytest.raises(UsageError, match=message):
        trained(experiment(*overrides))
    assert not (tmp_path / "runs").exists()


def test_scheduled_learning_rates_are_recorded(experiment, trained):
    rate = "{type: PiecewiseConstantDecay, boundaries: [5], values: [0.01, 0.001]}"
    overrides = [*QUICK, "device=cpu", f"optimizer={{type: sgd, learning_rate: {rate}}}", "epochs=3"]
    _, record, reporter = trained(experiment(*overrides))
    assert record.status == "completed", record.reason
    assert [row["learning_rate"] for row in reporter.epochs] == [0.01, 0.001, 0.001]


def test_non_finite_loss_ends_the_run_at_its_batch(experiment, trained):
    _, keras_record, reporter = trained(experiment(*DIVERGING_OVERRIDES, "engine=keras"))
    run, record, _ = trained(experiment(*DIVERGING_OVERRIDES, "jit=false"))
    assert record.status == keras_record.status == "diverged"
    assert record.reason == keras_record.reason, "the same batch, whether alone in its call or not"
    assert record.reason.startswith("the loss became NaN or infinite in epoch 1, batch ")
    epoch, step = 1, int(record.reason.rsplit(" ", 1)[1])
    assert reporter.batches[-1] == (epoch, step - 1)
    assert not run.model.exists()
    assert ": NaN" not in run.record.read_text(), "JSON has no such number"
    assert run.read_record() == record
    checkpoint, _ = read_last_checkpoint(run)
    assert checkpoint is None or all(np.isfinite(array).all() for array in checkpoint.arrays.values())


@pytest.fixture
def interrupts_raise():
    """Let SIGINT raise KeyboardInterrupt, as in a program in the foreground."""
    previous_handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous_handler)


@pytest.mark.usefixtures("interrupts_raise")
def test_interrupted_run_keeps_trained_epochs(experiment, trained, tmp_path):
    class Stops(RecordingReporter):
        def on_batch(self, epoch, step, scores):
            if epoch == 2:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trained(experiment(*QUICK), Stops())
    (run_info,) = Store(tmp_path / "runs").list_runs()
    assert (run_info.record.status, run_info.record.epochs) == ("interrupted", 1)
    assert len(run_info.run.read_metrics()) == 1


@pytest.mark.parametrize(
    "error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "Out of memory while trying to allocate")],
    ids=["machine", "GPU"],
)  # fmt: skip
def test_full_memory_makes_a_failed_run_with_a_reason(experiment, trained, capfd, error):
    class Breaks(RecordingReporter):
        def on_batch(self, epoch, step, scores):
            raise error

    _, record, _ = trained(experiment(*QUICK), Breaks())
    assert (record.status, record.reason) == ("failed", f"{OUT_OF_MEMORY}: {OUT_OF_MEMORY_SUGGESTION}")
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="needs a GPU")
def test_on_a_gpu_the_same_experiment_gives_the_same_bits(experiment, trained):
    first, record, _ = trained(experiment())
    assert record.platform["device"] != "CPU"
    assert have_equal_weights(load_weights(first), load_weights(trained(experiment())[0]))
