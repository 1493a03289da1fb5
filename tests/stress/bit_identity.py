"""Compare the weights of the chunked engine and of plain `fit` bit by bit.

The cases are all optimizers and several networks. Different rounding often appears only after many epochs. 15 epochs of
digits take about ten minutes.
"""

import argparse
from dataclasses import replace

import numpy as np

from dnn_cli.config.loading import load_experiment
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.training.benchmark import Contender
from dnn_cli.training.stop_request import Diverged
from dnn_cli.training.training_job import prepare_job

OUTPUT_LAYER = "{type: Dense, units: 10, activation: softmax}"
STACKS = {
    "normalised": f"[Flatten, {{type: Dense, units: 60}}, BatchNormalization, LayerNormalization, {OUTPUT_LAYER}]",
    "dropout": f"[Flatten, {{type: Dense, units: 60, activation: relu}}, {{type: Dropout, rate: 0.3}}, {OUTPUT_LAYER}]",
    "pooling": f"[{{type: Reshape, target_shape: [8, 8, 1]}}, MaxPooling2D, Flatten, {OUTPUT_LAYER}]",
    "deep": f"[Flatten, {', '.join(['{type: Dense, units: 40, activation: gelu}'] * 5)}, {OUTPUT_LAYER}]",
}
CASES = [
    *([f"optimizer={name}", f"batch_size={size}"] for name in CLASSES_BY_KIND["optimizer"] for size in (32, 48)),
    *([f"layers={layers}", f"batch_size={size}"] for layers in STACKS.values() for size in (32, 48)),
    *([f"layers={layers}", "jit=false"] for layers in STACKS.values()),
    *([f"metrics={metrics}"] for metrics in ("[]", "[accuracy, {type: sparse_top_k_categorical_accuracy, k: 3}]")),
    ["loss=categorical_crossentropy", "batch_size=48"],
]


def find_first_difference(overrides: list[str], epochs: int) -> str:
    """Describe the first epoch after which weights differ; an empty text if they never do."""
    experiment = load_experiment("configs/relu_adam.yaml", ["data.dataset=digits", *overrides]).experiment
    examples = load_examples(experiment.data)
    job = prepare_job(experiment, examples, split_examples(experiment.data, examples))
    pair = Contender(job, job.plan), Contender(job, replace(job.plan, engine="keras", steps=1))
    for number in range(epochs):
        try:
            for contender in pair:
                contender.run_epoch(number)
        except Diverged as error:
            return str(error)
        for ours, theirs in zip(*(contender.get_weights() for contender in pair), strict=True):
            if not np.array_equal(ours, theirs, equal_nan=True):
                return f"differs after epoch {number + 1}, by up to {np.nanmax(np.abs(ours - theirs)):.1e}"
    return ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("epochs", type=int, nargs="?", default=15, help="epochs of each training (default: 15)")


def run(options: argparse.Namespace) -> int:
    """Train every case with both engines and print the differences."""
    differences = {" ".join(case): find_first_difference(case, options.epochs) for case in CASES}
    for name, difference in differences.items():
        print(f"{difference or 'the same':50} {name[:100]}")
    print(
        f"{sum(not difference for difference in differences.values())} of {len(differences)} the "
        f"same over {options.epochs} epochs"
    )
    return int(any(differences.values()))
