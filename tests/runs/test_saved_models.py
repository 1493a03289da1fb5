"""The epoch in each weights file, also of runs whose record does not name it."""

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.runs.entry import read_entry
from dnn_cli.runs.saved_models import best_model, last_model, restored_epoch

CURVE = (0.5, 0.9, 0.7, 0.9, 0.6)


def entry_of(make_run, *overrides):
    run = make_run(*overrides, curve=CURVE)
    run.model.write_bytes(b"")
    run.best_model.write_bytes(b"")
    return read_entry(run)


def test_model_keras_holds_the_last_epoch(make_run):
    found = last_model(entry_of(make_run))
    assert (found.epoch, found.holds, found.text()) == (5, "last", "epoch 5, the last")
    assert found.scores["val_accuracy"] == 0.6


def test_model_keras_holds_the_restored_epoch(make_run):
    found = last_model(entry_of(make_run, "early_stopping={monitor: val_accuracy, restore_best_weights: true}"))
    assert (found.epoch, found.holds) == (2, "restored")
    assert found.scores["val_accuracy"] == 0.9


def test_averaged_weights_are_of_no_epoch(make_run):
    found = last_model(entry_of(make_run, "optimizer={type: adam, use_ema: true}"))
    assert (found.epoch, found.holds) == (None, "averaged")


@pytest.mark.parametrize(("monitor", "epoch"), [("val_accuracy", 2), ("val_loss", 2), ("accuracy", 2)])
def test_best_keras_holds_the_first_of_equally_good_epochs(make_run, monitor, epoch):
    found = best_model(entry_of(make_run, f"model_checkpoint={{monitor: {monitor}}}"))
    assert (found.epoch, found.monitor) == (epoch, monitor)
    assert found.scores["val_accuracy"] == 0.9


def test_a_recorded_epoch_counts_more_than_the_curve(make_run):
    entry = entry_of(make_run, "model_checkpoint={monitor: val_accuracy}")
    record = entry.record
    results = record.results.model_copy(update={"kept": 4})
    entry.run.write_record(record.model_copy(update={"results": results}))
    assert best_model(read_entry(entry.run)).epoch == 4


def test_a_run_without_the_file_has_no_best_model(make_run):
    assert best_model(read_entry(make_run("model_checkpoint={}"))) is None


class Weights:
    """What EarlyStopping reads of a model."""

    stop_training = False

    def __init__(self):
        self.epoch = None

    def get_weights(self):
        return self.epoch

    def set_weights(self, weights):
        self.epoch = weights


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12),
    st.sampled_from([0.0, 1.0]),
    st.integers(0, 3),
    st.sampled_from(["min", "max"]),
)
def test_the_restored_epoch_is_that_of_keras(values, delta, start, mode):
    stopping = {"min_delta": delta, "start_from_epoch": start}
    callback = keras.callbacks.EarlyStopping("score", patience=99, mode=mode, restore_best_weights=True, **stopping)
    model = Weights()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        model.epoch = epoch + 1
        callback.on_epoch_end(epoch, {"score": float(value)})
    model.epoch = None
    callback.on_train_end()
    assert restored_epoch(values, stopping, falls=mode == "min") == model.epoch
