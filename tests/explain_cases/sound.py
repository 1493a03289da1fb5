"""Sound runs: experiments of usual settings that learn what their data holds."""

import numpy as np

from tests.explain_cases import Case
from tests.explain_cases.data import blobs, digits, write_csv
from tests.explain_cases.planted import on_digits


def clouds(directory):
    inputs, labels = blobs(np.random.default_rng(11), 900, 4, 6, 1.2)
    np.savez(directory / "clouds.npz", x_train=inputs, y_train=labels)


def curve(directory):
    rng = np.random.default_rng(12)
    x = rng.uniform(-2, 2, (800, 3))
    y = np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] ** 2 + rng.normal(0, 0.15, 800)
    write_csv(directory / "curve.csv", {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y})


def two_targets(directory):
    rng = np.random.default_rng(13)
    x = rng.normal(0, 1, (700, 5)).astype("float32")
    y = np.stack([x[:, 0] + x[:, 1], x[:, 2] - 0.5 * x[:, 3]], 1) + rng.normal(0, 0.2, (700, 2))
    np.savez(directory / "two.npz", x_train=x, y_train=y.astype("float32"))


def own_validation(directory):
    images, labels = digits()
    np.savez(directory / "own.npz", x_train=images[:1300], y_train=labels[:1300], x_val=images[1300:],
             y_val=labels[1300:])  # fmt: skip


def unequal(directory):
    rng = np.random.default_rng(14)
    labels = (rng.random(900) < 0.15).astype(int)
    inputs = rng.normal(0, 1, (900, 6)) + 1.2 * labels[:, None]
    np.savez(directory / "unequal.npz", x_train=inputs.astype("float32"), y_train=labels)


def answers(directory):
    rng = np.random.default_rng(15)
    x = rng.integers(0, 3, (900, 6))
    kind = np.where(x.sum(1) + rng.normal(0, 0.8, 900) > 6, "yes", "no")
    write_csv(directory / "answers.csv", {**{f"q{i}": x[:, i] for i in range(6)}, "kind": kind})


def stripes(directory):
    rng = np.random.default_rng(16)
    labels = rng.integers(0, 2, 500)
    images = rng.uniform(0, 120, (500, 12, 12))
    for image, label in zip(images, labels, strict=True):
        at = rng.integers(1, 10)
        (image if label else image.T)[at : at + 2] += 120
    np.savez(directory / "stripes.npz", x_train=images.astype("uint8"), y_train=labels)


def three_clouds(directory):
    rng = np.random.default_rng(17)
    inputs, labels = blobs(rng, 800, 3, 5, 1.0)
    mistaken = rng.random(800) < 0.2
    labels = np.where(mistaken, rng.integers(0, 3, 800), labels)
    np.savez(directory / "mistaken.npz", x_train=inputs, y_train=labels)


def scarce(directory):
    rng = np.random.default_rng(18)
    labels = (rng.random(1500) < 0.06).astype(int)
    inputs = rng.normal(0, 1, (1500, 6)) + labels[:, None]
    np.savez(directory / "scarce.npz", x_train=inputs.astype("float32"), y_train=labels)


def dense(units, activation="relu", output="softmax", classes=10, first="Flatten, ", more=""):
    return (
        f"layers: [{first}{{type: Dense, units: {units}, activation: {activation}}}, {more}"
        f"{{type: Dense, units: {classes}, activation: {output}}}]"
    )


def on_table(dataset, layers, other_keys):
    data = f"{{dataset: {dataset}, standardize: true, stratify: true}}"
    return f"name: {dataset}\ndata: {data}\nmodel: {{{layers}}}\n{other_keys}"


STOPPING = "early_stopping: {monitor: val_loss, patience: 5, restore_best_weights: true}\n"
BINARY = "loss: binary_crossentropy\n"
ONE = "{type: Dense, units: 32, activation: relu}, {type: Dense, units: 1}"

