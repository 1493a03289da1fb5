"""Planted faults: experiments that fail for one known reason."""

import numpy as np

from tests.explain_cases import Case
from tests.explain_cases.data import blobs, digits, write_csv

DENSE = "layers: [Flatten, {type: Dense, units: 32, activation: relu}, {type: Dense, units: 10, activation: softmax}]"


def on_digits(name, other_keys, layers=DENSE):
    return f"name: {name}\ndata: {{dataset: digits}}\nmodel: {{{layers}}}\n{other_keys}\n"


def deep(activation, count=8, units=20):
    return (
        f"layers: [Flatten, {{repeat: {count}, name: body, layers: [{{type: Dense, units: {units}, "
        f"activation: {activation}}}]}}, {{type: Dense, units: 10, activation: softmax}}]"
    )


def houses(directory):
    rng = np.random.default_rng(1)
    area, year, income = rng.uniform(20, 300, 400), rng.integers(1900, 2021, 400), rng.uniform(1e4, 2e5, 400)
    price = 2000 * area + 300 * (year - 1900) + 0.5 * income + rng.normal(0, 2e4, 400)
    columns = {"area": area.round(1), "year": year, "income": income.round(), "price": price.round()}
    write_csv(directory / "houses.csv", columns)


def scaled_houses(directory):
    rng = np.random.default_rng(1)
    area, year, income = rng.uniform(20, 300, 400), rng.integers(1900, 2021, 400), rng.uniform(1e4, 2e5, 400)
    target = area / 100 + (year - 1900) / 60 + income / 1e5 + rng.normal(0, 0.2, 400)
    write_csv(directory / "houses.csv", {"area": area, "year": year, "income": income, "price": target})


def shuffled(directory):
    images, labels = digits()
    np.savez(directory / "shuffled.npz", x_train=images, y_train=np.random.default_rng(3).permutation(labels))


def indexed(directory):
    rng = np.random.default_rng(4)
    labels = np.repeat(["a", "b", "c"], 100)
    columns = {f"x{i}": rng.normal(0, 1, 300) for i in range(5)}
    write_csv(directory / "indexed.csv", {"Unnamed: 0": np.arange(300), **columns, "kind": labels})


def leaked(directory):
    rng = np.random.default_rng(5)
    columns = {f"x{i}": rng.normal(0, 1, 400) for i in range(6)}
    price = 3 * columns["x0"] + rng.normal(0, 2, 400)
    write_csv(directory / "leaked.csv", {**columns, "taxed": (price * 1.19).round(6), "price": price})


def sorted_labels(directory):
    images, labels = digits()
    order = np.argsort(labels, kind="stable")
    few = [at for label in (7, 8, 9) for at in order[labels[order] == label][:6]]  # so that all classes are known
    last = np.setdiff1d(order[labels[order] >= 7], few)
    first = np.setdiff1d(order, last)
    np.savez(directory / "sorted.npz", x_train=images[first], y_train=labels[first], x_val=images[last],
             y_val=labels[last])  # fmt: skip


def other_scale(directory):
    images, labels = digits()
    np.savez(directory / "scale.npz", x_train=images[:1400], y_train=labels[:1400], x_val=255 * images[1400:],
             y_val=labels[1400:])  # fmt: skip


def repeated(directory):
    rng = np.random.default_rng(6)
    inputs, labels = rng.normal(0, 1, (200, 10)).astype("float32"), rng.integers(0, 2, 200)
    np.savez(directory / "repeated.npz", x_train=np.tile(inputs, (5, 1)), y_train=np.tile(labels, 5))


def rare(directory):
    rng = np.random.default_rng(7)
    labels = (rng.random(600) < 0.08).astype(int)
    inputs = rng.normal(0, 1, (600, 8)) + 0.1 * labels[:, None]
    np.savez(directory / "rare.npz", x_train=inputs.astype("float32"), y_train=labels)


def few_images(directory):
    rng = np.random.default_rng(8)
    labels = np.arange(64) % 2
    images = rng.normal(0.3, 0.1, (64, 12, 12, 1))
    images[labels == 1, 3:9, 3:9] += 0.5
    np.savez(directory / "few.npz", x_train=images.astype("float32"), y_train=labels)


