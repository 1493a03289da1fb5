"""The epoch in each weights file, also of runs whose record does not name it."""

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnn_cli.runs.run_info import read_run_info
from dnn_cli.runs.saved_models import compute_restored_epoch, find_best_model, get_last_model

CURVE = (0.5, 0.9, 0.7, 0.9, 0.6)


def create_run_info(make_run, *overrides):
    run = make_run(*overrides, curve=CURVE)
    run.model.write_bytes(b"")
    run.best_model.write_bytes(b"")
    return read_run_info(run)


def test_model_keras_holds_the_last_epoch(make_run):
    model = get_last_model(create_run_info(make_run))
    assert (model.epoch, model.weights_kind, model.format_epoch()) == (5, "last", "epoch 5, the last")
    assert model.scores["val_accuracy"] == 0.6


def test_model_keras_holds_the_restored_epoch(make_run):
    model = get_last_model(
        create_run_info(make_run, "early_stopping={monitor: val_accuracy, restore_best_weights: true}")
    )
    assert (model.epoch, model.weights_kind) == (2, "restored")
    assert model.scores["val_accuracy"] == 0.9


def test_averaged_weights_have_no_epoch(make_run):
    model = get_last_model(create_run_info(make_run, "optimizer={type: adam, use_ema: true}"))
    assert (model.epoch, model.weights_kind) == (None, "averaged")


def test_models_of_swapped_epochs_hold_averages(make_run):
    swap = ["optimizer={type: adam, use_ema: true}", "swap_ema_weights={swap_on_epoch: true}", "model_checkpoint={}"]
    run_info = create_run_info(make_run, *swap, "early_stopping={monitor: val_accuracy, restore_best_weights: true}")
    text = "weights averaged up to epoch 2 (use_ema), the best by"
    assert find_best_model(run_info).format_epoch() == f"{text} val_loss"
    assert get_last_model(run_info).format_epoch() == f"{text} val_accuracy, restored by early_stopping"


def test_final_averages_are_those_of_the_last_swapped_epoch(make_run):
    overrides = ["optimizer={type: adam, use_ema: true}", "swap_ema_weights={swap_on_epoch: true}"]
    assert get_last_model(create_run_info(make_run, *overrides)).epoch == len(CURVE)


@pytest.mark.parametrize(("monitor", "epoch"), [("val_accuracy", 2), ("val_loss", 2), ("accuracy", 2)])
def test_best_keras_holds_the_first_of_equally_good_epochs(make_run, monitor, epoch):
    model = find_best_model(create_run_info(make_run, f"model_checkpoint={{monitor: {monitor}}}"))
    assert (model.epoch, model.monitor) == (epoch, monitor)
    assert model.scores["val_accuracy"] == 0.9


def test_recorded_epoch_overrides_the_curve(make_run):
    run_info = create_run_info(make_run, "model_checkpoint={monitor: val_accuracy}")
    record = run_info.record
    results = record.results.model_copy(update={"kept": 4})
    run_info.run.write_record(record.model_copy(update={"results": results}))
    assert find_best_model(read_run_info(run_info.run)).epoch == 4


def test_run_without_best_keras_has_no_best_model(make_run):
    assert find_best_model(read_run_info(make_run("model_checkpoint={}"))) is None


class FakeModel:
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
def test_restored_epoch_agrees_with_keras(values, delta, start, mode):
    stopping = {"min_delta": delta, "start_from_epoch": start}
    callback = keras.callbacks.EarlyStopping("score", patience=99, mode=mode, restore_best_weights=True, **stopping)
    model = FakeModel()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        model.epoch = epoch + 1
        callback.on_epoch_end(epoch, {"score": float(value)})
    model.epoch = None
    callback.on_train_end()
    assert compute_restored_epoch(values, stopping, falls=mode == "min") == model.epoch
