"""Compare runs in a worker that reuses compiled models with runs of `dnn train`.

The cases are all shipped configs and all optimizers. The worker first trains another seed, so that each compared run
reuses the model of another run. Digests of weights, scores and predictions are compared.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store

SMALL_DATA = "data.validation_size=0.9"
"""Override that leaves few examples for the training, so that a training of a large network is short."""

_Result = tuple[str, str | None, str, bytes]


def run_dnn(runs_dir: Path, *arguments: str) -> None:
    """Run a command of `dnn` in a new process. The command fails if a training diverges."""
    command = [sys.executable, "-m", "dnn_cli", *arguments, "--runs-dir", str(runs_dir)]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def read_result(run: Run) -> _Result:
    """Read the status, the digest of the weights, the scores of each epoch, and the predictions of a run."""
    record = run.read_record()
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in run.read_metrics()]
    outputs = np.load(run.predictions)["outputs"].tobytes() if run.predictions.exists() else b""
    return record.status, record.results.weights, str(rows), outputs


def read_results(runs_dir: Path) -> dict[str, _Result]:
    """Read the results of all runs with seed 1, by outcome digest."""
    results = {}
    for run_info in Store(runs_dir).with_details(Store(runs_dir).list_runs()):
        if run_info.config["seed"] == 1:
            results[run_info.run.read_record().experiment] = read_result(run_info.run)
    return results


def compare_case(config: str, overrides: Sequence[str], variants: Sequence[str]) -> tuple[int, int]:
    """Train the variants of a config in one worker and alone; return the numbers of equal and of different runs."""
    with tempfile.TemporaryDirectory(prefix="dnn-reused-") as directory:
        together, alone = Path(directory, "together"), Path(directory, "alone")
        optimizers = [f"optimizer={','.join(variants)}"] if variants else []
        run_dnn(together, "sweep", config, *overrides, *optimizers, "seed=2,1", "-j", "1")
        for variant in variants or [""]:
            run_dnn(alone, "train", config, *overrides, *([f"optimizer={variant}"] if variant else []), "seed=1")
        ours, theirs = read_results(together), read_results(alone)
    equal = sum(ours.get(digest) == result for digest, result in theirs.items())
    return equal, (len(variants) or 1) - equal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("epochs", type=int, nargs="?", default=2, help="epochs of each training (default: 2)")


def run(options: argparse.Namespace) -> int:
    """Compare every case and print the differences."""
    epochs = f"epochs={options.epochs}"
    cases: list[tuple[str, list[str], list[str]]] = [
        ("configs/relu_adam.yaml", ["data.dataset=digits", epochs], list(CLASSES_BY_KIND["optimizer"])),
        *((str(path), [SMALL_DATA, epochs], []) for path in sorted(Path("configs").glob("*.yaml"))),
    ]
    difference_count = 0
    for config, overrides, variants in cases:
        equal, different = compare_case(config, overrides, variants)
        difference_count += different
        print(f"{equal} equal, {different} different  {config}, {len(variants) or 1} optimizers", flush=True)
    return int(difference_count > 0)
