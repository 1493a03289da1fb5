"""What layers and activations declare about themselves is what Keras does."""

import ast
import inspect
import math
from pathlib import Path
from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.config.activations import BOUNDED_RANGES, RELU_ACTIVATIONS, SATURATION_RANGES, ActivationName
from dnn_cli.config.layer_base import LAYER_CLASSES
from dnn_cli.config.layer_union import LAYERS_BY_TYPE, find_layer_class

ROOT = Path(__file__).parents[2]
EXAMPLE_ARGUMENTS = {
    "units": 3, "filters": 4, "kernel_size": 3, "pool_size": 2,
    "target_shape": [-1], "activation": "relu", "rate": 0.5, "stddev": 0.5,
    "scale": 2.0, "factor": [0.1, 0.2], "height_factor": [0.1, 0.2], "width_factor": [0.1, 0.2],
}  # fmt: skip
"""Values of arguments that layers need. A layer with a new required argument needs a value here."""

SHAPE = (6, 6, 2)
TYPES = list(LAYERS_BY_TYPE)


def build_layer(layer_type, **changes):
    """The Keras layer of a type with example arguments, built for images."""
    cls = LAYERS_BY_TYPE[layer_type]
    arguments = {
        name: EXAMPLE_ARGUMENTS[name]
        for name, field in cls.model_fields.items()
        if name != "type" and field.is_required()
    }
    layer = cls(**{**arguments, **changes}).build_keras_object()
    layer.build((None, *SHAPE))
    return layer


def make_images(seed, count=8):
    return np.random.default_rng(seed).normal(0, 1, (count, *SHAPE)).astype(np.float32)


def compute(layer, images, training=False):
    return np.asarray(layer(images, training=training))


def is_affine(layer):
    """Whether a trained layer maps sums to sums, apart from a constant."""
    left, right = make_images(1), make_images(2)
    constant = compute(layer, np.zeros_like(left))
    total = compute(layer, left) + compute(layer, right) - constant
    return np.allclose(compute(layer, left + right), total, atol=1e-4)


def test_lookup_knows_all_layers():
    assert list(LAYER_CLASSES) == TYPES
    assert [find_layer_class(name) for name in TYPES] == [find_layer_class({"type": name}) for name in TYPES]
    assert find_layer_class({"repeat": 2}) is None


@pytest.mark.parametrize("name", TYPES)
def test_linear_layers_are_linear(name):
    cls = LAYERS_BY_TYPE[name]
    changes = {"activation": "linear"} if "activation" in cls.model_fields else {}
    assert is_affine(build_layer(name, **changes)) == cls.is_linear


@pytest.mark.parametrize("name", TYPES)
def test_training_only_layers_act_only_in_training(name):
    layer, images = build_layer(name), make_images(3)
    outputs, in_training = compute(layer, images), compute(layer, images, training=True)
    is_identity = outputs.shape == images.shape and np.array_equal(outputs, images)
    acts_in_training = in_training.shape == images.shape and not np.array_equal(in_training, images)
    assert (is_identity and acts_in_training) == LAYERS_BY_TYPE[name].is_training_only


@pytest.mark.parametrize("name", TYPES)
def test_reshaping_layers_only_reshape(name):
    layer, images = build_layer(name), make_images(4)
    keeps_numbers = all(
        np.array_equal(compute(layer, images, training).ravel(), images.ravel()) for training in (False, True)
    )
    assert keeps_numbers == LAYERS_BY_TYPE[name].only_reshapes


@pytest.mark.parametrize("name", TYPES)
def test_scaling_layers_scale(name):
    layer, images = build_layer(name), make_images(5)
    outputs, of_large, of_larger = (compute(layer, scale * images, training=True) for scale in (1, 1000, 100_000))
    keeps_shape = outputs.shape == images.shape
    scaling = None
    if keeps_shape and np.abs(of_large - of_larger).mean() < 0.01:
        scaling = "computed"
    elif keeps_shape and not layer.weights and np.allclose(np.ptp(outputs / images), 0) and outputs[0, 0, 0, 0] != 0:
        scaling = None if np.array_equal(outputs, images) else "fixed"
    assert scaling == LAYERS_BY_TYPE[name].scaling


@pytest.mark.parametrize("name", TYPES)
def test_kernels_and_activations_are_those_of_keras(name):
    cls, layer = LAYERS_BY_TYPE[name], build_layer(name)
    assert any(weight.name == "kernel" for weight in layer.weights) == cls.has_kernel
    assert hasattr(layer, "activation") == ("activation" in cls.model_fields)


