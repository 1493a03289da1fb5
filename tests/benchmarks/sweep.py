"""Compare a sweep with one worker, a sweep with two workers, and plain Keras.

The sweep has four optimizers, three seeds and five epochs of relu_adam. Plain Keras is one process that builds,
compiles, fits and saves every network.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dnn_cli.runs.store import Store
from tests.helpers.settings import ROOT

OPTIMIZERS, SEEDS = ("sgd", "rmsprop", "adagrad", "adam"), (1, 2, 3)
WORDS = [f"optimizer={','.join(OPTIMIZERS)}", f"seed={SEEDS[0]}..{SEEDS[-1]}", "epochs=5"]

PLAIN_KERAS_SCRIPT = """
import sys
import keras
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.config.loading import load_experiment
loaded = load_experiment(sys.argv[1]).experiment
examples = load_examples(loaded.data)
split = split_examples(loaded.data, examples)
x, y = examples.inputs.astype("float32") / 255, examples.targets
for optimizer in sys.argv[2].split(","):
    for seed in sys.argv[3].split(","):
        keras.utils.set_random_seed(int(seed))
        model = keras.Sequential([
            keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(100, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ])
        model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x[split.train], y[split.train], validation_data=(x[split.validation], y[split.validation]),
                  epochs=5, verbose=0)
        model.save(sys.argv[4])
"""


def time_command(words: list[str], directory: Path) -> float:
    """Run a command and return its seconds."""
    started = time.monotonic()
    subprocess.run(words, cwd=directory, check=True, capture_output=True)
    return time.monotonic() - started


def measure_sweep(directory: Path, jobs: int) -> None:
    """Run a sweep into a new directory, and print its time and the time of its runs beyond their epochs."""
    config = str(ROOT / "configs" / "relu_adam.yaml")
    runs = directory / f"with-{jobs}"
    words = [sys.executable, "-m", "dnn_cli", "sweep", config, *WORDS, "-j", str(jobs), "--runs-dir", str(runs)]
    elapsed = time_command(words, directory)
    beyond = sorted(
        run_info.record.seconds - sum(row["seconds"] for row in run_info.run.read_metrics())
        for run_info in Store(runs).list_runs()
        if run_info.record and run_info.record.seconds
    )
    firsts = sorted(run_info.run.read_metrics()[0]["seconds"] for run_info in Store(runs).list_runs())
    print(
        f"dnn sweep -j {jobs}: {elapsed:.1f} s; beyond the epochs of a run {statistics.median(beyond):.2f} s",
        flush=True,
    )
    print(f"  first epochs {firsts[0]:.2f} to {firsts[-1]:.2f} s, median {statistics.median(firsts):.2f} s", flush=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--textbook", action="store_true", help="also run the textbook script three times")


def run(options: argparse.Namespace) -> int:
    """Run the sweeps and the programs in turn, and print their times."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        for jobs in (2, 1, 2, 1):
            measure_sweep(directory, jobs)
            subprocess.run(["rm", "-r", directory / f"with-{jobs}"], check=True)
        (directory / "plain.py").write_text(PLAIN_KERAS_SCRIPT)
        config = str(ROOT / "configs" / "relu_adam.yaml")
        seeds = ",".join(map(str, SEEDS))
        plain = [sys.executable, "plain.py", config, ",".join(OPTIMIZERS), seeds, str(directory / "x.keras")]
        print(f"plain fit in one process: {time_command(plain, directory):.1f} s", flush=True)
        if options.textbook:
            script = [sys.executable, "-m", "tests.benchmarks.peer_programs.textbook"]
            each = [time_command(script, ROOT) for _ in SEEDS]
            print(f"textbook script: {statistics.median(each):.1f} s a run", flush=True)
    return 0