def two_clouds(directory):
    inputs, labels = blobs(np.random.default_rng(9), 600, 2, 6)
    np.savez(directory / "clouds.npz", x_train=inputs, y_train=labels)


REGRESSION = "model: {layers: [{type: Dense, units: 32, activation: relu}, {type: Dense, units: 1}]}\nloss: mse\n"
IMAGE = (
    "layers: [{type: Conv2D, filters: 8, kernel_size: 3}, BatchNormalization, {type: Activation, activation: relu}, "
    "Flatten, {type: Dense, units: 1, activation: sigmoid}]"
)
TEN = "layers: [Flatten, {type: Dense, units: 32, activation: relu, name: hidden}, {type: Dense, units: 10%s}]"

FAULTS = [
    Case("vanishing_sigmoids", on_digits("vanishing_sigmoids", "optimizer: sgd\nepochs: 8", deep("sigmoid")),
         "eight layers of sigmoid", "the gradient of the first layer is a millionth of the last one's",
         ("vanishing_gradient",)),
    Case("dead_relu", on_digits("dead_relu", "optimizer: adam\nepochs: 8",
         "layers: [Flatten, {type: Dense, units: 32, activation: relu, bias_initializer: {type: constant, value: -20}},"
         " {type: Dense, units: 10, activation: softmax}]"),
         "biases of -20 before relu", "all units are 0 for every input", ("dead_relu",)),
    Case("rate_kills_relu", on_digits("rate_kills_relu", "optimizer: {type: adam, learning_rate: 3.0}\nepochs: 8"),
         "a learning rate of 3 for adam", "the units die in the first epoch",
         ("dead_relu", "thrown_about", "unstable", "divergence")),
    Case("rate_too_high", on_digits("rate_too_high", "optimizer: {type: sgd, learning_rate: 20.0}\nepochs: 8"),
         "a learning rate of 20 for sgd", "the loss jumps and ends at chance",
         ("thrown_about", "dead_relu", "unstable", "divergence")),
    Case("rate_of_regression", "name: rate_of_regression\ndata: {dataset: diabetes}\n" + REGRESSION
         + "metrics: []\noptimizer: {type: sgd, learning_rate: 1.0}\nepochs: 8\n",
         "sgd with a rate of 1 on targets of 155", "weights grow by a factor of 600,000 in the first epoch",
         ("thrown_about", "dead_relu", "divergence", "unstable")),
    Case("rate_too_low", on_digits("rate_too_low", "optimizer: {type: sgd, learning_rate: 1.0e-5}\nepochs: 8"),
         "a learning rate of 1e-5 for sgd", "no weight changes by a hundredth", ("barely_moving",)),
    Case("slow", on_digits("slow", "optimizer: {type: sgd, learning_rate: 0.005}\nepochs: 6"),
         "a rate and a number of epochs that are too small", "val_loss falls by percents each epoch",
         ("under_training",)),
    Case("over_fitting", "name: over_fitting\ndata: {dataset: breast_cancer, standardize: true, validation_size: 0.8}\n"
         "model: {layers: [{type: Dense, units: 256, activation: relu}, {type: Dense, units: 256, activation: relu}, "
         "{type: Dense, units: 1, activation: sigmoid}]}\nloss: binary_crossentropy\n"
         "optimizer: {type: adam, learning_rate: 0.003}\nepochs: 60\n",
         "256 units twice for 113 examples, and 60 epochs", "val_loss rises for most of them",
         ("over_fitting", "worse_than_constant")),
    Case("unscaled_houses", "name: unscaled_houses\ndata: {dataset: csv, path: houses.csv, target: price}\n"
         + REGRESSION + "metrics: []\noptimizer: {type: sgd, learning_rate: 0.01}\nepochs: 5\n",
         "inputs of up to 200,000", "the loss overflows in the first epoch", ("unscaled_inputs",), houses),
    Case("unscaled_inputs", "name: unscaled_inputs\ndata: {dataset: csv, path: houses.csv, target: price}\n"
         + REGRESSION + "metrics: []\noptimizer: adam\nepochs: 10\n",
         "inputs of up to 200,000 with adam", "no better than the mean, well with standardize",
         ("unscaled_inputs",), scaled_houses),
    Case("shuffled_labels", "name: shuffled_labels\ndata: {dataset: npz, path: shuffled.npz}\n"
         "model: {layers: [Flatten, {type: Dense, units: 256, activation: relu}, {type: Dense, units: 10, "
         "activation: softmax}]}\noptimizer: {type: adam, learning_rate: 0.005}\nepochs: 60\n",
         "labels in random order", "training examples are memorized, validation is by chance", ("memorized",),
         shuffled),
    Case("leaked_index", "name: leaked_index\ndata: {dataset: csv, path: indexed.csv, standardize: true}\n"
         "model: {layers: [{type: Dense, units: 32, activation: relu}, {type: Dense, units: 3, activation: softmax}]}\n"
         "optimizer: {type: adam, learning_rate: 0.01}\nepochs: 40\n",
         "an index column in a file sorted by class", "all other columns are noise", ("row_numbers",), indexed),
    Case("leaked_target", "name: leaked_target\ndata: {dataset: csv, path: leaked.csv, target: price, "
         "standardize: true}\n" + REGRESSION + "metrics: []\noptimizer: {type: adam, learning_rate: 0.01}\n"
         "epochs: 40\n", "a column that is 1.19 times the target", "without it R² is at most 0.7",
         ("label_in_inputs",), leaked),
    Case("sorted_labels", "name: sorted_labels\ndata: {dataset: npz, path: sorted.npz}\nmodel: {" + DENSE + "}\n"
         "optimizer: adam\nepochs: 10\n", "the validation set holds the last classes", "it was cut off a sorted file",
         ("label_order",), sorted_labels),
    Case("other_scale", "name: other_scale\ndata: {dataset: npz, path: scale.npz}\nmodel: {" + DENSE + "}\n"
         "optimizer: adam\nepochs: 20\n", "validation pixels from 0 to 255, training pixels from 0 to 1",
         "the same images otherwise", ("other_inputs",), other_scale),
    Case("repeated_rows", "name: repeated_rows\ndata: {dataset: npz, path: repeated.npz}\nmodel: {layers: [{type: "
         "Dense, units: 128, activation: relu}, {type: Dense, units: 1, activation: sigmoid}]}\nloss: "
         "binary_crossentropy\noptimizer: {type: adam, learning_rate: 0.005}\nepochs: 40\n",
         "every row five times before the split", "labels are random, and validation is perfect", ("copies",),
         repeated),
    Case("rare_class", "name: rare_class\ndata: {dataset: npz, path: rare.npz, stratify: true}\nmodel: {layers: "
         "[{type: Dense, units: 4, activation: relu}, {type: Dense, units: 1, activation: sigmoid}]}\n"
         "loss: binary_crossentropy\noptimizer: {type: adam, learning_rate: 0.01}\nepochs: 20\n",
         "8% of the examples are of the second class",
         "all predictions are of the first", ("one_class",), rare),
    Case("batch_norm", "name: batch_norm\ndata: {dataset: npz, path: few.npz, validation_size: 0.25}\nmodel: {" + IMAGE
         + "}\nloss: binary_crossentropy\noptimizer: {type: adam, learning_rate: 0.01}\nepochs: 5\nbatch_size: 32\n",
         "BatchNormalization for 10 steps", "training accuracy is 1, with the averages it is by chance",
         ("batch_norm_averages",), few_images),
    Case("steps_in_epochs", on_digits("steps_in_epochs", "optimizer: {type: sgd, learning_rate: {type: CosineDecay, "
         "initial_learning_rate: 0.1, decay_steps: 20}}\nepochs: 20"),
         "decay_steps in epochs", "the rate is 0 after half an epoch", ("schedule",)),
    Case("endless_schedule", on_digits("endless_schedule", "optimizer: {type: adam, learning_rate: {type: "
         "ExponentialDecay, initial_learning_rate: 0.005, decay_steps: 1000000, decay_rate: 0.9}}\nepochs: 30"),
         "a decay over a million steps in a training of 1,350", "the rate does not fall", ("schedule",)),
    Case("softmax_of_one", "name: softmax_of_one\ndata: {dataset: breast_cancer, standardize: true}\nmodel: {layers: "
         "[{type: Dense, units: 16, activation: relu}, {type: Dense, units: 1, activation: softmax}]}\n"
         "loss: binary_crossentropy\noptimizer: adam\nepochs: 20\n", "softmax of one unit", "its output is always 1",
         ("output_misfit",)),
    Case("logits_as_probabilities", on_digits("logits_as_probabilities", "optimizer: {type: sgd, learning_rate: 0.1}\n"
         "epochs: 15", TEN % ""), "no softmax, and no from_logits", "the loss gets logits as probabilities",
         ("output_misfit",)),
    Case("sigmoid_of_ten", on_digits("sigmoid_of_ten", "optimizer: {type: sgd, learning_rate: 0.1}\nloss: {type: "
         "sparse_categorical_crossentropy, from_logits: true}\nepochs: 15", TEN % ", activation: sigmoid"),
         "sigmoid of ten units and from_logits", "outputs of 0 to 1 are taken for logits", ("output_misfit",)),
    Case("whole_batch", on_digits("whole_batch", "optimizer: {type: sgd, learning_rate: 0.05}\nepochs: 20\n"
         "batch_size: 1437"), "all examples in one batch", "20 steps in all", ("large_batch",)),
    Case("zero_weights", on_digits("zero_weights", "optimizer: {type: sgd, learning_rate: 0.1}\nepochs: 10",
         "layers: [Flatten, {type: Dense, units: 32, activation: relu, kernel_initializer: zeros}, "
         "{type: Dense, units: 10, activation: softmax}]"), "initial weights of 0", "no unit ever differs",
         ("equal_weights",)),
    Case("strong_penalty", on_digits("strong_penalty", "optimizer: adam\nepochs: 20",
         "layers: [Flatten, {type: Dense, units: 32, activation: relu, kernel_regularizer: {type: l2, l2: 1.0}}, "
         "{type: Dense, units: 10, activation: softmax, kernel_regularizer: {type: l2, l2: 1.0}}]"),
         "l2 of 1", "the weights vanish", ("strong_penalty",)),
    Case("too_narrow", on_digits("too_narrow", "optimizer: {type: adam, learning_rate: 0.01}\nepochs: 40",
         "layers: [Flatten, {type: Dense, units: 2, activation: relu}, {type: Dense, units: 10, activation: softmax}]"),
         "two hidden units for ten classes", "training and validation accuracy end at 0.7", ("under_fitting",)),
    Case("large_start", on_digits("large_start", "optimizer: adam\nepochs: 10",
         "layers: [Flatten, {type: Dense, units: 32, activation: relu, kernel_initializer: {type: random_normal, "
         "stddev: 5.0}}, {type: Dense, units: 10, activation: softmax}]"), "initial weights of 5",
         "the loss before training is 27", ("large_start",)),
    Case("strong_dropout", on_digits("strong_dropout", "optimizer: adam\nepochs: 15",
         "layers: [Flatten, {type: Dense, units: 32, activation: relu}, {type: Dropout, rate: 0.95}, "
         "{type: Dense, units: 10, activation: softmax}]"), "dropout of 0.95", "training accuracy stays at 0.14",
         ("strong_dropout",)),
    Case("impatient", on_digits("impatient", "optimizer: {type: sgd, learning_rate: 0.3}\nearly_stopping: {monitor: "
         "val_loss, patience: 0}\nepochs: 60"), "patience 0", "it ends after 8 of 60 epochs", ("stopped_early",)),
    Case("large_targets", "name: large_targets\ndata: {dataset: diabetes, standardize: true}\n" + REGRESSION
         + "metrics: []\noptimizer: adam\nepochs: 10\n", "targets of 155 and a rate of 0.001",
         "the outputs are still near 0", ("far_outputs",)),
    Case("saturated_tanh", on_digits("saturated_tanh", "optimizer: {type: sgd, learning_rate: 0.01}\nepochs: 10",
         "layers: [Flatten, {type: Dense, units: 32, activation: tanh, kernel_initializer: {type: random_normal, "
         "stddev: 10.0}}, {type: Dense, units: 32, activation: tanh, kernel_initializer: {type: random_normal, "
         "stddev: 10.0}}, {type: Dense, units: 10, activation: softmax}]"), "initial weights of 10 before tanh",
         "nearly all outputs are -1 or 1", ("saturation",)),
]  # fmt: skip