@pytest.mark.parametrize("name", TYPES)
def test_size_key_sets_the_last_axis(name):
    cls, size = LAYERS_BY_TYPE[name], build_layer(name).compute_output_shape((None, *SHAPE))[-1]
    numbers = {key: value for key, value in EXAMPLE_ARGUMENTS.items() if isinstance(value, int)}
    sizing = [
        key
        for key, value in numbers.items()
        if key in cls.model_fields
        and build_layer(name, **{key: 2 * value}).compute_output_shape((None, *SHAPE))[-1] == 2 * size
    ]
    assert sizing == [cls.size_key] * (cls.size_key is not None)


@pytest.mark.parametrize("name", TYPES)
def test_fully_connected_layers_compute_rows_separately(name):
    layer, images = build_layer(name), make_images(6)
    changed_images = images.copy()
    changed_images[0, 2, 3, 1] += 1
    changes = compute(layer, images) != compute(layer, changed_images)
    by_row = changes.shape[:3] == images.shape[:3] and changes[0, 2, 3].all() and changes.sum() == changes.shape[-1]
    assert bool(by_row and hasattr(layer, "kernel")) == LAYERS_BY_TYPE[name].is_fully_connected


SUPPORTED_TYPES = [name for name, cls in LAYERS_BY_TYPE.items() if cls.xla_support != "none"]


def compile_with_xla(names):
    """Compile the layers of these types as one program, and run it."""
    layers = [build_layer(name) for name in names]
    compiled = tf.function(lambda images: [layer(images, training=True) for layer in layers], jit_compile=True)
    compiled(tf.constant(make_images(7)))


def test_xla_supports_the_layers_that_declare_it():
    compile_with_xla(SUPPORTED_TYPES)


@pytest.mark.parametrize("name", [name for name in TYPES if name not in SUPPORTED_TYPES])
def test_xla_supports_no_other_layer(name):
    with pytest.raises((tf.errors.OpError, ValueError)):
        compile_with_xla([name])


@pytest.mark.parametrize("name", SUPPORTED_TYPES)
def test_layers_with_random_numbers_declare_slow_xla(name):
    cls = LAYERS_BY_TYPE[name]
    assert cls.xla_support != "fast" or "seed" not in cls.model_fields


def measure_range(name):
    """The lower and upper limit of an activation's outputs, in which a large number counts as infinite."""
    activation = keras.activations.get(name)
    line = np.linspace(-1000, 1000, 4001, dtype=np.float32)
    with_zeros = np.stack([line, np.zeros_like(line)], axis=1)
    outputs = np.asarray(activation(with_zeros))
    low, high = float(outputs.min()), float(outputs.max())
    return (-math.inf if low < -100 else round(low, 2)), (math.inf if high > 100 else round(high, 2))


@pytest.mark.parametrize("name", get_args(ActivationName))
def test_ranges_of_activations_are_those_of_keras(name):
    low, high = measure_range(name)
    assert (high < math.inf) == (name in BOUNDED_RANGES)
    if name in BOUNDED_RANGES:
        assert BOUNDED_RANGES[name] == (low, high)
    is_elementwise = name not in ("glu", "softmax", "sparsemax", "log_softmax")
    is_limited = -math.inf < low and high < math.inf
    assert (is_elementwise and is_limited and name not in RELU_ACTIVATIONS) == (name in SATURATION_RANGES)


@pytest.mark.parametrize("name", RELU_ACTIVATIONS)
def test_relu_has_no_gradient_where_it_is_zero(name):
    inputs = tf.linspace(-3.0, 3.0, 61)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = keras.activations.get(name)(inputs)
    gradient = np.asarray(tape.gradient(outputs, inputs))
    assert np.array_equal(np.asarray(outputs) == 0, gradient == 0)


RULES_ABOUT_ONE_LAYER = {"explain/layer_setting_rules.py": {"BatchNormalization", "Dropout", "GaussianNoise"}}
"""Rules of `dnn explain` about the arguments of one layer, whose messages name this layer."""


def test_no_other_module_asks_for_the_class_of_a_layer():
    bases = {base.__name__ for cls in LAYER_CLASSES.values() for base in inspect.getmro(cls)[:-1]}
    names = (bases | {cls.__name__ for cls in LAYER_CLASSES.values()}) - {
        "BaseLayer",
        "KerasConfig",
        "ConfigModel",
        "BaseModel",
    }
    asked = {}
    for path in sorted((ROOT / "dnn_cli").rglob("*.py")):
        text = path.read_text("utf-8")
        if not any(name in text for name in names):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass"):
                words = {part.id for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)}
            elif isinstance(node, ast.Compare):
                words = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
            else:
                continue
            if words & names:
                asked.setdefault(str(path.relative_to(ROOT / "dnn_cli")), set()).update(words & names)
    assert asked == RULES_ABOUT_ONE_LAYER
