"""Scripts and notebooks in the spellings of textbooks become configs, without a run."""

import json

import pytest

from dnn_cli.keras_import.config_text import find_changed_values
from tests.helpers.imported_programs import (
    import_file,
    import_script,
    list_import_errors,
    list_layers,
    write_program,
)

FASHION = "(x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()\n"
DENSE_LAYERS = [
    "Flatten",
    {"type": "Dense", "units": 30, "activation": "relu"},
    {"type": "Dense", "units": 20, "activation": "relu"},
    {"type": "Dense", "units": 10, "activation": "softmax"},
]

SPELLINGS = {
    "a list of layers": """
        from tensorflow import keras
        model = keras.models.Sequential([
            keras.layers.Flatten(input_shape=[28, 28]),
            keras.layers.Dense(30, activation="relu"),
            keras.layers.Dense(20, activation=keras.activations.relu),
            keras.layers.Dense(10, activation="softmax"),
        ])
        """,
    "add": """
        import tensorflow as tf
        net = tf.keras.Sequential()
        net.add(tf.keras.Input(shape=(28, 28)))
        net.add(tf.keras.layers.Flatten())
        net.add(tf.keras.layers.Dense(units=30, activation=tf.nn.relu))
        net.add(tf.keras.layers.Dense(20, "relu"))
        net.add(tf.keras.layers.Dense(10, activation=tf.keras.activations.softmax))
        """,
    "imported classes": """
        from tensorflow.keras.layers import Dense, Flatten as Flat
        from tensorflow.keras.models import Sequential
        sizes = [30, 20]
        model = Sequential([Flat(input_shape=(28, 28)), *[Dense(n, activation="relu") for n in sizes]])
        model.add(Dense(len("0123456789"), activation="softmax"))
        """,
    "a loop": """
        from keras import layers, Sequential
        n, step = 30, 10
        model = Sequential(layers=[layers.InputLayer(input_shape=(28, 28)), layers.Flatten()])
        for i in range(2):
            model.add(layers.Dense(n - i * step, activation="relu"))
        model.add(layers.Dense(2 * 5, activation="softmax"))
        """,
    "a function": """
        import keras
        from functools import partial
        Hidden = partial(keras.layers.Dense, activation="relu")
        def build(sizes, extra=None, **options):
            model = keras.Sequential()
            model.add(keras.layers.Flatten(input_shape=(28, 28)))
            for size in sizes:
                model.add(Hidden(size, **options))
            if extra:
                model.add(extra)
            return model
        model = build([30, 20], use_bias=True)
        model.add(keras.layers.Dense(10, activation="softmax"))
        """,
    "the functional interface": """
        import keras
        from keras import layers
        inputs = keras.Input(shape=(28, 28), name="image")
        x = layers.Flatten()(inputs)
        for units in (30, 20):
            x = layers.Dense(units, activation="relu")(x)
        outputs = layers.Dense(10, activation="softmax")(x)
        model = keras.Model(inputs=inputs, outputs=outputs)
        """,
    "no imports": """
        model = Sequential()
        model.add(Flatten(input_shape=(28, 28)))
        model.add(Dense(30, activation='relu'))
        model.add(Dense(20, activation='relu'))
        model.add(Dense(10, activation='softmax'))
        """,
    "a star": """
        from keras.layers import *
        from keras.models import *
        model = Sequential([Flatten(input_shape=(28, 28)), Dense(30, 'relu'), Dense(20, 'relu'), Dense(10, 'softmax')])
        """,
    "a module": """
        import tensorflow.keras as k
        import tensorflow.keras.layers as kl
        layers = [kl.Flatten(input_shape=(28, 28))]
        layers.append(kl.Dense(30, activation="relu"))
        layers += [kl.Dense(20, activation="relu"), kl.Dense(10, activation="softmax")]
        model = k.Sequential(layers)
        """,
}


def dedent(text):
    return "\n".join(line[8:] for line in text.split("\n"))


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_of_layers(tmp_path, text):
    experiment, imported = import_script(tmp_path, dedent(text))
    assert list_layers(experiment) == DENSE_LAYERS
    assert imported.missing["data.dataset"] == "the first dataset that fits the network"


MODEL = """\
import keras
model = keras.Sequential([keras.layers.Flatten(input_shape=(28, 28)), keras.layers.Dense(10, activation="softmax")])
"""


