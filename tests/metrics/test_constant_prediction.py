"""The losses of examples are Keras's, and no constant output has a smaller loss than the best constant."""

import keras
import numpy as np
import pytest
from pydantic import TypeAdapter

from dnn_cli.config.losses import Loss
from dnn_cli.metrics.constant_prediction import compute_example_losses, find_best_constant

CLASSES = 4
LOSSES = {
    "sparse": {"type": "sparse_categorical_crossentropy"},
    "sparse logits": {"type": "sparse_categorical_crossentropy", "from_logits": True},
    "sparse, a class ignored": {"type": "sparse_categorical_crossentropy", "ignore_class": 2},
    "vectors": {"type": "categorical_crossentropy"},
    "vectors, smoothed": {"type": "categorical_crossentropy", "label_smoothing": 0.2},
    "vectors, logits": {"type": "categorical_crossentropy", "from_logits": True, "label_smoothing": 0.1},
    "focal": {"type": "categorical_focal_crossentropy", "gamma": 3.0, "alpha": 0.4},
    "focal, smoothed logits": {"type": "categorical_focal_crossentropy", "from_logits": True, "label_smoothing": 0.1},
    "binary": {"type": "binary_crossentropy"},
    "binary, smoothed": {"type": "binary_crossentropy", "label_smoothing": 0.2},
    "binary logits": {"type": "binary_crossentropy", "from_logits": True},
    "binary focal": {"type": "binary_focal_crossentropy", "gamma": 1.5},
    "binary focal, balanced logits": {
        "type": "binary_focal_crossentropy", "apply_class_balancing": True, "from_logits": True, "label_smoothing": 0.1,
    },
    "divergence": {"type": "kl_divergence"},
    "hinge": {"type": "categorical_hinge"},
    "mse of classes": {"type": "mean_squared_error"},
    "mae of classes": {"type": "mean_absolute_error"},
    "mse": {"type": "mean_squared_error"},
    "mae": {"type": "mean_absolute_error"},
    "mape": {"type": "mean_absolute_percentage_error"},
    "msle": {"type": "mean_squared_logarithmic_error"},
    "huber": {"type": "huber", "delta": 2.0},
    "log_cosh": {"type": "log_cosh"},
    "generalized": {"type": "categorical_generalized_cross_entropy", "q": 0.3},
    "binary hinge": {"type": "hinge"},
    "squared hinge": {"type": "squared_hinge"},
    "poisson": {"type": "poisson"},
    "cosine": {"type": "cosine_similarity"},
    "cosine of classes": {"type": "cosine_similarity"},
}  # fmt: skip


def draw_labels_and_outputs(name, loss, rng, examples=200):
    """Targets as the loss gets them, and outputs of a network."""
    index = rng.choice(CLASSES, examples, p=[0.55, 0.25, 0.15, 0.05])
    if "real" in loss.target_encodings and "classes" not in name:
        outputs = rng.normal(2, 3, (examples, 2))
        return rng.lognormal(1, 1, (examples, 2)), np.abs(outputs) if loss.needs_positive_outputs else outputs
    width = 1 if loss.target_encodings == ("binary",) else CLASSES
    outputs = rng.normal(0, 2, (examples, width))
    if not loss.takes_logits:
        outputs = 1 / (1 + np.exp(-outputs)) if width == 1 else np.exp(outputs) / np.exp(outputs).sum(1, keepdims=True)
    if width == 1:
        return (index[:, None] > 0).astype(float), outputs
    return (index.astype(float) if loss.target_encodings == ("index",) else np.eye(CLASSES)[index]), outputs


@pytest.mark.parametrize(("name", "config"), LOSSES.items(), ids=LOSSES.keys())
def test_example_losses_equal_keras(name, config):
    loss = TypeAdapter(Loss).validate_python(config)
    labels, outputs = draw_labels_and_outputs(name, loss, np.random.default_rng(1))
    built = loss.build_keras_object()
    theirs = [
        float(built(labels[i : i + 1].astype("float32"), outputs[i : i + 1].astype("float32"))) for i in range(40)
    ]
    mine = compute_example_losses(loss, labels[:40], outputs[:40].astype("float32"))
    ignored = np.isnan(mine)
    assert ignored.any() == ("ignored" in name)
    assert mine[~ignored] == pytest.approx(np.array(theirs)[~ignored], rel=2e-5, abs=2e-6)


@pytest.mark.parametrize(("name", "config"), LOSSES.items(), ids=LOSSES.keys())
def test_no_constant_has_a_lower_loss_than_the_best(name, config):
    loss, rng = TypeAdapter(Loss).validate_python(config), np.random.default_rng(2)
    labels, outputs = draw_labels_and_outputs(name, loss, rng)
    weights = rng.uniform(0.5, 2, len(labels))

    def compute_mean_loss(output):
        example_losses = compute_example_losses(loss, labels, np.broadcast_to(output, (len(labels), len(output))))
        counted = ~np.isnan(example_losses)
        return weights[counted] @ example_losses[counted] / weights[counted].sum()

    best = find_best_constant(loss, labels, weights)
    lowest_loss = compute_mean_loss(best)
    shares = loss.needs_probabilities and not loss.takes_logits
    for size in (1e-3, 1e-2, 0.1, 0.5):
        for _ in range(30):
            other = best + rng.normal(0, size, best.shape) * (1 if shares else max(1.0, np.abs(best).max()))
            if shares:
                other = np.clip(other, 1e-6, 1)
                other = other / other.sum() if len(other) > 1 else np.minimum(other, 1 - 1e-6)
            assert compute_mean_loss(other) >= lowest_loss - 1e-9
    for output in outputs[:50]:
        assert compute_mean_loss(output) >= lowest_loss - 1e-9


def test_best_constant_of_cross_entropy_has_class_entropy():
    loss = TypeAdapter(Loss).validate_python({"type": "sparse_categorical_crossentropy"})
    labels = np.repeat([0.0, 1.0, 2.0], [50, 30, 20])
    shares = find_best_constant(loss, labels, np.ones(100))
    assert shares == pytest.approx([0.5, 0.3, 0.2])
    entropy = -sum(p * np.log(p) for p in (0.5, 0.3, 0.2))
    assert compute_example_losses(loss, labels, np.tile(shares, (100, 1))).mean() == pytest.approx(entropy)


def test_every_loss_of_a_config_is_tested():
    assert {config["type"] for config in LOSSES.values()} == {
        union.model_fields["type"].default for union in Loss.__origin__.__args__
    }
    assert keras.config.epsilon() == 1e-7
