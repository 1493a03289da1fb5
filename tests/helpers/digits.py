"""A small config on the built-in dataset digits."""

DIGITS_YAML = """\
name: digits
data: {dataset: digits}
model:
  layers:
    - Flatten
    - {type: Dense, units: 16, activation: relu, name: hidden}
    - {type: Dense, units: 10, activation: softmax, name: output}
optimizer: adam
epochs: 2
"""

QUICK_YAML = """\
name: digits
data: {dataset: digits}
model:
  layers:
    - Flatten
    - {type: Dense, units: 10, activation: softmax, name: output}
optimizer: sgd
batch_size: 479
epochs: 2
engine: keras
diagnostics: false
"""
"""A config whose training costs little: one layer, batches of one size, Keras's own engine, and no diagnostics."""

UNVALIDATED_YAML = QUICK_YAML.replace("dataset: digits", "dataset: digits, validation_size: 0").replace("479", "599")
"""A config whose training costs least. Without validation, Keras traces one function instead of three."""

DIVERGING_OVERRIDES = [
    "optimizer={type: sgd, learning_rate: 1000}",
    "loss=mse",
    "~layers.output.activation",
    "epochs=5",
]
"""Overrides under which the loss overflows within an epoch."""

QUICK_OVERRIDES = [
    "engine=keras", "data.validation_size=0", "batch_size=599", "optimizer=sgd", "epochs=1", "diagnostics=false",
]  # fmt: skip
"""Overrides for a training in one second: the examples fill three batches, and Keras builds one function."""
