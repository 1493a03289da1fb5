"""What checkpoints cost: epochs of relu_adam with and without them, in turn in one process.

python -m tests.measure_checkpoints [ROUNDS]
"""

import math
import statistics
import sys
import tempfile
import time
from pathlib import Path

from dnn_cli.config.loading import load_experiment, to_yaml
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.runs.store import Store
from dnn_cli.training import checkpoint_callback
from dnn_cli.training.train import build_initial_record, train_model
from dnn_cli.training.training_job import prepare_job
from tests.training.conftest import RecordingReporter


def measure_epochs(rounds: int) -> None:
    """Train in turn with and without, and print medians."""
    experiment = load_experiment("configs/relu_adam.yaml", ["epochs=15"]).experiment
    examples = load_examples(experiment.data)
    job = prepare_job(experiment, examples, split_examples(experiment.data, examples))
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
                with Store(Path(directory)).create_run("x", to_yaml(experiment), build_initial_record(job)) as run:
                    train_model(job, run, RecordingReporter())
                epoch_seconds += [row["seconds"] for row in run.read_metrics()[1:]]
    (often, never), (saves, _) = (
        (statistics.median(epoch_seconds) for epoch_seconds in seconds.values()),
        saving.values(),
    )
    print(f"an epoch: {often:.4f} s with checkpoints, {never:.4f} s without: {often / never - 1:+.1%}")
    print(f"a checkpoint: {1000 * statistics.median(saves):.1f} ms; {len(saves) / rounds:.0f} in 15 epochs")
    print(f"their share of the time: {sum(saves) / sum(next(iter(seconds.values()))):.1%}")


if __name__ == "__main__":
    measure_epochs(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
