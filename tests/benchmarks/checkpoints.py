"""Measure the cost of checkpoints: epochs of relu_adam with and without checkpoints, in turn."""

import argparse
import math
import statistics
import tempfile
import time
from pathlib import Path

from dnn_cli.config.loading import load_experiment
from dnn_cli.execution.fitting import complete_training
from dnn_cli.execution.run_training import start_new_run
from dnn_cli.runs.store import Store
from dnn_cli.training import checkpoint_callback
from tests.helpers.training_runs import QuietReporter, RecordingReporter, build_cache


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("rounds", type=int, nargs="?", default=5, help="trainings of each kind (default: 5)")


def run(options: argparse.Namespace) -> int:
    """Train in turn with and without checkpoints, and print medians."""
    rounds: int = options.rounds
    loaded = load_experiment("configs/relu_adam.yaml", ["epochs=15"])
    seconds: dict[float, list[float]] = {checkpoint_callback.SECONDS_PER_CHECKPOINT_SECOND: [], math.inf: []}
    saving: dict[float, list[float]] = {checkpoint_callback.SECONDS_PER_CHECKPOINT_SECOND: [], math.inf: []}
    plain_save = checkpoint_callback.CheckpointCallback.save_checkpoint

    def timed_save(self, *arguments):
        started = time.perf_counter()
        plain_save(self, *arguments)
        saving[checkpoint_callback.SECONDS_PER_CHECKPOINT_SECOND].append(time.perf_counter() - started)

    checkpoint_callback.CheckpointCallback.save_checkpoint = timed_save
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(rounds):
            for rest_factor, epoch_seconds in seconds.items():
                checkpoint_callback.SECONDS_PER_CHECKPOINT_SECOND = rest_factor
                reporter, cache = QuietReporter(RecordingReporter()), build_cache(loaded.experiment)
                training = start_new_run(loaded, Store(Path(directory)), reporter, cache=cache)
                new_run, _ = complete_training(training)
                epoch_seconds += [row["seconds"] for row in new_run.read_metrics()[1:]]
    (often, never), (saves, _) = (
        (statistics.median(epoch_seconds) for epoch_seconds in seconds.values()),
        saving.values(),
    )
    print(f"an epoch: {often:.4f} s with checkpoints, {never:.4f} s without: {often / never - 1:+.1%}")
    print(f"a checkpoint: {1000 * statistics.median(saves):.1f} ms; {len(saves) / rounds:.0f} in 15 epochs")
    print(f"their share of the time: {sum(saves) / sum(next(iter(seconds.values()))):.1%}")
    return 0
