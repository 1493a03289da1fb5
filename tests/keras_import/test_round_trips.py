"""Configs that `dnn script` writes as programs, and `dnn import` reads again."""

from pathlib import Path

import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.keras_import.config_building import build_imported_experiment
from dnn_cli.keras_import.program_file import read_program
from dnn_cli.script.training_settings import choose_settings
from tests.helpers.image_files import encode_png, write_images
from tests.helpers.imported_programs import import_script, list_import_errors, list_layers
from tests.helpers.imported_programs import write_program as write_text
from tests.helpers.scripts import SHIPPED_CONFIGS, write_program

FASHION = """
import math
import numpy as np
import tensorflow as tf
from tensorflow import keras
(X, y), _ = keras.datasets.fashion_mnist.load_data()
X_train, y_train, X_valid, y_valid = X[5000:] / 255, y[5000:], X[:5000] / 255, y[:5000]
model = keras.Sequential([keras.layers.Flatten(input_shape=(28, 28)), keras.layers.Dense(10, "softmax")])
model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd")
"""


@pytest.mark.parametrize("path", SHIPPED_CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_are_read_back(tmp_path, path):
    # A script contains the choice of XLA, the repetitions of blocks, and the name of the model that Keras accepts.
    written = load_experiment(str(path)).experiment
    read, imported = import_script(tmp_path, write_program(written))
    jit = True if choose_settings(written, gpu=False).jit else written.jit
    expected = written.model_copy(update={"jit": jit, "name": read.name, "model": read.model})
    assert read == expected
    assert list_layers(read) == list_layers(written)
    assert read.model.name == ("MNIST" if path.stem == "named" else written.model.name)
    assert len(imported.remarks) == 1 and "keys of the data" in imported.remarks[0]
    assert not imported.missing


OWN_FILES = {
    "table": ["data={dataset: csv, path: table.csv, standardize: true, standardize_target: true, test_size: 0.2}",
              "loss=mse", "metrics=[mean_absolute_error]", "layers=[{type: Dense, units: 1}]"],
    "arrays": ["data={dataset: npz, path: arrays.npz, validation_size: 0.25}", "loss=sparse_categorical_crossentropy",
               "layers=[Flatten, {type: Dense, units: 3, activation: softmax}]"],
    "images": ["data={dataset: image_folder, path: images, image_size: [4, 4], color_mode: grayscale, stratify: true}",
               "loss=binary_crossentropy", "layers=[Flatten, {type: Dense, units: 1, activation: sigmoid}]"],
}  # fmt: skip


@pytest.mark.parametrize("overrides", OWN_FILES.values(), ids=OWN_FILES)
def test_own_files_are_read_back(tmp_path, monkeypatch, overrides):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    rows = "".join(f"{a:.3f},{b:.3f},{2 * a:.3f}\n" for a, b in rng.normal(size=(40, 2)))
    Path("table.csv").write_text(f"a,b,target\n{rows}", encoding="utf-8")
    np.savez("arrays.npz", x_train=rng.normal(size=(40, 4)), y_train=np.arange(40) % 3,
             x_test=rng.normal(size=(9, 4)), y_test=np.arange(9) % 3)  # fmt: skip
    write_images(Path("images"), {f"{kind}/{i}.png": encode_png(rng.integers(0, 255, (4, 4), np.uint8))
                            for kind in ("cat", "dog") for i in range(9)})  # fmt: skip
    Path("config.yaml").write_text("model: {layers: [Flatten]}\nmetrics: [accuracy]\n", encoding="utf-8")
    written = load_experiment("config.yaml", ["optimizer=sgd", "epochs=2", "seed=7", *overrides]).experiment
    read, imported = import_script(tmp_path, write_program(written))
    jit = True if choose_settings(written, gpu=False).jit else written.jit
    assert read == written.model_copy(update={"jit": jit, "name": read.name})
    assert any("is relative to the config" in remark for remark in imported.remarks)


DIVIDED = {
    "validation set": ["data.validation_size=0.3"],
    "test set and validation set": ["data.test_size=0.1", "data.validation_size=100", "data.split_seed=3"],
    "flat images": ["data.flatten=true", "layers=[{type: Dense, units: 10, activation: softmax}]"],
    "warm-up to a rate": ["optimizer.learning_rate={type: Warmup, learning_rate: 0.01, warmup_steps: 5}"],
}


@pytest.mark.parametrize("overrides", DIVIDED.values(), ids=DIVIDED)
def test_overrides_are_read_back(tmp_path, overrides, experiment):
    written = experiment(*overrides)
    read, _ = import_script(tmp_path, write_program(written))
    again = write_program(read.model_copy(update={"name": written.name}))
    assert again == write_program(written)


def test_weights_of_classes_are_read_back(tmp_path, experiment):
    read, _ = import_script(tmp_path, write_program(experiment("class_weight={'0': 2.0}")))
    assert read.class_weight == {"0": 2.0} | {str(number): 1.0 for number in range(1, 10)}


def test_folds_are_named(tmp_path, experiment):
    _, imported = import_script(tmp_path, write_program(experiment("data.folds=3", "data.fold=2")))
    assert "KFold is left out: write data.folds and data.fold, or data.reporting_half, into the config" in (
        imported.remarks
    )


@pytest.mark.parametrize(
    ("lines", "remark"),
    [
        ("model.fit(X_train, y_train, steps_per_epoch=math.ceil(len(X_train) / 32))", ""),
        ("n = X_train.shape[0]\nmodel.fit(X_train, y_train, steps_per_epoch=-(-n // 32))", ""),
        ("model.fit(X_train, y_train, steps_per_epoch=int(np.ceil(len(y_train) / 32)))", ""),
        ("model.fit(X_train, y_train, steps_per_epoch=1719)", ""),
        ("model.fit(X_train, y_train, steps_per_epoch=len(X_train) // 32)", "len(X_train) // 32 leaves out"),
        ("X_train = np.load('a.npy')\nmodel.fit(X_train, y, steps_per_epoch=len(X_train) // 32)", "smaller batch"),
        ("X_train = np.load('a.npy')\nmodel.fit(X_train, y, steps_per_epoch=(len(X_train) + 31) // 32)", ""),
        ("model.fit(X_train, y_train, shuffle=False)", "fit has the examples in a fixed order"),
    ],
)  # fmt: skip
def test_steps_of_one_pass_are_left_out(tmp_path, lines, remark):
    _, imported = import_script(tmp_path, FASHION + lines)
    remarks = [text for text in imported.remarks if "keys of the data" not in text]
    assert len(remarks) == bool(remark) and remark in "".join(remarks)


@pytest.mark.parametrize(
    ("lines", "batch_size", "remark"),
    [
        ("data = tf.data.Dataset.from_tensor_slices((X_train, y_train)).shuffle(1000).batch(64).prefetch(1)", 64, ""),
        ("data = tf.data.Dataset.from_tensor_slices((X_train, y_train)).batch(batch_size=16)", 16, "fixed order"),
    ],
)
def test_pipeline_has_the_batch_size(tmp_path, lines, batch_size, remark):
    read, imported = import_script(tmp_path, f"{FASHION}{lines}\nmodel.fit(data, epochs=2)")
    assert (read.batch_size, read.epochs) == (batch_size, 2)
    assert any(remark in text for text in imported.remarks)


def test_unknown_pipeline_is_named(tmp_path):
    generator = "flow = keras.preprocessing.image.ImageDataGenerator(rotation_range=9).flow(X_train, y_train)\n"
    _, imported = import_script(tmp_path, f"{FASHION}{generator}model.fit(flow)")
    assert any("its batch size and its changes of examples are left out" in remark for remark in imported.remarks)


@pytest.mark.parametrize("steps", ["len(flow)", "flow.samples // 64", "args.steps"])
def test_steps_of_unknown_data_are_named(tmp_path, steps):
    lines = f"flow = make_generator(64)\nmodel.fit(flow, steps_per_epoch={steps})"
    _, imported = import_script(tmp_path, FASHION + lines)
    assert f"steps_per_epoch {steps} is left out: an epoch of dnn has all training examples" in imported.remarks


def test_repeated_pipeline_has_steps(tmp_path):
    pipeline = "data = tf.data.Dataset.from_tensor_slices((X_train, y_train)).shuffle(9).repeat().batch(50)\n"
    read, _ = import_script(tmp_path, f"{FASHION}{pipeline}model.fit(data, steps_per_epoch=len(X_train) // 50)")
    assert read.batch_size == 50


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("steps = 100\nmodel.fit(X_train, y_train, steps_per_epoch=steps)", "steps_per_epoch  is 100, and an epoch"),
        ("model.fit(X_train, y_train, steps_per_epoch=len(X) // 32)", "steps_per_epoch  is len(X) // 32, and"),
        ("data = tf.data.Dataset.from_tensor_slices((X, y)).map(scale).batch(32)\nmodel.fit(data)", "fit, map  sel"),
        ("data = tf.data.Dataset.from_tensor_slices((X, y))\nmodel.fit(data)", "fit, x  is a dataset without batches"),
        ("data = tf.data.Dataset.from_tensor_slices(X).repeat(3).batch(9)\nmodel.fit(data)", "repeat  repeats"),
    ],
)  # fmt: skip
def test_steps_that_a_config_lacks_are_named(tmp_path, lines, message):
    (line,) = list_import_errors(write_text(tmp_path, FASHION + lines))
    assert message in line


