"""What callbacks declare about their Keras objects is what these objects do."""

import json

import keras
import numpy as np
import pytest

from dnn_cli.config.callbacks import CALLBACK_CLASSES
from dnn_cli.runs.run import Run
from dnn_cli.training.keras_callbacks import build_callbacks
from dnn_cli.training.training_state import capture_state, iter_variables, restore_callbacks

ACTIVE_SETTINGS = {
    "patience": 2, "min_delta": 0.0, "factor": 0.5, "cooldown": 2, "restore_best_weights": True, "start_from_epoch": 0,
    "swap_on_epoch": True,
}  # fmt: skip
"""Arguments with which callbacks act on `LOSSES`."""

LOSSES = [1.0, 0.5, 0.6, 0.4, 0.7, 0.8, 0.9, 0.3, 0.9, 0.9]
SET_IN_EVERY_EPOCH = {"has_saved", "values_before"}
"""Attributes that an epoch sets before it reads them, so that no checkpoint needs them."""


@pytest.fixture
def build_callback(experiment, tmp_path):
    """Builds the Keras object of a callback that acts often, for a small model."""

    def build(key):
        settings = {
            name: ACTIVE_SETTINGS[name] for name in CALLBACK_CLASSES[key].model_fields if name in ACTIVE_SETTINGS
        }
        averages = f"optimizer.use_ema={json.dumps(key == 'swap_ema_weights')}"
        new_experiment = experiment(f"{key}={json.dumps(settings)}", averages)
        (callback,) = build_callbacks(new_experiment, Run(tmp_path))
        # Equal names give the variables of several models equal paths.
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="dense")], name="model")
        model.compile(optimizer=keras.optimizers.SGD(0.1, use_ema=True, name="sgd"), loss="mse")
        model.optimizer.build(model.trainable_variables)
        callback.set_model(model)
        callback.set_params({"epochs": len(LOSSES)})
        callback.on_train_begin()
        return callback, model

    return build


def begin_epoch(callback, model, epoch):
    """Begin an epoch, change the weights, and begin its validation. A checkpoint can be written at this moment."""
    callback.on_epoch_begin(epoch)
    callback.on_train_batch_begin(0)
    model.set_weights([np.full_like(weight, epoch) for weight in model.get_weights()])
    callback.on_train_batch_end(0, {"loss": LOSSES[epoch]})
    callback.on_test_begin()
    callback.on_test_batch_begin(0)
    callback.on_test_batch_end(0, {"loss": LOSSES[epoch]})


def end_epoch(callback, model, epoch):
    """End an epoch with the next loss."""
    callback.on_test_end({"loss": LOSSES[epoch]})
    callback.on_epoch_end(epoch, {"loss": LOSSES[epoch], "val_loss": LOSSES[epoch]})


def read_memory(callback):
    """The numbers and weights that a callback holds, by attribute."""
    return {
        name: repr(value)
        for name, value in vars(callback).items()
        if value is None or isinstance(value, int | float | str | np.number | list | tuple | dict | np.ndarray)
    }


@pytest.mark.parametrize("key", CALLBACK_CLASSES)
def test_attributes_that_change_are_declared(build_callback, key):
    callback, model = build_callback(key)
    memories = []
    # In the first epoch, Keras also applies settings of its own: whether a lower score is better.
    for epoch in range(len(LOSSES)):
        begin_epoch(callback, model, epoch)
        if epoch > 0:
            memories.append(read_memory(callback))
        end_epoch(callback, model, epoch)
        memories.append(read_memory(callback))
    changed = {name for memory in memories for name, value in memory.items() if value != memories[0].get(name)}
    cls = CALLBACK_CLASSES[key]
    assert changed - SET_IN_EVERY_EPOCH == {*cls.state_attributes, *cls.weights_attributes}


@pytest.mark.parametrize("key", CALLBACK_CLASSES)
@pytest.mark.parametrize("done", range(1, len(LOSSES)))
def test_restored_callback_acts_like_the_original(build_callback, key, done):
    original, model = build_callback(key)
    for epoch in range(done):
        begin_epoch(original, model, epoch)
        end_epoch(original, model, epoch)
    restored, other_model = build_callback(key)
    other_model.stop_training = model.stop_training
    arrays, memories = capture_state(model, [original])
    for name, variable in iter_variables(other_model):
        variable.assign(arrays[name])
    restore_callbacks([restored], arrays, memories)
    for epoch in range(done, len(LOSSES)):
        for callback, its_model in ((original, model), (restored, other_model)):
            begin_epoch(callback, its_model, epoch)
            end_epoch(callback, its_model, epoch)
        assert read_memory(restored) == read_memory(original)
        assert float(other_model.optimizer.learning_rate) == float(model.optimizer.learning_rate)
        assert other_model.stop_training == model.stop_training
        assert getattr(restored, "has_saved", None) == getattr(original, "has_saved", None)