SOUND = [
    Case("digits_adam", on_digits("digits_adam", "optimizer: adam\nepochs: 30", dense(32)),
         evidence="0.96 and no change of setting does better"),
    Case("digits_sgd", on_digits("digits_sgd", "optimizer: {type: sgd, learning_rate: 0.1, momentum: 0.9}\nepochs: 20",
         dense(64))),
    Case("digits_rmsprop", on_digits("digits_rmsprop", "optimizer: rmsprop\nepochs: 25", dense(48))),
    Case("digits_tanh", on_digits("digits_tanh", "optimizer: {type: adam, learning_rate: 0.003}\nepochs: 20",
         dense(32, "tanh"))),
    Case("digits_deep_relu", on_digits("digits_deep_relu", f"optimizer: adam\nepochs: 40\n{STOPPING}",
         "layers: [Flatten, {repeat: 4, name: body, layers: [{type: Dense, units: 32, activation: relu, "
         "kernel_initializer: he_normal}]}, {type: Dense, units: 10, activation: softmax}]")),
    Case("digits_dropout", on_digits("digits_dropout", "optimizer: adam\nepochs: 40",
         dense(64, more="{type: Dropout, rate: 0.3}, "))),
    Case("digits_l2", on_digits("digits_l2", "optimizer: adam\nepochs: 40",
         "layers: [Flatten, {type: Dense, units: 48, activation: relu, kernel_regularizer: {type: l2, l2: 0.0005}}, "
         "{type: Dense, units: 10, activation: softmax}]")),
    Case("digits_batch_norm", on_digits("digits_batch_norm", f"optimizer: adam\nepochs: 20\n{STOPPING}",
         "layers: [Flatten, {type: Dense, units: 32, use_bias: false}, BatchNormalization, {type: Activation, "
         "activation: relu}, {type: Dense, units: 10, activation: softmax}]")),
    Case("digits_cosine", on_digits("digits_cosine", "optimizer: {type: adam, learning_rate: {type: CosineDecay, "
         "initial_learning_rate: 0.005, decay_steps: 900}}\nepochs: 20", dense(32))),
    Case("digits_piecewise", on_digits("digits_piecewise", "optimizer: {type: sgd, momentum: 0.9, learning_rate: "
         "{type: PiecewiseConstantDecay, boundaries: [450, 675], values: [0.1, 0.03, 0.01]}}\nepochs: 20", dense(48))),
    Case("digits_smoothed", on_digits("digits_smoothed", "optimizer: adam\nloss: {type: categorical_crossentropy, "
         "label_smoothing: 0.1}\nepochs: 30", dense(48))),
    Case("digits_focal", on_digits("digits_focal", "optimizer: adam\nloss: categorical_focal_crossentropy\nepochs: 35",
         dense(48))),
    Case("digits_logits", on_digits("digits_logits", "optimizer: adam\nloss: {type: sparse_categorical_crossentropy, "
         "from_logits: true}\nepochs: 30", "layers: [Flatten, {type: Dense, units: 48, activation: relu}, "
         "{type: Dense, units: 10}]")),
    Case("digits_conv", on_digits("digits_conv", "optimizer: {type: adam, learning_rate: 0.003}\nepochs: 12",
         "layers: [{type: Reshape, target_shape: [8, 8, 1]}, {type: Conv2D, filters: 8, kernel_size: 3, activation: "
         "relu}, MaxPooling2D, Flatten, {type: Dense, units: 10, activation: softmax}]")),
    Case("digits_no_validation", "name: digits_no_validation\ndata: {dataset: digits, validation_size: 0}\n"
         f"model: {{{dense(32)}}}\noptimizer: adam\nepochs: 25\n"),
    Case("iris", on_table("iris", dense(16, classes=3, first=""),
         "optimizer: {type: adam, learning_rate: 0.01}\nepochs: 60\n" + STOPPING)),
    Case("wine", on_table("wine", dense(16, classes=3, first=""),
         "optimizer: {type: adam, learning_rate: 0.003}\nepochs: 60\n" + STOPPING)),
    Case("breast_cancer", on_table("breast_cancer", dense(16, output="sigmoid", classes=1, first=""),
         f"{BINARY}optimizer: adam\nepochs: 60\n{STOPPING}")),
    Case("diabetes", "name: diabetes\ndata: {dataset: diabetes, standardize: true}\nmodel: {layers: [{type: Dense, "
         "units: 16, activation: relu}, {type: Dense, units: 1}, {type: Rescaling, scale: 77, offset: 152}]}\n"
         f"loss: mse\nmetrics: [r2_score]\noptimizer: {{type: adam, learning_rate: 0.003}}\nepochs: 60\n{STOPPING}"),
    Case("clouds", "name: clouds\ndata: {dataset: npz, path: clouds.npz}\nmodel: {"
         + dense(32, classes=4, first="") + "}\noptimizer: {type: adam, learning_rate: 0.003}\nepochs: 30\n" + STOPPING,
         write_data=clouds),
    Case("curve", "name: curve\ndata: {dataset: csv, path: curve.csv, standardize: true}\n"
         f"model: {{layers: [{ONE}]}}\nloss: mse\nmetrics: [mae]\n"
         f"optimizer: {{type: adam, learning_rate: 0.01}}\nepochs: 60\n{STOPPING}",
         write_data=curve),
    Case("curve_mae", f"name: curve_mae\ndata: {{dataset: csv, path: curve.csv}}\nmodel: {{layers: [{ONE}]}}\n"
         f"loss: mae\nmetrics: [r2_score]\noptimizer: {{type: adam, learning_rate: 0.01}}\nepochs: 60\n{STOPPING}",
         write_data=curve),
    Case("two_targets", "name: two_targets\ndata: {dataset: npz, path: two.npz, task: regression}\nmodel: {layers: "
         "[{type: Dense, units: 24, activation: tanh}, {type: Dense, units: 2}]}\nloss: huber\nmetrics: []\n"
         f"optimizer: {{type: adam, learning_rate: 0.005}}\nepochs: 50\n{STOPPING}", write_data=two_targets),
    Case("own_validation", f"name: own_validation\ndata: {{dataset: npz, path: own.npz}}\nmodel: {{{dense(32)}}}\n"
         "optimizer: adam\nepochs: 30\n", write_data=own_validation),
    Case("unequal_classes", "name: unequal_classes\ndata: {dataset: npz, path: unequal.npz, stratify: true}\nmodel: {"
         + dense(16, output="sigmoid", classes=1, first="") + f"}}\n{BINARY}class_weight: balanced\noptimizer: "
         f"{{type: adam, learning_rate: 0.003}}\nepochs: 40\n{STOPPING}", write_data=unequal),
    Case("mistaken_labels", "name: mistaken_labels\ndata: {dataset: npz, path: mistaken.npz}\nmodel: {"
         + dense(24, classes=3, first="") + "}\noptimizer: {type: adam, learning_rate: 0.003}\nepochs: 40\n" + STOPPING,
         evidence="a fifth of the labels are drawn at random, so 0.75 is what can be reached", write_data=three_clouds),
    Case("scarce_class", "name: scarce_class\ndata: {dataset: npz, path: scarce.npz, stratify: true}\nmodel: {"
         + dense(16, output="sigmoid", classes=1, first="") + f"}}\n{BINARY}optimizer: {{type: adam, learning_rate: "
         f"0.003}}\nepochs: 40\n{STOPPING}", evidence="6% are of the second class; its probabilities are right",
         write_data=scarce),
    Case("answers", "name: answers\ndata: {dataset: csv, path: answers.csv}\nmodel: {"
         + dense(16, output="sigmoid", classes=1, first="") + f"}}\n{BINARY}optimizer: {{type: adam, learning_rate: "
         f"0.005}}\nepochs: 40\n{STOPPING}", write_data=answers),
    Case("stripes", "name: stripes\ndata: {dataset: npz, path: stripes.npz}\nmodel: {layers: [{type: Reshape, "
         "target_shape: [12, 12, 1]}, {type: Conv2D, filters: 8, kernel_size: 3, activation: relu}, MaxPooling2D, "
         f"Flatten, {{type: Dense, units: 1, activation: sigmoid}}]}}\n{BINARY}optimizer: {{type: adam, learning_rate: "
         f"0.003}}\nepochs: 30\n{STOPPING}", write_data=stripes),
]  # fmt: skip