def test_classes_of_the_program_are_named(tmp_path):
    lines = """
class Rate(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1 / step
class OneCycle(keras.callbacks.Callback):
    pass
model.compile(loss="mse", optimizer=keras.optimizers.SGD(Rate()))
model.fit(X_train, y_train, callbacks=[OneCycle(5)])
"""
    rate, callback = list_import_errors(write_text(tmp_path, FASHION + lines))
    assert "Rate is a class of your own  (write a schedule of Keras in its place, and import again; dnn list" in rate
    assert "OneCycle is a class of your own, and not a callback of dnn  (leave OneCycle out, and" in callback


TABLE = """
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from keras import Input, Sequential
from keras.layers import Dense
table = pd.read_csv("houses.csv")
{}
model = Sequential([Input((4,)), Dense(1)])
model.compile(loss="mse", optimizer="sgd")
model.fit(X, y, validation_split=0.1)
"""


@pytest.mark.parametrize(
    ("lines", "data"),
    [
        ("X, y = table.drop(columns=['id', 'price']), table['price']", {"target": "price", "ignore": ("id",)}),
        ("X, y, n = table.drop('price'), table['price'], int(0.9 * len(table))\nX_test, X = X[n:], X[:n]",
         {"target": "price", "test_size": 0.1}),
        ("X, y = table.drop('price')[:-50], table['price']\nX_test = X[-50:]", {"target": "price", "test_size": 50}),
        ("y = table.pop('price')\nX = table.values", {"target": "price"}),
        ("X, y = table.drop('price', axis=1).values, table['price']\nX = X / X.std(axis=0)",
         {"target": "price", "standardize": True}),
        ("X, X_test, y, y_test = train_test_split(table.values[:, :3], table.values[:, 3], random_state=5)",
         {"test_size": 0.25, "split_seed": 5}),
    ],
)  # fmt: skip
def test_table_of_the_user(tmp_path, lines, data):
    program = read_program(str(write_text(tmp_path, TABLE.format(lines))))
    imported = build_imported_experiment(program)
    expected = {"dataset": "csv", "path": "houses.csv", "validation_size": 0.1, **data}
    assert {key: getattr(imported.experiment.data, key) for key in expected} == expected
    is_named = "target" in data
    assert any("reads the target from column 4: if it is" in remark for remark in imported.remarks) != is_named


