"""What checkpoints cost: epochs of relu_adam with and without them, in turn in one process.

python -m tests.measure_checkpoints [ROUNDS]
"""

import math
import statistics
import sys
import tempfile
import time
from pathlib import Path

from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.runs.store import Store
from dnn_cli.spec.load import load, to_yaml
from dnn_cli.training import checkpoints
from dnn_cli.training.job import prepare
from dnn_cli.training.train import first_record, train
from tests.training.conftest import Silent


def measure(rounds: int) -> None:
    """Train in turn with and without, and print medians."""
    experiment = load("configs/relu_adam.yaml", ["epochs=15"]).experiment
    examples = load_examples(experiment.data)
    job = prepare(experiment, examples, split_examples(experiment.data, examples))
    seconds: dict[float, list[float]] = {checkpoints.REST: [], math.inf: []}
    saving: dict[float, list[float]] = {checkpoints.REST: [], math.inf: []}
    plain_save = checkpoints.KeepCheckpoints.save

    def timed_save(self, *arguments):
        begun = time.perf_counter()
        plain_save(self, *arguments)
        saving[checkpoints.REST].append(time.perf_counter() - begun)

    checkpoints.KeepCheckpoints.save = timed_save
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for rest, found in seconds.items():
                checkpoints.REST = rest
                with Store(Path(folder)).new_run("x", to_yaml(experiment), first_record(job)) as run:
                    train(job, run, Silent())
                found += [row["seconds"] for row in run.read_metrics()[1:]]
    (often, never), (saves, _) = (statistics.median(found) for found in seconds.values()), saving.values()
    print(f"an epoch: {often:.4f} s with checkpoints, {never:.4f} s without: {often / never - 1:+.1%}")
    print(f"a checkpoint: {1000 * statistics.median(saves):.1f} ms; {len(saves) / rounds:.0f} in 15 epochs")
    print(f"their share of the time: {sum(saves) / sum(next(iter(seconds.values()))):.1%}")


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
