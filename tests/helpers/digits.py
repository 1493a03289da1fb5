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
"""
"""A config whose training costs least: one layer, batches of one size, and Keras's own engine."""

DIVERGING_OVERRIDES = [
    "optimizer={type: sgd, learning_rate: 1000}",
    "loss=mse",
    "~layers.output.activation",
    "epochs=5",
]
"""Overrides under which the loss overflows within an epoch."""

QUICK_OVERRIDES = ["engine=keras", "batch_size=479", "optimizer=sgd", "epochs=1", "diagnostics=false"]
"""Overrides for a training in one second: the examples fill three batches, so that Keras builds one train function."""