def test_directory_of_images(tmp_path):
    options = "image_size=(28, 28), color_mode='grayscale', batch_size=8"
    lines = f"model.fit(keras.utils.image_dataset_from_directory('images', {options}))"
    read = build_imported_experiment(read_program(str(write_text(tmp_path, FASHION + lines)))).experiment
    assert (read.data.dataset, read.data.path, read.batch_size) == ("image_folder", "images", 8)
    assert (read.data.image_size, read.data.color_mode) == ((28, 28), "grayscale")


def test_steps_of_a_schedule_are_computed(tmp_path):
    lines = """
steps = 25 * math.ceil(len(X_train) / 32)
rate = keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=steps, decay_rate=0.1)
model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(rate))
"""
    read, _ = import_script(tmp_path, FASHION + lines)
    assert read.optimizer.learning_rate.decay_steps == 25 * 1719


@pytest.mark.parametrize(("arguments", "steps"), [("64", 860), ("64, drop_remainder=True", 859)])
def test_length_of_a_pipeline_is_its_batches(tmp_path, arguments, steps):
    lines = f"""
data = tf.data.Dataset.from_tensor_slices((X_train, y_train)).shuffle(9).batch({arguments})
rate = keras.optimizers.schedules.CosineDecay(0.01, decay_steps=3 * len(data))
model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(rate))
"""
    read, _ = import_script(tmp_path, FASHION + lines)
    assert read.optimizer.learning_rate.decay_steps == 3 * steps


@pytest.mark.parametrize(
    "weights",
    [
        "dict(enumerate(weights))",
        "dict(zip(np.unique(y), weights))",
        "{i: w for i, w in enumerate(weights)}",
    ],
)
def test_balanced_weights_of_classes(tmp_path, weights):
    lines = f"""
from sklearn.utils.class_weight import compute_class_weight
weights = compute_class_weight(class_weight="balanced", classes=np.unique(y), y=y)
model.fit(X_train, y_train, class_weight={weights})
"""
    assert import_script(tmp_path, FASHION + lines)[0].class_weight == "balanced"
