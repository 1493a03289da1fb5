"""A module with layers of a user, and a config that names them."""

import itertools

from tests.helpers.digits import QUICK_YAML

LAYERS_PY = '''\
from pathlib import Path

import keras

Path(__file__).with_suffix(".imported").touch()
print("printed by the module")


class Scale(keras.layers.Layer):
    def __init__(self, initial=1.0, **kwargs):
        super().__init__(**kwargs)
        self.initial = initial

    def build(self, input_shape):
        self.factor = self.add_weight(
            name="factor", shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.initial)
        )

    def call(self, inputs):
        return inputs * self.factor

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "initial": self.initial}


class Noisy(keras.layers.Layer):
    """Matrix without bias after dropout, with a random state of its own."""

    def __init__(self, units, rate=0.2, **kwargs):
        super().__init__(**kwargs)
        self.units, self.rate = units, rate
        self.dropout = keras.layers.Dropout(rate)

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))

    def call(self, inputs, training=False):
        return self.dropout(inputs, training=training) @ self.kernel

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "rate": self.rate}
'''

CUSTOM_LINES = """\
    - {type: mylayers:Scale, initial: 0.5, name: scale}
    - {type: mylayers:Noisy, units: 12, output_shape: [units], name: noisy}
"""
CUSTOM_YAML = QUICK_YAML.replace("    - Flatten\n", f"    - Flatten\n{CUSTOM_LINES}").replace("digits\n", "custom\n", 1)
"""A quick config with two custom layers of `mylayers.py`."""

_module_numbers = itertools.count()


def write_module(directory, text=LAYERS_PY, name=None):
    """Write a module that no other test of this process has imported, and return its name."""
    name = name or f"layers_of_test_{next(_module_numbers)}"
    (directory / f"{name}.py").write_text(text, encoding="utf-8")
    return name
