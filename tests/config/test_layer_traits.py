"""What layers and activations declare about themselves is what Keras does."""

import ast
import inspect
import json
import math
from pathlib import Path
from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.config.activations import (
    ACTIVATION_FORMULAS,
    BOUNDED_RANGES,
    RELU_ACTIVATIONS,
    SATURATION_RANGES,
    ActivationName,
)
from dnn_cli.config.layer_base import LAYER_CLASSES
from dnn_cli.config.layer_union import LAYERS_BY_TYPE, find_layer_class
from tests.helpers.keras_signatures import is_in_keras
from tests.helpers.settings import RUN_ALL_CASES

ROOT = Path(__file__).parents[2]
TYPES = [name for name, cls in LAYERS_BY_TYPE.items() if is_in_keras(cls)]


def build_layer(name, **changes):
    """The Keras layer of a type with the arguments of its example, built for the shape of the example."""
    cls = LAYERS_BY_TYPE[name]
    layer = cls(**{**cls.example, **changes}).build_keras_object()
    layer.build((None, *cls.example_shape))
    return layer


def build_linear_layer(name):
    """The Keras layer of a type without its activation."""
    return build_layer(name, **({"activation": "linear"} if "activation" in LAYERS_BY_TYPE[name].model_fields else {}))


def make_inputs(name, seed, count=8):
    cls, generator = LAYERS_BY_TYPE[name], np.random.default_rng(seed)
    if cls.takes_integers:
        return generator.integers(0, 5, (count, *cls.example_shape))
    return generator.normal(0, 1, (count, *cls.example_shape)).astype(np.float32)


def compute(layer, inputs, training=False):
    outputs = layer(inputs, training=training) if layer._call_has_training_arg else layer(inputs)
    return np.asarray(outputs)


def is_affine(name, layer):
    """Whether a trained layer maps sums to sums, apart from a constant."""
    left, right = make_inputs(name, 1), make_inputs(name, 2)
    if LAYERS_BY_TYPE[name].takes_integers:
        return False
    constant = compute(layer, np.zeros_like(left))
    total = compute(layer, left) + compute(layer, right) - constant
    return np.allclose(compute(layer, left + right), total, atol=1e-4)


def test_lookup_knows_all_layers():
    assert list(LAYER_CLASSES) == list(LAYERS_BY_TYPE)
    assert [find_layer_class(name) for name in TYPES] == [find_layer_class({"type": name}) for name in TYPES]
    assert find_layer_class({"repeat": 2}) is None


@pytest.mark.parametrize("name", TYPES)
def test_linear_layers_are_linear(name):
    assert is_affine(name, build_linear_layer(name)) == LAYERS_BY_TYPE[name].is_linear


@pytest.mark.parametrize("name", TYPES)
def test_training_only_layers_act_only_in_training(name):
    layer, images = build_layer(name), make_inputs(name, 3)
    outputs, in_training = compute(layer, images), compute(layer, images, training=True)
    is_identity = outputs.shape == images.shape and np.array_equal(outputs, images)
    acts_in_training = in_training.shape == images.shape and not np.array_equal(in_training, images)
    assert (is_identity and acts_in_training) == LAYERS_BY_TYPE[name].is_training_only


@pytest.mark.parametrize("name", [name for name in TYPES if not LAYERS_BY_TYPE[name].is_training_only])
def test_outputs_do_not_depend_on_other_examples_of_the_batch(name):
    layer, inputs = build_layer(name), make_inputs(name, 9)
    changed_inputs = inputs.copy()
    changed_inputs[1:] = 0
    assert np.allclose(compute(layer, inputs)[0], compute(layer, changed_inputs)[0], atol=1e-6)


@pytest.mark.parametrize("name", TYPES)
def test_reshaping_layers_only_reshape(name):
    layer, images = build_layer(name), make_inputs(name, 4)
    keeps_numbers = all(
        np.array_equal(compute(layer, images, training).ravel(), images.ravel()) for training in (False, True)
    )
    assert keeps_numbers == LAYERS_BY_TYPE[name].only_reshapes


