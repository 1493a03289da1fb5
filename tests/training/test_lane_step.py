"""The step of a lane against Keras's own `train_step`: every optimizer, option, layer, loss and metric."""

import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.config.layer_base import LAYER_CLASSES
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.training.lane_step import list_variables, train_step
from dnn_cli.training.model_builder import build_model
from tests.helpers.keras_signatures import is_in_keras
from tests.helpers.settings import RUN_ALL_CASES

LANES, STEPS, BATCH = 3, 3, 16
RANDOM = np.random.default_rng(5)
INPUTS = RANDOM.random((LANES, STEPS, BATCH, 64), np.float32)
CLASSES = RANDOM.integers(0, 10, (LANES, STEPS, BATCH))
WEIGHTS = RANDOM.random((LANES, STEPS, BATCH), np.float32)
OUTPUT = "{type: Dense, units: 10, activation: softmax}"
SINGLE_OUTPUT = "{type: Dense, units: 1, activation: sigmoid}"
NETWORK = f"layers=[Flatten, {{type: Dense, units: 12, activation: tanh}}, {OUTPUT}]"
TOLERANCE = 1e-5

ENCODINGS = {
    "index": ("digits", OUTPUT, CLASSES.astype(np.int32)),
    "one_hot": ("digits", OUTPUT, np.eye(10, dtype=np.float32)[CLASSES]),
    "binary": ("breast_cancer", SINGLE_OUTPUT, (CLASSES[..., None] > 4).astype(np.float32)),
    "real": ("diabetes", SINGLE_OUTPUT, RANDOM.random((LANES, STEPS, BATCH, 1), np.float32)),
}
"""A dataset, an output layer and targets for each form of targets."""

SGD = "optimizer={type: sgd, learning_rate: 0.1}"


def build_models(experiment, *overrides, encoding="index"):
    """Build a model for each lane, with a seed of its own, and with built metrics."""
    models = []
    for seed in range(LANES):
        loaded = experiment(f"data.dataset={ENCODINGS[encoding][0]}", f"seed={seed}", *overrides)
        model = build_model(loaded)
        inputs, targets = INPUTS[0, 0], ENCODINGS[encoding][2][0, 0]
        shaped = inputs[:, : np.prod(loaded.data.input_shape)].reshape(-1, *loaded.data.input_shape)
        model.compute_metrics(shaped, targets, model(shaped))
        model.reset_metrics()
        models.append(model)
    return models


def copy_values(model):
    return [variable.numpy() for variable in list_variables(model)]


def select_batches(model, targets, lanes, number, weighted):
    """Return a batch of inputs in the shape of a model's input, targets, and optionally weights."""
    shape = model.input_shape[1:]
    inputs = INPUTS[lanes, number][..., : np.prod(shape)]
    batch = inputs.reshape(*inputs.shape[:-1], *shape), targets[lanes, number]
    return (*batch, WEIGHTS[lanes, number]) if weighted else batch


def train_alone(model, targets, lane, weighted):
    """Train a model by Keras's own step, and return the values of its variables."""
    step = tf.function(model.train_step, autograph=False)
    for number in range(STEPS):
        step(select_batches(model, targets, lane, number, weighted))
    return copy_values(model)


def train_lanes(model, targets, values, weighted):
    """Train all lanes, and return the values of each lane."""

    @tf.function(autograph=False)
    def run(values, *batches):
        return tf.vectorized_map(
            lambda lane: train_step(model, lane[0], lane[1])[0], (values, batches), fallback_to_while_loop=False
        )

    values = [tf.constant(np.stack(parts)) for parts in zip(*values, strict=True)]
    for number in range(STEPS):
        values = run(values, *map(tf.constant, select_batches(model, targets, slice(None), number, weighted)))
    return [[value[lane] for value in map(np.array, values)] for lane in range(LANES)]


def assert_lanes_match(experiment, *overrides, encoding="index", weighted=False):
    """Check that lanes end with the values that Keras's own step computes."""
    models = build_models(experiment, *overrides, encoding=encoding)
    targets = ENCODINGS[encoding][2]
    lanes = train_lanes(models[0], targets, [copy_values(model) for model in models], weighted)
    variables = list_variables(models[0])
    for lane, model in enumerate(models):
        for variable, ours, theirs in zip(
            variables, lanes[lane], train_alone(model, targets, lane, weighted), strict=True
        ):
            scale = max(float(np.abs(theirs).max(initial=0)), 1e-3)
            assert np.abs(ours - theirs.astype(ours.dtype)).max(initial=0) <= TOLERANCE * scale, variable.path


POSSIBLE_OPTIMIZERS = [
    name for name, cls in CLASSES_BY_KIND["optimizer"].items() if is_in_keras(cls) and cls.lane_obstacle is None
]


@pytest.mark.parametrize("name", POSSIBLE_OPTIMIZERS if RUN_ALL_CASES else ["muon", "adafactor"])
def test_optimizer_matches_keras(experiment, name):
    assert_lanes_match(experiment, NETWORK, f"optimizer={name}")


def test_most_optimizers_can_be_trained_in_lanes():
    obstacles = {name: cls.lane_obstacle for name, cls in CLASSES_BY_KIND["optimizer"].items() if cls.lane_obstacle}
    assert [*obstacles] == ["schedule_free_adamw"]


DECAY = "{type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 5}"
SCHEDULE = f"learning_rate: {{type: Warmup, warmup_steps: 2, start_factor: 0.1, learning_rate: {DECAY}}}"
OPTIONS = {
    "amsgrad, clipvalue, schedule": f"{{type: adam, amsgrad: true, epsilon: 0.001, clipvalue: 0.01, {SCHEDULE}}}",
    "momentum, clipnorm, averages": "{type: sgd, momentum: 0.9, nesterov: true, clipnorm: 0.1, use_ema: true, "
    "ema_momentum: 0.5, ema_overwrite_frequency: 2}",
    "weight decay, global_clipnorm, accumulation": "{type: adamw, weight_decay: 0.1, global_clipnorm: 0.1, "
    "gradient_accumulation_steps: 2}",
}


