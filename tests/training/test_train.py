"""Training on digits: what the numbers promise, and how it ends."""

import json
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.errors import UsageError
from dnn_cli.runs.store import Store
from dnn_cli.spec.load import load
from tests.conftest import DIVERGES
from tests.training.conftest import Silent

KERAS = tuple(int(part) for part in keras.__version__.split(".")[:2])


def weights(run):
    return [np.array(w) for w in keras.saving.load_model(run.model, safe_mode=True).get_weights()]


def same(first, second):
    return len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def timeless(run):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in run.read_metrics()]


STACKS = {
    "dense": [],
    "dropout, noise and normalisation": [
        "layers=[Flatten, BatchNormalization, {type: GaussianNoise, stddev: 0.1}, {type: Dense, units: 16, activation:"
        " relu}, {type: Dropout, rate: 0.3}, LayerNormalization, {type: Dense, units: 10, activation: softmax}]"
    ],
    "augmentation, a block, weights and callbacks": [
        "layers=[{type: Reshape, target_shape: [8, 8, 1]}, RandomFlip, {type: RandomRotation, factor: 0.1}, Flatten,"
        " {repeat: 2, layers: [{type: Dense, units: 9, activation: relu, name: h}, {type: Dropout, rate: 0.1}]},"
        " {type: Dense, units: 10, activation: softmax}]",
        "class_weight=balanced",
        "data={dataset: digits, stratify: true, standardize: true, test_size: 0.1}",
        "reduce_lr_on_plateau={patience: 1}",
        "early_stopping={patience: 1, restore_best_weights: true}",
        "epochs=4",
    ],
    "convolution": [
        "layers=[{type: Reshape, target_shape: [8, 8, 1]}, {type: Conv2D, filters: 4, kernel_size: 3},"
        " MaxPooling2D, {type: Conv2D, filters: 8, kernel_size: 2}, GlobalAveragePooling2D,"
        " {type: Dense, units: 10, activation: softmax}]"
    ],
}


@pytest.mark.parametrize("stack", STACKS)
def test_the_config_of_a_run_gives_the_same_bits_again(experiment, trained, stack):
    first, _, _ = trained(experiment(*STACKS[stack]))
    trained(experiment("seed=7"))  # another training in between leaves no trace
    second, _, _ = trained(load(str(first.config)).experiment)
    assert same(weights(first), weights(second))
    assert timeless(first) == timeless(second)
    assert np.array_equal(np.load(first.predictions)["outputs"], np.load(second.predictions)["outputs"])


def test_another_seed_gives_other_weights(experiment, trained):
    assert not same(weights(trained(experiment())[0]), weights(trained(experiment("seed=43"))[0]))


def test_a_bare_name_trains_to_the_bits_of_a_mapping(experiment, trained):
    bare, _, _ = trained(experiment("optimizer=sgd"))
    mapping, _, _ = trained(experiment("optimizer={type: sgd}"))
    assert same(weights(bare), weights(mapping))


def test_a_run_directory_holds_the_whole_story(experiment, trained):
    made, record, listener = trained(experiment("diagnostics=true"))
    assert sorted(path.name for path in made.directory.iterdir()) == [
        "checkpoints", "config.yaml", "diagnostics.csv", "inputs.npz", "metrics.csv", "model.keras", "predictions.npz",
        "run.json", "train.log",
    ]  # fmt: skip
    header = made.metrics.read_text().splitlines()[0]
    assert header == "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds"
    assert made.read_metrics() == listener.epochs
    assert made.read_record() == record
    assert record.status == "completed"
    assert record.results.last == listener.epochs[-1]
    assert record.results.best["val_accuracy"] == max(row["val_accuracy"] for row in listener.epochs)
    examples = load_examples(experiment().data)
    fingerprint, split = examples.fingerprint(), split_examples(experiment().data, examples).fingerprint()
    assert record.data == {
        "dataset": "digits",
        "train": 1437,
        "validation": 360,
        "test": 0,
        "fingerprint": fingerprint,
        "split": split,
    }
    assert {"dnn", "python", "tensorflow", "keras", "numpy", "scikit-learn"} == set(record.versions)
    assert listener.batches == [(1, 45), (2, 45)], "a call an epoch"
    assert (record.engine, record.plan["steps"], record.plan["jit"]) == ("chunked", 45, True)
    assert record.plan["why"].startswith("XLA")
    json.loads(made.record.read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param([], id="as it is"),
        pytest.param(["data.flatten=true"], id="flattened"),
        pytest.param(["model.name=패션 MNIST 모델", "layers.hidden.name=은닉 층"], id="names in another script"),
        pytest.param(["optimizer={type: adam, use_ema: true, ema_momentum: 0.5}"], id="averaged weights"),
        pytest.param(["loss=categorical_crossentropy"], id="labels as vectors"),
        pytest.param(["batch_size=100"], id="a short last batch"),
    ],
)
def test_plain_keras_gives_exactly_the_recorded_validation_score(experiment, trained, overrides):
    one = experiment(*overrides)
    made, record, _ = trained(one)
    examples = load_examples(one.data)
    split = split_examples(one.data, examples)
    inputs = examples.inputs[split.validation].reshape(-1, *one.data.input_shape) / np.float32(16)
    labels = examples.labels[split.validation].astype("int32")
    if one.labels == "one_hot":
        labels = np.eye(10, dtype="float32")[labels]
    model = keras.saving.load_model(made.model, safe_mode=True)
    scores = model.evaluate(inputs, labels, batch_size=one.batch_size, verbose=0, return_dict=True)
    assert {f"val_{name}": value for name, value in scores.items()} == record.results.model
    stored = np.load(made.predictions, allow_pickle=False)
    assert np.array_equal(stored["outputs"], model.predict(inputs, batch_size=one.batch_size, verbose=0))
    assert np.array_equal(stored["indices"], split.validation)
    assert np.array_equal(stored["labels"], examples.labels[split.validation])


