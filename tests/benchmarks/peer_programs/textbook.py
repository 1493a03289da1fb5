"""Keras as in a textbook: load, scale, split, fit, evaluate."""

import time

import numpy as np
from sklearn.model_selection import train_test_split
from tensorflow import keras

from tests.benchmarks.peer_programs.common import BATCH, EPOCHS, SEED, load_images, print_seconds


class EpochTimer(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


keras.utils.set_random_seed(SEED)
images, labels = load_images()
scaled = images.reshape(-1, 28, 28) / 255.0
train_x, test_x, train_y, test_y = train_test_split(scaled, labels, test_size=0.2, random_state=42)
model = keras.Sequential(
    [
        keras.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(100, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
clock = EpochTimer()
model.fit(train_x, train_y, epochs=EPOCHS, batch_size=BATCH, verbose=0, callbacks=[clock])
assert np.isfinite(model.evaluate(test_x, test_y, verbose=0)[0])
print_seconds(clock.seconds)