@pytest.mark.parametrize("optimizer", OPTIONS.values(), ids=OPTIONS)
def test_options_match_keras(experiment, optimizer):
    assert_lanes_match(experiment, NETWORK, f"optimizer={optimizer}", weighted=True)


KERNEL = "{{type: Dense, units: 12, {}}}"
LAYERS = {
    "Flatten": "Flatten",
    "Dense": "{type: Dense, units: 12, use_bias: false}",
    "BatchNormalization": "BatchNormalization",
    "Activation": "{type: Activation, activation: relu}",
    "LayerNormalization": "LayerNormalization",
    "Dropout": "{type: Dropout, rate: 0.3}",
    "GaussianNoise": "{type: GaussianNoise, stddev: 0.1}",
    "Rescaling": "{type: Rescaling, scale: 0.5}",
    "Reshape": "{type: Reshape, target_shape: [12]}",
    "ReLU": "{type: ReLU, max_value: 6.0}",
    "LeakyReLU": "LeakyReLU",
    "PReLU": "PReLU",
    "ELU": "ELU",
    "Identity": "Identity",
    "ActivityRegularization": "{type: ActivityRegularization, l2: 0.01}",
    "RepeatVector": "{type: RepeatVector, n: 2}",
    "Permute": "{type: Permute, dims: [2, 1]}",
    "SpatialDropout1D": "{type: SpatialDropout1D, rate: 0.2}",
    "SpatialDropout2D": "{type: Reshape, target_shape: [2, 2, 6]}, {type: SpatialDropout2D, rate: 0.2}",
    "SpatialDropout3D": "{type: Reshape, target_shape: [1, 2, 2, 6]}, {type: SpatialDropout3D, rate: 0.2}",
    "EinsumDense": "{type: Reshape, target_shape: [12, 2]}, "
    "{type: EinsumDense, equation: 'abc,bcd->ad', output_shape: 12, bias_axes: d}",
    "AlphaDropout": "{type: AlphaDropout, rate: 0.2}",
    "GaussianDropout": "{type: GaussianDropout, rate: 0.2}",
    "GroupNormalization": "{type: GroupNormalization, groups: 4}",
    "RMSNormalization": "RMSNormalization",
    "UnitNormalization": "UnitNormalization",
    "Softmax": "Softmax",
}


def test_layers_match_keras(experiment):
    """All layers with lanes in one network, with masks and noise of each lane."""
    assert {name for name, cls in LAYER_CLASSES.items() if cls.supports_lanes} == LAYERS.keys()
    assert_lanes_match(experiment, f"layers=[{', '.join(LAYERS.values())}, {OUTPUT}]", SGD)


REGULARIZERS, CONSTRAINTS = CLASSES_BY_KIND["regularizer"], CLASSES_BY_KIND["constraint"]
SOME_REGULARIZERS = REGULARIZERS if RUN_ALL_CASES else ["l1_l2", "orthogonal_regularizer"]
SOME_CONSTRAINTS = CONSTRAINTS if RUN_ALL_CASES else ["max_norm"]


def test_regularizers_and_constraints_match_keras(experiment):
    """A layer for each regularizer of kernels, biases and outputs, and for each constraint."""
    arguments = [f"kernel_regularizer: {name}" for name in SOME_REGULARIZERS]
    arguments += [f"bias_regularizer: {name}, activity_regularizer: {name}" for name in ("l1", "l2")]
    arguments += [f"kernel_constraint: {name}" for name in SOME_CONSTRAINTS]
    layers = ", ".join(KERNEL.format(argument) for argument in arguments)
    assert_lanes_match(experiment, f"layers=[Flatten, {layers}, {OUTPUT}]", SGD)


def list_loss_cases():
    """List the losses, each with a form of targets that the loss accepts."""
    losses = CLASSES_BY_KIND["loss"].items()
    return [(name, encoding) for name, cls in losses for encoding in cls.target_encodings]


LOSS_CASES = [("categorical_hinge", "one_hot"), ("binary_focal_crossentropy", "binary")]


@pytest.mark.parametrize(("loss", "encoding"), list_loss_cases() if RUN_ALL_CASES else LOSS_CASES)
def test_loss_and_metrics_match_keras(experiment, loss, encoding):
    """A loss, and all metrics for targets in the same form."""
    metrics = [name for name, cls in CLASSES_BY_KIND["metric"].items() if encoding in cls.target_encodings]
    arguments = {
        name: f", {cls.rate_key}: 0.5" for name, cls in CLASSES_BY_KIND["metric"].items() if hasattr(cls, "rate_key")
    }
    if encoding == "binary":
        arguments |= dict.fromkeys(("f1_score", "fbeta_score"), ", threshold: 0.5")
    metrics = [f"{{type: {name}{arguments.get(name, '')}}}" for name in metrics]
    layers = f"layers=[Flatten, {ENCODINGS[encoding][1]}]"
    if CLASSES_BY_KIND["loss"][loss].takes_margins:
        # Other metrics need probabilities, or logits instead of the outputs of this network.
        metrics = ["accuracy", "hinge", "squared_hinge", "{type: auc, from_logits: true}"]
    # A config has at most 20 metrics.
    for some in (metrics[::2], metrics[1::2]):
        assert_lanes_match(
            experiment, layers, SGD, f"loss={loss}", f"metrics=[{', '.join(some)}]", encoding=encoding, weighted=True
        )
