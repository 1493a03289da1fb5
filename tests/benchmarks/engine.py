"""Check after an upgrade of TensorFlow that the engine is five times as fast as plain `fit`.

XLA runs the training loop of the engine. Some versions of XLA's runtime run such loops many times slower on a CPU
(https://github.com/jax-ml/jax/issues/25190). The engine and `fit` train `relu_adam` in one process, one epoch each in
turn. The exit code is 1 if the ratio of their fastest epochs is below the limit, or if their weights differ.
"""

import argparse

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.training.benchmark import ENGINE, KERAS_FIT, run_benchmark
from dnn_cli.training.environment import list_environment_variables, read_versions
from dnn_cli.training.training_job import prepare_job

_CONFIG = "configs/relu_adam.yaml"
_MIN_RATIO = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("repeats", type=int, nargs="?", default=5, help="measured epochs of each (default: 5)")
    parser.add_argument(
        "--min-ratio", type=float, default=_MIN_RATIO, help=f"smallest accepted ratio (default: {_MIN_RATIO:g})"
    )


def run(options: argparse.Namespace) -> int:
    """Train with the engine and with plain `fit` in turn, and print the ratio and the problems."""
    experiment = load_experiment(_CONFIG).experiment
    examples = load_examples(experiment.data)
    job = prepare_job(experiment, examples, split_examples(experiment.data, examples))
    benchmark = run_benchmark(job, options.repeats, lambda _: None)
    versions = read_versions()
    print(f"tensorflow {versions['tensorflow']}, keras {versions['keras']}, {benchmark.machine}")
    print(f"flags: {list_environment_variables() or 'none'}")
    for name in (ENGINE, KERAS_FIT):
        print(f"{name:20} {', '.join(f'{seconds:.3f}' for seconds in benchmark.seconds[name])} s an epoch")
    # Other programs can slow single epochs of the machine several times. The fastest epochs are those of the programs.
    ratio = min(benchmark.seconds[KERAS_FIT]) / min(benchmark.seconds[ENGINE])
    print(f"the engine is {ratio:.1f} times as fast as plain fit; required: {options.min_ratio:g} times")
    if ratio < options.min_ratio:
        print(
            "FAILED: the engine is too slow. Repeat this check on an idle machine. If it fails again, keep the earlier "
            "version of TensorFlow, or compare the flags with those of an earlier run.json."
        )
        return 1
    if not benchmark.bit_identical:
        print(f"FAILED: the weights of the engine differ from those of {benchmark.compared_with}.")
        return 1
    print("passed: the weights have the same bits")
    return 0