@pytest.mark.parametrize(
    ("call", "values"),
    [
        ('compile("sgd", "sparse_categorical_crossentropy")', {"optimizer": "sgd", "metrics": []}),
        ('compile("rmsprop", "sparse_categorical_crossentropy", ["accuracy"])',
         {"optimizer": "rmsprop", "metrics": ["accuracy"]}),
        ('compile(optimizer="Adam", loss=keras.losses.sparse_categorical_crossentropy, metrics="accuracy")',
         {"optimizer": "adam", "metrics": ["accuracy"]}),
        ('compile(keras.optimizers.SGD, loss="sparse_categorical_crossentropy", metrics=["acc"])',
         {"optimizer": "sgd", "metrics": ["accuracy"]}),
        ("compile(keras.optimizers.SGD(lr=1e-2 / 2, momentum=0.9), metrics=[keras.metrics.SparseCategoricalAccuracy()],"
         " loss=keras.losses.SparseCategoricalCrossentropy(from_logits=False))",
         {"optimizer": {"type": "sgd", "learning_rate": 0.005, "momentum": 0.9},
          "metrics": ["sparse_categorical_accuracy"]}),
        ('compile(keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 20, 0.5)), jit_compile=True, '
         'loss="sparse_categorical_crossentropy")',
         {"optimizer": {"type": "adam", "learning_rate": {"type": "ExponentialDecay", "initial_learning_rate": 0.1,
                                                          "decay_steps": 20, "decay_rate": 0.5}}, "jit": True}),
        ("fit(x, y, epochs=3, batch_size=8, validation_split=0.1, verbose=0)",
         {"epochs": 3, "batch_size": 8, "validation_size": 0.1}),
        ("fit(x, y, 64, 5, callbacks=[keras.callbacks.EarlyStopping('val_loss', patience=2, verbose=1, mode='min')])",
         {"epochs": 5, "batch_size": 64, "early_stopping": {"patience": 2}}),
        ("fit(x, y, callbacks=keras.callbacks.ModelCheckpoint('a.keras', save_best_only=True), epochs=int('4'))",
         {"epochs": 4, "model_checkpoint": {}}),
        ("fit(x, y, class_weight={0: 1.0, 1: 2.0}, callbacks=[keras.callbacks.ReduceLROnPlateau(factor=0.5)])",
         {"class_weight": {"0": 1.0, "1": 2.0}, "reduce_lr_on_plateau": {"factor": 0.5}}),
    ],
)  # fmt: skip
def test_arguments_of_training(tmp_path, call, values):
    experiment, _ = import_script(tmp_path, f"{MODEL}history = model.{call}\n")
    changed = {key: find_changed_values(getattr(experiment, key, None)) for key in values}
    changed |= {"validation_size": experiment.data.validation_size} if "validation_size" in values else {}
    assert changed == values


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (FASHION, {}),
        (f"{FASHION}x_valid, x_train = x_train[:5000] / 255., x_train[5000:] / 255.\n", {"validation_size": 5000}),
        (f"{FASHION}x_train, x_valid = x_train[:-5000], x_train[-5000:]\n", {"validation_size": 5000}),
        (f"{FASHION}train_scaled = x_train.reshape(-1, 28, 28) / 255.0\n"
         "a, b, c, d = train_test_split(train_scaled, y_train, test_size=0.3, random_state=7)\n",
         {"validation_size": 0.3, "split_seed": 7}),
    ],
)  # fmt: skip
def test_split_of_the_program(tmp_path, text, data):
    text = f"import keras\nfrom sklearn.model_selection import train_test_split\n{text}{MODEL}"
    experiment, imported = import_script(tmp_path, text)
    assert experiment.data.model_dump(exclude_defaults=True) == data
    assert experiment.data.dataset == "fashion_mnist"
    assert "data.dataset" not in imported.missing


def test_table_of_scikit_learn(tmp_path):
    text = """\
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
import keras
X, y = load_iris(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y)
X, X_val, y, y_val = train_test_split(X, y)
keras.utils.set_random_seed(3)
model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
"""
    experiment, _ = import_script(tmp_path, text)
    changed = {"dataset": "iris", "test_size": 0.3, "validation_size": 0.25, "stratify": True}
    assert experiment.data.model_dump(include=set(changed)) == changed
    assert experiment.seed == 3


def test_parts_for_pictures_are_no_split(tmp_path):
    experiment, _ = import_script(tmp_path, f"{FASHION}show(x_test[:3])\nshow(x_train[100:])\n{MODEL}")
    assert experiment.data.validation_size == 0.2


def test_scaler_of_scikit_learn_standardizes(tmp_path):
    text = """\
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
import keras
X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
model = keras.Sequential([keras.layers.Dense(1, activation="sigmoid", input_dim=30)])
model.compile(loss="binary_crossentropy")
"""
    experiment, _ = import_script(tmp_path, text)
    assert (experiment.data.dataset, experiment.data.standardize) == ("breast_cancer", True)


