"""The engine's bits against plain fit's over many epochs of digits: for every optimizer, several stacks, batch sizes.

    python tests/campaign_bits.py [EPOCHS]

Rounding differs late where it differs at all, so this is longer than a test may be: about ten minutes for 15 epochs.
"""

import sys
from dataclasses import replace

import numpy as np

from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.spec.catalog import KINDS
from dnn_cli.spec.load import load
from dnn_cli.training.bench import Contender
from dnn_cli.training.endings import Diverged
from dnn_cli.training.job import prepare

LAST = "{type: Dense, units: 10, activation: softmax}"
STACKS = {
    "normalised": f"[Flatten, {{type: Dense, units: 60}}, BatchNormalization, LayerNormalization, {LAST}]",
    "dropout": f"[Flatten, {{type: Dense, units: 60, activation: relu}}, {{type: Dropout, rate: 0.3}}, {LAST}]",
    "pooling": f"[{{type: Reshape, target_shape: [8, 8, 1]}}, MaxPooling2D, Flatten, {LAST}]",
    "deep": f"[Flatten, {', '.join(['{type: Dense, units: 40, activation: gelu}'] * 5)}, {LAST}]",
}
CASES = [
    *([f"optimizer={name}", f"batch_size={size}"] for name in KINDS["optimizer"] for size in (32, 48)),
    *([f"layers={layers}", f"batch_size={size}"] for layers in STACKS.values() for size in (32, 48)),
    *([f"layers={layers}", "jit=false"] for layers in STACKS.values()),
    *([f"metrics={metrics}"] for metrics in ("[]", "[accuracy, {type: sparse_top_k_categorical_accuracy, k: 3}]")),
    ["loss=categorical_crossentropy", "batch_size=48"],
]


def first_difference(overrides: list[str], epochs: int) -> str:
    """The first epoch after which weights differ; nothing where none do."""
    experiment = load("configs/relu_adam.yaml", ["data.dataset=digits", *overrides]).experiment
    examples = load_examples(experiment.data)
    job = prepare(experiment, examples, split_examples(experiment.data, examples))
    pair = Contender(job, job.plan), Contender(job, replace(job.plan, engine="keras", steps=1))
    for number in range(epochs):
        try:
            for contender in pair:
                contender.run_epoch(number)
        except Diverged as error:
            return str(error)
        for ours, theirs in zip(*(contender.weights() for contender in pair), strict=True):
            if not np.array_equal(ours, theirs, equal_nan=True):
                return f"differs after epoch {number + 1}, by up to {np.nanmax(np.abs(ours - theirs)):.1e}"
    return ""


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    found = {" ".join(case): first_difference(case, count) for case in CASES}
    for name, difference in found.items():
        print(f"{difference or 'the same':50} {name[:100]}")
    print(f"{sum(not difference for difference in found.values())} of {len(found)} the same over {count} epochs")
