"""Overrides of every option that a resumed training and a reused model must support."""

import json

from dnn_cli.config.callbacks import CALLBACK_CLASSES
from dnn_cli.config.registry import CLASSES_BY_KIND
from tests.helpers.keras_signatures import is_in_keras
from tests.helpers.settings import RUN_ALL_CASES

LAST = "{type: Dense, units: 10, activation: softmax}"
SMALL = [f"layers=[Flatten, {LAST}]", "jit=false"]
IMAGE = "{type: Reshape, target_shape: [8, 8, 1]}"

REPRESENTATIVE_OPTIMIZERS = {
    "sgd": "nothing", "adam": "two moments", "adafactor": "factors of them", "ftrl": "sums", "muon": "two optimizers",
    "schedule_free_adamw": "an average",
}  # fmt: skip
"""Optimizers by what they keep from step to step; the other optimizers keep something similar."""

OPTIMIZERS = [
    name
    for name, kind in CLASSES_BY_KIND["optimizer"].items()
    if is_in_keras(kind) and (RUN_ALL_CASES or name in REPRESENTATIVE_OPTIMIZERS)
]

PARTS = {
    "noise and normalisation": [
        f"layers=[Flatten, BatchNormalization, {{type: GaussianNoise, stddev: 0.1}}, {{type: Dense, units: 9}}, "
        f"{{type: Dropout, rate: 0.3}}, {LAST}]"
    ],
    "augmentation": [
        f"layers=[{IMAGE}, RandomFlip, {{type: RandomTranslation, height_factor: 0.2, width_factor: 0.2}}, "
        f"{{type: RandomRotation, factor: 0.1}}, {{type: RandomZoom, height_factor: 0.2}}, Flatten, {LAST}]"
    ],
    "convolution": [f"layers=[{IMAGE}, {{type: Conv2D, filters: 3, kernel_size: 3}}, Flatten, {LAST}]"],
    "XLA": ["jit=true"],
    "plain fit": ["engine=keras", "batch_size=150"],
    "plain fit with XLA": ["engine=keras", "jit=true", "batch_size=150"],
    "16 bits": [*SMALL, "mixed_precision=true"],
    "a schedule": [
        *SMALL,
        "optimizer={type: adam, learning_rate: {type: Warmup, warmup_steps: 20, learning_rate: {type: CosineDecay, "
        "initial_learning_rate: 0.01, decay_steps: 60}}}",
    ],
    "averaged weights": [*SMALL, "optimizer={type: sgd, use_ema: true, ema_momentum: 0.9}"],
    "accumulated gradients": [*SMALL, "optimizer={type: adam, gradient_accumulation_steps: 4}"],
    "scores that count": [
        "metrics=[accuracy, {type: sparse_top_k_categorical_accuracy, k: 2}]", *SMALL,
    ],
    "weights of classes": [*SMALL, "class_weight=balanced", "data.standardize=true"],
    **({
        "standardized targets": [
            "data={dataset: diabetes, standardize_target: true}", "layers=[{type: Dense, units: 1}]", "loss=mse",
            "metrics=[mae]", "jit=false",
        ],
    } if RUN_ALL_CASES else {}),
    "no validation": [*SMALL, "data.validation_size=0"],
}  # fmt: skip

CALLBACKS = {
    "early stopping": ["early_stopping={monitor: val_loss, patience: 2, min_delta: 0.1, restore_best_weights: true}"],
    "a lower rate": ["reduce_lr_on_plateau={monitor: val_loss, patience: 1, min_delta: 0.2, factor: 0.5, cooldown: 1}"],
    "a lower rate and early stopping": [
        "reduce_lr_on_plateau={monitor: val_loss, patience: 3, min_delta: 0.5, factor: 0.5}",
        "early_stopping={monitor: val_loss, patience: 4, min_delta: 0.5, restore_best_weights: true}",
    ],
    "averages in validation": [
        *SMALL,
        "swap_ema_weights={}",
        "optimizer={type: adam, use_ema: true, ema_momentum: 0.5}",
    ],
    "averages of each epoch without validation": [
        *SMALL,
        "swap_ema_weights={swap_on_epoch: true}",
        "data.validation_size=0",
        "optimizer={type: adam, use_ema: true, ema_momentum: 0.5, ema_overwrite_frequency: 7}",
    ],
    "the best epoch": ["model_checkpoint={monitor: val_loss}", "optimizer={type: adam, learning_rate: 0.2}"],
}

ACTIVE_SETTINGS = {
    "patience": 3, "min_delta": 0.3, "factor": 0.5, "cooldown": 1, "restore_best_weights": True, "swap_on_epoch": True,
}  # fmt: skip
"""Arguments with which callbacks act within six epochs, but do not end the training before the fifth."""


NEEDED_SETTINGS = {"swap_ema_weights": ["optimizer.use_ema=true", "optimizer.ema_momentum=0.5"]}
"""Overrides without which a callback is refused."""


def set_callback(key):
    """Return the overrides that set a callback with `ACTIVE_SETTINGS`."""
    cls = CALLBACK_CLASSES[key]
    settings = {name: value for name, value in ACTIVE_SETTINGS.items() if name in cls.model_fields}
    settings |= {} if cls.can_end_training or "patience" not in settings else {"patience": 1}
    return [f"{key}={json.dumps(settings)}", *NEEDED_SETTINGS.get(key, [])]


ACTIVE_CALLBACKS = {key: set_callback(key) for key in CALLBACK_CLASSES}
