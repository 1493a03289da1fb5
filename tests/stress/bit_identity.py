"""Compare the weights of the chunked engine and of plain `fit` bit by bit.

The cases are all optimizers, their options, several networks and tasks. Different rounding often appears only after
many epochs. The validation scores and predictions after the last epoch are compared, too.
"""

import argparse
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.loading import load_experiment
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.data.pipeline import count_batches
from dnn_cli.training.benchmark import Contender
from dnn_cli.training.chunked_engine import build_chunk_predictor, build_dataset
from dnn_cli.training.stop_request import Diverged
from dnn_cli.training.training_job import prepare_job
from tests.helpers.validation_scores import compute_validation_scores

OUTPUT_LAYER = "{type: Dense, units: 10, activation: softmax}"
IMAGE = "{type: Reshape, target_shape: [8, 8, 1]}"
STACKS = {
    "normalised": f"[Flatten, {{type: Dense, units: 60}}, BatchNormalization, LayerNormalization, {OUTPUT_LAYER}]",
    "dropout": f"[Flatten, {{type: Dense, units: 60, activation: relu}}, {{type: Dropout, rate: 0.3}}, {OUTPUT_LAYER}]",
    "noise": f"[Flatten, {{type: GaussianNoise, stddev: 0.1}}, {{type: Dropout, rate: 0.3}}, {OUTPUT_LAYER}]",
    "rescaled": f"[{{type: Rescaling, scale: 0.5}}, Flatten, {OUTPUT_LAYER}]",
    "pooling": f"[{IMAGE}, MaxPooling2D, Flatten, {OUTPUT_LAYER}]",
    "channels": "[{type: Reshape, target_shape: [8, 4, 2]}, MaxPooling2D, {type: AveragePooling2D, pool_size: 2}, "
    f"GlobalAveragePooling2D, {OUTPUT_LAYER}]",
    "convolution": f"[{IMAGE}, {{type: Conv2D, filters: 3, kernel_size: 3, padding: same}}, MaxPooling2D, Flatten, "
    f"{OUTPUT_LAYER}]",
    "deep": f"[Flatten, {', '.join(['{type: Dense, units: 40, activation: gelu}'] * 5)}, {OUTPUT_LAYER}]",
}
AUGMENTED = (
    f"layers=[{IMAGE}, RandomFlip, {{type: RandomRotation, factor: 0.1}}, {{type: RandomTranslation, "
    "height_factor: 0.1, width_factor: 0.2}, {type: RandomZoom, height_factor: 0.2}, Flatten, "
    f"{OUTPUT_LAYER}]"
)
OPTIONS = [
    [AUGMENTED],
    [f"layers=[Flatten, {{type: Dense, units: 1}}, {OUTPUT_LAYER}]"],
    ["optimizer={type: sgd, learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}}"],
    ["optimizer={type: adam, global_clipnorm: 0.1}"],
    ["optimizer={type: adam, use_ema: true, ema_momentum: 0.5}"],
    ["optimizer={type: adam, gradient_accumulation_steps: 2}"],
    ["layers.hidden.kernel_regularizer=l2", "layers.hidden.activity_regularizer=l1"],
    ["layers.hidden.kernel_constraint={type: max_norm, max_value: 0.5}"],
    ["class_weight=balanced", "data.standardize=true"],
    ["mixed_precision=true", "jit=false"],
    ["batch_size=5000"],
]
SOFTMAX = "layers=[{type: Dense, units: 3, activation: softmax}]"
TASKS = [
    ["data={dataset: wine, standardize: true}", SOFTMAX, "class_weight={class_0: 3, 1: 0}"],
    ["data={dataset: iris}", SOFTMAX, "loss=categorical_crossentropy", "metrics=[f1_score, auc]"],
    ["data={dataset: diabetes, standardize: true}", "layers=[{type: Dense, units: 1}]", "loss=huber",
     "metrics=[mae, mse, root_mean_squared_error, mape, msle, r2_score]"],
    ["data={dataset: diabetes, standardize: true, standardize_target: true}", "loss=mse", "metrics=[mae, r2_score]",
     "layers=[{type: Dense, units: 30, activation: relu}, {type: Dense, units: 1}]"],
    ["data={dataset: breast_cancer, standardize: true}", "layers=[{type: Dense, units: 1, activation: sigmoid}]",
     "loss=binary_crossentropy", "metrics=[accuracy, auc, precision, recall]", "class_weight=balanced"],
]  # fmt: skip
CASES = [
    *([f"optimizer={name}", f"batch_size={size}"] for name in CLASSES_BY_KIND["optimizer"] for size in (32, 48)),
    *([f"layers={layers}", f"batch_size={size}"] for layers in STACKS.values() for size in (32, 48)),
    *([f"layers={layers}", f"jit={jit}"] for layers in STACKS.values() for jit in ("true", "false")),
    *([f"metrics={metrics}"] for metrics in ("[]", "[accuracy, {type: sparse_top_k_categorical_accuracy, k: 3}]")),
    ["loss=categorical_crossentropy", "batch_size=48"],
    *OPTIONS,
    *TASKS,
]


def compute_validation_outputs(contender: Contender) -> NDArray[np.float32]:
    """Compute the outputs for all validation examples."""
    job, pipeline, plan = contender.job, contender.pipeline, contender.plan
    validation = build_dataset(pipeline, plan, pipeline.build_fixed_order(job.split.validation))
    if plan.engine == "chunked":
        return build_chunk_predictor(contender.model, pipeline, plan)(validation)
    steps = count_batches(len(job.split.validation), job.experiment.batch_size)
    return np.asarray(contender.model.predict(validation, steps=steps, verbose=0))


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
    our_scores, their_scores = map(compute_validation_scores, pair)
    if our_scores != their_scores:
        return f"validation scores differ: {our_scores} and {their_scores}"
    our_outputs, their_outputs = map(compute_validation_outputs, pair)
    return "" if np.array_equal(our_outputs, their_outputs) else "predictions differ"


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