@pytest.mark.parametrize(
    ("layers", "values"),
    [
        ("Dense(10, activation='softmax')", {"flatten": True}),
        ("Rescaling(1 / 255, input_shape=(28, 28)), Flatten(), Dense(10, 'softmax')", {}),
        ("Conv2D(4, 3), Flatten(), Dense(10, 'softmax')", {}),
    ],
)
def test_inputs_without_a_declared_shape(tmp_path, layers, values):
    text = f"from keras.layers import *\n{FASHION}model = Sequential([{layers}])\n"
    experiment, _ = import_script(tmp_path, text)
    assert experiment.data.model_dump(exclude_defaults=True) == values
    assert [layer.type for layer in experiment.model.stack].count("Rescaling") == 0


def test_batches_of_tf_data_have_a_size(tmp_path):
    text = f"{MODEL}size = 2 ** 6\ndef shuffle(epoch):\n    return tf.data.Dataset.range(epoch).batch(size)\n"
    fit = "model.fit(training_set.flat_map(shuffle), steps_per_epoch=(len(x) + 63) // 64, epochs=3)\n"
    experiment, imported = import_script(tmp_path, text + fit)
    assert (experiment.batch_size, experiment.epochs) == (64, 3)
    (remark,) = imported.remarks
    assert remark.startswith("fit has training_set.flat_map(shuffle): batch_size 64 is from the calls of batch, and")


def test_balanced_class_weights_are_a_key(tmp_path):
    text = """\
from sklearn.utils.class_weight import compute_class_weight
weights = compute_class_weight("balanced", classes=np.unique(y), y=y)
model.fit(x, y, class_weight=dict(enumerate(weights)))
"""
    experiment, _ = import_script(tmp_path, f"{MODEL}{text}")
    assert experiment.class_weight == "balanced"


def test_normalization_is_a_key_of_data(tmp_path):
    text = """\
from sklearn.datasets import load_diabetes
from tensorflow.keras import layers, Sequential
data = load_diabetes()
norm = layers.Normalization(input_shape=data.data.shape[1:])
model = Sequential([norm, layers.Dense(1)])
norm.adapt(data.data)
"""
    experiment, imported = import_script(tmp_path, text)
    assert (experiment.data.standardize, list_layers(experiment)) == (True, [{"type": "Dense", "units": 1}])
    assert imported.remarks[-1].startswith("layer 1 (Normalization) is left out: data.standardize scales the inputs")
    assert experiment.loss.type == "mean_squared_error"


def test_other_dataset_is_a_placeholder(tmp_path):
    text = MODEL.replace("(28, 28)", "(32, 32, 3)") + "data = keras.datasets.cifar10.load_data()\n"
    experiment, imported = import_script(tmp_path, text)
    assert (experiment.data.dataset, experiment.data.path) == ("npz", "data.npz")
    assert imported.remarks[-1].startswith("cifar10 is not a dataset of dnn: save it with numpy.savez(")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("model.add(keras.layers.Dense(n_units))",
         "train.py:3:30  layer 3 (Dense), units  depends on n_units, which only a run of the program computes  "
         "(write a number or a text in its place, and import again)"),
        ("model.add(keras.layers.Lambda(lambda x: x * 2))",
         "train.py:3:11  layer 3 (Lambda)  Lambda is left out: it runs arbitrary code, which a saved model cannot load "
         "safely: write a class, type: module:Class  (dnn help layers lists all layers)"),
        ("for _ in range(depth): model.add(keras.layers.Dense(3))",
         "train.py:3:24  model.add(keras.layers.Dense(3)) depends on range(depth), which only a run computes  "
         "(write the lines without the condition or loop, and import again)"),
        ("if args.deep: model.pop()",
         "train.py:3:15  model.pop() depends on args.deep, which only a run computes  "
         "(write the lines without the condition or loop, and import again)"),
        ("model.layers[0].trainable = False",
         "train.py:3:1  model.layers[0].trainable is changed after the layer or model was built  "
         "(write the value as an argument, and import again)"),
        ("model.compile(optimizer=MyOptimizer(), loss='mse')",
         "train.py:3:25  optimizer  depends on MyOptimizer(), which only a run of the program computes  "
         "(write an optimizer of Keras in its place, and import again)"),
        ("model.compile(loss='mse', loss_weights=[1.0, 2.0])",
         "train.py:3:1  compile, loss_weights  is [1.0, 2.0], and a config has no such key  "
         "(leave it out of the program, and import again)"),
        ("model.compile(loss=lambda a, b: a - b)",
         "train.py:3:20  loss  depends on the function lambda, which only a run of the program computes  "
         "(write a loss of Keras in its place, and import again)"),
        ("model.fit(x, y, epochs=args.epochs)",
         "train.py:3:24  fit, epochs  depends on args.epochs, which only a run of the program computes  "
         "(write a number or a text in its place, and import again)"),
        ("model.fit(x, y, sample_weight=w)",
         "train.py:3:31  fit, sample_weight  is w, and a config has no such key  "
         "(leave it out of the program, and import again)"),
        ("model.fit(x, y, callbacks=[keras.callbacks.LearningRateScheduler(f)])",
         "train.py:3:28  fit, callbacks  LearningRateScheduler is not a callback of dnn  "
         "(write a schedule such as ExponentialDecay as the learning_rate of the optimizer, "
         "leave LearningRateScheduler out, and import again)"),
        ("model.add(keras.layers.Dense(8, 'relu', True, 'he_normal'))",
         "train.py:3:11  layer 3 (Dense)  Dense has 4 arguments without names  "
         "(write each argument with its name, such as units=…)"),
    ],
    ids=lambda text: text.partition("(")[0] if text.startswith("model") else text[:10],
)  # fmt: skip
def test_parts_that_a_config_lacks_are_named(tmp_path, line, message):
    assert list_import_errors(write_program(tmp_path, f"{MODEL}{line}\n")) == [message]