@pytest.mark.parametrize("name", TYPES)
def test_scaling_layers_scale(name):
    if LAYERS_BY_TYPE[name].takes_integers:
        assert LAYERS_BY_TYPE[name].input_scaling is None
        return
    layer, images = build_layer(name), make_inputs(name, 5)
    outputs, of_large, of_larger = (compute(layer, scale * images, training=True) for scale in (1, 1000, 100_000))
    keeps_shape = outputs.shape == images.shape
    scaling = None
    # A softmax of large numbers is constant, but differs from the softmax of small numbers.
    if keeps_shape and np.abs(of_large - of_larger).mean() < 0.01 and np.abs(outputs - of_large).mean() < 0.1:
        scaling = "computed"
    elif keeps_shape and not layer.weights and np.ptp(outputs / images) < 1e-6 and outputs.flat[0] != 0:
        scaling = None if np.array_equal(outputs, images) else "fixed"
    assert scaling == LAYERS_BY_TYPE[name].input_scaling


@pytest.mark.parametrize("name", TYPES)
def test_masks_are_kept_as_in_keras(name):
    cls = LAYERS_BY_TYPE[name]
    assert build_layer(name).supports_masking == (cls.keeps_mask or cls(**cls.example).creates_mask)


@pytest.mark.parametrize("name", TYPES)
def test_kernels_and_activations_are_those_of_keras(name):
    cls, layer = LAYERS_BY_TYPE[name], build_layer(name)
    config = cls(**cls.example)
    kernels = {w.name for w in layer.weights if w.name.endswith("kernel") and w.name != "recurrent_kernel"}
    # The kernels of a residual block are those of its inner layers.
    assert (set() if cls.inner_key else kernels) == (set(config.kernel_names) if config.has_kernel else set())
    assert hasattr(layer, "activation") == ("activation" in cls.model_fields)


@pytest.mark.parametrize("name", TYPES)
def test_size_key_sets_the_last_axis(name):
    cls = LAYERS_BY_TYPE[name]
    size = compute_last_axis(name)
    sizing = [
        key
        for key, value in cls.example.items()
        if type(value) is int and compute_last_axis(name, **{key: 2 * value}) == 2 * size
    ]
    assert sizing == [cls.size_key] * (cls.size_key is not None)


def compute_last_axis(name, **changes):
    """The size of the last axis of a layer's output; 0 if the layer does not accept the changed argument."""
    try:
        return build_layer(name, **changes).compute_output_shape((None, *LAYERS_BY_TYPE[name].example_shape))[-1]
    except ValueError:
        return 0