def test_plain_fit_gives_the_same_bits_without_xla(experiment, trained):
    chunked, ours, _ = trained(experiment("jit=false", "optimizer={type: adam, use_ema: true}"))
    plain, theirs, listener = trained(experiment("engine=keras", "optimizer={type: adam, use_ema: true}"))
    assert (ours.engine, theirs.engine) == ("chunked", "keras")
    assert same(weights(chunked), weights(plain))
    assert timeless(chunked) == timeless(plain)
    assert ours.results.model == theirs.results.model
    assert np.array_equal(np.load(chunked.predictions)["outputs"], np.load(plain.predictions)["outputs"])
    assert listener.batches == [(epoch, step) for epoch in (1, 2) for step in range(1, 46)]


def test_a_gpu_that_is_not_there_is_refused(experiment, trained, tmp_path):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("there is one")
    with pytest.raises(UsageError, match="sees none"):
        trained(experiment("device=gpu"))
    assert not (tmp_path / "runs").exists()
    assert trained(experiment("device=cpu"))[1].status == "completed"


def test_a_schedule_is_followed_and_written_down(experiment, trained):
    rate = "{type: PiecewiseConstantDecay, boundaries: [45], values: [0.01, 0.001]}"
    _, _, listener = trained(experiment(f"optimizer={{type: sgd, learning_rate: {rate}}}", "epochs=3"))
    assert [row["learning_rate"] for row in listener.epochs] == [0.01, 0.001, 0.001]


def test_a_loss_that_is_no_number_ends_the_run_at_its_batch(experiment, trained):
    _, told, listener = trained(experiment(*DIVERGES, "engine=keras"))
    made, record, _ = trained(experiment(*DIVERGES, "jit=false"))
    assert record.status == told.status == "diverged"
    assert record.reason == told.reason, "the same batch, whether alone in its call or not"
    assert record.reason.startswith("the loss was no longer a number in epoch 1, batch ")
    epoch, step = 1, int(record.reason.rsplit(" ", 1)[1])
    assert listener.batches[-1] == (epoch, step - 1)
    assert not made.model.exists()
    assert "NaN" not in made.record.read_text()
    assert made.read_record() == record


def test_an_interruption_keeps_what_was_trained(experiment, trained, tmp_path):
    class Stops(Silent):
        def on_batch(self, epoch, step, scores):
            if epoch == 2:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trained(experiment(), Stops())
    (entry,) = Store(tmp_path / "runs").entries()
    assert (entry.record.status, entry.record.epochs) == ("interrupted", 1)
    assert len(entry.run.read_metrics()) == 1


def test_an_error_from_below_is_a_failed_run_with_a_reason(experiment, trained, capfd):
    class Breaks(Silent):
        def on_batch(self, epoch, step, scores):
            raise MemoryError

    _, record, _ = trained(experiment(), Breaks())
    assert (record.status, record.reason) == ("failed", "out of memory: a smaller batch_size or network needs less")
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="needs a GPU")
def test_on_a_gpu_the_same_experiment_gives_the_same_bits(experiment, trained):
    first, record, _ = trained(experiment())
    assert record.platform["device"] != "CPU"
    assert same(weights(first), weights(trained(experiment())[0]))