def test_class_of_the_program_is_named(tmp_path):
    text = f"import keras\nclass Scale(keras.layers.Layer):\n    pass\n{MODEL}model.add(Scale(3))\n"
    assert list_import_errors(write_program(tmp_path, text)) == [
        "train.py:6:11  layer 3 (Scale)  Scale is a class of your own  (put the class into mylayers.py, leave the "
        "layer out, and add {type: mylayers:Scale} to the config)"
    ]


def test_all_parts_are_named_at_once(tmp_path):
    text = """\
import keras
model = keras.Sequential([keras.layers.Dense(n), keras.layers.Lambda(f), keras.layers.Dense(-1, activation="rleu")])
model.compile(optimizer=make(), loss="mse")
"""
    errors = list_import_errors(write_program(tmp_path, text))
    assert [line.partition("  ")[2].partition("  ")[0] for line in errors] == [
        "layer 1 (Dense), units", "layer 2 (Lambda)", "layer 3 (Dense), activation", "layer 3 (Dense), units",
        "optimizer",
    ]  # fmt: skip


TWO_MODELS = f"""\
{MODEL}model.compile(loss="sparse_categorical_crossentropy")
model.fit(x, y)
deep = keras.Sequential([keras.layers.Flatten(input_shape=(28, 28)), keras.layers.Dense(10, activation="softmax")])
deep.compile(loss="sparse_categorical_crossentropy")
deep.fit(x, y, epochs=2)
deep.fit(x, y, epochs=7)
"""


def test_one_of_several_models_is_chosen(tmp_path):
    assert list_import_errors(write_program(tmp_path, TWO_MODELS)) == [
        "train.py has 2 models:\n  1  train.py:4:1  model: Flatten, Dense\n  2  train.py:8:1  deep: Flatten, Dense"
    ]
    experiment, imported = import_script(tmp_path, TWO_MODELS, 2)
    assert experiment.epochs == 7
    assert "fit is called 2 times (lines 7, 8); the config has the last call" in imported.remarks


def test_notebook_is_read_cell_by_cell(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": "model = 1"},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!pip install keras\n", "import keras"]},
        {"cell_type": "code", "source": MODEL},
        {"cell_type": "code", "source": "model.compile(loss='mse', optimizer=make())\nmodel.summary?"},
    ]
    path = tmp_path / "train.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}), encoding="utf-8")
    assert list_import_errors(path) == [
        "train.ipynb cell 4:1:37  optimizer  depends on make(), which only a run of the program computes  "
        "(write an optimizer of Keras in its place, and import again)"
    ]
    path.write_text(json.dumps({"cells": cells[:3]}), encoding="utf-8")
    experiment, _ = import_file(path)
    assert [layer.type for layer in experiment.model.stack] == ["Flatten", "Dense"]


def test_program_is_not_run(tmp_path):
    marker = tmp_path / "run"
    text = (
        f"{MODEL}open({str(marker)!r}, 'w')\n__import__('os').mkdir({str(marker)!r})\nexec('1/0')\nraise SystemExit\n"
    )
    import_script(tmp_path, text)
    assert not marker.exists()