@pytest.mark.parametrize("name", TYPES)
def test_fully_connected_layers_compute_rows_separately(name):
    layer, inputs = build_linear_layer(name), make_inputs(name, 6)
    changed_inputs = inputs.copy()
    position = (0, *(size // 2 for size in inputs.shape[1:-1]))
    changed_inputs[(*position, -1)] += 1
    changes = compute(layer, inputs) != compute(layer, changed_inputs)
    by_row = changes.shape[:-1] == inputs.shape[:-1] and changes[position].all() and changes.sum() == changes.shape[-1]
    assert bool(by_row and hasattr(layer, "kernel")) == LAYERS_BY_TYPE[name].is_fully_connected


SUPPORTED_TYPES = [name for name in TYPES if LAYERS_BY_TYPE[name].xla_support != "none"]


def translate_for_xla(names):
    """Translate the layers of these types into one program of XLA, which refuses operations that it does not support.

    With all cases, also compile and run the program.
    """
    layers = [build_layer(name) for name in names]

    def run(inputs):
        return [
            layer(part, training=True) if layer._call_has_training_arg else layer(part)
            for layer, part in zip(layers, inputs, strict=True)
        ]

    compiled, inputs = tf.function(run, jit_compile=True, autograph=False), [make_inputs(name, 7) for name in names]
    compiled.experimental_get_compiler_ir(inputs)(stage="hlo")
    if RUN_ALL_CASES:
        compiled(inputs)


def test_xla_supports_the_layers_that_declare_it():
    translate_for_xla(SUPPORTED_TYPES)


@pytest.mark.parametrize("name", [name for name in TYPES if name not in SUPPORTED_TYPES])
def test_xla_supports_no_other_layer(name):
    with pytest.raises((tf.errors.OpError, ValueError)):
        translate_for_xla([name])


@pytest.mark.parametrize("name", SUPPORTED_TYPES)
def test_layers_with_random_numbers_declare_slow_xla(name):
    cls = LAYERS_BY_TYPE[name]
    assert cls.xla_support != "fast" or "seed" not in cls.model_fields


@pytest.mark.parametrize("name", [name for name in TYPES if LAYERS_BY_TYPE[name].family == "dropout and noise"])
def test_layers_keep_mean_and_variance_of_their_suitable_activation(name):
    cls = LAYERS_BY_TYPE[name]
    layer = build_layer(name)
    outputs = np.asarray(keras.activations.selu(make_inputs(name, 8, count=1000)))
    changed = compute(layer, outputs, training=True)
    is_kept = abs(changed.mean() - outputs.mean()) < 0.05 and abs(changed.var() / outputs.var() - 1) < 0.1
    assert is_kept == (cls.suitable_activation == "selu")


@pytest.mark.parametrize("name", TYPES)
def test_activation_keys_change_the_activation(name):
    cls = LAYERS_BY_TYPE[name]
    layer = cls(**cls.example)
    if layer.activation_key is None:
        return
    *keys, last = layer.activation_key.split(".")
    arguments = json.loads(layer.model_dump_json())
    part = arguments
    for key in keys:
        part = part[key]
    part[last] = "tanh"
    assert cls.model_validate(arguments).applied_activation == "tanh"


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


def test_formulas_of_activations_are_those_of_keras():
    assert set(ACTIVATION_FORMULAS) == set(get_args(ActivationName))
    inputs = np.linspace(-4, 4, 33)
    in_words = {name for name, formula in ACTIVATION_FORMULAS.items() if "last axis" in formula or " of " in formula}
    assert in_words == {"glu", "softmax", "sparsemax", "log_softmax", "swish", "hard_swish"}
    for name in set(ACTIVATION_FORMULAS) - in_words:
        expected = np.asarray(keras.activations.get(name)(tf.constant(inputs, tf.float32)))
        outputs = [eval(ACTIVATION_FORMULAS[name], {**vars(math), "x": x}) for x in inputs]
        np.testing.assert_allclose(outputs, expected, atol=1e-4, err_msg=name)
    for name in ("swish", "hard_swish"):
        other = ACTIVATION_FORMULAS[name].removeprefix("another name of ")
        np.testing.assert_array_equal(keras.activations.get(name)(inputs), keras.activations.get(other)(inputs))


@pytest.mark.parametrize("name", RELU_ACTIVATIONS)
def test_relu_has_no_gradient_where_it_is_zero(name):
    inputs = tf.linspace(-3.0, 3.0, 61)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = keras.activations.get(name)(inputs)
    gradient = np.asarray(tape.gradient(outputs, inputs))
    assert np.array_equal(np.asarray(outputs) == 0, gradient == 0)


RULES_ABOUT_ONE_LAYER = {
    "explain/layer_setting_rules.py": {"BatchNormalization", "Dropout", "GaussianNoise"},
    "export/plain_layers.py": {"Residual"},
    "keras_import/config_building.py": {"Softmax"},
    "keras_import/layer_conversion.py": {"Embedding", "Rescaling"},
}
"""Rules of `dnn explain` about the arguments of one layer, whose messages name this layer; the conversion of the
residual block of Keras; and the import of layers that Keras's programs use in several ways."""


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
